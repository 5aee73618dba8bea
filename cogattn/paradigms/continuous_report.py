"""Continuous report: a few colours, a pause, one place is asked for: which colour was there? Zhang & Luck 2008 (Nature
453:233), who showed up to 6 colours for 100 ms and asked for the colour on a wheel after 900 ms.

Whoever holds the colour reports it with a von Mises error, whoever does not reports any colour (`laws.memory`):

    p(error) = m VM(error; 0, kappa) + (1 - m) / 2 pi,    m = min(1, K / N)

Slots alone: what is held is held equally well, however much is held [assumption: people are a little more precise with
1 or 2 colours]. Task constants: 100 ms study, 900 ms pause, a precision of 20 degrees [rounded, after Zhang & Luck], 1
s between trials. There is no table of people here, so people do not stand in the figure.

What fails: Plain softmax attention remembers every colour at every set size. In the mind precision is the same for
one colour as for four, which people's is not, and nothing is swapped between places.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize, special, stats

from cogattn.errors import number, whole
from cogattn.laws import memory
from cogattn.paradigms.base import Condition, Metric, Pace, Statistics, pens_of, pooled
from cogattn.paradigms.divided import DEMAND, MONOTONY, Divided, account, between_arms, guesses
from cogattn.paradigms.report import series
from cogattn.paradigms.session import Array
from cogattn.view import plot
from cogattn.view.drawn import Drawn
from cogattn.world.session import Session
from cogattn.world.stream import Stimulus, Task, TaskStream


@dataclass(frozen=True)
class ContinuousReport(Divided):
    """Options: set sizes, study [s], pause [s], precision (sd of the error of what is held) [degrees], trials per set
    size."""

    set_sizes: tuple[int, ...] = (1, 2, 4, 6, 8)
    study: float = 0.1
    pause: float = 0.9
    precision: float = 20.0
    trials: int = 60

    name = "continuous_report"
    title = "Continuous report"
    question = "A few colours, a pause, one place is asked for. Which colour was there?"
    shown_pace = (Pace(2, 50), Pace(4, 60))
    statistics = Statistics(("set_size",), ("correct",), ())
    source = "Zhang & Luck 2008, Nature 453:233 (the task; no table of people here)"
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
        whole("trials", self.trials, least=1, most=100_000)

    @property
    def per_condition(self) -> int:
        """Trials per set size."""
        return self.trials

    @property
    def kappa(self) -> float:
        """The concentration that has this precision as its circular sd."""
        return concentration(math.radians(self.precision))

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
        held = self.known(seen)[..., 0]
        u = guesses(seen, 2)
        error = np.where(held, von_mises(u[..., 0], self.kappa), 2 * math.pi * (u[..., 1] - 0.5))
        return account(held.astype(int)) | {"held": held, "error": error, "response": _degrees(error)}

    def metrics(self, frame: pd.DataFrame) -> list[Metric]:
        """What the mixture finds in the errors of all people, by set size."""
        out = []
        for n, own in frame.groupby("set_size"):
            found = memory.fit_mixture(own["error"])
            for metric, value in zip(("P(remembered)", "kappa"), found, strict=True):
                name = f"{metric} of {n} colours"
                out.append(Metric("continuous report", name, f"set_size={n}", value, np.nan, {"set_size": n}))
        return out

    def human(self) -> pd.DataFrame:
        """There is no table."""
        return pd.DataFrame(columns=["set_size", "mean", "sd", "n"], dtype=float)

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """The errors of the first arm with the mixture that was found in them; what it finds in those of every arm."""
        known, sizes = pens_of(frame), np.array(sorted(frame["set_size"].unique()))
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
            ax.set(xlabel="set size [colours]", ylabel="remembered [probability]", ylim=(0, 1.05))

        def width(ax: Any) -> None:
            for arm, (value, half) in found.items():
                plot.line(ax, sizes, value[2], half[2], known[arm], arm)
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


def concentration(sd: float) -> float:
    """The kappa of this circular sd."""
    return float(np.exp(optimize.brentq(lambda x: float(circular_sd(np.exp(x))) - sd, -4.0, 10.0)))


def von_mises(u: npt.ArrayLike, kappa: float) -> npt.NDArray[np.float64]:
    """The error below which a share u lies: the inverse distribution, by a table that is exact to 1e-6."""
    grid = math.pi * np.tanh(np.linspace(-4, 4, 4001)) / np.tanh(4.0)
    grid = np.unique(np.concatenate([grid, np.linspace(-1, 1, 8001) * min(math.pi, 8 / math.sqrt(kappa))]))
    return np.interp(np.asarray(u, float), stats.vonmises.cdf(grid, kappa), grid)


def _degrees(error: Array) -> Array:
    return np.char.mod("%.0f", np.degrees(error))
