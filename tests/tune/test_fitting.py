"""A fit finds what made the data, says how sure it is, and refuses or names whatever is wrong with the data."""

from __future__ import annotations

import math
import tomllib

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cogattn import paradigms, run, tune
from cogattn.errors import InputError
from cogattn.laws import race
from cogattn.observer import Observer
from cogattn.population import Population, Spread
from cogattn.tune import likelihoods, scales

EXPOSURES = (0.0167, 0.0333, 0.05, 0.0833, 0.15, 0.2)


def data(people, seed=5, observer=None, whole=27, partial=81):
    """The design of `human/whole_report.csv`: six exposures of six letters, then 2 targets among 0 or 4 distractors."""
    who = {"arms": "human", "people": people, "seed": seed, "observer": observer}
    parts = [
        run(paradigms.get("whole_report")(exposures=EXPOSURES), trials=whole, **who),
        run("partial_report", trials=partial, **who),
    ]  # fmt: skip
    return pd.concat([p.frame for p in parts], ignore_index=True)


@pytest.fixture(scope="module")
def twelve():
    return data(12), Population.adults().parameters(12, 5)


@pytest.fixture(scope="module")
def together(twelve):
    return tune.fit("whole_report", twelve[0])


# --- the law ---


def test_the_likelihood_is_that_of_the_mixture_of_whole_slots(twelve):
    law = likelihoods.ReportLikelihood(stray=0.0)
    frame = twelve[0].query("person == 0")
    compact = law.compact(frame)
    c, k, t0, alpha = theta = (60.0, 3.3, 0.008, 0.5)
    expected = 0.0
    for _, row in frame.iterrows():
        p = race.partial_report(
            np.ones(int(row["targets"])),
            np.full(int(row["distractors"]), alpha),
            capacity=c,
            exposure=row["exposure"],
            slots=k,
            threshold=t0,
        )
        expected += math.log(p[int(row["score"])])
    assert law.loglik(np.array([theta]), compact, np.zeros(1, int))[0] == pytest.approx(expected, rel=1e-9)


def test_the_truth_is_likelier_than_what_is_beside_it():
    """At 20,000 trials each parameter moved by a fifth scores worse than the truth."""
    true = Observer(capacity=60.0, slots=3.3, threshold=0.01, alpha=0.5)
    law = likelihoods.ReportLikelihood()
    compact = law.compact(data(1, observer=true, whole=2500, partial=2500))
    theta = np.array([60.0, 3.3, 0.01, 0.5])
    moved = np.concatenate([[theta], theta + np.diag(0.2 * theta), theta - np.diag(0.2 * theta)])
    score = law.loglik(moved, compact, np.zeros(len(moved), int))
    assert (score[1:] < score[0] - 2).all()


# --- recovery ---


def test_together_it_finds_people_and_its_intervals_hold_them(twelve, together):
    true = twelve[1]
    for name in together.params:
        own = together.estimates[name].to_numpy()
        assert (
            np.corrcoef(
                scales.SCALES[name].latent(own + 1e-4), scales.SCALES[name].latent(true[name] + 1e-4)
            )[0, 1]
            > 0.85
        )
        bounds = together.intervals[together.intervals["parameter"] == name]
        inside = (bounds["low"].to_numpy() <= true[name] + 1e-9) & (
            true[name] - 1e-9 <= bounds["high"].to_numpy()
        )
        assert inside.sum() >= 10  # of 12; fewer has a chance of 2 in 1000 at 95 %


def test_alone_it_finds_a_person_with_many_trials():
    true = Observer(capacity=50.0, slots=2.6, threshold=0.012, alpha=0.7)
    found = tune.fit("partial_report", data(1, observer=true, whole=1500, partial=3000), pool=False)
    for name, tolerance in (("capacity", 0.06), ("slots", 0.03), ("threshold", 0.15), ("alpha", 0.12)):
        assert found.estimates[name].item() == pytest.approx(getattr(true, name), rel=tolerance)
    bounds = found.intervals.set_index("parameter")
    for name in found.params:
        assert bounds.loc[name, "low"] < found.estimates[name].item() < bounds.loc[name, "high"]


