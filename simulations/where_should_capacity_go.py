"""Where should capacity go? The same slots for any cards, for those that a network has learnt to want, for the best.

    python simulations/where_should_capacity_go.py

Of 16 cards K may be kept; a card's colour tells how often it is asked for, its frame what a right answer brings
(`models/adaptive.py`). Networks are trained from their first weights, three seeds each, with K hard slots: any cards
kept ("equal"), or the pertinence learnt from what was earned, by three gradients through the choice
(`cogattn.nn.selection`). Then all keep K cards of held-out digits: any K, the K of the highest pertinence, or, by an
oracle that knows what the cues only tell under noise, the K worth most. On the right the same question for people:
minds of their own C, K and alpha, the pertinence of the trained network their weights.

The gradients find the same policy, a point short of the oracle; a relaxed lesson lets a little of every card through,
and its readers read a little worse where slots are hard. About 2 minutes on one core.
"""

from typing import Any

import numpy as np
import pandas as pd
import torch

from cogattn import Population
from cogattn.laws import race
from cogattn.mind import cohort
from cogattn.mind.draws import trial_keys
from cogattn.nn.gate import GateState
from cogattn.nn.networks.registry import find_specialist, module
from cogattn.nn.networks.training import Course, seeded, train
from cogattn.nn.selection import GRADIENTS
from cogattn.runs import program
from cogattn.view import plot

SEEDS, SLOTS, CARDS = 3, (1, 2, 3, 4, 6, 8, 12), 16
STEPS, EVERY = 600, 50  # of training; every so many it is looked at
AT = 3  # slots at which it is, about those of an adult
TRIALS = 100


def trained(model: Any, gradient: str | None, seed: int) -> tuple[Any, pd.DataFrame]:
    """A network after its lessons, and what it earned at each look (on other tables than at the end)."""
    network, policy = seeded(model.Network, seed), "learned" if gradient else "equal"

    def look(net: Any) -> float:
        return -float(model.earned(net, AT, policy, CARDS, trials=400, seed=1))

    course = Course(steps=STEPS, rate=3e-3, decay=0.02, every=EVERY)
    curve = train(network, lambda net, step: model.lesson(net, step, gradient, seed + 1), course, look)
    looks = curve.frame.dropna()
    return network, pd.DataFrame({"step": looks["step"], "earned": -looks["held_out"]})


