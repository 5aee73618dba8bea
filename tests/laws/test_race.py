"""The laws of the race, each held against another way to compute it: sets, textbooks, limits, symmetries."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import linalg, stats

from cogattn.laws import race

RNG = np.random.default_rng


def mixture(slots):
    """(K, probability) of a number of slots."""
    low = math.floor(slots)
    return [(low, 1.0)] if slots == low else [(low, low + 1 - slots), (low + 1, slots - low)]


def by_sets(w, targets, *, capacity, exposure, slots, threshold=0.0):
    """P(j of the first `targets` elements stored): the published formula, summed over every set there is."""
    v, tau = capacity * np.asarray(w) / np.sum(w), max(0.0, exposure - threshold)
    out = np.zeros(targets + 1)
    for k, chance in mixture(min(slots, len(v))):
        for size in range(min(k, len(v)) + 1):
            for s in itertools.combinations(range(len(v)), size):
                out[sum(x < targets for x in s)] += chance * race.stored_set(s, v, tau, k)
    return out


def settings(seed, n=None):
    """A random display and observer: weights over two decades, some of them zero, K from 0 to 6."""
    rng = RNG(seed)
    n = n or int(rng.integers(1, 7))
    w = 10.0 ** rng.uniform(-1, 1, n) * (rng.random(n) > 0.1)
    w[0] = max(w[0], 0.5)
    slots = float(rng.integers(0, 7)) if rng.random() < 0.6 else round(float(rng.uniform(0, 6)), 2)
    threshold = float(rng.choice([0.0, 0.0079, 0.03]))
    exposure = threshold + float(rng.choice([-0.002, 0.01, 0.05, 0.2, 1.0]))
    return w, {
        "capacity": float(rng.uniform(5, 120)),
        "exposure": max(exposure, 0.001),
        "slots": slots,
        "threshold": threshold,
    }


# --- whole and partial report against the published sum over sets ------------------------------------------


@pytest.mark.parametrize("batch", range(10))
def test_whole_report_is_the_sum_over_stored_sets(batch):
    for seed in range(30 * batch, 30 * batch + 30):
        w, how = settings(seed)
        assert np.abs(race.whole_report(w, **how) - by_sets(w, len(w), **how)).max() < 1e-12


@pytest.mark.parametrize("batch", range(10))
def test_partial_report_is_the_sum_over_stored_sets(batch):
    for seed in range(1000 + 30 * batch, 1030 + 30 * batch):
        w, how = settings(seed)
        m = int(RNG(seed).integers(0, len(w) + 1))
        assert np.abs(race.partial_report(w[:m], w[m:], **how) - by_sets(w, m, **how)).max() < 1e-12


def test_equal_items_give_the_textbook_binomial():
    for n, k, tau in itertools.product((1, 4, 6, 9), (0, 1, 3, 6), (0.01, 0.06, 0.2)):
        p = 1 - math.exp(-65.5 * tau / n)
        textbook = stats.binom.pmf(np.arange(n + 1), n, p)
        if k < n:
            textbook[k], textbook[k + 1 :] = textbook[k:].sum(), 0
        got = race.whole_report(np.ones(n), capacity=65.5, exposure=tau + 0.008, slots=k, threshold=0.008)
        assert np.abs(got - textbook).max() < 1e-12


@pytest.mark.parametrize("spread", [1e3, 1e6])
def test_the_integral_bears_weights_that_differ_a_millionfold(spread):
    w = np.array([1.0, spread**0.5, spread, 2.0])
    how = {"capacity": 60.0, "exposure": 0.2, "slots": 2}
    assert np.abs(race.partial_report(w[:2], w[2:], **how) - by_sets(w, 2, **how)).max() < 1e-9


def test_every_distribution_sums_to_one_and_none_is_negative():
    for seed in range(200):
        w, how = settings(seed, n=8)
        for reallocate in (False, True):
            whole = race.whole_report(w, **how, reallocate=reallocate)
            part = race.partial_report(w[:3], w[3:], **how, reallocate=reallocate)
            for p in (whole, part):
                assert p.min() >= -1e-15
                assert abs(p.sum() - 1) < 1e-12


def test_partial_report_without_distractors_is_whole_report():
    for seed in range(50):
        w, how = settings(seed)
        for reallocate in (False, True):
            both = [
                race.partial_report(w, [], **how, reallocate=reallocate),
                race.whole_report(w, **how, reallocate=reallocate),
            ]
            assert np.abs(both[0] - both[1]).max() < 1e-12


def test_conditions_broadcast():
    exposures = np.array([[0.005, 0.05], [0.2, 1.0]])
    how = {"capacity": 60.0, "slots": 2.5, "threshold": 0.01}
    grid = race.partial_report([1, 2], [0.5], exposure=exposures, **how)
    assert grid.shape == (2, 2, 3)
    for i, j in np.ndindex(2, 2):
        assert np.allclose(grid[i, j], race.partial_report([1, 2], [0.5], exposure=exposures[i, j], **how))


# --- the other law: rates are handed on --------------------------------------------------------------------


def births(n, capacity, tau):
    """P(j done by tau) if the unfinished always share C: a pure birth chain, solved as a chain."""
    q = np.zeros((n + 1, n + 1))
    for j in range(n):
        q[j, j], q[j, j + 1] = -capacity, capacity
    return linalg.expm(q * tau)[0]


@pytest.mark.parametrize("n", [1, 3, 6])
@pytest.mark.parametrize("tau", [0.01, 0.1, 0.5])
def test_reallocating_counts_are_a_birth_chain_whatever_the_weights(n, tau):
    free = births(n, 45.0, tau)
    for k in range(n + 1):
        chain = np.append(free[:k], free[k:].sum())
        got = race.whole_report(
            RNG(n).random(n), capacity=45.0, exposure=tau + 0.01, slots=k, threshold=0.01, reallocate=True
        )
        assert np.abs(got[: k + 1] - chain).max() < 1e-12


def test_reallocating_partial_report_is_a_sum_over_all_orders():
    w, m, tau = np.array([1.0, 0.6, 2.0, 0.3, 0.9]), 2, 0.07
    free = births(5, 45.0, tau)
    for k in range(6):
        expected = np.zeros(m + 1)
        for order in itertools.permutations(range(5)):
            for done in range(6):
                first = order[: min(k, done)]
                expected[sum(x < m for x in first)] += race.plackett_luce(order, w) * free[done]
        got = race.partial_report(w[:m], w[m:], capacity=45.0, exposure=tau, slots=k, reallocate=True)
        assert np.abs(got - expected).max() < 1e-12


def test_handing_rates_on_stores_more_and_more_so_the_less_equal_the_weights():
    how = {"capacity": 45.0, "exposure": 0.12, "slots": 4, "threshold": 0.015}
    fixed, handed = [], []
    for spread in (0.0, 0.5, 1.0, 2.0):
        w = np.exp(spread * np.linspace(-1, 1, 8))
        fixed.append(float(race.expected(race.whole_report(w, **how))))
        handed.append(float(race.expected(race.whole_report(w, **how, reallocate=True))))
    assert handed == pytest.approx([3.485] * 4, abs=0.001)
    assert (np.diff(fixed) < 0).all()
    assert fixed[0] < 3.25


def test_zero_weights_do_not_race_in_any_row_of_a_batch():
    how = {"capacity": 10.0, "exposure": 0.2, "slots": 3}
    for reallocate in (False, True):
        rows = race.whole_report([[1, 1, 0], [1, 1, 1]], **how, reallocate=reallocate)
        alone = race.whole_report([1, 1], **how, reallocate=reallocate)
        assert np.allclose(rows[0], [*alone, 0.0])
        assert np.allclose(rows[1], race.whole_report([1, 1, 1], **how, reallocate=reallocate))


# --- symmetries: what must not matter, and what must -------------------------------------------------------


@pytest.mark.parametrize("reallocate", [False, True])
def test_the_unit_of_weight_does_not_matter(reallocate):
    for seed in range(40):
        w, how = settings(seed)
        a = race.whole_report(w, **how, reallocate=reallocate)
        for unit in (1e-6, 3.0, 1e9):
            assert np.abs(race.whole_report(w * unit, **how, reallocate=reallocate) - a).max() < 1e-12
    assert np.allclose(race.inclusion(w * 7, 60, 0.1, 2), race.inclusion(w, 60, 0.1, 2))


def test_permuting_the_elements_permutes_who_is_stored():
    w = np.array([0.2, 1.0, 3.0, 0.7, 1.5])
    p = race.inclusion(w, 50.0, 0.08, 2.5, 0.01)
    for order in itertools.permutations(range(5)):
        assert np.allclose(race.inclusion(w[list(order)], 50.0, 0.08, 2.5, 0.01), p[list(order)], atol=1e-13)


def test_inclusion_sums_to_the_mean_score():
    for seed in range(40):
        w, how = settings(seed)
        p = race.inclusion(w, how["capacity"], how["exposure"], how["slots"], how["threshold"])
        assert p.sum() == pytest.approx(race.expected(race.whole_report(w, **how)), abs=1e-12)


def test_inclusion_is_not_proportional_to_weight():
    """It saturates: `P(x in) = integral of v_x e^{-v_x t} P(fewer than K others by t)`, here by quadrature."""
    w, capacity, tau, k = np.array([2.0, 1.0, 1.0, 0.5]), 40.0, 0.1, 2
    v = race.rates(w, capacity)
    t, width = np.linspace(0, tau, 200_001, retstep=True)
    others = race.poisson_binomial(-np.expm1(-v[1:] * t[:, None]))[:, :k].sum(-1)
    quadrature = np.trapezoid(v[0] * np.exp(-v[0] * t) * others, dx=width)
    assert race.inclusion(w, capacity, tau, k)[0] == pytest.approx(quadrature, abs=1e-8)


@pytest.mark.parametrize("reallocate", [False, True])
@pytest.mark.parametrize("better", ["exposure", "capacity", "slots"])
def test_more_time_capacity_or_room_never_hurts(better, reallocate):
    for seed in range(30):
        w, how = settings(seed)
        scores = []
        for factor in (0.5, 1.0, 1.3, 2.0, 5.0):
            more = how | {better: how[better] * factor}
            scores.append(race.expected(race.whole_report(w, **more, reallocate=reallocate)))
        assert (np.diff(scores) >= -1e-12).all()


def test_a_longer_threshold_never_helps():
    scores = [
        race.expected(race.whole_report(np.ones(6), capacity=60, exposure=0.1, slots=3, threshold=t0))
        for t0 in (0.0, 0.01, 0.05, 0.0999, 0.1, 0.2)
    ]
    assert (np.diff(scores) <= 0).all()


def test_a_lighter_distractor_leaves_more_targets():
    scores = [
        race.expected(race.partial_report([1, 1], [a] * 4, capacity=60, exposure=0.1, slots=2))
        for a in (1.0, 0.6, 0.3, 0.1, 0.0)
    ]
    assert (np.diff(scores) > 0).all()
    assert scores[-1] == pytest.approx(
        race.expected(race.whole_report([1, 1], capacity=60, exposure=0.1, slots=2))
    )


def test_the_score_grows_at_first_by_capacity_and_ends_at_slots():
    def score(exposure):
        return float(
            race.expected(
                race.whole_report(np.ones(6), capacity=65.5, exposure=exposure, slots=3.06, threshold=0.008)
            )
        )

    assert (score(0.008 + 1e-6) - score(0.008)) / 1e-6 == pytest.approx(65.5, rel=1e-3)
    assert score(100.0) == pytest.approx(3.06, abs=1e-9)


# --- limits ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reallocate", [False, True])
def test_no_time_above_threshold_stores_nothing(reallocate):
    for exposure, threshold in ((0.008, 0.008), (0.005, 0.008), (1e-9, 0.5)):
        for capacity in (60.0, math.inf):
            p = race.whole_report(
                np.ones(4), capacity=capacity, exposure=exposure, slots=3, threshold=threshold,
                reallocate=reallocate,
            )  # fmt: skip
            assert p.tolist() == [1, 0, 0, 0, 0]


@pytest.mark.parametrize("reallocate", [False, True])
def test_infinite_capacity_fills_the_store_at_once(reallocate):
    how = {"capacity": math.inf, "exposure": 0.01, "threshold": 0.008, "reallocate": reallocate}
    assert race.whole_report(np.ones(4), slots=3, **how).tolist() == [0, 0, 0, 1, 0]
    assert race.whole_report([1, 1, 0], slots=math.inf, **how).tolist() == [0, 0, 1, 0]
    w = np.array([1.0, 2.0, 0.5, 0.8])
    got = race.partial_report(w[:2], w[2:], slots=2, **how)
    assert np.allclose(got, race.composition(w, 2, 2), atol=1e-12)


def test_infinite_slots_leave_each_element_alone():
    w, tau = np.array([1.0, 0.3, 2.0]), 0.05
    f = 1 - np.exp(-60 * w / w.sum() * tau)
    assert np.allclose(race.inclusion(w, 60.0, tau, math.inf), f)
    assert np.allclose(
        race.whole_report(w, capacity=60, exposure=tau, slots=math.inf), race.poisson_binomial(f)
    )


def test_a_mixture_of_slots_has_the_mean_of_its_parts():
    how = {"capacity": 60.0, "exposure": 0.1}
    low, mixed, high = (race.whole_report(np.ones(6), slots=k, **how) for k in (3, 3.25, 4))
    assert np.allclose(mixed, 0.75 * low + 0.25 * high)


def test_no_slots_store_nothing():
    assert race.whole_report(np.ones(3), capacity=60, exposure=1, slots=0).tolist() == [1, 0, 0, 0]
    assert race.partial_report([1.0], [1.0], capacity=60, exposure=1, slots=0).tolist() == [1, 0]
    half = race.whole_report(np.ones(3), capacity=1e9, exposure=1, slots=0.5)
    assert np.allclose(half, [0.5, 0.5, 0, 0])


# --- rates, finish times, orders ---------------------------------------------------------------------------


def test_rates_divide_the_capacity_by_weight():
    assert np.allclose(race.rates([1, 3, 0], 40.0), [10, 30, 0])
    assert race.rates([0, 0], 40.0).tolist() == [0, 0]


@pytest.mark.filterwarnings("error")
def test_zero_weight_gets_no_rate_of_an_infinite_capacity():
    assert race.rates([1, 0], math.inf).tolist() == [math.inf, 0]


def test_first_finisher_is_softmax_of_log_weights():
    w = np.array([0.2, 1.0, 3.0])
    softmax = np.exp(np.log(w)) / np.exp(np.log(w)).sum()
    assert np.allclose(race.first_finisher(w), softmax)


@pytest.mark.parametrize("reallocate", [False, True])
def test_finish_times_follow_their_formula(reallocate):
    w, e = np.array([1.0, 2.0, 1.0]), np.array([0.4, 0.1, 0.8])
    t = race.finish_times(w, 40.0, 0.01, e, reallocate)
    fixed = [0.040, 0.005, 0.080]  # E / v
    handed = [0.005 + 0.035 * 2 / 4, 0.005, 0.005 + 0.035 * 2 / 4 + 0.04 * 1 / 4]
    assert np.allclose(t, 0.01 + np.array(handed if reallocate else fixed))


def test_reallocating_changes_times_but_no_order():
    e, w = RNG(0).exponential(size=(500, 6)), 10 ** RNG(1).uniform(-1, 1, 6)
    fixed, handed = (race.finish_times(w, 50.0, 0.01, e, reallocate=r) for r in (False, True))
    assert (fixed.argsort() == handed.argsort()).all()
    assert (handed <= fixed + 1e-12).all()


def test_reallocating_gaps_are_exponential_at_the_full_rate():
    w = np.array([0.2, 1.0, 3.0, 0.5])
    t = np.sort(race.finish_times(w, 50.0, 0.0, RNG(2).exponential(size=(20_000, 4)), reallocate=True))
    gaps = np.diff(t, axis=1, prepend=0.0)
    for i in range(4):
        assert stats.kstest(gaps[:, i], stats.expon(scale=1 / 50).cdf).pvalue > 1e-4


@pytest.mark.parametrize("reallocate", [False, True])
@pytest.mark.filterwarnings("error")
def test_zero_weight_never_finishes(reallocate):
    t = race.finish_times([1.0, 0.0], 40.0, 0.01, [1.0, 1.0], reallocate)
    assert np.isfinite(t[0])
    assert t[1] == math.inf
    assert race.finish_times([1.0, 0.0], math.inf, 0.01, [1.0, 1.0], reallocate).tolist() == [0.01, math.inf]


def test_plackett_luce_sums_to_one_over_orders():
    w = [0.2, 1.0, 3.0, 0.7, 1e-3]
    for length in range(6):
        orders = itertools.permutations(range(5), length)
        assert sum(race.plackett_luce(o, w) for o in orders) == pytest.approx(1, abs=1e-12)


def test_plackett_luce_refuses_nobody_but_gives_zero_to_the_impossible():
    assert race.plackett_luce([0, 1], [1.0, 0.0]) == 0
    assert race.plackett_luce([0, 0], [1.0, 1.0]) == 0
    assert race.plackett_luce([2, 0, 1], [1.0, 1e-20, 1e20]) == pytest.approx(1.0)


def test_composition_is_plackett_luce_summed_over_orders():
    w, m = np.array([1.0, 0.4, 2.0, 0.7, 0.0]), 2
    for r in range(6):
        expected = np.zeros(m + 1)
        for order in itertools.permutations(range(4), min(r, 4)):
            expected[sum(x < m for x in order)] += race.plackett_luce(order, w)
        assert np.allclose(race.composition(w, m, r), expected, atol=1e-13)


def test_poisson_binomial_is_binomial_for_equal_chances():
    assert np.allclose(race.poisson_binomial([0.3] * 7), stats.binom.pmf(np.arange(8), 7, 0.3), atol=1e-15)


def test_stored_sets_sum_to_one():
    v = np.array([3.0, 10.0, 1.0, 6.0])
    for k in range(5):
        sets = (s for size in range(5) for s in itertools.combinations(range(4), size))
        assert sum(race.stored_set(s, v, 0.15, k) for s in sets) == pytest.approx(1, abs=1e-12)


# --- weights -----------------------------------------------------------------------------------------------


def test_distractors_weigh_alpha():
    assert race.weights([False, True], 0.4, 2.0).tolist() == [2.0, 0.8]
    assert race.weights([False, True], [[0.4], [0.9]]).tolist() == [[1, 0.4], [1, 0.9]]


def test_gain_turns_a_gap_of_logits_into_alpha():
    for alpha, gap in itertools.product((1.0, 0.44, 0.01), (0.5, 1.0, 4.0)):
        w = race.weights_from_logits([gap, 0.0], race.gain_for(alpha, gap))
        assert w[1] / w[0] == pytest.approx(alpha)


def test_perfect_selection_closes_distractors_without_overflow():
    w = race.weights_from_logits([3.0, 0.0], race.gain_for(0.0, 3.0))
    assert w[0] == 1
    assert 0 <= w[1] < 1e-290


def test_logits_of_minus_infinity_weigh_nothing():
    assert race.weights_from_logits([0.0, -math.inf, 1.0], 2.0)[1] == 0
    assert race.weights_from_logits([-math.inf, -math.inf], 1.0).tolist() == [0, 0]
    assert race.rates(race.weights_from_logits([-math.inf], 1.0), 40.0).tolist() == [0]


def test_a_common_logit_changes_no_share():
    logits = np.array([0.3, -2.0, 1.1])
    shares = [race.first_finisher(race.weights_from_logits(logits + c, 1.5)) for c in (0.0, 500.0, -800.0)]
    assert np.allclose(shares[0], shares[1])
    assert np.allclose(shares[0], shares[2])
    softmax = np.exp(1.5 * logits) / np.exp(1.5 * logits).sum()
    assert np.allclose(shares[0], softmax)


def test_pertinence_multiplies_weights():
    logits, pertinence = [0.2, 0.2, 0.9], np.array([1.0, 3.0, 0.0])
    w = race.weights_from_logits(logits, 1.0, pertinence)
    assert w[1] / w[0] == pytest.approx(3)
    assert w[2] == 0


# --- the slopes that sampling needs -------------------------------------------------------------------------


def by_closed_form(m, d, alpha, race_, k):
    """P(j of m targets stored) for whole k, from the published sum over sets; every number may be complex."""
    v = np.array([1.0 + 0j] * m + [alpha] * d)
    v, out = v / v.sum(), np.zeros(m + 1, complex)
    for size in range(min(k, m + d) + 1):
        for s in itertools.combinations(range(m + d), size):
            rest, total = [x for x in range(m + d) if x not in s], 0j
            if size < k:
                total = np.prod(-np.expm1(-v[list(s)] * race_)) * np.prod(np.exp(-v[rest] * race_))
            for i in s if size == k else ():
                others = [x for x in s if x != i]
                for j in itertools.chain.from_iterable(
                    itertools.combinations(others, n) for n in range(len(others) + 1)
                ):
                    a = v[i] + v[list(j)].sum() + v[rest].sum()
                    total += (-1) ** len(j) * v[i] * -np.expm1(-a * race_) / a
            out[sum(x < m for x in s)] += total if k else 1.0
    return out


@pytest.mark.parametrize(("m", "d"), [(6, 0), (2, 4), (1, 1), (3, 2)])
@pytest.mark.parametrize("alpha", [0.02, 0.44, 1.0, 5.0])
def test_the_slopes_are_those_of_the_closed_form(m, d, alpha):
    """Complex steps of 1e-30 in the closed form: exact to rounding, and no quadrature in them."""
    for work in (0.05, 0.7, 4.0, 30.0):
        counts, by_race, by_alpha = (np.empty((m + d + 1, m + 1)) for _ in range(3))
        race.report_slopes(m, d, alpha, work, counts, by_race, by_alpha)
        for k in range(m + d + 1):
            assert counts[k] == pytest.approx(by_closed_form(m, d, alpha, work, k).real, abs=1e-12)
            along = by_closed_form(m, d, alpha, work + 1e-30j, k).imag / 1e-30
            assert by_race[k] == pytest.approx(along, abs=1e-11)
            beside = by_closed_form(m, d, alpha + 1e-30j, work, k).imag / 1e-30
            assert by_alpha[k] == pytest.approx(beside, abs=1e-10)


@pytest.mark.parametrize(("m", "d"), [(1, 1), (2, 4), (4, 3), (5, 0), (0, 3)])
def test_the_compiled_order_of_two_weights_is_drawing_from_an_urn(m, d):
    """Equal weights: hypergeometric. Others: the dynamic programme over sets. Weight none: targets first, if at all."""
    out = np.full((m + d + 1, m + 1), np.nan)
    for alpha in (1.0, 0.44, 2.5, 0.0):
        race.first_finishers(m, d, alpha, out)
        assert out.sum(1) == pytest.approx(1.0)
        for r in range(m + d + 1):
            if alpha == 1.0:
                wanted = stats.hypergeom.pmf(np.arange(m + 1), m + d, m, r)
            elif alpha == 0.0:
                wanted = np.arange(m + 1) == min(r, m)
            else:
                wanted = race.composition([1.0] * m + [alpha] * d, m, r)
            assert out[r] == pytest.approx(np.asarray(wanted, float), abs=1e-12)


@pytest.mark.parametrize(("m", "d"), [(6, 0), (2, 4), (1, 1), (4, 3), (3, 8)])
def test_the_compiled_counts_are_those_of_the_law(m, d):
    for alpha in (0.0, 0.05, 0.44, 1.0, 2.5):
        for work in (0.0, 0.01, 0.7, 4.0, 60.0, 1e5):
            out = np.full((m + d + 1, m + 1), np.nan)
            race.report_counts(m, d, alpha, work, out)
            for k in range(m + d + 1):
                expected = race.partial_report(
                    np.ones(m), np.full(d, alpha), capacity=1.0, exposure=work + 1e-300, slots=float(k)
                )
                assert out[k] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("m", "d"), [(6, 0), (2, 4), (1, 1), (4, 3)])
def test_the_compiled_reallocating_race_is_that_of_the_law(m, d):
    for alpha in (0.0, 0.44, 2.5):
        who = np.full((m + d + 1, m + 1), np.nan)
        race.first_finishers(m, d, alpha, who)
        w = np.concatenate([np.ones(m), np.full(d, alpha)])
        for r in range(m + d + 1):
            assert who[r] == pytest.approx(race.composition(w, m, r), abs=1e-12)
        for work in (0.0, 0.7, 4.0, 60.0):
            out = np.full((m + d + 1, m + 1), np.nan)
            race.reallocated_counts(m, d, alpha, work, out)
            for k in range(m + d + 1):
                expected = race.partial_report(
                    w[:m], w[m:], capacity=1.0, exposure=work, slots=float(k), reallocate=True
                )
                assert out[k] == pytest.approx(expected, abs=1e-12)
