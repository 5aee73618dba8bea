"""A network that tires: its gates follow alertness; all moments of all people run in one pass."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cogattn.errors import InputError
from cogattn.nn.functional import gated_attention
from cogattn.nn.gate import GateState

T, B, H, L, S, D = 5, 3, 2, 4, 6, 8


def attention_inputs(rows):
    g = torch.Generator().manual_seed(1)
    return tuple(torch.randn(rows, H, n, D, generator=g, dtype=torch.float64) for n in (L, S, S))


def schedule():
    rng = np.random.default_rng(0)
    return rng.uniform(0.5, 1, (T, B)), rng.uniform(size=(T, B)) < 0.7


def test_the_gate_of_a_moment_is_its_closed_form():
    a, on = schedule()
    gate = GateState.from_alertness(a, on, gain=2.0, sharpness=1.5)
    assert np.allclose(gate.gain, 2.0 * a**1.5, rtol=1e-6)
    assert np.allclose(gate.share, a * np.where(on, 1, 0.725), rtol=1e-6)


def test_one_pass_over_all_moments_is_each_moment_alone():
    gate = GateState.from_alertness(*schedule())
    q, k, v = attention_inputs(T * B)
    once = gated_attention(q, k, v, gate=gate.flat())
    for t in range(T):
        rows = slice(t * B, (t + 1) * B)
        alone = gated_attention(q[rows], k[rows], v[rows], gate=gate[t])
        assert torch.equal(once[rows], alone)


def test_a_rested_mind_is_plain_attention_bit_for_bit():
    gate = GateState.from_alertness(np.ones((T, B)))
    assert gate.is_identity
    q, k, v = attention_inputs(B)
    plain = torch.nn.functional.scaled_dot_product_attention(q, k, v)
    assert torch.equal(gated_attention(q, k, v, gate=gate), plain)


def test_attention_that_is_away_selects_as_it_does_on_its_task_and_grants_less():
    away, on = (GateState.from_alertness(np.full(B, 0.8), np.full(B, there)) for there in (False, True))
    q, k, v = attention_inputs(B)
    out, there = (gated_attention(q, k, v, gate=gate) for gate in (away, on))
    assert torch.allclose(out, 0.725 * there, rtol=1e-6)
    plain = torch.nn.functional.scaled_dot_product_attention(0.8 * q, k, v)
    assert torch.allclose(out, 0.8 * 0.725 * plain, rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (([1.5],), "alertness must be from 0 to 1"),
        (([np.nan],), "alertness must be from 0 to 1"),
        (([0.5], [1.0]), "on_task"),
        (([0.5, 0.5], [True]), "on_task"),
        ((0.5,), "alertness must be"),
    ],
)
def test_impossible_schedules_are_refused(arguments, word):
    with pytest.raises(InputError, match=word):
        GateState.from_alertness(*(np.asarray(a) for a in arguments))
