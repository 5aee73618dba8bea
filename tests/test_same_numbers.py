"""The same numbers as before: trials of all paradigms and event records of both drivers, held against digests.

A digest says that a number changed, not which law is right: that is what the closed forms are for. Floats are
written with 9 significant digits, one digest per column, so that a failure names the paradigm, the arm and the column.
A change of numbers is announced law by law in CHANGELOG.md; then `python tests/test_same_numbers.py --write` makes
the file anew.
"""

from __future__ import annotations

import hashlib
import json
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import cogattn as ca
from cogattn import paradigms
from cogattn.mind import cohort, world

FILE = Path(__file__).parent / "data" / "digests.json"

ARMS = ("human", "softmax", "capacity+consolidation+focus+threshold")
TIRED = "fatigue+speed+central"
SIT = {"people": 3, "trials": 1}
SHOW = {"people": 6, "trials": 8}
OPEN_STAGE = ca.Observer(share=0.7, central=1.5, grouping=0.15, slip=0.2, order_sd=0.03)
FORGETFUL = ca.Observer(memory_life=0.8, slots=2.6, reallocate=True, sparing=0.4)
RESTLESS = ca.Observer(restless=3.0, stay=1.5, spill=0.3, switch_time=0.1, wandering=5.0)
OTHER_SEARCH = ca.Observer(group=2.4, quit_growth=0.5, visit_shape=2.2, visit_hit=0.6, learning=0.001)

#: name of the case: paradigm, its options, how it is run
CASES = {
    "whole_report": ("whole_report", {"exposures": (0.02, 0.1)}, SHOW),
    "whole_report, reallocating": ("whole_report", {"exposures": (0.1,)}, SHOW | {"observer": FORGETFUL}),
    "whole_report, digit_reader": (
        "whole_report",
        {"set_size": 4, "exposures": (0.1,)},
        SHOW | {"model": "digit_reader"},
    ),
    "partial_report": ("partial_report", {}, SHOW),
    "simple_rt": ("simple_rt", {"block": 30, "blocks": 2, "pauses": (20.0,)}, SIT),
    "pvt": ("pvt", {"block": 30}, SIT),
    "go_nogo": ("go_nogo", {"trials": 60}, SIT),
    "vigilance": ("vigilance", {"blocks": 2, "minutes": 4.0, "memory": 1.0}, SIT),
    "mackworth_clock": ("mackworth_clock", {"hours": 1.0}, SIT),
    "digit_stream": ("digit_stream", {"minutes": 10.0}, SIT),
    "breaks": ("breaks", {"before": 5, "after": 5, "lengths": (0.0, 60.0), "kinds": (1, 2)}, SIT),
    "sleep_restriction": ("sleep_restriction", {"days": 2, "baseline": 1}, SIT),
    "prp": ("prp", {"trials": 12}, SIT),
    "prp, another stage": ("prp", {"trials": 12}, SIT | {"observer": OPEN_STAGE}),
    "attentional_blink": ("attentional_blink", {"lags": (1, 3, 7), "trials": 8}, SIT),
    "attentional_blink, sparing": (
        "attentional_blink",
        {"lags": (1, 2), "trials": 8},
        SIT | {"observer": FORGETFUL},
    ),
    "dual_task": ("dual_task", {"shares": (0.25, 0.5), "trials": 10}, SIT),
    "dual_task, apart": (
        "dual_task",
        {"shares": (0.5,), "resources": "apart", "automatic": True, "trials": 10},
        SIT,
    ),
    "enumeration": ("enumeration", {"dots": (2, 6), "trials": 6}, SIT),
    "change_detection": ("change_detection", {"set_sizes": (2, 6), "trials": 10}, SIT),
    "continuous_report": ("continuous_report", {"set_sizes": (2, 6), "trials": 10}, SIT),
    "serial_recall": ("serial_recall", {"lengths": (4, 7), "trials": 6}, SIT),
    "serial_recall, weakest": (
        "serial_recall",
        {"lengths": (6,), "policy": "weakest", "trials": 6},
        SIT | {"observer": FORGETFUL},
    ),
    "serial_recall, slots alone": ("serial_recall", {"lengths": (4, 7), "rehearse": 0.0, "trials": 6}, SIT),
    "digit_span": ("digit_span", {"lengths": (4, 8), "trials": 5}, SIT),
    "tracking": ("tracking", {"targets": (2, 5), "trials": 8}, SIT),
    "nback": ("nback", {"loads": (1, 2), "blocks": 2}, SIT),
    "nback, oldest": ("nback", {"loads": (2,), "blocks": 2, "update": "oldest"}, SIT),
    "visual_search": ("visual_search", {"set_sizes": (3, 12), "trials": 8}, SIT),
    "visual_search, another mind": (
        "visual_search",
        {"displays": ("conjunction",), "set_sizes": (12,), "trials": 12},
        SIT | {"observer": OTHER_SEARCH},
    ),
    "practice": ("practice", {"done": (500, 3500), "set_sizes": (6,), "trials": 8}, SIT),
    "flanker": ("flanker", {"trials": 20}, SIT),
    "stroop": ("stroop", {"trials": 20}, SIT),
    "simon": ("simon", {"trials": 20}, SIT),
    "choice_rt": ("choice_rt", {"trials": 20}, SIT),
    "two_choice": ("two_choice", {"trials": 20}, SIT),
    "stop_signal": ("stop_signal", {"without": 30, "each": 3}, SIT),
    "task_switching": ("task_switching", {"trials": 4}, SIT),
    "ant": ("ant", {"trials": 6}, SIT),
    "antisaccade": ("antisaccade", {"pro": 12, "pro_warmup": 2, "anti": 12}, SIT),
    "posner": ("posner", {"soas": (0.1, 0.4), "trials": 6}, SIT),
    "capture": ("capture", {"trials": 6}, SIT),
    "load_dilution": ("load_dilution", {"letters": (1, 5), "trials": 6}, SIT),
    "global_local": ("global_local", {"trials": 6}, SIT),
    "control_room": ("control_room", {"loads": (1, 3), "minutes": 4.0}, SIT),
    "control_room, restless": ("control_room", {"loads": (2,), "minutes": 4.0}, SIT | {"observer": RESTLESS}),
}
MORE_ARMS = {"sleep_restriction": (TIRED,), "vigilance": (TIRED,), "control_room": (TIRED,)}


