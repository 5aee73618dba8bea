"""Stopping: a signal calls every response back that has not been given yet (`laws.inhibition`).

The signal races against the response (Logan & Cowan 1984): it takes `withhold` s of its task (sd `withhold_sd`, in the
person's own time of eye and hand), and then whatever is on its way to an answer ends, wherever it is: perceived, at the
central stage, being told, or in the hand (STOP). A mind whose attention is away does not notice the signal.

State: none of its own; a signal is in a stage that ends by itself. Brings: STOP.
Closed form: `laws.inhibition.escaping`.
"""

from __future__ import annotations

from cogattn.compiled import compiled
from cogattn.mind import central, race
from cogattn.mind.phases import CENTRAL, DONE, MOVING, PERCEIVED, STOPPING, TELLING

STATE: list[tuple[str, type]] = []


@compiled(inline=True)
def begin(m, p, e, x, rules):  # type: ignore[no-untyped-def]
    """The signal x has opened."""
    if m.on == 1:
        rule = rules[e[x].job]
        m.busy += 1
        took = central.fixed(m, p, x, rule.withhold, rule.withhold_sd, central.BEFORE)
        central.wait_until(m, e, x, STOPPING, m.now + took)


@compiled(inline=True)
def stop(m, e, x):  # type: ignore[no-untyped-def]
    """STOP: what is on its way to an answer ends."""
    central.end(m, e, x, DONE)
    for z in range(m.first, m.n):
        stage = e[z].stage
        if stage == PERCEIVED or stage == CENTRAL or stage == MOVING or stage == TELLING:
            central.end(m, e, z, DONE)
            race.leave(m, e, z)
    race.leave(m, e, x)
    race.close(m, e)
