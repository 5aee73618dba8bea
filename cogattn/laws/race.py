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
import scipy

from cogattn.errors import InputError, doors
from cogattn.laws.counts import NODES, PANELS, WEIGHTS
from cogattn.laws.counts import first_finishers as first_finishers
from cogattn.laws.counts import reallocated_counts as reallocated_counts
from cogattn.laws.counts import report_counts as report_counts
from cogattn.laws.counts import report_slopes as report_slopes

Array = npt.NDArray[np.float64]


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
    below = np.where(j < most, scipy.stats.poisson.pmf(j, mean), 0.0)
    return np.asarray(np.where(j == most, scipy.stats.poisson.sf(j - 1, mean), below))


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
    low, width = PANELS[:-1, None], np.diff(PANELS)[:, None]
    t = end * (low + width * NODES)
    dt = end * (width * WEIGHTS)
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


doors(__name__, arrays=True)
