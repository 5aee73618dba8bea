"""Whether a fit can be believed: fine, look, or no, with reasons in words and numbers.

    no      do not use these numbers: the data are not what the law is about, or say nothing about what was asked
    look    something is off: read the reasons and look at the figure (`Fit.check`) before you use them
    fine    nothing was found

A statistic that the fit misses by more than a person's own error, and by more than three errors of the mean, is a
reason to look; one that is missed by four of them and by a tenth of a response time, or by .1 of a share, is a no.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from cogattn.parameters import PARAMETERS
from cogattn.tune import scales
from cogattn.tune.base import Array, some
from cogattn.tune.predictive import DRIFT, SHARES, TIMES, Predictive

FINE, LOOK, NO = "fine", "look", "no"
_WORDS = (FINE, LOOK, NO)
_FAR, _MUCH, _SHARE, _DRIFT = 4.0, 0.1, 0.1, 10.0  # own errors; of a time; of a share; percent of a drift
_SURE = 3.0  # errors of a mean
_PERSON = 4.0  # mean z^2 of a person who is missed
_KNOWN, _MANY = 1e-3, 0.25  # how near a bound is at it (of the range); how many people there are too many
_LINE, _APART = 0.98, 0.9  # correlations, between people and of the errors of one
_STRANGE = 4.0  # sd from adults at which the middle of people is
_ADULTS = {p.name for p in PARAMETERS if p.adults is not None}
_TWO, _CROWD = (
    10.0,
    16,
)  # BIC by which two kinds of people are likelier than one; people from which it is asked
_TOLD = 0.5  # of the variance between people: what estimates of them must hold, if they are to tell kinds
#: Where a parameter that ends there is a person who simply has none of it, or all.
_NATURAL = {
    "threshold",
    "alpha",
    "slip",
    "wandering",
    "anticipation",
    "slow_loss",
    "fast_loss",
    "guess",
    "central_share",
}


class Reason(NamedTuple):
    """Why a fit is not simply fine."""

    word: str  #: look or no
    code: str  #: bound, miss, drift, people, chance, sampling, alike, kinds, unknown or adults
    said: str  #: in words and numbers
    value: float = math.nan  #: the number that decides


@dataclass(frozen=True)
class Verdict:
    """fine, look or no; and why.

    >>> Verdict(), Verdict((Reason("look", "bound", "2 people are at the edge"),)).word
    (Verdict(details=()), 'look')
    """

    details: tuple[Reason, ...] = field(default_factory=tuple)

    @property
    def word(self) -> str:
        """The worst of its reasons."""
        return max((r.word for r in self.details), key=_WORDS.index, default=FINE)

    @property
    def reasons(self) -> list[str]:
        """In words, the worst first."""
        return [r.said for r in sorted(self.details, key=lambda r: -_WORDS.index(r.word))]

    def __str__(self) -> str:
        said = "; ".join(self.reasons)
        return f"Verdict: {self.word}: {said or '0 reasons against it'}" + ("" if said.endswith("?") else ".")

    def plain(self) -> dict[str, Any]:
        """As a JSON object."""
        return {"word": self.word, "reasons": self.reasons, "details": [r._asdict() for r in self.details]}


def judged(fit: Any) -> Verdict:
    """All reasons of a fit."""
    own, n = fit.predictive, len(fit.estimates)
    found: list[Reason] = [*fit.doubts, *_bounds(fit), *_unknown(fit), *_sampling(fit.poor, n)]
    found += [*_alike(fit), *_unlike(fit)]
    if own is not None:
        found += [*_missed(own), *_people(own)]
    if n >= _CROWD:
        found += _kinds(fit)
    return Verdict(tuple(found))


def below_chance(frame: pd.DataFrame, chance: float = 0.5) -> list[Reason]:
    """People who are right less often than who presses any key."""
    known = frame.dropna(subset=["correct"])
    own = known.groupby("person", sort=False)["correct"].agg(["sum", "count"])
    low = own[stats.binom.cdf(own["sum"], own["count"], chance) < 1e-3]
    if low.empty:
        return []
    share = float(low["sum"].sum() / low["count"].sum())
    word = NO if len(low) > 0.5 * len(own) else LOOK
    return [
        Reason(
            word, "chance",
            f"{len(low)} of {len(own)} people are below chance: right in {share:.0%} of their trials "
            f"({some(low.index)}): is correct flipped, or are they to be left out?", share,
        )
    ]  # fmt: skip


def _unlike(fit: Any) -> Iterable[Reason]:
    """Numbers of a mind that no adult has: a law that only scales cannot tell a slow person from a wrong unit."""
    for name in fit.params:
        if name in _NATURAL or name in fit.law.others or name not in _ADULTS:
            continue
        scale = scales.SCALES[name]
        z = (np.asarray(scale.latent(fit.estimates[name].to_numpy(float)), float) - scale.mean) / scale.sd
        bounds = fit.intervals[fit.intervals["parameter"] == name]
        wide = np.asarray(scale.latent(bounds["high"]) - scale.latent(bounds["low"]), float)
        error = float(np.median(wide)) / (
            2 * 1.96 * scale.sd * math.sqrt(len(z))
        )  # of the middle, in sd of adults
        middle = float(np.median(z)) / math.sqrt(1 + error**2)
        if abs(middle) > _STRANGE:
            yield Reason(
                LOOK, "adults",
                f"{name} is {fit.estimates[name].median():.3g} in the middle of people, {abs(middle):.1f} sd "
                f"from adults ({float(scale.own(scale.mean)):.3g}): other people, another task, another unit?", middle,
            )  # fmt: skip


def _bounds(fit: Any) -> Iterable[Reason]:
    """Who stands at the end of what can be."""
    for name in fit.params:
        if name in _NATURAL:
            continue
        scale, own = scales.SCALES[name], fit.estimates[name].to_numpy(float)
        low, high = (float(scale.latent(end)) for end in (scale.low, scale.high))
        at = np.asarray(scale.latent(own), float)
        near = _KNOWN * (high - low)
        for who, end in ((at <= low + near, scale.low), (at >= high - near, scale.high)):
            if who.any():
                share = float(who.mean())
                yield Reason(
                    NO if share > _MANY else LOOK, "bound",
                    f"{int(who.sum())} of {len(own)} people reach the bound of {name}, {end:g} {scale.unit}".rstrip()
                    + f" ({some(fit.estimates['person'][who].tolist())}): what lies beyond is not known", share,
                )  # fmt: skip


def _unknown(fit: Any) -> Iterable[Reason]:
    """What the data say nothing about: intervals as wide as all that can be."""
    for name in fit.params:
        scale, own = scales.SCALES[name], fit.intervals[fit.intervals["parameter"] == name]
        low, high = (float(scale.latent(end)) for end in (scale.low, scale.high))
        wide = np.asarray(scale.latent(own["high"]) - scale.latent(own["low"]), float) / (high - low)
        if name not in _NATURAL and np.median(wide) > 0.5:
            yield Reason(
                LOOK, "unknown",
                f"{name} is hardly known: half of the 95 % intervals are wider than {np.median(wide):.0%} of all that "
                "can be; bring more trials, fit people together, or leave it out of --params", float(np.median(wide)),
            )  # fmt: skip


def _sampling(poor: int, n: int) -> Iterable[Reason]:
    if poor:
        yield Reason(
            NO if poor > 0.5 * n else LOOK, "sampling",
            f"{poor} of {n} people's posteriors are poorly sampled (fewer than 20 effective draws): fit fewer "
            "parameters (--params), bring more people or trials, or ask for draws (--posterior)", poor / n,
        )  # fmt: skip


def _alike(fit: Any) -> Iterable[Reason]:
    """Which two numbers cannot be told apart: in a person, or since people differ in one way only."""
    sd = np.sqrt(np.maximum(np.diag(fit.covariance), 1e-300))
    between = fit.covariance / np.outer(sd, sd)
    for i, a in enumerate(fit.params):
        for j in range(i):
            b, r, e = fit.params[j], float(between[i, j]), float(fit.within[i, j])
            if fit.pooled and abs(r) > _LINE:
                yield Reason(
                    LOOK, "alike",
                    f"people lie on a line in {b} and {a} (r = {r:+.2f}): they are too alike to separate the two; fit "
                    f"one (--params), or each alone (--no-pool)", r,
                )  # fmt: skip
            if abs(e) > _APART:
                yield Reason(
                    LOOK, "alike",
                    f"{b} and {a} cannot be told apart in a person (correlation of their errors {e:+.2f}): use neither "
                    "alone, or fit one (--params)", e,
                )  # fmt: skip


def _missed(own: Predictive) -> Iterable[Reason]:
    """Statistics that the fit misses in the mean."""
    t = own.table()
    off = t["off"].abs()
    bad = t[(off > t["own error"]) & (off > _SURE * t["error"])]
    if bad.empty:
        return
    z = bad["off"].abs() / bad["own error"]
    shares = bad["of"].eq(SHARES)
    times = bad["of"].eq(TIMES) & (bad["off"].abs() > _MUCH * bad["seen"].abs())
    drift = bad["statistic"].eq(DRIFT) & (bad["off"].abs() > _DRIFT)
    much = (z > _FAR) & (times | drift | (shares & (bad["off"].abs() > _SHARE)))
    worst = bad.loc[z.idxmax()]
    more = f", and {len(bad) - 1} more of {len(t)}" if len(bad) > 1 else ""
    unit = (
        "" if worst["of"] == SHARES else " ms" if worst["of"] == TIMES else " %" if "%" in worst["of"] else ""
    )
    yield Reason(
        NO if much.any() else LOOK, "drift" if worst["statistic"] == DRIFT else "miss",
        f"the fit misses the data: {worst['condition']}, {worst['statistic']} is {worst['seen']:.3g}{unit}, the fit "
        f"says {worst['fit']:.3g}{unit} (a person's own error: {worst['own error']:.2g}{unit}){more}", float(z.max()),
    )  # fmt: skip


def _people(own: Predictive) -> Iterable[Reason]:
    """People whom it misses."""
    with np.errstate(invalid="ignore"):
        chi = np.nanmean(np.minimum(own.z**2, 1e6), axis=1)
    far = np.isfinite(chi) & (chi > _PERSON)
    if far.mean() > 0.1 or (far.any() and len(far) < 10):
        who = [p for p, bad in zip(own.people, far, strict=True) if bad]
        yield Reason(
            NO if far.mean() > 0.5 and np.nanmedian(chi) > _FAR * _PERSON else LOOK, "people",
            f"{len(who)} of {len(far)} people are not as the fit says ({some(who)}): off by more than "
            f"{math.sqrt(_PERSON):g} of their own errors on the average", float(far.mean()),
        )  # fmt: skip


def _kinds(fit: Any) -> Iterable[Reason]:
    """Two kinds of people where one population was fitted: two normals against one, by BIC. Estimates that hold less
    than half of the variance between people are mostly the population's, and say nothing of kinds."""
    for i, name in enumerate(fit.params):
        x = np.asarray(scales.SCALES[name].latent(fit.estimates[name].to_numpy(float)), float)
        if np.var(x[np.isfinite(x)]) < _TOLD * fit.covariance[i, i]:
            continue
        gain, parts = _two(x)
        if gain > _TWO:
            one, two = (float(scales.SCALES[name].own(m)) for m in parts[:2])
            yield Reason(
                LOOK, "kinds",
                f"people are of two kinds in {name}: about {parts[2]:.0%} around {one:.3g}, the others around "
                f"{two:.3g} (BIC {gain:.0f} better than one normal): one population does not describe them", gain,
            )  # fmt: skip


