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
from cogattn.stream import END, ONSET, WEIGHT, TaskStream

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
    crowd = _crowd(observers)
    n = len(person)
    stored, censored = np.zeros((n, elements), np.bool_), np.zeros((n, elements), np.bool_)
    finish = np.full((n, elements), np.inf)
    cap = 1 + max(len(s.arrivals().time) + 3 * len(s.stimuli) for s in streams) if record else 1
    log = np.zeros((n if record else 1, cap), _EVENT)
    length = np.zeros(n if record else 1, np.int64)

    def work(first: int) -> None:
        last = min(first + _CHUNK, n)
        state = np.zeros(1, STATE).view(np.recarray)
        _run(state[0], first, last, seed, person, trial, which_, *crowd, *table, starts, w, stored, finish,
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
    m, first, last, seed, person, trial, which, capacity, slots, threshold, persistence, reallocate,
    times, kinds, elements, values, starts, weights, stored, finish, censored, record, log, length
):  # fmt: skip
    """Trials first..last: the mind's events strictly before each arrival, then the arrival."""
    for i in range(first, last):
        p = person[i]
        mind.begin(m, seed, p, trial[i], capacity[p], slots[p], threshold[p], persistence[p], reallocate[p])
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


def _crowd(observers: Sequence[Observer]) -> tuple[npt.NDArray[np.float64], ...]:
    """The observers as columns, in the order that `mind.begin` takes them."""
    names = ("capacity", "slots", "threshold", "persistence", "reallocate")
    return tuple(np.array([getattr(o, name) for o in observers], np.float64) for name in names)


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
