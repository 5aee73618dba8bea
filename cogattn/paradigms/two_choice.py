"""Two choices of one stimulus, any experiment: which of two is it, and how fast (Ratcliff 1978).

The mind counts categorisations until one answer leads (`laws.conflict`), the rest of the display speaking for the other
answer by its weight. People's data need no more than a condition, right or wrong, and a response time; they are
fitted by the diffusion in exact form, a drift for each condition, or by counted evidence (`tune.two_choice`).

What fails: The mind's own law is the pulse law of conflicts, which is not what is fitted here: drifts are numbers of a
task and make no observer. Without limits there is neither response time nor error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cogattn.errors import number
from cogattn.paradigms.base import Condition, Law, Pace, Rival, pens_of
from cogattn.paradigms.choice_rt import ChoiceRT
from cogattn.paradigms.conflict import HAND_SD, Simon
from cogattn.paradigms.selection import END, Selecting, beside, telling, timed
from cogattn.view.drawn import Drawn
from cogattn.world.stream import Stimulus, TaskStream

_LAW = "cogattn.tune.two_choice:TwoChoiceLikelihood"


@dataclass(frozen=True)
class TwoChoice(Selecting):
    """Options: how much of what is shown speaks for the other answer, for each condition (weights); trials; how fast it
    is told (categorisations in a simple response); the rest [s] and its sd."""

    against: tuple[float, ...] = (0.0, 0.5, 1.0)
    trials: int = 100
    evidence_rate: float = Simon.evidence_rate
    non_decision_time: float = ChoiceRT.non_decision_time
    non_decision_sd: float = HAND_SD * non_decision_time

    name = "two_choice"
    title = "Two choices"
    question = "Which of two is it? Some are easier to tell than others."
    shown_pace = (Pace(8, 1), Pace(16, 1))
    source = "Ratcliff 1978, Psychol Rev 85:59; Navarro & Fuss 2009, J Math Psychol 53:222"
    phenomenon = "two choices"
    condition_columns = ("condition",)
    headline = ("slowest minus fastest condition [ms]", "accuracy of the hardest")
    rivals: ClassVar[Mapping[str, Rival]] = {
        "diffusion": Rival(),
        "counter": Rival(options={"law": "counter"}),
    }

    def __post_init__(self) -> None:
        given: Any = self.against
        values = tuple(given) if isinstance(given, tuple | list) else (given,)
        object.__setattr__(
            self, "against", tuple(float(number("against", v, least=0, most=1000)) for v in values)
        )
        super().__post_init__()

    def conditions(self) -> list[Condition]:
        """1, 2, ..., the easiest first as they are given."""
        return [{"condition": i + 1} for i in range(len(self.against))]

    def trial(self, condition: Condition) -> TaskStream:
        """What is shown, and what of it speaks for the other answer."""
        task = telling(self.evidence_rate, self.non_decision_time, self.non_decision_sd)
        items = [Stimulus("shown", task="tell", supports=1)]
        weight = self.against[int(condition["condition"]) - 1]
        if weight > 0:
            items.append(beside("against", weight, -1))
        return TaskStream(tuple(items), end=END, tasks=(task,))

    def likelihood(self) -> Law:
        """The diffusion, exactly, a drift for each condition."""
        return Law(_LAW, {})

    def numbers(self, frame: pd.DataFrame) -> dict[str, float]:
        """What the hardest condition costs."""
        own = timed(frame).groupby("condition")["ms"].mean()
        right = frame.groupby("condition")["correct"].mean()
        return {
            "slowest minus fastest condition [ms]": float(own.max() - own.min()) if len(own) else np.nan,
            "accuracy of the hardest": float(right.min()) if len(right) else np.nan,
        }

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """Response time of right answers, and accuracy, over conditions."""
        known = pens_of(frame)
        times = self.over(
            timed(frame),
            "ms",
            "condition",
            known,
            xlabel="condition [number]",
            ylabel="RT [ms]",
            ylim=(0, None),
        )
        right = frame.assign(right=frame["correct"].astype(float))
        labels: Any = {"xlabel": "condition [number]", "ylabel": "right [share]", "ylim": (0, 1.03)}
        accuracy = self.over(right, "right", "condition", known, **labels)
        return self.sheets(frame, [times, accuracy])
