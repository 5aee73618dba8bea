"""The transformer as it is shipped: torch's own layers, a beam that finds the best, faultless telegrams, no leak."""

from __future__ import annotations

import itertools
import math
import re
import sys
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from torch import nn

import cogattn as ca
from cogattn.errors import InputError
from cogattn.laws import race
from cogattn.mind import cohort
from cogattn.mind.draws import trial_keys
from cogattn.nn.gate import GateState
from cogattn.nn.networks import registry
from cogattn.runs import experiment

B, S = 128, 12


@pytest.fixture(scope="module")
def clerk() -> Any:
    return registry.find_specialist("transformer", device="cpu")


@pytest.fixture(scope="module")
def file(clerk: Any) -> ModuleType:
    return sys.modules[type(clerk).__module__]


@pytest.fixture(scope="module")
def display(clerk: Any) -> Any:
    return clerk.show(S, trial_keys(11, 0, np.arange(B)))


def shaken(module: nn.Module) -> nn.Module:
    """Biases and norms start at 0 and 1, where they could hide an error."""
    torch.manual_seed(3)
    for p in module.parameters():
        nn.init.normal_(p, std=0.3)
    return module.double()


def some(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape)))


def close(a: torch.Tensor, b: torch.Tensor) -> bool:
    return bool(torch.allclose(a, b, rtol=0, atol=1e-6)) and a.shape == b.shape


# --- the architecture: torch's own layers with the same weights, in float64 ---


@pytest.mark.parametrize("training", [True, False])
def test_an_encoder_layer_is_torchs(file, training):
    ours = shaken(file.EncoderLayer(16, 4, 24)).train(training)
    torchs = nn.TransformerEncoderLayer(16, 4, 24, dropout=0.0, batch_first=True).double().train(training)
    torchs.load_state_dict(ours.state_dict())
    x, absent = some(5, 7, 16), torch.arange(7) >= torch.tensor([[7], [3], [1], [5], [6]])
    a, b = ours(x, absent), torchs(x, src_key_padding_mask=absent)
    assert close(a[~absent], b[~absent])
    assert not close(a[~absent], ours(x, torch.zeros_like(absent))[~absent])  # the mask matters


@pytest.mark.parametrize("shut", [False, True])
def test_a_decoder_layer_is_torchs(file, shut):
    ours = shaken(file.DecoderLayer(16, 4, 24))
    torchs = nn.TransformerDecoderLayer(16, 4, 24, dropout=0.0, batch_first=True).double()
    torchs.load_state_dict(ours.state_dict())
    x, memory = some(5, 6, 16), some(5, 9, 16)
    absent = torch.arange(9) >= torch.tensor([[9], [3], [1], [5], [6]]) if shut else None
    later = torch.ones(6, 6, dtype=torch.bool).triu(1)
    gate = None if absent is None else GateState(keep=~absent)
    a = ours(x, memory, gate)[0]
    assert close(a, torchs(x, memory, tgt_mask=later, memory_key_padding_mask=absent))
    assert not close(a, torchs(x, memory, memory_key_padding_mask=absent))


