"""The attentional blink in four laboratories: one is fitted, the curves of the others are predicted."""

from __future__ import annotations

import numpy as np
import pytest

from cogattn import human
from cogattn.errors import InputError
from cogattn.paradigms.attentional_blink import CLARITY, RATES, AttentionalBlink, given_first
from cogattn.population import Population, Spread
from cogattn.runs.experiment import run

PREDICTED = {
    "SydneyWord": 6,
    "SydneyObject": 5,
    "Warwick": 6,
}  # points inside, of 7, 7 and 10; a fixed dwell has less


def curves(laboratory, **numbers):
    """People's rows by lag, and T2 given T1, and T1, of minds."""
    people = AttentionalBlink(laboratory=laboratory).human().set_index("lag")
    task = AttentionalBlink(laboratory=laboratory, lags=tuple(people.index), trials=40)
    crowd = Population.adults().with_spreads({n: Spread("constant", v) for n, v in numbers.items()})
    frame = run(task, "human", people=200, population=crowd).frame
    second = given_first(frame).groupby("lag")["mean"].mean()
    return people, second, frame.groupby("lag")["T1"].mean().astype(float)


def inside(own, people):
    """How many points are within the larger of two standard errors and half a unit of log odds."""
    odds = [np.log(p / (1 - p)) for p in (own, people["mean"])]
    wide = 2 * people["sd"] / np.sqrt(people["n"]) / (people["mean"] * (1 - people["mean"]))
    return int((abs(odds[0] - odds[1]) <= np.maximum(wide, 0.5)).sum())


def test_rates_are_those_of_the_authors_and_every_laboratory_has_its_clarity():
    table = human.table("attentional_blink_rates").set_index("dataset")["items_per_s"]
    assert {lab: table[lab] for lab in RATES} == RATES
    assert list(CLARITY) == list(RATES)
    usual = AttentionalBlink()
    assert (usual.items_per_second, usual.clarity) == (10.0, CLARITY["Berkeley"])
    step = AttentionalBlink(laboratory="Warwick").trial({"lag": 2}).stimuli
    assert step[1].onset - step[0].onset == pytest.approx(2 / 11.1)


def test_a_rate_or_a_clarity_of_ones_own_goes_before_the_laboratorys():
    own = AttentionalBlink(laboratory="Warwick", rate=12.0, evidence=0.7)
    assert (own.items_per_second, own.clarity, own.as_people) == (12.0, 0.7, False)
    assert AttentionalBlink(**own.options()) == own
    assert {"rate", "evidence"}.isdisjoint(AttentionalBlink().options())
    with pytest.raises(InputError, match="laboratory must be"):
        AttentionalBlink(laboratory="Warwik")
    with pytest.raises(InputError, match="rate must be"):
        AttentionalBlink(rate=0.0)


def test_people_are_those_of_the_laboratory():
    assert AttentionalBlink().human()["n"].unique().tolist() == [12]
    assert AttentionalBlink(laboratory="Warwick").human()["lag"].tolist() == list(range(1, 11))


def test_the_laboratory_that_is_fitted_comes_out():
    people, second, first = curves("Berkeley")
    assert inside(second, people) == 7
    assert first[first.index >= 3].mean() == pytest.approx(people.loc[3:, "T1"].mean(), abs=0.02)


@pytest.mark.full
@pytest.mark.parametrize("laboratory", PREDICTED)
def test_the_others_are_predicted_from_how_often_they_report_t1(laboratory):
    people, second, first = curves(laboratory)
    assert first[first.index >= 3].mean() == pytest.approx(people.loc[3:, "T1"].mean(), abs=0.02)
    assert inside(second, people) >= PREDICTED[laboratory]
    assert second[[2, 3]].mean() == pytest.approx(people.loc[2:3, "mean"].mean(), abs=0.06)


@pytest.mark.full
@pytest.mark.parametrize("laboratory", PREDICTED)
def test_a_dwell_that_is_the_same_for_all_items_predicts_less(laboratory):
    """0.325 and 0.21 s: what such a law has in Berkeley (chi-square 12.9 instead of 9.4)."""
    people, second, _ = curves(laboratory, dwell=0.325, dwell_sd=0.21, dwell_counts=0.0)
    assert inside(second, people) < PREDICTED[laboratory] + (laboratory == "Warwick")
    assert second[[2, 3]].mean() > people.loc[2:3, "mean"].mean() + 0.1
