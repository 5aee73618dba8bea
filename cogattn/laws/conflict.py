r"""Deciding: categorisations are counted until one answer leads, while something irrelevant pushes its own answer.

What is on display is categorised again and again: a Poisson process (Bundesen 1990, Psychol Rev 97:523; Logan 1996,
Psychol Rev 103:603; Kyllingsbaek, Markussen & Bundesen 2012, J Exp Psychol HPP 38:628; Blurton, Kyllingsbaek, Nielsen &
Bundesen 2020, Psychol Rev 127:362). Weights decide, as everywhere, who gets how much of it: with the target's weight as
the unit and w the weight of all that is irrelevant together (sqrt(alpha) times what a target like it would weigh), the
target has the share 1 / (1 + w), and

    the right answer gains one     at the rate    rate / (1 + w)

What is irrelevant is not chosen, but it activates its own answer by itself: a pulse that rises and fades (Ulrich,
Schroeter, Leuthold & Birngruber 2015, Cogn Psychol 78:148), in categorisations, for the share w / (1 + w):

    E(t) = a w / (1 + w)  (t / p) e^{1 - t / p}            p: its peak, a: its height there for a share of one
    its answer gains one at the rate E' while E rises (t < p); later one for the other answer at the rate -E'

It may push the right answer (congruent), the other one (incongruent), or none (neutral: it competes, and pushes
nothing). The answer is given when one LEADS by r; an r that is not whole is a mixture of the two next to it. With lead
n, -r < n < r, u and d the rates for and against:

    dP_n / dt = u P_{n-1} + d P_{n+1} - (u + d) P_n

integrated by Runge-Kutta (order 4). Response time is that and `non_decision_time` (to see, to move); the rate varies
from trial to trial. In closed form:

    nothing irrelevant                           Erlang(r, rate): mean r / rate
    many counts, r = c rate, and a rate that varies     c / (1 + variation z): LATER
    two steady rates u, d                        error 1 / (1 + (u / d)^r): the gambler's ruin (`ruin`)

A pulse that fades before slow responses are given disturbs the fast ones most (Simon: the delay falls with the
quantile); one that outlasts them disturbs the slow ones most (flankers, Stroop: it rises). Errors are fast. Numbers:
`simulations/where_do_the_conflict_numbers_come_from.py`.

>>> pushed(1.0, 0.05, 0.05), float(pushed(1.0, 0.05, 0.0))    # its height at the peak, and before
(1.0, 0.0)
>>> flanker = Conflict(rate=45.0, lead=3, weight=0.44, activation=3.0, peak=0.06, non_decision_time=0.36)
>>> easy, hard = flanker.summary("congruent"), flanker.summary("incongruent")
>>> round(easy.mean, 3), round(easy.error, 3), hard.mean > easy.mean, hard.error > easy.error
(0.433, 0.0, True, True)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy
from scipy import special

from cogattn._renamed import old_fields
from cogattn.compiled import compiled
from cogattn.errors import InputError, choice, doors, number, values, whole

Array = npt.NDArray[np.float64]

KINDS = ("congruent", "neutral", "incongruent")
FIFTHS, QUANTILES = 5, (0.1, 0.3, 0.5, 0.7, 0.9)
SLOWEST = 0.2  # the slowest trial, as a share of the mean rate
#: How much of alpha acts on what is told: the weight of a distractor is alpha ** SELECTED. Who reports letters well
#: beside others is not as much better where the others push a response (people_across_tasks_correlations).
SELECTED = 0.5

_NODES = 9  # rates that stand for all
_GRID = np.polynomial.legendre.leggauss(64)  # on which they are sought, made once

# -- compiled: what a mind uses ----------------------------------------------------------------------------------


@compiled(arrays=True)
def pushed(height, peak, t):  # type: ignore[no-untyped-def]
    """E(t): what the irrelevant has pushed its answer by, t after it began; height: at the peak."""
    if t <= 0.0 or peak <= 0.0:
        return 0.0
    x = t / peak
    return height * x * math.exp(1.0 - x)


@compiled(arrays=True)
def push_rate(height, peak, t):  # type: ignore[no-untyped-def]
    """E'(t), 1/s: above 0 while it rises, below 0 while it fades."""
    x = t / peak
    return height / peak * (1.0 - x) * math.exp(1.0 - x)


