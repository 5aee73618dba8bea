"""One mind without a driver: the engine's own functions, for tests that say themselves what the world does."""

from __future__ import annotations

from cogattn.mind import state, world
from cogattn.mind.cohort import columns_of
from cogattn.observer import Observer
from cogattn.world.stream import Task

ALL = tuple(state.Used())


class Bare:
    """`next_event`, `advance`, `apply` and `perceive` of one mind; `m` is its record, `e` its elements."""

    def __init__(self, observer: Observer, *, elements=8, seed=0, person=0, trial=0):
        self._mind, self.e = state.blank(elements)
        self._person = columns_of([observer])
        known = world._tasks_of((Task(),))
        self._rules, self._conflict = state.task_rules(known), known.competition
        self.begin(seed, person, trial)
        for x in range(elements):
            world._enlist(self._person, self._rules, self.e, x, 0, 1.0, 0)

    def begin(self, seed=0, person=0, trial=0):
        world._begin(self._mind, self._person, self.e, self._rules, seed, person, trial, *world._FRESH)
        self._step(world.LOOK, self.now)

    @property
    def m(self):
        return self._mind[0]

    @property
    def now(self):
        return float(self._mind["now"][0])

    def _step(self, what, time, kind=0, x=-1, value=0.0):
        done, _, _, _, *self.planned = world._step(
            self._mind, self._person, self.e, self._rules, self._conflict, *ALL, what, time, kind, x, value
        )
        return done

    def next_event(self):
        self._step(world.LOOK, self.now)
        return tuple(self.planned)

    def advance(self, time):
        self._step(world.LOOK, time)

    def apply(self, kind, x):
        return self._step(world.DO, self.now, kind, x)

    def perceive(self, kind, x, value=1.0):
        self._step(world.ACT, self.now, kind, x, value)
