"""A fit says when it is wrong: right models are fine, wrong ones are not, and every reason can be caused."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cogattn import run, tune
from cogattn.errors import InputError
from cogattn.observer import Observer
from cogattn.tune import scales
from cogattn.tune.predictive import Predictive, _words
from cogattn.tune.verdict import LOOK, NO, Reason, Verdict, _missed, _two


def taken(task, minds, seed=4):
    parts = [run(task, arms="human", people=1, seed=seed + i, observer=o).frame.assign(person=f"s{i}")
             for i, o in enumerate(minds)]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def pressed():
    return taken("simple_rt", [Observer(speed=s, wandering=0.5) for s in (2.9, 3.2, 3.5, 3.8)])


@pytest.fixture(scope="module")
def flankers():
    return taken("flanker", [Observer(speed=s, wandering=0.5) for s in (3.0, 3.4)])


def test_a_right_model_is_fine_and_writes_an_observer(pressed):
    found = tune.fit("simple_rt", pressed)
    assert found.verdict == Verdict()
    assert str(found.verdict) == "Verdict: fine: 0 reasons against it."
    assert {"observer.toml", "population.toml", "verdict.json", "check.csv"} <= set(found.files())
    assert len(found.check().axes) >= 3
    assert (found.intervals["high"] > found.intervals["low"]).all()


def drifted(frame):
    n = frame.groupby("person").cumcount() / frame.groupby("person")["rt"].transform("size")
    return frame.assign(rt=frame["rt"] * (1 + 0.6 * np.exp(-5 * n)))


def guessed(frame):
    rng = np.random.default_rng(5)
    slow = rng.random(len(frame)) < 0.15
    right = np.where(slow, rng.random(len(frame)) < 0.5, frame["correct"].astype(bool))
    return frame.assign(
        rt=np.where(slow, frame["rt"] + rng.exponential(0.5, len(frame)), frame["rt"]), correct=right
    )


WRONG = {
    "lapses as slow guesses": ("flanker", guessed),
    "a unit that nobody has": ("flanker", lambda f: f.assign(rt=10 * f["rt"])),
    "practice": ("flanker", drifted),
}


def test_the_flankers_are_fine_as_they_are(flankers):
    """Nothing is held against the law, else those below could not fail: two people, each alone, are hardly known, and
    their numbers hardly told apart."""
    assert {r.code for r in tune.fit("flanker", flankers).verdict.details} <= {"unknown", "alike"}


@pytest.mark.full
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_model_is_not_fine(flankers, name):
    task, change = WRONG[name]
    found = tune.fit(task, change(flankers))
    assert {r.code for r in found.verdict.details} - {"unknown"}, name
    assert all(any(c.isdigit() for c in reason) for reason in found.verdict.reasons)  # in numbers too


def test_another_unit_is_said_and_a_no_leaves_no_observer(pressed):
    found = tune.fit("simple_rt", pressed.assign(rt=3 * pressed["rt"]))
    assert "adults" in {r.code for r in found.verdict.details}  # only adults tell it from a slow person
    bad = replace(found, doubts=(Reason(NO, "chance", "all 4 people are below chance"),))
    assert bad.verdict.word == "no"
    assert {"observer.toml", "population.toml"}.isdisjoint(bad.files())
    assert "observer.toml" in replace(bad, forced=True).files()


def test_flipped_accuracy_is_refused_and_forced(flankers):
    flipped = flankers.assign(correct=1 - flankers["correct"].astype(float))
    with pytest.raises(InputError, match="which is below chance"):
        tune.fit("flanker", flipped)
    low = flankers.assign(
        correct=np.where(flankers["person"] == "s0", 1 - flankers["correct"], flankers["correct"])
    )
    said = tune.fit("flanker", low, ("speed", "hand"), force=True).verdict
    assert any(r.code == "chance" and "1 of 2 people are below chance" in r.said for r in said.details)


@pytest.mark.parametrize("speed", [1.2, 1.7, 5.0, 8.0])
def test_a_speed_far_from_adults_is_recovered_or_said(speed):
    """8 a second is at the end of what a response can be (.12 s): there it is said."""
    mind = Observer(speed=speed, speed_sd=0.157 * speed, day_sd=0.0)
    found = tune.fit("simple_rt", taken("simple_rt", [mind]), ("speed", "speed_sd"))
    near = abs(found.estimates["speed"].item() / speed - 1) < 0.1
    assert near or found.verdict.word != "fine"
    assert near or speed == 8.0
    assert (found.intervals["high"] > found.intervals["low"]).all()


# --- reason by reason ---


def one(seen, told, error, of="response time [ms]"):
    n = len(seen)
    shape = (np.array(x, float).reshape(n, 1) for x in (seen, told, error))
    return Predictive([f"s{i}" for i in range(n)], ["easy"], [".5 quantile"], [of], *shape)


def test_a_miss_has_to_be_larger_than_a_persons_own_error():
    assert not list(_missed(one([505.0] * 50, [500.0] * 50, [20.0] * 50)))  # sure, and small
    (look,) = _missed(one([530.0] * 50, [500.0] * 50, [20.0] * 50))
    (no,) = _missed(one([700.0] * 50, [500.0] * 50, [20.0] * 50))
    assert (look.word, no.word) == (LOOK, NO)
    assert "700 ms, the fit says 500 ms" in no.said


def test_what_marks_share_is_said_once():
    rows = [("17 ms, 6 targets", "score"), ("33 ms, 6 targets", "score")]
    frame = pd.DataFrame(rows, columns=["condition", "statistic"])
    assert _words(frame) == (["17 ms", "33 ms"], "score, 6 targets")
    one = frame.assign(condition="easy", statistic=[".1 quantile", ".9 quantile"])
    assert _words(one) == ([".1", ".9"], "quantile")
    assert _words(frame.assign(statistic=["right", "missed"])) == (
        ["17 ms\nright", "33 ms\nmissed"],
        "6 targets",
    )


def test_two_kinds_of_people_are_told_from_one():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(40)
    two = np.where(np.arange(40) < 20, x, x + 6)
    assert _two(x)[0] < 0 < 10 < _two(two)[0]

    def said(estimates, between):
        fit = SimpleNamespace(
            params=("speed",),
            estimates=pd.DataFrame({"speed": scales.SCALES["speed"].own(estimates)}),
            covariance=np.array([[between]]),
        )
        return [reason.code for reason in tune.verdict._kinds(fit)]

    two = 5 + 0.3 * two
    assert said(two, two.var()) == ["kinds"]
    assert said(two, 3 * two.var()) == []  # they are drawn to the population, which may make two of one


def test_a_bound_that_is_reached_is_said(pressed):
    found = tune.fit("simple_rt", pressed, ("speed",))
    high = scales.SCALES["speed"].high
    at = replace(found, estimates=found.estimates.assign(speed=[high, high, 3.0, 3.0]))
    (reason,) = [r for r in at.verdict.details if r.code == "bound"]
    assert reason.word == NO
    assert "2 of 4 people reach the bound of speed, 15 1/s (s0, s1)" in reason.said
    line = replace(found, params=("speed", "hand"), covariance=np.ones((2, 2)), within=np.eye(2))
    assert [r.code for r in tune.verdict._alike(line)] == ["alike"]
    assert str(Verdict((Reason(LOOK, "alike", "a"), Reason(NO, "bound", "b")))) == "Verdict: no: b; a."
