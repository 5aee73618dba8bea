"""Decision: categorisations are counted until one answer leads by enough (`laws.conflict`).

What is to be told is categorised at a rate that the display shares, by weight, as in the race; what is irrelevant
(evidence 0: flankers, the word, the side) competes, and pushes the answer that it speaks for in a pulse that rises and
fades, from the moment it opened. The answer that leads by `evidence_threshold` is given (CHOOSE follows), else one more
is counted (COUNT_ONE). Where a network gives the evidence, each categorisation says what is right with probability
`sure`, else the other answer, and what is irrelevant pushes by `clear` of its height.
What pushes while several decisions are under way pushes the one that began first on display.

State: by how many the right answer leads, and the speed of this decision; of what is irrelevant, how much of its pulse
is over and when its next push comes. Brings: COUNT_ONE.
Closed form: `laws.conflict.Conflict`.
"""

from __future__ import annotations

import numpy as np

from cogattn.compiled import compiled
from cogattn.laws.conflict import decided, push_time
from cogattn.mind import central, race, tally
from cogattn.mind.alertness import until
from cogattn.mind.phases import RACING, TELLING
from cogattn.world.kinds import CHOOSE, COUNT_ONE

_SURE = 1000000  # more than any threshold

STATE = [("telling", np.int64)]  # how many decisions are under way
ELEMENT = [
    ("lead", np.int64),  # by how many categorisations the right answer leads
    ("told", np.int64),  # how many there were; of what is irrelevant: how many pushes
    ("drive", np.float64),  # the speed of this decision, 1/s
    ("pulse", np.float64),  # how much of a pulse is over, in pushes; its whole way up and down is 2 heights
    ("height", np.float64),  # of the pulse
    ("push_at", np.float64),  # when the next push comes; inf = none
]


@compiled(inline=True)
def fresh(m):  # type: ignore[no-untyped-def]
    """A trial begins: nothing is decided."""
    m.telling = 0


@compiled(inline=True)
def begin(m, p, e, x, rules):  # type: ignore[no-untyped-def]
    """Element x has opened: a decision about it begins, or what it pushes by itself."""
    e[x].lead = e[x].told = 0
    e[x].push_at = np.inf
    if e[x].evidence > 0.0:
        e[x].stage = TELLING
        m.busy += 1
        m.telling += 1
        e[x].queued = m.now
        e[x].drive = p.speed
        if p.speed < np.inf:
            e[x].drive = tally.drive(m, p, x)
        e[x].work = tally.chance(m, x, 0)
        for z in range(m.n):  # what pushed before there was a decision has pushed nothing
            if z != x and e[z].job == e[x].job and e[z].evidence == 0.0 and e[z].phase == RACING:
                while e[z].push_at < m.now:
                    _next_push(m, e, z, rules)
    elif p.speed < np.inf and e[x].supports != 0 and rules[e[x].job].activation > 0.0:
        total = 0.0
        for z in range(m.n):
            if e[z].shown == 1 and e[z].job == e[x].job:
                total += e[z].weight
        e[x].pulse = 0.0
        e[x].queued = m.now
        strong = rules[e[x].job].activation * e[x].clear
        if rules[e[x].job].ready != 0.0:
            strong *= p.readiness
        e[x].height = strong * e[x].weight / total if e[x].weight > 0.0 else 0.0
        if e[x].height > 0.0:
            _next_push(m, e, x, rules)


@compiled(inline=True)
def _next_push(m, e, x, rules):  # type: ignore[no-untyped-def]
    """When what is irrelevant pushes next: pushes are a Poisson process along the pulse, up and down again."""
    e[x].pulse += tally.chance(m, x, 2 * e[x].told)
    e[x].told += 1
    e[x].push_at = e[x].queued + push_time(e[x].pulse / e[x].height, rules[e[x].job].peak)


@compiled(inline=True)
def _pace(m, p, e, x, rules, turn):  # type: ignore[no-untyped-def]
    """How fast categorisations come, per second of attention time: x has the share of its weight, as in the race."""
    job = e[x].job
    pace = rules[job].evidence_rate * e[x].drive * e[x].evidence
    if rules[job].automatic != 0.0:
        return pace
    w = race.worth(m, p, e, x, turn)
    if w <= 0.0:
        return 0.0
    return pace * w / m.total[job] if m.total[job] > w else pace


@compiled(inline=True)
def next_count(m, p, e, rules, conflict, tired, turn):  # type: ignore[no-untyped-def]
    """(when, who) is categorised, or pushes, next."""
    t, who = np.inf, -1
    if m.telling > 0:
        race.settle(m, p, e, rules, conflict, turn)
        for x in range(m.first, m.n):
            if e[x].stage == TELLING:
                pace = _pace(m, p, e, x, rules, turn)
                done = np.inf
                if pace == np.inf:
                    done = m.now
                elif pace > 0.0:
                    done = m.now + until(m, p, e[x].work / pace, tired)
                if done < t:
                    t, who = done, x
            elif e[x].evidence == 0.0 and e[x].phase == RACING and e[x].push_at < t:
                if _told(m, e, x) >= 0:
                    t, who = max(e[x].push_at, m.now), x
    return t, who


@compiled(inline=True)
def _told(m, e, z):  # type: ignore[no-untyped-def]
    """The decision that z pushes: of its task, the first one that is under way; -1 = none."""
    for x in range(m.first, m.n):
        if e[x].stage == TELLING and e[x].job == e[z].job:
            return x
    return -1


@compiled(inline=True)
def work(m, p, e, gone, rules, conflict, turn):  # type: ignore[no-untyped-def]
    """So much attention time went into categorising."""
    if m.telling > 0:
        race.settle(m, p, e, rules, conflict, turn)
        for x in range(m.first, m.n):
            if e[x].stage == TELLING:
                e[x].work = max(0.0, e[x].work - gone * min(_pace(m, p, e, x, rules, turn), 1e300))


@compiled(inline=True)
def count(m, p, e, x, rules, conflict, turn):  # type: ignore[no-untyped-def]
    """COUNT_ONE: one more categorisation of x, or one more push by x, which is irrelevant."""
    told = x
    if e[x].evidence == 0.0:
        told = _told(m, e, x)
        way = e[x].supports if e[x].pulse < e[x].height else -e[x].supports  # what fades gives back
        e[told].lead += way * e[told].supports
        _next_push(m, e, x, rules)
    elif p.speed == np.inf:  # no end of them in no time
        e[x].lead = _SURE if e[x].sure >= 0.5 else -_SURE
    else:
        says = 1
        if e[x].sure < 1.0 and tally.says(m, x, e[x].told) >= e[x].sure:
            says = -1
        e[x].told += 1
        e[x].lead += says
        e[x].work = tally.chance(m, x, 2 * e[x].told)
    answer = decided(e[told].lead, tally.lead(m, p.evidence_threshold))
    if answer != 0:
        m.telling -= 1
        m.who = told
        central.choose(m, p, e, told, rules, conflict, turn)
        if answer < 0:
            e[told].right = 1 - e[told].right
        return CHOOSE
    return COUNT_ONE
