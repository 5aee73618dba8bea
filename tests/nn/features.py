"""What each attention mechanism can do, found out by trying it: writes the table of docs/mechanisms.md.

    python tests/nn/features.py        # rewrites the table; the tests fail while the page says something else

A feature is a small function that tries something on a mechanism by name and says whether it worked.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from formulas import attend
from torch.autograd import gradcheck, gradgradcheck
from torch.overrides import TorchFunctionMode

from cogattn.errors import InputError
from cogattn.nn import MECHANISMS, attention
from cogattn.nn.gate import GateState

PAGE = Path(__file__).parents[2] / "docs" / "mechanisms.md"
BEGIN, END = "<!-- made by tests/nn/features.py -->", "<!-- end of what it makes -->"
B, H, L, S, D = 2, 2, 4, 6, 4  # batch, heads, queries, keys, features of a head


def module(name, dtype=torch.float64, **how):
    """A mechanism with the same first weights every time."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return attention(name, **{"dim": H * D, "heads": H} | how).to(dtype)


def streams(seed=0, dtype=torch.float64, queries=L, keys=S, width=H * D):
    g = torch.Generator().manual_seed(seed)
    return [torch.randn(B, n, width, generator=g).double().to(dtype) for n in (queries, keys, keys)]


def apart(x, heads=H):
    """(B, n, H * D) -> (B, H, n, D), in numpy."""
    return x.detach().double().numpy().reshape(*x.shape[:2], heads, -1).transpose(0, 2, 1, 3)


def error(name, *, may=True, added=0.0, gate=None, mask=None, need_weights=True, **how):
    """How far a mechanism is from its formula, worst of outputs and weights."""
    m, x = module(name, **how), streams()
    heads = how.get("heads", H)
    out, weights = m(*x, mask=mask, gate=gate, need_weights=need_weights)
    q, k, v = (apart(t, heads) for t in x)
    scale = how.get("scale", 1.0)
    wanted, matrix = attend(m, q, k, v, name=name, may=may, added=added, gate=gate, scale=scale)
    worst = np.abs(apart(out, heads) - wanted).max()
    return worst if weights is None else max(worst, np.abs(weights.detach().numpy() - matrix).max())


def agrees(name, **how):
    """Is it the formula, with weights and without?"""
    return all(error(name, need_weights=need, **how) < 1e-10 for need in (True, False))


def gates():
    """One gate for each field, and one of each kind of share."""
    g = torch.Generator().manual_seed(2)
    keep, times = torch.rand(B, S, generator=g) < 0.6, torch.rand(B, S, generator=g).double()
    now = torch.linspace(0, 1, L).double().expand(B, L)
    return {
        "gain": GateState(gain=torch.tensor([0.5, 2.0]).double()),
        "gain of a head": GateState(gain=torch.rand(B, H, generator=g).double() * 2),
        "bias": GateState(bias=torch.randn(B, S, generator=g).double()),
        "bias of a head": GateState(bias=torch.randn(B, H, S, generator=g).double()),
        "closing bias": GateState(bias=torch.randn(B, S, generator=g).double().masked_fill(keep, -math.inf)),
        "keep": GateState(keep=keep),
        "index": GateState(index=torch.tensor([[4, 1, -1, 0, 2], [3, -1, -1, -1, -1]])),
        "index, few": GateState(index=torch.tensor([[4, 1, -1], [3, -1, -1]])),
        "t_on": GateState(t_on=times, t_query=now),
        "t_off": GateState(t_off=times, t_query=now),
        "share of a row": GateState(share=torch.tensor([0.25, 1.0]).double()),
        "share of a query": GateState(share=torch.rand(B, L, generator=g).double()),
        "share of a key": GateState(share=torch.rand(B, 1, S, generator=g).double()),
    }


def fields(*names):
    return lambda name: all(agrees(name, gate=gates()[n]) for n in names)


# --- the other features -------------------------------------------------------------------------------------


def parameters(name):
    return str(sum(p.numel() for p in module(name, dim=8, heads=1).parameters()))


def other_width(name):
    try:
        m = module(name, key_dim=6)
    except InputError:
        return False
    q, k, v = streams()[0], streams(width=6)[1], streams()[2]
    wanted, _ = attend(m, apart(q), apart(k), apart(v), name=name)
    return bool(np.abs(apart(m(q, k, v)[0]) - wanted).max() < 1e-10)


