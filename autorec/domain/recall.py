"""Which lessons are told: the few that have most to do with what is asked for, and most behind them."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from math import fsum, log

from autorec.domain.lesson import Lesson

ELSEWHERE = 0.5
"""What a lesson of other data is worth, of one of these data."""
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def relevant(lessons: Sequence[Lesson], about: str, *, data_digest: str, most: int) -> list[tuple[int, Lesson]]:
    """The best of the lessons and their numbers, from 1, the best first; equals stay in order.

    A lesson is worth its weight of evidence times one plus the share of its words that `about` has as well, each word
    counted by how rare it is among the lessons (idf: Spärck Jones 1972). So where nothing is asked about, evidence
    alone decides.
    """
    words = [words_of(f"{lesson.sentence} {' '.join(lesson.tags)}") for lesson in lessons]
    counts = Counter(word for each in words for word in each)
    rarity = {word: log(1 + len(lessons) / count) for word, count in counts.items()}
    asked = words_of(about)

    def worth(place: int) -> float:
        lesson, own = lessons[place], words[place]
        here = ELSEWHERE if lesson.elsewhere(data_digest) else 1.0
        return lesson.weight * (1 + _share(own, asked, rarity)) * here

    best = sorted(range(len(lessons)), key=lambda place: -worth(place))[:most]
    return [(place + 1, lessons[place]) for place in best]


def words_of(text: str) -> frozenset[str]:
    """The words of a text in lower case, those of a name in code apart (`half_life`, `NextItem`), without plurals."""
    words = (word.lower() for word in _WORD.findall(text))
    return frozenset(word.removesuffix("s") for word in words if len(word) > 2)


def _share(own: Collection[str], asked: Collection[str], rarity: dict[str, float]) -> float:
    """How much of what a lesson says is asked about, 0 to 1; summed exactly, since a set has no order of its own."""
    total = fsum(rarity[word] for word in own)
    return fsum(rarity[word] for word in own if word in asked) / total if total else 0.0
