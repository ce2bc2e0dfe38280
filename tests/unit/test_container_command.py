"""How a container is started, by podman and by docker, and what is said where that cannot be."""

import os
from pathlib import Path

import pytest

from autorec.domain.errors import IsolationError
from autorec.execution.container import container_command, find_engine, require_limit_of_processes
from autorec.execution.ground import Ground
from autorec.execution.mounts import Identity, Interpreter

SITE = Path("/opt/venv/lib/python3.11/site-packages")
PYTHON = Interpreter(executable=Path("/usr/bin/python3.11"), base=Path("/usr"), site=(SITE,))


def command(engine: str, uid: int | None = 64_901) -> list[str]:
    ground = Ground(
        data_dir=Path("/runs/r/data"), query_dir=Path("/runs/r/query"), disk_bytes=1000, inodes=77,
        memory_bytes=5000, processes=30,
    )  # fmt: skip
    return container_command(
        engine=Path(f"/usr/bin/{engine}"), name="autorec-x", folder=Path("/tmp/f"), interpreter=PYTHON,
        identity=Identity(drop_to=uid), ground=ground,
    )  # fmt: skip


@pytest.mark.parametrize("engine", ["podman", "docker"])
def test_everything_that_can_be_taken_away_is(engine: str) -> None:
    made = command(engine)
    assert {"--network=none", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"} <= set(made)
    assert {"--ipc=private", "--user=64901:64901", "--rm", "--pull=never"} <= set(made)
    assert {"--memory=7000", "--memory-swap=7000", "--pids-limit=38", "--shm-size=1000"} <= set(made)
    assert not {"--privileged", "--pid=host", "--env", "-e"} & set(made)
    writable = [
        argument for argument in made if argument.startswith("--mount=type=bind") and ",readonly" not in argument
    ]
    assert writable == ["--mount=type=bind,source=/tmp/f/control,destination=/control"]


def test_each_engine_bounds_the_folder_in_the_way_that_it_knows() -> None:
    docker, podman = command("docker"), command("podman")
    assert "--tmpfs=/job:rw,nosuid,nodev,size=1000,nr_inodes=77,uid=64901,mode=1777" in docker
    assert "--mount=type=tmpfs,destination=/job,tmpfs-size=1000,tmpfs-mode=1777" in podman
    assert "--read-only-tmpfs=false" in podman
    assert "--read-only-tmpfs=false" not in docker


def test_an_ordinary_user_stays_who_they_are() -> None:
    assert f"--user={os.getuid()}:{os.getgid()}" in command("podman", None)
    assert "--userns=keep-id" in command("podman", None)
    assert "--userns=keep-id" not in command("podman")


def test_processes_are_not_counted_with_all_others_of_the_user(tmp_path: Path) -> None:
    """With docker; root gives a uid of its own, and podman a user namespace."""
    assert "--ulimit=nproc=38:38" in command("docker")
    assert "--ulimit=nproc=38:38" in command("podman", None)
    shared = command("docker", None)
    assert "--pids-limit=38" in shared
    assert not [argument for argument in shared if "nproc" in argument]
    assert shared[shared.index("--walls") + 1] == "container-as-user"
    docker = an_engine(tmp_path, '[ "$1 $3" = "info {{.PidsLimit}}" ] && echo true')
    require_limit_of_processes(docker)
    an_engine(tmp_path, "echo false")
    with pytest.raises(IsolationError, match="cannot limit the processes") as caught:
        require_limit_of_processes(docker)
    assert "cgroup v2" in caught.value.fix
    an_engine(tmp_path, "exec sleep 60")
    with pytest.raises(IsolationError, match="said nothing within"):
        require_limit_of_processes(docker, within_s=0.1)


def test_the_runner_is_the_first_process_and_gets_its_socket_from_the_usher() -> None:
    made = command("podman")
    inside = made[made.index("autorec-sandbox") :]
    assert made[made.index("--entrypoint") + 1] == "/usr/bin/python3.11"
    assert inside[inside.index("--walls") + 1] == "container"
    assert inside[inside.index("--usher") + 1] == "/control"


def an_engine(folder: Path, script: str) -> Path:
    engine = folder / "podman"
    engine.write_text(f"#!/bin/sh\n{script}\n")
    engine.chmod(0o755)
    return engine


def test_no_engine_one_that_is_silent_and_one_without_the_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(IsolationError, match="no podman and no docker") as caught:
        find_engine()
    assert "install podman" in caught.value.fix
    an_engine(tmp_path, "exit 1")
    with pytest.raises(IsolationError, match="does not answer"):
        find_engine()
    an_engine(tmp_path, '[ "$1" = info ]')
    with pytest.raises(IsolationError, match="has no image autorec-sandbox") as caught:
        find_engine()
    assert "podman build -t autorec-sandbox" in caught.value.fix
    engine = an_engine(tmp_path, "exit 0")
    assert find_engine() == engine
