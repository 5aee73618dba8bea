"""The adaptive network: what it learnt to want, what that earns with the same slots, and what cannot pass the gate."""

from __future__ import annotations

import copy
import itertools
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from safetensors import safe_open
from scipy import stats

from cogattn import run
from cogattn.errors import InputError
from cogattn.laws import race
from cogattn.mind import cohort
from cogattn.mind.draws import trial_keys
from cogattn.nn.gate import GateState
from cogattn.nn.networks import digits, registry
from cogattn.nn.selection import GRADIENTS
from cogattn.observer import Observer

CARDS = 16


@pytest.fixture(scope="module")
def adaptive() -> Any:
    return registry.find_specialist("adaptive", device="cpu")


@pytest.fixture(scope="module")
def file() -> Any:
    return registry.module("adaptive")


@pytest.fixture(scope="module")
def table(adaptive: Any) -> Any:
    return adaptive.show(CARDS, keys_of(300))


def keys_of(trials: int, seed: int = 5) -> npt.NDArray[np.uint64]:
    return trial_keys(seed, 0, np.arange(trials))


def some_open(shape: tuple[int, int], share: float = 0.4) -> npt.NDArray[np.bool_]:
    return np.random.default_rng(0).random(shape) < share


# --- what is shown ---


def test_cards_are_of_every_kind_alike_and_their_cues_tell_which_under_noise(file, table):
    counts = np.bincount((table.colour * 3 + table.frame).ravel(), minlength=12)
    assert stats.chisquare(counts).pvalue > 1e-4
    assert stats.chisquare(np.bincount(table.digit.ravel(), minlength=10)).pvalue > 1e-4
    cues = table.cues()
    for c, colour in enumerate(file.COLOURS):
        own = cues[table.colour == c][:, :3]
        np.testing.assert_allclose(own.mean(0), colour, atol=0.03)
        np.testing.assert_allclose(own.std(0), 0.15, atol=0.02)
    for f, light in enumerate(file.FRAMES):
        own = cues[table.frame == f][:, 3]
        assert own.mean() == pytest.approx(light, abs=0.02)
        assert own.std() == pytest.approx(0.08, abs=0.01)


def test_a_card_is_worth_how_often_it_is_asked_times_its_points(table):
    by_kind = {(c, f): p * r for c, p in enumerate((0.1, 0.3, 0.6, 0.9)) for f, r in enumerate((1, 2, 4))}
    wanted = [
        [by_kind[c, f] for c, f in zip(*row, strict=True)]
        for row in zip(table.colour, table.frame, strict=True)
    ]
    np.testing.assert_allclose(table.worth(), wanted)


def test_the_digits_of_the_exam_were_kept_from_training(adaptive, table):
    shown = {ink.tobytes() for ink in table.images.ink[table.image].reshape(-1, 64)}
    trained = {ink.tobytes() for ink in digits.lessons().ink}
    assert len(shown) > 450
    assert not shown & trained
    labels = table.images.first.searchsorted(table.image, side="right") - 1
    assert np.array_equal(labels, table.digit)


def test_a_table_depends_on_its_own_key_alone(adaptive, table):
    some = adaptive.show(CARDS, keys_of(300)[[250, 7]])
    for name in ("digit", "image", "colour", "frame", "patch"):
        assert np.array_equal(getattr(table, name)[[250, 7]], getattr(some, name))
    assert np.array_equal(adaptive.weigh(table)[[250, 7]], adaptive.weigh(some))
    gate = GateState.from_events(some_open((300, CARDS)))
    rows = torch.tensor([250, 7])
    assert np.array_equal(adaptive.read(table, gate)[rows], adaptive.read(some, gate[rows]))


# --- what it says ---


