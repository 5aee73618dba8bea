"""Readers of every make (dense, convolutional, recurrent, plain NumPy): what they read, and that a gate limits them.

The demands are the same for all, with what one of them alone promises at the end.
"""

from __future__ import annotations

import math
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open

from cogattn.errors import InputError
from cogattn.mind.draws import trial_keys
from cogattn.nn import let_through
from cogattn.nn.gate import GateState
from cogattn.nn.networks import digits, registry
from cogattn.runs import experiment

NAMES = ("feedforward", "convolutional", "recurrent", "attention_network", "vision_transformer")
B, S = 300, 8


@pytest.fixture(scope="module", params=NAMES)
def reader(request):
    return registry.find(request.param, device="cpu")


@pytest.fixture(scope="module")
def mixed():
    """Labels, roles and keys of displays of 1 to 8 items, targets and distractors."""
    keys = trial_keys(7, 0, np.arange(B))
    return *digits.random_trials(keys, targets=0.5), keys


@pytest.fixture(scope="module")
def display(reader, mixed):
    return reader.show(*mixed)


def file_of(reader):
    return sys.modules[type(reader.network).__module__]


def seen(display):
    """What reaches the network: pixels, and where there is an item."""
    return torch.from_numpy(display.pixels()), torch.from_numpy(display.role != -1)


def chance(seed, share=0.5):
    return np.random.default_rng(seed).random((B, S)) < share


# --- what they read ---


def test_they_come_along_as_readers():
    assert set(NAMES) <= set(registry.names())
    for name in NAMES:
        found = registry.find(name, device="cpu")
        assert found.name == name
        assert registry.is_reader(found)


@pytest.mark.parametrize("count", [1, 8])
def test_targets_are_read_at_every_set_size(reader, count):
    keys = trial_keys(8, count, np.arange(B))
    labels, roles = digits.random_trials(keys, items=count, targets=1.0)
    answers = reader.read(reader.show(labels, roles, keys))
    assert (roles == 1).sum() == B * count
    assert (answers == labels)[roles == 1].mean() >= 0.96


def test_displays_of_fewer_places_are_read_as_well(reader):
    keys = trial_keys(9, 0, np.arange(B))
    labels = np.random.default_rng(0).integers(0, 10, (B, 3))
    answers = reader.read(reader.show(labels, np.ones_like(labels), keys))
    assert answers.shape == (B, 3)
    assert (answers == labels).mean() >= 0.96


def test_distractors_and_empty_places_are_answered_nothing(reader, display):
    answers = reader.read(display)
    assert (answers[display.role != 1] == -1).mean() >= 0.99


def test_closed_items_are_answered_nothing_and_open_ones_read(reader, mixed, display):
    keep = chance(0)
    answers = reader.read(display, GateState(keep=torch.from_numpy(keep)))
    target = display.role == 1
    assert (answers[~keep] == -1).mean() >= 0.99
    assert (answers == mixed[0])[target & keep].mean() >= 0.96


# --- a gate limits them, and nothing passes it ---


IDLE = {
    "identity": GateState(),
    "keep": GateState(keep=torch.ones(B, S, dtype=torch.bool)),
    "index": GateState(index=torch.arange(S).repeat(B, 1)),
    "gain_bias": GateState(gain=torch.ones(B), bias=torch.zeros(B, S)),
    "share": GateState(share=torch.ones(B, S)),
    "share_keys": GateState(share=torch.ones(B, 1, S)),
    "times": GateState(t_on=torch.zeros(B, S), t_off=torch.ones(B, S), t_query=torch.zeros(B, S)),
}
CLOSED = {
    "keep": GateState(keep=torch.zeros(B, S, dtype=torch.bool)),
    "index": GateState(index=torch.full((B, 4), -1)),
    "bias": GateState(bias=torch.full((B, S), -math.inf)),
    "share": GateState(share=torch.zeros(B)),
    "share_items": GateState(share=torch.zeros(B, S)),
    "share_queries": GateState(share=torch.zeros(B, S, 1)),
    "not_yet": GateState(t_on=torch.ones(B, S), t_query=torch.zeros(B, S)),
    "one_row": GateState(t_off=torch.zeros(1, S), t_query=torch.zeros(1, S)),
}


@pytest.mark.parametrize("name", list(IDLE))
def test_without_limits_the_bits_are_those_without_a_gate(reader, display, name):
    with torch.inference_mode():
        plain, gated = (reader.network(*seen(display), gate) for gate in (None, IDLE[name]))
    assert torch.equal(plain, gated)


