"""Whole curves, scored: one rule makes the bands, paradigms say where their values are, and nobody is tuned."""

from __future__ import annotations

import json
import math
import re
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cogattn as ca
from cogattn import human, paradigms
from cogattn.errors import InputError
from cogattn.human import bands
from cogattn.paradigms import scored
from cogattn.paradigms.scored import Scored
from cogattn.population import Population
from cogattn.reports import curves
from cogattn.reports.curves import Played

every = cache(bands.rows)  # when it is first asked for: every worker collects this file


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    return ca.scorecard(people=3, seed=5, curves=True, out=tmp_path_factory.mktemp("curves"))


# -- the rule ------------------------------------------------------------------------------------------------------


def test_the_rule_by_hand():
    """Two standard errors, or the tolerance, whichever is larger."""
    assert bands.half_width(500.0, "time", 10.0) == 50.0
    assert bands.half_width(500.0, "time", 40.0) == 80.0
    assert bands.half_width(100.0, "difference", math.nan, "ms") == 25.0
    assert bands.half_width(-10.0, "difference", math.nan, "ms") == 8.0
    assert bands.half_width(10.0, "difference", math.nan, "ms/item", span=16) == 2.5
    assert bands.half_width(0.1, "difference", math.nan, "1/s") == 0.025
    assert bands.half_width(0.9, "share", math.nan) == 0.5
    assert bands.half_width(0.3, "correlation", 0.06) == 0.2
    assert bands.half_width(40.0, "spread", 3.0) == 10.0
    assert bands.half_width(3.0, "other", 0.1) == pytest.approx(0.3)


def test_standard_errors_by_hand():
    assert bands.standard_error(500.0, "time", 50.0, 25, math.nan) == 10.0
    assert math.isnan(bands.standard_error(500.0, "time", math.nan, 25, math.nan))
    from_sd = bands.standard_error(0.8, "share", 0.1, 25, math.nan)
    from_trials = bands.standard_error(0.8, "share", math.nan, 25, 400)
    assert from_sd == pytest.approx(0.02 / 0.16)
    assert from_trials == pytest.approx(math.sqrt(0.16 / 400) / 0.16)
    z, e = math.atanh(0.6), 1 / math.sqrt(50)
    assert bands.standard_error(0.6, "correlation", math.nan, 53, math.nan) == pytest.approx(
        (0.6 - math.tanh(z - 2 * e)) / 2
    )


def test_a_band_ends_where_off_is_one():
    """Edges are on the scale that is compared, but for shares that are not told from 0 or 1."""
    inner = every()[(every()["scale"] != "share") | every()["human"].between(0.01, 0.99)]
    assert len(inner) > 1100
    for column, side in (("human", 0.0), ("low", -1.0), ("high", 1.0)):
        at = bands.off(inner[column], inner)
        within = (inner["scale"] != "share") | inner[column].between(bands.FEWEST, 1 - bands.FEWEST)
        assert np.allclose(at[within], side)
    assert (every()["low"] <= every()["human"]).all()
    assert (every()["human"] <= every()["high"]).all()
    assert (every()["half"] > 0).all()


def test_wide_bands_are_those_that_are_wider_than_half_of_their_value():
    width = (every()["high"] - every()["low"]) / every()["human"].abs().replace(0, np.nan)
    assert every().loc[width > 0.5001, "wide"].all()
    assert not every().loc[width < 0.4999, "wide"].any()
    assert 0 < every()["wide"].sum() < len(every()) / 2


