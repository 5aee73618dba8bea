"""Sessions: minutes or hours of one mind, trial after trial."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from cogattn.errors import InputError, doors, number, shown, whole
from cogattn.laws import alertness
from cogattn.world.stream import Task, TaskStream

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Session:
    """Minutes or hours of one mind: trials one after another, each a short stream, with pauses between them.

    Columns have one entry per trial, or one row per person: `which` of the streams it shows; `gap` [s] at work from
    the end of the trial before to its start; before that `rest` [s] under `rest_load` (0 = real rest). A trial
    ends at its stream's
    end, or with its response if the session is `self_paced`. The load is that of the streams' tasks; elements start
    afresh in each trial, alertness goes on. `sleepiness` is the day's (see `laws.alertness.sleepiness`).

    >>> import numpy as np
    >>> from cogattn.world.stream import display
    >>> one = display(targets=1, exposure=0.2)
    >>> ten = Session((one,), which=np.zeros(10, int), gap=np.full(10, 2.0))
    >>> ten.which.shape  # people (one row for all), trials
    (1, 10)
    """

    streams: tuple[TaskStream, ...]
    which: Ints
    gap: Floats
    rest: Floats = field(default_factory=lambda: np.zeros(1))
    rest_load: Floats = field(default_factory=lambda: np.zeros(1))
    self_paced: bool = False
    sleepiness: float = alertness.RESTED

    def __post_init__(self) -> None:
        streams = (self.streams,) if isinstance(self.streams, TaskStream) else tuple(self.streams)
        if not streams or not all(isinstance(s, TaskStream) for s in streams):
            raise InputError(f"streams of a session must each be a TaskStream, got {shown(self.streams)}")
        if any(s.tasks != streams[0].tasks for s in streams):
            raise InputError("all streams of a session must name the same tasks in the same order")
        if any(s.open_stimuli for s in streams):
            raise InputError("a session knows only times: no mask of its stimuli may be a process")
        object.__setattr__(self, "streams", streams)
        which = np.asarray(self.which)
        if which.dtype.kind not in "iu" or not which.size or which.min() < 0 or which.max() >= len(streams):
            raise InputError(f"which must give a stream from 0 to {len(streams) - 1} for every trial")
        columns = {"which": which.astype(np.int64)}
        for name in ("gap", "rest", "rest_load"):
            value = np.asarray(getattr(self, name), float)
            if not np.isfinite(value).all() or (value < 0).any():
                raise InputError(f"{name} of a session must be finite and >= 0 in every trial")
            columns[name] = value
        try:
            shape = np.broadcast_shapes((1, 1), *(c.shape for c in columns.values()))
        except ValueError:
            raise InputError("the columns of a session must have one entry per trial") from None
        for name, value in columns.items():
            # arrays of their own: for one that may not be written the loop would be compiled once more
            object.__setattr__(self, name, np.array(np.broadcast_to(value, shape), order="C"))
        number("sleepiness", self.sleepiness, least=-10, most=60)

    @property
    def trials(self) -> int:
        """How many trials it has."""
        return int(self.which.shape[1])

    @property
    def tasks(self) -> tuple[Task, ...]:
        """What there is to do."""
        return self.streams[0].tasks

    @property
    def load(self) -> float:
        """The load on alertness while at work."""
        return self.streams[0].load

    @property
    def memory_load(self) -> float:
        """The load on memory while at work."""
        return self.streams[0].memory_load

    def row(self, person: int) -> int:
        """The row of the columns that a person takes: his own, or the one that all share."""
        rows, person = self.which.shape[0], whole("person", person, least=0)
        if rows > 1 and person >= rows:
            raise InputError(f"this session has rows for {rows} people, none for person {person}")
        return person if rows > 1 else 0


doors(__name__)
