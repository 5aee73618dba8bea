"""A gate in a network without attention layers: the one place where it meets what such a network lets through.

A network of dense, convolutional or recurrent layers has no softmax over items, but it has the same bottleneck as soon
as each item passes a valve of its own before anything is read from it:

    y_s = share_s · [s is visible] · sigmoid(gain · logit_s + bias_s) · x_s
    visible = keep and listed in index and t_on <= t_query < t_off and bias > -inf

x_s is what the layers before made of item s *alone*, logit_s how much it asks for attention, and y_s all that the
layers after it ever learn of the item. sigmoid(logit) is the share that passes and exp(logit) its odds: the weight
w = exp(gain · logit) of a race (Bundesen 1990, Psychol Rev 97:523) is the odds of passing at that gain. Items do not
compete here for a sum of 1, as they do in softmax: how many pass is limited by the gate alone.

A shut item yields 0, forward and backward, whatever it was (even NaN). Shapes: B batch, S items, D features.

>>> import torch
>>> from cogattn.nn.gate import GateState
>>> x, logits = torch.ones(1, 3, 2), torch.tensor([[0.0, 9.0, 9.0]])
>>> let_through(x, logits, GateState(keep=torch.tensor([[True, True, False]])))[..., 0]
tensor([[0.5000, 0.9999, 0.0000]])
"""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import torch
from torch import Tensor

from cogattn.errors import InputError, doors
from cogattn.nn.gate import GateState


def let_through(
    x: Tensor, logits: Tensor, gate: GateState | None = None, *, present: Tensor | None = None
) -> Tensor:
    """What passes of the items x (B, S, ...) with these logits (B, S) under `gate`; None: the network's own valve.

    present: (B, S) bool, False where there is no item: nothing passes there, whatever the gate.
    Each item is looked at by itself: `t_query` is (B, 1), one moment for all, or (B, S), one for each; `share` is (B,),
    or one per item as (B, S), (B, 1, S) or (B, S, 1). A gate that is there but limits nothing gives the bits of none.

    >>> x, logits = torch.ones(1, 3, 4), torch.zeros(1, 3)
    >>> gate = GateState(keep=torch.tensor([[True, False, True]]))
    >>> let_through(x, logits, gate).sum(-1).tolist()
    [[2.0, 0.0, 2.0]]
    """
    gate = GateState() if gate is None else gate
    _check(x, logits, gate, present)
    shut = _shut(gate, logits, present)
    if shut is not None:
        # Put out before it is weighed: 0 times NaN is NaN.
        x, logits = x.masked_fill(_beside(shut, x), 0.0), logits.masked_fill(shut, 0.0)
    amount = _passing(logits, gate)
    if gate.share is not None:
        amount = amount * gate.share.to(amount.dtype).reshape(len(amount), -1)  # (B, 1 or S)
    return x * _beside(amount.to(x.dtype), x)


def _passing(logits: Tensor, gate: GateState) -> Tensor:
    """sigmoid(gain · logit + bias), (B, S)."""
    if gate.gain is not None:
        logits = logits * gate.gain.to(logits.dtype).reshape(-1, 1)
    if gate.bias is not None:
        logits = logits + gate.bias.to(logits.dtype).reshape(logits.shape)
    return logits.sigmoid()


def _shut(gate: GateState, logits: Tensor, present: Tensor | None) -> Tensor | None:
    """(B, S) bool: nothing of the item passes; None if nothing can be shut."""
    pertinent = None if gate.bias is None else gate.bias.reshape(logits.shape) > -math.inf
    rules = (_seen(gate, logits.shape[1]), pertinent, present)
    shut = [~open_ for open_ in rules if open_ is not None]
    return functools.reduce(torch.logical_or, shut) if shut else None


def _seen(gate: GateState, items: int) -> Tensor | None:
    """(B, S) bool: is item s visible to query s, or to the only one?"""
    visible = gate.visible(items)  # (B, 1, 1 or S, S)
    if visible is None:
        return None
    return visible[:, 0, 0] if visible.shape[2] == 1 else visible[:, 0].diagonal(dim1=1, dim2=2)


def _beside(amount: Tensor, x: Tensor) -> Tensor:
    """(B, S) with as many axes as x has."""
    return amount.reshape(*amount.shape, *(1,) * (x.ndim - 2))


def _check(x: Tensor, logits: Tensor, gate: GateState, present: Tensor | None) -> None:
    """Errors at the door; the gate must fit one head whose query s looks at item s."""
    for name, tensor in (("x", x), ("logits", logits)):
        if not tensor.is_floating_point():
            raise InputError(f"{name} must be of floating type, got {tensor.dtype}")
    B, S = size = tuple(logits.shape) if logits.ndim == 2 else (-1, -1)
    if tuple(x.shape[:2]) != size:
        got = f"{tuple(x.shape)} and {tuple(logits.shape)}"
        raise InputError(f"x must be (B, S, ...) and logits (B, S), one per item, got {got}")
    if present is not None and (tuple(present.shape) != size or present.dtype != torch.bool):
        raise InputError(f"present must be bool (B, S) = {size}, got {present.dtype} {tuple(present.shape)}")
    share = gate.share
    if share is not None and share.ndim > 1:
        if tuple(share.shape) not in {(B, S), (B, 1, S), (B, S, 1)}:
            raise InputError(
                f"gate.share must be (B,) or one per item (B, S) = {size}, got {tuple(share.shape)}"
            )
        share = None  # which axis it stands on makes no difference here
    queries = 1 if gate.t_query is None or gate.t_query.shape[-1] == 1 else S
    replace(gate, share=share).validate(B, 1, queries, S)


doors(__name__, unless=torch.compiler.is_compiling, arrays=True)
