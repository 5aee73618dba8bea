"""The store: each law held against a store that is played item by item, against integrals, and in its limits."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, stats

from cogattn.errors import InputError
from cogattn.laws import memory

RNG = np.random.default_rng


def z_of(hits, expected):
    """How many standard errors a rate is off; a certain outcome must be certain."""
    rate, n = float(np.mean(hits)), len(hits)
    if min(expected, 1 - expected) < 1e-12:
        return 0.0 if abs(rate - expected) < 1e-12 else math.inf
    return abs(rate - expected) / math.sqrt(expected * (1 - expected) / n)


def store_after(rng, items, k, policy):
    """What a store of k slots holds after items 0, 1, ... have been written into it."""
    store, strength = [], rng.random(items)
    for item in range(items):
        if len(store) >= k:
            out = {
                "random": lambda: int(rng.integers(len(store))),
                "oldest": lambda: 0,
                "weakest": lambda: int(np.argmin(strength[store])),
            }[policy]()
            del store[out]
        store.append(item)
    return store


def held_exactly(items, k, policy):
    """P(held) of each item, by every way it can go: all slots, or all orders of strength."""
    chance = np.zeros(items)
    if policy == "weakest":
        orders = list(itertools.permutations(range(items)))
        for strength in orders:
            store = []
            for item in range(items):
                if len(store) == k:
                    store.remove(min(store, key=lambda x, s=strength: s[x]))
                store.append(item)
            chance[store] += 1 / len(orders)
        return chance
    stores = {(): 1.0}
    for item in range(items):
        after = {}
        for store, p in stores.items():
            if len(store) < k:
                ways = [store]
            else:
                drop = range(k) if policy == "random" else [0]
                ways = [store[:j] + store[j + 1 :] for j in drop]
            for way in ways:
                after[(*way, item)] = after.get((*way, item), 0.0) + p / len(ways)
        stores = after
    for store, p in stores.items():
        chance[list(store)] += p
    return chance


# --- what is still held ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", memory.POLICIES)
@pytest.mark.parametrize("k", [1, 2, 3, 5, 8])
def test_a_list_is_held_as_in_every_way_it_can_go(k, policy):
    for length in (1, 2, 4, 6):
        got = memory.serial_recall(length, k, policy)
        assert np.abs(got - held_exactly(length, k, policy)).max() < 1e-12


@pytest.mark.parametrize("policy", memory.POLICIES)
@pytest.mark.parametrize("k", [1, 3, 4])
def test_retention_in_a_store_that_is_played(policy, k):
    """Asked before the present item is written: lag - 1 writes lie between."""
    rng, before = RNG(k), 6
    for lag in (1, 2, 3, 5):
        hits = [before in store_after(rng, before + lag, k, policy) for _ in range(2500)]
        assert z_of(hits, float(memory.retention(lag, k, policy, before=before))) < 4


@pytest.mark.parametrize("policy", ["random", "oldest"])
def test_a_full_store_forgets_how_long_it_has_been_full(policy):
    for k in (1, 2, 5):
        endless = memory.retention(np.arange(1, 9), k, policy)
        assert np.abs(endless - memory.retention(np.arange(1, 9), k, policy, before=k)).max() < 1e-15
        assert np.abs(endless - memory.retention(np.arange(1, 9), k, policy, before=1e6)).max() < 1e-15


def test_the_weakest_in_an_endless_stream_are_the_new():
    assert memory.retention([1, 2, 9], 4, "weakest").tolist() == [1, 0, 0]
    late = [memory.retention(2, 4, "weakest", before=b) for b in (0, 2, 3, 10, 100, 1e9)]
    assert np.allclose(late, [1, 1, 0.75, 3 / 11, 3 / 101, 3e-9])


def test_retention_by_hand():
    lag = np.arange(1, 6)
    assert np.allclose(memory.retention(lag, 4), 0.75 ** (lag - 1))
    assert memory.retention(lag, 3, "oldest").tolist() == [1, 1, 1, 0, 0]
    assert memory.retention(lag, 1).tolist() == [1, 0, 0, 0, 0]
    for policy in memory.POLICIES:
        assert memory.retention(lag, 0, policy).tolist() == [0] * 5
        assert memory.retention(lag, math.inf, policy).tolist() == [1] * 5
        assert (np.diff(memory.retention(lag, 3, policy, before=2)) <= 1e-15).all()


@pytest.mark.parametrize("policy", memory.POLICIES)
def test_a_number_of_slots_between_two_is_a_mixture(policy):
    for law in (
        lambda k: memory.retention([1, 2, 5], k, policy, before=4),
        lambda k: memory.serial_recall(7, k, policy),
        lambda k: np.array(memory.nback(2, k, policy=policy)),
        lambda k: np.array(memory.change_detection([1, 3, 8], k)),
        lambda k: memory.tracking([1, 3, 8], k),
    ):
        assert np.allclose(law(2.3), 0.7 * law(2) + 0.3 * law(3), rtol=0, atol=1e-14)
        assert np.allclose(law(0.4), 0.6 * law(0) + 0.4 * law(1), rtol=0, atol=1e-14)


def test_what_is_held_decays():
    rng, lag = RNG(7), 3
    hits = [
        0 in store_after(rng, lag, 2, "random") and rng.exponential(5.0) > lag * 1.5 for _ in range(20_000)
    ]
    assert z_of(hits, float(memory.retention(lag, 2, life=5.0, interval=1.5, before=0))) < 4
    assert memory.retention(3, 2, life=math.inf, interval=1.5) == memory.retention(3, 2)
    assert memory.retention(3, math.inf, life=2.0, interval=1.0) == math.exp(-1.5)


# --- what is rehearsed --------------------------------------------------------------------------------------------


def in_mind(rng, said, asked, life, stored_until):
    """One item, trace by trace."""
    ends = []
    for t in said:
        if t < asked and (not ends or t <= stored_until or max(ends) > t):
            ends.append(t + rng.exponential(life))
    return asked <= stored_until or (bool(ends) and max(ends) > asked)


@pytest.mark.parametrize("stored_until", [-math.inf, 2.5])
def test_a_trace_is_what_is_played_trace_by_trace(stored_until):
    rng, said = RNG(5), [0.0, 0.7, 1.9, 2.0, 3.6, 9.0]
    for asked in (0.4, 2.4, 4.1, 6.0):
        hits = [in_mind(rng, said, asked, 1.5, stored_until) for _ in range(20_000)]
        assert z_of(hits, memory.rehearsed(said, asked, 1.5, stored_until)) < 4


@pytest.mark.full
def test_rehearsal_by_hand():
    q = math.exp(-1.0)  # one life between turns
    assert memory.rehearsed([0.0], 1.0, 1.0) == pytest.approx(q)
    twice = q * (1 - (1 - q) ** 2)  # it is there at its second turn, and then one of two traces is left
    assert memory.rehearsed([0.0, 1.0], 2.0, 1.0) == pytest.approx(twice)
    assert memory.rehearsed([0.0, 5.0], 1.0, 1.0) == pytest.approx(q)  # its turn comes after it was asked for
    assert memory.rehearsed([2.0], 1.0, 1.0) == 0.0  # it has not come yet
    assert memory.rehearsed([0.0], 9.0, 1.0, stored_until=9.0) == 1.0
    often = [memory.rehearsed(np.arange(0, 10, gap), 10.0, 1.0) for gap in (5.0, 2.0, 1.0, 0.2, 0.01)]
    assert (np.diff(often) > 0).all()
    assert often[-1] == pytest.approx(math.exp(-0.01), abs=3e-4)  # lost before its second turn, or never


def test_a_span_in_its_limits():
    for reversed_ in (False, True):
        for policy in ("random", "oldest"):
            for k, life in ((4.0, 1e-9), (9.0, 1e-9), (0.0, 1e12)):
                places, whole = memory.span_recall(4, k, life, 0.3, 1.0, policy, reversed_)
                assert places == pytest.approx(1.0)
                assert whole == pytest.approx(1.0)
            places, whole = memory.span_recall(6, 3.0, 1e-9, 0.3, 1.0, policy, reversed_)
            assert places == pytest.approx(memory.serial_recall(6, 3.0, policy))
            assert whole == pytest.approx(0.0)
    shares = [memory.span_recall(n, 3.0, 5.0, 0.3)[1] for n in range(3, 10)]
    assert (np.diff(shares[1:]) < -0.02).all()
    a, b, between = (memory.span_recall(6, k, 5.0, 0.3) for k in (2.0, 3.0, 2.25))
    assert between[0] == pytest.approx(0.75 * a[0] + 0.25 * b[0])
    assert between[1] == pytest.approx(0.75 * a[1] + 0.25 * b[1])


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: memory.rehearsed([0.0], 1.0, 0.0), "life must be > 0"),
        (lambda: memory.rehearsed([math.nan], 1.0, 1.0), "said must be"),
        (lambda: memory.span_recall(0, 3.0, 5.0, 0.3), "length must be"),
        (lambda: memory.span_recall(5, -1.0, 5.0, 0.3), "slots must be"),
        (lambda: memory.span_recall(5, 3.0, 5.0, 0.0), "saying must be > 0"),
        (lambda: memory.span_recall(5, 3.0, 5.0, 0.3, 0.0), "interval must be > 0"),
        (lambda: memory.span_recall(5, 3.0, 5.0, 0.3, 1.0, "weakest"), "policy must be one of"),
        (lambda: memory.shared_sd(2, 0.0), "sd must be > 0"),
        (lambda: memory.shared_sd(2, 13.0, -1.0), "sharing must be >= 0"),
    ],
)
def test_laws_of_rehearsal_and_precision_refuse_by_name(call, says):
    with pytest.raises(InputError, match=says):
        call()


def test_precision_is_shared_by_what_is_held():
    assert memory.shared_sd([0, 1, 2, 3], 13.0).tolist() == pytest.approx(
        [13.0, 13.0, 13 * math.sqrt(2), 13 * math.sqrt(3)]
    )
    assert memory.shared_sd([1, 4], 13.0, 0.0).tolist() == [13.0, 13.0]
    assert float(memory.shared_sd(9, 13.0, 1.0)) == pytest.approx(117.0)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"lag": 0}, "lag must be >= 1"),
        ({"lag": [1, 2.5]}, "lag must be whole, got 2.5"),
        ({"slots": -1}, "slots must be >= 0"),
        ({"slots": math.nan}, "slots must be"),
        ({"policy": "newest"}, "policy must be one of"),
        ({"life": 0}, "life must be > 0"),
        ({"interval": -1}, "interval must be >= 0"),
        ({"before": -1}, "before must be >= 0"),
    ],
)
def test_retention_refuses(wrong, says):
    with pytest.raises(InputError, match=says):
        memory.retention(**{"lag": 1, "slots": 3} | wrong)


# --- n-back -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "k", "attention"), [(1, 3, 0.9), (2, 3, 1.0), (3, 4, 0.8)])
def test_nback_in_a_stream_that_is_played(n, k, attention):
    rng, items = RNG(n), 30_000
    target = rng.random(items) < 0.3
    seen, store, said = rng.random(items) < attention, [], np.zeros(items, bool)
    for i in range(items):
        known = i - n in store and seen[i] and seen[i - n]
        said[i] = target[i] if known else rng.random() < 0.5
        if len(store) == k:
            del store[int(rng.integers(k))]
        store.append(i)
    hit, false_alarm, accuracy = memory.nback(n, k, attention, share_targets=0.3)
    assert z_of(said[target], float(hit)) < 4
    assert z_of(said[~target], float(false_alarm)) < 4
    assert z_of(said == target, float(accuracy)) < 4


def test_limits_of_nback():
    assert np.allclose(memory.nback(3, math.inf), (1, 0, 1))
    assert np.allclose(memory.nback(3, 0), 0.5)
    assert np.allclose(memory.nback(3, 4, attention=0), 0.5)
    accuracy = memory.nback([1, 2, 3, 4], 3.0, 0.95)[2]
    assert (np.diff(accuracy) < 0).all()
    with pytest.raises(InputError, match="attention must be"):
        memory.nback(1, 3, attention=1.1)


# --- one display ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [2, 4, 8])
@pytest.mark.parametrize("slots", [0.5, 3.0, 3.4])
def test_change_detection_and_tracking_item_by_item(n, slots):
    rng, trials, a, g = RNG(n), 30_000, 0.9, 0.6
    k = np.floor(slots) + (rng.random(trials) < slots % 1)
    rank = rng.permuted(np.tile(np.arange(n), (trials, 1)), axis=1)[:, 0]  # of the probed item
    held, attends, guesses = rank < k, rng.random(trials) < a, rng.random(trials) < g
    change = rng.random(trials) < 0.5
    says = np.where(held & attends, change, guesses)
    hit, false_alarm = memory.change_detection(n, slots, a, g)
    assert z_of(says[change], float(hit)) < 4
    assert z_of(says[~change], float(false_alarm)) < 4
    assert z_of(held | guesses, float(memory.tracking(n, slots, g))) < 4


def test_the_published_form_of_change_detection():
    n, k, a, g = 8, 3.2, 0.85, 0.4
    d = k / n
    hit, false_alarm = memory.change_detection(n, k, a, g)
    assert abs(hit - (a * (d + (1 - d) * g) + (1 - a) * g)) < 1e-12
    assert abs(false_alarm - (a * (1 - d) * g + (1 - a) * g)) < 1e-12
    assert np.allclose(memory.change_detection(3, 5), (1, 0))


@pytest.mark.parametrize("guess", [0.1, 0.5, 0.8])
def test_cowan_and_pashler_find_the_slots_again(guess):
    for n, k in itertools.product((4, 6, 8), (0.7, 2, 3.5)):
        assert abs(memory.cowan(n, *memory.change_detection(n, k, guess=guess)) - k) < 1e-12
        # whole display: a change is found if the changed item is held; without one nothing tells, so one guesses
        d = k / n
        assert abs(memory.pashler(n, d + (1 - d) * guess, guess) - k) < 1e-12


def test_tracking_by_hand():
    assert np.allclose(memory.tracking([2, 4, 8], 4, 0.5), [1, 1, 0.75])


def test_displays_refuse():
    for call, says in [
        (lambda: memory.change_detection(0, 3), "n must be >= 1"),
        (lambda: memory.change_detection(2.5, 3), "n must be whole"),
        (lambda: memory.change_detection(4, 3, guess=2), "guess must be"),
        (lambda: memory.cowan(4, 1.2, 0), "hit must be"),
        (lambda: memory.pashler(4, 1.0, 1.0), "fa must be below 1"),
        (lambda: memory.tracking(4, "three"), "slots must be a number"),
        (lambda: memory.serial_recall(0, 3), "length must be"),
    ]:
        with pytest.raises(InputError, match=says):
            call()


# --- continuous report -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kappa", [0.0, 2.0, 15.0, 2000.0, 1e6])
@pytest.mark.parametrize("remembered", [0.0, 0.4, 1.0])
def test_the_density_of_errors_is_one_and_the_mixture(remembered, kappa):
    def density(x):
        return memory.continuous_report(x, remembered, kappa)

    width = min(math.pi, 12 / math.sqrt(max(kappa, 1e-9)))
    mass = sum(
        integrate.quad(density, *ends)[0] for ends in ((-math.pi, -width), (-width, width), (width, math.pi))
    )
    assert abs(mass - 1) < 1e-9
    x = np.linspace(-math.pi, math.pi, 7)
    if 0 < kappa < 100:
        want = remembered * stats.vonmises.pdf(x, kappa) + (1 - remembered) / (2 * math.pi)
        assert np.abs(density(x) - want).max() < 1e-12
    assert np.allclose(density(x), density(x + 2 * math.pi))
    assert density(0.0) >= density(0.5)


def errors(rng, n, remembered, kappa):
    return np.where(rng.random(n) < remembered, rng.vonmises(0, kappa, n), rng.uniform(-math.pi, math.pi, n))


@pytest.mark.parametrize(("remembered", "kappa"), [(0.95, 12.0), (0.5, 12.0), (0.3, 40.0), (0.7, 4.0)])
def test_the_fit_finds_what_made_the_errors(remembered, kappa):
    found = np.array([memory.fit_mixture(errors(RNG(s), 1500, remembered, kappa)) for s in range(4)])
    assert abs(found[:, 0].mean() - remembered) < 0.04
    assert abs(np.log(found[:, 1] / kappa).mean()) < 0.15


@pytest.mark.parametrize(
    ("n", "remembered", "kappa"),
    [
        (300, 0.6, 9.0),
        (1000, 0.05, 500.0),
        (400, 0.1, 300.0),
        (60, 0.3, 40.0),
        (100, 1.0, 20.0),
        (30, 0.2, 2.0),
    ],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_no_point_nearby_or_far_is_more_likely(seed, n, remembered, kappa):
    x = errors(RNG(seed), n, remembered, kappa)
    best = memory.fit_mixture(x)

    def likelihood(m, kappa):
        return np.log(memory.continuous_report(x, m, kappa)).sum()

    top = likelihood(*best)
    for m, kappa in itertools.product(np.linspace(0, 0.99, 34), np.geomspace(0.02, 900, 60)):
        assert likelihood(m, kappa) <= top + 1e-4
    for dm, dk in itertools.product((-0.01, 0, 0.01), (0.98, 1, 1.02)):
        aside = np.clip(best[0] + dm, 0, 1), min(best[1] * dk, memory.SHARPEST)
        assert likelihood(*aside) <= top + 1e-6


def test_the_fit_bears_odd_data():
    nothing = memory.fit_mixture(RNG(1).uniform(-math.pi, math.pi, 2000))  # kappa may be any, the density not
    assert abs(2 * math.pi * memory.continuous_report(np.linspace(-3, 3, 7), *nothing) - 1).max() < 0.1
    m, kappa = memory.fit_mixture(np.zeros(20))
    assert m > 0.99
    assert kappa == pytest.approx(memory.SHARPEST)
    assert np.isfinite(memory.fit_mixture([0.0, math.pi])).all()
    assert np.allclose(memory.fit_mixture(errors(RNG(2), 400, 1.0, 20) + 2 * math.pi)[0], 1, atol=0.03)
    for wrong, says in [
        ([0.1], "at least 2"),
        ([0.1, math.nan], "errors must be finite"),
        (["a", "b"], "errors"),
    ]:
        with pytest.raises(InputError, match=says):
            memory.fit_mixture(wrong)
    with pytest.raises(InputError, match="kappa must be >= 0"):
        memory.continuous_report(0.0, 0.5, -1.0)
    with pytest.raises(InputError, match="remembered must be"):
        memory.continuous_report(0.0, 1.5, 1.0)


# --- signal detection --------------------------------------------------------------------------------------------


def test_dprime_is_the_distance_of_two_normals():
    rng = RNG(2)
    signals, noise = rng.normal(1.5, 1, 40_000), rng.normal(0, 1, 40_000)
    for criterion in (-0.5, 0.7, 2.0):
        got = memory.dprime((signals > criterion).sum(), 40_000, (noise > criterion).sum(), 40_000)
        assert abs(got - 1.5) < 0.05


def test_dprime_by_hand_and_at_the_edges():
    z = stats.norm.ppf
    assert abs(memory.dprime(20, 20, 0, 30) - (z(20.5 / 21) - z(0.5 / 31))) < 1e-12
    assert memory.dprime(7, 20, 7, 20) == 0
    assert memory.dprime(0, 0, 0, 0) == 0
    assert (memory.dprime([3, 17], 20, [17, 3], 20) * [-1, 1] > 0).all()
    for wrong, says in [
        ((21, 20, 0, 5), "hits must not exceed signals"),
        ((1, 2, -1, 5), "false_alarms must be"),
    ]:
        with pytest.raises(InputError, match=says):
            memory.dprime(*wrong)