def fused(name):
    class Watch(TorchFunctionMode):
        seen = False

        def __torch_function__(self, func, types, args=(), kwargs=None):
            self.seen |= func is F.scaled_dot_product_attention
            return func(*args, **(kwargs or {}))

    with Watch() as watch:
        module(name)(*streams(), need_weights=False)
    return watch.seen


def masks(name):
    some, rows, all_ = (np.random.default_rng(0).random(n) < 0.7 for n in ((B, S), (L, S), (B, H, L, S)))
    return (
        agrees(name, may=some[:, None, None], mask=torch.tensor(some))
        and agrees(name, may=rows, mask=torch.tensor(rows))
        and agrees(name, may=all_[:, :1], mask=torch.tensor(all_[:, 0]))
        and agrees(name, may=all_, mask=torch.tensor(all_))
    )


def added(name):
    bias = np.random.default_rng(0).normal(size=(L, S))
    return agrees(name, added=bias, mask=torch.tensor(bias))


I, J = np.arange(L)[:, None], np.arange(S)


def residual(name):
    x = streams(keys=L)
    plain, more = (module(name, residual=r)(*x)[0] for r in (False, True))
    return torch.equal(more, plain + x[0])


def one_query(name):
    """(L, D) is a batch of one; (B, H, L, D) has its heads apart."""
    m, (q, k, v) = module(name), streams()
    out, weights = m(q, k, v)
    alone = m(q[0], k[0], v[0])
    four = m(*(torch.tensor(apart(x)) for x in (q, k, v)))
    same = torch.allclose(alone[0], out[0]) and torch.allclose(alone[1], weights[0])
    return same and np.allclose(four[0].detach(), apart(out)) and torch.allclose(four[1], weights)


def loads(name):
    theirs = torch.nn.MultiheadAttention(H * D, H)
    found = module(name, project=True).load_state_dict(theirs.state_dict(), strict=False)
    return not found.unexpected_keys and all("mechanism" in n for n in found.missing_keys)


def differentiable(name):
    m = module(name)
    x = (*(t.requires_grad_() for t in streams()), *m.parameters())
    ways = (lambda *p, need=need: m(*p[:3], need_weights=need)[0] for need in (True, False))
    return all(gradcheck(way, x, raise_exception=False, fast_mode=True) for way in ways)


def second_order(name):
    m = module(name)
    x = [t.requires_grad_() for t in streams()]
    try:
        return gradgradcheck(lambda *p: m(*p)[0], x, raise_exception=False, fast_mode=True)
    except RuntimeError:
        return False


def closed(name):
    keep = torch.ones(B, S, dtype=torch.bool)
    keep[1] = False
    for how in ({"gate": GateState(keep=keep)}, {"mask": keep}):
        for need in (True, False):
            x = [t.requires_grad_() for t in streams()]
            out = module(name)(*x, need_weights=need, **how)[0]
            grads = torch.autograd.grad(out.square().sum(), x)
            if not all(torch.equal(t[1], torch.zeros_like(t[1])) for t in (out, *grads)):
                return False
            if not all(t.isfinite().all() for t in (out, *grads)):
                return False
    return True


def degenerate(name):
    """Zero vectors, and keys that are the query."""
    zero = torch.zeros(B, S, H * D, dtype=torch.float64)
    same = streams(keys=L)[0]
    for q, k in ((zero, zero), (same, same), (zero, streams()[1])):
        x = [t.clone().requires_grad_() for t in (q, k)]
        out = module(name)(*x)[0]
        if not all(t.isfinite().all() for t in (out, *torch.autograd.grad(out.square().sum(), x))):
            return False
    return True


def half(name):
    exact = module(name)(*streams())[0]
    rough = module(name, torch.bfloat16)(*streams(dtype=torch.bfloat16))[0]
    return bool((rough.dtype == torch.bfloat16) and (rough.double() - exact).abs().max() < 3e-2)


