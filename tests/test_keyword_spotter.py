"""A word in a recording: how it sounds, what its spectrogram is, what is found in it, and the files of one's own."""

from __future__ import annotations

import shutil
import struct
import sys
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import specialists
import torch
from scipy import signal
from scipy.io import wavfile
from specialists import kept, keys

from cogattn.errors import InputError
from cogattn.nn.networks import registry
from cogattn.nn.networks.training import GROUPS, group_of

SUBJECT, FILE = specialists.loaded("keyword_spotter")
RATE = 16_000


# --- sound ---


def test_a_vowel_has_its_formants():
    """Peaks of the spectrum's envelope, found by linear prediction, stand where Peterson & Barney put them."""
    voice = FILE.Voice(pitch=100.0, fall=0.0, tract=1.0, tempo=1.0)
    for vowel in "iaE":
        rng = np.random.default_rng(1)
        sound = FILE.say(((vowel, 400),), voice, rng)[1600:4800]
        sound = signal.lfilter([1, -1], 1, signal.decimate(sound, 2)) * np.hanning(1600)  # 8 kHz
        r = np.correlate(sound, sound, "full")[1599 : 1599 + 11]
        roots = np.roots([1, *-np.linalg.solve(r[abs(np.subtract.outer(range(10), range(10)))], r[1:11])])
        found = np.sort(np.angle(roots[roots.imag > 0]) * 8000 / (2 * np.pi))
        for formant in FILE.FORMANTS[vowel][:2]:
            assert abs(found / formant - 1).min() < 0.15


def test_a_voice_has_its_pitch_and_a_noise_its_band():
    voice = FILE.Voice(pitch=160.0, fall=0.0, tract=1.0, tempo=1.0)
    sound = FILE.say((("V", 500),), voice, np.random.default_rng(0))
    echo = np.correlate(sound, sound, "full")[len(sound) - 1 :]
    assert RATE / (60 + echo[60:200].argmax()) == pytest.approx(160, rel=0.02)
    hiss = FILE.say((("s", 300),), voice, np.random.default_rng(0))
    power, f = np.abs(np.fft.rfft(hiss)) ** 2, np.fft.rfftfreq(len(hiss), 1 / RATE)
    assert power[(f > 3900) & (f < 7600)].sum() > 0.98 * power.sum()


@pytest.mark.full
def test_every_clip_fits_into_a_second_and_no_voice_is_in_both_banks():
    one, two = FILE.made(False), FILE.made(True)
    for bank in (one, two):
        assert bank.length.max() <= RATE
        loud = [
            np.sqrt(np.mean(bank.samples[a : a + n] ** 2))
            for a, n in zip(bank.start, bank.length, strict=True)
        ]
        assert loud == pytest.approx([1.0] * len(loud), rel=1e-3)
    assert not set(one.samples[one.start + 500].tolist()) & set(two.samples[two.start + 500].tolist())


# --- spectrogram ---


