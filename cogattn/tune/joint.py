"""Several tasks of the same people, fitted together: a number that several of them inform is estimated once a person.

The log-likelihood of a person is the sum of those of his tasks,

    log L(theta) = sum_k log L_k(theta_k),   theta_k = the part of theta that task k informs

exact where the laws give the likelihood of every trial, that of his means where it is simulated (`tune.simulated`; a
simulated law knows at most four parameters, and holds the rest at the mean adult's). People are a sample of a
population that is normal on the scales. It is estimated with them as in `tune.fits`, but begins from the spread and the
correlations of a `Population`, of whose people two and one for each parameter are added to the sample. Who lacks a task
is estimated from the others. Given theta, tasks are taken as independent: a state of the day is not modelled.

>>> from cogattn import run
>>> tasks = {name: run(name, "human", people=4, trials=10) for name in ("whole_report", "partial_report")}
>>> found = fit_jointly(tasks, params=("capacity", "slots", "alpha"))
>>> len(found.estimates), found.paradigm
(4, 'whole_report + partial_report')
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd

from cogattn import notebook, paradigms
from cogattn.errors import InputError, doors, whole
from cogattn.notebook import Progress
from cogattn.observer import Observer
from cogattn.paradigms import Paradigm
from cogattn.population import Population
from cogattn.runs.trials import Trials
from cogattn.tune import em, likelihoods, scales
from cogattn.tune.base import Array, Data, Likelihood
from cogattn.tune.estimation import DRAWS, Found, Job
from cogattn.tune.fits import Fit, of_people, pools, trades
from cogattn.tune.predictive import Predictive
from cogattn.tune.simulated import MOST

#: Data of a task: its trials, by the task's name or by the paradigm with your options.
Tasks = Mapping[Any, "Trials | pd.DataFrame"]
_MANY = 5  # parameters
_MIDDLE = np.array([-1.0, 0.0, 1.0])


@dataclass(frozen=True)
class JointData:
    """Everybody's data in every task."""

    people: list[Any]
    parts: tuple[Data, ...]
    rows: Array  #: (tasks, people): whose row of the task it is; -1 = the person was not in it

    @property
    def trials(self) -> Array:
        """(people,) of all tasks together."""
        own = [
            np.where(rows < 0, 0, part.trials[rows]) for part, rows in zip(self.parts, self.rows, strict=True)
        ]
        return np.asarray(np.sum(own, axis=0))

    def of(self, rows: Sequence[int]) -> JointData:
        """Some of the people."""
        at = list(rows)
        return JointData([self.people[i] for i in at], self.parts, self.rows[:, at])

    def folds(self, n: int, seed: int) -> list[Any]:  # noqa: ARG002
        """Laws are compared in one task."""
        raise InputError("data of several tasks are not taken apart: compare laws in one task")


