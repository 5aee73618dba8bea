"""Attention under a gate, in torch."""

from cogattn.nn.functional import gated_attention
from cogattn.nn.memory import Leak, Plan, SlotCache, eviction_plan, leak, plan_from_events, remember
from cogattn.nn.multihead import MultiheadAttention
from cogattn.nn.selection import Selection, relaxed_topk, select, straight_through

__all__ = [
    "Leak",
    "MultiheadAttention",
    "Plan",
    "Selection",
    "SlotCache",
    "eviction_plan",
    "gated_attention",
    "leak",
    "plan_from_events",
    "relaxed_topk",
    "remember",
    "select",
    "straight_through",
]
