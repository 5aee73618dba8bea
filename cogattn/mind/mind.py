"""One mind as a jump process: a record of numbers and four functions, and nothing else.

Between events everything is a closed form, so the whole semantics is: `perceive` (the world does something),
`next_event` (what the mind would do next if the world left it alone, and when), `advance` (its clock moves,
exactly), `apply` (it does it). Compiled by numba and callable from Python, they are driven by SimPy
(`world.py`) or by a compiled loop (`cohort.py`), which therefore play the same events from the same draws.

The law (Bundesen's TVA, see `laws.race`): an element on display opens to the race t0 after its onset, then
its residual unit exponential `need` runs down at v_x = C w_x / sum w, the sum over all that has opened and is
still on display (with `reallocate`: over what is unfinished). Because the residual is kept, a change of rates
needs no new draw. At the end it takes a slot, or finds the store full. At one and the same time the world
comes first; then fading, opening, finishing, each in the order of the elements; then the door, choosing and
responding, decay, turning to another task, wandering.

What has finished wants into the store. Its door may be locked while what was selected before is consolidated (it
WAITs there as long as it is on display), or the store may be full: then it is lost (FULL), or DISPLACEs an item, or
waits, or is counted. Stored items may DECAY. A stimulus that asks for a choice is perceived further (READY), then
served by one central stage (CHOOSE), then the hand moves (RESPOND). With several tasks their elements compete as far
as they draw on the same resources, or attention is on one task at a time: it decides anew (STAY or LEAVE) and
arrives (ENGAGE).

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
from cogattn.laws.conflict import SLOWEST, contamination, decided
from cogattn.laws.search import inspection, pick, practised_share, quit_weight
from cogattn.laws.stages import attractiveness, share_of
from cogattn.mind.draws import (
    CHOICE,
    DOOR,
    EVICT,
    ORDER,
    RACE,
    RESPONSE,
    STORE,
    SWITCH,
    TELL,
    WANDER,
    _exponential,
    _key,
    _uniform,
)
from cogattn.mind.draws import VISIT as VISITS
from cogattn.world.stream import (
    CALL,
    CAPTURE,
    EXPIRE,
    FORGET,
    HOLD,
    LOAD,
    MASK,
    MOST_ELEMENTS,
    MOST_TASKS,
    OFFSET,
    ONSET,
    RESPONSES,
    SLEEPINESS,
    WEIGHT,
    WHEN_FULL,
)

# What a mind does by itself, as recorded; numbered on from what the world does (stream.ONSET .. EXPIRE).
OPEN, ENCODE, FULL, FADE, RESPOND, LAPSE, RETURN = range(8, 15)
WAIT, UNLOCK, DISPLACE, DECAY, READY, CHOOSE, STAY, LEAVE, ENGAGE, VISIT, FOUND, QUIT, COUNT_ONE = range(
    20, 33
)
NOTHING = -1

# What a mind is made of: the columns of a person, in this order (names of `Observer`).
PARAMETERS = (
    "capacity", "slots", "threshold", "persistence", "reallocate", "speed", "speed_sd", "fast_loss", "slow_loss",
    "memory_loss", "sleep_loss", "wandering", "lapse_base", "lapse_fast", "lapse_slow", "lapse_duration",
    "lapse_speed", "lapse_spread", "fast_tiring", "fast_recovery", "fast_rest", "slow_tiring", "slow_recovery",
    "slow_rest", "criterion", "criterion_shift", "criterion_time", "criterion_rest", "anticipation", "sharpness",
    "tempo_share", "tempo_time", "wariness", "central_share", "central", "slip", "response_grouping", "dwell",
    "dwell_sd", "sparing", "sparing_window", "order_sd", "memory_life", "switch_rate", "task_inertia",
    "switch_time", "unattended_weight", "learning", "search_group", "quit_growth", "visit_shape", "visit_hit",
    "evidence_threshold", "narrowing",
)  # fmt: skip
(_C, _K, _T0, _MU, _RE, _S0, _SD, _GF, _GS, _GM, _GU, _WANDERING, _H0, _HF, _HS, _AWAY, _OFF, _SPREAD, _DF, _WF, _RF,
 _DS, _WS, _RS, _CRIT, _SHIFT, _TAU_Y, _REST_Y, _EARLY, _SHARP, _TEMPO, _TAU_Z, _WARY, _SHARE, _CENTRAL, _SLIPS, _GROUP,
 _DWELL, _DWELL_SD, _SPARING, _WINDOW, _ORDER_SD, _LIFE, _RESTLESS, _STAYS, _SWITCH, _SPILL, _LEARNING,
 _GROUPED, _QUITS, _SHAPE, _HIT, _LEAD, _NARROWING) = range(len(PARAMETERS))  # fmt: skip

# What a task is to a mind: the names of `stream.Task`; words are numbers (their place in RESPONSES and WHEN_FULL).
RULE = ("response", "sensitivity", "caution", "withhold", "withhold_sd", "when_full", "consolidate", "automatic",
        "practice", "inspect", "tell", "hold", "choice", "before", "before_sd", "after", "after_sd", "slip",
        "priority", "salience", "difficulty")  # fmt: skip
(_RESPONSE, _SENSITIVITY, _CAUTION, _WITHHOLD, _WITHHOLD_SD, _WHEN_FULL, _CONSOLIDATE, _AUTOMATIC, _PRACTICE,
 _INSPECT, _TELL, _HOLD, _CHOICE, _BEFORE, _BEFORE_SD, _AFTER, _AFTER_SD, _SLIP, _PRIORITY, _SALIENCE,
 _DIFFICULTY) = range(len(RULE))  # fmt: skip
SIMPLE, GO, DETECT, CHOICES, SEARCH, DECIDE = range(1, len(RESPONSES))
LOSE, RANDOM, OLDEST, WEAKEST, WAITS, COUNT = range(len(WHEN_FULL))

# The pools: fast, slow and memory deficits, and how far the criterion has adapted.
FAST, SLOW, HELD, SHIFT = range(4)
_SCALE = 24.12  # the end of the Unified Model's scale of sleepiness

# Where an element is on its way. A GONE element has been masked or has faded before it finished, or it has left the
# store again; one AT_DOOR has finished and waits to be let in.
ABSENT, WAITING, RACING, STORED, LOST, GONE, AT_DOOR = range(7)

# How far its answer is: perceived further, at the central stage, in the hand; a search, or a count, is under way.
PERCEIVED, CENTRAL, MOVING, DONE, HUNTING, TELLING = range(1, 7)
NOWHERE, BETWEEN = -1, -2  # the focus when all tasks are attended at once; while it moves

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
        ("first", np.int64),  # all before this one are over: loops begin here
        ("total", np.float64, (MOST_TASKS,)),  # for each task: sum of the weights that compete with it now
        ("own", np.float64, (len(PARAMETERS),)),  # the person
        ("tasks", np.int64),  # how many there are
        ("rule", np.float64, (MOST_TASKS, len(RULE))),  # the tasks
        ("conflict", np.float64, (MOST_TASKS, MOST_TASKS)),  # how much of a task's weight counts for another
        ("focused", np.int64),  # 1 = one task at a time
        ("focus", np.int64),  # the task that has attention; NOWHERE: all have
        ("bound_for", np.int64),  # the task that the focus moves to
        ("decide_at", np.float64),  # when it is decided anew where attention goes, or when the focus arrives
        ("decisions", np.int64),
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
        ("who", np.int64),  # the element (of ENGAGE: the task) that the last event was about
        ("door_until", np.float64),  # when the store's door opens again
        ("door_from", np.float64),  # the onset of what locked it
        ("at_door", np.int64),  # how many wait there
        ("busy", np.int64),  # how many elements are on their way to an answer
        ("counted", np.int64),  # how many were too many for the store, of a task that counts them
        ("hunter", np.int64),  # the element in whose name a search is under way, -1 = none
        ("rejected", np.int64),  # groups that it visited in vain
        ("found", np.int64),  # the target, once it has been picked
        ("says", np.int64, (_M,)),  # the answer that it speaks for
        ("ahead", np.int64, (_M,)),  # by how many categorisations the right answer leads
        ("drive", np.float64, (_M,)),  # the speed of this decision, 1/s
        ("told", np.int64, (_M,)),  # how many there were
        ("owner", np.int64, (_M,)),  # 1 + the element in each slot, 0 = free
        ("job", np.int64, (_M,)),  # its task
        ("evidence", np.float64, (_M,)),
        ("skill", np.float64, (_M,)),  # rate without attention, 1/s
        ("since", np.float64, (_M,)),  # its onset
        ("stamp", np.float64, (_M,)),  # when it seems to have come
        ("minded", np.int64, (_M,)),  # 1 = attention was on its task when it was encoded
        ("life", np.float64, (_M,)),  # when it decays
        ("stage", np.int64, (_M,)),
        ("when", np.float64, (_M,)),  # when the stage that takes a fixed time ends
        ("work", np.float64, (_M,)),  # what is left of choosing, s of attention time
        ("queued", np.float64, (_M,)),  # when it reached the central stage
        ("right", np.int64, (_M,)),  # 1 = the right answer was chosen
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
def _mixed(m, value, stream, n):  # type: ignore[no-untyped-def]
    """A number that is not whole: its floor or its ceiling, by this trial's own draw."""
    low = math.floor(value)
    return np.int64(low) + (1 if value > low and _uniform(m.key, stream, n) < value - low else 0)


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
    if m.tasks == 0:
        m.tasks, m.conflict[0, 0], m.focus, m.decide_at = 1, 1.0, NOWHERE, np.inf
    _set_pools(m)
    fresh(m, seed, person, trial)


