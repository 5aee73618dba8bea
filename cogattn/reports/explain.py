"""Which element got how much attention, and when: one trial of a run with a network, human beside softmax.

The trial is played again (the same draws give the same events); then each arm's network is asked how it shared its
attention out among the elements (`allocate`), through the gate that the mind left it. A reader that cannot say so is
taken at its own logits: softmax over the elements that its gate leaves open.

>>> from cogattn.runs.experiment import run
>>> told = explain(run("partial_report", model="digit_reader", people=2, trials=3), condition=1, person=1, trial=2)
>>> told.frame.groupby("arm")["allocation"].sum().round(6).tolist()
[1.0, 1.0]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import fill, shorten
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cogattn.errors import InputError, doors, own_file, whole
from cogattn.observer import limits_of
from cogattn.paradigms import NetworkTask
from cogattn.runs.experiment import Cell, RunPlan, model_of, plan_of, play_again, world_of
from cogattn.runs.trials import Trials
from cogattn.view import plot
from cogattn.view.result import Files, Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 5000  #: trials of one arm that are explained at once


@dataclass(frozen=True)
class Explanation(Result):
    """What `explain` found: a row per arm, person, trial and element."""

    frame: pd.DataFrame
    """arm, person, trial, element, name, logit, allocation, held, encoded [s], left [s] (missing = never)"""
    title: str
    shown: tuple[int, int]  #: the person and the trial that the figure shows
    end: float  #: s, of a trial
    pictures: npt.NDArray[Any] | None = None  #: (elements, h, w[, 3]) of that trial, if they are pictures

    def one(self, arm: str) -> pd.DataFrame:
        """The trial that is shown, in one arm."""
        f, (person, trial) = self.frame, self.shown
        return f[(f["arm"] == arm) & (f["person"] == person) & (f["trial"] == trial)]

    def table(self) -> pd.DataFrame:
        """The trial that is shown, in every arm."""
        return pd.concat([self.one(arm) for arm in self.arms], ignore_index=True)

    @property
    def arms(self) -> list[str]:
        """The arms, in the order of the run."""
        return list(dict.fromkeys(self.frame["arm"]))

    def findings(self) -> list[str]:
        """What was found, in a line."""
        parts = []
        for arm in self.arms:
            rows = self.one(arm)
            top = rows.loc[rows["allocation"].idxmax()]
            parts.append(
                f"{arm} holds {int(rows['held'].sum())} of {len(rows)} and gives "
                f"{top['allocation']:.0%} to “{shorten(top['name'], 40)}”"
            )
        return [f"{self.title}: {'; '.join(parts)}."]

    def heading(self) -> str:
        """Which trial it is."""
        return f"{self.title}: person {self.shown[0]}, trial {self.shown[1]}"

    def plot(self) -> Figure:
        """Elements from top to bottom, a column per arm (the darker, the more attention); then when each was held."""
        arms, n = self.arms, len(self.one(self.arms[0]))
        longest = int(self.one(arms[0])["name"].str.len().max())
        wide = min(5.2, 1.4 + 0.075 * longest)
        with plot.style() as plt:
            size = (wide * len(arms) + 3.2, 1.5 + 0.42 * n)
            ratios = [wide] * len(arms) + [2.8]
            figure, axes = plt.subplots(1, len(arms) + 1, figsize=size, width_ratios=ratios)
            for ax, arm in zip(axes, arms, strict=False):
                self._heat(ax, arm, wide)
            self._times(axes[-1], arms[0])
            figure.suptitle(
                plot.evenly(self.findings()[0], int(13 * size[0])), x=0.01, ha="left", fontsize=11
            )
            return figure

    def _heat(self, ax: Any, arm: str, wide: float) -> None:
        """One arm's attention: a cell per element, its name or picture, and its share."""
        rows, most = self.one(arm), max(self.one(a)["allocation"].max() for a in self.arms)
        for y, (name, share) in enumerate(zip(rows["name"], rows["allocation"], strict=True)):
            depth = share / max(most, 1e-9)
            ax.barh(y, 1, height=0.92, color="#0072B2", alpha=0.04 + 0.86 * depth, linewidth=0)
            ink = "#FFFFFF" if depth > 0.55 else plot.PEOPLE
            left = 0.02
            if self.pictures is not None:
                side = 0.42 * 0.84 / wide  # as wide as it is high
                box = (left, left + side, y + 0.42, y - 0.42)
                ax.imshow(self.pictures[y], extent=box, aspect="auto", cmap="gray", vmin=0, vmax=1, zorder=3)
                left += side + 0.03
            ax.text(left, y, fill(name, 66), ha="left", va="center", color=ink, fontsize=7.5)
            ax.text(0.98, y, f"{share:.2f}", ha="right", va="center", color=ink, fontsize=8)
        ax.set(title=arm, xticks=[], yticks=[], xlim=(0, 1), ylim=(len(rows) - 0.5, -0.5))
        ax.grid(visible=False)

    def _times(self, ax: Any, arm: str) -> None:
        """When the mind held each element: blue what it still holds at the end, grey what it lost."""
        rows = self.one(arm)
        for y, (came, left, held) in enumerate(zip(rows["encoded"], rows["left"], rows["held"], strict=True)):
            if np.isfinite(came):
                until = left if np.isfinite(left) else self.end
                ax.barh(y, until - came, left=came, height=0.5, color="#0072B2" if held else "#BBBBBB")
        ax.set(title=f"when it was held ({arm})", xlabel="time [s]", xlim=(0, self.end), yticks=[])
        ax.set_ylim(len(rows) - 0.5, -0.5)

    def files(self) -> Files:
        """The trial that is shown, and all that were explained."""
        return {"shown.csv": self.table(), "explained.parquet": self.frame}

    def figures(self) -> Iterator[tuple[str, Figure]]:
        """The heat map."""
        yield "explained", self.plot()


