"""Two drivers, one mind, for hours: SimPy and the compiled loop play the same session, event for event."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import records
from bare import Bare
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cogattn.errors import InputError
from cogattn.mind import cohort, world
from cogattn.observer import Observer
from cogattn.world.kinds import LAPSE, LOAD, RETURN
from cogattn.world.session import Session
from cogattn.world.stream import Stimulus, Task, TaskStream

PRESS = Task("press", demand=1.0, monotony=1.0, memory=0.5, rate=30, response="simple")
GO = Task("go", monotony=0.3, response="go", caution=1.1, activation=1.5, after=0.2, after_sd=0.03)
WATCH = Task("watch", response="detect", sensitivity=1.5)
LOOK = Task("look", monotony=0.2)
TASKS = (PRESS, GO, WATCH, LOOK)
LISTED = (
    Task("list", when_full="random", rehearse=0.8),
    Task("say", demand=0.0, response="recall"),
    Task("say back", demand=0.0, response="recall_reversed"),
)


def stream(name, signal, end):
    items = [Stimulus("a", task=name, signal=signal)]
    items += [Stimulus("b", 0.02, 0.2, task="look"), Stimulus("c", 0.05, 0.25, distractor=True, task="look")]
    return TaskStream(tuple(items), end=end, tasks=TASKS)


STREAMS = tuple(stream(n, s, e) for n, s, e in (
    ("press", False, 2.0), ("go", False, 0.6), ("go", True, 0.6), ("watch", True, 1.0), ("watch", False, 0.3),
    ("look", False, 0.8),
))  # fmt: skip


def recalled(n, task, call):
    """A list of n items and the call for its recall, in time or in the middle of it."""
    items = [Stimulus(f"p{i}", 0.4 * i, 0.4 * i + 0.3, task="list") for i in range(n)]
    return TaskStream((*items, Stimulus("now", call, task=task)), end=4.0, tasks=LISTED)


LISTS = tuple(recalled(*how) for how in (
    (1, "say", 0.4), (3, "say", 1.2), (6, "say", 2.4), (6, "say", 1.0), (5, "say back", 2.0), (4, "say back", 0.01),
))  # fmt: skip


@st.composite
def sessions(draw):
    n = draw(st.integers(1, 8))
    column = st.lists(st.sampled_from([0.0, 0.1, 1.0, 7.3, 100.0]), min_size=n, max_size=n)
    return Session(
        draw(st.sampled_from([STREAMS, STREAMS, LISTS])),
        np.array(draw(st.lists(st.integers(0, 5), min_size=n, max_size=n))),
        np.array(draw(column)),
        np.array(draw(column)),
        np.array(draw(st.lists(st.sampled_from([0.0, 0.3, 1.0, 2.0]), min_size=n, max_size=n))),
        draw(st.booleans()),
        draw(st.sampled_from([0.0, 2.2, 9.0])),
    )


OBSERVERS = st.builds(
    Observer,
    capacity=st.sampled_from([5.0, 65.5, np.inf]),
    slots=st.sampled_from([1.5, 3.06, np.inf]),
    speed=st.sampled_from([3.33, np.inf]),
    wandering=st.sampled_from([0.0, 1.0, 20.0]),
    slow_loss=st.sampled_from([0.0, 0.195, 0.7]),
    fast_loss=st.sampled_from([0.0, 0.048]),
    tempo_share=st.sampled_from([0.0, 0.35]),
    anticipation=st.sampled_from([0.0, 0.3]),
    lapse_duration=st.sampled_from([0.2, 11.5]),
    trace_life=st.sampled_from([0.5, 5.0, np.inf]),
)


MANY = settings(
    max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)
ANY = given(session=sessions(), observer=OBSERVERS, seed=st.integers(0, 2**31), visit=st.integers(0, 3))


def _same_session(session, observer, seed, visit):
    a = cohort.run_session(session, [observer], record=True, seed=seed, visit=visit).events
    b = world.run_session(session, observer, seed=seed, visit=visit).events
    records.same(a, b, 1e-9)


@MANY
@ANY
def test_both_drivers_play_the_same_session(session, observer, seed, visit):
    _same_session(session, observer, seed, visit)


@pytest.mark.slow
@settings(MANY, max_examples=5_000)
@ANY
def test_both_drivers_play_the_same_session_five_thousand_times(session, observer, seed, visit):
    _same_session(session, observer, seed, visit)


def long_session(n=300, rest=None, people=1):
    rng = np.random.default_rng(1)
    which = rng.integers(0, 6, (people, n))
    return Session(STREAMS, which, rng.exponential(2.0, (people, n)), 0.0 if rest is None else rest)


def same(a, b):
    for name in ("start", "rt", "right", "alertness", "on_task", "stored"):
        assert np.array_equal(getattr(a, name), getattr(b, name), equal_nan=name == "rt"), name


def test_one_core_or_many_alone_or_in_company_the_numbers_are_the_same():
    session, crowd = long_session(people=60), [Observer(wandering=float(i % 5)) for i in range(60)]
    alone = cohort.run_session(session, crowd, seed=5)
    same(alone, cohort.run_session(session, crowd, seed=5, n_jobs=2))
    row = Session(STREAMS, session.which[7:8], session.gap[7:8])
    one = cohort.run_session(row, [crowd[7]], number=[7], seed=5)
    assert np.array_equal(one.rt[0], alone.rt[7], equal_nan=True)
    assert np.array_equal(one.stored[0], alone.stored[7])


@pytest.mark.parametrize(
    "which", [np.zeros(3, int), np.zeros((1, 3), int), np.zeros((3, 2), int).T, np.broadcast_to(0, (2, 3))]
)
def test_the_columns_of_a_session_are_of_one_kind_whatever_they_were_made_of(which):
    """For arrays of another order, or that may not be written, the loop would be compiled once more."""
    session = Session(STREAMS, which, np.ones(3), 0.0)
    for column in (session.which, session.gap, session.rest, session.rest_load):
        assert column.flags.c_contiguous
        assert column.flags.writeable


def test_an_idle_event_changes_nothing():
    """A load that is set to what it is, or a look at the clock, in the middle of everything."""
    m, n = (Bare(Observer(wandering=4.0), seed=3) for _ in range(2))
    for one in (m, n):
        one.perceive(LOAD, -1, 1.0)
    kinds = []
    for step in range(400):
        t, kind, x = m.next_event()
        u, kind2, _ = n.next_event()
        assert kind == kind2
        assert u == pytest.approx(t, rel=1e-10)
        for share in (0.3, 0.6):
            n.advance(n.now + share * (u - n.now))
            if step % 2:
                n.perceive(LOAD, -1, 1.0)
        u = n.next_event()[0]
        m.advance(t), m.apply(kind, x)
        n.advance(u), n.apply(kind, x)
        kinds.append(kind)
        assert np.allclose(m.m["x"], n.m["x"], rtol=0, atol=1e-10)
    assert {LAPSE, RETURN} == set(kinds)


def test_a_race_runs_in_attention_time():
    """With half the alertness a race takes twice as long: the same draws, the same order."""
    task = Task("look", monotony=1.0)
    s = TaskStream((Stimulus("a", task="look"), Stimulus("b", task="look")), end=50.0, tasks=(task,))
    session = Session((s,), np.array([0]), np.array([1e5]))  # so long that the pools stand at their goals
    tired = Observer(capacity=1.0, threshold=0.0, wandering=0.0)
    x = cohort.run_session(session, [tired], record=True).events
    rested = cohort.run_session(session, [replace(tired, fast_loss=0.0, slow_loss=0.0)], record=True).events
    level = float(cohort.run_session(session, [tired]).alertness[0, 0])
    gap = [e.query("kind == 'encode'")["time"].to_numpy() - 1e5 for e in (x, rested)]
    assert level < 0.85
    assert np.allclose(gap[0] * level, gap[1], rtol=1e-9)


def test_without_load_a_session_is_a_row_of_single_trials():
    s = TaskStream(
        tuple(Stimulus(f"t{i}", 0.0, 0.1, task="look") for i in range(6)), end=0.2, tasks=(Task("look"),)
    )
    n = 500
    row = cohort.run_session(Session((s,), np.zeros(n, int), np.ones(n)), [Observer()], seed=9)
    single = cohort.play(s, [Observer()], person=0, trial=np.arange(n), seed=9)
    assert np.array_equal(row.stored[0], single.stored)
    assert (row.alertness == 1.0).all()
    assert row.on_task.all()


def test_the_account_of_time_adds_up():
    session = long_session(200, rest=np.where(np.arange(200) % 50 == 49, 30.0, 0.0))
    out = cohort.run_session(session, [Observer()])
    ends = np.array([s.end for s in STREAMS])[session.which[0]]
    begin = np.cumsum(session.gap[0] + session.rest[0]) + np.concatenate([[0.0], np.cumsum(ends)[:-1]])
    assert np.allclose(out.start[0], begin, rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"which": np.array([9])}, "which"),
        ({"which": np.array([0.5])}, "which"),
        ({"gap": np.array([-1.0])}, "gap"),
        ({"rest": np.array([np.nan])}, "rest"),
        ({"gap": np.ones((2, 3))}, "columns"),
        ({"streams": ()}, "streams"),
        ({"sleepiness": np.inf}, "sleepiness"),
    ],
)
def test_an_impossible_session_is_refused_by_name(change, word):
    good = {"streams": STREAMS, "which": np.array([0, 1]), "gap": np.ones(2)}
    with pytest.raises(InputError, match=word):
        Session(**(good | change))


def test_a_crowd_that_does_not_fit_its_session_is_refused():
    with pytest.raises(InputError, match="no"):
        cohort.run_session(long_session(10, people=2), [Observer()] * 3)
    with pytest.raises(InputError, match="number"):
        cohort.run_session(long_session(10), [Observer()] * 3, number=[0])
    with pytest.raises(InputError, match="weights"):
        cohort.run_session(long_session(10), [Observer()], weights=np.ones((1, 2, 3)))
    with pytest.raises(InputError, match="speeded"):
        cohort.play(STREAMS[0], [Observer()], person=0, trial=[0])
