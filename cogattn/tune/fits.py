"""Fit: C, K, t0, alpha of people from their own data, with what is known and what is not.

Each person alone is maximum likelihood. Together (`pool=True`, the default for more than three people) people are a
sample of a population that is normal on the parameters' scales (`tune.scales`), with correlations, itself estimated;
a person with few trials then borrows from the others (partial pooling). The integral over each person's parameters is
importance sampling around the peak of his posterior, with common random numbers; EM (Dempster, Laird & Rubin 1977)
moves the draws to where people are. Estimates and intervals are those of the posterior over all populations that the
data leave possible (`em.possible`): what is not known of the population is not known of its people either.

>>> from cogattn.runs.experiment import run
>>> trials = run("whole_report", arms="human", people=2, trials=40, seed=1)
>>> found = fit("whole_report", trials, pool=False)
>>> found.estimates[["capacity", "slots", "threshold"]].shape
(2, 3)
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from cogattn import notebook
from cogattn.errors import InputError, choice, doors, shown, whole
from cogattn.notebook import Progress
from cogattn.observer import Observer
from cogattn.paradigms import Paradigm
from cogattn.population import Population, Spread
from cogattn.runs.trials import Trials
from cogattn.tune import likelihoods, scales
from cogattn.tune.base import Array, Data, Likelihood
from cogattn.tune.estimation import Job
from cogattn.tune.predictive import Predictive
from cogattn.tune.verdict import Reason, Verdict, below_chance, judged
from cogattn.view import plot
from cogattn.view.result import Files, Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FLIPPED = 0.4  # share of right answers below which nobody presses keys of two
_WIDER = 4  # how often a simulated law is simulated farther out
_LEAST = 4  # people from which a population can be said to be one
_UNCORRELATED = 1e-3


@dataclass(frozen=True)
class Fit(Result):
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
    poor: int = 0  #: people whose posterior is poorly sampled
    doubts: tuple[Reason, ...] = ()  #: what speaks against the data before they are fitted
    forced: bool = False  #: an observer is written though the verdict is no

    @cached_property
    def predictive(self) -> Predictive | None:
        """What the data should look like under the fit, beside what they do look like; None: the law cannot say."""
        values = self.estimates[list(self.params)].to_numpy(float)
        return self.law.predictive(self.law.theta(values, self.params), self.data)

    @cached_property
    def verdict(self) -> Verdict:
        """Whether these numbers can be believed: `word` (fine, look, no) and `reasons`."""
        return judged(self)

    @property
    def usable(self) -> bool:
        """Whether an observer may be made of it: the verdict is not no, or it was forced."""
        return self.forced or self.verdict.word != "no"

    def check(self) -> Figure:
        """The data beside what the fit says of them, condition by condition."""
        own = self.predictive
        if own is None:
            raise InputError(f"the law of {self.paradigm} says nothing about single conditions: see plot()")
        first = self.verdict.reasons[0] if self.verdict.reasons else "nothing was found"
        title = f"{self.paradigm}, {len(self.estimates)} people. Verdict: {self.verdict.word} ({first})"
        return own.plot(title)

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
                raise InputError(f"person must be one of those fitted, got {shown(person)}")
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

    def heading(self) -> str:
        """Whose fit it is."""
        word = "together" if self.pooled else "each alone"
        return f"Fit of {self.paradigm}: {len(self.estimates)} people, {word}"

    def findings(self) -> list[str]:
        """What people are like in each parameter, and how well it is known; how likely the data are then."""
        out = []
        for r in self.table().itertuples():
            unit = f" {r.unit}" if r.unit else ""
            spread = f", sd {r.sd:.3g} between people" if np.isfinite(r.sd) else ""
            out.append(
                f"{r.parameter}: mean {r.mean:.3g}{unit}{spread}, from {r.least:.3g} to {r.most:.3g}; "
                f"a person's 95 % interval is {r.interval:.3g} wide."
            )
        last = f"Log likelihood {self.loglik:.1f}, AIC {self.aic:.1f}, BIC {self.bic:.1f}."
        return [str(self.verdict), *out, last]

    def remarks(self) -> list[str]:
        """What is to be known about the data and the fit."""
        return self.notes

    def files(self) -> Files:
        """Tables; the observer and the population as files that every command takes, unless the verdict is no."""
        from cogattn.runs import trials as results

        people: Files = {
            "observer.toml": results.toml(self.observer().to_dict()),
            "population.toml": results.toml(self.population().to_dict()),
        }
        return {
            "estimates.csv": self.estimates,
            "intervals.csv": self.intervals,
            "summary.csv": self.table(),
            "verdict.json": self.verdict.plain(),
            **({} if self.predictive is None else {"check.csv": self.predictive.table()}),
            **(people if self.usable else {}),
            "notes.txt": "".join(f"{note}\n" for note in self.notes),
        }

    def figures(self) -> Iterator[tuple[str, Figure]]:
        """Data, fit and people; then the data condition by condition."""
        yield "figures/tune", self.plot()
        if self.predictive is not None:
            yield "figures/check", self.check()

    def done(self) -> dict[str, Any]:
        """How good the fit is."""
        return {"loglik": self.loglik, "aic": self.aic, "bic": self.bic, "verdict": self.verdict.word}

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
        gap = "\n" if len(name) + len(unit) > 20 else " "
        ax.set(xlabel=name + (f"{gap}[{unit}]" if unit else ""), yticks=[])
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
    force: bool = False,
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
    their posterior's. force: fit data that are refused, and write an observer though the verdict is no.

    >>> from cogattn import run
    >>> data = run("whole_report", "human", people=4, trials=10)
    >>> found = fit("whole_report", data, params=("capacity", "slots"))
    >>> len(found.estimates), found.params
    (4, ('capacity', 'slots'))
    """
    law, compact, names, notes, doubts = ask(paradigm, data, params, observer, force)
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
    for turn in range(_WIDER + 1):
        tick = notebook.ticker(progress, f"simulate {paradigm}")
        law = law.prepared(names, compact, seed=seed, n_jobs=n_jobs, progress=tick)
        tick = notebook.ticker(progress, f"fit {paradigm}")
        job = Job(law, compact, names, seed, n_jobs, tick, held=observer is not None)
        said = [*notes, *law.remarks()]
        found = job.together(said) if pooled else job.alone(said, intervals)
        more = law.wider(names, found.estimates[list(names)].to_numpy(float))
        if more is None or turn == _WIDER:
            break
        law = more
    if more is not None:
        edge = "people stand at the edge of what was simulated: their numbers are not known"
        doubts = (*doubts, Reason("no", "bound", edge))
    return Fit(
        paradigm,
        names,
        found.estimates,
        found.intervals,
        found.loglik,
        pooled,
        compact,
        law,
        found.center,
        found.covariance,
        found.within,
        [*found.notes, *trades(names, found.within)],
        found.poor,
        doubts,
        force,
    )


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
    doubts: tuple[Reason, ...] = ()


