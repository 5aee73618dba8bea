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

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from typing import Any

import numpy as np
import numpy.typing as npt

from cogattn._renamed import old_fields
from cogattn.errors import InputError, choice, doors, number, shown, whole
from cogattn.laws import alertness, race, stages
from cogattn.laws.conflict import SELECTED
from cogattn.world.arrivals import CALLED as CALLED
from cogattn.world.arrivals import Arrivals, Moment, arrivals_of, moments_of
from cogattn.world.kinds import CALL, END, EXPIRE, FORGET, MASK, OFFSET, ONSET, WEIGHT  # noqa: F401  (names of old)

MOST_ELEMENTS = 256  #: elements that one trial can hold: the state of a mind is a record of fixed size
MOST_TASKS = 8  #: tasks that one mind does at a time

MOST_WEIGHT = 1e100  #: only ratios matter; beyond this, sums of products could leave the floats

RESPONSES = (
    "",
    "simple",
    "go",
    "detect",
    "choose",
    "search",
    "decide",
    "stop",
    "recall",
    "recall_reversed",
)  #: how a task wants to be answered; a rule's number is its place
#: Of options that stood for a spotlight that narrows.
PULSE = "what is irrelevant pushes its answer in a pulse now: give activation and peak"
WHEN_FULL = (
    "lose",
    "random",
    "oldest",
    "weakest",
    "wait",
    "count",
)  #: what a full store does with what finishes
SERVICES = (
    "later",
    "exponential",
    "counted",
)  #: how long choosing takes: as a response (LATER), an exponential time, or until one answer leads (`laws.conflict`)


def _name(what: str, value: object) -> None:
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{what} must be a non-empty text, got {shown(value)}")


def _unique(what: str, names: Sequence[str]) -> None:
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise InputError(f"every {what} needs a name of its own, got {shown(twice[0])} twice")


