"""Other tasks of the same people: what is known exactly is predicted up to its reliability, and nothing by chance."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

import cogattn as ca
from cogattn.errors import InputError
from cogattn.paradigms.base import Statistics
from cogattn.tune import joint, scales
from cogattn.tune.agreement import agreement, fisher, left_out, ranked
from cogattn.tune.measures import MeasuredTrials, reliability

pytestmark = pytest.mark.full

PEOPLE = 24


@pytest.fixture(scope="module")
def letters():
    """Adults who differ in C, K and t0 (and in speed and wandering, which show nowhere here) in three tasks."""
    adults = ca.Population.adults().with_spreads({"alpha": ca.Spread("constant", 0.44)})
    minds = adults.sample(PEOPLE, seed=5)
    names = {"whole_report": 30, "partial_report": 60, "change_detection": 1}
    return {
        name: ca.run(name, "human", observers=minds, people=PEOPLE, trials=n, seed=40 + i).frame
        for i, (name, n) in enumerate(names.items())
    }


@pytest.fixture(scope="module")
def predicted(letters):
    return ca.predict_people(
        {"whole_report": letters["whole_report"]},
        {"partial_report": letters["partial_report"], "change_detection": letters["change_detection"]},
        ["partial_report: score", "change_detection: says_changed[changed=1] - says_changed[changed=0]"],
        minds=8,
    )


def test_people_are_predicted_nearly_up_to_what_the_measure_allows(predicted):
    table = predicted.table().set_index("task")
    report, change = table.loc["partial_report"], table.loc["change_detection"]
    assert report["r"] > 0.9 * report["ceiling"]
    assert change["r"] > 0.7 * change["ceiling"]
    assert change["r"] > change["r raw mean"] + 0.15  # K is in the score of letters, but with C and t0
    assert report["ceiling"] == pytest.approx(math.sqrt(report["reliability"]))
    assert 0.8 < report["slope"] < 1.25  # what is estimated is shrunk, and then a slope of 1 is right
    assert abs(report["bias"]) < 0.05 * predicted.people.query("task == 'partial_report'")["observed"].mean()


def test_other_peoples_numbers_predict_nothing(letters, predicted):
    mixed = letters["partial_report"].assign(person=lambda f: (f["person"] + 7) % PEOPLE)
    found = ca.predict_people(
        {"whole_report": letters["whole_report"]}, {"partial_report": mixed}, ["score"], minds=8
    )
    row = found.table().iloc[0]
    assert abs(row["r"]) < 0.45 < predicted.table().iloc[0]["r"]
    assert row["verdict"] != "better"
    assert row["left-out error"] > predicted.table().iloc[0]["left-out error"] * 1.3


def test_all_people_meet_the_same_draws(letters):
    """Two people whose trials are the same are predicted the same, to the last bit."""
    frame = letters["whole_report"]
    twin = frame[frame["person"] == 3].assign(person=99)
    both = pd.concat([frame[frame["person"] < 6], twin], ignore_index=True)
    other = letters["partial_report"]
    seen = pd.concat(
        [other[other["person"] < 6], other[other["person"] == 4].assign(person=99)], ignore_index=True
    )
    found = ca.predict_people({"whole_report": both}, {"partial_report": seen}, ["score"], minds=2)
    own = found.people.set_index("person")["predicted"]
    assert abs(own["3"] - own["99"]) < 1e-2 * own.std()
    assert own.nunique() >= 4


def test_the_baselines_are_the_raw_means_of_the_fitted_tasks(letters, predicted):
    frame = letters["whole_report"]
    raw = frame.assign(person=frame["person"].astype(str)).groupby("person")["score"].mean()
    own = predicted.people.query("task == 'partial_report'").set_index("person")
    np.testing.assert_allclose(own["same measure"], raw.loc[own.index], rtol=1e-12)
    row = predicted.table().iloc[0]
    assert row["r same measure"] == pytest.approx(np.corrcoef(own["same measure"], own["observed"])[0, 1])


def test_others_make_the_population_of_those_who_are_predicted(letters):
    chosen = [0, 1, 2, 3, 4, 5]
    how = {"measures": ["score"], "minds": 2, "people": chosen}
    found = ca.predict_people(
        {"whole_report": letters["whole_report"]}, {"partial_report": letters["partial_report"]}, **how
    )
    assert sorted(found.people["person"]) == [str(p) for p in chosen]
    alone = letters["whole_report"][letters["whole_report"]["person"] >= 6]
    others = joint.fit_jointly({"whole_report": alone})
    np.testing.assert_allclose(found.fit.center, others.center, rtol=1e-9)
    assert any("population is that of 18 other people" in note for note in found.notes)


def test_two_tasks_say_more_of_a_person_than_one(letters):
    """The likelihoods add up, and intervals shrink."""
    tasks = {name: letters[name] for name in ("whole_report", "partial_report")}
    law, data, _ = joint.question(tasks, ("slots", "alpha"), None, None, 0, 1, None)
    assert law.asked == (("slots",), ("slots", "alpha"))
    theta, row = np.array([[2.5, 0.5], [3.5, 0.2]]), np.array([4, 7])
    alone = np.zeros(2)
    for name, own in zip(tasks, law.asked, strict=True):
        one, part, _ = joint.question({name: tasks[name]}, own, None, None, 0, 1, None)
        alone += one.loglik(theta[:, : len(own)], part, row)
    np.testing.assert_allclose(law.loglik(theta, data, row), alone, rtol=1e-12)
    wide = {}
    for names in (("partial_report",), ("whole_report", "partial_report")):
        found = joint.fit_jointly({n: letters[n] for n in names}, ("slots",))
        wide[len(names)] = (found.intervals["high"] - found.intervals["low"]).median()
    assert wide[2] < 0.8 * wide[1]


def test_who_lacks_a_task_is_known_from_the_others(letters):
    part = letters["partial_report"].query("person < 10")
    found = joint.fit_jointly({"partial_report": part, "whole_report": letters["whole_report"]}, ("slots",))
    alone = joint.fit_jointly({"whole_report": letters["whole_report"]}, ("slots",))
    assert any("14 of 24 people lack a task" in note for note in found.notes)
    both, one = (f.estimates.set_index("person")["slots"] for f in (found, alone))
    rest = [str(p) for p in range(10, PEOPLE)]
    np.testing.assert_allclose(both[rest], one[rest], atol=0.15)
    assert (both - one).abs().max() > 2 * (both - one)[rest].abs().max()


def test_what_was_not_fitted_is_expected_from_what_was(letters):
    """E[z_u | z_f] = r z_f on the scale on which people are normal."""
    together = replace(ca.Population.adults(), correlations={"capacity": {"slots": 0.6, "speed": 0.3}})
    found = joint.fit_jointly({"whole_report": letters["whole_report"]}, ("capacity",), population=together)
    scale, value = scales.SCALES["capacity"], 100.0
    z = (float(scale.latent(value)) - scale.mean) / scale.sd
    mind, spreads = joint.expected_mind(found, together, [value]), together.spreads()
    assert mind.capacity == value
    assert mind.slots == pytest.approx(float(spreads["slots"].at(special.ndtr(0.6 * z))))
    assert mind.speed == pytest.approx(float(spreads["speed"].at(special.ndtr(0.3 * z))))
    assert mind.alpha == ca.Observer().alpha  # correlated with nothing
    assert joint.expected_mind(found, ca.Population.adults(), [value]).slots == ca.Observer().slots


def test_a_population_is_a_normal_on_the_scales():
    together = replace(ca.Population.adults(), correlations={"capacity": {"speed": -0.4}})
    names = ("speed", "capacity", "speed_sd", "threshold")
    mean, cov = joint.on_scales(together, names)
    known = [scales.SCALES[name] for name in names]
    np.testing.assert_allclose(mean, [s.mean for s in known], rtol=1e-6)
    sd = np.sqrt(np.diag(cov))
    np.testing.assert_allclose(sd, [s.sd for s in known], rtol=1e-6)
    assert cov[0, 1] == pytest.approx(-0.4 * sd[0] * sd[1])
    assert cov[0, 2] == cov[1, 3] == 0


# -- measures ------------------------------------------------------------------------------------------------


def sheet(rows, by=("load",), times=("rt",), shares=("correct",), levels=None):
    return MeasuredTrials.of(
        pd.DataFrame(rows, columns=["person", "load", "rt", "correct"]), Statistics(by, shares, times), levels
    )


ROWS = [
    ("a", 1, 0.3, 1), ("a", 1, 0.5, 1), ("a", 2, 0.8, 1), ("a", 2, 0.1, 0),
    ("b", 1, 0.4, 1), ("b", 1, 0.4, 0), ("b", 1, 0.6, 1), ("b", 2, math.nan, 0), ("b", 2, 1.0, 1),
]  # fmt: skip


def test_measures_are_means_of_conditions_by_how_often_they_were_shown():
    own = sheet(ROWS)
    assert own.weights.to_dict() == {1.0: 5.0, 2.0: 4.0}
    rt = own.of_people("rt")
    assert rt["a"] == pytest.approx((5 * 0.4 + 4 * 0.8) / 9)
    assert rt["b"] == pytest.approx((5 * 0.5 + 4 * 1.0) / 9)
    assert own.of_people("correct")["b"] == pytest.approx((5 * 2 / 3 + 4 * 1 / 2) / 9)
    assert own.of_people("rt[load=2] - rt[load=1]").tolist() == pytest.approx([0.4, 0.5])
    assert own.of_people("rt_sd[load=1]").tolist() == pytest.approx([math.sqrt(0.02), math.sqrt(0.02)])
    assert own.of_people("rt_median[load=1]").tolist() == pytest.approx([0.4, 0.5])
    assert own.timed("rt[load=2] - rt[load=1]")
    assert not own.timed("correct")
    assert not own.timed("rt / rt[load=1]")
    assert own.usual() == ("rt", "correct", "rt[load=1] - rt[load=2]")


def test_words_of_a_paradigm_name_conditions():
    own = sheet(ROWS, levels={"load": {"hard": 2, "easy": 1}})
    assert own.of_people("rt[load=hard] - rt[load = easy]").tolist() == pytest.approx([0.4, 0.5])
    assert own.usual()[-1] == "rt[load=easy] - rt[load=hard]"


@pytest.mark.parametrize(
    ("measure", "line"),
    [
        ("speed", "what is measured in 'speed' must be one of rt, correct, got 'speed'"),
        ("rt[lag=1]", "condition in 'rt[lag=1]' must be one of load, got 'lag'"),
        ("rt[load=3]", "load in 'rt[load=3]' must be one of 1, 2, got 3"),
        ("rt[load]", "in brackets stands CONDITION=VALUE"),
        ("rt +", "cannot read the expression 'rt +'"),
    ],
)
def test_a_measure_that_is_none_is_one_clear_line(measure, line):
    with pytest.raises(InputError) as error:
        sheet(ROWS).of_people(measure)
    assert line in str(error.value)


def test_reliability_is_that_of_odd_and_even_trials():
    """Of people who differ by one sd, measured with an error of two in n trials: rho = n / (n + 4)."""
    rng, n, people = np.random.default_rng(1), 60, 600
    true = rng.standard_normal(people)
    rt = 10 + np.repeat(true, n) + 2 * rng.standard_normal(people * n)
    frame = pd.DataFrame({"person": np.repeat(np.arange(people), n).astype(str), "rt": rt})
    own = MeasuredTrials.of(frame, Statistics((), (), ("rt",)))
    assert reliability(own, "rt", own.people) == pytest.approx(n / (n + 4), abs=0.012)
    assert abs(reliability(own, "rt_sd", own.people)) < 0.2
    odd = own.half(0).of_people("rt")
    assert odd.iloc[0] == pytest.approx(rt[:n:2].mean())


# -- agreement -----------------------------------------------------------------------------------------------


def test_lines_that_leave_a_person_out_are_those_of_polyfit():
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal(9), rng.standard_normal(9)
    by_hand = []
    for i in range(9):
        rest = np.arange(9) != i
        by_hand.append(y[i] - np.polyval(np.polyfit(x[rest], y[rest], 1), x[i]))
    np.testing.assert_allclose(left_out(x, y), by_hand, atol=1e-10)
    falling = left_out(-y, y, rising=True)
    np.testing.assert_allclose(falling, left_out(np.zeros(9), y))


def test_correlations_and_their_intervals():
    rng = np.random.default_rng(4)
    x = rng.standard_normal(40)
    y = x + rng.standard_normal(40)
    found = agreement(x, y, {"raw mean": rng.standard_normal(40)})
    exact = stats.pearsonr(x, y)
    assert found["r"] == pytest.approx(exact.statistic)
    ends = exact.confidence_interval(0.95)
    assert (found["r low"], found["r high"]) == pytest.approx((ends.low, ends.high))
    assert found["spearman"] == pytest.approx(stats.spearmanr(x, y).statistic) == ranked(x, y)
    assert found["slope"] == pytest.approx(stats.linregress(x, y).slope)
    assert found["verdict"] == "better"
    assert fisher(0.3, 3) == pytest.approx((math.nan, math.nan), nan_ok=True)


def test_a_prediction_with_the_wrong_sign_is_none():
    rng = np.random.default_rng(6)
    y = rng.standard_normal(30)
    raw = rng.standard_normal(30)
    assert agreement(y + 0.1 * raw, y, {"raw": raw})["verdict"] == "better"
    assert agreement(-y, y, {"raw": raw})["verdict"] != "better"
    assert agreement(raw, y, {"raw": -y})["verdict"] == "worse"


# -- doors ---------------------------------------------------------------------------------------------------


def test_mistakes_are_one_clear_line(letters):
    whole, partial = letters["whole_report"], letters["partial_report"]
    far = partial.assign(person=partial["person"] + 500)
    cases = [
        ({"fit": {"whole_report": whole}, "predict": {"partial_report": far}}, "got 0: whole_report has 24 (0, 1, 2"),
        ({"fit": {"whole_report": whole}, "predict": {"partial_report": partial.query("person < 4")}},
         "at least 5 people must be in every fitted task and in partial_report, got 4"),
        ({"fit": {"control_room": whole}, "predict": {"partial_report": partial}}, "control_room cannot be fitted"),
        ({"fit": {}, "predict": {"partial_report": partial}}, "at least one task to fit and one to predict"),
        ({"fit": {"whole_report": whole}, "predict": {"partial_report": partial}, "measures": ["stroop: rt"]},
         "measured in a task that is predicted (partial_report), got 'stroop'"),
        ({"fit": {"whole_report": whole}, "predict": {"partial_report": partial}, "params": ["dwell"]},
         "whole_report says nothing about dwell"),
        ({"fit": {"whole_report": whole}, "predict": {"partial_report": partial}, "people": [0, "x"]},
         "people must name persons who are in every fitted task, got 'x'"),
        ({"fit": {"whole_report": whole}, "predict": {"partial_report": partial}, "people": list(range(21))},
         "people must leave at least 4 others"),
        ({"fit": {"whole_report": whole}, "predict": {"partial_report": 3}}, "a table, a run, or the path of a file"),
    ]  # fmt: skip
    for how, line in cases:
        with pytest.raises(InputError) as error:
            ca.predict_people(**how)
        assert line in str(error.value), str(error.value)


def test_names_of_people_are_the_same_in_all_files():
    frame = pd.DataFrame({"person": [7.0, 8.0], "rt": 0.3})
    assert joint.named(frame)["person"].tolist() == ["7", "8"]
    assert joint.named(frame.assign(person=["s7", "8"]))["person"].tolist() == ["s7", "8"]


PAGE = (Path(ca.__file__).parents[1] / "docs" / "tune.md").read_text(encoding="utf-8")


def test_the_command_of_the_page_predicts_word_for_word(call, letters):
    line = next(row.strip() for row in PAGE.splitlines() if row.strip().startswith("cogattn predict"))
    places = dict(word.split("=") for word in line.split() if "=" in word)
    assert set(places) == {"whole_report", "partial_report"}
    for name, place in places.items():
        letters[name].to_csv(place, index=False)
    code, out, _ = call(*line.split()[1:], "--minds", 2)
    assert code == 0
    assert "partial_report, score: r = " in out
    assert "With 24 people all intervals are wide" in out
    folder = next(Path("results/predict").iterdir())
    for name in (
        "table.csv",
        "people.csv",
        "estimates.csv",
        "population.toml",
        "figures/prediction.png",
        "done.json",
    ):
        assert (folder / name).is_file()
    assert len(pd.read_csv(folder / "people.csv")) == PEOPLE
    code, _, err = call("predict", "--fit", "whole_report=letters.csv", "--predict", "x", "--option", "y=1")
    assert code == 2
    assert "--predict must be NAME=VALUE, got 'x'" in err


REAL = Path(ca.__file__).parents[2] / "shared" / "real"


@pytest.mark.skipif(not REAL.is_dir(), reason="people's own files are not here")
def test_the_same_eight_people_in_two_tasks():
    """Their mean response time is a fact of the files; the speed that is fitted follows it."""
    fit, gone = (
        {n: REAL / f"jspsych_{f}.csv.gz"} for n, f in (("simple_rt", "simple_reaction_time"), ("prp", "x"))
    )
    with pytest.raises(InputError, match=r"x\.csv\.gz"):
        ca.predict_people(fit, gone)
    found = ca.predict_people(fit, fit, params=["speed"], minds=2)
    row = found.table().iloc[0]
    assert row["people"] == 8
    assert row["r"] > 0.8
    assert found.people["observed"].mean() == pytest.approx(395, abs=20)
    assert any("that is recovery, no prediction" in note for note in found.notes)
    assert (
        "With 8 people all intervals are wide: a correlation of .50 has one from -.32" in found.findings()[-1]
    )
