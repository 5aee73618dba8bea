"""The checks at the door: what is a number passes unchanged, what is not is told so in one line."""

from __future__ import annotations

import math
import pickle
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cogattn as ca
from cogattn.errors import CallError, CogattnError, InputError, RunError, choice, door, needs, number, whole
from cogattn.tune.designs import Proposal
from cogattn.tune.simulated import Simulated

quickly = settings(max_examples=200, deadline=None, derandomize=True)
NO_NUMBERS = [
    None,
    "1",
    "",
    b"1",
    [],
    [1.0],
    {},
    (),
    1j,
    True,
    False,
    np.bool_(True),
    np.ones(2),
    np.ones((30, 30)),
    object,
]


def refusal(call, *args, **how):
    """The message of the refusal: one line that a person can read."""
    with pytest.raises(InputError) as refused:
        call(*args, **how)
    text = str(refused.value)
    assert len(text.splitlines()) == 1
    assert len(text) < 200
    return text


@quickly
@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**300), 10**300) | st.fractions())
def test_a_finite_number_passes_unchanged(x):
    assert number("x", x) == float(x)
    assert type(number("x", x)) is float


@quickly
@given(st.floats(allow_nan=True), st.floats(-10, 10))
def test_a_number_passes_if_and_only_if_it_is_in_range(x, low):
    inside = low < x <= low + 5
    if inside:
        assert number("x", x, above=low, most=low + 5) == x
    else:
        text = refusal(number, "x", x, above=low, most=low + 5)
        assert text.startswith("x must be > ")
        assert text.endswith(f"got {x}")


def test_the_ends_of_a_range_are_where_they_say():
    assert number("x", 0, least=0) == 0
    assert number("x", 5, most=5) == 5
    assert refusal(number, "x", 0, above=0) == "x must be > 0, got 0"
    assert refusal(number, "x", -1, least=0, unit="s") == "x must be >= 0 s, got -1"
    assert refusal(number, "x", 2, least=0, most=1) == "x must be >= 0 and <= 1, got 2"


def test_infinity_passes_only_where_it_has_a_meaning():
    assert number("x", math.inf, above=0, infinite=True) == math.inf
    assert "got inf" in refusal(number, "x", math.inf, above=0)
    assert "got -inf" in refusal(number, "x", -math.inf, least=0, infinite=True)
    assert refusal(number, "x", math.nan) == "x must be finite, got nan"
    assert "(infinity allowed)" in refusal(number, "x", math.nan, least=0, infinite=True)


@pytest.mark.parametrize("value", NO_NUMBERS, ids=lambda v: type(v).__name__)
def test_what_is_no_number_is_refused(value):
    assert refusal(number, "x", value, above=0).startswith("x must be a number > 0, got ")
    assert refusal(whole, "x", value).startswith("x must be a whole number from 0 to ")


def test_numbers_of_other_libraries_are_numbers():
    for value in (np.float32(0.5), np.float64(0.5), Fraction(1, 2)):
        assert number("x", value) == 0.5
    assert whole("n", np.int64(3)) == 3
    assert type(whole("n", np.uint8(3))) is int


def test_a_huge_integer_is_told_so_and_not_printed():
    for check in (number, whole):
        text = refusal(check, "x", 10**5000)
        assert "too large" in text or "more than 60 digits" in text


@quickly
@given(st.integers(), st.integers(-5, 5), st.integers(0, 10))
def test_a_whole_number_passes_if_and_only_if_it_is_in_range(n, low, width):
    if low <= n <= low + width:
        assert whole("n", n, least=low, most=low + width) == n
    else:
        assert refusal(whole, "n", n, least=low, most=low + width).startswith("n must be a whole number from")


@pytest.mark.parametrize("value", [1.0, 1.5, math.nan, math.inf, "3"])
def test_a_float_is_no_whole_number(value):
    assert "n must be a whole number" in refusal(whole, "n", value)


def test_a_choice_offers_the_nearest_name():
    assert choice("fruit", "pear", ["apple", "pear"]) == "pear"
    text = refusal(choice, "fruit", "aple", ["apple", "pear"])
    assert text == "fruit must be one of apple, pear, got 'aple'; did you mean 'apple'?"
    assert "did you mean" not in refusal(choice, "fruit", "xyz", ["apple", "pear"])
    assert "one of (none)" in refusal(choice, "fruit", "apple", [])


