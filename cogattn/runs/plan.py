"""What decides the numbers of a run: the plan, its cells, its people, the addresses of its chances.

>>> plan = make_plan("whole_report", ("human",), None, people=4, trials=10, seed=0, observer=None, population=None)
>>> plan.cells, plan.all_rows, len(plan.crowd())
(8, 320, 4)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cogattn._renamed import old_names
from cogattn.compiled import version
from cogattn.errors import InputError, shown, whole
from cogattn.mind.draws import seed_of
from cogattn.nn.networks import registry as networks
from cogattn.nn.networks.registry import (
    Reader,
    find,
    find_judge,
    find_reader,
    find_specialist,
    fingerprint,
    looks,
)
from cogattn.observer import Observer, limits_of
from cogattn.paradigms import Condition, NetworkTask, Paradigm, SessionParadigm, registry
from cogattn.population import MOST_PEOPLE, People, Population
from cogattn.runs.displays import room_for, seen_by
from cogattn.runs.trials import Trials
from cogattn.world.stream import TaskStream

PIECE = 500_000  # rows that are played, and kept, at once


@dataclass(frozen=True)
class RunPlan:
    """Everything that decides the numbers of a run, and nothing else."""

    paradigm: Paradigm
    arms: tuple[str, ...]
    people: int
    trials: int
    seed: int
    model: str | None
    observer: Observer | None
    population: Population
    observers: tuple[tuple[str, Observer], ...] | None = None

    def config(self) -> dict[str, Any]:
        """The plan as plain values, for config.toml."""
        who: dict[str, Any] = {"population": self.population.to_dict()}
        if self.observer:
            who = {"observer": self.observer.to_dict()}
        elif self.observers:
            who = {"observers": {name: observer.to_dict() for name, observer in self.observers}}
        values = {
            "paradigm": self.paradigm.name,
            **registry.origin(self.paradigm),
            "arms": list(self.arms),
            "people": self.people,
            "trials": self.trials,
            "seed": self.seed,
            "model": self.model,
            "model_sha256": fingerprint(self.model) if self.model else None,
            "law": version("runs"),
            "options": self.paradigm.options(),
            **who,
        }
        return {k: v for k, v in values.items() if v is not None}

    @property
    def cells(self) -> int:
        """How many cells it has: one arm in one condition each."""
        return len(self.paradigm.conditions()) * len(self.arms)

    def per_person(self, condition: Condition) -> int:
        """How many rows one person has in one cell."""
        length = self.paradigm.length(condition) if isinstance(self.paradigm, SessionParadigm) else 1
        return self.trials * length

    def rows(self, condition: Condition) -> int:
        """How many rows one cell has."""
        return self.people * self.per_person(condition)

    @property
    def all_rows(self) -> int:
        """How many rows the run has."""
        return len(self.arms) * sum(self.rows(c) for c in self.paradigm.conditions())

    def pieces(self, condition: Condition) -> list[tuple[int, int]]:
        """(first person, how many) of the pieces in which a cell is played and kept; small ones are one piece."""
        step = max(1, PIECE // self.per_person(condition))
        return [(first, min(step, self.people - first)) for first in range(0, self.people, step)]

    def crowd(self, first: int = 0, people: int | None = None) -> People:
        """These people, without any arm's changes (by default all)."""
        n = self.people - first if people is None else people
        again = self.people <= _CROWDS * n  # few enough pieces to be all there for the next cell
        return (_crowd if again else _crowd.__wrapped__)(
            self.observer, self.observers, self.population, self.seed, first, n
        )


_CROWDS = 4


@lru_cache(maxsize=_CROWDS)  # of two million rows
def _crowd(
    observer: Observer | None,
    observers: tuple[tuple[str, Observer], ...] | None,
    population: Population,
    seed: int,
    first: int,
    n: int,
) -> People:
    """The people, computed once for all cells that a process plays."""
    if observer is not None:
        return People.alike(observer, n)
    if observers is not None:
        return People.of([o for _, o in observers[first : first + n]])
    return population.people(n, seed, first)


@dataclass(frozen=True)
class Cell:
    """The smallest piece of a run that is finished at once: one arm in one condition, all people."""

    arm: str
    condition: Condition

    def name(self, config: dict[str, Any], first: int = 0) -> str:
        """A name that changes when anything changes that could change the cell's numbers. first: person of a piece."""
        decisive = {k: v for k, v in config.items() if k != "arms"}
        piece = {"first": first} if first else {}
        return digest(decisive | {"arm": self.arm, "condition": self.condition} | piece)