@compiled
def push_time(share, peak):  # type: ignore[no-untyped-def]
    """When the pulse has made so much of its way: share in (0, 1) up to its height, in (1, 2) down again; inf beyond.

    x e^{1 - x} = y, solved for x by Newton's steps from a start on the right side of 1.
    """
    if not share < 2.0:
        return math.inf
    y = share if share <= 1.0 else 2.0 - share
    if y <= 0.0:
        return 0.0 if share < 1.0 else math.inf
    gap = -math.log(y)  # x - 1 - ln x = gap
    if gap <= 0.0:
        return peak
    near = math.sqrt(2.0 * gap)
    x = 1.0 + near + gap / 1.5 if share > 1.0 else math.exp(-(gap + 1.0)) if gap > 1.0 else 1.0 / (1.0 + near)
    for _ in range(60):
        slope = 1.0 - 1.0 / x
        if slope == 0.0:
            break
        step = (x - 1.0 - math.log(x) - gap) / slope
        then = x - step
        if then <= 0.0:
            then = 0.5 * x
        if abs(then - x) <= 1e-15 * x:
            x = then
            break
        x = then
    return peak * x


@compiled(arrays=True)
def decided(lead, r):  # type: ignore[no-untyped-def]
    """1: the right answer is given at this lead, -1: the wrong one, 0: none yet. r is whole."""
    return 1 if lead >= r else (-1 if -lead >= r else 0)


@compiled(arrays=True)
def _flow(p, out, r, up, down):  # type: ignore[no-untyped-def]
    """The master equation: out = dp/dt. States: lead 1 - r .. r - 1; the last two are the answers, right and wrong."""
    n = 2 * r - 1
    for s in range(n):
        gain = -(up + down) * p[s]
        if s > 0:
            gain += up * p[s - 1]
        if s < n - 1:
            gain += down * p[s + 1]
        out[s] = gain
    out[n] = up * p[n - 1]
    out[n + 1] = down * p[0]


@compiled(arrays=True)
def _solve(steps, dt, part, rate, height, peak, speaks, r):  # type: ignore[no-untyped-def]
    """(steps + 1, 2): P(right answer by t), P(wrong answer by t), t = 0, dt, ...; each dt in `part` steps."""
    n = 2 * r + 1
    out = np.zeros((steps + 1, 2))
    p, h = np.zeros(n), dt / part
    p[r - 1] = 1.0
    k1, k2, k3, k4 = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    up, down = np.empty(3), np.empty(3)
    for i in range(steps):
        for j in range(part):
            for at in range(3):
                push = 0.0
                if height > 0.0 and speaks != 0:
                    push = speaks * push_rate(height, peak, i * dt + (j + 0.5 * at) * h)
                up[at], down[at] = rate + max(push, 0.0), max(-push, 0.0)
            _flow(p, k1, r, up[0], down[0])
            _flow(p + h / 2 * k1, k2, r, up[1], down[1])
            _flow(p + h / 2 * k2, k3, r, up[1], down[1])
            _flow(p + h * k3, k4, r, up[2], down[2])
            p += h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        out[i + 1] = p[n - 2], p[n - 1]
    return out


@compiled(arrays=True)
def scaled_tail(x):  # type: ignore[no-untyped-def]
    """e^{x^2} erfc(x), for x above -6; beyond 20 by its series."""
    if x < 20.0:
        return math.exp(x * x) * math.erfc(x)
    z = 1.0 / (2.0 * x * x)
    return (1.0 - z * (1.0 - 3.0 * z * (1.0 - 5.0 * z))) / (x * math.sqrt(math.pi))


