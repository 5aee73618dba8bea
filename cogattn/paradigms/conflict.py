"""Conflict: something irrelevant speaks for another answer. Flankers (Eriksen & Eriksen 1974), Stroop's words (1935),
Simon's side (Simon & Rudell 1967).

Categorisations are counted until one answer leads; what is irrelevant competes, and pushes its own answer in a pulse
that rises and fades (`laws.conflict`). So errors are fast; where the pulse has faded before slow responses are given,
these are delayed least (Simon), where it outlasts them, they are delayed most (flankers, Stroop). Human tables:
`human/flanker*.csv`, `human/stroop*.csv`, `human/simon*.csv`.

Task constants: how fast the stimulus is identified (categorisations in the time of a simple response), and what is not
decision [s]; its sd from trial to trial is `HAND_SD` of it, one share for all tasks. The push is one for flankers and
words (`PUSH`, `PUSH_COUNTS`): as strong in both, and at its height when the mean adult could have told the target so
often; arrows are told more than three times as fast as inks, so they disturb a third as long. Simon's side has a push
of its own, which is weaker and fades sooner (`simulations/where_do_the_conflict_numbers_come_from.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cogattn import human
from cogattn._renamed import old_fields
from cogattn.errors import number, whole
from cogattn.paradigms.base import Condition, Law, Levels, Metric, Rival, Sight, pens_of
from cogattn.paradigms.divided import Divided, account, between_arms, taken
from cogattn.paradigms.scored import (
    Scored,
    across,
    by_fifth,
    coded,
    curves,
    effect,
    quantiles,
    right,
    rts,
    speeded,
)
from cogattn.paradigms.selection import TOLD, beside, some, telling
from cogattn.paradigms.session import Array
from cogattn.parameters import BY_NAME
from cogattn.view import plot
from cogattn.view.drawn import Drawn
from cogattn.world.session import Session
from cogattn.world.stream import PULSE, Stimulus, Task, TaskStream

KINDS = {"congruent": 1, "neutral": 0, "incongruent": -1}  # what the irrelevant says; the target says 1
FIFTHS = (1, 2, 3, 4, 5)
#: sd of what is not decision, from trial to trial, as a share of it.
HAND_SD = 0.15
#: The push of flankers and words: how strong, and when it is at its height; in categorisations of the target alone.
PUSH, PUSH_COUNTS = 2.7, 6.0


def peak_of(evidence_rate: float) -> float:
    """When the push of flankers and words is at its height [s, to 1 ms], where targets are told at this rate."""
    return round(PUSH_COUNTS / (evidence_rate * BY_NAME["speed"].default), 3)


_TWO = "cogattn.tune.two_choice:TwoChoiceLikelihood"
STAR: dict[str, Any] = {"color": plot.PEOPLE, "markersize": 8, "label": "people"}


#: What these options were called, and those of a law that is gone.
OLD = old_fields(
    {"spotlight": PULSE, "hold": PULSE}, tell="evidence_rate", other="non_decision_time", other_sd="non_decision_sd"
)  # fmt: skip


@OLD
@dataclass(frozen=True)
class Conflicting(Divided):
    """A target, and something irrelevant; each kind of trial in a session of its own."""

    table: ClassVar[str]
    phenomenon: ClassVar[str]
    accuracy: ClassVar[str]  # its column, incongruent
    easy_accuracy: ClassVar[str]  # and congruent
    condition_columns = ("congruence",)
    levels: ClassVar[Levels] = {"congruence": KINDS}
    usual_params = ("speed", "hand", "evidence_threshold")
    rivals: ClassVar[Mapping[str, Rival]] = {
        "spotlight that shrinks": Rival(law=Law(_TWO, {"law": "spotlight", "cells": ("congruence",)})),
        "DMC": Rival(law=Law(_TWO, {"law": "DMC", "cells": ("congruence",)})),
        "pulse": Rival(),
    }

    kinds: tuple[str, ...] = ("congruent", "incongruent")
    evidence_rate: float = 10.0
    non_decision_time: float = 0.3
    non_decision_sd: float = HAND_SD * non_decision_time
    weight: float = 1.0
    activation: float = PUSH
    peak: float = peak_of(evidence_rate)
    trials: int = 160

    def __post_init__(self) -> None:
        object.__setattr__(self, "kinds", some("kind of trial", self.kinds, KINDS))
        number("weight", self.weight, least=0, most=1000)
        whole("trials", self.trials, least=1, most=100_000)
        self._task()  # checks the others

    def _task(self) -> Task:
        return telling(
            self.evidence_rate, self.non_decision_time, self.non_decision_sd, self.activation, self.peak
        )

    @property
    def per_condition(self) -> int:
        """Trials of each kind."""
        return self.trials

    def conditions(self) -> list[Condition]:
        """1 = congruent, 0 = neutral, -1 = incongruent."""
        return [{"congruence": KINDS[k]} for k in self.kinds]

    def trial(self, condition: Condition) -> TaskStream:
        """The target, and what is irrelevant."""
        items = [Stimulus("target", task="tell", supports=1)]
        if self.weight > 0:
            items.append(beside("irrelevant", self.weight, int(condition["congruence"])))
        return TaskStream(tuple(items), end=4.0, tasks=(self._task(),))

    def score_session(self, condition: Condition, session: Session, seen: Any) -> dict[str, Array]:
        """Response time, and whether it was right."""
        rt = seen.element_times.answered[..., 0]
        answered = ~np.isnan(rt)
        right = answered & seen.element_times.right[..., 0]
        out = account(right.astype(int), answered.astype(int))
        words = np.where(right, "right", np.where(answered, "wrong", ""))
        return out | {"rt": taken(rt), "error": 1.0 - right, "response": words}

    def likelihood(self) -> Law:
        """The density of every response, right or wrong."""
        return Law("cogattn.tune.conflict:ConflictLikelihood", {"task": self})

    def metrics(self, frame: pd.DataFrame) -> list[Metric]:
        """What the conflict costs: time, errors, fast errors, and how the delay grows."""
        t, caf = self.human().set_index("congruence"), human.table(f"{self.table}_caf_delta")
        rt = 1000 * frame[frame["correct"]].groupby("congruence")["rt"].mean()
        errors = frame.groupby("congruence")["error"].mean()
        delta = self.delta(frame)
        fast = self.fifths(frame, -1)
        cost = rt.get(-1, np.nan) - rt.get(1, np.nan)
        people = 1000 * (t.loc[-1, "mean"] - t.loc[1, "mean"])
        rise, both = float(delta[-1] - delta[0]), (-1, 1)
        values = [
            ("incongruent minus congruent RT", cost, people, both),
            ("incongruent error rate", errors.get(-1, np.nan), t.loc[-1, "error"], -1),
            ("accuracy of the fastest incongruent fifth", fast[0], caf[self.accuracy].iloc[0], -1),
            ("delta last minus first quantile", rise, caf["delta"].iloc[-1] - caf["delta"].iloc[0], both),
        ]
        return [
            Metric(self.phenomenon, name, "congruence", float(v), float(h), {"congruence": kinds})
            for name, v, h, kinds in values
        ]

    def delta(self, frame: pd.DataFrame) -> Array:
        """Incongruent minus congruent quantiles of correct RT [ms]: the mean over people."""
        hard, easy = (quantiles(frame[frame["congruence"] == k]).mean() for k in (-1, 1))
        return (hard - easy).to_numpy(float)

    def deltas(self, frame: pd.DataFrame) -> tuple[Array, Array]:
        """(people, quantiles), twice: where each person's quantile lies [ms], the mean of congruent and incongruent,
        and what the conflict adds there."""
        hard, easy = (quantiles(frame[frame["congruence"] == k]) for k in (-1, 1))
        hard, easy = hard.align(easy, join="inner", axis=0)
        return ((hard + easy) / 2).to_numpy(float), (hard - easy).to_numpy(float)

    def fifths(self, frame: pd.DataFrame, kind: int) -> Array:
        """`fifths_by_person`: the mean over people."""
        table = self.fifths_by_person(frame, kind)
        return np.nanmean(table, 0) if len(table) else np.full(len(FIFTHS), np.nan)

    def fifths_by_person(self, frame: pd.DataFrame, kind: int) -> Array:
        """(people, 5): accuracy by fifth of each person's own response times (conditional accuracy)."""
        return by_fifth(frame[frame["congruence"] == kind]).reindex(columns=FIFTHS).to_numpy(float)

    def human(self) -> pd.DataFrame:
        """RT [s] and errors, congruent and incongruent."""
        t = human.table(self.table)
        first, rt, sd = t.columns[0], *(["RT", "RT_sd_sub"] if "RT" in t else ["RT_mean", "RT_sd_sub"])
        error = t["err"] if "err" in t else 1 - t["acc_mean"]
        says = np.where(t[first].str.startswith("in"), -1, 1)
        return pd.DataFrame(
            {"congruence": says, "mean": t[rt] / 1000, "sd": t[sd] / 1000, "n": t["n_sub"], "error": error}
        )

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """RT by kind, the delta function (what the conflict costs fast and slow responses), and conditional accuracy:
        how accurate fast and slow responses are."""
        t, caf, known = self.human(), human.table(f"{self.table}_caf_delta"), pens_of(frame)

        def times(ax: Any) -> None:
            shown = t.assign(mean=t["mean"] * 1000, sd=t["sd"] * 1000, x=-t["congruence"])
            own = frame[frame["correct"]].assign(ms=lambda f: f["rt"] * 1000, x=-frame["congruence"])
            self.panel(ax, own, "ms", "x", known, shown, ylabel="RT [ms]")
            ax.set_xticks([-KINDS[k] for k in self.kinds], self.kinds)
            ax.margins(x=0.15)

        def delta(ax: Any) -> None:
            for arm, own in frame.groupby("arm", sort=False):
                mean, delay = self.deltas(own)
                if len(delay):
                    plot.arm(ax, mean.mean(0), delay, known[str(arm)], str(arm), band=False)
            ax.plot((caf.filter(like="q_").mean(axis=1)), caf["delta"], "*", **STAR)
            ax.set(xlabel="RT of the quantile [ms]", ylabel="delay by the conflict [ms]", ylim=(0, None))

        def accuracy(ax: Any) -> None:
            for kind, hollow in ((-1, False), (1, True)):
                for arm, own in frame.groupby("arm", sort=False):
                    table = self.fifths_by_person(own, kind)
                    if len(table):
                        label = "_" if hollow else str(arm)
                        plot.arm(
                            ax,
                            FIFTHS,
                            table,
                            known[str(arm)],
                            label,
                            band=False,
                            hollow=hollow,
                            series=str(arm),
                        )
                people = caf[self.accuracy if kind < 0 else self.easy_accuracy]
                ax.plot(
                    FIFTHS,
                    people,
                    "*",
                    **(STAR | ({"markerfacecolor": "white", "label": "_"} if hollow else {})),
                )
            plot.kinds(ax, "filled: incongruent", "hollow: congruent")
            ax.set(
                xlabel="response time [fifths, fast to slow]", ylabel="accuracy [share right]", xticks=FIFTHS
            )

        return self.sheets(frame, [times, delta, accuracy])

    def finding(self, frame: pd.DataFrame) -> str:
        """What was found, in a line, from the numbers themselves."""

        def cost(own: pd.DataFrame) -> str:
            m = {m.metric: m.value for m in self.metrics(own)}
            ms = m["incongruent minus congruent RT"]
            time = f"{ms:.0f} ms, " if np.isfinite(ms) else "no time, "
            return time + f"{m['incongruent error rate']:.0%} errors"

        return f"{self.title}: what a conflict costs: " + between_arms(frame, cost)


