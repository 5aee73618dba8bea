"""The classic attention mechanisms by name, each able to wear human limits.

A mechanism is a score s(q, k): how alike a query and a key are. All that follows is the same for all of them,

    output = (softmax(gain * s(q, k) + bias, over the visible keys) * share) v   [+ q, if residual]

with gain, bias, visibility and share from a `GateState`; without one this is the mechanism of its paper.

    dot          q.k                        Luong, Pham & Manning (2015), EMNLP, 1412-1421
    scaled_dot   q.k / sqrt(d)              Vaswani et al. (2017), NeurIPS 30, 5998-6008
    norm_scaled  q.k / sqrt(|q| |k|)        no paper known: half-way from dot to cosine
    cosine       q.k / (|q| |k|)            Graves, Wayne & Danihelka (2014), arXiv 1410.5401
    euclidean    -|q - k|                   Shepard (1987), Science 237, 1317-1323
    additive     w.tanh(W_q q + W_k k)      Bahdanau, Cho & Bengio (2015), ICLR

`euclidean` is a psychologist's: exp(-distance) is Shepard's law of generalisation, and its softmax is the choice rule
of Nosofsky's (1986, J. Exp. Psychol. General 115, 39-57) generalized context model, with the gain as his sensitivity
c, remembered examples as keys and their categories as values.

Scores that are dot products of something run on torch's fused kernels. Shapes: B batch, H heads, L queries, S keys,
D features of one head, A hidden units of the additive score.

>>> import torch
>>> from cogattn.nn.gate import GateState
>>> attend = attention("additive", 16)
>>> q, k, v = torch.randn(2, 5, 16), torch.randn(2, 7, 16), torch.randn(2, 7, 16)
>>> output, weights = attend(q, k, v, gate=GateState(share=torch.tensor([1.0, 0.5])))
>>> output.shape, [round(x, 4) for x in weights.sum(-1).mean(-1).tolist()]
(torch.Size([2, 5, 16]), [1.0, 0.5])
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from cogattn._renamed import old_names
from cogattn.errors import InputError, choice, doors, number, whole
from cogattn.nn.functional import gated_attention
from cogattn.nn.gate import GateState
from cogattn.nn.masks import merge_masks
from cogattn.nn.multihead import Projections
from cogattn.nn.scores import MECHANISMS, SIMPLE, Additive, Mechanism

# Local attention takes at least this many queries at a time: less work each, or fewer calls.
STRETCH = 64
WIDEST = 10**6  # features of a query: a layer that is wider is a slip of the hand


class AttentionParts(NamedTuple):
    """What one call of attention did, in its parts.

    >>> import torch
    >>> parts = attention("scaled_dot", 8).explained(torch.randn(2, 5, 8))
    >>> parts.matrix.shape, parts.allocation.shape
    (torch.Size([2, 1, 5, 5]), torch.Size([2, 5]))
    """

    matrix: Tensor
    """(B, H, L, S): the weights as they were used. Under a gate with `share` rows sum to less than 1."""
    allocation: Tensor
    """(B, S): how much each key got of all the looking, the mean over queries and heads."""
    context: Tensor
    """What was passed on, heads side by side: matrix times values, before W_o and before the residual."""
    output: Tensor
    """What came out."""


class Attention(nn.Module):
    """One attention mechanism, over one head or several, global or local. Made by `attention`.

    >>> import torch
    >>> layer = attention("cosine", 8)
    >>> output, weights = layer(torch.randn(2, 5, 8))
    >>> output.shape, weights.shape
    (torch.Size([2, 5, 8]), torch.Size([2, 5, 5]))
    """

    def __init__(
        self,
        mechanism: Mechanism,
        dim: int,
        key_dim: int,
        heads: int,
        *,
        causal: bool,
        window: int | None,
        block: int | None,
        residual: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        self.mechanism, self.dim, self.key_dim, self.heads = mechanism, dim, key_dim, heads
        self.causal, self.window, self.block = causal, window, block
        self.residual, self.dropout = residual, dropout

    def forward(
        self,
        q: Tensor,
        k: Tensor | None = None,
        v: Tensor | None = None,
        *,
        mask: Tensor | None = None,
        gate: GateState | None = None,
        need_weights: bool = True,
    ) -> tuple[Tensor, Tensor | None]:
        """Output and weights of q (B, L, dim) over k (B, S, key_dim) and v (B, S, any width).

        Without k and v attention is to q itself; without v, k is also what is passed on. (L, dim) is a batch of one;
        (B, H, L, dim / heads) has its heads apart already. A module of one head takes any number of them, with
        the same parameters for each.

        mask: bool, True = may look, or floating, added to the scores. (B, S) for padding, (L, S), (B, L, S), or
            (B, H, L, S); an axis of the last two may be 1.
        gate: human limits on the B rows and S keys. None, or one that limits nothing, gives the same bits.
        need_weights: False lets scores that are dot products take torch's fused kernels, and local attention leave
            out what nobody may look at; the weights are then None.

        The weights are (B, L, S), or (B, H, L, S) where there are heads, and come as used: under `share` their rows
        sum to less than 1. A row that may look at nothing is 0.
        """
        q, k, v = _streams(q, k, v)
        context, weights = self._look(q, k, v, mask, gate, need_weights)
        output = self._pass_on(self._joined(context, q), q)
        if weights is None or q.ndim == 4:
            return output, weights
        weights = weights[:, 0] if self.heads == 1 else weights
        return output, weights[0] if q.ndim == 2 else weights

    def explained(
        self,
        q: Tensor,
        k: Tensor | None = None,
        v: Tensor | None = None,
        *,
        mask: Tensor | None = None,
        gate: GateState | None = None,
    ) -> AttentionParts:
        """The same call in its parts: attention matrix, what each key got in all, what was passed on."""
        q, k, v = _streams(q, k, v)
        context, matrix = self._look(q, k, v, mask, gate, need_weights=True)
        assert matrix is not None
        joined = self._joined(context, q)
        return AttentionParts(matrix, matrix.mean((1, 2)), joined, self._pass_on(joined, q))

    def extra_repr(self) -> str:
        named = {"causal": self.causal, "window": self.window, "block": self.block, "residual": self.residual}
        told = [
            f"{name}={value}" for name, value in named.items() if value is not None and value is not False
        ]
        return ", ".join([f"dim={self.dim}", f"heads={self.heads}", *told])

    # What multi-head attention with projections does otherwise.

    def _apart(self, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Heads on an axis of their own: (B, n, D * H) -> (B, H, n, D)."""
        if q.ndim == 4:
            return q, k, v
        q, k, v = (x if x.ndim == 3 else x[None] for x in (q, k, v))
        return self._cut(q), self._cut(k), self._cut(v)

    def _cut(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], self.heads, x.shape[2] // self.heads).transpose(1, 2)

    def _pass_on(self, context: Tensor, q: Tensor) -> Tensor:
        return context + q if self.residual else context

    # What all of them do.

    def _look(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, gate: GateState | None, need_weights: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Context (B, H, L, D) and weights (B, H, L, S)."""
        self._check(q, k, v)
        q, k, v = self._apart(q, k, v)
        mask = None if mask is None else _four_axes(mask, q, k)
        gate = GateState() if gate is None else gate
        q, k = self.mechanism.bring(q, k)
        if not need_weights and gate.index is None and self._is_sparse(q.shape[2], k.shape[2]):
            return self._in_stretches(q, k, v, mask, gate), None
        near = self._near(range(q.shape[2]), range(k.shape[2]), q.device, causal=False)
        how = self._how(merge_masks(mask, near), is_causal=self.causal)
        if need_weights:
            return gated_attention(q, k, v, gate, need_weights=True, **how)
        return gated_attention(q, k, v, gate, **how), None

    def _how(self, mask: Tensor | None, is_causal: bool) -> dict[str, Any]:
        dropout = self.dropout if self.training else 0.0
        return {"attn_mask": mask, "is_causal": is_causal, "dropout_p": dropout, **self.mechanism.comparison}

    def _joined(self, context: Tensor, q: Tensor) -> Tensor:
        """The heads side by side again, in the axes of q: (B, H, L, D) -> (B, L, D * H)."""
        if q.ndim == 4:
            return context
        joined = context.transpose(1, 2).flatten(2)
        return joined if q.ndim == 3 else joined[0]

    # Local attention: what lies near.

    def _near(self, queries: range, keys: range, device: torch.device, causal: bool) -> Tensor | None:
        """Which of these queries may look at which of these keys by position: (l, s) bool; None = all at all."""
        if self.window is None and self.block is None and not causal:
            return None
        i = torch.arange(queries.start, queries.stop, device=device)[:, None]
        j = torch.arange(keys.start, keys.stop, device=device)
        near = None if self.window is None else (i - j).abs() <= self.window
        if self.block is not None:
            near = merge_masks(near, i // self.block == j // self.block)
        return merge_masks(near, j <= i) if causal else near

    def _stretches(self, queries: int, keys: int) -> Iterator[tuple[range, range]]:
        """Queries in stretches, each with the keys that some of them may look at (one at least)."""
        step = max(STRETCH, self.window or 0)
        if self.block is not None:
            step = self.block * math.ceil(STRETCH / self.block)
        for first in range(0, queries, step):
            last = min(first + step, queries)
            low, high = 0, keys
            if self.window is not None:
                low, high = max(low, first - self.window), min(high, last + self.window)
            if self.block is not None:
                low, high = max(low, first // self.block * self.block), min(high, first + step)
            if self.causal:
                high = min(high, last)
            low = min(low, keys - 1)
            yield range(first, last), range(low, max(high, low + 1))

    def _is_sparse(self, queries: int, keys: int) -> bool:
        """Do the stretches leave out at least half of all pairs?"""
        if self.window is None and self.block is None:
            return False
        pairs = sum(len(some) * len(near) for some, near in self._stretches(queries, keys))
        return 2 * pairs <= queries * keys

    def _in_stretches(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, gate: GateState) -> Tensor:
        """Local attention at the cost of what is near: (B, H, L, D)."""
        of, parts = (q.shape[2], k.shape[2]), []
        gate.validate(q.shape[0], q.shape[1], *of)
        for queries, keys in self._stretches(*of):
            some, near = slice(queries.start, queries.stop), slice(keys.start, keys.stop)
            open_ = merge_masks(
                _piece(mask, some, near), self._near(queries, keys, q.device, causal=self.causal)
            )
            x = q[:, :, some], k[:, :, near], v[:, :, near]
            parts.append(gated_attention(*x, gate.part(some, near, of), **self._how(open_, is_causal=False)))
        return torch.cat(parts, 2)

    # The door.

    def _check(self, q: Tensor, k: Tensor, v: Tensor) -> None:
        for name, x in (("q", q), ("k", k), ("v", v)):
            if x.ndim not in (2, 3, 4) or x.ndim != q.ndim or not x.is_floating_point():
                raise InputError(
                    f"{name} must be floating, (n, D), (B, n, D) or (B, H, n, D), with the axes of q, "
                    f"got {x.dtype} {tuple(x.shape)}"
                )
        if q.ndim == 4 and self.heads not in (1, q.shape[1]):
            raise InputError(f"q must have {self.heads} heads on its second axis, got {tuple(q.shape)}")
        cut = self.heads if q.ndim == 4 else 1
        for name, x, width in (("q", q, self.dim), ("k", k, self.key_dim)):
            if x.shape[-1] != width // cut:
                raise InputError(f"{name} must have {width // cut} features, got {tuple(x.shape)}")
        self._check_values(q, v)

    def _check_values(self, q: Tensor, v: Tensor) -> None:
        if q.ndim < 4 and v.shape[-1] % self.heads:
            raise InputError(f"v must have a multiple of heads = {self.heads} features, got {tuple(v.shape)}")
        if self.residual and v.shape[-1] != q.shape[-1]:
            raise InputError(
                f"residual adds q, so v must have its {q.shape[-1]} features too, got {tuple(v.shape)}"
            )


class ProjectedAttention(Projections, Attention):
    """Multi-head attention as a layer: a mechanism between learned projections W_q, W_k, W_v and W_o.

    The parameters are those of `nn.MultiheadAttention`, by name and by first value, so that its `state_dict` loads;
    with "scaled_dot" the two compute the same. An additive score keeps its own beside them.
    """

    def __init__(
        self, mechanism: Mechanism, dim: int, key_dim: int, heads: int, *, value_dim: int, **how: Any
    ) -> None:
        super().__init__(mechanism, dim, key_dim, heads, **how)
        made = nn.MultiheadAttention(dim, heads, kdim=key_dim, vdim=value_dim, batch_first=True)
        for name in ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight", "in_proj_bias"):
            self.register_parameter(name, getattr(made, name))
        self.out_proj, self.value_dim = made.out_proj, value_dim
        self.embed_dim, self.num_heads, self.head_dim, self.batch_first = dim, heads, dim // heads, True
        self._qkv_same_embed_dim = dim == key_dim == value_dim

    def _apart(self, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.project(q, k, v)

    def _pass_on(self, context: Tensor, q: Tensor) -> Tensor:
        return super()._pass_on(self.out_proj(context), q)

    def _check_values(self, q: Tensor, v: Tensor) -> None:
        if q.ndim == 4:
            raise InputError(f"q must be (B, L, {self.dim}) where it is projected, got {tuple(q.shape)}")
        if v.shape[-1] != self.value_dim:
            raise InputError(f"v must have {self.value_dim} features, got {tuple(v.shape)}")


def attention(
    name: str,
    dim: int,
    *,
    heads: int = 1,
    key_dim: int | None = None,
    value_dim: int | None = None,
    hidden: int | None = None,
    scale: float | None = None,
    causal: bool = False,
    window: int | None = None,
    block: int | None = None,
    residual: bool = False,
    project: bool = False,
    dropout: float = 0.0,
) -> Attention:
    """An attention mechanism by name: dot, scaled_dot, norm_scaled, cosine, euclidean or additive.

    dim: features of a query, all heads together. heads: how many, each with its dim / heads features.
    key_dim, value_dim: features of keys and values where they are projected, `dim` unless told; the additive score
        takes keys of another width in any case, and values that are not projected may have any.
    hidden: hidden units of the additive score, for each head; dim / heads unless told.
    scale: multiplies the score, instead of 1 (scaled_dot: instead of 1 / sqrt(d)); a temperature of 1 / scale.
    causal: query i looks at keys 0 to i. window: at keys at most so many positions away. block: at keys of its own
        block of so many positions. All three count positions from 0 on both sides, and may be joined.
    residual: adds the query, "context plus query". project: learned W_q, W_k, W_v, W_o, the layer of
        `nn.MultiheadAttention` and its parameters. dropout: of weights, in training.

    >>> attention("cosine", 32, heads=4, scale=10.0, causal=True)
    Attention(
      dim=32, heads=4, causal=True
      (mechanism): Cosine()
    )
    """
    choice("name", name, MECHANISMS)
    dim, heads = whole("dim", dim, least=1, most=WIDEST), whole("heads", heads, least=1)
    key_dim = dim if key_dim is None else whole("key_dim", key_dim, least=1, most=WIDEST)
    how: dict[str, Any] = {
        "causal": causal,
        "window": None if window is None else whole("window", window),
        "block": None if block is None else whole("block", block, least=1),
        "residual": residual,
        "dropout": number("dropout", dropout, least=0.0, most=1.0),
    }
    _check_widths(name, dim, heads, key_dim, value_dim, hidden, project)
    width, key_width = dim // heads, (dim if project else key_dim) // heads
    mechanism = SIMPLE[name](scale) if name in SIMPLE else None
    if mechanism is None:
        hidden = width if hidden is None else whole("hidden", hidden, least=1, most=WIDEST)
        mechanism = Additive(width, key_width, hidden, heads, scale)
    if not project:
        return Attention(mechanism, dim, key_dim, heads, **how)
    value_dim = dim if value_dim is None else whole("value_dim", value_dim, least=1, most=WIDEST)
    return ProjectedAttention(mechanism, dim, key_dim, heads, value_dim=value_dim, **how)


def _check_widths(
    name: str, dim: int, heads: int, key_dim: int, value_dim: int | None, hidden: int | None, project: bool
) -> None:
    if dim % heads or (key_dim % heads and not project):
        raise InputError(f"dim and key_dim must be multiples of heads = {heads}, got {dim} and {key_dim}")
    if key_dim != dim and name != "additive" and not project:
        raise InputError(
            f"key_dim must be dim = {dim} where q and k are compared as they are, got {key_dim}: use project=True"
        )
    if value_dim is not None and not project:
        raise InputError("value_dim is for project=True; values that are not projected may have any width")
    if hidden is not None and name != "additive":
        raise InputError(f"hidden is for the additive score, {name!r} has no hidden units")


def _streams(q: Tensor, k: Tensor | None, v: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Self-attention unless told otherwise; what is looked at is what is passed on unless told otherwise."""
    if k is None and v is not None:
        raise InputError("k must be given where v is, got None: which keys do the values belong to?")
    k = q if k is None else k
    return q, k, k if v is None else v


def _four_axes(mask: Tensor, q: Tensor, k: Tensor) -> Tensor:
    """A mask as it broadcasts to (B, H, L, S)."""
    B, H, L, S = *q.shape[:3], k.shape[2]
    if mask.dtype != torch.bool and not mask.is_floating_point():
        raise InputError(f"mask must be bool (True = may look) or floating, got {mask.dtype}")
    if mask.ndim == 2 and tuple(mask.shape) == (B, S) == (L, S) and B > 1:
        raise InputError(
            f"mask {tuple(mask.shape)} could mean keys or pairs, for B = L = {B}: "
            "give mask[:, None, :] for keys (padding) or mask[None] for pairs"
        )
    given = tuple(mask.shape)
    if mask.ndim == 2:
        mask = mask[:, None, None] if given == (B, S) else mask[None, None]
    elif mask.ndim == 3:
        mask = mask[:, None]
    fits = mask.ndim == 4 and all(n in (1, full) for n, full in zip(mask.shape, (B, H, L), strict=False))
    if not fits or mask.shape[3] != S:
        raise InputError(f"mask must be (B, S) = {(B, S)}, (L, S), (B, L, S) or (B, H, L, S), got {given}")
    return mask


def _piece(mask: Tensor | None, queries: slice, keys: slice) -> Tensor | None:
    if mask is None:
        return None
    return mask[:, :, queries if mask.shape[2] > 1 else slice(None), keys]


old_names(__name__, Explanation="AttentionParts")

doors(__name__, "Attention", "attention", unless=torch.compiler.is_compiling, arrays=True)
