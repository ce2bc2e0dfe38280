"""The command line in this process."""

import pytest

from autorec.cli.main import run


@pytest.fixture
def say(capsys):
    """Run a command, which must leave with `expect`; all that it said, on one line."""

    def say(*arguments: object, expect: int = 0) -> str:
        assert run([str(argument) for argument in arguments]) == expect
        said = capsys.readouterr()
        return " ".join((said.out + said.err).split())

    return say
