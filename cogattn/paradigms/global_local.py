"""Global precedence: a large letter made of small ones; one of the two is to be named (Navon 1977, Cogn Psychol
9:353: the large one is named faster, and it disturbs the small one, not the other way round).

Either is the target in one of two tasks; the other level speaks for the same answer, for none, or for another; it
competes, and pushes its answer (`laws.conflict`), as strongly as flankers do and after as many categorisations. The
large letter is clearer: the small one has `evidence` of its evidence. What is clear also weighs more: TVA's weight is
evidence times pertinence, so the large letter has `strength` = 1 / evidence times the weight of the small one. Both
levels are at one place, and the task leaves `left` = 1 of what it does not ask for, so what is left out is left out by
alpha alone, as everything irrelevant is:

    irrelevant weight:    strength x left  when the small letter is asked,  left / strength  when the large one is

so weights are asymmetric by strength squared. Weights and evidence can be varied apart.

Task constants: the small letter has .7 of the evidence [assumption]; no other is of this task alone. Which key goes
with which letter has to be learnt: letters are told as shapes are in `choice_rt`.

What fails: Softmax attention has neither time nor errors. Interference is too large (140 ms with the small letter
asked, 69 with the large one; people of the table 32 and 24), and small letters are told too unevenly. In Navon's own
people small letters did not disturb large ones at all; that precedence is reversed in large displays is not modelled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cogattn._renamed import old_fields
from cogattn.errors import choice, number
from cogattn.laws.conflict import exchanged
from cogattn.paradigms.base import Condition, Levels, pens_of
from cogattn.paradigms.choice_rt import ChoiceRT
from cogattn.paradigms.conflict import HAND_SD, KINDS, Flanker, peak_of
from cogattn.paradigms.scored import Scored, coded, per_person, speeded
from cogattn.paradigms.selection import END, Selecting, beside, difference, mean_by, some, telling, timed
from cogattn.population import SAMPLES, Population
from cogattn.view.drawn import Drawn
from cogattn.world.stream import PULSE, Stimulus, TaskStream

LEVELS = {"global": 1, "local": 0}


@old_fields({"spotlight": PULSE, "hold": PULSE}, tell="evidence_rate", other="non_decision_time")
@dataclass(frozen=True)
class GlobalLocal(Selecting):
    """Options: trials per cell; kinds of trials; strength of the large letter (0 = as much as it is clearer); how much
    the task leaves of the other level; evidence of the small letter (the large one: 1); how fast it is identified, the
    rest [s]; how strong and how late [s] the push is; who is tested if nobody says who (adults, laboratory, all
    ages)."""

    kinds: tuple[str, ...] = ("congruent", "neutral", "incongruent")
    strength: float = 0.0
    left: float = 1.0
    evidence: float = 0.7
    evidence_rate: float = ChoiceRT.evidence_rate
    non_decision_time: float = ChoiceRT.non_decision_time
    activation: float = Flanker.activation
    peak: float = peak_of(evidence_rate)
    sample: str = "adults"

    name = "global_local"
    clues = ("global ?local", "navon")
    pixels = "levels"
    title = "Forest and trees"
    question = "A large letter made of small ones. How much does one level disturb the other?"
    source = "the task: Navon 1977; Rey-Mermet, Gade & Oberauer 2018 (287 adults)"
    phenomenon = "global precedence"
    condition_columns = ("level", "congruence")
    levels: ClassVar[Levels] = {"level": LEVELS, "congruence": KINDS}
    headline = (
        "global advantage [ms]",
        "local told, global disturbs [ms]",
        "global told, local disturbs [ms]",
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "kinds", some("kind of trial", self.kinds, KINDS))
        number("strength", self.strength, least=0, most=100)
        number("left", self.left, least=0, most=100)
        number("evidence", self.evidence, above=0, most=100)
        choice("sample", self.sample, SAMPLES)
        super().__post_init__()

    def usual_population(self) -> Population:
        """The adults of all other paradigms, or another sample."""
        return SAMPLES[self.sample]()

    def conditions(self) -> list[Condition]:
        """Level that is told (1 = global, 0 = local) x congruence (1, 0, -1)."""
        return [{"level": d, "congruence": KINDS[k]} for d in LEVELS.values() for k in self.kinds]

    def weight(self, level: int) -> float:
        """What the other level weighs, in units of the level that is told."""
        strength = self.strength or 1 / self.evidence
        w = strength * self.left
        return float(exchanged(w, strength)) if level == LEVELS["global"] else w

    def trial(self, condition: Condition) -> TaskStream:
        """The letter that is told, and the one that is not."""
        level = int(condition["level"])
        clear = 1.0 if level == LEVELS["global"] else self.evidence
        speaks = int(condition["congruence"])
        items = (
            Stimulus("told", task="tell", evidence=clear, supports=1),
            beside("other level", self.weight(level), speaks),
        )
        task = telling(
            self.evidence_rate,
            self.non_decision_time,
            HAND_SD * self.non_decision_time,
            self.activation,
            self.peak,
        )
        return TaskStream(items, end=END, tasks=(task,))

    def numbers(self, frame: pd.DataFrame) -> dict[str, float]:
        """How much faster the large letter is told; interference either way; errors with a conflict."""
        apart = mean_by(difference(frame, "level", 0, 1, "congruence"), "congruence")
        cost = mean_by(difference(frame, "congruence", -1, 1, "level"), "level")
        errors = frame[frame["congruence"] == -1].groupby("level")["error"].mean()
        out = {"global advantage [ms]": apart.get(1, np.nan)}
        for level, other in (("local", "global"), ("global", "local")):
            out[f"{level} told, {other} disturbs [ms]"] = cost.get(LEVELS[level], np.nan)
            out[f"{level} told, errors incongruent"] = float(errors.get(LEVELS[level], np.nan))
        both = cost.get(0, np.nan), cost.get(1, np.nan)
        return out | {"asymmetry of interference [ms]": both[0] - both[1]}

    def parts(self) -> dict[str, Mapping[str, Any]]:
        """The level that is told, and what the other one says."""
        out: dict[str, Mapping[str, Any]] = {
            "global advantage [ms]": {"congruence": 1},
            "asymmetry of interference [ms]": {"congruence": (-1, 1)},
        }
        for level, other in (("local", "global"), ("global", "local")):
            told = {"level": LEVELS[level]}
            out[f"{level} told, {other} disturbs [ms]"] = told | {"congruence": (-1, 1)}
            out[f"{level} told, errors incongruent"] = told | {"congruence": -1}
        return out

    def scored(self) -> list[Scored]:
        """Times and accuracy by level and congruence; half of the table's people are old."""
        levels = {f"{name}-task": level for name, level in LEVELS.items()}
        at = coded(attend=levels, congruence=KINDS)
        rows = speeded("global_local_reymermet2018", ["level", "congruence"], at)
        theirs = {"trials": per_person("global_local_reymermet2018"), "sample": "all ages"}
        return [one._replace(options=theirs) for one in rows]

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """RT and errors by congruence, for either level (filled: the large letter is named)."""
        known, ticks = pens_of(frame), {k: KINDS[k] for k in self.kinds}
        words = ("filled: global letter named", "hollow: local letter named")

        def by_kind(rows: pd.DataFrame, value: str, label: str) -> Any:
            same: dict[str, Any] = {"xlabel": "the other level", "ylabel": label}
            large, small = (
                self.over(
                    rows[rows["level"] == LEVELS[level]], value, "congruence", known, ticks,
                    hollow=level == "local", band=level == "global", **same,
                )
                for level in ("global", "local")
            )  # fmt: skip
            return self.both(large, small, words)

        return self.sheets(
            frame, [by_kind(timed(frame), "ms", "RT [ms]"), by_kind(frame, "error", "errors [share]")]
        )