@pytest.mark.parametrize("cards", [1, 2, 8, 24])
def test_without_limits_the_digits_are_read(adaptive, cards):
    shown = adaptive.show(cards, keys_of(3000 // cards))
    assert (adaptive.read(shown) == shown.digit).mean() > 0.965
    assert adaptive.answer(shown)["score"].mean() > 0.96


@pytest.mark.full
def test_open_cards_are_read_and_closed_ones_guessed(adaptive, table):
    keep = some_open((300, CARDS))
    right = adaptive.read(table, GateState.from_events(keep)) == table.digit
    assert right[keep].mean() > 0.965
    assert right[~keep].mean() == pytest.approx(0.1, abs=0.02)


def test_the_score_is_the_mean_over_who_is_asked(adaptive, table):
    """Asked by chance, a thousand times: the points earned over the points at stake."""
    gate = GateState.from_events(some_open((300, CARDS)))
    right, points = adaptive.read(table, gate) == table.digit, np.array([1, 2, 4])[table.frame]
    asked = np.random.default_rng(1).random((1000, 300, CARDS)) < np.array([0.1, 0.3, 0.6, 0.9])[table.colour]
    earned, stake = ((asked * points * r).sum(-1).mean(0) for r in (right, 1))
    np.testing.assert_allclose(adaptive.answer(table, gate)["score"], earned / stake, atol=0.04)
    assert adaptive.answer(table, gate)["score"].mean() == pytest.approx((earned / stake).mean(), abs=0.002)


# --- what it wants ---


def test_its_pertinence_follows_what_a_card_is_worth(adaptive, table):
    logits, worth = adaptive.weigh(table), table.worth()
    assert stats.spearmanr(logits.ravel(), worth.ravel()).statistic > 0.9
    means = [logits[worth == w].mean() for w in np.unique(worth.round(6))]
    assert np.corrcoef(means, np.log(np.unique(worth.round(6))))[0, 1] > 0.9


@pytest.mark.parametrize("slots", [1, 3, 6, 12])
def test_with_the_same_slots_it_earns_nearly_what_the_best_policy_earns(file, adaptive, slots):
    equal, learned, best = (file.earned(adaptive.network, slots, p, trials=500) for p in file.POLICIES)
    assert equal == pytest.approx(0.98 * slots / CARDS + 0.1 * (1 - slots / CARDS), abs=0.02)
    assert learned > equal + 0.09
    assert best - 0.025 < learned <= best


def test_no_choice_of_cards_beats_the_best(adaptive):
    """Every choice of 2 of 6 cards, of a reader without errors: the oracle is one."""
    shown = adaptive.show(6, keys_of(40))
    worth = shown.worth()
    pairs = list(itertools.combinations(range(6), 2))
    kept = np.array([worth[:, pair].sum(1) for pair in pairs]).max(0)
    np.testing.assert_allclose(np.sort(worth, 1)[:, -2:].sum(1), kept)


def test_what_a_mind_keeps_is_the_race_of_the_networks_pertinence(adaptive):
    """One table, many times: each card is kept as often as the closed form says, at the person's own gain."""
    observer, trials = Observer(slots=3.0, alpha=0.3), 6000
    shown = adaptive.show(6, keys_of(1))
    gain = math.log(1 / 0.3) / adaptive.gap
    weights = np.exp(gain * (adaptive.weigh(shown)[0] - adaptive.weigh(shown)[0].max()))
    many = np.repeat(weights[None], trials, 0)
    out = cohort.play(adaptive.stream(6), [observer], person=0, trial=np.arange(trials), weights=many)
    law = race.inclusion(weights, observer.capacity, 1.0, 3.0, observer.threshold)
    assert law.max() - law.min() > 0.2
    assert (np.abs(out.stored.mean(0) - law) < 4 * np.sqrt(law * (1 - law) / trials)).all()


def test_people_fall_with_the_cards_and_softmax_stays():
    frame = run("own_task", model="adaptive", people=8, trials=25).frame
    mean = frame.groupby(["arm", "cards"])[["score", "digits"]].mean()
    assert (mean.loc["softmax", "score"] > 0.96).all()
    assert mean.loc["human", "score"].is_monotonic_decreasing
    assert mean.loc[("human", 24), "score"] < 0.35
    at = mean.loc[("human", 16)]
    assert at["score"] > at["digits"] + 0.03  # what is kept is worth more than what is not


# --- nothing passes the gate ---


def test_what_a_closed_card_shows_changes_no_bit(adaptive, table, file):
    keep = some_open((300, CARDS))
    other = adaptive.show(CARDS, keys_of(300, seed=6))
    mixed = file.Table(table.images, *(np.where(keep, getattr(table, n), getattr(other, n)) for n in
                       ("digit", "image", "colour", "frame", "patch")))  # fmt: skip
    for gate in (GateState.from_events(keep), GateState(keep=torch.from_numpy(keep))):
        one, two = (adaptive._call(x, gate, lambda scores, _: scores) for x in (table, mixed))
        assert np.array_equal(one, two)


def test_a_gate_that_limits_nothing_is_no_gate_to_the_bit(adaptive, table):
    plain = adaptive._call(table, None, lambda scores, _: scores)
    for gate in (
        GateState(),
        GateState(keep=torch.ones(300, CARDS, dtype=torch.bool)),
        GateState(gain=torch.ones(1)),
    ):
        assert np.array_equal(plain, adaptive._call(table, gate, lambda scores, _: scores))


def test_attention_goes_to_what_is_kept(adaptive, table):
    keep = some_open((300, CARDS))
    np.testing.assert_allclose(adaptive.allocate(table), 1 / CARDS, atol=1e-5)
    np.testing.assert_allclose(adaptive.allocate(table, GateState.from_events(keep)), keep / CARDS, atol=1e-5)


def test_elements_are_pictures(adaptive, table):
    cards = adaptive.elements(table, 0)
    assert cards.shape == (CARDS, 12, 12, 3)
    assert cards.min() >= 0
    assert cards.max() <= 1
    np.testing.assert_allclose(cards[:, 0, 0, 0], np.array([0.2, 0.5, 0.8])[table.frame[0]], rtol=1e-6)
    blue = np.flatnonzero(table.colour[0] == 0)[0]
    assert cards[blue, 2:-2, 2:-2, 2].max() > 4 * cards[blue, 2:-2, 2:-2, 0].max()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda a, t: a.show(0, keys_of(1)), "cards must be a whole number from 1 to 24, got 0"),
        (lambda a, t: a.stream(2.5), "cards must be a whole number from 1 to 24, got 2.5"),
        (lambda a, t: a.stream(math.nan), "cards must be a whole number"),
        (
            lambda a, t: a.answer(t, GateState(keep=torch.ones(300, 5, dtype=torch.bool))),
            "gate.keep must have 16",
        ),
        (lambda a, t: a.answer(t, GateState(keep=torch.ones(7, 16, dtype=torch.bool))), "must have 300 rows"),
    ],
)
def test_what_does_not_fit_is_said_in_a_line(adaptive, table, call, said):
    with pytest.raises(InputError, match=said):
        call(adaptive, table)


