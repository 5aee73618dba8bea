"""Human limits on a Hugging Face model: a gate on its attention, in `forward`, `generate`, pipelines, compiled.

transformers keeps a register of attention functions. This module adds one, "cogattn", and the mask function of the same
name without which padding would be lost. Where no gate is attached it calls transformers' own
`scaled_dot_product_attention` function, so that a model without limits gives the same bits.

    with limit(model, gate): ...            # the last layer looks through the gate
    weigh(model, inputs)                      # (B, S): the network's own log pertinence, what a policy takes
    attention_of(model, inputs, gate)         # (B, S): how that layer shares its attention out

Chance is spent between the two passes, when the policy emits the gate: weigh, race, then read.

**Why one layer.** A gate on keys does not bound what a *deep* network knows: an early layer copies an item into the
vectors of others before a later layer closes it. A network trained under a gate on all of its layers used just that
(see `simulations/does_a_deep_network_cheat_its_memory.py`). So `layers` is one memory-read layer by default, the last;
`layers="all"` is there for those who measure the leak.

**What grows.** `generate` adds keys, a gate does not: the keys of new tokens are open, or closed with
`new_tokens="closed"`. Beam search repeats the sequences of a batch; a gate of B rows serves m * B sequences, each of
its rows m in a row, as transformers orders them.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from cogattn._renamed import old_names
from cogattn.errors import InputError, choice, doors, needs
from cogattn.nn.functional import gated_attention, merge_masks, spread_heads
from cogattn.nn.gate import GateState
from cogattn.nn.layers import Where, chosen
from cogattn.nn.limits import checked
from cogattn.nn.memory import Plan

NAME = "cogattn"  #: of the attention function in transformers' register
Role = Literal["self", "encoder", "decoder", "cross"]
ROLES = ("self", "encoder", "decoder", "cross")

_LIMIT = "_cogattn_limit"  # the attribute of an attention module that is limited
# What some models hand to an attention function that changes the scores, and that plain attention does not know.
_UNKNOWN = ("softcap", "s_aux", "indices", "cache")


# --- the doors ----------------------------------------------------------------------------------------------


@contextmanager
def limit(
    model: Any,
    gate: GateState | Plan | None,
    layers: Where = -1,
    *,
    role: Role | None = None,
    new_tokens: Literal["open", "closed"] = "open",
) -> Iterator[list[str]]:
    """Within the block, these attention layers of a transformers model look through `gate`; yields their names.

    gate: over the keys as the layer meets them, special tokens and padding included, (B, S): S the tokens of the
        prompt, the patches and the class token, or the source sequence (cross-attention). Instead, a `Plan` says
        which earlier tokens each token of a decoder still finds (`generate` then needs `use_cache=False`).
    layers: numbers in the model's order (negative: from the end), "all", or patterns of names. Why one: see above.
    role: "encoder" (self-attention both ways), "decoder" (self-attention that looks back), "self" (either), "cross".
        A model that has several needs it where layers are numbered; see `attention_layers`.
    new_tokens: whether a decoder's keys beyond the gate's own are "open" or "closed".

    On leaving, the model's own attention function is back, after an error too. A compiled model, a part of a model
    (`model.vision_tower`) and a pipeline's `pipe.model` will do as well. Within the block the layers that are not
    limited run on transformers' "sdpa" function, whichever the model had before.
    """
    choice("new_tokens", new_tokens, ("open", "closed"))
    if isinstance(gate, Plan):
        limit = _Limit(GateState(), plan=gate.mask())
    else:
        limit = _Limit(checked(gate), closed=new_tokens == "closed")
    with _attached(model, limit, layers, role) as names:
        yield names


def attention_layers(model: Any) -> dict[str, str]:
    """The attention layers of a transformers model in its order, by name, and the role of each."""
    return {name: _role(name, layer) for name, layer in _attention(_pretrained(model)).items()}


def weigh(
    model: Any,
    inputs: Any,
    layer: int | str = -1,
    *,
    role: Role | None = None,
    queries: int | Literal["all"] = "all",
) -> Tensor:
    """(B, S): log of the attention that each key receives in the layer to be limited, without a limit.

    These are the logits that a policy takes, gate = Race(...)(weigh(model, inputs), exposure=...): softmax is a Luce
    choice, so a share of attention is a weight w of the race. Keys that nobody may see have -inf.
    """
    return attention_of(model, inputs, None, layer, role=role, queries=queries).log()


def attention_of(
    model: Any,
    inputs: Any,
    gate: GateState | None = None,
    layer: int | str = -1,
    *,
    role: Role | None = None,
    queries: int | Literal["all"] = "all",
) -> Tensor:
    """(B, S): how one layer shares its attention out over the keys, under a gate or without; the mean over heads.

    inputs: what the model takes, a mapping or one tensor. It runs once, in evaluation and without gradients.
    queries: "all", their mean (padding aside), or the number of one, as -1 for the next word of a decoder (whose batch
        is padded on the left). Rows sum to 1, or to less where the gate grants less.
    """
    if not isinstance(layer, int | str):
        raise InputError(f"layer must be a number or a name, got {layer!r}")
    seen: list[tuple[Tensor, Tensor]] = []
    with _attached(model, _Limit(checked(gate), seen=seen), layer, role) as names, _at_rest(model):
        if len(names) > 1:
            raise InputError(f"layer must mean one layer, {layer!r} means {len(names)} of them")
        model(**inputs) if isinstance(inputs, Mapping) else model(inputs)
    if not seen:
        raise InputError(f"the model did not use {names[0]} on these inputs: name another layer")
    return _received(*seen[-1], queries)


def _received(weights: Tensor, real: Tensor, queries: int | str) -> Tensor:
    """Of weights (B, H, L, S) what each key gets; in self-attention, a query that is padding has no say."""
    got = weights.mean(1)  # (B, L, S)
    length = got.shape[1]
    if isinstance(queries, int):
        if not -length <= queries < length:
            raise InputError(f"queries must be 'all' or a number within 0 to {length - 1}, got {queries}")
        return got[:, queries]
    choice("queries", queries, ("all",))
    say = real if length == got.shape[2] else real.new_ones(real.shape[0], length)  # (B, L)
    shares = say / say.sum(1, keepdim=True).clamp(min=1)
    return (got * shares[:, :, None].to(got.dtype)).sum(1)


# --- what a module carries ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Limit:
    """What an attention module carries while it is limited."""

    gate: GateState
    plan: Tensor | None = None  # (B, 1, T, T) bool, True = may look
    closed: bool = False  # the keys of new tokens
    grows: bool = False  # it writes its own keys, one after the other
    window: int | None = None  # how many keys its cache keeps; None = all
    seen: list[tuple[Tensor, Tensor]] | None = (
        None  # of each call: the weights, and which keys are no padding
    )

    @property
    def does_nothing(self) -> bool:
        return self.gate.is_identity and self.plan is None and self.seen is None

    def on(self, name: str, layer: nn.Module) -> _Limit:
        """The same for one module, on its device."""
        back = _role(name, layer) == "decoder"
        if self.plan is not None and not back:
            raise InputError(
                f"a plan says what is still found of what came before, but {name} looks ahead too"
            )
        device = next((p.device for p in layer.parameters()), None)
        plan = None if self.plan is None else self.plan.to(device)
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


# --- the attention function ---------------------------------------------------------------------------------


def _attend(
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
    for name in _UNKNOWN:
        if kwargs.get(name) is not None:
            raise InputError(
                f"{type(module).__name__} gives its attention {name!r}, which a gate cannot keep"
            )
    limit: _Limit | None = getattr(module, _LIMIT, None)
    if limit is None:
        kwargs |= {"dropout": dropout, "scaling": scaling, "is_causal": is_causal}
        return plain(module, query, key, value, attention_mask, position_bias=position_bias, **kwargs)
    # transformers' rule: causality is the kernel's affair only where there is no mask and more than one query.
    causal = getattr(module, "is_causal", True) if is_causal is None else is_causal
    causal = causal and attention_mask is None and query.shape[2] > 1
    if key.shape[1] != query.shape[1]:  # with a mask, torch's kernel for grouped heads is slower than copies
        key, value = spread_heads(query, key, value)
    mask = _closed_for_good(attention_mask)
    options = {"is_causal": causal, "scale": scaling, "dropout_p": dropout}
    out, weights = _look(limit, query, key, value, merge_masks(mask, position_bias), options)
    if limit.seen is not None and weights is not None:
        limit.seen.append((weights, _not_padding(mask, weights)))
    return out.transpose(1, 2).contiguous(), weights


def _look(
    limit: _Limit, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, options: dict[str, Any]
) -> tuple[Tensor, Tensor | None]:
    """Through the gate; with the weights (B, H, L, S) where someone wants to see them."""
    size = query.shape[0], query.shape[2], key.shape[2]
    gate, mask = limit.at(*size), merge_masks(limit.found(*size), mask)
    if limit.seen is None:
        return gated_attention(query, key, value, gate, attn_mask=mask, **options), None
    return gated_attention(query, key, value, gate, attn_mask=mask, need_weights=True, **options)


def _closed_for_good(mask: Tensor | None) -> Tensor | None:
    """The lowest number that closes a key in many masks would open it again where the gate closes all others."""
    if mask is None or mask.dtype == torch.bool:
        return mask
    return mask.masked_fill(mask <= torch.finfo(mask.dtype).min, -torch.inf)


def _not_padding(mask: Tensor | None, weights: Tensor) -> Tensor:
    """(B, S): the keys that some query may see."""
    batch, keys = weights.shape[0], weights.shape[3]
    if mask is None:
        return torch.ones(batch, keys, dtype=torch.bool, device=weights.device)
    open_ = mask if mask.dtype == torch.bool else mask > -torch.inf
    return open_.flatten(1, 2).any(1).expand(batch, keys)


# --- the model ----------------------------------------------------------------------------------------------


@functools.cache
def _transformers() -> Any:
    """transformers, with our function in its registers."""
    transformers = needs("transformers", "huggingface")
    attend = needs("transformers.integrations.sdpa_attention", "huggingface").sdpa_attention_forward
    mask = needs("transformers.masking_utils", "huggingface").sdpa_mask
    transformers.AttentionInterface.register(NAME, functools.partial(_attend, attend))
    # Not optional: without it the attention function gets no mask at all, and padding is seen.
    transformers.AttentionMaskInterface.register(NAME, mask)
    return transformers


def _pretrained(model: Any) -> nn.Module:
    """The model itself (that within a compiled one), if it is one of transformers'."""
    whole = getattr(model, "_orig_mod", model)
    if not isinstance(whole, _transformers().PreTrainedModel):
        raise InputError(
            f"model must be a transformers PreTrainedModel, got {type(model).__name__}: "
            "for other torch modules see cogattn.nn.limit"
        )
    return whole


