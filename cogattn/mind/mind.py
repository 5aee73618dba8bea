"""One mind as a jump process: a record of numbers and four functions, and nothing else.

Between events everything is a closed form, so the whole semantics is: `perceive` (the world does something),
`next_event` (what the mind would do next if the world left it alone, and when), `advance` (its clock moves,
exactly), `apply` (it does it). Compiled by numba and callable from Python, they are driven by SimPy
(`world.py`) or by a compiled loop (`cohort.py`), which therefore play the same events from the same draws.

The law (Bundesen's TVA, see `laws.race`): an element on display opens to the race t0 after its onset, then
its residual unit exponential `need` runs down at v_x = C w_x / sum w, the sum over all that has opened and is
still on display (with `reallocate`: over what is unfinished). Because the residual is kept, a change of rates
needs no new draw. At the end it takes a slot, or finds the store full. At one and the same time the world
comes first; then fading, opening, finishing, each in the order of the elements; then responding, then wandering.

Under load alertness A(t) falls (see `laws.alertness`): races run in attention time, and attention leaves its task
(LAPSE) and returns to it (RETURN) by clocks of its own. A stimulus that asks for a speeded response (CALL) draws it
from the state it meets. `begin` makes a mind somebody's, `fresh` starts its next trial: elements are new, the
mind is not.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from cogattn.laws.alertness import (
    RESTED,
    attention_clock,
    attention_time,
    lapse_clock,
    later,
    normal_quantile,
    pool_at,
    pool_integral,
    pool_rates,
)
from cogattn.mind.draws import RACE, RESPONSE, STORE, WANDER, _exponential, _key, _uniform
from cogattn.stream import (
    CALL,
    CAPTURE,
    FORGET,
    HOLD,
    LOAD,
    MASK,
    MOST_ELEMENTS,
    OFFSET,
    ONSET,
    RESPONSES,
    SLEEPINESS,
    WEIGHT,
)

# What a mind does by itself, as recorded; numbered on from what the world does (stream.ONSET .. END).
OPEN, ENCODE, FULL, FADE, RESPOND, LAPSE, RETURN = range(8, 15)
NOTHING = -1

# What a mind is made of: the columns of a person, in this order (names of `Observer`).
PARAMETERS = (
    "capacity", "slots", "threshold", "persistence", "reallocate", "speed", "speed_sd", "fast_loss", "slow_loss",
    "memory_loss", "sleep_loss", "wandering", "lapse_base", "lapse_fast", "lapse_slow", "away", "away_speed",
    "away_spread", "fast_tiring", "fast_recovery", "fast_rest", "slow_tiring", "slow_recovery", "slow_rest",
    "criterion", "criterion_shift", "criterion_time", "criterion_rest", "anticipation", "sharpness",
    "tempo_share", "tempo_time", "wariness",
)  # fmt: skip
(_C, _K, _T0, _MU, _RE, _S0, _SD, _GF, _GS, _GM, _GU, _WANDERING, _H0, _HF, _HS, _AWAY, _OFF, _SPREAD, _DF, _WF, _RF,
 _DS, _WS, _RS, _CRIT, _SHIFT, _TAU_Y, _REST_Y, _EARLY, _SHARP, _TEMPO, _TAU_Z,
 _WARY) = range(len(PARAMETERS))  # fmt: skip

# What a task is to a mind: rule (place in RESPONSES), sensitivity, caution, withhold, withhold_sd.
RULE = ("response", "sensitivity", "caution", "withhold", "withhold_sd")
SIMPLE, GO, DETECT = (RESPONSES.index(r) for r in ("simple", "go", "detect"))
MOST_TASKS = 8

# The pools: fast, slow and memory deficits, and how far the criterion has adapted.
FAST, SLOW, HELD, SHIFT = range(4)
_SCALE = 24.12  # the end of the Unified Model's scale of sleepiness

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
        ("own", np.float64, (len(PARAMETERS),)),  # the person
        ("rule", np.float64, (MOST_TASKS, len(RULE))),  # the tasks
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
        ("self", np.uint64),  # the address of this person's chances that outlast a trial
        ("calls", np.int64),  # speeded stimuli of this trial so far
        ("answer_at", np.float64),  # when the response comes; inf = none
        ("answer_to", np.int64),  # the element that it answers
        ("answer_ok", np.int64),  # 1 = what the task asked for
        ("tempo", np.float64),  # the slow part of speed's noise, in sd, at the last call
        ("tempo_at", np.float64),  # when that was
        ("erred_at", np.float64),  # when the last error was noticed; -inf = never
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
def begin(m, seed, person, trial, own):  # type: ignore[no-untyped-def]
    """One person, rested, at the start of a trial. own: the columns PARAMETERS."""
    for i in range(len(PARAMETERS)):
        m.own[i] = own[i]
    m.now = 0.0
    m.capacity, m.threshold, m.persistence = own[_C], own[_T0], own[_MU]
    m.reallocate = np.int64(own[_RE])
    m.load, m.memory, m.day, m.drowsy = 0.0, 0.0, 1.0, 1.0
    for j in range(4):
        m.x[j] = m.goal[j] = 0.0
    m.on, m.turn, m.turns = 1, np.inf, 0
    m.tempo, m.tempo_at, m.erred_at = 0.0, -np.inf, -np.inf
    m.self = _key(seed, person, trial)
    _set_pools(m)
    fresh(m, seed, person, trial)


@njit(cache=True)
def fresh(m, seed, person, trial):  # type: ignore[no-untyped-def]
    """The next trial of the same mind. Non-integer slots: floor or ceiling, by this trial's own draw."""
    m.key = _key(seed, person, trial)
    slots = m.own[_K]
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
    m.calls = 0
    m.answer_at, m.answer_to = np.inf, -1


