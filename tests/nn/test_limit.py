"""Limits on somebody else's module: exactly the gated attention, where it was asked for, and gone without a trace."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from cogattn.errors import InputError
from cogattn.nn import MultiheadAttention, eviction_plan, gated_attention, limit
from cogattn.nn.gate import GateState, Race
from cogattn.nn.layers import attention_layers, chosen

pytestmark = pytest.mark.filterwarnings("ignore:.*nested tensor", "ignore:enable_nested_tensor")

B, L, S, E, H = 3, 4, 6, 16, 4
OPEN = GateState(keep=torch.ones(B, S, dtype=torch.bool))
SHUT = GateState(keep=torch.zeros(B, S, dtype=torch.bool))


def some_gate(keys=S, seed=0):
    """Every field that sits on rows or keys."""
    g = torch.Generator().manual_seed(seed)
    return GateState(
        gain=0.5 + torch.rand(B, H, generator=g),
        bias=torch.randn(B, H, keys, generator=g),
        keep=torch.rand(B, keys, generator=g) < 0.7,
        share=torch.rand(B, 1, keys, generator=g),
    )


def network(batch_first=True, layers=2, dropout=0.0):
    torch.manual_seed(0)
    net = nn.Transformer(E, H, layers, layers, 32, dropout, batch_first=batch_first)
    for p in net.parameters():  # biases start at zero, where they could hide an error
        nn.init.normal_(p, std=0.3)
    return net


def encoder(layers=2, **options):
    return network(layers=layers, **options).encoder


def x(n=S, seed=1):
    return torch.randn(B, n, E, generator=torch.Generator().manual_seed(seed))


def by_hand(net, name, gate):
    """The same network with one of ours in the place of `name`: another road to the same numbers."""
    net = copy.deepcopy(net)
    theirs = net.get_submodule(name)
    ours = MultiheadAttention(E, H, batch_first=theirs.batch_first).train(net.training)
    ours.load_state_dict(theirs.state_dict())
    ours.gate = gate
    net.set_submodule(name, ours)
    return net


# --- nothing, where nothing is limited --------------------------------------------------------------------


@pytest.mark.parametrize("gate", [None, GateState()])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("grad", [True, False])
def test_a_gate_without_limits_leaves_every_bit(gate, training, grad):
    net, padding = encoder().train(training), torch.arange(S).expand(B, S) >= 5
    with torch.set_grad_enabled(grad):
        for call in ({}, {"src_key_padding_mask": padding}):
            free = net(x(), **call)
            with limit(net, gate, "all"):
                assert torch.equal(net(x(), **call), free)


@pytest.mark.parametrize("grad", [True, False])
def test_an_open_gate_changes_nothing_that_counts(grad):
    net = network().eval()
    with torch.set_grad_enabled(grad):
        free = net(x(), x(L, 2))
        with limit(net, OPEN, ["encoder.*", "*.multihead_attn"]):
            torch.testing.assert_close(net(x(), x(L, 2)), free)


# --- the gate, where it was asked for -----------------------------------------------------------------------


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("last", "decoder.layers.1.multihead_attn"),
        (-1, "decoder.layers.1.multihead_attn"),
        ([-3], "decoder.layers.0.multihead_attn"),
        ("decoder.*.0.multihead_attn", "decoder.layers.0.multihead_attn"),
        (["encoder.layers.0.*"], "encoder.layers.0.self_attn"),
        (1, "encoder.layers.1.self_attn"),
    ],
)
def test_it_is_our_module_in_that_place(training, grad, batch_first, where, name):
    """In evaluation without gradients too, where Torch's fused path would skip the gate in silence."""
    net, gate = network(batch_first).train(training), some_gate()
    streams = [x(), x(L, 2)] if batch_first else [x().transpose(0, 1), x(L, 2).transpose(0, 1)]
    with torch.set_grad_enabled(grad):
        expected = by_hand(net, name, gate)(*streams)
        with limit(net, gate, where) as those:
            assert those == [net.get_submodule(name)]
            torch.testing.assert_close(net(*streams), expected, rtol=0, atol=0)
        assert (expected - net(*streams)).abs().max() > 1e-3


