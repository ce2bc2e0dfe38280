"""Being the model: what waits in a mailbox, one request, and the reply to it."""

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autorec.cli.runs import Json

if TYPE_CHECKING:
    from autorec.llm.letters import Letter


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(mailbox)


def mailbox(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="the folder of --llm mailbox:DIR")],
    number: Annotated[int | None, typer.Argument(help="a letter, to be shown; none: list what waits")] = None,
    answer: Annotated[
        str | None, typer.Option(metavar="FILE", help="a file with the whole reply to that letter; - reads it here")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the requests that wait in a mailbox, show one, or answer one.

    The search goes on meanwhile with its other proposers. A reply is checked and, where it cannot be used, sent back
    once with the fault, as any model's is.

    Examples:
      autorec mailbox letters

      autorec mailbox letters 7 > request.md

      autorec mailbox letters 7 --answer reply.md

      pbpaste | autorec mailbox letters 7 --answer -

    """
    from autorec.cli.terminal import say
    from autorec.domain.errors import UsageError
    from autorec.llm.letters import answer as put

    every = _letters(folder)
    if number is None:
        if answer is not None:
            waits = ", ".join(str(letter.number) for letter in every if not _text(letter)) or "none waits"
            raise UsageError("which letter is answered?", fix=f"give its number: {waits}")
        print(json.dumps({"letters": [_as_json(each) for each in every]})) if as_json else _list(folder, every)
        return
    letter = next((each for each in every if each.number == number), None)
    if letter is None:
        raise UsageError(f"there is no letter {number} in {folder}", fix=f"`autorec mailbox {folder}` lists them")
    if answer is None:
        print(json.dumps(_as_json(letter))) if as_json else say(letter.path.read_text(encoding="utf-8"))
        return
    put(letter, _read(answer))
    taken = "is read within seconds" if letter.awaited else "lies there until a search asks the same again"
    say(f"letter {number} is answered; the reply {taken}")


def _letters(folder: Path) -> "list[Letter]":
    from autorec.domain.errors import UsageError
    from autorec.llm.letters import letters

    if not folder.is_dir():
        raise UsageError(
            f"there is no mailbox at {folder}", fix=f"a search makes it: autorec search --llm mailbox:{folder}"
        )
    return letters(folder)


def _list(folder: Path, every: "list[Letter]") -> None:
    from autorec.cli.terminal import say
    from autorec.domain.text import count, duration

    waiting = [letter for letter in every if not _text(letter)]
    answered = len(every) - len(waiting)
    say(f"{count(len(waiting), 'request')} without a reply, {answered} answered")
    for letter in waiting:
        age = duration(time.time() - letter.path.stat().st_mtime)
        who = "a search waits" if letter.awaited else "nobody waits now"
        fault = f"; the reply {letter.reply.fault}" if letter.reply else ""
        say(f"{letter.number:>6}  {age:>8} ago, {who}{fault}  {letter.path.name}")
    if waiting:
        first = next((letter for letter in waiting if letter.awaited), waiting[0]).number
        say(f"\nNext\n  autorec mailbox {folder} {first}                 read it")
        say(f"  autorec mailbox {folder} {first} --answer FILE   reply to it (- reads standard input)")


def _as_json(letter: "Letter") -> dict[str, Any]:
    reply = letter.reply
    return {
        "number": letter.number,
        "request": str(letter.path),
        "reply": str(letter.reply_path),
        "answered": bool(_text(letter)),
        "awaited": letter.awaited,
        "fault": reply.fault if reply else "",
    }


def _text(letter: "Letter") -> str:
    reply = letter.reply
    return reply.text if reply else ""


def _read(answer: str) -> bytes:
    """The reply's bytes, no more of them than tell that there are too many."""
    from autorec.domain.errors import UsageError
    from autorec.llm.letters import REPLY_BYTES

    if answer == "-":
        return sys.stdin.buffer.read(REPLY_BYTES + 1)
    try:
        with Path(answer).open("rb") as file:
            return file.read(REPLY_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"--answer {answer}: {error.strerror}", fix="give a file that holds the reply, or - for standard input"
        ) from None
