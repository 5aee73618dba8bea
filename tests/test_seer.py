"""Evidence from pixels: displays are pure, a network's evidence enters the mind's law, and the gate limits the seer."""

import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import cogattn as ca
from cogattn.errors import InputError
from cogattn.mind import cohort
from cogattn.mind.draws import NAME, trial_keys, uniforms
from cogattn.nn.gate import GateState
from cogattn.nn.networks import scene_lessons, scenes, threads
from cogattn.nn.networks.registry import find, module
from cogattn.observer import Observer
from cogattn.paradigms import get
from cogattn.runs import displays, play
from cogattn.runs.experiment import Cell, make_plan, play_again
from cogattn.runs.seen import SeenBatch, margin_of
from cogattn.world.stream import display

KEYS = trial_keys(3, np.arange(6), 0)


@pytest.fixture(scope="module")
def seer():
    return find("seer", "cpu")


def test_a_picture_hangs_on_its_own_trial_alone():
    shown = displays.report(3, 2, KEYS)
    pictures, where = scenes.draw(shown.scene, KEYS)
    few = displays.report(3, 2, KEYS[[4, 1]])
    again, there = scenes.draw(few.scene, KEYS[[4, 1]])
    assert (pictures[[4, 1]] == again).all()
    assert (where[[4, 1]] == there).all()
    assert (pictures[0] != pictures[1]).any()


def test_experiments_show_fonts_that_were_never_taught():
    assert not set(scenes.TAUGHT) & set(scenes.HELD_OUT)
    shown = displays.report(2, 0, KEYS).scene
    assert (scenes.draw(shown, KEYS)[0] != scenes.draw(shown, KEYS, "taught")[0]).any()


def test_a_look_is_the_networks_forward_pass(seer):
    """Also where elements are missing; the eye takes them in blocks, of whatever display they are."""
    keys = trial_keys(3, np.arange(50), 0)
    scene = displays.report(3, 2, keys).scene
    scene = replace(scene, shape=np.where(keys[:, None] % 5 == np.arange(5), -1, scene.shape))
    pictures, where = scenes.draw(scene, keys)
    shown = (pictures, where, scene.view, scene.here, scene.frame, scene.instruction)
    with torch.inference_mode():
        logits, forms, inks, answers = seer.network(*(torch.from_numpy(a.copy()) for a in shown))
    looked = seer.look(scene, keys)
    assert (scene.here.sum(1) == 4).all()
    assert looked.logits == pytest.approx(logits.numpy(), abs=1e-3)
    for told, by_hand in ((looked.forms, forms), (looked.inks, inks), (looked.answers, answers)):
        assert told == pytest.approx(by_hand.softmax(-1).numpy(), abs=1e-5)


def test_the_folded_eye_is_the_trained_one(seer):
    made = module("seer")
    network = made.Network().eval()
    for layer in network.eye:
        if isinstance(layer, torch.nn.BatchNorm2d):
            for part, low in ((layer.running_mean, -1.0), (layer.running_var, 0.2), (layer.weight.data, 0.5)):
                part.uniform_(low, 2.0)
    pictures = torch.rand(20, 3, 32, 32)
    with torch.inference_mode():
        assert torch.allclose(made.folded(network.eye)(pictures), network.eye(pictures), atol=1e-5)
    assert not [layer for layer in seer.network.eye if isinstance(layer, torch.nn.BatchNorm2d)]


@pytest.mark.parametrize("elements", [1, 3, 12])
def test_a_look_depends_on_no_other_display(seer, elements):
    keys = trial_keys(3, np.arange(400), 0)  # of 12 elements more than are drawn and seen together
    all_, few = (seer.look(displays.report(elements, 0, k).scene, k) for k in (keys, keys[:7]))
    for one, other in zip(few, all_, strict=True):
        assert (one == other[:7]).all()


