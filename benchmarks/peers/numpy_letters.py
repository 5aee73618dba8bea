"""Whole report in NumPy, letter by letter: which letters are reported, and when each of them was finished.

Who writes this: somebody who needs to know what was reported (intrusions, places, a network that reads the letters).
The same race as in `numpy_scores.py`; the first K letters of each trial that finish before the mask are stored.
"""

from __future__ import annotations

import numpy as np

LETTERS = 6


def play(capacity, slots, threshold, trials, exposure, rng):  # type: ignore[no-untyped-def]
    """(stored, finish): (people, trials, letters). capacity [letters/s], slots, threshold [s]: one per person."""
    shape = len(capacity), trials, LETTERS
    finish = threshold[:, None, None] + rng.exponential((LETTERS / capacity)[:, None, None], shape)
    room = np.floor(slots[:, None] + rng.random(shape[:2]))
    rank = finish.argsort(-1).argsort(-1)
    return (finish < exposure) & (rank < room[..., None]), finish
