"""A network's own task: what it was made for, taken by people's minds with the network behind them.

The elements of a trial (words, sentences, frames, patches) reach a mind as the specialist's own stream; the network's
logits are the weights of the race; what the mind holds is the gate through which the network answers. What varies and
what is measured is in the specialist's `TaskDesign`. There is no table of people: the task is the network's,
not a classic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cogattn._renamed import old_fields, old_names
from cogattn.errors import InputError, choice, shown
from cogattn.nn.networks.registry import Specialist, TaskDesign, find_specialist, named, vouched
from cogattn.paradigms.base import Answers, Condition, Metric, Paradigm, curve, pens_of
from cogattn.view import plot
from cogattn.view.drawn import Drawn
from cogattn.world.stream import TaskStream

_PLAIN = TaskDesign("A network's own task", "value", (0.0,), "value", "score")


@old_fields(exam="design")
@dataclass(frozen=True)
class NetworkTask(Paradigm):
    """Options: whose task (a name in models/ or a file), and its design; `NetworkTask.of` takes both from the network.

    >>> NetworkTask.of("sequence_scorer").model
    'sequence_scorer'
    """

    model: str = ""
    design: TaskDesign | Mapping[str, Any] = field(default=_PLAIN)

    name = "own_task"
    listed = 0
    title = "A network's own task"
    source = "the network's own file"
    condition_columns = ("value",)
    banded = False
    pictures = "own"

    def __post_init__(self) -> None:
        design = self.design
        if isinstance(design, Mapping):
            for word in design:
                choice("part of a task design", word, [f.name for f in fields(TaskDesign)])
            for part in fields(TaskDesign):
                if part.default is MISSING and part.name not in design:
                    raise InputError(f"a task design needs {part.name}, got {', '.join(design) or 'nothing'}")
            design = TaskDesign(**design)
        if not isinstance(design, TaskDesign):
            raise InputError(f"design must be a TaskDesign(...), got {shown(design)}")
        object.__setattr__(self, "design", design)
        object.__setattr__(self, "condition_columns", (design.column,))
        object.__setattr__(self, "usual_trials", design.trials)

    @classmethod
    def of(cls, model: str, values: tuple[float, ...] = ()) -> NetworkTask:
        """The task of this network, at these values of what varies (default: its own)."""
        named(model)
        design = find_specialist(model, "cpu").design
        return cls(model, TaskDesign(**{**asdict(design), "values": values or design.values}))

    @property
    def asked(self) -> TaskDesign:
        """The design, as what it is."""
        assert isinstance(self.design, TaskDesign)
        return self.design

    def options(self) -> dict[str, Any]:
        """The options as plain values, for TOML."""
        design = asdict(self.asked)
        return {"model": self.model, "design": design | {"values": list(design["values"])}}

    def conditions(self) -> list[Condition]:
        """One per value of what varies."""
        return [{self.asked.column: value} for value in self.asked.values]

    def value(self, condition: Condition) -> float:
        """What varies, in this condition."""
        return condition[self.asked.column]

    def stream(self, condition: Condition) -> TaskStream:
        """The world of one trial, as the network's file lays it out."""
        vouched(self.model)
        return find_specialist(self.model, "cpu").stream(self.value(condition))

    def columns(
        self, network: Specialist, display: Any, outcome: Any, here: npt.NDArray[np.bool_], limited: bool
    ) -> dict[str, npt.NDArray[Any]]:
        """Columns of the long table: what the network answers through the gate that the mind leaves.

        here: (trials, elements) which elements there are; outcome: `mind.cohort.Outcome`.
        """
        gate = self.gate(outcome) if limited else None
        answer = {name: np.asarray(x) for name, x in network.answer(display, gate).items()}
        n = len(here)
        for name, x in answer.items():
            if x.shape != (n,):
                raise InputError(
                    f"{network.name}.answer()[{name!r}] must be ({n},), one per trial, got {x.shape}"
                )
        if "score" not in answer:
            raise InputError(f"{network.name}.answer() must give score, it gives {', '.join(answer)}")
        held, late = outcome.stored & here, outcome.censored & here
        return {
            "correct": np.isclose(answer["score"].astype(float), self.asked.perfect),
            "arrived": here.sum(1),
            "answered": held.sum(1),
            "missed": here.sum(1) - held.sum(1) - late.sum(1),
            "censored": late.sum(1),
            **answer,
        }

    def gate(self, outcome: Any) -> Any:
        """What the mind leaves: what it holds at the end, or (`timed`) when it held each element."""
        from cogattn.nn.gate import GateState

        if not self.asked.timed:
            return GateState.from_events(outcome.stored, outcome.finish)
        came, left = (
            np.where(np.isnan(x), np.inf, x)
            for x in (outcome.element_times.encoded, outcome.element_times.left)
        )
        return GateState.from_numpy(t_on=came, t_off=left)

    def score(self, condition: Condition, answers: Answers) -> dict[str, npt.NDArray[Any]]:
        """An own task is scored by `columns`."""
        raise InputError("a network's own task needs its network: give model=")

    def metrics(self, frame: pd.DataFrame) -> list[Metric]:
        """The mean score at each value."""
        design = self.asked
        return [
            Metric(design.title, f"{design.measure} at {design.column} {at:g}", f"{design.column}={at:g}",
                   float(mean), np.nan, {design.column: at})
            for at, mean in frame.groupby(design.column)["score"].mean().items()
        ]  # fmt: skip

    def human(self) -> pd.DataFrame:
        """There is no table."""
        return pd.DataFrame(columns=[self.asked.column, "mean", "sd", "n"], dtype=float)

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """The score over what varies, a line per arm; dotted: the score of one who knows nothing."""
        design = self.asked

        def scores(ax: Any) -> None:
            curve(ax, frame, "score", design.column, pens_of(frame))
            if np.isfinite(design.chance):
                ax.axhline(
                    design.chance, color=plot.QUIET, linewidth=0.9, linestyle=":", label="knows nothing"
                )
            ax.set(xlabel=f"{design.label} [number]", ylabel=f"{design.measure} [score]")
            ax.set_xticks(sorted(frame[design.column].unique()))
            if design.perfect == 1.0:
                ax.set_ylim(min(0.0, float(frame["score"].min())), 1.05)

        return Drawn.of(self.finding(frame), [scores], size=(6.4, 4.8))

    def finding(self, frame: pd.DataFrame) -> str:
        """What was found, in a line, from the numbers themselves."""
        design = self.asked
        first, last = min(design.values), max(design.values)
        parts = []
        for arm, own in frame.groupby("arm", sort=False):
            mean = own.groupby(design.column)["score"].mean()
            parts.append(f"{arm} {mean[first]:.2f} -> {mean[last]:.2f}")
        return (
            f"{design.title}, {design.measure} from {first:g} to {last:g} {design.label}: {', '.join(parts)}"
        )


old_names(__name__, OwnTask="NetworkTask")
