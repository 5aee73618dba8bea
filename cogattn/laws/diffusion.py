r"""Decisions by evidence that diffuses, in exact form; and the laws of conflict that other laboratories use, solved.

Evidence drifts at v with noise 1 from w a (0 < w < 1) until it reaches a or 0 (Ratcliff 1978, Psychol Rev 85:59). The
density of the time at which it reaches 0 is a series that converges fast for small times or for large ones; the better
one is taken, with as many terms as its error asks for (Navarro & Fuss 2009, J Math Psychol 53:222):

    f(t | v, a, w) = exp(-v a w - v^2 t / 2) / a^2  f(t / a^2 | 0, 1, w)

a drift that is normal from trial to trial (mean v, sd s) is integrated in closed form (Tuerlinckx 2004). At a, the same
with -v and 1 - w. With one boundary it is Wald's:     f(t) = a / sqrt(2 pi t^3) exp(-(a - v t)^2 / (2 t))

Counted evidence (`laws.conflict` without what is irrelevant): one more at the rate u, one less at d, an answer at a
lead of r or -r. The lead is a chain of 2 r - 1 states whose eigenvectors are sines, so

    f(t) = sqrt(u d) (u / d)^{r / 2} / r  sum_k sin(k pi / 2) sin(x_k (2 r - 1)) e^{-t (u + d - 2 sqrt(u d) cos x_k)}

with x_k = k pi / (2 r), k = 1 .. 2 r - 1, is the density of the right answer; that of the wrong one is (d / u)^r of it.
An r that is not whole is a mixture of the two next to it.

A drift that changes with time has no closed form; `walked` solves for it (Crank-Nicolson on a grid of evidence):

    DMC        v(t) = v +- d/dt A e^{1 - t / p} t / p                   (Ulrich et al. 2015, Cogn Psychol 78:148)
    spotlight  v(t) = v (c +- (1 - c)), c = 2 Phi(1 / (2 s)) - 1, s = max(s0 - r t, .001)      (White, Ratcliff &
               Starns 2011, Cogn Psychol 63:210: a target one unit wide, flankers on both sides of it)

>>> f = wiener(np.array([0.3, 0.6]), 1.0, 2.0, 0.5, 0.0)     # density at the upper end, at the lower one
>>> f.round(4).tolist()
[[1.0729, 0.1452], [0.7484, 0.1013]]
>>> wrong = counted(np.linspace(0, 4, 4001), 3.0, 12.0, 4.0)[:, 1]
>>> round(float(np.trapezoid(wrong, dx=0.001)), 4), round(1 / (1 + 3**3), 4)
(0.0357, 0.0357)
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import special

from cogattn.compiled import compiled

Array = npt.NDArray[np.float64]

_ERROR = 1e-9  # of the standard density, at most
_LEAST = 0.001  # of the width of a spotlight

# -- two boundaries ----------------------------------------------------------------------------------------------


@compiled(nogil=True)
def _standard(t, w):  # type: ignore[no-untyped-def]
    """Density of reaching 0 from w between 0 and 1 without drift, in units of a^2."""
    few = 2.0  # terms that the series for small times needs; for large ones: many
    if 2.0 * math.sqrt(2.0 * math.pi * t) * _ERROR < 1.0:
        few = 2.0 + math.sqrt(-2.0 * t * math.log(2.0 * _ERROR * math.sqrt(2.0 * math.pi * t)))
        few = max(few, math.sqrt(t) + 1.0)
    many = 1.0 / (math.pi * math.sqrt(t))
    if math.pi * t * _ERROR < 1.0:
        many = max(many, math.sqrt(-2.0 * math.log(math.pi * t * _ERROR) / (math.pi**2 * t)))
    total = 0.0
    if few < many:
        n = math.ceil(few)
        for k in range(-((n - 1) // 2), n // 2 + 1):
            x = w + 2.0 * k
            total += x * math.exp(-x * x / (2.0 * t))
        return max(0.0, total / math.sqrt(2.0 * math.pi * t**3))
    for k in range(1, math.ceil(many) + 1):
        total += k * math.exp(-k * k * math.pi**2 * t / 2.0) * math.sin(k * math.pi * w)
    return max(0.0, total * math.pi)


@compiled(nogil=True)
def wiener_density(t, v, a, w, sd):  # type: ignore[no-untyped-def]
    """Density of reaching 0 at t; sd: of the drift from trial to trial."""
    if t <= 0.0:
        return 0.0
    more = 1.0 + sd * sd * t
    gone = (sd * sd * a * a * w * w - 2.0 * a * v * w - v * v * t) / (2.0 * more)
    return math.exp(gone) / (math.sqrt(more) * a * a) * _standard(t / (a * a), w)


@compiled(nogil=True)
def wald_density(t, v, a):  # type: ignore[no-untyped-def]
    """Density of reaching a, and nothing else, at t."""
    if t <= 0.0:
        return 0.0
    gap = a - v * t
    return a / math.sqrt(2.0 * math.pi * t**3) * math.exp(-gap * gap / (2.0 * t))


@compiled(nogil=True, arrays=True)
def _wiener(t, v, a, w, sd, out):  # type: ignore[no-untyped-def]
    for i in range(len(t)):
        out[i, 0] = wiener_density(t[i], -v, a, 1.0 - w, sd)
        out[i, 1] = wiener_density(t[i], v, a, w, sd)


def wiener(t: npt.ArrayLike, v: float, a: float, w: float, sd: float) -> Array:
    """(t, 2): densities of reaching the upper end, and the lower one."""
    t = np.asarray(t, float)
    out = np.empty((len(t), 2))
    _wiener(t, float(v), float(a), float(w), float(sd), out)
    return out


def wiener_error(v: npt.ArrayLike, a: npt.ArrayLike, w: npt.ArrayLike) -> Array:
    """P(the lower end is reached), drift v.

    >>> round(float(wiener_error(1.0, 2.0, 0.5)), 4)
    0.1192
    """
    v, a, w = np.asarray(v, float), np.asarray(a, float), np.asarray(w, float)
    still = np.abs(v * a) < 1e-9
    x = np.where(still, 1.0, -2.0 * v * a)
    return np.asarray(np.where(still, 1.0 - w, (np.exp(x) - np.exp(x * w)) / np.expm1(x)))


# -- counted -----------------------------------------------------------------------------------------------------


@compiled(nogil=True, arrays=True)
def _whole(t, r, u, d, share, out):  # type: ignore[no-untyped-def]
    """The density of the right answer at a whole lead, times share, added to out[:, 0]; the wrong one's beside it."""
    if r == 1:
        for i in range(len(t)):
            if t[i] > 0.0:
                gone = share * math.exp(-(u + d) * t[i])
                out[i, 0] += u * gone
                out[i, 1] += d * gone
        return
    n, root = 2 * r, math.sqrt(u * d)
    ratio = (d / u) ** r
    scale = share * root * (u / d) ** (0.5 * r) / r
    for i in range(len(t)):
        if t[i] <= 0.0:
            continue
        total = 0.0
        for k in range(1, n, 2):  # for even k the first sine is 0
            sign = 1.0 if k % 4 == 1 else -1.0
            angle = k * math.pi / n
            total += (
                sign * math.sin(angle * (n - 1)) * math.exp(-t[i] * (u + d - 2.0 * root * math.cos(angle)))
            )
        total = max(0.0, total * scale)
        out[i, 0] += total
        out[i, 1] += total * ratio