@quickly
@given(st.none() | st.integers() | st.text(max_size=500) | st.binary() | st.lists(st.text()))
def test_no_other_value_is_a_choice(value):
    text = refusal(choice, "fruit", value, ["apple"]) if value != "apple" else ""
    assert text.startswith("fruit must be one of apple, got ") or value == "apple"


@pytest.mark.parametrize("kind", [CogattnError, InputError, RunError])
def test_a_message_is_always_one_line(kind):
    assert str(kind("a\nb\r\nc\u2028d")) == "a b c d"


def test_errors_are_what_python_expects():
    assert issubclass(InputError, ValueError)
    assert issubclass(RunError, RuntimeError)
    again = pickle.loads(pickle.dumps(InputError("x must be > 0, got -1")))  # as workers send them
    assert (type(again), str(again)) == (InputError, "x must be > 0, got -1")


def test_a_library_of_an_extra_is_imported_or_its_install_line_is_said():
    assert needs("json.decoder", "search").JSONDecoder
    said = refusal(needs, "no_such_library.part", "search")
    assert said.startswith("this needs the library no_such_library: pip install 'cogattn[search]'")


@door
def four(a, b=1, *, c=2, d):
    return a + b + c + d


@door
def any_more(a, *more, **named):
    return len("x" + a)  # Python's own TypeError for what is no text


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: ca.Race(capacity=-1), "Race needs slots"),
        (lambda: ca.Race(capacity=math.nan), "Race needs slots"),
        (lambda: ca.Race(), "Race needs capacity and slots"),
        (lambda: ca.Race(45.0, slot=4), "Race has no argument 'slot'; did you mean 'slots'?"),
        (lambda: ca.Race(1, 2, slots=3), "Race is given slots twice: by place and by name"),
        (lambda: ca.Race(1, 2, 3, 4, False, 6), "Race takes at most 5 arguments by place, got 6: name the others"),
        (lambda: ca.Observer(slot=3), "Observer has no argument 'slot'; did you mean 'slots'?"),
        (lambda: ca.Observer(1.0, capacity=3), "Observer is given capacity twice: by place and by name"),
        (lambda: ca.Observer(*[1.0] * 200), "Observer takes at most"),
        (lambda: ca.Observer().under(), "Observer.under needs limits"),
        (lambda: ca.Population(slot=3), "Population has no argument 'slot'; did you mean 'slots'?"),
        (lambda: ca.run("whole_report", peple=3), "run has no argument 'peple'; did you mean 'people'?"),
        (lambda: four(1, d=2, qqqq=3), "four has no argument 'qqqq': it takes a, b, c, d"),
        (lambda: four(1), "four needs d"),
        (lambda: any_more(), "any_more needs a"),
    ],
)  # fmt: skip
def test_arguments_that_do_not_fit_are_told_by_name(call, said):
    text = refusal(call)
    assert text.startswith(said)
    with pytest.raises(TypeError):  # as Python calls it
        call()


def test_a_fault_within_is_no_fault_of_the_arguments():
    assert four(1, d=0) == 4
    with pytest.raises(TypeError) as fault:
        any_more(3, x=1)
    assert not isinstance(fault.value, CogattnError)
    assert issubclass(CallError, InputError)


def test_a_number_that_is_none_is_told_its_range():
    assert refusal(ca.Race, capacity=math.nan, slots=4).startswith("capacity must be >= 0 items/s")


def test_one_is_told_as_one():
    one = ca.run("partial_report", "human", people=1, trials=1)
    assert one.remarks()[0] == "1 person, 1 trial each, seed 0, arm human"
    two = ca.run("partial_report", people=2, trials=2)
    assert two.remarks()[0] == "2 people, 2 trials each, seed 0, arms human, softmax"
    weak = SimpleNamespace(missed=np.array([0.9, 0.0]), kept=np.ones(2, bool))
    means = SimpleNamespace(
        _ready=lambda: weak, points=2, replicates=2, task=SimpleNamespace(name="a task"), missed=weak.missed
    )
    assert "1 of them is known to 0.9 of a person's own noise only: trust it less" in Simulated.remarks(means)
    conditions = pd.DataFrame({"trials": [1], "targets": 6, "distractors": 0, "exposure": 0.1})
    axes = pd.DataFrame({"sd": [0.5], "alpha": 1.0})
    nothing = pd.DataFrame({"design": [], "trials": []})
    design = Proposal("whole_report", "alpha", 0.1, 0.5, ("alpha",), conditions, nothing, nothing, axes)
    assert design.findings()[0].startswith("alpha within 0.1 for half of the people: 1 trial each: 1 x 6")
    assert design.heading().endswith("takes 1 trial")
