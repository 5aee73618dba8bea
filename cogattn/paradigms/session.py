"""Sessions: minutes or hours of one task, trial after trial, in which alertness goes on from each trial to the next.

Common ground of the paradigms of sustained attention. A row of the long table is one trial (one stimulus): when it
came, what was answered and how fast, and in what state of attention it was met.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from cogattn._renamed import old_fields, old_names
from cogattn.mind.draws import CHOICE, LAYOUT, uniforms
from cogattn.paradigms.base import Answers, Condition, Pace, Paradigm
from cogattn.parameters import BY_NAME
from cogattn.world.session import Session
from cogattn.world.stream import TaskStream

Array = npt.NDArray[Any]
DISCRIMINATION = (
    1.25  #: demand of a task in which what is seen has to be told apart; 1 = noticing [assumption]
)
LAPSE = 0.5  #: s; a response as late as this, or none, is a lapse (Dinges & Powell 1985)


@old_fields(fate="element_times")
@dataclass(frozen=True)
class SessionRecord:
    """What a session's score is made of: what `mind.cohort.run_session` found, and what a network read of it."""

    start: npt.NDArray[np.float64]  # (people, trials): when each trial began, s
    rt: npt.NDArray[np.float64]  # response time, s; NaN = none
    right: npt.NDArray[np.bool_]  # as the task asked
    alertness: npt.NDArray[np.float64]
    on_task: npt.NDArray[np.bool_]
    criterion: npt.NDArray[np.float64]
    stored: npt.NDArray[np.bool_]
    keys: npt.NDArray[np.uint64]  # (people, trials): the address of each trial's chances
    people: npt.NDArray[np.void]  # (people,): their numbers, in this arm, on that day
    element_times: Any  # `mind.cohort.ElementTimes`, where `details` asks for it
    events: pd.DataFrame | None
    read: Array | None = None  # (people, trials, elements), see `experiment._read`; None = no network

    @classmethod
    def of(cls, outcome: Any) -> SessionRecord:
        """What `mind.cohort.run_session` found; no network has read it yet."""
        return cls(**{f.name: getattr(outcome, f.name) for f in fields(cls) if f.name != "read"})

    @property
    def slip(self) -> npt.NDArray[np.float64]:
        """(people,): how often a wrong key is pressed."""
        return np.asarray(self.people["slip"])

    @property
    def bias(self) -> npt.NDArray[np.float64]:
        """(people,): the person's own criterion, less the usual one."""
        return np.asarray(self.people["criterion"] - BY_NAME["criterion"].default)

    def slipped(self, elements: int) -> npt.NDArray[np.bool_]:
        """(people, trials, elements): the wrong key is pressed when this element is answered (as in `mind`)."""
        u = uniforms(self.keys[..., None], CHOICE, 8 * np.arange(elements) + 1)
        return u < self.slip[:, None, None]

    def chance(self, stream: int, n: int, first: int = 0) -> npt.NDArray[np.float64]:
        """n numbers in (0, 1) for each trial: (people, trials, n). The same for every arm."""
        return uniforms(self.keys[..., None], stream, first + np.arange(n))


@dataclass(frozen=True)
class SessionParadigm(Paradigm):
    """A session. Each person takes it `trials` times (once by default): the run's visits.

    >>> from cogattn import paradigms
    >>> nback = paradigms.get("nback")()
    >>> isinstance(nback, SessionParadigm), nback.length({"load": 2})
    (True, 5)
    """

    sessions: ClassVar[bool] = True
    usual_trials: ClassVar[int] = 1
    details: ClassVar[bool] = False  # its score needs the times of every element
    recorded: ClassVar[bool] = False  # its score needs the event record
    pictures: ClassVar[str] = ""
    shown_pace: ClassVar[tuple[Pace, Pace]] = (Pace(6, 16), Pace(10, 30))

    @abstractmethod
    def session(self, condition: Condition, keys: Array) -> Session:
        """The session of this condition; keys (people,) decide what is random in it."""

    @abstractmethod
    def length(self, condition: Condition) -> int:
        """How many trials it has."""

    def stream(self, condition: Condition) -> TaskStream:
        """Its first trial."""
        return self.session(condition, np.zeros(1, np.uint64)).streams[0]

    def known(self, seen: Any) -> npt.NDArray[np.bool_]:
        """(people, trials, elements): what a network may read: by default what is in the store at the end."""
        return seen.stored & seen.element_times.minded

    def labels(self, condition: Condition) -> npt.NDArray[np.int64]:
        """(elements,): what each element is, where that is not left to chance."""
        raise NotImplementedError

    def judged(self, network: Any, condition: Condition, seen: Any, limited: bool) -> Array:
        """What a network that judges sequences makes of each element."""
        raise NotImplementedError

    def score(self, condition: Condition, answers: Answers) -> dict[str, npt.NDArray[Any]]:
        """A session is scored by `score_session`."""
        raise NotImplementedError

    def score_session(self, condition: Condition, session: Session, seen: SessionRecord) -> dict[str, Array]:
        """Columns of the long table, each (people, trials): by default those of a speeded response."""
        signal, asked = signals(session)
        answered = ~np.isnan(seen.rt)
        missed = asked & ~answered
        return {
            "correct": seen.right & ~missed,
            "score": (seen.right & ~missed).astype(np.int64),
            "signal": np.broadcast_to(signal, answered.shape),
            "responded": answered,
            "arrived": np.ones(answered.shape, np.int64),
            "answered": (~missed).astype(np.int64),
            "missed": missed.astype(np.int64),
            "censored": np.zeros(answered.shape, np.int64),
        }


def signals(session: Session) -> tuple[Array, Array]:
    """(people or 1, trials): whether the first stimulus of each trial is a signal, and whether it asks for a
    response."""
    tasks = {t.name: t for t in session.tasks}
    first = [s.stimuli[0] for s in session.streams]
    signal = np.array([s.signal for s in first])
    rules = [tasks[s.task].response for s in first]
    asks = np.array(
        [
            r == "simple" or (r == "go" and not g) or (r == "detect" and g)
            for r, g in zip(rules, signal, strict=True)
        ]
    )
    return signal[session.which], asks[session.which]


def chances(keys: Array, n: int, first: int = 0) -> npt.NDArray[np.float64]:
    """Numbers in (0, 1) that lay a session out: (people, n)."""
    return uniforms(np.asarray(keys)[:, None], LAYOUT, first + np.arange(n))


def scattered(keys: Array, blocks: int, size: int, counts: Sequence[int]) -> Array:
    """Which kind each trial is: in every block of `size`, counts[k] of kind k at random places. (people,
    blocks x size)"""
    kinds = np.repeat(np.arange(len(counts)), counts)
    u = chances(keys, blocks * size, 1 << 20).reshape(len(keys), blocks, size)
    return kinds[np.argsort(u, axis=2)].reshape(len(keys), blocks * size)


def lapsed(frame: pd.DataFrame) -> pd.Series:
    """A response of LAPSE or later, or none where one was asked for."""
    return (frame["rt"] >= LAPSE) | (frame["missed"] > 0)


old_names(__name__, Watch="SessionParadigm", Seen="SessionRecord")
