r"""Sustained attention: it tires under load, wanders, and recovers. Exact between events, so nothing takes a step.

Deficit pools x in [0, 1] under a load u >= 0 that is constant between events:

    x' = d u (1 - x) - rho x,   rho = rw + rr max(0, 1 - u),   k = d u + rho,   x_inf = d u / k
    x(t) = x_inf + (x0 - x_inf) e^{-k t}
    alertness   A(t) = G (1 - gF xF - gS xS)          attention time  Lambda(t) = integral of A

Races and rates run in attention time. Attention leaves its task with the hazard h = m g (h0 + hF xF + hS xS): the
next lapse is the earliest of three independent clocks, one for each term. The clock of a pool solves
a t + b (1 - e^{-k t}) = E for a unit exponential E; with a = m h x_inf, b = m h (x0 - x_inf) / k, c = a / k, q
= (E - b) / c:

    t = (q + W0((b / c) e^{-q})) / k,  then a Newton step       (at rest, a = 0: t = -ln(1 - E / b) / k if E <
    b, else never)

Hours and days are a slow factor: the Unified Model of Performance (Rajdev et al. 2013, J Theor Biol 331:66;
Ramakrishnan et al. 2016, Sleep 39:249), as `sleepiness`.
Responses are LATER: 1/RT is normal, with a mean proportional to A (Carpenter & Williams 1995, Nature 377:59).

>>> full = pool_rates(1.0, 1 / 54, 1 / 600, 1 / 3)  # the fast pool under full load
>>> round(float(pool_at(0.0, *full, 54.0)), 4)
0.609
>>> monotony([1.0]), monotony([0.5, 0.5])
(1.0, 0.5)
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import scipy
from scipy import special

from cogattn.compiled import compiled
from cogattn.errors import InputError, doors, number, values

Array = npt.NDArray[np.float64]


# -- pools ---------------------------------------------------------------------------------------------------


@compiled
def pool_rates(u, d, rw, rr):  # type: ignore[no-untyped-def]
    """(k, x_inf): how fast a pool moves under load u, and where to."""
    k = d * u + rw + rr * max(0.0, 1.0 - u)
    return k, (d * u / k if k > 0.0 else 0.0)


@compiled
def pool_at(x0, k, x_inf, t):  # type: ignore[no-untyped-def]
    """x(t)."""
    return x_inf + (x0 - x_inf) * math.exp(-k * t)


@compiled
def pool_integral(x0, k, x_inf, t):  # type: ignore[no-untyped-def]
    """The integral of x from 0 to t."""
    if k <= 0.0:
        return x0 * t
    return x_inf * t - (x0 - x_inf) * math.expm1(-k * t) / k


@compiled
def attention_time(t, gF, xF, kF, iF, gS, xS, kS, iS):  # type: ignore[no-untyped-def]
    """Lambda(t) = integral of 1 - gF xF - gS xS: how much attention was there in t seconds."""
    out = t
    if gF != 0.0:
        out -= gF * pool_integral(xF, kF, iF, t)
    if gS != 0.0:
        out -= gS * pool_integral(xS, kS, iS, t)
    return out


@compiled
def attention_clock(work, gF, xF, kF, iF, gS, xS, kS, iS):  # type: ignore[no-untyped-def]
    """When has this much attention been there: the inverse of `attention_time`, by Newton inside a bracket."""
    if (gF == 0.0 and gS == 0.0) or not work < math.inf or work <= 0.0:
        return work
    low, high = work, work / max(1e-300, 1.0 - gF - gS)
    t = work / max(1e-300, 1.0 - gF * xF - gS * xS)
    t = min(max(t, low), high)
    for _ in range(60):
        gap = attention_time(t, gF, xF, kF, iF, gS, xS, kS, iS) - work
        if gap > 0.0:
            high = t
        else:
            low = t
        rate = 1.0 - gF * pool_at(xF, kF, iF, t) - gS * pool_at(xS, kS, iS, t)
        then = t - gap / rate
        if not low <= then <= high:
            then = 0.5 * (low + high)
        if abs(then - t) <= 4e-16 * t:
            return then
        t = then
    return t


# -- the lapse clock -------------------------------------------------------------------------------------------


@compiled
def lambert_w(sign, log_size):  # type: ignore[no-untyped-def]
    """W0(sign * exp(log_size)) for -1/e <= argument: Halley's steps, in logarithms where the argument is huge."""
    if log_size < -700.0 or sign == 0.0:
        return 0.0
    if sign > 0.0 and log_size > 1.0:  # w + ln w = log_size
        w = log_size - math.log(log_size) if log_size > 2.0 else 1.0
        for _ in range(50):
            step = (w + math.log(w) - log_size) / (1.0 + 1.0 / w)
            w -= step
            if abs(step) <= 1e-16 * w:
                break
        return w
    z = sign * math.exp(log_size)
    p = 2.0 * (1.0 + math.e * z)
    if p <= 0.0:
        return -1.0
    w = math.log1p(z) if z > -0.25 else -1.0 + math.sqrt(p) - p / 3.0
    for _ in range(50):
        e = math.exp(w)
        f = w * e - z
        if w == -1.0:
            break
        step = f / (e * (w + 1.0) - (w + 2.0) * f / (2.0 * w + 2.0))
        w -= step
        if abs(step) <= 1e-16 * (1.0 + abs(w)):
            break
    return w