def test_the_spectrogram_is_that_of_scipy():
    x = np.random.default_rng(0).standard_normal((2, 3 * FILE.CHUNK)).astype(np.float32)
    ours = FILE.log_mel(torch.from_numpy(x)).numpy().reshape(2, 3, FILE.FRAMES, FILE.BANDS)
    window = np.pad(signal.get_window("hann", FILE.WINDOW), (FILE.POINTS - FILE.WINDOW) // 2)
    for row in range(2):
        for element in range(3):
            piece = x[row, element * FILE.CHUNK : (element + 1) * FILE.CHUNK]
            _, _, found = signal.stft(
                piece, RATE, window, FILE.POINTS, FILE.POINTS - FILE.HOP, boundary=None, padded=False
            )
            power = np.abs(found * window.sum()) ** 2  # scipy divides by the sum of the window
            expected = np.log10(FILE.mel_bands() @ power + FILE.FAINTEST)
            assert pytest.approx(expected, abs=1e-3) == ours[row, element].T


def test_a_tone_falls_into_its_band():
    """Centres of the bands by the inverse formula, not by the table."""
    mel = np.linspace(*(2595 * np.log10(1 + f / 700) for f in (60, 7600)), FILE.BANDS + 2)[1:-1]
    t = np.arange(FILE.CHUNK) / RATE
    for band in (8, 15, 24, 30):
        tone = np.sin(2 * np.pi * 700 * (10 ** (mel[band] / 2595) - 1) * t).astype(np.float32)
        found = FILE.log_mel(torch.from_numpy(tone[None])).reshape(FILE.FRAMES, FILE.BANDS)
        assert (found.argmax(1) == band).all()


# --- recordings ---


@pytest.mark.full
def test_a_recording_holds_its_word_once_at_its_place_over_noise_of_its_level():
    display = SUBJECT.show(4, keys(60))
    bank = display.bank
    silent = replace(display, hum_gain=np.zeros_like(display.hum_gain))
    noisy, clean = display.waves(np.arange(60)), silent.waves(np.arange(60))
    for row in range(60):
        s = display.second[row]
        clip, at = display.clip[row, s], display.begins[row, s]
        assert (
            bank.first[display.truth[row]]
            <= clip
            < bank.first[display.truth[row]] + bank.count[display.truth[row]]
        )
        sound = bank.samples[bank.start[clip] : bank.start[clip] + bank.length[clip]]
        assert s * RATE <= at <= at + len(sound) <= (s + 1) * RATE
        assert clean[row, at : at + len(sound)] == pytest.approx(0.1 * sound, abs=1e-6)
        hiss = (noisy - clean)[row]
        level = 20 * np.log10(0.1 / np.sqrt(np.mean(hiss**2)))
        assert 3 < level < 22
        others = np.delete(display.clip[row], s)
        assert ((others == -1) | (others >= bank.first[-1])).all()
        inside = np.zeros(len(clean[row]))
        inside[at : at + len(sound)] = 1
        assert display.inside[row] == pytest.approx(inside.reshape(-1, FILE.CHUNK).mean(1))


# --- what it finds ---


@pytest.mark.full
@pytest.mark.parametrize("seconds", [1, 4])
def test_words_of_new_voices_are_found(seconds):
    assert SUBJECT.answer(SUBJECT.show(seconds, keys(400, seed=2)))["score"].mean() > 0.95


def test_the_word_asks_for_more_attention_than_the_rest():
    display = SUBJECT.show(4, keys(300))
    logits = SUBJECT.weigh(display)
    gap = logits[display.inside > 0.5].mean() - logits[display.inside == 0].mean()
    assert gap == pytest.approx(SUBJECT.gap, rel=0.1)


def test_without_the_word_it_guesses():
    display = SUBJECT.show(2, keys(1000))
    gate = specialists.GateState(keep=torch.from_numpy(display.inside == 0))
    assert SUBJECT.answer(display, gate)["score"].mean() == pytest.approx(1 / 8, abs=0.05)
    only = specialists.GateState(keep=torch.from_numpy(display.inside > 0))
    assert SUBJECT.answer(display, only)["score"].mean() > 0.95


def test_people_hold_a_few_tenths_of_a_second():
    display, stored = specialists.held(SUBJECT, 4, people=20, trials=20)
    assert 2.5 < stored.sum(1).mean() < 3.6
    assert display.inside[stored].mean() > 1.5 * display.inside.mean()


def test_what_is_shut_changes_no_bit():
    """Another sound in shut elements: no other element's spectrogram changes, nor the evidence, bit for bit."""
    display = SUBJECT.show(2, keys(64))
    gate = kept((64, 20))
    shut = np.repeat(~gate.keep.numpy(), FILE.CHUNK, 1)
    sound = display.waves(np.arange(64))
    other = np.where(shut, np.random.default_rng(0).normal(0, 0.1, sound.shape), sound).astype(np.float32)
    before, after = (FILE.log_mel(torch.from_numpy(x)) for x in (sound, other))
    assert (before == after)[gate.keep].all()
    assert (before != after)[~gate.keep].any(-1).all()
    with torch.inference_mode():
        said = [SUBJECT.network(x, gate)[0] for x in (before, after)]
        free = [SUBJECT.network(x)[0] for x in (before, after)]
    assert torch.equal(*said)
    assert not torch.equal(*free)


@pytest.mark.parametrize("seconds", [1, 3])
def test_it_keeps_the_contract(seconds):
    specialists.is_pure(SUBJECT, seconds)
    specialists.is_as_wide_as_its_stream(SUBJECT, seconds)
    specialists.allocates_what_is_open(SUBJECT, seconds)
    specialists.refuses_a_gate_of_another_size(SUBJECT, seconds)


def test_without_limits_it_answers_alike():
    specialists.answers_alike_without_limits(SUBJECT, 1)


def test_sound_comes_when_it_comes():
    stream = SUBJECT.stream(2)
    assert len(stream.stimuli) == 20
    assert stream.stimuli[7].onset == pytest.approx(0.7)
    assert stream.stimuli[7].mask == pytest.approx(0.8)
    picture = SUBJECT.elements(SUBJECT.show(1, keys(1)), 0)
    assert picture.shape == (10, FILE.BANDS, FILE.FRAMES)
    assert 0 <= picture.min() < picture.max() == 1


@pytest.mark.parametrize("value", [0, 26, 1.5])
def test_a_recording_has_a_length(value):
    with pytest.raises(InputError, match="seconds must be"):
        SUBJECT.show(value, keys(1))


@pytest.mark.full
def test_it_learns_and_twice_the_same(recordings):
    bank = FILE.recorded(recordings, (), "taught")
    specialists.learns_the_same_twice(
        FILE.WORKSHOP, lambda network, step: FILE.loss(network, bank, step), steps=10
    )


def test_the_notes_say_what_it_can():
    notes = registry.read_weights(FILE.WORKSHOP.weights, FILE.WORKSHOP.make)[1]
    assert float(notes["right_8"]) > 0.95
    assert float(notes["gap"]) == pytest.approx(SUBJECT.gap)


# --- recordings of one's own ---


def tone(word: str, seconds: float = 0.5, rate: int = RATE) -> np.ndarray:
    f = {"low": 300, "mid": 900, "high": 2500}[word]
    return 0.5 * np.sin(2 * np.pi * f * np.arange(int(seconds * rate)) / rate)


def save(path: Path, x: np.ndarray, rate: int = RATE, bits: int = 16) -> None:
    """A WAV file by the standard library."""
    path.parent.mkdir(parents=True, exist_ok=True)
    x = x[:, None] if x.ndim == 1 else x
    whole = np.round(x * (2 ** (bits - 1) - 1)).astype(np.int64)
    raw = (whole + (128 if bits == 8 else 0)).astype("<i8").tobytes()
    width = bits // 8
    data = b"".join(raw[i : i + width] for i in range(0, len(raw), 8))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(x.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(data)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Three words of thirty speakers."""
    folder = tmp_path_factory.mktemp("recordings")
    rng = np.random.default_rng(0)
    for word in ("low", "mid", "high"):
        for speaker in range(30):
            x = tone(word, 0.3 + 0.01 * speaker)
            x = x + rng.normal(0, 0.01, len(x))
            save(folder / word / f"{speaker:08x}_nohash_0.wav", np.pad(x, 2000))
    return folder


@pytest.fixture
def mine(recordings, tmp_path):
    """A copy that a test may spoil."""
    return Path(shutil.copytree(recordings, tmp_path / "mine"))


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
def test_every_depth_is_the_same_sound(tmp_path, bits):
    x = tone("mid")
    save(tmp_path / "a.wav", x, bits=bits)
    rate, found, channels = FILE.read_wav(tmp_path / "a.wav")
    assert (rate, channels) == (RATE, 1)
    assert found == pytest.approx(x, abs=1.5 / 2 ** (bits - 1) + 1e-6)


def test_floats_two_channels_and_other_rates(tmp_path):
    wavfile.write(tmp_path / "float.wav", RATE, tone("mid").astype(np.float32))
    assert FILE.read_wav(tmp_path / "float.wav")[1] == pytest.approx(tone("mid"), abs=1e-6)
    save(tmp_path / "two.wav", np.stack([tone("mid"), 0 * tone("mid")], 1))
    assert FILE.read_wav(tmp_path / "two.wav")[1] == pytest.approx(tone("mid") / 2, abs=1e-4)
    for rate in (8000, 22050, 44100):
        save(tmp_path / "other.wav", tone("mid", rate=rate), rate=rate)
        told, found, _ = FILE.read_wav(tmp_path / "other.wav")
        assert told == rate
        assert found[800:-800] == pytest.approx(tone("mid")[800 : len(found) - 800], abs=0.01)


def test_clips_are_cut_to_what_sounds_and_nobody_is_both_taught_and_tested(recordings):
    banks = {group: FILE.recorded(recordings, (), group) for group in GROUPS}
    assert all(bank.words == ("high", "low", "mid") and bank.notes == () for bank in banks.values())
    assert sum(bank.count[:3] for bank in banks.values()).tolist() == [30, 30, 30]
    assert all(bank.length[: bank.count[:3].sum()].max() <= 0.61 * RATE for bank in banks.values())
    who = [group_of(f"{speaker:08x}") for speaker in range(30)]
    assert [who.count(group) for group in GROUPS] == [bank.count[0] for bank in banks.values()]


def test_words_that_are_not_asked_for_are_other_sounds(recordings):
    all_, two = (FILE.recorded(recordings, words, "taught") for words in ((), ("low", "mid")))
    assert two.words == ("low", "mid")
    assert two.count[-1] == all_.count[-1] + all_.count[0]


def test_background_noise_is_used_and_its_last_fifth_held_out(mine):
    noise = np.concatenate([np.random.default_rng(0).normal(0, 0.1, 4 * RATE), tone("low", 1)])
    save(mine / "_background_noise_" / "fan.wav", noise)
    for group, tonal in (("taught", False), ("looked at", False), ("tested", True)):
        noise = FILE.recorded(mine, (), group).noise
        power, f = np.abs(np.fft.rfft(noise)) ** 2, np.fft.rfftfreq(len(noise), 1 / RATE)
        assert (power[(f > 250) & (f < 350)].sum() > 0.5 * power.sum()) == tonal
        assert len(noise) >= 25 * RATE


def test_what_is_odd_about_files_is_told(mine):
    (mine / "low" / "torn_nohash_0.wav").write_bytes(
        (mine / "low" / "00000001_nohash_0.wav").read_bytes()[:3000]
    )
    (mine / "low" / "text_nohash_0.wav").write_text("not a sound")
    (mine / "low" / "empty_nohash_0.wav").write_bytes(b"")
    save(mine / "mid" / "silent_nohash_0.wav", np.zeros(8000))
    save(mine / "mid" / "two_nohash_0.wav", np.stack([tone("mid")] * 2, 1))
    save(mine / "high" / "slow_nohash_0.wav", tone("high", rate=8000), rate=8000)
    save(
        mine / "high" / "long_nohash_0.wav",
        np.concatenate([0.1 * tone("high", 2), tone("high", 1), 0.1 * tone("high", 1)]),
    )
    before = {p: p.read_bytes() for p in mine.glob("*/*")}
    notes = " | ".join(note for group in GROUPS for note in FILE.recorded(mine, (), group).notes)
    for said in ("torn_nohash_0.wav", "text_nohash_0.wav", "empty_nohash_0.wav"):
        assert f"low/{said}" in notes
    assert "is no whole WAV file" in notes
    assert "left out, silent: 1 (mid/silent_nohash_0.wav)" in notes
    assert "more than one channel, their mean taken: 1 (mid/two_nohash_0.wav)" in notes
    assert "not of 16000 samples per s, resampled: 1 (high/slow_nohash_0.wav)" in notes
    assert "longer than a second, its loudest second taken: 1 (high/long_nohash_0.wav)" in notes
    assert {p: p.read_bytes() for p in mine.glob("*/*")} == before


def test_the_loudest_second_is_taken(mine):
    path = mine / "high" / "long_nohash_0.wav"
    save(path, np.concatenate([0.1 * tone("high", 2), tone("high", 1), 0.1 * tone("high", 1)]))
    clip = FILE._clip(path, FILE._Notes())
    assert len(clip) == RATE
    assert np.sqrt(np.mean(clip**2)) == pytest.approx(0.5 / 2**0.5, rel=0.02)


def test_only_so_many_clips_of_a_word_are_taken(mine, monkeypatch):
    monkeypatch.setattr(FILE, "MOST", 5)
    bank = FILE.recorded(mine, ("low", "mid", "high"), "taught")
    assert bank.count[:3].tolist() == [5, 5, 5]
    assert any(note.startswith("only 5 files were taken of: 3") for note in bank.notes)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("low",), "two or more"),
        (("low", "lwo"), "words must be two or more of high, low, mid"),
        (("low", "low"), "each once"),
    ],
)
def test_words_must_be_there(recordings, words, said):
    with pytest.raises(InputError, match=said):
        FILE.recorded(recordings, words, "taught")


def test_a_folder_that_cannot_be_used(tmp_path, mine):
    with pytest.raises(InputError, match="must be a folder that holds a folder of WAV files per word"):
        FILE.recorded(tmp_path / "nowhere", (), "taught")
    with pytest.raises(InputError, match="of two words or more, got 0"):
        FILE.recorded(mine / "low", (), "taught")
    for path in (mine / "low").iterdir():
        if group_of(path.stem.split("_")[0]) == "tested":
            path.unlink()
    with pytest.raises(InputError, match="low holds no clip of a speaker who is tested: add recordings"):
        FILE.recorded(mine, (), "tested")


def test_a_wav_that_holds_nothing(tmp_path):
    header = (
        b"RIFF"
        + struct.pack("<I", 36)
        + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    )
    (tmp_path / "a.wav").write_bytes(header + b"data" + struct.pack("<I", 0))
    with pytest.raises(InputError, match=r"a\.wav (holds no sound|is no whole WAV file)"):
        FILE.read_wav(tmp_path / "a.wav")


@pytest.mark.slow
def test_it_trains_on_ones_own_recordings_and_a_copy_of_the_file_is_a_subject(
    recordings, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(FILE, "OWN", replace(FILE.OWN, steps=60, warmup=5, every=20))
    monkeypatch.setattr(FILE, "LESSONS", (1,))
    monkeypatch.setattr(FILE, "SECONDS", (1,))
    to = tmp_path / "mine.safetensors"
    words = ["keyword_spotter.py", "--data", str(recordings), "--to", str(to), "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", words)
    assert FILE.WORKSHOP.main(FILE.arguments, FILE.own_recordings) == 0
    monkeypatch.setattr(sys, "argv", [*words, "--check"])
    assert FILE.WORKSHOP.main(FILE.arguments, FILE.own_recordings) == 0
    assert "as its notes say" in capsys.readouterr().out
    assert pd.read_csv(tmp_path / "models" / "mine" / "curve.csv")["held_out"].notna().sum() == 3
    shutil.copy(FILE.__file__, tmp_path / "mine.py")
    subject = registry.find_specialist(str(tmp_path / "mine.py"), "cpu")
    assert subject.design.chance == pytest.approx(1 / 3)
    told = subject.answer(subject.show(1, keys(200)))
    assert told["score"].mean() > 0.9
    assert set(told["response"]) == {"low", "mid", "high"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--words", "yes"], "belong to --data"),
        (["--data", "nowhere"], "--to must name a .safetensors file"),
        (["--data", "nowhere", "--to", "x.safetensors"], "data must be a folder"),
    ],
)
def test_a_command_that_cannot_be_done(monkeypatch, words, said):
    monkeypatch.setattr(sys, "argv", ["keyword_spotter.py", *words])
    with pytest.raises(SystemExit, match=said):
        FILE.WORKSHOP.main(FILE.arguments, FILE.own_recordings)