def test_one_module_against_the_formula():
    torch.manual_seed(0)
    module, gate = nn.MultiheadAttention(E, H, batch_first=True), some_gate()
    q, k, v = (
        (x() @ w.T + b).view(B, S, H, E // H).transpose(1, 2)
        for w, b in zip(module.in_proj_weight.chunk(3), module.in_proj_bias.chunk(3), strict=True)
    )
    inner = gated_attention(q, k, v, gate, impl="eager").transpose(1, 2).reshape(B, S, E)
    with limit(module, gate):
        torch.testing.assert_close(module(x(), x(), x())[0], module.out_proj(inner))


@pytest.mark.parametrize("grad", [True, False])
def test_a_closed_key_has_no_influence_in_one_layer(grad):
    net, keep = encoder(layers=1).eval(), torch.ones(B, S, dtype=torch.bool)
    keep[:, 2] = False
    other = x().clone()
    other[:, 2] = 9.0
    with torch.set_grad_enabled(grad), limit(net, GateState(keep=keep)):
        a, b = net(x()), net(other)
    rest = [0, 1, 3, 4, 5]
    assert torch.equal(a[:, rest], b[:, rest])
    assert not torch.equal(a[:, 2], b[:, 2])


def test_padded_input_is_not_nested_under_a_gate():
    """nn.TransformerEncoder makes nested tensors of it, which no gate fits, and must go back to them afterwards."""
    torch.manual_seed(0)
    net = nn.TransformerEncoder(nn.TransformerEncoderLayer(E, H, 32, 0.0, batch_first=True), 2).eval()
    padding = torch.arange(S).expand(B, S) >= 4
    with torch.no_grad():
        free = net(x(), src_key_padding_mask=padding)
        with limit(net, OPEN):
            torch.testing.assert_close(net(x(), src_key_padding_mask=padding)[:, :4], free[:, :4])
        with limit(net, SHUT):
            assert (net(x(), src_key_padding_mask=padding) - free)[:, :4].abs().max() > 1e-3
        assert net.use_nested_tensor
        assert torch.equal(net(x(), src_key_padding_mask=padding), free)


def test_gradients_reach_the_weights_and_the_gate():
    net, gain = encoder(), torch.ones(B, requires_grad=True)
    with limit(net, GateState(gain=gain), "all"):
        net(x()).square().sum().backward()
    assert gain.grad.abs().sum() > 0
    assert all(p.grad is not None for p in net.parameters())


# --- no trace -------------------------------------------------------------------------------------------------


def test_weights_hooks_and_classes_are_as_before():
    net = encoder()
    weights, heard = {k: v.clone() for k, v in net.state_dict().items()}, []
    last = net.layers[-1].self_attn
    last.register_forward_hook(lambda *_: heard.append(1))
    before = dict(vars(last))
    with limit(net, SHUT):
        net(x())
        assert list(net.state_dict()) == list(weights)
        nn.MultiheadAttention(E, H).load_state_dict(last.state_dict(), strict=True)
    assert heard == [1]
    assert type(last) is nn.MultiheadAttention
    assert dict(vars(last)) == before
    assert all(torch.equal(net.state_dict()[k], v) for k, v in weights.items())


def test_it_is_free_again_after_an_error_and_nests():
    net = encoder().eval()
    free = net(x())
    with pytest.raises(RuntimeError), limit(net, SHUT):
        raise RuntimeError
    assert torch.equal(net(x()), free)
    with limit(net, SHUT):
        shut = net(x())
        with limit(net, OPEN):
            torch.testing.assert_close(net(x()), free)
        assert torch.equal(net(x()), shut)
    assert torch.equal(net(x()), free)


def test_our_own_modules_are_limited_and_keep_their_gate():
    ours = MultiheadAttention(E, H, batch_first=True).eval()
    ours.gate = OPEN
    with limit(ours, SHUT):
        assert torch.equal(ours(x(), x(), x())[0], ours.out_proj.bias.expand(B, S, E))
    assert ours.gate is OPEN


@pytest.mark.full
def test_new_gates_run_through_one_compiled_graph():
    torch._dynamo.reset()
    net, graphs = encoder().eval(), []

    def backend(module, _):
        graphs.append(module)
        return module.forward

    compiled = torch.compile(net, fullgraph=True, backend=backend)
    for seed in range(4):
        g = torch.Generator().manual_seed(seed)
        with limit(net, Race(50.0, 2)(torch.randn(B, S, generator=g), exposure=0.05, generator=g)):
            torch.testing.assert_close(compiled(x()), net(x()))
    assert len(graphs) == 1


# --- what cannot be ---------------------------------------------------------------------------------------------


class Own(nn.MultiheadAttention):
    def forward(self, *args, **kwargs):
        return super().forward(*args, **kwargs)


@pytest.mark.parametrize(
    ("module", "gate", "where", "said"),
    [
        (nn.Linear(2, 2), OPEN, "last", "Linear has none"),
        (Own(E, H), OPEN, "last", "Own has a forward of its own"),
        (encoder(), OPEN, 2, "numbers within 0 to 1"),
        (encoder(), OPEN, [], "where must name a layer"),
        (encoder(), OPEN, "decoder.*", "patterns of names such as 'layers.1.self_attn', got 'decoder"),
        (encoder(), OPEN, [True], "where must be 'all'"),
        (encoder(), Race(50.0, 2), "last", r"got Race: let it emit one first, gate = policy\(logits\)"),
        (encoder(), eviction_plan(2, 5), "last", "gate must be a GateState or None, got Plan"),
    ],
)
def test_what_cannot_be_limited_says_why(module, gate, where, said):
    with pytest.raises(InputError, match=said) as caught, limit(module, gate, where):
        pass
    assert "\n" not in str(caught.value)


def test_a_gate_of_another_size_is_refused():
    net = encoder()
    with limit(net, SHUT), pytest.raises(InputError, match=r"gate.keep must be \(B, S\) = \(3, 4\)"):
        net(x(L))


def test_layers_are_chosen_in_their_order_each_once():
    names = list(attention_layers(network()))
    assert [names[i] for i in chosen(names, "all")] == names
    assert chosen(names, ["last", 0, -1, "encoder.*"]) == [5, 0, 1]