@compiled(arrays=True)
def unopposed_density(t, pace, speed, sd, lead):  # type: ignore[no-untyped-def]
    """Density of how long counting takes where nothing speaks against it: Erlang(r, pace x speed), speed normal and cut
    at its slowest s = `SLOWEST` speed, r a mixture of the two next to `lead`. With y = pace t it is
    pace y^{r-1} / (r-1)! E[v^r e^{-v y}], and with u normal about m = speed - sd^2 y

        E = e^{-speed y + sd^2 y^2 / 2} E[u^r; u > s] + P(v < s) s^r e^{-s y}
        E[u^k; u > s] = m E[u^{k-1}; u > s] + (k - 1) sd^2 E[u^{k-2}; u > s] + sd^2 s^{k-1} density of u at s
    """
    if t <= 0.0:
        return 0.0
    y, low, slow = pace * t, math.floor(lead), SLOWEST * speed
    r, share = int(low), lead - low
    middle = speed - sd * sd * y
    over, rest = 0.0, 0.0
    if middle >= slow + 6.0 * sd:  # nothing is cut
        scale, tail, edge = math.exp(-speed * y + 0.5 * sd * sd * y * y), 1.0, 0.0
    else:
        away, over = (slow - speed) / sd, (slow - middle) / sd
        scale = math.exp(-slow * y - 0.5 * away * away)
        tail, edge = 0.5 * scaled_tail(over / math.sqrt(2.0)), sd / math.sqrt(2.0 * math.pi)
        rest = 0.5 * math.erfc(-away / math.sqrt(2.0)) * slow**r * math.exp(-slow * y)
    if over > 1.5:  # forwards they would cancel: (s + x)^k by ratios of the moments of x, backwards
        ratio, one, two = 0.0, 1.0, 1.0
        for j in range(r + 40, 0, -1):
            ratio = j / (over / sd + ratio / (sd * sd))
            if j <= r + 1:
                two = 1.0 + (r + 2 - j) / j * ratio / slow * two
            if j <= r:
                one = 1.0 + (r + 1 - j) / j * ratio / slow * one
        one, two = tail * slow**r * one, tail * slow ** (r + 1) * two
    else:
        before, one, at = 0.0, tail, edge
        for k in range(1, r + 1):
            before, one = one, middle * one + (k - 1) * sd * sd * before + at
            at *= slow
        two = middle * one + r * sd * sd * before + at
    one, two = scale * one + rest, scale * two + rest * slow
    way = pace
    for k in range(1, r):
        way *= y / k
    return way * ((1.0 - share) * one + share * two * y / r)


def cut_normal(low: float, n: int) -> tuple[Array, Array]:
    """Nodes and weights of a standard normal above `low`: Gauss's, by Stieltjes' recurrence on a fine grid. The weights
    add up to the part that lies there.

    >>> z, w = cut_normal(-1.0, 5)
    >>> round(float(w.sum()), 9), round(float(w @ z), 9)     # 1 - Phi(-1), and the density at -1
    (0.841344746, 0.241970725)
    """
    low, n = number("low", low, most=6), whole("n", n, least=1, most=20)
    (x, w), low = _GRID, max(low, -8.0)  # below there is nothing
    x, w = low + (x + 1) * (8.0 - low) / 2, w * (8.0 - low) / 2
    w = w * np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    before, here, norm = np.zeros_like(x), np.ones_like(x), 1.0
    middle, beside = np.zeros(n), np.zeros(n)
    for k in range(n):
        size = float(w @ here**2)
        middle[k], beside[k] = float(w @ (x * here**2)) / size, size / norm if k else size
        before, here, norm = here, (x - middle[k]) * here - (beside[k] if k else 0.0) * before, size
    nodes, axes = np.linalg.eigh(
        np.diag(middle) + np.diag(np.sqrt(beside[1:]), 1) + np.diag(np.sqrt(beside[1:]), -1)
    )
    return nodes, np.asarray(beside[0] * axes[0] ** 2)


