"""What is measured of a person in a task, from his trials: `rt`, `rt_sd`, `rt[cue=none] - rt[cue=double]`.

A measure is an expression (`tune.goals`) of columns. A column stands for its mean over a person's trials; with `_sd`
or `_median` behind it for that of the trials within a condition. In brackets stands which trials, by a column's value
or by the paradigm's word for it (`Paradigm.levels`). Response times are those of right answers, where the table says
which are right. Every condition counts as much as it was shown to all people together: a person who erred in the hard
ones is not called fast for that, and a mind that plays the task in other proportions is measured by the same rule.

>>> trials = pd.DataFrame({"person": list("aabb"), "load": [1, 2, 1, 2], "rt": [0.3, 0.5, 0.4, 0.4]})
>>> sheet = MeasuredTrials.of(trials, Statistics(("load",), (), ("rt",)))
>>> sheet.of_people("rt[load=2] - rt[load=1]").round(3).to_dict()
{'a': 0.2, 'b': 0.0}
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cogattn.errors import InputError, choice, shown
from cogattn.human.imports.columns import ANSWERS
from cogattn.human.imports.names import RESPONSE_TIMES
from cogattn.paradigms import Paradigm
from cogattn.paradigms.base import Levels, Statistics
from cogattn.tune.base import Array
from cogattn.tune.goals import Expression

STATISTICS = ("mean", "sd", "median")
_NAME = re.compile(r"(?P<column>\w+?)(_(?P<statistic>sd|median|mean))?(\[(?P<where>[^\]]*)\])?")
_HALF = 0.5  # of a measure's conditions, by weight, that a person must have trials in
_RESPONSES = ("responded", "says_changed")  # shares that are no shares of right answers
_DIGITS = 6  # to which values of conditions are the same


@dataclass(frozen=True)
class MeasuredTrials:
    """A table of trials, and how it is summed up."""

    frame: pd.DataFrame  #: person, the columns of the conditions, those that are measured
    by: tuple[str, ...]  #: columns of the conditions
    times: tuple[str, ...]  #: of the columns that are measured, those in seconds
    shares: tuple[str, ...]  #: the others
    levels: Levels
    weights: pd.Series  #: how often each condition was shown

    @classmethod
    def of(cls, frame: pd.DataFrame, statistics: Statistics, levels: Levels | None = None) -> MeasuredTrials:
        """Of a long table, as it is; the conditions that it has."""
        by = tuple(c for c in statistics.by if c in frame)
        known = levels or {}
        frame = frame.reset_index(drop=True)
        for name in by:
            if pd.api.types.is_numeric_dtype(frame[name]) or pd.api.types.is_bool_dtype(frame[name]):
                frame[name] = frame[name].astype(float).round(_DIGITS)
        measured = [c for c in (*statistics.times, *statistics.shares) if c in frame]
        right = frame["correct"].astype(float) != 0 if "correct" in frame else pd.Series(True, frame.index)
        told = {c: frame[c].astype(float) for c in measured}
        for name in statistics.times:
            if name in told:
                told[name] = told[name].where(right & (told[name] > 0))
        own = frame[["person", *by]].assign(**told)
        weights = own.groupby(list(by), sort=True).size() if by else pd.Series([len(own)])
        times = tuple(c for c in statistics.times if c in told)
        return cls(
            own, by, times, tuple(c for c in statistics.shares if c in told), known, weights.astype(float)
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """What can be measured."""
        return (*self.times, *self.shares)

    @property
    def people(self) -> list[str]:
        """Who is in it."""
        return list(dict.fromkeys(self.frame["person"]))

    def as_shown(self, weights: pd.Series) -> MeasuredTrials:
        """The same trials, their conditions counted as they were shown to others."""
        return replace(self, weights=weights)

    def half(self, which: int) -> MeasuredTrials:
        """The odd (0) or the even (1) trials of each person in each condition, in the order in which they came."""
        place = self.frame.groupby(["person", *self.by], sort=False).cumcount()
        return replace(self, frame=self.frame[place % 2 == which])

    def of_people(self, measure: str) -> pd.Series:
        """The measure of each person; NaN where his trials do not give it."""
        expression = Expression(measure)
        parts = {name: self._part(name, measure) for name in expression.names}
        people = self.people
        known = {name: part.reindex(people) for name, part in parts.items()}
        own = [expression.value({name: float(part[p]) for name, part in known.items()}) for p in people]
        return pd.Series(own, people, dtype=float)

    def timed(self, measure: str) -> bool:
        """Whether it is in seconds: a sum and difference of times."""
        names = Expression(measure).names
        plain = re.fullmatch(r"[\s+-]*", _outside(measure, names))
        return bool(plain) and all(_parsed(name)[0] in self.times for name in names)

    def _part(self, name: str, measure: str) -> pd.Series:
        """One name of an expression."""
        column, statistic, where = _parsed(name)
        choice(f"what is measured in {measure!r}", column, self.columns)
        rows, weights = self._asked(where, measure)
        groups = rows.groupby(["person", *self.by], sort=True)[column]
        cells = {"mean": groups.mean, "median": groups.median, "sd": groups.std}[statistic]()
        if not self.by:
            return cells
        table = cells.unstack(list(range(1, 1 + len(self.by)))).reindex(columns=weights.index)
        there = table.notna().to_numpy() * weights.to_numpy()
        total = there.sum(1)
        value = np.nansum(table.to_numpy() * there, 1) / np.where(total > 0, total, np.nan)
        return pd.Series(np.where(total >= _HALF * weights.sum(), value, np.nan), table.index)

    def _asked(self, where: Mapping[str, str], measure: str) -> tuple[pd.DataFrame, pd.Series]:
        """The trials of these conditions, and the weights of the conditions."""
        rows, weights = self.frame, self.weights
        for name, word in where.items():
            choice(f"condition in {measure!r}", name, self.by)
            value = self._value(name, word, measure)
            rows = rows[rows[name] == value]
            weights = weights[weights.index.get_level_values(name) == value]
        if not len(weights):
            raise InputError(f"no trial is as {measure!r} asks; conditions are {self.said()}")
        return rows, weights

    def _value(self, name: str, word: str, measure: str) -> float | str:
        """The value of a column by a number or by its word."""
        told = {_plain(w): v for w, v in self.levels.get(name, {}).items()}
        there = sorted(self.frame[name].unique())
        value = told.get(_plain(word), word)
        if there and not isinstance(there[0], str):
            try:
                value = round(float(value), _DIGITS)
            except ValueError:
                value = np.nan
        if value not in there:
            raise InputError(f"{name} in {measure!r} must be one of {self._words(name)}, got {word}")
        return value

    def _words(self, name: str) -> str:
        """The values of a condition, in the paradigm's words where it has some."""
        return ", ".join(self.word(name, v) for v in sorted(self.frame[name].unique()))

    def word(self, name: str, value: float | str) -> str:
        """A value of a condition in a word without blanks."""
        words = [w for w, v in self.levels.get(name, {}).items() if v == value and " " not in w]
        return words[-1] if words else f"{value:g}" if isinstance(value, float) else str(value)

    def said(self) -> str:
        """Its conditions in a line."""
        return "; ".join(f"{name} = {self._words(name)}" for name in self.by) or "all one"

    def usual(self) -> tuple[str, ...]:
        """What is measured if nobody says: the mean of every column; and what each condition costs in time.

        A share of responses means something else in each condition (a hit, a false alarm): then each is measured by
        itself.
        """
        if self.by and {*_RESPONSES} & {*self.shares}:
            first = self.by[-1]
            values = sorted(self.frame[first].unique())
            each = [f"{c}[{first}={self.word(first, v)}]" for c in self.columns for v in values]
            return tuple(m for m in each if self.of_people(m).notna().mean() >= _HALF)
        costs = []
        for name in self.by:
            values = sorted(self.frame[name].unique())
            if len(values) > 1:
                low, high = (f"[{name}={self.word(name, v)}]" for v in (values[0], values[-1]))
                costs += [f"{time}{low} - {time}{high}" for time in self.times]
        return (*self.times, *self.shares, *costs)


