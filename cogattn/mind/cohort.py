"""A compiled loop drives a population: the same events, from the same draws, as fast as a loop written for one task.

A sitting is one mind in a session: trials one after another, with pauses between them (`watch`); a single display is
a session of one trial (`play`). The loop merges each mind's `next_event` with the sorted arrivals of its trials, in
threads (it holds no lock). A trial's numbers depend on its own address alone, so cutting the work differently changes
nothing; what a stream does not use is compiled out (`state.used`). What it cannot express it refuses by name: a world
that answers back is SimPy's (`mind.world`).

>>> from cogattn.observer import Observer
>>> from cogattn.world.stream import display
>>> out = play(display(targets=6, exposure=0.2), [Observer(slots=3.0)], person=0, trial=range(1000))
>>> out.stored.sum(1).max()                     # never more than K of 6
np.int64(3)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from cogattn.compiled import compiled
from cogattn.errors import InputError, whole
from cogattn.mind import alertness, engine, events, race, state, store
from cogattn.mind.draws import _key, trial_keys
from cogattn.mind.phases import GONE, LOST, RACING, STORED, WAITING
from cogattn.observer import Observer
from cogattn.population import People
from cogattn.world.kinds import (
    CALL,
    CHOOSE,
    DECAY,
    DISPLACE,
    ENCODE,
    END,
    EXPIRE,
    FORGET,
    FOUND,
    FULL,
    LOAD,
    ONSET,
    QUIT,
    RESPOND,
    WEIGHT,
)
from cogattn.world.stream import CALLED, MOST_TASKS, Session, TaskStream

_CHUNK = 8192  # trials a thread takes at a time
WATCH = 2**31 - 1  #: the number of the trial whose address holds the chances that outlast a trial
VISIT = 1048576  #: trials of one sitting at most: the j-th of the v-th sitting has the number v * VISIT + j

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Fate:
    """More about every element: arrays (..., trials, elements) of times within the trial, s; NaN = never."""

    encoded: npt.NDArray[np.float64]  # when it entered the store
    left: npt.NDArray[np.float64]  # when it left the store again
    seems: npt.NDArray[np.float64]  # when it seems to have come: decides in which order items are reported
    minded: npt.NDArray[np.bool_]  # attention was on its task when it entered; of a search: it was looked at
    chosen: npt.NDArray[np.float64]  # when its response was chosen (or it was counted)
    answered: npt.NDArray[np.float64]  # when the response came
    right: npt.NDArray[np.bool_]  # and it was the right one

    @classmethod
    def none(cls, *shape: int) -> Fate:
        """Nothing has happened yet."""
        times = [np.full(shape, np.nan) for _ in range(5)]
        flags = [np.zeros(shape, np.bool_) for _ in range(2)]
        return cls(times[0], times[1], times[2], flags[0], times[3], times[4], flags[1])

    def arrays(self) -> tuple[Array, ...]:
        """As the compiled loop takes them."""
        return (self.encoded, self.left, self.seems, self.minded, self.chosen, self.answered, self.right)

    def of_trials(self) -> Fate:
        """Of sittings of one trial: (trials, elements)."""
        return Fate(*(a[:, 0] for a in self.arrays()))


@dataclass(frozen=True)
class Outcome:
    """What became of every element in every trial. Arrived = stored + missed + censored, element by element."""

    stored: npt.NDArray[np.bool_]  # (trials, elements) in the store at the end
    finish: npt.NDArray[np.float64]  # (trials, elements) when it was categorised, s; inf = never
    censored: npt.NDArray[np.bool_]  # (trials, elements) the trial ended while it was still under way
    events: pd.DataFrame | None = None  # the event record, if asked for
    fate: Fate | None = None  # more about each element, if asked for


@dataclass(frozen=True)
class Watched:
    """What became of every trial of every person's session: arrays (people, trials)."""

    start: npt.NDArray[np.float64]  # when the trial began, s
    rt: npt.NDArray[np.float64]  # response time from the call, s; NaN = no response
    right: npt.NDArray[np.bool_]  # the call was answered (or left alone) as its task asked
    alertness: npt.NDArray[np.float64]  # A at the trial's start
    on_task: npt.NDArray[np.bool_]  # attention was on the task then
    criterion: npt.NDArray[np.float64]  # how far the criterion had adapted, 0..1
    stored: npt.NDArray[np.bool_]  # (people, trials, elements) in the store at the trial's end
    keys: npt.NDArray[np.uint64]  # the address of each trial's chances
    slip: npt.NDArray[np.float64]  # (people,) how often a wrong key is pressed
    events: pd.DataFrame | None = None
    fate: Fate | None = None  # more about each element (people, trials, elements), if asked for


