"""Groups of processes: what is written where, on a folder that stands for the hierarchy, and on a real one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from autorec.execution.cgroup import Group, Groups, missing_controllers


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")
    return tmp_path


@pytest.fixture
def groups(base: Path) -> Groups:
    return Groups.open(base)


def test_this_process_moves_aside_and_leaves_get_the_controllers(base: Path, groups: Groups) -> None:
    assert (groups.leaf / "cgroup.procs").read_text() == f"{os.getpid()}\n"
    assert (base / "cgroup.subtree_control").read_text() == "+memory +pids\n"


def test_a_group_limits_memory_swap_and_processes(groups: Groups) -> None:
    group = groups.around([11, 12], memory_bytes=1 << 30, processes=64)
    assert (group.folder / "memory.max").read_text() == f"{1 << 30}\n"
    assert (group.folder / "memory.swap.max").read_text() == "0\n"
    assert (group.folder / "pids.max").read_text() == "64\n"


def test_what_the_kernel_counts_is_read(tmp_path: Path) -> None:
    group = Group(folder=tmp_path)
    assert (group.cpu_s, group.out_of_memory) == (0.0, False)
    (tmp_path / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\n")
    (tmp_path / "memory.events").write_text("low 0\noom 3\noom_kill 1\n")
    assert (group.cpu_s, group.out_of_memory) == (2.5, True)


def test_a_group_without_the_controllers_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("hugetlb\n")
    assert missing_controllers(tmp_path) == ("memory", "pids")
    assert missing_controllers(tmp_path / "nowhere") == ("memory", "pids")


FORKS = """
import os, signal, sys
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.pause()
sum(i * i for i in range(3_000_000))
print("forked", flush=True)
signal.pause()
"""


def test_a_kill_reaches_every_process_and_cpu_time_is_counted(cgroups: Groups) -> None:
    process = subprocess.Popen([sys.executable, "-c", FORKS], stdout=subprocess.PIPE)
    group = cgroups.around([process.pid], memory_bytes=1 << 30, processes=64)
    assert process.stdout is not None
    assert process.stdout.readline() == b"forked\n"
    inside = [int(pid) for pid in (group.folder / "cgroup.procs").read_text().split()]
    assert group.cpu_s > 0.02
    group.kill()
    assert process.wait(5) == -signal.SIGKILL
    process.stdout.close()
    assert len(inside) == 4
    with (group.folder / "cgroup.events").open() as events:
        for _ in range(1000):
            events.seek(0)
            if "populated 0" in events.read():
                break
    group.remove()
    assert not group.folder.exists()
