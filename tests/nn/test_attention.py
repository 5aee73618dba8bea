"""Attention mechanisms by name: each is its formula, wears every limit, and is what torch has where torch has it."""

from __future__ import annotations

import copy
import math

import features
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from features import B, D, H, L, S, agrees, apart, gates, module, streams
from formulas import attend, parameters_of, similarity
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.autograd import gradcheck

import cogattn as ca
from cogattn.errors import InputError
from cogattn.nn import MECHANISMS, MultiheadAttention, attention, gated_attention, mechanisms, scores
from cogattn.nn.gate import GateState, Race

DOTS = ("dot", "scaled_dot", "norm_scaled", "cosine")
each = pytest.mark.parametrize("name", MECHANISMS)


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Nothing here is large enough for two."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def results(m, x, **how):
    """Output, weights if any, and the gradients of all that goes in."""
    x = [t.detach().requires_grad_() for t in x]
    out, weights = m(*x, **how)
    grads = torch.autograd.grad(out.square().sum(), (*x, *m.parameters()), allow_unused=True)
    return [t for t in (out, weights, *grads) if t is not None]


def assert_same_bits(a, b):
    assert len(a) == len(b)
    assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def assert_near(a, b, tol):
    for x, y in zip(a, b, strict=True):
        torch.testing.assert_close(x, y, rtol=tol, atol=tol)


# --- the formula ------------------------------------------------------------------------------------------


@pytest.mark.full
def test_the_page_says_what_was_found_by_trying():
    text, wanted = features.page()
    assert text == wanted, (
        "docs/mechanisms.md is not what trying found: python tests/nn/features.py rewrites it"
    )


