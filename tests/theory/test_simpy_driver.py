"""SimPy's mind against the exact distributions: a few thousand trials each, and no trick shared with the cohort."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from cogattn.laws import race
from cogattn.mind import world
from cogattn.observer import Observer
from cogattn.world.stream import Stimulus, TaskStream

TRIALS = 2500
WEIGHTS = np.array([1.0, 0.44, 2.0, 0.8])
HOW = {"capacity": 60.0, "slots": 2.4, "threshold": 0.01}


def stored(exposure, reallocate=False, weights=WEIGHTS, **how):
    """(trials, elements): what is stored after each trial."""
    stream = TaskStream(
        tuple(Stimulus(f"x{i}", mask=exposure, weight=float(w)) for i, w in enumerate(weights)),
        exposure + 0.01,
    )
    observer = Observer(**HOW | how, reallocate=reallocate)
    held = [world.play(stream, observer, seed=9, trial=t).stored for t in range(TRIALS)]
    return np.array([[name in trial for name in stream.names] for trial in held])


def chi_square(counts, law):
    """p of the counts under the law; an impossible score must not have happened."""
    possible = law > 1e-9
    assert not counts[~possible].any()
    few = possible & (law * counts.sum() < 8)
    seen, expected = (
        np.append(counts[possible & ~few], counts[few].sum()),
        np.append(law[possible & ~few], law[few].sum()),
    )
    keep = expected > 0
    return stats.chisquare(seen[keep], expected[keep] / expected.sum() * seen.sum()).pvalue


@pytest.mark.full
@pytest.mark.parametrize("reallocate", [False, True])
@pytest.mark.parametrize("exposure", [0.02, 0.05, 0.15])
def test_scores_have_the_exact_distribution(exposure, reallocate):
    out = stored(exposure, reallocate)
    whole = race.whole_report(WEIGHTS, exposure=exposure, reallocate=reallocate, **HOW)
    assert chi_square(np.bincount(out.sum(1), minlength=5), whole) > 1e-4
    part = race.partial_report(WEIGHTS[:2], WEIGHTS[2:], exposure=exposure, reallocate=reallocate, **HOW)
    assert chi_square(np.bincount(out[:, :2].sum(1), minlength=3), part) > 1e-4


def test_stored_sets_have_the_published_distribution():
    out = stored(0.06, slots=2.0)
    v, law = race.rates(WEIGHTS, 60.0), np.zeros(16)
    for size in range(3):
        for s in itertools.combinations(range(4), size):
            law[sum(1 << x for x in s)] = race.stored_set(s, v, 0.05, 2)
    assert chi_square(np.bincount(out @ (1 << np.arange(4)), minlength=16), law) > 1e-4


def test_below_the_threshold_nothing_is_stored():
    assert not stored(0.01).any()


def test_the_comparison_can_fail():
    out = stored(0.05, capacity=70.0)
    assert (
        chi_square(np.bincount(out.sum(1), minlength=5), race.whole_report(WEIGHTS, exposure=0.05, **HOW))
        < 1e-4
    )
