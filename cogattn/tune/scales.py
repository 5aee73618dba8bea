"""On which scale each parameter varies between people: the one home of bounds, transforms and first guesses.

People are normal on these scales, as in `Population.adults` (log capacity, log alpha; K as it is; t0 as it is, a normal
whose values below 0 are people at the floor), and correlated. A fit works on them and speaks in the parameters' units.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cogattn.errors import choice
from cogattn.observer import Population, Spread

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """One parameter. `log`: it varies by factors; values beyond low or high are low or high."""

    unit: str
    low: float
    high: float
    mean: float  #: of adults, on the scale
    sd: float  #: between adults, on the scale
    log: bool = False

    def own(self, latent: npt.ArrayLike) -> Array:
        """From the scale to the parameter's own unit."""
        x = np.asarray(latent, float)
        return np.clip(np.exp(np.clip(x, -50.0, 50.0)) if self.log else x, self.low, self.high)

    def latent(self, own: npt.ArrayLike) -> Array:
        """From the parameter's own unit to the scale."""
        x = np.asarray(own, float)
        return np.log(np.maximum(x, 1e-12)) if self.log else x

    def spread(self, mean: float, sd: float) -> Spread:
        """People of this mean and sd on the scale, as a population has them."""
        if self.log:
            m = math.exp(mean + sd**2 / 2)
            return Spread("lognormal", m, m * math.sqrt(math.expm1(sd**2)))
        if self.low == 0.0:
            return Spread("censored", mean, sd)
        return Spread("truncated", mean, sd, self.low, self.high)


def _lognormal(name: str) -> tuple[float, float]:
    s: Spread = getattr(Population.adults(), name)
    sigma = math.sqrt(math.log1p((s.sd / s.mean) ** 2))
    return math.log(s.mean) - sigma**2 / 2, sigma


def _plain(name: str) -> tuple[float, float]:
    s: Spread = getattr(Population.adults(), name)
    return s.mean, s.sd


SCALES = {
    "capacity": Scale("items/s", 0.1, 2000.0, *_lognormal("capacity"), log=True),
    "slots": Scale("items", 0.05, 8.0, *_plain("slots")),
    "threshold": Scale("s", 0.0, 1.0, *_plain("threshold")),
    "alpha": Scale("", 1e-4, 50.0, *_lognormal("alpha"), log=True),
}


def names(params: Sequence[str]) -> tuple[str, ...]:
    """These parameters, each known and once."""
    return tuple(dict.fromkeys(choice("parameter", name, sorted(SCALES)) for name in params))


def own(params: Sequence[str], latent: npt.ArrayLike) -> Array:
    """(..., parameters) from the scales to their own units."""
    x = np.asarray(latent, float)
    return np.stack([SCALES[name].own(x[..., i]) for i, name in enumerate(params)], -1)


def latent(params: Sequence[str], values: npt.ArrayLike) -> Array:
    """(..., parameters) from their own units to the scales."""
    x = np.asarray(values, float)
    return np.stack([SCALES[name].latent(x[..., i]) for i, name in enumerate(params)], -1)
