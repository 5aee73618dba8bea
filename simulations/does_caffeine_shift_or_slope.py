"""Does caffeine shift the curve or flatten it? Two ways to be more alert, and where in a session they part.

    python simulations/does_caffeine_shift_or_slope.py

A stimulant may make every response faster (a shift: speed + 5 %), or slow down what tires (a slope: the slow
deficit fills
half as fast), or bring attention back sooner (absences half as long). Early in a PVT they look alike; which of
them it is
shows in the last minutes and in the lapses. These are hypotheses, not data. About 10 s on two cores.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

import cogattn as ca
from cogattn import files
from cogattn.mind import cohort
from cogattn.mind.draws import trial_keys
from cogattn.paradigms.simple_rt import PVT
from cogattn.runs.experiment import cores
from cogattn.view import plot

PEOPLE, MINUTES = 2000, 30
OUT = Path("results/simulations/does_caffeine_shift_or_slope")


def drug(o: ca.Observer, kind: str) -> ca.Observer:
    """The same person after it."""
    if kind == "shift":
        return replace(o, speed=o.speed * 1.05)
    if kind == "slope":
        return replace(o, slow_tiring=o.slow_tiring / 2)
    return replace(o, lapse_duration=o.lapse_duration / 2) if kind == "return" else o


def main() -> None:
    task = PVT(block=300)
    session = task.session(task.conditions()[0], trial_keys(0, np.arange(PEOPLE), 0))
    people = ca.Population.adults().sample(PEOPLE)
    rows = []
    for kind in ("none", "shift", "slope", "return"):
        out = cohort.run_session(session, [drug(o, kind) for o in people], n_jobs=cores())
        minute = (out.start // 180 * 3 + 1.5).ravel()
        f = pd.DataFrame({"minute": minute, "speed": 1 / np.clip(out.rt, 0.1, None).ravel()})
        f["lapse"] = ~(out.rt < 0.5).ravel()
        rows.append(f[f["minute"] < MINUTES].groupby("minute").mean().assign(kind=kind).reset_index())
    table = pd.concat(rows, ignore_index=True)
    speed = table.pivot_table(index="minute", columns="kind", values="speed")
    gain = speed.drop(columns="none").sub(speed["none"], axis=0)
    text = "gain in speed, first and last three minutes: " + ", ".join(
        f"{k} {gain[k].iloc[0]:+.2f} -> {gain[k].iloc[-1]:+.2f}" for k in ("shift", "slope", "return")
    )
    with plot.style() as plt:
        figure, axes = plt.subplots(1, 2, figsize=(9, 4.0))
        for (kind, own), pen in zip(
            table.groupby("kind", sort=False), plot.pens(["human", "softmax", "a", "b"]).values(), strict=True
        ):
            for ax, value in zip(axes, ("speed", "lapse"), strict=True):
                ax.plot(
                    own["minute"],
                    own[value],
                    color=pen.color,
                    linestyle=pen.dash,
                    marker=pen.mark,
                    label=kind,
                )
        axes[0].set(xlabel="time on task [min]", ylabel="speed [1/s]")
        axes[1].set(xlabel="time on task [min]", ylabel="lapses (500 ms or more)")
        axes[0].legend(title="what it does")
        figure.suptitle(text[0].upper() + text[1:], x=0.01, ha="left", fontsize=10)
        plot.save(figure, OUT, "figure")
    files.write_table(OUT / "table.csv", table)
    print(speed.round(3).to_string(), text, f"Results: {OUT}", sep="\n\n")


if __name__ == "__main__":
    main()
