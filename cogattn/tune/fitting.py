"""Fit: C, K, t0, alpha of people from their own data, with what is known and what is not.

Each person alone is maximum likelihood. Together (`pool=True`, the default for more than three people) people are a
sample of a population that is normal on the parameters' scales (`tune.scales`), with correlations, itself estimated;
a person with few trials then borrows from the others (partial pooling). The integral over each person's parameters is
importance sampling around the peak of his posterior, with common random numbers; the population is improved by EM
(Dempster, Laird & Rubin 1977) until its likelihood stands. Intervals are those of the posterior, given the population.

>>> from cogattn.runs.experiment import run
>>> trials = run("whole_report", arms="human", people=2, trials=40, seed=1)
>>> found = fit("whole_report", trials, pool=False)
>>> found.estimates[["capacity", "slots", "threshold"]].shape
(2, 3)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import joblib
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize, stats

from cogattn import files, showing
from cogattn.errors import InputError, choice, whole
from cogattn.observer import Observer, Population, Spread
from cogattn.paradigms import Paradigm
from cogattn.runs.results import Trials
from cogattn.showing import Progress
from cogattn.tune import likelihoods, scales
from cogattn.tune.base import Data, Likelihood
from cogattn.view import plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = npt.NDArray[np.float64]
DRAWS = 512  # parameters that each person is asked about, a power of two
RESAMPLES = 200  # of a bootstrap
ROUNDS = 3  # how often the draws are moved to where the population says that people are
_MANY = 12  # the same, at most, where data say little about some parameter
_RUN_OUT = 60  # effective draws
_LEAST = 4  # people from which a population can be said to be one
_ASIDE = (
    0.5  # sd of adults: where the likelihood is asked how it would be with more, or less, of what is held
)
_UNCORRELATED = 1e-3
_HELD = 0.3  # of a standard error: what is held and counts for less is not worth a note
_CUT = 1.92  # half the 95 % point of chi-square with 1 degree of freedom


@dataclass(frozen=True)
class Fit:
    """What a fit found.

    >>> from cogattn import run
    >>> found = fit("whole_report", run("whole_report", "human", people=4, trials=10))
    >>> found.table()["parameter"].tolist()
    ['capacity', 'slots', 'threshold']
    """

    paradigm: str
    params: tuple[str, ...]
    estimates: pd.DataFrame  #: a row per person: person, the parameters, trials, loglik
    intervals: pd.DataFrame  #: person, parameter, low, high (95 %)
    loglik: float
    pooled: bool
    data: Data
    law: Likelihood  #: and, in it, everything about the mind that was not fitted
    center: Array  #: (parameters,) people's mean on the scales
    covariance: Array  #: (parameters, parameters) between people, on the scales
    within: Array  #: (parameters, parameters) mean correlation of the errors of a person's own estimates
    notes: list[str] = field(default_factory=list)

    @property
    def free(self) -> int:
        """How many numbers were fitted."""
        p = len(self.params)
        return p + p * (p + 1) // 2 if self.pooled else p * len(self.estimates)

    @property
    def aic(self) -> float:
        """Akaike's criterion: smaller is better."""
        return 2 * self.free - 2 * self.loglik

    @property
    def bic(self) -> float:
        """Schwarz's criterion: smaller is better."""
        return self.free * math.log(int(self.data.trials.sum())) - 2 * self.loglik

    def population(self) -> Population:
        """The people as a population: for `run(population=...)` and `--population FILE`.

        With the correlations between parameters. What was not fitted is as in adults, or for everybody what `observer`
        said; what is the task's own and not a mind's (`guess`) is left to the task.
        """
        sd = np.maximum(1e-6, np.sqrt(np.diag(self.covariance)))
        told = self.law.observer.changed()
        said = {name: Spread("constant", told[name]) for name in told if name != "reallocate"}
        found = {
            name: scales.SCALES[name].spread(float(self.center[i]), float(sd[i]))
            for i, name in enumerate(self.params)
            if name not in self.law.others
        }
        r = self.covariance / np.outer(sd, sd)
        if np.linalg.eigvalsh(r)[0] < 1e-6:  # a few people lie on a line
            r = 0.99 * r
        free = [(i, name) for i, name in enumerate(self.params) if name in found]
        together = {
            one: {other: float(r[i, j]) for j, other in free if j > i and abs(r[i, j]) > _UNCORRELATED}
            for i, one in free
        }
        people = Population.adults().with_spreads(said | found)
        return replace(people, correlations={one: row for one, row in together.items() if row})

    def observer(self, person: Any = None) -> Observer:
        """One person, or the person in the middle of them all."""
        if person is None:
            values = scales.own(self.params, self.center)
        else:
            rows = self.estimates[self.estimates["person"] == person]
            if rows.empty:
                raise InputError(f"person must be one of those fitted, got {person!r}")
            values = rows[list(self.params)].to_numpy()[0]
        own: dict[str, Any] = dict(zip(self.params, map(float, values), strict=True))
        return replace(self.law.observer, **{k: v for k, v in own.items() if k not in self.law.others})

    def table(self) -> pd.DataFrame:
        """A row per parameter: people's mean and sd, their range, how wide a person's interval is."""
        rows = []
        for i, name in enumerate(self.params):
            own, bounds = self.estimates[name], self.intervals[self.intervals["parameter"] == name]
            rows.append(
                {
                    "parameter": name,
                    "unit": scales.SCALES[name].unit,
                    "mean": own.mean(),
                    "sd": own.std(ddof=1) if len(own) > 1 else np.nan,
                    "least": own.min(),
                    "most": own.max(),
                    "typical": float(scales.own(self.params, self.center)[i]),
                    "interval": float((bounds["high"] - bounds["low"]).median()),
                }
            )
        return pd.DataFrame(rows)

    def _repr_html_(self) -> str:
        """In a notebook: the parameters, the figure, and what is to be known about the fit."""
        table, word = self.table(), "together" if self.pooled else "each alone"
        title = f"Fit of {self.paradigm}: {len(self.estimates)} people, {word}"
        parts = [showing.rows(table.itertuples(index=False), list(table.columns))]
        parts += [showing.words(note) for note in self.notes]
        parts.append(
            showing.words(f"log likelihood {self.loglik:.1f}, AIC {self.aic:.1f}, BIC {self.bic:.1f}")
        )
        return showing.card(title, *parts, showing.picture(self.plot(), title))

    def save(self, folder: Path) -> Path:
        """Tables, the observer and the population as files that every command takes, the figure."""
        from cogattn.runs import results

        files.write_table(folder / "estimates.csv", self.estimates)
        files.write_table(folder / "intervals.csv", self.intervals)
        files.write_table(folder / "summary.csv", self.table())
        files.write_text(folder / "observer.toml", results.toml(self.observer().to_dict()))
        files.write_text(folder / "population.toml", results.toml(self.population().to_dict()))
        files.write_text(folder / "notes.txt", "".join(f"{note}\n" for note in self.notes))
        plot.keep(self.plot(), folder / "figures", "tune")
        files.write_json(folder / "done.json", {"loglik": self.loglik, "aic": self.aic, "bic": self.bic})
        return folder

    def plot(self) -> Figure:
        """The data and the fit; then every person's estimates with their intervals."""
        with plot.style() as plt:
            n = len(self.params)
            figure, axes = plt.subplots(
                1, 1 + n, figsize=(4.6 + 1.9 * n, 4.0), width_ratios=[2.4, *[1.0] * n]
            )
            values = self.estimates[list(self.params)].to_numpy()
            self.law.draw(axes[0], self.law.theta(values, self.params), self.data)
            for ax, name in zip(axes[1:], self.params, strict=True):
                self._people(ax, name)
            word = "together" if self.pooled else "each alone"
            figure.suptitle(
                f"{self.paradigm}: {len(self.estimates)} people fitted {word}; "
                + ", ".join(
                    f"{r.parameter} {r.mean:.3g} {r.unit}".strip() for r in self.table().itertuples()
                ),
                x=0.01,
                ha="left",
                fontsize=11,
                fontweight="bold",
            )
            return figure

    def _people(self, ax: Any, name: str) -> None:
        """Each person's estimate and interval, from least to most."""
        bounds = self.intervals[self.intervals["parameter"] == name].set_index("person")
        own = self.estimates.set_index("person")[name].sort_values()
        scale = 1000.0 if name == "threshold" else 1.0
        y, rows = np.arange(len(own)), bounds.loc[own.index]
        ax.hlines(y, scale * rows["low"], scale * rows["high"], color="#BBBBBB", linewidth=1.2)
        ax.plot(scale * own, y, ".", color="#0072B2", markersize=4)
        unit = "ms" if name == "threshold" else scales.SCALES[name].unit
        ax.set(xlabel=name + (f" [{unit}]" if unit else ""), yticks=[])
        if scales.SCALES[name].log:
            ax.set_xscale("log")
            low, high = float(rows["low"].min()), float(rows["high"].max())
            wide = math.log10(high / low)
            steps = (1, 2, 5) if wide < 2 else (1,)
            marks = [m * 10.0**e for e in range(-7, 5) for m in steps if low <= m * 10.0**e <= high]
            marks = marks[:: 1 if wide < 4 else 2]
            ax.set_xticks(marks, [f"{m:g}" for m in marks], minor=False)
            ax.set_xticks([], minor=True)


