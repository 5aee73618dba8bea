"""One mind as a jump process: a record of numbers and four functions, and nothing else.

Between events everything is a closed form, so the whole semantics is: `perceive` (the world does something),
`next_event` (what the mind would do next if the world left it alone, and when), `advance` (its clock moves,
exactly), `apply` (it does it). Compiled by numba and callable from Python, they are driven by SimPy
(`world.py`) or by a compiled loop (`cohort.py`), which therefore play the same events from the same draws.

The law (Bundesen's TVA, see `laws.race`): an element on display opens to the race t0 after its onset, then
its residual unit exponential `need` runs down at v_x = C w_x / sum w, the sum over all that has opened and is
still on display (with `reallocate`: over what is unfinished). Because the residual is kept, a change of rates
needs no new draw. At the end it takes a slot, or finds the store full. At one and the same time the world
comes first; then fading, opening, finishing, each in the order of the elements.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from cogattn.mind.draws import RACE, STORE, _exponential, _key, _uniform
from cogattn.stream import FORGET, MASK, MOST_ELEMENTS, OFFSET, ONSET, WEIGHT

# What a mind does by itself, as recorded; numbered on from what the world does (stream.ONSET .. END).
OPEN, ENCODE, FULL, FADE = range(8, 12)
NOTHING = -1

# Where an element is on its way. A GONE element has been masked or has faded before it finished.
ABSENT, WAITING, RACING, STORED, LOST, GONE = range(6)

_M = MOST_ELEMENTS
STATE = np.dtype(
    [
        ("now", np.float64),  # the mind's clock, s
        ("capacity", np.float64),  # C, items/s
        ("threshold", np.float64),  # t0, s
        ("persistence", np.float64),  # mu, s
        ("slots", np.int64),  # K of this trial
        ("reallocate", np.int64),
        ("stored", np.int64),  # how many slots are taken
        ("n", np.int64),  # elements met so far: loops stop here
        ("total", np.float64),  # sum of the weights that compete now
        ("key", np.uint64),  # the address of this trial's chances
        ("weight", np.float64, (_M,)),
        ("need", np.float64, (_M,)),  # residual unit exponential
        ("due", np.float64, (_M,)),  # when a WAITING element opens
        ("fade", np.float64, (_M,)),  # when an element taken away fades; inf = not taken away
        ("phase", np.int64, (_M,)),
        ("shown", np.int64, (_M,)),  # 1 = on display
        ("slot", np.int64, (_M,)),  # the slot of a STORED element
    ],
    align=True,
)


def blank() -> np.record:
    """A mind that has met nothing yet; `begin` makes it somebody's."""
    return np.zeros(1, STATE).view(np.recarray)[0]


@njit(cache=True)
def begin(m, seed, person, trial, capacity, slots, threshold, persistence, reallocate):  # type: ignore[no-untyped-def]
    """A new trial of one person. Non-integer slots: floor or ceiling, by this trial's own draw."""
    m.key = _key(seed, person, trial)
    m.now = 0.0
    m.capacity = capacity
    m.threshold = threshold
    m.persistence = persistence
    m.reallocate = reallocate
    if slots >= _M:
        m.slots = _M
    else:
        m.slots = np.int64(math.floor(slots))
        if _uniform(m.key, STORE, 0) < slots - m.slots:
            m.slots += 1
    m.stored = 0
    m.total = 0.0
    for x in range(m.n):
        m.phase[x] = ABSENT
        m.shown[x] = 0
    m.n = 0


@njit(cache=True)
def _recount(m):  # type: ignore[no-untyped-def]
    """total = sum_z w_z over what the capacity is divided among: all opened and shown, or all unfinished."""
    m.total = 0.0
    for x in range(m.n):
        p = m.phase[x]
        if m.shown[x] == 1 and (p == RACING or (m.reallocate == 0 and p > WAITING)):
            m.total += m.weight[x]


@njit(cache=True)
def _leave(m, x):  # type: ignore[no-untyped-def]
    if m.shown[x] == 1:
        m.shown[x] = 0
        if m.phase[x] == WAITING or m.phase[x] == RACING:
            m.phase[x] = GONE
        _recount(m)


@njit(cache=True)
def perceive(m, kind, x, value):  # type: ignore[no-untyped-def]
    """The world acts on element x at the mind's present moment (`advance` first)."""
    if kind == ONSET:
        m.n = max(m.n, x + 1)
        m.weight[x] = value
        m.need[x] = _exponential(m.key, RACE, x)
        m.due[x] = m.now + m.threshold
        m.fade[x] = np.inf
        m.phase[x] = WAITING
        m.shown[x] = 1
    elif kind == MASK:
        _leave(m, x)
    elif kind == OFFSET:
        if m.shown[x] == 1:
            m.fade[x] = m.now + m.persistence
    elif kind == WEIGHT:
        m.weight[x] = value
        _recount(m)
    elif kind == FORGET and m.phase[x] == STORED:
        m.phase[x] = GONE
        m.stored -= 1


@njit(cache=True)
def next_event(m):  # type: ignore[no-untyped-def]
    """(time, kind, element) of what the mind does next if the world leaves it alone; (inf, NOTHING, -1) if idle.

    The next finisher is the least need / weight: the order of finishing depends on neither C nor the sum, so
    it holds in the limit C = inf too, where all that races finishes at once but still in order.
    """
    t, kind, who = np.inf, NOTHING, -1
    lead, racer = np.inf, -1
    for x in range(m.n):
        if m.shown[x] == 1:
            if m.fade[x] < t or (m.fade[x] == t and kind == OPEN):
                t, kind, who = m.fade[x], FADE, x
            if m.phase[x] == RACING:
                if m.need[x] < lead * m.weight[x]:
                    lead, racer = m.need[x] / m.weight[x], x
            elif m.phase[x] == WAITING and m.due[x] < t:
                t, kind, who = m.due[x], OPEN, x
    if racer >= 0:
        finish = m.now + lead * m.total / m.capacity
        if finish < t:
            t, kind, who = finish, ENCODE, racer
    return t, kind, who


@njit(cache=True)
def advance(m, t):  # type: ignore[no-untyped-def]
    """Move the clock to t: every racing element has needed v_x (t - now) less. Exact; no event may lie between."""
    if t > m.now:
        if m.total > 0.0:
            pace = m.capacity * (t - m.now) / m.total
            for x in range(m.n):
                if m.phase[x] == RACING and m.weight[x] > 0.0:
                    m.need[x] = max(0.0, m.need[x] - pace * m.weight[x])
        m.now = t


@njit(cache=True)
def apply(m, kind, x):  # type: ignore[no-untyped-def]
    """Do what `next_event` said; returns what it turned out to be: a finisher may find the store FULL."""
    if kind == OPEN:
        m.phase[x] = RACING
        m.total += m.weight[x]
    elif kind == FADE:
        _leave(m, x)
    elif kind == ENCODE:
        if m.stored < m.slots:
            m.phase[x] = STORED
            m.slot[x] = _free_slot(m, x)
            m.stored += 1
        else:
            m.phase[x] = LOST
            kind = FULL
        if m.reallocate != 0:
            _recount(m)
    return kind


@njit(cache=True)
def _free_slot(m, x):  # type: ignore[no-untyped-def]
    """The lowest slot that no other element holds."""
    taken = np.uint64(0)  # a bit a slot: there are at most 64
    for z in range(m.n):
        if z != x and m.phase[z] == STORED:
            taken |= np.uint64(1) << np.uint64(m.slot[z])
    slot = 0
    while taken & np.uint64(1):
        taken >>= np.uint64(1)
        slot += 1
    return slot
