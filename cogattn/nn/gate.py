"""What the mind lets through, as tensors: the gate between a limited observer and a network's attention.

Attention without limits is a Luce choice, softmax(s). A gate puts limits on it in two places and never
confuses them: *who wins* acts before softmax, *how much is granted at all* acts after it and is not
renormalised, because a loss that is common to all keys would be invisible to softmax:

    weights = softmax(gain * scale * q.k + bias, over the visible keys) * share
    visible = keep and listed in index and t_on <= t_query < t_off

A `GateState` holds these quantities; every field is optional and None means no limit. A policy (`Race`,
`TopK`, `Soft`, `Lapse`, `Slots`, `Compose`) emits one, and spends all randomness when it does, so that a
gate can be replayed, shared by two models and compiled. The race is Bundesen's (1990, Psychological
Review 97, 523-547; Theory of Visual Attention): element x finishes at t0 + Exp(v_x), v_x = C w_x / sum w.

Shapes: B batch (observers x trials), H heads, L queries, S keys, Kmax slots, T moments of a schedule.

>>> import torch
>>> race = Race(capacity=45.0, slots=4, threshold=0.015)
>>> gate = race(torch.zeros(2, 8), exposure=0.2, generator=torch.Generator().manual_seed(0))
>>> gate.keep.shape, gate.index.shape, bool((gate.keep.sum(-1) <= 4).all())
(torch.Size([2, 8]), torch.Size([2, 4]), True)
>>> Race(capacity=float("inf"), slots=float("inf"))(torch.zeros(2, 8)).is_identity
True
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from cogattn import showing
from cogattn.errors import InputError, number

# --- the gate -------------------------------------------------------------------------------------------


class _Field(NamedTuple):
    """What a field may be: its kind of number, its axes without a leading time axis, its shape in words."""

    kind: Literal["floating", "bool", "int64"]
    axes: tuple[int, ...]
    shape: str


_FIELDS = {
    "gain": _Field("floating", (1, 2), "(B,) or (B, H)"),
    "bias": _Field("floating", (2, 3), "(B, S) or (B, H, S)"),
    "keep": _Field("bool", (2,), "(B, S)"),
    "index": _Field("int64", (2,), "(B, Kmax)"),
    "t_on": _Field("floating", (2,), "(B, S)"),
    "t_off": _Field("floating", (2,), "(B, S)"),
    "t_query": _Field("floating", (2,), "(B, L)"),
    "share": _Field("floating", (1, 2, 3), "(B,), (B, L), (B, S), (B, L, 1) or (B, 1, S)"),
}

#: What the fields that speak of keys say of a key without limits.
_OPEN: dict[str, float] = {"keep": True, "bias": 0.0, "t_on": -math.inf, "t_off": math.inf, "share": 1.0}


SHOWN = (8, 96)  #: rows and keys that a notebook shows


@dataclass(frozen=True, eq=False)
class GateState:
    """The limits of a batch of observers at one moment; None means no limit.

    `share` with two axes belongs to the queries if its length is L and to the keys if it is S. Where
    L == S, as in self-attention, say which: `share[:, :, None]` (queries) or `share[:, None, :]` (keys).

    A schedule puts time first, (T, B, ...) in every field: `gate[t]` is then the gate of moment t, a view.

    >>> import torch
    >>> seen = GateState(keep=torch.tensor([[True, False, True]]))
    >>> seen.is_identity, seen.rows
    (False, 1)
    >>> GateState().is_identity
    True
    """

    gain: Tensor | None = None
    """(B,) or (B, H): inverse temperature; multiplies the logits q.k, not the bias."""
    bias: Tensor | None = None
    """(B, S) or (B, H, S): log pertinence, added to the logits; -inf closes a key."""
    keep: Tensor | None = None
    """(B, S) bool: which keys were encoded."""
    index: Tensor | None = None
    """(B, Kmax) int64: the encoded keys in the order of entry, -1 = empty slot."""
    t_on: Tensor | None = None
    """(B, S) seconds: from when a key can be seen."""
    t_off: Tensor | None = None
    """(B, S) seconds: until when (not including) a key can be seen."""
    t_query: Tensor | None = None
    """(B, L) seconds: when each query looks."""
    share: Tensor | None = None
    """In [0, 1]: how much is granted, after softmax: per row, per query or per key."""

    def __post_init__(self) -> None:
        for name, rule in _FIELDS.items():
            _check_field(name, getattr(self, name), rule)

    @property
    def is_identity(self) -> bool:
        """True if nothing limits attention. Known without reading a value, so no device waits for it."""
        limits = (self.gain, self.bias, self.keep, self.index, self.t_on, self.t_off, self.share)
        return all(limit is None for limit in limits)

    @property
    def on_keys(self) -> bool:
        """True if it speaks of keys one by one, not of whole rows or queries alone. Reads no value."""
        return self.index is not None or self._keys() is not None

    @property
    def rows(self) -> int | None:
        """B, or T of a schedule; None where nothing is limited."""
        return next((x.shape[0] for _, x in self._present()), None)

    def _repr_html_(self) -> str:
        """In a notebook: what each field limits, and how much of each key is let through (the first rows)."""
        limits = showing.told(GateState)
        table = [(name, tuple(x.shape), limits.get(name, "")) for name, x in self._present()]
        if not table:
            return showing.card("GateState", showing.words("no limit: plain attention"))
        return showing.card(
            "GateState", showing.rows(table, ("field", "shape", "what it limits")), self._strips()
        )

    def _strips(self) -> str:
        """A heat strip of what is let through of each key, a line per row of the batch, by moment of a schedule."""
        timed = any(x.ndim > max(_FIELDS[name].axes) for name, x in self._present())
        keys = (self[0] if timed else self)._keys()
        if keys is None:
            return ""
        gates = [self[t] for t in range(min(len(self._present()[0][1]), SHOWN[0]))] if timed else [self]
        parts = []
        for t, gate in enumerate(gates):
            cells = gate._through(keys)
            shown = f"{min(len(cells), SHOWN[0])} of {len(cells)} rows, {min(keys, SHOWN[1])} of {keys} keys"
            words = f"let through{f' at moment {t}' if timed else ''} (empty: nothing, full: all); {shown}"
            parts.append(showing.strip(cells[: SHOWN[0], : SHOWN[1]].tolist(), words))
        return "".join(parts)

    def _through(self, keys: int) -> Tensor:
        """(B, S) in [0, 1]: how much of each key is let through, the mean over heads and queries."""
        seen = self.visible(keys)
        out = torch.ones(1, keys) if seen is None else seen.float().mean((1, 2)).cpu()
        if self.bias is not None:
            closed = torch.isneginf(self.bias.float()).cpu()
            out = out * (1.0 - (closed.float().mean(1) if closed.ndim == 3 else closed.float()))
        if self.share is not None and self.share.ndim != 2:  # with two axes it could be of queries or of keys
            share = self.share.float().cpu()
            out = out * (share[:, None] if share.ndim == 1 else share.mean(1).expand(-1, keys))
        return out

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> GateState:
        """The same gate elsewhere. `dtype` changes gain, bias and share; seconds stay as exact as they are."""
        if dtype is not None and not dtype.is_floating_point:
            raise InputError(f"dtype must be a floating type, got {dtype}")

        def move(name: str, x: Tensor) -> Tensor:
            return x.to(device, dtype) if name in ("gain", "bias", "share") else x.to(device)

        return self._map(move)

    def __getitem__(self, where: Any) -> GateState:
        """Index the leading axis of every field: `gate[t]` of a (T, B, ...) schedule, or `gate[2:5]` rows."""
        return self._map(lambda _, x: x[where])

    def expand(self, batch: int) -> GateState:
        """One observer's gate (B = 1) for a whole batch, without copying; one that has a row for each stays."""
        for name, x in self._present():
            if len(x) not in {1, batch}:
                raise InputError(f"gate.{name} must have {batch} rows, or one for all, got {len(x)}")
        return self._map(lambda _, x: x.expand(batch, *x.shape[1:]))

    def repeat(self, times: int) -> GateState:
        """Every row `times` over, one after the other: the order in which beam search repeats its sequences."""
        return self._map(lambda _, x: x.repeat_interleave(times, 0))

    def grow(self, keys: int, *, closed: bool = False) -> GateState:
        """The same gate over more keys: those beyond its own are open (no bias, a whole share), or closed.

        A sequence that is being written grows while the gate does not. A gate that speaks of no key stays as it is.
        """
        own = self._keys()
        if own is None and self.index is not None:
            raise InputError("gate.index alone does not say which keys are new: give gate.keep (B, S) too")
        if own is None or keys <= own:
            return self
        keep = self._listed_keep(own)
        if closed and keep is None:
            like = self._present()[0][1]
            keep = torch.ones(like.shape[0], own, dtype=torch.bool, device=like.device)
        blank = _OPEN | {"keep": not closed}

        def more(name: str, x: Tensor) -> Tensor:
            on_keys = name in blank and (name != "share" or (x.ndim == 3 and x.shape[2] > 1))
            return F.pad(x, (0, keys - own), value=blank[name]) if on_keys else x

        return replace(self, keep=keep, index=None)._map(more)

    def validate(self, batch: int, heads: int, queries: int, keys: int) -> None:
        """Raise InputError unless every field fits attention of these sizes. Reads shapes, never values."""
        B, H, L, S = batch, heads, queries, keys
        _fits("gain", self.gain, (B,), (B, H))
        _fits("bias", self.bias, (B, S), (B, H, S))
        _fits("keep", self.keep, (B, S))
        _fits("t_on", self.t_on, (B, S))
        _fits("t_off", self.t_off, (B, S))
        _fits("t_query", self.t_query, (B, L))
        _fits("share", self.share, (B,), (B, L), (B, S), (B, L, 1), (B, 1, S))
        if self.index is not None and (self.index.shape[0] != B or self.index.shape[1] < 1):
            got = tuple(self.index.shape)
            raise InputError(
                f"gate.index must be (B, Kmax) = ({B}, at least 1), got {got}: one row per batch row"
            )
        if (self.t_on is not None or self.t_off is not None) and self.t_query is None:
            raise InputError("gate.t_query must be (B, L) seconds where t_on or t_off is given, got None")
        self.granted(L, S)

    def check(self, keys: int | None = None) -> GateState:
        """Raise InputError if a value makes no sense (NaN, share outside [0, 1], index outside [-1, S)).

        Reads the values, so a GPU is waited for: call it at doors, not in the loop. Returns the gate itself.
        """
        for name, x in self._present():
            if x.is_floating_point() and bool(x.isnan().any()):
                raise InputError(f"gate.{name} must be a number everywhere, got NaN: mend what computed it")
        _within("gain", self.gain, 0.0, math.inf, open_end=True)
        _within("bias", self.bias, -math.inf, math.inf, open_end=True)
        _within("share", self.share, 0.0, 1.0)
        if self.index is not None:
            _check_index(self.index, keys if keys is not None else self._keys())
        return self

    def as_mask(self, keys: int, dtype: torch.dtype = torch.float32) -> Tensor | None:
        """All that acts before softmax except gain, as one attention mask that broadcasts to (B, H, L, S).

        Bool (True = visible) as long as there is no bias, additive in `dtype` if there is; None = no limit.
        Stays on the keys, (B, 1, 1, S), unless bias is per head or visibility per query.
        """
        visible = self.visible(keys)
        if self.bias is None:
            return visible
        bias = self.bias.to(dtype).unsqueeze(-2)  # (B, 1, S) or (B, H, 1, S)
        bias = bias.unsqueeze(1) if bias.ndim == 3 else bias  # (B, 1, 1, S) or (B, H, 1, S)
        return bias if visible is None else torch.where(visible, bias, -math.inf)

    def visible(self, keys: int) -> Tensor | None:
        """Which query may see which key: bool (B, 1, 1, S), or (B, 1, L, S) with times; None = every one."""
        found = self._listed_keep(keys)
        found = None if found is None else found[:, None, None, :]  # (B, 1, 1, S)
        during = self._during()
        if found is None or during is None:
            return found if during is None else during
        return found & during

    def granted(self, queries: int, keys: int) -> tuple[Tensor | None, Tensor | None]:
        """`share` as (per query (B, L or 1, 1), per key (B, 1, S)); at most one of them is not None."""
        share = self.share
        if share is None:
            return None, None
        if share.ndim == 3:
            # One query and one key: both readings scale the same number.
            return (share, None) if share.shape[2] == 1 else (None, share)
        if share.ndim == 1:
            return share[:, None, None], None  # (B, 1, 1)
        if queries == keys > 1:
            raise InputError(
                f"gate.share {tuple(share.shape)} could mean queries or keys, for both are {keys}: "
                "give share[:, :, None] for queries or share[:, None, :] for keys"
            )
        return (share[:, :, None], None) if share.shape[1] == queries else (None, share[:, None, :])

    def at_index(self, queries: int, keys: int) -> GateState:
        """The same gate seen from its slots: index is gone and key axes are (B, Kmax). Select, then attend."""
        if self.index is None:
            raise InputError("gate.index must be given to select keys, got None")
        slot, full = self.index.clamp(min=0), self.index >= 0  # (B, Kmax) both
        per_query, per_key = self.granted(queries, keys)
        return replace(
            self,
            index=None,
            keep=full if self.keep is None else full & self.keep.gather(1, slot),
            bias=None if self.bias is None else _take(self.bias, slot),
            t_on=None if self.t_on is None else self.t_on.gather(1, slot),
            t_off=None if self.t_off is None else self.t_off.gather(1, slot),
            share=per_query if per_key is None else _take(per_key, slot),
        )

    def with_null(self, keys: int) -> GateState:
        """The same gate with one more key, the last, that nobody can shut: a null key, for where nothing is seen.

        A share (B, S) is taken as one per query and stays as it is: query l reads item l.
        """
        wide = {
            name: x for name in ("keep", "bias", "t_on", "t_off") if (x := getattr(self, name)) is not None
        }
        for name, x in wide.items():
            if x.shape[-1] != keys:
                raise InputError(f"gate.{name} must have {keys} items in its last axis, got {x.shape[-1]}")
        if self.share is not None and self.share.ndim == 3 and self.share.shape[-1] == keys > 1:
            wide["share"] = self.share  # (B, 1, S)
        if self.index is not None:
            wide["index"] = self.index  # (B, Kmax): the null key has the number after the last item's
        null = _OPEN | {"index": keys}
        return replace(self, **{name: F.pad(x, (0, 1), value=null[name]) for name, x in wide.items()})

    def part(self, queries: slice, keys: slice, of: tuple[int, int]) -> GateState:
        """The same gate as some of the queries see it over some of the keys; `of` says how many (L, S) there are."""
        L, S = of
        share = self.share
        if share is not None and share.ndim > 1:
            per_query, per_key = self.granted(L, S)
            share = per_query[:, queries] if per_query is not None else _cut(per_key, keys)
        return replace(
            self,
            index=None,
            keep=_cut(self._listed_keep(S), keys),
            bias=_cut(self.bias, keys),
            t_on=_cut(self.t_on, keys),
            t_off=_cut(self.t_off, keys),
            t_query=_cut(self.t_query, queries),
            share=share,
        )

    def then(self, later: GateState) -> GateState:
        """Both gates, one after the other: gains and shares multiply, biases add, visibility is the AND."""
        if self.t_query is not None and later.t_query is not None:
            raise InputError(
                "two gates with t_query each cannot be joined: keep the query times in one of them"
            )
        return GateState(
            gain=_join(self.gain, later.gain, torch.mul, _widen_gain),
            bias=_join(self.bias, later.bias, torch.add, _widen_bias),
            keep=_join(self.keep, later.keep, torch.logical_and),
            index=_join(self.index, later.index, _refill),
            t_on=_join(self.t_on, later.t_on, torch.maximum),
            t_off=_join(self.t_off, later.t_off, torch.minimum),
            t_query=self.t_query if later.t_query is None else later.t_query,
            share=_join(self.share, later.share, torch.mul, _widen_share),
        )

    @classmethod
    def from_numpy(cls, device: torch.device | str | None = None, **arrays: Any) -> GateState:
        """A gate from plain arrays (the mind's side has no tensors): floats become float32, integers int64."""
        unknown = sorted(set(arrays) - set(_FIELDS))
        if unknown:
            raise InputError(f"a gate's fields must be among {', '.join(_FIELDS)}, got {', '.join(unknown)}")
        kept = {name: x for name, x in arrays.items() if x is not None}
        return cls(**{name: _tensor(name, x, device) for name, x in kept.items()}).check()

    @classmethod
    def from_alertness(
        cls,
        alertness: Any,
        on_task: Any = None,
        *,
        gain: float = 1.0,
        sharpness: float = 1.0,
        away_speed: float = 0.725,
        device: torch.device | str | None = None,
    ) -> GateState:
        """The gates of minds that tire, moment by moment: a schedule (T, B) from alertness A and attention on task.

        Who wins: the gain is `gain` A ** sharpness, and 0 while attention is away (everything counts alike).
        How much is
        granted at all: `share` = A, times `away_speed` while away. A = 1 on task gives the gain alone, or no
        limit at all.
        """
        a = np.asarray(alertness, float)
        on = np.ones(a.shape, bool) if on_task is None else np.asarray(on_task)
        if a.ndim not in (1, 2) or on.shape != a.shape or on.dtype != np.bool_:
            raise InputError(
                "alertness must be (B,) or (T, B) and on_task the same shape in bool, "
                f"got {a.shape}, {on.dtype} {on.shape}"
            )
        if not np.isfinite(a).all() or a.min(initial=1) < 0 or a.max(initial=0) > 1:
            raise InputError("alertness must be from 0 to 1; some of it is not")
        number("gain", gain, least=0)
        number("sharpness", sharpness, least=0)
        number("away_speed", away_speed, least=0, most=1)
        if gain == 1.0 and on.all() and (a == 1.0).all():
            return cls()
        share = np.where(on, a, a * away_speed)
        return cls.from_numpy(device, gain=np.where(on, gain * a**sharpness, 0.0), share=share)

    def flat(self) -> GateState:
        """A schedule (T, B, ...) as one batch (T x B, ...): all moments of all observers in a single pass."""
        return self._map(lambda _, x: x.flatten(0, 1))

    @classmethod
    def from_events(
        cls,
        stored: Any,
        finish: Any = None,
        *,
        slots: int | None = None,
        device: torch.device | str | None = None,
    ) -> GateState:
        """A gate from what the mind's events left behind: who is stored (B, S), and when each finished.

        `finish` (B, S) orders the slots (seconds, or any rank; inf = never); without it position does.
        `slots` fixes Kmax, so that a compiled model sees one shape; else it is the fullest row.
        """
        keep = np.asarray(stored)
        if keep.ndim != 2 or keep.dtype != np.bool_:
            raise InputError(
                f"stored must be a (B, S) array of bool, got {keep.dtype} with shape {keep.shape}"
            )
        when = (
            np.broadcast_to(np.arange(keep.shape[1], dtype=float), keep.shape) if finish is None else finish
        )
        return cls.from_numpy(device, keep=keep, index=_slots_in_order(keep, np.asarray(when, float), slots))

    def _present(self) -> list[tuple[str, Tensor]]:
        return [(name, getattr(self, name)) for name in _FIELDS if getattr(self, name) is not None]

    def _map(self, change: Callable[[str, Tensor], Tensor]) -> GateState:
        return GateState(**{name: change(name, x) for name, x in self._present()})

    def _keys(self) -> int | None:
        share = (
            self.share if self.share is not None and self.share.ndim == 3 else None
        )  # (B, L, 1) or (B, 1, S)
        share = None if share is None or share.shape[2] == 1 else share
        on_keys = (self.keep, self.bias, self.t_on, self.t_off, share)
        return next((x.shape[-1] for x in on_keys if x is not None), None)

    def _listed_keep(self, keys: int) -> Tensor | None:
        """keep and index as one keep (B, S)."""
        if self.index is None:
            return self.keep
        listed = _listed(self.index, keys)
        return listed if self.keep is None else listed & self.keep

    def _during(self) -> Tensor | None:
        """t_on <= t_query < t_off: (B, 1, L, S), or None without times."""
        if self.t_query is None or (self.t_on is None and self.t_off is None):
            return None
        now = self.t_query[:, None, :, None]  # (B, 1, L, 1)
        begun = None if self.t_on is None else self.t_on[:, None, None, :] <= now
        lasts = None if self.t_off is None else now < self.t_off[:, None, None, :]
        return _join(begun, lasts, torch.logical_and)


