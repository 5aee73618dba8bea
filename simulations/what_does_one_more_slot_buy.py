"""What does one more slot buy? Whole report of six letters with K = 2, 3, 4, 5, at every exposure.

    python simulations/what_does_one_more_slot_buy.py

A slot is worth nothing while the race is short of time and a whole letter when it is not: below about 50 ms more
capacity would help, above it more slots. Dots are simulated, lines the closed form. About 5 s on two cores.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

import cogattn as ca
from cogattn import files
from cogattn.laws import race
from cogattn.runs.experiment import cores
from cogattn.view import plot

SLOTS = (2, 3, 4, 5)
EXPOSURES = (0.01, 0.017, 0.033, 0.05, 0.083, 0.117, 0.15, 0.2, 0.3, 0.5)
OUT = Path("results/simulations/what_does_one_more_slot_buy")


def simulated(slots: int) -> pd.Series:
    """Letters reported at each exposure by one mind with this many slots."""
    task = ca.paradigms.get("whole_report")(exposures=EXPOSURES)
    observer = replace(ca.Observer(), slots=float(slots))
    trials = ca.run(task, arms="human", observer=observer, people=1, trials=20_000, n_jobs=cores())
    return trials.frame.groupby("exposure")["score"].mean()


def exact(slots: int, exposures: np.ndarray) -> np.ndarray:
    """The same, from the closed form."""
    o = ca.Observer()
    law = race.whole_report(
        np.ones(6), capacity=o.capacity, exposure=exposures, slots=slots, threshold=o.threshold
    )
    return race.expected(law)


def main() -> None:
    table = pd.DataFrame({k: simulated(k) for k in SLOTS})
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
        figure.suptitle(answer(table), x=0.01, ha="left", fontweight="bold")
        plot.save(figure, OUT, "figure")
    files.write_table(OUT / "table.csv", table.add_prefix("slots_").reset_index())
    print(table.round(2).to_string(), answer(table), f"Results: {OUT}", sep="\n\n")


def answer(table: pd.DataFrame) -> str:
    """The finding in a line."""
    gain = table[4] - table[3]
    return f"A fourth slot buys {gain.loc[0.033]:.2f} letters at 33 ms, {gain.loc[0.2]:.2f} at 200 ms: slots need time"


if __name__ == "__main__":
    main()
