"""One mind, event by event: tiny worlds whose whole log is known by hand.

The driver below is the shortest there is; `needs` takes the place of chance: element x must work through
needs[x] at the rate v_x. With C = 10 items/s and one element of need 1, that takes 0.1 s.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from bare import Bare

from cogattn.mind import phases
from cogattn.observer import Observer
from cogattn.world.kinds import FORGET, KINDS, MASK, NOTHING, OFFSET, ONSET, WEIGHT
from cogattn.world.stream import MOST_ELEMENTS

A, B, C, D = range(4)


def made_of(capacity, slots, threshold, persistence, reallocate):
    """These numbers, and no fatigue."""
    numbers = {"capacity": capacity, "slots": slots, "threshold": threshold, "persistence": persistence}
    return replace(Observer(**numbers, reallocate=reallocate), wandering=0.0)


def live(*world, needs, until=1.0, seed=0, capacity=10.0, slots=2.0, threshold=0.0, persistence=0.1,
         reallocate=False, state=None):  # fmt: skip
    """The log [(time, kind, element)] of a world of (time, kind, element, value=1), and the mind after it."""
    person = made_of(capacity, slots, threshold, persistence, reallocate)
    mind = Bare(person, seed=seed) if state is None else state
    if state is not None:
        mind.begin(seed)
    log = []

    def let_it_be(limit):
        while True:
            t, kind, x = mind.next_event()
            if not t < limit:
                return mind.advance(limit)
            mind.advance(t)
            log.append((round(t, 12), KINDS[mind.apply(kind, x)], "ABCD"[x]))

    for time, kind, x, *value in world:
        let_it_be(time)
        mind.perceive(kind, x, value[0] if value else 1.0)
        log.append((time, KINDS[kind], "ABCD"[x]))
        if kind == ONSET:
            mind.e["need"][x] = needs[x]
    let_it_be(until)
    return log, mind


def log_of(*world, **how):
    return live(*world, **how)[0]


def own(log):
    """What the mind did by itself."""
    return [row for row in log if row[1] in ("open", "encode", "full", "fade")]


# --- one element -------------------------------------------------------------------------------------------


def test_an_element_opens_after_the_threshold_and_enters_at_its_rate():
    assert log_of((0.2, ONSET, A), needs=[1.0], threshold=0.05) == [
        (0.2, "onset", "A"),
        (0.25, "open", "A"),
        (0.35, "encode", "A"),
    ]


def test_a_mask_while_waiting_leaves_nothing():
    log, m = live((0.0, ONSET, A), (0.04, MASK, A), needs=[0.0], threshold=0.05)
    assert log == [(0.0, "onset", "A"), (0.04, "mask", "A")]
    assert m.e["phase"][A] == phases.GONE


def test_a_mask_while_racing_ends_the_race():
    log, m = live((0.0, ONSET, A), (0.09, MASK, A), needs=[1.0])
    assert log == [(0.0, "onset", "A"), (0.0, "open", "A"), (0.09, "mask", "A")]
    assert m.m["stored"] == 0


def test_what_is_stored_outlives_its_mask():
    log, m = live((0.0, ONSET, A), (0.2, MASK, A), needs=[1.0])
    assert own(log) == [(0.0, "open", "A"), (0.1, "encode", "A")]
    assert m.e["phase"][A] == phases.STORED
    assert m.m["stored"] == 1


def test_an_image_taken_away_persists_and_may_still_enter():
    assert log_of((0.0, ONSET, A), (0.05, OFFSET, A), needs=[1.0]) == [
        (0.0, "onset", "A"),
        (0.0, "open", "A"),
        (0.05, "offset", "A"),
        (0.1, "encode", "A"),
        (0.15, "fade", "A"),
    ]


def test_an_image_taken_away_fades():
    log, m = live((0.0, ONSET, A), (0.05, OFFSET, A), needs=[2.0])
    assert own(log) == [(0.0, "open", "A"), (0.15, "fade", "A")]
    assert m.e["phase"][A] == phases.GONE


def test_an_image_may_fade_before_it_opens():
    world = ((0.0, ONSET, A), (0.01, OFFSET, A))
    assert own(log_of(*world, needs=[0.0], threshold=0.2)) == [(0.11, "fade", "A")]


def test_a_mask_wipes_out_a_persisting_image():
    world = ((0.0, ONSET, A), (0.05, OFFSET, A), (0.08, MASK, A))
    assert own(log_of(*world, needs=[1.0])) == [(0.0, "open", "A")]


def test_without_persistence_an_offset_is_a_mask():
    world = ((0.0, ONSET, A), (0.05, OFFSET, A))
    assert own(log_of(*world, needs=[1.0], persistence=0.0)) == [(0.0, "open", "A"), (0.05, "fade", "A")]


# --- several share the capacity ----------------------------------------------------------------------------


def test_rates_are_fixed_by_all_on_display():
    world = ((0.0, ONSET, A), (0.0, ONSET, B))
    assert own(log_of(*world, needs=[1.0, 2.0])) == [
        (0.0, "open", "A"),
        (0.0, "open", "B"),
        (0.2, "encode", "A"),
        (0.4, "encode", "B"),  # no faster after A is done
    ]


def test_reallocating_hands_the_rate_on():
    world = ((0.0, ONSET, A), (0.0, ONSET, B))
    assert own(log_of(*world, needs=[1.0, 2.0], reallocate=True))[2:] == [
        (0.2, "encode", "A"),
        (0.3, "encode", "B"),
    ]


def test_reallocating_hands_on_the_rate_of_what_found_no_room():
    world = ((0.0, ONSET, A), (0.0, ONSET, B))
    assert own(log_of(*world, needs=[1.0, 2.0], reallocate=True, slots=0.0))[2:] == [
        (0.2, "full", "A"),
        (0.3, "full", "B"),
    ]


def test_weights_divide_the_capacity():
    world = ((0.0, ONSET, A, 3.0), (0.0, ONSET, B, 1.0))
    assert own(log_of(*world, needs=[1.5, 1.0]))[2:] == [(0.2, "encode", "A"), (0.4, "encode", "B")]


def test_a_mask_frees_the_rate_for_the_rest():
    world = ((0.0, ONSET, A), (0.0, ONSET, B), (0.1, MASK, A))
    assert own(log_of(*world, needs=[9.0, 2.0]))[2:] == [(0.25, "encode", "B")]  # 0.5 done by 0.1, then 10/s


def test_a_stored_element_keeps_its_share_until_its_image_is_gone():
    world = ((0.0, ONSET, A), (0.0, ONSET, B), (0.1, OFFSET, A))
    assert own(log_of(*world, needs=[0.5, 2.0]))[2:] == [
        (0.1, "encode", "A"),
        (0.2, "fade", "A"),
        (0.3, "encode", "B"),  # 1.0 done by 0.2 at 5/s, then 10/s
    ]


def test_a_late_element_takes_its_share_when_it_opens_not_when_it_appears():
    world = ((0.0, ONSET, A), (0.1, ONSET, B))
    assert log_of(*world, needs=[2.0, 1.0], threshold=0.1) == [
        (0.0, "onset", "A"),
        (0.1, "onset", "B"),
        (0.1, "open", "A"),
        (0.2, "open", "B"),
        (0.4, "encode", "A"),  # 1.0 done by 0.2 at 10/s, then 5/s
        (0.4, "encode", "B"),
    ]


# --- weights change ----------------------------------------------------------------------------------------


def test_an_ignored_element_waits_and_goes_on_when_it_matters_again():
    world = ((0.0, ONSET, A), (0.05, WEIGHT, A, 0.0), (0.3, WEIGHT, A, 1.0))
    assert log_of(*world, needs=[1.0]) == [
        (0.0, "onset", "A"),
        (0.0, "open", "A"),
        (0.05, "weight", "A"),
        (0.3, "weight", "A"),
        (0.35, "encode", "A"),
    ]


def test_a_weight_change_moves_the_rate_at_that_moment_only():
    world = ((0.0, ONSET, A), (0.0, ONSET, B), (0.1, WEIGHT, B, 3.0))
    assert own(log_of(*world, needs=[1.0, 1.25]))[2:] == [
        (0.2, "encode", "B"),  # 0.5 at 5/s, 0.75 at 7.5/s
        (0.3, "encode", "A"),  # 0.5 at 5/s, 0.5 at 2.5/s
    ]


def test_the_weight_of_what_is_stored_or_gone_still_counts_only_while_it_is_shown():
    shown = ((0.0, ONSET, A), (0.0, ONSET, B), (0.1, WEIGHT, A, 3.0))
    assert own(log_of(*shown, needs=[0.25, 1.0]))[2:] == [(0.05, "encode", "A"), (0.3, "encode", "B")]
    gone = ((0.0, ONSET, A), (0.0, ONSET, B), (0.1, MASK, A), (0.1, WEIGHT, A, 3.0))
    assert own(log_of(*gone, needs=[0.25, 1.0]))[2:] == [(0.05, "encode", "A"), (0.15, "encode", "B")]


def test_zero_weight_never_enters():
    world = ((0.0, ONSET, A, 0.0), (0.0, ONSET, B))
    assert own(log_of(*world, needs=[0.0, 1.0]))[2:] == [(0.1, "encode", "B")]
    assert own(log_of((0.0, ONSET, A, 0.0), needs=[0.0])) == [(0.0, "open", "A")]


def test_a_weight_changed_while_waiting_holds_when_it_opens():
    world = ((0.0, ONSET, A), (0.0, ONSET, B), (0.02, WEIGHT, A, 3.0))
    assert own(log_of(*world, needs=[1.5, 1.0], threshold=0.05))[2:] == [
        (0.25, "encode", "A"),
        (0.45, "encode", "B"),
    ]


# --- the store ---------------------------------------------------------------------------------------------


def test_a_full_store_takes_no_more_and_says_so():
    world = tuple((0.0, ONSET, x) for x in (A, B, C))
    log, m = live(*world, needs=[1.0, 2.0, 0.5], capacity=30.0)
    assert own(log)[3:] == [(0.05, "encode", "C"), (0.1, "encode", "A"), (0.2, "full", "B")]
    assert (m.e["slot"][C], m.e["slot"][A], m.m["stored"]) == (0, 1, 2)
    assert m.e["phase"][B] == phases.LOST


def test_forgetting_frees_the_slot_for_the_next():
    world = ((0.0, ONSET, A), (0.0, ONSET, B), (0.3, FORGET, A), (0.3, ONSET, C))
    log, m = live(*world, needs=[0.5, 1.0, 1.0], capacity=30.0)
    assert own(log)[2:4] == [(0.033333333333, "encode", "A"), (0.066666666667, "encode", "B")]
    assert own(log)[5] == (0.4, "encode", "C")
    assert (m.e["slot"][B], m.e["slot"][C], m.m["stored"]) == (1, 0, 2)


def test_what_found_no_room_does_not_come_back_when_there_is_room():
    world = ((0.0, ONSET, A), (0.0, ONSET, B), (0.5, FORGET, A))
    log, m = live(*world, needs=[0.5, 1.0], slots=1.0)
    assert own(log)[2:] == [(0.1, "encode", "A"), (0.2, "full", "B")]
    assert m.m["stored"] == 0


@pytest.mark.parametrize("slots", [0.0, 1.0])
def test_forgetting_what_is_not_stored_changes_nothing(slots):
    world = ((0.0, ONSET, A), (0.05, FORGET, A))
    kind = "encode" if slots else "full"
    log, m = live(*world, needs=[1.0], slots=slots)
    assert own(log) == [(0.0, "open", "A"), (0.1, kind, "A")]
    assert m.m["stored"] == slots


def test_forgetting_twice_frees_one_slot():
    world = ((0.0, ONSET, A), (0.0, ONSET, B), (0.5, FORGET, A), (0.6, FORGET, A))
    assert live(*world, needs=[0.5, 1.0])[1].m["stored"] == 1


def test_a_slot_count_between_two_is_one_of_them_trial_by_trial():
    counts = [live((0.0, ONSET, A), needs=[9.0], slots=2.25, seed=seed)[1].m["slots"] for seed in range(2000)]
    assert set(counts) == {2, 3}
    assert abs(np.mean(counts) - 2.25) < 4 * math.sqrt(0.25 * 0.75 / 2000)


def test_unlimited_slots_hold_every_element():
    m = Bare(made_of(10.0, math.inf, 0.0, 0.1, False), elements=MOST_ELEMENTS)
    for x in range(MOST_ELEMENTS):
        m.perceive(ONSET, x, 1.0)
    while (event := m.next_event())[0] < math.inf:
        m.advance(event[0])
        m.apply(*event[1:])
    assert m.m["stored"] == MOST_ELEMENTS
    assert sorted(m.e["slot"]) == list(range(MOST_ELEMENTS))


# --- limits and ties ---------------------------------------------------------------------------------------


def test_infinite_capacity_takes_all_at_once_in_the_order_of_need_over_weight():
    world = ((0.0, ONSET, A, 1.0), (0.0, ONSET, B, 4.0), (0.0, ONSET, C, 1.0))
    log, m = live(*world, needs=[1.0, 2.0, 0.7], capacity=math.inf, threshold=0.01)
    assert own(log) == [
        (0.01, "open", "A"),
        (0.01, "open", "B"),
        (0.01, "open", "C"),
        (0.01, "encode", "B"),  # 0.5
        (0.01, "encode", "C"),  # 0.7
        (0.01, "full", "A"),  # 1.0
    ]
    assert (m.e["slot"][B], m.e["slot"][C]) == (0, 1)


@pytest.mark.parametrize("reallocate", [False, True])
def test_infinite_capacity_leaves_zero_weight_alone(reallocate):
    world = ((0.0, ONSET, A, 0.0), (0.0, ONSET, B))
    log = log_of(*world, needs=[0.5, 1.0], capacity=math.inf, reallocate=reallocate)
    assert own(log)[2:] == [(0.0, "encode", "B")]


@pytest.mark.parametrize("threshold", [0.0, 0.1])
def test_at_one_time_the_world_comes_first(threshold):
    late = 0.1 + threshold  # the very moment of finishing
    world = ((0.0, ONSET, A), (late, MASK, A))
    assert own(log_of(*world, needs=[1.0], threshold=threshold)) == [(threshold, "open", "A")]


def test_a_mask_at_the_threshold_leaves_nothing():
    assert own(log_of((0.0, ONSET, A), (0.05, MASK, A), needs=[0.0], threshold=0.05)) == []


@pytest.mark.parametrize("faded", [A, B, C])
def test_at_one_time_fading_comes_before_opening_and_opening_before_finishing(faded):
    world = (*((0.0, ONSET, x) for x in (A, B, C)), (0.0, OFFSET, faded))
    log = log_of(*world, needs=[0.0, 0.0, 0.0], threshold=0.5, persistence=0.5)
    rest = [x for x in "ABC" if x != "ABC"[faded]]
    assert own(log) == [
        (0.5, "fade", "ABC"[faded]),
        *((0.5, "open", x) for x in rest),
        *((0.5, "encode", x) for x in rest),
    ]


def test_at_one_time_elements_come_in_their_order():
    for order in itertools.permutations((A, B, C)):
        world = tuple((0.0, ONSET, x) for x in order)
        log = own(log_of(*world, needs=[1.0, 1.0, 1.0], slots=3.0))
        assert [x for _, _, x in log] == ["A", "B", "C", "A", "B", "C"]


def test_an_image_that_fades_as_it_finishes_is_lost():
    world = ((0.0, ONSET, A), (0.25, OFFSET, A))
    log = log_of(*world, needs=[5.0], persistence=0.25)
    assert own(log) == [(0.0, "open", "A"), (0.5, "fade", "A")]


# --- the clock ---------------------------------------------------------------------------------------------


def test_an_idle_mind_plans_nothing():
    m = Bare(made_of(10.0, 2.0, 0.0, 0.1, False))
    assert m.next_event() == (math.inf, NOTHING, -1)


def test_looking_does_not_change_the_mind():
    _, m = live((0.0, ONSET, A), (0.0, ONSET, B), needs=[5.0, 6.0], until=0.1)
    first = m.next_event()  # sums and rates are made when they are asked for
    before = m.m.tobytes(), m.e.tobytes()
    assert m.next_event() == first
    assert (m.m.tobytes(), m.e.tobytes()) == before


def test_time_may_pass_in_pieces():
    whole, pieces = (
        live((0.0, ONSET, A), (0.0, ONSET, B, 2.0), needs=[9.0, 9.0], until=0.01)[1] for _ in range(2)
    )
    whole.advance(0.7)
    for t in np.linspace(0.01, 0.7, 173):
        pieces.advance(t)
    assert np.allclose(whole.e["need"][:2], pieces.e["need"][:2], rtol=0, atol=1e-12)
    assert whole.next_event()[0] == pytest.approx(pieces.next_event()[0], abs=1e-12)


def test_time_never_runs_back():
    _, m = live((0.0, ONSET, A), needs=[9.0], until=0.5)
    m.advance(0.1)
    assert m.now == 0.5


@pytest.mark.full
def test_twice_the_capacity_takes_half_the_time():
    world = ((0.0, ONSET, A, 2.0), (0.0, ONSET, B, 1.0), (0.0, ONSET, C, 0.5))
    slow, fast = (log_of(*world, needs=[0.4, 0.5, 0.3], capacity=c, slots=3.0, until=9) for c in (5.0, 10.0))
    assert [row[1:] for row in slow] == [row[1:] for row in fast]
    assert [t for t, *_ in slow] == pytest.approx([2 * t for t, *_ in fast])


def test_a_new_trial_remembers_nothing():
    world = ((0.0, ONSET, A), (0.0, ONSET, B), (0.1, OFFSET, A))
    _, used = live(*((0.0, ONSET, x) for x in (A, B, C, D)), needs=[0.1, 0.2, 0.3, 9.0])
    fresh = log_of(*world, needs=[0.7, 1.3])
    assert log_of(*world, needs=[0.7, 1.3], state=used) == fresh
