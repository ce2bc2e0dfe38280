"""Seeds derive from what is being done, never from the order of arrival."""

import hashlib

from autorec.domain.job import Stage


def derive_seed(*parts: object) -> int:
    """A seed in [0, 2**31) from the given parts; the same parts always give the same seed."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


def baseline_seed(candidate: str, stage: Stage) -> int:
    """The seed of a baseline's training, the same in every run, so that its result can be kept."""
    return derive_seed("baseline", candidate, stage)
