"""What does an hour cost? Sessions in the compiled loop, and the number of their events.

    python benchmarks/watch.py [--rounds 3] [--quick]     # half a minute

1. Eight minutes of simple reaction time (150 trials): the compiled cohort, and the same mind driven by SimPy
(`mind.world`), per person. This peer is our own driver, not SimPy as a researcher writes it (that is in report.py).
2. A two-hour watch with 20 signals and with 2,000: it costs as many events as it has, not as many seconds.
One thread, processor time, medians over interleaved rounds; trust the ratios, not the times.
"""

from __future__ import annotations

from typing import Any

import measure
import numpy as np

from cogattn import paradigms
from cogattn.mind import cohort, world
from cogattn.mind.draws import trial_keys
from cogattn.observer import Observer
from cogattn.population import Population
from cogattn.world.session import Session

PEOPLE, IN_SIMPY, SITTERS = 10_000, 3, 200
FEW, MANY = 20, 2_000  # signals in two hours
TARGET = 6.0  # s of processor time: 3 s on two cores
MIND = Observer()


def simple_rt(people: int) -> Session:
    """Eight minutes each."""
    task: Any = paradigms.get("simple_rt")()
    session: Session = task.session(task.conditions()[0], trial_keys(0, np.arange(people), 0))
    return session


def two_hours(signals: int) -> Session:
    """Evenly spread over 7,200 s."""
    task: Any = paradigms.get("mackworth_clock")()
    stream = task.session(task.conditions()[0], np.zeros(1, np.uint64)).streams[0]
    return Session((stream,), np.zeros(signals, np.int64), np.full(signals, 7200 / signals - stream.end))


def main() -> None:
    rounds = measure.rounds_of(measure.options(__doc__, rounds=3).parse_args())
    crowd, session = Population.adults().sample(PEOPLE), simple_rt(PEOPLE)
    few, many, minds = two_hours(FEW), two_hours(MANY), [MIND] * SITTERS
    works: dict[str, measure.Work] = {
        "driver": lambda: [world.run_session(session, crowd[p], person=p) for p in range(IN_SIMPY)],
        "cohort": lambda: cohort.run_session(session, crowd),
        "few": lambda: cohort.run_session(few, minds),
        "many": lambda: cohort.run_session(many, minds),
    }
    found, _ = measure.interleaved(works, rounds)
    events = [len(cohort.run_session(s, [MIND], record=True).events) for s in (few, many)]  # type: ignore[arg-type]
    took = measure.middle(found, "cohort")
    driver = measure.ratio(found, "driver", "cohort", IN_SIMPY, PEOPLE)
    cost = measure.ratio(found, "many", "few")
    rows = (
        f"{PEOPLE:,} people x 8 min of simple RT | {took:.2f} s | {measure.met(took, TARGET)}",
        f"our SimPy driver over the cohort, per person | {measure.short(driver)} | |",
        f"events of two hours with {FEW} / {MANY:,} signals, one mind | {events[0]} / {events[1]} | |",
        f"cost of {MANY:,} signals over cost of {FEW} | {cost:.1f} (events: {events[1] / events[0]:.1f}) | |",
    )
    print(measure.table(("what", "measured", "target", "met"), rows))


if __name__ == "__main__":
    main()
