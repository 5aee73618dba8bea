"""Six kinds of Hugging Face models under limits: nothing changes without them, and with them exactly what should.

All models are tiny, made in code with random weights: nothing is downloaded.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from functools import cache

os.environ["HF_HUB_OFFLINE"] = "1"

import pytest
import torch

from cogattn.errors import InputError
from cogattn.nn import eviction_plan
from cogattn.nn.gate import GateState, Race
from cogattn.nn.huggingface import NAME, attention_layers, attention_of, limit, weigh

transformers = pytest.importorskip(
    "transformers", reason="transformers is not installed: pip install 'cogattn[huggingface]'"
)
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

B, S, L, V, H = 2, 6, 4, 50, 4  # sequences, source tokens, target tokens, words, heads
PATCHES = 17  # 4 x 4 and the class token
TEXT = {
    "vocab_size": V,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_attention_heads": H,
    "max_position_embeddings": 64,
}
NO_WORDS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": None}


def llama(layers):
    return transformers.LlamaForCausalLM(
        transformers.LlamaConfig(num_hidden_layers=layers, num_key_value_heads=2, **TEXT, **NO_WORDS)
    )


def qwen2(layers):
    return transformers.Qwen2ForCausalLM(
        transformers.Qwen2Config(num_hidden_layers=layers, num_key_value_heads=1, **TEXT, **NO_WORDS)
    )


def gpt2(layers):
    return transformers.GPT2LMHeadModel(
        transformers.GPT2Config(vocab_size=V, n_embd=32, n_layer=layers, n_head=H, n_positions=64, **NO_WORDS)
    )


def bert(layers):
    return transformers.BertForSequenceClassification(
        transformers.BertConfig(num_hidden_layers=layers, **TEXT)
    )


def vit(layers):
    size = {k: TEXT[k] for k in ("hidden_size", "intermediate_size", "num_attention_heads")}
    return transformers.ViTForImageClassification(
        transformers.ViTConfig(image_size=16, patch_size=4, num_hidden_layers=layers, **size)
    )


def t5(layers):
    return transformers.T5ForConditionalGeneration(
        transformers.T5Config(
            vocab_size=V,
            d_model=32,
            d_kv=8,
            d_ff=64,
            num_layers=layers,
            num_heads=H,
            decoder_start_token_id=0,
            **NO_WORDS,
        )
    )


MODELS = {"llama": llama, "qwen2": qwen2, "gpt2": gpt2, "bert": bert, "vit": vit, "t5": t5}
DECODERS = ("llama", "qwen2", "gpt2")
ROLE = dict.fromkeys(MODELS) | {"t5": "cross"}
KEYS = dict.fromkeys(MODELS, S) | {"vit": PATCHES}


@cache
def made(name, layers=2):
    torch.manual_seed(0)
    model = MODELS[name](layers).eval()
    for p in model.parameters():  # the usual start is so small that attention would hardly matter
        torch.nn.init.normal_(p, std=0.3)
    return model


def tokens(n=S, seed=0):
    return torch.randint(1, V, (B, n), generator=torch.Generator().manual_seed(seed))


def inputs(name, padded=False):
    """What the model takes; padded: the second sequence is two tokens shorter, on the side where it should be."""
    if name == "vit":
        return {"pixel_values": torch.randn(B, 3, 16, 16, generator=torch.Generator().manual_seed(0))}
    seen = torch.ones(B, S, dtype=torch.int64)
    if padded and name in DECODERS:
        seen[1, :2] = 0
    elif padded:
        seen[1, -2:] = 0
    call = {"input_ids": tokens() * seen, "attention_mask": seen}
    return call | ({"decoder_input_ids": tokens(L, 1)} if name == "t5" else {})


@contextmanager
def on(name, model):
    """The model on another attention function (T5's own `set_attn_implementation` does nothing in 5.16 and 5.18)."""
    configs = [m.config for m in model.modules() if hasattr(m, "config")]
    for config in configs:
        config._attn_implementation = name
    try:
        yield
    finally:
        for config in configs:
            config._attn_implementation = "sdpa"


@torch.no_grad()
def run(model, call):
    return model(**call).logits


def keep(*closed, keys=S):
    """A gate that closes these keys."""
    open_ = torch.ones(B, keys, dtype=torch.bool)
    open_[:, list(closed)] = False
    return GateState(keep=open_)


def some_gate(keys, seed=0):
    """Every field that sits on rows or keys; the first key of padded rows may be closed, and a whole row is."""
    g = torch.Generator().manual_seed(seed)
    return GateState(
        gain=0.5 + torch.rand(B, H, generator=g),
        bias=torch.randn(B, H, keys, generator=g),
        keep=torch.rand(B, keys, generator=g) < 0.6,
        share=torch.rand(B, 1, keys, generator=g),
    )


def formula(gate, chosen):
    """An attention function for transformers that is nothing but the formula, for the names in `chosen`."""

    def attend(module, query, key, value, mask, dropout=0.0, scaling=None, position_bias=None, **_):
        groups = query.shape[1] // key.shape[1]
        key, value = (x.repeat_interleave(groups, 1) for x in (key, value))
        bias = 0.0 if position_bias is None else position_bias
        own = module in chosen
        gain = gate.gain[:, :, None, None] if own else 1.0
        scores = gain * (query @ key.mT) * (query.shape[-1] ** -0.5 if scaling is None else scaling) + bias
        open_ = torch.ones(scores.shape[-2:], dtype=torch.bool)
        if mask is not None:
            open_ = mask
        elif module.is_causal:
            open_ = open_.tril()
        if own:
            scores, open_ = scores + gate.bias[:, :, None], open_ & gate.keep[:, None, None]
        scores = scores.masked_fill(~open_, -torch.inf)
        weights = torch.softmax(scores, -1).nan_to_num(0.0)
        weights = weights * gate.share[:, None] if own else weights
        return (weights @ value).transpose(1, 2), weights

    return attend


# --- nothing, where nothing is limited --------------------------------------------------------------------------


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_without_limits_every_bit_is_that_of_sdpa(name, padded):
    model, call = made(name), inputs(name, padded)
    assert model.config._attn_implementation == "sdpa"
    free = run(model, call)
    for gate in (None, GateState()):
        with limit(model, gate, "all") as names:
            assert model.config._attn_implementation == NAME
            assert names == list(attention_layers(model))
            assert torch.equal(run(model, call), free)
    assert model.config._attn_implementation == "sdpa"


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_an_open_gate_changes_nothing_and_padding_stays_padding(name, padded):
    """The gate is met here (an identity is not even attached): causality and padding must be joined with it."""
    model, call = made(name), inputs(name, padded)
    free = run(model, call)
    with limit(model, keep(keys=KEYS[name]), role=ROLE[name]):
        torch.testing.assert_close(run(model, call), free, rtol=0, atol=2e-6)


@pytest.mark.parametrize("name", DECODERS)
def test_a_padded_sequence_is_read_as_if_it_were_alone(name):
    """Without a mask function of its own name, transformers would hand our function no mask at all."""
    model, call = made(name), inputs(name, padded=True)
    places = (torch.arange(S) - 2).clamp(min=0).expand(B, -1)
    with limit(model, keep(3), "all"):
        padded = run(model, call | {"position_ids": places})[1, 2:]
    with limit(model, GateState(keep=torch.tensor([[True, False, True, True]])), "all"):
        alone = run(model, {"input_ids": call["input_ids"][1:, 2:]})[0]
    torch.testing.assert_close(padded, alone, rtol=0, atol=5e-6)


# --- the gate, where it was asked for ----------------------------------------------------------------------------


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("layers", [-1, 0, "all"])
@pytest.mark.parametrize(("name", "role"), [*ROLE.items(), ("t5", "encoder"), ("t5", "decoder")])
def test_it_is_the_formula_in_those_layers(name, role, layers, padded):
    model, call, gate = made(name), inputs(name, padded), some_gate(L if role == "decoder" else KEYS[name])
    free = run(model, call)
    with limit(model, gate, layers, role=role) as names:
        ours = run(model, call)
    assert len(names) == (2 if layers == "all" else 1)
    transformers.AttentionInterface.register(
        "formula", formula(gate, [model.get_submodule(n) for n in names])
    )
    transformers.AttentionMaskInterface.register("formula", transformers.masking_utils.sdpa_mask)
    with on("formula", model):
        torch.testing.assert_close(ours, run(model, call), rtol=1e-4, atol=1e-4)
    assert (ours - free).abs().max() > 1e-2


@pytest.mark.parametrize("role", ["encoder", "decoder", "cross", "self"])
def test_an_encoder_decoder_is_limited_by_role(role):
    model, call = made("t5"), inputs("t5")
    roles, kinds = attention_layers(model), {"self": {"encoder", "decoder"}}.get(role, {role})
    with limit(model, GateState(share=torch.zeros(B)), "all", role=role) as names:
        assert names == [n for n, r in roles.items() if r in kinds]
        shut = run(model, call)
    assert len(names) == (4 if role == "self" else 2)
    assert (shut - run(model, call)).abs().max() > 1e-3


def test_cross_attention_is_known_by_the_names_that_it_has():
    small = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "vocab_size": V}
    bart = transformers.BartModel(transformers.BartConfig(**small, **NO_WORDS))
    assert list(attention_layers(bart).values()) == ["encoder", "decoder", "cross"]
    config = transformers.BertConfig(num_hidden_layers=1, is_decoder=True, add_cross_attention=True, **TEXT)
    assert list(attention_layers(transformers.BertModel(config)).values()) == ["decoder", "cross"]
    config = transformers.GPT2Config(
        vocab_size=V, n_embd=32, n_layer=1, n_head=H, add_cross_attention=True, **NO_WORDS
    )
    assert list(attention_layers(transformers.GPT2Model(config)).values()) == ["decoder", "cross"]


