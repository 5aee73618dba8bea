"""What does one more slot buy? Whole report of six letters with K = 2, 3, 4, 5, at every exposure.

    python simulations/what_does_one_more_slot_buy.py

A slot is worth nothing while the race is short of time and a whole letter when it is not: below about 50 ms more
capacity would help, above it more slots. Dots are simulated, lines the closed form. About 5 s on two cores.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

import cogattn as ca
from cogattn.laws import race
from cogattn.runs import program
from cogattn.runs.experiment import cores
from cogattn.view import plot

SLOTS = (2, 3, 4, 5)
EXPOSURES = (0.01, 0.017, 0.033, 0.05, 0.083, 0.117, 0.15, 0.2, 0.3, 0.5)
TRIALS = 20_000  # of each mind at each exposure


def simulated(slots: int, asked: program.Program) -> pd.DataFrame:
    """Letters reported at each exposure by one mind with this many slots: their mean, and its standard error."""
    task = ca.paradigms.get("whole_report")(exposures=EXPOSURES)
    observer = replace(ca.Observer(), slots=float(slots))
    n, n_jobs = asked.people, cores()
    trials = ca.run(
        task, arms="human", observer=observer, people=n, trials=TRIALS, seed=asked.seed, n_jobs=n_jobs
    )
    return trials.frame.groupby("exposure")["score"].agg(["mean", "sem"])


def exact(slots: int, exposures: np.ndarray) -> np.ndarray:
    """The same, from the closed form."""
    o = ca.Observer()
    law = race.whole_report(
        np.ones(6), capacity=o.capacity, exposure=exposures, slots=slots, threshold=o.threshold
    )
    return race.expected(law)


def main() -> None:
    asked = program.asked(__doc__, __file__, people=1)
    played = {k: simulated(k, asked) for k in SLOTS}
    table = pd.DataFrame({k: own["mean"] for k, own in played.items()})
    text = answer(table, np.hypot(played[3]["sem"], played[4]["sem"]))
    fine = np.geomspace(EXPOSURES[0], EXPOSURES[-1], 200)
    gained = [f"{a}->{a + 1}" for a in SLOTS[:-1]]
    with plot.style() as plt:
        figure, (left, right) = plt.subplots(1, 2, figsize=(9.0, 4.0))
        pens = plot.pens([str(k) for k in SLOTS] + gained)
        for k in SLOTS:
            pen = pens[str(k)]
            left.plot(fine * 1000, exact(k, fine), linestyle=pen.dash, color=pen.color)
            left.plot(table.index * 1000, table[k], pen.mark, color=pen.color, label=f"K = {k}")
        for a, name in zip(SLOTS[:-1], gained, strict=True):
            pen = pens[str(a)]
            gain = exact(a + 1, fine) - exact(a, fine)
            right.plot(fine * 1000, gain, linestyle=pen.dash, color=pen.color)
            right.plot(
                table.index * 1000, table[a + 1] - table[a], pen.mark, color=pen.color, label=f"K {name}"
            )
        left.set(xlabel="exposure [ms]", ylabel="letters reported (of 6)", xscale="log")
        right.set(xlabel="exposure [ms]", ylabel="letters gained by one more slot", xscale="log")
        for ax in (left, right):
            ax.set_xticks([10, 20, 50, 100, 200, 500], ["10", "20", "50", "100", "200", "500"])
            ax.minorticks_off()
            ax.legend()
    asked.keep(text, {"table": table.add_prefix("slots_").reset_index()}, figure)


def answer(table: pd.DataFrame, error: pd.Series) -> str:
    """The finding in a line."""
    gain = table[4] - table[3]
    half = 1.96 * error
    brief, long = (
        f"{gain[e]:.2f} ({gain[e] - half[e]:.2f} to {gain[e] + half[e]:.2f})" for e in (0.033, 0.2)
    )
    return f"A fourth slot buys {brief} letters at 33 ms, {long} at 200 ms: slots need time"


if __name__ == "__main__":
    program.run(main)