def test_rows_of_tables_by_hand():
    def row(**where):
        own = every()
        for column, value in where.items():
            own = own[own[column] == value]
        assert len(own) == 1, own
        return own.iloc[0]

    t = human.table("stroop").set_index("condition")
    spread = row(table="stroop", kind="spread", measure="RT", cell='{"condition": "congruent"}')
    sd = t.loc["congruent", "RT_sd_sub"]
    assert spread["human"] == sd
    assert spread["half"] == sd * max(0.25, 2 / math.sqrt(2 * 520))
    effect = row(table="stroop", kind="effect")
    assert effect["human"] == t.loc["incongruent", "RT_mean"] - t.loc["congruent", "RT_mean"]
    fifth = row(table="simple_rt_time_on_task", measure="RT by fifth", cell='{"bin": "4"}')
    assert fifth["human"] == human.table("simple_rt_time_on_task")["meanRT_ms"].iloc[12:15].mean()
    pair = row(table="people_across_tasks_correlations", cell='{"measure": "srt_mean", "with": "gng_rt"}')
    assert (pair["human"], pair["split"]) == (0.643, "fit")
    slope = row(
        table="visual_search_slopes",
        measure="slope",
        kind="slope",
        cell='{"task": "feature", "target_present": "0"}',
    )
    assert slope["half"] == pytest.approx(max(8 / 15, 2 * 0.4784 / 3))


def test_rows_are_many_and_each_is_there_once():
    assert (every()["split"].value_counts() >= 300).all()
    assert not every().duplicated(["table", "measure", "kind", "over", "cell", "minus"]).any()
    assert set(every()["scale"]) == set(bands.TOLERANCES)
    assert every().groupby("kind").size().min() > 5


def test_every_column_of_every_table_is_scored_or_said_not_to_be():
    """Nothing is left out in silence: a value, its sd, how many, which row it is, or a line that says why not."""
    lines = human.measures()
    assert set(lines["table"]) == set(human.names())
    assert (lines.loc[lines["kind"] == "none", "note"] != "").all()
    for name in human.names():
        own, table = lines[lines["table"] == name], human.table(name)
        if (own["column"] == "*").any():
            continue
        said = set(" ".join(own[["column", "sd", "n", "trials"]].to_numpy().ravel()).split())
        said |= {key.partition("//")[0] for keys in own["keys"] for key in keys.split()}
        said |= {
            part.partition("=")[0].removesuffix("!") for rows in own["rows"] for part in rows.split(" & ")
        }
        left = set(table.select_dtypes("number").columns) - said
        assert not left, (name, left)


# -- values of a run -----------------------------------------------------------------------------------------------


def trials(**columns):
    return pd.DataFrame({"person": [0, 0, 1, 1], "kind": [1, 2, 1, 2], "correct": True} | columns)


def test_persons_in_cells():
    frame = trials(rt=[0.5, 0.7, 0.4, np.nan])
    by = scored.of("rt", ["kind"], scale=1000.0)(frame)
    assert by.loc[0].tolist() == [500.0, 700.0]
    both = scored.margins("rt", ["kind", "correct"])(frame)
    assert both[(1, scored.ALL)].tolist() == [0.5, 0.4]
    assert both[(scored.ALL, True)].tolist() == pytest.approx([0.6, 0.4])
    times, within, accuracy, errors = scored.speeded("t", ["kind"], scored.coded(kind=int))
    assert times.values(frame)[1].tolist() == [500.0, 400.0]
    assert accuracy.values(frame)[2].tolist() == [1.0, 1.0]
    assert errors.values(frame)[2].tolist() == [0.0, 0.0]
    assert (
        within.values(pd.concat([frame, frame.assign(rt=frame["rt"] + 0.1)]))[1].round(3).tolist()
        == [70.711] * 2
    )


def test_fifths_quantiles_and_delta_of_a_conflict():
    n = 50
    rt = np.linspace(0.3, 0.8, n)
    easy = pd.DataFrame({"person": 0, "congruence": 1, "rt": rt, "correct": True})
    hard = easy.assign(congruence=-1, rt=rt + 0.05, correct=np.arange(n) >= 5)
    made = {s.measure: s.values(pd.concat([easy, hard])).iloc[0] for s in scored.curves("t")}
    assert made["accuracy by fifth, incongruent"].tolist() == [0.5, 1, 1, 1, 1]
    assert made["RT quantile, congruent"].tolist() == pytest.approx(
        [1000 * np.quantile(rt, q) for q in scored.QUANTILES]
    )
    right = rt[5:] + 0.05
    delta = [1000 * (np.quantile(right, q) - np.quantile(rt, q)) for q in scored.QUANTILES]
    assert made["delta"].tolist() == pytest.approx(delta)
    no_time = easy.assign(rt=np.nan)
    assert all(
        s.values(no_time).isna().all().all() for s in scored.curves("t") if "accuracy" not in s.measure
    )


