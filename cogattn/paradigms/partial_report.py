"""Partial report: report the red letters, ignore the others. Shibuya & Bundesen 1988; here Wang et al. 2021.

Distractors draw capacity in proportion to alpha and may take slots, but never score: two targets among four
distractors are reported less often than two alone. Human table: `human/partial_report.csv`, 83 ms (5 frames of
a 60 Hz screen). Task constants: none; the letters are masked.

What fails: Without limits distractors cost nothing. The two bands are no prediction: alpha is estimated from the
reports of the same people; what is predicted is that one alpha serves a whole population of capacities.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cogattn import human
from cogattn.errors import InputError, number, whole
from cogattn.paradigms.base import Condition, Metric, Sight
from cogattn.paradigms.report import Report, series
from cogattn.paradigms.scored import Scored, coded, of
from cogattn.view.drawn import Drawn

_PER_FIT = 81  # trials of a person with each number of distractors (`human/partial_report.csv`)


@dataclass(frozen=True)
class PartialReport(Report):
    """Options: how many targets, among how many distractors, for how long [s]."""

    targets: int = 2
    distractors: tuple[int, ...] = (0, 4)
    exposure: float = 5 / 60

    name = "partial_report"
    pixels = "letters"
    title = "Partial report"
    question = "Red letters among others flash up. Report the red ones, ignore the rest."
    listed = 2
    compared = True
    looked_at = 2
    sight = Sight(trials=20)
    pictures = "display"
    source = "Wang et al. 2021, Arch Clin Neuropsychol, doi:10.1093/arclin/acab007 (59 adults)"

    def __post_init__(self) -> None:
        whole("targets", self.targets, least=1, most=64)
        object.__setattr__(self, "distractors", series("distractors", self.distractors))
        for n in self.distractors:
            whole("distractors", n, least=0, most=64)
            if self.targets + n > 64:
                raise InputError(f"targets + distractors must be <= 64, got {self.targets} + {n}")
        number("exposure", self.exposure, above=0, most=10, unit="s")

    def conditions(self) -> list[Condition]:
        """One condition per number of distractors."""
        return [
            {"exposure": float(self.exposure), "targets": self.targets, "distractors": d}
            for d in self.distractors
        ]

    def metrics(self, frame: pd.DataFrame) -> list[Metric]:
        """Mean targets reported with each number of distractors."""
        phenomenon = f"partial report at {round(self.exposure * 1000)} ms"
        out = []
        for d, score in frame.groupby("distractors")["score"].mean().items():
            metric = f"{self.targets} targets " + (f"and {d} distractors" if d else "alone")
            people = (
                self.human().query("distractors == @d")["mean"] if self.as_people else pd.Series(dtype=float)
            )
            value = float(people.iloc[0]) if len(people) else np.nan
            out.append(
                Metric(phenomenon, metric, f"distractors={d}", float(score), value, {"distractors": d})
            )
        return out

    def scored(self) -> list[Scored]:
        """Targets by distractors."""
        at = coded(cond={f"2T{n}D": n for n in (0, 4)})
        return [
            Scored("partial_report", "letters reported", of("score", ["distractors"]), at, trials=_PER_FIT)
        ]

    def human(self) -> pd.DataFrame:
        """Two targets, alone or among four distractors, at 83 ms; 59 people."""
        t = human.table("partial_report").set_index("cond").loc[["2T0D", "2T4D"]]
        return pd.DataFrame(
            {
                "exposure": 5 / 60,
                "targets": 2,
                "distractors": [0, 4],
                "mean": t["score"].to_numpy(),
                "sd": t["score_sd_between"].to_numpy(),
                "n": 59,
            }
        )

    @property
    def as_people(self) -> bool:
        """People were measured with two targets at 83 ms."""
        return self.targets == 2 and abs(self.exposure - 5 / 60) < 0.001

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """Targets reported over the number of distractors."""
        return self.sheets(frame, "distractors", scale=1.0, x_label="distractors [items]")

    def finding(self, frame: pd.DataFrame) -> str:
        """What was found, in a line, from the numbers themselves."""
        means = frame.groupby(["arm", "distractors"], sort=False)["score"].mean().unstack()
        low, high = min(self.distractors), max(self.distractors)
        cost = {a: float(row[low] - row[high]) for a, row in means.iterrows()}
        parts = ", ".join(f"{a} {c:.2f}" for a, c in cost.items())
        return f"{self.title}: cost of {high} distractors: {parts}"
