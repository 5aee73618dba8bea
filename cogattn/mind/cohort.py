"""A compiled loop drives a population: the same events, from the same draws, about a thousand times as fast.

It merges each mind's `next_event` with a sorted list of arrivals, trial by trial, in threads (the loop holds no
lock). A trial's numbers depend on its own address alone, so cutting the work differently changes nothing. What
it cannot express it refuses by name: a world that answers back is SimPy's (`mind.world`).

>>> from cogattn.observer import Observer
>>> from cogattn.world.stream import display
>>> out = play(display(targets=6, exposure=0.2), [Observer(slots=3.0)], person=0, trial=range(1000))
>>> out.stored.sum(1).max()                     # never more than K of 6
np.int64(3)
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from numba import njit

from cogattn.errors import InputError, whole
from cogattn.mind import events, mind
from cogattn.mind.draws import trial_keys
from cogattn.mind.mind import (
    CHOOSE,
    DECAY,
    DISPLACE,
    ENCODE,
    FOUND,
    FULL,
    GONE,
    LOST,
    QUIT,
    RACING,
    RESPOND,
    STATE,
    WAITING,
)
from cogattn.observer import Observer
from cogattn.world.stream import (
    CALL,
    CALLED,
    END,
    EXPIRE,
    FORGET,
    HOLD,
    LOAD,
    MOST_TASKS,
    ONSET,
    RESPONSES,
    SLEEPINESS,
    WEIGHT,
    WHEN_FULL,
    Session,
    TaskStream,
)

_CHUNK = 8192  # trials a thread takes at a time


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

    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        """As the compiled loops take them."""
        return (self.encoded, self.left, self.seems, self.minded, self.chosen, self.answered, self.right)


@dataclass(frozen=True)
class Outcome:
    """What became of every element in every trial. Arrived = stored + missed + censored, element by element."""

    stored: npt.NDArray[np.bool_]  # (trials, elements) in the store at the end
    finish: npt.NDArray[np.float64]  # (trials, elements) when it was categorised, s; inf = never
    censored: npt.NDArray[np.bool_]  # (trials, elements) the trial ended while it was still under way
    events: pd.DataFrame | None = None  # the event record, if asked for
    fate: Fate | None = None  # more about each element, if asked for


def play(
    streams: TaskStream | Sequence[TaskStream],
    observers: Sequence[Observer],
    *,
    person: npt.ArrayLike,
    trial: npt.ArrayLike,
    seed: int = 0,
    weights: npt.ArrayLike | None = None,
    which: npt.ArrayLike | None = None,
    record: bool = False,
    n_jobs: int = 1,
    details: bool = False,
) -> Outcome:
    """Play trials: `person` and `trial` broadcast, one entry per trial; `observers[person]` takes it.

    `which` says which of several streams a trial shows (all show the first by default). `weights`
    (trials, elements) replaces the weights that the streams give, e.g. by a network's own. `details`: the Fate of
    each element.
    """
    streams = [streams] if isinstance(streams, TaskStream) else list(streams)
    person, trial = np.broadcast_arrays(_integers("person", person), _integers("trial", trial))
    person, trial = person.reshape(-1).copy(), trial.reshape(-1).copy()
    which_ = np.zeros(len(person), np.int64) if which is None else _integers("which", which).reshape(-1)
    _check(streams, observers, person, which_)
    seed, n_jobs = whole("seed", seed, most=2**63 - 1), whole("n_jobs", n_jobs, least=1, most=1024)
    table, starts = _arrivals(streams)
    elements = max(len(s.stimuli) for s in streams)
    w = (
        _weights(streams, observers, person, which_, elements)
        if weights is None
        else _given(weights, person, elements)
    )
    crowd, jobs = crowd_of(observers), jobs_of(streams)
    n = len(person)
    fate = Fate.none(n, elements) if details else Fate.none(0, 0)
    stored, censored = np.zeros((n, elements), np.bool_), np.zeros((n, elements), np.bool_)
    finish = np.full((n, elements), np.inf)
    cap = max(_room(s, observers) for s in streams) if record else 1
    log = np.zeros((n if record else 1, cap), _EVENT)
    length = np.zeros(n if record else 1, np.int64)

    def work(first: int) -> None:
        last = min(first + _CHUNK, n)
        state = np.zeros(1, STATE).view(np.recarray)
        _run(state[0], first, last, seed, person, trial, which_, crowd, jobs, *table, starts, w, stored, finish,
             censored, fate.arrays(), record, log, length)  # fmt: skip

    firsts = range(0, n, _CHUNK)
    if n_jobs == 1 or len(firsts) == 1:
        for first in firsts:
            work(first)
    else:
        with ThreadPoolExecutor(n_jobs) as pool:
            list(pool.map(work, firsts))
    rows = _event_frame(streams, person, trial, which_, log, length) if record else None
    return Outcome(stored, finish, censored, rows, fate if details else None)


_EVENT = np.dtype([("time", np.float64), ("kind", np.int64), ("element", np.int64), ("slot", np.int64)])


@njit(cache=True, nogil=True)
def _run(  # type: ignore[no-untyped-def]
    m, first, last, seed, person, trial, which, crowd, jobs,
    times, kinds, elements, values, starts, weights, stored, finish, censored, fate, record, log, length
):  # fmt: skip
    """Trials first..last: the mind's events strictly before each arrival, then the arrival."""
    for i in range(first, last):
        p = person[i]
        mind.begin(m, seed, p, trial[i], crowd[p])
        _assign(m, jobs, which[i])
        count = 0
        for a in range(starts[which[i]], starts[which[i] + 1]):
            while times[a] > m.now:
                t, kind, x = mind.next_event(m)
                if not t < times[a]:
                    break
                mind.advance(m, t)
                kind = mind.apply(m, kind, x)
                if kind == ENCODE or kind == FULL:
                    finish[i, x] = t
                if fate[0].shape[0] > 0:
                    _tell(m, fate, i, kind, t, 0.0)
                if record:
                    _note(m, log[i, count], kind)
                    count += 1
            mind.advance(m, times[a])
            kind, x = kinds[a], elements[a]
            if kind != END:
                value = values[a]
                if kind == ONSET or kind == WEIGHT:
                    value *= weights[i, x]
                mind.perceive(m, kind, x, value)
            m.who = x
            if fate[0].shape[0] > 0:
                _tell(m, fate, i, kind, times[a], 0.0)
            if record:
                _note(m, log[i, count], kind)
                count += 1
        if record:
            length[i] = count
        for x in range(m.n):
            stored[i, x] = m.phase[x] == mind.STORED
            censored[i, x] = m.phase[x] == WAITING or m.phase[x] == RACING