@compiled
def lapse_clock(E, h, k, x_inf, x0):  # type: ignore[no-untyped-def]
    """When the hazard h x(t) has used up E: inf if it never does (a pool at rest may empty first)."""
    if h <= 0.0:
        return math.inf
    if E <= 0.0:
        return 0.0
    a = h * x_inf
    if k <= 0.0:
        return E / (h * x0) if x0 > 0.0 else math.inf
    b = h * (x0 - x_inf) / k
    if a <= 1e-300:
        return -math.log1p(-E / b) / k if b > E else math.inf
    c = a / k
    q = (E - b) / c
    if b == 0.0:
        return E / a
    if b > E and a * -math.log1p(-E / b) < 1e-3 * k * E:  # almost at rest: W0 would lose all digits
        t = -math.log1p(-E / b) / k
    else:
        t = (q + lambert_w(math.copysign(1.0, b), math.log(abs(b) / c) - q)) / k
    t = max(t, 0.0)
    for _ in range(50):  # Newton: one step as a rule; more where W0 is near its branch point
        hazard = h * pool_at(x0, k, x_inf, t)
        if not (hazard > 0.0 and t < math.inf):
            break
        step = (h * pool_integral(x0, k, x_inf, t) - E) / hazard
        t = max(0.0, t - step)
        if abs(step) <= 1e-13 * t:
            break
    return t


def survival(
    t: npt.ArrayLike, h0: float, pools: Sequence[tuple[float, float, float, float]]
) -> npt.NDArray[np.float64]:
    """P(attention is still on its task after t s): exp(-integral of the hazard). pools: (h, k, x_inf, x0)."""
    t = np.asarray(t, float)
    spent = h0 * t
    for h, k, x_inf, x0 in pools:
        spent = spent + h * (x_inf * t - (x0 - x_inf) * np.expm1(-k * t) / k)
    return np.exp(-spent)


# -- load: what a task costs ---------------------------------------------------------------------------------------


def monotony(shares: npt.ArrayLike) -> float:
    """How much the same a task is: the chance that it asks for the same response twice running, sum p^2 [assumption].

    1 = one stimulus, one response; 2 equally likely responses 0.5; four of them 0.25.
    """
    p = np.asarray(shares, float)
    if p.size == 0 or not np.isfinite(p).all() or (p < 0).any() or abs(p.sum() - 1.0) > 1e-6:
        raise InputError(f"shares of responses must be >= 0 and sum to 1, got {np.asarray(shares).tolist()}")
    return float((p**2).sum())


HIGH_RATE = (
    24.0  #: events a minute from which on Parasuraman (1979, Science 205:924) speaks of a high event rate
)


def load(demand: float, monotony: float) -> float:
    """u = demand x monotony: what tires is to be kept busy with more of the same [assumption]."""
    return demand * monotony


def memory_load(memory: float, rate: float) -> float:
    """The load on memory of events (per minute) that each have to be held against a standard in mind.

    It drives a pool with the constants of the slow one, whose recovery it outruns only above the high event rate: so
    sensitivity falls only with both, a load on memory and a high rate (Parasuraman 1979; See et al. 1995).
    """
    return memory * rate / HIGH_RATE


# -- the speeded response ---------------------------------------------------------------------------------------------

