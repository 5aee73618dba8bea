"""Perceptual load and dilution: a distractor speaks for the other answer, and other letters are there. It interferes
less when many letters have to be searched (Lavie 1995, J Exp Psychol HPP 21:451), but also when as many letters are
just there (dilution; Tsal & Benoni 2010, J Exp Psychol HPP 36:1645): then responses are fast all the same.

Attention has shares (`laws.conflict`). Beside a target of weight 1 and n letters of weight w_n, a distractor of weight
w_d has, and pushes its answer by, the share

    D(n) = w_d / (1 + n w_n + w_d)

a hyperbola, and the target is identified at the rate of its own share, 1 / (1 + n w_n + w_d). So with many letters
the push is weaker, and has faded when the answer is given: less interference, fewer errors. Whether letters are
searched has no effect on this: load is dilution, if they weigh as much. Search only adds time, after which nothing
interferes any more.

Task constants [assumption]: speed and push as in `flanker`, a distractor of weight 1 (alpha acts on all that is not
the target); `search` 30 ms for each letter that has to be searched.

What fails: Softmax attention is not disturbed, and has no response times. Too much interference is left with six
letters, and load can never do more than dilution does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from cogattn._renamed import old_fields
from cogattn.errors import number, whole
from cogattn.paradigms.base import Condition, Levels, Pace, pens_of
from cogattn.paradigms.conflict import HAND_SD, KINDS, Flanker, peak_of
from cogattn.paradigms.report import series
from cogattn.paradigms.selection import END, Selecting, beside, difference, mean_by, telling, timed
from cogattn.view import plot
from cogattn.view.drawn import Drawn
from cogattn.world.stream import PULSE, Stimulus, TaskStream


def taken(letters: npt.ArrayLike, weight: float = 1.0, distractor: float = 1.0) -> npt.NDArray[np.float64]:
    """D(n): the share of the distractor, and so of its push."""
    return np.asarray(distractor / (1.0 + np.asarray(letters, float) * weight + distractor))


@old_fields({"spotlight": PULSE, "hold": PULSE}, tell="evidence_rate", other="non_decision_time")
@dataclass(frozen=True)
class LoadDilution(Selecting):
    """Options: trials per cell; letters beside the target; weight of one that is searched, of one that is only there,
    of the distractor; how fast it is identified, the rest [s]; how strong and how late [s] the push is; s per searched
    letter."""

    letters: tuple[int, ...] = (0, 1, 3, 5)
    searched: float = 1.0
    neutral: float = 1.0
    distractor: float = 1.0
    evidence_rate: float = Flanker.evidence_rate
    non_decision_time: float = Flanker.non_decision_time
    activation: float = Flanker.activation
    peak: float = peak_of(evidence_rate)
    search: float = 0.03

    name = "load_dilution"
    title = "Load or dilution"
    question = "A distractor speaks for the other answer. Do other letters on display protect from it?"
    shown_pace = (Pace(4, 16), Pace(6, 24))
    source = "Lavie 1995; Tsal & Benoni 2010 (the task; no table of people here)"
    phenomenon = "perceptual load"
    condition_columns = ("letters", "load", "congruence")
    levels: ClassVar[Levels] = {
        "load": {"load": 1, "high load": 1, "high": 1, "dilution": 0},
        "congruence": KINDS,
    }
    headline = ("low load [ms]", "high load [ms]", "dilution [ms]")

    def __post_init__(self) -> None:
        object.__setattr__(self, "letters", series("letters", self.letters))
        for n in self.letters:
            whole("letters", n, least=0, most=32)
        for what in ("searched", "neutral", "distractor"):
            number(what, getattr(self, what), least=0, most=1000)
        number("search", self.search, least=0, most=0.05, unit="s")
        super().__post_init__()

    def conditions(self) -> list[Condition]:
        """Letters x searched (1) or only there (0) x what the distractor says (1, -1)."""
        cells = [(int(n), d, k) for d in (1, 0) for n in self.letters for k in (1, -1)]
        return [{"letters": n, "load": d, "congruence": k} for n, d, k in cells]

    def trial(self, condition: Condition) -> TaskStream:
        """The target, the critical distractor, and the letters, which say nothing."""
        n, load, speaks = int(condition["letters"]), bool(condition["load"]), int(condition["congruence"])
        target = Stimulus("target", task="tell", supports=1)
        critical = beside("critical", self.distractor, speaks)
        w = self.searched if load else self.neutral
        letters = [beside(f"letter {i}", w) for i in range(n)]
        seconds = self.non_decision_time + self.search * n * load
        task = telling(
            self.evidence_rate, seconds, HAND_SD * self.non_decision_time, self.activation, self.peak
        )
        return TaskStream((target, critical, *letters), end=END, tasks=(task,))

    def numbers(self, frame: pd.DataFrame) -> dict[str, float]:
        """Interference in time and errors by number of letters; what load adds to response times."""
        rt, out = timed(frame).groupby(["load", "letters"])["ms"].mean(), dict[str, float]()
        low, most = min(self.letters), max(self.letters)
        for load, word in ((1, "high load"), (0, "dilution")):
            own = frame[frame["load"] == load]
            by = mean_by(difference(own, "congruence", -1, 1, "letters"), "letters")
            out |= {f"{word} with {n} letters [ms]": by.get(n, np.nan) for n in self.letters}
            out[f"{word} [ms]"] = by.get(most, np.nan)
            slower = rt.get((load, most), np.nan) - rt.get((load, low), np.nan)
            out[f"response, {word} less low load [ms]"] = float(slower)
            wrong = mean_by(difference(own, "congruence", -1, 1, "letters", "error"), "letters")
            out |= {f"{word} with {n} letters, errors": wrong.get(n, np.nan) for n in self.letters}
        pair = [out[f"{w} with {low} letters [ms]"] for w in ("high load", "dilution")]
        return {"low load [ms]": float(np.mean(pair))} | out

    def parts(self) -> dict[str, Mapping[str, Any]]:
        """How many letters, searched or only there."""
        low, most = min(self.letters), max(self.letters)
        out: dict[str, Mapping[str, Any]] = {"low load [ms]": {"letters": low}}
        for load, word in ((1, "high load"), (0, "dilution")):
            out[f"{word} [ms]"] = {"load": load, "letters": most}
            out[f"response, {word} less low load [ms]"] = {"load": load, "letters": (low, most)}
            for n in self.letters:
                out |= {
                    f"{word} with {n} letters{end}": {"load": load, "letters": n}
                    for end in (" [ms]", ", errors")
                }
        return out

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """Interference and response times over the letters: searched (load, filled) or only there (dilution, hollow),
        with D(n) to the last."""
        known, first = pens_of(frame), frame[frame["arm"] == frame["arm"].iloc[0]]
        words, found = ("filled: letters searched", "hollow: letters only there"), self.numbers(first)
        kinds = ((1, "high load", self.searched, "-"), (0, "dilution", self.neutral, "--"))

        def interference(ax: Any) -> None:
            lowest = 0.0
            for load, kind, weight, dash in kinds:
                gone, last = (
                    difference(frame[frame["load"] == load], "congruence", -1, 1, "letters"),
                    found[f"{kind} [ms]"],
                )
                self.panel(ax, gone, "effect", "letters", known, hollow=not load, band=bool(load))
                lowest = min(lowest, gone.groupby(["arm", "letters"])["effect"].mean().min())
                if np.isfinite(last) and self.distractor > 0:
                    n = np.linspace(min(self.letters), max(self.letters), 60)
                    law = taken(n, weight, self.distractor)
                    label = f"D(n) to the last, {kind}"
                    ax.plot(n, last * law / law[-1], dash, color=plot.LAW, linewidth=0.9, label=label)
            plot.kinds(ax, *words)
            low = None if lowest < 0 else 0  # few trials: below 0, too
            ax.set(xlabel="letters beside the target [letters]", ylabel="interference [ms]", ylim=(low, None))

        def times(ax: Any) -> None:
            for load, *_ in kinds:
                own = timed(frame[frame["load"] == load])
                self.panel(ax, own, "ms", "letters", known, hollow=not load, band=bool(load))
            ax.set(xlabel="letters beside the target [letters]", ylabel="RT [ms]", ylim=(0, None))

        return self.sheets(frame, [interference, times])
