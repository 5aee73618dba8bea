"""How likely people's data are under a law, exactly: one class per kind of data, all of it compiled.

A likelihood says which parameters its data inform, condenses a long table to counts per person (`compact`), and gives
the log-likelihood of each person's counts under that person's parameters. It rests on the laws alone, so what is fitted
is what the minds do.

    report: P(score | C, K, t0, alpha), the race (`laws.counts.report_counts`)

A share `stray` of answers is scattered over all scores: a typing error must not prove five slots. [assumption: .002]
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cogattn import paradigms
from cogattn._renamed import old_names
from cogattn.compiled import compiled
from cogattn.errors import InputError, choice, counted, number
from cogattn.laws.counts import first_finishers, reallocated_counts, report_counts
from cogattn.paradigms import Paradigm, registry
from cogattn.paradigms.base import Law
from cogattn.tune.base import STRAY, Array, Likelihood, checked, dealt, lacking, over, some
from cogattn.tune.predictive import Predictive
from cogattn.view import plot

RACES = ("fixed", "reallocating", "linear")
MOST = 64  #: targets, and distractors, of a display: a table has a row for each number of them (as in the paradigms)


@dataclass(frozen=True)
class Compact:
    """People's data, condensed: what a likelihood needs and no more."""

    people: list[Any]  #: what each is called, in the order of the rows
    exposure: Array  #: (conditions,) s
    targets: Array
    distractors: Array
    counts: Array  #: (people, conditions, scores): how often each score

    @property
    def trials(self) -> Array:
        """(people,)"""
        return np.asarray(self.counts.sum((1, 2)), np.int64)

    def of(self, rows: Sequence[int]) -> Compact:
        """Some of the people."""
        return Compact(
            [self.people[i] for i in rows],
            self.exposure,
            self.targets,
            self.distractors,
            self.counts[list(rows)],
        )

    def folds(self, n: int, seed: int) -> list[Compact]:
        """The data without one nth of each person's trials of each condition, for each nth."""
        parts = np.zeros((n, *self.counts.shape))
        for i in range(len(self.people)):
            chance = np.random.default_rng([seed, i])
            for c in range(len(self.exposure)):
                scores = _scores(self.counts[i, c])
                fold = dealt(len(scores), n, chance)
                for f in range(n):
                    parts[f, i, c] = np.bincount(scores[fold == f], minlength=parts.shape[-1])
        return [replace(self, counts=self.counts - part) for part in parts]

    def resampled(self, row: int, turn: int, seed: int) -> Compact:
        """One person's data with the trials of each condition drawn anew, with replacement."""
        chance = np.random.default_rng([seed, row, turn])
        drawn = [chance.choice(_scores(c), int(c.sum())) if c.any() else _scores(c) for c in self.counts[row]]
        counts = np.array([np.bincount(d, minlength=self.counts.shape[2]) for d in drawn], float)
        return replace(self, people=[self.people[row]], counts=counts[None])


def _scores(counts: Array) -> Array:
    """The scores of one condition, trial by trial."""
    return np.repeat(np.arange(len(counts)), counts.astype(np.int64))


