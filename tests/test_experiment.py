"""Who takes which task: the same seed gives the same numbers, and arms differ by the limits alone."""

from __future__ import annotations

import os
import tracemalloc
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import cogattn as ca
from cogattn import paradigms
from cogattn.errors import InputError, RunError
from cogattn.observer import Observer, limits_of
from cogattn.population import Population
from cogattn.runs import experiment, plan, play
from cogattn.runs import trials as results
from cogattn.runs.experiment import run
from cogattn.runs.rows import Rows

SMALL = {"people": 3, "trials": 4, "seed": 5}
TWO = {"exposures": (0.02, 0.1)}

EYE = """
import numpy as np
class DigitReader:
    name, places, alphabet, gap = "eye", 8, 10, 1.5
    gates = []
    def show(self, labels, roles, keys):
        return labels, roles
    def weigh(self, display):
        return np.where(display[1] < 0, -np.inf, 1.5 * display[1] - 7.0)
    def read(self, display, gate):
        self.gates.append(gate)
        labels, roles = display
        seen = np.ones(labels.shape, bool) if gate is None else gate.keep.numpy()
        return np.where(seen & (roles == 1), labels, -1)
def load(device):
    return DigitReader()
"""


@pytest.fixture
def eye(tmp_path):
    """A network that sees perfectly and answers what its gate leaves open."""
    path = tmp_path / "eye.py"
    path.write_text(EYE)
    return str(path)


def whole(**options):
    return paradigms.get("whole_report")(**(TWO | options))


@pytest.mark.parametrize("model", [None, "digit_reader"])
def test_the_number_of_cores_changes_no_number(model):
    one, two, three = (run(whole(), model=model, n_jobs=n, **SMALL).frame for n in (1, 2, 3))
    pd.testing.assert_frame_equal(one, two, check_exact=True)
    pd.testing.assert_frame_equal(one, three, check_exact=True)


@pytest.mark.parametrize("model", [None, "digit_reader"])
def test_the_size_of_a_block_changes_no_number(model, monkeypatch):
    before = run(whole(), model=model, **SMALL).frame
    monkeypatch.setattr(play, "_BLOCK", 5)
    monkeypatch.setattr(play, "_ALONE", 5)
    pd.testing.assert_frame_equal(before, run(whole(), model=model, **SMALL).frame, check_exact=True)


def test_blocks_of_all_kinds_of_columns_make_the_table_that_pandas_joins():
    blocks = [
        {
            "n": np.arange(rows) + start,
            "short": np.full(rows, start, np.int32),
            "seen": np.arange(rows) % 2 == 0,
            "grows": np.arange(rows) if start == 0 else np.arange(rows) / 2,
            "rt": np.nan,
            "one": 6,
            "arm": "human",
            "said": [f"t{i}" for i in range(rows)],
            "named": np.array(["a", "bc"] * rows, object)[:rows],
            "kind": pd.Categorical(["x"] * rows, categories=["x", "y"]),
        }
        for start, rows in ((0, 4), (4, 4), (8, 1))
    ]
    tables = [pd.DataFrame(block) for block in blocks]
    joined = pd.concat(tables, ignore_index=True)
    for order in ((0, 1, 2), (2, 0, 1)):
        for kind in (blocks, tables):  # what is played here, what another process sends
            rows = Rows(9)
            for i in order:
                rows.add(kind[i], 4 * i, len(blocks[i]["n"]))
            pd.testing.assert_frame_equal(rows.frame(), joined, check_exact=True)
            part = joined[4:8].reset_index(drop=True)
            pd.testing.assert_frame_equal(rows.frame(4, 4), part, check_exact=True)
    for i, table in enumerate(tables):  # a table of one block takes its columns as they are
        rows = Rows(len(table))
        rows.add(blocks[i], 0, len(table))
        pd.testing.assert_frame_equal(rows.frame(), table, check_exact=True)


