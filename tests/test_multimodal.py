"""Pictures and words in one attention: what is the truth about a trial, what is found, and through what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import specialists
import torch
from specialists import kept, keys

from cogattn.errors import InputError
from cogattn.laws import stages
from cogattn.nn.gate import GateState
from cogattn.nn.networks import digits, registry

EARLY, FILE = specialists.loaded("multimodal")
CROSS = replace(EARLY, fusion="cross")
BOTH = pytest.mark.parametrize("subject", [EARLY, CROSS], ids=["early", "cross"])


@pytest.fixture(scope="module")
def trials():
    return EARLY.show(16, keys(700))


def numbers(display):
    """What the pictures show and the words are meant to say, (B, m) both."""
    shown = np.searchsorted(display.pictures.images.first, display.pictures.image, side="right") - 1
    plain = FILE.letters_of(FILE.NAMES)
    wrong = (display.letters[:, :, None] != plain).sum(-1)  # (B, m, 10) letters apart
    assert (wrong.min(-1) <= 1).all()
    return shown, wrong.argmin(-1)


# --- the trials ---


@pytest.mark.parametrize("n", FILE.SIZES)
def test_the_truth_is_what_a_person_would_say(n):
    display = EARLY.show(n, keys(400, seed=n))
    shown, said = numbers(display)
    for row in range(400):
        red, heard = shown[row][display.pictures.role[row] == 1], said[row][display.role[row] == 1]
        both = set(red) & set(heard)
        assert both == ({display.truth[row]} - {FILE.NONE})
        assert len(set(red)) == len(red) == len(set(heard)) == max(1, n // 4)
    assert np.mean(display.truth == FILE.NONE) == pytest.approx(0.5, abs=0.11)


def test_what_does_not_count_misleads():
    """Two green pictures, two words that count: by chance alone one would be named in 36 % of the trials."""
    trials = EARLY.show(8, keys(600))
    shown, said = numbers(trials)
    green = np.where(trials.pictures.role == 0, shown, -1)
    counted = np.where(trials.role == 1, said, -2)
    lured = (green[:, :, None] == counted[:, None]).any((1, 2))
    assert lured[trials.truth == FILE.NONE].mean() == pytest.approx(1 - (1 - 0.5 - 0.5 * 0.2) ** 2, abs=0.07)


def test_no_held_out_picture_or_misspelling_was_taught():
    taught, tested = FILE.spellings(held_out=False), FILE.spellings(held_out=True)
    for one in (0, 9):
        assert not {tuple(x) for x in taught[one]} & {tuple(x) for x in tested[one]}
    plain = FILE.letters_of(FILE.NAMES)
    apart = (np.concatenate([taught, tested], 1)[:, :, None] != plain).sum(-1)  # (10, V, 10)
    own = np.eye(10, dtype=bool)[:, None]
    assert (apart[np.broadcast_to(own, apart.shape)] == 1).all()
    assert (apart[~np.broadcast_to(own, apart.shape)] > 1).all()
    pixels = {x.tobytes() for x in digits.lessons().ink}
    assert not pixels & {x.tobytes() for x in EARLY.show(4, keys(1)).pictures.images.ink}


def test_a_misspelling_is_as_frequent_as_the_file_says(trials):
    plain = FILE.letters_of(FILE.NAMES)
    wrong = (trials.letters[:, :, None] != plain).any(-1).all(-1)
    assert wrong.mean() == pytest.approx(FILE.MISSPELT, abs=0.02)


# --- what it finds ---


@BOTH
@pytest.mark.parametrize(("n", "least"), [(2, 0.98), (16, 0.94)])
def test_without_limits_it_is_near_the_ceiling(subject, n, least):
    assert subject.answer(subject.show(n, keys(700, seed=3)))["score"].mean() > least


@BOTH
def test_a_number_is_found_if_both_that_tell_it_are_there_and_else_none_is(subject, trials):
    shown, said = numbers(trials)
    keep = np.random.default_rng(2).random((len(trials), 16)) < 0.7
    found = subject.answer(trials, GateState(keep=torch.from_numpy(keep)))
    red = (shown == trials.truth[:, None]) & (trials.pictures.role == 1) & keep[:, :8]
    heard = (said == trials.truth[:, None]) & (trials.role == 1) & keep[:, 8:]
    there, pair = trials.truth < FILE.NONE, red.any(1) & heard.any(1)
    assert found["score"][there & pair].mean() > 0.93
    assert (found["response"][there & ~pair] == "none").mean() > 0.93
    assert (found["response"][~there] == "none").mean() > 0.93
    assert (found["both"] == there).all()


@BOTH
def test_people_are_right_when_they_hold_the_pair(subject):
    """Half of the trials have none; in the others the score is how often both were held."""
    display, stored = specialists.held(subject, 8, people=30, trials=40)
    shown, said = numbers(display)
    truth = display.truth[:, None]
    pair = (stored[:, :4] & (shown == truth) & (display.pictures.role == 1)).any(1)
    pair &= (stored[:, 4:] & (said == truth) & (display.role == 1)).any(1)
    score = subject.answer(display, GateState.from_events(stored))["score"].mean()
    expected = np.where(display.truth == FILE.NONE, 1.0, pair).mean()
    assert 0.5 < expected < 0.8
    assert score == pytest.approx(expected, abs=0.04)


# --- through what ---


@BOTH
def test_what_is_shut_changes_no_bit(subject, trials):
    """Another picture, other letters, another colour and voice behind closed keys: the same evidence, bit for bit."""
    trials = trials.rows(np.arange(250))
    gate = kept((len(trials), 16))
    other = EARLY.show(16, keys(len(trials), seed=8))
    shut = ~gate.keep.numpy()

    def mixed(take):
        seen, said = take[:, :8], take[:, 8:]
        p, q = trials.pictures, other.pictures
        pictures = digits.DigitDisplay(
            p.images,
            *(np.where(seen, y, x) for x, y in ((p.image, q.image), (p.role, q.role), (p.patch, q.patch))),
        )
        words = [
            np.where(said[..., None], y, x)
            for x, y in ((trials.letters, other.letters), (trials.voice, other.voice))
        ]
        return FILE.Display(pictures, words[0], trials.role, words[1], trials.truth)

    before = subject._read(trials, gate, weights=False)[0]
    assert (subject._read(mixed(shut), gate, weights=False)[0] == before).all()
    assert (subject._read(mixed(~shut), gate, weights=False)[0] != before).any(1).mean() > 0.99


@BOTH
def test_it_keeps_the_contract(subject):
    specialists.is_pure(subject, 12)
    specialists.is_as_wide_as_its_stream(subject, 2)
    specialists.allocates_what_is_open(subject, 4)
    specialists.refuses_a_gate_of_another_size(subject, 2)


@BOTH
def test_without_limits_it_answers_alike(subject):
    specialists.answers_alike_without_limits(subject, 4)


def test_what_races_is_hue_and_voice_alone(trials):
    """Another digit, another word, in the same hue and voice: the same weight, so nobody compares before he holds."""
    before = EARLY.weigh(trials)
    assert (replace(CROSS).weigh(trials) == before).all()
    swapped = replace(trials, letters=np.roll(trials.letters, 1, 0))
    assert (EARLY.weigh(swapped) == before).all()
    counts = trials.roles == 1
    assert before[counts].min() > before[~counts].max()
    assert before[counts].mean() - before[~counts].mean() == pytest.approx(EARLY.gap, rel=0.03)
    shown, _ = numbers(trials)
    by_digit = [before[:, :8][counts[:, :8] & (shown == d)].mean() for d in range(10)]
    assert np.ptp(by_digit) < 0.1 * EARLY.gap


# --- the world ---


def test_words_are_heard_one_by_one_beside_a_glance_at_the_pictures():
    stream = EARLY.stream(6)
    at = {s.name: (s.onset, s.mask, s.task) for s in stream.stimuli}
    assert at["picture 2"] == (0.0, 0.2, "pictures")
    assert (
        at["word 2"] == pytest.approx((2 * 60 / 155, 3 * 60 / 155, "words"), abs=1e-9)
        or at["word 2"][2] == "words"
    )
    assert at["word 2"][:2] == pytest.approx((2 * 60 / 155, 3 * 60 / 155))
    assert stream.end == pytest.approx(3 * 60 / 155 + 1)
    read = replace(EARLY, pace=0.0, pools="eye").stream(6)
    assert {(s.onset, s.mask) for s in read.stimuli} == {(0.0, 0.2)}


def test_pools_set_how_much_pictures_and_words_compete():
    assert EARLY.stream(4).competition[0, 1] == pytest.approx(
        0.5 / 0.8
    )  # CONFLICT: eye with ear, each with itself
    assert replace(EARLY, pools="eye").stream(4).competition[0, 1] == 1
    apart = replace(EARLY, conflict=np.eye(len(stages.CHANNELS)))
    assert apart.stream(4).competition[0, 1] == 0


def test_at_a_short_glance_two_pools_bring_more_in_and_at_a_long_one_the_store_is_full():
    def taken(exposure, **pools):
        return specialists.held(replace(EARLY, pace=0.0, exposure=exposure, **pools), 8)[1].sum(1).mean()

    apart = {"conflict": np.eye(len(stages.CHANNELS))}
    assert taken(0.03, pools="eye") < taken(0.03) - 0.1 < taken(0.03, **apart) - 0.3
    assert taken(0.5, pools="eye") == pytest.approx(taken(0.5, **apart), abs=0.02)


@pytest.mark.parametrize("value", [0, 1, 7, 18, 2.5])
def test_elements_must_come_in_pairs(value):
    with pytest.raises(InputError, match="elements must be"):
        EARLY.show(value, keys(1))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"fusion": "late"}, "fusion must be one of early, cross"),
        ({"pools": "nose"}, "pools must be one of"),
        ({"pace": -1.0}, "pace must be >= 0"),
        ({"exposure": 0.0}, "exposure must be > 0"),
    ],
)
def test_a_variant_that_cannot_be(change, said):
    with pytest.raises(InputError, match=said):
        replace(EARLY, **change)


def test_a_file_of_ones_own_gives_another_variant(tmp_path: Path):
    path = tmp_path / "reading.py"
    path.write_text(
        "from dataclasses import replace\nfrom cogattn.nn.networks.registry import find_specialist\n\n"
        "def load(device):\n"
        '    return replace(find_specialist("multimodal", device), fusion="cross", pools="eye", pace=0.0)\n'
    )
    reading = registry.find_specialist(str(path), "cpu")
    assert reading.fusion == "cross"
    assert reading.stream(2).stimuli[1].mask == 0.2


# --- training ---


@pytest.mark.full
def test_it_learns_and_twice_the_same():
    specialists.learns_the_same_twice(FILE.WORKSHOP, steps=25)


def test_the_notes_say_what_it_can():
    notes = registry.read_weights(FILE.WORKSHOP.weights, FILE.WORKSHOP.make)[1]
    again = FILE.measure(EARLY.network, trials=400)
    assert again["gap"] == pytest.approx(float(notes["gap"]), rel=0.02)
    for name in ("early_8", "cross_8"):
        assert again[name] == pytest.approx(float(notes[name]), abs=0.03)
