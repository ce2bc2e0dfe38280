"""The options that say which data: declared once, the same in every command that reads data, and as flags again."""

from collections.abc import Callable
from typing import Any

import pytest
from typer.main import get_command

from autorec.cli import options
from autorec.cli.main import app
from autorec.schemas.flags import OF_DATA


def test_they_are_the_keys_that_become_flags_again() -> None:
    assert tuple(options.OF_DATA) == OF_DATA


@pytest.mark.parametrize("path", [("search",), ("evaluate",), ("baselines",), ("data", "describe")], ids=" ".join)
def test_every_command_that_reads_data_takes_them(path: tuple[str, ...]) -> None:
    command: Any = get_command(app)
    for name in path:
        command = command.commands[name]
    assert {p.name for p in command.params} >= set(OF_DATA)


def test_a_command_gets_them_as_one_mapping_but_for_those_that_it_declares() -> None:
    got: dict[str, Any] = {}
    taking: Callable[..., None] = options.takes_data(lambda chosen, data: got.update(chosen, given=data))
    taking(data="x.csv", **{name: f"a {name}" for name in OF_DATA if name != "data"})
    assert got == {"given": "x.csv", **{name: f"a {name}" for name in OF_DATA if name != "data"}}
