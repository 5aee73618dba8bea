"""What a network is shown in a batch of trials, and what it makes of what the mind lets through.

A `DisplayBatch` is displays before a reader; a `SpecialistBatch` a specialist's own trials. Both are pure
functions of the trials' addresses, so that all arms see the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cogattn._renamed import old_names
from cogattn.laws import race
from cogattn.mind import cohort
from cogattn.mind.draws import LAYOUT, trial_keys, uniforms
from cogattn.nn.networks import replies
from cogattn.nn.networks.registry import Reader
from cogattn.paradigms import Answers, NetworkTask
from cogattn.population import People
from cogattn.runs.plan import Cell, RunPlan, condition_seed
from cogattn.world.stream import TaskStream

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class SpecialistBatch:
    """A batch of a specialist's trials: the same for every arm."""

    task: NetworkTask
    network: Any
    display: Any
    logits: Array  # (n, E), -inf where there is no element

    @classmethod
    def make(
        cls, plan: RunPlan, cell: Cell, stream: TaskStream, network: Any, person: Array, trial: Array
    ) -> SpecialistBatch:
        """What the specialist shows in these trials, and what asks for attention there."""
        task = plan.paradigm
        assert isinstance(task, NetworkTask)
        keys = trial_keys(condition_seed(plan, cell.condition), person, trial)
        display = network.show(task.value(cell.condition), keys)
        shape = (len(keys), len(stream.stimuli))
        logits = replies.logits(f"weigh() of {network.name}", network.weigh(display), shape)
        return cls(task, network, display, logits)

    @property
    def here(self) -> Array:
        """(n, E): which elements there are."""
        return np.isfinite(self.logits)

    def weights(self, minds: People, person: Array) -> Array:
        """w_x = exp(gain logit_x), at the gain that gives each person's alpha. (n, E)"""
        gain = race.gain_for(minds["alpha"], self.network.gap)[person, None]
        return race.weights_from_logits(self.logits, gain)

    def columns(self, out: cohort.Outcome, limited: bool) -> dict[str, Array]:
        """What the specialist answers through what the mind holds; without limits, through nothing."""
        return self.task.columns(self.network, self.display, out, self.here, limited)

    def allocation(self, out: cohort.Outcome, limited: bool) -> Array:
        """(n, E): how much of its attention each element got."""
        allocated = self.network.allocate(self.display, self.task.gate(out) if limited else None)
        return replies.shares(f"allocate() of {self.network.name}", allocated, self.here.shape, self.here)

    def elements(self, row: int, names: Sequence[str]) -> tuple[list[str], Array | None]:
        """What the elements of one trial are called, and their pictures if they are any."""
        found = self.network.elements(self.display, row)
        if isinstance(found, np.ndarray):
            return list(names), found
        here, words = self.here[row], iter(found)
        return [next(words) if is_here else "" for is_here in here], None


