"""A simulated likelihood finds what made the data, says that it is not exact, and where it is weak."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cogattn import paradigms, run, tune
from cogattn.errors import InputError
from cogattn.observer import Observer
from cogattn.tune import likelihoods, scales

pytestmark = pytest.mark.full


def spread(params, people, seed=3):
    """Parameters of so many people (people, params), as adults vary."""
    z = np.random.default_rng(seed).standard_normal((people, len(params)))
    middle, sd = (np.array([getattr(scales.SCALES[p], word) for p in params]) for word in ("mean", "sd"))
    return scales.own(params, middle + sd * np.clip(z, -2.2, 2.2))


def played(task, params, values):
    """Everybody's session."""
    parts = []
    for i, own in enumerate(values):
        mind = replace(Observer(), **dict(zip(params, map(float, own), strict=True)))
        parts.append(run(task, arms="human", people=1, seed=100 + i, observer=mind).frame.assign(person=i))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def watched():
    values = spread(("criterion",), 8)
    frame = played("vigilance", ("criterion",), values)
    return frame, values[:, 0], tune.fit("vigilance", frame)


def test_the_criterion_of_a_watch_is_found(watched):
    _, true, found = watched
    assert found.params == ("criterion",)
    own = found.estimates["criterion"].to_numpy()
    assert np.corrcoef(own, true)[0, 1] > 0.9
    held = (found.intervals["low"] <= true) & (true <= found.intervals["high"])
    assert held.sum() >= 6  # of 8; fewer has a chance of 6 in 1000 at 95 %
    assert any(note.startswith("simulated, not exact: 12 means of vigilance") for note in found.notes)


def test_the_same_seed_gives_the_same_numbers_on_one_core_and_two(watched):
    frame, _, found = watched
    again = tune.fit("vigilance", frame, n_jobs=2)
    pd.testing.assert_frame_equal(again.estimates, found.estimates, check_exact=True)


def test_statistics_of_minds_are_as_normal_as_the_likelihood_says(watched):
    """At the truth the distance of 300 minds' statistics is chi-square with as many degrees as there are statistics.

    The splines know the means to a tenth of a mind's noise, and add that to it: a sample of 300 finds no more.
    """
    law, mind = watched[2].law, Observer(criterion=1.0)
    data = law.compact(run("vigilance", arms="human", people=300, seed=77, observer=mind).frame)
    theta = np.tile(law.theta(np.array([[1.0]]), ("criterion",)), (300, 1))
    mean, sd = law.splines.at(np.full((300, 1), 1.0))
    z = (data.values - mean) / sd
    distance = (z * np.linalg.solve(law.splines.correlation, z.T).T).sum(1)
    assert distance.mean() == pytest.approx(12, abs=1.5)
    assert np.abs(z.mean(0)).max() < 0.35  # what the splines miss, and the error of 300 minds
    expected = stats.multivariate_normal.logpdf(z[0], cov=law.splines.correlation) - np.log(sd[0]).sum()
    assert law.loglik(theta[:1], data, np.zeros(1, int))[0] == pytest.approx(expected)
    part = replace(data, values=np.where(np.arange(12) < 9, data.values, np.nan))  # who lacks a condition
    expected = (
        stats.multivariate_normal.logpdf(z[0, :9], cov=law.splines.correlation[:9, :9])
        - np.log(sd[0, :9]).sum()
    )
    assert law.loglik(theta[:1], part, np.zeros(1, int))[0] == pytest.approx(expected)


def test_the_figure_shows_the_shares_of_people_and_of_the_fit(watched):
    frame, _, found = watched
    stars = [line for line in found.plot().axes[0].get_lines() if line.get_marker() == "*"]
    hits = frame[frame["signal"]].groupby(["block", "person"])["responded"].mean().groupby("block").mean()
    assert any(np.allclose(line.get_ydata(), hits, atol=0.03) for line in stars)  # back from another scale


def test_every_paradigm_has_a_likelihood_and_every_column_it_asks_for():
    for name in likelihoods.fitted():
        law = likelihoods.of(name)
        if law.exact:
            continue
        task = paradigms.get(name)()
        frame = run(task, arms="human", people=1, trials=1).frame
        assert set(law.columns) <= set(frame.columns), name
        means = law.compact(frame)
        assert np.isfinite(means.values).any(), name
        if paradigms.get(name).usual_params:
            assert set(law.usual(means)) <= set(law.params)


