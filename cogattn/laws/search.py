r"""Visual search: attention goes from group to group of items until it finds the target or quits.

Every item has a weight: the target 1, a distractor 1 / g (guidance g: how much more a target of this display draws
attention). A visit takes m items, one after the other, by a Luce choice without replacement; the first choice of a
visit has one more competitor, a quit unit (Competitive Guided Search: Moran, Zehetleitner, Mueller & Usher 2013, J Vis
13(8):24; Wolfe 2021, Psychon Bull Rev 28:1060), whose weight grows with every group that was rejected:

    P(quit | v groups rejected) = Q_v / (Q_v + sum of the weights left),    Q_v = q0 + v dq

With n distractors left, a visit that begins passes the target by with the chance

    prod_{i < m} (n - i) / (n - i + g),        and the first factor is n / (n + g + g Q_v) if quitting is counted

so that the law of the number of visits is a recursion over v (`visits`). To reject a group takes a Weibull time of mean
s and shape k, to find the target in it h times as long (h <= 1: who finds it stops); the rest (perceive, choose, move)
has a mean b and an sd. With W = V after quitting, V - 1 + h after finding, and r(k) = sd / mean of the Weibull law,

    E[RT] = b + s E[W],    Var[RT] = b_sd^2 + s^2 Var[W] + s^2 r^2 E[V after quitting, V - 1 + h^2 after finding]

A group size m that is not whole is a mixture of the two next to it. Without quitting, m = 1, g = 1, h = 1: the serial
search that terminates itself, slopes s / 2 and s (Treisman & Gelade 1980, Cogn Psychol 12:97). g = infinity: flat; but
where nothing has a weight nothing is visited, so that one look before saying "absent" needs a finite g (and q0 = 0).

Practice (Logan 1988, Psychol Rev 95:492): inspecting a group races against what earlier trials left. If the time of
each of n instances is a Weibull of the same shape, so is their minimum, of mean s (1 + L n)^(-1/k): the exponent of
practice is that of the variability of a single inspection.

>>> found, quit = visits(3, True)
>>> found.round(3), quit.round(3)  # serial: after 1, 2 or 3 visits
(array([0.   , 0.333, 0.333, 0.333]), array([0., 0., 0., 0.]))
>>> rt, sd, error = search([4, 8, 16], inspect=0.05, base=0.4)
>>> [round(1000 * slope([4, 8, 16], t), 3) for t in rt]  # ms per item: absent, present
[50.0, 25.0]
>>> search([4, 8, 16], guidance=math.inf, q0=0.01)[2][1].round(4)  # misses
array([0.0099, 0.0099, 0.0099])
>>> practised([0, 1000, 4000], learning=1e-3, shape=2).round(3)
array([1.   , 0.707, 0.447])
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from cogattn.compiled import compiled
from cogattn.errors import InputError, doors, number, shown, whole

Array = npt.NDArray[np.float64]

# -- compiled: what a mind uses ----------------------------------------------------------------------------------


@compiled
def pick(u, weights, done, quit_at):  # type: ignore[no-untyped-def]
    """Which item a draw u chooses among those not done, or -1: quit. quit_at: the weight of quitting, 0 within a
    group. Where nothing is left that has a weight, -1."""
    total = quit_at
    for i in range(len(weights)):
        if not done[i]:
            total += weights[i]
    left = u * total - quit_at
    last = -1
    if left >= 0.0:
        for i in range(len(weights)):
            if not done[i] and weights[i] > 0.0:
                last = i
                left -= weights[i]
                if left < 0.0:
                    break
    return last


@compiled
def quit_weight(q0, dq, rejected):  # type: ignore[no-untyped-def]
    """The weight of quitting once so many groups were rejected; that of a target is 1."""
    return q0 + dq * rejected


@compiled
def inspection(u, mean, shape):  # type: ignore[no-untyped-def]
    """The time that a draw u gives an inspection: Weibull; shape infinity: always `mean`."""
    if shape == np.inf:
        return mean
    return mean / math.gamma(1.0 + 1.0 / shape) * (-math.log1p(-u)) ** (1.0 / shape)


@compiled
def practised_share(n, learning, shape):  # type: ignore[no-untyped-def]
    """What n instances leave of the mean time of an inspection."""
    return (1.0 + learning * n) ** (-1.0 / shape)


# -- how many visits ---------------------------------------------------------------------------------------------


def visits(
    items: int, present: bool, guidance: float = 1.0, q0: float = 0.0, dq: float = 0.0, group: float = 1.0
) -> tuple[Array, Array]:
    """(P(found at visit v), P(quit after v visits)) for v = 0, 1, ... items; together they make 1. Exact.

    Having visited everything, or all that has a weight, one quits.
    """
    items = whole("items", items, least=1, most=1_000_000)
    d = 1.0 / number("guidance", guidance, above=0.0, infinite=True)
    q0, dq = number("q0", q0, least=0.0, most=1e9), number("dq", dq, least=0.0, most=1e9)
    group = number("group", group, least=1.0)
    low = math.floor(group)
    found, quits = _visits(items, bool(present), d, q0, dq, low)
    if group > low:
        part = group - low
        more = _visits(items, bool(present), d, q0, dq, low + 1)
        found, quits = (1 - part) * found + part * more[0], (1 - part) * quits + part * more[1]
    return found, quits


def _visits(items: int, present: bool, d: float, q0: float, dq: float, m: int) -> tuple[Array, Array]:
    """`visits` for groups of a whole size; d = weight of a distractor."""
    found, quits = np.zeros(items + 1), np.zeros(items + 1)
    target, n, going = float(present), items - present, 1.0
    for v in range(items + 1):
        q, left = q0 + dq * v, target + n * d
        if left == 0.0:
            quits[v] = going
            break
        quits[v] = going * q / (q + left)
        going -= quits[v]
        if present:
            passed = math.prod((n - i) * d / (1.0 + (n - i) * d) for i in range(min(m, n + 1)))
            found[v + 1] = going * (1.0 - passed)
            going *= passed
            if passed == 0.0:
                break
        n = max(0, n - m)
    return found, quits


# -- how long it takes -------------------------------------------------------------------------------------------


def spread_of(shape: float) -> float:
    """sd / mean of a Weibull time."""
    k = number("shape", shape, above=0.0, infinite=True)
    one, two = math.lgamma(1 + 1 / k), math.lgamma(1 + 2 / k)
    return math.sqrt(max(0.0, math.expm1(two - 2 * one)))


def search(
    sizes: npt.ArrayLike,
    guidance: float = 1.0,
    q0: float = 0.0,
    dq: float = 0.0,
    group: float = 1.0,
    inspect: float = 0.05,
    shape: float = math.inf,
    base: float = 0.0,
    base_sd: float = 0.0,
    hit: float = 1.0,
    slip: float = 0.0,
) -> tuple[Array, Array, Array]:
    """(mean RT, its sd, errors), each (2, set sizes): row 0 no target is there, row 1 one is. Times of correct answers.
    Exact.

    `inspect`: mean time to reject a group; `hit`: the share of it that finding the target takes; `shape`: of both;
    `base`, `base_sd`: of all else; `slip`: how often the other key is pressed.
    """
    inspect, hit = number("inspect", inspect, least=0.0), number("hit", hit, least=0.0)
    base, base_sd = number("base", base, least=0.0), number("base_sd", base_sd, least=0.0)
    slip, r2 = number("slip", slip, least=0.0, most=1.0), spread_of(shape) ** 2
    counts = _sizes(sizes)
    out = np.full((3, 2, len(counts)), np.nan)
    for j, items in enumerate(counts):
        for there in (False, True):
            found, quits = visits(items, there, guidance, q0, dq, group)
            right = np.stack([quits * (slip if there else 1 - slip), found * (1 - slip)])
            total = right.sum()
            out[2, int(there), j] = 1.0 - total
            if total > 0.0:
                v = np.arange(items + 1.0)
                work = np.stack([v, v - 1.0 + hit])
                at = (right * work).sum() / total
                between = (right * (work - at) ** 2).sum() / total
                noise = (right * np.stack([v, v - 1.0 + hit**2])).sum() / total * r2
                out[0, int(there), j] = base + inspect * at
                out[1, int(there), j] = math.sqrt(base_sd**2 + inspect**2 * (between + noise))
    return out[0], out[1], out[2]


def slope(sizes: npt.ArrayLike, rt: npt.ArrayLike) -> float:
    """Least-squares slope of times over set sizes."""
    x, y = np.asarray(_sizes(sizes), float), np.asarray(rt, float)
    if len(x) < 2 or x.shape != y.shape or not np.ptp(x):
        raise InputError("a slope needs a time for each of at least two different set sizes")
    x = x - x.mean()
    return float(x @ y / (x @ x))


def practised(n: npt.ArrayLike, learning: float, shape: float) -> Array:
    """What n instances leave of the mean time of an inspection: (1 + learning n)^(-1/shape). The sd, and the slope over
    set size, fall by the same share."""
    done = np.asarray(n, float)
    for extreme in (done.min(), done.max()) if done.size else ():
        number("n", float(extreme), least=0.0)
    learning = number("learning", learning, least=0.0)
    return np.asarray((1.0 + learning * done) ** (-1.0 / number("shape", shape, above=0.0, infinite=True)))


def _sizes(sizes: npt.ArrayLike) -> list[int]:
    """Set sizes, all whole."""
    try:
        x = np.asarray(sizes, float).reshape(-1)
    except (TypeError, ValueError):
        raise InputError("sizes must be whole numbers") from None
    if not (np.isfinite(x) & (x >= 1) & (x == np.floor(x))).all():
        raise InputError(f"sizes must be whole numbers from 1, got {shown(sizes)}")
    return [int(i) for i in x]


doors(__name__, arrays=True)
