r"""Simple responses: how likely each response time is, in its order. Exact: alertness, lapses, tempo, anticipations.

1/RT is normal (`laws.alertness.later`), its mean s0 A with attention on its task; away, it is `lapse_speed` times that
and its sd `lapse_spread` times as large. A share of its variance is a tempo z that lasts (Ornstein-Uhlenbeck), so

    1/RT = mean + sd (sqrt(tau) z + sqrt(1 - tau) e),   z' = k z + sqrt(1 - k^2) e',   k = exp(-s / tempo_time)

cut to (0, 1/EARLIEST). A share of responses is anticipated: uniform below `EARLY`, an error that calls attention back.
What has not come by the deadline is no response. The likelihood of a sitting is the sum over all courses of attention
and of tempo, taken forward as in `tune.sessions`: given where attention is, tempo is normal before and after each
response, so mean and variance are all that is kept of it; where both courses meet they are merged into one normal
(Blom & Bar-Shalom 1988, IEEE Trans Autom Control 33:780; it costs .01 of the log-likelihood of 150 trials). `grid` > 0
keeps all of it, on so many values.

A share `STRAY` of trials is anything: half of them at any time before the deadline, half none. [assumption]
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cogattn.compiled import compiled
from cogattn.errors import InputError, number
from cogattn.laws.alertness import EARLIEST, later_after, later_density, later_mass
from cogattn.tune.base import STRAY, Array, Likelihood, checked, over
from cogattn.tune.predictive import LEAST, QUANTILES, SHARES, TIMES, Predictive, quantiles_of
from cogattn.tune.sessions import COURSE, HIDDEN, SessionData, course, on_task
from cogattn.view import plot

EARLY = 0.1  #: s; sooner is no answer (as in `mind`)
_LOAD = 1.0  # one stimulus, one response: demand 1, monotony 1
_WIDE = 4.0  # of the grid of tempo, in sd
_SLOT = 60.0  # s; the figure shows means of these
#: What else of a mind its responses depend on, in the order in which the compiled functions take it.
_RULE = ("speed", "speed_sd", "lapse_speed", "lapse_spread", "tempo_share", "tempo_time", "anticipation")


@dataclass(frozen=True)
class Pressing(Likelihood):
    """One response to every stimulus. Options: deadline [s], spacing of trials [s] where no onset says; grid: values
    of tempo that are summed over (0: a normal, merged)."""

    deadline: float = 2.0
    spacing: float = 3.0
    grid: int = 0

    params: ClassVar[tuple[str, ...]] = (
        "speed", "speed_sd", "slow_loss", "wandering", "anticipation", "fast_loss", "tempo_share",
    )  # fmt: skip
    columns: ClassVar[tuple[str, ...]] = ("person", "rt")
    optional: ClassVar[tuple[str, ...]] = ("onset",)
    trialled: ClassVar[tuple[str, ...]] = ("speed", "speed_sd")

    def __post_init__(self) -> None:
        number("deadline", self.deadline, above=EARLIEST, most=3600, unit="s")
        number("spacing", self.spacing, above=0, most=3600, unit="s")

    def usual(self, data: SessionData) -> tuple[str, ...]:
        """Anticipations if there are any; the fast loss and the tempo are as in the mind."""
        return self.params[:5] if (data.values[:, 0] < EARLY).any() else self.params[:4]

    def compact(self, frame: pd.DataFrame) -> SessionData:
        """Response times in order, s; NaN = none."""
        checked(frame, ("person", *(c for c in self.optional if c in frame)))
        checked(frame.dropna(subset="rt") if "rt" in frame else frame, self.columns)
        rt = frame["rt"].to_numpy(float)
        if (rt <= 0).any():
            raise InputError(f"rt must be > 0 s (or missing: no response), got {np.nanmin(rt):g}")
        if np.nanmedian(rt) > self.deadline:
            raise InputError(
                f"rt must be in seconds: its median is {np.nanmedian(rt):g}; divide milliseconds by 1000"
            )
        frame = frame.assign(rt=np.where(rt >= self.deadline, np.nan, rt))
        return SessionData.made(frame, (), ("rt",), self.spacing, self.spacing)

    def loglik(self, theta: Array, data: SessionData, row: Array) -> Array:
        """(n,): log density of the responses of person row[i] under theta[i]."""
        out, d = np.empty(len(theta)), data
        own, rule = self.own(COURSE, theta), self.own(_RULE, theta)
        row, rt = np.asarray(row, np.int64), d.values[:, 0].copy()
        _press(own, rule, self.deadline, self.grid, d.starts, d.rest, d.work, d.first, rt, row, out)
        return out

    def by_trial(self, theta: Array, data: SessionData) -> Array:
        """(people,): as `loglik`, speed and its sd being those of each trial."""
        out, d, theta = np.empty(len(data.people)), data, np.ascontiguousarray(theta, float)
        own, rule = self.own(COURSE, theta[d.starts[:-1]]), self.own(_RULE, theta)
        rt = d.values[:, 0].copy()
        _press_apart(own, rule, self.deadline, d.starts, d.rest, d.work, d.first, rt, out)
        return out

    def expected(self, theta: Array, data: SessionData) -> Array:
        """(people, minutes): mean speed 1/RT of what is answered in time, theta[i] being person i's."""
        out, d = np.empty(len(data.values)), data
        _speeds(
            self.own(COURSE, theta),
            self.own(_RULE, theta),
            self.deadline,
            d.starts,
            d.rest,
            d.work,
            d.first,
            out,
        )
        return _by_minute(data, np.where(_answered(data), out, np.nan))[1]

    def predictive(self, theta: Array, data: SessionData) -> Predictive:
        """Quantiles of response times in each third of the session, and how many come in time."""
        d, n, ends = data, len(data.people), len(QUANTILES)
        own, rule, t = self.own(COURSE, theta), self.own(_RULE, theta), _grid(self.deadline)
        seen, told, error = np.full((3, n, 3, ends + 1), np.nan)
        rt = d.values[:, 0]
        for i in range(n):
            a, b = d.starts[i], d.starts[i + 1]
            level, stay, back, on = np.empty((4, b - a))
            course(own[i], _LOAD, d.rest[a:b], d.work[a:b], d.first[a:b], level, stay, back)
            on_task(stay, back, d.first[a:b], on)
            apart = float(np.median(d.rest[a:b] + d.work[a:b]))
            runs = 1 + 2 * rule[i, 4] * rule[i, 5] / max(apart, 0.1)  # tempo: trials that are worth one
            for k, at in enumerate(np.array_split(np.arange(b - a), 3)):
                if len(at) < LEAST:
                    continue
                times = rt[a:b][at]
                f, late = np.empty(len(t)), np.empty(1)
                _mixed(rule[i], level[at].mean(), on[at].mean(), self.deadline, t, f, late)
                here = times[times >= EARLY]
                count, p = len(at), float((1 - late[0]) * (1 - rule[i, 6]))
                seen[i, k, ends], told[i, k, ends] = len(here) / count, p
                p = (p * count + 0.5) / (count + 1)
                error[i, k, ends] = math.sqrt(p * (1 - p) / count)
                if len(here) >= LEAST:
                    seen[i, k, :ends] = 1000 * np.quantile(here, QUANTILES)
                    told[i, k, :ends], error[i, k, :ends] = quantiles_of(t, f, len(here) / runs)
        conditions = [name for name in ("first third", "second third", "last third") for _ in range(ends + 1)]
        words = [*(f"{q:g}".lstrip("0") + " quantile" for q in QUANTILES), "in time"] * 3
        flat = (x.reshape(n, -1) for x in (seen, told, error))
        return Predictive(list(d.people), conditions, words, [*([TIMES] * ends), SHARES] * 3, *flat)

    def draw(self, ax: Any, theta: Array, data: SessionData) -> None:
        """Speed over time on task."""
        rt = data.values[:, 0]
        minute, seen = _by_minute(data, np.where(_answered(data), 1 / rt, np.nan))
        pen = plot.pens(["speed"])["speed"]
        over(ax, minute, seen, self.expected(theta, data), pen, "1/RT")
        ax.set(xlabel="time on task [min]", ylabel="speed 1/RT [1/s]", title="stars: data; lines: fit")

    def notes(self, frame: pd.DataFrame) -> list[str]:
        """Few trials, too short a time for fatigue to show, no order in time."""
        notes = super().notes(frame)
        if "onset" not in frame:
            notes.append(
                f"no onset: trials are taken to follow each other every {self.spacing:g} s in one sitting"
            )
        elif float(frame.groupby("person")["onset"].max().median()) < 180:
            notes.append(
                "less than three minutes on task: slow_loss, which takes a quarter of an hour, hardly shows"
            )
        late = int((frame["rt"] >= self.deadline).sum())
        return [*notes, f"{late} responses after {self.deadline:g} s count as none"] if late else notes


