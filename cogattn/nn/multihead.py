"""Multi-head attention with a gate: a drop-in for `torch.nn.MultiheadAttention`.

The same constructor, parameters and `state_dict`; without a gate the parent runs unchanged. With one, the
projections are the parent's and the scores meet the gate in `cogattn.nn.gated_attention`.

`nn.TransformerEncoderLayer` has a fused evaluation path that never calls its `self_attn` and would skip
any gate in silence. A forward hook switches that path off (Torch checks for hooks), so each module
carries one that does nothing else.

>>> import torch
>>> from cogattn.nn.gate import GateState
>>> layer = torch.nn.TransformerEncoderLayer(16, 4, batch_first=True).eval()
>>> layer.self_attn = MultiheadAttention(16, 4, batch_first=True)
>>> x, gate = torch.randn(2, 5, 16), GateState(share=torch.tensor([1.0, 0.0]))
>>> with layer.self_attn.under(gate), torch.no_grad():
...     y = layer(x)
>>> y.shape
torch.Size([2, 5, 16])
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cogattn.errors import InputError, doors, held, number
from cogattn.nn.checkpoints import refuse_strangers
from cogattn.nn.functional import gated_attention
from cogattn.nn.gate import GateState


def mind_the_gate(module: nn.Module, args: Any) -> None:
    """Does nothing; that it is there keeps nn.TransformerEncoderLayer from skipping this module."""


class Projections(nn.Module):
    """The projections of multi-head attention, as `nn.MultiheadAttention` names and keeps them."""

    embed_dim: int
    num_heads: int
    head_dim: int
    batch_first: bool
    _qkv_same_embed_dim: bool
    in_proj_weight: Any  # a parameter, or None where widths differ
    in_proj_bias: Any
    q_proj_weight: Any
    k_proj_weight: Any
    v_proj_weight: Any
    out_proj: Any

    def project(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """W_q, W_k and W_v, cut into heads: (B, n, E), (n, B, E) or (n, E) -> (B, H, n, D)."""
        query, key, value = self._time_first(query, key, value)
        if query is key is value and self._qkv_same_embed_dim:
            q, k, v = F.linear(query, self.in_proj_weight, self.in_proj_bias).chunk(3, -1)
        else:
            q, k, v = (
                F.linear(x, weight, bias)
                for x, weight, bias in zip((query, key, value), self._weights(), self._biases(), strict=True)
            )
        return self._heads(q), self._heads(k), self._heads(v)

    def _weights(self) -> tuple[Tensor, ...]:
        if self._qkv_same_embed_dim:
            return self.in_proj_weight.chunk(3)
        return self.q_proj_weight, self.k_proj_weight, self.v_proj_weight

    def _biases(self) -> tuple[Tensor | None, ...]:
        bias: Tensor | None = self.in_proj_bias  # absent if built with bias=False
        return (None, None, None) if bias is None else bias.chunk(3)

    def _heads(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], self.num_heads, self.head_dim).permute(1, 2, 0, 3)  # (B, H, L, D)

    def _time_first(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(L, B, E) whatever came. One tensor given three times stays one, so that it is projected once.

        No `id`: a compiled module would be bound to these very tensors, and compile anew for the next ones.
        """
        q = self._turned(query)
        k = q if key is query else self._turned(key)
        v = q if value is query else k if value is key else self._turned(value)
        return q, k, v

    def _turned(self, x: Tensor) -> Tensor:
        return x.unsqueeze(1) if x.ndim == 2 else x.transpose(0, 1) if self.batch_first else x


def _asked(
    embed_dim: int,
    num_heads: int,
    dropout: float = 0.0,
    bias: bool = True,
    add_bias_kv: bool = False,
    add_zero_attn: bool = False,
    kdim: int | None = None,
    vdim: int | None = None,
    batch_first: bool = False,
) -> None:
    """What the parent takes, and of which kind: it says so nowhere itself."""


class _Held:
    """A gate for the length of a block. Whoever copies or pickles the module gets none."""

    def __init__(self, gate: GateState | None) -> None:
        self.gate = gate

    def __reduce__(self) -> tuple[Any, ...]:
        return type(None), ()


