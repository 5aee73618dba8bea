"""Counting towards an answer, in every task that decides: the mind against the law's closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

import cogattn as ca
from cogattn import paradigms
from cogattn.laws.conflict import SLOWEST, Conflict, unopposed, unopposed_density
from cogattn.population import Population

CALM = {
    "wandering": 0.0, "tempo_share": 0.0, "wariness": 0.0, "criterion_shift": 0.0, "fast_loss": 0.0, "slow_loss": 0.0,
}  # fmt: skip


@pytest.mark.parametrize(("lead", "sd"), [(3.0, 0.5), (2.4, 0.5), (1.2, 0.0), (3.3, 1.2), (3.0, 1.6)])
def test_the_density_is_that_of_the_master_equation(lead, sd):
    pace, speed = 2.5, 3.28
    t, p = Conflict(pace * speed, lead, variation=sd / speed).answers("neutral", step=5e-4)
    for q in (0.1, 0.3, 0.5, 0.9, 1.5):
        by_then = quad(unopposed_density, 0, q, args=(pace, speed, sd, lead), limit=200)[0]
        assert by_then == pytest.approx(np.interp(q, t, p[:, 0]), abs=3e-5)
    u = np.random.default_rng(0).random((40_000, 3))
    times = unopposed(u, pace, speed, sd, lead)
    assert np.mean(times < 0.3) == pytest.approx(np.interp(0.3, t, p[:, 0]), abs=0.01)


RATES = ((3.28, 3.3, 2.5), (3.28, 1.2, 13.0), (1.0, 12.5, 10.0), (8.0, 30.0, 5.0))


@pytest.mark.parametrize("sd", [0.0, 0.02, 0.15, 0.37, 0.5])
@pytest.mark.parametrize(("speed", "lead", "pace"), RATES)
def test_the_density_is_the_integral_over_all_rates(speed, lead, pace, sd):
    slow, r, cut = SLOWEST * speed, math.floor(lead), (SLOWEST - 1) / sd if sd else -math.inf
    low = max(cut, -9.0)
    z, w = np.polynomial.legendre.leggauss(600)
    z, w = low + (z + 1) * (9 - low) / 2, w * (9 - low) / 2 * stats.norm.pdf(low + (z + 1) * (9 - low) / 2)
    rates = pace * np.append(np.maximum(speed * (1 + sd * z), 1e-12), slow)
    parts = np.append(w, stats.norm.cdf(cut)) if sd else np.append(np.zeros_like(w), 1.0)
    rates[-1] = rates[-1] if sd else pace * speed
    for t in (0.01, 0.1, 0.3, 1.0, 3.0, 20.0, 60.0):
        erlang = [stats.gamma.pdf(t, r + k, scale=1 / rates) @ parts for k in (0, 1)]
        exact = (r + 1 - lead) * erlang[0] + (lead - r) * erlang[1]
        assert unopposed_density(t, pace, speed, sd * speed, lead) == pytest.approx(
            exact, rel=1e-6, abs=1e-12
        )


@pytest.mark.parametrize("readiness", [0.4, 1.0, 1.7])
def test_going_and_holding_back_are_one_decision_with_a_ready_key(readiness):
    task = paradigms.get("go_nogo")(trials=350, nogo=0.2)
    mind = ca.Observer(evidence_threshold=2.6, readiness=readiness, **CALM)
    f = ca.run(task, arms="human", people=120, observer=mind).frame
    law = Conflict(  # half of all, so that the push is the ready key's
        2 * task.evidence_rate * mind.speed, 2.6, 1.0, 2 * task.readiness * readiness, task.peak,
        task.non_decision_time, task.non_decision_sd, mind.speed_sd / mind.speed,
    )  # fmt: skip
    go, held = law.summary("congruent"), law.summary("incongruent")
    rt = f["rt"][~f["signal"]].dropna()
    assert rt.mean() == pytest.approx(go.mean, abs=0.002)
    assert rt.std() == pytest.approx(go.sd, abs=0.003)
    assert f["responded"][f["signal"]].mean() == pytest.approx(held.error, abs=0.015)


def test_who_wanders_has_commissions_and_uneven_times():
    f = ca.run("go_nogo", arms="human", people=150).frame
    go = f[~f["signal"]].groupby("person")["rt"]
    commissions = f[f["signal"]].groupby("person")["responded"].mean()
    assert (
        np.corrcoef(commissions, go.std() / go.mean())[0, 1] > 0.1
    )  # people .47; it was -.5 with a race of times
    assert abs(np.corrcoef(commissions, go.mean())[0, 1]) < 0.35  # people -.11; it was -.63


def test_the_second_of_two_choices_shares_the_firsts_luck():
    f = ca.run("prp", arms="human", people=40).frame
    near = f[np.isclose(f["soa"], 0.05)]
    within = [own["rt1"].corr(own["rt2"]) for _, own in near.groupby("person")]
    assert 0.6 < np.mean(within) < 0.95  # people .87


def test_people_hold_a_response_back_for_the_other_one():
    everybody = paradigms.get("prp")(sample="all")
    held = ca.run(everybody, arms="human", people=60).frame
    assert held["rt1"].mean() - ca.run("prp", arms="human", people=60).frame["rt1"].mean() > 0.08
    assert everybody.usual_population() != Population.adults()