EARLIEST = 0.12  #: s; no response that is one comes sooner [assumption]


def later_quantile(p: npt.ArrayLike, mean: float, sd: float, earliest: float = EARLIEST) -> Array:
    """RT below which a share p of responses lies: 1/RT ~ Normal(mean, sd), cut to (0, 1/earliest)."""
    share, sd = values("p", p, least=0.0, most=1.0), number("sd", sd, above=0.0)
    low, high = scipy.stats.norm.cdf([0.0, 1.0 / number("earliest", earliest, above=0.0)], mean, sd)
    return np.asarray(1.0 / scipy.stats.norm.ppf(high - share * (high - low), mean, sd))


def wald_cdf(t: npt.ArrayLike, drift: float, threshold: float, ter: float = 0.0) -> Array:
    """P(RT <= t) of a one-boundary diffusion (inverse Gaussian; Ratcliff & Van Dongen 2011, PNAS 108:11285)."""
    s = np.maximum(np.asarray(t, float) - ter, 1e-12)
    a, v = number("threshold", threshold, least=0.0, most=1e6), number("drift", drift, least=-1e6, most=1e6)
    root = np.sqrt(s)
    tail = np.exp(2 * a * v + special.log_ndtr(-(a + v * s) / root))
    return np.where(np.asarray(t, float) > ter, special.ndtr((v * s - a) / root) + tail, 0.0)


@compiled
def normal_quantile(p):  # type: ignore[no-untyped-def]
    """The standard normal's quantile (Wichura 1988, Appl Stat 37:477, AS241: 16 digits), compiled."""
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        return (
            q
            * (((((((2.5090809287301226727e3 * r + 3.3430575583588128105e4) * r + 6.7265770927008700853e4) * r
            + 4.5921953931549871457e4) * r + 1.3731693765509461125e4) * r + 1.9715909503065514427e3) * r
            + 1.3314166789178437745e2) * r + 3.3871328727963666080e0)
            / (((((((5.2264952788528545610e3 * r + 2.8729085735721942674e4) * r + 3.9307895800092710610e4) * r
            + 2.1213794301586595867e4) * r + 5.3941960214247511077e3) * r + 6.8718700749205790830e2) * r
            + 4.2313330701600911252e1) * r + 1.0)
        )  # fmt: skip
    r = math.sqrt(-math.log(p if q < 0.0 else 1.0 - p))
    if r <= 5.0:
        r -= 1.6
        z = (
            (((((((7.74545014278341407640e-4 * r + 2.27238449892691845833e-2) * r + 2.41780725177450611770e-1) * r
            + 1.27045825245236838258e0) * r + 3.64784832476320460504e0) * r + 5.76949722146069140550e0) * r
            + 4.63033784615654529590e0) * r + 1.42343711074968357734e0)
            / (((((((1.05075007164441684324e-9 * r + 5.47593808499534494600e-4) * r + 1.51986665636164571966e-2) * r
            + 1.48103976427480074590e-1) * r + 6.89767334985100004550e-1) * r + 1.67638483018380384940e0) * r
            + 2.05319162663775882187e0) * r + 1.0)
        )  # fmt: skip
    else:
        r -= 5.0
        z = (
            (((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 1.24266094738807843860e-3) * r
            + 2.65321895265761230930e-2) * r + 2.96560571828504891230e-1) * r + 1.78482653991729133580e0) * r
            + 5.46378491116411436990e0) * r + 6.65790464350110377720e0)
            / (((((((2.04426310338993978564e-15 * r + 1.42151175831644588870e-7) * r + 1.84631831751005468180e-5) * r
            + 7.86869131145613259100e-4) * r + 1.48753612908506148525e-2) * r + 1.36929880922735805310e-1) * r
            + 5.99832206555887937690e-1) * r + 1.0)
        )  # fmt: skip
    return -z if q < 0.0 else z


@compiled
def later(u, mean, sd):  # type: ignore[no-untyped-def]
    """One response time from one number u in (0, 1): 1/RT ~ Normal(mean, sd), cut to (0, 1/EARLIEST)."""
    low = 0.5 * math.erfc(mean / (sd * math.sqrt(2.0)))
    high = 0.5 * math.erfc((mean - 1.0 / EARLIEST) / (sd * math.sqrt(2.0)))
    return 1.0 / (mean + sd * normal_quantile(low + u * (high - low)))


