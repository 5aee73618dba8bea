"""The engine: a mind as a jump process. It knows which mechanisms there are and who goes first, and none of their laws.

Between events everything is a closed form, so the whole semantics is: `perceive` (the world does something),
`next_event` (what the mind would do next if the world left it alone, and when), `advance` (its clock moves, exactly),
`apply` (it does it). Compiled by numba and callable from Python, they are driven by SimPy (`world.py`) or by a compiled
loop (`cohort.py`), which therefore play the same events from the same draws.

At one and the same time the world comes first; then fading, opening, finishing, each in the order of the elements; then
the door; then whatever is on its way to an answer, in the order of the elements; then decay, what is said, the speeded
response, the turn to another task, wandering.

`begin` makes a mind somebody's, `fresh` starts its next trial: elements are new, the mind is not. The arguments: m, the
record MIND; p, the person; e, the elements; rules and conflict, the tasks; tired to turn, the mechanisms
(`state.Used`).
"""

from __future__ import annotations

import numpy as np

from cogattn.compiled import compiled
from cogattn.mind import (
    alertness,
    calls,
    central,
    decision,
    focus,
    inhibition,
    race,
    rehearsal,
    search,
    store,
)
from cogattn.mind.draws import _key
from cogattn.mind.phases import MOVING, NOWHERE, PERCEIVED
from cogattn.world import kinds
from cogattn.world.kinds import (
    CHOOSE,
    COUNT_ONE,
    DECAY,
    ENCODE,
    ENGAGE,
    FADE,
    FULL,
    LAPSE,
    NOTHING,
    OPEN,
    READY,
    REHEARSE,
    RESPOND,
    RETURN,
    STAY,
    STOP,
    UNLOCK,
    VISIT,
)
from cogattn.world.stream import RESPONSES

_SEARCH, _DECIDE, _CHOOSE, _STOP = (RESPONSES.index(name) for name in ("search", "decide", "choose", "stop"))


@compiled(inline=True)
def begin(m, p, e, rules, seed, person, trial, tired, answer, hunt, tell):  # type: ignore[no-untyped-def]
    """One person, rested, in no trial yet."""
    m.now = 0.0
    m.on = 1
    m.turn = m.decide_at = np.inf
    m.focused, m.focus = 0, NOWHERE
    if tired is not None:
        m.self = _key(seed, person, trial)
        alertness.begin(m, p)
        calls.begin(m)
        fresh(m, p, e, rules, m.self, tired, answer, hunt, tell)


@compiled(inline=True)
def fresh(m, p, e, rules, key, tired, answer, hunt, tell):  # type: ignore[no-untyped-def]
    """The next trial of the same mind; key: the address of its chances."""
    m.key = key
    store.fresh(m, p, e)
    rehearsal.fresh(m)
    if answer is not None:
        central.fresh(m, e)
    if hunt is not None:
        search.fresh(m)
    if tell is not None:
        decision.fresh(m)
    if tired is not None:
        calls.fresh(m)
    race.fresh(m, e, rules)


@compiled(inline=True)
def assign(m, p, focused, turn):  # type: ignore[no-untyped-def]
    """What there is to do is new. focused: one task at a time."""
    if turn is not None:
        focus.assign(m, p, focused)