@pytest.mark.parametrize("name", MODELS)
def test_a_closed_key_has_no_influence_in_one_layer(name):
    """Change what stands there: nothing else moves by a bit. (Two layers would leak: that is why one is limited.)"""
    model, call = made(name, layers=1), inputs(name)
    other = {k: v.clone() for k, v in call.items()}
    if name == "vit":
        other["pixel_values"][:, :, 4:8, 4:8] = 5.0  # patch 5, key 6
    else:
        other["input_ids"][:, 2] = (call["input_ids"][:, 2] + 7) % V
    closed, rest = (6, [0]) if name == "vit" else (2, [0, 1, 3, 4, 5])
    reader, part = model, {"role": ROLE[name]}
    if name == "t5":  # its encoder alone, for above it nothing is limited
        reader, part, rest = model.encoder, {}, [0, 1, 3, 4, 5]
        call, other = ({"input_ids": c["input_ids"]} for c in (call, other))
    with limit(reader, keep(closed, keys=KEYS[name]), **part), torch.no_grad():
        a, b = (reader(**c)[0] for c in (call, other))
    if name in (*DECODERS, "t5"):
        a, b = a[:, rest], b[:, rest]
    assert torch.equal(a, b)
    with torch.no_grad():
        free, changed = (reader(**c)[0] for c in (call, other))
    assert (free - changed).abs().max() > 1e-3


