"""What a gate lets through where there is no attention layer: every field by brute force, the limit, shut items."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cogattn.errors import InputError
from cogattn.nn import gated_attention, let_through
from cogattn.nn.gate import GateState

B, S, D = 4, 6, 3


def items(seed=0, dtype=torch.float64, features=(D,)):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(B, S, *features, generator=g, dtype=dtype)
    return x.requires_grad_(), torch.randn(B, S, generator=g, dtype=dtype).requires_grad_()


def some(seed, *shape, kind="float"):
    g = torch.Generator().manual_seed(seed)
    if kind == "bool":
        return torch.rand(shape, generator=g) < 0.6
    return torch.rand(shape, generator=g, dtype=torch.float64)


def gates():
    """One for each field, in each of its shapes, and one of all."""
    index = torch.tensor([[4, 0, -1], [-1, -1, -1], [5, 3, 1], [2, -1, 0]])
    bias = some(1, B, S) - 0.5
    bias[:, 2] = -math.inf
    times = {"t_on": some(2, B, S) * 0.6, "t_off": some(3, B, S) + 0.3}
    now = some(4, B, S)
    return {
        "gain": GateState(gain=3 * some(5, B)),
        "gain_head": GateState(gain=3 * some(5, B, 1)),
        "bias": GateState(bias=bias),
        "bias_head": GateState(bias=bias[:, None]),
        "keep": GateState(keep=some(6, B, S, kind="bool")),
        "index": GateState(index=index),
        "on": GateState(t_on=times["t_on"], t_query=now),
        "off": GateState(t_off=times["t_off"], t_query=now[:, :1]),
        "share": GateState(share=some(7, B)),
        "share_items": GateState(share=some(7, B, S)),
        "share_keys": GateState(share=some(7, B, 1, S)),
        "share_queries": GateState(share=some(7, B, S, 1)),
        "all": GateState(
            gain=3 * some(5, B),
            bias=bias,
            keep=some(6, B, S, kind="bool"),
            index=index,
            share=some(7, B, S),
            t_query=now,
            **times,
        ),
    }


def by_hand(x, logits, gate, present):
    """The formula, item by item, in plain Python."""
    out = torch.zeros_like(x)
    for b in range(B):
        for s in range(S):
            seen = present is None or bool(present[b, s])
            seen &= gate.keep is None or bool(gate.keep[b, s])
            seen &= gate.index is None or s in gate.index[b].tolist()
            now = None if gate.t_query is None else gate.t_query[b, min(s, gate.t_query.shape[1] - 1)]
            seen &= gate.t_on is None or bool(gate.t_on[b, s] <= now)
            seen &= gate.t_off is None or bool(now < gate.t_off[b, s])
            gain = 1.0 if gate.gain is None else float(gate.gain[b])
            bias = 0.0 if gate.bias is None else float(gate.bias.reshape(B, S)[b, s])
            share = (
                1.0
                if gate.share is None
                else float(gate.share.reshape(B, -1)[b, min(s, gate.share.numel() // B - 1)])
            )
            odds = math.exp(gain * logits[b, s].item() + bias)
            out[b, s] = share * seen * odds / (1 + odds) * x[b, s].detach()
    return out


@pytest.mark.parametrize("name", list(gates()))
@pytest.mark.parametrize("present", [None, some(8, B, S, kind="bool")], ids=["all", "some"])
def test_every_field_does_what_the_formula_says(name, present):
    x, logits = items()
    ours = let_through(x, logits, gates()[name], present=present)
    torch.testing.assert_close(ours, by_hand(x, logits, gates()[name], present), rtol=1e-12, atol=0)


def idle():
    one, zero = torch.ones(B, S), torch.zeros(B, S)
    return {
        "identity": GateState(),
        "keep": GateState(keep=one > 0),
        "index": GateState(index=torch.arange(S).flip(0).repeat(B, 1)),
        "gain": GateState(gain=one[:, 0]),
        "bias": GateState(bias=zero),
        "share": GateState(share=one),
        "times": GateState(t_on=zero, t_off=one, t_query=zero[:, :1]),
    }


@pytest.mark.parametrize("name", list(idle()))
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("features", [(), (D,), (2, 4, 4)], ids=["numbers", "vectors", "pictures"])
def test_without_limits_the_bits_are_the_networks_own(name, dtype, features):
    x, logits = items(dtype=dtype, features=features)
    own = x * logits.sigmoid().reshape(B, S, *(1,) * len(features))
    assert torch.equal(let_through(x, logits), own)
    assert torch.equal(let_through(x, logits, idle()[name]), own)


def shut_ways():
    """Item 2 of every row is shut, each time by another field."""
    at = torch.arange(S) == 2
    rest = torch.tensor([[0, 1, 3, 4, 5]] * B)
    return {
        "keep": (GateState(keep=(~at).expand(B, S)), None),
        "index": (GateState(index=rest), None),
        "bias": (GateState(bias=torch.where(at, -math.inf, 0.0).expand(B, S)), None),
        "off": (GateState(t_off=torch.where(at, 1.0, 9.0).expand(B, S), t_query=torch.ones(B, 1)), None),
        "present": (None, (~at).expand(B, S)),
    }


@pytest.mark.parametrize("way", list(shut_ways()))
@pytest.mark.parametrize("junk", [1e30, math.inf, math.nan])
def test_a_shut_item_changes_no_bit_forward_or_backward(way, junk):
    gate, present = shut_ways()[way]
    found = []
    for spoilt in (False, True):
        x, logits = (t.detach().clone() for t in items())
        if spoilt:
            x[:, 2], logits[:, 2] = junk, junk
        x.requires_grad_(), logits.requires_grad_()
        out = let_through(x, logits, gate, present=present)
        out.square().sum().backward()
        found.append((out.detach(), x.grad, logits.grad))
        assert (out[:, 2] == 0).all()
        assert (x.grad[:, 2] == 0).all()
        assert (logits.grad[:, 2] == 0).all()
    for before, after in zip(*found, strict=True):
        assert torch.equal(before, after)


@given(st.integers(0, 10**6), st.floats(0.1, 3), st.booleans())
@settings(max_examples=25, deadline=None, derandomize=True)
def test_one_item_beside_a_null_key_is_attention(seed, gain, open_):
    """softmax over (logit, 0) is sigmoid(logit): a lone item passes as through `gated_attention` beside a null key."""
    g = torch.Generator().manual_seed(seed)
    x, logit = torch.randn(1, 1, D, generator=g), torch.randn(1, 1, generator=g)
    gate = GateState(gain=torch.tensor([gain]), bias=torch.full((1, 1), 0.3), keep=torch.tensor([[open_]]))
    k, v = (torch.cat([t, torch.zeros_like(t)], 1)[:, None] for t in (logit[..., None], x))
    attended = gated_attention(torch.ones(1, 1, 1, 1), k, v, gate.with_null(1), scale=1.0)[:, 0]
    torch.testing.assert_close(let_through(x, logit, gate), attended)


def test_gradients_are_those_of_the_formula():
    x, logits = items()
    assert torch.autograd.gradcheck(lambda x, l: let_through(x, l, gates()["all"]), (x, logits))


def test_new_gates_run_through_one_compiled_graph():
    x, logits = (t.detach() for t in items())
    compiled = torch.compile(let_through, fullgraph=True, backend="eager")
    for seed in (1, 2):
        gate = GateState(keep=some(seed, B, S, kind="bool"), share=some(seed, B, S))
        assert torch.equal(compiled(x, logits, gate), let_through(x, logits, gate))


@pytest.mark.parametrize(
    ("x", "logits", "gate", "said"),
    [
        (torch.ones(B, S, D), torch.ones(B, S, 1), None, r"logits \(B, S\), one per item, got"),
        (torch.ones(B), torch.ones(B, S), None, r"x must be \(B, S, \.\.\.\)"),
        (torch.ones(B, S).long(), torch.ones(B, S), None, "x must be of floating type"),
        (torch.ones(B, S), torch.ones(B, S), GateState(keep=torch.ones(B, S + 1) > 0), r"gate\.keep must be"),
        (torch.ones(B, S), torch.ones(B, S), GateState(gain=torch.ones(B, 2)), r"gate\.gain must be"),
        (torch.ones(B, S), torch.ones(B, S), GateState(bias=torch.ones(B, 2, S)), r"gate\.bias must be"),
        (
            torch.ones(B, S),
            torch.ones(B, S),
            GateState(share=torch.ones(B, 2)),
            r"gate\.share must be \(B,\)",
        ),
        (torch.ones(B, S), torch.ones(B, S), GateState(t_on=torch.ones(B, S)), r"gate\.t_query must be"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(x, logits, gate, said):
    with pytest.raises(InputError, match=said):
        let_through(x, logits, gate)


def test_presence_must_fit():
    with pytest.raises(InputError, match="present must be bool"):
        let_through(torch.ones(B, S), torch.ones(B, S), present=torch.ones(B, S))
