r"""Flankers, words, sides: the density of each response, right or wrong, under the pulse law (`laws.conflict`).

    RT = t0 + hand x non-decision + counting,   counting by the master equation, mixed over rates and over leads

on a grid of `_STEP`, the normal of what is not decision laid over it. Lapses are a hidden chain (`tune.sessions`):
while attention is away counting is slower. [approximation: alertness is that of a person's mean trial; `_NODES` rates]
A trial without a response says nothing. A share `STRAY` of trials is anything between 0 and `LATEST`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cogattn.compiled import compiled
from cogattn.errors import InputError, counted
from cogattn.laws.conflict import SELECTED, SLOWEST, cut_normal, push_rate
from cogattn.paradigms.base import Levels
from cogattn.paradigms.conflict import KINDS, Conflicting, Flanker
from cogattn.paradigms.divided import DEMAND, MONOTONY
from cogattn.tune.base import STRAY, Array, Likelihood, among, checked, lacking, over
from cogattn.tune.predictive import Predictive, of_choices
from cogattn.tune.sessions import COURSE, HIDDEN, SessionData, course, forward, on_task
from cogattn.view import plot

LATEST = 4.0  #: s from the onset to the end of a trial
_STEP, _FINE = 0.006, 0.5  # s; how many categorisations a step of the solver may hold
_UNDECIDED = 1e-4  # of the trials that need not be followed further
_MOVING = 5  # rates that stand for all above the slowest
_NODES = _MOVING + 1  # and the slowest itself, at which all that lie below it are
_LANES = 2 * _NODES  # the same, attention being there and away
_CUT, _CUTS = 0.1, 61  # sd: where a normal is cut, 0 to 6 below its mean
#: Runge and Kutta's four stages: when, how much each counts, how far ahead the next one looks.
_AT, _RK, _AHEAD = (0.0, 0.5, 0.5, 1.0), (1 / 6, 1 / 3, 1 / 3, 1 / 6), (0.5, 0.5, 1.0, 0.0)
_WIDE = 5.0  # sd of what is not decision
_MANY = 24  # kinds of trials of one person that have numbers of their own
#: What else of a mind its responses depend on, in the order in which the compiled functions take it.
_RULE = (
    "speed",
    "speed_sd",
    "alpha",
    "evidence_threshold",
    "hand",
    "slip",
    "lapse_speed",
    "sharpness",
    "threshold",
)

#: For a normal that is cut so far below its mean: where the rates above the cut are, and their shares.
_TABLES = [cut_normal(-_CUT * i, _MOVING) for i in range(_CUTS)]
_Z, _SHARE = np.array([z for z, _ in _TABLES]), np.array([share for _, share in _TABLES])


@dataclass(frozen=True)
class ConflictLikelihood(Likelihood):
    """The choices of `task`."""

    task: Conflicting = field(default_factory=Flanker)

    params: ClassVar[tuple[str, ...]] = (
        "speed", "hand", "evidence_threshold", "alpha", "slip", "speed_sd", "wandering",
    )  # fmt: skip
    columns: ClassVar[tuple[str, ...]] = ("person", "congruence", "correct", "rt")
    optional: ClassVar[tuple[str, ...]] = ("onset",)
    trialled: ClassVar[tuple[str, ...]] = params[:6]

    @property
    def levels(self) -> Levels:
        """As the task has them."""
        return self.task.levels

    def usual(self, data: SessionData) -> tuple[str, ...]:
        """How fast, how careful, what beside; how much the irrelevant draws, if there are kinds to compare; slips."""
        several = len(np.unique(data.values[:, 0])) > 1
        return self.params[:5] if several else ("speed", "hand", "evidence_threshold", "slip")

    def compact(self, frame: pd.DataFrame) -> SessionData:
        """Congruence, right or wrong, response time in order; no response: NaN."""
        data = timed_choices(self, frame, ("congruence",), self.task.gap, self.task.gap + 0.8)
        among(frame, "congruence", KINDS)
        return data

    def loglik(self, theta: Array, data: SessionData, row: Array) -> Array:
        """(n,): log density of the responses of person row[i] under theta[i]."""
        theta, out, d = np.asarray(theta, float), np.empty(len(theta)), data
        own, rule, row = self.own(COURSE, theta), self.own(_RULE, theta), np.asarray(row, np.int64)
        load = DEMAND * MONOTONY
        _answer(own, rule, self._told(), load, d.starts, d.rest, d.work, d.first, d.values, row, out)
        return out

    def by_trial(self, theta: Array, data: SessionData) -> Array:
        """(people,): as `loglik`, all but the course of attention being that of each trial: of a few kinds (a table of
        densities is made for each)."""
        theta, d, out = np.ascontiguousarray(theta, float), data, np.empty(len(data.people))
        own, rule, told = self.own(COURSE, theta[d.starts[:-1]]), self.own(_RULE, theta), self._told()
        for i in range(len(out)):
            a, b = d.starts[i], d.starts[i + 1]
            kinds, which = np.unique(rule[a:b], axis=0, return_inverse=True)
            if len(kinds) > _MANY:
                raise InputError(
                    f"person {d.people[i]} has {len(kinds)} different values on the right side of a formula, here at "
                    f"most {_MANY}: make a few levels of them, e.g. with pandas.cut"
                )
            level, stay, back = np.empty((3, b - a))
            course(own[i], DEMAND * MONOTONY, d.rest[a:b], d.work[a:b], d.first[a:b], level, stay, back)
            like = np.ones((b - a, 2))
            for k, one in enumerate(kinds):
                _likely(one, told, level.mean(), d.values[a:b], which.ravel() == k, like)
            out[i] = forward(like, stay, back, d.first[a:b])
        return out

    def _told(self) -> Array:
        t = self.task
        return np.array(
            [t.evidence_rate, t.non_decision_time, t.non_decision_sd, t.weight, t.activation, t.peak]
        )

    def tables(self, theta: Array, data: SessionData) -> tuple[Array, Array, Array]:
        """kinds, t [s], (people, kinds, t, 2) densities of right and of wrong responses, theta[i] being person i's."""
        kinds, theta, d = np.unique(data.values[:, 0]), np.asarray(theta, float), data
        own, rule, told = self.own(COURSE, theta), self.own(_RULE, theta), self._told()
        size = math.ceil(LATEST / _STEP)
        out = np.zeros((len(theta), len(kinds), size, 2))
        for i in range(len(theta)):
            a, b = d.starts[i], d.starts[i + 1]
            level, stay, back, on = np.empty((4, b - a))
            course(own[i], DEMAND * MONOTONY, d.rest[a:b], d.work[a:b], d.first[a:b], level, stay, back)
            on_task(stay, back, d.first[a:b], on)
            for k, kind in enumerate(kinds):
                part = np.zeros((2, size, 2))
                _densities(rule[i], told, int(kind), level.mean(), part)
                out[i, k] = on.mean() * part[0] + (1 - on.mean()) * part[1]
        return kinds, (np.arange(size) + 0.5) * _STEP, out

    def expected(self, theta: Array, data: SessionData) -> Array:
        """(people, 2 kinds): mean right response time of each kind, then the share that is right."""
        _, t, f = self.tables(theta, data)
        right = f[..., 0]
        return np.hstack([(right @ t) / right.sum(-1), right.sum(-1) / f.sum((-2, -1))])

    def predictive(self, theta: Array, data: SessionData) -> Predictive:
        """Quantiles of right responses and the share of them, for each kind."""
        kinds, t, f = self.tables(theta, data)
        who, v = np.repeat(np.arange(len(data.people)), data.trials), data.values
        words = {float(value): word for word, value in KINDS.items()}
        named = [words.get(float(k), f"{k:g}") for k in kinds]
        return of_choices(data.people, who, np.searchsorted(kinds, v[:, 0]), named, v[:, 1], v[:, 2], t, f)

    def draw(self, ax: Any, theta: Array, data: SessionData) -> None:
        """Mean right response time of each kind."""
        draw_times(ax, data, self.expected(theta, data), "congruence", {v: k for k, v in KINDS.items()})

    def notes(self, frame: pd.DataFrame) -> list[str]:
        """Few trials, a kind missing, trials without a response."""
        return super().notes(frame) + lacking(frame, ("congruence",)) + unanswered(frame)


