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
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import joblib
import numpy as np
import pandas as pd

from cogattn import notebook, paradigms
from cogattn.errors import InputError, whole
from cogattn.human import imports
from cogattn.notebook import Progress
from cogattn.observer import Observer
from cogattn.paradigms import Paradigm, SessionParadigm
from cogattn.population import Population
from cogattn.runs.experiment import run
from cogattn.runs.trials import Trials
from cogattn.tune import joint, likelihoods
from cogattn.tune.agreement import FEW, agreement, fisher
from cogattn.tune.base import Array, some
from cogattn.tune.fits import Fit, of_people
from cogattn.tune.measures import MeasuredTrials, reliability, statistics_of
from cogattn.view import plot
from cogattn.view.result import Files, Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEAST = 5  #: people over whom anything is correlated
_OTHERS = 4  # people from whom a population can be estimated
_TRIALS = 20  # of each condition that a mind plays, where a task is no session
_SECONDS = 20.0  # a median response time above it is in milliseconds
_SHOWN = 8  # measures in the figure
_MEAN_RT, _SAME = "raw mean RT", "same measure"
Data = "Trials | pd.DataFrame | str | Path"


class _Task(NamedTuple):
    """A task and its people's trials."""

    task: Paradigm
    frame: pd.DataFrame
    trials: MeasuredTrials
    notes: list[str]


@dataclass(frozen=True)
class PeoplePrediction(Result):
    """What `predict_people` found.

    >>> from cogattn import run
    >>> tasks = {name: run(name, "human", people=5, trials=10) for name in ("whole_report", "partial_report")}
    >>> found = predict_people({"whole_report": tasks["whole_report"]}, {"partial_report": tasks["partial_report"]})
    >>> found.people.columns.tolist()
    ['task', 'measure', 'unit', 'person', 'predicted', 'observed', 'raw mean RT', 'same measure']
    """

    people: pd.DataFrame  #: a row per task, measure and person: predicted, observed, the baselines
    agreements: pd.DataFrame  #: what `table` gives
    fit: Fit  #: of the fitted tasks
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
        """A line per measure: observed over predicted, with the line of identity; beside it the baseline."""
        rows = self.agreements.head(_SHOWN).to_dict("records")
        with plot.style() as plt:
            figure, axes = plt.subplots(len(rows), 2, figsize=(7.6, 3.0 * len(rows) + 0.7), squeeze=False)
            for (left, right), row in zip(axes, rows, strict=True):
                own = self.people[
                    (self.people["task"] == row["task"]) & (self.people["measure"] == row["measure"])
                ]
                unit = f"[{row['unit']}]" if row["unit"] else "[as in the data]"
                x, y = own["predicted"].to_numpy(), own["observed"].to_numpy()
                left.plot(x, y, "o", color="#0072B2", markersize=4.5)
                ends = [min(x.min(), y.min()), max(x.max(), y.max())]
                left.plot(ends, ends, color=plot.PEOPLE, linewidth=0.9)
                name = f"{row['task']}: {row['measure']}"
                left.set_title(plot.evenly(f"{name}, r = {_r(row['r'])}", 46), fontsize=9)
                left.set(xlabel=f"predicted {unit}", ylabel=f"observed {unit}")
                base = row["baseline"]
                right.plot(own[base], y, "s", color="#D55E00", markersize=4.5)
                right.set_title(f"{base}, r = {_r(row['r ' + base])}", fontsize=9)
                scale = "[s]" if base == _MEAN_RT else unit
                right.set(xlabel=f"{base} in the fitted tasks {scale}", ylabel=f"observed {unit}")
            figure.suptitle(plot.evenly(self.heading(), 78), x=0.01, ha="left", fontweight="bold", fontsize=11)
            return figure


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

    fit, predict: trials by task (its name, or the paradigm with your options): a table with the columns that `fit` of
    that task takes, a run, or the path of a file (any format of `cogattn import`). People are matched by `person`; those
    who were not in a predicted task still help to estimate the population.
    measures: expressions of columns, `"rt[cue=none] - rt[cue=double]"`, of every predicted task, or of one: `"stroop:
    rt"` (default: the mean of every column, and what each condition costs). params: as in `fit_jointly`.
    people: those who are predicted, the population being that of all the others (default: everybody, in one population).
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
    fitted, asked = [_read(key, data) for key, data in fit.items()], [_read(k, d) for k, d in predict.items()]
    if not fitted or not asked:
        raise InputError("give at least one task to fit and one to predict, e.g. {'whole_report': trials}")
    wanted = _wanted(measures, asked)
    who, notes = _matched(fitted, asked, people)
    spread = population or Population.adults()
    found = _fitted(fitted, params, observer, spread, None if people is None else who, seed, n_jobs, tick)
    own = found.estimates.set_index("person")[list(found.params)]
    observers = {p: joint.expected_mind(found, spread, own.loc[p].tolist()) for p in own.index}
    tables, rows, done = [], [], 0
    total = sum(len(who[one.task.name]) for one in asked)
    for one in asked:
        named = who[one.task.name]

        def told(i: int, base: int = done) -> None:
            if tick is not None:
                tick(base + i, total)

        sheet, said = _played(one, [observers[p] for p in named], wanted[one.task.name], minds, seed, n_jobs, told)
        done += len(named)
        notes += said
        predicted = sheet.assign(person=named)
        parts, measured = _compared(one, predicted, wanted[one.task.name], fitted)
        tables += parts
        rows += measured
        notes += [f"{one.task.name}: {m}: left out, since fewer than {LEAST} people have it" for m in
                  wanted[one.task.name] if m not in [r["measure"] for r in measured]]  # fmt: skip
    if not rows:
        raise InputError(
            f"no measure of {', '.join(one.task.name for one in asked)} is there for {LEAST} people or more"
        )
    notes += [note for one in (*fitted, *asked) for note in one.notes] + found.notes
    return PeoplePrediction(
        pd.concat(tables, ignore_index=True), pd.DataFrame(rows), found, list(dict.fromkeys(notes))
    )


