"""Predict people: some tasks of theirs are fitted together, other tasks of the same people are predicted and compared.

1. The tasks in `fit` are fitted together (`tune.joint`): every number of a person once, from all of them.
2. Each person's mind (what was not fitted is as expected, given what was) plays the tasks in `predict`. All people meet
   the same draws, so what differs between them is what was estimated, and no luck.
3. What is measured there (`tune.measures`) is held against what the person did (`tune.agreement`), beside what needs no
   model: the same people's plain mean response time in the fitted tasks and, where these have it, the same measure; and
   beside the most that can be reached, sqrt(reliability) of the measure, from odd and even trials.

Nothing of a predicted task is used to predict it but its design. A person is a point here, the mean of his posterior:
how sure it is says the fit.

>>> from cogattn import run
>>> letters = run("whole_report", "human", people=6, trials=20, seed=1)
>>> few = run("partial_report", "human", people=6, trials=20, seed=1)
>>> found = predict_people({"whole_report": letters}, {"partial_report": few}, minds=4)
>>> found.table()[["task", "measure", "people"]].values.tolist()
[['partial_report', 'score', 6]]
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pandas as pd

from cogattn import notebook
from cogattn.errors import InputError, doors, whole
from cogattn.notebook import Progress
from cogattn.observer import Observer
from cogattn.paradigms import SessionParadigm
from cogattn.population import Population
from cogattn.runs.experiment import run
from cogattn.tune import joint, likelihoods
from cogattn.tune.agreement import FEW, agreement, fisher
from cogattn.tune.base import Array
from cogattn.tune.fits import Fit
from cogattn.tune.measures import MeasuredTrials, reliability, statistics_of
from cogattn.tune.people_trials import LEAST, TaskTrials, matched, read_task, wanted_measures
from cogattn.view import plot
from cogattn.view.result import Files, Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_OTHERS = 4  # people from whom a population can be estimated
_TRIALS = 20  # of each condition that a mind plays, where a task is no session
_SHOWN = 12  # measures in the figure
_RAW, _SAME = "raw mean", "same measure"


@dataclass(frozen=True)
class PeoplePrediction(Result):
    """What `predict_people` found.

    >>> from cogattn import run
    >>> tasks = {name: run(name, "human", people=5, trials=10) for name in ("whole_report", "partial_report")}
    >>> found = predict_people({"whole_report": tasks["whole_report"]}, {"partial_report": tasks["partial_report"]})
    >>> found.people.columns.tolist()
    ['task', 'measure', 'unit', 'person', 'predicted', 'observed', 'raw mean', 'same measure']
    """

    people: pd.DataFrame  #: a row per task, measure and person: predicted, observed, the baselines
    agreements: pd.DataFrame  #: what `table` gives
    fit: Fit  #: of the fitted tasks
    timed: bool = True  #: whether the raw mean is one of response times [s]; else of what they have, in sds
    notes: list[str] = field(default_factory=list)

    def table(self) -> pd.DataFrame:
        """A row per measure: correlations with intervals, calibration, baselines, reliability and ceiling, the verdict.

        left-out error: what a line fitted to the other people misses, in the mean; gain: by how much that is less than
        the baseline's, as a share of what the people's mean alone misses.
        """
        return self.agreements

    def heading(self) -> str:
        """Which tasks from which."""
        tasks = dict.fromkeys(self.agreements["task"])
        n = self.people["person"].nunique()
        return f"{n} people in {', '.join(tasks)}, predicted from {self.fit.paradigm}"

    def findings(self) -> list[str]:
        """Each measure in a few sentences; at the end how wide intervals of so few people are."""
        out = [_sentence(row) for row in self.agreements.to_dict("records")]
        better, worse = (int((self.agreements["verdict"] == word).sum()) for word in ("better", "worse"))
        out.append(
            f"Of {len(self.agreements)} measures {better} are predicted better than from raw means, {worse} worse."
        )
        n = int(self.agreements["people"].min())
        if n < FEW:
            low, high = fisher(0.5, n)
            out.append(
                f"With {n} people all intervals are wide: a correlation of .50 has one from {_r(low)} to {_r(high)}. "
                "Take this as a trial of the method, and no verdict on the model."
            )
        return out

    def remarks(self) -> list[str]:
        """Who was left out, what is odd about the data and the fit."""
        return self.notes

    def files(self) -> Files:
        """The table, the people, and the fit with its population."""
        own = {name: content for name, content in self.fit.files().items() if name != "summary.csv"}
        own |= {"fit.csv": self.fit.table(), "notes.txt": "".join(f"{note}\n" for note in self.notes)}
        return {"table.csv": self.agreements, "people.csv": self.people} | own

    def figures(self) -> Iterator[tuple[str, Figure]]:
        """Predicted and observed."""
        yield "figures/prediction", self.plot()

    def done(self) -> dict[str, Any]:
        """How many measures, and how many are predicted better than from raw means."""
        return {
            "measures": len(self.agreements),
            "better": int((self.agreements["verdict"] == "better").sum()),
        }

    def plot(self) -> Figure:
        """For each measure: observed over predicted, with the line of identity; beside it over the baseline."""
        rows = self.agreements.head(_SHOWN).to_dict("records")
        wide = min(2, len(rows))
        lines = -(-len(rows) // wide)
        with plot.style() as plt:
            figure, axes = plt.subplots(
                lines, 2 * wide, figsize=(max(6.8, 5.9 * wide), 2.7 * lines + 0.7), squeeze=False
            )
            pairs = axes.reshape(-1, 2)
            for (left, right), row in zip(pairs, rows, strict=False):
                self._panels(left, right, row)
            for ax in pairs[len(rows) :].flat:
                ax.set_visible(False)
            title = plot.evenly(self.heading(), 62 * wide)
            figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11)
            return figure

    def _panels(self, left: Any, right: Any, row: Mapping[str, Any]) -> None:
        """Of one measure."""
        told, base = self.people, row["baseline"]
        own = told[(told["task"] == row["task"]) & (told["measure"] == row["measure"])]
        unit = f"[{row['unit']}]" if row["unit"] else "[as in the data]"
        x, y = own["predicted"].to_numpy(), own["observed"].to_numpy()
        left.plot(x, y, "o", color="#0072B2", markersize=4.5)
        ends = [min(x.min(), y.min()), max(x.max(), y.max())]
        left.plot(ends, ends, color=plot.PEOPLE, linewidth=0.9)
        left.set_title(
            plot.evenly(f"{row['task']}: {row['measure']}", 34) + f"\nr = {_r(row['r'])}", fontsize=8.5
        )
        left.set(xlabel=f"predicted {unit}", ylabel=f"observed {unit}")
        right.plot(own[base], y, "s", color="#D55E00", markersize=4.5)
        right.set_title(f"{base}\nr = {_r(row['r ' + base])}", fontsize=8.5)
        scale = ("[s]" if self.timed else "[sd]") if base == _RAW else unit
        right.set(xlabel=f"{base}, fitted tasks {scale}")


def predict_people(
    fit: Mapping[Any, Any],
    predict: Mapping[Any, Any],
    measures: Sequence[str] | None = None,
    *,
    params: Sequence[str] | None = None,
    people: Sequence[Any] | None = None,
    observer: Observer | None = None,
    population: Population | None = None,
    minds: int = 32,
    seed: int = 0,
    n_jobs: int = 1,
    progress: Progress | bool | None = None,
) -> PeoplePrediction:
    """Fit some tasks of people together, let each person's mind take other tasks, and compare with what the person did.

    fit, predict: trials by task (its name, or the paradigm with your options): a table with the columns that a fit of
    that task takes, a run, or the path of a file (any format of `cogattn import`). People are matched by `person`;
    those who were not in a predicted task still help to estimate the population.
    measures: expressions of columns, `"rt[cue=none] - rt[cue=double]"`, of every predicted task, or of one: `"stroop:
    rt"` (default: the mean of every column, and what each condition costs). params: as in `fit_jointly`.
    people: those who are predicted, the population being that of all the others (default: everybody, in one).
    population: where its estimate begins, and how what was not fitted goes with what was (default: adults).
    minds: how often each person's mind takes a predicted task.

    >>> from cogattn import run
    >>> tasks = {name: run(name, "human", people=5, trials=10) for name in ("whole_report", "partial_report")}
    >>> found = predict_people({"whole_report": tasks["whole_report"]}, {"partial_report": tasks["partial_report"]},
    ...                        ["score", "score_sd"], minds=4)
    >>> found.table()["measure"].tolist(), found.fit.params
    (['score', 'score_sd'], ('capacity', 'slots', 'threshold'))
    """
    n_jobs, seed = whole("n_jobs", n_jobs, least=1, most=1024), whole("seed", seed, most=2**63 - 1)
    minds = whole("minds", minds, least=2, most=100_000)
    tick = notebook.ticker(progress, "predict people")
    fitted = [read_task(task, data) for task, data in fit.items()]
    asked = [read_task(task, data) for task, data in predict.items()]
    if not fitted or not asked:
        raise InputError("give at least one task to fit and one to predict, e.g. {'whole_report': trials}")
    wanted = wanted_measures(measures, asked)
    who, notes = matched(fitted, asked, people)
    spread = population or Population.adults()
    found = _fitted(fitted, params, observer, spread, None if people is None else who, seed, n_jobs, tick)
    own = found.estimates.set_index("person")[list(found.params)]
    observers = {p: joint.expected_mind(found, spread, own.loc[p].tolist()) for p in own.index}
    tables: list[pd.DataFrame] = []
    rows: list[dict[str, Any]] = []
    for one in asked:
        named, own_measures = who[one.task.name], wanted[one.task.name]
        crowd = [observers[p] for p in named]
        predicted, said = _played(one, crowd, own_measures, minds, seed, n_jobs, tick)
        parts, measured = _compared(one, predicted.assign(person=named), own_measures, fitted)
        tables, rows, notes = [*tables, *parts], [*rows, *measured], [*notes, *said]
        gone = [m for m in own_measures if m not in [row["measure"] for row in measured]]
        notes += [
            f"{one.task.name}, {m}: left out, fewer than {LEAST} people have it, or all are alike"
            for m in gone
        ]
    if not rows:
        raise InputError(f"nothing can be compared: {'; '.join(notes)}")
    notes += [note for one in (*fitted, *asked) for note in one.notes] + found.notes
    told = pd.concat(tables, ignore_index=True)
    timed = any(one.trials.times for one in fitted)
    return PeoplePrediction(told, pd.DataFrame(rows), found, timed, list(dict.fromkeys(notes)))


# -- fit and play --------------------------------------------------------------------------------------------


def _fitted(
    fitted: Sequence[TaskTrials],
    params: Sequence[str] | None,
    observer: Observer | None,
    population: Population,
    chosen: Mapping[str, Sequence[str]] | None,
    seed: int,
    n_jobs: int,
    tick: Progress | None,
) -> Fit:
    """Everybody together; or a population of all who are not chosen, and the chosen ones as members of it."""
    tasks = {one.task: one.frame for one in fitted}
    law, data, notes = joint.question(tasks, params, observer, population, seed, n_jobs, tick)

    def job(data: joint.JointData) -> joint.PopulationJob:
        return joint.job_of(law, data, population, observer is not None, seed, n_jobs, tick)

    if chosen is None:
        everybody = job(data)
        return joint.as_fit(everybody, everybody.together(notes), pooled=True)
    held = {p for own in chosen.values() for p in own}
    inside = [i for i, p in enumerate(data.people) if p in held]
    outside = [i for i, p in enumerate(data.people) if p not in held]
    if len(outside) < _OTHERS:
        raise InputError(
            f"people must leave at least {_OTHERS} others, of whom the population is estimated, got {len(outside)} of "
            f"{len(data.people)}: name fewer, or none (everybody in one population)"
        )
    others, own = job(data.of(outside)), job(data.of(inside))
    middle = others.together(notes)
    notes = [*middle.notes, f"the population is that of {len(outside)} other people"]
    return joint.as_fit(own, own.given(middle.center, middle.covariance, notes), pooled=True)


def _played(
    one: TaskTrials,
    observers: Sequence[Observer],
    measures: Sequence[str],
    minds: int,
    seed: int,
    n_jobs: int,
    tick: Progress | None,
) -> tuple[pd.DataFrame, list[str]]:
    """What each of these minds does in the task: a row per mind, a column per measure."""
    trials = 1 if isinstance(one.task, SessionParadigm) else _TRIALS
    statistics = statistics_of(one.task, likelihoods.of(one.task).columns)

    def taken(mind: Observer) -> MeasuredTrials:
        out = run(one.task, arms="human", people=minds, trials=trials, seed=seed, observer=mind).frame
        return MeasuredTrials.of(out, statistics, one.task.levels)

    usual = taken(Observer())
    weights, notes = one.trials.weights, []
    if one.trials.by:
        weights = weights[weights.index.isin(usual.weights.index)]
        gone = 1 - float(weights.sum() / one.trials.weights.sum())
        if not len(weights):
            raise InputError(
                f"{one.task.name} as it is given has no condition that is in the data: it has {usual.said()}, they "
                f"{one.trials.said()}; give the paradigm with your options"
            )
        if gone > 0:
            notes.append(
                f"{one.task.name}: {gone:.0%} of the trials are of conditions that the task as it is given lacks (it "
                f"has {usual.said()}): they are left out of what is measured"
            )

    def one_mind(i: int) -> list[float]:
        played = taken(observers[i]).as_shown(weights)
        return [float(played.of_people(measure).mean()) for measure in measures]

    pool = joblib.Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")
    out = []
    for i, found in enumerate(pool(joblib.delayed(one_mind)(i) for i in range(len(observers)))):
        out.append(found)
        if tick is not None:
            tick(i + 1, len(observers))
    return pd.DataFrame(out, columns=list(measures)), notes


# -- compare -------------------------------------------------------------------------------------------------


def _compared(
    one: TaskTrials, predicted: pd.DataFrame, measures: Sequence[str], fitted: Sequence[TaskTrials]
) -> tuple[list[pd.DataFrame], list[dict[str, Any]]]:
    """The people and the agreement of each measure that enough of them have."""
    tables, rows = [], []
    people = predicted["person"].tolist()
    raw = _raw_mean(fitted, people)
    for measure in measures:
        timed = one.trials.timed(measure)
        scale, unit = (1000.0, "ms") if timed else (1.0, "")
        own = pd.DataFrame({"person": people, "predicted": scale * predicted[measure]})
        own["observed"] = scale * one.trials.of_people(measure).reindex(people).to_numpy()
        own[_RAW], own[_SAME] = raw, scale * _same(fitted, people, measure)
        if np.allclose(own[_SAME], scale * own[_RAW]):  # of rt it is the raw mean itself
            own[_SAME] = np.nan
        names = [name for name in (_RAW, _SAME) if own[name].notna().sum() >= LEAST]
        own = own.dropna(subset=["predicted", "observed", *names])
        if len(own) < LEAST or not names or np.ptp(own["observed"]) == 0:
            continue
        told = {"task": one.task.name, "measure": measure, "unit": unit}
        tables.append(own.assign(**told)[[*told, "person", "predicted", "observed", _RAW, _SAME]])
        baselines = {name: own[name].to_numpy() for name in names}
        found = agreement(own["predicted"].to_numpy(), own["observed"].to_numpy(), baselines)
        known = reliability(one.trials, measure, own["person"].tolist())
        found |= {
            "reliability": known,
            "ceiling": math.sqrt(max(known, 0.0)) if math.isfinite(known) else math.nan,
        }
        rows.append({**told, **{f"r {name}": math.nan for name in (_RAW, _SAME)}, **found})
    order = [k for k in rows[0] if k not in (f"r {_RAW}", f"r {_SAME}")] if rows else []
    at = order.index("error") + 1 if rows else 0
    order = [*order[:at], f"r {_RAW}", f"r {_SAME}", *order[at:]]
    return tables, [{k: row[k] for k in order} for row in rows]


def _raw_mean(fitted: Sequence[TaskTrials], people: Sequence[str]) -> Array:
    """Each person's mean response time over the fitted tasks [s]; where none of them has times, the mean of what they
    have, in sds between people."""
    timed = [one.trials.of_people(c) for one in fitted for c in one.trials.times]
    rest = [one.trials.of_people(c) for one in fitted for c in one.trials.shares]
    parts = [part.reindex(people).to_numpy() for part in timed or rest]
    if not timed:
        parts = [(p - np.nanmean(p)) / (np.nanstd(p) or 1.0) for p in parts]
    return np.asarray(np.mean(parts, axis=0))


def _same(fitted: Sequence[TaskTrials], people: Sequence[str], measure: str) -> Array:
    """The same measure in the fitted tasks that have it, in the mean; NaN where none has."""
    parts = []
    for one in fitted:
        try:
            parts.append(one.trials.of_people(measure).reindex(people).to_numpy())
        except InputError:  # this task has no such column or condition
            continue
    return np.asarray(np.mean(parts, axis=0)) if parts else np.full(len(people), np.nan)


def _sentence(row: Mapping[str, Any]) -> str:
    """One measure in words."""
    name, unit = f"{row['task']}, {row['measure']}", f" {row['unit']}" if row["unit"] else ""
    raw = [f"{b} {_r(row[f'r {b}'])}" for b in (_RAW, _SAME) if math.isfinite(row[f"r {b}"])]
    if math.isfinite(row["r"]):
        said = f"{name}: r = {_r(row['r'])} ({_r(row['r low'])} to {_r(row['r high'])}; {', '.join(raw)}), "
    else:
        said = f"{name}: the model expects all {row['people']} people to be alike ({', '.join(raw)}), "
    if row["ceiling"] > 0:
        said += f"at most {_r(row['ceiling'])} by its reliability of {_r(row['reliability'])}"
    else:
        said += "and odd and even trials do not go together in these people, so that nothing can predict it"
    said += f"; bias {row['bias']:+.3g}{unit}"
    said += f", slope {row['slope']:.2f}" if math.isfinite(row["slope"]) else ""
    verdict = {"better": "better than", "worse": "worse than"}.get(row["verdict"], "no clear difference from")
    return said + (
        f". In people left out it misses by {row['left-out error']:.3g}{unit}, the {row['baseline']} by "
        f"{row['left-out error of the baseline']:.3g}, their mean by {row['left-out error of the mean']:.3g}: "
        f"{verdict} the {row['baseline']}."
    )


def _r(value: float) -> str:
    """A correlation without the 0 before the point."""
    return f"{value:+.2f}".replace("0.", ".").replace("+", "") if math.isfinite(value) else "-"


doors(__name__, "predict_people", first=True)
