"""The compiled loop: nothing depends on how the work is cut, and what it cannot express it refuses by name."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogattn.errors import InputError
from cogattn.mind import cohort
from cogattn.observer import Observer
from cogattn.population import Population
from cogattn.world.stream import Change, Stimulus, TaskStream, display

SIX = display(targets=4, distractors=2, exposure=0.1)
CROWD = Population.adults().sample(5, seed=0)
FIELDS = ("stored", "finish", "censored")


def same(a, b, rows=slice(None)):
    return all(np.array_equal(getattr(a, f), getattr(b, f)[rows]) for f in FIELDS)


def crowd_trials(n=20_000):
    return {"person": np.arange(n) % len(CROWD), "trial": np.arange(n) // len(CROWD)}


# --- how the work is cut -----------------------------------------------------------------------------------


@pytest.mark.parametrize("n_jobs", [2, 3, 8])
def test_more_jobs_change_no_bit(n_jobs):
    assert same(
        cohort.play(SIX, CROWD, **crowd_trials()), cohort.play(SIX, CROWD, **crowd_trials(), n_jobs=n_jobs)
    )


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_smaller_chunks_change_no_bit(monkeypatch, chunk):
    how = crowd_trials(3000) | {"record": True, "n_jobs": 2}
    whole = cohort.play(SIX, CROWD, **how)
    monkeypatch.setattr(cohort, "_CHUNK", chunk)
    parts = cohort.play(SIX, CROWD, **how)
    assert same(whole, parts)
    assert whole.events.equals(parts.events)


def test_any_trial_can_be_played_alone():
    how = crowd_trials(500)
    whole = cohort.play(SIX, CROWD, **how)
    for i in (0, 1, 17, 499):
        alone = cohort.play(SIX, CROWD, person=how["person"][i], trial=how["trial"][i])
        assert same(alone, whole, slice(i, i + 1))


def test_the_order_of_trials_does_not_matter():
    how, order = crowd_trials(500), np.random.default_rng(0).permutation(500)
    whole = cohort.play(SIX, CROWD, **how)
    assert same(cohort.play(SIX, CROWD, person=how["person"][order], trial=how["trial"][order]), whole, order)


@pytest.mark.parametrize("more", ["record", "details"])
def test_what_is_told_beside_changes_nothing(more):
    how = crowd_trials(500)
    assert same(cohort.play(SIX, CROWD, **how), cohort.play(SIX, CROWD, **how, **{more: True}))


def test_persons_and_trials_broadcast():
    out = cohort.play(SIX, CROWD, person=np.arange(5)[:, None], trial=np.arange(3))
    one_by_one = cohort.play(SIX, CROWD, person=np.repeat(np.arange(5), 3), trial=np.tile(np.arange(3), 5))
    assert out.stored.shape == (15, 6)
    assert same(out, one_by_one)


def test_other_seeds_persons_and_trials_are_other_chances():
    twins = [Observer()] * 2
    base = cohort.play(SIX, twins, person=0, trial=range(50)).finish
    for other in ({"person": 1}, {"trial": range(50, 100)}, {"seed": 1}):
        how = {"person": 0, "trial": range(50)} | other
        assert not (cohort.play(SIX, twins, **how).finish == base)[np.isfinite(base)].any()


def test_arms_differ_by_their_limits_alone():
    """Common random numbers: the one with more slots stores all that the other stores, trial by trial."""
    few, many = (cohort.play(SIX, [Observer(slots=k)], person=0, trial=range(2000)) for k in (2.0, 4.0))
    assert np.array_equal(few.finish, many.finish)
    assert (many.stored >= few.stored).all()
    assert many.stored.sum() > few.stored.sum()


# --- several streams, given weights ------------------------------------------------------------------------


def test_which_says_which_stream_a_trial_shows():
    streams = [display(targets=2, exposure=0.05), display(targets=5, exposure=0.2)]
    which = np.arange(100) % 2
    both = cohort.play(streams, [Observer()], person=0, trial=range(100), which=which)
    for s, stream in enumerate(streams):
        n, own = len(stream.stimuli), which == s
        alone = cohort.play(stream, [Observer()], person=0, trial=np.flatnonzero(own))
        assert np.array_equal(both.stored[own][:, :n], alone.stored)
        assert not both.stored[own][:, n:].any()
        assert np.isinf(both.finish[own][:, n:]).all()


def test_the_record_of_several_streams_names_their_own_elements():
    streams = [display(targets=1, exposure=0.1), display(targets=0, distractors=2, exposure=0.1)]
    both = cohort.play(
        streams, [Observer()], person=0, trial=range(4), which=[0, 1, 0, 1], record=True
    ).events
    assert set(both[both.trial == 0].element) == {"t0", ""}
    assert set(both[both.trial == 1].element) == {"d0", "d1", ""}
    assert both.index.is_unique


def test_given_weights_replace_the_streams():
    w = SIX.weights(Observer().alpha)
    how = {"person": 0, "trial": range(200)}
    assert same(
        cohort.play(SIX, [Observer()], **how),
        cohort.play(SIX, [Observer()], **how, weights=np.tile(w, (200, 1))),
    )
    only_first = np.tile([1.0, 0, 0, 0, 0, 0], (200, 1))
    assert not cohort.play(SIX, [Observer()], **how, weights=only_first).stored[:, 1:].any()


def test_given_weights_are_multiplied_by_what_the_stimulus_brings():
    stream = TaskStream((Stimulus("A", weight=2.0), Stimulus("B")), 0.1, changes=(Change(0.0, "B", 6.0),))
    plain = TaskStream((Stimulus("A"), Stimulus("B")), 0.1)
    how = {"person": 0, "trial": range(200)}
    brought = cohort.play(stream, [Observer()], **how, weights=np.ones((200, 2)))
    assert same(brought, cohort.play(plain, [Observer()], **how, weights=np.tile([2.0, 6.0], (200, 1))))


# --- accounting --------------------------------------------------------------------------------------------


@st.composite
def streams(draw):
    onset = st.integers(0, 9).map(lambda i: i / 10)
    later = st.none() | st.integers(1, 6).map(lambda i: i / 10)

    def stimulus(name):
        t, mask, offset = draw(onset), draw(later), draw(later)
        return Stimulus(name, t, None if mask is None else t + mask, None if offset is None else t + offset)

    return TaskStream(tuple(stimulus(f"x{i}") for i in range(draw(st.integers(1, 5)))), end=0.6)


@pytest.mark.full
@settings(max_examples=150, deadline=None, derandomize=True)
@given(streams(), st.sampled_from([0.0, 1.0, 2.5, math.inf]), st.booleans())
def test_all_that_arrived_was_stored_or_missed_or_censored(stream, slots, reallocate):
    observer = Observer(capacity=10.0, slots=slots, reallocate=reallocate)
    out = cohort.play(stream, [observer], person=0, trial=range(8), record=True)
    arrived = np.array([s.onset < stream.end for s in stream.stimuli])
    over = {"full", "fade", "mask"}
    told = {}
    for trial, name, kind in zip(
        *(out.events[c].tolist() for c in ("trial", "element", "kind")), strict=True
    ):
        told.setdefault((trial, name), set()).add(kind)
    for trial in range(8):
        for x, name in enumerate(stream.names):
            kinds = told.get((trial, name), set())
            missed = bool(kinds & over) and "encode" not in kinds
            assert out.stored[trial, x] == ("encode" in kinds)
            assert int(out.stored[trial, x]) + int(missed) + int(out.censored[trial, x]) == int(arrived[x])
            assert np.isfinite(out.finish[trial, x]) == bool(kinds & {"encode", "full"})


def test_never_more_than_k_are_stored():
    for slots in (0.0, 1.0, 2.5, 6.0):
        out = cohort.play(SIX, [Observer(capacity=1e6, slots=slots)], person=0, trial=range(500))
        assert out.stored.sum(1).max() == math.ceil(slots)
        assert out.stored.sum(1).min() == math.floor(slots)


# --- what is refused ---------------------------------------------------------------------------------------


def test_a_world_that_answers_back_is_refused_by_name():
    stream = TaskStream((Stimulus("A"), Stimulus("B", mask=lambda mind: mind.encoded("A"))), 1.0)
    with pytest.raises(InputError, match=r"mask of 'B' is a process.*cogattn\.mind\.world\.play"):
        cohort.play([SIX, stream], [Observer()], person=0, trial=0)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"person": 1}, "person must be from 0 to 0, got 1"),
        ({"person": -1}, "person"),
        ({"trial": -1}, "trial must be from 0 to 2147483647, got -1"),
        ({"trial": []}, "at least one stream, one observer and one trial"),
        ({"observers": []}, "at least one stream, one observer and one trial"),
        ({"streams": []}, "at least one stream, one observer and one trial"),
        ({"which": [1, 1, 1]}, "which"),
        ({"which": [0]}, "which"),
        ({"weights": np.ones((3, 5))}, r"weights must have shape \(3, 6\)"),
        ({"weights": np.full((3, 6), np.nan)}, "weights must be finite"),
        ({"weights": np.full((3, 6), -1.0)}, "weights must be finite and >= 0"),
        ({"weights": np.full((3, 6), np.inf)}, "weights must be finite"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"n_jobs": 0}, "n_jobs"),
        ({"person": 0.5}, "person must be whole numbers"),
        ({"trial": [0.0, np.nan, 1.0]}, "trial must be whole numbers"),
        ({"trial": 2**31}, "trial must be"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong, says):
    how = {"streams": SIX, "observers": [Observer()], "person": 0, "trial": [0, 1, 2]} | wrong
    streams, observers = how.pop("streams"), how.pop("observers")
    with pytest.raises(InputError, match=says) as refused:
        cohort.play(streams, observers, **how)
    assert "\n" not in str(refused.value)