@dataclass(frozen=True)
class ReportLikelihood(Likelihood):
    """Whole and partial report of brief, masked displays.

    race: "fixed" (each keeps its rate), "reallocating" (what is stored hands its rate to the rest), or no race:
    "linear", C items a second, one like the other, until K are held: the leanest law that has a rate and a limit.
    """

    stray: float = STRAY
    race: str = "fixed"

    stiff: ClassVar[float] = 2.0
    params: ClassVar[tuple[str, ...]] = ("capacity", "slots", "threshold", "alpha")
    columns: ClassVar[tuple[str, ...]] = ("person", "exposure", "targets", "distractors", "score")

    def __post_init__(self) -> None:
        number("stray", self.stray, least=0, most=0.5)
        choice("race", self.race, RACES)

    def informed(self, data: Compact) -> tuple[str, ...]:
        """The parameters that these data can say something about."""
        return self.params if (data.distractors > 0).any() else self.params[:3]

    def compact(self, frame: pd.DataFrame) -> Compact:
        """Counts of each score in each condition, for each person."""
        checked(frame, self.columns)
        targets, score = frame["targets"].to_numpy(), frame["score"].to_numpy()
        if (score < 0).any() or (score > targets).any() or (score != np.floor(score)).any():
            bad = frame[(score < 0) | (score > targets) | (score != np.floor(score))].iloc[0]
            raise InputError(
                f"score must be a whole number from 0 to the targets shown, got {bad['score']:g} of "
                f"{bad['targets']:g} for person {bad['person']}"
            )
        for name, least in (("targets", 1), ("distractors", 0)):
            odd = frame[(frame[name] < least) | (frame[name] > MOST) | (frame[name] != np.floor(frame[name]))]
            if len(odd):
                got, who = odd[name].iloc[0], odd["person"].iloc[0]
                raise InputError(
                    f"{name} must be a whole number from {least} to {MOST}, got {got:g} for person {who}"
                )
        if (frame["exposure"] <= 0).any():
            raise InputError(f"exposure must be > 0 s, got {frame['exposure'].min():g}")
        if (frame["exposure"] > 5).any():
            raise InputError(
                f"exposure must be in seconds, and brief: got {frame['exposure'].max():g}; divide milliseconds by 1000"
            )
        keys = ["exposure", "targets", "distractors"]
        conditions = frame[keys].drop_duplicates().sort_values(keys[::-1]).to_numpy(float)
        people = list(dict.fromkeys(frame["person"]))
        counts = np.zeros((len(people), len(conditions), int(targets.max()) + 1))
        who = frame["person"].map({p: i for i, p in enumerate(people)}).to_numpy()
        at = {tuple(c): i for i, c in enumerate(conditions.tolist())}
        which = np.array([at[tuple(c)] for c in frame[keys].to_numpy(float).tolist()])
        np.add.at(counts, (who, which, score.astype(np.int64)), 1.0)
        e, m, d = conditions.T
        return Compact(people, e, m.astype(np.int64), d.astype(np.int64), counts)

    def loglik(self, theta: Array, data: Compact, row: Array) -> Array:
        """(n,): log-likelihood of the counts of person row[i] under theta[i] = (C, K, t0, alpha)."""
        out = np.empty(len(theta))
        e, m, d = data.exposure, data.targets, data.distractors
        _report(
            np.ascontiguousarray(theta, float),
            data.counts,
            np.asarray(row, np.int64),
            e,
            m,
            d,
            self.stray,
            RACES.index(self.race),
            out,
        )
        return out

    def expected(self, theta: Array, data: Compact) -> Array:
        """(n, conditions): the mean score under theta[i]."""
        out, kind = np.empty((2, len(theta), len(data.exposure))), RACES.index(self.race)
        args = (data.exposure, data.targets, data.distractors, kind)
        _means(np.ascontiguousarray(theta, float), *args, out[0], out[1])
        return np.asarray(out[0])

    def predictive(self, theta: Array, data: Compact) -> Predictive:
        """The mean score of each condition."""
        score, n = np.arange(data.counts.shape[2]), data.counts.sum(2)
        with np.errstate(invalid="ignore", divide="ignore"):
            seen = (data.counts @ score) / n
            told, kind = np.empty((2, *seen.shape)), RACES.index(self.race)
            args = (data.exposure, data.targets, data.distractors, kind)
            _means(np.ascontiguousarray(theta, float), *args, told[0], told[1])
            error = np.sqrt(np.maximum(told[1] - told[0] ** 2, 0.01) / n)
        named = [
            f"{1000 * e:.0f} ms, {m} targets" + (f", {d} distractors" if d else "")
            for e, m, d in zip(data.exposure, data.targets, data.distractors, strict=True)
        ]
        k = len(named)
        return Predictive(
            list(data.people), named, ["score"] * k, ["targets reported"] * k, seen, told[0], error
        )

    def starts(self, params: Sequence[str]) -> list[Array]:
        """K in several places: between two whole numbers the likelihood is smooth, at them not."""
        (mean,) = super().starts(params)
        if "slots" not in params:
            return [mean]
        here = np.arange(len(mean)) == list(params).index("slots")
        return [np.where(here, k, mean) for k in (1.5, 2.5, 3.5, 4.5)]

    def notes(self, frame: pd.DataFrame) -> list[str]:
        """Few trials, no letter ever, a condition missing, one exposure."""
        notes = super().notes(frame)
        right = frame.groupby("person", sort=False)["score"].sum()
        nothing = right[right == 0]
        if len(nothing):
            silent = counted(len(nothing), "person", "people")
            notes.append(f"{silent} reported nothing in any trial ({some(nothing.index)})")
        notes += lacking(frame, ("exposure", "targets", "distractors"))
        if frame["exposure"].nunique() == 1:
            notes.append("one exposure alone cannot tell the rate from the threshold: they will trade off")
        return notes

    def draw(self, ax: Any, theta: Array, data: Compact) -> None:
        """Mean score over exposure, a line per kind of display: people, and what the fit expects of them."""
        d, expected = data, self.expected(theta, data)
        sums = (d.counts * np.arange(d.counts.shape[2])).sum(2)
        asked = d.counts.sum(2)
        seen = np.where(asked > 0, sums / np.maximum(asked, 1), np.nan)
        kinds = sorted({(int(m), int(k)) for m, k in zip(d.targets, d.distractors, strict=True)})
        known = plot.pens([str(kind) for kind in kinds])
        for m, k in kinds:
            at = np.flatnonzero((d.targets == m) & (d.distractors == k))
            at = at[np.argsort(d.exposure[at])]
            label = f"{m} targets" + (f", {k} distractors" if k else "")
            over(ax, 1000 * d.exposure[at], seen[:, at], expected[:, at], known[str((m, k))], label)
        ax.set(
            xlabel="exposure [ms]", ylabel="targets reported", ylim=(0, None), title="stars: data; lines: fit"
        )
        ax.legend(loc="best", fontsize=8)