def of_rows(rows, table, measure, values, cell):
    own = rows[(rows["table"] == table) & (rows["measure"] == measure)].reset_index(drop=True)
    return curves.fill(own, {"model": [Played(Scored(table, measure, lambda f: f, cell), values)]})


def test_means_spreads_and_effects_are_those_of_persons():
    values = pd.DataFrame({1: [600.0, 700.0, 800.0], -1: [700.0, 900.0, np.nan]})
    found = of_rows(
        every(), "stroop", "RT", values, scored.coded(condition={"congruent": 1, "incongruent": -1})
    )
    by = found.set_index(["kind", "cell"])["model"]
    easy, hard = '{"condition": "congruent"}', '{"condition": "incongruent"}'
    assert by["mean", easy] == 700
    assert by["spread", easy] == 100
    assert by["mean", hard] == 800
    assert by["effect", hard] == 150  # of those who have both
    assert found["softmax"].isna().all()
    assert found["softmax_inside"].isna().all()


def test_quantiles_and_correlations_between_persons():
    people = pd.DataFrame(
        {"srt_mean": np.arange(11.0) + 300, "gng_rt": -(np.arange(11.0) ** 3), "crt_mean": 1.0}
    )
    one = scored.across(srt_mean=lambda f: f, gng_rt=lambda f: f, crt_mean=lambda f: f)
    played = {"model": [Played(one, people)]}
    tables = ["people_across_tasks", "people_across_tasks_correlations"]
    found = curves.fill(every()[every()["table"].isin(tables)].reset_index(drop=True), played)
    by = found.set_index(["over", "cell"])["model"]
    assert by["q10", '{"measure": "srt_mean"}'] == 301
    assert by["q50", '{"measure": "srt_mean"}'] == 305
    assert by["spearman", '{"measure": "srt_mean", "with": "gng_rt"}'] == pytest.approx(-1)
    assert np.isnan(
        by["spearman", '{"measure": "srt_mean", "with": "crt_mean"}']
    )  # no spread, no correlation
    assert np.isnan(by["spearman", '{"measure": "srt_mean", "with": "ant_mean"}'])  # nobody took it


def test_people_themselves_are_inside_everywhere_and_skilful():
    known = every().assign(
        model=every()["human"], softmax=every()["human"].where(every()["scale"] == "share")
    )
    off = pd.Series(bands.off(known["model"], every()))
    assert (off == 0).all()
    base = pd.Series(bands.off(curves.baseline(every()), every()))
    assert curves._skill(off, base)[0] == 1
    assert curves._skill(base, base)[0] == 0
    alone = every()[
        (every()["table"] == "go_nogo") & (every()["measure"] == "go RT") & (every()["kind"] == "mean")
    ]
    assert base[alone.index].isna().all()  # a mean over one condition is people's own value
    assert (curves.baseline(every())[every()["scale"] == "difference"] == 0).all()


# -- a played card -------------------------------------------------------------------------------------------------


def test_person_i_is_the_same_in_every_task():
    """Correlations between tasks are those of persons: one population, one seed, the same people in the same order."""
    made = curves.plans(5, 7)
    assert len(made) > 20
    same = (Population.adults(), Population.holding())  # who only hold back one response for another
    adults = {name: plan for name, plan in made.items() if plan.population in same}
    first, *others = (plan.crowd() for plan in adults.values())
    shared = [name for name in first.rows.dtype.names if name != "response_grouping"]
    for crowd in others:
        assert all((crowd.rows[name] == first.rows[name]).all() for name in shared)
    across = {
        name
        for name, plan in made.items()
        if any(s.table == "people_across_tasks" for s in plan.paradigm.scored())
    }
    assert across <= set(adults)  # who is a sample of his own is in no correlation between tasks
    assert len(across) > 4
    assert not (curves.plans(5, 8)["prp"].crowd().rows == first.rows).all()


