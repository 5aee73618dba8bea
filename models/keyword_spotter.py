"""A network that finds a spoken word in a recording: attention over the pieces of its spectrogram.

    python models/keyword_spotter.py                  # train (90 s on one core), measure, write the weights
    python models/keyword_spotter.py --check          # load the weights and measure them again
    python models/keyword_spotter.py --data FOLDER --to mine.safetensors [--words yes,no]    # your own recordings

One of eight words is said once, somewhere in a recording of 1 to 8 s with noise, other words and other sounds. All is
made here (`say`): a pulse train through three formants that glide, and noises (Fant 1960; formants of Peterson &
Barney 1952), by voices of different pitch, throat and tempo; it is tested on voices that it was not trained on.
FOLDER/word/*.wav as in Speech Commands (Warden 2018, arXiv:1804.03209) trains the same network on people's voices; a
copy of this file beside such weights (mine.py) is a network that takes its task on the speakers who were held out.

An element is a tenth of a second: its log-mel spectrogram, no window of which reaches into the next. Each is encoded
by itself; two queries of four heads read them, and a null key (logit 0, value 0):

    logit(j, s) = q_j·k(s)        answer = g(Σ_s softmax_s(logit(j, s)) · v(s), all j)

What you should see, for 1, 2, 4, 8 s: right without a gate 1.000 .998 .994 .990; 50 people (100 trials each) .82 .70
.60 .47, a guess .125. They hold three tenths of a second, which lie in the word in 56 % of cases at 1 s and in 27 %
at 8 s; any three of the word would do (.95). Weak: made voices are cleaner than people's; order within the word is
known only as far as a tenth of a second shows it; and people keep words, not tenths of a second: who keeps a store of
such pieces hears worse than any listener, so this says what the store does to the network, not how people listen.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import warnings
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from scipy import signal
from scipy.io import wavfile
from torch import nn

from cogattn.errors import InputError
from cogattn.mind.draws import DISPLAY, seed_of, trial_keys, uniforms
from cogattn.nn.functional import gated_attention
from cogattn.nn.gate import GateState
from cogattn.nn.networks.registry import (
    PICTURE,
    Keys,
    Labels,
    TaskDesign,
    load_weights,
    noted,
    read_weights,
    row_chunks,
)
from cogattn.nn.networks.training import GROUPS, Course, Workshop, group_of, seeded
from cogattn.world.stream import TaskStream, one_by_one

RATE = 16_000  # samples per s
CHUNK = 1600  # samples of an element: 100 ms
PER_SECOND = RATE // CHUNK
WINDOW, HOP, POINTS = 400, 300, 512  # of the spectrogram: 25 ms every 19 ms, zeros around it up to 512
FRAMES = 1 + (CHUNK - POINTS) // HOP
BANDS, LOWEST, HIGHEST = 32, 60.0, 7600.0  # mel bands, Hz
FAINTEST = 1e-3  # power that counts as silence
SECONDS = (1, 2, 4, 8)
LONGEST = 25  # s: 250 elements, a mind holds 256
FILLED = 0.5  # share of the other seconds in which something else sounds
QUIETER = (-6.0, 3.0)  # dB, of what else sounds, to the word
SIGNAL = (5.0, 20.0)  # dB, of the word to the noise
LOUDNESS = 0.1  # rms of a word, of a full scale of 1
WIDTH, HEADS, QUERIES = 64, 4, 2
BATCH = 64
COURSE = Course(steps=2000, rate=3e-3, decay=0.02, warmup=100)
OWN = replace(COURSE, every=100, patience=8)  # of one's own recordings
LESSONS = (1, 2, 4)  # s, of training recordings
DROPPED = 1 / 2  # of training trials: those in which some elements are shut
SEED = 0

Floats = npt.NDArray[np.float32]
Wave = npt.NDArray[np.float64]
Parts = tuple[tuple[str, int], ...]

# ---------------------------------------------------------------------------------------- how a word sounds

#: Formants [Hz]: men's vowels, Peterson & Barney 1952 (J Acoust Soc Am 24:175, table II); n, l, r roughly.
FORMANTS = {
    "i": (270, 2290, 3010), "I": (390, 1990, 2550), "E": (530, 1840, 2480), "A": (660, 1720, 2410),
    "a": (730, 1090, 2440), "O": (570, 840, 2410), "U": (440, 1020, 2240), "u": (300, 870, 2240),
    "V": (640, 1190, 2390), "n": (250, 1200, 2200), "l": (350, 1000, 2400), "r": (330, 1060, 1400),
}  # fmt: skip
WIDTHS = (60.0, 90.0, 150.0)  # of the formants, Hz
#: Hisses and bursts: from, to [Hz], loudness.
NOISES = {
    "s": (4000, 7500, 0.25), "f": (1500, 7500, 0.08), "t": (3000, 6500, 0.4), "p": (300, 1500, 0.4),
    "d": (2000, 4500, 0.4), "g": (1200, 2600, 0.4), "k": (1400, 3000, 0.4),
}  # fmt: skip
#: A word is a row of parts: a vowel, a glide "xy" from one to another, a noise, "-" silence; each with its ms.
WORDS: dict[str, Parts] = {
    "yes": (("iE", 110), ("E", 90), ("s", 170)),
    "no": (("n", 90), ("O", 70), ("OU", 190)),
    "up": (("V", 150), ("-", 70), ("p", 30)),
    "down": (("d", 15), ("a", 90), ("aU", 150), ("n", 110)),
    "left": (("l", 70), ("E", 130), ("f", 90), ("-", 40), ("t", 30)),
    "right": (("r", 60), ("ra", 50), ("a", 60), ("ai", 140), ("-", 50), ("t", 30)),
    "stop": (("s", 130), ("-", 50), ("t", 15), ("a", 150), ("-", 60), ("p", 30)),
    "go": (("g", 20), ("O", 100), ("OU", 200)),
}
OTHERS: dict[str, Parts] = {
    "bed": (("p", 10), ("E", 180), ("-", 40), ("d", 20)),
    "wow": (("ua", 110), ("a", 60), ("au", 150)),
    "six": (("s", 130), ("I", 110), ("-", 50), ("k", 20), ("s", 130)),
    "four": (("f", 110), ("O", 140), ("Or", 120)),
    "happy": (("f", 50), ("A", 110), ("-", 60), ("p", 20), ("i", 140)),
}
SOUNDS = ("beep", "chirp", "knock", "hiss")


@dataclass(frozen=True)
class Voice:
    """Who speaks."""

    pitch: float  # Hz, where a word begins
    fall: float  # share of it lost over a second
    tract: float  # formants, times those of men
    tempo: float  # lengths, times those of WORDS


def voices(n: int, rng: np.random.Generator) -> list[Voice]:
    """Men, women and children: the higher the voice, the shorter the throat."""
    pitch = rng.uniform(95, 240, n)
    tract = 0.95 + 0.2 * (pitch - 95) / 145 + rng.normal(0, 0.03, n)
    rows = zip(pitch, rng.uniform(0, 0.25, n), tract, rng.uniform(1.25, 1.8, n), strict=True)
    return [Voice(*map(float, row)) for row in rows]


def say(parts: Parts, voice: Voice, rng: np.random.Generator) -> Wave:
    """Source and filter (Fant 1960, Acoustic theory of speech production): harmonics through formants, and noises."""
    pieces, phase = [np.zeros(0)], 0.0
    for sound, ms in parts:
        n = round(ms / 1000 * voice.tempo * RATE * rng.uniform(0.9, 1.1))
        if sound == "-":
            pieces.append(np.zeros(n))
        elif sound in NOISES:
            pieces.append(_noise(n, *NOISES[sound], rng))
        else:
            since = sum(map(len, pieces)) / RATE
            piece, phase = _voiced(n, sound, voice, since, phase, rng)
            pieces.append(piece)
    return np.concatenate(pieces)


def _voiced(
    n: int, sound: str, voice: Voice, since: float, phase: float, rng: np.random.Generator
) -> tuple[Wave, float]:
    """n samples of a vowel or a glide, and the phase at its end. Harmonic h has 1 / h of the source's strength."""
    pitch = voice.pitch * (1 - voice.fall * (since + np.arange(n) / RATE))
    angle = phase + 2 * np.pi * np.cumsum(pitch) / RATE
    first, last = (
        voice.tract * np.array(FORMANTS[x]) * rng.normal(1, 0.03, 3) for x in (sound[0], sound[-1])
    )
    every = 80  # the filters move each 5 ms
    formant = first + (last - first) * np.linspace(0, 1, n)[::every, None]  # (n / every, 3)
    h = np.arange(1, int(4000 / voice.pitch) + 1)
    gain = _resonance(h * pitch[::every, None], formant) / h
    wave = (np.repeat(gain, every, 0)[:n] * np.sin(angle[:, None] * h)).sum(1)
    loud = 0.35 if sound in ("n", "l") else 1.0
    return loud * _level(wave) * _edge(n, 0.008), float(angle[-1])


