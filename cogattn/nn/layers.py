"""Which layers: the attention of a network, found and chosen by number or by name.

>>> import torch
>>> net = torch.nn.Transformer(16, 4, 2, 2, batch_first=True)
>>> names = list(attention_layers(net))
>>> names[-2:]
['decoder.layers.1.self_attn', 'decoder.layers.1.multihead_attn']
>>> [names[i] for i in chosen(names, "decoder.*.multihead_attn")]
['decoder.layers.0.multihead_attn', 'decoder.layers.1.multihead_attn']
>>> chosen(names, [0, -1])
[0, 5]
"""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

from torch import nn

from cogattn.errors import InputError, shown

Where = int | str | Sequence[int | str]
"""A number (negative: from the end), "last", "all", a pattern of names such as "decoder.*", or several of these."""


def attention_layers(model: nn.Module) -> dict[str, nn.MultiheadAttention]:
    """Every `MultiheadAttention` (torch's or cogattn's) within `model`, by its name, in the model's order."""
    found = {n: m for n, m in model.named_modules() if isinstance(m, nn.MultiheadAttention)}
    if not found:
        raise InputError(
            f"model must have a MultiheadAttention, {type(model).__name__} has none (where a module calls "
            "scaled_dot_product_attention itself, call cogattn.nn.gated_attention there; for Hugging Face "
            "models see cogattn.nn.huggingface)"
        )
    return found


def chosen(names: Sequence[str], where: Where, what: str = "layers") -> list[int]:
    """The numbers of those that `where` means, in its order, each once."""
    picked = [where] if isinstance(where, int | str) else list(where)
    found = [i for pick in picked for i in _places(names, pick, what)]
    if not found:
        raise InputError(f"{what} must name a layer at least, got {shown(where)}")
    return list(dict.fromkeys(found))


def _places(names: Sequence[str], pick: object, what: str) -> list[int]:
    """The numbers that one number, word or pattern means."""
    if isinstance(pick, int) and not isinstance(pick, bool) and -len(names) <= pick < len(names):
        return [range(len(names))[pick]]
    words = {"all": list(range(len(names))), "last": [len(names) - 1]}
    if isinstance(pick, str):
        fits = words.get(pick, [i for i, name in enumerate(names) if fnmatch.fnmatchcase(name, pick)])
        if fits:
            return fits
    raise InputError(
        f"{what} must be 'all', 'last', numbers within 0 to {len(names) - 1}, or patterns of names such as "
        f"{names[-1]!r}, got {shown(pick)}"
    )


def role_of(name: str, layer: nn.Module) -> str:
    """What an attention module of transformers does, by its name and by whether it looks back alone."""
    words = ".".join([*name.split(".")[-2:], type(layer).__name__]).lower()
    if any(mark in words for mark in ("cross", "encdec", "encoder_attn")):
        return "cross"
    return "decoder" if getattr(layer, "is_causal", False) else "encoder"