def digest(value: Any) -> str:
    """A short name for plain values."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]


def make_plan(
    paradigm: str | Path | Paradigm | type[Paradigm],
    arms: str | Sequence[str],
    model: str | None,
    people: int,
    trials: int | None,
    seed: int,
    observer: Observer | None,
    population: Population | None,
    observers: Mapping[str, Observer] | Sequence[Observer] | None = None,
) -> RunPlan:
    """Check every argument at the door."""
    if model is not None:
        networks.named(model)
    paradigm = registry.instance(paradigm)
    if isinstance(paradigm, NetworkTask):
        paradigm, model = _own(paradigm, model)
    arms = (arms,) if isinstance(arms, str) or not isinstance(arms, Iterable) else tuple(arms)
    for arm in arms:
        limits_of(arm)
    if not arms or len(set(arms)) < len(arms):
        raise InputError(f"arms must name at least one arm, and each once, got {arms}")
    if sum(x is not None for x in (observer, observers, population)) > 1:
        raise InputError(
            "give one of observer (one mind for everybody), observers (named people) and population (their spread)"
        )
    for name, value, kind in (("observer", observer, Observer), ("population", population, Population)):
        if value is not None and not isinstance(value, kind):
            raise InputError(f"{name} must be {kind.__name__}(...), got {shown(value)}")
    named = None if observers is None else _named(observers)
    people = whole("people", people, least=1, most=MOST_PEOPLE) if named is None else len(named)
    trials = paradigm.usual_trials if trials is None else trials
    trials = whole("trials", trials, least=1, most=1000 if paradigm.sessions else 10**6)
    seed = whole("seed", seed, most=2**63 - 1)
    return RunPlan(
        paradigm,
        arms,
        people,
        trials,
        seed,
        model,
        observer,
        population or paradigm.usual_population(),
        named,
    )


def _named(observers: Any) -> tuple[tuple[str, Observer], ...]:
    """Named people, in their order."""
    if not isinstance(observers, Mapping):
        try:
            observers = {str(i): observer for i, observer in enumerate(observers)}
        except TypeError:
            raise InputError(
                f"observers must be observers by name, or a list, got {shown(observers)}"
            ) from None
    for name, observer in observers.items():
        if not isinstance(name, str) or not isinstance(observer, Observer):
            raise InputError(f"observers must be Observer(...) by name, got {shown(name)}: {shown(observer)}")
    if not observers:
        raise InputError("observers must name at least one person, got none")
    return tuple(observers.items())


def _own(task: NetworkTask, model: str | None) -> tuple[NetworkTask, str]:
    """A network's own task is taken by that network; without more said, all of it."""
    if model is None and not task.model:
        raise InputError("own_task needs a network that brings a task of its own: give model=")
    model = task.model if model is None else model
    networks.named(model)
    if not task.model:
        return NetworkTask.of(model), model
    if task.model != model:
        raise InputError(f"this is the own task of {task.model}; {model} cannot take it")
    return task, model


def model_of(plan: RunPlan, device: str) -> Any:
    """The plan's network: a reader of displays, a judge where the paradigm plays sequences, or a specialist."""
    assert plan.model is not None
    return _loaded(plan.model, device, plan.paradigm.pictures, fingerprint(plan.model))


def world_of(plan: RunPlan, condition: Condition, network: Any) -> TaskStream:
    """The world of one trial; that of a network's own task comes from the network at hand."""
    task = plan.paradigm
    if isinstance(task, NetworkTask) and network is not None:
        world: TaskStream = network.stream(task.value(condition))
        return world
    return task.stream(condition)


def _fits(paradigm: Paradigm, network: Reader) -> None:
    """A network shows only so many items, of so many kinds."""
    if paradigm.pictures == "own":
        return
    if seen_by(network, paradigm):
        room_for(paradigm)
        return
    if not paradigm.pictures:
        raise InputError(f"{paradigm.name} shows no pictures that {network.name} could read; leave model out")
    for condition in paradigm.conditions():
        stimuli = paradigm.stream(condition).stimuli
        n, most, what = (
            len(stimuli),
            min(network.places, network.alphabet),
            "shows at most {} different items",
        )
        if paradigm.pictures == "sequence":
            most, what = network.places, "takes at most {} letters"
        elif paradigm.pictures == "frames":  # each target alone
            n = sum(not s.distractor for s in stimuli)
        elif (
            isinstance(paradigm, SessionParadigm) and paradigm.pictures == "items"
        ):  # each alone, of a kind that is given
            n = int(paradigm.labels(condition).max()) + 1
        if n > most:
            raise InputError(f"{network.name} {what.format(most)}, {paradigm.name} asks for {n}")


@lru_cache(maxsize=2)
def _loaded(model: str, device: str, pictures: str, sha: str | None) -> Any:  # noqa: ARG001 (another file is another network)
    if pictures != "own" and looks(found := find(model, device)):
        return found
    kind = {"sequence": find_judge, "own": find_specialist}.get(pictures, find_reader)
    return kind(model, device)


def condition_seed(plan: RunPlan, condition: Condition) -> int:
    """The draws of a condition depend on the seed and on the condition: the arms share them."""
    return seed_of(plan.seed, plan.paradigm.name, json.dumps(condition, sort_keys=True)) & (2**63 - 1)


def networks_of(config: Mapping[str, Any]) -> list[str]:
    """The networks that a config names: the one that takes the task, the one whose task it is."""
    options = config.get("options")
    own = options.get("model") if isinstance(options, Mapping) else None
    return list(dict.fromkeys(str(m) for m in (config.get("model"), own) if m))


def plan_of(trials: Trials) -> RunPlan:
    """The plan that made a run, from its config. The file of a network that stands there must be named, or trusted."""
    c = trials.config
    for model in networks_of(c):
        networks.vouched(model, c.get("model_sha256"))
    observer = Observer.from_dict(c["observer"]) if "observer" in c else None
    population = Population.from_dict(c["population"]) if "population" in c else None
    named = c.get("observers")
    observers = {name: Observer.from_dict(o) for name, o in named.items()} if named else None
    arms: Any = c["arms"]
    return make_plan(
        trials.paradigm,
        arms,
        c.get("model"),
        c["people"],
        c["trials"],
        c["seed"],
        observer,
        population,
        observers,
    )


old_names(__name__, Plan="RunPlan")
