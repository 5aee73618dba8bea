"""Sealed runs: nothing but what a run wrote is taken up or shown unsaid, and nobody's code is run but one's own."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
import warnings
from pathlib import Path

import pandas as pd
import pytest

import cogattn as ca
from cogattn import compiled, files, paradigms, seals
from cogattn.cli import main
from cogattn.errors import InputError, RunError
from cogattn.nn.networks import registry as networks
from cogattn.runs import experiment, workers
from cogattn.runs.experiment import run
from cogattn.runs.reproduction import reproduce

SMALL = {"people": 3, "trials": 4, "seed": 5}

EYE = """
import pathlib
pathlib.Path("{mark}").write_text("run")
import numpy as np
class DigitReader:
    name, places, alphabet, gap = "eye", 8, 10, 1.5
    def show(self, labels, roles, keys):
        return labels, roles
    def weigh(self, display):
        return np.where(display[1] < 0, -np.inf, 1.5 * display[1] - 7.0)
    def read(self, display, gate):
        labels, roles = display
        seen = np.ones(labels.shape, bool) if gate is None else gate.keep.numpy()
        return np.where(seen & (roles == 1), labels, -1)
def load(device):
    return DigitReader()
"""


class Stop(Exception):
    pass


def task():
    return paradigms.get("whole_report")(exposures=(0.02, 0.1))


def stopped(out, after=2, **settings):
    """The folder of a run that stops after so many cells."""

    def tick(done, total):
        if done == after:
            raise Stop

    with pytest.raises(Stop):
        run(task(), out=out, progress=tick, **(SMALL | settings))
    return next((out / "whole_report").iterdir())


def same_files(one, other):
    """Every file of two run folders is the same, but for the times of provenance.json."""
    names = [sorted(p.relative_to(f).as_posix() for p in f.rglob("*") if p.is_file()) for f in (one, other)]
    assert names[0] == names[1]
    odd = [n for n in names[0] if (one / n).read_bytes() != (other / n).read_bytes()]
    assert odd == ["provenance.json"] or not odd, odd


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    return run(task(), out=tmp_path_factory.mktemp("fresh"), **SMALL).folder


# --- what a run leaves, and what a resumed one takes up ----------------------------------------------------------


def test_a_run_leaves_a_manifest_of_all_that_it_wrote(fresh):
    told = json.loads((fresh / "manifest.json").read_text())
    assert told["laws"] == compiled.version("runs")
    there = {p.relative_to(fresh).as_posix() for p in fresh.rglob("*") if p.is_file()}
    unsealed = {"manifest.json", "done.json", "provenance.json", "parts/seals.txt"}
    assert there - unsealed == set(told["files"]) | {f"parts/{n}" for n in told["parts"]}
    assert all(files.sha256(fresh / n) == sha for n, sha in told["files"].items())
    done = (
        subprocess.run(["sha256sum", "-c", "--strict", "seals.txt"], cwd=fresh / "parts", check=False)
        if shutil.which("sha256sum")
        else None
    )
    assert done is None or done.returncode == 0
    assert seals.broken(fresh) == []


def test_a_part_that_was_changed_is_played_anew_and_that_is_said(tmp_path, fresh):
    folder = stopped(tmp_path, 3)
    part = next((folder / "parts").glob("*.parquet"))
    pd.read_parquet(part).assign(score=99).to_parquet(part, index=False)
    with pytest.warns(seals.ChangedWarning, match=rf"1 of 4 pieces .*{part.name}\): played anew"):
        again = run(task(), out=tmp_path, resume=True, **SMALL)
    assert again.frame["score"].max() <= 6
    same_files(folder, fresh)


def test_a_part_without_a_seal_and_a_seal_that_was_cut_short_are_worth_nothing(tmp_path, fresh):
    folder = stopped(tmp_path, 3)
    lines = (folder / "parts" / "seals.txt").read_text().split()
    (folder / "parts" / "seals.txt").write_text(" ".join(lines)[:100])
    with pytest.warns(seals.ChangedWarning, match="played anew"):
        run(task(), out=tmp_path, resume=True, **SMALL)
    same_files(folder, fresh)


def test_a_run_is_taken_up_without_a_word_where_nothing_was_changed(tmp_path, fresh):
    folder = stopped(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error", seals.ChangedWarning)
        run(task(), out=tmp_path, resume=True, **SMALL)
    same_files(folder, fresh)


def test_a_run_of_other_laws_is_not_taken_up_and_both_versions_are_named(tmp_path, monkeypatch):
    folder = stopped(tmp_path)
    now, real = compiled.version("runs"), compiled.version
    monkeypatch.setattr(compiled, "version", lambda room="mind": "f" * 16 if room == "runs" else real(room))
    for module in ("plan", "experiment"):
        monkeypatch.setattr(f"cogattn.runs.{module}.version", compiled.version)
    with pytest.raises(
        InputError, match=rf"begun by cogattn .* \(laws {now}\), this is cogattn .* \(laws f{{16}}\)"
    ):
        run(task(), out=tmp_path, resume=True, **SMALL)
    assert not (folder / "done.json").exists()


def test_the_laws_are_all_sources_that_decide_the_numbers():
    inside = compiled._SOURCES["runs"]
    for name in ("laws/race.py", "mind/engine.py", "paradigms/conflict.py", "population.py", "nn/gate/policies.py",
                 "runs/play.py", "parameters.py"):  # fmt: skip
        assert any((compiled._PACKAGE / name) in set(compiled._PACKAGE.glob(p)) for p in inside), name


def test_a_run_of_another_network_or_without_a_manifest_is_not_taken_up_in_silence(tmp_path, fresh):
    own = tmp_path / "eye.py"
    own.write_text(EYE.format(mark=tmp_path / "mark"))
    stopped(tmp_path / "a", model=str(own))
    own.write_text(own.read_text() + "\n")
    with pytest.raises(InputError, match="begun with another network"):
        run(task(), out=tmp_path / "a", resume=True, model=str(own), **SMALL)
    folder = stopped(tmp_path / "b")
    (folder / "manifest.json").unlink()
    (folder / "parts" / "seals.txt").unlink()
    with pytest.warns(seals.ChangedWarning, match="no manifest, as runs of earlier versions"):
        run(task(), out=tmp_path / "b", resume=True, **SMALL)
    same_files(folder, fresh)


def test_a_run_of_an_earlier_version_is_refused_by_name(tmp_path):
    folder = stopped(tmp_path)
    (folder / "manifest.json").unlink()
    (folder / "config.toml").write_text(
        (folder / "config.toml").read_text().replace("law = ", "old = 1\nlaw = ")
    )
    text = "".join(
        x for x in (folder / "config.toml").read_text().splitlines(True) if not x.startswith("old")
    )
    (folder / "config.toml").write_text(text)
    folder.rename(folder.with_name("20250101T000000-deadbeef"))
    with pytest.raises(InputError, match="begun by an earlier version of cogattn, which sealed nothing"):
        run(task(), out=tmp_path, resume=True, **SMALL)


def test_settings_that_were_changed_are_said_and_written_anew(tmp_path, fresh):
    folder = stopped(tmp_path)
    text = (folder / "config.toml").read_text()
    (folder / "config.toml").write_text(text.replace("people = 3", "people = 30"))
    with pytest.warns(seals.ChangedWarning, match=r"config\.toml was changed since the run began"):
        run(task(), out=tmp_path, resume=True, **SMALL)
    same_files(folder, fresh)


def test_two_at_once_do_not_work_in_one_folder(tmp_path):
    folder = stopped(tmp_path)
    held = seals.Seals(folder / "parts")
    try:
        with pytest.raises(RunError, match="another process works on the run"):
            run(task(), out=tmp_path, resume=True, **SMALL)
    finally:
        held.close()
    run(task(), out=tmp_path, resume=True, **SMALL)


def test_a_clock_that_goes_back_disturbs_nothing(tmp_path, monkeypatch, fresh):
    import datetime as dates

    folder = stopped(tmp_path)

    class Back(dates.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(1999, 1, 1, tzinfo=tz)

    monkeypatch.setattr(experiment, "datetime", Back)
    assert run(task(), out=tmp_path, resume=True, **SMALL).folder == folder
    same_files(folder, fresh)
    earlier = [run(task(), out=tmp_path, **SMALL).folder for _ in range(2)]
    assert [f.name[:8] for f in earlier] == ["19990101"] * 2
    assert earlier[0] != earlier[1]


def test_what_was_changed_after_a_run_is_said_when_it_is_read(tmp_path, fresh):
    shutil.copytree(fresh, tmp_path / "run")
    ca.load(tmp_path / "run")
    table = tmp_path / "run" / "trials.parquet"
    pd.read_parquet(table).assign(score=99).to_parquet(table, index=False)
    with pytest.warns(seals.ChangedWarning, match=r"trials\.parquet of .* is not what the run wrote"):
        ca.load(tmp_path / "run")
    (tmp_path / "run" / "manifest.json").unlink()  # as an earlier version left it
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ca.load(tmp_path / "run").frame["score"].max() == 99


# --- played again ------------------------------------------------------------------------------------------------


def test_a_run_is_reproduced_bit_for_bit_or_it_is_said_where_not(tmp_path, fresh, capsys, monkeypatch):
    done = reproduce(fresh)
    assert done.same
    assert done.findings() == ["whole_report: 48 rows of 17 columns are the same, bit for bit."]
    shutil.copytree(fresh, tmp_path / "run")
    table = tmp_path / "run" / "trials.parquet"
    frame = pd.read_parquet(table)
    frame.loc[7, "score"] += 1
    frame.to_parquet(table, index=False)
    with pytest.warns(seals.ChangedWarning), pytest.raises(SystemExit) as stop:
        main(["reproduce", str(tmp_path / "run"), "--jobs", "1"])
    assert stop.value.code == 1
    said = capsys.readouterr().out
    assert "trials.parquet was changed since the run wrote it" in said
    assert "of 48 rows 1 differ, in score; the first: row 7, score" in said
    frame.iloc[:40].to_parquet(table, index=False)
    with pytest.warns(seals.ChangedWarning):
        assert "48 differ" in reproduce(tmp_path / "run").findings()[-1]
    with pytest.raises(InputError, match="no finished run"):
        reproduce(tmp_path / "run" / "figures")
    monkeypatch.setattr("cogattn.runs.reproduction._ROWS", 7)
    assert reproduce(fresh).same
    monkeypatch.setattr("cogattn.runs.reproduction.version", lambda room: "f" * 16)
    other = reproduce(fresh)  # the laws are others, the numbers happen to be the same
    assert other.same
    assert "was made with the laws" in other.findings()[0]


def test_runs_of_the_reference_are_still_looked_at():
    """They have no manifest; nothing is said, nothing is refused, and what may be played again is."""
    folder = Path(__file__).parents[1] / "results" / "reference" / "posner"
    config = tomllib.loads((folder / "config.toml").read_text())
    with warnings.catch_warnings():
        warnings.simplefilter("error", seals.ChangedWarning)
        assert seals.broken(folder) == []
        assert paradigms.registry.found_again(config).name == "posner"


# --- other people's code -----------------------------------------------------------------------------------------


@pytest.fixture
def foreign(tmp_path, monkeypatch):
    """A finished run with somebody's own network, as it arrives: folder, file, and the mark that its code leaves."""
    mark, evil = tmp_path / "mark", tmp_path / "evil_model.py"
    evil.write_text(EYE.format(mark=mark))
    monkeypatch.chdir(tmp_path)
    folder = run("partial_report", model="evil_model.py", out=tmp_path, people=2, trials=2).folder
    assert mark.exists()
    mark.unlink()
    forget(evil)
    return folder, evil, mark


