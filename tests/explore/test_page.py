"""The page without a browser: what it offers, what it answers, and that it says the truth about what it plays."""

from __future__ import annotations

import base64
import json
import math
import socket
import sys
import tomllib
from dataclasses import fields

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from walking import walked

import cogattn as ca
from cogattn import cli, human, paradigms
from cogattn.errors import InputError
from cogattn.explore import effects, knobs, plays
from cogattn.explore.plays import Play
from cogattn.paradigms import registry
from cogattn.paradigms.base import Paradigm
from cogattn.view import plot

pytest.importorskip("panel", reason="needs the extra: pip install 'cogattn[explore]'")
mpl.use("Agg")

from cogattn.explore import page as pages


@pytest.fixture(scope="module")
def opened():
    return pages.Page("whole_report", people=4)


def ask(page, **asked):
    """An answer as the browser gets it: plain JSON, in which NaN and infinity have no place."""
    return json.loads(json.dumps(page.answer(asked), allow_nan=False))


def test_the_page_draws_without_matplotlib(monkeypatch):
    """From the paradigm's data: it would fail at the first import of matplotlib."""
    for name in [n for n in sys.modules if n.split(".")[0] == "matplotlib"] + ["matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    page = pages.Page("prp", people=2, seed=77)
    said = ask(page, do="move", values={"capacity": 31.0}, full=True)
    assert said["numbers"][0]["rows"]
    assert ask(page, do="trial", at=1)["trial"]["title"]


# --- the sliders ---------------------------------------------------------------------------------------------


def test_every_number_of_a_mind_has_one_slider():
    names = [k.name for _, group in knobs.GROUPS.values() for k in group]
    assert sorted([*names, *knobs.SWITCHES]) == sorted(f.name for f in fields(ca.Observer))


@walked("name", sorted(knobs.KNOBS))
def test_a_slider_goes_where_a_mind_can_go(name):
    knob, usual = knobs.KNOBS[name], getattr(ca.Observer(), name)
    ends = [knob.low, knob.high, *([math.inf] if knob.endless else [])]
    for value in ends:
        assert getattr(knobs.mind({name: value}), name) == value
    assert knob.low <= usual <= knob.high or (knob.endless and math.isinf(usual))
    assert knob.low > 0 or not knob.log
    lifted = getattr(ca.Observer().unlimited(), name)
    assert knob.low <= lifted <= knob.high or (math.isinf(lifted) and knob.endless)


def test_units_are_those_of_the_table():
    table = human.parameters().set_index("parameter")["unit"]
    assert knobs.KNOBS["capacity"].unit == table["capacity"] == "items/s"
    assert all(isinstance(k.unit, str) for k in knobs.KNOBS.values())


def test_presets_are_minds():
    assert knobs.preset("Mean adult") == ca.Observer()
    assert knobs.preset("No limits") == ca.Observer().unlimited()
    assert all(knobs.preset(name) for name in knobs.PRESETS)


def test_a_saved_mind_comes_back(tmp_path):
    mind = knobs.mind({"capacity": "inf", "slots": 2.5, "reallocate": True, "learning": 3.3e-06})
    path = tmp_path / "observer.toml"
    path.write_text(plays.toml(mind), encoding="utf-8")
    assert ca.Observer.from_file(path) == knobs.from_text(path.read_text(encoding="utf-8")) == mind
    assert ca.Observer.from_dict(tomllib.loads(plays.toml(ca.Observer()))) == ca.Observer()


# --- what is played ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["partial_report", "prp", "simple_rt"])
def test_the_copied_command_plays_what_the_page_shows(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plot, "keep", lambda *_: [])  # the figure is not what is asked here
    play = Play(name, knobs.mind({"capacity": 30.0, "speed": 4.0}), seed=5)
    here = plays.trials(play)
    head, command = plays.script(play).split("END\n")[0], plays.script(play).splitlines()[-1]
    (tmp_path / "observer.toml").write_text(head.split("\n", 1)[1], encoding="utf-8")
    with pytest.raises(SystemExit) as stop:
        cli.main([*command.split()[1:], "--json"])
    assert stop.value.code == 0
    folder = next((tmp_path / "results" / name).iterdir())
    again = ca.load(folder).frame
    pd.testing.assert_frame_equal(again, here.frame, check_dtype=False, check_categorical=False)


def test_little_is_played_while_a_slider_moves():
    for name in paradigms.names():
        few, full = (Play(name, ca.Observer(), full=f).plan for f in (False, True))
        assert few.people * few.rows(few.paradigm.conditions()[0]) < full.people * full.rows(
            full.paradigm.conditions()[0]
        )


def test_every_task_says_what_it_asks():
    assert all(paradigms.get(name).question.endswith((".", "?")) for name in paradigms.names())


# --- what it answers -----------------------------------------------------------------------------------------


def test_a_slider_moves_the_curve_and_its_numbers(opened):
    before = ask(opened, do="preset", name="Mean adult")
    after = ask(opened, do="move", values={"capacity": 10.0}, full=True)
    columns = {word: i for i, word in enumerate(after["numbers"][0]["head"])}
    human_arm = [float(said["numbers"][0]["rows"][-1][columns["human"]]) for said in (before, after)]
    soft = [said["numbers"][0]["rows"][-1][columns["softmax"]] for said in (before, after)]
    assert human_arm[1] < human_arm[0] - 0.5
    assert soft[0] == soft[1]
    assert [line["name"] for line in after["legend"]][-1] == "mean adult"
    assert after["values"]["capacity"] == 10.0
    assert "capacity = 10.0" in after["toml"]
    drawn = opened.canvases[0].sources["points"].data
    ends = [
        y
        for x, y, n in zip(drawn["x"], drawn["y"], drawn["name"], strict=True)
        if n == "human" and x == max(drawn["x"])
    ]
    assert ends[0] == pytest.approx(human_arm[1], abs=0.005)


def test_the_same_place_of_a_slider_gives_the_same_numbers(opened):
    first = ask(opened, do="move", values={"capacity": 44.0}, full=True)["numbers"]
    ask(opened, do="move", values={"capacity": 20.0}, full=True)
    assert ask(opened, do="move", values={"capacity": 44.0}, full=True)["numbers"] == first


@pytest.mark.parametrize("slots", [0.5, 3.06, 6.0])  # below the bands, in them, above them
def test_the_bands_are_those_of_a_run(opened, slots):
    ask(opened, do="preset", name="Mean adult")
    said = ask(opened, do="move", values={"slots": slots}, full=True)
    run = ca.run("whole_report", people=4, trials=60, seed=0, observer=ca.Observer(slots=slots))
    table = run.summary().query("low == low and arm == 'human'").set_index("metric")
    assert {row["metric"] for row in said["score"]} == set(table.index)
    for row in said["score"]:
        own, arm = table.loc[row["metric"]], row["arms"]["human"]
        assert float(arm["value"]) == pytest.approx(own["model"], rel=0.01)
        assert arm["inside"] == (own["low"] <= own["model"] <= own["high"])
        assert (abs(arm["place"]) <= 1) == arm["inside"]
    assert {r["arms"]["human"]["inside"] for r in said["score"]} >= {slots == 3.06}


def test_what_does_nothing_is_said(opened):
    ask(opened, do="preset", name="Mean adult")
    assert ask(opened, do="move", values={"wandering": 5.0}, full=True)["still"] == ["wandering"]
    assert ask(opened, do="move", values={"slots": 1.0}, full=True)["still"] == []


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"do": "move", "values": {"capacity": -1}}, "capacity must be"),
        ({"do": "move", "values": {"capcity": 1}}, "did you mean 'capacity'"),
        ({"do": "move", "values": {"slots": "many"}}, "slots must be a number"),
        ({"do": "move", "values": {"fast_loss": 0.9, "slow_loss": 0.9}}, "some alertness is always left"),
        ({"do": "preset", "name": "Superman"}, "preset must be one of"),
        ({"do": "paradigm", "name": "whole_raport"}, "did you mean 'whole_report'"),
        ({"do": "observer", "text": "capacity = "}, "not a TOML file"),
        ({"do": "observer", "text": "kapacity = 1"}, "observer parameter must be one of"),
        ({"do": "trial", "condition": 99}, "condition must be"),
        ({"do": "trial", "at": -1}, "trial must be"),
        ({"do": "data", "file": "a.csv", "bytes": "???"}, ""),
        ({"do": "data", "file": "a.csv", "bytes": base64.b64encode(b"x,y\n1,2\n").decode()}, "no column for person"),
        ({"do": "link", "paradigm": "prp", "values": {"slots": -2.0}}, "slots must be"),
        ({"do": "link", "paradigm": "prpp"}, "did you mean 'prp'"),
        ({"do": "link", "seed": -1}, "seed must be a whole number"),
        ({"do": "link", "paradigm": "prp", "at": -1}, "trial must be"),
        ({"do": "link", "other": {"capcity": 1}}, "did you mean 'capacity'"),
        ({"do": "seed", "seed": 2**40}, "seed must be a whole number"),
        ({"do": "seed"}, "needs seed"),
        ({"do": "beside", "name": "Superman"}, "preset must be one of"),
        ({"do": "export", "kind": "exe"}, "kind of file must be one of"),
        ({"do": "fly"}, "message must be one of"),
        ({}, "message must be one of"),
    ],
)  # fmt: skip
def test_a_mistake_is_a_line_on_the_page_and_leaves_it_as_it_was(opened, asked, words):
    before = ask(opened, do="preset", name="Two slots")["numbers"]
    said = ask(opened, **asked)
    assert words in said["error"]
    assert "\n" not in said["error"]
    assert opened.play.mind == knobs.preset("Two slots")
    assert ask(opened, do="hello", dark=True)["numbers"] == before