@compiled(nogil=True)
def later_mass(mean, sd):  # type: ignore[no-untyped-def]
    """How much of Normal(mean, sd) lies in (0, 1/EARLIEST): what the density of `later` is divided by."""
    root = sd * math.sqrt(2.0)
    return 0.5 * (math.erfc((mean - 1.0 / EARLIEST) / root) - math.erfc(mean / root))


@compiled(nogil=True)
def later_density(rt, mean, sd, mass):  # type: ignore[no-untyped-def]
    """Density of a response time, 1/s; mass = later_mass(mean, sd)."""
    if rt < EARLIEST:
        return 0.0
    z = (1.0 / rt - mean) / sd
    return math.exp(-0.5 * z * z) / (math.sqrt(2.0 * math.pi) * sd * rt * rt * mass)


@compiled(nogil=True)
def later_after(t, mean, sd, mass):  # type: ignore[no-untyped-def]
    """P(RT > t) for t >= EARLIEST; mass = later_mass(mean, sd)."""
    root = sd * math.sqrt(2.0)
    return 0.5 * (math.erfc((mean - 1.0 / t) / root) - math.erfc(mean / root)) / mass


# -- hours and days ------------------------------------------------------------------------------------------

_U, _WAKE, _SLEEP, _DEBT = (
    24.12,
    40.0,
    1.0,
    97.44,
)  # UMP: asymptote; time constants of S awake, S asleep, L, h
_KAPPA, _PHASE = 4.13, 2.02
_CLOCK = (0.97, 0.22, 0.07, 0.03, 0.0001)
RESTED = 1.87  #: sleepiness of a person who sleeps 23 to 7 h, mean over the hours 9 to 21 (UMP)


def circadian(hour: npt.ArrayLike) -> Array:
    """The clock's part of sleepiness at this hour of the day: five harmonics of 24 h."""
    w = 2 * np.pi * (values("hour", hour, least=-1e9, most=1e9) + _PHASE) / 24
    return np.asarray(sum(a * np.sin((i + 1) * w) for i, a in enumerate(_CLOCK)))


def awake(S: float, L: float, hours: float) -> tuple[float, float]:
    """(pressure S, debt L) after so many hours awake."""
    fade = math.exp(-hours / _DEBT)
    return _U - (_U - S) * math.exp(-hours / _WAKE), L * fade + _U * (1 - fade)


def asleep(S: float, L: float, hours: float) -> tuple[float, float]:
    """(pressure S, debt L) after so many hours asleep. The debt never counts as a credit (max(L, 0))."""
    fast, slow = math.exp(-hours / _SLEEP), math.exp(-hours / _DEBT)
    debt = L * slow - 2 * _U * (1 - slow)
    sleep = S * fast - 2 * _U * (1 - fast) + (L + 2 * _U) * _DEBT / (_DEBT - _SLEEP) * (slow - fast)
    return max(sleep, 0.0), max(debt, 0.0)


def sleepiness(
    hours: npt.ArrayLike, sleep: Sequence[tuple[float, float]], start: tuple[float, float] = (0.0, 0.0)
) -> Array:
    """Sleepiness P = S + kappa C at each time [h since the first midnight], for intervals of sleep (from, to) [h].

    `start` is (S, L) at time 0, where the person wakes if no interval covers it. Exact: closed forms between waking
    and falling asleep.
    """
    times = np.atleast_1d(np.asarray(hours, float))
    bounds = [float(t) for pair in sleep for t in pair]
    if any(b <= a for a, b in itertools.pairwise(bounds)) or (bounds and bounds[0] < 0):
        raise InputError(f"sleep must be intervals (from, to) in hours, one after another, got {list(sleep)}")
    if times.size and (not np.isfinite(times).all() or times.min() < 0):
        raise InputError(f"hours must be finite and >= 0, got {times.min()}")
    out = np.empty(times.shape)
    for i in np.argsort(times):
        S, L = start
        now = 0.0
        for n, bound in enumerate([*bounds, math.inf]):
            until = min(bound, times[i])
            S, L = (asleep if n % 2 else awake)(S, L, until - now)
            now = until
            if now >= times[i]:
                break
        out[i] = S + _KAPPA * float(circadian(times[i] % 24))
    return out


doors(__name__, arrays=True)
