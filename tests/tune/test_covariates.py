"""What a number goes with, trial by trial: what made the data is found, and senseless formulas are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cogattn.errors import InputError
from cogattn.laws.diffusion import wiener
from cogattn.tune import regress

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