@njit(cache=True)
def _note(m, row, kind):  # type: ignore[no-untyped-def]
    """A row of the record, now, about `who`."""
    row.time = m.now
    row.kind = kind
    row.element, row.slot = mind.about(m, kind)


@njit(cache=True)
def _tell(m, fate, i, kind, t, begin):  # type: ignore[no-untyped-def]
    """What this event means for the fate of the element that it was about."""
    encoded, left, seems, minded, chosen, answered, right = fate
    x = m.who
    if kind == ENCODE:
        encoded[i, x] = t - begin
        left[i, x] = np.nan
        seems[i, x] = m.stamp[x] - begin
        minded[i, x] = m.minded[x] == 1
    elif kind == FOUND or kind == QUIT:
        if kind == FOUND:
            encoded[i, x] = t - begin
        for z in range(m.n):  # what a search has looked at
            minded[i, z] = m.phase[z] == LOST and m.job[z] == m.job[m.hunter]
    elif kind == DISPLACE or kind == DECAY:
        left[i, x] = t - begin
    elif kind == CHOOSE:
        chosen[i, x] = left[i, x] = t - begin
        right[i, x] = m.right[x] == 1
    elif kind == RESPOND:
        answered[i, x] = t - begin
    elif kind == FORGET or kind == EXPIRE:
        held = not np.isnan(encoded[i, x]) and np.isnan(left[i, x])
        if held and m.phase[x] == GONE:
            left[i, x] = t - begin


@njit(cache=True)
def _assign(m, jobs, which):  # type: ignore[no-untyped-def]
    """This stream's tasks, and which of them each element belongs to."""
    rules, conflict, focused, job, evidence, says, counts = jobs
    mind.assign(m, rules[which, : counts[which, 0]], conflict[which], focused[which])
    for x in range(counts[which, 1]):
        mind.enlist(m, x, job[which, x], evidence[which, x], says[which, x])


