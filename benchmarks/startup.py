"""How long `autorec --help` takes, and that it imports none of the heavy packages: `python benchmarks/startup.py`."""

import argparse
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

HEAVY = ("torch", "litellm", "openai", "optuna")
COMMAND = (sys.executable, "-m", "autorec", "--help")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=10)
    args = parser.parse_args()
    print(f"machine  {os.cpu_count()} cores, {processor()}, Python {platform.python_version()}")
    timed(COMMAND)
    seconds = [timed(COMMAND) for _ in range(args.repeats)]
    bare = [timed((sys.executable, "-c", "pass")) for _ in range(args.repeats)]
    print(
        f"--help   {statistics.median(seconds):.3f} s median of {args.repeats}, "
        f"{min(seconds):.3f} to {max(seconds):.3f} s; Python alone {statistics.median(bare):.3f} s"
    )
    loaded = imported()
    found = [name for name in HEAVY if name in loaded]
    print(f"imports  {len(loaded)} top-level packages, of {', '.join(HEAVY)}: {', '.join(found) or 'none'}")
    sys.exit(bool(found))


def timed(command: tuple[str, ...]) -> float:
    """Seconds by the clock from the start of the process to its end."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def imported() -> set[str]:
    """The top-level names of all modules that the command loads, as the interpreter itself tells (`-X importtime`)."""
    told = subprocess.run(
        (sys.executable, "-X", "importtime", *COMMAND[1:]), check=True, capture_output=True, text=True
    ).stderr
    return {name.split(".")[0] for name in re.findall(r"^import time:[^|]+\|[^|]+\|\s*(\S+)$", told, re.MULTILINE)}


def processor() -> str:
    """The model that the kernel names."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main()
