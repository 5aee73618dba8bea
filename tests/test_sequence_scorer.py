"""The sequence scorer as it is shipped: near the floor, its attention that of the truth, nothing past its gate."""

from __future__ import annotations

import math
import sys
from itertools import pairwise
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import cogattn as ca
from cogattn.errors import InputError
from cogattn.mind.draws import trial_keys
from cogattn.nn.gate import GateState
from cogattn.nn.networks import registry
from cogattn.paradigms import NetworkTask

B = 300
KEYS = trial_keys(11, 0, np.arange(B))
NINE = "The quick brown fox jumps over the lazy dog"


@pytest.fixture(scope="module")
def scorer() -> Any:
    return registry.find_specialist("sequence_scorer", device="cpu")


@pytest.fixture(scope="module")
def file(scorer: Any) -> ModuleType:
    return sys.modules[type(scorer).__module__]


@pytest.fixture(scope="module")
def display(scorer: Any) -> Any:
    return scorer.show(9, KEYS)


def some_kept(words, seed=0, share=0.5):
    return np.random.default_rng(seed).random(words.shape) < share


# --- the sentences and their truth ---


def test_the_grammar_can_say_the_nine_words(file):
    kinds = [list(file.KINDS).index(file.KIND[word.lower()]) for word in NINE.split()]
    assert (file.frames(9) == kinds).all(1).any()
    assert file.IMPORTANCE.keys() < file.KINDS.keys()


@pytest.mark.parametrize("length", [3, 8, 16])
def test_sentences_have_their_length_and_no_word_twice_but_for_verbs(file, length):
    for words in file.sentences(KEYS, length, held_out=False):
        said = [file.WORDS[i] for i in words]
        kinds = [file.KIND[word] for word in said]
        others = [word for word, kind in zip(said, kinds, strict=True) if kind != "verb"]
        assert len(said) == length
        assert len(set(others)) == len(others)
        assert kinds.count("verb") in (1, 2)
        for word, after in pairwise(kinds):  # an adjective leads to a noun
            assert word != "adjective" or after in ("adjective", "noun", "plural")


def test_no_held_out_pair_of_subject_and_verb_is_trained_on(file):
    found = []
    for held_out in (False, True):
        pairs, texts = set(), set()
        for length in range(3, 17):
            for words in file.sentences(trial_keys(1, length, np.arange(800)), length, held_out):
                said = [file.WORDS[i] for i in words]
                kinds = [file.KIND[word] for word in said]
                pairs.add((said[kinds.index("noun")], said[kinds.index("verb")]))
                texts.add(" ".join(said))
        found.append((pairs, texts))
    (trained, sentences), (held, unseen) = found
    assert not trained & held
    assert not sentences & unseen
    assert len(trained) > 0.99 * 7 / 8 * 32 * 16
    assert len(held) > 0.99 / 8 * 32 * 16
    assert file.pair("fox", "jumps") == file.pair(*sorted(held)[0])


def test_an_experiment_shows_held_out_sentences(scorer, file):
    for length in (3, 16):
        shown = scorer.show(length, KEYS)
        assert np.array_equal(shown, file.sentences(KEYS, length, held_out=True))
        assert not np.array_equal(shown, file.sentences(KEYS, length, held_out=False))


def test_the_truth_is_andersons_weighted_mean(file, display):
    values, weights = file.lexicon()
    for words, said in zip(display[:20].tolist(), file.truth(display[:20]), strict=True):
        top, bottom = 0.0, 1.0
        for place, i in enumerate(words):
            w = math.exp(weights[i] + file.RECENCY * place)
            top, bottom = top + w * values[i], bottom + w
        assert said == pytest.approx(top / bottom)
    assert file.share(display).sum(1) == pytest.approx(1 - 1 / (1 + np.exp(file.log_weight(display)).sum(1)))
    assert file.truth(display, np.zeros(display.shape, bool)) == pytest.approx(0)


def test_the_noise_is_what_sets_the_floor(file):
    keys = trial_keys(2, 0, np.arange(20_000))
    noise = file.noise(keys)
    assert noise.mean() == pytest.approx(0, abs=0.005)
    assert (noise**2).mean() == pytest.approx(0.04, rel=0.03)
    assert abs(np.corrcoef(noise, file.truth(file.sentences(keys, 7, held_out=True)))[0, 1]) < 0.02


