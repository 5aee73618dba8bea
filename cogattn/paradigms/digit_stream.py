"""An hour of digits: six digits flash every ten seconds, report what you saw. Who tires?

Alertness divides the rate of the race, attention wanders off, selection blunts; plain softmax attention stays where it
was. With a model, a network reads every display through the gate that the tiring mind leaves. No human table: this is a
prediction. Task constants: 200 ms, masked; demand 1, monotony 1: nothing but digits [assumption].

What fails: Softmax attention reports as much in the last minute as in the first. How much the mind loses in an hour
is extrapolated from eight minutes of people's simple responses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cogattn.errors import number, whole
from cogattn.paradigms.base import Answers, Condition, Metric, Pace, curve, pens_of
from cogattn.paradigms.session import Array, SessionParadigm
from cogattn.view.drawn import Drawn
from cogattn.world.session import Session
from cogattn.world.stream import Stimulus, Task, TaskStream


@dataclass(frozen=True)
class DigitStream(SessionParadigm):
    """Options: minutes, displays per minute, targets and distractors in a display, exposure [s], monotony."""

    minutes: float = 60.0
    rate: float = 6.0
    targets: int = 4
    distractors: int = 2
    exposure: float = 0.05
    monotony: float = 1.0

    name = "digit_stream"
    banded = False
    pictures = "display"
    title = "An hour of digits"
    question = "Six digits flash every ten seconds, for an hour. Who tires?"
    shown_pace = (Pace(4, 1), Pace(16, 1))
    source = "a prediction (no table of people)"
    condition_columns = ("targets", "distractors")
    undrawn = "its curve is of when a mind wanders, which no file says"

    def __post_init__(self) -> None:
        number("minutes", self.minutes, least=1, most=600, unit="min")
        number("rate", self.rate, above=0, most=60, unit="displays/min")
        whole("targets", self.targets, least=1, most=32)
        whole("distractors", self.distractors, least=0, most=32)
        number("exposure", self.exposure, above=0, most=0.9 * 60 / self.rate, unit="s")
        number("monotony", self.monotony, least=0, most=1)

    def conditions(self) -> list[Condition]:
        """One."""
        return [{"targets": self.targets, "distractors": self.distractors}]

    def length(self, condition: Condition) -> int:
        """All displays."""
        return max(6, int(self.minutes * self.rate))

    def stream(self, condition: Condition) -> TaskStream:
        """One display, masked after its exposure."""
        task = Task("report", monotony=self.monotony)
        items = [Stimulus(f"t{i}", 0.0, self.exposure) for i in range(self.targets)]
        items += [Stimulus(f"d{i}", 0.0, self.exposure, distractor=True) for i in range(self.distractors)]
        return TaskStream(tuple(items), end=self.exposure + 0.05, tasks=(task,))

    def session(self, condition: Condition, keys: Array) -> Session:
        """A display every 60 / rate seconds."""
        stream, n = self.stream(condition), self.length(condition)
        return Session((stream,), np.zeros(n, np.int64), np.full(n, 60 / self.rate - stream.end))

    def score(self, condition: Condition, answers: Answers) -> dict[str, Array]:
        """Targets reported right, display by display."""
        m = self.targets
        right, given, censored = (a[:, :m].sum(1) for a in (answers.right, answers.given, answers.censored))
        return {
            "correct": right == m,
            "score": right,
            "arrived": np.full(len(right), m),
            "answered": given,
            "missed": m - given - censored,
            "censored": censored,
        }

    def metrics(self, frame: pd.DataFrame) -> list[Metric]:
        """Targets reported in the first and in the last tenth of the hour."""
        by = _tenths(frame).groupby("block")["score"].mean()

        def tenth(block: int) -> Callable[[pd.DataFrame], pd.Series]:
            return lambda rows: _tenths(rows)["block"] == block

        return [
            Metric(
                self.title,
                f"targets reported, {word} tenth",
                "session",
                float(by.iloc[i]),
                np.nan,
                tenth(by.index[i]),
            )
            for word, i in (("first", 0), ("last", -1))
        ]

    def human(self) -> pd.DataFrame:
        """None: an empty table."""
        return pd.DataFrame({"targets": [], "distractors": [], "mean": [], "sd": [], "n": []})

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """Targets reported over the hour, and how often attention was on its task."""
        f, known = _tenths(frame), pens_of(frame)
        over: dict[str, Any] = {"along": "minute", "xlabel": "time on task [min]"}

        def targets(ax: Any) -> None:
            label = f"targets reported [items of {self.targets}]"
            curve(ax, f, "score", "block", known, ylabel=label, ylim=(0, None), **over)

        def attention(ax: Any) -> None:
            label = "attention on its task [share of displays]"
            curve(ax, f, "on_task", "block", known, ylabel=label, ylim=(0, 1.05), **over)

        return Drawn.of(self.finding(frame), [targets, attention], size=(8.4, 4.2))

    def finding(self, frame: pd.DataFrame) -> str:
        """What was found, in a line, from the numbers themselves."""
        parts = []
        for arm, own in frame.groupby("arm", sort=False):
            by = _tenths(own).groupby("block")["score"].mean()
            parts.append(f"{arm} {by.iloc[0]:.2f} -> {by.iloc[-1]:.2f}")
        return f"{self.title}, targets of {self.targets}: " + ", ".join(parts)


def _tenths(frame: pd.DataFrame) -> pd.DataFrame:
    last = frame["trial"].max() + 1
    block, minute = frame["trial"] * 10 // last, frame["onset"] / 60
    return frame.assign(block=block, minute=minute, on_task=frame["on_task"].astype(float))