def _resonance(frequency: Wave, formant: Wave) -> Wave:
    """|H| of three resonators in a row: F^2 / sqrt((F^2 - f^2)^2 + (f width)^2) each. (t, h) from (t, h) and (t, 3)."""
    gain = np.ones_like(frequency)
    for i, width in enumerate(WIDTHS):
        F2 = formant[:, i, None] ** 2
        gain *= F2 / np.sqrt((F2 - frequency**2) ** 2 + (frequency * width) ** 2)
    return gain


def _noise(n: int, low: float, high: float, loud: float, rng: np.random.Generator) -> Wave:
    """n samples of noise between two frequencies."""
    spectrum, f = np.fft.rfft(rng.standard_normal(n)), np.fft.rfftfreq(n, 1 / RATE)
    wave = np.fft.irfft(np.where((f >= low) & (f <= high), spectrum, 0), n)
    return loud * _level(wave) * _edge(n, 0.002)


def sound(kind: str, rng: np.random.Generator) -> Wave:
    """0.2 to 0.6 s of something that is no word."""
    t = np.arange(int(RATE * rng.uniform(0.2, 0.6))) / RATE
    if kind == "beep":
        wave = np.sin(2 * np.pi * rng.uniform(300, 3000) * t)
    elif kind == "chirp":
        wave = np.sin(2 * np.pi * (rng.uniform(300, 2000) * t + rng.uniform(-300, 1500) * t**2))
    else:
        wave = rng.standard_normal(len(t)) * (np.exp(-t / 0.03) if kind == "knock" else 1)
    return wave * _edge(len(t), 0.002)


