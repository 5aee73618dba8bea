"""The counters of the vigilance session (arousal vigilance): which events they are, what they cost, and how they are
scored."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from doors import refused

from cogattn import human, paradigms
from cogattn.paradigms.vigilance import Vigilance, by_block
from cogattn.runs.experiment import run

SCRIPT = Path(__file__).parents[1] / "simulations" / "where_do_the_fatigue_numbers_come_from.py"


@pytest.fixture(scope="module")
def usual():
    return run("vigilance", ("human", "softmax"), people=40, seed=2).frame


@pytest.mark.parametrize(("options", "word"), [({"counters": 1.5}, "counters"), ({"notice": -0.1}, "notice")])
def test_a_wrong_option_is_refused(options, word):
    refused(lambda: paradigms.get("vigilance")(**options), word)


def test_sixteen_of_eighty_events_at_random_and_none_that_is_decided_on(usual):
    assert not (usual["counter"] & usual["decide"]).any()
    by = usual.groupby(["arm", "person", "block"])["counter"]
    assert set(by.sum()) == {16}
    assert set(by.size()) == {80}
    arms = [own["counter"].to_numpy() for _, own in usual.groupby("arm")]
    np.testing.assert_array_equal(*arms)
    human_ = usual[usual["arm"] == "human"]
    at = human_[~human_["decide"]].groupby("trial")["counter"].mean()  # 16 of 46, at every place
    assert at.std() < 0.2
    assert not human_.groupby("trial")["counter"].nunique().eq(1).all()
    few = run(Vigilance(signals=0.5, foils=0.5), arms="human", people=2, seed=0).frame
    assert not few["counter"].any()


def test_a_counter_takes_a_simple_response_and_the_time_to_see_it():
    slow, fast = (
        run(Vigilance(blocks=2, notice=s), arms="human", people=10, seed=1).frame for s in (0.157, 0.0)
    )
    there = slow["rt"].notna()
    assert (there == fast["rt"].notna()).all()
    np.testing.assert_allclose(
        (slow["rt"] - fast["rt"])[there], 0.157 * slow.loc[there, "counter"], atol=1e-12
    )
    assert slow.loc[slow["counter"], "rt"].notna().mean() > 0.95


def test_hits_and_false_alarms_do_not_know_of_counters(usual):
    """Whatever counters cost and however many there are."""
    other = run(Vigilance(counters=0.0, notice=0.5), ("human", "softmax"), people=40, seed=2).frame
    for column in ("responded", "correct", "signal", "onset", "alertness", "decide"):
        np.testing.assert_array_equal(usual[column], other[column])


def test_times_and_lapses_by_hand():
    """Right responses at 500 and 700 ms, a false start at 200, one never: mean 600, sd 141.4, lapses 2 of 4."""
    counters = pd.DataFrame({"rt": [0.5, 0.7, 0.2, np.nan], "correct": [True, True, False, False]})
    counters = counters.assign(missed=[0, 0, 0, 1], counter=True, decide=False, signal=False, responded=True)
    told = pd.DataFrame({"rt": 0.6, "correct": True, "missed": 0, "signal": [True, False]})
    told = told.assign(counter=False, decide=True, responded=[True, False])
    frame = pd.concat([counters, told], ignore_index=True).assign(person=0, block=0)
    found = by_block(frame)
    assert found["RT"].loc[0, 0] == pytest.approx(600)
    assert found["RT sd within a person"].loc[0, 0] == pytest.approx(200 / np.sqrt(2))
    assert found["lapses over 600 ms"].loc[0, 0] == 0.5
    assert found["hits"].loc[0, 0] == 1


def test_counters_slow_down_and_lapses_rise_with_time_and_softmax_has_neither(usual):
    many = run("vigilance", "human", people=200, seed=0).frame
    found = {name: table.mean() for name, table in by_block(many).items()}
    assert found["RT"][5] - found["RT"][0] > 6  # people 28
    assert found["lapses over 600 ms"][5] - found["lapses over 600 ms"][0] > 0.015  # people .095
    soft = by_block(usual[usual["arm"] == "softmax"])
    assert soft["RT"].isna().all(axis=None)
    assert (soft["lapses over 600 ms"] == 0).all(axis=None)


def test_the_time_to_see_a_counter_is_that_of_the_first_block_alone(monkeypatch):
    spec = spec_from_file_location("fatigue_numbers", SCRIPT)
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    found = module.notice(1030, 0)
    assert found == pytest.approx(Vigilance.notice, abs=5e-4)  # to the digit that is in use
    table = human.fit("vigilance_by_block")
    later = table.assign(AV_meanRT=table["AV_meanRT"].where(table["block"] == 1, 3 * table["AV_meanRT"]))
    monkeypatch.setattr(module.human, "fit", lambda name: later)
    assert module.notice(1030, 0) == found