# -- data ----------------------------------------------------------------------------------------------------


def _read(key: Any, data: Any) -> _Task:
    """A task's trials, from a file or a table, people named by texts."""
    task, notes = paradigms.instance(key), []
    law = likelihoods.of(task)
    if isinstance(data, (str, Path)):
        table = imports.read(data, law.columns, optional=law.optional, levels=law.levels)
        frame, notes = table.frame, [f"{task.name}: {note}" for note in table.notes]
    elif isinstance(data, (Trials, pd.DataFrame)):
        frame = of_people(data)
    else:
        raise InputError(f"the data of {task.name} must be a table, a run, or the path of a file, got {data!r}")
    frame = joint.named(frame)
    trials = MeasuredTrials.of(frame, statistics_of(task, law.columns), task.levels)
    if not trials.columns:
        raise InputError(
            f"the data of {task.name} need columns {', '.join(law.columns)}; they have {', '.join(map(str, frame.columns))}"
        )
    for name in trials.times:
        middle = trials.frame[name].median()
        if middle > _SECONDS:
            raise InputError(f"{name} of {task.name} must be in seconds, its median is {middle:g}: divide by 1000")
    return _Task(task, frame, trials, notes)


def _matched(
    fitted: Sequence[_Task], asked: Sequence[_Task], people: Sequence[Any] | None
) -> tuple[dict[str, list[str]], list[str]]:
    """Who is predicted in each task: those who were in it and in all that are fitted; and who is not."""
    in_all = set.intersection(*(set(one.trials.people) for one in fitted))
    somewhere = {p for one in fitted for p in one.trials.people}
    chosen = None if people is None else joint.named(pd.DataFrame({"person": list(people)}))["person"].tolist()
    for p in chosen or ():
        if p not in in_all:
            raise InputError(f"people must name persons who are in every fitted task, got {p!r}: {_lists(fitted)}")
    who, notes = {}, []
    for one in asked:
        there = one.trials.people
        who[one.task.name] = own = [p for p in there if p in in_all and (chosen is None or p in chosen)]
        if len(own) < LEAST:
            whose = f"people={chosen} and " if chosen is not None else ""
            raise InputError(
                f"at least {LEAST} people must be in {whose}every fitted task and in {one.task.name}, got {len(own)}: "
                f"{_lists([*fitted, one])}; people are matched by the column person: call them the same in all files"
            )
        gone = [p for p in there if p not in in_all]
        if gone:
            notes.append(
                f"{one.task.name}: {len(gone)} people ({some(gone)}) were not in every fitted task: not predicted"
            )
        more = [p for p in somewhere if p not in there]
        if more:
            notes.append(f"{len(more)} people were not in {one.task.name}: they inform the population alone")
        for other in fitted:
            if other.task.name == one.task.name and other.trials.frame.equals(one.trials.frame):
                notes.append(f"{one.task.name} is predicted from the same trials: that is recovery, no prediction")
    return who, notes