@pytest.mark.full
def test_a_persons_file_is_drawn_beside_the_curves(opened, tmp_path):
    mine = ca.run("whole_report", arms="human", people=1, trials=30, seed=9, observer=ca.Observer(slots=2.0))
    path = tmp_path / "mine.csv"
    mine.frame[["person", "exposure", "targets", "score"]].to_csv(path, index=False)
    said = ask(opened, do="data", file="mine.csv", bytes=base64.b64encode(path.read_bytes()).decode())
    assert "240 trials of 1 person read from mine.csv" in said["notes"][0]
    assert opened.picture is not None
    own = opened.picture.panels[0].named[plays.YOURS]
    assert own.y == pytest.approx(mine.frame.groupby("exposure")["score"].mean().to_numpy())
    assert plays.YOURS in said["numbers"][0]["head"]
    assert plays.YOURS in ask(opened, do="move", values={"capacity": 30.0})["numbers"][0]["head"]
    assert plays.YOURS not in ask(opened, do="forget")["numbers"][0]["head"]


def test_trials_of_another_display_are_left_out_and_counted():
    play = Play("whole_report", ca.Observer())
    found = pd.DataFrame(
        {"person": "a", "exposure": 0.1, "targets": [6.0, 6, 2], "distractors": [0.0, 0, 4], "score": 1}
    )
    own, notes = plays.as_trials(play, found)
    assert len(own) == 2
    assert notes == ["1 trial of other displays left out (here: targets 6, distractors 0)"]
    with pytest.raises(InputError, match="no trial of the file has the display"):
        plays.as_trials(play, found.assign(targets=4.0))


