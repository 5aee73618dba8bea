r"""Which law? Several laws of the same data beside each other: what each predicts of trials that it has not seen.

Each person alone, by maximum likelihood. AIC = 2 p - 2 L and BIC = p log n - 2 L count parameters; the held-out score
does not need to: a fifth of each person's trials of each condition is hidden, the law is fitted to the rest, and the
score is the log-likelihood of what was hidden, given the rest, summed over the fifths:

    score = sum_f  L(all; theta_f) - L(all but f; theta_f)

Best is the law with the largest score. Its lead over another is given with the standard error between people: less than
two of them is no difference. A law may be best and still be wrong: look at the figure of its fit.

>>> sorted(laws_of("prp"))
['bottleneck', 'sharing']
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
import pandas as pd

from cogattn import paradigms
from cogattn._renamed import old_names
from cogattn.errors import InputError, choice, doors, whole
from cogattn.notebook import Progress, ticker
from cogattn.observer import Observer
from cogattn.paradigms import Paradigm, registry
from cogattn.paradigms.base import Law, Rival
from cogattn.runs.trials import Trials
from cogattn.tune import likelihoods
from cogattn.tune.base import Likelihood
from cogattn.tune.estimation import Job
from cogattn.tune.fits import of_people
from cogattn.view import plot
from cogattn.view.result import Files, Result, once_an_attribute

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Candidate(NamedTuple):
    """A law, and what of it is fitted."""

    law: Likelihood
    params: tuple[str, ...]


def laws_of(
    paradigm: str | Paradigm, observer: Observer | None = None, alpha: bool = True
) -> dict[str, Candidate]:
    """The laws that can be compared in this paradigm: `Paradigm.rivals`. alpha: whether there are distractors."""
    task, mind = paradigms.instance(paradigm), observer or Observer()
    rivals = task.rivals or _timed(likelihoods.of(task))
    if not rivals:
        known = [name for name in paradigms.names() if registry.known(name).rivals]
        choice("paradigm whose laws can be compared", task.name, known)
    law = likelihoods.of(task)
    return {name: _candidate(law, rival, mind, alpha) for name, rival in rivals.items()}


def _timed(law: Likelihood) -> Mapping[str, Rival]:
    """Where choices are timed and no law of single trials is known: a drift for each condition."""
    if not {"correct", "rt"} <= {*law.columns}:
        return {}
    cells = tuple(c for c in law.columns if c not in ("person", "correct", "rt"))
    return {
        name: Rival(law=Law("cogattn.tune.two_choice:TwoChoiceLikelihood", {"law": name, "cells": cells}))
        for name in ("diffusion", "counter")
    }


def _candidate(law: Likelihood, rival: Rival, observer: Observer, alpha: bool) -> Candidate:
    """The law with its options, for this mind, some parameters held where they do nothing."""
    if rival.law is not None:
        law = likelihoods.made(rival.law)
    held, options = (cast(dict[str, Any], dict(x)) for x in (rival.held, rival.options))
    params = tuple(p for p in rival.params if alpha or p != "alpha")
    return Candidate(replace(law, **options).given(replace(observer, **held)), params)


@dataclass(frozen=True)
class LawComparison(Result):
    """What `compare_laws` found.

    >>> from cogattn import run
    >>> data = run("partial_report", "human", people=1, trials=6)
    >>> len(compare_laws("partial_report", data, ["fixed race", "linear, no race"], folds=2).table())
    2
    """

    paradigm: str
    people: pd.DataFrame  #: person, law, parameters, trials, loglik, score (held out)

    @once_an_attribute
    def table(self) -> pd.DataFrame:
        """A row per law, the best first: criteria, held-out score, its lag behind the best with its standard error."""
        wide = self.people.pivot(index="person", columns="law", values="score")
        best = str(wide.sum().idxmax())
        trials = self.people.groupby("law")["trials"].sum()
        rows = []
        for law, own in self.people.groupby("law", sort=False):
            p, loglik = int(own["parameters"].sum()), float(own["loglik"].sum())
            lag = wide[best] - wide[law]
            rows.append(
                {
                    "law": law,
                    "parameters": p,
                    "loglik": loglik,
                    "AIC": 2 * p - 2 * loglik,
                    "BIC": p * math.log(trials[law]) - 2 * loglik,
                    "held out": float(wide[law].sum()),
                    "per trial": float(wide[law].sum() / trials[law]),
                    "behind": float(lag.sum()),
                    "se": float(lag.std(ddof=1) * math.sqrt(len(lag))) if len(lag) > 1 else np.nan,
                    "best for": int((wide.idxmax(axis=1) == law).sum()),
                }
            )
        return pd.DataFrame(rows).sort_values("held out", ascending=False, ignore_index=True)

    @property
    def best(self) -> str:
        """The law that predicts best what it has not seen."""
        return str(self.table()["law"].iloc[0])

    def findings(self) -> list[str]:
        """The law that predicts best, and how far the second lies behind."""
        t = self.table()
        first, second = t.iloc[0], t.iloc[1]
        sure = second["behind"] > 2 * second["se"] if np.isfinite(second["se"]) else second["behind"] > 2
        word = "" if sure else ", which is no difference (less than two standard errors)"
        people = self.people["person"].nunique()
        return [
            f"{self.paradigm}: {first['law']} predicts hidden trials best, for {first['best for']} of {people} people; "
            f"{second['law']} lies {second['behind']:.1f} +- {second['se']:.1f} behind{word}."
        ]

    def plot(self) -> Figure:
        """Each person's hidden trials under each law, and the criteria, all against the best law."""
        t = self.table()
        wide = self.people.pivot(index="person", columns="law", values="score")
        with plot.style() as plt:
            figure, (left, right) = plt.subplots(
                1, 2, figsize=(9.0, 1.9 + 0.55 * len(t)), width_ratios=[1.6, 1], sharey=True
            )
            for y, law in enumerate(t["law"]):
                lag = (wide[law] - wide[self.best]).to_numpy()
                spread = 0.28 * np.linspace(-1, 1, len(lag)) if len(lag) > 1 else np.zeros(1)
                left.plot(lag, y + spread, ".", color="#0072B2", markersize=5, alpha=0.7)
                left.plot(lag.mean(), y, "|", color="black", markersize=18, markeredgewidth=2)
            left.axvline(0, color="#999999", linewidth=0.8)
            left.set(
                yticks=range(len(t)),
                yticklabels=list(t["law"]),
                xlabel="log score of hidden trials, less the best law's [nats]",
            )
            left.set_title("each dot: a person; line: their mean", fontsize=9)
            for column, mark, color in (("AIC", "o", "#D55E00"), ("BIC", "s", "#009E73")):
                right.plot(t[column] - t[column].min(), range(len(t)), mark, color=color, label=column)
            right.set(xlabel="criterion above the least [2 nats]")
            right.legend(loc="best", fontsize=8)
            left.invert_yaxis()
            figure.suptitle(self.findings()[0], x=0.01, ha="left", fontsize=10, fontweight="bold", wrap=True)
            return figure

    def heading(self) -> str:
        """Of what."""
        return f"Laws of {self.paradigm}"

    def files(self) -> Files:
        """The laws and the people."""
        return {"laws.csv": self.table(), "laws_people.csv": self.people}

    def figures(self) -> Iterator[tuple[str, Figure]]:
        """Each law's lag behind the best."""
        yield "figures/laws", self.plot()