@compiled(inline=True)
def perceive(m, p, e, rules, conflict, tired, keep, turn, kind, x, value):  # type: ignore[no-untyped-def]
    """The world acts on element x at the mind's present moment (`advance` first)."""
    if kind == kinds.ONSET:
        race.appear(m, p, e, x, value, tired)
        e[x].stage = 0
        if turn is not None:
            focus.called(m, e, x, rules)
    elif kind == kinds.MASK:
        race.leave(m, e, x)
    elif kind == kinds.OFFSET:
        race.remove(m, p, e, x)
    elif kind == kinds.WEIGHT:
        e[x].weight = alertness.selected(m, p, value, tired)
        m.stale = 1
    if keep is not None:
        if kind == kinds.FORGET:
            store.forget(m, p, e, x, rules, conflict, turn)
        elif kind == kinds.EXPIRE:
            if central.withdraw(m, e, x):
                race.leave(m, e, x)
                store.forget(m, p, e, x, rules, conflict, turn)
    if tired is not None:
        if kind == kinds.CALL:
            task = np.int64(value) >> 1
            if rules[task].response >= rehearsal.FORWARD:
                rehearsal.recall(m, p, e, rules, np.int64(rules[task].response), tired)
            else:
                calls.call(m, p, e, rules, x, task, np.int64(value) & 1)
        elif kind == kinds.LOAD:
            alertness.set_load(m, p, value)
        elif kind == kinds.HOLD:
            alertness.set_memory(m, p, value)
        elif kind == kinds.CAPTURE:
            if m.on == 0:
                alertness.come_back(m, p)
        elif kind == kinds.SLEEPINESS:
            alertness.set_day(m, p, value)


@compiled(inline=True)
def next_event(m, p, e, rules, conflict, tired, keep, answer, hunt, tell, turn):  # type: ignore[no-untyped-def]
    """(time, kind, element) of what the mind does next if the world leaves it alone; (inf, NOTHING, -1) if idle."""
    t, kind, who = np.inf, NOTHING, -1
    then, x = race.next_fade(m, e)
    if then < t:
        t, kind, who = then, FADE, x
    then, x = race.next_open(m, e)
    if then < t:
        t, kind, who = then, OPEN, x
    if not t <= m.now:  # else nothing can come sooner
        lead, x, at_once = race.next_finish(m, p, e, rules, conflict, turn)
        if x >= 0:
            then = m.now if at_once else m.now + alertness.until(m, p, lead, tired)
            if then < t:
                t, kind, who = then, ENCODE, x
    if keep is not None:
        if m.at_door > 0 and m.now <= m.door_until and m.door_until < t:
            t, kind, who = m.door_until, UNLOCK, -1
    if answer is not None:
        if m.busy > 0:
            then, x, what = _next_answer(m, p, e, rules, conflict, tired, hunt, tell, turn)
            if then < t:
                t, kind, who = then, what, x
    if keep is not None:
        then, x = store.next_decay(m, p, e)
        if then < t:
            t, kind, who = then, DECAY, x
        then, x = rehearsal.next_said(m, e)
        if then < t:
            t, kind, who = then, REHEARSE, x
    if tired is not None:
        if m.answer_at < t:
            t, kind, who = m.answer_at, RESPOND, m.answer_to
    if turn is not None:
        if m.decide_at < t:
            t, kind, who = m.decide_at, STAY, -1
    if tired is not None:
        if m.turn < t:
            t, kind, who = m.turn, LAPSE if m.on == 1 else RETURN, -1
    return t, kind, who


@compiled(inline=True)
def _next_answer(m, p, e, rules, conflict, tired, hunt, tell, turn):  # type: ignore[no-untyped-def]
    """(time, element, kind) of what comes next on the way to an answer; at one time in the order of the elements."""
    t, who = central.next_timed(m, e)
    kind = RESPOND
    if who >= 0 and e[who].stage != MOVING:
        kind = READY if e[who].stage == PERCEIVED else STOP
    then, x = central.next_choice(m, p, e, rules, tired, turn)
    if then < t or (then == t and 0 <= x < who):
        t, who, kind = then, x, CHOOSE
    if hunt is not None:
        then, x = search.next_visit(m, p, e, tired)
        if then < t or (then == t and 0 <= x < who):
            t, who, kind = then, x, VISIT
    if tell is not None:
        then, x = decision.next_count(m, p, e, rules, conflict, tired, turn)
        if then < t or (then == t and 0 <= x < who):
            t, who, kind = then, x, COUNT_ONE
    return t, who, kind