@compiled(nogil=True, arrays=True)
def _linear(m, d, alpha, work, out):  # type: ignore[no-untyped-def]
    """As many as there was time for, `work` mixed over floor and ceiling; who they are is as in a race."""
    n = m + d
    who = np.empty((n + 1, m + 1))
    first_finishers(m, d, alpha, who)
    x = min(float(n), work)
    low = math.floor(x)
    for k in range(n + 1):
        for j in range(m + 1):
            above = who[min(low + 1, k), j] if low < n else 0.0
            out[k, j] = (1.0 - x + low) * who[min(low, k), j] + (x - low) * above


@compiled(nogil=True, arrays=True)
def _mixed(theta, exposure, m, d, kind, table, p):  # type: ignore[no-untyped-def]
    """P(score), score 0..m, into p: the law of whole K, mixed over floor and ceiling."""
    race = theta[0] * max(0.0, exposure - theta[2])
    if kind == 0:
        report_counts(m, d, theta[3], race, table)
    elif kind == 1:
        reallocated_counts(m, d, theta[3], race, table)
    else:
        _linear(m, d, theta[3], race, table)
    n = m + d
    k = min(float(n), max(0.0, theta[1]))
    low = math.floor(k)
    share = k - low
    for j in range(m + 1):
        p[j] = table[low, j] if low == n else (1.0 - share) * table[low, j] + share * table[low + 1, j]


@compiled(nogil=True, arrays=True)
def _report(theta, counts, row, exposure, targets, distractors, stray, kind, out):  # type: ignore[no-untyped-def]
    for i in range(len(theta)):
        total = 0.0
        for c in range(len(exposure)):
            m, d = targets[c], distractors[c]
            some = False
            for j in range(m + 1):
                some = some or counts[row[i], c, j] > 0
            if not some:
                continue
            table, p = np.empty((m + d + 1, m + 1)), np.empty(m + 1)
            _mixed(theta[i], exposure[c], m, d, kind, table, p)
            for j in range(m + 1):
                if counts[row[i], c, j] > 0:
                    total += counts[row[i], c, j] * math.log((1.0 - stray) * p[j] + stray / (m + 1))
        out[i] = total


@compiled(nogil=True, arrays=True)
def _means(theta, exposure, targets, distractors, kind, out, squares):  # type: ignore[no-untyped-def]
    """The mean score and the mean of its square."""
    for i in range(len(theta)):
        for c in range(len(exposure)):
            m, d = targets[c], distractors[c]
            table, p = np.empty((m + d + 1, m + 1)), np.empty(m + 1)
            _mixed(theta[i], exposure[c], m, d, kind, table, p)
            out[i, c] = squares[i, c] = 0.0
            for j in range(m + 1):
                out[i, c] += j * p[j]
                squares[i, c] += j * j * p[j]


def of(paradigm: str | Paradigm) -> Likelihood:
    """The likelihood of a paradigm's data: exact where the laws give one, else simulated."""
    task = paradigms.instance(paradigm)
    if not task.fitted:
        raise InputError(f"{task.name} cannot be fitted; what can be: {', '.join(fitted())}")
    found = task.likelihood()
    return found if isinstance(found, Likelihood) else made(found)


def made(place: Law) -> Likelihood:
    """The law that lives there, with its options."""
    module, _, kind = place.place.partition(":")
    law: Likelihood = getattr(import_module(module), kind)(**place.options)
    return law


def fitted() -> list[str]:
    """The paradigms that can be fitted.

    >>> "prp" in fitted()
    True
    """
    return [name for name in paradigms.names() if registry.known(name).fitted]


old_names(__name__, Report="ReportLikelihood")