def statistics_of(task: Paradigm, columns: Sequence[str]) -> Statistics:
    """What a task is summed up by: as it says; else the answers among the columns that its law takes, by the others."""
    if task.statistics is not None:
        return task.statistics
    answers = [c for c in columns if c in ANSWERS]
    times = tuple(c for c in answers if c in RESPONSE_TIMES)
    by = tuple(c for c in columns if c not in (*answers, "person"))
    return Statistics(by, tuple(c for c in answers if c not in times), times)


def reliability(trials: MeasuredTrials, measure: str, people: Sequence[str]) -> float:
    """Of a measure between these people, from its odd and its even trials: Spearman-Brown, 2 r / (1 + r)."""
    try:
        odd, even = (trials.half(k).of_people(measure).reindex(people).to_numpy() for k in (0, 1))
    except InputError:  # a condition with one trial has no even one
        return np.nan
    r = correlated(odd, even)
    return 2 * r / (1 + r) if r > -1 else np.nan


def correlated(x: Array, y: Array) -> float:
    """Pearson's r over those who have both; NaN if they are fewer than three, or all alike."""
    there = np.isfinite(x) & np.isfinite(y)
    x, y = x[there], y[there]
    if len(x) < 3 or np.ptp(x) <= 1e-12 * np.abs(x).max() or np.ptp(y) <= 1e-12 * np.abs(y).max():
        return np.nan
    return float(np.corrcoef(x, y)[0, 1])


def _parsed(name: str) -> tuple[str, str, dict[str, str]]:
    """(column, statistic, {condition: word}) of a name such as rt_sd[load=3]."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise InputError(f"a measure is a column, e.g. rt, rt_sd or rt[load=3], got {shown(name)}")
    pairs = [part.partition("=") for part in (found["where"] or "").split(",") if part.strip()]
    if any(not equals or not word.strip() for _, equals, word in pairs):
        raise InputError(f"in brackets stands CONDITION=VALUE, e.g. rt[load=3], got {shown(name)}")
    return found["column"], found["statistic"] or "mean", {k.strip(): w.strip() for k, _, w in pairs}


def _outside(measure: str, names: Sequence[str]) -> str:
    """The measure without its names."""
    for name in sorted(names, key=len, reverse=True):
        measure = measure.replace(name, "")
    return measure


def _plain(word: str) -> str:
    return re.sub(r"[\s_]+", "", word.lower())
