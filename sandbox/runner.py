"""The process inside the sandbox: gets ready, takes one job, runs one candidate, and is gone.

    python -I -B -S runner.py --walls bwrap --site DIR ... --job DIR --data DIR --query DIR --disk-bytes N --inodes N

The control socket is standard input. Order: own tmpfs with a limit on files; capabilities dropped; torch imported;
*ready*; one job; the handle of the output folder goes out before any candidate code ran; descriptors closed;
environment cleared; limits; Landlock; a filter of system calls; the candidate; `os._exit`. It is used once. Which of
these steps are taken depends on the walls that were built around (`walls.py`). Exit codes: 0 done, 1 the candidate
raised, 64 it broke the contract.
"""

import argparse
import importlib
import json
import os
import socket
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

sys.path.insert(0, str(Path(__file__).resolve().parent))

import lockdown
from control import Control
from walls import WALLS

HERE = Path(__file__).resolve().parent
CONTROL_FD = 3
PRELOADED = (
    "harness",
    "torch.nn.functional",
    "torch.optim",
    "scipy.sparse",
    "safetensors.torch",
)
OPTIMIZERS = "torch._dynamo"
"""What the first optimizer imports, which takes most of a second."""
IDLE_S = 0.05
OURS = ("harness", "questions", "scores", "answers", "contract", "control", "lockdown", "walls")
CONTRACT_EXIT = 64


def main() -> NoReturn:
    arguments = _arguments()
    walls = WALLS[arguments.walls]
    if os.getuid() == 0 and walls.filter:
        sys.exit("the runner refuses to run as uid 0")
    if arguments.usher:
        _meet(arguments.usher)
    channel = _take_control()
    walls.step_back(arguments)
    _make_home(arguments.job)
    _prepare_modules(arguments.site)
    given = _prepare_data(arguments)
    control = Control(channel)
    control.send("ready")
    if not control.has_job_within(IDLE_S):
        importlib.import_module(OPTIMIZERS)
    received = control.receive_job()
    if received is None:
        os._exit(0)
    job, descriptors = received
    state = _take_job(control, job, descriptors, arguments.job)
    _prepare_optimizers(arguments.job / "candidate")
    _check_alone()
    _leave_behind(job, arguments.job)
    walls.lock_down(job, arguments)
    os._exit(_run(job, given, state, control, arguments.job))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--walls", choices=WALLS, required=True)
    parser.add_argument("--site", action="append", default=[])
    for folder in ("--job", "--data", "--query"):
        parser.add_argument(folder, type=Path, required=True)
    parser.add_argument("--usher", help="a socket where the control socket is to be had")
    parser.add_argument("--disk-bytes", type=int, required=True)
    parser.add_argument("--inodes", type=int, required=True)
    return parser.parse_args()


def _meet(address: str) -> None:
    """Let the usher hand over the control socket, to where it would have been inherited."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.connect(address)
        _, (control,), _, _ = socket.recv_fds(connection, 16, 1)
    os.dup2(control, 0)
    os.close(control)


def _take_control() -> socket.socket:
    """Move the control socket from standard input to its descriptor, and leave nothing to read there."""
    os.dup2(0, CONTROL_FD, inheritable=False)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return socket.socket(fileno=CONTROL_FD)


def _make_home(home: Path) -> None:
    """The folders of the job to come, and an environment that names them."""
    for folder in ("candidate", "out", "tmp"):
        (home / folder).mkdir()
    os.chdir(home)
    _set_environment(home, OPENBLAS_NUM_THREADS="1")  # or it starts threads at its import


def _set_environment(home: Path, **more: str) -> None:
    os.environ.clear()
    os.environ.update(HOME=str(home), TMPDIR=str(home / "tmp"), PATH="/usr/bin:/bin", LANG="C.UTF-8", **more)


def _prepare_modules(site: list[str]) -> None:
    """Import all that a candidate may use while nothing of it is here; what is ours is then off the path."""
    sys.path.extend(site)
    for name in PRELOADED:
        importlib.import_module(name)
    sys.path.remove(str(HERE))


def _prepare_data(arguments: argparse.Namespace) -> Any:
    """Open the data of all jobs to come, and what takes time the first time only, off the job's clock."""
    import harness

    given = harness.Given.open(arguments.data, arguments.query)
    harness.seed_everything(0)
    return given


def _prepare_optimizers(candidate: Path) -> None:
    """A job that was waited for has the import too where it will need it, off its clock as after an idle wait."""
    if any("optim" in file.read_text(errors="replace") for file in candidate.rglob("*.py")):
        importlib.import_module(OPTIMIZERS)


def _check_alone() -> None:
    if len(os.listdir("/proc/self/task")) != 1:  # noqa: PTH208
        sys.exit("the imports left threads behind, which the lockdown would not reach")


def _take_job(control: Control, job: dict[str, Any], descriptors: list[int], home: Path) -> bytes | None:
    """Unpack the candidate, hand out the output folder, send the log where it belongs; returns a kept state."""
    source, log, *kept = descriptors
    handle = os.open(home / "out", os.O_RDONLY | os.O_DIRECTORY)
    control.send("work", descriptors=(handle,))
    os.close(handle)
    os.dup2(log, 1)
    os.dup2(log, 2)
    for name, text in json.loads(_content(source)).items():
        file = home / "candidate" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return _content(kept[0]) if job["kind"] == "predict" and kept else None


def _content(descriptor: int) -> bytes:
    with open(descriptor, "rb") as file:
        return file.read()


def _leave_behind(job: dict[str, Any], home: Path) -> None:
    """Every descriptor but the control socket, and what imports have put into the environment."""
    lockdown.close_all_but(CONTROL_FD)
    _set_environment(home, OMP_NUM_THREADS=str(job["threads"]))


def _run(job: dict[str, Any], given: Any, state: bytes | None, control: Control, home: Path) -> int:
    """Run the candidate; whatever it does ends in an exit code and a log that its author can read."""
    import harness
    from contract import ContractError

    candidate = home / "candidate"
    folders = harness.Folders(candidate=candidate, output=home / "out")
    for name in OURS:  # so that a candidate may have a module of the same name
        sys.modules.pop(name, None)
    sys.argv = ["candidate"]
    sys.path.insert(0, str(candidate))
    try:
        harness.run_job(job, given, state=state, control=control, folders=folders)
        code = 0
    except ContractError as error:
        _say(f"{error}")
        code = CONTRACT_EXIT
    except BaseException as error:  # a candidate may raise anything, SystemExit included
        _say(readable_traceback(error, candidate))
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def _say(text: str) -> None:
    sys.stdout.flush()
    print(text, file=sys.stderr, flush=True)


def readable_traceback(error: BaseException, candidate: Path) -> str:
    """The traceback with the candidate's frames only, paths as its author knows them; the error comes last."""
    report = traceback.TracebackException.from_exception(error)
    own = [frame for frame in report.stack if frame.filename.startswith(f"{candidate}/")]
    lines = ["Traceback (frames of the candidate only):\n", *traceback.StackSummary.from_list(own).format()]
    lines += list(report.format_exception_only())
    return "".join(lines).replace(f"{candidate}/", "").rstrip()


if __name__ == "__main__":
    main()
