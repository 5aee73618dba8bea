"""The drop-in module: the parent without a gate, the gate where there is one, no silent bypass."""

from __future__ import annotations

import copy
import math
import pickle

import pytest
import torch
from torch import nn

from cogattn.errors import InputError
from cogattn.nn import MultiheadAttention, gated_attention
from cogattn.nn.gate import GateState, Race

B, L, S, E, H = 3, 5, 7, 16, 4


def pair(**options):
    """The parent and ours, with the same weights."""
    torch.manual_seed(0)
    parent = nn.MultiheadAttention(E, H, **options)
    ours = MultiheadAttention(E, H, **options)
    ours.load_state_dict(parent.state_dict())
    for m in (parent, ours):  # biases start at zero, where they could hide an error
        for p in m.parameters():
            torch.manual_seed(p.numel())
            nn.init.normal_(p, std=0.3)
    return parent, ours


def streams(module, batch=B):
    torch.manual_seed(1)
    q, k, v = (torch.randn(batch, n, d) for n, d in ((L, E), (S, module.kdim), (S, module.vdim)))
    return (q, k, v) if module.batch_first else tuple(x.transpose(0, 1) for x in (q, k, v))


ALL = GateState(keep=torch.ones(B, S, dtype=torch.bool), gain=torch.ones(B))
SHUT = GateState(keep=torch.zeros(B, S, dtype=torch.bool))
LAYOUTS = [
    {"batch_first": True},
    {"batch_first": False},
    {"batch_first": True, "kdim": 6, "vdim": 10},
    {"batch_first": True, "bias": False},
]
MASKS = {
    "none": {},
    "padding": {"key_padding_mask": torch.arange(S).expand(B, S) >= 5},
    "float padding": {"key_padding_mask": torch.linspace(-1, 1, B * S).view(B, S)},
    "mask": {"attn_mask": torch.ones(L, S, dtype=torch.bool).triu(1)},
    "float mask": {"attn_mask": torch.linspace(-1, 1, L * S).view(L, S)},
    "mask per head": {"attn_mask": torch.linspace(-1, 1, B * H * L * S).view(B * H, L, S)},
    "both": {
        "attn_mask": torch.ones(L, S, dtype=torch.bool).triu(1),
        "key_padding_mask": torch.arange(S).expand(B, S) >= 5,
    },
    "hint": {"attn_mask": torch.ones(L, S, dtype=torch.bool).triu(1), "is_causal": True},
}


@pytest.mark.parametrize("options", [*LAYOUTS, {"add_bias_kv": True, "add_zero_attn": True}])
@pytest.mark.parametrize("mask", list(MASKS))
@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("gate", [None, GateState()])
def test_without_a_gate_it_is_the_parent_bit_for_bit(options, mask, need_weights, gate):
    parent, ours = pair(**options)
    call = MASKS[mask] | {"need_weights": need_weights}
    if "add_bias_kv" in options and "is_causal" in call:
        call = call | {"is_causal": False}
    a, b = parent(*streams(parent), **call), ours(*streams(ours), **call, gate=gate)
    assert torch.equal(a[0], b[0])
    assert (a[1] is None) is (b[1] is None)
    assert a[1] is None or torch.equal(a[1], b[1])


@pytest.mark.parametrize("grad", [True, False])
def test_self_attention_in_evaluation_is_the_parent_too(grad):
    parent, ours = (m.eval() for m in pair(batch_first=True))
    x = torch.randn(B, L, E)
    with torch.set_grad_enabled(grad):
        assert torch.equal(parent(x, x, x)[0], ours(x, x, x)[0])


@pytest.mark.parametrize("options", LAYOUTS)
@pytest.mark.parametrize("mask", ["none", "mask", "float mask", "mask per head"])
def test_an_open_gate_has_the_parents_bits_on_the_fused_path(options, mask):
    parent, ours = pair(**options)
    a = parent(*streams(parent), **MASKS[mask], need_weights=False)[0]
    b = ours(*streams(ours), **MASKS[mask], need_weights=False, gate=ALL)[0]
    assert torch.equal(a, b)


