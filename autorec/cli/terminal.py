"""The terminal: what is printed there is text, whoever wrote it.

Names of data, hypotheses, replies, logs and reasons come from strangers. On a `Screen` every string is shown as it is:
control characters are made visible, and nothing in it is markup, a link or an emoji. Style is given apart.
"""

import sys
from typing import Any

from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from autorec.domain.text import plain


def say(text: str, *, error: bool = False) -> None:
    """Print on standard output, or standard error, without width or style."""
    print(plain(text), file=sys.stderr if error else sys.stdout)


class Screen(Console):
    """A console of rich on which no string can act. `stderr`: on standard error instead of standard output."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, markup=False, emoji=False)

    def code(self, text: str, lexer: str) -> None:
        """Highlighted sources; a line is never broken, however long, so that it can be copied."""
        self.print(Syntax("", lexer, background_color="default").highlight(plain(text).rstrip()), soft_wrap=True)

    def pair(self, name: str, text: str, *, indent: int, style: str = "") -> None:
        """A name and a text beside it; what does not fit on a line goes on below, set in as far."""
        line = Table.grid(padding=(0, 1, 0, 0))
        line.add_column(width=indent - 1, style="dim", no_wrap=True)
        line.add_column(overflow="fold", style=style)
        line.add_row(name, text)
        self.print(line)

    def render_str(self, text: str, **how: Any) -> Text:
        """See `rich.console.Console.render_str`; strings in tables pass here too."""
        return super().render_str(plain(text), **how)
