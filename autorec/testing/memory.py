"""A store of objects in memory."""

import hashlib

from autorec.domain.errors import StoreError


class MemoryObjects:
    """Implements `ports.Objects`; gone with the process."""

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}

    def put(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        self._contents[digest] = bytes(content)
        return digest

    def holds(self, digest: str) -> bool:
        return digest in self._contents

    def remove(self, digest: str) -> None:
        self._contents.pop(digest, None)

    def get(self, digest: str) -> bytes:
        if digest not in self._contents:
            raise StoreError(f"object {digest} is not in memory")
        return self._contents[digest]
