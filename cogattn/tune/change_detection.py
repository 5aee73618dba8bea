r"""Change detection: how likely each `changed` and each `same` is. Exact: the race, the store, lapses, guesses, slips.

A probed square of n is known if attention was on its task when it was stored. With F = 1 - exp(-C A (study - t0) / n),
A alertness, the store holds min(K, Binomial(n, F)) of n equal squares, K mixed over whole numbers. What is known is
said; else `changed` is guessed with the chance g; a slip turns either round. (g is fitted as a number of the task. A
mind guesses by its own criterion, `paradigms.divided.says_yes`: a g that was fitted is not handed on to it.)

    P(known) = E[min(K, Binomial(n, F))] / n,    p = P(known) [it changed] + (1 - P(known)) g
    P(says changed) = (1 - s) p + s (1 - p)

Attention is a hidden chain over the trials of a sitting (`tune.sessions`). [approximation: it does not turn within the
half second of study]
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cogattn._renamed import old_names
from cogattn.compiled import compiled
from cogattn.errors import InputError, number
from cogattn.laws.counts import report_counts
from cogattn.paradigms.divided import DEMAND, MONOTONY
from cogattn.tune.base import Array, Likelihood, checked, lacking, over
from cogattn.tune.predictive import SHARES, Predictive
from cogattn.tune.sessions import COURSE, HIDDEN, SessionData, course, forward, on_task
from cogattn.view import plot


@dataclass(frozen=True)
class ChangeDetectionLikelihood(Likelihood):
    """One square is probed. Options: study time [s], spacing of trials [s] where no onset says."""

    study: float = 0.5
    spacing: float = 2.5

    params: ClassVar[tuple[str, ...]] = ("slots", "wandering", "guess", "slip", "capacity", "threshold")
    columns: ClassVar[tuple[str, ...]] = ("person", "set_size", "changed", "says_changed")
    optional: ClassVar[tuple[str, ...]] = ("onset",)
    others: ClassVar[Mapping[str, float]] = {"guess": 0.5}

    def __post_init__(self) -> None:
        number("study", self.study, above=0, most=3600, unit="s")
        number("spacing", self.spacing, above=0, most=3600, unit="s")

    def usual(self, data: SessionData) -> tuple[str, ...]:  # noqa: ARG002
        """Half a second is time enough for all: rate and threshold are then unknown, and a slip looks like a lapse."""
        return ("slots", "wandering", "guess")

    def compact(self, frame: pd.DataFrame) -> SessionData:
        """Set size, whether it changed, what was said, in order."""
        checked(frame, (*self.columns, *(c for c in self.optional if c in frame)))
        n = frame["set_size"].to_numpy(float)
        odd = (n < 1) | (n > 64) | (n != np.floor(n))
        if odd.any():
            raise InputError(f"set_size must be a whole number from 1 to 64, got {n[odd][0]:g}")
        for name in ("changed", "says_changed"):
            odd = ~frame[name].isin([0, 1])
            if odd.any():
                raise InputError(
                    f"{name} must be 1 (yes) or 0 (no) in every trial, got {frame[name][odd].iloc[0]:g}"
                )
        shown, answers = ("set_size", "changed"), ("says_changed",)
        return SessionData.made(frame, shown, answers, self.spacing - self.study - 1.0, self.spacing)

    def loglik(self, theta: Array, data: SessionData, row: Array) -> Array:
        """(n,): log-likelihood of the trials of person row[i] under theta[i]."""
        out, load = np.empty(len(theta)), DEMAND * MONOTONY
        own, d = self.own(COURSE, theta), data
        theta, row = np.ascontiguousarray(theta, float), np.asarray(row, np.int64)
        _detect(theta, own, self.study, load, d.starts, d.rest, d.work, d.first, d.values, row, out)
        return out

    def expected(self, theta: Array, data: SessionData) -> Array:
        """(people, kinds): P(says changed) under theta[i], person i's, for each set size unchanged and changed."""
        out, load = np.empty(len(data.values)), DEMAND * MONOTONY
        own, d = self.own(COURSE, theta), data
        theta = np.ascontiguousarray(theta, float)
        _expect(theta, own, self.study, load, d.starts, d.rest, d.work, d.first, d.values, out)
        return _by_kind(data, out)

    def predictive(self, theta: Array, data: SessionData) -> Predictive:
        """How often `changed` is said, for each set size."""
        seen, told, kinds = _by_kind(data, data.values[:, 2]), self.expected(theta, data), _kinds(data)
        n = _by_kind(data, np.ones(len(data.values)), np.sum)
        with np.errstate(invalid="ignore", divide="ignore"):
            p = (told * n + 0.5) / (n + 1)
            error = np.sqrt(p * (1 - p) / n)
        named = [f"{size:g} squares" for size, _ in kinds]
        words = ["hits" if changed else "false alarms" for _, changed in kinds]
        return Predictive(list(data.people), named, words, [SHARES] * len(named), seen, told, error)

    def draw(self, ax: Any, theta: Array, data: SessionData) -> None:
        """Accuracy over set size, and how often `changed` is said: hits and false alarms."""
        seen, fitted = _by_kind(data, data.values[:, 2]), self.expected(theta, data)
        kinds = _kinds(data)
        pens = plot.pens(["hits", "false alarms"])
        for changed, label in ((1.0, "hits"), (0.0, "false alarms")):
            at = np.flatnonzero(kinds[:, 1] == changed)
            over(ax, kinds[at, 0], seen[:, at], fitted[:, at], pens[label], label)
        ax.set(xlabel="squares", ylabel="says changed", ylim=(0, 1.03), title="stars: data; lines: fit")
        ax.legend(loc="best", fontsize=8)

    def notes(self, frame: pd.DataFrame) -> list[str]:
        """Few trials, a condition missing, displays too small, no order in time."""
        notes = super().notes(frame) + lacking(frame, ("set_size", "changed"))
        if frame["set_size"].max() <= 3:
            notes.append("no more than 3 squares: who holds them all shows no limit")
        if "onset" not in frame:
            notes.append(
                f"no onset: trials are taken to follow each other every {self.spacing:g} s in one sitting"
            )
        return notes


