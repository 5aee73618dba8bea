"""Attention masks joined, cut and opened again; heads spread; bool (True = may look) or numbers that are added.

>>> import torch
>>> causal = torch.ones(2, 2, dtype=torch.bool).tril()
>>> merge_masks(causal, torch.tensor([False, True])).tolist()
[[False, False], [False, True]]
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from cogattn.errors import InputError


def merge_masks(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    """Two attention masks as one, no larger than broadcasting makes it; bool (True = may look) as long as both are."""
    if a is None or b is None:
        return b if a is None else a
    if a.dtype == torch.bool:
        return a & b if b.dtype == torch.bool else torch.where(a, b, -math.inf)
    return torch.where(b, a, -math.inf) if b.dtype == torch.bool else a + b


def mask_at(mask: Tensor, slot: Tensor, keys: int) -> Tensor:
    """An attention mask at the slots (B, Kmax): (B, 1 or H, 1 or L, Kmax)."""
    mask = mask.reshape((1,) * (4 - mask.ndim) + tuple(mask.shape))
    heads, queries = mask.shape[1:3]
    mask = mask.expand(slot.shape[0], heads, queries, keys)  # a view
    return mask.gather(3, slot[:, None, None, :].expand(-1, heads, queries, -1))


def cut_mask(mask: Tensor | None, queries: slice, keys: slice) -> Tensor | None:
    """Somebody's mask for some of the queries and keys; an axis of 1 stays."""
    if mask is None:
        return None
    mask = mask if mask.shape[-2] == 1 else mask[..., queries, :]
    return mask if mask.shape[-1] == 1 else mask[..., keys]


def reopen(mask: Tensor) -> tuple[Tensor, Tensor]:
    """The mask with its fully closed rows opened, and which those were: their output is then set to 0."""
    if mask.dtype == torch.bool:
        closed = ~mask.any(-1, keepdim=True)
        return mask | closed, closed
    closed = (mask == -math.inf).all(-1, keepdim=True)
    return mask.masked_fill(closed, 0.0), closed


def spread_heads(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Grouped heads written out: k, v (B, Hkv, S, D) -> (B, H, S, D)."""
    if q.shape[1] == k.shape[1]:
        return k, v
    group = q.shape[1] // k.shape[1]
    return k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)


def wide(dtype: torch.dtype) -> torch.dtype:
    """In which type scores are computed: float32 at least."""
    return dtype if dtype.itemsize >= 4 else torch.float32


def check_mask(mask: Tensor | None) -> None:
    """Refuse a mask that is neither bool nor floating, or of a shape that cannot be meant."""
    if mask is None:
        return
    if mask.dtype != torch.bool and not mask.is_floating_point():
        raise InputError(f"attn_mask must be bool (True = may look) or floating, got {mask.dtype}")
    if mask.ndim not in (2, 4):
        raise InputError(f"attn_mask must be (L, S) or 4-d, got shape {tuple(mask.shape)}: use mask[:, None]")
