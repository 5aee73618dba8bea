"""Sleep restriction: ten days of PVTs, three nights of eight hours, then three hours a night.

Response times grow from day to day and do not level off within the week. Human table: `human/sleep_restriction.csv`
(Belenky et al. 2003, J Sleep Res 12:1; 18 adults). Bed times as in the study: 23-7 h before and on days 0-2, then
4-7 h. Task constants: ten minutes of PVT, a stimulus every 2-10 s; tested at 9, 12, 15 and 21 h, of which the mean
sleepiness is the day's.

`sample`: who is tested if nobody says who. "adults" are the population of all other experiments. The study's people
were rested and trained adults in a laboratory, who answer faster from the first day on (257 ms; those adults, here,
381): "laboratory" has such people (`Population.laboratory`), whose mean speed is 4.52 /s instead of 3.28. That one
number is set from the study's mean RT; how they differ, and how they slow down, are as in other adults.

What fails: Softmax attention does not sleep, and has no response times. The mind's curve bends after two short
nights, people's goes on rising. Adults are 120 ms slower than the study's people (13.1 ms a day, people 11.4); those of
the laboratory are at their level on all days (7.9 ms a day).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cogattn import human
from cogattn.errors import choice, number, whole
from cogattn.laws import alertness
from cogattn.paradigms.base import Condition, Metric, Pace, curve, pens_of
from cogattn.paradigms.scored import Scored, cells, coded
from cogattn.paradigms.session import Array, SessionParadigm, lapsed
from cogattn.paradigms.simple_rt import PVT
from cogattn.population import SAMPLES, Population
from cogattn.view import plot
from cogattn.view.drawn import Drawn
from cogattn.world.session import Session

_USUAL = 5  # days of usual sleep before day 0, so that no start value matters
_TESTS = (9, 12, 15, 21)


@dataclass(frozen=True)
class SleepRestriction(SessionParadigm):
    """Options: days, the last day of usual sleep, hours in bed afterwards (until 7 h); who is tested if nobody says
    who ("adults" or "laboratory")."""

    days: int = 10
    baseline: int = 2
    in_bed: float = 3.0
    sample: str = "adults"

    name = "sleep_restriction"
    title = "Sleep restriction"
    question = "Three hours of sleep a night, for a week. How slow do responses become?"
    shown_pace = (Pace(2, 1), Pace(6, 1))
    source = "Belenky et al. 2003, J Sleep Res 12:1 (18 adults)"
    condition_columns = ("day",)

    def __post_init__(self) -> None:
        whole("days", self.days, least=2, most=60)
        whole("baseline", self.baseline, least=0, most=59)
        number("in_bed", self.in_bed, least=0.5, most=8, unit="h")
        choice("sample", self.sample, SAMPLES)

    def usual_population(self) -> Population:
        """The adults of all other paradigms, or those of the laboratory, who are faster."""
        return SAMPLES[self.sample]()

    @property
    def as_people(self) -> bool:
        """People had these nights."""
        return (self.days, self.baseline, self.in_bed) == (10, 2, 3.0)

    def conditions(self) -> list[Condition]:
        """A PVT on every day."""
        return [{"day": d} for d in range(self.days)]

    def length(self, condition: Condition) -> int:
        """Trials of one PVT."""
        return PVT().length({})

    def sleepiness(self, day: int) -> float:
        """Of this day, over the hours of its tests."""
        nights = []
        for d in range(_USUAL + self.days):
            bed = 8.0 if d < _USUAL + self.baseline else self.in_bed
            nights.append((24.0 * (d + 1) + 7 - bed, 24.0 * (d + 1) + 7))
        hours = [24.0 * (_USUAL + day) + h for h in _TESTS]
        return float(alertness.sleepiness(hours, nights).mean())

    def session(self, condition: Condition, keys: Array) -> Session:
        """The PVT of this day."""
        pvt = PVT().session({}, keys)
        columns = (pvt.streams, pvt.which, pvt.gap)
        return Session(*columns, self_paced=True, sleepiness=self.sleepiness(int(condition["day"])))

    def completed(self, frame: pd.DataFrame) -> pd.DataFrame:
        """No response is a missed one."""
        return frame.assign(missed=frame["rt"].isna().astype(int))

    def metrics(self, frame: pd.DataFrame) -> list[Metric]:
        """ms of mean RT per day: people's own regression over all days."""
        people = self.human()
        slope = float(np.polyfit(people["day"], people["mean"], 1)[0])
        by = frame[frame["rt"] >= 0.1].groupby("day")["rt"].mean() * 1000
        ours = float(np.polyfit(by.index, by, 1)[0]) if len(by) > 1 else np.nan
        known = slope if self.as_people else np.nan
        return [
            Metric(
                f"sleep restriction {self.in_bed:g} h a night",
                "mean RT slope per day",
                "all days",
                ours,
                known,
            )
        ]

    def scored(self) -> list[Scored]:
        """RT by day."""

        def times(frame: pd.DataFrame) -> pd.DataFrame:
            return 1000 * cells(frame[frame["rt"] >= 0.1], "rt", ["day"])

        whose = {"sample": "laboratory"}  # the table's people
        return [
            Scored("sleep_restriction", name, times, coded(Days=int), whose) for name in ("RT by day", "RT")
        ]

    def human(self) -> pd.DataFrame:
        """Mean RT [ms] by day; 18 people."""
        t = human.table("sleep_restriction")
        return pd.DataFrame({"day": t["Days"], "mean": t["meanRT_ms"], "sd": t["sd_ms"], "n": t["n"]})

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """Mean RT and lapses by day."""
        t, known = self.human(), pens_of(frame)
        f = frame.assign(ms=1000 * frame["rt"].where(frame["rt"] >= 0.1), lapse=lapsed(frame).astype(float))
        day: dict[str, Any] = {"xlabel": "day [number]"}

        def begins(ax: Any) -> None:
            words = f"from here {self.in_bed:g} h in bed"
            ax.axvline(self.baseline + 0.5, color=plot.QUIET, linewidth=0.9, linestyle=":", label=words)

        def times(ax: Any) -> None:
            curve(ax, f, "ms", "day", known, t, ylabel="mean RT [ms]", ylim=(0, None), **day)
            begins(ax)

        def lapses(ax: Any) -> None:
            label = "lapses of 500 ms or more [share]"
            curve(ax, f, "lapse", "day", known, ylabel=label, ylim=(-0.01, None), **day)
            begins(ax)

        return Drawn.of(self.finding(frame), [times, lapses], size=(8.4, 4.2))

    def finding(self, frame: pd.DataFrame) -> str:
        """What was found, in a line, from the numbers themselves."""
        parts = []
        for arm, own in frame.groupby("arm", sort=False):
            slope = self.metrics(own)[0].value
            parts.append(
                f"{arm} " + (f"{slope:+.1f} ms per day" if np.isfinite(slope) else "no response times")
            )
        return f"{self.title}, {self.in_bed:g} h a night from day {self.baseline + 1}: " + ", ".join(parts)
