"""What the scripted model learns: lessons that it reads off the figures of a prompt, as a model would."""

import re

_DECIDED = re.compile(
    r"^- #(?P<number>\d+) \((?P<operator>\w+)(?P<parents>[^)]*)\): .*\n  (?:[\w@]+ (?P<value>[\d.]+)|(?P<failed>.*))",
    re.MULTILINE,
)
_PARENT = re.compile(r"which has ([\d.]+)")
_KNOWN = re.compile(r"^- (L\d+) \([^)]*\): (.*)$", re.MULTILINE)
BETTERED = "A change of a candidate that was judged scores more than what it was made from."
FAILED = "What is not tried on a small batch before it trains fails in its first minute."


def look_back(prompt: str) -> str:
    """A reply to a prompt of the operator `reflect`."""
    gained: list[str] = []
    lost: list[str] = []
    failed: list[str] = []
    for row in _DECIDED.finditer(prompt):
        name = f"#{row['number']}"
        parents = [float(value) for value in _PARENT.findall(row["parents"])]
        if row["value"] is None:
            failed.append(name)
        elif parents:
            (gained if float(row["value"]) > max(parents) else lost).append(name)
    known = {sentence: number for number, sentence in _KNOWN.findall(prompt)}
    entries = [
        _entry(BETTERED, known, "data, encoder", gained, lost),
        _entry(FAILED, known, "code", failed, []),
    ]
    return "\n".join(filter(None, entries)) or "nothing new\n"


def _entry(sentence: str, known: dict[str, str], about: str, held: list[str], against: list[str]) -> str:
    """A lesson that rests on something, new or known; else nothing."""
    if not held and not (against and sentence in known):
        return ""
    lines = [f"known: {known[sentence]}"] if sentence in known else [f"lesson: {sentence}", f"about: {about}"]
    lines += [f"supported by: {', '.join(held)}"] if held else []
    lines += [f"contradicted by: {', '.join(against)}"] if against else []
    return "\n".join(lines) + "\n"
