"""Divided capacity: several things at once. Common ground of the paradigms in which items compete, are held and chosen.

Each condition is a session of its own: trial after trial in one mind, so attention tires a little and lapses as it does
everywhere else. A row of the long table is one trial.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from cogattn.laws.conflict import SLOWEST
from cogattn.mind.calls import EARLY_RT
from cogattn.mind.draws import GUESS, LAYOUT, uniforms
from cogattn.paradigms.base import Condition, curve
from cogattn.paradigms.session import Array, SessionParadigm, SessionRecord
from cogattn.view import plot
from cogattn.view.drawn import Drawn
from cogattn.world.session import Session
from cogattn.world.stream import TaskStream

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Load of these tasks on alertness: demand 1, monotony 1/2 (two answers, about equally often) [assumption].
DEMAND, MONOTONY = 1.0, 0.5


@dataclass(frozen=True)
class Divided(SessionParadigm):
    """One condition column, a session of `trials` trials in each condition."""

    details: ClassVar[bool] = True
    gap: ClassVar[float] = 1.0  #: s between trials

    @property
    @abstractmethod
    def per_condition(self) -> int:
        """Trials in each condition."""

    def length(self, condition: Condition) -> int:
        """The trials of this condition."""
        return self.per_condition

    @abstractmethod
    def trial(self, condition: Condition) -> TaskStream:
        """The world of one trial."""

    def session(self, condition: Condition, keys: Array) -> Session:
        """The same stream again and again; what is random in it is laid out from each trial's own chances."""
        n = self.length(condition)
        return Session((self.trial(condition),), np.zeros(n, np.int64), np.full(n, self.gap))

    @property
    def as_people(self) -> bool:
        """Whether people were measured under these options."""
        return True

    @abstractmethod
    def finding(self, frame: pd.DataFrame) -> str:
        """What was found, in a line, from the numbers themselves."""

    def panel(
        self,
        ax: Axes,
        rows: pd.DataFrame,
        value: str,
        column: str,
        known: dict[str, plot.Pen],
        people: pd.DataFrame | None = None,
        **how: Any,
    ) -> None:
        """`base.curve`, with people only where they were measured under these options."""
        curve(ax, rows, value, column, known, people if self.as_people else None, **how)

    def sheets(self, frame: pd.DataFrame, draws: list[Any]) -> Drawn:
        """Panels side by side as data, each drawn by draws[i](ax), and the finding as title."""
        return Drawn.of(self.finding(frame), draws)

    def panels(self, frame: pd.DataFrame, axes: Any, draws: list[Any]) -> Figure:
        """Panels side by side, each drawn by draws[i](ax), with one legend and the finding as title."""
        return self.sheets(frame, draws).figure(axes)


def account(score: Array, answered: Array | None = None, arrived: Array | int = 1) -> dict[str, Array]:
    """The columns that every long table has: what arrived = answered + missed + censored."""
    score = np.asarray(score)
    arrived = np.broadcast_to(np.asarray(arrived, np.int64), score.shape)
    answered = arrived if answered is None else np.asarray(answered, np.int64)
    return {
        "correct": score == arrived,
        "score": score.astype(np.int64),
        "arrived": arrived,
        "answered": answered,
        "missed": arrived - answered,
        "censored": np.zeros(score.shape, np.int64),
        "responded": answered > 0,
    }


def taken(rt: Array) -> Array:
    """Response times; of what is answered at once there are none: a mind without speed limit takes no time."""
    return np.where(rt > EARLY_RT, rt, np.nan)


def laid_out(seen: SessionRecord, n: int, first: int = 1 << 21) -> npt.NDArray[np.float64]:
    """n numbers in (0, 1) a trial that say how it is laid out (which item is asked for, whether it changed)."""
    return seen.chance(LAYOUT, n, first)


def guesses(seen: SessionRecord, n: int = 1) -> npt.NDArray[np.float64]:
    """n numbers in (0, 1) a trial, for what is answered when nothing is known."""
    return seen.chance(GUESS, n)


def guess_times(
    seen: SessionRecord, choices: int, rate: float, within: float = np.inf, first: int = 1 << 20
) -> npt.NDArray[np.float64]:
    """(people, trials): how long it takes to guess [s], where what was asked for is gone. What is left says nothing:
    each categorisation speaks for any of the choices alike, as fast as those of what was there (`rate`), until one
    leads all others by what the person asks for: among two, a lead of r takes r^2 categorisations on average. What
    takes longer than `within` s is not counted to its end. Minds without a limit of speed take no time (NaN). The
    chances begin at `first`.
    """
    people = seen.people
    mean, sd = people["speed"][:, None], people["speed_sd"][:, None]
    u = np.moveaxis(seen.chance(GUESS, 3, first), -1, 0)
    lead = np.floor(people["evidence_threshold"][:, None] + u[0])
    with np.errstate(invalid="ignore"):
        drive = np.maximum(mean + sd * special.ndtri(u[1]), SLOWEST * mean) * seen.alertness
        limited = np.isfinite(drive)
        usual = rate * drive * within  # so many are made in that time; this many more never
        most = np.where(limited, usual + 10 * np.sqrt(usual) + 50, 0)
        took = special.gammaincinv(_undecided(seen.keys, choices, lead, most, first + 3), u[2]) / (
            rate * drive
        )
    return np.where(limited, took, np.nan)


def _undecided(keys: Array, choices: int, lead: Array, most: Array, first: int) -> Array:
    """How many categorisations it takes until one of the choices leads by so much, or there were `most`, if they all
    say nothing."""
    counts, steps, n = np.zeros((*lead.shape, choices)), np.zeros(lead.shape), 0
    left = np.nonzero(most)  # who is undecided
    while len(left[0]):
        says = np.floor(choices * uniforms(keys[left], GUESS, first + n)).astype(int)
        n += 1
        counts[(*left, says)] += 1
        steps[left] = n
        ahead = np.sort(counts[left], axis=-1)
        more = (ahead[:, -1] - ahead[:, -2] < lead[left]) & (n < most[left])
        left = tuple(at[more] for at in left)
    return steps


def says_yes(seen: SessionRecord, n: int, share: float) -> npt.NDArray[np.bool_]:
    """(people, trials, n): what is said when nothing is known, yes or no: yes in that share, by who has the usual
    criterion; whoever is wary of saying yes (in `vigilance`, too) says it less often:

        P(yes) = Phi(Phi^-1(share) - (criterion - usual criterion))
    """
    p = special.ndtr(special.ndtri(share) - seen.bias)
    return guesses(seen, n) < p[:, None, None]


def regress(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """The slope of the least-squares line."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    if len(x) < 2 or not np.isfinite(y).all():
        return float("nan")
    return float(np.polyfit(x, y, 1)[0])


def between_arms(frame: pd.DataFrame, text: Any) -> str:
    """`arm text(own rows)` for each arm, joined."""
    return "; ".join(f"{arm} {text(own)}" for arm, own in frame.groupby("arm", sort=False))