def test_a_look_is_the_same_on_one_thread_or_several(monkeypatch):
    monkeypatch.setattr(threads, "_free", 1)
    found, own = [], []
    for n in (1, 3):
        fresh = find("seer", "cpu")
        look_at, who = fresh.network.look_at, set()
        monkeypatch.setattr(
            fresh.network, "look_at", lambda *a, f=look_at, w=who: w.add(threading.get_ident()) or f(*a)
        )
        with monkeypatch.context() as with_n:
            with_n.setattr(torch, "get_num_threads", lambda n=n: n)
            with_n.setattr(torch, "set_num_threads", lambda _: None)
            with threads.one_thread_each(True):
                found.append(fresh.look(displays.report(6, 0, KEYS.repeat(40)).scene, KEYS.repeat(40)))
        own.append(who)
    assert own[0] == {threading.get_ident()}
    assert len(own[1]) > 1
    assert threads._free == 1
    for one, other in zip(*found, strict=True):
        assert (one == other).all()


@pytest.mark.parametrize("name", ["vigilance", "flanker"])
def test_all_arms_share_one_look(monkeypatch, name):
    """The plain displays, of which the usual margin is, are looked at before: only the last look is kept."""
    seen, fresh = [], find("seer", "cpu")
    look_at = fresh.network.look_at
    monkeypatch.setattr(fresh.network, "look_at", lambda *a: seen.append(len(a[0])) or look_at(*a))
    task = get(name)(**({"blocks": 2, "minutes": 1.0} if name == "vigilance" else {"trials": 12}))
    plan = make_plan(task, ("human", "softmax"), "seer", 2, 1, 0, None, None)
    condition, counts = task.conditions()[0], []
    for arm in plan.arms:
        play.play_cell(plan, Cell(arm, condition), plan.crowd(), fresh)
        counts.append(sum(seen))
    assert counts[0] == counts[1] > 0


def test_every_lesson_says_what_is_meant():
    chance = np.random.default_rng(0)
    for make, _ in scene_lessons.KINDS:
        lesson = make(chance, 40)
        here = lesson.scene.here
        assert (lesson.meant[~here] == -1).all(), make.__name__
        assert set(np.unique(lesson.meant[here])) <= {-1, 0, 1}
        assert ((lesson.answer == scene_lessons.SKIP) | (lesson.answer < len(scene_lessons.ANSWERS))).all()


@pytest.mark.parametrize("name", ["flanker", "visual_search", "go_nogo", "choice_rt"])
def test_evidence_that_is_clear_and_sure_changes_no_number(name):
    task = get(name)()
    condition = task.conditions()[-1]
    session = task.session(condition, trial_keys(0, np.arange(2), 0))
    crowd = [Observer(), Observer(speed=3.0)]
    elements = max(len(s.stimuli) for s in session.streams)
    ones = np.ones((2, session.trials, elements, 2))
    bare, seen = (cohort.run_session(session, crowd, seed=1, details=True, seen=s) for s in (None, ones))
    for part in ("rt", "right", "stored", "alertness"):
        assert np.array_equal(getattr(bare, part), getattr(seen, part), equal_nan=True), part
    assert np.array_equal(bare.element_times.answered, seen.element_times.answered, equal_nan=True)


def decided(clear, sure, name="flanker", element=0):
    """(share right, mean time of the answer) where a network makes so much of the first element."""
    task = get(name)()
    session = task.session(task.conditions()[-1], trial_keys(0, np.arange(1), 0))
    seen = np.ones((1, session.trials, max(len(s.stimuli) for s in session.streams), 2))
    seen[..., 0], seen[..., 1] = clear, sure
    out = cohort.run_session(session, [Observer()], seed=1, details=True, seen=seen).element_times
    answered = np.fmax.reduce(out.answered, axis=-1)
    if name == "visual_search":
        return float((~np.isnan(out.encoded)).any(-1).mean()), float(np.nanmean(answered))
    return float(out.right[..., element][~np.isnan(answered)].mean()), float(np.nanmean(answered))


def test_categorisations_say_what_the_network_says():
    right, usual = decided(1.0, 1.0)
    half, _ = decided(1.0, 0.5)
    wrong, _ = decided(1.0, 0.0)
    _, slow = decided(0.5, 1.0)
    assert right > 0.85
    assert 0.3 < half < 0.7
    assert wrong < 0.1
    assert slow > usual + 0.03
    found, usual = decided(1.0, 1.0, "visual_search")
    fooled, _ = decided(1.0, 0.0, "visual_search")
    assert found > 0.8
    assert fooled > 0.8  # whatever is visited is taken for the target, and the target for none
    assert decided(0.5, 1.0, "visual_search")[1] > usual


