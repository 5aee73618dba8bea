"""Go/no-go: press for nine stimuli in ten, hold back for the tenth (as in the SART; Robertson et al. 1997).

Commission errors rise over seven minutes while response times stay flat; runs are fast before an error and slow after
it. Human table: `human/go_nogo.csv`, 520 adults, 350 trials.

One decision (`laws.conflict`): evidence is counted for going or for holding back; readiness of the key pushes going, in
a pulse that rises and fades. So commissions come about as errors with flankers do, and people who identify stimuli fast
need not make more of them. While attention is away, pressing goes on in a slower rhythm: people whose attention wanders
have both commissions and uneven times. Task constants: 1.2 s per trial (seven minutes of 350); speed of telling stimuli
apart, and time of the pulse as in `simon`; what is not decision, from go RT, as in `stop_signal`; how ready the key is
(`readiness`, in categorisations), from commissions. People differ in that (`Observer.readiness`, over the mean
adult's), from the sd of commissions between them: whose key is readier is faster and errs more. It is assumed that
readiness does not depend on how rare no-gos are: if it followed the odds of going, it would be half as large with a
quarter of no-gos, and commissions .12 in the other laboratory (people .22). Load: demand 1.25 (what is seen has to be
identified [assumption]), monotony .9^2 + .1^2.

What fails: Softmax attention never presses wrongly. The mind's runs before an error are fast by too little, and
it hardly ever misses a go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cogattn import human
from cogattn._renamed import old_fields
from cogattn.errors import number, whole
from cogattn.laws import alertness
from cogattn.paradigms.base import Condition, Levels, Metric, Pace, Statistics, curve, pens_of
from cogattn.paradigms.conflict import HAND_SD, Simon
from cogattn.paradigms.scored import Scored, Values, across, cells, coded, of
from cogattn.paradigms.session import DISCRIMINATION, Array, SessionParadigm, SessionRecord, scattered
from cogattn.paradigms.stop_signal import StopSignal
from cogattn.view.drawn import Drawn
from cogattn.world.session import Session
from cogattn.world.stream import Stimulus, Task, TaskStream

_BEFORE = 4  # go trials before an error
#: Another laboratory (`human/gonogo_hedge2018.csv`): 600 trials, a quarter of them no-gos; its pace is not known here.
HEDGE = {"trials": 600, "nogo": 0.25}


_COUNTED = "going is told, by evidence_rate, readiness and peak"


@old_fields({"caution": _COUNTED, "withhold": _COUNTED, "withhold_sd": _COUNTED})
@dataclass(frozen=True)
class GoNoGo(SessionParadigm):
    """Options: trials, share of no-go stimuli, seconds per trial; how fast a stimulus is identified, how ready the
    key is, and how late [s] it pushes; what is not decision [s] and its sd."""

    trials: int = 350
    nogo: float = 0.1
    pace: float = 1.2
    evidence_rate: float = Simon.evidence_rate
    readiness: float = 1.25
    peak: float = Simon.peak
    non_decision_time: float = StopSignal.non_decision_time
    non_decision_sd: float = HAND_SD * non_decision_time

    name = "go_nogo"
    clues = ("go ?no ?go", r"\bgng\b")
    pixels = "go"
    title = "Go/no-go"
    question = "Press for nine stimuli in ten, hold back for the tenth. How often does the finger slip?"
    shown_pace = (Pace(6, 1), Pace(16, 1))
    statistics = Statistics(("signal",), ("responded",))
    usual_params = ("speed", "speed_sd")
    source = "Eisenberg et al. 2019, Nat Commun 10:2319 (520 adults)"
    condition_columns = ("nogo",)
    levels: ClassVar[Levels] = {"signal": {"no go": 1, "nogo": 1, "go": 0}}

    def __post_init__(self) -> None:
        whole("trials", self.trials, least=50, most=100_000)
        number("nogo", self.nogo, above=0, most=0.5)
        number("pace", self.pace, least=0.6, most=60, unit="s")
        number("readiness", self.readiness, least=0, most=100)
        self._task()  # checks the constants

    def _task(self) -> Task:
        same = alertness.monotony([1 - self.nogo, self.nogo])
        return Task(
            "press", 1.0, DISCRIMINATION, same, 0.0, 60 / self.pace, "go",
            evidence_rate=self.evidence_rate, activation=self.readiness, peak=self.peak,
            after=self.non_decision_time, after_sd=self.non_decision_sd,
        )  # fmt: skip

    def conditions(self) -> list[Condition]:
        """One."""
        return [{"nogo": self.nogo}]

    def length(self, condition: Condition) -> int:
        """The trials, in fifths of equal length."""
        return self.trials // 5 * 5

    def session(self, condition: Condition, keys: Array) -> Session:
        """A stimulus every `pace` seconds; each fifth has its share of no-gos."""
        task = self._task()
        kinds = [
            TaskStream((Stimulus("go", task="press", signal=s),), end=self.pace, tasks=(task,))
            for s in (False, True)
        ]
        size = self.length(condition) // 5
        few = max(1, round(size * self.nogo))
        which = scattered(keys, 5, size, (size - few, few))
        return Session(tuple(kinds), which, np.zeros(which.shape[1]))

    def score_session(self, condition: Condition, session: Session, seen: SessionRecord) -> dict[str, Array]:
        """Adds the fifth. A response to a no-go is a commission, none to a go an omission."""
        out = super().score_session(condition, session, seen)
        n = seen.rt.shape[1]
        return out | {"block": np.broadcast_to(np.arange(n) // (n // 5), seen.rt.shape)}

    def completed(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The fifth that a trial is in, by its place in the file; when it came, by the pace."""
        rows = frame.groupby("person", sort=False)
        order, size = rows.cumcount(), rows["person"].transform("size")
        return frame.assign(block=5 * order // size, onset=order * self.pace)

    def metrics(self, frame: pd.DataFrame) -> list[Metric]:
        """Commissions in the first and last fifth, and the speed of the runs around them."""
        f = _prepared(frame)
        t = human.table("go_nogo").set_index("measure")["mean"]
        label = "go/no-go 7 min"
        by = f.groupby("block")["commission"].mean()
        before, after = runs(f)
        first, last = {"block": by.index[0]}, {"block": by.index[-1]}
        no_go, go = {"signal": True}, {"signal": False}
        rt = f[~f["signal"] & (f["rt"] > 0)].groupby("block")["rt"].mean() * 1000
        values = {
            "commission errors first fifth": (by.iloc[0], t["fifth 1: commission"], first | no_go),
            "commission errors last fifth": (by.iloc[-1], t["fifth 5: commission"], last | no_go),
            "RT before an error minus before a withhold": (
                before, t["pre-error minus pre-correct, ms (paired; dz in sd col of next row)"], None
            ),
            "RT after an error minus after a withhold": (
                after, t["post-error minus post-correct-withhold RT, ms"], None
            ),
            "go RT first fifth": (rt.iloc[0] if len(rt) else np.nan, t["fifth 1: go RT"], first | go),
            "go RT last fifth": (rt.iloc[-1] if len(rt) else np.nan, t["fifth 5: go RT"], last | go),
        }  # fmt: skip
        return [Metric(label, name, "session", float(v), float(p), of) for name, (v, p, of) in values.items()]

    def scored(self) -> list[Scored]:
        """Errors and response times by fifth, and of all; those around a no-go; between persons. Another laboratory."""
        by_fifth = {
            "commissions by fifth": of("commission", ["block"]),
            "omissions by fifth": of("omission", ["block"]),
            "go RT by fifth": of("go_rt", ["block"]),
        }
        spread: dict[str, Values] = {
            "go RT sd over mean by fifth": _variation,
            "go RT sd within a person": of("go_rt", ["block"], "std"),
        }
        whole: dict[str, Values] = dict.fromkeys(("errors", "go RT", "go RT sd over mean"), _overall)
        whole |= {"RT before a no-go": _around, "RT around an error": _around, "correlation": _related}

        def scored(table: str, measures: dict[str, Values], at: Any, **options: Any) -> list[Scored]:
            return [Scored(table, m, _of_prepared(values), at, options) for m, values in measures.items()]

        fifth = coded(measure=lambda text: int(text.split()[1].rstrip(":")) - 1)
        return [
            *scored("go_nogo", by_fifth | spread, fifth),
            *scored("go_nogo", whole, coded(measure=_named)),
            *scored("gonogo_hedge2018", by_fifth | spread, coded(fifth=lambda f: int(f) - 1), **HEDGE),
            across(
                gng_commission=lambda f: _overall(_prepared(f))["commission"],
                gng_rt=lambda f: _overall(_prepared(f))["rt"],
                gng_cv=lambda f: _overall(_prepared(f))["variation"],
            ),
        ]

    def human(self) -> pd.DataFrame:
        """Commission rate and go RT by fifth; 520 people."""
        t = human.table("go_nogo").set_index("measure")
        rows = [
            {"nogo": 0.1, "block": i - 1, "mean": t.loc[f"fifth {i}: commission", "mean"],
             "sd": t.loc[f"fifth {i}: commission", "sd"], "rt": t.loc[f"fifth {i}: go RT", "mean"],
             "rt_sd": t.loc[f"fifth {i}: go RT", "sd"], "n": t.loc[f"fifth {i}: commission", "n"]}
            for i in range(1, 6)
        ]  # fmt: skip
        return pd.DataFrame(rows)

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """Commissions rise while RT stays flat."""
        f, t, known = _prepared(frame), self.human(), pens_of(frame)
        f = f.assign(go_rt=(f["rt"] * 1000).where(~f["signal"]), minute=f["onset"] / 60)
        t = t.assign(minute=(t["block"] + 0.5) * self.length({}) * self.pace / 60 / 5)
        people = t if self.nogo == 0.1 else None

        def panel(ax: Any, value: str, shown: pd.DataFrame | None, label: str) -> None:
            curve(ax, f, value, "block", known, shown, along="minute", ylabel=label)
            ax.set(xlabel="time on task [min]")

        def commissions(ax: Any) -> None:
            panel(ax, "commission", people, "commission errors [share of no-gos]")
            ax.set_ylim(-0.02, None)

        def times(ax: Any) -> None:
            shown = None if people is None else people.assign(mean=people["rt"], sd=people["rt_sd"])
            panel(ax, "go_rt", shown, "go RT [ms]")

        return Drawn.of(self.finding(frame), [commissions, times], size=(8.4, 4.2))

    def finding(self, frame: pd.DataFrame) -> str:
        """What was found, in a line, from the numbers themselves."""
        parts = []
        for arm, own in frame.groupby("arm", sort=False):
            by = _prepared(own).groupby("block")["commission"].mean()
            parts.append(f"{arm} {by.iloc[0]:.0%} -> {by.iloc[-1]:.0%}")
        return f"{self.title}, commission errors, first to last fifth: " + ", ".join(parts)


def _prepared(frame: pd.DataFrame) -> pd.DataFrame:
    error = frame["responded"].astype(float)
    go_rt = (1000 * frame["rt"]).where(~frame["signal"])
    return frame.assign(
        commission=error.where(frame["signal"]), omission=(1 - error).where(~frame["signal"]), go_rt=go_rt
    )


def _of_prepared(values: Values) -> Values:
    return lambda frame: values(_prepared(frame))


#: How the table's measures begin, and what they are here.
_NAMES = {
    "commission error rate": "commission", "omission rate": "omission", "go RT ms": "rt", "go RT CV": "variation",
    "mean RT of 4 go trials before commission": "before error", "mean RT of 4 go trials before correct": "before",
    "pre-error minus": "before, error less withhold", "post-error minus": "after, error less withhold",
    "corr(commission rate, mean": "commission rt", "corr(commission rate, RT": "commission variation",
}  # fmt: skip


def _named(text: str) -> str | None:
    return next((name for head, name in _NAMES.items() if text.startswith(head)), None)


def _overall(f: pd.DataFrame) -> pd.DataFrame:
    """Of each person: commissions, omissions, mean go RT [ms] and its sd over its mean."""
    mean, sd = (cells(f, "go_rt", [], how)["ALL"] for how in ("mean", "std"))
    shares = {name: cells(f, name, [])["ALL"] for name in ("commission", "omission")}
    return pd.DataFrame(shares | {"rt": mean, "variation": sd / mean})


def _variation(f: pd.DataFrame) -> pd.DataFrame:
    """sd over mean of go RT, by fifth."""
    return cells(f, "go_rt", ["block"], "std") / cells(f, "go_rt", ["block"])


def _related(f: pd.DataFrame) -> pd.DataFrame:
    """Between persons: correlation of commissions with response time and with its variation."""
    r = _overall(f).corr()["commission"]
    return pd.DataFrame({"commission rt": [r["rt"]], "commission variation": [r["variation"]]})


def _around(f: pd.DataFrame) -> pd.DataFrame:
    """Of each person: go RT [ms] before commissions and before withholds; before and after, errors less withholds."""
    means = runs_by_person(f).reindex(columns=[(c, e) for c in ("before", "after") for e in (0.0, 1.0)])
    before, after = ({e: means[c, e] for e in (0.0, 1.0)} for c in ("before", "after"))
    return pd.DataFrame(
        {
            "before error": before[1.0],
            "before": before[0.0],
            "before, error less withhold": before[1.0] - before[0.0],
            "after, error less withhold": after[1.0] - after[0.0],
        }
    )


def runs_by_person(f: pd.DataFrame) -> pd.DataFrame:
    """Go RT [ms] of each person around no-gos: (before, after) x (withheld 0, commission 1); the mean of the four go
    trials before, and of the one after."""
    f = f.sort_values(["person", "trial"])
    go = (f["rt"] * 1000).where(~f["signal"])
    by = f["person"]
    shifted = pd.concat([go.groupby(by).shift(k) for k in range(1, _BEFORE + 1)], axis=1)
    table = pd.DataFrame(
        {
            "person": by,
            "error": f["commission"],
            "before": shifted.mean(axis=1),
            "after": go.groupby(by).shift(-1),
        }
    )
    return table.dropna(subset=["error"]).groupby(["person", "error"])[["before", "after"]].mean().unstack()


def runs(f: pd.DataFrame) -> tuple[float, float]:
    """Go RT [ms] around a no-go, commissions less withholds: mean of the four go trials before, and of the one after.

    Within each person, then over people.
    """
    means = runs_by_person(f)
    if not {0.0, 1.0} <= set(means.columns.get_level_values(1)):
        return np.nan, np.nan
    before, after = ((means[c][1.0] - means[c][0.0]).dropna() for c in ("before", "after"))
    return (float(before.mean()) if len(before) else np.nan), (float(after.mean()) if len(after) else np.nan)