def digest_of(values):
    """Of a column. Floats to 9 significant digits: the last bits belong to the machine's log and exp."""
    values = np.asarray(values)
    if values.dtype.kind == "f":
        words = ["%.9g" % (x + 0.0) for x in values]  # -0 is 0
    elif values.dtype.kind in "iub":
        words = [str(int(x)) for x in values]
    else:
        words = [str(x) for x in values]
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:12]


def digests_of(frame):
    return {column: digest_of(frame[column]) for column in sorted(frame.columns)}


def trials_of(case):
    """arm: column: digest."""
    name, options, how = CASES[case]
    arms = (*ARMS, *MORE_ARMS.get(case, ()))
    frame = ca.run(ca.paradigms.get(name)(**options), arms=arms, seed=7, **how).frame
    return {arm: digests_of(own) for arm, own in frame.groupby("arm", sort=False, observed=True)}


# --- event records ---------------------------------------------------------------------------------------------


def letters(task="report", n=5, until=0.2, **how):
    return tuple(ca.Stimulus(f"{task}{i}", 0.0, until, task=task, **how) for i in range(n))


def in_a_row(task, n=6, pace=0.1, **how):
    return tuple(ca.Stimulus(f"{task}{i}", i * pace, (i + 1) * pace, task=task, **how) for i in range(n))


def world_of_letters():
    far = ca.Stimulus("far", 0.05, offset=0.15, weight=0.5, distractor=True, task="b")
    change = ca.Change(0.1, "a1", 3.0)
    return ca.TaskStream((*letters("a"), far), 0.6, (change,), (ca.Task("a"), ca.Task("b", 2.5)))


def world_at_the_door():
    task = ca.Task("rsvp", consolidate=True)
    return ca.TaskStream(in_a_row("rsvp", 8, 0.09, evidence=0.7), 1.5, tasks=(task,))


def world_of_updating(policy):
    return ca.TaskStream(in_a_row("hold", 7, 0.3), 4.0, tasks=(ca.Task("hold", when_full=policy),))


def world_of_two_choices():
    choose = {"response": "choose", "when_full": "wait", "before_sd": 0.02, "after": 0.08, "after_sd": 0.02}
    todo = (
        ca.Task("tone", choice=1.2, before=0.1, slip=0.1, **choose),
        ca.Task("letter", choice=0.8, before=0.05, deadline=1.5, **choose),
    )
    shown = (ca.Stimulus("high", 0.0, task="tone"), ca.Stimulus("x", 0.1, task="letter"))
    return ca.TaskStream((*shown, ca.Stimulus("low", 0.15, task="tone")), 4.0, tasks=todo)


