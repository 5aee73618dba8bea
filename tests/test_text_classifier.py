"""The text classifier as it is shipped, and trained on a folder: right, and only by what its gate leaves."""

from __future__ import annotations

import json
import math
import re
import shutil
import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open

import cogattn as ca
from cogattn.errors import InputError
from cogattn.mind.draws import trial_keys
from cogattn.nn.gate import GateState
from cogattn.nn.networks import registry
from cogattn.nn.networks.held_out_texts import kept, kept_beside, seal_of
from cogattn.nn.networks.texts import Texts, load_folder, sentences, words
from cogattn.paradigms import NetworkTask

B, D = 300, 6
KEYS = trial_keys(21, 0, np.arange(B))


@pytest.fixture(scope="module")
def reader() -> Any:
    return registry.find_specialist("text_classifier", device="cpu")


@pytest.fixture(scope="module")
def file(reader: Any) -> ModuleType:
    return sys.modules[type(reader).__module__]


@pytest.fixture(scope="module")
def display(reader: Any) -> Any:
    return reader.show(D, KEYS)


def rows_of(file, display, rows):
    return file.Reviews(display.words[rows], display.kind[rows], display.verdict[rows])


def some_kept(display, seed=0, share=0.5):
    return np.random.default_rng(seed).random(display.kind.shape) < share


# --- the grammar ---


def polarity(sentence):
    """What a sentence says, read here by rules of its own: the clause that counts, its words, its negations."""
    from_file = sys.modules[next(m for m in sys.modules if m.startswith("cogattn_model_text_classifier"))]
    against, speak_for = ({w for pair in from_file.SLOTS.values() for w in pair[i].split()} for i in (0, 1))
    clause = re.split(r", (?:but )?", sentence)[-1]
    said = clause.split()
    negations = r"\bnot\b|\bnever\b|\bfar from\b|\banything but\b|\bnobody\b|\bnothing\b"
    turned = len(re.findall(negations, clause)) % 2 == 1
    votes = {word in speak_for for word in said if word in against | speak_for}
    return None if len(votes) != 1 else votes.pop() ^ turned


@pytest.mark.full
def test_every_judgement_means_what_the_grammar_says(file):
    """An independent reader of the sentences agrees with the polarity that made them; facts say neither."""
    film = set(file.PLAIN["FILM"].split())
    for kind in file.KINDS:
        for praise in (0, 1):
            u = np.random.default_rng([praise, len(kind)]).random((400, 16))
            kinds = np.full(400, file.KINDS.index(kind))
            for row in file._filled(kinds, np.full(400, praise), u, held_out=bool(praise)):
                said = file.said(row)
                assert polarity(said) == (None if kind == "fact" else bool(praise)), said
                if kind == "elsewhere":
                    assert not film & set(said.split()), said
                elif kind != "fact":
                    assert film & set(said.split()), said


@pytest.mark.full
def test_a_review_has_three_opinions_and_their_majority_is_the_verdict(file):
    shown = file.reviews(trial_keys(4, 0, np.arange(1500)), D, held_out=True)
    assert shown.words.shape == (1500, 3 + D, file.LENGTH)
    assert (shown.opinion.sum(1) == 3).all()
    votes = np.zeros((1500, 3 + D))
    for b, s in zip(*np.nonzero(shown.opinion), strict=True):
        votes[b, s] = 1 if polarity(file.said(shown.words[b, s])) else -1
    assert ((votes.sum(1) > 0) == (shown.verdict == 1)).all()
    assert (np.abs(votes.sum(1)) == 1).mean() == pytest.approx(0.5, abs=0.04)  # one of three dissents
    assert shown.verdict.mean() == pytest.approx(0.5, abs=0.04)
    assert shown.opinion.mean(0) == pytest.approx(3 / (3 + D), abs=0.05)  # anywhere in the review
    counts = np.bincount(shown.kind.ravel(), minlength=5)
    assert counts[:3] / 1500 == pytest.approx(1, abs=0.08)
    assert counts[3:] / 1500 == pytest.approx(D / 2, abs=0.15)


