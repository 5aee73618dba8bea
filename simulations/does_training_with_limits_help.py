"""Does training with limits help? The same networks, trained with and without human limits, tested with and without.

    python simulations/does_training_with_limits_help.py

Three subjects, three seeds each: the digit reader (a race for three slots on displays of red and green digits, at
exposures between 17 and 200 ms), the n-back reader and associative recall (both through a store of three slots that
displaces at random). Whoever is trained with limits learns from what got through, and is told the truth whether it
got through or not; so it may learn to guess well, and to make do. Nothing else differs: the same first weights, lessons
and steps. Each score is the share of answers right in trials that training never showed. Five minutes on one core; what
is finished is kept, so that a second call goes on.

What you should see: training with limits gains -.01 (digits), +.02 (n-back: it learns to guess well) and .00 (pairs)
under them, and costs .03, .00 and .17 without: what did not get through cannot be learnt back. (Short courses of 700
and 800 steps; the digit reader's seeds differ more than its two trainings.)
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

from cogattn import files
from cogattn.mind.draws import seed_of, trial_keys
from cogattn.nn import eviction_plan
from cogattn.nn.gate import Race
from cogattn.nn.networks import digits, registry
from cogattn.nn.networks.training import seeded, train
from cogattn.observer import Observer
from cogattn.runs import program
from cogattn.view import plot

SEEDS = 3
SLOTS = 3.0
EXPOSURES = (1 / 60, 0.2)  # s, shortest and longest, as in whole report


@dataclass(frozen=True)
class Case:
    """One subject: how it is made, what it learns from, and its share of right answers."""

    name: str
    make: Callable[[], nn.Module]
    loss: Callable[[Any, int, bool], torch.Tensor]  # network, lesson number, with limits?
    right: Callable[[Any, bool], float]
    course: Any


# -- digits: a race for slots ----------------------------------------------------------------------------------


def raced(network: Any, pixels: torch.Tensor, present: torch.Tensor, roles: torch.Tensor, seed: int) -> Any:
    """Who gets a slot, by the network's own logits at the gain at which a distractor weighs a person's alpha."""
    mean, chance = Observer(), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        logits = network.weigh(pixels, present).masked_fill(~present, -math.inf)
    gap = logits[roles == registry.TARGET].mean() - logits[roles == registry.DISTRACTOR].mean()
    race = Race(mean.capacity, SLOTS, mean.threshold, gain=math.log(1 / mean.alpha) / max(0.1, float(gap)))
    low, high = EXPOSURES
    exposure = low + (high - low) * torch.rand(len(logits), generator=chance)
    return race(logits, exposure=exposure, generator=chance)


def read(network: Any, keys: Any, source: Any, limited: bool, seed: int) -> tuple[torch.Tensor, Any, Any]:
    """Scores of a batch of displays of eight items, some of them targets; labels and roles."""
    labels, roles = digits.random_trials(keys)
    display = digits.draw(source, labels, roles, keys)
    pixels, present = torch.from_numpy(display.pixels()), torch.from_numpy(roles != registry.EMPTY)
    gate = raced(network, pixels, present, torch.from_numpy(roles), seed) if limited else None
    return network(pixels, present, gate), labels, roles


def digits_loss(network: Any, step: int, limited: bool) -> torch.Tensor:
    keys = trial_keys(digits.SEED, step, np.arange(128))
    scores, labels, roles = read(network, keys, digits.lessons(), limited, step)
    wanted = np.where(roles == registry.TARGET, labels, digits.DIGITS)
    return F.cross_entropy(scores.flatten(0, 1), torch.from_numpy(wanted).flatten())


def digits_right(network: Any, limited: bool) -> float:
    keys = trial_keys(seed_of(0, "test"), 0, np.arange(2000))
    scores, labels, roles = read(network, keys, digits.images(held_out=True), limited, 12345)
    target = roles == registry.TARGET
    return float((scores.argmax(-1).numpy() == labels)[target].mean())


# -- letters and pairs: a store that displaces -------------------------------------------------------------------


def letters_of(file: Any, first: int, step: int, limited: bool) -> tuple[torch.Tensor, ...]:
    """2- and 3-back: letters, n, what each step finds, and the truth where there is an item n back."""
    n = 2 + np.arange(48) % 2
    keys = trial_keys(seed_of(first, "letters"), step, np.arange(len(n)))
    letters = np.stack([file.sequences(keys[i : i + 1], int(n[i]))[0] for i in range(len(n))])
    truth = np.stack([file.truth(letters[i : i + 1], int(n[i]))[0] for i in range(len(n))])
    seen = np.broadcast_to(file.causal(file.PLACES)[0].numpy(), (len(n), file.PLACES, file.PLACES))
    if limited:
        seen = eviction_plan(SLOTS, file.PLACES, seed=step + 10**6 * first, batch=len(n)).alive
    return tuple(torch.from_numpy(np.ascontiguousarray(x)) for x in (letters, n, seen[:, None], truth))


def letters_case() -> Case:
    file = registry.module("nback_reader")

    def scores(network: Any, first: int, step: int, limited: bool) -> tuple[torch.Tensor, torch.Tensor]:
        letters, n, seen, truth = letters_of(file, first, step, limited)
        there = truth >= 0
        return network(letters, n, seen)[there][:, : file.UNKNOWN], truth[there].long()

    def loss(network: Any, step: int, limited: bool) -> torch.Tensor:
        return F.cross_entropy(*scores(network, 0, step, limited))

    def right(network: Any, limited: bool) -> float:
        found = [scores(network, 1, step, limited) for step in range(20)]
        return float(torch.cat([s.argmax(-1) == t for s, t in found]).float().mean())

    return Case("nback_reader", file.Reader, loss, right, replace(file.WORKSHOP.course, steps=700))


def pairs_case() -> Case:
    file = registry.module("associative_recall")

    def scores(network: Any, seed: int, step: int, limited: bool) -> tuple[torch.Tensor, torch.Tensor]:
        display, _ = file.lesson(step, seed)
        found = np.broadcast_to(display.met, (len(display.key), *display.met.shape))
        if limited:
            plan = eviction_plan(
                SLOTS, file.LESSON, seed=step + 10**6 * (seed % 1000), batch=len(display.key)
            )
            found = found & plan.alive[:, np.minimum(display.when, file.LESSON - 1)]
        parts = (display.key, display.value, display.ask, display.when, np.ascontiguousarray(found))
        out, _ = network(*(torch.from_numpy(x) for x in parts))
        asked = display.truth() != file.UNKNOWN
        return out[torch.from_numpy(asked)], torch.from_numpy(display.truth()[asked])

    def loss(network: Any, step: int, limited: bool) -> torch.Tensor:
        return F.cross_entropy(*scores(network, 0, step, limited))

    def right(network: Any, limited: bool) -> float:
        found = [scores(network, seed_of(1, "pairs"), step, limited) for step in range(20)]
        return float(torch.cat([s.argmax(-1) == t for s, t in found]).float().mean())

    return Case("associative_recall", file.Network, loss, right, replace(file.WORKSHOP.course, steps=800))


def cases() -> list[Case]:
    reader = registry.module("digit_reader")
    course = replace(reader.WORKSHOP.course, steps=700)
    return [
        Case("digit_reader", reader.Reader, digits_loss, digits_right, course),
        letters_case(),
        pairs_case(),
    ]


# -- the table -----------------------------------------------------------------------------------------------------


def play(case: Case, seed: int, trained: bool, asked: program.Program) -> pd.DataFrame:
    """Train one network, test it with and without limits; kept once it is finished."""
    path = asked.parts / f"{case.name}-{seed}-{'with' if trained else 'without'}.csv"
    if path.is_file():
        return files.read_table(path)
    network = seeded(case.make, seed)
    what = f"{case.name}, seed {seed}, {'with' if trained else 'without'} limits"
    train(
        network,
        lambda net, step: case.loss(net, step + 10**5 * seed, trained),
        case.course,
        what=what,
        progress=True,
    )
    rows = []
    with torch.no_grad():
        for tested in (False, True):
            cell = {"subject": case.name, "seed": seed, "trained": trained, "tested": tested}
            rows.append(cell | {"right": case.right(network, tested)})
    files.write_table(path, pd.DataFrame(rows))
    return pd.DataFrame(rows)


def draw(table: pd.DataFrame) -> Any:
    """A panel per subject: the four cells, a dot per seed."""
    known = plot.pens(["softmax", "human"])
    with plot.style() as plt:
        names = list(dict.fromkeys(table["subject"]))
        figure, axes = plt.subplots(1, len(names), figsize=(3.4 * len(names), 3.9), sharey=True)
        for ax, name in zip(np.atleast_1d(axes), names, strict=True):
            for trained, pen in ((False, known["softmax"]), (True, known["human"])):
                own = table[(table["subject"] == name) & (table["trained"] == trained)]
                mean = own.groupby("tested")["right"].mean()
                label = f"trained {'with' if trained else 'without'} limits"
                ax.plot([0, 1], mean, **pen.line, label=label)
                ax.plot(own["tested"].astype(int), own["right"], ".", color=pen.color, alpha=0.5)
            ax.set_xticks([0, 1], ["without\nlimits", "with\nlimits"])
            ax.set(title=name, xlim=(-0.4, 1.4), ylim=(0, 1.05), xlabel="tested")
        np.atleast_1d(axes)[0].set_ylabel("share right")
        handles, labels = np.atleast_1d(axes)[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
        return figure


def finding(table: pd.DataFrame) -> str:
    """What training with limits gains under them, and what it costs without: means over networks."""
    wide = table.pivot_table(
        index=["subject", "seed"], columns=["trained", "tested"], values="right", sort=False
    )
    gain = {tested: wide[True, tested] - wide[False, tested] for tested in (True, False)}
    parts = [
        f"{name} {program.mean(gain[True][name], '+.2f')} under limits, "
        f"{program.mean(gain[False][name], '+.2f')} without"
        for name in dict.fromkeys(table["subject"])
    ]
    return f"What training with limits changes (share right, {SEEDS} networks each): " + "; ".join(parts)


def main() -> None:
    """Train, test, write the table and the picture."""
    asked = program.asked(__doc__, __file__, chance=True)
    torch.set_num_threads(1)
    seeds = range(SEEDS * asked.seed, SEEDS * (asked.seed + 1))
    table = pd.concat(
        [play(case, seed, trained, asked) for case in cases() for seed in seeds for trained in (False, True)]
    )
    wide = table.groupby(["subject", "trained", "tested"])["right"].agg(["mean", "min", "max"]).reset_index()
    asked.keep(finding(table), {"table": table, "means": wide}, draw(table))


if __name__ == "__main__":
    program.run(main)
