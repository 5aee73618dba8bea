"""Which layers of a model must be limited so that what is lost is lost: measured, for each model, on held-out items.

A gate on keys does not bound what a deep network knows: an early layer copies an item into the vectors of others before
a later layer closes it. So a claim about capacity needs two numbers for the layers that were limited: how often the
model is right about an item whose keys are *closed* (that should be chance), and about one whose keys are open while
as many others are closed (that should be as free). `measure_layers` gives both for bands of layers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from cogattn.errors import InputError, whole
from cogattn.nn.gate import GateState
from cogattn.nn.huggingface import attention_layers, limit


@dataclass(frozen=True)
class Band:
    """What limiting these layers does: shares right with their standard errors."""

    first: int
    last: int
    lost: float  #: where the keys that the answer needs are closed
    other: float  #: where as many other keys are closed
    lost_error: float
    other_error: float

    @property
    def name(self) -> str:
        """ "20-29"."""
        return f"{self.first}-{self.last}"


@dataclass(frozen=True)
class LayerBands:
    """The bands that were tried on one model, and what may be claimed of them."""

    free: float  #: share right without a limit
    chance: float
    items: int
    bands: tuple[Band, ...]

    def table(self) -> pd.DataFrame:
        """A row per band, its limits free and chance beside it."""
        rows = [
            {
                "layers": b.name,
                "lost": b.lost,
                "lost_error": b.lost_error,
                "other": b.other,
                "other_error": b.other_error,
                "free": self.free,
                "chance": self.chance,
                "limits": self.limits(b),
            }
            for b in self.bands
        ]
        return pd.DataFrame(rows)

    def limits(self, band: Band) -> bool:
        """May a capacity be claimed? What was lost is below free, near chance, and what is held is not lost with it."""
        spread = math.sqrt(self.free * (1 - self.free) / self.items + band.lost_error**2)
        below = self.free - band.lost > 2 * spread
        near = band.lost - self.chance <= 2 * max(band.lost_error, math.sqrt(0.25 / self.items) / 2)
        return below and near and band.other > (self.free + self.chance) / 2

    @property
    def best(self) -> Band | None:
        """The narrowest band that limits (of two alike: the later); None if none does."""
        those = [b for b in self.bands if self.limits(b)]
        return min(those, key=lambda b: (b.last - b.first, -b.first)) if those else None

    @property
    def words(self) -> str:
        """The verdict in a line."""
        best = self.best
        if best is None:
            return "no band of these limits the model: claim no capacity of it"
        return (
            f"layers {best.name} limit it: right on {best.lost:.2f} of what is lost (chance {self.chance:.2f}), "
            f"on {best.other:.2f} of what is held (free {self.free:.2f})"
        )


def bands_of(layers: int, width: int | None = None) -> list[tuple[int, int]]:
    """Thirds, halves from the middle, the last one and all of them: (first, last), both included.

    >>> bands_of(30)
    [(0, 9), (10, 19), (20, 29), (0, 14), (15, 29), (29, 29), (0, 29)]
    """
    step = max(1, layers // 3) if width is None else whole("width", width, least=1, most=layers)
    thirds = [(first, min(first + step, layers) - 1) for first in range(0, layers - step + 1, step)]
    half = layers // 2
    halves = [(0, half - 1), (half, layers - 1)] if half else []
    return list(dict.fromkeys([*thirds, *halves, (layers - 1, layers - 1), (0, layers - 1)]))


def measure_layers(
    model: Any,
    items: Sequence[tuple[Mapping[str, Tensor], Tensor, Tensor]],
    answer: Callable[[Any, Mapping[str, Tensor]], Tensor],
    *,
    chance: float,
    bands: Sequence[tuple[int, int]] | None = None,
    role: str | None = None,
    sinks: int = 0,
) -> LayerBands:
    """Limit one band after the other on these items, and ask.

    items: (inputs, needed, right): inputs of B texts; needed (B, S) bool, the keys that hold what is asked for;
        right (B,), the right answers. To close *other* keys the needed ones of the next text are taken (they must
        not be needed there: say the facts in another order), so a batch needs two texts at least.
    answer: (model, inputs) -> (B,) what it says, of the kind of `right`. chance: the share right of a guess.
    """
    names = [n for n, r in attention_layers(model).items() if role is None or r == role]
    tried = bands_of(len(names)) if bands is None else list(bands)
    for first, last in tried:
        if not 0 <= first <= last < len(names):
            raise InputError(f"bands must be (first, last) within 0 to {len(names) - 1}, got {(first, last)}")
    free = _right(model, items, answer, None)
    out = []
    for first, last in tried:
        where = names[first : last + 1]
        lost, other = (_right(model, items, answer, (where, shift, sinks)) for shift in (0, 1))
        out.append(Band(first, last, lost[0], other[0], lost[1], other[1]))
    return LayerBands(free[0], chance, free[2], tuple(out))


def _right(
    model: Any,
    items: Sequence[tuple[Mapping[str, Tensor], Tensor, Tensor]],
    answer: Callable[[Any, Mapping[str, Tensor]], Tensor],
    how: tuple[list[str], int, int] | None,
) -> tuple[float, float, int]:
    """Share right, its standard error, and of how many."""
    got = []
    for inputs, needed, right in items:
        if needed.dtype != torch.bool or needed.shape[0] != len(right) or (how and how[1] and len(right) < 2):
            raise InputError("items must be (inputs, needed (B, S) bool, right (B,)) of two texts at least")
        with torch.no_grad():
            if how is None:
                got.append(answer(model, inputs) == right)
                continue
            where, shift, sinks = how
            shut = needed.roll(shift, 0) & ~needed if shift else needed
            with limit(model, GateState(keep=~shut), where, sinks=sinks):
                got.append(answer(model, inputs) == right)
    all_ = torch.cat(got).double()
    p, n = float(all_.mean()), len(all_)
    return p, math.sqrt(max(p * (1 - p), 0.25 / n) / n), n