def fit(
    paradigm: str | Paradigm,
    data: Trials | pd.DataFrame,
    params: Sequence[str] | None = None,
    *,
    pool: bool | None = None,
    observer: Observer | None = None,
    intervals: str = "profile",
    seed: int = 0,
    n_jobs: int = 1,
    progress: Progress | bool | None = None,
) -> Fit:
    """Estimate people's parameters. data: a run's trials, or a long table with the columns of the paradigm's own.

    paradigm: its name, or the paradigm with your options.

    params: which ones (default: all that the data inform); the others are as in `observer`, and known. Without an
    observer they are held at the mean adult's, and that adults differ in them is counted into the intervals.
    pool=None: together if there are at least four people. intervals of people who are fitted alone: "profile" (where
    the likelihood has fallen too far) or "bootstrap" (what is found when trials are drawn anew); of people together:
    their posterior's.

    >>> from cogattn import run
    >>> data = run("whole_report", "human", people=4, trials=10)
    >>> found = fit("whole_report", data, params=("capacity", "slots"))
    >>> len(found.estimates), found.params
    (4, ('capacity', 'slots'))
    """
    law, compact, names, notes = ask(paradigm, data, params, observer)
    paradigm = paradigm if isinstance(paradigm, str) else paradigm.name
    n_jobs, seed = whole("n_jobs", n_jobs, least=1, most=1024), whole("seed", seed, most=2**63 - 1)
    pooled = pools(compact, pool)
    if choice("intervals", intervals, ("profile", "bootstrap")) == "bootstrap":
        if pooled:
            raise InputError(
                "people who are fitted together have the intervals of their posterior: set pool=False"
            )
        if not hasattr(compact, "resampled"):
            raise InputError(
                f"trials of {paradigm} hang together and cannot be drawn anew: set intervals='profile'"
            )
    tick = showing.ticker(progress, f"fit {paradigm}")
    law = law.prepared(names, compact, seed=seed, n_jobs=n_jobs, progress=tick)
    notes = [*notes, *law.remarks()]
    job = Job(law, compact, names, seed, n_jobs, tick, held=observer is not None)
    return job.together(paradigm, notes) if pooled else job.alone(paradigm, notes, intervals)


