"""A compiled loop drives a population: the same events, from the same draws, about a thousand times as fast.

It merges each mind's `next_event` with a sorted list of arrivals, trial by trial, in threads (the loop holds no
lock). A trial's numbers depend on its own address alone, so cutting the work differently changes nothing. What
it cannot express it refuses by name: a world that answers back is SimPy's (`mind.world`).

>>> from cogattn.observer import Observer
>>> from cogattn.stream import display
>>> out = play(display(targets=6, exposure=0.2), [Observer(slots=3.0)], person=0, trial=range(1000))
>>> out.stored.sum(1).max()                     # never more than K of 6
np.int64(3)
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from numba import njit

from cogattn.errors import InputError, whole
from cogattn.mind import events, mind
from cogattn.mind.mind import ENCODE, FULL, RACING, STATE, WAITING
from cogattn.observer import Observer
from cogattn.stream import CALL, END, HOLD, LOAD, ONSET, RESPONSES, SLEEPINESS, WEIGHT, Session, TaskStream

_CHUNK = 8192  # trials a thread takes at a time


@dataclass(frozen=True)
class Outcome:
    """What became of every element in every trial. Arrived = stored + missed + censored, element by element."""

    stored: npt.NDArray[np.bool_]  # (trials, elements) in the store at the end
    finish: npt.NDArray[np.float64]  # (trials, elements) when it was categorised, s; inf = never
    censored: npt.NDArray[np.bool_]  # (trials, elements) the trial ended while it was still under way
    events: pd.DataFrame | None = None  # the event record, if asked for


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
) -> Outcome:
    """Play trials: `person` and `trial` broadcast, one entry per trial; `observers[person]` takes it.

    `which` says which of several streams a trial shows (all show the first by default). `weights`
    (trials, elements) replaces the weights that the streams give, e.g. by a network's own.
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
    crowd = crowd_of(observers)
    n = len(person)
    stored, censored = np.zeros((n, elements), np.bool_), np.zeros((n, elements), np.bool_)
    finish = np.full((n, elements), np.inf)
    cap = 1 + max(len(s.arrivals().time) + 3 * len(s.stimuli) for s in streams) if record else 1
    log = np.zeros((n if record else 1, cap), _EVENT)
    length = np.zeros(n if record else 1, np.int64)

    def work(first: int) -> None:
        last = min(first + _CHUNK, n)
        state = np.zeros(1, STATE).view(np.recarray)
        _run(state[0], first, last, seed, person, trial, which_, crowd, *table, starts, w, stored, finish,
             censored, record, log, length)  # fmt: skip

    firsts = range(0, n, _CHUNK)
    if n_jobs == 1 or len(firsts) == 1:
        for first in firsts:
            work(first)
    else:
        with ThreadPoolExecutor(n_jobs) as pool:
            list(pool.map(work, firsts))
    rows = _event_frame(streams, person, trial, which_, log, length) if record else None
    return Outcome(stored, finish, censored, rows)


_EVENT = np.dtype([("time", np.float64), ("kind", np.int64), ("element", np.int64), ("slot", np.int64)])


@njit(cache=True, nogil=True)
def _run(  # type: ignore[no-untyped-def]
    m, first, last, seed, person, trial, which, crowd,
    times, kinds, elements, values, starts, weights, stored, finish, censored, record, log, length
):  # fmt: skip
    """Trials first..last: the mind's events strictly before each arrival, then the arrival."""
    for i in range(first, last):
        p = person[i]
        mind.begin(m, seed, p, trial[i], crowd[p])
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
                if record:
                    _note(log[i, count], t, kind, x, m.slot[x] if kind == ENCODE else -1)
                    count += 1
            mind.advance(m, times[a])
            kind, x = kinds[a], elements[a]
            if kind != END:
                value = values[a]
                if kind == ONSET or kind == WEIGHT:
                    value *= weights[i, x]
                mind.perceive(m, kind, x, value)
            if record:
                _note(log[i, count], times[a], kind, x, -1)
                count += 1
        if record:
            length[i] = count
        for x in range(m.n):
            stored[i, x] = m.phase[x] == mind.STORED
            censored[i, x] = m.phase[x] == WAITING or m.phase[x] == RACING


