"""Attention under a gate, in torch."""

from cogattn.nn.functional import gated_attention
from cogattn.nn.multihead import MultiheadAttention

__all__ = ["MultiheadAttention", "gated_attention"]