@njit(cache=True)
def assign(m, tasks):  # type: ignore[no-untyped-def]
    """What there is to do: a row of RULE for each task."""
    for i in range(tasks.shape[0]):
        for j in range(len(RULE)):
            m.rule[i, j] = tasks[i, j]


# -- alertness ---------------------------------------------------------------------------------------------------


@njit(cache=True)
def _set_pools(m):  # type: ignore[no-untyped-def]
    """Where the pools move to under the present loads, and how fast."""
    o = m.own
    m.k[FAST], m.goal[FAST] = pool_rates(m.load, o[_DF], o[_WF], o[_RF])
    m.k[SLOW], m.goal[SLOW] = pool_rates(m.load, o[_DS], o[_WS], o[_RS])
    m.k[HELD], m.goal[HELD] = pool_rates(m.memory, o[_DS], o[_WS], o[_RS])
    if m.load > 0.0:
        m.k[SHIFT], m.goal[SHIFT] = 1.0 / o[_TAU_Y], 1.0
    else:
        m.k[SHIFT], m.goal[SHIFT] = 1.0 / o[_REST_Y], 0.0


@njit(cache=True)
def alertness(m):  # type: ignore[no-untyped-def]
    """A now, without what being away costs."""
    return m.day * (1.0 - m.own[_GF] * m.x[FAST] - m.own[_GS] * m.x[SLOW])


@njit(cache=True)
def _level(m):  # type: ignore[no-untyped-def]
    """What multiplies attention time now: the day, and being away."""
    return m.day if m.on == 1 else m.day * m.own[_OFF]


@njit(cache=True)
def _is_flat(m):  # type: ignore[no-untyped-def]
    """Alertness stands still: nothing loads and nothing has to recover."""
    return m.load == 0.0 and m.x[FAST] == 0.0 and m.x[SLOW] == 0.0


@njit(cache=True)
def _attention(m, t):  # type: ignore[no-untyped-def]
    """Attention time of the next t seconds."""
    if _is_flat(m):
        return _level(m) * t
    return _level(m) * attention_time(
        t, m.own[_GF], m.x[FAST], m.k[FAST], m.goal[FAST], m.own[_GS], m.x[SLOW], m.k[SLOW], m.goal[SLOW]
    )


@njit(cache=True)
def _until(m, work):  # type: ignore[no-untyped-def]
    """Seconds until this much attention time has passed."""
    if _is_flat(m):
        return work / _level(m)
    return attention_clock(
        work / _level(m),
        m.own[_GF], m.x[FAST], m.k[FAST], m.goal[FAST], m.own[_GS], m.x[SLOW], m.k[SLOW], m.goal[SLOW],
    )  # fmt: skip


