"""One law, three players: the batched race on logits (torch), the compiled mind and the SimPy mind."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from cogattn.laws import race
from cogattn.mind import cohort, world
from cogattn.nn.gate import GateState, Race
from cogattn.observer import Observer
from cogattn.world.stream import Stimulus, TaskStream

WEIGHTS = np.array([1.0, 0.44, 2.0, 0.8, 1.3])
EXPOSURE = 0.06
MINDS = [
    Observer(capacity=45.0, slots=3.0, threshold=0.01),
    Observer(capacity=65.5, slots=2.4, threshold=0.0),
    Observer(capacity=30.0, slots=math.inf, threshold=0.02),
    Observer(capacity=math.inf, slots=2.0, threshold=0.0),
    Observer(capacity=45.0, slots=3.0, threshold=0.01, reallocate=True),
]
N = 60_000


def display() -> TaskStream:
    items = (Stimulus(f"x{i}", mask=EXPOSURE, weight=w) for i, w in enumerate(WEIGHTS))
    return TaskStream(tuple(items), end=EXPOSURE + 0.01)


def batched(o: Observer, n: int = N) -> tuple[GateState, torch.Tensor]:
    policy = Race(o.capacity, o.slots, o.threshold, reallocate=o.reallocate)
    logits = torch.tensor(WEIGHTS).log().float().expand(n, -1)
    return policy.play(logits, exposure=EXPOSURE, generator=torch.Generator().manual_seed(5))


def sets(stored: np.ndarray) -> np.ndarray:
    """How often each set of elements was stored, by the number whose bits are the elements."""
    return np.bincount(stored.astype(int) @ (1 << np.arange(stored.shape[1])), minlength=1 << stored.shape[1])


def same_law(a: np.ndarray, b: np.ndarray) -> float:
    """Chi-square p that two counts over sets come from one law; cells with few are taken together."""
    rare = (a + b) < 20
    table = np.array([[*c[~rare], c[rare].sum()] for c in (a, b)])
    return stats.chi2_contingency(table[:, table.sum(0) > 0]).pvalue


@pytest.mark.parametrize("o", MINDS)
def test_batched_race_stores_the_sets_that_the_compiled_mind_stores(o):
    mine = cohort.play(display(), [o], person=0, trial=np.arange(N), seed=11).stored
    theirs = batched(o)[0].keep.numpy()
    assert same_law(sets(mine), sets(theirs)) > 1e-4


@pytest.mark.full
@pytest.mark.parametrize("o", MINDS[:2])
def test_batched_race_stores_the_sets_that_the_simpy_mind_stores(o):
    stream, n = display(), 2500
    names = stream.names
    mine = np.array([[x in world.play(stream, o, seed=4, trial=t).stored for x in names] for t in range(n)])
    assert same_law(sets(mine), sets(batched(o)[0].keep.numpy())) > 1e-4


@pytest.mark.parametrize("o", [MINDS[0], MINDS[4]])
def test_batched_race_finishes_when_the_compiled_mind_finishes(o):
    endless = TaskStream(tuple(Stimulus(f"x{i}", weight=w) for i, w in enumerate(WEIGHTS)), end=100.0)
    mine = cohort.play(endless, [o], person=0, trial=np.arange(20_000), seed=2).finish
    theirs = batched(o)[1].numpy()
    assert np.isfinite(mine).all()
    p = [stats.ks_2samp(mine[:, x], theirs[:, x]).pvalue for x in range(len(WEIGHTS))]
    assert min(p) > 1e-4


def test_the_comparison_can_fail():
    slower = Observer(capacity=43.0, slots=3.0, threshold=0.01)  # 4 % less than the first mind
    mine = cohort.play(display(), [slower], person=0, trial=np.arange(N), seed=11).stored
    assert same_law(sets(mine), sets(batched(MINDS[0])[0].keep.numpy())) < 1e-4


def test_a_gate_from_events_keeps_what_the_mind_stored():
    out = cohort.play(display(), [MINDS[0]], person=0, trial=np.arange(100))
    gate = GateState.from_numpy(keep=out.stored)
    assert gate.keep.numpy().tolist() == out.stored.tolist()


def test_inclusion_of_the_batched_race_is_the_closed_form():
    o = MINDS[0]
    p = race.inclusion(WEIGHTS, o.capacity, EXPOSURE, o.slots, o.threshold)
    kept = batched(o)[0].keep.float().mean(0).numpy()
    assert np.abs(kept - p).max() < 4.5 * math.sqrt(0.25 / N)
