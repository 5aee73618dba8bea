"""The store itself, step by step (`SlotCache`), or as a mask on the layers of a network (`remember`)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cogattn.errors import InputError, doors, number
from cogattn.nn.functional import gated_attention
from cogattn.nn.layers import Where, attention_layers, chosen
from cogattn.nn.memory.plan import Plan


class SlotCache:
    """Causal attention one step at a time with only K keys and values kept.

    `step` lets the item at hand look at what is held and at itself, then writes it where the plan says. Step by step
    this is the batched pass with `attn_mask=plan.mask()`. Without a plan nothing is lost, and `slots` must be inf.

    null: a key and a value, each (1 or B, H, n, D), outside the store and open to every step.

    >>> from cogattn.nn.memory import eviction_plan
    >>> cache = SlotCache(slots=2, plan=eviction_plan(slots=2, length=5, policy="oldest"))
    >>> q = torch.randn(1, 4, 1, 8)
    >>> [cache.step(q, q, q).shape for _ in range(2)]
    [torch.Size([1, 4, 1, 8]), torch.Size([1, 4, 1, 8])]
    """

    keys: Tensor  #: (B, H, K, D), after the first step; (B, H, t, D) without a plan
    values: Tensor

    def __init__(
        self,
        slots: float,
        plan: Plan | None = None,
        *,
        scale: float | None = None,
        null: tuple[Tensor, Tensor] | None = None,
    ) -> None:
        slots = number("slots", slots, least=0, infinite=True)
        if plan is None and not math.isinf(slots):
            raise InputError(f"slots must be inf where there is no plan to say what is lost, got {slots:g}")
        if plan is not None and plan.slots > math.ceil(min(slots, 2**31)):
            raise InputError(f"slots must be at least {plan.slots}, as the plan needs, got {slots:g}")
        self.plan = plan
        self.time = 0
        self._rows = 0 if plan is None else plan.slots
        self._scale, self._null = scale, null

    def step(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """One item: q (B, H, 1, D), k and v (B, H, 1, D) or fewer heads; returns (B, H, 1, D)."""
        for name, x in (("q", q), ("k", k), ("v", v)):
            if x.ndim != 4 or x.shape[2] != 1:
                raise InputError(f"{name} must be one step, (B, H, 1, D), got shape {tuple(x.shape)}")
        if self.plan is not None and (self.time >= self.plan.length or q.shape[0] != self.plan.batch):
            raise InputError(
                f"the plan is for {self.plan.batch} sequences of {self.plan.length} steps, "
                f"got {q.shape[0]} at step {self.time}"
            )
        if self.time == 0:
            self.keys, self.values = (x.new_zeros(*x.shape[:2], self._rows, x.shape[3]) for x in (k, v))
            self._held = torch.full((q.shape[0], self._rows), -1, device=q.device)
        seen_k, seen_v = torch.cat([self.keys, k], 2), torch.cat([self.values, v], 2)
        mask = self._open(q.device)
        if self._null is not None:
            more = [x.to(q).expand(q.shape[0], *x.shape[1:]) for x in self._null]
            seen_k, seen_v = torch.cat([seen_k, more[0]], 2), torch.cat([seen_v, more[1]], 2)
            mask = None if mask is None else F.pad(mask, (0, more[0].shape[2]), value=True)
        out = gated_attention(
            q, seen_k, seen_v, attn_mask=mask, scale=self._scale, enable_gqa=q.shape[1] != k.shape[1]
        )
        self._write(k, v)
        return out

    def _open(self, device: torch.device) -> Tensor | None:
        """(B, 1, 1, K + 1): the slots that hold something alive, and the item at hand."""
        if self.plan is None:
            return None
        now = torch.from_numpy(self.plan.alive[:, self.time]).to(device)  # (B, T)
        found = now.gather(1, self._held.clamp(min=0)) & (self._held >= 0)
        return F.pad(found, (0, 1), value=True)[:, None, None, :]

    def _write(self, k: Tensor, v: Tensor) -> None:
        if self.plan is None:
            self.keys, self.values = torch.cat([self.keys, k], 2), torch.cat([self.values, v], 2)
        else:
            slot = torch.from_numpy(self.plan.slot[:, self.time]).to(k.device)  # (B,)
            here = torch.arange(self._rows, device=k.device) == slot[:, None]  # (B, K)
            self.keys = torch.where(here[:, None, :, None], k, self.keys)
            self.values = torch.where(here[:, None, :, None], v, self.values)
            self._held = torch.where(here, self.time, self._held)
        self.time += 1


@contextmanager
def remember(
    model: nn.Module, plan: Plan | None, layers: Where = -1
) -> Iterator[list[nn.MultiheadAttention]]:
    """Within the block, these self-attention layers of `model` find only what the plan holds.

    layers: which of the model's `MultiheadAttention` modules (torch's or cogattn's): numbers in their order, names, or
        "all"; by default the last alone. That bounds what the network knows only if the layers before it see their
        own item alone; "all" does not bound a deep network either. `leak` measures it. A plan of None limits nothing.

    >>> from cogattn.nn.memory import eviction_plan
    >>> layer = nn.TransformerEncoderLayer(8, 2, batch_first=True)
    >>> plan = eviction_plan(slots=2, length=5)
    >>> with remember(layer, plan) as limited:
    ...     len(limited)
    1
    """
    found = list(attention_layers(model).items())
    those = [found[i][1] for i in chosen([name for name, _ in found], layers)]
    with ExitStack() as stack:
        if plan is not None:
            for layer in those:
                # The hook also keeps nn.TransformerEncoderLayer from its fused path, which would skip it in silence.
                handle = layer.register_forward_pre_hook(_Reminder(plan), with_kwargs=True)
                stack.callback(handle.remove)
        yield those


class _Reminder:
    """Adds the plan to the attention mask of a call of `nn.MultiheadAttention`."""

    MASK = 5  # where attn_mask stands in forward(query, key, value, key_padding_mask, need_weights, attn_mask, ...)

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def __call__(
        self, layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        assert isinstance(layer, nn.MultiheadAttention)
        query = args[0] if args else kwargs["query"]
        if query.ndim != 3:
            raise InputError(f"a plan needs query (B, T, E) with a batch axis, got {tuple(query.shape)}")
        size = tuple(query.shape[:2] if layer.batch_first else query.shape[1::-1])
        if size != (self.plan.batch, self.plan.length):
            raise InputError(
                f"query must have (B, T) = {(self.plan.batch, self.plan.length)} as the plan, got {size}"
            )
        if len(args) > self.MASK:
            raise InputError("give attn_mask by its name where a plan is remembered")
        gone = ~torch.from_numpy(self.plan.alive).to(
            query.device
        )  # (B, T, T), True = forbidden, as the parent's
        gone = gone.repeat_interleave(layer.num_heads, 0)
        mask = kwargs.get("attn_mask")
        if mask is not None:
            gone = gone | mask if mask.dtype == torch.bool else torch.where(gone, -math.inf, mask)
        return args, kwargs | {"attn_mask": gone, "is_causal": False}


doors(__name__, unless=torch.compiler.is_compiling, arrays=True, first=True)
