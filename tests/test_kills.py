"""Two kills out of the two hundred of `nox -s kills`: what a killed run leaves is taken up to the same files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

KILLS = Path(__file__).with_name("kills.py")


@pytest.mark.full
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_after_random_kills_every_file_is_that_of_an_undisturbed_run():
    words = [sys.executable, str(KILLS), "--kills", "3", "--seed", "2", "--only", "pieces"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 kills in" in done.stdout
    assert "every file of every folder as undisturbed" in done.stdout


def test_a_file_that_differs_or_is_too_many_is_found(tmp_path):
    """The comparison itself: it would see a changed byte, and a stray file."""
    sys.path.insert(0, str(KILLS.parent))
    try:
        import kills
    finally:
        sys.path.pop(0)
    whole, other = tmp_path / "a" / "run", tmp_path / "b" / "run"
    for folder in (whole, other):
        folder.mkdir(parents=True)
        (folder / "done.json").write_text("{}")
        (folder / "provenance.json").write_text(f'{{"started": "{folder}", "seed": 1}}')
        (folder / "t.csv").write_text("x")
    wanted = kills.told(whole)
    assert kills.unlike(wanted, other.parent) == []
    (other / "t.csv").write_text("y")
    (other / ".t.csv.0123456789ab.part.csv").write_text("")
    assert kills.unlike(wanted, other.parent) == [".t.csv.0123456789ab.part.csv", "t.csv"]
    assert kills.unlike(wanted, tmp_path / "none") == ["(no finished folder)"]