def test_some_parameters_are_named_wherever_they_have_to_be_chosen():
    for name in likelihoods.fitted():
        law = likelihoods.of(name)
        some = law.to_choose()
        assert bool(some) == (not law.exact and not paradigms.get(name).usual_params), name
        assert set(some) <= set(law.params), name


def test_what_cannot_be_asked(watched):
    frame = watched[0]
    with pytest.raises(InputError, match=r"vigilance as it is given has no condition .* block = 6"):
        tune.fit("vigilance", frame.assign(block=frame["block"] + 1))
    with pytest.raises(InputError, match="at most 4 parameters can be fitted by simulation"):
        tune.fit(
            "vigilance", frame, ("criterion", "criterion_shift", "wandering", "memory_loss", "lapse_duration")
        )
    with pytest.raises(
        InputError,
        match=r"parameters of breaks are to be fitted, at most 4: --params speed,hand \(in Python params=",
    ):
        tune.fit("breaks", run("breaks", arms="human", people=1).frame)
    with pytest.raises(InputError, match="has to be simulated first"):
        likelihoods.of("vigilance").loglik(np.zeros((1, 1)), None, np.zeros(1, int))
    flanker = run("flanker", arms="human", people=1).frame
    with pytest.raises(InputError, match="rt must be in seconds"):
        tune.fit("flanker", flanker.assign(rt=1000 * flanker["rt"]))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("attentional_blink", ("dwell", "sparing_window")),
        ("flanker", ("speed", "evidence_threshold", "hand")),
        ("visual_search", ("search_group", "quit_growth")),
    ],
)
def test_people_are_found_as_well_as_their_intervals_promise(name, params):
    """Estimates correlate with the truth as errors of the size of their own intervals allow, less what 24 people
    scatter; and the intervals hold the truth."""
    values = spread(params, 24)
    found = tune.fit(name, played(name, params, values), params)
    for i, param in enumerate(params):
        scale = scales.SCALES[param]
        bounds = found.intervals[found.intervals["parameter"] == param]
        low, high = (bounds[end].to_numpy() for end in ("low", "high"))
        own, true = scale.latent(found.estimates[param]), scale.latent(values[:, i])
        error = (scale.latent(high) - scale.latent(low)) / (2 * stats.norm.ppf(0.975))
        promised = (1 + (error**2).mean() / true.var()) ** -0.5
        r = np.corrcoef(own, true)[0, 1]
        assert r > 0.6, param  # else nothing is learnt
        assert (np.arctanh(r) - np.arctanh(promised)) * np.sqrt(len(true) - 3) > -2.5, param
        held = (low <= values[:, i]) & (values[:, i] <= high)
        assert held.sum() >= 18, param  # of 24: a synthetic likelihood is not exact


# --- what the guide says ---


def test_the_guide_lists_the_laws_as_they_are():
    """Every row of the table of laws in docs/tune.md: exact or simulated, what is fitted, which columns."""
    guide = (Path(__file__).parents[2] / "docs" / "tune.md").read_text(encoding="utf-8")
    table = guide.split("## Which laws")[1].split("\n\n**")[0]
    rows = [line.strip("| ").split(" | ") for line in table.split("\n") if line[:2] == "| "]
    rows = [row for row in rows if len(row) == 4][1:]  # less the head
    named = [name for row in rows[:-1] for name in row[0].split(", ")]
    for row in rows[:-1]:
        for name in row[0].split(", "):
            law = likelihoods.of(name)
            assert row[1].split(":")[0] == ("exact" if law.exact else "simulated"), name
            assert row[3].split(", ") == [c for c in law.columns if c != "person"], name
            usual = paradigms.get(name).usual_params or None
            if law.exact:
                frame = pd.concat(
                    run(n, arms="human", people=1, trials=1).frame for n in (name, _beside(name))
                )
                usual = law.usual(law.compact(frame))
            assert row[2].split(", ") == [p for p in usual if p != "anticipation"], name
    assert set(named) >= {n for n in paradigms.names() if paradigms.get(n).usual_params}
    assert set(named) | {n for n in likelihoods.fitted() if not likelihoods.of(n).exact} == set(
        likelihoods.fitted()
    )


def _beside(name):
    """Report alone has two paradigms in one law: letters among distractors tell alpha."""
    return "partial_report" if name == "whole_report" else name
