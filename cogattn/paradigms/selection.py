"""Selection: common ground of cueing, the attention networks, load, capture and global precedence.

One element is answered, the others compete with it (the race) or push another answer (`laws.conflict`). Most of them
have no table of people: they cite the classic pattern.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cogattn.errors import choice, number, whole
from cogattn.paradigms.base import Condition, Metric
from cogattn.paradigms.divided import DEMAND, MONOTONY, Divided, account, between_arms, guesses, taken
from cogattn.paradigms.session import Array
from cogattn.view import plot
from cogattn.world.session import Session
from cogattn.world.stream import Stimulus, Task

SEEING, MOVING = 0.1, 0.083  #: s (`prp`)
TOLD = 11.7  #: categorisations of a clear colour or shape in the time of a simple response (`conflict.Simon`)
END = 4.0  #: s from the onset of the target to the end of a trial


def choosing() -> Task:
    """Who wins the race is answered with a key: seeing, counting what it is, moving as in `prp`."""
    how: Any = {
        "response": "choose",
        "when_full": "wait",
        "before": SEEING,
        "service": "counted",
        "evidence_rate": TOLD,
        "after": MOVING,
    }
    return Task("find", 1.0, DEMAND, MONOTONY, **how)


def telling(
    evidence_rate: float,
    non_decision_time: float,
    non_decision_sd: float,
    activation: float = Task.activation,
    peak: float = Task.peak,
    ready: bool = Task.ready,
) -> Task:
    """The target is identified while the rest competes and pushes (ready: as a key of the person's does)."""
    seconds = number("non_decision_time", non_decision_time, above=0, most=10, unit="s")
    return Task(
        "tell", 1.0, DEMAND, MONOTONY,
        response="decide", evidence_rate=evidence_rate, activation=activation, peak=peak, ready=ready,
        after=seconds, after_sd=non_decision_sd,
    )  # fmt: skip


def beside(name: str, weight: float, speaks: int = 0) -> Stimulus:
    """What is beside the target and irrelevant: it competes, and pushes the answer that it speaks for, if any."""
    return Stimulus(name, task="tell", weight=weight, evidence=0.0, supports=speaks, distractor=True)


def some(what: str, values: object, known: Any) -> tuple[str, ...]:
    """Options that are lists of words; one word is a list of one."""
    words = values if isinstance(values, tuple | list) and values else (values,)
    return tuple(dict.fromkeys(choice(what, word, known) for word in words))


@dataclass(frozen=True)
class Selecting(Divided):
    """The first element of a trial is the target."""

    banded = False
    phenomenon: ClassVar[str]
    headline: ClassVar[tuple[str, ...]]  #: the numbers that the finding names

    trials: int = 100

    def __post_init__(self) -> None:
        whole("trials", self.trials, least=1, most=100_000)
        for condition in self.conditions():  # checks the others
            self.trial(condition)

    @property
    def per_condition(self) -> int:
        """Trials per condition."""
        return self.trials

    @abstractmethod
    def numbers(self, frame: pd.DataFrame) -> dict[str, float]:
        """The paradigm's numbers by name; what ends in [ms] is a time."""

    def parts(self) -> dict[str, Mapping[str, Any]]:
        """Of which conditions each of the numbers is made (`Metric.of`); all of them, where nothing is said."""
        return {}

    def score_session(self, condition: Condition, session: Session, seen: Any) -> dict[str, Array]:
        """Response time from the target's onset, and whether it was right; what was not seen is guessed (1 of 2)."""
        onset = session.streams[0].stimuli[0].onset
        rt = seen.element_times.answered[..., 0] - onset
        answered = ~np.isnan(rt)
        right = np.where(answered, seen.element_times.right[..., 0], guesses(seen)[..., 0] < 0.5)
        out = account(right.astype(int)) | {"response": np.where(right, "right", "wrong")}
        return out | {"rt": taken(rt), "error": 1.0 - right}

    def metrics(self, frame: pd.DataFrame) -> list[Metric]:
        """The numbers; there is no table of people."""
        found = self.numbers(frame).items()
        of = self.parts()
        return [Metric(self.phenomenon, k, "over conditions", float(v), np.nan, of.get(k)) for k, v in found]

    def human(self) -> pd.DataFrame:
        """There is no table."""
        return pd.DataFrame(columns=[*self.condition_columns, "mean", "sd", "n"], dtype=float)

    def over(
        self,
        rows: pd.DataFrame,
        value: str,
        column: str,
        known: dict[str, plot.Pen],
        ticks: dict[str, int] | None = None,
        **labels: Any,
    ) -> Any:
        """A panel: `value` over `column`; levels that have names (ticks) lie side by side."""
        if ticks:
            place = {code: i for i, code in enumerate(ticks.values())}
            rows = rows.assign(**{column: rows[column].map(place)})

        def draw(ax: Any) -> None:
            self.panel(ax, rows, value, column, known, **labels)
            if ticks:
                ax.set_xticks(range(len(ticks)), list(ticks))

        return draw

    def both(self, filled: Any, hollow: Any, words: tuple[str, str]) -> Any:
        """Two panels in one: the second is drawn with hollow marks; words say what either is."""

        def draw(ax: Any) -> None:
            filled(ax)
            hollow(ax)
            plot.kinds(ax, *words)

        return draw

    def finding(self, frame: pd.DataFrame) -> str:
        """What was found, in a line, from the numbers themselves."""

        def text(own: pd.DataFrame) -> str:
            found = self.numbers(own)
            known = [(k, found[k]) for k in self.headline if np.isfinite(found.get(k, np.nan))]
            words = (f"{k[:-5]} {round(v)} ms" if "[ms]" in k else f"{k} {v:.2f}" for k, v in known)
            return ", ".join(words) or "no time"

        return f"{self.title}: " + between_arms(frame, text)


def timed(frame: pd.DataFrame) -> pd.DataFrame:
    """The right responses, with their time in ms."""
    right = frame[frame["correct"]]
    return right.assign(ms=1000 * right["rt"])


def difference(
    frame: pd.DataFrame, column: str, slow: float, fast: float, by: str, value: str = "ms"
) -> pd.DataFrame:
    """Each person's mean of `value` where `column` is `slow`, less that where it is `fast` (column `effect`)."""
    rows, keys = timed(frame) if value == "ms" else frame, ["arm", "person", by]
    mean = [rows[np.isclose(rows[column], k)].groupby(keys, sort=False)[value].mean() for k in (slow, fast)]
    return (mean[0] - mean[1]).rename("effect").reset_index()


def mean_by(effects: pd.DataFrame, by: str) -> dict[float, float]:
    """The mean effect over people at each level of `by`."""
    return {float(k): float(v) for k, v in effects.groupby(by)["effect"].mean().items()}