def test_the_stacks_are_torchs_over_the_whole_report_with_a_mask_of_blocks(file):
    """Sentence by sentence is the same as all at once under a mask that is open within each sentence alone."""
    ours = shaken(file.Transformer(16, 4, 24, 3, words=30, says=20))
    torchs = nn.Transformer(16, 4, 3, 3, 24, dropout=0.0, batch_first=True).double()
    torchs.encoder.norm = torchs.decoder.norm = None
    for mine, theirs in ((ours.encoder, torchs.encoder), (ours.decoder, torchs.decoder)):
        theirs.layers.load_state_dict(mine.state_dict())
    nn.init.zeros_(ours.priority.weight), nn.init.zeros_(ours.priority.bias)  # torch has none
    words = torch.randint(1, 30, (3, 4, 5), generator=torch.Generator().manual_seed(1))
    words[:, 1, 3:], words[:, 2, 1:] = 0, 0
    said = torch.randint(1, 20, (3, 6), generator=torch.Generator().manual_seed(2))
    place = file.positions(6, 16).double()
    x = ours.reads.weight[words] * 4 + place[:5]  # positions begin anew in each sentence; 4 = sqrt(16)
    of = torch.arange(20) // 5
    memory = torchs.encoder(
        x.flatten(1, 2), mask=of[:, None] != of, src_key_padding_mask=words.flatten(1) == 0
    )
    y = torchs.decoder(
        ours.says.weight[said] * 4 + place,
        memory,
        tgt_mask=torch.ones(6, 6, dtype=torch.bool).triu(1),
        memory_key_padding_mask=words.flatten(1) == 0,
    )
    assert close(ours(words, said), ours.answer(y))


def test_positions_are_sines_and_cosines(file):
    table = file.positions(40, 10)
    for p, i in itertools.product((0, 1, 7, 39), range(5)):
        angle = p / 10000 ** (2 * i / 10)
        assert table[p, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-5)
        assert table[p, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-5)


def test_the_priority_is_added_to_every_score_of_its_sentence(file):
    ours = shaken(file.Transformer(16, 4, 24, 1, words=30, says=20))
    words, said = torch.randint(1, 30, (2, 3, 5)), torch.randint(1, 20, (2, 4))
    _, priority = ours.encode(words.flatten(0, 1))
    flat, pulled = shaken(file.Transformer(16, 4, 24, 1, words=30, says=20)), priority.view(2, 3).detach()
    nn.init.zeros_(flat.priority.weight), nn.init.zeros_(flat.priority.bias)
    assert not close(ours(words, said), flat(words, said))
    assert close(ours(words, said), flat(words, said, GateState(bias=pulled)))


def test_no_word_sees_a_later_one_and_more_room_changes_nothing(clerk, file, display):
    net = clerk.network
    words, said = torch.from_numpy(file.language().table[display.sentence[:20]]), torch.full((20, 8), 5)
    other = said.clone()
    other[:, 4:] = 9
    with torch.no_grad():
        a, b = net(words, said), net(words, other)
        wider = net(nn.functional.pad(words, (0, 4)), said)
    assert torch.equal(a[:, :4], b[:, :4])
    assert not torch.equal(a[:, 4:], b[:, 4:])
    assert torch.allclose(a, wider, atol=1e-4)


# --- beam search ---

V = 4


def chain(seed):
    """A language whose next word hangs on the two before: p (V, V, V), and its step. To go on after STOP would pay."""
    p = torch.rand(V, V, V, generator=torch.Generator().manual_seed(seed)).pow(3) + 1e-3
    p[:, 1, 2] = 1e6
    log_p = (p / p.sum(-1, keepdim=True)).log()

    def step(said):
        before = said[..., -2] if said.shape[-1] > 1 else torch.zeros_like(said[..., -1])
        return log_p[before, said[..., -1]]

    return log_p, step


def worth(log_p, words, power):
    """The score of one telegram, from the chain itself."""
    before, last, total = 0, 0, 0.0
    for word in words:
        total += log_p[before, last, word].item()
        before, last = last, word
    return total / ((5 + len(words)) / 6) ** power


def every(most, stop):
    """All that can be said: anything until STOP or `most` words."""
    for n in range(1, most + 1):
        for words in itertools.product(range(V), repeat=n):
            if stop not in words[:-1] and (words[-1] == stop or n == most):
                yield words


def said_of(row, stop):
    words = row.tolist()
    return tuple(words[: words.index(stop) + 1] if stop in words else words)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("power", [0.0, 0.6, 1.0])
