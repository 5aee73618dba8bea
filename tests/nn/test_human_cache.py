"""A cache with a human memory, inside `generate`: who is held is what a model may look at, step by step or at once."""

from __future__ import annotations

import os

os.environ["HF_HUB_OFFLINE"] = "1"

import math

import numpy as np
import pytest
import torch

from cogattn.errors import InputError
from cogattn.nn.huggingface import attention_of, limit
from cogattn.nn.layer_bands import bands_of, measure_layers

transformers = pytest.importorskip(
    "transformers", reason="transformers is not installed: pip install 'cogattn[huggingface]'"
)

HumanCache = pytest.importorskip("cogattn.nn.human_cache").HumanCache

B, S, V = 2, 24, 50
TINY = {
    "vocab_size": V,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": None,
}


def made(kind="Llama", **more):
    torch.manual_seed(0)
    model = getattr(transformers, f"{kind}ForCausalLM")(
        getattr(transformers, f"{kind}Config")(**TINY | more)
    ).eval()
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.3)
    return model


def prompt(n=S, pad=4):
    ids = torch.randint(2, V, (B, n), generator=torch.Generator().manual_seed(0))
    seen = torch.ones(B, n, dtype=torch.int64)
    seen[1, :pad] = 0
    return {"input_ids": ids, "attention_mask": seen}


def write(model, cache, n=8, **how):
    with limit(model, cache, "all"):
        out = model.generate(
            **prompt(),
            past_key_values=cache,
            max_new_tokens=n,
            do_sample=False,
            output_logits=True,
            return_dict_in_generate=True,
            **how,
        )
    return out.sequences, torch.stack(out.logits, 1)


