"""What crosses the line between the trusted side and the sandbox.

**In**: two folders, mounted read-only, and a job. `meta.json` says what each holds: `kind` the kind of training data,
`answer` the kind of answer that is asked for. Nothing is guessed from the candidate.

`/data` of the kind `log`, the training bundle of interactions (`.npy`, C order, written by `autorec.tasks.bundle`):

| file | dtype, shape | what |
|---|---|---|
| `meta.json` | | kind, n_users, n_items, n_interactions, has_timestamps, has_values, features |
| `indptr.npy` | int64 [n_users + 1] | rows of user u are indptr[u]:indptr[u + 1] |
| `users.npy`, `items.npy` | int32 [n] | sorted by user, then time, then a hash of the row |
| `timestamps.npy` | int64 [n] | seconds; present where has_timestamps |
| `values.npy` | float32 [n] | rating or weight; present where has_values |
| `<side>_<alias>_indptr.npy` | int64 [n + 1] | a categorical feature: codes of row r are indptr[r]:indptr[r + 1] |
| `<side>_<alias>_codes.npy` | int32 [m] | its codes, one or several a row |
| `<side>_<alias>.npy` | float32 [n] | a numeric feature, NaN where missing |

side is `user` or `item`; `meta.json` lists features as
`{"side": "item", "alias": "f0", "kind": "categorical", "n_codes": 19}` (kind `categorical` or `numeric`).

`/query` with the answer `lists`, what is known at prediction time (a larger history in later stages):
`meta.json`, `{"answer": "lists", "k": 100}`, the length of the lists;
`users.npy` int32 [q], the users to answer for, in this order; and `indptr.npy`, `items.npy`, `timestamps.npy`,
`values.npy` as above over all n_users, the history.

`/data` of the kind `rows`, impressions with a label (written by `autorec.tasks.ranking.bundle`), oldest first:

| file | dtype, shape | what |
|---|---|---|
| `meta.json` | | kind, n_rows, n_users (or null), numeric (aliases), categorical (`{"alias": "c01", "n_codes": 12}`) |
| `numeric.npy` | float32 [n, numeric] | NaN where missing |
| `categorical.npy` | int32 [n, categorical] | column j in [0, n_codes[j]); 0 is missing |
| `labels.npy` | float32 [n] | 1 where clicked; in `/data` only |
| `users.npy` | int32 [n] | permuted ids in [0, n_users); present where the data names users |
| `timestamps.npy` | int64 [n] | seconds; present where the data has them |

`/query` with the answer `probabilities`: `meta.json`, `{"answer": "probabilities"}`, and the rows to answer for,
files as above but for the labels, shuffled by the run's secret.

**The control socket** (file descriptor 3, SOCK_SEQPACKET, one JSON object a message, at most 4 KiB):

| direction | message | with |
|---|---|---|
| out | `{"event": "ready"}` | the runner is up, torch imported, nothing of a candidate seen |
| in | a `JobMessage` | descriptors: the candidate's canonical bytes, the log pipe, a kept state (memfds are sealed) |
| out | `{"event": "work"}` | descriptor: the output folder, taken before any candidate code ran |
| out | `{"event": "started"}` | the candidate's first line comes next |
| out | `{"event": "predicting", "index": i}` | a validation begins |
| out | `{"event": "predicted", "index": i}` | the predictions are written; the state, in a training, is next |
| out | `{"event": "checkpoint", "index": i}` | `i.answer.npy` (and `i.state.safetensors` in a training) are complete |
| in | `{"ack": i, "stop": bool}` | copied; the files may go; stop at the next call |
| out | `{"event": "finished"}` | `fit` returned and the last checkpoint is written |

**Out**: in the output folder, `<index>.answer.npy`, C order, and `<index>.state.safetensors`. An answer of the kind
`lists` is int32 [q, k], -1 only at the end of a row (fewer than k unseen items); one of the kind `probabilities` is
float32 [n], each from 0 to 1, in the order of the query's rows. Everything else is ignored. Exit code
64 of the runner means that the contract was broken (the message is the last line of the log); a candidate can fake it
and gains nothing.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

CONTROL_FD = 3
MESSAGE_BYTES = 4096
CONTRACT_EXIT = 64
PAD = -1


def answer_name(index: int) -> str:
    return f"{index}.answer.npy"


def state_name(index: int) -> str:
    return f"{index}.state.safetensors"


class Message(BaseModel):
    """One JSON object on the control socket; anything unexpected is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Status(Message):
    """A message from the sandbox; nothing in it is believed beyond its form."""

    event: Literal["ready", "work", "started", "predicting", "predicted", "checkpoint", "finished"]
    index: int = Field(default=0, ge=0, le=10_000)


class Ack(Message):
    """The answer to a checkpoint."""

    ack: int
    stop: bool


class RlimitMessage(Message):
    """Limits that the runner sets on itself before the candidate runs."""

    cpu_s: int
    disk_bytes: int
    inodes: int
    processes: int
    open_files: int
    memory_bytes: int


class JobMessage(Message):
    """One job, as the runner receives it."""

    kind: Literal["train", "predict"]
    seed: int
    threads: int
    training_s: float
    validations: int
    state_bytes: int
    device: str = "cpu"
    params: dict[str, Any] = Field(default_factory=dict)
    rlimits: RlimitMessage