def test_a_beam_wide_enough_finds_the_best_of_all(file, seed, power):
    log_p, step = chain(seed)
    words, score = file.beam_search(step, 2, V**5, 5, power)
    best = max(every(5, file.STOP), key=lambda w: worth(log_p, w, power))
    assert said_of(words[0], file.STOP) == best
    assert score[0].item() == pytest.approx(worth(log_p, best, power), abs=1e-5)
    assert torch.equal(words[0], words[1])


@pytest.mark.parametrize("seed", range(8))
def test_a_beam_of_one_is_greedy_and_a_wider_one_is_no_worse(file, seed):
    log_p, step = chain(seed)
    greedy, before, last = [], 0, 0
    while len(greedy) < 6 and file.STOP not in greedy:
        before, last = last, int(log_p[before, last].argmax())
        greedy.append(last)
    scores = []
    for width in (1, 2, 4, 16):
        words, score = file.beam_search(step, 1, width, 6)
        said = said_of(words[0], file.STOP)
        assert score[0].item() == pytest.approx(worth(log_p, said, file.POWER), abs=1e-5)
        assert width > 1 or said == tuple(greedy)
        scores.append(score[0].item())
    assert min(scores[1:]) >= scores[0] - 1e-6


# --- ROUGE ---

LIN = (
    "police killed the gunman",
    "police kill the gunman",
    "the gunman kill police",
    "the gunman police killed",
)


def test_rouge_is_lins_on_lins_own_examples(file):
    """Lin 2004, section 3: both candidates share one bigram with the reference, but ROUGE-L tells them apart."""
    truth, first, second, third = (x.split() for x in LIN)
    assert file.rouge_l(first, truth).f1 == 3 / 4
    assert file.rouge_l(second, truth).f1 == 2 / 4
    assert file.rouge_n(first, truth, 2) == file.rouge_n(second, truth, 2) == (1 / 3, 1 / 3)
    assert file.rouge_l(third, truth).f1 == 2 / 4
    assert file.rouge_n(third, truth, 2) == (2 / 3, 2 / 3)


def test_a_word_counts_as_often_as_in_both(file):
    assert file.rouge_n("aaab", "aac", 1) == (2 / 3, 2 / 4)
    assert file.rouge_n("aaab", "aac", 1).f1 == pytest.approx(4 / 7)
    assert file.rouge_l("", "a") == file.rouge_n("", "a", 1) == (0, 0)
    assert file.rouge_l("", "a").f1 == 0


def common(a, b):
    """Longest common subsequence, by trying all."""
    if not a or not b:
        return 0
    if a[0] == b[0]:
        return 1 + common(a[1:], b[1:])
    return max(common(a[1:], b), common(a, b[1:]))


@given(a=st.lists(st.integers(0, 3), max_size=7), b=st.lists(st.integers(0, 3), max_size=7))
def test_rouge_holds_for_any_two_texts(file, a, b):
    longest = file.rouge_l(a, b)
    assert longest == (common(a, b) / len(b) if b else 0, common(a, b) / len(a) if a else 0)
    for one, two in ((longest, file.rouge_l(b, a)), (file.rouge_n(a, b, 2), file.rouge_n(b, a, 2))):
        assert one == two[::-1]
        assert one.f1 == two.f1
    assert longest.recall <= file.rouge_n(a, b, 1).recall <= 1
    assert not a or file.rouge_l(a, a) == file.rouge_n(a, a, 1) == (1, 1)


TELEGRAMS = (
    "FIRE DOCK 7 THREE HURT SEND MEDICS",
    "FIRE DOCK 8 THREE SEND MEDICS",
    "SEND MEDICS THREE HURT DOCK 7 FIRE",
)


