"""The race: elements on display compete for the rate of processing (Bundesen's TVA; `laws.race`).

An element opens to the race t0 after its onset (OPEN); then its residual unit exponential `need` runs down at

    v_x = C eta_x w_x / sum_z k w_z  +  what practice adds,        per second of attention time

the sum over all that has opened and is still on display (with `reallocate`: over what is unfinished). Because the
residual is kept, a change of rates needs no new draw. An element taken away unmasked fades after `persistence` (FADE).

State: weights, needs, rates and phases of the elements. Brings: FADE, OPEN, and the finish that `store.enter` decides.
Closed form: `laws.race.partial_report`, `laws.race.whole_report`.

Rates and sums are made anew when they are asked for, not when something changes (`stale`): many changes at one time,
a display that is masked, cost one sum.
"""

from __future__ import annotations

import numpy as np

from cogattn.compiled import compiled
from cogattn.laws.search import practised_share
from cogattn.mind.alertness import selected
from cogattn.mind.draws import RACE, _exponential
from cogattn.mind.phases import ABSENT, AT_DOOR, DONE, GONE, LOST, RACING, STORED, WAITING
from cogattn.world.stream import MOST_TASKS, RESPONSES

SEARCH = RESPONSES.index("search")

_SURE = 1e-9  # of the span: closer than rounding could bring two that finish; then each is looked at

STATE = [
    ("n", np.int64),  # elements met so far: loops stop here
    ("first", np.int64),  # all before this one are over: loops begin here
    ("met", np.int64),  # how many have appeared, in this order: `order`
    ("opened", np.int64),  # all before this place of the order have opened, or are gone
    ("racing", np.int64),  # how many race: `racer`
    ("ranked", np.int64),  # 1 = they stand in the order of finishing, the next one last
    ("span", np.float64),  # when the last of them would finish, when they were ranked, s of attention time
    ("fading", np.int64),  # how many fade
    ("stale", np.int64),  # 1 = sums, and so rates, are those of before
    ("total", np.float64, (MOST_TASKS,)),  # for each task: sum of the weights that compete with it now
    ("focused", np.int64),  # 1 = one task at a time
    ("focus", np.int64),  # the task that has attention; NOWHERE: all have
]
ELEMENT = [
    ("need", np.float64),  # residual unit exponential
    ("rate", np.float64),  # v
    ("weight", np.float64),
    ("phase", np.int64),
    ("shown", np.int64),  # 1 = on display
    ("due", np.float64),  # when a WAITING element opens
    ("fade", np.float64),  # when an element taken away fades; inf = not taken away
    ("order", np.uint32),  # the element that appeared as this one of all
    ("racer", np.uint32),  # the element that has this place among those that race
    ("ahead", np.float64),  # when that one would finish, when they were ranked
    ("job", np.uint32),  # its task
    ("evidence", np.float64),  # eta
    ("clear", np.float64),  # what a network makes of eta in this trial: a factor; 1 without one
    ("sure", np.float64),  # how likely a categorisation of it says what is right; 1 without a network
    ("skill", np.float64),  # rate without attention, 1/s
    ("since", np.float64),  # its onset
    ("supports", np.int64),  # the answer that it speaks for
]


@compiled(inline=True)
def fresh(m, e, rules):  # type: ignore[no-untyped-def]
    """A trial begins: nothing has appeared."""
    for x in range(m.n):
        row = e[x]
        row.phase = ABSENT
        row.shown = 0
    m.n = m.first = m.met = m.opened = m.racing = m.fading = m.stale = 0
    for j in range(len(rules)):
        m.total[j] = 0.0


@compiled(inline=True)
def enlist(p, rule, row, job, evidence, supports):  # type: ignore[no-untyped-def]
    """An element belongs to this task, is this clear, speaks for this answer. What is practised has a rate of its own
    (Logan 1988). What is searched is visited, it does not race."""
    row.job = job
    row.supports = supports
    row.evidence = evidence if rule.response != SEARCH else 0.0
    row.clear = row.sure = 1.0
    row.skill = 0.0
    if rule.practice > 0.0 and p.learning > 0.0 and rule.response != SEARCH:
        share = practised_share(rule.practice, p.learning, p.visit_shape)
        row.skill = p.capacity * evidence * (1.0 - share) if share < 1.0 and evidence > 0.0 else 0.0


@compiled(inline=True)
def told_by(rule, row, evidence, clear, sure):  # type: ignore[no-untyped-def]
    """A network has looked at this element in this trial: eta is `clear` times what it was, and right with `sure`."""
    row.evidence = evidence * clear if rule.response != SEARCH else 0.0
    row.clear, row.sure = clear, sure