def test_a_mask_that_closes_with_the_lowest_number_opens_nothing_under_a_gate():
    """All but padding closed: what the lowest number closes would be the heaviest key left."""
    model, call = made("bert", layers=1), inputs("bert")
    mask = torch.zeros(B, 1, S, S)
    mask[..., 4:] = torch.finfo(mask.dtype).min
    other = call["input_ids"].clone()
    other[:, 4:] = (other[:, 4:] + 7) % V
    with limit(model, keep(0, 1, 2, 3)):
        a, b = (run(model, {"input_ids": i, "attention_mask": mask}) for i in (call["input_ids"], other))
    assert torch.equal(a, b)


def test_a_part_of_a_model_is_limited_and_each_part_gets_its_own_function_back():
    torch.manual_seed(0)
    small = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": H}
    config = transformers.CLIPConfig(
        text_config=small | {"vocab_size": V}, vision_config=small | {"image_size": 16, "patch_size": 4}
    )
    model = transformers.CLIPModel(config).eval()
    model.set_attn_implementation({"": "sdpa", "text_config": "eager", "vision_config": "sdpa"})
    with limit(model.vision_model, GateState(share=torch.zeros(B))) as names:
        assert names == ["encoder.layers.0.self_attn"]
        assert model.config.text_config._attn_implementation == "eager"
    with limit(model, GateState(share=torch.zeros(B)), "vision_model.*") as names:
        assert names == ["vision_model.encoder.layers.0.self_attn"]
        assert model.config.text_config._attn_implementation == NAME
    assert model.config.text_config._attn_implementation == "eager"
    assert model.config.vision_config._attn_implementation == "sdpa"