@pytest.mark.parametrize("odd", range(3))
@pytest.mark.parametrize(
    "change",
    [
        {"more": np.array([1, 2])},  # a column that the others have not
        {"n": np.array([True, False])},  # truths among numbers
        {"n": ["a", "b"]},
        {"said": np.array([1, 2])},
        {"score": None},  # one is missing
    ],
    ids=str,
)
def test_blocks_of_unlike_columns_are_joined_as_pandas_joins_them(odd, change):
    blocks = []
    for start in (0, 2, 4):
        block = {
            "n": np.arange(2) + start,
            "said": ["x", "y"],
            "score": np.array([start, 0]),
            "ok": np.array([True, start > 0]),
        }
        blocks.append(
            {k: v for k, v in (block | change if start == 2 * odd else block).items() if v is not None}
        )
    joined = pd.concat([pd.DataFrame(block) for block in blocks], ignore_index=True)
    rows = Rows(6)
    for start, block in zip((0, 2, 4), blocks, strict=True):
        rows.add(block, start, 2)
    pd.testing.assert_frame_equal(rows.frame(), joined, check_exact=True)
    for i, block in enumerate(blocks):
        pd.testing.assert_frame_equal(rows.frame(2 * i, 2), pd.DataFrame(block), check_exact=True)


@pytest.mark.parametrize("starts", [(0, 2), (0,)], ids=["two blocks", "one block"])
def test_a_table_is_the_callers_own(starts):
    """What is written into one table is in no other one, though a text is held once."""
    n = 2 * len(starts)
    one, other = Rows(n), Rows(n)
    for rows in (one, other):
        for start in starts:
            rows.add({"n": np.zeros(2), "set": 6, "onset": 0.2, "rt": np.nan, "arm": "human"}, start, 2)
    first = one.frame()
    for name, value in {"arm": "nobody", "n": 7.0, "set": 8, "onset": 0.1, "rt": 0.5}.items():
        first.loc[0, name] = value
        assert first[name].tolist()[0] == value
    again = other.frame()
    assert again["arm"].tolist() == ["human"] * n
    assert (again["set"].tolist(), again["onset"].tolist()) == ([6] * n, [0.2] * n)
    assert again["rt"].isna().all()
    assert again["n"].tolist() == [0.0] * n


def test_a_number_that_all_rows_have_takes_the_memory_of_one_until_a_block_differs():
    rows = Rows(6)
    for start in (0, 2):
        rows.add({"set": np.int32(6), "onset": 0.2, "rt": np.nan, "right": True}, start, 2)
    for name in ("set", "onset", "rt", "right"):
        assert rows.frame(0, 4)[name].to_numpy().strides == (0,), name
    rows.add({"set": np.int32(6), "onset": np.array([0.3, 0.4]), "rt": 0.5, "right": False}, 4, 2)
    table = rows.frame()
    assert table["set"].to_numpy().strides == (0,)
    assert table["onset"].tolist() == [0.2] * 4 + [0.3, 0.4]
    assert table["rt"].isna().tolist() == [True] * 4 + [False] * 2
    assert table["right"].tolist() == [True] * 4 + [False] * 2
    assert table.dtypes.astype(str).to_dict() == {
        "set": "int32",
        "onset": "float64",
        "rt": "float64",
        "right": "bool",
    }


def test_whole_numbers_that_are_the_same_row_by_row_take_the_memory_of_one_too():
    rows, six = Rows(6), np.full(2, 6, np.int32)
    for start in (0, 4):
        rows.add({"set": six, "n": six if start else np.array([6, 5], np.int32)}, start, 2)
    assert rows.frame(0, 2)["set"].to_numpy().strides == (0,)
    assert rows.frame(0, 2)["n"].tolist() == [6, 5]
    rows.add({"set": np.array([6, 7], np.int32), "n": six}, 2, 2)
    assert rows.frame()["set"].tolist() == [6, 6, 6, 7, 6, 6]
    assert rows.frame()["n"].tolist() == [6, 5, 6, 6, 6, 6]
    assert rows.frame().dtypes.astype(str).tolist() == ["int32", "int32"]


