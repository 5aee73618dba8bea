"""Whole report in SimPy: a process per letter.

Who writes this: somebody who thinks in events, and writes the race as the theory tells it. Each letter waits until it
is categorised or masked, whichever comes first, and takes a slot if one is free. One trial is one small world. The
time of the mask is known, so that no event is made for it: this is the leanest way to write it (waiting for
`finished | mask`, an event of its own, takes half as long again).
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import simpy

LETTERS = "ABCDEF"


def letter(
    env: simpy.Environment, name: str, time: float, mask: float, slots: int, stored: dict[str, float]
) -> Iterator[simpy.Event]:
    """It races against its mask."""
    yield env.timeout(min(time, mask))
    if time < mask and len(stored) < slots:
        stored[name] = env.now


def trial(
    capacity: float, slots: float, threshold: float, exposure: float, rng: random.Random
) -> dict[str, float]:
    """What was stored, and when [s]."""
    env = simpy.Environment()
    room = int(slots + rng.random())
    stored: dict[str, float] = {}
    for name in LETTERS:
        time = threshold + rng.expovariate(capacity / len(LETTERS))
        env.process(letter(env, name, time, exposure, room, stored))
    env.run()
    return stored
