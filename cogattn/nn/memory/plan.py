"""What each step will find in the store: from the events of a mind, or drawn by itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cogattn.errors import InputError, choice, doors, number, whole
from cogattn.files import afford
from cogattn.mind.draws import EVICT, STORE, trial_keys, uniforms

Policy = Literal["random", "oldest", "weakest"]
POLICIES = ("random", "oldest", "weakest")
NOWHERE = -1  #: the slot of an item that is never written

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Plan:
    """What each step finds in the store. Plain arrays, so that a plan can be kept, compared and sent.

    >>> plan = eviction_plan(slots=2, length=4, policy="oldest")
    >>> plan.alive[0].astype(int).tolist()
    [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 1]]
    """

    slot: Ints
    """(B, T): the slot into which item s is written after it was compared, -1 = never written."""
    alive: Bools
    """(B, T, T): step t still finds item s; true on the diagonal (the item at hand), false above it."""

    def __post_init__(self) -> None:
        slot, alive = self.slot, self.alive
        if not _is_array(slot, np.int64) or slot.ndim != 2:
            raise InputError(f"slot must be an array (B, T) of int64, got {_kind(slot)}")
        shape = (*slot.shape, slot.shape[1])
        if not _is_array(alive, np.bool_) or alive.shape != shape:
            raise InputError(f"alive must be an array (B, T, T) = {shape} of bool, got {_kind(alive)}")
        if (slot < NOWHERE).any():
            raise InputError(f"slot must be -1 = nowhere, or the number of a slot, got {slot.min()}")
        if np.triu(alive, 1).any() or not np.einsum("btt->bt", alive).all():
            raise InputError("alive must be true on the diagonal (an item attends to itself), false above it")
        if (np.tril(alive, -1) & ~_writable(slot)).any():
            raise InputError(
                "alive finds an item that was never written to a slot, or whose slot was taken since"
            )

    @property
    def batch(self) -> int:
        """B, sequences."""
        return self.slot.shape[0]

    @property
    def length(self) -> int:
        """T, steps."""
        return self.slot.shape[1]

    @property
    def slots(self) -> int:
        """How many slots a cache needs for it."""
        return int(self.slot.max(initial=NOWHERE)) + 1

    def __getitem__(self, rows: Any) -> Plan:
        """Some of the sequences: a slice, or an array of their numbers."""
        if isinstance(rows, (int, np.integer)):
            rows = [rows]
        return Plan(self.slot[rows], self.alive[rows])

    def held(self, lag: int) -> Bools:
        """(B, T): is the item `lag` steps back held? False where there was none."""
        lag = whole("lag", lag, least=0)
        out = np.zeros(self.slot.shape, np.bool_)
        if lag < self.length:
            out[:, lag:] = np.einsum("btt->bt", self.alive[:, lag:, : self.length - lag])
        return out

    def mask(self, device: torch.device | str | None = None) -> Tensor:
        """(B, 1, T, T) bool, True = may look: `gated_attention(q, k, v, attn_mask=plan.mask())`."""
        return torch.from_numpy(self.alive).to(device)[:, None]


def plan_from_events(encoded: Any, lost: Any, onset: Any) -> Plan:
    """What the steps find when items entered the store at `encoded` and left it at `lost`, both (B, T) seconds.

    inf or NaN: never entered, never left. `onset`, (T,) or (B, T), rising, is when each item is compared; item s
    is there at step t if encoded[s] <= onset[t] < lost[s]. A slot is taken from an item's own step to the last one
    that finds it, so an item still on its way in has its row in a cache already.

    >>> plan = plan_from_events(encoded=[[0.1, 1.1]], lost=[[1.5, np.inf]], onset=[0.0, 1.0])
    >>> plan.alive[0].tolist()
    [[True, False], [True, True]]
    """
    entered, left = np.asarray(encoded, float), np.asarray(lost, float)
    now = np.asarray(onset, float)
    if entered.ndim != 2 or left.shape != entered.shape:
        raise InputError(
            f"encoded and lost must both be (B, T) seconds, got {entered.shape} and {left.shape}"
        )
    if now.shape not in (entered.shape, entered.shape[1:]):
        raise InputError(f"onset must be (T,) or (B, T) = {entered.shape}, got {now.shape}")
    if not np.isfinite(now).all() or (np.diff(now) <= 0).any():
        raise InputError("onset must be finite seconds that rise from item to item; it is not")
    now = np.broadcast_to(now, entered.shape)[:, :, None]  # (B, T, 1)
    entered = np.where(np.isnan(entered), math.inf, entered)[:, None, :]  # (B, 1, T)
    left = np.where(np.isnan(left), math.inf, left)[:, None, :]
    alive = np.tril((entered <= now) & (now < left), -1)
    return Plan(_lowest_free_slot(alive), alive | np.eye(alive.shape[1], dtype=np.bool_))


def eviction_plan(
    slots: float,
    length: int,
    policy: Policy = "random",
    seed: int = 0,
    batch: int | npt.ArrayLike = 1,
    strength: npt.ArrayLike | None = None,
) -> Plan:
    """A plan for a store that takes every item in and, when it is full, gives up one of those it holds.

    policy: "random", any of them alike; "oldest", the one that came first; "weakest", the one of the lowest
        `strength` (B, T) among those held (default: one uniform draw per item; the older of two alike).
    slots: a fraction mixes floor and ceiling over the sequences, as a mind does over trials; inf loses nothing.
    batch: how many sequences, or the numbers of those wanted: a sequence's fate hangs on `seed` and its number.

    >>> eviction_plan(slots=1, length=3, policy="oldest").alive[0].astype(int).tolist()
    [[1, 0, 0], [1, 1, 0], [0, 1, 1]]
    """
    slots = number("slots", slots, least=0, infinite=True)
    length = whole("length", length, least=1, most=2**16)
    choice("policy", policy, POLICIES)
    n = whole("batch", batch, least=1) if np.ndim(batch) == 0 else np.size(batch)
    afford(
        n * (length**2 + 16 * length + 32), f"a plan of {n:,} sequences", "make it piece by piece (batch=)"
    )
    rows = np.arange(n) if np.ndim(batch) == 0 else np.asarray(batch)
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or (rows < 0).any():
        raise InputError("batch must be how many sequences, or a list of their numbers from 0 on")
    keys = trial_keys(whole("seed", seed, most=2**63 - 1), rows, 0)  # (B,)
    room = _room(slots, length, keys)
    if strength is not None and policy != "weakest":
        raise InputError(f"strength decides only where policy is 'weakest', got policy {policy!r}")
    return _displace(room, _order(policy, keys, length, strength), length)


def _room(slots: float, length: int, keys: npt.NDArray[np.uint64]) -> Ints:
    """(B,) whole slots of each sequence; more than there are items is as good as infinite."""
    if slots >= length:
        return np.full(len(keys), length)
    low = math.floor(slots)
    return low + (uniforms(keys, STORE, 0) < slots - low)


def _order(
    policy: Policy, keys: npt.NDArray[np.uint64], length: int, strength: npt.ArrayLike | None
) -> tuple[Floats, bool]:
    """(B, T) numbers that decide who goes, and whether they are drawn by the newcomer or belong to the held."""
    item = np.arange(length, dtype=np.uint64)
    if policy == "random":
        return uniforms(keys[:, None], EVICT, 2 * item), True
    if policy == "oldest":
        return np.broadcast_to(item.astype(float), (len(keys), length)), False
    if strength is None:
        return uniforms(keys[:, None], EVICT, 2 * item + 1), False
    given = np.asarray(strength, float)
    if given.shape != (len(keys), length) or np.isnan(given).any():
        raise InputError(
            f"strength must be numbers of shape (B, T) = {(len(keys), length)}, got {given.shape}"
        )
    return given, False


def _displace(room: Ints, order: tuple[Floats, bool], length: int) -> Plan:
    """Item after item: compare with all that is held, then take a free slot or that of the one who goes."""
    rank, drawn = order
    B, K = len(room), int(room.max(initial=0))
    slot = np.full((B, length), NOWHERE)
    alive = np.zeros((B, length, length), np.bool_)
    held = np.full((B, K), -1)  # the item in each slot
    row = np.arange(K)
    for t in range(length):
        who, where = np.nonzero(held >= 0)
        alive[who, t, held[who, where]] = True
        alive[:, t, t] = True
        if K == 0:
            continue
        if drawn:
            goes = (rank[:, t] * room).astype(np.int64)
        else:
            worth = np.where(held >= 0, np.take_along_axis(rank, np.maximum(held, 0), 1), math.inf)  # (B, K)
            worst = worth == worth.min(1, keepdims=True)
            goes = np.where(worst & (held >= 0), held, length).argmin(1)  # the oldest of the worst
        taken = np.where(
            t < room, t, goes
        )  # nobody leaves by itself: the first K items fill the slots in order
        taken = np.where(room > 0, taken, NOWHERE)
        slot[:, t] = taken
        held = np.where(row == taken[:, None], t, held)
    return Plan(slot, alive)


def _writable(slot: Ints) -> Bools:
    """(B, T, T): item s has a slot, and no item between s and t has been written there since."""
    B, T = slot.shape
    until = np.full((B, T), T)  # the step whose item takes the slot of item s
    for s in range(T):
        again = slot[:, s + 1 :] == slot[:, s : s + 1]
        until[:, s] = np.where(again.any(1), s + 1 + again.argmax(1), T) if s + 1 < T else T
    steps = np.arange(T)[None, :, None]
    return (slot != NOWHERE)[:, None, :] & (steps <= until[:, None, :])


def _lowest_free_slot(alive: Bools) -> Ints:
    """(B, T): each item that is ever found again takes the lowest slot that nobody needs any more."""
    B, T, _ = alive.shape
    last = np.where(
        alive.any(1), T - 1 - alive[:, ::-1].argmax(1), NOWHERE
    )  # (B, T) the last step that finds s
    until = np.full((B, T), NOWHERE)  # for each slot: the last step that needs what is in it
    slot = np.full((B, T), NOWHERE)
    for s in range(T):
        free = (until <= s).argmax(1)  # (B,)
        wanted = np.nonzero(last[:, s] > s)[0]
        slot[wanted, s] = free[wanted]
        until[wanted, free[wanted]] = last[wanted, s]
    return slot


def _is_array(x: object, dtype: npt.DTypeLike) -> bool:
    return isinstance(x, np.ndarray) and x.dtype == dtype


def _kind(x: object) -> str:
    return f"{x.dtype} {x.shape}" if isinstance(x, np.ndarray) else type(x).__name__


doors(__name__, unless=torch.compiler.is_compiling, arrays=True)
