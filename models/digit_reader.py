"""A network that reads red digits among green ones: whole and partial report on real handwriting.

    python models/digit_reader.py            # train (35 s on one core), measure, write the weights
    python models/digit_reader.py --check    # load the weights and measure them again

Up to eight handwritten digits (scikit-learn's 8x8 images; 1297 to train on, 500 held out) stand at eight places,
the targets in red, the distractors in green. The reader attends once, from every place (query l) to every item
(key s) and to a null key of logit 0 and value 0, which wins where nothing is to be reported:

    logit(l, s) = m (u_l·u_s + f(colour of s))         u: unit vectors, one per place; f: a learned colour filter
    answer(l)   = g(sum_s softmax_s(logit(l, s)) · h(luminance of s))

Values see luminance alone, so colour can act only through the logits, and shape only through what is read: the
two mechanisms of Bundesen's theory (1990, Psychol Rev 97:523), filtering and pigeonholing, in one attention head.

What you should see, without a gate (the whole-report curve appears only when a race shuts keys): of 1, 2, 4, 6, 8
targets .987 .986 .985 .985 .985 are read right, no distractor is reported, and an item whose key is shut is answered
"nothing". Gap of the logits 8.16 (own alpha .0003: by itself the network filters almost perfectly); at the gain of
a person of alpha .44 the network's own noise is sd .030 (targets) and .033 (distractors) in log w, .001 over places.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import nn

from cogattn.errors import InputError
from cogattn.mind.draws import DISPLAY, seed_of, trial_keys, uniforms
from cogattn.nn.functional import gated_attention
from cogattn.subjects import (
    DISTRACTOR,
    EMPTY,
    NOTHING,
    PICTURE,
    TARGET,
    Keys,
    Labels,
    load_weights,
    save,
    train_or_check,
)

if TYPE_CHECKING:
    from cogattn.gate import GateState

PLACES = 8
DIGITS = 10
PIXELS = 64
WIDTH = 64  # of queries and keys (WIDTH - 1 for the place, 1 for the priority) and of values
NOISE = 0.1  # sd of each pixel of each colour; ink goes from 0 to 1
PATCHES = 4096  # of noise, drawn once: a picture is then three numbers, and showing it is a lookup
HELD_OUT = 500  # images that no training step sees
SEED = 0
STEPS = 2500
BATCH = 256  # displays per step
RATE = 2e-3  # Adam's, falling to 0 along a cosine
DECAY = 0.05
SHARPNESS = 10.0  # m before training
CHUNK = 256  # displays per forward pass, always: so that an answer depends on no other display of the call
SET_SIZES = (1, 2, 4, 6, 8)
PEOPLE_ALPHA = 0.44  # the median adult's, at which the spread of the logits is reported
WEIGHTS = Path(__file__).with_suffix(".safetensors")
MAKE = "python models/digit_reader.py"


# ---------------------------------------------------------------------------------------------------- data


@dataclass(frozen=True)
class Images:
    """Digit images, sorted by digit."""

    ink: npt.NDArray[np.float32]  # (N, 64) in [0, 1]
    first: npt.NDArray[np.int64]  # (10,) row of each digit's first image
    count: npt.NDArray[np.int64]  # (10,) how many there are


@dataclass(frozen=True)
class Display:
    """What was drawn, B displays of S places: which image in which colour under which noise."""

    images: Images
    image: npt.NDArray[np.int64]  # (B, S)
    role: npt.NDArray[np.int64]  # (B, S), EMPTY where there is no item
    patch: npt.NDArray[np.int64]  # (B, S)

    def pixels(self) -> npt.NDArray[np.float32]:
        """What reaches the eye: red and green at each pixel."""
        ink = self.images.ink[self.image]  # (B, S, 64)
        colour = np.stack([self.role == TARGET, self.role == DISTRACTOR], -1)  # (B, S, 2)
        return colour[..., None] * ink[:, :, None, :] + _noise()[self.patch]  # (B, S, 2, 64)

    def rows(self, start: int, stop: int) -> Display:
        """Some of the displays, filled up with empty ones to the number asked for."""
        parts = [self.image, self.role, self.patch]
        short = max(stop - len(self.role), 0)
        cut = [np.pad(part[start:stop], ((0, short), (0, 0)), constant_values=EMPTY) for part in parts]
        return Display(self.images, *cut)


@cache
def images(held_out: bool) -> Images:
    """The training or the held-out images: one split, by digit, for ever."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    ink, digit = load_digits(return_X_y=True)
    every = np.arange(len(digit))
    train_rows, test_rows = train_test_split(every, test_size=HELD_OUT, stratify=digit, random_state=SEED)
    rows = np.sort(test_rows if held_out else train_rows)
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


