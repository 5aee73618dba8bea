"""A network that takes pictures and words in one attention: which number is both shown and named?

    python models/multimodal.py            # train both fusions (2 minutes on one core), measure, write the weights
    python models/multimodal.py --check    # load the weights and measure them again
    python models/multimodal.py --resume   # go on with a training that was stopped

Half of the n elements are handwritten digits (`networks.digits`), red or green; half are names of digits, letter by
letter, one in three with a wrong letter, in the one voice or in the other. Red pictures and words in the first voice
count. In half of the trials one number is both among the pictures and among the words that count, in the others none
is; green pictures and the other voice mislead. Two ways of fusing the same senses, in one file of weights:

    logit(i, s) = q_i·k_s + f(s)          who looks at whom; f: how much a hue or a voice asks for attention
    early: every element i looks at every element s           cross: every word i looks at every picture s
    h_i      = g(content of i, what i found)
    answer   = a(Σ_s softmax_s(b(h_s) + f(s)) · h_s)          over all elements (early), over the words (cross)

Content knows nothing of hue and voice, so what does not count can be left out by attention alone. Both attention
calls go through the gate: what the mind has lost is found by nobody and says nothing itself. The race takes f, which
hangs on each element alone: nobody compares a picture with a word before he has both.

The pictures are there for 200 ms. The words are heard, one after the other; they draw on another pool of resources
than the pictures (`Task.resources`, `cogattn.laws.stages.CONFLICT`); the K slots are the same for all. That, and
early fusion, is what `load` gives. A file of your own gives another variant, say words that are read beside the
pictures:

    def load(device):
        return replace(find_specialist("multimodal", device), fusion="cross", pools="eye", pace=0.0)

What you should see, for 2, 4, 8, 12, 16 elements: right without a gate .994 .992 .986 .979 .967 (early) and .994 .993
.987 .980 .972 (cross), on pictures and misspellings that no training step saw. 50 people (100 trials each): .98 .84
.59 .53 .49; who says "none" always has .50. People are right as often as they hold both that tell the number (half of
the trials have none); the slots do it: with the other limits lifted the scores are the same, with the race alone .99
.99 .96 .92 .89. Weak: two senses and one store of K slots, whatever the pool
(`simulations/are_eyes_and_ears_two_pools.py`); a word is its letters in both, nothing is heard in it; f parts
pictures by 9.9 and words by 5.5 logits, so that of what does not count pictures weigh less than alpha and words more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from scipy.special import ndtri
from torch import nn

from cogattn.errors import InputError, choice, number
from cogattn.mind.draws import DISPLAY, seed_of, trial_keys, uniforms
from cogattn.nn.functional import gated_attention
from cogattn.nn.gate import GateState
from cogattn.nn.networks import digits
from cogattn.nn.networks.registry import (
    DISTRACTOR,
    PICTURE,
    TARGET,
    Keys,
    Labels,
    TaskDesign,
    load_weights,
    noted,
    row_chunks,
)
from cogattn.nn.networks.training import Course, Workshop, seeded
from cogattn.world.stream import Stimulus, Task, TaskStream

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
NONE = len(NAMES)  # the answer where no number is both shown and named
LETTERS = 5  # of the longest name
ALPHABET = "abcdefghijklmnopqrstuvwxyz"
MISSPELT = 1 / 3  # share of words with one wrong letter
LURED = 0.5  # of what does not count: share that names what the other sense is asked about
EXPOSURE = 0.2  # s, of the pictures: the longest display of `paradigms/whole_report.py`
SPEECH = 60 / 155  # s per word [assumption: speech has 150 to 160 words a minute]
ASKED = 1.0  # s after the last word
WIDTH, HEADS = 64, 4
SEED = 0
BATCH = 128
DROPPED = 1 / 3  # of training trials: those in which some elements are shut
SIZES = (2, 4, 8, 12, 16)
FUSIONS = ("early", "cross")
#: What pictures and words draw on: two senses, or one.
POOLS: Mapping[str, tuple[Mapping[str, float], Mapping[str, float]]] = {
    "eye and ear": ({"visual_focal": 1.0}, {"auditory_verbal": 1.0}),
    "eye": ({"visual_focal": 1.0}, {"visual_focal": 1.0}),
}

Floats = npt.NDArray[np.float32]
Logits = npt.NDArray[np.float64]


# ---------------------------------------------------------------------------------------------------- data


@cache
def spellings(held_out: bool) -> Labels:
    """(10, V, 5) each name with one wrong letter, as numbers of letters (0 = blank); V the fewest there are.

    A quarter is held out. None is as near to another name.
    """
    plain = letters_of(NAMES)
    found = []
    for name, word in enumerate(plain):
        ways = [(at, x) for at in range(len(NAMES[name])) for x in range(1, 27) if x != word[at]]
        wrong = np.repeat(word[None], len(ways), 0)
        wrong[np.arange(len(ways)), [at for at, _ in ways]] = [x for _, x in ways]
        far = ((wrong[:, None] != np.delete(plain, name, 0)).sum(-1) > 1).all(-1)
        found.append(wrong[far])
    fewest = min(len(x) for x in found)
    order = np.random.default_rng(SEED)
    kept = np.stack([x[order.permutation(len(x))[:fewest]] for x in found])
    return kept[:, : fewest // 4] if held_out else kept[:, fewest // 4 :]


def letters_of(words: tuple[str, ...]) -> Labels:
    """(words, 5) numbers of letters, 0 = blank."""
    rows = [[1 + ALPHABET.index(x) for x in word] + [0] * (LETTERS - len(word)) for word in words]
    return np.array(rows, np.int64)


@dataclass(frozen=True)
class Display:
    """B trials of m pictures and m words: what was drawn, and what is the truth about it."""

    pictures: digits.DigitDisplay
    letters: Labels  # (B, m, 5)
    role: Labels  # (B, m) of the words
    voice: Floats  # (B, m, 2) how much of the first voice (or ink) and of the second
    truth: Labels  # (B,) the number that is both shown and named, or NONE

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def words(self) -> int:
        """m"""
        return self.letters.shape[1]

    @property
    def roles(self) -> Labels:
        """(B, 2 m) of all elements, pictures first."""
        return np.concatenate([self.pictures.role, self.role], 1)

    def rows(self, rows: Labels) -> Display:
        """Some of the trials."""
        p = self.pictures
        seen = digits.DigitDisplay(p.images, p.image[rows], p.role[rows], p.patch[rows])
        return Display(seen, self.letters[rows], self.role[rows], self.voice[rows], self.truth[rows])

    def tensors(self, device: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """What reaches the network: pixels (B, m, 2, 64), letters (B, m, 5), voice (B, m, 2)."""
        parts = self.pictures.pixels(), self.letters, self.voice
        return tuple(torch.from_numpy(x).to(device) for x in parts)  # type: ignore[return-value]


def draw(m: int, keys: Keys, held_out: bool) -> Display:
    """The trials of these keys: m pictures and m words."""
    truth, shown, named, roles = _numbers(m, keys)
    left, right = (
        np.argsort(_chances(keys, block, m), 1) for block in (3, 4)
    )  # which stands where, comes when
    source = digits.images(held_out=True) if held_out else digits.lessons()
    seen = digits.draw(source, np.take_along_axis(shown, left, 1), roles[left], keys)
    said, role = np.take_along_axis(named, right, 1), roles[right]
    wrong = spellings(held_out)
    which = (_chances(keys, 5, m) * wrong.shape[1]).astype(np.int64)
    slips = _chances(keys, 6, m)[..., None] < MISSPELT
    letters = np.where(slips, wrong[said, which], letters_of(NAMES)[said])
    clear = np.stack([role == TARGET, role == DISTRACTOR], -1)
    noise = ndtri(_chances(keys, 7, 2 * m)).reshape(clear.shape)
    return Display(seen, letters, role, (clear + digits.NOISE * noise).astype(np.float32), truth)


def _numbers(m: int, keys: Keys) -> tuple[Labels, Labels, Labels, Labels]:
    """The truth (B,), numbers of the pictures and of the words (B, m), and their roles (m,): first those that count."""
    count = max(1, m // 2)
    number = np.argsort(_chances(keys, 1, NONE), 1)  # (B, 10)
    both = _chances(keys, 2, 1) < 0.5
    shown, named = number[:, :count], number[:, count : 2 * count].copy()
    named[:, :1] = np.where(both, shown[:, :1], named[:, :1])
    rest = m - count
    u, v, w = (_chances(keys, block, 2 * rest) for block in (8, 9, 10))
    at, other = (u * count).astype(np.int64), (v * NONE).astype(np.int64)
    luring = np.concatenate(
        [np.take_along_axis(x, y, 1) for x, y in ((named, at[:, :rest]), (shown, at[:, rest:]))], 1
    )
    aside = np.where(w < LURED, luring, other)
    truth = np.where(both[:, 0], shown[:, 0], NONE)
    roles = np.where(np.arange(m) < count, TARGET, DISTRACTOR)
    return (
        truth,
        np.concatenate([shown, aside[:, :rest]], 1),
        np.concatenate([named, aside[:, rest:]], 1),
        roles,
    )


def _chances(keys: Keys, block: int, n: int) -> npt.NDArray[np.float64]:
    """(B, n) numbers that belong to these trials; block 0 is the pictures' own (`digits.draw`)."""
    return uniforms(keys[:, None], DISPLAY, PICTURE + 1000 * block + np.arange(n))