@njit(cache=True)
def fresh(m, seed, person, trial):  # type: ignore[no-untyped-def]
    """The next trial of the same mind. Non-integer slots: floor or ceiling, by this trial's own draw."""
    m.key = _key(seed, person, trial)
    for j in range(m.n):  # no more slots than elements were ever taken
        m.owner[j] = 0
    slots = m.own[_K]
    if slots >= _M:
        m.slots = _M
    else:
        m.slots = _mixed(m, slots, STORE, 0)
    m.stored = 0
    for j in range(MOST_TASKS):
        m.total[j] = 0.0
    for x in range(m.n):
        m.phase[x] = ABSENT
        m.shown[x] = 0
        m.stage[x] = 0
    m.n = m.first = m.busy = m.at_door = m.counted = 0
    m.door_until = m.door_from = -np.inf
    m.hunter = m.found = -1
    m.rejected = 0
    m.calls = 0
    m.answer_at, m.answer_to = np.inf, -1


@njit(cache=True)
def assign(m, tasks, conflict, focused):  # type: ignore[no-untyped-def]
    """What there is to do: a row of RULE for each task, and how the tasks compete. focused: one at a time, unless all
    of attention spills over to the others: then it is on all of them."""
    m.tasks = tasks.shape[0]
    for i in range(m.tasks):
        for j in range(len(RULE)):
            m.rule[i, j] = tasks[i, j]
        for j in range(m.tasks):
            m.conflict[i, j] = conflict[i, j]
    m.focused = focused if m.own[_SPILL] < 1.0 else 0
    m.decisions = 0
    m.focus = NOWHERE
    m.decide_at = np.inf
    if m.focused != 0:
        m.focus, m.bound_for = BETWEEN, -1
        m.decide_at = m.now


