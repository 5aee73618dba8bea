"""Sustained attention: every closed form against an ODE solver, a distribution, or a published value."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad, solve_ivp
from scipy.special import lambertw

from cogattn.errors import InputError
from cogattn.laws import alertness as al

FAST, SLOW = (1 / 54, 1 / 600, 1 / 3), (1 / 1100, 1 / 3600, 1 / 300)
LOADS = st.floats(0, 3)
LEVELS = st.floats(0, 1)
TIMES = st.floats(0, 7200)


# -- pools -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pool", [FAST, SLOW])
@pytest.mark.parametrize("u", [0.0, 0.3, 1.0, 1.4])
@pytest.mark.parametrize("x0", [0.0, 0.2, 0.9])
def test_a_pool_is_the_solution_of_its_equation(pool, u, x0):
    d, rw, rr = pool
    rho = rw + rr * max(0.0, 1 - u)
    end = 3000.0
    solved = solve_ivp(
        lambda t, y: [d * u * (1 - y[0]) - rho * y[0], y[0]],
        (0, end),
        [x0, 0.0],
        method="DOP853",
        rtol=1e-12,
        atol=1e-13,
    )
    k, goal = al.pool_rates(u, *pool)
    assert al.pool_at(x0, k, goal, end) == pytest.approx(solved.y[0, -1], abs=1e-9)
    assert al.pool_integral(x0, k, goal, end) == pytest.approx(solved.y[1, -1], rel=1e-9, abs=1e-7)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(u=LOADS, x0=LEVELS, a=TIMES, b=TIMES)
def test_two_waits_are_one(u, x0, a, b):
    k, goal = al.pool_rates(u, *SLOW)
    once = al.pool_at(x0, k, goal, a + b)
    assert al.pool_at(al.pool_at(x0, k, goal, a), k, goal, b) == pytest.approx(once, abs=1e-12)
    parts = al.pool_integral(x0, k, goal, a) + al.pool_integral(al.pool_at(x0, k, goal, a), k, goal, b)
    assert parts == pytest.approx(al.pool_integral(x0, k, goal, a + b), rel=1e-11, abs=1e-9)
    assert 0 <= once <= 1


def test_load_tires_and_rest_restores():
    k, goal = al.pool_rates(1.0, *SLOW)
    tired = al.pool_at(0.0, k, goal, 1800.0)
    k0, goal0 = al.pool_rates(0.0, *SLOW)
    after = [al.pool_at(tired, k0, goal0, t) for t in (0, 60, 300, 600)]
    assert tired > 0.5
    assert all(a > b for a, b in pairwise(after))


# -- attention time --------------------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None, derandomize=True)
@given(u=LOADS, xF=LEVELS, xS=LEVELS, work=st.floats(0, 3000))
def test_the_attention_clock_is_the_inverse_of_attention_time(u, xF, xS, work):
    state = (0.048, xF, *al.pool_rates(u, *FAST), 0.195, xS, *al.pool_rates(u, *SLOW))
    t = al.attention_clock(work, *state)
    assert al.attention_time(t, *state) == pytest.approx(work, rel=1e-13, abs=1e-13)


def test_attention_time_is_the_integral_of_alertness():
    kF, gF = al.pool_rates(1.0, *FAST)
    kS, gS = al.pool_rates(1.0, *SLOW)
    exact = quad(lambda t: 1 - 0.05 * al.pool_at(0.1, kF, gF, t) - 0.2 * al.pool_at(0.3, kS, gS, t), 0, 400)[
        0
    ]
    assert al.attention_time(400.0, 0.05, 0.1, kF, gF, 0.2, 0.3, kS, gS) == pytest.approx(exact, rel=1e-11)


def test_a_rested_mind_keeps_real_time_to_the_bit():
    state = (0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    assert al.attention_clock(0.1234567, *state) == 0.1234567


# -- the lapse clock -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("log_size", [-600.0, -30.0, -1.5, 0.3, 0.99, 1.01, 5.0, 300.0, 650.0])
def test_lambert_w_of_positive_arguments(log_size):
    assert al.lambert_w(1.0, log_size) == pytest.approx(float(lambertw(math.exp(log_size)).real), rel=1e-14)


@pytest.mark.parametrize("log_size", [-600.0, -30.0, -5.0, -2.0, -1.2, -1.01])
def test_lambert_w_of_negative_arguments(log_size):
    assert al.lambert_w(-1.0, log_size) == pytest.approx(float(lambertw(-math.exp(log_size)).real), rel=1e-9)


def test_lambert_w_of_what_no_float_can_hold():
    w = al.lambert_w(1.0, 1e6)
    assert w + math.log(w) == pytest.approx(1e6, rel=1e-14)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(
    u=LOADS,
    x0=LEVELS,
    E=st.floats(1e-9, 50),
    h=st.sampled_from([1e-8, 1e-4, 0.04, 0.5, 5.0, 1e4]),
    pool=st.sampled_from([FAST, SLOW]),
)
def test_the_lapse_comes_when_its_hazard_is_used_up(u, x0, E, h, pool):
    k, goal = al.pool_rates(u, *pool)
    t = al.lapse_clock(E, h, k, goal, x0)
    if math.isinf(t):
        assert h * al.pool_integral(x0, k, goal, 1e12) <= E * (1 + 1e-9)
    else:
        assert h * al.pool_integral(x0, k, goal, t) == pytest.approx(E, rel=1e-8, abs=1e-11)


REGIMES = [(1.0, 0.0, 0.04), (1.0, 0.9, 0.04), (0.0, 0.8, 0.02), (1.3, 0.3, 0.5), (1.0, 0.0, 5.0)]


@pytest.mark.parametrize(("u", "x0", "h"), REGIMES)
def test_sampled_lapse_times_have_the_closed_survival(u, x0, h):
    """40,000 clocks in each of five regimes: load from rest, recovering load, rest, overload, huge hazard."""
    k, goal = al.pool_rates(u, *SLOW)
    rng = np.random.default_rng(17)
    times = np.array([al.lapse_clock(e, h, k, goal, x0) for e in rng.exponential(size=40_000)])
    never = math.exp(-h * al.pool_integral(x0, k, goal, 1e9)) if u == 0 else 0.0
    assert abs(np.isinf(times).mean() - never) < 4.5 * math.sqrt(never * (1 - never) / 40_000) + 1e-12
    came = times[np.isfinite(times)]
    survived = al.survival(came, 0.0, [(h, k, goal, x0)])
    assert stats.kstest((1 - survived) / (1 - never), "uniform").pvalue > 1e-3


def test_a_clock_without_hazard_never_rings():
    assert math.isinf(al.lapse_clock(1.0, 0.0, *al.pool_rates(1.0, *SLOW), 0.5))
    assert math.isinf(al.lapse_clock(1.0, 0.1, 0.0, 0.0, 0.0))
    assert al.lapse_clock(0.0, 0.1, *al.pool_rates(1.0, *SLOW), 0.5) == 0.0


# -- load ----------------------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=8))
def test_monotony_is_between_one_over_n_and_one(parts):
    p = np.array(parts) / sum(parts)
    assert 1 / len(p) - 1e-12 <= al.monotony(p) <= 1 + 1e-12


@pytest.mark.parametrize("shares", [[], [0.5], [1.5, -0.5], [math.nan, 1.0]])
def test_shares_that_are_none_are_refused(shares):
    with pytest.raises(InputError, match="shares of responses"):
        al.monotony(shares)


def test_only_a_load_on_memory_at_a_high_rate_outruns_recovery():
    """Parasuraman's (1979) two conditions, from the constants of the slow pool alone."""
    level = {r: al.pool_rates(al.memory_load(1.0, r), *SLOW)[1] for r in (5, 10, 24, 30, 60)}
    assert level[10] < 0.2 < 0.7 < level[24] < level[60]
    assert al.pool_rates(al.memory_load(0.0, 60), *SLOW)[1] == 0.0


