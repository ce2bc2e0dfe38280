"""What a candidate printed: untrusted text, kept within bounds."""

import re

CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
HEAD_SHARE = 4


class CappedLog:
    """Keeps the first quarter and the last three quarters of `cap_bytes`; what lies between is counted only."""

    def __init__(self, cap_bytes: int) -> None:
        self._head_cap = cap_bytes // HEAD_SHARE
        self._tail_cap = cap_bytes - self._head_cap
        self._head = bytearray()
        self._tail = bytearray()
        self.total_bytes = 0

    def add(self, chunk: bytes) -> None:
        self.total_bytes += len(chunk)
        room = self._head_cap - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[room:] if room < len(chunk) else b""
        del self._tail[: -self._tail_cap or None]

    def text(self) -> str:
        """Readable text: no terminal escapes, and a line that says how much is left out."""
        left_out = self.total_bytes - len(self._head) - len(self._tail)
        gap = f"\n... {left_out} bytes left out ...\n" if left_out else ""
        return "".join((printable(bytes(self._head)), gap, printable(bytes(self._tail))))


def printable(raw: bytes) -> str:
    """Text without control characters but newline and tab."""
    return CONTROL_CHARACTERS.sub("", raw.decode("utf-8", errors="replace").replace("\r\n", "\n").replace("\r", "\n"))


def last_lines(text: str, count: int = 1, width: int = 500) -> str:
    """The last `count` lines that are not blank, each cut to `width`."""
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join(line[:width] for line in lines[-count:])
