"""A queue in Ciw, the library for networks of queues: one node, and the records that it keeps of every customer.

Who writes this: somebody from operational research. The network is described once, and simulated as often as needed.
"""

from __future__ import annotations

import math

import ciw

from .service import Draw


class Arrivals(ciw.dists.Exponential):
    """At random, until so many have come."""

    def __init__(self, rate: float, customers: int) -> None:
        super().__init__(rate)
        self.left = customers

    def sample(self, t: float | None = None, ind: object = None) -> float:
        self.left -= 1
        return super().sample(t, ind) if self.left >= 0 else math.inf


class Service(ciw.dists.Distribution):
    """A law of service that Ciw does not bring along."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw

    def sample(self, t: float | None = None, ind: object = None) -> float:  # noqa: ARG002
        return self.draw()


def network(rate: float, draw: Draw, servers: int, customers: int) -> ciw.network.Network:
    """So many servers, first come first served."""
    return ciw.create_network(
        arrival_distributions=[Arrivals(rate, customers)],
        service_distributions=[Service(draw)],
        number_of_servers=[servers],
    )


def play(room: ciw.network.Network, customers: int) -> list[float]:
    """Seconds from arrival to departure of each customer, beginning with an empty room."""
    world = ciw.Simulation(room)
    world.simulate_until_max_customers(customers)
    return [record.exit_date - record.arrival_date for record in world.get_all_records()]