def _lists(tasks: Sequence[_Task]) -> str:
    """Who is where."""
    return "; ".join(f"{one.task.name} has {len(one.trials.people)} ({some(one.trials.people)})" for one in tasks)


def _wanted(measures: Sequence[str] | None, asked: Sequence[_Task]) -> dict[str, list[str]]:
    """The measures of each predicted task, each of them tried."""
    out: dict[str, list[str]] = {one.task.name: [] for one in asked}
    for text in [measures] if isinstance(measures, str) else measures or ():
        task, colon, measure = (part.strip() for part in text.partition(":"))
        if colon and task not in out:
            raise InputError(f"{text!r} is measured in a task that is predicted ({', '.join(out)}), got {task!r}")
        for name in [task] if colon else out:
            out[name].append(measure if colon else task)
    for one in asked:
        own = out[one.task.name] = out[one.task.name] or list(one.trials.usual())
        for measure in own:
            one.trials.of_people(measure)
    return out


# -- fit and play --------------------------------------------------------------------------------------------


def _fitted(
    fitted: Sequence[_Task],
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
        out = joint.PopulationJob(law, data, law.params, seed, n_jobs, tick, held=observer is not None)
        out.population = population
        return out

    if chosen is None:
        return joint.as_fit(job(data), job(data).together(notes), pooled=True)
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
    one: _Task, observers: Sequence[Observer], measures: Sequence[str], minds: int, seed: int, n_jobs: int, told: Any
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
                f"{one.task.name}: {gone:.0%} of the trials are of conditions that the task as it is given lacks (it has "
                f"{usual.said()}): they are left out of what is measured"
            )

    def one_mind(i: int) -> list[float]:
        played = taken(observers[i]).as_shown(weights)
        return [float(played.of_people(measure).mean()) for measure in measures]

    pool = joblib.Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")
    out = []
    for i, found in enumerate(pool(joblib.delayed(one_mind)(i) for i in range(len(observers)))):
        out.append(found)
        told(i + 1)
    return pd.DataFrame(out, columns=list(measures)), notes


# -- compare -------------------------------------------------------------------------------------------------