@njit(cache=True)
def enlist(m, x, job, evidence, says):  # type: ignore[no-untyped-def]
    """Element x belongs to this task, is this clear, speaks for this answer. What is practised has a rate of its own
    (Logan 1988). What is searched is visited, it does not race."""
    m.job[x] = job
    m.says[x] = says
    m.evidence[x] = evidence if m.rule[job, _RESPONSE] != SEARCH else 0.0
    m.skill[x] = 0.0
    practice = m.rule[job, _PRACTICE]
    if practice > 0.0 and m.own[_LEARNING] > 0.0 and m.rule[job, _RESPONSE] != SEARCH:
        share = practised_share(practice, m.own[_LEARNING], m.own[_SHAPE])
        m.skill[x] = m.capacity * evidence * (1.0 - share) if share < 1.0 and evidence > 0.0 else 0.0


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


# -- the speeded response ----------------------------------------------------------------------------------------


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
    if rule[_RESPONSE] == DETECT:
        # Attention that is away meets noise. Sensitivity falls with the deficit of memory alone.
        d = rule[_SENSITIVITY] * (1.0 - o[_GM] * m.x[HELD])
        seen = d / 2 if (signal == 1 and ready) else -d / 2
        c = o[_CRIT] + o[_SHIFT] * m.x[SHIFT]
        yes = seen + normal_quantile(_uniform(m.key, RESPONSE, n + 1)) > c
        right = yes == (signal == 1)
    if mean == np.inf:
        rt = 0.0
        if rule[_RESPONSE] == GO:
            yes = not (signal == 1 and ready)
            right = yes == (signal == 0)
    else:
        if not ready:
            sd *= o[_SPREAD]
            if rule[_RESPONSE] != GO:  # a rhythm goes on by habit while away; what has to be noticed waits
                mean *= o[_OFF]
        rt = _speed(m, _uniform(m.key, RESPONSE, n), mean, sd)
        if rule[_RESPONSE] == GO:
            if ready:  # who waits for more is safer; as signals prove rare he waits less
                c = rule[_CAUTION] - (rule[_CAUTION] - 1.0) * m.x[SHIFT] * (1.0 if o[_SHIFT] > 0.0 else 0.0)
                rt *= c + m.own[_WARY] * math.exp(-(m.now - m.erred_at) / m.own[_TAU_Z])
                if signal == 1:
                    z = normal_quantile(_uniform(m.key, RESPONSE, n + 1))
                    yes = rt < max(0.0, rule[_WITHHOLD] + rule[_WITHHOLD_SD] * z) / alertness(m)
            right = yes == (signal == 0)
        if rule[_RESPONSE] == SIMPLE:
            early = _uniform(m.key, RESPONSE, n + 2)
            if early < o[_EARLY]:
                rt = 0.1 * early / o[_EARLY]
                right = False
    m.answer_ok = 1 if right else 0
    m.answer_at = m.now + rt if yes else np.inf


