"""Two drivers, one mind that does many things at once: random streams of several tasks, event for event."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from records import same

from cogattn.mind import cohort, world
from cogattn.observer import Observer
from cogattn.world.session import Session
from cogattn.world.stream import WHEN_FULL, Stimulus, Task, TaskStream

GRID = st.integers(0, 19).map(lambda i: i * 0.05)
TIMES = GRID | st.floats(0, 0.999)
POOLS = (
    {},
    {"visual_focal": 1.0, "manual": 1.0},
    {"auditory_verbal": 1.0, "vocal": 1.0},
    {"visual_ambient": 0.5},
)


@st.composite
def tasks(draw, name):
    return Task(
        name,
        response=draw(st.sampled_from(["", "choose", "search", "decide", "stop"])),
        inspect=draw(st.sampled_from([0.0, 0.3])),
        evidence_rate=draw(st.sampled_from([2.0, 10.0])),
        activation=draw(st.sampled_from([0.0, 3.0])),
        peak=draw(st.sampled_from([0.02, 0.1])),
        withhold=draw(st.sampled_from([0.05, 0.3])),
        when_full=draw(st.sampled_from(WHEN_FULL)),
        consolidate=draw(st.booleans()),
        automatic=draw(st.integers(0, 4)) == 0,
        practice=draw(st.sampled_from([0.0, 0.0, 100.0])),
        choice=draw(st.sampled_from([0.0, 0.5, 1.3])),
        service=draw(st.sampled_from(["later", "later", "counted"])),
        before=draw(st.sampled_from([0.0, 0.05])),
        before_sd=draw(st.sampled_from([0.0, 0.02])),
        after=draw(st.sampled_from([0.0, 0.05])),
        after_sd=draw(st.sampled_from([0.0, 0.02])),
        slip=draw(st.sampled_from([0.0, 0.3])),
        rehearse=draw(st.sampled_from([0.0, 0.0, 0.3])),
        deadline=draw(st.sampled_from([math.inf, 0.3])),
        priority=draw(st.sampled_from([1.0, 2.0])),
        salience=draw(st.sampled_from([0.0, 1.0])),
        difficulty=draw(st.sampled_from([1.0, 3.0])),
        resources=draw(st.sampled_from(POOLS)),
    )


@st.composite
def streams(draw):
    todo = [draw(tasks(name)) for name in "abc"[: draw(st.integers(1, 3))]]
    items = []
    for i in range(draw(st.integers(1, 7))):
        onset, end = draw(TIMES), draw(st.none() | TIMES)
        gone = {draw(st.sampled_from(["mask", "offset"])): end} if end is not None and end > onset else {}
        items.append(
            Stimulus(
                f"x{i}",
                onset,
                **gone,
                weight=draw(st.sampled_from([0.0, 1.0, 1.0, 3.0])),
                distractor=draw(st.integers(0, 3)) == 0,
                task=draw(st.sampled_from([t.name for t in todo])),
                evidence=draw(st.sampled_from([0.0, 0.4, 1.0, 1.0])),
                supports=draw(st.sampled_from([-1, 0, 1, 1])),
            )
        )
    return TaskStream(tuple(items), draw(st.sampled_from([1.0, 3.0])), (), tuple(todo), draw(st.booleans()))


OBSERVERS = st.builds(
    Observer,
    capacity=st.sampled_from([5.0, 65.5, math.inf]),
    slots=st.sampled_from([0.0, 1.0, 2.5, math.inf]),
    threshold=st.sampled_from([0.0, 0.0079]),
    reallocate=st.booleans(),
    speed=st.sampled_from([3.28, math.inf]),
    central_share=st.sampled_from([0.5, 0.8, 1.0, 1.0]),
    central=st.sampled_from([1.0, 1.0, 2.0, math.inf]),
    response_grouping=st.sampled_from([0.0, 0.0, 0.2]),
    dwell=st.sampled_from([0.0, 0.21]),
    dwell_sd=st.sampled_from([0.0, 0.11]),
    order_sd=st.sampled_from([0.0, 0.05]),
    memory_life=st.sampled_from([math.inf, 0.5]),
    trace_life=st.sampled_from([math.inf, 5.0, 0.3]),
    switch_rate=st.sampled_from([0.0, 0.5, 5.0]),
    switch_time=st.sampled_from([0.0, 0.2]),
    unattended_weight=st.sampled_from([0.0, 0.1, 1.0]),
    learning=st.sampled_from([0.0, 0.3]),
    search_group=st.sampled_from([1.0, 2.5]),
    quit_growth=st.sampled_from([0.0, 0.27]),
    visit_shape=st.sampled_from([1.48, math.inf]),
    evidence_threshold=st.sampled_from([1.0, 2.5]),
)
MANY = settings(
    max_examples=300,  # ten thousand are among the slow tests
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    database=None,
)


def _same_events(stream, observer, seed, trial):
    fast = cohort.play(stream, [observer], person=0, trial=[trial], seed=seed, record=True, details=True)
    slow = world.play(stream, observer, seed=seed, trial=trial)
    same(fast.events, slow.events, 1e-12)
    assert {stream.names[x] for x in np.flatnonzero(fast.stored[0])} == set(slow.stored)
    answered = {
        n: t for n, t in zip(stream.names, fast.element_times.answered[0], strict=False) if not math.isnan(t)
    }
    assert answered == pytest.approx(slow.answered, abs=1e-12)


ANY = given(stream=streams(), observer=OBSERVERS, seed=st.integers(0, 2**31), trial=st.integers(0, 1000))


@MANY
@ANY
def test_both_drivers_play_the_same_events(stream, observer, seed, trial):
    _same_events(stream, observer, seed, trial)


@pytest.mark.slow
@settings(MANY, max_examples=10_000)
@ANY
def test_both_drivers_play_the_same_events_ten_thousand_times(stream, observer, seed, trial):
    _same_events(stream, observer, seed, trial)


def test_what_is_decided_already_is_not_counted_too():
    """A decision that is in the hand when its display fills the store is answered once, and the trial ends."""
    task = Task("decide", response="decide", evidence_rate=10.0, when_full="count", after=0.3)
    stream = TaskStream((Stimulus("x", 0.0, task="decide"),), 1.0, (), (task,))
    person = Observer(slots=0.0, capacity=20.0, speed=50.0)
    _same_events(stream, person, 1, 0)
    kinds = (
        cohort.play(stream, [person], person=0, seed=1, trial=[0], record=True, details=True)
        .events["kind"]
        .astype(str)
    )
    assert kinds.tolist().count("respond") == 1
    assert "full" in kinds.tolist()


@settings(MANY, max_examples=60)
@given(stream=streams(), observer=OBSERVERS, seed=st.integers(0, 2**31), pace=st.booleans())
def test_sessions_of_many_tasks_too(stream, observer, seed, pace):
    session = Session((stream,), np.zeros(3, int), np.array([0.0, 0.3, 1.0]), self_paced=pace)
    fast = cohort.run_session(session, [observer], seed=seed, record=True, details=True)
    same(fast.events, world.run_session(session, observer, seed=seed).events, 1e-9)


@settings(MANY, max_examples=100)
@given(stream=streams(), observer=OBSERVERS, seed=st.integers(0, 2**31))
def test_the_account_of_every_element_adds_up(stream, observer, seed):
    """Nothing is answered before it is chosen, chosen before it is encoded, encoded before it has come."""
    out = cohort.play(stream, [observer], person=0, trial=range(5), seed=seed, details=True)
    f, onset = out.element_times, np.array([s.onset for s in stream.stimuli])
    for early, late in (
        (f.encoded, f.left),
        (f.encoded, f.answered),
        (f.chosen, f.answered),
        (onset, f.encoded),
    ):
        early = np.broadcast_to(early, late.shape)
        both = ~np.isnan(early) & ~np.isnan(late)
        assert (early[both] <= late[both] + 1e-12).all()
    held = out.stored.sum(1)
    assert (held <= np.ceil(min(observer.slots, 256))).all()
    looked_for = [
        t.name for t in stream.tasks if t.response == "search"
    ]  # what is found there need not be stored
    kept = np.array([s.task not in looked_for for s in stream.stimuli])
    assert np.array_equal(out.stored[:, kept], (~np.isnan(f.encoded) & np.isnan(f.left))[:, kept])
