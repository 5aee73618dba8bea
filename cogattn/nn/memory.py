"""A store of K slots as the key-value cache of a network: it forgets as a person does, and the same way every time.

A `Plan` says beforehand what each step will find in the store: it comes from the events of a mind (`plan_from_events`)
or is drawn by itself (`eviction_plan`). All chance is spent when it is made. One plan can then be read in two ways
that give the same numbers: as a mask of one batched pass (`Plan.mask`, `remember`), or step by step by a `SlotCache`
that never holds more than K keys and values.

The convention: the item at hand is compared *before* it takes a slot, and it can always attend to itself. With random
displacement from K full slots an item n steps back is therefore still held with probability

    (1 - 1/K) ** (n - 1)

A mask on keys does not bound what a *deep* network knows: an early layer copies items onward before they are lost.
So `remember` limits one memory-read layer unless told otherwise, the layers before it should see their own item
alone, and `leak` measures whether a network knows more than its memory holds.

Shapes: B sequences, T steps, H heads, D features, K slots; step t looks, item s is looked at.

>>> import torch
>>> plan = eviction_plan(3, length=8, policy="oldest", batch=2)
>>> plan.held(3)[0].tolist()  # the item three back: there from step 3 on
[False, False, False, True, True, True, True, True]
>>> q = k = v = torch.randn(2, 4, 8, 16)
>>> cache = SlotCache(3, plan)
>>> steps = [cache.step(*(x[:, :, t : t + 1] for x in (q, k, v))) for t in range(8)]
>>> batched = gated_attention(q, k, v, attn_mask=plan.mask())
>>> torch.allclose(torch.cat(steps, 2), batched, atol=1e-6), cache.keys.shape
(True, torch.Size([2, 4, 3, 16]))
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cogattn.errors import InputError, choice, number, whole
from cogattn.mind.draws import EVICT, STORE, trial_keys, uniforms
from cogattn.nn.functional import gated_attention
from cogattn.nn.layers import Where, attention_layers, chosen

Policy = Literal["random", "oldest", "weakest"]
POLICIES = ("random", "oldest", "weakest")
NOWHERE = -1  #: the slot of an item that is never written

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


# --- what will be in the store ------------------------------------------------------------------------------


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
    rows = np.arange(whole("batch", batch, least=1)) if np.ndim(batch) == 0 else np.asarray(batch)
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


# --- the store itself ---------------------------------------------------------------------------------------


class SlotCache:
    """Causal attention one step at a time with only K keys and values kept.

    `step` lets the item at hand look at what is held and at itself, then writes it where the plan says. Step by step
    this is the batched pass with `attn_mask=plan.mask()`. Without a plan nothing is lost, and `slots` must be inf.

    null: a key and a value, each (1 or B, H, n, D), outside the store and open to every step.

    >>> cache = SlotCache(slots=2, plan=eviction_plan(slots=2, length=5, policy="oldest"))
    >>> q = torch.randn(1, 4, 1, 8)
    >>> [cache.step(q, q, q).shape for _ in range(2)]
    [torch.Size([1, 4, 1, 8]), torch.Size([1, 4, 1, 8])]
    """

    keys: Tensor  #: (B, H, K, D), after the first step; (B, H, t, D) without a plan
    values: Tensor

    def __init__(
        self,
        slots: float,
        plan: Plan | None = None,
        *,
        scale: float | None = None,
        null: tuple[Tensor, Tensor] | None = None,
    ) -> None:
        slots = number("slots", slots, least=0, infinite=True)
        if plan is None and not math.isinf(slots):
            raise InputError(f"slots must be inf where there is no plan to say what is lost, got {slots:g}")
        if plan is not None and plan.slots > math.ceil(min(slots, 2**31)):
            raise InputError(f"slots must be at least {plan.slots}, as the plan needs, got {slots:g}")
        self.plan = plan
        self.time = 0
        self._rows = 0 if plan is None else plan.slots
        self._scale, self._null = scale, null

    def step(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """One item: q (B, H, 1, D), k and v (B, H, 1, D) or fewer heads; returns (B, H, 1, D)."""
        for name, x in (("q", q), ("k", k), ("v", v)):
            if x.ndim != 4 or x.shape[2] != 1:
                raise InputError(f"{name} must be one step, (B, H, 1, D), got shape {tuple(x.shape)}")
        if self.plan is not None and (self.time >= self.plan.length or q.shape[0] != self.plan.batch):
            raise InputError(
                f"the plan is for {self.plan.batch} sequences of {self.plan.length} steps, "
                f"got {q.shape[0]} at step {self.time}"
            )
        if self.time == 0:
            self.keys, self.values = (x.new_zeros(*x.shape[:2], self._rows, x.shape[3]) for x in (k, v))
            self._held = torch.full((q.shape[0], self._rows), -1, device=q.device)
        seen_k, seen_v = torch.cat([self.keys, k], 2), torch.cat([self.values, v], 2)
        mask = self._open(q.device)
        if self._null is not None:
            more = [x.to(q).expand(q.shape[0], *x.shape[1:]) for x in self._null]
            seen_k, seen_v = torch.cat([seen_k, more[0]], 2), torch.cat([seen_v, more[1]], 2)
            mask = None if mask is None else F.pad(mask, (0, more[0].shape[2]), value=True)
        out = gated_attention(
            q, seen_k, seen_v, attn_mask=mask, scale=self._scale, enable_gqa=q.shape[1] != k.shape[1]
        )
        self._write(k, v)
        return out

    def _open(self, device: torch.device) -> Tensor | None:
        """(B, 1, 1, K + 1): the slots that hold something alive, and the item at hand."""
        if self.plan is None:
            return None
        now = torch.from_numpy(self.plan.alive[:, self.time]).to(device)  # (B, T)
        found = now.gather(1, self._held.clamp(min=0)) & (self._held >= 0)
        return F.pad(found, (0, 1), value=True)[:, None, None, :]

    def _write(self, k: Tensor, v: Tensor) -> None:
        if self.plan is None:
            self.keys, self.values = torch.cat([self.keys, k], 2), torch.cat([self.values, v], 2)
        else:
            slot = torch.from_numpy(self.plan.slot[:, self.time]).to(k.device)  # (B,)
            here = torch.arange(self._rows, device=k.device) == slot[:, None]  # (B, K)
            self.keys = torch.where(here[:, None, :, None], k, self.keys)
            self.values = torch.where(here[:, None, :, None], v, self.values)
            self._held = torch.where(here, self.time, self._held)
        self.time += 1


# --- on a network -------------------------------------------------------------------------------------------


@contextmanager
def remember(
    model: nn.Module, plan: Plan | None, layers: Where = -1
) -> Iterator[list[nn.MultiheadAttention]]:
    """Within the block, these self-attention layers of `model` find only what the plan holds.

    layers: which of the model's `MultiheadAttention` modules (torch's or cogattn's): numbers in their order, names, or
        "all"; by default the last alone. That bounds what the network knows only if the layers before it see their
        own item alone; "all" does not bound a deep network either. `leak` measures it. A plan of None limits nothing.

    >>> layer = nn.TransformerEncoderLayer(8, 2, batch_first=True)
    >>> plan = eviction_plan(slots=2, length=5)
    >>> with remember(layer, plan) as limited:
    ...     len(limited)
    1
    """
    found = list(attention_layers(model).items())
    those = [found[i][1] for i in chosen([name for name, _ in found], layers)]
    with ExitStack() as stack:
        if plan is not None:
            for layer in those:
                # The hook also keeps nn.TransformerEncoderLayer from its fused path, which would skip it in silence.
                handle = layer.register_forward_pre_hook(_Reminder(plan), with_kwargs=True)
                stack.callback(handle.remove)
        yield those


class _Reminder:
    """Adds the plan to the attention mask of a call of `nn.MultiheadAttention`."""

    MASK = 5  # where attn_mask stands in forward(query, key, value, key_padding_mask, need_weights, attn_mask, ...)

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def __call__(
        self, layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        assert isinstance(layer, nn.MultiheadAttention)
        query = args[0] if args else kwargs["query"]
        if query.ndim != 3:
            raise InputError(f"a plan needs query (B, T, E) with a batch axis, got {tuple(query.shape)}")
        size = tuple(query.shape[:2] if layer.batch_first else query.shape[1::-1])
        if size != (self.plan.batch, self.plan.length):
            raise InputError(
                f"query must have (B, T) = {(self.plan.batch, self.plan.length)} as the plan, got {size}"
            )
        if len(args) > self.MASK:
            raise InputError("give attn_mask by its name where a plan is remembered")
        gone = ~torch.from_numpy(self.plan.alive).to(
            query.device
        )  # (B, T, T), True = forbidden, as the parent's
        gone = gone.repeat_interleave(layer.num_heads, 0)
        mask = kwargs.get("attn_mask")
        if mask is not None:
            gone = gone | mask if mask.dtype == torch.bool else torch.where(gone, -math.inf, mask)
        return args, kwargs | {"attn_mask": gone, "is_causal": False}


# --- does it know more than its memory holds? ---------------------------------------------------------------


@dataclass(frozen=True)
class Leak:
    """Whether a network under a plan beats the memory that the plan leaves it.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.integers(0, 4, (40, 12))
    >>> y = np.where(np.arange(12) < 3, -1, np.roll(x, 3, 1))
    >>> knows = leak(lambda x, plan: np.roll(x, 3, 1), (x, y), eviction_plan(2, 12, batch=40), needed=3)
    >>> knows.leaks, knows.accuracy
    (True, 1.0)
    """

    accuracy: float
    """Share right; an answer that is none of the targets' (-1, or an output for "unknown") counts as a guess."""
    bound: float
    """What an observer reaches who knows the answer if and only if the needed item is held, and guesses else."""
    excess: float
    """accuracy - bound."""
    z: float
    """The excess, or that where the needed item was lost if it is clearer, in standard errors over sequences."""
    lost: float
    """Share right where the needed item was lost; NaN if `needed` was not given."""
    leaks: bool
    """z above the limit."""
    words: str
    """The same in a line."""


