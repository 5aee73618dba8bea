"""Do ten times the people cost ten times as much? `ca.run` of whole report, 10 trials each, from 1,000 people on.

    python benchmarks/people.py [--long] [--quick]     # a minute; --long goes on to 1,000,000 people

One exposure, one arm, one thread, processor time. All sizes do the same work: the people are drawn anew in every run
(a process keeps those of its last run, up to 100,000; a million would not fit there). A round runs a size once and a
tenth of it three times. Medians of nine rounds, of three from 100,000 people on: the first one, when the memory is new,
costs a third more. Memory is the most that the process has held until then.

The table of a million people takes 400 megabytes of memory, which the system clears before it hands it out. What that
costs depends on the machine: a virtual one that gives memory back which is free for a second pays it again and again.
So that is measured, too: numpy fills as many rows of five columns, block by block, in as many seconds as the run took.
And all is played once more by a process that keeps the memory it has had (mallopt of glibc, and Arrow asks glibc, too):
there it is the program alone.
"""

from __future__ import annotations

import ctypes
import statistics
import sys
import time

import measure
import numpy as np
import pyarrow as pa

import cogattn as ca
from cogattn.runs import plan

SIZES, LONG, TRIALS, TARGET = (1_000, 10_000, 100_000), 1_000_000, 10, 10.5
COLUMNS, BLOCK = 5, 65_536  # what a run fills (of 8 bytes), and how much of it at a time


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

    def both(people: int) -> tuple[float, float]:
        """Seconds of so many people, and how often a tenth of them would have taken that: medians."""
        found, ratios = [], []
        for _ in range(rounds_of(people)):
            tenth = statistics.median(seconds(people // 10) for _ in range(3))
            found.append(seconds(people))
            ratios.append(found[-1] / tenth)
        return statistics.median(found), statistics.median(ratios)

    def rounds_of(people: int) -> int:
        return min(9, max(3, measure.rounds_of(asked) * 20_000 // people))

    seconds(100)  # compile
    taken, cleared, peaks = {}, {}, {}
    for people in sizes:
        taken[people] = both(people)
        rows, within = people * TRIALS, taken[people][0]
        cleared[people] = statistics.median(
            measure.cpu(lambda n=rows, s=within: filled(n, s)) for _ in range(rounds_of(people))
        )
        peaks[people] = measure.peak()
    kept = _keep_memory()
    lines = []
    for people in sizes:
        now, ratio = taken[people]
        factor, again = "| |", "| |"
        if people != sizes[0]:
            factor = f"{ratio:.2f} | {measure.met(ratio, TARGET)}"
            if kept:
                seconds(people)  # the memory is new once
                own = both(people)[1]
                again = f"{own:.2f} | {measure.met(own, TARGET)}"
        cells = (
            f"{people:,}",
            measure.short(now),
            measure.short(1e6 * now / (people * TRIALS)),
            factor,
            again,
            measure.short(cleared[people]),
        )
        lines.append(" | ".join((*cells, f"{peaks[people]:,.0f}")))
    heads = (
        "people",
        "s",
        "us per trial",
        "over a tenth of them",
        "target",
        "met",
        "over a tenth, memory kept",
        "target",
        "met",
        "numpy filling it [s]",
        "memory [MiB]",
    )
    print(measure.table(heads, lines))


def _keep_memory() -> bool:
    """From now on this process gives no memory back, whatever it frees. False: the system has no such setting."""
    if not sys.platform.startswith("linux"):
        return False
    trim, mmap_at, most = -1, -3, 2**31 - 1  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of malloc.h
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    pa.set_memory_pool(pa.system_memory_pool())
    return bool(mallopt(trim, most) and mallopt(mmap_at, most))


if __name__ == "__main__":
    main()