def world_of_counting():
    task = ca.Task("dots", response="choose", when_full="count", choice=0.9)
    return ca.TaskStream(tuple(ca.Stimulus(f"d{i}", task="dots") for i in range(6)), 4.0, tasks=(task,))


def world_of_search():
    task = ca.Task("find", response="search", inspect=0.4, practice=300.0, before=0.05, after=0.1)
    items = [ca.Stimulus(f"s{i}", weight=1.0 + i % 3, task="find", supports=int(i == 7)) for i in range(9)]
    return ca.TaskStream(tuple(items), 6.0, tasks=(task,))


def world_of_conflict():
    task = ca.Task("tell", response="decide", evidence_rate=9.0, activation=4.0, peak=0.08, after=0.1)
    shown = [ca.Stimulus("arrow", task="tell", supports=1, weight=1.8)]
    shown += [ca.Stimulus(f"f{i}", task="tell", evidence=0.0, supports=-1, weight=0.3) for i in range(4)]
    return ca.TaskStream(tuple(shown), 3.0, tasks=(task,))


def world_of_turning():
    eye, ear = {"visual_focal": 1.0, "manual": 1.0}, {"auditory_verbal": 1.0, "vocal": 1.0}
    choose = {"response": "choose", "when_full": "wait", "choice": 0.7}
    todo = (
        ca.Task("watch", priority=2.0, resources=eye, **choose),
        ca.Task("listen", salience=1.0, resources=ear, difficulty=2.0, **choose),
        ca.Task("own name", automatic=True),
    )
    shown = [
        ca.Stimulus(f"{t.name}{i}", 0.8 * i + 0.1 * j, task=t.name)
        for i in range(4)
        for j, t in enumerate(todo)
    ]
    return ca.TaskStream(tuple(shown), 6.0, tasks=todo, focused=True)


#: name: stream, observers
STREAMS = {
    "letters": (world_of_letters, (ca.Observer(), ca.Observer(reallocate=True, persistence=0.02, alpha=0.1))),
    "letters at once": (world_of_letters, (ca.Observer(capacity=np.inf), ca.Observer().unlimited())),
    "door": (world_at_the_door, (ca.Observer(), ca.Observer(sparing=0.2, sparing_window=0.2, dwell_sd=0.0))),
    "random": (lambda: world_of_updating("random"), (ca.Observer(), FORGETFUL)),
    "oldest": (lambda: world_of_updating("oldest"), (ca.Observer(), FORGETFUL)),
    "weakest": (lambda: world_of_updating("weakest"), (ca.Observer(), FORGETFUL)),
    "two choices": (world_of_two_choices, (ca.Observer(), OPEN_STAGE, ca.Observer(central=np.inf))),
    "counting": (world_of_counting, (ca.Observer(), ca.Observer(slots=1.5))),
    "search": (world_of_search, (ca.Observer(), OTHER_SEARCH)),
    "conflict": (world_of_conflict, (ca.Observer(), ca.Observer(lead=4.0, hand=1.4))),
    "turning": (world_of_turning, (ca.Observer(), RESTLESS)),
}


def session_of_keys():
    """Simple, go and detect, with signals and without, with a rest of a minute in the middle."""
    todo = (
        ca.Task("press", monotony=1.0, memory=0.5, rate=30, response="simple"),
        ca.Task("go", monotony=0.3, response="go", caution=1.1, activation=1.5, after=0.2, after_sd=0.03),
        ca.Task("watch", response="detect", sensitivity=1.5),
        ca.Task("look", monotony=0.2),
    )
    beside = tuple(ca.Stimulus(f"l{i}", 0.02, 0.2, task="look", distractor=i == 1) for i in range(2))

    def stream(task, signal, end):
        return ca.TaskStream((ca.Stimulus("a", task=task, signal=signal), *beside), end, tasks=todo)

    shown = [
        ("press", False, 2.0),
        ("go", False, 0.6),
        ("go", True, 0.6),
        ("watch", True, 1.0),
        ("watch", False, 0.5),
    ]
    rest = np.where(np.arange(30) == 15, 60.0, 0.0)
    return ca.Session(
        tuple(stream(*s) for s in shown),
        np.arange(30) % 5,
        np.full(30, 7.0),
        rest,
        np.where(rest > 0, 0.1, 0.0),
        sleepiness=12.0,
    )


def session_of_choices():
    return ca.Session((world_of_two_choices(),), np.zeros(6, int), np.full(6, 0.4), self_paced=True)


