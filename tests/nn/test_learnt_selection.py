"""Selection that can be learnt: hard K winners, Plackett-Luce, and what each gradient through the choice is worth."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import stats

from cogattn.errors import InputError
from cogattn.laws import race
from cogattn.nn import gated_attention
from cogattn.nn.gate import TopK
from cogattn.nn.selection import (
    GRADIENTS,
    gumbel,
    order_log_prob,
    relaxed_topk,
    score_loss,
    select,
    straight_through,
)

N, K = 4, 2
LOGITS = np.array([0.7, -0.3, 0.2, -1.0])
ORDERS = list(itertools.permutations(range(N), K))
WORTH = np.array([1.0, 3.0, 0.5, 2.0])


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Small tensors gain nothing from a second thread, and wait for it where cores are shared."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def noise(rows, items=N, seed=0):
    u = torch.rand(rows, items, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return gumbel(u)


def cost(keep):
    """What a set costs: items are worth something, and the first two are worth less together."""
    return -(keep @ torch.as_tensor(WORTH)) + 1.5 * keep[:, 0] * keep[:, 1]


def keep_of(orders):
    return torch.zeros(len(orders), N, dtype=torch.float64).scatter(1, torch.tensor(orders), 1.0)


def mean_cost(logits):
    """Exact: every order, by the law of the race."""
    p = np.array([race.plackett_luce(order, np.exp(logits)) for order in ORDERS])
    return float(p @ cost(keep_of(ORDERS)).numpy())


def exact_gradient():
    """Central differences of the exact mean cost: no autograd, no sampling."""
    steps = 1e-5 * np.eye(N)
    return np.array([(mean_cost(LOGITS + h) - mean_cost(LOGITS - h)) / 2e-5 for h in steps])


def sampled(gradient, rows, temperature=0.5, seed=0):
    """The gradient that each of so many draws (for `score`: pairs of draws) gives, (rows, N)."""
    draws = 2 if gradient == "score" else 1
    logits = torch.tensor(LOGITS).expand(draws * rows, N).clone().requires_grad_()
    won = select(logits, K, gradient, noise(draws * rows, seed=seed), temperature)
    if gradient == "score":
        loss = score_loss(cost(won.keep).view(draws, -1), won.log_prob.view(draws, -1)) * draws * rows
    else:
        loss = cost(won.keep).sum()
    (g,) = torch.autograd.grad(loss, logits)
    return g.view(draws, rows, N).mean(0).numpy()


def z_of(draws, wanted):
    return (draws.mean(0) - wanted) / (draws.std(0) / math.sqrt(len(draws)))


# --- who wins ---


def test_the_log_probability_of_an_order_is_that_of_the_race():
    got = order_log_prob(torch.tensor(LOGITS).expand(len(ORDERS), N), torch.tensor(ORDERS)).exp().numpy()
    law = [race.plackett_luce(order, np.exp(LOGITS)) for order in ORDERS]
    np.testing.assert_allclose(got, law, rtol=1e-12)
    assert got.sum() == pytest.approx(1.0)


def test_winners_come_in_the_order_of_a_race():
    rows = 60_000
    won = select(torch.tensor(LOGITS).expand(rows, N), K, noise=noise(rows))
    counts = np.bincount(won.index.numpy() @ [N, 1], minlength=N * N)
    codes = [a * N + b for a, b in ORDERS]
    law = np.array([race.plackett_luce(order, np.exp(LOGITS)) for order in ORDERS])
    assert counts[codes].sum() == rows
    assert stats.chisquare(counts[codes], rows * law).pvalue > 1e-4
    assert torch.equal(won.log_prob, order_log_prob(torch.tensor(LOGITS).expand(rows, N), won.index))


@pytest.mark.parametrize("gradient", GRADIENTS)
def test_without_noise_the_heaviest_win(gradient):
    logits = torch.randn(50, 9, generator=torch.Generator().manual_seed(1))
    won = select(logits, 3, gradient)
    assert torch.equal(won.index, TopK(3)(logits).index)
    if gradient != "relaxed":
        assert torch.equal(won.keep.bool(), TopK(3)(logits).keep)
        assert set(won.keep.unique().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("gradient", GRADIENTS)
def test_where_there_is_no_item_nobody_wins_and_no_gradient_breaks(gradient):
    logits = torch.tensor([[0.3, -math.inf, 1.0, -math.inf], [0.3, 0.1, 1.0, -math.inf]], requires_grad=True)
    won = select(logits, 3, gradient, noise(2).float())
    assert won.index[0].tolist().count(-1) == 1
    assert (won.index[1] >= 0).all()
    assert won.keep[0, [1, 3]].tolist() == [0.0, 0.0]
    (g,) = torch.autograd.grad((won.keep * torch.arange(4.0)).sum() + won.log_prob.sum(), logits)
    assert g.isfinite().all()
    assert (g[logits.isinf()] == 0).all()
    assert g[1, :3].abs().min() > 0


# --- relaxed winners ---


def test_relaxed_winners_are_successive_softmaxes():
    scores = np.array([[1.0, 0.2, -0.5, 0.9, 0.0]])
    for k, t in ((1, 0.7), (3, 0.5), (4, 2.0)):
        left, wanted = scores.copy(), np.zeros_like(scores)
        for _ in range(k):
            p = np.exp(left / t) / np.exp(left / t).sum()
            wanted += p
            left = left + np.log(1 - p)
        got = relaxed_topk(torch.tensor(scores), k, t)
        np.testing.assert_allclose(got, wanted, rtol=1e-9)
        assert got.sum().item() == pytest.approx(k)


def test_relaxed_tends_to_hard_as_it_cools():
    scores = torch.randn(200, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    hard = select(scores, 3, "score").keep
    off = [
        (relaxed_topk(scores, 3, t) - hard).abs().max(1).values.mean().item()
        for t in (1.0, 0.3, 0.1, 0.01, 1e-4)
    ]
    assert off == sorted(off, reverse=True)
    assert off[-1] < 1e-3
    assert off[0] > 0.3


def test_a_warm_item_can_have_more_than_one_and_is_granted_one():
    scores = torch.tensor([[2.2, 0.0]])
    assert relaxed_topk(scores, 2, 1.0).max() > 1.2
    assert select(scores, 2, "relaxed", temperature=1.0).keep.max() == 1.0


def test_straight_through_is_hard_to_the_bit_and_slopes_as_if_it_were_soft():
    logits = torch.randn(20, 6, generator=torch.Generator().manual_seed(3), requires_grad=True)
    weight = torch.randn(20, 6, generator=torch.Generator().manual_seed(4))
    won = select(logits, 2, "straight_through", temperature=0.4)
    assert torch.equal(won.keep, select(logits, 2, "score").keep)
    (st,) = torch.autograd.grad((won.keep * weight).sum(), logits)
    (soft,) = torch.autograd.grad((relaxed_topk(logits, 2, 0.4) * weight).sum(), logits)
    assert torch.equal(st, soft)
    hard, slope = torch.tensor([0.1, 1.0]), torch.tensor([0.7, 1e-9], requires_grad=True)
    assert torch.equal(straight_through(hard, slope).detach(), hard)


# --- what the gradients are worth ---


def test_the_score_function_is_unbiased():
    """Its mean over draws is the exact gradient of the exact mean cost, and without sampling to the last digit."""
    wanted = exact_gradient()
    assert np.abs(z_of(sampled("score", 100_000), wanted)).max() < 4
    logits = torch.tensor(LOGITS)[None].requires_grad_()
    log_p = order_log_prob(logits.expand(len(ORDERS), N), torch.tensor(ORDERS))
    (g,) = torch.autograd.grad((log_p.detach().exp() * (cost(keep_of(ORDERS)) - 7.0) * log_p).sum(), logits)
    np.testing.assert_allclose(g[0], wanted, atol=1e-9)


def test_the_baseline_biases_nothing_and_calms():
    rows = 40_000
    logits = torch.tensor(LOGITS).expand(2 * rows, N).clone().requires_grad_()
    won = select(logits, K, "score", noise(2 * rows, seed=5))
    paid = cost(won.keep) + 10.0  # a constant that a baseline takes away
    (plain,) = torch.autograd.grad((paid.detach() * won.log_prob).sum(), logits, retain_graph=True)
    loss = score_loss(paid.view(2, -1), won.log_prob.view(2, -1)) * 2 * rows
    (calm,) = torch.autograd.grad(loss, logits)
    for g in (plain, calm):
        assert np.abs(z_of(g.view(2, rows, N).mean(0).numpy(), exact_gradient())).max() < 4.5
    assert calm.std() < 0.3 * plain.std()


@pytest.mark.parametrize("gradient", ["straight_through", "relaxed"])
def test_the_others_point_the_right_way_with_a_bias_that_grows_with_temperature(gradient):
    wanted, rows = exact_gradient(), 40_000
    found = {t: sampled(gradient, rows, t) for t in (0.05, 0.5, 1.0)}
    for draws in found.values():
        assert (np.sign(draws.mean(0)) == np.sign(wanted)).all()
        cosine = draws.mean(0) @ wanted / np.linalg.norm(draws.mean(0)) / np.linalg.norm(wanted)
        assert cosine > 0.98
    off = {t: np.linalg.norm(draws.mean(0) - wanted) / np.linalg.norm(wanted) for t, draws in found.items()}
    assert off[0.05] < 0.1 < off[0.5] < off[1.0] < 0.4
    assert np.abs(z_of(found[1.0], wanted)).max() > 20  # biased, not only noisy


def test_the_price_of_no_bias_is_noise():
    calm, unbiased = sampled("straight_through", 4000), sampled("score", 4000)
    assert unbiased.std(0).mean() > 1.5 * calm.std(0).mean()


@pytest.mark.parametrize("gradient", GRADIENTS)
def test_each_learns_which_items_to_keep(gradient):
    worth = torch.tensor([0.1, 1.0, 0.3, 2.0, 0.2, 1.5])
    logits = torch.zeros(1, 6, requires_grad=True)
    for step in range(80):
        won = select(logits.expand(32, 6), 3, gradient, noise(32, 6, seed=step).float())
        paid = -(won.keep * worth).sum(1)
        loss = score_loss(paid.view(2, -1), won.log_prob.view(2, -1)) if gradient == "score" else paid.mean()
        (g,) = torch.autograd.grad(loss, logits)
        logits = (logits - g).detach().requires_grad_()
    assert sorted(select(logits, 3).index[0].tolist()) == [1, 3, 5]


# --- in attention ---


def test_in_attention_losers_are_granted_nothing_and_learn_all_the_same():
    g = torch.Generator().manual_seed(6)
    q, k, v = (torch.randn(3, 2, 5, 4, generator=g) for _ in range(3))
    logits = torch.randn(3, 5, generator=g, requires_grad=True)
    won = select(logits, 2, "straight_through")
    out = gated_attention(q, k, v, won.gate())
    lost = won.keep.detach() == 0
    other = torch.where(lost[:, None, :, None], v + 100.0, v)
    assert torch.equal(out, gated_attention(q, k, other, won.gate()))
    (slope,) = torch.autograd.grad(out.square().sum(), logits)
    assert (slope[lost].abs() > 0).all()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda x: select(x, 5), "k must be a whole number from 1 to 4, got 5"),
        (lambda x: select(x, 0), "k must be a whole number from 1 to 4, got 0"),
        (lambda x: select(x, 2, "straight"), "gradient must be one of .* did you mean 'straight_through'"),
        (lambda x: select(x[0], 2), "logits must be a floating tensor"),
        (lambda x: select(x.long(), 2), "logits must be a floating tensor"),
        (lambda x: select(x, 2, noise=x[:, :2]), r"noise must be \(3, 4\) like logits, got \(3, 2\)"),
        (lambda x: select(x, 2, temperature=0.0), "temperature must be > 0"),
        (lambda x: score_loss(x[:1], x[:1]), "M >= 2 draws"),
        (lambda x: score_loss(x, x[:2]), "must both be"),
    ],
)
def test_what_cannot_be_selected_is_said_in_a_line(call, said):
    with pytest.raises(InputError, match=said):
        call(torch.zeros(3, 4))