@old_fields({"spotlight": PULSE, "hold": PULSE}, tell="evidence_rate")
@dataclass(frozen=True)
class Task:
    """Something to do. Its pertinence pi multiplies the weights of all its elements.

    What it costs to go on with it is its load: demand x monotony (see `laws.alertness`). `memory`: standards that
    each event has to be held against in mind; `rate`: events per minute. `response`: "" = unspeeded; "simple" = answer
    every stimulus; "go" = answer every stimulus but the signals; "detect" = answer the signals (`sensitivity`: d').

    response="go": the stimulus is told, `evidence_rate` categorisations in the time of a simple response, until going
    or not going leads (by `caution` times what the person asks for); the key that is ready pushes going meanwhile, by
    `activation` x the person's `readiness` categorisations, at its height after `peak` s; the hand needs `after` s (sd
    `after_sd`).

    What is seen and how it is kept: `when_full`: the store "lose"s what finishes when it is full, or it displaces what
    it holds ("random", "oldest", "weakest": updating), or the item "wait"s on display for a slot, or it is "count"ed by
    the central stage, one at a time. `consolidate`: what is selected is fixed first, and meanwhile the store's
    door is locked. `automatic`: drains no shared capacity (faces, one's own name); `practice`: how often the same
    response was given to the same thing (consistent mapping; Logan 1988).

    response="choose": after `before` s (sd `before_sd`) the central stage chooses, which takes `choice` simple
    responses, and the hand needs `after` s (sd `after_sd`); `slip`: probability of the wrong choice. `deadline` [s]:
    after that the stimulus is withdrawn; `value`: what a right answer is worth. `service`: "later" (as a response),
    "exponential" (a queue of the textbooks), or "counted": until one answer leads, `evidence_rate` categorisations in
    the time of a simple response (`choice` is not used then).

    response="search": attention visits group after group of the elements (in order of weight), each visit takes
    `inspect` simple responses, until the target is found, or it quits; then a choice as above.
    response="decide": categorisations are counted, `evidence_rate` of them in the time of a simple response, until one
    answer leads; what has no evidence of its own (flankers, the word) competes, and pushes the answer that it speaks
    for in a pulse (`laws.conflict`): by `activation` categorisations if all attention were its own, at its height after
    `peak` s, fading after that. `ready`: what pushes is a key, as ready as the person's keys are.

    response="stop": a signal that calls back, `withhold` s (sd `withhold_sd`) after its onset, whatever is on its way
    to an answer and has not been given yet.

    `rehearse`: what finishes is said inwardly, again and again, which takes so many simple responses each time (0 = it
    is not). The call of a task with response="recall" has that list said aloud, from its first item on;
    "recall_reversed": from its last.

    Several tasks: `resources` names the pools that it draws from, and how much (`laws.stages.CHANNELS`; none = it
    competes with everything); `priority`, `salience` and `difficulty` decide which task a mind turns to.

    >>> Task("press", response="simple", demand=1.0, monotony=1.0).load
    1.0
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
    when_full: str = "lose"
    consolidate: bool = False
    automatic: bool = False
    ready: bool = False
    practice: float = 0.0
    choice: float = 1.0
    service: str = "later"
    before: float = 0.0
    before_sd: float = 0.0
    after: float = 0.0
    after_sd: float = 0.0
    slip: float = 0.0
    inspect: float = 1.0
    evidence_rate: float = 10.0
    activation: float = 0.0
    peak: float = 0.1
    rehearse: float = 0.0
    deadline: float = math.inf
    value: float = 1.0
    resources: Mapping[str, float] | tuple[tuple[str, float], ...] = ()
    priority: float = 1.0
    salience: float = 0.0
    difficulty: float = 1.0

    def __post_init__(self) -> None:
        self._check_divided()
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

    def _check_divided(self) -> None:
        choice("when_full", self.when_full, WHEN_FULL)
        for name in ("consolidate", "automatic", "ready"):
            if not isinstance(getattr(self, name), bool | np.bool_):
                raise InputError(f"{name} must be True or False, got {shown(getattr(self, name))}")
        for name in ("before", "before_sd", "after", "after_sd"):
            number(name, getattr(self, name), least=0, most=60, unit="s")
        choice("service", self.service, SERVICES)
        number("choice", self.choice, least=0, most=100, unit="simple responses")
        number("inspect", self.inspect, least=0, most=100, unit="simple responses")
        number("evidence_rate", self.evidence_rate, above=0, most=1000, unit="per simple response")
        number("activation", self.activation, least=0, most=1000, unit="categorisations")
        number("peak", self.peak, above=0, most=3600, unit="s")
        number("rehearse", self.rehearse, least=0, most=100, unit="simple responses")
        number("practice", self.practice, least=0, most=1e9, unit="repetitions")
        number("slip", self.slip, least=0, most=1)
        number("deadline", self.deadline, above=0, infinite=True, unit="s")
        number("value", self.value, least=0, most=1e6)
        number("priority", self.priority, above=0, most=1e6)
        number("salience", self.salience, least=-50, most=50)
        number("difficulty", self.difficulty, above=0, most=1e6)
        if not isinstance(self.resources, Mapping | tuple):
            raise InputError(f"resources must map pools to amounts, got {shown(self.resources)}")
        pools = self.resources.items() if isinstance(self.resources, Mapping) else self.resources
        for pool, amount in pools:
            number(f"amount of {choice('resource pool', pool, stages.CHANNELS)!r}", amount, least=0, most=100)
        object.__setattr__(self, "resources", tuple(sorted(pools)))

    @property
    def load(self) -> float:
        """u, the load on alertness."""
        return alertness.load(self.demand, self.monotony)

    @property
    def selected(self) -> float:
        """How much of alpha acts on its distractors: alpha ** selected (`laws.conflict.SELECTED`)."""
        return SELECTED if self.response == "decide" else 1.0

    @property
    def memory_load(self) -> float:
        """The load on memory."""
        return alertness.memory_load(self.memory, self.rate)


def can_be_shown(name: str, weight: float, evidence: float, supports: int) -> None:
    """What holds of every element, in a stream or shown by a process.

    >>> can_be_shown("A", 1.0, 1.0, 2)
    Traceback (most recent call last):
    cogattn.errors.InputError: supports of 'A' must be 1, -1, or 0 = nothing, got 2
    """
    _name("stimulus name", name)
    given: Any = supports
    if isinstance(given, bool) or not isinstance(given, Integral) or given not in (-1, 0, 1):
        raise InputError(f"supports of {name!r} must be 1, -1, or 0 = nothing, got {shown(supports)}")
    number(f"evidence of {name!r}", evidence, least=0, most=1000)
    number(f"weight of {name!r}", weight, least=0, most=MOST_WEIGHT)


@old_fields(says="supports")
@dataclass(frozen=True)
class Stimulus:
    """One element: from its onset until it is masked (gone at once) or taken away (gone after persistence).

    `evidence` (eta): how fast it is categorised, as a share of a clear letter; 0 = it cannot be what is looked for.
    `supports`: the answer that it speaks for: 1, -1 or 0 = none (of a search: 1 = it is the target).

    >>> Stimulus("A", onset=0.1, mask=0.3).distractor
    False
    """

    name: str
    onset: float = 0.0
    mask: float | Callable[..., Any] | None = None
    offset: float | None = None
    weight: float = 1.0
    distractor: bool = False
    task: str = "report"
    signal: bool = False
    evidence: float = 1.0
    supports: int = 0

    def __post_init__(self) -> None:
        can_be_shown(self.name, self.weight, self.evidence, self.supports)
        number(f"onset of {self.name!r}", self.onset, least=0, unit="s")
        if not isinstance(self.distractor, bool | np.bool_):
            raise InputError(
                f"distractor of {self.name!r} must be True or False, got {shown(self.distractor)}"
            )
        if not isinstance(self.signal, bool | np.bool_):
            raise InputError(f"signal of {self.name!r} must be True or False, got {shown(self.signal)}")
        for word in ("mask", "offset"):
            value = getattr(self, word)
            if value is not None and not callable(value):
                number(f"{word} of {self.name!r}", value, above=self.onset, unit="s (its onset)")
        if callable(self.offset):
            raise InputError(f"offset of {self.name!r} must be a time in s; a process belongs in mask=")


@dataclass(frozen=True)
class Change:
    """At `time`, the element matters more or less: its weight becomes `weight` (0 = ignored).

    >>> Change(0.1, "A", weight=2.0)
    Change(time=0.1, element='A', weight=2.0)
    """

    time: float
    element: str
    weight: float

    def __post_init__(self) -> None:
        _name("element of a change", self.element)
        number("time of a change", self.time, least=0, unit="s")
        number(f"new weight of {self.element!r}", self.weight, least=0, most=MOST_WEIGHT)


def _parts(name: str, value: object) -> tuple[Any, ...]:
    kind = {"stimuli": Stimulus, "changes": Change, "tasks": Task}[name]
    parts = tuple(value) if isinstance(value, Iterable) else (value,)
    for part in parts:
        if not isinstance(part, kind):
            raise InputError(f"{name} of a stream must each be a {kind.__name__}, got {shown(part)}")
    return parts


@old_fields(says="supports")
@dataclass(frozen=True)
class TaskStream:
    """All that happens in one trial, until `end`.

    >>> both = TaskStream((Stimulus("A", mask=0.2), Stimulus("B", onset=0.1)), end=0.5)
    >>> both.names
    ['A', 'B']
    """

    stimuli: tuple[Stimulus, ...]
    end: float
    changes: tuple[Change, ...] = ()
    tasks: tuple[Task, ...] = (Task(),)
    focused: bool = False  #: attention is on one of the tasks at a time, leaves it and turns to another
    conflict: npt.ArrayLike | None = None  #: between resource pools; None = `laws.stages.CONFLICT`

    def __post_init__(self) -> None:
        for name in ("stimuli", "changes", "tasks"):
            object.__setattr__(self, name, _parts(name, getattr(self, name)))
        if not isinstance(self.focused, bool | np.bool_):
            raise InputError(f"focused must be True or False, got {shown(self.focused)}")
        if self.conflict is not None:
            table = stages.checked_conflict(self.conflict).tolist()
            object.__setattr__(self, "conflict", tuple(tuple(row) for row in table))
        if len(self.tasks) > MOST_TASKS:
            raise InputError(f"a mind does at most {MOST_TASKS} tasks, got {len(self.tasks)}")
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
                raise InputError(f"task of {s.name!r} must be one of {', '.join(tasks)}, got {shown(s.task)}")
        for c in self.changes:
            if c.element not in names:
                raise InputError(f"a change must name one of {', '.join(names)}, got {shown(c.element)}")
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

    @cached_property
    def jobs(self) -> npt.NDArray[np.int64]:
        """The number of each element's task."""
        tasks = [t.name for t in self.tasks]
        return np.array([tasks.index(s.task) for s in self.stimuli], np.int64)

    @cached_property
    def supports(self) -> npt.NDArray[np.int64]:
        """The answer that each element speaks for."""
        return np.array([s.supports for s in self.stimuli], np.int64)

    @cached_property
    def evidence(self) -> npt.NDArray[np.float64]:
        """eta of each element."""
        return np.array([s.evidence for s in self.stimuli], float)

    @cached_property
    def competition(self) -> npt.NDArray[np.float64]:
        """(tasks, tasks): how much the elements of one task take from those of another; 1 = they share everything."""
        k = np.ones((len(self.tasks), len(self.tasks)))
        pools = stages.CONFLICT if self.conflict is None else stages.checked_conflict(self.conflict)
        for i, a in enumerate(self.tasks):
            for j, b in enumerate(self.tasks):
                if i != j:
                    k[i, j] = stages.competition(dict(a.resources), dict(b.resources), pools)
        return k

    @property
    def names(self) -> list[str]:
        """The elements' names; an element's number is its place here."""
        return [s.name for s in self.stimuli]

    @cached_property
    def open_stimuli(self) -> list[str]:
        """The stimuli whose end the world decides while it runs."""
        return [s.name for s in self.stimuli if callable(s.mask)]

    def weights(self, alpha: npt.ArrayLike = 1.0) -> npt.NDArray[np.float64]:
        """What a mind of this alpha makes of each element, shape (..., elements): pertinence (x alpha).

        Multiplied by the stimulus' own weight, which arrives with it and may change, this is w_x.
        """
        distractor, own, selected, some = self._drawn
        if not some and np.ndim(alpha) == 0:
            return own.copy()
        drawn = np.asarray(alpha, float)[..., None]
        if (selected != 1.0).any():
            drawn = drawn**selected
        return race.weights(distractor, drawn, own)

    @cached_property
    def _drawn(self) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64], npt.NDArray[np.float64], bool]:
        """What `weights` reads: whether each element is a distractor; pertinence and selection of its task; whether
        there is a distractor, without which alpha changes nothing."""
        tasks = [self.tasks[job] for job in self.jobs]
        distractor = np.array([s.distractor for s in self.stimuli], bool)
        own, selected = (np.array([getattr(t, n) for t in tasks], float) for n in ("pertinence", "selected"))
        return distractor, own, selected, bool(distractor.any())

    @cached_property
    def moments(self) -> tuple[Moment, ...]:
        """The arrivals by their time, the last of which is the end."""
        return moments_of(self)

    @cached_property
    def happens(self) -> npt.NDArray[np.int64]:
        """Kind and element of each arrival, in two rows."""
        return np.array([self.arrivals().kind, self.arrivals().element], np.int64)

    def arrivals(self) -> Arrivals:
        """The stream as columns, sorted by time; at one time masks come first, then offsets, onsets, weights.

        The value of an onset or change is the stimulus' own weight: it multiplies its entry of `weights`.
        """
        return self._arrivals

    @cached_property
    def _arrivals(self) -> Arrivals:
        return arrivals_of(self)


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


def one_by_one(
    elements: int, pace: float, *, shown: float | None = None, task: Task | None = None, after: float = 1.0
) -> TaskStream:
    """Elements one after the other, one every `pace` s, each until the next or for `shown` s; asked `after` s later.

    By default a full store gives up the weakest of what it holds: weight times chance (`laws.memory`).
    """
    whole("elements", elements, least=1, most=MOST_ELEMENTS)
    number("pace", pace, above=0, unit="s")
    number("shown", pace if shown is None else shown, above=0, most=pace, unit="s (the pace)")
    number("after", after, above=0, unit="s")
    task = Task("hold", when_full="weakest") if task is None else task
    until = pace if shown is None else shown
    stimuli = tuple(Stimulus(f"e{i}", i * pace, i * pace + until, task=task.name) for i in range(elements))
    return TaskStream(stimuli, end=(elements - 1) * pace + until + after, tasks=(task,))


doors(__name__, "Change", "Stimulus", "Task", "TaskStream", "display", "one_by_one")
