"""One chance is independent of another: of conditions, of elements, of what else is drawn for one response."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest

from cogattn import paradigms, run
from cogattn.mind import cohort
from cogattn.mind.calls import EARLY_RT
from cogattn.observer import Observer
from cogattn.world.session import Session
from cogattn.world.stream import Stimulus, Task, TaskStream

N = 4000


def correlated(columns):
    """Pairs of columns that go together more than chance lets them (4.5 standard errors)."""
    names = [k for k, v in columns.items() if np.ptp(v) > 0]
    assert len(names) == len(columns), "a column that never varies is independent of everything"
    r = np.corrcoef([np.argsort(np.argsort(columns[k])) for k in names])
    most = 4.5 / math.sqrt(len(next(iter(columns.values()))))
    return [(a, b) for (i, a), (j, b) in combinations(enumerate(names), 2) if abs(r[i, j]) > most]


def test_conditions_that_differ_in_their_name_alone_share_no_draw():
    """Two exposures a billionth of a second apart are the same experiment, taken by chance another time."""
    task = paradigms.get("whole_report")(exposures=(0.06, 0.06 + 1e-9))
    frame = run(task, "human", people=1, trials=N, observer=Observer(slots=6.0), seed=3).frame
    first, second = (own["score"].to_numpy() for _, own in frame.groupby("exposure"))
    assert abs(first.mean() - second.mean()) < 5 * math.hypot(first.std(), second.std()) / math.sqrt(N)
    assert correlated({"one": first, "other": second}) == []


def test_arms_share_every_draw():
    frame = run(
        "whole_report", ("human", "slots"), people=2, trials=50, observer=Observer(threshold=0.0)
    ).frame
    wide = frame.pivot(index=["exposure", "person", "trial"], columns="arm", values="score")
    assert (wide["slots"] >= wide["human"]).all()  # no limit less can ever see less of the same draws


def test_what_is_drawn_for_one_response_is_independent():
    """When it is seen, perceived, chosen and done, and whether the wrong key is pressed, for three elements."""
    task = Task(
        "press",
        response="choose",
        when_full="wait",
        before=0.3,
        before_sd=0.05,
        after=0.3,
        after_sd=0.05,
        slip=0.5,
    )
    stream = TaskStream(
        tuple(Stimulus(f"s{i}", 10.0 * i, task="press") for i in range(3)), 40.0, tasks=(task,)
    )
    out = cohort.play(
        stream, [Observer(slip=0.0, wandering=0.0)], person=0, trial=range(N), record=True, details=True
    )
    events = out.events
    columns = {}
    for i, name in enumerate(stream.names):
        at = {
            kind: events[(events["element"] == name) & (events["kind"] == kind)]["time"].to_numpy()
            for kind in ("onset", "encode", "ready", "choose", "respond")
        }
        columns |= {
            f"{name} seen": at["encode"] - at["onset"],
            f"{name} perceived": at["ready"] - at["encode"],
            f"{name} chosen": at["choose"] - at["ready"],
            f"{name} done": at["respond"] - at["choose"],
            f"{name} right": out.element_times.right[:, i].astype(float),
        }
    assert correlated(columns) == []


def test_who_slips_in_says_nothing_about_how_long_the_next_one_locks_the_door():
    """The second comes while the first is consolidated; the fourth waits until the third has been."""
    task = Task("report", consolidate=True)
    items = tuple(Stimulus(f"T{i}", at) for i, at in enumerate((0.0, 0.1, 2.0, 2.2)))
    who = Observer(
        capacity=math.inf, threshold=0.0, slots=math.inf, dwell=0.5, dwell_sd=0.1, sparing=0.5, sparing_window=0.15,
        wandering=0.0,
    )  # fmt: skip
    stream = TaskStream(items, 5.0, tasks=(task,))
    entered = cohort.play(stream, [who], person=0, trial=range(N)).finish
    early = entered[:, 1] < 0.101
    assert abs(early.mean() - 0.5) < 4 * math.sqrt(0.25 / N)
    columns = {
        "the second slips in": early.astype(float),
        "the third locks it": entered[:, 3] - entered[:, 2],
    }
    assert correlated(columns) == []


def test_the_hand_of_a_network_slips_when_that_of_its_mind_does():
    """`SessionRecord.slipped` draws anew what the mind drew: else the two arms of one person would part."""
    from cogattn.paradigms.session import SessionRecord

    task = Task("press", response="choose", when_full="wait")
    stream = TaskStream(
        tuple(Stimulus(f"s{i}", 5.0 * i, task="press") for i in range(3)), 20.0, tasks=(task,)
    )
    session = Session((stream,), np.zeros(200, int), np.ones(200))
    seen = SessionRecord.of(
        cohort.run_session(session, [Observer(slip=0.4, wandering=0.0)], details=True, seed=2)
    )
    answered = ~np.isnan(seen.element_times.answered)
    assert answered.mean() > 0.95
    assert np.array_equal(~seen.element_times.right[answered], seen.slipped(3)[answered])
    assert abs(seen.slipped(3).mean() - 0.4) < 4 * math.sqrt(0.24 / 600)


# --- times -----------------------------------------------------------------------------------------------------

TIMED = (
    "flanker",
    "stroop",
    "ant",
    "load_dilution",
    "global_local",
)  # the others see or move before they choose


@pytest.mark.parametrize("name", TIMED)
def test_who_needs_no_time_has_no_response_time(name):
    """Nor has one who needs time to see but none to choose: what comes within a tenth of a second is no answer."""
    frame = run(paradigms.get(name)(trials=20), ("human", "softmax", "capacity+threshold"), people=2).frame
    by = frame["rt"].notna().groupby(frame["arm"]).mean()
    assert by["softmax"] == 0
    assert by["human"] > 0
    assert frame["rt"].min() > EARLY_RT


@pytest.mark.parametrize("response", ["simple", "detect", "go"])
def test_a_called_response_is_right_where_it_is_what_was_asked_for(response):
    """simple: not too early; detect: signals and no others; go: all but the signals."""
    push = {"evidence_rate": 14.0, "activation": 1.5, "peak": 0.1} if response == "go" else {}
    task = Task("press", response=response, sensitivity=2.0, **push)
    shown = [
        TaskStream((Stimulus("dot", task="press", signal=s),), 3.0, tasks=(task,)) for s in (False, True)
    ]
    signal = np.arange(600) % 2
    who = Observer(anticipation=0.2 if response == "simple" else 0.0, wandering=20.0)
    seen = cohort.run_session(Session(shown, signal, np.full(600, 0.5)), [who], seed=4)
    rt, pressed = seen.rt[0], ~np.isnan(seen.rt[0])
    asked = {"simple": rt >= EARLY_RT, "detect": pressed == signal, "go": pressed != signal}[response]
    assert 0 < asked.sum() < 600
    assert np.array_equal(seen.right[0], asked)


def test_accuracy_by_fifth_is_that_of_each_persons_own_times():
    """Person 0 errs in the fastest fifth alone, person 1 in the slowest; their speeds differ by a factor of ten."""
    import pandas as pd

    rt = np.arange(1, 21) / 10
    rows = [
        pd.DataFrame(
            {
                "person": p,
                "congruence": -1,
                "rt": rt * 10**p,
                "correct": (rt > 0.45) if p == 0 else (rt < 1.65),
            }
        )
        for p in (0, 1)
    ]
    frame = pd.concat([*rows, rows[0].assign(congruence=1, correct=True), rows[0].assign(rt=np.nan)])
    task = paradigms.get("flanker")()
    assert task.fifths_by_person(frame, -1).tolist() == [[0, 1, 1, 1, 1], [1, 1, 1, 1, 0]]
    assert task.fifths(frame, -1).tolist() == [0.5, 1, 1, 1, 0.5]
    assert task.fifths(frame, 1).tolist() == [1.0] * 5
