"""The seer: one network that looks at rendered displays under an instruction, and gives the mind its evidence.

    python models/seer.py train            # train, measure on fonts never trained on, write the weights
    python models/seer.py --check          # load the weights and measure them again
    python models/seer.py --resume         # go on with a training that was stopped

On displays in fonts that it was never taught (contrast .5 to 1, noise), 7200 steps of 57 displays (about 30 minutes of
one core's own time), the weights of the step that did best on other displays in taught fonts (5100): letters and
digits .936 of 36 right, colours 1.0, what is meant .977; decisions: red vertical, 2 among 5s and arrows 1.0, flanked
letters .950, words read and inks of other things named 1.0, Navon's letters .930, go/no-go .988. Of colour words in
another ink, which are never taught, the ink is named right in .821. A third of the steps got .904 of the letters right
on these displays, and .958 of the inks.

Targets of the reference display stand 59.0 logits above distractors; 12-item displays: feature 48.7, conjunction 28.6,
2 among 5s 18.1. Margin of the middle arrow, congruent less incongruent: 2.17, -.02, .25, .08, .10 at 14, 18, 24, 32, 44
px. Margin of an ink: 18.4 where the word says the same, 17.9 in XXXX, 12.4 where it says another; of a word 13.9, 18.1
(in white), 14.2: words disturb inks, and inks words hardly, since reading is what it was taught.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from cogattn.errors import whole
from cogattn.mind.draws import LAYOUT, trial_keys, uniforms
from cogattn.nn.functional import gated_attention
from cogattn.nn.networks import scene_lessons as lessons
from cogattn.nn.networks.registry import Keys, Labels, load_weights, noted, row_chunks
from cogattn.nn.networks.scenes import (
    ASKED,
    COLOUR,
    COLOURS,
    FORM,
    INK,
    INSTRUCTIONS,
    NOTHING,
    PLACES,
    SHAPE,
    VIEWS,
    Scene,
    draw,
    place_of,
)
from cogattn.nn.networks.threads import beside
from cogattn.nn.networks.training import Course, Workshop, seeded

if TYPE_CHECKING:
    from cogattn.nn.gate import GateState

Floats = npt.NDArray[Any]

SEED = 18
ROWS = 512  # elements of a forward pass
EYE = 64  # of them that the eye takes at a time: what they are made into stays near the processor
SPAN = 8  # forward passes whose displays are drawn and seen together
WIDTH = 160  # of what is seen of an element
PART = 24  # of what attention is asked for by: so much each for colour, coarse form, place, view
HEADS = 4
STEPS = 7200
BATCHES = 40  # of the measuring
LOOKS = 6  # batches of a look while it is trained: two leave the best step to chance


class Network(nn.Module):
    """Each element is looked at by itself; what is meant weighs; one attention reads, another verifies.

        weight logit   s_x = sum over colour, coarse form, place, view of  pi(instruction) . f(x)
        identity           = h(x): forms and nothing; colours
        decision           = g(instruction, sum_x softmax(s)_x v_x, a second attention over what is seen sharply)

    Weights are sums over features (w_x = sum_j eta(x, j) pi_j, Bundesen 1990, eq. 2), seen coarsely (8 x 8 px), as
    weights come before identities.
    """

    def __init__(self) -> None:
        super().__init__()
        self.eye = nn.Sequential(
            nn.Conv2d(3, 24, 5, 2, 2, bias=False), nn.BatchNorm2d(24), nn.ReLU(),
            nn.Conv2d(24, 48, 3, 2, 1, bias=False), nn.BatchNorm2d(48), nn.ReLU(),
            nn.Conv2d(48, 96, 3, 2, 1, bias=False), nn.BatchNorm2d(96), nn.ReLU(),
            nn.Flatten(), nn.Linear(96 * 16, WIDTH), nn.LayerNorm(WIDTH), nn.ReLU(),
        )  # fmt: skip
        self.form = nn.Linear(WIDTH, NOTHING + 1)
        self.ink = nn.Linear(WIDTH, len(COLOURS))
        self.hue = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, PART))
        self.coarse = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, PART))
        self.place = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, PART))
        self.view = nn.Embedding(VIEWS, PART)
        self.pertinence = nn.Embedding(len(INSTRUCTIONS), 4 * PART + 3)
        self.asked = nn.Embedding(len(INSTRUCTIONS), WIDTH)
        self.value = nn.Linear(WIDTH + PART, WIDTH)
        self.look = nn.Linear(2 * WIDTH, WIDTH)
        self.key, self.sharp = nn.Linear(WIDTH + 1, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.answer = nn.Sequential(
            nn.Linear(3 * WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, len(lessons.ANSWERS))
        )
        nn.init.normal_(self.pertinence.weight, std=0.1)

    def priority(self, pictures: torch.Tensor, where: torch.Tensor, view: torch.Tensor) -> torch.Tensor:
        """f: what weighs of each element, (N, 4 PART + 1): colour apart from form, and the form coarse."""
        ground = torch.cat([pictures[:, :, :2].flatten(2), pictures[:, :, -2:].flatten(2)], 2).mean(2)
        light = pictures.contiguous().mean(1)
        middle = pictures[:, :, 8:24, 8:24]
        away = middle - ground[:, :, None, None]
        strong = away.abs().amax(1, keepdim=True)
        chroma = (away * strong).sum((2, 3)) / (strong.sum((2, 3)) + 1e-3)
        hue = self.hue(torch.cat([chroma, chroma - chroma.mean(1, keepdim=True)], 1) * 3)
        low = F.avg_pool2d(light[:, None], 4).flatten(1)
        low = low - ground.mean(1, keepdim=True)
        low = low / (low.square().mean(1, keepdim=True).sqrt() + 0.05)
        form = self.coarse(low)
        r = where / 20.0
        far = r.square().sum(1, keepdim=True)
        place = self.place(
            torch.cat([r / 3, far.neg().exp(), (-far / 4).exp(), (-far * 4).exp(), far.sqrt() / 3], 1)
        )
        hue = hue * (view != FORM)[:, None]
        form = form * (view != INK)[:, None]
        return torch.cat([hue, form, place, self.view(view), torch.ones_like(far)], 1)

    def look_at(
        self, pictures: torch.Tensor, where: torch.Tensor, view: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        """Of N elements: what weighs, what is seen, forms, colours."""
        seen = self.eye(pictures * 2 - 1)
        return self.priority(pictures, where, view), seen, self.form(seen), self.ink(seen)

    def decide(
        self,
        prior: torch.Tensor,
        seen: torch.Tensor,
        view: torch.Tensor,
        here: torch.Tensor,
        instruction: torch.Tensor,
        gate: GateState | None = None,
        impl: Any = "auto",
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Weight logits (B, E) and the decision (B, answers), when attention passes what the gate leaves."""
        q = self.pertinence(instruction)  # (B, P)
        k = F.pad(prior, (0, 0, 0, 1))  # the null key: logit 0
        v = F.pad(self.value(torch.cat([seen, self.view(view)], -1)), (0, 0, 0, 1))
        open_ = F.pad(here, (0, 1), value=True)[:, None, None, :]
        gate = None if gate is None else gate.with_null(here.shape[1])
        first = gated_attention(
            q[:, None, None], k[:, None], v[:, None], gate, attn_mask=open_, scale=1.0, impl=impl
        )[:, 0, 0]
        logits = (prior * q[:, None]).sum(-1)
        asked = self.asked(instruction)
        heads = (len(q), -1, HEADS, WIDTH // HEADS)
        look = self.look(torch.cat([asked, first], -1)).view(heads).transpose(1, 2)
        fit = torch.tanh(logits / 8)[..., None]
        key = F.pad(self.key(torch.cat([seen, fit], -1)), (0, 0, 0, 1)).view(heads).transpose(1, 2)
        sharp = F.pad(self.sharp(seen), (0, 0, 0, 1)).view(heads).transpose(1, 2)
        second = (
            gated_attention(look, key, sharp, gate, attn_mask=open_, impl=impl).transpose(1, 2).flatten(1)
        )
        return logits, self.answer(torch.cat([asked, first, second], -1))

    def forward(
        self,
        pictures: torch.Tensor,
        where: torch.Tensor,
        view: torch.Tensor,
        here: torch.Tensor,
        frame: torch.Tensor,
        instruction: torch.Tensor,
        gate: GateState | None = None,
        impl: Any = "auto",
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """pictures (B, E, H, W, 3) bytes, where (B, E, 2), view, here, frame (B, E), instruction (B,).

        Returns weight logits (B, E), forms (B, E, NOTHING + 1), colours (B, E, 7), the decision (B, answers).
        """
        parts = self.look_at(lit(pictures[here]), where[here], view[here])
        return self.judge(parts, view, here, frame, instruction, gate, impl)

    def judge(
        self,
        parts: Sequence[torch.Tensor],
        view: torch.Tensor,
        here: torch.Tensor,
        frame: torch.Tensor,
        instruction: torch.Tensor,
        gate: GateState | None = None,
        impl: Any = "auto",
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """`forward`, of what `look_at` made of the elements that are here."""
        B, E = here.shape
        prior, seen, form, ink = (
            x.new_zeros(B, E, x.shape[-1]).masked_scatter(here[..., None], x) for x in parts
        )
        prior = torch.cat([prior, contrast(prior, here, frame)], -1)
        logits, answer = self.decide(prior, seen, view, here, instruction, gate, impl)
        return logits, form, ink, answer


def lit(pictures: torch.Tensor) -> torch.Tensor:
    """Bytes (N, H, W, 3) as light (N, 3, H, W), 0 to 1."""
    return pictures.permute(0, 3, 1, 2).float() / 255.0


def contrast(prior: torch.Tensor, here: torch.Tensor, frame: torch.Tensor) -> torch.Tensor:
    """How much each element differs in colour, and in coarse form, from the mean of its display (B, E, 2)."""
    same = (frame[:, :, None] == frame[:, None]) & here[:, None]  # (B, E, E)
    share = same / same.sum(-1, keepdim=True).clamp(min=1)
    parts = prior[..., :PART], prior[..., PART : 2 * PART]
    return torch.stack([(x - share @ x).square().mean(-1).add(1e-6).sqrt() for x in parts], -1)


def batch(seed: int, fonts: str, kinds: Any = lessons.KINDS) -> Any:
    """A step's displays, as tensors, and what is right of them."""
    chance = np.random.Generator(np.random.PCG64(seed))
    lesson = lessons.joined([make(chance, n) for make, n in kinds])
    keys = chance.integers(0, 2**63, len(lesson.answer), dtype=np.uint64)
    contrast = (0.15, 1.0) if fonts == "taught" else (0.5, 1.0)
    pictures, where = draw(lesson.scene, keys, fonts, contrast)
    s = lesson.scene
    shown = (pictures, where, s.view, s.here, s.frame, s.instruction)
    return tuple(torch.from_numpy(np.ascontiguousarray(a)) for a in shown), lesson


def loss(network: Any, step: int, fonts: str = "taught") -> torch.Tensor:
    """What is meant, what is what, and what is to be answered."""
    shown, lesson = batch(SEED * 10**9 + step, fonts)
    logits, form, ink, answer = network(*shown)
    s = lesson.scene
    here, view = shown[3], shown[2]
    meant = torch.from_numpy(lesson.meant)
    asks = meant >= 0
    selected = F.binary_cross_entropy_with_logits(logits[asks], meant[asks].float())
    shape, colour = torch.from_numpy(s.shape), torch.from_numpy(s.colour)
    named = here & (view != INK)
    inked = here & (view != FORM) & (shape != NOTHING)
    forms = F.cross_entropy(form[named], shape[named])
    inks = F.cross_entropy(ink[inked], colour[inked])
    said = F.cross_entropy(answer, torch.from_numpy(lesson.answer), ignore_index=lessons.SKIP)
    return forms + 0.5 * inks + selected + said


def looked_at(network: Any) -> float:
    """The loss on displays never trained on, in taught fonts: the others are for the test alone."""
    return float(np.mean([float(loss(network, 10**8 + i)) for i in range(LOOKS)]))


@torch.no_grad()
def measure(network: Any) -> dict[str, float]:
    """What it can do on fonts never trained on: forms, colours, selection, and decisions by kind."""
    network.eval()
    hits: dict[str, list[float]] = {}
    kinds = lessons.KINDS + lessons.UNTAUGHT
    for i in range(BATCHES):
        shown, lesson = batch(SEED * 10**9 + 2 * 10**8 + i, "held out", kinds)
        logits, form, ink, answer = (x.numpy() for x in network(*shown))
        s, here, meant = lesson.scene, lesson.scene.here, lesson.meant
        letters = here & (s.shape < 36) & (s.view == 0)
        hits.setdefault("letters_digits", []).extend(form.argmax(-1)[letters] == s.shape[letters])
        inked = here & (s.view != FORM) & (s.shape != NOTHING)
        hits.setdefault("colours", []).extend(ink.argmax(-1)[inked] == s.colour[inked])
        hits.setdefault("selection", []).extend((logits > 0)[meant >= 0] == meant[meant >= 0])
        start = 0
        for make, n in kinds:
            rows = slice(start, start + n)
            start += n
            asked = lesson.answer[rows] >= 0
            if asked.any():
                right = answer[rows].argmax(-1)[asked] == lesson.answer[rows][asked]
                hits.setdefault(f"decision {make.__name__}", []).extend(right)
    return {name: float(np.mean(x)) for name, x in hits.items()}


def show(numbers: dict[str, float]) -> None:
    """Shares right, a line each."""
    for name, value in numbers.items():
        print(f"{name:32s} {value:.3f}")


class Looked(NamedTuple):
    """What the network makes of n displays of E elements."""

    logits: Floats  # (n, E) weight logits
    forms: Floats  # (n, E, NOTHING + 1) probabilities
    inks: Floats  # (n, E, colours)
    answers: Floats  # (n, answers) of the decision, plain or gated


class Seer:
    """The network as a subject: it looks at scenes (`look`), and reads displays as any reader does."""

    name = "seer"
    places = PLACES
    alphabet = 26

    def __init__(self, network: Network, gap: float, eta: float, device: str = "cpu") -> None:
        self.network, self.gap, self.eta, self.device = network.eval().to(device), gap, eta, device
        self._last: tuple[bytes, Looked] | None = None

    def pictures(self, scene: Scene, keys: Keys) -> Floats:
        """What an eye at each element takes in (n, E, CROP, CROP, 3), 0 to 1; the fonts are held out."""
        return draw(scene, keys)[0] / np.float32(255)

    @torch.inference_mode()
    def look(self, scene: Scene, keys: Keys, gate: GateState | None = None) -> Looked:
        """Weights, identities and the decision, on fonts that it was never taught; the last look is kept."""
        parts: Any = (
            scene.shape,
            scene.colour,
            scene.x,
            scene.y,
            scene.instruction,
            scene.view,
            scene.frame,
            keys,
        )
        name = hashlib.sha256(b"|".join(np.ascontiguousarray(a).tobytes() for a in parts)).digest()
        if gate is None and self._last is not None and self._last[0] == name:
            return self._last[1]
        found: list[list[Floats]] = [[], [], [], []]
        size = max(1, ROWS // scene.shape.shape[1])
        span = SPAN * size
        for rows, mine in row_chunks(len(keys), gate, self.device, size):
            if rows[0] % span == 0:
                drawn = slice(rows[0], rows[0] + span)
                cut: Any = [np.ascontiguousarray(a[drawn]) for a in parts[:-1]]
                some = Scene(*cut)
                pictures, where = draw(some, keys[drawn])
                here = some.here
                told = self._eyes(pictures[here], where[here], some.view[here])
                which = np.zeros(here.shape, np.int64)
                which[here] = np.arange(len(told[0]))
            again = rows - drawn.start
            flat = self._there(which[again][here[again]])
            view, there, frame, instruction = (
                self._there(a[again]) for a in (some.view, here, some.frame, some.instruction)
            )
            logits, form, ink, answer = self.network.judge(
                [x[flat] for x in told], view, there, frame, instruction, mine
            )
            for kept, x in zip(
                found, (logits, form.softmax(-1), ink.softmax(-1), answer.softmax(-1)), strict=True
            ):
                kept.append(x.double().cpu().numpy())
        looked = Looked(*(np.concatenate(kept)[: len(keys)] for kept in found))
        if gate is None:
            self._last = (name, looked)
        return looked

    def _there(self, array: Floats) -> torch.Tensor:
        """An array on the device."""
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)

    def _eyes(self, pictures: Floats, where: Floats, view: Floats) -> list[torch.Tensor]:
        """What is made of elements (N): always `EYE` at a time, filled up with the last, so that it depends on no
        other."""
        n = len(pictures)
        size = EYE if self.device == "cpu" else ROWS

        def seen(start: int) -> tuple[torch.Tensor, ...]:
            rows = np.arange(start, start + size).clip(max=n - 1) if n else np.arange(0)
            with torch.inference_mode():
                bytes_, *rest = (self._there(a[rows]) for a in (pictures, where, view))
                return self.network.look_at(lit(bytes_), *rest)

        found = beside(seen, range(0, max(n, 1), size))
        return [torch.cat(x)[:n] for x in zip(*found, strict=True)]

    # -- as any reader of displays: letters, the targets red, the distractors green ------------------------------

    def show(self, labels: Labels, roles: Labels, keys: Keys) -> tuple[Scene, Keys]:
        """The displays of these letters (or -1) and roles per place."""
        x, y = place_of(np.broadcast_to(np.arange(labels.shape[1]), labels.shape))
        zero = np.zeros(labels.shape, np.int64)
        colour = np.where(roles == 1, COLOUR["red"], COLOUR["green"])
        asked = np.full(len(labels), ASKED["name the red"])
        return Scene(np.asarray(labels), colour, x, y, asked, zero, zero), keys

    def weigh(self, display: tuple[Scene, Keys]) -> npt.NDArray[np.float64]:
        """The weight logits; -inf where there is nothing."""
        return np.where(display[0].here, self.look(*display).logits, -np.inf)

    def read(self, display: tuple[Scene, Keys], gate: GateState | None) -> npt.NDArray[np.int64]:
        """The letter at each place that is meant and let through, -1 elsewhere."""
        looked = self.look(*display)
        given = display[0].here & (looked.logits > 0)
        if gate is not None and gate.keep is not None:
            given &= gate.keep.expand(given.shape).cpu().numpy()
        return np.where(given, looked.forms[..., :26].argmax(-1), -1)


def accuracy_among(
    distractors: int,
    gate: Callable[[npt.NDArray[np.float64]], GateState | None] | None = None,
    trials: int = 200,
    seed: int = 0,
    device: str = "cpu",
) -> float:
    """Share right: is there a 2 among so many 5s (0 to 24)? `gate` makes of the weight logits (trials, items) a gate
    on all attention of the network; None = plain attention. Half of the displays have a 2."""
    whole("distractors", distractors, most=PLACES - 1)
    seer, keys = load(device), trial_keys(seed, np.arange(trials), distractors)
    there = np.arange(trials) % 2 == 0
    n = distractors + 1
    shape = np.where((np.arange(n) == 0) & there[:, None], SHAPE["2"], SHAPE["5"])
    places = np.argsort(uniforms(keys[:, None], LAYOUT, np.arange(PLACES)), 1)[:, :n]
    zero = np.zeros(shape.shape, np.int64)
    scene = Scene(shape, zero, *place_of(places), np.full(trials, ASKED["find the 2"]), zero, zero)
    shut = None if gate is None else gate(seer.look(scene, keys).logits)
    answers = seer.look(scene, keys, shut).answers
    return float(((answers[:, lessons.PRESENT] > answers[:, lessons.ABSENT]) == there).mean())


@torch.no_grad()
def reference(network: Network) -> dict[str, float]:
    """The reference display, partial report (4 red letters, 4 green ones): how far targets stand above distractors, and
    eta, the probability that a categorisation says the right letter: a person's C is the rate of right ones there."""
    n = 400
    keys = trial_keys(SEED, np.arange(n), 2**30)
    shape = np.argsort(uniforms(keys[:, None], LAYOUT, np.arange(26)), 1)[:, :8]
    places = np.argsort(uniforms(keys[:, None], LAYOUT, 1000 + np.arange(PLACES)), 1)[:, :8]
    colour = np.broadcast_to(np.where(np.arange(8) < 4, COLOUR["red"], COLOUR["green"]), shape.shape)
    zero = np.zeros(shape.shape, np.int64)
    scene = Scene(shape, colour, *place_of(places), np.full(n, ASKED["name the red"]), zero, zero)
    looked = Seer(network, 1.0, 1.0).look(scene, keys)
    gap = looked.logits[:, :4].mean() - looked.logits[:, 4:].mean()
    right = np.take_along_axis(looked.forms[:, :4], shape[:, :4, None], -1)
    return {"gap": float(gap), "eta": float(right.mean())}


def measured(network: Network) -> dict[str, float]:
    """What it can do, and its reference display."""
    return measure(network) | reference(network)


def folded(eye: nn.Sequential) -> nn.Sequential:
    """The same eye, each batch norm folded into its convolution, which takes the pixels of a picture as they come."""
    layers: list[Any] = []
    for layer in eye:
        if isinstance(layer, nn.BatchNorm2d):
            layers[-1] = fuse_conv_bn_eval(layers[-1], layer)
        else:
            layers.append(layer)
    one = nn.Sequential(*layers)
    one.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return one


def load(device: str) -> Seer:
    """The subject with the weights that lie beside this file."""
    network = seeded(Network, SEED)
    path = Path(__file__).with_suffix(".safetensors")
    notes = load_weights(network, path, WORKSHOP.make)
    gap, eta = (noted(notes, word, path, WORKSHOP.make) for word in ("gap", "eta"))
    network.eye = folded(network.eval().eye)
    return Seer(network, gap, eta, device)


WORKSHOP = Workshop(
    Path(__file__),
    network=lambda: seeded(Network, SEED),
    lesson=loss,
    course=Course(steps=STEPS, rate=2.5e-3, decay=0.02, warmup=60, clip=2.0, every=300),
    measure=measured,
    report=show,
    held_out=looked_at,
    notes={"command": "python models/seer.py train", "seed": str(SEED)},
)


def _asks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", choices=("train",), help="what is done anyway, in a word")


if __name__ == "__main__":
    raise SystemExit(WORKSHOP.main(_asks))
