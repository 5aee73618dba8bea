"""A network with a task of its own: its logits race, the mind holds what it can, the network answers through that."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from own import COPYIST

from cogattn import load, paradigms, run
from cogattn.errors import InputError
from cogattn.mind import cohort
from cogattn.mind.draws import trial_keys
from cogattn.nn.networks import registry
from cogattn.nn.networks.registry import TaskDesign
from cogattn.observer import Observer
from cogattn.paradigms import NetworkTask
from cogattn.reports.compare import compare
from cogattn.runs import experiment

SMALL = {"people": 6, "trials": 20, "seed": 3}


@pytest.fixture
def copyist(tmp_path):
    path = tmp_path / "copyist.py"
    path.write_text(COPYIST)
    return str(path)


def test_limits_cost_what_the_store_cannot_hold_and_softmax_keeps_all(copyist):
    mean = run("own_task", model=copyist, **SMALL).frame.groupby(["arm", "words"])["score"].mean()
    assert (mean["softmax"] == 1).all()
    assert mean["human"].is_monotonic_decreasing
    assert mean["human", 8] < 0.6


def test_what_is_answered_is_what_the_mind_holds(copyist):
    """Played again by hand: the specialist's logits at the person's gain, its stream, the same draws."""
    trials = run("own_task", model=copyist, arms="human", **SMALL)
    plan = experiment.plan_of(trials)
    subject = registry.find_specialist(copyist)
    condition = plan.paradigm.conditions()[2]
    person, trial = np.repeat(np.arange(6), 20), np.tile(np.arange(20), 6)
    seed = experiment.condition_seed(plan, condition)
    display = subject.show(8, trial_keys(seed, person, trial))
    crowd = plan.crowd()
    gain = np.array([np.log(1 / p.alpha) for p in crowd])[person, None]
    weights = np.exp(gain * display) / np.exp(gain * display).max(1, keepdims=True)
    out = cohort.play(subject.stream(8), crowd, person=person, trial=trial, seed=seed, weights=weights)
    own = trials.frame.query("words == 8")
    assert own["score"].to_numpy() == pytest.approx(out.stored.mean(1))
    assert (own["first"].to_numpy() == out.stored[:, 0]).all()
    assert (own["answered"].to_numpy() == out.stored.sum(1)).all()


def test_places_without_an_element_count_for_nothing(copyist):
    frame = run("own_task", model=copyist, **SMALL).frame
    assert (frame["arrived"] == frame["words"]).all()
    assert (frame["arrived"] == frame["answered"] + frame["missed"] + frame["censored"]).all()


def test_a_full_store_keeps_what_the_network_wants(copyist):
    """The weakest goes: of eight words those of the highest logit are held more often."""
    trials = run("own_task", model=copyist, arms="human", people=10, trials=100)
    own = trials.frame.query("words == 8")
    kept = np.concatenate([np.array(text.split(), float) for text in own["response"] if text])
    assert kept.mean() > 0.53  # of uniform logits: 0.5


def test_without_limits_there_is_no_gate(copyist):
    subject = registry.find_specialist(copyist)
    plan = experiment.make_plan("own_task", ("human", "softmax"), copyist, 2, 2, 0, None, None)
    for arm, gated in (("softmax", False), ("human", True)):
        cell = experiment.Cell(arm, plan.paradigm.conditions()[0])
        experiment.play_cell(plan, cell, plan.crowd(), subject)
        assert [g is not None for g in subject.gates] == [gated]


def test_a_timed_task_is_told_when_each_element_was_there(tmp_path):
    path = tmp_path / "timed.py"
    text = COPYIST.replace("chance=0.0)", "chance=0.0, timed=True)")
    text = text.replace("gate.keep.numpy()", "((gate.t_on <= 8.4) & (gate.t_off > 8.4)).numpy()")
    path.write_text(text)
    (tmp_path / "plain.py").write_text(COPYIST)
    timed = run("own_task", model=str(path), **SMALL).frame
    plain = run("own_task", model=str(tmp_path / "plain.py"), **SMALL).frame
    assert timed["score"].tolist() == plain["score"].tolist()
    subject = registry.find_specialist(str(path))
    plan = experiment.make_plan("own_task", "human", str(path), 2, 2, 0, None, None)
    experiment.play_cell(plan, experiment.Cell("human", plan.paradigm.conditions()[2]), plan.crowd(), subject)
    (gate,) = subject.gates
    assert gate.keep is None
    assert (gate.t_on[:, 0] < 0.5).all()


def test_a_run_is_kept_and_read_back(copyist, tmp_path):
    trials = run("own_task", model=copyist, out=tmp_path, **SMALL)
    again = load(trials.folder)
    pd.testing.assert_frame_equal(again.frame, trials.frame)
    assert again.paradigm == NetworkTask.of(copyist)
    assert experiment.plan_of(again).config() == experiment.plan_of(trials).config()
    assert again.plot().axes[0].get_xlabel() == "words [number]"


def test_the_commands_that_the_page_promises_for_an_own_file_work(copyist, call, monkeypatch):
    page = (Path(__file__).parents[1] / "docs" / "networks.md").read_text(encoding="utf-8")
    promised = re.findall(r"`cogattn ([^`]+)`", page.partition("| `elements(")[2].partition(" then work.")[0])
    assert [words.split()[0] for words in promised] == ["run", "compare", "explain", "trace", "reproduce"]
    for words in promised:
        few = ["--people", "2", "--trials", "2"] if words.split()[0] in ("run", "compare") else []
        made = sorted(Path("results/own_task").glob("*"))
        given = words.replace("FILE", copyist).replace("RUN", str(made[-1]) if made else "none yet")
        monkeypatch.setattr(registry, "_named", set())  # each command is a process of its own
        code, _, err = call(*given.split(), *few)
        assert code == 0, err


def test_some_conditions_only(copyist):
    frame = run(NetworkTask.of(copyist, values=(3.0,)), **SMALL).frame
    assert set(frame["words"]) == {3.0}


def test_the_events_are_those_that_made_the_scores(copyist):
    trials = run("own_task", model=copyist, arms="human", **SMALL)
    record = experiment.events(trials, "human", condition=1, person=2)
    kinds = record["kind"].astype(str)
    held = (kinds == "encode").groupby(record["trial"]).sum() - (kinds == "displace").groupby(
        record["trial"]
    ).sum()
    own = trials.frame.query("words == 4 and person == 2")
    assert held.tolist() == own["answered"].tolist()


def test_the_figure_shows_the_means_and_the_score_of_a_guess(copyist):
    trials = run("own_task", model=copyist, **SMALL)
    ax = trials.plot().axes[0]
    lines = {li.get_label(): li for li in ax.get_lines() if not li.get_label().startswith("_")}
    for arm in ("human", "softmax"):
        mean = trials.frame.query("arm == @arm").groupby("words")["score"].mean()
        assert lines[arm].get_ydata() == pytest.approx(mean.to_numpy())
    assert set(lines) == {"human", "softmax", "knows nothing"}
    first, last = (lines["human"].get_ydata()[i] for i in (0, -1))
    assert f"human {first:.2f} -> {last:.2f}" in ax.figure.get_suptitle().replace("\n", " ")


def test_the_comparison_of_a_specialist_is_its_own_task(copyist, tmp_path):
    done = compare(copyist, people=3, trials=5, out=tmp_path)
    table = done.table()
    assert list(done.runs) == ["own_task"]
    assert (table["arm softmax"] == 1).all()
    assert (table["arm human"] < 1).any()
    assert "8: 0." in done.findings()[-1]
    assert (done.folder / "figures" / "compare.png").is_file()
    labels = [text.get_text() for text in done.plot().legends[0].get_texts()]
    assert labels[:2] == ["copyist, human limits", "copyist, no limits"]


def test_the_comparison_of_a_judge_is_nback():
    done = compare("nback_reader", people=4)
    assert list(done.runs) == ["nback", "nback_mind_alone"]
    assert "of 3 human bands" in done.findings()[0]


# --- what cannot be asked ---


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("def weigh", "def weight"), r"must return a Specialist, and what it returns lacks weigh\(\)"),
        (('gap = "copyist", 1.0', 'gap = "copyist", 0.0'), "gap of .* must be"),
        (
            ('{"score": kept', '{"points": kept'),
            r"copyist.answer\(\) must give score, it gives points, first",
        ),
        (("kept.sum(1) / here", "kept / here"), r"must be \(\d+,\), one per trial, got"),
        (("(2, 4, 8)", "(2, 2)"), "values of words must be some, and differ"),
        (('"words", (2', '"two words", (2'), "column of a task design must be a name without spaces"),
        (("share kept", ""), "measure of a task design must be a text"),
    ],
)
def test_half_a_specialist_is_turned_away(tmp_path, change, said):
    path = tmp_path / "bad.py"
    path.write_text(COPYIST.replace(*change))
    with pytest.raises(InputError, match=said):
        run("own_task", model=str(path), people=1, trials=1)


def test_an_own_task_needs_its_network(copyist):
    with pytest.raises(
        InputError, match="own_task needs a network that brings a task of its own: give model="
    ):
        run("own_task")
    with pytest.raises(
        InputError, match="digit_reader reads displays, and this experiment needs one that has a task"
    ):
        run("own_task", model="digit_reader")
    with pytest.raises(
        InputError, match=r"this is the own task of .*copyist.py; digit_reader cannot take it"
    ):
        run(NetworkTask.of(copyist), model="digit_reader")
    with pytest.raises(
        InputError, match="copyist has a task of its own, and this experiment needs one that reads"
    ):
        run("whole_report", model=copyist)
    with pytest.raises(InputError, match="part of a task design must be one of"):
        paradigms.make("own_task", {"model": "x", "design": {"titel": "x"}})
    with pytest.raises(InputError, match="design must be a TaskDesign"):
        NetworkTask("x", design=3)


def test_an_exam_is_plain_values():
    task = NetworkTask("x", TaskDesign("a", "b", [1, 2], "c", "d"))
    assert paradigms.make("own_task", task.options()).options() == task.options()


def test_a_dear_exam_is_short_unless_somebody_says_otherwise(copyist):
    task = NetworkTask(copyist, TaskDesign("a", "b", [1, 2], "c", "d", trials=7))
    assert [
        experiment.make_plan(task, ("human",), copyist, 1, n, 0, None, None).trials for n in (None, 5)
    ] == [7, 5]
    with pytest.raises(InputError, match="trials must be"):
        TaskDesign("a", "b", [1, 2], "c", "d", trials=0)


def test_one_mind_with_twice_the_slots_keeps_more(copyist):
    few, many = (
        run("own_task", model=copyist, arms="human", observer=Observer(slots=k), **SMALL)
        .frame["score"]
        .mean()
        for k in (2, 4)
    )
    assert few < many
