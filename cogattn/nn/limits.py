"""Human limits on a network that is not yours: a gate on the attention layers of any torch module, for a block.

The weights, the `state_dict` and the hooks stay as they are; within the block the chosen `nn.MultiheadAttention`
modules (those of `nn.Transformer` and its layers too) look through the gate, after it they are torch's again.

A gate on keys does not bound what a *deep* network knows: an early layer copies an item onward before a later one
closes it (`cogattn.nn.leak` measures that). So one layer is limited unless told otherwise, the last.

>>> import torch
>>> from torch import nn
>>> from cogattn.nn.gate import GateState
>>> net = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, batch_first=True), 2).eval()
>>> x, gate = torch.randn(2, 5, 16), GateState(keep=torch.tensor([[True, True, False, False, True]] * 2))
>>> free = net(x)
>>> with limit(net, gate):
...     limited = net(x)
>>> torch.equal(limited, free), torch.equal(net(x), free)
(False, True)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import nn

from cogattn.errors import InputError, doors
from cogattn.nn.checkpoints import carried
from cogattn.nn.gate import GateState
from cogattn.nn.layers import Where, attention_layers, chosen
from cogattn.nn.multihead import Gated, borrowed, mind_the_gate


@contextmanager
def limit(
    module: nn.Module, gate: GateState | None, where: Where = "last"
) -> Iterator[list[nn.MultiheadAttention]]:
    """Within the block, these attention layers of `module` look through `gate`; yields them.

    where: "last", "all", numbers among the module's `MultiheadAttention`s in their order, or patterns of their names,
        as "decoder.*.multihead_attn" for cross-attention. `gate` must fit each of them: (B, S) with their own S.
    A gate without limits (or None) changes nothing, to the last bit. Attention that a module computes by itself
    (a call of `scaled_dot_product_attention`) cannot be seen from outside: call `gated_attention` there. For Hugging
    Face models see `cogattn.nn.huggingface.limit`, for what a store holds step by step `cogattn.nn.remember`.

    >>> import torch
    >>> module = nn.TransformerEncoderLayer(8, 2, batch_first=True)
    >>> gate = GateState(keep=torch.ones(1, 5, dtype=torch.bool))
    >>> with limit(module, gate, where="all") as limited:
    ...     len(limited)
    1
    """
    gate = checked(gate)
    found = attention_layers(module)
    those = [list(found.values())[i] for i in chosen(list(found), where, "where")]
    for layer in those:
        if type(layer).forward not in (nn.MultiheadAttention.forward, Gated.forward):
            raise InputError(
                f"{type(layer).__name__} has a forward of its own, which no gate reaches: limit another"
            )
    if gate.is_identity:
        yield those
        return
    with _limited(module, those, gate):
        yield those


@contextmanager
def _limited(module: nn.Module, those: list[nn.MultiheadAttention], gate: GateState) -> Iterator[None]:
    """These layers under the gate, now and where a checkpoint computes them again."""
    with ExitStack() as stack:
        stack.enter_context(_padded(module, those))
        for layer in those:
            stack.enter_context(_gated(layer, gate.to(layer.out_proj.weight.device)))
        stack.enter_context(carried(lambda: _limited(module, those, gate)))
        yield


def checked(gate: object) -> GateState:
    """The gate (None: without limits), or InputError if it is none."""
    if gate is None:
        return GateState()
    if not isinstance(gate, GateState):
        hint = "let it emit one first, gate = policy(logits)" if callable(gate) else "a policy emits one"
        raise InputError(f"gate must be a GateState or None, got {type(gate).__name__}: {hint}")
    return gate


@contextmanager
def _gated(layer: nn.MultiheadAttention, gate: GateState) -> Iterator[None]:
    """One module under a gate. One of torch's becomes one of ours for the block: the same parameters and hooks."""
    if isinstance(layer, Gated):
        with layer.under(gate):
            yield
        return
    before, hook = type(layer), layer.register_forward_pre_hook(mind_the_gate)
    ours: Any = layer
    try:
        ours.__class__ = borrowed(before)
        with ours.under(gate):
            yield
    finally:
        ours.__class__ = before
        hook.remove()


@contextmanager
def _padded(module: nn.Module, limited: list[nn.MultiheadAttention]) -> Iterator[None]:
    """Keep `nn.TransformerEncoder` from making nested tensors of padded input, which no gate fits."""
    encoders = [
        m
        for m in module.modules()
        if isinstance(m, nn.TransformerEncoder) and any(x in limited for x in m.modules())
    ]
    before = [getattr(m, "use_nested_tensor", False) for m in encoders]
    try:
        for m in encoders:
            m.use_nested_tensor = False
        yield
    finally:
        for m, nested in zip(encoders, before, strict=True):
            m.use_nested_tensor = nested


doors(__name__, "limit")
