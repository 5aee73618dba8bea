"""The split cannot leak: every cell is fit, test or design, and what estimates numbers sees no test cell."""

from __future__ import annotations

import ast
import json
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cogattn
from cogattn import human
from cogattn.errors import InputError
from cogattn.human import bands, halves

ROOT = Path(cogattn.__file__).parents[1]
#: All code that estimates numbers of persons or tasks from human tables.
ESTIMATING = sorted(
    path
    for folder, pattern in (
        ("simulations", "calibrate_population.py"),
        ("simulations", "where_do_the_*_numbers_come_from.py"),
        ("cogattn/tune", "*.py"),
    )
    for path in (ROOT / folder).glob(pattern)
)
#: The only place in them that sees every band: it shows what became of each.
JUDGES = {("calibrate_population", "card")}


def halves_in(name):
    return set(human.halves_of(name).to_numpy().ravel())


def test_every_cell_of_every_table_is_in_one_half():
    split = human.split()
    assert set(split["table"]) == {*human.names(), "targets"}
    assert set(split["split"]) == set(halves.HALVES)
    for name in (*human.names(), "targets"):
        cells = human.halves_of(name)
        assert cells.notna().all().all(), name
        assert cells.shape == human.read(name).shape
    assert "split" not in human.names()


def test_every_line_decides_something():
    """A line that an earlier one makes empty, or whose words are nowhere, would be a mistake that nobody sees."""
    for name, lines in human.split().groupby("table"):
        table = human.read(name)
        for k in range(len(lines)):
            without = halves.cells(table, lines.drop(lines.index[k]))
            assert not without.equals(halves.cells(table, lines)), (name, lines.iloc[k].to_dict())


def test_the_split_says_what_was_decided():
    """Other laboratories, and tasks that no correlation was looked at of, are tests."""
    assert halves_in("change_detection") == {"test"}
    more = human.halves_of("attentional_blink_more_labs")
    assert set(more["T1"]) == {"fit"}  # sets how clear a laboratory's items are
    assert set(more.drop(columns="T1").to_numpy().ravel()) == {"test"}
    assert halves_in("attentional_blink_rates") == {"design"}
    blink = human.halves_of("attentional_blink")["T2_given_T1"]
    assert (blink == "fit").tolist() == (human.table("attentional_blink")["dataset"] == "Berkeley").tolist()
    across = human.halves_of("people_across_tasks").iloc[0]
    assert across[["mean", "sd"]].eq("fit").all()
    assert across[["q10", "median", "q90"]].eq("test").all()
    r = human.halves_of("people_across_tasks_correlations")
    r.index = human.table("people_across_tasks_correlations")["measure"]
    for one, other, half in (
        ("srt_mean", "gng_rt", "fit"),
        ("srt_mean", "simon_mean", "test"),
        ("prp_rt1", "srt_sd", "test"),
    ):
        assert r.loc[one, other] == r.loc[other, one] == half


def test_a_third_of_what_is_scored_is_kept():
    rows = bands.rows()
    assert set(rows["split"]) == {"fit", "test"}
    assert (rows["split"] == "test").mean() >= 1 / 3
    kept = rows[rows["split"] == "test"]
    assert {"correlation", "spread", "quantile", "blink", "delta", "session"} <= set(kept["kind"])


def test_a_row_is_in_the_half_of_its_cells():
    rows = bands.rows()
    known = {name: (human.table(name), human.halves_of(name)) for name in rows["table"].unique()}
    for row in rows[(rows["over"] != "spearman") & ~rows["cell"].str.contains('"bin"')].itertuples():
        table, cells = known[row.table]
        for at in filter(None, (row.cell, row.minus)):
            keep = np.ones(len(table), bool)
            for key, word in json.loads(at).items():
                keep &= (table[key].astype(str) == word).to_numpy()
            assert keep.any()
            assert set(cells.loc[keep, row.column]) == {row.split}, row


