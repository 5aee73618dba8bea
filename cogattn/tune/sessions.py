r"""Trials in the order in which they came: attention tires, leaves and returns between them, exactly as in a mind.

Whether attention is on its task is a Markov chain that nobody sees: it leaves with the hazard h(t) = m (h0 + hF xF +
hS xS) and returns at the rate 1 / away (`laws.alertness`). From one trial to the next, s later, with r = 1 / away and h
the mean hazard of at most `_STEP` seconds,

    P(on | on) = q + (1 - q) e^{-(h + r) s},   P(on | off) = q (1 - e^{-(h + r) s}),   q = r / (h + r)

so the likelihood of a sitting is a sum over all courses of attention, taken forward trial by trial (Rabiner 1989, Proc
IEEE 77:257): lapses that come in runs are no surprise to it, as they would be to trials that stand alone.

Rows of a person must stand in the order in which they came; a new sitting begins where `onset` falls back. Without
onsets the trials are spaced as in the paradigm. A pause is an interval of more than 15 s that is three times the usual.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from cogattn._renamed import old_names
from cogattn.compiled import compiled
from cogattn.errors import InputError
from cogattn.laws.alertness import pool_at, pool_integral, pool_rates
from cogattn.tune.base import Array, dealt

#: What of a mind decides the course of its attention, in the order in which the compiled functions take it.
COURSE = ("wandering", "lapse_base", "lapse_fast", "lapse_slow", "lapse_duration", "fast_loss", "slow_loss",
          "fast_tiring", "fast_recovery", "fast_rest", "slow_tiring", "slow_recovery", "slow_rest")  # fmt: skip
HIDDEN = np.inf  #: in place of an answer: nothing is known of it
_STEP = 4.0  # s in which the hazard is taken as constant
_PAUSE, _TIMES = 15.0, 3.0


@dataclass(frozen=True)
class SessionData:
    """Everybody's trials one after the other, person by person."""

    people: list[Any]
    starts: Array  #: (people + 1,) where each person's trials begin
    rest: Array  #: (trials,) s of pause before a trial
    work: Array  #: (trials,) s at work before it, since the onset of the trial before
    first: Array  #: (trials,) whether a sitting begins
    values: Array  #: (trials, columns) what was shown, then what was answered
    answers: int  #: how many of the columns were answered
    called: tuple[
        str, ...
    ] = ()  #: what the values 0, 1, ... of the first column are called, where they are codes

    @property
    def trials(self) -> Array:
        """(people,)"""
        return np.diff(self.starts)

    def of(self, rows: Sequence[int]) -> SessionData:
        """Some of the people."""
        at = [np.arange(self.starts[i], self.starts[i + 1]) for i in rows]
        index = np.concatenate(at) if at else np.zeros(0, np.int64)
        starts = np.concatenate([[0], np.cumsum([len(a) for a in at])]).astype(np.int64)
        rest, work, first, values = (c[index] for c in (self.rest, self.work, self.first, self.values))
        people = [self.people[i] for i in rows]
        return SessionData(people, starts, rest, work, first, values, self.answers, self.called)

    def folds(self, n: int, seed: int) -> list[SessionData]:
        """The data without one nth of each person's trials of each kind, for each nth: what was answered there is
        HIDDEN, but the trial was."""
        shown = self.values[:, : self.values.shape[1] - self.answers]
        kind = (
            np.unique(shown, axis=0, return_inverse=True)[1].ravel()
            if shown.shape[1]
            else np.zeros(len(shown), int)
        )
        fold = np.empty(len(kind), np.int64)
        for i, (a, b) in enumerate(itertools.pairwise(self.starts)):
            chance = np.random.default_rng([seed, i])
            for k in np.unique(kind[a:b]):
                at = a + np.flatnonzero(kind[a:b] == k)
                fold[at] = dealt(len(at), n, chance)
        out = []
        for f in range(n):
            values = self.values.copy()
            values[fold == f, shown.shape[1] :] = HIDDEN
            out.append(replace(self, values=values))
        return out

    @classmethod
    def made(
        cls, frame: pd.DataFrame, shown: Sequence[str], answers: Sequence[str], begin: float, spacing: float
    ) -> SessionData:
        """From a long table. begin, spacing: when the first trial came, and how far apart they are, if nothing says."""
        who, people = pd.factorize(frame["person"])
        order = np.argsort(who, kind="stable")
        starts = np.searchsorted(who[order], np.arange(len(people) + 1)).astype(np.int64)
        if "onset" in frame:
            onset = frame["onset"].to_numpy(float)[order]
        else:
            onset = begin + spacing * (np.arange(len(order)) - np.repeat(starts[:-1], np.diff(starts)))
        step = np.diff(onset, prepend=np.inf)
        first = step < 0
        first[starts[:-1]] = True
        _in_order(first, starts, people)
        rest, work = _intervals(onset, step, first, starts, spacing)
        values = frame[[*shown, *answers]].to_numpy(float)[order]
        return cls(list(people), starts, rest, work, first, np.ascontiguousarray(values), len(answers))