def test_zeros_keep_their_sign():
    """Zeros take no memory, but for those with a sign."""
    rows = Rows(4)
    for start, zero in ((0, -0.0), (2, 0.0)):
        rows.add({"float": np.full(2, zero), "whole": np.zeros(2, int)}, start, 2)
    assert np.signbit(rows.frame()["float"]).tolist() == [True, True, False, False]
    assert rows.frame()["whole"].tolist() == [0] * 4


def test_another_arm_or_condition_changes_no_number_of_the_others():
    few = run(whole(), arms=("human",), **SMALL).frame
    many = run(whole(exposures=(0.1, 0.05, 0.02)), arms=("slots", "human"), **SMALL).frame
    many = many[(many["arm"] == "human") & (many["exposure"] != 0.05)]
    keys = ["exposure", "person", "trial"]
    few, many = (f.sort_values(keys).reset_index(drop=True) for f in (few, many))
    pd.testing.assert_frame_equal(few, many, check_exact=True)


def test_another_seed_changes_the_numbers():
    a, b = (run(whole(), people=3, trials=30, seed=s).frame["score"] for s in (1, 2))
    assert (a != b).any()


def test_people_are_the_same_people_however_many_take_part():
    few, many = (run(whole(), arms="human", people=n, trials=4).frame for n in (2, 5))
    pd.testing.assert_frame_equal(
        few.reset_index(drop=True), many[many["person"] < 2].reset_index(drop=True), check_exact=True
    )


def test_whatever_limit_is_lifted_nothing_is_lost():
    """Arms share people, displays and draws: fewer limits never store less, element by element."""
    arms = (
        "human",
        "slots+capacity",
        "slots+threshold",
        "capacity+threshold",
        "slots",
        "capacity",
        "softmax",
    )
    trials = run(whole(), arms=arms, people=4, trials=25)
    record = experiment.events(trials)
    stored = record[record["kind"].astype(str) == "encode"]
    keys = ["condition", "person", "trial", "element"]
    sets = {arm: set(stored[stored["arm"] == arm][keys].astype(str).itertuples(index=False)) for arm in arms}
    for arm in arms[1:]:
        if "slots" not in arm:  # who gets the last slot can change when others come earlier; how many cannot
            assert sets["human"] <= sets[arm]
        assert len(sets["human"]) < len(sets[arm])
    assert len(sets["softmax"]) == 2 * 4 * 25 * 6


def test_a_network_that_sees_perfectly_is_the_mind_alone(eye):
    for paradigm in (whole(), "partial_report"):
        seen = run(paradigm, model=eye, arms=("human", "slots", "softmax"), people=5, trials=30).frame
        alone = run(paradigm, arms=("human", "slots", "softmax"), people=5, trials=30).frame
        assert (seen["score"] == alone["score"]).all()
        assert (seen["answered"] == alone["answered"]).all()


def test_without_limits_the_network_reads_without_a_gate(eye):
    subject = plan.find_reader(eye, "cpu")
    own = experiment.make_plan(whole(), ("human", "softmax"), eye, 2, 2, 0, None, None)
    for arm, gated in (("softmax", False), ("human", True)):
        subject.gates.clear()
        experiment.play_cell(own, experiment.Cell(arm, own.paradigm.conditions()[0]), own.crowd(), subject)
        assert [g is not None for g in subject.gates] == [gated]


@pytest.mark.parametrize("paradigm", ["whole_report", "digit_stream", "simple_rt"])
def test_a_judge_of_sequences_is_shown_no_pictures(paradigm):
    with pytest.raises(InputError, match="nback_reader judges sequences, and this experiment needs one that"):
        run(paradigm, model="nback_reader", people=1)


