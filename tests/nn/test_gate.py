"""The gate and the policies that emit it: what they hold, what they refuse, how they join."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils import _pytree as pytree

from cogattn.errors import InputError
from cogattn.nn import gate as gate_module
from cogattn.nn.gate import POLICIES, Compose, GateState, Lapse, Policy, Race, Slots, Soft, TopK

B, H, L, S, K = 3, 2, 5, 7, 2


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def full_gate():
    return GateState(
        gain=torch.ones(B),
        bias=torch.zeros(B, H, S),
        keep=torch.ones(B, S, dtype=torch.bool),
        index=torch.zeros(B, K, dtype=torch.int64),
        t_on=torch.zeros(B, S),
        t_off=torch.ones(B, S),
        t_query=torch.zeros(B, L),
        share=torch.ones(B),
    )


def one_line(caught):
    return "\n" not in str(caught.value)


# --- GateState --------------------------------------------------------------------------------------------


def test_an_empty_gate_is_the_identity_and_any_limit_is_not():
    assert GateState().is_identity
    assert GateState(t_query=torch.zeros(B, L)).is_identity
    for name in ("gain", "bias", "keep", "index", "t_on", "t_off", "share"):
        assert not GateState(**{name: getattr(full_gate(), name)}).is_identity


@pytest.mark.parametrize("closed", [False, True])
def test_new_keys_are_open_or_closed_and_the_old_ones_as_they_were(closed):
    g = seeded()
    gate = GateState(
        gain=torch.rand(B, generator=g),
        bias=torch.randn(B, H, S, generator=g),
        keep=torch.rand(B, S, generator=g) < 0.7,
        index=torch.stack([torch.randperm(S, generator=g)[:K] for _ in range(B)]),
        t_on=torch.rand(B, S, generator=g),
        t_off=torch.rand(B, S, generator=g) + 0.5,
        t_query=torch.rand(B, L, generator=g),
        share=torch.rand(B, 1, S, generator=g),
    )
    grown, new = gate.grow(S + 3, closed=closed), -math.inf if closed else 0.0
    expected = torch.nn.functional.pad(gate.as_mask(S), (0, 3), value=new)
    assert torch.equal(grown.as_mask(S + 3), expected)
    assert torch.equal(grown.share, torch.nn.functional.pad(gate.share, (0, 3), value=1.0))
    assert torch.equal(grown.gain, gate.gain)
    assert gate.grow(S) is gate


def test_a_gate_on_rows_has_no_keys_to_grow_and_an_index_alone_does_not_know_its_keys():
    rows = GateState(gain=torch.ones(B), share=torch.ones(B, L, 1))
    assert rows.grow(99, closed=True) is rows
    assert not rows.on_keys
    index = GateState(index=torch.zeros(B, K, dtype=torch.int64))
    assert index.on_keys
    with pytest.raises(InputError, match=r"give gate\.keep"):
        index.grow(S)
    bias = GateState(bias=torch.zeros(B, S)).grow(S + 1, closed=True)
    assert torch.equal(bias.keep, torch.arange(S + 1).expand(B, -1) < S)


def test_rows_are_repeated_next_to_each_other():
    gate = GateState(gain=torch.arange(3.0), keep=torch.eye(3, S, dtype=torch.bool))
    assert gate.repeat(2).gain.tolist() == [0, 0, 1, 1, 2, 2]
    assert torch.equal(gate.repeat(2).keep[1::2], gate.keep)
    assert gate.repeat(2).rows == 6
    assert GateState().rows is None


def test_a_gate_is_frozen():
    with pytest.raises(AttributeError):
        full_gate().keep = None


def test_a_gate_is_a_pytree_and_none_stays_none():
    gate = GateState(keep=torch.ones(B, S, dtype=torch.bool), share=torch.ones(B))
    leaves, spec = pytree.tree_flatten(gate)
    assert len(leaves) == 2
    back = pytree.tree_unflatten(leaves, spec)
    assert back.keep is gate.keep
    assert back.bias is None
    shapes = pytree.tree_map(lambda x: tuple(x.shape), gate)
    assert (shapes.keep, shapes.share) == ((B, S), (B,))


def test_a_gate_runs_through_vmap():
    stack = GateState(bias=torch.randn(4, B, S), keep=torch.rand(4, B, S) < 0.5)
    masks = torch.vmap(lambda gate: gate.as_mask(S))(stack)
    expected = torch.stack([stack[t].as_mask(S) for t in range(4)])
    assert torch.equal(masks, expected)


def test_to_changes_precision_of_limits_but_never_of_seconds():
    gate = full_gate().to(dtype=torch.bfloat16)
    assert gate.gain.dtype == gate.bias.dtype == gate.share.dtype == torch.bfloat16
    assert gate.t_on.dtype == gate.t_query.dtype == torch.float32
    assert (gate.keep.dtype, gate.index.dtype) == (torch.bool, torch.int64)
    with pytest.raises(InputError, match="dtype must be a floating type"):
        full_gate().to(dtype=torch.int32)


def test_a_schedule_is_indexed_by_time_and_a_batch_by_rows():
    keep = torch.rand(4, B, S) < 0.5
    schedule = GateState(keep=keep, share=torch.rand(4, B))
    now = schedule[2]
    now.validate(B, H, L, S)
    assert torch.equal(now.keep, keep[2])
    assert now.keep.data_ptr() == keep[2].data_ptr()
    assert full_gate()[1:].gain.shape == (B - 1,)


def test_one_observers_gate_serves_a_batch():
    full_gate()[:1].expand(8).validate(8, H, L, S)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("keep", [[True]], "gate.keep must be a tensor (B, S), got list"),
        ("keep", torch.ones(B, S), "gate.keep must be of bool type, got torch.float32"),
        ("index", torch.zeros(B, K).int(), "gate.index must be of int64 type, got torch.int32"),
        ("gain", torch.ones(B).long(), "gate.gain must be of floating type, got torch.int64"),
        ("keep", torch.ones(S, dtype=torch.bool), "gate.keep must be (B, S), perhaps with time first"),
        ("share", torch.tensor(1.0), "gate.share must be (B,)"),
        ("bias", torch.zeros(1, 1, 1, 1, 1), "gate.bias must be (B, S) or (B, H, S)"),
    ],
)
def test_construction_refuses_what_cannot_be_a_field(field, value, message):
    with pytest.raises(InputError) as caught:
        GateState(**{field: value})
    assert message in str(caught.value)
    assert one_line(caught)


@given(
    st.sampled_from(["gain", "bias", "keep", "t_on", "t_off", "t_query"]),
    st.integers(1, 9),
    st.integers(1, 9),
)
@settings(max_examples=60, deadline=None)
def test_validate_accepts_the_right_shape_and_no_other(name, rows, columns):
    gate = full_gate()
    x = getattr(gate, name)
    shape = (rows, columns) if name != "bias" else (rows, H, columns)
    new = torch.zeros(shape, dtype=x.dtype)
    wrong = GateState(**{name: new}, **({} if name == "t_query" else {"t_query": gate.t_query}))
    fits = {"gain": (B, H), "bias": (B, H, S), "t_query": (B, L)}.get(name, (B, S))
    if shape == fits:
        wrong.validate(B, H, L, S)
        return
    with pytest.raises(InputError, match=rf"gate.{name} must be .* got \({rows}") as caught:
        wrong.validate(B, H, L, S)
    assert one_line(caught)


def test_a_full_gate_is_valid_and_checked():
    full_gate().validate(B, H, L, S)
    gate = full_gate()
    assert GateState(keep=gate.keep, share=gate.share, gain=gate.gain).check() is not None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"share": torch.tensor([0.5, 1.5])}, "gate.share must be in [0, 1], got 1.5"),
        ({"share": torch.tensor([-0.5, 1.0])}, "gate.share must be in [0, 1], got -0.5"),
        ({"gain": torch.tensor([-1.0])}, "gate.gain must be in [0, inf), got -1"),
        ({"gain": torch.tensor([math.inf])}, "gate.gain must be in [0, inf), got inf"),
        ({"bias": torch.tensor([[math.inf]])}, "gate.bias must be in [-inf, inf), got inf"),
        ({"bias": torch.tensor([[math.nan]])}, "gate.bias must be a number everywhere, got NaN"),
        ({"t_on": torch.tensor([[math.nan]])}, "gate.t_on must be a number everywhere, got NaN"),
        ({"index": torch.tensor([[0, -2]])}, "gate.index must be in [-1, the number of keys)"),
        ({"index": torch.tensor([[3, 3]])}, "gate.index must list a key once per row, got 3 twice"),
        ({"index": torch.tensor([[4]]), "keep": torch.ones(1, 4, dtype=torch.bool)}, "in [-1, 4)"),
    ],
)
def test_check_looks_at_values(fields, message):
    with pytest.raises(InputError) as caught:
        GateState(**fields).check()
    assert message in str(caught.value)
    assert one_line(caught)


def test_check_passes_what_is_allowed():
    GateState(
        bias=torch.tensor([[-math.inf, 0.0]]),
        index=torch.tensor([[-1, 1, -1]]),
        share=torch.tensor([0.0]),
        t_off=torch.tensor([[math.inf, 1.0]]),
        t_query=torch.zeros(1, 1),
    ).check()


def test_share_of_two_axes_belongs_to_whoever_has_that_length():
    query, key = GateState(share=torch.rand(B, L)), GateState(share=torch.rand(B, S))
    assert query.granted(L, S)[0].shape == (B, L, 1)
    assert query.granted(L, S)[1] is None
    assert key.granted(L, S)[1].shape == (B, 1, S)
    assert key.granted(L, S)[0] is None
    assert GateState(share=torch.rand(B, 1)).granted(1, 1)[0].shape == (B, 1, 1)
    with pytest.raises(InputError, match="could mean queries or keys, for both are 7"):
        key.validate(B, H, S, S)


def test_mask_stays_on_the_keys_unless_times_ask_for_queries():
    keep, index = torch.ones(B, S, dtype=torch.bool), torch.tensor([[0, 2]] * B)
    assert GateState().as_mask(S) is None
    assert GateState(gain=torch.ones(B), share=torch.ones(B)).as_mask(S) is None
    assert GateState(keep=keep).as_mask(S).shape == (B, 1, 1, S)
    assert GateState(index=index).as_mask(S)[0, 0, 0].tolist() == [True, False, True] + [False] * 4
    assert GateState(bias=torch.zeros(B, H, S)).as_mask(S).shape == (B, H, 1, S)
    timed = GateState(t_on=torch.zeros(B, S), t_query=torch.zeros(B, L))
    assert timed.as_mask(S).shape == (B, 1, L, S)


def test_a_key_is_visible_from_its_onset_until_before_its_offset():
    gate = GateState(
        t_on=torch.tensor([[1.0]]), t_off=torch.tensor([[2.0]]), t_query=torch.tensor([[0.9, 1.0, 1.9, 2.0]])
    )
    assert gate.visible(1).flatten().tolist() == [False, True, True, False]


@pytest.mark.parametrize("shape", [(B,), (B, L), (B, S), (B, L, 1), (B, 1, S)])
def test_a_part_of_a_gate_limits_its_part_as_the_whole_does(shape):
    g = seeded()
    gate = GateState(
        bias=torch.randn(B, H, S, generator=g),
        keep=torch.rand(B, S, generator=g) < 0.7,
        index=torch.tensor([[0, 3, 5, -1], [6, 2, 4, 3], [-1, -1, -1, -1]]),
        t_on=torch.rand(B, S, generator=g),
        t_off=torch.rand(B, S, generator=g) + 0.5,
        t_query=torch.linspace(0, 1.5, L).expand(B, L),
        share=torch.rand(shape, generator=g),
    )
    some, near = slice(1, 4), slice(2, 6)
    part = gate.part(some, near, (L, S))
    part.validate(B, H, 3, 4)
    assert torch.equal(part.as_mask(4), gate.as_mask(S)[..., some, near])
    granted = torch.ones(B, L, S)
    for share in gate.granted(L, S):
        granted = granted if share is None else granted * share
    now = torch.ones(B, 3, 4)
    for share in part.granted(3, 4):
        now = now if share is None else now * share
    assert torch.equal(now, granted[:, some, near])


def test_gates_join_by_product_sum_and_intersection():
    a = GateState(gain=torch.tensor([2.0]), bias=torch.tensor([[1.0, 0.0]]), share=torch.tensor([0.5]))
    b = GateState(
        gain=torch.tensor([[3.0, 4.0]]), bias=torch.ones(1, 2, 2), share=torch.tensor([[[0.5, 1.0]]])
    )
    both = a.then(b)
    assert both.gain.tolist() == [[6.0, 8.0]]
    assert both.bias.tolist() == [[[2.0, 1.0], [2.0, 1.0]]]
    assert both.share.tolist() == [[[0.25, 0.5]]]
    early, late = GateState(index=torch.tensor([[4, 1, 2]])), GateState(index=torch.tensor([[1, 3]]))
    assert early.then(late).index.tolist() == [[1, -1]]
    assert a.then(GateState()).gain is a.gain


# --- from the mind's events -------------------------------------------------------------------------------


def test_events_become_keep_and_index_in_order_of_finishing():
    stored = np.array([[True, False, True], [False, False, False]])
    finish = np.array([[0.3, 0.2, 0.1], [np.inf, 0.5, np.inf]])
    gate = GateState.from_events(stored, finish)
    assert gate.keep.tolist() == stored.tolist()
    assert gate.index.tolist() == [[2, 0], [-1, -1]]
    assert GateState.from_events(stored).index.tolist() == [[0, 2], [-1, -1]]
    assert GateState.from_events(stored, finish, slots=4).index.tolist() == [[2, 0, -1, -1], [-1] * 4]
    assert GateState.from_events(np.zeros((2, 3), bool)).index.tolist() == [[-1], [-1]]


def test_a_race_told_as_events_is_the_same_gate():
    gate, times = Race(50.0, 3, 0.01).play(torch.randn(20, S), exposure=0.1, generator=seeded())
    told = GateState.from_events(gate.keep.numpy(), times.numpy(), slots=3)
    assert torch.equal(told.keep, gate.keep)
    assert torch.equal(told.index, gate.index)


def test_arrays_become_fields():
    gate = GateState.from_numpy(bias=np.zeros((B, S)), index=np.zeros((B, 1), np.int32), share=None)
    assert (gate.bias.dtype, gate.index.dtype, gate.share) == (torch.float32, torch.int64, None)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: GateState.from_events(np.ones((2, 3))), "stored must be a (B, S) array of bool"),
        (lambda: GateState.from_events(np.ones((2, 3), bool), np.ones((2, 2))), "finish must be (2, 3)"),
        (lambda: GateState.from_events(np.ones((1, 2), bool), [[0.1, np.nan]]), "without NaN"),
        (lambda: GateState.from_events(np.ones((2, 3), bool), slots=2), "slots must be at least 3"),
        (lambda: GateState.from_numpy(keeps=np.ones(3)), "fields must be among gain, bias"),
        (lambda: GateState.from_numpy(keep=np.ones((2, 3))), "gate.keep must be of bool type"),
        (lambda: GateState.from_numpy(share=np.array([2.0])), "gate.share must be in [0, 1], got 2"),
    ],
)
def test_events_that_make_no_gate_are_refused(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)
    assert one_line(caught)


# --- policies ---------------------------------------------------------------------------------------------

INF = math.inf
UNLIMITED = [
    Race(INF, INF),
    TopK(INF),
    Soft(1.0),
    Lapse(0.0),
    Slots(INF),
    Compose(),
    Compose(Race(INF, INF), Soft(1.0)),
]


@pytest.mark.parametrize("policy", UNLIMITED, ids=str)
def test_without_limits_every_policy_emits_the_identity(policy):
    logits, mask = torch.randn(B, S), torch.rand(B, S) < 0.5
    assert policy(logits, generator=seeded()).is_identity
    assert torch.equal(policy(logits, mask=mask).keep, mask)


@pytest.mark.parametrize(
    "race",
    [
        Race(50.0, INF),
        Race(INF, 3),
        Race(INF, INF, 0.1),
        Race(INF, INF, gain=2.0),
        Race(torch.tensor([INF] * B), INF),
    ],
)
def test_a_race_with_one_limit_is_no_identity(race):
    assert not race(torch.randn(B, S), exposure=0.2, generator=seeded()).is_identity


def test_a_race_without_limits_still_needs_time():
    assert not Race(INF, INF)(torch.zeros(B, S), exposure=0.0).keep.any()
    assert Race(INF, INF)(torch.zeros(B, S), exposure=torch.ones(B)).keep.all()


def test_nothing_is_stored_before_threshold_without_capacity_or_without_slots():
    logits = torch.randn(50, S)
    for race, tau in (
        (Race(1e9, 9, 0.1), 0.1),
        (Race(0.0, 9), 9.0),
        (Race(0.0, 9), None),
        (Race(50.0, 0), 9.0),
    ):
        gate = race(logits, exposure=tau, generator=seeded())
        assert not gate.keep.any()
        assert (gate.index == -1).all()


@given(st.integers(1, 5), st.integers(1, 12), st.floats(0, 14), st.booleans(), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_keep_and_index_of_a_race_tell_the_same(rows, keys, slots, reallocate, seed):
    g = seeded(seed)
    mask = torch.rand(rows, keys, generator=g) < 0.7
    logits = torch.randn(rows, keys, generator=g)
    race = Race(40.0, slots, 0.01, reallocate=reallocate)
    gate, times = race.play(logits, exposure=0.1, generator=g, mask=mask)
    gate.validate(rows, 1, 1, keys)
    gate.check()
    assert torch.equal(GateState(index=gate.index).visible(keys)[:, 0, 0], gate.keep)
    assert not (gate.keep & ~mask).any()
    assert (gate.keep.sum(-1) <= math.ceil(slots)).all()
    assert (times[gate.keep] < 0.1).all()
    in_order = times.gather(1, gate.index.clamp(min=0)).masked_fill(gate.index < 0, INF)
    assert (in_order[:, 1:] >= in_order[:, :-1]).all()


def test_the_same_seed_gives_the_same_gate():
    race, logits = Race(40.0, 3.5, 0.01), torch.randn(100, S)
    a, b, c = (race(logits, exposure=0.1, generator=seeded(s)) for s in (1, 1, 2))
    assert torch.equal(a.index, b.index)
    assert not torch.equal(a.index, c.index)


def test_arms_that_differ_in_capacity_share_their_draws():
    logits = torch.randn(100, S)
    slow, fast = (Race(c, 7).times(logits, generator=seeded()) for c in (10.0, 20.0))
    torch.testing.assert_close(slow, fast * 2)


def test_a_gate_needs_no_gradient_even_if_the_logits_do():
    gate, times = Race(40.0, 3).play(torch.randn(B, S, requires_grad=True), generator=seeded())
    assert not times.requires_grad
    assert not gate.keep.requires_grad


def test_top_k_takes_the_heaviest_that_exist():
    logits = torch.tensor([[0.0, 3.0, 2.0, 1.0]])
    assert TopK(2)(logits).index.tolist() == [[1, 2]]
    mask = torch.tensor([[True, False, False, True]])
    gate = TopK(3)(logits, mask=mask)
    assert gate.index.tolist() == [[3, 0, -1]]
    assert torch.equal(gate.keep, mask)
    assert not TopK(0)(logits).keep.any()


def test_soft_gives_each_row_its_gain_and_lapse_each_row_its_chance():
    logits = torch.zeros(20_000, 2)
    assert Soft(0.5)(logits).gain.unique().tolist() == [0.5]
    share = Lapse(0.2)(logits, generator=seeded()).share
    assert abs(share.mean() - 0.8) < 4 * 0.4 / math.sqrt(20_000)
    assert Lapse(1.0)(logits, generator=seeded()).share.max() == 0
    p = torch.zeros(20_000).index_fill(0, torch.arange(100), 1.0)
    assert Lapse(p)(logits, generator=seeded()).share.sum() == 19_900


def test_slots_hold_random_keys_or_the_first_to_finish():
    logits = torch.randn(30_000, 5)
    gate = Slots(2)(logits, generator=seeded())
    assert (gate.keep.sum(-1) == 2).all()
    assert (gate.keep.float().mean(0) - 0.4).abs().max() < 5 * math.sqrt(0.24 / 30_000)
    times = torch.tensor([[0.3, 0.1, INF, 0.2, 0.4]])
    assert Slots(3)(logits[:1], times=times).index.tolist() == [[1, 3, 0]]
    mask = torch.tensor([[True, False, True, True, False]])
    assert Slots(5)(logits[:1], times=times, mask=mask).index.tolist() == [[3, 0, -1, -1, -1]]


@pytest.mark.parametrize("capacity", [40.0, INF])
def test_a_race_without_slots_and_then_slots_is_a_race_for_slots(capacity):
    logits = torch.randn(50, S)
    joint = Race(capacity, 3, 0.01)(logits, exposure=0.1, generator=seeded())
    apart = Compose(Race(capacity, INF, 0.01), Slots(3))(logits, exposure=0.1, generator=seeded())
    assert torch.equal(joint.keep, apart.keep)
    assert torch.equal(joint.index, apart.index)


def test_composed_policies_see_only_what_was_kept_before():
    logits = torch.tensor([[3.0, 2.0, 1.0, 0.0]])
    gate = Compose(TopK(3), Race(INF, 2), Soft(2.0), Lapse(1.0))(logits, generator=seeded())
    assert not gate.keep[0, 3]
    assert gate.keep.sum() == 2
    assert gate.gain.tolist() == [2.0]
    assert gate.share.tolist() == [0.0]


def test_settings_are_frozen_and_travel_but_are_not_weights():
    race = Race(torch.tensor([40.0, 50.0]), 3)
    for name in ("capacity", "slots"):
        with pytest.raises(InputError, match=f"{name} of Race is frozen"):
            setattr(race, name, 1.0)
    assert not list(race.parameters())
    assert not race.state_dict()
    assert torch.equal(copy.deepcopy(race).capacity, race.capacity)
    assert race.to("meta").capacity.device.type == "meta"


BAD = st.one_of(st.just(math.nan), st.floats(max_value=-1e-9), st.just("3"), st.just(None), st.just(True))


@given(BAD, st.sampled_from(["capacity", "slots", "threshold", "gain"]))
@settings(max_examples=60, deadline=None)
def test_a_race_refuses_settings_that_are_no_number_from_zero_up(value, name):
    with pytest.raises(InputError, match=f"{name} must be") as caught:
        Race(**({"capacity": 40.0, "slots": 3} | {name: value}))
    assert one_line(caught)


@given(
    st.floats(max_value=-1e-6) | st.just(math.nan), st.integers(1, 5), st.sampled_from(["capacity", "slots"])
)
@settings(max_examples=30, deadline=None)
def test_tensors_of_settings_are_held_to_the_same_range(value, rows, name):
    x = torch.ones(rows, dtype=torch.float64)
    x[-1] = value
    with pytest.raises(InputError, match=f"{name} must be >= 0"):
        Race(**({"capacity": 40.0, "slots": 3} | {name: x}))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Race(40.0, 3, threshold=INF), "threshold must be >= 0 s, got inf"),
        (lambda: Race(40.0, 3, reallocate=1), "reallocate must be True or False, got 1"),
        (lambda: Race(torch.ones(2, 2), 3), "capacity must be a number or a floating tensor (B,)"),
        (
            lambda: Race(torch.ones(2), 3)(torch.zeros(B, S), exposure=1.0),
            "capacity must be one number or one per row (3,)",
        ),
        (lambda: TopK(1.5), "k must be a whole number or infinity, got 1.5"),
        (lambda: Lapse(1.1), "p must be >= 0 and <= 1, got 1.1"),
        (lambda: Soft(INF), "gain must be >= 0, got inf"),
        (lambda: Compose(Soft), "Compose takes policies such as Race(...)"),
    ],
)
def test_policies_refuse_bad_settings(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)
    assert one_line(caught)


@pytest.mark.parametrize(
    "policy", [Race(40.0, 3), TopK(2), Soft(2.0), Lapse(0.5), Slots(2), Compose(Race(40.0, 3))]
)
@pytest.mark.parametrize(
    ("logits", "options", "message"),
    [
        ([[1.0]], {}, "logits must be a floating tensor (B, S), got list"),
        (torch.ones(B, S).long(), {}, "logits must be a floating tensor (B, S), got torch.int64"),
        (torch.zeros(S), {}, "logits must be (B, S) with S >= 1, got shape (7,)"),
        (torch.zeros(B, 0), {}, "logits must be (B, S) with S >= 1, got shape (3, 0)"),
        (torch.full((B, S), math.nan), {}, "got NaN or inf"),
        (torch.full((B, S), INF), {}, "got NaN or inf"),
        (torch.zeros(B, S), {"mask": torch.ones(B, S)}, "mask must be bool"),
        (torch.zeros(B, S), {"mask": torch.ones(B, 2, dtype=torch.bool)}, "mask must be (B, S) = (3, 7)"),
        (torch.zeros(B, S), {"times": torch.ones(B, 2)}, "times must be (B, S) = (3, 7)"),
        (torch.zeros(B, S), {"exposure": -0.1}, "exposure must be >= 0 s (infinity allowed), got -0.1"),
        (torch.zeros(B, S), {"exposure": math.nan}, "exposure must be >= 0 s"),
        (torch.zeros(B, S), {"exposure": torch.tensor([0.1, -1.0, 0.1])}, "in every row, got -1"),
        (torch.zeros(B, S), {"exposure": torch.ones(2)}, "exposure must be one number or one per row (3,)"),
    ],
)
def test_policies_refuse_bad_displays(policy, logits, options, message):
    with pytest.raises(InputError) as caught:
        policy(logits, **options)
    assert message in str(caught.value)
    assert one_line(caught)


def test_a_row_without_any_key_stores_nothing():
    mask = torch.tensor([[False] * S, [True] * S])
    gate, times = Race(40.0, 3).play(torch.zeros(2, S), mask=mask, generator=seeded())
    assert not gate.keep[0].any()
    assert torch.isinf(times[0]).all()
    assert gate.keep[1].sum() == 3


def test_every_policy_of_the_package_is_exported_and_tried_without_limits():
    """A new policy is one class in one file; this list is not kept by hand."""
    own = {x for x in Policy.__subclasses__() if x.__module__.startswith("cogattn.")}
    assert set(POLICIES.values()) == own == {type(policy) for policy in UNLIMITED}
    assert all(getattr(gate_module, name) is x for name, x in POLICIES.items())


def test_your_own_policy_writes_emit():
    class Nothing(Policy):
        def emit(self, display):
            return GateState(share=torch.zeros(display.logits.shape[0]))

    assert Compose(Nothing())(torch.zeros(B, S)).share.tolist() == [0.0] * B


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_race_stores_as_many_as_the_cpu_does():
    logits, n = torch.zeros(40_000, 8), []
    for device in ("cpu", "cuda"):
        g = torch.Generator(device).manual_seed(0)
        n.append(
            Race(45.0, 4, 0.015)(logits.to(device), exposure=0.12, generator=g)
            .keep.sum(-1)
            .double()
            .mean()
            .item()
        )
    assert abs(n[0] - n[1]) < 0.03