def hum(rng: np.random.Generator, seconds: int = 60) -> Floats:
    """Pink noise, rms 1: power falls as 1 / f from 50 Hz."""
    n = seconds * RATE
    spectrum = np.fft.rfft(rng.standard_normal(n)) / np.sqrt(np.maximum(np.fft.rfftfreq(n, 1 / RATE), 50))
    return _level(np.fft.irfft(spectrum, n)).astype(np.float32)


def _level(wave: Wave) -> Wave:
    """At rms 1; silence stays silent."""
    return wave / max(float(np.sqrt(np.mean(wave**2))), 1e-9)


def _edge(n: int, seconds: float) -> Wave:
    """Up from 0 and down to 0, so that nothing clicks."""
    k = np.arange(n)
    return np.minimum(1, np.minimum(k, n - 1 - k) / (seconds * RATE))


# -------------------------------------------------------------------------------------------- recordings


@dataclass(frozen=True)
class Bank:
    """Clips to make recordings from, each at rms 1 and at most a second long, sorted by word; others last."""

    words: tuple[str, ...]
    samples: Floats  # all clips, end to end
    start: Labels  # (clips,) where each begins
    length: Labels  # (clips,)
    first: Labels  # (words + 1,) the first clip of each word, and of what is no such word
    count: Labels  # (words + 1,)
    noise: Floats  # rms 1, at least LONGEST s
    notes: tuple[str, ...] = ()  # what was odd about the files

    @classmethod
    def of(
        cls, words: tuple[str, ...], clips: list[list[Wave]], noise: Floats, notes: Iterable[str] = ()
    ) -> Bank:
        """clips: of each word, then of the others."""
        flat = [_level(x[:RATE]).astype(np.float32) for some in clips for x in some]
        length, count = np.array([len(x) for x in flat]), np.array([len(some) for some in clips])
        return cls(words, np.concatenate(flat), length.cumsum() - length, length, count.cumsum() - count, count, noise,
                   tuple(notes))  # fmt: skip


@cache
def made(held_out: bool) -> Bank:
    """Words of 48 voices to train on, of 16 others to test."""
    rng = np.random.default_rng([SEED, int(held_out)])
    who = voices(16 if held_out else 48, rng)
    clips = [[say(parts, voice, rng) for voice in who] for parts in WORDS.values()]
    return Bank.of(tuple(WORDS), [*clips, _others(rng, who)], hum(rng))


def _others(rng: np.random.Generator, who: list[Voice]) -> list[Wave]:
    words = [say(parts, voice, rng) for parts in OTHERS.values() for voice in who]
    return words + [sound(kind, rng) for kind in SOUNDS for _ in who]


# ------------------------------------------------------------------------- recordings of one's own (--data)

MOST = 300  # clips taken of each word
NOISE_FOLDER = "_background_noise_"


