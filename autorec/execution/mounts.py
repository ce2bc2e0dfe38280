"""What the inside of a bubblewrap sandbox looks like, as a command line.

Read-only: programs and libraries of /usr and of the interpreter, its site-packages, autorec's `sandbox/` folder, /data
and /query. What else lies in /usr (sources, documents, /usr/local) does not exist inside.
Writable: /job and /dev/shm, both in memory and bounded. Nothing else of the machine exists inside: no home, no
repository, no run folder, no network.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from autorec.assets import assets
from autorec.execution.ground import Ground
from autorec.execution.uids import require_open

PREFIX_FOLDERS = ("bin", "sbin", "include", "lib", "lib32", "lib64", "libexec")
"""What Python, torch and the compiler that torch may call need of a prefix: /usr, and the interpreter's own."""
SYSTEM_FOLDERS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64")
SYSTEM_FILES = ("/etc/ld.so.cache", "/sys/devices/system/cpu", "/usr/share/zoneinfo")
PROVIDED = ("/", "/proc", "/dev")
NAMESPACES = ("pid", "net", "ipc", "uts", "cgroup-try")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """The Python that runs inside: this one's base installation, with the packages that this one sees."""

    executable: Path
    base: Path
    site: tuple[Path, ...]

    @classmethod
    def current(cls) -> "Interpreter":
        executable = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
        found = (Path(entry) for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages"))
        return cls(
            executable=executable,
            base=Path(sys.base_prefix).resolve(),
            site=tuple(dict.fromkeys(path.resolve() for path in found if path.is_dir())),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the processes inside are. `drop_to` is the uid that root gives itself up for; None: stay who we are."""

    drop_to: int | None

    @property
    def builds_as_root(self) -> bool:
        return self.drop_to is not None


def sandbox_command(
    *,
    bwrap: Path,
    interpreter: Interpreter,
    identity: Identity,
    ground: Ground,
) -> list[str]:
    """The command that starts a runner; its standard input is to be the control socket. Raises IsolationError."""
    if identity.builds_as_root:
        require_open((ground.data_dir, ground.query_dir), mounted=True)
    return [
        str(bwrap),
        *_namespaces(identity),
        *_system(),
        *_read_only(_shown(interpreter)),
        *_ours(ours(), interpreter),
        *("--ro-bind", str(ground.data_dir), "/data", "--ro-bind", str(ground.query_dir), "/query"),
        *_writable(ground, identity),
        *("--remount-ro", "/dev", "--remount-ro", "/", "--"),
        *_drop_root(identity),
        *runner_arguments("bwrap", interpreter, ground, job=Path("/job"), data=Path("/data"), query=Path("/query")),
    ]


def ours() -> Path:
    """The folder of all that runs inside."""
    return assets("sandbox").resolve()


def runner_arguments(
    walls: str, interpreter: Interpreter, ground: Ground, *, job: Path, data: Path, query: Path
) -> list[str]:
    """How a runner is started behind the walls of that name; the folders are as it will see them."""
    return [
        *(str(interpreter.executable), "-I", "-B", "-S", str(ours() / "runner.py"), "--walls", walls),
        *(argument for path in interpreter.site for argument in ("--site", str(path))),
        *("--job", str(job), "--data", str(data), "--query", str(query)),
        *("--disk-bytes", str(ground.disk_bytes), "--inodes", str(ground.inodes)),
    ]


def keeper_command(interpreter: Interpreter, mark: int, command: Sequence[str]) -> list[str]:
    """The command with a keeper around it, who marks it and sees to it that no process is left."""
    return [str(interpreter.executable), "-I", "-B", "-S", str(ours() / "keeper.py"), str(mark), *command]


def mounted(interpreter: Interpreter) -> list[Path]:
    """What of the machine is shown read-only: the system's programs and libraries, the interpreter, its packages."""
    return [*(folder for folder in map(Path, SYSTEM_FOLDERS) if folder.exists()), *_shown(interpreter)]


def _shown(interpreter: Interpreter) -> list[Path]:
    """As `mounted`, but for what may be a link into /usr; none lies in another."""
    shown = [prefix / name for prefix in (Path("/usr"), interpreter.base) for name in PREFIX_FOLDERS]
    shown += [interpreter.executable, *interpreter.site, *map(Path, SYSTEM_FILES)]
    there = dict.fromkeys(path for path in shown if path.exists())
    return [path for path in there if not any(other in path.parents for other in there)]


def _namespaces(identity: Identity) -> Iterator[str]:
    if not identity.builds_as_root:
        yield "--unshare-user"
    yield from (f"--unshare-{name}" for name in NAMESPACES)
    yield from ("--die-with-parent", "--new-session", "--clearenv")
    yield from ("--setenv", "LANG", "C.UTF-8")


def _system() -> Iterator[str]:
    for folder in map(Path, SYSTEM_FOLDERS):
        if folder.is_symlink():
            yield from ("--symlink", str(folder.readlink()), str(folder))
        elif folder.is_dir():
            yield from ("--ro-bind", str(folder), str(folder))
    yield from ("--proc", "/proc", "--dev", "/dev")


def _read_only(paths: Sequence[Path]) -> Iterator[str]:
    """Bind each path where it is; ancestors are made by name, for bubblewrap would give them mode 0700."""
    made: set[Path] = set(map(Path, PROVIDED))
    for path in paths:
        for ancestor in reversed(path.parents):
            if ancestor not in made:
                made.add(ancestor)
                yield from ("--dir", str(ancestor))
        yield from ("--ro-bind", str(path), str(path))


def _ours(folder: Path, interpreter: Interpreter) -> Iterator[str]:
    """The sandbox's own code, and an empty folder over an installed autorec: the trusted side's code stays outside."""
    hidden = [site / "autorec" for site in interpreter.site if (site / "autorec").is_dir()]
    for package in hidden:
        yield from ("--tmpfs", str(package))
    yield from _read_only([folder])
    for package in hidden:
        yield from ("--remount-ro", str(package))


def _writable(ground: Ground, identity: Identity) -> Iterator[str]:
    for folder in ("/dev/shm", "/job"):
        if identity.builds_as_root:
            yield from ("--perms", "1777")
        yield from ("--size", str(ground.disk_bytes), "--tmpfs", folder)


def _drop_root(identity: Identity) -> Iterator[str]:
    if identity.drop_to is None:
        return
    yield from ("/usr/bin/setpriv", f"--reuid={identity.drop_to}", f"--regid={identity.drop_to}", "--clear-groups")
    yield from ("--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs")
