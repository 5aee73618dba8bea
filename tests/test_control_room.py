"""Four tasks at once: the reader of scenarios, what becomes of signals, and the exact tracking error."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
import records
from hypothesis import given, settings
from hypothesis import strategies as st

from cogattn import paradigms
from cogattn.errors import InputError
from cogattn.mind import cohort, world
from cogattn.mind.events import attended, chrome_trace
from cogattn.observer import Observer, limits_of
from cogattn.paradigms import control_room as room
from cogattn.paradigms import scenario
from cogattn.runs.experiment import events, run
from cogattn.view import gantt
from cogattn.view.plot import close
from cogattn.world.session import Session
from cogattn.world.stream import MOST_ELEMENTS

TINY = """# a comment
0:00:00;track;start

0:00:00;sysmon;start
0:00:00;communications;start
0:00:00;resman;start
0:00:01;sysmon;lights-1-failure;True
0:00:02;sysmon;scales-2-failure;down
0:00:03;communications;radioprompt;own
0:00:04;communications;radioprompt;other
0:00:05;resman;pump-3-state;failure
0:00:17;resman;pump-3-state;off
0:00:40;track;stop
0:00:40;sysmon;stop
0:00:40;communications;stop
0:00:40;resman;stop
"""


# --- the reader ----------------------------------------------------------------------------------------------


def signals(text):
    return [(s.name, s.task, s.onset, s.until) for s in scenario.parse(text).signals]


def test_every_kind_of_line_becomes_what_it_says():
    assert signals(TINY) == [
        ("lights-1.1", "monitoring", 1.0, 11.0),
        ("scales-2.1", "monitoring", 2.0, 12.0),
        ("own.1", "radio", 3.0, 28.0),
        ("other.1", "chatter", 4.0, 29.0),
        ("pump-3.1", "pumps", 5.0, 17.0),  # restored before its 30 s
    ]
    stream = scenario.parse(TINY).stream()
    assert (stream.end, stream.focused, len(stream.tasks)) == (40.0, True, 5)
    track = stream.stimuli[0]
    assert (track.task, track.onset, track.mask, track.evidence) == ("tracking", 0.0, None, 0.0)
    assert [s.distractor for s in stream.stimuli] == [False, False, False, False, True, False]
    assert stream.stimuli[-1].mask == 17.0
    assert {t.name: t.deadline for t in stream.tasks}["radio"] == 25.0


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ("0:00:00;sysmon;alerttimeout;2500", [("lights-1.1", 5.0, 7.5)]),
        ("0:00:08;sysmon;stop", [("lights-1.1", 5.0, 8.0)]),
        ("0:00:08;sysmon;pause", [("lights-1.1", 5.0, 8.0)]),
        ("0:00:08;sysmon;automaticsolver;True", [("lights-1.1", 5.0, 8.0)]),
        ("0:00:04;sysmon;automaticsolver;True", []),
        ("0:00:04;sysmon;hide", []),
        ("0:00:03;sysmon;pause\n0:00:05;sysmon;resume", [("lights-1.1", 5.0, 15.0)]),
        ("0:00:06;sysmon;lights-1-failure;False", [("lights-1.1", 5.0, 15.0)]),
    ],
)
def test_a_signal_waits_as_long_as_its_task_is_there(lines, wanted):
    text = f"0:00:00;sysmon;start\n0:00:05;sysmon;lights-1-failure;True\n{lines}\n0:00:30;track;start"
    assert [(name, a, b) for name, _, a, b in signals(text)] == wanted


def test_tracking_comes_and_goes_with_its_task():
    solver = "0:00:10;track;automaticsolver;True\n0:00:20;track;automaticsolver;False"
    text = f"0:00:02;track;start\n{solver}\n0:00:30;track;stop"
    stream = scenario.parse(text).stream()
    assert [(s.onset, s.mask) for s in stream.stimuli] == [(2.0, 10.0), (20.0, None)]
    assert [(s.onset, s.mask) for s in scenario.parse(text).stream(25).stimuli] == [(2.0, 10.0), (20.0, None)]
    assert scenario.parse(text).stream(25).end == 25


def test_what_is_not_understood_is_kept_and_listed():
    other = [
        "0:00:00;labstreaminglayer;start",
        "0:00:00;sysmon;lights-1-name;F5",
        "0:00:01;resman;tank-a-level;100",
    ]
    early = "0:00:01;communications;radioprompt;own"  # nobody is there to hear it
    found = scenario.parse("\n".join([*other, early, "0:00:02;track;start", "0:01:00;track;stop"]))
    assert set(found.ignored) == {*other, early}
    assert all(line in str(found) for line in other)


def test_scenarios_come_back_from_their_file(tmp_path):
    for level in scenario.LEVELS:
        one = scenario.shipped(level)
        scenario.write(one, tmp_path / "x.txt")
        again = scenario.read(tmp_path / "x.txt")
        assert (again.lines, again.signals, again.stream()) == (one.lines, one.signals, one.stream())
        assert one.ignored == ()
    (tmp_path / "dos.txt").write_bytes(b"\xef\xbb\xbf" + TINY.replace("\n", "\r\n").encode())
    assert scenario.read(tmp_path / "dos.txt").lines == scenario.parse(TINY).lines


def test_load_is_the_number_of_events_a_minute():
    per_minute = [len(scenario.shipped(level).signals) / 4 for level in scenario.LEVELS]
    assert per_minute == [5, 10, 20]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0:00:01", ["H:MM:SS;plugin;command"]),
        ("0:00:01;sysmon", ["H:MM:SS;plugin;command"]),
        ("0:00:01;sysmon;;", ["H:MM:SS;plugin;command"]),
        ("0:00:01;sysmon;lights-1-failure;True;now", ["H:MM:SS;plugin;command"]),
        ("12;sysmon;start", ["H:MM:SS", "'12'"]),
        ("0:00:75;sysmon;start", ["H:MM:SS", "0:00:75"]),
        ("-0:00:05;sysmon;start", ["H:MM:SS"]),
        ("0:00:01;sysmon;strat", ["command of sysmon", "start"]),
        ("0:00:01;sysmon;scales-5-failure;True", ["scales-5-failure", "1, 2, 3, 4"]),
        ("0:00:01;sysmon;lights-3-failure;True", ["lights-3-failure", "1, 2"]),
        ("0:00:01;sysmon;lights-1-failure;yes", ["lights-1-failure", "true, false"]),
        ("0:00:01;sysmon;alerttimeout;soon", ["alerttimeout", "milliseconds"]),
        ("0:00:01;sysmon;alerttimeout;0", ["alerttimeout", "milliseconds"]),
        ("0:00:01;sysmon;alerttimeout;3600001", ["alerttimeout", "3.6e+06"]),
        ("0:00:01;communications;radioprompt;mine", ["radioprompt", "own, other"]),
        ("0:00:01;communications;maxresponsedelay;-1", ["maxresponsedelay"]),
        ("0:00:01;resman;pump-9-state;failure", ["pump-9-state", "8"]),
        ("0:00:01;resman;pump-1-state;broken", ["pump-1-state", "failure, on, off"]),
        ("0:00:01;track;automaticsolver;perhaps", ["automaticsolver", "true, false"]),
    ],
)
def test_a_broken_line_is_named_with_its_file_and_number(tmp_path, line, words):
    (tmp_path / "mine.txt").write_text(f"# first\n0:00:00;track;start\n{line}\n")
    with pytest.raises(InputError) as error:
        scenario.read(tmp_path / "mine.txt")
    assert "\n" not in str(error.value)
    for word in [*words, "mine.txt", "line 3"]:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("content", "word"),
    [(b"", "no line"), (b"# only this\n", "no line"), (b"\xff\xfe\x00", "plain text"), (None, "cannot read")],
)
def test_a_file_that_is_no_scenario_is_refused(tmp_path, content, word):
    if content is not None:
        (tmp_path / "mine.txt").write_bytes(content)
    with pytest.raises(InputError, match=word):
        scenario.read(tmp_path / "mine.txt")
    with pytest.raises(InputError, match="cannot read"):
        scenario.read(tmp_path)
    with pytest.raises(InputError, match="cannot write"):
        scenario.write(scenario.parse(TINY), tmp_path)


def test_a_scenario_without_anything_to_do_is_refused():
    for text in ("0:00:05;sysmon;lights-1-failure;True", "0:00:00;sysmon;start\n0:01:00;sysmon;stop"):
        with pytest.raises(InputError, match="nothing that a mind could do"):
            scenario.parse(text).stream()


def test_too_many_events_are_refused_with_the_mend():
    rows = [f"0:{m:02}:{s:02};sysmon;lights-1-failure;True" for m in range(5) for s in range(60)]
    text = "\n".join(["0:00:00;sysmon;start", *rows])
    with pytest.raises(InputError, match="minutes"):
        scenario.parse(text).stream()
    assert len(scenario.parse(text).stream(60).stimuli) == 60 <= MOST_ELEMENTS


WORDS = (
    st.sampled_from(
        ["sysmon", "track", "communications", "resman", "start", "stop", "0:00:05", "1:00:00", "#", ""]
    )
    | st.sampled_from(["lights-1-failure", "True", "radioprompt", "own", "pump-1-state", "failure", "off"])
    | st.sampled_from(["alerttimeout", "500", "automaticsolver", "x"])
    | st.text(max_size=6)
)
ROWS = st.lists(WORDS, max_size=5).map(";".join)


def one_line(error):
    assert "\n" not in str(error)


@pytest.mark.full
@settings(max_examples=150, deadline=None)
@given(st.lists(ROWS, max_size=6))
def test_any_text_is_read_or_refused_in_one_line(rows):
    try:
        found = scenario.parse("\n".join(rows))
        again = scenario.parse(str(found))
        assert (again.lines, again.ignored) == (found.lines, found.ignored)
        for s in found.signals:
            assert 0 <= s.onset < s.until <= s.onset + s.limit
        stream = found.stream()
        assert stream.end <= found.end
    except InputError as error:
        one_line(error)


# --- the tracking error ----------------------------------------------------------------------------------------

SPELLS = st.lists(st.floats(0, 20), max_size=8, unique=True).map(sorted)


def stepped(attended_, there, floor, growth, catch, step=2e-4):
    """The same by small steps (midpoint rule)."""
    area = total = 0.0
    for first, last in there:
        n = max(1, round((last - first) / step))
        dt, v = (last - first) / n, floor
        middle = first + dt * (np.arange(n) + 0.5)
        on = np.any([(middle >= a) & (middle < b) for a, b in attended_] or [np.zeros(n, bool)], 0)
        for here in on.tolist():
            slope = -2 * catch * (v - floor) if here else growth
            mid = v + slope * dt / 2
            v += (-2 * catch * (mid - floor) if here else growth) * dt
            area += mid * dt
        total += last - first
    return math.sqrt(area / total)


@settings(max_examples=12, deadline=None)
@given(SPELLS, st.floats(0, 5), st.floats(6, 15), st.floats(0.01, 1), st.floats(0.01, 1), st.floats(0.05, 3))
def test_the_tracking_error_is_that_of_small_steps(edges, first, last, floor, growth, catch):
    own = list(zip(edges[::2], edges[1::2], strict=False))
    there = [(first, last), (last + 1, last + 3)]
    exact = room.tracking_error(own, there, floor, growth, catch)
    assert exact == pytest.approx(stepped(own, there, floor, growth, catch), rel=2e-3)


def test_tracking_at_its_best_and_at_its_worst():
    assert room.tracking_error([(0, 50)], [(0, 50)]) == pytest.approx(math.sqrt(room.FLOOR))
    assert room.tracking_error([], [(0, 50)]) == pytest.approx(math.sqrt(room.FLOOR + room.GROWTH * 25))


# --- workload ----------------------------------------------------------------------------------------------------


def test_workload_is_the_share_of_the_recent_past_that_was_busy():
    busy = [(0.0, 3.0), (10.0, 20.0), (45.0, 50.0)]
    t = np.array([0.0, 2.0, 6.0, 15.0, 40.0, 60.0])
    assert room.workload(busy, t, 30.0) == pytest.approx([0, 1, 0.5, 8 / 15, 10 / 30, 5 / 30])
    assert room.workload([], t).tolist() == [0] * 6


def test_spells_come_back_from_their_text():
    spells = {"tracking": [(0.0, 1.25), (1e-3, 4.0)], "radio": [(1.25, 3.0)]}
    assert room.unspelled(room.spelled(spells)) == spells
    assert room.union([(3, 4), (0, 1), (1, 2), (1.5, 1.6), (5, 5)]) == [(0, 2), (3, 4)]


def record_of(*rows):
    frame = pd.DataFrame(rows, columns=["time", "kind", "element", "task"])
    return frame.assign(kind=frame["kind"].astype("category"))


def test_attention_is_where_the_record_says():
    record = record_of(
        (0.0, "leave", "", ""), (0.0, "engage", "", "a"), (2.0, "lapse", "", ""), (3.0, "return", "", ""),
        (4.0, "leave", "", ""), (4.2, "engage", "", "b"), (6.0, "end", "", ""),
    )  # fmt: skip
    assert attended(record, ["a", "b"]) == [("a", 0.0, 2.0), ("a", 3.0, 4.0), ("b", 4.2, 6.0)]
    free = record_of((1.0, "lapse", "", ""), (2.0, "return", "", ""), (6.0, "end", "", ""))
    assert attended(free, ["a", "b"]) == [(t, *s) for s in ((0.0, 1.0), (2.0, 6.0)) for t in "ab"]


def test_only_what_is_worked_on_counts_as_work():
    """x waits at the central stage until attention comes at 2; z is withdrawn; y is still in the hand at the end."""
    record = record_of(
        (1.0, "ready", "x", "a"), (1.5, "ready", "z", "b"), (3.0, "choose", "x", "a"), (3.2, "expire", "x", "a"),
        (3.5, "respond", "x", "a"), (6.0, "expire", "z", "b"), (7.0, "ready", "y", "a"), (7.0, "choose", "y", "a"),
        (8.0, "end", "", ""),
    )  # fmt: skip
    assert room.occupied(record, {"a": [(2.0, 4.0)], "b": [(5.0, 9.0)]}) == [
        (2.0, 3.5),
        (5.0, 6.0),
        (7.0, 8.0),
    ]


# --- people and minds without limits -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shift():
    return run("control_room", people=12, arms=("human", "focus+capacity", "softmax"))


def means(shift, column):
    return shift.frame.groupby(["arm", "load"])[column].mean().unstack("load")


@pytest.mark.full
def test_a_mind_without_limits_answers_everything_at_once(shift):
    own = shift.frame[shift.frame["arm"] == "softmax"]
    assert (own["answered"] == own["arrived"]).all()
    assert own["tracking_error"].to_numpy() == pytest.approx(math.sqrt(room.FLOOR))
    for name in ("monitoring", "radio", "pumps"):
        assert (own[f"{name}_rt"] == 0).all()  # the hand takes no time either
    assert (own["turns"] == 0).all()
    assert own["attended_tracking"].to_numpy() == pytest.approx(1.0)


def test_people_miss_more_and_track_worse_as_load_grows(shift):
    human = means(shift, "tracking_error").loc["human"]
    shares = (means(shift, "answered") / means(shift, "arrived")).loc["human"]
    assert shares.is_monotonic_decreasing
    assert shares[1] - shares[3] > 0.2
    assert human.is_monotonic_increasing
    assert human[1] > math.sqrt(room.FLOOR) * 1.5
    assert means(shift, "workload").loc["human"].is_monotonic_increasing


def test_an_arm_between_lies_between(shift):
    answered = means(shift, "answered")[3]
    assert answered["human"] < answered["focus+capacity"] < answered["softmax"]


def test_everything_that_arrives_is_accounted_for(shift):
    f = shift.frame
    assert (f["arrived"] == f["answered"] + f["missed"] + f["censored"]).all()
    assert f.groupby("load")["arrived"].first().tolist() == [18, 36, 72]
    assert (f["response"].str.len() == f["arrived"]).all()
    assert (f["response"].str.count(r"\+") == f["answered"]).all()
    assert (f["score"] <= f["answered"]).all()
    human = f[f["arm"] == "human"]
    assert (human.filter(like="attended_").sum(axis=1) < 1).all()  # the rest: between two tasks, or away


def test_the_figure_shows_load_and_one_persons_turns(shift):
    figure = shift.plot()
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["low", "medium", "high"]
    labels = [t.get_text() for t in figure.axes[2].get_yticklabels()]
    assert labels[:5] == list(scenario.TASKS)
    assert "softmax 100 %" in shift.paradigm.finding(shift.frame)
    close(figure)


@pytest.mark.parametrize("arm", ["human", "softmax"])
def test_both_drivers_play_the_same_events(arm):
    stream = scenario.parse(TINY).stream()
    session = Session((stream,), np.zeros(1, int), np.zeros(1))
    mind = Observer().under(limits_of(arm))
    fast = cohort.run_session(session, [mind], number=[3], seed=5, record=True).events
    slow = world.run_session(session, mind, person=3, seed=5).events
    records.same(fast, slow, 1e-9)


def test_a_trace_has_a_track_of_attention_for_each_task():
    done = run(paradigms.get("control_room")(scenario=TINY), people=1)
    record = events(done, "human", 0, 0)
    rows = json.loads(json.dumps(chrome_trace(record)))["traceEvents"]
    names = {r["tid"]: r["args"]["name"] for r in rows if r["name"] == "thread_name"}
    assert {n.split(":")[0] for n in names.values() if ":" in n} == set(scenario.TASKS)
    given_ = sum(r["dur"] for r in rows if r["ph"] == "X" and r["name"] == "attention") / 1e6
    assert given_ == pytest.approx(sum(b - a for _, a, b in attended(record, [])), abs=1e-6)
    assert 0.5 < given_ / 40 < 1
    shown = {n.split(": ")[1] for n in names.values() if ":" in n}  # so few signals have a track each
    assert shown == {"attention", "tracking.1", *(s.name for s in scenario.parse(TINY).signals)}
    for arm in ("human", "softmax"):
        figure = gantt.figure(events(done, arm, 0, 0))
        rows = [t.get_text() for t in figure.axes[0].get_yticklabels()]
        turns = {f"{task}: attention" for task in scenario.TASKS}
        assert turns & set(rows) == (
            turns if arm == "human" else set()
        )  # softmax attends to all, all the time
        assert {row.split(": ")[0] for row in rows if ": " in row} == set(scenario.TASKS)
        assert any(row.startswith("slot ") for row in rows)
        close(figure)


# --- the options ----------------------------------------------------------------------------------------------------


def test_a_scenario_of_ones_own_is_one_condition_and_travels_with_the_run(tmp_path):
    (tmp_path / "mine.txt").write_text(TINY)
    task = paradigms.get("control_room")(scenario=str(tmp_path / "mine.txt"))
    (tmp_path / "mine.txt").unlink()
    assert task.conditions() == [{"load": 0}]
    assert paradigms.make("control_room", task.options()) == task
    assert str(tmp_path) not in str(task.options())
    assert task.trial({"load": 0}) == scenario.parse(TINY).stream()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"loads": (4,)}, "load"),
        ({"loads": ()}, "loads"),
        ({"minutes": 0}, "minutes"),
        ({"scenario": 3}, "scenario"),
        ({"scenario": "nowhere.txt"}, "nowhere.txt"),
        ({"scenario": "0:00:01;sysmon"}, "line 1"),
        ({"scenario": "0:00:09;track;start", "minutes": 0.1}, "nothing that a mind could do"),
    ],
)
def test_a_wrong_option_is_refused(options, word):
    with pytest.raises(InputError, match=word):
        paradigms.make("control_room", options)


def test_minutes_cut_a_scenario_short():
    task = paradigms.get("control_room")(loads=(2,), minutes=1.0)
    stream = task.trial({"load": 2})
    assert stream.end == 60
    assert max(s.onset for s in stream.stimuli) < 60
    frame = run(task, people=3).frame
    assert (frame["arrived"] == frame["answered"] + frame["missed"] + frame["censored"]).all()


def test_a_scenario_with_gauges_alone_needs_no_tracking():
    frame = run(
        paradigms.get("control_room")(
            scenario="0:00:00;sysmon;start\n0:00:02;sysmon;lights-1-failure;True\n0:00:20;sysmon;stop"
        ),
        people=2,
    ).frame
    assert frame["tracking_error"].isna().all()
    assert frame["radio_hits"].isna().all()
    assert (frame["arrived"] == 1).all()


@pytest.mark.full
def test_on_the_command_line_a_path_needs_no_quotes(tmp_path, capsys):
    from cogattn.cli import main

    (tmp_path / "mine.txt").write_text(TINY)
    command = ["run", "control_room", "--option", f"scenario={tmp_path / 'mine.txt'}", "--people", "1"]
    with pytest.raises(SystemExit) as done:
        main([*command, "--jobs", "1", "--out", str(tmp_path)])
    assert done.value.code in (0, None)
    assert "signals answered in time" in capsys.readouterr().out


#: Chooses and turns at once; only its hand takes time.
QUICK = Observer(
    speed=1e6, speed_sd=1e-3, slip=0.0, tempo_share=0.0, wandering=0.0,
    switch_rate=200.0, task_inertia=0.1, switch_time=0.0, capacity=math.inf, threshold=0.0,
)  # fmt: skip


def test_an_answer_that_comes_too_late_is_a_miss():
    """The pump works again after 1 s; the hand needs 1.2."""
    text = "0:00:00;resman;start\n0:00:05;resman;pump-1-state;failure\n0:00:06;resman;pump-1-state;on"
    for end, wanted in (("0:00:30;resman;stop", [1, 0, 1, 0]), ("", [1, 0, 1, 0])):
        task = paradigms.get("control_room")(scenario=f"{text}\n{end}")
        row = run(task, people=1, arms=("human",), observer=QUICK).frame.iloc[0]
        assert row[["arrived", "answered", "missed", "censored"]].tolist() == wanted
        assert (row["response"], row["pumps_hits"]) == ("-", 0)


def test_what_is_open_at_the_end_is_neither_answered_nor_missed():
    text = "0:00:00;sysmon;start\n0:00:50;sysmon;lights-1-failure;True\n0:00:59;sysmon;lights-1-failure;True"
    task = paradigms.get("control_room")(scenario=f"{text}\n0:02:00;sysmon;stop", minutes=59.2 / 60)
    row = run(task, people=1, arms=("human",), observer=QUICK).frame.iloc[0]
    assert row[["arrived", "answered", "missed", "censored"]].tolist() == [2, 1, 0, 1]
    assert row["response"] == "+."
