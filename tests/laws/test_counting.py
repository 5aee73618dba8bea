"""Counting towards an answer, in every task that decides: the mind against the law's closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

import cogattn as ca
from cogattn import paradigms
from cogattn.laws.conflict import Conflict, unopposed, unopposed_density
from cogattn.population import Population

CALM = {
    "wandering": 0.0, "tempo_share": 0.0, "wariness": 0.0, "criterion_shift": 0.0, "fast_loss": 0.0, "slow_loss": 0.0,
}  # fmt: skip


@pytest.mark.parametrize(("lead", "sd"), [(3.0, 0.5), (2.4, 0.5), (1.2, 0.0), (3.3, 1.2)])
def test_the_density_is_that_of_the_master_equation(lead, sd):
    pace, speed = 2.5, 3.28
    t, p = Conflict(pace * speed, lead, variation=sd / speed).answers("neutral")
    for q in (0.1, 0.3, 0.5, 0.9, 1.5):
        by_then = quad(unopposed_density, 0, q, args=(pace, speed, sd, lead), limit=200)[0]
        assert by_then == pytest.approx(np.interp(q, t, p[:, 0]), abs=2e-3)
    u = np.random.default_rng(0).random((40_000, 3))
    times = unopposed(u, pace, speed, sd, lead)
    assert np.mean(times < 0.3) == pytest.approx(np.interp(0.3, t, p[:, 0]), abs=0.01)


def test_going_and_holding_back_are_one_decision_with_a_ready_key():
    task = paradigms.get("go_nogo")(trials=350, nogo=0.2)
    mind = ca.Observer(evidence_threshold=2.6, **CALM)
    f = ca.run(task, arms="human", people=120, observer=mind).frame
    law = Conflict(  # half of all, so that the push is the ready key's
        2 * task.evidence_rate * mind.speed, 2.6, 1.0, 2 * task.readiness, task.peak,
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
