"""A network that watches a film of moving digits and says, at every frame, which ones are there in red.

    python models/live_watcher.py            # train, measure, write the weights
    python models/live_watcher.py --check    # load the weights and measure them again
    python models/live_watcher.py --resume   # go on with a training that was stopped

A frame is a grid of patches of 32 x 32 pixels. In a few of them a real handwritten digit (scikit-learn's; 1297 to train
on, 500 held out) moves about: three in red, all different, the others in green; all under noise. A glance at all of it
is cheap: each patch as 4 x 4 means of each colour. A close look at one patch takes a residual network of 38 million
multiply-accumulates, and tells which digit it is, by luminance alone. One attention call stands between them:

    met  = sum_s softmax_s(logit of the glance at s) · P(digit | close look at s)        null key: logit 0, value 0
    said = g(log met)                                                                    -> each digit: in red, or not

A patch whose key is shut is not looked at, so what is saved is real arithmetic. The world is new once a second.

What you should see, without a gate: the glance finds 99.98 % of the digits, a close look reads 98.6 % of them right,
and the overlap of named and red digits is .94, .99 and 1.00 with 0, 12 and 108 green ones beside the three. Gap of the
logits 8.2, sd .45 (red) and 1.1 (green). What a clock makes of it is told by `cogattn live`.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from cogattn.errors import InputError, whole
from cogattn.mind.draws import DISPLAY, seed_of, trial_keys, uniforms
from cogattn.nn.functional import gated_attention
from cogattn.nn.gate import GateState
from cogattn.nn.networks import digits
from cogattn.nn.networks.registry import (
    DISTRACTOR,
    EMPTY,
    PICTURE,
    TARGET,
    Keys,
    TaskDesign,
    load_weights,
    row_chunks,
)
from cogattn.nn.networks.training import Course, Workshop, seeded
from cogattn.world.stream import MOST_ELEMENTS, Stimulus, Task, TaskStream

PATCHES = 144  # of a frame
SIDE = 32  # pixels of a patch each way
INK = 16  # of a digit: each pixel of scikit-learn's images becomes 2 x 2
NOISE = 0.2  # sd of each pixel of each colour: over 2 x 2 of them that of `digits`
BANK = 256  # patches of noise, drawn once
SLOWEST, FASTEST = 8.0, 32.0  # pixels a second, each way
SHOT = 1.0  # s from one cut to the next [assumption]
TARGETS = 3  # red digits, all different
COARSE = 8  # pixels each way that the glance takes together
WIDTH = 64  # channels of the close look
SHARPNESS = 10.0  # of the glance's logits at birth, so that they are learnt as fast as the rest
CHUNK = 16  # shots per pass in an experiment, and
READ = 48  # patches per pass of the close look, always: so that an answer hangs on no other trial
SEED = 0

Pixels = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


# ---------------------------------------------------------------------------------------------------- data


@dataclass(frozen=True)
class Film:
    """Shots (B,), each with up to O digits that move within their patches, at one moment."""

    source: digits.Images
    image: Ints  # (B, O)
    role: Ints  # (B, O), EMPTY where there is none
    patch: Ints  # (B, O) where it is
    start: Floats  # (B, O, 2) pixels from the patch's corner, down and right
    speed: Floats  # (B, O, 2) pixels/s
    keys: Keys  # (B,)
    patches: int
    time: float = SHOT  #: since the cut, s

    def rows(self, which: Ints) -> Film:
        """Some of the shots."""
        cut = {
            name: getattr(self, name)[which] for name in ("image", "role", "patch", "start", "speed", "keys")
        }
        return replace(self, **cut)

    @property
    def digit(self) -> Ints:
        """(B, O) which digit each is."""
        return np.searchsorted(self.source.first, self.image, side="right") - 1

    def red(self) -> Bools:
        """(B, 10) which digits are there in red."""
        out = np.zeros((len(self.keys), digits.DIGITS), np.bool_)
        b, o = np.nonzero(self.role == TARGET)
        out[b, self.digit[b, o]] = True
        return out

    def at(self, values: Ints) -> Ints:
        """Something about each digit (B, O), at its patch (B, S); EMPTY where there is none."""
        out = np.full((len(self.keys), self.patches), EMPTY)
        b, o = np.nonzero(self.role != EMPTY)
        out[b, self.patch[b, o]] = values[b, o]
        return out

    def pixels(self) -> Pixels:
        """What reaches the eye, red and green: (B, S, 2, SIDE, SIDE)."""
        moment = PICTURE + MOST_ELEMENTS * round(1000 * self.time)
        u = uniforms(self.keys[:, None], DISPLAY, moment + np.arange(self.patches))
        out = _noise()[(u * BANK).astype(np.int64)]
        b, o = np.nonzero(self.role != EMPTY)  # (N,)
        corner = _bounced(self.start[b, o] + self.speed[b, o] * self.time, SIDE - INK)  # (N, 2)
        y, x = (corner[:, i, None] + np.arange(INK) for i in (0, 1))  # (N, INK)
        colour = np.where(self.role[b, o] == TARGET, 0, 1)
        ink = self.source.ink[self.image[b, o]].reshape(-1, 8, 8).repeat(2, 1).repeat(2, 2)
        place = [i[:, None, None] for i in (b, self.patch[b, o], colour)]
        out[(*place, y[:, :, None], x[:, None, :])] += ink
        return out


def _bounced(place: Floats, room: int) -> Ints:
    """Where something is, to the pixel, that runs to and fro between 0 and `room`."""
    return np.rint(room - np.abs(place % (2 * room) - room)).astype(np.int64)


@cache
def _noise() -> Pixels:
    patches = np.random.default_rng(SEED).normal(0, NOISE, (BANK, 2, SIDE, SIDE))
    return patches.astype(np.float32)


def shoot(source: digits.Images, roles: Ints, keys: Keys, patches: int) -> Film:
    """The shots of these keys; roles (B, O), the red ones first. Red digits of a shot are all different."""
    n = roles.shape[1]
    counters = np.cumsum([0, 6 * n, patches, digits.DIGITS])
    u = uniforms(keys[:, None, None], DISPLAY, np.arange(6 * n).reshape(6, n))  # (B, 6, O)
    order, kinds = (
        uniforms(keys[:, None], DISPLAY, np.arange(a, b)).argsort(1) for a, b in pairwise(counters[1:])
    )
    digit, m = (u[:, 0] * digits.DIGITS).astype(np.int64), min(n, digits.DIGITS)
    digit[:, :m] = np.where(roles[:, :m] == TARGET, kinds[:, :m], digit[:, :m])
    image = source.first[digit] + (u[:, 1] * source.count[digit]).astype(np.int64)
    start, speed = 2 * (SIDE - INK) * u[:, 2:4], SLOWEST + (FASTEST - SLOWEST) * u[:, 4:6]
    where = (order[:, :n], start.swapaxes(1, 2), speed.swapaxes(1, 2))
    return Film(source, image, roles, *where, keys, patches)


# ------------------------------------------------------------------------------------------------- network


class Conv(nn.Module):
    """A convolution, normalised over its batch."""

    def __init__(self, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, WIDTH, 3, stride=stride, padding=1, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (N, channels, h, w)."""
        out: torch.Tensor = self.norm(self.conv(x))
        return out

    def fold(self) -> None:
        """What it learnt of mean and spread goes into the weights: the same function, one step less."""
        assert isinstance(self.norm, nn.BatchNorm2d)
        self.conv, self.norm = fuse_conv_bn_eval(self.conv, self.norm), nn.Identity()


