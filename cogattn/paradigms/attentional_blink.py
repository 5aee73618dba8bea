"""The attentional blink: two targets in a rapid stream; the second is missed if it comes 200-500 ms after the first.

Raymond, Shapiro & Arnell 1992; human tables: `human/attentional_blink.csv`, `human/attentional_blink_more_labs.csv`
(Goodbourn et al. 2016). What is selected is consolidated first, and meanwhile the door of the store is locked. What is
masked in that time is lost, unless it is encoded so soon after T1's onset that it slips in with it (lag-1 sparing; then
the two may change places). With v = C evidence, and T1 encoded e seconds after its onset (`laws.door.blink_encoded`):

    P(T2 | T1, s) = p F + (1 - F) q p_W        F = P(e + D <= s + shown),   D ~ N(dwell, dwell_sd) + dwell_counts / v
    p = P(encoded before the mask), p_W = P(T2 encoded within W of T1's onset)

So unclear targets are missed more often and lock the door for longer, and people who see slowly blink for longer. T2
waits at the door until its mask: there is no blink if T2 is not masked, and none if T1 need not be reported.

`laboratory`: items per second are those of the data authors' code (`human/attentional_blink_rates.csv`); how clear an
item is between two others is set, a number for each laboratory, by how often T1 was reported at lags of 3 and more. All
else is fitted to Berkeley alone: the other laboratories' curves are predictions.

What fails: Plain softmax attention does not blink: both targets are reported at every lag, and lifting
consolidation alone does the same. The mind recovers too slowly where items are least clear (half of it after 458 ms in
Warwick, people 421 ms). T1 is missed or swapped with T2, never confused with its neighbours: people's intrusions are
misses here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cogattn import human
from cogattn.errors import InputError, choice, number, shown, whole
from cogattn.paradigms.base import Condition, Metric, Statistics, pens_of
from cogattn.paradigms.divided import DEMAND, MONOTONY, Divided, account
from cogattn.paradigms.report import series
from cogattn.paradigms.scored import Scored, Values, cells, of
from cogattn.paradigms.session import Array
from cogattn.view.drawn import Drawn
from cogattn.world.session import Session
from cogattn.world.stream import Stimulus, Task, TaskStream

_BEFORE, _AFTER = 5, 4  # items before T1 and after T2

#: Items per second in each laboratory.
RATES = {"Berkeley": 10.0, "SydneyWord": 9.4, "SydneyObject": 9.4, "Warwick": 11.1}
#: How clear an item is there: share of C.
CLARITY = {"Berkeley": 0.576, "SydneyWord": 0.229, "SydneyObject": 0.199, "Warwick": 0.17}


@dataclass(frozen=True)
class AttentionalBlink(Divided):
    """Options: lags; whose items (`laboratory`), or their rate per second and how clear they are; whether T2 is masked
    and T1 reported; trials per lag."""

    lags: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    rate: float | None = None  #: items per second; None: the laboratory's
    evidence: float | None = None  #: how clear an item is, share of C; None: the laboratory's
    masked: bool = True
    report_first: bool = True
    trials: int = 60
    laboratory: str = "Berkeley"

    name = "attentional_blink"
    clues = ("attentional ?blink", "rsvp", r"\bblink")
    pixels = "stream"
    title = "Attentional blink"
    question = "Two letters hide in a rapid stream. Is the second one missed so soon after the first?"
    statistics = Statistics(("lag",), ("T1", "both"), ())
    usual_params = ("dwell", "dwell_sd", "sparing_window")
    source = "Goodbourn et al. 2016, Psychol Sci 27:1146 (95 adults in four laboratories)"
    condition_columns = ("lag",)
    drawn_from = ("person", "lag", "T1", "both")
    pictures = "frames"
    gap = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "lags", series("lags", self.lags))
        for lag in self.lags:
            whole("lag", lag, least=1, most=40)
        choice("laboratory", self.laboratory, list(RATES))
        number("rate", self.items_per_second, above=0, most=100, unit="items/s")
        number("evidence", self.clarity, above=0, most=1000)
        for name in ("masked", "report_first"):
            if not isinstance(getattr(self, name), bool):
                raise InputError(f"{name} must be True or False, got {shown(getattr(self, name))}")
        whole("trials", self.trials, least=1, most=100_000)

    @property
    def items_per_second(self) -> float:
        """Its own, or the laboratory's."""
        return RATES[self.laboratory] if self.rate is None else self.rate

    @property
    def clarity(self) -> float:
        """How clear an item is: its own, or the laboratory's."""
        return CLARITY[self.laboratory] if self.evidence is None else self.evidence

    def options(self) -> dict[str, Any]:
        """The options as plain values; what is the laboratory's is not among them."""
        return {k: v for k, v in super().options().items() if v is not None}

    @property
    def per_condition(self) -> int:
        """Trials per lag."""
        return self.trials

    def conditions(self) -> list[Condition]:
        """One per lag."""
        return [{"lag": int(lag)} for lag in self.lags]

    def trial(self, condition: Condition) -> TaskStream:
        """T1 and T2 first, then the other items; each is masked by the next."""
        step, lag = 1 / self.items_per_second, int(condition["lag"])
        first, second = _BEFORE, _BEFORE + lag
        last = second + _AFTER if self.masked else second
        task = Task("report", 1.0, DEMAND, MONOTONY, consolidate=True)

        def item(name: str, place: int, target: bool) -> Stimulus:
            end: dict[str, Any] = {"mask": (place + 1) * step}
            if place == last and not self.masked:
                end = {"offset": (place + 1) * step + 0.5}
            clear = self.clarity if target else 0.0
            return Stimulus(name, place * step, **end, distractor=not target, evidence=clear)

        others = [i for i in range(last + 1) if i not in (first, second)]
        items = [item("T1", first, self.report_first), item("T2", second, True)]
        items += [item(f"d{i}", i, False) for i in others]
        return TaskStream(tuple(items), end=(last + 1) * step + 1.0, tasks=(task,))

    def score_session(self, condition: Condition, session: Session, seen: Any) -> dict[str, Array]:
        """What was reported, in the order in which it seems to have come: a pair that changed places is wrong twice."""
        known = self.known(seen)[..., :2] if seen.read is None else seen.read[..., :2] == 1
        swapped = known.all(-1) & (seen.element_times.seems[..., 1] < seen.element_times.seems[..., 0])
        right = known & ~swapped[..., None]
        first = right[..., 0] if self.report_first else np.ones_like(swapped)
        out = account(right.sum(-1), known.sum(-1), 2) if self.report_first else account(right[..., 1])
        return out | {
            "T1": right[..., 0],
            "T2": right[..., 1],
            "both": first & right[..., 1],
            "given": first,
            "swap": swapped,
            "response": np.where(
                swapped,
                "T2 T1",
                np.where(known[..., 0], "T1 ", "").astype(object) + np.where(known[..., 1], "T2", ""),
            ),
        }

    def completed(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Given is T1, where it is asked for; whether the order was swapped is not known."""
        given = frame["T1"] if self.report_first else 1
        return frame.assign(given=given, swap=frame.get("swap", np.nan))

    def metrics(self, frame: pd.DataFrame) -> list[Metric]:
        """The depth of the blink, where it is, sparing, swaps; T2|T1 at each lag."""
        t = self.human().set_index("lag") if self.as_people else None
        model = {
            "mean": given_first(frame).groupby("lag")["mean"].mean(),
            "swap": frame.groupby("lag")["swap"].mean(),
        }
        own = self._shape(model["mean"], model["swap"])
        people = self._shape(t["mean"], t["swap"]) if t is not None else dict.fromkeys(own, np.nan)
        return [Metric("attentional blink", name, "over lags", own[name], people[name]) for name in own]

    def _shape(self, curve: pd.Series, swap: pd.Series) -> dict[str, float]:
        low = float(curve.min())
        asymptote = float(curve.loc[curve.index.max()])
        flat = bool(np.isclose(curve, curve.iloc[0], atol=1e-9).all())
        return {
            "lowest T2|T1 over asymptote": low / asymptote if asymptote > 0 else np.nan,
            "lag of the minimum": np.nan if flat else float(curve.idxmin()),
            "lag 1 minus minimum (sparing)": float(curve.get(1, np.nan)) - low,
            "order swaps at lag 1": float(swap.get(1, np.nan)),
        }

    def scored(self) -> list[Scored]:
        """T1, T2 given T1 and swaps, lag by lag, as each laboratory ran it."""
        tables = {name: human.table(name) for name in ("attentional_blink", "attentional_blink_more_labs")}
        labs = [
            (name, str(lab), tuple(range(1, int(last) + 1)))
            for name, t in tables.items()
            for lab, last in t.groupby("dataset")["lag"].max().items()
        ]
        usual = {"laboratory": self.laboratory, "lags": self.lags}

        def unusual(lab: str, lags: tuple[int, ...]) -> dict[str, Any]:
            return {k: v for k, v in {"laboratory": lab, "lags": lags}.items() if v != usual[k]}

        return [
            Scored(table, measure, values, _of_lab(lab), unusual(lab, lags))
            for table, lab, lags in labs
            for measure, values in MEASURES.items()
        ]

    def human(self) -> pd.DataFrame:
        """T2|T1, T1 and swaps by lag, in this laboratory."""
        t = pd.concat([human.table("attentional_blink"), human.table("attentional_blink_more_labs")])
        t = t[t["dataset"] == self.laboratory].reset_index(drop=True)
        return pd.DataFrame(
            {"lag": t["lag"], "mean": t["T2_given_T1"], "sd": t["T2gT1_sd"], "n": t["n_sub"], "swap": t["swap"],
             "T1": t["T1"], "T1_sd": t["T1_sd"], "dataset": t["dataset"]}
        )  # fmt: skip

    @property
    def as_people(self) -> bool:
        """People saw masked items at the laboratory's rate and reported both."""
        return self.items_per_second == RATES[self.laboratory] and self.masked and self.report_first

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """T2 given T1 over lag, T1, and order swaps."""
        people, known = self.human(), pens_of(frame)
        lag: dict[str, Any] = {"xlabel": "lag [items]"}

        def second(ax: Any) -> None:
            name = "T2 given T1" if self.report_first else "T2"
            self.panel(ax, given_first(frame), "mean", "lag", known, people, ylim=(0, 1.03), **lag)
            ax.set(ylabel=f"{name} right [probability]")

        def first(ax: Any) -> None:
            own = people.assign(mean=people["T1"], sd=people["T1_sd"])
            rows = frame.assign(T1=frame["T1"].astype(float))
            self.panel(
                ax, rows, "T1", "lag", known, own, ylabel="T1 right [probability]", ylim=(0, 1.03), **lag
            )

        def swaps(ax: Any) -> None:
            rows = frame.assign(swap=frame["swap"].astype(float))
            own = people.assign(mean=people["swap"], sd=np.nan)
            self.panel(ax, rows, "swap", "lag", known, own, ylabel="order swapped [probability]", **lag)

        return self.sheets(frame, [second, first, swaps] if self.report_first else [second, swaps])

    def finding(self, frame: pd.DataFrame) -> str:
        """What was found, in a line, from the numbers themselves."""
        parts = []
        for arm, own in frame.groupby("arm", sort=False):
            c = given_first(own).groupby("lag")["mean"].mean()
            parts.append(f"{arm} {c.min():.2f} (lag {c.idxmin()}) of {c.iloc[-1]:.2f}")
        return f"{self.title}: the second target is reported at worst: " + ", ".join(parts)


def _of_lab(lab: str) -> Any:
    """The cell of a row, if it is of this laboratory."""
    return lambda at: int(at["lag"]) if at["dataset"] == lab else None


def given_first(frame: pd.DataFrame) -> pd.DataFrame:
    """P(T2 | T1) by person and lag: over the trials with T1 right."""
    sums = frame.groupby(["arm", "person", "lag"], sort=False)[["both", "given"]].sum().reset_index()
    return sums.assign(mean=sums["both"] / sums["given"].where(sums["given"] > 0)).dropna(subset=["mean"])


#: What the tables of people call it, and how it is counted.
MEASURES: dict[str, Values] = {
    "T1 right": of("T1", ["lag"]),
    "T2 right given T1": lambda frame: cells(given_first(frame), "mean", ["lag"]),
    "order swapped": of("swap", ["lag"]),
}