def test_a_profile_interval_ends_where_the_likelihood_has_fallen_by_chi_square(twelve):
    frame = twelve[0].query("person == 3")
    found = tune.fit("whole_report", frame, params=("capacity",), pool=False, observer=Observer())
    law, compact = likelihoods.ReportLikelihood(), likelihoods.ReportLikelihood().compact(frame)
    bounds = found.intervals.iloc[0]
    fixed = Observer()
    for edge in (bounds["low"], bounds["high"]):
        theta = np.array([[edge, fixed.slots, fixed.threshold, fixed.alpha]])
        fallen = found.loglik - law.loglik(theta, compact, np.zeros(1, int))[0]
        assert 2 * fallen == pytest.approx(stats.chi2.ppf(0.95, 1), abs=0.05)


@pytest.mark.full
def test_what_is_held_though_people_differ_in_it_is_counted_into_the_interval():
    """Eighty people who differ in slots and threshold; only capacity is fitted. Told that they are all the mean adult,
    the fit is far too sure; left in doubt, its intervals hold."""
    frame = run("whole_report", "human", people=80, trials=60, seed=4).frame
    true = Population.adults().parameters(80, 4)["capacity"].to_numpy()

    def held(found):
        own = found.intervals
        return ((own["low"] <= true) & (true <= own["high"])).mean()

    told = tune.fit("whole_report", frame, ("capacity",), pool=False, observer=Observer())
    left = tune.fit("whole_report", frame, ("capacity",), pool=False)
    assert left.estimates["capacity"].tolist() == told.estimates["capacity"].tolist()
    assert held(told) < 0.3
    assert held(left) > 0.7
    assert any(note.startswith("slots is kept at the mean adult's value") for note in left.notes)
    assert not told.notes


@pytest.mark.full
def test_bootstrap_intervals_are_about_as_wide_as_profiles_and_the_same_each_time(twelve):
    """Near a whole number of slots, where the likelihood has a kink, they are narrower: about half."""
    frame = twelve[0].query("person < 2")
    params = ("capacity", "slots")
    profile, boot, again = (
        tune.fit("whole_report", frame, params, pool=False, intervals=how, n_jobs=jobs)
        for how, jobs in (("profile", 1), ("bootstrap", 1), ("bootstrap", 2))
    )
    pd.testing.assert_frame_equal(boot.intervals, again.intervals, check_exact=True)
    pd.testing.assert_frame_equal(boot.estimates, profile.estimates, check_exact=True)
    width = [(f.intervals["high"] - f.intervals["low"]).to_numpy() for f in (boot, profile)]
    gap = np.abs(np.log(width[0] / width[1])).reshape(2, 2)  # people, parameters
    assert (gap < [math.log(1.4), math.log(2.2)]).all()
    with pytest.raises(
        InputError, match="fitted together have the intervals of their posterior: set pool=False"
    ):
        tune.fit("whole_report", twelve[0], intervals="bootstrap")
    with pytest.raises(InputError, match="trials of change_detection hang together and cannot be drawn anew"):
        tune.fit("change_detection", run("change_detection", people=1), pool=False, intervals="bootstrap")


@pytest.mark.full
def test_pooling_draws_weakly_informed_people_to_the_others():
    frame = data(8, whole=4, partial=10)
    pooled, alone = tune.fit("whole_report", frame), tune.fit("whole_report", frame, pool=False)
    for name in ("capacity", "slots"):
        scale = scales.SCALES[name]
        assert scale.latent(pooled.estimates[name]).std() < scale.latent(alone.estimates[name]).std()


@pytest.mark.full
def test_the_same_data_give_the_same_numbers_on_one_core_and_two(twelve, together):
    again = tune.fit("whole_report", twelve[0], n_jobs=2)
    pd.testing.assert_frame_equal(again.estimates, together.estimates, check_exact=True)
    pd.testing.assert_frame_equal(again.intervals, together.intervals, check_exact=True)


def test_people_in_another_order_get_the_same_estimates(twelve, together):
    shuffled = twelve[0].sample(frac=1.0, random_state=1)
    again = tune.fit("whole_report", shuffled)
    both = again.estimates.set_index("person").loc[together.estimates["person"]]
    assert both["capacity"].to_numpy() == pytest.approx(together.estimates["capacity"].to_numpy(), rel=1e-6)


