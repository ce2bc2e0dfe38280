"""The ```sh blocks of a document, carried out as they are written, a line at a time, in a folder of the reader's.

Searches are cut short through the environment, which flags would beat: so documents name a budget and leave the number
of candidates to it.
"""

import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHORT = {"MAX_CANDIDATES": "2", "POPULATION": "2", "TRAINING": "1s", "FINALISTS": "1", "WORKERS": "2",
         "BASELINES": "pop,ease", "SPARES": "0"}  # fmt: skip
OTHER_ROLE = {"BASELINES": "lr"}


def commands(document: Path) -> Iterator[str]:
    """Commands in order; a line that ends in a backslash goes on in the next."""
    for block in BLOCK.findall(document.read_text()):
        yield from (line for line in block.replace("\\\n", " ").splitlines() if line.strip())


def put_autorec_into(desk: Path) -> None:
    """`autorec` as a command of that folder, so that it is found there."""
    command = desk / "bin" / "autorec"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m autorec "$@"\n')
    command.chmod(command.stat().st_mode | stat.S_IXUSR)


def carry_out(command: str, desk: Path, **more: str) -> str:
    """What the command prints on standard output; it must succeed. `more` goes into its environment."""
    short = SHORT | (OTHER_ROLE if "--role ranking" in command else {})
    if "replay:" in command:  # takes all from its recording
        short, more = {}, {}
    environment = {
        **os.environ,
        **{f"AUTOREC_SEARCH_{name}": value for name, value in short.items()},
        "PATH": f"{desk / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        **more,
    }
    done = subprocess.run(
        ["bash", "-euc", command], cwd=desk, env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr}"
    return done.stdout