Jobs = tuple[npt.NDArray[Any], ...]


def jobs_of(streams: Sequence[TaskStream]) -> Jobs:
    """What the compiled loop has to know of the streams' tasks: rules, conflict, focused, and by element job and
    evidence; counts (streams, 2) of tasks and elements."""
    n, most = len(streams), max(len(s.stimuli) for s in streams)
    rules = np.zeros((n, MOST_TASKS, len(mind.RULE)))
    conflict = np.zeros((n, MOST_TASKS, MOST_TASKS))
    job, evidence, says = np.zeros((n, most), np.int64), np.zeros((n, most)), np.zeros((n, most), np.int64)
    for i, s in enumerate(streams):
        t, e = len(s.tasks), len(s.stimuli)
        rules[i, :t], conflict[i, :t, :t] = task_rules(s), s.competition
        job[i, :e], evidence[i, :e], says[i, :e] = s.jobs, s.evidence, s.says
    focused = np.array([s.focused for s in streams], np.int64)
    counts = np.array([[len(s.tasks), len(s.stimuli)] for s in streams], np.int64)
    return rules, conflict, focused, job, evidence, says, counts


def task_rules(stream: TaskStream) -> npt.NDArray[np.float64]:
    """The tasks as rows of `mind.RULE`."""
    words = {"response": RESPONSES, "when_full": WHEN_FULL}
    return np.array(
        [
            [
                words[name].index(getattr(t, name)) if name in words else float(getattr(t, name))
                for name in mind.RULE
            ]
            for t in stream.tasks
        ],
        np.float64,
    )


def _room(stream: TaskStream, observers: Sequence[Observer]) -> int:
    """Rows that the record of one trial may need."""
    n = len(stream.stimuli)
    room = 1 + len(stream.arrivals().time) + 8 * n + n * n // 4
    if any(t.response == "decide" for t in stream.tasks):
        room += int(n * (200 + 40 * max(o.evidence_threshold for o in observers) ** 2))
    if stream.focused:
        mean = stream.end * max(o.switch_rate for o in observers) * 3
        room += int(mean + 10 * np.sqrt(mean + 10) + 6 * n + 20)
    return room


def _integers(name: str, value: npt.ArrayLike) -> npt.NDArray[np.int64]:
    a = np.asarray(value)
    if a.size and a.dtype.kind not in "iu":
        raise InputError(f"{name} must be whole numbers, got {a.dtype} values")
    if a.size and not (a.min() >= 0 and a.max() < 2**31):
        raise InputError(f"{name} must be from 0 to {2**31 - 1}, got {a.min()}..{a.max()}")
    return a.astype(np.int64)


def _check(
    streams: list[TaskStream],
    observers: Sequence[Observer],
    person: npt.NDArray[np.int64],
    which: npt.NDArray[np.int64],
) -> None:
    if not streams or not observers or not len(person):
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


def _arrivals(streams: list[TaskStream]) -> tuple[tuple[npt.NDArray[np.float64], ...], npt.NDArray[np.int64]]:
    """All streams end to end: columns, and where each stream starts in them."""
    tables = [s.arrivals() for s in streams]
    columns = tuple(np.concatenate([t[i] for t in tables]) for i in range(4))
    return columns, np.cumsum([0, *(len(t.time) for t in tables)])


def _weights(
    streams: list[TaskStream],
    observers: Sequence[Observer],
    person: npt.NDArray[np.int64],
    which: npt.NDArray[np.int64],
    elements: int,
) -> npt.NDArray[np.float64]:
    """(trials, elements), each person's own alpha applied."""
    alpha = np.array([o.alpha for o in observers])
    table = np.zeros((len(streams), len(observers), elements))
    for s, stream in enumerate(streams):
        table[s, :, : len(stream.stimuli)] = stream.weights(alpha)
    return table[which, person]


def _given(weights: npt.ArrayLike, person: npt.NDArray[np.int64], elements: int) -> npt.NDArray[np.float64]:
    w = np.ascontiguousarray(weights, np.float64)
    if w.shape != (len(person), elements):
        raise InputError(
            f"weights must have shape {(len(person), elements)} (trials, elements), got {w.shape}"
        )
    if not np.isfinite(w).all() or (w < 0).any():
        raise InputError("weights must be finite and >= 0; some are not (an empty place takes weight 0)")
    return w