def test_bad_evidence_is_refused():
    stream = display(targets=2, exposure=0.1)
    for bad in (np.ones((1, 2)), np.full((1, 2, 2), 2.0), np.full((1, 2, 2), np.nan)):
        with pytest.raises(InputError, match="seen must be"):
            cohort.play(stream, [Observer()], person=0, trial=0, seen=bad)


def test_the_identity_gate_is_plain_attention_bit_for_bit(seer):
    chance = np.random.default_rng(1)
    lesson = scene_lessons.joined([make(chance, 2) for make, _ in scene_lessons.KINDS])
    keys = trial_keys(9, np.arange(len(lesson.answer)), 0)
    plain, gated = (seer.look(lesson.scene, keys, gate) for gate in (None, GateState()))
    for a, b in zip(plain, gated, strict=True):
        assert np.array_equal(a, b)


def test_what_the_gate_shuts_is_not_answered(seer):
    shown = displays.search("spatial_2v5", 6, True, trial_keys(2, np.arange(60), 0))
    keys = trial_keys(2, np.arange(60), 0)
    free = seer.look(shown.scene, keys).answers
    keep = torch.ones(60, 6, dtype=torch.bool)
    keep[:, 0] = False
    shut = seer.look(shown.scene, keys, GateState(keep=keep)).answers
    yes = [(a[:, scene_lessons.PRESENT] > a[:, scene_lessons.ABSENT]).mean() for a in (free, shut)]
    assert yes[0] > 0.8
    assert yes[1] < 0.5


def test_a_report_names_what_is_held_by_the_networks_own_evidence(seer):
    plan = make_plan("whole_report", ("human",), "seer", 3, 20, 0, None, None)
    cell = Cell("human", plan.paradigm.conditions()[-1])
    person, trial = np.divmod(np.arange(60), 20)
    batch, out = play_again(plan, cell, plan.crowd(), seer, person, trial)
    said = batch.names(True)
    u = uniforms(batch.keys[:, None], NAME, np.arange(6))
    assert (said == (u[..., None] > batch.says.cumsum(-1)).sum(-1).clip(max=25)).all()
    answers, words = batch.answers(out.stored, out.censored, True)
    assert (answers.right == (out.stored & (said == batch.display.label))).all()
    assert all(len(w.split()) == 6 for w in words)
    alone, _ = play_again(replace(plan, model=None), cell, plan.crowd(), None, person, trial)
    assert alone is None


@pytest.mark.parametrize("name", ["partial_report", "change_detection", "stroop", "go_nogo", "nback"])
def test_the_seer_takes_what_it_knows_and_nothing_else(name):
    short = {"go_nogo": {"trials": 50}, "nback": {"blocks": 1, "letters": 5}}.get(name, {"trials": 4})
    task = get(name)(**({} if name == "partial_report" else short))
    trials = 1 if name != "partial_report" else 2
    frame = ca.run(task, model="seer", people=2, trials=trials).frame
    again = ca.run(task, model="seer", people=2, trials=trials).frame
    assert frame.equals(again)
    assert set(frame["arm"]) == {"human", "softmax"}


def test_what_it_has_no_display_for_is_refused():
    with pytest.raises(InputError, match="shows no pictures"):
        ca.run("simple_rt", model="seer", people=1, trials=1)
    with pytest.raises(InputError, match="25 places"):
        ca.run(get("visual_search")(set_sizes=(30,)), model="seer", people=1, trials=1)


def test_conflict_lowers_the_margin_of_the_networks_own_decision(seer):
    keys = trial_keys(4, np.arange(200), 0)
    margins = []
    for k in (1, -1):
        shown = displays.flanked(k, keys)
        margins.append(margin_of(shown, seer.look(shown.scene, keys)).mean())
    assert margins[0] > margins[1] > 0