def test_a_part_with_attention_of_its_own_keeps_the_masks_that_it_knows():
    torch.manual_seed(0)
    small = TEXT | {"num_hidden_layers": 1}
    source = transformers.DebertaV2Model(transformers.DebertaV2Config(**small))
    writer = transformers.BertLMHeadModel(
        transformers.BertConfig(is_decoder=True, add_cross_attention=True, **small)
    )
    model, call = (
        transformers.EncoderDecoderModel(encoder=source, decoder=writer).eval(),
        inputs("t5", padded=True),
    )
    free = run(model, call)
    with limit(model, keep(), role="cross"):
        assert source.config._attn_implementation == "eager"
        torch.testing.assert_close(run(model, call), free, rtol=0, atol=1e-6)


def test_training_under_a_gate_has_dropout_and_gradients():
    torch.manual_seed(0)
    config = transformers.BertConfig(
        num_hidden_layers=1, attention_probs_dropout_prob=0.9, hidden_dropout_prob=0.0, **TEXT
    )
    model, call = transformers.BertModel(config).train(), inputs("bert")
    with limit(model, some_gate(S)):
        a, b = (model(**call).last_hidden_state for _ in range(2))
        assert not torch.equal(a, b)
        a.square().sum().backward()
        model.eval()
        assert torch.equal(*(model(**call).last_hidden_state for _ in range(2)))
    assert model.encoder.layer[0].attention.self.key.weight.grad.abs().sum() > 0


# --- generate ----------------------------------------------------------------------------------------------------

WAYS = {
    "greedy": {},
    "beams": {"num_beams": 3},
    "static cache": {"cache_implementation": "static"},
    "no cache": {"use_cache": False},
}


def write(model, call, n=4, **how):
    """New words, and the logits of each step."""
    call = {k: v for k, v in call.items() if not k.startswith("decoder")}
    out = model.generate(
        **call, max_new_tokens=n, do_sample=False, output_logits=True, return_dict_in_generate=True, **how
    )
    return out.sequences[:, -n:], torch.stack(out.logits, 1)


@pytest.mark.parametrize("way", ["greedy", "beams"])
@pytest.mark.parametrize("name", [*DECODERS, "t5"])
def test_without_limits_the_same_words_are_written(name, way):
    model, call = made(name), inputs(name, padded=True)
    free = write(model, call, **WAYS[way])
    with limit(model, GateState(), "all"):
        assert all(torch.equal(a, b) for a, b in zip(write(model, call, **WAYS[way]), free, strict=True))
    with limit(model, keep(), role=ROLE[name]):
        words, logits = write(model, call, **WAYS[way])
    assert torch.equal(words, free[0])
    torch.testing.assert_close(logits, free[1], rtol=0, atol=1e-4)


