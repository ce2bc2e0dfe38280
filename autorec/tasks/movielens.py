"""MovieLens as GroupLens hands it out: ratings without a header, and files of movies and users beside them.

100K has `u.data` (tabs) with `u.item` and `u.user`; 1M and 10M have `ratings.dat` with `movies.dat` and `users.dat`
(two colons); later ones `ratings.csv` with `movies.csv` and headers. See https://grouplens.org/datasets/movielens/.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from autorec.tasks.datasets import Side
from autorec.tasks.delimited import Dialect, Table, first_lines, open_table
from autorec.tasks.features import FeatureTable, Kind, of_texts

RATINGS = ("u.data", "ratings.dat", "ratings.csv")
HEADER = ("user_id", "item_id", "rating", "timestamp")
CSV_HEADER = ("userId", "movieId", "rating", "timestamp")
LARGEST_RATING = 10.0
EARLIEST = 100_000_000
"""In seconds: 1973. Smaller integers are no times."""
GENRES = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama"),
    *("Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
)
ITEM_FILE = ("item_id", "title", "release_date", "video_date", "url", *GENRES)
USER_FILE = ("user_id", "age", "gender", "occupation", "zip_code")
MOVIES_DAT = ("item_id", "title", "genres")
USERS_DAT = ("user_id", "gender", "age", "occupation", "zip_code")
KINDS: Mapping[str, Kind] = {"title": "token_seq", "zip_code": "token", "occupation": "token"}


def ratings_file(folder: Path) -> Path | None:
    """The file of ratings in a MovieLens folder, None where there is none."""
    return next((folder / name for name in RATINGS if (folder / name).is_file()), None)


def open_ratings(path: Path) -> Table | None:
    """Rows of user, item, rating and time without a header, or `ratings.csv`; None where the text is neither."""
    lines = first_lines(path)
    for delimiter in ("\t", "::"):
        if lines and all(_is_rating(line.split(delimiter)) for line in lines):
            return Table(path=path, dialect=Dialect(delimiter, quoted=False), header=HEADER, headed=False)
    table = open_table(path) if lines and lines[0].strip() == ",".join(CSV_HEADER) else None
    return table


def _is_rating(fields: Sequence[str]) -> bool:
    try:
        user, item, rating, time = fields
        return int(user) >= 0 and int(item) >= 0 and 0 <= float(rating) <= LARGEST_RATING and int(time) >= EARLIEST
    except ValueError:
        return False


def features_beside(ratings: Path) -> tuple[FeatureTable, ...]:
    """Features of movies and users from the files of the same release. Raises DataError where one is broken."""
    return tuple(_features_beside(ratings.parent, ratings.name))


def _features_beside(folder: Path, ratings: str) -> Iterator[FeatureTable]:
    if ratings == "u.data" and (folder / "u.item").is_file():
        yield _movies_of_100k(folder / "u.item")
    if ratings == "u.data" and (folder / "u.user").is_file():
        yield _table("user", folder / "u.user", "|", USER_FILE)
    if ratings == "ratings.dat" and (folder / "movies.dat").is_file():
        yield _table("item", folder / "movies.dat", "::", MOVIES_DAT)
    if ratings == "ratings.dat" and (folder / "users.dat").is_file():
        yield _table("user", folder / "users.dat", "::", USERS_DAT)
    if ratings == "ratings.csv" and (folder / "movies.csv").is_file():
        yield _of_table("item", open_table(folder / "movies.csv"))


def _movies_of_100k(path: Path) -> FeatureTable:
    """Genres stand as 19 columns of 0 and 1; the date as 01-Jan-1995."""
    columns = dict(zip(ITEM_FILE, _open(path, "|", ITEM_FILE).whole(), strict=True))
    flags = zip(*(columns[genre] for genre in GENRES), strict=True)
    genres = ["|".join(g for g, flag in zip(GENRES, row, strict=True) if flag == "1") for row in flags]
    years = [date[-4:] for date in columns["release_date"]]
    told = {"title": columns["title"], "release_year": years, "genres": genres}
    return of_texts("item", path.name, columns["item_id"], told, {**KINDS, "genres": "token_seq"})


def _table(side: Side, path: Path, delimiter: str, header: tuple[str, ...]) -> FeatureTable:
    return _of_table(side, _open(path, delimiter, header))


def _of_table(side: Side, table: Table) -> FeatureTable:
    keys, *columns = table.whole()
    return of_texts(side, table.path.name, keys, dict(zip(table.header[1:], columns, strict=True)), KINDS)


def _open(path: Path, delimiter: str, header: tuple[str, ...]) -> Table:
    return Table(
        path=path, dialect=Dialect(delimiter, quoted=False, encoding=_encoding(path)), header=header, headed=False
    )


def _encoding(path: Path) -> str:
    """Older releases are Latin-1, later ones UTF-8."""
    try:
        path.read_bytes().decode()
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig"