@cache
def recorded(folder: Path, words: tuple[str, ...], group: str) -> Bank:
    """FOLDER/word/*.wav: the clips of the speakers of a group (`training.GROUPS`). No file is changed.

    The speaker is what stands before "_nohash_" in a file's name (as in Speech Commands), else the whole name. Words
    that are not asked for, and made-up sounds, are the others; the noise is that of `_background_noise_`, else made.
    """
    found = _folders(folder)
    words = words or tuple(found)
    missing = [word for word in words if word not in found]
    if missing or len(set(words)) < max(2, len(words)):
        raise InputError(
            f"words must be two or more of {', '.join(found)}, each once, got {', '.join(words)}"
        )
    notes = _Notes()
    some = {word: _clips(path, group, notes) for word, path in found.items()}
    for word in words:
        if not some[word]:
            raise InputError(f"{folder / word} holds no clip of a speaker who is {group}: add recordings")
    rng = np.random.default_rng([SEED, GROUPS.index(group)])
    others = [x for word, clips in some.items() if word not in words for x in clips]
    others += [sound(kind, rng) for kind in SOUNDS for _ in range(16)]
    noise = _background(folder / NOISE_FOLDER, group == GROUPS[2], rng, notes)
    return Bank.of(words, [*(some[word] for word in words), others], noise, notes.lines())


class _Notes:
    """What was odd about files, told once for each kind."""

    def __init__(self) -> None:
        self.odd: dict[str, list[str]] = {}

    def add(self, kind: str, path: Path) -> None:
        self.odd.setdefault(kind, []).append(f"{path.parent.name}/{path.name}")

    def lines(self) -> list[str]:
        """A line for each kind: how many, and the first few."""
        first = {
            kind: ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
            for kind, names in self.odd.items()
        }
        return [f"{kind}: {len(self.odd[kind])} ({names})" for kind, names in first.items()]


def _folders(folder: Path) -> dict[str, Path]:
    """The folder of each word."""
    if not folder.is_dir():
        raise InputError(
            f"data must be a folder that holds a folder of WAV files per word, got {str(folder)!r}"
        )
    found = {p.name: p for p in sorted(folder.iterdir()) if p.is_dir() and p.name[0] not in "._"}
    if len(found) < 2:
        raise InputError(
            f"{folder} must hold a folder of WAV files for each of two words or more, got {len(found)}"
        )
    return found


def _clips(folder: Path, group: str, notes: _Notes) -> list[Wave]:
    """What of a word's folder can be used, at most MOST, always the same."""
    mine = [p for p in folder.iterdir() if p.suffix.lower() == ".wav" and _group(p) == group]
    mine = sorted(mine, key=lambda p: (zlib.crc32(p.name.encode()), p.name))
    if len(mine) > MOST:
        notes.add(f"only {MOST} files were taken of", folder / "*.wav")
    read = [_clip(p, notes) for p in mine[:MOST]]
    return [x for x in read if x is not None]


def _group(path: Path) -> str:
    return group_of(path.stem.split("_nohash_")[0])


def _clip(path: Path, notes: _Notes) -> Wave | None:
    """The sounding part of a file, at most its loudest second; None if there is none."""
    wave = _read(path, notes)
    if wave is None:
        return None
    frame = RATE // 100
    loud = np.square(np.pad(wave, (0, -len(wave) % frame)).reshape(-1, frame)).mean(1)
    if not loud.max(initial=0) > 1e-10:
        notes.add("left out, silent", path)
        return None
    heard = np.flatnonzero(loud > loud.max() / 1000)  # within 30 dB of the loudest hundredth of a second
    wave = wave[heard[0] * frame : (heard[-1] + 1) * frame]
    if len(wave) > RATE:
        notes.add("longer than a second, its loudest second taken", path)
        so_far = np.concatenate([[0], np.square(wave).cumsum()])
        begin = int((so_far[RATE:] - so_far[:-RATE]).argmax())
        wave = wave[begin : begin + RATE]
    return wave


def _read(path: Path, notes: _Notes) -> Wave | None:
    """A WAV file at RATE, one channel, full scale 1; None (and a note) if it cannot be read."""
    try:
        rate, wave, channels = read_wav(path)
    except InputError as error:
        notes.add(f"left out, {str(error).removeprefix(f'{path} ')}", path)
        return None
    if channels > 1:
        notes.add("more than one channel, their mean taken", path)
    if rate != RATE:
        notes.add(f"not of {RATE} samples per s, resampled", path)
    return wave