@compiled(inline=True)
def advance(m, p, e, rules, conflict, tired, answer, hunt, tell, turn, t):  # type: ignore[no-untyped-def]
    """Move the clock to t: what races has needed v_x less for each second of attention time, choices have come nearer,
    pools have moved, lapse clocks run down. Exact; no event may lie between."""
    if t > m.now:
        dt = t - m.now
        if m.racing > 0 or m.busy > 0:
            gone = alertness.attention(m, p, dt, tired)
            race.run(m, p, e, gone, rules, conflict, turn)
            if answer is not None:
                central.work(m, p, e, gone, rules, turn)
            if hunt is not None:
                search.work(m, e, gone)
            if tell is not None:
                decision.work(m, p, e, gone, rules, conflict, turn)
        if tired is not None:
            alertness.move(m, p, dt)
        m.now = t


@compiled(inline=True)
def apply(m, p, e, rules, conflict, tired, keep, answer, hunt, tell, turn, kind, x):  # type: ignore[no-untyped-def]
    """Do what `next_event` said; returns what it turned out to be (a finisher may find the store FULL), and leaves in
    `who` whom it was about."""
    m.who = x
    if kind == OPEN:
        race.open_(m, p, e, x, rules, conflict, turn)
        if hunt is not None:
            if rules[e[x].job].response == _SEARCH:
                search.begin(m, e, x)
        if tell is not None:
            if rules[e[x].job].response == _DECIDE:
                decision.begin(m, p, e, x, rules)
        if answer is not None:
            if rules[e[x].job].response == _STOP:
                inhibition.begin(m, p, e, x, rules)
    elif kind == FADE:
        race.leave(m, e, x)
    elif kind == ENCODE:
        rule = rules[e[x].job]
        kind = store.enter(m, p, e, x, rule, rules, conflict, keep, turn)
        if answer is not None:
            if kind == ENCODE and rule.response == _CHOOSE:
                central.perceive(m, p, e, x, rule)
            elif kind == FULL and rule.when_full == central.COUNT:
                central.count(m, p, e, x, rules)
        if keep is not None:
            if rule.rehearse > 0.0 and (kind == ENCODE or kind == FULL):
                rehearsal.hear(m, p, e, x, rules, tired)
        if p.reallocate != 0.0:
            m.stale = 1
    if keep is not None:
        if kind == UNLOCK:
            store.unlock(m, p, e, rules, conflict, turn)
        elif kind == DECAY:
            store.forget(m, p, e, x, rules, conflict, turn)
        elif kind == REHEARSE:
            return rehearsal.say(m, p, e, x, rules, tired)
    if answer is not None:
        if kind == READY:
            central.ready(m, p, e, x, rules)
        elif kind == CHOOSE:
            central.choose(m, p, e, x, rules, conflict, turn)
        elif kind == STOP:
            inhibition.stop(m, e, x)
    if hunt is not None:
        if kind == VISIT:
            return search.visit(m, p, e, x, rules, conflict, turn)
    if tell is not None:
        if kind == COUNT_ONE:
            return decision.count(m, p, e, x, rules, conflict, turn)
    if turn is not None:
        if kind == STAY:
            return focus.turn_to(m, p, e, rules)
    if kind == RESPOND:
        if answer is not None:
            if e[x].stage == MOVING:
                central.respond(m, e, x)
                return kind
        if tired is not None:
            calls.respond(m, p)
    elif kind == LAPSE or kind == RETURN:
        if tired is not None:
            return alertness.turn(m, p)
    return kind


@compiled(inline=True)
def about(m, e, kind):  # type: ignore[no-untyped-def]
    """(element, slot) of an event that has just happened, as recorded. ENGAGE is about a task: its number stands in
    the place of the slot."""
    if kind == ENCODE:
        return m.who, e[m.who].slot
    if kind == ENGAGE:
        return np.int64(-1), m.who
    return m.who, np.int64(-1)