# -- the race ----------------------------------------------------------------------------------------------------


@njit(cache=True)
def _worth(m, x):  # type: ignore[no-untyped-def]
    """The weight of an element now: little of it is left while attention is on another task."""
    if m.focused != 0 and m.job[x] != m.focus:
        return m.weight[x] * m.own[_SPILL]
    return m.weight[x]


@njit(cache=True)
def _recount(m):  # type: ignore[no-untyped-def]
    """For each task: sum_z k_z w_z over what the capacity is divided among: all opened and shown, or all unfinished."""
    for j in range(m.tasks):
        m.total[j] = 0.0
    for x in range(m.first, m.n):
        p = m.phase[x]
        if m.shown[x] == 1 and (p == RACING or (m.reallocate == 0 and p > WAITING)):
            _join(m, x)


@njit(cache=True)
def _join(m, x):  # type: ignore[no-untyped-def]
    """Element x competes from now on; what is automatic takes nothing from others."""
    job = m.job[x]
    if m.rule[job, _AUTOMATIC] == 0.0:
        w = _worth(m, x)
        if m.tasks == 1:
            m.total[0] += w
        else:
            for j in range(m.tasks):
                m.total[j] += m.conflict[j, job] * w


@njit(cache=True)
def _rate(m, x):  # type: ignore[no-untyped-def]
    """v_x = C eta_x w_x / sum k w + what practice adds, per second of attention time; inf if C is."""
    job = m.job[x]
    if m.rule[job, _AUTOMATIC] != 0.0:
        return m.capacity * m.evidence[x] if m.evidence[x] > 0.0 else 0.0
    w = _worth(m, x) * m.evidence[x]
    if w <= 0.0 or m.total[job] <= 0.0:
        return m.skill[x]
    return m.capacity * w / m.total[job] + m.skill[x]


@njit(cache=True)
def _close(m):  # type: ignore[no-untyped-def]
    """What is gone, lost or stored, off the display and not on its way to an answer needs no look any more."""
    while m.first < m.n and m.shown[m.first] == 0:
        p, s = m.phase[m.first], m.stage[m.first]
        if not ((p == GONE or p == LOST or p == STORED) and (s == 0 or s == DONE)):
            break
        m.first += 1


@njit(cache=True)
def _leave(m, x):  # type: ignore[no-untyped-def]
    """Element x is on display no longer."""
    if m.shown[x] == 1:
        m.shown[x] = 0
        if m.phase[x] == AT_DOOR:
            m.at_door -= 1
        if m.phase[x] == WAITING or m.phase[x] == RACING or m.phase[x] == AT_DOOR:
            m.phase[x] = GONE
        _recount(m)
        _close(m)


# -- the store ---------------------------------------------------------------------------------------------------


@njit(cache=True)
def _enter(m, x):  # type: ignore[no-untyped-def]
    """What has finished wants into the store; returns what comes of it."""
    rule = m.rule[m.job[x]]
    spared = False
    if m.now < m.door_until:
        spared = (
            m.since[x] - m.door_from <= m.own[_WINDOW] + 1e-9
            and _uniform(m.key, DOOR, 2 * x + 1) < m.own[_SPARING]
        )
        if not spared:
            return _stand(m, x)
    if m.stored >= m.slots:
        how = rule[_WHEN_FULL]
        if how == WAITS and m.slots > 0:
            return _stand(m, x)
        if (how == RANDOM or how == OLDEST or how == WEAKEST) and m.slots > 0:
            m.who = _victim(m, x, how)
            _forget(m, m.who)
            m.need[x] = 0.0
            return DISPLACE
        m.phase[x] = LOST
        if how == COUNT:
            _count(m, x)
        return FULL
    m.phase[x] = STORED
    m.stored += 1
    slot = 0
    while m.owner[slot] > 0:
        slot += 1
    m.owner[slot] = x + 1
    m.slot[x] = slot
    m.minded[x] = m.on
    sd = m.own[_ORDER_SD]
    m.stamp[x] = m.now + (sd * normal_quantile(_uniform(m.key, ORDER, x)) if sd > 0.0 else 0.0)
    m.life[x] = np.inf
    if m.own[_LIFE] < np.inf:
        m.life[x] = m.now + m.own[_LIFE] * _exponential(m.key, CHOICE, 8 * x + 4)
    if rule[_CONSOLIDATE] != 0.0 and not spared:
        dwell = m.own[_DWELL]
        if m.own[_DWELL_SD] > 0.0:
            dwell += m.own[_DWELL_SD] * normal_quantile(_uniform(m.key, DOOR, 2 * x))
        if dwell > 0.0:
            m.door_until = m.now + dwell
            m.door_from = m.since[x]
    if rule[_RESPONSE] == CHOICES:
        m.stage[x] = PERCEIVED
        m.busy += 1
        m.when[x] = m.now + _fixed(m, x, rule[_BEFORE], rule[_BEFORE_SD], 2)
    return ENCODE