def test_bands_set_by_hand_are_in_the_half_of_their_tables():
    halves_ = human.halves_of("targets")["human"]
    for table, half in zip(human.targets()["table"], halves_, strict=True):
        name = table.removesuffix(".csv")
        if name in human.names():
            assert half in halves_in(name), table
            assert half == "test" or "fit" in halves_in(name)


def test_no_number_is_estimated_from_what_is_kept():
    rows = human.constants()
    for row in rows[rows["kind"] == "estimated"].itertuples():
        for name in row.tables.split():
            assert "fit" in halves_in(name), (
                f"{row.where}: {row.name} is estimated from {name}, which is kept"
            )
        assert row.split == ("fit" if row.tables else "none")
    named = set(" ".join(rows.loc[rows["split"] == "fit", "tables"]).split())
    assert {
        name for name in named if "test" in halves_in(name)
    } <= {  # in part: `human.fit` shows the other part
        "attentional_blink",
        "attentional_blink_more_labs",
        "digit_span_by_length_sro",
        "go_nogo",
        "people_across_tasks",
        "people_across_tasks_correlations",
        "task_switching_sro_retest",
    }


def called(path):
    """(function it stands in, what is called) of every use of the room of human tables."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    where = {
        id(node): f.name for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) for node in ast.walk(f)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "human":
            yield where.get(id(node), ""), node.attr


def test_what_estimates_reads_tables_by_fit():
    seen = 0
    for path in ESTIMATING:
        for function, name in called(path):
            seen += name == "fit"
            fine = name in ("fit", "inside", "__file__", "parameters")
            fine |= name == "targets" and (path.stem, function) in JUDGES
            assert fine, (
                f"{path.name}, {function}: human.{name} shows rows that are kept for tests; use human.fit"
            )
    assert seen > 12


def test_what_is_kept_is_not_to_be_had():
    with pytest.raises(InputError, match="kept for tests"):
        human.fit("simple_rt_quantiles")
    shown = human.fit("people_across_tasks_correlations")
    assert shown.columns.str.startswith(("simon", "prp")).sum() == 0
    assert set(human.fit("people_across_tasks").columns) == {"measure", "n", "mean", "sd"}
    assert not set(human.fit("targets")["table"]) & {"change_detection.csv", "simple_rt_quantiles.csv"}


def changed(half):
    """The tables with every number of one half three times as large."""
    read = human._read

    def made(name, **how):
        table = read(name, **how)
        if name not in (*human.names(), "targets"):
            return table
        lines = read("split", dtype=str, keep_default_na=False).query("table == @name")
        cells, out = halves.cells(table, lines), table.copy()
        for column in table.select_dtypes("number"):
            if column not in ("lag", "exp_ms", "nominal", "n_people"):  # say which row it is
                out[column] = table[column].astype(float).where(cells[column] != half, 3 * table[column])
        return out

    return made


def estimates(monkeypatch=None, half=None):
    """Blocks of the calibration that take seconds, and a phenomenon that is left out."""
    if monkeypatch is not None:
        monkeypatch.setattr(human, "_read", changed(half))
    path = ROOT / "simulations" / "calibrate_population.py"
    spec = spec_from_file_location("calibrate_for_the_split", path)
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
        found = [module.estimate(block, 4) for block in ("race", "criterion")]
        values, _ = module.without("partial report at 83 ms", 4)
        columns = module.informing(module.card({}, ["change_detection", "partial_report"], 2))
        return pd.concat(found)["refit"].tolist(), values, columns["phenomenon"].unique().tolist()
    finally:
        del sys.modules[spec.name]


@pytest.mark.full
def test_no_estimate_moves_with_a_cell_that_is_kept(monkeypatch):
    once = estimates()
    assert once[2] == ["partial report at 83 ms"]
    assert estimates(monkeypatch, "test") == once
    monkeypatch.undo()
    assert estimates(monkeypatch, "fit")[0] != once[0]
