"""Every benchmark runs, at a small size, and prints the figures that it is there for. None is held to a target."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
NUMBER = r"\d[\d,]*(?:\.\d+)?"
QUICK = {
    "bookkeeping.py": ("--candidates", 12),
    "catalogue_memory.py": ("--items", 60, "--users", 50, "--events", 1500, "--designs", "ease", "--training-s", 5),
    "data.py": ("--rows", 3000, "--users", 60),
    "judge.py": ("--users", 300, "--items", 200, "--repeats", 1),
    "large_data.py": ("--rows", 5000, "--workers", 2),
    "prompts.py": ("--candidates", 12),
    "retrieval_designs.py": ("LOG", "--seconds", 0.2, "--designs", "pop", "ease_recency", "sasrec", "random:3"),
    "sandbox.py": (
        *("--repeats", 1, "--training-s", 2, "--pairs", 1, "--steps", 2),
        *("--trivial", 2, "--short", 2, "--short-s", 1),
    ),
    "selection.py": ("--candidates", 40),
    "startup.py": ("--repeats", 1),
}
"""Flags that make each take seconds; LOG stands for a small log."""
SANDBOXED = ("catalogue_memory.py", "sandbox.py")
FIGURES = {
    "bookkeeping.py": ("all .* N ms a candidate over 12", "propose .*N ms", "record .*N ms", "select .*N ms"),
    "catalogue_memory.py": ("60 items +ease +completed +peak +N MiB",),
    "data.py": (
        "load 3,000 rows of CSV +N s",
        *(f"load and split them, {rule} +N s" for rule in ("temporal", "loo", "ratio")),
        "generate the synthetic world +N s",
        *(rf"{part} \(N warm.*pop N, ease 50 N" for part in ("select", "confirm", "test")),
    ),
    "judge.py": ("first +N s", "judge +N s median of 1", " N s of processor time"),
    "large_data.py": (
        *(rf"{step} +N s, +N s of CPU, peak +N MiB" for step in ("load log.parquet", "split, auto")),
        *(f"write the {what} +N s" for what in ("training bundle", "query of select", "query of test")),
        *(f"{workers} processes: PSS grows by +-?N MiB" for workers in (1, 2)),
    ),
    "prompts.py": (
        "12 candidates, each looked at once: N ms a candidate",
        *(
            f"{name} +N ms to render, +N ms to read the reply, N tokens, N candidates"
            for name in ("draft", "crossover")
        ),
    ),
    "retrieval_designs.py": tuple(
        rf"{design} +N +N +N +\{{" for design in ("pop", "ease_recency", "sasrec", "random:3")
    ),
    "sandbox.py": (
        "cold +N s",
        "warm +N ms to the first line",
        "spare +N MiB",
        "canaries +6 of 6 held in N s",
        "kill +N ms until nothing is left",
        "walls +[+-]N % training time",
        "harness +N %",
        "burst .* N ms",
        "sustained +N trivial candidates a second",
        "occupancy +N %",
    ),
    "selection.py": (*(f"propose +N ms, .* after {n} candidates" for n in (4, 20, 30)), "select +N ms", "resume +N ms"),
    "startup.py": ("--help +N s median of 1", "imports +N top-level packages, .*: none"),
}
"""What each must print, as a regular expression in which N stands for a number."""


def test_every_benchmark_is_run_here() -> None:
    assert {file.name for file in (ROOT / "benchmarks").glob("*.py")} == set(QUICK) == set(FIGURES)


@pytest.mark.parametrize("name", [name for name in QUICK if name not in SANDBOXED])
def test_a_benchmark_prints_its_figures(name: str, small_log: Path) -> None:
    check(name, small_log)


@pytest.mark.sandbox
@pytest.mark.parametrize("name", SANDBOXED)
def test_a_benchmark_in_the_sandbox_prints_its_figures(name: str, bubblewrap: None, small_log: Path) -> None:
    check(name, small_log)


@pytest.fixture
def bubblewrap(isolation: str) -> None:
    """Those benchmarks measure bubblewrap, and no other tier."""
    if isolation != "bwrap":
        pytest.skip(f"bubblewrap is not the tier of this machine, {isolation} is")


def check(name: str, log: Path) -> None:
    flags = [str(log if flag == "LOG" else flag) for flag in QUICK[name]]
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / name), *flags],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    for figure in FIGURES[name]:
        assert re.search(figure.replace("N", NUMBER), done.stdout), f"{figure}\n{done.stdout}"