# -- responses -----------------------------------------------------------------------------------------------


def test_the_normal_quantile_is_scipys():
    p = np.concatenate(
        [np.geomspace(1e-300, 0.4, 200), np.linspace(0.01, 0.99, 99), 1 - np.geomspace(1e-15, 0.4, 100)]
    )
    ours = np.array([al.normal_quantile(x) for x in p])
    assert np.allclose(ours, stats.norm.ppf(p), rtol=1e-13, atol=1e-13)


def test_later_has_normal_speed_and_no_time_before_the_earliest():
    u = (np.arange(20_000) + 0.5) / 20_000
    rt = np.array([al.later(x, 3.33, 0.47) for x in u])
    assert stats.kstest(1 / rt, stats.norm(3.33, 0.47).cdf).statistic < 1e-4
    assert min(al.later(x, 8.0, 3.0) for x in u) >= al.EARLIEST
    order = np.sort(rt)
    assert np.allclose(al.later_quantile(u, 3.33, 0.47), order, rtol=1e-9)


@pytest.mark.parametrize(("mean", "sd"), [(3.28, 0.514), (2.0, 1.5), (7.0, 2.0)])
def test_the_mass_of_later_between_its_cuts_is_scipys(mean, sd):
    speed = stats.norm(mean, sd)
    assert al.later_mass(mean, sd) == pytest.approx(speed.cdf(1 / al.EARLIEST) - speed.cdf(0), rel=1e-12)