# --- what comes of it ---


def test_the_fit_is_saved_as_files_that_every_command_takes(together, tmp_path):
    folder = together.save(tmp_path / "fit")
    observer = Observer.from_file(folder / "observer.toml")
    assert observer == together.observer()
    population = Population.from_dict(tomllib.loads((folder / "population.toml").read_text()))
    assert population == together.population()
    people = population.parameters(2048)
    z = np.array([stats.norm.ppf(people[name].rank() / 2049) for name in ("capacity", "slots")])
    sd = np.sqrt(np.diag(together.covariance))
    assert np.corrcoef(z)[0, 1] == pytest.approx(together.covariance[0, 1] / sd[0] / sd[1], abs=0.05)
    assert population.capacity.mean == pytest.approx(together.estimates["capacity"].mean(), rel=0.1)
    assert (folder / "figures" / "tune.png").is_file()
    assert together.observer(3).slots == together.estimates.query("person == 3")["slots"].item()
    with pytest.raises(InputError, match="person must be one of those fitted, got 99"):
        together.observer(99)


def test_the_figure_shows_the_data_and_the_fit(together, twelve):
    ax = together.plot().axes[0]
    whole = twelve[0].query("distractors == 0 and targets == 6")
    mean = whole.groupby("exposure")["score"].mean()
    stars = [line for line in ax.get_lines() if line.get_marker() == "*"]
    assert any(
        len(line.get_ydata()) == 6 and np.allclose(line.get_ydata(), mean.to_numpy()) for line in stars
    )
    fitted = next(line for line in ax.get_lines() if line.get_label() == "6 targets")
    assert fitted.get_ydata() == pytest.approx(mean.to_numpy(), abs=0.25)


def test_parameters_that_trade_off_are_named():
    """One exposure alone: rate and threshold cannot be told apart."""
    frame = run(paradigms.get("whole_report")(exposures=(0.06,)), arms="human", people=5, trials=60).frame
    notes = " ".join(tune.fit("whole_report", frame).notes)
    assert "one exposure alone cannot tell the rate from the threshold" in notes


def test_criteria_count_what_is_free(together, twelve):
    assert together.free == 4 + 10
    assert together.aic == pytest.approx(28 - 2 * together.loglik)
    assert together.bic == pytest.approx(14 * math.log(len(twelve[0])) - 2 * together.loglik)


def test_a_run_is_fitted_as_it_is():
    trials = run("whole_report", people=2, trials=20)  # arms human and softmax: the human one is taken
    found = tune.fit("whole_report", trials, params=("capacity", "slots"), pool=False)
    assert found.params == ("capacity", "slots")
    assert found.data.trials.tolist() == [160, 160]


# --- bad data ---


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.drop(columns="score"), "the data need a column 'score'; they have"),
        (lambda f: f.iloc[:0], "the data hold no trial"),
        (lambda f: f.assign(score=f["score"].astype(object).where(f.index != 3, "six")), "in every trial, got 'six'"),
        (lambda f: f.assign(score=f["score"].where(f.index != 3)), "score is missing in 1 of"),
        (lambda f: f.assign(score=f["score"] - 10), "score must be a whole number from 0 to the targets shown"),
        (lambda f: f.assign(score=f["score"] + 0.5), "score must be a whole number from 0 to the targets shown"),
        (lambda f: f.assign(targets=f["targets"] + 0.5), "targets must be a whole number from 1 to 64, got 6.5 for"),
        (lambda f: f.assign(distractors=-1), "distractors must be a whole number from 0 to 64, got -1 for person"),
        (lambda f: f.assign(score=7), "score must be a whole number from 0 to the targets shown, got 7 of 6"),
        (lambda f: f.assign(exposure=-f["exposure"]), "exposure must be > 0 s, got -0.2"),
        (lambda f: f.assign(exposure=1000 * f["exposure"]), "exposure must be in seconds, and brief: got 200"),
        (lambda f: f.assign(exposure=np.inf), "exposure must be finite in every trial"),
    ],
)  # fmt: skip
def test_data_that_cannot_be_fitted(twelve, change, said):
    with pytest.raises(InputError, match=said):
        tune.fit("whole_report", change(twelve[0]))


