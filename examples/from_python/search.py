"""Everything that the command line does, from Python: `python search.py`."""

from pathlib import Path

import autorec

HERE = Path(__file__).parent
LOG, RUN = HERE.parent / "world.csv", HERE / "run"


def main() -> None:
    """Look at the data, judge one candidate, search, read the run again."""
    config = autorec.load_config({"data": LOG, "budget": "2m"})  # the keys of --config, and of the flags
    for name, value in autorec.load_data(config).describe().rows():
        print(f"{name:<26}{value}")

    mine = autorec.read_candidate(HERE.parent / "own_candidate")
    trained, printed = autorec.evaluate_candidate(mine, config.model_copy(update={"training": 2.0}))
    print(f"my candidate: {trained.outcome} {dict(trained.evaluation.metrics) if trained.evaluation else printed}")

    with autorec.begin(config, RUN) as sitting:  # autorec.resume(RUN) goes on with one that was stopped
        sitting.work()

    with autorec.read(RUN) as run:
        for record in run.state.records.values():
            print(record.number, record.name or record.id[:10], record.operator, record.ok, record.design)
        if run.state.champion is not None:
            print(run.files(run.state.champion)["model.py"])
            print(run.state.evidence)


if __name__ == "__main__":
    main()
