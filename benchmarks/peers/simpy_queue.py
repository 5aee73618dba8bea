"""A queue in SimPy: customers who request a Resource, as in SimPy's own examples.

Who writes this: most people who need a queue in Python.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import simpy

from .service import Draw


def play(rate: float, draw: Draw, servers: int, customers: int) -> list[float]:
    """Seconds from arrival to departure, in the order of departures, beginning with an empty room."""
    env = simpy.Environment()
    server = simpy.Resource(env, servers)
    sojourns: list[float] = []

    def customer() -> Iterator[simpy.Event]:
        came = env.now
        with server.request() as turn:
            yield turn
            yield env.timeout(draw())
        sojourns.append(env.now - came)

    def source() -> Iterator[simpy.Event]:
        for _ in range(customers):
            yield env.timeout(random.expovariate(rate))
            env.process(customer())

    env.process(source())
    env.run()
    return sojourns