def test_marks_count_facts_and_inventions(file):
    truth, said, turned = (x.split() for x in TELEGRAMS)
    assert file.facts_of(said) == ["FIRE", "DOCK 8", "THREE", "SEND MEDICS"]
    found = file.marks(said, truth)
    assert (found["score"], found["invented"], found["exact"]) == (0.5, 2, 0)
    assert found["rouge_l"] == pytest.approx(2 * (5 / 6) * (5 / 7) / (5 / 6 + 5 / 7))
    assert file.marks(turned, truth)["score"] == file.marks(turned, truth)["rouge1"] == 1
    assert file.marks(turned, truth)["rouge_l"] == 2 / 7
    assert file.marks([], truth) == dict.fromkeys(file.marks(truth, truth), 0.0)
    assert file.marks(truth, truth)["exact"] == file.marks(truth, truth)["rouge2"] == 1


# --- the language and its reports ---


def reading(file, text, ways):
    """The values of the slots of the one template among `ways` that this text fits."""
    found = []
    for way in ways:
        pattern = re.sub(
            r"\{(\w+)\}", lambda m: f"(?P<{m[1]}>{'|'.join(map(re.escape, file.SLOTS[m[1]]))})", way
        )
        found += [m.groupdict() for m in [re.fullmatch(pattern, text)] if m]
    assert len(found) == 1, (text, found)
    return found[0]


def test_a_report_tells_each_fact_once_and_the_telegram_says_it(clerk, file, display):
    """Read again from the text alone, by other means."""
    told = file.texts(file.telegrams(display.facts, np.ones((B, 4), bool)))
    for row in range(60):
        sentences, words = clerk.elements(display, row), []
        key = [sentences[i] for i in display.where[row]]
        for kind, text in zip(file.KEY, key, strict=True):
            value = reading(file, text, file.KEY[kind])
            slots = {"what": ["what"], "where": ["spot"], "who": ["count", "state"], "needs": ["means"]}[kind]
            words += [file.SLOTS[slot][value[slot]] for slot in slots]
        assert " ".join(words) == told[row]
        for i in set(range(S)) - set(display.where[row].tolist()):
            reading(file, sentences[i], file.FILLER)


def test_the_language_is_one_of_different_sentences(file):
    known = file.language()
    texts = {known.text(i) for i in range(len(known.table))}
    assert len(texts) == len(known.table) > 10_000
    assert all(len(ways) == file.WAYS for ways in file.KEY.values())
    assert (np.bincount(known.fifth + 1) / len(known.table) > 0.19)[1:].all()
    lures = [t for t in file.FILLER if any(f"{{{slot}}}" in t for slot in file.TOLD)]
    assert len(lures) >= len(file.FILLER) / 2  # most of what is dropped speaks of such things too


def test_what_is_tested_was_never_trained_on(file):
    keys, known = trial_keys(2, 0, np.arange(3000)), file.language()
    sets = {part: set(file.write_reports(keys, 8, part).sentence.ravel().tolist()) for part in file.PARTS}
    everybodys = {i for i in range(len(known.table)) if known.fifth[i] < 0}
    assert len(everybodys) == 1
    for a, b in itertools.combinations(sets.values(), 2):
        assert a & b == everybodys
    assert min(map(len, sets.values())) > 2000


def test_a_mean_sentence_is_as_long_as_the_pace_takes_it_to_be(clerk, file):
    known = file.language()
    shown = [clerk.show(n, trial_keys(3, n, np.arange(2000))).sentence for n in clerk.design.values]
    mean = np.mean([(known.table[x] > 0).sum(-1).mean() for x in shown])
    assert mean == pytest.approx(file.SENTENCE, abs=0.05)
    stream = clerk.stream(12)
    assert len(stream.stimuli) == 12
    assert stream.stimuli[1].onset == pytest.approx(60 * file.SENTENCE / 238)


def test_reports_are_pure(clerk, display):
    keys = trial_keys(11, 0, np.arange(B))
    rows = np.array([120, 3, 77])
    some_ = clerk.show(S, keys[rows])
    for field in ("sentence", "where", "facts"):
        assert np.array_equal(getattr(some_, field), getattr(display, field)[rows])
    assert len(np.unique(clerk.show(S, keys).sentence, axis=0)) == B
    assert clerk.show(S, keys[:0]).sentence.shape == (0, S)


