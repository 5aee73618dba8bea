r"""A choice while something irrelevant speaks for another answer: categorisations are counted until one leads.

What is on display is categorised again and again: a Poisson process of `rate` categorisations per second (Bundesen
1990, Psychol Rev 97:523; Logan 1996, Psychol Rev 103:603; Kyllingsbaek, Markussen & Bundesen 2012, J Exp Psychol HPP
38:628; Blurton, Kyllingsbaek, Nielsen & Bundesen 2020, Psychol Rev 127:362). Weights decide, as everywhere, what the
next one is about. With the target's weight as the unit and w(t) the weight of all that is irrelevant together,

    next is about the irrelevant:   c(t) = w(t) / (1 + w(t)),    w(t) = w0 exp(-t / tau)

since the spotlight narrows: what lies elsewhere loses weight with the time constant tau (after White, Ratcliff & Starns
2011, Cogn Psychol 63:210). What nothing can leave outside has tau = infinity. A categorisation of the
target speaks for the right answer; of the irrelevant for the right one (congruent), for the other (incongruent) or for
none (neutral). The answer is given when one LEADS by r (`lead`) or has r (`reach`); an r that is not whole is a
mixture of the two next to it. With lead n, -r < n < r, and q(t) = c(t) for incongruent:

    dP_n / dt = rate [(1 - q) P_{n-1} + q P_{n+1} - P_n]

integrated by Runge-Kutta (order 4); response time is that and `non_decision_time` (to see, to move). In closed form:

    nothing irrelevant, or congruent     Erlang(r, rate):  mean r / rate
    tau = infinity, incongruent, lead    error 1 / (1 + w^-r), slow and fast alike (the gambler's ruin);
                                         mean (r / rate) (1 - w^r) / (1 + w^r) (1 + w) / (1 - w)

So errors are fast while the spotlight narrows, and neither fast nor slow if it never does; the delay grows with the
quantile either way. Flankers and Stroop's words, fitted with one lead (2.5): a word loses weight about four times more
slowly than flankers do (tau 79 and 19 ms). What it misses: people's errors with words are not fast. Numbers:
`simulations/where_do_the_conflict_numbers_come_from.py`.

>>> [round(float(contamination(t, 1.0, 0.05)), 3) for t in (0.0, 0.05, 0.1)]
[0.5, 0.269, 0.119]
>>> flanker = Conflict(rate=24.0, lead=3, weight=1.0, narrowing=0.05, non_decision_time=0.28)
>>> easy, hard = flanker.summary("congruent"), flanker.summary("incongruent")
>>> round(easy.mean, 3), round(easy.error, 3), hard.mean > easy.mean, hard.error > easy.error
(0.405, 0.0, True, True)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import signal, special

from cogattn._renamed import old_fields
from cogattn.compiled import compiled
from cogattn.errors import InputError, choice, number

Array = npt.NDArray[np.float64]

KINDS = ("congruent", "neutral", "incongruent")
RULES = ("lead", "reach")
FIFTHS, QUANTILES = 5, (0.1, 0.3, 0.5, 0.7, 0.9)
SLOWEST = 0.2  # the slowest trial, as a share of the mean rate

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(9)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()

# -- compiled: what a mind uses ----------------------------------------------------------------------------------


@compiled(arrays=True)
def contamination(t, w0, tau):  # type: ignore[no-untyped-def]
    """P(the categorisation t after onset is about something irrelevant); w0 in units of the target's weight."""
    w = w0 * math.exp(-t / tau) if tau > 0.0 else 0.0
    return w / (1.0 + w)


@compiled(arrays=True)
def decided(right, wrong, r, reach):  # type: ignore[no-untyped-def]
    """1: the right answer is given after these counts, -1: the wrong one, 0: none yet. r is whole."""
    if reach:
        return 1 if right >= r else (-1 if wrong >= r else 0)
    return 1 if right - wrong >= r else (-1 if wrong - right >= r else 0)


