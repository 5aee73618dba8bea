"""What do limits buy? The race under human limits beside other ways to choose as many keys, on any task.

    cogattn board                      # the synthetic retrieval task, minutes
    cogattn board --model smollm2      # facts and needles with the real language model

A task answers to `BoardTask`: it draws items, weighs their elements (with the question known and without), and says how
many answers are right through a gate. Every arm keeps as many elements, so what is left to
attend to costs the same:

    human      a race of the elements' weights for the budget's slots, chance included (Bundesen 1990)
    top-K      the heaviest by the network's weights at the end
    random     any of them
    recency    the first (a sink) and the last ones (StreamingLLM: Xiao et al. 2023, arXiv 2309.17453)
    heavy      half the heaviest by the attention over the text, half the last (H2O: Zhang et al. 2023, NeurIPS)
    prompt     the heaviest by the question's attention, smoothed over neighbours (SnapKV: Li et al. 2024, NeurIPS)
    softmax    all of them: no budget
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from cogattn import files
from cogattn.errors import InputError, choice, whole
from cogattn.nn.gate import GateState, Race, Slots, TopK
from cogattn.view import plot
from cogattn.view.result import Files, Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]
ARMS = ("human", "top-K", "random", "recency", "heavy", "prompt", "softmax")
NO_BUDGET = "softmax"


@dataclass(frozen=True)
class Weights:
    """Log weights of elements, (B, C) each; -inf: no such element."""

    asked: Floats
    """With the question known: what the network attends to where it answers."""
    summed: Floats
    """Without it: the attention summed up while the text was read."""


class BoardTask(Protocol):
    """What the board asks of a task."""

    name: str
    loads: tuple[int, ...]
    """How much is beside the point, from little to much: the last is the double of the one before."""
    budget: int
    """How many elements may be kept."""

    def items(self, load: int, seed: int, count: int) -> Any:
        """So many items of that load."""

    def weights(self, items: Any) -> Weights:
        """What the network weighs, in one pass without limits."""

    def right(self, items: Any, gate: GateState | None) -> npt.NDArray[np.bool_]:
        """(B,): who is right through a gate over the elements."""

    def cost(self, kept: float) -> float:
        """Multiply-accumulates of attention for one answer, with so many elements kept."""


def choose(arm: str, weights: Weights, budget: int, seed: int) -> GateState | None:
    """The gate of an arm: `budget` elements of each row."""
    choice("arm", arm, ARMS)
    whole("budget", budget, least=1)
    if arm == NO_BUDGET:
        return None
    asked, summed = (
        torch.from_numpy(np.ascontiguousarray(w)).float() for w in (weights.asked, weights.summed)
    )
    there = asked > -math.inf
    chance = torch.Generator().manual_seed(seed)
    rank = torch.arange(asked.shape[1]).float().expand_as(asked).masked_fill(~there, -math.inf)
    if arm == "human":
        return Race(math.inf, budget)(asked, generator=chance, mask=there)
    if arm == "top-K":
        return TopK(budget)(asked)
    if arm == "random":
        return Slots(budget)(asked, generator=chance, mask=there)
    if arm == "recency":
        rank = rank.clone()
        rank[:, 0] = math.inf if budget > 1 else rank[:, 0]
        return _heaviest(rank, budget)
    if arm == "heavy":
        last = _heaviest(rank, budget // 2).keep
        assert last is not None
        return _heaviest(summed.masked_fill(last, 1e30).masked_fill(~there, -math.inf), budget)
    near = torch.nn.functional.max_pool1d(asked.exp()[:, None], 3, 1, 1)[:, 0]
    return _heaviest((near + 1e-3 * asked.exp()).masked_fill(~there, -math.inf), budget)


def _heaviest(weight: torch.Tensor, budget: int) -> GateState:
    keep = torch.zeros(weight.shape, dtype=torch.bool)
    if budget:
        best, at = weight.topk(min(budget, weight.shape[1]), dim=1)
        keep.scatter_(1, at, best > -math.inf)
    return GateState(keep=keep)


@dataclass(frozen=True)
class Board(Result):
    """What `board` found: a row per task, load, arm and seed."""

    frame: pd.DataFrame

    def table(self) -> pd.DataFrame:
        """A row per task and arm: mean over seeds with its 95 % interval, cost, and what doubling the load takes."""
        rows = []
        for (task, arm), f in self.frame.groupby(["task", "arm"], sort=False):
            loads = sorted(f["load"].unique())
            by_seed = f.pivot_table(index="seed", columns="load", values="right")
            drop = by_seed[loads[-1]] - by_seed[loads[-2]] if len(loads) > 1 else by_seed[loads[0]] * 0
            mean = by_seed.mean(axis=1)
            rows.append(
                {
                    "task": task,
                    "arm": arm,
                    "right": mean.mean(),
                    "low": mean.mean() - _half(mean),
                    "high": mean.mean() + _half(mean),
                    "at_most_load": by_seed[loads[-1]].mean(),
                    "when_doubled": drop.mean(),
                    "doubled_low": drop.mean() - _half(drop),
                    "doubled_high": drop.mean() + _half(drop),
                    "kept": f["kept"].mean(),
                    "macs": f["macs"].mean(),
                    "right_per_mega_mac": mean.mean() / (f["macs"].mean() / 1e6),
                    "seconds": f["seconds"].mean(),
                    "seeds": len(by_seed),
                }
            )
        return pd.DataFrame(rows)

    def findings(self) -> list[str]:
        """Where the race under human limits wins and where it loses, task by task."""
        out, table = [], self.table()
        for task, rows in table.groupby("task", sort=False):
            by = rows.set_index("arm")
            ours = by.loc["human"]
            beaten = [
                a for a in by.index if a not in ("human", NO_BUDGET) and by.loc[a, "high"] < ours["low"]
            ]
            above = [a for a in by.index if a != "human" and by.loc[a, "low"] > ours["high"]]
            out.append(
                f"{task}: human {ours['right']:.2f} ({ours['low']:.2f}-{ours['high']:.2f}), better than "
                f"{', '.join(beaten) or 'none'}, worse than {', '.join(above) or 'none'}; with twice the distractors "
                f"{ours['when_doubled']:+.2f}, softmax {by.loc[NO_BUDGET, 'when_doubled']:+.2f}."
            )
        return out

    def remarks(self) -> list[str]:
        """What is equal and what is not."""
        return [
            "All arms but softmax keep the same number of elements; macs are those of attention over what is kept.",
            "human, top-K and prompt know the question when they choose; random, recency and heavy do not.",
        ]

    def plot(self) -> Figure:
        """Share right over load, a panel per task."""
        tasks = list(dict.fromkeys(self.frame["task"]))
        known = plot.pens(list(ARMS))
        with plot.style() as plt:
            figure, axes = plt.subplots(1, len(tasks), figsize=(4.6 * len(tasks) + 1, 4.4), squeeze=False)
        for ax, task in zip(axes[0], tasks, strict=True):
            for arm, pen in known.items():
                f = self.frame[(self.frame["task"] == task) & (self.frame["arm"] == arm)]
                by = f.groupby("load")["right"]
                half = [_half(x) for _, x in by]
                ax.errorbar(
                    by.mean().index,
                    by.mean(),
                    half,
                    fmt=pen.mark,
                    ls=pen.dash,
                    color=pen.color,
                    ms=pen.size,
                    label=arm,
                )
            ax.set(
                title=task, xlabel="beside the point", ylabel="share right", ylim=(0, 1.03), xscale="symlog"
            )
        return plot.finish(
            figure, axes[0], "What do limits buy? The same budget of keys, seven ways to spend it"
        )

    def files(self) -> Files:
        """The table, and every seed."""
        return {"table.csv": self.table(), "seeds.csv": self.frame}


def _half(x: pd.Series) -> float:
    """Half of the 95 % interval of the mean over seeds (Student's t)."""
    from scipy import stats

    n = len(x)
    return float(stats.t.ppf(0.975, n - 1) * x.std(ddof=1) / math.sqrt(n)) if n > 1 else math.nan


def board(
    tasks: Sequence[BoardTask],
    *,
    seeds: int = 5,
    count: int = 100,
    seed: int = 0,
    folder: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Board:
    """Every arm on every task, load and seed. With a folder each piece is kept there and not redone."""
    whole("seeds", seeds, least=2)
    whole("count", count, least=1)
    if not tasks:
        raise InputError("tasks must be one at least")
    pieces = [(task, load, s) for task in tasks for load in task.loads for s in range(seed, seed + seeds)]
    frames = []
    for done, (task, load, s) in enumerate(pieces):
        place = None if folder is None else Path(folder) / "pieces" / f"{task.name}-{load}-{s}-{count}.csv"
        if place is not None and place.is_file():
            frames.append(pd.read_csv(place))
        else:
            frames.append(_piece(task, load, s, count))
            if place is not None:
                files.write_table(place, frames[-1])
        if progress is not None:
            progress(done + 1, len(pieces))
    return Board(pd.concat(frames, ignore_index=True))


def _piece(task: BoardTask, load: int, seed: int, count: int) -> pd.DataFrame:
    items = task.items(load, seed, count)
    begun = time.perf_counter()
    weights = task.weights(items)
    weighed = time.perf_counter() - begun
    rows = []
    for arm in ARMS:
        begun = time.perf_counter()
        gate = choose(arm, weights, task.budget, seed)
        right = task.right(items, gate)
        seconds = time.perf_counter() - begun
        there = np.isfinite(weights.asked).sum(1).mean()
        kept = float(there if gate is None or gate.keep is None else gate.keep.sum(1).double().mean())
        rows.append(
            {
                "task": task.name,
                "load": load,
                "arm": arm,
                "seed": seed,
                "right": float(right.mean()),
                "kept": kept,
                "macs": task.cost(kept),
                "seconds": seconds / count,
                "weighed": weighed / count,
            }
        )
    return pd.DataFrame(rows)
