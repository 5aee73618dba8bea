"""Worlds for days: a mind's record keeps its last events or goes into files, and memory stays as it is."""

from __future__ import annotations

import tracemalloc
import warnings

import pandas as pd
import pytest
import simpy

from cogattn.errors import InputError
from cogattn.mind import events
from cogattn.mind.world import Mind
from cogattn.observer import Observer
from cogattn.world.stream import Task

HOUR = 3600.0


def working(mind, env, pause=1.0):
    """Something is shown and masked every second, a new trial every ten; breaks, as at work."""
    trial = 0
    while True:
        mind.work(1.0 if trial % 60 else 0.0)
        for i in range(10):
            mind.show(f"{trial}.{i}", distractor=bool(i % 2))
            yield env.timeout(0.2 * pause)
            mind.mask(f"{trial}.{i}")
            yield env.timeout(0.8 * pause)
        trial += 1
        mind.fresh(trial)


def begun(**how):
    env = simpy.Environment()
    mind = Mind(env, Observer(), seed=3, **how)
    env.process(working(mind, env))
    return env, mind


def taken(env, hours):
    """Bytes of memory at the end of each of these hours of the world."""
    tracemalloc.start()
    try:
        out = []
        for hour in hours:
            env.run(until=hour * HOUR)
            out.append(tracemalloc.get_traced_memory()[0])
        return out
    finally:
        tracemalloc.stop()


def test_an_open_world_takes_no_more_memory_from_hour_to_hour():
    """Before, 430 bytes a second: 1.5 MB an hour, whatever was forgotten by `fresh`."""
    env, _ = begun(keep=2000)
    first, *_, last = taken(env, (0.1, 0.2, 0.35))
    assert last - first < 60_000


def test_the_record_goes_back_so_far_and_says_what_is_gone():
    env, mind = begun(keep=1000)
    env.run(until=1000)
    _, whole = begun(keep=None)
    whole.env.run(until=1000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        everything = whole.events
    with pytest.warns(
        UserWarning, match=r"the record holds the last [\d,]+ events, [\d,]+ before them are gone"
    ):
        last = mind.events
    assert 1000 <= len(last) < len(everything)
    assert mind.stored == whole.stored
    for column in events.COLUMNS:
        assert last[column].astype(str).tolist() == everything[column].astype(str).tolist()[-len(last) :]


def test_a_folder_keeps_all_of_it_in_files(tmp_path, monkeypatch):
    monkeypatch.setattr(events, "_FLUSH", 700)
    monkeypatch.setattr(events.EventLog.flush, "__defaults__", (700,))
    env, mind = begun(record=tmp_path / "log")
    env.run(until=500)
    _, whole = begun(keep=None)
    whole.env.run(until=500)
    pd.testing.assert_frame_equal(mind.events.astype(str), whole.events.astype(str))
    assert mind.events.dtypes.astype(str).tolist() == whole.events.dtypes.astype(str).tolist()
    assert len(list((tmp_path / "log").iterdir())) >= 2
    assert len(mind._log) < 1500
    mind.close()
    names = sorted((tmp_path / "log").glob("events-*.parquet"))
    kept = pd.concat([pd.read_parquet(p) for p in names])
    assert len(kept) == len(whole.events)
    pd.testing.assert_frame_equal(mind.events.astype(str), whole.events.astype(str))
    with pytest.raises(InputError, match="holds an event record already"):
        Mind(simpy.Environment(), record=tmp_path / "log")


def test_a_trial_that_never_ends_is_cut_too(monkeypatch):
    monkeypatch.setattr("cogattn.mind.simpy_mind._CUT", 50)
    env = simpy.Environment()
    mind, all_of_it = (
        Mind(env, Observer(), keep=k, tasks=(Task("watch", monotony=1.0),)) for k in (200, None)
    )

    def shift():
        while True:
            for one in (mind, all_of_it):
                one.work(1.0)
                one.capture()
            yield env.timeout(1.0)

    env.process(shift())
    env.run(until=500)
    assert 200 <= len(mind._log) <= 260
    assert len(all_of_it._log) > 1000
    with pytest.warns(UserWarning, match="gone"):
        times = mind.events["time"].tolist()
    assert times == all_of_it.events["time"].tolist()[-len(times) :]


def test_keep_is_checked():
    for wrong in (0, -1, 1.5, True):
        with pytest.raises(InputError, match="keep"):
            Mind(simpy.Environment(), keep=wrong)


@pytest.mark.slow
def test_a_week_takes_no_more_memory_than_a_day():
    env, mind = begun()
    day, *_, week = taken(env, (24, 72, 168))
    assert week - day < 1_000_000
    assert len(mind._log) < 1.01 * events.KEPT