# -- the loop ------------------------------------------------------------------------------------------------------


class Streams(NamedTuple):
    """Streams end to end, as the loop takes them."""

    times: Array
    kinds: Array
    elements: Array
    values: Array
    starts: Array  # (streams + 1) where each begins in these columns
    rules: Array  # (streams, tasks) of TASK
    conflict: Array  # (streams, tasks, tasks)
    tasks: Array  # (streams,) how many tasks
    focused: Array  # (streams,)
    job: Array  # (streams, elements)
    evidence: Array
    says: Array
    size: Array  # (streams,) how many elements


class Sittings(NamedTuple):
    """Who sits, and where their chances are: an entry per sitting."""

    number: Array  # the person's number: his address
    who: Array  # his row among the people
    life: Array  # the number of the trial at whose address the chances are that outlast a trial
    first: Array  # the number of his first trial
    row: Array  # the row of the plan that he takes


class Planned(NamedTuple):
    """What each row of the plan shows and when: arrays (rows, trials)."""

    which: Array
    gap: Array
    rest: Array
    rest_load: Array


class Work(NamedTuple):
    """What holds for a whole session."""

    load: float
    memory: float
    sleepiness: float
    self_paced: bool


class Made(NamedTuple):
    """What the loop writes: arrays (sittings, trials) and (sittings, trials, elements); of no size where not wanted."""

    start: Array
    rt: Array
    right: Array
    level: Array
    on: Array
    shift: Array
    stored: Array
    finish: Array
    censored: Array


_EVENT = np.dtype([("time", np.float64), ("kind", np.int64), ("element", np.int64), ("slot", np.int64)])