def test_words_of_a_sentence_speak_for_one_thing(file):
    """The mood: without it the values of two words of a sentence would not lean on each other."""
    values = file.lexicon()[0][file.sentences(trial_keys(3, 0, np.arange(4000)), 9, held_out=True)]
    assert np.corrcoef(values[:, 1], values[:, -1])[0, 1] > 0.2


# --- what it can do ---


@pytest.mark.parametrize("length", range(3, 17))
def test_scores_of_every_length_come_close_to_the_truth(scorer, length):
    answer = scorer.answer(scorer.show(length, KEYS), None)
    assert np.corrcoef(answer["said"], answer["true"])[0, 1] > 0.998
    assert answer["score"] == pytest.approx(np.abs(answer["said"] - answer["true"]))
    assert answer["score"].mean() < 0.02


def test_the_held_out_loss_is_at_the_floor(scorer, file):
    floor = np.mean([e**2 for _, _, e in file.unseen()])
    assert 0 <= file.held_out(scorer.network) - floor < 0.001


def test_its_attention_is_that_of_the_truth(scorer, file, display):
    attention = scorer.allocate(display, None)
    assert np.corrcoef(attention.ravel(), file.share(display).ravel())[0, 1] > 0.96
    assert np.corrcoef(scorer.weigh(display).ravel(), file.log_weight(display).ravel())[0, 1] > 0.88


def test_the_answer_is_the_formula_of_its_head(scorer, display):
    """By hand, in float64: softmax over the words and a null key of logit 0 and value 0."""
    n = {key: x.double().numpy() for key, x in scorer.network.state_dict().items()}
    x = n["word.weight"][display] + n["place.weight"][: display.shape[1]]
    logits = x @ n["key.weight"].T @ n["query"]
    attention = np.exp(logits) / (1 + np.exp(logits).sum(1, keepdims=True))
    said = (attention * (x @ n["value.weight"].T @ n["out.weight"][0])).sum(1) + n["out.bias"]
    np.testing.assert_allclose(scorer.weigh(display), logits, atol=1e-5)
    np.testing.assert_allclose(scorer.allocate(display, None), attention, atol=1e-6)
    np.testing.assert_allclose(scorer.answer(display, None)["said"], said, atol=1e-5)


# --- the gate ---


def test_a_gate_that_limits_nothing_changes_no_bit(scorer, display):
    free = scorer.answer(display, None)["said"]
    for gate in (GateState(), GateState(keep=torch.ones(B, 9, dtype=torch.bool))):
        assert np.array_equal(scorer.answer(display, gate)["said"], free)
    wide = scorer.answer(display, GateState(index=torch.arange(9).repeat(B, 1)))["said"]
    np.testing.assert_allclose(wide, free, atol=1e-6)


def test_a_closed_word_can_say_nothing(scorer, file, display):
    keep = some_kept(display)
    gate = GateState.from_events(keep)
    other = np.where(keep, display, (display + 37) % len(file.WORDS))
    assert np.array_equal(scorer.answer(display, gate)["said"], scorer.answer(other, gate)["said"])
    assert not np.array_equal(scorer.answer(display, None)["said"], scorer.answer(other, None)["said"])
    given = scorer.allocate(display, gate)
    assert (given[~keep] == 0).all()
    assert (given[keep] > 0).all()
    assert (given.sum(1) < 1).all()


def test_of_the_words_that_are_left_it_takes_their_weighted_mean(scorer, file, display):
    keep = some_kept(display, seed=1)
    said = scorer.answer(display, GateState.from_events(keep))["said"]
    assert np.corrcoef(said, file.truth(display, keep))[0, 1] > 0.99
    assert np.corrcoef(said, file.truth(display))[0, 1] < 0.95


def test_with_all_words_closed_all_sentences_are_worth_the_same(scorer, display):
    nothing = scorer.answer(display, GateState(keep=torch.zeros(B, 9, dtype=torch.bool)))["said"]
    assert nothing == pytest.approx(scorer.network.out.bias.item())


def test_gates_of_the_wrong_size_are_turned_away(scorer, display):
    with pytest.raises(InputError, match=rf"gate\.keep must have {B} rows, or one for all, got 299"):
        scorer.answer(display, GateState(keep=torch.ones(B - 1, 9, dtype=torch.bool)))
    with pytest.raises(InputError, match=r"gate\.keep must have 9 items"):
        scorer.answer(display, GateState(keep=torch.ones(B, 8, dtype=torch.bool)))