def in_peoples_words(name, frame):
    """A run's trials as a file of people's would have them."""
    if name == "vigilance":
        frame = frame[frame["decide"]]
    if name == "nback":  # a row per letter
        counts = {(1, 1): "hits", (0, 1): "false_alarms", (1, 0): "signals", (0, 0): "noise"}
        frame = frame.assign(
            signals=frame["signals"] - frame["hits"], noise=frame["noise"] - frame["false_alarms"]
        )
        rows = [
            frame.loc[frame.index.repeat(frame[count]), ["person", "load"]].assign(
                signal=signal, responded=responded
            )
            for (signal, responded), count in counts.items()
        ]
        frame = pd.concat(rows)
    frame = frame[list(plays.columns(name))].copy()
    for column, known in plays.levels(name).items():
        words = {value: word.replace(" ", "-").title() for word, value in reversed(known.items())}
        frame[column] = [words.get(value, value) for value in frame[column].tolist()]
    return frame


def with_own_data():
    """Paradigms that a person's file can be laid beside. Without `slow`: those that read it in their own way, one with
    words for its levels, one with neither."""
    for name in paradigms.names():
        kind = paradigms.get(name)()
        own = kind.drawn_from or type(kind).completed is not Paradigm.completed
        usual = own or name in ("flanker", "whole_report")
        if not kind.undrawn:
            yield name if usual else pytest.param(name, marks=pytest.mark.slow)


