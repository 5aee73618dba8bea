"""The state of one mind: what every mechanism adds to it, as one record (MIND) and a row for each element (ELEMENT).

A person is a row of `parameters.PERSON`, a task a row of TASK. The rows of elements are as many as the stream has.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cogattn.mind import (
    alertness,
    calls,
    central,
    decision,
    focus,
    inhibition,
    race,
    rehearsal,
    search,
    store,
)
from cogattn.parameters import PERSON
from cogattn.world.stream import RESPONSES, SERVICES, WHEN_FULL, Task, TaskStream

MECHANISMS = (race, store, rehearsal, central, search, decision, inhibition, focus, alertness, calls)

# Fields that name an element or a task (`racer`, `place`, `job`) have no sign: of an index with one numba asks each
# time whether it counts from the end. They have 32 bits, for 64 without a sign and 64 with one make a float.

#: What belongs to no mechanism: the clock, and the addresses of chances.
_ENGINE = [
    ("now", np.float64),  # the mind's clock, s
    ("key", np.uint64),  # the address of this trial's chances
    ("self", np.uint64),  # the address of this person's chances that outlast a trial
    ("who", np.int64),  # the element (of ENGAGE: the task) that the last event was about
]
MIND = np.dtype([*_ENGINE, *(part for own in MECHANISMS for part in own.STATE)], align=True)
ELEMENT = np.dtype([part for own in MECHANISMS for part in getattr(own, "ELEMENT", ())], align=True)

#: What a task is to a mind: the names of `Task`; words are numbers (their place in these lists).
WORDS = {"response": RESPONSES, "when_full": WHEN_FULL, "service": SERVICES}
RULE = (
    *(
        "response",
        "sensitivity",
        "caution",
        "withhold",
        "withhold_sd",
        "when_full",
        "consolidate",
        "automatic",
        "ready",
    ),
    *(
        "practice",
        "inspect",
        "evidence_rate",
        "activation",
        "peak",
        "choice",
        "service",
        "before",
        "before_sd",
        "after",
        "after_sd",
    ),
    *("slip", "priority", "salience", "difficulty", "rehearse"),
)
TASK = np.dtype([(name, np.float64) for name in RULE])

Array = npt.NDArray[Any]


class Used(NamedTuple):
    """Which mechanisms a loop is compiled with: True, or None = compiled without it.

    (numba leaves out what hangs on an argument that is None, and keeps a compiled loop for each combination.)
    """

    tired: bool | None = True  #: alertness, lapses, speeded responses
    keep: bool | None = True  #: the door, displacement, waiting, decay, rehearsal, what is withdrawn
    answer: bool | None = True  #: the central stage
    hunt: bool | None = True  #: search
    tell: bool | None = True  #: decision
    turn: bool | None = True  #: focus


#: The combinations that are compiled: the first one that has all that is needed is taken.
COMBINATIONS = (
    Used(None, None, None, None, None, None),
    Used(True, None, None, None, None, None),
    Used(),
)


def used(streams: Sequence[TaskStream], people: Array, tired: bool) -> Used:
    """The smallest combination of mechanisms that plays these streams for these people."""
    tasks = {id(task): task for stream in streams for task in stream.tasks}.values()
    answers = {task.response for task in tasks}
    needs = {
        "tired": tired,
        "keep": bool((people["memory_life"] < np.inf).any())
        or any(
            t.consolidate or t.rehearse or t.when_full not in ("lose", "count") or t.deadline < np.inf
            for t in tasks
        ),
        "answer": bool(answers & {"choose", "search", "decide", "stop"})
        or any(t.when_full == "count" for t in tasks),
        "hunt": "search" in answers,
        "tell": "decide" in answers,
        "turn": any(s.focused for s in streams),
    }
    return next(c for c in COMBINATIONS if all(getattr(c, name) or not need for name, need in needs.items()))


def blank(elements: int) -> tuple[Array, Array]:
    """A mind that has met nothing yet, with room for so many elements; `engine.begin` makes it somebody's."""
    return np.zeros(1, MIND), np.zeros(max(1, elements), ELEMENT)


@lru_cache(maxsize=256)
def rules_of(tasks: tuple[Task, ...]) -> Array:
    """Tasks as rows of TASK; nobody writes into them."""
    rules = np.array([tuple(_number(task, name) for name in RULE) for task in tasks], TASK)
    rules.setflags(write=False)
    return rules


def task_rules(stream: TaskStream) -> Array:
    """The tasks of a stream as rows of TASK."""
    return rules_of(stream.tasks)


def _number(task: Any, name: str) -> float:
    value = getattr(task, name)
    return float(WORDS[name].index(value)) if name in WORDS else float(value)


__all__ = [
    "COMBINATIONS",
    "ELEMENT",
    "MECHANISMS",
    "MIND",
    "PERSON",
    "RULE",
    "TASK",
    "Used",
    "blank",
    "task_rules",
    "used",
]
