"""Cued task switching: a cue says which of three tasks the stimulus asks for, and may change from trial to trial
(Meiran 1996; Logan & Bundesen 2003).

The stimulus is identified as the ink in `conflict.Stroop`, and its answer in another task pushes as a word does
there: in half of the trials it is another answer. There are two keys, as in `conflict.Simon`: the rest takes as long
as there. Before that the cue has to be read. A new cue takes longer than one that is still known, and a new task as
much longer again. All this can be done before the stimulus comes, if the cue is early enough:

    left over = max(0, cue + new x (0 the same cue, 1 a new cue, 2 a new task) - interval)

Human table: `human/task_switching_sro_retest.csv` (144 adults; keys and intervals from expfactory's
threebytwo/experiment.js). Task constants: the time for a cue, from the mean times at the short interval (100 ms),
which alone do not tell it from the rest; a step to what is new takes as long as attention needs to move in `ant`
(46 ms; by itself it would be 49). What is predicted: the long interval (900 ms), how much people differ, and all
accuracy.

What fails: Softmax attention has no response times. With a long interval a switch costs nothing, in people
39 ms: they do not prepare on every trial. People make more errors where the task is new; here they make as many.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cogattn import human
from cogattn.errors import number
from cogattn.paradigms.ant import AttentionNetworks
from cogattn.paradigms.base import Condition, Levels, pens_of
from cogattn.paradigms.conflict import HAND_SD, KINDS, Simon, Stroop, peak_of
from cogattn.paradigms.report import series
from cogattn.paradigms.scored import Scored, coded, speeded, times_and_errors
from cogattn.paradigms.selection import END, Selecting, beside, difference, mean_by, some, telling, timed
from cogattn.view.drawn import Drawn
from cogattn.world.stream import Stimulus, TaskStream

LEVELS = {"same cue": 0, "new cue": 1, "new task": 2}
_speaks = {kind: KINDS[kind] for kind in ("congruent", "incongruent")}
_words = dict(zip(("cue_stay", "cue_switch", "task_switch"), LEVELS.values(), strict=True))  # of the table


@dataclass(frozen=True)
class TaskSwitching(Selecting):
    """Options: trials per cell; intervals between cue and stimulus [s]; what changes; how fast the stimulus is
    identified, the rest [s] and its sd; how strong and how late [s] the push of the other task is; how long a cue
    takes to be read, and how much longer if it, or its task, is new [s]."""

    trials: int = 16
    intervals: tuple[float, ...] = (0.1, 0.9)
    changes: tuple[str, ...] = tuple(LEVELS)
    evidence_rate: float = Stroop.evidence_rate
    non_decision_time: float = Simon.non_decision_time
    non_decision_sd: float = HAND_SD * non_decision_time
    activation: float = Stroop.activation
    peak: float = peak_of(evidence_rate)
    cue: float = 0.26
    new: float = AttentionNetworks.orienting

    name = "task_switching"
    title = "Task switching"
    question = "A cue says what to do with the next figure. What does it cost if that changes?"
    source = "Eisenberg et al. 2019, Nat Commun 10:2319 (144 adults, second sitting)"
    phenomenon = "task switching"
    condition_columns = ("interval", "change", "congruence")
    levels: ClassVar[Levels] = {"change": LEVELS, "congruence": _speaks}
    headline = ("new task [ms]", "new cue [ms]")

    def __post_init__(self) -> None:
        object.__setattr__(self, "intervals", series("intervals", self.intervals))
        for interval in self.intervals:
            number("interval", interval, least=0, most=10, unit="s")
        object.__setattr__(self, "changes", some("change", self.changes, LEVELS))
        for name in ("cue", "new"):
            number(name, getattr(self, name), least=0, most=10, unit="s")
        number("non_decision_time", self.non_decision_time, above=0, most=10, unit="s")
        super().__post_init__()

    def conditions(self) -> list[Condition]:
        """Interval x what changes (0 = nothing, 1 = the cue, 2 = the task) x what the other task would say."""
        return [
            {"interval": float(i), "change": LEVELS[c], "congruence": k}
            for i in self.intervals
            for c in self.changes
            for k in _speaks.values()
        ]

    def left(self, change: int, interval: float) -> float:
        """What of the cue is still to be done when the stimulus comes [s]."""
        return max(0.0, self.cue + self.new * change - interval)

    def trial(self, condition: Condition) -> TaskStream:
        """The figure, and what it means in another task."""
        left = self.left(int(condition["change"]), float(condition["interval"]))
        task = telling(
            self.evidence_rate,
            self.non_decision_time + left,
            self.non_decision_sd,
            self.activation,
            self.peak,
        )
        items = (
            Stimulus("figure", task="tell", supports=1),
            beside("other meaning", 1.0, int(condition["congruence"])),
        )
        return TaskStream(items, end=END, tasks=(task,))

    def numbers(self, frame: pd.DataFrame) -> dict[str, float]:
        """What a new task costs beside a new cue, and a new cue beside the same one, at the shortest and the longest
        interval."""
        out: dict[str, float] = {}
        for word, slow, fast in (("new task", 2, 1), ("new cue", 1, 0)):
            by = mean_by(difference(frame, "change", slow, fast, "interval"), "interval")
            out[f"{word} [ms]"] = by.get(min(self.intervals), np.nan)
            out[f"{word}, prepared [ms]"] = by.get(max(self.intervals), np.nan)
        return out

    def parts(self) -> dict[str, Mapping[str, Any]]:
        """Two kinds of change, at one interval."""
        out: dict[str, Mapping[str, Any]] = {}
        for word, kinds in (("new task", (2, 1)), ("new cue", (1, 0))):
            out[f"{word} [ms]"] = {"change": kinds, "interval": min(self.intervals)}
            out[f"{word}, prepared [ms]"] = {"change": kinds, "interval": max(self.intervals)}
        return out

    def human(self) -> pd.DataFrame:
        """RT [s] and errors by interval and change, over what the other task says."""
        t = human.table("task_switching_sro_retest")
        return pd.DataFrame(
            {
                "interval": t["CTI"] / 1000,
                "change": t["switch"].map(_words),
            }
            | times_and_errors(t)
        )

    def scored(self) -> list[Scored]:
        """Times and accuracy by interval and change."""
        at = coded(CTI=lambda ms: float(ms) / 1000, switch=_words)
        return speeded("task_switching_sro_retest", ["interval", "change"], at)

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """RT and errors by what changes (filled: short interval); people beside them."""
        known, ticks = pens_of(frame), {c: LEVELS[c] for c in self.changes}
        ends, t = (min(self.intervals), max(self.intervals)), self.human()

        def panel(rows: pd.DataFrame, value: str, label: str, people: pd.DataFrame) -> Any:
            short, long = (
                self.over(
                    rows[np.isclose(rows["interval"], end)], value, "change", known, ticks,
                    people=people[np.isclose(people["interval"], end)], hollow=i > 0, band=i == 0,
                    xlabel="what is new", ylabel=label,
                )
                for i, end in enumerate(ends)
            )  # fmt: skip
            words = (f"filled: {1000 * ends[0]:.0f} ms after the cue", f"hollow: {1000 * ends[1]:.0f} ms")
            return self.both(short, long, words)

        times = t.assign(mean=1000 * t["mean"], sd=1000 * t["sd"])
        wrong = t.assign(mean=t["error"], sd=t["error_sd"])
        return self.sheets(
            frame,
            [
                panel(timed(frame), "ms", "RT [ms]", times),
                panel(frame, "error", "errors [share]", wrong),
            ],
        )
