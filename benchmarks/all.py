"""Make every table of benchmarks/README.md: each in a process of its own, on one thread.

    python benchmarks/all.py                 # the six tables of the core: three minutes
    python benchmarks/all.py --quick         # rougher, half the time; prints, and leaves the README alone
    python benchmarks/all.py report queues   # only these
    python benchmarks/all.py attention       # tables of torch and of the page are made by name: minutes each
    python benchmarks/all.py --long          # up to a million people

What is printed stands between the markers of its table in the README, with the command that makes it. Whether a target
is met is printed, never asserted; a table that could not be made leaves the old one, and exit code 1.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import measure


@dataclass(frozen=True)
class Table:
    """A script that prints a table."""

    about: str
    usual: bool = True  # made when no table is named
    args: tuple[str, ...] = ()
    quick: tuple[str, ...] = ("--quick",)
    long: tuple[str, ...] = ()


TABLES = {
    "report": Table("a trial of whole report, against what researchers write"),
    "people": Table("ten times the people", long=("--long",)),
    "queues": Table("the central stage as a queue"),
    "watch": Table("hours of sustained attention"),
    "divided": Table("divided attention"),
    "startup": Table("the list, a first result, the comparison"),
    "tuning": Table("what a fit costs", usual=False),
    "explore": Table("what a move of a slider costs", usual=False, quick=("--moves", "2")),
    "attention": Table(
        "what a gate and a mechanism cost", usual=False, args=("--threads", "1"), quick=("--rounds", "5")
    ),
    "huggingface": Table("limits on a Hugging Face model", usual=False, quick=("--rounds", "5")),
    "transformer": Table(
        "a whole transformer", usual=False, args=("--threads", "1"), quick=("--rounds", "5")
    ),
}


def printed(command: list[str]) -> str | None:
    """What this script prints, on one thread; None if it failed."""
    done = subprocess.run(
        [sys.executable, str(measure.HERE / command[0]), *command[1:]],
        env={**os.environ, **measure.ONE_THREAD},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.stdout.strip() if done.returncode == 0 else None


def _computed() -> float:
    """Processor seconds of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "names", nargs="*", metavar="TABLE", help=", ".join(f"{k}: {t.about}" for k, t in TABLES.items())
    )
    parser.add_argument("--quick", action="store_true", help="few rounds; the README stays as it is")
    parser.add_argument("--long", action="store_true", help="what takes an hour, too")
    asked = parser.parse_args()
    unknown = [name for name in asked.names if name not in TABLES]
    if unknown:
        parser.error(f"there is no table {', '.join(unknown)}; there are {', '.join(TABLES)}")
    failed = []
    for name in asked.names or [name for name, t in TABLES.items() if t.usual]:
        table = TABLES[name]
        command = [f"{name}.py", *table.args, *table.quick * asked.quick, *table.long * asked.long]
        start = time.perf_counter(), _computed()
        print(f"\n## {name}: {table.about}\n", flush=True)
        text = printed(command)
        if text is None:
            failed.append(name)
            print(f"{name} could not be made; the README keeps what it had", flush=True)
            continue
        wall, cpu = time.perf_counter() - start[0], _computed() - start[1]
        print(f"{text}\n\n(made in {wall:.0f} s, {cpu:.0f} s of processor time)", flush=True)
        if not asked.quick:
            made = (
                f"`python benchmarks/{' '.join(command)}`, {datetime.now(UTC):%Y-%m-%d}, {measure.machine()}."
            )
            measure.write(name, f"{made}\n\n{text}")
    if failed:
        print(f"\nnot made: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
