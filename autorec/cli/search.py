"""The commands that search: search, resume."""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autorec.cli import options

if TYPE_CHECKING:
    from autorec.cli.progress import Progress
    from autorec.domain.state import State
    from autorec.wiring import Replay, RunReader, Sitting


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(search)
    app.command()(resume)


@options.takes_data
def search(
    chosen: Mapping[str, Any],
    llm: Annotated[
        list[str] | None,
        typer.Option(
            help="Language model as provider/model; mailbox:DIR: you answer, by files; replay:DIR: a recording is "
            "played again. Repeatable: more is asked of those whose answers pay. None: the policy writes alone.",
            rich_help_panel="Proposers",
        ),
    ] = None,
    llm_fallback: Annotated[
        list[str] | None,
        typer.Option(
            help="Language model that is asked where another gives no answer; repeatable.", rich_help_panel="Proposers"
        ),
    ] = None,
    api_base: Annotated[
        str | None, typer.Option(help="Address of an OpenAI-compatible server.", rich_help_panel="Proposers")
    ] = None,
    hypothesis: Annotated[
        list[str] | None,
        typer.Option(help="A sentence for the language model to test; repeatable.", rich_help_panel="Proposers"),
    ] = None,
    seed_code: Annotated[
        list[Path] | None,
        typer.Option(help="A folder with a candidate of your own; repeatable.", rich_help_panel="Proposers"),
    ] = None,
    approve: Annotated[
        bool | None,
        typer.Option(
            "--approve",
            help="Ask before a candidate is run that you did not write: `autorec approve RUN` answers. The budget's "
            "clock stands still while the run waits for you alone.",
            rich_help_panel="Proposers",
        ),
    ] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(
            help="Folder of templates that replace or extend the built-in prompts.", rich_help_panel="Proposers"
        ),
    ] = None,
    memory: Annotated[
        Path | None,
        typer.Option(
            help="File of lessons: those of earlier runs are told to language models, and this run's are added.",
            rich_help_panel="Proposers",
        ),
    ] = None,
    search_space: options.SearchSpace = None,
    budget: options.Budget = None,
    max_candidates: Annotated[
        int | None, typer.Option(help="Stop after so many, baselines apart.", rich_help_panel="Search")
    ] = None,
    max_usd: Annotated[
        float | None, typer.Option(help="Stop asking language models at this cost.", rich_help_panel="Search")
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option(
            help="Stop asking language models at so many tokens, prompts and replies together.",
            rich_help_panel="Search",
        ),
    ] = None,
    workers: options.Workers = None,
    population: Annotated[int | None, typer.Option(help="Candidates a generation.", rich_help_panel="Search")] = None,
    training: options.Training = None,
    baselines: options.Baselines = None,
    seed: options.Seed = None,
    retrain: Annotated[
        bool | None,
        typer.Option(
            "--retrain",
            help="With --llm replay:DIR: train the recorded candidates again, and say where the figures part.",
            rich_help_panel="Run",
        ),
    ] = None,
    run: Annotated[str | None, typer.Option(help="A name under runs/, or a path.", rich_help_panel="Run")] = None,
    isolation: options.Isolation = None,
    unsafe_no_sandbox: options.NoSandbox = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Search for a recommender: write candidates, train them in a sandbox, judge them, keep the best, go on from them.

    Flags beat environment (AUTOREC_SEARCH_BUDGET=15m) beat --config beat defaults.

    Examples:
      autorec search --budget 3m

      autorec search --data ratings.csv --budget 20m

      autorec search --data ml-100k --llm openai/gpt-5 --max-usd 2 --hypothesis "tastes drift within a week"

      autorec search --llm mailbox:letters

      autorec search --llm replay:recording

    """
    from autorec.cli import replay
    from autorec.schemas.config import load_config
    from autorec.wiring import begin

    flags = {
        **chosen,
        "llm": tuple(llm or ()),
        "llm_fallback": tuple(llm_fallback or ()),
        "api_base": api_base,
        "hypotheses": tuple(hypothesis or ()),
        "seed_code": tuple(seed_code or ()),
        "approve": approve,
        "prompts": prompts,
        "memory": memory,
        "search_space": search_space,
        "budget": budget,
        "max_candidates": max_candidates,
        "max_usd": max_usd,
        "max_tokens": max_tokens,
        "workers": workers,
        "population": population,
        "training": training,
        "baselines": baselines,
        "seed": seed,
        "isolation": isolation,
        "unsafe_no_sandbox": unsafe_no_sandbox,
        "retrain": retrain,
        "run": run,
    }
    resolved = load_config(flags, config)
    options.warn_of(resolved.unsafe_no_sandbox)
    path = _run_path(resolved.run)
    progress = _progress(resolved.budget, 0.0, resolved.max_usd, resolved.max_tokens)
    if replay.wanted(resolved):
        with replay.following(resolved, path, progress) as playing:
            _finish(playing, progress, path, as_json)
        return
    with begin(resolved, path, (progress.listen,)) as sitting:
        _introduce(sitting, path)
        _finish(sitting, progress, path, as_json)


def resume(
    run: Annotated[str, typer.Argument(help="a name under runs/, or a path")],
    budget: options.Budget = None,
    as_json: options.Json = False,
) -> None:
    """Go on with a run that was paused, stopped or killed; what was in flight runs again, nothing else.

    Where a process works on a paused run, that one goes on.

    Example: autorec resume demo --budget 30m
    """
    from autorec.cli.reader import read_run
    from autorec.domain.errors import UsageError
    from autorec.domain.text import plain
    from autorec.schemas.config import parse_duration
    from autorec.wiring import refuse_replay, will_be_paused
    from autorec.wiring import resume as take_up

    reader = read_run(run)
    path, worked_s = reader.folder.path, reader.folder.events.worked_s()
    try:
        budget_s = parse_duration(budget) if budget else None
    except ValueError as error:
        raise UsageError(f"--budget: {error}", fix="give a duration, as 90s, 20m or 1h30m") from None
    if reader.at_work and will_be_paused(reader.folder, reader.state):
        _end_pause(path, budget)
        return
    refuse_replay(reader.folder)
    if budget and reader.state.search_ended is not None:
        raise UsageError(
            f"the search of {reader.folder.called} is over ({reader.state.search_ended}); "
            "another budget cannot reopen it",
            fix=_instead_of_budget(reader, budget),
        )
    reader.folder.close()
    progress = _progress(budget_s or 0.0, worked_s, None, None)
    with take_up(path, (progress.listen,), budget_s) as sitting:
        for note in sitting.notes:
            print(plain(f"note   {note}"), file=sys.stderr)
        options.warn_of(sitting.config.unsafe_no_sandbox)
        caps = sitting.config
        progress.set_limits(budget_s=caps.budget, max_usd=caps.max_usd, max_tokens=caps.max_tokens)
        _finish(sitting, progress, path, as_json)


def _end_pause(path: Path, budget: str | None) -> None:
    from autorec.cli.terminal import say
    from autorec.domain.errors import UsageError
    from autorec.store.folder import called
    from autorec.wiring import go_on

    if budget:
        raise UsageError(
            f"a process works on {path}, and keeps the budget that it began with",
            fix=f"`autorec resume {called(path)}` has it go on; with another budget once that process has been ended",
        )
    receipt = go_on(path)
    say(f"command {receipt.number} is read within seconds: the process that works on {called(path)} goes on")


def _instead_of_budget(reader: "RunReader", budget: str) -> str:
    """What to do with a run whose search is over, instead of giving it another budget."""
    from autorec.schemas.flags import data_flags
    from autorec.wiring import stored_config

    run, champion = reader.folder.called, reader.folder.path / "champion"
    if reader.state.ended is None:
        return f"`autorec resume {run}`, without --budget, goes on with its finals"
    again = f"autorec search{data_flags(stored_config(reader.folder)[0].model_dump(mode='json'))}"
    if reader.state.champion is None:
        return f"begin a new one: {again} --budget {quote(budget)}"
    if champion.is_dir():
        return f"begin a new one from its champion: {again} --seed-code {quote(str(champion))} --budget {quote(budget)}"
    write = f"autorec show {run} champion --code-to champion"
    return f"begin a new one from its champion: {write}; then {again} --seed-code champion --budget {quote(budget)}"


def _finish(sitting: "Sitting | Replay", progress: "Progress", path: Path, as_json: bool) -> None:
    from autorec.cli.summary import as_json as summary
    from autorec.cli.summary import show_result
    from autorec.cli.terminal import Screen
    from autorec.wiring import stored_config

    config = stored_config(sitting.folder)[0].model_dump(mode="json")
    progress.follow(sitting.folder.called, sitting.journal.state)
    with _saved_on_interrupt(sitting.folder.called, config), progress.live():
        state = sitting.work()
    code = sitting.lay_out_champion()
    if as_json:
        print(json.dumps(summary(state, str(path), sitting.worked_s, config)))
    else:
        show_result(Screen(), state, sitting.folder.called, code, str(path / "champion"), config)
    if _nothing_valid(state):
        raise typer.Exit(options.NOTHING_VALID)


def _introduce(sitting: "Sitting", path: Path) -> None:
    from autorec.domain.control import held_line
    from autorec.domain.text import count, duration, plain

    task, material, plan = sitting.arena.task, sitting.arena.material, sitting.plan
    size = ", ".join(f"{count:,} {what}" for what, count in task.sizes.items())
    lines = [
        f"run    {path}",
        f"data   {task.data_name}: {size}; split {task.split_rule}",
        *(f"       {note}" for note in (*material.data.notes, *material.split.notes)),
        f"judge  controls: {held_line(sitting.journal.state.controls)}",
        *_mailbox_lines(sitting.config.llm),
        f"time   {duration(plan.budget_s)} in all: {duration(plan.training_s)} training a candidate, "
        f"{sitting.config.workers} at a time; {duration(plan.reserve_s)} kept for {count(plan.finalists, 'finalist')} "
        "and the sealed test",
        *_money(sitting),
    ]
    print(plain("\n".join(lines)), file=sys.stderr)


def _money(sitting: "Sitting") -> list[str]:
    """What language models may cost; nothing where none is asked."""
    from autorec.wiring.estimate import estimate

    expected = estimate(sitting.config, sitting.plan, sitting.journal.state, sitting.arena.limits)
    return [f"{head:<6} {line}" for head, line in zip(("cost", ""), expected.lines(), strict=True)] if expected else []


def _mailbox_lines(llm: Sequence[str]) -> list[str]:
    from autorec.schemas.model_names import MAILBOX, folder_of

    folder = folder_of(llm, MAILBOX)
    return [f"model  you: requests come to {folder}; `autorec mailbox {folder}` shows what waits"] if folder else []


def _nothing_valid(state: "State") -> bool:
    return state.champion is None


@contextmanager
def _saved_on_interrupt(run: str, config: Mapping[str, Any]) -> Iterator[None]:
    from autorec.schemas.replayed import go_on_line

    try:
        yield
    except KeyboardInterrupt:
        print(f"\nstopped; everything decided so far is saved; {go_on_line(run, config)}", file=sys.stderr)
        raise


def _progress(budget_s: float | None, worked_s: float, max_usd: float | None, max_tokens: int | None) -> "Progress":
    from autorec.cli.progress import Progress
    from autorec.cli.terminal import Screen

    return Progress(Screen(stderr=True), budget_s=budget_s, worked_s=worked_s, max_usd=max_usd, max_tokens=max_tokens)


def _run_path(name: str | None) -> Path:
    from autorec.store.folder import RUNS, resolve_run

    if name is not None:
        return resolve_run(name)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    path, tries = RUNS / stamp, 1
    while path.exists():
        tries += 1
        path = RUNS / f"{stamp}-{tries}"
    return path