@pytest.mark.parametrize("kind", ["Llama", "Mistral"])
def test_generate_is_one_pass_under_what_each_token_found(kind):
    """The mask of every token from the rule itself (chunks of 3, the oldest of 2 goes), windows included."""
    model = made(kind, **({"sliding_window": 9} if kind == "Mistral" else {}))
    cache = HumanCache(model, 2, chunk=3, sinks=1, displaces="oldest")
    text, logits = write(model, cache)
    T = text.shape[1] - 1
    mask = torch.zeros(B, T, T, dtype=torch.bool)
    for row, pad in enumerate((0, 4)):
        for t in range(pad, T):
            now = (t - pad) // 3
            for s in range(pad, t + 1):
                near = kind == "Llama" or t - s < 9
                mask[row, t, s] = near and ((s - pad) // 3 in (now, now - 1, now - 2) or s == pad)
    places = (torch.arange(T) - torch.tensor([[0], [4]])).clamp(min=0)
    with torch.no_grad():
        whole = model(text[:, :-1], attention_mask=mask[:, None], position_ids=places, use_cache=False).logits
    torch.testing.assert_close(logits, whole[:, S - 1 :], rtol=1e-3, atol=1e-3)
    assert cache.held == [[8, 9], [7, 8]] if kind == "Llama" else cache.held
    assert all(n <= 1 + 3 * 3 for n in cache.kept)


def test_a_cache_without_limits_is_transformers_own():
    model = made()
    free = model.generate(**prompt(), max_new_tokens=8, do_sample=False)
    words, _ = write(model, HumanCache(model, math.inf, sinks=0))
    assert torch.equal(words, free)


def test_the_prompt_in_pieces_is_the_prompt_at_once_and_beams_take_their_memory_along():
    model = made()
    whole = write(model, HumanCache(model, 2, chunk=3, seed=5))
    torch.testing.assert_close(
        write(model, HumanCache(model, 2, chunk=3, seed=5), prefill_chunk_size=5), whole
    )
    other = write(model, HumanCache(model, 2, chunk=3, seed=6))
    assert not torch.equal(other[1], whole[1])
    write(model, cache := HumanCache(model, 2, chunk=3), num_beams=3)
    assert len(cache.held) == 3 * B


def test_it_races_fades_and_displaces():
    model = made()

    def held(**how):
        """What two texts of 12 chunks leave behind, for 60 seeds; the model is not asked."""
        found = []
        for seed in range(60):
            cache = HumanCache(model, chunk=2, pace=0.5, seed=seed, **how)
            cache._read(B, S, np.ones((B, S), bool))
            found += cache.held
        return found

    counts = [len(h) for h in held(slots=3)]
    assert set(counts) == {3}
    stored = np.mean([len(h) for h in held(slots=math.inf, capacity=0.5, threshold=0.2)])
    assert abs(stored - 12 * (1 - math.exp(-0.5 * 0.8))) < 0.5  # 120 texts, standard error 0.15
    kept = held(slots=math.inf, decay=0.3)
    ages = np.zeros(12)
    for h in kept:
        ages[[11 - c for c in h]] += 1 / len(kept)
    np.testing.assert_allclose(ages, np.exp(-0.3 * np.arange(12)), atol=0.15)
    assert abs(np.mean([len(h) for h in held(slots=2.5)]) - 2.5) < 0.15


def test_what_is_attended_to_races_faster():
    """Chunks read before weigh by the attention that they got in the last limited layer."""
    model = made()
    cache = HumanCache(model, 4, chunk=3, capacity=1.0)
    write(model, cache, prefill_chunk_size=6)
    weights = [cache._weight(0, c) for c in range(8)]
    assert min(weights) < 0.9 < 1.1 < max(weights)


def test_what_it_cannot_do_says_so():
    model = made()
    cache = HumanCache(model, 2)
    with limit(model, cache, "all"), pytest.raises(InputError, match="give this HumanCache to the model too"):
        model(**prompt())
    with pytest.raises(InputError, match="cannot take tokens back"):
        cache.crop(-1)
    write(model, cache)
    with pytest.raises(InputError, match="slots must be"):
        HumanCache(model, -1)
    cache.reset()
    assert cache.held == []


# --- which layers limit ----------------------------------------------------------------------------------------


def test_layers_are_measured_and_a_capacity_is_claimed_only_where_lost_is_lost():
    """A model that copies a token onward in its first layer: closing the key in the second limits nothing."""
    model, x = made(), prompt(pad=0)["input_ids"]

    def item(n, seed):
        ids = torch.randint(2, V, (n, S), generator=torch.Generator().manual_seed(seed))
        needed = torch.zeros(n, S, dtype=torch.bool)
        needed[torch.arange(n), 3 + torch.arange(n) % 4] = True
        return {"input_ids": ids}, needed, ids[needed] % 2

    def told(knows):
        def answer(net, inputs):
            """Right where the key it needs still gets attention in the layers that matter."""
            right = next(r for i, _, r in items if i is inputs)
            needed = next(m for i, m, _ in items if i is inputs)
            gates = [getattr(m.self_attn, "_cogattn_limit", None) for m in net.model.layers]
            shut = [g is not None and bool((~g.gate.keep & needed).any()) for g in gates]
            gone = torch.tensor([all(shut[i] for i in knows)]).expand(len(right))
            return torch.where(gone, torch.arange(len(right)) % 2, right)

        return answer

    items = [item(8, seed) for seed in range(8)]
    bands = [(0, 0), (1, 1), (0, 1)]
    both = measure_layers(model, items, told([0, 1]), chance=0.5, bands=bands)
    assert [both.limits(b) for b in both.bands] == [False, False, True]
    assert both.best.name == "0-1"
    assert "layers 0-1 limit it" in both.words
    assert both.table().shape == (3, 8)
    late = measure_layers(model, items, told([1]), chance=0.5, bands=bands)
    assert late.best.name == "1-1"
    none = measure_layers(model, items, told([0, 1]), chance=0.5, bands=bands[:2])
    assert none.best is None
    assert "claim no capacity" in none.words
    assert bands_of(2) == [(0, 0), (1, 1), (0, 1)]
    with pytest.raises(InputError, match="bands must be"):
        measure_layers(model, items, told([0]), chance=0.5, bands=[(1, 2)])
    assert attention_of(model, {"input_ids": x}).shape == (B, S)