@pytest.mark.full
def test_what_is_beside_the_point_tells_nothing_of_the_verdict(file):
    shown = file.reviews(trial_keys(5, 0, np.arange(1500)), 2, held_out=False)
    elsewhere = shown.kind == file.KINDS.index("elsewhere")
    said = [polarity(file.said(w)) for w in shown.words[elsewhere]]
    verdict = np.broadcast_to(shown.verdict[:, None], elsewhere.shape)[elsewhere]
    assert np.mean(said == (verdict == 1)) == pytest.approx(0.5, abs=0.05)


def test_no_held_out_sentence_is_trained_on(file):
    said = []
    for held_out in (False, True):
        shown = file.reviews(trial_keys(6, int(held_out), np.arange(6000)), 4, held_out)
        said.append({words.tobytes() for words in shown.words.reshape(-1, file.LENGTH)})
    assert not said[0] & said[1]
    assert len(said[0]) > 15_000
    assert len(said[1]) > 8_000


def test_an_experiment_shows_held_out_reviews(file, display):
    assert np.array_equal(display.words, file.reviews(KEYS, D, held_out=True).words)
    assert not np.array_equal(display.words, file.reviews(KEYS, D, held_out=False).words)


def test_every_slot_can_take_its_side_of_the_split(file):
    for template in file.templates():
        slots = [file._table(word) for word, _ in template.parts if word.isupper()]
        assert slots
        assert all(table.shape[1] % file.SPLIT == 0 for table in slots)
        assert len(template.parts) <= file.LENGTH


def test_no_sentence_says_a_word_of_content_twice(file, display):
    small = {"the", "was", "it", "we", "and", "not", "in", "of", "to", "from", "so", "a"}
    for row in display.words[:100].reshape(-1, file.LENGTH):
        content = [word for word in words(file.said(row)) if word not in small]
        assert len(set(content)) == len(content), file.said(row)


def test_the_pace_is_that_of_the_mean_sentence(file, reader):
    shown = file.reviews(trial_keys(7, 0, np.arange(2000)), 5, held_out=True)
    count = [len(file.said(w).replace(",", "").split()) for w in shown.words.reshape(-1, file.LENGTH)]
    assert np.mean(count) * 60 / 238 == pytest.approx(file.PACE, rel=0.03)
    stream = reader.stream(5)
    onsets = [s.onset for s in stream.stimuli]
    assert len(onsets) == 8
    assert np.diff(onsets) == pytest.approx(file.PACE)


def test_a_review_in_letters_is_the_same_review(file, reader, display):
    for row in range(20):
        text = ". ".join(reader.elements(display, row)) + "."
        assert len(sentences(text)) == 3 + D
        numbers = reader.vocabulary.encode([text], 3 + D, file.LENGTH)[0]
        assert np.array_equal(numbers, display.words[row])
    odds = reader.praise([". ".join(reader.elements(display, row)) for row in range(20)])
    assert odds == pytest.approx(reader.answer(display, None)["praise"][:20], abs=1e-5)


# --- what it can do ---


@pytest.mark.parametrize("distractors", [0, 4, 16])
def test_softmax_is_at_its_ceiling_however_much_is_beside_the_point(reader, distractors):
    shown = reader.show(distractors, KEYS)
    answer = reader.answer(shown, None)
    assert answer["score"].mean() > 0.98
    assert ((answer["praise"] > 0.5) == (answer["response"] == "positive")).all()


@pytest.mark.parametrize("kind", ["plain", "negated", "conceded"])
def test_sentences_of_every_kind_are_understood(reader, file, kind):
    assert file._right_alone(reader, kind) > 0.98