def crowd_of(observers: Sequence[Observer]) -> npt.NDArray[np.float64]:
    """The observers as rows of `mind.PARAMETERS`."""
    return np.array([[getattr(o, name) for name in mind.PARAMETERS] for o in observers], np.float64)


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

WATCH = 2**31 - 1  #: the number of the trial whose address holds the chances that outlast a trial


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


def watch(
    session: Session,
    observers: Sequence[Observer],
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
    who = np.arange(len(observers)) if number is None else _integers("number", number).reshape(-1)
    if len(who) != len(observers):
        raise InputError(f"number must name each of {len(observers)} observers, got {len(who)}")
    rows = np.array([session.row(i) for i in range(len(who))], np.int64)
    seed, n_jobs = whole("seed", seed, most=2**63 - 1), whole("n_jobs", n_jobs, least=1, most=1024)
    visit = whole("visit", visit, most=2047)
    if session.trials > 2**20:
        raise InputError(f"a session holds at most {2**20} trials, got {session.trials}")
    if len(session.tasks) > MOST_TASKS:
        raise InputError(f"a mind does at most {MOST_TASKS} tasks, got {len(session.tasks)}")
    streams = list(session.streams)
    table, starts = _arrivals(streams)
    elements, n = max(len(s.stimuli) for s in streams), session.trials
    scale = watch_weights(session, observers) if weights is None else np.asarray(weights, float)
    given = np.zeros((0, 0, 0))
    if weights is not None:
        if scale.shape != (len(who), n, elements) or not np.isfinite(scale).all() or (scale < 0).any():
            raise InputError(
                f"weights must be finite, >= 0, of shape {(len(who), n, elements)}, got {scale.shape}"
            )
        given, scale = np.ascontiguousarray(scale), np.zeros((len(who), len(streams), elements))
    shape = (len(who), n)
    start, rt, level, shift = (np.full(shape, np.nan) for _ in range(4))
    right, on = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    stored = np.zeros((*shape, elements), np.bool_)
    work = (session.load, session.memory_load, session.sleepiness, bool(session.self_paced))
    columns = (session.which, session.gap, session.rest, session.rest_load)
    crowd, jobs = crowd_of(observers), jobs_of(streams)
    fate = Fate.none(*shape, elements) if details else Fate.none(len(who), 0, 0)
    log = np.zeros((0, 0), _EVENT)
    if record:
        log = np.zeros((len(who), _most_events(session, observers)), _EVENT)
    length = np.zeros(len(who), np.int64)

    def sit(first: int, last: int) -> None:
        state = np.zeros(1, STATE).view(np.recarray)
        _watch(state[0], first, last, seed, visit, who, rows, crowd, jobs, *work, *columns, *table, starts,
               scale, given, start, rt, right, level, on, shift, stored, fate.arrays(), log, length)  # fmt: skip

    step = max(1, min(_CHUNK // max(1, n), -(-len(who) // n_jobs)))
    firsts = range(0, len(who), step)
    if n_jobs == 1 or len(firsts) == 1:
        sit(0, len(who))
    else:
        with ThreadPoolExecutor(n_jobs) as pool:
            list(pool.map(lambda i: sit(i, min(i + step, len(who))), firsts))
    rows_ = watch_events(session, who, log, length) if record else None
    slips = np.array([o.slip for o in observers])
    keys = trial_keys(seed, who[:, None], visit * 1048576 + np.arange(n))
    return Watched(start, rt, right, level, on, shift, stored, keys, slips, rows_, fate if details else None)


def watch_weights(session: Session, observers: Sequence[Observer]) -> npt.NDArray[np.float64]:
    """(people, streams, elements): what each person makes of each element, rested."""
    alpha = np.array([o.alpha for o in observers])
    out = np.zeros((len(observers), len(session.streams), max(len(s.stimuli) for s in session.streams)))
    for i, stream in enumerate(session.streams):
        out[:, i, : len(stream.stimuli)] = stream.weights(alpha)
    return out


def _most_events(session: Session, observers: Sequence[Observer]) -> int:
    """Room for the record of one person: what arrives, what is done with it, and lapses by the dozen."""
    longest = max(_room(s, observers) for s in session.streams)
    duration = float((session.gap + session.rest).sum(1).max()) + session.trials * max(
        s.end for s in session.streams
    )
    wild = max(o.wandering * (o.lapse_base + o.lapse_fast + o.lapse_slow) for o in observers)
    if any(s.focused for s in session.streams):
        wild += max(o.switch_rate for o in observers)
    expected = duration * 10 * wild
    return int(session.trials * (longest + 6) + 2 * (expected + 10 * np.sqrt(expected) + 100))


@njit(cache=True, nogil=True)
def _watch(  # type: ignore[no-untyped-def]
    m, first, last, seed, visit, who, rows, crowd, jobs, load, memory, sleepiness, self_paced,
    which, gap, rest, rest_load, times, kinds, elements, values, starts, scale, given,
    start, rt, right, level, on, shift, stored, fate, log, length
):  # fmt: skip
    """People first..last, each through the whole session."""
    for i in range(first, last):
        p, row, count = who[i], rows[i], 0
        mind.begin(m, seed, p, WATCH - visit, crowd[i])
        own = (fate[0][i], fate[1][i], fate[2][i], fate[3][i], fate[4][i], fate[5][i], fate[6][i])
        _assign(m, jobs, which[row, 0])
        mind.perceive(m, SLEEPINESS, -1, sleepiness)
        mind.perceive(m, HOLD, -1, memory)
        mind.perceive(m, LOAD, -1, load)
        for j in range(which.shape[1]):
            if rest[row, j] > 0.0:
                then = m.now + rest[row, j]
                count = _world(m, LOAD, -1, rest_load[row, j], log, i, count)
                mind.perceive(m, HOLD, -1, 0.0)
                count = _let(m, then, log, i, count)
                count = _world(m, LOAD, -1, load, log, i, count)
                mind.perceive(m, HOLD, -1, memory)
            begin = m.now + gap[row, j]
            count = _let(m, begin, log, i, count)
            s = which[row, j]
            mind.fresh(m, seed, p, visit * 1048576 + j)
            _assign(m, jobs, s)
            start[i, j] = begin
            level[i, j] = mind.alertness(m)
            on[i, j] = m.on == 1
            shift[i, j] = m.x[mind.SHIFT]
            right[i, j] = True
            called = begin
            for a in range(starts[s], starts[s + 1]):
                then = begin + times[a]
                answered = False
                while then > m.now:
                    t, kind, x = mind.next_event(m)
                    if not t < then:
                        break
                    mind.advance(m, t)
                    kind = mind.apply(m, kind, x)
                    if own[0].shape[0] > 0:
                        _tell(m, own, j, kind, t, begin)
                    if log.shape[1] > 0:
                        _note(m, log[i, count], kind)
                        count += 1
                    if kind == RESPOND:
                        if np.isnan(rt[i, j]):
                            rt[i, j] = t - called
                        if self_paced and m.busy == 0:
                            answered = True
                            break
                if answered:
                    break
                mind.advance(m, then)
                kind, x = kinds[a], elements[a]
                if kind != END:
                    value = values[a]
                    if kind == ONSET or kind == WEIGHT:
                        value *= given[i, j, x] if given.shape[0] > 0 else scale[i, s, x]
                    mind.perceive(m, kind, x, value)
                    if kind == CALL:
                        called = then
                        right[i, j] = m.answer_ok == 1
                if own[0].shape[0] > 0:
                    m.who = x
                    _tell(m, own, j, kind, then, begin)
                if log.shape[1] > 0:
                    m.who = x
                    _note(m, log[i, count], kind)
                    count += 1
            for x in range(m.n):
                stored[i, j, x] = m.phase[x] == mind.STORED
        length[i] = count


@njit(cache=True)
def _let(m, until, log, i, count):  # type: ignore[no-untyped-def]
    """The world leaves the mind alone until then."""
    while until > m.now:
        t, kind, x = mind.next_event(m)
        if not t < until:
            break
        mind.advance(m, t)
        kind = mind.apply(m, kind, x)
        if log.shape[1] > 0:
            _note(m, log[i, count], kind)
            count += 1
    mind.advance(m, until)
    return count


@njit(cache=True)
def _world(m, kind, x, value, log, i, count):  # type: ignore[no-untyped-def]
    """The world does something to the whole mind, now."""
    mind.perceive(m, kind, x, value)
    if log.shape[1] > 0:
        m.who = x
        _note(m, log[i, count], kind)
        count += 1
    return count


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
