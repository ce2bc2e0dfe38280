"""What a prompt is told of a diagnosis: plain values for `partials/diagnosis.j2`, few whatever the run."""

from collections.abc import Sequence
from typing import Any

from autorec.domain.candidate import Operator
from autorec.domain.curve import SAID
from autorec.domain.diagnosis import Agreement, Diagnosis, Gain, Table, clear_gains
from autorec.domain.state import Record, State
from autorec.domain.text import percent

TABLES_TOLD = 3
GAINS_TOLD = 3
REPEATS_TOLD = 4


def diagnosis_facts(record: Record, state: State) -> dict[str, Any] | None:
    """The diagnosis of a candidate's training in the search; None where it has none."""
    found = record.search.diagnosis if record.search else None
    if found is None:
        return None
    return {
        "groups": [
            {"name": name, "measure": segments[0].measure, "segments": segments}
            for name, segments in found.groups.items()
        ],
        "balances": found.examined.balances,
        "coverage": found.examined.coverage,
        "course": {
            "said": SAID[found.course.shape],
            "best_at": percent(found.course.best_at),
            "used": percent(found.course.used),
        },
        "n_numbers": found.weights.n_numbers if found.weights else None,
        "tables": _tables(found),
        "against": [_against(agreement, record, state) for agreement in found.agreements],
        "twin": _twin(record, state),
    }


def repeats(state: State) -> list[dict[str, Any]]:
    """The last candidates that predict as another does, unless that is what a simpler one was to do."""
    found = [
        {"number": record.number, **twin}
        for record in state.candidates
        if (twin := _twin(record, state)) and not twin["as_meant"]
    ]
    return found[-REPEATS_TOLD:]


def _twin(record: Record, state: State) -> dict[str, Any] | None:
    found = record.search.diagnosis.twin if record.search and record.search.diagnosis else None
    if found is None:
        return None
    as_meant = record.operator is Operator.SIMPLIFY and found.candidate in record.parents
    return {
        "of": _called(state.records[found.candidate]),
        "similarity": found.similarity,
        "as_meant": as_meant,
    }


def _against(agreement: Agreement, record: Record, state: State) -> dict[str, Any]:
    other, contrast = state.records[agreement.candidate], agreement.contrast
    better, worse = clear_gains(contrast)
    return {
        "who": f"its parent {_called(other)}" if other.id in record.parents else _called(other),
        "of": contrast.of,
        "in_common": contrast.in_common,
        "gained": contrast.gained,
        "lost": contrast.lost,
        "unchanged": contrast.unchanged,
        "better": _gains(better),
        "worse": _gains(worse),
    }


def _gains(gains: Sequence[Gain]) -> list[dict[str, Any]]:
    return [{"group": gain.group, "name": gain.name, "by": abs(gain.difference)} for gain in gains[:GAINS_TOLD]]


def _tables(found: Diagnosis) -> list[Table]:
    """Those that use the fewest of their directions first."""
    tables = found.weights.tables if found.weights else ()
    return sorted(tables, key=lambda table: table.effective_rank / table.columns)[:TABLES_TOLD]


def _called(record: Record) -> str:
    return f"the baseline {record.name}" if record.is_baseline and record.name else f"#{record.number}"
