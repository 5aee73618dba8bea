"""Whole report as a loop that numba compiles: what was stored, and when. The floor that cogattn is measured against.

Who writes this: somebody who found NumPy's big arrays too slow, and for whom one experiment is enough. It draws six
finishing times, sorts them as they come, and writes down which letters were stored and when. It keeps no record of
events, and its random numbers depend on the order in which they are drawn.
"""

from __future__ import annotations

import random

import numpy as np
from numba import njit

LETTERS = 6


@njit
def play(capacity, slots, threshold, trials, exposure):  # type: ignore[no-untyped-def]
    """(stored, when): (people, trials, letters); when = inf for a letter that was not stored."""
    stored = np.zeros((len(capacity), trials, LETTERS), np.bool_)
    when = np.full((len(capacity), trials, LETTERS), np.inf)
    finish, order = np.empty(LETTERS), np.empty(LETTERS, np.int64)
    for p in range(len(capacity)):
        for t in range(trials):
            room = int(slots[p] + random.random())
            for x in range(LETTERS):
                finish[x] = threshold[p] + random.expovariate(capacity[p] / LETTERS)
                i = x
                while i > 0 and finish[order[i - 1]] > finish[x]:
                    order[i] = order[i - 1]
                    i -= 1
                order[i] = x
            for x in order[:room]:
                if finish[x] < exposure:
                    stored[p, t, x] = True
                    when[p, t, x] = finish[x]
    return stored, when


@njit
def seed(number):  # type: ignore[no-untyped-def]
    """Compiled code has a generator of its own."""
    random.seed(number)
