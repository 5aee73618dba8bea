"""The central stage: what asks for a choice is perceived further, chosen, and the hand moves.

READY: it has been perceived and joins the line. CHOOSE: its choice is made; what that takes is counted
(`mind.tally`) or a draw of the person's speed, and the stage works on who is first in line (by priority, then by
arrival), on several at once if it has more to give than one needs (`central`), or shares itself (`central_share`;
`laws.stages.share_of`). RESPOND: the hand has moved; what is answered goes away. What the store counts
(`when_full="count"`) is counted here, one at a time.

State: the line, and what is left of each choice. Brings: READY, CHOOSE, RESPOND.
Closed form: `laws.stages.prp`, `laws.stages.mm1`, `mg1`, `erlang_c`.
"""

from __future__ import annotations

import math

import numpy as np

from cogattn.compiled import compiled
from cogattn.laws.alertness import later, normal_quantile
from cogattn.laws.stages import servers_of, share_of
from cogattn.mind import race, store, tally
from cogattn.mind.alertness import until
from cogattn.mind.draws import CHOICE, NAME, _uniform
from cogattn.mind.phases import CENTRAL, DONE, HUNTING, LOST, MOVING, PERCEIVED, STOPPING, TELLING
from cogattn.world.stream import RESPONSES, SERVICES, WHEN_FULL

CHOICES = RESPONSES.index("choose")
COUNT = WHEN_FULL.index("count")
EXPONENTIAL, COUNTED = SERVICES.index("exponential"), SERVICES.index("counted")

CHANCES = 8  # of each element; 4 is `store.LIFE`
WORK, SLIP, BEFORE, AFTER = range(4)

STATE = [
    ("busy", np.int64),  # how many elements are on their way to an answer
    ("line", np.int64),  # how many stand in line at the central stage: `place`
    ("timed", np.int64),  # how many are perceived further, or in the hand
    ("soon", np.float64),  # when the first of those is done; nan = to be looked up
    ("soon_who", np.int64),
    ("counted", np.int64),  # how many were too many for the store, of a task that counts them
]
ELEMENT = [
    ("stage", np.int64),
    ("when", np.float64),  # when the stage that takes a fixed time ends
    ("work", np.float64),  # what is left of choosing, s of attention time
    ("queued", np.float64),  # when it reached the central stage
    ("right", np.int64),  # 1 = the right answer was chosen
    ("place", np.uint32),  # the element that stands at this place in line
]


@compiled(inline=True)
def fresh(m, e):  # type: ignore[no-untyped-def]
    """A trial begins: nobody is on the way to an answer."""
    for x in range(m.n):
        e[x].stage = 0
    m.busy = m.line = m.timed = m.counted = 0
    m.soon, m.soon_who = np.inf, -1


@compiled(inline=True)
def fixed(m, p, x, mean, sd, which):  # type: ignore[no-untyped-def]
    """How long a stage of eye or hand takes, which attention does not change."""
    if sd > 0.0 and p.hand > 0.0:
        return p.hand * max(0.0, mean + sd * normal_quantile(_uniform(m.key, CHOICE, CHANCES * x + which)))
    return p.hand * mean


@compiled(inline=True)
def wait_until(m, e, x, stage, when):  # type: ignore[no-untyped-def]
    """Element x is in a stage that ends then."""
    e[x].stage, e[x].when = stage, when
    if m.timed == 0 or when < m.soon or (when == m.soon and x < m.soon_who):
        m.soon, m.soon_who = when, x
    m.timed += 1


@compiled(inline=True)
def _is_over(m, x):  # type: ignore[no-untyped-def]
    """The stage of element x that takes a fixed time has ended."""
    m.timed -= 1
    if x == m.soon_who:
        m.soon = np.nan


@compiled(inline=True)
def perceive(m, p, e, x, rule):  # type: ignore[no-untyped-def]
    """What asks for a choice has been encoded: it is perceived further."""
    m.busy += 1
    wait_until(m, e, x, PERCEIVED, m.now + fixed(m, p, x, rule.before, rule.before_sd, BEFORE))


