"""The compiled mind against the exact distributions: total variation < .005 at 400,000 trials, wherever we look."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from cogattn.laws import race
from cogattn.mind import cohort
from cogattn.observer import Observer
from cogattn.world.stream import Stimulus, TaskStream

N = 400_000
SETTINGS = range(24)


def setting(i):
    """A random world: unequal weights, K from 1 to 6 (whole or not), exposures below and above the threshold."""
    rng = np.random.default_rng(i)
    m, d = int(rng.integers(1, 5)), int(rng.integers(0, 4))
    weights = rng.gamma(1.0, 1.0, m + d) + 0.02
    slots = float(rng.integers(1, 7)) if i % 2 else float(rng.uniform(1, 6))
    threshold = float(rng.uniform(0.0, 0.03))
    exposure = threshold * 0.9 + 1e-4 if i % 8 == 0 else threshold + float(rng.exponential(0.08))
    return (
        m,
        weights,
        Observer(float(rng.uniform(15, 130)), slots, threshold, reallocate=i % 3 == 2),
        exposure,
    )


def world(weights, exposure):
    items = (Stimulus(f"x{i}", mask=exposure, weight=float(w)) for i, w in enumerate(weights))
    return TaskStream(tuple(items), end=exposure + 0.05)


def distance(counts, law):
    """Total variation between counts and a law."""
    return np.abs(counts / counts.sum() - law).sum() / 2


@pytest.mark.parametrize("i", SETTINGS)
def test_scores_have_the_exact_distribution(i):
    m, weights, o, exposure = setting(i)
    out = cohort.play(world(weights, exposure), [o], person=0, trial=np.arange(N), seed=i, n_jobs=2)
    same = {"capacity": o.capacity, "exposure": exposure, "slots": o.slots}
    same |= {"threshold": o.threshold, "reallocate": o.reallocate}
    whole = np.bincount(out.stored.sum(1), minlength=len(weights) + 1)
    assert distance(whole, race.whole_report(weights, **same)) < 0.005
    part = np.bincount(out.stored[:, :m].sum(1), minlength=m + 1)
    assert distance(part, race.partial_report(weights[:m], weights[m:], **same)) < 0.005


@pytest.mark.parametrize("i", [1, 3, 7])
def test_stored_sets_have_the_published_distribution(i):
    _, weights, o, exposure = setting(i)
    o = Observer(o.capacity, float(round(o.slots)), o.threshold)
    out = cohort.play(world(weights, exposure), [o], person=0, trial=np.arange(N), seed=i)
    counts = np.bincount(out.stored @ (1 << np.arange(len(weights))), minlength=1 << len(weights))
    tau, law = max(0.0, exposure - o.threshold), np.zeros(len(counts))
    for size in range(len(weights) + 1):
        for s in itertools.combinations(range(len(weights)), size):
            p = race.stored_set(s, race.rates(weights, o.capacity), tau, int(o.slots))
            law[sum(1 << x for x in s)] = p
    assert law.sum() == pytest.approx(1, abs=1e-12)
    assert distance(counts, law) < 0.005


def test_below_the_threshold_nothing_is_stored():
    o = Observer(threshold=0.02)
    out = cohort.play(world(np.ones(6), 0.0199), [o], person=0, trial=np.arange(10_000))
    assert not out.stored.any()


@pytest.mark.full
@pytest.mark.parametrize("reallocate", [False, True])
@pytest.mark.parametrize("capacity", [40.0, math.inf])
def test_the_first_three_come_in_plackett_luce_order(capacity, reallocate):
    weights = np.array([1.0, 0.44, 2.0, 0.8])
    o = Observer(capacity, 4.0, 0.0, reallocate=reallocate)
    log = cohort.play(world(weights, 200.0), [o], person=0, trial=np.arange(60_000), record=True).events
    encoded = log[log["kind"].astype(str) == "encode"]
    who = encoded["element"].astype(str).str[1:].astype(int).to_numpy().reshape(-1, 4)[:, :3]
    orders = list(itertools.permutations(range(4), 3))
    counts = [int((who == order).all(1).sum()) for order in orders]
    law = np.array([race.plackett_luce(order, weights) for order in orders])
    assert stats.chisquare(counts, law * sum(counts)).pvalue > 1e-4


def test_the_first_finisher_is_softmax_of_the_log_weights():
    weights = np.array([1.0, 0.44, 2.0, 0.8, 1.3])
    out = cohort.play(world(weights, 100.0), [Observer(slots=5.0)], person=0, trial=np.arange(N))
    counts = np.bincount(out.finish.argmin(1), minlength=5)
    logits = np.log(weights)
    softmax = np.exp(logits) / np.exp(logits).sum()
    assert stats.chisquare(counts, softmax * N).pvalue > 1e-4


def test_each_element_finishes_exponentially_after_the_threshold():
    weights, o = np.array([1.0, 0.3, 2.0]), Observer(slots=math.inf, threshold=0.013)
    out = cohort.play(world(weights, 1000.0), [o], person=0, trial=np.arange(50_000))
    for x, v in enumerate(race.rates(weights, o.capacity)):
        assert stats.kstest(out.finish[:, x] - o.threshold, stats.expon(scale=1 / v).cdf).pvalue > 1e-4


def test_the_comparison_can_fail():
    o, weights = Observer(slots=3.0), np.ones(6)
    wrong = Observer(o.capacity * 1.02, 3.0)
    out = cohort.play(world(weights, 0.05), [wrong], person=0, trial=np.arange(N))
    law = race.whole_report(weights, capacity=o.capacity, exposure=0.05, slots=3.0, threshold=o.threshold)
    assert distance(np.bincount(out.stored.sum(1), minlength=7), law) > 0.005