def test_a_declared_measure_finds_every_row_of_its_table_once():
    """A word of a table that the paradigm does not know would leave rows empty in silence."""
    claims = {}
    for name in paradigms.names():
        kind = paradigms.get(name)()
        for one in kind.scored():
            own = every()[every()["table"] == one.table]
            own = own if not one.measure else own[own["measure"] == one.measure]
            found = [i for i, cell in own["cell"].items() if one.cell(json.loads(cell)) is not None]
            if len(own):  # `speeded` gives accuracy and errors, a table has one of them
                claims.setdefault((one.table, one.measure), []).extend(found)
    for (table, measure), found in claims.items():
        assert len(found) == len(set(found)), (table, measure, "is claimed twice")
        if not measure:
            continue
        own = every()[(every()["table"] == table) & (every()["measure"] == measure)]
        assert set(found) == set(own.index), (table, measure)
    assert len(claims) > 60


@pytest.mark.full
def test_every_declared_cell_has_a_value_or_is_known_not_to(card):
    declared = {(s.table, s.measure) for n in paradigms.names() for s in paradigms.get(n)().scored()}
    rows = card.rows
    own = rows[[pair in declared for pair in zip(rows["table"], rows["measure"], strict=True)]]
    empty = own[own["model"].isna()]
    assert len(own) > 700
    # neutral flankers may not be played; three people may not meet the longest lists
    assert set(empty["table"]) <= {"ant_sro", "digit_span_by_length_sro"}
    assert empty.loc[empty["table"] == "ant_sro", "cell"].str.contains("neutral").all()
    assert len(empty) < 40


@pytest.mark.full
def test_what_nobody_plays_is_missing_and_said(card):
    rows = card.rows
    nback = rows[rows["table"] == "nback"].set_index("measure")["model"]
    assert nback["RT"].isna().all()
    assert nback.drop("RT").notna().all()
    assert rows.loc[rows["table"] == "antisaccade_reymermet2018", "model"].notna().sum() == 11
    missing = rows[rows["model"].isna()]
    assert missing["inside"].isna().all()
    assert f"{len(missing)} have no paradigm" in card.findings()[0]


@pytest.mark.full
def test_softmax_has_no_response_times_and_says_so(card):
    rows = card.rows
    tables = (
        "flanker",
        "stroop_caf_delta",
        "simple_rt_quantiles",
        "simple_rt_blocks_doggonogo",
        "sleep_restriction",
    )
    timed = rows["table"].isin(tables) & rows["unit"].str.startswith("ms") & rows["model"].notna()
    assert timed.sum() > 60
    assert rows.loc[timed, "softmax"].isna().all()
    assert rows.loc[timed, "softmax_inside"].isna().all()
    only_softmax = rows["model"].isna() & rows["softmax"].notna()  # few people: some delays are met by none
    assert set(rows.loc[only_softmax, "table"]) <= {"stop_signal_inhibition_hedge2018"}
    none = int((rows["inside"].notna() & rows["softmax_inside"].isna()).sum())
    assert any(f"{none} have none" in line for line in card.findings())


@pytest.mark.full
def test_inside_is_within_one_half_width(card):
    rows = card.rows[card.rows["inside"].notna()]
    assert (rows["inside"].astype(bool) == (rows["off"].abs() <= 1 + 1e-9)).all()
    apart = rows[rows["scale"] != "share"]
    between = apart["model"].between(apart["low"] - 1e-9, apart["high"] + 1e-9)
    assert (apart["inside"].astype(bool) == between).all()
    assert 0.1 < rows["inside"].mean() < 0.95


@pytest.mark.full
def test_counts_and_skill_are_those_of_the_rows(card):
    rows = card.rows
    counts = card.counts("kind").set_index(["kind", "split"])
    own = rows[(rows["kind"] == "blink") & (rows["split"] == "test") & rows["inside"].notna()]
    assert counts.loc[("blink", "test"), ["inside", "rows"]].tolist() == [own["inside"].sum(), len(own)]
    assert counts["rows"].sum() == rows["inside"].notna().sum() == card.counts("phenomenon")["rows"].sum()
    skill = card.skill().set_index(["half", "baseline"])
    both = rows[rows["off"].notna() & rows["softmax_off"].notna()]
    want = 1 - (both["off"] ** 2).sum() / (both["softmax_off"] ** 2).sum()
    assert skill.loc[("both", "softmax"), "skill"] == pytest.approx(want)
    assert skill.loc[("both", "softmax"), "rows"] == len(both)