def explain(
    trials: Trials, condition: int = 0, person: int = 0, trial: int = 0, *, everybody: bool = False
) -> Explanation:
    """How each arm of a run shared its attention out in one trial (`everybody`: in all trials of the condition).

    >>> from cogattn import run
    >>> trials = run("partial_report", model="digit_reader", people=1, trials=1)
    >>> explain(trials).arms
    ['human', 'softmax']
    """
    plan = plan_of(trials)
    if plan.model is None or plan.paradigm.sessions:
        raise InputError(
            "explain needs a run of single displays or of an own task, with a network (--model); "
            "the events of a mind or of a session are shown by: cogattn trace RUN"
        )
    conditions = plan.paradigm.conditions()
    cells = [
        Cell(arm, conditions[whole("condition", condition, most=len(conditions) - 1)]) for arm in plan.arms
    ]
    whole("person", person, most=plan.people - 1)
    whole("trial", trial, most=plan.trials - 1)
    who, which = np.array([person]), np.array([trial])
    if everybody:
        if plan.people * plan.trials > MOST:
            raise InputError(f"people x trials must be <= {MOST}, got {plan.people} x {plan.trials}")
        who, which = (a.ravel() for a in np.indices((plan.people, plan.trials)))
    row = int(np.flatnonzero((who == person) & (which == trial))[0])
    network = model_of(plan, "auto")
    told = [_told(plan, cell, network, who, which, row) for cell in cells]
    pictures = told[0][1]
    words = ", ".join(f"{column} {value:.4g}" for column, value in cells[0].condition.items())
    title = plan.paradigm.asked.title if isinstance(plan.paradigm, NetworkTask) else plan.paradigm.title
    frame = pd.concat([table for table, _ in told], ignore_index=True)
    end = world_of(plan, cells[0].condition, network).end
    return Explanation(frame, f"{title} ({words})", (person, trial), end, pictures)


@own_file()
def _told(
    plan: RunPlan, cell: Cell, network: Any, who: npt.NDArray[Any], which: npt.NDArray[Any], row: int
) -> tuple[pd.DataFrame, npt.NDArray[Any] | None]:
    """One arm: the table of these trials, and the pictures of the row that is shown."""
    limits = limits_of(cell.arm)
    minds = plan.crowd().under(limits)
    batch, out = play_again(plan, cell, minds, network, who, which, details=True)
    assert batch is not None
    assert out.element_times is not None
    stream, n = world_of(plan, cell.condition, network), batch.here.shape[1]
    named = [batch.elements(i, stream.names) for i in range(len(who))]
    columns = {
        "person": np.repeat(who, n),
        "trial": np.repeat(which, n),
        "element": np.tile(np.arange(n), len(who)),
        "name": [name for names, _ in named for name in names],
        "logit": batch.logits.ravel(),
        "allocation": batch.allocation(out, bool(limits)).ravel(),
        "held": out.stored.ravel(),
        "encoded": out.element_times.encoded.ravel(),
        "left": out.element_times.left.ravel(),
    }
    table = pd.DataFrame({"arm": cell.arm, **columns})[batch.here.ravel()]
    pictures = named[row][1]
    return table, None if pictures is None else np.clip(pictures[batch.here[row]], 0, 1)


doors(__name__, "explain")
