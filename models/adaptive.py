"""A network that learns where to spend its capacity: of many cards on the table it may keep K, and some will be asked.

    python models/adaptive.py            # train (30 s on one core), measure, write the weights
    python models/adaptive.py --check    # load the weights and measure them again
    python models/adaptive.py --resume   # go on with a training that was stopped
    cogattn compare --model adaptive     # its task: share of the points to be had by the number of cards

A card shows a handwritten digit (scikit-learn's 8x8 images; 500 held out). Its colour tells how likely it is to be
asked for, its frame how many points a right answer brings, each under noise; nobody tells the network what they mean.
People do this well: value-directed remembering (Castel, Benjamin, Craik & Watkins 2002, Mem Cognit 30:1078).

    pertinence_x = h(colour of x, frame of x)      learned; who is kept: the K largest of pertinence + Gumbel noise
    answer(l)    = g(Σ_s softmax_s(20 if s = l, else -20; 0 for a null key) · shape of s)

Trained under its budget (1 to 8 slots, hard; a race lets cards in) on what it earns: the cross-entropy of what is
asked, times its points. So a card is worth keeping as P(asked) · points, the best policy keeps the K cards worth most,
and how near to it the learned one comes can be counted. The gradient passes the choice by `cogattn.nn.select`: score
function, straight-through or relaxed, side by side in `simulations/where_should_capacity_go.py`.

In the task the pertinence is what races in the mind, at each person's own gain. Every card is asked for, and an answer
counts as often as such a card is asked, times its points: the mean over who is asked, without its chance. Task
constant: the cards lie there for a second [assumption: the store is full long before].

What you should see: 98 % of the held-out digits read without limits. Of 16 cards 1 2 4 8 slots earn .256 .386 .579 .804
of the points to be had; .156 .211 .321 .543 if any cards are kept; .265 .397 .591 .816 if an oracle keeps the best.
Under human limits .96 .81 .53 .33 .26 with 2 4 8 16 24 cards, softmax .98 with all. Weak: a person's alpha (median .44)
makes a blunt choice of what was sharply learnt (of 16 cards .33; .27 with equal pertinence; .47 with an alpha of .01),
and nothing here sharpens it by practice.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from scipy import stats
from torch import nn

from cogattn.errors import InputError, choice
from cogattn.mind.draws import DISPLAY, seed_of, trial_keys, uniforms
from cogattn.nn.functional import gated_attention
from cogattn.nn.gate import GateState, TopK
from cogattn.nn.networks import digits
from cogattn.nn.networks.registry import PICTURE, Keys, TaskDesign, in_chunks, load_weights, noted
from cogattn.nn.networks.training import Course, Workshop, seeded
from cogattn.nn.selection import Gradient, gumbel, score_loss, select
from cogattn.world.stream import TaskStream, display

PLACES = 24
COLOURS = ((0.1, 0.2, 0.9), (0.1, 0.7, 0.2), (0.9, 0.8, 0.1), (0.9, 0.1, 0.1))  # blue, green, yellow, red
ASKED = (0.1, 0.3, 0.6, 0.9)  # how likely a card of each colour is to be asked for
FRAMES = (0.2, 0.5, 0.8)  # brightness
POINTS = (1.0, 2.0, 4.0)  # what a right answer brings
NOISE, HUE_NOISE, FRAME_NOISE = 0.1, 0.15, 0.08  # sd of each pixel, each part of the colour, the frame
PATCHES = 4096  # of noise, drawn once
EXPOSURE = 1.0  # s that the cards lie there [assumption; the store is full long before]
SHARP = 40.0  # a place asks for its own card, and for no other
WIDTH = 48
SEED = 0
CARDS, BATCH, DRAWS, MOST = 16, 64, 2, 8  # of a lesson: cards, displays, races for each, slots at most
CHUNK = 64  # displays per forward pass, always: so that an answer depends on no other display of the call

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

DESIGN = TaskDesign(
    "Where capacity goes", "cards", (2, 4, 8, 16, 24), "cards on the table", "share of the points to be had",
    chance=0.1, source="Castel, Benjamin, Craik & Watkins 2002, Mem Cognit 30:1078 (the task)",
)  # fmt: skip


# ---------------------------------------------------------------------------------------------------- data


@dataclass(frozen=True)
class Table:
    """B tables of S cards."""

    images: digits.Images
    digit: Ints  # (B, S)
    image: Ints  # (B, S)
    colour: Ints  # (B, S)
    frame: Ints  # (B, S)
    patch: Ints  # (B, S)

    def ink(self) -> Floats:
        """The digits as they are seen: (B, S, 64)."""
        return self.images.ink[self.image] + NOISE * _noise()[self.patch, :64]

    def cues(self) -> Floats:
        """Colour (red, green, blue) and brightness of the frame as they are seen: (B, S, 4)."""
        true = np.concatenate([_array(COLOURS)[self.colour], _array(FRAMES)[self.frame][..., None]], -1)
        sd = np.array([HUE_NOISE] * 3 + [FRAME_NOISE], np.float32)
        return true + sd * _noise()[self.patch, 64:]

    def worth(self) -> npt.NDArray[np.float64]:
        """Points that each card brings on average if its digit is known: P(asked) · points. (B, S)"""
        return np.array(ASKED)[self.colour] * np.array(POINTS)[self.frame]


def _array(values: Any) -> Floats:
    return np.array(values, np.float32)


@cache
def _noise() -> Floats:
    return np.random.default_rng(SEED).normal(size=(PATCHES, 68)).astype(np.float32)


def deal(source: digits.Images, cards: int, keys: Keys) -> Table:
    """The tables of these trials: each card from its own trial key and place."""
    u = uniforms(keys[:, None, None], DISPLAY, PICTURE + np.arange(5 * PLACES).reshape(5, PLACES)[:, :cards])
    digit, colour, frame, patch = (
        np.floor(u[:, i] * n).astype(np.int64)
        for i, n in ((0, 10), (1, len(COLOURS)), (2, len(FRAMES)), (3, PATCHES))
    )
    image = source.first[digit] + np.floor(u[:, 4] * source.count[digit]).astype(np.int64)
    return Table(source, digit, image, colour, frame, patch)


# ------------------------------------------------------------------------------------------------- network


class Network(nn.Module):
    """What a card is worth keeping for, and what it says; each card is seen by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.pertinence = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 1))
        self.shape = nn.Sequential(nn.Linear(digits.PIXELS, 128), nn.GELU(), nn.Linear(128, WIDTH))
        self.answer = nn.Sequential(nn.Linear(WIDTH, 64), nn.GELU(), nn.Linear(64, digits.DIGITS))

    def weigh(self, cues: torch.Tensor) -> torch.Tensor:
        """The pertinence of each card. cues (B, S, 4) -> (B, S)"""
        out: torch.Tensor = self.pertinence(cues)[..., 0]
        return out

    def forward(self, ink: torch.Tensor, gate: GateState | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Evidence for each digit at each place (B, S, 10), and where attention was (B, S, S + 1). ink (B, S, 64)"""
        B, S, _ = ink.shape
        own = torch.eye(S, device=ink.device, dtype=ink.dtype).expand(B, S, S)
        one = own.new_ones(B, S, 1)
        q, k = SHARP * torch.cat([own, -one / 2], -1), torch.cat([own, one], -1)  # q·k = ±SHARP / 2
        k, v = (F.pad(x, (0, 0, 0, 1)) for x in (k, self.shape(ink)))  # the null key, last: logit 0, value 0
        gate = None if gate is None else gate.with_null(S)
        read, weights = gated_attention(
            q[:, None], k[:, None], v[:, None], gate, scale=1.0, need_weights=True
        )
        return self.answer(read[:, 0]), weights[:, 0]


# ------------------------------------------------------------------------------------------------- subject


class Adaptive:
    """The trained network: a specialist before the held-out digits."""

    name = "adaptive"
    design = DESIGN

    def __init__(
        self,
        network: Network,
        device: str = "cpu",
        gap: float = math.nan,
        source: digits.Images | None = None,
    ) -> None:
        self.network = network.to(device).eval()
        self.device, self.gap = device, gap
        self.source = digits.images(held_out=True) if source is None else source

    def stream(self, value: float) -> TaskStream:
        """All cards at once, for a second."""
        return display(targets=DESIGN.count(value, most=PLACES), exposure=EXPOSURE)

    def show(self, value: float, keys: Keys) -> Table:
        """The tables of these trials; each depends on its own key alone."""
        cards = DESIGN.count(value, most=PLACES)
        return deal(self.source, cards, np.atleast_1d(np.asarray(keys, np.uint64)))

    def weigh(self, table: Table) -> npt.NDArray[np.float64]:
        """The network's own pertinence of each card."""
        call = lambda cues, _: self.network.weigh(cues)  # noqa: E731
        return in_chunks(call, (table.cues(),), device=self.device, chunk=CHUNK)

    def read(self, table: Table, gate: GateState | None = None) -> Ints:
        """The digit said at each place (B, S); a guess where nothing is known."""
        return self._call(table, gate, lambda scores, _: scores.argmax(-1)).astype(np.int64)

    def answer(self, table: Table, gate: GateState | None = None) -> dict[str, npt.NDArray[Any]]:
        """The share of the points to be had; the share of digits right, whatever they are worth."""
        said, worth = self.read(table, gate), table.worth()
        right = said == table.digit
        return {
            "score": (worth * right).sum(1) / worth.sum(1),
            "digits": right.mean(1),
            "response": np.array(["".join(row) for row in said.astype(str)]),
        }

    def allocate(self, table: Table, gate: GateState | None = None) -> npt.NDArray[np.float64]:
        """How much of its attention each card got; what is missing to 1 went to the null key."""
        return self._call(table, gate, lambda _, weights: weights[..., :-1].mean(1))

    def elements(self, table: Table, row: int) -> Floats:
        """The cards of one table: (S, 12, 12, 3), a digit in its colour, a frame of its brightness around it."""
        ink = table.images.ink[table.image[row]].reshape(-1, 8, 8, 1)
        card = np.broadcast_to(
            _array(FRAMES)[table.frame[row]][:, None, None, None], (len(ink), 12, 12, 3)
        ).copy()
        card[:, 1:-1, 1:-1] = 0.0
        card[:, 2:-2, 2:-2] = ink * _array(COLOURS)[table.colour[row]][:, None, None]
        return card

    def _call(
        self,
        table: Table,
        gate: GateState | None,
        take: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    ) -> npt.NDArray[np.float64]:
        """What is taken of scores and weights, tables in chunks; the gate must be one of this task."""
        for name in ("keep", "bias"):
            x = None if gate is None else getattr(gate, name)
            if x is not None and x.shape[-1] != table.digit.shape[1]:
                raise InputError(f"gate.{name} must have {table.digit.shape[1]} cards, got {x.shape[-1]}")
        call = lambda ink, gate: take(*self.network(ink, gate))  # noqa: E731
        return in_chunks(call, (table.ink(),), gate, self.device, CHUNK)


def load(device: str) -> Adaptive:
    """The subject with the weights that lie beside this file."""
    network = Network()
    notes = load_weights(network, WORKSHOP.weights, WORKSHOP.make)
    return Adaptive(network, device, noted(notes, "gap", WORKSHOP.weights, WORKSHOP.make))


# ---------------------------------------------------------------------------------------- training, measuring


def lesson(
    network: Network, step: int, gradient: Gradient | None = "score", seed: int = SEED
) -> torch.Tensor:
    """What a table costs: cross-entropy of what is asked, times its points, with K cards kept.

    gradient: how the pertinence learns of it (`cogattn.nn.select`); None: not at all, any K cards are kept.
    """
    keys = trial_keys(seed, step, np.arange(BATCH))
    table = deal(digits.lessons(), CARDS, keys)
    cues, ink, digit = (torch.from_numpy(x) for x in (table.cues(), table.ink(), table.digit))
    race, stake = _chances(table, keys)
    logits = network.weigh(cues) if gradient else torch.zeros(BATCH, CARDS)
    kept = select(logits.repeat(DRAWS, 1), 1 + step % MOST, gradient or "score", race)
    scores, _ = network(ink.repeat(DRAWS, 1, 1), kept.gate())
    wrong = F.cross_entropy(scores.mT, digit.repeat(DRAWS, 1), reduction="none")  # (DRAWS B, CARDS)
    cost = (stake.repeat(DRAWS, 1) * wrong).mean(1)
    if gradient != "score":
        return cost.mean()
    return cost.mean() + score_loss(cost.view(DRAWS, -1), kept.log_prob.view(DRAWS, -1))


def _chances(table: Table, keys: Keys) -> tuple[torch.Tensor, torch.Tensor]:
    """The noise of the races (DRAWS B, CARDS), and what is at stake: the points of each card asked for, else 0."""
    n = PICTURE + 5 * PLACES + np.arange((DRAWS + 1) * CARDS).reshape(DRAWS + 1, 1, CARDS)
    u = uniforms(keys[:, None], DISPLAY, n)  # (DRAWS + 1, B, CARDS)
    race = gumbel(torch.from_numpy(u[:DRAWS].astype(np.float32))).flatten(0, 1)
    stake = np.where(u[DRAWS] < np.array(ASKED)[table.colour], np.array(POINTS)[table.frame], 0.0)
    return race, torch.from_numpy(stake.astype(np.float32))


POLICIES = ("equal", "learned", "best")


def earned(
    network: Network, slots: int, policy: str, cards: int = CARDS, trials: int = 2000, seed: int = SEED
) -> float:
    """Share of the points to be had with so many slots, held-out digits. equal: any cards; best: those worth most."""
    subject, keys = Adaptive(network), trial_keys(seed_of(seed, "earned"), cards, np.arange(trials))
    table = subject.show(cards, keys)
    chance = uniforms(keys[:, None], DISPLAY, PICTURE + 5 * PLACES + np.arange(cards))
    ranks = {"equal": lambda: chance, "learned": lambda: subject.weigh(table), "best": table.worth}
    rank = torch.from_numpy(ranks[choice("policy", policy, POLICIES)]())
    return float(subject.answer(table, TopK(slots)(rank))["score"].mean())


def measure(network: Network, trials: int = 2000) -> dict[str, float]:
    """Digits read, points earned by policy, and how the pertinence of what is worth more differs from the rest."""
    subject = Adaptive(network)
    keys = trial_keys(seed_of(SEED, "right"), 0, np.arange(trials))
    table = subject.show(CARDS, keys)
    found = {"right": float((subject.read(table) == table.digit).mean())}
    for k in (1, 2, 4, 8):
        found |= {f"{policy}_{k}": earned(network, k, policy) for policy in POLICIES}
    shown = deal(digits.images(held_out=False), CARDS, trial_keys(seed_of(SEED, "gap"), 0, np.arange(trials)))
    logits, worth = subject.weigh(shown), shown.worth()
    more = worth > worth.mean(1, keepdims=True)
    found["gap"] = float(logits[more].mean() - logits[~more].mean())
    found["order"] = float(stats.spearmanr(logits.ravel(), worth.ravel()).statistic)
    return found


def report(numbers: dict[str, float]) -> None:
    """The table that the head of this file speaks of."""
    print(f"held-out digits, no gate: {numbers['right']:.4f} right")
    print(f"of {CARDS} cards, share of the points to be had:")
    print("  slots      equal    learned       best")
    for k in (1, 2, 4, 8):
        print(f"  {k:5d} " + " ".join(f"{numbers[f'{policy}_{k}']:10.3f}" for policy in POLICIES))
    print(
        f"pertinence, training digits: gap {numbers['gap']:.2f}, rank correlation with worth {numbers['order']:.3f}"
    )


WORKSHOP = Workshop(
    Path(__file__),
    network=lambda: seeded(Network, SEED),
    lesson=lesson,
    course=Course(steps=2000, rate=3e-3, decay=0.02),
    measure=measure,
    report=report,
)

if __name__ == "__main__":
    raise SystemExit(WORKSHOP.main())
