"""Two choices at once (the psychological refractory period; Telford 1931; Pashler 1994). Human table: `human/prp.csv`.

S1 comes, S2 comes 50 to 800 ms later, each is answered by a choice of its own. Choosing is counting until one answer
leads (`laws.conflict`; with nothing irrelevant: an Erlang time) and needs the one central stage, so the second response
waits (bottleneck) or both get a share of it. With stages A (perceive), B (choose), C (move):

    RT1 = A1 + B1 + C1,   RT2 = max(A1 + B1, SOA + A2) + B2 + C2 - SOA      (bottleneck: share = 1)

Task constants: A = 100 ms after the stimulus is encoded (Thorpe, Fize & Marlot 1996, Nature 381:520: 150 ms to tell
what it is), C = 83 ms to move [assumption]; choices take 1.20 and 0.80 simple responses: RT1 and RT2 at the longest
SOA, where nothing overlaps (605 and 475 ms). The study kept those who do not wait for S2 (137 of 522 people), and so
does sample="filtered". sample="all": people hold a chosen response back for the other one, by so long as
`Population.holding` says (`response_grouping`).

What fails: Without limits both responses are given at once, whatever the SOA. Where people hold responses back, the
mind's second response waits too little (290 ms at the shortest SOA, people 416).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cogattn import human
from cogattn.errors import InputError, choice, number, shown, whole
from cogattn.paradigms.base import Condition, Law, Metric, Rival, pens_of
from cogattn.paradigms.divided import DEMAND, MONOTONY, Divided, account, between_arms
from cogattn.paradigms.report import series
from cogattn.paradigms.scored import Person, Scored, Values, across, cells, coded
from cogattn.paradigms.session import Array
from cogattn.parameters import BY_NAME
from cogattn.population import Population
from cogattn.view import plot
from cogattn.view.drawn import Drawn
from cogattn.world.session import Session
from cogattn.world.stream import Stimulus, Task, TaskStream

_END = 4.0  # s from S1 to the end of a trial
_LEAD = BY_NAME["evidence_threshold"].default  # what the mean adult counts


@dataclass(frozen=True)
class PRP(Divided):
    """Options: SOAs [s]; perceiving [s], choosing [in simple responses] and moving [s] of each task; trials per SOA;
    who is tested if nobody says who ("filtered": who waits for nothing, or "all")."""

    soas: tuple[float, ...] = (0.05, 0.15, 0.3, 0.8)
    perceive: tuple[float, ...] = (0.1, 0.1)
    choose: tuple[float, ...] = (1.2, 0.8)
    move: tuple[float, ...] = (0.083, 0.083)
    trials: int = 40
    sample: str = "filtered"

    name = "prp"
    clues = ("prp", "refractory")
    title = "Two choices at once"
    question = "Two choices, one soon after the other. How long must the second one wait?"
    rivals: ClassVar[Mapping[str, Rival]] = {
        "bottleneck": Rival(("speed", "speed_sd", "wandering"), held={"central_share": 1.0}),
        "sharing": Rival(("speed", "speed_sd", "central_share", "wandering")),
    }
    source = "Eisenberg et al. 2019, Nat Commun 10:2319 (137 adults who did not wait for S2)"
    condition_columns = ("soa",)
    pictures = "frames"

    def __post_init__(self) -> None:
        object.__setattr__(self, "soas", series("soas", self.soas))
        for soa in self.soas:
            number("SOA", soa, least=0, most=2, unit="s")
        for name in ("perceive", "choose", "move"):
            value = getattr(self, name)
            if not isinstance(value, tuple | list) or len(value) != 2:
                raise InputError(f"{name} must give a number for each of the two tasks, got {shown(value)}")
            object.__setattr__(self, name, tuple(float(number(name, v, least=0, most=10)) for v in value))
        whole("trials", self.trials, least=1, most=100_000)
        choice("sample", self.sample, ["filtered", "all"])

    def usual_population(self) -> Population:
        """The adults of all other paradigms; all of them: who hold responses back."""
        return super().usual_population() if self.sample == "filtered" else Population.holding()

    @property
    def per_condition(self) -> int:
        """Trials per SOA."""
        return self.trials

    def conditions(self) -> list[Condition]:
        """One per SOA."""
        return [{"soa": float(s)} for s in self.soas]

    def trial(self, condition: Condition) -> TaskStream:
        """S1 at once, S2 after the SOA; each stays until it is answered."""
        tasks = tuple(
            Task(
                f"choice {i + 1}",
                1.0,
                DEMAND / 2,
                MONOTONY,
                response="choose",
                when_full="wait",
                before=self.perceive[i],
                choice=self.choose[i],
                service="counted" if self.choose[i] > 0 else "later",
                evidence_rate=_LEAD / self.choose[i] if self.choose[i] > 0 else Task.evidence_rate,
                after=self.move[i],
            )
            for i in range(2)
        )
        items = (
            Stimulus("S1", 0.0, task="choice 1"),
            Stimulus("S2", float(condition["soa"]), task="choice 2"),
        )
        return TaskStream(items, end=_END, tasks=tasks)

    def known(self, seen: Any) -> Array:
        """What was ever encoded is read; it leaves the store when its response is chosen."""
        return ~np.isnan(seen.element_times.encoded)

    def score_session(self, condition: Condition, session: Session, seen: Any) -> dict[str, Array]:
        """RT of each response from its own stimulus, s; correct: both."""
        rt = seen.element_times.answered - np.array([0.0, float(condition["soa"])])
        rt = np.maximum(rt, 0.0)  # who takes no time answers at the onset, which the sum rounds
        right = seen.element_times.right & ~np.isnan(rt)
        if seen.read is not None:
            right &= seen.read == 1
        answered = ~np.isnan(rt)
        out = account(right.sum(-1), answered.sum(-1), 2)
        return out | {
            "rt": rt[..., 0],
            "rt1": rt[..., 0],
            "rt2": rt[..., 1],
            "right1": right[..., 0],
            "right2": right[..., 1],
            "response": np.where(answered.all(-1), "both", "not both"),
        }

    def likelihood(self) -> Law:
        """Both response times, exactly, whether the central stage is shared or not."""
        return Law("cogattn.tune.two_choices:Choosing", {"task": self})

    def metrics(self, frame: pd.DataFrame) -> list[Metric]:
        """Slopes of RT2 over SOA, the whole delay, the delay of RT1."""
        t = human.table("prp")
        rt1, rt2 = (1000 * frame.groupby("soa")[c].mean() for c in ("rt1", "rt2"))
        h1, h2 = (pd.Series(t[c].to_numpy(), t["ISI"] / 1000) for c in ("choice1_rt", "choice2_rt"))
        if not self.as_people:
            h1, h2 = h1 * np.nan, h2 * np.nan
        values = {
            "RT2 slope over SOA 50-150 ms": [_slope(r, 0.05, 0.15) for r in (rt2, h2)],
            "RT2 slope over SOA 300-800 ms": [_slope(r, 0.3, 0.8) for r in (rt2, h2)],
            "RT2 at 50 minus RT2 at 800 ms": [_at(r, 0.05) - _at(r, 0.8) for r in (rt2, h2)],
            "RT1 at 50 minus RT1 at 800 ms": [_at(r, 0.05) - _at(r, 0.8) for r in (rt1, h1)],
        }
        return [Metric("PRP", name, "over SOA", float(v), float(h)) for name, (v, h) in values.items()]

    def scored(self) -> list[Scored]:
        """Both response times by SOA; persons."""
        at = coded(ISI=lambda ms: round(float(ms)))
        measures = {"RT1": "rt1", "RT2": "rt2"}
        return [
            *(Scored("prp", name, _by_soa(column), at) for name, column in measures.items()),
            across(
                prp_rt1=_person("rt1", 800),
                prp_rt2_800=_person("rt2", 800),
                prp_rt2_50=_person("rt2", 50),
                prp_effect=lambda f: _person("rt2", 50)(f) - _person("rt2", 800)(f),
            )._replace(options={"sample": "all"}),
        ]

    def human(self) -> pd.DataFrame:
        """Mean RT1 and RT2 [s] by SOA; 137 people (sd not given)."""
        t = human.table("prp")
        return pd.DataFrame(
            {
                "soa": t["ISI"] / 1000,
                "mean": t["choice2_rt"] / 1000,
                "rt1": t["choice1_rt"] / 1000,
                "sd": np.nan,
                "n": t["n_sub"],
            }
        )

    @property
    def as_people(self) -> bool:
        """People were measured at 50 to 800 ms."""
        return {0.05, 0.15, 0.3, 0.8} <= {round(s, 4) for s in self.soas}

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """RT1 (hollow) and RT2 (filled) over SOA, and the carry-over from RT1 to RT2."""
        t, known = self.human(), pens_of(frame)
        f = frame.assign(rt1=frame["rt1"] * 1000, rt2=frame["rt2"] * 1000)
        soa: dict[str, Any] = {"scale": 1000.0, "xlabel": "SOA [ms]"}

        def times(ax: Any) -> None:
            for value, column, hollow in (("rt2", "mean", False), ("rt1", "rt1", True)):
                people = t.assign(mean=t[column] * 1000)
                self.panel(ax, f, value, "soa", known, people, hollow=hollow, band=not hollow, **soa)
            plot.kinds(ax, "filled: second response", "hollow: first response")
            ax.set(ylabel="RT [ms]", ylim=(0, None))

        def carry(ax: Any) -> None:
            keys = ["arm", "person", "soa"]
            own = {key: _carry_over(rows) for key, rows in f.groupby(keys, sort=False)}
            table = pd.Series(own).rename_axis(keys).rename("carry").reset_index()
            for law in (0, 1):
                ax.axhline(law, color=plot.QUIET, linewidth=0.8)
            self.panel(ax, table, "carry", "soa", known, ylabel="RT2 over RT1 [ms per ms]", **soa)

        return self.sheets(frame, [times, carry])

    def finding(self, frame: pd.DataFrame) -> str:
        """What was found, in a line, from the numbers themselves."""

        def cost(own: pd.DataFrame) -> str:
            rt = 1000 * own.groupby("soa")["rt2"].mean()
            return f"{rt.iloc[0] - rt.iloc[-1]:.0f} ms"

        return f"{self.title}: delay of the second response at the shortest SOA: " + between_arms(frame, cost)


def _by_soa(column: str) -> Values:
    """A response time [ms] of each person at each SOA [ms]."""
    return lambda frame: 1000 * cells(frame.assign(soa=(1000 * frame["soa"]).round()), column, ["soa"])


def _person(column: str, soa: int) -> Person:
    """A response time [ms] of each person at one SOA [ms]."""
    return lambda frame: _by_soa(column)(frame)[soa]


def _at(means: pd.Series, soa: float) -> float:
    near = means[np.isclose(means.index, soa)]
    return float(near.iloc[0]) if len(near) else np.nan


def _slope(means: pd.Series, first: float, last: float) -> float:
    """ms per ms."""
    return (_at(means, last) - _at(means, first)) / (1000 * (last - first))


def _carry_over(own: pd.DataFrame) -> float:
    """How many ms of each ms that RT1 is longer are found in RT2: 1 = all of them (bottleneck), 0 = none."""
    both = own[["rt1", "rt2"]].dropna()
    if len(both) < 3 or both["rt1"].std() < 1e-9:
        return np.nan
    return float(np.polyfit(both["rt1"], both["rt2"], 1)[0])
