"""How many targets a report holds, compiled: the score distributions of the race with one weight for distractors.

The same laws as `laws.race.partial_report`, for all whole K at once and with slopes: what a fit asks for a million
times. What is stored is the race's (Bundesen 1990), see `laws.race`.
"""

from __future__ import annotations

import math

import numpy as np

from cogattn.compiled import compiled

# Gauss-Legendre nodes on (0, 1), used on panels that double in length: see `race._moments_of_filling`.
NODES, WEIGHTS = (a / 2 for a in np.polynomial.legendre.leggauss(12))
NODES = NODES + 0.5
PANELS = np.concatenate([[0.0], 2.0 ** np.arange(-39, 1)])


@compiled(nogil=True, arrays=True)
def _binomial(n, p, out):  # type: ignore[no-untyped-def]
    """P(j of n), j = 0..n, into `out`; what lies beyond n is 0."""
    out[:] = 0.0
    out[0] = 1.0
    for i in range(n):
        for j in range(i + 1, 0, -1):
            out[j] = out[j] * (1.0 - p) + out[j - 1] * p
        out[0] *= 1.0 - p


@compiled(nogil=True, arrays=True)
def report_counts(m, d, alpha, race, out):  # type: ignore[no-untyped-def]
    """P(j of m targets stored) for every whole K at once: out[K, j], K = 0..m + d.

    Targets weigh 1, distractors alpha; `race` is C (exposure - t0). The same law as `partial_report`, compiled for
    weights that differ between the two kinds alone: what fitting asks for a million times.
    """
    n = m + d
    out[:] = 0.0
    out[:, 0] = 1.0
    if race <= 0.0 or m == 0:
        return
    total = m + alpha * d
    v, u = 1.0 / total, alpha / total
    of_v, of_u = np.zeros(n + 2), np.zeros(n + 2)
    if d == 0 or u == 0.0:  # nobody else takes a slot: the binomial, its upper tail at K
        _binomial(m, -math.expm1(-v * race), of_v)
        for k in range(1, n + 1):
            out[k, 0] = 0.0
            for j in range(m + 1):
                out[k, min(j, k)] += of_v[j]
        return
    one_v, one_u = np.zeros(n + 2), np.zeros(n + 2)
    _binomial(m, -math.expm1(-v * race), of_v)
    _binomial(d, -math.expm1(-u * race), of_u)
    for k in range(1, n + 1):  # fewer than K have finished
        for j in range(m + 1):
            out[k, j] = 0.0
            for x in range(min(d, k - 1 - j) + 1):
                out[k, j] += of_v[j] * of_u[x]
    slowest = min(v, u)
    end = min(race, 50.0 / slowest)
    for panel in range(len(PANELS) - 1):  # the K-th finishes at t, being a target or a distractor
        low, high = PANELS[panel], PANELS[panel + 1]
        if end * high < 0.5 and high < 1.0:
            continue  # all rates add up to 1: before half a unit of time one panel is enough
        low = 0.0 if end * low < 0.5 else low
        width = high - low
        if end * low * slowest > 45.0:
            break
        for q in range(len(NODES)):
            t = end * (low + width * NODES[q])
            dt = end * width * WEIGHTS[q]
            p, r = -math.expm1(-v * t), -math.expm1(-u * t)
            _binomial(m, p, of_v)
            _binomial(d, r, of_u)
            _binomial(m - 1, p, one_v)
            _binomial(max(0, d - 1), r, one_u)
            by_target, by_other = dt * m * v * math.exp(-v * t), dt * d * u * math.exp(-u * t)
            for k in range(1, n + 1):
                for j in range(max(0, k - d), min(m, k) + 1):
                    if j >= 1:
                        out[k, j] += by_target * one_v[j - 1] * of_u[k - j]
                    if k - 1 - j >= 0:
                        out[k, j] += by_other * of_v[j] * one_u[k - 1 - j]


@compiled(nogil=True, arrays=True)
def _binomial_slope(n, p, below, out):  # type: ignore[no-untyped-def]
    """d P(j of n) / d p into `out`: n (P(j - 1 of n - 1) - P(j of n - 1)); `below` is room for the latter."""
    _binomial(max(0, n - 1), p, below)
    out[:] = 0.0
    if n > 0:
        for j in range(n + 1):
            out[j] = n * ((below[j - 1] if j > 0 else 0.0) - (below[j] if j < n else 0.0))


