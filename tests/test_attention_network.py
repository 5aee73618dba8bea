"""The NumPy attention network: its gradients are torch's, its weights those of `gated_attention`, and it learns."""

from __future__ import annotations

import doctest
import math
from types import ModuleType

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from cogattn.errors import InputError
from cogattn.nn import gated_attention, let_through
from cogattn.nn.gate import GateState
from cogattn.nn.networks import digits, registry

FILE: ModuleType = registry.module("attention_network")
ROWS, ELEMENTS = 3, 5
TORCH = {"relu": torch.relu, "tanh": torch.tanh, "gelu": F.gelu, "sigmoid": torch.sigmoid}


def draw(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def limits(seed, readouts):
    """All limits at once; the last element of the first row, and the whole second row, are shut."""
    rng = np.random.default_rng(seed)
    visible = rng.random((ROWS, 1, ELEMENTS)) < 0.7
    visible[0, 0], visible[0, 0, -1], visible[1] = True, False, False
    return FILE.Limits(
        gain=rng.uniform(0.5, 2, (ROWS, 1, 1)),
        bias=rng.normal(size=(ROWS, 1, ELEMENTS)),
        visible=visible,
        share=rng.uniform(0, 1, (ROWS, readouts, 1)),
    )


def as_torch(net, x, values, limits):
    """The same formula in torch: outputs, and the tensors that it hangs on."""
    w = {k: torch.from_numpy(v.copy()).requires_grad_() for k, v in net.weights.items()}
    x, values = (torch.from_numpy(a.copy()).requires_grad_() for a in (x, values))

    def dense(part, f, x):
        depth = sum(k.startswith(part) for k in w) // 2
        for i in range(depth):
            x = f(x) if i else x
            x = x @ w[f"{part}_{i}_weight"] + w[f"{part}_{i}_bias"]
        return x

    scores = dense("score", TORCH[net.scored], x).mT
    given = {k: torch.from_numpy(v) for k, v in limits._asdict().items() if v is not None}
    scores = scores * given.get("gain", 1.0) + given.get("bias", 0.0)
    visible = given.get("visible", torch.ones(1, dtype=torch.bool)).expand(scores.shape)
    if net.attention == "sigmoid":
        weights = scores.sigmoid() * visible
    else:
        scores = scores.masked_fill(~visible, -1e300)
        if net.attention == "null":
            scores = F.pad(scores, (0, 1))
        weights = scores.softmax(-1)[..., :ELEMENTS] * visible
    weights = weights * given.get("share", 1.0)
    return dense("process", TORCH[net.processed], weights @ values), w, x, values


@given(
    st.sampled_from(FILE.ATTENTIONS),
    st.sampled_from(list(TORCH)),
    st.sampled_from(list(TORCH)),
    st.lists(st.integers(1, 7), max_size=3),
    st.lists(st.integers(1, 7), max_size=4),
    st.integers(1, 4),
    st.booleans(),
    st.integers(0, 10**6),
)
@settings(max_examples=120, deadline=None, derandomize=True)
def test_every_gradient_is_torchs(attention, scored, processed, units, hidden, readouts, limited, seed):
    """Any depth and width, all limits: the output, and the gradient of every weight, element and value."""
    sizes = FILE.Sizes(4, tuple(units), readouts, 3, tuple(hidden), 2)
    net = FILE.AttentionNetwork(sizes, attention, scored, processed, seed=seed)
    x, values, wanted = (
        draw(seed, ROWS, ELEMENTS, 4),
        draw(seed + 1, ROWS, ELEMENTS, 3),
        draw(seed + 2, ROWS, readouts, 2),
    )
    bounds = limits(seed, readouts) if limited else FILE.Limits()
    y, trace = net.forward(x, values, bounds)
    loss, d = FILE.squared_error(y, wanted)
    slopes = net.backward(trace, d)

    out, w, tx, tv = as_torch(net, x, values, bounds)
    theirs = (out - torch.from_numpy(wanted)).square().mean()
    found = torch.autograd.grad(theirs, [*w.values(), tx, tv])
    assert loss == pytest.approx(theirs.item(), rel=1e-12)
    np.testing.assert_allclose(y, out.detach().numpy(), rtol=1e-9, atol=1e-12)
    assert list(slopes.weights) == list(w)
    for ours, grad in zip((*slopes.weights.values(), slopes.inputs, slopes.values), found, strict=True):
        np.testing.assert_allclose(ours, grad.numpy(), rtol=1e-6, atol=1e-9 * (1 + abs(grad.numpy()).max()))


def test_the_elements_may_be_their_own_values():
    """Then what they score and what they offer adds up to their gradient."""
    net = FILE.AttentionNetwork(FILE.Sizes(4, (5,), 2, 4, (6,), 1))
    x, wanted = draw(0, ROWS, ELEMENTS, 4), draw(1, ROWS, 2, 1)

    def loss(x):
        return FILE.squared_error(net.forward(x)[0], wanted)[0]

    y, trace = net.forward(x)
    slopes = net.backward(trace, FILE.squared_error(y, wanted)[1])
    step = np.zeros_like(x)
    step[1, 2, 3] = 1e-6
    numeric = (loss(x + step) - loss(x - step)) / 2e-6
    assert (slopes.inputs + slopes.values)[1, 2, 3] == pytest.approx(numeric, rel=1e-6)


def test_cross_entropy_is_torchs():
    y, classes = draw(0, 6, 3, 11) * 5, np.random.default_rng(0).integers(0, 11, (6, 3))
    loss, d = FILE.cross_entropy(y, classes)
    t = torch.from_numpy(y).requires_grad_()
    theirs = F.cross_entropy(t.flatten(0, 1), torch.from_numpy(classes).flatten())
    theirs.backward()
    assert loss == pytest.approx(theirs.item(), rel=1e-12)
    np.testing.assert_allclose(d, t.grad, rtol=1e-9, atol=1e-15)
    assert math.isfinite(FILE.cross_entropy(1e4 * y, classes)[0])


def test_adam_is_torchs():
    start, pulls = draw(0, 4, 3), draw(1, 25, 4, 3)
    weights = {"w": start.copy()}
    adam, theirs = FILE.Adam(weights, rate=0.01), torch.nn.Parameter(torch.from_numpy(start.copy()))
    torch_adam = torch.optim.Adam([theirs], 0.01)
    for pull in pulls:
        adam.step({"w": pull})
        theirs.grad = torch.from_numpy(pull)
        torch_adam.step()
    np.testing.assert_allclose(weights["w"], theirs.detach(), rtol=1e-12)


def test_the_examples_of_the_file_run():
    """One of them trains a network in NumPy alone."""
    failed, tried = doctest.testmod(registry.module("attention_network"))
    assert (failed, tried > 5) == (0, True)


# --- under a gate ---


def gates():
    rng = np.random.default_rng(0)
    B, S = ROWS, ELEMENTS
    bias = rng.normal(size=(B, S)).astype(np.float32)
    bias[:, 1] = -np.inf
    now = rng.random((B, S)).astype(np.float32)
    make = GateState.from_numpy
    return {
        "gain": make(gain=rng.uniform(0.3, 3, B).astype(np.float32)),
        "bias": make(bias=bias),
        "keep": make(keep=rng.random((B, S)) < 0.5),
        "shut": make(keep=np.zeros((B, S), bool)),
        "index": make(index=np.array([[4, 1, -1], [-1, -1, -1], [0, 2, 3]])),
        "times": make(t_on=now[::-1].copy(), t_off=now + 0.5, t_query=now),
        "share": make(share=rng.random(B).astype(np.float32)),
        "share_queries": make(share=rng.random((B, S, 1)).astype(np.float32)),
        "share_keys": make(share=rng.random((B, 1, S)).astype(np.float32)),
    }


@pytest.mark.parametrize("name", list(gates()))
def test_its_weights_are_those_of_gated_attention(name):
    """Scores as the product of unit queries and the scores as keys, beside a null key; five places of eight."""
    gate, there = gates()[name], torch.tensor(np.random.default_rng(1).random((ROWS, ELEMENTS)) < 0.9)
    net = FILE.AttentionNetwork(FILE.SIZES, "null", dtype=np.float32)
    x, values = (draw(i, ROWS, 8, n).astype(np.float32) for i, n in enumerate((136, 64)))
    _, trace = net.forward(x, values, FILE.limits_of(gate, there))
    scores = torch.from_numpy(net.score.forward(x)[0][:, :ELEMENTS, :ELEMENTS])
    k = F.pad(scores, (0, 0, 0, 1))[:, None]  # (B, 1, S + 1, L)
    q = torch.eye(ELEMENTS).expand(ROWS, 1, -1, -1)
    mask = F.pad(there, (0, 1), value=True)[:, None, None, :]
    _, theirs = gated_attention(
        q, k, torch.zeros_like(k), gate.with_null(ELEMENTS), attn_mask=mask, scale=1.0, need_weights=True
    )
    ours = trace.attention
    np.testing.assert_allclose(
        ours[:, :ELEMENTS, :ELEMENTS], theirs[:, 0, :, :ELEMENTS], rtol=1e-5, atol=1e-7
    )
    assert (ours[:, :, ELEMENTS:] == 0).all()  # places that the display lacks


def test_as_sigmoid_it_lets_through_what_let_through_does():
    net = FILE.AttentionNetwork(FILE.Sizes(3, (), 1, 3, (), 2), "sigmoid")
    x, keep = draw(0, ROWS, ELEMENTS, 3), np.random.default_rng(2).random((ROWS, ELEMENTS)) < 0.5
    _, trace = net.forward(x, limits=FILE.Limits(visible=keep[:, None]))
    logits = torch.from_numpy(net.score.forward(x)[0][..., 0])
    passed = let_through(torch.from_numpy(x), logits, GateState(keep=torch.from_numpy(keep)))
    np.testing.assert_allclose(trace.attention.swapaxes(1, 2) * x, passed, rtol=1e-12)


def test_plain_softmax_with_all_shut_gives_nothing_and_no_nan():
    net = FILE.AttentionNetwork(FILE.Sizes(3, (4,), 2, 3, (4,), 2))
    y, trace = net.forward(
        draw(0, ROWS, ELEMENTS, 3), limits=FILE.Limits(visible=np.zeros((ROWS, 1, ELEMENTS), bool))
    )
    slopes = net.backward(trace, np.ones_like(y))
    assert (trace.attention == 0).all()
    assert all(np.isfinite(g).all() for g in (y, *slopes.weights.values(), slopes.inputs))
    assert (slopes.inputs == 0).all()


# --- inside torch ---


def test_in_training_every_gradient_is_numpys(monkeypatch):
    """Halved there, they are halved in the module; and they are what torch's loss on the outputs asks for."""
    lesson = digits.lesson(0, batch=16)
    network = FILE.Reader()

    def grads(loss):
        network.zero_grad()
        loss.backward()
        return [x.grad.clone() for x in network.parameters()]

    by_loss = grads(network.loss(*lesson))
    pixels, present, answers = lesson
    by_output = grads(F.cross_entropy(network(pixels, present).flatten(0, 1), answers.flatten()))
    assert max(float(g.abs().max()) for g in by_loss) > 0.01
    for a, b in zip(by_loss, by_output, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-7)

    whole = FILE.AttentionNetwork.backward

    def half(self, trace, d):
        return whole(self, trace, d / 2)

    monkeypatch.setattr(FILE.AttentionNetwork, "backward", half)
    for a, b in zip(by_loss, grads(network.loss(*lesson)), strict=True):
        torch.testing.assert_close(b, a / 2)


def test_the_module_and_the_arrays_are_the_same_memory():
    network = FILE.Reader()
    with torch.no_grad():
        for x in network.parameters():
            x.add_(1.0)
    for name, x in network.named_parameters():
        assert np.shares_memory(network.numpy.weights[name], x.detach().numpy())
    network.to(torch.float64)  # no longer: the arrays are taken anew before each pass
    network(*digits.lesson(0, batch=2)[:2])
    assert network.numpy.weights["score_0_weight"].dtype == np.float64


def blas_threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_one_thread_or_two_give_the_same_bits():
    found = []
    for n in (1, 2):
        network = FILE.Reader()
        with threadpool_limits(n, "blas"):
            loss = network.loss(*digits.lesson(0))
            loss.backward()
            found.append(
                [loss.detach(), network.weigh(*digits.lesson(0)[:2]), *(x.grad for x in network.parameters())]
            )
            assert blas_threads() == {n}
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_whoever_leaves_first_does_not_open_the_threads_for_the_others():
    with threadpool_limits(2, "blas"):
        with FILE.ONE_THREAD:
            with FILE.ONE_THREAD:
                pass
            assert blas_threads() == {1}
        assert blas_threads() == {2}


# --- the door ---


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: FILE.Sizes(0, (), 1, 1, (), 1), "inputs must be a whole number"),
        (lambda: FILE.Sizes(1, (0,), 1, 1, (), 1), "each width of units must be"),
        (lambda: FILE.Sizes(1, (), 1, 1, (2, 1.5), 1), "each width of hidden must be"),
        (
            lambda: FILE.AttentionNetwork(FILE.Sizes(1, (), 1, 1, (), 1), "hardmax"),
            "attention must be one of",
        ),
        (lambda: FILE.AttentionNetwork(FILE.Sizes(1, (), 1, 1, (), 1), scored="tan"), "did you mean 'tanh'"),
        (
            lambda: FILE.AttentionNetwork(FILE.Sizes(2, (), 1, 2, (), 1)).forward(np.ones((1, 2, 3))),
            "x must be",
        ),
        (
            lambda: FILE.AttentionNetwork(FILE.Sizes(2, (), 1, 3, (), 1)).forward(np.ones((1, 2, 2))),
            "values must",
        ),
        (lambda: FILE.Adam({}, rate=0), "rate must be > 0"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(make, said):
    with pytest.raises(InputError, match=said):
        make()
