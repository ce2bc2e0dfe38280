"""The tier for those who have a container engine and want it: docker or podman, with nothing of the network.

The image is empty (`sandbox/Dockerfile`): the machine's programs, interpreter and packages are mounted read-only, as
bubblewrap does, so that a candidate runs on the same code in every tier.
"""

import os
import secrets
import select
import shutil
import signal
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from autorec.domain.errors import IsolationError
from autorec.execution.filters import require_filter
from autorec.execution.ground import Ground
from autorec.execution.hold import send
from autorec.execution.mounts import Identity, Interpreter, mounted, ours, runner_arguments
from autorec.execution.process import Sandbox
from autorec.execution.uids import free_uid, require_open
from autorec.scratch import drop_scratch, make_scratch

ENGINES = ("podman", "docker")
IMAGE = "autorec-sandbox"
ANSWER_WITHIN_S = 20
THREADS_OF_THE_RUNNER = 8
PASSED_ON = ("PATH", "HOME", "XDG_RUNTIME_DIR", "DOCKER_HOST", "CONTAINERS_CONF", "CONTAINER_HOST")
"""What the engine's client may need to know; nothing of it gets into the container."""


class Container:
    """Implements `ground.Tier`. As root, the processes run under a uid of their own, else under the user's.

    Podman puts a user's into a user namespace, where the kernel counts them apart. Docker's share the uid with all else
    that the user runs, so there no limit for a uid is set: the engine has to limit the container.
    """

    name = "container"

    def __init__(self, interpreter: Interpreter | None = None) -> None:
        """Raises IsolationError where no engine has the image."""
        require_filter("walled")
        self._engine = find_engine()
        self._interpreter = interpreter or Interpreter.current()
        if shares_uid(self._engine, as_root=os.getuid() == 0):
            require_limit_of_processes(self._engine)

    def start(self, ground: Ground) -> Sandbox:
        """See `ground.Tier`. Raises IsolationError."""
        identity = Identity(drop_to=free_uid() if os.getuid() == 0 else None)
        if identity.drop_to is not None:
            require_open((ground.data_dir, ground.query_dir), mounted=True)
        folder, lock = make_scratch()
        name = f"autorec-{secrets.token_hex(8)}"
        command = container_command(
            engine=self._engine,
            name=name,
            folder=folder,
            interpreter=self._interpreter,
            identity=identity,
            ground=ground,
        )
        usher = [str(self._interpreter.executable), "-I", "-B", "-S", str(ours() / "usher.py")]
        return Sandbox(
            [*usher, str(folder), str(self._engine), name, *command],
            partial(Contained, folder, (str(self._engine), "kill", name)),
            partial(drop_scratch, folder, lock),
            environment={key: os.environ[key] for key in PASSED_ON if key in os.environ},
        )


class Contained:
    """The first process of a container: the kernel kills the others when it dies. See `hold.Hold`."""

    def __init__(self, folder: Path, stop: tuple[str, ...], pid: int, handle: int) -> None:
        self._number = folder / "pid"
        self._stop = stop
        self._handle = handle
        self._first: int | None = None
        self.root = pid

    def take(self) -> bool:
        """Also where to look from now on: the container is no child of what was started."""
        try:
            self.root = int(self._number.read_text(encoding="utf-8"))
            self._first = os.pidfd_open(self.root)
        except (OSError, ValueError):
            return False
        return True

    def kill(self) -> None:
        if self._first is None:
            send(self._handle, signal.SIGTERM)
            return
        try:
            send(self._first, signal.SIGKILL)
        except PermissionError:  # the engine runs it as somebody else
            subprocess.run(self._stop, capture_output=True, check=False, timeout=ANSWER_WITHIN_S)

    def gone(self, within_s: float) -> bool:
        if self._first is None:
            return True
        self.kill()
        return bool(select.select([self._first], [], [], within_s)[0])

    def close(self) -> None:
        if self._first is not None:
            os.close(self._first)
            self._first = None


def find_engine() -> Path:
    """The first of podman and docker that answers and has the image. Raises IsolationError."""
    found = [Path(path) for path in map(shutil.which, ENGINES) if path is not None]
    for engine in found:
        if _answers([str(engine), "image", "inspect", IMAGE]):
            return engine
    if not found:
        raise IsolationError("there is no podman and no docker on PATH", fix="sudo apt-get install podman")
    working = next((engine for engine in found if _answers([str(engine), "info"])), None)
    if working is None:
        raise IsolationError(
            f"{found[0]} is there, but does not answer", fix=f"start its service, and see what `{found[0]} info` says"
        )
    raise IsolationError(f"{working} has no image {IMAGE}", fix=f"{working} build -t {IMAGE} {ours()}")


