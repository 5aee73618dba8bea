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
from scipy import special

from cogattn.errors import choice
from cogattn.observer import Observer, Population, Spread

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """One parameter. `log`: it varies by factors; `logit`: it is a share, and its odds do; values beyond low or high
    are low or high."""

    unit: str
    low: float
    high: float
    mean: float  #: of adults, on the scale
    sd: float  #: between adults, on the scale
    log: bool = False
    logit: bool = False

    def own(self, latent: npt.ArrayLike) -> Array:
        """From the scale to the parameter's own unit."""
        x = np.asarray(latent, float)
        if self.logit:
            x = special.expit(x)
        return np.clip(np.exp(np.clip(x, -50.0, 50.0)) if self.log else x, self.low, self.high)

    def latent(self, own: npt.ArrayLike) -> Array:
        """From the parameter's own unit to the scale."""
        x = np.asarray(own, float)
        if self.logit:
            return np.asarray(special.logit(np.clip(x, 1e-9, 1 - 1e-9)))
        return np.log(np.maximum(x, 1e-12)) if self.log else x

    def spread(self, mean: float, sd: float) -> Spread:
        """People of this mean and sd on the scale, as a population has them."""
        if self.log:
            m = math.exp(mean + sd**2 / 2)
            return Spread("lognormal", m, m * math.sqrt(math.expm1(sd**2)), self.low, self.high)
        if self.logit:
            return Spread("logitnormal", float(special.expit(mean)), sd, self.low, self.high)
        return Spread("censored" if self.low == 0.0 else "truncated", mean, sd, self.low, self.high)


def _lognormal(name: str) -> tuple[float, float]:
    s: Spread = getattr(Population.adults(), name)
    sigma = math.sqrt(math.log1p((s.sd / s.mean) ** 2))
    return math.log(s.mean) - sigma**2 / 2, sigma


def _plain(name: str) -> tuple[float, float]:
    s: Spread = getattr(Population.adults(), name)
    return s.mean, s.sd


def _share(name: str, sd: float) -> Scale:
    """A share between 0 and 1, the default mind's in the middle; sd of its log odds between people [assumption]."""
    middle = float(getattr(Observer(), name))
    return Scale("", 1e-4, 1 - 1e-4, float(special.logit(middle)), sd, logit=True)


def _factor(name: str, unit: str, low: float, high: float, sd: float = 0.3) -> Scale:
    """A positive number that varies by factors, the default mind's in the middle; sd of its log [assumption]."""
    return Scale(unit, low, high, math.log(getattr(Observer(), name)), sd, log=True)


#: Means and spreads are those of `Population.adults` where it has them; elsewhere the mean is the default mind's, the
#: spread assumed: it says where a search begins and what a population starts from, and is itself estimated.
SCALES = {
    "capacity": Scale("items/s", 0.1, 2000.0, *_lognormal("capacity"), log=True),
    "slots": Scale("items", 0.05, 8.0, *_plain("slots")),
    "threshold": Scale("s", 0.0, 1.0, *_plain("threshold")),
    "alpha": Scale("", 1e-4, 50.0, *_lognormal("alpha"), log=True),
    "speed": Scale("1/s", 2.2, 6.0, *_plain("speed")),
    "wandering": Scale("", 1e-3, 100.0, *_lognormal("wandering"), log=True),
    "speed_sd": _factor("speed_sd", "1/s", 0.05, 5.0),
    "slow_loss": Scale("", 0.0, 0.6, Observer().slow_loss, 0.1),
    "fast_loss": Scale("", 0.0, 0.3, Observer().fast_loss, 0.05),
    "anticipation": _share("anticipation", 1.0),
    "tempo_share": _share("tempo_share", 0.7),
    "slip": _share("slip", 1.0),
    "share": Scale("", 0.5, 1.0, 0.9, 0.15),
    "criterion": Scale("", -2.0, 3.0, Observer().criterion, 0.3),
    "criterion_shift": Scale("", -1.0, 2.0, Observer().criterion_shift, 0.2),
    "memory_loss": _share("memory_loss", 0.7),
    "sleep_loss": _share("sleep_loss", 0.5),
    "lapse_base": _factor("lapse_base", "1/s", 1e-5, 10.0, 0.7),
    "away": _factor("away", "s", 0.1, 1000.0),
    "persistence": _factor("persistence", "s", 1e-3, 5.0, 0.5),
    "wariness": _factor("wariness", "", 1e-3, 5.0, 0.5),
    "dwell": _factor("dwell", "s", 0.01, 5.0),
    "dwell_sd": _factor("dwell_sd", "s", 0.005, 2.0),
    "sparing": _share("sparing", 0.7),
    "order_sd": _factor("order_sd", "s", 0.001, 1.0),
    "group": _factor("group", "items", 1.0, 63.0, 0.4),
    "quit_growth": _factor("quit_growth", "", 1e-3, 100.0, 0.5),
    "visit_shape": _factor("visit_shape", "", 0.3, 20.0),
    "visit_hit": _factor("visit_hit", "", 0.1, 5.0, 0.15),
    "lead": Scale("", 1.0, 20.0, Observer().lead, 0.6),
    "narrowing": _factor("narrowing", "s", 1e-4, 1.0, 0.5),
    "learning": _factor("learning", "1/s", 1e-7, 1.0, 0.7),
    "restless": _factor("restless", "1/s", 0.01, 100.0, 0.5),
    "stay": _factor("stay", "", 0.01, 1000.0, 0.5),
    "switch_time": _factor("switch_time", "s", 0.005, 10.0, 0.4),
    "spill": _share("spill", 0.7),
    # of tasks, not of minds
    "second_choice": Scale("", 0.05, 20.0, math.log(0.8), 0.3, log=True),
    "guess": Scale("", 1e-4, 1 - 1e-4, 0.0, 0.7, logit=True),
}


def names(params: Sequence[str]) -> tuple[str, ...]:
    """These parameters, each known and once."""
    return tuple(dict.fromkeys(choice("parameter", name, sorted(SCALES)) for name in params))


def own(params: Sequence[str], latent: npt.ArrayLike) -> Array:
    """(..., parameters) from the scales to their own units."""
    x = np.asarray(latent, float)
    return np.stack([SCALES[name].own(x[..., i]) for i, name in enumerate(params)], -1)


def within(params: Sequence[str], x: npt.ArrayLike) -> Array:
    """Points on the scales, none beyond where a factor or a share is as good as 0 (or 1): there nothing changes."""
    x = np.array(x, float)
    for i, scale in enumerate(SCALES[name] for name in params):
        if scale.log or scale.logit:
            x[..., i] = np.clip(x[..., i], scale.latent(scale.low), scale.latent(scale.high))
    return x


def latent(params: Sequence[str], values: npt.ArrayLike) -> Array:
    """(..., parameters) from their own units to the scales."""
    x = np.asarray(values, float)
    return np.stack([SCALES[name].latent(x[..., i]) for i, name in enumerate(params)], -1)
