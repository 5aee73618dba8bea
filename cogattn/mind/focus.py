"""Focus: with several tasks attention may be on one at a time; it decides anew, leaves, and arrives.

Where it goes is a Luce choice over the tasks' attractiveness (`laws.stages.attractiveness`); what it is on draws it
`task_inertia` times as much. It decides at the rate `switch_rate`, and at once when something calls from elsewhere.

State: the task it is bound for, when it decides. Brings: STAY, LEAVE, ENGAGE.
Closed form: the shares of a Luce choice.
"""

from __future__ import annotations

import numpy as np

from cogattn.compiled import compiled
from cogattn.laws.stages import attractiveness
from cogattn.mind import central
from cogattn.mind.draws import SWITCH, _exponential, _uniform
from cogattn.mind.phases import BETWEEN, NOWHERE
from cogattn.world.kinds import ENGAGE, LEAVE, STAY
from cogattn.world.stream import MOST_TASKS

WHERE, HOW_LONG = 0, 1  # chances of each decision, two each

STATE = [
    ("bound_for", np.int64),  # the task that the focus moves to
    ("decide_at", np.float64),  # when it is decided anew where attention goes, or when the focus arrives
    ("decisions", np.int64),
    ("pull", np.float64, (MOST_TASKS,)),  # how much each task draws attention
]


@compiled(inline=True)
def assign(m, p, focused):  # type: ignore[no-untyped-def]
    """focused: one at a time, unless all of attention spills over to the others: then it is on all of them."""
    m.focused = focused if p.unattended_weight < 1.0 else 0
    m.decisions = 0
    m.focus, m.decide_at = NOWHERE, np.inf
    if m.focused != 0:
        m.focus, m.bound_for = BETWEEN, -1
        m.decide_at = m.now


@compiled(inline=True)
def called(m, e, x, rules):  # type: ignore[no-untyped-def]
    """Element x has appeared: if it calls from elsewhere it is decided at once."""
    job = e[x].job
    if m.focused != 0 and m.focus >= 0 and job != m.focus and rules[job].salience > 0.0:
        m.decide_at = m.now


@compiled(inline=True)
def turn_to(m, p, e, rules):  # type: ignore[no-untyped-def]
    """Where does attention go? What that turned out to be: STAY, LEAVE or ENGAGE."""
    if m.focus == BETWEEN and m.bound_for >= 0:
        m.focus = m.who = m.bound_for
        m.bound_for = -1
        _rest(m, p)
        return ENGAGE
    total = 0.0
    for j in range(len(rules)):
        waiting = False
        for x in range(m.first, m.n):
            if e[x].job == j and e[x].shown == 1 and central.waits(e, x):
                waiting = True
        m.pull[j] = attractiveness(rules[j].priority, rules[j].salience, rules[j].difficulty, waiting)
        if j == m.focus:
            m.pull[j] *= p.task_inertia
        total += m.pull[j]
    left, task = total * _uniform(m.key, SWITCH, 2 * m.decisions + WHERE), 0
    while task < len(rules) - 1 and left >= m.pull[task]:
        left -= m.pull[task]
        task += 1
    if task == m.focus:
        _rest(m, p)
        return STAY
    first = m.focus == BETWEEN
    m.focus, m.bound_for = BETWEEN, task
    m.decide_at = m.now if first else m.now + p.switch_time
    m.decisions += 1
    m.stale = 1
    return LEAVE


@compiled(inline=True)
def _rest(m, p):  # type: ignore[no-untyped-def]
    """Attention stays where it is for a while."""
    m.decide_at = np.inf
    if p.switch_rate > 0.0:
        m.decide_at = m.now + _exponential(m.key, SWITCH, 2 * m.decisions + HOW_LONG) / p.switch_rate
    m.decisions += 1
    m.stale = 1