@compiled(nogil=True)
def _sit(  # type: ignore[no-untyped-def]
    mind, e, begin_at, end_at, seed, people, sittings, planned, work, world, scale, given, made, fate, log, length,
    tired, keep, answer, hunt, tell, turn,
):  # fmt: skip
    """Sittings begin_at..end_at: the mind's events strictly before each arrival, then the arrival.

    A trial's arrivals are preceded by two of its session: a rest begins, work goes on. There is one place where a mind
    is asked what comes next, whatever comes.
    """
    m = mind[0]
    number, who, life, first, rows = sittings
    which, gap, rest, rest_load = planned
    load, memory, sleepiness, self_paced = work
    (
        times,
        kinds,
        elements,
        values,
        starts,
        all_rules,
        all_conflict,
        tasks,
        focused,
        job,
        evidence,
        says,
        size,
    ) = world
    start, rt, right, level, on, shift, stored, finish, censored = made
    details, record, ends = fate[0].size > 0, log.size > 0, finish.size > 0
    last_who, last_stream, begin, called = np.int64(-1), np.int64(-1), 0.0, 0.0
    rules, conflict = all_rules[0, : tasks[0]], all_conflict[0]
    session = tired is not None and start.size > 0
    pauses = 2 if session else 0
    for i in range(begin_at, end_at):
        w, row, count = who[i], rows[i], 0
        p = people[w]
        engine.begin(m, p, e, rules, seed, number[i], life[i], tired, answer, hunt, tell)
        for j in range(which.shape[1]):
            s = which[row, j]
            answered = False
            for a in range(starts[s] - pauses, starts[s + 1]):
                pause, then = a - starts[s], 0.0
                if tired is not None and pause < 0:
                    if pause == -2:
                        if j == 0:
                            _at_work(m, p, focused[s], sleepiness, load, memory, turn)
                        if not rest[row, j] > 0.0:
                            continue
                        alertness.set_load(m, p, rest_load[row, j])
                        count = _note(m, e, log, i, count, LOAD, -1, record)
                        alertness.set_memory(m, p, 0.0)
                        then = m.now + rest[row, j]
                    else:
                        if rest[row, j] > 0.0:
                            alertness.set_load(m, p, load)
                            count = _note(m, e, log, i, count, LOAD, -1, record)
                            alertness.set_memory(m, p, memory)
                        then = begin = m.now + gap[row, j]
                else:
                    if pause == 0:  # the trial begins
                        begin = begin if session else m.now
                        if s != last_stream or w != last_who:
                            last_who, last_stream = w, s
                            rules, conflict = all_rules[s, : tasks[s]], all_conflict[s]
                            for x in range(size[s]):
                                race.enlist(p, rules[job[s, x]], e[x], job[s, x], evidence[s, x], says[s, x])
                        key = _key(seed, number[i], first[i] + j)
                        engine.fresh(m, p, e, rules, key, tired, answer, hunt, tell)
                        engine.assign(m, p, focused[s], turn)
                        if tired is not None and session:
                            start[i, j], level[i, j] = begin, alertness.alertness(m, p)
                            on[i, j], shift[i, j] = m.on == 1, m.x[alertness.SHIFT]
                            right[i, j] = True
                        called = begin
                    then = begin + times[a]
                while then > m.now:
                    t, kind, x = engine.next_event(
                        m, p, e, rules, conflict, tired, keep, answer, hunt, tell, turn
                    )
                    if not t < then:
                        break
                    engine.advance(m, p, e, rules, conflict, tired, answer, hunt, tell, turn, t)
                    kind = engine.apply(
                        m, p, e, rules, conflict, tired, keep, answer, hunt, tell, turn, kind, x
                    )
                    if record:
                        count = _note(m, e, log, i, count, kind, m.who, record)
                    if pause >= 0:
                        if ends and (kind == ENCODE or kind == FULL):
                            finish[i, j, x] = t
                        if details:
                            _tell(m, p, e, fate, i, j, kind, t, begin)
                        if tired is not None and session:
                            if kind == RESPOND:
                                if np.isnan(rt[i, j]):
                                    rt[i, j] = t - called
                                if self_paced and m.busy == 0:
                                    answered = True
                                    break
                if answered:
                    break
                engine.advance(m, p, e, rules, conflict, tired, answer, hunt, tell, turn, then)
                if pause >= 0:
                    kind, x = kinds[a], elements[a]
                    if kind != END:
                        value = values[a]
                        if kind == ONSET or kind == WEIGHT:
                            value *= given[i, j, x] if given.size > 0 else scale[w, s, x]
                        engine.perceive(m, p, e, rules, conflict, tired, turn, kind, x, value)
                        if tired is not None and session:
                            if kind == CALL:
                                called = then
                                right[i, j] = m.answer_ok == 1
                    m.who = x
                    if details:
                        _tell(m, p, e, fate, i, j, kind, then, begin)
                    if record:
                        count = _note(m, e, log, i, count, kind, x, record)
            for x in range(m.n):
                stored[i, j, x] = e[x].phase == STORED
                if ends:
                    censored[i, j, x] = e[x].phase == WAITING or e[x].phase == RACING
        if record:
            length[i] = count


@compiled(inner=True)
def _at_work(m, p, focused, sleepiness, load, memory, turn):  # type: ignore[no-untyped-def]
    """A session begins."""
    engine.assign(m, p, focused, turn)
    alertness.set_day(m, p, sleepiness)
    alertness.set_memory(m, p, memory)
    alertness.set_load(m, p, load)