@OLD
@dataclass(frozen=True)
class Flanker(Conflicting):
    """Options: kinds of trials; how fast it is identified; the rest [s] and its sd; the flankers' weight, how strong
    and how late [s] their push is; trials.

    What fails: Without limits there is neither response time nor error, so no congruency effect. The mind's fastest
    responses are too good (.85 right in the fastest fifth, people .78).
    """

    evidence_rate: float = 25.8
    non_decision_time: float = 0.348
    non_decision_sd: float = HAND_SD * non_decision_time
    peak: float = peak_of(evidence_rate)

    name = "flanker"
    clues = ("flankers?", "eriksen")
    pixels = "arrows"
    looked_at = 4
    sight = Sight({"trials": 48}, title="Flankers: naming the middle arrow")
    title = "Flankers"
    question = "Which way does the middle arrow point, if its neighbours disagree?"
    source = "Ulrich et al. 2015, Cogn Psychol 78:148 (16 adults)"
    table = "flanker"
    phenomenon = "flanker"
    accuracy, easy_accuracy = "acc_incomp", "acc_comp"

    def scored(self) -> list[Scored]:
        """Times and errors by congruence, fifths, quantiles and delta; another laboratory's letters, four on two keys,
        which are told as a colour is that has to be learnt, too."""
        kinds = ["congruence"]
        learnt = {k: getattr(Simon, k) for k in ("evidence_rate", "non_decision_time", "non_decision_sd")}
        letters = learnt | {"peak": peak_of(Simon.evidence_rate)}
        others = speeded("flanker_desk_clutter", kinds, coded(congruence=KINDS))
        return [
            *speeded("flanker", kinds, coded(Comp={"comp": 1, "incomp": -1})),
            *(one._replace(options=letters) for one in others),
            *curves("flanker_caf_delta"),
        ]