def forget(path):
    """As in a new process: nobody has named it, nothing is loaded."""
    networks._named.clear()
    experiment.model_of.__globals__["_loaded"].cache_clear()


def fails(words, said, capsys):
    with pytest.raises(SystemExit) as stop:
        main([str(w) for w in words])
    error = capsys.readouterr().err
    assert stop.value.code == 2
    assert said in error, error
    assert len(error.strip().splitlines()) == 1


def test_a_network_that_only_a_folder_names_is_not_run(foreign, capsys):
    folder, evil, mark = foreign
    for words in (
        ["trace", folder],
        ["explain", folder],
        ["reproduce", folder],
        ["run", "--config", folder / "config.toml", "--out", folder.parent],
    ):
        fails(words, "is the file of a network, and a run is not asked for code", capsys)
        assert not mark.exists(), words
    ca.load(folder).plot()  # to look at it needs nobody's code
    with pytest.raises(InputError, match="--trust"):
        experiment.events(ca.load(folder))
    assert not mark.exists()
    evil.write_text(evil.read_text() + "\n# another")
    for words in (["trace", folder, "--trust"], ["trace", folder, "--model", evil], ["explain", folder, "--trust"],
                  ["run", "--config", folder / "config.toml", "--trust"]):  # fmt: skip
        fails(words, "is not the one of this run", capsys)
        assert not mark.exists(), words
        forget(evil)