def _flatten(gate: GateState) -> tuple[list[Any], tuple[str, ...]]:
    names = tuple(name for name in _FIELDS if getattr(gate, name) is not None)
    return [getattr(gate, name) for name in names], names


def _unflatten(leaves: Iterable[Any], names: tuple[str, ...]) -> GateState:
    # Past the door on purpose: tree maps put integers and specifications where tensors were.
    gate = object.__new__(GateState)
    given = dict(zip(names, leaves, strict=True))
    for field in fields(GateState):
        object.__setattr__(gate, field.name, given.get(field.name))
    return gate


pytree.register_pytree_node(GateState, _flatten, _unflatten, serialized_type_name="cogattn.GateState")


def _check_field(name: str, x: object, rule: _Field) -> None:
    if x is None:
        return
    if not isinstance(x, Tensor):
        raise InputError(
            f"gate.{name} must be a tensor {rule.shape}, got {type(x).__name__}: use torch.as_tensor"
        )
    kinds = {
        "floating": x.is_floating_point(),
        "bool": x.dtype == torch.bool,
        "int64": x.dtype == torch.int64,
    }
    if not kinds[rule.kind]:
        raise InputError(f"gate.{name} must be of {rule.kind} type, got {x.dtype}")
    if not min(rule.axes) <= x.ndim <= max(rule.axes) + 1:
        got = tuple(x.shape)
        raise InputError(f"gate.{name} must be {rule.shape}, perhaps with time first, got shape {got}")


