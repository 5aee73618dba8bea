"""Two tasks, one attention: a letter on the left, a letter on the right, and how attention is divided between them.

Two questions of the same two tasks (their streams share one capacity, as far as they draw on the same resources):

Trade-off. Both letters are brief and masked; the left one gets the share s of attention. What is in the store is named,
else one of the two possible letters is guessed. Accuracy on the left over accuracy on the right as s goes from 0 to 1
is the performance operating characteristic (Norman & Bobrow 1975, Cogn Psychol 7:44). With exposure tau, capacity C
and competition k (1 = the same resources, 0 = none in common; Wickens 2002):

    P(left stored) = 1 - exp(-C s / (s + k (1 - s)) (tau - t0))

Redundancy. Either letter alone, or both, until the first of them is in the store. Workload capacity (Townsend & Nozawa
1995, J Math Psychol 39:321), H = -log survivor, is in this mind the same at all t:

    C_OR = H_both / (H_left + H_right) = 1 / (1 + k)     (1/2: a race for a fixed capacity; 1: no limit)

Task constants: 33 ms for the trade-off (two frames of 60 Hz), 1.5 s between trials [assumption]. What the resources
are: "same" = two letters; "eye and ear" = a letter to see and a word to hear, with the conflict of `laws.stages`
(k = 0.62); "apart" = the same, were there no conflict between them at all (k = 0). There is no table of people here.

What fails: Without limits dividing attention costs nothing, and there is no response time to make a capacity of. In
the mind the sum of shares is always one: it does not pay for dividing as such.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from cogattn.errors import InputError, choice, number, shown, whole
from cogattn.laws import stages
from cogattn.paradigms.base import Condition, Metric, Pace, Statistics, pens_of, pooled
from cogattn.paradigms.divided import DEMAND, MONOTONY, Divided, account, between_arms, guesses
from cogattn.paradigms.report import series
from cogattn.paradigms.session import Array
from cogattn.view import plot
from cogattn.view.drawn import Drawn
from cogattn.world.session import Session
from cogattn.world.stream import Stimulus, Task, TaskStream

#: What the two tasks draw on; none = they compete with everything.
RESOURCES: Mapping[str, tuple[Mapping[str, float], Mapping[str, float]]] = {
    "same": ({}, {}),
    "eye and ear": ({"visual_focal": 1.0}, {"auditory_verbal": 1.0}),
    "apart": ({"visual_focal": 1.0}, {"auditory_verbal": 1.0}),
}
_UNTIL = 3.0  # s that letters of the redundancy part stay


@dataclass(frozen=True)
class DualTask(Divided):
    """Options: shares of attention for the left task, what the tasks draw on ("same", "eye and ear", "apart"), exposure
    [s], whether both are automatic (drain nothing shared), trials per condition."""

    shares: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    resources: str = "same"
    exposure: float = 0.0333
    automatic: bool = False
    trials: int = 100

    name = "dual_task"
    title = "Two tasks, one attention"
    question = "A letter on the left, a letter on the right. What does each lose if attention is divided?"
    shown_pace = (Pace(4, 24), Pace(8, 48))
    statistics = Statistics(("masked", "left", "right", "share"), ("correct",), ())
    source = "Norman & Bobrow 1975; Townsend & Nozawa 1995 (the tasks; no table of people here)"
    condition_columns = ("masked", "left", "right", "share")
    undrawn = "its curve is of two answers in each trial, of which a row of a file says one"
    banded = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "shares", series("shares", self.shares))
        for share in self.shares:
            number("share", share, least=0, most=1)
        choice("resources", self.resources, tuple(RESOURCES))
        number("exposure", self.exposure, above=0, most=60, unit="s")
        if not isinstance(self.automatic, bool | np.bool_):
            raise InputError(f"automatic must be True or False, got {shown(self.automatic)}")
        whole("trials", self.trials, least=1, most=100_000)

    @property
    def per_condition(self) -> int:
        """Trials per condition."""
        return self.trials

    @property
    def competition(self) -> float:
        """k of these tasks: 0 if they are automatic."""
        both = {"masked": 1, "left": 1, "right": 1, "share": 0.5}
        return 0.0 if self.automatic else float(self.trial(both).competition[0, 1])

    def conditions(self) -> list[Condition]:
        """The shares with both letters masked; then left, right, both until seen."""
        masked: list[Condition] = [
            {"masked": 1, "left": 1, "right": 1, "share": float(s)} for s in self.shares
        ]
        shown = ((1, 0), (0, 1), (1, 1))
        return masked + [{"masked": 0, "left": a, "right": b, "share": 0.5} for a, b in shown]

    def trial(self, condition: Condition) -> TaskStream:
        """Left and right come together; who is not shown is not there."""
        share, until = float(condition["share"]), self.exposure if condition["masked"] else _UNTIL
        tasks = tuple(
            Task(name, p, DEMAND / 2, MONOTONY, automatic=self.automatic, resources=pools)
            for name, p, pools in zip(
                ("left", "right"), (share, 1.0 - share), RESOURCES[self.resources], strict=True
            )
        )
        items = tuple(Stimulus(name, mask=until, task=name) for name in ("left", "right") if condition[name])
        conflict = np.eye(len(stages.CHANNELS)) if self.resources == "apart" else None
        return TaskStream(items, end=until + 0.5, tasks=tasks, conflict=conflict)

    def score_session(self, condition: Condition, session: Session, seen: Any) -> dict[str, Array]:
        """Each letter named right (held, else a guess of one in two); rt: when the first was in the store."""
        held = self.known(seen)
        right = held | (guesses(seen, held.shape[-1]) < 0.5)
        out = account(right.sum(-1), None, right.shape[-1])
        at = [s.name for s in session.streams[0].stimuli]
        for name in ("left", "right"):
            there = name in at
            nothing = np.full(held.shape[:-1], np.nan)
            out[f"{name}_right"] = right[..., at.index(name)].astype(float) if there else nothing
            out[f"{name}_held"] = held[..., at.index(name)].astype(float) if there else nothing
        first = np.where(np.isnan(seen.element_times.encoded), np.inf, seen.element_times.encoded).min(-1)
        rt = np.where(np.isfinite(first) & (condition["masked"] == 0), first, np.nan)
        response = np.where(held.all(-1), "seen", "not all seen")
        return out | {"rt": rt, "response": response}

    def metrics(self, frame: pd.DataFrame) -> list[Metric]:
        """Accuracy of both by the left one's share, what dividing costs, and workload capacity."""
        trade = _characteristic(frame)
        out = []
        for share, row in trade.iterrows():
            for name in ("left", "right"):
                words = f"{name} accuracy at {float(share):.2f} to the left"
                out.append(
                    Metric(
                        "dual task",
                        words,
                        f"share={share}",
                        float(row[name]),
                        np.nan,
                        {"masked": 1, "share": share},
                    )
                )
        values: dict[str, tuple[float, dict[str, Any]]] = {
            "cost of dividing evenly": (_cost(trade), {"masked": 1, "share": (0.0, 0.5, 1.0)}),
            "workload capacity C_OR": (capacity_or(frame), {"masked": 0}),
        }
        return out + [
            Metric("dual task", k, "over conditions", v, np.nan, of) for k, (v, of) in values.items()
        ]

    def human(self) -> pd.DataFrame:
        """There is no table."""
        return pd.DataFrame(columns=["share", "mean", "sd", "n"], dtype=float)

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """The operating characteristic with three laws through the single levels; workload capacity over time."""
        known = pens_of(frame)

        def trade(ax: Any) -> None:
            for arm, own in frame.groupby("arm", sort=False):
                value, half = pooled(own, lambda f: _characteristic(f).to_numpy().T)
                plot.line(ax, value[1], value[0], half[0], known[str(arm)], str(arm), across=half[1])
            single = _characteristic(frame[frame["arm"] == frame["arm"].iloc[0]])
            most = np.clip([single["left"].max(), single["right"].max()], 0.5, 0.9999)
            for law, (left, right) in laws(float(most[0]), float(most[1])).items():
                dash = {"all or none": ":", "fixed sample": "--"}.get(law, "-")
                ax.plot(right, left, color=plot.LAW, linewidth=0.9, linestyle=dash, label=law)
            ax.set(xlabel="accuracy right [share right]", ylabel="accuracy left [share right]")
            ax.set(xlim=(0.43, 1.03), ylim=(0.43, 1.03))

        def capacity(ax: Any) -> None:
            first = frame["arm"].iloc[0]
            for arm, own in frame.groupby("arm", sort=False):
                c = _curves(own)
                if np.isfinite(c).any():
                    plot.arm(ax, 100 * _SO_FAR, c, known[str(arm)], str(arm), band=arm == first)
            law = 1 / (1 + self.competition)
            ax.axhline(law, color=plot.PEOPLE, linewidth=0.9, linestyle=":", label=f"1 / (1 + k) = {law:.2f}")
            label = "workload capacity C_OR [ratio]"
            ax.set(xlabel="responses to both so far [%]", ylabel=label, ylim=(0, 1.6))

        return self.sheets(frame, [trade, capacity])

    def finding(self, frame: pd.DataFrame) -> str:
        """What was found, in a line, from the numbers themselves."""

        def text(own: pd.DataFrame) -> str:
            c = capacity_or(own)
            known = f", C_OR {c:.2f}" if np.isfinite(c) else ""
            return f"{_cost(_characteristic(own)):.2f}{known}"

        return f"{self.title}: what each loses when it is divided evenly: " + between_arms(frame, text)