# --- training ---


@pytest.mark.parametrize("gradient", GRADIENTS)
def test_by_each_gradient_the_pertinence_is_learnt_from_what_was_earned(adaptive, file, gradient):
    """A reader that reads, a pertinence that knows nothing; what the three cards that it then wants most are worth."""
    network = copy.deepcopy(adaptive.network).train()
    network.pertinence = file.seeded(file.Network, 1).pertinence
    torch.nn.init.zeros_(network.pertinence[2].weight)
    shown = file.deal(digits.images(held_out=True), CARDS, keys_of(500))

    def kept():
        wanted = file.Adaptive(network).weigh(shown).argsort(1)[:, -3:]
        return np.take_along_axis(shown.worth(), wanted, 1).mean() / shown.worth().mean()

    assert kept() == pytest.approx(1.0, abs=0.1)
    optimiser = torch.optim.Adam(network.pertinence.parameters(), 0.02)
    for step in range(40):
        optimiser.zero_grad()
        file.lesson(network, step, gradient, seed=9).backward()
        optimiser.step()
    best = np.sort(shown.worth(), 1)[:, -3:].mean() / shown.worth().mean()
    assert 0.85 * best < kept() <= best


def test_where_any_cards_are_kept_the_pertinence_learns_nothing(file):
    network = file.seeded(file.Network, 0)
    file.lesson(network, 0, None).backward()
    assert all(p.grad is None for p in network.pertinence.parameters())
    assert all(p.grad is not None for p in network.shape.parameters())


@pytest.mark.full
def test_lessons_lower_the_loss_and_are_the_same_twice(file):
    before = torch.get_rng_state()
    (one, curve), (two, _) = file.WORKSHOP.teach(steps=24), file.WORKSHOP.teach(steps=24)
    assert np.mean(curve.loss[-8:]) < np.mean(curve.loss[:8]) - 0.05
    for x, y in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(x, y)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.full
def test_the_weights_are_as_their_notes_say(file, capsys):
    with safe_open(str(file.WORKSHOP.weights), framework="pt") as weights:
        notes = weights.metadata()
    assert notes["command"] == "python models/adaptive.py"
    assert float(notes["learned_4"]) > float(notes["equal_4"]) + 0.2
    assert file.WORKSHOP.weights.stat().st_size < 150_000
    assert file.WORKSHOP.check() == 0
    assert capsys.readouterr().out.endswith("as its notes say\n")
