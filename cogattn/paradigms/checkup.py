"""Is a paradigm sound? Every part of the contract is tried on it, and what is wrong is said in words.

In the spirit of Gymnasium's environment checker: nothing is raised for a paradigm that is wrong, whatever it does. It
is played by two people, under human limits and without any, in both drivers, whose events must be the same.

>>> found = check("partial_report", people=1)
>>> found.ok, found.problems
(True, [])
"""

from __future__ import annotations

import json
import math
import numbers
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import tomli_w

from cogattn import notebook
from cogattn.errors import doors, shown, whole
from cogattn.mind import cohort, world
from cogattn.mind.draws import seed_of, trial_keys
from cogattn.observer import Observer, limits_of
from cogattn.paradigms import registry
from cogattn.paradigms.base import Answers, Condition, Law, Metric, Paradigm
from cogattn.paradigms.session import SessionParadigm, SessionRecord
from cogattn.view import plot
from cogattn.world.session import Session
from cogattn.world.stream import TaskStream

ARMS = ("human", "softmax")
ACCOUNT = ("arrived", "answered", "missed", "censored")
PICTURES = ("display", "frames", "sequence", "items", "own", "")
_MOST_CONDITIONS = 4  # that are played in both drivers: SimPy takes its time
_MOST_TRIALS = 10  # of a session, there
_COLUMNS = ("which", "gap", "rest", "rest_load")  # of a session
_NEAR = 1e-6  # s between the times of an event in the two drivers


@dataclass(frozen=True)
class Checkup:
    """What `check` found.

    >>> print(Checkup("mine", [("score", "correct has 3 entries")], ["score"]))
    mine: 1 problem
      score: correct has 3 entries
    """

    name: str
    found: list[tuple[str, str]] = field(default_factory=list)  #: (part, what is wrong with it)
    tried: list[str] = field(default_factory=list)  #: the parts that could be tried

    @property
    def problems(self) -> list[str]:
        """What is wrong, a sentence each."""
        return [f"{part}: {text}" for part, text in self.found]

    @property
    def ok(self) -> bool:
        """Whether nothing is."""
        return not self.found

    def table(self) -> pd.DataFrame:
        """A row per part that was tried: ok, and what is wrong with it."""
        parts = list(dict.fromkeys([*self.tried, *(part for part, _ in self.found)]))
        told = {part: "; ".join(text for p, text in self.found if p == part) for part in parts}
        rows = [(part, not told[part], told[part]) for part in parts]
        return pd.DataFrame(rows, columns=["part", "ok", "problem"])

    def findings(self) -> list[str]:
        """What was found, in lines."""
        n = len(self.found)
        if not n:
            return [f"{self.name}: nothing wrong ({', '.join(self.tried)})"]
        return [f"{self.name}: {n} problem{'s' if n > 1 else ''}", *(f"  {text}" for text in self.problems)]

    def __str__(self) -> str:
        return "\n".join(self.findings())

    def _repr_html_(self) -> str:
        table = self.table()
        return notebook.card(
            self.findings()[0],
            notebook.rows(table.itertuples(index=False), list(table.columns), [not ok for ok in table["ok"]]),
        )


def check(paradigm: Any, people: int = 2, trials: int = 2, seed: int = 0) -> Checkup:
    """Try everything that a paradigm promises: an instance, its class, a name, or the path of its file.

    people: who take it in the compiled driver, `trials` times in each condition (a session: once).

    >>> check("partial_report").ok
    True
    >>> check("prq").ok
    False
    """
    people, trials = whole("people", people, least=1, most=1000), whole("trials", trials, least=1, most=1000)
    seed = whole("seed", seed, most=2**63 - 1)
    try:
        task = registry.instance(paradigm)
    except Exception as error:
        return Checkup(_called(paradigm), [("making it", _said(error))], ["making it"])
    return _Trial(task, people, trials, seed).all()


Said = Iterator[str]


