"""Attention under a gate, in torch."""

from cogattn.nn import huggingface
from cogattn.nn.functional import gated_attention
from cogattn.nn.limiting import limit
from cogattn.nn.mechanisms import Attention, Explanation, attention
from cogattn.nn.memory import Leak, Plan, SlotCache, eviction_plan, leak, plan_from_events, remember
from cogattn.nn.multihead import MultiheadAttention
from cogattn.nn.passing import let_through
from cogattn.nn.scores import MECHANISMS
from cogattn.nn.selection import Selection, relaxed_topk, select, straight_through

__all__ = [
    "MECHANISMS",
    "Attention",
    "Explanation",
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