def leak(
    model: Callable[..., Any],
    batch: tuple[Any, Any] | Callable[[], tuple[Any, Any]],
    plan: Plan,
    bound: float | None = None,
    *,
    needed: int | npt.ArrayLike | None = None,
    layers: Where = -1,
    sure: float = 4.0,
) -> Leak:
    """Does the model know what its memory has lost? Give the `bound`, or which item each answer `needed`.

    model: a torch module, called under `remember(model, plan, layers)`; or any function (inputs, plan) -> answers.
        Answers are numbers (B, T), or scores (B, T, classes).
    batch: (inputs, targets), or a function that makes them; targets (B, T) whole numbers, negative = not scored.
    needed: how many steps back, or (B, T) the number of the item that decides (-1: none, always known). A guess is
        right as often as the commonest target, so the bound is exact only if nothing else tells of a lost item:
        an item that is scored should not be needed again, and no letters should repeat by a rule.
    sure: standard errors from which on it is called a leak.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.integers(0, 4, (40, 12))
    >>> y = np.where(np.arange(12) < 3, -1, np.roll(x, 3, 1))
    >>> honest = lambda x, plan: np.where(plan.held(3), np.roll(x, 3, 1), -1)
    >>> leak(honest, (x, y), eviction_plan(2, 12, batch=40), needed=3).leaks
    False
    """
    inputs, targets = batch() if callable(batch) else batch
    wanted = _whole_numbers("targets", targets)
    if wanted.shape != plan.slot.shape:
        raise InputError(f"targets must be (B, T) = {plan.slot.shape} as the plan, got {wanted.shape}")
    scored = wanted >= 0
    if not scored.any():
        raise InputError("targets must have something to score, all are negative")
    known, counts = np.unique(wanted[scored], return_counts=True)
    guess = float(counts.max() / counts.sum())
    answers = _answers(model, inputs, plan, layers)
    if answers.shape != wanted.shape:
        raise InputError(f"answers must be (B, T) = {wanted.shape}, or have classes too, got {answers.shape}")
    right = np.where(np.isin(answers, known), answers == wanted, guess)
    gone = None if needed is None else scored & ~_found(plan, needed)
    if bound is None:
        if gone is None:
            raise InputError("give bound (an accuracy), or needed (which item each answer hangs on)")
        ideal = np.where(gone, guess, 1.0)
    else:
        ideal = np.full(wanted.shape, number("bound", bound, least=0, most=1))
    accuracy, best = float(right[scored].mean()), float(ideal[scored].mean())
    z, lost = _z(right - ideal, scored), math.nan
    if gone is not None and gone.any():
        lost = float(right[gone].mean())
        z = max(z, _z(right - guess, gone))
    leaks = bool(z > sure)
    words = f"right {accuracy:.3f}, the memory allows {best:.3f} (z {z:+.1f}): "
    words += "it knows what its memory has lost" if leaks else "nothing leaks past the memory"
    return Leak(accuracy, best, accuracy - best, z, lost, leaks, words)


