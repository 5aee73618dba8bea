"""On which scale each parameter varies between people: the one home of bounds, transforms and first guesses.

People are normal on these scales, as in `Population.adults` (log capacity, log alpha; K as it is; t0 as it is, a normal
whose values below 0 are people at the floor), and correlated. A fit works on them and speaks in the parameters' units.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from cogattn.errors import choice, doors
from cogattn.parameters import PARAMETERS, ByName, canonical
from cogattn.population import Spread
from cogattn.record import Parameter, Scaling

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


def of_records(records: Iterable[Parameter]) -> dict[str, Scale]:
    """The scales of the parameters that have one.

    Means and spreads are those of adults where they are known; elsewhere the mean is the default mind's, the spread
    assumed: it says where a search begins and what a population starts from, and is itself estimated.
    """
    return {p.name: _scale(p, p.scale) for p in records if p.scale}


def _scale(p: Parameter, how: Scaling) -> Scale:
    adults = p.adults
    if how.sd is not None:
        middle, sd = p.default if how.middle is None else how.middle, how.sd
        mean = math.log(middle) if how.kind == "log" else _odds(middle) if how.kind == "logit" else middle
    elif adults is not None and how.kind == "log":
        sd = math.sqrt(math.log1p((adults.sd / adults.mean) ** 2))
        mean = math.log(adults.mean) - sd**2 / 2
    elif adults is not None and how.kind == "plain":
        mean, sd = adults.mean, adults.sd
    elif adults is not None and how.kind == "logit":
        mean, sd = _odds(adults.mean), adults.sd
    else:
        raise ValueError(f"{p.name}: how does it differ between people?")
    return Scale(p.unit, how.low, how.high, mean, sd, how.kind == "log", how.kind == "logit")


def _odds(share: float) -> float:
    return float(special.logit(share))


#: The drift of each condition of two choices.
DRIFTS = ("drift", *(f"drift_{k}" for k in range(2, 13)))


class _Scales(ByName[Scale]):
    """By the names of parameters; one that nobody knows is refused with the nearest."""

    def __missing__(self, name: str) -> Scale:
        return self[choice("parameter", canonical(name), sorted(self))]


SCALES = _Scales(
    of_records(PARAMETERS)
    | {
        # of tasks, not of minds
        "second_choice": Scale("", 0.05, 20.0, math.log(0.8), 0.3, log=True),
        "guess": Scale("", 1e-4, 1 - 1e-4, 0.0, 0.7, logit=True),
        # of laws of other laboratories (`tune.two_choice`)
        "boundary": Scale("sqrt(s)", 0.1, 10.0, math.log(1.4), 0.35, log=True),
        "non_decision": Scale("s", 0.02, 3.0, math.log(0.3), 0.25, log=True),
        "non_decision_sd": Scale("s", 0.001, 0.5, math.log(0.04), 0.5, log=True),
        "drift_sd": Scale("1/sqrt(s)", 0.01, 8.0, math.log(0.7), 0.6, log=True),
        "lead": Scale("steps", 1.0, 60.0, math.log(4.0), 0.5, log=True),
        "push": Scale("sqrt(s)", 1e-3, 5.0, math.log(0.3), 0.5, log=True),
        "push_peak": Scale("s", 0.005, 2.0, math.log(0.08), 0.5, log=True),
        "shrinking": Scale("1/s", 0.1, 500.0, math.log(20.0), 0.6, log=True),
        **{name: Scale("1/sqrt(s)", -20.0, 30.0, 2.0, 1.0) for name in DRIFTS},
    }
)


def names(params: Sequence[str], of: Sequence[str] | None = None) -> tuple[str, ...]:
    """These parameters, each known and once. of: those that a law takes, which a name that nobody knows is told."""
    known = sorted(SCALES)

    def one(name: str) -> str:
        called = canonical(name)
        return called if called in known else choice("parameter", called, known if of is None else sorted(of))

    return tuple(dict.fromkeys(map(one, params)))


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


doors(__name__, "names")
doors(__name__, "own", "within", "latent", arrays=True)