def session_of_a_crew():
    return ca.Session(
        (world_of_turning(), world_of_turning()), np.array([0, 1, 0]), np.array([0.0, 1.0, 30.0])
    )


def session_of_lists():
    """A list in order, another in the reverse order, by turns."""
    todo = (
        ca.Task("list", when_full="random", rehearse=1.0),
        ca.Task("say", demand=0.0, response="recall"),
        ca.Task("say back", demand=0.0, response="recall_reversed"),
    )
    shown = [
        ca.TaskStream((*in_a_row("list", n, 0.5), ca.Stimulus("now", 0.5 * n, task=task)), 6.0, tasks=todo)
        for n, task in ((6, "say"), (5, "say back"))
    ]
    return ca.Session(tuple(shown), np.arange(6) % 2, np.full(6, 0.5))


DREAMER = ca.Observer(
    wandering=40.0, away=2.0, tempo_share=0.6, anticipation=0.1, wariness=0.5, fast_loss=0.2
)
SESSIONS = {
    "keys": (session_of_keys, (ca.Observer(), DREAMER)),
    "choices": (session_of_choices, (OPEN_STAGE, DREAMER)),
    "a crew": (session_of_a_crew, (ca.Observer(), RESTLESS)),
    "lists": (session_of_lists, (DREAMER, ca.Observer(trace_life=1.0, slots=1.5))),
}


def played(driver, stream, observer):
    if driver == "cohort":
        return cohort.play(stream, [observer], person=0, trial=range(3), seed=11, record=True).events
    records = [world.play(stream, observer, seed=11, trial=t).events for t in range(3)]
    return {
        c: np.concatenate([r[c].astype(str) if r[c].dtype.kind not in "if" else r[c] for r in records])
        for c in records[0]
    }


def watched(driver, session, observer):
    if driver == "cohort":
        return cohort.run_session(session, [observer], seed=11, visit=1, record=True).events
    return world.run_session(session, observer, seed=11, visit=1).events


def events_of(case, driver):
    """Which observer: column: digest."""
    make, observers = (STREAMS | SESSIONS)[case]
    take = played if case in STREAMS else watched
    columns = ("time", "kind", "element", "task", "slot")
    found = {}
    for i, observer in enumerate(observers):
        record = take(driver, make(), observer)
        found[f"observer {i}"] = {c: digest_of(record[c]) for c in columns}
    return found


# --- the test ----------------------------------------------------------------------------------------------------


@cache
def kept():
    return json.loads(FILE.read_text(encoding="utf-8"))


def differences(now, before):
    """Where two tables of tables differ, as texts."""
    if not isinstance(now, dict) or not isinstance(before, dict):
        return [] if now == before else [""]
    out = []
    for key in [*now, *(k for k in before if k not in now)]:
        if key not in now or key not in before:
            out.append(f"{key} ({'gone' if key in before else 'new'})")
        else:
            out += [f"{key}: {text}".removesuffix(": ") for text in differences(now[key], before[key])]
    return out


@pytest.mark.parametrize("case", CASES)
def test_trials_have_the_numbers_they_had(case):
    assert differences(trials_of(case), kept()["trials"][case]) == []


@pytest.mark.parametrize("case", [*STREAMS, *SESSIONS])
def test_events_have_the_numbers_they_had(case):
    before = kept()["events"][case]
    for driver in ("cohort", "simpy"):
        assert differences(events_of(case, driver), before) == [], driver


def test_every_paradigm_has_a_digest():
    ours = {name for name in paradigms.names() if paradigms.get(name).__module__.startswith("cogattn.")}
    assert ours == {name for name, _, _ in CASES.values()}


def test_a_digest_tells_the_ninth_digit_and_no_later_one():
    x = np.array([0.123456789, np.nan, -0.0])
    assert digest_of(x) == digest_of([0.123456789 + 1e-12, np.nan, 0.0])
    assert digest_of(x) != digest_of([0.123456790, np.nan, 0.0])
    assert differences({"a": {"x": 1, "y": 2}}, {"a": {"x": 1, "y": 3, "z": 4}}) == ["a: y", "a: z (gone)"]


def everything():
    return {
        "trials": {case: trials_of(case) for case in CASES},
        "events": {case: events_of(case, "cohort") for case in (*STREAMS, *SESSIONS)},
    }


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit("python tests/test_same_numbers.py --write")
    FILE.write_text(json.dumps(everything(), indent=1) + "\n", encoding="utf-8")