def test_it_attends_to_what_judges_the_film(reader, display):
    attention, logits = reader.allocate(display, None), reader.weigh(display)
    assert attention.sum(1) == pytest.approx(1, abs=1e-5)
    assert attention[display.opinion].sum() / B > 0.85
    assert logits[display.opinion].mean() - logits[~display.opinion].mean() == pytest.approx(
        reader.gap, rel=0.1
    )


def test_the_attention_is_the_softmax_of_its_logits(reader, display):
    logits = reader.weigh(display)
    by_hand = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(reader.allocate(display, None), by_hand, atol=1e-6)


# --- the gate ---


def test_a_gate_that_limits_nothing_changes_no_bit(reader, display):
    free = reader.answer(display, None)["praise"]
    for gate in (GateState(), GateState(keep=torch.ones(B, 3 + D, dtype=torch.bool))):
        assert np.array_equal(reader.answer(display, gate)["praise"], free)


def test_a_closed_sentence_can_say_nothing(reader, file, display):
    keep = some_kept(display)
    gate = GateState.from_events(keep)
    stranger = reader.show(D, KEYS + np.uint64(1))
    other = file.Reviews(
        np.where(keep[..., None], display.words, stranger.words), display.kind, display.verdict
    )
    assert np.array_equal(reader.answer(display, gate)["praise"], reader.answer(other, gate)["praise"])
    assert not np.array_equal(reader.answer(display, None)["praise"], reader.answer(other, None)["praise"])
    given = reader.allocate(display, gate)
    assert (given[~keep] == 0).all()
    assert given.sum(1) == pytest.approx(keep.any(1).astype(float), abs=1e-5)


def test_of_the_sentences_that_are_left_the_majority_decides(reader, file, display):
    keep = some_kept(display, seed=1, share=0.4)
    votes = np.zeros(keep.shape)
    for b, s in zip(*np.nonzero(display.opinion & keep), strict=True):
        votes[b, s] = 1 if polarity(file.said(display.words[b, s])) else -1
    clear = np.abs(votes.sum(1)) > 0
    said = reader.answer(display, GateState.from_events(keep))["praise"] > 0.5
    assert clear.sum() > 100
    assert (said == (votes.sum(1) > 0))[clear].mean() > 0.95


def test_with_all_closed_every_review_gets_the_same_verdict(reader, display):
    nothing = reader.answer(display, GateState(keep=torch.zeros(B, 3 + D, dtype=torch.bool)))["praise"]
    assert np.unique(nothing).size == 1
    assert 0.2 < nothing[0] < 0.8


def test_gates_of_the_wrong_size_are_turned_away(reader, display):
    with pytest.raises(InputError, match=rf"gate\.keep must have {B} rows"):
        reader.answer(display, GateState(keep=torch.ones(B - 1, 3 + D, dtype=torch.bool)))
    with pytest.raises(InputError, match=r"gate\.keep"):
        reader.answer(display, GateState(keep=torch.ones(B, D, dtype=torch.bool)))


# --- purity and doors ---


def test_a_row_depends_on_its_own_key_alone(reader, file, display):
    rows = np.random.default_rng(3).permutation(B)[:40]
    part, keep = reader.show(D, KEYS[rows]), torch.from_numpy(some_kept(display, seed=2))
    assert np.array_equal(part.words, display.words[rows])
    assert np.array_equal(part.verdict, display.verdict[rows])
    whole = reader.answer(display, GateState(keep=keep))["praise"]
    assert np.array_equal(reader.answer(part, GateState(keep=keep[rows]))["praise"], whole[rows])
    assert np.array_equal(reader.weigh(part), reader.weigh(display)[rows])
    none = rows_of(file, display, slice(0, 0))
    assert reader.weigh(none).shape == (0, 3 + D)
    assert reader.answer(none, None)["score"].shape == (0,)


@pytest.mark.parametrize("value", [-1, 254, 1.5, True, math.nan, "two"])
def test_numbers_of_distractors_that_no_review_has(reader, value):
    for door in (reader.stream, lambda v: reader.show(v, KEYS)):
        with pytest.raises(InputError, match="distractors must be a whole number from 0 to 253"):
            door(value)