# --- purity and doors ---


def test_a_row_depends_on_its_own_key_alone(scorer, display):
    rows = np.random.default_rng(3).permutation(B)[:40]
    assert np.array_equal(scorer.show(9, KEYS[rows]), display[rows])
    keep = some_kept(display, seed=2)
    whole = scorer.answer(display, GateState(keep=torch.from_numpy(keep)))["said"]
    part = scorer.answer(display[rows], GateState(keep=torch.from_numpy(keep[rows])))["said"]
    assert np.array_equal(part, whole[rows])
    assert np.array_equal(scorer.weigh(display[rows]), scorer.weigh(display)[rows])
    assert scorer.weigh(display[:0]).shape == (0, 9)
    assert scorer.answer(display[:0], None)["score"].shape == (0,)


def test_a_network_always_meets_so_many_rows_at_a_time():
    """On some devices the order of a sum hangs on how many rows there are."""
    met = []

    def call(x, gate):
        met.append((len(x), len(gate.keep)))
        return x * gate.keep[:, 0]

    keep = torch.arange(10)[:, None] % 2 == 0
    found = registry.in_chunks(call, (np.arange(10.0),), GateState(keep=keep), chunk=4)
    assert met == [(4, 4)] * 3
    assert found.tolist() == [0, 0, 2, 0, 4, 0, 6, 0, 8, 0]


@pytest.mark.parametrize("value", [2, 17, 4.5, True, math.nan, "nine"])
def test_lengths_that_no_sentence_has(scorer, value):
    for door in (scorer.stream, lambda v: scorer.show(v, KEYS)):
        with pytest.raises(InputError, match="words of a sentence must be a whole number from 3 to 16"):
            door(value)


def test_sentences_in_words_that_it_knows(scorer):
    assert scorer.elements(scorer.of(NINE + "."), 0) == NINE.lower().split()
    with pytest.raises(InputError, match=r"word must be one of .*'foxy'; did you mean 'fox'"):
        scorer.of("the foxy dog jumps")
    with pytest.raises(InputError, match="words of a sentence"):
        scorer.of("the " * 17)


@pytest.mark.parametrize("words", [np.zeros(3, int), np.zeros((2, 17), int), np.zeros((2, 3)), [[0, 500]]])
def test_displays_that_are_none(scorer, words):
    with pytest.raises(InputError, match="words"):
        scorer.answer(np.array(words), None)


# --- people ---


def test_people_err_the_more_the_longer_the_sentence_and_softmax_does_not(scorer):
    task = NetworkTask.of("sequence_scorer", (3.0, 9.0, 16.0))
    frame = ca.run(task, model="sequence_scorer", people=10, trials=40).frame
    error = frame.pivot_table(index="words", columns="arm", values="score")
    assert (error["softmax"] < 0.02).all()
    assert error["human"].is_monotonic_increasing
    assert error["human"][3] < 0.15
    assert error["human"][16] > 0.25
    held = frame[frame["arm"] == "human"].groupby("words")["answered"].mean()
    assert held[16] == pytest.approx(3, abs=0.6)


# --- training ---


def test_the_gap_of_the_notes_can_be_measured_again(scorer, file):
    with safe_open(str(file.WORKSHOP.weights), framework="pt") as weights:
        notes = weights.metadata()
    assert scorer.gap == float(notes["gap"]) == pytest.approx(file.measure_gap(scorer)["gap"], abs=1e-3)
    assert scorer.gap > 1
    assert file.WORKSHOP.weights.stat().st_size < 50_000


def test_training_is_the_same_twice_and_lowers_the_loss(file):
    (one, curve), (two, _) = file.WORKSHOP.teach(steps=40), file.WORKSHOP.teach(steps=40)
    assert np.mean(curve.loss[-10:]) < 0.8 * np.mean(curve.loss[:10])
    for x, y in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(x, y)


def test_weights_for_other_words_are_turned_away(file, tmp_path, monkeypatch):
    other = tmp_path / "other.safetensors"
    save_file(load_file(file.WORKSHOP.weights), other, {"words": "fox", "gap": "1"})
    monkeypatch.setattr(type(file.WORKSHOP), "weights", other)
    with pytest.raises(InputError, match=r"is for other words; make it anew with: python models/sequence"):
        file.load("cpu")
