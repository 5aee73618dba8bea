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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

from cogattn._renamed import old_names
from cogattn.errors import InputError, choice, doors, needs, shown
from cogattn.errors import whole as whole_number
from cogattn.nn.checkpoints import carried
from cogattn.nn.gate import GateState
from cogattn.nn.layers import Where, chosen, role_of
from cogattn.nn.limits import checked
from cogattn.nn.memory import Plan
from cogattn.nn.transformer_attention import LIMIT, Limit, Memory, attend

NAME = "cogattn"  #: of the attention function in transformers' register
Role = Literal["self", "encoder", "decoder", "cross"]
ROLES = ("self", "encoder", "decoder", "cross")


# --- the doors ----------------------------------------------------------------------------------------------


@contextmanager
def limit(
    model: Any,
    gate: GateState | Plan | Memory | None,
    layers: Where = -1,
    *,
    role: Role | None = None,
    new_tokens: Literal["open", "closed"] = "open",
    sinks: int = 0,
) -> Iterator[list[str]]:
    """Within the block, these attention layers of a transformers model look through `gate`; yields their names.

    gate: over the keys as the layer meets them, special tokens and padding included, (B, S): S the tokens of the
        prompt, the patches and the class token, or the source sequence (cross-attention). Instead, a `Plan` says
        which earlier tokens each token of a decoder still finds (`generate` then needs `use_cache=False`), or a
        `HumanCache` holds, displaces and forgets while `generate` goes on.
    layers: numbers in the model's order (negative: from the end), "all", or patterns of names. Why one: see above.
    role: "encoder" (self-attention both ways), "decoder" (self-attention that looks back), "self" (either), "cross".
        A model that has several needs it where layers are numbered; see `attention_layers`.
    sinks: so many of the first keys (padding aside) stay open beside those of the gate, and count as kept. A decoder
        that finds nothing puts its weight there; without them it falls apart before it forgets.
    new_tokens: whether a decoder's keys beyond the gate's own are "open" or "closed".

    On leaving, the model's own attention function is back, after an error too. A compiled model, a part of a model
    (`model.vision_tower`) and a pipeline's `pipe.model` will do as well. Within the block the layers that are not
    limited run on transformers' "sdpa" function, whichever the model had before.
    """
    choice("new_tokens", new_tokens, ("open", "closed"))
    whole_number("sinks", sinks, least=0)
    if isinstance(gate, Plan):
        limit = Limit(GateState(), plan=gate.mask())
    elif gate is not None and not isinstance(gate, GateState) and hasattr(gate, "found"):
        limit = Limit(GateState(), memory=gate)
    else:
        limit = Limit(checked(gate), closed=new_tokens == "closed", sinks=sinks)
    with _attached(model, limit, layers, role) as names:
        yield names


def attention_layers(model: Any) -> dict[str, str]:
    """The attention layers of a transformers model in its order, by name, and the role of each."""
    whole = _pretrained(model)
    return _roles(whole, _attention(whole))


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
    also: Sequence[int] = (),
) -> Tensor:
    """(B, S): how one layer shares its attention out over the keys, under a gate or without; the mean over heads.

    inputs: what the model takes, a mapping or one tensor. It runs once, in evaluation and without gradients.
    queries: "all", their mean (padding aside), or the number of one, as -1 for the next word of a decoder (whose batch
        is padded on the left). Rows sum to 1, or to less where the gate grants less.
    also: numbers of layers before it that look through the gate too.
    """
    if not isinstance(layer, int | str):
        raise InputError(f"layer must be a number or a name, got {shown(layer)}")
    if also and (not isinstance(layer, int) or not 0 <= max(also) < layer):
        raise InputError(f"also must be numbers of layers before layer, got {list(also)} and {layer!r}")
    seen: list[tuple[Tensor, Tensor]] = []
    where: Where = [*also, layer] if also else layer
    with _attached(model, Limit(checked(gate), seen=seen), where, role) as names, _at_rest(model):
        if len(names) > 1 + len(also):
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


# --- the model ----------------------------------------------------------------------------------------------


@functools.cache
def _transformers() -> Any:
    """transformers, with our function in its registers."""
    transformers = needs("transformers", "huggingface")
    plain = needs("transformers.integrations.sdpa_attention", "huggingface").sdpa_attention_forward
    mask = needs("transformers.masking_utils", "huggingface").sdpa_mask
    transformers.AttentionInterface.register(NAME, functools.partial(attend, plain))
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


