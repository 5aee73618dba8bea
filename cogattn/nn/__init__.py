"""Attention under a gate, in torch."""

from cogattn.nn.functional import gated_attention
from cogattn.nn.memory import Leak, Plan, SlotCache, eviction_plan, leak, plan_from_events, remember
from cogattn.nn.multihead import MultiheadAttention
from cogattn.nn.passing import let_through

__all__ = [
    "Leak",
    "MultiheadAttention",
    "Plan",
    "SlotCache",
    "eviction_plan",
    "gated_attention",
    "leak",
    "let_through",
    "plan_from_events",
    "remember",
]
