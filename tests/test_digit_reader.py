"""The digit reader as it is shipped: what it reads, what it cannot, and that its displays are pure."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from safetensors import safe_open

from cogattn.errors import InputError
from cogattn.mind.draws import trial_keys
from cogattn.nn.gate import GateState
from cogattn.nn.networks import digits, registry

B, S = 1500, 8
Answers = npt.NDArray[np.int64]


@pytest.fixture(scope="module")
def reader() -> Any:
    return registry.find("digit_reader", device="cpu")


@pytest.fixture(scope="module")
def file(reader: Any) -> ModuleType:
    return sys.modules[type(reader.network).__module__]


@pytest.fixture(scope="module")
def mixed(file: ModuleType) -> tuple[Answers, Answers, npt.NDArray[np.uint64]]:
    """Labels, roles and keys of displays of 1-8 items, targets and distractors."""
    keys = trial_keys(7, 0, np.arange(B))
    labels, roles = digits.random_trials(keys, targets=0.5)
    return labels, roles, keys


@pytest.fixture(scope="module")
def display(reader: Any, mixed: Any) -> Any:
    return reader.show(*mixed)


# --- what it reads ---


@pytest.mark.parametrize("items", range(1, S + 1))
def test_targets_are_read_at_every_set_size(reader: Any, file: ModuleType, items: int) -> None:
    keys = trial_keys(8, items, np.arange(B))
    labels, roles = digits.random_trials(keys, items=items, targets=1.0)
    answers = reader.read(reader.show(labels, roles, keys), None)
    assert (roles == 1).sum() == B * items
    assert (answers == labels)[roles == 1].mean() >= 0.96


def test_displays_of_fewer_places_are_read_as_well(reader: Any) -> None:
    keys = trial_keys(9, 0, np.arange(B))
    labels = np.random.default_rng(0).integers(0, 10, (B, 3))
    answers = reader.read(reader.show(labels, np.ones_like(labels), keys), None)
    assert (answers == labels).mean() >= 0.96


def test_distractors_and_empty_places_are_answered_nothing(reader: Any, display: Any) -> None:
    answers = reader.read(display, None)
    assert (answers[display.role == 0] == -1).mean() >= 0.99
    assert (answers[display.role == -1] == -1).mean() >= 0.99


def test_closed_items_are_answered_nothing_and_open_ones_read(reader: Any, mixed: Any, display: Any) -> None:
    keep = np.random.default_rng(0).random((B, S)) < 0.5
    answers = reader.read(display, GateState(keep=torch.from_numpy(keep)))
    target = display.role == 1
    assert (answers[~keep] == -1).mean() >= 0.99
    assert (answers == mixed[0])[target & keep].mean() >= 0.96


def test_a_gate_by_index_answers_like_a_gate_by_keep(reader: Any, display: Any) -> None:
    keep = np.random.default_rng(1).random((B, S)) < 0.3
    gates = (GateState.from_events(keep), GateState(keep=torch.from_numpy(keep)))
    by_index, by_keep = (
        reader.read(display, replace(gate, keep=None) if gate.index is not None else gate) for gate in gates
    )
    assert (by_index == by_keep).mean() >= 0.999


@pytest.mark.parametrize(
    "gate",
    [
        GateState(keep=torch.zeros(B, S, dtype=torch.bool)),
        GateState(index=torch.full((B, 4), -1)),
        GateState(bias=torch.full((B, S), -math.inf)),
        GateState(share=torch.zeros(B)),
        GateState(share=torch.zeros(B, S)),
        GateState(share=torch.zeros(B, 1, S)),
        GateState(share=torch.zeros(B, S, 1)),
        GateState(t_on=torch.ones(B, S), t_query=torch.zeros(B, S)),
        GateState(t_off=torch.zeros(1, S), t_query=torch.zeros(1, S)),
    ],
    ids=["keep", "index", "bias", "share", "share_bs", "share_keys", "share_queries", "not_yet", "one_row"],
)
def test_whatever_way_all_is_closed_nothing_is_answered(reader: Any, display: Any, gate: GateState) -> None:
    assert (reader.read(display, gate) == -1).all()


@pytest.mark.parametrize(
    "gate",
    [
        GateState(),
        GateState(keep=torch.ones(B, S, dtype=torch.bool)),
        GateState(index=torch.arange(S).repeat(B, 1)),
        GateState(gain=torch.ones(B), bias=torch.zeros(B, S)),
        GateState(share=torch.ones(B, 1, S)),
        GateState(t_on=torch.zeros(B, S), t_off=torch.ones(B, S), t_query=torch.zeros(B, S)),
    ],
    ids=["none", "keep", "index", "bias", "share", "times"],
)
def test_whatever_way_all_is_open_the_answers_stay(reader: Any, display: Any, gate: GateState) -> None:
    assert (reader.read(display, gate) == reader.read(display, None)).all()


def test_gates_of_the_wrong_size_are_turned_away(reader: Any, display: Any) -> None:
    with pytest.raises(InputError, match=rf"gate\.keep must have {B} rows"):
        reader.read(display, GateState(keep=torch.ones(B - 1, S, dtype=torch.bool)))
    with pytest.raises(InputError, match=r"gate\.keep must have 8 items"):
        reader.read(display, GateState(keep=torch.ones(B, S - 1, dtype=torch.bool)))


# --- what it attends to ---


def test_logits_part_by_colour_and_not_by_digit(reader: Any, mixed: Any, display: Any) -> None:
    logits, labels = reader.weigh(display), mixed[0]
    target, distractor = logits[display.role == 1], logits[display.role == 0]
    assert target.min() > distractor.max()
    assert target.mean() - distractor.mean() == pytest.approx(reader.gap, rel=0.02)
    for role in (0, 1):
        by_digit = [logits[(display.role == role) & (labels == digit)].mean() for digit in range(10)]
        by_place = [logits[:, s][display.role[:, s] == role].mean() for s in range(S)]
        assert np.ptp(by_digit) < 0.02 * reader.gap
        assert np.ptp(by_place) < 0.02 * reader.gap


def test_empty_places_do_not_race(reader: Any, display: Any) -> None:
    logits = reader.weigh(display)
    assert logits.dtype == np.float64
    assert ((logits == -np.inf) == (display.role == -1)).all()
    assert not np.isnan(logits).any()


def test_at_a_persons_gain_a_distractor_weighs_that_persons_alpha(reader: Any, display: Any) -> None:
    weights = np.exp(math.log(1 / 0.44) / reader.gap * reader.weigh(display))
    alpha = weights[display.role == 0].mean() / weights[display.role == 1].mean()
    assert alpha == pytest.approx(0.44, abs=0.01)


def test_values_do_not_see_colour_and_logits_do(reader: Any, file: ModuleType, display: Any) -> None:
    """The same light in the other colours: what is read stays, what asks for attention turns round."""
    network, pixels = reader.network, torch.from_numpy(display.rows(np.arange(200)).pixels())
    seen: list[torch.Tensor] = []
    hook = network.shape.register_forward_hook(lambda _module, _inputs, out: seen.append(out))
    present = torch.ones(200, S, dtype=torch.bool)
    with torch.inference_mode():
        for view in (pixels, pixels.flip(2)):
            network(view, present)
        before, after = network.priority(pixels), network.priority(pixels.flip(2))
    hook.remove()
    torch.testing.assert_close(seen[0], seen[1])
    item = torch.from_numpy(display.rows(np.arange(200)).role != -1)
    assert ((before > after).squeeze(-1) == torch.from_numpy(display.rows(np.arange(200)).role == 1))[
        item
    ].all()


def test_nothing_at_an_empty_place_is_attended_to(reader: Any, display: Any) -> None:
    """Not even a bright target, had it stood where the display says that there is none."""
    part = display.rows(np.arange(200))
    pixels, present = torch.from_numpy(part.pixels()), torch.from_numpy(part.role != -1)
    ghost = torch.where(present[:, :, None, None], pixels, pixels[present].max())
    ghost[:, :, 1] = torch.where(present[:, :, None], pixels[:, :, 1], 0.0)
    with torch.inference_mode():
        torch.testing.assert_close(reader.network(ghost, present), reader.network(pixels, present))


def test_items_that_change_places_take_their_answers_along(reader: Any, display: Any) -> None:
    order = np.random.default_rng(2).permutation(S)
    moved = replace(
        display, image=display.image[:, order], role=display.role[:, order], patch=display.patch[:, order]
    )
    assert (reader.read(moved, None) == reader.read(display, None)[:, order]).mean() >= 0.998
    item = moved.role != -1
    shift = (reader.weigh(moved)[item] - reader.weigh(display)[:, order][item]) / reader.gap
    assert np.abs(shift).max() < 0.02


# --- purity ---


def test_a_picture_depends_on_its_own_key_labels_and_roles_alone(
    reader: Any, mixed: Any, display: Any
) -> None:
    some = np.random.default_rng(3).permutation(B)[:40]
    alone = reader.show(*(part[some] for part in mixed))
    np.testing.assert_array_equal(alone.pixels(), display.pixels()[some])
    labels, roles, keys = mixed
    other = reader.show(labels, roles, keys + np.uint64(1))
    item = roles != -1
    assert (other.image == display.image)[item].mean() < 0.1
    assert (other.patch == display.patch)[item].mean() < 0.01


def test_the_picture_does_not_lean_on_the_draws_of_the_experiment(file: ModuleType, reader: Any) -> None:
    """Labels drawn from the low counters of the same key leave the choice of the image uniform."""
    keys = trial_keys(10, 0, np.arange(20_000))
    labels, roles = digits.random_trials(keys, items=8, targets=1.0)
    shown = reader.show(labels, roles, keys)
    place = (shown.image - reader.source.first[labels]) / reader.source.count[labels]  # in [0, 1)
    for digit in range(10):
        assert place[labels == digit].mean() == pytest.approx(0.49, abs=0.015)


def test_pictures_show_the_digit_of_the_label(reader: Any, mixed: Any, display: Any) -> None:
    labels, roles, _ = mixed
    first, count = reader.source.first[labels], reader.source.count[labels]
    item = roles != -1
    assert ((first <= display.image) & (display.image < first + count))[item].all()


def test_one_call_or_many_give_the_same_bits(reader: Any, mixed: Any, display: Any) -> None:
    keep = torch.from_numpy(np.random.default_rng(4).random((B, S)) < 0.5)
    whole, logits = reader.read(display, GateState(keep=keep)), reader.weigh(display)
    for cut in (1, 100, 256, 300, 1499):
        for rows in (slice(0, cut), slice(cut, B)):
            part = reader.show(*(x[rows] for x in mixed))
            assert (reader.read(part, GateState(keep=keep[rows])) == whole[rows]).all()
            assert (reader.weigh(part) == logits[rows]).all()


def test_one_thread_or_two_give_the_same_bits(reader: Any, display: Any) -> None:
    threads = torch.get_num_threads()
    try:
        found = []
        for n in (1, 2):
            torch.set_num_threads(n)
            found.append((reader.read(display, None), reader.weigh(display)))
    finally:
        torch.set_num_threads(threads)
    assert (found[0][0] == found[1][0]).all()
    assert (found[0][1] == found[1][1]).all()


def test_no_display_at_all(reader: Any) -> None:
    none = np.zeros((0, 5), np.int64)
    shown = reader.show(none, none, np.zeros(0, np.uint64))
    assert reader.weigh(shown).shape == reader.read(shown, None).shape == (0, 5)
    assert reader.read(shown, GateState(keep=torch.ones(0, 5, dtype=torch.bool))).shape == (0, 5)


@pytest.mark.parametrize(
    ("labels", "roles", "keys", "said"),
    [
        ([[1, 2]], [[1]], [0], r"labels and roles must both be"),
        ([[1] * 9], [[1] * 9], [0], r"labels and roles must both be"),
        ([[1, 2]], [[1, 1]], [0, 1], r"keys must be \(1,\)"),
        ([[1, 10]], [[1, 1]], [0], r"labels must be 0 to 9"),
        ([[1, -2]], [[1, 1]], [0], r"labels must be 0 to 9"),
        ([[1, -1]], [[1, 1]], [0], r"roles must be 1 = target"),
        ([[1, 2]], [[1, 2]], [0], r"roles must be 1 = target"),
    ],
)
def test_trials_that_cannot_be_shown(reader: Any, labels: Any, roles: Any, keys: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        reader.show(np.array(labels), np.array(roles), np.array(keys, np.uint64))


# --- training ---


def test_the_images_and_their_split_are_those_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    ink, digit = load_digits(return_X_y=True)
    own_ink, own_digit = digits._digits()
    assert np.array_equal(own_ink, ink)
    assert np.array_equal(own_digit, digit)
    _, held_out = train_test_split(
        np.arange(len(digit)), test_size=500, stratify=digit, random_state=digits.SEED
    )
    rows = np.sort(held_out)
    rows = rows[np.argsort(digit[rows], kind="stable")]
    assert np.array_equal(digits.images(held_out=True).ink, (ink[rows] / 16).astype(np.float32))


def test_no_held_out_image_is_trained_on(reader: Any) -> None:
    train, test = digits.images(held_out=False), digits.images(held_out=True)
    assert (len(train.ink), len(test.ink)) == (1297, 500)
    assert reader.source is test
    trained = {row.tobytes() for row in digits.lessons().ink}
    assert not trained & {row.tobytes() for row in test.ink}
    assert {row.tobytes() for row in train.ink} <= trained


def test_the_notes_tell_the_gap_that_can_be_measured_again(file: ModuleType, reader: Any) -> None:
    with safe_open(str(file.WORKSHOP.weights), framework="pt") as weights:
        notes = weights.metadata()
    measured = digits.measure_gap(reader.network)
    assert reader.gap == float(notes["gap"]) == pytest.approx(measured["gap"], abs=1e-3)
    assert float(notes["alpha"]) == pytest.approx(math.exp(-reader.gap), rel=1e-3)


def test_an_untrained_reader_guesses_among_eleven_answers(file: ModuleType) -> None:
    loss = digits.loss(file.WORKSHOP.network(), 0)
    assert loss.item() == pytest.approx(math.log(11), abs=0.3)
