"""How many dots are there? Up to about four are seen at once (subitizing), more are counted. Trick & Pylyshyn 1994.

All dots race for the store. What is stored, and the one in hand, is known as it is; the rest is counted by the central
stage, one after the other, each like a simple response. Response time = the last dot known + the time to say it. No
constant was set by what people do here: published slopes are 40-120 ms a dot up to four and 250-350 ms beyond. Task
constants: the dots stay until the answer; to say a number takes 0.4 s [assumption], on which no slope depends.

What fails: Softmax attention knows any number at once: both slopes are 0. The mind's bend lies at its slots, a
mixture over people, so it is rounder than one person's; the two published slopes are a summary, not a table of
people.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cogattn.errors import number, whole
from cogattn.paradigms.base import Condition, Metric, pens_of
from cogattn.paradigms.divided import DEMAND, MONOTONY, Divided, account, regress
from cogattn.paradigms.report import series
from cogattn.paradigms.session import Array
from cogattn.view import plot
from cogattn.view.drawn import Drawn
from cogattn.world.session import Session
from cogattn.world.stream import Stimulus, Task, TaskStream


@dataclass(frozen=True)
class Enumeration(Divided):
    """Options: how many dots, how long it takes to say a number [s], trials per number."""

    dots: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7, 8)
    say: float = 0.4
    trials: int = 30

    name = "enumeration"
    clues = (r"enumerat\w*", r"subiti\w*")
    title = "Enumeration"
    question = "How many dots are there? A few are seen at once, more are counted."
    usual_params = ("slots", "speed")
    source = "Trick & Pylyshyn 1994, Psychol Rev 101:80 (published slopes)"
    condition_columns = ("dots",)

    def __post_init__(self) -> None:
        object.__setattr__(self, "dots", series("dots", self.dots))
        for n in self.dots:
            whole("dots", n, least=1, most=100)
        number("say", self.say, least=0, most=10, unit="s")
        whole("trials", self.trials, least=1, most=100_000)

    @property
    def per_condition(self) -> int:
        """Trials per number."""
        return self.trials

    def conditions(self) -> list[Condition]:
        """One per number of dots."""
        return [{"dots": int(n)} for n in self.dots]

    def trial(self, condition: Condition) -> TaskStream:
        """All dots at once, for as long as it takes."""
        n = int(condition["dots"])
        task = Task("count", 1.0, DEMAND, MONOTONY, when_full="count")
        items = [Stimulus(f"dot{i}", task="count") for i in range(n)]
        return TaskStream(tuple(items), end=5.0 + 2.0 * n, tasks=(task,))

    def score_session(self, condition: Condition, session: Session, seen: Any) -> dict[str, Array]:
        """The time at which the last dot is known, and the word for how many there are."""
        f = seen.element_times
        known = np.where(np.isnan(f.chosen), f.encoded, f.chosen)
        n = int(condition["dots"])
        count = (~np.isnan(known)).sum(-1)
        rt = np.nan_to_num(known, nan=0.0).max(-1) + self.say
        out = account((count == n).astype(int))
        return out | {"rt": rt, "counted": (~np.isnan(f.chosen)).sum(-1), "response": count.astype(str)}

    def metrics(self, frame: pd.DataFrame) -> list[Metric]:
        """Slopes of response time: up to four dots, and beyond."""
        rt = 1000 * frame.groupby("dots")["rt"].mean()
        few, many = rt[rt.index <= 4], rt[rt.index >= 5]
        return [
            Metric(
                "subitizing",
                "slope 1-4 items (published summary)",
                "dots",
                regress(few.index, few),
                70.0,
                {"dots": few.index},
            ),
            Metric(
                "subitizing",
                "slope above 4 items (published summary)",
                "dots",
                regress(many.index, many),
                300.0,
                {"dots": many.index},
            ),
        ]

    def human(self) -> pd.DataFrame:
        """None but the published slopes: an empty table."""
        return pd.DataFrame({"dots": [], "mean": [], "sd": [], "n": []})

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """Response time over the number of dots, beside lines of the published slopes."""
        f, known = frame.assign(ms=frame["rt"] * 1000), pens_of(frame)

        def curve(ax: Any) -> None:
            words: dict[str, Any] = {"xlabel": "number shown [dots]", "ylabel": "RT [ms]", "ylim": (0, None)}
            self.panel(ax, f, "ms", "dots", known, **words)
            first = f[f["arm"] == f["arm"].iloc[0]].groupby("dots")["ms"].mean()
            x, rise = np.array([1, 4, 8]), np.array([0, 210, 210 + 1200])
            start = float(first.iloc[0]) - np.interp(first.index[0], x, rise)
            ax.plot(x, start + rise, color=plot.LAW, linewidth=1.2, linestyle=":", label="published slopes")

        return self.sheets(frame, [curve])

    def finding(self, frame: pd.DataFrame) -> str:
        """What was found, in a line, from the numbers themselves."""
        parts = []
        for arm, own in frame.groupby("arm", sort=False):
            few, many = (m.value for m in self.metrics(own))
            parts.append(f"{arm} {abs(few):.0f} and {abs(many):.0f}")
        return f"{self.title}, ms per dot up to four and beyond: " + ", ".join(parts)
