"""The batched race against its closed forms: order, times, number stored. Fixed seeds; p > 1e-4 each."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import stats

from cogattn.nn.gate import Race

ROWS = 60_000
LOGITS = torch.tensor([0.0, 0.5, -0.7, 1.0, 0.2, -1.0])
C, T0 = 40.0, 0.015
P = torch.softmax(LOGITS.double(), 0).numpy()


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def displays(rows=ROWS):
    return LOGITS.expand(rows, -1)


def chi_square(counts, probabilities):
    """p of the counts under the law, rare cells pooled."""
    expected = np.asarray(probabilities) * np.sum(counts)
    rare = expected < 8
    pool = lambda x: np.append(np.asarray(x)[~rare], np.asarray(x)[rare].sum())  # noqa: E731
    seen, law = (pool(counts), pool(expected)) if rare.any() else (np.asarray(counts), expected)
    return stats.chisquare(seen, law * seen.sum() / law.sum()).pvalue


def plackett_luce(sequence):
    left, chance = 1.0, 1.0
    for item in sequence:
        chance *= P[item] / left
        left -= P[item]
    return chance


def poisson_binomial(chances):
    """Distribution of the number of successes."""
    law = np.ones(1)
    for f in chances:
        law = np.convolve(law, [1 - f, f])
    return law


def at_most(law, k):
    """k slots: whoever would have been further is counted at k."""
    return law if k >= len(law) - 1 else np.append(law[:k], law[k:].sum())


@pytest.mark.parametrize("capacity", [C, math.inf])
@pytest.mark.parametrize("reallocate", [False, True])
def test_order_of_the_first_three_is_plackett_luce(capacity, reallocate):
    race = Race(capacity, 3, T0, reallocate=reallocate)
    index = race(displays(), generator=seeded(1)).index  # (rows, 3)
    codes = (index * torch.tensor([36, 6, 1])).sum(-1).bincount(minlength=216).numpy()
    orders = list(itertools.permutations(range(6), 3))
    counts = [codes[a * 36 + b * 6 + c] for a, b, c in orders]
    assert sum(counts) == ROWS
    assert chi_square(counts, [plackett_luce(o) for o in orders]) > 1e-4


def test_first_finisher_is_softmax_of_log_weights():
    index = Race(C, 1, T0)(displays(), generator=seeded(2)).index
    assert chi_square(index[:, 0].bincount(minlength=6).numpy(), P) > 1e-4


def test_gain_sharpens_the_choice():
    index = Race(C, 1, T0, gain=2.5)(displays(), generator=seeded(3)).index
    law = torch.softmax(2.5 * LOGITS.double(), 0).numpy()
    assert chi_square(index[:, 0].bincount(minlength=6).numpy(), law) > 1e-4


def test_finish_times_are_exponential_with_rate_c_times_share():
    times = Race(C, 6, T0).times(displays(), generator=seeded(4)).numpy()  # (rows, S)
    for x in range(6):
        assert stats.kstest(times[:, x] - T0, "expon", args=(0, 1 / (C * P[x]))).pvalue > 1e-4


def test_masked_keys_give_their_rate_to_the_others():
    mask = torch.tensor([True, False, True, True, False, True]).expand(ROWS, -1)
    times = Race(C, 6, T0).times(displays(), generator=seeded(5), mask=mask).numpy()
    share = P * mask[0].numpy() / (P * mask[0].numpy()).sum()
    assert np.isinf(times[:, [1, 4]]).all()
    for x in (0, 2, 3, 5):
        assert stats.kstest(times[:, x] - T0, "expon", args=(0, 1 / (C * share[x]))).pvalue > 1e-4


@pytest.mark.parametrize("k", [1, 3, 6])
@pytest.mark.parametrize("tau", [0.03, 0.1, 0.25])
def test_number_stored_is_a_truncated_poisson_binomial(k, tau):
    stored = Race(C, k, T0)(displays(), exposure=tau, generator=seeded(6)).keep.sum(-1)
    law = at_most(poisson_binomial(1 - np.exp(-C * P * (tau - T0))), k)
    assert chi_square(stored.bincount(minlength=len(law)).numpy(), law) > 1e-4


def test_a_partial_slot_is_a_mixture_of_its_neighbours():
    tau, law = 0.25, poisson_binomial(1 - np.exp(-C * P * (0.25 - T0)))
    stored = Race(C, 3.25, T0)(displays(), exposure=tau, generator=seeded(7)).keep.sum(-1)
    mixture = 0.75 * np.append(at_most(law, 3), 0) + 0.25 * at_most(law, 4)
    assert chi_square(stored.bincount(minlength=5).numpy(), mixture) > 1e-4


def test_observers_in_one_batch_keep_their_own_limits():
    half = torch.arange(ROWS) % 2 == 0
    c, k, t0 = (torch.where(half, a, b) for a, b in ((60.0, 25.0), (2.0, 4.5), (0.0, 0.03)))
    tau = torch.where(half, 0.05, 0.2)
    stored = Race(c, k, t0)(displays(), exposure=tau, generator=seeded(8)).keep.sum(-1)
    law = at_most(poisson_binomial(1 - np.exp(-60 * P * 0.05)), 2)
    assert chi_square(stored[half].bincount(minlength=3).numpy(), law) > 1e-4
    other = poisson_binomial(1 - np.exp(-25 * P * 0.17))
    mixture = 0.5 * np.append(at_most(other, 4), 0) + 0.5 * at_most(other, 5)
    assert chi_square(stored[~half].bincount(minlength=6).numpy(), mixture) > 1e-4


@pytest.mark.parametrize("k", [3, 6])
def test_with_reallocation_the_number_stored_is_a_poisson_count(k):
    """The unfinished always share all of C, so items finish at rate C until none, or no slot, is left."""
    tau = 0.1
    stored = Race(C, k, T0, reallocate=True)(displays(), exposure=tau, generator=seeded(9)).keep.sum(-1)
    law = stats.poisson.pmf(np.arange(k), C * (tau - T0))
    assert chi_square(stored.bincount(minlength=k + 1).numpy(), np.append(law, 1 - law.sum())) > 1e-4


def test_with_reallocation_spacings_are_exponential_at_rate_c():
    times = Race(C, 6, T0, reallocate=True).times(displays(), generator=seeded(10)).numpy()
    spacings = np.diff(np.sort(times, 1), prepend=T0, axis=1)
    for r in range(6):
        assert stats.kstest(spacings[:, r], "expon", args=(0, 1 / C)).pvalue > 1e-4
    assert abs(np.corrcoef(spacings.T)[np.triu_indices(6, 1)]).max() < 5 / math.sqrt(ROWS)


def test_reallocation_changes_times_but_not_the_order():
    fixed, shared = (
        Race(C, 6, T0, reallocate=r).times(displays(500), generator=seeded(11)) for r in (False, True)
    )
    assert torch.equal(fixed.argsort(-1), shared.argsort(-1))
    assert (shared <= fixed + 1e-6).all()
    assert not torch.allclose(fixed, shared)


def test_known_means_of_the_two_laws():
    """8 equal items, K=4, C=45, tau - t0 = 105 ms: 3.21 stored under fixed rates, 3.48 when reallocated."""
    p = 1 - math.exp(-45 * 0.105 / 8)
    fixed = sum(min(j, 4) * stats.binom.pmf(j, 8, p) for j in range(9))
    shared = sum(min(j, 4) * stats.poisson.pmf(j, 45 * 0.105) for j in range(60))
    for reallocate, mean in ((False, fixed), (True, shared)):
        race = Race(45.0, 4, 0.015, reallocate=reallocate)
        stored = race(torch.zeros(ROWS, 8), exposure=0.12, generator=seeded(12)).keep.sum(-1).double()
        assert abs(stored.mean() - mean) < 4 * stored.std() / math.sqrt(ROWS)
    assert (round(fixed, 2), round(shared, 2)) == (3.21, 3.48)


def test_times_play_and_gate_tell_of_the_same_race():
    race = Race(C, 3, T0)
    gate = race(displays(200), exposure=0.1, generator=seeded(13))
    again, times = race.play(displays(200), exposure=0.1, generator=seeded(13))
    assert torch.equal(gate.keep, again.keep)
    assert torch.equal(gate.index, again.index)
    assert torch.equal(times, race.times(displays(200), generator=seeded(13)))
    kth = times.sort(-1).values[:, 2:3]
    assert torch.equal(gate.keep, (times < 0.1) & (times <= kth))


@pytest.mark.parametrize("reallocate", [False, True])
def test_extreme_weights_keep_their_order_and_never_become_nan(reallocate):
    logits = torch.tensor([[500.0, 200.0, -200.0, -500.0, -math.inf]])
    race = Race(math.inf, 5, reallocate=reallocate)
    gate, times = race.play(logits, generator=seeded(14))
    assert gate.index.tolist() == [[0, 1, 2, 3, -1]]
    assert not times.isnan().any()
    assert math.isinf(times[0, 4])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_races_are_run_in_single_precision_whatever_comes(dtype):
    times = Race(C, 3).times(displays(2000).to(dtype), generator=seeded(15))
    assert times.dtype == torch.float32
    assert all(len(set(row)) == 6 for row in times.tolist())