def test_the_wald_is_scipys_inverse_gaussian():
    t = np.linspace(0.17, 1.5, 40)
    a, v, ter = 1.0, 4.0, 0.16
    known = stats.invgauss.cdf(t - ter, mu=1 / (a * v), scale=a**2)
    assert np.allclose(al.wald_cdf(t, v, a, ter), known, rtol=1e-10, atol=1e-14)
    assert al.wald_cdf(0.1, v, a, ter) == 0.0


# -- hours and days ------------------------------------------------------------------------------------------


def test_one_night_awake_is_as_published():
    """The unified model of a person who wakes at 7 h: 2.1 at waking, then 1.0 (15 h), 9.8 (23 h), 13.5 (3 h),
    19.0 after 48 h."""
    start = (0.0, 0.0)
    hours = np.array([0.0, 8.0, 16.0, 20.0, 48.0])
    S = np.array([al.awake(*start, h)[0] for h in hours])
    P = S + 4.13 * al.circadian((hours + 7) % 24)
    assert P[1] == pytest.approx(1.0, abs=1.2)
    assert P[2] == pytest.approx(9.8, abs=1.2)
    assert P[3] == pytest.approx(13.5, abs=1.2)
    assert P[4] == pytest.approx(19.0, abs=1.2)


def test_sleep_and_wake_are_the_solutions_of_their_equations():
    """S' = (U - S)/40 awake; asleep S' = (L' - S)/1 towards the debt's own course; L likewise (Rajdev et al. 2013)."""
    U = 24.12
    S, L = al.awake(3.0, 2.0, 5.0)
    wake = solve_ivp(
        lambda t, y: [(U - y[0]) / 40, (U - y[1]) / 97.44], (0, 5), [3.0, 2.0], rtol=1e-11, atol=1e-12
    )
    assert pytest.approx(tuple(wake.y[:, -1]), abs=1e-9) == (S, L)
    S, L = al.asleep(12.0, 6.0, 3.0)
    sleep = solve_ivp(
        lambda t, y: [y[1] - y[0], (-2 * U - y[1]) / 97.44], (0, 3), [12.0, 6.0], rtol=1e-11, atol=1e-12
    )
    assert pytest.approx(tuple(sleep.y[:, -1]), abs=1e-8) == (S, L)


def test_less_sleep_makes_sleepier_day_by_day():
    def course(bed):
        nights = [(24.0 * d + 31 - bed, 24.0 * d + 31) for d in range(9)]
        return al.sleepiness([24.0 * d + 15 for d in range(1, 9)], nights)

    full, short = course(8), course(3)
    assert np.all(np.diff(short[1:]) > 0)
    assert np.all(short > full)
    assert np.ptp(full[2:]) < 0.5


def test_sleepiness_does_not_depend_on_what_is_asked_beside_it():
    nights = [(23.0, 31.0), (47.0, 55.0)]
    assert al.sleepiness([60.0], nights)[0] == al.sleepiness([60.0, 12.0, 30.0], nights)[0]


def test_rested_is_the_mean_of_a_rested_day():
    nights = [(24.0 * d + 23, 24.0 * d + 31) for d in range(9)]
    assert al.sleepiness(24.0 * 8 + np.linspace(9, 21, 49), nights).mean() == pytest.approx(
        al.RESTED, abs=0.1
    )


@pytest.mark.parametrize("sleep", [[(8.0, 3.0)], [(1.0, 5.0), (4.0, 6.0)], [(-1.0, 2.0)]])
def test_impossible_nights_are_refused(sleep):
    with pytest.raises(InputError, match="sleep must be intervals"):
        al.sleepiness([10.0], sleep)


def test_impossible_hours_are_refused():
    with pytest.raises(InputError, match="hours must be finite"):
        al.sleepiness([math.nan], [])


@pytest.mark.parametrize(("mean", "sd"), [(3.3, 0.5), (1.0, 2.0), (8.0, 3.0)])
def test_quantiles_of_a_response_are_those_of_a_cut_normal(mean, sd):
    """1/RT ~ Normal, cut to (0, 1/EARLIEST): also where both cuts take much."""
    cut = stats.truncnorm(-mean / sd, (1 / al.EARLIEST - mean) / sd, mean, sd)
    p = np.array([0.01, 0.3, 0.5, 0.9, 0.99])
    assert al.later_quantile(p, mean, sd) == pytest.approx(1 / cut.ppf(1 - p), rel=1e-9)