def _fits(name: str, x: Tensor | None, *shapes: tuple[int, ...]) -> None:
    if x is not None and tuple(x.shape) not in shapes:
        wanted = " or ".join(str(shape) for shape in dict.fromkeys(shapes))
        got = tuple(x.shape)
        raise InputError(
            f"gate.{name} must be {_FIELDS[name].shape} = {wanted}, got {got}: emit it for this batch"
        )


def _within(name: str, x: Tensor | None, least: float, most: float, open_end: bool = False) -> None:
    if x is None or x.numel() == 0:
        return
    low, high = float(x.min()), float(x.max())
    if low < least or high > most or (open_end and high == most):
        end = f"{most:g})" if open_end else f"{most:g}]"
        raise InputError(f"gate.{name} must be in [{least:g}, {end}, got {low if low < least else high:g}")


def _check_index(index: Tensor, keys: int | None) -> None:
    most = torch.iinfo(torch.int64).max if keys is None else keys - 1
    wrong = index[(index < -1) | (index > most)]
    if wrong.numel():
        top = "the number of keys" if keys is None else str(keys)
        raise InputError(f"gate.index must be in [-1, {top}), -1 = empty slot, got {int(wrong[0])}")
    order = index.sort(-1).values
    twice = (order[..., 1:] == order[..., :-1]) & (order[..., 1:] >= 0)
    if bool(twice.any()):
        raise InputError(
            f"gate.index must list a key once per row, got {int(order[..., 1:][twice][0])} twice"
        )


