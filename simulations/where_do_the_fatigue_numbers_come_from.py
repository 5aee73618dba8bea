"""Where do the numbers of fatigue come from? Fit them to one table of people, and look at what was not fitted.

    python simulations/where_do_the_fatigue_numbers_come_from.py

Eleven numbers of `Observer` are fitted to how 515 people's speed and lapses move over eight minutes of simple reaction
time, bin by bin, and to the autocorrelation of their response times and of their lapses; every other table (quantiles,
go/no-go, vigilance, sleep) is left out and is a test. Weighted least squares with common random numbers.
The defaults of `Observer` are rounded from what this printed. About 2 minutes on two cores.

One number of the vigilance session comes from here, too: how long it takes to see that an event is a counter, people's
mean RT in the first block less that of a simple response there, with the numbers in use. Later blocks inform nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.stats import chi2

import cogattn as ca
from cogattn import human
from cogattn.mind import cohort
from cogattn.mind.draws import trial_keys
from cogattn.paradigms.simple_rt import SimpleRT
from cogattn.paradigms.vigilance import Vigilance, counted
from cogattn.runs import program
from cogattn.runs.experiment import cores, run
from cogattn.view import plot
from cogattn.world.session import Session

FREE = ("speed", "speed_sd", "fast_loss", "fast_tiring", "fast_rest", "slow_loss", "lapse_base", "lapse_slow",
        "lapse_duration", "lapse_spread", "tempo_share")  # fmt: skip
LAGS = (1, 2, 3, 5)
PEOPLE = 1030  #: played if nobody says how many

TASK = SimpleRT()
T = human.fit("simple_rt_time_on_task")
CLUSTER = human.fit("simple_rt_lapse_clustering").set_index("lag_trials")


class Played(NamedTuple):
    """Who is played, in which session, with which chances: the same for all numbers."""

    persons: list[ca.Observer]
    session: Session
    seed: int

    @classmethod
    def by(cls, asked: program.Program) -> Played:
        """So many people; a seed of 0 is the one that the defaults come from."""
        n, seed = asked.people, 11 + asked.seed
        session = TASK.session(TASK.conditions()[0], trial_keys(seed, np.arange(n), 0))
        return cls(ca.Population.adults().sample(n, seed=seed), session, seed)


def curves(numbers: dict[str, float], played: Played) -> tuple[np.ndarray, ...]:
    """Speed and lapses by bin of ten trials; autocorrelation of log RT within blocks, and of lapses over their
    base rate."""
    mean = ca.Population.adults().speed.mean
    rest: dict[str, Any] = {k: v for k, v in numbers.items() if k != "speed"}
    people = [replace(o, speed=o.speed - mean + numbers["speed"], **rest) for o in played.persons]
    rt = cohort.run_session(played.session, people, seed=played.seed, n_jobs=cores()).rt
    bins = rt.reshape(-1, 15, 10)
    speed = np.nanmean(np.where(bins >= 0.1, 1 / bins, np.nan), axis=(0, 2))
    lapses = (~(bins < 0.5)).mean(axis=(0, 2))
    x = np.log(np.clip(np.nan_to_num(rt, nan=2.0), 0.1, None)).reshape(-1, 50)
    x = x - x.mean(1, keepdims=True)
    auto = [correlation(x[:, :-lag], x[:, lag:]) for lag in LAGS]
    late = (~(rt < 0.5)).astype(float).reshape(-1, 3, 50)
    again = [clustering(late, lag) for lag in LAGS]
    return speed, lapses, np.array(auto), np.array(again)


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Mean over rows of the correlation of two rows."""
    a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    return float(((a * b).sum(1) / np.sqrt((a**2).sum(1) * (b**2).sum(1))).mean())


def clustering(late: np.ndarray, lag: int) -> float:
    """P(lapse | lapse `lag` trials before) over what each person's own rate leads to expect."""
    before, after = late[:, :, :-lag], late[:, :, lag:]
    base = after.mean((1, 2), keepdims=True)
    return float((before * after).sum() / (before * base).sum())


