"""The compiled loop that plays sittings, and what it is given: plain arrays.

There is one place where a mind is asked what comes next, whatever comes: an arrival of a trial, a rest, work that goes
on. What a stream does not use is compiled out (`state.used`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cogattn.compiled import compiled
from cogattn.mind import alertness, engine, race, state, store
from cogattn.mind.draws import _key
from cogattn.mind.outcomes import ElementTimes
from cogattn.mind.phases import GONE, LOST, RACING, STORED, WAITING
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
    RECALL,
    RESPOND,
    WEIGHT,
)
from cogattn.world.stream import MOST_TASKS, TaskStream

Array = npt.NDArray[Any]


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
    supports: Array
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
    mind, e, begin_at, end_at, seed, people, sittings, planned, work, world, scale, given, seen, made, element_times,
    log, length, more, tired, keep, answer, hunt, tell, turn,
):  # fmt: skip
    """Sittings begin_at..end_at: the mind's events strictly before each arrival, then the arrival.

    more: None = no record, no times of elements, no network that looks (`_more`). A trial's arrivals are preceded by
    two of its session: a rest begins, work goes on. There is one place where a mind is asked what comes next, whatever
    comes.
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
        supports,
        size,
    ) = world
    start, rt, right, level, on, shift, stored, finish, censored = made
    details, record, ends = element_times[0].size > 0, log.size > 0, finish.size > 0
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
                                race.enlist(
                                    p, rules[job[s, x]], e[x], job[s, x], evidence[s, x], supports[s, x]
                                )
                        if more is not None:
                            if seen.size > 0:
                                for x in range(size[s]):
                                    clear, sure = seen[i, j, x, 0], seen[i, j, x, 1]
                                    race.told_by(rules[job[s, x]], e[x], evidence[s, x], clear, sure)
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
                    if more is not None:
                        if record:
                            count = _note(m, e, log, i, count, kind, m.who, record)
                        if details and pause >= 0 and _TOLD >> kind & 1:
                            _tell(m, p, e, element_times, i, j, kind, t, begin)
                    if pause >= 0:
                        if ends and (kind == ENCODE or kind == FULL):
                            finish[i, j, x] = t
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
                        engine.perceive(m, p, e, rules, conflict, tired, keep, turn, kind, x, value)
                        if tired is not None and session:
                            if kind == CALL:
                                called = then
                                right[i, j] = m.answer_ok == 1
                    m.who = x
                    if more is not None:
                        if details and _TOLD >> kind & 1:
                            _tell(m, p, e, element_times, i, j, kind, then, begin)
                        if record:
                            count = _note(m, e, log, i, count, kind, x, record)
            for x in range(m.n):
                stored[i, j, x] = e[x].phase == STORED
                if ends:
                    censored[i, j, x] = e[x].phase == WAITING or e[x].phase == RACING
        if more is not None:
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


#: What `_tell` has something to say about, a bit each: to hand seven arrays over costs more than most events do.
_TOLD = sum(
    1 << kind for kind in (ENCODE, FOUND, QUIT, DISPLACE, DECAY, CHOOSE, RESPOND, RECALL, FORGET, EXPIRE)
)


@compiled(inner=True)
def _tell(m, p, e, element_times, i, j, kind, t, begin):  # type: ignore[no-untyped-def]
    """What this event means for the times of the element that it was about; its kind is one of `_TOLD`."""
    encoded, left, seems, minded, chosen, answered, right = element_times
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
    elif kind == RESPOND or kind == RECALL:
        answered[i, j, x] = t - begin
    elif kind == FORGET or kind == EXPIRE:
        held = not np.isnan(encoded[i, j, x]) and np.isnan(left[i, j, x])
        if held and e[x].phase == GONE:
            left[i, j, x] = t - begin


def played(
    sittings: Sittings,
    planned: Planned,
    work: Work,
    streams: Sequence[TaskStream],
    people: Array,
    scale: Array,
    given: Array,
    seen: Array,
    made: Made,
    element_times: ElementTimes,
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
    more = _more(mechanisms, record or bool(element_times.encoded.size or seen.size))
    most = max(len(s.stimuli) for s in streams)
    room = planned.which.shape[1] * (8 + 4 * int(np.diff(world.starts).max())) if record else 0

    def loop(first: int) -> None:
        m, e = state.blank(most)
        _sit(m, e, first, min(first + step, n), seed, people, *map(tuple, (sittings, planned, work, world)),
             scale, given, seen, tuple(made), element_times.arrays(), log, length, more, *mechanisms)  # fmt: skip

    while True:
        log, length = np.zeros((n if record else 0, room), _EVENT), np.zeros(n if record else 0, np.int64)
        _in_threads(loop, range(0, n, step), n_jobs)
        if not record or length.max() <= room:
            return log, length
        room = int(length.max())  # more happened than was expected: once more, with room for it
        for array in (made.rt, *element_times.arrays()):
            array[...] = np.nan if array.dtype.kind == "f" else False


def _more(mechanisms: state.Used, asked: bool) -> bool | None:
    """Whether a loop is compiled with what a caller may ask for beside who is stored, and when. Only the smallest loop
    is compiled without it, too: it is the first that most people wait for."""
    return True if asked or any(mechanisms) else None


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
    job, evidence, supports = (
        np.zeros((n, most), np.int64),
        np.zeros((n, most)),
        np.zeros((n, most), np.int64),
    )
    for i, s in enumerate(streams):
        t, k = len(s.tasks), len(s.stimuli)
        rules[i, :t], conflict[i, :t, :t] = state.task_rules(s), s.competition
        job[i, :k], evidence[i, :k], supports[i, :k] = s.jobs, s.evidence, s.supports
    times, kind, element, value = columns
    return Streams(
        times, kind, element, value, starts, rules, conflict, np.array([len(s.tasks) for s in streams], np.int64),
        np.array([s.focused for s in streams], np.int64), job, evidence, supports,
        np.array([len(s.stimuli) for s in streams], np.int64),
    )  # fmt: skip


def weights_of(streams: Sequence[TaskStream], people: Array) -> Array:
    """(people, streams, elements): what each person makes of each element, rested."""
    out = np.zeros((len(people), len(streams), max(len(s.stimuli) for s in streams)))
    for i, stream in enumerate(streams):
        out[:, i, : len(stream.stimuli)] = stream.weights(people["alpha"])
    return out
