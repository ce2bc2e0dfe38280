"""Text for people: what candidates, models and data sets wrote is shown without its control characters."""

import unicodedata
from math import ceil

ACTS = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Categories of Unicode whose characters do something, or may one day: controls, formats, line ends, the unassigned."""


def plain(text: str) -> str:
    """The text with control and format characters (escape sequences, bidi overrides, odd line ends) made visible."""
    return "".join(map(_visible, text))


def _visible(character: str) -> str:
    acts = unicodedata.category(character) in ACTS and character not in "\n\t"
    return f"\\x{ord(character):02x}" if acts else character


def duration(seconds: float) -> str:
    """A duration as people read it: 4.8s, 48s, 12m 30s, 1h 05m."""
    whole = max(0, round(seconds))
    if whole < 10 and abs(seconds - whole) >= 0.05:
        return f"{seconds:.1f}s"
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02d}m"


def typed_duration(seconds: float) -> str:
    """A duration, no shorter, as `--budget` takes it: 48s, 12m30s, 1h5m."""
    whole = ceil(seconds)
    hours, rest = divmod(whole if whole < 3600 else 60 * ceil(whole / 60), 3600)
    parts = zip((hours, rest // 60, rest % 60), "hms", strict=True)
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"


def count(number: int, noun: str) -> str:
    """`1 family`, `2 families`."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def percent(share: float) -> int:
    """A share in whole percent."""
    return round(100 * share)


def sentence(text: str) -> str:
    """The text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def size(n_bytes: float) -> str:
    """Bytes as people read them."""
    for unit in ("B", "KiB", "MiB"):
        if n_bytes < 1024:
            return f"{n_bytes:.0f} {unit}" if unit == "B" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1024
    return f"{n_bytes:.1f} GiB"