@dataclass
class _Trial:
    """One paradigm, and what has been learnt of it so far."""

    task: Any
    people: int
    trials: int
    seed: int
    conditions: list[Condition] = field(default_factory=list)
    worlds: dict[str, Any] = field(default_factory=dict)  # by condition: stream or session
    frames: list[pd.DataFrame] = field(default_factory=list)
    frame: pd.DataFrame | None = None

    def all(self) -> Checkup:
        """Part after part; what rests on a part that is wrong is left out."""
        parts: list[tuple[str, Callable[[], Said], bool]] = [
            ("declaration", self.declaration, False),
            ("options", self.options, False),
            ("conditions", self.of_conditions, True),
            ("streams", self.streams, True),
            ("score", self.score, True),
            ("drivers", self.drivers, False),
            ("metrics", self.metrics, False),
            ("people", self.of_people, False),
            ("figure", self.figure, False),
        ]
        found: list[tuple[str, str]] = []
        tried = []
        for part, look, needed in parts:
            tried.append(part)
            wrong = _listened(look)
            found += [(part, text) for text in wrong]
            if (wrong and needed) or (part == "streams" and self.task.pictures == "own"):
                break
        return Checkup(_called(self.task), found, tried)

    # -- the parts -------------------------------------------------------------------------------------------

    def declaration(self) -> Said:
        """Name, title, source, columns, and the rest that a class says of itself."""
        task = self.task
        for name in ("title", "source"):
            value = getattr(task, name, None)
            if not isinstance(value, str) or not value.strip():
                yield f"{name} must be a text, got {shown(value)}"
        columns = getattr(task, "condition_columns", None)
        if not isinstance(columns, tuple) or not columns or not all(isinstance(c, str) for c in columns):
            yield f"condition_columns must be names in a tuple, e.g. ('soa',), got {shown(columns)}"
        if task.pictures not in PICTURES:
            yield f"pictures must be one of {', '.join(map(repr, PICTURES))}, got {shown(task.pictures)}"
        if not isinstance(task.usual_trials, int) or task.usual_trials < 1:
            yield f"usual_trials must be a whole number from 1, got {shown(task.usual_trials)}"
        if task.sessions != isinstance(task, SessionParadigm):
            yield "sessions is said by the class: a paradigm of sessions is a subclass of SessionParadigm"
        law = task.likelihood() if task.fitted else None
        if isinstance(law, Law) and not re.fullmatch(r"[\w.]+:\w+", law.place):
            yield f"a likelihood's place must be 'module:Class', got {shown(law.place)}"
        taken = registry.entries().get(task.name)
        if taken is not None and type(task).__module__ != taken.module:
            yield f"the name {task.name!r} is taken by another paradigm"

    def options(self) -> Said:
        """They go through TOML and make the same paradigm again."""
        options = self.task.options()
        try:
            back = tomllib.loads(tomli_w.dumps(options))
        except (TypeError, ValueError) as error:
            yield f"options() must hold plain values that TOML knows: {error}"
            return
        again = registry.instance(type(self.task), back)
        if again != self.task:
            other = again.options()
            odd = [k for k in options if other.get(k) != options[k]] or list(options)
            yield f"made again from its options it is another one: look at {', '.join(odd)} (a tuple? a float?)"

    def of_conditions(self) -> Said:
        """Plain numbers by column, each once, the same whenever they are asked for."""
        found = self.task.conditions()
        if not isinstance(found, list) or not found:
            yield f"conditions() must be a list of at least one, got {shown(found)}"
            return
        columns = tuple(self.task.condition_columns)
        for c in found:
            if not isinstance(c, dict) or tuple(c) != columns:
                yield f"a condition must have the columns {columns} in this order, got {shown(c)}"
                return
            for name, value in c.items():
                if type(value) not in (int, float, str):
                    yield f"{name} must be a plain number or a word, got {shown(value)} of type {type(value).__name__}"
                    return
                if isinstance(value, float) and math.isnan(value):
                    yield f"{name} must be a number, got nan"
        if len({_key(c) for c in found}) < len(found):
            yield "two conditions are the same"
        if self.task.conditions() != found:
            yield "conditions() must give the same whenever it is called"
        self.conditions = found

    def streams(self) -> Said:
        """The world of each condition."""
        if self.task.pictures == "own":  # its network lays it out
            return
        for c in self.conditions:
            world_ = self._world(c)
            kind = Session if isinstance(self.task, SessionParadigm) else TaskStream
            if not isinstance(world_, kind):
                yield f"the world of {c} must be a {kind.__name__}, got {type(world_).__name__}"
                return
            if isinstance(world_, Session):
                n = self.task.length(c)
                if n != world_.trials:
                    yield f"length({c}) is {n}, and its session has {world_.trials} trials"
                if len(world_.which) not in (1, self.people):
                    yield f"the session of {c} needs a row for all or one per person, it has {len(world_.which)}"
            if not _alike(world_, self._world(c)):
                yield f"the world of {c} must be the same whenever it is asked for (chance comes from the keys)"
            self.worlds[_key(c)] = world_

    def score(self) -> Said:
        """One entry per trial; what arrived is answered, missed or censored."""
        for c in self.conditions:
            for arm in ARMS:
                columns, shape, more = self._scored(c, arm)
                if not isinstance(columns, Mapping):
                    yield f"the score of {c} must be a dict of columns, got {type(columns).__name__}"
                    return
                wrong = list(_wrong_columns(columns, shape))
                yield from (f"{text} ({arm}, {c})" for text in wrong)
                if wrong:
                    return
                self.frames.append(self._table(c, arm, columns, shape, more))
        self.frame = pd.concat(self.frames, ignore_index=True)

    def drivers(self) -> Said:
        """SimPy and the compiled loop bring the same events."""
        step = max(1, math.ceil(len(self.conditions) / _MOST_CONDITIONS))
        for c in self.conditions[::step]:
            for arm in ARMS:
                mind = Observer().under(limits_of(arm))
                one, two = self._events(c, mind)
                if _names(one) != _names(two):
                    yield f"the two drivers bring other events ({arm}, {c}): {len(one)} in SimPy, {len(two)} compiled"
                elif not np.allclose(one["time"], two["time"], rtol=1e-9, atol=_NEAR):
                    yield f"the two drivers bring the same events at other times ({arm}, {c})"

    def metrics(self) -> Said:
        """Numbers with names, made of trials that there are."""
        assert self.frame is not None
        for arm, own in self.frame.groupby("arm", sort=False):
            found = self.task.metrics(own)
            if not isinstance(found, list) or not found or not all(isinstance(m, Metric) for m in found):
                yield f"metrics() must be a list of at least one Metric, got {shown(found)}"
                return
            names = [(m.phenomenon, m.metric, m.condition) for m in found]
            twice = [name[1] for i, name in enumerate(names) if name in names[:i]]
            yield from (f"the metric {metric!r} is there twice" for metric in twice)
            for m in found:
                yield from (f"metric {m.metric!r} ({arm}): {text}" for text in self._wrong_metric(m, own))

    def of_people(self) -> Said:
        """The human table is one; an empty one where nobody was measured."""
        table = self.task.human()
        if not isinstance(table, pd.DataFrame):
            yield f"human() must be a DataFrame (empty where nobody was measured), got {type(table).__name__}"

    def figure(self) -> Said:
        """It is drawn of both arms, and of one alone; nothing in the trials is changed by it."""
        assert self.frame is not None
        for frame in (self.frame, self.frame[self.frame["arm"] == ARMS[0]]):
            before = frame.copy()
            drawn = self.task.figure(frame)
            if not hasattr(drawn, "axes") or not hasattr(drawn, "savefig"):
                yield f"figure() must give a matplotlib Figure, got {type(drawn).__name__}"
                return
            if not any(ax.has_data() for ax in drawn.axes):
                yield "the figure shows nothing"
            plot.close(drawn)
            if type(self.task).drawn is not Paradigm.drawn and self.task.curves(frame)["y"].isna().all():
                yield "the figure has no curve with a value"
            if not frame.equals(before):
                yield "figure() must not change the trials that it is given (frame.assign makes a copy)"

    # -- playing it ------------------------------------------------------------------------------------------

    def _seed(self, condition: Condition) -> int:
        return seed_of(self.seed, self.task.name, json.dumps(condition, sort_keys=True)) & (2**63 - 1)

    def _keys(self, condition: Condition) -> Any:
        return trial_keys(self._seed(condition), np.arange(self.people), cohort.SESSION_TRIAL)

    def _world(self, condition: Condition) -> Any:
        if isinstance(self.task, SessionParadigm):
            return self.task.session(condition, self._keys(condition))
        return self.task.stream(condition)

    def _scored(self, c: Condition, arm: str) -> tuple[Any, tuple[int, ...], dict[str, Any]]:
        """(columns, their shape, what the run adds) of one condition under one arm, as a run without a network."""
        mind, world_ = Observer().under(limits_of(arm)), self.worlds[_key(c)]
        who, seed = [mind] * self.people, self._seed(c)
        if isinstance(world_, TaskStream):
            person, trial = (a.ravel() for a in np.indices((self.people, self.trials)))
            out = cohort.play(world_, who, person=person, trial=trial, seed=seed)
            answers = Answers(out.stored, out.stored, out.censored)
            more = {"onset": world_.stimuli[0].onset, "rt": np.nan}
            return self.task.score(c, answers), (len(person),), more
        task: SessionParadigm = self.task
        found: Any = cohort.run_session(
            world_, who, number=np.arange(self.people), seed=seed, details=task.details, record=task.recorded
        )
        more = {"visit": 0, "onset": found.start, "rt": found.rt}
        more |= {"alertness": found.alertness, "on_task": found.on_task}
        if task.details or any(t.response for t in world_.tasks):
            return task.score_session(c, world_, SessionRecord.of(found)), found.rt.shape, more
        stored = found.stored.reshape(found.rt.size, -1)
        return task.score(c, Answers(stored, stored, np.zeros_like(stored))), (found.rt.size,), more

    def _table(
        self, c: Condition, arm: str, columns: Mapping[str, Any], shape: tuple[int, ...], more: dict[str, Any]
    ) -> pd.DataFrame:
        """The long table of these trials, as a run has it."""
        person, trial = (a.ravel() for a in np.indices((self.people, math.prod(shape) // self.people)))
        given = {"response": ""} | dict(columns)
        rt = np.asarray(given.pop("rt", more.pop("rt")), float)
        values = {**more, "rt": np.where(rt > 0, rt, np.nan), **given}
        flat = {k: np.asarray(v).ravel() if np.ndim(v) else v for k, v in values.items()}
        return pd.DataFrame({"person": person, "arm": arm, **c, "trial": trial, **flat, "model": "mind"})

    def _events(self, c: Condition, mind: Observer) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The record of person 0 in this condition: in SimPy, and compiled."""
        world_, seed = self.worlds[_key(c)], self._seed(c)
        if isinstance(world_, TaskStream):
            two = cohort.play(world_, [mind], person=0, trial=0, seed=seed, record=True).events
            one = world.play(world_, mind, seed=seed).events
        else:
            few = _first(world_, _MOST_TRIALS)
            two = cohort.run_session(few, [mind], number=[0], seed=seed, record=True).events
            one = world.run_session(few, mind, seed=seed).events
        assert two is not None
        return one, two

    def _wrong_metric(self, m: Metric, own: pd.DataFrame) -> Said:
        if not all(isinstance(value, numbers.Real) for value in (m.value, m.human)):
            yield f"value and human must be numbers (nan = none), got {shown(m.value)} and {shown(m.human)}"
        if isinstance(m.of, Mapping):
            strange = [c for c in m.of if c not in own]
            if strange:
                yield f"is made of {', '.join(strange)}, which is no column of the trials"
                return
        if not len(m.rows(own)):
            yield f"is made of no trial: no condition is {m.of}"
        named = re.match(r"(\w+)=", m.condition)
        if named and named[1] in self.task.condition_columns and m.of is None and len(self.conditions) > 1:
            yield f"is of {m.condition}, and does not say of which trials it is made (of={{...}})"


def _wrong_columns(columns: Mapping[str, Any], shape: tuple[int, ...]) -> Said:
    """What is wrong with a score."""
    for name in ("correct", "score", *ACCOUNT):
        if name not in columns:
            yield f"the column {name} is missing"
    for name, value in columns.items():
        if np.shape(value) not in (shape, (math.prod(shape),)):
            yield f"{name} must have an entry per trial, of shape {shape}, got {np.shape(value)}"
    there = {name: np.asarray(columns[name]) for name in ACCOUNT if name in columns}
    if len(there) < len(ACCOUNT) or any(
        np.shape(v) not in (shape, (math.prod(shape),)) for v in there.values()
    ):
        return
    for name, value in there.items():
        if value.dtype.kind not in "iub" or (value < 0).any():
            yield f"{name} must count (whole numbers from 0), got {value.dtype} from {value.min()}"
            return
    arrived, rest = there["arrived"].astype(int), sum(there[name].astype(int) for name in ACCOUNT[1:])
    odd = np.flatnonzero((arrived != rest).ravel())
    if len(odd):
        i = int(odd[0])
        told = ", ".join(f"{name} {there[name].ravel()[i]}" for name in ACCOUNT)
        yield f"arrived must be answered + missed + censored; in {len(odd)} trials it is not: {told}"


def _listened(look: Callable[[], Said]) -> list[str]:
    """What a part says, and what stops it."""
    told: list[str] = []
    try:
        told.extend(look())
    except Exception as error:  # a wrong paradigm may do anything
        told.append(_said(error))
    return list(dict.fromkeys(told))


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _called(paradigm: Any) -> str:
    return str(getattr(paradigm, "name", paradigm))


def _key(condition: Condition) -> str:
    return json.dumps(condition, sort_keys=True)


def _names(record: pd.DataFrame) -> list[tuple[str, ...]]:
    """What happened to whom, without when."""
    return list(record[["kind", "element", "task"]].astype(str).itertuples(index=False, name=None))


def _first(session: Session, n: int) -> Session:
    """The session's first trials."""
    return replace(session, **{name: getattr(session, name)[:, :n] for name in _COLUMNS})


def _alike(one: Any, other: Any) -> bool:
    """The same world twice."""
    if isinstance(one, TaskStream):
        return bool(one == other)
    same = [np.array_equal(getattr(one, c), getattr(other, c)) for c in _COLUMNS]
    return one.streams == other.streams and all(same)


doors(__name__, "check", first=True)
