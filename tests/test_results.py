"""The results of a run: one folder, one reader, one writer, whole or not at all."""

from __future__ import annotations

import json
import re
import tomllib

import pandas as pd
import pytest

import cogattn as ca
from cogattn import files, paradigms
from cogattn.errors import InputError, RunError
from cogattn.runs import trials as results
from cogattn.runs.experiment import run
from cogattn.view import plot


@pytest.fixture
def task():
    return paradigms.get("whole_report")(exposures=(0.02, 0.1))


@pytest.fixture
def saved(tmp_path, task):
    return run(task, people=3, trials=4, out=tmp_path)


def test_what_is_saved_is_loaded(saved):
    again = results.load(saved.folder)
    pd.testing.assert_frame_equal(again.frame, saved.frame, check_exact=True)
    assert again.config == saved.config
    assert again.paradigm == saved.paradigm
    pd.testing.assert_frame_equal(again.summary(), saved.summary())


def test_rows_are_summed_up_once_when_they_are_saved(saved, tmp_path, monkeypatch):
    asked = []
    own = type(saved.paradigm).metrics
    monkeypatch.setattr(
        type(saved.paradigm), "metrics", lambda self, f: (asked.append(len(f)), own(self, f))[1]
    )
    saved.save(tmp_path / "again", figures=False)
    assert asked == [len(saved.frame) // 2] * 2  # two arms
    told = (tmp_path / "again" / "findings.txt").read_text()
    assert told == "".join(f"{line}\n" for line in saved.findings())
    assert told == (saved.folder / "findings.txt").read_text()


def test_csv_and_parquet_tell_the_same(saved):
    csv = pd.read_csv(saved.folder / "trials.csv.gz", keep_default_na=True)
    for column in ("person", "score", "arrived", "answered", "missed", "censored"):
        assert (csv[column] == saved.frame[column]).all()
    assert csv["arm"].tolist() == saved.frame["arm"].tolist()


def test_the_folder_holds_all_that_a_reader_needs(saved):
    names = {p.relative_to(saved.folder).as_posix() for p in saved.folder.rglob("*") if p.is_file()}
    assert {
        "config.toml",
        "provenance.json",
        "trials.parquet",
        "trials.csv.gz",
        "summary.csv",
        "done.json",
    } <= names
    assert "figures/whole_report.png" in names
    assert not [n for n in names if ".part" in n]


def test_done_is_written_last(tmp_path, task, monkeypatch):
    order, real = [], files.place

    def watch(path, write):
        order.append(path.name)
        real(path, write)

    monkeypatch.setattr(files, "place", watch)
    run(task, people=2, trials=2, out=tmp_path)
    assert order[-1] == "done.json"
    assert order.count("done.json") == 1


def test_provenance_says_with_what_it_was_made_and_names_no_place(saved):
    made = json.loads((saved.folder / "provenance.json").read_text())
    assert made["status"] == "done"
    assert made["seed"] == 0
    assert {"python", "versions", "device", "commit", "dirty", "command", "n_jobs", "platform"} <= made.keys()
    assert made["backend"] == "loky"
    with ca.workers("threading"):
        assert results.provenance(0, "cpu", 2)["backend"] == "threading"
    for path in (*saved.folder.glob("*.json"), *saved.folder.glob("*.toml")):
        text = re.sub(r'"command": \[.*?\]', "", path.read_text(), flags=re.S)
        assert str(saved.folder.parent) not in text
        assert not re.search(r'"/(home|root|Users|tmp)\b', text)


def test_the_config_is_toml_that_makes_the_same_run(saved):
    config = tomllib.loads((saved.folder / "config.toml").read_text())
    assert config == saved.config
    again = run(
        paradigms.make(config["paradigm"], config["options"]),
        arms=config["arms"],
        people=config["people"],
        trials=config["trials"],
        seed=config["seed"],
    )
    pd.testing.assert_frame_equal(again.frame, saved.frame, check_exact=True)


def test_every_table_accounts_for_all_that_arrived(saved):
    table = saved.summary()
    assert (table["arrived"] == table["answered"] + table["missed"] + table["censored"]).all()
    assert table["arrived"].eq(3 * 4 * 6).all()


def test_a_summary_holds_the_human_bands(saved):
    trials = run("whole_report", people=2, trials=2)
    row = trials.summary().query("metric == 'letters reported at 200 ms' and arm == 'human'").iloc[0]
    assert (row["low"], row["high"], row["human"]) == (2.95, 3.42, 3.22)
    free = saved.summary().query("metric == 'letters reported at 20 ms'")
    assert free["low"].isna().all()


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda f: (f / "done.json").unlink(), "not finished"),
        (lambda f: (f / "config.toml").unlink(), "not a run folder"),
        (lambda f: (f / "config.toml").write_text("= ="), "not a TOML"),
        (lambda f: (f / "config.toml").write_text("a = 1"), "does not name a paradigm"),
        (lambda f: (f / "trials.parquet").write_bytes(b"junk"), "cannot read"),
        (lambda f: (f / "trials.parquet").unlink(), "no such file"),
        (lambda f: (f / "provenance.json").write_text("{"), "not JSON"),
        (lambda f: (f / "provenance.json").write_text("[]"), "must hold a JSON object"),
        (lambda f: _overwrite(f / "trials.parquet", 4), "cannot read"),
        (lambda f: (f / "config.toml").write_bytes(b"\xff\xfe\x00"), "not a TOML"),
    ],
)
def test_a_spoiled_folder_is_named_in_one_line(saved, spoil, word):
    spoil(saved.folder)
    with pytest.raises(InputError, match=word) as error:
        results.load(saved.folder)
    assert "\n" not in str(error.value)