@pytest.mark.parametrize("name", list(CLOSED))
def test_whatever_way_all_is_closed_nothing_is_answered(reader, display, name):
    assert (reader.read(display, CLOSED[name]) == -1).all()


def test_a_closed_item_changes_no_bit_of_any_answer_and_an_open_one_does(reader, display):
    """Its pixels are replaced by others, brighter than any digit: the scores of all places stay as they were."""
    pixels, present = seen(display)
    keep = torch.from_numpy(chance(1))
    junk = 3 * torch.rand(pixels.shape, generator=torch.Generator().manual_seed(0))
    gate = GateState(keep=keep)
    with torch.inference_mode():
        before = reader.network(pixels, present, gate)
        spoilt = torch.where(keep[:, :, None, None], pixels, junk)
        assert torch.equal(reader.network(spoilt, present, gate), before)
        assert not torch.equal(reader.network(spoilt, present), reader.network(pixels, present))
        ghost = torch.where(present[:, :, None, None], pixels, junk)  # something where there is no item
        assert torch.equal(reader.network(ghost, present), reader.network(pixels, present))


def test_a_gate_by_index_answers_like_a_gate_by_keep(reader, display):
    gate = GateState.from_events(chance(2, 0.3))
    by_index, by_keep = replace(gate, keep=None), replace(gate, index=None)
    assert (reader.read(display, by_index) == reader.read(display, by_keep)).all()


@pytest.mark.full
def test_a_share_fades_what_is_read(reader, display):
    """From all to nothing, the answers get fewer and never more."""
    given = [
        int((reader.read(display, GateState(share=torch.full((B,), share))) >= 0).sum())
        for share in (1.0, 0.5, 0.25, 0.1, 0.0)
    ]
    assert given == sorted(given, reverse=True)
    assert given[0] > 0 == given[-1]


def test_gates_of_the_wrong_size_are_turned_away(reader, display):
    with pytest.raises(InputError, match=rf"gate\.keep must have {B} rows"):
        reader.read(display, GateState(keep=torch.ones(B - 1, S, dtype=torch.bool)))
    with pytest.raises(InputError, match=r"gate\.keep must"):
        reader.read(display, GateState(keep=torch.ones(B, S - 1, dtype=torch.bool)))


@pytest.mark.parametrize("gate", [GateState(keep=torch.tensor([[True, False, True]]))])
def test_one_gate_for_all_displays_of_fewer_places(reader, gate):
    labels = np.random.default_rng(1).integers(0, 10, (B, 3))
    answers = reader.read(reader.show(labels, np.ones_like(labels), trial_keys(9, 1, np.arange(B))), gate)
    assert (answers[:, 1] == -1).mean() >= 0.99
    assert (answers == labels)[:, [0, 2]].mean() >= 0.96


# --- what they attend to ---


def test_logits_part_by_colour_and_empty_places_do_not_race(reader, display):
    logits = reader.weigh(display)
    assert logits.dtype == np.float64
    assert ((logits == -np.inf) == (display.role == -1)).all()
    target, distractor = logits[display.role == 1], logits[display.role == 0]
    assert target.min() > distractor.max()
    assert target.mean() - distractor.mean() == pytest.approx(reader.gap, rel=0.03)


def test_at_a_persons_gain_a_distractor_weighs_that_persons_alpha(reader, display):
    weights = np.exp(math.log(1 / 0.44) / reader.gap * reader.weigh(display))
    alpha = weights[display.role == 0].mean() / weights[display.role == 1].mean()
    assert alpha == pytest.approx(0.44, abs=0.015)


# --- in an experiment ---


@pytest.mark.full
def test_under_human_limits_they_report_what_their_mind_stored(reader):
    sizes = {"people": 3, "trials": 8, "seed": 2}
    trials = experiment.run(
        "whole_report", model=reader.name, arms=("human", "softmax"), device="cpu", **sizes
    )
    human, soft = (trials.frame.query(f"arm == '{arm}'") for arm in ("human", "softmax"))
    alone = experiment.run("whole_report", arms=("human",), **sizes).frame
    assert (human["answered"].to_numpy() == alone["answered"].to_numpy()).mean() >= 0.9
    assert (human["score"].to_numpy() == alone["score"].to_numpy()).mean() >= 0.9
    assert soft["score"].mean() > 5.7 > 3.0 > human["score"].mean()


# --- purity, training ---


def test_one_call_or_many_give_the_same_bits(reader, mixed, display):
    keep = torch.from_numpy(chance(4))
    whole, logits = reader.read(display, GateState(keep=keep)), reader.weigh(display)
    for rows in (slice(0, 1), slice(40, 290)):
        part = reader.show(*(x[rows] for x in mixed))
        assert (reader.read(part, GateState(keep=keep[rows])) == whole[rows]).all()
        assert (reader.weigh(part) == logits[rows]).all()


