"""The watcher of films as it is shipped: what is in a film, what it says of it, through which patches, at what cost."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch.utils.flop_counter import FlopCounterMode

import cogattn as ca
from cogattn.errors import InputError
from cogattn.mind.draws import trial_keys
from cogattn.nn.gate import GateState
from cogattn.nn.networks import digits, registry
from cogattn.paradigms import NetworkTask
from cogattn.runs import experiment

KEYS = trial_keys(11, 0, np.arange(24))


@pytest.fixture(scope="module")
def full():
    return registry.find_specialist("live_watcher", device="cpu")


@pytest.fixture(scope="module")
def watcher(full):
    return full.resized(25)


@pytest.fixture(scope="module")
def file(full):
    return sys.modules[type(full).__module__]


@pytest.fixture(scope="module")
def film(watcher):
    return watcher.show(8, KEYS)


def kept(film, roles):
    """Only the patches with these roles are open."""
    return np.isin(film.at(film.role), roles)


# --- the film ------------------------------------------------------------------------------------------------


def test_a_film_shows_what_it_says(film, file, monkeypatch):
    """Against a painter who goes digit by digit, pixel by pixel."""
    monkeypatch.setattr(file, "_noise", lambda: np.zeros((file.BANK, 2, 32, 32), np.float32))
    for time in (0.0, 0.48, 1.0):
        now, room = replace(film, time=time), 16
        expected = np.zeros((24, 25, 2, 32, 32), np.float32)
        for b in range(24):
            for o in range(11):
                travelled = film.start[b, o] + film.speed[b, o] * time
                corner = [round(x % 32 if x % 32 <= room else 32 - x % 32) for x in travelled.tolist()]
                picture = film.source.ink[film.image[b, o]].reshape(8, 8)
                for y in range(16):
                    for x in range(16):
                        place = (b, film.patch[b, o], 0 if o < 3 else 1, corner[0] + y, corner[1] + x)
                        expected[place] = picture[y // 2, x // 2]
        assert np.array_equal(now.pixels(), expected)


def test_digits_move_as_fast_as_they_should(watcher, file, monkeypatch):
    monkeypatch.setattr(file, "_noise", lambda: np.zeros((file.BANK, 2, 32, 32), np.float32))
    shot = watcher.show(8, KEYS[:1])
    patch = shot.patch[0, 0]
    edges = [watcher.frame(shot, n / 25)[patch].any((0, 2)).argmax() for n in range(26)]
    speed = shot.speed[0, 0, 0]
    assert 8 <= speed <= 32
    assert np.abs(np.diff(edges)).max() <= speed / 25 + 1
    assert np.abs(np.diff(edges)).sum() == pytest.approx(speed, abs=8)


def test_three_red_digits_all_different_each_in_a_patch_of_its_own(watcher):
    shots = watcher.show(22, trial_keys(1, 0, np.arange(300)))
    assert ((shots.role == 1).sum(1) == 3).all()
    assert (shots.red().sum(1) == 3).all()
    assert all(len(set(row)) == 25 for row in shots.patch.tolist())
    assert (np.bincount(shots.digit[shots.role == 0]) > 500).all()
    assert (np.bincount(shots.patch[:, 0], minlength=25) > 3).all()


def test_noise_is_new_in_every_frame_and_as_strong_as_it_says(watcher):
    shot = watcher.show(0, KEYS[:1])
    empty = np.setdiff1d(np.arange(25), shot.patch)
    a, b = (watcher.frame(shot, t)[empty] for t in (0.04, 0.08))
    assert not np.array_equal(a, b)
    assert a.std() == pytest.approx(0.2, rel=0.02)


def test_a_shot_hangs_on_its_own_key_alone(watcher, film):
    again = watcher.show(8, KEYS[[5]])
    assert np.array_equal(again.pixels()[0], film.pixels()[5])
    assert np.array_equal(again.red()[0], film.red()[5])


def test_no_lesson_shows_what_is_held_out(full, file):
    shown, _, _ = file.lesson(0)
    assert shown.source is digits.images(held_out=False)
    assert full.source is digits.images(held_out=True)
    assert full.source.count.sum() == 500
    assert shown.source.count.sum() == 1297


# --- what it says ----------------------------------------------------------------------------------------------


@pytest.mark.full
def test_without_a_gate_it_names_the_red_ones(watcher):
    for value in (0, 22):
        shots = watcher.show(value, trial_keys(2, value, np.arange(60)))
        said = watcher.answer(shots, None)
        assert said["score"].mean() > 0.9
        assert said["hits"].mean() > 2.8
        assert said["false_alarms"].mean() < 0.2


def test_its_glance_finds_what_is_there_and_prefers_red(watcher, film, full):
    logits, role = watcher.weigh(film), film.at(film.role)
    assert (np.isfinite(logits) == (role >= 0)).mean() > 0.999
    red, green = logits[(role == 1) & np.isfinite(logits)], logits[(role == 0) & np.isfinite(logits)]
    assert red.min() > green.max()
    assert red.mean() - green.mean() == pytest.approx(full.gap, rel=0.1)


def test_the_notes_are_those_of_the_weights(full, file):
    with safe_open(str(file.WORKSHOP.weights), framework="pt") as weights:
        notes = weights.metadata()
    assert notes["command"] == "python models/live_watcher.py"
    network = file.Watcher()
    registry.load_weights(network, file.WORKSHOP.weights, "")
    right = file._read_right(file.LiveWatcher(network.eval(), "cpu"), 300)
    assert right == pytest.approx(float(notes["read_right"]), abs=4 * np.sqrt(0.03 / 300))
    assert float(notes["read_right"]) > 0.95
    assert float(notes["overlap_12"]) > 0.9
    assert full.gap == float(notes["gap"])


# --- through the gate ------------------------------------------------------------------------------------------


def test_the_open_gate_is_no_gate_bit_for_bit(watcher, film):
    part = film.rows(np.arange(3))
    none = watcher.answer(part, None)
    for gate in (GateState(), GateState(keep=torch.ones(3, 25, dtype=torch.bool))):
        for name, column in watcher.answer(part, gate).items():
            assert (column == none[name]).all()
    assert np.array_equal(watcher.allocate(part, None), watcher.allocate(part, GateState()))


def test_what_is_open_is_named_and_what_is_shut_is_not(watcher, film):
    only = watcher.answer(film, GateState.from_numpy(keep=kept(film, [1])))
    assert only["score"].mean() > 0.9
    without = watcher.answer(film, GateState.from_numpy(keep=kept(film, [0, -1])))
    assert without["score"].mean() < 0.02
    nothing = watcher.answer(film, GateState.from_numpy(keep=np.zeros((24, 25), bool)))
    assert (nothing["score"] == 0).all()
    assert (nothing["false_alarms"] == 0).all()


@pytest.mark.parametrize("listed", [False, True], ids=["keep", "index"])
def test_what_is_shut_changes_no_bit(watcher, film, listed, monkeypatch):
    """Other digits in the patches that are shut: the same evidence."""
    rows = film.rows(np.arange(6))
    keep = np.zeros((6, 25), bool)
    np.put_along_axis(keep, rows.patch[:, [0, 4]], True, 1)  # a red one and a green one
    gate = GateState.from_events(keep) if listed else GateState.from_numpy(keep=keep)
    met, attend = [], watcher.network.attend
    monkeypatch.setattr(watcher.network, "attend", lambda *x: met.append(attend(*x)[0]) or attend(*x))
    other = rows.image.copy()
    other[:, [1, 2, 3, *range(5, 11)]] = (other[:, [1, 2, 3, *range(5, 11)]] + 250) % 500
    for image in (rows.image, other):
        watcher.answer(replace(rows, image=image), gate)
    assert torch.equal(*met)
    assert not np.array_equal(replace(rows, image=other).pixels(), rows.pixels())


def test_an_answer_hangs_on_no_other_shot(watcher, film, monkeypatch):
    gate = GateState.from_numpy(keep=kept(film, [1]) | (np.arange(25) % 3 == 0))
    met, attend = [], watcher.network.attend
    monkeypatch.setattr(watcher.network, "attend", lambda *x: met.append(attend(*x)[0]) or attend(*x))
    watcher.answer(film, gate)
    whole = torch.cat(met)
    met.clear()
    watcher.answer(film.rows(np.array([7, 20])), gate[torch.tensor([7, 20])])
    assert torch.equal(met[0][:2], whole[[7, 20]])


def test_live_and_in_an_experiment_it_says_the_same(watcher, film):
    """Only the patches in `index` are in the arithmetic; what is said is what the gate leaves to say."""
    rng = np.random.default_rng(0)
    keep = rng.random((24, 25)) < 0.3
    keep[0] = False
    said = watcher.answer(film, GateState.from_numpy(keep=keep))
    for b in range(24):
        shot = film.rows(np.array([b]))
        named = watcher.look(watcher.frame(shot, 1.0), np.flatnonzero(keep[b]))
        assert " ".join(map(str, np.flatnonzero(named))) == said["response"][b]
        assert watcher.mark(shot, named) == pytest.approx(said["score"][b])
    everything = watcher.look(watcher.frame(film.rows(np.array([1])), 1.0), None)
    alone = watcher.answer(film.rows(np.array([1])), None)["response"][0]
    assert " ".join(map(str, np.flatnonzero(everything))) == alone


def test_a_patch_that_is_not_looked_at_is_not_in_the_arithmetic(watcher, film):
    frame = watcher.frame(film.rows(np.array([0])), 1.0)
    spoilt = frame.copy()
    spoilt[5:] = np.nan
    assert np.array_equal(watcher.look(spoilt, np.arange(5)), watcher.look(frame, np.arange(5)))


def test_the_attention_that_it_gives_adds_up_and_is_on_the_red_ones(watcher, film):
    got = watcher.allocate(film, None)
    assert got.shape == (24, 25)
    assert (got.sum(1) <= 1 + 1e-6).all()
    assert got[kept(film, [1])].sum() / 24 > 0.95
    gated = watcher.allocate(film, GateState.from_numpy(keep=kept(film, [0])))
    assert (gated[~kept(film, [0])] == 0).all()


def test_its_patches_are_little_pictures(watcher, film):
    pictures = watcher.elements(film, 0)
    assert pictures.shape == (25, 32, 32, 3)
    assert 0 <= pictures.min() < pictures.max() <= 1
    red = pictures[film.patch[0, 0]]
    assert red[..., 0].sum() > red[..., 1].sum() + 20


# --- what it costs ---------------------------------------------------------------------------------------------


def test_the_arithmetic_is_that_which_torch_counts(watcher, film):
    """Torch's own counter: two operations for a multiply-accumulate. It knows no means and no products with 1."""
    frame = watcher.frame(film.rows(np.array([0])), 1.0)

    def counted(act):
        with FlopCounterMode(display=False) as counter:
            act()
        return counter.get_total_flops() // 2

    pixels = 2 * 32 * 32
    assert watcher.glance_macs() - counted(lambda: watcher.glance(frame)) == 25 * pixels
    for n in (1, 3, 25):
        expected = counted(lambda n=n: watcher.look(frame, np.arange(n))) + n * pixels
        assert watcher.look_macs(n) == expected
    assert watcher.glance_macs() < watcher.look_macs(1) / 500