@pytest.mark.parametrize("options", LAYOUTS)
@pytest.mark.parametrize("mask", list(MASKS))
@pytest.mark.parametrize("average", [True, False])
def test_an_open_gate_gives_the_parents_output_weights_and_gradients(options, mask, average):
    modules, results = pair(**options), []
    for module, extra in zip(modules, ({}, {"gate": ALL}), strict=True):
        out, weights = module(*streams(module), **MASKS[mask], average_attn_weights=average, **extra)
        out.square().sum().backward()
        results.append([out, weights, *(p.grad for p in module.parameters())])
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_input_without_a_batch_axis():
    parent, ours = pair()
    q, k, v = torch.randn(L, E), torch.randn(S, E), torch.randn(S, E)
    padding = torch.arange(S) >= 5
    for need in (True, False):
        a = parent(q, k, v, key_padding_mask=padding, need_weights=need)
        b = ours(q, k, v, key_padding_mask=padding, need_weights=need, gate=ALL[:1])
        torch.testing.assert_close(a[0], b[0])
        assert a[1] is b[1] is None or a[1].shape == b[1].shape


def test_weights_load_strictly_both_ways_and_nothing_is_added():
    parent, ours = pair()
    assert list(parent.state_dict()) == list(ours.state_dict())
    nn.MultiheadAttention(E, H).load_state_dict(ours.state_dict(), strict=True)
    MultiheadAttention(E, H).load_state_dict(parent.state_dict(), strict=True)


def test_a_gate_closes_keys_for_the_whole_module():
    _, ours = pair(batch_first=True)
    keep = torch.zeros(B, S, dtype=torch.bool)
    keep[:, 2] = True
    out, weights = ours(*streams(ours), gate=GateState(keep=keep))
    assert torch.equal(weights.detach(), keep[:, None].expand(B, L, S).float())
    out, _ = ours(*streams(ours), gate=SHUT)
    assert torch.equal(out, ours.out_proj.bias.expand_as(out))


def test_padding_and_gate_close_together():
    _, ours = pair(batch_first=True)
    keep, padding = (torch.rand(B, S) < 0.6 for _ in range(2))
    _, weights = ours(*streams(ours), key_padding_mask=padding, gate=GateState(keep=keep))
    assert not weights[(~keep | padding)[:, None].expand_as(weights)].any()
    bias = torch.zeros(B, S).masked_fill(padding, -math.inf)
    again = ours(*streams(ours), key_padding_mask=bias, gate=GateState(keep=keep))[1]
    torch.testing.assert_close(weights, again)


