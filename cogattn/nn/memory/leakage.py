"""Does a network know more than its memory holds?"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from cogattn.errors import InputError, doors, number
from cogattn.nn.layers import Where
from cogattn.nn.memory.plan import Bools, Floats, Ints, Plan
from cogattn.nn.memory.store import remember


@dataclass(frozen=True)
class Leak:
    """Whether a network under a plan beats the memory that the plan leaves it.

    >>> from cogattn.nn.memory import eviction_plan
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

    >>> from cogattn.nn.memory import eviction_plan
    >>> rng = np.random.default_rng(0)
    >>> x = rng.integers(0, 4, (40, 12))
    >>> y = np.where(np.arange(12) < 3, -1, np.roll(x, 3, 1))
    >>> honest = lambda x, plan: np.where(plan.held(3), np.roll(x, 3, 1), -1)
    >>> leak(honest, (x, y), eviction_plan(2, 12, batch=40), needed=3).leaks
    False
    """
    pair: Any = batch() if callable(batch) else batch
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise InputError("batch must be (inputs, targets), or a function that gives them")
    inputs, targets = pair
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


doors(__name__, "leak")
