"""How the likelihood of people's data changes with their parameters: what sampling by gradients goes by.

For the report law the slopes are exact (`laws.counts.report_slopes`). For every other law they are central differences
on the parameters' scales, steps of a ten-thousandth of the sd between adults. A sampler corrects for whatever is wrong
with a slope by what it accepts, so its error costs draws and no truth; the likelihood itself is never approximated.

At a kink (K at a whole number, t0 at an exposure or at 0) the slope is that of one side: on the left for K, which is
as good as the other, for the likelihood itself has no jump there.
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
from cogattn.laws.counts import report_slopes
from cogattn.tune import scales
from cogattn.tune.base import Likelihood
from cogattn.tune.likelihoods import ReportLikelihood

Array = npt.NDArray[Any]
STEP = 1e-4  # of the sd between adults


@dataclass(frozen=True)
class Slope:
    """log P(data of person row[i] | x[i]) and its slopes over x, the fitted parameters on their scales."""

    law: Likelihood  #: it holds what is not fitted
    data: Any  #: people's data, condensed by it
    params: tuple[str, ...]  #: what is fitted

    def theta(self, x: Array) -> Array:
        """(n, what the law asks for), in its own units."""
        return self.law.theta(scales.own(self.params, x), self.params)

    def value(self, x: Array, row: Array) -> Array:
        """(n,)"""
        return np.asarray(self.law.loglik(self.theta(x), self.data, row))

    def __call__(self, x: Array, row: Array) -> tuple[Array, Array]:
        """(n,) and (n, parameters)."""
        if (
            type(self.law) is ReportLikelihood and self.law.race == "fixed"
        ):  # what is made from it may be another law
            return self._exact(self.law, x, row)
        return self._differences(x, row)

    def _exact(self, law: ReportLikelihood, x: Array, row: Array) -> tuple[Array, Array]:
        theta, d = np.ascontiguousarray(self.theta(x), float), self.data
        value, slope = np.empty(len(x)), np.empty((len(x), len(law.params)))
        row = np.asarray(row, np.int64)
        _report(theta, d.counts, row, d.exposure, d.targets, d.distractors, law.stray, value, slope)
        return value, slope[:, self._columns] * _stretch(self.params, x)

    def _differences(self, x: Array, row: Array) -> tuple[Array, Array]:
        """All points in one call: each as it is, and each parameter a step down and up."""
        n, p, step = len(x), len(self.params), self._steps
        moved = np.concatenate([np.zeros((1, p)), -np.diag(step), np.diag(step)])
        points = (x[:, None] + moved).reshape(-1, p)
        value = self.value(points, np.repeat(row, len(moved))).reshape(n, -1)
        return value[:, 0], (value[:, 1 + p :] - value[:, 1 : 1 + p]) / (2 * step)

    @cached_property
    def _columns(self) -> list[int]:
        return [self.law.params.index(name) for name in self.params]

    @cached_property
    def _steps(self) -> Array:
        return STEP * np.array([scales.SCALES[name].sd for name in self.params])


def _stretch(params: Sequence[str], x: Array) -> Array:
    """d parameter / d scale: 0 beyond the bounds, where the parameter stays what it is."""
    out = np.empty_like(x)
    for i, name in enumerate(params):
        scale = scales.SCALES[name]
        low, high = (float(scale.latent(bound)) for bound in (scale.low, scale.high))
        own = scale.own(x[:, i])
        slope = own if scale.log else own * (1 - own) if scale.logit else np.ones(len(x))
        out[:, i] = np.where((x[:, i] > low) & (x[:, i] < high), slope, 0.0)
    return out


@compiled(nogil=True, arrays=True)
def _report(theta, counts, row, exposure, targets, distractors, stray, value, slope):  # type: ignore[no-untyped-def]
    """sum n_j log((1 - stray) P(j) + stray / (m + 1)) over conditions, and its slopes over (C, K, t0, alpha)."""
    most = counts.shape[2]
    for i in range(len(theta)):
        capacity, slots, threshold, alpha = theta[i]
        value[i], slope[i] = 0.0, 0.0
        for c in range(len(exposure)):
            seen, m, n = counts[row[i], c], targets[c], targets[c] + distractors[c]
            if seen.sum() == 0:
                continue
            p, by_race, by_alpha = np.empty((n + 1, most)), np.empty((n + 1, most)), np.empty((n + 1, most))
            tau = max(0.0, exposure[c] - threshold)
            report_slopes(m, distractors[c], alpha, capacity * tau, p, by_race, by_alpha)
            k = min(float(n), max(0.0, slots))
            low = min(math.floor(k), n - 1)
            share = k - low
            for j in range(m + 1):
                if seen[j] == 0:
                    continue
                here = (1.0 - share) * p[low, j] + share * p[low + 1, j]
                chance = (1.0 - stray) * here + stray / (m + 1)
                value[i] += seen[j] * math.log(chance)
                steep = seen[j] * (1.0 - stray) / chance
                race = steep * ((1.0 - share) * by_race[low, j] + share * by_race[low + 1, j])
                slope[i, 0] += race * tau
                slope[i, 2] -= race * capacity if tau > 0.0 else 0.0
                if 0.0 < slots < n:
                    slope[i, 1] += steep * (p[low + 1, j] - p[low, j])
                slope[i, 3] += steep * ((1.0 - share) * by_alpha[low, j] + share * by_alpha[low + 1, j])
