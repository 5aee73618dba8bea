"""Calibration in the open: the file of the population's numbers, and phenomena left out of it."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import fields
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cogattn import human
from cogattn.observer import Observer
from cogattn.parameters import BY_NAME
from cogattn.population import Population, Spread
from cogattn.runs import program

SCRIPT = Path(__file__).parents[2] / "simulations" / "calibrate_population.py"


@pytest.fixture(scope="module")
def calibration():
    spec = spec_from_file_location(SCRIPT.stem, SCRIPT)
    module = module_from_spec(spec)
    sys.modules[SCRIPT.stem] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[SCRIPT.stem]


@pytest.fixture(scope="module")
def table():
    return human.parameters().set_index("parameter")


def in_use():
    """Every number that makes a person: fields of Observer, and what each spread sets."""
    numbers = {f.name: getattr(Observer(), f.name) for f in fields(Observer)}
    defaults = {f.name: f.default for f in fields(Spread)}
    for name, spread in Population.adults().spreads().items():
        for part in ("mean", "sd", "low", "high"):
            if part == "mean" or getattr(spread, part) != defaults[part]:
                numbers[f"{name}.{part}"] = getattr(spread, part)
    return numbers


def test_every_number_is_listed_once_and_is_the_one_in_use(table):
    numbers = in_use()
    assert table.index.is_unique
    assert sorted(table.index) == sorted(numbers)
    for name, value in numbers.items():
        assert float(table.loc[name, "value"]) == float(value), name


def test_each_is_estimated_assumed_or_technical(table):
    assert set(table["status"]) == {"estimated", "assumption", "technical"}
    count = table["status"].value_counts()
    assert count["estimated"] <= 45
    assert count["estimated"] + count["assumption"] + count["technical"] == len(table)
    assert table["basis"].notna().all()


def test_what_is_estimated_has_an_error_and_tables_that_exist(table):
    estimated = table[table["status"] == "estimated"]
    assert (estimated["standard_error"] > 0).all()
    assert np.isfinite(estimated["refit"]).all()
    named = {t for tables in estimated["tables"] for t in tables.split()}
    assert named <= set(human.names())
    rest = table[table["status"] != "estimated"]
    assert rest[["standard_error", "refit", "tables"]].isna().all().all()


def test_the_file_is_no_human_table():
    assert "population" not in human.names()


def test_the_script_and_the_file_say_the_same(calibration, table):
    assert list(table.index) == calibration.every_name()
    for name in table.index:
        source = calibration.source_of(name)
        assert (source.status == "estimated") == (name in calibration.ESTIMATED)
        assert table.loc[name, ["status", "basis"]].tolist() == [source.status, source.basis]
        unit = table.loc[name, "unit"]
        assert ("" if pd.isna(unit) else unit) == BY_NAME[name.split(".")[0]].unit
    for block in calibration.BLOCKS.values():
        assert set(block.source.tables) <= set(human.names())
        assert not set(block.source.tables) & set(calibration.HELD_OUT)
        for name in block.names:
            assert calibration.source_of(name) is block.source
            assert table.loc[name, "tables"].split() == list(block.source.tables)


def test_every_band_is_in_one_fold_and_no_fold_knows_todays_numbers(calibration):
    assert set(calibration.FOLDS) == set(human.targets()["phenomenon"])
    informed = {name: [] for name in calibration.FOLDS}
    for block in calibration.BLOCKS.values():
        for phenomenon in block.phenomena:
            informed[phenomenon] += block.names
    for phenomenon, fold in calibration.FOLDS.items():
        replaced = set(fold.free) | set(fold.neutral)
        missing = set(informed[phenomenon]) - replaced
        assert missing <= {"alpha.mean", "alpha.sd"} if phenomenon == "whole report of 6" else not missing
        assert calibration.PLAYED_BY[phenomenon] not in fold.by
    for name, (value, why) in calibration.NEUTRAL.items():
        assert why
        assert value != calibration.default(name) or name == "criterion_time"


@pytest.mark.full
def test_exact_blocks_find_the_numbers_in_use(calibration):
    for block in ("race", "search", "practice"):
        found = calibration.estimate(block, 10)
        z = (found["refit"] - found["value"]) / found["standard_error"]
        assert (z.abs() < 1).all(), block


def told_by(calibration, monkeypatch, name, table):
    """`human.fit` gives this table under this name."""
    before = human.fit
    monkeypatch.setattr(calibration.human, "fit", lambda n: table if n == name else before(n))


@pytest.mark.full
def test_how_ready_keys_are_is_found_again(calibration, monkeypatch):
    """In commissions that people with other keys have made."""
    task, minds = calibration.GoNoGo(readiness=0.9), calibration.crowd({"readiness.sd": 0.3}, 400)
    f = calibration.played(task, minds)
    rates = f[f["signal"]].groupby(["person", "block"])["responded"].mean().unstack()
    t = pd.DataFrame({"mean": rates.mean(), "sd": rates.std(), "n": 520})
    measure = [f"fifth {i}: commission" for i in range(1, 6)]
    told_by(calibration, monkeypatch, "go_nogo", t.assign(measure=measure).reset_index(drop=True))
    found = calibration.fit_readiness(100)
    assert found["readiness.sd"][0] == pytest.approx(0.3, abs=0.05)
    assert found["the task's readiness"][0] == pytest.approx(0.9, abs=0.03)


@pytest.mark.full
def test_a_criterion_is_found_again_as_it_is_scored(calibration, monkeypatch):
    """In blocks that people with another criterion have sat through. The law alone would be off: scored as people's is,
    a mean criterion of .6 is larger, and people differ less."""
    values = {"criterion.mean": 0.6, "criterion.sd": 0.5, "criterion_shift": 0.2}
    scored = calibration.decided(calibration.played("vigilance", calibration.crowd(values, 100)))["criterion"]
    t = human.fit("vigilance_by_block")
    other = t.assign(c_subj=scored.mean().to_numpy(), c_sd=scored.std().to_numpy())
    told_by(calibration, monkeypatch, "vigilance_by_block", other)
    found = calibration.fit_criterion(100)
    for name, value in values.items():
        assert found[name][0] == pytest.approx(value, abs=0.03), name
    assert scored.std().mean() < 0.5


@pytest.mark.full
def test_slips_are_told_by_four_tables(calibration):
    """Their moments, less what trials scatter, are those of the spread that is found."""
    law = calibration.sibling("persons")
    t, found = law.unforced(), calibration.fit_slips()
    assert list(t["table"]) == ["stroop", "simon_sro", "ant_sro", "choice_rt"]
    spread = Spread("logitnormal", found["slip.mean"][0], found["slip.sd"][0], 0.0, 1.0)
    share = spread.at((np.arange(20_000) + 0.5) / 20_000)
    assert share.mean() == pytest.approx(t["share"].mean(), rel=1e-3)
    own = t["sd"] ** 2 - t["share"] * (1 - t["share"]) / t["trials"]
    assert np.log(share.std()) == pytest.approx(np.log(own).mean() / 2, abs=0.005)


@pytest.mark.full
def test_errors_of_all_tell_how_often_the_person_in_the_middle_slips(calibration):
    """As people differ in it, so many slip so often; few slip often, so the middle lies below the mean."""
    middle = calibration.in_the_middle(0.05)
    odds = np.log(middle / (1 - middle)) + Population.adults().slip.sd * np.random.default_rng(1).normal(
        size=400_000
    )
    share = 1 / (1 + np.exp(-odds))
    assert share.mean() == pytest.approx(0.05, abs=0.0004)
    assert middle < 0.035


@pytest.mark.full
@pytest.mark.parametrize("phenomenon", ["vigilance 30 min", "partial report at 83 ms"])
def test_a_phenomenon_left_out_gives_the_same_numbers_twice(calibration, phenomenon):
    one, two = (calibration.leave_out(phenomenon, 6) for _ in range(2))
    for a, b in zip(one, two, strict=True):
        pd.testing.assert_frame_equal(a, b, check_exact=True)
    bands, numbers = one
    assert len(bands) == (human.targets()["phenomenon"] == phenomenon).sum()
    assert set(bands["phenomenon"]) == {phenomenon}
    assert (numbers["value"] != numbers["without"]).any()


def test_finished_folds_are_kept(calibration, tmp_path, monkeypatch):
    said, folds = [], ["vigilance 30 min", "go/no-go 7 min", "n-back"]
    more = Namespace(resume=False, only=folds)
    asked = program.Program("calibrate_population", 4, 0, tmp_path, more)
    first = calibration.calibrate(asked, said.append)
    more.resume = True
    monkeypatch.setattr(calibration, "leave_out", lambda *_: pytest.fail("played again"))
    again = calibration.calibrate(asked, said.append)
    for a, b in zip(first[1:], again[1:], strict=True):
        pd.testing.assert_frame_equal(a, b, check_dtype=False)
    assert said == [f"without {name}" for name in folds] * 2