class Gated(Projections):
    """What the forward of `nn.MultiheadAttention` does under a gate; stands before it among the bases of a class."""

    gate: GateState | None = None
    _held: _Held | None = None

    dropout: float
    bias_k: Any
    add_zero_attn: bool

    @contextmanager
    def under(self, gate: GateState | None) -> Iterator[Gated]:
        """Every call within the block goes through `gate`, unless it brings its own."""
        before, self._held = self._held, _Held(gate)
        try:
            yield self
        finally:
            if before is None:
                del self._held
            else:
                self._held = before

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
        gate: GateState | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """As the parent's; `gate` (or the attached one) speaks of the B rows, H heads, L queries, S keys.

        Returned weights are those used, `share` included, so that their rows may sum to less than 1.
        """
        if gate is None and self._held is not None:
            gate = self._held.gate
            refuse_strangers()
        elif gate is None:
            gate = self.gate
        if gate is None or gate.is_identity:
            plain: Any = super()
            return plain.forward(
                query,
                key,
                value,
                key_padding_mask=key_padding_mask,
                need_weights=need_weights,
                attn_mask=attn_mask,
                average_attn_weights=average_attn_weights,
                is_causal=is_causal,
            )
        self._refuse(query, attn_mask, is_causal)
        single = query.ndim == 2
        q, k, v = self.project(query, key, value)  # (B, H, L or S, D)
        if key_padding_mask is not None:
            gate = _without_padding(gate, key_padding_mask[None] if single else key_padding_mask, k)
        mask = _allowed(attn_mask, q, k)
        dropout = self.dropout if self.training else 0.0
        if need_weights:
            out, weights = gated_attention(
                q, k, v, gate, attn_mask=mask, dropout_p=dropout, need_weights=True
            )
            weights = weights.mean(1) if average_attn_weights else weights
            return self._merge_heads(out, single), weights[0] if single else weights
        out = gated_attention(q, k, v, gate, attn_mask=mask, dropout_p=dropout)
        return self._merge_heads(out, single), None

    def _refuse(self, query: Tensor, attn_mask: Tensor | None, is_causal: bool) -> None:
        if self.bias_k is not None or self.add_zero_attn:
            raise InputError("add_bias_kv and add_zero_attn add a key that no gate knows: build without them")
        if query.is_nested:
            raise InputError("a gate needs padded tensors, got a nested one: set enable_nested_tensor=False")
        if query.ndim not in (2, 3):
            raise InputError(f"query must be (L, E) or have a batch axis too, got shape {tuple(query.shape)}")
        if is_causal and attn_mask is None:
            raise InputError("is_causal is a hint about attn_mask, as in the parent: give the mask too")

    def _merge_heads(self, out: Tensor, single: bool) -> Tensor:
        """(B, H, L, D) -> (L, B, E), projected, in the layout of the input."""
        length, batch = out.shape[2], out.shape[0]
        flat = out.permute(2, 0, 1, 3).reshape(length * batch, self.embed_dim)
        y = F.linear(flat, self.out_proj.weight, self.out_proj.bias).view(length, batch, self.embed_dim)
        if single:
            return y.squeeze(1)
        return y.transpose(0, 1) if self.batch_first else y


class MultiheadAttention(Gated, nn.MultiheadAttention):
    """`nn.MultiheadAttention` that can look through a gate.

    Give the gate to `forward(..., gate=...)`, or attach it where the caller is not yours:
    `with module.under(gate): ...`, or `module.gate = gate` until `module.gate = None`.

    A row to which every key is closed, or nothing is granted, comes out as the bias of `out_proj`: the
    attention itself gave 0.

    >>> layer = MultiheadAttention(16, 4, batch_first=True)
    >>> x = torch.randn(2, 6, 16)
    >>> gate = GateState(keep=torch.ones(2, 6, dtype=torch.bool))
    >>> layer(x, x, x, gate=gate)[0].shape
    torch.Size([2, 6, 16])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        held(_asked, args, kwargs)
        try:
            super().__init__(*args, **kwargs)
        except (ValueError, AssertionError, RuntimeError, ZeroDivisionError) as error:  # torch's own checks
            raise InputError(f"no such attention: {error}") from None
        number("dropout", self.dropout, least=0, most=1)
        self.gate = None
        self.register_forward_pre_hook(mind_the_gate)


class Borrowed(Gated):
    """One of torch's modules for the length of a block: the same parameters and hooks, and a gate.

    A copy that is made within the block is torch's again, and free.
    """

    _plain: type[nn.MultiheadAttention]

    def _free(self) -> dict[str, Any]:
        """All that it holds but the gate and the hook of the block."""
        mine = {name: x for name, x in self.__dict__.items() if name != "_held"}
        hooks = mine["_forward_pre_hooks"]
        mine["_forward_pre_hooks"] = type(hooks)((n, h) for n, h in hooks.items() if h is not mind_the_gate)
        return mine

    def __deepcopy__(self, memo: dict[int, Any]) -> nn.Module:
        twin = _blank(self._plain)
        memo[id(self)] = twin
        twin.__dict__.update(copy.deepcopy(self._free(), memo))
        return twin

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return _blank, (self._plain,), self._free()


def _blank(cls: type[nn.MultiheadAttention]) -> nn.MultiheadAttention:
    """A module that nothing has been put into yet."""
    return cls.__new__(cls)


_BORROWED: dict[type[nn.MultiheadAttention], Any] = {}


def borrowed(cls: type[nn.MultiheadAttention]) -> type[nn.MultiheadAttention]:
    """The class for the block of modules of this one, perhaps a subclass that torch made (parametrized)."""
    if cls not in _BORROWED:
        _BORROWED[cls] = type(cls.__name__, (Borrowed, cls), {"_plain": cls, "__module__": cls.__module__})
    return _BORROWED[cls]


def _without_padding(gate: GateState, padding: Tensor, k: Tensor) -> GateState:
    """Padding belongs to the keys, so it joins the gate there: no (B, H, L, S) mask is built for it."""
    shape = (k.shape[0], k.shape[2])
    if tuple(padding.shape) != shape:
        raise InputError(f"key_padding_mask must be (B, S) = {shape}, got {tuple(padding.shape)}")
    if padding.dtype == torch.bool:
        return gate.then(GateState(keep=~padding))
    return gate.then(GateState(bias=padding))


def _allowed(mask: Tensor | None, q: Tensor, k: Tensor) -> Tensor | None:
    """The parent's mask, (L, S) or (B * H, L, S) with True = forbidden, in the other convention and 4-d."""
    if mask is None:
        return None
    B, H, L, S = *q.shape[:3], k.shape[2]
    if tuple(mask.shape) not in ((L, S), (B * H, L, S)):
        raise InputError(
            f"attn_mask must be {(L, S)} or (B * H, L, S) = {(B * H, L, S)}, got {tuple(mask.shape)}"
        )
    mask = ~mask if mask.dtype == torch.bool else mask
    return mask if mask.ndim == 2 else mask.view(B, H, L, S)


doors(__name__, "Projections", "Gated", "MultiheadAttention", unless=torch.compiler.is_compiling, arrays=True)
