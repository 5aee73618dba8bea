"""One mind as a citizen of a SimPy environment: `Mind`, and the compiled steps that it takes.

The mind schedules one wake-up in SimPy's event list, at its own next event; whatever the world does replaces it.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import simpy
from simpy.events import EventPriority

from cogattn._renamed import told
from cogattn.compiled import compiled
from cogattn.errors import InputError, doors, number, shown, whole
from cogattn.laws import race
from cogattn.mind import alertness, engine, events, state
from cogattn.mind.draws import _key
from cogattn.mind.phases import STORED
from cogattn.mind.race import enlist
from cogattn.observer import Observer
from cogattn.parameters import NAMES, PERSON
from cogattn.world import kinds
from cogattn.world.arrivals import Moment
from cogattn.world.stream import MOST_ELEMENTS, MOST_WEIGHT, Stimulus, Task, TaskStream, can_be_shown

_LAST = EventPriority(2)  # SimPy: 0 = urgent, 1 = normal; a mind's own events come after the world's
_ALL = tuple(state.Used())
_FRESH = (True, True, True, True)  # those of them that begin a trial anew
_FIRST = 16  # elements that a mind has room for at first
_CUT = 8192  # events of one trial that are held as plain Python values
_HORIZON = 60.0  # s: no wake-up is planned further ahead: a void one lies in SimPy's list until its time
_ENCODE, _RESPOND, _ANSWERS = kinds.ENCODE, kinds.RESPOND, (kinds.RESPOND, kinds.RECALL)
#: nothing happens; the world acts; the mind does what it planned; a moment of a known stream comes
LOOK, ACT, DO, MEET = range(4)
UNKNOWN = (np.zeros((2, 0), np.int64), np.zeros(0), np.zeros(0))  # no arrivals


@compiled
def _step(  # type: ignore[no-untyped-def]
    mind, p, e, rules, conflict, happens, values, scale, tired, keep, answer, hunt, tell, turn,
    what, time, kind, x, value,
):  # fmt: skip
    """The clock moves to `time`, and the world or the mind acts. (kind, element, slot) of what happened, how many are
    on their way to an answer, and (time, kind, element) of what the mind does next. At a stream's moment its rows from
    number `kind` to `x` arrive."""
    m = mind[0]
    engine.advance(m, p[0], e, rules, conflict, tired, answer, hunt, tell, turn, time)
    who, slot = np.int64(x), np.int64(-1)
    if what == ACT:
        engine.perceive(m, p[0], e, rules, conflict, tired, keep, turn, kind, x, value)
    elif what == DO:
        kind = engine.apply(m, p[0], e, rules, conflict, tired, keep, answer, hunt, tell, turn, kind, x)
        who, slot = engine.about(m, e, kind)
    elif what == MEET:
        for a in range(kind, x):
            how, whom = happens[0, a], happens[1, a]
            own = values[a] * scale[whom] if how == kinds.ONSET or how == kinds.WEIGHT else values[a]
            engine.perceive(m, p[0], e, rules, conflict, tired, keep, turn, how, whom, own)
    then, does, whom = engine.next_event(m, p[0], e, rules, conflict, tired, keep, answer, hunt, tell, turn)
    return kind, who, slot, m.busy, then, does, whom


@compiled
def _begin(mind, p, e, rules, seed, person, trial, tired, answer, hunt, tell):  # type: ignore[no-untyped-def]
    engine.begin(mind[0], p[0], e, rules, seed, person, trial, tired, answer, hunt, tell)


@compiled
def _fresh(mind, p, e, rules, seed, person, trial, tired, answer, hunt, tell):  # type: ignore[no-untyped-def]
    engine.fresh(mind[0], p[0], e, rules, _key(seed, person, trial), tired, answer, hunt, tell)


@compiled
def _assign(mind, p, focused, turn):  # type: ignore[no-untyped-def]
    engine.assign(mind[0], p[0], focused, turn)


@cache
def _entry() -> Any:
    """`_step` itself, without the search for its types in every call: a mind's arrays always have the same ones."""
    tasks = _tasks_of((Task(),))
    given = (*state.blank(1), state.task_rules(tasks), tasks.competition, *UNKNOWN)
    _step(given[0], _person_of(Observer()), *given[1:], *_ALL, LOOK, 0.0, 0, -1, 0.0)
    return _step.overloads[_step.signatures[0]].entry_point


