"""Report of a brief display: letters flash, a mask ends them, the observer names what he saw.

Common ground of whole report (all letters are targets) and partial report (report the red ones, ignore the
others). A trial scores the targets that were named right. Unspeeded: there is no response time.
"""

from __future__ import annotations

import numbers
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from cogattn.errors import InputError, number, shown
from cogattn.paradigms.base import Answers, Condition, Law, Paradigm, Rival, curve, how_many, pens_of
from cogattn.view import plot
from cogattn.view.drawn import Drawn
from cogattn.world.stream import TaskStream, display


@dataclass(frozen=True)
class Report(Paradigm):
    """A display of targets and distractors, masked after its exposure."""

    condition_columns = ("exposure", "targets", "distractors")

    def stream(self, condition: Condition) -> TaskStream:
        """Targets are the first elements, distractors follow."""
        return display(
            targets=int(condition["targets"]),
            distractors=int(condition["distractors"]),
            exposure=float(condition["exposure"]),
        )

    def score(self, condition: Condition, answers: Answers) -> dict[str, npt.NDArray[Any]]:
        """Targets reported right; arrived = answered + missed + censored counts targets, letter by letter."""
        m = int(condition["targets"])
        right, given, censored = (
            how_many(a[:, :m]) for a in (answers.right, answers.given, answers.censored)
        )
        return {
            "correct": right == m,
            "score": right,
            "arrived": np.full(len(right), m, right.dtype),
            "answered": given,
            "missed": m - given - censored,
            "censored": censored,
            "intrusions": how_many(answers.given[:, m:]),
        }

    rivals: ClassVar[Mapping[str, Rival]] = {
        f"{race} race" if race != "linear" else "linear, no race": Rival(
            ("capacity", "slots", "threshold", "alpha"), options={"race": race}
        )
        for race in ("fixed", "reallocating", "linear")
    }

    def likelihood(self) -> Law:
        """The race gives it exactly."""
        return Law("cogattn.tune.likelihoods:ReportLikelihood")

    @property
    @abstractmethod
    def as_people(self) -> bool:
        """Whether people were measured under these options: only then do they stand in the figure."""

    @abstractmethod
    def finding(self, frame: pd.DataFrame) -> str:
        """What was found, in a line, from the numbers themselves: the figure's title."""

    def sheets(self, frame: pd.DataFrame, column: str, scale: float, x_label: str) -> Drawn:
        """Targets reported over one condition column, people beside every arm; below it the misfit to people.

        The mean over people is the mean over trials: each has as many.
        """
        people, known = self.human().sort_values(column), pens_of(frame)
        people = people.assign(**{column: people[column] * scale})
        rows = frame.assign(**{column: frame[column] * scale})
        most = int(frame["arrived"].max())

        def top(ax: Any) -> None:
            curve(ax, rows, "score", column, known, people if self.as_people else None)
            if rows[column].nunique() <= 5:
                ax.set_xticks(sorted(rows[column].unique()))
            ax.set(ylabel=f"targets reported [items of {most}]", ylim=(0, most * 1.05))
            if not self.as_people:
                ax.set(xlabel=x_label)

        def strip(ax: Any) -> None:
            if not self.as_people:
                ax.set_axis_off()
                return
            error = people["sd"] / np.sqrt(people["n"])
            means = rows.groupby(["arm", column], sort=False)["score"].mean()
            misfits = {a: (_at(means[a], people[column]) - people["mean"]) / error for a in known}
            plot.misfit(ax, people[column], misfits, known)
            ax.set(xlabel=x_label)

        grid = {"height_ratios": [5, 1], "sharex": True}
        return Drawn.of(self.finding(frame), [top, strip], size=(6.4, 5.8), rows=2, strips=1, how=grid)


def _at(means: pd.Series, x: pd.Series) -> npt.NDArray[np.float64]:
    """The model's mean at each x of the human table (to 1 %), NaN where the model was not asked."""
    near = [[m for at, m in means.items() if np.isclose(at, value, rtol=0.021)] for value in x]
    return np.array([found[0] if found else np.nan for found in near])


def series(name: str, values: object) -> tuple[Any, ...]:
    """Options that are lists of numbers come as any sequence; one number is a list of one."""
    if isinstance(values, numbers.Number):
        return (values,)
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        raise InputError(f"{name} must be a list of numbers, got {shown(values)}")
    out = tuple(v.item() if isinstance(v, np.generic) else v for v in values)
    if not out:
        raise InputError(f"{name} must hold at least one value, got none")
    for value in out:
        number(f"each of {name}", value, infinite=True)
    if len(set(out)) < len(out):
        raise InputError(f"{name} must differ from each other, got {out}")
    return out
