"""Classic experiments: their doors, their scores, their spelling, and that none of them knows its own band."""

from __future__ import annotations

import ast
import inspect
import math
import sys

import numpy as np
import pandas as pd
import pytest
from doors import refused
from hypothesis import given, settings
from hypothesis import strategies as st

from cogattn import human, paradigms
from cogattn.paradigms import Answers

WRONG_NUMBERS = st.one_of(
    st.just(math.nan),
    st.just(math.inf),
    st.just(-math.inf),
    st.floats(max_value=0),
    st.integers(max_value=0),
    st.booleans(),
    st.text(max_size=5),
    st.none(),
    st.just([]),
    st.just(10**400),
    st.just(1j),
)


REPORTS = ("partial_report", "whole_report")


@settings(max_examples=60, deadline=None)
@given(WRONG_NUMBERS)
def test_a_wrong_exposure_is_refused(value):
    refused(lambda: paradigms.get("whole_report")(exposures=(0.1, value)), "exposure")
    refused(lambda: paradigms.get("partial_report")(exposure=value), "exposure")


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(
        WRONG_NUMBERS.filter(lambda x: x is not True),
        st.floats(0.1, 3.9).filter(lambda x: x % 1),
        st.just(65),
    )
)
def test_a_wrong_number_of_items_is_refused(value):
    refused(lambda: paradigms.get("whole_report")(set_size=value), "set_size")
    refused(lambda: paradigms.get("partial_report")(targets=value), "targets")


@pytest.mark.parametrize("value", [(), "abc", None, [[1]], (0.1, 0.1), b"x", {}])
def test_a_wrong_list_of_exposures_is_refused(value):
    refused(lambda: paradigms.get("whole_report")(exposures=value), "exposure")


@pytest.mark.parametrize("value", [(), (-1,), (0, 0), (63,), ("a",), (1.5,), (math.nan,)])
def test_a_wrong_list_of_distractors_is_refused(value):
    refused(lambda: paradigms.get("partial_report")(distractors=value), "distractors")


def test_an_unknown_name_or_option_offers_the_nearest():
    refused(lambda: paradigms.get("hole_report"), "whole_report")
    refused(lambda: paradigms.make("whole_report", {"set_sise": 4}), "set_size")


def test_one_number_is_a_list_of_one():
    assert paradigms.get("whole_report")(exposures=0.1).exposures == (0.1,)


def test_options_come_back_from_plain_values():
    task = paradigms.get("partial_report")(targets=3, distractors=(0, 2, 4))
    assert paradigms.make("partial_report", task.options()) == task


def test_a_trial_scores_the_targets_named_right():
    task = paradigms.get("partial_report")()
    given_ = np.array([[1, 1, 0, 0, 1, 0], [1, 0, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0]], bool)
    right = np.array([[1, 0, 0, 0, 1, 0], [1, 0, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0]], bool)
    censored = np.array([[0] * 6, [0, 1, 0, 0, 0, 0], [0] * 6], bool)
    out = task.score(task.conditions()[1], Answers(given_, right, censored))
    assert out["score"].tolist() == [1, 1, 0]
    assert out["correct"].tolist() == [False, False, False]
    assert out["answered"].tolist() == [2, 1, 0]
    assert out["missed"].tolist() == [0, 0, 2]
    assert out["censored"].tolist() == [0, 1, 0]
    assert out["intrusions"].tolist() == [1, 0, 2]


@pytest.mark.parametrize("name", REPORTS)
def test_streams_have_the_targets_first_and_mask_all_at_the_end_of_the_exposure(name):
    task = paradigms.get(name)()
    for condition in task.conditions():
        stimuli = task.stream(condition).stimuli
        kinds = [s.distractor for s in stimuli]
        assert kinds == [False] * condition["targets"] + [True] * condition["distractors"]
        assert {s.mask for s in stimuli} == {condition["exposure"]}


@pytest.mark.parametrize("name", REPORTS)
def test_metrics_are_spelled_as_the_bands_are(name):
    task = paradigms.get(name)()
    rows = [c | {"person": p, "score": 1.0, "arm": "human"} for c in task.conditions() for p in (0, 1)]
    spelled = {(m.phenomenon, m.metric) for m in task.metrics(pd.DataFrame(rows))}
    wanted = human.targets()
    wanted = wanted[wanted["phenomenon"].isin({p for p, _ in spelled})]
    assert len(wanted) >= 2
    assert set(zip(wanted["phenomenon"], wanted["metric"], strict=True)) <= spelled


@pytest.mark.parametrize("name", REPORTS)
def test_human_means_stand_in_the_bands_made_from_them(name):
    task = paradigms.get(name)()
    rows = [c | {"person": p, "score": 1.0, "arm": "human"} for c in task.conditions() for p in (0, 1)]
    bands = human.targets().set_index(["phenomenon", "metric"])
    for m in task.metrics(pd.DataFrame(rows)):
        if (m.phenomenon, m.metric) in bands.index:
            band = bands.loc[(m.phenomenon, m.metric)]
            assert m.human == pytest.approx(band["human"], abs=0.006)
            assert band["low"] <= m.human <= band["high"]


FORBIDDEN = {"targets", "Observer", "Population", "Spread", "replace"}


@pytest.mark.parametrize("name", paradigms.names())
def test_no_paradigm_knows_its_band_or_changes_its_observer(name):
    """Bands are read by results and scoring alone; people are what the population gives."""
    for kind in paradigms.get(name).__mro__:
        module = sys.modules.get(kind.__module__)
        if module is None or not kind.__module__.startswith("cogattn"):
            continue
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            called = node.func if isinstance(node, ast.Call) else None
            word = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", None)
            assert word not in FORBIDDEN, f"{module.__name__} calls {word}"
            if isinstance(node, ast.ImportFrom):
                assert node.module != "cogattn.observer"