@compiled(inline=True)
def worth(m, p, e, x, turn):  # type: ignore[no-untyped-def]
    """The weight of an element now: little of it is left while attention is on another task."""
    if turn is not None:
        if m.focused != 0 and e[x].job != m.focus:
            return e[x].weight * p.unattended_weight
    return e[x].weight


@compiled(inline=True)
def _join(m, p, e, x, rules, conflict, turn):  # type: ignore[no-untyped-def]
    """Element x competes from now on; what is automatic takes nothing from others."""
    job = e[x].job
    if rules[job].automatic == 0.0:
        w = worth(m, p, e, x, turn)
        if len(rules) == 1:
            m.total[0] += w
        else:
            for j in range(len(rules)):
                m.total[j] += conflict[j, job] * w


@compiled(inline=True)
def _rate(m, p, e, x, rules, turn):  # type: ignore[no-untyped-def]
    """v_x, per second of attention time; inf if C is."""
    job = e[x].job
    if rules[job].automatic != 0.0:
        return p.capacity * e[x].evidence if e[x].evidence > 0.0 else 0.0
    w = worth(m, p, e, x, turn) * e[x].evidence
    if w <= 0.0 or m.total[job] <= 0.0:
        return e[x].skill
    return p.capacity * w / m.total[job] + e[x].skill


@compiled(inner=True)
def _sum(m, p, e, rules, conflict, turn):  # type: ignore[no-untyped-def]
    """For each task: sum_z k_z w_z over what the capacity is divided among: all opened and shown, or all unfinished."""
    for j in range(len(rules)):
        m.total[j] = 0.0
    for x in range(m.first, m.n):
        phase = e[x].phase
        if e[x].shown == 1 and (phase == RACING or (p.reallocate == 0.0 and phase > WAITING)):
            _join(m, p, e, x, rules, conflict, turn)


@compiled(inline=True)
def settle(m, p, e, rules, conflict, turn):  # type: ignore[no-untyped-def]
    """The sums as they are now, before something that leaves them as they are, but not what they would be made of."""
    if m.stale == 1:
        _sum(m, p, e, rules, conflict, turn)
        m.stale = 2


@compiled(inline=True)
def refresh(m, p, e, rules, conflict, turn):  # type: ignore[no-untyped-def]
    """Sums and rates as they are now."""
    settle(m, p, e, rules, conflict, turn)
    if m.stale == 2:
        _rank(m, p, e, rules, turn)


@compiled(inner=True)
def _rank(m, p, e, rules, turn):  # type: ignore[no-untyped-def]
    """The rates of all that race, and their order of finishing."""
    m.ranked = 1
    for i in range(m.racing):
        x = e[i].racer
        row = e[x]
        row.rate = _rate(m, p, e, x, rules, turn)
        e[i].ahead = row.need / row.rate if row.rate > 0.0 else np.inf
        if not (row.rate > 0.0 and row.rate < np.inf):
            m.ranked = 0
    for i in range(1, m.racing):
        x, ahead, at = e[i].racer, e[i].ahead, i
        while at > 0 and e[at - 1].ahead < ahead:
            e[at].racer, e[at].ahead = e[at - 1].racer, e[at - 1].ahead
            at -= 1
        e[at].racer, e[at].ahead = x, ahead
    m.span = e[0].ahead if m.racing > 0 else 0.0
    m.stale = 0


@compiled(inline=True)
def begin(m, e, x):  # type: ignore[no-untyped-def]
    """Element x races from now on; its rate is still to be made."""
    e[x].phase = RACING
    e[m.racing].racer = x
    m.racing += 1
    m.stale = 2


@compiled(inline=True)
def finish(m, e, x, phase):  # type: ignore[no-untyped-def]
    """Element x races no longer: it is STORED, LOST, GONE, or stands AT_DOOR."""
    e[x].phase = phase
    m.racing -= 1
    at = m.racing
    while e[at].racer != x:
        at -= 1
    for i in range(at, m.racing):
        e[i].racer = e[i + 1].racer


@compiled(inline=True)
def appear(m, p, e, x, value, tired):  # type: ignore[no-untyped-def]
    """ONSET: element x is on display from now on."""
    m.n = max(m.n, x + 1)
    m.first = min(m.first, x)
    row = e[x]
    row.weight = selected(m, p, value, tired)
    row.need = _exponential(m.key, RACE, x)
    row.since = m.now
    row.due = m.now + p.threshold
    row.fade = np.inf
    row.phase = WAITING
    row.shown = 1
    at = m.met  # those that appear at one time open in the order of the elements
    while at > m.opened and e[at - 1].order > x and e[e[at - 1].order].due == row.due:
        e[at].order = e[at - 1].order
        at -= 1
    e[at].order = x
    m.met += 1


