"""The terminal: what is printed there is text, whoever wrote it.

Names of data, hypotheses, replies, logs and reasons come from strangers. On a `Screen` every string is shown as it is:
control characters are made visible, and nothing in it is markup, a link or an emoji. Style is given apart.
"""

import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from autorec.domain.text import plain


def say(text: str, *, error: bool = False) -> None:
    """Print on standard output, or standard error, without width or style."""
    print(plain(text), file=sys.stderr if error else sys.stdout)


class Screen(Console):
    """A console of rich on which no string can act. `stderr`: on standard error instead of standard output."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, markup=False, emoji=False)

    def render_str(self, text: str, **how: Any) -> Text:
        """See `rich.console.Console.render_str`; strings in tables pass here too."""
        return super().render_str(plain(text), **how)
