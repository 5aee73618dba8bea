"""Torch's own doors: compile with shapes that change, export, weights_only, vmap, parametrizations, autocast,
checkpoints, copies. Each of these once failed, or went wrong in silence."""

from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrize
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import checkpoint

from cogattn.errors import InputError
from cogattn.nn import gated_attention, limit
from cogattn.nn.gate import GateState, Race

B, H, S, D = 2, 4, 6, 8


def qkv(n=S, seed=0, **how):
    g = torch.Generator().manual_seed(seed)
    return [torch.randn(B, H, n, D, generator=g, **how) for _ in range(3)]


def keep(n=S):
    open_ = torch.ones(B, n, dtype=torch.bool)
    open_[:, 1] = False
    return GateState(keep=open_)


def encoder(layers=3):
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(16, 4, 32, dropout=0.0, batch_first=True)
    return nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)


class Checkpointed(nn.Module):
    """An encoder whose layers are computed again in backward."""

    def __init__(self, reentrant):
        super().__init__()
        self.stack, self.reentrant = encoder(), reentrant

    def forward(self, x, again=True):
        for layer in self.stack.layers:
            x = checkpoint(layer, x, use_reentrant=self.reentrant) if again else layer(x)
        return x


def x(seed=1):
    return torch.randn(B, S, 16, generator=torch.Generator().manual_seed(seed), requires_grad=True)


def gradient(net):
    out = [p.grad.clone() for p in net.parameters()]
    net.zero_grad()
    return torch.cat([g.flatten() for g in out])


# --- wrong in silence --------------------------------------------------------------------------------------


@pytest.mark.parametrize("reentrant", [True, False])
def test_a_checkpoint_is_computed_again_through_the_gate_of_its_forward(reentrant):
    """Also where backward runs after the block, in the block of another gate, or once for two gates."""
    net, other = Checkpointed(reentrant), GateState(share=torch.tensor([0.3, 0.6]))
    wanted = {}
    for name, gate in (("one", keep()), ("two", other)):
        with limit(net, gate, "all"):
            net(x(), again=False).square().sum().backward()
        wanted[name] = gradient(net)
    net(x(), again=False).square().sum().backward()
    free = gradient(net)
    assert (wanted["one"] - free).abs().max() > 0.05
    with limit(net, keep(), "all"):
        one = net(x()).square().sum()
    one.backward()
    torch.testing.assert_close(gradient(net), wanted["one"])
    with limit(net, keep(), "all"):
        one = net(x()).square().sum()
    with limit(net, other, "all"):
        two = net(x()).square().sum()
        one.backward()
        torch.testing.assert_close(gradient(net), wanted["one"])
    two.backward()
    torch.testing.assert_close(gradient(net), wanted["two"])
    net(x()).square().sum().backward()
    torch.testing.assert_close(gradient(net), free)


@pytest.mark.parametrize("reentrant", [True, False])
def test_a_free_pass_is_not_computed_again_under_a_gate(reentrant):
    net = Checkpointed(reentrant)
    loss = net(x()).square().sum()
    with limit(net, keep(), "all"), pytest.raises(InputError, match="outside of this limit"):
        loss.backward()


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_a_copy_made_within_the_block_is_free(twin):
    net = encoder().eval()
    free = net(x())
    with limit(net, keep(), "all"):
        other = twin(net)
    assert torch.equal(other(x()), free)
    assert [type(m) for m in other.modules()] == [type(m) for m in net.modules()]
    assert not other.layers[0].self_attn._forward_pre_hooks


# --- what failed -------------------------------------------------------------------------------------------


def test_one_graph_serves_all_lengths():
    torch._dynamo.reset()
    graphs = []

    def backend(module, _):
        graphs.append(module)
        return module.forward

    def attend(q, k, v, gate):
        return gated_attention(q, k, v, gate)

    compiled = torch.compile(attend, fullgraph=True, dynamic=True, backend=backend)
    for n in (5, 6, 9, 12):
        torch.testing.assert_close(compiled(*qkv(n), keep(n)), attend(*qkv(n), keep(n)))
    assert len(graphs) == 1


def test_a_program_with_a_gate_among_its_inputs_is_exported_saved_and_loaded():
    class Attend(nn.Module):
        def forward(self, q, k, v, gate):
            return gated_attention(q, k, v, gate)

    program, file = torch.export.export(Attend(), (*qkv(), keep())), io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    again = torch.export.load(file).module()
    torch.testing.assert_close(again(*qkv(seed=1), keep()), gated_attention(*qkv(seed=1), keep()))