@pytest.mark.parametrize("new", ["open", "closed"])
@pytest.mark.parametrize("way", ["greedy", "static cache", "no cache"])
@pytest.mark.parametrize("name", DECODERS)
def test_new_tokens_are_open_or_closed_as_said(name, way, new):
    """Step by step, with a cache or without, it is one pass under transformers' own 4-d mask."""
    model, call = made(name), inputs(name)
    with limit(model, keep(1, 4), "all", new_tokens=new):
        words, logits = write(model, call, **WAYS[way])
    text = torch.cat([call["input_ids"], words], 1)
    mask = torch.ones(text.shape[1], text.shape[1], dtype=torch.bool).tril()
    mask[:, [1, 4]] = False
    mask[:, S:] &= new == "open"
    mask = mask.expand(B, 1, -1, -1)
    places = torch.arange(text.shape[1]).expand(B, -1)
    whole = run(model, {"input_ids": text, "attention_mask": mask, "position_ids": places})
    torch.testing.assert_close(logits, whole[:, S - 1 : -1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", [*DECODERS, "t5"])
def test_beams_keep_to_the_gate_of_their_sequence(name):
    """Each row alone, with its own gate, writes what it writes in the batch."""
    model, call, gate = made(name), inputs(name), some_gate(S)
    with limit(model, gate, role=ROLE[name]):
        together, _ = write(model, call, num_beams=3, num_return_sequences=2)
    for row in range(B):
        with limit(model, gate[row : row + 1], role=ROLE[name]):
            alone, _ = write(
                model, {k: v[row : row + 1] for k, v in call.items()}, num_beams=3, num_return_sequences=2
            )
        assert torch.equal(together[2 * row : 2 * row + 2], alone)


def test_a_cache_that_drops_keys_is_refused():
    config = transformers.MistralConfig(num_hidden_layers=1, num_key_value_heads=2, sliding_window=8, **TEXT)
    model, call = transformers.MistralForCausalLM(config).eval(), inputs("llama")
    with limit(model, keep(1)):
        write(model, call, n=2)
        with pytest.raises(InputError, match="keeps 8 keys has dropped some"):
            write(model, call, n=4)
        write(model, call, n=4, use_cache=False)
    with limit(model, GateState(share=torch.ones(B))):
        write(model, call, n=4)  # it speaks of no key


def test_of_several_caches_only_those_that_drop_keys_are_refused():
    config = transformers.Qwen2Config(
        num_hidden_layers=2,
        num_key_value_heads=2,
        use_sliding_window=True,
        sliding_window=8,
        layer_types=["sliding_attention", "full_attention"],
        **TEXT,
        **NO_WORDS,
    )
    model, call = transformers.Qwen2ForCausalLM(config).eval(), inputs("qwen2")
    with limit(model, keep(1)):
        write(model, call, n=4)
    with limit(model, keep(1), 0), pytest.raises(InputError, match="keeps 8 keys has dropped some"):
        write(model, call, n=4)


# --- a plan ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DECODERS)
def test_a_plan_is_its_mask(name):
    model, plan = made(name), eviction_plan(2, S + 4, batch=B, seed=1)
    call = {"input_ids": tokens()}
    with limit(model, plan, "all"):
        ours = run(model, call)
        words, logits = write(model, call, n=4, use_cache=False)
        with pytest.raises(InputError, match="give generate use_cache=False"):
            write(model, call, n=4)
    places = torch.arange(S + 4).expand(B, -1)
    mask = plan.mask()[:, :, :S, :S]
    expected = run(model, call | {"attention_mask": mask, "position_ids": places[:, :S]})
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4)
    text = torch.cat([call["input_ids"], words], 1)
    whole = run(model, {"input_ids": text, "attention_mask": plan.mask(), "position_ids": places})
    torch.testing.assert_close(logits, whole[:, S - 1 : -1], rtol=1e-4, atol=1e-4)


# --- weigh, race, read ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("queries", ["all", -1])
@pytest.mark.parametrize("name", MODELS)
def test_attention_is_what_the_network_says_of_itself(name, queries):
    """transformers' eager attention returns its weights: the mean over heads and over queries that are no padding."""
    model, call = made(name), inputs(name, padded=name != "t5")
    ours = attention_of(model, call, role=ROLE[name], queries=queries)
    kind = "cross_attentions" if name == "t5" else "attentions"
    with on("eager", model), torch.no_grad():
        weights = model(**call, output_attentions=True)[kind][-1].mean(1)  # (B, L, S)
    say = torch.ones(B, weights.shape[1]) if name in ("t5", "vit") else call["attention_mask"].float()
    expected = weights[:, -1] if queries == -1 else (weights * say[..., None]).sum(1) / say.sum(1)[:, None]
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)
    assert torch.equal(weigh(model, call, role=ROLE[name], queries=queries), ours.log())


