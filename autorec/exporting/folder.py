"""A new folder that appears whole or not at all."""

import shlex
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autorec.domain.errors import StoreError, UsageError

FOLDER_MODE = 0o755


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A temporary folder beside `target`, which takes its name when the block ends well, and is removed otherwise.

    Raises UsageError where `target` is there and not an empty folder, StoreError where the disk refuses.
    """
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise UsageError(
            f"{target} exists and is not an empty folder",
            fix=f"name a folder that does not exist, or remove this one: rm -r {shlex.quote(str(target))}",
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise _refused(target, error) from error
    try:
        yield made
        made.chmod(FOLDER_MODE)
        made.rename(target)
    except OSError as error:
        raise _refused(target, error) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _refused(target: Path, error: OSError) -> StoreError:
    return StoreError(
        f"cannot write {target}: {error.strerror or error}", fix="free space, or name a folder that you may write to"
    )