@dataclass(frozen=True)
class DisplayBatch:
    """A batch of displays before a network: what is where, and the pictures of it."""

    network: Reader
    labels: Array  # (n, E) identity of each element
    place: Array  # (n, E) where it stands
    distractor: Array  # (E,)
    picture: Any

    @classmethod
    def make(
        cls, plan: RunPlan, cell: Cell, stream: TaskStream, network: Reader, person: Array, trial: Array
    ) -> DisplayBatch:
        """The pictures of these trials: the same for every arm."""
        keys = trial_keys(condition_seed(plan, cell.condition), person, trial)
        distractor = np.array([s.distractor for s in stream.stimuli])
        labels, place = layout(keys, len(distractor), network)
        roles = np.broadcast_to(np.where(distractor, 0, 1), place.shape)
        shown, kinds = (_scatter(a, place, network.places, -1) for a in (labels, roles))
        return cls(network, labels, place, distractor, network.show(shown, kinds, keys))

    @classmethod
    def frames(cls, network: Reader, keys: Array, distractor: Array) -> DisplayBatch:
        """The targets of these trials, each alone on a display of its own, trial by trial."""
        labels, place = layout(keys, int((~distractor).sum()), network)
        return cls._alone(network, labels, _each(keys, 0, labels.shape[1]), place.reshape(-1, 1))

    @classmethod
    def items(cls, network: Reader, keys: Array, labels: Array) -> DisplayBatch:
        """All items of these trials, each alone on a display of its own; labels (trials, items) say what they are."""
        own = _each(keys, 1, labels.shape[1])
        return cls._alone(network, labels, own, _spots(own, network)[:, :1])

    @classmethod
    def _alone(cls, network: Reader, labels: Array, keys: Array, place: Array) -> DisplayBatch:
        """Displays of one item each: labels (trials, items), keys and place one per display."""
        flat = labels.reshape(-1, 1)
        shown, kinds = (_scatter(a, place, network.places, -1) for a in (flat, np.ones_like(flat)))
        return cls(network, flat, place, np.zeros(1, bool), network.show(shown, kinds, keys))

    def named(self, keep: Array, limited: bool) -> Array:
        """What the network calls the item at its place, through the gate that the mind leaves; -1 = nothing."""
        gate = self._gate(keep) if limited else None
        read, shape = self.network.read(self.picture, gate), (len(self.place), self.network.places)
        return replies.labels(
            f"read() of {self.network.name}", read, shape, self.network.alphabet, here=self.place
        )

    def _gate(self, keep: Array) -> Any:
        """What the mind leaves, place by place."""
        from cogattn.nn.gate import GateState

        return GateState.from_numpy(keep=_scatter(keep, self.place, self.network.places, False))

    @property
    def logits(self) -> Array:
        """(n, E): the network's own logit of each element."""
        shape = (len(self.place), self.network.places)
        weighed = self.network.weigh(self.picture)
        return replies.logits(f"weigh() of {self.network.name}", weighed, shape, here=self.place)

    @property
    def here(self) -> Array:
        """(n, E): which elements there are: all of them."""
        return np.ones(self.labels.shape, bool)

    def allocation(self, out: cohort.Outcome, limited: bool) -> Array:
        """(n, E): how much attention each element got; a network that cannot say so is taken at its own logits."""
        gate = self._gate(out.stored) if limited else None
        if hasattr(self.network, "allocate"):
            shape = (len(self.place), self.network.places)
            got, everywhere = self.network.allocate(self.picture, gate), np.ones(shape, bool)
            return np.take_along_axis(
                replies.shares(f"allocate() of {self.network.name}", got, shape, everywhere), self.place, 1
            )
        w = race.weights_from_logits(self.logits, 1.0) * (out.stored if limited else 1.0)
        return w / np.maximum(w.sum(1, keepdims=True), 1e-300)

    def elements(self, row: int, names: Sequence[str]) -> tuple[list[str], Array | None]:
        """What the elements of one trial are called, and their pictures if the network shows any."""
        called = [f"{name}: {label}" for name, label in zip(names, self.labels[row], strict=True)]
        if not hasattr(self.network, "elements"):
            return called, None
        return called, np.asarray(self.network.elements(self.picture, row))[self.place[row]]

    def weights(self, minds: People, person: Array) -> Array:
        """w_x = exp(gain logit_x): the network's own logits, at the gain that gives each person's alpha. (n, E)"""
        gain = race.gain_for(minds["alpha"], self.network.gap)[person, None]
        return race.weights_from_logits(self.logits, gain)

    def answers(self, stored: Array, censored: Array, limited: bool) -> tuple[Answers, list[str]]:
        """The network reads every display through the gate that the mind leaves; without limits, through none."""
        answer = self.named(stored, limited)  # (n, E)
        given = (answer >= 0) & ~censored
        targets = np.where(given, answer, -1)[:, ~self.distractor]
        response = [" ".join("." if a < 0 else str(a) for a in row) for row in targets.tolist()]
        return Answers(given, given & (answer == self.labels), censored), response


def layout(keys: Array, n: int, network: Reader) -> tuple[Array, Array]:
    """Different identities at different places, a pure function of the trial's key."""
    kinds = uniforms(keys[:, None], LAYOUT, np.arange(network.alphabet))
    return np.argsort(kinds, axis=1)[:, :n], _spots(keys, network)[:, :n]


def _spots(keys: Array, network: Reader) -> Array:
    """The places of each display in a random order."""
    return np.argsort(uniforms(keys[:, None], LAYOUT, 1000 + np.arange(network.places)), axis=1)


def _each(keys: Array, salt: int, n: int) -> Array:
    """A key for each of n items of each trial."""
    return trial_keys(salt, np.repeat(keys, n), np.tile(np.arange(n), len(keys)))


def _scatter(values: Array, place: Array, places: int, empty: Any) -> Array:
    """Elements (n, E) at their places (n, places)."""
    values = np.asarray(values)
    out = np.full((len(place), places), empty, dtype=values.dtype)
    np.put_along_axis(out, place, values, 1)
    return out


old_names(__name__, Desk="SpecialistBatch", Scene="DisplayBatch")
