r"""The race for visual short-term memory: weights, rates, finish times and the exact score distributions.

Bundesen's TVA (1990, Psychol Rev 97:523). Element x is encoded at the rate (events per second)

    v_x = C w_x / sum_z w_z,        w_x = pertinence_x exp(gain logit_x)      (a Luce choice: softmax)

and finishes at t0 + Exp(v_x) after its onset, all elements in parallel. It is stored iff it finishes before
the exposure T ends and fewer than K are stored. With tau = max(0, T - t0):

    first to finish ~ softmax(log w);   order of the first K ~ Plackett-Luce(w) = Gumbel-top-K(log w)

`reallocate=True` is the other law: what is stored hands its rate to the rest, so the unfinished always share
C. The order has the same law, the times do not. All functions are pure; arrays broadcast over leading axes.

>>> whole_report([1, 1, 1, 1, 1, 1], capacity=65.5, exposure=0.2, slots=3, threshold=0.0079).round(3)
array([0.   , 0.   , 0.003, 0.997, 0.   , 0.   , 0.   ])
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy import stats

from cogattn.errors import InputError

Array = npt.NDArray[np.float64]

# Gauss-Legendre nodes on (0, 1), used on panels that double in length: see `_moments_of_filling`.
_NODES, _WEIGHTS = (a / 2 for a in np.polynomial.legendre.leggauss(12))
_NODES = _NODES + 0.5
_PANELS = np.concatenate([[0.0], 2.0 ** np.arange(-39, 1)])


def weights(distractor: npt.ArrayLike, alpha: npt.ArrayLike, pertinence: npt.ArrayLike = 1.0) -> Array:
    """w_x = pertinence of a target, alpha times that of a distractor."""
    return np.where(np.asarray(distractor, bool), np.asarray(alpha, float), 1.0) * np.asarray(pertinence)


def weights_from_logits(logits: npt.ArrayLike, gain: npt.ArrayLike, pertinence: npt.ArrayLike = 1.0) -> Array:
    """w_x = pertinence_x exp(gain logit_x), scaled so that the largest is 1 (only ratios matter).

    A logit of -inf is an empty place: weight 0. NaN and +inf are no logits.
    """
    logits = np.asarray(logits, float)
    if np.isnan(logits).any() or np.isposinf(logits).any():
        raise InputError("logits must be finite, or -inf for an empty place; some are NaN or +inf")
    z = np.where(
        np.isneginf(logits), -np.inf, np.where(np.isfinite(logits), logits, 0.0) * np.asarray(gain, float)
    )
    peak = np.max(z, axis=-1, keepdims=True, initial=-np.inf, where=np.isfinite(z))
    with np.errstate(invalid="ignore"):
        w = np.where(np.isfinite(z), np.exp(z - np.where(np.isfinite(peak), peak, 0.0)), 0.0)
    return w * np.asarray(pertinence)


def gain_for(alpha: npt.ArrayLike, gap: float) -> Array:
    """The gain that gives a network whose targets stand `gap` logits above distractors a person's alpha.

    alpha = exp(-gain gap). alpha = 0 (perfect selection) takes the largest gain that floats can bear.
    """
    return np.minimum(-np.log(np.maximum(np.asarray(alpha, float), 1e-300)), 690.0) / gap


def rates(w: npt.ArrayLike, capacity: npt.ArrayLike) -> Array:
    """v_x = C w_x / sum w: the capacity, divided by a Luce choice. Elements of weight 0 get none."""
    w = np.asarray(w, float)
    total = w.sum(-1, keepdims=True)
    share = np.divide(w, total, out=np.zeros_like(w), where=total > 0)
    c = np.asarray(capacity, float)[..., None]
    return np.multiply(share, c, out=np.zeros(np.broadcast(share, c).shape), where=share > 0)


def finish_times(
    w: npt.ArrayLike,
    capacity: npt.ArrayLike,
    threshold: npt.ArrayLike,
    exponentials: npt.ArrayLike,
    reallocate: bool = False,
) -> Array:
    """Finish time of each element after its onset, from unit exponentials: t0 + E_x / v_x.

    With `reallocate` the gaps of the fixed race shrink by the share of the weight that is still unfinished.
    """
    v, e = rates(w, capacity), np.asarray(exponentials, float)
    with np.errstate(divide="ignore"):
        t = np.where(v > 0, e / np.where(v > 0, v, 1.0), np.inf)
    if reallocate:
        t = _reallocated(t, np.broadcast_to(np.asarray(w, float), t.shape))
    return t + np.asarray(threshold, float)[..., None]


def _reallocated(t: Array, w: Array) -> Array:
    order = np.argsort(t, axis=-1)
    sorted_t, sorted_w = np.take_along_axis(t, order, -1), np.take_along_axis(w, order, -1)
    left = np.cumsum(sorted_w[..., ::-1], -1)[..., ::-1] / sorted_w.sum(
        -1, keepdims=True
    )  # (..., n) unfinished
    finite = np.where(np.isfinite(sorted_t), sorted_t, 0.0)
    gaps = np.diff(finite, axis=-1, prepend=0.0) * left
    out = np.where(np.isfinite(sorted_t), np.cumsum(gaps, -1), np.inf)
    return np.take_along_axis(out, np.argsort(order, axis=-1), -1)


def first_finisher(w: npt.ArrayLike) -> Array:
    """P(x finishes first) = w_x / sum w = softmax(log w), whatever the capacity."""
    return rates(w, 1.0)


def plackett_luce(order: Sequence[int], w: npt.ArrayLike) -> float:
    """P(the first len(order) finishers are exactly these, in this order) = prod w_(r) / (W - those before)."""
    w = np.asarray(w, float)
    left, p = np.ones(len(w), bool), 1.0
    for x in order:
        if not (left[x] and w[x] > 0):
            return 0.0
        p *= float(w[x] / w[left].sum())
        left[x] = False
    return p


def operational_time(
    capacity: npt.ArrayLike, exposure: npt.ArrayLike, threshold: npt.ArrayLike = 0.0
) -> Array:
    """C max(0, T - t0): how much racing an exposure allows, in expected finishers of an inexhaustible race."""
    tau = np.maximum(0.0, np.asarray(exposure, float) - np.asarray(threshold, float))
    return np.multiply(
        np.asarray(capacity, float), tau, out=np.zeros(np.broadcast(capacity, tau).shape), where=tau > 0
    )


def poisson_binomial(p: npt.ArrayLike) -> Array:
    """P(number of successes = j), j = 0..n, for independent successes of probabilities p (..., n)."""
    p = np.asarray(p, float)
    out = np.zeros((*p.shape[:-1], p.shape[-1] + 1))
    out[..., 0] = 1.0
    for i in range(p.shape[-1]):
        q = p[..., i, None]
        out[..., 1:] = out[..., 1:] * (1 - q) + out[..., :-1] * q
        out[..., :1] *= 1 - q
    return out


def whole_report(
    w: npt.ArrayLike,
    *,
    capacity: npt.ArrayLike,
    exposure: npt.ArrayLike,
    slots: float,
    threshold: npt.ArrayLike = 0.0,
    reallocate: bool = False,
) -> Array:
    """P(j elements stored), j = 0..n: Poisson-binomial below K, its upper tail at K; mixed over floor and ceil K.

    Reallocating, the unfinished always race at the total rate C: Poisson(C tau) instead.
    """
    w = np.asarray(w, float)
    race = operational_time(capacity, exposure, threshold)
    if reallocate:
        free = _poisson(race, np.count_nonzero(w, axis=-1), w.shape[-1])
    else:
        free = poisson_binomial(_finished(rates(w, 1.0), race))
    return _mix_slots(slots, w.shape[-1], lambda k: _truncate(free, k))


def _finished(v: Array, race: Array) -> Array:
    """F_x = 1 - exp(-v_x race) for unit rates v; a zero rate never finishes, not even in an endless race."""
    return np.where(v > 0, -np.expm1(-v * np.where(np.isinf(race), 1e300, race)[..., None]), 0.0)


def _poisson(mean: Array, racing: npt.ArrayLike, n: int) -> Array:
    """P(min(Poisson(mean), racing) = j), j = 0..n. An endless race is finished by all that race."""
    j, most, mean = np.arange(n + 1), np.asarray(racing)[..., None], np.minimum(mean, 1e300)[..., None]
    below = np.where(j < most, stats.poisson.pmf(j, mean), 0.0)
    return np.asarray(np.where(j == most, stats.poisson.sf(j - 1, mean), below))


def _truncate(p: Array, k: int) -> Array:
    """All that exceeds k slots is k."""
    if k >= p.shape[-1] - 1:
        return p
    out = p.copy()
    out[..., k] = p[..., k:].sum(-1)
    out[..., k + 1 :] = 0.0
    return out


def _mix_slots(slots: float, n: int, law: Callable[[int], Array]) -> Array:
    """A law of integer K, mixed over floor and ceil of `slots` and capped by the n elements there are."""
    if slots >= n:
        return law(n)
    low = math.floor(slots)
    mixed = (low + 1 - slots) * law(low)
    return mixed if slots == low else mixed + (slots - low) * law(low + 1)


def partial_report(
    target_weights: npt.ArrayLike,
    distractor_weights: npt.ArrayLike,
    *,
    capacity: npt.ArrayLike,
    exposure: npt.ArrayLike,
    slots: float,
    threshold: npt.ArrayLike = 0.0,
    reallocate: bool = False,
) -> Array:
    """P(j targets stored), j = 0..m. Distractors take slots too, but only targets score. Exact, weights unequal.

    Below K finishers the counts of targets and distractors are independent; a full store is the integral over
    the moment at which its last slot was taken.
    """
    wt, wd = (
        np.atleast_1d(np.asarray(target_weights, float)),
        np.asarray(distractor_weights, float).reshape(-1),
    )
    m, w = len(wt), np.concatenate([wt, wd])
    race = operational_time(capacity, exposure, threshold)
    if reallocate:
        return _partial_reallocated(w, m, race, slots)
    v = rates(w, 1.0)
    return _mix_slots(slots, len(w), lambda k: _partial_fixed(v[:m], v[m:], race, k))


def _partial_fixed(v: Array, u: Array, race: Array, k: int) -> Array:
    """P(j targets stored) for integer k and unit rates: v (m,) of targets, u (d,) of distractors; race (...)."""
    targets, distractors = poisson_binomial(_finished(v, race)), poisson_binomial(_finished(u, race))
    below = np.zeros_like(targets)
    for j in range(min(k, targets.shape[-1])):
        below[..., j] = targets[..., j] * distractors[..., : k - j].sum(-1)
    return below + _full_store(v, u, race, k) if k <= len(v) + len(u) else below


def _full_store(v: Array, u: Array, race: Array, k: int) -> Array:
    """P(the store filled in time, j of its k elements being targets).

    Sum over the last to enter, i, of the integral of v_i e^{-v_i t} P(k-1 others by t, j or j-1 of them targets).
    """
    m, d = len(v), len(u)
    out = np.zeros((*race.shape, m + 1))
    if k == 0:
        out[..., 0] = 1.0
        return out
    t, dt = _moments_of_filling(np.concatenate([v, u]), race)  # (..., q)
    done_v, done_u = (-np.expm1(-a * t[..., None]) for a in (v, u))  # (..., q, m), (..., q, d)
    for i in range(m + d):
        a, last = (v[i], 1) if i < m else (u[i - m], 0)
        density = a * np.exp(-a * t) * dt
        targets = poisson_binomial(np.delete(done_v, i, -1) if last else done_v)
        others = poisson_binomial(done_u if last else np.delete(done_u, i - m, -1))
        for j in range(targets.shape[-1]):
            if 0 <= k - 1 - j < others.shape[-1]:
                out[..., j + last] += (density * targets[..., j] * others[..., k - 1 - j]).sum(-1)
    return out


def _moments_of_filling(v: Array, race: Array) -> tuple[Array, Array]:
    """Nodes and weights for an integral over (0, race) of sums of e^{-a t}: 40 panels, each twice the last.

    A panel (s, 2s) resolves every rate a up to about 10/s, and faster ones are over by s; past 50 lifetimes of
    the slowest element nothing is left. Held to 1e-12 against `stored_set` in the tests.
    """
    slowest = float(v[v > 0].min(initial=1.0))
    end = np.minimum(race, 50.0 / slowest)[..., None, None]
    low, width = _PANELS[:-1, None], np.diff(_PANELS)[:, None]
    t = end * (low + width * _NODES)
    dt = end * (width * _WEIGHTS)
    return t.reshape(*race.shape, -1), dt.reshape(*race.shape, -1)


def _partial_reallocated(w: Array, m: int, mean: Array, slots: float) -> Array:
    """Counts are Poisson(C tau) capped by K; who they are is Plackett-Luce, whatever the time."""
    n = len(w)
    who = np.stack([composition(w, m, r) for r in range(n + 1)])  # (n + 1, m + 1)
    count = _poisson(mean, np.count_nonzero(w), n)
    return np.asarray(_mix_slots(slots, n, lambda k: _truncate(count, k)) @ who)


def composition(w: npt.ArrayLike, m: int, r: int) -> Array:
    """P(j of the first r finishers are among the first m elements), j = 0..m, by dynamic programming over sets."""
    w = np.asarray(w, float)
    reached = {0: 1.0}  # bit set of finishers -> probability
    for _ in range(min(r, int(np.count_nonzero(w)))):
        step: dict[int, float] = {}
        for done, p in reached.items():
            left = [x for x in range(len(w)) if not done >> x & 1 and w[x] > 0]
            total = sum(w[x] for x in left)
            for x in left:
                step[done | 1 << x] = step.get(done | 1 << x, 0.0) + p * w[x] / total
        reached = step
    out = np.zeros(m + 1)
    for done, p in reached.items():
        out[(done & (1 << m) - 1).bit_count()] += p
    return out


@njit(cache=True, nogil=True)
def _binomial(n, p, out):  # type: ignore[no-untyped-def]
    """P(j of n), j = 0..n, into `out`; what lies beyond n is 0."""
    out[:] = 0.0
    out[0] = 1.0
    for i in range(n):
        for j in range(i + 1, 0, -1):
            out[j] = out[j] * (1.0 - p) + out[j - 1] * p
        out[0] *= 1.0 - p


@njit(cache=True, nogil=True)
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
    for panel in range(len(_PANELS) - 1):  # the K-th finishes at t, being a target or a distractor
        low, high = _PANELS[panel], _PANELS[panel + 1]
        if end * high < 0.5 and high < 1.0:
            continue  # all rates add up to 1: before half a unit of time one panel is enough
        low = 0.0 if end * low < 0.5 else low
        width = high - low
        if end * low * slowest > 45.0:
            break
        for q in range(len(_NODES)):
            t = end * (low + width * _NODES[q])
            dt = end * width * _WEIGHTS[q]
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


@njit(cache=True, nogil=True)
def _binomial_slope(n, p, below, out):  # type: ignore[no-untyped-def]
    """d P(j of n) / d p into `out`: n (P(j - 1 of n - 1) - P(j of n - 1)); `below` is room for the latter."""
    _binomial(max(0, n - 1), p, below)
    out[:] = 0.0
    if n > 0:
        for j in range(n + 1):
            out[j] = n * ((below[j - 1] if j > 0 else 0.0) - (below[j] if j < n else 0.0))


@njit(cache=True, nogil=True)
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
        len(_PANELS) if others else 0
    ):  # the K-th finishes at t, being a target or a distractor
        at_end = (
            panel == len(_PANELS) - 1
        )  # after the last panel: the integrand at rho, which is the slope there
        low, high = _PANELS[panel], _PANELS[min(panel + 1, len(_PANELS) - 1)]
        if end * high * total < 0.5 and high < 1.0:
            continue  # all rates add up to `total`: before half a unit of time one panel is enough
        low = 0.0 if end * low * total < 0.5 else low
        if not at_end and end * low * min(1.0, alpha) > 45.0:
            continue
        for q in range(1 if at_end else len(_NODES)):
            t = rho if at_end else end * (low + (high - low) * _NODES[q])
            dt = 1.0 if at_end else end * (high - low) * _WEIGHTS[q]
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


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
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


def stored_set(s: Sequence[int], v: npt.ArrayLike, tau: float, k: int) -> float:
    """P(exactly the set s is stored): the published closed form (Kyllingsbaek 2006, Behav Res Methods 38:123).

    |s| < k: prod_s F prod_rest (1 - F). |s| = k: sum over i in s and J in s\\{i} of
    (-1)^|J| v_i (1 - e^{-a tau}) / a, a = v_i + V_J + V_rest. Exponential in k: an exact alternative, for tests.
    """
    v = np.asarray(v, float)
    rest = [x for x in range(len(v)) if x not in s]
    f = -np.expm1(-v * tau)
    if len(s) < k:
        return float(np.prod(f[list(s)]) * np.prod(1 - f[rest]))
    if len(s) > k:
        return 0.0
    if k == 0:
        return 1.0
    total = 0.0
    for i in (x for x in s if v[x] > 0):
        others = [x for x in s if x != i]
        for size in range(len(others) + 1):
            for j in itertools.combinations(others, size):
                a = v[i] + v[list(j)].sum() + v[rest].sum()
                total += (-1) ** size * v[i] * -math.expm1(-a * tau) / a
    return float(total)


def inclusion(
    w: npt.ArrayLike, capacity: float, exposure: float, slots: float, threshold: float = 0.0
) -> Array:
    """P(x is stored) for each element: each in turn is the one target among distractors."""
    w = np.asarray(w, float)
    law = [
        partial_report(
            w[i : i + 1],
            np.delete(w, i),
            capacity=capacity,
            exposure=exposure,
            slots=slots,
            threshold=threshold,
        )
        for i in range(len(w))
    ]
    return np.array([p[..., 1] for p in law])


def expected(distribution: npt.ArrayLike) -> Array:
    """The mean of a score distribution over 0..n on the last axis."""
    p = np.asarray(distribution, float)
    return np.asarray(p @ np.arange(p.shape[-1]))