@compiled(nogil=True, arrays=True)
def counted_into(t, r, u, d, share, out):  # type: ignore[no-untyped-def]
    """`counted`, times share, added to out."""
    low = math.floor(r)
    _whole(t, int(low), u, d, share * (low + 1.0 - r), out)
    if r > low:
        _whole(t, int(low) + 1, u, d, share * (r - low), out)


def counted(t: npt.ArrayLike, r: float, u: float, d: float) -> Array:
    """(t, 2): densities of the right and of the wrong answer, counted at the rates u > 0, d > 0 to a lead of r."""
    t = np.asarray(t, float)
    out = np.zeros((len(t), 2))
    counted_into(t, float(r), float(u), float(d), 1.0, out)
    return out


# -- a drift that changes ------------------------------------------------------------------------------------------


def dmc_drift(t: npt.ArrayLike, v: float, height: float, peak: float, speaks: int) -> Array:
    """Drift under DMC: the pulse of what is irrelevant has this height, at this time."""
    x = np.asarray(t, float) / peak
    return np.asarray(v + speaks * height / peak * (1.0 - x) * np.exp(1.0 - x))


def spotlight_drift(t: npt.ArrayLike, v: float, width: float, shrinks: float, speaks: int) -> Array:
    """Drift under a spotlight that shrinks: from `width` by `shrinks` a second."""
    s = np.maximum(width - shrinks * np.asarray(t, float), _LEAST)
    target = special.erf(0.5 / (s * math.sqrt(2.0)))
    return np.asarray(v * (target + speaks * (1.0 - target)))