@compiled(arrays=True)
def _flow(p, out, rate, c, speaks, up, down):  # type: ignore[no-untyped-def]
    """The master equation: out = dp/dt. The last two states are the answers, right and wrong.

    What is irrelevant speaks for the right answer (1), for none (0) or for the wrong one (-1).
    """
    out[:] = 0.0
    to_right = rate * (1.0 if speaks == 1 else 1.0 - c)
    to_wrong = rate * c if speaks == -1 else 0.0
    for s in range(len(up)):
        out[up[s]] += to_right * p[s]
        out[down[s]] += to_wrong * p[s]
        out[s] -= (to_right + to_wrong) * p[s]


@compiled(arrays=True)
def _solve(steps, dt, part, rate, w0, tau, speaks, up, down, start):  # type: ignore[no-untyped-def]
    """(steps + 1, 2): P(right answer by t), P(wrong answer by t), t = 0, dt, ...; each dt in `part` steps."""
    n = len(up) + 2
    out = np.zeros((steps + 1, 2))
    p, h = np.zeros(n), dt / part
    p[start] = 1.0
    k1, k2, k3, k4 = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    for i in range(steps):
        for j in range(part):
            t = i * dt + j * h
            c0 = contamination(t, w0, tau)
            c1 = contamination(t + h / 2, w0, tau)
            c2 = contamination(t + h, w0, tau)
            _flow(p, k1, rate, c0, speaks, up, down)
            _flow(p + h / 2 * k1, k2, rate, c1, speaks, up, down)
            _flow(p + h / 2 * k2, k3, rate, c1, speaks, up, down)
            _flow(p + h * k3, k4, rate, c2, speaks, up, down)
            p += h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        out[i + 1] = p[n - 2], p[n - 1]
    return out


