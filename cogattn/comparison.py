"""The main comparison: people, a network under human limits, and the same network with plain softmax attention.

Whole and partial report on the same displays of real digits, the same draws. A fourth line, `mind alone`, is the
same people without a network: what separates it from the limited network is the network's own reading errors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from cogattn import files, human, plot, results
from cogattn.experiment import Plan, Progress, check, digest, execute_all, make_plan, run_folder
from cogattn.observer import Observer, Population
from cogattn.results import Trials

if TYPE_CHECKING:
    from matplotlib.figure import Figure


PARADIGMS = ("whole_report", "partial_report")
ALONE = "mind alone"


@dataclass(frozen=True)
class Comparison:
    """What `compare` found: a run per paradigm, with the network and with the mind alone."""

    runs: dict[str, Trials]
    folder: Path | None = None

    @property
    def model(self) -> str:
        """The network that took the tasks."""
        return str(self.runs[PARADIGMS[0]].config["model"])

    def frame(self, paradigm: str) -> pd.DataFrame:
        """All arms of one paradigm; the mind without a network is an arm of its own name."""
        alone = self.runs[f"{paradigm}_{ALONE}".replace(" ", "_")].frame.assign(arm=ALONE)
        return pd.concat([self.runs[paradigm].frame, alone], ignore_index=True)

    def table(self) -> pd.DataFrame:
        """A row per condition: people, their band, each arm's mean and its spread between people."""
        parts = []
        for paradigm in PARADIGMS:
            trials = replace(self.runs[paradigm], frame=self.frame(paradigm))
            wide = trials.summary().pivot_table(
                index=["metric", "condition"], columns="arm", values="model", sort=False
            )
            fixed = (
                trials.summary()
                .groupby(["metric", "condition"], sort=False)[["human", "low", "high"]]
                .first()
            )
            fixed.columns = ["people", "low", "high"]
            account = trials.summary().query("arm == 'human'").set_index(["metric", "condition"])
            table = fixed.join(wide.add_prefix("arm "))
            for arm in ("human", "softmax"):
                table[f"{arm} inside"] = human.inside(table[f"arm {arm}"], table["low"], table["high"])
            table = table.join(account[list(results.ACCOUNT)]).reset_index()
            parts.append(table.assign(paradigm=paradigm).drop(columns="condition"))
        out = pd.concat(parts, ignore_index=True)
        return out[["paradigm", *(c for c in out.columns if c != "paradigm")]]

    def misread(self) -> float:
        """Share of what the limited network answers that it answers wrong: its own reading errors."""
        whole = self.runs[PARADIGMS[0]].frame.query("arm == 'human'")
        return 1.0 - float(whole["score"].sum() / max(1, whole["answered"].sum()))

    def ceiling(self) -> float:
        """The least share of targets that the softmax arm reports, over all conditions."""
        frames = [self.runs[p].frame.query("arm == 'softmax'") for p in PARADIGMS]
        shares = [f.groupby(["exposure", "distractors"])[["score", "arrived"]].sum() for f in frames]
        return float(min((s["score"] / s["arrived"]).min() for s in shares))

    def words(self) -> list[str]:
        """What was found, in three sentences."""
        table = self.table()
        inside, known = int(table["human inside"].sum()), int(table["human inside"].notna().sum())
        soft = int(table["softmax inside"].sum())
        gap = self._gap()
        return [
            f"Under human limits the network is inside {inside} of {known} human bands; "
            f"with plain softmax attention inside {soft}.",
            f"Softmax reports at least {self.ceiling():.1%} of the targets in every condition: its ceiling.",
            f"The limited network misreads {self.misread():.1%} of what its mind hands it; "
            f"else it is the mind alone (largest difference {gap:.2f} letters).",
        ]

    def _gap(self) -> float:
        table = self.table()
        return float((table["arm human"] - table[f"arm {ALONE}"]).abs().max())

    def plot(self) -> Figure:
        """Both curves over the human data, the misfit below them."""
        labels = {
            "human": f"{self.model}, human limits",
            "softmax": f"{self.model}, plain softmax",
            ALONE: "the mind alone",
        }
        with plot.style() as plt:
            figure, axes = plt.subplots(
                2, 2, figsize=(9.6, 5.0), height_ratios=[5, 1], width_ratios=[3, 2], sharex="col"
            )
            for column, paradigm in enumerate(PARADIGMS):
                trials = self.runs[paradigm]
                trials.paradigm.figure(self.frame(paradigm), axes[:, column])
                top = axes[0, column]
                handles, names = top.get_legend_handles_labels()
                top.get_legend().remove()
                top.set_title(trials.paradigm.title)
            names = [labels.get(n, n) for n in names]
            figure.legend(handles, names, loc="outside lower center", ncols=4)
            inside = self.table()["human inside"]
            figure.suptitle(
                f"Limits make the network human: inside {int(inside.sum())} of {int(inside.notna().sum())} "
                f"human bands; plain softmax in {int(self.table()['softmax inside'].sum())}",
                x=0.01,
                ha="left",
                fontweight="bold",
            )
            return figure

    def save(self, folder: Path) -> Path:
        """The table, the figure and, last, done.json; the runs have folders of their own in it."""
        files.write_table(folder / "summary.csv", self.table())
        files.write_text(folder / "findings.txt", "\n".join(self.words()) + "\n")
        figure = self.plot()
        plot.save(figure, folder / "figures", "compare")
        plot.close(figure)
        files.write_json(folder / "done.json", {"runs": sorted(self.runs)})
        return folder


def compare(
    model: str = "digit_reader",
    people: int = 50,
    trials: int = 100,
    seed: int = 0,
    n_jobs: int = 1,
    device: str = "auto",
    *,
    observer: Observer | None = None,
    population: Population | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> Comparison:
    """Play whole and partial report with the network under limits, without, and with the mind alone."""
    plans: dict[str, Plan] = {}
    for paradigm in PARADIGMS:
        shared = (people, trials, seed, observer, population)
        plans[paradigm] = make_plan(paradigm, ("human", "softmax"), model, *shared)
        plans[f"{paradigm}_{ALONE}".replace(" ", "_")] = make_plan(paradigm, ("human",), None, *shared)
    check(plans.values(), n_jobs, device)
    config = {name: digest(plan.config()) for name, plan in plans.items()}
    folder = None if out is None else run_folder(Path(out), "compare", config, resume)
    done = Comparison(execute_all(plans, folder, n_jobs, device, progress), folder)
    if folder is not None:
        done.save(folder)
    return done