@njit(cache=True)
def _note(row, t, kind, x, slot):  # type: ignore[no-untyped-def]
    row.time = t
    row.kind = kind
    row.element = x
    row.slot = slot


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
        if any(t.response for t in stream.tasks):
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
            parts.append(events.frame(*who, *columns, names=stream.names, tasks=jobs))
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
    events: pd.DataFrame | None = None


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
) -> Watched:
    """Let each observer sit through the session; the i-th takes the session's i-th row (or the one that all share).

    `number[i]` is his number, the address of his chances (by default i); `visit` tells repeated sittings apart.
    `weights` (people, trials, elements): a network's own.
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
    if len(session.tasks) > mind.MOST_TASKS:
        raise InputError(f"a mind does at most {mind.MOST_TASKS} tasks, got {len(session.tasks)}")
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
    crowd, rules = crowd_of(observers), task_rules(session)
    log = np.zeros((0, 0), _EVENT)
    if record:
        log = np.zeros((len(who), _most_events(session, observers)), _EVENT)
    length = np.zeros(len(who), np.int64)

    def sit(first: int, last: int) -> None:
        state = np.zeros(1, STATE).view(np.recarray)
        _watch(state[0], first, last, seed, visit, who, rows, crowd, rules, *work, *columns, *table, starts,
               scale, given, start, rt, right, level, on, shift, stored, log, length)  # fmt: skip

    step = max(1, min(_CHUNK // max(1, n), -(-len(who) // n_jobs)))
    firsts = range(0, len(who), step)
    if n_jobs == 1 or len(firsts) == 1:
        sit(0, len(who))
    else:
        with ThreadPoolExecutor(n_jobs) as pool:
            list(pool.map(lambda i: sit(i, min(i + step, len(who))), firsts))
    rows_ = watch_events(session, who, log, length) if record else None
    return Watched(start, rt, right, level, on, shift, stored, rows_)


def task_rules(session: Session) -> npt.NDArray[np.float64]:
    """The tasks as rows of `mind.RULE`."""
    return np.array(
        [
            [RESPONSES.index(t.response), t.sensitivity, t.caution, t.withhold, t.withhold_sd]
            for t in session.tasks
        ],
        np.float64,
    )


def watch_weights(session: Session, observers: Sequence[Observer]) -> npt.NDArray[np.float64]:
    """(people, streams, elements): what each person makes of each element, rested."""
    alpha = np.array([o.alpha for o in observers])
    out = np.zeros((len(observers), len(session.streams), max(len(s.stimuli) for s in session.streams)))
    for i, stream in enumerate(session.streams):
        out[:, i, : len(stream.stimuli)] = stream.weights(alpha)
    return out


def _most_events(session: Session, observers: Sequence[Observer]) -> int:
    """Room for the record of one person: what arrives, what is done with it, and lapses by the dozen."""
    longest = max(len(s.arrivals().time) + 4 * len(s.stimuli) for s in session.streams)
    duration = float((session.gap + session.rest).sum(1).max()) + session.trials * max(
        s.end for s in session.streams
    )
    wild = max(o.wandering * (o.lapse_base + o.lapse_fast + o.lapse_slow) for o in observers)
    expected = duration * 10 * wild
    return int(session.trials * (longest + 6) + 2 * (expected + 10 * np.sqrt(expected) + 100))


@njit(cache=True, nogil=True)
def _watch(  # type: ignore[no-untyped-def]
    m, first, last, seed, visit, who, rows, crowd, rules, load, memory, sleepiness, self_paced,
    which, gap, rest, rest_load, times, kinds, elements, values, starts, scale, given,
    start, rt, right, level, on, shift, stored, log, length
):  # fmt: skip
    """People first..last, each through the whole session."""
    for i in range(first, last):
        p, row, count = who[i], rows[i], 0
        mind.begin(m, seed, p, WATCH - visit, crowd[i])
        mind.assign(m, rules)
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
            mind.fresh(m, seed, p, visit * 1048576 + j)
            start[i, j] = begin
            level[i, j] = mind.alertness(m)
            on[i, j] = m.on == 1
            shift[i, j] = m.x[mind.SHIFT]
            right[i, j] = True
            s = which[row, j]
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
                    if log.shape[1] > 0:
                        _note(log[i, count], t, kind, x, m.slot[x] if kind == ENCODE else -1)
                        count += 1
                    if kind == mind.RESPOND:
                        rt[i, j] = t - called
                        if self_paced:
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
                if log.shape[1] > 0:
                    _note(log[i, count], then, kind, x, -1)
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
            _note(log[i, count], t, kind, x, m.slot[x] if kind == ENCODE else -1)
            count += 1
    mind.advance(m, until)
    return count


@njit(cache=True)
def _world(m, kind, x, value, log, i, count):  # type: ignore[no-untyped-def]
    """The world does something to the whole mind, now."""
    mind.perceive(m, kind, x, value)
    if log.shape[1] > 0:
        _note(log[i, count], m.now, kind, x, -1)
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
        names=longest.names, tasks=[s.task for s in longest.stimuli],
    )  # fmt: skip