def networks(asked: program.Program) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A row per way of learning, seed and K: points earned, and by the same reader with the best cards and with any.
    And a row per look at each training."""
    model, rows, looks = module("adaptive"), [], []
    for gradient in (None, *GRADIENTS):
        for seed in range(SEEDS * asked.seed, SEEDS * (asked.seed + 1)):
            who = {"learned_by": gradient or "equal", "seed": seed}
            network, seen = trained(model, gradient, seed)
            looks.append(seen.assign(**who))
            for k in SLOTS:
                found = {policy: model.earned(network, k, policy, CARDS) for policy in model.POLICIES}
                own = found["learned"] if gradient else found["equal"]
                rows.append(who | {"slots": k, "earned": own, "best": found["best"], "any": found["equal"]})
    return pd.DataFrame(rows), pd.concat(looks, ignore_index=True)


def people(asked: program.Program) -> pd.DataFrame:
    """A row per pertinence: the mean over people of the points that they earn, and half of its 95 % interval."""
    subject: Any = find_specialist("adaptive", "cpu")
    person, trial = np.divmod(np.arange(asked.people * TRIALS), TRIALS)
    crowd = Population.adults().sample(asked.people, asked.seed)
    table = subject.show(CARDS, trial_keys(asked.seed, person, trial))
    logits = subject.weigh(table)
    own = race.gain_for([o.alpha for o in crowd], subject.gap)[person, None]
    ways = {"equal": 0.0 * own, "learned, own alpha": own, "learned, alpha .01": _sharp(subject.gap)}
    rows = []
    for name, gain in ways.items():
        weights = race.weights_from_logits(logits, gain)
        stream, seed = subject.stream(CARDS), asked.seed
        out = cohort.play(stream, crowd, person=person, trial=trial, seed=seed, weights=weights)
        score = subject.answer(table, GateState.from_events(out.stored, out.finish))["score"]
        own = score.reshape(-1, TRIALS).mean(1)
        half = float(plot.interval(own.std(ddof=1), len(own))) if len(own) > 1 else np.nan
        rows.append({"learned_by": name, "earned": own.mean(), "half": half})
    return pd.DataFrame(rows)


def _sharp(gap: float) -> Any:
    """The gain of somebody who hardly ever takes the wrong card."""
    return race.gain_for([0.01], gap)[:, None]


def main() -> None:
    asked = program.asked(__doc__, __file__, people=50)
    torch.set_num_threads(1)
    (table, looks), minds = networks(asked), people(asked)
    with plot.style() as plt:
        figure, axes = plt.subplots(1, 3, figsize=(13.0, 4.3), width_ratios=[3, 2, 2])
        curves(axes[0], table)
        learning(axes[1], looks, float(table[table["slots"] == AT]["best"].max()))
        names = [n.replace(", ", ",\n") for n in minds["learned_by"]]
        axes[2].bar(names, minds["earned"], yerr=minds["half"], color=["#BBBBBB", "#0072B2", "#009E73"])
        axes[2].set(
            ylabel="share of the points to be had",
            ylim=(0, 0.6),
            title=f"{asked.people} people, {CARDS} cards",
        )
    asked.keep(answer(table), {"table": table, "minds": minds, "learning": looks}, figure)


def curves(ax: Any, table: pd.DataFrame) -> None:
    """Points over slots: each way of learning, its seeds' mean; the oracle with the mean reader."""
    for name, pen in plot.pens(["equal", *GRADIENTS]).items():
        own = table[table["learned_by"] == name].groupby("slots")["earned"].mean()
        ax.plot(own.index, own, **pen.line, label=name.replace("_", "-"))
    best = table.groupby("slots")["best"].mean()
    ax.plot(best.index, best, color=plot.PEOPLE, linewidth=0.9, label="the best cards (oracle)")
    ax.set(
        xlabel="slots",
        ylabel="share of the points to be had",
        ylim=(0, 1),
        xticks=SLOTS,
        title=f"{CARDS} cards",
    )
    ax.legend(loc="lower right")


def learning(ax: Any, looks: pd.DataFrame, best: float) -> None:
    """Points over steps: the mean of the seeds, and from the least to the most of them."""
    for name, pen in plot.pens(["equal", *GRADIENTS]).items():
        own = looks[looks["learned_by"] == name].groupby("step")["earned"].agg(["mean", "min", "max"])
        ax.plot(own.index, own["mean"], color=pen.color, linestyle=pen.dash)
        ax.fill_between(own.index, own["min"], own["max"], color=pen.color, alpha=0.2, linewidth=0)
    ax.axhline(best, color=plot.PEOPLE, linewidth=0.9)
    ax.set(xlabel="step of training", ylim=(0, 0.6), title=f"{AT} slots, {SEEDS} seeds each")


def answer(table: pd.DataFrame) -> str:
    """The finding in a line."""
    at = table[table["slots"] == AT]
    learned = at[at["learned_by"] != "equal"].groupby("seed")["earned"].mean()
    alike = at[at["learned_by"] == "equal"]
    gain = program.mean(100 * (learned.to_numpy() - alike["earned"].to_numpy()), ".0f")
    return (
        f"To what is worth it: {AT} slots earn {learned.mean():.0%} of the points with pertinence that is learnt, "
        f"{alike['earned'].mean():.0%} with any cards: {gain} points of a hundred more, over {SEEDS} networks each; "
        f"the best cards {at['best'].max():.0%}"
    )


if __name__ == "__main__":
    program.run(main)
