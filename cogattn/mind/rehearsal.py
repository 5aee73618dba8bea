"""Rehearsal: what has to be recalled in order is said inwardly, item after item, round after round.

An item is said when it comes, and whenever its turn comes. Each saying leaves a trace that fades after an exponential
time (mean `trace_life`); an item is in mind while one of its traces lasts, or while the store holds it. A saying takes
`rehearse` simple responses (`laws.alertness.later`), so a round through a long list comes too late. What is lost leaves
a gap, which takes its time all the same. The first items are said more often (primacy), the last are still in the store
(recency). That a span is what can be said in a given time: Baddeley, Thomson & Buchanan 1975 (J Verbal Learn Verbal
Behav 14:575).

When recall is called for, the list is said aloud once, from the first item on. Reversed: it is gone through inwardly
up to the last item, which is said aloud; then up to the last but one, and so on.

State: the list and where in it the voice is; until when each item's traces last. Brings: REHEARSE, RECALL, OMIT.
Closed form: `laws.memory.rehearsed`, `span_recall`.
"""

from __future__ import annotations

import numpy as np

from cogattn.compiled import compiled
from cogattn.laws.alertness import later
from cogattn.mind.alertness import alertness
from cogattn.mind.draws import SAY, _exponential, _uniform
from cogattn.mind.phases import STORED
from cogattn.world.kinds import OMIT, RECALL, REHEARSE
from cogattn.world.stream import RESPONSES

FORWARD, REVERSED = (RESPONSES.index(name) for name in ("recall", "recall_reversed"))
LASTS, TAKES = 0, 1  # chances of a saying: how long its trace lasts, how long it takes
_TURNS = 1 << 24  # addresses of one element

STATE = [
    ("listed", np.int64),  # how many items the list has
    ("beat", np.int64),  # the place in it of the item that is being said
    ("said_at", np.float64),  # when it has been said; inf = the voice is silent
    ("recalls", np.int64),  # 0 = inwardly; else the response that was called for
    ("left_to_recall", np.int64),  # reversed: how many items are still to be said aloud
]
ELEMENT = [
    ("heard", np.uint32),  # the element at this place in the list
    ("turns", np.int64),  # how often its turn has come
    ("trace", np.float64),  # until when the last of its traces lasts
]


@compiled(inline=True)
def fresh(m):  # type: ignore[no-untyped-def]
    """A trial begins: nothing to be said."""
    m.listed = m.beat = m.recalls = 0
    m.said_at = np.inf


@compiled(inline=True)
def hear(m, p, e, x, rules, tired):  # type: ignore[no-untyped-def]
    """Element x has been categorised: it is named, and stands at the end of the list."""
    e[m.listed].heard = x
    m.listed += 1
    e[x].turns = 0
    if p.trace_life == np.inf or p.speed == np.inf:  # never lost: nothing has to be said again
        e[x].trace = np.inf
        return
    e[x].trace = -np.inf
    _leave_trace(m, p, e, x)
    if m.said_at == np.inf and m.recalls == 0:
        m.beat = m.listed - 1
        _turn_to(m, p, e, rules, tired)


@compiled(inline=True)
def _leave_trace(m, p, e, x):  # type: ignore[no-untyped-def]
    """Element x has been said."""
    life = p.trace_life * _exponential(m.key, SAY, _TURNS * x + 2 * e[x].turns + LASTS)
    e[x].trace = max(e[x].trace, m.now + life)


@compiled(inline=True)
def _turn_to(m, p, e, rules, tired):  # type: ignore[no-untyped-def]
    """It is the turn of the item at `beat`: when it will have been said."""
    x = e[m.beat].heard
    e[x].turns += 1
    m.said_at = m.now
    if p.speed < np.inf:
        mean, sd = p.speed, p.speed_sd
        if tired is not None:
            mean *= alertness(m, p)
            if m.on == 0:
                mean *= p.lapse_speed
                sd *= p.lapse_spread
        u = _uniform(m.key, SAY, _TURNS * x + 2 * e[x].turns + TAKES)
        m.said_at += rules[e[x].job].rehearse * later(u, mean, sd)


@compiled(inline=True)
def _in_mind(m, e, x):  # type: ignore[no-untyped-def]
    """Whether element x can be said at all."""
    return e[x].phase == STORED or e[x].trace > m.now


@compiled(inline=True)
def recall(m, p, e, rules, response, tired):  # type: ignore[no-untyped-def]
    """Recall is called for: the list is said from its beginning."""
    if m.listed > 0:
        m.recalls, m.beat, m.left_to_recall = response, 0, m.listed
        _turn_to(m, p, e, rules, tired)


@compiled(inline=True)
def next_said(m, e):  # type: ignore[no-untyped-def]
    """(when, who) has been said next."""
    if m.said_at < np.inf:
        return m.said_at, e[m.beat].heard
    return np.inf, np.int64(-1)


@compiled(inline=True)
def say(m, p, e, x, rules, tired):  # type: ignore[no-untyped-def]
    """The turn of element x is over; returns what it was: said inwardly, or aloud, or a gap."""
    known = _in_mind(m, e, x)
    m.said_at = np.inf
    if m.recalls == 0 or (m.recalls == REVERSED and m.beat < m.left_to_recall - 1):
        if known:
            _leave_trace(m, p, e, x)
        m.beat += 1
        if m.recalls == 0 and m.beat == m.listed:
            m.beat = 0
        _turn_to(m, p, e, rules, tired)
        return REHEARSE
    m.left_to_recall -= 1
    m.beat = m.beat + 1 if m.recalls == FORWARD else 0
    if m.left_to_recall > 0:
        _turn_to(m, p, e, rules, tired)
    return RECALL if known else OMIT