def _kinds(data: SessionData) -> Array:
    """(kinds, 2): set size and changed."""
    return np.unique(data.values[:, :2], axis=0)


def _by_kind(data: SessionData, values: Array, what: Any = np.mean) -> Array:
    """(people, kinds): the mean (or the sum) of a value of each trial; NaN where a person had none."""
    kinds, at = np.unique(data.values[:, :2], axis=0, return_inverse=True)
    who = np.repeat(np.arange(len(data.people)), data.trials)
    sums, counts = np.zeros((len(data.people), len(kinds))), np.zeros((len(data.people), len(kinds)))
    np.add.at(sums, (who, at.ravel()), values)
    np.add.at(counts, (who, at.ravel()), 1.0)
    with np.errstate(invalid="ignore"):
        return sums if what is np.sum else sums / counts


@compiled(nogil=True, arrays=True)
def known(n, slots, work, table):  # type: ignore[no-untyped-def]
    """P(a probed one of n equal squares is in the store) after `work` = C A (study - t0)."""
    report_counts(n, 0, 1.0, work, table)
    k = min(float(n), max(0.0, slots))
    low = math.floor(k)
    share, held = k - low, 0.0
    for j in range(n + 1):
        held += j * (table[low, j] if low == n else (1.0 - share) * table[low, j] + share * table[low + 1, j])
    return held / n


@compiled(nogil=True, arrays=True)
def _says(theta, study, level, values, says):  # type: ignore[no-untyped-def]
    """P(says changed) in each trial, if attention is on its task and if it is away."""
    slots, guess, slip = theta[0], theta[2], theta[3]
    for j in range(len(values)):
        n = int(values[j, 0])
        work = theta[4] * level[j] * max(0.0, study - theta[5])
        k = known(n, slots, work, np.empty((n + 1, n + 1)))
        p = k * values[j, 1] + (1.0 - k) * guess
        says[j, 0] = (1.0 - slip) * p + slip * (1.0 - p)
        says[j, 1] = (1.0 - slip) * guess + slip * (1.0 - guess)


@compiled(nogil=True, arrays=True)
def _detect(theta, own, study, load, starts, rest, work, first, values, row, out):  # type: ignore[no-untyped-def]
    """Log-likelihoods: each trial's answer, over all courses of attention."""
    for i in range(len(theta)):
        a, b = starts[row[i]], starts[row[i] + 1]
        level, stay, back = np.empty(b - a), np.empty(b - a), np.empty(b - a)
        course(own[i], load, rest[a:b], work[a:b], first[a:b], level, stay, back)
        like = np.empty((b - a, 2))
        _says(theta[i], study, level, values[a:b], like)
        for j in range(b - a):
            if values[a + j, 2] == HIDDEN:
                like[j] = 1.0
            elif values[a + j, 2] == 0.0:
                like[j] = 1.0 - like[j]
        out[i] = forward(like, stay, back, first[a:b])


@compiled(nogil=True, arrays=True)
def _expect(theta, own, study, load, starts, rest, work, first, values, out):  # type: ignore[no-untyped-def]
    """P(says changed) in each trial of everybody, whatever was answered before."""
    for i in range(len(theta)):
        a, b = starts[i], starts[i + 1]
        level, stay, back, on = np.empty(b - a), np.empty(b - a), np.empty(b - a), np.empty(b - a)
        course(own[i], load, rest[a:b], work[a:b], first[a:b], level, stay, back)
        on_task(stay, back, first[a:b], on)
        says = np.empty((b - a, 2))
        _says(theta[i], study, level, values[a:b], says)
        for j in range(b - a):
            out[a + j] = on[j] * says[j, 0] + (1.0 - on[j]) * says[j, 1]


old_names(__name__, ChangeDetection="ChangeDetectionLikelihood")
