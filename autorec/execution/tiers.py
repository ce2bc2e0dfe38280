"""Which isolation this machine can give, proven by attack before it is believed.

Strongest first: container, bwrap, landlock. A tier counts as available when all its canaries hold. `auto` takes the
strongest one; nothing is ever downgraded silently, and where nothing holds the search refuses and says what to do.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autorec.domain.errors import IsolationError, UsageError
from autorec.execution.bubblewrap import INSTALL, Bubblewrap
from autorec.execution.canaries import fly
from autorec.execution.cgroup import open_groups
from autorec.execution.executor import SandboxExecutor
from autorec.execution.ground import Tier

TIERS = ("container", "bwrap", "landlock")
NONE = "none"
NOT_BUILT = "not part of this version; use bwrap"


@dataclass(frozen=True, slots=True, kw_only=True)
class TierReport:
    """What the self-test of one tier found; `fix` says what to do where it is not available."""

    available: bool
    canaries: Mapping[str, bool] = field(default_factory=dict)
    fix: str = ""
    problem: str = ""


def probe() -> dict[str, TierReport]:
    """Test every tier on this machine; takes about two seconds."""
    _, report = _try_bwrap()
    unbuilt = TierReport(available=False, fix=NOT_BUILT, problem="not built yet")
    return {"container": unbuilt, "bwrap": report, "landlock": unbuilt}


def verdict(reports: Mapping[str, TierReport]) -> str:
    """The strongest tier available, or `none`."""
    return next((tier for tier in TIERS if tier in reports and reports[tier].available), NONE)


def open_executor(min_tier: str = "auto", *, spares: int = 0) -> SandboxExecutor:
    """An executor of the strongest tier that passes its self-test, at least `min_tier`, with so many warm spares.

    Raises IsolationError with the fix where there is none, UsageError where `min_tier` is no tier.
    """
    if min_tier not in ("auto", *TIERS):
        raise UsageError(f"isolation.min is {min_tier!r}; expected auto, {', '.join(TIERS)}")
    if min_tier == "container":
        raise IsolationError("isolation.min is container, which is not built yet", fix='set isolation.min = "auto"')
    tier, report = _try_bwrap()
    if tier is None:
        raise IsolationError(
            f"no isolation that holds can be had on this machine: {report.problem}",
            fix=report.fix,
        )
    return SandboxExecutor(tier, spares=spares, groups=open_groups())


def _try_bwrap() -> tuple[Tier | None, TierReport]:
    """The tier when every canary held; always the report."""
    try:
        tier = Bubblewrap()
    except IsolationError as error:
        return None, TierReport(available=False, fix=error.fix, problem=str(error))
    executor = SandboxExecutor(tier)
    try:
        canaries, said = fly(executor)
    except IsolationError as error:
        return None, TierReport(available=False, fix=fix_for(str(error)), problem=str(error))
    finally:
        executor.close()
    if all(canaries.values()):
        return tier, TierReport(available=True, canaries=canaries)
    failed = ", ".join(name for name, held in canaries.items() if not held)
    problem = f"canaries that did not hold: {failed}; the sandbox said: {said}"
    return None, TierReport(available=False, canaries=canaries, fix=fix_for(said), problem=problem)


def fix_for(problem: str) -> str:
    """What to do about a sandbox that does not start, from the kernel's settings and what bubblewrap said."""
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
            "on a machine of your own, the interpreter and its packages must be readable by all: chmod -R a+rX"
        )
    return f"read what the sandbox said above; is bubblewrap whole? {INSTALL}"


def _kernel_setting(name: str) -> str:
    try:
        return (Path("/proc/sys") / name).read_text().strip()
    except OSError:
        return ""