def test_weights_bring_their_own_words(reader, file, display, tmp_path):
    """The same network with its words in another order, and some that the grammar does not have."""
    vocabulary = file.Vocabulary((*reversed(reader.vocabulary.words), "gaffer", "isn't"))
    network = file.Reader(len(vocabulary))
    state = dict(reader.network.state_dict())
    table = state["word.weight"]
    state["word.weight"] = torch.cat([table[:2], table[2:].flip(0), table[:2]])
    network.load_state_dict(state)
    other = file.TextClassifier(network, vocabulary)
    assert np.array_equal(other.answer(display, None)["praise"], reader.answer(display, None)["praise"])
    path = tmp_path / "mine.safetensors"
    registry.save(network, {"gap": "2", "words": " ".join(vocabulary.words)}, path)
    with pytest.raises(
        InputError, match=r"does not say on which held-out texts it is examined; make it anew"
    ):
        registry.find_specialist(shutil.copy(file.__file__, tmp_path / "mine.py"), "cpu")
    registry.save(network, {"gap": "2", "words": "too few"}, path)
    with pytest.raises(InputError, match=r"word\.weight in .* must be \(4, 24\)"):
        file.reviewer(path, "make")


# --- people ---


@pytest.mark.full
def test_people_are_led_astray_by_what_is_beside_the_point_and_softmax_is_not(reader):
    task = NetworkTask.of("text_classifier", (0.0, 4.0, 16.0))
    frame = ca.run(task, model="text_classifier", people=10, trials=30).frame
    right = frame.pivot_table(index="distractors", columns="arm", values="score")
    assert (right["softmax"] > 0.98).all()
    assert right["human"].is_monotonic_decreasing
    assert right["human"][0] > 0.88
    assert 0.6 < right["human"][16] < 0.88
    assert set(frame["response"]) == {"positive", "negative"}


# --- training ---


def test_the_notes_tell_the_gap_that_can_be_measured_again(reader, file):
    with safe_open(str(file.WORKSHOP.weights), framework="pt") as weights:
        notes = weights.metadata()
    assert reader.gap == float(notes["gap"]) == pytest.approx(file.measure_gap(reader)["gap"], abs=1e-3)
    assert reader.gap > 1
    assert notes["words"].split() == list(file.own().words)
    assert file.WORKSHOP.weights.stat().st_size < 100_000


@pytest.mark.full
def test_training_is_the_same_twice_and_lowers_the_loss(file):
    shop = file.replace(file.WORKSHOP, held_out=None)
    (one, curve), (two, _) = shop.teach(steps=70), shop.teach(steps=70)
    assert curve.loss[0] == pytest.approx(math.log(2), abs=0.02)
    assert np.mean(curve.loss[-10:]) < 0.98 * curve.loss[0]
    assert all(torch.equal(x, y) for x, y in zip(one.parameters(), two.parameters(), strict=True))


# --- one's own texts ---


@pytest.fixture(scope="module")
def folder(file, tmp_path_factory):
    """A folder laid out as IMDB's: 400 texts of three judgements that agree, and 100 of held-out sentences to test."""
    path = tmp_path_factory.mktemp("reviews")
    for part, n in (("train", 400), ("test", 100)):
        rng = np.random.default_rng(n)
        verdict, kinds = np.arange(n) % 2, rng.integers(0, 3, 3 * n)
        rows = file._filled(kinds, verdict.repeat(3), rng.random((3 * n, 16)), held_out=part == "test")
        for i, three in enumerate(rows.reshape(n, 3, -1)):
            place = path / part / ("neg", "pos")[verdict[i]]
            place.mkdir(parents=True, exist_ok=True)
            text = " ".join(file.said(w).capitalize() + "." for w in three)
            (place / f"{i}_7.txt").write_text(text, encoding="utf-8-sig" if i % 4 > 1 else "utf-8")
    return path


