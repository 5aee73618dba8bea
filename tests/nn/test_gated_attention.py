"""Attention under a gate: the limit, the agreement of the ways, closed rows, compilation, refusals."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from cogattn.errors import InputError
from cogattn.nn import gated_attention
from cogattn.nn.gate import GateState, Race

B, H, L, S, D = 3, 4, 6, 32, 8
PLAIN = F.scaled_dot_product_attention


def qkv(dtype=torch.float32, heads=H, groups=H, queries=L, keys=S, seed=0, device="cpu"):
    g = torch.Generator().manual_seed(seed)
    shapes = [(B, heads, queries, D), (B, groups, keys, D), (B, groups, keys, D)]
    return [torch.randn(s, generator=g).to(device, dtype).requires_grad_() for s in shapes]


def indexed(keep_row=(1, 5, 9, -1), batch=B, keys=S):
    """The same keys as keep and as index."""
    index = torch.tensor([keep_row] * batch)
    keep = torch.zeros(batch, keys, dtype=torch.bool)
    keep[:, [i for i in keep_row if i >= 0]] = True
    return keep, index


def with_grads(fn, tensors):
    for x in tensors:
        x.grad = None
    out = fn(*tensors)
    out.float().square().sum().backward()
    return [out.detach(), *(x.grad.clone() for x in tensors)]


def assert_same_bits(a, b):
    assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def assert_near(a, b, tol=1e-5):
    for x, y in zip(a, b, strict=True):
        torch.testing.assert_close(x, y, rtol=tol, atol=tol)


def idle_gates(device="cpu"):
    """Gates that are there but limit nothing."""
    keep = torch.ones(B, S, dtype=torch.bool, device=device)
    zero, one = torch.zeros(B, S, device=device), torch.ones(B, device=device)
    return {
        "none": None,
        "identity": GateState(),
        "keep": GateState(keep=keep),
        "bias": GateState(bias=zero),
        "bias_heads": GateState(bias=zero[:, None].expand(B, H, S)),
        "gain": GateState(gain=one),
        "gain_heads": GateState(gain=one[:, None].expand(B, H)),
        "share": GateState(share=one),
        "share_keys": GateState(share=torch.ones(B, 1, S, device=device)),
        "all": GateState(keep=keep, bias=zero, gain=one, share=one),
    }


# --- the limit --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(idle_gates()))
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("causal", [False, True])
def test_without_limits_the_bits_are_those_of_plain_attention(name, dtype, causal):
    gate, x = idle_gates()[name], qkv(dtype)
    ours = with_grads(lambda q, k, v: gated_attention(q, k, v, gate, is_causal=causal), x)
    assert_same_bits(ours, with_grads(lambda q, k, v: PLAIN(q, k, v, is_causal=causal), x))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_limit_holds_for_grouped_heads_masks_and_scale(dtype):
    gate, x = idle_gates()["all"], qkv(dtype, groups=2)
    mask = torch.rand(L, S) < 0.7
    ours = with_grads(
        lambda q, k, v: gated_attention(q, k, v, gate, attn_mask=mask, scale=0.3, enable_gqa=True), x
    )
    assert_same_bits(
        ours, with_grads(lambda q, k, v: PLAIN(q, k, v, attn_mask=mask, scale=0.3, enable_gqa=True), x)
    )


def test_an_index_of_all_keys_in_any_order_is_plain_attention_to_1e_5():
    x = qkv()
    index = torch.stack([torch.randperm(S) for _ in range(B)])
    ours = with_grads(lambda q, k, v: gated_attention(q, k, v, GateState(index=index), impl="gather"), x)
    assert_near(ours, with_grads(PLAIN, x))


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 20), st.integers(1, 20), st.booleans())
@settings(max_examples=30, deadline=None)
def test_the_limit_holds_for_every_shape(batch, heads, queries, keys, causal):
    q, k, v = (torch.randn(batch, heads, n, 4) for n in (queries, keys, keys))
    gate = GateState(keep=torch.ones(batch, keys, dtype=torch.bool), gain=torch.ones(batch))
    ours = gated_attention(q, k, v, gate, is_causal=causal)
    assert torch.equal(ours, PLAIN(q, k, v, is_causal=causal))


# --- the ways agree ---------------------------------------------------------------------------------------


def limiting_gates():
    g = torch.Generator().manual_seed(1)
    keep, index = indexed()
    bias = torch.randn(B, H, S, generator=g)
    return {
        "slots": GateState(keep=keep, index=index),
        "index_alone": GateState(index=index),
        "bias": GateState(index=index, bias=bias[:, 0]),
        "bias_heads": GateState(index=index, bias=bias),
        "closing_bias": GateState(index=index, bias=bias.masked_fill(bias > 1, -math.inf)),
        "gain": GateState(index=index, gain=torch.tensor([0.5, 1.0, 2.0])),
        "gain_heads": GateState(index=index, gain=torch.rand(B, H, generator=g)),
        "keep_fewer": GateState(index=index, keep=keep & (torch.arange(S) != 5)),
        "times": GateState(
            index=index,
            t_on=torch.rand(B, S, generator=g),
            t_off=torch.rand(B, S, generator=g) + 0.5,
            t_query=torch.linspace(0, 1.5, L).expand(B, L),
        ),
        "share_rows": GateState(index=index, share=torch.tensor([0.0, 0.5, 1.0])),
        "share_queries": GateState(index=index, share=torch.rand(B, L, generator=g)),
        "share_keys": GateState(index=index, share=torch.rand(B, S, generator=g)),
    }


MASKS = {
    "open": {},
    "causal": {"is_causal": True},
    "bool": {"attn_mask": torch.arange(S) % 5 != torch.arange(L)[:, None] % 5},
    "float": {"attn_mask": torch.linspace(-1, 1, H * L * S).view(1, H, L, S)},
    "both": {"attn_mask": torch.arange(S)[None] != 1, "is_causal": True},
}


@pytest.mark.parametrize("name", list(limiting_gates()))
@pytest.mark.parametrize("mask", list(MASKS))
@pytest.mark.parametrize("groups", [H, 2])
def test_mask_gather_and_eager_give_the_same_numbers_and_gradients(name, mask, groups):
    gate, x = limiting_gates()[name], qkv(groups=groups)
    options = MASKS[mask] | {"enable_gqa": groups != H}
    run = {
        impl: with_grads(lambda q, k, v, i=impl: gated_attention(q, k, v, gate, impl=i, **options), x)
        for impl in ("eager", "mask", "gather", "auto")
    }
    for impl in ("mask", "gather", "auto"):
        assert_near(run[impl], run["eager"], 2e-5)


@pytest.mark.parametrize("slots", [4, 24])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_the_ways_agree_in_other_precisions_and_with_many_slots(slots, dtype):
    index = torch.arange(slots).expand(B, slots)
    gate, x = GateState(index=index, gain=torch.full((B,), 1.5)), qkv(dtype)
    tol = 3e-2 if dtype == torch.bfloat16 else 1e-10
    runs = [gated_attention(*x, gate, impl=impl) for impl in ("eager", "mask", "gather")]
    assert all(out.dtype == dtype for out in runs)
    torch.testing.assert_close(runs[0], runs[1], rtol=tol, atol=tol)
    torch.testing.assert_close(runs[0], runs[2], rtol=tol, atol=tol)


def test_attention_under_a_gate_is_its_formula():
    q, k, v = qkv(torch.float64)
    g = torch.Generator().manual_seed(2)
    gain, bias = torch.rand(B, generator=g).double() + 0.5, torch.randn(B, S, generator=g).double()
    keep, share = torch.rand(B, S, generator=g) < 0.5, torch.rand(B, 1, S, generator=g).double()
    gate = GateState(gain=gain, bias=bias, keep=keep, share=share)
    scores = gain[:, None, None, None] * (q @ k.mT) / math.sqrt(D) + bias[:, None, None, :]
    expected = scores.masked_fill(~keep[:, None, None, :], -math.inf).softmax(-1) * share[:, None]
    out, weights = gated_attention(q, k, v, gate, need_weights=True)
    torch.testing.assert_close(weights, expected)
    torch.testing.assert_close(out, expected @ v)
    torch.testing.assert_close(gated_attention(q, k, v, gate, impl="mask"), out)


def test_gain_and_bias_receive_gradients_and_both_ways_agree_on_them():
    q, k, v = qkv(torch.float64)
    keep, index = indexed()

    def grads(impl):
        gain = torch.full((B,), 1.5, dtype=torch.float64, requires_grad=True)
        bias = torch.linspace(-1, 1, B * S, dtype=torch.float64).view(B, S).requires_grad_()
        gate = GateState(gain=gain, bias=bias, keep=keep, index=index)
        gated_attention(q, k, v, gate, impl=impl).square().sum().backward()
        return gain.grad, bias.grad

    for impl in ("gather", "mask"):
        assert_near(grads(impl), grads("eager"), 1e-9)
    assert grads("mask")[0].abs().min() > 0


# --- share ------------------------------------------------------------------------------------------------


def test_a_lapse_takes_the_row_and_a_shared_loss_is_not_renormalised():
    q, k, v = qkv()
    half = GateState(share=torch.tensor([0.0, 0.5, 1.0]))
    out, plain = gated_attention(q, k, v, half), PLAIN(q, k, v)
    assert torch.equal(out[0], torch.zeros_like(out[0]))
    assert torch.equal(out[1], plain[1] * 0.5)
    assert torch.equal(out[2], plain[2])


def test_share_per_key_halves_all_keys_like_share_per_row():
    q, k, v = qkv()
    keys = gated_attention(q, k, v, GateState(share=torch.full((B, 1, S), 0.5)))
    torch.testing.assert_close(keys, PLAIN(q, k, v) * 0.5)


def test_share_of_a_square_problem_must_say_whose_it_is():
    q, k, v = qkv(queries=S)
    share = torch.rand(B, S)
    with pytest.raises(InputError, match=r"share\[:, :, None\] for queries or share\[:, None, :\] for keys"):
        gated_attention(q, k, v, GateState(share=share))
    rows = gated_attention(q, k, v, GateState(share=share[:, :, None]))
    keys = gated_attention(q, k, v, GateState(share=share[:, None, :]))
    torch.testing.assert_close(rows, PLAIN(q, k, v) * share[:, None, :, None])
    torch.testing.assert_close(keys, PLAIN(q, k, v * share[:, None, :, None]))


# --- closed rows ------------------------------------------------------------------------------------------


def closed_gates():
    keep, index = indexed()
    shut, empty = keep.clone(), index.clone()
    shut[1], empty[1] = False, -1
    bias = torch.zeros(B, S).masked_fill(~shut, -math.inf)
    t = torch.zeros(B, S)
    t[1] = 9.0
    return {
        "keep": GateState(keep=shut),
        "index": GateState(index=empty),
        "bias": GateState(bias=bias, index=index),
        "times": GateState(t_on=t, t_query=torch.ones(B, L), index=index),
    }


@pytest.mark.parametrize("name", list(closed_gates()))
@pytest.mark.parametrize("impl", ["mask", "gather", "eager", "auto"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("learned", [False, True])
def test_a_row_with_every_key_closed_is_zero_forward_and_backward(name, impl, dtype, learned):
    gate, x = closed_gates()[name], qkv(dtype)
    if impl == "gather" and gate.index is None:
        gate = replace(gate, index=indexed()[1])
    if learned:  # a bias with a gradient takes another kernel
        bias = (torch.zeros(B, S) if gate.bias is None else gate.bias).clone().requires_grad_()
        gate = replace(gate, bias=bias)
        x_grad = with_grads(lambda q, k, v: gated_attention(q, k, v, gate, impl=impl), x)
        assert torch.isfinite(bias.grad).all()
    else:
        x_grad = with_grads(lambda q, k, v: gated_attention(q, k, v, gate, impl=impl), x)
    assert all(torch.isfinite(t).all() for t in x_grad)
    assert all(torch.equal(t[1], torch.zeros_like(t[1])) for t in x_grad)
    assert x_grad[0][0].abs().sum() > 0


@pytest.mark.parametrize("name", list(closed_gates()))
@pytest.mark.filterwarnings("ignore:Anomaly Detection")
def test_closed_rows_need_no_help_from_the_kernel(name, monkeypatch):
    """As on a GPU, where the kernel is not relied on: opened before, set to 0 after, no NaN in between."""
    monkeypatch.setattr("cogattn.nn.functional.KNOWS_CLOSED_ROWS", ())
    gate, x = closed_gates()[name], qkv()
    runs = []
    for impl in ("mask", "eager"):
        with torch.autograd.detect_anomaly(check_nan=True):
            runs.append(with_grads(lambda q, k, v, i=impl: gated_attention(q, k, v, gate, impl=i), x))
        assert all(torch.equal(t[1], torch.zeros_like(t[1])) for t in runs[-1])
    assert_near(*runs)


def test_early_queries_under_causality_that_hold_no_slot_are_zero():
    q, k, v = qkv(queries=S)
    gate = GateState(index=torch.tensor([[10, 20]] * B))
    out = gated_attention(q, k, v, gate, is_causal=True)
    assert torch.equal(out[:, :, :10], torch.zeros(B, H, 10, D))
    torch.testing.assert_close(out[:, :, 10:20], v[:, :, 10:11].expand(-1, -1, 10, -1))


# --- compilation ------------------------------------------------------------------------------------------


def race_gates(n, slots=4):
    race, g = Race(40.0, slots, 0.01), torch.Generator().manual_seed(0)
    return [race(torch.randn(B, S), exposure=0.1, generator=g) for _ in range(n)]


@pytest.mark.parametrize("impl", ["auto", "mask", "gather", "eager"])
def test_new_gate_values_run_through_the_same_graph(impl):
    torch._dynamo.reset()
    graphs = []

    def backend(module, _):
        graphs.append(module)
        return module.forward

    def attend(q, k, v, gate):
        return gated_attention(q, k, v, gate, impl=impl, is_causal=True)

    compiled = torch.compile(attend, fullgraph=True, backend=backend)
    x = [t.detach() for t in qkv()]
    for gate in race_gates(4):
        torch.testing.assert_close(compiled(*x, gate), attend(*x, gate))
    assert len(graphs) == 1


def test_a_race_compiles_without_a_graph_break():
    torch._dynamo.reset()
    compiled = torch.compile(Race(40.0, 3, 0.01), fullgraph=True, backend="eager")
    assert compiled(torch.randn(B, S), exposure=0.1).index.shape == (B, 3)


# --- dropout, weights, refusals ---------------------------------------------------------------------------


def test_dropout_of_everything_leaves_nothing():
    q, k, v = qkv()
    for impl in ("mask", "gather", "eager"):
        out = gated_attention(q, k, v, GateState(index=indexed()[1]), dropout_p=1.0, impl=impl)
        assert torch.equal(out, torch.zeros_like(out))


def bad_calls():
    keep, index = indexed()
    q, k, v = (t.detach() for t in qkv())
    gate = GateState(keep=keep)
    return {
        "impl is one of": ((q, k, v), {"impl": "fast"}, "impl must be one of auto, identity"),
        "identity": ((q, k, v, gate), {"impl": "identity"}, "takes no limits"),
        "gather": ((q, k, v, gate), {"impl": "gather"}, r"needs gate.index"),
        "weights": ((q, k, v), {"impl": "mask", "need_weights": True}, "must be 'eager'"),
        "flex dropout": ((q, k, v), {"impl": "flex", "dropout_p": 0.5}, "has no dropout"),
        "3-d": ((q[0], k, v), {}, r"q must be a floating tensor \(B, H, n, D\)"),
        "int": ((q.long(), k, v), {}, "q must be a floating tensor"),
        "keys": ((q, k, v[:, :, 1:]), {}, "must agree in B, S and D"),
        "dtype": ((q, k.double(), v), {}, "must have one dtype"),
        "heads": ((q, k[:, :2], v[:, :2]), {}, "set enable_gqa=True"),
        "groups": ((q, k[:, :3], v[:, :3]), {"enable_gqa": True}, "multiple of k's"),
        "mask dtype": ((q, k, v), {"attn_mask": torch.ones(L, S).int()}, "attn_mask must be bool"),
        "mask axes": ((q, k, v), {"attn_mask": torch.ones(B, L, S)}, r"use mask\[:, None\]"),
        "dropout": ((q, k, v), {"dropout_p": 1.5}, "dropout_p must be >= 0 and <= 1, got 1.5"),
        "gate size": ((q, k, v, GateState(keep=keep[:, 1:])), {}, r"gate.keep must be \(B, S\) = \(3, 32\)"),
        "gate rows": ((q, k, v, GateState(index=index[1:])), {}, r"gate.index must be \(B, Kmax\)"),
        "no clock": ((q, k, v, GateState(t_on=torch.zeros(B, S))), {}, "gate.t_query must be"),
    }


@pytest.mark.parametrize("name", list(bad_calls()))
def test_what_cannot_be_done_is_refused_in_one_line(name):
    args, options, message = bad_calls()[name]
    with pytest.raises(InputError, match=message) as caught:
        gated_attention(*args, **options)
    assert "\n" not in str(caught.value)


def test_flex_has_no_gradient_on_a_cpu_and_says_so():
    q, k, v = qkv()
    with pytest.raises(InputError, match="no gradient on a CPU"):
        gated_attention(q, k, v, GateState(keep=indexed()[0]), impl="flex")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["slots", "times", "bias_heads", "share_keys"])
def test_flex_agrees_on_a_cpu_forward(name):
    torch._dynamo.reset()  # else variants of earlier tests count against the recompile limit
    gate, (q, k, v) = limiting_gates()[name], qkv()
    with torch.no_grad():
        out = gated_attention(q, k, v, gate, impl="flex", is_causal=True)
        torch.testing.assert_close(out, gated_attention(q, k, v, gate, impl="eager", is_causal=True))


# --- the same on a GPU ------------------------------------------------------------------------------------

gpu = pytest.mark.gpu
no_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")


@gpu
@no_cuda
@pytest.mark.parametrize("name", ["none", "identity"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_cuda_identity_has_the_bits_of_plain_attention(name, dtype):
    gate, x = idle_gates("cuda")[name], qkv(dtype, device="cuda")
    assert_same_bits(with_grads(lambda q, k, v: gated_attention(q, k, v, gate), x), with_grads(PLAIN, x))


@gpu
@no_cuda
@pytest.mark.parametrize("name", ["keep", "bias", "gain", "share", "all"])
def test_cuda_idle_gates_are_plain_attention(name):
    """Another kernel may take the masked call, so that bits may differ; numbers may not."""
    gate, x = idle_gates("cuda")[name], qkv(device="cuda")
    assert_near(with_grads(lambda q, k, v: gated_attention(q, k, v, gate), x), with_grads(PLAIN, x), 1e-4)


@gpu
@no_cuda
@pytest.mark.parametrize(("name", "impl"), [*itertools.product(limiting_gates(), ["mask", "gather", "flex"])])
def test_cuda_ways_agree_with_the_formula(name, impl):
    gate = limiting_gates()[name].to("cuda")
    q, k, v = (torch.randn(B, H, n, 16, device="cuda", requires_grad=True) for n in (L, S, S))
    run = [
        with_grads(lambda q, k, v, i=i: gated_attention(q, k, v, gate, impl=i), (q, k, v))
        for i in (impl, "eager")
    ]
    assert_near(run[0], run[1], 5e-3)


@gpu
@no_cuda
@pytest.mark.parametrize("name", list(closed_gates()))
@pytest.mark.parametrize("impl", ["mask", "eager", "flex", "auto"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_cuda_closed_rows_are_zero(name, impl, dtype):
    gate = closed_gates()[name].to("cuda")
    x = [torch.randn(B, H, n, 16, device="cuda", dtype=dtype, requires_grad=True) for n in (L, S, S)]
    for t in with_grads(lambda q, k, v: gated_attention(q, k, v, gate, impl=impl), x):
        assert torch.isfinite(t).all()
        assert torch.equal(t[1], torch.zeros_like(t[1]))


def test_a_gate_is_not_changed_by_its_use() -> None:

    gate: GateState = GateState(keep=indexed()[0], index=indexed()[1])
    before: list[Tensor] = [gate.keep.clone(), gate.index.clone()]  # type: ignore[union-attr]
    gated_attention(*qkv(), gate)
    assert_same_bits(before, [gate.keep, gate.index])
