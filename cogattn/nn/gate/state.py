"""What the mind lets through at one moment, or in a schedule of moments, as tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils import _pytree as pytree

from cogattn import files, notebook
from cogattn.errors import InputError, doors, number, whole
from cogattn.nn.gate.fields import (
    FIELDS,
    OPEN,
    check_field,
    check_index,
    check_shape,
    check_within,
    cut_last,
    field_tensor,
    join_fields,
    listed_keys,
    refill,
    slots_in_order,
    take_slots,
    widen_bias,
    widen_gain,
    widen_share,
)

_MUCH = 2**28  # bytes: what takes more is asked for first
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
        for name, rule in FIELDS.items():
            check_field(name, getattr(self, name), rule)

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
        limits = notebook.told(GateState)
        table = [(name, tuple(x.shape), limits.get(name, "")) for name, x in self._present()]
        if not table:
            return notebook.card("GateState", notebook.words("no limit: plain attention"))
        return notebook.card(
            "GateState", notebook.rows(table, ("field", "shape", "what it limits")), self._strips()
        )

    def _strips(self) -> str:
        """A heat strip of what is let through of each key, a line per row of the batch, by moment of a schedule."""
        timed = any(x.ndim > max(FIELDS[name].axes) for name, x in self._present())
        keys = (self[0] if timed else self)._keys()
        if keys is None:
            return ""
        gates = [self[t] for t in range(min(len(self._present()[0][1]), SHOWN[0]))] if timed else [self]
        parts = []
        for t, gate in enumerate(gates):
            cells = gate._through(keys)
            shown = f"{min(len(cells), SHOWN[0])} of {len(cells)} rows, {min(keys, SHOWN[1])} of {keys} keys"
            words = f"let through{f' at moment {t}' if timed else ''} (empty: nothing, full: all); {shown}"
            parts.append(notebook.strip(cells[: SHOWN[0], : SHOWN[1]].tolist(), words))
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
        whole("batch", batch, most=2**40)
        for name, x in self._present():
            if len(x) not in {1, batch}:
                raise InputError(f"gate.{name} must have {batch} rows, or one for all, got {len(x)}")
        return self._map(lambda _, x: x.expand(batch, *x.shape[1:]))

    def repeat(self, times: int) -> GateState:
        """Every row `times` over, one after the other: the order in which beam search repeats its sequences."""
        whole("times", times, least=0, most=2**40)
        needed = times * sum(x.numel() * x.element_size() for _, x in self._present())
        if needed > _MUCH:
            files.afford(needed, f"a gate of {times:,} times its rows", "repeat it fewer times")
        return self._map(
            lambda _, x: x[:, None].expand(-1, times, *x.shape[1:]).reshape(len(x) * times, *x.shape[1:])
        )

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
        blank = OPEN | {"keep": not closed}

        def more(name: str, x: Tensor) -> Tensor:
            on_keys = name in blank and (name != "share" or (x.ndim == 3 and x.shape[2] > 1))
            return F.pad(x, (0, keys - own), value=blank[name]) if on_keys else x

        return replace(self, keep=keep, index=None)._map(more)

    def validate(self, batch: int, heads: int, queries: int, keys: int) -> None:
        """Raise InputError unless every field fits attention of these sizes. Reads shapes, never values."""
        B, H, L, S = batch, heads, queries, keys
        check_shape("gain", self.gain, (B,), (B, H))
        check_shape("bias", self.bias, (B, S), (B, H, S))
        check_shape("keep", self.keep, (B, S))
        check_shape("t_on", self.t_on, (B, S))
        check_shape("t_off", self.t_off, (B, S))
        check_shape("t_query", self.t_query, (B, L))
        check_shape("share", self.share, (B,), (B, L), (B, S), (B, L, 1), (B, 1, S))
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
        check_within("gain", self.gain, 0.0, math.inf, open_end=True)
        check_within("bias", self.bias, -math.inf, math.inf, open_end=True)
        check_within("share", self.share, 0.0, 1.0)
        if self.index is not None:
            check_index(self.index, keys if keys is not None else self._keys())
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
            bias=None if self.bias is None else take_slots(self.bias, slot),
            t_on=None if self.t_on is None else self.t_on.gather(1, slot),
            t_off=None if self.t_off is None else self.t_off.gather(1, slot),
            share=per_query if per_key is None else take_slots(per_key, slot),
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
        null = OPEN | {"index": keys}
        return replace(self, **{name: F.pad(x, (0, 1), value=null[name]) for name, x in wide.items()})

    def part(self, queries: slice, keys: slice, of: tuple[int, int]) -> GateState:
        """The same gate as some of the queries see it over some of the keys; `of` says how many (L, S) there are."""
        L, S = of
        share = self.share
        if share is not None and share.ndim > 1:
            per_query, per_key = self.granted(L, S)
            share = per_query[:, queries] if per_query is not None else cut_last(per_key, keys)
        return replace(
            self,
            index=None,
            keep=cut_last(self._listed_keep(S), keys),
            bias=cut_last(self.bias, keys),
            t_on=cut_last(self.t_on, keys),
            t_off=cut_last(self.t_off, keys),
            t_query=cut_last(self.t_query, queries),
            share=share,
        )

    def then(self, later: GateState) -> GateState:
        """Both gates, one after the other: gains and shares multiply, biases add, visibility is the AND."""
        if self.t_query is not None and later.t_query is not None:
            raise InputError(
                "two gates with t_query each cannot be joined: keep the query times in one of them"
            )
        return GateState(
            gain=join_fields(self.gain, later.gain, torch.mul, widen_gain),
            bias=join_fields(self.bias, later.bias, torch.add, widen_bias),
            keep=join_fields(self.keep, later.keep, torch.logical_and),
            index=join_fields(self.index, later.index, refill),
            t_on=join_fields(self.t_on, later.t_on, torch.maximum),
            t_off=join_fields(self.t_off, later.t_off, torch.minimum),
            t_query=self.t_query if later.t_query is None else later.t_query,
            share=join_fields(self.share, later.share, torch.mul, widen_share),
        )

    @classmethod
    def from_numpy(cls, device: torch.device | str | None = None, **arrays: Any) -> GateState:
        """A gate from plain arrays (the mind's side has no tensors): floats become float32, integers int64."""
        unknown = sorted(set(arrays) - set(FIELDS))
        if unknown:
            raise InputError(f"a gate's fields must be among {', '.join(FIELDS)}, got {', '.join(unknown)}")
        kept = {name: x for name, x in arrays.items() if x is not None}
        device = device if device is None else torch.device(device)
        return cls(**{name: field_tensor(name, x, device) for name, x in kept.items()}).check()

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

        Who wins: the gain is `gain` A ** sharpness. How much is granted at all: `share` = A, times `away_speed` while
        attention is away. A = 1 on task gives the gain alone, or no limit at all.
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
        return cls.from_numpy(device, gain=gain * a**sharpness, share=share)

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
        return cls.from_numpy(device, keep=keep, index=slots_in_order(keep, np.asarray(when, float), slots))

    def _present(self) -> list[tuple[str, Tensor]]:
        return [(name, getattr(self, name)) for name in FIELDS if getattr(self, name) is not None]

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
        listed = listed_keys(self.index, keys)
        return listed if self.keep is None else listed & self.keep

    def _during(self) -> Tensor | None:
        """t_on <= t_query < t_off: (B, 1, L, S), or None without times."""
        if self.t_query is None or (self.t_on is None and self.t_off is None):
            return None
        now = self.t_query[:, None, :, None]  # (B, 1, L, 1)
        begun = None if self.t_on is None else self.t_on[:, None, None, :] <= now
        lasts = None if self.t_off is None else now < self.t_off[:, None, None, :]
        return join_fields(begun, lasts, torch.logical_and)


def _flatten(gate: GateState) -> tuple[list[Any], tuple[str, ...]]:
    names = tuple(name for name in FIELDS if getattr(gate, name) is not None)
    return [getattr(gate, name) for name in names], names


def _unflatten(leaves: Iterable[Any], names: tuple[str, ...]) -> GateState:
    # Past the door on purpose: tree maps put integers and specifications where tensors were.
    gate = object.__new__(GateState)
    given = dict(zip(names, leaves, strict=True))
    for field in fields(GateState):
        object.__setattr__(gate, field.name, given.get(field.name))
    return gate


def _flatten_with_keys(gate: GateState) -> tuple[list[Any], tuple[str, ...]]:
    leaves, names = _flatten(gate)
    return [(pytree.GetAttrKey(name), leaf) for name, leaf in zip(names, leaves, strict=True)], names


pytree.register_pytree_node(
    GateState,
    _flatten,
    _unflatten,
    serialized_type_name="cogattn.GateState",
    to_dumpable_context=list,
    from_dumpable_context=tuple,
    flatten_with_keys_fn=_flatten_with_keys,
)
torch.serialization.add_safe_globals(
    [GateState]
)  # tensors and nothing else: torch.load(weights_only=True) takes it

doors(__name__, unless=torch.compiler.is_compiling, arrays=True)