def ask(
    paradigm: str | Paradigm,
    data: Trials | pd.DataFrame,
    params: Sequence[str] | None,
    observer: Observer | None,
    force: bool = False,
) -> Asked:
    """The law of the paradigm for this mind, the data condensed, the parameters that they inform, what is odd."""
    law = likelihoods.of(paradigm).given(observer or Observer())
    frame = of_people(data)
    compact = law.compact(frame)
    informed = law.informed(compact)
    names = scales.names(params, law.params) if params else law.usual(compact)
    for name in names:
        if name not in informed:
            raise InputError(
                f"these data say nothing about {name}: parameters they inform are {', '.join(informed)}"
            )
    return Asked(law, compact, names, law.notes(frame), tuple(_doubts(law, frame, force)))


def _doubts(law: Likelihood, frame: pd.DataFrame, force: bool) -> list[Reason]:
    """Of choices that are timed: whether people are right at all. A column that is flipped is refused."""
    if not {"correct", "rt"} <= {*law.columns} or frame["correct"].isna().all():
        return []
    share = float(frame["correct"].mean())
    if share < _FLIPPED and not force:
        raise InputError(
            f"correct must be 1 where an answer is right: it is in {share:.0%} of the trials, which is below chance; "
            "if 0 means right, say so (--word), or take it as it is with --force"
        )
    return below_chance(frame)


def of_people(data: Trials | pd.DataFrame) -> pd.DataFrame:
    """A long table as it is; of a run, and of a table that has an arm `human`, the trials of that arm."""
    frame = data.frame if isinstance(data, Trials) else data
    arms = frame["arm"].unique() if "arm" in frame else []
    if isinstance(data, Trials) and len(arms) > 1 and "human" not in arms:
        raise InputError(f"the run has the arms {', '.join(arms)}: give the trials of one of them")
    return frame[frame["arm"] == "human"] if "human" in arms else frame


def trades(params: Sequence[str], within: Array, least: float = 0.6) -> list[str]:
    """Which parameters cannot be told apart by these data."""
    return [
        f"{a} and {b} trade off (correlation of their errors {within[i, j]:+.2f}): in these data more of one looks "
        f"like {'less' if within[i, j] > 0 else 'more'} of the other"
        for i, a in enumerate(params)
        for j, b in enumerate(params)
        if i < j and abs(within[i, j]) >= least
    ]


doors(__name__, "fit", first=True)
