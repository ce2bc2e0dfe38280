"""The parts of the executor that need no sandbox: the log, the verdict on an ending, the stopwatch, the mounts."""

import itertools
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorec.assets import assets
from autorec.domain.errors import IsolationError, UsageError
from autorec.domain.job import JobKind, Limits, OutcomeKind
from autorec.execution.canaries import CANARIES
from autorec.execution.conversation import Stopwatch, memory_file
from autorec.execution.ending import Cause, Ending, judge_ending
from autorec.execution.ground import Ground
from autorec.execution.log import CappedLog, last_lines
from autorec.execution.mounts import Identity, Interpreter, sandbox_command
from autorec.execution.tiers import TierReport, fix_for, open_executor, verdict


@given(st.lists(st.binary(max_size=60), max_size=30), st.integers(min_value=4, max_value=200))
def test_a_log_keeps_its_head_and_its_tail_within_the_cap(chunks: list[bytes], cap: int) -> None:
    log, everything = CappedLog(cap), b"".join(chunks).replace(b"\r", b"")
    everything = bytes(byte % 26 + 97 for byte in everything)
    for start in range(0, len(everything), 7):
        log.add(everything[start : start + 7])
    text = log.text()
    assert log.total_bytes == len(everything)
    if len(everything) <= cap:
        assert text == everything.decode()
    else:
        assert text.startswith(everything[: cap // 4].decode())
        assert text.endswith(everything[-(cap - cap // 4) :].decode())
        assert f"{len(everything) - cap} bytes left out" in text


def test_a_log_has_no_terminal_escapes() -> None:
    log = CappedLog(1000)
    log.add(b"\x1b]0;title\x07red\x1b[31m\r\nnext\ttab\xff")
    assert log.text() == "]0;titlered[31m\nnext\ttab\ufffd"


def test_last_lines_skip_blanks_and_cut_long_ones() -> None:
    assert last_lines("a\nb\n" + "c" * 50 + "\n\n  \n", count=2, width=5) == "b\nccccc"


def ending(**changes: object) -> Ending:
    values: dict[str, object] = {
        "kind": JobKind.TRAIN,
        "limits": Limits(),
        "exit_code": 0,
        "cause": None,
        "fault": "",
        "finished": True,
        "checkpoints": 1,
        "asked_to_stop": False,
        "log": "",
    }
    return Ending(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "kind", "reason"),
    [
        ({}, OutcomeKind.COMPLETED, "finished"),
        ({"asked_to_stop": True}, OutcomeKind.COMPLETED, "stopped as asked"),
        ({"cause": Cause.STOP, "exit_code": 137}, OutcomeKind.COMPLETED, "stopped as asked; killed"),
        ({"checkpoints": 0}, OutcomeKind.MALFORMED, "never produced predictions"),
        ({"finished": False}, OutcomeKind.CRASHED, "before fit returned"),
        ({"exit_code": 64, "log": "x\nscore must be finite\n"}, OutcomeKind.MALFORMED, "score must be finite"),
        ({"exit_code": 1, "log": "KeyError: 'a'\n"}, OutcomeKind.CRASHED, "KeyError: 'a'"),
        ({"exit_code": 1, "log": ""}, OutcomeKind.CRASHED, "exit code 1"),
        ({"exit_code": 1, "log": "MemoryError\n"}, OutcomeKind.OUT_OF_MEMORY, "MemoryError"),
        ({"exit_code": 139}, OutcomeKind.CRASHED, "signal 11"),
        ({"exit_code": 137}, OutcomeKind.OUT_OF_MEMORY, "by the kernel"),
        ({"exit_code": 152}, OutcomeKind.TIMED_OUT, "CPU time"),
        ({"cause": Cause.MEMORY, "exit_code": 137}, OutcomeKind.OUT_OF_MEMORY, "4096 MiB"),
        ({"cause": Cause.WALL, "exit_code": 137}, OutcomeKind.TIMED_OUT, "120 s of wall clock"),
        ({"cause": Cause.TRAINING, "exit_code": 137}, OutcomeKind.TIMED_OUT, "run.seconds_left"),
        ({"cause": Cause.MALFORMED, "fault": "a link"}, OutcomeKind.MALFORMED, "a link"),
    ],
)
def test_each_ending_has_its_outcome(changes: dict[str, object], kind: OutcomeKind, reason: str) -> None:
    found, why = judge_ending(ending(**changes))
    assert found is kind
    assert reason in why


def test_the_stopwatch_runs_only_between_go_and_pause() -> None:
    now = 10.0
    watch = Stopwatch(lambda: now)
    assert watch.seconds == 0
    watch.go()
    now = 13.0
    watch.go()
    watch.pause()
    now = 20.0
    watch.pause()
    assert watch.seconds == 3.0
    watch.go()
    now = 21.0
    assert watch.seconds == 4.0


def test_what_is_handed_in_is_sealed() -> None:
    descriptor = memory_file("candidate", b"sources")
    with os.fdopen(descriptor, "rb") as file:
        assert file.read() == b"sources"
        with pytest.raises(OSError, match="not permitted"):
            os.ftruncate(descriptor, 0)


def command(folder: Path, drop_to: int | None) -> list[str]:
    return sandbox_command(
        bwrap=Path("/usr/bin/bwrap"),
        interpreter=Interpreter.current(),
        identity=Identity(drop_to=drop_to),
        ground=Ground(
            data_dir=folder, query_dir=folder, disk_bytes=1 << 20, inodes=64, memory_bytes=1 << 30, processes=64
        ),
    )


def test_root_gives_itself_up_and_a_user_takes_a_namespace(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    as_root, as_user = command(tmp_path, 64_001), command(tmp_path, None)
    assert "--reuid=64001" in as_root
    assert "--unshare-user" not in as_root
    assert "--unshare-user" in as_user
    assert not any("setpriv" in word for word in as_user)
    for words in (as_root, as_user):
        assert {"--unshare-net", "--unshare-pid", "--die-with-parent", "--clearenv"} <= set(words)
        bound = [after for word, after in itertools.pairwise(words) if word == "--ro-bind"]
        assert not {"/", str(Path.home()), str(assets("sandbox").parent)} & set(bound)


def test_a_bundle_that_the_dropped_user_cannot_read_is_named_with_the_fix(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(IsolationError, match=str(tmp_path)) as caught:
        command(tmp_path, 64_001)
    assert caught.value.fix == f"chmod -R a+rX {tmp_path}"
    assert command(tmp_path, None)


def test_assets_are_found_and_a_missing_one_is_named() -> None:
    assert (assets("sandbox") / "runner.py").is_file()
    with pytest.raises(UsageError, match="'nothing'"):
        assets("nothing")


def test_the_verdict_is_the_strongest_available_tier() -> None:
    held = TierReport(available=True, canaries=dict.fromkeys(CANARIES, True))
    missing = TierReport(available=False)
    assert verdict({"bwrap": held, "landlock": held}) == "bwrap"
    assert verdict({"bwrap": held, "landlock": held}, "landlock") == "bwrap"
    assert verdict({"bwrap": missing, "landlock": held}, "landlock") == "landlock"
    assert verdict({"bwrap": missing, "landlock": missing}, "landlock") == "none"


def test_a_weaker_tier_is_not_taken_unless_it_is_asked_for() -> None:
    held, missing = TierReport(available=True), TierReport(available=False)
    assert verdict({"bwrap": missing, "landlock": held}) == "none"


def test_an_unknown_tier_is_refused() -> None:
    with pytest.raises(UsageError, match=r"isolation\.min is 'chroot'; expected auto"):
        open_executor("chroot")


def test_no_bubblewrap_is_an_error_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(IsolationError, match="bubblewrap is not installed") as caught:
        open_executor()
    assert "apt-get install bubblewrap" in caught.value.fix


def test_what_bubblewrap_says_leads_to_a_fix() -> None:
    assert "seccomp=unconfined" in fix_for("bwrap: Creating new namespace failed: Operation not permitted")
