"""Choices in conflict: the law held against choices counted one by one, closed forms, limits and people."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from cogattn import human
from cogattn.errors import InputError
from cogattn.laws import conflict
from cogattn.laws.conflict import Conflict

N = 40_000
# simulations/where_do_the_conflict_numbers_come_from.py, the adult whose alpha is the median
SELECTED = 0.44**conflict.SELECTED
SPREAD = {"variation": 0.157, "slip": 0.02}
FLANKER = Conflict(
    82.3, 3, 0.7 * SELECTED, 3.85, 0.081, non_decision_time=0.352, non_decision_sd=0.053, **SPREAD
)
STROOP = Conflict(23.9, 3, SELECTED, 2.77, 0.251, non_decision_time=0.503, non_decision_sd=0.075, **SPREAD)
SIMON = Conflict(38.4, 3, SELECTED, 1.95, 0.065, non_decision_time=0.391, non_decision_sd=0.059, **SPREAD)


def counted(c, kind, rng, n=N):
    """(response time, right), one categorisation and one push after another; pushes by thinning."""
    share = 1 / (1 + c.weight)
    own = c.rate * share * np.maximum(1 + c.variation * rng.standard_normal(n), conflict.SLOWEST)
    height = c.activation * (1 - share) if kind != "neutral" else 0.0
    most = height * math.e / c.peak  # the push is never faster than at once
    r = math.floor(c.lead) + (rng.random(n) < c.lead - math.floor(c.lead))
    t, lead, end = np.zeros(n), np.zeros(n, int), np.zeros(n, int)
    while (end == 0).any():
        on = end == 0
        t[on] += rng.exponential(1, on.sum()) / (own + most)[on]
        u = rng.random(n) * (own + most)
        x = t / c.peak
        rate = height / c.peak * (1 - x) * np.exp(1 - x)
        push = on & (u >= own) & (u < own + np.abs(rate))
        lead += on & (u < own)
        lead += push * np.sign(rate).astype(int) * (1 if kind == "congruent" else -1)
        end[on & (lead >= r)], end[on & (-lead >= r)] = 1, -1
    t += c.non_decision_time + c.non_decision_sd * rng.standard_normal(n)
    return t, (end == 1) != (rng.random(n) < c.slip)


CASES = [
    FLANKER,
    STROOP,
    SIMON,
    Conflict(20.0, 3, 0.8, 2.0, 0.05),
    Conflict(20.0, 2.4, 3.0, 3.0, 0.08, variation=0.2),
    Conflict(5.0, 1, 1.0, 0.0),
]


@pytest.mark.parametrize("kind", conflict.KINDS)
@pytest.mark.parametrize("c", CASES)
def test_the_law_is_what_counting_one_by_one_gives(c, kind):
    t, right = counted(c, kind, np.random.default_rng(round(c.rate * c.lead)))
    law, se = c.summary(kind), lambda p: math.sqrt(max(p * (1 - p), 1e-9) / N)
    assert abs(t[right].mean() - law.mean) < 4 * t[right].std() / math.sqrt(right.sum())
    assert abs((~right).mean() - law.error) < 4 * se(law.error) + 1e-8
    kurt = stats.kurtosis(t[right]) + 2
    assert abs(t[right].std() / law.sd - 1) < 4 * math.sqrt(kurt / (4 * N))
    order = np.array_split(right[np.argsort(t)], conflict.FIFTHS)
    for seen, accuracy in zip(order, law.accuracy, strict=True):
        assert abs(seen.mean() - accuracy) < 4 * math.sqrt(5) * se(accuracy) + 1e-6
    for q, at in zip(conflict.QUANTILES, law.quantiles, strict=True):
        below = (t[right] <= at).mean()
        assert abs(below - q) < 4 * se(q)


def test_nothing_irrelevant_is_an_erlang_time():
    for kind, weight, a in (("congruent", 0.0, 2.0), ("incongruent", 0.0, 2.0), ("incongruent", 3.0, 0.0)):
        t, p = Conflict(20.0, 3, weight, a, 0.05).answers(kind)
        assert np.abs(p[:, 0] - stats.gamma(3, scale=(1 + weight) / 20).cdf(t)).max() < 1e-6
        assert p[:, 1].max() == 0
    t, p = Conflict(20.0, 2, 3.0, 5.0, 0.1).answers("neutral")  # it competes, and pushes nothing
    assert np.abs(p[:, 0] - stats.gamma(2, scale=1 / 5).cdf(t)).max() < 1e-6


@pytest.mark.parametrize(("variation", "off"), [(0.1, 1e-8), (0.2, 1e-6), (0.37, 1e-5), (0.5, 3e-5)])
def test_a_rate_that_varies_is_the_integral_over_all_rates(variation, off):
    t, p = Conflict(20.0, 3, variation=variation).answers("neutral")
    t, p = t[::40], p[::40]
    cut = (conflict.SLOWEST - 1) / variation
    low = max(cut, -8.0)
    z, w = np.polynomial.legendre.leggauss(400)
    z, w = low + (z + 1) * (8 - low) / 2, w * (8 - low) / 2
    rates = np.append(20 * (1 + variation * z), 20 * conflict.SLOWEST)
    parts = np.append(w * stats.norm.pdf(z), stats.norm.cdf(low))
    exact = stats.gamma(3, scale=1 / rates).cdf(t[:, None]) @ parts
    assert np.abs(p[:, 0] - exact).max() < off


def test_many_counts_at_a_rate_that_varies_are_nearly_a_later_time():
    """1/RT is normal, where the counts add no noise of their own: the more counts, the nearer."""
    later = 0.3 / (1 + 0.3 * stats.norm.ppf(1 - np.asarray(conflict.QUANTILES)))
    off = []
    for r in (2, 10, 50):
        law = Conflict(r / 0.3, r, variation=0.3).summary("congruent")
        off.append(np.abs(np.log(law.quantiles / later)).max())
    assert off[0] > 2 * off[1] > 4 * off[2]
    assert off[2] < 0.06


@pytest.mark.parametrize("r", [1, 2, 4])
@pytest.mark.parametrize("down", [2.0, 10.0, 20.0, 34.0])
def test_two_steady_rates_are_the_gamblers_ruin(r, down):
    """A pulse as long as this rises steadily while answers are given."""
    peak, u = 1e5, 20.0
    height = down * peak / math.e  # of a share of 1/2
    error, mean = conflict.ruin(r, u, down)
    steps, dt = 40_000, 2e-4
    p = conflict._solve(steps, dt, 1, u, height, peak, -1, r)
    assert abs(p[-1, 1] - error) < 1e-4
    assert abs((1 - p.sum(1)).sum() * dt - mean) < 2e-3 * mean + 2 * dt


def test_a_pulse_goes_up_and_comes_down_again():
    h, p = 2.5, 0.08
    t = np.linspace(0, 2.0, 20_001)
    e = np.array([conflict.pushed(h, p, x) for x in t])
    rate = np.array([conflict.push_rate(h, p, x) for x in t])
    assert e.max() == pytest.approx(h)
    assert t[e.argmax()] == pytest.approx(p, abs=1e-4)
    assert np.abs(np.gradient(e, t) - rate)[1:-1].max() < 1e-3 * h / p
    assert np.trapezoid(rate, t) == pytest.approx(0, abs=1e-3)
    assert (rate[t < p - 1e-9] > 0).all()
    shares = np.linspace(1e-6, 2 - 1e-6, 401)
    at = np.array([conflict.push_time(s, p) for s in shares])
    assert (np.diff(at) > 0).all()
    way = np.array([conflict.pushed(1.0, p, x) for x in at])
    assert np.abs(np.where(shares <= 1, way, 2 - way) - shares).max() < 1e-12
    assert conflict.push_time(2.0, p) == math.inf
    assert conflict.push_time(1.0, p) == pytest.approx(p)


def test_a_smaller_step_changes_nothing():
    for c in CASES[:5]:
        t, p = c.answers("incongruent")
        s, q = c.answers("incongruent", step=t[1] / 4)
        n = min(len(t), (len(s) - 1) // 4 + 1)
        assert np.abs(p[:n] - q[::4][:n]).max() < 1e-6


def test_a_push_that_has_faded_at_once_or_comes_too_late():
    plain = Conflict(20.0, 3, 0.8).summary("incongruent").mean
    late = Conflict(20.0, 3, 0.8, 2.0, 1e3).summary("incongruent")
    assert abs(late.mean - plain) < 1e-2 * plain
    soon = Conflict(20.0, 3, 0.8, 2.0, 1e-3).summary("incongruent")
    assert abs(soon.mean - plain) < 0.05 * plain


def test_simon_falls_and_flankers_and_stroop_rise():
    for c, rises in ((FLANKER, True), (STROOP, True), (SIMON, False)):
        easy, hard = c.summary("congruent"), c.summary("incongruent")
        delta = hard.quantiles - easy.quantiles
        assert (delta > 0).all()
        assert (delta[-1] > delta[0]) == rises
        assert (np.diff(hard.accuracy) > 0).all()  # errors are fast
    assert np.abs(FLANKER.summary("congruent").accuracy - 0.98).max() < 2e-3  # slips know no time


@pytest.mark.parametrize(("c", "table", "columns"), [
    (FLANKER, "flanker_caf_delta", ("q_comp", "q_incomp")), (STROOP, "stroop_caf_delta", ("q_cong", "q_incong")),
    (SIMON, "simon_sro_caf_delta", ("q_cong", "q_incong")),
])  # fmt: skip
def test_delays_are_peoples(c, table, columns):
    """The median adult; the sizes of delays at five quantiles, within 10 ms or a sixth (fitted to these tables)."""
    easy, hard = c.summary("congruent"), c.summary("incongruent")
    t = human.table(table)
    delta, people = 1000 * (hard.quantiles - easy.quantiles), t[columns[1]] - t[columns[0]]
    assert (np.abs(delta - people) < np.maximum(10, people / 6)).all()


def test_one_lead_lands_in_the_bands_of_both_tasks():
    bands = human.targets().set_index(["phenomenon", "metric"])
    for name, c in (("flanker", FLANKER), ("Stroop", STROOP)):
        easy, hard = c.summary("congruent"), c.summary("incongruent")
        delta = hard.quantiles - easy.quantiles
        seen = {
            "incongruent minus congruent RT": (hard.mean - easy.mean) * 1000,
            "delta last minus first quantile": (delta[-1] - delta[0]) * 1000,
        }
        if name == "flanker":
            seen["incongruent error rate"] = hard.error
        for metric, x in seen.items():
            band = bands.loc[(name, metric)]
            assert band["low"] <= x <= band["high"], (name, metric, x)


def test_words_disturb_colours_and_colours_hardly_words():
    """Stroop 1935: naming colours takes 74 % longer with words, reading words 6 % longer with colours."""
    back = float(conflict.exchanged(STROOP.weight, 2.5))
    c = replace(STROOP, rate=2.5 * STROOP.rate, weight=back)
    lost = c.summary("incongruent").mean - c.summary("congruent").mean
    naming = STROOP.summary("incongruent").mean - STROOP.summary("congruent").mean
    assert 0 < lost < 0.25 * naming
    assert c.summary("incongruent").error < 0.035 < STROOP.summary("incongruent").error
    assert float(conflict.exchanged(conflict.exchanged(0.7, 2.5), 1 / 2.5)) == pytest.approx(0.7)
    assert conflict.exchanged([0.7], 1.0).tolist() == [0.7]


@pytest.mark.parametrize(
    ("lead", "r", "answer"), [(2, 2, 1), (-2, 2, -1), (1, 2, 0), (-1, 2, 0), (0, 1, 0), (3, 2, 1)]
)
def test_when_an_answer_is_given(lead, r, answer):
    assert conflict.decided(lead, r) == answer


def test_numbers_of_the_law_before_are_left_out():
    with pytest.warns(DeprecationWarning, match="narrowing=. has no effect any more"):
        assert Conflict(20.0, 3, narrowing=0.02) == Conflict(20.0, 3)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"rate": 0}, "rate must be > 0"),
        ({"lead": 0.5}, "lead must be >= 1"),
        ({"weight": -1}, "weight must be >= 0"),
        ({"activation": -1}, "activation must be >= 0"),
        ({"peak": 0}, "peak must be > 0"),
        ({"variation": 0.6}, "variation must be"),
        ({"slip": 1.2}, "slip must be"),
    ],
)
def test_what_cannot_be(wrong, says):
    with pytest.raises(InputError, match=says):
        Conflict(**({"rate": 20.0, "lead": 3.0} | wrong))
    with pytest.raises(InputError, match="strength must be > 0"):
        conflict.exchanged(1.0, 0.0)
    with pytest.raises(InputError, match="kind of trial must be one of"):
        FLANKER.summary("incongruous")
