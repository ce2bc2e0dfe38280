"""Raw ids, and the numbers by which the model knows them."""

import csv
import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from recommender.runtime.refusal import Refusal

SHOWN = 5


@dataclass(frozen=True)
class Ids:
    """`raw[n]` is the id, as the log has it, of what the model calls `n`."""

    kind: str
    raw: tuple[str, ...]

    @classmethod
    def read(cls, file: Path, kind: str) -> "Ids":
        """A CSV with the columns `<kind>_id` and `number`, in order of number."""
        with file.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.reader(lines))[1:]
        if [number for _, number in rows] != [str(n) for n in range(len(rows))]:
            raise Refusal(f"{file}: expected the numbers 0 to {len(rows) - 1} in order", "restore the file from a copy")
        return cls(kind, tuple(raw for raw, _ in rows))

    def write(self, file: Path) -> None:
        lines = (f"{cell(raw)},{number}\n" for number, raw in enumerate(self.raw))
        with file.open("w", encoding="utf-8", newline="") as out:
            out.writelines((f"{self.kind}_id,number\n", *lines))

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        return {raw: number for number, raw in enumerate(self.raw)}

    def find(self, wanted: Sequence[str], fix: str) -> list[int]:
        """The numbers of raw ids. Raises Refusal that names those that are unknown, and what comes near."""
        unknown = [raw for raw in dict.fromkeys(wanted) if raw not in self.numbers]
        if unknown:
            named = ", ".join(self._with_near(raw) for raw in unknown[:SHOWN])
            more = f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
            raise Refusal(f"the model knows no {self.kind} {named}{more}", fix)
        return [self.numbers[raw] for raw in wanted]

    def _with_near(self, raw: str) -> str:
        near = difflib.get_close_matches(raw, self.raw, n=1, cutoff=0.8) if len(self.raw) <= 100_000 else []
        return f"{raw!r} (near: {near[0]!r})" if near else repr(raw)


def cell(text: str) -> str:
    """A field of a CSV line, in quotes where it must be."""
    special = any(c in text for c in ',"\r\n') or text != text.strip()
    return '"' + text.replace('"', '""') + '"' if special or not text else text


def in_lines(lines: Iterable[str]) -> Iterator[str]:
    """The first field of every line of a CSV; a header `user_id` or `item_id` is left out."""
    for number, row in enumerate(csv.reader(lines)):
        if row and not (number == 0 and row[0] in ("user_id", "item_id")):
            yield row[0]
