"""The fields of a gate: what each may hold, how it is checked, and how the fields of two gates are joined."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from cogattn.errors import InputError, number


class Field(NamedTuple):
    """What a field may be: its kind of number, its axes without a leading time axis, its shape in words."""

    kind: Literal["floating", "bool", "int64"]
    axes: tuple[int, ...]
    shape: str


FIELDS = {
    "gain": Field("floating", (1, 2), "(B,) or (B, H)"),
    "bias": Field("floating", (2, 3), "(B, S) or (B, H, S)"),
    "keep": Field("bool", (2,), "(B, S)"),
    "index": Field("int64", (2,), "(B, Kmax)"),
    "t_on": Field("floating", (2,), "(B, S)"),
    "t_off": Field("floating", (2,), "(B, S)"),
    "t_query": Field("floating", (2,), "(B, L)"),
    "share": Field("floating", (1, 2, 3), "(B,), (B, L), (B, S), (B, L, 1) or (B, 1, S)"),
}

#: What the fields that speak of keys say of a key without limits.
OPEN: dict[str, float] = {"keep": True, "bias": 0.0, "t_on": -math.inf, "t_off": math.inf, "share": 1.0}


def check_field(name: str, x: object, rule: Field) -> None:
    """A field is None, or a tensor of the kind and with the axes that its rule says."""
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


def check_shape(name: str, x: Tensor | None, *shapes: tuple[int, ...]) -> None:
    """A field is None, or has one of these shapes."""
    if x is not None and tuple(x.shape) not in shapes:
        wanted = " or ".join(str(shape) for shape in dict.fromkeys(shapes))
        got = tuple(x.shape)
        raise InputError(
            f"gate.{name} must be {FIELDS[name].shape} = {wanted}, got {got}: emit it for this batch"
        )


def check_within(name: str, x: Tensor | None, least: float, most: float, open_end: bool = False) -> None:
    """The values of a field lie between `least` and `most` (without `most` itself if the end is open)."""
    if x is None or x.numel() == 0:
        return
    low, high = float(x.min()), float(x.max())
    if low < least or high > most or (open_end and high == most):
        end = f"{most:g})" if open_end else f"{most:g}]"
        raise InputError(f"gate.{name} must be in [{least:g}, {end}, got {low if low < least else high:g}")


def check_index(index: Tensor, keys: int | None) -> None:
    """Slots name keys that exist, each at most once in a row."""
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


def listed_keys(index: Tensor, keys: int) -> Tensor:
    """(B, Kmax) slots as (B, S) bool. Empty slots point at one key too many, which is then cut off."""
    spot = torch.where(index < 0, keys, index)
    room = torch.zeros(index.shape[0], keys + 1, dtype=torch.bool, device=index.device)
    return room.scatter(1, spot, True)[:, :keys]  # (B, S)


def cut_last(x: Tensor | None, where: slice) -> Tensor | None:
    """A stretch of the last axis."""
    return None if x is None else x[..., where]


def take_slots(x: Tensor, slot: Tensor) -> Tensor:
    """x (B, S) or (B, n, S) at the slots (B, Kmax): (B, Kmax) or (B, n, Kmax)."""
    if x.ndim == 2:
        return x.gather(1, slot)
    return x.gather(2, slot[:, None, :].expand(-1, x.shape[1], -1))


def join_fields(
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


def widen_gain(x: Tensor, axes: int) -> Tensor:
    """A gain of rows as one of rows and heads."""
    return x if x.ndim == axes else x[:, None]  # (B,) -> (B, 1)


def widen_bias(x: Tensor, axes: int) -> Tensor:
    """A bias of rows and keys as one of rows, heads and keys."""
    return x if x.ndim == axes else x[:, None, :]  # (B, S) -> (B, 1, S)


def widen_share(x: Tensor, axes: int) -> Tensor:
    """A share of rows with axes of size 1 behind; one of queries or keys has to say which it is."""
    if x.ndim == 2 and axes == 3:
        got = tuple(x.shape)
        raise InputError(
            f"share {got} cannot be joined with three axes: give (B, L, 1) or (B, 1, S) in both gates"
        )
    return x.reshape(x.shape + (1,) * (axes - x.ndim))  # (B,) -> (B, 1) or (B, 1, 1)


def refill(earlier: Tensor, later: Tensor) -> Tensor:
    """The later slots, emptied where the earlier gate had not let the key in."""
    known = (later[:, :, None] == earlier[:, None, :]).any(-1)  # (B, Klater)
    return torch.where(known, later, -1)


def field_tensor(name: str, x: Any, device: torch.device | str | None) -> Tensor:
    """A plain array as the tensor that this field holds."""
    array = np.asarray(x)
    wanted = {"floating": np.float32, "bool": np.bool_, "int64": np.int64}[FIELDS[name].kind]
    same = {"floating": "fiu", "bool": "b", "int64": "iu"}[FIELDS[name].kind]
    if array.dtype.kind not in same:
        raise InputError(f"gate.{name} must be of {FIELDS[name].kind} type, got {array.dtype}")
    return torch.as_tensor(np.array(array, dtype=wanted), device=device)


def slots_in_order(keep: np.ndarray, when: np.ndarray, slots: int | None) -> np.ndarray:
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
