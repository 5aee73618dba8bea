"""Attention under a gate: the one place where the limits of a mind meet the scores of a network.

    out = (softmax(gain * scale * q k^T + bias, over the visible keys) * share) v

Without limits this is `torch.nn.functional.scaled_dot_product_attention` to the last bit. A row to which
every key is closed yields 0, forward and backward: nothing was seen. Five ways lead to the same numbers:

    identity  plain attention; the gate limits nothing
    mask      a mask on the keys, (B, 1, 1, S), for the fused kernel; (B, 1, L, S) with times or causality
    gather    fetch the Kmax indexed keys, then attend to those alone; cost falls with Kmax / S
    flex      the same rule compiled into torch's FlexAttention: nothing of size L x S is ever stored
    eager     the formula above, written out; also returns the weights

Where another score than q k^T is given (`score=`), it takes that place, by the last way or by gather.
Torch's fused kernels have no gradients of gradients, under a mask or without; `impl="eager"` has them.
No randomness (but for `dropout_p`), no reading of values, no shape that depends on them: new gates run
through the same compiled graph. Shapes: B batch, H heads, L queries, S keys, D features, Kmax slots.

>>> import torch
>>> from cogattn.nn.gate import GateState
>>> q, k, v = torch.randn(3, 2, 4, 8, 16).unbind()
>>> gated_attention(q, k, v, GateState(keep=torch.zeros(2, 8, dtype=torch.bool))).abs().max()
tensor(0.)
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, overload

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from cogattn.errors import InputError, choice, doors, number, shown
from cogattn.nn.gate import GateState
from cogattn.nn.masks import check_mask, cut_mask, mask_at, merge_masks, reopen, spread_heads, wide

Impl = Literal["auto", "identity", "mask", "gather", "flex", "eager"]
Score = Callable[[Tensor, Tensor], Tensor]  #: q (B, H, L, D), k (B, H, S, D) -> logits (B, H, L, S)
IMPLS = ("auto", "identity", "mask", "gather", "flex", "eager")

# Fetching pays from about Kmax = S / 8 at S = 64 (measured); for more keys it pays earlier, never later.
GATHER_FROM = 8
# A score of its own costs more than a dot product: fetching pays from half of the keys on (measured at S = 64, 256).
GATHER_SCORED_FROM = 2
# A mask of more pairs than this, which causality, times or somebody's mask make, is made some queries at a time.
STRETCH_FROM = 2**22
# Up to 16 keys two small matrix products beat the fused kernel on a CPU by up to a quarter (measured).
SMALL = 16
# Where Torch's kernels give 0 and no NaN for a fully closed row, both ways. On GPUs it depends on the kernel
# that Torch picks: cuDNN's backward has given NaN for rows of very low mass (pytorch issue 196678).
KNOWS_CLOSED_ROWS = ("cpu",)
# Below this many query-key pairs the (B, 1, L, S) mask costs less than compiling a kernel.
FLEX_FROM = 2**20


@dataclass(frozen=True)
class _Options:
    """What the caller said beside the gate."""

    attn_mask: Tensor | None
    is_causal: bool
    scale: float | None
    dropout_p: float
    gqa: bool
    score: Score | None
    sink: Tensor | None = None


@overload
def gated_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    gate: GateState | None = ...,
    *,
    attn_mask: Tensor | None = ...,
    is_causal: bool = ...,
    scale: float | None = ...,
    dropout_p: float = ...,
    enable_gqa: bool = ...,
    score: Score | None = ...,
    sink: Tensor | None = ...,
    impl: Impl = ...,
    need_weights: Literal[False] = ...,
) -> Tensor: ...


@overload
def gated_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    gate: GateState | None = ...,
    *,
    attn_mask: Tensor | None = ...,
    is_causal: bool = ...,
    scale: float | None = ...,
    dropout_p: float = ...,
    enable_gqa: bool = ...,
    score: Score | None = ...,
    sink: Tensor | None = ...,
    impl: Impl = ...,
    need_weights: Literal[True],
) -> tuple[Tensor, Tensor]: ...


def gated_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    gate: GateState | None = None,
    *,
    attn_mask: Tensor | None = None,
    is_causal: bool = False,
    scale: float | None = None,
    dropout_p: float = 0.0,
    enable_gqa: bool = False,
    score: Score | None = None,
    sink: Tensor | None = None,
    impl: Impl = "auto",
    need_weights: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """Attention of q (B, H, L, D) over k, v (B, Hkv, S, D) under `gate`; returns (B, H, L, D).

    Of three axes, (B, n, D), they are one head; what comes back has three too. Under autocast their types may differ.

    attn_mask: bool (True = may look) or additive, (L, S) or broadcastable to (B, H, L, S); joined with the
        gate and with `is_causal`. enable_gqa: H may be a multiple of Hkv.
    score: what gives the logits instead of scale * q k^T; it is handed q and k in float32 at least.
    sink: (H,) logits of a key that nobody reads: it takes its part of each softmax (gpt-oss), whatever the gate.
    impl: "auto" takes plain attention without limits, "gather" if the gate has an index with
        Kmax <= S / 8, "flex" on a GPU for times over at least 2**20 query-key pairs, "mask" otherwise;
        with a score "gather" from Kmax <= S / 2 and "eager" otherwise.
        A way that is named but cannot carry this call raises InputError; nothing is approximated.
    need_weights: also return the weights (B, H, L, S) as they were used, `share` and dropout included.

    >>> q = k = v = torch.randn(1, 2, 5, 8)
    >>> gate = GateState(keep=torch.tensor([[True, True, False, False, False]]))
    >>> out, weights = gated_attention(q, k, v, gate, need_weights=True)
    >>> out.shape, float(weights[..., 2:].sum())
    (torch.Size([1, 2, 5, 8]), 0.0)
    """
    choice("impl", impl, IMPLS)
    if q.ndim == k.ndim == v.ndim == 3:
        mask = attn_mask[:, None] if attn_mask is not None and attn_mask.ndim == 3 else attn_mask
        how: dict[str, Any] = {"is_causal": is_causal, "scale": scale, "dropout_p": dropout_p, "score": score}
        how |= {"sink": sink, "impl": impl, "need_weights": need_weights}
        plain = gate is None or gate.is_identity
        if plain and score is None and sink is None and not need_weights and impl in ("auto", "identity"):
            return F.scaled_dot_product_attention(
                q, k, v, attn_mask=attn_mask, dropout_p=dropout_p, is_causal=is_causal, scale=scale
            )
        one: Any = gated_attention(q[:, None], k[:, None], v[:, None], gate, attn_mask=mask, **how)
        return (one[0][:, 0], one[1][:, 0]) if need_weights else one[:, 0]
    o = _Options(attn_mask, is_causal, scale, dropout_p, enable_gqa, score, sink)
    q, k, v = _of_one_type(q, k, v)
    _check_inputs(q, k, v, o)
    if gate is not None:
        gate.validate(q.shape[0], q.shape[1], q.shape[2], k.shape[2])
    gate = GateState() if gate is None else gate
    way = _way(impl, q, k, gate, o, need_weights)
    if way == "gather":
        return _attend_fetched(q, k, v, gate, o, need_weights)
    if way == "eager":
        out, weights = _attend_eager(q, k, v, gate, o)
        return (out, weights) if need_weights else out
    if way == "identity":
        return _attend_plain(q, k, v, o)
    attend = _attend_flex if way == "flex" else _attend_masked
    return _grant(q, k, v, gate, o, attend)


def _way(impl: Impl, q: Tensor, k: Tensor, gate: GateState, o: _Options, need_weights: bool) -> Impl:
    """Which way to go: the one that was named, if it can be gone, else the cheapest."""
    if impl not in ("auto", "eager", "gather"):
        asked = (o.sink is not None, "a sink is given"), (need_weights, "weights are needed")
        for so, what in (*asked, (o.score is not None, "a score is given")):
            if so:
                raise InputError(f"impl must be 'eager', 'gather' or 'auto' where {what}, got {shown(impl)}")
    if impl == "identity" and not gate.is_identity:
        raise InputError("impl 'identity' takes no limits, but the gate has some: use impl='auto'")
    if impl == "gather" and gate.index is None:
        raise InputError("impl 'gather' needs gate.index (B, Kmax), got None: emit one, or use impl='mask'")
    if impl != "auto":
        return impl
    if o.score is not None or o.sink is not None:
        return "gather" if _pays(gate, k.shape[2], GATHER_SCORED_FROM) else "eager"
    if need_weights:
        return "eager"
    if gate.is_identity:
        return "identity"
    if _pays(gate, k.shape[2], GATHER_FROM):
        return "gather"
    timed = gate.t_on is not None or gate.t_off is not None
    if timed and q.is_cuda and q.shape[2] * k.shape[2] >= FLEX_FROM and o.dropout_p == 0.0:
        return "flex"
    return "mask"


def _pays(gate: GateState, keys: int, times: int) -> bool:
    """Are the indexed keys few enough to be fetched?"""
    return gate.index is not None and gate.index.shape[1] * times <= keys


# --- the ways -------------------------------------------------------------------------------------------


def _attend_plain(q: Tensor, k: Tensor, v: Tensor, o: _Options) -> Tensor:
    mask, causal = _masks(None, q, k, o)
    return F.scaled_dot_product_attention(
        q, k, v, attn_mask=mask, dropout_p=o.dropout_p, is_causal=causal, scale=o.scale, enable_gqa=o.gqa
    )


def _grant(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    gate: GateState,
    o: _Options,
    attend: Callable[[Tensor, Tensor, Tensor, GateState, _Options], Tensor],
) -> Tensor:
    """Attend, with share put where it equals scaled weights: a key's on its value, a query's on its row."""
    rows, keys = gate.granted(q.shape[2], k.shape[2])
    if keys is not None:
        v = v * keys.to(v.dtype).mT[:, None]  # (B, 1, S, 1)
    out = attend(_sharpen(q, gate.gain), k, v, gate, o)
    return out if rows is None else out * rows.to(out.dtype)[:, None]  # (B, 1, L or 1, 1)


def _attend_masked(q: Tensor, k: Tensor, v: Tensor, gate: GateState, o: _Options) -> Tensor:
    if _wide_mask(q, k, gate, o):
        return _attend_in_stretches(q, k, v, gate, o)
    mask, causal = _masks(gate.as_mask(k.shape[2], q.dtype), q, k, o)
    closed = None
    if mask is not None and q.device.type not in KNOWS_CLOSED_ROWS:
        mask, closed = reopen(mask)
    out = F.scaled_dot_product_attention(
        q, k, v, attn_mask=mask, dropout_p=o.dropout_p, is_causal=causal, scale=o.scale, enable_gqa=o.gqa
    )
    return out if closed is None else out.masked_fill(closed, 0.0)


def _wide_mask(q: Tensor, k: Tensor, gate: GateState, o: _Options) -> bool:
    """Would causality, times or the caller's own mask make one of (B, 1, L, S) that is large?"""
    if torch.compiler.is_compiling() or o.dropout_p > 0.0:
        return False
    timed = gate.t_query is not None and (gate.t_on is not None or gate.t_off is not None)
    pairs = o.is_causal or (o.attn_mask is not None and o.attn_mask.shape[-2] > 1)
    wanted = timed or (pairs and gate.on_keys)
    return wanted and q.shape[2] > 1 and q.shape[0] * q.shape[2] * k.shape[2] > STRETCH_FROM


