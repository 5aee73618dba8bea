r"""Every other paradigm: how likely a person's means are, from minds that are let take the task. Simulated, not exact.

A person is summed up by a few numbers for each condition: shares (of right answers, of hits; on the scale of Anscombe
1948, Biometrika 35:246, on which their noise is even) and the mean and the sd of log response times. Under given
parameters they are normal, y ~ N(mu, S C S), their means mu, sds S and correlations C being those of minds with these
parameters (a synthetic likelihood; Wood 2010, Nature 466:1102).

Before the fit `replicates` minds take the task at each of some points, spread evenly (Sobol) over 2.5 sd of adults;
between the points mu and log S are thin-plate splines, as smooth as predicts best points that were left out. So all
people share one set of minds, the objective is smooth, and the same seed gives the same numbers (chances by address, a
point's seed by its number). What the splines miss is added to the noise, statistic by statistic, and named if it
matters.

A likelihood of a few means is less than one of all trials: it is as good as the summary is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar

import joblib
import numpy as np
import pandas as pd
from scipy import interpolate, stats

from cogattn.errors import InputError, whole
from cogattn.mind.draws import seed_of
from cogattn.notebook import Progress
from cogattn.observer import Observer
from cogattn.paradigms import Paradigm
from cogattn.paradigms.base import Levels, Statistics
from cogattn.paradigms.visual_search import VisualSearch
from cogattn.runs.experiment import run
from cogattn.tune import scales
from cogattn.tune.base import Array, Likelihood, checked, lacking, over
from cogattn.tune.predictive import SHARES, TIMES, Predictive
from cogattn.view import plot

MOST = 4  #: parameters at a time
_WIDE = 2.5  # sd of adults over which points are spread at first
_BEYOND = 1.0  # sd of adults by which they are spread beyond the people who stand at the edge
_EDGE = 0.1  # sd of adults: who is nearer to the edge than that stands at it
_SMOOTH = (0.0, 0.1, 1.0, 10.0, 100.0)  # of the splines
_MISSED = 0.5  # sd of a person's own noise: splines that miss more are named
# The least sd of one trial, of a share (a tenth of what one half would have) and of a log time: it never stands still.
_SHARE, _TIME = 0.05, 0.02
_TICKS = 9  # levels of a condition that are each marked
_DASHES = ("-", "--", ":", "-.")
_SHRUNK = 0.05  # of a correlation between statistics


@dataclass(frozen=True)
class Means:
    """Everybody's statistics."""

    people: list[Any]
    cells: list[tuple[Any, ...]]  #: (the cell's values..., what: a column's share, mean or sd)
    values: Array  #: (people, statistics); NaN where a person has none
    counts: Array  #: (people, statistics): of how many trials
    trials: Array  #: (people,)

    def of(self, rows: Sequence[int]) -> Means:
        """Some of the people."""
        at = list(rows)
        people = [self.people[i] for i in at]
        return Means(people, self.cells, self.values[at], self.counts[at], self.trials[at])

    def folds(self, n: int, seed: int) -> list[Any]:  # noqa: ARG002
        """Means cannot be taken apart again."""
        raise InputError("laws that are simulated know means, not trials: no trial of theirs can be hidden")


@dataclass(frozen=True)
class Splines:
    """What minds with other parameters do: means and log sds of every statistic over the scales."""

    params: tuple[str, ...]
    surface: interpolate.RBFInterpolator
    kept: Array  #: which statistics can be used
    counts: Array  #: of how many trials each is, in one mind
    correlation: Array
    missed: Array  #: error of the means, in a person's own sds
    low: Array  #: (parameters,) sd of adults: from where minds were simulated
    high: Array  #: and to where

    def at(self, x: Array) -> tuple[Array, Array]:
        """(means, sds), each (n, kept statistics), at points on the scales. Beyond what was simulated as at its edge:
        a fit that comes there simulates more (`Simulated.wider`)."""
        y = self.surface(np.clip(_standard(self.params, x), self.low, self.high))
        mean, log_sd = np.split(y, 2, axis=1)
        return mean, np.exp(log_sd) * np.sqrt(1 + self.missed**2)