def shares_uid(engine: Path, *, as_root: bool) -> bool:
    """Whether the kernel counts processes of the container together with others of the user's."""
    return engine.name == "docker" and not as_root


def require_limit_of_processes(docker: Path, within_s: float = ANSWER_WITHIN_S) -> None:
    """Raises IsolationError where docker would leave out the limit on a container's processes, with a mere warning, and
    where it does not say so in time.
    """
    info = [str(docker), "info", "--format", "{{.PidsLimit}}"]
    try:
        told = subprocess.run(info, capture_output=True, text=True, check=False, timeout=within_s)
    except subprocess.TimeoutExpired:
        raise IsolationError(
            f"{docker} said nothing within {within_s:g} s", fix=f"start its service, and see what `{docker} info` says"
        ) from None
    said = told.stdout.strip()
    if said != "true":
        raise IsolationError(
            f"{docker} cannot limit the processes of a container here: its service has no pids cgroup",
            fix="give the service the pids controller (rootless docker: cgroup v2, delegated), use podman, or search "
            "as root",
        )


def _answers(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=ANSWER_WITHIN_S).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def container_command(
    *, engine: Path, name: str, folder: Path, interpreter: Interpreter, identity: Identity, ground: Ground
) -> list[str]:
    """What starts the container; its first process is the runner."""
    uid, gid = (identity.drop_to,) * 2 if identity.drop_to is not None else (os.getuid(), os.getgid())
    shared = shares_uid(engine, as_root=identity.builds_as_root)
    walls = "container-as-user" if shared else "container"
    runner = runner_arguments(walls, interpreter, ground, job=Path("/job"), data=Path("/data"), query=Path("/query"))
    return [
        *(str(engine), "run", "--rm", "--name", name, "--pull=never", "--log-driver=none"),
        *("--network=none", "--ipc=private", "--read-only", "--cap-drop=ALL", f"--user={uid}:{gid}"),
        *("--security-opt=no-new-privileges", "--security-opt=label=disable"),
        *_limits(ground, shared),
        *(_for_podman(identity) if engine.name == "podman" else ()),
        *_folder_in_memory(engine.name, ground, uid),
        *_mounts(interpreter, ground, folder),
        *("--workdir=/", "--entrypoint", runner[0], IMAGE, *runner[1:], "--usher", "/control"),
    ]


def _limits(ground: Ground, shared: bool) -> Iterator[str]:
    """For the whole container, by the kernel; files in memory count as memory."""
    memory = ground.memory_bytes + 2 * ground.disk_bytes
    processes = ground.processes + THREADS_OF_THE_RUNNER
    yield from (f"--memory={memory}", f"--memory-swap={memory}", f"--pids-limit={processes}")
    yield from ("--ulimit=nofile=1024:1024", "--ulimit=core=0:0")
    if not shared:
        yield f"--ulimit=nproc={processes}:{processes}"


def _for_podman(identity: Identity) -> Iterator[str]:
    yield "--read-only-tmpfs=false"
    if identity.drop_to is None:
        yield "--userns=keep-id"


def _folder_in_memory(engine: str, ground: Ground, uid: int) -> Iterator[str]:
    """Docker bounds the number of files too; podman cannot, there the runner mounts its own over it.

    The owner is named, as some versions of runc give the folder the mode of what it covers.
    """
    yield f"--shm-size={ground.disk_bytes}"
    if engine == "docker":
        yield f"--tmpfs=/job:rw,nosuid,nodev,size={ground.disk_bytes},nr_inodes={ground.inodes},uid={uid},mode=1777"
    else:
        yield f"--mount=type=tmpfs,destination=/job,tmpfs-size={ground.disk_bytes},tmpfs-mode=1777"


def _mounts(interpreter: Interpreter, ground: Ground, folder: Path) -> Iterator[str]:
    for path in mounted(interpreter):
        yield f"--mount=type=bind,source={path},destination={path},readonly"
    for site in interpreter.site:
        if (site / "autorec").is_dir():
            yield f"--mount=type=tmpfs,destination={site / 'autorec'},tmpfs-size=65536"
    for source, inside in ((ours(), ours()), (ground.data_dir, "/data"), (ground.query_dir, "/query")):
        yield f"--mount=type=bind,source={source},destination={inside},readonly"
    yield f"--mount=type=bind,source={folder / 'control'},destination=/control"
