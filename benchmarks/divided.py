"""What does dividing attention cost? 100,000 trials of every paradigm of divided capacity.

    python benchmarks/divided.py [--rounds 3] [--quick]     # half a minute

By a population of 500, per trial (n-back: a trial is a letter): the compiled cohort, and the same mind driven by SimPy
(`mind.world`), which is our own driver, not SimPy as a researcher writes it (that is in report.py). The central stage
as a queue: queues.py. One thread, processor time, medians over interleaved rounds; trust the ratios, not the times.
"""

from __future__ import annotations

from typing import Any

import measure
import numpy as np

from cogattn import paradigms
from cogattn.mind import cohort, world
from cogattn.mind.draws import trial_keys
from cogattn.population import Population

PARADIGMS = ("prp", "attentional_blink", "change_detection", "nback", "enumeration")
PEOPLE, TRIALS, IN_SIMPY = 500, 100_000, 40
TARGET = 4.0  # s of processor time: 2 s on two cores


def sitting(name: str) -> tuple[measure.Work, measure.Work]:
    """100,000 trials in the compiled loop; 40 of them in SimPy."""
    paradigm: Any = paradigms.get(name)()
    condition = paradigm.conditions()[len(paradigm.conditions()) // 2]
    session = paradigm.session(condition, trial_keys(0, np.arange(1), 0))
    stream = session.streams[0]
    size = len(stream.stimuli) if name == "nback" else 1  # a trial of n-back is a letter
    each = max(1, TRIALS // PEOPLE // size)
    long = type(session)((stream,), np.zeros(each, np.int64), np.full(each, paradigm.gap))
    few = max(1, IN_SIMPY // size)
    short = type(session)((stream,), np.zeros(few, np.int64), np.full(few, paradigm.gap))
    crowd = Population.adults().sample(PEOPLE)
    step = PEOPLE // 10  # fates take memory: a tenth of the people at a time

    def cohorts() -> None:
        for first in range(0, PEOPLE, step):
            who = np.arange(first, first + step)
            cohort.run_session(long, [crowd[p] for p in who], number=who, details=True)

    return cohorts, lambda: world.run_session(short, crowd[0])


def main() -> None:
    rounds = measure.rounds_of(measure.options(__doc__, rounds=3).parse_args())
    works: dict[str, measure.Work] = {}
    for name in PARADIGMS:
        works[name], works[f"{name} driver"] = sitting(name)
    found, _ = measure.interleaved(works, rounds)
    rows = []
    for name in PARADIGMS:
        took = measure.middle(found, name)
        driver = measure.ratio(found, f"{name} driver", name, IN_SIMPY, TRIALS)
        rows.append(f"{name} | {took:.2f} | {measure.met(took, TARGET)} | {measure.short(driver)}")
    heads = (f"{TRIALS:,} trials", "s", "target", "met", "our SimPy driver over it, per trial")
    print(measure.table(heads, rows))


if __name__ == "__main__":
    main()