def compare_laws(
    paradigm: str | Paradigm,
    data: Trials | pd.DataFrame,
    laws: Sequence[str] | Mapping[str, Candidate] | None = None,
    *,
    folds: int = 5,
    observer: Observer | None = None,
    seed: int = 0,
    n_jobs: int = 1,
    progress: Progress | bool | None = None,
) -> LawComparison:
    """Fit several laws to each person and to parts of his trials. laws: names of `laws_of`, or your own candidates.

    >>> from cogattn import run
    >>> data = run("partial_report", "human", people=1, trials=6)
    >>> "linear, no race" in set(compare_laws("partial_report", data, folds=2).table()["law"])
    True
    """
    folds, seed = whole("folds", folds, least=2, most=100), whole("seed", seed, most=2**63 - 1)
    n_jobs = whole("n_jobs", n_jobs, least=1, most=1024)
    frame = of_people(data)
    alpha = bool("distractors" in frame and (frame["distractors"] > 0).any())
    known = laws_of(paradigm, observer, alpha) if not isinstance(laws, Mapping) else dict(laws)
    chosen = (
        list(known) if laws is None or isinstance(laws, Mapping) else [choice("law", n, known) for n in laws]
    )
    if len(chosen) < 2:
        raise InputError(f"a comparison needs at least two laws, of {', '.join(known)}")
    name_of = paradigms.instance(paradigm).name
    parts, tick = [], ticker(progress, f"laws of {name_of}")
    for i, name in enumerate(chosen):
        parts.append(_of_law(name, known[name], frame, folds, seed, n_jobs, tick, i, len(chosen)))
    return LawComparison(name_of, pd.concat(parts, ignore_index=True))


def _of_law(
    name: str,
    candidate: Candidate,
    frame: pd.DataFrame,
    folds: int,
    seed: int,
    n_jobs: int,
    progress: Progress | None,
    turn: int,
    laws: int,
) -> pd.DataFrame:
    """Everybody under one law: all trials, then all but each fold."""
    law, params = candidate
    data = law.compact(frame)
    params = params or law.usual(data)
    n, total = len(data.people), laws * (folds + 1) * len(data.people)
    p = len(params)
    flat = (np.zeros(p), np.zeros((p, p)))

    def fitted(part: Job, base: int) -> tuple[np.ndarray, np.ndarray]:
        found = part.each(lambda row: part.peak(row, *flat, law.starts(params)), base, total)
        return np.array([f[0] for f in found]), np.array([f[1] for f in found])

    whole_job = Job(law, data, params, seed, n_jobs, progress)
    first = turn * (folds + 1) * n
    _, loglik = fitted(whole_job, first)
    score = np.zeros(n)
    for f, rest in enumerate(data.folds(folds, seed)):
        job = replace(whole_job, data=rest)
        x, seen = fitted(job, first + (1 + f) * n)
        score += whole_job.loglik(x, np.arange(n)) - seen
    return pd.DataFrame(
        {
            "person": data.people,
            "law": name,
            "parameters": p,
            "trials": data.trials,
            "loglik": loglik,
            "score": score,
        }
    )


old_names(__name__, Between="LawComparison", between="compare_laws")

doors(__name__, "compare_laws", first=True)