def test_a_gate_is_loaded_where_only_tensors_are_trusted():
    file = io.BytesIO()
    torch.save(keep(), file)
    file.seek(0)
    assert torch.equal(torch.load(file, weights_only=True).keep, keep().keep)


def test_a_race_under_vmap():
    logits, race = torch.randn(5, B, S, generator=torch.Generator().manual_seed(0)), Race(50.0, 3)
    gates = torch.vmap(lambda w: race(w, exposure=10.0), randomness="different")(logits)
    assert gates.keep.shape == (5, B, S)
    assert gates.keep.sum(-1).eq(3).all()
    assert not torch.equal(gates.keep[0], gates.keep[1])


class LowRank(nn.Module):
    """LoRA: the weight plus a product of two narrow ones."""

    def __init__(self, weight):
        super().__init__()
        self.a = nn.Parameter(torch.randn(weight.shape[0], 2) * 0.1)
        self.b = nn.Parameter(torch.randn(2, weight.shape[1]) * 0.1)

    def forward(self, weight):
        return weight + self.a @ self.b


def test_parametrized_weights_are_limited_as_what_they_stand_for():
    net = nn.MultiheadAttention(16, 4, batch_first=True)
    parametrize.register_parametrization(net, "in_proj_weight", LowRank(net.in_proj_weight))
    plain = nn.MultiheadAttention(16, 4, batch_first=True)
    state = {"in_proj_weight": net.in_proj_weight, "in_proj_bias": net.in_proj_bias}
    plain.load_state_dict(state | {f"out_proj.{k}": v for k, v in net.out_proj.state_dict().items()})
    before = type(net)
    with limit(net, keep()), limit(plain, keep()):
        torch.testing.assert_close(net(x(), x(), x())[0], plain(x(), x(), x())[0])
        net(x(), x(), x())[0].sum().backward()
        twin = copy.deepcopy(net)
    assert type(net) is type(twin) is before
    assert torch.equal(twin(x(), x(), x())[0], net(x(), x(), x())[0])
    assert net.parametrizations.in_proj_weight[0].a.grad.abs().sum() > 0


def test_three_axes_are_one_head():
    q, k, v = (t[:, 0] for t in qkv())
    assert torch.equal(gated_attention(q, k, v), F.scaled_dot_product_attention(q, k, v))
    mask = torch.ones(B, S, S, dtype=torch.bool).tril()
    out, weights = gated_attention(q, k, v, keep(), attn_mask=mask, need_weights=True)
    assert out.shape == q.shape
    assert weights.shape == (B, S, S)
    torch.testing.assert_close(out, gated_attention(q, k, v, keep(), is_causal=True))


def test_types_may_differ_under_autocast_and_not_without():
    q, k, v = qkv()
    with torch.autocast("cpu", torch.bfloat16):
        free = F.scaled_dot_product_attention(q, k.bfloat16(), v)
        assert torch.equal(gated_attention(q, k.bfloat16(), v), free)
        for impl in ("mask", "eager"):
            out = gated_attention(q, k.bfloat16(), v, GateState(keep=torch.ones(B, S) > 0), impl=impl)
            assert out.dtype == free.dtype
            torch.testing.assert_close(out, free, rtol=0, atol=2e-2)
    with pytest.raises(InputError, match="one dtype"):
        gated_attention(q, k.bfloat16(), v)


@pytest.mark.parametrize("impl", ["auto", "mask", "eager"])
def test_no_heads_give_no_heads(impl):
    q, k, v = (t[:, :0] for t in qkv())
    assert gated_attention(q, k, v, keep(), impl=impl).shape == (B, 0, S, D)


def test_settings_on_another_device_say_so():
    race = Race(torch.tensor([50.0, 60.0]), 3)
    race.to("meta")
    with pytest.raises(InputError, match=r"capacity must lie where the logits are, cpu, got meta: policy.to"):
        race(torch.zeros(B, S), exposure=0.1)


def test_gradients_of_gradients_take_the_eager_way():
    """Torch's fused kernels have none, under a mask or without; the formula written out has."""
    for gate, impl, has in ((keep(), "mask", False), (None, "identity", False), (keep(), "eager", True)):
        q, k, v = (t.requires_grad_() for t in qkv())
        out = gated_attention(q, k, v, gate, impl=impl)
        (first,) = torch.autograd.grad(out.square().sum(), q, create_graph=True)
        if has:
            assert torch.autograd.grad(first.square().sum(), k)[0].abs().sum() > 0
        else:
            with pytest.raises(RuntimeError, match=r"derivative for .* is not implemented"):
                torch.autograd.grad(first.square().sum(), k)