def laws(left: float, right: float) -> dict[str, tuple[Array, Array]]:
    """Three laws of dividing in the plane of accuracies, from the single levels (two alternatives: d' = sqrt(2) z)."""
    straight = stages.operating_characteristic("all_or_none", left, right)
    d = [math.sqrt(2) * float(special.ndtri(p)) for p in (left, right)]
    x, y = (
        special.ndtr(v / math.sqrt(2)) for v in stages.operating_characteristic("sample_size", d[0], d[1])
    )
    one, other = stages.operating_characteristic("unlimited", left, right)
    corner = np.r_[one, 0.5], np.r_[0.5, other]
    return {"all or none": straight, "fixed sample": (x, y), "unlimited": corner}


def capacity_or(frame: pd.DataFrame) -> float:
    """C_OR, mean over people and the middle half of each one's times to the first of both; NaN without times."""
    curves = _curves(frame)
    return float(np.nanmean(curves)) if np.isfinite(curves).any() else float("nan")


#: Where C_OR is looked at: how many of a person's responses to both have been given.
_SO_FAR = np.linspace(0.25, 0.75, 11)


def _curves(frame: pd.DataFrame) -> npt.NDArray[np.float64]:
    """(people, times) C_OR of each person, who differ in their rates: pooled, they would seem to lose capacity."""
    f = frame[(frame["masked"] == 0) & np.isfinite(frame["rt"])]
    out = []
    for _, own in f.groupby(["arm", "person"], sort=False):
        shown = own["left"] + 2 * own["right"]
        both, one, other = (own.loc[shown == k, "rt"].to_numpy() for k in (3, 1, 2))
        if min(len(both), len(one), len(other)) > 1:
            out.append(stages.workload_capacity(np.quantile(both, _SO_FAR), both, one, other))
    return np.array(out).reshape(-1, len(_SO_FAR))


def _characteristic(frame: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of both letters by the left one's share."""
    f = frame[frame["masked"] == 1].groupby("share")[["left_right", "right_right"]].mean()
    return f.set_axis(["left", "right"], axis=1)


def _cost(trade: pd.DataFrame) -> float:
    """Mean accuracy of each with all attention, less that with half of it; NaN if these were not asked for."""
    if not {0.0, 0.5, 1.0} <= set(trade.index):
        return float("nan")
    single = (trade.loc[1.0, "left"] + trade.loc[0.0, "right"]) / 2
    return float(single - trade.loc[0.5].mean())
