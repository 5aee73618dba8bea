"""A list of two or three, saying by saying: every saying takes a second, so that the whole log is known by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cogattn.mind import cohort, world
from cogattn.mind.draws import SAY, uniforms
from cogattn.observer import Observer
from cogattn.world.session import Session
from cogattn.world.stream import Stimulus, Task, TaskStream

#: Sees at once, says an item in one second, forgets nothing that it says in time.
SLOW = {"capacity": math.inf, "threshold": 0.0, "speed": 1.0, "speed_sd": 1e-12, "wandering": 0.0, "fast_loss": 0.0,
        "slow_loss": 0.0, "trace_life": 1e9}  # fmt: skip


def stream(onsets, call, response, end=30.0, **task):
    todo = (
        Task("list", demand=0.0, when_full="oldest", rehearse=1.0, **task),
        Task("say", demand=0.0, response=response),
    )
    items = [Stimulus("abc"[i], t, t + 0.1, task="list") for i, t in enumerate(onsets)]
    return TaskStream((*items, Stimulus("now", call, task="say")), end, tasks=todo)


def said(shown, **numbers):
    """[(time, rehearse | recall | omit, item)], the same in both drivers."""
    session = Session((shown,), np.zeros(1, int), np.zeros(1))
    mind = Observer(**(SLOW | numbers))
    out = cohort.run_session(session, [mind], record=True, details=True)
    assert world.run_session(session, mind).events["time"].tolist() == pytest.approx(
        out.events["time"].tolist()
    )
    rows = out.events[out.events["kind"].isin(["rehearse", "recall", "omit"])]
    log = [
        (round(t, 6), str(k), str(e))
        for t, k, e in zip(rows["time"], rows["kind"], rows["element"], strict=True)
    ]
    answered = out.element_times.answered[0, 0]
    told = {"abc".index(e): t for t, k, e in log if k == "recall"}
    assert {i: t for i, t in enumerate(answered) if not math.isnan(t)} == pytest.approx(told)
    return log


def test_round_after_round_and_once_aloud():
    assert said(stream([0.0, 1.5], 4.2, "recall"), slots=0.0) == [
        (1.0, "rehearse", "a"),
        (2.0, "rehearse", "a"),  # b has come meanwhile, and stands behind it
        (3.0, "rehearse", "b"),
        (4.0, "rehearse", "a"),
        (5.2, "recall", "a"),  # the call interrupts: from the beginning
        (6.2, "recall", "b"),
    ]


def test_in_the_reverse_order_the_list_is_gone_through_for_each_item():
    assert said(stream([0.0, 0.1, 0.2], 0.5, "recall_reversed"), slots=0.0) == [
        (1.5, "rehearse", "a"),
        (2.5, "rehearse", "b"),
        (3.5, "recall", "c"),
        (4.5, "rehearse", "a"),
        (5.5, "recall", "b"),
        (6.5, "recall", "a"),
    ]


def test_what_is_lost_leaves_a_gap_that_takes_its_time():
    """One slot, no trace that lasts: only the last item is in mind."""
    assert said(stream([0.0, 0.1, 0.2], 0.5, "recall"), slots=1.0, trace_life=1e-9) == [
        (1.5, "omit", "a"),
        (2.5, "omit", "b"),
        (3.5, "recall", "c"),
    ]


def test_what_is_displaced_is_in_mind_as_long_as_a_trace_lasts():
    """a is displaced by b; with traces it is said all the same, without them it is lost."""
    log = said(stream([0.0, 1.2], 3.5, "recall"), slots=1.0, trace_life=1e6)
    assert log[-2:] == [(4.5, "recall", "a"), (5.5, "recall", "b")]
    never = said(stream([0.0, 1.2], 3.5, "recall"), slots=1.0, trace_life=1e-9)
    assert never[-2:] == [(4.5, "omit", "a"), (5.5, "recall", "b")]


def test_who_needs_no_time_or_keeps_every_trace_says_nothing_inwardly():
    for numbers in ({"speed": math.inf}, {"trace_life": math.inf}):
        log = said(stream([0.0, 0.1], 2.0, "recall"), slots=0.0, **numbers)
        assert [(k, e) for _, k, e in log] == [("recall", "a"), ("recall", "b")]
    assert said(stream([0.0], 2.0, "recall"), slots=0.0, speed=math.inf) == [(2.0, "recall", "a")]


def test_a_call_without_a_list_is_answered_by_nothing():
    assert said(stream([1.0], 0.5, "recall", end=1.05)) == []


def test_a_task_that_is_not_rehearsed_has_no_list():
    todo = (Task("list", demand=0.0), Task("say", demand=0.0, response="recall"))
    shown = TaskStream(
        (Stimulus("a", 0.0, 0.1, task="list"), Stimulus("now", 1.0, task="say")), 5.0, tasks=todo
    )
    assert said(shown) == []


def test_a_trace_lasts_as_long_as_its_address_says():
    """Heard at 0, called for at .5, said a second later: by whose trace has lasted until then."""
    n = 400
    session = Session((stream([0.0], 0.5, "recall"),), np.zeros(n, int), np.zeros(n))
    minds = [Observer(**(SLOW | {"slots": 0.0, "trace_life": 2.0}))]
    out = cohort.run_session(session, minds, seed=3, details=True)
    spoken = ~np.isnan(out.element_times.answered[0, :, 0])
    assert 0.3 < spoken.mean() < 0.7
    assert np.array_equal(spoken, -2.0 * np.log(uniforms(out.keys[0], SAY, 0)) > 1.5)
