"""The store: K slots, a door that locks while something is consolidated, displacement, decay.

What has finished wants in. The store may be full: then it is lost (FULL), or it displaces an item (DISPLACE), or waits,
or is counted. While an item is consolidated the door is locked (`laws.door.blink_encoded`), for a time of its own and
until the item has been categorised a few times more, at the rate v at which it was encoded:

    D = N(dwell, dwell_sd) + dwell_counts / v,        0 if that is below 0

What finishes meanwhile WAITs there as long as it is on display, and tries again when the door opens (UNLOCK), unless it
finishes so soon after the onset of what locked the door that it slips in. Stored items may DECAY (`laws.memory`).

State: who holds which slot, until when the door is locked. Brings: UNLOCK, DECAY; says what a finish turns out to be.
Closed form: `laws.door.blink_encoded`, `laws.memory`.
"""

from __future__ import annotations

import math

import numpy as np

from cogattn.compiled import compiled
from cogattn.laws.alertness import normal_quantile
from cogattn.mind import race
from cogattn.mind.draws import CHOICE, DOOR, EVICT, ORDER, STORE, _exponential, _uniform
from cogattn.mind.phases import AT_DOOR, GONE, LOST, STORED
from cogattn.world.kinds import DISPLACE, ENCODE, FULL, WAIT
from cogattn.world.stream import MOST_ELEMENTS, WHEN_FULL

RANDOM, OLDEST, WEAKEST, WAITS = (WHEN_FULL.index(name) for name in ("random", "oldest", "weakest", "wait"))

DWELL, SLIPS_IN = 0, 1  # chances of an element at the door, two each
WHICH, HOW_WEAK = 0, 1  # chances of what makes room, two each
LIFE = 4  # the chance, of eight of an element, how long it lives in the store (the others: `central`)
_CLOSE = 1e-9  # s; what comes as close as the window is still within it

STATE = [
    ("slots", np.int64),  # K of this trial
    ("stored", np.int64),  # how many slots are taken
    ("door_until", np.float64),  # when the store's door opens again
    ("door_from", np.float64),  # the onset of what locked it
    ("at_door", np.int64),  # how many wait there
]
ELEMENT = [
    ("owner", np.int64),  # 1 + the element in the slot of this number, 0 = free
    ("slot", np.int64),  # the slot of a STORED element
    ("entered", np.float64),  # when it entered
    ("life", np.float64),  # when it decays
]


@compiled(inline=True)
def mixed(key, value, stream, n):  # type: ignore[no-untyped-def]
    """A number that is not whole: its floor or its ceiling, by this trial's own draw."""
    low = math.floor(value)
    return np.int64(low) + (1 if value > low and _uniform(key, stream, n) < value - low else 0)


@compiled(inline=True)
def fresh(m, p, e):  # type: ignore[no-untyped-def]
    """A trial begins: all slots are free. Non-integer slots: floor or ceiling, by this trial's own draw."""
    for slot in range(m.n):  # no more slots than elements were ever taken
        e[slot].owner = 0
    m.slots = MOST_ELEMENTS if p.slots >= MOST_ELEMENTS else mixed(m.key, p.slots, STORE, 0)
    m.stored = m.at_door = 0
    m.door_until = m.door_from = -np.inf


@compiled(inline=True)
def seems(m, p, e, x):  # type: ignore[no-untyped-def]
    """When a stored item seems to have come."""
    sd = p.order_sd
    return e[x].entered + (sd * normal_quantile(_uniform(m.key, ORDER, x)) if sd > 0.0 else 0.0)


@compiled(inline=True)
def enter(m, p, e, x, rule, rules, conflict, keep, turn):  # type: ignore[no-untyped-def]
    """What has finished wants into the store; returns what comes of it."""
    spared = False
    if keep is not None:
        if m.now < m.door_until:
            spared = (
                m.now - m.door_from <= p.sparing_window + _CLOSE
                and _uniform(m.key, DOOR, 2 * x + SLIPS_IN) < p.sparing
            )
            if not spared:
                return _stand(m, e, x)
    if m.stored >= m.slots:
        if keep is not None and m.slots > 0:
            how = rule.when_full
            if how == WAITS:
                return _stand(m, e, x)
            if how == RANDOM or how == OLDEST or how == WEAKEST:
                m.who = _victim(m, p, e, x, how)
                forget(m, p, e, m.who, rules, conflict, turn)
                e[x].need = 0.0
                return DISPLACE
        race.finish(m, e, x, LOST)
        return FULL
    race.finish(m, e, x, STORED)
    m.stored += 1
    slot = 0
    while e[slot].owner > 0:
        slot += 1
    e[slot].owner = x + 1
    e[x].slot = slot
    e[x].entered = m.now
    if keep is not None:
        e[x].life = np.inf
        if p.memory_life < np.inf:
            e[x].life = m.now + p.memory_life * _exponential(m.key, CHOICE, 8 * x + LIFE)
        if rule.consolidate != 0.0 and not spared:
            dwell = p.dwell
            if p.dwell_sd > 0.0:
                dwell += p.dwell_sd * normal_quantile(_uniform(m.key, DOOR, 2 * x + DWELL))
            if p.dwell_counts > 0.0:
                dwell += p.dwell_counts / e[x].rate
            if dwell > 0.0:
                m.door_until = m.now + dwell
                m.door_from = e[x].since
    return ENCODE


@compiled(inline=True)
def _stand(m, e, x):  # type: ignore[no-untyped-def]
    """It waits before the door, for as long as it is on display."""
    race.finish(m, e, x, AT_DOOR)
    m.at_door += 1
    return WAIT


@compiled(inline=True)
def unlock(m, p, e, rules, conflict, turn):  # type: ignore[no-untyped-def]
    """UNLOCK: the door is open; who waits tries again."""
    m.door_until = -np.inf
    _try_again(m, p, e, rules, conflict, turn)


@compiled(inline=True)
def _try_again(m, p, e, rules, conflict, turn):  # type: ignore[no-untyped-def]
    """Who waits at the door finishes once more, at once."""
    if m.at_door > 0:
        race.settle(m, p, e, rules, conflict, turn)
        for x in range(m.first, m.n):
            if e[x].phase == AT_DOOR:
                race.begin(m, e, x)
                e[x].need = 0.0
        m.at_door = 0


@compiled(inline=True)
def forget(m, p, e, x, rules, conflict, turn):  # type: ignore[no-untyped-def]
    """Element x leaves the store."""
    if e[x].phase == STORED:
        e[x].phase = GONE
        e[e[x].slot].owner = 0
        m.stored -= 1
        if m.now >= m.door_until:
            _try_again(m, p, e, rules, conflict, turn)


@compiled(inline=True)
def _victim(m, p, e, x, how):  # type: ignore[no-untyped-def]
    """Which of the items in a full store gives way to x."""
    if how == RANDOM:
        return e[np.int64(_uniform(m.key, EVICT, 2 * x + WHICH) * m.slots)].owner - 1
    out, least = -1, np.inf
    for slot in range(m.slots):
        z = e[slot].owner - 1
        key = seems(m, p, e, z) if how == OLDEST else e[z].weight * _uniform(m.key, EVICT, 2 * z + HOW_WEAK)
        if key < least:
            out, least = z, key
    return out


@compiled(inline=True)
def next_decay(m, p, e):  # type: ignore[no-untyped-def]
    """(when, who) decays next."""
    t, who = np.inf, -1
    if p.memory_life < np.inf and m.stored > 0:
        for x in range(m.n):
            if e[x].phase == STORED and e[x].life < t:
                t, who = e[x].life, x
    return t, who
