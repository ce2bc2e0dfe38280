"""The entry point: every command, and how each error leaves the process.

Exit codes: 0; 2 for usage or configuration; 3 when the budget is spent and nothing valid was found, or when what was
evaluated could not be judged; 130 after Ctrl-C, with the state saved. Commands import what they need when they run, so
that `--help` is quick.
"""

import errno
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Annotated

import typer

from autorec import __version__
from autorec.cli import (
    approve,
    cassette,
    checks,
    data,
    eject,
    export,
    hypotheses,
    lessons,
    lineage,
    mailbox,
    report,
    runs,
    search,
    steer,
)
from autorec.domain.errors import AutorecError

USAGE = 2
OF_THE_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EACCES, errno.EROFS, errno.ENOTDIR})
"""What the machine may refuse anywhere: no space, no permission, a file where a folder should be."""

app = typer.Typer(
    name="autorec",
    help="Give it an interaction log; get back a recommender as code you can read, and the evidence for it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
search.add_to(app)
runs.add_to(app)
lineage.add_to(app)
steer.add_to(app)
approve.add_to(app)
hypotheses.add_to(app)
lessons.add_to(app)
report.add_to(app)
export.add_to(app)
mailbox.add_to(app)
cassette.add_to(app)
checks.add_to(app)
eject.add_to(app)
app.add_typer(data.app, name="data")


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"autorec {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="which one it is")
    ] = False,
) -> None:
    """Options of the command itself."""


def main() -> None:
    """Run the command that the process was started with and leave with its exit code."""
    # Python 3.12 says so of a backslash in a text of whatever code is looked at: a candidate's, and none of ours.
    warnings.filterwarnings("ignore", category=SyntaxWarning, module="<unknown>")
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command; returns its exit code. Typer itself turns bad flags into 2 and Ctrl-C into 130."""
    try:
        app(args=list(arguments), prog_name="autorec")
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else int(bool(leave.code))
    except AutorecError as error:
        _say(error)
        return USAGE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        if error.errno not in OF_THE_DISK:
            raise
        _say(AutorecError(str(error), fix="free space, or check the path and who may write there"))
        return USAGE
    return 0


def _say(error: AutorecError) -> None:
    from autorec.domain.text import plain

    print(f"error: {plain(str(error))}", file=sys.stderr)
    if error.fix:
        print(f"  fix: {plain(error.fix)}", file=sys.stderr)