def test_folding_changes_the_cost_and_not_the_function(full, file):
    network = file.Watcher()
    registry.load_weights(network, file.WORKSHOP.weights, "")
    x = torch.rand(4, 2, 32, 32)
    with torch.inference_mode():
        assert torch.allclose(network.eval().look(x), full.network.look(x), atol=1e-3)
    assert any(isinstance(m, torch.nn.BatchNorm2d) for m in network.modules())
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in full.network.modules())


# --- how it was made -------------------------------------------------------------------------------------------


@pytest.mark.full
def test_training_is_the_same_twice_and_teaches(file, monkeypatch):
    monkeypatch.setattr(file, "BATCH", 6)
    (a, curve), (b, again) = (file.WORKSHOP.teach(steps=12) for _ in range(2))
    assert curve.loss == again.loss
    assert all(
        torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    )
    assert np.mean(curve.loss[-3:]) < 0.9 * np.mean(curve.loss[:3])


def test_a_lesson_opens_looks_and_teaches_as_it_says(file):
    film, is_open, looked = file.lesson(3)
    role = film.at(film.role)
    assert not (looked & ~is_open).any()
    assert (looked >= (is_open & (role == 1))).all()
    assert (((role == 0) & looked).sum(1) == np.minimum(((role == 0) & is_open).sum(1), 2)).all()
    assert not looked[role == -1].any()
    assert is_open.mean(1).min() < 0.2 < 0.8 < is_open.mean(1).max()
    assert set((role == 1).sum(1)) == set(range(7))


