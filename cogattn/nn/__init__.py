"""Attention under a gate, in torch. Each name is loaded when it is first used.

>>> from cogattn import nn
>>> callable(nn.attention("dot", 4))
True
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cogattn._renamed import old_names

if TYPE_CHECKING:
    from cogattn.nn import huggingface
    from cogattn.nn.functional import gated_attention
    from cogattn.nn.limits import limit
    from cogattn.nn.mechanisms import Attention, AttentionParts, attention
    from cogattn.nn.memory import Leak, Plan, SlotCache, eviction_plan, leak, plan_from_events, remember
    from cogattn.nn.multihead import MultiheadAttention
    from cogattn.nn.scores import MECHANISMS
    from cogattn.nn.selection import Selection, relaxed_topk, select, straight_through
    from cogattn.nn.valve import let_through

# Where each name lives. Loaded when first used: whoever asks for the name of a network does not wait for torch.
_HOMES = {
    "functional": ("gated_attention",),
    "huggingface": (),
    "limits": ("limit",),
    "mechanisms": ("Attention", "AttentionParts", "attention"),
    "memory": ("Leak", "Plan", "SlotCache", "eviction_plan", "leak", "plan_from_events", "remember"),
    "multihead": ("MultiheadAttention",),
    "valve": ("let_through",),
    "scores": ("MECHANISMS",),
    "selection": ("Selection", "relaxed_topk", "select", "straight_through"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "MECHANISMS",
    "Attention",
    "AttentionParts",
    "Leak",
    "MultiheadAttention",
    "Plan",
    "Selection",
    "SlotCache",
    "attention",
    "eviction_plan",
    "gated_attention",
    "huggingface",
    "leak",
    "let_through",
    "limit",
    "plan_from_events",
    "relaxed_topk",
    "remember",
    "select",
    "straight_through",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return import_module(f"cogattn.nn.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'cogattn.nn' has no attribute {name!r}")
    value = getattr(import_module(f"cogattn.nn.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)


old_names(__name__, Explanation="AttentionParts")