def _in_order(first: Array, starts: Array, people: Any) -> None:
    """A person of many sittings of a trial or two has trials in no order."""
    for i, (a, b) in enumerate(itertools.pairwise(starts)):
        if first[a:b].sum() > 2 + (b - a) / 4:
            raise InputError(
                f"the trials of person {people[i]!r} are not in the order in which they came: sort them by onset"
            )


def _intervals(onset: Array, step: Array, first: Array, starts: Array, spacing: float) -> tuple[Array, Array]:
    """(pause, work) before each trial, s. Before the first of a sitting: as usual, or less if its clock says so."""
    rest, work = np.zeros(len(step)), step.copy()
    for a, b in itertools.pairwise(starts):
        own, new = step[a:b], first[a:b]
        usual = float(np.median(own[~new])) if (~new).any() else spacing
        paused = ~new & (own > max(_PAUSE, _TIMES * usual))
        rest[a:b][paused] = own[paused] - usual
        work[a:b][paused] = usual
        work[a:b][new] = np.clip(onset[a:b][new], 0.0, usual)
    return rest, work


@compiled(nogil=True, arrays=True)
def course(own, load, rest, work, first, level, stay, back):  # type: ignore[no-untyped-def]
    """Of one person's trials: alertness, P(on task | on at the trial before), P(on task | away then); own is COURSE.

    Before the first trial of a sitting attention is rested, and on.
    """
    m, h0, hf, hs, away, gf, gs = own[0], own[1], own[2], own[3], own[4], own[5], own[6]
    xf = xs = 0.0
    back_rate = 1.0 / away
    for j in range(len(rest)):
        if first[j]:
            xf = xs = 0.0
        a, b = 1.0, 0.0
        for part in range(2):
            u, span = (0.0, rest[j]) if part == 0 else (load, work[j])
            if span <= 0.0:
                continue
            steps = math.ceil(span / _STEP)
            s = span / steps
            kf, goal_f = pool_rates(u, own[7], own[8], own[9])
            ks, goal_s = pool_rates(u, own[10], own[11], own[12])
            for _ in range(steps):
                h = h0 * s + hf * pool_integral(xf, kf, goal_f, s) + hs * pool_integral(xs, ks, goal_s, s)
                h *= m / s
                q = back_rate / (h + back_rate)
                gone = math.exp(-(h + back_rate) * s)
                keep, come = q + (1.0 - q) * gone, q * (1.0 - gone)
                a, b = a * keep + (1.0 - a) * come, b * keep + (1.0 - b) * come
                xf, xs = pool_at(xf, kf, goal_f, s), pool_at(xs, ks, goal_s, s)
        level[j] = 1.0 - gf * xf - gs * xs
        stay[j], back[j] = a, b


@compiled(nogil=True, arrays=True)
def forward(like, stay, back, first):  # type: ignore[no-untyped-def]
    """Log-likelihood of one person's trials: like (trials, 2) if attention is on its task, and if it is away."""
    total, on = 0.0, 1.0
    for j in range(len(like)):
        if first[j]:
            on = 1.0
        on = on * stay[j] + (1.0 - on) * back[j]
        both = on * like[j, 0] + (1.0 - on) * like[j, 1]
        total += math.log(max(both, 1e-300))
        on = on * like[j, 0] / both if both > 0.0 else on
    return total


@compiled(nogil=True, arrays=True)
def on_task(stay, back, first, out):  # type: ignore[no-untyped-def]
    """P(attention is on its task) at each trial, whatever was answered."""
    on = 1.0
    for j in range(len(stay)):
        if first[j]:
            on = 1.0
        on = on * stay[j] + (1.0 - on) * back[j]
        out[j] = on


old_names(__name__, Sittings="SessionData")