def test_the_notes_are_those_of_the_weights(reader):
    shop = file_of(reader).WORKSHOP
    with safe_open(str(shop.weights), framework="pt") as weights:
        notes = weights.metadata()
    assert notes["command"] == f"python models/{reader.name}.py"
    assert notes["steps"] == str(shop.course.steps)
    assert reader.gap == float(notes["gap"])
    assert float(notes["false_reports"]) <= 0.002
    assert all(float(notes[f"right_{n}"]) >= 0.97 for n in digits.SET_SIZES)
    assert shop.weights.stat().st_size < 1_500_000


@pytest.mark.slow
def test_check_finds_the_numbers_of_the_notes(reader):
    assert file_of(reader).WORKSHOP.check() == 0


@pytest.mark.full
def test_a_few_steps_lower_the_loss_and_are_the_same_twice(reader):
    shop = file_of(reader).WORKSHOP
    (one, curve), (two, _) = shop.teach(steps=5), shop.teach(steps=5)
    assert curve.loss[0] == pytest.approx(math.log(11), abs=0.5)
    assert np.mean(curve.loss[-2:]) < 0.97 * curve.loss[0]
    for x, y in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(x, y)


def test_held_out_pictures_are_what_they_are_shown(reader):
    trained = {row.tobytes() for row in digits.lessons().ink}
    assert reader.source is digits.images(held_out=True)
    assert not trained & {row.tobytes() for row in reader.source.ink}


# --- what one of them alone promises ---


def network(name):
    return registry.find(name, device="cpu").network


@pytest.mark.parametrize("name", ["feedforward", "recurrent", "convolutional"])
def test_behind_the_gate_places_meet(name, mixed):
    """So that nothing leaks is no matter of course: what is open at one place acts on the scores of another."""
    net = network(name)
    pixels, present = seen(digits.draw(digits.images(held_out=True), *mixed))
    other = pixels.clone()
    other[:, 3] = pixels.flip(0)[:, 3]
    with torch.inference_mode():
        change = (net(pixels, present) != net(other, present)).any(0).any(-1)  # (8,)
    assert change.tolist() == ([s in (2, 3, 4) for s in range(S)] if name == "convolutional" else [True] * S)


def test_the_tiles_are_the_inside_of_a_convolution_of_the_whole_picture(mixed):
    """Convolve the row of eight tiles as one picture, leave out what crosses a gutter: the same features."""
    net = network("convolutional")
    pixels, _ = seen(digits.draw(digits.images(held_out=True), *mixed).rows(np.arange(64)))
    light = pixels.sum(2, keepdim=True).flatten(0, 1)
    with torch.inference_mode():
        picture = (
            net.shape[:2](light).unflatten(0, (64, S)).permute(0, 2, 3, 1, 4).flatten(3)
        )  # (64, 1, 10, 80)
        whole = net.shape[2:](picture)[
            :, :, 0, ::5
        ]  # one feature column per tile; those between cross a gutter
        torch.testing.assert_close(net.encode(pixels), whole.mT, rtol=1e-4, atol=1e-5)


def test_a_shut_item_never_was_for_the_state(mixed):
    """Every state, not only the last, is that of a display without it; those before it know nothing of it."""
    net = network("recurrent")
    pixels, _ = seen(digits.draw(digits.images(held_out=True), *mixed))
    there = torch.ones(B, S, dtype=torch.bool)
    without = there.clone()
    without[:, 4] = False

    def states(present, gate):
        x, logits = net.encode(pixels), net.weigh(pixels, present)
        return net.states(let_through(x, logits, gate, present=present))

    with torch.inference_mode():
        open_, shut, absent = (
            states(there, None),
            states(there, GateState(keep=without)),
            states(without, None),
        )
    assert [torch.equal(a, b) for a, b in zip(shut, absent, strict=True)] == [True] * S
    assert [torch.equal(a, b) for a, b in zip(shut, open_, strict=True)] == [True] * 4 + [False] * 4


def test_the_state_follows_its_equation():
    net = network("recurrent")
    passed = torch.randn(3, S, 32, generator=torch.Generator().manual_seed(0))
    h = torch.zeros(3, 256)
    with torch.inference_mode():
        for t, state in enumerate(net.states(passed)):
            h = torch.tanh(h @ net.hold.weight.T + passed[:, t] @ net.enter.weight.T + net.hold.bias)
            torch.testing.assert_close(state, h)
