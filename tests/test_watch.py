"""Can one operator hold a watch? The counts add up, a change is the watch that was given, the words say the numbers."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

import cogattn as ca
from cogattn.cli import main
from cogattn.cli.operators import share
from cogattn.paradigms import scenario as scenarios
from cogattn.reports import watch as watches

LONG = "0:00:00;sysmon;start\n0:00:00;resman;start\n" + "".join(
    f"0:{m:02}:10;sysmon;lights-1-failure;True\n0:{m:02}:40;resman;pump-2-state;failure\n" for m in range(12)
)


@pytest.fixture(scope="module")
def medium():
    return ca.watch("medium", people=12, seed=3)


def test_what_operators_miss_is_what_is_missed_of_the_signals(medium):
    """Two ways of counting the same: by operator, and by signal."""
    by_signal = medium.signals["missed"] * len(medium.operators)
    assert by_signal.sum() == pytest.approx(medium.operators["missed"].sum())
    assert medium.minutes()["missed"].sum() == pytest.approx(medium.operators["missed"].mean())
    assert medium.minutes()["signals"].sum() == medium.arrived == medium.tasks()["signals"].sum()
    assert medium.tasks()["missed_per_watch"].sum() == pytest.approx(medium.operators["missed"].mean())
    assert medium.changes["missed"][0] == pytest.approx(
        medium.operators["missed"].sum() / medium.operators["signals"].sum()
    )


def test_a_mind_without_limits_holds_it_and_a_slow_one_does_not():
    free = ca.watch("high", people=20, operators=0.5, observer=ca.Observer().unlimited(), changes=False)
    assert free.verdict == "yes"
    assert (free.operators["missed"] == 0).mean() > 0.9, "only a slip misses a signal"
    slow = ca.watch("high", people=20, observer=ca.Observer(speed=1.2), changes=False)
    assert slow.verdict == "no"
    assert slow.held[0] == 0
    assert slow.answer().startswith("No: 0% of operators (95 % interval 0% to 16%) miss less than 5.0%")


def test_the_interval_decides_and_else_it_is_open(medium):
    def judged(held, of, asked):
        operators = pd.DataFrame({"held": np.arange(of) < held, "missed": 0, "share": 0.0})
        return watches.Watch(medium.scenario, 0.05, asked, operators, medium.signals, medium.changes)

    assert judged(19, 20, 0.9).verdict == "open"
    assert any("--people" in line for line in judged(19, 20, 0.9).findings())
    assert judged(200, 200, 0.9).verdict == "yes"
    assert judged(150, 200, 0.9).verdict == "no"


LAMP = "0:00:00;sysmon;start\n0:00:05;sysmon;lights-1-failure;True\n0:01:00;sysmon;stop\n"


def test_nothing_is_recommended_where_nothing_is_missed():
    told = ca.watch(LAMP, people=5)
    assert (told.operators["missed"] == 0).all()
    text = " ".join(told.findings())
    assert "No change is needed" in text
    assert "help most" not in text
    assert "0.0% of 1 signal on" in text


def test_only_what_lets_more_hold_the_watch_is_recommended(medium):
    def told(held, missed, asked=0.9):
        changes = pd.DataFrame({"change": ["as it is", "tea", "rest"], "held": held, "missed": missed})
        found = watches.Watch(
            medium.scenario, 0.05, asked, medium.operators, medium.signals, changes
        ).findings()
        return next(line for line in found if "help most" in line or "change" in line)

    assert told([0.5, 0.6, 0.7], [0.2, 0.1, 0.1]).startswith("What would help most: rest (then 70% hold")
    none = "None of the changes that were tried lets more operators hold the watch"
    assert (
        told([0.5, 0.5, 0.4], [0.2, 0.1, 0.3])
        == f"{none}; the least is missed with tea (10.0% of the signals)."
    )
    assert "missed with rest (10.0%" in told([0.5, 0.5, 0.4], [0.2, 0.15, 0.1])
    assert told([0.0, 0.0, 0.0], [0.2, 0.2, 0.3]) == f"{none}."
    assert told([0.95, 0.95, 0.9], [0.01, 0.01, 0.01]).startswith("No change is needed")


@pytest.mark.parametrize(
    "text",
    ["0:00:00;track;start\n0:01:00;track;stop\n",
     "0:00:00;communications;start\n0:00:05;communications;radioprompt;other\n0:01:00;communications;stop\n"],
)  # fmt: skip
def test_a_watch_without_a_signal_is_not_judged(text):
    with pytest.raises(ca.InputError, match="holds no signal that could be missed"):
        ca.watch(text, people=3)
    with pytest.raises(ca.InputError, match="holds no signal that could be missed"):
        ca.watch(text + "0:01:10;sysmon;start\n0:01:20;sysmon;lights-1-failure;True\n", people=3, minutes=1.0)


def test_a_crew_shares_out_the_watch_it_was_given():
    room = scenarios.shipped("medium")
    asks = {s.name for s in room.signals if s.task != "chatter"}
    for name, crew in watches._changes(room).items():
        parts = [{s.name for s in one.signals if s.task != "chatter"} for one in crew]
        assert set().union(*parts) == asks, name
        assert sum(map(len, parts)) == len(asks), name


def test_a_relief_finds_the_rest_of_the_watch():
    room = scenarios.parse(LONG)
    assert "a relief half-way" not in watches._changes(scenarios.shipped("high")), "four minutes"
    first, second = watches._changes(room)["a relief half-way"]
    assert len(first.signals) + len(second.signals) == len(room.signals) == 24
    assert [s.onset for s in first.signals] == [s.onset for s in room.signals][: len(first.signals)]
    cut = room.signals[len(first.signals)].onset - second.signals[0].onset
    assert [s.onset + cut for s in second.signals] == [s.onset for s in room.signals][len(first.signals) :]
    assert [s.until - s.onset for s in second.signals] == [
        s.until - s.onset for s in room.signals[len(first.signals) :]
    ]


def test_more_time_to_answer_is_twice_what_it_was():
    own = scenarios.parse(
        "0:00:00;sysmon;start\n0:00:00;sysmon;alerttimeout;3000\n0:00:05;sysmon;lights-1-failure;True\n"
    )
    (crew,) = watches._changes(own)["twice the time to answer"]
    assert [s.limit for s in crew.signals] == [6.0]
    (crew,) = watches._changes(scenarios.shipped("low"))["twice the time to answer"]
    assert {s.limit for s in crew.signals if s.task == "monitoring"} == {2 * scenarios.ALERT}


def test_the_first_minutes_alone():
    told = ca.watch(LONG, people=3, minutes=2.0, changes=False)
    assert told.arrived == 4
    assert len(told.minutes()) == 2


def test_the_command_says_yes_or_no(tmp_path, capsys):
    mine = tmp_path / "mine.txt"
    mine.write_text(LONG + "0:00:20;resman;tank-a-level;2000\n")
    words = ["watch", str(mine), "--people", "5", "--as-it-is", "--out", str(tmp_path)]
    with pytest.raises(SystemExit) as ended:
        main([*words, "--miss-below", "50%"])
    told = capsys.readouterr().out
    assert ended.value.code == 0
    assert "miss less than 50.0% of the signals; 90% were asked for." in told
    assert "1 line of the scenario is ignored:" in told
    assert "0:00:20;resman;tank-a-level;2000" in told, "a line that is ignored is listed"
    assert re.search(r"Assumed: (\d+) of the \1 numbers of the tasks", told)
    (folder,) = (tmp_path / "watch").iterdir()
    assert (folder / "figures" / "watch.png").is_file()
    assert len(pd.read_csv(folder / "signals.csv")) == 24
    with pytest.raises(SystemExit):
        main([*words, "--json"])
    assert json.loads(capsys.readouterr().out)[0]["change"] == "as it is"


@pytest.mark.parametrize("text", ["0", "150%", "five", "nan", "-1%", ""])
def test_a_share_is_a_share(text):
    with pytest.raises(ca.InputError, match=r"--miss-below must be a share such as 5% or 0\.05"):
        share("--miss-below", text)
