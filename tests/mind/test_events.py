"""The event record: its columns, its way to disk and back, and the trace that a browser opens."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from cogattn.errors import InputError
from cogattn.mind import cohort, events, world
from cogattn.observer import Observer
from cogattn.world.stream import Change, Stimulus, Task, TaskStream

STREAM = TaskStream(
    (
        Stimulus("A", 0.0, mask=0.3, task="eye"),
        Stimulus("B", 0.0, offset=0.1, task="eye"),
        Stimulus("C", 0.05, task="ear", distractor=True),
        Stimulus("D", 0.2, mask=0.21, task="ear"),
        Stimulus("E", 0.2, task="ear"),
    ),
    end=0.5,
    changes=(Change(0.1, "C", 0.0), Change(0.2, "C", 2.0)),
    tasks=(Task("eye"), Task("ear", 2.0)),
)
OBSERVER = Observer(capacity=30.0, slots=2.0)


@pytest.fixture(scope="module")
def record():
    """40 trials of two persons."""
    return cohort.play(
        STREAM, [OBSERVER] * 2, person=np.repeat([0, 1], 20), trial=np.tile(range(20), 2), record=True
    ).events


def forgetful():
    """A world in which a slot changes hands."""
    import simpy

    env = simpy.Environment()
    mind = world.Mind(env, Observer(capacity=50.0, slots=1.0))

    def life():
        mind.show("A")
        yield mind.encoded("A")
        yield env.timeout(0.1)
        mind.forget("A")
        mind.show("B")

    env.process(life())
    env.run(1.0)
    return mind.events


# --- the record --------------------------------------------------------------------------------------------


def test_the_record_has_its_columns(record):
    assert tuple(record.columns) == events.COLUMNS
    assert record.dtypes.astype(str).to_dict() == {
        "person": "int32", "trial": "int32", "time": "float64", "kind": "category", "element": "category",
        "task": "category", "slot": "int16",
    }  # fmt: skip


def test_both_drivers_write_the_same_kind_of_record(record):
    slow = world.play(STREAM, OBSERVER, person=1, trial=3).events
    fast = record.query("person == 1 and trial == 3").reset_index(drop=True)
    assert slow.dtypes.map(str).equals(fast.dtypes.map(str))
    pd.testing.assert_frame_equal(slow, fast, check_categorical=False)


def test_time_never_runs_back_within_a_trial(record):
    for _, own in record.groupby(["person", "trial"]):
        assert (np.diff(own.time) >= 0).all()
        assert own.kind.iloc[-1] == "end"


def test_only_entries_have_a_slot(record):
    assert (record.slot[record.kind != "encode"] == -1).all()
    assert set(record.slot[record.kind == "encode"]) == {0, 1}


def test_every_element_belongs_to_its_task(record):
    tasks = {s.name: s.task for s in STREAM.stimuli} | {"": ""}
    assert [tasks[e] for e in record.element] == record.task.tolist()


def test_the_end_is_nobodys(record):
    assert (record.element[record.kind == "end"] == "").all()
    assert (record.element[record.kind != "end"] != "").all()


def test_parquet_brings_the_record_back(record, tmp_path):
    record.to_parquet(tmp_path / "events.parquet")
    back = pd.read_parquet(tmp_path / "events.parquet")
    pd.testing.assert_frame_equal(back, record)
    assert events.check(back) is back


def test_what_is_no_record_is_refused(record):
    with pytest.raises(InputError, match=r"x\.parquet has no column 'slot'"):
        events.check(record.drop(columns="slot"), "x.parquet")
    with pytest.raises(InputError, match="holds no event"):
        events.chrome_trace(record.iloc[:0])


# --- the trace ---------------------------------------------------------------------------------------------


def rows(trace, ph, pid=None):
    return [r for r in trace["traceEvents"] if r["ph"] == ph and pid in (None, r["pid"])]


def test_the_trace_is_json_that_a_viewer_reads(record):
    trace = json.loads(events.trace_text(record), parse_constant=pytest.fail)  # no NaN, no Infinity
    assert {r["ph"] for r in trace["traceEvents"]} == {"X", "M", "C"}
    for r in trace["traceEvents"]:
        assert {"name", "ph", "pid"} <= r.keys()
        if r["ph"] in "XC":
            assert 0 <= r["ts"] <= 0.5e6
        if r["ph"] == "X":
            assert r["dur"] >= 0


def test_there_is_one_process_per_trial(record):
    names = [r["args"]["name"] for r in rows(events.chrome_trace(record), "M") if r["name"] == "process_name"]
    assert names == [f"person {p}, trial {t}" for p in (0, 1) for t in range(20)]


def test_there_is_one_track_per_element_and_slot(record):
    trace = events.chrome_trace(record)
    for pid in range(1, 41):
        tracks = {r["tid"]: r["args"]["name"] for r in rows(trace, "M", pid) if r["name"] == "thread_name"}
        names = [n for t, n in tracks.items() if t < 1000]
        assert sorted(names) == ["ear: C", "ear: D", "ear: E", "eye: A", "eye: B"]
        assert {r["tid"] for r in rows(trace, "X", pid)} <= tracks.keys()
        assert {n for t, n in tracks.items() if t > 1000} <= {"slot 1", "slot 2"}


def test_slices_of_one_track_nest(record):
    for source in (record, forgetful()):
        trace = events.chrome_trace(source)
        tracks = {}
        for r in rows(trace, "X"):
            tracks.setdefault((r["pid"], r["tid"]), []).append((r["ts"], r["ts"] + r["dur"]))
        for slices in tracks.values():
            for i, (start, stop) in enumerate(slices):
                for other_start, other_stop in slices[i + 1 :]:
                    apart = other_start >= stop - 1e-6 or other_stop <= start + 1e-6
                    inside = start <= other_start + 1e-6 and other_stop <= stop + 1e-6
                    assert apart or inside


def test_times_are_in_microseconds():
    record = world.play(TaskStream((Stimulus("A", 0.1, mask=0.4),), 0.5), Observer(threshold=0.25)).events
    by_name = {r["name"]: r for r in rows(events.chrome_trace(record), "X")}
    assert (by_name["on display"]["ts"], by_name["on display"]["dur"]) == pytest.approx((1e5, 3e5))
    assert by_name["racing"]["ts"] == pytest.approx(3.5e5)
    assert by_name["racing"]["ts"] + by_name["racing"]["dur"] <= 4e5 + 1e-6


def test_the_trace_tells_how_each_race_ended(record):
    own = record.query("person == 0")
    outcomes = [r["args"]["outcome"] for r in rows(events.chrome_trace(own), "X") if r["name"] == "racing"]
    assert outcomes.count("stored") == (own.kind == "encode").sum()
    assert outcomes.count("store full") == (own.kind == "full").sum()
    assert set(outcomes) == {"stored", "store full", "lost"}


def test_a_slot_that_changes_hands_shows_both_holders():
    trace = events.chrome_trace(forgetful())
    held = [r for r in rows(trace, "X") if r["tid"] > 1000]
    assert [r["name"] for r in held] == ["A", "B"]
    assert held[0]["dur"] == pytest.approx(1e5)
    assert [r["args"]["taken"] for r in rows(trace, "C")] == [1, 0, 1]