def _attend_in_stretches(q: Tensor, k: Tensor, v: Tensor, gate: GateState, o: _Options) -> Tensor:
    """The same, some queries at a time: the mask is never there as a whole, and the future is not even looked at."""
    L, S = q.shape[2], k.shape[2]
    step = max(1, STRETCH_FROM // (q.shape[0] * S))
    # A mask that is kept for backward would be as large again: it is made anew there.
    again = torch.is_grad_enabled() and any(x.requires_grad for x in (q, k, v))
    parts = []
    for first in range(0, L, step):
        some, near = slice(first, min(first + step, L)), slice(0, S)
        if o.is_causal and L <= S:
            near = slice(0, some.stop)

        def attend(x: Tensor, y: Tensor, z: Tensor, some: slice = some, near: slice = near) -> Tensor:
            mask = merge_masks(
                gate.part(some, near, (L, S)).as_mask(near.stop, x.dtype), cut_mask(o.attn_mask, some, near)
            )
            if o.is_causal:
                now = torch.arange(some.start, some.stop, device=x.device)[:, None]
                mask = merge_masks(mask, torch.arange(near.stop, device=x.device) <= now)
            return _attend_masked(x, y, z, GateState(), replace(o, attn_mask=mask, is_causal=False))

        x = q[:, :, some], k[:, :, near], v[:, :, near]
        parts.append(checkpoint(attend, *x, use_reentrant=False) if again else attend(*x))
    return torch.cat(parts, 2)


def _attend_eager(q: Tensor, k: Tensor, v: Tensor, gate: GateState, o: _Options) -> tuple[Tensor, Tensor]:
    """The formula, written out, in float32 at least. Returns output and weights (B, H, L, S)."""
    mask, causal = _masks(gate.as_mask(k.shape[2], wide(q.dtype)), q, k, o)
    mask = merge_masks(mask, _causal(q, k)) if causal else mask
    dtype = q.dtype
    q, k, v = (x.to(wide(dtype)) for x in (q, *spread_heads(q, k, v)))
    logits = _scores(q, k, gate.gain, o)  # (B, H, L, S)
    weights = _safe_softmax(logits, mask, o.sink)
    if o.dropout_p > 0.0:
        weights = F.dropout(weights, o.dropout_p)
    for share in gate.granted(q.shape[2], k.shape[2]):
        weights = weights if share is None else weights * share.to(weights.dtype)[:, None]
    return (weights @ v).to(dtype), weights.to(dtype)


def _attend_fetched(
    q: Tensor, k: Tensor, v: Tensor, gate: GateState, o: _Options, need_weights: bool
) -> Tensor | tuple[Tensor, Tensor]:
    """The indexed keys alone; weights come back at their keys (B, H, L, S)."""
    index, keys = gate.index, k.shape[2]
    assert index is not None
    k, v, gate, o = _select(k, v, gate, o, q.shape[2])
    small = k.shape[2] <= SMALL and q.dtype.itemsize >= 4
    if not small and not need_weights and o.score is None and o.sink is None:
        return _grant(q, k, v, gate, o, _attend_masked)
    out, weights = _attend_eager(q, k, v, gate, o)
    return (out, _put_back(weights, index, keys)) if need_weights else out


def _attend_flex(q: Tensor, k: Tensor, v: Tensor, gate: GateState, o: _Options) -> Tensor:
    _refuse_flex(q, k, v, gate, o)
    if q.device.type == "cpu":
        # Torch refuses a tensor that merely could require a gradient, even where none is recorded.
        q, k, v = q.detach(), k.detach(), v.detach()
    rule = _score_mod(gate, q, k, o)
    out: Tensor = _flex()(q, k, v, score_mod=rule, scale=o.scale, enable_gqa=o.gqa)
    return out


def _select(
    k: Tensor, v: Tensor, gate: GateState, o: _Options, queries: int
) -> tuple[Tensor, Tensor, GateState, _Options]:
    """Keys, values, gate and masks reduced to the indexed slots: S becomes Kmax."""
    assert gate.index is not None
    slot = gate.index.clamp(min=0)  # (B, Kmax)
    rows = slot[:, None, :, None]  # (B, 1, Kmax, 1)
    near = [x.gather(2, rows.expand(-1, x.shape[1], -1, x.shape[3])) for x in (k, v)]  # (B, Hkv, Kmax, D)
    mask = None if o.attn_mask is None else mask_at(o.attn_mask, slot, k.shape[2])
    if o.is_causal:
        now = torch.arange(queries, device=k.device)[:, None]  # (L, 1)
        mask = merge_masks(mask, slot[:, None, None, :] <= now)  # (B, 1, L, Kmax)
    here = gate.at_index(queries, k.shape[2])
    return near[0], near[1], here, replace(o, attn_mask=mask, is_causal=False)


def _put_back(weights: Tensor, index: Tensor, keys: int) -> Tensor:
    """The weights of the slots (B, H, L, Kmax) at their keys: (B, H, L, S). Empty slots carry 0 and add nothing."""
    spot = index.clamp(min=0)[:, None, None, :].expand_as(weights)
    return weights.new_zeros(*weights.shape[:3], keys).scatter_add(3, spot, weights)


# --- scores, masks, softmax -----------------------------------------------------------------------------


def _sharpen(x: Tensor, gain: Tensor | None) -> Tensor:
    """x (B, H, n, D) times the gain of its row, or of its row and head."""
    if gain is None:
        return x
    return x * gain.to(x.dtype).reshape(*gain.shape, *(1,) * (4 - gain.ndim))  # (B, 1 or H, 1, 1)


def _scores(q: Tensor, k: Tensor, gain: Tensor | None, o: _Options) -> Tensor:
    """gain * scale * q k^T, (B, H, L, S), with the factors on the shorter side; or gain * score(q, k)."""
    if o.score is not None:
        return _sharpen(_scored(o.score, q, k), gain)
    factor = 1.0 / math.sqrt(q.shape[-1]) if o.scale is None else o.scale
    if k.shape[2] < q.shape[2]:
        return q @ (_sharpen(k, gain) * factor).mT
    return (_sharpen(q, gain) * factor) @ k.mT


def _scored(score: Score, q: Tensor, k: Tensor) -> Tensor:
    """The logits of somebody's own score, if they have the right shape."""
    logits, wanted = score(q, k), (*q.shape[:3], k.shape[2])
    shape = tuple(getattr(logits, "shape", ()))
    if shape != wanted:
        raise InputError(f"score must give logits (B, H, L, S) = {wanted}, got {shown(shape or logits)}")
    return logits


def _safe_softmax(scores: Tensor, mask: Tensor | None, sink: Tensor | None = None) -> Tensor:
    """Softmax over the open keys; 0 where all are closed, and no NaN on the way back either."""
    if sink is not None:  # one more key, always open, whose weight is thrown away
        more = sink.to(scores.dtype).reshape(1, -1, 1, 1).expand(*scores.shape[:3], 1)
        if mask is not None:
            mask = F.pad(mask, (0, 1), value=True if mask.dtype == torch.bool else 0.0)
        return _safe_softmax(torch.cat([scores, more], -1), mask)[..., :-1]
    if mask is None:
        return torch.softmax(scores, -1)
    mask, closed = reopen(mask)
    scores = torch.where(mask, scores, -math.inf) if mask.dtype == torch.bool else scores + mask
    return torch.softmax(scores, -1).masked_fill(closed, 0.0)


def _masks(own: Tensor | None, q: Tensor, k: Tensor, o: _Options) -> tuple[Tensor | None, bool]:
    """The mask to hand to the kernel, and whether the kernel shall add causality itself."""
    mask = merge_masks(own, o.attn_mask)
    if mask is None:
        return None, o.is_causal
    if o.is_causal:
        mask = merge_masks(mask, _causal(q, k))
        assert mask is not None
    return (mask.to(q.dtype) if mask.is_floating_point() else mask), False


def _causal(q: Tensor, k: Tensor) -> Tensor:
    """Query i sees keys 0..i: (L, S) bool."""
    return torch.ones(q.shape[2], k.shape[2], dtype=torch.bool, device=q.device).tril()


# --- FlexAttention --------------------------------------------------------------------------------------


@functools.cache
def _compiled_flex() -> Any:
    from torch.nn.attention.flex_attention import flex_attention

    # fullgraph: past Torch's recompile limit this raises instead of going on unfused in silence.
    return torch.compile(flex_attention, fullgraph=True, dynamic=False)


def _flex() -> Any:
    """FlexAttention, compiled once; inside a compiled model the model's own compilation takes it."""
    from torch.nn.attention.flex_attention import flex_attention

    return flex_attention if torch.compiler.is_compiling() else _compiled_flex()


def _score_mod(gate: GateState, q: Tensor, k: Tensor, o: _Options) -> Callable[..., Tensor]:
    """The gate as a rule on one score. Tensors are captured, never numbers: a number would recompile."""
    timeless = GateState(bias=gate.bias, keep=gate.keep, index=gate.index)
    mask = merge_masks(timeless.as_mask(k.shape[2], q.dtype), o.attn_mask)
    look = None if mask is None else _lookup(mask, k.shape[2])
    on, off, now, causal = gate.t_on, gate.t_off, gate.t_query, o.is_causal

    def rule(score: Tensor, b: Tensor, h: Tensor, i: Tensor, j: Tensor) -> Tensor:
        if look is not None:
            here = look(b, h, i, j)
            score = torch.where(here, score, -math.inf) if here.dtype == torch.bool else score + here
        if on is not None and now is not None:
            score = torch.where(on[b, j] <= now[b, i], score, -math.inf)
        if off is not None and now is not None:
            score = torch.where(now[b, i] < off[b, j], score, -math.inf)
        return torch.where(j <= i, score, -math.inf) if causal else score

    return rule


def _lookup(mask: Tensor, keys: int) -> Callable[..., Tensor]:
    """A mask as a function of (b, h, i, j), indexed along the axes that it really has."""
    mask = mask.reshape((1,) * (4 - mask.ndim) + tuple(mask.shape)).expand(-1, -1, -1, keys)
    axes = tuple(axis for axis in range(3) if mask.shape[axis] > 1)
    core = mask.squeeze(tuple(axis for axis in range(3) if axis not in axes))
    return lambda *at: core[(*(at[axis] for axis in axes), at[3])]


def _refuse_flex(q: Tensor, k: Tensor, v: Tensor, gate: GateState, o: _Options) -> None:
    if o.dropout_p > 0.0:
        raise InputError(f"impl 'flex' has no dropout, got dropout_p={o.dropout_p}: use impl='mask'")
    tensors = [x for x in (q, k, v, gate.gain, gate.bias, gate.share, o.attn_mask) if x is not None]
    if q.device.type == "cpu" and torch.is_grad_enabled() and any(x.requires_grad for x in tensors):
        raise InputError("impl 'flex' has no gradient on a CPU: use impl='mask', torch.no_grad() or a GPU")
    if q.device.type == "cpu" and q.dtype == torch.float64:
        raise InputError("impl 'flex' has no float64 on a CPU: use impl='mask' or float32")


# --- the door -------------------------------------------------------------------------------------------


def _check_inputs(q: Tensor, k: Tensor, v: Tensor, o: _Options) -> None:
    for name, x in (("q", q), ("k", k), ("v", v)):
        if x.ndim != 4 or not x.is_floating_point():
            raise InputError(f"{name} must be a floating tensor (B, H, n, D), got {x.dtype} {tuple(x.shape)}")
    if k.shape[:3] != v.shape[:3] or q.shape[0] != k.shape[0] or q.shape[3] != k.shape[3]:
        shapes = ", ".join(str(tuple(x.shape)) for x in (q, k, v))
        raise InputError(f"q (B, H, L, D), k and v (B, Hkv, S, D) must agree in B, S and D, got {shapes}")
    if not q.dtype == k.dtype == v.dtype:
        raise InputError(f"q, k and v must have one dtype, got {q.dtype}, {k.dtype}, {v.dtype}")
    _check_heads(q.shape[1], k.shape[1], o.gqa)
    check_mask(o.attn_mask)
    if o.sink is not None and tuple(o.sink.shape) != (q.shape[1],):
        raise InputError(f"sink must be (H,) = ({q.shape[1]},), got {tuple(o.sink.shape)}")
    if o.score is not None and o.scale is not None:
        raise InputError(f"scale belongs to q k^T, got scale={o.scale} and a score: put it into the score")
    if not torch.compiler.is_compiling():  # there it may be a symbol
        number("dropout_p", o.dropout_p, least=0.0, most=1.0)


def _of_one_type(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Under autocast the three may differ, as in torch's own; each is then of the type that autocast computes in."""
    if q.dtype == k.dtype == v.dtype or not torch.is_autocast_enabled(q.device.type):
        return q, k, v
    lower = torch.get_autocast_dtype(q.device.type)
    q, k, v = (x if x.dtype == torch.float64 else x.to(lower) for x in (q, k, v))
    return q, k, v


def _check_heads(heads: int, groups: int, gqa: bool) -> None:
    if heads != groups and not (gqa and groups and heads % groups == 0):
        mend = "must be a multiple of k's" if gqa else "must equal k's, or set enable_gqa=True"
        raise InputError(f"heads of q {mend}, got {heads} and {groups}")


doors(__name__, "gated_attention", unless=torch.compiler.is_compiling, arrays=True)