@pytest.mark.parametrize("value", [3, 65, 8.5, math.nan, "8"])
def test_a_report_of_a_length_that_cannot_be(clerk, value):
    with pytest.raises(InputError, match="sentences of a report must be"):
        clerk.show(value, trial_keys(1, 1, [1]))


# --- what it can do ---


@pytest.mark.parametrize("sentences", [4, 12, 24, 64])
def test_without_limits_it_is_at_its_ceiling(clerk, sentences):
    found = clerk.answer(clerk.show(sentences, trial_keys(12, sentences, np.arange(64))), None)
    assert found["exact"].mean() > 0.97
    assert found["score"].mean() > 0.99
    assert found["rouge_l"].mean() > 0.99
    assert found["invented"].mean() < 0.01
    assert re.fullmatch(r"[A-Z]+ [A-Z]+ \d [A-Z]+ [A-Z]+ SEND [A-Z]+", found["response"][0])


def keeping(seed=0, share=0.5):
    return np.random.default_rng(seed).random((B, S)) < share


@pytest.mark.full
def test_what_is_shut_is_left_out_and_nothing_invented(clerk, file, display):
    keep = keeping()
    found = clerk.answer(display, GateState(keep=torch.from_numpy(keep)))
    expected = file.texts(file.telegrams(display.facts, np.take_along_axis(keep, display.where, 1)))
    assert (found["response"] == np.array(expected)).mean() > 0.97
    assert found["invented"].mean() < 0.02
    nothing = clerk.answer(display, GateState(keep=torch.zeros(B, S, dtype=torch.bool)))
    assert (nothing["response"] == "").all()
    assert (nothing["score"] == 0).all()


def scores_of(clerk, file, display, gate):
    """The scores behind a telegram that all share: bits, where telegrams would hide small differences."""
    said = torch.full((file.CHUNK, 6), 5)
    with torch.inference_mode():
        found = [clerk.network.decode(said, *chunk)[0] for chunk in clerk._chunks(display, gate)]
    return torch.cat(found)[: len(display.sentence)]


def test_a_shut_sentence_changes_no_bit(clerk, file, display):
    keep = keeping(1)
    gate = GateState(keep=torch.from_numpy(keep))
    other = np.random.default_rng(2).integers(0, len(file.language().table), display.sentence.shape)
    swapped = replace(display, sentence=np.where(keep, display.sentence, other))
    assert torch.equal(scores_of(clerk, file, display, gate), scores_of(clerk, file, swapped, gate))
    words = (torch.from_numpy(file.language().table[x.sentence]) for x in (display, swapped))
    said = torch.full((B, 6), 5)
    with torch.no_grad():
        a, b = (clerk.network(w, said, gate) for w in words)
    assert torch.equal(a, b)
    opened = replace(display, sentence=np.where(keep, other, display.sentence))
    assert not torch.equal(scores_of(clerk, file, display, gate), scores_of(clerk, file, opened, gate))


@pytest.mark.parametrize(
    "gate",
    [
        GateState(),
        GateState(keep=torch.ones(B, S, dtype=torch.bool)),
        GateState(index=torch.arange(S).repeat(B, 1)),
        GateState(gain=torch.ones(B), bias=torch.zeros(B, S), share=torch.ones(B, 1, S)),
    ],
    ids=["none", "keep", "index", "bias"],
)
def test_a_gate_that_shuts_nothing_changes_no_bit(clerk, file, display, gate):
    assert torch.equal(scores_of(clerk, file, display, gate), scores_of(clerk, file, display, None))


@pytest.mark.parametrize(
    "gate",
    [
        GateState(index=torch.full((B, 4), -1)),
        GateState(bias=torch.full((B, S), -math.inf)),
        GateState(share=torch.zeros(B)),
        GateState(share=torch.zeros(B, 1, S)),
    ],
    ids=["index", "bias", "share", "share_keys"],
)
def test_whatever_way_all_is_shut_nothing_is_said(clerk, display, gate):
    assert (clerk.write(display, gate)[:, 0] == 1).all()