# ------------------------------------------------------------------------------------------------- network


class Senses(nn.Module):
    """DigitReader and ear: every element by itself, what it is and how much attention it asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.shape = nn.Sequential(nn.Linear(digits.PIXELS, 192), nn.GELU(), nn.Linear(192, WIDTH))
        self.word = nn.Sequential(nn.Linear(LETTERS * 27, 128), nn.GELU(), nn.Linear(128, WIDTH))
        self.hue = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
        self.voice = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
        self.kind = nn.Parameter(torch.zeros(2, WIDTH))  # a picture, a word

    def priority(self, pixels: torch.Tensor, voice: torch.Tensor) -> torch.Tensor:
        """f (B, S): how much each element asks for attention by its hue or its voice alone."""
        light = pixels.mean(-1)
        hue = light / light.sum(-1, keepdim=True).clamp(min=0.05)  # (B, m, 2)
        f: torch.Tensor = torch.cat([self.hue(hue), self.voice(voice)], 1)[..., 0]
        return f

    def forward(self, pixels: torch.Tensor, letters: torch.Tensor) -> torch.Tensor:
        """What each element is (B, S, WIDTH): the luminance of a picture, the letters of a word."""
        seen = self.shape(pixels.sum(2)) + self.kind[0]
        said = self.word(F.one_hot(letters, 27).flatten(2).to(pixels.dtype)) + self.kind[1]
        return torch.cat([seen, said], 1)


class Fusion(nn.Module):
    """Who looks at whom, and one answer. `early`: all elements at all; else the words at the pictures."""

    def __init__(self, early: bool) -> None:
        super().__init__()
        self.early = early
        self.look = nn.Linear(WIDTH, WIDTH)
        self.offer = nn.Linear(WIDTH, 2 * WIDTH)
        self.join = nn.Sequential(nn.Linear(2 * WIDTH, 128), nn.GELU(), nn.Linear(128, WIDTH))
        self.tell = nn.Linear(WIDTH, 1)
        self.answer = nn.Sequential(nn.Linear(WIDTH, 64), nn.GELU(), nn.Linear(64, NONE + 1))

    def forward(
        self, x: torch.Tensor, f: torch.Tensor, gate: GateState | None, weights: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Evidence for each number and for none (B, 11); and, asked for, the attention each element got (B, S)."""
        m = x.shape[1] // 2
        asking = x if self.early else x[:, m:]
        found, looks = self._look(
            asking, x, f, gate, None if self.early else _only(m, x, pictures=True), weights
        )
        h = self.join(torch.cat([asking, found], -1))
        h = h if self.early else F.pad(h, (0, 0, m, 0))  # pictures say nothing themselves
        told, said = self._tell(h, f, gate, None if self.early else _only(m, x, pictures=False), weights)
        if looks is None or said is None:
            return self.answer(told), None
        through = said if self.early else said[:, m:]
        return self.answer(told), (said + (through[:, None] @ looks)[:, 0]) / 2

    def _look(
        self,
        asking: torch.Tensor,
        x: torch.Tensor,
        f: torch.Tensor,
        gate: GateState | None,
        mask: torch.Tensor | None,
        weights: bool,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """What each of those who ask finds among all elements."""
        q = _heads(self.look(asking)) / (WIDTH // HEADS) ** 0.5
        k, v = (_heads(y) for y in self.offer(x).chunk(2, -1))
        q = F.pad(q, (0, 1), value=1.0)  # so that q.k adds f
        k = torch.cat([k, f[:, None, :, None].expand(-1, HEADS, -1, -1)], -1)
        found, looks = _attend(q, k, v, gate, mask, weights)
        return found.transpose(1, 2).flatten(2), None if looks is None else looks.mean(1)

    def _tell(
        self,
        h: torch.Tensor,
        f: torch.Tensor,
        gate: GateState | None,
        mask: torch.Tensor | None,
        weights: bool,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """What reaches the answer."""
        k = (self.tell(h)[..., 0] + f)[:, None, :, None]  # (B, 1, S, 1)
        told, said = _attend(torch.ones_like(k[:, :, :1]), k, h[:, None], gate, mask, weights)
        return told[:, 0, 0], None if said is None else said[:, 0, 0]


class Network(nn.Module):
    """One pair of senses, two ways of fusing them."""

    def __init__(self) -> None:
        super().__init__()
        self.senses = Senses()
        self.early, self.cross = Fusion(early=True), Fusion(early=False)

    def forward(
        self,
        pixels: torch.Tensor,
        letters: torch.Tensor,
        voice: torch.Tensor,
        fusions: tuple[str, ...] = FUSIONS,
        gate: GateState | None = None,
        weights: bool = False,
    ) -> list[tuple[torch.Tensor, torch.Tensor | None]]:
        """Evidence (B, 11), and attention (B, S) if asked for, of each of these fusions."""
        x, f = self.senses(pixels, letters), self.senses.priority(pixels, voice)
        gate = None if gate is None else gate.with_null(x.shape[1])
        return [getattr(self, name)(x, f, gate, weights) for name in fusions]


def _heads(x: torch.Tensor) -> torch.Tensor:
    """(B, n, WIDTH) -> (B, HEADS, n, WIDTH / HEADS)"""
    return x.view(*x.shape[:2], HEADS, -1).transpose(1, 2)


def _only(m: int, like: torch.Tensor, pictures: bool) -> torch.Tensor:
    """Which keys may be looked at, if only the pictures, or only the words; the null key, the last, always."""
    key = torch.arange(2 * m + 1, device=like.device)
    return ((key < m) == pictures) | (key == 2 * m)


def _attend(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    gate: GateState | None,
    mask: torch.Tensor | None,
    weights: bool,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Attention under the gate, over these keys and the null key (logit 0, value 0); its weights, without the null."""
    k, v = (F.pad(y, (0, 0, 0, 1)) for y in (k, v))
    seen = None if mask is None else mask[None, None, None]
    if not weights:
        return gated_attention(q, k, v, gate, attn_mask=seen, scale=1.0), None
    out, w = gated_attention(q, k, v, gate, attn_mask=seen, scale=1.0, need_weights=True)
    return out, w[..., :-1]


# ------------------------------------------------------------------------------------------------- subject


@dataclass(frozen=True)
class Multimodal:
    """The trained network and its task: a `registry.Specialist`; `dataclasses.replace` makes variants of it."""

    network: Network
    device: str = "cpu"
    gap: float = math.nan
    fusion: str = "early"
    pools: str = "eye and ear"
    pace: float = SPEECH  # s from word to word; 0 = all beside the pictures
    exposure: float = EXPOSURE  # s, of the pictures
    conflict: npt.ArrayLike | None = None  # between pools, else `laws.stages.CONFLICT`

    name = "multimodal"
    design = TaskDesign(
        "Which number is both shown and named?", "elements", SIZES, "pictures and words in all", "right", chance=0.5
    )  # fmt: skip

    def __post_init__(self) -> None:
        choice("fusion", self.fusion, FUSIONS)
        choice("pools", self.pools, tuple(POOLS))
        number("pace", self.pace, least=0, most=60, unit="s")
        number("exposure", self.exposure, above=0, most=60, unit="s")
        self.network.to(self.device).eval()

    def stream(self, value: float) -> TaskStream:
        """Pictures, masked after the exposure; words beside them as long, or one by one, each until the next.

        What comes later displaces the weakest from a full store; what comes at a glance finds it full.
        """
        m, pace = self._half(value), self.pace
        see, listen = POOLS[self.pools]
        tasks = (
            Task("pictures", resources=see),
            Task("words", resources=listen, when_full="weakest" if pace else "lose"),
        )
        seen = [Stimulus(f"picture {i}", 0.0, self.exposure, task="pictures") for i in range(m)]
        said = [
            Stimulus(f"word {i}", i * pace, (i + 1) * pace or self.exposure, task="words") for i in range(m)
        ]
        last = max(self.exposure, m * pace)
        return TaskStream((*seen, *said), end=last + ASKED, tasks=tasks, conflict=self.conflict)

    def show(self, value: float, keys: Keys) -> Display:
        """The trials of these keys, of pictures and misspellings that no training step saw."""
        return draw(self._half(value), np.atleast_1d(np.asarray(keys, np.uint64)), held_out=True)

    def _half(self, value: float) -> int:
        """Pictures, and words, among so many elements."""
        n = self.design.count(value, least=2, most=2 * digits.PLACES)
        if n % 2:
            raise InputError(f"elements must be even, half pictures and half words, got {value:g}")
        return n // 2

    @torch.inference_mode()
    def weigh(self, display: Display) -> Logits:
        """f of every element (B, S)."""
        parts = [np.empty((0, 2 * display.words))]
        for rows, _ in row_chunks(len(display)):
            pixels, _, voice = display.rows(rows).tensors(self.device)
            parts.append(self.network.senses.priority(pixels, voice).double().cpu().numpy())
        return np.concatenate(parts)[: len(display)]

    def answer(self, display: Display, gate: GateState | None = None) -> dict[str, npt.NDArray[Any]]:
        """score: 1 = the right number, or rightly none; response: which; both: 1 = there is one."""
        said = self._read(display, gate, weights=False)[0].argmax(-1)
        words = np.array([*NAMES, "none"])[said]
        return {"score": (said == display.truth) * 1.0, "response": words, "both": (display.truth < NONE) * 1}

    def allocate(self, display: Display, gate: GateState | None = None) -> Logits:
        """Half of the attention that the answer gave each element, half of that which those gave who spoke (B, S)."""
        return self._read(display, gate, weights=True)[1]

    def elements(self, display: Display, row: int) -> list[str]:
        """What there was to see and to hear."""
        p = display.pictures
        digit = np.searchsorted(p.images.first, p.image[row], side="right") - 1
        seen = [f"{'red' if r == TARGET else 'green'} {d}" for d, r in zip(digit, p.role[row], strict=True)]
        spelt = ["".join(ALPHABET[x - 1] for x in word if x) for word in display.letters[row]]
        return seen + [f"{word} ({'first' if r == TARGET else 'other'} voice)" for word, r in
                       zip(spelt, display.role[row], strict=True)]  # fmt: skip

    @torch.inference_mode()
    def _read(self, display: Display, gate: GateState | None, weights: bool) -> tuple[Logits, Logits]:
        """Evidence (B, 11) and attention (B, S), the latter empty if it is not asked for."""
        scores, looks = [np.empty((0, NONE + 1))], [np.empty((0, 2 * display.words))]
        for rows, part in row_chunks(len(display), gate, self.device):
            seen = display.rows(rows).tensors(self.device)
            ((score, look),) = self.network(*seen, (self.fusion,), part, weights)
            scores.append(score.double().cpu().numpy())
            looks += [] if look is None else [look.double().cpu().numpy()]
        return np.concatenate(scores)[: len(display)], np.concatenate(looks)[: len(display)]


def load(device: str) -> Multimodal:
    """Early fusion, words heard, with the weights that lie beside this file."""
    network = Network()
    notes = load_weights(network, WORKSHOP.weights, WORKSHOP.make)
    return Multimodal(network, device, noted(notes, "gap", WORKSHOP.weights, WORKSHOP.make))


# ---------------------------------------------------------------------------------------- training, measuring


def loss(network: Network, step: int) -> torch.Tensor:
    """Cross-entropy of both fusions. In a third of the trials some elements are shut, as many as it happens."""
    keys = trial_keys(SEED, step, np.arange(BATCH))
    trials = draw(SIZES[step % len(SIZES)] // 2, keys, held_out=False)
    u = _chances(keys, 11, 2 * trials.words + 2)
    share = np.where(u[:, :1] < DROPPED, u[:, 1:2], 1.0)
    gate = GateState(keep=torch.from_numpy(u[:, 2:] < share))
    truth = torch.from_numpy(trials.truth)
    said = network(*trials.tensors("cpu"), gate=gate)
    return sum((F.cross_entropy(scores, truth) for scores, _ in said), torch.zeros(()))


def measure(network: Network, trials: int = 4000) -> dict[str, float]:
    """Held-out trials, no gate: share right of each fusion at each size. Training trials: the gap of f."""
    found, keys = {}, trial_keys(seed_of(SEED, "accuracy"), 0, np.arange(trials))
    for fusion in FUSIONS:
        subject = Multimodal(network, fusion=fusion)
        for n in SIZES:
            found[f"{fusion}_{n}"] = float(subject.answer(subject.show(n, keys))["score"].mean())
    lessons = draw(digits.PLACES, trial_keys(seed_of(SEED, "gap"), 0, np.arange(trials)), held_out=False)
    f, counts, picture = (
        subject.weigh(lessons),
        lessons.roles == TARGET,
        np.arange(2 * digits.PLACES) < digits.PLACES,
    )
    for name, where in (("gap", picture | True), ("gap_pictures", picture), ("gap_words", ~picture)):
        found[name] = float(f[counts & where].mean() - f[~counts & where].mean())
    found["words_ahead"] = float(f[counts & ~picture].mean() - f[counts & picture].mean())
    return found


def report(numbers: dict[str, float]) -> None:
    """The table that the head of this file quotes."""
    print("held-out pictures and misspellings, no gate, share right:")
    print("  elements " + "".join(f"{n:8d}" for n in SIZES))
    for fusion in FUSIONS:
        print(f"  {fusion:9s}" + "".join(f"{numbers[f'{fusion}_{n}']:8.3f}" for n in SIZES))
    print(f"f, what counts less what does not: {numbers['gap']:.2f} "
          f"(pictures {numbers['gap_pictures']:.2f}, words {numbers['gap_words']:.2f}); "
          f"words that count less such pictures: {numbers['words_ahead']:.2f}")  # fmt: skip


WORKSHOP = Workshop(
    Path(__file__),
    network=lambda: seeded(Network, SEED),
    lesson=loss,
    course=Course(steps=5000, rate=4e-3, decay=0.02, warmup=100),
    measure=measure,
    report=report,
)

if __name__ == "__main__":
    raise SystemExit(WORKSHOP.main())
