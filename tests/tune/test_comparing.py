"""The law that made the data is found, and the one that did not is not; what cannot be told apart is said to be so."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cogattn import cli, paradigms, run, tune
from cogattn.errors import InputError
from cogattn.observer import Observer
from cogattn.tune import law_comparison, likelihoods

EXPOSURES = (0.02, 0.04, 0.06, 0.09, 0.14, 0.2)
MIND = Observer(capacity=50.0, slots=3.4, threshold=0.01, alpha=0.5)


# --- the laws themselves ---


def test_the_linear_law_grows_with_time_to_the_limit():
    law = likelihoods.ReportLikelihood(race="linear", stray=0.0)
    frame = pd.DataFrame(
        {"person": 0, "exposure": [0.03, 0.05, 0.2], "targets": 6, "distractors": 0, "score": 0}
    )
    mean = law.expected(np.array([[50.0, 3.4, 0.01, 1.0]]), law.compact(frame))[0]
    assert mean == pytest.approx([1.0, 2.0, 3.4])


# --- which law made the data ---


def reported(kind, people=5, trials=40):
    """Whole report of minds that race, reallocating or not; or of the linear law, score by score."""
    whole = paradigms.get("whole_report")(exposures=EXPOSURES)
    who = {"arms": "human", "people": people, "trials": trials, "seed": 6}
    if kind != "linear, no race":
        mind = Observer(**{**MIND.to_dict(), "reallocate": kind == "reallocating race"})
        return run(whole, observer=mind, **who).frame
    frame = run(whole, observer=MIND, **who).frame
    law, chance = likelihoods.ReportLikelihood(race="linear", stray=0.0), np.random.default_rng(1)
    work = MIND.capacity * (frame["exposure"] - MIND.threshold)
    count = np.floor(np.minimum(work, 6)) + (chance.random(len(frame)) < work % 1)
    k = np.floor(MIND.slots) + (chance.random(len(frame)) < MIND.slots % 1)
    return frame.assign(score=np.minimum(count, k).clip(0, 6), law=law.race)


@pytest.mark.full
def test_each_law_of_report_wins_where_it_made_the_data():
    """A confusion table: made by (rows), best (columns)."""
    won = {
        kind: tune.compare_laws("whole_report", reported(kind), folds=3).best
        for kind in law_comparison.laws_of("whole_report")
    }
    assert won == {kind: kind for kind in won}


@pytest.mark.full
def test_a_bottleneck_and_sharing_are_told_apart():
    for share, law in ((1.0, "bottleneck"), (0.75, "sharing")):
        frame = run("prp", arms="human", people=4, seed=3, observer=Observer(central_share=share)).frame
        found = tune.compare_laws("prp", frame, folds=2)
        assert found.best == law
        assert found.table()["parameters"].tolist() == ([12, 16] if share == 1 else [16, 12])


@pytest.mark.full
def test_a_law_that_did_not_make_the_data_is_behind_by_more_than_its_error():
    found = tune.compare_laws(
        "whole_report", reported("reallocating race"), ("fixed race", "reallocating race")
    )
    last = found.table().iloc[1]
    assert last["law"] == "fixed race"
    assert last["behind"] > 3 * last["se"] > 0
    assert "reallocating race predicts hidden trials best" in found.findings()[0]


def test_hidden_trials_are_scored_by_what_is_known_without_them():
    """Report, one fold after the other by hand."""
    frame = reported("fixed race", people=1, trials=20)
    law = likelihoods.ReportLikelihood()
    data = law.compact(frame)
    parts = data.folds(4, seed=0)
    hidden = [data.counts - part.counts for part in parts]
    assert sum(hidden) == pytest.approx(data.counts)
    assert all(h.sum((0, 2)) == pytest.approx(5) for h in hidden)  # a quarter of 20 in every condition
    own = tune.compare_laws("whole_report", frame, ("fixed race", "linear, no race"), folds=4).people.iloc[0]
    total = 0.0
    for part, test in zip(parts, hidden, strict=True):
        rows = frame.iloc[:0].copy()
        for c, j in np.argwhere(part.counts[0]):
            one = {"person": 0, "exposure": data.exposure[c], "targets": 6, "distractors": 0, "score": j}
            rows = pd.concat([rows, pd.DataFrame([one] * int(part.counts[0, c, j]))])
        fitted = (
            tune.fit("whole_report", rows, pool=False)
            .estimates[["capacity", "slots", "threshold"]]
            .to_numpy()
        )
        theta = np.column_stack([fitted, [law.base()[3]]])
        total += law.loglik(theta, likelihoods.replace(data, counts=test), np.zeros(1, int))[0]
    assert own["score"] == pytest.approx(total, abs=0.05)


def test_trials_of_a_sitting_are_hidden_and_still_take_their_time():
    frame = run("change_detection", arms="human", people=2, seed=1).frame
    law = likelihoods.of("change_detection")
    data = law.compact(frame)
    parts = data.folds(3, seed=0)
    hidden = np.array([np.isinf(p.values[:, 2]) for p in parts])
    assert (hidden.sum(0) == 1).all()
    for p in parts:
        assert np.array_equal(p.work, data.work)
        assert np.isfinite(law.loglik(law.base()[None], p, np.zeros(1, int))).all()


# --- what comes of it ---


@pytest.mark.full
def test_a_comparison_is_shown_and_saved(tmp_path):
    found = tune.compare_laws("whole_report", reported("fixed race", people=4, trials=10), folds=2)
    assert found.table()["law"].iloc[0] == found.best
    assert found.table()["behind"].iloc[0] == 0
    left = found.plot().axes[0]
    assert [t.get_text() for t in left.get_yticklabels()] == found.table()["law"].tolist()
    dots = next(line for line in left.get_lines() if line.get_marker() == "." and line.get_xdata().any())
    assert len(dots.get_xdata()) == 4
    found.save(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} >= {"laws.csv", "laws_people.csv", "findings.txt", "figures"}


@pytest.mark.full
@pytest.mark.parametrize("flag", ["--compare-laws", "--between"])
def test_the_command_says_which_law_and_leaves_the_table(tmp_path, monkeypatch, capsys, flag):
    frame = reported("fixed race", people=2, trials=8)
    frame[["person", "exposure", "targets", "score"]].to_csv(tmp_path / "mine.csv", index=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        cli.main(["tune", "whole_report", "--data", "mine.csv", flag, "--out", "runs"])
    assert not stop.value.code
    said, told = capsys.readouterr()
    assert ("--between is now called --compare-laws" in told) == (flag == "--between")
    assert "predicts hidden trials best" in said
    (table,) = (tmp_path / "runs").rglob("laws.csv")
    assert pd.read_csv(table)["law"].iloc[0] in said


def test_what_cannot_be_compared():
    frame = reported("fixed race", people=1, trials=5)
    with pytest.raises(InputError, match="paradigm whose laws can be compared must be one of"):
        tune.compare_laws("nback", frame)
    with pytest.raises(
        InputError, match="at least two laws, of fixed race, reallocating race, linear, no race"
    ):
        tune.compare_laws("whole_report", frame, ("fixed race",))
    with pytest.raises(InputError, match=r"law must be one of fixed race, .* did you mean 'fixed race'"):
        tune.compare_laws("whole_report", frame, ("fixed rase", "linear, no race"))