@compiled(nogil=True, arrays=True)
def walked_into(drift, dt, a, nodes, out):  # type: ignore[no-untyped-def]
    """(steps + 1, 2) P(upper end by t), P(lower end by t): drift[i] holds in step i, noise 1, from the middle of 2 a.

    Crank-Nicolson; the first four steps are taken backwards, in halves, since all begin in one place (Rannacher 1984).
    """
    n = 2 * nodes - 1  # inner places
    dx = a / nodes
    base = 0.5 / (dx * dx)
    p, right, c = np.zeros(n), np.empty(n), np.empty(n)
    p[nodes - 1] = 1.0
    out[0, 0] = out[0, 1] = 0.0
    for i in range(len(drift)):
        # rates to the place above and to that below; exponential in the drift, so that none falls below 0
        pull = math.exp(max(-30.0, min(30.0, drift[i] * dx)))
        up, down = base * pull, base / pull
        halves = 2 if i < 4 else 1
        for half in range(halves):
            h = dt / halves
            now, then = (0.0, h) if i < 4 else (0.5 * h, 0.5 * h)
            top, foot = now * up * p[n - 1], now * down * p[0]
            leave = up + down
            for s in range(n):
                gain = (1.0 - now * leave) * p[s]
                if s > 0:
                    gain += now * up * p[s - 1]
                if s < n - 1:
                    gain += now * down * p[s + 1]
                right[s] = gain
            middle = 1.0 + then * leave
            lower, upper = -then * up, -then * down
            c[0] = upper / middle
            right[0] /= middle
            for s in range(1, n):
                m = middle - lower * c[s - 1]
                c[s] = upper / m
                right[s] = (right[s] - lower * right[s - 1]) / m
            p[n - 1] = right[n - 1]
            for s in range(n - 2, -1, -1):
                p[s] = right[s] - c[s] * p[s + 1]
            out[i + 1, 0] = (out[i, 0] if half == 0 else out[i + 1, 0]) + top + then * up * p[n - 1]
            out[i + 1, 1] = (out[i, 1] if half == 0 else out[i + 1, 1]) + foot + then * down * p[0]


def walked(drift: npt.ArrayLike, dt: float, a: float, nodes: int = 60) -> Array:
    """(steps + 1, 2): P(upper end by t), P(lower end by t), t = 0, dt, ...; drift (steps,), ends at a and -a.

    >>> p = walked(np.full(800, 1.0), 0.01, 1.0)
    >>> p[-1].round(3).tolist(), round(float(wiener_error(1.0, 2.0, 0.5)), 3)
    ([0.881, 0.119], 0.119)
    """
    v = np.ascontiguousarray(drift, float)
    out = np.zeros((len(v) + 1, 2))
    walked_into(v, float(dt), float(a), nodes, out)
    return out
