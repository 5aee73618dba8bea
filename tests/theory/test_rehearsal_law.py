"""Rehearsal played by a mind, against the exact law of `laws.memory`: by place and whole lists, both directions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cogattn.laws import memory
from cogattn.mind import cohort
from cogattn.observer import Observer
from cogattn.paradigms.serial_recall import list_trial
from cogattn.world.session import Session

#: Sees at once, always takes as long to say an item, neither tires nor wanders: what the law speaks of.
STEADY = {
    "capacity": 1e9,
    "threshold": 0.0,
    "speed_sd": 1e-9,
    "wandering": 0.0,
    "fast_loss": 0.0,
    "slow_loss": 0.0,
}
PEOPLE, LISTS = 40, 500
SAYING = 1 / Observer().speed


def recalled(n, policy="random", reversed_=False, interval=1.0, rehearse=1.0, seed=3, **numbers):
    """(lists, n): which items were said."""
    stream = list_trial(n, interval, interval / 2, policy, rehearse, 1.0, 0.5, reversed_=reversed_)
    session = Session((stream,), np.zeros(LISTS, int), np.ones(LISTS))
    minds = [Observer(**(STEADY | numbers))] * PEOPLE
    times = cohort.run_session(session, minds, seed=seed, details=True).element_times.answered
    return ~np.isnan(times[..., :n]).reshape(-1, n)


def far(share, law, n=PEOPLE * LISTS):
    """Standard errors between shares and laws; what is certain must be certain."""
    share, law = np.atleast_1d(share), np.atleast_1d(law)
    error = np.sqrt(np.maximum(law * (1 - law), 1e-12) / n)
    return np.where((law < 1e-9) | (law > 1 - 1e-9), 1e9 * abs(share - law), abs(share - law) / error).max()


@pytest.mark.parametrize("policy", ["random", "oldest"])
@pytest.mark.parametrize("reversed_", [False, True])
@pytest.mark.parametrize(("n", "slots", "life"), [(3, 0.0, 2.0), (4, 3.0, 5.0), (7, 2.5, 5.0), (9, 3.0, 8.0)])
def test_recall_is_the_exact_law(policy, reversed_, n, slots, life):
    said = recalled(n, policy, reversed_, slots=slots, trace_life=life)
    places, whole = memory.span_recall(n, slots, life, SAYING, 1.0, policy, reversed_)
    assert far(said.mean(0), places) < 4.5
    assert far(said.all(1).mean(), whole) < 4.5


def test_another_pace_and_longer_words_too():
    said = recalled(6, interval=0.45, rehearse=2.0, slots=2.0, trace_life=3.0)
    places, whole = memory.span_recall(6, 2.0, 3.0, 2 * SAYING, 0.45)
    assert far(said.mean(0), places) < 4.5
    assert far(said.all(1).mean(), whole) < 4.5


def test_long_words_make_a_short_span():
    short, long = (recalled(7, rehearse=r).all(1).mean() for r in (0.7, 2.0))
    assert short - long > 0.3


def test_the_first_items_are_said_more_often_and_the_last_are_still_in_the_store():
    places = recalled(9).mean(0)
    assert places[0] > places[2] + 0.03 > places[4] + 0.06
    assert places[8] > places[7] > places[5] + 0.03


def test_who_needs_no_time_or_never_forgets_loses_nothing():
    for numbers in ({"speed": math.inf, "trace_life": 0.01}, {"trace_life": math.inf}, {"slots": math.inf}):
        for reversed_ in (False, True):
            assert recalled(12, reversed_=reversed_, **numbers).all()


def test_who_cannot_keep_a_trace_has_the_store_alone():
    said = recalled(6, slots=3.0, trace_life=1e-6)
    assert far(said.mean(0), memory.serial_recall(6, 3.0)) < 4.5


def test_a_tired_or_absent_mind_rehearses_more_slowly():
    fresh = recalled(8).all(1).mean()
    tired = recalled(8, slow_loss=0.8, slow_tiring=1.0).all(1).mean()
    absent = recalled(8, wandering=1e6, lapse_duration=1e6, lapse_speed=0.5).all(1).mean()
    assert tired < fresh - 0.1
    assert absent < fresh - 0.1