def draw(source: Images, labels: Labels, roles: Labels, keys: Keys) -> Display:
    """The displays of these trials: each item's image and noise come from its own trial key and place."""
    place = np.arange(labels.shape[1], dtype=np.uint64)  # (S,)
    u = uniforms(keys[:, None], DISPLAY, PICTURE + 2 * place)  # (B, S)
    v = uniforms(keys[:, None], DISPLAY, PICTURE + 2 * place + 1)
    digit = np.maximum(labels, 0)
    image = source.first[digit] + (u * source.count[digit]).astype(np.int64)
    return Display(source, image, roles, (v * PATCHES).astype(np.int64))


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


# ------------------------------------------------------------------------------------------------- network


class Reader(nn.Module):
    """One attention head from places to items; everything else looks at one item or one answer at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.randn(PLACES, WIDTH - 1))
        self.sharpness = nn.Parameter(torch.tensor(SHARPNESS))
        self.colour = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
        self.shape = nn.Sequential(nn.Linear(PIXELS, 256), nn.GELU(), nn.Linear(256, WIDTH))
        self.answer = nn.Sequential(nn.Linear(WIDTH, 128), nn.GELU(), nn.Linear(128, DIGITS + 1))

    def priority(self, pixels: torch.Tensor) -> torch.Tensor:
        """f: how much each item's hue, the share of red and green in its light, asks for attention."""
        light = pixels.mean(-1)  # (B, S, 2)
        hue = light / light.sum(-1, keepdim=True).clamp(min=0.05)  # (B, S, 2)
        f: torch.Tensor = self.colour(hue)
        return f - 1  # (B, S, 1); so at birth u·u + f is about 0, and neither the null key nor the item wins

    def queries_keys(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """q = m (u_l, 1) per place and k = (u_s, f_s) per item, so that q·k is the logit."""
        B, S = pixels.shape[:2]
        place = F.normalize(self.place[:S], dim=-1).expand(B, S, WIDTH - 1)
        q = self.sharpness * torch.cat([place, place.new_ones(B, S, 1)], -1)  # (B, S, WIDTH)
        return q, torch.cat([place, self.priority(pixels)], -1)

    def forward(
        self, pixels: torch.Tensor, present: torch.Tensor, gate: GateState | None = None
    ) -> torch.Tensor:
        """Evidence for each digit and for nothing, per place. pixels (B, S, 2, 64), present (B, S) bool."""
        q, k = self.queries_keys(pixels)
        v = self.shape(pixels.sum(2))  # (B, S, WIDTH): luminance alone
        k, v = (F.pad(x, (0, 0, 0, 1)) for x in (k, v))  # the null key, last: logit 0, value 0
        seen = F.pad(present, (0, 1), value=True)[:, None, None, :]  # (B, 1, 1, S + 1)
        read = gated_attention(q[:, None], k[:, None], v[:, None], gate, attn_mask=seen, scale=1.0)
        scores: torch.Tensor = self.answer(read[:, 0])
        return scores  # (B, S, 11)


def open_null(gate: GateState, items: int) -> GateState:
    """The same gate with one more key, the null key, which nobody can shut.

    A share (B, S) is taken as one per query and stays as it is: here query l reads item l.
    """
    wide = {name: x for name in ("keep", "bias", "t_on", "t_off") if (x := getattr(gate, name)) is not None}
    for name, x in wide.items():
        if x.shape[-1] != items:
            raise InputError(f"gate.{name} must have {items} items in its last axis, got {x.shape[-1]}")
    if gate.share is not None and gate.share.ndim == 3 and gate.share.shape[-1] == items > 1:
        wide["share"] = gate.share  # (B, 1, S)
    if gate.index is not None:
        wide["index"] = gate.index  # (B, Kmax): the null key has the number after the last item's
    null = {"keep": True, "bias": 0.0, "t_on": -math.inf, "t_off": math.inf, "share": 1.0, "index": items}
    return replace(gate, **{name: F.pad(x, (0, 1), value=null[name]) for name, x in wide.items()})


# ------------------------------------------------------------------------------------------------- subject


class DigitReader:
    """The trained network in an experiment, before the held-out images."""

    name = "digit_reader"
    places = PLACES
    alphabet = DIGITS

    def __init__(self, network: Reader, device: str, gap: float, source: Images) -> None:
        self.network = network.to(device).eval()
        self.device = device
        self.gap = gap
        self.source = source

    def show(self, labels: Labels, roles: Labels, keys: Keys) -> Display:
        """The pictures of these trials; each depends on its own key, labels and roles alone."""
        labels, roles = np.asarray(labels, np.int64), np.asarray(roles, np.int64)
        keys = np.atleast_1d(np.asarray(keys, np.uint64))
        _check_trials(labels, roles, keys)
        return draw(self.source, labels, roles, keys)

    @torch.inference_mode()
    def weigh(self, display: Display) -> npt.NDArray[np.float64]:
        """Log of the summed exp of an item's logits over all queries: how much attention it asks for in all."""
        parts = [np.empty((0, display.role.shape[1]))]
        for _, pixels, _present in self._chunks(display):
            q, k = self.network.queries_keys(pixels)
            parts.append((q @ k.mT).logsumexp(1).double().cpu().numpy())  # (CHUNK, S)
        logits = np.concatenate(parts)[: len(display.role)]
        return np.where(display.role == EMPTY, -np.inf, logits)

    @torch.inference_mode()
    def read(self, display: Display, gate: GateState | None = None) -> npt.NDArray[np.int64]:
        """The digit at each place, or NOTHING, when attention passes only what the gate leaves open."""
        B, S = display.role.shape
        if gate is not None:
            _check_gate(gate, B)
            gate = open_null(gate, S).expand(B).to(self.device)
        parts = [np.empty((0, S), np.int64)]
        for start, pixels, present in self._chunks(display):
            rows = torch.arange(start, start + CHUNK).clamp(max=B - 1)  # filled up with the last
            scores = self.network(pixels, present, None if gate is None else gate[rows])
            parts.append(scores.argmax(-1).cpu().numpy())  # (CHUNK, S)
        answer = np.concatenate(parts)[:B]
        return np.where(answer == DIGITS, NOTHING, answer)

    def _chunks(self, display: Display) -> Iterator[tuple[int, torch.Tensor, torch.Tensor]]:
        for start in range(0, len(display.role), CHUNK):
            part = display.rows(start, start + CHUNK)
            pixels, present = torch.from_numpy(part.pixels()), torch.from_numpy(part.role != EMPTY)
            yield start, pixels.to(self.device), present.to(self.device)


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


def _check_gate(gate: GateState, displays: int) -> None:
    """One row of the gate per display, or one for all."""
    for field in fields(gate):
        x = getattr(gate, field.name)
        if x is not None and len(x) not in {1, displays}:
            raise InputError(f"gate.{field.name} must have {displays} rows, one per display, got {len(x)}")


def load(device: str) -> DigitReader:
    """The subject with the weights that lie beside this file."""
    network = Reader()
    notes = load_weights(network, WEIGHTS, MAKE)
    try:
        gap = float(notes["gap"])
    except (KeyError, ValueError) as error:
        raise InputError(f"{WEIGHTS} does not say its gap; make it anew with: {MAKE}") from error
    return DigitReader(network, device, gap, images(held_out=True))


# ---------------------------------------------------------------------------------------- training, measuring


def train(steps: int = STEPS, seed: int = SEED, progress: bool = False) -> tuple[Reader, list[float]]:
    """Cross-entropy at each place: the digit where a target stands, nothing elsewhere. Returns the losses too."""
    from tqdm import trange

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Reader()
    adam = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    losses = []
    for step in (bar := trange(steps, desc="training", disable=None if progress else True)):
        display, labels = _lesson(seed, step)
        present = torch.from_numpy(display.role != EMPTY)
        scores = network(torch.from_numpy(display.pixels()), present)  # (BATCH, 8, 11)
        loss = F.cross_entropy(scores.flatten(0, 1), labels.flatten())
        adam.zero_grad()
        torch.autograd.backward(loss)
        adam.step()
        fall.step()
        losses.append(loss.item())
        if step % 100 == 0:
            bar.set_postfix(loss=f"{losses[-1]:.3f}")
    return network, losses


def _lesson(seed: int, step: int) -> tuple[Display, torch.Tensor]:
    """One batch of training displays and what should be answered at each place."""
    keys = trial_keys(seed, step, np.arange(BATCH))
    labels, roles = random_trials(keys)
    answers = np.where(roles == TARGET, labels, DIGITS)
    return draw(lessons(), labels, roles, keys), torch.from_numpy(answers)


def measure_gap(network: Reader) -> dict[str, float]:
    """The logits of targets and distractors in mixed displays of training images, and their spread."""
    eye = DigitReader(network, "cpu", math.nan, images(held_out=False))
    keys = trial_keys(seed_of(SEED, "gap"), 0, np.arange(4000))
    labels, roles = random_trials(keys, targets=0.5)
    logits = eye.weigh(eye.show(labels, roles, keys))
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


def measure_accuracy(network: Reader, displays: int = 2000) -> dict[str, float]:
    """Held-out images: targets read right in displays of n targets, and distractors reported as if targets."""
    eye = DigitReader(network, "cpu", math.nan, images(held_out=True))
    keys = trial_keys(seed_of(SEED, "accuracy"), 0, np.arange(displays))
    found = {}
    for n in SET_SIZES:
        labels, roles = random_trials(keys, items=n, targets=1.0)
        answers = eye.read(eye.show(labels, roles, keys))
        found[f"right_{n}"] = float((answers == labels)[roles == TARGET].mean())
    labels, roles = random_trials(keys, items=PLACES, targets=0.5)
    answers = eye.read(eye.show(labels, roles, keys))
    found["false_reports"] = float((answers != NOTHING)[roles == DISTRACTOR].mean())
    return found


def report(numbers: dict[str, float]) -> None:
    """The table that the head of this file quotes."""
    print("held-out digits, no gate:")
    for n in SET_SIZES:
        print(f"  {n} targets         {numbers[f'right_{n}']:.3f} right")
    print(f"  distractors       {numbers['false_reports']:.4f} reported as if targets")
    print(f"logits, training digits: gap {numbers['gap']:.3f}, own alpha {numbers['alpha']:.2g}")
    print(f"at gain ln(1/{PEOPLE_ALPHA})/gap, sd of")
    print(f"  targets           {numbers['sd_targets']:.4f}")
    print(f"  distractors       {numbers['sd_distractors']:.4f}")
    print(f"  places            {numbers['sd_places']:.4f}")


def main() -> int:
    """Train and write, or check what was written."""
    return train_or_check("Train the digit reader, or check its weights.", make, check)


def make() -> int:
    """Train, measure, write."""
    network, _ = train(progress=True)
    numbers = measure_accuracy(network) | measure_gap(network)
    report(numbers)
    origin = {"command": MAKE, "seed": str(SEED), "torch": torch.__version__}
    save(network, origin | {key: f"{x:.6g}" for key, x in numbers.items()}, WEIGHTS)
    print(f"wrote {WEIGHTS}")
    return 0


def check() -> int:
    """Measure the weights again and hold them against the notes in their file."""
    network = Reader()
    notes = load_weights(network, WEIGHTS, MAKE)
    numbers = measure_accuracy(network) | measure_gap(network)
    report(numbers)
    off = [
        key
        for key, x in numbers.items()
        if not math.isclose(x, float(notes[key]), rel_tol=1e-3, abs_tol=1e-3)
    ]
    print(f"differs from its notes: {', '.join(off)}" if off else "as its notes say")
    return 1 if off else 0


if __name__ == "__main__":
    # One thread: the order of every sum, and with it each weight, is then the same on any number of cores.
    torch.set_num_threads(1)
    raise SystemExit(main())
