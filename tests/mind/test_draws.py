"""Random numbers by address: uniform, independent of every neighbour, the same whoever asks and in any order."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from cogattn.mind import cohort, draws
from cogattn.mind.draws import (
    DISPLAY,
    LAYOUT,
    RACE,
    STORE,
    WANDER,
    seed_of,
    trial_key,
    trial_keys,
    uniform,
    uniforms,
)
from cogattn.observer import Observer
from cogattn.world.session import Session
from cogattn.world.stream import Stimulus, Task, TaskStream

N = 200_000
MANY = np.arange(N)


def along(axis):
    """200,000 draws whose addresses differ along one axis only, and their neighbours one step on."""
    zero = np.zeros(N, int)
    step = {"person": (1, 0, 0), "trial": (0, 1, 0), "counter": (0, 0, 1)}[axis]
    person, trial, n = (MANY * s for s in step)
    return uniforms(trial_keys(7, person + zero, trial + zero), RACE, n)


@pytest.mark.parametrize("axis", ["person", "trial", "counter"])
def test_draws_are_uniform_along_every_axis(axis):
    u = along(axis)
    assert stats.kstest(u, "uniform").pvalue > 1e-4
    assert stats.chisquare(np.bincount((u * 1000).astype(int), minlength=1000)).pvalue > 1e-4


@pytest.mark.parametrize("axis", ["person", "trial", "counter"])
@pytest.mark.parametrize("lag", [1, 2, 64])
def test_neighbours_are_independent(axis, lag):
    u = along(axis)
    a, b = u[:-lag], u[lag:]
    assert abs(np.corrcoef(a, b)[0, 1]) < 4.5 / math.sqrt(N)
    table = np.histogram2d(a, b, bins=20)[0]
    assert stats.chisquare(table.ravel()).pvalue > 1e-4


@pytest.mark.parametrize("pair", list(itertools.combinations((RACE, STORE, DISPLAY, LAYOUT), 2)))
def test_streams_are_independent_of_each_other(pair):
    keys = trial_keys(0, 0, MANY)
    a, b = (uniforms(keys, stream, 0) for stream in pair)
    assert stats.chisquare(np.histogram2d(a, b, bins=20)[0].ravel()).pvalue > 1e-4


def test_neighbouring_seeds_are_independent():
    a, b = (uniforms(trial_keys(seed, 0, MANY), RACE, 0) for seed in (0, 1))
    assert stats.chisquare(np.histogram2d(a, b, bins=20)[0].ravel()).pvalue > 1e-4
    by_seed = np.array([uniform(trial_key(seed, 0, 0), RACE, 0) for seed in range(3000)])
    assert stats.kstest(by_seed, "uniform").pvalue > 1e-4


def test_person_and_trial_do_not_stand_for_each_other():
    keys = np.concatenate([trial_keys(s, np.arange(50)[:, None], np.arange(50)).ravel() for s in range(20)])
    assert len(np.unique(keys)) == 20 * 50 * 50


def test_flipping_any_one_bit_of_an_address_flips_half_of_the_key():
    base = trial_key(12345, 678, 91011)
    for part, bit in itertools.product(range(3), range(31)):
        address = [12345, 678, 91011]
        address[part] ^= 1 << bit
        assert 10 <= int(base ^ trial_key(*address)).bit_count() <= 54


def test_no_draw_is_zero_or_one():
    """The extreme words, 0 and 2^64 - 1, by running the mixer backwards from them."""
    lowest, highest = (_uniform_of_word(word) for word in (0, 2**64 - 1))
    assert 0 < lowest < 1e-15
    assert 1 - 1e-15 < highest < 1


def _uniform_of_word(word):
    """The number that a drawn 64-bit word becomes, through the real code: find the key that draws it."""
    mask, golden = 2**64 - 1, int(draws._GOLDEN)

    def unshift(x, s):
        y = x
        for _ in range(64 // s + 1):
            y = x ^ (y >> s)
        return y

    def unmix(x):
        x = unshift(x, 31) * pow(int(draws._M2), -1, 2**64) & mask
        x = unshift(x, 27) * pow(int(draws._M1), -1, 2**64) & mask
        return unshift(x, 30)

    key = (unmix(unmix(word)) - golden) & mask  # stream 0, counter 0
    return uniform(np.uint64(key), 0, 0)


def test_one_by_one_is_the_same_as_all_at_once():
    keys = trial_keys(3, np.arange(4)[:, None], np.arange(5))  # (4, 5)
    u = uniforms(keys[..., None], DISPLAY, np.arange(6))  # (4, 5, 6)
    for p, t, n in np.ndindex(4, 5, 6):
        assert u[p, t, n] == uniform(trial_key(3, p, t), DISPLAY, n)


def test_compiled_loops_draw_the_same_numbers():
    key = trial_key(1, 2, 3)
    assert draws._uniform(key, RACE, 5) == uniform(key, RACE, 5)
    assert draws._exponential(key, RACE, 5) == -math.log(uniform(key, RACE, 5))


def test_the_seed_of_a_condition_depends_on_its_name_alone():
    names = [("whole_report", "exposure=0.2"), ("whole_report", "exposure=0.1"), ("partial_report",)]
    seeds = {name: seed_of(0, *name) for name in names}
    assert {name: seed_of(0, *name) for name in reversed(names)} == seeds
    assert len(set(seeds.values())) == 3


def test_the_seed_of_a_condition_tells_words_apart():
    words = [(), ("",), ("a", "b"), ("b", "a"), ("ab",), ("a", "b", ""), ("a b",)]
    assert len({seed_of(0, *w) for w in words} | {seed_of(1, *w) for w in words}) >= 2 * len(words) - 2


def test_a_seed_fits_where_a_seed_goes():
    for i in range(200):
        assert 0 <= seed_of(i, "x") < 2**64


def test_attention_leaves_and_returns_when_its_addresses_say():
    """The n-th spell: at work until the first of three clocks (4 n + 0, 1, 2) has run down, then away (4 n + 3)."""
    task = Task("press", monotony=1.0, response="simple")
    stream = TaskStream((Stimulus("dot", 1.0, task="press"),), 60.0, tasks=(task,))
    rested = {"fast_loss": 0.0, "slow_loss": 0.0, "lapse_fast": 0.0, "lapse_slow": 0.0}
    who = Observer(lapse_base=0.1, lapse_duration=2.0, **rested)
    session = Session((stream,), np.zeros(3, int), np.ones(3))
    told = cohort.run_session(session, [who], seed=5, record=True).events
    found = told[told["kind"].isin(["lapse", "return"])]
    spell = np.arange(len(found))
    drawn = -np.log(uniforms(trial_key(5, 0, cohort.SESSION_TRIAL), WANDER, 4 * spell + 3 * (spell % 2)))
    assert len(found) > 20
    assert found["kind"].tolist() == ["lapse", "return"] * (len(found) // 2)
    assert found["time"].to_numpy() == pytest.approx(
        np.cumsum(drawn * np.where(spell % 2, 2.0, 1 / 0.1)), abs=1e-9
    )
