"""Diagnoses built by hand, with something of everything."""

from autorec.domain.diagnosis import (
    Agreement,
    Balance,
    Contrast,
    Course,
    CurveShape,
    Diagnosis,
    Examined,
    Gain,
    Segment,
    Table,
    Twin,
    Weights,
)

HISTORY, POPULARITY = "users by history", "wanted items by popularity"
PLACES = "share of places against share of wanted items, by popularity"


def made_up(
    *,
    against: tuple[str, ...] = (),
    twin: str | None = None,
    table: str = "items.weight",
    metric: str = "ndcg@10",
) -> Diagnosis:
    """A diagnosis of lists; `against` and `twin` are ids of known candidates, `table` the name of a tensor, `metric`
    the primary one.
    """
    return Diagnosis(
        examined=Examined(
            segments=(
                _segment(HISTORY, "short", "2 to 17 items", 310, metric, 0.1203),
                _segment(HISTORY, "middle", "18 to 60 items", 318, metric, 0.11),
                _segment(HISTORY, "long", "61 to 700 items", 315, metric, 0.0914),
                _segment(POPULARITY, "head", "71 items, 230 to 571 times", 300, "share in the top 10", 0.41),
                _segment(POPULARITY, "tail", "1,500 items, 1 to 229 times", 640, "share in the top 10", 0.0325),
                _segment(POPULARITY, "cold", "9 items, 0 times", 3, "share in the top 10", 0.0),
            ),
            balances=(
                Balance(group=PLACES, name="head", given=0.7, wanted=0.32),
                Balance(group=PLACES, name="tail", given=0.3, wanted=0.68),
            ),
            coverage=0.34,
        ),
        course=Course(shape=CurveShape.RISING, best_at=0.9, used=1.0),
        weights=Weights(n_numbers=214528, tables=(Table(name=table, rows=1683, columns=64, effective_rank=21.4),)),
        agreements=tuple(Agreement(candidate=candidate, contrast=CONTRAST) for candidate in against),
        twin=Twin(candidate=twin, similarity=0.97) if twin else None,
    )


def _segment(group: str, name: str, span: str, n: int, measure: str, value: float) -> Segment:
    return Segment(group=group, name=name, span=span, n=n, measure=measure, value=value)


CONTRAST = Contrast(
    of="share of the top 10 in common",
    in_common=0.61,
    gained=120,
    lost=98,
    unchanged=725,
    gains=(
        Gain(group=HISTORY, name="short", difference=0.0004, clear=False),
        Gain(group=HISTORY, name="middle", difference=0.0121, clear=True),
        Gain(group=HISTORY, name="long", difference=-0.0098, clear=True),
        Gain(group=POPULARITY, name="head", difference=-0.03, clear=True),
        Gain(group=POPULARITY, name="tail", difference=0.0186, clear=True),
        Gain(group=POPULARITY, name="cold", difference=0.0, clear=False),
    ),
)
