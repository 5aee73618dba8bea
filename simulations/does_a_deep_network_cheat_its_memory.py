"""Does a deep network cheat its memory? Put a leaking store on every layer, train under it, count what it knows.

    python simulations/does_a_deep_network_cheat_its_memory.py

2-back with letters that tell of nothing else: half are free, each of the others is the one two back or is not, by a
fair coin; who has lost that item can only guess. Two transformer layers that both read through the same store (1.5
slots: one or two, random displacement) know it all the same: layer 1 copies each item into its successor's stream
before it is displaced, layer 2 finds the copy. (With exactly two slots training needs 4000 steps to find the detour.)
With one memory-read layer, the other seeing its own item alone, nothing leaks. On the right the n-back reader:
softmax at ceiling, the same weights with K slots falling. About 45 s on one core.
"""

import math
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

from cogattn import human
from cogattn.mind.draws import LAYOUT, trial_keys, uniforms
from cogattn.nn import MultiheadAttention, eviction_plan, leak, remember
from cogattn.nn.networks.registry import find_judge
from cogattn.runs import program
from cogattn.view import plot

SLOTS, LAG, LENGTH, LETTERS, WIDTH = 1.5, 2, 16, 6, 48
STEPS, BATCH, TESTED = 1000, 64, 4000
SHOWN = (math.inf, 6, 4, 3, 2)  # slots of the n-back reader


Layers = int | Literal["all"]


class Deep(nn.Module):
    """Two transformer layers; with `local`, the first sees its own item alone."""

    def __init__(self, local: bool) -> None:
        super().__init__()
        self.letter, self.place = nn.Embedding(LETTERS, WIDTH), nn.Embedding(LENGTH, WIDTH)
        self.read = nn.ModuleList(MultiheadAttention(WIDTH, 4, batch_first=True) for _ in range(2))
        self.think = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH)
            )
            for _ in range(2)
        )
        self.norm = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(2))
        self.out = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 2))
        self.local = local

    def forward(self, letters: torch.Tensor) -> torch.Tensor:
        past = torch.ones(LENGTH, LENGTH, dtype=torch.bool).triu(1)  # True = forbidden
        x = self.letter(letters) + self.place.weight
        for i, (norm, read, think) in enumerate(zip(self.norm, self.read, self.think, strict=True)):
            forbidden = ~torch.eye(LENGTH, dtype=torch.bool) if self.local and i == 0 else past
            y = norm(x)
            x = x + read(y, y, y, attn_mask=forbidden, need_weights=False)[0]
            x = x + think(x)
        scores: torch.Tensor = self.out(x)
        return scores


