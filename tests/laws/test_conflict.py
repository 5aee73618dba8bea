"""Choices in conflict: the law held against choices counted one by one, closed forms, limits and people."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate, stats

from cogattn import human
from cogattn.errors import InputError
from cogattn.laws import conflict
from cogattn.laws.conflict import Conflict

N = 40_000
# simulations/where_do_the_conflict_numbers_come_from.py
SPREAD = {"variation": 0.157, "slip": 0.024}
FLANKER = Conflict(
    30.695, 2.5, 1.842, 0.019, non_decision_time=0.316, non_decision_sd=0.023, variation=0.157, slip=0.024
)
STROOP = Conflict(
    13.578, 2.5, 1.534, 0.079, non_decision_time=0.482, non_decision_sd=0.053, variation=0.157, slip=0.024
)


def counted(c, kind, rng, n=N):
    """(response time, right), one categorisation after another."""
    pace = c.rate * np.maximum(1 + c.variation * rng.standard_normal(n), conflict.SLOWEST)
    r = math.floor(c.lead) + (rng.random(n) < c.lead - math.floor(c.lead))
    t, right, wrong, end = np.zeros(n), np.zeros(n, int), np.zeros(n, int), np.zeros(n, int)
    while (end == 0).any():
        on = end == 0
        t[on] += rng.exponential(1, on.sum()) / pace[on]
        w = c.weight * np.exp(-t / c.narrowing) if c.narrowing > 0 else np.zeros(n)
        off = on & (rng.random(n) < w / (1 + w))
        right += (on & ~off) | (off & (kind == "congruent"))
        wrong += off & (kind == "incongruent")
        score = (right - wrong, wrong - right) if c.rule == "lead" else (right, wrong)
        end[on & (score[0] >= r)], end[on & (score[1] >= r)] = 1, -1
    t += c.non_decision_time + c.non_decision_sd * rng.standard_normal(n)
    return t, (end == 1) != (rng.random(n) < c.slip)


CASES = [
    FLANKER,
    STROOP,
    Conflict(20.0, 3, 0.8, 0.05),
    Conflict(20.0, 2, 0.5, math.inf, non_decision_time=0.3),
    Conflict(20.0, 2.4, 3.0, 0.08, rule="reach", variation=0.2),
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
    for kind, weight in (("congruent", 2.0), ("incongruent", 0.0), ("neutral", 0.0)):
        t, p = Conflict(20.0, 3, weight, 0.05).answers(kind)
        assert np.abs(p[:, 0] - stats.gamma(3, scale=1 / 20).cdf(t)).max() < 1e-6
        assert p[:, 1].max() == 0
    t, p = Conflict(20.0, 2, 3.0, math.inf).answers("neutral")  # three of four say nothing
    assert np.abs(p[:, 0] - stats.gamma(2, scale=1 / 5).cdf(t)).max() < 1e-6


@pytest.mark.parametrize("r", [1, 2, 4])
@pytest.mark.parametrize("weight", [0.1, 0.5, 1.0, 1.7])
def test_without_narrowing_it_is_the_gamblers_ruin(r, weight):
    law = Conflict(20.0, r, weight)
    error, mean = conflict.ruin(r, weight, 20.0)
    seen, (t, p) = law.summary("incongruent"), law.answers("incongruent")
    assert abs(seen.error - error) < 1e-6
    assert abs(integrate.simpson(1 - p.sum(1), x=t) - mean) < 1e-5 * mean
    assert np.abs(seen.accuracy - (1 - error)).max() < 1e-5  # errors are neither fast nor slow


def test_a_race_of_counters_without_narrowing_is_a_sum_of_binomials():
    for w in (0.3, 1.0):
        p = 1 / (1 + w)
        got = Conflict(20.0, 4, w, rule="reach").summary("incongruent").error
        assert abs(got - stats.binom.cdf(3, 7, p)) < 1e-6  # the best of seven


def test_a_smaller_step_changes_nothing():
    for c in CASES[:5]:
        t, p = c.answers("incongruent")
        s, q = c.answers("incongruent", step=t[1] / 4)
        n = min(len(t), (len(s) - 1) // 4 + 1)
        assert np.abs(p[:n] - q[::4][:n]).max() < 1e-6


def test_a_spotlight_that_has_narrowed_at_once_or_late():
    fast, slow = (Conflict(20.0, 3, 0.8, tau).summary("incongruent") for tau in (1e-7, 1e5))
    assert abs(fast.mean - Conflict(20.0, 3).summary("congruent").mean) < 1e-5
    assert abs(slow.error - conflict.ruin(3, 0.8, 20.0)[0]) < 1e-4


def test_errors_are_fast_and_the_delay_grows():
    for c in (FLANKER, STROOP):
        easy, hard = c.summary("congruent"), c.summary("incongruent")
        assert (np.diff(hard.accuracy) > 0).all()
        assert (np.diff(hard.quantiles - easy.quantiles) > 0).all()
        assert easy.mean < c.summary("neutral").mean < hard.mean
    assert np.abs(FLANKER.summary("congruent").accuracy - 0.976).max() < 1e-6  # slips know no time


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
            seen["accuracy of the fastest incongruent fifth"] = hard.accuracy[0]
        for metric, x in seen.items():
            band = bands.loc[(name, metric)]
            assert band["low"] <= x <= band["high"], (name, metric, x)


def test_words_disturb_colours_and_colours_hardly_words():
    """Stroop 1935: naming colours takes 74 % longer with words, reading words 6 % longer with colours."""
    back = float(conflict.exchanged(STROOP.weight, 2.5))
    for rate in (STROOP.rate, 2.5 * STROOP.rate):  # words told no faster than colours, or as much faster
        c = replace(STROOP, rate=rate, weight=back)
        lost = c.summary("incongruent").mean - c.summary("congruent").mean
        naming = STROOP.summary("incongruent").mean - STROOP.summary("congruent").mean
        assert 0 < lost < 0.25 * naming
        assert c.summary("incongruent").error < 0.035 < STROOP.summary("incongruent").error
    assert float(conflict.exchanged(conflict.exchanged(0.7, 2.5), 1 / 2.5)) == pytest.approx(0.7)
    assert conflict.exchanged([0.7], 1.0).tolist() == [0.7]


@pytest.mark.parametrize(("right", "wrong", "r", "reach", "answer"), [
    (3, 1, 2, False, 1), (1, 3, 2, False, -1), (3, 2, 2, False, 0), (2, 1, 3, True, 0), (3, 2, 3, True, 1),
    (2, 3, 3, True, -1),
])  # fmt: skip
def test_when_an_answer_is_given(right, wrong, r, reach, answer):
    assert conflict.decided(right, wrong, r, reach) == answer


def test_contamination():
    assert conflict.contamination(0.0, 3.0, 0.1) == 0.75
    assert conflict.contamination(5.0, 3.0, math.inf) == 0.75
    assert conflict.contamination(0.0, 3.0, 0.0) == 0.0


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"rate": 0}, "rate must be > 0"),
        ({"lead": 0.5}, "lead must be >= 1"),
        ({"weight": -1}, "weight must be >= 0"),
        ({"narrowing": math.nan}, "narrowing must be"),
        ({"variation": 0.6}, "variation must be"),
        ({"slip": 1.2}, "slip must be"),
        ({"rule": "led"}, "did you mean 'lead'"),
    ],
)
def test_what_cannot_be(wrong, says):
    with pytest.raises(InputError, match=says):
        Conflict(**({"rate": 20.0, "lead": 3.0} | wrong))
    with pytest.raises(InputError, match="strength must be > 0"):
        conflict.exchanged(1.0, 0.0)
    with pytest.raises(InputError, match="kind of trial must be one of"):
        FLANKER.summary("incongruous")