def command(monkeypatch, file, *said):
    monkeypatch.setattr(sys, "argv", ["text_classifier.py", *map(str, said)])
    return file.WORKSHOP.main(file.arguments, file.chosen)


@pytest.mark.full
def test_it_learns_from_a_folder_of_texts_and_leaves_its_own_weights_alone(
    file, folder, tmp_path, monkeypatch, capsys
):
    before, out = file.WORKSHOP.weights.read_bytes(), tmp_path / "mine.safetensors"
    asked = ("--data", folder, "--to", out, "--steps", 150, "--out", tmp_path)
    assert command(monkeypatch, file, *asked) == 0
    said = capsys.readouterr().out
    assert float(re.search(r"100 held-out texts: (\S+) right", said)[1]) > 0.9
    assert file.WORKSHOP.weights.read_bytes() == before
    assert command(monkeypatch, file, *asked, "--check") == 0
    assert "as its notes say" in capsys.readouterr().out
    mine = file.reviewer(out, "make")
    assert mine.design.title == "Verdicts on held-out texts"
    score = mine.answer(mine.show(3, trial_keys(0, 0, np.arange(500))))["score"].mean()
    assert score == pytest.approx(float(re.search(r"100 held-out texts: (\S+) right", said)[1]), abs=0.05)
    assert file.load("cpu").design.title == "Sentiment of a review"
    praise = mine.praise(
        ["The plot was superb. The music was not boring. We loved the cast.", "The plot was awful."]
    )
    assert praise[0] > 0.5 > praise[1]


def test_texts_are_split_in_three_and_only_the_test_set_is_measured(file, folder):
    train, test = load_folder(folder)
    texts = file.OwnTexts(train, test)
    assert len(texts.train) + len(texts.look) == 400
    assert len(texts.look) == pytest.approx(44, abs=20)
    assert len(texts.test) == 100
    assert not {row.tobytes() for row in texts.train} & {row.tobytes() for row in texts.look}


@pytest.fixture(scope="module")
def mine(file, tmp_path_factory):
    """A network of two steps on 60 texts of one to six sentences, and what a user has of it: three files."""
    path = tmp_path_factory.mktemp("own")
    for part, n in (("train", 40), ("test", 20)):
        for i in range(n):
            place = path / "texts" / part / ("neg", "pos")[i % 2]
            place.mkdir(parents=True, exist_ok=True)
            says = ("A poor thing.", "A fine thing!")[i % 2]
            text = " ".join([says] * (1 + i % 6)) + f" It was {part} number {i}."
            (place / f"{i}.txt").write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        asked = ("--data", path / "texts", "--to", path / "mine.safetensors", "--steps", 2, "--out", path)
        assert command(patch, file, *asked) == 0
    shutil.copy(file.__file__, path / "mine.py")
    shutil.rmtree(path / "texts")  # an exam needs the kept texts alone
    return path


