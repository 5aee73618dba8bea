"""Can a network that has seen simulated people be trusted with a posterior where no likelihood is known?

    python simulations/can_a_network_know_a_posterior.py [--people 2000] [--cores 2]

Four paradigms without a likelihood of their own, each with a network that has seen 500, 4,000 or 16,000 people. People
whom it has never seen, drawn from its prior, are asked for their posterior: the truth must have any rank among its
draws as often as any other. And how much is known: the sd of a posterior over that of the prior. Needs the extra
`amortised`; five minutes on two cores.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from cogattn import files, tune
from cogattn.runs import program
from cogattn.runs.experiment import cores
from cogattn.view import plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LESSONS = (500, 4000, 16_000)
#: paradigm: parameters
ASKED: dict[str, tuple[str, ...]] = {
    "vigilance": ("criterion", "wandering"),
    "flanker": ("speed", "evidence_threshold"),
    "visual_search": ("search_group", "quit_growth"),
    "attentional_blink": ("dwell", "sparing"),
}

OPTIONS: program.Options = {"--cores": {"type": int, "default": cores(), "help": "processes (all cores)"}}


def ask(name: str, lessons: int, asked: program.Program) -> pd.DataFrame:
    """One network, asked about people whom it has not seen."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of statistics that hardly vary
        how: dict[str, Any] = {"n_jobs": asked.more.cores}
        net = tune.amortise(name, ASKED[name], trials=1, simulations=lessons, seed=asked.seed, **how)
        done = net.calibrate(asked.people, seed=asked.seed + 1, **how)
    if lessons == max(LESSONS):
        done.save(asked.out / name)
    spread = done.ranks.groupby("parameter", sort=False)["sd"].mean()
    return done.table().assign(paradigm=name, lessons=lessons, known=1 - spread.to_numpy())


def draw(table: pd.DataFrame) -> Figure:
    """How far from uniform, and how much is known, over what the network has seen."""
    with plot.style() as plt:
        figure, axes = plt.subplots(1, 2, figsize=(8.4, 4.2))
        kinds = table[["paradigm", "parameter"]].drop_duplicates().itertuples(index=False)
        names = [f"{paradigm}: {parameter}" for paradigm, parameter in kinds]
        for name, pen in plot.pens(names).items():
            own = table[table["paradigm"] + ": " + table["parameter"] == name]
            for ax, column in zip(axes, ("sd of ranks over uniform", "known"), strict=True):
                ax.plot(
                    own["lessons"], own[column], pen.mark + "-", color=pen.color, markersize=5, label=name
                )
        axes[0].axhline(1.0, color=plot.PEOPLE, linewidth=0.9)
        axes[0].set(
            xlabel="people whom it has seen [number]", ylabel="sd of the truth's ranks over uniform [ratio]"
        )
        axes[1].set(
            xlabel="people whom it has seen [number]",
            ylabel="known: 1 - sd of posterior over prior [share]",
            ylim=(0, 1),
        )
        for ax in axes:
            plot.by_factors(ax.xaxis)
        last = table[table["lessons"] == max(LESSONS)]
        fair = f"{int((last['p'] > 0.01).sum())} of {len(last)}"
        title = f"Learnt posteriors: after {max(LESSONS):,} people {fair} parameters are calibrated"
        return plot.finish(figure, axes[:1], title)


def main() -> None:
    """All of them, written and drawn."""
    asked = program.asked(__doc__, __file__, people=2000, options=OPTIONS)
    every = [(name, n) for name in ASKED for n in LESSONS]
    with tqdm(every, desc="learn", disable=None) as bar:
        table = pd.concat([ask(name, n, asked) for name, n in bar], ignore_index=True)
    columns = [
        "paradigm",
        "parameter",
        "lessons",
        "replications",
        "p",
        "mean rank",
        "sd of ranks over uniform",
        "known",
    ]
    fair = table.assign(fair=table["p"] > 0.01).groupby("lessons")["fair"].agg(["sum", "size"])
    worst = table.groupby("lessons")["sd of ranks over uniform"].agg(
        lambda s: s.iloc[np.argmax(np.abs(s - 1))]
    )
    lines = [
        f"{n:,} people seen: {int(fair.loc[n, 'sum'])} of {int(fair.loc[n, 'size'])} parameters calibrated "
        f"(chi-square of the ranks of {asked.people:,} others, p > .01); "
        f"ranks spread at worst {worst[n]:.2f} times as far as they should"
        for n in LESSONS
    ]
    files.write_text(asked.out / "findings.txt", "\n".join(lines) + "\n")
    last = table[table["lessons"] == max(LESSONS)]
    text = (
        f"Of posteriors learnt from {max(LESSONS):,} people, {program.share(int((last['p'] > 0.01).sum()), len(last))} "
        f"are calibrated by {asked.people:,} others; the ranks of the truth spread {last[columns[6]].min():.2f} to "
        f"{last[columns[6]].max():.2f} times as far as they should"
    )
    asked.keep(text, {"table": table[columns]}, draw(table), *lines)


if __name__ == "__main__":
    program.run(main)
