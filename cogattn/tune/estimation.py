"""How people's parameters are estimated: the peak of each likelihood, its width, and the population around the people.

A `Job` holds the law, the data and the parameters that are asked for; `alone` and `together` are the two ways through
it (`tune.fits` says what they are). What it gives is numbers; `tune.fits.Fit` makes tables and pictures of them.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import joblib
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize, stats

from cogattn.notebook import Progress
from cogattn.population import Population
from cogattn.tune import em, scales
from cogattn.tune.base import Array, Data, Likelihood

DRAWS = 512  # parameters that each person is asked about, a power of two
RESAMPLES = 200  # of a bootstrap
ROUNDS = 3  # how often the draws are moved to where the population says that people are
_MANY = 12  # the same, at most, where data say little about some parameter
_ASIDE = (
    0.5  # sd of adults: where the likelihood is asked how it would be with more, or less, of what is held
)
_HELD = 0.3  # of a standard error: what is held and counts for less is not worth a note
_POOR = 20  # effective draws
_FEW = 60  # effective draws: who has fewer is drawn anew, as long as somebody is poorly sampled
_REACH = 4.0  # times the population's variance: draws of a person are spread no wider than so
_LIKELY = 0.02  # of log-likelihood: how well the best of the others is sought along a profile
_CLOSE = 0.1  # of log-likelihood: what an edge may be off
_CUT = 1.92  # half the 95 % point of chi-square with 1 degree of freedom


class Found(NamedTuple):
    """What an estimation gives."""

    estimates: pd.DataFrame  #: a row per person: person, the parameters, trials, loglik
    intervals: pd.DataFrame  #: person, parameter, low, high (95 %)
    loglik: float
    center: Array  #: (parameters,) people's mean on the scales
    covariance: Array  #: (parameters, parameters) between people, on the scales
    within: Array  #: (parameters, parameters) mean correlation of the errors of a person's own estimates
    notes: list[str]
    poor: int = 0  #: people whose posterior is poorly sampled


@dataclass
class Job:
    """A fit under way."""

    law: Likelihood
    data: Data
    params: tuple[str, ...]
    seed: int
    n_jobs: int
    progress: Progress | None
    held: bool = False  #: what is not fitted is known of these people, not only of the mean adult
    draws: int = DRAWS  #: of each person's parameters, a power of two
    patient: bool = True  #: go on while somebody's posterior is poorly sampled

    @property
    def n(self) -> int:
        """How many people."""
        return len(self.data.people)

    def loglik(self, x: Array, row: npt.NDArray[Any]) -> Array:
        """Of points on the scales (n, parameters)."""
        found = self.law.loglik(self.law.theta(scales.own(self.params, x), self.params), self.data, row)
        # so far out that nothing can be computed: nobody is there
        return np.where(np.isnan(found), -np.inf, found)

    def prior(self) -> tuple[Array, Array]:
        """Adults: mean and covariance on the scales."""
        mean = np.array([scales.SCALES[name].mean for name in self.params])
        return mean, np.diag([scales.SCALES[name].sd ** 2 for name in self.params])

    def each(
        self, work: Callable[[int], Any], base: int, total: int, people: Sequence[int] | None = None
    ) -> list[Any]:
        """One piece of work per person, or of some people, beside each other."""
        rows = range(self.n) if people is None else people
        pool = joblib.Parallel(n_jobs=self.n_jobs, require="sharedmem", return_as="generator")
        out = []
        for i, found in enumerate(pool(joblib.delayed(work)(int(i)) for i in rows)):
            out.append(found)
            if self.progress is not None:
                self.progress(base + i + 1, total)
        return out

    def peak(self, row: int, mean: Array, precision: Array, starts: Sequence[Array]) -> tuple[Array, float]:
        """The highest point of log-likelihood minus the population's quadratic, from several starts."""
        where = np.array([row])

        def depth(x: Array) -> float:
            gap = x - mean
            return 0.5 * float(gap @ precision @ gap) - float(self.loglik(x[None], where)[0])

        best: Any = None
        for start in starts:
            simplex = start + np.vstack([np.zeros(len(start)), np.diag(self._steps())])
            found = optimize.minimize(
                depth,
                start,
                method="Nelder-Mead",
                options={"initial_simplex": simplex, "xatol": 1e-3, "fatol": 1e-3},
            )
            best = found if best is None or found.fun < best.fun else best
        return np.asarray(best.x), -float(best.fun)

    def _steps(self) -> Array:
        return 0.3 * np.array([scales.SCALES[name].sd for name in self.params])

    # -- each alone --------------------------------------------------------------------------------------------

    def alone(self, notes: list[str], intervals: str) -> Found:
        """Maximum likelihood, and profile or bootstrap intervals."""
        p = len(self.params)
        flat = (np.zeros(p), np.zeros((p, p)))

        def one(row: int) -> tuple[Array, float, Array, Array]:
            x, top = self.peak(row, *flat, self.law.starts(self.params))
            x = scales.within(self.params, x)
            cov = self.spread_at(row, x, flat[1])
            bounds = self.bootstrap(row, x) if intervals == "bootstrap" else self.profile(row, x, top, cov)
            return x, top, bounds, cov

        found = self.each(one, 0, self.n)
        x = np.array([f[0] for f in found])
        bounds = np.array([f[2] for f in found])  # (people, parameters, 2) on the scales
        within = em.mean_correlation([f[3] for f in found])
        bounds, said = self.widened(x, bounds, np.array([f[3] for f in found]))
        bounds = self.opened(x, bounds)
        notes = [*notes, *said]
        cov = np.atleast_2d(np.cov(x.T)) if self.n > 1 else np.zeros((p, p))
        tops = np.array([f[1] for f in found])
        return self.found(notes, x, tops, bounds, float(tops.sum()), x.mean(0), cov, within)

    def profile(self, row: int, x: Array, top: float, cov: Array) -> Array:
        """(parameters, 2): where the likelihood, the others at their best, has fallen by 1.92 (chi-square, 95 %)."""
        p = len(self.params)
        out, precision = np.empty((p, 2)), np.asarray(np.linalg.inv(cov), float)
        for i in range(p):
            first = max(1.96 * math.sqrt(cov[i, i]), 1e-3)
            for side, sign in enumerate((-1.0, 1.0)):
                fallen, scale = self._along(row, x, top, i, cov, precision), scales.SCALES[self.params[i]]
                out[i, side] = self._edge(fallen, x[i], sign, scale, first)
                if fallen(out[i, side], sure=True) < -_CLOSE:  # another height leads on
                    out[i, side] = self._edge(partial(fallen, sure=True), x[i], sign, scale, first)
        return out

    def _along(
        self, row: int, x: Array, top: float, i: int, cov: Array, precision: Array
    ) -> Callable[..., float]:
        """By how much more than 1.92 the likelihood has fallen where parameter i has this value, the others at their
        best. It is sought from where a normal with the covariance `cov` would have it, and from the last one found; to
        be `sure` that it has fallen, from the peak's others and from the law's own starts, too."""
        where, rest = np.array([row]), [j for j in range(len(x)) if j != i]
        sd = 1 / np.sqrt(np.diag(precision)[rest])  # of each of the others, all else given
        slope, near = cov[rest, i] / cov[i, i], {0.0: np.zeros(len(rest))}
        starts = self.law.starts(self.params)

        def depth(point: Array) -> float:
            return -float(self.loglik(point[None], where)[0])

        def fallen(value: float, sure: bool = False) -> float:
            point, move = x.copy(), value - x[i]
            point[i] = value
            if not rest:
                return top + depth(point) - _CUT
            known = min(near, key=lambda m: abs(m - move))
            middle = x[rest] + slope * move + near[known] * (min(2.0, move / known) if known else 0.0)

            def deepest(origin: Array) -> tuple[Array, float]:
                def scaled(z: Array) -> float:
                    point[rest] = origin + sd * z
                    return depth(point)

                simplex = np.vstack([np.zeros(len(rest)), 0.7 * np.eye(len(rest))])
                found = optimize.minimize(
                    scaled,
                    simplex[0],
                    method="Nelder-Mead",
                    options={"initial_simplex": simplex, "xatol": 0.3, "fatol": _LIKELY},
                )
                return origin + sd * np.asarray(found.x), float(found.fun)

            at, low = deepest(middle)
            for origin in (at, x[rest], *(np.asarray(start)[rest] for start in starts)) if sure else ():
                if top + low <= _CUT:
                    break
                again, deep = deepest(origin)
                if deep < low:
                    at, low = again, deep
            near[move] = at - x[rest] - slope * move
            return top + low - _CUT

        return fallen

    def bootstrap(self, row: int, x: Array) -> Array:
        """(parameters, 2): the middle 95 % of what is found in `RESAMPLES` samples of the trials (Efron 1979)."""
        p, data = len(self.params), self.data
        found = []
        for turn in range(RESAMPLES):
            job = replace(self, data=data.resampled(row, turn, self.seed))  # type: ignore[attr-defined]
            found.append(job.peak(0, np.zeros(p), np.zeros((p, p)), [x])[0])
        return np.quantile(np.array(found), [0.025, 0.975], axis=0).T

    @staticmethod
    def _edge(
        fallen: Callable[..., float], at: float, sign: float, scale: scales.Scale, first: float
    ) -> float:
        """From the peak outwards by growing steps until it has fallen far enough, then to the point where."""
        low, high = (float(scale.latent(b)) for b in (scale.low, scale.high))
        step, inner, under = first, at, -_CUT
        for _ in range(12):
            outer = float(np.clip(at + sign * step, low, high))
            over = fallen(outer) if outer != inner else under
            if over > 0:  # the root of the fall, which is nearly a parabola: of its square root, a line
                for _ in range(4):
                    a, b = math.sqrt(under + _CUT), math.sqrt(over + _CUT)
                    share = (math.sqrt(_CUT) - a) / (b - a) if b > a else 0.5
                    mid = inner + float(np.clip(share, 0.05, 0.95)) * (outer - inner)
                    here = fallen(mid)
                    if abs(here) < 0.05:
                        return mid
                    inner, under, outer, over = (
                        (mid, max(here, -_CUT), outer, over) if here < 0 else (inner, under, mid, here)
                    )
                return mid
            if outer in (low, high):
                return outer
            inner, under, step = outer, max(over, -_CUT), 1.6 * step
        return inner

    def even(self) -> Array:
        """(draws, parameters + 1) points spread evenly over a unit cube: those from which each person is drawn."""
        cube = stats.qmc.Sobol(len(self.params) + 1, scramble=True, rng=np.random.default_rng(self.seed))
        return np.clip(cube.random(self.draws), 1e-6, 1 - 1e-6)

    def turned(self, row: int, u: Array) -> Array:
        """The same points, moved around the cube by a step of the person's own: what is missed by few draws is another
        thing for each, so that it does not add up in the population."""
        name = str(self.data.people[row]).encode()
        step = np.random.default_rng([self.seed, zlib.crc32(name)]).random(u.shape[1])
        return np.clip((u + step) % 1.0, 1e-6, 1 - 1e-6)

    # -- together ----------------------------------------------------------------------------------------------

    def together(self, notes: list[str]) -> Found:
        """Importance sampling around each person's peak, EM that moves the draws to where people are, and the mean over
        all populations that the data leave possible."""
        mean, cov = self.prior()
        known = (self.law.doubt, mean, cov)
        u = self.even()
        rounds = _MANY
        first = partial(self.laplace, mean=mean, precision=np.asarray(np.linalg.inv(cov), float))
        near = self.each(first, 0, (1 + rounds) * self.n)
        again = np.ones(self.n, bool)  # who is drawn anew
        drawn: dict[int, tuple[Array, Array]] = {}
        for turn in range(rounds):
            last = turn >= ROUNDS - 1
            some = u if last else u[: len(u) // 4]  # at first a few say where people are
            ask = partial(self.sampled, near=near, mean=mean, cov=cov, u=some)
            found = self.each(ask, (1 + turn) * self.n, (1 + rounds) * self.n, np.flatnonzero(again).tolist())
            drawn |= dict(zip(np.flatnonzero(again).tolist(), found, strict=True))
            draws, base = (np.array(part) for part in zip(*drawn.values(), strict=True))
            mean, cov, loglik = em.expectation_maximization(draws, base, mean, cov, known, self.law.stiff)
            if last:
                chance = np.random.default_rng([self.seed, turn])
                weights, mean, cov = em.possible(draws, base, mean, cov, known, self.law.stiff, chance)
            else:
                weights, _ = em.weighted(draws, base, mean, cov)  # (people, draws)
            center, spread = em.moments(draws, weights)
            worth = em.effective(weights)
            # few draws say little of a spread: it stays nearer to what it was
            keep = np.clip(_POOR / 2 / worth, 0.05, 1.0)[:, None, None]
            wide = spread + keep * np.array([s for _, s in near])
            near = list(zip(center, em.narrowed(wide, _REACH * cov), strict=True))
            if last:
                again = worth < _FEW
                if not (self.patient and (worth < _POOR).any()):
                    break
        if self.progress is not None:
            self.progress((1 + rounds) * self.n, (1 + rounds) * self.n)  # fewer rounds were enough
        own = np.array([self.loglik(center[i : i + 1], np.array([i]))[0] for i in range(self.n)])
        poor = int((worth < _POOR).sum())
        if poor:
            notes = [
                *notes,
                f"{poor} people's posteriors are poorly sampled (fewer than {_POOR} effective draws): fit fewer "
                "parameters (params), or bring more people or trials",
            ]
        bounds, within = em.quantiles(draws, weights), em.mean_correlation(list(spread))
        bounds, said = self.widened(center, bounds, spread)
        bounds = self.opened(center, bounds)
        notes = [*notes, *said]
        return self.found(notes, center, own, bounds, loglik, mean, cov, within)._replace(poor=poor)

    def opened(self, x: Array, bounds: Array) -> Array:
        """Intervals all of which lies beyond a bound reach from there to where the likelihood has fallen by 1.92: to
        be at the floor is known no better than that."""
        bounds = bounds.copy()
        for i, name in enumerate(self.params):
            scale = scales.SCALES[name]
            low, high = (float(scale.latent(b)) for b in (scale.low, scale.high))
            inside = np.clip(bounds[:, i], low, high)
            for row in np.flatnonzero(inside[:, 1] - inside[:, 0] <= 1e-9 * (high - low)).tolist():
                at = float(np.clip(x[row, i], low, high))
                point, where, sign = (
                    np.clip(x[row], -1e6, 1e6),
                    np.array([row]),
                    1.0 if at < (low + high) / 2 else -1.0,
                )
                point[i] = at
                top = float(self.loglik(point[None], where)[0])
                others = 1e-12 * np.eye(len(point))  # all as they are
                fallen = self._along(row, point, top, i, others, np.asarray(np.linalg.inv(others), float))
                end = self._edge(fallen, at, sign, scale, 0.2 * scale.sd)
                bounds[row, i] = sorted((at, end))
        return bounds

    def laplace(self, row: int, mean: Array, precision: Array) -> tuple[Array, Array]:
        """The peak of a person's posterior, and the covariance of the normal that is as curved there."""
        x, _ = self.peak(row, mean, precision, self.law.starts(self.params))
        return x, self.spread_at(row, x, precision)

    def sampled(
        self, row: int, near: Sequence[tuple[Array, Array]], mean: Array, cov: Array, u: Array
    ) -> tuple[Array, Array]:
        """Draws (draws, parameters) of a person, and their log-likelihood minus log of how likely they were drawn.

        Three in four from a wide t (5 degrees of freedom) where the person seems to be, the rest from the population.
        """
        x, local = near[row][0], 1.5 * near[row][1]
        u = self.turned(row, u)
        z = stats.norm.ppf(u[:, 1:])
        tail = np.sqrt(5 / stats.chi2.ppf(u[:, 0] * 4 / 3 % 1, 5))[:, None]
        own = x + tail * z @ np.linalg.cholesky(local).T
        draws = np.where(u[:, :1] < 0.75, own, mean + z @ np.linalg.cholesky(cov).T)
        log_q = np.logaddexp(
            math.log(0.75) + stats.multivariate_t.logpdf(draws, x, local, 5),
            math.log(0.25) + stats.multivariate_normal.logpdf(draws, mean, cov),
        )
        return draws, self.loglik(draws, np.full(len(draws), row)) - log_q

    def spread_at(self, row: int, x: Array, precision: Array) -> Array:
        """The covariance of a normal with the same curvature as the posterior at its peak."""
        p, steps = len(x), self._steps()
        points, where = [], []
        for i in range(p):
            for j in range(i, p):
                for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
                    point = x.copy()
                    point[i] += a * steps[i]
                    point[j] += b * steps[j]
                    points.append(point)
                    where.append((i, j, a * b))
        values = self.loglik(np.array(points), np.full(len(points), row))
        curve = np.zeros((p, p))
        for (i, j, sign), value in zip(where, values, strict=True):
            curve[i, j] -= sign * value / (4 * steps[i] * steps[j])
        curve = curve + curve.T - np.diag(np.diag(curve)) + precision
        floor = np.diag(1 / np.array([3 * scales.SCALES[name].sd for name in self.params]) ** 2)
        size, axes = np.linalg.eigh(curve + floor * 0.1)
        return np.asarray((axes / np.maximum(size, np.diag(floor).min())) @ axes.T)

    def widened(self, x: Array, bounds: Array, covs: Array) -> tuple[Array, list[str]]:
        """Intervals that count in what is held at the mean adult's though adults differ in it; and what was counted in.

        To first order the peak moves by Cov G per unit of what is held, G being the cross derivative of the likelihood
        (implicit function theorem); people's own value is a draw from the population, so its variance adds:

            var = var + sum_h (Cov G_h)^2 sd_h^2

        What an `observer` was given for is known (`held`). A simulated law would have to be simulated anew: left alone.
        """
        mind, steps = self.law.observer, self._steps()
        adults = {name for name, s in Population.adults().spreads().items() if s.kind != "constant"}
        if self.held or not self.law.exact:
            return bounds, []
        n, p = x.shape
        who, more, said = np.arange(n), np.zeros((n, p)), []
        shifts = [
            (x + sign * np.eye(p)[i] * steps[i], sign / steps[i]) for i in range(p) for sign in (1.0, -1.0)
        ]
        for name in sorted(adults - {*self.params}):
            scale = scales.SCALES[name]
            slope = np.zeros((n, p))
            for side in (1.0, -1.0):
                one: dict[str, Any] = {name: float(scale.own(scale.mean + side * _ASIDE * scale.sd))}
                job = replace(self, law=self.law.given(replace(mind, **one)))
                for k, (points, weight) in enumerate(shifts):
                    slope[:, k // 2] += side * weight * job.loglik(points, who) / (4 * _ASIDE)
            moved = np.einsum("npq,nq->np", covs, slope)  # per sd of what is held
            moved = np.where(np.isfinite(moved), moved, 0.0)  # where a step leads out of what can be
            more += moved**2
            share = np.abs(moved) / np.sqrt(np.einsum("npp->np", covs))
            said += [
                f"{name} is kept at the mean adult's value: that adults differ in it adds an error of "
                f"{np.median(share[:, i]):.1f} standard errors to {param}, which the intervals include"
                for i, param in enumerate(self.params)
                if np.median(share[:, i]) > _HELD
            ]
        half = np.abs(bounds - x[..., None])  # (people, parameters, 2)
        wide = np.sqrt(half**2 + (1.96**2 * more)[..., None]) - half
        return bounds + np.where(more > 0, 1.0, 0.0)[..., None] * wide * np.array([-1.0, 1.0]), said

    def found(
        self,
        notes: list[str],
        x: Array,
        own: Array,
        bounds: Array,
        loglik: float,
        mean: Array,
        cov: Array,
        within: Array,
    ) -> Found:
        """Into the parameters' own units."""
        values = scales.own(self.params, x)
        estimates = pd.DataFrame(
            {"person": self.data.people, **dict(zip(self.params, values.T, strict=True))}
        )
        estimates = estimates.assign(trials=self.data.trials, loglik=own)
        low, high = (scales.own(self.params, bounds[..., side]) for side in (0, 1))
        intervals = pd.DataFrame(
            {
                "person": np.repeat(np.array(self.data.people, object), len(self.params)),
                "parameter": list(self.params) * self.n,
                "low": low.ravel(),
                "high": high.ravel(),
            }
        )
        return Found(estimates, intervals, loglik, mean, cov, within, notes)
