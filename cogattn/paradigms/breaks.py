"""Breaks: twenty minutes of a simple watch, a pause, and five minutes more. What does the pause give back?

Rest restores more than another task, which restores more than more of the same (Helton & Russell 2015, Cognition
134:165; 2017, Hum Factors 59:91); that a longer break gives back more is assumed. No human table is shipped. Task
constants: a stimulus every 3 s; the other task has four equally likely responses (monotony .25, demand 1.25).

What fails: Softmax attention never tires, so there is nothing to give back. The order of the kinds of break is what
was reported; how much a break restores hangs on assumed constants of recovery, and there are no people to hold it
against.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cogattn.errors import number, whole
from cogattn.laws import alertness
from cogattn.paradigms.base import Condition, Levels, Metric, Pace, curve, pens_of
from cogattn.paradigms.report import series
from cogattn.paradigms.session import DISCRIMINATION, Array, SessionParadigm, SessionRecord, lapsed
from cogattn.view import plot
from cogattn.view.drawn import Drawn
from cogattn.world.session import Session
from cogattn.world.stream import Stimulus, Task, TaskStream

KINDS = ("rest", "other task", "same task")
_PACE = 3.0
_ANSWER = 2.0
_TASK = Task("press", monotony=alertness.monotony([1.0]), response="simple")
_OTHER = alertness.load(DISCRIMINATION, alertness.monotony([0.25] * 4))


@dataclass(frozen=True)
class Breaks(SessionParadigm):
    """Options: minutes of work before and after, lengths of the break [s], kinds (0 rest, 1 other task, 2 same
    task)."""

    before: int = 20
    after: int = 5
    lengths: tuple[float, ...] = (0.0, 60.0, 300.0, 600.0)
    kinds: tuple[int, ...] = (0, 1, 2)

    name = "breaks"
    banded = False
    title = "Breaks"
    question = "Twenty minutes of watching, a pause, five minutes more. What does the pause give back?"
    shown_pace = (Pace(2, 1), Pace(6, 1))
    source = "Helton & Russell 2015, Cognition 134:165 (published summary; no table of people is shipped)"
    condition_columns = ("length", "kind")
    levels: ClassVar[Levels] = {"kind": {word: i for i, word in enumerate(KINDS)}}
    drawn_from = ("person", "length", "kind", "block", "correct", "rt")

    def __post_init__(self) -> None:
        whole("before", self.before, least=5, most=600)
        whole("after", self.after, least=5, most=600)
        for name in ("lengths", "kinds"):
            object.__setattr__(self, name, series(name, getattr(self, name)))
        for length in self.lengths:
            number("each of lengths", length, least=0, most=86400, unit="s")
        for kind in self.kinds:
            whole("each of kinds", kind, most=2)

    def conditions(self) -> list[Condition]:
        """Every length with every kind."""
        return [{"length": float(n), "kind": k} for k in self.kinds for n in self.lengths]

    def length(self, condition: Condition) -> int:
        """Trials before and after."""
        return int((self.before + self.after) * 60 / _PACE)

    def session(self, condition: Condition, keys: Array) -> Session:
        """A steady pace, once interrupted."""
        n = self.length(condition)
        rest, loads = np.zeros(n), np.zeros(n)
        first = int(self.before * 60 / _PACE)
        rest[first] = condition["length"]
        loads[first] = (0.0, _OTHER, _TASK.load)[int(condition["kind"])]
        stream = TaskStream((Stimulus("dot", task="press"),), end=_ANSWER, tasks=(_TASK,))
        return Session((stream,), np.zeros(n, np.int64), np.full(n, _PACE - _ANSWER), rest, loads)

    def score_session(self, condition: Condition, session: Session, seen: SessionRecord) -> dict[str, Array]:
        """Adds whether a trial came after the break, and its minute counted from the break's end."""
        out = super().score_session(condition, session, seen)
        n, first = seen.rt.shape[1], int(self.before * 60 / _PACE)
        minute = (np.arange(n) - first) * _PACE // 60
        return out | {"block": np.broadcast_to(minute.astype(np.int64), seen.rt.shape)}

    def metrics(self, frame: pd.DataFrame) -> list[Metric]:
        """Speed regained: five minutes after the break less the five before it; 0 = all that was lost stays lost."""
        table = regained(frame)
        return [
            Metric(self.title, f"speed regained by {length:g} s of {KINDS[int(kind)]}",
                   f"length={length:g}, kind={kind}", float(value), np.nan,
                   {"length": length, "kind": kind})
            for (length, kind), value in table.items()
        ]  # fmt: skip

    def human(self) -> pd.DataFrame:
        """None is shipped: an empty table."""
        return pd.DataFrame({"length": [], "kind": [], "mean": [], "sd": [], "n": []})

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """Speed regained over the length of the break, a panel for each of its kinds."""
        table, known = regained_by_person(frame), pens_of(frame)

        def panel(ax: Any, kind: int) -> None:
            own = table[table["kind"] == kind].assign(minutes=table["length"] / 60)
            label = "length of the break [min]"
            curve(ax, own, "regained", "minutes", known, xlabel=label, title=KINDS[kind])
            ax.axhline(0, color=plot.PEOPLE, linewidth=0.8)
            if kind == self.kinds[0]:
                ax.set(ylabel="speed regained [1/s]")

        draws = [partial(panel, kind=kind) for kind in self.kinds]
        size = (max(6.4, 1.2 + 2.9 * len(draws)), 4.2)
        return Drawn.of(self.finding(frame), draws, size=size, how={"sharey": True})

    def finding(self, frame: pd.DataFrame) -> str:
        """What was found, in a line, from the numbers themselves."""
        arm = frame["arm"].iloc[0]
        table = regained(frame[frame["arm"] == arm])
        longest = max(self.lengths)
        parts = ", ".join(f"{KINDS[k]} {table[(longest, k)]:+.3f}" for k in self.kinds)
        return f"Speed regained ({arm}) by {longest / 60:g} min [1/s]: {parts}"


def regained_by_person(frame: pd.DataFrame) -> pd.DataFrame:
    """`regained` of each person under each arm (column regained)."""
    keys = ["arm", "person"]
    parts = {key: regained(own) for key, own in frame.groupby(keys, sort=False)}
    return pd.concat(parts, names=keys).rename("regained").reset_index()


def regained(frame: pd.DataFrame) -> pd.Series:
    """Mean speed (lapses of attention count as they fall) of the five minutes after less the five before, by
    condition."""
    f = frame.assign(speed=1 / frame["rt"].where(frame["rt"] >= 0.1), lapse=lapsed(frame))
    f = f[(f["block"] >= -5) & (f["block"] < 5)]
    means = f.assign(late=f["block"] >= 0).groupby(["length", "kind", "late"])["speed"].mean().unstack()
    return means[True] - means[False]