@dataclass(frozen=True)
class JointLikelihood(Likelihood):
    """The sum of several laws: `laws[k]` is asked for `asked[k]`, by the names of the tasks."""

    tasks: tuple[str, ...] = ()
    laws: tuple[Likelihood, ...] = ()
    asked: tuple[tuple[str, ...], ...] = ()

    columns: ClassVar[tuple[str, ...]] = ("person",)

    @property
    def params(self) -> tuple[str, ...]:  # type: ignore[override]
        """All that are asked for, each once."""
        return tuple(dict.fromkeys(name for names in self.asked for name in names))

    @property
    def exact(self) -> bool:  # type: ignore[override]
        """Whether all of them are."""
        return all(law.exact for law in self.laws)

    @property
    def doubt(self) -> float:  # type: ignore[override]
        """So many people of the population are added to the sample: two, and one for each parameter, since a
        covariance of as many parameters as people would run away."""
        return 2.0 + len(self.params)

    @property
    def others(self) -> Mapping[str, float]:  # type: ignore[override]
        """What belongs to a task and not to a mind."""
        return {k: v for law in self.laws for k, v in law.others.items() if k in self.params}

    def given(self, observer: Observer) -> JointLikelihood:
        """The same laws for this mind."""
        return replace(self, observer=observer, laws=tuple(law.given(observer) for law in self.laws))

    def compact(self, frame: pd.DataFrame) -> JointData:  # noqa: ARG002
        """Each task's data come to it one by one."""
        raise InputError("data of several tasks come task by task: give fit_jointly a table for each")

    def loglik(self, theta: Array, data: JointData, row: Array) -> Array:
        """(n,): the sum over the tasks that person row[i] was in."""
        row, out = np.asarray(row, np.int64), np.zeros(len(theta))
        for k, law in enumerate(self.laws):
            own = data.rows[k][row]
            there = own >= 0
            if there.any():
                out[there] += law.loglik(self._own(theta[there], k), data.parts[k], own[there])
        return out

    def expected(self, theta: Array, data: JointData) -> Array:
        """What the first task's law expects of those who were in it."""
        there = data.rows[0] >= 0
        return self.laws[0].expected(self._own(theta[there], 0), data.parts[0].of(data.rows[0][there]))

    def predictive(self, theta: Array, data: JointData) -> Predictive | None:
        """Of every task that can say; NaN for who was not in it."""
        found: Predictive | None = None
        for k, (task, law) in enumerate(zip(self.tasks, self.laws, strict=True)):
            there = np.flatnonzero(data.rows[k] >= 0)
            own = law.predictive(self._own(theta[there], k), data.parts[k].of(data.rows[k][there]))
            if own is None:
                continue
            wide = np.full((3, len(theta), len(own.units)), np.nan)
            wide[:, there] = own.seen, own.told, own.error
            named = [f"{task}: {condition}" for condition in own.conditions]
            own = Predictive(data.people, named, own.statistics, own.units, *wide)
            found = own if found is None else found.beside(own)
        return found

    def draw(self, ax: Any, theta: Array, data: JointData) -> None:
        """The first task."""
        there = data.rows[0] >= 0
        self.laws[0].draw(ax, self._own(theta[there], 0), data.parts[0].of(data.rows[0][there]))
        ax.set_title(f"{self.tasks[0]}; stars: data; lines: fit")

    def _own(self, theta: Array, k: int) -> Array:
        """theta as law k takes it."""
        at = [self.params.index(name) for name in self.asked[k]]
        return self.laws[k].theta(np.asarray(theta, float)[:, at], self.asked[k])

    def starts(self, params: Sequence[str]) -> list[Array]:
        """The adult mean; and, where a law is sought from several places, those."""
        (middle,) = super().starts(params)
        out = []
        for law, names in zip(self.laws, self.asked, strict=True):
            at = [list(params).index(name) for name in names]
            for start in law.starts(names):
                point = middle.copy()
                point[at] = start
                out.append(point)
        return [np.array(point) for point in dict.fromkeys(map(tuple, out))]

    def remarks(self) -> list[str]:
        """Of each law."""
        return [
            f"{task}: {said}"
            for task, law in zip(self.tasks, self.laws, strict=True)
            for said in law.remarks()
        ]


class JointQuestion(NamedTuple):
    """Laws and data of several tasks, ready to be fitted."""

    law: JointLikelihood
    data: JointData
    notes: list[str]


def fit_jointly(
    tasks: Tasks,
    params: Sequence[str] | None = None,
    *,
    observer: Observer | None = None,
    population: Population | None = None,
    pool: bool | None = None,
    seed: int = 0,
    n_jobs: int = 1,
    progress: Progress | bool | None = None,
) -> Fit:
    """Estimate people's parameters from several tasks at once. tasks: trials of each, by its name (or by the paradigm
    with your options); people are matched by their column `person`.

    params: which ones (default: in each task those that `fit` would take); a task takes those that it informs, a
    simulated one at most four: its own first, then those in which adults differ. population: where the estimate of the
    people's own population begins (default: adults). The rest as in `fit`.

    >>> from cogattn import run
    >>> tasks = {name: run(name, "human", people=4, trials=10) for name in ("whole_report", "partial_report")}
    >>> fit_jointly(tasks).params
    ('capacity', 'slots', 'threshold', 'alpha')
    """
    n_jobs, seed = whole("n_jobs", n_jobs, least=1, most=1024), whole("seed", seed, most=2**63 - 1)
    tick = notebook.ticker(progress, "fit jointly")
    law, data, notes = question(tasks, params, observer, population, seed, n_jobs, tick)
    pooled = pools(data, pool)
    job = job_of(law, data, population or Population.adults(), observer is not None, seed, n_jobs, tick)
    return as_fit(job, job.together(notes) if pooled else job.alone(notes, "profile"), pooled)


