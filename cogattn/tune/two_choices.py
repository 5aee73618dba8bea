r"""Two choices at once: the joint density of both response times at each SOA. Race, store, central stage, lapses.

Stimulus i is encoded at e_i (a race: rate C A, shared by what is on display), reaches the central stage at a_i = e_i +
perceiving_i, is chosen at T_i, and RT_i = T_i + moving_i from its own onset. Choosing takes b_i: counting until one
answer leads (`counted`), choosing_i simple responses on average, in attention time. Who comes first has the share s of
the stage (`laws.stages.prp`; s = 1: bottleneck). Given both arrivals, l the later one, and the first to come being 1,
(T1, T2) and (b1, b2) are linear in each other:

    T1 <= l        b1 = T1 - a1                               b2 = T2 - l                            density x 1
    l < T1 <= T2   b1 = l - a1 + s (T1 - l)                   b2 = T2 - T1 + (1 - s) (T1 - l)        x s
    T2 < T1        b1 = l - a1 + s (T2 - l) + T1 - T2         b2 = (1 - s) (T2 - l)                  x (1 - s)

and the joint density is the mean over e1 and e2 (Gauss-Legendre on their distributions, cut where one line meets the
next). With one slot the second is let in when the first is chosen. Lapses are a hidden chain (`tune.sessions`).
[approximation: alertness and attention stand still within a trial]

A share `STRAY` of trials is anything between 0 and `_LATEST`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy import stats

from cogattn.compiled import compiled
from cogattn.errors import InputError
from cogattn.laws import stages
from cogattn.laws.conflict import SLOWEST, unopposed
from cogattn.paradigms.divided import DEMAND, MONOTONY
from cogattn.paradigms.prp import PRP
from cogattn.parameters import BY_NAME
from cogattn.tune.base import STRAY, Array, Likelihood, checked, lacking, over
from cogattn.tune.predictive import LEAST, Predictive
from cogattn.tune.sessions import COURSE, HIDDEN, SessionData, course, forward, on_task
from cogattn.view import plot

_LATEST = 4.0  # s from S1 to the end of a trial
_NODES = 5  # of each panel of each integral
#: What else of a mind its responses depend on, in the order in which the compiled functions take it.
_RULE = (
    "speed",
    "speed_sd",
    "central_share",
    "capacity",
    "threshold",
    "slots",
    "lapse_speed",
    "central",
    "evidence_threshold",
)
_LEAD = BY_NAME["evidence_threshold"].default  # what the mean adult counts
_POINTS = np.polynomial.legendre.leggauss(_NODES)
_U, _W = 0.5 + 0.5 * _POINTS[0], 0.5 * _POINTS[1]
_TAIL, _TAIL_W = np.polynomial.laguerre.laggauss(24)
_FAR = 3.0  # sd of the rate: how far below the slowest its tilted mean may lie for the closed form
_GRAIN, _PLACES = 0.05, 1200  # of the table of that density: categorisations at the mean rate; how many


@dataclass(frozen=True)
class Choosing(Likelihood):
    """The two choices of `task`."""

    task: PRP = field(default_factory=PRP)

    params: ClassVar[tuple[str, ...]] = (
        "speed",
        "speed_sd",
        "central_share",
        "wandering",
        "hand",
        "evidence_threshold",
        "second_choice",
        "capacity",
        "slots",
    )
    columns: ClassVar[tuple[str, ...]] = ("person", "soa", "rt1", "rt2")
    optional: ClassVar[tuple[str, ...]] = ("onset",)
    others: ClassVar[Mapping[str, float]] = {"second_choice": 0.8}

    def __post_init__(self) -> None:
        if self.observer.central not in (1.0, math.inf):
            raise InputError(f"central must be 1, or infinity, to fit prp, got {self.observer.central:g}")

    def usual(self, data: SessionData) -> tuple[str, ...]:  # noqa: ARG002
        """What the second choice takes is known of the task."""
        return self.params[:6]

    def compact(self, frame: pd.DataFrame) -> SessionData:
        """SOA and both response times, s, in order; trials without both answers say nothing here."""
        checked(frame, ("person", "soa", *(c for c in self.optional if c in frame)))
        checked(frame.dropna(subset=[c for c in ("rt1", "rt2") if c in frame]), self.columns)
        for name in ("soa", "rt1", "rt2"):
            least = float(frame[name].min())
            if least < 0 or (least == 0 and name != "soa"):
                raise InputError(f"{name} must be {'>=' if name == 'soa' else '>'} 0 s, got {least:g}")
        if frame["rt1"].median() > _LATEST:
            raise InputError(f"rt1 must be in seconds: its median is {frame['rt1'].median():g}")
        return SessionData.made(frame, ("soa",), ("rt1", "rt2"), self.task.gap, self.task.gap + _LATEST)

    def _task(self, theta: Array) -> Array:
        """(n, 6): perceiving, choosing, moving of both."""
        hand = self.own(("hand",), theta)
        second = theta[:, self.params.index("second_choice")]
        choose = np.column_stack([np.full(len(theta), self.task.choose[0]), second])
        return np.column_stack([hand * np.array(self.task.perceive), choose, hand * np.array(self.task.move)])

    def loglik(self, theta: Array, data: SessionData, row: Array) -> Array:
        """(n,): log density of the responses of person row[i] under theta[i]."""
        theta, out, d = np.asarray(theta, float), np.empty(len(theta)), data
        own, rule, task = self.own(COURSE, theta), self.own(_RULE, theta), self._task(theta)
        load, row = DEMAND * MONOTONY, np.asarray(row, np.int64)
        _choose(own, rule, task, load, d.starts, d.rest, d.work, d.first, d.values, row, out)
        return out

    def expected(self, theta: Array, data: SessionData) -> Array:
        """(people, 2 soas): mean RT1 at each SOA, then mean RT2, theta[i] being person i's."""
        theta, soas = np.asarray(theta, float), np.unique(data.values[:, 0])
        u = stats.qmc.Sobol(8, scramble=True, rng=np.random.default_rng(0)).random(256)
        own, rule, task, d = self.own(COURSE, theta), self.own(_RULE, theta), self._task(theta), data
        out = np.zeros((len(theta), 2 * len(soas)))
        for i in range(len(theta)):
            a, b = d.starts[i], d.starts[i + 1]
            level, stay, back, on = np.empty((4, b - a))
            course(own[i], DEMAND * MONOTONY, d.rest[a:b], d.work[a:b], d.first[a:b], level, stay, back)
            on_task(stay, back, d.first[a:b], on)
            here, away = (_means(rule[i], task[i], level.mean() * off, soas, u) for off in (1.0, rule[i, 6]))
            out[i] = on.mean() * here + (1 - on.mean()) * away
        return out

    def predictive(self, theta: Array, data: SessionData) -> Predictive:
        """Mean RT1 and RT2 at each SOA."""
        soas, at = np.unique(data.values[:, 0], return_inverse=True)
        who, n = np.repeat(np.arange(len(data.people)), data.trials), len(data.people)
        seen, error = np.full((2, n, 2 * len(soas)), np.nan)
        for i in range(2):
            rt = pd.Series(data.values[:, 1 + i]).groupby([who, at])
            for (person, k), (mean, sd, count) in rt.agg(["mean", "std", "count"]).iterrows():
                if count >= LEAST:
                    seen[person, i * len(soas) + k], error[person, i * len(soas) + k] = (
                        mean,
                        sd / math.sqrt(count),
                    )
        told = self.expected(theta, data)
        named = [f"SOA {1000 * s:.0f} ms" for s in soas] * 2
        words = [f"mean RT{i}" for i in (1, 2) for _ in soas]
        return Predictive(
            list(data.people),
            named,
            words,
            ["mean response time [ms]"] * len(named),
            1000 * seen,
            1000 * told,
            1000 * error,
        )

    def draw(self, ax: Any, theta: Array, data: SessionData) -> None:
        """Both response times over SOA."""
        soas, at = np.unique(data.values[:, 0], return_inverse=True)
        who, fitted = np.repeat(np.arange(len(data.people)), data.trials), self.expected(theta, data)
        pens = plot.pens(["RT1", "RT2"])
        for i, label in enumerate(("RT1", "RT2")):
            seen = np.full((len(data.people), len(soas)), np.nan)
            mean = pd.Series(data.values[:, 1 + i]).groupby([who, at]).mean()
            index = np.array(mean.index.to_list())
            seen[index[:, 0], index[:, 1]] = mean.to_numpy()
            part = fitted[:, i * len(soas) : (i + 1) * len(soas)]
            over(ax, 1000 * soas, 1000 * seen, 1000 * part, pens[label], label)
        ax.set(
            xlabel="SOA [ms]", ylabel="response time [ms]", ylim=(0, None), title="stars: data; lines: fit"
        )
        ax.legend(loc="best", fontsize=8)

    def notes(self, frame: pd.DataFrame) -> list[str]:
        """Few trials, a condition missing, one SOA, trials without both answers."""
        notes = super().notes(frame) + lacking(frame, ("soa",))
        gone = int(frame[["rt1", "rt2"]].isna().any(axis=1).sum())
        if gone:
            notes.append(f"{gone} trials without both responses are left out")
        if frame["soa"].min() > 0.3:
            notes.append("no SOA of 300 ms or less: the choices hardly overlap, share is not known")
        return notes


