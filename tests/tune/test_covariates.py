"""What a number goes with, trial by trial: what made the data is found, and senseless formulas are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cogattn import run
from cogattn.errors import InputError
from cogattn.laws.diffusion import wiener
from cogattn.observer import Observer
from cogattn.tune import likelihoods, regress
from cogattn.tune.two_choice import TwoChoiceLikelihood

pytestmark = pytest.mark.full

REAL = Path(__file__).parents[4] / "shared" / "real" / "hssm_cavanagh_theta.csv"


def told(people=10, trials=120, seed=3):
    """Responses of a diffusion whose drift goes with x (.6, in some more), whose boundary does not."""
    rng, t = np.random.default_rng(seed), np.arange(0.0005, 6, 0.002)
    rows = []
    for i in range(people):
        mean, slope, a = 1.5 + 0.4 * rng.standard_normal(), 0.6 + 0.1 * rng.standard_normal(), 1.4
        a *= np.exp(0.15 * rng.standard_normal())
        for x in np.repeat([-1.0, 0.0, 1.0], trials // 3):
            f = wiener(t, mean + slope * x, a, 0.5, 0.0).ravel()
            k = rng.choice(len(f), p=f / f.sum())
            rows.append({"person": i, "x": x, "correct": 1 - k % 2, "rt": 0.3 + t[k // 2]})
    return pd.DataFrame(rows)


def test_a_slope_is_found_where_it_is_and_not_where_it_is_not():
    found = regress(told(), ["drift ~ x + (1 + x | person)", "boundary ~ x + (1 | person)"])
    t = found.table().set_index(["parameter", "term"])
    drift, boundary = t.loc[("drift", "x")], t.loc[("boundary", "x")]
    assert drift["low"] < 0.6 < drift["high"]
    assert drift["z"] > 4
    assert abs(boundary["z"]) < 3
    assert t.loc[("non_decision", "Intercept"), "estimate"] == pytest.approx(np.log(0.3), abs=0.05)
    assert found.between.set_index(["parameter", "term"]).loc[("drift", "Intercept"), "sd"] == pytest.approx(
        0.4, abs=0.25
    )


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("speed ~ x", "number of the law must be"),
        ("drift = x", "a formula is NUMBER ~ TERMS"),
        ("drift ~ nothing_like_it", "cannot be read"),
        ("drift ~ x | person", r"is written \(1 \+ x \| person\)"),
    ],
)
def test_a_formula_that_makes_no_sense_is_refused(formula, said):
    with pytest.raises(InputError, match=said):
        regress(told(2, 30), formula)


def test_conditions_are_called_as_the_data_call_them():
    """Not by the codes in which they are kept."""
    frame = told(2, 30).rename(columns={"x": "coherence"}).assign(mode=["fast", "slow"] * 30)
    law = TwoChoiceLikelihood(cells=("coherence", "mode"))
    data = law.compact(frame)
    named = law.predictive(law.theta(np.ones((2, 0)), ()), data).conditions
    assert "coherence -1, fast" in named
    assert data.of([1]).called == data.called
    assert "drift_2 is that of coherence -1, slow" in " ".join(law.notes(frame))


@pytest.mark.parametrize("task", ["simple_rt", "flanker"])
def test_numbers_that_are_the_same_in_all_trials_have_the_likelihood_of_a_fit(task):
    frame = run(task, arms="human", people=2, trials=None if task == "flanker" else 1, seed=2).frame
    law = likelihoods.of(task)
    data = law.compact(frame)
    one = law.loglik(np.tile(law.base(), (2, 1)), data, np.arange(2))
    assert law.by_trial(np.tile(law.base(), (len(frame), 1)), data) == pytest.approx(one, rel=1e-12)
    slower = np.tile(law.base(), (len(frame), 1))
    slower[: len(frame) // 4, law.params.index("speed")] *= 0.5
    assert law.by_trial(slower, data)[0] < one[0] - 1
    assert law.by_trial(slower, data)[1] == pytest.approx(one[1], rel=1e-12)


def loaded(people=6, effect=-0.12):
    """Simple responses of minds that are slower by `effect` (of log speed) in a second sitting, under load."""
    rng, parts = np.random.default_rng(1), []
    for i in range(people):
        speed = 3.2 * np.exp(0.15 * rng.standard_normal())
        for load in (0, 1):
            mind = Observer(speed=speed * np.exp(effect * load), day_sd=0.0)
            own = run("simple_rt", arms="human", people=1, trials=1, seed=10 * i + load, observer=mind).frame
            parts.append(own.assign(person=f"s{i}", load=load, age=20.0 + i))
    return pd.concat(parts, ignore_index=True)


def test_speed_goes_with_load_in_the_minds_own_law():
    frame = loaded()
    found = regress(
        frame, ["speed ~ 1 + load + (1 | person)", "slow_loss ~ 1", "wandering ~ 1"], law="simple_rt"
    )
    t = found.table().set_index(["parameter", "term"])
    unit = 3.2 if t.loc[("speed", "Intercept"), "estimate"] > 2 else 1.0  # of its scale: plain, or by factors
    load = t.loc[("speed", "load")]
    assert load["low"] < -0.12 * unit < load["high"]
    assert load["z"] < -5
    assert not found.between.set_index(["parameter", "term"]).loc[("speed", "Intercept"), "sd"] < 0.05
    with pytest.raises(InputError, match="wandering is a person's and not a trial's"):
        regress(frame, "wandering ~ load", law="simple_rt")


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_file(), reason="other people's data are not here")
def test_frontal_theta_raises_the_boundary_under_conflict():
    """Cavanagh et al. 2011: off stimulation, more theta goes with a higher boundary in conflict."""
    d = pd.read_csv(REAL).query("dbs == 0")
    frame = pd.DataFrame({"person": d["participant_id"], "rt": d["rt"], "correct": (d["response"] > 0).astype(int),
                          "theta": d["theta"], "conf": (d["conf"] == "HC").astype(int)})  # fmt: skip
    found = regress(frame, ["boundary ~ theta * conf + (1 | person)", "drift ~ conf + (1 | person)"])
    t = found.table().set_index(["parameter", "term"])["estimate"]
    assert t[("boundary", "theta")] + t[("boundary", "theta:conf")] > 0
    assert t[("drift", "conf")] < 0
