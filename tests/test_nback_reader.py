"""The n-back reader as it is shipped: at ceiling without a plan, "unknown" where the item is gone, nothing leaks."""

from __future__ import annotations

import math
import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open

from cogattn.errors import InputError
from cogattn.mind.draws import trial_keys
from cogattn.nn import Plan, SlotCache, eviction_plan, leak
from cogattn.nn.networks import registry

B, T = 300, 64
DEPTHS = range(1, 7)


@pytest.fixture(scope="module")
def reader() -> Any:
    return registry.find_judge("nback_reader", device="cpu")


@pytest.fixture(scope="module")
def file(reader: Any) -> ModuleType:
    return sys.modules[type(reader).__module__]


def letters_of(n, seed=1, batch=B, length=T, repeats=0.5):
    """Letters made here, not by the model's file: each is the one n back with this chance."""
    r = np.random.default_rng([seed, n])
    out = r.integers(0, 8, (batch, length))
    same = r.random((batch, length)) < repeats
    for t in range(n, length):
        out[:, t] = np.where(same[:, t], out[:, t - n], (out[:, t - n] + r.integers(1, 8, batch)) % 8)
    return out, same


def truth(letters, n):
    expected = np.full(letters.shape, -1)
    expected[:, n:] = letters[:, n:] == letters[:, :-n]
    return expected


# --- what it knows ---


@pytest.mark.parametrize("n", DEPTHS)
@pytest.mark.parametrize("repeats", [0.1, 0.5, 0.9])
def test_without_a_plan_it_is_at_ceiling(reader, n, repeats):
    letters, _ = letters_of(n, repeats=repeats)
    answers = reader.judge(letters, n)
    assert answers.dtype == np.int8
    assert (answers == truth(letters, n)).mean() > 0.999


@pytest.mark.parametrize("n", DEPTHS)
@pytest.mark.parametrize("length", [1, 2, 7, 20])
def test_short_sequences_are_judged_as_well(reader, n, length):
    letters = np.random.default_rng(n).integers(0, 8, (B, length))
    expected = truth(letters, n) if n < length else np.full(letters.shape, -1)
    assert (reader.judge(letters, n) == expected).mean() > 0.99


@pytest.mark.full
@pytest.mark.parametrize("n", DEPTHS)
@pytest.mark.parametrize("slots", [1, 3, 4.5, 8])
@pytest.mark.parametrize("policy", ["random", "oldest", "weakest"])
def test_unknown_is_said_if_and_only_if_the_needed_item_is_gone(reader, n, slots, policy):
    letters, _ = letters_of(n)
    plan = eviction_plan(slots, T, policy, seed=5, batch=B)
    answers, held = reader.judge(letters, n, plan), plan.held(n)
    assert ((answers < 0) == ~held).mean() > 0.98
    assert (answers == truth(letters, n))[held].mean() > 0.98 if held.any() else True


def test_a_plan_that_loses_nothing_changes_nothing(reader):
    letters, _ = letters_of(3)
    assert np.array_equal(
        reader.judge(letters, 3, eviction_plan(math.inf, T, batch=B)), reader.judge(letters, 3)
    )


def test_people_and_k_slots_fall_with_n_and_softmax_does_not(reader):
    right = {}
    for n in DEPTHS:
        letters, _ = letters_of(n)
        for slots in (math.inf, 3):
            said = reader.judge(letters, n, eviction_plan(slots, T, seed=2, batch=B))
            right[slots, n] = np.where(said < 0, 0.5, said == truth(letters, n))[:, n + 3 :].mean()
    assert all(right[math.inf, n] > 0.999 for n in DEPTHS)
    for n in DEPTHS:
        expected = 0.5 + 0.5 * (2 / 3) ** (n - 1)
        assert right[3, n] == pytest.approx(expected, abs=0.015)


@pytest.mark.parametrize("n", [1, 2, 4, 6])
def test_nothing_leaks_past_its_memory(reader, n):
    r = np.random.default_rng(n)
    letters = r.integers(0, 8, (600, T))
    asked = np.arange(T) % (2 * n) >= n  # the item needed is never one that was asked about
    same = r.random(letters.shape) < 0.5
    for t in np.flatnonzero(asked):
        other = (letters[:, t - n] + r.integers(1, 8, 600)) % 8
        letters[:, t] = np.where(same[:, t], letters[:, t - n], other)
    plan = eviction_plan(3, T, seed=7, batch=600)
    targets = np.where(asked, same, -1)
    found = leak(lambda x, plan: reader.judge(x, n, plan), (letters, targets), plan, needed=n)
    assert not found.leaks, found.words
    assert abs(found.excess) < 0.01
    told = leak(lambda x, plan: reader.judge(x, n), (letters, targets), plan, needed=n)  # the plan is ignored
    assert told.leaks == (n > 1)  # the last item is never lost


