"""Laws of trials in their order are those of the minds: what `run` plays is as likely as they say, and no other."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cogattn import paradigms, run, tune
from cogattn.errors import InputError
from cogattn.observer import Observer
from cogattn.population import Population
from cogattn.tune import likelihoods, scales, two_choices
from cogattn.tune.sessions import COURSE, SessionData, course, on_task

pytestmark = pytest.mark.full

KEEN = Observer(slots=3.3, wandering=1.5, slip=0.03)
ABSENT = Observer(slots=2.5, wandering=6.0, slip=0.05, capacity=12.0, threshold=0.02)


def played(paradigm, observer, people, seed=11):
    """Many sittings of one mind."""
    return run(paradigm, arms="human", people=people, trials=1, seed=seed, observer=observer).frame


def scores(law, frame, names, step=0.02):
    """(people, parameters) slope of the log-likelihood on the scales at the truth, and its curvature."""
    data = law.compact(frame)
    row = np.arange(len(data.people))
    at = scales.latent(law.params, law.base())
    values = []
    for name in names:
        for move in (-step, 0.0, step):
            x = at.copy()
            x[law.params.index(name)] += move
            theta = np.tile(scales.own(law.params, x), (len(row), 1))
            values.append(law.loglik(theta, data, row))
    low, mid, high = np.array(values).reshape(len(names), 3, -1).transpose(1, 0, 2)
    return ((high - low) / (2 * step)).T, -(high - 2 * mid + low).T / step**2


def is_the_law_of(law, frame, names):
    """Bartlett's identities: at the truth the slope is 0 on the average and varies as the curvature says (trials that
    hang together would break the second, if they were taken as independent)."""
    slope, curvature = scores(law, frame, names)
    z = slope.mean(0) / slope.std(0) * np.sqrt(len(slope))
    assert np.abs(z).max() < 4, dict(zip(names, z, strict=True))
    ratio = slope.var(0) / curvature.mean(0)
    assert ratio == pytest.approx(1, abs=0.15), dict(zip(names, ratio, strict=True))


# --- change detection ---


@pytest.mark.parametrize("mind", [KEEN, ABSENT])
def test_answers_in_change_detection_are_as_frequent_as_the_law_says(mind):
    """Chi-square over set size and change; runs of lapses make the sample as large as its people, not its trials."""
    frame = played("change_detection", mind, 1000)
    law = likelihoods.of("change_detection").given(mind)
    data = law.compact(frame)
    expected = law.expected(np.tile(law.base(), (len(data.people), 1)), data)
    seen = frame.pivot_table(
        index="person", columns=["set_size", "changed"], values="says_changed"
    ).to_numpy()
    gap = seen - expected
    z = np.nanmean(gap, 0) / np.nanstd(gap, 0) * np.sqrt((~np.isnan(gap)).sum(0))
    assert stats.chi2.sf((z**2).sum(), len(z)) > 0.001, z


@pytest.mark.parametrize("mind", [ABSENT, pytest.param(KEEN, marks=pytest.mark.slow)])
def test_the_likelihood_of_change_detection_is_that_of_the_minds(mind):
    law = likelihoods.of("change_detection").given(mind)
    names = (
        law.params[:5] if mind is ABSENT else law.params[:4]
    )  # half a second is enough for KEEN: nothing on its rate
    is_the_law_of(law, played("change_detection", mind, 1000), names)


def test_change_detection_finds_people():
    people, trials = 12, 150
    frame = run(paradigms.get("change_detection")(trials=trials), arms="human", people=people, seed=4).frame
    true = Population.adults().parameters(people, 4)
    found = tune.fit("change_detection", frame)
    assert found.params == ("slots", "wandering", "guess")
    assert np.corrcoef(found.estimates["slots"], true["slots"])[0, 1] > 0.9
    assert found.estimates["guess"].mean() == pytest.approx(0.5, abs=0.04)
    assert not hasattr(found.observer(), "guess")
    assert found.observer(3).slots == found.estimates.query("person == 3")["slots"].item()
    stars = [line for line in found.plot().axes[0].get_lines() if line.get_marker() == "*"]
    hits = (
        frame[frame["changed"]]
        .groupby(["set_size", "person"])["says_changed"]
        .mean()
        .groupby("set_size")
        .mean()
    )
    assert any(np.allclose(line.get_ydata(), hits.to_numpy()) for line in stars)


# --- simple responses ---

SLOW = Observer(speed=2.8, speed_sd=0.7, slow_loss=0.35, wandering=5.0, anticipation=0.02, fast_loss=0.1)


def test_the_likelihood_of_simple_responses_is_that_of_the_minds():
    """All seven parameters: alertness, lapses in runs, tempo, anticipations, all from the times themselves."""
    law = likelihoods.of("simple_rt").given(SLOW)
    is_the_law_of(law, played("simple_rt", SLOW, 400), law.params)


def test_response_times_have_the_density_that_the_law_says():
    """One sitting of two trials: the density over all pairs of times sums to 1, none by the deadline included."""
    law = likelihoods.of("simple_rt").given(SLOW)
    t = np.concatenate([np.linspace(0.0005, 0.1199, 60), np.linspace(0.1201, 1.9999, 700)])
    width = np.gradient(t)
    second = np.concatenate([t, [np.nan]])
    mass = np.concatenate([width, [1.0]])
    frame = pd.DataFrame({"person": np.repeat(np.arange(len(second)), 2), "onset": [2.0, 5.0] * len(second)})
    frame["rt"] = np.column_stack([np.full(len(second), 0.35), second]).ravel()
    data = law.compact(frame)
    both = law.loglik(np.tile(law.base(), (len(second), 1)), data, np.arange(len(second)))
    one = law.compact(frame.iloc[:1])
    first = law.loglik(law.base()[None], one, np.zeros(1, int))[0]
    assert (np.exp(both - first) * mass).sum() == pytest.approx(1, abs=2e-3)


@pytest.mark.slow
def test_simple_responses_find_people():
    adults = Population.adults().on_an_ordinary_day()
    frame = run("simple_rt", arms="human", people=40, seed=8, population=adults).frame
    true = adults.parameters(40, 8)
    found = tune.fit("simple_rt", frame)
    for name, least in (("speed", 0.9), ("wandering", 0.6)):
        own, real = (scales.SCALES[name].latent(v[name]) for v in (found.estimates, true))
        assert np.corrcoef(own, real)[0, 1] > least
        bounds = found.intervals[found.intervals["parameter"] == name]
        held = (bounds["low"].to_numpy() <= true[name]) & (true[name] <= bounds["high"].to_numpy())
        assert held.sum() >= 34  # of 40; fewer has a chance of 1 in 100 at 95 %
    assert found.estimates["speed_sd"].mean() == pytest.approx(0.514, rel=0.05)
    assert found.estimates["slow_loss"].mean() == pytest.approx(0.214, abs=0.05)


def test_late_and_missing_responses_are_none_and_said():
    frame = played("simple_rt", KEEN, 4)
    late = frame.assign(rt=frame["rt"].where(frame["trial"] != 7, 2.5))
    found = tune.fit("simple_rt", late, params=("speed",), pool=False)
    assert "4 responses after 2 s count as none" in found.notes
    gone = tune.fit(
        "simple_rt", frame.assign(rt=frame["rt"].where(frame["trial"] != 7)), params=("speed",), pool=False
    )
    assert gone.estimates["speed"].tolist() == found.estimates["speed"].tolist()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.assign(rt=-f["rt"]), "rt must be > 0 s .or missing: no response., got -"),
        (lambda f: f.assign(rt=1000 * f["rt"]), "rt must be in seconds: its median is 3"),
        (lambda f: f.assign(rt=np.nan), "the data hold no trial"),
        (lambda f: f.assign(rt="fast"), "rt must be a number in every trial, got 'fast'"),
    ],
)
def test_response_times_that_cannot_be_fitted(change, said):
    with pytest.raises(InputError, match=said):
        tune.fit("simple_rt", change(played("simple_rt", KEEN, 1)), pool=False)


# --- two choices ---

SHARING = Observer(speed=2.8, speed_sd=0.7, central_share=0.7, wandering=4.0, slots=1.4, capacity=25.0)


@pytest.mark.parametrize("mind", [SHARING, pytest.param(Observer(), marks=pytest.mark.slow)])
def test_the_likelihood_of_two_choices_is_that_of_the_minds(mind):
    """At a bottleneck share is at its end: nothing lies beyond, so no slope is asked for there."""
    law = likelihoods.of("prp").given(mind)
    held = {"central_share"} if mind.central_share == 1 else set()
    names = [n for n in law.params if n not in held and (n != "slots" or mind.slots < 2)]
    slope, curvature = scores(law, played("prp", mind, 100), names)
    # what is little known has a noisy curvature: both identities are held in standard errors
    for gap in (slope, slope**2 - curvature):
        z = gap.mean(0) / gap.std(0) * np.sqrt(len(gap))
        assert np.abs(z).max() < 4, dict(zip(names, z, strict=True))


def test_how_long_a_choice_takes_has_the_density_of_an_integral_over_rates():
    """`counted` against a plain sum over the rate, and its table against both: a fast, a varying, a slow person."""
    for speed, sd, lead in ((3.1, 0.5, 3.0), (2.8, 2.4, 4.3), (1.2, 0.2, 1.5), (6.0, 0.4, 12.5)):
        table, low = np.empty(two_choices._PLACES), math.floor(lead)
        two_choices._tabled(speed, sd, lead, table)
        z = np.linspace(-9, 9, 40001)
        rate, mass = np.maximum(speed + sd * z, 0.2 * speed), stats.norm.pdf(z) * (z[1] - z[0])
        for t in np.array([0.02, 0.1, 0.3, 1.0, 3.0]) * lead / speed:
            parts = [stats.gamma.pdf(t, r, scale=1 / (1.4 * rate)) @ mass for r in (low, low + 1)]
            true = (1 - lead + low) * parts[0] + (lead - low) * parts[1]
            assert two_choices.counted(t, 1.4, speed, sd, lead) == pytest.approx(true, rel=1e-4, abs=1e-9)
            assert two_choices._counts(t, 1.4, speed, sd, lead, table) == pytest.approx(
                true, rel=1e-4, abs=2e-5
            )


def test_the_likelihood_of_two_choices_has_no_grain():
    """A slope and a curvature do not hang on how fine the steps are. (Counts are whole, so at a whole threshold
    there is a bend: the mean of 3 and 2, or of 3 and 4.)"""
    mind = replace(SHARING, evidence_threshold=3.4)
    law = likelihoods.of("prp").given(mind)
    frame = played("prp", mind, 4)
    fine, coarse = (np.array(scores(law, frame, law.params, step)) for step in (0.004, 0.02))
    assert fine == pytest.approx(coarse, rel=0.1, abs=0.15)


@pytest.mark.parametrize("share", [1.0, 0.8, 0.5, math.inf])
def test_the_joint_density_of_two_choices_sums_to_one_and_has_the_means_of_the_stages(share):
    mind = replace(
        SHARING, central_share=min(share, 1.0), central=share if share == math.inf else 1.0, slots=3.0
    )
    law = likelihoods.of("prp").given(mind)
    grid = np.linspace(0.2, 2.9, 136)
    first, second = (a.ravel() for a in np.meshgrid(grid, grid, indexing="ij"))
    frame = pd.DataFrame(
        {"person": np.arange(len(first)), "soa": 0.15, "rt1": first, "rt2": second, "onset": 0.0}
    )
    data = law.compact(frame)
    p = np.exp(law.loglik(np.tile(law.base(), (len(first), 1)), data, np.arange(len(first)))) * 0.02**2
    assert p.sum() == pytest.approx(1, abs=0.005)
    expected = law.expected(law.base()[None], law.compact(frame.iloc[:1]))[0]
    assert [(p * first).sum(), (p * second).sum()] == pytest.approx(expected, rel=0.01)


def test_two_choices_tell_a_bottleneck_from_sharing():
    for share in (1.0, 0.7):
        found = tune.fit(
            "prp",
            played("prp", Observer(central_share=share), 1, seed=2),
            ("speed", "central_share"),
            pool=False,
        )
        bounds = found.intervals.set_index("parameter").loc["central_share"]
        assert bounds["low"] <= share <= bounds["high"]
        assert bounds["high"] - bounds["low"] < 0.15
    stars = [line for line in found.plot().axes[0].get_lines() if line.get_marker() == "*"]
    assert len(stars) == 2


def test_trials_without_both_answers_are_left_out_and_counted():
    frame = played("prp", Observer(), 4)
    found = tune.fit(
        "prp", frame.assign(rt2=frame["rt2"].where(frame["trial"] != 3)), params=("speed",), pool=False
    )
    assert "16 trials without both responses are left out" in found.notes


# --- the hidden course of attention ---


def test_attention_is_away_as_often_as_minds_are():
    mind = Observer(wandering=5.0)
    frame = played(paradigms.get("change_detection")(set_sizes=(5,), trials=200), mind, 500)
    own = np.array([float(getattr(mind, name)) for name in COURSE])
    part = frame.query("person == 0")
    data = SessionData.made(part, (), ("trial",), 1.0, 2.5)
    level, stay, back, on = (np.empty(len(part)) for _ in range(4))
    course(own, 0.5, data.rest, data.work, data.first, level, stay, back)
    on_task(stay, back, data.first, on)
    seen = frame.pivot_table(index="person", columns="trial", values="on_task").to_numpy()
    assert np.abs(seen.mean(0) - on).max() < 4.5 * np.sqrt(0.25 / 500)
    own_mean = seen.mean(1)
    assert abs(own_mean.mean() - on.mean()) < 4 * own_mean.std() / np.sqrt(500)
    both = (seen[:, :-1] * seen[:, 1:]).mean(0)  # on at two trials running: the chain, not its mean alone
    assert np.abs(both - on[:-1] * stay[1:]).max() < 4.5 * np.sqrt(0.25 / 500)
    assert level == pytest.approx(part["alertness"].to_numpy(), abs=1e-9)


def test_a_pause_and_a_new_sitting_are_found():
    onset = [2.0, 5.0, 8.0, 60.0, 63.0, 1.0, 4.0]
    frame = pd.DataFrame({"person": "a", "onset": onset, "x": 0.0})
    made = SessionData.made(frame, (), ("x",), 1.0, 1.0)
    assert made.first.tolist() == [True, False, False, False, False, True, False]
    assert made.rest == pytest.approx([0, 0, 0, 49, 0, 0, 0])
    assert made.work == pytest.approx([2, 3, 3, 3, 3, 1, 3])


def test_trials_in_no_order_are_refused():
    frame = played("change_detection", KEEN, 1).sample(frac=1.0, random_state=0)
    with pytest.raises(InputError, match="not in the order in which they came: sort them by onset"):
        tune.fit("change_detection", frame, pool=False)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.assign(set_size=0), "set_size must be a whole number from 1 to 64, got 0"),
        (lambda f: f.assign(says_changed=2), "says_changed must be 1 .yes. or 0 .no. in every trial, got 2"),
        (lambda f: f.drop(columns="changed"), "the data need a column 'changed'"),
        (lambda f: f.assign(onset="soon"), "onset must be a number in every trial, got 'soon'"),
    ],
)
def test_data_of_change_detection_that_cannot_be_fitted(change, said):
    with pytest.raises(InputError, match=said):
        tune.fit("change_detection", change(played("change_detection", KEEN, 1)), pool=False)


def test_without_onsets_it_says_how_trials_are_taken():
    frame = played("change_detection", KEEN, 4).drop(columns="onset")
    notes = " ".join(tune.fit("change_detection", frame, params=("slots",)).notes)
    assert "no onset: trials are taken to follow each other every 2.5 s in one sitting" in notes


@pytest.mark.slow
def test_what_adults_share_can_be_recovered_too():
    """All adults have one speed_sd; here they are given the spread that a fit expects."""
    found = tune.recover([("simple_rt", 1)], people=16, params=("speed", "speed_sd"), seed=5)
    table = found.table().set_index("parameter")
    assert found.people.query("parameter == 'speed_sd'")["true"].std() > 0.05
    assert (table["correlation"] > 0.9).all()
    with pytest.raises(InputError, match="guess is the task's own: people do not differ in it"):
        tune.recover([("change_detection", 10)], people=4, params=("slots", "guess"))
