"""What every classic experiment here has: conditions, a stream, a score, a human table and a figure.

A new paradigm is one file with one subclass of `Paradigm`, and one line in `paradigms/__init__.py`. Nothing in it
may know its own band: the bands live in `human/targets.csv` and are read by `results` and `scorecard`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from cogattn.stream import TaskStream

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Condition = dict[str, float | int]


class Answers(NamedTuple):
    """What was answered in n trials, element by element (trials, elements); element order is the stream's."""

    given: npt.NDArray[np.bool_]  # something was answered for this element
    right: npt.NDArray[np.bool_]  # and it was the right thing
    censored: npt.NDArray[np.bool_]  # the trial ended while it was still under way


class Metric(NamedTuple):
    """One number of a paradigm, spelled as in `human/targets.csv` where a band exists."""

    phenomenon: str
    metric: str
    condition: str
    value: float
    human: float  # of the human table; NaN where people were not measured


@dataclass(frozen=True)
class Paradigm(ABC):
    """A classic experiment. Fields are its options; units are SI."""

    name: ClassVar[str]
    title: ClassVar[str]
    source: ClassVar[str]
    condition_columns: ClassVar[tuple[str, ...]]
    usual_trials: ClassVar[int] = 100  # per person and condition, if nobody says how many
    banded: ClassVar[bool] = True  # whether it has rows on the scorecard
    #: What a network sees: "display" (all elements at once), "frames" (each target alone), "sequence" (it judges them
    #: one after the other), "items" (each element alone, what it is by `labels`), "own" (a specialist's task), ""
    #: (nothing: no network can take it).
    pictures: ClassVar[str] = "display"
    sessions: ClassVar[bool] = False  # trials follow one another in one mind (`paradigms.watch`)

    @abstractmethod
    def conditions(self) -> list[Condition]:
        """Every condition, as plain numbers by column."""

    @abstractmethod
    def stream(self, condition: Condition) -> TaskStream:
        """The world of one trial of this condition."""

    @abstractmethod
    def score(self, condition: Condition, answers: Answers) -> dict[str, npt.NDArray[Any]]:
        """Columns of the long table, one entry per trial."""

    @abstractmethod
    def metrics(self, frame: pd.DataFrame) -> list[Metric]:
        """The paradigm's numbers for the trials of one arm."""

    @abstractmethod
    def human(self) -> pd.DataFrame:
        """The human table: condition columns, mean, sd (between people), n (people)."""

    @abstractmethod
    def figure(self, frame: pd.DataFrame, axes: Any = None) -> Figure:
        """The figure in the form that its field uses: people beside every arm."""

    def options(self) -> dict[str, Any]:
        """The options as plain values, for TOML."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


def by_person(frame: pd.DataFrame, columns: list[str], value: str) -> pd.DataFrame:
    """Mean of `value` for each person (rows) in each condition (columns)."""
    return frame.pivot_table(index="person", columns=columns, values=value, aggfunc="mean", sort=True)
