"""The store of K slots: the same step by step as in one pass, forgetting by the law, and never more than K."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cogattn.errors import InputError
from cogattn.nn import (
    MultiheadAttention,
    Plan,
    SlotCache,
    eviction_plan,
    gated_attention,
    leak,
    plan_from_events,
    remember,
)

INF = math.inf
POLICIES = ("random", "oldest", "weakest")


def qkv(batch, length, heads=3, groups=3, width=8, dtype=torch.float32, seed=0):
    g = torch.Generator().manual_seed(seed)
    shapes = [
        (batch, heads, length, width),
        (batch, groups, length, width),
        (batch, groups, length, width + 2),
    ]
    return [torch.randn(s, generator=g, dtype=dtype) for s in shapes]


def stepped(cache, q, k, v):
    steps = [cache.step(*(x[:, :, t : t + 1] for x in (q, k, v))) for t in range(q.shape[2])]
    return torch.cat(steps, 2)


def same_plan(a, b):
    return np.array_equal(a.slot, b.slot) and np.array_equal(a.alive, b.alive)


def random_events(batch, length, seed=0):
    """Items that enter late, early, never; that stay for ever, briefly, or are gone before the next looks."""
    r = np.random.default_rng(seed)
    onset = np.cumsum(0.1 + r.random((batch, length)), 1)
    encoded = onset + r.exponential(0.5, onset.shape)
    encoded[r.random(onset.shape) < 0.2] = r.choice([np.inf, np.nan])
    lost = encoded + r.exponential(2.0, onset.shape)
    lost[r.random(onset.shape) < 0.2] = r.choice([np.inf, np.nan])
    return encoded, lost, onset


# --- step by step is one pass ---------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("slots", [0, 1, 2.5, 4, 30])
@pytest.mark.parametrize("groups", [3, 1])
def test_step_by_step_is_one_pass_under_the_mask(policy, slots, groups):
    plan = eviction_plan(slots, 20, policy, seed=3, batch=5)
    q, k, v = qkv(5, 20, groups=groups)
    whole = gated_attention(q, k, v, attn_mask=plan.mask(), enable_gqa=True)
    torch.testing.assert_close(stepped(SlotCache(slots, plan), q, k, v), whole, rtol=0, atol=1e-6)


@given(st.integers(1, 4), st.integers(1, 15), st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_step_by_step_is_one_pass_for_any_events(batch, length, seed):
    plan = plan_from_events(*random_events(batch, length, seed))
    q, k, v = qkv(batch, length, dtype=torch.float64, seed=seed)
    whole = gated_attention(q, k, v, attn_mask=plan.mask())
    torch.testing.assert_close(stepped(SlotCache(INF, plan), q, k, v), whole, rtol=0, atol=1e-12)


def test_without_a_plan_it_is_plain_causal_attention():
    q, k, v = qkv(4, 12)
    plain = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    torch.testing.assert_close(stepped(SlotCache(INF), q, k, v), plain, rtol=0, atol=1e-6)


@pytest.mark.parametrize("policy", POLICIES)
def test_infinite_slots_lose_nothing(policy):
    plan = eviction_plan(INF, 12, policy, batch=4)
    assert np.array_equal(plan.alive, np.broadcast_to(np.tri(12, dtype=bool), (4, 12, 12)))
    assert np.array_equal(plan.slot, np.tile(np.arange(12), (4, 1)))
    q, k, v = qkv(4, 12)
    plain = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    assert torch.equal(gated_attention(q, k, v, attn_mask=plan.mask()), plain)


def test_never_more_than_k_rows_are_kept():
    plan, (q, k, v) = eviction_plan(3, 40, seed=1, batch=6), qkv(6, 40)
    cache = SlotCache(3, plan)
    for t in range(40):
        cache.step(*(x[:, :, t : t + 1] for x in (q, k, v)))
        assert cache.keys.shape == (6, 3, 3, 8)
        assert cache.values.shape == (6, 3, 3, 10)
        assert plan.alive[:, t].sum(1).max() <= 3 + 1  # and the item at hand


def test_what_is_displaced_is_really_gone():
    """After the step that displaced it, no number of an item is anywhere in the cache."""
    plan, (q, k, v) = eviction_plan(2, 10, "oldest", batch=1), qkv(1, 10)
    cache = SlotCache(2, plan)
    for t in range(10):
        cache.step(*(x[:, :, t : t + 1] for x in (q, k, v)))
        held = {s for s in range(10) if (cache.keys == k[:, :, s : s + 1]).all(3).any()}
        assert held == set(range(max(0, t - 1), t + 1))


def test_a_null_key_stands_outside_the_store():
    plan, (q, k, v) = eviction_plan(2, 9, seed=4, batch=3), qkv(3, 9)
    null = torch.zeros(1, 3, 1, 8), torch.ones(1, 3, 1, 10)
    k2, v2 = (torch.cat([x, y.expand(3, -1, -1, -1)], 2) for x, y in zip((k, v), null, strict=True))
    whole = gated_attention(q, k2, v2, attn_mask=F.pad(plan.mask(), (0, 1), value=True), scale=0.7)
    cache = SlotCache(2, plan, scale=0.7, null=null)
    torch.testing.assert_close(stepped(cache, q, k, v), whole, rtol=0, atol=1e-6)
    assert cache.keys.shape[2] == 2


def test_gradients_flow_through_the_steps():
    plan, x = eviction_plan(2, 8, seed=5, batch=2), [y.double().requires_grad_() for y in qkv(2, 8)]
    grads = []
    for out in (stepped(SlotCache(2, plan), *x), gated_attention(*x, attn_mask=plan.mask())):
        grads.append(torch.autograd.grad(out.square().sum(), x))
    for a, b in zip(*grads, strict=True):
        torch.testing.assert_close(a, b)


# --- who is displaced -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slots", [1, 2, 4, 7])
def test_random_displacement_keeps_by_the_law(slots):
    B, T = 4000, 24
    plan = eviction_plan(slots, T, "random", seed=11, batch=B)
    for lag in range(1, 9):
        held = plan.held(lag)[
            :, slots - 1 + lag :: lag + 3
        ]  # once the store is full; items apart from each other
        p = (1 - 1 / slots) ** (lag - 1)
        per_row = held.mean(1)
        if p in (0.0, 1.0):
            assert (per_row == p).all()
        else:
            z = (per_row.mean() - p) / (per_row.std() / math.sqrt(B))
            assert abs(z) < 4, (lag, z)


def test_a_fraction_of_a_slot_mixes_floor_and_ceiling():
    plan = eviction_plan(2.3, 12, seed=1, batch=20_000)
    most = plan.alive.sum(2).max(1) - 1  # held at once, without the item at hand
    assert set(np.unique(most)) == {2, 3}
    z = ((most == 3).mean() - 0.3) / math.sqrt(0.3 * 0.7 / 20_000)
    assert abs(z) < 4


@pytest.mark.parametrize("slots", [1, 3, 5])
def test_the_oldest_goes_first(slots):
    plan = eviction_plan(slots, 12, "oldest", batch=2)
    lag = np.arange(12)[:, None] - np.arange(12)
    assert np.array_equal(plan.alive[1], (lag >= 0) & (lag <= slots))


@pytest.mark.parametrize("ties", [False, True])
def test_the_weakest_goes_as_a_brute_force_says(ties):
    r, B, T, K = np.random.default_rng(2), 30, 15, 3
    strength = r.integers(0, 3, (B, T)).astype(float) if ties else r.normal(size=(B, T))
    plan = eviction_plan(K, T, "weakest", batch=B, strength=strength)
    for b in range(B):
        held: list[int] = []
        for t in range(T):
            assert np.flatnonzero(plan.alive[b, t]).tolist() == sorted([*held, t])
            if len(held) == K:
                held.remove(min(held, key=lambda s: (strength[b, s], s)))
            held.append(t)


def test_strengths_are_drawn_if_none_are_given():
    plan = eviction_plan(2, 30, "weakest", seed=5, batch=50)
    assert not same_plan(plan, eviction_plan(2, 30, "random", seed=5, batch=50))
    assert not same_plan(plan, eviction_plan(2, 30, "oldest", seed=5, batch=50))
    assert plan.alive[:, -1, :-3].any()  # something strong outlasts the last


# --- chance is spent beforehand, by address ---------------------------------------------------------------------


@pytest.mark.parametrize("policy", POLICIES)
def test_the_same_seed_is_the_same_plan(policy):
    one, two = (eviction_plan(2.5, 20, policy, seed=9, batch=40) for _ in range(2))
    assert same_plan(one, two)
    if policy != "oldest":
        assert not same_plan(one, eviction_plan(2.5, 20, policy, seed=10, batch=40))


@pytest.mark.parametrize("policy", POLICIES)
def test_a_sequence_has_its_own_fate_in_any_batch_and_any_length(policy):
    every = eviction_plan(2.5, 20, policy, seed=9, batch=40)
    some = eviction_plan(2.5, 20, policy, seed=9, batch=[17, 3, 30])
    assert same_plan(some, every[[17, 3, 30]])
    short = eviction_plan(2.5, 12, policy, seed=9, batch=40)
    assert np.array_equal(short.alive, every.alive[:, :12, :12])


def test_a_plan_made_of_events():
    onset = np.arange(5.0)
    encoded = np.array([[0.2, 2.0, np.inf, 3.5, np.nan]])
    lost = np.array([[1.0, np.inf, np.nan, 9.0, 9.0]])
    plan = plan_from_events(encoded, lost, onset)
    expected = np.eye(
        5, dtype=bool
    )  # 0 is lost at the very moment at which 1 comes: not found; 1 is in when 2 comes
    expected[2:, 1] = expected[4, 3] = True
    assert np.array_equal(plan.alive[0], expected)
    assert plan.slot.tolist() == [[-1, 0, -1, 1, -1]]
    assert plan.slots == 2


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("slots", [1, 2.5, 5])
def test_the_events_of_a_store_make_the_plan_of_that_store(policy, slots):
    """Each item enters shortly after it was compared, and the item it displaces leaves at that moment."""
    plan, onset = eviction_plan(slots, 20, policy, seed=6, batch=30), np.arange(20.0)
    encoded, lost = np.tile(onset + 0.3, (30, 1)), np.full((30, 20), np.inf)
    for b in range(30):
        for s in range(20):
            later = np.flatnonzero(plan.slot[b, s + 1 :] == plan.slot[b, s])
            lost[b, s] = onset[s + 1 + later[0]] + 0.3 if len(later) else np.inf
    again = plan_from_events(encoded, lost, onset)
    assert np.array_equal(again.alive, plan.alive)
    assert again.slots == math.ceil(slots)  # and no row more


def test_events_are_read_as_they_are_defined():
    encoded, lost, onset = random_events(20, 12, seed=3)
    plan = plan_from_events(encoded, lost, onset)
    for b in range(20):
        for t in range(12):
            for s in range(12):
                inside = encoded[b, s] <= onset[b, t] and not lost[b, s] <= onset[b, t]
                assert plan.alive[b, t, s] == (s == t or (s < t and inside))


def test_held_is_the_diagonal():
    plan = eviction_plan(2, 10, seed=3, batch=7)
    for lag in (0, 1, 4, 9, 10, 50):
        expected = [[t >= lag and plan.alive[b, t, t - lag] for t in range(10)] for b in range(7)]
        assert np.array_equal(plan.held(lag), expected)


# --- on a network -----------------------------------------------------------------------------------------------


def encoder(layers=2, ours=False):
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(16, 4, 32, dropout=0.0, batch_first=True)
    model = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False).eval()
    if ours:
        for block in model.layers:
            mine = MultiheadAttention(16, 4, batch_first=True)
            mine.load_state_dict(block.self_attn.state_dict())
            block.self_attn = mine.eval()
    return model


def by_hand(model, x, masks):
    """The encoder with its own mask (B, T, T), True = may look, at each layer."""
    for block, mask in zip(model.layers, masks, strict=True):
        forbidden = None if mask is None else ~mask.repeat_interleave(4, 0)
        x = block.norm1(x + block.self_attn(x, x, x, attn_mask=forbidden, need_weights=False)[0])
        x = block.norm2(x + block.linear2(torch.relu(block.linear1(x))))
    return x


@pytest.mark.parametrize("ours", [False, True])
@pytest.mark.parametrize("grad", [False, True])
@pytest.mark.parametrize(("layers", "which"), [(-1, {1}), ("all", {0, 1}), ([0], {0})])
def test_remember_puts_the_plan_on_these_layers_alone(ours, grad, layers, which):
    model, x, plan = encoder(ours=ours), torch.randn(3, 7, 16), eviction_plan(2, 7, seed=1, batch=3)
    with torch.set_grad_enabled(grad):
        before = model(x)
        with remember(model, plan, layers) as chosen:
            assert len(chosen) == len(which)
            under = model(x)
        mask = plan.mask()[:, 0]
        torch.testing.assert_close(under, by_hand(model, x, [mask if i in which else None for i in (0, 1)]))
        assert not torch.allclose(under, before)
        assert torch.equal(model(x), before)


def test_remember_joins_the_masks_of_the_caller():
    torch.manual_seed(0)
    layer, plan = MultiheadAttention(16, 4, batch_first=True).eval(), eviction_plan(3, 6, seed=1, batch=2)
    x, own = torch.randn(2, 6, 16), ~torch.eye(6, dtype=torch.bool).roll(-1, 0)  # all but the last item
    both = (plan.mask()[:, 0] & own | torch.eye(6, dtype=torch.bool)).repeat_interleave(4, 0)
    expected = layer(x, x, x, attn_mask=~both, need_weights=False)[0]
    forbidden = ~(own | torch.eye(6, dtype=torch.bool))
    for mask in (forbidden, torch.zeros(6, 6).masked_fill(forbidden, -INF)):
        with remember(layer, plan):
            got = layer(x, x, x, attn_mask=mask, need_weights=False)[0]
        torch.testing.assert_close(got, expected)


def test_the_layer_and_the_cache_are_one():
    """A layer of a network under a plan, and its own projections through the cache, step by step."""
    torch.manual_seed(0)
    layer, plan = MultiheadAttention(16, 4, batch_first=True).eval(), eviction_plan(2, 9, seed=1, batch=2)
    x = torch.randn(2, 9, 16)
    with remember(layer, plan), torch.no_grad():
        batched = layer(x, x, x, need_weights=False)[0]
    q, k, v = layer.project(x, x, x)
    torch.testing.assert_close(layer._merge_heads(stepped(SlotCache(2, plan), q, k, v), False), batched)


def test_no_plan_limits_nothing():
    model, x = encoder(), torch.randn(3, 7, 16)
    with torch.no_grad():
        before = model(x)
        with remember(model, None):
            assert torch.equal(model(x), before)


def test_the_layers_are_free_again_after_an_error():
    model, plan = encoder(), eviction_plan(2, 7, batch=3)
    with pytest.raises(RuntimeError, match="on purpose"), remember(model, plan, "all"):
        raise RuntimeError("on purpose")
    assert not any(m._forward_pre_hooks for m in model.modules() if type(m) is nn.MultiheadAttention)


# --- does it know more than its memory holds? -------------------------------------------------------------------


def coins(batch=600, length=16, lag=3, seed=0):
    """Answers that nothing but the item `lag` back tells, a plan, and what is held."""
    targets = np.random.default_rng(seed).integers(0, 2, (batch, length))
    targets[:, :lag] = -1
    return targets, eviction_plan(2, length, seed=seed, batch=batch)


def ideal(targets, plan, lag=3, unknown=True, seed=1):
    guess = -1 if unknown else np.random.default_rng(seed).integers(0, 2, targets.shape)
    return np.where(plan.held(lag), targets, guess)


@pytest.mark.parametrize("unknown", [True, False])
def test_who_knows_what_is_held_and_guesses_else_does_not_leak(unknown):
    targets, plan = coins()
    found = leak(lambda x, plan: ideal(x, plan, unknown=unknown), (targets, targets), plan, needed=3)
    assert not found.leaks
    assert abs(found.z) < 4
    assert found.accuracy == pytest.approx(found.bound, abs=0.01)
    assert found.lost == pytest.approx(0.5, abs=0.02)
    held = plan.held(3)[:, 3:].mean()
    assert found.bound == pytest.approx(held + (1 - held) / 2, abs=0.01)
    assert "nothing leaks" in found.words


def test_who_is_told_the_answer_leaks():
    targets, plan = coins()
    found = leak(lambda x, plan: x, lambda: (targets, targets), plan, needed=3)
    assert found.leaks
    assert found.accuracy == 1.0
    assert found.excess > 0.3
    assert found.z > 20
    assert "it knows what its memory has lost" in found.words


def test_a_leak_shows_even_where_errors_hide_it():
    """Wrong on a fifth of what is held, right on half of what is lost beyond guessing: below the bound, and a leak."""
    targets, plan = coins(batch=2000, lag=1)
    lost = np.random.default_rng(3).random(targets.shape) < 0.3
    which = np.where(lost, -1, np.arange(16))  # the needed item: itself, or one that is not there
    alive = plan.alive.copy()
    needed = np.where(which < 0, np.roll(np.arange(16), 1), which)
    alive[:, np.arange(1, 16), np.arange(15)] &= ~lost[:, 1:]
    plan = Plan(plan.slot, alive)
    r = np.random.default_rng(4).random(targets.shape)
    answers = np.where(
        lost, np.where(r < 0.75, targets, 1 - targets), np.where(r < 0.8, targets, 1 - targets)
    )
    found = leak(lambda x, plan: answers, (targets, targets), plan, needed=needed)
    assert found.excess < 0
    assert found.lost == pytest.approx(0.75, abs=0.02)
    assert found.leaks


def test_a_bound_of_the_callers_own():
    targets, plan = coins()
    known = leak(lambda x, plan: ideal(x, plan), (targets, targets), plan, needed=3)
    assert not leak(lambda x, plan: ideal(x, plan), (targets, targets), plan, known.bound).leaks
    low = leak(lambda x, plan: ideal(x, plan), (targets, targets), plan, known.bound - 0.05)
    assert low.leaks
    assert math.isnan(low.lost)


class Echo(nn.Module):
    """Two layers of attention by hand: the first copies each item's bit into its successor, the second reads it there.

    Weights of 1 on one relative place each: what a trained network would have to find.
    """

    def __init__(self, length):
        super().__init__()
        self.a, self.b = (
            nn.MultiheadAttention(length + 2, 1, bias=False, batch_first=True) for _ in range(2)
        )
        self.length = length
        self.dropout = nn.Dropout(0.5)  # does nothing while it is measured
        back = torch.zeros(length + 2, length + 2)
        back[torch.arange(length - 1), torch.arange(1, length)] = (
            100.0  # the query of t is the place of t - 1
        )
        for layer, source, goal in ((self.a, 0, 1), (self.b, 1, 0)):
            value = torch.zeros(length + 2, length + 2)
            value[length + goal, length + source] = 1.0
            layer.in_proj_weight.data = torch.cat([back, torch.eye(length + 2), value])
            layer.out_proj.weight.data = torch.eye(length + 2)

    def forward(self, bits):
        places = torch.eye(self.length).expand(len(bits), -1, -1)
        x = torch.cat([places, bits[:, :, None].float(), torch.zeros(*bits.shape, 1)], 2)
        copied = x + self.a(x, x, x)[0]
        two_back = self.b(copied, copied, copied)[0][..., -2]
        return self.dropout(torch.stack([0.5 - two_back, two_back - 0.5], -1))


def test_a_deep_network_carries_items_past_its_memory_and_leak_says_so():
    """One slot: the item two back is always lost, and two layers that each look one back know it all the same."""
    bits = np.random.default_rng(0).integers(0, 2, (300, 10))
    targets = np.roll(bits, 2, 1)
    targets[:, :2] = -1
    plan, model = eviction_plan(1, 10, batch=300), Echo(10)
    found = leak(model, (torch.from_numpy(bits), targets), plan, needed=2, layers="all")
    assert found.leaks
    assert found.accuracy == 1.0
    assert found.bound == pytest.approx(0.5, abs=0.03)
    assert model.training


# --- what cannot be used ----------------------------------------------------------------------------------------


def test_slots_that_cannot_be():
    plan, (q, k, v) = eviction_plan(3, 5, batch=2), qkv(2, 5)
    with pytest.raises(InputError, match="slots must be inf where there is no plan"):
        SlotCache(3)
    with pytest.raises(InputError, match="slots must be at least 3"):
        SlotCache(2, plan)
    with pytest.raises(InputError, match="q must be one step"):
        SlotCache(3, plan).step(q, k, v)
    with pytest.raises(InputError, match="2 sequences of 5 steps, got 1 at step 0"):
        SlotCache(3, plan).step(q[:1, :, :1], k[:1, :, :1], v[:1, :, :1])
    cache = SlotCache(3, plan)
    stepped(cache, q, k, v)
    with pytest.raises(InputError, match="got 2 at step 5"):
        cache.step(q[:, :, :1], k[:, :, :1], v[:, :, :1])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"slots": -1}, "slots must be"),
        ({"slots": math.nan}, "slots must be"),
        ({"length": 0}, "length must be"),
        ({"policy": "strongest"}, "policy must be one of random, oldest, weakest"),
        ({"seed": -1}, "seed must be"),
        ({"batch": 0}, "batch must be"),
        ({"batch": [0.5]}, "batch must be"),
        ({"batch": [-1]}, "batch must be"),
        ({"strength": np.ones((1, 6))}, "only where policy is 'weakest'"),
        ({"policy": "weakest", "strength": np.ones((2, 6))}, r"strength must be numbers of shape .*\(1, 6\)"),
        ({"policy": "weakest", "strength": np.full((1, 6), np.nan)}, "strength must be numbers"),
    ],
)
def test_plans_that_cannot_be_drawn(change, said):
    with pytest.raises(InputError, match=said):
        eviction_plan(**({"slots": 2, "length": 6} | change))


def test_plans_that_contradict_themselves():
    slot, alive = np.array([[0, 0, 0]]), np.eye(3, dtype=bool)[None]
    Plan(slot, alive)
    for i, j, said in ((0, 1, "false above"), (2, 0, "whose slot was taken since")):
        bad = alive.copy()
        bad[0, i, j] = True
        with pytest.raises(InputError, match=said):
            Plan(slot, bad)
    with pytest.raises(InputError, match="true on the diagonal"):
        Plan(slot, np.zeros_like(alive))
    with pytest.raises(InputError, match=r"slot must be an array \(B, T\) of int64"):
        Plan(slot.astype(float), alive)
    with pytest.raises(InputError, match=r"alive must be an array \(B, T, T\)"):
        Plan(slot, alive[0])
    with pytest.raises(InputError, match="slot must be -1"):
        Plan(slot - 2, alive)


@pytest.mark.parametrize(
    ("encoded", "lost", "onset", "said"),
    [
        (np.zeros(3), np.zeros(3), np.arange(3), "encoded and lost must both be"),
        (np.zeros((1, 3)), np.zeros((1, 2)), np.arange(3), "encoded and lost must both be"),
        (np.zeros((1, 3)), np.zeros((1, 3)), np.arange(4), "onset must be"),
        (np.zeros((1, 3)), np.zeros((1, 3)), np.array([0, 2, 1]), "rise from item to item"),
        (np.zeros((1, 3)), np.zeros((1, 3)), np.array([0, 1, np.nan]), "rise from item to item"),
    ],
)
def test_events_that_cannot_be(encoded, lost, onset, said):
    with pytest.raises(InputError, match=said):
        plan_from_events(encoded, lost, onset)


def test_networks_that_cannot_remember():
    plan = eviction_plan(2, 5, batch=2)
    with pytest.raises(InputError, match="Linear has none"), remember(nn.Linear(2, 2), plan):
        pass
    with pytest.raises(InputError, match="within 0 to 1"), remember(encoder(), plan, 2):
        pass
    with pytest.raises(InputError, match="layers must be one of all"), remember(encoder(), plan, "last"):
        pass
    model = encoder()
    with remember(model, plan), pytest.raises(InputError, match=r"as the plan, got \(3, 7\)"):
        model(torch.randn(3, 7, 16))
    with remember(model, plan), pytest.raises(InputError, match="with a batch axis"):
        model(torch.randn(7, 16))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"needed": None}, "give bound"),
        ({"bound": 1.5}, "bound must be"),
        ({"batch": (0, np.zeros((3, 4), int))}, "targets must be"),
        ({"batch": (0, np.zeros((2, 5)))}, "targets must be whole numbers"),
        ({"batch": (0, np.full((2, 5), -1))}, "something to score"),
        ({"model": lambda x, plan: np.zeros((2, 4), int)}, "answers must be"),
        ({"model": lambda x, plan: np.zeros((2, 5))}, "answers must be whole numbers"),
        ({"needed": np.zeros((2, 4), int)}, "needed must be"),
        ({"needed": np.full((2, 5), 5)}, "needed must be"),
    ],
)
def test_leaks_that_cannot_be_measured(change, said):
    plan = eviction_plan(2, 5, batch=2)
    right = {
        "model": lambda x, plan: np.zeros((2, 5), int),
        "batch": (0, np.zeros((2, 5), int)),
        "plan": plan,
        "needed": 1,
    }
    with pytest.raises(InputError, match=said):
        leak(**(right | change))
