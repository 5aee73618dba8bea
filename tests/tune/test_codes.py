"""Codes of conditions: a compiled law looks each up in tables, so a code that has no table is refused before."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cogattn import tune
from cogattn.errors import InputError
from cogattn.tune import likelihoods, two_choice


def coded(*codes):
    """A person's trials of a conflict task, of these kinds in turn."""
    return pd.DataFrame({"person": 0, "congruence": codes * 10, "correct": 1.0, "rt": 0.5})


@pytest.mark.parametrize("task", ["flanker", "simon", "stroop", "DMC", "spotlight"])
@pytest.mark.parametrize("codes", [(0, 1, 2), (-1, 1, 3), (-2, 1), (0.5, 1, -1), (1e300, 1)])
def test_a_code_that_is_no_kind_of_trial_is_refused(task, codes):
    rivals = ("DMC", "spotlight")
    law = two_choice.TwoChoiceLikelihood(law=task, cells=("congruence",)) if task in rivals else None
    odd = next(c for c in codes if c not in (-1, 0, 1))
    with pytest.raises(InputError) as refused:
        (law or likelihoods.of(task)).compact(coded(*codes))
    each = ",".join(f"{c:g}=MEANING" for c in sorted(codes))
    assert str(refused.value) == (
        "congruence must be one of congruent (1), neutral (0), incongruent (-1) in every trial, "
        f"got {odd:g} (10 such trials): say what each code means, --word congruence:{each}"
    )


def test_every_kind_of_trial_is_taken():
    data = likelihoods.of("flanker").compact(coded(-1, 0, 1))
    assert np.unique(data.values[:, 0]).tolist() == [-1, 0, 1]


@pytest.mark.parametrize(("column", "least"), [("targets", 1), ("distractors", 0)])
def test_a_display_of_more_than_any_eye_has_seen_is_refused(column, least):
    """The law has a table with a row for each letter of a display: a code of a thousand million fills the memory."""
    shown = {"person": 0, "exposure": [0.1, 0.2], "targets": 6, "distractors": 0, "score": 0}
    law = likelihoods.of("whole_report")
    assert law.compact(pd.DataFrame({**shown, column: 64})).trials.tolist() == [2]
    with pytest.raises(
        InputError, match=f"{column} must be a whole number from {least} to 64, got 65 for person 0"
    ):
        law.compact(pd.DataFrame({**shown, column: 65}))


def test_a_parameter_that_nobody_knows_is_told_those_of_the_law(tmp_path, call):
    """Not the sixty of all laws."""
    coded(1, -1).to_csv(tmp_path / "flanker.csv", index=False)
    own = ", ".join(sorted(likelihoods.of("flanker").params))
    said = f"parameter must be one of {own}, got 'foo'"
    code, _, err = call("tune", "flanker", "--data", str(tmp_path / "flanker.csv"), "--params", "speed,foo")
    assert (code, err.strip()) == (2, f"cogattn: {said}")
    with pytest.raises(InputError, match=said):
        tune.fit("flanker", coded(1, -1), ("speed", "foo"), pool=False)
    with pytest.raises(
        InputError, match="these data say nothing about criterion: parameters they inform are speed"
    ):
        tune.fit("flanker", coded(1, -1), ("criterion",), pool=False)


@pytest.mark.parametrize("paradigm", ["stop_signal", "continuous_report"])
def test_where_parameters_have_to_be_chosen_some_are_named(paradigm):
    some = ",".join(likelihoods.of(paradigm).to_choose())
    said = f"say which parameters of {paradigm} are to be fitted, at most 4: --params {some} "
    with pytest.raises(InputError, match=said):
        likelihoods.of(paradigm).usual(None)
