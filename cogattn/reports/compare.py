"""The main comparison: a network under human limits, the same network with plain softmax attention, and people.

The same trials, the same draws; only the limits differ. A network that looks at pixels (the seer, which is taken if
nobody names another) takes reports, search and flankers on rendered displays, and an hour's watch; a reader of displays
takes whole and partial report, a judge of sequences n-back, and a specialist its own task. Where the mind can answer
without a network a further line, `mind alone`, is the same people without one: what separates it from the limited
network is what the network sees.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from cogattn import human, notebook
from cogattn.errors import doors
from cogattn.nn.networks.registry import find, is_judge, is_specialist, looks
from cogattn.notebook import Progress
from cogattn.observer import Observer
from cogattn.paradigms import NetworkTask, registry
from cogattn.population import Population
from cogattn.runs import trials as results
from cogattn.runs.experiment import RunPlan, check, execute_all, make_plan, run_folder
from cogattn.runs.trials import Trials
from cogattn.view import plot
from cogattn.view.result import Files, Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure


#: The tasks of a reader of displays, and of a judge of sequences.
DISPLAYS, SEQUENCES = (registry.where(compared=True, pictures=p) for p in ("display", "sequence"))
#: People if nobody says how many; before pixels, which take longer to draw and to look at, fewer.
MANY, FEW = 50, 10
ALONE = "mind alone"
_TAIL = "_mind_alone"


@dataclass(frozen=True)
class Comparison(Result):
    """What `compare` found: a run per task, with the network and (`mind alone`) without."""

    runs: dict[str, Trials]
    folder: Path | None = None

    @property
    def tasks(self) -> list[str]:
        """The tasks that were taken."""
        return [name for name in self.runs if not name.endswith(_TAIL)]

    @property
    def model(self) -> str:
        """The network that took them."""
        return Path(str(self.runs[self.tasks[0]].config["model"])).stem

    @property
    def displays(self) -> bool:
        """Did it read displays?"""
        return self.tasks == DISPLAYS

    @property
    def by_sight(self) -> bool:
        """Did it look at pixels?"""
        return self.tasks == seen()

    def frame(self, task: str) -> pd.DataFrame:
        """All arms of one task; the mind without a network is an arm of its own name."""
        frames = [self.runs[task].frame]
        if task + _TAIL in self.runs:
            frames.append(self.runs[task + _TAIL].frame.assign(arm=ALONE))
        return pd.concat(frames, ignore_index=True)

    def table(self) -> pd.DataFrame:
        """A row per condition: people, their band, each arm's mean and its spread between people."""
        return self._table.copy()

    @cached_property
    def _table(self) -> pd.DataFrame:
        """Made once: words, figure and files are all made of it."""
        parts = []
        for paradigm in self.tasks:
            run = self.runs[paradigm]
            task, frame = run.paradigm.as_far_as_people(self.frame(paradigm))
            told = replace(run, paradigm=task, frame=frame).summary()
            wide = told.pivot_table(index=["metric", "condition"], columns="arm", values="model", sort=False)
            fixed = told.groupby(["metric", "condition"], sort=False)[["human", "low", "high"]].first()
            fixed.columns = ["people", "low", "high"]
            account = told.query("arm == 'human'").set_index(["metric", "condition"])
            table = fixed.join(wide.add_prefix("arm "))
            for arm in ("human", "softmax"):
                table[f"{arm} inside"] = human.inside(table[f"arm {arm}"], table["low"], table["high"])
            table = table.join(account[list(results.ACCOUNT)]).reset_index()
            parts.append(table.assign(paradigm=paradigm).drop(columns="condition"))
        out = pd.concat(parts, ignore_index=True)
        return out[["paradigm", *(c for c in out.columns if c != "paradigm")]]

    def misread(self) -> float:
        """Share of what the limited network answers that it answers wrong: its own reading errors."""
        whole = self.runs[DISPLAYS[0]].frame.query("arm == 'human'")
        return 1.0 - float(whole["score"].sum() / max(1, whole["answered"].sum()))

    def ceiling(self) -> float:
        """The least share of targets that the softmax arm reports, over all conditions."""
        frames = [self.runs[p].frame.query("arm == 'softmax'") for p in DISPLAYS]
        shares = [f.groupby(["exposure", "distractors"])[["score", "arrived"]].sum() for f in frames]
        return float(min((s["score"] / s["arrived"]).min() for s in shares))

    def findings(self) -> list[str]:
        """What was found, in a few sentences."""
        table = self.table()
        inside, known = int(table["human inside"].sum()), int(table["human inside"].notna().sum())
        if not known:
            return self._ends(table)
        found = [
            f"Under human limits the network is inside {inside} of {known} human bands; "
            f"without limits (arm softmax) inside {int(table['softmax inside'].sum())}."
        ]
        if self.by_sight:
            return [*found, *self._by_looking(table)]
        gap = (table["arm human"] - table[f"arm {ALONE}"]).abs().max()
        if not self.displays:
            return [*found, f"The limited network is the mind alone, but for {gap:.2f} at most."]
        return [
            *found,
            f"Softmax reports at least {self.ceiling():.1%} of the targets in every condition: its ceiling.",
            f"The limited network misreads {self.misread():.1%} of what its mind hands it; "
            f"else it is the mind alone (largest difference {gap:.2f} letters).",
        ]

    def _by_looking(self, table: pd.DataFrame) -> list[str]:
        """What a network that looks at pixels does in each of its tasks."""
        alone = human.inside(table[f"arm {ALONE}"], table["low"], table["high"])
        stream = self.tasks[-1]
        watch: Any = self.runs[stream].paradigm
        return [
            f"The same minds without the network are inside {int(alone.sum())} of them.",
            f"Letters in a flash: without limits it reports at least {self.ceiling():.1%} of the targets in every "
            f"condition; under limits it misreads {self.misread():.1%} of what its mind holds.",
            f"An hour's stream. {watch.finding(self.frame(stream))}.",
        ]

    def _ends(self, table: pd.DataFrame) -> list[str]:
        """Without a table of people: what limits cost at either end of what varies."""
        ends = [table.iloc[i] for i in (0, -1)]
        return [
            f"{row['metric']}: {row['arm human']:.2f} under human limits, {row['arm softmax']:.2f} without."
            for row in ends
        ]

    def plot(self) -> Figure:
        """The curves over the human data where there are any; for displays the misfit below them."""
        names = {
            "human": f"{self.model}, human limits",
            "softmax": f"{self.model}, no limits" + (" (takes no time)" if self.by_sight else ""),
            ALONE: "the same minds, no network",
        }
        figure = self._seen() if self.by_sight else self._displays() if self.displays else self._single()
        for common in list(figure.legends):
            common.remove()
        with plot.style():
            table, title = self.table(), figure.get_suptitle().replace("\n", " ")
            known = int(table["human inside"].notna().sum())
            if known:
                inside, free = (int(table[f"{arm} inside"].sum()) for arm in ("human", "softmax"))
                title = (
                    f"A network that looks at pixels: inside {inside} of {known} human bands with human limits, "
                    f"{free} without"
                    if self.by_sight
                    else f"Limits make the network human: inside {inside} of {known} human bands; "
                    f"without them in {free}"
                )
            return plot.finish(figure, figure.axes, title, names)

    def _displays(self) -> Figure:
        with plot.style() as plt:
            figure, axes = plt.subplots(
                2, 2, figsize=(9.6, 5.0), height_ratios=[5, 1], width_ratios=[3, 2], sharex="col"
            )
            for column, task in enumerate(self.tasks):
                paradigm = self.runs[task].paradigm
                paradigm.figure(self.frame(task), axes[:, column])
                axes[0, column].set_title(paradigm.title)
            return figure

    def _seen(self) -> Figure:
        """A panel of each task that has a title: four. The table has all of them."""
        shown = [self.runs[task].paradigm for task in self.tasks]
        shown = [paradigm for paradigm in shown if paradigm.sight.title]
        with plot.style() as plt:
            figure, axes = plt.subplots(2, 2, figsize=(9.6, 7.2))
            for paradigm, ax in zip(shown, axes.flat, strict=True):
                frame, sight = self.frame(paradigm.name), paradigm.sight
                for column, value in sight.only.items():
                    frame = frame[frame[column] == value]
                paradigm.drawn(frame).sheets[sight.panel].on(ax)
                ax.set(xlabel=sight.along)
                ax.set_title(sight.title, loc="left")
            return figure

    def _single(self) -> Figure:
        (task,) = self.tasks
        return self.runs[task].paradigm.figure(self.frame(task))

    def heading(self) -> str:
        """Who is compared."""
        return f"{self.model} under human limits, without, and people"

    def files(self) -> Files:
        """The table; the runs have folders of their own in it."""
        return {"summary.csv": self.table()}

    def figures(self) -> Iterator[tuple[str, Figure]]:
        """The tasks beside each other."""
        yield "figures/compare", self.plot()

    def done(self) -> dict[str, Any]:
        """Which runs there are."""
        return {"runs": sorted(self.runs)}


