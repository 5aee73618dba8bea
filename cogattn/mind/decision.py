"""Decision: categorisations are counted until one answer leads by enough (`laws.conflict`).

Each is about the target, or about what contaminates it (flankers, the word) while the spotlight narrows; the answer
that leads by `evidence_threshold` is given (CHOOSE follows), else one more is counted (COUNT_ONE).

State: by how many the right answer leads, and the speed of this decision. Brings: COUNT_ONE.
Closed form: `laws.conflict.Conflict`.
"""

from __future__ import annotations

import numpy as np

from cogattn.compiled import compiled
from cogattn.laws.alertness import normal_quantile
from cogattn.laws.conflict import SLOWEST, contamination, decided
from cogattn.mind import central
from cogattn.mind.alertness import until
from cogattn.mind.draws import TELL, _exponential, _uniform
from cogattn.mind.phases import TELLING
from cogattn.mind.store import mixed
from cogattn.world.kinds import CHOOSE, COUNT_ONE

CHANCES = 16777216  # of each element: two for each categorisation, when it comes and what it is about
ABOUT = 1
SPEED = 4503599627370496  # the chance of how fast this decision is, by element
CAUTION = 1125899906842624  # the chance of whether the threshold is one more in this trial
_SURE = 1000000  # more than any threshold

STATE = [("telling", np.int64)]  # how many decisions are under way
ELEMENT = [
    ("lead", np.int64),  # by how many categorisations the right answer leads
    ("told", np.int64),  # how many there were
    ("drive", np.float64),  # the speed of this decision, 1/s
]


@compiled(inline=True)
def fresh(m):  # type: ignore[no-untyped-def]
    """A trial begins: nothing is decided."""
    m.telling = 0


@compiled(inline=True)
def begin(m, p, e, x):  # type: ignore[no-untyped-def]
    """Element x has opened, and a decision about it begins."""
    if e[x].evidence > 0.0:
        e[x].stage = TELLING
        m.busy += 1
        m.telling += 1
        e[x].queued = m.now
        e[x].lead = e[x].told = 0
        e[x].drive = p.speed
        if p.speed < np.inf:  # speed varies from decision to decision as it does in a simple response
            z = normal_quantile(_uniform(m.key, TELL, SPEED + x))
            e[x].drive = max(p.speed + p.speed_sd * z, SLOWEST * p.speed)
        e[x].work = _exponential(m.key, TELL, CHANCES * x)


@compiled(inline=True)
def _pace(e, x, rules):  # type: ignore[no-untyped-def]
    """How fast categorisations come, per second of attention time."""
    return rules[e[x].job].evidence_rate * e[x].drive * e[x].evidence


@compiled(inline=True)
def next_count(m, p, e, rules, tired):  # type: ignore[no-untyped-def]
    """(when, who) is categorised next."""
    t, who = np.inf, -1
    if m.telling > 0:
        for x in range(m.first, m.n):
            if e[x].stage == TELLING:
                pace = _pace(e, x, rules)
                done = m.now + (until(m, p, e[x].work / pace, tired) if pace < np.inf else 0.0)
                if done < t:
                    t, who = done, x
    return t, who


@compiled(inline=True)
def work(m, e, gone, rules):  # type: ignore[no-untyped-def]
    """So much attention time went into categorising."""
    if m.telling > 0:
        for x in range(m.first, m.n):
            if e[x].stage == TELLING:
                e[x].work = max(0.0, e[x].work - gone * min(_pace(e, x, rules), 1e300))


@compiled(inline=True)
def count(m, p, e, x, rules, conflict, turn):  # type: ignore[no-untyped-def]
    """COUNT_ONE: one more categorisation, of the target or of what contaminates it."""
    job = e[x].job
    k = CHANCES * x + 2 * e[x].told
    e[x].told += 1
    if p.speed == np.inf:  # no end of them in no time
        e[x].lead = _SURE
    else:
        other = 0.0
        for z in range(m.n):
            if z != x and e[z].job == job and e[z].evidence == 0.0 and e[z].shown == 1:
                other += e[z].weight
        tau = p.narrowing * rules[job].spotlight
        c = contamination(m.now - e[x].queued, other / e[x].weight, tau) if e[x].weight > 0.0 else 1.0
        u = _uniform(m.key, TELL, k + ABOUT)
        if u >= c:
            e[x].lead += 1
        else:
            left = u / c * other
            for z in range(m.n):
                if z != x and e[z].job == job and e[z].evidence == 0.0 and e[z].shown == 1:
                    left -= e[z].weight
                    if left < 0.0:
                        e[x].lead += e[z].supports * e[x].supports
                        break
    answer = decided(e[x].lead, 0, mixed(m.key, p.evidence_threshold, TELL, CAUTION), False)
    if answer != 0:
        m.telling -= 1
        central.choose(m, p, e, x, rules, conflict, turn)
        if answer < 0:
            e[x].right = 1 - e[x].right
        return CHOOSE
    e[x].work = _exponential(m.key, TELL, k + 2)
    return COUNT_ONE
