"""What if capacity halves? Brain damage, age, a second task: C falls from 65 to 33 items/s, all else stays.

    python simulations/what_if_capacity_halves.py

The race only knows C x (T - t0), so half the capacity is exactly twice the time beyond the threshold: the curve is
stretched, its plateau stays. The curve of half capacity, read at t0 + 2 (T - t0), lies on the full one (crosses).
About 5 s on two cores.
"""

from dataclasses import replace
from pathlib import Path

import pandas as pd

import cogattn as ca
from cogattn import files
from cogattn.runs.experiment import cores
from cogattn.view import plot

FULL = ca.Observer()
HALF = replace(FULL, capacity=FULL.capacity / 2)
EXPOSURES = (0.01, 0.017, 0.033, 0.05, 0.067, 0.083, 0.1, 0.15, 0.2, 0.3, 0.4)
OUT = Path("results/simulations/what_if_capacity_halves")


def curve(observer: ca.Observer, exposures: tuple[float, ...]) -> pd.Series:
    """Letters reported of six at each exposure."""
    task = ca.paradigms.get("whole_report")(exposures=exposures)
    trials = ca.run(task, arms="human", observer=observer, people=1, trials=20_000, n_jobs=cores())
    return trials.frame.groupby("exposure")["score"].mean()


def main() -> None:
    full, half = curve(FULL, EXPOSURES), curve(HALF, EXPOSURES)
    t0 = FULL.threshold
    twice = curve(HALF, tuple(t0 + 2 * (e - t0) for e in EXPOSURES))
    table = pd.DataFrame({"full": full, "half": half, "half_in_twice_the_time": twice.to_numpy()})
    pens = plot.pens(["human", "softmax", "twice"])
    with plot.style() as plt:
        figure, ax = plt.subplots(figsize=(6.4, 4.2))
        labels = (f"C = {FULL.capacity:g} items/s", f"C = {HALF.capacity:g} items/s")
        for column, pen, label in zip(("full", "half"), pens.values(), labels, strict=False):
            line = {"linestyle": pen.dash, "marker": pen.mark, "color": pen.color}
            ax.plot(table.index * 1000, table[column], label=label, **line)
        ax.plot(
            table.index * 1000,
            twice,
            "x",
            color=plot.PEOPLE,
            ms=9,
            label=f"C = {HALF.capacity:g}, twice the time",
        )
        ax.set(xlabel="exposure [ms]", ylabel="letters reported (of 6)", title=answer(table))
        ax.legend()
        plot.save(figure, OUT, "figure")
    files.write_table(OUT / "table.csv", table.reset_index())
    print(table.round(2).to_string(), answer(table), f"Results: {OUT}", sep="\n\n")


def answer(table: pd.DataFrame) -> str:
    """The finding in a line."""
    cost = table["full"] - table["half"]
    return (
        f"Half the capacity costs {cost.max():.2f} letters at {1000 * cost.idxmax():.0f} ms "
        f"and {cost.iloc[-1]:.2f} at {1000 * table.index[-1]:.0f} ms: it costs time, not places"
    )


if __name__ == "__main__":
    main()