def test_all_that_arrived_is_accounted_for():
    for model in (None, "digit_reader"):
        frame = run("partial_report", model=model, **SMALL).frame
        assert (frame["arrived"] == frame["answered"] + frame["missed"] + frame["censored"]).all()


def test_one_mind_for_everybody_or_a_population_but_not_both():
    slow = replace(Observer(), capacity=1.0)
    frame = run(whole(), arms="human", observer=slow, people=3, trials=20).frame
    assert frame["score"].mean() < 0.3
    with pytest.raises(InputError, match="give one of observer"):
        run(whole(), observer=slow, population=Population.adults())


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"people": 0}, "people"),
        ({"people": 2.5}, "people"),
        ({"trials": -1}, "trials"),
        ({"trials": True}, "trials"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**64}, "seed"),
        ({"n_jobs": 0}, "n_jobs"),
        ({"arms": ()}, "arms"),
        ({"arms": ("human", "human")}, "arms"),
        ({"arms": "fatique"}, "arm"),
        ({"model": "no_such_model"}, "model"),
        ({"observer": 3}, "observer"),
        ({"population": Observer()}, "population"),
        ({"people": 10**6, "trials": 10**6}, "rows do not fit into memory"),
        ({"model": "digit_reader", "device": "abacus"}, "device"),
    ],
)
def test_wrong_arguments_are_named_in_one_line(change, word):
    with pytest.raises(InputError) as error:
        run(whole(), **(SMALL | change))
    assert word in str(error.value)
    assert "\n" not in str(error.value)


def test_a_network_says_how_many_items_it_can_show():
    with pytest.raises(InputError, match="at most 8"):
        run(whole(set_size=9), model="digit_reader", **SMALL)


# -- runs that stop and go on ------------------------------------------------------------------------------


class Stop(Exception):
    pass


def stopped(tmp_path, after, **settings):
    """A run that stops after so many cells."""

    def tick(done, total):
        if done == after:
            raise Stop

    with pytest.raises(Stop):
        run(whole(), out=tmp_path, progress=tick, **(SMALL | settings))
    return next((tmp_path / "whole_report").iterdir())


@pytest.mark.parametrize("model", [None, "digit_reader"])
def test_a_stopped_run_goes_on_to_the_same_numbers(tmp_path, model):
    folder = stopped(tmp_path, after=2, model=model)
    assert not (folder / "done.json").exists()
    with pytest.raises(InputError, match="--resume"):
        results.load(folder)
    again = run(whole(), out=tmp_path, resume=True, model=model, **SMALL)
    assert again.folder == folder
    fresh = run(whole(), model=model, **SMALL)
    pd.testing.assert_frame_equal(again.frame, fresh.frame, check_exact=True)
    pd.testing.assert_frame_equal(results.load(folder).frame, fresh.frame, check_exact=True)


def test_finished_cells_are_not_played_again(tmp_path, monkeypatch):
    stopped(tmp_path, after=3)
    played = []
    original = experiment.lay_cell

    def count(plan, cell, *rest):
        played.append(cell)
        return original(plan, cell, *rest)

    monkeypatch.setattr(experiment, "lay_cell", count)
    run(whole(), out=tmp_path, resume=True, **SMALL)
    assert len(played) <= 1


def test_other_settings_do_not_take_up_a_run(tmp_path):
    stopped(tmp_path, after=2)
    with pytest.raises(InputError, match="no unfinished run"):
        run(whole(), out=tmp_path, resume=True, **(SMALL | {"seed": 6}))


@pytest.mark.parametrize("damage", [b"", b"not a table", None])
def test_a_damaged_part_is_played_again(tmp_path, damage):
    folder = stopped(tmp_path, after=3)
    part = next((folder / "parts").glob("*.parquet"))
    part.write_bytes(part.read_bytes()[:100] if damage is None else damage)
    again = run(whole(), out=tmp_path, resume=True, **SMALL)
    pd.testing.assert_frame_equal(again.frame, run(whole(), **SMALL).frame, check_exact=True)


