"""A network that takes n-back: is this letter the one n back? One attention head looks there, through a memory.

    python models/nback_reader.py            # train (20 s on one core), measure, write the weights
    python models/nback_reader.py --check    # load the weights and measure them again
    python models/nback_reader.py --resume   # go on with a training that was stopped

The letter at hand (query t) attends once over the letters before it (keys s <= t) and over a null key of logit 0 and
value 0. The key is where an item stands, the value which letter it is; the task, n, sets the query:

    logit(t, s) = a_n + Σ_f [b_nf cos ω_f(t - s) + c_nf sin ω_f(t - s)]        a, b, c learned, one row per n
    answer(t)   = g(Σ_s softmax_s(logit(t, s)) · value of letter s, letter t)  -> same, different or unknown

All it knows of earlier letters comes through this one attention call, so a store of K slots, put there as a plan,
bounds it: where the item n back is gone the null key wins, and it says that it does not know. It was trained without
any store; keys were dropped at random, half of those needed, so that it met items that cannot be seen.

What you should see: without a plan 1- to 6-back all right, and "unknown" where there is no item n back; under a plan
"unknown" exactly where the needed item is gone (1.0000 of the steps, 4 slots).
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import nn

from cogattn.errors import InputError, whole
from cogattn.mind.draws import DISPLAY, seed_of, trial_keys, uniforms
from cogattn.nn.functional import gated_attention
from cogattn.nn.memory import Plan, eviction_plan
from cogattn.nn.networks.registry import PICTURE, load_weights, row_chunks
from cogattn.nn.networks.training import Course, Workshop, seeded

LETTERS = 8
PLACES = 64  # the longest sequence
DEEPEST = 6  # n-back it was taught
WIDTH = 24  # of a letter
WAVES = 32  # ω within 0 to π, so spaced that together they tell every lag below PLACES from every other
DIFFERENT, SAME, UNKNOWN = 0, 1, 2  # the three outputs; UNKNOWN leaves as -1
REPEATS = 0.4  # share of letters that equal the one n back, in training and in measuring
DROPPED = 0.5  # of needed keys; of the others a share that each sequence draws for itself
SEED = 0
BATCH = 48  # sequences per step
CHUNK = 64  # sequences per forward pass

Letters = npt.NDArray[np.int64]
Judgements = npt.NDArray[np.int8]


# ---------------------------------------------------------------------------------------------------- data


def sequences(keys: npt.NDArray[np.uint64], n: int, length: int = PLACES) -> Letters:
    """Letters (B, T): each equals the one n back with chance REPEATS, and is another one otherwise."""
    u = uniforms(
        keys[:, None, None], DISPLAY, PICTURE + np.arange(2 * length).reshape(length, 2)
    )  # (B, T, 2)
    out = (u[..., 0] * LETTERS).astype(np.int64)
    for t in range(n, length):
        other = out[:, t - n] + 1 + (u[:, t, 0] * (LETTERS - 1)).astype(np.int64)
        out[:, t] = np.where(u[:, t, 1] < REPEATS, out[:, t - n], other % LETTERS)
    return out


def truth(letters: Letters, n: int) -> Judgements:
    """1 = same as n back, 0 = different, -1 = there is none."""
    out = np.full(letters.shape, -1, np.int8)
    out[:, n:] = letters[:, n:] == letters[:, :-n]
    return out


# ------------------------------------------------------------------------------------------------- network


class Reader(nn.Module):
    """One attention head over the past; all else looks at one letter, or at one pair, at a time."""

    omega: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("omega", math.pi * (torch.arange(WAVES) + 0.5) / WAVES, persistent=False)
        self.letter = nn.Embedding(LETTERS, WIDTH)
        self.task = nn.Embedding(DEEPEST, 2 * WAVES + 1)  # b, c and a of each n
        self.answer = nn.Sequential(nn.Linear(2 * WIDTH, 64), nn.GELU(), nn.Linear(64, 3))
        nn.init.normal_(self.task.weight, std=0.02)

    def where(self, length: int) -> torch.Tensor:
        """The key of each step: (T, 2 WAVES + 1), cos and sin of its place and a 1."""
        angle = torch.arange(length, device=self.omega.device)[:, None] * self.omega  # (T, WAVES)
        return torch.cat([angle.cos(), angle.sin(), torch.ones_like(angle[:, :1])], -1)

    def queries(self, n: torch.Tensor, length: int) -> torch.Tensor:
        """Each step's place turned by what the task asks for, so that q·k is a function of the lag. n (B,)."""
        b, c, a = torch.split(self.task(n - 1), [WAVES, WAVES, 1], -1)  # (B, WAVES) twice, (B, 1)
        cos, sin, _ = torch.split(self.where(length), [WAVES, WAVES, 1], -1)  # (T, WAVES)
        b, c, a = (x[:, None] for x in (b, c, a))
        return torch.cat([b * cos + c * sin, b * sin - c * cos, a.expand(-1, length, -1)], -1)

    def streams(
        self, letters: torch.Tensor, n: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """q, k, v, each (B, 1, T, ...), of the one attention call."""
        B, T = letters.shape
        k = self.where(T).expand(B, T, -1)
        return self.queries(n, T)[:, None], k[:, None], self.letter(letters)[:, None]

    def null(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The key of logit 0 and its value, 0: what is seen where nothing is."""
        zero = self.omega.new_zeros(1, 1, 1, 2 * WAVES + 1)
        return zero, self.letter.weight.new_zeros(1, 1, 1, WIDTH)

    def decide(self, read: torch.Tensor, letters: torch.Tensor) -> torch.Tensor:
        """(B, T, 3): evidence for different, same, unknown, from what was read (B, T, WIDTH) and the letter."""
        out: torch.Tensor = self.answer(torch.cat([read, self.letter(letters)], -1))
        return out

    def forward(self, letters: torch.Tensor, n: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """letters (B, T), n (B,), seen (B, 1, T, T) bool: which step finds which item."""
        q, k, v = self.streams(letters, n)
        k, v = (
            torch.cat([x, null.expand(len(x), -1, -1, -1)], 2)
            for x, null in zip((k, v), self.null(), strict=True)
        )
        read = gated_attention(
            q, k, v, attn_mask=F.pad(seen, (0, 1), value=True), scale=1.0
        )  # (B, 1, T, WIDTH)
        return self.decide(read[:, 0], letters)


def causal(length: int) -> torch.Tensor:
    """What a step sees without limits: itself and all before it. (1, 1, T, T)"""
    return torch.ones(length, length, dtype=torch.bool).tril()[None, None]


# ------------------------------------------------------------------------------------------------- subject


class NbackReader:
    """The trained network: a judge of sequences."""

    name = "nback_reader"
    places = PLACES
    alphabet = LETTERS

    def __init__(self, network: Reader, device: str) -> None:
        self.network = network.to(device).eval()
        self.device = device

    @torch.inference_mode()
    def judge(self, letters: Letters, n: int, plan: Plan | None = None) -> Judgements:
        """Is each letter (B, T) the one n back? 1 = same, 0 = different, -1 = unknown, under what the plan holds."""
        letters = np.asarray(letters)
        _check(letters, n, plan)
        B, T = letters.shape
        parts = [np.empty((0, T), np.int8)]
        for rows, _ in row_chunks(B, size=CHUNK):
            seen = (
                causal(T).expand(CHUNK, 1, T, T)
                if plan is None
                else torch.from_numpy(plan.alive[rows])[:, None]
            )
            shown = torch.from_numpy(letters[rows].astype(np.int64)).to(self.device)
            task = torch.full((CHUNK,), n, device=self.device)
            scores = self.network(shown, task, seen.to(self.device))
            parts.append(scores.argmax(-1).cpu().numpy().astype(np.int8))
        answer = np.concatenate(parts)[:B]
        return np.where(answer == UNKNOWN, np.int8(-1), answer)


def _check(letters: npt.NDArray[np.generic], n: int, plan: Plan | None) -> None:
    """Errors at the door."""
    if letters.ndim != 2 or not 1 <= letters.shape[1] <= PLACES or letters.dtype.kind not in "iu":
        raise InputError(
            f"letters must be whole numbers (sequences, 1 to {PLACES} steps), got {letters.dtype} {letters.shape}"
        )
    if letters.size and not 0 <= letters.min() <= letters.max() < LETTERS:
        raise InputError(f"letters must be 0 to {LETTERS - 1}, got {letters.min()} to {letters.max()}")
    whole("n", n, least=1, most=DEEPEST)
    if plan is not None and plan.slot.shape != letters.shape:
        raise InputError(f"plan must be for letters of shape {letters.shape}, it is for {plan.slot.shape}")


def load(device: str) -> NbackReader:
    """The subject with the weights that lie beside this file."""
    network = Reader()
    load_weights(network, WORKSHOP.weights, WORKSHOP.make)
    return NbackReader(network, device)


# ---------------------------------------------------------------------------------------- training, measuring


def loss(network: Reader, step: int) -> torch.Tensor:
    """Cross-entropy of the three answers: unknown where the item n back was dropped or never was."""
    letters, n, seen, answers = _lesson(SEED, step)
    return F.cross_entropy(network(letters, n, seen).flatten(0, 1), answers.flatten())


def _lesson(seed: int, step: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """One batch: letters, their n, what each step finds, and what it should answer."""
    keys = trial_keys(seed, step, np.arange(BATCH))
    n = 1 + np.arange(BATCH) % DEEPEST
    letters, wanted = np.empty((BATCH, PLACES), np.int64), np.empty((BATCH, PLACES), np.int8)
    for depth in range(1, DEEPEST + 1):
        mine = n == depth
        letters[mine] = sequences(keys[mine], depth)
        wanted[mine] = truth(letters[mine], depth)
    seen = _dropped(keys, n)
    now = np.arange(PLACES)
    needed = np.maximum(now - n[:, None], 0)  # (B, T)
    found = np.take_along_axis(seen, needed[:, :, None], 2)[:, :, 0] & (wanted >= 0)
    answers = np.where(found, wanted, UNKNOWN)
    tensors = (letters, n, seen[:, None], answers.astype(np.int64))
    a, b, c, d = (torch.from_numpy(x) for x in tensors)
    return a, b, c, d


def _dropped(keys: npt.NDArray[np.uint64], n: Letters) -> npt.NDArray[np.bool_]:
    """(B, T, T): which step finds which item. A share of each sequence's own is gone; the needed one by half."""
    lag = np.arange(PLACES)[:, None] - np.arange(PLACES)  # (T, T)
    cells = PICTURE + 2 * PLACES + np.arange(PLACES * PLACES + 1)
    u = uniforms(keys[:, None], DISPLAY, cells)
    share, u = u[:, -1:, None], u[:, :-1].reshape(-1, PLACES, PLACES)
    needed = lag == n[:, None, None]  # (B, T, T)
    kept = u >= np.where(needed, DROPPED, share)
    return (kept | (lag == 0)) & (lag >= 0)


def measure(network: Reader, people: int = 200) -> dict[str, float]:
    """Right answers without a plan by n, and how often "unknown" is said where, and only where, the item is gone."""
    eye = NbackReader(network, "cpu")
    found = {}
    agree = []
    for n in range(1, DEEPEST + 1):
        keys = trial_keys(seed_of(SEED, "accuracy"), n, np.arange(people))
        letters = sequences(keys, n)
        wanted = truth(letters, n)
        found[f"right_{n}"] = float((eye.judge(letters, n) == wanted).mean())
        plan = eviction_plan(4, PLACES, "random", seed=seed_of(SEED, "plan", str(n)) >> 1, batch=people)
        agree.append(((eye.judge(letters, n, plan) < 0) == ~plan.held(n)).mean())
    found["unknown_iff_gone"] = float(np.mean(agree))
    return found


def report(numbers: dict[str, float]) -> None:
    """The table that the head of this file speaks of."""
    print("without a plan:")
    for n in range(1, DEEPEST + 1):
        print(f"  {n}-back     {numbers[f'right_{n}']:.4f} right")
    print("4 slots, random displacement:")
    print(f"  {numbers['unknown_iff_gone']:.4f} of the steps say unknown if and only if the item is gone")


WORKSHOP = Workshop(
    Path(__file__),
    network=lambda: seeded(Reader, SEED),
    lesson=loss,
    course=Course(steps=2000, rate=1e-2),
    measure=measure,
    report=report,
)

if __name__ == "__main__":
    raise SystemExit(WORKSHOP.main())