@compiled(inline=True)
def ready(m, p, e, x, rules):  # type: ignore[no-untyped-def]
    """READY: perceived."""
    _is_over(m, x)
    queue(m, p, e, x, rules)


@compiled(inline=True)
def queue(m, p, e, x, rules):  # type: ignore[no-untyped-def]
    """Element x reaches the central stage: what choosing takes is counted, or a draw of the person's speed."""
    rule = rules[e[x].job]
    e[x].stage = CENTRAL
    e[x].queued = m.now
    e[x].work = 0.0
    if p.speed < np.inf:
        u = _uniform(m.key, CHOICE, CHANCES * x + WORK)
        if rule.service == EXPONENTIAL:
            e[x].work = -math.log(u) * rule.choice / p.speed
        elif rule.service == COUNTED:
            e[x].work = tally.unopposed(m, p, x, rule.evidence_rate)
        else:
            e[x].work = rule.choice * later(u, p.speed, p.speed_sd)
    at = m.line  # by priority, then by arrival, then by number
    while at > 0:
        z = e[at - 1].place
        other = rules[e[z].job].priority
        if other > rule.priority or (other == rule.priority and (e[z].queued < m.now or z < x)):
            break
        e[at].place = z
        at -= 1
    e[at].place = x
    m.line += 1


@compiled(inline=True)
def step_out(m, e, x):  # type: ignore[no-untyped-def]
    """Element x stands in line no longer."""
    at = 0
    while e[at].place != x:
        at += 1
    m.line -= 1
    for i in range(at, m.line):
        e[i].place = e[i + 1].place


@compiled(inline=True)
def count(m, p, e, x, rules):  # type: ignore[no-untyped-def]
    """One too many for the store. The first is in hand; the others are counted, one after the other. What is on its
    way to an answer already is not counted too."""
    if e[x].stage == 0:
        m.busy += 1
        queue(m, p, e, x, rules)
        if m.counted == 0:
            e[x].work = 0.0
        m.counted += 1


@compiled(inline=True)
def _serves(m, e, x, turn):  # type: ignore[no-untyped-def]
    """Whether the central stage works on x at all: it waits while attention is on another task."""
    if turn is not None:
        return m.focused == 0 or e[x].job == m.focus
    return True


@compiled(inline=True)
def _limited(m, p, e, x, rules):  # type: ignore[no-untyped-def]
    """Whether x has to share: what is automatic, or a stage without limit, gives each all it needs."""
    return p.central < np.inf and rules[e[x].job].automatic == 0.0


@compiled(inline=True)
def _sharers(m, p, e, rules, turn):  # type: ignore[no-untyped-def]
    """How many share the central stage now; 0 = it is not shared."""
    n = 0
    if p.central_share < 1.0 and p.central < np.inf:
        for i in range(m.line):
            x = e[i].place
            if _serves(m, e, x, turn) and rules[e[x].job].automatic == 0.0:
                n += 1
    return n


@compiled(inline=True)
def _part(m, p, e, x, rank, n, rules, turn):  # type: ignore[no-untyped-def]
    """(the part of the central stage that x has if `rank` before it have to share too, the rank of the next)."""
    if not _serves(m, e, x, turn):
        return 0.0, rank
    if not _limited(m, p, e, x, rules):
        return 1.0, rank
    if p.central_share >= 1.0:
        return servers_of(rank, p.central), rank + 1
    return min(1.0, p.central * share_of(rank, n, p.central_share)), rank + 1


@compiled(inline=True)
def _given_away(p, rank, rules):  # type: ignore[no-untyped-def]
    """Whether nobody behind so many in line has a part: the stage serves these first, and nothing is automatic."""
    if p.central_share < 1.0 or rank < p.central:
        return False
    automatic = 0
    for j in range(len(rules)):
        automatic += rules[j].automatic != 0.0
    return automatic == 0


@compiled(inline=True)
def next_choice(m, p, e, rules, tired, turn):  # type: ignore[no-untyped-def]
    """(when, who) is chosen next."""
    t, who = np.inf, -1
    if m.line > 0:
        n, rank = _sharers(m, p, e, rules, turn), 0
        for i in range(m.line):
            if _given_away(p, rank, rules):
                break
            x = e[i].place
            part, rank = _part(m, p, e, x, rank, n, rules, turn)
            if part > 0.0:
                done = m.now + until(m, p, e[x].work / part, tired)
                if done < t or (done == t and x < who):
                    t, who = done, x
    return t, who