def _means(rule: Array, task: Array, pace: float, soas: Array, u: Array) -> Array:
    """Mean RT1 and RT2 by SOA, by the law of the stages over an even spread of encodings and choices."""
    speed, sd, share, capacity, threshold, slots, _, central, lead = rule
    e = threshold - np.log(u[:, :2]) / (capacity * pace * np.array([1.0, 0.5]))
    b = np.column_stack(
        [
            unopposed(u[:, 2 + 3 * i : 5 + 3 * i], pace * _LEAD / task[2 + i], speed, sd, lead)
            for i in range(2)
        ]
    )
    arrive, crowded = e + task[:2], min(1.0, max(0.0, 2.0 - slots))
    share = None if math.isinf(central) else share
    out = np.empty((2, len(soas)))
    for i, soa in enumerate(soas):
        rt1, rt2 = stages.prp(
            arrive[:, 0], b[:, 0], task[4], arrive[:, 1], b[:, 1], task[5], soa, share=share
        )
        first = arrive[:, 0] + b[:, 0]  # with one slot the second is let in when the first is chosen
        second = np.maximum(soa + e[:, 1], first) - soa + task[1] + b[:, 1] + task[5]
        out[:, i] = (1 - crowded) * np.array([rt1.mean(), rt2.mean()]) + crowded * np.array(
            [(first + task[4]).mean(), second.mean()]
        )
    return out.ravel()