def _grid(deadline: float) -> Array:
    """Response times at which densities are taken, s: the middles of steps of 4 ms."""
    return np.arange(EARLIEST, deadline, 0.004) + 0.002


def _answered(data: SessionData) -> Array:
    return np.asarray(data.values[:, 0] >= EARLY)


def _by_minute(data: SessionData, values: Array) -> tuple[Array, Array]:
    """(minutes in the middle of each, (people, minutes) means); NaN where a person has none."""
    since = np.cumsum(data.rest + data.work)
    begin = np.maximum.accumulate(np.where(data.first, since - data.work - data.rest, -np.inf))
    minute = ((since - begin) // _SLOT).astype(np.int64)
    who = np.repeat(np.arange(len(data.people)), data.trials)
    there = ~np.isnan(values)
    sums, counts = (
        np.zeros((len(data.people), minute.max() + 1)),
        np.zeros((len(data.people), minute.max() + 1)),
    )
    np.add.at(sums, (who[there], minute[there]), values[there])
    np.add.at(counts, (who[there], minute[there]), 1.0)
    most = counts.sum(0) >= 0.5 * len(data.people)  # minutes that half of the people reached
    with np.errstate(invalid="ignore"):
        return (np.flatnonzero(most) + 0.5) * _SLOT / 60, (sums / counts)[:, most]


@compiled(nogil=True, arrays=True)
def _phi(z):  # type: ignore[no-untyped-def]
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


@compiled(nogil=True, arrays=True)
def _like(rt, mean, sd, early, deadline):  # type: ignore[no-untyped-def]
    """Density of a response at rt; NaN: the chance of none by the deadline."""
    if rt == HIDDEN:
        return 1.0
    mass = later_mass(mean, sd)
    if math.isnan(rt):
        return (1.0 - STRAY) * (1.0 - early) * later_after(deadline, mean, sd, mass) + 0.5 * STRAY
    law = (1.0 - early) * later_density(rt, mean, sd, mass) + (early / EARLY if rt < EARLY else 0.0)
    return (1.0 - STRAY) * law + 0.5 * STRAY / deadline


@compiled(nogil=True, arrays=True)
def _mixed(rule, level, on, deadline, t, out, late):  # type: ignore[no-untyped-def]
    """The density of responses in time, whatever their tempo, and the chance of none."""
    late[0] = 0.0
    out[:] = 0.0
    for state in range(2):
        weight = on if state == 0 else 1.0 - on
        mean = rule[0] * level * (1.0 if state == 0 else rule[2])
        sd = rule[1] * (1.0 if state == 0 else rule[3])
        mass = later_mass(mean, sd)
        late[0] += weight * later_after(deadline, mean, sd, mass)
        for j in range(len(t)):
            out[j] += weight * later_density(t[j], mean, sd, mass)


@compiled(nogil=True, arrays=True)
def _drift(p, z, keep, out):  # type: ignore[no-untyped-def]
    """The distribution of tempo on its grid, both states of attention, after its correlation has fallen to `keep`."""
    out[:] = 0.0
    spread = max(1e-9, 1.0 - keep * keep)
    for i in range(len(z)):
        total = 0.0
        k = np.empty(len(z))
        for j in range(len(z)):
            gap = z[j] - keep * z[i]
            k[j] = math.exp(-0.5 * gap * gap / spread)
            total += k[j]
        for j in range(len(z)):
            out[j, 0] += p[i, 0] * k[j] / total
            out[j, 1] += p[i, 1] * k[j] / total


@compiled(nogil=True, arrays=True)
def _sitting(rule, deadline, nodes, level, stay, back, first, since, rt):  # type: ignore[no-untyped-def]
    """Log density of one person's responses, over all courses of attention and of tempo."""
    speed, sd, off, spread, share, lasts, early = rule
    z = np.linspace(-_WIDE, _WIDE, nodes) if share > 0.0 else np.zeros(1)
    at_first = np.exp(-0.5 * z * z) / np.exp(-0.5 * z * z).sum()
    p, q = np.zeros((len(z), 2)), np.zeros((len(z), 2))
    total = 0.0
    for j in range(len(rt)):
        if first[j]:
            p[:, 0], p[:, 1] = at_first, 0.0
        elif share > 0.0:
            _drift(p, z, math.exp(-since[j] / lasts), q)
            p[:] = q
        both = 0.0
        for i in range(len(z)):
            on, away = p[i, 0] * stay[j] + p[i, 1] * back[j], 0.0
            away = p[i, 0] + p[i, 1] - on
            for state in range(2):
                mean = speed * level[j] * (1.0 if state == 0 else off)
                own = sd * (1.0 if state == 0 else spread)
                like = _like(
                    rt[j], mean + math.sqrt(share) * own * z[i], math.sqrt(1.0 - share) * own, early, deadline
                )
                p[i, state] = (on if state == 0 else away) * like
                both += p[i, state]
        total += math.log(max(both, 1e-300))
        p /= max(both, 1e-300)
        if rt[j] < EARLY:  # an error: attention is back
            p[:, 0] += p[:, 1]
            p[:, 1] = 0.0
    return total


@compiled(nogil=True, arrays=True)
def _merged(rules, deadline, level, stay, back, first, since, rt):  # type: ignore[no-untyped-def]
    """As `_sitting`, tempo being a normal in either state of attention; rules: one, or one for each trial."""
    speed, sd, off, spread, share, lasts, early = rules[0]
    p, m, v = np.array([1.0, 0.0]), np.zeros(2), np.ones(2)
    q, mean, var = np.empty(2), np.empty(2), np.empty(2)
    total = 0.0
    for j in range(len(rt)):
        if len(rules) > 1:
            speed, sd = rules[j, 0], rules[j, 1]
        if first[j]:
            p[0], p[1] = 1.0, 0.0
            m[:], v[:] = 0.0, 1.0
        keep = math.exp(-since[j] / lasts) if share > 0.0 and not first[j] else 1.0
        for state in range(2):  # where attention is now, and what is known of tempo there
            a = p[0] * (stay[j] if state == 0 else 1.0 - stay[j])
            b = p[1] * (back[j] if state == 0 else 1.0 - back[j])
            q[state] = a + b
            a = a / q[state] if q[state] > 0.0 else 1.0
            x = a * m[0] + (1.0 - a) * m[1]
            var[state] = a * (v[0] + (m[0] - x) ** 2) + (1.0 - a) * (v[1] + (m[1] - x) ** 2)
            mean[state] = keep * x
            var[state] = keep * keep * var[state] + 1.0 - keep * keep
        both = 0.0
        for state in range(2):
            own = sd * (1.0 if state == 0 else spread)
            load = math.sqrt(share) * own
            middle = speed * level[j] * (1.0 if state == 0 else off) + load * mean[state]
            wide = load * load * var[state] + (1.0 - share) * own * own
            like = _like(rt[j], middle, math.sqrt(wide), early, deadline)
            m[state], v[state] = mean[state], var[state]
            if rt[j] >= EARLIEST and rt[j] != HIDDEN and share > 0.0:
                law = (
                    (1.0 - STRAY)
                    * (1.0 - early)
                    * later_density(rt[j], middle, math.sqrt(wide), later_mass(middle, math.sqrt(wide)))
                )
                told = law / like if like > 0.0 else 0.0  # the share of it that tells of tempo
                gain = var[state] * load / wide
                then, less = (
                    mean[state] + gain * (1.0 / rt[j] - middle),
                    var[state] - gain * load * var[state],
                )
                x = told * then + (1.0 - told) * mean[state]
                v[state] = told * (less + (then - x) ** 2) + (1.0 - told) * (
                    var[state] + (mean[state] - x) ** 2
                )
                m[state] = x
            p[state] = q[state] * like
            both += p[state]
        total += math.log(max(both, 1e-300))
        p /= max(both, 1e-300)
        if rt[j] < EARLY:  # an error: attention is back
            x = p[0] * m[0] + p[1] * m[1]
            v[0] = p[0] * (v[0] + (m[0] - x) ** 2) + p[1] * (v[1] + (m[1] - x) ** 2)
            m[0] = x
            p[0], p[1] = 1.0, 0.0
    return total


@compiled(nogil=True, arrays=True)
def _press(own, rule, deadline, nodes, starts, rest, work, first, rt, row, out):  # type: ignore[no-untyped-def]
    for i in range(len(own)):
        a, b = starts[row[i]], starts[row[i] + 1]
        level, stay, back = np.empty(b - a), np.empty(b - a), np.empty(b - a)
        course(own[i], _LOAD, rest[a:b], work[a:b], first[a:b], level, stay, back)
        since = rest[a:b] + work[a:b]
        if nodes > 0:
            out[i] = _sitting(rule[i], deadline, nodes, level, stay, back, first[a:b], since, rt[a:b])
        else:
            out[i] = _merged(rule[i : i + 1], deadline, level, stay, back, first[a:b], since, rt[a:b])


@compiled(nogil=True, arrays=True)
def _press_apart(own, rule, deadline, starts, rest, work, first, rt, out):  # type: ignore[no-untyped-def]
    """As `_press`, rule being that of each trial."""
    for i in range(len(own)):
        a, b = starts[i], starts[i + 1]
        level, stay, back = np.empty(b - a), np.empty(b - a), np.empty(b - a)
        course(own[i], _LOAD, rest[a:b], work[a:b], first[a:b], level, stay, back)
        since = rest[a:b] + work[a:b]
        out[i] = _merged(rule[a:b], deadline, level, stay, back, first[a:b], since, rt[a:b])


@compiled(nogil=True, arrays=True)
def _speeds(own, rule, deadline, starts, rest, work, first, out):  # type: ignore[no-untyped-def]
    """Mean 1/RT of what is answered in time, in each trial of everybody."""
    for i in range(len(own)):
        a, b = starts[i], starts[i + 1]
        level, stay, back, on = np.empty(b - a), np.empty(b - a), np.empty(b - a), np.empty(b - a)
        course(own[i], _LOAD, rest[a:b], work[a:b], first[a:b], level, stay, back)
        on_task(stay, back, first[a:b], on)
        for j in range(b - a):
            up, down = 0.0, 0.0
            for state in range(2):
                mean = rule[i, 0] * level[j] * (1.0 if state == 0 else rule[i, 2])
                sd = rule[i, 1] * (1.0 if state == 0 else rule[i, 3])
                weight = on[j] if state == 0 else 1.0 - on[j]
                low, high = (1.0 / deadline - mean) / sd, (1.0 / EARLIEST - mean) / sd
                mass = _phi(high) - _phi(low)
                bend = (math.exp(-0.5 * low * low) - math.exp(-0.5 * high * high)) / math.sqrt(2.0 * math.pi)
                up += weight * (mean * mass + sd * bend)
                down += weight * mass
            out[a + j] = up / down