@compiled
def _enlist_all(p, rules, e, jobs, evidence, supports):  # type: ignore[no-untyped-def]
    for x in range(len(jobs)):
        enlist(p[0], rules[jobs[x]], e[x], jobs[x], evidence[x], supports[x])


@compiled
def _enlist(p, rules, e, x, job, evidence, supports):  # type: ignore[no-untyped-def]
    enlist(p[0], rules[job], e[x], job, evidence, supports)


@compiled
def _alertness(mind, p):  # type: ignore[no-untyped-def]
    return alertness.alertness(mind[0], p[0])


def _person_of(observer: Observer) -> Any:
    """A row of PERSON, as `cohort.columns_of` makes it, in less time than to look up one made before."""
    return np.fromiter(observer.__dict__.values(), np.float64, len(NAMES)).view(PERSON)


@lru_cache(maxsize=64)
def _tasks_of(tasks: tuple[Task, ...]) -> TaskStream:
    """A stream of these tasks, in which nothing is known beforehand."""
    return TaskStream((Stimulus("nothing", task=tasks[0].name),), end=1.0, tasks=tasks)


class _WakeUp(simpy.Event):
    """What a mind plans to do, in SimPy's list, behind all that the world does at the same time."""

    def __init__(
        self, env: simpy.Environment, planned: tuple[float, int, int], act: Callable[[_WakeUp], None]
    ) -> None:
        self.env, self.callbacks = env, [act]  # as SimPy's own Timeout does
        self._ok, self._value = True, None
        self.planned, now = planned, env.now
        self.far = now + _HORIZON
        env.schedule(self, _LAST, max(0.0, min(planned[0], self.far) - now))