def _roles(whole: nn.Module, found: dict[str, Any]) -> dict[str, str]:
    """The role of each layer. One that does not say that it looks back may be in a part that masks what is ahead."""
    causal = [name for name, part in whole.named_modules() if _masks_ahead(part)]
    roles = {name: role_of(name, layer) for name, layer in found.items()}
    for name, role in roles.items():
        if role == "encoder" and any(part == "" or name.startswith(f"{part}.") for part in causal):
            roles[name] = "decoder"
    return roles


def _masks_ahead(part: nn.Module) -> bool:
    """Does its forward make a causal mask, and no other (CLIP's text tower)?"""
    words = _words(type(part).forward)
    return "create_causal_mask" in words and "create_bidirectional_mask" not in words


def _select(whole: nn.Module, found: dict[str, Any], layers: Where, role: str | None) -> list[str]:
    """The names that `layers` means among those of that role."""
    roles = _roles(whole, found)
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
            f"role must be one that {type(whole).__name__} has ({', '.join(there)}), got {shown(role)}"
        )
    return [names[i] for i in chosen(names, layers)]


@contextmanager
def _attached(model: Any, limit: Limit, layers: Where, role: str | None) -> Iterator[list[str]]:
    """Our attention function switched on and the limit on the chosen modules; undone on leaving."""
    whole = _pretrained(model)
    found = _attention(whole)
    if any(getattr(m, LIMIT, None) is not None for m in found.values()):
        raise InputError(
            "model is limited already: leave that block first, or join two gates with gate.then(other)"
        )
    names, roles = _select(whole, found, layers, role), _roles(whole, found)
    carried_ = {n: limit.on(n, found[n], roles[n]) for n in names} if not limit.does_nothing else {}
    with _limited(whole, found, carried_):
        yield names


@contextmanager
def _limited(whole: nn.Module, found: dict[str, Any], limits: dict[str, Limit]) -> Iterator[None]:
    """These limits on these modules and none on the others, now and where a checkpoint computes them again."""
    with ExitStack() as stack:
        stack.enter_context(_switched(whole, found))
        for name, layer in found.items():
            stack.callback(setattr, layer, LIMIT, getattr(layer, LIMIT, None))
            setattr(layer, LIMIT, limits.get(name))
        if limits:
            stack.enter_context(carried(lambda: _limited(whole, found, limits)))
        yield


@contextmanager
def _switched(whole: nn.Module, found: dict[str, Any]) -> Iterator[None]:
    """The model on our attention function, for the block; then every config as it was.

    A part without a layer of `found` has attention of its own, and keeps the masks that it knows.
    """
    layers: list[Any] = list(found.values())
    parts: list[Any] = [m for m in whole.modules() if isinstance(m, _transformers().PreTrainedModel)]
    parts = [part for part in parts if set(part.modules()) & set(layers)]
    for part in parts:
        if not part._supports_sdpa and not _written_out(part, layers):
            raise InputError(
                f"{type(part).__name__} does not support scaled_dot_product_attention, which a gate needs"
            )
    # What `set_attn_implementation` sets; it passes over copies of a config (T5's in transformers 5.18).
    before = {id(m.config): (m.config, m.config._attn_implementation_internal) for m in [*parts, *layers]}
    try:
        for config, name in before.values():
            ours = _Switched(NAME)
            ours.before = name.before if isinstance(name, _Switched) else name
            config._attn_implementation_internal = ours
        yield
    finally:
        for config, name in before.values():
            config._attn_implementation_internal = name


def _written_out(part: nn.Module, layers: list[Any]) -> bool:
    """Scores with a cap (Gemma 2) or with sinks (gpt-oss) are no affair of torch's function, but of ours."""
    mine = [m for m in part.modules() if m in layers]
    return any(hasattr(m, "sinks") or hasattr(m, "attn_logit_softcapping") for m in mine)


class _Switched(str):
    """Our name, as long as nobody copies the config: a copy is on the function that the model had before."""

    before: str | None

    def __reduce__(self) -> tuple[Any, ...]:
        return _same, (self.before,)

    def __deepcopy__(self, memo: dict[int, Any]) -> str | None:
        return self.before


def _same(x: str | None) -> str | None:
    return x


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