# --- in experiments, live, and at the door -----------------------------------------------------------------------


def test_people_see_less_than_softmax():
    """4 green digits on 144 patches: K slots, filled by lot and by weight."""
    task = NetworkTask.of("live_watcher", (4.0,))
    frame = experiment.run(task, model="live_watcher", people=4, trials=2, seed=3).frame
    human, softmax = (frame[frame["arm"] == arm] for arm in ("human", "softmax"))
    assert (human["answered"] <= 7).all()
    assert (human["arrived"] == 7).all()
    assert human["score"].mean() < softmax["score"].mean() > 0.8


def test_it_watches_a_film_live():
    done = ca.live("live_watcher", ("top", "softmax"), 0.3, 10, patches=9, value=3, device="cpu")
    f = done.frame
    assert f["latency"].notna().sum() + f["skipped"].sum() == len(f) == 6
    assert set(f.loc[(f["arm"] == "softmax") & ~f["skipped"], "read"]) == {9}
    assert (f.loc[(f["arm"] == "top") & ~f["skipped"], "read"] <= 4).all()


def test_mistakes_are_one_line(full, watcher, film):
    for value in (-1, 23, 1.5):
        with pytest.raises(InputError, match="distractors must be a whole number from 0 to 22 on 25 patches"):
            watcher.show(value, KEYS)
    for patches in (2, 257, 9.0):
        with pytest.raises(InputError, match="patches must be a whole number from 3 to 256"):
            full.resized(patches)
    with pytest.raises(InputError, match=r"gate\.keep"):
        watcher.answer(film, GateState(keep=torch.ones(24, 24, dtype=torch.bool)))
    with pytest.raises(InputError, match=r"gate\.keep"):
        watcher.answer(film, GateState(keep=torch.ones(3, 25, dtype=torch.bool)))