@compiled(nogil=True, arrays=True)
def _encoded(u, begin, rate, turn, then):  # type: ignore[no-untyped-def]
    """When an exponential that starts at `begin` with this rate, and has the rate `then` from `turn` on, is over."""
    need = -math.log(u)
    free = rate * max(0.0, turn - begin)
    return begin + need / rate if need <= free else max(begin, turn) + (need - free) / then


@compiled(nogil=True, arrays=True)
def _not_yet(t, begin, rate, turn, then):  # type: ignore[no-untyped-def]
    """P(it is not over at t)."""
    if t <= begin:
        return 1.0
    middle = min(max(turn, begin), t)
    return math.exp(-rate * (middle - begin) - then * (t - middle))


@compiled(nogil=True, arrays=True)
def _works(t1, t2, a1, a2, share):  # type: ignore[no-untyped-def]
    """(b1, b2, how much a choice's time is stretched): what both choices took, 1 having come first."""
    if t1 <= a2 or share == math.inf:
        return t1 - a1, t2 - a2, 1.0
    if t1 <= t2:
        return a2 - a1 + share * (t1 - a2), t2 - t1 + (1.0 - share) * (t1 - a2), share
    return a2 - a1 + share * (t2 - a2) + t1 - t2, (1.0 - share) * (t2 - a2), 1.0 - share