@njit(cache=True)
def _stand(m, x):  # type: ignore[no-untyped-def]
    """It waits before the door, for as long as it is on display."""
    m.phase[x] = AT_DOOR
    m.at_door += 1
    return WAIT


@njit(cache=True)
def _open_door(m):  # type: ignore[no-untyped-def]
    """Who waits tries again."""
    if m.at_door > 0:
        for x in range(m.first, m.n):
            if m.phase[x] == AT_DOOR:
                m.phase[x] = RACING
                m.need[x] = 0.0
        m.at_door = 0


@njit(cache=True)
def _forget(m, x):  # type: ignore[no-untyped-def]
    """Element x leaves the store."""
    if m.phase[x] == STORED:
        m.phase[x] = GONE
        m.owner[m.slot[x]] = 0
        m.stored -= 1
        if m.now >= m.door_until:
            _open_door(m)


@njit(cache=True)
def _victim(m, x, how):  # type: ignore[no-untyped-def]
    """Which of the items in a full store gives way to x."""
    if how == RANDOM:
        return m.owner[np.int64(_uniform(m.key, EVICT, 2 * x) * m.slots)] - 1
    out, least = -1, np.inf
    for slot in range(m.slots):
        z = m.owner[slot] - 1
        key = m.stamp[z] if how == OLDEST else m.weight[z] * _uniform(m.key, EVICT, 2 * z + 1)
        if key < least:
            out, least = z, key
    return out


# -- the central stage -------------------------------------------------------------------------------------------


@njit(cache=True)
def _fixed(m, x, mean, sd, which):  # type: ignore[no-untyped-def]
    """How long a stage takes that attention does not change."""
    if sd > 0.0:
        return max(0.0, mean + sd * normal_quantile(_uniform(m.key, CHOICE, 8 * x + which)))
    return mean


@njit(cache=True)
def _queue(m, x):  # type: ignore[no-untyped-def]
    """Element x reaches the central stage: what choosing takes is a draw of the person's speed."""
    m.stage[x] = CENTRAL
    m.queued[x] = m.now
    m.work[x] = 0.0
    if m.own[_S0] < np.inf:
        u = _uniform(m.key, CHOICE, 8 * x)
        m.work[x] = m.rule[m.job[x], _CHOICE] * later(u, m.own[_S0], m.own[_SD])


@njit(cache=True)
def _count(m, x):  # type: ignore[no-untyped-def]
    """One too many for the store. The first is in hand; the others are counted, one after the other."""
    m.busy += 1
    _queue(m, x)
    if m.counted == 0:
        m.work[x] = 0.0
    m.counted += 1


@njit(cache=True)
def _serves(m, x):  # type: ignore[no-untyped-def]
    """Whether the central stage works on x at all: it waits while attention is on another task."""
    return m.stage[x] == CENTRAL and (m.focused == 0 or m.job[x] == m.focus)


@njit(cache=True)
def _service(m, x):  # type: ignore[no-untyped-def]
    """The part of the central stage that x has: by priority, then by arrival, then by number."""
    job = m.job[x]
    if m.own[_CENTRAL] == np.inf or m.rule[job, _AUTOMATIC] != 0.0:
        return 1.0
    rank, n, first = 0, 0, m.rule[job, _PRIORITY]
    for z in range(m.first, m.n):
        if _serves(m, z) and m.rule[m.job[z], _AUTOMATIC] == 0.0:
            n += 1
            p = m.rule[m.job[z], _PRIORITY]
            if p > first or (
                p == first and (m.queued[z] < m.queued[x] or (m.queued[z] == m.queued[x] and z < x))
            ):
                rank += 1
    return min(1.0, m.own[_CENTRAL] * share_of(rank, n, m.own[_SHARE]))


@njit(cache=True)
def _choose(m, x):  # type: ignore[no-untyped-def]
    """The response to x is chosen; the hand takes it from here. A person may hold it back for the other one."""
    rule = m.rule[m.job[x]]
    slip = 1.0 - (1.0 - m.own[_SLIPS]) * (1.0 - rule[_SLIP])
    m.right[x] = 1 if slip <= 0.0 or _uniform(m.key, CHOICE, 8 * x + 1) >= slip else 0
    if rule[_WHEN_FULL] == COUNT and m.phase[x] == LOST:
        m.stage[x] = DONE
        m.busy -= 1
        return
    m.stage[x] = MOVING
    m.when[x] = m.now + _fixed(m, x, rule[_AFTER], rule[_AFTER_SD], 3)
    if m.own[_GROUP] > 0.0:
        alone = True
        for z in range(m.first, m.n):
            if (
                m.stage[z] == MOVING and m.work[z] < 0.0 and m.now < m.queued[z] + m.own[_GROUP]
            ):  # held back until now
                m.when[z] += m.now - m.queued[z] - m.own[_GROUP]
                m.work[z] = 0.0
                alone = False
        if alone:
            m.work[x], m.queued[x] = -1.0, m.now
            m.when[x] += m.own[_GROUP]
    _forget(m, x)


