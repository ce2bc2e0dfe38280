"""What every implementation of a port has to do, as checks that any test can call; they raise AssertionError."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

from autorec.domain.errors import StoreError
from autorec.ports import Objects


def check_objects(objects: Objects) -> None:
    """`ports.Objects`, from empty: what goes in comes out under its sha256, and nothing else does."""
    contents = [b"", b"a", b"\x00\xff" * 1000, "é".encode(), bytes(1 << 20)]
    _check_missing(objects, hashlib.sha256(b"a").hexdigest())
    for content in contents:
        assert objects.put(content) == hashlib.sha256(content).hexdigest(), "an object is named by its sha256"
    for content in contents:
        assert objects.get(hashlib.sha256(content).hexdigest()) == content, "what went in comes out, byte for byte"
    assert objects.put(b"a") == hashlib.sha256(b"a").hexdigest(), "to put an object twice is no error"
    for name in ("", "../run.db", "0" * 63, "0" * 64, "A" * 64):
        _check_missing(objects, name)
    _check_many_writers(objects)


def _check_missing(objects: Objects, digest: str) -> None:
    try:
        content = objects.get(digest)
    except StoreError:
        return
    raise AssertionError(f"{digest!r} was never put, yet gave {content[:40]!r}; expected StoreError")


def _check_many_writers(objects: Objects) -> None:
    contents = [bytes([number % 4]) * 10_000 for number in range(16)]
    with ThreadPoolExecutor(4) as pool:
        digests = list(pool.map(objects.put, contents))
    assert [objects.get(digest) for digest in digests] == contents, "writers of the same object do not disturb others"
