"""Change detection: a few coloured squares, a pause, one square again: has it changed? Luck & Vogel 1997; here Rouder
et al. 2008, with 2, 5 and 8 squares.

Whoever holds the probed square knows; whoever does not, or was not minding, guesses:

    d = min(1, K / N),   hit = a (d + (1 - d) g) + (1 - a) g,   false alarm = a (1 - d) g + (1 - a) g

The store takes what the race brings, attention lapses as in any session. Task constants: 500 ms study, 1 s until the
probe, 1 s between trials. Guesses are as frequent as changes are, by who has the usual criterion; people's criteria are
those of `vigilance` (`divided.says_yes`): so they differ in false alarms as people do, which nobody fitted.

What fails: Plain softmax attention holds all squares and is always right. The mind is a little below people at 5
and 8 squares, inside the bands; it holds a square or does not, where people may hold some of them coarsely.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cogattn import human
from cogattn.errors import number, whole
from cogattn.laws import memory
from cogattn.paradigms.base import Condition, Law, Metric, Rival, pens_of
from cogattn.paradigms.divided import (
    DEMAND,
    MONOTONY,
    Divided,
    account,
    laid_out,
    says_yes,
)
from cogattn.paradigms.report import series
from cogattn.paradigms.scored import Scored, cells
from cogattn.paradigms.session import Array
from cogattn.view import plot
from cogattn.view.drawn import Drawn
from cogattn.world.session import Session
from cogattn.world.stream import Stimulus, Task, TaskStream

_UNTIL_PROBE = 1.0  # s


@dataclass(frozen=True)
class ChangeDetection(Divided):
    """Options: set sizes, share of trials that change, study time [s], trials per set size."""

    set_sizes: tuple[int, ...] = (2, 5, 8)
    change: float = 0.5
    study: float = 0.5
    trials: int = 60

    name = "change_detection"
    clues = (r"change ?detect\w*", "visual ?working")
    pixels = "squares"
    title = "Change detection"
    question = "A few coloured squares, a pause, one square again. Has it changed?"
    rivals: ClassVar[Mapping[str, Rival]] = {
        "no lapses": Rival(("slots", "guess"), held={"wandering": 0.0}),
        "lapses": Rival(("slots", "guess", "wandering")),
    }
    source = "Rouder et al. 2008, PNAS 105:5975 (23 adults)"
    condition_columns = ("set_size",)
    pictures = "display"

    def __post_init__(self) -> None:
        object.__setattr__(self, "set_sizes", series("set_sizes", self.set_sizes))
        for n in self.set_sizes:
            whole("set size", n, least=1, most=64)
        number("change", self.change, least=0, most=1)
        number("study", self.study, above=0, most=3600, unit="s")
        whole("trials", self.trials, least=1, most=100_000)

    @property
    def per_condition(self) -> int:
        """Trials per set size."""
        return self.trials

    def conditions(self) -> list[Condition]:
        """One per set size."""
        return [{"set_size": int(n)} for n in self.set_sizes]

    def trial(self, condition: Condition) -> TaskStream:
        """All squares at once; the first is the one that will be probed (all are alike to a mind)."""
        items = [Stimulus(f"s{i}", 0.0, self.study) for i in range(int(condition["set_size"]))]
        return TaskStream(
            tuple(items), end=self.study + _UNTIL_PROBE, tasks=(Task("report", 1.0, DEMAND, MONOTONY),)
        )

    def score_session(self, condition: Condition, session: Session, seen: Any) -> dict[str, Array]:
        """What is held is known; else a guess. A network that misread what it held says `changed`."""
        changed = laid_out(seen, 1)[..., 0] < self.change
        said = says_yes(seen, 1, self.change)[..., 0]
        if seen.read is None:
            knows = self.known(seen)[..., 0]
            says = np.where(knows, changed, said)
        else:
            read = seen.read[..., 0]
            knows = read >= 0
            says = np.where(read == 1, changed, np.where(read == 0, True, said))
        says = says ^ seen.slipped(1)[..., 0]
        out = account((says == changed).astype(int))
        return out | {"changed": changed, "says_changed": says, "known": knows, "response": _words(says)}

    def completed(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Whether the answer was right."""
        return frame.assign(correct=frame["changed"] == frame["says_changed"])

    def likelihood(self) -> Law:
        """What the store holds, and a guess."""
        return Law(
            "cogattn.tune.change_detection:ChangeDetectionLikelihood",
            {"study": self.study, "spacing": self.gap + self.study + 1.0},
        )

    def metrics(self, frame: pd.DataFrame) -> list[Metric]:
        """Accuracy by set size."""
        t = self.human().set_index("set_size")["mean"]
        means = frame.groupby("set_size")["correct"].mean()
        return [
            Metric(
                "change detection",
                f"accuracy {n} squares",
                f"set_size={n}",
                float(a),
                float(t.get(n, np.nan)) if self.as_people else np.nan,
                {"set_size": n},
            )
            for n, a in means.items()
        ]

    def scored(self) -> list[Scored]:
        """Hits, false alarms and Cowan's K, at each share of changes that people met."""
        return [one for share in (0.3, 0.5, 0.7) for one in self._at(share)]

    def _at(self, share: float) -> list[Scored]:
        """Those of one share of changes."""
        options = {} if share == self.change else {"change": share}

        def said(changed: bool) -> Any:
            return lambda f: cells(f[f["changed"] == changed], "says_changed", ["set_size"])

        def held(frame: pd.DataFrame) -> pd.DataFrame:
            return _cowan(frame).pivot_table(index="person", columns="set_size", values="K")

        def at(row: Mapping[str, str]) -> Any:
            return int(row["set_size"]) if float(row["p_change"]) == share else None

        measures = {"hits": said(True), "false alarms": said(False), "Cowan's K": held}
        return [Scored("change_detection", name, values, at, options) for name, values in measures.items()]

    def human(self) -> pd.DataFrame:
        """Accuracy by set size at this share of changes; sd between people."""
        t = human.table("change_detection")
        t = t[np.isclose(t["p_change"], self.change)]
        return pd.DataFrame(
            {
                "set_size": t["set_size"],
                "mean": t["acc"],
                "sd": t["acc_sd"],
                "n": t["n_sub"],
                "K": t["K_cowan"],
            }
        )

    @property
    def as_people(self) -> bool:
        """People saw the squares for half a second; the model's guesses match the share of changes."""
        return self.study == 0.5 and self.change == 0.5

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """Accuracy over set size, and the number of squares held (Cowan's K)."""
        t, known = self.human(), pens_of(frame)
        people = t.assign(mean=t["K"], sd=np.nan)
        size: dict[str, Any] = {"xlabel": "set size [squares]"}

        def accuracy(ax: Any) -> None:
            rows = frame.assign(right=frame["correct"].astype(float))
            words = {"ylabel": "accuracy [share right]", "ylim": (0.45, 1.03)}
            self.panel(ax, rows, "right", "set_size", known, t, **words, **size)
            ax.axhline(0.5, color=plot.QUIET, linewidth=0.8)

        def held(ax: Any) -> None:
            self.panel(
                ax, _cowan(frame), "K", "set_size", known, people, ylabel="Cowan's K [squares held]", **size
            )

        return self.sheets(frame, [accuracy, held])

    def finding(self, frame: pd.DataFrame) -> str:
        """What was found, in a line, from the numbers themselves."""
        last = frame["set_size"].max()
        held = _cowan(frame[frame["set_size"] == last]).groupby("arm", sort=False)["K"].mean()
        parts = ", ".join(f"{arm} {k:.1f}" for arm, k in held.items())
        return f"{self.title}: of {last} squares are held: {parts}"


def _words(says: Array) -> Array:
    return np.where(says, "changed", "same")


def _cowan(frame: pd.DataFrame) -> pd.DataFrame:
    """Cowan's K by person and set size."""
    rows = []
    for (arm, person, n), own in frame.groupby(["arm", "person", "set_size"], sort=False):
        yes = own.groupby("changed")["says_changed"].mean()
        rows.append((arm, person, n, memory.cowan(n, yes.get(True, np.nan), yes.get(False, np.nan))))
    return pd.DataFrame(rows, columns=["arm", "person", "set_size", "K"])