@OLD
@dataclass(frozen=True)
class Stroop(Conflicting):
    """Options: kinds of trials; how fast it is identified; the rest [s] and its sd; the word's weight, how strong and
    how late [s] its push is; trials.

    What fails: Without limits the word costs no time and no error. The mind's errors are too fast: its fastest
    incongruent responses are wrong more often than people's (.82 right, people .94).
    """

    evidence_rate: float = 7.2
    non_decision_time: float = 0.5
    non_decision_sd: float = HAND_SD * non_decision_time
    peak: float = peak_of(evidence_rate)
    trials: int = 48

    name = "stroop"
    clues = ("stroop",)
    pixels = "words"
    title = "Stroop's words"
    question = "In which colour is the word printed, if the word names another colour?"
    source = "Eisenberg et al. 2019, Nat Commun 10:2319 (521 adults)"
    table = "stroop"
    phenomenon = "Stroop"
    accuracy, easy_accuracy = "acc_incong", "acc_cong"

    def scored(self) -> list[Scored]:
        """Times and accuracy by congruence, fifths, quantiles and delta; persons."""
        return [
            *speeded("stroop", ["congruence"], coded(condition=KINDS)),
            *curves("stroop_caf_delta"),
            across(stroop_mean=rts(), stroop_effect=effect("congruence", -1, 1), stroop_acc=right),
        ]


