"""What if capacity halves? Brain damage, age, a second task: C falls from 65 to 33 items/s, all else stays.

    python simulations/what_if_capacity_halves.py

The race only knows C x (T - t0), so half the capacity is exactly twice the time beyond the threshold: the curve is
stretched, its plateau stays. The curve of half capacity, read at t0 + 2 (T - t0), lies on the full one (crosses).
About 5 s on two cores.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

import cogattn as ca
from cogattn.runs import program
from cogattn.runs.experiment import cores
from cogattn.view import plot

FULL = ca.Observer()
HALF = replace(FULL, capacity=FULL.capacity / 2)
EXPOSURES = (0.01, 0.017, 0.033, 0.05, 0.067, 0.083, 0.1, 0.15, 0.2, 0.3, 0.4)
TRIALS = 20_000  # of each mind at each exposure


def curve(observer: ca.Observer, exposures: tuple[float, ...], asked: program.Program) -> pd.DataFrame:
    """Letters reported of six at each exposure: their mean, and its standard error."""
    task = ca.paradigms.get("whole_report")(exposures=exposures)
    n, n_jobs = asked.people, cores()
    trials = ca.run(
        task, arms="human", observer=observer, people=n, trials=TRIALS, seed=asked.seed, n_jobs=n_jobs
    )
    return trials.frame.groupby("exposure")["score"].agg(["mean", "sem"])


def main() -> None:
    asked = program.asked(__doc__, __file__, people=1)
    full, half = curve(FULL, EXPOSURES, asked), curve(HALF, EXPOSURES, asked)
    t0 = FULL.threshold
    twice = curve(HALF, tuple(t0 + 2 * (e - t0) for e in EXPOSURES), asked)["mean"]
    table = pd.DataFrame(
        {"full": full["mean"], "half": half["mean"], "half_in_twice_the_time": twice.to_numpy()}
    )
    text = answer(table, np.hypot(full["sem"], half["sem"]))
    pens = plot.pens(["human", "softmax", "twice"])
    with plot.style() as plt:
        figure, ax = plt.subplots(figsize=(6.4, 4.2))
        labels = (f"C = {FULL.capacity:g} items/s", f"C = {HALF.capacity:g} items/s")
        for column, pen, label in zip(("full", "half"), pens.values(), labels, strict=False):
            ax.plot(table.index * 1000, table[column], label=label, **pen.line)
        ax.plot(
            table.index * 1000,
            twice,
            "x",
            color=plot.PEOPLE,
            ms=9,
            label=f"C = {HALF.capacity:g}, twice the time",
        )
        ax.set(xlabel="exposure [ms]", ylabel="letters reported (of 6)")
        ax.legend()
    asked.keep(text, {"table": table.reset_index()}, figure)


def answer(table: pd.DataFrame, error: pd.Series) -> str:
    """The finding in a line."""
    cost = table["full"] - table["half"]
    at = cost.idxmax()
    half = 1.96 * error[at]
    return (
        f"Half the capacity costs {cost[at]:.2f} letters ({cost[at] - half:.2f} to {cost[at] + half:.2f}) at "
        f"{1000 * at:.0f} ms and {cost.iloc[-1]:.2f} at {1000 * table.index[-1]:.0f} ms: it costs time, not places"
    )


if __name__ == "__main__":
    program.run(main)
