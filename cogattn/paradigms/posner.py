"""Spatial cueing: a cue says where the target will be, and is mostly right (Posner 1980, Q J Exp Psychol 32:3; Posner,
Nissen & Ogden 1978: benefits of about 25 ms, costs of about 40 ms).

The target races against what its empty places hold (noise, which can win nothing). A cue moves weight to its place: the
shares a_i that make the mean time least are as the roots of the probabilities (minimise sum p_i / a_i), and attention
moves there with a time constant. The share of the target's place, and the mean time of the race once it stands still:

    a(t) = 1/n + (root(p) / sum root(p) - 1/n) (1 - e^{-t / orient}),        1 / (C eta a)

so for two places and a validity of .8 costs are twice as large as benefits, whatever C is. With a mask (`exposure`) it
is accuracy that is gained and lost.

With `asked` "place" the key on the target's side is pressed, as in most such experiments on the web. A place is told as
an arrow is in `flanker` (it points to a key as well). The key of the cued side is ready, as the key of `go_nogo` is: it
pushes its answer from the target's onset on (`laws.conflict`), which helps after a valid cue and makes errors after an
invalid one. The table (`human/posner_desk_clutter.csv`) is played as PsyToolkit's program has it: .15 s from cue to
target, three cues in four valid, the place asked, a clear target. Nothing is fitted to it.

Task constants: the target is faint (`evidence`, set to the size of the benefit) [assumption]; `orient` 100 ms, between
peripheral cues and arrows (Mueller & Rabbitt 1989, J Exp Psychol HPP 15:315) [assumption]. No inhibition of return.

What fails: Without limits a cue changes nothing. In the mind costs are twice the benefits at any capacity, which
Posner's 25 and 40 ms are not quite, and nothing becomes slower at a cued place after a while: no inhibition of
return.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cogattn.errors import choice, number, whole
from cogattn.paradigms.base import Condition, Levels, Pace, pens_of
from cogattn.paradigms.conflict import HAND_SD, Flanker
from cogattn.paradigms.go_nogo import GoNoGo
from cogattn.paradigms.report import series
from cogattn.paradigms.scored import Scored, coded, speeded
from cogattn.paradigms.selection import (
    END,
    Selecting,
    choosing,
    difference,
    mean_by,
    telling,
    timed,
)
from cogattn.view.drawn import Drawn
from cogattn.world.stream import Change, Stimulus, Task, TaskStream

CUES = {"valid": 1, "neutral": 0, "invalid": -1}
ASKED = ("what", "place")
_STEPS = 24  # of attention's way after the target's onset, over six time constants
_KEY = 0.01  # weight of the ready key beside all that is seen: it competes with next to nothing
#: The program that makes such files as people's (PsyToolkit's cueing task): what is asked, SOA, validity.
PSYTOOLKIT = {"asked": "place", "soas": (0.15,), "validity": 0.75, "evidence": 1.0}


@dataclass(frozen=True)
class Posner(Selecting):
    """Options: trials per cue and SOA; SOAs [s]; validity; places; evidence; time constant of orienting [s]; exposure
    [s] until the mask (inf = until it is answered); what is asked (what, place)."""

    soas: tuple[float, ...] = (0.05, 0.1, 0.2, 0.4, 0.8)
    validity: float = 0.8
    places: int = 2
    evidence: float = 0.3
    orient: float = 0.1
    exposure: float = math.inf
    asked: str = "what"

    name = "posner"
    clues = ("posner", "cue?ing", "cue ?validity", "spatial ?cue")
    title = "A cue to a place"
    question = (
        "A cue says where the target will be, and is mostly right. What does it help, what does it cost?"
    )
    shown_pace = (Pace(4, 16), Pace(6, 24))
    source = "the task: Posner 1980; a PsyToolkit course (95 adults, jfran2015/desk_clutter)"
    phenomenon = "spatial cueing"
    condition_columns = ("cue", "soa")
    levels: ClassVar[Levels] = {"cue": CUES}
    headline = ("benefit [ms]", "cost [ms]", "benefit in accuracy", "cost in accuracy")

    def __post_init__(self) -> None:
        object.__setattr__(self, "soas", series("soas", self.soas))
        for soa in self.soas:
            number("SOA", soa, least=0, most=10, unit="s")
        number("validity", self.validity, above=0, most=1)
        whole("places", self.places, least=2, most=16)
        number("evidence", self.evidence, above=0, most=1000)
        number("orient", self.orient, above=0, most=60, unit="s")
        number("exposure", self.exposure, above=0, infinite=True, unit="s")
        choice("asked", self.asked, ASKED)
        super().__post_init__()

    def conditions(self) -> list[Condition]:
        """1 = valid, 0 = neutral, -1 = invalid, at each SOA."""
        return [{"cue": k, "soa": float(s)} for k in CUES.values() for s in self.soas]

    def share(self, cue: int, since: float) -> float:
        """a: how much of attention the target's place has, so long after the cue."""
        even, p = 1 / self.places, self.validity
        roots = math.sqrt(p), math.sqrt((1 - p) * (self.places - 1))
        goal = {1: roots[0], -1: roots[1] / (self.places - 1)}.get(cue, even * sum(roots)) / sum(roots)
        return even + (goal - even) * -math.expm1(-since / self.orient)

    def trial(self, condition: Condition) -> TaskStream:
        """The target at one place, noise at all others together; the weights go on moving after onset."""
        cue, soa = int(condition["cue"]), float(condition["soa"])
        mask = soa + self.exposure if self.exposure < END else None
        a, task, right = self.share(cue, soa), self._task(), int(self.asked == "place")
        items = [
            Stimulus("target", soa, mask, weight=a, evidence=self.evidence, supports=right, task=task.name),
            Stimulus("noise", soa, mask, weight=1 - a, evidence=0.0, task=task.name),
        ]
        if cue and right:
            key = Stimulus(
                "key of the cued side", soa, weight=_KEY, evidence=0.0, supports=cue, task=task.name
            )
            items.append(key)
        changes = []
        for i in range(1, _STEPS + 1 if cue else 1):
            t = i * 6 * self.orient / _STEPS
            a = self.share(cue, soa + t)
            changes += [Change(soa + t, "target", a), Change(soa + t, "noise", 1 - a)]
        return TaskStream(tuple(items), end=soa + END, changes=tuple(changes), tasks=(task,))

    def _task(self) -> Task:
        """What is done: a race and a choice, or telling a place while a key is ready."""
        if self.asked == "what":
            return choosing()
        beside_hand = Flanker.non_decision_time
        ready = GoNoGo.readiness * (1 + _KEY) / _KEY  # a push is in proportion to the share of weight
        return telling(
            Flanker.evidence_rate, beside_hand, HAND_SD * beside_hand, ready, GoNoGo.peak, ready=True
        )

    def numbers(self, frame: pd.DataFrame) -> dict[str, float]:
        """Benefit (neutral - valid) and cost (invalid - neutral) by SOA and at the longest; masked: in accuracy."""
        out: dict[str, float] = {}
        word, value, unit = ("", "ms", " [ms]") if self.exposure >= END else (" in accuracy", "error", "")
        for what, slow, fast in (("benefit", 0, 1), ("cost", -1, 0)):
            by_soa = mean_by(difference(frame, "cue", slow, fast, "soa", value), "soa")
            out |= {f"{what}{word} at {1000 * soa:.0f} ms{unit}": v for soa, v in by_soa.items()}
            out[f"{what}{word}{unit}"] = by_soa.get(max(self.soas), np.nan)
        return out

    def parts(self) -> dict[str, Mapping[str, Any]]:
        """Two kinds of cue, at one SOA."""
        out: dict[str, Mapping[str, Any]] = {}
        word, unit = ("", " [ms]") if self.exposure >= END else (" in accuracy", "")
        for what, cues in (("benefit", (0, 1)), ("cost", (-1, 0))):
            for soa in self.soas:
                out[f"{what}{word} at {1000 * soa:.0f} ms{unit}"] = {"cue": cues, "soa": soa}
            out[f"{what}{word}{unit}"] = {"cue": cues, "soa": max(self.soas)}
        return out

    def scored(self) -> list[Scored]:
        """Times and accuracy by cue."""
        rows = speeded("posner_desk_clutter", ["cue"], coded(cueValidity=CUES))
        return [one._replace(options=PSYTOOLKIT) for one in rows]

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """RT and errors by cue at the longest SOA; benefits (filled) and costs (hollow) over SOA."""
        last, known = frame[frame["soa"] == frame["soa"].max()], pens_of(frame)
        value, unit = ("ms", "[ms]") if self.exposure >= END else ("error", "[share right]")

        def effect(slow: int, fast: int, hollow: bool) -> Any:
            own = difference(frame, "cue", slow, fast, "soa", value)
            words: dict[str, Any] = {"xlabel": "SOA [ms]", "ylabel": f"benefit and cost {unit}"}
            return self.over(own, "effect", "soa", known, scale=1000, hollow=hollow, band=not hollow, **words)

        same: dict[str, Any] = {
            "xlabel": f"cue ({1000 * frame['soa'].max():.0f} ms before)",
        }
        draws = [
            self.over(timed(last), "ms", "cue", known, CUES, ylabel="RT [ms]", **same),
            self.over(last, "error", "cue", known, CUES, ylabel="errors [share]", **same),
            self.both(
                effect(0, 1, False),
                effect(-1, 0, True),
                ("filled: benefit of a valid cue", "hollow: cost of an invalid one"),
            ),
        ]
        return self.sheets(frame, draws)