class Mind:
    """One mind that lives in a SimPy environment.

    >>> env = simpy.Environment()
    >>> mind = Mind(env, Observer(capacity=50.0, slots=2.0))
    >>> mind.show("A")
    >>> env.run(1.0)
    >>> mind.events["kind"].astype(str).tolist()
    ['onset', 'open', 'encode']
    """

    def __init__(
        self,
        env: simpy.Environment,
        observer: Observer | None = None,
        *,
        seed: int = 0,
        person: int = 0,
        trial: int = 0,
        tasks: tuple[Task, ...] = (Task(),),
        focused: bool = False,
        stream: TaskStream | None = None,
        keep: int | None = events.KEPT,
        record: str | Path | None = None,
    ) -> None:
        """tasks: what there is to do; focused: one at a time. stream: a known one, whose tasks they are.

        keep: how many events `events` goes back (None: all of them, for as long as memory lasts); record: a folder into
        which all of them are written, file by file, however long the world lasts; `close()` writes the last ones.
        """
        self._live(
            env, observer or Observer(), seed, person, trial, tuple(tasks), focused, stream, keep, record
        )

    def _live(
        self,
        env: simpy.Environment,
        observer: Observer,
        seed: int,
        person: int,
        trial: int,
        tasks: tuple[Task, ...],
        focused: bool = False,
        stream: TaskStream | None = None,
        keep: int | None = None,
        record: str | Path | None = None,
    ) -> None:
        """What `__init__` does with what it was given."""
        self.env, self.observer, self.person, self.trial = env, observer, person, trial
        if not tasks:
            raise InputError("a mind must have at least one task, got none")
        self._tasks = {t.name: t for t in tasks}
        self._element: dict[str, tuple[int, str]] = {}  # name -> number, task
        self._scale: dict[str, float] = {}  # name -> pertinence (x alpha)
        if keep is not None:
            whole("keep", keep, least=1)
        self._log = events.EventLog(keep, None if record is None else Path(record))
        self._encoded: dict[int, float] = {}  # element -> when it last entered the store
        self._answered: dict[int, float] = {}  # element -> when it was answered, or recalled
        self._waiting: list[tuple[str | None, simpy.Event]] = []
        self._mind, self._elements = state.blank(_FIRST)
        self._person = _person_of(self.observer)
        self._on_response: Callable[[float], Any] | None = None
        self._wake: _WakeUp | None = None
        self._planned = (math.inf, kinds.NOTHING, -1)  # time, kind and element of what comes next
        self._world_acts = math.inf  # when a known stream acts next; a process of the user's does not say
        whole("seed", seed, most=2**63 - 1)
        whole("person", person)
        whole("trial", trial)
        self.seed = seed
        self._step = _entry()
        self._arrivals: tuple[Any, ...] = UNKNOWN
        known = _tasks_of(tasks) if stream is None else stream
        self._rules, self._conflict = state.task_rules(known), known.competition
        self._hold()
        _begin(self._mind, self._person, self._elements, self._rules, seed, person, trial, *_FRESH)
        if stream is None:
            _assign(self._mind, self._person, int(focused), True)
            self._look(float(env.now))
        else:
            self._take(stream)

    def _assign(self, stream: TaskStream) -> None:
        """These are its tasks now; the elements of a known stream, too."""
        self._rules, self._conflict = state.task_rules(stream), stream.competition
        self._hold()
        self._take(stream)

    def _take(self, stream: TaskStream) -> None:
        """The elements of a known stream, whose tasks it has."""
        _assign(self._mind, self._person, int(stream.focused), True)
        self._room(len(stream.stimuli))
        mind = (self._person, self._rules, self._elements)
        _enlist_all(*mind, stream.jobs, stream.evidence, stream.supports)
        self._look(float(self._mind["now"][0]))

    def _arrives(self, stream: TaskStream, scale: Any) -> None:
        """What `_meet` brings: the rows of this stream; scale: what weighs each element."""
        self._arrivals = (stream.happens, stream.arrivals().value, scale)
        self._scale = dict(zip(stream.names, scale.tolist(), strict=True))
        self._hold()

    def _meet(self, moment: Moment) -> None:
        """All that arrives at one time: it cannot part what is simultaneous, and what comes next is asked for once."""
        self._settle(moment.time)
        self._turn(MEET, moment.time, moment.first, moment.last, 0.0)
        self._element.update(moment.shown)
        self._log.rows.extend(moment.told)
        self._plan()

    def _room(self, elements: int) -> None:
        """Room for so many elements."""
        if elements > len(self._elements):
            more = state.blank(max(elements, 2 * len(self._elements)))[1]
            more[: len(self._elements)] = self._elements
            self._elements = more
            self._hold()

    def _hold(self) -> None:
        """What every step is given: the same arrays until there are others."""
        mind = (self._mind, self._person, self._elements)
        self._own = (*mind, self._rules, self._conflict, *self._arrivals, *_ALL)

    def _turn(self, what: int, time: float, kind: int, x: int, value: float) -> None:
        """The clock moves to this time, the world may act (`_step`), and what comes next is looked up."""
        _, _, _, _, then, does, whom = self._step(*self._own, what, time, kind, x, value)
        self._planned = then, does, whom

    def _look(self, time: float) -> None:
        """The clock shows this time."""
        self._turn(LOOK, time, 0, -1, 0.0)

    # -- what the world does -------------------------------------------------------------------------------

    def show(
        self,
        name: str,
        weight: float = 1.0,
        *,
        distractor: bool = False,
        task: str | None = None,
        evidence: float = 1.0,
        supports: int = 0,
        says: int | None = None,
    ) -> None:
        """Element `name` appears now. A second showing is a new element and takes a new name.

        says: the old name of `supports`."""
        if says is not None:
            told("Mind.show(says=)", "supports", 3)
            supports = says
        task = next(iter(self._tasks)) if task is None else task
        if name in self._element:
            raise InputError(f"element {name!r} was shown already; give a second showing a name of its own")
        if len(self._element) >= MOST_ELEMENTS:
            raise InputError(f"a trial holds at most {MOST_ELEMENTS} elements, {name!r} is one too many")
        if task not in self._tasks:
            raise InputError(f"task of {name!r} must be one of {', '.join(self._tasks)}, got {shown(task)}")
        can_be_shown(name, weight, evidence, supports)
        kind = self._tasks[task]
        scale = race.weights(distractor, self.observer.alpha**kind.selected, kind.pertinence)
        x, job, own = len(self._element), list(self._tasks).index(task), float(scale)
        self._room(x + 1)
        _enlist(self._person, self._rules, self._elements, x, job, float(evidence), supports)
        self._element[name], self._scale[name] = (x, task), own
        self._act(kinds.ONSET, x, weight * own, float(self.env.now))

    def mask(self, name: str) -> None:
        """Element `name` is masked now: gone at once."""
        self._perceive(kinds.MASK, name, 0.0)

    def remove(self, name: str) -> None:
        """Element `name` is taken away unmasked: its image stays for the observer's persistence."""
        self._perceive(kinds.OFFSET, name, 0.0)

    def weigh(self, name: str, weight: float) -> None:
        """Element `name` matters more or less from now on (0 = ignored)."""
        number(f"weight of {name!r}", weight, least=0, most=MOST_WEIGHT)
        self._perceive(kinds.WEIGHT, name, weight * self._scale.get(name, 1.0))

    def forget(self, name: str) -> None:
        """Element `name` gives its slot back, if it holds one."""
        self._perceive(kinds.FORGET, name, 0.0)

    def fresh(self, trial: int) -> None:
        """The next trial begins now: nothing is shown or stored, alertness goes on; its chances are that trial's own.

        Names are free again, and what was waited for (`encoded`) does not come any more.
        """
        whole("trial", trial)
        before = self._element
        self._renew(trial, float(self.env.now))
        self._cut(before)
        self.trial, self._element, self._scale, self._waiting = trial, {}, {}, []
        self._encoded, self._answered = {}, {}
        self._plan()

    def close(self) -> None:
        """Write what is not yet written into the folder of `record`; the mind may live on."""
        self._cut(self._element)
        self._log.flush(self.person, list(self._tasks), 1)

    def _cut(self, elements: dict[str, tuple[int, str]]) -> None:
        self._log.cut(self.trial, elements)
        self._log.flush(self.person, list(self._tasks))

    def _note(self, time: float, kind: int, x: int, slot: int = -1) -> None:
        """This has happened."""
        rows = self._log.rows
        rows.append((time, kind, x, slot))
        if kind == _ENCODE:
            self._encoded[x] = time
        elif kind in _ANSWERS:
            self._answered[x] = time
        if len(rows) >= _CUT and self._log.bounded:
            self._cut(self._element)

    def work(self, load: float, memory: float = 0.0) -> None:
        """From now on the mind bears this load; 0 = it rests. Who comes back from rest is on task."""
        number("load", load, least=0, most=1e4)
        number("memory", memory, least=0, most=1e4)
        self._global(kinds.HOLD, memory)
        self._global(kinds.LOAD, load)

    def capture(self) -> None:
        """Something salient happens now: attention that is away comes back."""
        self._global(kinds.CAPTURE, 0.0)

    @property
    def alertness(self) -> float:
        """A now: 1 = rested. (Between events it moves by itself; this moves the mind's clock to now.)"""
        self._settle(float(self.env.now))
        self._look(float(self.env.now))
        return float(_alertness(self._mind, self._person))

    @property
    def on_task(self) -> bool:
        """Whether attention is on its task."""
        return bool(self._mind["on"][0])

    # -- what can be waited for and looked at ------------------------------------------------------------------

    def encoded(self, name: str) -> simpy.Event:
        """A SimPy event that happens when `name` enters the store (at once if it is there)."""
        return self._promise(name, name in self.stored)

    def any_encoded(self) -> simpy.Event:
        """A SimPy event that happens when the next element enters the store."""
        return self._promise(None, False)

    @property
    def stored(self) -> tuple[str, ...]:
        """What the store holds now, slot by slot."""
        phase, slot = self._elements["phase"].tolist(), self._elements["slot"].tolist()
        held = [(slot[x], name) for name, (x, _) in self._element.items() if phase[x] == STORED]
        return tuple(name for _, name in sorted(held))

    @property
    def encoded_at(self) -> dict[str, float]:
        """When each element of this trial that the store ever took entered it, s."""
        names = {x: name for name, (x, _) in self._element.items()}
        return {names[x]: time for x, time in self._encoded.items()}

    @property
    def answered(self) -> dict[str, float]:
        """When each stimulus of this trial that asked for a choice was answered, or an item was recalled, s."""
        names = {x: name for name, (x, _) in self._element.items()}
        return {names[x]: time for x, time in self._answered.items() if x in names}

    @property
    def events(self) -> pd.DataFrame:
        """The event record so far, of all trials; of a long world its last events, if no folder keeps all."""
        if self._log.forgotten:
            warnings.warn(
                f"the record holds the last {len(self._log):,} events, {self._log.forgotten:,} before them are gone: "
                "Mind(record=FOLDER) keeps all, Mind(keep=...) more of them",
                stacklevel=2,
            )
        return self._log.frame(self.person, self.trial, self._element, list(self._tasks))

    # -- how it is driven ----------------------------------------------------------------------------------------

    def _promise(self, name: str | None, kept: bool) -> simpy.Event:
        event = self.env.event()
        if kept:
            event.succeed(name)
        else:
            self._waiting.append((name, event))
        return event

    def _perceive(self, kind: int, name: str, value: float, time: float | None = None) -> None:
        if name not in self._element:
            shown = ", ".join(self._element) or "(none yet)"
            raise InputError(f"no element {name!r} has been shown; shown are {shown}")
        self._act(kind, self._element[name][0], value, float(self.env.now) if time is None else time)

    def _act(self, kind: int, x: int, value: float, time: float, note: bool = True) -> None:
        """The world does something, to element x or (-1) to the whole mind."""
        self._settle(time)
        self._turn(ACT, time, kind, x, value)
        if note:
            self._note(time, kind, x)
        self._plan()

    def _global(self, kind: int, value: float, time: float | None = None, note: bool = True) -> None:
        """The world does something to the whole mind."""
        self._act(kind, -1, value, float(self.env.now) if time is None else time, note)

    def _settle(self, time: float) -> None:
        """Catch up with all that lies strictly before `time`: a wake-up may be late by a rounding."""
        while self._planned[0] < time:
            self._do(*self._planned)

    def _renew(self, trial: int, time: float) -> None:
        """Its chances and elements from now on are those of another trial; alertness and the clock go on."""
        self._settle(time)
        self._look(time)
        _fresh(self._mind, self._person, self._elements, self._rules, self.seed, self.person, trial, *_FRESH)
        self._look(time)

    def _do(self, t: float, kind: int, x: int) -> None:
        """The mind does what it planned."""
        kind, who, slot, busy, then, does, whom = self._step(*self._own, DO, t, kind, x, 0.0)
        self._planned = then, does, whom
        self._note(t, kind, who, slot)
        if kind == _ENCODE and self._waiting:
            self._keep_promises(x)
        if kind == _RESPOND and busy == 0 and self._on_response is not None:
            self._on_response(t)

    def _keep_promises(self, x: int) -> None:
        name = next(n for n, (at, _) in self._element.items() if at == x)
        due = [e for wanted, e in self._waiting if wanted in (None, name)]
        self._waiting = [(w, e) for w, e in self._waiting if e not in due]
        for event in due:
            event.succeed(name)

    def _plan(self) -> None:
        """Put the mind's next event into SimPy's list; a wake-up planned before is void.

        SimPy's clock adds delays, so it can miss a planned time by a rounding and part what is simultaneous.
        A stream that is known beforehand therefore says when it will act next, and the mind leaves it the word.
        """
        t = self._planned[0]
        self._wake = None
        if t < self._world_acts and t < math.inf:
            self._wake = _WakeUp(self.env, self._planned, self._woken)

    def _woken(self, wake: _WakeUp) -> None:
        """The time of a wake-up has come. What is planned for the same moment needs none of its own, if nobody else
        does anything then: it would be the next thing in SimPy's list."""
        if self._wake is not wake:
            return
        env, (t, kind, x) = self.env, wake.planned
        if not t < self._world_acts:
            return
        if t <= wake.far:
            self._do(t, kind, x)
            t = self._planned[0]
            while t <= env.now and t < self._world_acts and env.peek() > env.now:
                self._do(*self._planned)
                t = self._planned[0]
        self._plan()


doors(__name__, first=True)  # what is refused has changed nothing
