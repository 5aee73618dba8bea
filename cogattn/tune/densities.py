"""The density of people's parameters given their data, and its slope: what posteriors are drawn from.

Each person alone (`Alone`): the prior is the population of adults, a normal on each parameter's scale (`tune.scales`).
Together (`Together`) the population is asked about too, and people are drawn from it; in units of the sd between
adults, from their mean,

    x_i = mean + sd w_i,   w_i ~ N(0, R)            a person
    mean ~ N(0, 2^2)                                [a group four sd from healthy adults is still thinkable]
    sd ~ half-normal(1.5)                           [its median, 1.01, is the spread of adults]
    R ~ LKJ(2)                                      [all correlations are thinkable, those near +-1 less so]

What is moved is v_i = l mean + sd^l w_i (Papaspiliopoulos, Roberts & Skold 2007): l = 0 is the form that is not
centred, right where a person's own data say little (a spread near 0 does no harm); l = 1 is centred, right where they
say much. l is how much of a parameter's spread the person's own data explain, by the fit that comes before. It changes
the path of the draws and not their law.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cogattn.compiled import compiled
from cogattn.observer import Observer
from cogattn.tune import scales
from cogattn.tune.fits import Fit
from cogattn.tune.gradients import Slope

Array = npt.NDArray[Any]
WIDE, LOOSE, LKJ = 2.0, 1.5, 2.0  # of the priors of a population: see above


def adults(params: Sequence[str]) -> tuple[Array, Array]:
    """Mean and sd of adults on the scales."""
    own = [scales.SCALES[name] for name in params]
    return np.array([s.mean for s in own]), np.array([s.sd for s in own])


def mind(params: Sequence[str], x: Array) -> Observer:
    """The mind at a point on the scales, as others are in all else."""
    own: dict[str, Any] = dict(zip(params, map(float, scales.own(params, x)), strict=True))
    return Observer(**own)


@dataclass(frozen=True)
class Alone:
    """One person: x = mean + sd q of adults, q ~ N(0, 1)."""

    slope: Slope
    row: int

    @cached_property
    def adults(self) -> tuple[Array, Array]:
        return adults(self.slope.params)

    def people(self, q: Array) -> Array:
        """(..., parameters) -> (..., 1, parameters) on the scales."""
        mean, sd = self.adults
        return np.asarray((mean + sd * q)[..., None, :])

    def start(self, rng: np.random.Generator) -> Array:
        """Anybody."""
        return rng.normal(size=len(self.slope.params))

    def __call__(self, q: Array) -> tuple[float, Array]:
        """log density (but for a constant), and its slope."""
        value, slope = self.slope(self.people(q), np.array([self.row]))
        return float(value[0] - 0.5 * (q @ q)), slope[0] * self.adults[1] - q


@dataclass(frozen=True)
class Together:
    """People as a sample of a population that is asked about too: q = (mean, log sd, correlations, people)."""

    slope: Slope
    center: Array  #: (n, p) where people seem to be, in sd of adults from their mean
    own: Array  #: (n, p) how much a person's own data say: 0 = not centred, 1 = centred
    around: Array  #: (p,) sd between people that the fit found

    @cached_property
    def adults(self) -> tuple[Array, Array]:
        return adults(self.slope.params)

    @cached_property
    def rows(self) -> Array:
        return np.arange(len(self.center))

    @cached_property
    def shape(self) -> Array:
        """b of each partial correlation, (1 + c) / 2 ~ Beta(b, b): all together the LKJ (Lewandowski et al. 2009)."""
        p = self.center.shape[1]
        given = np.array([q for r in range(p) for q in range(r)], float)  # how many it is conditioned on
        return np.asarray(LKJ + (p - 2 - given) / 2)

    @property
    def shared(self) -> int:
        """How many numbers of q are the population's."""
        return 2 * self.center.shape[1] + len(self.shape)

    def population(self, q: Array) -> tuple[Array, Array, Array]:
        """mean (..., p) and log sd (..., p) in sd of adults, partial correlations."""
        p = self.center.shape[1]
        return WIDE * q[..., :p], math.log(LOOSE) + q[..., p : 2 * p], np.tanh(q[..., 2 * p : self.shared])

    def deviations(self, q: Array) -> Array:
        """w (..., n, p)"""
        mean, log_sd, _ = self.population(q)
        v = q[..., self.shared :].reshape(*q.shape[:-1], *self.center.shape)
        return (v - self.own * mean[..., None, :]) * np.exp(-self.own * log_sd[..., None, :])

    def people(self, q: Array) -> Array:
        """(..., size) -> (..., people, parameters) on the scales."""
        mean, log_sd, _ = self.population(q)
        at, spread = self.adults
        x = mean[..., None, :] + np.exp(log_sd[..., None, :]) * self.deviations(q)
        return np.asarray(at + spread * x)

    def start(self, rng: np.random.Generator) -> Array:
        """Near where the fit found people, population and all; correlations anywhere."""
        p = self.center.shape[1]
        shared = [self.center.mean(0) / WIDE, np.log(self.around / LOOSE), np.zeros(len(self.shape))]
        sd = np.repeat([0.2, 0.5, 0.2], [2 * p, len(self.shape), self.center.size])
        return np.concatenate([*shared, self.center.ravel()]) + sd * rng.normal(size=len(sd))

    def __call__(self, q: Array) -> tuple[float, Array]:
        """log density (but for a constant), and its slope."""
        (mean, log_sd, c), w = self.population(q), self.deviations(q)
        p, k = len(mean), self.shared
        factor, sd, shrink = factors(c, p), np.exp(log_sd), np.exp(-self.own * log_sd)
        at, spread = self.adults
        value, slope = self.slope(at + spread * (mean + sd * w), self.rows)
        pull = slope * spread
        z = np.linalg.solve(factor, w.T)  # (p, n)
        r = np.linalg.solve(factor.T, z).T  # R^-1 w
        standard, y, m = log_sd - math.log(LOOSE), q[2 * p : k], q[:p]
        flat = 2 * (math.log(2) - np.logaddexp(y, -y))  # log(1 - c^2)
        total = (
            value.sum() - 0.5 * (z * z).sum() - (self.own * log_sd).sum() - len(w) * np.log(np.diag(factor)).sum()
            - 0.5 * (m @ m) + (standard - 0.5 * np.exp(2 * standard)).sum() + self.shape @ flat
        )  # fmt: skip
        by_w = pull * sd - r
        by_mean = pull.sum(0) - (by_w * self.own * shrink).sum(0)
        by_sd = ((pull * sd - by_w * self.own) * w - self.own).sum(0) + 1 - np.exp(2 * standard)
        by_factor = np.tril((z @ r).T) - len(w) * np.diag(1 / np.diag(factor))
        by_y = _back(by_factor, c, factor) * (1 - c * c) - 2 * self.shape * c
        return float(total), np.concatenate([WIDE * by_mean - m, by_sd, by_y, (by_w * shrink).ravel()])

    @classmethod
    def near(cls, slope: Slope, found: Fit) -> Together:
        """With the parametrisation that a fit suggests."""
        at, spread = adults(slope.params)
        ends = found.intervals.pivot(index="person", columns="parameter")
        ends = ends.loc[slope.data.people]  # in the order of the data
        names = list(slope.params)
        low, high = (scales.latent(names, ends[side][names].to_numpy()) for side in ("low", "high"))
        x = scales.latent(names, found.estimates[names].to_numpy())
        around = np.sqrt(np.diag(found.covariance))
        own = np.clip(1 - ((high - low) / 3.92 / around) ** 2, 0.0, 1.0)
        floor = scales.latent(names, np.array([scales.SCALES[name].low for name in names]))
        own = np.where(low <= floor, np.minimum(own, 0.5), own)  # how far beyond a bound is not known
        return cls(slope, np.clip((x - at) / spread, -6, 6), own, around / spread)


