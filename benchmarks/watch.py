"""What does an hour cost? Sessions in the compiled loop: against SimPy, and against the number of their events.

    python benchmarks/watch.py [--rounds 5]

1. Eight minutes of simple reaction time (150 trials): the cohort on all cores against the same mind in SimPy,
per person.
2. A two-hour watch with 20 signals and with 2,000: it costs as many events as it has, not as many seconds.
Medians over interleaved rounds; trust the ratios, not the times.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from cogattn import paradigms
from cogattn.mind import cohort, world
from cogattn.mind.draws import trial_keys
from cogattn.observer import Observer
from cogattn.population import Population
from cogattn.runs.experiment import cores
from cogattn.world.stream import Session

PEOPLE, IN_SIMPY = 10_000, 3
MIND = Observer()


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def simple_rt(people: int) -> Session:
    """Eight minutes each."""
    task = paradigms.get("simple_rt")()
    return task.session(task.conditions()[0], trial_keys(0, np.arange(people), 0))  # type: ignore[attr-defined]


def two_hours(signals: int) -> Session:
    """Evenly spread over 7,200 s."""
    task = paradigms.get("mackworth_clock")()
    stream = task.session(task.conditions()[0], np.zeros(1, np.uint64)).streams[0]  # type: ignore[attr-defined]
    return Session((stream,), np.zeros(signals, np.int64), np.full(signals, 7200 / signals - stream.end))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    crowd, session = Population.adults().sample(PEOPLE), simple_rt(PEOPLE)
    few, many = two_hours(20), two_hours(2000)
    minds = [MIND] * 200

    def simpy() -> None:
        for p in range(IN_SIMPY):
            world.watch(session, crowd[p], person=p)

    works: dict[str, Callable[[], object]] = {
        "simpy": simpy,
        "cohort": lambda: cohort.watch(session, crowd, n_jobs=cores()),
        "few": lambda: cohort.watch(few, minds),
        "many": lambda: cohort.watch(many, minds),
    }
    for work in works.values():
        work()  # compile, warm up
    found = [{name: seconds(work) for name, work in works.items()} for _ in range(rounds)]
    middle = {name: statistics.median(f[name] for f in found) for name in works}
    ratio = statistics.median((f["simpy"] / IN_SIMPY) / (f["cohort"] / PEOPLE) for f in found)
    cost = statistics.median(f["many"] / f["few"] for f in found)
    events = [len(cohort.watch(s, [MIND], record=True).events) for s in (few, many)]  # type: ignore[arg-type]
    print("| what | measured |\n|---|---|")
    print(f"| {PEOPLE:,} people x 8 min of simple RT, {cores()} cores | {middle['cohort']:.2f} s |")
    print(f"| times as fast as SimPy, per person | {ratio:,.0f} |")
    print(f"| events of two hours with 20 / 2,000 signals, one mind | {events[0]} / {events[1]} |")
    print(f"| cost of 2,000 signals over cost of 20 | {cost:.1f} (events: {events[1] / events[0]:.1f}) |")


if __name__ == "__main__":
    main()
