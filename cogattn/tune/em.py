"""A population from weighted draws of its people: EM (Dempster, Laird & Rubin 1977), and what the weights say.

Each person has draws of his parameters and, with each, its log-likelihood minus the log of how likely it was drawn
(`base`). Under a normal population with `mean` and `cov` the draws get weights; EM moves the population to where
everybody's data are most likely.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import special

from cogattn.tune.base import Array

_RUN_OUT = 60  # effective draws
_SWEEPS = 800  # populations over which a mean is taken, of up to 25 people; of more people, fewer


def _log_prior(draws: Array, mean: Array, cov: Array) -> Array:
    """(people, draws)"""
    return np.asarray(-0.5 * _distance(draws, mean, cov) - 0.5 * np.linalg.slogdet(2 * math.pi * cov)[1])


def _distance(draws: Array, mean: Array, cov: Array) -> Array:
    """(people, draws) squared, in the population's own spread."""
    z = (draws - mean) @ np.linalg.inv(np.linalg.cholesky(cov)).T
    return np.asarray(np.einsum("isp,isp->is", z, z))


def weighted(draws: Array, base: Array, mean: Array, cov: Array) -> tuple[Array, float]:
    """Weights of the draws in each person's posterior, and the log-likelihood of the population."""
    return _shares(base + _log_prior(draws, mean, cov), draws.shape[1])


def possible(
    draws: Array,
    base: Array,
    mean: Array,
    cov: Array,
    known: tuple[float, Array, Array],
    stiff: float,
    chance: np.random.Generator,
) -> tuple[Array, Array, Array]:
    """Weights of the draws, the mean over all populations that the data leave possible, and those populations' mean and
    covariance. Gibbs: a member of each person's draws, then a population of these members, and so on (Gelman et al.
    2013, Bayesian data analysis, 11.3); what is not known of the population is not known of its people either.

    Before anything is seen a covariance is inverse Wishart, worth as many adults as `known` and `stiff` say, half of
    the possible variances being above those of adults; the mean is that of adults, worth as many as `known` says (0: it
    may be anything). People are taken in an order of their own, so that it does not matter in which they come.
    """
    order = np.lexsort(draws[:, 0].T)
    draws, base = draws[order], base[order]
    n, p, (added, at, scatter) = len(draws), len(mean), known
    told = float(added + stiff)
    least = 2 * float(special.gammaincinv((told + 2) / 2, 0.5)) * scatter
    sweeps = int(np.clip(_SWEEPS * 25 / n, 100, _SWEEPS))
    total, every = np.zeros(draws.shape[:2]), []
    for sweep in range(-sweeps // 4, sweeps):
        w, _ = weighted(draws, base, mean, cov)
        here = (w.cumsum(1) < chance.random((n, 1))).sum(1).clip(0, w.shape[1] - 1)
        x = draws[np.arange(n), here]
        middle = x.mean(0)
        off = middle - at
        square = (x - middle).T @ (x - middle) + least
        square += added * n / (added + n) * np.outer(off, off)
        cov = _inverse_wishart(p + 1 + told + n - (added == 0), square, chance)
        root = np.linalg.cholesky(cov / (added + n))
        mean = (added * at + n * middle) / (added + n) + root @ chance.standard_normal(p)
        if sweep >= 0:
            total += w
            every.append((mean, cov))
    weights = np.empty_like(total)
    weights[order] = total / sweeps
    return weights, np.mean([m for m, _ in every], 0), np.mean([c for _, c in every], 0)


def _inverse_wishart(dof: float, square: Array, chance: np.random.Generator) -> Array:
    """One covariance (Bartlett's decomposition)."""
    p = len(square)
    a = np.tril(chance.standard_normal((p, p)), -1)
    a[np.diag_indices(p)] = np.sqrt(chance.chisquare(dof - np.arange(p)))
    root = np.linalg.cholesky(square) @ np.linalg.inv(a).T
    return np.asarray(root @ root.T)


def _shares(log_w: Array, draws: int) -> tuple[Array, float]:
    top = log_w.max(1, keepdims=True)
    w = np.exp(log_w - top)
    total = w.sum(1, keepdims=True)
    return w / total, float((top[:, 0] + np.log(total[:, 0] / draws)).sum())


def effective(weights: Array) -> Array:
    """(people,) how many draws of equal weight they are worth."""
    return np.asarray(1 / (weights**2).sum(1))


def expectation_maximization(
    draws: Array,
    base: Array,
    mean: Array,
    cov: Array,
    known: tuple[float, Array, Array],
    stiff: float = 0.0,
) -> tuple[Array, Array, float]:
    """The population that makes everybody's data most likely, given the draws.

    known: so many adults, their mean and covariance, are added to the sample (`stiff` more to the spread alone); then
    the steps end, too, where the draws of a quarter of the people have run out, so that they are drawn anew from
    nearer by.
    """
    before, n, (added, at, scatter) = -math.inf, len(draws), known
    w, loglik = weighted(draws, base, mean, cov)
    for _ in range(500):
        if loglik - before < 1e-4 or (added and np.quantile(effective(w), 0.25) < _RUN_OUT):
            break
        before = loglik
        mean = (np.einsum("is,isp->p", w, draws) + added * at) / (n + added)
        gap = draws - mean
        own = (w[..., None] * gap).reshape(-1, len(mean)).T @ gap.reshape(-1, len(mean)) + stiff * scatter
        if added:
            own += added * (scatter + np.outer(at - mean, at - mean))
        cov = own / (n + added + stiff) + 1e-9 * np.eye(len(mean))
        w, loglik = weighted(draws, base, mean, cov)
    return mean, cov, loglik


def moments(draws: Array, weights: Array) -> tuple[Array, Array]:
    """Each person's posterior mean (people, parameters) and covariance (people, parameters, parameters)."""
    center = np.einsum("is,isp->ip", weights, draws)
    gap = draws - center[:, None]
    return center, np.einsum("is,isp,isq->ipq", weights, gap, gap)


def narrowed(covs: Array, limit: Array) -> Array:
    """Covariances (people, parameters, parameters) of what is known by each and by `limit`, too: nearly themselves
    where they are narrow, `limit` where they are wide."""
    return np.asarray(np.linalg.inv(np.linalg.inv(covs) + np.linalg.inv(limit)))


def quantiles(draws: Array, weights: Array, at: tuple[float, float] = (0.025, 0.975)) -> Array:
    """(people, parameters, 2): weighted quantiles of each person's draws."""
    out = np.empty((draws.shape[0], draws.shape[2], 2))
    for i in range(draws.shape[0]):
        for p in range(draws.shape[2]):
            order = np.argsort(draws[i, :, p])
            mass = np.cumsum(weights[i, order]) - weights[i, order] / 2
            out[i, p] = np.interp(at, mass, draws[i, order, p])
    return out


def mean_correlation(covs: Sequence[Array]) -> Array:
    """The mean over people of the correlation between the errors of a person's estimates."""
    out = []
    for cov in covs:
        sd = np.sqrt(np.maximum(np.diag(cov), 1e-300))
        out.append(cov / np.outer(sd, sd))
    return np.asarray(np.mean(out, axis=0))
