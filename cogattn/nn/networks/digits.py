"""Displays of real handwritten digits, and how a network of any kind is shown them.

Up to eight digits (scikit-learn's 8x8 images; 1297 to train on, 500 held out) stand at eight places, the targets in
red, the distractors in green, each pixel of each colour under its own noise. `DigitReader` makes a reader of any
network that says two things: what asks for attention (`weigh`), and what it reads through a gate (`forward`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import nn

from cogattn._renamed import old_names
from cogattn.errors import InputError
from cogattn.mind.draws import DISPLAY, seed_of, trial_keys, uniforms
from cogattn.nn.networks.registry import (
    DISTRACTOR,
    EMPTY,
    NOTHING,
    PICTURE,
    TARGET,
    Keys,
    Labels,
    load_weights,
    noted,
    row_chunks,
)
from cogattn.nn.valve import let_through

if TYPE_CHECKING:
    from cogattn.nn.gate import GateState

PLACES = 8
DIGITS = 10
PIXELS = 64
NOISE = 0.1  # sd of each pixel of each colour; ink goes from 0 to 1
PATCHES = 4096  # of noise, drawn once: a picture is then three numbers, and showing it is a lookup
SEED = 0
SET_SIZES = (1, 2, 4, 6, 8)
OPEN = 2.0  # logit of a valve at birth
PEOPLE_ALPHA = 0.44  # the median adult's, at which the spread of the logits is reported


# ---------------------------------------------------------------------------------------------------- data


@dataclass(frozen=True)
class Images:
    """Digit images, sorted by digit."""

    ink: npt.NDArray[np.float32]  # (N, 64) in [0, 1]
    first: npt.NDArray[np.int64]  # (10,) row of each digit's first image
    count: npt.NDArray[np.int64]  # (10,) how many there are


@dataclass(frozen=True)
class DigitDisplay:
    """What was drawn, B displays of S places: which image in which colour under which noise."""

    images: Images
    image: npt.NDArray[np.int64]  # (B, S)
    role: npt.NDArray[np.int64]  # (B, S), EMPTY where there is no item
    patch: npt.NDArray[np.int64]  # (B, S)

    def pixels(self) -> npt.NDArray[np.float32]:
        """What reaches the reader: red and green at each pixel."""
        ink = self.images.ink[self.image]  # (B, S, 64)
        colour = np.stack([self.role == TARGET, self.role == DISTRACTOR], -1)  # (B, S, 2)
        return colour[..., None] * ink[:, :, None, :] + _noise()[self.patch]  # (B, S, 2, 64)

    def rows(self, which: npt.NDArray[np.int64]) -> DigitDisplay:
        """Some of the displays."""
        return DigitDisplay(self.images, self.image[which], self.role[which], self.patch[which])


def _digits() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """scikit-learn's `load_digits`, read from its file: to import the library takes longer than to train a network."""
    library = find_spec("sklearn")
    assert library is not None
    assert library.origin is not None
    table = np.loadtxt(Path(library.origin).parent / "datasets" / "data" / "digits.csv.gz", delimiter=",")
    return table[:, :-1], table[:, -1].astype(np.int64)


@cache
def images(held_out: bool) -> Images:
    """The training or the held-out images: one split, by digit, for ever (`train_test_split`, kept in a file)."""
    ink, digit = _digits()
    test = np.array(
        Path(__file__).with_name("digits_held_out.txt").read_text(encoding="utf-8").split(), np.int64
    )
    rows = test if held_out else np.setdiff1d(np.arange(len(digit)), test)
    rows = rows[np.argsort(digit[rows], kind="stable")]
    count = np.bincount(digit[rows], minlength=DIGITS)
    return Images((ink[rows] / 16).astype(np.float32), np.cumsum(count) - count, count)


@cache
def lessons() -> Images:
    """The training images, each also one pixel up, down, left and right, so that shape is learnt and not pixels."""
    plain = images(held_out=False)
    wide = np.pad(plain.ink.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))  # (N, 10, 10)
    corners = ((1, 1), (1, 1), (0, 1), (2, 1), (1, 0), (1, 2))
    views = np.stack([wide[:, y : y + 8, x : x + 8] for y, x in corners], 1)  # (N, 6, 8, 8)
    return Images(views.reshape(-1, PIXELS), plain.first * len(corners), plain.count * len(corners))