def timed_choices(
    law: Likelihood, frame: pd.DataFrame, shown: tuple[str, ...], begin: float, spacing: float
) -> SessionData:
    """What was shown, right or wrong, response time, in order: what makes no sense is refused in a line."""
    rest = ("person", *(c for c in law.optional if c in frame))
    checked(frame, (*rest, *shown))
    checked(frame.dropna(subset=[c for c in ("rt", "correct") if c in frame]), ("correct", "rt"))
    rt, right = frame["rt"].to_numpy(float), frame["correct"].to_numpy(float)
    if (rt <= 0).any():
        raise InputError(f"rt must be > 0 s (or missing: no response), got {np.nanmin(rt):g}")
    if np.nanmedian(rt) > 20:
        raise InputError(
            f"rt must be in seconds: its median is {np.nanmedian(rt):g}; divide milliseconds by 1000"
        )
    if not np.isin(right[~np.isnan(right)], (0.0, 1.0)).all():
        raise InputError("correct must be 0 or 1 in every trial")
    none = np.isnan(rt) | np.isnan(right)
    frame = frame.assign(rt=np.where(none, np.nan, rt), correct=np.where(none, np.nan, right))
    return SessionData.made(frame, shown, ("correct", "rt"), begin, spacing)


def unanswered(frame: pd.DataFrame) -> list[str]:
    """Trials without a response."""
    gone = int(frame[["correct", "rt"]].isna().any(axis=1).sum())
    left = f"without a response {'is' if gone == 1 else 'are'} left out"
    return [f"{counted(gone, 'trial')} {left}"] if gone else []


