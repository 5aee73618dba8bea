"""What every specialist owes the mind, as checks that a model's own tests call with its subject and a value."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from cogattn.errors import InputError
from cogattn.mind import cohort
from cogattn.mind.draws import trial_keys
from cogattn.nn.gate import GateState
from cogattn.nn.networks import registry
from cogattn.nn.networks.training import Course, train
from cogattn.paradigms import NetworkTask
from cogattn.population import Population
from cogattn.runs.batches import SpecialistBatch

Keys = npt.NDArray[np.uint64]


def loaded(name: str) -> tuple[Any, Any]:
    """The subject, and the module that it comes from."""
    subject = registry.find_specialist(name, "cpu")
    return subject, sys.modules[type(subject).__module__]


def keys(n: int, seed: int = 7) -> Keys:
    return trial_keys(seed, 0, np.arange(n))


def kept(shape: tuple[int, int], share: float = 0.5, seed: int = 0) -> GateState:
    """Some elements open, the others shut."""
    return GateState(keep=torch.from_numpy(np.random.default_rng(seed).random(shape) < share))


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return a.keys() == b.keys() and all((np.asarray(a[k]) == np.asarray(b[k])).all() for k in a)


def is_pure(subject: Any, value: float, n: int = 9) -> None:
    """A trial hangs on its own key: alone, in another order, or twice, it is weighed and answered the same."""
    all_keys = keys(n)
    display = subject.show(value, all_keys)
    gate = kept(subject.weigh(display).shape)
    weighed, looked, answered = (
        subject.weigh(display),
        subject.allocate(display, gate),
        subject.answer(display, gate),
    )
    order = np.random.default_rng(1).permutation(n)[: n - 2]
    other = subject.show(value, all_keys[order])
    part = GateState(keep=gate.keep[order])
    assert subject.weigh(other) == pytest.approx(weighed[order], abs=1e-5)
    assert subject.allocate(other, part) == pytest.approx(looked[order], abs=1e-5)
    assert same(subject.answer(other, part), {k: x[order] for k, x in answered.items()})
    assert (subject.weigh(subject.show(value, all_keys)) == weighed).all()


def is_as_wide_as_its_stream(subject: Any, value: float) -> None:
    """Elements of a trial, of its stream and of what is told about it are as many."""
    display = subject.show(value, keys(3))
    n = len(subject.stream(value).stimuli)
    assert subject.weigh(display).shape == subject.allocate(display, None).shape == (3, n)
    assert len(subject.elements(display, 2)) == n
    assert np.isfinite(subject.weigh(display)).all()


def answers_alike_without_limits(subject: Any, value: float) -> None:
    """No gate, one that limits nothing, and one with all open."""
    display = subject.show(value, keys(300))
    shape = subject.weigh(display).shape
    plain = subject.answer(display, None)
    assert same(subject.answer(display, GateState()), plain)
    assert (subject.allocate(display, GateState()) == subject.allocate(display, None)).all()
    assert same(subject.answer(display, GateState(keep=torch.ones(shape, dtype=torch.bool))), plain)
    everything = GateState(index=torch.arange(shape[1]).repeat(shape[0], 1))
    assert np.mean(subject.answer(display, everything)["score"] == plain["score"]) > 0.99


def allocates_what_is_open(subject: Any, value: float) -> None:
    """Attention sums to 1 at most (the null key has the rest), and what is shut gets none."""
    display = subject.show(value, keys(50))
    gate = kept(subject.weigh(display).shape)
    free, shut = subject.allocate(display, None), subject.allocate(display, gate)
    for given in (free, shut):
        assert (given >= 0).all()
        assert given.sum(1).max() <= 1 + 1e-5
    assert (shut[~gate.keep.numpy()] == 0).all()
    assert free.sum(1).mean() > 0.01
    nothing = GateState(keep=torch.zeros(free.shape, dtype=torch.bool))
    assert (subject.allocate(display, nothing) == 0).all()
    assert len(set(subject.answer(display, nothing)["response"])) <= len(display)  # a guess, and no error


def refuses_a_gate_of_another_size(subject: Any, value: float) -> None:
    display = subject.show(value, keys(5))
    n = subject.weigh(display).shape[1]
    with pytest.raises(InputError, match=r"gate\.keep must have 5 rows"):
        subject.answer(display, GateState(keep=torch.ones(4, n, dtype=torch.bool)))
    with pytest.raises(InputError, match=rf"gate\.keep must have {n} items"):
        subject.answer(display, GateState(keep=torch.ones(5, n + 1, dtype=torch.bool)))


def learns_the_same_twice(workshop: Any, lesson: Any = None, steps: int = 12) -> None:
    """Same seed, same weights, bit for bit; and the loss falls."""
    course = Course(**{**vars(workshop.course), "steps": steps, "warmup": 0, "every": steps})
    networks = [workshop.network() for _ in range(2)]
    curves = [train(network, lesson or workshop.lesson, course) for network in networks]
    assert curves[0].loss == curves[1].loss
    assert all(torch.equal(a, b) for a, b in zip(*(n.state_dict().values() for n in networks), strict=True))
    assert np.mean(curves[0].loss[-4:]) < np.mean(curves[0].loss[:4])


def held(subject: Any, value: float, people: int = 40, trials: int = 50, seed: int = 0) -> tuple[Any, Any]:
    """The trials of adults, and what their minds hold at the end."""
    person, trial = np.divmod(np.arange(people * trials), trials)
    crowd = Population.adults().people(people, seed)
    display = subject.show(value, trial_keys(seed, person, trial))
    task = NetworkTask(subject.name, subject.design)
    weights = SpecialistBatch(task, subject, display, subject.weigh(display)).weights(crowd, person)
    out = cohort.play(subject.stream(value), crowd, person=person, trial=trial, seed=seed, weights=weights)
    return display, out.stored