def test_it_is_gated_attention_between_its_projections():
    _, ours = pair(batch_first=True)
    x = torch.randn(B, S, E)
    gate = Race(50.0, 2, 0.01)(torch.randn(B, S), exposure=0.1, generator=torch.Generator().manual_seed(0))
    q, k, v = (
        (x @ w.T + b).view(B, S, H, E // H).transpose(1, 2)
        for w, b in zip(ours.in_proj_weight.chunk(3), ours.in_proj_bias.chunk(3), strict=True)
    )
    inner = gated_attention(q, k, v, gate, impl="eager").transpose(1, 2).reshape(B, S, E)
    for need in (True, False):
        out = ours(x, x, x, need_weights=need, gate=gate)[0]
        torch.testing.assert_close(out, ours.out_proj(inner))


def test_dropout_acts_in_training_only():
    torch.manual_seed(0)
    ours = MultiheadAttention(E, H, dropout=0.9, batch_first=True)
    x = streams(ours)
    assert not torch.equal(ours(*x, gate=ALL)[0], ours(*x, gate=ALL)[0])
    ours.eval()
    assert torch.equal(ours(*x, gate=ALL)[0], ours(*x, gate=ALL)[0])


# --- attached gates and the layers around -----------------------------------------------------------------


def test_under_attaches_for_the_block_and_nests():
    _, ours = pair(batch_first=True)
    x = streams(ours)
    free = ours(*x)[0]
    with ours.under(SHUT) as same:
        assert same is ours
        shut = ours(*x)[0]
        with ours.under(ALL):
            torch.testing.assert_close(ours(*x)[0], free)
        assert torch.equal(ours(*x)[0], shut)
        torch.testing.assert_close(ours(*x, gate=ALL)[0], free)
    assert torch.equal(ours(*x)[0], free)
    with pytest.raises(RuntimeError), ours.under(SHUT):
        raise RuntimeError
    assert ours.gate is None


def encoder_layer(batch_first=True):
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(E, H, 32, dropout=0.0, batch_first=batch_first)
    ours = MultiheadAttention(E, H, batch_first=batch_first)
    ours.load_state_dict(layer.self_attn.state_dict())
    plain, layer.self_attn = copy.deepcopy(layer), ours
    return plain, layer


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
def test_a_closed_gate_has_effect_inside_an_encoder_layer(training, grad, batch_first):
    """In evaluation without gradients Torch's fused path would skip self_attn, gate and all."""
    plain, layer = (m.train(training) for m in encoder_layer(batch_first))
    x = torch.randn(B, S, E) if batch_first else torch.randn(S, B, E)
    with torch.set_grad_enabled(grad):
        torch.testing.assert_close(layer(x), plain(x))
        with layer.self_attn.under(SHUT):
            y = layer.norm1(x + layer.self_attn.out_proj.bias)
            expected = layer.norm2(y + layer._ff_block(y))
            torch.testing.assert_close(layer(x), expected)
        assert (expected - plain(x)).abs().max() > 1e-3


def test_copies_and_pickles_defeat_the_fused_path_too():
    _, layer = encoder_layer()
    x = torch.randn(B, S, E)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        other.eval()
        with torch.no_grad():
            free = other(x)
            with other.self_attn.under(SHUT):
                assert (other(x) - free).abs().max() > 1e-3


@pytest.mark.filterwarnings("ignore:.*nested tensors")
def test_a_stack_of_layers_with_padding():
    """nn.TransformerEncoder makes nested tensors of padded input, which no gate fits: it must say so."""
    _, layer = encoder_layer()
    x, padding = torch.randn(B, S, E), torch.arange(S).expand(B, S) >= 5
    for nested in (False, True):
        stack = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).eval()
        stack.use_nested_tensor = nested
        attention = stack.layers[-1].self_attn
        with torch.no_grad():
            free = stack(x, src_key_padding_mask=padding)
            with attention.under(SHUT):
                if nested:
                    with pytest.raises(InputError, match="enable_nested_tensor=False"):
                        stack(x, src_key_padding_mask=padding)
                else:
                    shut = stack(x, src_key_padding_mask=padding)
                    assert (shut - free)[:, :5].abs().max() > 1e-3


def test_causal_encoder_layer_under_an_open_gate():
    plain, layer = (m.eval() for m in encoder_layer())
    x, mask = torch.randn(B, S, E), nn.Transformer.generate_square_subsequent_mask(S)
    with layer.self_attn.under(ALL), torch.no_grad():
        torch.testing.assert_close(layer(x, src_mask=mask, is_causal=True), plain(x, src_mask=mask))


def test_attached_gates_compile_once():
    torch._dynamo.reset()
    _, layer = encoder_layer()
    graphs = []

    def backend(module, _):
        graphs.append(module)
        return module.forward

    compiled = torch.compile(layer, fullgraph=True, backend=backend)
    for seed in range(4):
        g, x = torch.Generator().manual_seed(seed), torch.randn(B, S, E)  # a new tensor each time
        gate = Race(50.0, 2)(torch.randn(B, S), exposure=0.05, generator=g)
        with layer.self_attn.under(gate):
            torch.testing.assert_close(compiled(x), layer(x))
    assert len(graphs) == 1


@pytest.mark.parametrize(
    ("options", "call", "message"),
    [
        ({"add_bias_kv": True}, {}, "add a key that no gate knows"),
        ({"add_zero_attn": True}, {}, "add a key that no gate knows"),
        ({}, {"is_causal": True}, "is_causal is a hint about attn_mask"),
        ({}, {"attn_mask": torch.zeros(L, L)}, r"attn_mask must be \(5, 7\) or"),
        ({}, {"key_padding_mask": torch.zeros(B, 2)}, r"key_padding_mask must be \(B, S\) = \(3, 7\)"),
        ({}, {"gate": GateState(keep=torch.ones(B, 2, dtype=torch.bool))}, r"gate.keep must be \(B, S\)"),
    ],
)
def test_what_no_gate_can_do_is_refused(options, call, message):
    ours = MultiheadAttention(E, H, batch_first=True, **options)
    with pytest.raises(InputError, match=message) as caught:
        ours(*streams(ours), **({"gate": ALL} | call))
    assert "\n" not in str(caught.value)