def job_of(
    law: JointLikelihood,
    data: JointData,
    population: Population,
    held: bool,
    seed: int,
    n_jobs: int,
    tick: Progress | None,
) -> PopulationJob:
    """The fit of these data, not yet begun; with more draws where there are many parameters."""
    draws = DRAWS if len(law.params) < _MANY else 2 * DRAWS
    return PopulationJob(law, data, law.params, seed, n_jobs, tick, held, draws, True, population)


def as_fit(job: PopulationJob, found: Found, pooled: bool) -> Fit:
    """What a job found, to be looked at as any other fit."""
    said = [*found.notes, *trades(job.params, found.within)]
    name = " + ".join(job.law.tasks)
    return Fit(
        name, job.params, found.estimates, found.intervals, found.loglik, pooled, job.data, job.law,
        found.center, found.covariance, found.within, said, found.poor,
    )  # fmt: skip


def question(
    tasks: Tasks,
    params: Sequence[str] | None,
    observer: Observer | None,
    population: Population | None,
    seed: int,
    n_jobs: int,
    tick: Progress | None,
) -> JointQuestion:
    """Every law made ready, every table condensed."""
    if not tasks:
        raise InputError("give at least one task that is to be fitted, e.g. {'whole_report': trials}")
    wanted = None if params is None else scales.names(params)
    differ = {
        name for name, s in (population or Population.adults()).spreads().items() if s.kind != "constant"
    }
    names, laws, asked, parts, notes = [], [], [], [], []
    for key, trials in tasks.items():
        task = paradigms.instance(key)
        frame = named(of_people(trials))
        law = likelihoods.of(task).given(observer or Observer())
        data = law.compact(frame)
        own = law.usual(data) if wanted is None else _own_of(task, law, data, wanted, differ)
        names.append(task.name)
        laws.append(law.prepared(own, data, seed=seed, n_jobs=n_jobs, progress=tick))
        asked.append(own)
        parts.append(data)
        notes += [f"{task.name}: {note}" for note in law.notes(frame)]
    if len(set(names)) < len(names):
        raise InputError(
            f"each task can be fitted once, got {', '.join(names)}: put its trials into one table"
        )
    unused = [name for name in wanted or () if not any(name in own for own in asked)]
    if unused:
        raise InputError(
            f"no task that is fitted ({', '.join(names)}) informs {', '.join(unused)}: leave it out"
        )
    people = list(dict.fromkeys(who for part in parts for who in part.people))
    rows = [[{who: i for i, who in enumerate(part.people)}.get(p, -1) for p in people] for part in parts]
    law = JointLikelihood(observer or Observer(), tuple(names), tuple(laws), tuple(asked))
    data = JointData(people, tuple(parts), np.array(rows, np.int64))
    lack = int((data.rows < 0).any(0).sum())
    if lack:
        notes.append(
            f"{lack} of {len(people)} people lack a task that is fitted: they are known from the others"
        )
    return JointQuestion(law, data, [*notes, *law.remarks()])


def _own_of(
    task: Paradigm, law: Likelihood, data: Any, wanted: Sequence[str], differ: Iterable[str]
) -> tuple[str, ...]:
    """The parameters that a task takes of those that are wanted."""
    informed = [name for name in wanted if name in law.informed(data)]
    if not law.exact:
        first = [name for name in informed if name in task.usual_params]
        rest = [name for name in informed if name not in first and name in {*differ}]
        informed = (first + rest)[:MOST] or informed[:MOST]
    if not informed:
        raise InputError(
            f"{task.name} says nothing about {', '.join(wanted)}: it informs {', '.join(law.informed(data))}"
        )
    return tuple(name for name in wanted if name in informed)


def named(frame: pd.DataFrame) -> pd.DataFrame:
    """The same table with people's names as texts, so that 7, 7.0 and "7" are one person in all files."""
    if "person" not in frame:
        raise InputError(f"the data need a column 'person'; they have {', '.join(map(str, frame.columns))}")

    def text(who: Any) -> str:
        return str(int(who)) if isinstance(who, float) and who.is_integer() else str(who)

    codes, people = pd.factorize(frame["person"])
    called = np.array([text(p) for p in people.tolist()], object)
    return frame.assign(person=called[codes]) if len(called) else frame


