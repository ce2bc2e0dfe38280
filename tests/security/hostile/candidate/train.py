"""Runs the attacks that host.json names, one after the other. RAN says that one began, SAID what it got."""

import json
from pathlib import Path
from types import SimpleNamespace

import attacks


def fit(recommender, data, params, run):
    told = json.loads(Path(__file__).with_name("host.json").read_text())
    host = SimpleNamespace(**told, recommender=recommender, run=run)
    host.out = host.out or str(Path("out").resolve())
    host.job_parent = str(Path.cwd().parent)
    if not Path(host.data).exists():
        host.data, host.query = "/data", "/query"
    for name in host.names:
        host.name, host.token = name, f"<{name}>".encode()
        print("\nRAN", name, flush=True)
        try:
            said = str(getattr(attacks, name)(host))
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
        print("\nSAID", name, json.dumps(said), flush=True)