def _states(r: int, rule: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
    """Where a count for the right and for the wrong answer leads from each state, and where counting begins."""
    if rule == "lead":
        states = [(n, 0) for n in range(1 - r, r)]
        moves = [[(n + 1, 0), (n - 1, 0)] for n, _ in states]
        ends = {(r, 0): 0, (-r, 0): 1}
    else:
        states = [(a, b) for a in range(r) for b in range(r)]
        moves = [[(a + 1, b), (a, b + 1)] for a, b in states]
        ends = {(r, b): 0 for b in range(r)} | {(a, r): 1 for a in range(r)}
    at = {s: i for i, s in enumerate(states)} | {s: len(states) + i for s, i in ends.items()}
    up, down = (np.array([at[m[i]] for m in moves]) for i in (0, 1))
    return up, down, at[0, 0]


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


@old_fields(other="non_decision_time", other_sd="non_decision_sd")
@dataclass(frozen=True)
class Conflict:
    """One person at one task. Times in s, rates in 1/s."""

    rate: float
    """Categorisations of the display per second, on average over trials."""
    lead: float
    """r: how many more must speak for one answer than for the other (rule `reach`: how many must speak for it)."""
    weight: float = 0.0
    """w0, of all that is irrelevant together, at onset; the target's is 1."""
    narrowing: float = math.inf
    """tau, how fast that weight shrinks."""
    non_decision_time: float = 0.0
    """Mean time before and after counting."""
    non_decision_sd: float = 0.0
    """Its sd, from trial to trial."""
    variation: float = 0.0
    """sd of the rate from trial to trial, as a share of its mean."""
    slip: float = 0.0
    """How often the wrong key is pressed though the answer is known."""
    rule: str = "lead"
    """`lead` (a random walk) or `reach` (a race of counters)."""

    def __post_init__(self) -> None:
        number("rate", self.rate, above=0, most=1e6, unit="1/s")
        number("lead", self.lead, least=1, most=50)
        number("weight", self.weight, least=0, most=1e9)
        number("narrowing", self.narrowing, least=0, infinite=True, unit="s")
        number("non_decision_time", self.non_decision_time, least=0, most=3600, unit="s")
        number("non_decision_sd", self.non_decision_sd, least=0, most=3600, unit="s")
        number("variation", self.variation, least=0, most=0.5)
        number("slip", self.slip, least=0, most=1)
        choice("rule", self.rule, RULES)

    def answers(self, kind: str, step: float | None = None) -> tuple[Array, Array]:
        """(t, P): P(right answer by t), P(wrong answer by t), until 1e-9 is undecided; without `non_decision_time`
        and `slip`.

        Off by less than 1e-6 (tested; a step is at most a 20th of 1 / rate; variation: 9 Gauss nodes).
        """
        speaks = {"congruent": 1, "neutral": 0, "incongruent": -1}[choice("kind of trial", kind, KINDS)]
        dt = 0.05 / self.rate if step is None else number("step", step, above=0)
        part = max(1, math.ceil(dt * self.rate / 0.05 - 1e-9))
        if 0.0 < self.narrowing < math.inf:
            part = max(part, min(64, math.ceil(8.0 * dt / self.narrowing)))
        steps = math.ceil(8.0 * (self.lead + 1.0) / self.rate / dt)
        while True:
            got = self._mixed(speaks, steps, dt, part)
            if got[-1].sum() > 1.0 - 1e-9:
                return np.asarray(np.arange(steps + 1) * dt, float), got
            if steps > 2_000_000:
                raise InputError(
                    "no answer is ever given: rate is too low, or the irrelevant weight too large"
                )
            steps *= 2

    def _mixed(self, speaks: int, steps: int, dt: float, part: int) -> Array:
        """The mixture over r and over rates."""
        low = math.floor(self.lead)
        got = np.zeros((steps + 1, 2))
        for r, share in ((low, low + 1.0 - self.lead), (low + 1, self.lead - low)):
            if share <= 0.0:
                continue
            up, down, start = _states(r, self.rule)
            for z, weight in zip(_NODES, _WEIGHTS, strict=True) if self.variation > 0.0 else ((0.0, 1.0),):
                pace = self.rate * max(1.0 + self.variation * z, SLOWEST)
                solved = _solve(steps, dt, part, pace, self.weight, self.narrowing, speaks, up, down, start)
                got += share * weight * solved
        return got

    def responses(self, kind: str) -> tuple[Array, Array]:
        """(t, P): P(right response by t), P(wrong response by t), with `non_decision_time` and `slip`."""
        t, p = self.answers(kind)
        dt = float(t[1])
        if self.non_decision_sd > 0.0:
            m = math.ceil(6.0 * self.non_decision_sd / dt)
            edges = special.ndtr(np.arange(-m - 0.5, m + 1.0) * dt / self.non_decision_sd)
            longer = np.concatenate([np.zeros((m, 2)), p, np.repeat(p[-1:], 2 * m, 0)])
            p = np.stack([signal.fftconvolve(x, np.diff(edges))[m : len(x)] for x in longer.T], 1)
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


def ruin(r: npt.ArrayLike, weight: npt.ArrayLike, rate: npt.ArrayLike) -> tuple[Array, Array]:
    """(error, mean decision time) of incongruent trials, rule `lead`, tau infinite: the gambler's ruin. r is whole."""
    r, w, rate = np.asarray(r, float), np.asarray(weight, float), np.asarray(rate, float)
    even = np.isclose(w, 1.0)
    error = 1.0 / (1.0 + np.where(even, 1.0, w) ** -r)
    drift = np.where(even, 1.0, (1.0 - w) / (1.0 + w))
    return error, np.where(even, r * r, r * (1.0 - 2.0 * error) / drift) / rate


def exchanged(weight: npt.ArrayLike, strength: npt.ArrayLike) -> Array:
    """The irrelevant weight when what was irrelevant becomes the target and the target irrelevant.

    The irrelevant has `strength` times the target's strength (words are read all day, colours are hardly named), times
    what the task leaves of it, and this is the same either way: weight = strength x left becomes left / strength.
    """
    k = np.asarray(strength, float)
    if not (k > 0.0).all():
        raise InputError("strength must be > 0")
    return np.asarray(weight, float) / k**2