@pytest.mark.parametrize("kind", ["causal", "timed"])
def test_long_rows_are_masked_some_queries_at_a_time(kind, monkeypatch):
    """The same numbers and gradients as with the whole mask."""
    from cogattn.nn import functional

    n = 40
    gate = GateState(keep=torch.rand(B, n, generator=torch.Generator().manual_seed(3)) < 0.7)
    if kind == "timed":
        when = torch.arange(n).float().expand(B, -1)
        gate = gate.then(GateState(t_on=when, t_off=when + 9, t_query=when))
    got = []
    for size in (2**22, 500):
        monkeypatch.setattr(functional, "STRETCH_FROM", size)
        assert functional._wide_mask(
            *qkv(n)[:2], gate, functional._Options(None, True, None, 0.0, False, None)
        ) == (size == 500)
        q, k, v = (t.requires_grad_() for t in qkv(n))
        bias = torch.linspace(-1, 1, n).expand(n, n)
        for mask in (None, bias):
            out = gated_attention(q, k, v, gate, is_causal=kind == "causal", attn_mask=mask)
            got.append((out, *torch.autograd.grad(out.square().sum(), (q, k, v))))
    for a, b in zip(got[:2], got[2:], strict=True):
        for left, right in zip(a, b, strict=True):
            torch.testing.assert_close(left, right)
    rest = qkv(n)
    torch.testing.assert_close(
        gated_attention(*rest, gate, is_causal=kind == "causal"),
        gated_attention(*rest, gate, is_causal=kind == "causal", impl="eager"),
    )


def test_a_sink_takes_its_part_of_each_row():
    q, k, v = qkv()
    sink = torch.linspace(-1, 2, H)
    out, weights = gated_attention(q, k, v, keep(), sink=sink, need_weights=True)
    logits = (q @ k.mT) / D**0.5
    logits = logits.masked_fill(~keep().keep[:, None, None], -torch.inf)
    more = torch.cat([logits, sink[None, :, None, None].expand(B, H, S, 1)], -1).softmax(-1)[..., :-1]
    torch.testing.assert_close(weights, more)
    torch.testing.assert_close(out, more @ v)
    few = GateState(index=torch.tensor([[0, 3], [2, -1]]))
    torch.testing.assert_close(
        gated_attention(q, k, v, few, sink=sink, impl="gather"),
        gated_attention(q, k, v, few, sink=sink, impl="eager"),
    )
    with pytest.raises(InputError, match="sink must be"):
        gated_attention(q, k, v, sink=sink[:2])


class Largest(TorchDispatchMode):
    """How many numbers the largest tensor has that is made within the block."""

    def __init__(self):
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for x in out if isinstance(out, tuple | list) else (out,):
            if isinstance(x, torch.Tensor):
                held = (
                    x.untyped_storage().nbytes() // x.element_size()
                )  # an expanded one holds less than it shows
                self.numbers = max(self.numbers, min(held, x.numel()))
        return out


@pytest.mark.parametrize("kind", ["causal", "timed", "mask of the caller"])
def test_no_tensor_of_all_pairs_is_made_where_rows_are_long(kind, monkeypatch):
    """The mask of queries by keys is never there as a whole; the numbers are those of the formula."""
    from cogattn.nn import functional

    n, most = 512, 2**14
    gate = GateState(keep=torch.rand(B, n, generator=torch.Generator().manual_seed(3)) < 0.7)
    how = {"is_causal": kind == "causal"}
    if kind == "timed":
        when = torch.arange(n).float().expand(B, -1)
        gate = gate.then(GateState(t_on=when, t_off=when + 9, t_query=when))
    if kind == "mask of the caller":
        how["attn_mask"] = torch.ones(n, n, dtype=torch.bool).tril()
    rest, made = qkv(n), {}
    for name, size in (("whole", 2**62), ("parts", most)):
        monkeypatch.setattr(functional, "STRETCH_FROM", size)
        with torch.no_grad(), Largest() as largest:
            out = gated_attention(*rest, gate, **how)
        made[name] = largest.numbers
        torch.testing.assert_close(out, gated_attention(*rest, gate, **how, impl="eager"))
    assert made["whole"] >= B * n * n
    assert made["parts"] <= max(most, rest[0].numel()), made
