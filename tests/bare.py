"""One mind without a driver: the engine's own functions, for tests that say themselves what the world does."""

from __future__ import annotations

from cogattn.mind import simpy_mind as steps
from cogattn.mind import state
from cogattn.mind.cohort import columns_of
from cogattn.observer import Observer
from cogattn.world.stream import Task

ALL = tuple(state.Used())


class Bare:
    """`next_event`, `advance`, `apply` and `perceive` of one mind; `m` is its record, `e` its elements."""

    def __init__(self, observer: Observer, *, elements=8, seed=0, person=0, trial=0):
        self._mind, self.e = state.blank(elements)
        self._person = columns_of([observer])
        known = steps._tasks_of((Task(),))
        self._rules, self._conflict = state.task_rules(known), known.competition
        self.begin(seed, person, trial)
        for x in range(elements):
            steps._enlist(self._person, self._rules, self.e, x, 0, 1.0, 0)

    def begin(self, seed=0, person=0, trial=0):
        steps._begin(self._mind, self._person, self.e, self._rules, seed, person, trial, *steps._FRESH)
        self._step(steps.LOOK, self.now)

    @property
    def m(self):
        return self._mind[0]

    @property
    def now(self):
        return float(self._mind["now"][0])

    def _step(self, what, time, kind=0, x=-1, value=0.0):
        done, _, _, _, *self.planned = steps._step(
            self._mind, self._person, self.e, self._rules, self._conflict, *steps.UNKNOWN, *ALL,
            what, time, kind, x, value,
        )  # fmt: skip
        return done

    def next_event(self):
        self._step(steps.LOOK, self.now)
        return tuple(self.planned)

    def advance(self, time):
        self._step(steps.LOOK, time)

    def apply(self, kind, x):
        return self._step(steps.DO, self.now, kind, x)

    def perceive(self, kind, x, value=1.0):
        self._step(steps.ACT, self.now, kind, x, value)