def _answers(model: Callable[..., Any], inputs: Any, plan: Plan, layers: Where) -> Ints:
    given = inputs if isinstance(inputs, tuple) else (inputs,)
    if not isinstance(model, nn.Module):
        return _classes(model(*given, plan))
    training = model.training
    model.eval()
    try:
        with remember(model, plan, layers), torch.no_grad():
            return _classes(model(*given))
    finally:
        model.train(training)


def _classes(out: Any) -> Ints:
    if isinstance(out, Tensor):
        out = out.detach().cpu().numpy()
    out = np.asarray(out)
    return _whole_numbers("answers", out.argmax(-1) if out.ndim == 3 else out)


def _whole_numbers(name: str, x: Any) -> Ints:
    x = x.detach().cpu().numpy() if isinstance(x, Tensor) else np.asarray(x)
    if x.dtype.kind not in "iub":
        raise InputError(f"{name} must be whole numbers, got {x.dtype}")
    return x.astype(np.int64)


def _found(plan: Plan, needed: int | npt.ArrayLike) -> Bools:
    """(B, T): the step has what it needs."""
    if isinstance(needed, int):
        return plan.held(needed)
    which = _whole_numbers("needed", needed)
    if which.shape != plan.slot.shape or (which >= plan.length).any():
        raise InputError(f"needed must be a lag, or the items (B, T) = {plan.slot.shape} that decide")
    there = np.take_along_axis(plan.alive, np.maximum(which, 0)[:, :, None], 2)[:, :, 0]
    return there | (which < 0)


def _z(gain: Floats, where: Bools) -> float:
    """The sum of `gain` in its standard errors; sequences are independent, steps within one need not be."""
    per_row = np.where(where, gain, 0.0).sum(1)
    total, spread = float(per_row.sum()), float(per_row.std()) * math.sqrt(len(per_row))
    if spread < 1e-9:
        return 0.0 if abs(total) < 1e-9 else math.copysign(math.inf, total)
    return total / spread
