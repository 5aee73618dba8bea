"""Does temperature alone make a human? Lower the gain of softmax attention and look for the human curve.

    python simulations/does_temperature_make_a_human.py

People report about three letters of however many, and one letter of one. A network whose attention is merely
softer (gain < 1) has neither a plateau nor an axis of time: what it reports rises, then falls with every further
item. The race (human limits at 200 ms) has the plateau. About 20 s on two cores;
the answer goes to results/simulations/.
"""

import numpy as np
import pandas as pd

import cogattn as ca
from cogattn.mind.draws import trial_keys
from cogattn.nn.networks.registry import find_reader
from cogattn.runs import program
from cogattn.runs.experiment import cores
from cogattn.view import plot

GAINS = (1.0, 0.25, 0.15, 0.1, 0.05)  # softmax temperature = 1 / gain
SET_SIZES = (1, 2, 3, 4, 6, 8)
DISPLAYS = 2000


def softened(gain: float, set_size: int, seed: int) -> float:
    """Digits that the reader gets right of `set_size`, all targets, when all its logits shrink by `gain`."""
    import torch

    subject = find_reader("digit_reader", "cpu")
    rng = np.random.default_rng(set_size + 100 * seed)
    labels = np.stack([rng.permutation(10)[: subject.places] for _ in range(DISPLAYS)])
    labels[:, set_size:] = -1
    picture = subject.show(
        labels, np.where(labels >= 0, 1, -1), trial_keys(1 + 10 * seed, 0, np.arange(DISPLAYS))
    )
    gate = ca.GateState(gain=torch.full((DISPLAYS,), gain))
    right = (subject.read(picture, gate) == labels) & (labels >= 0)
    return float(right.sum() / DISPLAYS)


def limited(set_size: int, asked: program.Program) -> pd.Series:
    """The same reader under human limits, 200 ms: of each person, the mean."""
    task = ca.paradigms.get("whole_report")(set_size=set_size, exposures=(0.2,))
    trials = ca.run(task, "human", "digit_reader", asked.people, trials=50, seed=asked.seed, n_jobs=cores())
    return trials.frame.groupby("person")["score"].mean()


def main() -> None:
    asked = program.asked(__doc__, __file__, people=40)
    table = pd.DataFrame(
        {f"gain {g:g}": [softened(g, n, asked.seed) for n in SET_SIZES] for g in GAINS}, index=SET_SIZES
    )
    people = {n: limited(n, asked) for n in SET_SIZES}
    table["human limits"] = [own.mean() for own in people.values()]
    with plot.style() as plt:
        figure, ax = plt.subplots(figsize=(6.4, 4.2))
        arms = {"gain 1": "softmax", "human limits": "human"}
        pens = plot.pens([arms.get(name, name) for name in table])
        for (name, column), pen in zip(table.items(), pens.values(), strict=True):
            wide = 3.0 if name == "human limits" else 1.5
            ax.plot(SET_SIZES, column, **pen.line, lw=wide, label=name)
        ax.plot(6, 3.22, "*", color=plot.PEOPLE, markersize=12, label="people, 6 letters, 200 ms")
        ax.set(xlabel="items on display", ylabel="items reported")
        ax.legend()
    asked.keep(answer(table, people), {"table": table.rename_axis("set_size").reset_index()}, figure)


def answer(table: pd.DataFrame, people: dict[int, pd.Series]) -> str:
    """The finding in a line: what the gain that reports about three of six does to fewer and to more."""
    soft = table.drop(columns="human limits")
    nearest = (soft.loc[6] - 3.2).abs().idxmin()
    three, six, eight = soft.loc[[3, 6, 8], nearest]
    race = ", ".join(program.mean(people[n]) for n in (3, 6, 8))
    return (
        f"No: softened to {nearest} it reports {three:.1f} of 3, {six:.1f} of 6, {eight:.1f} of 8: "
        f"a hump, no plateau; under human limits it reports {race}"
    )


if __name__ == "__main__":
    program.run(main)