def _overwrite(path, at):
    """The pages of data are damaged; head and foot are as they were."""
    data = bytearray(path.read_bytes())
    data[at : at + 200] = b"\xff" * 200
    path.write_bytes(data)


def test_columns_of_another_table_are_told_where_they_are_used(saved):
    frame = pd.read_parquet(saved.folder / "trials.parquet")
    frame.rename(columns={"score": "other"}).to_parquet(saved.folder / "trials.parquet")
    with pytest.warns(UserWarning, match="not what the run wrote"):
        foreign = results.load(saved.folder)
    for use, word in ((foreign.summary, "summed up"), (foreign.plot, "drawn")):
        with pytest.raises(InputError, match=f"cannot be {word}: its trials are not as whole_report writes"):
            use()


def test_a_place_that_cannot_be_written_to_is_named(tmp_path, task):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="choose another with --out"):
        run(task, people=2, trials=2, out=tmp_path / "file")


# --- runs over each other ------------------------------------------------------------------------------------


def small(paradigm="partial_report", **how):
    return run(paradigm, **{"arms": "human", "people": 3, "trials": 3, "seed": 1} | how)


def test_runs_are_called_by_what_sets_them_apart():
    from cogattn.observer import Observer
    from cogattn.population import Population, Spread

    two = Population(slots=Spread("constant", 2.0))
    cases = [
        ([small(), small(seed=2)], ["seed 1", "seed 2"]),
        ([small(observer=Observer()), small(observer=Observer(slots=2.0))], ["slots 3.06", "slots 2"]),
        ([small(), small(observer=Observer(slots=2.0))], ["minds a population", "minds one (slots 2)"]),
        ([small(), small(population=two)], ["slots truncated 3.046 0.8023 1 6", "slots constant 2 0 0"]),
        ([small(), small(model="digit_reader")], ["no network", "digit_reader"]),
        ([small(), small()], ["run 1", "run 2"]),
        ([small("attentional_blink", trials=1), small(paradigms.get("attentional_blink")(masked=False), trials=1)],
         ["masked True", "masked False"]),
    ]  # fmt: skip
    for runs, names in cases:
        assert results.called(runs) == names


def test_runs_laid_over_each_other_keep_their_numbers_and_show_people_once():
    one, two = small(arms=("human", "softmax")), small(seed=2)
    figure = one.plot(two)
    ax = figure.axes[0]
    lines = {li.get_label(): li for li in ax.get_lines() if not li.get_label().startswith("_")}
    assert set(lines) == {"seed 1: human", "seed 1: softmax", "seed 2: human", "people"}
    for name, trials in (("seed 1: human", one), ("seed 2: human", two)):
        own = trials.frame.query("arm == 'human'").groupby("distractors")["score"].mean()
        assert lines[name].get_ydata() == pytest.approx(own.to_numpy())
    assert [t.get_text() for t in figure.legends[0].get_texts()].count("people") == 1
    plot.close(figure)


def test_runs_of_unlike_paradigms_are_refused_in_one_line():
    with pytest.raises(InputError, match="one paradigm can share a figure, got partial_report and prp"):
        small().plot(small("prp", trials=1))