@pytest.mark.full
def test_an_answer_depends_on_no_other_report(clerk, display):
    keep = torch.from_numpy(keeping(3))
    every = clerk.answer(display, GateState(keep=keep))
    rows = np.array([120, 3, 77, 78])
    few = replace(display, **{f: getattr(display, f)[rows] for f in ("sentence", "where", "facts")})
    again = clerk.answer(few, GateState(keep=keep[rows]))
    for name, column in again.items():
        assert np.array_equal(column, every[name][rows]), name
    a, b = (clerk.allocate(x, GateState(keep=k)) for x, k in ((display, keep), (few, keep[rows])))
    assert np.array_equal(a[rows], b)
    none = replace(display, **{f: getattr(display, f)[:0] for f in ("sentence", "where", "facts")})
    assert clerk.answer(none, None)["score"].shape == (0,)
    assert clerk.allocate(none, None).shape == (0, S)


@pytest.mark.full
def test_attention_goes_to_what_is_open_and_mostly_to_the_key_facts(clerk, display):
    looks, keep = clerk.allocate(display, None), keeping(4)
    assert looks.shape == (B, S)
    assert looks.sum(1) == pytest.approx(np.ones(B), abs=1e-5)
    assert np.take_along_axis(looks, display.where, 1).sum(1).mean() > 0.7
    shut = clerk.allocate(display, GateState(keep=torch.from_numpy(keep)))
    assert (shut[~keep] == 0).all()
    assert shut.sum(1) == pytest.approx(keep.any(1).astype(float), abs=1e-5)
    halved = clerk.allocate(display, GateState(share=torch.full((B,), 0.5)))
    assert halved.sum(1) == pytest.approx(np.full(B, 0.5), abs=1e-5)


def test_its_logits_call_for_the_key_facts_whatever_stands_beside_them(clerk, display):
    logits, key = clerk.weigh(display), np.zeros((B, S), bool)
    np.put_along_axis(key, display.where, True, 1)
    assert logits.shape == (B, S)
    assert np.isfinite(logits).all()
    assert logits[key].mean() - logits[~key].mean() == pytest.approx(clerk.gap, rel=0.1)
    assert (logits[key][:, None] > logits[~key]).mean() > 0.99
    turned = replace(display, sentence=display.sentence[:, ::-1])
    assert np.array_equal(clerk.weigh(turned), logits[:, ::-1])


@pytest.mark.parametrize(
    "gate",
    [
        GateState(keep=torch.ones(B, S - 1, dtype=torch.bool)),
        GateState(keep=torch.ones(B - 1, S, dtype=torch.bool)),
        GateState(t_on=torch.zeros(B, S), t_query=torch.zeros(B, 1)),
    ],
)
def test_a_gate_that_does_not_fit(clerk, display, gate):
    with pytest.raises(InputError, match="gate"):
        clerk.answer(display, gate)


# --- people ---


@pytest.mark.full
def test_people_tell_what_their_minds_hold_and_softmax_tells_all(clerk):
    """The mind, played again by hand under the network's logits: the network neither loses nor adds a fact."""
    trials = ca.run("own_task", model="transformer", people=8, trials=8, seed=4)
    told = trials.frame.groupby(["arm", "sentences"])["score"].mean().unstack("arm")
    assert (told["softmax"] > 0.97).all()
    assert 0.55 < told["human"][4] < 0.95
    assert told["human"][24] < told["human"][4] - 0.2
    plan, people, trial = experiment.plan_of(trials), np.repeat(np.arange(8), 8), np.tile(np.arange(8), 8)
    seed, crowd = experiment.condition_seed(plan, {"sentences": 12}), plan.crowd()
    display = clerk.show(12, trial_keys(seed, people, trial))
    gain = race.gain_for([mind.alpha for mind in crowd], clerk.gap)[people, None]
    weights = race.weights_from_logits(clerk.weigh(display), gain)
    out = cohort.play(clerk.stream(12), crowd, person=people, trial=trial, seed=seed, weights=weights)
    held = np.take_along_axis(out.stored, display.where, 1).mean(1)
    own = trials.frame.query("arm == 'human' and sentences == 12")
    assert (own["score"].to_numpy() == held).mean() > 0.97
    assert own["invented"].mean() < 0.02


