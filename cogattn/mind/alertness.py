"""Alertness and lapses: it tires under load, wanders, and recovers (`laws.alertness`).

Races and choices run in attention time, the integral of alertness:

    A(t) = G (1 - gF xF - gS xS),   and while attention is away, A times `lapse_speed`

Attention leaves its task (LAPSE) when the first of three clocks has run down, for the hazards of a rested mind, of the
fast and of the slow deficit, and returns (RETURN) after an exponential time. A mind without load is rested: a second is
a second of attention time, to the bit.

State: the pools and where they move to, the lapse clocks, the day. Brings: LAPSE, RETURN.
Closed form: `laws.alertness.survival`, `attention_time`.
"""

from __future__ import annotations

import numpy as np

from cogattn.compiled import compiled
from cogattn.laws.alertness import (
    RESTED,
    attention_clock,
    attention_time,
    lapse_clock,
    pool_at,
    pool_integral,
    pool_rates,
)
from cogattn.mind.draws import WANDER, _exponential
from cogattn.world.kinds import LAPSE, RETURN

# The pools: fast, slow and memory deficits, and how far the criterion has adapted.
FAST, SLOW, HELD, SHIFT = range(4)
CLOCKS, AWAY = 4, 3  # chances of each spell: three clocks at work, then how long it is away
_SCALE = 24.12  # the end of the Unified Model's scale of sleepiness

STATE = [
    ("load", np.float64),  # u; 0 = at rest
    ("memory", np.float64),  # load on memory
    ("x", np.float64, (4,)),  # pools
    ("k", np.float64, (4,)),  # their rates now
    ("goal", np.float64, (4,)),  # where they move to now
    ("day", np.float64),  # G, alertness of the day
    ("drowsy", np.float64),  # g, how much more often it wanders today
    ("on", np.int64),  # 1 = attention is on its task
    ("left", np.float64, (3,)),  # what is left of the lapse clocks' unit exponentials
    ("turn", np.float64),  # when attention leaves, or returns; inf = never
    ("turns", np.int64),  # how often a clock was wound: the address of its chances
]


@compiled(inner=True)
def begin(m, p):  # type: ignore[no-untyped-def]
    """Rested, and at no work."""
    m.load, m.memory, m.day, m.drowsy = 0.0, 0.0, 1.0, 1.0
    for j in range(4):
        m.x[j] = m.goal[j] = 0.0
    m.turn, m.turns = np.inf, 0
    _set_pools(m, p)


@compiled(inner=True)
def _set_pools(m, p):  # type: ignore[no-untyped-def]
    """Where the pools move to under the present loads, and how fast."""
    m.k[FAST], m.goal[FAST] = pool_rates(m.load, p.fast_tiring, p.fast_recovery, p.fast_rest)
    m.k[SLOW], m.goal[SLOW] = pool_rates(m.load, p.slow_tiring, p.slow_recovery, p.slow_rest)
    m.k[HELD], m.goal[HELD] = pool_rates(m.memory, p.slow_tiring, p.slow_recovery, p.slow_rest)
    if m.load > 0.0:
        m.k[SHIFT], m.goal[SHIFT] = 1.0 / p.criterion_time, 1.0
    else:
        m.k[SHIFT], m.goal[SHIFT] = 1.0 / p.criterion_rest, 0.0


@compiled(inner=True)
def alertness(m, p):  # type: ignore[no-untyped-def]
    """A now, without what being away costs."""
    return m.day * (1.0 - p.fast_loss * m.x[FAST] - p.slow_loss * m.x[SLOW])


@compiled(inner=True)
def _level(m, p):  # type: ignore[no-untyped-def]
    """What multiplies attention time now: the day, and being away."""
    return m.day if m.on == 1 else m.day * p.lapse_speed


@compiled(inner=True)
def _is_flat(m):  # type: ignore[no-untyped-def]
    """Alertness stands still: nothing loads and nothing has to recover."""
    return m.load == 0.0 and m.x[FAST] == 0.0 and m.x[SLOW] == 0.0


@compiled(inner=True)
def attention(m, p, t, tired):  # type: ignore[no-untyped-def]
    """Attention time of the next t seconds."""
    if tired is None:
        return t
    if _is_flat(m):
        return _level(m, p) * t
    return _level(m, p) * attention_time(
        t, p.fast_loss, m.x[FAST], m.k[FAST], m.goal[FAST], p.slow_loss, m.x[SLOW], m.k[SLOW], m.goal[SLOW]
    )


