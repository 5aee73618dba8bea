"""The Attention Network Test: cues before flankers (Fan et al. 2002, J Cogn Neurosci 14:340). Human table:
`human/ant_sro.csv` (520 adults).

The target is identified while its flankers compete and push their answer (`laws.conflict`), as strongly and as late as
in `flanker`. Neutral flankers are lines: they look like no arrow, so they neither compete nor push. The scores:

    alerting = none - double,    orienting = centre - spatial,    conflict = incongruent - congruent

An arrow is identified as fast as a colour in `simon`; the rest of the response takes as long as in `stroop`. The
weight of an arrow is fitted to neutral lines, so that these cost next to nothing is no prediction. The effects of
cues are set, not predicted: without a cue to the place attention has to move there (`orienting` s), and without a
warning the hand is not ready (`unready` s longer; Posner 1978). What is predicted: that conflict is about the same
with every cue, accuracy by fifth, and the quantiles of times.

What fails: Softmax attention has no response times, and no errors, so there is no network to score. The mind makes
more errors with incongruent flankers than people do (.13, people .08).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cogattn import human
from cogattn._renamed import old_fields
from cogattn.errors import number
from cogattn.paradigms.base import Condition, Levels, Pace, pens_of
from cogattn.paradigms.conflict import KINDS, Flanker, Stroop, peak_of
from cogattn.paradigms.scored import (
    ALL,
    Scored,
    across,
    coded,
    curves,
    effect,
    per_person,
    right,
    rts,
    speeded,
)
from cogattn.paradigms.selection import (
    END,
    TOLD,
    Selecting,
    beside,
    difference,
    mean_by,
    some,
    telling,
    timed,
)
from cogattn.view.drawn import Drawn
from cogattn.world.stream import PULSE, Stimulus, TaskStream

CUES = {"none": 0, "double": 1, "centre": 2, "spatial": 3}
#: network: (column, slow, fast, over)
NETWORKS = {
    "alerting": ("cue", CUES["none"], CUES["double"], "congruence"),
    "orienting": ("cue", CUES["centre"], CUES["spatial"], "congruence"),
    "conflict": ("congruence", -1, 1, "cue"),
}


@old_fields(
    {"spotlight": PULSE, "hold": PULSE, "kept": PULSE, "interval": "cues act by their times"},
    tell="evidence_rate", other="non_decision_time", other_sd="non_decision_sd",
)  # fmt: skip
@dataclass(frozen=True)
class AttentionNetworks(Selecting):
    """Options: trials per cell; cues; kinds of flankers; how fast it is identified, the rest [s], its sd; the flankers'
    weight, how strong and how late [s] their push is; time without a cue to the place, and without a warning [s]."""

    cues: tuple[str, ...] = tuple(CUES)
    kinds: tuple[str, ...] = ("congruent", "neutral", "incongruent")
    evidence_rate: float = TOLD
    non_decision_time: float = Stroop.non_decision_time
    non_decision_sd: float = Stroop.non_decision_sd
    weight: float = Flanker.weight
    activation: float = Flanker.activation
    peak: float = peak_of(evidence_rate)
    orienting: float = 0.046
    unready: float = 0.026

    name = "ant"
    clues = ("attention ?networks?", r"\bant\b")
    title = "Attention networks"
    question = "A cue may say when, or where, an arrow comes; which way does it point, among other arrows?"
    shown_pace = (Pace(4, 16), Pace(8, 24))
    source = "Eisenberg et al. 2019, Nat Commun 10:2319 (520 adults)"
    phenomenon = "attention networks"
    condition_columns = ("cue", "congruence")
    levels: ClassVar[Levels] = {"cue": CUES, "congruence": KINDS}
    headline = ("alerting [ms]", "orienting [ms]", "conflict [ms]")

    def __post_init__(self) -> None:
        object.__setattr__(self, "cues", some("cue", self.cues, CUES))
        object.__setattr__(self, "kinds", some("kind of flankers", self.kinds, KINDS))
        number("weight", self.weight, least=0, most=1000)
        number("orienting", self.orienting, least=0, most=10, unit="s")
        number("unready", self.unready, least=0, most=10, unit="s")
        number("non_decision_time", self.non_decision_time, above=0, most=10, unit="s")
        super().__post_init__()

    def conditions(self) -> list[Condition]:
        """Cue (0 = none, 1 = double, 2 = centre, 3 = spatial) x congruence (1, 0, -1)."""
        return [{"cue": CUES[c], "congruence": KINDS[k]} for c in self.cues for k in self.kinds]

    def trial(self, condition: Condition) -> TaskStream:
        """The target and its flankers; lines (neutral) weigh nothing beside an arrow."""
        cue, speaks = int(condition["cue"]), int(condition["congruence"])
        moving = self.orienting if cue != CUES["spatial"] else 0.0
        waking = self.unready if cue == CUES["none"] else 0.0
        task = telling(
            self.evidence_rate, self.non_decision_time + moving + waking, self.non_decision_sd,
            self.activation, self.peak,
        )  # fmt: skip
        items = [Stimulus("target", task="tell", supports=1)]
        if speaks and self.weight > 0:
            items.append(beside("flankers", self.weight, speaks))
        return TaskStream(tuple(items), end=END, tasks=(task,))

    def human(self) -> pd.DataFrame:
        """RT [s] and errors by cue and congruence."""
        t = human.table("ant_sro")
        t = t[(t["cue"] != "ALL") & (t["flanker_type"] != "ALL")]
        cue = t["cue"].map(CUES | {"nocue": CUES["none"], "center": CUES["centre"]})
        rt, sd = t["RT_mean"] / 1000, t["RT_sd_sub"] / 1000
        known = {
            "cue": cue,
            "congruence": t["flanker_type"].map(KINDS),
            "mean": rt,
            "sd": sd,
            "n": t["n_sub"],
        }
        errors = {"error": 1 - t["acc_mean"], "error_sd": t["acc_sd_sub"]}
        return pd.DataFrame(known | errors).reset_index(drop=True)

    def numbers(self, frame: pd.DataFrame) -> dict[str, float]:
        """The three networks, conflict by cue, and errors."""
        conflict = mean_by(difference(frame, "congruence", -1, 1, "cue"), "cue")
        out = {"conflict [ms]": float(np.mean(list(conflict.values()))) if conflict else np.nan}
        for what, slow, fast in (("alerting", "none", "double"), ("orienting", "centre", "spatial")):
            gone = mean_by(difference(frame, "cue", CUES[slow], CUES[fast], "congruence"), "congruence")
            out[f"{what} [ms]"] = float(np.mean(list(gone.values()))) if gone else np.nan
        lines = mean_by(difference(frame, "congruence", 0, 1, "cue"), "cue")
        out["neutral less congruent [ms]"] = float(np.mean(list(lines.values()))) if lines else np.nan
        out |= {f"conflict with cue {c} [ms]": conflict.get(CUES[c], np.nan) for c in self.cues}
        errors = frame.groupby("congruence")["error"].mean()
        return out | {
            f"errors {k}": float(errors.get(KINDS[k], np.nan)) for k in ("congruent", "incongruent")
        }

    def parts(self) -> dict[str, Mapping[str, Any]]:
        """The cues of a network; one congruence."""
        out: dict[str, Mapping[str, Any]] = {
            "alerting [ms]": {"cue": (CUES["none"], CUES["double"])},
            "orienting [ms]": {"cue": (CUES["centre"], CUES["spatial"])},
            "errors congruent": {"congruence": 1},
            "errors incongruent": {"congruence": -1},
        }
        return out | {f"conflict with cue {c} [ms]": {"cue": CUES[c]} for c in self.cues}

    def scored(self) -> list[Scored]:
        """Times and accuracy by cue and flankers, the networks, fifths, quantiles and delta; persons."""
        cues = CUES | {"nocue": CUES["none"], "center": CUES["centre"], ALL: ALL}
        at = coded(cue=cues, flanker_type=KINDS | {ALL: ALL})
        rows = [
            *speeded("ant_sro", ["cue", "congruence"], at),
            *curves("ant_sro_caf_delta"),
            across(ant_mean=rts(), ant_flanker=effect("congruence", -1, 1), ant_acc=right),
        ]
        return [one._replace(options={"trials": per_person("ant_sro")}) for one in rows]

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """RT and errors by cue (filled: incongruent), and the three networks; people beside them."""
        known, ticks = pens_of(frame), {c: CUES[c] for c in self.cues}
        t = self.human().assign(
            cue=lambda t: t["cue"].map({code: i for i, code in enumerate(ticks.values())})
        )
        times = t.assign(mean=1000 * t["mean"], sd=1000 * t["sd"])
        wrong = t.assign(mean=t["error"], sd=t["error_sd"])

        def by_cue(rows: pd.DataFrame, value: str, label: str, people: pd.DataFrame) -> Any:
            same: dict[str, Any] = {"xlabel": "cue", "ylabel": label}
            people = people.dropna(subset=["cue"])
            hard, easy = (
                self.over(
                    rows[rows["congruence"] == k],
                    value,
                    "cue",
                    known,
                    ticks,
                    people=people[people["congruence"] == k],
                    hollow=k > 0,
                    band=k < 0,
                    **same,
                )
                for k in (-1, 1)
            )
            return self.both(hard, easy, ("filled: incongruent", "hollow: congruent"))

        scores, names = _scores(frame), dict(zip(NETWORKS, range(3), strict=True))
        networks = self.over(
            scores,
            "effect",
            "network",
            known,
            names,
            people=_people(self.human()),
            joined=False,
            band=False,
            xlabel="network",
            ylabel="effect [ms]",
            ylim=(0, None),
        )
        draws = [
            by_cue(timed(frame), "ms", "RT [ms]", times),
            networks,
            by_cue(frame, "error", "errors [share]", wrong),
        ]
        return self.sheets(frame, draws)


def _people(t: pd.DataFrame) -> pd.DataFrame:
    """People's three networks [ms], from their means; how people differ in them is not in the table."""
    rt = 1000 * t.set_index(["cue", "congruence"])["mean"].unstack()
    found = [
        rt.loc[slow].mean() - rt.loc[fast].mean() for _, slow, fast, by in NETWORKS.values() if by != "cue"
    ]
    return pd.DataFrame(
        {"network": range(3), "mean": [*found, (rt[-1] - rt[1]).mean()], "sd": np.nan, "n": int(t["n"].min())}
    )


def _scores(frame: pd.DataFrame) -> pd.DataFrame:
    """Each person's three networks [ms] (column effect), by their number."""
    parts = [
        difference(frame, column, slow, fast, by).assign(network=i)
        for i, (column, slow, fast, by) in enumerate(NETWORKS.values())
    ]
    return pd.concat(parts, ignore_index=True)