# --- training ---


def test_a_lessons_telegram_is_that_of_what_is_open(file):
    x = file.lesson(7)
    report = file.write_reports(trial_keys(file.SEED, 7, np.arange(file.BATCH)), 8, "train")
    assert np.array_equal(x.words, file.language().table[report.sentence])
    told = file.texts(x.target.numpy())
    whole = file.texts(file.telegrams(report.facts, np.ones((file.BATCH, 4), bool)))
    for row in range(file.BATCH):
        facts = file.facts_of(whole[row].split())
        left = [fact for fact, at in zip(facts, report.where[row], strict=True) if x.keep[row, at]]
        assert told[row] == " ".join(left)
    assert torch.equal(x.said[:, 1:], x.target[:, :-1])
    assert (x.said[:, 0] == 0).all()
    assert 0.3 < x.keep.all(1).float().mean() < 0.8
    assert set(file.language().fifth[report.sentence].ravel()) <= {-1, 0, 1, 2}


def test_the_notes_hold_its_accuracies(file):
    with safe_open(str(file.WORKSHOP.weights), framework="pt") as weights:
        notes = weights.metadata()
    assert all(float(notes[f"exact_{n}"]) > 0.97 for n in file.LENGTHS)
    assert float(notes["open_told"]) > 0.97
    assert float(notes["invented"]) < 0.02


@pytest.mark.parametrize("notes", [{}, {"gap": "wide"}])
def test_weights_that_do_not_say_their_gap(file, monkeypatch, notes):
    monkeypatch.setattr(file, "load_weights", lambda *_: notes)
    with pytest.raises(InputError, match="does not say its gap; make it anew with"):
        file.load("cpu")


# --- compiled, and on a GPU ---


def lesson_on(file, device):
    x = file.lesson(1, batch=8)
    return *(y.to(device) for y in (x.words, x.said)), GateState(keep=x.keep.to(device))


@pytest.mark.full
def test_it_can_be_compiled_in_one_piece(clerk, file):
    words, said, gate = lesson_on(file, "cpu")
    compiled = torch.compile(clerk.network, fullgraph=True, backend="eager")
    with torch.no_grad():
        assert torch.allclose(compiled(words, said, gate), clerk.network(words, said, gate), atol=1e-5)


@pytest.mark.gpu
def test_on_a_gpu_it_writes_the_same(clerk, display):
    there = registry.find_specialist("transformer", device="cuda")
    gate = GateState(keep=torch.from_numpy(keeping()))
    assert (there.answer(display, gate)["response"] == clerk.answer(display, gate)["response"]).mean() > 0.99
    assert there.weigh(display) == pytest.approx(clerk.weigh(display), abs=1e-2)
    assert there.allocate(display, gate) == pytest.approx(clerk.allocate(display, gate), abs=1e-2)


@pytest.mark.gpu
def test_on_a_gpu_it_learns_compiled_and_in_bfloat16(file):
    network = file.WORKSHOP.network().to("cuda")
    compiled, adam = torch.compile(network), torch.optim.AdamW(network.parameters(), 1e-3)
    words, said, gate = lesson_on(file, "cuda")
    target, losses = file.lesson(1, batch=8).target.cuda(), []
    for _ in range(20):
        with torch.autocast("cuda", torch.bfloat16):
            scores = compiled(words, said, gate)
        loss = nn.functional.cross_entropy(scores.float().flatten(0, 1), target.flatten(), ignore_index=0)
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
