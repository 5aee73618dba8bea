"""What a law says that people's data should look like, condition by condition, beside what they do look like.

A statistic of a person (a quantile of right response times, the share that is right, a mean score) has a value in the
data, one under the law with this person's numbers, and an error: how much it would vary if the person took the task
again. A law that misses by more than people's own error says that it is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cogattn.view import plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = npt.NDArray[Any]

QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9)
LEAST = 10  #: trials in a cell, of which quantiles are taken
DRIFT = "last third of the session less the first"
TIMES, SHARES = "response time [ms]", "share"
_SEEN, _TOLD = "#111111", "#0072B2"


@dataclass(frozen=True)
class Predictive:
    """Statistics of people: in the data, under the fit, and how much a person's own vary.

    >>> numbers = (np.array([[x]]) for x in (0.9, 0.8, 0.05))
    >>> one = Predictive(["s1"], ["easy"], ["right"], ["share"], *numbers)
    >>> one.z.round(3).tolist(), one.table()["off"].round(3).tolist()
    ([[2.0]], [0.1])
    """

    people: list[Any]
    conditions: list[str]  #: (statistics,)
    statistics: list[str]
    units: list[str]  #: what it is of: a panel of the figure
    seen: Array  #: (people, statistics); NaN where a person has none
    told: Array
    error: Array

    @property
    def z(self) -> Array:
        """(people, statistics): how far off, in a person's own errors."""
        return np.asarray((self.seen - self.told) / self.error)

    def table(self) -> pd.DataFrame:
        """A row per statistic: means over people, how far off, a person's own error, the error of the mean."""
        there = np.isfinite(self.z)
        n = there.sum(0)

        def mean(x: Array) -> Array:
            return np.where(there, x, 0.0).sum(0) / np.maximum(n, 1)

        own = np.sqrt(mean(self.error**2))
        return pd.DataFrame(
            {"condition": self.conditions, "statistic": self.statistics, "of": self.units, "people": n,
             "seen": mean(self.seen), "fit": mean(self.told), "off": mean(self.seen - self.told),
             "own error": own, "error": own / np.sqrt(np.maximum(n, 1))}
        )[lambda t: t["people"] > 0].reset_index(drop=True)  # fmt: skip

    def beside(self, other: Predictive) -> Predictive:
        """Both, statistic by statistic."""
        return replace(
            self, conditions=self.conditions + other.conditions, statistics=self.statistics + other.statistics,
            units=self.units + other.units, seen=np.hstack([self.seen, other.seen]),
            told=np.hstack([self.told, other.told]), error=np.hstack([self.error, other.error]),
        )  # fmt: skip

    def plot(self, title: str) -> Figure:
        """A panel per kind of statistic and, for times, per condition: data, and what the fit says."""
        t = self.table()
        groups = [
            g for _, g in t.groupby(["of", "condition"] if (t["of"] == TIMES).any() else ["of"], sort=False)
        ]
        times = [g for g in groups if g["of"].iloc[0] == TIMES]
        rest = [g for _, g in t[t["of"] != TIMES].groupby("of", sort=False)]
        panels = [*times, *rest]
        wide = min(4, len(panels))
        lines = -(-len(panels) // wide)
        with plot.style() as plt:
            across = max(3.3 * wide, 6.6)
            figure, axes = plt.subplots(lines, wide, figsize=(across, 3.1 * lines + 0.7), squeeze=False)
            for ax, own in zip(axes.flat, panels, strict=False):
                self._panel(ax, own)
            for ax in axes.flat[len(panels) :]:
                ax.set_axis_off()
            ends = np.array([ax.get_ylim() for ax in axes.flat[: len(times)]])
            for ax in axes.flat[: len(times)]:  # conditions are compared by eye
                ax.set_ylim(ends[:, 0].min(), ends[:, 1].max())
            figure.legend(
                *axes.flat[0].get_legend_handles_labels(), loc="outside lower left", ncols=2, fontsize=8
            )
            figure.suptitle(
                plot.evenly(title, round(8.3 * across)), x=0.01, ha="left", fontsize=10, fontweight="bold"
            )
            return figure

    def _panel(self, ax: Any, own: pd.DataFrame) -> None:
        of, several = own["of"].iloc[0], own["condition"].nunique() > 1
        x = np.arange(len(own))
        ax.plot(x, own["fit"], "_", color=_TOLD, markersize=14, markeredgewidth=2, label="the fit says")
        bars = {"fmt": "*", "color": _SEEN, "markersize": 7, "label": "data (95 % of a person's own error)"}
        ends = 1.96 * np.array([own["own error"]] * 2)
        if of == SHARES:  # no share lies beyond 0 or 1
            ends = np.minimum(ends, [own["seen"], 1 - own["seen"]])
        ax.errorbar(x, own["seen"], yerr=np.maximum(ends, 0), ecolor="#BBBBBB", elinewidth=3, **bars)
        words, shared = _words(own)
        ax.set_xlabel(shared, fontsize=8)
        turned = {"rotation": 90, "fontsize": 6} if len(own) > 8 else {"fontsize": 7}
        ax.set_xticks(x, words, **turned)
        ax.set_title("" if several else plot.evenly(str(own["condition"].iloc[0]), 34), fontsize=9)
        ax.set(ylabel=of, xlim=(-0.6, len(own) - 0.4))


def _words(own: pd.DataFrame) -> tuple[list[str], str]:
    """What stands below each mark of a panel, and once for all of them: what they share."""
    if own["condition"].nunique() == 1:
        words = own["statistic"].astype(str).str.replace(DRIFT, "late - early")
        alike = words.str.endswith(" quantile").all()
        return words.str.removesuffix(" quantile").tolist(), "quantile" if alike else ""
    parts = [str(c).split(", ") for c in own["condition"]]
    same = set(parts[0]).intersection(*parts[1:])
    words = [", ".join(p for p in own_parts if p not in same) for own_parts in parts]
    shared = ", ".join(p for p in parts[0] if p in same)
    if own["statistic"].nunique() == 1:
        return words, ", ".join(x for x in (str(own["statistic"].iloc[0]), shared) if x)
    return [f"{a}\n{b}" for a, b in zip(words, own["statistic"], strict=True)], shared


def of_choices(
    people: Sequence[Any],
    who: Array,
    cell: Array,
    named: Sequence[str],
    right: Array,
    rt: Array,
    t: Array,
    f: Array,
) -> Predictive:
    """Quantiles of right response times and the share that is right, in each cell; and the drift over the session.

    who, cell, right, rt: of every trial in order (NaN: no response); t (k,) evenly spaced, f (people, cells, k, 2):
    densities of right and wrong responses, as shares of a step.
    """
    n, cells, ends = len(people), len(named), len(QUANTILES)
    seen, told, error = np.full((3, n, cells, ends + 1), np.nan)
    drift = np.full((3, n, 1), np.nan)
    answered = ~np.isnan(rt) & np.isfinite(rt)
    for i in range(n):
        own = answered & (who == i)
        for c in range(cells):
            at = own & (cell == c)
            p = f[i, c, :, 0].sum() / max(f[i, c].sum(), 1e-12)
            count = int(at.sum())
            if count < LEAST:
                continue
            chance = (p * count + 0.5) / (count + 1)  # never without error
            seen[i, c, ends], told[i, c, ends] = right[at].mean(), p
            error[i, c, ends] = np.sqrt(chance * (1 - chance) / count)
            times = rt[at & (right == 1)]
            if len(times) >= LEAST:
                seen[i, c, :ends] = 1000 * np.quantile(times, QUANTILES)
                told[i, c, :ends], error[i, c, :ends] = quantiles_of(t, f[i, c, :, 0], len(times))
        drift[:, i, 0] = _drift(rt[own], cell[own])
    conditions = [name for name in named for _ in range(ends + 1)]
    words = [*(f"{q:g}".lstrip("0") + " quantile" for q in QUANTILES), "right"] * cells
    units = [*([TIMES] * ends), SHARES] * cells
    table = Predictive(
        list(people), conditions, words, units,
        seen.reshape(n, -1), told.reshape(n, -1), error.reshape(n, -1),
    )  # fmt: skip
    over = Predictive(
        list(people), ["all"], [DRIFT], ["change of response time [%]"], *(100 * d for d in drift)
    )
    return table.beside(over)


def quantiles_of(t: Array, mass: Array, n: float) -> tuple[Array, Array]:
    """(quantiles [ms], their error in n trials) of a density that is given as shares of each step."""
    mass = mass / mass.sum()
    edges, below = t + (t[1] - t[0]) / 2, np.cumsum(mass)
    q = np.interp(QUANTILES, below, edges)
    density = np.interp(q, t, mass) / (t[1] - t[0])
    p = np.array(QUANTILES)
    return 1000 * q, 1000 * np.sqrt(p * (1 - p) / n) / np.maximum(density, 1e-3)


def _drift(rt: Array, cell: Array) -> tuple[float, float, float]:
    """(seen, told, error) of the change of log response time between the thirds of a session, kind by kind; a law
    that stands still says none."""
    third = len(rt) // 3
    if third < LEAST:
        return np.nan, np.nan, np.nan
    logs = np.log(rt)
    for c in np.unique(cell):
        logs[cell == c] -= logs[cell == c].mean()
    gap = logs[-third:].mean() - logs[:third].mean()
    return gap, 0.0, logs.std() * np.sqrt(2 / third)
