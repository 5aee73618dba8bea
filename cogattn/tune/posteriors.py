"""Posteriors: all that people's data say about their parameters, as draws.

Each person alone: the prior is the population of adults, a normal on each parameter's scale (`tune.scales`). Together
(`pool=True`) the population is asked about too, and people are drawn from it:

    x_i = mean + sd * (L z_i),   z_i ~ N(0, 1)                                    a person, on the scales
    mean ~ N(that of adults, (2 sd of adults)^2)     [a group four sd from healthy adults is still thinkable]
    sd ~ half-normal, 1.5 times that of adults       [its median, 1.01 times, is the spread of adults]
    L L' ~ LKJ(2)                                    [all correlations thinkable, those near +-1 less so]

so it is not centred: what is drawn is how far each person is from the others (z), which stays well-behaved when a
spread is small. Draws are by NUTS (Hoffman & Gelman 2014) with the slopes of `tune.gradients`. Where the likelihood has
kinks (K at whole numbers, t0 at an exposure) it is continuous, so the draws are right and only more are turned down;
whatever went badly (divergences, R-hat over 1.01, few effective draws) is said in a line each.
"""

from __future__ import annotations

import math
import os
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from numba import njit

from cogattn import files, plot
from cogattn.errors import InputError, needs, whole
from cogattn.observer import Observer
from cogattn.results import Trials
from cogattn.tune import scales
from cogattn.tune.fitting import Fit, Progress
from cogattn.tune.gradients import Slope

Array = npt.NDArray[Any]
LogDensity = Callable[[Array], tuple[float, Array]]
WIDE, LOOSE, LKJ = 2.0, 1.5, 2.0  # of the priors of a population: see above
TUNE = 500  # draws that find the step size and the scales, and are thrown away


# -- what is drawn from ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Alone:
    """One person: x = mean + sd * z of adults, z ~ N(0, 1)."""

    slope: Slope
    row: int

    @property
    def size(self) -> int:
        return len(self.slope.params)

    @cached_property
    def adults(self) -> tuple[Array, Array]:
        return adults(self.slope.params)

    def people(self, q: Array) -> Array:
        """(..., size) -> (..., 1, parameters) on the scales."""
        mean, sd = self.adults
        return np.asarray((mean + sd * q)[..., None, :])

    def __call__(self, q: Array) -> tuple[float, Array]:
        """log density (but for a constant) and its slope."""
        value, slope = self.slope(self.people(q), np.array([self.row]))
        return float(value[0] - 0.5 * (q @ q)), slope[0] * self.adults[1] - q


@dataclass(frozen=True)
class Together:
    """People as a sample of a population that is itself asked about. q = (mean, log sd, correlations, z)."""

    slope: Slope
    n: int

    @property
    def p(self) -> int:
        return len(self.slope.params)

    @property
    def size(self) -> int:
        return 2 * self.p + self.p * (self.p - 1) // 2 + self.n * self.p

    @cached_property
    def adults(self) -> tuple[Array, Array]:
        return adults(self.slope.params)

    @cached_property
    def rows(self) -> Array:
        return np.arange(self.n)

    @cached_property
    def shape(self) -> Array:
        """b of each partial correlation c, (1 + c) / 2 ~ Beta(b, b): that makes the whole LKJ (Lewandowski et al. 2009)."""
        given = np.array([q for r in range(self.p) for q in range(r)], float)  # how many it is conditioned on
        return np.asarray(LKJ + (self.p - 2 - given) / 2)

    def split(self, q: Array) -> tuple[Array, Array, Array, Array]:
        """Standard mean (..., p), log of the standard sd (..., p), unbounded correlations, z (..., n, p)."""
        p, k = self.p, 2 * self.p + self.p * (self.p - 1) // 2
        z = q[..., k:].reshape(*q.shape[:-1], self.n, p)
        return q[..., :p], q[..., p : 2 * p], q[..., 2 * p : k], z

    def population(self, q: Array) -> tuple[Array, Array, Array]:
        """mean (..., p), sd (..., p), L (..., p, p)."""
        m, s, y, _ = self.split(q)
        at, spread = self.adults
        return at + WIDE * spread * m, LOOSE * spread * np.exp(s), factors(np.tanh(y), self.p)

    def people(self, q: Array) -> Array:
        """(..., size) -> (..., people, parameters) on the scales."""
        mean, sd, factor = self.population(q)
        z = self.split(q)[3]
        return np.asarray(mean[..., None, :] + sd[..., None, :] * (z @ np.swapaxes(factor, -1, -2)))

    def __call__(self, q: Array) -> tuple[float, Array]:
        """log density (but for a constant) and its slope."""
        m, s, y, z = self.split(q)
        mean, sd, factor = self.population(q)
        turned, c = z @ factor.T, np.tanh(y)
        value, slope = self.slope(mean + sd * turned, self.rows)
        pulled = slope * sd
        wide = np.exp(2 * s)
        flat = 2 * (math.log(2) - np.logaddexp(y, -y))  # log(1 - c^2)
        total = value.sum() - 0.5 * (m @ m + (z * z).sum()) + (s - 0.5 * wide).sum() + self.shape @ flat
        by_y = _back(np.asarray(pulled.T @ z), c, factor) * (1 - c * c) - 2 * self.shape * c
        by_s = (pulled * turned).sum(0) + 1 - wide
        by_m = WIDE * self.adults[1] * slope.sum(0) - m
        return float(total), np.concatenate([by_m, by_s, by_y, (pulled @ factor - z).ravel()])


def adults(params: Sequence[str]) -> tuple[Array, Array]:
    """Mean and sd of adults on the scales."""
    own = [scales.SCALES[name] for name in params]
    return np.array([s.mean for s in own]), np.array([s.sd for s in own])


def factors(c: Array, p: int) -> Array:
    """Cholesky factors (..., p, p) of correlation matrices from partial correlations c (..., p (p - 1) / 2)."""
    flat = np.ascontiguousarray(c.reshape(math.prod(c.shape[:-1]), -1))
    out = np.zeros((len(flat), p, p))
    _factors(flat, out)
    return out.reshape(*c.shape[:-1], p, p)


@njit(cache=True, nogil=True)
def _factors(c, out):  # type: ignore[no-untyped-def]
    for i in range(len(c)):
        at = 0
        for r in range(out.shape[1]):
            left = 1.0
            for q in range(r):
                out[i, r, q] = c[i, at] * left
                left *= math.sqrt(max(0.0, 1.0 - c[i, at] ** 2))
                at += 1
            out[i, r, r] = left


@njit(cache=True, nogil=True)
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