def test_a_full_disk_keeps_what_was_finished(tmp_path, monkeypatch):
    import errno

    real, count = os.replace, []

    def full(a, b):
        count.append(b)
        if len(count) > 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(a, b)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(RunError, match="No space left") as error:
        run(whole(), out=tmp_path, **SMALL)
    assert "\n" not in str(error.value)
    monkeypatch.undo()
    folder = next((tmp_path / "whole_report").iterdir())
    assert len(list((folder / "parts").glob("*.parquet"))) == 2
    assert not list(folder.rglob("*.part*"))
    again = run(whole(), out=tmp_path, resume=True, **SMALL)
    pd.testing.assert_frame_equal(again.frame, run(whole(), **SMALL).frame, check_exact=True)


def test_events_of_a_run_are_the_events_that_made_its_scores():
    trials = run(whole(), **SMALL)
    record = experiment.events(trials, arm="human")
    stored = record[record["kind"].astype(str) == "encode"].groupby(["condition", "person", "trial"]).size()
    frame = trials.frame[trials.frame["arm"] == "human"]
    order = {e: i for i, e in enumerate(trials.paradigm.exposures)}
    scores = frame.assign(condition=frame["exposure"].map(order)).set_index(["condition", "person", "trial"])[
        "score"
    ]
    assert (stored.reindex(scores.index, fill_value=0) == scores).all()


def test_events_with_a_network_are_played_with_its_weights():
    trials = run("partial_report", model="digit_reader", **SMALL)
    record = experiment.events(trials, arm="human", condition=1)
    stored = record[record["kind"].astype(str) == "encode"]
    targets = stored[stored["element"].astype(str).str.startswith("t")].groupby(["person", "trial"]).size()
    frame = trials.frame.query("arm == 'human' and distractors == 4").set_index(["person", "trial"])[
        "answered"
    ]
    assert np.abs(targets.reindex(frame.index, fill_value=0) - frame).max() <= 1  # its own misses apart


def test_a_part_with_too_few_rows_is_played_again(tmp_path):
    folder = stopped(tmp_path, after=3)
    part = next((folder / "parts").glob("*.parquet"))
    pd.read_parquet(part).iloc[:-1].to_parquet(part, index=False)
    again = run(whole(), out=tmp_path, resume=True, **SMALL)
    pd.testing.assert_frame_equal(again.frame, run(whole(), **SMALL).frame, check_exact=True)


def test_a_cell_has_another_name_when_anything_changes_that_decides_its_numbers(eye):
    def name(arm="human", **change):
        settings = {
            "people": 3,
            "trials": 4,
            "seed": 5,
            "model": None,
            "observer": None,
            "population": None,
        } | change
        plan = experiment.make_plan(settings.pop("task", whole()), ("human", "slots"), **settings)
        return experiment.Cell(arm, plan.paradigm.conditions()[0]).name(plan.config())

    others = [
        name("slots"),
        name(people=4),
        name(trials=5),
        name(seed=6),
        name(model=eye),
        name(observer=Observer()),
        name(population=replace(Population(), slots=replace(Population().slots, mean=2.0))),
        name(task=whole(set_size=5)),
    ]
    assert len({name(), *others}) == 9
    assert name() == name()


# --- more rows than fit into memory, and named people ---------------------------------------------------------


