"""A summary accounts the trials that each number is made of: neither one condition of several nor all of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import cogattn as ca
from cogattn import paradigms
from cogattn.paradigms import Metric
from cogattn.paradigms.capture import EXTRAS, SCENES
from cogattn.runs.trials import ACCOUNT


def summed(name, people=2, trials=4, **options):
    task = paradigms.get(name)(**options)
    usual = {"trials": trials} if hasattr(task, "trials") and "trials" not in options else {}
    done = ca.run(paradigms.get(name)(**options, **usual), "human", people=people)
    return done, done.summary().set_index("metric")


def test_a_number_over_all_soas_is_made_of_all_of_them():
    """Four numbers and four SOAs: they are no pairs."""
    done, table = summed("prp")
    assert len(table) == len(done.paradigm.conditions()) == 4
    assert set(table["arrived"]) == {2 * 4 * 4 * 2}  # two people, four trials of four SOAs, two choices each


def test_a_blink_of_four_lags_is_made_of_all_four():
    _, table = summed("attentional_blink", people=3, trials=40, lags=(1, 2, 3, 8))
    assert table["arrived"].tolist() == [960] * 4


def test_what_captures_is_accounted_scene_by_scene():
    done, table = summed("capture", trials=5)
    n, letters = 2 * 5, done.paradigm.letters
    assert table.loc["cost of a singleton [ms]", "arrived"] == 2 * n
    assert table.loc["cost if automatic [ms]", "arrived"] == 2 * n
    assert table.loc["letters lost", "arrived"] == 2 * n * letters
    assert table.loc["automatic face noticed", "arrived"] == n * letters
    assert table.loc["own name noticed", "arrived"] == n
    frame = done.frame
    own = frame[(frame["scene"] == SCENES["party"]) & (frame["extra"] == EXTRAS["name"])]
    assert table.loc["own name noticed", list(ACCOUNT)].tolist() == own[list(ACCOUNT)].sum().tolist()


def test_a_number_of_one_condition_is_made_of_it():
    done, table = summed("partial_report", trials=None)
    for d, own in done.frame.groupby("distractors"):
        row = table[table["condition"] == f"distractors={d}"].iloc[0]
        assert row[list(ACCOUNT)].tolist() == own[list(ACCOUNT)].sum().tolist()


def test_fifths_and_tenths_of_a_session_are_parts_of_it():
    done, table = summed("go_nogo", trials=100)
    frame = done.frame
    first = frame[(frame["block"] == frame["block"].min()) & frame["signal"]]
    assert 0 < table.loc["commission errors first fifth", "arrived"] == first["arrived"].sum()
    assert table.loc["RT after an error minus after a withhold", "arrived"] == frame["arrived"].sum()
    done, table = summed("digit_stream")
    assert table["arrived"].sum() == pytest.approx(done.frame["arrived"].sum() / 5, rel=0.02)


@pytest.mark.parametrize("wanted", [{"a": 1}, {"a": (1, 3)}, {"a": 1, "b": "x"}, {"c": 0.1}, {"d": True}])
def test_a_number_takes_the_rows_that_it_names(wanted):
    frame = pd.DataFrame(
        {
            "a": [1, 2, 3, 1],
            "b": ["x", "x", "y", "y"],
            "c": [0.1, 0.2, 0.3, 0.1 + 1e-12],
            "d": [True, False] * 2,
        }
    )
    expected = {"a": {1: [0, 3], (1, 3): [0, 2, 3]}, "c": {0.1: [0, 3]}, "d": {True: [0, 2]}}
    rows = [0] if len(wanted) > 1 else next(expected[k][v] for k, v in wanted.items())
    assert Metric("p", "m", "c", 0.0, 0.0, wanted).rows(frame).index.tolist() == rows


def test_a_number_may_say_of_every_row_whether_it_is_made_of_it():
    frame = pd.DataFrame({"a": np.arange(5)})
    odd = Metric("p", "m", "c", 0.0, 0.0, lambda f: f["a"] % 2 == 1)
    assert odd.rows(frame)["a"].tolist() == [1, 3]
    assert odd._replace(of=None).rows(frame) is frame