# -- searching, and telling what it is -------------------------------------------------------------------------


@njit(cache=True)
def _begin_to_answer(m, x):  # type: ignore[no-untyped-def]
    """What a task asks of an element as soon as it has opened."""
    response = m.rule[m.job[x], _RESPONSE]
    if response == SEARCH and m.hunter < 0:
        m.hunter = x
        m.stage[x] = HUNTING
        m.busy += 1
        m.work[x] = 0.0
    elif response == DECIDE and m.evidence[x] > 0.0:
        m.stage[x] = TELLING
        m.busy += 1
        m.queued[x] = m.now
        m.ahead[x] = m.told[x] = 0
        m.drive[x] = m.own[_S0]
        if m.own[_S0] < np.inf:  # speed varies from decision to decision as it does in a simple response
            z = normal_quantile(_uniform(m.key, TELL, 4503599627370496 + x))
            m.drive[x] = max(m.own[_S0] + m.own[_SD] * z, SLOWEST * m.own[_S0])
        m.work[x] = _exponential(m.key, TELL, 16777216 * x)


@njit(cache=True)
def _pace(m, x):  # type: ignore[no-untyped-def]
    """How fast what an element waits for comes, per second of attention time."""
    if m.stage[x] == HUNTING:
        return 1.0
    return m.rule[m.job[x], _TELL] * m.drive[x] * m.evidence[x]


@njit(cache=True)
def _visit(m, h):  # type: ignore[no-untyped-def]
    """A visit has ended (or the search begins): what was found is answered; else the next group, or no more."""
    if m.found >= 0:
        m.who = m.found
        _queue(m, h)
        return FOUND
    job = m.job[h]
    size = _mixed(m, m.own[_GROUPED], VISITS, 1099511627776)
    quit_at = quit_weight(0.0, m.own[_QUITS], m.rejected)
    done, worth = np.ones(m.n, np.bool_), np.zeros(m.n)
    for x in range(m.first, m.n):
        if m.phase[x] == RACING and m.job[x] == job:
            done[x], worth[x] = False, _worth(m, x)
    for i in range(size):
        who = pick(_uniform(m.key, VISITS, 64 * m.rejected + i), worth, done, quit_at if i == 0 else 0.0)
        if who < 0:
            if i == 0:
                _queue(m, h)
                return QUIT
            break
        m.phase[who] = LOST
        done[who] = True
        if i == 0:
            m.who = who
        if m.says[who] == 1:
            m.found = who
            break
    m.work[h] = 0.0
    if m.own[_S0] < np.inf:
        mean = m.rule[job, _INSPECT] / m.own[_S0] * (m.own[_HIT] if m.found >= 0 else 1.0)
        if m.rule[job, _PRACTICE] > 0.0:
            mean *= practised_share(m.rule[job, _PRACTICE], m.own[_LEARNING], m.own[_SHAPE])
        m.work[h] = inspection(_uniform(m.key, VISITS, 64 * m.rejected + 63), mean, m.own[_SHAPE])
    m.rejected += 1
    return VISIT


@njit(cache=True)
def _tell(m, x):  # type: ignore[no-untyped-def]
    """One more categorisation: of the target, or of what contaminates it; the answer that leads far enough is given."""
    rule, job = m.rule[m.job[x]], m.job[x]
    k = 16777216 * x + 2 * m.told[x]
    m.told[x] += 1
    if m.own[_S0] == np.inf:  # no end of them in no time
        m.ahead[x] = 1000000
    else:
        other = 0.0
        for z in range(m.n):
            if z != x and m.job[z] == job and m.evidence[z] == 0.0 and m.shown[z] == 1:
                other += m.weight[z]
        tau = m.own[_NARROWING] * rule[_HOLD]
        c = contamination(m.now - m.queued[x], other / m.weight[x], tau) if m.weight[x] > 0.0 else 1.0
        u = _uniform(m.key, TELL, k + 1)
        if u >= c:
            m.ahead[x] += 1
        else:
            left = u / c * other
            for z in range(m.n):
                if z != x and m.job[z] == job and m.evidence[z] == 0.0 and m.shown[z] == 1:
                    left -= m.weight[z]
                    if left < 0.0:
                        m.ahead[x] += m.says[z] * m.says[x]
                        break
    answer = decided(m.ahead[x], 0, _mixed(m, m.own[_LEAD], TELL, 1125899906842624), False)
    if answer != 0:
        _choose(m, x)
        if answer < 0:
            m.right[x] = 1 - m.right[x]
        return CHOOSE
    m.work[x] = _exponential(m.key, TELL, k + 2)
    return COUNT_ONE


