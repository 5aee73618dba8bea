"""A queue as a loop over a heap of events: arrivals and departures, every number drawn when it is needed.

Who writes this: somebody who knows how event simulation works and needs one queue, no library. The clock is a heap of
(time, what, who). An arrival brings the next one and is served at once if a server is free, else it waits in line; a
departure hands the server to whoever waits longest. It is plain Python that numba compiles as it stands
(`njit(heap_queue.play)`, with a compiled `draw`).
"""

from __future__ import annotations

import heapq
import random

import numpy as np

ARRIVAL, DEPARTURE = 1, 0  # at one and the same time somebody leaves first


def play(rate, draw, servers, customers):  # type: ignore[no-untyped-def]
    """(arrival, begin, departure) [s] of each customer, first come first served, beginning with an empty room.

    rate: arrivals per s, at random; draw(): seconds that a service takes.
    """
    arrival, begin, departure = np.zeros(customers), np.zeros(customers), np.zeros(customers)
    events = [(random.expovariate(rate), ARRIVAL, 0)]
    free, line, first = servers, [0], 1  # a line that begins at its place `first`
    while len(events) > 0:
        now, what, who = heapq.heappop(events)
        if what == ARRIVAL:
            arrival[who] = now
            line.append(who)
            if who + 1 < customers:
                heapq.heappush(events, (now + random.expovariate(rate), ARRIVAL, who + 1))
        else:
            departure[who] = now
            free += 1
        if free > 0 and first < len(line):
            who = line[first]
            first += 1
            free -= 1
            begin[who] = now
            heapq.heappush(events, (now + draw(), DEPARTURE, who))
    return arrival, begin, departure
