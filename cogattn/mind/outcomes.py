"""What became of minds that were played: of every element of a display, of every trial of a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cogattn._renamed import old_fields, old_names

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class ElementTimes:
    """More about every element: arrays (..., trials, elements) of times within the trial, s; NaN = never."""

    encoded: npt.NDArray[np.float64]  # when it entered the store
    left: npt.NDArray[np.float64]  # when it left the store again
    seems: npt.NDArray[np.float64]  # when it seems to have come: decides in which order items are reported
    minded: npt.NDArray[np.bool_]  # attention was on its task when it entered; of a search: it was looked at
    chosen: npt.NDArray[np.float64]  # when its response was chosen (or it was counted)
    answered: npt.NDArray[np.float64]  # when the response came
    right: npt.NDArray[np.bool_]  # and it was the right one

    @classmethod
    def none(cls, *shape: int) -> ElementTimes:
        """Nothing has happened yet."""
        times = [np.full(shape, np.nan) for _ in range(5)]
        flags = [np.zeros(shape, np.bool_) for _ in range(2)]
        return cls(times[0], times[1], times[2], flags[0], times[3], times[4], flags[1])

    def arrays(self) -> tuple[Array, ...]:
        """As the compiled loop takes them."""
        return (self.encoded, self.left, self.seems, self.minded, self.chosen, self.answered, self.right)

    def of_trials(self) -> ElementTimes:
        """Of sittings of one trial: (trials, elements)."""
        return ElementTimes(*(a[:, 0] for a in self.arrays()))


@old_fields(fate="element_times")
@dataclass(frozen=True)
class Outcome:
    """What became of every element in every trial. Arrived = stored + missed + censored, element by element."""

    stored: npt.NDArray[np.bool_]  # (trials, elements) in the store at the end
    finish: npt.NDArray[np.float64]  # (trials, elements) when it was categorised, s; inf = never
    censored: npt.NDArray[np.bool_]  # (trials, elements) the trial ended while it was still under way
    events: pd.DataFrame | None = None  # the event record, if asked for
    element_times: ElementTimes | None = None  # more about each element, if asked for


@old_fields(fate="element_times")
@dataclass(frozen=True)
class SessionOutcome:
    """What became of every trial of every person's session: arrays (people, trials)."""

    start: npt.NDArray[np.float64]  # when the trial began, s
    rt: npt.NDArray[np.float64]  # response time from the call, s; NaN = no response
    right: npt.NDArray[np.bool_]  # the call was answered (or left alone) as its task asked
    alertness: npt.NDArray[np.float64]  # A at the trial's start
    on_task: npt.NDArray[np.bool_]  # attention was on the task then
    criterion: npt.NDArray[np.float64]  # how far the criterion had adapted, 0..1
    stored: npt.NDArray[np.bool_]  # (people, trials, elements) in the store at the trial's end
    keys: npt.NDArray[np.uint64]  # the address of each trial's chances
    people: npt.NDArray[np.void]  # (people,) their numbers: in this arm, on that day
    events: pd.DataFrame | None = None
    element_times: ElementTimes | None = (
        None  # more about each element (people, trials, elements), if asked for
    )


old_names(__name__, Watched="SessionOutcome", Fate="ElementTimes")
