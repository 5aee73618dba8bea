"""A compiled loop drives a population: the same events, from the same draws, as fast as a loop written for one task.

A sitting is one mind in a session: trials one after another, with pauses between them (`run_session`); a single display
is a session of one trial (`play`). The loop merges each mind's `next_event` with the sorted arrivals of its trials, in
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

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from cogattn._renamed import old_names
from cogattn.errors import InputError, doors, whole
from cogattn.mind import events
from cogattn.mind.draws import trial_keys
from cogattn.mind.loop import Made, Planned, Sittings, Work, end_to_end, played, weights_of
from cogattn.mind.outcomes import Array, ElementTimes, Outcome, SessionOutcome
from cogattn.observer import Observer
from cogattn.population import People
from cogattn.world.arrivals import CALLED
from cogattn.world.session import Session
from cogattn.world.stream import MOST_TASKS, TaskStream

_CHUNK = 8192  # trials a thread takes at a time
SESSION_TRIAL = 2**31 - 1  #: the number of the trial whose address holds the chances that outlast a trial
VISIT = 1048576  #: trials of one sitting at most: the j-th of the v-th sitting has the number v * VISIT + j


def columns_of(observers: People | Sequence[Observer]) -> Array:
    """The people as rows of PERSON, one after the other in memory."""
    rows: Array = np.ascontiguousarray(People.of(observers).rows).view()
    rows.setflags(write=False)
    return rows


# -- single displays -----------------------------------------------------------------------------------------------


def play(
    streams: TaskStream | Sequence[TaskStream],
    observers: People | Sequence[Observer],
    *,
    person: npt.ArrayLike,
    trial: npt.ArrayLike,
    seed: int = 0,
    weights: npt.ArrayLike | None = None,
    seen: npt.ArrayLike | None = None,
    which: npt.ArrayLike | None = None,
    record: bool = False,
    n_jobs: int = 1,
    details: bool = False,
    first: int = 0,
) -> Outcome:
    """Play trials: `person` and `trial` broadcast, one entry per trial; `observers[person]` takes it.

    `which` says which of several streams a trial shows (all show the first by default). `weights`
    (trials, elements) replaces the weights that the streams give, e.g. by a network's own. `seen` (trials, elements,
    2): what a network makes of each element, a factor of its eta and how likely a categorisation of it is right.
    `details`: the times of each element. `first`: the number of the first observer, the address of his chances
    (person 0 is `observers[0]`).
    """
    streams = [streams] if isinstance(streams, TaskStream) else list(streams)
    who, number = np.broadcast_arrays(_integers("person", person), _integers("trial", trial))
    who, number = np.array(who).reshape(-1), np.array(number).reshape(-1)  # arrays of their own
    shows = np.zeros(len(who), np.int64) if which is None else _integers("which", which).reshape(-1)
    _check(streams, observers, who, shows)
    seed, n_jobs = whole("seed", seed, most=2**63 - 1), whole("n_jobs", n_jobs, least=1, most=1024)
    first = whole("first", first, most=2**53)
    people = columns_of(observers)
    n, elements = len(who), max(len(s.stimuli) for s in streams)
    nothing, none = np.zeros((0, 0)), np.zeros((0, 0), np.bool_)
    scale, given = np.zeros((0, 0, 0)), np.zeros((0, 0, 0))
    if weights is None:
        scale = weights_of(streams, people)
    else:
        given = _given(weights, n, elements)[:, None]
    looked = _looked(seen, (n, elements))[:, None] if seen is not None else np.zeros((0, 0, 0, 0))
    shape = (n, 1, elements)
    made = Made(
        nothing, nothing, none, nothing, none, nothing,
        np.zeros(shape, np.bool_), np.full(shape, np.inf), np.zeros(shape, np.bool_),
    )  # fmt: skip
    element_times = ElementTimes.none(*shape) if details else ElementTimes.none(0, 0, 0)
    rows = np.arange(n)
    log, length = played(
        Sittings(who + first if first else who, who, number, number, rows),
        Planned(shows[:, None], nothing, nothing, nothing),
        Work(0.0, 0.0, 0.0, False),
        streams, people, scale, given, looked, made, element_times,
        seed=seed, record=record, n_jobs=n_jobs, tired=False, step=_CHUNK,
    )  # fmt: skip
    told = _event_frame(streams, who, number, shows, log, length) if record else None
    return Outcome(
        made.stored[:, 0],
        made.finish[:, 0],
        made.censored[:, 0],
        told,
        element_times.of_trials() if details else None,
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
    observers: People | Sequence[Observer],
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


def _looked(seen: npt.ArrayLike, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    s = np.ascontiguousarray(seen, np.float64)
    if s.shape != (*shape, 2) or not np.isfinite(s).all() or (s < 0).any() or (s[..., 1] > 1).any():
        raise InputError(
            f"seen must be finite factors >= 0 and probabilities, of shape {(*shape, 2)}, got {s.shape}"
        )
    return s


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


def run_session(
    session: Session,
    observers: People | Sequence[Observer],
    *,
    number: npt.ArrayLike | None = None,
    visit: int = 0,
    seed: int = 0,
    weights: npt.ArrayLike | None = None,
    seen: npt.ArrayLike | None = None,
    record: bool = False,
    n_jobs: int = 1,
    details: bool = False,
) -> SessionOutcome:
    """Let each observer sit through the session; the i-th takes the session's i-th row (or the one that all share).

    `number[i]` is his number, the address of his chances (by default i); `visit` tells repeated sittings apart.
    `weights` (people, trials, elements): a network's own; `seen`: with two numbers each, as in `play`.
    `details`: the times of each element.
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
    looked = _looked(seen, (*shape, elements)) if seen is not None else np.zeros((0, 0, 0, 0))
    times = [np.full(shape, np.nan) for _ in range(4)]
    made = Made(
        times[0], times[1], np.zeros(shape, np.bool_), times[2], np.zeros(shape, np.bool_), times[3],
        np.zeros((*shape, elements), np.bool_), nothing, np.zeros((0, 0, 0), np.bool_),
    )  # fmt: skip
    element_times = ElementTimes.none(*shape, elements) if details else ElementTimes.none(0, 0, 0)
    log, length = played(
        Sittings(
            who, np.arange(len(who)), np.full(len(who), SESSION_TRIAL - visit), np.full(len(who), visit * VISIT), rows
        ),
        Planned(session.which, session.gap, session.rest, session.rest_load),
        Work(float(session.load), float(session.memory_load), float(session.sleepiness), bool(session.self_paced)),
        streams, people, scale, given, looked, made, element_times,
        seed=seed, record=record, n_jobs=n_jobs, tired=True,
        step=max(1, min(_CHUNK // max(1, n), -(-len(who) // n_jobs))) if n_jobs > 1 else len(who),
    )  # fmt: skip
    told = watch_events(session, who, log, length) if record else None
    keys = trial_keys(seed, who[:, None], visit * VISIT + np.arange(n))
    return SessionOutcome(
        made.start, made.rt, made.right, made.level, made.on, made.shift, made.stored, keys, people, told,
        element_times if details else None,
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
    "SESSION_TRIAL",
    "ElementTimes",
    "Outcome",
    "SessionOutcome",
    "columns_of",
    "end_to_end",
    "play",
    "run_session",
    "watch_events",
    "weights_of",
]

old_names(__name__, watch="run_session", Watched="SessionOutcome", WATCH="SESSION_TRIAL", Fate="ElementTimes")

doors(__name__, "play", "run_session")