def draw_times(ax: Any, data: SessionData, expected: Array, name: str, words: dict[float, str]) -> None:
    """People's mean right response times over the first of the columns that were shown."""
    kinds, at = np.unique(data.values[:, 0], return_inverse=True)
    who, (right, rt) = np.repeat(np.arange(len(data.people)), data.trials), data.values[:, -2:].T
    seen = np.full((len(data.people), len(kinds)), np.nan)
    for k in range(len(kinds)):
        own = (at == k) & (right == 1)
        count = np.bincount(who[own], minlength=len(seen))
        with np.errstate(invalid="ignore", divide="ignore"):
            seen[:, k] = np.bincount(who[own], rt[own], minlength=len(seen)) / count
    pen = plot.pens(["RT"])["RT"]
    over(ax, kinds, 1000 * seen, 1000 * expected[:, : len(kinds)], pen, "right responses")
    ax.set_xticks(kinds, [words.get(float(k), f"{k:g}") for k in kinds])
    ax.margins(x=0.15)
    ax.set(xlabel=name, ylabel="response time [ms]", title="stars: data; lines: fit")


# -- compiled --------------------------------------------------------------------------------------------------------


@compiled(nogil=True, arrays=True)
def _counting(own, height, peak, speaks, r, share, dt, mass):  # type: ignore[no-untyped-def]
    """Adds to mass (2, steps, 2), attention being there and away, how likely a right, and a wrong, answer is found in
    each step, times share. A lane for each rate of own (`_LANES`): they are counted side by side."""
    n = 2 * r - 1  # leads, each with its lanes; before the first and after the last there is nothing
    end = n * _LANES
    p, k, s, q = np.zeros(end), np.zeros(end), np.zeros(end), np.zeros(end + 2 * _LANES)
    below, here, above, last = q[:end], q[_LANES : end + _LANES], q[2 * _LANES :], q[end : end + _LANES]
    rate, high = np.empty(end), np.empty(end)
    right, wrong, undecided = np.empty(_LANES), np.empty(_LANES), share.copy()
    for x in range(end):
        rate[x], high[x] = own[x % _LANES], height[x % _LANES]
    p[(r - 1) * _LANES : r * _LANES] = 1.0
    fast = own[_MOVING // 2] + (height[0] * math.e / peak if speaks != 0 else 0.0)
    part = max(1, math.ceil(dt * fast / _FINE))
    h = dt / part
    pro = con = 0.0
    for i in range(mass.shape[1]):
        for j in range(part):
            right[:], wrong[:] = 0.0, 0.0
            s[:] = p
            here[:] = p
            for stage in range(4):
                if stage != 2 and speaks != 0:  # the third is at the time of the second
                    push = speaks * push_rate(1.0, peak, i * dt + (j + _AT[stage]) * h)
                    pro, con = max(push, 0.0), max(-push, 0.0)
                weight, ahead = _RK[stage] * h, _AHEAD[stage] * h
                for x in range(_LANES):
                    right[x] += weight * (rate[x] + pro * high[x]) * last[x]
                    wrong[x] += weight * con * high[x] * here[x]
                for x in range(end):
                    gain = (rate[x] + pro * high[x]) * (below[x] - here[x])
                    k[x] = gain + con * high[x] * (above[x] - here[x])
                for x in range(end):
                    s[x] += weight * k[x]
                    here[x] = p[x] + ahead * k[x]
            p[:] = s
            for x in range(_LANES):
                away = x // _NODES
                mass[away, i, 0] += share[x] * right[x]
                mass[away, i, 1] += share[x] * wrong[x]
                undecided[x] -= share[x] * (right[x] + wrong[x])
        if undecided[:_NODES].sum() < _UNDECIDED and undecided[_NODES:].sum() < _UNDECIDED:
            break


@compiled(nogil=True, arrays=True)
def laid_over(mass, mean, sd, dt, out):  # type: ignore[no-untyped-def]
    """The density of counting (mass: in each step, from 0 on) and a normal, at the middle of each step."""
    sd = math.sqrt(sd * sd + dt * dt / 12.0)
    size, half = len(out), math.ceil(_WIDE * sd / dt) + 1
    at = math.floor(mean / dt)
    kernel = np.empty(2 * half + 1)
    for j in range(2 * half + 1):
        z = ((at + j - half) * dt - mean) / sd
        kernel[j] = math.exp(-0.5 * z * z) / (sd * math.sqrt(2.0 * math.pi))
    for i in range(len(mass)):
        if mass[i, 0] + mass[i, 1] <= 1e-12:
            continue
        for j in range(2 * half + 1):
            t = i + at + j - half
            if 0 <= t < size:
                out[t, 0] += mass[i, 0] * kernel[j]
                out[t, 1] += mass[i, 1] * kernel[j]


@compiled(nogil=True, arrays=True)
def _densities(rule, told, kind, level, out):  # type: ignore[no-untyped-def]
    """Densities (2, steps, 2) of right and wrong responses of one kind, attention being there, and away."""
    speed, sd, alpha, lead, hand, slip, off, sharp, unseen = rule
    rate, mean, spread, weight, activation, peak = told
    own, height, share = np.empty(_LANES), np.empty(_LANES), np.empty(_LANES)
    cut = min((1.0 - SLOWEST) * speed / (sd * _CUT), _CUTS - 1.0)
    at = min(int(cut), _CUTS - 2)
    for x in range(_LANES):
        away, z = x // _NODES, x % _NODES
        w = weight * alpha**SELECTED
        if w > 0.0:
            w = w ** (level**sharp)
        pace = rate * level * (off if away == 1 else 1.0) / (1.0 + w)
        drive, share[x] = SLOWEST * speed, 1.0
        if z < _MOVING:
            drive = speed + sd * ((at + 1 - cut) * _Z[at, z] + (cut - at) * _Z[at + 1, z])
            share[x] = (at + 1 - cut) * _SHARE[at, z] + (cut - at) * _SHARE[at + 1, z]
        else:
            for y in range(_MOVING):
                share[x] -= share[x - 1 - y]
        own[x] = pace * drive
        height[x] = activation * w / (1.0 + w)
    mass = np.zeros((2, out.shape[1], 2))
    low = math.floor(lead)
    for more in range(2):
        part = low + 1.0 - lead if more == 0 else lead - low
        if part > 0.0:
            _counting(own, height, peak, kind, low + more, part * share, _STEP, mass)
    for away in range(2):
        for i in range(out.shape[1]):
            right, wrong = mass[away, i, 0], mass[away, i, 1]
            mass[away, i, 0] = (1.0 - slip) * right + slip * wrong
            mass[away, i, 1] = (1.0 - slip) * wrong + slip * right
        laid_over(mass[away], unseen + hand * mean, hand * spread, _STEP, out[away])
        for i in range(out.shape[1]):
            out[away, i, 0] *= _STEP
            out[away, i, 1] *= _STEP


@compiled(nogil=True, arrays=True)
def looked_up(table, rt, which, step):  # type: ignore[no-untyped-def]
    """The density at rt, between the middles of two steps."""
    x = rt / step - 0.5
    i = math.floor(x)
    if i < 0:
        return table[0, which] * max(0.0, 1.0 + x) / step
    if i + 1 >= len(table):
        return 0.0
    return ((i + 1 - x) * table[i, which] + (x - i) * table[i + 1, which]) / step


@compiled(nogil=True, arrays=True)
def _likely(rule, told, mean, values, these, like):  # type: ignore[no-untyped-def]
    """How likely each of these responses is, attention being there or away."""
    tables, made = np.empty((3, 2, math.ceil(LATEST / _STEP), 2)), np.zeros(3)
    for j in range(len(values)):
        kind, right, rt = int(values[j, 0]), values[j, 1], values[j, 2]
        if not these[j] or math.isnan(rt) or rt == HIDDEN:
            continue
        if made[kind + 1] == 0.0:
            made[kind + 1] = 1.0
            tables[kind + 1] = 0.0
            _densities(rule, told, kind, mean, tables[kind + 1])
        for away in range(2):
            law = looked_up(tables[kind + 1, away], rt, 0 if right == 1.0 else 1, _STEP)
            like[j, away] = (1.0 - STRAY) * law + 0.5 * STRAY / LATEST


@compiled(nogil=True, arrays=True)
def _answer(own, rule, told, load, starts, rest, work, first, values, row, out):  # type: ignore[no-untyped-def]
    """Log densities of everybody's trials, over all courses of attention."""
    for i in range(len(own)):
        a, b = starts[row[i]], starts[row[i] + 1]
        level, stay, back = np.empty(b - a), np.empty(b - a), np.empty(b - a)
        course(own[i], load, rest[a:b], work[a:b], first[a:b], level, stay, back)
        like = np.ones((b - a, 2))
        _likely(rule[i], told, level.mean(), values[a:b], np.ones(b - a, np.bool_), like)
        out[i] = forward(like, stay, back, first[a:b])