@compiled(inline=True)
def work(m, p, e, gone, rules, turn):  # type: ignore[no-untyped-def]
    """So much attention time went into choosing."""
    if m.line > 0:
        n, rank = _sharers(m, p, e, rules, turn), 0
        for i in range(m.line):
            if _given_away(p, rank, rules):
                break
            x = e[i].place
            part, rank = _part(m, p, e, x, rank, n, rules, turn)
            e[x].work = max(0.0, e[x].work - gone * part)


@compiled(inline=True)
def choose(m, p, e, x, rules, conflict, turn):  # type: ignore[no-untyped-def]
    """CHOOSE: the response to x is chosen; the hand takes it from here. A person may hold it back for the other one."""
    rule = rules[e[x].job]
    if e[x].stage == CENTRAL:
        step_out(m, e, x)
    slip = 1.0 - (1.0 - p.slip) * (1.0 - rule.slip)
    e[x].right = 1 if slip <= 0.0 or _uniform(m.key, CHOICE, CHANCES * x + SLIP) >= slip else 0
    if rule.response == CHOICES and e[x].sure < 1.0 and _uniform(m.key, NAME, x) >= e[x].sure:
        e[x].right = 0
    if rule.when_full == COUNT and e[x].phase == LOST:
        e[x].stage = DONE
        m.busy -= 1
        return
    wait_until(m, e, x, MOVING, m.now + fixed(m, p, x, rule.after, rule.after_sd, AFTER))
    if p.response_grouping > 0.0:
        alone = True
        for z in range(m.first, m.n):
            if (
                e[z].stage == MOVING and e[z].work < 0.0 and m.now < e[z].queued + p.response_grouping
            ):  # held back until now
                e[z].when += m.now - e[z].queued - p.response_grouping
                e[z].work = 0.0
                alone = False
        if alone:
            e[x].work, e[x].queued = -1.0, m.now
            e[x].when += p.response_grouping
        m.soon = np.nan
    store.forget(m, p, e, x, rules, conflict, turn)


@compiled(inline=True)
def next_timed(m, e):  # type: ignore[no-untyped-def]
    """(when, who) has been perceived, or has responded, next."""
    if m.timed == 0:
        return np.inf, -1
    if np.isnan(m.soon):
        m.soon, m.soon_who = np.inf, -1
        for x in range(m.first, m.n):
            stage = e[x].stage
            if (stage == PERCEIVED or stage == MOVING or stage == STOPPING) and e[x].when < m.soon:
                m.soon, m.soon_who = e[x].when, x
    return m.soon, m.soon_who


@compiled(inline=True)
def respond(m, e, x):  # type: ignore[no-untyped-def]
    """RESPOND: the hand has moved; what is answered goes away."""
    e[x].stage = DONE
    _is_over(m, x)
    m.busy -= 1
    race.leave(m, e, x)
    race.close(m, e)


@compiled(inline=True)
def end(m, e, x, stage):  # type: ignore[no-untyped-def]
    """Element x, wherever on its way to an answer it is, goes no further."""
    was = e[x].stage
    if was == CENTRAL:
        step_out(m, e, x)
    elif was == TELLING:
        m.telling -= 1
    elif was == PERCEIVED or was == MOVING or was == STOPPING:
        _is_over(m, x)
    e[x].stage = stage
    m.busy -= 1


@compiled(inline=True)
def withdraw(m, e, x):  # type: ignore[no-untyped-def]
    """It is too late to answer x; returns whether it could still be stopped."""
    stage = e[x].stage
    if stage == MOVING or stage == DONE:
        return False
    if stage > 0:
        end(m, e, x, 0)
    return True


@compiled(inline=True)
def waits(e, x):  # type: ignore[no-untyped-def]
    """Whether x is still to be chosen."""
    return e[x].stage < MOVING or e[x].stage >= HUNTING
