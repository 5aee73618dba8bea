"""Whole report: how many of six letters are seen in a flash? Sperling 1960; here Wang et al. 2021 (tabletTVA).

The score rises from the threshold t0 at C letters per second and levels off at K. The default exposures are the
frames of a 60 Hz screen (1, 2, 3, 4, 5, 6, 9 and 12), as in the human table `human/whole_report.csv`, where two
groups saw 50 and 83 ms or 67 and 100 ms. Task constants: none; the letters are masked.

What fails: Without limits all letters are reported at every exposure; with slots lifted alone the score does not
level off. The mind lies a little below people at nearly every exposure (by .1 to .25 letters), inside every band.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cogattn import human
from cogattn.errors import number, whole
from cogattn.paradigms.base import Condition, Metric, Sight
from cogattn.paradigms.report import Report, series
from cogattn.paradigms.scored import Scored, cells, coded
from cogattn.view.drawn import Drawn

_FRAMES = (1, 2, 3, 4, 5, 6, 9, 12)
_PER_FIT = 27  # trials of a person at each exposure (`human/partial_report.csv`)


@dataclass(frozen=True)
class WholeReport(Report):
    """Options: how many letters, and for how long [s]."""

    set_size: int = 6
    exposures: tuple[float, ...] = tuple(f / 60 for f in _FRAMES)

    name = "whole_report"
    clues = ("whole ?report",)
    pixels = "letters"
    title = "Whole report"
    question = "Six letters flash up and are masked. How many can be named?"
    listed = 1
    compared = True
    looked_at = 1
    sight = Sight(trials=20, title="Whole report: letters in a flash", along="exposure [ms]")
    pictures = "display"
    source = "Wang et al. 2021, Arch Clin Neuropsychol, doi:10.1093/arclin/acab007 (59 adults)"

    def __post_init__(self) -> None:
        whole("set_size", self.set_size, least=1, most=64)
        object.__setattr__(self, "exposures", series("exposures", self.exposures))
        for exposure in self.exposures:
            number("exposure", exposure, above=0, most=10, unit="s")

    def conditions(self) -> list[Condition]:
        """One condition per exposure."""
        return [{"exposure": float(e), "targets": self.set_size, "distractors": 0} for e in self.exposures]

    def metrics(self, frame: pd.DataFrame) -> list[Metric]:
        """Mean letters reported at each exposure."""
        means = frame.groupby("exposure")["score"].mean()
        people = self._human_means()
        return [
            Metric(
                f"whole report of {self.set_size}",
                f"letters reported at {_ms(e)} ms",
                f"exposure={e:.4g} s",
                float(score),
                people.get(_ms(e), np.nan),
                {"exposure": e},
            )
            for e, score in means.items()
        ]

    def scored(self) -> list[Scored]:
        """Letters by exposure."""

        def letters(frame: pd.DataFrame) -> pd.DataFrame:
            return cells(frame.assign(ms=frame["exposure"].map(_ms)), "score", ["ms"])

        return [Scored("whole_report", "letters reported", letters, coded(nominal=int), trials=_PER_FIT)]

    def human(self) -> pd.DataFrame:
        """Six letters, by nominal exposure; sd between fits, n = people."""
        t = human.table("whole_report")
        return pd.DataFrame(
            {
                "exposure": t["nominal"] / 1000,
                "targets": 6,
                "distractors": 0,
                "mean": t["score"],
                "sd": t["score_sd"],
                "n": t["n_sub"],
            }
        )

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """Letters reported over exposure."""
        return self.sheets(frame, "exposure", scale=1000.0, x_label="exposure [ms]")

    def _human_means(self) -> dict[int, float]:
        if not self.as_people:
            return {}
        t = self.human()
        return dict(zip((_ms(e) for e in t["exposure"]), t["mean"], strict=True))

    @property
    def as_people(self) -> bool:
        """People were measured with six letters."""
        return self.set_size == 6

    def finding(self, frame: pd.DataFrame) -> str:
        """What was found, in a line, from the numbers themselves."""
        longest = max(self.exposures)
        last = frame[np.isclose(frame["exposure"], longest)].groupby("arm", sort=False)["score"].mean()
        parts = ", ".join(f"{arm} {value:.1f}" for arm, value in last.items())
        return f"{self.title}: letters of {self.set_size} at {_ms(longest)} ms: {parts}"


def _ms(seconds: object) -> int:
    """Nominal milliseconds, as in the human table: 1/60 s is 17 ms."""
    return round(float(seconds) * 1000)  # type: ignore[arg-type]
