"""A `TaskStream` as what arrives: plain columns for the compiled loop, and moments for a world that SimPy plays."""

from __future__ import annotations

import math
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cogattn.world.kinds import CALL, END, EXPIRE, FORGET, MASK, OFFSET, ONSET, WEIGHT

# Who goes first at one and the same time.
_RANK = {MASK: 0, EXPIRE: 1, OFFSET: 2, FORGET: 3, ONSET: 4, WEIGHT: 5, CALL: 6, END: 7}

#: these ways to respond are an answer to a call, the others to what the race brings
CALLED = ("simple", "go", "detect", "recall", "recall_reversed")


class Arrivals(NamedTuple):
    """A stream as plain columns, in the order in which a mind meets it; element -1 = nobody's (the end)."""

    time: npt.NDArray[np.float64]
    kind: npt.NDArray[np.int64]
    element: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]


class Moment(NamedTuple):
    """What arrives at one time: rows `first` to `last` (not included) of the columns, the end not among them."""

    time: float
    first: int
    last: int
    told: tuple[tuple[float, int, int, int], ...]  # as an event record has them: time, kind, element, slot
    shown: dict[str, tuple[int, str]]  # what appears: its name, number and task


def arrivals_of(stream: Any) -> Arrivals:
    """Sorted by time; at one time masks come first, then offsets, onsets, weights."""
    rows: list[tuple[float, int, int, float]] = []
    for i, (s, job) in enumerate(zip(stream.stimuli, stream.jobs.tolist(), strict=True)):
        task = stream.tasks[job]
        if task.response in CALLED:
            rows.append((float(s.onset), CALL, i, float(2 * job + s.signal)))
            continue
        rows.append((float(s.onset), ONSET, i, float(s.weight)))
        if s.mask is not None and not callable(s.mask):
            rows.append((float(s.mask), MASK, i, 0.0))
        if s.offset is not None:
            rows.append((float(s.offset), OFFSET, i, 0.0))
        if task.deadline < math.inf:
            rows.append((float(s.onset + task.deadline), EXPIRE, i, 0.0))
    rows += [(float(c.time), WEIGHT, stream.names.index(c.element), float(c.weight)) for c in stream.changes]
    rows = [r for r in rows if r[0] < stream.end]
    rows.append((float(stream.end), END, -1, 0.0))
    rows.sort(key=lambda r: (r[0], _RANK[r[1]], r[2]))
    time, kind, element, value = zip(*rows, strict=True)
    columns = (np.array(time), np.array(kind), np.array(element), np.array(value))
    for column in columns:
        column.setflags(write=False)
    return Arrivals(*columns)


def moments_of(stream: Any) -> tuple[Moment, ...]:
    """The arrivals by their time; the last moment is the end."""
    at, moments, names = 0, [], stream.names
    table = zip(*(column.tolist() for column in stream.arrivals()), strict=True)
    for time, rows in groupby(table, key=lambda row: row[0]):
        first, told, shown = at, [], {}
        for _, kind, x, _ in rows:
            if kind == END:
                continue
            at += 1
            told.append((time, kind, x, -1))
            if kind == ONSET:
                shown[names[x]] = (x, stream.stimuli[x].task)
        moments.append(Moment(time, first, at, tuple(told), shown))
    return tuple(moments)
