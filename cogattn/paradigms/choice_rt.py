"""Choice reaction time: one of two shapes appears, and its key is pressed (Donders 1868; Hick 1952).

Categorisations are counted until one answer leads (`laws.conflict`); nothing irrelevant is there. Human table:
`human/people_across_tasks.csv` (281 adults). No task constant of its own: a shape is identified as fast as a colour
in `simon`, and the rest takes as long.

What fails: Softmax attention takes no time and makes no error. People differ more than the minds do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cogattn import human
from cogattn.paradigms.base import Condition, Pace, pens_of
from cogattn.paradigms.conflict import Simon
from cogattn.paradigms.scored import Scored, across, right, rts
from cogattn.paradigms.selection import END, Selecting, telling, timed
from cogattn.view.drawn import Drawn
from cogattn.world.stream import Stimulus, TaskStream


@dataclass(frozen=True)
class ChoiceRT(Selecting):
    """Options: trials; how fast a shape is identified (categorisations in a simple response); the rest [s] and its
    sd."""

    trials: int = 150
    evidence_rate: float = Simon.evidence_rate
    non_decision_time: float = Simon.non_decision_time
    non_decision_sd: float = Simon.non_decision_sd

    name = "choice_rt"
    clues = ("choice ?r(t|eaction)",)
    title = "Choice reaction time"
    question = "One of two shapes: which is it?"
    shown_pace = (Pace(8, 1), Pace(16, 1))
    source = "Eisenberg et al. 2019, Nat Commun 10:2319 (281 adults)"
    phenomenon = "choice RT"
    condition_columns = ("choices",)
    headline = ("response time [ms]",)

    def conditions(self) -> list[Condition]:
        """One."""
        return [{"choices": 2}]

    def trial(self, condition: Condition) -> TaskStream:
        """A shape."""
        task = telling(self.evidence_rate, self.non_decision_time, self.non_decision_sd)
        return TaskStream((Stimulus("shape", task="tell", supports=1),), end=END, tasks=(task,))

    def numbers(self, frame: pd.DataFrame) -> dict[str, float]:
        """Response time of right answers: its mean, its sd between people; how many are right."""
        own = timed(frame).groupby("person")["ms"].mean()
        return {
            "response time [ms]": float(own.mean()),
            "sd between people [ms]": float(own.std()) if len(own) > 1 else np.nan,
            "accuracy": float(frame["correct"].mean()),
        }

    def parts(self) -> dict[str, Mapping[str, Any]]:
        """All trials."""
        return {}

    def human(self) -> pd.DataFrame:
        """RT [s] of right answers."""
        t = human.table("people_across_tasks").set_index("measure").loc["crt_mean"]
        return pd.DataFrame(
            {"choices": [2], "mean": [t["mean"] / 1000], "sd": [t["sd"] / 1000], "n": [int(t["n"])]}
        )

    def scored(self) -> list[Scored]:
        """Persons: mean RT and accuracy."""
        return [across(crt_mean=rts(), crt_acc=right)]

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """Quantiles of each person's response times, their mean over people; people's mean RT stands at the middle."""
        known = pens_of(frame)
        places = (0.1, 0.3, 0.5, 0.7, 0.9)
        q = (
            timed(frame)
            .groupby(["arm", "person"])["ms"]
            .quantile(places)
            .rename_axis(["arm", "person", "share"])
        )
        rows = q.rename("time").reset_index()
        people = self.human().assign(share=0.5, mean=lambda t: 1000 * t["mean"], sd=lambda t: 1000 * t["sd"])

        def times(ax: Any) -> None:
            self.panel(
                ax, rows, "time", "share", known, people, xlabel="quantile [share of responses]", ylabel="RT [ms]",
                ylim=(0, None),
            )  # fmt: skip

        return self.sheets(frame, [times])
