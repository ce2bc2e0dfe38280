"""A run opened to look at, while it goes on or after."""

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from autorec.domain.candidate import Candidate
from autorec.domain.errors import RunError, UsageError
from autorec.domain.state import Record, State
from autorec.journal import Journal
from autorec.ports import Objects
from autorec.schemas.replayed import go_on_line
from autorec.wiring.stored import stored_config

if TYPE_CHECKING:
    from autorec.store.folder import RunFolder

CHAMPION = "champion"


@dataclass(frozen=True, slots=True)
class RunReader:
    """A run's folder and its state now; closed at the end of a `with`. `at_work`: a process works on it."""

    folder: "RunFolder"
    state: State
    at_work: bool

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.folder.close()

    @property
    def objects(self) -> Objects:
        """Sources, prompts and replies, logs and predictions, by the digests that records name."""
        return self.folder.objects

    def record(self, name: str) -> Record:
        """The candidate of a baseline's name, or of the beginning of an id that no other candidate shares; or champion.

        Raises UsageError when there is none, or more than one.
        """
        if name == CHAMPION:
            return self._champion()
        named = [r for r in self.state.records.values() if r.name == name]
        found = named or [r for r in self.state.records.values() if r.id.startswith(name.lower())]
        if len(found) != 1:
            many = f"{len(found)} candidates of this run begin with {name!r}"
            raise UsageError(
                many if found else f"no candidate of this run is called {name!r}, and the id of none begins so",
                fix=f"`autorec list {self.folder.called}` shows the ids",
            )
        return found[0]

    def _champion(self) -> Record:
        if self.state.champion is not None:
            return self.state.records[self.state.champion]
        run, config = self.folder.called, stored_config(self.folder)[0].model_dump(mode="json")
        under_way = ("it is chosen when the search is over", [f"wait: `autorec status {run}` shows where it stands"])
        why, ways = {
            "finished": (self.state.champion_reason or "nothing valid was found", []),
            "running": under_way,
            "paused": under_way,
            "waiting": under_way,
            "interrupted": ("the run was interrupted", [f"{go_on_line(run, config)}, and chooses one"]),
        }[self.state.standing(self.at_work)]
        if any(record.ok for record in self.state.records.values()):
            ways = [*ways, f"name a candidate that completed: `autorec list {run}`"]
        begin = f"begin a new run with more --budget; `autorec list {run}` shows why nothing completed in this one"
        raise UsageError(f"the run {run} has no champion: {why}", fix="; or ".join(ways) or begin)

    def files(self, candidate: str) -> dict[str, str]:
        """A candidate's sources, path -> text."""
        return dict(Candidate.from_bytes(self.folder.objects.get(candidate)).files)


def read(path: Path | str) -> RunReader:
    """Open the run at `path` to look at it; a process may be at work on it.

    Raises RunError when it is no run.
    """
    from autorec.store.folder import RunFolder

    folder = RunFolder.open(Path(path))
    at_work = folder.at_work  # before the events: a run that ends meanwhile is finished, not interrupted
    journal = Journal(folder.events)
    if journal.empty:
        folder.close()
        raise RunError(f"{folder.path} holds no event: it was never fully begun", fix="begin a new run")
    return RunReader(folder, journal.state, at_work)