@pytest.mark.full
def test_signs_of_correlations_are_counted(card):
    rows = card.rows.query("kind == 'correlation' and split == 'test' and (human > .2 or human < -.2)")
    rows = rows[rows["model"].notna()]
    right = int(((rows["model"] > 0) == (rows["human"] > 0)).sum())
    assert 0 < right < len(rows)
    assert any(f"test {right} of {len(rows)}" in line for line in card.findings() if "sign" in line)


@pytest.mark.full
def test_the_bands_set_by_hand_are_on_it_as_before(card):
    alone = ca.scorecard(people=3, seed=5)
    pd.testing.assert_frame_equal(card.headline.table(), alone.table(), check_exact=True)
    assert card.findings()[-1] == f"Rows set by hand: {alone.findings()[0]}"


@pytest.mark.full
def test_it_is_saved(card):
    folder = card.folder
    saved = pd.read_csv(folder / "rows.csv")
    assert len(saved) == len(every())
    assert np.allclose(saved["model"], card.rows["model"], equal_nan=True)
    assert (folder / "figures" / "curves.png").stat().st_size > 20_000
    assert json.loads((folder / "done.json").read_text())["rows"] == len(every())
    assert (folder / "findings.txt").read_text().splitlines() == card.findings()


@pytest.mark.full
def test_it_goes_on_where_it_stopped(tmp_path, monkeypatch):
    plans, few = curves.plans, ("prp", "change_detection", "stroop")
    monkeypatch.setattr(curves, "plans", lambda *how: {n: p for n, p in plans(*how).items() if n in few})
    once = ca.scorecard(people=2, seed=5, curves=True, out=tmp_path)
    parts = sorted(once.folder.rglob("parts/*.parquet"))
    (once.folder / "done.json").unlink()
    parts[0].unlink()
    kept = {path: path.stat().st_mtime_ns for path in parts[1:]}
    again = ca.scorecard(people=2, seed=5, curves=True, out=tmp_path, resume=True)
    assert again.folder == once.folder
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert parts[0].exists()
    pd.testing.assert_frame_equal(again.rows, once.rows, check_exact=True)


def test_the_pages_say_what_the_committed_run_found():
    root = Path(ca.__file__).parents[1]
    rows = pd.read_csv(root / "results" / "reference" / "curves" / "rows.csv")
    keys = ["table", "measure", "kind", "cell", "split"]
    assert rows[keys].equals(every()[keys])
    assert np.allclose(rows[["human", "low", "high"]], every()[["human", "low", "high"]])
    known = rows[rows["inside"].notna()]
    said = {half: f"{own['inside'].eq(True).sum()} of {len(own)}" for half, own in known.groupby("split")}
    share = {half: f"{100 * own['inside'].eq(True).mean():.0f} %" for half, own in known.groupby("split")}
    page, theory, lead = (
        re.sub(r"\s+", " ", (root / name).read_text(encoding="utf-8"))
        for name in ("docs/curves.md", "docs/theory.md", "README.md")
    )
    assert f"fit {said['fit']} ({share['fit']}), test {said['test']} ({share['test']})" in page
    assert f"inside {said['fit']} rows" in theory
    assert (
        f"inside {share['fit']} of the rows that numbers were estimated from and {share['test']} of those"
        in lead
    )
    for kind, own in known.groupby(["kind", "split"]):
        if kind[0] in ("delta", "blink", "session", "spread", "correlation"):
            assert f"{own['inside'].eq(True).sum()} of {len(own)}" in page, kind


def test_curves_take_what_their_tables_ask_for():
    with pytest.raises(InputError, match="as many trials as its tables ask for"):
        ca.scorecard(people=2, trials=3, curves=True)
    with pytest.raises(InputError, match="no needs"):
        ca.scorecard(people=2, needs=True, curves=True)