@compiled(nogil=True, arrays=True)
def counted(t, pace, speed, sd, lead):  # type: ignore[no-untyped-def]
    """Density of how long counting takes where nothing speaks against it, exactly: Erlang(r, pace v), the rate v normal
    and moved up to f = `SLOWEST` speed where it lies below, r a mixture of the two next to `lead`. With y = pace t,

        pace y^{r-1} / (r-1)! M_r,   M_r = E[v^r e^{-v y}] = P(v = f) f^r e^{-f y} + e^{-speed y + sd^2 y^2 / 2} I_r

    I_k = E[u^k; u > f], u normal about m = speed - sd^2 y; by parts I_k = m I_{k-1} + (k-1) sd^2 I_{k-2} + sd^2 f^{k-1}
    n(f). Where m lies so far below f that this loses its digits, the tail beyond f is Gauss-Laguerre's."""
    if t <= 0.0:
        return 0.0
    y, low = pace * t, math.floor(lead)
    r, share, floor = int(low), lead - low, SLOWEST * speed
    z = (floor - speed) / sd
    one = 0.5 * math.erfc(-z / math.sqrt(2.0)) * floor**r * math.exp(-floor * y)  # M_r
    two = one * floor  # M_{r+1}
    middle = speed - sd * sd * y
    far = (floor - middle) / sd
    if far < _FAR:
        before, here = 0.0, 0.5 * math.erfc(far / math.sqrt(2.0))
        edge, last = sd * math.exp(-0.5 * far * far) / math.sqrt(2.0 * math.pi), here
        for k in range(1, r + 2):
            before, here = here, middle * here + (k - 1) * sd * sd * before + edge
            edge *= floor
            if k == r:
                last = here
        scale = math.exp(-speed * y + 0.5 * sd * sd * y * y)
        one, two = one + scale * last, two + scale * here
    else:
        rate = far / sd
        top = math.exp(-floor * y - 0.5 * z * z) / (sd * math.sqrt(2.0 * math.pi) * rate)
        for q in range(len(_TAIL)):
            u = _TAIL[q] / rate
            part = _TAIL_W[q] * top * (floor + u) ** r * math.exp(-0.5 * (u / sd) ** 2)
            one, two = one + part, two + part * (floor + u)
    way = pace
    for k in range(1, r):
        way *= y / k
    return way * ((1.0 - share) * one + share * two * y / r)


@compiled(nogil=True, arrays=True)
def _tabled(speed, sd, lead, out):  # type: ignore[no-untyped-def]
    """`counted` at pace 1, in steps of `_GRAIN` categorisations at the mean rate: any other pace only scales it."""
    for i in range(len(out)):
        out[i] = counted(max(i * _GRAIN, 1e-9) / speed, 1.0, speed, sd, lead)


@compiled(nogil=True, arrays=True)
def _counts(b, pace, speed, sd, lead, table):  # type: ignore[no-untyped-def]
    """`counted`, by the cubic through four places of its table."""
    x = b * pace * speed / _GRAIN
    i = min(max(math.floor(x), 1), len(table))
    if i + 2 >= len(table):
        return counted(b, pace, speed, sd, lead)
    u = x - i
    a, c, d, e = table[i - 1], table[i], table[i + 1], table[i + 2]
    bend = (
        -a * u * (u - 1.0) * (u - 2.0) / 6.0
        + c * (u + 1.0) * (u - 1.0) * (u - 2.0) / 2.0
        - d * (u + 1.0) * u * (u - 2.0) / 2.0
        + e * (u + 1.0) * u * (u - 1.0) / 6.0
    )
    return pace * max(bend, 0.0)


@compiled(nogil=True, arrays=True)
def _given(t1, t2, a1, a2, share, c1, c2, speed, sd, lead, table):  # type: ignore[no-untyped-def]
    """Joint density of both choices' ends, given when each reached the central stage; c: categorisations in the time of
    a simple response."""
    if a1 <= a2:
        b1, b2, stretch = _works(t1, t2, a1, a2, share)
    else:
        b2, b1, stretch = _works(t2, t1, a2, a1, share)
    if b1 <= 0.0 or b2 <= 0.0 or stretch <= 0.0:
        return 0.0
    one = _counts(b1, c1, speed, sd, lead, table)
    return one * _counts(b2, c2, speed, sd, lead, table) * stretch if one > 0.0 else 0.0


