"""What arrives, when, and what it asks: the world as a list of events in time.

A `TaskStream` is a world that is known beforehand, so that either driver can play it: SimPy (`mind.world`) or
the compiled loop (`mind.cohort`). A world that answers back (an exposure that a button press ends) is a SimPy
process; a stimulus may name one as its `mask`, and then only SimPy can play it.

>>> stream = display(targets=2, distractors=1, exposure=0.1)
>>> [s.name for s in stream.stimuli]
['t0', 't1', 'd0']
>>> stream.arrivals().kind.tolist()                 # three onsets, three masks, the end
[0, 0, 0, 1, 1, 1, 5]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cogattn.errors import InputError, choice, number, whole
from cogattn.laws import alertness, race

MOST_ELEMENTS = 64  #: elements that one trial can hold: the state of a mind is a record of fixed size

MOST_WEIGHT = 1e100  #: only ratios matter; beyond this, sums of products could leave the floats

# What the world can do to a mind. The numbers are part of the event record; add, never renumber.
ONSET, MASK, OFFSET, WEIGHT, FORGET, END = range(6)
LOAD, HOLD = 6, 7  # the load on alertness changes; the load on memory changes
CALL, CAPTURE, SLEEPINESS = (
    15,
    16,
    17,
)  # a stimulus asks for a speeded response; attention is called back; the day
_RANK = {
    MASK: 0,
    OFFSET: 1,
    FORGET: 2,
    ONSET: 3,
    WEIGHT: 4,
    CALL: 5,
    END: 6,
}  # who goes first at one and the same time


RESPONSES = ("", "simple", "go", "detect")  #: how a task wants to be answered; a rule's number is its place


def _name(what: str, value: object) -> None:
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{what} must be a non-empty text, got {value!r}")


def _unique(what: str, names: Sequence[str]) -> None:
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise InputError(f"every {what} needs a name of its own, got {twice[0]!r} twice")


@dataclass(frozen=True)
class Task:
    """Something to do. Its pertinence pi multiplies the weights of all its elements.

    What it costs to go on with it is its load: demand x monotony (see `laws.alertness`). `memory`: standards that
    each event has to be held against in mind; `rate`: events per minute. `response`: "" = unspeeded; "simple" = answer
    every stimulus; "go" = answer every stimulus but the signals; "detect" = answer the signals. The rest are constants
    of the task: `sensitivity` d' of its signals; `caution`: how much more evidence a "go" waits for than a simple
    response; `withhold` [s] and `withhold_sd`: when a fresh mind can still call a "go" back.
    """

    name: str = "report"
    pertinence: float = 1.0
    demand: float = 1.0
    monotony: float = 0.0
    memory: float = 0.0
    rate: float = 0.0
    response: str = ""
    sensitivity: float = 2.0
    caution: float = 1.0
    withhold: float = 0.27
    withhold_sd: float = 0.05

    def __post_init__(self) -> None:
        _name("task name", self.name)
        number("pertinence", self.pertinence, least=0, most=MOST_WEIGHT)
        number("demand", self.demand, least=0, most=100)
        number("monotony", self.monotony, least=0, most=1)
        number("memory", self.memory, least=0, most=100)
        number("rate", self.rate, least=0, most=6000, unit="events/min")
        choice("response", self.response, RESPONSES)
        number("sensitivity", self.sensitivity, least=0, most=100)
        number("caution", self.caution, above=0, most=10)
        number("withhold", self.withhold, above=0, most=60, unit="s")
        number("withhold_sd", self.withhold_sd, above=0, most=60, unit="s")

    @property
    def load(self) -> float:
        """u, the load on alertness."""
        return alertness.load(self.demand, self.monotony)

    @property
    def memory_load(self) -> float:
        """The load on memory."""
        return alertness.memory_load(self.memory, self.rate)


@dataclass(frozen=True)
class Stimulus:
    """One element: from its onset until it is masked (gone at once) or taken away (gone after persistence)."""

    name: str
    onset: float = 0.0
    mask: float | Callable[..., Any] | None = None
    offset: float | None = None
    weight: float = 1.0
    distractor: bool = False
    task: str = "report"
    signal: bool = False

    def __post_init__(self) -> None:
        _name("stimulus name", self.name)
        number(f"onset of {self.name!r}", self.onset, least=0, unit="s")
        number(f"weight of {self.name!r}", self.weight, least=0, most=MOST_WEIGHT)
        if not isinstance(self.distractor, bool | np.bool_):
            raise InputError(f"distractor of {self.name!r} must be True or False, got {self.distractor!r}")
        if not isinstance(self.signal, bool | np.bool_):
            raise InputError(f"signal of {self.name!r} must be True or False, got {self.signal!r}")
        for word in ("mask", "offset"):
            value = getattr(self, word)
            if value is not None and not callable(value):
                number(f"{word} of {self.name!r}", value, above=self.onset, unit="s (its onset)")
        if callable(self.offset):
            raise InputError(f"offset of {self.name!r} must be a time in s; a process belongs in mask=")


@dataclass(frozen=True)
class Change:
    """At `time`, the element matters more or less: its weight becomes `weight` (0 = ignored)."""

    time: float
    element: str
    weight: float

    def __post_init__(self) -> None:
        _name("element of a change", self.element)
        number("time of a change", self.time, least=0, unit="s")
        number(f"new weight of {self.element!r}", self.weight, least=0, most=MOST_WEIGHT)


class Arrivals(NamedTuple):
    """A stream as plain columns, in the order in which a mind meets it; element -1 = nobody's (the end)."""

    time: npt.NDArray[np.float64]
    kind: npt.NDArray[np.int64]
    element: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]