@compiled(inner=True)
def _note(m, e, log, i, count, kind, who, record):  # type: ignore[no-untyped-def]
    """A row of the record, now, about `who`. Rows for which there is no room are counted: then there will be."""
    if not record:
        return count
    if count < log.shape[1]:
        m.who = who
        row = log[i, count]
        row.time = m.now
        row.kind = kind
        row.element, row.slot = engine.about(m, e, kind)
    return count + 1


@compiled(inner=True)
def _tell(m, p, e, fate, i, j, kind, t, begin):  # type: ignore[no-untyped-def]
    """What this event means for the fate of the element that it was about."""
    encoded, left, seems, minded, chosen, answered, right = fate
    x = m.who
    if kind == ENCODE:
        encoded[i, j, x] = t - begin
        left[i, j, x] = np.nan
        seems[i, j, x] = store.seems(m, p, e, x) - begin
        minded[i, j, x] = m.on == 1
    elif kind == FOUND or kind == QUIT:
        if kind == FOUND:
            encoded[i, j, x] = t - begin
        for z in range(m.n):  # what a search has looked at
            minded[i, j, z] = e[z].phase == LOST and e[z].job == e[m.hunter].job
    elif kind == DISPLACE or kind == DECAY:
        left[i, j, x] = t - begin
    elif kind == CHOOSE:
        chosen[i, j, x] = left[i, j, x] = t - begin
        right[i, j, x] = e[x].right == 1
    elif kind == RESPOND:
        answered[i, j, x] = t - begin
    elif kind == FORGET or kind == EXPIRE:
        held = not np.isnan(encoded[i, j, x]) and np.isnan(left[i, j, x])
        if held and e[x].phase == GONE:
            left[i, j, x] = t - begin


def _played(
    sittings: Sittings,
    planned: Planned,
    work: Work,
    streams: Sequence[TaskStream],
    people: Array,
    scale: Array,
    given: Array,
    made: Made,
    fate: Fate,
    *,
    seed: int,
    record: bool,
    n_jobs: int,
    tired: bool,
    step: int,
) -> tuple[Array, Array]:
    """Let the loop run, in threads; the log of every sitting and its length."""
    world, n = end_to_end(streams), len(sittings.who)
    mechanisms = state.used(streams, people, tired)
    most = max(len(s.stimuli) for s in streams)
    room = planned.which.shape[1] * (8 + 4 * int(np.diff(world.starts).max())) if record else 0

    def loop(first: int) -> None:
        m, e = state.blank(most)
        _sit(m, e, first, min(first + step, n), seed, people, *map(tuple, (sittings, planned, work, world)),
             scale, given, tuple(made), fate.arrays(), log, length, *mechanisms)  # fmt: skip

    while True:
        log, length = np.zeros((n if record else 0, room), _EVENT), np.zeros(n if record else 0, np.int64)
        _in_threads(loop, range(0, n, step), n_jobs)
        if not record or length.max() <= room:
            return log, length
        room = int(length.max())  # more happened than was expected: once more, with room for it
        for array in (made.rt, *fate.arrays()):
            array[...] = np.nan if array.dtype.kind == "f" else False


def _in_threads(work: Callable[[int], None], firsts: Sequence[int], n_jobs: int) -> None:
    if n_jobs == 1 or len(firsts) == 1:
        for first in firsts:
            work(first)
    else:
        with ThreadPoolExecutor(n_jobs) as pool:
            list(pool.map(work, firsts))