@pytest.mark.parametrize("name", MODELS)
def test_weigh_then_race_then_read(name):
    model, call = made(name), inputs(name, padded=True)
    logits = weigh(model, call, role=ROLE[name])
    assert logits.shape == (B, KEYS[name])
    assert bool((logits.exp().sum(1) - 1).abs().max() < 1e-5)
    gates = [
        Race(60.0, 3, 0.01)(logits, exposure=0.1, generator=torch.Generator().manual_seed(0))
        for _ in range(2)
    ]
    if name != "vit":
        source = call["attention_mask"].bool()
        assert not bool((gates[0].keep & ~source).any())  # padding weighs nothing: it is never stored
    said = []
    for gate in gates:
        with limit(model, gate, role=ROLE[name]):
            said.append(run(model, call))
    assert torch.equal(*said)
    under = attention_of(model, call, gates[0], role=ROLE[name])
    assert not bool(under[~gates[0].keep].any())


def test_less_is_shared_out_where_less_is_granted():
    model, call = made("bert"), inputs("bert")
    got = attention_of(model, call, GateState(share=torch.tensor([0.25, 1.0])))
    torch.testing.assert_close(got.sum(1), torch.tensor([0.25, 1.0]))


def test_looking_does_not_disturb_the_model():
    model = made("bert")
    model.train()
    model.bert.pooler.eval()
    before = [m.training for m in model.modules()]
    try:
        assert torch.equal(*(weigh(model, inputs("bert")) for _ in range(2)))
        assert [m.training for m in model.modules()] == before
    finally:
        model.eval()


# --- pipelines and compiled models ---------------------------------------------------------------------------------


def test_a_pipeline_reads_through_the_gate():
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["[PAD]", "[UNK]", *(f"w{i}" for i in range(V - 2))]
    own = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, "[UNK]"))
    own.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=own, pad_token="[PAD]", unk_token="[UNK]"
    )
    model = made("bert")
    pipe = transformers.pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu")
    text = "w3 w9 w27 w1"
    free = pipe(text)
    gate = GateState(keep=torch.tensor([[True, False, False, True]]))
    with limit(pipe.model, gate):
        said = pipe(text)[0]["score"]
        call = tokenizer(text, return_tensors="pt")
        assert said == pytest.approx(float(run(model, dict(call)).softmax(-1).max()))
    assert pipe(text) == free
    assert abs(said - free[0]["score"]) > 1e-4


@pytest.mark.parametrize(
    "name",
    ["llama", "bert", *(pytest.param(n, marks=pytest.mark.slow) for n in ("qwen2", "gpt2", "vit", "t5"))],
)
def test_new_gates_run_through_one_compiled_graph(name):
    torch._dynamo.reset()
    model, call, graphs = made(name, layers=1), inputs(name), []

    def backend(module, _):
        graphs.append(module)
        return module.forward

    compiled = torch.compile(model, fullgraph=True, backend=backend)
    free = run(compiled, call)
    assert len(graphs) == 1
    for seed in range(3):
        with limit(compiled, some_gate(KEYS[name], seed), role=ROLE[name]):
            torch.testing.assert_close(run(compiled, call), run(model, call), rtol=1e-4, atol=1e-4)
    assert len(graphs) == 2
    assert torch.equal(run(compiled, call), free)


@pytest.mark.gpu
@pytest.mark.parametrize("name", MODELS)
def test_on_a_gpu_as_on_a_cpu(name):
    model, call, gate = made(name), inputs(name, padded=True), some_gate(KEYS[name])
    with limit(model, gate, role=ROLE[name]):
        expected = run(model, call)
    model.to("cuda")
    try:
        with limit(model, gate, role=ROLE[name]):
            ours = run(model, {k: v.to("cuda") for k, v in call.items()}).cpu()
    finally:
        model.to("cpu")
    torch.testing.assert_close(ours, expected, rtol=1e-3, atol=1e-3)


# --- no trace --------------------------------------------------------------------------------------------------------


