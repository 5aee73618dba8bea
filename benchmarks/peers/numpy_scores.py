"""Whole report in NumPy, scores only: how many letters each person reports in each trial, not which, not when.

Who writes this: somebody who fits or plots mean scores and needs nothing else. Each letter finishes at t0 + an
exponential of rate C / 6; those that finish before the mask are reported, as far as there are slots; a K of 3.06 is 3
slots in 94 % of trials and 4 in 6 %.
"""

from __future__ import annotations

import numpy as np

LETTERS = 6


def play(capacity, slots, threshold, trials, exposure, rng):  # type: ignore[no-untyped-def]
    """Scores (people, trials). capacity [letters/s], slots, threshold [s]: one number per person."""
    people = len(capacity)
    left = (
        np.maximum(exposure - threshold, 0) * capacity / LETTERS
    )  # time for the race, in units of a letter's mean
    finished = (rng.standard_exponential((people, trials, LETTERS)) < left[:, None, None]).sum(-1)
    return np.minimum(finished, np.floor(slots[:, None] + rng.random((people, trials))))
