"""A trained recommender, with all that it needs to answer and to be trained again.

    import recommender
    model = recommender.load()

README.md says what it answers. `model.py`, `train.py` and `reckit` import each other by their bare names, as they did
where they were written; so this folder goes on the path, in front.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recommender.runtime.role import Recommender

HERE = Path(__file__).resolve().parent
TRAINED = HERE.parent / "trained"

if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))


def load(folder: "str | Path" = TRAINED) -> "Recommender":
    """What was trained, ready to answer: from the export, or from a folder that `train` wrote.

    Raises `recommender.runtime.refusal.Refusal` where the folder is none.
    """
    from recommender.runtime.folder import Trained
    from recommender.runtime.role import Recommender

    return Recommender(Trained.open(Path(folder)))