def _two(x: Array) -> tuple[float, Sequence[float]]:
    """(BIC of one normal less that of two with one spread, (mean, mean, share of the first))."""
    x = x[np.isfinite(x)]
    n = len(x)
    if n < _CROWD or x.std() < 1e-9:
        return -math.inf, (0.0, 0.0, 0.0)
    one = stats.norm.logpdf(x, x.mean(), x.std()).sum()
    best, told = -math.inf, (0.0, 0.0, 0.0)
    for cut in (0.25, 0.5, 0.75):
        a, b, w = *(x[x <= np.quantile(x, cut)].mean(), x[x > np.quantile(x, cut)].mean()), cut
        sd = 0.5 * x.std()
        for _ in range(100):
            p = np.stack(
                [np.log(w) + stats.norm.logpdf(x, a, sd), np.log(1 - w) + stats.norm.logpdf(x, b, sd)]
            )
            top = np.logaddexp(*p)
            first = np.exp(p[0] - top)
            w = float(np.clip(first.mean(), 0.02, 0.98))
            a, b = first @ x / first.sum(), (1 - first) @ x / (1 - first).sum()
            sd = max(math.sqrt(float(first @ (x - a) ** 2 + (1 - first) @ (x - b) ** 2) / n), 0.05 * x.std())
        if top.sum() > best:
            best, told = float(top.sum()), (float(a), float(b), w)
    share = min(told[2], 1 - told[2])
    return (2 * (best - one) - 2 * math.log(n) if share * n >= 3 else -math.inf), told
