"""How long the server of a queue takes: what all queues here are given, so that they serve by the same law.

`later`: a person's choice. The reciprocal of the time is normal and cut, so that no time is below 0.12 s (LATER:
Carpenter & Williams 1995; `cogattn.laws.alertness.later`). `exponential`: the textbook's server. Both are plain
functions of no argument, which numba can compile, too.
"""

from __future__ import annotations

import random
from collections.abc import Callable

Draw = Callable[[], float]
FASTEST = 1 / 0.12  # 1/s


def later(speed: float, spread: float, choice: float = 1.0) -> Draw:
    """`choice` / a normal number of this mean and sd [1/s], drawn again until it is in (0, FASTEST)."""

    def draw() -> float:
        rate = random.gauss(speed, spread)
        while not 0.0 < rate < FASTEST:
            rate = random.gauss(speed, spread)
        return choice / rate

    return draw


def exponential(mean: float) -> Draw:
    """Memoryless, of this mean [s]."""

    def draw() -> float:
        return random.expovariate(1.0 / mean)

    return draw