def pools(data: Data, pool: bool | None) -> bool:
    """Whether people are taken together; if nobody says, from four on."""
    many = len(data.people) >= _LEAST
    if pool and not many:
        raise InputError(f"pool needs at least {_LEAST} people, got {len(data.people)}: set pool=False")
    return many if pool is None else bool(pool)


class Asked(NamedTuple):
    """What is asked of which data."""

    law: Likelihood
    data: Data
    params: tuple[str, ...]
    notes: list[str]


def ask(
    paradigm: str | Paradigm,
    data: Trials | pd.DataFrame,
    params: Sequence[str] | None,
    observer: Observer | None,
) -> Asked:
    """The law of the paradigm for this mind, the data condensed, the parameters that they inform, what is odd."""
    law = likelihoods.of(paradigm).given(observer or Observer())
    frame = of_people(data)
    compact = law.compact(frame)
    informed = law.informed(compact)
    names = scales.names(params) if params else law.usual(compact)
    for name in names:
        if name not in informed:
            raise InputError(
                f"these data say nothing about {name}: parameters they inform are {', '.join(informed)}"
            )
    return Asked(law, compact, names, law.notes(frame))


def of_people(data: Trials | pd.DataFrame) -> pd.DataFrame:
    """A long table as it is; of a run the trials of the human arm, where there are several."""
    frame = data.frame if isinstance(data, Trials) else data
    arms = frame["arm"].unique() if isinstance(data, Trials) and "arm" in frame else []
    if len(arms) > 1 and "human" not in arms:
        raise InputError(f"the run has the arms {', '.join(arms)}: give the trials of one of them")
    return frame[frame["arm"] == "human"] if "human" in arms else frame


