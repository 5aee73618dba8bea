"""What is not known of a population is not known of its people; a wide spread of rates is counted."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from cogattn import run
from cogattn.laws.conflict import SELECTED, SLOWEST, _solve
from cogattn.population import Population
from cogattn.tune import conflict, em, fit
from cogattn.tune.estimation import Job


def test_intervals_hold_people_of_whom_little_is_known(monkeypatch):
    """12 people at a time, each seen once with twice their own spread: at its best point the population holds fewer."""
    monkeypatch.setattr(em, "_SWEEPS", 200)
    chance, z = np.random.default_rng(1), stats.norm.ppf((np.arange(200) + 0.5) / 200)[None, :, None]
    known = (2.0, np.zeros(1), np.eye(1))
    held = {"over all": 0.0, "at the best": 0.0}
    for _ in range(60):
        true = chance.standard_normal((12, 1))
        seen = true + 2 * chance.standard_normal((12, 1))
        draws = seen[:, None] + 2.5 * z
        base = stats.norm.logpdf(draws[..., 0], seen, 2) - stats.norm.logpdf(draws[..., 0], seen, 2.5)
        mean, cov, _ = em.expectation_maximization(draws, base, np.zeros(1), np.eye(1), known)
        found = {
            "over all": em.possible(draws, base, mean, cov, known, 0.0, chance)[0],
            "at the best": em.weighted(draws, base, mean, cov)[0],
        }
        for how, weights in found.items():
            low, high = np.moveaxis(em.quantiles(draws, weights)[:, 0], -1, 0)
            held[how] += float(np.mean((low <= true[:, 0]) & (true[:, 0] <= high))) / 60
    assert 0.93 < held["over all"] < 0.985
    assert held["at the best"] < held["over all"] - 0.015


def test_a_population_has_no_order():
    chance = np.random.default_rng(0)
    draws, base = chance.standard_normal((6, 512, 2)), chance.standard_normal((6, 512))
    known, start = (2.0, np.array([0.0, 0.5]), np.diag([1.0, 4.0])), (np.zeros(2), np.eye(2))
    one = em.possible(draws, base, *start, known, 0.0, np.random.default_rng(3))
    other = em.possible(draws[::-1], base[::-1], *start, known, 0.0, np.random.default_rng(3))
    assert other[0][::-1] == pytest.approx(one[0], abs=1e-9)
    assert other[1] == pytest.approx(one[1], abs=1e-9)


@pytest.mark.parametrize(("sd", "off"), [(0.5, 2e-4), (1.2, 1e-3)])
def test_rates_that_differ_much_from_trial_to_trial_are_counted(sd, off):
    law, speed = conflict.ConflictLikelihood(), 3.28
    rate, mean, spread, weight, activation, peak = told = law._told()
    out, expected = np.zeros((2, 600, 2)), np.zeros((600, 2))
    conflict._densities(np.array([speed, sd, 0.44, 3.0, 1.0, 0.0, 0.725, 1.0, 0.0]), told, -1, 1.0, out)
    share = 1 / (1 + weight * 0.44**SELECTED)
    rates = np.maximum(1 + sd / speed * stats.norm.ppf((np.arange(200) + 0.5) / 200), SLOWEST)
    step, pushed = conflict._STEP, activation * (1 - share)
    many = np.mean([_solve(600, step, 4, rate * share * speed * r, pushed, peak, -1, 3) for r in rates], 0)
    conflict.laid_over(np.diff(many, axis=0), mean, spread, step, expected)
    assert np.abs(np.cumsum(out[0] - step * expected, 0)).max() < off


def test_where_nothing_can_be_computed_nobody_is():
    """One of 500 people's draws was so far out that its likelihood was no number: nor was anybody's estimate then."""

    class Law:
        def theta(self, own, names):
            return own

        def loglik(self, theta, data, row):
            return np.where(theta[:, 0] > 3.0, np.nan, -1.0)

    job = Job(Law(), None, ("speed",), 0, 1, None)
    assert job.loglik(np.array([[2.0], [5.0]]), np.zeros(2, int)).tolist() == [-1.0, -np.inf]


@pytest.mark.full
def test_twelve_peoples_partial_reports_do_not_run_away():
    """With no adult beside them these people had 4.7 slots in the middle, and the verdict was no."""
    adults = Population.adults().on_an_ordinary_day()
    trials = run("partial_report", "human", people=12, trials=80, seed=1, population=adults)
    found = fit("partial_report", trials)
    assert found.verdict.word == "fine"
    assert found.table().set_index("parameter")["typical"]["slots"] == pytest.approx(3.1, abs=0.3)


@pytest.mark.full
def test_sixty_people_are_sampled_well():
    """With the same points for all, what they missed added up: 33 of these were poorly sampled, and their population's
    loss of speed by load was .14 (it is .21 in adults)."""
    adults = Population.adults().on_an_ordinary_day()
    found = fit("simple_rt", run("simple_rt", "human", people=60, trials=1, seed=1, population=adults))
    assert found.poor == 0
    assert found.verdict.word == "fine"
    middle = found.table().set_index("parameter")["typical"]
    assert middle["slow_loss"] == pytest.approx(0.214, abs=0.04)


def test_each_person_has_points_of_his_own_which_are_spread_as_evenly():
    job = Job(None, SimpleNamespace(people=["anna", "ben"]), ("speed", "hand"), 0, 1, None)
    u = job.even()
    anna, ben = (job.turned(row, u) for row in (0, 1))
    assert np.abs(anna - ben).max(0).min() > 0.1
    for points in (anna, ben):
        for column in points.T:  # one in each of so many parts, as nearly as in the points themselves
            assert np.abs(np.sort(column) - (np.arange(len(u)) + 0.5) / len(u)).max() < 2 / len(u)
    again = replace(job, data=SimpleNamespace(people=["ben", "anna"])).turned(1, u)
    assert (again == anna).all()


def test_an_interval_ends_where_the_best_of_all_others_has_fallen():
    """Slots and alpha trade over two heights: from one of them alone this person's alpha seemed to be .31 at least."""
    adults = Population.adults().on_an_ordinary_day()
    trials = run("partial_report", "human", people=4, trials=80, seed=2, population=adults).frame
    found = fit("partial_report", trials[trials["person"] == 3], pool=False)
    alpha = found.intervals.set_index("parameter").loc["alpha"]
    # with a hundred starts, on a grid of the other three
    assert alpha["low"] == pytest.approx(0.11, abs=0.02)
    assert alpha["high"] == pytest.approx(0.75, abs=0.02)


def test_what_is_wide_is_narrowed_to_the_limit_and_what_is_narrow_stays():
    wide, narrow = np.diag([100.0, 0.01]), np.array([[0.04, 0.03], [0.03, 0.09]]) / 100
    found = em.narrowed(np.array([wide, narrow]), np.eye(2))
    assert np.diag(found[0]) == pytest.approx([100 / 101, 0.01 / 1.01])
    assert found[1] == pytest.approx(narrow, rel=2e-3)