@dataclass(frozen=True)
class Simulated(Likelihood):
    """The means of any paradigm. Options: how many points, how many minds at each."""

    task: Paradigm = field(default_factory=VisualSearch)
    points: int = 192
    replicates: int = 16
    splines: Splines | None = None
    span: tuple[tuple[float, float], ...] = ()  #: sd of adults from and to which each parameter is simulated

    exact: ClassVar[bool] = False
    params: ClassVar[tuple[str, ...]] = tuple(
        name for name in scales.SCALES if name in {f.name for f in fields(Observer)}
    )

    def __post_init__(self) -> None:
        whole("points", self.points, least=16, most=100_000)
        whole("replicates", self.replicates, least=4, most=100_000)

    @property
    def columns(self) -> tuple[str, ...]:  # type: ignore[override]
        """Person, the columns of the cells, the statistics."""
        return ("person", *self.summary.by, *self.summary.shares, *self.summary.times)

    @property
    def levels(self) -> Levels:
        """As the task has them."""
        return self.task.levels

    @property
    def summary(self) -> Statistics:
        """What people are summed up by in this task."""
        return self.task.statistics or Statistics(self.task.condition_columns)

    def usual(self, data: Means) -> tuple[str, ...]:  # noqa: ARG002
        """Those that this paradigm is about."""
        if some := self.to_choose():
            raise InputError(
                f"say which parameters of {self.task.name} are to be fitted, at most {MOST}: --params {','.join(some)} "
                f"(in Python params={some!r}), or others: a wrong name lists all {len(self.params)}"
            )
        return self.task.usual_params

    def to_choose(self) -> tuple[str, ...]:
        """How fast people are where they are timed, else how much they hold; none where the paradigm says what is
        usual."""
        if self.task.usual_params:
            return ()
        return ("speed", "hand") if self.summary.times else ("slots", "wandering")

    def compact(self, frame: pd.DataFrame) -> Means:
        """Shares, means and sds in each cell; the cells must be those of the task as it is given."""
        texts = [c for c in self.summary.by if c in frame and not pd.api.types.is_numeric_dtype(frame[c])]
        whole_rows = [c for c in self.columns if c not in self.summary.times]
        checked(frame, [c for c in whole_rows if c not in texts])
        for name in self.summary.times:
            if name in frame and frame[name].isna().all():  # nobody is timed
                continue
            checked(frame.dropna(subset=name) if name in frame else frame, ("person", name))
            if (frame[name] <= 0).any() or frame[name].median() > 20:
                raise InputError(
                    f"{name} must be in seconds and > 0, got a median of {frame[name].median():g}"
                )
        own, known = _means(frame, self.summary), self._taken(self.observer, 2, 0).cells
        strange = sorted({c[:-1] for c in own.cells} - {c[:-1] for c in known})
        if strange:
            named = ", ".join(
                f"{k} = {self._said('', v, k)}" for k, v in zip(self.summary.by, strange[0], strict=True)
            )
            raise InputError(
                f"{self.task.name} as it is given has no condition {named}: give fit the paradigm with your options"
            )
        at = {cell: i for i, cell in enumerate(own.cells)}
        values, counts = (
            np.full((len(own.people), len(known)), np.nan),
            np.zeros((len(own.people), len(known))),
        )
        for i, cell in enumerate(known):
            if cell in at:
                values[:, i], counts[:, i] = own.values[:, at[cell]], own.counts[:, at[cell]]
        return Means(own.people, known, values, counts, own.trials)

    def _taken(self, mind: Observer, people: int, seed: int) -> Means:
        """So many minds alike take the task once."""
        return _means(
            run(self.task, arms="human", people=people, trials=1, seed=seed, observer=mind).frame,
            self.summary,
        )

    def prepared(
        self,
        params: tuple[str, ...],
        data: Any,
        *,
        seed: int = 0,
        n_jobs: int = 1,
        progress: Progress | None = None,
    ) -> Simulated:
        """Minds take the task all over the parameters that will be asked for."""
        if len(params) > MOST:
            raise InputError(
                f"at most {MOST} parameters can be fitted by simulation, got {', '.join(params)}"
            )
        even = stats.qmc.Sobol(len(params), scramble=True, rng=np.random.default_rng(seed))
        u = even.random_base2(math.ceil(math.log2(self.points)))[: self.points]
        low, high = self._box(params)
        z = low + (high - low) * u
        own = scales.own(params, _latent(params, z))

        def one(i: int) -> Means:
            values: dict[str, Any] = dict(zip(params, map(float, own[i]), strict=True))
            mind = replace(self.observer, **values)
            return self._taken(mind, self.replicates, seed_of(seed, "tune", str(i)) & (2**63 - 1))

        pool = joblib.Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")
        taken = []
        for i, found in enumerate(pool(joblib.delayed(one)(i) for i in range(self.points))):
            taken.append(found)
            if progress is not None:
                progress(i + 1, self.points)
        return replace(self, splines=_fitted(params, z, taken, data.cells, low, high))

    def _box(self, params: Sequence[str]) -> tuple[Array, Array]:
        """From where to where minds are simulated, in sd of adults, never beyond what can be."""
        ends = [scales.SCALES[name] for name in params]
        wide = np.array(self.span or [(-_WIDE, _WIDE)] * len(params), float).T
        can = np.array([_standard(params, np.array([float(s.latent(e)) for s, e in zip(ends, own, strict=True)]))
                        for own in ([s.low for s in ends], [s.high for s in ends])])  # fmt: skip
        return np.maximum(wide[0], can[0]), np.minimum(wide[1], can[1])

    def wider(self, params: Sequence[str], values: Array) -> Simulated | None:
        """The same law with minds simulated farther out, where people stand at the edge of what was."""
        s = self._ready()
        x = scales.latent(params, values)
        z, (low, high) = _standard(params, x), self._box(params)
        bottom, top = z.min(0), z.max(0)
        span = np.column_stack(
            [np.where(bottom < s.low + _EDGE, np.minimum(low, bottom) - _BEYOND, low),
             np.where(top > s.high - _EDGE, np.maximum(high, top) + _BEYOND, high)]
        )  # fmt: skip
        more = replace(self, span=tuple((float(a), float(b)) for a, b in span), splines=None)
        new = more._box(params)
        if (new[0] > s.low - 1e-9).all() and (new[1] < s.high + 1e-9).all():
            return None
        grown = float(np.prod((new[1] - new[0]) / (s.high - s.low)))
        return replace(more, points=min(4 * self.points, math.ceil(self.points * min(grown, 2.0))))

    def predictive(self, theta: Array, data: Means) -> Predictive:
        """The means that are fitted: shares, and means and sds of response times."""
        s = self._ready()
        mean, sd = s.at(self._on_scales(theta))
        n, kept = len(theta), np.flatnonzero(s.kept)
        with np.errstate(divide="ignore", invalid="ignore"):
            sd = sd * np.sqrt(s.counts / data.counts[:, kept])
        seen, told, error = np.full((3, n, len(kept)), np.nan)
        named, words, units = [], [], []
        for k, at in enumerate(kept):
            *cell, what = data.cells[at]
            values, m = data.values[:, at], mean[:, k]
            named.append(
                ", ".join(self._said(c, v, c) for c, v in zip(self.summary.by, cell, strict=True)) or "all"
            )
            words.append(what)
            if what.endswith("share"):
                units.append(SHARES)
                seen[:, k], told[:, k] = np.sin(values) ** 2, np.sin(m) ** 2
                error[:, k] = sd[:, k] * np.maximum(np.abs(np.sin(2 * m)), 0.05)
            else:
                units.append(TIMES if what.endswith("mean") else "sd of log response time")
                scale = 1000.0 if what.endswith("mean") else 1.0
                seen[:, k], told[:, k] = scale * np.exp(values), scale * np.exp(m)
                error[:, k] = told[:, k] * sd[:, k]
        return Predictive(list(data.people), named, words, units, seen, told, error)

    def loglik(self, theta: Array, data: Means, row: Array) -> Array:
        """(n,): log density of the statistics of person row[i] under theta[i]."""
        s = self._ready()
        mean, sd = s.at(self._on_scales(theta))
        values, counts = data.values[:, s.kept][row], data.counts[:, s.kept][row]
        there = np.isfinite(values)
        with np.errstate(divide="ignore", invalid="ignore"):
            sd = sd * np.sqrt(s.counts / counts)
            z = np.where(there, (values - mean) / sd, 0.0)
            out = -np.where(there, np.log(sd), 0.0).sum(1)
        for kind, who in _alike(there):
            part = s.correlation[np.ix_(kind, kind)]
            solved = np.linalg.solve(part, z[who][:, kind].T)
            quad = (z[who][:, kind].T * solved).sum(0)
            out[who] -= 0.5 * (quad + np.linalg.slogdet(2 * math.pi * part)[1])
        return out

    def expected(self, theta: Array, data: Means) -> Array:
        """(n, statistics): the mean of each statistic under theta[i]; NaN for what could not be used."""
        s = self._ready()
        out = np.full((len(theta), len(data.cells)), np.nan)
        out[:, s.kept] = s.at(self._on_scales(theta))[0]
        return out

    def _ready(self) -> Splines:
        if self.splines is None:
            raise InputError(f"{self.task.name} has to be simulated first: prepared(params, data, ...)")
        return self.splines

    def _on_scales(self, theta: Array) -> Array:
        params = self._ready().params
        return scales.latent(params, theta[:, [self.params.index(name) for name in params]])

    def draw(self, ax: Any, theta: Array, data: Means) -> None:
        """Response times where there are any, else shares, over the last column of the cells."""
        s, expected = self.summary, self.expected(theta, data)
        what = f"{s.times[0]} mean" if s.times else f"{s.shares[-1]} share"
        cells = [(c, i) for i, c in enumerate(data.cells) if c[-1] == what]
        numbers = [k for k in range(len(s.by)) if all(isinstance(c[k], float) for c, _ in cells)]
        wide = max(numbers or range(len(s.by)), key=lambda k: len({c[k] for c, _ in cells}))
        groups = sorted({tuple(v for k, v in enumerate(c[:-1]) if k != wide) for c, _ in cells})
        colors = plot.pens(list(dict.fromkeys(str(g[:1]) for g in groups)))
        dashes = {
            second: dash for dash, second in zip(_DASHES, sorted({g[1:] for g in groups}), strict=False)
        }
        for group in groups:
            at = [
                (c[wide], i) for c, i in cells if tuple(v for k, v in enumerate(c[:-1]) if k != wide) == group
            ]
            x, index = np.array([a for a, _ in at]), [i for _, i in at]
            rest = [n for k, n in enumerate(s.by) if k != wide]
            label = ", ".join(self._said(n, v) for n, v in zip(rest, group, strict=True)) or what
            seen, fitted = (_back(y[:, index], bool(s.times)) for y in (data.values, expected))
            pen = colors[str(group[:1])]._replace(dash=dashes.get(group[1:], "-"))
            over(ax, x, seen, fitted, pen, label)
        ylabel = "response time [ms] (geometric mean)" if s.times else f"share: {s.shares[-1]}"
        ax.set(xlabel=s.by[wide].replace("_", " "), ylabel=ylabel, title="stars: data; lines: fit")
        levels = sorted({c[wide] for c, _ in cells})
        if len(levels) <= _TICKS:
            words = [self._said("", value, s.by[wide]) for value in levels]
            ax.set_xticks(levels if wide in numbers else range(len(levels)), words)
        ax.legend(loc="best", fontsize=7)

    def _said(self, name: str, value: Any, column: str = "") -> str:
        """A value of a condition in the paradigm's own words, where it has some, else as a number behind its name."""
        told = list(self.levels.get(column or name, {}).items())
        words = {called: word for word, called in reversed(told)}
        plain = f"{value:g}" if isinstance(value, float) else str(value)
        return words.get(value) or (f"{name.replace('_', ' ')} {plain}" if name else plain)

    def notes(self, frame: pd.DataFrame) -> list[str]:
        """Few trials, a condition missing."""
        return super().notes(frame) + lacking(frame, self.summary.by)

    def remarks(self) -> list[str]:
        """How the likelihood was made, and where it is weak."""
        s = self._ready()
        minds = f"{self.points} x {self.replicates} minds"
        said = [f"simulated, not exact: {int(s.kept.sum())} means of {self.task.name}, known from {minds}"]
        bad = int((s.missed > _MISSED).sum())
        if bad:
            are, them = ("is", "it") if bad == 1 else ("are", "them")
            said.append(
                f"{bad} of them {are} known to {s.missed.max():.1f} of a person's own noise only: trust {them} less"
            )
        return said