def read_wav(path: Path) -> tuple[int, Wave, int]:
    """(its rate, samples at RATE of one channel at full scale 1, its channels) of a WAV file of 8 to 32 bits."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", wavfile.WavFileWarning)  # the file ends before it should
            warnings.filterwarnings("ignore", "Chunk", wavfile.WavFileWarning)  # of a kind that is no sound
            rate, raw = wavfile.read(path)
    except Exception as error:  # scipy raises half a dozen kinds here
        raise InputError(f"{path} is no whole WAV file ({type(error).__name__})") from error
    if raw.dtype.kind == "u":
        wave = (raw.astype(float) - 128) / 128  # 8 bits
    else:
        wave = raw.astype(float) / (1.0 if raw.dtype.kind == "f" else 2.0 ** (8 * raw.dtype.itemsize - 1))
    channels = 1 if wave.ndim == 1 else wave.shape[1]
    wave = wave if wave.ndim == 1 else wave.mean(1)
    if not len(wave) or not np.isfinite(wave).all() or not 1000 <= rate <= 1_000_000:
        raise InputError(f"{path} holds no sound (samples, finite, 1000 to 1000000 per s)")
    if rate != RATE:
        common = math.gcd(rate, RATE)
        wave = signal.resample_poly(wave, RATE // common, rate // common)
    return rate, wave, channels


def _background(folder: Path, held_out: bool, rng: np.random.Generator, notes: _Notes) -> Floats:
    """The noise of a folder, its last fifth held out, repeated until it is long enough; made if there is none."""
    paths = sorted(p for p in folder.glob("*") if p.suffix.lower() == ".wav") if folder.is_dir() else []
    waves = [x for x in (_read(p, notes) for p in paths) if x is not None]
    parts = [_level(x[-len(x) // 5 :] if held_out else x[: -len(x) // 5]) for x in waves]
    noise = np.concatenate([np.zeros(0), *parts])
    if not np.square(noise).sum() > 0:
        return hum(rng)
    return np.tile(_level(noise), math.ceil(2 * LONGEST * RATE / len(noise))).astype(np.float32)


# ----------------------------------------------------------------------------------------------- trials


@dataclass(frozen=True)
class Display:
    """B recordings of L seconds: which clip sounds in each second, where it begins, how loud, and the noise."""

    bank: Bank
    clip: Labels  # (B, L), -1 = none
    begins: Labels  # (B, L) sample of the recording
    gain: Floats  # (B, L)
    hum_from: Labels  # (B,) sample of the noise
    hum_gain: Floats  # (B,)
    truth: Labels  # (B,) the word
    second: Labels  # (B,) where it is said

    def __len__(self) -> int:
        return len(self.truth)

    def waves(self, rows: Labels) -> Floats:
        """(rows, samples) what is heard."""
        bank, seconds = self.bank, self.clip.shape[1]
        time = np.arange(seconds * RATE)
        out = bank.noise[self.hum_from[rows, None] + time] * self.hum_gain[rows, None]
        for s in range(seconds):
            clip = self.clip[rows, s]
            since = time[None, s * RATE : (s + 1) * RATE] - self.begins[rows, s, None]
            sounds = (clip[:, None] >= 0) & (since >= 0) & (since < bank.length[clip, None])
            heard = bank.samples[np.where(sounds, bank.start[clip, None] + since, 0)]
            out[:, s * RATE : (s + 1) * RATE] += np.where(sounds, heard, 0) * self.gain[rows, s, None]
        return out

    @cached_property
    def inside(self) -> npt.NDArray[np.float64]:
        """(B, S) the share of each element in which the word sounds."""
        one = np.arange(len(self))
        begins = self.begins[one, self.second][:, None]
        ends = begins + self.bank.length[self.clip[one, self.second]][:, None]
        edge = CHUNK * np.arange(self.clip.shape[1] * PER_SECOND)
        return np.clip(np.minimum(edge + CHUNK, ends) - np.maximum(edge, begins), 0, None) / CHUNK

    @cached_property
    def spectra(self) -> npt.NDArray[np.float16]:
        """(B, S, FRAMES x BANDS) what reaches the network: half the digits, a quarter of the room."""
        parts = [np.empty((0, self.clip.shape[1] * PER_SECOND, FRAMES * BANDS), np.float16)]
        for rows, _ in row_chunks(len(self), size=64):
            parts.append(log_mel(torch.from_numpy(self.waves(rows))).numpy().astype(np.float16))
        return np.concatenate(parts)[: len(self)]


def draw(bank: Bank, seconds: int, keys: Keys) -> Display:
    """The recordings of these keys."""
    u = uniforms(
        keys[:, None, None], DISPLAY, PICTURE + np.arange(5 * LONGEST).reshape(5, LONGEST)[:, :seconds]
    )
    v = uniforms(keys[:, None], DISPLAY, PICTURE + 1000 + np.arange(4))
    words, which = len(bank.words), u[:, 0]
    truth, second = (v[:, 0] * words).astype(np.int64), (v[:, 1] * seconds).astype(np.int64)
    asked = np.arange(seconds) == second[:, None]
    kind = np.where(asked, truth[:, None], words)
    clip = bank.first[kind] + (which * bank.count[kind]).astype(np.int64)
    clip = np.where(asked | (u[:, 1] < FILLED), clip, -1)
    begins = RATE * np.arange(seconds) + (u[:, 2] * (RATE - bank.length[clip] + 1)).astype(np.int64)
    louder = np.where(asked, 0.0, QUIETER[0] + (QUIETER[1] - QUIETER[0]) * u[:, 3])
    under = SIGNAL[0] + (SIGNAL[1] - SIGNAL[0]) * v[:, 2]
    start = (v[:, 3] * (len(bank.noise) - seconds * RATE)).astype(np.int64)
    gain, hum_gain = (LOUDNESS * 10 ** (x / 20) for x in (louder, -under))
    return Display(
        bank, clip, begins, gain.astype(np.float32), start, hum_gain.astype(np.float32), truth, second
    )


# --------------------------------------------------------------------------------------------- spectrogram


@cache
def mel_bands() -> Floats:
    """(BANDS, POINTS / 2 + 1) triangles, evenly spaced on the mel scale, 2595 log10(1 + f / 700)."""
    low, high = (2595 * math.log10(1 + f / 700) for f in (LOWEST, HIGHEST))
    edge = 700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1)
    f = np.fft.rfftfreq(POINTS, 1 / RATE)
    rise = (f - edge[:-2, None]) / np.diff(edge)[:-1, None]
    fall = (edge[2:, None] - f) / np.diff(edge)[1:, None]
    return np.maximum(0, np.minimum(rise, fall)).astype(np.float32)


def log_mel(waves: torch.Tensor) -> torch.Tensor:
    """(B, samples) -> (B, S, FRAMES x BANDS): log10 of the power in each band, element by element."""
    pieces = waves.reshape(-1, CHUNK)
    found = torch.stft(
        pieces, POINTS, HOP, WINDOW, torch.hann_window(WINDOW), center=False, return_complex=True
    )  # (B S, POINTS / 2 + 1, FRAMES)
    power = torch.from_numpy(mel_bands()) @ (found.real.square() + found.imag.square())
    return (power + FAINTEST).log10().mT.reshape(len(waves), -1, FRAMES * BANDS)


# ------------------------------------------------------------------------------------------------- network


class Spotter(nn.Module):
    """Each tenth of a second by itself; one attention over them; one answer."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.hear = nn.Sequential(nn.Linear(FRAMES * BANDS, 192), nn.GELU(), nn.Linear(192, 128), nn.GELU())
        self.key, self.value = nn.Linear(128, WIDTH), nn.Linear(128, WIDTH)
        self.query = nn.Parameter(torch.randn(HEADS, QUERIES, WIDTH // HEADS) / 2)
        self.answer = nn.Sequential(nn.Linear(QUERIES * WIDTH, 128), nn.GELU(), nn.Linear(128, words))

    def streams(self, spectra: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """q, k, v of the one attention call, (B, HEADS, n, WIDTH / HEADS)."""
        heard = self.hear(spectra)
        k, v = (f(heard).view(*heard.shape[:2], HEADS, -1).transpose(1, 2) for f in (self.key, self.value))
        return self.query.expand(len(spectra), -1, -1, -1), k, v

    def weigh(self, spectra: torch.Tensor) -> torch.Tensor:
        """(B, S) log of an element's summed exp(logit) over queries and heads: how much attention it asks for."""
        q, k, _ = self.streams(spectra)
        return (q @ k.mT).logsumexp((1, 2))

    def forward(
        self, spectra: torch.Tensor, gate: GateState | None = None, weights: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Evidence for each word (B, words); and, asked for, the attention each element got (B, S)."""
        q, k, v = self.streams(spectra)
        k, v = (F.pad(x, (0, 0, 0, 1)) for x in (k, v))  # the null key, last
        gate = None if gate is None else gate.with_null(spectra.shape[1])
        if weights:
            read, looks = gated_attention(q, k, v, gate, scale=1.0, need_weights=True)
            return self._said(read), looks[..., :-1].mean((1, 2))
        return self._said(gated_attention(q, k, v, gate, scale=1.0)), None

    def _said(self, read: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.answer(read.transpose(1, 2).flatten(1))
        return out


# ------------------------------------------------------------------------------------------------- subject


class KeywordSpotter:
    """The trained network and its task: a `registry.Specialist`."""

    def __init__(
        self,
        name: str,
        network: Spotter,
        bank: Callable[[], Bank],
        words: int,
        device: str = "cpu",
        gap: float = math.nan,
    ) -> None:
        self.name, self.device, self.gap = name, device, gap
        self.network = network.to(device).eval()
        self.bank = bank  # made when it is first needed
        self.design = TaskDesign(
            "A spoken word in a recording", "seconds", SECONDS, "seconds of the recording", "right",
            chance=1 / words, source="Warden 2018, arXiv:1804.03209 (the task; the sounds are made)",
        )  # fmt: skip

    def stream(self, value: float) -> TaskStream:
        """Sound comes when it comes: an element each tenth of a second; asked a second after the last."""
        return one_by_one(PER_SECOND * self.design.count(value, most=LONGEST), CHUNK / RATE)

    def show(self, value: float, keys: Keys) -> Display:
        """The recordings of these keys."""
        return draw(
            self.bank(), self.design.count(value, most=LONGEST), np.atleast_1d(np.asarray(keys, np.uint64))
        )

    @torch.inference_mode()
    def weigh(self, display: Display) -> npt.NDArray[np.float64]:
        """How much attention each element asks for by itself (B, S)."""
        parts = [np.empty((0, display.clip.shape[1] * PER_SECOND))]
        for rows, _ in row_chunks(len(display)):
            parts.append(self.network.weigh(self._spectra(display, rows)).double().cpu().numpy())
        return np.concatenate(parts)[: len(display)]

    @torch.inference_mode()
    def answer(self, display: Display, gate: GateState | None = None) -> dict[str, npt.NDArray[Any]]:
        """score: 1 = the right word; response: the word."""
        parts = [np.empty(0, np.int64)]
        for rows, part in row_chunks(len(display), gate, self.device):
            parts.append(self.network(self._spectra(display, rows), part)[0].argmax(-1).cpu().numpy())
        said = np.concatenate(parts)[: len(display)]
        words = np.array(display.bank.words)
        return {"score": (said == display.truth).astype(float), "response": words[said]}

    @torch.inference_mode()
    def allocate(self, display: Display, gate: GateState | None = None) -> npt.NDArray[np.float64]:
        """The attention each element got (B, S)."""
        parts = [np.empty((0, display.clip.shape[1] * PER_SECOND))]
        for rows, part in row_chunks(len(display), gate, self.device):
            looks = self.network(self._spectra(display, rows), part, weights=True)[1]
            parts.append(looks.double().cpu().numpy())
        return np.concatenate(parts)[: len(display)]

    def elements(self, display: Display, row: int) -> Floats:
        """(S, BANDS, FRAMES) each element's spectrogram, low tones below, 0 = silent."""
        heard = display.spectra[row].astype(np.float32).reshape(-1, FRAMES, BANDS)
        scaled = (heard - math.log10(FAINTEST)) / (heard.max() - math.log10(FAINTEST))
        return np.clip(scaled.transpose(0, 2, 1)[:, ::-1], 0, 1)

    def _spectra(self, display: Display, rows: Labels) -> torch.Tensor:
        return torch.from_numpy(display.spectra[rows]).float().to(self.device)


def load(device: str) -> KeywordSpotter:
    """The subject with the weights that lie beside this file, on the sounds that they were trained on."""
    file = Path(__file__)
    weights, make = file.with_suffix(".safetensors"), f"python models/{file.name}"
    notes = read_weights(weights, make)[1]
    words = tuple(json.loads(notes["words"])) if "data" in notes else tuple(WORDS)
    bank = (
        (lambda: recorded(Path(notes["data"]), words, GROUPS[2])) if "data" in notes else lambda: made(True)
    )
    network = Spotter(len(words))
    load_weights(network, weights, make)
    return KeywordSpotter(file.stem, network, bank, len(words), device, noted(notes, "gap", weights, make))


# ---------------------------------------------------------------------------------------- training, measuring


def loss(network: Spotter, bank: Bank, step: int, seed: int = SEED) -> torch.Tensor:
    """Cross-entropy of the word. In half of the trials some elements are shut, as many as it happens."""
    keys = trial_keys(seed, step, np.arange(BATCH))
    trials = draw(bank, LESSONS[step % len(LESSONS)], keys)
    u = uniforms(keys[:, None], DISPLAY, PICTURE + 2000 + np.arange(2 + trials.spectra.shape[1]))
    share = np.where(u[:, :1] < DROPPED, u[:, 1:2], 1.0)
    gate = GateState(keep=torch.from_numpy(u[:, 2:] < share))
    return F.cross_entropy(
        network(torch.from_numpy(trials.spectra).float(), gate)[0], torch.from_numpy(trials.truth)
    )


def measure(network: Spotter, lessons: Bank, exams: Bank, trials: int = 1000) -> dict[str, float]:
    """Voices held out, no gate: share right at each length. Voices trained on: the gap of the logits."""
    found = {}
    subject = KeywordSpotter("", network, lambda: exams, len(exams.words))
    for seconds in SECONDS:
        keys = trial_keys(seed_of(SEED, "accuracy"), seconds, np.arange(trials))
        found[f"right_{seconds}"] = float(subject.answer(subject.show(seconds, keys))["score"].mean())
    taught = draw(lessons, 4, trial_keys(seed_of(SEED, "gap"), 0, np.arange(trials)))
    logits, inside = subject.weigh(taught), taught.inside
    word, rest = logits[inside > 0.5], logits[inside == 0]
    found["gap"] = float(word.mean() - rest.mean())
    return found | {"sd_word": float(word.std()), "sd_rest": float(rest.std())}


def report(numbers: dict[str, float]) -> None:
    """The table that the head of this file quotes."""
    print("voices held out, no gate:")
    for seconds in SECONDS:
        print(f"  {seconds} s   {numbers[f'right_{seconds}']:.3f} right")
    print(f"logits, voices trained on: gap {numbers['gap']:.2f} (sd {numbers['sd_word']:.2f} within the word, "
          f"{numbers['sd_rest']:.2f} elsewhere)")  # fmt: skip


def look(network: Spotter, bank: Bank) -> float:
    """The loss of speakers who are neither taught nor tested: for when to stop."""
    return float(np.mean([loss(network, bank, n, seed_of(SEED, "look")).item() for n in range(6)]))


def workshop(
    file: Path, words: int, lessons: Callable[[], Bank], exams: Callable[[], Bank], **more: Any
) -> Workshop:
    """How a spotter of these words is made from these clips."""
    return Workshop(
        file,
        network=lambda: seeded(lambda: Spotter(words), SEED),
        lesson=lambda network, step: loss(network, lessons(), step),
        measure=lambda network: measure(network, lessons(), exams()),
        report=report,
        **more,
    )


def arguments(parser: argparse.ArgumentParser) -> None:
    """Of one's own recordings."""
    parser.add_argument("--data", help="a folder with a folder of WAV files per word: train on these")
    parser.add_argument("--to", help="where those weights go (a .safetensors file)")
    parser.add_argument(
        "--words", default="", help="the words to find, with commas between (default: all folders)"
    )


def own_recordings(shop: Workshop, asked: argparse.Namespace) -> Workshop:
    """Train on the folder that --data names, or check such weights."""
    if asked.data is None:
        if asked.to or asked.words:
            raise InputError("--to and --words belong to --data FOLDER: name the folder")
        return shop
    file = shop.own_file(asked.to)
    folder, words = Path(asked.data), tuple(word for word in asked.words.split(",") if word)
    lessons, looks, exams = (recorded(folder, words, group) for group in GROUPS)
    for note in sorted({*lessons.notes, *looks.notes, *exams.notes}):
        print(note, file=sys.stderr)
    notes = {
        "command": f"{shop.make} --data {folder} --to {asked.to}",
        "data": str(folder.resolve()),
        "words": json.dumps(lessons.words),
    }
    own = {"course": OWN, "held_out": lambda network: look(network, looks), "notes": notes}
    return workshop(file, len(lessons.words), lambda: lessons, lambda: exams, **own)


WORKSHOP = workshop(
    Path(__file__),
    len(WORDS),
    lambda: made(False),
    lambda: made(True),
    course=COURSE,
)

if __name__ == "__main__":
    raise SystemExit(WORKSHOP.main(arguments, own_recordings))
