"""Digit span: digits come one a second and are to be said in order, or in the reverse order. How many? Data: 522 adults
on the net (Eisenberg et al. 2019, Nat Commun 10:2319).

The mind is that of `serial_recall`: what is heard is said inwardly, round after round, and what is neither in the store
nor said again in time is lost (`mind.rehearsal`; exact for steady minds: `laws.memory.span_recall`). In the reverse
order the list is gone through inwardly up to the last digit, then up to the last but one, and so on: a long list costs
many more sayings.

People met a list one digit longer after every list that they had right, and one shorter after every second error, 14
lists in each direction; so long lists were met by people who are good at it. Every mind takes 14 lists of each length
here, and is then led along the same staircase through its own lists (`staircase`): what is compared is what people
would have met. Task constants: one digit a second, shown .8 s, as the task's code has it; saying a digit takes one
simple response [assumption]; `trace_life` is estimated from the forward lists of 3 to 9 digits
(`simulations/where_do_the_memory_numbers_come_from.py`); people differ in their speed and slots. The reverse lists
inform nothing.

What fails: Plain softmax attention repeats lists of any length, in both directions. In people lists of 10 and more go
up again (11: .39, 12: .67, few people, who may have written them down); in the mind they do not. People fail 1.5 % of
the lists of three, a mind hardly ever. In the reverse order short lists are too easy for the mind and lists of 9 too
hard.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cogattn import human
from cogattn.errors import number, whole
from cogattn.paradigms.base import Condition, Levels, Metric, Pace, Statistics, pens_of
from cogattn.paradigms.divided import DEMAND, MONOTONY, Divided, between_arms
from cogattn.paradigms.report import series
from cogattn.paradigms.scored import Scored, cells, coded
from cogattn.paradigms.selection import some
from cogattn.paradigms.serial_recall import in_order, list_trial, said
from cogattn.paradigms.session import Array
from cogattn.view.drawn import Drawn
from cogattn.world.session import Session
from cogattn.world.stream import TaskStream

DIRECTIONS = {"forward": 1, "reverse": -1}
COMPARED = (3, 8)  # list lengths: longer ones were met by few people


@dataclass(frozen=True)
class DigitSpan(Divided):
    """Options: list lengths, directions, seconds per digit, how long each is shown [s], how many simple responses it
    takes to say one, lists of each length and direction (and on the staircase of each direction)."""

    lengths: tuple[int, ...] = (3, 4, 5, 6, 7, 8, 9, 10, 11)
    directions: tuple[str, ...] = ("forward", "reverse")
    interval: float = 1.0
    shown: float = 0.8
    rehearse: float = 1.0
    trials: int = 14

    name = "digit_span"
    clues = ("digit ?span",)
    title = "Digit span"
    question = "Digits come one a second. How many can be said in order, and in the reverse order?"
    shown_pace = (Pace(4, 14), Pace(8, 14))
    statistics = Statistics(("direction", "length"), ("correct",), ())
    source = "Eisenberg et al. 2019, Nat Commun 10:2319 (522 adults on the net)"
    condition_columns = ("direction", "length")
    levels: ClassVar[Levels] = {"direction": DIRECTIONS}
    banded = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "lengths", series("lengths", self.lengths))
        for n in self.lengths:
            whole("list length", n, least=1, most=20)
        object.__setattr__(self, "directions", some("direction", self.directions, DIRECTIONS))
        number("interval", self.interval, above=0, most=60, unit="s")
        number("shown", self.shown, above=0, most=self.interval, unit="s (the interval)")
        number("rehearse", self.rehearse, above=0, most=100, unit="simple responses")
        whole("trials", self.trials, least=1, most=100_000)

    @property
    def per_condition(self) -> int:
        """Lists of each length in each direction."""
        return self.trials

    def conditions(self) -> list[Condition]:
        """Every length in every direction; 1 = forward, -1 = reverse."""
        return [{"direction": DIRECTIONS[d], "length": int(n)} for d in self.directions for n in self.lengths]

    def trial(self, condition: Condition) -> TaskStream:
        """One digit after the other, and the call for recall."""
        return list_trial(
            int(condition["length"]), self.interval, self.shown, "random", self.rehearse, DEMAND, MONOTONY,
            reversed_=condition["direction"] == DIRECTIONS["reverse"],
        )  # fmt: skip

    def score_session(self, condition: Condition, session: Session, seen: Any) -> dict[str, Array]:
        """Digits said in their places; p1, p2, ... by place in the list as it was shown (missing beyond the list)."""
        n = int(condition["length"])
        return in_order(
            said(seen)[..., :n], seen.element_times.seems[..., :n], self.interval, max(self.lengths)
        )

    def metrics(self, frame: pd.DataFrame) -> list[Metric]:
        """On the staircase: share of whole lists by length, who gets to nine digits, the span (the longest list right).
        Over all lists of eight: right by place."""
        people, out = self.human().set_index(["direction", "length"]), []

        def add(name: str, direction: int, value: float, known: float, of: dict[str, Any]) -> None:
            word = self._word(direction)
            out.append(Metric("digit span", f"{word} {name}", f"direction={direction}", value, known, of))

        for direction, own in frame.groupby("direction", sort=False):
            at, steps = {"direction": direction}, staircase(own)
            means = steps.groupby(["person", "length"])["correct"].mean().groupby("length").mean()
            for n in range(COMPARED[0], COMPARED[1] + 1):
                table = float(people["mean"].get((direction, n), np.nan))
                if n in means.index:
                    add(f"lists of {n} in order", direction, float(means[n]), table, at)
            met = steps.groupby("length")["person"].nunique() / steps["person"].nunique()
            met_by_people = float(people["met"].get((direction, 9), np.nan))
            add("lists of 9 are met by", direction, float(met.get(9, 0.0)), met_by_people, at)
            add("span", direction, float(spans(steps).mean()), np.nan, at)
            if COMPARED[1] in set(own["length"]):
                longest = own[own["length"] == COMPARED[1]]
                for i in (1, COMPARED[1] // 2, COMPARED[1]):
                    add(f"place {i} of {COMPARED[1]}", direction, float(longest[f"p{i}"].mean()), np.nan,
                        at | {"length": COMPARED[1]})  # fmt: skip
        return out

    def scored(self) -> list[Scored]:
        """Whole lists right on the staircase, by direction and length."""

        def lists(frame: pd.DataFrame) -> pd.DataFrame:
            steps = [staircase(own).assign(direction=d) for d, own in frame.groupby("direction")]
            return cells(pd.concat(steps), "correct", ["direction", "length"])

        at = coded(condition=DIRECTIONS, num_digits=int)
        return [Scored("digit_span_by_length_sro", "whole lists right", lists, at)]

    def human(self) -> pd.DataFrame:
        """Share of whole lists by direction and length, sd between people; met: the share of people who met one."""
        if not self.as_people:
            return pd.DataFrame(columns=["direction", "length", "mean", "sd", "n", "met"], dtype=float)
        t = human.table("digit_span_by_length_sro")
        t = t[t["condition"].isin(self.directions)]
        return pd.DataFrame(
            {
                "direction": t["condition"].map(DIRECTIONS),
                "length": t["num_digits"],
                "mean": t["p_correct"],
                "sd": t["sd"],
                "n": t["n_sub"],
                "met": t["n_sub"] / t["n_sub"].max(),
            }
        ).reset_index(drop=True)

    @property
    def as_people(self) -> bool:
        """People saw a digit a second, for .8 s."""
        return (self.interval, self.shown) == (1.0, 0.8)

    @staticmethod
    def _word(direction: float) -> str:
        return next(word for word, code in DIRECTIONS.items() if code == direction)

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """Whole lists over length in each direction, as far as most of the people of an arm met them; right by place in
        lists of eight."""
        known, people = pens_of(frame), self.human()
        steps = pd.concat(
            [_met_by_most(staircase(own)) for _, own in frame.groupby(["arm", "direction"], sort=False)]
        )
        rows = steps.assign(whole=steps["correct"].astype(float))
        longest = min(COMPARED[1], max(self.lengths))
        places = [f"p{i + 1}" for i in range(longest)]
        long = frame[frame["length"] == longest].melt(
            ["arm", "person", "direction"], places, var_name="at", value_name="right"
        )
        long["place"] = long["at"].str[1:].astype(int)

        def lists(ax: Any) -> None:
            words: dict[str, Any] = {
                "xlabel": "list length [digits]",
                "ylabel": "whole lists in order [share]",
                "ylim": (-0.03, 1.05),
            }
            for word in self.directions:
                own = rows[rows["direction"] == DIRECTIONS[word]]
                t = people[(people["direction"] == DIRECTIONS[word]) & people["length"].isin(own["length"])]
                self.panel(ax, own, "whole", "length", known, t, hollow=word == "reverse", **words)
            ax.set_title("filled: forward, hollow: reverse")

        def by_place(ax: Any) -> None:
            words: dict[str, Any] = {
                "xlabel": f"place in the list [of {longest}]",
                "ylabel": "right in its place [share]",
                "ylim": (-0.03, 1.05),
            }
            for word in self.directions:
                own = long[long["direction"] == DIRECTIONS[word]]
                self.panel(ax, own, "right", "place", known, hollow=word == "reverse", **words)

        return self.sheets(frame, [lists, by_place])

    def finding(self, frame: pd.DataFrame) -> str:
        """What was found, in a line, from the numbers themselves."""

        def reach(own: pd.DataFrame) -> str:
            found = [spans(staircase(part)).mean() for _, part in own.groupby("direction", sort=False)]
            return " and ".join(f"{x:.1f}" for x in found)

        return (
            f"{self.title}, longest list right, {' and '.join(self.directions)}: {between_arms(frame, reach)}"
        )


def staircase(frame: pd.DataFrame) -> pd.DataFrame:
    """The lists of one direction that each person would have met, out of those that he took, in their order: the next
    one is a digit longer after a right one, and a digit shorter after every second error. It ends after as many lists
    as there are of one length, or beyond the longest there is.

    >>> lists = pd.DataFrame({"person": 0, "length": [3, 3, 4, 4], "trial": [0, 1, 0, 1]})
    >>> lists["correct"] = [True, True, False, True]
    >>> staircase(lists)[["length", "correct"]].values.tolist()
    [[3, True], [4, False]]
    """
    frame = frame.reset_index(drop=True)
    at: dict[Any, dict[int, list[int]]] = {}
    keys = ["arm", "person"] if "arm" in frame else ["person"]
    by = frame.sort_values("trial", kind="stable").groupby([*keys, "length"], sort=True).indices
    order = frame.sort_values("trial", kind="stable").index.to_numpy()
    for (*who, n), places in by.items():
        at.setdefault(tuple(who), {})[int(n)] = order[places].tolist()
    right, taken = frame["correct"].to_numpy(bool), []
    for lists in at.values():
        n, errors, used = min(lists), 0, dict.fromkeys(lists, 0)
        for _ in range(max(map(len, lists.values()))):
            if n not in lists or used[n] == len(lists[n]):
                break
            row = lists[n][used[n]]
            used[n] += 1
            taken.append(row)
            errors += not right[row]
            if right[row]:
                n += 1
            elif errors == 2:
                n, errors = max(n - 1, min(lists)), 0
    return frame.loc[taken]


def _met_by_most(steps: pd.DataFrame) -> pd.DataFrame:
    """The lists of those lengths that more than half of the people met."""
    met = steps.groupby("length")["person"].nunique() / steps["person"].nunique()
    return steps[steps["length"].map(met) > 0.5]


def spans(steps: pd.DataFrame) -> pd.Series:
    """Each person's span: the longest list that was right; one less than the shortest if none was."""
    won = steps["length"].where(steps["correct"].astype(bool), steps["length"].min() - 1)
    return won.groupby(steps["person"]).max()