@dataclass
class Job:
    """A fit under way."""

    law: Likelihood
    data: Data
    params: tuple[str, ...]
    seed: int
    n_jobs: int
    progress: Progress | None
    held: bool = False  #: what is not fitted is known of these people, not only of the mean adult

    @property
    def n(self) -> int:
        """How many people."""
        return len(self.data.people)

    def loglik(self, x: Array, row: npt.NDArray[Any]) -> Array:
        """Of points on the scales (n, parameters)."""
        return self.law.loglik(self.law.theta(scales.own(self.params, x), self.params), self.data, row)

    def prior(self) -> tuple[Array, Array]:
        """Adults: mean and covariance on the scales."""
        mean = np.array([scales.SCALES[name].mean for name in self.params])
        return mean, np.diag([scales.SCALES[name].sd ** 2 for name in self.params])

    def each(self, work: Callable[[int], Any], base: int, total: int) -> list[Any]:
        """One piece of work per person, beside each other."""
        pool = joblib.Parallel(n_jobs=self.n_jobs, require="sharedmem", return_as="generator")
        out = []
        for i, found in enumerate(pool(joblib.delayed(work)(i) for i in range(self.n))):
            out.append(found)
            if self.progress is not None:
                self.progress(base + i + 1, total)
        return out

    def peak(self, row: int, mean: Array, precision: Array, starts: Sequence[Array]) -> tuple[Array, float]:
        """The highest point of log-likelihood minus the population's quadratic, from several starts."""
        where = np.array([row])

        def depth(x: Array) -> float:
            gap = x - mean
            return 0.5 * float(gap @ precision @ gap) - float(self.loglik(x[None], where)[0])

        best: Any = None
        for start in starts:
            simplex = start + np.vstack([np.zeros(len(start)), np.diag(self._steps())])
            found = optimize.minimize(
                depth,
                start,
                method="Nelder-Mead",
                options={"initial_simplex": simplex, "xatol": 1e-3, "fatol": 1e-3},
            )
            best = found if best is None or found.fun < best.fun else best
        return np.asarray(best.x), -float(best.fun)

    def _steps(self) -> Array:
        return 0.3 * np.array([scales.SCALES[name].sd for name in self.params])

    # -- each alone --------------------------------------------------------------------------------------------

    def alone(self, paradigm: str, notes: list[str], intervals: str) -> Fit:
        """Maximum likelihood, and profile or bootstrap intervals."""
        p = len(self.params)
        flat = (np.zeros(p), np.zeros((p, p)))

        def one(row: int) -> tuple[Array, float, Array, Array]:
            x, top = self.peak(row, *flat, self.law.starts(self.params))
            x = scales.within(self.params, x)
            bounds = self.bootstrap(row, x) if intervals == "bootstrap" else self.profile(row, x, top)
            return x, top, bounds, self.spread_at(row, x, flat[1])

        found = self.each(one, 0, self.n)
        x = np.array([f[0] for f in found])
        bounds = np.array([f[2] for f in found])  # (people, parameters, 2) on the scales
        within = _mean_correlation([f[3] for f in found])
        bounds, said = self.widened(x, bounds, np.array([f[3] for f in found]))
        notes = [*notes, *said]
        cov = np.atleast_2d(np.cov(x.T)) if self.n > 1 else np.zeros((p, p))
        tops = np.array([f[1] for f in found])
        return self.done(paradigm, notes, x, tops, bounds, float(tops.sum()), False, x.mean(0), cov, within)

    def profile(self, row: int, x: Array, top: float) -> Array:
        """(parameters, 2): where the likelihood, the others at their best, has fallen by 1.92 (chi-square, 95 %)."""
        p, where = len(self.params), np.array([row])
        out = np.empty((p, 2))
        for i in range(p):
            rest = [j for j in range(p) if j != i]

            def fallen(value: float, i: int = i, rest: list[int] = rest) -> float:
                point = x.copy()
                point[i] = value

                def depth(y: Array) -> float:
                    point[rest] = y
                    return -float(self.loglik(point[None], where)[0])

                if not rest:
                    return top + depth(np.empty(0)) - _CUT
                simplex = x[rest] + np.vstack([np.zeros(len(rest)), np.diag(self._steps()[rest])])
                found = optimize.minimize(
                    depth,
                    x[rest],
                    method="Nelder-Mead",
                    options={"initial_simplex": simplex, "xatol": 5e-3, "fatol": 5e-3},
                )
                return top + float(found.fun) - _CUT

            for side, sign in enumerate((-1.0, 1.0)):
                out[i, side] = self._edge(fallen, x[i], sign, scales.SCALES[self.params[i]])
        return out

    def bootstrap(self, row: int, x: Array) -> Array:
        """(parameters, 2): the middle 95 % of what is found in `RESAMPLES` samples of the trials (Efron 1979)."""
        p, data = len(self.params), self.data
        found = []
        for turn in range(RESAMPLES):
            job = replace(self, data=data.resampled(row, turn, self.seed))  # type: ignore[attr-defined]
            found.append(job.peak(0, np.zeros(p), np.zeros((p, p)), [x])[0])
        return np.quantile(np.array(found), [0.025, 0.975], axis=0).T

    @staticmethod
    def _edge(fallen: Callable[[float], float], at: float, sign: float, scale: scales.Scale) -> float:
        """From the peak outwards by doubling steps until it has fallen far enough, then to the point where."""
        low, high = (float(scale.latent(b)) for b in (scale.low, scale.high))
        step, inner = 0.5 * scale.sd, at
        for _ in range(8):
            outer = float(np.clip(at + sign * step, low, high))
            if fallen(outer) > 0:
                return float(optimize.brentq(fallen, inner, outer, xtol=1e-3)) if outer != inner else outer
            if outer in (low, high):
                return outer
            inner, step = outer, 2 * step
        return inner

    # -- together ----------------------------------------------------------------------------------------------

    def together(self, paradigm: str, notes: list[str]) -> Fit:
        """Importance sampling around each person's peak, EM for the population, and again from where people are."""
        mean, cov = self.prior()
        known = (self.law.doubt, mean, cov)
        even = stats.qmc.Sobol(len(self.params) + 1, scramble=True, rng=np.random.default_rng(self.seed))
        u = np.clip(even.random(DRAWS), 1e-6, 1 - 1e-6)
        rounds = _MANY if self.law.doubt else ROUNDS
        first = partial(self.laplace, mean=mean, precision=np.asarray(np.linalg.inv(cov), float))
        near = self.each(first, 0, (1 + rounds) * self.n)
        for turn in range(rounds):
            ask = partial(self.sampled, near=near, mean=mean, cov=cov, u=u)
            found = self.each(ask, (1 + turn) * self.n, (1 + rounds) * self.n)
            draws, base = np.array([f[0] for f in found]), np.array([f[1] for f in found])
            before = mean, cov
            mean, cov, loglik = _em(draws, base, mean, cov, known)
            weights, _ = _weighted(draws, base, mean, cov)  # (people, draws)
            center, spread = _moments(draws, weights)
            near = list(zip(center, spread + 0.05 * np.array([s for _, s in near]), strict=True))
            if self.law.doubt and turn >= ROUNDS - 1 and _stands(*before, mean, cov):
                break
        own = np.array([self.loglik(center[i : i + 1], np.array([i]))[0] for i in range(self.n)])
        poor = int((_effective(weights) < 20).sum())
        if poor:
            notes = [*notes, f"{poor} people's posteriors are poorly sampled (fewer than 20 effective draws)"]
        bounds, within = _quantiles(draws, weights), _mean_correlation(list(spread))
        bounds, said = self.widened(center, bounds, spread)
        notes = [*notes, *said]
        return self.done(paradigm, notes, center, own, bounds, loglik, True, mean, cov, within)

    def laplace(self, row: int, mean: Array, precision: Array) -> tuple[Array, Array]:
        """The peak of a person's posterior, and the covariance of the normal that is as curved there."""
        x, _ = self.peak(row, mean, precision, self.law.starts(self.params))
        return x, self.spread_at(row, x, precision)

    def sampled(
        self, row: int, near: Sequence[tuple[Array, Array]], mean: Array, cov: Array, u: Array
    ) -> tuple[Array, Array]:
        """Draws (draws, parameters) of a person, and their log-likelihood minus log of how likely they were drawn.

        Three in four from a wide t (5 degrees of freedom) where the person seems to be, the rest from the population.
        """
        x, local = near[row][0], 1.5 * near[row][1]
        z = stats.norm.ppf(u[:, 1:])
        tail = np.sqrt(5 / stats.chi2.ppf(u[:, 0] * 4 / 3 % 1, 5))[:, None]
        own = x + tail * z @ np.linalg.cholesky(local).T
        draws = np.where(u[:, :1] < 0.75, own, mean + z @ np.linalg.cholesky(cov).T)
        log_q = np.logaddexp(
            math.log(0.75) + stats.multivariate_t.logpdf(draws, x, local, 5),
            math.log(0.25) + stats.multivariate_normal.logpdf(draws, mean, cov),
        )
        return draws, self.loglik(draws, np.full(len(draws), row)) - log_q

    def spread_at(self, row: int, x: Array, precision: Array) -> Array:
        """The covariance of a normal with the same curvature as the posterior at its peak."""
        p, steps = len(x), self._steps()
        points, where = [], []
        for i in range(p):
            for j in range(i, p):
                for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
                    point = x.copy()
                    point[i] += a * steps[i]
                    point[j] += b * steps[j]
                    points.append(point)
                    where.append((i, j, a * b))
        values = self.loglik(np.array(points), np.full(len(points), row))
        curve = np.zeros((p, p))
        for (i, j, sign), value in zip(where, values, strict=True):
            curve[i, j] -= sign * value / (4 * steps[i] * steps[j])
        curve = curve + curve.T - np.diag(np.diag(curve)) + precision
        floor = np.diag(1 / np.array([3 * scales.SCALES[name].sd for name in self.params]) ** 2)
        size, axes = np.linalg.eigh(curve + floor * 0.1)
        return np.asarray((axes / np.maximum(size, np.diag(floor).min())) @ axes.T)

    def widened(self, x: Array, bounds: Array, covs: Array) -> tuple[Array, list[str]]:
        """Intervals that count in what is held at the mean adult's though adults differ in it; and what was counted in.

        To first order the peak moves by Cov G per unit of what is held, G being the cross derivative of the likelihood
        (implicit function theorem); people's own value is a draw from the population, so its variance adds:

            var = var + sum_h (Cov G_h)^2 sd_h^2

        What an `observer` was given for is known (`held`). A simulated law would have to be simulated anew: left alone.
        """
        mind, steps = self.law.observer, self._steps()
        adults = {name for name, s in Population.adults().spreads().items() if s.kind != "constant"}
        if self.held or not self.law.exact:
            return bounds, []
        n, p = x.shape
        who, more, said = np.arange(n), np.zeros((n, p)), []
        shifts = [
            (x + sign * np.eye(p)[i] * steps[i], sign / steps[i]) for i in range(p) for sign in (1.0, -1.0)
        ]
        for name in sorted(adults - {*self.params}):
            scale = scales.SCALES[name]
            slope = np.zeros((n, p))
            for side in (1.0, -1.0):
                one: dict[str, Any] = {name: float(scale.own(scale.mean + side * _ASIDE * scale.sd))}
                job = replace(self, law=self.law.given(replace(mind, **one)))
                for k, (points, weight) in enumerate(shifts):
                    slope[:, k // 2] += side * weight * job.loglik(points, who) / (4 * _ASIDE)
            moved = np.einsum("npq,nq->np", covs, slope)  # per sd of what is held
            moved = np.where(np.isfinite(moved), moved, 0.0)  # where a step leads out of what can be
            more += moved**2
            share = np.abs(moved) / np.sqrt(np.einsum("npp->np", covs))
            said += [
                f"{name} is held at the mean adult's: that adults differ in it makes {param} less sure, by "
                f"{np.median(share[:, i]):.1f} of its standard error"
                for i, param in enumerate(self.params)
                if np.median(share[:, i]) > _HELD
            ]
        half = np.abs(bounds - x[..., None])  # (people, parameters, 2)
        wide = np.sqrt(half**2 + (1.96**2 * more)[..., None]) - half
        return bounds + np.where(more > 0, 1.0, 0.0)[..., None] * wide * np.array([-1.0, 1.0]), said

    def done(
        self,
        paradigm: str,
        notes: list[str],
        x: Array,
        own: Array,
        bounds: Array,
        loglik: float,
        pooled: bool,
        mean: Array,
        cov: Array,
        within: Array,
    ) -> Fit:
        """Into the parameters' own units."""
        values = scales.own(self.params, x)
        estimates = pd.DataFrame(
            {"person": self.data.people, **dict(zip(self.params, values.T, strict=True))}
        )
        estimates = estimates.assign(trials=self.data.trials, loglik=own)
        low, high = (scales.own(self.params, bounds[..., side]) for side in (0, 1))
        intervals = pd.DataFrame(
            {
                "person": np.repeat(np.array(self.data.people, object), len(self.params)),
                "parameter": list(self.params) * self.n,
                "low": low.ravel(),
                "high": high.ravel(),
            }
        )
        notes = [*notes, *trades(self.params, within)]
        return Fit(
            paradigm,
            self.params,
            estimates,
            intervals,
            loglik,
            pooled,
            self.data,
            self.law,
            mean,
            cov,
            within,
            notes,
        )


def _log_prior(draws: Array, mean: Array, cov: Array) -> Array:
    """(people, draws)"""
    gap = draws - mean
    solved = np.linalg.solve(cov, gap[..., None])[..., 0]
    return np.asarray(-0.5 * (gap * solved).sum(-1) - 0.5 * np.linalg.slogdet(2 * math.pi * cov)[1])


def _weighted(draws: Array, base: Array, mean: Array, cov: Array) -> tuple[Array, float]:
    """Weights of the draws in each person's posterior, and the log-likelihood of the population."""
    log_w = base + _log_prior(draws, mean, cov)
    top = log_w.max(1, keepdims=True)
    w = np.exp(log_w - top)
    total = w.sum(1, keepdims=True)
    return w / total, float((top[:, 0] + np.log(total[:, 0] / draws.shape[1])).sum())


def _effective(weights: Array) -> Array:
    """(people,) how many draws of equal weight they are worth."""
    return np.asarray(1 / (weights**2).sum(1))


def _stands(mean: Array, cov: Array, then: Array, cov_then: Array) -> bool:
    """The population has moved by less than a twentieth of its own spread."""
    sd, sd_then = np.sqrt(np.diag(cov)), np.sqrt(np.diag(cov_then))
    return bool((np.abs(then - mean) < 0.05 * sd).all() and (np.abs(sd_then / sd - 1) < 0.05).all())


def _em(
    draws: Array, base: Array, mean: Array, cov: Array, known: tuple[float, Array, Array]
) -> tuple[Array, Array, float]:
    """The population that makes everybody's data most likely, given the draws.

    known: so many adults, their mean and covariance, are added to the sample; then the steps end, too, where the draws
    of a quarter of the people have run out, so that they are drawn anew from nearer by.
    """
    before, n, (added, at, scatter) = -math.inf, len(draws), known
    w, loglik = _weighted(draws, base, mean, cov)
    for _ in range(500):
        if loglik - before < 1e-4 or (added and np.quantile(_effective(w), 0.25) < _RUN_OUT):
            break
        before = loglik
        mean = (np.einsum("is,isp->p", w, draws) + added * at) / (n + added)
        gap = draws - mean
        own = np.einsum("is,isp,isq->pq", w, gap, gap)
        if added:
            own += added * (scatter + np.outer(at - mean, at - mean))
        cov = own / (n + added) + 1e-9 * np.eye(len(mean))
        w, loglik = _weighted(draws, base, mean, cov)
    return mean, cov, loglik


def _moments(draws: Array, weights: Array) -> tuple[Array, Array]:
    """Each person's posterior mean (people, parameters) and covariance (people, parameters, parameters)."""
    center = np.einsum("is,isp->ip", weights, draws)
    gap = draws - center[:, None]
    return center, np.einsum("is,isp,isq->ipq", weights, gap, gap)


def _quantiles(draws: Array, weights: Array, at: tuple[float, float] = (0.025, 0.975)) -> Array:
    """(people, parameters, 2): weighted quantiles of each person's draws."""
    out = np.empty((draws.shape[0], draws.shape[2], 2))
    for i in range(draws.shape[0]):
        for p in range(draws.shape[2]):
            order = np.argsort(draws[i, :, p])
            mass = np.cumsum(weights[i, order]) - weights[i, order] / 2
            out[i, p] = np.interp(at, mass, draws[i, order, p])
    return out


def _mean_correlation(covs: Sequence[Array]) -> Array:
    """The mean over people of the correlation between the errors of a person's estimates."""
    out = []
    for cov in covs:
        sd = np.sqrt(np.maximum(np.diag(cov), 1e-300))
        out.append(cov / np.outer(sd, sd))
    return np.asarray(np.mean(out, axis=0))


def trades(params: Sequence[str], within: Array, least: float = 0.6) -> list[str]:
    """Which parameters cannot be told apart by these data."""
    return [
        f"{a} and {b} trade off (correlation of their errors {within[i, j]:+.2f}): in these data more of one looks "
        f"like {'less' if within[i, j] > 0 else 'more'} of the other"
        for i, a in enumerate(params)
        for j, b in enumerate(params)
        if i < j and abs(within[i, j]) >= least
    ]