@compiled(nogil=True, arrays=True)
def report_slopes(m, d, alpha, race, out, by_race, by_alpha):  # type: ignore[no-untyped-def]
    """`report_counts` with its slopes over the race C (exposure - t0) and over alpha: [K, j] each, exact.

    In units of a target's own time, rho = race / (m + alpha d), a target races at rate 1 and a distractor at rate
    alpha. A full store is an integral up to rho, so its slope over rho is the integrand itself; alpha acts on the
    integrand, and on rho: d rho / d alpha = -race d / (m + alpha d)^2.
    """
    n = m + d
    out[:], by_race[:], by_alpha[:] = 0.0, 0.0, 0.0
    out[:, 0] = 1.0
    if m == 0:
        return
    total, race = m + alpha * d, max(0.0, race)
    rho = race / total
    of_v, of_u, dv, du = np.zeros(n + 2), np.zeros(n + 2), np.zeros(n + 2), np.zeros(n + 2)
    one_v, one_u, room, du_one = np.zeros(n + 2), np.zeros(n + 2), np.zeros(n + 2), np.zeros(n + 2)
    others = d if alpha > 0.0 else 0
    p_rho, q_rho, q_alpha = math.exp(-rho), alpha * math.exp(-alpha * rho), rho * math.exp(-alpha * rho)
    _binomial(m, -math.expm1(-rho), of_v)
    _binomial(others, -math.expm1(-alpha * rho), of_u)
    _binomial_slope(m, -math.expm1(-rho), room, dv)
    _binomial_slope(others, -math.expm1(-alpha * rho), room, du)
    for k in range(1, n + 1):  # fewer than K have finished
        out[k, 0] = 0.0
        for j in range(m + 1):
            for x in range(min(others, k - 1 - j) + 1):
                out[k, j] += of_v[j] * of_u[x]
                by_race[k, j] += p_rho * dv[j] * of_u[x] + of_v[j] * q_rho * du[x]
                by_alpha[k, j] += of_v[j] * q_alpha * du[x]
    end = min(rho, 50.0 / min(1.0, alpha)) if others else 0.0
    for panel in range(
        len(PANELS) if others else 0
    ):  # the K-th finishes at t, being a target or a distractor
        at_end = (
            panel == len(PANELS) - 1
        )  # after the last panel: the integrand at rho, which is the slope there
        low, high = PANELS[panel], PANELS[min(panel + 1, len(PANELS) - 1)]
        if end * high * total < 0.5 and high < 1.0:
            continue  # all rates add up to `total`: before half a unit of time one panel is enough
        low = 0.0 if end * low * total < 0.5 else low
        if not at_end and end * low * min(1.0, alpha) > 45.0:
            continue
        for q in range(1 if at_end else len(NODES)):
            t = rho if at_end else end * (low + (high - low) * NODES[q])
            dt = 1.0 if at_end else end * (high - low) * WEIGHTS[q]
            p, r = -math.expm1(-t), -math.expm1(-alpha * t)
            _binomial(m, p, of_v)
            _binomial(d, r, of_u)
            _binomial(m - 1, p, one_v)
            _binomial(d - 1, r, one_u)
            _binomial_slope(d, r, room, du)
            _binomial_slope(d - 1, r, room, du_one)
            fade, turn = math.exp(-alpha * t), t * math.exp(-alpha * t)
            by_target, by_other = dt * m * math.exp(-t), dt * d * fade
            for k in range(1, n + 1):
                for j in range(max(0, k - d), min(m, k) + 1):
                    density, slope = 0.0, 0.0
                    if j >= 1:
                        density += by_target * one_v[j - 1] * of_u[k - j]
                        slope += by_target * one_v[j - 1] * du[k - j] * turn
                    if k - 1 - j >= 0:
                        x = k - 1 - j
                        density += by_other * of_v[j] * alpha * one_u[x]
                        slope += (
                            by_other * of_v[j] * ((1.0 - alpha * t) * one_u[x] + alpha * turn * du_one[x])
                        )
                    if at_end:
                        by_race[k, j] += density
                    else:
                        out[k, j] += density
                        by_alpha[k, j] += slope
    for k in range(1, n + 1):
        if not others:  # nobody else takes a slot: what is not below K is K
            top = min(k, m)
            out[k, top] += 1.0 - out[k, : m + 1].sum()
            by_race[k, top] -= by_race[k, : m + 1].sum()
        for j in range(m + 1):
            by_alpha[k, j] += by_race[k, j] * -race * d / total**2
            by_race[k, j] /= total


@compiled(nogil=True, arrays=True)
def first_finishers(m, d, alpha, out):  # type: ignore[no-untyped-def]
    """P(j of the first r to finish are targets): out[r, j], r = 0..m + d: `composition`, compiled for two weights."""
    out[:] = 0.0
    out[0, 0] = 1.0
    for r in range(m + d):
        for j in range(max(0, r - d), min(m, r) + 1):
            target, other = float(m - j), alpha * (d - r + j)
            if target + other <= 0.0:  # nobody is left who races
                out[r + 1, j] += out[r, j]
                continue
            share = target / (target + other)
            if share > 0.0:
                out[r + 1, j + 1] += out[r, j] * share
            out[r + 1, j] += out[r, j] * (1.0 - share)


@compiled(nogil=True, arrays=True)
def reallocated_counts(m, d, alpha, race, out):  # type: ignore[no-untyped-def]
    """`report_counts` where what is stored hands its rate to the rest: Poisson(race) finish, if there are so many."""
    n = m + d
    who = np.empty((n + 1, m + 1))
    first_finishers(m, d, alpha, who)
    out[:] = 0.0
    p, left = math.exp(-race), 1.0
    for r in range(n + 1):
        mass = p if r < n else left
        for k in range(n + 1):
            for j in range(m + 1):
                out[k, j] += mass * who[min(r, k), j]
        left = max(0.0, left - p)
        p *= race / (r + 1.0)