def _listed(index: Tensor, keys: int) -> Tensor:
    """(B, Kmax) slots as (B, S) bool. Empty slots point at one key too many, which is then cut off."""
    spot = torch.where(index < 0, keys, index)
    room = torch.zeros(index.shape[0], keys + 1, dtype=torch.bool, device=index.device)
    return room.scatter(1, spot, True)[:, :keys]  # (B, S)


def _cut(x: Tensor | None, where: slice) -> Tensor | None:
    """A stretch of the last axis."""
    return None if x is None else x[..., where]


def _take(x: Tensor, slot: Tensor) -> Tensor:
    """x (B, S) or (B, n, S) at the slots (B, Kmax): (B, Kmax) or (B, n, Kmax)."""
    if x.ndim == 2:
        return x.gather(1, slot)
    return x.gather(2, slot[:, None, :].expand(-1, x.shape[1], -1))


def _join(
    a: Tensor | None,
    b: Tensor | None,
    both: Callable[[Tensor, Tensor], Tensor],
    widen: Callable[[Tensor, int], Tensor] | None = None,
) -> Tensor | None:
    """The one that is there, or `both(a, b)`, first brought to the same number of axes."""
    if a is None or b is None:
        return b if a is None else a
    if widen is not None and a.ndim != b.ndim:
        axes = max(a.ndim, b.ndim)
        a, b = widen(a, axes), widen(b, axes)
    return both(a, b)


