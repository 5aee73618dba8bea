"""Real files of other people, where they are at hand: each is read as it is, or refused in one line.

What is expected was read off the files by hand and counted with plain pandas, apart from the code that is tested. The
files belong to their authors: none is in the repository, and where the folder is absent these tests are skipped.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from cogattn.errors import InputError
from cogattn.human import imports
from cogattn.human.imports import Recipe
from cogattn.tune import likelihoods, tasks

REAL = Path(os.environ.get("COGATTN_REAL", Path(__file__).parents[3] / "shared" / "real"))
pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="real files of other people are not at hand")

HEADS = ("block", "trial", "direction", "congruence", "correct", "rt")
HEDGE = {"congruence": {"0": "congruent", "1": "neutral", "2": "incongruent"}}
SAID = {  # at most two answers
    "psytoolkit_cueing.csv": Recipe(constants={"soa": 0.2}),
    "psytoolkit_nback.csv": Recipe(constants={"load": 2}),
    "headless_P10Flanker1.csv": Recipe(heads=HEADS, words=HEDGE),
    "headless_P11Flanker1.csv": Recipe(heads=HEADS, words=HEDGE),
}


class Truth(NamedTuple):
    """What a file holds: trials, people, share right (or None), how it is called here; rt: mean [s], responses."""

    task: str
    trials: int
    people: int
    right: float | None
    rt: float
    answered: int
    time: str = "rt"
    cells: dict = {}  # noqa: RUF012 (condition, value) -> (trials, share right, mean rt)


FILES = {
    "psychopy_stroop_one_person.csv": Truth(
        "stroop", 120, 1, 0.983333, 1.251368, 120,
        cells={("congruence", -1): (60, 0.9667, 1.4061), ("congruence", 1): (60, 1.0, 1.0967)},
    ),
    "psytoolkit_flanker.csv": Truth(
        "flanker", 2544, 12, 0.934355, 0.646497, 2522,
        cells={("congruence", -1): (1308, 0.9304, 0.6547), ("congruence", 1): (1236, 0.9385, 0.6378)},
    ),
    "psytoolkit_cueing.csv": Truth(
        "posner", 2400, 12, 0.984583, 0.404278, 2394,
        cells={("cue", -1): (621, 0.9565, 0.4378), ("cue", 1): (1779, 0.9944, 0.3925)},
    ),
    "psytoolkit_nback.csv": Truth("nback", 1500, 12, 0.901333, 0.689569, 343),
    "dmc_flanker.txt": Truth(
        "flanker", 5373, 16, 0.944165, 0.416314, 5373,
        cells={("congruence", 1): (2686, 0.9758, 0.403), ("congruence", -1): (2687, 0.9125, 0.4297)},
    ),
    "chetverikov_flanker.csv": Truth(
        "flanker", 1440, 6, 0.838194, 0.438972, 1326,
        cells={("congruence", 1): (720, 0.8792, 0.4283), ("congruence", -1): (720, 0.7972, 0.4498)},
    ),
    "headless_P10Flanker1.csv": Truth(
        "flanker", 720, 1, 0.951389, 0.441280, 720,
        cells={("congruence", 1): (240, 0.9792, 0.4239), ("congruence", 0): (240, 0.9875, 0.4198),
               ("congruence", -1): (240, 0.8875, 0.4802)},
    ),
    "headless_P11Flanker1.csv": Truth(
        "flanker", 720, 1, 0.980556, 0.447676, 720, cells={("congruence", -1): (240, 0.9625, 0.4758)}
    ),
    "hssm_cavanagh_theta.csv": Truth(
        "", 3988, 14, 0.682297, 1.402344, 3988,
        cells={("conf", "HC"): (1972, 0.5898, 1.4545), ("conf", "LC"): (2016, 0.7728, 1.3514)},
    ),
    "jspsych_attention_network_task.csv.gz": Truth(
        "ant", 1152, 8, 0.960069, 0.685372, 1138,
        cells={("cue", 0): (288, (0.9688 + 0.9479 + 0.9479) / 3, None), ("congruence", 1): (384, None, None)},
    ),
    "jspsych_go_nogo.csv.gz": Truth(
        "go_nogo", 2800, 8, 0.961071, 0.362361, 2523,
        cells={("signal", 0): (2520, 0.979, 0.363), ("signal", 1): (280, 0.8, 0.335)},
    ),
    "jspsych_psychological_refractory_period_two_choices.csv.gz": Truth(
        "prp", 1600, 8, None, 0.926040, 1573, "rt1",
        cells={("soa", 0.05): (403, None, 0.8419), ("soa", 0.8): (391, None, 1.1139)},
    ),
    "jspsych_simon.csv.gz": Truth(
        "simon", 800, 8, 0.9425, 0.575818, 795,
        cells={("congruence", 1): (400, 0.9575, 0.5647), ("congruence", -1): (400, 0.9275, 0.5869)},
    ),
    "jspsych_stroop.csv.gz": Truth(
        "stroop", 768, 8, 0.934896, 0.740660, 750,
        cells={("congruence", 1): (384, 0.9609, 0.6945), ("congruence", -1): (384, 0.9089, 0.7873)},
    ),
    "jspsych_simple_reaction_time.csv.gz": Truth("simple_rt", 1200, 8, None, 0.395624, 1191),
    "jspsych_flanker_first12.csv": Truth(
        "flanker", 6, 1, 0.666667, 0.395, 6,
        cells={("congruence", 1): (3, 0.6667, 0.3687), ("congruence", -1): (3, 0.6667, 0.4213)},
    ),
    "vonbastian_flanker.csv": Truth(
        "flanker", 17424, 121, 0.966655, 0.569917, 17424,
        cells={("congruence", 1): (5808, 0.9776, 0.5736), ("congruence", 0): (5808, 0.9628, 0.5615),
               ("congruence", -1): (5808, 0.9595, 0.5746)},
    ),
    "wolfe_search_2_among_5.csv": Truth(
        "visual_search", 3000, 3, 0.981333, 1.425423, 3000,
        cells={("set_size", 3): (782, None, None), ("present", 1): (1502, None, None),
               ("display", "spatial_2v5"): (3000, None, None)},
    ),
    "bids_stop": Truth(
        "stop_signal", 249, 1, 0.855422, 0.449167, 221,
    ),
}  # fmt: skip


@cache
def proposed(name):
    return imports.propose(REAL / name, tasks.known(), SAID.get(name))


@pytest.mark.full
@pytest.mark.parametrize("name", FILES)
def test_a_real_file_is_read_as_it_is(name):
    truth, found = FILES[name], proposed(name)
    frame = found.table.frame
    assert (len(frame), frame["person"].nunique()) == (truth.trials, truth.people)
    if truth.task:
        assert (found.task, found.sure) == (truth.task, "sure")
    rt = frame[truth.time]
    assert rt.notna().sum() == truth.answered
    assert rt.mean() == pytest.approx(truth.rt, abs=2e-6)
    right = next((frame[n] for n in ("correct", "accuracy") if n in frame), None)
    if truth.right is not None:
        assert right.mean() == pytest.approx(truth.right, abs=2e-6)
    for (column, value), (trials, share, mean) in truth.cells.items():
        own = frame[column] == value if isinstance(value, str) else np.isclose(frame[column], value)
        assert own.sum() == trials, (column, value)
        if share is not None:
            assert right[own].mean() == pytest.approx(share, abs=1e-4)
        if mean is not None:
            assert rt[own].mean() == pytest.approx(mean, abs=1e-4)


def test_every_file_is_read_or_refused_and_none_is_forgotten():
    there = {p.name for p in REAL.iterdir()} - {"README.md"}
    assert there == set(FILES) | {"jspsych_no_trials.csv"}
    assert len(there) == 20


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("jspsych_no_trials.csv", "holds pages and no trials"),
        (
            "headless_P10Flanker1.csv",
            "has no head line, its first is 1,1,2,0,1,3.0776: say what each column is",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(name, line):
    with pytest.raises(InputError, match=line) as refused:
        imports.propose(REAL / name, tasks.known())
    assert len(str(refused.value)) < 420


@pytest.mark.parametrize(
    ("name", "lacking"),
    [("psytoolkit_cueing.csv", ("soa",)), ("psytoolkit_nback.csv", ("load",)), ("bids_stop", ("tones",))],
)
def test_what_no_column_says_is_said(name, lacking):
    found = imports.propose(REAL / name, tasks.known())
    assert found.lacking == lacking
    assert f"--set {lacking[0]}=VALUE" in " ".join(found.says())


def test_codes_that_nobody_can_know_are_asked_for_and_all_of_them():
    """Hedge's flankers: 0 congruent, 1 neutral, 2 incongruent, by his programs; with two of them told the neutral
    trials would count as congruent."""
    path = REAL / "headless_P10Flanker1.csv"
    found = imports.propose(path, tasks.known(), Recipe(heads=HEADS))
    assert (found.task, found.sure) == ("flanker", "not sure")
    assert "--word congruence:0=MEANING,1=MEANING,2=MEANING" in " ".join(found.says())
    with pytest.raises(InputError, match=r"congruence must be one of .* got 2 \(240 such trials\)"):
        likelihoods.of("flanker").compact(found.table.frame)
    some = {"congruence": {"0": "congruent", "2": "incongruent"}}
    with pytest.raises(InputError, match=r"not for 1; got '1' in row 7 of .* \(240 such rows\)"):
        imports.propose(path, tasks.known(), Recipe(heads=HEADS, words=some))


def test_practice_is_left_out_and_counted():
    gone = {
        "jspsych_stroop.csv.gz": 192,
        "jspsych_go_nogo.csv.gz": 80,
        "jspsych_simple_reaction_time.csv.gz": 40,
    }
    for name, n in gone.items():
        notes = [r for r in proposed(name).table.records() if "practice" in r["text"]]
        assert sum(r["count"] for r in notes) == n


def test_a_recipe_reads_the_next_file_of_the_same_kind(tmp_path):
    kept = proposed("headless_P10Flanker1.csv").recipe.save(tmp_path / "hedge.toml")
    again = imports.propose(REAL / "headless_P11Flanker1.csv", tasks.known(), Recipe.from_file(kept))
    assert again.table.frame.equals(proposed("headless_P11Flanker1.csv").table.frame)


def test_the_stop_signals_delays_and_what_escapes():
    frame = proposed("bids_stop").table.frame
    stop = frame[frame["correct"].notna() & (frame["rt"].isna() | (frame["correct"] == 0))]
    assert len(stop) == 64  # 28 stopped, 36 escaped; the 185 others went and were right
    assert frame["delay"].max() == pytest.approx(0.313, abs=0.1)


def test_stops_are_right_by_another_column_than_goes_and_a_recipe_keeps_that(tmp_path):
    """CorrectGo is 1 where somebody went, wrongly, at a stop, and 0 where he stopped."""
    said = Recipe(constants={"tones": 0.25})
    found = imports.propose(REAL / "bids_stop", tasks.known(), said, keep=("trial_type",))
    kept = found.recipe.save(tmp_path / "stop.toml")
    again = imports.propose(REAL / "bids_stop", tasks.known(), Recipe.from_file(kept), keep=("trial_type",))
    for one in (found, again):
        right = one.table.frame.groupby("trial_type")["correct"].agg(["mean", "size"])
        assert right.loc["failed stop"].tolist() == [0, 36]
        assert right.loc["successful stop"].tolist() == [1, 28]
        assert right.loc["go"].tolist() == [1, 185]
    assert "correct" not in found.recipe.columns
    assert "CorrectGo" not in found.unused