@compiled(inner=True)
def until(m, p, work, tired):  # type: ignore[no-untyped-def]
    """Seconds until this much attention time has passed."""
    if tired is None:
        return work
    if _is_flat(m):
        return work / _level(m, p)
    return attention_clock(
        work / _level(m, p),
        p.fast_loss, m.x[FAST], m.k[FAST], m.goal[FAST], p.slow_loss, m.x[SLOW], m.k[SLOW], m.goal[SLOW],
    )  # fmt: skip


@compiled(inner=True)
def selected(m, p, w, tired):  # type: ignore[no-untyped-def]
    """A weight as a tired mind gives it: w ** (A ** gb), whether attention is on its task or away (where searching for
    what stands out takes as long among many items as among few: `human/visual_search_slopes.csv`)."""
    if tired is None:
        return w
    if w <= 0.0 or p.sharpness == 0.0:
        return w
    a = alertness(m, p)
    return w if a == 1.0 else w ** (a**p.sharpness)


@compiled(inner=True)
def _wind(m, p):  # type: ignore[no-untyped-def]
    """New lapse clocks, or a new absence."""
    n = CLOCKS * m.turns
    m.turns += 1
    if m.on == 1:
        for j in range(3):
            m.left[j] = _exponential(m.self, WANDER, n + j)
    else:
        m.turn = m.now + p.lapse_duration * _exponential(m.self, WANDER, n + AWAY)


@compiled(inner=True)
def _clocks(m, p):  # type: ignore[no-untyped-def]
    """When attention leaves: the first of its clocks, from what is left of them (wound when work first begins)."""
    if m.on == 1:
        m.turn = np.inf
        h = p.wandering * m.drowsy
        if m.turns > 0 and h > 0.0:
            first = m.left[0] / (h * p.lapse_base) if p.lapse_base > 0.0 else np.inf
            first = min(first, lapse_clock(m.left[1], h * p.lapse_fast, m.k[FAST], m.goal[FAST], m.x[FAST]))
            first = min(first, lapse_clock(m.left[2], h * p.lapse_slow, m.k[SLOW], m.goal[SLOW], m.x[SLOW]))
            m.turn = m.now + first


@compiled(inner=True)
def turn(m, p):  # type: ignore[no-untyped-def]
    """The clock has run down: attention leaves, or returns. What it turned out to be."""
    if m.on == 1:
        m.on = 0
        _wind(m, p)
        return LAPSE
    come_back(m, p)
    return RETURN


@compiled(inner=True)
def come_back(m, p):  # type: ignore[no-untyped-def]
    """Attention is on its task again."""
    m.on = 1
    _wind(m, p)
    _clocks(m, p)


@compiled(inner=True)
def set_load(m, p, u):  # type: ignore[no-untyped-def]
    """Work begins, ends or changes. People's lapses are as frequent after a pause as before it (`human/
    simple_rt_contrasts.csv`): so attention wanders through a pause as it does through work."""
    m.load = u
    _set_pools(m, p)
    if u > 0.0 and m.turns == 0:
        _wind(m, p)
    _clocks(m, p)


@compiled(inner=True)
def set_memory(m, p, load):  # type: ignore[no-untyped-def]
    """So much has to be held in mind from now on."""
    m.memory = load
    _set_pools(m, p)


@compiled(inner=True)
def set_day(m, p, sleepiness):  # type: ignore[no-untyped-def]
    """G and g of a day: alertness falls with sleepiness, lapses are as frequent as the Unified Model says."""
    m.day = min(1.0, max(0.1, 1.0 - p.sleep_loss * (sleepiness - RESTED) / _SCALE))
    m.drowsy = max(0.1, sleepiness / RESTED) if p.sleep_loss > 0.0 else 1.0
    _clocks(m, p)


@compiled(inner=True)
def move(m, p, dt):  # type: ignore[no-untyped-def]
    """The pools and the lapse clocks after dt s."""
    if _is_flat(m) and m.x[SHIFT] <= 0.0 and m.x[HELD] <= 0.0 and m.memory <= 0.0:
        return
    h = p.wandering * m.drowsy
    if m.on == 1 and m.turn < np.inf:
        m.left[0] -= h * p.lapse_base * dt
        m.left[1] -= h * p.lapse_fast * pool_integral(m.x[FAST], m.k[FAST], m.goal[FAST], dt)
        m.left[2] -= h * p.lapse_slow * pool_integral(m.x[SLOW], m.k[SLOW], m.goal[SLOW], dt)
    for j in range(4):
        m.x[j] = pool_at(m.x[j], m.k[j], m.goal[j], dt)