@dataclass
class PopulationJob(Job):
    """A fit that begins from a population, with its correlations; or that stays with the one that it is told."""

    law: JointLikelihood
    population: Population = field(default_factory=Population.adults)

    def prior(self) -> tuple[Array, Array]:
        """That population's mean and covariance on the scales."""
        return on_scales(self.population, self.params)

    def given(self, mean: Array, cov: Array, notes: list[str]) -> Found:
        """These people under a population that is known: posterior means, by importance sampling, twice."""
        precision = np.asarray(np.linalg.inv(cov), float)
        u = self.even()
        near = self.each(partial(self.laplace, mean=mean, precision=precision), 0, 3 * self.n)
        for turn in (1, 2):
            ask = partial(self.sampled, near=near, mean=mean, cov=cov, u=u)
            drawn = self.each(ask, turn * self.n, 3 * self.n)
            draws, base = np.array([d[0] for d in drawn]), np.array([d[1] for d in drawn])
            weights, loglik = em.weighted(draws, base, mean, cov)
            center, spread = em.moments(draws, weights)
            near = list(zip(center, spread + 0.05 * np.array([s for _, s in near]), strict=True))
        own = self.loglik(center, np.arange(self.n))
        bounds, within = em.quantiles(draws, weights), em.mean_correlation(list(spread))
        bounds, said = self.widened(center, bounds, spread)
        return self.found([*notes, *said], center, own, bounds, loglik, mean, cov, within)


def on_scales(population: Population, params: Sequence[str]) -> tuple[Array, Array]:
    """A population as a normal on the scales: mean (params,) and covariance (params, params).

    What has no spread there has the one that a fit begins with (`tune.scales`).

    >>> mean, cov = on_scales(Population.adults(), ("speed", "speed_sd"))
    >>> mean.round(2).tolist(), np.sqrt(np.diag(cov)).round(2).tolist()
    ([3.28, -0.78], [0.34, 0.48])
    """
    from scipy import special

    spreads, mean, sd = population.spreads(), [], []
    for name in params:
        scale, spread = scales.SCALES[name], spreads.get(name)
        if spread is None or spread.kind == "constant":
            mean.append(scale.mean)
            sd.append(scale.sd)
        elif spread.kind in ("truncated", "censored") and not (scale.log or scale.logit):
            mean.append(spread.mean)
            sd.append(spread.sd)
        else:
            low, middle, high = scale.latent(spread.at(special.ndtr(_MIDDLE)))
            mean.append(float(middle))
            sd.append(float(high - low) / 2)
    return np.array(mean), np.outer(sd, sd) * correlation(population, params)


def correlation(population: Population, params: Sequence[str]) -> Array:
    """How these parameters go together in a population (params, params)."""
    r = np.eye(len(params))
    for one, row in population.correlations.items():
        for other, value in row.items():
            if one in params and other in params:
                i, j = list(params).index(one), list(params).index(other)
                r[i, j] = r[j, i] = value
    return np.asarray(r)


def expected_mind(found: Fit, population: Population, values: Sequence[float]) -> Observer:
    """The mind of a person of whom `found.params` are known: what was not fitted is as it is expected to be, given what
    was, under the population's correlations; what is correlated with nothing fitted stays as it was in the fit.

        E[z_u | z_f] = R_uf R_ff^-1 z_f,   z on the scale on which people are normal
    """
    from scipy import special

    own = {name: float(v) for name, v in zip(found.params, values, strict=True)}
    free = [name for name in found.params if name not in found.law.others]
    spreads = population.spreads()
    told = {n for n, s in spreads.items() if s.kind != "constant"} - {*free}
    linked = [
        n for n in sorted(told) if np.abs(correlation(population, (n, *free))[0, 1:]).max(initial=0.0) > 0
    ]
    more: dict[str, Any] = {}
    if linked:
        mean, cov = on_scales(population, free)
        z = (scales.latent(free, [own[n] for n in free]) - mean) / np.sqrt(np.diag(cov))
        r = correlation(population, (*linked, *free))
        k = len(linked)
        expected = r[:k, k:] @ np.linalg.solve(r[k:, k:], z)
        more = {n: float(spreads[n].at(special.ndtr(e))) for n, e in zip(linked, expected, strict=True)}
    mind: dict[str, Any] = {name: own[name] for name in free}
    return replace(found.law.observer, **more, **mind)


doors(__name__, "fit_jointly", first=True)