def misfit(log_numbers: np.ndarray, played: Played) -> float:
    """Sum of squared errors, each in standard errors of the people's mean."""
    numbers = dict(zip(FREE, np.exp(log_numbers).tolist(), strict=True))
    if numbers["fast_loss"] + numbers["slow_loss"] > 0.9 or numbers["tempo_share"] > 0.95:
        return 1e9
    speed, lapses, auto, again = curves(numbers, played)
    root = np.sqrt(T["n"].to_numpy())
    z = (
        (speed - T["speed_per_s"]) / (T["speed_sd"] / root),
        (lapses - T["lapse_ge500"]) / (T["lapse_sd"] / root),
    )
    people = CLUSTER.loc[list(LAGS)]
    serial = (auto - people["autocorr_logRT_within_block"]) / 0.007, (again - people["ratio"]) / 0.04
    return float(sum((a**2).sum() for a in (*z, *serial)))


def notice(people: int, seed: int) -> float:
    """How much longer counters take than a simple response in the first block of vigilance [s]."""
    frame = run(Vigilance(blocks=2, notice=0.0), arms="human", people=people, seed=seed).frame
    known = human.fit("vigilance_by_block").set_index("block")["AV_meanRT"]
    return float(known[1] - counted(frame)["RT"][0].mean()) / 1000


def main() -> None:
    asked = program.asked(__doc__, __file__, people=PEOPLE)
    played = Played.by(asked)
    start = {name: float(getattr(ca.Observer(), name)) for name in FREE}
    found = minimize(
        misfit, np.log([start[n] for n in FREE]), (played,), method="Nelder-Mead",
        options={"maxfev": 500, "xatol": 0.005, "fatol": 0.05, "adaptive": True},
    )  # fmt: skip
    fitted = dict(zip(FREE, np.exp(found.x).tolist(), strict=True))
    speed, lapses, auto, again = curves(fitted, played)
    minute = T["min_on_task"]
    with plot.style() as plt:
        figure, axes = plt.subplots(1, 3, figsize=(11, 3.8))
        pen = plot.pens(["human"])["human"]
        for ax, y, mean, label in (
            (axes[0], speed, "speed_per_s", "speed [1/s]"),
            (axes[1], lapses, "lapse_ge500", "lapses"),
        ):
            sd = T["speed_sd"] if mean == "speed_per_s" else T["lapse_sd"]
            plot.people(ax, minute, T[mean], sd * 0, T["n"])
            plot.arm(ax, minute, y[None], pen, "fitted", band=False)
            ax.set(xlabel="time on task [min]", ylabel=label)
        people = CLUSTER.loc[list(LAGS)]
        axes[2].plot(LAGS, people["autocorr_logRT_within_block"], "*", color=plot.PEOPLE, markersize=9)
        axes[2].plot(LAGS, auto, **pen.line, label="log RT: autocorrelation")
        axes[2].plot(LAGS, people["ratio"] - 1, "*", color=plot.PEOPLE, markersize=9)
        axes[2].plot(LAGS, again - 1, "s", color="#009E73", linestyle="-.", label="lapses: over base, less 1")
        axes[2].set(xlabel="lag [trials]")
        axes[2].legend()
        axes[0].legend()
    table = pd.DataFrame(
        {"parameter": FREE, "started from": list(start.values()), "fitted": list(fitted.values())}
    )
    text = (
        f"Eleven numbers fitted to two tables: misfit {found.fun:.0f} for 38 points (chi-square; of a "
        f"law that is true, 95 % of fits would lie between {chi2.ppf(0.025, 27):.0f} and {chi2.ppf(0.975, 27):.0f})"
    )
    seconds = notice(asked.people, asked.seed)
    text += f". A counter of the vigilance session takes {seconds:.3f} s longer than a simple response"
    asked.keep(text, {"table": table}, figure)


if __name__ == "__main__":
    program.run(main)