def _parts(name: str, value: object) -> tuple[Any, ...]:
    kind = {"stimuli": Stimulus, "changes": Change, "tasks": Task}[name]
    parts = tuple(value) if isinstance(value, Iterable) else (value,)
    for part in parts:
        if not isinstance(part, kind):
            raise InputError(f"{name} of a stream must each be a {kind.__name__}, got {part!r}")
    return parts


@dataclass(frozen=True)
class TaskStream:
    """All that happens in one trial, until `end`."""

    stimuli: tuple[Stimulus, ...]
    end: float
    changes: tuple[Change, ...] = ()
    tasks: tuple[Task, ...] = (Task(),)

    def __post_init__(self) -> None:
        for name in ("stimuli", "changes", "tasks"):
            object.__setattr__(self, name, _parts(name, getattr(self, name)))
        number("end of the stream", self.end, above=0, unit="s")
        if not self.stimuli:
            raise InputError("a stream needs at least one stimulus, got none")
        if len(self.stimuli) > MOST_ELEMENTS:
            raise InputError(f"a trial holds at most {MOST_ELEMENTS} elements, got {len(self.stimuli)}")
        names, tasks = self.names, [t.name for t in self.tasks]
        _unique("stimulus", names)
        _unique("task", tasks)
        for s in self.stimuli:
            if s.task not in tasks:
                raise InputError(f"task of {s.name!r} must be one of {', '.join(tasks)}, got {s.task!r}")
        for c in self.changes:
            if c.element not in names:
                raise InputError(f"a change must name one of {', '.join(names)}, got {c.element!r}")
            onset = self.stimuli[names.index(c.element)].onset
            number(f"time of a change of {c.element!r}", c.time, least=onset, unit="s (its onset)")

    @property
    def load(self) -> float:
        """The load on alertness of all its tasks together."""
        return sum(t.load for t in self.tasks)

    @property
    def memory_load(self) -> float:
        """The load on memory of all its tasks together."""
        return sum(t.memory_load for t in self.tasks)

    @property
    def names(self) -> list[str]:
        """The elements' names; an element's number is its place here."""
        return [s.name for s in self.stimuli]

    @property
    def open_stimuli(self) -> list[str]:
        """The stimuli whose end the world decides while it runs."""
        return [s.name for s in self.stimuli if callable(s.mask)]

    def weights(self, alpha: npt.ArrayLike = 1.0) -> npt.NDArray[np.float64]:
        """What a mind of this alpha makes of each element, shape (..., elements): pertinence (x alpha).

        Multiplied by the stimulus' own weight, which arrives with it and may change, this is w_x.
        """
        pertinence = {t.name: t.pertinence for t in self.tasks}
        own = np.array([pertinence[s.task] for s in self.stimuli])
        return race.weights([s.distractor for s in self.stimuli], np.asarray(alpha, float)[..., None], own)

    def arrivals(self) -> Arrivals:
        """The stream as columns, sorted by time; at one time masks come first, then offsets, onsets, weights.

        The value of an onset or change is the stimulus' own weight: it multiplies its entry of `weights`.
        """
        rows: list[tuple[float, int, int, float]] = []
        tasks = [t.name for t in self.tasks]
        for i, s in enumerate(self.stimuli):
            job = tasks.index(s.task)
            if self.tasks[job].response:
                rows.append((float(s.onset), CALL, i, float(2 * job + s.signal)))
                continue
            rows.append((float(s.onset), ONSET, i, float(s.weight)))
            if s.mask is not None and not callable(s.mask):
                rows.append((float(s.mask), MASK, i, 0.0))
            if s.offset is not None:
                rows.append((float(s.offset), OFFSET, i, 0.0))
        rows += [(float(c.time), WEIGHT, self.names.index(c.element), float(c.weight)) for c in self.changes]
        rows = [r for r in rows if r[0] < self.end]
        rows.append((float(self.end), END, -1, 0.0))
        rows.sort(key=lambda r: (r[0], _RANK[r[1]], r[2]))
        time, kind, element, value = zip(*rows, strict=True)
        return Arrivals(np.array(time), np.array(kind), np.array(element), np.array(value))


