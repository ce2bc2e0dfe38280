"""Which isolation this machine can give, proven by attack before it is believed.

Strongest first: container, bwrap, landlock. A tier counts as available when all its canaries hold. `auto` takes bwrap,
the one tier that needs no asking: a container is a service that somebody has to want, landlock is weaker.
Nothing is ever downgraded silently, and where nothing holds the search refuses and says what to do.
"""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autorec.domain.errors import IsolationError, UsageError
from autorec.domain.job import NO_ISOLATION
from autorec.execution.bare import Bare
from autorec.execution.bubblewrap import INSTALL, Bubblewrap
from autorec.execution.canaries import fly
from autorec.execution.cgroup import open_groups
from autorec.execution.container import Container
from autorec.execution.executor import SandboxExecutor
from autorec.execution.ground import Tier
from autorec.execution.landlock import Landlock
from autorec.scratch import remove_abandoned

MAKE: Mapping[str, Callable[[], Tier]] = {"container": Container, "bwrap": Bubblewrap, "landlock": Landlock}
TIERS = tuple(MAKE)
AUTO = "auto"
ALLOWED = {AUTO: ("bwrap",), "container": ("container",), "bwrap": ("bwrap",), "landlock": ("bwrap", "landlock")}
"""What may be taken for each `isolation.min`, strongest first."""
POINTER = "run autorec doctor"
READABLE = (
    f"the interpreter, its packages and the data must be readable by all: chmod -R a+rX {sys.base_prefix} {sys.prefix}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TierReport:
    """What the self-test of one tier found; `fix` says what to do where it is not available."""

    available: bool
    canaries: Mapping[str, bool] = field(default_factory=dict)
    fix: str = ""
    problem: str = ""


def probe() -> dict[str, TierReport]:
    """Test every tier on this machine; takes about three seconds each."""
    return {name: try_tier(name)[1] for name in TIERS}


def verdict(reports: Mapping[str, TierReport], minimum: str = AUTO) -> str:
    """The tier that a search with this `isolation.min` takes, or `none` where it refuses."""
    return next((tier for tier in ALLOWED[minimum] if tier in reports and reports[tier].available), NO_ISOLATION)


def open_executor(minimum: str = AUTO, *, spares: int = 0) -> SandboxExecutor:
    """An executor of the strongest tier that passes its self-test, at least `minimum`, with so many warm spares.

    Raises IsolationError with the fix where there is none, UsageError where `minimum` is no tier.
    """
    if minimum not in ALLOWED:
        raise UsageError(f"isolation.min is {minimum!r}; expected {', '.join(ALLOWED)}")
    remove_abandoned()
    reports = {}
    for name in ALLOWED[minimum]:
        tier, reports[name] = try_tier(name)
        if tier is not None:
            return SandboxExecutor(tier, spares=spares, groups=open_groups() if name != "container" else None)
    raise refusal(reports)


def open_without_isolation(*, spares: int = 0) -> SandboxExecutor:
    """For those who ask for it by name: candidates have the rights of whoever searches; outcomes are tagged `none`."""
    remove_abandoned()
    return SandboxExecutor(Bare(), spares=spares)


def refusal(reports: Mapping[str, TierReport]) -> IsolationError:
    """No tier that was allowed holds: what is wrong with each, what to do, and what would hold if it were allowed."""
    problems = "; ".join(f"{name}: {report.problem}" for name, report in reports.items())
    fixes = " Or: ".join(report.fix for report in reports.values() if report.fix)
    if "landlock" not in reports and try_tier("landlock")[0] is not None:
        fixes += " Or: --isolation landlock, a weaker tier that holds here (docs/security.md says what it leaves open)"
    return IsolationError(f"no isolation that holds can be had on this machine: {problems}", fix=fixes)


def try_tier(name: str) -> tuple[Tier | None, TierReport]:
    """The tier when every canary held; always the report."""
    try:
        tier = MAKE[name]()
    except IsolationError as error:
        return None, TierReport(available=False, fix=error.fix, problem=str(error))
    executor = SandboxExecutor(tier)
    try:
        canaries, said = fly(executor)
    except IsolationError as error:
        return None, TierReport(available=False, fix=_fix(name, error), problem=str(error))
    finally:
        executor.close()
    if all(canaries.values()):
        return tier, TierReport(available=True, canaries=canaries)
    failed = ", ".join(name for name, held in canaries.items() if not held)
    problem = f"canaries that did not hold: {failed}; the sandbox said: {said}"
    return None, TierReport(available=False, canaries=canaries, fix=fix_for(said, name), problem=problem)


def _fix(name: str, error: IsolationError) -> str:
    """What the tier itself knows, unless it can only point here."""
    return error.fix if error.fix and error.fix != POINTER else fix_for(str(error), name)


def fix_for(problem: str, tier: str = "bwrap") -> str:
    """What to do about a sandbox that does not start, from the kernel's settings and what it said."""
    return _fix_for_bwrap(problem) if tier == "bwrap" else READABLE


def _fix_for_bwrap(problem: str) -> str:
    if _kernel_setting("kernel/apparmor_restrict_unprivileged_userns") == "1" and os.getuid() != 0:
        return (
            "AppArmor forbids unprivileged user namespaces (Ubuntu 23.10 and later): give bwrap a profile "
            "(sudo apt-get install apparmor-profiles, then sudo ln -s "
            "/usr/share/apparmor/extra-profiles/bwrap-userns-restrict /etc/apparmor.d/ and "
            "sudo systemctl reload apparmor), or allow them for all: "
            "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
        )
    if _kernel_setting("kernel/unprivileged_userns_clone") == "0" and os.getuid() != 0:
        return "sudo sysctl -w kernel.unprivileged_userns_clone=1"
    if _kernel_setting("user/max_user_namespaces") == "0":
        return "sudo sysctl -w user.max_user_namespaces=10000"
    if "not permitted" in problem or "denied" in problem:
        return (
            "in a container, start it with --security-opt seccomp=unconfined --security-opt apparmor=unconfined "
            "--security-opt systempaths=unconfined (and --cap-add SYS_ADMIN as root); "
            f"on a machine of your own, {READABLE}"
        )
    return f"read what the sandbox said above; is bubblewrap whole? {INSTALL}"


def _kernel_setting(name: str) -> str:
    try:
        return (Path("/proc/sys") / name).read_text().strip()
    except OSError:
        return ""