def test_a_run_that_does_not_fit_into_memory_is_written_piece_by_piece(tmp_path, monkeypatch):
    task = ca.paradigms.get("whole_report")(exposures=(0.05, 0.2))
    whole = ca.run(task, arms=("human", "softmax"), people=60, trials=4, seed=3)
    monkeypatch.setattr(plan, "PIECE", 80)  # 20 people
    assert ca.run(task, arms=("human", "softmax"), people=60, trials=4, seed=3).frame.equals(whole.frame)
    monkeypatch.setattr(experiment, "IN_MEMORY", 500)
    monkeypatch.setattr(experiment, "SHOWN", 400)  # 25 people
    with pytest.raises(InputError, match=r"960 rows do not fit into memory.*give out="):
        ca.run(task, arms=("human", "softmax"), people=60, trials=4, seed=3)
    part = ca.run(task, arms=("human", "softmax"), people=60, trials=4, seed=3, out=tmp_path)
    first = whole.frame[whole.frame["person"] < 25].reset_index(drop=True)
    assert part.frame.equals(first)
    written = pd.read_parquet(part.folder / "trials.parquet")
    assert written.equals(whole.frame)
    back = ca.load(part.folder)
    assert (back.rows, back.shown) == (960, 25)
    assert back.frame.equals(first)
    assert "first 25 people" in (part.folder / "README.txt").read_text()


def test_a_run_in_memory_holds_its_rows_once(monkeypatch):
    """What is played is laid into the table that is returned: pieces and cells are joined nowhere."""
    monkeypatch.setattr(plan, "PIECE", 20_000)
    monkeypatch.setattr(play, "_ALONE", 2000)
    task = ca.paradigms.get("whole_report")(exposures=(0.05, 0.2))
    ca.run(task, people=10, trials=10)  # compile
    tracemalloc.start()
    try:
        frame = ca.run(task, people=5000, trials=10).frame
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 1.5 * frame.select_dtypes(["number", "bool"]).memory_usage(index=False).sum()


def test_named_people_take_a_run(tmp_path):
    people = {"Ada": ca.Observer(slots=1.0), "Ben": ca.Observer(slots=5.0)}
    kept = ca.run("partial_report", arms="human", observers=people, trials=30, seed=1, out=tmp_path)
    scores = kept.frame.groupby("name")["score"].mean()
    assert scores["Ada"] <= 1.0 < scores["Ben"]
    alone = ca.run("partial_report", arms="human", observer=people["Ada"], people=1, trials=30, seed=1)
    ada = kept.frame[kept.frame["name"] == "Ada"].drop(columns="name").reset_index(drop=True)
    assert ada.equals(alone.frame)
    assert ca.load(kept.folder).frame.equals(kept.frame)
    for wrong in ({}, [], {"Ada": 3}, 5):
        with pytest.raises(InputError, match="observers must"):
            ca.run("partial_report", observers=wrong)
    with pytest.raises(InputError, match="one of observer"):
        ca.run("partial_report", observers=people, observer=ca.Observer())


# --- a state of the day ----------------------------------------------------------------------------------------------


def test_a_sitting_is_a_day_of_its_own_and_the_same_in_all_conditions_and_arms():
    """Who is fast today is fast in every condition and under every arm of a paradigm; not on another visit, not in
    another paradigm; and the numbers of an observer without days are his own."""
    moody = Observer(day_sd=0.2, slip=0.0, wandering=0.0)
    number = np.arange(200)

    def pace(paradigm, arm="human", visit=0, mind=moody):
        asked = plan.make_plan(paradigm, arm, None, len(number), None, 3, mind, None)
        people = play.today(asked, asked.crowd().under(limits_of(arm)), number, visit)
        if mind is moody:
            assert people["hand"] * people["speed"] == pytest.approx(mind.hand * mind.speed)
        return np.log(people["hand"])

    first = pace("simon")
    assert first.std() == pytest.approx(0.2, rel=0.2)
    assert (pace("simon") == first).all()
    assert (pace("simon", "speed") == first).all()
    others = pace("simon", visit=1), pace("flanker")
    assert all(abs(np.corrcoef(first, other)[0, 1]) < 0.25 for other in others)
    assert (pace("simon", mind=Observer()) == 0).all()
    frame = run("simon", arms="human", people=60, observer=moody, seed=3).frame
    slow = frame.groupby(["person", "congruence"])["rt"].mean().unstack()
    assert slow[1].corr(slow[-1]) > 0.9
