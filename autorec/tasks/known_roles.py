"""The roles that there are, by name. They are made of `roles.py`, which knows none of them."""

import difflib
import re
from dataclasses import replace

from autorec.domain.errors import UsageError
from autorec.domain.evaluation import COSTS
from autorec.schemas.config import SearchConfig
from autorec.tasks.ranking.role import RANKING
from autorec.tasks.retrieval import RETRIEVAL
from autorec.tasks.roles import Measure, Role

ROLES = {role.name: role for role in (RETRIEVAL, RANKING)}


def role_of(config: SearchConfig) -> Role:
    """The configured role, with metrics of one's own among its measures.

    Raises UsageError for an unknown role, and for a metric whose name is taken or cannot stand in `name@10`.
    """
    role = role_named(config.role)
    for name in config.metrics:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise UsageError(f"metrics: {name!r} is no name for a metric", fix="use a-z, 0-9 and _, as in mine")
        if name in role.measures or name in COSTS:
            raise UsageError(f"metrics: {name!r} is a metric or a cost already", fix="call yours otherwise")
    own = dict.fromkeys(config.metrics, Measure(at_cutoff=True))
    return replace(role, measures={**role.measures, **own})


def refuse_misread(config: SearchConfig) -> None:
    """Raises UsageError where no role was named, and the data is plainly of another than the one that is the default.

    Read as the wrong one it may well give figures, and they would mean nothing.
    """
    if "role" in config.model_fields_set:
        return
    for role in ROLES.values():
        if role.name != config.role and (sign := role.sign(config)):
            raise UsageError(
                f"{config.data or 'this'} looks like data for {role.name}: {sign}",
                fix=f"give --role {role.name}; or --role {config.role}, if that is what you mean",
            )


def role_named(name: str) -> Role:
    """The role of that name. Raises UsageError that lists the known names."""
    if name not in ROLES:
        near = difflib.get_close_matches(name, ROLES, n=1)
        raise UsageError(
            f"role: there is no {name!r}; expected one of {', '.join(ROLES)}",
            fix=f"did you mean {near[0]!r}?" if near else "give one of these names",
        )
    return ROLES[name]
