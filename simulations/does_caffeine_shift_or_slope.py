"""Does caffeine shift the curve or flatten it? Two ways to be more alert, and where in a session they part.

    python simulations/does_caffeine_shift_or_slope.py

A stimulant may make every response faster (a shift: speed + 5 %), or slow down what tires (a slope: the slow
deficit fills
half as fast), or bring attention back sooner (absences half as long). Early in a PVT they look alike; which of
them it is
shows in the last minutes and in the lapses. These are hypotheses, not data. About 10 s on two cores.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

import cogattn as ca
from cogattn.mind import cohort
from cogattn.mind.draws import trial_keys
from cogattn.paradigms.simple_rt import PVT
from cogattn.runs import program
from cogattn.runs.experiment import cores
from cogattn.view import plot

MINUTES = 30
KINDS = ("shift", "slope", "return")


def drug(o: ca.Observer, kind: str) -> ca.Observer:
    """The same person after it."""
    if kind == "shift":
        return replace(o, speed=o.speed * 1.05)
    if kind == "slope":
        return replace(o, slow_tiring=o.slow_tiring / 2)
    return replace(o, lapse_duration=o.lapse_duration / 2) if kind == "return" else o


def main() -> None:
    asked = program.asked(__doc__, __file__, people=2000)
    task = PVT(block=300)
    session = task.session(task.conditions()[0], trial_keys(asked.seed, np.arange(asked.people), 0))
    people = ca.Population.adults().sample(asked.people, asked.seed)
    rows, each = [], {}
    for kind in ("none", *KINDS):
        out = cohort.run_session(session, [drug(o, kind) for o in people], seed=asked.seed, n_jobs=cores())
        minute = (out.start // 180 * 3 + 1.5).ravel()
        f = pd.DataFrame({"minute": minute, "speed": 1 / np.clip(out.rt, 0.1, None).ravel()})
        f["lapse"] = ~(out.rt < 0.5).ravel()
        person = np.repeat(np.arange(asked.people), out.rt.shape[1])
        each[kind] = f.groupby([person, "minute"])["speed"].mean().unstack()
        rows.append(f[f["minute"] < MINUTES].groupby("minute").mean().assign(kind=kind).reset_index())
    table = pd.concat(rows, ignore_index=True)
    gain = {k: each[k] - each["none"] for k in KINDS}
    text = "Gain in speed [1/s] in the first and the last three minutes: " + "; ".join(
        f"{k} {program.mean(own[1.5], '+.2f')}, then {program.mean(own[MINUTES - 1.5], '+.2f')}"
        for k, own in gain.items()
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
                    **pen.line,
                    label=kind,
                )
        axes[0].set(xlabel="time on task [min]", ylabel="speed [1/s]")
        axes[1].set(xlabel="time on task [min]", ylabel="lapses (500 ms or more)")
        axes[0].legend(title="what it does")
    asked.keep(text, {"table": table}, figure)


if __name__ == "__main__":
    program.run(main)
