"""How long a break restores half? After 5, 10, 20 and 60 minutes of a monotonous watch, at rest or at another task.

    python simulations/how_long_a_break_restores_half.py

Alertness comes back along closed forms, so the answer is exact: it is solved for, not simulated. A second or
two gives back the
fast part; what is slow needs minutes, and never more than ln 2 / (rr + rw) of full rest. About 2 s.
"""

import numpy as np
import pandas as pd
from scipy.optimize import brentq

import cogattn as ca
from cogattn.laws import alertness as al
from cogattn.runs import program
from cogattn.view import plot

WORK = (5, 10, 20, 60)
KINDS = {"rest": 0.0, "another task (load .31)": 0.31, "half the load": 0.5}
NEVER = "Where there is no time, half never comes back under that load."
MIND = ca.Observer()
FAST = (MIND.fast_tiring, MIND.fast_recovery, MIND.fast_rest)
SLOW = (MIND.slow_tiring, MIND.slow_recovery, MIND.slow_rest)


def lost(work: float, pause: float, load: float) -> float:
    """Alertness lost after so many minutes of work and so many of a pause under this load."""
    total = 0.0
    for pool, loss in ((FAST, MIND.fast_loss), (SLOW, MIND.slow_loss)):
        tired = al.pool_at(0.0, *al.pool_rates(1.0, *pool), 60 * work)
        total += loss * al.pool_at(tired, *al.pool_rates(load, *pool), 60 * pause)
    return float(total)


def half_time(work: float, load: float) -> float:
    """Minutes after which half of what was lost is back; NaN if it never is."""

    def short(m: float) -> float:
        return lost(work, m, load) - lost(work, 0, load) / 2

    return float(brentq(short, 0, 600)) if short(600) < 0 else float("nan")


def main() -> None:
    asked = program.asked(__doc__, __file__)
    table = pd.DataFrame({name: [half_time(w, u) for w in WORK] for name, u in KINDS.items()}, index=WORK)
    text = (
        f"After an hour half is back in {table['rest'].iloc[-1]:.1f} min of rest; "
        f"after 5 min of work in {table['rest'].iloc[0]:.1f}"
    )
    pause = np.linspace(0, 15, 200)
    with plot.style() as plt:
        figure, ax = plt.subplots(figsize=(6.4, 4.2))
        for (name, load), pen in zip(KINDS.items(), plot.pens(["human", "a", "b"]).values(), strict=True):
            course = [1 - lost(60, m, load) for m in pause]
            ax.plot(pause, course, color=pen.color, linestyle=pen.dash, label=name)
            ax.plot(table.loc[60, name], 1 - lost(60, 0, 0) / 2, pen.mark, color=pen.color)
        ax.axhline(1 - lost(60, 0, 0) / 2, color=plot.PEOPLE, linewidth=0.8)
        ax.set(xlabel="break after an hour of watch [min]", ylabel="alertness", ylim=(None, 1.0))
        ax.legend()
    asked.keep(
        text + " (exact)", {"table": table.rename_axis("minutes of work").reset_index()}, figure, NEVER
    )


if __name__ == "__main__":
    program.run(main)
