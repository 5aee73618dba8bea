"""What a limited attention module of transformers carries, and the attention function that minds it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from cogattn.errors import InputError
from cogattn.nn.checkpoints import refuse_strangers
from cogattn.nn.functional import gated_attention
from cogattn.nn.gate import GateState
from cogattn.nn.masks import merge_masks, spread_heads

LIMIT = "_cogattn_limit"  #: the attribute of an attention module that is limited
# What some models hand to an attention function that changes the scores, and that plain attention does not know.
UNKNOWN = ("indices",)


class Memory(Protocol):
    """What is still held of the keys, asked in every pass: `HumanCache`."""

    def found(self, layer: int, mask: Tensor | None, size: tuple[int, int, int]) -> Tensor:
        """(B, 1, L, S) bool: which of the keys each query of this pass still finds."""

    def wants(self, layer: int) -> bool:
        """Does it learn from the attention of this layer?"""

    def learn(self, weights: Tensor) -> None:
        """The attention (B, H, L, S) of that layer in this pass."""


@dataclass(frozen=True)
class Limit:
    """What an attention module carries while it is limited."""

    gate: GateState
    plan: Tensor | None = None  # (B, 1, T, T) bool, True = may look
    closed: bool = False  # the keys of new tokens
    grows: bool = False  # it writes its own keys, one after the other
    window: int | None = None  # how many keys its cache keeps; None = all
    sinks: int = 0  # how many of the first keys that are no padding stay open whatever the gate
    memory: Memory | None = None
    seen: list[tuple[Tensor, Tensor]] | None = None  # of each call: weights, and which keys are no padding

    @property
    def does_nothing(self) -> bool:
        """Whether the layer stays as it is: no gate closes anything, nothing is remembered."""
        return self.gate.is_identity and self.plan is None and self.seen is None and self.memory is None

    def __reduce__(self) -> tuple[Any, ...]:
        """Whoever copies or pickles the module copies a free one."""
        return type(None), ()

    @property
    def is_mine(self) -> bool:
        """Does a gate, a plan or a memory limit it, and not only somebody look?"""
        return not (self.gate.is_identity and self.plan is None and self.memory is None)

    def on(self, name: str, layer: nn.Module, role: str) -> Limit:
        """The same for one module, on its device."""
        back = role == "decoder"
        if self.plan is not None and not back:
            raise InputError(
                f"a plan says what is still found of what came before, but {name} looks ahead too"
            )
        device = next((p.device for p in layer.parameters()), None)
        plan = None if self.plan is None else self.plan.to(device)
        if self.memory is not None and not back:
            raise InputError(f"a HumanCache holds what came before, but {name} looks ahead too")
        window = _window(layer) if back else None
        return replace(self, gate=self.gate.to(device), plan=plan, grows=back, window=window)

    def at(self, batch: int, queries: int, keys: int) -> GateState:
        """The gate as this call needs it: for as many rows and keys."""
        gate = self.gate
        if self.grows and gate.on_keys:
            if self.window is not None and queries < keys and keys >= self.window:
                raise InputError(
                    f"a cache that keeps {self.window} keys has dropped some, and a gate cannot tell which: "
                    "give generate use_cache=False, or limit a layer of full attention"
                )
            gate = gate.grow(keys, closed=self.closed)
        times = _times(gate.rows, batch, "gate")
        return gate if times == 1 else gate.repeat(times)

    def found(self, batch: int, queries: int, keys: int) -> Tensor | None:
        """The plan's mask (B, 1, L, S) for a pass over the first L steps."""
        if self.plan is None:
            return None
        if queries != keys or queries > self.plan.shape[2]:
            raise InputError(
                f"a plan of {self.plan.shape[2]} steps speaks of whole passes over as many or fewer, got "
                f"{queries} queries and {keys} keys: give generate use_cache=False, or make a longer plan"
            )
        times = _times(self.plan.shape[0], batch, "plan")
        return self.plan[:, :, :queries, :keys].repeat_interleave(times, 0)


def _times(rows: int | None, batch: int, what: str) -> int:
    """How often each row is used: as often as a search repeats each sequence."""
    if rows is None:
        return 1
    if batch % rows:
        raise InputError(
            f"{what} has {rows} rows, which do not fit a batch of {batch}: give one row per sequence"
        )
    return batch // rows


def _window(layer: nn.Module) -> int | None:
    """How many keys the cache of this layer keeps, as transformers decides it from the config."""
    config = getattr(layer, "config", None)
    kinds, at = getattr(config, "layer_types", None), getattr(layer, "layer_idx", None)
    if kinds is not None and at is not None and at < len(kinds) and kinds[at] == "full_attention":
        return None
    sizes = (getattr(config, name, None) for name in ("sliding_window", "attention_chunk_size"))
    return next((size for size in sizes if size is not None), None)


