"""The board: every arm keeps its budget and nothing else, the same seed gives the same numbers, pieces are kept."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cogattn.errors import InputError
from cogattn.reports import board as module
from cogattn.reports.board import ARMS, Weights, board, choose
from cogattn.reports.board_tasks import RetrievalTask


class Needles:
    """One needle with the weight that is said; right is who still has it."""

    name, loads, budget = "needles", (7, 15), 4

    def items(self, load, seed, count):
        return np.random.default_rng(seed).integers(0, load + 1, count), load + 1

    def weights(self, items):
        at, n = items
        w = np.zeros((len(at), n))
        w[np.arange(len(at)), at] = 2.0
        return Weights(w - np.log(np.exp(w).sum(1, keepdims=True)), np.zeros_like(w))

    def right(self, items, gate):
        at, _ = items
        return np.ones(len(at), bool) if gate is None else gate.keep.numpy()[np.arange(len(at)), at]

    def cost(self, kept):
        return 10.0 * kept


def test_every_arm_keeps_its_budget_and_wins_what_its_rule_says():
    done = board([Needles()], seeds=4, count=400)
    by = done.frame.groupby(["arm", "load"])["right"].mean().unstack()
    kept = done.frame.groupby(["arm", "load"])["kept"].mean().unstack()
    for arm in ARMS:
        assert kept.loc[arm].tolist() == ([8, 16] if arm == "softmax" else [4, 4]), arm
    assert by.loc["softmax"].tolist() == by.loc["top-K"].tolist() == by.loc["prompt"].tolist() == [1, 1]
    for arm in ("random", "recency"):
        np.testing.assert_allclose(by.loc[arm], [4 / 8, 4 / 16], atol=0.05)
    w, n = np.exp(2.0), 15  # Plackett-Luce: the needle of weight w is not among the first four of w + n
    lost = np.prod([(n - i) / (n - i + w) for i in range(4)])
    assert abs(by.loc["human", 15] - (1 - lost)) < 0.05
    table = done.table().set_index("arm")
    assert (table["low"] <= table["right"]).all()
    assert table.loc["human", "when_doubled"] < 0
    assert "better than" in done.findings()[0]
    assert "worse than" in done.findings()[0]


def test_an_element_that_is_not_there_is_never_kept():
    w = np.full((3, 6), -np.inf)
    w[:, :2] = 0.0
    for arm in ARMS[:-1]:
        gate = choose(arm, Weights(w, w), 4, seed=1)
        assert gate.keep[:, 2:].sum() == 0, arm
        assert gate.keep.sum(1).max() <= 4
    with pytest.raises(InputError, match="arm must be one of"):
        choose("luck", Weights(w, w), 4, seed=1)


def test_pieces_are_kept_and_nothing_is_played_twice(tmp_path, monkeypatch):
    first = board([Needles()], seeds=2, count=30, folder=tmp_path)
    monkeypatch.setattr(module, "_piece", None)
    again = board([Needles()], seeds=2, count=30, folder=tmp_path)
    pd.testing.assert_frame_equal(again.frame, first.frame, check_dtype=False)
    kept = first.save(tmp_path / "done")
    assert {"table.csv", "seeds.csv", "figure.png"} <= {p.name for p in kept.iterdir()}
    with pytest.raises(InputError, match="seeds must be"):
        board([Needles()], seeds=1)


@pytest.mark.full
def test_the_retrieval_network_learns_with_limits_on_and_off():
    for limits in (False, True):
        task = RetrievalTask(limits, displays=500)
        items = task.items(7, 0, 200)
        assert task.right(items, None).mean() > 0.6
        assert task.weights(items).asked.shape == (200, 8)
