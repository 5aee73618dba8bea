"""Are the posteriors calibrated? Simulated people are asked for their posterior, the truth is ranked among its draws.

    python simulations/are_the_posteriors_calibrated.py [--cores 2] [--replications 120]

Four paradigms with exact likelihoods, each person drawn from the prior and played by the mind itself: ranks must be
uniform (chi-square p > .01). Then a likelihood that is wrong on purpose, half a slot too many: it must be caught. Every
person is kept when he is done, so that a stopped run goes on where it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from tqdm import tqdm

from cogattn import paradigms
from cogattn.runs import program
from cogattn.runs.experiment import cores
from cogattn.tune.base import Array
from cogattn.tune.calibration import Calibration, calibrate
from cogattn.tune.likelihoods import Compact, ReportLikelihood
from cogattn.view import plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: paradigm: options, trials per condition, parameters
ASKED: dict[str, tuple[dict[str, object], int, tuple[str, ...]]] = {
    "whole_report": ({}, 8, ("capacity", "slots", "threshold")),
    "change_detection": ({"set_sizes": [3, 5, 8], "trials": 60}, 1, ("slots", "wandering")),
    "simple_rt": ({"block": 40, "blocks": 1, "pauses": []}, 1, ("speed", "wandering")),
    "partial_report": ({}, 30, ("capacity", "slots", "threshold", "alpha")),
}

OPTIONS: program.Options = {
    "--cores": {"type": int, "default": cores(), "help": "processes (all cores)"},
    "--replications": {"type": int, "help": "another word for --people: a posterior for each"},
}


@dataclass(frozen=True)
class HalfASlotTooMany(ReportLikelihood):
    """The report law, wrong on purpose: people are taken to hold half an item more than they are said to."""

    def loglik(self, theta: Array, data: Compact, row: Array) -> Array:
        """As if K were K + 1/2."""
        return super().loglik(theta + np.array([0.0, 0.5, 0.0, 0.0]), data, row)


def ask(name: str, replications: int, asked: program.Program, wrong: bool = False) -> Calibration:
    """One paradigm, with a bar."""
    options, trials, params = ASKED[name]
    said = "half a slot too many" if wrong else ""
    with tqdm(desc=said or name, total=replications, disable=None) as bar:

        def tick(done: int, _: int) -> None:
            bar.update(done - bar.n)

        return calibrate(
            paradigms.make(name, options), params, replications=replications, trials=trials,
            law=HalfASlotTooMany() if wrong else None, said=said, n_jobs=asked.more.cores, folder=asked.parts,
            progress=tick, seed=asked.seed,
        )  # fmt: skip


def draw(table: pd.DataFrame) -> Figure:
    """How far the truth's ranks spread, over uniform ones, with the interval of so many that are uniform."""
    with plot.style() as plt:
        figure, ax = plt.subplots(figsize=(7.0, 0.28 * len(table) + 1.2))
        at = np.arange(len(table))[::-1]
        half = 1.96 * np.sqrt(0.2 / table["replications"])  # of a uniform's sd: (kurtosis - 1) / 4 = .2
        ax.axvline(1, color=plot.PEOPLE, linewidth=0.9)
        ax.hlines(at, 1 - half, 1 + half, color="#CCCCCC", linewidth=5, label="95 % of uniform ranks")
        uniform, pens = table["p"] > 0.01, plot.pens(["human", "softmax"])
        for some, pen, label in (
            (uniform, "human", "uniform"),
            (~uniform, "softmax", "not uniform (p < .01)"),
        ):
            column = table.loc[some, "sd of ranks over uniform"]
            ax.plot(column, at[some], pens[pen].mark, color=pens[pen].color, label=label)
        ax.set_yticks(at, table["paradigm"] + ": " + table["parameter"])
        ax.set(xlabel="sd of the truth's ranks over that of uniform ranks [ratio]")
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def main() -> None:
    """All of them, written and drawn."""
    asked = program.asked(__doc__, __file__, people=120, options=OPTIONS)
    replications = asked.more.replications or asked.people
    done = {name: ask(name, replications, asked) for name in ASKED}
    done["wrong"] = ask("whole_report", max(36, replications // 3), asked, wrong=True)
    table = pd.concat([one.table() for one in done.values()], ignore_index=True)
    for name, one in done.items():
        one.save(asked.out / name)
    fair = table[~table["paradigm"].str.contains("slot")]
    caught = bool((table["p"].drop(fair.index) < 1e-4).any())
    text = (
        f"{program.share(int((fair['p'] > 0.01).sum()), len(fair))} of the posteriors' parameters are calibrated "
        f"(uniform ranks of {replications} people, p > .01); a law that is wrong on purpose is "
        f"{'caught' if caught else 'not caught'}"
    )
    asked.keep(text, {"table": table}, draw(table))


if __name__ == "__main__":
    program.run(main)
