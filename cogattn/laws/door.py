r"""The door of the store: while a first target is consolidated a second one is lost (the attentional blink).

After Chun & Potter 1995, J Exp Psychol HPP 21:109. The first target locks the door for D ~ N(mu, sd); a second one, s
later, is lost while it is locked, unless it slips in behind the first (q, up to W):

    P(s) = p [F_D(s) + (1 - F_D(s)) q 1(s <= W)]

Where both have to be encoded, at the rate v before their masks, and D has counts / v added: `blink_encoded`.

>>> blink([100, 300, 800], p=0.9, mean=350, sd=100, sparing=0.8, window=150).round(3)
array([0.721, 0.278, 0.9  ])
>>> how = {"shown": 0.1, "threshold": 0.01, "mean": 0.25, "sd": 0.1, "counts": 2.0, "sparing": 1.0, "window": 0.15}
>>> blink_encoded([0.1, 0.2, 0.4, 0.8], rate=30, **how).round(2)
array([0.71, 0.28, 0.86, 0.93])
>>> blink_encoded([0.1, 0.2, 0.4, 0.8], rate=10, **how).round(2)  # less clear: fewer, and the door is locked for longer
array([0.33, 0.02, 0.3 , 0.59])
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import special

from cogattn.errors import doors, number, values

Array = npt.NDArray[np.float64]


def locked(s: Array, mean: float, sd: float) -> Array:
    """P(D > s), D ~ N(mean, sd)."""
    if sd == 0.0:
        return np.where(mean > s, 1.0, 0.0)
    return np.asarray(special.ndtr((mean - s) / sd))


def blink(soa: npt.ArrayLike, p: float, mean: float, sd: float, sparing: float, window: float) -> Array:
    """P(second target | first) after `soa`: p [F_D + (1 - F_D) q 1(soa <= window)]. D below 0 counts as 0."""
    return blink_buffered(soa, p, mean, sd, sparing, window, decay=0.0)


def blink_buffered(
    soa: npt.ArrayLike, p: float, mean: float, sd: float, sparing: float, window: float, decay: float
) -> Array:
    """`blink` with a buffer: what finds the door locked waits, and decays with the time constant `decay`.

    The part that `blink` loses comes back times E[exp(-(D - s) / decay) | D > s]. decay = 0 is a masked target
    (`blink` itself), decay = infinity one that nothing follows: no blink, p at every soa.
    """
    s = values("soa", soa, least=0.0)
    p, sparing = number("p", p, least=0.0, most=1.0), number("sparing", sparing, least=0.0, most=1.0)
    mean, sd = number("mean", mean), number("sd", sd, least=0.0)
    window = number("window", window, least=0.0, infinite=True)
    decay = number("decay", decay, least=0.0, infinite=True)
    late, spared = locked(s, mean, sd), np.where(s <= window, sparing, 0.0)
    return p * (1.0 - late + late * spared + _waited_out(s, mean, sd, decay) * (1.0 - spared))


def blink_encoded(
    soa: npt.ArrayLike,
    shown: float,
    rate: npt.ArrayLike,
    threshold: npt.ArrayLike,
    mean: float,
    sd: float,
    counts: float,
    sparing: float,
    window: float,
) -> Array:
    """P(T2 | T1) of two targets that are encoded at `rate` v from t0 (`threshold`) after their onset to their masks.

    T1 locks the door from its encoding on, for D = N(mean, sd) + counts / v. T2 gets in if the door opens before its
    mask, or, with `sparing`, if it is encoded within `window` of T1's onset. With p = 1 - exp(-v (shown - t0)), the
    same for both, this is p F + (1 - F) q p_W; F, of an exponential that ends before T1's mask and a normal time, is
    exact. `soa`, `rate` and `threshold` are broadcast together.
    """  # fmt: skip
    s, v = values("soa", soa, least=0.0), values("rate", rate, above=0.0)
    d = number("shown", shown, above=0.0)
    t0 = values("threshold", threshold, least=0.0)
    mean, sd = number("mean", mean), number("sd", sd, least=0.0)
    k, q = number("counts", counts, least=0.0), number("sparing", sparing, least=0.0, most=1.0)
    window = number("window", window, least=0.0, infinite=True)
    s, v, t0 = np.broadcast_arrays(s, v, t0)
    time = np.maximum(d - t0, 0.0)
    p, left = -np.expm1(-v * time), s + d - t0 - mean - k / v
    opens = _exgauss(left, sd, v) - (1.0 - p) * _exgauss(left - time, sd, v)
    early = -np.expm1(-v * np.maximum(np.minimum(d, window - s) - t0, 0.0))
    return np.where(p > 0.0, opens + (1.0 - opens / np.where(p > 0.0, p, 1.0)) * q * early, 0.0)


def _exgauss(x: Array, sd: float, rate: Array) -> Array:
    """P(N(0, sd) + Exp(rate) <= x)."""
    if sd == 0.0:
        return -np.expm1(-rate * np.maximum(x, 0.0))
    return special.ndtr(x / sd) - _after(x, sd, rate)


def _waited_out(s: Array, mean: float, sd: float, decay: float) -> Array:
    """E[exp(-(D - s) / decay); D > s], `_after` with 1 / decay for its rate."""
    if decay == 0.0:
        return np.zeros_like(s)
    if math.isinf(decay):
        return locked(s, mean, sd)
    if sd == 0.0:
        return np.where(mean > s, np.exp(-np.maximum(mean - s, 0.0) / decay), 0.0)
    return _after(mean - s, sd, 1.0 / decay)


def _after(x: Array, sd: float, rate: npt.ArrayLike) -> Array:
    """P(N(0, sd) < x < N(0, sd) + Exp(rate)) = exp(a^2 / 2 - a b) Phi(b - a), a = sd rate, b = x / sd."""
    a, b = sd * np.asarray(rate), x / sd
    far = np.maximum(a - b, 0.0)  # here the two factors would be infinity times 0: scaled erfc
    scaled = 0.5 * special.erfcx(far / math.sqrt(2)) * np.exp(-b * b / 2)
    return np.where(a >= b, scaled, np.exp(np.where(a >= b, 0.0, a * (a / 2 - b))) * special.ndtr(b - a))


doors(__name__, arrays=True)
