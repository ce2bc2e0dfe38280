"""A run as one HTML file: no network, no script, nothing that a candidate or a model wrote is ever markup.

Three walls stand one behind the other. Jinja escapes every value, and every string first goes through `plain`, which
makes control and bidirectional characters visible. Drawings and highlighted code are built here from escaped text. And
the page's content security policy forbids scripts, forms, frames and every address, should the first two ever fail.
"""

import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from autorec.domain.candidate import SHORT_ID, Candidate
from autorec.domain.control import broken, control_line, held_line
from autorec.domain.curve import SAID
from autorec.domain.diagnosis import clear_gains
from autorec.domain.job import NO_ISOLATION, Stage
from autorec.domain.resolution import doubts_line, unconfirmed_line
from autorec.domain.spending import spent_by_model, spent_by_operator, spent_on_all
from autorec.domain.state import Record
from autorec.domain.text import count, duration, percent, plain, sentence, size
from autorec.schemas.flags import data_flags
from autorec.schemas.replayed import replayed_line
from autorec.tasks.known_roles import role_named
from autorec.web import plots, sources, wording
from autorec.web.account import Account
from autorec.web.configuration import as_toml
from autorec.web.lineage import families, line_of
from autorec.wiring.export import is_served

TEMPLATES = Path(__file__).resolve().parent / "templates"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
DECLINED_SHOWN = 40
LOG_CHARACTERS = 3000


def render(account: Account) -> str:
    """The page. Raises StoreError where the run's objects are missing or damaged."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {  # "count" is ours, not the alias of "length"
        "figure": wording.figure,
        "signed": wording.signed,
        "duration": duration,
        "size": size,
        "made": wording.made,
        "family": wording.family,
        "idea": wording.idea,
        "remark": wording.remark,
        "count": count,
        "control": control_line,
        "doubts": doubts_line,
        "sentence": sentence,
        "unconfirmed": unconfirmed_line,
        "clear_gains": clear_gains,
        "percent": percent,
        "brief": sources.brief,
        "clip": sources.clipped,
        "sh": shlex.quote,
    }
    return environment.get_template("report.html.j2").render(_context(account))


def _visible(content: Any) -> Any:
    return plain(content) if isinstance(content, str) and not isinstance(content, Markup) else content


def _context(account: Account) -> dict[str, Any]:
    state = account.state
    found, alone = families(state)
    return {
        "account": account,
        "state": state,
        "task": state.task,
        "no_isolation": NO_ISOLATION,
        "primary": state.task.primary,
        "headline": wording.headline(account),
        "replayed": replayed_line(account.started.config),
        "better_way": wording.better_way(state.task.primary),
        "protocol": role_named(state.task.role).protocol(state.task),
        "policy": POLICY,
        "style": Markup((TEMPLATES / "style.css").read_text(encoding="utf-8")),
        "made_at": datetime.now(UTC),
        "short_id": SHORT_ID,
        "costs": {
            "all": spent_on_all(state),
            "by_operator": spent_by_operator(state),
            "by_model": spent_by_model(state),
        },
        "plots": plots.all_plots(account),
        "families": found,
        "alone": alone,
        "line": line_of(account.champion or account.leader, state),
        "can_export": is_served(state.task.role),
        "same_data": data_flags(account.started.config),
        "toml": as_toml(account.started.config),
        "value": lambda record, stage=Stage.SEARCH: state.value(record, Stage(stage)),
        "stages": list(Stage),
        "metrics": _metrics(account),
        "diagnosed": account.diagnosed,
        "said": SAID,
        "code": lambda record: _code(record, account),
        "change": lambda record: _change(record, account),
        "log": lambda record: _log(record, account),
        "broken": broken(state.controls),
        "held": held_line(state.controls),
        "declined": state.declined[-DECLINED_SHOWN:],
    }


def _metrics(account: Account) -> dict[str, list[float | None]]:
    """Every metric on the test: name -> the champion's value, then each baseline's, the best baseline first."""
    champion = account.champion
    records = [*([champion] if champion else []), *(c.baseline for c in account.comparisons)]
    finals = [final.evaluation.metrics for r in records if (final := r.final(Stage.FINAL)) and final.evaluation]
    names = dict.fromkeys(name for metrics in finals for name in metrics)
    return {name: [metrics.get(name) for metrics in finals] for name in names}


def _code(record: Record, account: Account) -> dict[str, Markup]:
    return {path: sources.highlighted(path, text) for path, text in _files(record.id, account).items()}


def _change(record: Record, account: Account) -> Markup | None:
    parent = next((i for i in record.parents if i in account.state.records), None)
    return None if parent is None else sources.diff(_files(parent, account), _files(record.id, account))


def _files(candidate: str, account: Account) -> Mapping[str, str]:
    return Candidate.from_bytes(account.objects.get(candidate)).files


def _log(record: Record, account: Account) -> str:
    """The end of what a candidate printed."""
    if record.search is None or record.search.log is None:
        return ""
    return account.objects.get(record.search.log).decode(errors="replace")[-LOG_CHARACTERS:]