def _compared(
    one: _Task, predicted: pd.DataFrame, measures: Sequence[str], fitted: Sequence[_Task]
) -> tuple[list[pd.DataFrame], list[dict[str, Any]]]:
    """The people and the agreement of each measure that enough of them have."""
    tables, rows = [], []
    people = predicted["person"].tolist()
    mean_rt = _mean_rt(fitted, people)
    for measure in measures:
        timed = one.trials.timed(measure)
        scale, unit = (1000.0, "ms") if timed else (1.0, "")
        own = pd.DataFrame({"person": people, "predicted": scale * predicted[measure]})
        own["observed"] = scale * one.trials.of_people(measure).reindex(people).to_numpy()
        own[_MEAN_RT], own[_SAME] = mean_rt, scale * _same(fitted, people, measure)
        names = [name for name in (_MEAN_RT, _SAME) if own[name].notna().sum() >= LEAST]
        own = own.dropna(subset=["predicted", "observed", *names])
        if len(own) < LEAST or not names or np.ptp(own["observed"]) == 0:
            continue
        told = {"task": one.task.name, "measure": measure, "unit": unit}
        tables.append(own.assign(**told)[[*told, "person", "predicted", "observed", _MEAN_RT, _SAME]])
        baselines = {name: own[name].to_numpy() for name in names}
        found = agreement(own["predicted"].to_numpy(), own["observed"].to_numpy(), baselines)
        known = reliability(one.trials, measure, own["person"].tolist())
        found |= {"reliability": known, "ceiling": math.sqrt(max(known, 0.0)) if math.isfinite(known) else math.nan}
        rows.append({**told, **{f"r {name}": math.nan for name in (_MEAN_RT, _SAME)}, **found})
    order = [k for k in rows[0] if not k.startswith(("r raw", "r same"))] if rows else []
    at = order.index("error") + 1 if rows else 0
    order = [*order[:at], f"r {_MEAN_RT}", f"r {_SAME}", *order[at:]]
    return tables, [{k: row[k] for k in order} for row in rows]


def _mean_rt(fitted: Sequence[_Task], people: Sequence[str]) -> Array:
    """Each person's mean response time over the fitted tasks [s]; where none of them has times, the mean of what they
    have, in sds between people."""
    timed = [one.trials.of_people(c) for one in fitted for c in one.trials.times]
    rest = [one.trials.of_people(c) for one in fitted for c in one.trials.shares]
    parts = [part.reindex(people).to_numpy() for part in timed or rest]
    if not timed:
        parts = [(p - np.nanmean(p)) / (np.nanstd(p) or 1.0) for p in parts]
    return np.asarray(np.mean(parts, axis=0))


def _same(fitted: Sequence[_Task], people: Sequence[str], measure: str) -> Array:
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
    if math.isfinite(row["r"]):
        said = (
            f"{name}: predicted and observed correlate {_r(row['r'])} (95 % interval {_r(row['r low'])} to "
            f"{_r(row['r high'])}, {row['people']} people; by rank {_r(row['spearman'])}), "
        )
    else:
        said = f"{name}: the model expects no difference between these {row['people']} people, "
    raw = [f"their {b} {_r(row[f'r {b}'])}" for b in (_MEAN_RT, _SAME) if math.isfinite(row[f"r {b}"])]
    said += " and ".join(raw) + ". "
    if row["ceiling"] > 0:
        said += f"It is reliable to {_r(row['reliability'])}: no prediction can exceed {_r(row['ceiling'])}. "
    else:
        said += "Its odd and even trials do not go together: it is not reliable, and nothing can predict it here. "
    said += f"Predictions are off by {row['bias']:+.3g}{unit} in the mean"
    said += f", slope {row['slope']:.2f} (1 is right). " if math.isfinite(row["slope"]) else ". "
    verdict = {"better": "better than", "worse": "worse than"}.get(row["verdict"], "no clear difference from")
    return said + (
        f"With a line fitted to the others it misses by {row['left-out error']:.3g}{unit}, the {row['baseline']} by "
        f"{row['left-out error of the baseline']:.3g}, their mean alone by {row['left-out error of the mean']:.3g}: "
        f"{verdict} the {row['baseline']}."
    )


def _r(value: float) -> str:
    """A correlation without the 0 before the point."""
    return f"{value:+.2f}".replace("0.", ".").replace("+", "") if math.isfinite(value) else "-"
