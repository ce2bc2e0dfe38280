"""Whatever is put, comes back: over any order of puts, and over any damage to the files."""

from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from autorec.domain.errors import StoreError
from autorec.store.objects import ObjectFolder

contents = st.binary(max_size=60)


@settings(max_examples=40, deadline=None)
@given(st.lists(contents, max_size=6))
def test_what_was_put_comes_back_after_reopening(puts: list[bytes]) -> None:
    with TemporaryDirectory() as folder:
        digests = [ObjectFolder(Path(folder)).put(content) for content in puts]
        reopened = ObjectFolder(Path(folder))
        assert [reopened.get(digest) for digest in digests] == puts
        assert len(list(Path(folder).glob("*/*"))) == len(set(puts))


@settings(max_examples=40, deadline=None)
@given(contents, contents)
def test_damage_never_comes_back_as_content(content: bytes, damage: bytes) -> None:
    with TemporaryDirectory() as folder:
        objects = ObjectFolder(Path(folder))
        digest = objects.put(content)
        (Path(folder) / digest[:2] / digest[2:]).write_bytes(damage)
        try:
            assert sha256(objects.get(digest)).hexdigest() == digest
        except StoreError:
            assert damage != content
