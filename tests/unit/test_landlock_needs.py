"""When the landlock tier is refused, and what is said then."""

from pathlib import Path

import pytest

from autorec.domain.errors import IsolationError
from autorec.execution.filters import require_filter
from autorec.execution.landlock import require_version
from autorec.execution.uids import FIRST_UID, UIDS, free_uid, require_open


@pytest.mark.parametrize(("version", "as_root", "linux"), [(0, False, "6.12"), (0, True, "6.2"), (2, True, "6.2"),
                                                           (2, False, "6.12"), (5, False, "6.12")])  # fmt: skip
def test_an_old_landlock_is_refused_with_the_kernel_that_would_do(version: int, as_root: bool, linux: str) -> None:
    with pytest.raises(IsolationError, match="Landlock") as caught:
        require_version(version, as_root=as_root)
    assert f"run Linux {linux} or later" in caught.value.fix


def test_a_uid_of_its_own_stops_signals_where_landlock_does_not() -> None:
    require_version(3, as_root=True)
    require_version(6, as_root=False)
    with pytest.raises(IsolationError, match="does not stop signals") as caught:
        require_version(3, as_root=False)
    assert "run as root" in caught.value.fix


def test_what_other_users_cannot_get_to_is_named_with_the_folder_that_is_closed(tmp_path: Path) -> None:
    data = tmp_path / "closed" / "data"
    data.mkdir(parents=True)
    data.parent.chmod(0o700)
    outermost = [folder for folder in (data.parent, *data.parent.parents) if folder.stat().st_mode & 1 == 0][-1]
    with pytest.raises(IsolationError, match=f"{outermost} is closed") as caught:
        require_open([data])
    assert caught.value.fix.startswith(f"chmod o+x {outermost} ")
    require_open([data], mounted=True)
    data.chmod(0o744)
    with pytest.raises(IsolationError, match=f"may not read {data}"):
        require_open([data], mounted=True)


def test_a_file_that_others_may_not_read_is_named() -> None:
    with pytest.raises(IsolationError, match="may not read /etc/shadow"):
        require_open([Path("/etc/shadow")])
    require_open([Path("/etc/passwd")])


def test_a_uid_is_one_of_our_own() -> None:
    assert free_uid() in range(FIRST_UID, FIRST_UID + UIDS)


def test_a_machine_without_a_filter_is_told_where_they_are_made() -> None:
    require_filter("walled", "aarch64")
    with pytest.raises(IsolationError, match="no system call filter for riscv64; there is one for aarch64, x86_64"):
        require_filter("walled", "riscv64")
