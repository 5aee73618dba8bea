"""How much faster does a compiled loop drive a mind than SimPy? Ratios per trial, side by side in one run.

    python benchmarks/mind.py [--rounds 7]

One trial: six letters for 200 ms, all masked (31 events). SimPy is the same mind driven by `mind.world`; the cohort
is `mind.cohort` on one and on all cores. Medians over interleaved rounds; trust the ratios, not the times.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from cogattn.mind import cohort, world
from cogattn.observer import Observer
from cogattn.runs.experiment import cores
from cogattn.world.stream import display

STREAM = display(targets=6, exposure=0.2)
MIND = Observer()
TARGET = 1000.0  # times faster than SimPy, on two cores
SIMPY_TRIALS = 1000
COHORT_TRIALS = 400_000


def simpy() -> None:
    """The trials one by one in an open world."""
    for trial in range(SIMPY_TRIALS):
        world.play(STREAM, MIND, trial=trial)


def compiled(n_jobs: int) -> Callable[[], None]:
    """The same trials, and many more, in the compiled loop."""
    trials = np.arange(COHORT_TRIALS)

    def play() -> None:
        cohort.play(STREAM, [MIND], person=0, trial=trials, n_jobs=n_jobs)

    return play


def seconds(work: Callable[[], None]) -> float:
    """Wall-clock time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def ratios(rounds: int) -> dict[str, tuple[float, float, float]]:
    """For one core and for all: microseconds per trial in SimPy and in the cohort, and the median paired ratio."""
    out = {}
    for name, n_jobs in (("one core", 1), (f"{cores()} cores", cores())):
        fast = compiled(n_jobs)
        fast(), simpy()  # compile, warm up
        pairs = [(seconds(simpy) / SIMPY_TRIALS, seconds(fast) / COHORT_TRIALS) for _ in range(rounds)]
        slow_us, fast_us = (1e6 * statistics.median(p[i] for p in pairs) for i in (0, 1))
        out[name] = slow_us, fast_us, statistics.median(a / b for a, b in pairs)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    print(
        "| cohort on | SimPy, per trial | cohort, per trial | times as fast | target | met |\n|---|---|---|---|---|---|"
    )
    for name, (slow, fast, ratio) in ratios(rounds).items():
        target = "" if name == "one core" else f"{TARGET:,.0f}"
        met = "" if name == "one core" else "yes" if ratio >= TARGET else "no"
        print(f"| {name} | {slow:.0f} us | {fast:.3f} us | {ratio:,.0f} | {target} | {met} |")


if __name__ == "__main__":
    main()
