"""Simulations as programs: options, a folder that says how it was made, an answer that is not written over."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cogattn.errors import InputError
from cogattn.runs import program
from cogattn.view import plot

PLAYED = ("what_if_capacity_halves", "what_does_one_more_slot_buy", "how_should_two_people_split_a_watch")
SIMULATIONS = Path(__file__).parents[1] / "simulations"
#: Their answers are exact, or always of the same draws: there is no seed. The rest play people, or train networks.
EXACT = {
    "how_long_a_break_restores_half",
    "where_do_the_search_numbers_come_from",
    "which_numbers_move_which_task",
}
TRAINED = {"does_training_with_limits_help"}
#: What else must be said for them to begin.
SAID = {"do_networks_attend_to_what_readers_mark": ["--data", "marks.csv"]}


def loaded(path):
    spec = spec_from_file_location(path.stem, path)
    module = module_from_spec(spec)
    sys.modules[path.stem] = module  # its dataclasses look themselves up
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[path.stem]
    return module


def test_every_simulation_comes_through_the_one_door(tmp_path, capsys, monkeypatch):
    """Each has the options, says what it asks, and leaves an answer alone before it computes anything."""
    (tmp_path / program.ANSWER).write_text("kept\n", encoding="utf-8")
    paths = sorted(SIMULATIONS.glob("*.py"))
    assert {p.stem for p in paths} >= EXACT | TRAINED | set(SAID) | set(PLAYED)
    for path in paths:
        main = loaded(path).main
        monkeypatch.setattr(sys, "argv", [path.name, "--help"])
        with pytest.raises(SystemExit) as done:
            main()
        helped = capsys.readouterr().out
        assert done.value.code == 0, path.stem
        assert f"simulations/{path.name}" in helped
        assert "?" in helped or ":" in helped, path.stem
        played = {"--seed", "--people"} - ({"--people"} if path.stem in TRAINED else set())
        for flag in {"--out", "--force"} | (set() if path.stem in EXACT else played):
            assert flag in helped, (path.stem, flag)
        monkeypatch.setattr(sys, "argv", [path.name, *SAID.get(path.stem, []), "--out", str(tmp_path)])
        with pytest.raises(SystemExit) as done:
            main()
        assert done.value.code == 2, path.stem
        assert "holds an answer" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == [program.ANSWER]


def test_a_program_writes_all_of_it(tmp_path, capsys):
    """And says its own options, the figure's title, what is not there, and that its parts are of one seed."""
    options = {"--only": {"nargs": "+"}, "--data": {"type": Path}}
    words = ["--seed", "3", "--out", str(tmp_path), "--only", "a", "b", "--data", str(tmp_path / "x.csv")]
    asked = program.asked("Why? Because.", "why.py", people=5, options=options, words=words)
    assert asked.parts == tmp_path / "parts" / "seed 3"
    with plot.style() as plt:
        figure = plt.figure(figsize=(4, 3))
    asked.keep("A line\nof two.", {"table": pd.DataFrame({"n": [1.0, np.nan]})}, figure, "a note")
    said = capsys.readouterr().out
    assert "nan" not in said.lower()
    assert said.endswith(f"a note\nA line of two.\nResults: {tmp_path}\n")
    assert (tmp_path / program.ANSWER).read_text(encoding="utf-8") == "A line of two.\n"
    config = tomllib.loads((tmp_path / "config.toml").read_text(encoding="utf-8"))
    assert config == {"program": "why", "people": 5, "seed": 3, "only": ["a", "b"], "data": "x.csv"}
    made = json.loads((tmp_path / "provenance.json").read_text(encoding="utf-8"))
    assert made["status"] == "done"
    assert made["seconds"] >= 0
    assert figure.get_suptitle() == "A line of two."
    assert {"table.csv", "figure.png"} <= {path.name for path in tmp_path.iterdir()}


def test_what_goes_wrong_is_said_in_a_line():
    def wrong():
        raise InputError("no such table")

    with pytest.raises(SystemExit, match="no such table"):
        program.run(wrong)


def test_an_option_may_ask_another_question(tmp_path):
    options = {"--needle": {"action": "store_true"}}
    words = ["--out", str(tmp_path), "--needle"]
    asked = program.asked("Why?", "why.py", options=options, part=lambda _: "needle", words=words)
    assert asked.out == tmp_path / "needle"


@pytest.mark.full
def test_a_program_keeps_its_answer_and_how_it_was_made(tmp_path, capsys):
    script = SIMULATIONS / "how_long_a_break_restores_half.py"
    out = tmp_path / "break"
    done = subprocess.run(
        [sys.executable, script, "--out", out], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    answer = (out / program.ANSWER).read_text(encoding="utf-8")
    assert answer.strip() in done.stdout
    assert tomllib.loads((out / "config.toml").read_text(encoding="utf-8")) == {"program": script.stem}
    made = json.loads((out / "provenance.json").read_text(encoding="utf-8"))
    assert made["status"] == "done"
    assert "cogattn" in made["versions"]
    assert {"table.csv", "figure.png"} <= {path.name for path in out.iterdir()}
    with pytest.raises(SystemExit):  # an answer is there
        program.asked("doc", str(script), words=["--out", str(out)])
    assert "holds an answer: name another folder with --out, or add --force" in capsys.readouterr().err
    assert program.asked("doc", str(script), words=["--out", str(out), "--force"]).out == out


def test_what_is_asked_of_a_program_is_checked(tmp_path, capsys):
    asked = program.asked(
        "doc", "a.py", people=5, words=["--people", "3", "--seed", "2", "--out", str(tmp_path)]
    )
    assert (asked.people, asked.seed) == (3, 2)
    for wrong in (["--people", "0"], ["--seed", "-1"], ["--people", "x"]):
        with pytest.raises(SystemExit):
            program.asked("doc", "a.py", people=5, words=wrong)
    assert "people must be a whole number from 1" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("name", PLAYED)
def test_programs_run_with_other_seeds(name, tmp_path):
    told = []
    for seed in ("1", "2"):
        out = tmp_path / seed
        words = [sys.executable, SIMULATIONS / f"{name}.py", "--people", "2", "--seed", seed, "--out", out]
        subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
        told.append((out / program.ANSWER).read_text(encoding="utf-8"))
    assert told[0] != told[1]
    assert all(" to " in line for line in told)