@cache
def _noise() -> npt.NDArray[np.float32]:
    patches = np.random.default_rng(SEED).normal(0, NOISE, (PATCHES, 2, PIXELS))
    return patches.astype(np.float32)


def draw(source: Images, labels: Labels, roles: Labels, keys: Keys) -> DigitDisplay:
    """The displays of these trials: each item's image and noise come from its own trial key and place."""
    place = np.arange(labels.shape[1], dtype=np.uint64)  # (S,)
    u = uniforms(keys[:, None], DISPLAY, PICTURE + 2 * place)  # (B, S)
    v = uniforms(keys[:, None], DISPLAY, PICTURE + 2 * place + 1)
    digit = np.maximum(labels, 0)
    image = source.first[digit] + (u * source.count[digit]).astype(np.int64)
    return DigitDisplay(source, image, roles, (v * PATCHES).astype(np.int64))


def random_trials(
    keys: Keys, items: int | None = None, targets: float | None = None
) -> tuple[Labels, Labels]:
    """Labels and roles (B, 8): `items` digits (or 1-8) at random places, each a target with chance `targets`.

    By default a third of the displays hold targets only, the others any mixture.
    """
    u = uniforms(keys[:, None], DISPLAY, np.arange(3 * PLACES + 2, dtype=np.uint64))
    order, digit, role, whole = np.split(u, [PLACES, 2 * PLACES, 3 * PLACES], axis=1)  # (B, 8) x 3, (B, 2)
    n = 1 + (whole[:, :1] * PLACES).astype(np.int64) if items is None else items
    share = 1.5 * whole[:, 1:] if targets is None else targets  # above 1: all targets
    shown = order.argsort(1).argsort(1) < n  # (B, 8)
    roles = np.where(shown, np.where(role < share, TARGET, DISTRACTOR), EMPTY)
    return np.where(shown, (digit * DIGITS).astype(np.int64), EMPTY), roles


def lesson(step: int, batch: int = 256, seed: int = SEED) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """One batch of training displays: pixels, which places hold an item, and what should be answered at each."""
    keys = trial_keys(seed, step, np.arange(batch))
    labels, roles = random_trials(keys)
    display = draw(lessons(), labels, roles, keys)
    answers = np.where(roles == TARGET, labels, DIGITS)
    return torch.from_numpy(display.pixels()), torch.from_numpy(roles != EMPTY), torch.from_numpy(answers)


def loss(network: Network, step: int, batch: int = 256) -> torch.Tensor:
    """Cross-entropy at each place: the digit where a target stands, nothing elsewhere."""
    pixels, present, answers = lesson(step, batch)
    return F.cross_entropy(network(pixels, present).flatten(0, 1), answers.flatten())


# --------------------------------------------------------------------------------------------------- a reader


