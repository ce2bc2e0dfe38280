"""The warm pool: each spare is used once, on its ground, and what dies is replaced. Here they only say ready."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from autorec.domain.errors import AutorecError, IsolationError
from autorec.execution.ground import Ground
from autorec.execution.pool import WarmPool
from autorec.execution.process import Sandbox
from autorec.testing.tiers import DIES, READY, SILENT, ScriptedTier


def eventually(condition: Callable[[], bool], within_s: float = 10.0) -> bool:
    tick = threading.Event()
    return any(condition() or tick.wait(0.05) for _ in range(int(within_s / 0.05)))


def ground(name: str) -> Ground:
    folder = Path("/") / name
    return Ground(data_dir=folder, query_dir=folder, disk_bytes=1, inodes=1, memory_bytes=1, processes=1)


HERE, THERE = ground("here"), ground("there")


@pytest.fixture
def pools() -> Iterator[list[WarmPool]]:
    made: list[WarmPool] = []
    yield made
    for pool in made:
        pool.close()


def a_pool(pools: list[WarmPool], tier: ScriptedTier, size: int = 2, ready_within_s: float = 30.0) -> WarmPool:
    pools.append(WarmPool(tier, size=size, ready_within_s=ready_within_s))
    return pools[-1]


def test_without_a_spare_one_is_started_and_each_is_used_once(pools: list[WarmPool]) -> None:
    tier = ScriptedTier(READY)
    pool = a_pool(pools, tier)
    first, second = pool.take(HERE), pool.take(HERE)
    assert first is not second
    assert len(tier.started) == 2
    for sandbox in (first, second):
        sandbox.close()


def test_what_was_expected_is_taken(pools: list[WarmPool]) -> None:
    tier = ScriptedTier(READY)
    pool = a_pool(pools, tier)
    pool.expect(HERE)
    assert tier.asked.acquire(timeout=10)
    taken = pool.take(HERE)
    assert tier.started == [taken]
    taken.close()


def test_there_are_never_more_spares_than_the_pool_has_places(pools: list[WarmPool]) -> None:
    tier = ScriptedTier(READY)
    pool = a_pool(pools, tier, size=2)
    for _ in range(5):
        pool.expect(HERE)
    taken = [pool.take(HERE) for _ in range(3)]
    assert len(tier.started) == 3
    for sandbox in taken:
        sandbox.close()


def test_a_spare_serves_its_own_ground_only(pools: list[WarmPool]) -> None:
    tier = ScriptedTier(READY)
    pool = a_pool(pools, tier)
    pool.expect(HERE)
    assert tier.asked.acquire(timeout=10)
    there = pool.take(THERE)
    here = pool.take(HERE)
    assert tier.started == [here, there]
    for sandbox in (here, there):
        sandbox.close()


def test_a_spare_makes_room_for_one_of_another_ground(pools: list[WarmPool]) -> None:
    tier = ScriptedTier(READY)
    pool = a_pool(pools, tier, size=1)
    pool.expect(HERE)
    pool.take(THERE).close()  # by now the spare, begun before, has been greeted too or is about to be
    old = tier.started[0]
    assert eventually(lambda: (pool.expect(THERE), not old.alive)[1])
    taken = pool.take(THERE)
    assert len(tier.started) == 3
    taken.close()


def test_a_spare_that_died_is_replaced(pools: list[WarmPool]) -> None:
    tier = ScriptedTier(READY)
    pool = a_pool(pools, tier)
    pool.expect(HERE)
    assert tier.asked.acquire(timeout=10)
    dead = tier.started[0]
    os.kill(dead.pid, signal.SIGKILL)
    assert eventually(lambda: not dead.alive)
    taken = pool.take(HERE)
    assert taken is not dead
    assert taken.alive
    taken.close()


def test_a_start_that_fails_once_is_tried_again(pools: list[WarmPool]) -> None:
    taken = a_pool(pools, ScriptedTier(DIES, READY)).take(HERE)
    assert taken.alive
    taken.close()


def test_starts_that_keep_failing_raise_what_was_said(pools: list[WarmPool]) -> None:
    tier = ScriptedTier(DIES)
    with pytest.raises(IsolationError, match="no torch here"):
        a_pool(pools, tier).take(HERE)
    assert len(tier.started) == 2


def test_a_sandbox_that_never_says_ready_is_given_up(pools: list[WarmPool]) -> None:
    tier = ScriptedTier(SILENT)
    with pytest.raises(IsolationError, match=r"not ready within 0.2 s"):
        a_pool(pools, tier, ready_within_s=0.2).take(HERE)
    assert tier.living == []


def test_closing_kills_the_spares_and_wakes_who_waits() -> None:
    tier = ScriptedTier(READY, SILENT)
    pool = WarmPool(tier, size=1)
    pool.expect(THERE)
    assert tier.asked.acquire(timeout=10)
    with ThreadPoolExecutor(1) as crew:
        waiting = crew.submit(pool.take, HERE)
        assert tier.asked.acquire(timeout=10)
        pool.close()
        with pytest.raises(AutorecError, match="closed"):
            waiting.result(timeout=10)
    assert tier.living == []
    with pytest.raises(AutorecError, match="closed"):
        pool.take(HERE)


def test_many_threads_get_a_sandbox_each(pools: list[WarmPool]) -> None:
    tier = ScriptedTier(READY)
    pool = a_pool(pools, tier, size=4)

    def one(number: int) -> int:
        pool.expect(HERE)
        sandbox = pool.take(HERE)
        pid = sandbox.pid
        sandbox.close()
        return pid

    with ThreadPoolExecutor(8) as crew:
        pids = list(crew.map(one, range(24)))
    assert len(set(pids)) == 24


class RunsOut(ScriptedTier):
    """Something of the machine is used up at the first start, and again after the second."""

    def __init__(self) -> None:
        super().__init__(READY)
        self.attempts = 0

    def start(self, ground: Ground) -> Sandbox:
        self.attempts += 1
        if self.attempts != 2:
            raise OSError(24, "Too many open files")
        return super().start(ground)


def test_a_machine_that_runs_out_of_something_is_an_error_and_not_the_end_of_the_pool(pools: list[WarmPool]) -> None:
    tier = RunsOut()
    pool = a_pool(pools, tier)
    taken = pool.take(HERE)
    assert tier.started == [taken]
    taken.close()
    for _ in range(2):
        with pytest.raises(IsolationError, match="Too many open files"):
            pool.take(HERE)