def display(
    *, targets: int, distractors: int = 0, exposure: float, onset: float = 0.0, after: float = 0.1
) -> TaskStream:
    """The brief display of a report experiment: all elements at once, all masked after the exposure."""
    whole("targets", targets, least=0, most=MOST_ELEMENTS)
    whole("distractors", distractors, least=0, most=MOST_ELEMENTS)
    number("exposure", exposure, above=0, unit="s")
    number("onset", onset, least=0, unit="s")
    number("after", after, above=0, unit="s")
    until = onset + exposure
    stimuli = [Stimulus(f"t{i}", onset, until) for i in range(targets)]
    stimuli += [Stimulus(f"d{i}", onset, until, distractor=True) for i in range(distractors)]
    return TaskStream(tuple(stimuli), end=until + after)


Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Session:
    """Minutes or hours of one mind: trials one after another, each a short stream, with pauses between them.

    Columns have one entry per trial, or one row per person: `which` of the streams it shows; `gap` [s] at work from
    the end of the trial before to its start; before that `rest` [s] under `rest_load` (0 = real rest). A trial
    ends at its stream's
    end, or with its response if the session is `self_paced`. The load is that of the streams' tasks; elements start
    afresh in each trial, alertness goes on. `sleepiness` is the day's (see `laws.alertness.sleepiness`).
    """

    streams: tuple[TaskStream, ...]
    which: Ints
    gap: Floats
    rest: Floats = field(default_factory=lambda: np.zeros(1))
    rest_load: Floats = field(default_factory=lambda: np.zeros(1))
    self_paced: bool = False
    sleepiness: float = alertness.RESTED

    def __post_init__(self) -> None:
        streams = (self.streams,) if isinstance(self.streams, TaskStream) else tuple(self.streams)
        if not streams or not all(isinstance(s, TaskStream) for s in streams):
            raise InputError(f"streams of a session must each be a TaskStream, got {self.streams!r}")
        if any(s.tasks != streams[0].tasks for s in streams):
            raise InputError("all streams of a session must name the same tasks in the same order")
        if any(s.open_stimuli for s in streams):
            raise InputError("a session knows only times: no mask of its stimuli may be a process")
        object.__setattr__(self, "streams", streams)
        which = np.asarray(self.which)
        if which.dtype.kind not in "iu" or not which.size or which.min() < 0 or which.max() >= len(streams):
            raise InputError(f"which must give a stream from 0 to {len(streams) - 1} for every trial")
        columns = {"which": which.astype(np.int64)}
        for name in ("gap", "rest", "rest_load"):
            value = np.asarray(getattr(self, name), float)
            if not np.isfinite(value).all() or (value < 0).any():
                raise InputError(f"{name} of a session must be finite and >= 0 in every trial")
            columns[name] = value
        try:
            shape = np.broadcast_shapes((1, 1), *(c.shape for c in columns.values()))
        except ValueError:
            raise InputError("the columns of a session must have one entry per trial") from None
        for name, value in columns.items():
            object.__setattr__(self, name, np.ascontiguousarray(np.broadcast_to(value, shape)))
        number("sleepiness", self.sleepiness, least=-10, most=60)

    @property
    def trials(self) -> int:
        """How many trials it has."""
        return int(self.which.shape[1])

    @property
    def tasks(self) -> tuple[Task, ...]:
        """What there is to do."""
        return self.streams[0].tasks

    @property
    def load(self) -> float:
        """The load on alertness while at work."""
        return self.streams[0].load

    @property
    def memory_load(self) -> float:
        """The load on memory while at work."""
        return self.streams[0].memory_load

    def row(self, person: int) -> int:
        """The row of the columns that a person takes: his own, or the one that all share."""
        rows = self.which.shape[0]
        if rows > 1 and person >= rows:
            raise InputError(f"this session has rows for {rows} people, none for person {person}")
        return person if rows > 1 else 0
