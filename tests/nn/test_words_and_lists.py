"""Words that readers mark, and lists said again: by hand, and with tiny random models in place of the real ones."""

from __future__ import annotations

import os

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import pandas as pd
import pytest
import torch

from cogattn.errors import InputError
from cogattn.nn.marked_words import WordAttention, area, kappa, read_maps, top
from cogattn.nn.recital import recited
from cogattn.nn.text_tasks import Asker

transformers = pytest.importorskip(
    "transformers", reason="transformers is not installed: pip install 'cogattn[huggingface]'"
)
tokenizers = pytest.importorskip("tokenizers")

ROWS = (
    (
        "so good, really",
        ("<span>so</span>", '<span class="active">good,</span>', "<span>really</span> <span></span>"),
    ),
    (
        "so good, really",
        (
            '<span class="">so</span>',
            '<span class="active">good,</span>',
            '<span class="active">really</span>',
        ),
    ),
    ("so good, really", ("<span>another</span>", "<span>text</span>")),
    ("bad & slow", ('<span class="active">bad</span>', "<span>&amp;</span>", "<span>slow</span>")),
)
WORDS = ["a", "b", "c", "d", "e", "f"]


def tokenizer_of(words):
    raw = tokenizers.Tokenizer(
        tokenizers.models.WordLevel(
            {w: i for i, w in enumerate(["<s>", "[UNK]", ",", ":", "?", *words])}, "[UNK]"
        )
    )
    raw.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    return transformers.PreTrainedTokenizerFast(tokenizer_object=raw, bos_token="<s>", unk_token="[UNK]")


SIZE = {
    "vocab_size": 20,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
}


def decoder():
    torch.manual_seed(0)
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**SIZE, initializer_range=0.3)).eval()


def encoder():
    torch.manual_seed(0)
    return transformers.BertModel(transformers.BertConfig(**SIZE, initializer_range=0.3)).eval()


def test_maps_are_read_as_they_were_marked(tmp_path):
    path = tmp_path / "maps.csv"
    table = pd.DataFrame(
        {"Input.text": [t for t, _ in ROWS], "Answer.html_output": [" ".join(m) for _, m in ROWS]}
    )
    table.assign(**{"Input.label": [1, 1, 1, 0]}).to_csv(path, index=False)
    first, second = read_maps(path)
    assert first.words == ("so", "good,", "really")
    assert first.marks.tolist() == [
        [False, True, False],
        [False, True, True],
    ]  # whose words differ is left out
    assert (first.positive, second.positive) == (True, False)
    assert second.words == ("bad", "&", "slow")
    path.write_text("Input.text\nx\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"must have the columns .* lacks Answer.html_output"):
        read_maps(path)
    path.write_text("Input.text,Answer.html_output\nx,y\n", encoding="utf-8")
    with pytest.raises(InputError, match="got none"):
        read_maps(path)


def test_agreement_by_hand():
    a, b = np.array([1, 1, 0, 0, 0], bool), np.array([1, 0, 0, 0, 1], bool)
    assert kappa(a, b) == pytest.approx((0.6 - 0.52) / 0.48)  # agree .6, by chance .4 .4 + .6 .6
    assert kappa(a, ~a) == pytest.approx((0 - 0.48) / 0.52)
    assert np.isnan(kappa(np.ones(3, bool), np.ones(3, bool)))
    assert area(np.array([3.0, 1, 2, 0, 1]), a) == pytest.approx((3 + 1.5) / 6)
    assert np.isnan(area(np.zeros(3), np.zeros(3, bool)))
    assert top(np.array([0.1, 0.9, 0.5, 0.9]), 0.5).tolist() == [False, True, False, True]
    assert top(np.zeros(4), 0.01).tolist() == [True, False, False, False]


@pytest.mark.parametrize(("model", "after", "queries"), [(decoder, " ?", -1), (encoder, "", "all")])
def test_a_words_share_is_that_of_its_tokens_and_none_where_it_is_lost(model, after, queries):
    words = ["a", "b,", "c", "d"]  # "b," is two tokens
    reader = WordAttention(model(), tokenizer_of(WORDS), range(3), after, queries)
    of = reader._coded(words)[1]
    inside = of[of >= 0].tolist()
    assert inside == [0, 1, 1, 2, 3]
    free = reader.shares(words)
    assert free.shape == (1, 4)
    assert (free > 0).all()
    rest = 1 - free.sum()  # the beginning and the question
    assert rest == pytest.approx(0, abs=1e-6) if queries == "all" else rest > 0
    keep = np.array([[True, True, True, True], [True, False, True, False]])
    got = reader.shares(words, keep)
    np.testing.assert_allclose(got[0], free[0], rtol=1e-5)
    assert (got[1, [1, 3]] == 0).all()
    assert (got[1, [0, 2]] > free[0, [0, 2]]).all()
    one = WordAttention(reader.model, reader.tokenizer, [2], after, queries).shares(words, keep)[1]
    assert not np.allclose(one, got[1])  # the layers before it look through the gate too


def test_a_list_is_said_again_as_the_model_alone_would_say_it():
    net, tokenizer = decoder(), tokenizer_of([*WORDS, "I", "repeat", "they", "are", "The", "words"])
    asker = Asker(net, tokenizer, [1, 2])
    lists = np.array([[0, 1, 2, 3], [5, 5, 4, 0]])
    said = recited(asker, lists, WORDS)
    start, again = asker._tokens("The words are:"), asker._tokens("\nI repeat, they are:")
    of, comma = [asker._tokens(w)[0] for w in WORDS], asker._tokens(",")[0]
    for b, row in enumerate(lists):
        run = [x for i in row for x in (of[i], comma)][:-1]
        for place in range(4):
            before = [asker.start, *start, *run, *again, *run[: 2 * place]]
            with torch.no_grad():
                logits = net(input_ids=torch.tensor([before])).logits[0, -1, of]
            assert said[b, place] == int(logits.argmax()), (b, place)
    keep = np.array([[False] * 4, [True] * 4])
    lost = recited(asker, lists, WORDS, keep)
    assert (lost[1] == said[1]).all()
    closed_all = Asker(net, tokenizer, [0, 1, 2])
    first = [recited(closed_all, np.array([[i, 1, 2, 3]]), WORDS, keep[:1])[0, 0] for i in range(6)]
    assert len(set(first)) == 1  # nothing of a closed word comes through where all layers are limited
    with pytest.raises(InputError, match="one token each"):
        recited(asker, lists, ["a", "b c", "d", "e", "f", "a"])
