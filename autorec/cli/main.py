"""The entry point: every command, and how each error leaves the process.

Exit codes: 0; 2 for usage or configuration; 3 when the budget is spent and nothing valid was found; 130 after Ctrl-C,
with the state saved. Commands import what they need when they run, so that `--help` is quick.
"""

import sys

import click
import typer

from autorec.cli import checks, data, runs, search
from autorec.domain.errors import AutorecError

USAGE, NOTHING_VALID, INTERRUPTED = 2, 3, 130

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
checks.add_to(app)
app.add_typer(data.app, name="data")


def main() -> None:
    """Run a command and leave with its exit code."""
    sys.exit(_run())


def _run() -> int:
    try:
        code = app(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return USAGE
    except AutorecError as error:
        _say(error)
        return USAGE
    except (KeyboardInterrupt, click.Abort):
        print("stopped", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    return code if isinstance(code, int) else 0


def _say(error: AutorecError) -> None:
    from autorec.cli.text import plain

    print(f"error: {plain(str(error))}", file=sys.stderr)
    if error.fix:
        print(f"  fix: {plain(error.fix)}", file=sys.stderr)