# -- turning from task to task -----------------------------------------------------------------------------------


@njit(cache=True)
def _turn(m):  # type: ignore[no-untyped-def]
    """Where does attention go? A Luce choice over the tasks; what it is on draws it `stay` times as much."""
    if m.focus == BETWEEN and m.bound_for >= 0:
        m.focus = m.who = m.bound_for
        m.bound_for = -1
        _rest_of_turn(m)
        return ENGAGE
    total, pull = 0.0, np.zeros(MOST_TASKS)
    for j in range(m.tasks):
        waiting = False
        for x in range(m.first, m.n):
            if m.job[x] == j and m.shown[x] == 1 and (m.stage[x] < MOVING or m.stage[x] >= HUNTING):
                waiting = True
        pull[j] = attractiveness(m.rule[j, _PRIORITY], m.rule[j, _SALIENCE], m.rule[j, _DIFFICULTY], waiting)
        if j == m.focus:
            pull[j] *= m.own[_STAYS]
        total += pull[j]
    left, task = total * _uniform(m.key, SWITCH, 2 * m.decisions), 0
    while task < m.tasks - 1 and left >= pull[task]:
        left -= pull[task]
        task += 1
    if task == m.focus:
        _rest_of_turn(m)
        return STAY
    first = m.focus == BETWEEN
    m.focus, m.bound_for = BETWEEN, task
    m.decide_at = m.now if first else m.now + m.own[_SWITCH]
    m.decisions += 1
    _recount(m)
    return LEAVE


@njit(cache=True)
def _rest_of_turn(m):  # type: ignore[no-untyped-def]
    m.decide_at = np.inf
    if m.own[_RESTLESS] > 0.0:
        m.decide_at = m.now + _exponential(m.key, SWITCH, 2 * m.decisions + 1) / m.own[_RESTLESS]
    m.decisions += 1
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
        m.first = min(m.first, x)
        m.weight[x] = _selected(m, value)
        m.need[x] = _exponential(m.key, RACE, x)
        m.since[x] = m.now
        m.due[x] = m.now + m.threshold
        m.fade[x] = np.inf
        m.phase[x] = WAITING
        m.shown[x] = 1
        m.stage[x] = 0
        if m.focused != 0 and m.focus >= 0 and m.job[x] != m.focus and m.rule[m.job[x], _SALIENCE] > 0.0:
            m.decide_at = m.now  # something calls from elsewhere
    elif kind == MASK:
        _leave(m, x)
    elif kind == OFFSET:
        if m.shown[x] == 1:
            m.fade[x] = m.now + m.persistence
    elif kind == WEIGHT:
        m.weight[x] = _selected(m, value)
        _recount(m)
    elif kind == FORGET:
        _forget(m, x)
    elif kind == EXPIRE:
        if m.stage[x] < MOVING or m.stage[x] >= HUNTING:
            if m.stage[x] > 0:
                m.stage[x] = 0
                m.busy -= 1
            _leave(m, x)
            _forget(m, x)
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
    lead, racer, ahead = np.inf, -1, False
    for x in range(m.first, m.n):
        if m.shown[x] == 1:
            if m.fade[x] < t or (m.fade[x] == t and kind == OPEN):
                t, kind, who = m.fade[x], FADE, x
            if m.phase[x] == RACING:
                rate = _rate(m, x)
                if rate == np.inf:  # all at once, but in order
                    worth = _worth(m, x)
                    if worth <= 0.0 or m.rule[m.job[x], _AUTOMATIC] != 0.0:
                        worth = 1.0  # what is automatic, or practised, needs no weight
                    cost = m.need[x] / (worth * m.evidence[x])
                    if not ahead or cost < lead:
                        lead, racer, ahead = cost, x, True
                elif rate > 0.0 and not ahead and m.need[x] < lead * rate:
                    lead, racer = m.need[x] / rate, x
            elif m.phase[x] == WAITING and m.due[x] < t:
                t, kind, who = m.due[x], OPEN, x
    if racer >= 0:
        finish = m.now if ahead else m.now + _until(m, lead)
        if finish < t:
            t, kind, who = finish, ENCODE, racer
    if m.at_door > 0 and m.now <= m.door_until and m.door_until < t:
        t, kind, who = m.door_until, UNLOCK, -1
    if m.busy > 0:
        for x in range(m.first, m.n):
            if m.stage[x] == CENTRAL:
                if _serves(m, x):
                    rate = _service(m, x)
                    if rate > 0.0:
                        done = m.now + _until(m, m.work[x] / rate)
                        if done < t:
                            t, kind, who = done, CHOOSE, x
            elif m.stage[x] >= HUNTING:
                pace = _pace(m, x)
                done = m.now + (_until(m, m.work[x] / pace) if pace < np.inf else 0.0)
                if done < t:
                    t, kind, who = done, VISIT if m.stage[x] == HUNTING else COUNT_ONE, x
            elif (m.stage[x] == PERCEIVED or m.stage[x] == MOVING) and m.when[x] < t:
                t, kind, who = m.when[x], READY if m.stage[x] == PERCEIVED else RESPOND, x
    if m.own[_LIFE] < np.inf and m.stored > 0:
        for x in range(m.n):
            if m.phase[x] == STORED and m.life[x] < t:
                t, kind, who = m.life[x], DECAY, x
    if m.answer_at < t:
        t, kind, who = m.answer_at, RESPOND, m.answer_to
    if m.decide_at < t:
        t, kind, who = m.decide_at, STAY, -1
    if m.turn < t:
        t, kind, who = m.turn, LAPSE if m.on == 1 else RETURN, -1
    return t, kind, who