@compiled(nogil=True, arrays=True)
def _cut(edges, n, at):  # type: ignore[no-untyped-def]
    """One more edge among n that are in order."""
    while n > 0 and edges[n - 1] > at:
        edges[n] = edges[n - 1]
        n -= 1
    edges[n] = at


@compiled(nogil=True, arrays=True)
def _pair(soa, rt1, rt2, rule, task, pace, table):  # type: ignore[no-untyped-def]
    """Joint density of (RT1, RT2), attention running at this pace: both integrals are cut wherever who comes first, or
    whether the stage is free, changes with an encoding, so that every panel is smooth."""
    speed, sd, share, capacity, t0, slots, _, central, lead = rule
    share = math.inf if central == math.inf else share
    t1, t2, rate = rt1 - task[4], soa + rt2 - task[5], capacity * pace
    c1, c2 = pace * _LEAD / task[2], pace * _LEAD / task[3]
    crowded = min(1.0, max(0.0, 2.0 - slots))  # one slot only
    begin, gone = soa + t0, rt1  # the second opens; the first leaves the display
    outer, inner, total = np.empty(6), np.empty(7), 0.0  # of the shares of encodings that are not yet over
    outer[0], outer[1], n = 0.0, 1.0, 2
    for e in (begin + task[1] - task[0], begin, t1 - task[0], t2 - task[0]):
        _cut(outer, n, _not_yet(e, t0, rate, soa + t0, rate / 2))
        n += 1
    for k in range(n - 1):
        across = outer[k + 1] - outer[k]
        for i in range(_NODES if across > 1e-12 else 0):
            e1 = _encoded(outer[k] + across * _U[i], t0, rate, soa + t0, rate / 2)
            a1 = e1 + task[0]
            if a1 >= t1:
                continue
            inner[0], inner[1], m = 0.0, 1.0, 2
            for e in (a1 - task[1], e1, t1 - task[1], t1, t2 - task[1]):
                _cut(inner, m, _not_yet(e, begin, rate / 2, gone, rate))
                m += 1
            for q in range(m - 1):
                width = inner[q + 1] - inner[q]
                for j in range(_NODES if width > 1e-12 else 0):
                    e2 = _encoded(inner[q] + width * _U[j], begin, rate / 2, gone, rate)
                    a2 = e2 + task[1]
                    if a2 >= t2:
                        continue
                    weight = _W[i] * _W[j] * across * width
                    if crowded < 1.0:
                        law = _given(t1, t2, a1, a2, share, c1, c2, speed, sd, lead, table)
                        total += (1.0 - crowded) * weight * law
                    if crowded > 0.0:  # who comes second is let in when the other is chosen
                        late1 = max(e1, t2) + task[0] if e1 > e2 else a1
                        late2 = max(e2, t1) + task[1] if e1 <= e2 else a2
                        law = _given(t1, t2, late1, late2, share, c1, c2, speed, sd, lead, table)
                        total += crowded * weight * law
    return total


@compiled(nogil=True, arrays=True)
def _choose(own, rule, task, load, starts, rest, work, first, values, row, out):  # type: ignore[no-untyped-def]
    """Log densities of everybody's trials, over all courses of attention."""
    for i in range(len(own)):
        a, b = starts[row[i]], starts[row[i] + 1]
        level, stay, back = np.empty(b - a), np.empty(b - a), np.empty(b - a)
        course(own[i], load, rest[a:b], work[a:b], first[a:b], level, stay, back)
        like, table = np.ones((b - a, 2)), np.empty(_PLACES)
        _tabled(rule[i, 0], rule[i, 1], rule[i, 8], table)
        for j in range(b - a):
            soa, rt1, rt2 = values[a + j]
            if math.isnan(rt1) or math.isnan(rt2) or rt1 == HIDDEN:
                continue
            for state in range(2):
                pace = level[j] * (1.0 if state == 0 else rule[i, 6])
                law = _pair(soa, rt1, rt2, rule[i], task[i], pace, table)
                like[j, state] = (1.0 - STRAY) * law + STRAY / _LATEST**2
        out[i] = forward(like, stay, back, first[a:b])
