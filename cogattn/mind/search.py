"""Search: attention visits group after group until the target is found, or it quits (`laws.search`).

Each VISIT takes a group of elements in order of weight and lasts a Weibull time; the target among them is
FOUND, and the choice follows; what is not found is looked for until quitting wins (QUIT).

State: in whose name the search is, what it has rejected. Brings: VISIT, FOUND, QUIT.
Closed form: `laws.search.search`.
"""

from __future__ import annotations

import numpy as np

from cogattn.compiled import compiled
from cogattn.laws.search import inspection, pick, practised_share, quit_weight
from cogattn.mind import central, race
from cogattn.mind.alertness import until
from cogattn.mind.draws import VISIT as VISITS
from cogattn.mind.draws import _uniform
from cogattn.mind.phases import HUNTING, LOST, RACING
from cogattn.mind.store import mixed
from cogattn.world.kinds import FOUND, QUIT, VISIT

CHANCES, HOW_LONG = 64, 63  # of each visit: which elements, and how long it takes
FOOLED = 2199023255552  # the chance of what a visited element is taken for, by element
GROUP_SIZE = 1099511627776  # the chance of whether groups are one larger in this trial

STATE = [
    ("hunter", np.int64),  # the element in whose name a search is under way, -1 = none
    ("rejected", np.int64),  # groups that it visited in vain
    ("found", np.int64),  # the target, once it has been picked
]
ELEMENT = [
    ("pull", np.float64),  # how much it draws the next visit
    ("done", np.bool_),  # it cannot be visited
]


@compiled(inline=True)
def fresh(m):  # type: ignore[no-untyped-def]
    """A trial begins: no search is under way."""
    m.hunter = m.found = -1
    m.rejected = 0


@compiled(inline=True)
def begin(m, e, x):  # type: ignore[no-untyped-def]
    """The first element of a search has opened: the search begins in its name."""
    if m.hunter < 0:
        m.hunter = x
        e[x].stage = HUNTING
        m.busy += 1
        e[x].work = 0.0


@compiled(inline=True)
def next_visit(m, p, e, tired):  # type: ignore[no-untyped-def]
    """(when, who) visits next."""
    h = m.hunter
    if h < 0 or e[h].stage != HUNTING:
        return np.inf, -1
    return m.now + until(m, p, e[h].work / 1.0, tired), h


@compiled(inline=True)
def work(m, e, gone):  # type: ignore[no-untyped-def]
    """So much attention time went into the visit."""
    h = m.hunter
    if h >= 0 and e[h].stage == HUNTING:
        e[h].work = max(0.0, e[h].work - gone * 1.0)


@compiled(inline=True)
def visit(m, p, e, h, rules, conflict, turn):  # type: ignore[no-untyped-def]
    """VISIT: a visit has ended (or the search begins). What was found is answered; else the next group, or no more."""
    if m.found >= 0:
        m.who = m.found
        central.queue(m, p, e, h, rules)
        return FOUND
    job = e[h].job
    rule = rules[job]
    size = mixed(m.key, p.search_group, VISITS, GROUP_SIZE)
    quit_at = quit_weight(0.0, p.quit_growth, m.rejected)
    race.settle(m, p, e, rules, conflict, turn)
    done, pull = e.done[: m.n], e.pull[: m.n]
    for x in range(m.n):
        done[x], pull[x] = True, 0.0
        if e[x].phase == RACING and e[x].job == job:
            done[x], pull[x] = False, race.worth(m, p, e, x, turn)
    slow, looked = 0.0, 0
    for i in range(size):
        u = _uniform(m.key, VISITS, CHANCES * m.rejected + i)
        who = pick(u, pull, done, quit_at if i == 0 else 0.0)
        if who < 0:
            if i == 0:
                central.queue(m, p, e, h, rules)
                return QUIT
            break
        race.finish(m, e, who, LOST)
        done[who] = True
        if i == 0:
            m.who = who
        slow += 1.0 / e[who].clear if e[who].clear > 0.0 else 0.0
        looked += 1
        target = e[who].supports == 1
        if e[who].sure < 1.0 and _uniform(m.key, VISITS, FOOLED + who) >= e[who].sure:
            target = not target
        if target:
            m.found = who
            break
    e[h].work = 0.0
    if p.speed < np.inf:
        mean = rule.inspect / p.speed * (p.visit_hit if m.found >= 0 else 1.0)
        mean *= slow / looked
        if rule.practice > 0.0:
            mean *= practised_share(rule.practice, p.learning, p.visit_shape)
        e[h].work = inspection(_uniform(m.key, VISITS, CHANCES * m.rejected + HOW_LONG), mean, p.visit_shape)
    m.rejected += 1
    return VISIT
