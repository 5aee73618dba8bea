"""What an experiment measures, from trials written by hand: each number is worked out beside it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cogattn import paradigms
from cogattn.paradigms import digit_span, go_nogo, simple_rt

ONE = {"person": 0, "arm": "human"}


def rows(*trials, **same):
    """A table of these trials."""
    return pd.DataFrame(trials).assign(**ONE, **same)


def measured(name, frame, **options):
    """Metric: its value, and the trials that it belongs to."""
    found = paradigms.get(name)(**options).metrics(frame)
    return {m.metric: m.value for m in found}, {m.metric: m.of for m in found}


def test_stopping():
    """Going at 400 and 600 ms; of two tones at 200 ms one comes too late: the median goer would end at 500 ms."""
    go = [{"signal": False, "delay": np.nan, "rt": t, "correct": True, "responded": True} for t in (0.4, 0.6)]
    tone = [
        {"signal": True, "delay": d, "rt": t, "correct": np.isnan(t), "responded": not np.isnan(t)}
        for d, t in ((0.2, 0.45), (0.2, np.nan), (0.4, 0.55), (0.4, 0.65))
    ]
    value, of = measured("stop_signal", rows(*go, *tone, error=0.0), delays=(0.2, 0.4))
    assert value["going [ms]"] == pytest.approx(500)
    assert value["sd of going [ms]"] == pytest.approx(100 * np.sqrt(2))
    assert value["stopping [ms]"] == pytest.approx(300)
    assert value["responses that escape [ms]"] == pytest.approx(550)
    assert (value["escapes at 200 ms"], value["escapes at 400 ms"]) == (0.5, 1.0)
    assert of["escapes at 400 ms"] == {"delay": 0.4}


def test_load_is_searched_and_dilution_is_only_there():
    """A conflict costs 40 ms beside one letter, 30 where five are searched, 10 where five are only there."""
    cost = {(1, 1): 40, (0, 1): 40, (1, 5): 30, (0, 5): 10}
    slow = {(1, 1): 0, (0, 1): 0, (1, 5): 100, (0, 5): 20}
    trials = [
        {
            "load": load,
            "letters": n,
            "congruence": c,
            "rt": (500 + slow[load, n] + (c < 0) * cost[load, n]) / 1000,
        }
        for load, n in cost
        for c in (1, -1)
    ]
    value, of = measured("load_dilution", rows(*trials, correct=True, error=0.0), letters=(1, 5))
    assert value["low load [ms]"] == pytest.approx(40)
    assert value["high load [ms]"] == pytest.approx(30)
    assert value["dilution [ms]"] == pytest.approx(10)
    assert value["response, high load less low load [ms]"] == pytest.approx(100 + (30 - 40) / 2)
    assert of["high load [ms]"] == {"load": 1, "letters": 5}


def test_one_level_disturbs_the_other():
    """Large letters are told 50 ms sooner; small ones cost them 10 ms, and they cost small ones 30 ms."""
    base, cost = {1: 500, 0: 550}, {1: 10, 0: 30}
    trials = [
        {"level": d, "congruence": c, "rt": (base[d] + (c < 0) * cost[d]) / 1000}
        for d in (0, 1)
        for c in (1, -1)
    ]
    value, of = measured("global_local", rows(*trials, correct=True, error=0.0))
    assert value["global advantage [ms]"] == pytest.approx(50)
    assert value["local told, global disturbs [ms]"] == pytest.approx(30)
    assert value["asymmetry of interference [ms]"] == pytest.approx(20)
    assert of["local told, global disturbs [ms]"] == {"level": 0, "congruence": (-1, 1)}


def test_a_staircase_of_digits_says_who_meets_nine():
    """One of two people has every list right, the other none: half meet nine, and the spans are 9 and 7."""
    places = {f"p{i}": 1.0 for i in range(1, 10)}
    lists = [
        {"person": who, "length": n, "trial": i, "correct": who == 0} | places
        for who in (0, 1)
        for n in (8, 9)
        for i in range(2)
    ]
    frame = pd.DataFrame(lists).assign(arm="human", direction=1)
    value = {m.metric: m.value for m in digit_span.DigitSpan(lengths=(8, 9)).metrics(frame)}
    assert [v for k, v in value.items() if k.endswith("lists of 9 are met by")] == [0.5]
    assert [v for k, v in value.items() if k.endswith("span")] == [8.0]


def test_before_and_after_an_error_of_withholding():
    """Four of 300 ms before a commission, of 400 ms before a withhold; 500 and 420 ms after them."""
    rt = [0.3] * 4 + [0.25, 0.5, *[0.4] * 4, np.nan, 0.42]
    signal = [False] * 4 + [True, False] + [False] * 4 + [True, False]
    frame = pd.DataFrame({"rt": rt, "signal": signal, "trial": range(12), "responded": ~np.isnan(rt)})
    frame = frame.assign(**ONE, commission=frame["responded"].astype(float).where(frame["signal"]))
    found = go_nogo._around(frame).iloc[0]
    assert found["before error"] == pytest.approx(300)
    assert found["before"] == pytest.approx(400)
    assert found["before, error less withhold"] == pytest.approx(-100)
    assert found["after, error less withhold"] == pytest.approx(80)


def test_speed_falls_by_so_much_a_minute():
    minutes = np.arange(10.0)
    frame = pd.DataFrame({"person": 0, "minute": minutes, "speed": 3.0 - 0.25 * minutes})
    assert simple_rt._slopes(frame, "speed").tolist() == pytest.approx([-0.25])


def test_quantiles_of_responses_are_in_milliseconds():
    frame = pd.DataFrame({"person": 0, "rt": np.linspace(0.2, 0.4, 201)})
    found = simple_rt._quantiles(frame).iloc[0]
    assert found.to_numpy() == pytest.approx(200 + 200 * found.index.to_numpy(float))