def _keyed(frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """The columns of the cells as numbers, or as texts where they are."""
    kinds = {c: float if pd.api.types.is_numeric_dtype(frame[c]) else str for c in by}
    return frame.astype(kinds)


def _back(y: Array, time: bool) -> Array:
    """Milliseconds, or a share."""
    return np.asarray(1000 * np.exp(y) if time else np.sin(y) ** 2)


def _latent(params: Sequence[str], z: Array) -> Array:
    """From sds of adults to the scales."""
    middle, sd = (
        np.array([getattr(scales.SCALES[name], word) for name in params]) for word in ("mean", "sd")
    )
    return np.asarray(middle + sd * z)


def _standard(params: Sequence[str], x: Array) -> Array:
    middle, sd = (
        np.array([getattr(scales.SCALES[name], word) for name in params]) for word in ("mean", "sd")
    )
    return np.asarray((x - middle) / sd)


def _alike(there: Array) -> list[tuple[Array, Array]]:
    """(which statistics there are, whose rows these are): rows that lack the same."""
    kinds, at = np.unique(there, axis=0, return_inverse=True)
    return [(np.flatnonzero(kind), np.flatnonzero(at.ravel() == i)) for i, kind in enumerate(kinds)]


def _means(frame: pd.DataFrame, summary: Statistics) -> Means:
    """The statistics of a long table."""
    by, parts = list(summary.by), []
    people = list(dict.fromkeys(frame["person"]))
    frame = _keyed(frame, by)
    groups = frame.groupby(["person", *by], sort=False)
    for name in summary.shares:
        n, p = groups[name].count(), groups[name].mean().astype(float)
        parts.append((f"{name} share", np.arcsin(np.sqrt((p * n + 0.375) / (n + 0.75))), n))
    for name in summary.times:
        logs = frame.assign(_log=np.log(frame[name].where(frame[name] > 0)))
        timed = logs.groupby(["person", *by], sort=False)["_log"]
        n = timed.count()
        parts.append((f"{name} mean", timed.mean(), n))
        parts.append((f"{name} sd", np.log(timed.std().where((n > 4) & (timed.std() > 0))), n))
    cells, values, counts = [], [], []
    for what, value, n in parts:
        wide, wide_n = (x.unstack(list(range(1, 1 + len(by)))).reindex(people) for x in (value, n))
        for cell in sorted(wide.columns):
            cells.append((*(cell if isinstance(cell, tuple) else (cell,)), what))
            values.append(wide[cell].to_numpy(float))
            counts.append(wide_n[cell].fillna(0).to_numpy(float))
    trials = frame.groupby("person", sort=False).size().reindex(people).to_numpy(np.int64)
    return Means(people, cells, np.array(values).T, np.array(counts).T, trials)


def _fitted(
    params: tuple[str, ...],
    z: Array,
    taken: Sequence[Means],
    cells: list[tuple[Any, ...]],
    low: Array,
    high: Array,
) -> Splines:
    """Splines through the points, and what they miss."""
    stack = np.full((len(taken), len(taken[0].values), len(cells)), np.nan)
    counts = np.zeros_like(stack)
    for i, one in enumerate(taken):
        at = {cell: k for k, cell in enumerate(one.cells)}
        for k, cell in enumerate(cells):
            if cell in at:
                stack[i, :, k], counts[i, :, k] = one.values[:, at[cell]], one.counts[:, at[cell]]
    enough = np.isfinite(stack).sum(1) >= stack.shape[1] / 2
    with np.errstate(invalid="ignore"):
        kept = enough.all(0) & (np.nanstd(stack, axis=(0, 1)) > 1e-9)
    stack, counts = stack[:, :, kept], counts[:, :, kept]
    mean, sd = np.nanmean(stack, 1), np.nanstd(stack, 1, ddof=1)
    n = np.nanmean(np.where(counts > 0, counts, np.nan), axis=(0, 1))
    least = [
        _SHARE if cell[-1].endswith("share") else _TIME
        for cell, keep in zip(cells, kept, strict=True)
        if keep
    ]
    sd = np.maximum(sd, np.array(least) / np.sqrt(n))  # what stood still in few minds can move
    y = np.hstack([mean, np.log(sd)])
    smooth, missed = _chosen(z, y, sd, stack.shape[1])
    surface = interpolate.RBFInterpolator(z, y, smoothing=smooth)
    gaps = np.where(np.isnan(stack), 0.0, (stack - mean[:, None]) / sd[:, None]).reshape(-1, stack.shape[2])
    correlation = (1 - _SHRUNK) * np.corrcoef(gaps.T) + _SHRUNK * np.eye(gaps.shape[1])
    return Splines(params, surface, kept, n, np.atleast_2d(correlation), missed, low, high)


def _chosen(z: Array, y: Array, sd: Array, replicates: int) -> tuple[float, Array]:
    """How smooth, by points left out, an eighth at a time; the error of each mean beyond the noise of the points."""
    fold, d, best = np.arange(len(z)) % 8, sd.shape[1], (math.inf, 0.0, np.zeros(sd.shape[1]))
    for smooth in _SMOOTH:
        gap = np.empty_like(sd)
        for f in range(8):
            here = fold == f
            surface = interpolate.RBFInterpolator(z[~here], y[~here], smoothing=smooth)
            gap[here] = (surface(z[here])[:, :d] - y[here, :d]) / sd[here]
        error = (gap**2).mean(0)
        if error.sum() < best[0]:
            best = (float(error.sum()), smooth, np.sqrt(np.maximum(error - 1 / replicates, 0.0)))
    return best[1], best[2]