def _attention(whole: nn.Module) -> dict[str, Any]:
    """The modules whose forward asks transformers' register for its attention function, by name."""
    asks = "ALL_ATTENTION_FUNCTIONS"
    found = {name: m for name, m in whole.named_modules() if asks in _words(type(m).forward)}
    if not found:
        raise InputError(
            f"{type(whole).__name__} has no layer that takes its attention function from transformers' register"
        )
    return found


def _words(function: Any) -> tuple[str, ...]:
    """The names that a function looks up."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return () if code is None else code.co_names


def _role(name: str, layer: nn.Module) -> str:
    words = ".".join([*name.split(".")[-2:], type(layer).__name__]).lower()
    if any(mark in words for mark in ("cross", "encdec", "encoder_attn")):
        return "cross"
    return "decoder" if getattr(layer, "is_causal", False) else "encoder"


def _select(whole: nn.Module, found: dict[str, Any], layers: Where, role: str | None) -> list[str]:
    """The names that `layers` means among those of that role."""
    roles = {name: _role(name, layer) for name, layer in found.items()}
    there = list(dict.fromkeys(roles.values()))
    picks = [layers] if isinstance(layers, int | str) else list(layers)
    if role is None and len(there) > 1 and any(isinstance(x, int) or x == "last" for x in picks):
        raise InputError(
            f"role must say which layers are counted, {type(whole).__name__} has {', '.join(there)}"
        )
    if role is not None:
        choice("role", role, ROLES)
    wanted = {None: there, "self": ["encoder", "decoder"]}.get(role, [role])
    names = [name for name, its in roles.items() if its in wanted]
    if not names:
        raise InputError(
            f"role must be one that {type(whole).__name__} has ({', '.join(there)}), got {role!r}"
        )
    return [names[i] for i in chosen(names, layers)]


@contextmanager
def _attached(model: Any, limit: _Limit, layers: Where, role: str | None) -> Iterator[list[str]]:
    """Our attention function switched on and the limit on the chosen modules; undone on leaving."""
    whole = _pretrained(model)
    found = _attention(whole)
    if any(hasattr(m, _LIMIT) for m in found.values()):
        raise InputError(
            "model is limited already: leave that block first, or join two gates with gate.then(other)"
        )
    names = _select(whole, found, layers, role)
    with ExitStack() as stack:
        stack.enter_context(_switched(whole, found))
        for name in [] if limit.does_nothing else names:
            setattr(found[name], _LIMIT, limit.on(name, found[name]))
            stack.callback(delattr, found[name], _LIMIT)
        yield names


@contextmanager
def _switched(whole: nn.Module, found: dict[str, Any]) -> Iterator[None]:
    """The model on our attention function, for the block; then every config as it was.

    A part without a layer of `found` has attention of its own, and keeps the masks that it knows.
    """
    layers: list[Any] = list(found.values())
    parts: list[Any] = [m for m in whole.modules() if isinstance(m, _transformers().PreTrainedModel)]
    parts = [part for part in parts if set(part.modules()) & set(layers)]
    for part in parts:
        if not part._supports_sdpa:
            raise InputError(
                f"{type(part).__name__} does not support scaled_dot_product_attention, which a gate needs"
            )
    # What `set_attn_implementation` sets; it passes over copies of a config (T5's in transformers 5.18).
    before = {id(m.config): (m.config, m.config._attn_implementation_internal) for m in [*parts, *layers]}
    try:
        for config, _ in before.values():
            config._attn_implementation_internal = NAME
        yield
    finally:
        for config, name in before.values():
            config._attn_implementation_internal = name


@contextmanager
def _at_rest(model: Any) -> Iterator[None]:
    """In evaluation and without gradients; then every module as it was."""
    training = [m for m in model.modules() if m.training]
    try:
        model.eval()
        with torch.no_grad():
            yield
    finally:
        for m in training:
            m.training = True


old_names(__name__, limited="limit")

doors(__name__, "limit", "attention_layers", "weigh", "attention_of")
