"""autorec: architecture search for recommenders.

    import autorec
    config = autorec.load_config({"data": "ratings.csv", "budget": "20m"})
    with autorec.begin(config, "runs/mine") as sitting:
        state = sitting.work()
    print(state.champion, state.evidence)

`examples/from_python` does more. Names are loaded when they are first used: importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autorec.domain.candidate import Candidate, Operator, Plan, Proposal
    from autorec.domain.errors import AutorecError
    from autorec.domain.state import State
    from autorec.ports import Desk
    from autorec.schemas.config import SearchConfig, load_config
    from autorec.wiring import (
        begin,
        evaluate_candidate,
        load_data,
        measure_baselines,
        read,
        read_candidate,
        replay,
        resume,
        retrain,
    )

__version__ = "0.1.0"

_HOMES = {
    "AutorecError": "autorec.domain.errors",
    "Candidate": "autorec.domain.candidate",
    "Desk": "autorec.ports",
    "Operator": "autorec.domain.candidate",
    "Plan": "autorec.domain.candidate",
    "Proposal": "autorec.domain.candidate",
    "SearchConfig": "autorec.schemas.config",
    "State": "autorec.domain.state",
    "begin": "autorec.wiring",
    "evaluate_candidate": "autorec.wiring",
    "load_config": "autorec.schemas.config",
    "load_data": "autorec.wiring",
    "measure_baselines": "autorec.wiring",
    "read": "autorec.wiring",
    "read_candidate": "autorec.wiring",
    "replay": "autorec.wiring",
    "resume": "autorec.wiring",
    "retrain": "autorec.wiring",
}

__all__ = [
    "AutorecError",
    "Candidate",
    "Desk",
    "Operator",
    "Plan",
    "Proposal",
    "SearchConfig",
    "State",
    "begin",
    "evaluate_candidate",
    "load_config",
    "load_data",
    "measure_baselines",
    "read",
    "read_candidate",
    "replay",
    "resume",
    "retrain",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'autorec' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