class Block(nn.Module):
    """A residual block: two convolutions beside a straight way."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = Conv(WIDTH), Conv(WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (N, WIDTH, h, w)."""
        return F.relu(x + self.second(F.relu(self.first(x))))


class Watcher(nn.Module):
    """A glance at all patches, a close look at some, and one attention call between them and the answer."""

    def __init__(self) -> None:
        super().__init__()
        self.coarse = nn.Sequential(nn.Linear(2 * (SIDE // COARSE) ** 2, 16), nn.Tanh(), nn.Linear(16, 2))
        self.close = nn.Sequential(
            Conv(1, stride=2), nn.ReLU(), Block(), Block(), nn.AvgPool2d(4), nn.Flatten(),
            nn.Linear(WIDTH * (SIDE // 8) ** 2, digits.DIGITS),
        )  # fmt: skip
        self.answer = nn.Sequential(nn.Linear(digits.DIGITS, 64), nn.GELU(), nn.Linear(64, digits.DIGITS))

    def glance(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Of patches (..., 2, SIDE, SIDE): how much each asks for attention, its logit; is anything there (> 0)?"""
        means = F.avg_pool2d(pixels.flatten(0, -4), COARSE).flatten(1)  # (N, 2 x 4 x 4)
        f, there = (SHARPNESS * self.coarse(means)).reshape(*pixels.shape[:-3], 2).unbind(-1)
        return f + F.logsigmoid(there), there  # what is not there asks for nothing

    def look(self, pixels: torch.Tensor) -> torch.Tensor:
        """A close look at patches (N, 2, SIDE, SIDE), at luminance alone: evidence for each digit (N, 10)."""
        told: torch.Tensor = self.close(pixels.sum(1, keepdim=True))
        return told

    def attend(
        self, logit: torch.Tensor, told: torch.Tensor, gate: GateState | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, 10) how much of the attention met each digit, and (B, S) how much each patch got.

        logit (B, S), told (B, S, 10): of each patch, the probability of each digit.
        """
        k, v = (
            F.pad(logit, (0, 1))[:, None, :, None],
            F.pad(told, (0, 0, 0, 1))[:, None],
        )  # the null key, last
        gate = None if gate is None else gate.with_null(logit.shape[1])
        met, got = gated_attention(k.new_ones(len(k), 1, 1, 1), k, v, gate, scale=1.0, need_weights=True)
        return met[:, 0, 0], got[:, 0, 0, :-1]

    def say(self, met: torch.Tensor) -> torch.Tensor:
        """Evidence that each digit is there in red, from how much of the attention met it (B, 10)."""
        said: torch.Tensor = self.answer((met + 0.01).log())
        return said


# ------------------------------------------------------------------------------------------------- subject


class LiveWatcher:
    """The trained network, before held-out images: a specialist, and a watcher of live films."""

    name = "live_watcher"
    shot = SHOT
    design = TaskDesign(
        title="Red digits in a film",
        column="distractors",
        values=(0, 4, 12, 36, 108),
        label="green digits beside the three red ones",
        measure="overlap of named and red digits",
        trials=10,
    )

    def __init__(
        self, network: Watcher, device: str, gap: float = 1.0, source: digits.Images | None = None
    ) -> None:
        self.network = copy.deepcopy(network).to(device).eval()
        for layer in self.network.modules():
            if isinstance(layer, Conv):
                layer.fold()
        self.network.close.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.device, self.gap, self.patches = device, gap, PATCHES
        self.source = digits.images(held_out=True) if source is None else source

    def resized(self, patches: int) -> LiveWatcher:
        """The same network before frames of so many patches."""
        other = copy.copy(self)
        other.patches = whole("patches", patches, least=TARGETS, most=MOST_ELEMENTS)
        return other

    # -- one trial: a shot, seen until its end

    def stream(self, value: float) -> TaskStream:
        """Every patch is there from one cut to the next."""
        task = Task("watch", monotony=1.0)
        patches = tuple(Stimulus(f"p{s}", 0.0, mask=SHOT, task=task.name) for s in range(self.patches))
        return TaskStream(patches, end=SHOT + 0.1, tasks=(task,))

    def show(self, value: float, keys: Keys) -> Film:
        """The last frames of these shots, with `value` green digits."""
        greens = int(value)
        if greens != value or not 0 <= greens <= self.patches - TARGETS:
            most = self.patches - TARGETS
            raise InputError(
                f"distractors must be a whole number from 0 to {most} on {self.patches} patches, got {value:g}"
            )
        keys = np.atleast_1d(np.asarray(keys, np.uint64))
        roles = np.repeat([TARGET, DISTRACTOR], [TARGETS, greens])
        return shoot(self.source, np.tile(roles, (len(keys), 1)), keys, self.patches)

    @torch.inference_mode()
    def weigh(self, display: Film) -> Floats:
        """The logits of the glance; -inf where it finds nothing."""
        parts = [self._found(pixels) for _, pixels, _ in self._chunks(display)]
        return np.concatenate([np.empty((0, display.patches)), *parts])[: len(display.keys)]

    @torch.inference_mode()
    def answer(self, display: Film, gate: GateState | None) -> dict[str, npt.NDArray[Any]]:
        """What is named of what is there."""
        said = [np.empty((0, digits.DIGITS), np.bool_)]
        for pixels, logit, part, n in self._gated(display, gate):
            met, _ = self.network.attend(logit, self._told(pixels, part, n), part)
            said.append((self.network.say(met) > 0).cpu().numpy())
        named, red = np.concatenate(said)[: len(display.keys)], display.red()
        return {
            "score": overlap(named, red),
            "hits": (named & red).sum(1),
            "false_alarms": (named & ~red).sum(1),
            "response": np.array([" ".join(map(str, np.flatnonzero(row))) for row in named], object),
        }

    @torch.inference_mode()
    def allocate(self, display: Film, gate: GateState | None) -> Floats:
        """How much of the attention each patch got."""
        got = [np.empty((0, display.patches))]
        for _, logit, part, _ in self._gated(display, gate):
            nothing = logit.new_zeros(*logit.shape, digits.DIGITS)
            got.append(self.network.attend(logit, nothing, part)[1].double().cpu().numpy())
        return np.concatenate(got)[: len(display.keys)]

    def elements(self, display: Film, row: int) -> Pixels:
        """The patches of one frame in colour: (S, SIDE, SIDE, 3)."""
        light = display.rows(np.array([row])).pixels()[0].clip(0, 1)  # (S, 2, SIDE, SIDE)
        return np.stack([light[:, 0], light[:, 1], np.zeros_like(light[:, 0])], -1)

    def _chunks(self, display: Film, gate: GateState | None = None) -> Any:
        """(rows, pixels, gate) of CHUNK shots at a time."""
        for rows, part in row_chunks(len(display.keys), gate, self.device, CHUNK):
            yield rows, torch.from_numpy(display.rows(rows).pixels()).to(self.device), part

    def _gated(self, display: Film, gate: GateState | None) -> Any:
        """(pixels, logits, gate, how many are no filling) of CHUNK shots at a time."""
        if gate is not None:
            gate.validate(len(display.keys), 1, 1, display.patches)
        for rows, pixels, part in self._chunks(display, gate):
            yield pixels, self.network.glance(pixels)[0], part, len(np.unique(rows))

    def _told(self, pixels: torch.Tensor, gate: GateState | None, n: int) -> torch.Tensor:
        """What close looks at the first n shots tell of the patches that are open; nothing of the others. (B, S, 10)"""
        B, S = pixels.shape[:2]
        is_open = torch.arange(B, device=self.device)[:, None].expand(B, S) < n
        visible = None if gate is None else gate.visible(S)
        if visible is not None:
            is_open = is_open & visible[:, 0, 0]
        told = pixels.new_zeros(B * S, digits.DIGITS)
        for part in torch.split(is_open.flatten().nonzero()[:, 0], READ):
            batch = pixels.new_zeros(READ, *pixels.shape[2:])
            batch[: len(part)] = pixels.flatten(0, 1)[part]
            told[part] = self.network.look(batch)[: len(part)].softmax(-1)
        return told.reshape(B, S, -1)

    def _found(self, pixels: torch.Tensor) -> Floats:
        logit, there = self.network.glance(pixels)
        return np.where((there > 0).cpu().numpy(), logit.double().cpu().numpy(), -np.inf)

    # -- live: frame after frame

    def frame(self, display: Film, time: float) -> Pixels:
        """What reaches the eye `time` s after the cut of the one shot: (S, 2, SIDE, SIDE)."""
        return replace(display, time=time).pixels()[0]

    @torch.inference_mode()
    def glance(self, frame: Pixels) -> Floats:
        """Logit per patch (S,); -inf where the glance finds nothing."""
        return self._found(torch.from_numpy(frame).to(self.device))

    @torch.inference_mode()
    def look(self, frame: Pixels, index: Ints | None) -> Bools:
        """Which digits it names (10,) after a close look at these patches alone (None: all)."""
        pixels = torch.from_numpy(frame if index is None else frame[index]).to(self.device)
        told = torch.cat([self.network.look(part).softmax(-1) for part in torch.split(pixels, READ)])
        met, _ = self.network.attend(self.network.glance(pixels)[0][None], told[None])
        named: Bools = (self.network.say(met)[0] > 0).cpu().numpy()
        return named

    def mark(self, display: Film, answer: Bools) -> float:
        """The overlap of what is named with what is there in red."""
        return float(overlap(answer[None], display.red())[0])

    def glance_macs(self) -> int:
        """Multiply-accumulates of a glance at a frame."""
        return self.patches * _macs()["glance"]

    def look_macs(self, read: int) -> int:
        """Multiply-accumulates of a close look at so many patches: their logits, what they tell, the answer."""
        cost = _macs()
        return read * (cost["glance"] + cost["look"]) + (read + 1) * cost["attend"] + cost["answer"]


def overlap(named: Bools, red: Bools) -> Floats:
    """Digits named and red over digits named or red (Jaccard's index), row by row."""
    return np.asarray((named & red).sum(1) / np.maximum((named | red).sum(1), 1), float)


@cache
def _macs() -> dict[str, int]:
    """Multiply-accumulates of each part, for one patch (the answer: once), from the sizes of the layers."""
    network = LiveWatcher(Watcher(), "cpu").network
    patch = torch.zeros(1, 2, SIDE, SIDE)
    return {
        "glance": count(lambda: network.glance(patch), network)
        + patch.numel(),  # each pixel goes into a mean
        "look": count(lambda: network.look(patch), network),
        "attend": 1 + digits.DIGITS,  # q·k and its share of the values; so does the null key
        "answer": count(lambda: network.say(torch.zeros(1, digits.DIGITS)), network),
    }


@torch.inference_mode()
def count(act: Any, network: nn.Module) -> int:
    """Multiply-accumulates of the layers that an act runs through: each number that comes out took a row of weights."""
    found: list[int] = []

    def note(layer: Any, _: Any, out: torch.Tensor) -> None:
        found.append(out.numel() * layer.weight[0].numel())

    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    act()
    for hook in hooks:
        hook.remove()
    return sum(found)


def load(device: str) -> LiveWatcher:
    """The subject with the weights that lie beside this file."""
    network = Watcher()
    notes = load_weights(network, WORKSHOP.weights, WORKSHOP.make)
    try:
        return LiveWatcher(network, device, float(notes["gap"]))
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{WORKSHOP.weights} does not say its gap; make it anew with: {WORKSHOP.make}"
        ) from error


# ---------------------------------------------------------------------------------------- training, measuring

BATCH = 32  # shots per step,
REDS, GREENS, LESSON = 6, 20, 36  # of up to so many red and green digits on so many patches;
OTHERS = 2  # beside the red digits, so many green ones are looked at: what is not looked at tells nothing


def lesson(step: int, seed: int = SEED) -> tuple[Film, Bools, Bools]:
    """Shots of training images, which patches are open (B, S), which of those are looked at."""
    keys = trial_keys(seed, step, np.arange(BATCH))
    u = uniforms(keys[:, None], DISPLAY, PICTURE - 1 - np.arange(2 * LESSON + 3))
    red = np.arange(REDS) < (u[:, :1] * (REDS + 1)).astype(np.int64)
    green = np.arange(GREENS) < (u[:, 1:2] * (GREENS + 1)).astype(np.int64)
    roles = np.concatenate([np.where(red, TARGET, EMPTY), np.where(green, DISTRACTOR, EMPTY)], 1)
    film = shoot(digits.images(held_out=False), roles, keys, LESSON)
    role = film.at(film.role)
    is_open = u[:, 3 + LESSON :] >= u[:, 2:3]  # a share of each shot's own is shut
    green = is_open & (role == DISTRACTOR)
    rank = np.where(green, u[:, 3 : 3 + LESSON], 2.0).argsort(1).argsort(1)
    return film, is_open, (is_open & (role == TARGET)) | (green & (rank < OTHERS))


def loss(network: Watcher, step: int) -> torch.Tensor:
    """What each close look should tell, how much of the attention should meet each red digit that is open, what should
    be said of it, and which patches hold anything."""
    film, is_open, looked = lesson(step)
    role, digit = torch.from_numpy(film.at(film.role)), torch.from_numpy(film.at(film.digit))
    keep, read = torch.from_numpy(is_open), torch.from_numpy(looked)
    pixels = torch.from_numpy(film.pixels())
    logit, there = network.glance(pixels)
    evidence = network.look(pixels[read])
    told = pixels.new_zeros(*role.shape, digits.DIGITS).masked_scatter(read[..., None], evidence.softmax(-1))
    met, _ = network.attend(logit, told, GateState(keep=keep))
    wanted = F.one_hot(digit.clamp(min=0), digits.DIGITS) * (keep & (role == TARGET))[..., None]
    red = wanted.sum(1).float()  # (B, 10)
    share = torch.cat(
        [red, (red.sum(1, keepdim=True) == 0).float()], 1
    )  # where no red one is open, the null key's
    spent = torch.cat([met, 1 - met.sum(1, keepdim=True)], 1)
    met_red = -(share * spent.clamp(min=1e-6).log()).sum(1) / share.sum(1)
    said = F.binary_cross_entropy_with_logits(network.say(met), red, reduction="none").sum(1)
    seen = F.binary_cross_entropy_with_logits(there, (role != EMPTY).float())
    return F.cross_entropy(evidence, digit[read]) + met_red.mean() + said.mean() + seen


def measure(network: Watcher, shots: int = 64, looks: int = 2000) -> dict[str, float]:
    """Held-out digits: read right by a close look; named among others, all patches looked at. What a glance finds."""
    watcher = LiveWatcher(network, "cpu")
    found = {"read_right": _read_right(watcher, looks)}
    for value in (0, 12, 108):
        display = watcher.show(value, trial_keys(seed_of(SEED, "accuracy"), value, np.arange(shots)))
        found[f"overlap_{value}"] = float(watcher.answer(display, None)["score"].mean())
    seen, role = _glances(watcher, shots)
    found["found"] = float(np.isfinite(seen)[role != EMPTY].mean())
    found["false"] = float(np.isfinite(seen)[role == EMPTY].mean())
    taught, role = _glances(LiveWatcher(network, "cpu", source=digits.images(held_out=False)), shots)
    there = np.isfinite(taught)
    red, green = (taught[there & (role == kind)] for kind in (TARGET, DISTRACTOR))
    found["gap"] = float(red.mean() - green.mean())
    found["sd_red"], found["sd_green"] = (float(x.std()) for x in (red, green))
    return found


def _glances(watcher: LiveWatcher, shots: int) -> tuple[Floats, Ints]:
    """Logits and roles by patch of crowded shots."""
    display = watcher.show(60, trial_keys(seed_of(SEED, "glance"), 0, np.arange(shots)))
    return watcher.weigh(display), display.at(display.role)


@torch.inference_mode()
def _read_right(watcher: LiveWatcher, looks: int) -> float:
    """Of so many digits, each looked at closely, how many are read right."""
    display = watcher.show(0, trial_keys(seed_of(SEED, "close"), 0, np.arange(-(-looks // TARGETS))))
    right = []
    for rows in np.array_split(np.arange(len(display.keys)), -(-len(display.keys) // CHUNK)):
        part = display.rows(rows)
        digit = part.at(part.digit)
        seen = watcher.network.look(torch.from_numpy(part.pixels()[digit != EMPTY]))
        right.append(seen.argmax(1).numpy() == digit[digit != EMPTY])
    return float(np.concatenate(right).mean())


def report(numbers: dict[str, float]) -> None:
    """The table that the head of this file quotes."""
    print(f"held-out digits, one close look: {numbers['read_right']:.4f} read right")
    print(f"overlap of named and red digits, all {PATCHES} patches looked at:")
    for value in (0, 12, 108):
        print(f"  {value:3d} green digits  {numbers[f'overlap_{value}']:.3f}")
    print(f"a glance finds {numbers['found']:.4f} of the digits, and {numbers['false']:.5f} of what is empty")
    print(
        f"logits, training digits: gap {numbers['gap']:.2f}, sd {numbers['sd_red']:.2f} and {numbers['sd_green']:.2f}"
    )
    print(
        f"a close look takes {_macs()['look']:,} multiply-accumulates, a glance {_macs()['glance']:,} a patch"
    )


WORKSHOP = Workshop(
    Path(__file__),
    network=lambda: seeded(Watcher, SEED),
    lesson=loss,
    course=Course(steps=1000, rate=3e-3, decay=0.05),
    measure=measure,
    report=report,
)

if __name__ == "__main__":
    raise SystemExit(WORKSHOP.main())