@njit(cache=True)
def _wind(m):  # type: ignore[no-untyped-def]
    """New lapse clocks, or a new absence."""
    n = 4 * m.turns
    m.turns += 1
    if m.on == 1:
        for j in range(3):
            m.left[j] = _exponential(m.self, WANDER, n + j)
    else:
        m.turn = m.now + m.own[_AWAY] * _exponential(m.self, WANDER, n + 3)


@njit(cache=True)
def _clocks(m):  # type: ignore[no-untyped-def]
    """When attention leaves: the first of its clocks, from what is left of them (wound when work first begins)."""
    if m.on == 1:
        m.turn = np.inf
        h = m.own[_WANDERING] * m.drowsy
        if m.turns > 0 and h > 0.0:
            o = m.own
            first = m.left[0] / (h * o[_H0]) if o[_H0] > 0.0 else np.inf
            first = min(first, lapse_clock(m.left[1], h * o[_HF], m.k[FAST], m.goal[FAST], m.x[FAST]))
            first = min(first, lapse_clock(m.left[2], h * o[_HS], m.k[SLOW], m.goal[SLOW], m.x[SLOW]))
            m.turn = m.now + first


@njit(cache=True)
def _come_back(m):  # type: ignore[no-untyped-def]
    m.on = 1
    _wind(m)
    _clocks(m)


@njit(cache=True)
def _set_load(m, u):  # type: ignore[no-untyped-def]
    """Work begins, ends or changes. People's lapses are as frequent after a pause as before it (`human/
    simple_rt_contrasts.csv`): so attention wanders through a pause as it does through work."""
    m.load = u
    _set_pools(m)
    if u > 0.0 and m.turns == 0:
        _wind(m)
    _clocks(m)


@njit(cache=True)
def _set_day(m, sleepiness):  # type: ignore[no-untyped-def]
    """G and g of a day: alertness falls with sleepiness, lapses are as frequent as the Unified Model says."""
    m.day = min(1.0, max(0.1, 1.0 - m.own[_GU] * (sleepiness - RESTED) / _SCALE))
    m.drowsy = max(0.1, sleepiness / RESTED) if m.own[_GU] > 0.0 else 1.0
    _clocks(m)


# -- the speeded response ------------------------------------------------------------------------------------------


@njit(cache=True)
def _speed(m, u, mean, sd):  # type: ignore[no-untyped-def]
    """The response time of a draw u. Part of the noise of speed is slow: an Ornstein-Uhlenbeck tempo, exact at
    any time."""
    share = m.own[_TEMPO]
    if share <= 0.0:
        return later(u, mean, sd)
    keep = math.exp(-(m.now - m.tempo_at) / m.own[_TAU_Z])
    fresh_part = normal_quantile(_uniform(m.key, RESPONSE, 4 * m.calls - 1))
    m.tempo = keep * m.tempo + math.sqrt(1.0 - keep * keep) * fresh_part
    m.tempo_at = m.now
    return later(u, mean + math.sqrt(share) * sd * m.tempo, math.sqrt(1.0 - share) * sd)


@njit(cache=True)
def _answer(m, x, task, signal):  # type: ignore[no-untyped-def]
    """What comes of a stimulus that asks for a speeded response: when, and whether it is what the task asked for."""
    o, rule, n = m.own, m.rule[task], 4 * m.calls
    m.calls += 1
    m.answer_to = x
    right, yes = True, True
    mean, sd, ready = o[_S0] * alertness(m), o[_SD], m.on == 1
    if rule[0] == DETECT:
        # Attention that is away meets noise. Sensitivity falls with the deficit of memory alone.
        d = rule[1] * (1.0 - o[_GM] * m.x[HELD])
        seen = d / 2 if (signal == 1 and ready) else -d / 2
        c = o[_CRIT] + o[_SHIFT] * m.x[SHIFT]
        yes = seen + normal_quantile(_uniform(m.key, RESPONSE, n + 1)) > c
        right = yes == (signal == 1)
    if mean == np.inf:
        rt = 0.0
        if rule[0] == GO:
            yes = not (signal == 1 and ready)
            right = yes == (signal == 0)
    else:
        if not ready:
            sd *= o[_SPREAD]
            if (
                rule[0] != GO
            ):  # a rhythm goes on by habit while attention is away; what has to be noticed waits
                mean *= o[_OFF]
        rt = _speed(m, _uniform(m.key, RESPONSE, n), mean, sd)
        if rule[0] == GO:
            if ready:  # who waits for more is safer; as signals prove rare he waits less
                c = rule[2] - (rule[2] - 1.0) * m.x[SHIFT] * (1.0 if o[_SHIFT] > 0.0 else 0.0)
                rt *= c + m.own[_WARY] * math.exp(-(m.now - m.erred_at) / m.own[_TAU_Z])
                if signal == 1:
                    z = normal_quantile(_uniform(m.key, RESPONSE, n + 1))
                    yes = rt < max(0.0, rule[3] + rule[4] * z) / alertness(m)
            right = yes == (signal == 0)
        if rule[0] == SIMPLE:
            early = _uniform(m.key, RESPONSE, n + 2)
            if early < o[_EARLY]:
                rt = 0.1 * early / o[_EARLY]
                right = False
    m.answer_ok = 1 if right else 0
    m.answer_at = m.now + rt if yes else np.inf


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
def _selected(m, w):  # type: ignore[no-untyped-def]
    """A weight as a tired mind gives it: w ** (A ** gb); with attention away all that counts at all counts alike."""
    if w <= 0.0 or m.own[_SHARP] == 0.0:
        return w
    if m.on == 0:
        return 1.0
    a = alertness(m)
    return w if a == 1.0 else w ** (a ** m.own[_SHARP])