def lesson(seed: int, first: int, batch: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Letters and answers (B, T), -1 where nothing is asked: two free letters, two that repeat them or not, ..."""
    u = uniforms(trial_keys(seed, np.arange(first, first + batch), 0)[:, None], LAYOUT, np.arange(2 * LENGTH))
    letters, same = (u[:, :LENGTH] * LETTERS).astype(np.int64), (u[:, LENGTH:] < 0.5).astype(np.int64)
    asked = np.arange(LENGTH) % (2 * LAG) >= LAG
    back = np.roll(letters, LAG, 1)
    other = (back + 1 + (u[:, :LENGTH] * (LETTERS - 1)).astype(np.int64)) % LETTERS
    letters = np.where(asked, np.where(same == 1, back, other), letters)
    return torch.from_numpy(letters), torch.from_numpy(np.where(asked, same, -1))


def trained(local: bool, layers: Layers | None, seed: int) -> Deep:
    """A network trained under a fresh plan at every step, on these layers (None: without limits)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Deep(local)
    adam = torch.optim.AdamW(network.parameters(), 2e-3)
    rate = torch.optim.lr_scheduler.OneCycleLR(adam, 4e-3, total_steps=STEPS)
    for step in range(STEPS):
        letters, answers = lesson(1 + 10 * seed, step * BATCH, BATCH)
        plan = (
            None
            if layers is None
            else eviction_plan(SLOTS, LENGTH, seed=1 + 10 * seed, batch=step * BATCH + np.arange(BATCH))
        )
        with remember(network, plan, -1 if layers is None else layers):
            loss = F.cross_entropy(network(letters).flatten(0, 1), answers.flatten(), ignore_index=-1)
        adam.zero_grad()
        torch.autograd.backward(loss)
        adam.step()
        rate.step()
    return network


def networks(seed: int) -> pd.DataFrame:
    """Share right of each network, what its memory allows, and how sure the difference is."""
    test, rows = lesson(2 + 10 * seed, 0, TESTED), []
    chosen: dict[str, tuple[bool, Layers | None]] = {
        "every layer gated": (False, "all"),
        "one memory-read layer": (True, -1),
        "no gate": (False, None),
    }
    for name, (local, layers) in chosen.items():
        network = trained(local, layers, seed)
        plan = eviction_plan(math.inf if layers is None else SLOTS, LENGTH, seed=2 + 10 * seed, batch=TESTED)
        found = leak(network, test, plan, needed=LAG, layers=-1 if layers is None else layers)
        rows.append({"what": name, "accuracy": found.accuracy, "bound": found.bound, "z": found.z})
    return pd.DataFrame(rows)


def reader(asked: program.Program) -> pd.DataFrame:
    """The n-back reader, n = 1 to 6, with K slots; "unknown" counts as a guess."""
    judge, rows = find_judge("nback_reader", "cpu"), []
    for n in range(1, 7):
        letters, same = repeats(n, asked)
        for slots in SHOWN:
            plan = eviction_plan(slots, judge.places, seed=3 + 10 * asked.seed, batch=len(letters))
            said = judge.judge(letters, n, plan)
            right = np.where(said < 0, 0.5, said == same)[:, n + 6 :]  # once the store is full
            rows.append({"what": f"K = {slots:g}", "n": n, "accuracy": float(right.mean())})
    return pd.DataFrame(rows)


def repeats(n: int, asked: program.Program) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Letters for the reader, half of them the one n back, and which."""
    keys = trial_keys(4 + 10 * asked.seed, np.arange(asked.people), n)
    u = uniforms(keys[:, None], LAYOUT, np.arange(128))
    letters, same = (u[:, :64] * 8).astype(np.int64), u[:, 64:] < 0.5
    for t in range(n, 64):
        letters[:, t] = np.where(
            same[:, t], letters[:, t - n], (letters[:, t - n] + 1 + (u[:, t] * 7).astype(np.int64)) % 8
        )
    return letters, same


def main() -> None:
    asked = program.asked(__doc__, __file__, people=200)
    torch.set_num_threads(1)
    bars, lines = networks(asked.seed), reader(asked)
    with plot.style() as plt:
        figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4.2))
        heights = [bars["bound"][0], *bars["accuracy"]]
        names = ["what the\nmemory allows", "every layer\ngated", "one memory-\nread layer", "no gate"]
        left.bar(names, heights, color=["#BBBBBB", "#D55E00", "#0072B2", "#009E73"])
        left.axhline(heights[0], color=plot.PEOPLE, linewidth=0.8, linestyle="--")
        left.set(ylabel="right, 2-back", ylim=(0.5, 1.02), title=f"trained under {SLOTS:g} slots")
        arms = {f"K = {k:g}": "softmax" if k == math.inf else f"{k:g}" for k in SHOWN}
        for (name, arm), pen in zip(arms.items(), plot.pens(list(arms.values())).values(), strict=True):
            some = lines[lines["what"] == name]
            label = f"{name}, softmax" if arm == "softmax" else name
            right.plot(some["n"], some["accuracy"], **pen.line, label=label)
        table = human.table("nback")
        right.plot(table["load"], table["acc"], "*", color=plot.PEOPLE, markersize=11, label="people")
        right.set(
            xlabel="n back", ylabel="right", ylim=(0.5, 1.02), title="one reader, trained without limits"
        )
        right.legend()
    table = pd.concat([bars.assign(n=LAG), lines], ignore_index=True)
    asked.keep(answer(bars), {"table": table}, figure)


def answer(bars: pd.DataFrame) -> str:
    """The finding in a line."""
    asked = TESTED * int((np.arange(LENGTH) % (2 * LAG) >= LAG).sum())
    deep, one = (
        program.about(p, 1.96 * math.sqrt(p * (1 - p) / asked), ".1%") for p in bars["accuracy"].iloc[:2]
    )
    verdict = "Yes" if bars["z"][0] > 4 else "No"
    return (
        f"{verdict}: gated on every layer it is right on {deep} where its memory allows {bars['bound'][0]:.0%}; "
        f"with one memory-read layer on {one}"
    )


if __name__ == "__main__":
    program.run(main)