def test_what_cannot_be_asked(twelve):
    frame = twelve[0]
    with pytest.raises(InputError, match="control_room cannot be fitted; what can be: ant, "):
        tune.fit("control_room", frame)
    with pytest.raises(InputError, match="parameter must be one of"):
        tune.fit("whole_report", frame, params=("capasity",))
    with pytest.raises(InputError, match="these data say nothing about alpha"):
        tune.fit("whole_report", frame.query("distractors == 0"), params=("alpha",))
    with pytest.raises(InputError, match="pool needs at least 4 people, got 1"):
        tune.fit("whole_report", frame.query("person == 0"), pool=True)


@pytest.mark.full
def test_odd_data_are_fitted_and_named(twelve):
    frame = twelve[0]
    nothing = frame.assign(score=frame["score"].where(frame["person"] != 2, 0))
    missing = nothing[(nothing["person"] != 4) | (nothing["exposure"] > 0.04)]
    few = pd.concat([missing[missing["person"] != 6], missing[missing["person"] == 6].iloc[-1:]])
    notes = " ".join(tune.fit("whole_report", few).notes)
    assert "1 person reported nothing in any trial (2)" in notes
    assert "lack a condition that others have (4" in notes
    assert "1 person has fewer than 30 trials (6)" in notes


def test_one_wrong_key_does_not_prove_a_fifth_slot():
    true = Observer(capacity=80.0, slots=3.0, threshold=0.008)
    frame = data(1, observer=true, whole=60, partial=1).query("targets == 6")
    odd = frame.assign(score=frame["score"].where(frame.index != frame.index[-1], 6))
    found = [tune.fit("whole_report", f, pool=False).estimates["slots"].item() for f in (frame, odd)]
    assert abs(found[1] - found[0]) < 0.1


def test_every_scale_goes_there_and_back():
    for name, scale in scales.SCALES.items():
        own = np.array(
            [scale.own(scale.mean - scale.sd / 2), scale.own(scale.mean), scale.own(scale.mean + scale.sd)]
        )
        assert scale.own(scale.latent(own)) == pytest.approx(own)
        spread = scale.spread(scale.mean, scale.sd)
        if spread.kind != "truncated":  # and nobody is beyond its ends
            middle = scale.own(scale.mean + scale.sd * stats.norm.ppf([0.3, 0.5, 0.7]))
            assert spread.at(np.array([0.3, 0.5, 0.7])) == pytest.approx(middle)
        if hasattr(Observer, name):  # else it is a task's, not a mind's
            assert Population.adults().with_spreads({name: spread}).spreads()[name] == spread


@pytest.mark.full
def test_a_population_is_all_that_was_fitted_and_said():
    """What adults share is not forgotten where these people were found to differ, nor what the fit was told."""
    mind = Observer(slow_loss=0.1, threshold=0.02)
    trials = run("simple_rt", "human", people=4, trials=1, seed=2)
    found = tune.fit("simple_rt", trials, ("speed", "speed_sd"), observer=mind).population()
    assert found.spreads()["speed_sd"].kind == "lognormal"
    assert 0.2 < found.spreads()["speed_sd"].mean < 1.0
    assert found.others["slow_loss"] == Spread("constant", 0.1)
    assert found.threshold == Spread("constant", 0.02)
    assert found.alpha == Population.adults().alpha


def test_the_scales_are_those_of_the_population():
    adults = Population.adults()
    for name, scale in scales.SCALES.items():
        given = getattr(adults, name, None)
        if given is None or given.kind == "constant":  # the same for everybody there
            continue
        spread = scale.spread(scale.mean, scale.sd)
        nobody = (
            given.kind == "censored" and given.low < given.mean - 5 * given.sd
        )  # a floor that nobody reaches
        assert ("censored" if nobody else spread.kind, spread.mean, spread.sd) == (
            given.kind,
            pytest.approx(given.mean),
            pytest.approx(given.sd),
        )