def _widen_gain(x: Tensor, axes: int) -> Tensor:
    return x if x.ndim == axes else x[:, None]  # (B,) -> (B, 1)


def _widen_bias(x: Tensor, axes: int) -> Tensor:
    return x if x.ndim == axes else x[:, None, :]  # (B, S) -> (B, 1, S)


def _widen_share(x: Tensor, axes: int) -> Tensor:
    if x.ndim == 2 and axes == 3:
        got = tuple(x.shape)
        raise InputError(
            f"share {got} cannot be joined with three axes: give (B, L, 1) or (B, 1, S) in both gates"
        )
    return x.reshape(x.shape + (1,) * (axes - x.ndim))  # (B,) -> (B, 1) or (B, 1, 1)


def _refill(earlier: Tensor, later: Tensor) -> Tensor:
    """The later slots, emptied where the earlier gate had not let the key in."""
    known = (later[:, :, None] == earlier[:, None, :]).any(-1)  # (B, Klater)
    return torch.where(known, later, -1)


def _tensor(name: str, x: Any, device: torch.device | str | None) -> Tensor:
    array = np.asarray(x)
    wanted = {"floating": np.float32, "bool": np.bool_, "int64": np.int64}[_FIELDS[name].kind]
    same = {"floating": "fiu", "bool": "b", "int64": "iu"}[_FIELDS[name].kind]
    if array.dtype.kind not in same:
        raise InputError(f"gate.{name} must be of {_FIELDS[name].kind} type, got {array.dtype}")
    return torch.as_tensor(np.array(array, dtype=wanted), device=device)


def _slots_in_order(keep: np.ndarray, when: np.ndarray, slots: int | None) -> np.ndarray:
    """The stored keys of every row by time of entry, padded with -1: (B, Kmax)."""
    if when.shape != keep.shape or np.isnan(when).any():
        raise InputError(f"finish must be {keep.shape} without NaN, like stored, got shape {when.shape}")
    count = keep.sum(1)  # (B,)
    fullest = int(count.max(initial=0))
    width = max(1, fullest if slots is None else int(number("slots", slots, least=1)))
    if width < fullest:
        raise InputError(f"slots must be at least {fullest}, as many as one row has stored, got {slots}")
    order = np.argsort(np.where(keep, when, np.inf), axis=1, kind="stable")  # stored first, if they finished
    order = np.take_along_axis(order, np.argsort(~np.take_along_axis(keep, order, 1), 1, kind="stable"), 1)
    index = np.full((len(keep), width), -1)
    columns = min(width, keep.shape[1])
    index[:, :columns] = np.where(np.arange(columns) < count[:, None], order[:, :columns], -1)
    return index


# --- the policies ---------------------------------------------------------------------------------------

Setting = float | Tensor
"""A number for everybody, or a tensor (B,) with one number per observer."""


@dataclass(frozen=True)
class Display:
    """What a policy is given: a batch of displays, how long they stay, and where chance comes from."""

    logits: Tensor
    """(B, S): log weights."""
    exposure: Setting | None
    """[s], one number or (B,); None = until all is done."""
    generator: torch.Generator | None
    mask: Tensor | None
    """(B, S) bool: True where a key exists."""
    times: Tensor | None
    """(B, S): when each key finished, or any rank, where that is known; inf = never."""


