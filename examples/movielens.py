"""Download MovieLens 100K and split it by leave-one-out: `python examples/movielens.py [FOLDER]`.

Writes FOLDER/ml-100k/loo/{train,valid,test}.csv (user,item,rating,timestamp). Every rating is an interaction and
nothing is filtered. Per user, rows are ordered by time, ties by a hash of the row: the last one is test, the one before
valid. Needs a network, or the archive already downloaded (`--archive ml-100k.zip`). The data is for research only
and may not be redistributed: see the README inside the archive (https://grouplens.org/datasets/movielens/100k/).
"""

import argparse
import hashlib
import io
import sys
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

URL = "https://files.grouplens.org/datasets/movielens/ml-100k.zip"
MEMBER = "ml-100k/u.data"
N_ROWS = 100_000
HEADER = "user,item,rating,timestamp"
PARTS = ("train", "valid", "test")
Rows = npt.NDArray[np.int64]


def read_archive(content: bytes) -> Rows:
    """The ratings in the archive: int64 [n, 4], columns user, item, rating, timestamp."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        text = archive.read(MEMBER).decode("ascii")
    return np.array([line.split("\t") for line in text.splitlines()], dtype=np.int64)


def leave_one_out(rows: Rows) -> dict[str, Rows]:
    """The last row of a user is test, the one before valid; users with two rows or fewer are train."""
    order = np.lexsort([_tie_breaks(rows), rows[:, 3], rows[:, 0]])
    rows = rows[order]
    users, first, counts = np.unique(rows[:, 0], return_index=True, return_counts=True)
    owner = np.repeat(np.arange(len(users)), counts)
    from_end = (first + counts)[owner] - 1 - np.arange(len(rows))
    part = np.where(counts[owner] > 2, np.maximum(2 - from_end, 0), 0)
    return {name: rows[part == code] for code, name in enumerate(PARTS)}


def _tie_breaks(rows: Rows) -> npt.NDArray[np.uint64]:
    """A hash of (user, item, timestamp): breaking ties by item id or file order would favour some models."""
    digests = (hashlib.sha256(f"{u},{i},{t}".encode()).digest()[:8] for u, i, _, t in rows.tolist())
    return np.array([int.from_bytes(d, "big") for d in digests], dtype=np.uint64)


def write_parts(parts: dict[str, Rows], folder: Path) -> None:
    """Write train.csv, valid.csv and test.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in parts.items():
        np.savetxt(folder / f"{name}.csv", rows, fmt="%d", delimiter=",", header=HEADER, comments="")


def main() -> None:
    """Download, split, write."""
    parser = argparse.ArgumentParser(description="Download MovieLens 100K and split it by leave-one-out.")
    parser.add_argument("folder", type=Path, nargs="?", default=Path("data"), help="where to write (default: data)")
    parser.add_argument("--archive", type=Path, help="ml-100k.zip, where it is already there")
    chosen = parser.parse_args()
    try:
        content = chosen.archive.read_bytes() if chosen.archive else download()
    except (urllib.error.URLError, OSError) as error:
        sys.exit(f"cannot get MovieLens 100K: {error}\ndownload {URL} yourself and pass it as --archive ml-100k.zip")
    rows = read_archive(content)
    if len(rows) != N_ROWS:
        sys.exit(f"expected {N_ROWS:,} ratings in {MEMBER}, found {len(rows):,}: the archive is not MovieLens 100K")
    target = chosen.folder / "ml-100k" / "loo"
    write_parts(leave_one_out(rows), target)
    print(f"wrote {target}; try: autorec search --data {target} --split given --budget 15m")


def download() -> bytes:
    """The archive from GroupLens."""
    print(f"downloading {URL}")
    with urllib.request.urlopen(URL, timeout=60) as reply:
        content: bytes = reply.read()
    return content


if __name__ == "__main__":
    main()