@pytest.mark.full
@pytest.mark.parametrize("name", list(with_own_data()))
def test_everybody_can_put_his_own_trials_beside_the_curves(name, tmp_path):
    """A file of what the mind itself did, in people's words, lies on the mind's own curve."""
    play = Play(name, ca.Observer(), full=False)
    done = plays.shown(play)[0]
    in_peoples_words(name, done.frame.query("arm == 'human'")).to_csv(tmp_path / "own.csv", index=False)
    text = base64.b64encode((tmp_path / "own.csv").read_bytes()).decode()
    own, notes = pages.own_data(play, "own.csv", text, "s")
    assert not [note for note in notes if "left out" in note]
    picture = plays.picture(done, own)
    timed = name not in {"go_nogo", "pvt", "simple_rt", "vigilance"}  # else no column says when a trial came
    found = 0
    for panel in picture.panels:
        mine, mind = ([s for s in panel.strokes if s.name == who] for who in (plays.YOURS, "human"))
        found += len(mine)
        for line, expected in zip(mine, mind[: len(mine)], strict=True):
            assert line.y == pytest.approx(expected.y, nan_ok=True)
            assert not timed or line.x == pytest.approx(expected.x)
    assert found


def test_data_that_no_curve_is_made_of_is_refused_in_words():
    with pytest.raises(InputError, match="cannot be shown beside digit_stream so far: its curve is"):
        plays.columns("digit_stream")


def test_a_paradigm_without_curves_as_data_is_refused_and_the_page_stays(opened, monkeypatch):
    class Bare(type(paradigms.get("whole_report")())):
        name = "bare"
        drawn = Paradigm.drawn

    monkeypatch.setattr(registry, "_own", dict(registry._own))
    paradigms.register(Bare)
    ask(opened, do="paradigm", name="partial_report")
    said = ask(opened, do="paradigm", name="bare")
    assert "Bare has a figure of its own, and no curves as data: write `drawn` for it" in said["error"]
    assert opened.play.name == "partial_report"
    assert ask(opened, do="move", values={"capacity": 30.0})["paradigm"] == "partial_report"


