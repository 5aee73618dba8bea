"""docs/seeds.md maps each idea of attention to a name, a file and a line: the files are there and the lines run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

import cogattn as ca
from cogattn.cli import main

ROOT = Path(ca.__file__).parents[1]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "seeds.md").read_text("utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| 中文")
]
BUILT = [row for row in ROWS if row[3]]


def test_each_idea_is_named_in_both_languages_and_its_file_is_there():
    assert len(ROWS) > 35
    for chinese, english, name, path, line in ROWS:
        assert re.search(r"[\u4e00-\u9fff]", chinese), chinese
        assert english
        assert name
        assert (ROOT / path.strip("`")).is_file() if path else (name, line) == ("not built", ""), english


def test_the_python_lines_run():
    lines = [row[4].strip("`") for row in BUILT if row[4].startswith("`ca.")]
    assert len(lines) > 25
    for line in lines:
        assert eval(line, {"ca": ca, "torch": torch}) is not None, line


@pytest.mark.parametrize("line", [row[4].strip("`") for row in BUILT if row[4].startswith("`cogattn ")])
def test_the_commands_are_known(line, capsys):
    """Each is a command of ours, and its options are options of that command; what they do has tests of its own."""
    name, *words = line.split()[1:]
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    told = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(word in told for word in words if word.startswith("--"))
