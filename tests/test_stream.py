"""Streams: what arrives, in which order, and what cannot arrive."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from walking import walked

from cogattn.errors import InputError
from cogattn.world.stream import (
    END,
    FORGET,
    MASK,
    MOST_ELEMENTS,
    MOST_WEIGHT,
    OFFSET,
    ONSET,
    WEIGHT,
    Change,
    Stimulus,
    Task,
    TaskStream,
    display,
)

ENDS = ("mask", "offset")  # they lie after the onset
NO_NUMBERS = ["soon", "", b"0", [], [0.1], {}, 1j, True, np.ones((20, 20))]
NO_TIMES = [*NO_NUMBERS, math.nan, math.inf, -math.inf, -1.0, -(10**400), 10**400]
NO_NAMES = ["", "  ", "\n", None, 3, b"A", [], ["A"], np.zeros((20, 20))]

WRONG = [
    *((Stimulus, {"name": v}, "stimulus name") for v in NO_NAMES),
    *((Stimulus, {"name": "A", "onset": v}, "onset of 'A'") for v in [*NO_TIMES, None]),
    *((Stimulus, {"name": "A", "onset": 0.1, "mask": v}, "mask of 'A'") for v in [*NO_TIMES, 0.1, 0.0]),
    *((Stimulus, {"name": "A", "onset": 0.1, "offset": v}, "offset of 'A'") for v in [*NO_TIMES, 0.1, 0.0, len]),
    *((Stimulus, {"name": "A", "weight": v}, "weight of 'A'") for v in [*NO_TIMES, None]),
    *((Stimulus, {"name": "A", "distractor": v}, "distractor of 'A'") for v in [None, 0, 1, "no", []]),
    *((Task, {"name": v}, "task name") for v in NO_NAMES),
    *((Task, {"pertinence": v}, "pertinence") for v in [*NO_TIMES, None]),
    *((Change, {"time": v, "element": "A", "weight": 1.0}, "time of a change") for v in [*NO_TIMES, None]),
    *((Change, {"time": 0.0, "element": "A", "weight": v}, "weight of 'A'") for v in [*NO_TIMES, None]),
    *((Change, {"time": 0.0, "element": v, "weight": 1.0}, "element of a change") for v in NO_NAMES),
    *((TaskStream, {"stimuli": (Stimulus("A"),), "end": v}, "end of the stream") for v in [*NO_TIMES, None, 0]),
    *((TaskStream, {"stimuli": v, "end": 1.0}, "stimul") for v in [(), [], None, 3, "A", ["A"], (None,), Task()]),
    *((TaskStream, {"stimuli": (Stimulus("A"),), "end": 1, "changes": v}, "changes") for v in [3, "A", [1], None]),
    *((TaskStream, {"stimuli": (Stimulus("A"),), "end": 1, "tasks": v}, "task") for v in [3, "A", [1], None, ()]),
    *((display, {"targets": 1, "exposure": v}, "exposure") for v in [*NO_TIMES, None, 0]),
    *((display, {"targets": 1, "exposure": 1, "onset": v}, "onset") for v in [*NO_TIMES, None]),
    *((display, {"targets": 1, "exposure": 1, "after": v}, "after") for v in [*NO_TIMES, None, 0]),
    *((display, {"targets": v, "exposure": 1}, "targets") for v in [*NO_NUMBERS, -1, 1.5, 257, 10**400, None]),
    *((display, {"targets": 0, "distractors": v, "exposure": 1}, "distractors") for v in [*NO_NUMBERS, -1, 257]),
    (display, {"targets": 0, "exposure": 1}, "at least one stimulus"),
    (display, {"targets": 150, "distractors": 150, "exposure": 1}, "at most 256 elements, got 300"),
]  # fmt: skip


@walked("make, values, says", WRONG)
def test_a_wrong_value_is_refused_in_one_line_that_names_it(make, values, says):
    with pytest.raises(InputError, match=says) as refused:
        make(**values)
    assert len(str(refused.value).splitlines()) == 1


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.sampled_from(["onset", "mask", "offset", "weight"]),
    st.floats() | st.text() | st.binary() | st.lists(st.none()),
)
def test_no_value_breaks_a_stimulus(field, value):
    """It is taken as it is, or refused with its name and itself."""
    most = MOST_WEIGHT if field == "weight" else math.inf
    if (
        isinstance(value, float)
        and math.isfinite(value)
        and 0 <= value <= most
        and (value > 0 or field not in ENDS)
    ):
        assert getattr(Stimulus("A", **{field: value}), field) == value
    else:
        with pytest.raises(InputError, match=f"^{field} of 'A' must be .*, got ") as refused:
            Stimulus("A", **{field: value})
        assert len(str(refused.value).splitlines()) == 1


def test_the_message_holds_the_value_and_the_range():
    with pytest.raises(InputError) as refused:
        Stimulus("A", onset=0.2, mask=0.1)
    assert str(refused.value) == "mask of 'A' must be > 0.2 s (its onset), got 0.1"


def test_names_must_be_told_apart():
    with pytest.raises(InputError, match="every stimulus needs a name of its own, got 'A' twice"):
        TaskStream((Stimulus("A"), Stimulus("A")), 1.0)
    with pytest.raises(InputError, match="every task needs a name of its own, got 'report' twice"):
        TaskStream((Stimulus("A"),), 1.0, tasks=(Task(), Task()))


def test_a_stream_knows_its_tasks_and_elements():
    with pytest.raises(InputError, match="task of 'A' must be one of report, got 'ear'"):
        TaskStream((Stimulus("A", task="ear"),), 1.0)
    with pytest.raises(InputError, match="a change must name one of A, got 'B'"):
        TaskStream((Stimulus("A"),), 1.0, changes=(Change(0.0, "B", 1.0),))


def test_nothing_changes_before_it_is_there():
    with pytest.raises(InputError, match=r"time of a change of 'A' must be >= 0.5 s \(its onset\), got 0.1"):
        TaskStream((Stimulus("A", onset=0.5),), 1.0, changes=(Change(0.1, "A", 1.0),))


def test_a_stream_holds_no_more_than_a_mind():
    stimuli = tuple(Stimulus(f"x{i}") for i in range(MOST_ELEMENTS + 1))
    assert len(TaskStream(stimuli[:-1], 1.0).names) == MOST_ELEMENTS
    with pytest.raises(InputError, match="at most 256 elements, got 257"):
        TaskStream(stimuli, 1.0)


def test_a_stream_cannot_be_changed_through_the_list_it_was_made_of():
    stimuli = [Stimulus("A")]
    stream = TaskStream(stimuli, 1.0)
    stimuli.append(Stimulus("B"))
    assert stream.names == ["A"]
    assert stream == TaskStream((Stimulus("A"),), 1.0)
    assert hash(stream) == hash(TaskStream((Stimulus("A"),), 1.0))


# --- arrivals ----------------------------------------------------------------------------------------------


def test_the_numbers_of_what_happens_are_part_of_the_record():
    assert (ONSET, MASK, OFFSET, WEIGHT, FORGET, END) == (0, 1, 2, 3, 4, 5)


def test_arrivals_are_a_tiny_world_row_by_row():
    stream = TaskStream(
        (Stimulus("A", 0.2, mask=0.4), Stimulus("B", 0.0, offset=0.2, weight=2.0), Stimulus("C", 0.2)),
        end=0.5,
        changes=(Change(0.2, "C", 3.0), Change(0.2, "B", 0.5)),
    )
    assert [tuple(row) for row in zip(*(c.tolist() for c in stream.arrivals()), strict=True)] == [
        (0.0, ONSET, 1, 2.0),
        (0.2, OFFSET, 1, 0.0),  # at one time: masks, offsets, onsets, weights, each in the order of elements
        (0.2, ONSET, 0, 1.0),
        (0.2, ONSET, 2, 1.0),
        (0.2, WEIGHT, 1, 0.5),
        (0.2, WEIGHT, 2, 3.0),
        (0.4, MASK, 0, 0.0),
        (0.5, END, -1, 0.0),
    ]


def test_two_changes_at_one_time_are_met_in_the_order_they_were_written():
    for first, last in ((0.0, 2.0), (2.0, 0.0)):
        changes = (Change(0.1, "A", first), Change(0.1, "A", last))
        values = TaskStream((Stimulus("A"),), 0.5, changes=changes).arrivals().value
        assert values[1:3].tolist() == [first, last]


def test_what_comes_at_or_after_the_end_never_arrives():
    stream = TaskStream(
        (Stimulus("A", mask=0.5), Stimulus("B", 0.5), Stimulus("C", 0.1, offset=0.6)),
        end=0.5,
        changes=(Change(0.7, "A", 2.0),),
    )
    arrivals = stream.arrivals()
    assert arrivals.kind.tolist() == [ONSET, ONSET, END]
    assert arrivals.element.tolist() == [0, 2, -1]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9), st.booleans()), min_size=1, max_size=6))
def test_arrivals_are_sorted_and_complete(items):
    stimuli = [
        Stimulus(f"x{i}", a / 10, **{"mask" if m else "offset": (a + b) / 10})
        for i, (a, b, m) in enumerate(items)
    ]
    arrivals = TaskStream(tuple(stimuli), end=3.0).arrivals()
    assert (np.diff(arrivals.time) >= 0).all()
    assert len(arrivals.time) == 2 * len(items) + 1
    for x in range(len(items)):
        assert arrivals.kind[arrivals.element == x][0] == ONSET


def test_weights_are_pertinence_times_alpha_for_distractors():
    stream = TaskStream(
        (
            Stimulus("A", weight=9.0),
            Stimulus("B", distractor=True),
            Stimulus("C", task="ear", distractor=True),
        ),
        1.0,
        tasks=(Task(), Task("ear", 3.0)),
    )
    assert stream.weights(0.5).tolist() == [1.0, 0.5, 1.5]  # a stimulus' own weight arrives with it
    assert stream.weights([0.0, 1.0]).tolist() == [[1, 0, 0], [1, 1, 3]]


def test_open_stimuli_are_those_whose_end_the_world_decides():
    stream = TaskStream((Stimulus("A", mask=0.1), Stimulus("B", mask=lambda mind: None)), 1.0)
    assert stream.open_stimuli == ["B"]
    assert MASK not in stream.arrivals().kind[stream.arrivals().element == 1]


def test_a_display_is_what_a_report_experiment_shows():
    stream = display(targets=2, distractors=1, exposure=0.2, onset=0.5, after=0.3)
    assert stream.names == ["t0", "t1", "d0"]
    assert [s.distractor for s in stream.stimuli] == [False, False, True]
    assert {(s.onset, s.mask, s.offset) for s in stream.stimuli} == {(0.5, 0.7, None)}
    assert stream.end == 1.0


@pytest.mark.parametrize("distractor", [False, True])
def test_weights_are_the_callers_own(distractor):
    """What he writes into them is nobody else's; without a distractor alpha changes nothing."""
    stream = TaskStream((Stimulus("A"), Stimulus("B", distractor=distractor)), 1.0)
    stream.weights(0.3)[:] = 7.0
    assert stream.weights(0.3).tolist() == [1.0, 0.3 if distractor else 1.0]
    assert stream.weights([0.3, 0.5]).tolist() == [[1.0, a if distractor else 1.0] for a in (0.3, 0.5)]