def end_to_end(streams: Sequence[TaskStream]) -> Streams:
    """What the compiled loop has to know of the streams."""
    tables = [s.arrivals() for s in streams]
    columns = [np.concatenate([t[i] for t in tables]) for i in range(4)]
    starts = np.cumsum([0, *(len(t.time) for t in tables)])
    n, most = len(streams), max(len(s.stimuli) for s in streams)
    rules = np.zeros((n, MOST_TASKS), state.TASK)
    conflict = np.zeros((n, MOST_TASKS, MOST_TASKS))
    job, evidence, says = np.zeros((n, most), np.int64), np.zeros((n, most)), np.zeros((n, most), np.int64)
    for i, s in enumerate(streams):
        t, k = len(s.tasks), len(s.stimuli)
        rules[i, :t], conflict[i, :t, :t] = state.task_rules(s), s.competition
        job[i, :k], evidence[i, :k], says[i, :k] = s.jobs, s.evidence, s.says
    times, kind, element, value = columns
    return Streams(
        times, kind, element, value, starts, rules, conflict, np.array([len(s.tasks) for s in streams], np.int64),
        np.array([s.focused for s in streams], np.int64), job, evidence, says,
        np.array([len(s.stimuli) for s in streams], np.int64),
    )  # fmt: skip


def weights_of(streams: Sequence[TaskStream], people: Array) -> Array:
    """(people, streams, elements): what each person makes of each element, rested."""
    out = np.zeros((len(people), len(streams), max(len(s.stimuli) for s in streams)))
    for i, stream in enumerate(streams):
        out[:, i, : len(stream.stimuli)] = stream.weights(people["alpha"])
    return out


def columns_of(observers: Sequence[Observer] | People) -> Array:
    """The people as rows of PERSON, one after the other in memory."""
    rows: Array = np.ascontiguousarray(People.of(observers).rows).view()
    rows.setflags(write=False)
    return rows


# -- single displays -----------------------------------------------------------------------------------------------


def play(
    streams: TaskStream | Sequence[TaskStream],
    observers: Sequence[Observer] | People,
    *,
    person: npt.ArrayLike,
    trial: npt.ArrayLike,
    seed: int = 0,
    weights: npt.ArrayLike | None = None,
    which: npt.ArrayLike | None = None,
    record: bool = False,
    n_jobs: int = 1,
    details: bool = False,
    first: int = 0,
) -> Outcome:
    """Play trials: `person` and `trial` broadcast, one entry per trial; `observers[person]` takes it.

    `which` says which of several streams a trial shows (all show the first by default). `weights`
    (trials, elements) replaces the weights that the streams give, e.g. by a network's own. `details`: the Fate of
    each element. `first`: the number of the first observer, the address of his chances (person 0 is `observers[0]`).
    """
    streams = [streams] if isinstance(streams, TaskStream) else list(streams)
    who, number = np.broadcast_arrays(_integers("person", person), _integers("trial", trial))
    who, number = np.ascontiguousarray(who).reshape(-1), np.ascontiguousarray(number).reshape(-1)
    shows = np.zeros(len(who), np.int64) if which is None else _integers("which", which).reshape(-1)
    _check(streams, observers, who, shows)
    seed, n_jobs = whole("seed", seed, most=2**63 - 1), whole("n_jobs", n_jobs, least=1, most=1024)
    people = columns_of(observers)
    n, elements = len(who), max(len(s.stimuli) for s in streams)
    nothing, none = np.zeros((0, 0)), np.zeros((0, 0), np.bool_)
    scale, given = np.zeros((0, 0, 0)), np.zeros((0, 0, 0))
    if weights is None:
        scale = weights_of(streams, people)
    else:
        given = _given(weights, n, elements)[:, None]
    shape = (n, 1, elements)
    made = Made(
        nothing, nothing, none, nothing, none, nothing,
        np.zeros(shape, np.bool_), np.full(shape, np.inf), np.zeros(shape, np.bool_),
    )  # fmt: skip
    fate = Fate.none(*shape) if details else Fate.none(0, 0, 0)
    rows = np.arange(n)
    log, length = _played(
        Sittings(who + first if first else who, who, number, number, rows),
        Planned(shows[:, None], nothing, nothing, nothing),
        Work(0.0, 0.0, 0.0, False),
        streams, people, scale, given, made, fate,
        seed=seed, record=record, n_jobs=n_jobs, tired=False, step=_CHUNK,
    )  # fmt: skip
    told = _event_frame(streams, who, number, shows, log, length) if record else None
    return Outcome(
        made.stored[:, 0], made.finish[:, 0], made.censored[:, 0], told, fate.of_trials() if details else None
    )