@dataclass(frozen=True)
class Simon(Conflicting):
    """Options: kinds of trials; how fast it is identified; the rest [s] and its sd; the side's weight, how strong and
    how late [s] its push is; trials.

    The side on which a colour appears says nothing, and pushes the key on that side at once; the push has faded before
    slow responses are given.

    What fails: Without limits the side costs no time and no error. Slow congruent responses
    are as accurate as fast ones in the mind, less accurate in people (.95, fast ones .99).
    """

    evidence_rate: float = TOLD
    non_decision_time: float = 0.391
    non_decision_sd: float = HAND_SD * non_decision_time
    activation: float = 1.95
    peak: float = 0.065
    trials: int = 50

    name = "simon"
    clues = ("simon",)
    title = "Simon's side"
    question = (
        "Which colour is it? It appears on the side of one key or of the other, and that does not matter."
    )
    source = "Eisenberg et al. 2019, Nat Commun 10:2319 (520 adults)"
    table = "simon_sro"
    phenomenon = "Simon"
    accuracy, easy_accuracy = "acc_incong", "acc_cong"

    def scored(self) -> list[Scored]:
        """Times and accuracy by congruence, fifths, quantiles and delta; persons."""
        return [
            *speeded("simon_sro", ["congruence"], coded(condition=KINDS)),
            *curves("simon_sro_caf_delta"),
            across(simon_mean=rts(), simon_effect=effect("congruence", -1, 1)),
        ]