def test_an_own_network_is_examined_on_its_held_out_texts(mine):
    """In every arm; what is shown is what was held out, each text among those of about its length."""
    found = registry.find_specialist(str(mine / "mine.py"), "cpu")
    assert sorted(p.name for p in mine.iterdir() if p.is_file()) == [
        "mine.py", "mine.safetensors", "mine.texts.json"
    ]  # fmt: skip
    assert found.name == "mine"
    assert found.design.chance == 0.5
    assert found.design.values == (3.0, 4.0, 6.0, 7.0)
    least = 0
    for most in found.design.values:
        display = found.show(most, KEYS)
        texts = [found.elements(display, row) for row in range(B)]
        assert {len(text) for text in texts} == {int(most)}
        said = [[sentence for sentence in text if sentence] for text in texts]
        assert {len(text) for text in said} <= set(range(least + 1, int(most) + 1))
        least = int(most)
        for text, verdict, row in zip(said, display.verdict, range(B), strict=True):
            assert text[-1].startswith("it was test number")
            assert text[0] == ("a poor thing", "a fine thing !")[verdict]
            here = np.isfinite(found.weigh(display)[row]) if row < 3 else None
            assert here is None or here.tolist() == [bool(sentence) for sentence in texts[row]]
    frame = ca.run("own_task", ("human", "slots", "softmax"), str(mine / "mine.py"), people=2, trials=4).frame
    assert frame.groupby("arm")["sentences"].nunique().to_dict() == {"human": 4, "slots": 4, "softmax": 4}
    assert frame.query("arm == 'softmax'")["missed"].sum() == 0
    assert frame.query("arm == 'human' and sentences == 7")["missed"].sum() > 0
    with pytest.raises(InputError, match="sentences must be a whole number from 1 to 7"):
        found.show(8, KEYS)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.unlink(), r"no held-out texts at .*mine\.texts\.json, .* anew with: python models/"),
        (lambda path: path.write_text(path.read_text().replace("poor", "good")),
         r"does not hold the texts of mine\.safetensors \(SHA-256 .{12} then, .{12} now\)"),
    ],
)  # fmt: skip
def test_without_the_texts_that_it_was_made_with_there_is_no_exam(mine, tmp_path, spoil, said):
    for path in mine.glob("mine.*"):
        shutil.copy(path, tmp_path)
    spoil(tmp_path / "mine.texts.json")
    with pytest.raises(InputError, match=said) as caught:
        registry.find(str(tmp_path / "mine.py"), "cpu")
    assert "\n" not in str(caught.value)


def test_kept_texts_are_checked_whoever_made_them(tmp_path):
    weights, path = tmp_path / "mine.safetensors", tmp_path / "mine.texts.json"
    for value, said in (
        ({"texts": [], "labels": []}, "texts in .* must be a list of texts"),
        ({"texts": ["good", 3], "labels": [1, 0]}, "texts in .* must be a list of texts"),
        ({"texts": ["good"], "labels": [1, 0]}, "labels in .* must be 1 numbers 0 or 1"),
        ({"texts": ["good"], "labels": ["1"]}, "labels in .* must be 1 numbers 0 or 1"),
        ({"texts": ["good", "..."], "labels": [1, 0]}, "text 2 in .* must say something"),
        ([], "must hold a JSON object"),
    ):
        path.write_text(json.dumps(value))
        with pytest.raises(InputError, match=said):
            kept_beside(weights, seal_of(path.read_text()), "make")


def test_of_many_texts_two_thousand_are_kept_always_the_same():
    texts = Texts([f"text {i}" for i in range(5000)], np.arange(5000) % 2)
    one, two = json.loads(kept(texts)), json.loads(kept(texts))
    assert one == two
    numbers = [int(text.split()[1]) for text in one["texts"]]
    assert len(set(numbers)) == 2000
    assert [n % 2 for n in numbers] == one["labels"]
    assert np.mean(numbers) == pytest.approx(2500, abs=100)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--data", "{folder}"], r"--to must name a \.safetensors file"),
        (["--to", "x.safetensors"], "--to belongs to --data FOLDER or --dataset NAME"),
        (["--data", "{folder}", "--to", "x.bin"], r"--to must name a \.safetensors file"),
        (["--data", "nowhere", "--to", "x.safetensors"], "data must be a folder"),
        (["--data", "{folder}", "--to", "x.safetensors", "--steps", "0"], "steps must be a whole number"),
        (["--data", "{folder}", "--to", "nowhere/x.safetensors", "--check"], "no weights at nowhere"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked(file, folder, monkeypatch, asked, said):
    with pytest.raises(SystemExit, match=said):
        command(monkeypatch, file, *(word.format(folder=folder) for word in asked))


def test_its_own_weights_cannot_be_overwritten_by_other_texts(file, folder, monkeypatch):
    with pytest.raises(SystemExit, match=r"other than text_classifier\.safetensors"):
        command(monkeypatch, file, "--data", folder, "--to", file.WORKSHOP.weights)
