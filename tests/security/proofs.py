"""Controls: what shows that an attack is a real one, so that nothing is held only because nothing was tried."""

import pickle
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from seen import Alone, Seen, survived


@dataclass(frozen=True, slots=True, kw_only=True)
class Unprotected:
    """The same attack in the tier `none` is a breach, for who has all rights."""

    proof: str = "tier `none`: succeeds"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAlone:
    """Where `none` holds too: the attack run by itself, with nobody around who looks twice, succeeds."""

    works: Callable[[Alone], bool]
    proof: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """Where the attack lives in the harness: its own run in the sandbox shows that it was carried out."""

    works: Callable[[Seen], bool]
    proof: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OnHost:
    """Where the attack would harm the machine: what it is after is there to be had."""

    works: Callable[[], bool]
    proof: str


Control = Unprotected | RunAlone | Within | OnHost


def alone(proof: str, works: Callable[[Alone], bool]) -> RunAlone:
    return RunAlone(works=works, proof=f"run alone: {proof}")


def naive_reader(does: str, works: Callable[[Alone], bool]) -> RunAlone:
    return RunAlone(works=works, proof=f"a naive reader {does}")


def within(proof: str, works: Callable[[Seen], bool]) -> Within:
    return Within(works=works, proof=f"in the sandbox: {proof}")


def naive(content: bytes) -> object:
    """A reader that believes: it evaluates headers, unpickles, makes room for what is claimed, takes what is there."""
    if not content.startswith(b"\x93NUMPY"):
        return pickle.loads(content) if content else np.array([])
    end = 10 + int.from_bytes(content[8:10], "little")
    header = eval(content[10:end].partition(b"}")[0] + b"}")
    if "O" in header["descr"]:
        return pickle.loads(content[end:])
    return np.prod(header["shape"], dtype=np.float64), np.frombuffer(content[end:][: len(content[end:]) // 8 * 8])


def takes(run: Alone) -> bool:
    naive(run.answer.read_bytes())
    return True


def runs(run: Alone) -> bool:
    naive((run.state if run.name == "pickled_state" else run.answer).read_bytes())
    return run.stage.mark(run.name).is_dir()


def leads_to_secret(file: str = "0.answer.npy") -> Callable[[Alone], bool]:
    return lambda run: run.stage.marker in (run.out / file).read_text()


def told(event: str) -> Callable[[Alone], bool]:
    return lambda run: any(event.encode() in message for message in run.messages)


SUCCEEDS = Unprotected()
TELLS = alone("tells the secret", lambda run: run.stage.marker in run.printed)
TAKES = naive_reader("takes it", takes)
RUNS = naive_reader("runs it", runs)
FOLLOWS = naive_reader("follows it", leads_to_secret())
ENDLESS = alone("never ends", lambda run: run.exit_code is None)
SURVIVES = alone("outlives its parent", survived)
EATS = alone("takes more", lambda run: run.peak_bytes > 512 << 20)
GOES_ON = alone("goes on without end", lambda run: len(run.messages) > 1000)
