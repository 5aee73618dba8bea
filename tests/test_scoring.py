"""The scorecard: every band, one population; what has no paradigm stays empty."""

from __future__ import annotations

import pandas as pd
import pytest

import cogattn as ca
from cogattn import human
from cogattn.human import ledger
from cogattn.reports import scorecard as scoring
from cogattn.runs import workers


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A small card, kept in a folder."""
    return ca.scorecard(people=10, trials=10, out=tmp_path_factory.mktemp("card"))


@pytest.mark.full
def test_the_rows_are_those_of_the_targets(table):
    targets = human.targets()
    pd.testing.assert_frame_equal(table[targets.columns], targets, check_exact=True)
    assert [c for c in table.columns if c not in targets.columns] == [
        "model",
        "softmax",
        "inside",
        "softmax_inside",
    ]


@pytest.mark.full
def test_what_nobody_plays_is_missing_and_not_false(table):
    """(By now every band has a paradigm: take one away.)"""
    values = {("human", "PRP", "RT1 at 50 minus RT1 at 800 ms"): 0.0}
    assert table["inside"].notna().all()
    table = scoring.fill(human.targets(), values)
    empty = table[table["model"].isna()]
    assert len(empty) == 51
    assert table["inside"].notna().sum() == 1
    for column in ("inside", "softmax_inside"):
        assert empty[column].isna().all()
    assert empty["softmax"].isna().all()


@pytest.mark.full
def test_softmax_has_no_response_times(table):
    """Attention that takes no time: rows of response times stay empty, never false."""
    built = table[table["model"].notna() & (table["property"] == "fatigue")]
    timed = built["metric"].str.contains("RT|lapse|speed")
    assert timed.sum() == 10
    assert built.loc[timed, "softmax"].isna().all()
    assert built.loc[timed, "softmax_inside"].isna().all()
    assert built.loc[~timed, "softmax"].notna().all()


@pytest.mark.full
def test_softmax_reports_everything(table):
    built = table[table["phenomenon"].str.contains("report")]
    assert built["softmax"].tolist() == [6, 6, 6, 6, 2, 2]


@pytest.mark.full
def test_inside_means_within_the_band(table):
    built = table[table["model"].notna()]
    assert (built["inside"] == built["model"].between(built["low"], built["high"])).all()


@pytest.mark.full
def test_any_number_of_cores_gives_the_same_card(table, monkeypatch):
    """Of two paradigms, in other processes from the start; the other rows are then empty."""
    kept = [(name, trials) for name, trials in scoring._played(10) if name in ("partial_report", "prp")]
    monkeypatch.setattr(scoring, "_played", lambda trials: kept)
    monkeypatch.setattr(workers, "PATIENCE", 0.0)
    few = ca.scorecard(people=10, trials=10, n_jobs=2)
    own = few["model"].notna()
    assert own.sum() > 5
    pd.testing.assert_frame_equal(pd.DataFrame(few[own]), pd.DataFrame(table[own]), check_exact=True)


@pytest.mark.full
def test_the_card_is_saved_with_its_figure(table):
    folder = table.attrs["folder"]
    assert (folder / "figures" / "scorecard.png").stat().st_size > 10_000
    assert len(pd.read_csv(folder / "scorecard.csv")) == len(table)


@pytest.mark.slow
def test_the_card_says_which_limits_a_band_needs():
    table = ca.scorecard(people=60, trials=40, needs=True)
    needs = table.set_index(["phenomenon", "metric"])["needs"]
    assert needs["change detection", "accuracy 8 squares"] == "slots"
    assert needs["attentional blink", "lag 1 minus minimum (sparing)"] == "consolidation"
    assert needs["vigilance 30 min", "hits last minus first block"] == "fatigue"
    assert "central" in needs["PRP", "RT2 at 50 minus RT2 at 800 ms"]
    assert needs["PRP", "RT1 at 50 minus RT1 at 800 ms"] == "nothing"
    lifted = table.set_index("metric")["without slots"]
    assert lifted["letters reported at 200 ms"] > 4  # people: 3.2
    assert (table.loc[~table["inside"].astype(bool), "needs"] == "").all()
    assert "Bands that need each limit: " in str.join(" ", table.findings())
    assert table.plot().axes[0].texts


@pytest.mark.full
def test_the_figure_puts_each_value_where_it_lies_in_its_band(table):
    ax = table.plot().axes[0]
    marks = {line.get_label(): line.get_xdata() for line in ax.get_lines()}
    rows = table[table["inside"].notna()].iloc[::-1]
    place = (rows["model"] - (rows["low"] + rows["high"]) / 2) / ((rows["high"] - rows["low"]) / 2)
    assert list(marks["human limits"]) == pytest.approx(list(place.clip(-4, 4)))
    assert (abs(marks["people"]) <= 1).all()


@pytest.mark.full
def test_the_words_count_the_rows(table):
    text = str.join(" ", table.findings())
    assert "52 of 52" in text
    assert "0 rows are empty" in text
    inside = int(table["softmax_inside"].sum())
    assert f"softmax is inside {inside} of 29 that have a softmax value" in text
    assert f"softmax {inside} of 29 with a value" in table.plot().get_suptitle()
    assert "23 rows have no softmax value" in text
    assert ledger.sentence() in text


def test_inside_is_missing_where_there_is_no_value_or_no_band():
    values, low, high = (
        pd.Series(x) for x in ([1.0, 3.0, None, 1.0], [0.0, 0.0, 0.0, None], [2.0, 2.0, 2.0, None])
    )
    assert human.inside(values, low, high).tolist() == [True, False, pd.NA, pd.NA]