# -- the law ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Summary:
    """What is seen of a choice: mean and sd of right response times, errors, accuracy by fifth, quantiles [s]."""

    mean: float
    sd: float
    error: float
    accuracy: Array
    """Accuracy of the fastest, ..., slowest fifth of all responses (conditional accuracy function)."""
    quantiles: Array
    """Of right response times, at `QUANTILES`. Their difference between two kinds is the delta plot."""


@old_fields(
    {
        "narrowing": "what is irrelevant pushes its answer in a pulse: activation, peak",
        "rule": "answers lead",
    },
    other="non_decision_time",
    other_sd="non_decision_sd",
)
@dataclass(frozen=True)
class Conflict:
    """One person at one task. Times in s, rates in 1/s."""

    rate: float
    """Categorisations of a target alone per second, on average over trials."""
    lead: float
    """r: how many more must speak for one answer than for the other."""
    weight: float = 0.0
    """w, of all that is irrelevant together; the target's is 1."""
    activation: float = 0.0
    """a, by how many categorisations what is irrelevant would push its answer if all attention were its own."""
    peak: float = 0.1
    """p, when that push is at its height, and begins to fade."""
    non_decision_time: float = 0.0
    """Mean time before and after counting."""
    non_decision_sd: float = 0.0
    """Its sd, from trial to trial."""
    variation: float = 0.0
    """sd of the rate from trial to trial, as a share of its mean."""
    slip: float = 0.0
    """How often the wrong key is pressed though the answer is known."""

    def __post_init__(self) -> None:
        number("rate", self.rate, above=0, most=1e6, unit="1/s")
        number("lead", self.lead, least=1, most=50)
        number("weight", self.weight, least=0, most=1e9)
        number("activation", self.activation, least=0, most=1000, unit="categorisations")
        number("peak", self.peak, above=0, most=3600, unit="s")
        number("non_decision_time", self.non_decision_time, least=0, most=3600, unit="s")
        number("non_decision_sd", self.non_decision_sd, least=0, most=3600, unit="s")
        number("variation", self.variation, least=0, most=0.5)
        number("slip", self.slip, least=0, most=1)

    def answers(self, kind: str, step: float | None = None) -> tuple[Array, Array]:
        """(t, P): P(right answer by t), P(wrong answer by t), until 1e-9 is undecided; without `non_decision_time`
        and `slip`.

        Off by less than 1e-6, at a variation of .5 by 3e-5 (tested; a step is at most a 20th of what is counted;
        variation: 9 Gauss nodes of the normal above its slowest rate, and that rate).
        """
        speaks = {"congruent": 1, "neutral": 0, "incongruent": -1}[choice("kind of trial", kind, KINDS)]
        share = 1.0 / (1.0 + self.weight)
        own, height = self.rate * share, self.activation * (1.0 - share)
        steepest = height * math.e / self.peak
        dt = 0.05 / max(own, min(steepest, 20 * own)) if step is None else number("step", step, above=0)
        part = max(1, math.ceil(dt * (own + steepest) / 0.05 - 1e-9))
        if height > 0.0:
            part = max(part, min(64, math.ceil(8.0 * dt / self.peak)))
        steps = math.ceil(8.0 * (self.lead + 1.0) / own / dt)
        while True:
            got = self._mixed(speaks, steps, dt, part, own, height)
            if got[-1].sum() > 1.0 - 1e-9:
                return np.asarray(np.arange(steps + 1) * dt, float), got
            if steps > 2_000_000:
                raise InputError(
                    "no answer is ever given: rate is too low, or the irrelevant weight too large"
                )
            steps *= 2

    def _mixed(self, speaks: int, steps: int, dt: float, part: int, own: float, height: float) -> Array:
        """The mixture over r and over rates."""
        low = math.floor(self.lead)
        got = np.zeros((steps + 1, 2))
        paces, parts = np.ones(1), np.ones(1)
        if self.variation > 0.0:
            z, parts = cut_normal((SLOWEST - 1.0) / self.variation, _NODES)
            paces, parts = np.append(1.0 + self.variation * z, SLOWEST), np.append(parts, 1.0 - parts.sum())
        for r, share in ((low, low + 1.0 - self.lead), (low + 1, self.lead - low)):
            if share <= 0.0:
                continue
            for pace, weight in zip(own * paces, parts, strict=True):
                got += share * weight * _solve(steps, dt, part, pace, height, self.peak, speaks, r)
        return got

    def responses(self, kind: str) -> tuple[Array, Array]:
        """(t, P): P(right response by t), P(wrong response by t), with `non_decision_time` and `slip`."""
        t, p = self.answers(kind)
        dt = float(t[1])
        if self.non_decision_sd > 0.0:
            m = math.ceil(6.0 * self.non_decision_sd / dt)
            edges = special.ndtr(np.arange(-m - 0.5, m + 1.0) * dt / self.non_decision_sd)
            longer = np.concatenate([np.zeros((m, 2)), p, np.repeat(p[-1:], 2 * m, 0)])
            p = np.stack([scipy.signal.fftconvolve(x, np.diff(edges))[m : len(x)] for x in longer.T], 1)
            p = np.maximum.accumulate(np.maximum(p, 0.0))
            t = np.asarray((np.arange(len(p)) - m) * dt, float)
        return t + self.non_decision_time, np.asarray((1.0 - self.slip) * p + self.slip * p[:, ::-1])

    def summary(self, kind: str) -> Summary:
        """Means, errors, accuracy by fifth and quantiles."""
        t, p = self.responses(kind)
        p = p / p[-1].sum()
        right, every, middle = p[:, 0], p.sum(1), (t[1:] + t[:-1]) / 2
        part = np.diff(right) / right[-1]
        mean = float(part @ middle)
        ends = np.interp(np.arange(FIFTHS + 1) / FIFTHS, every, right)
        return Summary(
            mean,
            math.sqrt(float(part @ (middle - mean) ** 2)),
            float(1.0 - right[-1]),
            np.diff(ends) * FIFTHS,
            np.interp(np.asarray(QUANTILES) * right[-1], right, t),
        )


