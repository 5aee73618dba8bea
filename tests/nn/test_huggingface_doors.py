"""Doors of transformers that once failed or went wrong in silence: checkpoints, copies, soft caps, sinks, roles."""

from __future__ import annotations

import copy
import os

os.environ["HF_HUB_OFFLINE"] = "1"

import pytest
import torch

from cogattn.errors import InputError
from cogattn.nn.gate import GateState
from cogattn.nn.huggingface import attention_layers, attention_of, limit

transformers = pytest.importorskip(
    "transformers", reason="transformers is not installed: pip install 'cogattn[huggingface]'"
)

B, S, V = 2, 6, 50
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


def made(kind, **more):
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(**TINY | more)
    model = getattr(transformers, f"{kind}ForCausalLM")(config).eval()
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.3)
    return model


def call(n=S):
    ids = torch.randint(2, V, (B, n), generator=torch.Generator().manual_seed(0))
    seen = torch.ones(B, n, dtype=torch.int64)
    seen[1, :2] = 0
    return {"input_ids": ids, "attention_mask": seen}


def keep(*closed, n=S):
    open_ = torch.ones(B, n, dtype=torch.bool)
    open_[:, list(closed)] = False
    return GateState(keep=open_)


@pytest.mark.full
@pytest.mark.parametrize("reentrant", [True, False])
def test_gradient_checkpoints_keep_the_gate_after_the_block(reentrant):
    model = made("Llama").train()

    def gradient(again):
        model.zero_grad()
        with limit(model, keep(2, 3), "all"):
            loss = model(**call(), use_cache=False).logits.square().mean()
            if not again:
                loss.backward()
        if again:
            loss.backward()
        return torch.cat([p.grad.flatten() for p in model.parameters()])

    model.gradient_checkpointing_disable()
    wanted = gradient(again=False)
    model.gradient_checkpointing_enable({"use_reentrant": reentrant})
    model.enable_input_require_grads()
    torch.testing.assert_close(gradient(again=True), wanted)
    loss = model(**call(), use_cache=False).logits.square().mean()
    with limit(model, keep(2, 3), "all"), pytest.raises(InputError, match="outside of this limit"):
        loss.backward()


def test_a_copy_made_within_the_block_is_free_and_on_its_own_function():
    model = made("Llama")
    model.set_attn_implementation("eager")
    with torch.no_grad():
        free = model(**call()).logits
        with limit(model, keep(2, 3), "all"):
            twin, part = copy.deepcopy(model), copy.deepcopy(model.model.layers[0].self_attn)
        assert twin.config._attn_implementation == part.config._attn_implementation == "eager"
        assert torch.equal(twin(**call()).logits, free)
        with limit(twin, keep(2, 3), "all"):
            assert not torch.equal(twin(**call()).logits, free)


@pytest.mark.parametrize("kind", ["Gemma2", "GptOss"])
def test_soft_caps_and_sinks_are_kept_under_a_gate(kind):
    """Free layers are the model's own bits; limited ones its own formula under the same mask."""
    more = {"head_dim": 8, "sliding_window": 64}
    more |= (
        {"attn_logit_softcapping": 2.0}
        if kind == "Gemma2"
        else {"num_local_experts": 2, "num_experts_per_tok": 1}
    )
    model = made(kind, **more)
    model.set_attn_implementation("eager")
    with torch.no_grad():
        free = model(**call()).logits
        for gate in (None, GateState()):
            with limit(model, gate, "all"):
                assert torch.equal(model(**call()).logits, free)
        with limit(model, keep(), "all"):
            torch.testing.assert_close(model(**call()).logits[:, 2:], free[:, 2:], rtol=0, atol=2e-4)
        with limit(model, keep(3), "all"):
            ours = model(**call()).logits
        mask = torch.ones(S, S, dtype=torch.bool).tril() & call()["attention_mask"].bool()[:, None, None]
        mask[..., 3] = False
        mask = torch.zeros(mask.shape).masked_fill(~mask, torch.finfo(torch.float32).min)
        kinds = {"full_attention": mask, "sliding_attention": mask}
        places = (call()["attention_mask"].cumsum(1) - 1).clamp(min=0)
        theirs = model(call()["input_ids"], attention_mask=kinds, position_ids=places).logits
        with limit(model, keep(3), "all"):
            ours = model(**call(), position_ids=places).logits
    torch.testing.assert_close(ours[:, 2:], theirs[:, 2:], rtol=0, atol=1e-3)
    assert (ours - free)[:, 4:].abs().max() > 1e-2


def test_a_tower_that_masks_what_is_ahead_is_a_decoder():
    small = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4}
    config = transformers.CLIPConfig(
        text_config=small | {"vocab_size": V}, vision_config=small | {"image_size": 16, "patch_size": 4}
    )
    assert set(attention_layers(transformers.CLIPModel(config)).items()) == {
        ("text_model.encoder.layers.0.self_attn", "decoder"),
        ("vision_model.encoder.layers.0.self_attn", "encoder"),
    }


def test_sinks_stay_open_beside_the_gate_and_start_after_the_padding():
    model, shut = made("Llama"), keep(*range(S))
    with torch.no_grad():
        got = attention_of(model, call(), keep(*range(5)))
        assert (got[:, :5] == 0).all()
    for index in (False, True):
        gate = GateState(index=torch.full((B, 1), 4), keep=keep().keep) if index else keep(0, 1, 2, 3, 5)
        with limit(model, gate, "all", sinks=2), torch.no_grad():
            ours = model(**call()).logits
        first = torch.tensor([[1, 1, 0, 0, 1, 0], [0, 0, 1, 1, 1, 0]], dtype=torch.bool)
        with limit(model, GateState(keep=first), "all"), torch.no_grad():
            torch.testing.assert_close(ours, model(**call()).logits)
    with limit(model, shut, "all", sinks=0), torch.no_grad():
        model(**call())
    with pytest.raises(InputError, match="sinks must be a whole number from 0"), limit(model, shut, sinks=-1):
        pass


@pytest.mark.full
def test_a_limited_model_compiles_to_one_graph():
    torch._dynamo.reset()
    model, graphs = made("Llama"), []

    def backend(module, _):
        graphs.append(module)
        return module.forward

    compiled = torch.compile(model, fullgraph=True, backend=backend)
    with limit(model, keep(2, 3), "all"), torch.no_grad():
        ours = compiled(**call(), use_cache=False).logits
        torch.testing.assert_close(ours, model(**call(), use_cache=False).logits)
    assert len(graphs) == 1
