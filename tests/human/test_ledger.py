"""The ledger holds every number of a person and of a task, with the value that is in the code; the words count it."""

from __future__ import annotations

import ast
import importlib
import inspect
import math
import re
from dataclasses import MISSING, fields
from numbers import Real
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cogattn
from cogattn import human, paradigms
from cogattn.human import ledger
from cogattn.observer import Observer
from cogattn.paradigms import registry, scenario
from cogattn.population import Population, Spread
from cogattn.world.stream import Task

ROOT = Path(cogattn.__file__).parents[1]

#: Constants of modules that are no number of people nor of a task's method.
CODES = {
    "CUES",
    "DIRECTIONS",
    "EXTRAS",
    "KINDS",
    "LEVELS",
    "SCENES",
    "WITH",
    "FIFTHS",
    "NETWORKS",
}  # what a level is called
FIGURES = {"COMPARED", "QUANTILES", "WINDOW", "_BIN", "_SO_FAR", "STAR"}  # what is counted or drawn together
WHOLE = {"RESOURCES"}  # a task draws on a pool, or does not: 1
ARITHMETIC = {
    "LAST", "_MOST_CONDITIONS", "_MOST_TRIALS", "_NEAR", "_STEPS", "_SURE", "_CLOSE", "NODES", "PANELS", "WEIGHTS",
    "SHARPEST", "_NODES", "_WEIGHTS", "_FRAMES", "_GRID",
}  # fmt: skip
#: `go_nogo` counts its runs over the trials before an error; `whole_report`'s frames are its exposures.
COUNTED = {("go_nogo", "_BEFORE")}


@pytest.fixture(scope="module")
def rows():
    return human.constants()


def flat(value):
    """The numbers in a value, in their order; [] where there are none. A switch and a name are none."""
    if isinstance(value, bool | str | None):
        return []
    if isinstance(value, Real | np.number):
        return [float(value)]
    if isinstance(value, np.ndarray):
        return [float(x) for x in value.ravel()] if value.dtype.kind in "if" else []
    if isinstance(value, dict):
        return [x for v in value.values() for x in flat(v)]
    if isinstance(value, tuple | list):
        return [x for v in value for x in flat(v)]
    return []


def persons():
    """Every number that makes a person: fields of Observer, and what each spread sets."""
    numbers = {f.name: getattr(Observer(), f.name) for f in fields(Observer)}
    usual = {f.name: f.default for f in fields(Spread)}
    for name, spread in Population.adults().spreads().items():
        parts = {part: getattr(spread, part) for part in ("mean", "sd", "low", "high")}
        numbers |= {f"{name}.{p}": v for p, v in parts.items() if p == "mean" or v != usual[p]}
    return numbers


def options(name):
    """The options of a paradigm that are numbers, as they are by default."""
    found = {f.name: f.default for f in fields(paradigms.get(name)) if f.default is not MISSING}
    return {n: v for n, v in found.items() if flat(v)}


def step(thing, key):
    """A part of a value: an item of a tuple or a mapping, or an attribute."""
    if isinstance(thing, tuple) and key.isdigit():
        return thing[int(key)]
    if isinstance(thing, tuple) and thing and isinstance(thing[0], tuple):
        return dict(thing)[key]
    return thing[key] if isinstance(thing, dict) else getattr(thing, key)


def in_code(where, name):
    """The value that a row is about."""
    if where == "person":
        return persons()[name]
    head, *rest = name.split(".")
    if where in registry.entries():
        kind = paradigms.get(where)
        found = next(
            thing for thing in (options(where), vars(kind), vars(inspect.getmodule(kind))) if head in thing
        )[head]
    else:
        found = getattr(importlib.import_module(f"cogattn.{where}"), head)
    for key in rest:
        found = step(found, key)
    return found


def module_constants(path):
    """The names of a file's constants that hold numbers, with their values."""
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        names = [n.id for t in targets if t is not None for n in ast.walk(t) if isinstance(n, ast.Name)]
        for name in names if isinstance(node, ast.Assign | ast.AnnAssign) else ():
            value = getattr(module, name, None)
            if name.lstrip("_").isupper() and flat(value):
                yield name, value


