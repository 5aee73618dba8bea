"""`cogattn verify` tells a sound theory from a broken one."""

from __future__ import annotations

import math

import numpy as np
import pytest

import cogattn as ca
from cogattn.errors import InputError
from cogattn.observer import Observer
from cogattn.reports import verify as verification
from cogattn.world.stream import display


def table_of(laws, monkeypatch, **how):
    """The verdicts on a few laws."""
    monkeypatch.setattr(verification, "LAWS", lambda: laws)
    return verification.verify(quick=True, **how)


@pytest.fixture(scope="module")
def sound():
    """The whole table, and how its making was told."""
    told = []
    return ca.verify(quick=True, seed=3, progress=lambda done, of: told.append((done, of))), told


def test_every_law_holds_in_both_drivers(sound):
    table, _ = sound
    assert (table["verdict"] == "holds").all(), table[table["verdict"] != "holds"]
    assert set(table["driver"]) >= {"compiled", "simpy"}
    assert table.columns[:5].tolist() == ["law", "driver", "expected", "measured", "z"]


def test_the_table_plays_the_whole_theory(sound):
    laws = " ".join(sound[0]["law"])
    for word in (
        "whole report",
        "reallocating",
        "partial report",
        "softmax",
        "Plackett-Luce",
        "t0 + 1/v",
        "same events",
    ):
        assert word in laws


def test_the_making_is_told_step_by_step(sound):
    done, of = zip(*sound[1], strict=True)
    assert list(done) == list(range(1, of[-1] + 1))


def test_the_same_seed_is_the_same_table(monkeypatch):
    few = verification.LAWS()[:3]
    assert table_of(few, monkeypatch, seed=1).equals(table_of(few, monkeypatch, seed=1))
    assert not table_of(few, monkeypatch, seed=1)["measured"].equals(
        table_of(few, monkeypatch, seed=2)["measured"]
    )


@pytest.mark.full
@pytest.mark.parametrize(
    "wrong", [{"capacity": 60.0}, {"threshold": 0.02}, {"alpha": 0.9}, {"capacity": math.inf}], ids=str
)
def test_another_mind_than_the_theory_was_told_of_fails(wrong):
    table = ca.verify(quick=True, observer=Observer(**wrong))
    assert (table["verdict"] == "FAILS").any()


def test_a_wrong_number_of_slots_fails(monkeypatch):
    right = next(law for law in verification.LAWS() if law.name == "whole report, 200 ms: mean score")
    wrong = verification.ClosedForm(
        right.name, right.stream, Observer(slots=3.5), right.measure, right.expected
    )
    assert set(table_of([right], monkeypatch)["verdict"]) == {"holds"}
    assert set(table_of([wrong], monkeypatch).query("driver != 'both'")["verdict"]) == {"FAILS"}


def test_what_has_no_chance_in_it_must_be_exact(monkeypatch):
    def score(finish):
        return np.isfinite(finish).sum(1)

    laws = [
        verification.ClosedForm(
            f"{expected}", display(targets=3, exposure=0.001), Observer(), score, expected
        )
        for expected in (0.0, 1e-6)  # below the threshold nothing is stored, not even once in a million
    ]
    table = table_of(laws, monkeypatch).query("driver != 'both'")
    assert table.groupby("law")["verdict"].unique().map(list).to_dict() == {
        "0.0": ["holds"],
        "1e-06": ["FAILS"],
    }


def test_drivers_that_disagree_fail(monkeypatch):
    real = verification.world.play

    def shifted(stream, observer, **how):
        return real(stream, observer, **how | {"trial": how["trial"] + 1})

    monkeypatch.setattr(verification.world, "play", shifted)
    assert table_of([], monkeypatch)["verdict"].tolist() == ["FAILS"]


@pytest.mark.parametrize("seed", [-1, 1.5, "x"])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(InputError, match="seed"):
        ca.verify(seed=seed)


def test_the_figure_shows_every_row_of_each_driver(sound):
    table, _ = sound
    ax = table.plot().axes[0]
    marks = {line.get_label(): line for line in ax.get_lines()}
    for driver in verification.PLAYERS:
        z = table[table["driver"] == driver]["z"].clip(-9, 9)
        assert list(marks[driver].get_ydata()) == pytest.approx(list(z))
    assert "hold" in ax.get_title(loc="left")