def test_a_network_that_is_named_or_trusted_is_run(foreign, tmp_path, capsys):
    folder, evil, mark = foreign
    for words in (["--model", str(evil)], ["--trust"]):
        forget(evil)
        main_ok(["trace", str(folder), *words, "--out", str(tmp_path / "trace")])
        assert mark.exists()
        mark.unlink()
    forget(evil)
    evil.rename(tmp_path / "moved.py")
    assert len(experiment.events(ca.load(folder, model="moved.py"), arm="human")) > 10
    assert reproduce(folder, model="moved.py").findings()[-1].endswith("bit for bit.")
    with pytest.raises(InputError, match="model must be one of"):
        ca.load(folder, model="evil_model.py")


def test_a_specialist_that_only_a_folder_names_is_not_run(tmp_path, monkeypatch):
    """Its task is in the options of the run: neither to look at it nor to lay out its world is its file run."""
    config = {"paradigm": "own_task", "options": {"model": str(tmp_path / "evil.py")}, "arms": ["human"],
              "people": 1, "trials": 1, "seed": 0}  # fmt: skip
    (tmp_path / "evil.py").write_text(EYE.format(mark=tmp_path / "mark"))
    frame = pd.DataFrame({"arm": ["human"], "person": [0]})
    for extra in ({}, {"model": "digit_reader"}):
        done = ca.Trials(frame, config | extra)
        for call in (
            lambda t=done: experiment.events(t),
            lambda t=done: t.paradigm.stream(t.paradigm.conditions()[0]),
        ):
            with pytest.raises(InputError):
                call()
    assert not (tmp_path / "mark").exists()


def main_ok(words):
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 0


def test_a_changed_network_of_ours_is_said(tmp_path):
    kept = run("partial_report", model="digit_reader", out=tmp_path, people=2, trials=2).folder
    text = (kept / "config.toml").read_text()
    sha = tomllib.loads(text)["model_sha256"]
    (kept / "config.toml").write_text(text.replace(sha, "0" * 64))
    (kept / "manifest.json").unlink()
    with pytest.warns(seals.ChangedWarning, match="is not the one of this run"):
        experiment.events(ca.load(kept), arm="human", person=0, trial=0)


def test_a_part_is_sealed_when_it_is_written(tmp_path):
    made = [workers.Piece(str(i), lambda i=i: pd.DataFrame({"x": [i]}), 1) for i in range(3)]
    seen = []
    workers.finish(made, tmp_path, progress=lambda n, _: seen.append(len(seals._known(tmp_path))))
    assert seen == [1, 2, 3]
