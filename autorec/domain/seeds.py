"""Seeds derive from what is being done, never from the order of arrival."""

import hashlib


def derive_seed(*parts: object) -> int:
    """A seed in [0, 2**31) from the given parts; the same parts always give the same seed."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1
