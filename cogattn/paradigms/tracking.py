"""Multiple-object tracking: some of ten identical discs flash, all move, one is probed: did it flash? Pylyshyn & Storm
1988 (Spat Vis 3:179), who had up to 5 of 10 tracked and found few errors up to 4.

While the targets flash they race for the slots; only a target with a slot (an index, a pointer) is followed through the
motion. A probed target that is not followed is told by a coin:

    p(N) = m + (1 - m) / 2,  m = min(1, K / N),    so the effective number tracked is N (2 p - 1) = min(N, K)

Following costs nothing and fails never [assumption: speed and crowding, which limit people too, are not modelled]. Task
constants: 1 s of flashing, 5 s of motion, 1 s between trials [assumption]. There is no table of people here.

What fails: Plain softmax attention follows all targets. The mind is limited by slots alone: speed, crowding and
distance, which limit people as much, make no difference here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cogattn.errors import InputError, number, whole
from cogattn.laws import memory
from cogattn.paradigms.base import Condition, Metric, Statistics, pens_of
from cogattn.paradigms.divided import DEMAND, MONOTONY, Divided, account, between_arms, guesses
from cogattn.paradigms.report import series
from cogattn.paradigms.session import Array
from cogattn.view import plot
from cogattn.view.drawn import Drawn
from cogattn.world.session import Session
from cogattn.world.stream import Stimulus, Task, TaskStream


@dataclass(frozen=True)
class Tracking(Divided):
    """Options: numbers of targets, objects, how long targets flash and all move [s], trials per number."""

    targets: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 8)
    objects: int = 10
    flash: float = 1.0
    motion: float = 5.0
    trials: int = 40

    name = "tracking"
    clues = (r"\bmot\b", r"object ?track\w*")
    title = "Tracking"
    question = "Some of ten identical discs flash, then all move about. Which ones were they?"
    statistics = Statistics(("targets",), ("correct",), ())
    source = "Pylyshyn & Storm 1988, Spat Vis 3:179 (the task; no table of people here)"
    condition_columns = ("targets",)
    banded = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "targets", series("targets", self.targets))
        whole("objects", self.objects, least=1, most=64)
        for n in self.targets:
            whole("targets", n, least=1, most=64)
            if n > self.objects:
                raise InputError(f"targets must be at most the {self.objects} objects, got {n}")
        number("flash", self.flash, above=0, most=3600, unit="s")
        number("motion", self.motion, above=0, most=3600, unit="s")
        whole("trials", self.trials, least=1, most=100_000)

    @property
    def per_condition(self) -> int:
        """Trials per number of targets."""
        return self.trials

    def conditions(self) -> list[Condition]:
        """One per number of targets."""
        return [{"targets": int(n)} for n in self.targets]

    def trial(self, condition: Condition) -> TaskStream:
        """The targets flash, then look like all others. The first will be probed (all are alike to a mind)."""
        task = Task("track", 1.0, DEMAND, MONOTONY)
        items = [Stimulus(f"t{i}", mask=self.flash, task=task.name) for i in range(int(condition["targets"]))]
        return TaskStream(tuple(items), end=self.flash + self.motion, tasks=(task,))

    def score_session(self, condition: Condition, session: Session, seen: Any) -> dict[str, Array]:
        """What is followed is known; else a coin."""
        held = self.known(seen)[..., 0]
        right = held | (guesses(seen)[..., 0] < 0.5)
        followed = self.known(seen).sum(-1)
        says = np.where(right, "target", "other")
        return account(right.astype(int)) | {"held": held, "followed": followed, "response": says}

    def metrics(self, frame: pd.DataFrame) -> list[Metric]:
        """Accuracy and the effective number tracked, by number of targets."""
        out = []
        for n, p in frame.groupby("targets")["correct"].mean().items():
            values = {"accuracy": float(p), "effective number tracked": float(n) * (2 * float(p) - 1)}
            for metric, value in values.items():
                out.append(
                    Metric("tracking", f"{metric} {n} targets", f"targets={n}", value, np.nan, {"targets": n})
                )
        return out

    def human(self) -> pd.DataFrame:
        """There is no table."""
        return pd.DataFrame(columns=["targets", "mean", "sd", "n"], dtype=float)

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """Accuracy and the effective number over the number of targets, with the law."""
        f, known = frame.assign(effective=frame["targets"] * (2.0 * frame["correct"] - 1)), pens_of(frame)
        f["right"] = f["correct"].astype(float)
        grid = np.arange(f["targets"].min(), f["targets"].max() + 1)
        first = f[f["arm"] == f["arm"].iloc[0]]
        slots = float(first.loc[first["targets"] == grid[-1], "effective"].mean())
        law = {"color": plot.LAW, "linewidth": 0.9, "label": f"K = {slots:.1f} slots"}
        number: dict[str, Any] = {"xlabel": "to be followed [targets]"}

        def accuracy(ax: Any) -> None:
            words: dict[str, Any] = {"ylabel": "accuracy [share right]", "ylim": (0.45, 1.03)}
            self.panel(ax, f, "right", "targets", known, **words, **number)
            ax.plot(grid, memory.tracking(grid, max(slots, 0.0)), **law)

        def effective(ax: Any) -> None:
            self.panel(ax, f, "effective", "targets", known, ylabel="effective number [targets]", **number)
            ax.plot(grid, np.minimum(grid, slots), **law)

        return self.sheets(frame, [accuracy, effective])

    def finding(self, frame: pd.DataFrame) -> str:
        """What was found, in a line, from the numbers themselves."""
        last = frame["targets"].max()

        def followed(own: pd.DataFrame) -> str:
            return f"{last * (2 * own.loc[own['targets'] == last, 'correct'].mean() - 1):.1f}"

        return f"{self.title}: of {last} targets are followed: " + between_arms(frame, followed)