def test_after_an_error_the_model_is_as_before():
    model, call = made("llama"), inputs("llama")
    free, weights = run(model, call), list(model.state_dict())
    before = [set(vars(m)) for m in model.modules()]
    with limit(model, keep(1), "all"):
        assert list(model.state_dict()) == weights
        with pytest.raises(InputError, match=r"gate\.keep"):
            run(model, {"input_ids": tokens(3)})
    with pytest.raises(RuntimeError), limit(model, keep(1), "all"):
        raise RuntimeError
    with pytest.raises(InputError), limit(model, keep(1), 7):
        pass
    assert [set(vars(m)) for m in model.modules()] == before
    assert model.config._attn_implementation == "sdpa"
    assert torch.equal(run(model, call), free)


def test_without_transformers_it_says_what_to_install(monkeypatch):
    from cogattn.nn import huggingface

    huggingface._transformers.cache_clear()
    monkeypatch.setitem(sys.modules, "transformers", None)
    try:
        with (
            pytest.raises(InputError, match=r"pip install 'cogattn\[huggingface\]'"),
            limit(None, GateState()),
        ):
            pass
    finally:
        huggingface._transformers.cache_clear()


# --- what cannot be --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "gate", "how", "said"),
    [
        (torch.nn.Linear(2, 2), GateState(), {}, "must be a transformers PreTrainedModel, got Linear"),
        ("t5", keep(), {}, "role must say which .* has encoder, decoder, cross"),
        ("t5", keep(), {"role": "crss"}, "did you mean 'cross'"),
        (
            "llama",
            keep(),
            {"role": "cross"},
            r"role must be one that LlamaForCausalLM has \(decoder\), got 'cross'",
        ),
        ("llama", keep(), {"layers": 2}, "numbers within 0 to 1"),
        ("llama", Race(50.0, 2), {}, "let it emit one first"),
        ("llama", keep(), {"new_tokens": "shut"}, "new_tokens must be one of open, closed"),
        ("bert", eviction_plan(2, S, batch=B), {}, "but bert.encoder.layer.1.attention.self looks ahead"),
    ],
)
def test_what_cannot_be_limited_says_why(model, gate, how, said):
    model = made(model) if isinstance(model, str) else model
    with pytest.raises(InputError, match=said) as caught, limit(model, gate, **how):
        pass
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        (keep(keys=S + 1), r"gate.keep must be \(B, S\) = \(2, 6\), got \(2, 7\)"),
        (GateState(share=torch.ones(3)), "gate has 3 rows, which do not fit a batch of 2"),
        (GateState(index=torch.zeros(B, 1, dtype=torch.int64)), "give gate.keep"),
        (eviction_plan(2, S - 1, batch=B), "a plan of 5 steps"),
        (eviction_plan(2, S, batch=3), "plan has 3 rows"),
    ],
)
def test_gates_that_do_not_fit_are_refused(gate, said):
    model = made("llama")
    with limit(model, gate), pytest.raises(InputError, match=said):
        run(model, {"input_ids": tokens()})


def test_a_model_is_limited_once_at_a_time():
    model = made("llama")
    with limit(model, keep(1)):
        with pytest.raises(InputError, match="limited already"), limit(model, keep(2)):
            pass
        with pytest.raises(InputError, match="limited already"):
            weigh(model, inputs("llama"))
    weigh(model, inputs("llama"))


def test_scores_that_plain_attention_does_not_know_are_refused():
    model = made("llama")
    with (
        limit(model, keep(1)),
        pytest.raises(InputError, match="LlamaAttention gives its attention 'indices'"),
    ):
        model(tokens(), indices=torch.ones(H))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"layer": "all"}, "'all' means 2 of them"),
        ({"layer": [0]}, r"layer must be a number or a name, got \[0\]"),
        ({"queries": 9}, "queries must be 'all' or a number within 0 to 5, got 9"),
        ({"queries": "last"}, "queries must be one of all"),
    ],
)
def test_what_cannot_be_weighed_says_why(how, said):
    with pytest.raises(InputError, match=said):
        weigh(made("llama"), inputs("llama"), **how)