def attend(
    plain: Callable[..., tuple[Tensor, Tensor | None]],
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    is_causal: bool | None = None,
    position_bias: Tensor | None = None,
    **kwargs: Any,
) -> tuple[Tensor, Tensor | None]:
    """What transformers calls: query (B, H, L, D), key and value (B, Hkv, S, D); returns (B, L, H, D) and weights."""
    for name in UNKNOWN:
        if kwargs.get(name) is not None:
            raise InputError(
                f"{type(module).__name__} gives its attention {name!r}, which a gate cannot keep"
            )
    softcap, sink = kwargs.get("softcap"), kwargs.get("s_aux")
    limit: Limit | None = getattr(module, LIMIT, None)
    if limit is None:
        kwargs |= {"dropout": dropout, "scaling": scaling, "is_causal": is_causal}
        if softcap is not None or sink is not None:  # plain attention would pass over them
            plain, attention_mask = _eager(module), _added(attention_mask, query, key)
        else:
            kwargs["position_bias"] = position_bias
        return plain(module, query, key, value, attention_mask, **kwargs)
    if limit.is_mine:
        refuse_strangers()
    # transformers' rule: causality is the kernel's affair only where there is no mask and more than one query.
    causal = getattr(module, "is_causal", True) if is_causal is None else is_causal
    causal = causal and attention_mask is None and query.shape[2] > 1
    if key.shape[1] != query.shape[1]:  # with a mask, torch's kernel for grouped heads is slower than copies
        key, value = spread_heads(query, key, value)
    mask = _closed_for_good(attention_mask)
    options: dict[str, Any] = {"is_causal": causal, "scale": scaling, "dropout_p": dropout, "sink": sink}
    if softcap is not None:
        options |= {"scale": None, "score": _capped(softcap, scaling)}
    out, weights = _look(limit, module, (query, key, value), merge_masks(mask, position_bias), options)
    if limit.seen is not None and weights is not None:
        limit.seen.append((weights, not_padding(mask, weights)))
    return out.transpose(1, 2).contiguous(), weights


def _look(
    limit: Limit,
    module: nn.Module,
    qkv: tuple[Tensor, Tensor, Tensor],
    mask: Tensor | None,
    options: dict[str, Any],
) -> tuple[Tensor, Tensor | None]:
    """Through the gate; with the weights (B, H, L, S) where someone wants to see them."""
    size = qkv[0].shape[0], qkv[0].shape[2], qkv[1].shape[2]
    gate = limit.at(*size)
    if limit.sinks:
        gate = _protected(gate, limit.sinks, mask, size[2])
    at: Any = getattr(module, "layer_idx", None)
    if limit.memory is not None:
        mask = merge_masks(limit.memory.found(at, mask, size), mask)
        learns = limit.memory.wants(at)
    else:
        mask, learns = merge_masks(limit.found(*size), mask), False
    if limit.seen is None and not learns:
        return gated_attention(*qkv, gate, attn_mask=mask, **options), None
    out, weights = gated_attention(*qkv, gate, attn_mask=mask, need_weights=True, **options)
    if learns and limit.memory is not None:
        limit.memory.learn(weights.detach())
    return out, weights if limit.seen is not None else None


def _protected(gate: GateState, sinks: int, mask: Tensor | None, keys: int) -> GateState:
    """The gate with the first keys that are no padding open: a softmax that finds nothing puts its weight there."""
    if gate.keep is None and gate.index is None:
        return gate
    kept = gate.visible(keys)
    assert kept is not None
    rows = kept.shape[0]
    real = torch.ones(rows, keys, dtype=torch.bool, device=kept.device)
    if mask is not None:
        open_ = mask if mask.dtype == torch.bool else mask > -torch.inf
        real = open_.flatten(1, 2).any(1).expand(rows, keys)
    first = real & (real.cumsum(1) <= sinks)
    keep = first if gate.keep is None else gate.keep | first
    if gate.index is not None:
        listed = GateState(index=gate.index).visible(keys)
        assert listed is not None
        keep = first | (listed[:, 0, 0] if gate.keep is None else listed[:, 0, 0] & gate.keep)
    return replace(gate, keep=keep, index=None)


def _capped(softcap: float, scaling: float | None) -> Callable[[Tensor, Tensor], Tensor]:
    """The score of Gemma 2: no logit goes beyond the cap."""

    def score(q: Tensor, k: Tensor) -> Tensor:
        factor = q.shape[-1] ** -0.5 if scaling is None else scaling
        return torch.tanh((q @ k.mT) * factor / softcap) * softcap

    return score


def _eager(module: nn.Module) -> Callable[..., tuple[Tensor, Tensor | None]]:
    """The model's own attention, written out in its file: it knows what its scores are."""
    own: Any = getattr(sys.modules[type(module).__module__], "eager_attention_forward", None)
    if own is None:
        raise InputError(f"{type(module).__name__} has no eager attention that a limit could leave as it is")
    return own


def _added(mask: Tensor | None, query: Tensor, key: Tensor) -> Tensor:
    """The mask as eager attention takes it: numbers to be added, causality among them."""
    least = torch.finfo(query.dtype).min
    if mask is not None and mask.dtype != torch.bool:
        return mask
    if mask is None:
        ones = torch.ones(query.shape[2], key.shape[2], dtype=torch.bool, device=query.device)
        mask = (ones.tril() if query.shape[2] > 1 else ones)[None, None]
    return torch.zeros(mask.shape, dtype=query.dtype, device=query.device).masked_fill(~mask, least)


def _closed_for_good(mask: Tensor | None) -> Tensor | None:
    """The lowest number that closes a key in many masks would open it again where the gate closes all others."""
    if mask is None or mask.dtype == torch.bool:
        return mask
    return mask.masked_fill(mask <= torch.finfo(mask.dtype).min, -torch.inf)


def not_padding(mask: Tensor | None, weights: Tensor) -> Tensor:
    """(B, S): the keys that some query may see."""
    batch, keys = weights.shape[0], weights.shape[3]
    if mask is None:
        return torch.ones(batch, keys, dtype=torch.bool, device=weights.device)
    open_ = mask if mask.dtype == torch.bool else mask > -torch.inf
    return open_.flatten(1, 2).any(1).expand(batch, keys)