def test_step_by_step_through_a_store_of_k_slots_it_answers_the_same(reader, file):
    n, plan = 2, eviction_plan(3, 20, seed=3, batch=40)
    letters, _ = letters_of(n, batch=40, length=20)
    x = torch.from_numpy(letters)
    with torch.no_grad():
        q, k, v = reader.network.streams(x, torch.full((40,), n))
        cache = SlotCache(3, plan, scale=1.0, null=reader.network.null())
        read = torch.cat([cache.step(*(y[:, :, t : t + 1] for y in (q, k, v))) for t in range(20)], 2)
        answers = reader.network.decide(read[:, 0], x).argmax(-1).numpy()
    assert cache.keys.shape[2] == 3
    assert np.array_equal(np.where(answers == file.UNKNOWN, -1, answers), reader.judge(letters, n, plan))


# --- it is a pure function ---


def test_an_answer_depends_on_no_other_sequence_and_on_no_later_letter(reader):
    letters, _ = letters_of(2)
    plan = eviction_plan(3, T, seed=1, batch=B)
    every = reader.judge(letters, 2, plan)
    rows = np.array([200, 3, 77])
    assert np.array_equal(reader.judge(letters[rows], 2, plan[rows]), every[rows])
    changed = letters.copy()
    changed[:, 40:] = 7 - changed[:, 40:]
    assert np.array_equal(reader.judge(changed, 2, plan)[:, :40], every[:, :40])
    assert reader.judge(letters[:0], 2).shape == (0, T)


@pytest.mark.parametrize(
    ("letters", "n", "plan", "said"),
    [
        (np.zeros(5, int), 1, None, "letters must be whole numbers"),
        (np.zeros((1, 65), int), 1, None, "1 to 64 steps"),
        (np.zeros((1, 5)), 1, None, "letters must be whole numbers"),
        (np.full((1, 5), 8), 1, None, "letters must be 0 to 7"),
        (np.full((1, 5), -1), 1, None, "letters must be 0 to 7"),
        (np.zeros((1, 5), int), 0, None, "n must be a whole number from 1 to 6"),
        (np.zeros((1, 5), int), 7, None, "n must be a whole number from 1 to 6"),
        (np.zeros((1, 5), int), 1, (2, 5), "plan must be for letters of shape"),
    ],
)
def test_sequences_that_cannot_be_judged(reader, letters, n, plan, said):
    made = None if plan is None else eviction_plan(2, plan[1], batch=plan[0])
    assert made is None or isinstance(made, Plan)
    with pytest.raises(InputError, match=said):
        reader.judge(letters, n, made)


# --- training ---


def test_the_notes_hold_the_accuracies(file):
    with safe_open(str(file.WORKSHOP.weights), framework="pt") as weights:
        notes = weights.metadata()
    assert float(notes["unknown_iff_gone"]) > 0.999
    assert all(float(notes[f"right_{n}"]) > 0.99 for n in DEPTHS)


def test_lessons_say_unknown_exactly_where_the_item_is_not_seen(file):
    letters, n, seen, answers = (x.numpy() for x in file._lesson(3, 5))
    for b in range(0, len(letters), 7):
        for t in range(T):
            s = t - n[b]
            assert seen[b, 0, t, t]
            assert not seen[b, 0, t, t + 1 :].any()
            expected = int(letters[b, t] == letters[b, s]) if s >= 0 and seen[b, 0, t, s] else file.UNKNOWN
            assert answers[b, t] == expected


def test_an_untrained_reader_guesses_among_three_answers(file):
    assert file.loss(file.WORKSHOP.network(), 0).item() == pytest.approx(math.log(3), abs=0.3)


def test_sequences_repeat_as_often_as_they_should(file):
    for n in (1, 4):
        letters = file.sequences(trial_keys(1, n, np.arange(500)), n)
        assert letters.shape == (500, T)
        assert 0 <= letters.min() <= letters.max() < 8
        share = (letters[:, n:] == letters[:, :-n]).mean()
        assert abs(share - file.REPEATS) < 4 * math.sqrt(0.24 / (500 * (T - n)))