class Policy(nn.Module):
    """A rule that turns the logits of a batch of displays into a gate. Settings are frozen once made.

    Call it as `policy(logits, exposure=, generator=, mask=)`; each rule reads what concerns it. On a CPU
    the values are looked at (NaN is refused); on a GPU they are not, because reading them would stall it.
    Seed a generator per call where two arms shall share their draws. Your own policy writes `emit`.
    """

    _held: tuple[str, ...] = ()

    def forward(
        self,
        logits: Tensor,
        *,
        exposure: Setting | None = None,
        generator: torch.Generator | None = None,
        mask: Tensor | None = None,
        times: Tensor | None = None,
    ) -> GateState:
        """Check what came, then emit the gate. All randomness is spent here."""
        return self.emit(_display(logits, exposure, generator, mask, times))

    def emit(self, display: Display) -> GateState:
        """The rule itself."""
        raise NotImplementedError(f"{type(self).__name__} must say what it emits")

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._held:
            raise InputError(
                f"{name} of {type(self).__name__} is frozen: make a new one with the other value"
            )
        super().__setattr__(name, value)

    def _hold(self, **settings: Any) -> None:
        for name, value in settings.items():
            if isinstance(value, Tensor):
                self.register_buffer(name, value, persistent=False)  # moves with the module, is not saved
            else:
                super().__setattr__(name, value)
        object.__setattr__(self, "_held", (*self._held, *settings))

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)}" for name in self._held)