def test_a_link_another_mind_other_seeds_and_what_is_taken_along():
    page = pages.Page("partial_report", people=2)
    said = ask(page, do="link", paradigm="whole_report", seed=4, values={"slots": 2.0}, condition=1, at=3)
    assert (said["paradigm"], said["seed"], said["values"]["slots"], said["trial"]["at"]) == (
        "whole_report",
        4,
        2.0,
        3,
    )
    assert said["measured"]
    assert {s["what"] for s in said["trial"]["spans"]} >= {"on display", "racing", "held"}
    alone = said["numbers"]
    said = ask(page, do="beside", name="Old age")
    assert said["numbers"][0]["head"] == ["exposure [ms]", "human", "softmax", "old age", "people"]
    assert said["beside"]["values"]["slots"] == knobs.PRESETS["Old age"]["slots"]
    assert all({"human", "beside"} <= row["arms"].keys() for row in said["score"])
    seeds = [ask(page, do="again")["interval"] for _ in range(pages.SEEDS + 1)]
    assert [i["plays"] for i in seeds] == [1, 2, 3, 4, 5, 5]
    assert seeds[-1]["words"] == plays.again(
        [plays.headline(Play("whole_report", page.play.mind, s, 2)) for s in range(4, 9)]
    )
    text = base64.b64decode(ask(page, do="export", kind="csv")["file"]["bytes"]).decode()
    assert text.startswith("# Whole report")
    assert "--seed 4 --observer observer.toml" in text
    assert "old age" in text
    assert base64.b64decode(ask(page, do="export", kind="svg")["file"]["bytes"]).startswith(b"<?xml")
    assert ask(page, do="beside")["numbers"] == alone
    assert ask(page, do="seed", seed=5)["numbers"] != alone
    assert not ask(page, do="paradigm", name="serial_recall")["measured"]


def test_every_preset_says_where_its_numbers_come_from():
    assert knobs.PRESET_SOURCES.keys() == knobs.PRESETS.keys()
    for name, words in knobs.PRESET_SOURCES.items():
        assert words.startswith(("assumed", "by definition", "the means", "speed: Belenky")), name
    table = human.table("sleep_restriction").set_index("Days")["speed_per_s"]
    assert knobs.preset("Sleepless").speed / ca.Observer().speed == pytest.approx(
        table[9] / table[2], rel=0.01
    )


def test_the_effects_of_sliders_are_those_of_the_task():
    told = effects.of("whole_report")
    assert told.keys() == {*knobs.KNOBS, *knobs.SWITCHES}
    assert max(told, key=told.__getitem__) in ("slots", "capacity")
    for knob in ("slots", "wandering"):
        assert effects._effect("whole_report", knob) == pytest.approx(told[knob], rel=0.02, abs=0)
    assert told["wandering"] == 0
    assert effects.of("somebody's own") == {}
    assert all(effects.of(name) for name in paradigms.names())  # each task of ours has been measured


def test_trials_go_on_and_back(opened):
    ask(opened, do="paradigm", name="whole_report")
    first = opened.moment
    ask(opened, do="trial", at=1)
    other = opened.moment
    said = ask(opened, do="trial", at=0)["trial"]
    assert (said["at"], said["condition"]) == (0, 4)
    assert said["conditions"][4] == "exposure 83 ms"
    xs = [[list(s.x) for s in m.panels[0].strokes] for m in (first, other, opened.moment)]
    assert xs[0] == xs[2] != xs[1]


def test_all_bands_are_scored_one_task_after_the_other_and_it_can_be_stopped():
    page = pages.Page("whole_report", people=2)
    banded = [n for n in paradigms.names() if paradigms.get(n)().banded]
    assert ask(page, do="score")["waiting"] == len(banded)
    said = page.more()
    assert said is not None
    assert said["all"]["name"] == banded[0]
    assert said["waiting"] == len(banded) - 1
    assert all({"metric", "low", "high", "arms"} <= row.keys() for row in said["all"]["rows"])
    assert ask(page, do="score", stop=True)["waiting"] == 0
    assert page.more() is None


def test_what_a_page_begins_with_is_refused_before_it_is_served():
    for wrong in ({"name": "whole_raport"}, {"people": 0}, {"seed": -1}):
        with pytest.raises(InputError):
            pages.Page(**wrong)


def test_numbers_are_short():
    assert [pages._short(v) for v in (np.nan, 0.012345, 3.14159, 1234.5)] == ["", "0.0123", "3.14", "1234"]


# --- the command ---------------------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_one_line(capsys):
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        port = door.getsockname()[1]
        with pytest.raises(SystemExit) as stop:
            cli.main(["explore", "--no-browser", "--port", str(port)])
    said = capsys.readouterr().err
    assert stop.value.code == 2
    assert said.count("\n") == 1
    assert f"cannot serve at port {port}" in said
    assert "--port" in said
