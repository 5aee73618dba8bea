"""Counting towards an answer: what every decision of one person shares (`laws.conflict`).

How fast what is looked at is categorised in this decision, by how much an answer has to lead in this trial, and how
long that takes where nothing speaks against it. `mind.decision` counts one by one, beside what else is on display; the
central stage, at which a choice waits in line, takes all of them at once; a speeded response (`mind.calls`) is counted
when it is called for. All three meet the same chances.

Closed form: `laws.conflict.Conflict`.
"""

from __future__ import annotations

from cogattn.compiled import compiled
from cogattn.laws.alertness import normal_quantile
from cogattn.laws.conflict import SLOWEST
from cogattn.mind.draws import TELL, _exponential, _uniform
from cogattn.mind.store import mixed

CHANCES = 16777216  # of each element: two for each categorisation (the second one is that of a push)
SPEED = 4503599627370496  # the chance of how fast this decision is, by element
CAUTION = 1125899906842624  # the chance of whether the threshold is one more in this trial


@compiled(inline=True)
def drive(m, p, x):  # type: ignore[no-untyped-def]
    """How fast a decision is, 1/s: speed varies from decision to decision as it does in a simple response."""
    z = normal_quantile(_uniform(m.key, TELL, SPEED + x))
    return max(p.speed + p.speed_sd * z, SLOWEST * p.speed)


@compiled(inline=True)
def lead(m, threshold):  # type: ignore[no-untyped-def]
    """By how many an answer has to lead in this trial."""
    return mixed(m.key, threshold, TELL, CAUTION)


@compiled(inline=True)
def chance(m, x, n):  # type: ignore[no-untyped-def]
    """Until the n-th categorisation of x (even), or push (odd): in units of their mean."""
    return _exponential(m.key, TELL, CHANCES * x + n)


@compiled(inline=True)
def says(m, x, n):  # type: ignore[no-untyped-def]
    """The chance of what the n-th categorisation of x says: an element that is categorised gives no pushes."""
    return _uniform(m.key, TELL, CHANCES * x + 2 * n + 1)


@compiled(inline=True)
def unopposed(m, p, x, rate):  # type: ignore[no-untyped-def]
    """How long x takes if nothing speaks against it, s: as many categorisations as the lead asks for."""
    took = 0.0
    for i in range(lead(m, p.evidence_threshold)):
        took += chance(m, x, 2 * i)
    return took / (rate * drive(m, p, x))
