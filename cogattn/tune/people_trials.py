"""The trials of people in several tasks: read, people called the same in all, and who is in which.

>>> trials = pd.DataFrame({"person": [1.0, 1.0, 2.0], "exposure": 0.1, "targets": 6, "distractors": 0, "score": 3})
>>> read_task("whole_report", trials).trials.of_people("score").to_dict()
{'1': 3.0, '2': 3.0}
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from cogattn import paradigms
from cogattn.errors import InputError, counted, shown
from cogattn.human import imports
from cogattn.paradigms import Paradigm
from cogattn.runs.trials import Trials
from cogattn.tune import joint, likelihoods
from cogattn.tune.base import some
from cogattn.tune.fits import of_people
from cogattn.tune.measures import MeasuredTrials, statistics_of

LEAST = 5  #: people over whom anything is correlated
_SECONDS = 20.0  # a median response time above it is in milliseconds


class TaskTrials(NamedTuple):
    """A task and its people's trials."""

    task: Paradigm
    frame: pd.DataFrame
    trials: MeasuredTrials
    notes: list[str]


def read_task(key: Any, data: Any) -> TaskTrials:
    """A task's trials, from a file or a table, people named by texts."""
    task, notes = paradigms.instance(key), []
    law = likelihoods.of(task)
    if isinstance(data, (str, Path)):
        table = imports.read(data, law.columns, optional=law.optional, levels=law.levels)
        frame, notes = table.frame, [f"{task.name}: {note}" for note in table.notes]
    elif isinstance(data, (Trials, pd.DataFrame)):
        frame = of_people(data)
    else:
        raise InputError(
            f"the data of {task.name} must be a table, a run, or the path of a file, got {shown(data)}"
        )
    frame = joint.named(frame)
    trials = MeasuredTrials.of(frame, statistics_of(task, law.columns), task.levels)
    if not trials.columns:
        raise InputError(
            f"the data of {task.name} need columns {', '.join(law.columns)}; "
            f"they have {', '.join(map(str, frame.columns))}"
        )
    for name in trials.times:
        middle = trials.frame[name].median()
        if middle > _SECONDS:
            raise InputError(
                f"{name} of {task.name} must be in seconds, its median is {middle:g}: divide by 1000"
            )
    return TaskTrials(task, frame, trials, notes)


def matched(
    fitted: Sequence[TaskTrials], asked: Sequence[TaskTrials], people: Sequence[Any] | None
) -> tuple[dict[str, list[str]], list[str]]:
    """Who is predicted in each task: those who were in it and in all that are fitted; and who is not."""
    in_all = set.intersection(*(set(one.trials.people) for one in fitted))
    somewhere = {p for one in fitted for p in one.trials.people}
    chosen = (
        None if people is None else joint.named(pd.DataFrame({"person": list(people)}))["person"].tolist()
    )
    for p in chosen or ():
        if p not in in_all:
            raise InputError(
                f"people must name persons who are in every fitted task, got {shown(p)}: {_lists(fitted)}"
            )
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
                f"{one.task.name}: {counted(len(gone), 'person', 'people')} ({some(gone)}) "
                f"{'was' if len(gone) == 1 else 'were'} not in every fitted task: not predicted"
            )
        more = [p for p in somewhere if p not in there]
        if more:
            those = counted(len(more), "person was", "people were")
            what = "this informs" if len(more) == 1 else "they inform"
            notes.append(f"{those} not in {one.task.name}: {what} the population alone")
        for other in fitted:
            if other.task.name == one.task.name and other.trials.frame.equals(one.trials.frame):
                notes.append(
                    f"{one.task.name} is predicted from the same trials: that is recovery, no prediction"
                )
    return who, notes


def _lists(tasks: Sequence[TaskTrials]) -> str:
    """Who is where."""
    return "; ".join(
        f"{one.task.name} has {len(one.trials.people)} ({some(one.trials.people)})" for one in tasks
    )


def wanted_measures(measures: Sequence[str] | None, asked: Sequence[TaskTrials]) -> dict[str, list[str]]:
    """The measures of each predicted task, each of them tried."""
    out: dict[str, list[str]] = {one.task.name: [] for one in asked}
    if len(out) < len(asked):
        raise InputError(f"each task can be predicted once, got {', '.join(one.task.name for one in asked)}")
    for text in [measures] if isinstance(measures, str) else measures or ():
        task, colon, measure = (part.strip() for part in text.partition(":"))
        if colon and task not in out:
            raise InputError(
                f"{text!r} is measured in a task that is predicted ({', '.join(out)}), got {shown(task)}"
            )
        for name in [task] if colon else out:
            out[name].append(measure if colon else task)
    for one in asked:
        own = out[one.task.name] = out[one.task.name] or list(one.trials.usual())
        for measure in own:
            one.trials.of_people(measure)
    return out
