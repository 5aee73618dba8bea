"""The four paths of docs/paths.md: every command runs as it stands there, in that order, and leaves what is said."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

pytestmark = pytest.mark.full

PAGE = (Path(__file__).parents[1] / "docs" / "paths.md").read_text("utf-8")


def part_of(title):
    """One path."""
    return PAGE.split(f"## {title}")[1].split("\n## ")[0]


def block(title, kind):
    """A fenced block of a path."""
    return re.search(rf"^```{kind}\n(.*?)^```$", part_of(title), re.S | re.M)[1]


def commands(title):
    """Those of one path."""
    return [
        line.strip()
        for line in re.findall(r"^    (cogattn .*)$", part_of(title), re.M)
        if "# not in" not in line
    ]


def newest(pattern):
    return max(Path("results").glob(pattern), key=lambda p: p.stat().st_mtime)


def walked(call, title, kind):
    """Run the commands of a path: what each of them printed."""
    said = []
    for line in commands(title):
        words = shlex.split(line)[1:]
        words = [w.replace("RUN", newest(f"{kind}/*").name) if "RUN" in w else w for w in words]
        code, out, err = call(*words)
        assert code == 0, (line, err)
        said.append(out + err)
    return said


def test_the_paths_are_four_and_have_commands():
    assert re.findall(r"^## (My \w+)", PAGE, re.M) == ["My data", "My scenario", "My transformer", "My class"]
    assert [len(commands(f"My {kind}")) for kind in ("data", "scenario", "class")] == [3, 3, 2]


def test_from_a_file_to_a_verdict(call):
    exec(compile(block("My data", "python"), "paths.md", "exec"), {})
    read, told, _ = walked(call, "My data", "report")
    assert "whole_report" in read
    assert "trials of 5 people read from mine.csv" in read
    assert "Verdict: " in told
    folder = newest("report/*")
    assert {"report.html", "report.md", "population.toml", "load.R"} <= {p.name for p in folder.iterdir()}


def test_from_a_scenario_to_an_answer(call):
    Path("mine.txt").write_text(block("My scenario", "text mine.txt"))
    told, _, traced = walked(call, "My scenario", "control_room")
    assert re.search(r"^(Yes|No|Not decided): \d+% of operators", told, re.M)
    assert traced


def test_from_a_command_to_a_handout(call):
    walked(call, "My class", "stroop")
    assert list(Path("handout").rglob("*.png"))