def seen() -> list[str]:
    """The tasks of a network that looks at pixels: letters in a flash, displays that stay until answered, a stream."""
    found = {n: e.says.get("looked_at", 0) for n, e in registry.entries().items()}
    return sorted((n for n, place in found.items() if place), key=lambda n: found[n])


def compare(
    model: str = "seer",
    people: int | None = None,
    trials: int | None = None,
    seed: int = 0,
    n_jobs: int = 1,
    device: str = "auto",
    *,
    observer: Observer | None = None,
    population: Population | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    progress: Progress | bool | None = None,
) -> Comparison:
    """Let the network take its tasks under limits and without, and the mind alone where it can answer by itself.

    `people=None`: 50, and 10 where the network looks at pixels. `trials=None`: as many as is usual for each task; of a
    network that looks at pixels 20 displays of each report (search, flankers and the hour's watch are taken once).

    >>> compare("digit_reader", people=2, trials=2).tasks
    ['whole_report', 'partial_report']
    """
    plans = _plans(model, people, trials, seed, observer, population)
    check(plans.values(), n_jobs, device)
    config = {name: plan.config() for name, plan in plans.items()}
    folder = None if out is None else run_folder(Path(out), "compare", config, resume)
    tick = notebook.ticker(progress, "compare")
    done = Comparison(execute_all(plans, folder, n_jobs, device, tick), folder)
    if folder is not None:
        done.save(folder)
    return done


def _plans(
    model: str,
    people: int | None,
    trials: int | None,
    seed: int,
    observer: Observer | None,
    population: Population | None,
) -> dict[str, RunPlan]:
    """What a network of this kind takes."""
    network = find(model, "cpu")
    pixels = looks(network)
    people = (FEW if pixels else MANY) if people is None else people
    shared = (people, trials, seed, observer, population)
    if is_specialist(network):
        return {NetworkTask.name: make_plan(NetworkTask.name, ("human", "softmax"), model, *shared)}
    plans: dict[str, RunPlan] = {}
    if pixels:
        for name in seen():
            sight = registry.known(name).sight
            own = trials if trials is not None and not sight.options else sight.trials
            asked = registry.make(name, sight.options)
            plans[name] = make_plan(asked, ("human", "softmax"), model, people, own, *shared[2:])
            plans[name + _TAIL] = make_plan(asked, ("human",), None, people, own, *shared[2:])
        return plans
    for task in SEQUENCES if is_judge(network) else DISPLAYS:
        plans[task] = make_plan(task, ("human", "softmax"), model, *shared)
        plans[task + _TAIL] = make_plan(task, ("human",), None, *shared)
    return plans


doors(__name__, "compare", first=True)