def tasks_of(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Task":
            yield node


def test_a_row_says_what_it_is(rows):
    assert list(rows.columns) == [
        "name", "where", "value", "unit", "kind", "of", "tables", "source", "split", "same_as", "note",
    ]  # fmt: skip
    assert not rows.duplicated(["where", "name"]).any()
    assert set(rows["kind"]) == set(ledger.KINDS)
    assert set(rows["of"]) == {"people", "method"}
    assert (rows["source"] != "").all()
    assert set(" ".join(rows["tables"]).split()) <= set(human.names())
    fitted = (rows["kind"] == "estimated") & (rows["tables"] != "")
    assert (rows.loc[fitted, "split"] == "fit").all()
    assert (rows.loc[~fitted, "split"] == "none").all()
    assert (rows.loc[rows["kind"] == "design", "tables"] != "").all()
    assert (rows.loc[rows["kind"] == "assumed", "tables"] == "").all()


def test_a_row_has_the_value_of_the_code_and_none_is_without_code(rows):
    for row in rows.itertuples():
        assert [float(x) for x in row.value.split()] == flat_or_switch(in_code(row.where, row.name)), (
            row.where, row.name,
        )  # fmt: skip


def flat_or_switch(value):
    return [float(value)] if isinstance(value, bool) else flat(value)


def test_what_is_estimated_is_one_number_a_row(rows):
    estimated = rows[rows["kind"] == "estimated"]
    assert len(estimated) > 59
    assert estimated["value"].str.split().str.len().eq(1).all()


def test_the_same_number_is_the_same(rows):
    table = rows.set_index(rows["where"] + ":" + rows["name"])
    again = rows[rows["same_as"] != ""]
    assert len(again) > 10
    for row in again.itertuples():
        first = table.loc[row.same_as]
        assert first["same_as"] == ""
        assert (first["value"], first["kind"]) == (row.value, row.kind), row.same_as


def test_every_number_of_a_person_has_a_row_that_agrees_with_the_population(rows):
    own = rows[rows["where"] == "person"].set_index("name")
    population = human.parameters().set_index("parameter")
    assert sorted(own.index) == sorted(persons()) == sorted(population.index)
    for name, row in population.iterrows():
        kinds = {"estimated": {"estimated"}, "assumption": {"assumed"}, "technical": {"structure", "assumed"}}
        assert own.loc[name, "kind"] in kinds[row["status"]], name
        assert own.loc[name, "tables"] == ("" if pd.isna(row["tables"]) else row["tables"])


@pytest.mark.parametrize("name", sorted(registry.entries()))
def test_every_option_that_is_a_number_has_a_row(rows, name):
    own = set(rows.loc[rows["where"] == name, "name"])
    for option, value in options(name).items():
        parts = {f"{option}.{i}" for i in range(len(flat(value)))}
        assert option in own or parts <= own, f"{name}: {option} has no row in human/constants.csv"


@pytest.mark.parametrize("room", ["paradigms", "laws", "mind"])
def test_every_constant_of_a_module_has_a_row(rows, room):
    known = {(w, n.split(".")[0]) for w, n in zip(rows["where"], rows["name"], strict=True)}
    homes = {name: entry.module for name, entry in registry.entries().items()}
    by_module = {(homes.get(w, f"cogattn.{w}"), n) for w, n in known}
    left_out = CODES | FIGURES | WHOLE | ARITHMETIC
    seen = set()
    for path in sorted((ROOT / "cogattn" / room).glob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for name, value in module_constants(path):
            if name in left_out or (path.stem, name) in COUNTED:
                continue
            if room == "mind" and all(x == math.floor(x) for x in flat(value)):
                continue  # streams of chances, codes of events
            seen.add(name)
            assert (module, name) in by_module, f"{module}.{name} has no row in human/constants.csv"
    assert len(seen) > 1


def test_every_number_of_a_task_of_the_control_room_has_a_row(rows):
    own = set(rows.loc[rows["where"] == "paradigms.scenario", "name"])
    usual = {f.name: f.default for f in fields(Task)} | {"deadline": None}  # `ALERT`, `REPLY`, `PUMP`
    for name, task in scenario.TASKS.items():
        now = {n: getattr(task, n) for n, v in usual.items() if v is not None and n != "resources"}
        set_here = {n for n, v in now.items() if v != usual[n] and flat(v)}
        pools = {f"resources.{pool}" for pool in dict(task.resources)}
        assert {f"TASKS.{name}.{n}" for n in set_here | pools} <= own, name


def test_no_constant_of_a_task_hides_in_a_call():
    found = 0
    for path in sorted((ROOT / "cogattn" / "paradigms").glob("*.py")):
        if path.stem == "scenario":  # `TASKS` is a constant itself, row by row
            continue
        for call in tasks_of(path):
            found += 1
            for node in [*call.args, *(k.value for k in call.keywords)]:
                plain = node.value if isinstance(node, ast.Constant) else 0
                assert isinstance(plain, str | bool) or plain in (0, 1), (path.name, ast.unparse(node))
    assert found > 15


def test_the_counts_are_those_of_the_rows(rows):
    counts = ledger.counts()
    assert counts.to_numpy().sum() == (rows["same_as"] == "").sum()
    own = rows[(rows["where"] == "person") & (rows["kind"] == "estimated") & (rows["same_as"] == "")]
    assert counts.loc[("persons", "people"), "estimated"] == len(own)
    assert len(own) == (human.parameters()["status"] == "estimated").sum()


@pytest.mark.parametrize("path", ["README.md", "docs/theory.md"])
def test_the_pages_say_the_counts(path):
    text = re.sub(r"\s+", " ", (ROOT / path).read_text(encoding="utf-8"))
    assert ledger.sentence() in text
    assert not re.search(r"\b39 numbers are estimated", text)


def test_the_theory_says_what_the_assumed_numbers_are_of():
    text = re.sub(r"\s+", " ", (ROOT / "docs" / "theory.md").read_text(encoding="utf-8"))
    assumed = ledger.numbers().query("kind == 'assumed' and who == 'tasks'")
    room = assumed["where"].isin(["control_room", "paradigms.scenario"]) & (assumed["of"] == "people")
    assert f"{room.sum()} of the assumed ones are of the control room" in text
    assert f"{(assumed['of'] == 'method').sum()} of those numbers are chosen here" in text