def compiles(name):
    """One graph for all gates of one kind."""
    torch._dynamo.reset()
    graphs = []

    def backend(graph, _):
        graphs.append(graph)
        return graph.forward

    m, x, g = module(name, torch.float32), streams(dtype=torch.float32), torch.Generator().manual_seed(0)
    compiled = torch.compile(m, fullgraph=True, backend=backend)
    for _ in range(3):
        gate = GateState(keep=torch.rand(B, S, generator=g) < 0.5, gain=torch.rand(B, generator=g))
        if not torch.allclose(compiled(*x, gate=gate)[0], m(*x, gate=gate)[0], atol=1e-6):
            return False
    return len(graphs) == 1


def weights_of(name, q, k):
    return module(name)(q, k, k)[1]


def length_of_a_key(name):
    """Does the length of a key leave its weight as it is?"""
    q, k, _ = streams()
    longer = k * torch.linspace(1, 3, S, dtype=k.dtype)[:, None]
    return torch.allclose(weights_of(name, q, k), weights_of(name, q, longer))


def origin(name):
    """Does it leave the weights as they are, if q and k are both moved?"""
    q, k, _ = streams()
    return torch.allclose(weights_of(name, q, k), weights_of(name, q + 1, k + 1))


def axes(name):
    """Does it leave the weights as they are, if q and k are both turned?"""
    q, k, _ = streams()
    turn, _ = torch.linalg.qr(torch.randn(D, D, dtype=q.dtype, generator=torch.Generator().manual_seed(0)))
    turned = [(x.unflatten(-1, (H, D)) @ turn).flatten(-2) for x in (q, k)]
    return torch.allclose(weights_of(name, q, k), weights_of(name, *turned))


def itself(name):
    """Does a key that is the query always get the most?"""
    x = streams(queries=40, keys=40)[0]
    return bool((weights_of(name, x, x).argmax(-1) == torch.arange(40)).all())


FEATURES = {
    "formula": lambda name: f"`{module(name).mechanism.formula}`",
    "source": lambda name: module(name).mechanism.source,
    "learned parameters (dim 8)": parameters,
    "keys of another width than queries": other_width,
    "on torch's fused kernels": fused,
    "the formula, in float64": agrees,
    "the formula with a scale": lambda name: agrees(name, scale=0.7) if name != "scaled_dot" else scaled(),
    "(L, D); (B, L, D); (B, H, L, D)": one_query,
    "masks: padding, pairs, per row, per head": masks,
    "masks that are added": added,
    "causal": lambda name: agrees(name, causal=True, may=I >= J),
    "local: sliding window": lambda name: agrees(name, window=1, may=abs(I - J) <= 1),
    "local: block": lambda name: agrees(name, block=3, may=I // 3 == J // 3),
    "residual, context plus query": residual,
    "projections of `nn.MultiheadAttention`": loads,
    "gate: gain": fields("gain", "gain of a head"),
    "gate: bias": fields("bias", "bias of a head", "closing bias"),
    "gate: keep": fields("keep"),
    "gate: index": fields("index", "index, few"),
    "gate: t_on, t_off, t_query": fields("t_on", "t_off"),
    "gate: share of a row, a query, a key": fields("share of a row", "share of a query", "share of a key"),
    "closed rows give 0, both ways": closed,
    "gradients": differentiable,
    "gradients of gradients, with weights": second_order,
    "finite where vectors are 0 or equal": degenerate,
    "bfloat16": half,
    "compiles to one graph": compiles,
    "weights ignore the length of a key": length_of_a_key,
    "weights ignore where the origin is": origin,
    "weights ignore how the axes are turned": axes,
    "a key that is the query gets the most": itself,
}


def scaled():
    """scaled_dot with a scale of its own is dot with that scale."""
    return torch.equal(
        module("scaled_dot", scale=0.7)(*streams())[0], module("dot", scale=0.7)(*streams())[0]
    )


def cell(x):
    return x.replace("|", "\\|") if isinstance(x, str) else "yes" if x else "no"


def table():
    lines = [
        "| | " + " | ".join(f"`{name}`" for name in MECHANISMS) + " |",
        "|---" * (len(MECHANISMS) + 1) + "|",
    ]
    for feature, tried in FEATURES.items():
        lines.append(f"| {feature} | " + " | ".join(cell(tried(name)) for name in MECHANISMS) + " |")
    return "\n".join(lines)


def page():
    """The page as it is, and as it should be."""
    text = PAGE.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    return text, f"{head}{BEGIN}\n\n{table()}\n\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    PAGE.write_text(page()[1], encoding="utf-8")
