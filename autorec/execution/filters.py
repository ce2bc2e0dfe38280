"""Whether the system call filter that a tier needs was made for this machine; the sandbox itself loads it."""

import os

from autorec.assets import assets
from autorec.domain.errors import IsolationError


def require_filter(kind: str, machine: str | None = None) -> None:
    """Raises IsolationError where there is none of this kind (`walled`, `unwalled`) for the architecture."""
    folder = assets("sandbox") / "filters"
    machine = machine or os.uname().machine
    if not (folder / f"{machine}-{kind}.bpf").is_file():
        made = sorted({file.name.partition("-")[0] for file in folder.glob(f"*-{kind}.bpf")})
        raise IsolationError(
            f"there is no system call filter for {machine}; there is one for {', '.join(made) or 'nothing'}",
            fix=f"search on {' or '.join(made) or 'x86_64'}; or, in a checkout, add {machine} to ARCHITECTURES in "
            "sandbox/filters/make.py, run it, and then tests/security",
        )
