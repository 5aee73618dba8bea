"""Two drivers, one mind: SimPy and the compiled loop play the same events, in the same order, at the same times."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from records import same

from cogattn.mind import cohort, world
from cogattn.observer import Observer
from cogattn.world.stream import Change, Stimulus, Task, TaskStream

END = 1.0


@st.composite
def times(draw):
    """Seconds in [0, 1): on a grid of 50 ms, which makes ties the rule, or anywhere."""
    if draw(st.booleans()):
        return draw(st.integers(0, 19)) * 0.05
    return draw(st.floats(0, 0.999))


@st.composite
def stimuli(draw, name):
    onset = draw(times())
    mask = draw(st.none() | times())
    offset = draw(st.none() | times())
    return Stimulus(
        name,
        onset,
        mask=mask if mask is not None and mask > onset else None,
        offset=offset if offset is not None and offset > onset else None,
        weight=draw(st.sampled_from([0.0, 0.3, 1.0, 1.0, 4.0])),
        distractor=draw(st.booleans()),
        task=draw(st.sampled_from(["a", "b"])),
    )


@st.composite
def streams(draw):
    items = [draw(stimuli(f"x{i}")) for i in range(draw(st.integers(1, 5)))]
    changes = []
    for _ in range(draw(st.integers(0, 2))):
        s = draw(st.sampled_from(items))
        changes.append(Change(max(s.onset, draw(times())), s.name, draw(st.sampled_from([0.0, 0.5, 2.0]))))
    return TaskStream(tuple(items), END, tuple(changes), (Task("a"), Task("b", 2.5)))


OBSERVERS = st.builds(
    Observer,
    capacity=st.sampled_from([5.0, 40.0, 65.5, math.inf]),
    slots=st.sampled_from([0.0, 1.0, 2.5, 4.0, math.inf]),
    threshold=st.sampled_from([0.0, 0.0079, 0.05]),
    alpha=st.sampled_from([0.0, 0.44, 1.0]),
    persistence=st.sampled_from([0.0, 0.05, 0.1]),
    reallocate=st.booleans(),
)


MANY = settings(
    max_examples=150,  # ten thousand are among the slow tests
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    database=None,
)


def _same_events(stream, observer, seed, trial):
    fast = cohort.play(stream, [observer], person=0, trial=[trial], seed=seed, record=True)
    slow = world.play(stream, observer, seed=seed, trial=trial)
    same(fast.events, slow.events, 1e-12)
    assert {stream.names[x] for x in np.flatnonzero(fast.stored[0])} == set(slow.stored)
    bare = cohort.play(stream, [observer], person=0, trial=[trial], seed=seed)  # another loop: `loop._more`
    for what in ("stored", "finish", "censored"):
        assert np.array_equal(getattr(bare, what), getattr(fast, what)), what


ANY = given(stream=streams(), observer=OBSERVERS, seed=st.integers(0, 2**31), trial=st.integers(0, 1000))


@MANY
@ANY
def test_both_drivers_play_the_same_events(stream, observer, seed, trial):
    _same_events(stream, observer, seed, trial)


def test_what_a_deadline_takes_away_is_gone_in_both():
    """Nothing else in this stream asks for more than the smallest loop."""
    two = tuple(Stimulus(name, onset) for name, onset in (("a", 0.0), ("b", 0.3)))
    stream = TaskStream(two, END, (), (Task(deadline=0.2),))
    for trial in range(20):
        _same_events(stream, Observer(), 1, trial)
    out = cohort.play(stream, [Observer()], person=0, trial=range(20), record=True)
    assert (out.events["kind"] == "expire").sum() == 40
    assert np.isfinite(out.finish).any()
    assert not out.stored.any()


@pytest.mark.slow
@settings(MANY, max_examples=10_000)
@ANY
def test_both_drivers_play_the_same_events_ten_thousand_times(stream, observer, seed, trial):
    _same_events(stream, observer, seed, trial)