class Race(Policy):
    """Bundesen's race for a few slots, a whole batch at once.

        v_x = C w_x / sum_z w_z,  w_x = exp(gain logit_x),  finish_x = t0 + Exp(v_x)

    An element is stored iff it finishes before the exposure ends and is among the K first. The order of
    finishing is Plackett-Luce in w whatever C and t0 are. A K that is not whole is, in each row, its floor
    or its ceiling, so that the mean is K. Rates are fixed by all elements on display; with
    `reallocate=True` the rates of the unfinished always sum to C: the same order, other times.

    >>> import torch
    >>> logits, chance = torch.zeros(1, 6), torch.Generator().manual_seed(0)
    >>> gate = Race(capacity=60.0, slots=3, threshold=0.01)(logits, exposure=10.0, generator=chance)
    >>> int(gate.keep.sum())
    3
    """

    capacity: Setting
    slots: Setting
    threshold: Setting
    gain: Setting
    reallocate: bool

    def __init__(
        self,
        capacity: Setting,
        slots: Setting,
        threshold: Setting = 0.0,
        gain: Setting = 1.0,
        reallocate: bool = False,
    ) -> None:
        """capacity C [items/s], slots K, threshold t0 [s] and gain: numbers, or one per row (B,)."""
        super().__init__()
        if not isinstance(reallocate, bool):
            raise InputError(f"reallocate must be True or False, got {reallocate!r}")
        self._hold(
            capacity=_setting("capacity", capacity, infinite=True, unit="items/s"),
            slots=_setting("slots", slots, infinite=True, unit="items"),
            threshold=_setting("threshold", threshold, unit="s"),
            gain=_setting("gain", gain),
            reallocate=reallocate,
        )
        self._most = _largest(self.slots)

    def emit(self, display: Display) -> GateState:
        """Who is stored; nothing at all if no limit can bind."""
        if self._nothing_limits(display.exposure):
            return GateState(keep=display.mask)
        return self._encode(*self._draw(display), display)

    def play(
        self,
        logits: Tensor,
        *,
        exposure: Setting | None = None,
        generator: torch.Generator | None = None,
        mask: Tensor | None = None,
    ) -> tuple[GateState, Tensor]:
        """The gate and, from the same race, every finish time (B, S) in seconds; inf = never."""
        display = _display(logits, exposure, generator, mask)
        work, log_p = self._draw(display)
        return self._encode(work, log_p, display), self._seconds(work, log_p)

    def times(
        self, logits: Tensor, *, generator: torch.Generator | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """When every element would finish, (B, S) seconds; inf = never. The same draws as a call would use."""
        return self._seconds(*self._draw(_display(logits, None, generator, mask)))

    def _nothing_limits(self, exposure: Setting | None) -> bool:
        """No limit can bind, known without reading a tensor."""
        settings = (self.capacity, self.slots, self.threshold, self.gain)
        if isinstance(exposure, Tensor) or any(isinstance(x, Tensor) for x in settings):
            return False
        return settings == (math.inf, math.inf, 0.0, 1.0) and (exposure is None or exposure > 0.0)

    def _draw(self, display: Display) -> tuple[Tensor, Tensor]:
        """Log of each element's finish at unit capacity, Exp(1) / p, and log p. (B, S) both.

        Logs, so that the order survives any spread of weights; float32, for in bfloat16 4 % of displays tie.
        """
        log_w = display.logits.detach().float()
        if isinstance(self.gain, Tensor) or self.gain != 1.0:
            log_w = log_w * _per_row("gain", self.gain, log_w)
        if display.mask is not None:
            log_w = log_w.masked_fill(~display.mask, -math.inf)
        log_p = torch.log_softmax(log_w, -1)  # (B, S)
        work = torch.empty_like(log_p).exponential_(generator=display.generator).log_()
        return work.sub_(log_p), log_p

    def _encode(self, work: Tensor, log_p: Tensor, display: Display) -> GateState:
        """The K first to finish, if they finish in time."""
        width = _width(self._most, work)
        if self.reallocate:
            done, order = _shared_out(work, log_p)  # (B, S) both, by order of finishing
            done, order = done[:, :width].log(), order[:, :width]
        else:
            done, order = work.topk(width, dim=-1, largest=False, sorted=True)  # (B, Kmax) both
        stored = done < self._log_bound(display.exposure, work)  # False for NaN: rows without any weight
        return _gate_of(order, _in_slots(stored, self.slots, display.generator), work.shape[1])

    def _log_bound(self, exposure: Setting | None, like: Tensor) -> Setting:
        """Log of the work that the exposure allows, (tau - t0) C; -inf or NaN: nothing can finish."""
        tau = math.inf if exposure is None else _per_row("exposure", exposure, like)
        capacity = _per_row("capacity", self.capacity, like)
        bound = (tau - _per_row("threshold", self.threshold, like)) * capacity
        if isinstance(bound, Tensor):
            return bound.log()
        return math.log(bound) if bound > 0 else -math.inf

    def _seconds(self, work: Tensor, log_p: Tensor) -> Tensor:
        done = work.exp()
        if self.reallocate:
            done, order = _shared_out(work, log_p)
            done = torch.empty_like(done).scatter_(1, order, done)
        # A weight may be too small for a float, but with unlimited capacity it is done at once all the same.
        done = done.clamp(max=torch.finfo(done.dtype).max)
        seconds = done / _per_row("capacity", self.capacity, work)
        seconds = seconds + _per_row("threshold", self.threshold, work)  # (B, S)
        return torch.where(work < math.inf, seconds, math.inf)


class TopK(Policy):
    """The k heaviest keys, always: selection without chance or time. Slots are in order of weight.

    >>> import torch
    >>> TopK(2)(torch.tensor([[0.0, 3.0, 1.0]])).index.tolist()
    [[1, 2]]
    """

    k: float

    def __init__(self, k: float) -> None:
        super().__init__()
        self._hold(k=_whole_or_inf("k", k))

    def emit(self, display: Display) -> GateState:
        if math.isinf(self.k):
            return GateState(keep=display.mask)
        weight = display.logits.detach()
        if display.mask is not None:
            weight = weight.masked_fill(~display.mask, -math.inf)
        best, order = weight.topk(_width(self.k, weight), dim=-1)  # (B, Kmax) both
        return _gate_of(order, _in_slots(best > -math.inf, self.k, None), weight.shape[1])


class Soft(Policy):
    """A sharper or blunter softmax: one inverse temperature, no limit on how many or how fast.

    >>> import torch
    >>> Soft(0.5)(torch.zeros(1, 4)).gain.tolist()
    [0.5]
    """

    gain: Setting

    def __init__(self, gain: Setting) -> None:
        super().__init__()
        self._hold(gain=_setting("gain", gain))

    def emit(self, display: Display) -> GateState:
        if not isinstance(self.gain, Tensor) and self.gain == 1.0:
            return GateState(keep=display.mask)
        return GateState(gain=_rows("gain", self.gain, display.logits), keep=display.mask)


class Lapse(Policy):
    """The mind is elsewhere with probability p: nothing is granted to that row (share = 0).

    >>> import torch
    >>> Lapse(1.0)(torch.zeros(2, 4), generator=torch.Generator().manual_seed(0)).share.tolist()
    [0.0, 0.0]
    """

    p: Setting

    def __init__(self, p: Setting) -> None:
        super().__init__()
        self._hold(p=_setting("p", p, most=1.0))

    def emit(self, display: Display) -> GateState:
        if not isinstance(self.p, Tensor) and self.p == 0.0:
            return GateState(keep=display.mask)
        logits = display.logits
        chance = torch.rand(logits.shape[0], device=logits.device, generator=display.generator)  # (B,)
        return GateState(share=(chance >= _rows("p", self.p, logits)).float(), keep=display.mask)


class Slots(Policy):
    """Room for k keys: the first to finish if their times are known, else k at random, whatever they weigh.

    >>> import torch
    >>> gate = Slots(2)(torch.zeros(1, 4), generator=torch.Generator().manual_seed(0))
    >>> int(gate.keep.sum())
    2
    """

    k: Setting

    def __init__(self, k: Setting) -> None:
        super().__init__()
        self._hold(k=_setting("k", k, infinite=True))
        self._most = _largest(self.k)

    def emit(self, display: Display) -> GateState:
        times, logits = display.times, display.logits
        if times is None and not isinstance(self.k, Tensor) and math.isinf(self.k):
            return GateState(keep=display.mask)
        if times is None:
            times = torch.rand(logits.shape, device=logits.device, generator=display.generator)  # (B, S)
        if display.mask is not None:
            times = times.masked_fill(~display.mask, math.inf)
        first, order = times.topk(_width(self._most, times), dim=-1, largest=False)  # (B, Kmax) both
        stored = _in_slots(first < math.inf, self.k, display.generator)
        return _gate_of(order, stored, times.shape[1])


class Compose(Policy):
    """Policies one after the other: each sees only the keys that those before it kept.

    >>> both = Compose(Race(capacity=60.0, slots=3), Lapse(0.1))
    """

    def __init__(self, *policies: Policy) -> None:
        super().__init__()
        for policy in policies:
            if not isinstance(policy, Policy):
                raise InputError(f"Compose takes policies such as Race(...), got {type(policy).__name__}")
        self.policies = nn.ModuleList(policies)

    def emit(self, display: Display) -> GateState:
        """Every policy draws from the same generator, in order; entry into slots is the time of those after."""
        gate = GateState(keep=display.mask)
        for policy in self.policies:
            assert isinstance(policy, Policy)
            times = display.times if gate.index is None else _ranks(gate.index, display.logits.shape[1])
            gate = gate.then(policy.emit(replace(display, mask=gate.keep, times=times)))
        return gate


def _gate_of(order: Tensor, stored: Tensor, keys: int) -> GateState:
    """keep and index from the candidates in order (B, Kmax) and whether each is stored (B, Kmax)."""
    keep = torch.zeros(order.shape[0], keys, dtype=torch.bool, device=order.device)
    return GateState(keep=keep.scatter_(1, order, stored), index=torch.where(stored, order, -1))


def _shared_out(work: Tensor, log_p: Tensor) -> tuple[Tensor, Tensor]:
    """Finish times at unit capacity when the unfinished share it all, in order of finishing, and that order.

    Given the order, the r-th spacing of the fixed-rate race is Exp(1) / R_r with R_r the weight still
    unfinished. Under reallocation the hazard is 1 instead of R_r, so each spacing shrinks by R_r:
    u_r = sum_{i <= r} (e_i - e_{i-1}) R_i, taken in logs because e may exceed and R fall below any float.
    """
    log_e, order = work.sort(-1)  # (B, S)
    left = log_p.gather(1, order).flip(-1).logcumsumexp(-1).flip(-1)  # log R_r
    before = F.pad(log_e, (1, 0), value=-math.inf)[:, :-1]
    spacing = (log_e + left).exp() * -torch.expm1(before - log_e)
    spacing = torch.where(log_e < math.inf, spacing, math.inf)
    return spacing.cumsum(-1), order


def _ranks(index: Tensor, keys: int) -> Tensor:
    """The order of entry as a rank per key, (B, S); inf where a key has no slot."""
    spot = torch.where(index < 0, keys, index)
    rank = torch.arange(index.shape[1], dtype=torch.float32, device=index.device).expand(index.shape)
    room = torch.full((index.shape[0], keys + 1), math.inf, device=index.device)
    return room.scatter(1, spot, rank)[:, :keys]


def _in_slots(stored: Tensor, slots: Setting, generator: torch.Generator | None) -> Tensor:
    """Candidates in order (B, Kmax): those beyond their row's K are out."""
    if not isinstance(slots, Tensor) and slots >= stored.shape[1]:
        return stored
    room = _per_row("slots", _whole_slots(slots, stored, generator), stored)
    return stored & (torch.arange(stored.shape[1], device=stored.device) < room)


def _whole_slots(slots: Setting, like: Tensor, generator: torch.Generator | None) -> Setting:
    """K itself if it is one whole number, else (B,): floor or ceiling, with mean K."""
    if not isinstance(slots, Tensor) and slots == math.floor(slots):
        return slots
    chance = torch.rand(like.shape[0], device=like.device, generator=generator)  # (B,)
    floor = slots.floor() if isinstance(slots, Tensor) else float(math.floor(slots))
    return floor + (chance < slots - floor)  # inf - inf is NaN, which no chance is below


def _width(most: float, like: Tensor) -> int:
    """Kmax: as many slots as any row could fill, at least one (then empty)."""
    return int(max(1.0, min(math.ceil(most) if math.isfinite(most) else most, like.shape[1])))


def _largest(slots: Setting) -> float:
    return float(slots.max()) if isinstance(slots, Tensor) else slots


def _rows(name: str, x: Setting, like: Tensor) -> Tensor:
    """One number per row, (B,)."""
    if not isinstance(x, Tensor):
        return torch.full((like.shape[0],), x, device=like.device)
    if x.shape != like.shape[:1]:
        raise InputError(f"{name} must be one number or one per row ({like.shape[0]},), got {tuple(x.shape)}")
    return x


def _per_row(name: str, x: Setting, like: Tensor) -> Any:
    """A number stays, (B,) becomes (B, 1) to stand beside (B, S)."""
    return _rows(name, x, like)[:, None] if isinstance(x, Tensor) else x


def _setting(
    name: str, value: Any, *, most: float | None = None, infinite: bool = False, unit: str = ""
) -> Setting:
    """A number >= 0, or a (B,) tensor of such numbers, checked once, here."""
    if not isinstance(value, Tensor):
        return number(name, value, least=0.0, most=most, infinite=infinite, unit=unit)
    if value.ndim != 1 or value.numel() == 0 or not value.is_floating_point():
        got = f"{value.dtype} with shape {tuple(value.shape)}"
        raise InputError(f"{name} must be a number or a floating tensor (B,), got {got}")
    rows = value.detach().float()
    for extreme in (rows.min(), rows.max()):  # NaN comes out of both
        number(name, float(extreme), least=0.0, most=most, infinite=infinite, unit=unit)
    return rows


def _whole_or_inf(name: str, value: Any) -> float:
    k = number(name, value, least=0.0, infinite=True)
    if not math.isinf(k) and k != math.floor(k):
        raise InputError(f"{name} must be a whole number or infinity, got {value}")
    return k


def _display(
    logits: Tensor,
    exposure: Setting | None,
    generator: torch.Generator | None,
    mask: Tensor | None,
    times: Tensor | None = None,
) -> Display:
    """The door of every policy."""
    _check_logits(logits)
    if mask is not None:
        _same_shape("mask", mask, logits)
        if mask.dtype != torch.bool:
            raise InputError(f"mask must be bool, True where a key exists, got {mask.dtype}")
    if times is not None:
        _same_shape("times", times, logits)
    return Display(logits, _exposure(exposure, logits), generator, mask, times)


def _check_logits(logits: object) -> None:
    if not isinstance(logits, Tensor) or not logits.is_floating_point():
        got = logits.dtype if isinstance(logits, Tensor) else type(logits).__name__
        raise InputError(f"logits must be a floating tensor (B, S), got {got}")
    if logits.ndim != 2 or logits.shape[1] == 0:
        raise InputError(f"logits must be (B, S) with S >= 1, got shape {tuple(logits.shape)}")
    # One maximum sees both NaN and +inf; -inf (no weight at all) is allowed.
    if _readable(logits) and logits.numel() and not float(logits.detach().max()) < math.inf:
        raise InputError("logits must be numbers below infinity, got NaN or inf: mend what computed them")


def _exposure(exposure: Setting | None, logits: Tensor) -> Setting | None:
    if exposure is None:
        return None
    if not isinstance(exposure, Tensor):
        return number("exposure", exposure, least=0.0, infinite=True, unit="s")
    rows = _rows("exposure", exposure, logits).float()
    if _readable(rows) and not bool((rows >= 0).all()):
        raise InputError(f"exposure must be >= 0 s in every row, got {float(rows[~(rows >= 0)][0])}")
    return rows


def _same_shape(name: str, x: Tensor, logits: Tensor) -> None:
    if x.shape != logits.shape:
        raise InputError(f"{name} must be (B, S) = {tuple(logits.shape)} like logits, got {tuple(x.shape)}")


def _readable(x: Tensor) -> bool:
    """Values may be looked at: on a CPU, outside a compiler."""
    return x.device.type == "cpu" and not torch.compiler.is_compiling()
