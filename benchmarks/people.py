"""Do ten times the people cost ten times as much? `ca.run` of whole report, 10 trials each, from 1,000 people on.

    python benchmarks/people.py [--long] [--quick]     # a minute; --long goes on to 1,000,000 people

One exposure, one arm, one thread, processor time. All sizes do the same work: the people are drawn anew in every run
(a process keeps those of its last run, up to 100,000; a million would not fit there). A round runs a size once and a
tenth of it three times. Medians of nine rounds, of three from 100,000 people on: the first one, when the memory is new,
costs a third more. Memory is the most that the process has held until then.

The table of a million people takes close to a gigabyte, which the system clears before it hands it out. What that costs
depends on the machine: a virtual one that gives memory back which is free for a second pays it again and again. So that
is measured, too: numpy fills as many rows of eleven columns, block by block, in as many seconds as the run took.
"""

from __future__ import annotations

import statistics
import time

import measure
import numpy as np

import cogattn as ca
from cogattn.runs import plan

SIZES, LONG, TRIALS, TARGET = (1_000, 10_000, 100_000), 1_000_000, 10, 10.5
COLUMNS, BLOCK = 11, 65_536  # what a run fills, and how much of it at a time


def main() -> None:
    parser = measure.options(__doc__, rounds=2)
    parser.add_argument("--long", action="store_true", help=f"also {LONG:,} people")
    asked = parser.parse_args()
    sizes = SIZES[:2] if asked.quick else SIZES + (LONG,) * asked.long
    task = ca.paradigms.get("whole_report")(exposures=(0.2,))

    def seconds(people: int) -> float:
        plan._crowd.cache_clear()
        return measure.cpu(lambda: ca.run(task, arms="human", people=people, trials=TRIALS, seed=0))

    def filled(rows: int, within: float) -> None:
        table, blocks = np.empty((COLUMNS, rows)), range(0, rows, BLOCK)
        for start in blocks:
            table[:, start : start + BLOCK] = 1.0
            time.sleep(within / len(blocks))

    seconds(100)  # compile
    lines = []
    for people in sizes:
        times, rows = min(9, max(3, measure.rounds_of(asked) * 20_000 // people)), people * TRIALS
        found, ratios = [], []
        for _ in range(times):
            tenth = statistics.median(seconds(people // 10) for _ in range(3))
            found.append(seconds(people))
            ratios.append(found[-1] / tenth)
        now, ratio = statistics.median(found), statistics.median(ratios)
        factor = "| |" if people == sizes[0] else f"{ratio:.2f} | {measure.met(ratio, TARGET)}"
        memory = statistics.median(measure.cpu(lambda n=rows, s=now: filled(n, s)) for _ in range(times))
        cells = (
            f"{people:,}",
            measure.short(now),
            measure.short(1e6 * now / rows),
            factor,
            measure.short(memory),
        )
        lines.append(" | ".join((*cells, f"{measure.peak():,.0f}")))
    heads = (
        "people",
        "s",
        "us per trial",
        "over a tenth of them",
        "target",
        "met",
        "numpy filling it [s]",
        "memory [MiB]",
    )
    print(measure.table(heads, lines))


if __name__ == "__main__":
    main()