@given(
    st.sampled_from(MECHANISMS),
    st.integers(1, 3),
    st.integers(1, 3),
    st.tuples(st.integers(1, 6), st.integers(1, 6)),
    st.integers(1, 4),
    st.integers(0, 99),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_each_is_its_formula_at_every_shape(name, batch, heads, lengths, width, seed):
    g = torch.Generator().manual_seed(seed)
    m = module(name, dim=heads * width, heads=heads)
    q, k = (torch.randn(batch, n, heads * width, generator=g).double() for n in lengths)
    v = torch.randn(batch, lengths[1], 2 * heads, generator=g).double()  # values of another width
    out, weights = m(q, k, v)
    fast = m(q, k, v, need_weights=False)[0]
    wanted, matrix = attend(m, *(apart(x, heads) for x in (q, k, v)), name=name)
    for x in (out, fast):
        assert np.abs(apart(x, heads) - wanted).max() < 1e-10
    assert weights.shape == (batch, *((heads,) if heads > 1 else ()), *lengths)
    assert np.abs(weights.detach().numpy().reshape(matrix.shape) - matrix).max() < 1e-10


@each
@pytest.mark.parametrize("limit", list(gates()))
def test_under_each_limit_it_is_its_formula(name, limit):
    assert agrees(name, gate=gates()[limit])


def all_at_once():
    g = gates()
    gate = GateState(
        gain=g["gain of a head"].gain,
        bias=g["bias"].bias,
        index=g["index"].index,
        t_on=g["t_on"].t_on,
        t_query=g["t_on"].t_query,
        share=g["share of a key"].share,
    )
    mask = np.random.default_rng(3).random((B, L, S)) < 0.8
    i, j = np.arange(L)[:, None], np.arange(S)
    local = (abs(i - j) <= 2) & (i // 3 == j // 3) & (j <= i)
    how = {"causal": True, "window": 2, "block": 3}
    return {"gate": gate, "may": mask[:, None] & local, "mask": torch.tensor(mask), **how}


@each
def test_masks_windows_blocks_and_all_limits_act_together(name):
    assert agrees(name, **all_at_once())


@each
def test_in_float32_it_is_within_1e_6_of_float64(name):
    exact, rough = module(name), module(name, torch.float32)
    for need in (True, False):
        a = rough(*streams(dtype=torch.float32), need_weights=need)[0]
        b = exact(*streams(), need_weights=need)[0]
        assert (a.double() - b).abs().max() < 1e-6


@pytest.mark.parametrize("how", [{"window": 1}, {"block": 2}, {"causal": True}])
def test_what_lies_near_is_counted_in_positions(how):
    i, j = np.arange(L)[:, None], np.arange(S)
    near = {"window": abs(i - j) <= 1, "block": i // 2 == j // 2, "causal": j <= i}[next(iter(how))]
    weights = module("dot", **how)(*streams())[1]
    assert ((weights > 0).all((0, 1)).numpy() == near).all()


def test_the_additive_score_is_that_of_its_paper():
    """Softmax would hide a constant, and a factor of two in q and k alike."""
    m, (q, k, _) = module("additive"), streams()
    q, k = (torch.tensor(apart(x)) for x in (q, k))
    logits = m.mechanism.score(*m.mechanism.bring(q, k))
    for b, h, i, j in np.ndindex(logits.shape):
        wanted = similarity("additive", q[b, h, i].numpy(), k[b, h, j].numpy(), parameters_of(m, h))
        assert abs(logits[b, h, i, j].item() - wanted) < 1e-12


def test_near_vectors_keep_their_distance_in_float32():
    """|q|^2 + |k|^2 - 2 q.k would lose it: here that is 40000 + 40000 - 80000."""
    x = 50 + torch.rand(1, 5, 16, generator=torch.Generator().manual_seed(0)) / 100
    weights = attention("euclidean", 16)(x, need_weights=True)[1]
    exact = torch.exp(-torch.cdist(x.double(), x.double()))
    torch.testing.assert_close(weights.double(), exact / exact.sum(-1, keepdim=True), rtol=1e-6, atol=1e-6)


@each
def test_large_inputs_saturate_and_stay_finite(name):
    x = [1e3 * t for t in streams()]
    m = module(name)
    wanted, _ = attend(m, *(apart(t) for t in x), name=name)
    assert np.abs(apart(m(*x)[0]) - wanted).max() < 1e-6
    assert all(t.isfinite().all() for t in results(m, x))


def test_a_gain_sharpens_the_score_and_not_the_bias_nor_the_mask():
    m, x = module("euclidean"), streams()
    bias = torch.randn(L, S).double()
    none = m(*x, mask=bias, gate=GateState(gain=torch.zeros(B).double()))[1]
    torch.testing.assert_close(none, bias.softmax(-1).expand(B, H, L, S))


def test_euclidean_attention_is_the_generalized_context_model():
    """Nosofsky 1986: P(A) = sum of exp(-c d) over the examples of A, by that over all."""
    g = torch.Generator().manual_seed(0)
    probes, examples = (torch.randn(1, n, 3, generator=g).double() for n in (5, 8))
    category = F.one_hot(torch.arange(8) % 2).double()[None]
    c = 1.7
    said = attention("euclidean", 3)(
        probes, examples, category, gate=GateState(gain=torch.tensor([c]).double())
    )
    similarity = torch.exp(-c * (probes[0, :, None] - examples[0]).norm(dim=-1))
    wanted = similarity[:, 0::2].sum(1) / similarity.sum(1)
    torch.testing.assert_close(said[0][0, :, 0], wanted)


# --- what torch has -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_scaled_dot_has_the_bits_of_torch(causal, dtype):
    q, k, v = streams(dtype=dtype)
    m = module("scaled_dot", causal=causal)
    four = [x.view(B, -1, H, D).transpose(1, 2) for x in (q, k, v)]
    theirs = F.scaled_dot_product_attention(*four, is_causal=causal)
    ours = m(q, k, v, need_weights=False)[0]
    assert torch.equal(ours, theirs.transpose(1, 2).flatten(2))


def test_cosine_and_euclidean_compare_as_torch_does():
    q, k, v = streams()
    pairs = q[:, :, None], k[:, None]
    for name, logits in (
        ("cosine", F.cosine_similarity(*pairs, dim=-1)),
        ("euclidean", -F.pairwise_distance(*pairs, eps=0.0)),
    ):
        torch.testing.assert_close(module(name, heads=1)(q, k, v)[1], logits.softmax(-1))


@pytest.mark.parametrize("sizes", [{}, {"kdim": 6, "vdim": 10}])
@pytest.mark.parametrize("padded", [False, True])
def test_scaled_dot_with_projections_is_nn_multiheadattention(sizes, padded):
    torch.manual_seed(0)
    theirs = nn.MultiheadAttention(16, 4, batch_first=True, **sizes)
    nn.init.normal_(theirs.in_proj_bias)
    nn.init.normal_(theirs.out_proj.bias)
    ours = attention(
        "scaled_dot", 16, heads=4, key_dim=sizes.get("kdim"), value_dim=sizes.get("vdim"), project=True
    )
    ours.load_state_dict(theirs.state_dict())
    x = [torch.randn(B, n, d) for n, d in ((L, 16), (S, theirs.kdim), (S, theirs.vdim))]
    may = torch.arange(S).expand(B, S) < 5
    a = theirs(*x, key_padding_mask=~may if padded else None, average_attn_weights=False)
    b = ours(*x, mask=may if padded else None)
    assert_near(b, a, 1e-6)
    gate = Race(60.0, 3, 0.01)(torch.randn(B, S), exposure=0.1, generator=torch.Generator().manual_seed(0))
    gated = MultiheadAttention(16, 4, batch_first=True, **sizes)
    gated.load_state_dict(ours.state_dict())
    torch.testing.assert_close(ours(*x, gate=gate)[0], gated(*x, gate=gate)[0])


@each
def test_between_projections_it_is_the_same_mechanism(name):
    m = module(name, project=True)
    q, k, v = streams()
    w, b = m.in_proj_weight.chunk(3), m.in_proj_bias.chunk(3)
    with torch.no_grad():
        m.in_proj_bias.normal_()
        m.out_proj.bias.normal_()
        inner = [apart(x @ w[i].T + b[i]) for i, x in enumerate((q, k, v))]
        wanted, matrix = attend(m, *inner, name=name)
        context = torch.tensor(wanted).transpose(1, 2).flatten(2)
        out, weights = m(q, k, v)
        torch.testing.assert_close(out, context @ m.out_proj.weight.T + m.out_proj.bias)
        torch.testing.assert_close(weights, torch.tensor(matrix))
        parts = m.explained(q, k, v)
        torch.testing.assert_close(parts.context, context)
        assert torch.equal(parts.output, out)
        assert torch.equal(m(q[0], k[0], v[0])[0], m(q[:1], k[:1], v[:1])[0][0])


def test_the_layer_learns_what_needs_attention():
    """Copy the value whose key is the query: chance is a loss of about 1 per feature."""
    torch.manual_seed(0)
    m = attention("additive", 8, heads=2, project=True)
    optimizer = torch.optim.Adam(m.parameters(), 0.02)
    for _ in range(150):
        k, v = torch.randn(64, 4, 8).sign(), torch.randn(64, 4, 8)
        pick = torch.randint(4, (64,))
        loss = (
            (m(k[torch.arange(64), pick][:, None], k, v)[0][:, 0] - v[torch.arange(64), pick]).square().mean()
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.3


# --- the limit ------------------------------------------------------------------------------------------------


@each
@pytest.mark.parametrize("need", [True, False])
@pytest.mark.parametrize("how", [{}, {"causal": True}, {"window": 1}, {"project": True}])
def test_a_gate_that_limits_nothing_gives_the_same_bits(name, need, how):
    m, x = module(name, torch.float32, **how), streams(dtype=torch.float32)
    free = results(m, x, need_weights=need)
    assert_same_bits(results(m, x, need_weights=need, gate=GateState()), free)
    open_ = GateState(keep=torch.ones(B, S, dtype=torch.bool), gain=torch.ones(B), share=torch.ones(B))
    assert_near(results(m, x, need_weights=need, gate=open_), free, 1e-5)
    if need:  # one path, so that not even the last bit differs
        assert torch.equal(m(*x, gate=open_)[0], free[0])


@each
def test_with_and_without_weights_the_numbers_and_gradients_are_the_same(name):
    m, x, gate = module(name), streams(), gates()["bias"]
    with_, without = (results(m, x, need_weights=need, gate=gate) for need in (True, False))
    assert_near([with_[0], *with_[2:]], without, 1e-10)


@pytest.mark.parametrize("name", ["euclidean", "additive"])
@pytest.mark.parametrize("need", [True, False])
def test_fetching_the_slots_gives_what_closing_the_rest_gives(name, need):
    """Weights come back at their keys; key 0 is listed beside empty slots, which point at it."""
    index = torch.tensor([[2, 0, -1], [5, -1, -1]])
    keep = torch.zeros(B, S, dtype=torch.bool)
    keep[0, [0, 2]] = keep[1, 5] = True
    m, x = module(name), streams()
    fetched, closed = (
        results(m, x, need_weights=need, gate=g) for g in (GateState(index=index), GateState(keep=keep))
    )
    assert_near(fetched, closed, 1e-12)


def test_a_score_judges_the_fetched_keys_alone():
    q, k, v = (torch.tensor(apart(x)) for x in streams())
    seen = []
    gate = gates()["index, few"]
    for need in (True, False):
        gated_attention(
            q, k, v, gate, score=lambda q, k: seen.append(k.shape[2]) or q @ k.mT, need_weights=need
        )
    assert seen == [3, 3]


# --- rows to which everything is closed, vectors without length -------------------------------------------------


@each
def test_what_nobody_may_look_at_gets_no_gradient(name):
    keep = torch.ones(B, S, dtype=torch.bool)
    keep[:, 2] = False
    for need in (True, False):
        x = [t.requires_grad_() for t in streams()]
        m = module(name)
        grads = torch.autograd.grad(m(*x, gate=GateState(keep=keep), need_weights=need)[0].square().sum(), x)
        assert all(torch.equal(t[:, 2], torch.zeros_like(t[:, 2])) for t in grads[1:])
        assert grads[0].abs().min() > 0


def test_a_distance_of_zero_has_a_gradient_of_zero_and_is_right_around():
    q, m = streams()[0].requires_grad_(), module("euclidean")
    assert gradcheck(lambda q: m(q)[0], (q,))  # every query is its own key
    x = q.detach().view(B, L, H, D).transpose(1, 2)
    near = torch.exp(-(x[:, :, :, None] - x[:, :, None]).norm(dim=-1))
    torch.testing.assert_close(m(q)[1], near / near.sum(-1, keepdim=True))


@pytest.mark.parametrize("name", ["cosine", "norm_scaled"])
def test_a_vector_of_no_length_is_like_nothing_and_moves_nothing(name):
    q, k, v = (t.requires_grad_() for t in streams())
    m = module(name)
    still = torch.zeros_like(q)
    assert gradcheck(lambda k, v: m(still, k, v)[0], (k, v))
    torch.testing.assert_close(m(still, k, v)[1], torch.full((B, H, L, S), 1 / S, dtype=q.dtype))
    some = q.detach().clone()
    some[:, 1] = 0
    some.requires_grad_()
    (grad,) = torch.autograd.grad(m(some, k, v)[0].square().sum(), some)
    assert torch.equal(grad[:, 1], torch.zeros_like(grad[:, 1]))
    assert grad[:, 0].abs().min() > 0


def test_tiny_vectors_have_a_direction_too():
    q, k, v = streams()
    torch.testing.assert_close(module("cosine")(1e-100 * q, k, v)[1], module("cosine")(q, k, v)[1])


# --- local attention ----------------------------------------------------------------------------------------------

LONG = 37


def far_and_wide(name, monkeypatch, queries=LONG, keys=LONG, gate=None, mask=None, **how):
    """The same call in stretches of few queries, and as one masked whole."""
    monkeypatch.setattr(mechanisms, "STRETCH", 4)
    m, x = module(name, **how), streams(queries=queries, keys=keys)
    runs = []
    for sparse in (True, False):
        monkeypatch.setattr(m, "_is_sparse", lambda *_, sparse=sparse: sparse)
        runs.append(results(m, x, need_weights=False, gate=gate, mask=mask))
    return runs


LOCAL = {
    "window": {"window": 3},
    "itself": {"window": 0},
    "window, causal": {"window": 5, "causal": True},
    "block": {"block": 3},
    "long blocks": {"block": 6, "causal": True},
    "both": {"window": 2, "block": 5},
}


@pytest.mark.parametrize("name", ["scaled_dot", "cosine", "euclidean", "additive"])
@pytest.mark.parametrize("how", list(LOCAL))
def test_leaving_out_what_is_far_changes_nothing(name, how, monkeypatch):
    assert_near(*far_and_wide(name, monkeypatch, **LOCAL[how]), 1e-10)


@pytest.mark.parametrize(("queries", "keys"), [(37, 11), (11, 37), (37, 1)])
@pytest.mark.parametrize("how", list(LOCAL))
def test_queries_beyond_the_last_key_see_nothing(queries, keys, how, monkeypatch):
    assert_near(*far_and_wide("dot", monkeypatch, queries, keys, **LOCAL[how]), 1e-10)


def long_limits():
    g = torch.Generator().manual_seed(0)

    def rand(*shape):
        return torch.rand(*shape, generator=g).double()

    now = torch.linspace(0, 1, LONG).double().expand(B, LONG)
    return {
        "gain": GateState(gain=rand(B, H)),
        "bias": GateState(bias=rand(B, LONG)),
        "bias of a head": GateState(bias=rand(B, H, LONG)),
        "keep": GateState(keep=rand(B, LONG) < 0.5),
        "index": GateState(index=torch.tensor([[30, 5, -1], [7, 8, 9]])),
        "times": GateState(t_on=rand(B, LONG), t_off=1 + rand(B, LONG), t_query=now),
        "share of a row": GateState(share=rand(B)),
        "share of a query": GateState(share=rand(B, LONG, 1)),
        "share of a key": GateState(share=rand(B, 1, LONG)),
    }


@pytest.mark.parametrize("limit", list(long_limits()))
@pytest.mark.parametrize("name", ["scaled_dot", "euclidean"])
def test_every_limit_is_cut_with_its_stretch(limit, name, monkeypatch):
    gate = long_limits()[limit]
    assert_near(*far_and_wide(name, monkeypatch, gate=gate, window=3, causal=True), 1e-10)


@pytest.mark.parametrize(
    "shape", [(B, LONG), (1, LONG, LONG), (B, 1, LONG), (B, H, LONG, LONG), (B, H, 1, LONG)]
)
@pytest.mark.parametrize("floating", [False, True])
def test_every_mask_is_cut_with_its_stretch(shape, floating, monkeypatch):
    mask = torch.randn(shape, generator=torch.Generator().manual_seed(0)).double()
    mask = mask if floating else mask < 0.5
    assert_near(*far_and_wide("cosine", monkeypatch, mask=mask, block=5), 1e-10)


def test_what_is_far_is_not_computed(monkeypatch):
    m, scored = attention("euclidean", 8, window=16), []

    def score(q, k):
        scored.append(q.shape[2] * k.shape[2])
        return -torch.cdist(q, k)

    monkeypatch.setattr(scores.Euclidean, "comparison", {"score": score})
    m(torch.randn(1, 1024, 8), need_weights=False)
    assert sum(scored) < 0.1 * 1024**2


# --- the additive score in slices -------------------------------------------------------------------------------


@pytest.mark.parametrize("slice_", [1, 200, 900, 5000])
@pytest.mark.parametrize("kept", [0, 10**9])
def test_slices_and_second_computation_change_no_number(slice_, kept, monkeypatch):
    m, x = module("additive"), streams()
    whole = results(m, x)
    monkeypatch.setattr(scores, "SLICE", slice_)
    monkeypatch.setattr(scores, "KEPT", kept)
    assert_near(results(m, x), whole, 1e-12)


@pytest.mark.parametrize(
    ("shape", "slice_"), [((9, 2, 4, 6), 500), ((2, 1, 30, 40), 500), ((1, 1, 5, 90), 100)]
)
def test_no_slice_is_larger_than_it_may_be(shape, slice_, monkeypatch):
    """But for one query of one row, which is never cut."""
    batch, heads, queries, keys = shape
    cut, sizes = scores._units, []
    monkeypatch.setattr(scores, "SLICE", slice_)
    monkeypatch.setattr(
        scores, "_units", lambda q, k, w: sizes.append(q.numel() * k.shape[2]) or cut(q, k, w)
    )
    m = attention("additive", 4)
    m(torch.randn(batch, heads, queries, 4), torch.randn(batch, heads, keys, 4))
    assert sum(sizes) == batch * heads * queries * keys * 4
    assert max(sizes) <= max(slice_, heads * keys * 4)


def test_what_does_not_fit_is_not_kept(monkeypatch):
    """The hidden units of all pairs are then not among what autograd keeps."""
    monkeypatch.setattr(scores, "SLICE", 500)
    x = streams(queries=32, keys=32)

    def held(kept):
        monkeypatch.setattr(scores, "KEPT", kept)
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(lambda t: sizes.append(t.numel()) or t, lambda t: t):
            module("additive")(*x)
        return sum(sizes)

    units = B * H * 32 * 32 * D
    assert held(10**9) > units
    assert held(0) < held(10**9) - 0.9 * units


# --- parts, shapes, layers -----------------------------------------------------------------------------------------


@each
def test_an_explanation_adds_up(name):
    share = torch.tensor([1.0, 0.4]).double()
    m, (q, k, v) = module(name, residual=True), streams()
    parts = m.explained(q, k, v, gate=GateState(share=share))
    out, weights = m(q, k, v, gate=GateState(share=share))
    assert parts.matrix.shape == (B, H, L, S)
    assert torch.equal(parts.matrix, weights)
    torch.testing.assert_close(parts.allocation, weights.sum((1, 2)) / (H * L))
    torch.testing.assert_close(parts.allocation.sum(-1), share)
    torch.testing.assert_close(
        parts.context, torch.einsum("bhls,bshd->blhd", weights, v.view(B, S, H, D)).flatten(2)
    )
    torch.testing.assert_close(parts.output, parts.context + q)
    assert torch.equal(parts.output, out)


@each
def test_keys_and_values_default_to_what_is_there(name):
    m, (q, k, _) = module(name), streams()
    assert torch.equal(m(q)[0], m(q, q, q)[0])
    assert torch.equal(m(q, k)[0], m(q, k, k)[0])


def test_one_head_takes_any_number_of_heads_with_the_same_parameters():
    m = module("additive", dim=D, heads=1)
    x = [torch.randn(B, 3, n, D).double() for n in (L, S, S)]
    out, weights = m(*x)
    assert out.shape == (B, 3, L, D)
    for h in range(3):
        torch.testing.assert_close(out[:, h], m(*(t[:, h] for t in x))[0])
        torch.testing.assert_close(weights[:, h], m(*(t[:, h] for t in x))[1])


def test_dropout_acts_in_training_only():
    m = attention("cosine", 8, dropout=0.9)
    x = streams(dtype=torch.float32)
    assert not torch.equal(m(*x)[0], m(*x)[0])
    m.eval()
    assert torch.equal(m(*x)[0], m(*x)[0])


def test_copies_and_weights_travel():
    m = attention("additive", 8, heads=2, hidden=5, project=True)
    other = attention("additive", 8, heads=2, hidden=5, project=True)
    other.load_state_dict(m.state_dict())
    x = streams(dtype=torch.float32)
    assert torch.equal(copy.deepcopy(m)(*x)[0], other(*x)[0])


@each
def test_autocast_computes_and_gives_back(name):
    x = streams(dtype=torch.float32)
    m = module(name, torch.float32, project=True)
    with torch.autocast("cpu", torch.bfloat16):
        rough = m(*x, gate=GateState(gain=torch.ones(B)))[0]
    assert (rough.float() - m(*x)[0]).abs().max() < 3e-2


@pytest.mark.full
def test_local_attention_compiles_to_one_graph(monkeypatch):
    torch._dynamo.reset()
    monkeypatch.setattr(mechanisms, "STRETCH", 16)
    graphs = []

    def backend(graph, _):
        graphs.append(graph)
        return graph.forward

    m = attention("additive", 8, window=4, causal=True, residual=True)
    compiled = torch.compile(m, fullgraph=True, backend=backend)
    x = torch.randn(2, 64, 8)
    for _ in range(2):
        gate = GateState(bias=torch.randn(2, 64))
        torch.testing.assert_close(
            compiled(x, gate=gate, need_weights=False)[0], m(x, gate=gate)[0], rtol=1e-5, atol=1e-5
        )
    assert len(graphs) == 1


def test_the_public_face():
    assert ca.nn.attention is attention
    assert MECHANISMS == ("dot", "scaled_dot", "norm_scaled", "cosine", "euclidean", "additive")


# --- refusals ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: attention("aditive", 8), "did you mean 'additive'"),
        (lambda: attention("dot", 0), "dim must be a whole number from 1"),
        (lambda: attention("dot", 8, heads=3), "must be multiples of heads = 3, got 8 and 8"),
        (lambda: attention("additive", 8, heads=2, key_dim=5), "must be multiples of heads = 2, got 8 and 5"),
        (lambda: attention("dot", 8, key_dim=6), "use project=True"),
        (lambda: attention("dot", 8, value_dim=6), "value_dim is for project=True"),
        (lambda: attention("dot", 8, hidden=6), "'dot' has no hidden units"),
        (lambda: attention("additive", 8, hidden=0), "hidden must be a whole number from 1"),
        (lambda: attention("dot", 8, scale=math.nan), "scale must be finite"),
        (lambda: attention("dot", 8, window=-1), "window must be a whole number from 0"),
        (lambda: attention("dot", 8, block=0), "block must be a whole number from 1"),
        (lambda: attention("dot", 8, dropout=1.5), "dropout must be >= 0 and <= 1"),
    ],
)
def test_a_module_that_cannot_be_is_refused(make, message):
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def bad_calls():
    q, k, v = streams()
    square = torch.ones(B, B, dtype=torch.bool)
    return {
        "q width": ({}, (q[..., 1:], k, v), {}, r"q must have 8 features, got \(2, 4, 7\)"),
        "k width": ({}, (q, k[..., 1:], v), {}, r"k must have 8 features, got \(2, 6, 7\)"),
        "v width": ({}, (q, k, v[..., 1:]), {}, "v must have a multiple of heads = 2 features"),
        "axes": ({}, (q[0], k, v), {}, "k must be floating, .* with the axes of q"),
        "integers": ({}, (q.long(), k, v), {}, "q must be floating"),
        "v alone": ({}, (q, None, v), {}, "k must be given where v is"),
        "keys": ({}, (q, k, v[:, 1:]), {}, "must agree in B, S and D"),
        "batch": ({}, (q[:1], k, v), {}, "must agree in B, S and D"),
        "heads": ({}, [torch.randn(B, 3, 4, D).double()] * 3, {}, "q must have 2 heads"),
        "four axes": ({"project": True}, [torch.randn(B, H, 4, D).double()] * 3, {}, "where it is projected"),
        "projected v": ({"project": True}, (q, k, v[..., 2:]), {}, r"v must have 8 features"),
        "residual": ({"residual": True}, (q, k, v[..., 2:]), {}, "residual adds q, so v must have its 8"),
        "mask type": ({}, (q, k, v), {"mask": torch.ones(L, S).int()}, "mask must be bool"),
        "mask size": ({}, (q, k, v), {"mask": torch.ones(L, 2) > 0}, r"mask must be \(B, S\) = \(2, 6\)"),
        "mask axes": ({}, (q, k, v), {"mask": torch.ones(S) > 0}, r"mask must be \(B, S\)"),
        "mask of both": (
            {},
            (q[:, :2], k[:, :2]),
            {"mask": square},
            "could mean keys or pairs, for B = L = 2",
        ),
        "gate size": ({}, (q, k, v), {"gate": GateState(keep=torch.ones(B, 3) > 0)}, r"gate.keep must be"),
        "local gate": (
            {"window": 1},
            [torch.randn(B, 200, H * D).double()] * 3,
            {"gate": GateState(keep=torch.ones(B, 3) > 0), "need_weights": False},
            r"gate.keep must be \(B, S\) = \(2, 200\)",
        ),
    }


@pytest.mark.parametrize("which", list(bad_calls()))
def test_a_call_that_cannot_be_is_refused(which):
    how, x, call, message = bad_calls()[which]
    with pytest.raises(InputError, match=message) as caught:
        module("cosine", **how)(*x, **call)
    assert "\n" not in str(caught.value)


def test_a_mask_that_could_mean_both_may_say_which():
    q, k, v = (x[:, :n] for x, n in zip(streams(), (B, B, B), strict=True))
    mask = torch.tensor([[True, False], [True, True]])
    keys, pairs = module("dot")(q, k, v, mask=mask[:, None])[1], module("dot")(q, k, v, mask=mask[None])[1]
    assert (keys > 0).all((1, 2)).equal(mask)
    assert (pairs > 0).all((0, 1)).equal(mask)


# --- a score given to gated_attention -----------------------------------------------------------------------------


@pytest.mark.parametrize("limit", ["gain of a head", "bias of a head", "index, few", "share of a key"])
def test_the_dot_product_given_as_a_score_is_the_dot_product(limit):
    q, k, v = (torch.tensor(apart(x)) for x in streams())
    gate = gates()[limit]

    def score(q, k):
        return 0.3 * q @ k.mT

    a = gated_attention(q, k, v, gate, scale=0.3, need_weights=True)
    b = gated_attention(q, k, v, gate, score=score, need_weights=True)
    assert_near(a, b, 1e-12)
    assert_near([a[0]], [gated_attention(q, k, v, gate, score=score)], 1e-12)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"impl": "mask"}, "must be 'eager', 'gather' or 'auto' where a score is given"),
        ({"scale": 2.0}, "put it into the score"),
        ({"score": lambda q, k: q @ q.mT}, r"score must give logits \(B, H, L, S\) = \(2, 2, 4, 6\)"),
    ],
)
def test_a_score_that_cannot_be_is_refused(how, message):
    q, k, v = (torch.tensor(apart(x)) for x in streams())
    with pytest.raises(InputError, match=message):
        gated_attention(q, k, v, **({"score": lambda q, k: q @ k.mT} | how))