class Network(nn.Module):
    """What is asked of a network. pixels (B, S, 2, 64), present (B, S) bool."""

    def weigh(self, pixels: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        """Its own attention logit per item (B, S): what asks for attention, and how much."""
        raise NotImplementedError

    def forward(
        self, pixels: torch.Tensor, present: torch.Tensor, gate: GateState | None = None
    ) -> torch.Tensor:
        """Evidence for each digit and for nothing, per place (B, S, 11)."""
        raise NotImplementedError

    def __call__(
        self, pixels: torch.Tensor, present: torch.Tensor, gate: GateState | None = None
    ) -> torch.Tensor:
        """`forward`, with torch's hooks."""
        out: torch.Tensor = super().__call__(pixels, present, gate)
        return out


class Valved(Network):
    """A network without attention layers: each item is seen by itself and passes a valve; what passed is read together.

        y_s = sigmoid(logit_s) · x_s                x_s: made of the luminance of item s alone; logit_s: of both colours
        answers = g(y_1 .. y_8)

    So a gate has a place between items and readout (`nn.let_through`): of an item that it shuts nothing goes further.
    What is read does not see colour, so colour can act through the valve alone, and shape only through what is read.
    """

    def __init__(self, colour: nn.Sequential, shape: nn.Sequential) -> None:
        """Layers that take items: colour (n, 2, 64) -> logits, of which the mean counts; shape (n, 1, 64) -> x."""
        super().__init__()
        self.colour, self.shape = colour, shape
        # The valves are open at birth (.88 passes), and learn what to shut out. Born shut (logit -2), a network may
        # learn to pass the distractors instead, as a sign that there is nothing to report: models/feedforward.py did
        # with 4 of 4 seeds (the convolutional and the recurrent one with none); born open, none did with any.
        assert isinstance(colour[-1].bias, torch.Tensor)
        nn.init.constant_(colour[-1].bias, OPEN)

    def weigh(self, pixels: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        """The logit of each item's valve (B, S)."""
        logits: torch.Tensor = self.colour(pixels.flatten(0, 1))
        return logits.flatten(1).mean(1).reshape(present.shape)

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """x (B, S, features): what is made of each item's luminance."""
        x: torch.Tensor = self.shape(pixels.sum(2, keepdim=True).flatten(0, 1))
        return x.reshape(*pixels.shape[:2], -1)

    def answer(self, passed: torch.Tensor) -> torch.Tensor:
        """g: what passed (B, 8, features) -> evidence for each digit and for nothing, per place (B, 8, 11)."""
        raise NotImplementedError

    def forward(
        self, pixels: torch.Tensor, present: torch.Tensor, gate: GateState | None = None
    ) -> torch.Tensor:
        """Evidence for each digit and for nothing, per place (B, S, 11)."""
        passed = let_through(self.encode(pixels), self.weigh(pixels, present), gate, present=present)
        lacking = PLACES - present.shape[1]  # places that a smaller display lacks are empty ones
        return self.answer(F.pad(passed, (0, 0, 0, lacking)))[:, : present.shape[1]]


def dense(*widths: int, f: type[nn.Module] = nn.GELU) -> nn.Sequential:
    """Layers y = f(Wx + b) on all axes but the first together, the last one without f."""
    layers = [layer for n, m in pairwise(widths) for layer in (nn.Linear(n, m), f())]
    return nn.Sequential(nn.Flatten(), *layers[:-1])


class DigitReader:
    """A trained network in an experiment, before the held-out images: a `registry.Reader`."""

    places = PLACES
    alphabet = DIGITS

    def __init__(
        self,
        name: str,
        network: Network,
        device: str = "cpu",
        gap: float = math.nan,
        source: Images | None = None,
    ) -> None:
        self.name = name
        self.network = network.to(device).eval()
        self.device = device
        self.gap = gap
        self.source = images(held_out=True) if source is None else source

    def show(self, labels: Labels, roles: Labels, keys: Keys) -> DigitDisplay:
        """The pictures of these trials; each depends on its own key, labels and roles alone."""
        labels, roles = np.asarray(labels, np.int64), np.asarray(roles, np.int64)
        keys = np.atleast_1d(np.asarray(keys, np.uint64))
        _check_trials(labels, roles, keys)
        return draw(self.source, labels, roles, keys)

    @torch.inference_mode()
    def weigh(self, display: DigitDisplay) -> npt.NDArray[np.float64]:
        """The network's own attention logit per item."""
        parts = [np.empty((0, display.role.shape[1]))]
        for pixels, present, _ in self._chunks(display):
            parts.append(self.network.weigh(pixels, present).double().cpu().numpy())  # (256, S)
        logits = np.concatenate(parts)[: len(display.role)]
        return np.where(display.role == EMPTY, -np.inf, logits)

    @torch.inference_mode()
    def read(self, display: DigitDisplay, gate: GateState | None = None) -> npt.NDArray[np.int64]:
        """The digit at each place, or NOTHING, when attention passes only what the gate leaves open."""
        parts = [np.empty((0, display.role.shape[1]), np.int64)]
        for pixels, present, part in self._chunks(display, gate):
            parts.append(self.network(pixels, present, part).argmax(-1).cpu().numpy())  # (256, S)
        answer = np.concatenate(parts)[: len(display.role)]
        return np.where(answer == DIGITS, NOTHING, answer)

    def elements(self, display: DigitDisplay, row: int) -> npt.NDArray[np.float32]:
        """The little pictures at the places of one display, (S, 8, 8, 3): red and green."""
        light = display.rows(np.array([row])).pixels()[0].clip(0, 1).reshape(-1, 2, 8, 8)  # (S, 2, 8, 8)
        return np.stack([light[:, 0], light[:, 1], np.zeros_like(light[:, 0])], -1)

    def _chunks(
        self, display: DigitDisplay, gate: GateState | None = None
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor, GateState | None]]:
        """(pixels, present, gate) of each forward pass."""
        for rows, part in row_chunks(len(display.role), gate, self.device):
            own = display.rows(rows)
            pixels, present = torch.from_numpy(own.pixels()), torch.from_numpy(own.role != EMPTY)
            yield pixels.to(self.device), present.to(self.device), part


def _check_trials(labels: Labels, roles: Labels, keys: Keys) -> None:
    """Errors at the door: one label and one role per place, one key per display."""
    if labels.ndim != 2 or not 1 <= labels.shape[1] <= PLACES or roles.shape != labels.shape:
        raise InputError(
            f"labels and roles must both be (displays, 1 to {PLACES} places), got {labels.shape} and {roles.shape}"
        )
    if keys.shape != labels.shape[:1]:
        raise InputError(f"keys must be ({len(labels)},), one per display, got {keys.shape}")
    if ((labels < EMPTY) | (labels >= DIGITS)).any():
        raise InputError(
            f"labels must be 0 to {DIGITS - 1}, or -1 = empty, got {labels.min()} to {labels.max()}"
        )
    if not np.isin(roles, (TARGET, DISTRACTOR, EMPTY)).all() or ((roles == EMPTY) != (labels == EMPTY)).any():
        raise InputError("roles must be 1 = target, 0 = distractor, and -1 exactly where the label is -1")


def measure_gap(network: Network) -> dict[str, float]:
    """The logits of targets and distractors in mixed displays of training images, and their spread."""
    reader = DigitReader("", network, source=images(held_out=False))
    keys = trial_keys(seed_of(SEED, "gap"), 0, np.arange(4000))
    labels, roles = random_trials(keys, targets=0.5)
    logits = reader.weigh(reader.show(labels, roles, keys))
    target, distractor = logits[roles == TARGET], logits[roles == DISTRACTOR]
    gap = float(target.mean() - distractor.mean())
    gain = math.log(1 / PEOPLE_ALPHA) / gap
    by_place = [logits[:, s][roles[:, s] == TARGET].mean() for s in range(PLACES)]
    return {
        "gap": gap,
        "alpha": math.exp(-gap),
        "sd_targets": gain * float(target.std()),
        "sd_distractors": gain * float(distractor.std()),
        "sd_places": gain * float(np.std(by_place)),
    }


def measure_accuracy(network: Network, displays: int = 2000) -> dict[str, float]:
    """Held-out images: targets read right in displays of n targets, and distractors reported as if targets."""
    reader = DigitReader("", network)
    keys = trial_keys(seed_of(SEED, "accuracy"), 0, np.arange(displays))
    found = {}
    for n in SET_SIZES:
        labels, roles = random_trials(keys, items=n, targets=1.0)
        answers = reader.read(reader.show(labels, roles, keys))
        found[f"right_{n}"] = float((answers == labels)[roles == TARGET].mean())
    labels, roles = random_trials(keys, items=PLACES, targets=0.5)
    answers = reader.read(reader.show(labels, roles, keys))
    found["false_reports"] = float((answers != NOTHING)[roles == DISTRACTOR].mean())
    return found


def measure(network: Network) -> dict[str, float]:
    """All that the notes of a reader's weights say."""
    return measure_accuracy(network) | measure_gap(network)


def load(network: Network, file: Path, device: str) -> DigitReader:
    """The reader of models/NAME.py, with the weights that lie beside it."""
    make = f"python models/{file.name}"
    path = file.with_suffix(".safetensors")
    notes = load_weights(network, path, make)
    return DigitReader(file.stem, network, device, noted(notes, "gap", path, make))


def report(numbers: dict[str, float]) -> None:
    """The table that the head of a reader's file quotes."""
    print("held-out digits, no gate:")
    for n in SET_SIZES:
        print(f"  {n} targets         {numbers[f'right_{n}']:.3f} right")
    print(f"  distractors       {numbers['false_reports']:.4f} reported as if targets")
    print(f"logits, training digits: gap {numbers['gap']:.3f}, own alpha {numbers['alpha']:.2g}")
    print(f"at gain ln(1/{PEOPLE_ALPHA})/gap, sd of")
    print(f"  targets           {numbers['sd_targets']:.4f}")
    print(f"  distractors       {numbers['sd_distractors']:.4f}")
    print(f"  places            {numbers['sd_places']:.4f}")


old_names(__name__, Display="DigitDisplay", Eye="DigitReader")
