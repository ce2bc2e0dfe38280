"""What this machine offers to isolation, as far as reading and asking tells: for people, nothing rests on it."""

import ctypes
import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from autorec.execution.cgroup import HOW_TO_DELEGATE, missing_controllers, own_group
from autorec.execution.landlock import landlock_version

_CLOSE_RANGE, _OPENAT2, _PIDFD_OPEN = 436, 437, 434  # the same numbers on every architecture
_NO_DESCRIPTOR = -1
ASK_WITHIN_S = 60
CUDA = "import torch; print(torch.cuda.device_count() if torch.cuda.is_available() else 0)"
Fact = str | int | bool | None


def kernel() -> Mapping[str, Fact]:
    """Version, and what the tiers rest on."""
    release = os.uname()
    return {
        "version": f"{release.sysname} {release.release} {release.machine}",
        "landlock": landlock_version(),
        "seccomp": Path("/proc/sys/kernel/seccomp/actions_avail").exists(),
        "user_namespaces": user_namespaces(),
        "openat2": has_call(_OPENAT2),
        "pidfd": has_call(_PIDFD_OPEN),
        "close_range": has_call(_CLOSE_RANGE),
    }


def user_namespaces() -> bool:
    """Whether this user may make one; asked of a process of its own, as the answer depends on more than settings."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return False
    return subprocess.run([unshare, "--user", "true"], capture_output=True, check=False).returncode == 0


def has_call(number: int) -> bool:
    """Whether the kernel has the system call; it is made with arguments that it must refuse."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall(ctypes.c_long(number), ctypes.c_long(_NO_DESCRIPTOR), ctypes.c_long(0), ctypes.c_long(_NO_DESCRIPTOR))
    return ctypes.get_errno() not in (errno.ENOSYS, errno.EPERM)


def cgroups() -> Mapping[str, Fact]:
    """Which version, and whether part of the hierarchy is ours, so that limits hold for whole trees by the kernel."""
    base = own_group()
    first = Path("/sys/fs/cgroup/memory").is_dir()
    version = {(True, True): "v1 and v2", (True, False): "v1", (False, True): "v2"}.get((first, bool(base)), "none")
    missing = missing_controllers(base) if base else ()
    writable = bool(base) and os.access(str(base / "cgroup.procs"), os.W_OK) if base else False
    delegated = bool(base) and not missing and writable
    return {
        "version": version,
        "group": str(base) if base else None,
        "missing_controllers": ", ".join(missing) if base else None,
        "delegated": delegated,
        "delegate_with": None if delegated or first else HOW_TO_DELEGATE,
    }


def apparmor() -> Mapping[str, Fact]:
    """Whether it is there, what confines this process, and whether it restricts user namespaces."""
    return {
        "enabled": _read("/sys/module/apparmor/parameters/enabled") == "Y",
        "profile": _read("/proc/self/attr/apparmor/current") or _read("/proc/self/attr/current") or None,
        "restricts_user_namespaces": _read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1",
    }


def gpu() -> Mapping[str, Fact]:
    """Devices by name, and how many torch sees; asked of other processes, so that this one never loads the driver."""
    smi = shutil.which("nvidia-smi")
    names = _said([smi, "--query-gpu=name", "--format=csv,noheader"]) if smi else ""
    present = bool(names) or Path("/dev/nvidiactl").exists()
    seen = _said([sys.executable, "-c", CUDA]) if present else "0"
    return {"names": ", ".join(names.splitlines()) or None, "seen_by_torch": int(seen) if seen.isdigit() else 0}


def _said(command: list[str]) -> str:
    """What a command printed; nothing where it failed or took too long."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ASK_WITHIN_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _read(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip("\n\0 ")
    except OSError:
        return ""
