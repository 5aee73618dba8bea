"""Continuous report: a few colours, a pause, one place is asked for: which colour was there? Zhang & Luck 2008 (Nature
453:233), Experiment 2: 1, 2, 3 or 6 colours for 100 ms, asked for on a wheel after 900 ms; 8 people.

Whoever holds the colour reports it with a von Mises error, whoever does not reports any colour (`laws.memory`):

    p(error) = m VM(error; 0, kappa) + (1 - m) / 2 pi,    m = min(1, K / N)

What is held shares one store of samples: the sd of the error grows with the root of the number of colours held in this
trial, up to K of them (`laws.memory.shared_sd`; `sharing` 1/2 is the theory, 0 is slots of one precision each). Task
constants: 100 ms study, 900 ms pause, 1 s between trials; an sd of 13.6 degrees for a single colour, estimated from the
people's sd at 1, 2, 3 and 6 colours (`simulations/where_do_the_memory_numbers_come_from.py`).

What fails: Plain softmax attention remembers every colour at every set size; they all share the samples, so that its
error goes on growing where people's stops (33 degrees at six). The mind remembers more of six colours than these
people do (.46, people .37) and misses a single one as often as it wanders (.07, people .01); nothing is swapped between
places.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy
from scipy import special

from cogattn import human
from cogattn.errors import number, whole
from cogattn.laws import memory
from cogattn.paradigms.base import Condition, Metric, Pace, Statistics, pens_of, pooled
from cogattn.paradigms.divided import DEMAND, MONOTONY, Divided, account, between_arms, guesses
from cogattn.paradigms.report import series
from cogattn.paradigms.scored import Scored, Values, coded
from cogattn.paradigms.session import Array
from cogattn.view import plot
from cogattn.view.drawn import Drawn
from cogattn.world.session import Session
from cogattn.world.stream import Stimulus, Task, TaskStream


@dataclass(frozen=True)
class ContinuousReport(Divided):
    """Options: set sizes, study [s], pause [s], precision (sd of the error of a single colour) [degrees], sharing (the
    power of the number of colours held with which that sd grows), trials per set size."""

    set_sizes: tuple[int, ...] = (1, 2, 3, 6)
    study: float = 0.1
    pause: float = 0.9
    precision: float = 13.6
    sharing: float = 0.5
    trials: int = 125

    name = "continuous_report"
    clues = (r"continuous ?rep\w*", r"delayed ?estim\w*")
    title = "Continuous report"
    question = "A few colours, a pause, one place is asked for. Which colour was there?"
    shown_pace = (Pace(2, 50), Pace(4, 60))
    statistics = Statistics(("set_size",), ("correct",), ())
    source = "Zhang & Luck 2008, Nature 453:233, Experiment 2 (8 adults)"
    condition_columns = ("set_size",)
    drawn_from = ("person", "set_size", "error")
    banded = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "set_sizes", series("set_sizes", self.set_sizes))
        for n in self.set_sizes:
            whole("set size", n, least=1, most=64)
        number("study", self.study, above=0, most=3600, unit="s")
        number("pause", self.pause, above=0, most=3600, unit="s")
        number("precision", self.precision, least=2, most=90, unit="degrees")
        number("sharing", self.sharing, least=0, most=2)
        whole("trials", self.trials, least=1, most=100_000)

    @property
    def per_condition(self) -> int:
        """Trials per set size."""
        return self.trials

    def kappa(self, held: int = 1) -> float:
        """The concentration of the error when so many colours are held."""
        sd = float(memory.shared_sd(held, self.precision, self.sharing))
        return concentration(math.radians(min(sd, 170.0)))

    def conditions(self) -> list[Condition]:
        """One per set size."""
        return [{"set_size": int(n)} for n in self.set_sizes]

    def trial(self, condition: Condition) -> TaskStream:
        """All colours at once, not masked; the first is the one that will be asked for (all are alike to a mind)."""
        items = [Stimulus(f"c{i}", offset=self.study) for i in range(int(condition["set_size"]))]
        end = self.study + self.pause
        return TaskStream(tuple(items), end=end, tasks=(Task("report", 1.0, DEMAND, MONOTONY),))

    def score_session(self, condition: Condition, session: Session, seen: Any) -> dict[str, Array]:
        """The error on the wheel, radians in (-pi, pi); a trial is right if its colour was held."""
        known = self.known(seen)
        held, load = known[..., 0], known.sum(-1)
        u = guesses(seen, 2)
        error = 2 * math.pi * (u[..., 1] - 0.5)
        for n in np.unique(load[held]).tolist():
            own = held & (load == n)
            error[own] = von_mises(u[..., 0][own], self.kappa(n))
        return account(held.astype(int)) | {"held": held, "error": error, "response": _degrees(error)}

    def metrics(self, frame: pd.DataFrame) -> list[Metric]:
        """What the mixture finds in the errors of all people, by set size."""
        out, t = [], self.human().set_index("set_size")
        for n, own in frame.groupby("set_size"):
            share, kappa = memory.fit_mixture(own["error"])
            sd = float(np.degrees(circular_sd(kappa)))
            for name, value, column in (("P(remembered)", share, "mean"), ("sd", sd, "precision")):
                known = float(t[column].get(n, np.nan))
                metric = f"{name} of {n} colours"
                out.append(
                    Metric("continuous report", metric, f"set_size={n}", value, known, {"set_size": n})
                )
        return out

    def scored(self) -> list[Scored]:
        """What the mixture finds in the errors of all people, by set size."""

        def found(part: int) -> Values:
            def values(frame: pd.DataFrame) -> pd.DataFrame:
                fits = {n: memory.fit_mixture(own["error"]) for n, own in frame.groupby("set_size")}
                both = {n: (share, float(np.degrees(circular_sd(k)))) for n, (share, k) in fits.items()}
                return pd.DataFrame({n: [value[part]] for n, value in both.items()})

            return values

        names = ("remembered", "sd of what is remembered")
        at = coded(set_size=int)
        return [Scored("continuous_report", name, found(i), at) for i, name in enumerate(names)]

    def human(self) -> pd.DataFrame:
        """P(remembered) by set size (the table does not say how people differ), and the sd of its error, degrees."""
        if not self.as_people:
            return pd.DataFrame(columns=["set_size", "mean", "sd", "n", "precision"], dtype=float)
        t = human.table("continuous_report")
        return pd.DataFrame(
            {
                "set_size": t["set_size"],
                "mean": t["P_memory"],
                "sd": np.nan,
                "n": t["n_sub"],
                "precision": t["sd_degrees"],
            }
        )

    @property
    def as_people(self) -> bool:
        """People saw the colours for 100 ms and were asked 900 ms later."""
        return (self.study, self.pause) == (0.1, 0.9)

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """The errors of the first arm with the mixture that was found in them; what it finds in those of every arm."""
        known, sizes = pens_of(frame), np.array(sorted(frame["set_size"].unique()))
        t = self.human()

        def stars(ax: Any, column: str) -> None:
            if len(t):
                plot.people(ax, t["set_size"], t[column], t["sd"], t["n"], "people")

        found = {str(arm): pooled(own, _mixtures, groups=5) for arm, own in frame.groupby("arm", sort=False)}
        (one, (first, _)), *_ = found.items()

        def errors(ax: Any) -> None:
            edges, fine = np.linspace(-180, 180, 25), np.linspace(-180, 180, 361)
            for n in dict.fromkeys([sizes[0], sizes[len(sizes) // 2], sizes[-1]]):
                grey = str(0.65 * (n - sizes[0]) / max(1, sizes[-1] - sizes[0]))
                own = frame[(frame["arm"] == one) & (frame["set_size"] == n)]
                density, _ = np.histogram(np.degrees(own["error"]), edges, density=True)
                ax.stairs(density, edges, color=grey, linewidth=0.8)
                share, kappa = first[0][sizes == n], first[1][sizes == n]
                law = memory.continuous_report(np.radians(fine), share, kappa) * np.pi / 180
                ax.plot(
                    fine,
                    law,
                    color=grey,
                    linewidth=1.8,
                    label=f"{n} {'colour' if n == 1 else 'colours'}, {one}",
                )
            ax.set(xlabel="error [degrees]", ylabel="density [1/degree]", xticks=[-180, -90, 0, 90, 180])

        def remembered(ax: Any) -> None:
            for arm, (value, half) in found.items():
                plot.line(ax, sizes, value[0], half[0], known[arm], arm)
            slots = sizes[-1] * first[0, -1]
            grid = np.linspace(1, sizes[-1], 100)
            label = f"min(1, {slots:.1f} / N)"
            ax.plot(grid, np.minimum(1.0, slots / grid), color=plot.LAW, linewidth=0.9, label=label)
            stars(ax, "mean")
            ax.set(xlabel="set size [colours]", ylabel="remembered [probability]", ylim=(0, 1.05))

        def width(ax: Any) -> None:
            for arm, (value, half) in found.items():
                plot.line(ax, sizes, value[2], half[2], known[arm], arm)
            stars(ax, "precision")
            label = "sd of what is remembered [degrees]"
            ax.set(xlabel="set size [colours]", ylabel=label, ylim=(0, None))

        return self.sheets(frame, [errors, remembered, width])

    def finding(self, frame: pd.DataFrame) -> str:
        """What was found, in a line, from the numbers themselves."""
        last = frame["set_size"].max()

        def held(own: pd.DataFrame) -> str:
            return f"{last * memory.fit_mixture(own.loc[own['set_size'] == last, 'error'])[0]:.1f}"

        return f"{self.title}: of {last} colours are remembered: " + between_arms(frame, held)


def _mixtures(frame: pd.DataFrame) -> npt.NDArray[np.float64]:
    """(3, set sizes): P(remembered), kappa and its sd [degrees], of all people together."""
    share, kappa = np.array([memory.fit_mixture(own["error"]) for _, own in frame.groupby("set_size")]).T
    return np.array([share, kappa, np.degrees(circular_sd(kappa))])


def circular_sd(kappa: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """sqrt(-2 ln R), R = I1 / I0: the sd of a von Mises error, radians."""
    k = np.asarray(kappa, float)
    return np.asarray(np.sqrt(-2.0 * np.log(special.i1e(k) / special.i0e(k))))


@lru_cache(maxsize=256)
def concentration(sd: float) -> float:
    """The kappa of this circular sd."""
    return float(np.exp(scipy.optimize.brentq(lambda x: float(circular_sd(np.exp(x))) - sd, -4.0, 10.0)))


def von_mises(u: npt.ArrayLike, kappa: float) -> npt.NDArray[np.float64]:
    """The error below which a share u lies: the inverse distribution, by a table that is exact to 1e-6."""
    return np.interp(np.asarray(u, float), *_distribution(float(kappa)))


@lru_cache(maxsize=256)
def _distribution(kappa: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Shares, and the errors below which they lie."""
    grid = math.pi * np.tanh(np.linspace(-4, 4, 4001)) / np.tanh(4.0)
    grid = np.unique(np.concatenate([grid, np.linspace(-1, 1, 8001) * min(math.pi, 8 / math.sqrt(kappa))]))
    return scipy.stats.vonmises.cdf(grid, kappa), grid


def _degrees(error: Array) -> Array:
    return np.char.mod("%.0f", np.degrees(error))