@njit(cache=True)
def advance(m, t):  # type: ignore[no-untyped-def]
    """Move the clock to t: every racing element has needed v_x less for each second of attention time, pools have
    moved, lapse clocks run down. Exact; no event may lie between."""
    if t > m.now:
        dt = t - m.now
        gone = -1.0
        for x in range(m.first, m.n):
            if m.phase[x] == RACING:
                if gone < 0.0:
                    gone = _attention(m, dt)
                rate = _rate(m, x)
                if rate > 0.0:
                    m.need[x] = max(0.0, m.need[x] - gone * rate)
        if m.busy > 0:
            _work(m, _attention(m, dt))
        if not _is_flat(m) or m.x[SHIFT] > 0.0 or m.x[HELD] > 0.0 or m.memory > 0.0:
            _move_pools(m, dt)
        m.now = t


@njit(cache=True)
def _work(m, gone):  # type: ignore[no-untyped-def]
    """So much attention time went into choosing."""
    left = np.empty(m.n)
    for x in range(m.first, m.n):
        left[x] = m.work[x] - gone * _service(m, x) if _serves(m, x) else m.work[x]
        if m.stage[x] >= HUNTING:
            left[x] = m.work[x] - gone * min(_pace(m, x), 1e300)
    for x in range(m.first, m.n):
        if m.stage[x] == CENTRAL or m.stage[x] >= HUNTING:
            m.work[x] = max(0.0, left[x])


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
    """Do what `next_event` said; returns what it turned out to be (a finisher may find the store FULL), and leaves in
    `who` whom it was about."""
    m.who = x
    if kind == OPEN:
        m.phase[x] = RACING
        _join(m, x)
        _begin_to_answer(m, x)
    elif kind == FADE:
        _leave(m, x)
    elif kind == ENCODE:
        kind = _enter(m, x)
        if m.reallocate != 0:
            _recount(m)
    elif kind == UNLOCK:
        m.door_until = -np.inf
        _open_door(m)
    elif kind == DECAY:
        _forget(m, x)
    elif kind == READY:
        _queue(m, x)
    elif kind == CHOOSE:
        _choose(m, x)
    elif kind == VISIT:
        kind = _visit(m, x)
    elif kind == COUNT_ONE:
        kind = _tell(m, x)
    elif kind == RESPOND:
        _respond(m, x)
    elif kind == STAY:
        kind = _turn(m)
    elif kind == LAPSE:
        m.on = 0
        _wind(m)
    elif kind == RETURN:
        _come_back(m)
    return kind


@njit(cache=True)
def about(m, kind):  # type: ignore[no-untyped-def]
    """(element, slot) of an event that has just happened, as recorded. ENGAGE is about a task: its number stands in
    the place of the slot."""
    if kind == ENCODE:
        return m.who, m.slot[m.who]
    if kind == ENGAGE:
        return np.int64(-1), m.who
    return m.who, np.int64(-1)


@njit(cache=True)
def _respond(m, x):  # type: ignore[no-untyped-def]
    """A response is given; what it answers goes away. One that is noticed to be wrong makes wary, and calls attention
    back."""
    if m.stage[x] == MOVING:
        m.stage[x] = DONE
        m.busy -= 1
        _leave(m, x)
        _close(m)
        return
    m.answer_at = np.inf
    if m.answer_ok == 0:
        m.erred_at = m.now
        if m.on == 0:
            _come_back(m)