def _integers(name: str, value: npt.ArrayLike) -> npt.NDArray[np.int64]:
    a = np.asarray(value)
    if a.size and a.dtype.kind not in "iu":
        raise InputError(f"{name} must be whole numbers, got {a.dtype} values")
    if a.size and not (a.min() >= 0 and a.max() < 2**31):
        raise InputError(f"{name} must be from 0 to {2**31 - 1}, got {a.min()}..{a.max()}")
    return a.astype(np.int64, copy=False)


def _check(
    streams: list[TaskStream],
    observers: Sequence[Observer] | People,
    person: npt.NDArray[np.int64],
    which: npt.NDArray[np.int64],
) -> None:
    if not streams or not len(observers) or not len(person):
        raise InputError("a cohort needs at least one stream, one observer and one trial")
    for stream in streams:
        if any(t.response in CALLED for t in stream.tasks):
            raise InputError(
                "speeded responses belong to a Session (its trials may end with them); play it with watch"
            )
        for name in stream.open_stimuli:
            raise InputError(
                f"the mask of {name!r} is a process that runs in the world; the compiled loop knows only times. "
                "Play this stream with cogattn.mind.world.play"
            )
    if person.max() >= len(observers):
        raise InputError(f"person must be from 0 to {len(observers) - 1}, got {person.min()}..{person.max()}")
    if len(which) != len(person) or which.max() >= len(streams):
        raise InputError(
            f"which must give a stream from 0 to {len(streams) - 1} for each of {len(person)} trials"
        )


def _given(weights: npt.ArrayLike, trials: int, elements: int) -> npt.NDArray[np.float64]:
    w = np.ascontiguousarray(weights, np.float64)
    if w.shape != (trials, elements):
        raise InputError(f"weights must have shape {(trials, elements)} (trials, elements), got {w.shape}")
    if not np.isfinite(w).all() or (w < 0).any():
        raise InputError("weights must be finite and >= 0; some are not (an empty place takes weight 0)")
    return w


def _event_frame(
    streams: list[TaskStream],
    person: npt.NDArray[np.int64],
    trial: npt.NDArray[np.int64],
    which: npt.NDArray[np.int64],
    log: npt.NDArray[np.void],
    length: npt.NDArray[np.int64],
) -> pd.DataFrame:
    """The rows that were filled, stream by stream (elements are named by their stream), in order of trials."""
    keep = np.arange(log.shape[1]) < length[:, None]
    parts = []
    for s, stream in enumerate(streams):
        own = which == s
        if own.any():
            row, mask = log[own][keep[own]], keep[own]
            who = np.repeat(person[own], mask.sum(1)), np.repeat(trial[own], mask.sum(1))
            columns = (row["time"], row["kind"], row["element"], row["slot"])
            jobs = [x.task for x in stream.stimuli]
            every = [t.name for t in stream.tasks]
            parts.append(events.frame(*who, *columns, names=stream.names, tasks=jobs, task_names=every))
    if len(parts) == 1:
        return parts[0]
    return pd.concat([p.astype({"element": str, "task": str}) for p in parts], ignore_index=True)


# -- sessions ------------------------------------------------------------------------------------------------------