# -- closed forms -------------------------------------------------------------------------------------------------


def ruin(r: npt.ArrayLike, up: npt.ArrayLike, down: npt.ArrayLike) -> tuple[Array, Array]:
    """(error, mean decision time) of steady rates for the right answer and the other: the gambler's ruin. r is whole.

    >>> [round(float(x), 3) for x in ruin(2, 3.0, 1.0)]
    [0.1, 0.8]
    """
    r, u, d = values("r", r, least=0.0), values("up", up, least=0.0), values("down", down, least=0.0)
    even = np.isclose(u, d)
    odds = np.where(even, 1.0, u / d)
    error = 1.0 / (1.0 + odds**r)
    drift = np.where(even, 1.0, u - d)
    return error, np.where(even, r * r / (u + d), r * (1.0 - 2.0 * error) / drift)


def unopposed(u: Array, pace: float, speed: float, sd: float, lead: float) -> Array:
    """Times of counting where nothing speaks against it, from even numbers u (..., 3): how fast, which r, how long."""
    v = np.maximum(speed + sd * special.ndtri(u[..., 0]), SLOWEST * speed)
    low = math.floor(lead)
    r = np.where(u[..., 1] < lead - low, low + 1, low)
    return np.asarray(special.gammaincinv(r, u[..., 2]) / (pace * v))


def exchanged(weight: npt.ArrayLike, strength: npt.ArrayLike) -> Array:
    """The irrelevant weight when what was irrelevant becomes the target and the target irrelevant.

    The irrelevant has `strength` times the target's strength (words are read all day, colours are hardly named), times
    what the task leaves of it, and this is the same either way: weight = strength x left becomes left / strength.
    """
    k = np.asarray(strength, float)
    if not (k > 0.0).all():
        raise InputError("strength must be > 0")
    return np.asarray(weight, float) / k**2


doors(__name__, arrays=True)