@njit(cache=True)
def perceive(m, kind, x, value):  # type: ignore[no-untyped-def]
    """The world acts on element x at the mind's present moment (`advance` first)."""
    if kind == ONSET:
        m.n = max(m.n, x + 1)
        m.weight[x] = _selected(m, value)
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
        m.weight[x] = _selected(m, value)
        _recount(m)
    elif kind == FORGET:
        if m.phase[x] == STORED:
            m.phase[x] = GONE
            m.stored -= 1
    elif kind == CALL:
        _answer(m, x, np.int64(value) >> 1, np.int64(value) & 1)
    elif kind == LOAD:
        _set_load(m, value)
    elif kind == HOLD:
        m.memory = value
        _set_pools(m)
    elif kind == CAPTURE:
        if m.on == 0:
            _come_back(m)
    elif kind == SLEEPINESS:
        _set_day(m, value)


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
        finish = m.now + _until(m, lead * m.total / m.capacity)
        if finish < t:
            t, kind, who = finish, ENCODE, racer
    if m.answer_at < t:
        t, kind, who = m.answer_at, RESPOND, m.answer_to
    if m.turn < t:
        t, kind, who = m.turn, LAPSE if m.on == 1 else RETURN, -1
    return t, kind, who


@njit(cache=True)
def advance(m, t):  # type: ignore[no-untyped-def]
    """Move the clock to t: every racing element has needed v_x less for each second of attention time, pools have
    moved, lapse clocks run down. Exact; no event may lie between."""
    if t > m.now:
        dt = t - m.now
        if m.total > 0.0:
            pace = m.capacity * _attention(m, dt) / m.total
            for x in range(m.n):
                if m.phase[x] == RACING and m.weight[x] > 0.0:
                    m.need[x] = max(0.0, m.need[x] - pace * m.weight[x])
        if not _is_flat(m) or m.x[SHIFT] > 0.0 or m.x[HELD] > 0.0 or m.memory > 0.0:
            _move_pools(m, dt)
        m.now = t


@njit(cache=True)
def _move_pools(m, dt):  # type: ignore[no-untyped-def]
    h = m.own[_WANDERING] * m.drowsy
    if m.on == 1 and m.turn < np.inf:
        m.left[0] -= h * m.own[_H0] * dt
        m.left[1] -= h * m.own[_HF] * pool_integral(m.x[FAST], m.k[FAST], m.goal[FAST], dt)
        m.left[2] -= h * m.own[_HS] * pool_integral(m.x[SLOW], m.k[SLOW], m.goal[SLOW], dt)
    for j in range(4):
        m.x[j] = pool_at(m.x[j], m.k[j], m.goal[j], dt)


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
    elif kind == RESPOND:
        m.answer_at = np.inf
        if m.answer_ok == 0:  # a wrong response is noticed: it makes wary, and calls attention back
            m.erred_at = m.now
            if m.on == 0:
                _come_back(m)
    elif kind == LAPSE:
        m.on = 0
        _wind(m)
    elif kind == RETURN:
        _come_back(m)
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