def test_accuracy_among_distractors_is_a_door():
    door = module("seer").accuracy_among
    assert door(3, trials=60) > 0.7
    assert (
        door(3, lambda logits: GateState(keep=torch.zeros(logits.shape, dtype=torch.bool)), trials=60) <= 0.7
    )
    with pytest.raises(InputError, match="distractors"):
        door(25)


def test_who_watches_a_film_is_shown_no_pixels_of_a_paradigm():
    """A watcher looks, too (`reports.live`), but at its own task."""
    watcher = find("live_watcher", "cpu")
    task = get("whole_report")()
    assert callable(watcher.look)
    assert not displays.seen_by(watcher, task)
    assert displays.seen_by(find("seer", "cpu"), task)
    assert not displays.seen_by(find("seer", "cpu"), get("serial_recall")())


def simulation():
    """The simulation that asks what the seer adds, as a module."""
    return module(str(Path(__file__).parents[1] / "simulations" / "what_does_the_seer_add.py"))


def test_a_report_differs_where_other_letters_are_named():
    """The seer says letters in order, a mind alone its elements; distractors are no letters of the report."""
    told = ["t0 t2", "", "t1 d3", "d2", "A . T", ". . .", ". B . .", "d . t"]
    places = simulation()._places(pd.DataFrame({"response": told})).tolist()
    assert places == ["t0 t2", "", "t1", "", "t0 t2", "", "t1", "t0 t2"]


def test_a_decision_can_be_asked_what_else_it_might_count(seer):
    """At once by every element: a flanker weighs most of the target, so most of what is counted is wrong; or by a
    constant share. Outside of the question all is as before."""
    asks = simulation()
    plan = make_plan("flanker", ("human",), "seer", 2, 1, 0, None, None)
    session = plan.paradigm.session({"congruence": -1}, trial_keys(0, np.arange(2), 0))
    person, trial = np.repeat([0, 1], session.trials), np.tile(np.arange(session.trials), 2)
    batch = SeenBatch.of_session(plan, Cell("human", {"congruence": -1}), session, seer, person, trial)
    own = batch.seen(True)
    with asks.counted(asks._by_weight):
        weighed = batch.seen(True)
    with asks.counted(partial(asks._by_share, share=0.25)):
        shared = batch.seen(True)
    assert np.array_equal(batch.seen(True), own)
    w = asks._mean_weights(seer, batch.looked.logits)
    assert (w[:, 0] == 1).all()
    assert 0.7 < w[:, 1:].mean() < 0.9
    assert weighed[:, 0, 1].mean() == pytest.approx(
        (1 / w.sum(1)).mean(), abs=0.01
    )  # the target alone is right
    assert np.array_equal(weighed[:, 1:], own[:, 1:])
    assert shared[:, 0, 1].mean() == pytest.approx(0.75 * own[:, 0, 1].mean(), abs=0.01)
    assert np.array_equal(shared[:, 0, 0], own[:, 0, 0])


# -- what is drawn -------------------------------------------------------------------------------------------------


def test_a_picture_is_canvas_and_noise_and_ink_is_laid_on_by_its_mask():
    """Bit for bit as numpy does it, in 32 bits on the canvas and in 64 under the noise; cut off at the edge."""
    u = np.random.default_rng(1)
    canvas, noise = u.random((40, 40, 3), np.float32), u.standard_normal((60, 60, 3), np.float32)
    mask, ink = u.random((9, 7), np.float32), u.random(3, np.float32)
    laid = canvas.copy()
    scenes._stamp(laid, mask, 2.0, 38.0, ink)
    top, left = round(38.0 - 4.5), round(2.0 - 3.5)
    part = canvas[top:40, 0 : left + 7]
    expected = canvas.copy()
    expected[top:40, 0 : left + 7] = part + (ink - part) * mask[: 40 - top, -left:, None]
    np.testing.assert_array_equal(laid, expected)
    out, sd = np.zeros((16, 16, 3), np.uint8), np.float64(0.3)
    scenes._take(canvas, 3, 5, noise, 11, 13, sd, out)
    light = noise[11:27, 13:29] * sd + canvas[3:19, 5:21]
    assert (light < 0).any()
    assert (light > 1).any()
    np.testing.assert_array_equal(out, (np.clip(light, 0, 1) * 255).astype(np.uint8))