def watch(
    session: Session,
    observers: Sequence[Observer] | People,
    *,
    number: npt.ArrayLike | None = None,
    visit: int = 0,
    seed: int = 0,
    weights: npt.ArrayLike | None = None,
    record: bool = False,
    n_jobs: int = 1,
    details: bool = False,
) -> Watched:
    """Let each observer sit through the session; the i-th takes the session's i-th row (or the one that all share).

    `number[i]` is his number, the address of his chances (by default i); `visit` tells repeated sittings apart.
    `weights` (people, trials, elements): a network's own. `details`: the Fate of each element.
    """
    if not len(observers):
        raise InputError("a session needs at least one observer")
    people = columns_of(observers)
    who = np.arange(len(people)) if number is None else _integers("number", number).reshape(-1)
    if len(who) != len(people):
        raise InputError(f"number must name each of {len(people)} observers, got {len(who)}")
    rows = np.array([session.row(i) for i in range(len(who))], np.int64)
    seed, n_jobs = whole("seed", seed, most=2**63 - 1), whole("n_jobs", n_jobs, least=1, most=1024)
    visit = whole("visit", visit, most=2047)
    if session.trials > VISIT:
        raise InputError(f"a session holds at most {VISIT} trials, got {session.trials}")
    if len(session.tasks) > MOST_TASKS:
        raise InputError(f"a mind does at most {MOST_TASKS} tasks, got {len(session.tasks)}")
    streams = list(session.streams)
    elements, n = max(len(s.stimuli) for s in streams), session.trials
    shape, nothing = (len(who), n), np.zeros((0, 0, 0))
    if weights is None:
        scale, given = weights_of(streams, people), nothing
    else:
        scale, given = nothing, np.ascontiguousarray(weights, float)
        if given.shape != (*shape, elements) or not np.isfinite(given).all() or (given < 0).any():
            raise InputError(
                f"weights must be finite, >= 0, of shape {(*shape, elements)}, got {given.shape}"
            )
    times = [np.full(shape, np.nan) for _ in range(4)]
    made = Made(
        times[0], times[1], np.zeros(shape, np.bool_), times[2], np.zeros(shape, np.bool_), times[3],
        np.zeros((*shape, elements), np.bool_), nothing, np.zeros((0, 0, 0), np.bool_),
    )  # fmt: skip
    fate = Fate.none(*shape, elements) if details else Fate.none(0, 0, 0)
    log, length = _played(
        Sittings(who, np.arange(len(who)), np.full(len(who), WATCH - visit), np.full(len(who), visit * VISIT), rows),
        Planned(session.which, session.gap, session.rest, session.rest_load),
        Work(float(session.load), float(session.memory_load), float(session.sleepiness), bool(session.self_paced)),
        streams, people, scale, given, made, fate,
        seed=seed, record=record, n_jobs=n_jobs, tired=True,
        step=max(1, min(_CHUNK // max(1, n), -(-len(who) // n_jobs))) if n_jobs > 1 else len(who),
    )  # fmt: skip
    told = watch_events(session, who, log, length) if record else None
    keys = trial_keys(seed, who[:, None], visit * VISIT + np.arange(n))
    return Watched(
        made.start, made.rt, made.right, made.level, made.on, made.shift, made.stored, keys, people["slip"].copy(),
        told, fate if details else None,
    )  # fmt: skip


def watch_events(
    session: Session, who: npt.NDArray[np.int64], log: npt.NDArray[np.void], length: npt.NDArray[np.int64]
) -> pd.DataFrame:
    """The record of the people's sessions; an element's name is that of its number in the first stream that has it."""
    longest = max(session.streams, key=lambda s: len(s.stimuli))
    keep = np.arange(log.shape[1]) < length[:, None]
    row = log[keep]
    return events.frame(
        np.repeat(who, length), 0, row["time"], row["kind"], row["element"], row["slot"],
        names=longest.names, tasks=[s.task for s in longest.stimuli], task_names=[t.name for t in session.tasks],
    )  # fmt: skip


__all__ = [
    "WATCH",
    "Fate",
    "Outcome",
    "Watched",
    "columns_of",
    "end_to_end",
    "play",
    "watch",
    "watch_events",
    "weights_of",
]
