r"""Does a prediction agree with what people did, and better than something simpler? Numbers over people.

Pearson's r and Spearman's rho have 95 % intervals by Fisher's z; for rho with the variance (1 + rho^2 / 2) / (n - 3)
(Bonett & Wright 2000, Psychometrika 65:23). Predictor and baselines are compared by what they miss in people who were
left out: for each person a line is fitted to all others (observed over predictor), and misses by e. The sizes of e of
two predictors differ by a mean over people, with an interval by t. The line of a prediction may not fall: a model that
has the sign wrong has not predicted; that of a baseline may. [approximation: the lines of different people share data]

>>> found = agreement(np.arange(8.0), 2 * np.arange(8.0) + 1, {"raw": np.array([3.0, 1, 2, 5, 4, 7, 0, 6])})
>>> round(found["r"], 6), round(found["slope"], 6), found["verdict"]
(1.0, 2.0, 'better')
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import special, stats

from cogattn.tune.base import Array
from cogattn.tune.measures import correlated

FEW = 30  #: people; with fewer, it is said how wide intervals are
_Z = 1.959964


def fisher(r: float, n: int, extra: float = 0.0) -> tuple[float, float]:
    """The 95 % interval of a correlation of n; extra: share by which the variance of z is larger than 1 / (n - 3).

    >>> [round(end, 2) for end in fisher(0.5, 8)]
    [-0.32, 0.89]
    """
    if n < 4 or not math.isfinite(r):
        return math.nan, math.nan
    z, half = math.atanh(min(max(r, -0.9999999), 0.9999999)), _Z * math.sqrt((1 + extra) / (n - 3))
    return math.tanh(z - half), math.tanh(z + half)


def ranked(x: Array, y: Array) -> float:
    """Spearman's rho."""
    return correlated(stats.rankdata(x), stats.rankdata(y))


def left_out(x: Array, y: Array, rising: bool = False) -> Array:
    """(people,): how far a line through all others misses each one, y over x; x all alike, or a line that falls though
    it must rise: their mean."""
    n, out = len(y), np.empty(len(y))
    for i in range(n):
        rest = np.arange(n) != i
        own, gap = x[rest], np.ptp(x[rest])
        slope = (
            np.cov(own, y[rest])[0, 1] / own.var(ddof=1) if gap > 1e-12 * np.abs(own).max(initial=0) else 0.0
        )
        slope = max(slope, 0.0) if rising else slope
        out[i] = y[i] - (y[rest].mean() + slope * (x[i] - own.mean()))
    return out


def agreement(predicted: Array, observed: Array, baselines: Mapping[str, Array]) -> dict[str, Any]:
    """One measure over people who have it: how predicted and observed go together, and which baseline is the best.

    baselines: other predictors of the same people, by name. verdict: "better", "worse" or "no clear difference", held
    against the baseline that misses least; what misses more than the people's mean alone is not called better.
    """
    n, r = len(observed), correlated(predicted, observed)
    rho = ranked(predicted, observed)
    low, high = fisher(r, n)
    rho_low, rho_high = fisher(rho, n, rho**2 / 2)
    out: dict[str, Any] = {"people": n, "r": r, "r low": low, "r high": high}
    out |= {"spearman": rho, "spearman low": rho_low, "spearman high": rho_high}
    out |= {"bias": float((predicted - observed).mean()), "slope": math.nan}
    if math.isfinite(r):
        out["slope"] = r * float(observed.std() / predicted.std())
    out["error"] = float(np.abs(predicted - observed).mean())
    out |= {f"r {name}": correlated(x, observed) for name, x in baselines.items()}
    mean = np.abs(left_out(np.zeros(n), observed))
    own = np.abs(left_out(predicted, observed, rising=True))
    others = {name: np.abs(left_out(x, observed)) for name, x in baselines.items()}
    best = min(others, key=lambda name: float(others[name].mean()))
    gap = others[best] - own
    half = float(special.stdtrit(n - 1, 0.975) * gap.std(ddof=1) / math.sqrt(n))
    known = float(mean.mean())
    out |= {"left-out error": float(own.mean()), "left-out error of the baseline": float(others[best].mean())}
    out |= {"left-out error of the mean": known, "baseline": best}
    middle = float(gap.mean())
    out |= {"gain": middle / known, "gain low": (middle - half) / known, "gain high": (middle + half) / known}
    better = middle > half and own.mean() < known
    out["verdict"] = "better" if better else "worse" if middle < -half else "no clear difference"
    return out