def factors(c: Array, p: int) -> Array:
    """Cholesky factors (..., p, p) of correlation matrices from partial correlations c (..., p (p - 1) / 2)."""
    flat = np.ascontiguousarray(c.reshape(math.prod(c.shape[:-1]), -1))
    out = np.zeros((len(flat), p, p))
    _factors(flat, out)
    return out.reshape(*c.shape[:-1], p, p)


@compiled(nogil=True, arrays=True)
def _factors(c, out):  # type: ignore[no-untyped-def]
    for i in range(len(c)):
        at = 0
        for r in range(out.shape[1]):
            left = 1.0
            for q in range(r):
                out[i, r, q] = c[i, at] * left
                left *= math.sqrt(max(1e-12, 1.0 - c[i, at] ** 2))
                at += 1
            out[i, r, r] = left


@compiled(nogil=True, arrays=True)
def _back(slope, c, factor):  # type: ignore[no-untyped-def]
    """From slopes over the factor (p, p) to slopes over the partial correlations that made it."""
    out, at = np.zeros(len(c)), 0
    for r in range(len(factor)):
        left = 1.0
        for q in range(r):
            here = max(1e-12, 1.0 - c[at] ** 2)
            out[at] = slope[r, q] * left
            for k in range(q + 1, r + 1):
                out[at] -= slope[r, k] * factor[r, k] * c[at] / here
            left *= math.sqrt(here)
            at += 1
    return out