@compiled(inline=True)
def open_(m, p, e, x, rules, conflict, turn):  # type: ignore[no-untyped-def]
    """OPEN: element x races from now on."""
    settle(m, p, e, rules, conflict, turn)
    begin(m, e, x)
    _join(m, p, e, x, rules, conflict, turn)


@compiled(inline=True)
def remove(m, p, e, x):  # type: ignore[no-untyped-def]
    """OFFSET: element x is taken away unmasked; its image fades."""
    if e[x].shown == 1:
        if e[x].fade == np.inf:
            m.fading += 1
        e[x].fade = m.now + p.persistence


@compiled(inline=True)
def leave(m, e, x):  # type: ignore[no-untyped-def]
    """Element x is on display no longer."""
    row = e[x]
    if row.shown == 1:
        row.shown = 0
        if row.fade < np.inf:
            m.fading -= 1
        phase = row.phase
        if phase == RACING:
            finish(m, e, x, GONE)
        elif phase == AT_DOOR:
            m.at_door -= 1
            row.phase = GONE
        elif phase == WAITING:
            row.phase = GONE
        m.stale = 1
        if x == m.first:
            close(m, e)


@compiled(inline=True)
def close(m, e):  # type: ignore[no-untyped-def]
    """What is gone, lost or stored, off the display and not on its way to an answer needs no look any more."""
    while m.first < m.n and e[m.first].shown == 0:
        row = e[m.first]
        over = row.phase == GONE or row.phase == LOST or row.phase == STORED
        if not (over and (row.stage == 0 or row.stage == DONE)):
            break
        m.first += 1


@compiled(inline=True)
def next_fade(m, e):  # type: ignore[no-untyped-def]
    """(when, who) fades next."""
    t, who = np.inf, -1
    if m.fading > 0:
        for x in range(m.first, m.n):
            if e[x].shown == 1 and e[x].fade < t:
                t, who = e[x].fade, x
    return t, who


@compiled(inline=True)
def next_open(m, e):  # type: ignore[no-untyped-def]
    """(when, who) opens next: elements open in the order in which they appeared."""
    while m.opened < m.met:
        x = e[m.opened].order
        row = e[x]
        if row.phase == WAITING:
            return row.due, x
        m.opened += 1
    return np.inf, -1


@compiled(inline=True)
def next_finish(m, p, e, rules, conflict, turn):  # type: ignore[no-untyped-def]
    """(attention time, who, at once) finishes next; -1 = nobody.

    The next finisher is the least need / rate: the order of finishing depends on neither C nor the sum, so it holds
    in the limit C = inf too, where all that races finishes at once but still in order.
    """
    if m.racing == 0:
        return np.inf, -1, False
    refresh(m, p, e, rules, conflict, turn)
    if m.ranked == 1:
        x = e[m.racing - 1].racer
        lead = e[x].need / e[x].rate
        if m.racing == 1:
            return lead, x, False
        second = e[e[m.racing - 2].racer]
        if second.need > (lead + _SURE * m.span) * second.rate:
            return lead, x, False
    return _first(m, p, e, rules, turn)


@compiled(inner=True)
def _first(m, p, e, rules, turn):  # type: ignore[no-untyped-def]
    """`next_finish` by a look at each, in the order of the elements."""
    lead, racer, at_once = np.inf, -1, False
    for x in range(m.first, m.n):
        row = e[x]
        if row.phase == RACING:
            rate = row.rate
            if rate == np.inf:  # all at once, but in order
                value = worth(m, p, e, x, turn)
                if value <= 0.0 or rules[row.job].automatic != 0.0:
                    value = 1.0  # what is automatic, or practised, needs no weight
                cost = row.need / (value * row.evidence)
                if not at_once or cost < lead:
                    lead, racer, at_once = cost, x, True
            elif rate > 0.0 and not at_once and row.need < lead * rate:
                lead, racer = row.need / rate, x
    return lead, racer, at_once


@compiled(inline=True)
def run(m, p, e, gone, rules, conflict, turn):  # type: ignore[no-untyped-def]
    """So much attention time went into the race."""
    if m.racing > 0:
        refresh(m, p, e, rules, conflict, turn)
        for i in range(m.racing):
            row = e[e[i].racer]
            row.need = max(0.0, row.need - gone * row.rate)
