"""The Gantt chart and the trace: both are made of the spans of the event record, which follow the mind's own rules."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cogattn import paradigms
from cogattn.errors import InputError
from cogattn.mind import events as record_of
from cogattn.observer import Observer
from cogattn.runs.experiment import events, run
from cogattn.view import gantt, plot

TASKS = {
    "prp": {"trials": 4},
    "nback": {"loads": (3,), "blocks": 1},
    "attentional_blink": {"lags": (2,), "trials": 6},
    "visual_search": {"displays": ("spatial_2v5",), "set_sizes": (6,), "trials": 3},
    "enumeration": {"dots": (7,), "trials": 3},
    "serial_recall": {"lengths": (6,), "trials": 3},
    "digit_span": {"lengths": (5,), "directions": ("reverse",), "trials": 3},
    "control_room": {"minutes": 1.0, "loads": (3,)},
    "simple_rt": {},
    "whole_report": {},
}


@pytest.fixture(scope="module")
def records():
    """One record of every kind of task."""
    out = {}
    for name, options in TASKS.items():
        kind = type(paradigms.get(name)())
        known = {k: v for k, v in options.items() if k in kind.__dataclass_fields__}
        done = run(kind(**known), ("human",), people=2, trials=1 if kind.sessions else 3, seed=2)
        out[name] = events(done, "human", 0, 1, 0)
    return out


@pytest.mark.parametrize("name", TASKS)
def test_an_item_takes_the_lowest_slot_that_nobody_holds(records, name):
    """The mind's rule (`mind._enter`): it would be broken if a span of the store ended too late or too early."""
    record = records[name]
    held = [s for s in record_of.spans(record) if s.what == "held"]
    encoded = record[record["kind"] == "encode"]
    assert len(held) == len(encoded)
    for row in encoded.itertuples():
        taken = {
            s.slot
            for s in held
            if s.start < row.time < s.stop or (s.start < row.time == s.stop and s.outcome == "open")
        }
        assert row.slot == min(set(range(len(taken) + 1)) - taken)


@pytest.mark.parametrize("name", TASKS)
def test_the_trace_is_as_the_format_demands(records, name):
    """Slices of a track follow each other or nest; ts and dur are microseconds; every track has a name."""
    record = records[name]
    rows = json.loads(record_of.trace_text(record), parse_constant=pytest.fail)["traceEvents"]
    named = {(r["pid"], r["tid"]) for r in rows if r["name"] == "thread_name"}
    slices = [r for r in rows if r["ph"] == "X"]
    last = record["time"].max() * 1e6
    assert slices
    tracks = {}
    for r in slices:
        assert 0 <= r["ts"] <= r["ts"] + r["dur"] <= last + 1e-3
        tracks.setdefault((r["pid"], r["tid"]), []).append((r["ts"], r["ts"] + r["dur"]))
    assert set(tracks) == named
    for own in tracks.values():
        stack = []
        for start, stop in sorted(own, key=lambda s: (s[0], -s[1])):
            while stack and stack[-1] <= start + 1e-3:
                stack.pop()
            assert not stack or stop <= stack[-1] + 1e-3
            stack.append(stop)
    away = sum(r["dur"] for r in slices if r["args"]["what"] == "away") / 1e6
    lapses = record[record["kind"].isin(["lapse", "return", "capture"])]
    assert (away > 0) == (lapses["kind"] == "lapse").any()


@pytest.mark.parametrize("name", TASKS)
def test_the_chart_has_the_tracks_of_the_trace_and_their_times(records, name):
    record = records[name]
    figure = gantt.figure(record)
    ax = figure.axes[-1]
    tracks = record_of.tracks(record)
    assert [t.get_text() for t in reversed(ax.get_yticklabels())] == [n for n, own in tracks.items() if own]
    unit = {"ms": 1e3, "s": 1.0, "min": 1 / 60}[ax.get_xlabel().split("[")[1][:-1]]
    drawn = sorted(
        path.vertices[:, 0].min() for c in ax.collections for path in c.get_paths() if len(path.vertices) > 3
    )
    wanted = sorted(s.start * unit for own in tracks.values() for s in own)
    assert drawn == pytest.approx(wanted, abs=1e-6)
    plot.close(figure)


def test_tasks_slots_stage_and_lapses_have_rows(records):
    rows = record_of.tracks(records["control_room"])
    for word in ("radio: attention", "central stage", "hand", "slot 1"):
        assert word in rows
    assert {"S1", "S2"} >= {s.element for s in record_of.tracks(records["prp"])["slot 1"]} > set()
    assert "looked at" in record_of.tracks(records["visual_search"])


def test_two_choices_share_one_stage():
    """The second choice is first in line from when the first has left: what it takes is a draw of its own."""
    done = run(
        paradigms.get("prp")(soas=(0.05,), trials=3), ("human",), people=1, observer=Observer(wandering=0.0)
    )
    record = events(done, "human", 0, 0, 0)
    first = [s for s in record_of.spans(record) if s.what == "first in line"]
    chosen = record[record["kind"] == "choose"]
    assert [s.stop for s in first] == pytest.approx(chosen["time"].tolist())
    by_element = {e: [s for s in first if s.element == e] for e in ("S1", "S2")}
    for one, two in zip(by_element["S1"], by_element["S2"], strict=True):
        assert two.start == pytest.approx(one.stop)


def test_a_window_looks_closer_and_a_wrong_one_is_refused(records):
    figure = gantt.figure(records["simple_rt"], 10, 40)
    assert figure.axes[-1].get_xlim() == pytest.approx((10, 40))
    plot.close(figure)
    for start, stop in ((40, 10), (1e6, None)):
        with pytest.raises(InputError, match="start and stop must cut"):
            gantt.figure(records["simple_rt"], start, stop)


def test_a_chart_of_several_trials_is_refused():
    done = run("partial_report", people=1, trials=2)
    with pytest.raises(InputError, match="one trial of one person"):
        gantt.figure(events(done, "human", 0))


def test_calls_are_shown_with_their_response_times(records):
    record = records["simple_rt"]
    figure = gantt.figure(record)
    shown = np.sort(figure.axes[0].get_lines()[0].get_ydata())
    call, answer = (record[record["kind"] == k]["time"].to_numpy() for k in ("call", "respond"))
    assert len(call) == len(answer)
    assert shown == pytest.approx(np.sort(1000 * (answer - call)))
    plot.close(figure)
