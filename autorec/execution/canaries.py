"""The self-test of a tier: attacks that must fail, each beside the like that must work.

One sandbox runs `sandbox/canary/` like any candidate. What only the outside can see is looked at from the outside:
that the listener it must not reach can be reached, the kernel's uid of a process inside, and that a daemon which
left its session and ignores SIGTERM was there, and is gone after the kill.
"""

import json
import secrets
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from autorec.assets import assets
from autorec.domain.candidate import Candidate
from autorec.domain.job import Job, JobKind, Limits, Outcome, Snapshot
from autorec.ports import Executor

CANARIES = ("network", "host files", "environment", "read-only", "not root", "kill")
LIMITS = Limits(training_s=10.0, wall_s=30.0, grace_s=0.2)  # seconds of training only where the machine is busy
FOLDER_MODE, FILE_MODE = 0o755, 0o644


def fly(executor: Executor) -> tuple[dict[str, bool], str]:
    """Which canaries held, and what the sandbox said. Takes about two seconds. Raises IsolationError."""
    token = f"autorec-canary-{secrets.token_hex(8)}"
    seen_uids: list[int] = []

    def look_inside(_: Snapshot) -> bool:
        seen_uids.extend(uids_of(token))
        return True

    with tempfile.TemporaryDirectory() as name, socket.create_server(("127.0.0.1", 0)) as listener:
        folder = Path(name).resolve()
        secret = folder / "secret"
        secret.write_text("not for candidates", encoding="utf-8")
        host = told(folder, listener.getsockname()[1], secret, token)
        write_bundle(folder)
        open_to_all(folder)
        outcome = executor.run(_job(folder, host), look_inside)
        reachable = _can_connect(listener)
    held = {name: all(pair) for name, pair in _reported(outcome).items()}
    report = {
        **{name: held.get(name, False) for name in CANARIES},
        "network": held.get("network", False) and reachable,
        "not root": held.get("not root", False) and bool(seen_uids) and 0 not in seen_uids,
        "kill": bool(seen_uids) and not uids_of(token),
    }
    return report, f"{outcome.reason}\n{outcome.log}".strip()


def told(folder: Path, port: int, secret: Path, token: str) -> dict[str, object]:
    """What the canaries are told: what to try, and where their data may lie, behind walls and without."""
    given = {part: [f"/{part}", str(folder / part)] for part in ("data", "query")}
    return {"port": port, "secret": str(secret), "token": token, **given}


def _job(folder: Path, host: Mapping[str, object]) -> Job:
    sources = {
        file.name: file.read_text(encoding="utf-8") for file in sorted((assets("sandbox") / "canary").glob("*.py"))
    }
    return Job(
        kind=JobKind.TRAIN,
        candidate=Candidate.of({**sources, "host.json": json.dumps(host)}),
        data_dir=str(folder / "data"),
        query_dir=str(folder / "query"),
        seed=0,
        limits=LIMITS,
    )


def _reported(outcome: Outcome) -> dict[str, list[bool]]:
    for line in outcome.log.splitlines():
        if line.startswith("canaries "):
            findings: dict[str, list[bool]] = json.loads(line.removeprefix("canaries "))
            return findings
    return {}


def _can_connect(listener: socket.socket) -> bool:
    try:
        socket.create_connection(listener.getsockname(), timeout=1).close()
    except OSError:
        return False
    return True


def uids_of(token: str) -> list[int]:
    """Kernel uids (as this process sees them) of all processes with the token among their arguments."""
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            if token.encode() in (process / "cmdline").read_bytes():
                found.append(int((process / "status").read_bytes().partition(b"\nUid:")[2].split()[0]))
        except OSError:
            continue
    return found


def write_bundle(folder: Path) -> None:
    """The smallest bundle and query: one user, who has seen one of three items."""
    meta = {"kind": "log", "n_users": 1, "n_items": 3, "n_interactions": 1, "features": []}
    meta |= {"has_timestamps": False, "has_values": False}
    for part in ("data", "query"):
        (folder / part).mkdir()
        np.save(folder / part / "indptr.npy", np.array([0, 1], dtype=np.int64))
        np.save(folder / part / "users.npy", np.array([0], dtype=np.int32))
        np.save(folder / part / "items.npy", np.array([1], dtype=np.int32))
    (folder / "data" / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
    (folder / "query" / "meta.json").write_text(json.dumps({"answer": "lists", "k": 2}), encoding="utf-8")


def open_to_all(folder: Path) -> None:
    """So that it is the sandbox, not a file mode, that keeps the secret."""
    folder.chmod(FOLDER_MODE)
    for path in folder.rglob("*"):
        path.chmod(FOLDER_MODE if path.is_dir() else FILE_MODE)
