"""Simulations as programs: options, a folder that says how it was made, an answer that is not written over."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from cogattn.runs import program

pytestmark = pytest.mark.full

PLAYED = ("what_if_capacity_halves", "what_does_one_more_slot_buy", "how_should_two_people_split_a_watch")
SIMULATIONS = Path(__file__).parents[1] / "simulations"


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
