"""Serial recall (memory span): letters come one per second and are to be said in order. Span: Miller 1956; without
rehearsal and grouping about four: Cowan 2001 (Behav Brain Sci 24:87).

Every letter is named as it comes and takes a slot; when the store is full it displaces another (`policy`). The list is
said inwardly, round after round; each saying leaves a trace that fades (`mind.rehearsal`). Then it is said aloud, in
the order in which the letters seem to have come, with gaps where one is lost; a letter is right if it is said in its
place. By serial position this is `laws.memory.span_recall`.

Who cannot rehearse (`rehearse=0`: says something else aloud all the time, say) has the slots alone: the span is about
K, by position `laws.memory.serial_recall`. Task constants: one letter per second, shown half of it; saying a letter
takes one simple response [assumption]; recall follows the last letter's second; a trial loads memory with nothing
beyond its slots. There is no table of people here (`digit_span` has one).

What fails: Plain softmax attention repeats lists of any length. In the mind letters that sound alike are not confused,
long words take no longer unless `rehearse` says so, nothing is grouped, and errors of order are those of neighbours in
time alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cogattn.errors import InputError, choice, number, whole
from cogattn.paradigms.base import Condition, Metric, Statistics, pens_of
from cogattn.paradigms.divided import DEMAND, MONOTONY, Divided, account, between_arms
from cogattn.paradigms.report import series
from cogattn.paradigms.session import Array
from cogattn.view import plot
from cogattn.view.drawn import Drawn
from cogattn.world.session import Session
from cogattn.world.stream import Stimulus, Task, TaskStream

POLICIES = ("lose", "random", "oldest", "weakest")
_TURN, _AFTER = 0.6, 2.0  # s: in recall a slow person has this long for each item said, and this much more


@dataclass(frozen=True)
class SerialRecall(Divided):
    """Options: list lengths, seconds per letter, how long each is shown [s], what a full store does, how many simple
    responses it takes to say a letter (0: nobody rehearses), trials per length.

    policy: a full store displaces a "random" item, the "oldest" or the "weakest", or it "lose"s what comes.
    """

    lengths: tuple[int, ...] = (3, 4, 5, 6, 7, 8, 9)
    interval: float = 1.0
    shown: float = 0.5
    policy: str = "random"
    rehearse: float = 1.0
    trials: int = 30

    name = "serial_recall"
    title = "Serial recall"
    question = "Letters come one a second. How many can be said in order?"
    statistics = Statistics(("length",), ("correct",), ())
    source = "Cowan 2001, Behav Brain Sci 24:87 (the task; no table of people here)"
    condition_columns = ("length",)
    banded = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "lengths", series("lengths", self.lengths))
        for n in self.lengths:
            whole("list length", n, least=1, most=32)
        number("interval", self.interval, above=0, most=60, unit="s")
        number("shown", self.shown, above=0, most=60, unit="s")
        if self.shown > self.interval:
            raise InputError(f"shown must be at most the interval of {self.interval:g} s, got {self.shown:g}")
        choice("policy", self.policy, POLICIES)
        number("rehearse", self.rehearse, least=0, most=100, unit="simple responses")
        whole("trials", self.trials, least=1, most=100_000)

    @property
    def per_condition(self) -> int:
        """Trials per list length."""
        return self.trials

    def conditions(self) -> list[Condition]:
        """One per list length."""
        return [{"length": int(n)} for n in self.lengths]

    def trial(self, condition: Condition) -> TaskStream:
        """One letter after the other, each masked by a blank of its own."""
        return list_trial(
            int(condition["length"]), self.interval, self.shown, self.policy, self.rehearse, DEMAND, MONOTONY
        )

    def score_session(self, condition: Condition, session: Session, seen: Any) -> dict[str, Array]:
        """Letters said in their places; p1, p2, ... by serial position (missing beyond the list)."""
        n = int(condition["length"])
        held = said(seen)[..., :n] if self.rehearse > 0 else self.known(seen)
        return in_order(held, seen.element_times.seems[..., :n], self.interval, max(self.lengths))

    def metrics(self, frame: pd.DataFrame) -> list[Metric]:
        """Share right and perfect lists by length, by serial position for the longest list, and the span."""
        by = frame.groupby("length")[["share", "correct"]].mean()
        out = []
        for n, row in by.iterrows():
            for metric, value in (("share right", row["share"]), ("perfect lists", row["correct"])):
                name = f"{metric} of {n} letters"
                out.append(Metric("serial recall", name, f"length={n}", float(value), np.nan, {"length": n}))
        last = max(self.lengths)
        own = frame[frame["length"] == last]
        for i in range(1, last + 1):
            name = f"position {i} of {last}"
            out.append(
                Metric(
                    "serial recall",
                    name,
                    f"length={last}",
                    float(own[f"p{i}"].mean()),
                    np.nan,
                    {"length": last},
                )
            )
        return [*out, Metric("serial recall", "span", "over lengths", span(by["correct"]), np.nan)]

    def human(self) -> pd.DataFrame:
        """There is no table."""
        return pd.DataFrame(columns=["length", "mean", "sd", "n"], dtype=float)

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """Right by serial position for the longest list, share right and perfect lists over length."""
        known, last = pens_of(frame), max(self.lengths)
        wide, places = frame[frame["length"] == last], [f"p{i + 1}" for i in range(last)]
        long = wide.melt(["arm", "person"], places, var_name="at", value_name="right")
        long["position"] = long["at"].str[1:].astype(int)
        length: dict[str, Any] = {"xlabel": "list length [letters]", "ylim": (-0.03, 1.05)}

        def positions(ax: Any) -> None:
            words: dict[str, Any] = {
                "xlabel": f"serial position [of {last}]",
                "ylabel": "right in its place [share]",
            }
            self.panel(ax, long, "right", "position", known, ylim=(-0.03, 1.05), **words)

        def shares(ax: Any) -> None:
            self.panel(ax, frame, "share", "length", known, ylabel="right in its place [share]", **length)

        def perfect(ax: Any) -> None:
            rows = frame.assign(perfect=frame["correct"].astype(float))
            self.panel(ax, rows, "perfect", "length", known, ylabel="perfect lists [share]", **length)
            ax.axhline(0.5, color=plot.QUIET, linewidth=0.8)

        return self.sheets(frame, [positions, shares, perfect])

    def finding(self, frame: pd.DataFrame) -> str:
        """What was found, in a line, from the numbers themselves."""

        def reach(own: pd.DataFrame) -> str:
            s = span(own.groupby("length")["correct"].mean())
            return f"{s:.1f}" if np.isfinite(s) else "beyond the lists"

        return f"{self.title}: half of the lists are perfect at a length of: " + between_arms(frame, reach)


def list_trial(
    n: int,
    interval: float,
    shown: float,
    policy: str,
    rehearse: float,
    demand: float,
    monotony: float,
    reversed_: bool = False,
) -> TaskStream:
    """A list of n items, and the call for its recall an interval after the last; without rehearsal nobody calls: what
    is in the store a second later is what can be said."""
    task = Task("list", 1.0, demand, monotony, when_full=policy, rehearse=rehearse)
    items = [Stimulus(f"p{i + 1}", i * interval, i * interval + shown, task=task.name) for i in range(n)]
    if rehearse == 0:
        return TaskStream(tuple(items), end=n * interval + 1.0, tasks=(task,))
    recall = Task("recall", 1.0, 0.0, response="recall_reversed" if reversed_ else "recall")
    items.append(Stimulus("now", n * interval, task=recall.name))
    turns = n * (n + 1) // 2 if reversed_ else n
    return TaskStream(tuple(items), end=n * interval + _TURN * turns + _AFTER, tasks=(task, recall))


def said(seen: Any) -> Array:
    """(people, trials, elements): what was said in recall. (Who wanders hears the list, and rehearses more slowly.)"""
    return ~np.isnan(seen.element_times.answered)


def in_order(held: Array, seems: Array, interval: float, most: int) -> dict[str, Array]:
    """The columns of a list that is recalled: p1, p2, ... up to `most`, share, response, and the account."""
    n = held.shape[-1]
    right = in_place(
        held, np.where(np.isnan(seems), interval * np.arange(n), seems)
    )  # nan: found the store full
    out = account(right.sum(-1), held.sum(-1), n)
    for i in range(most):
        out[f"p{i + 1}"] = right[..., i].astype(float) if i < n else np.full(held.shape[:-1], np.nan)
    return out | {"share": right.mean(-1), "response": _said(held, right)}


def in_place(held: Array, seems: Array) -> Array:
    """Held, and said in its place: as many held items seem to have come before it as really came before it.

    >>> in_place(np.array([True, False, True, True]), np.array([0.0, np.nan, 2.0, 1.0])).tolist()
    [True, False, False, False]
    """
    when = np.where(held, seems, np.inf)
    before = (when[..., None, :] < when[..., :, None]) & held[..., None, :]
    place = np.cumsum(held, axis=-1) - 1
    return held & (before.sum(-1) == place)


def span(perfect: pd.Series) -> float:
    """The list length at which half of the lists are perfect, between the two lengths where this is crossed."""
    x, y = perfect.index.to_numpy(float), perfect.to_numpy(float)
    for i in range(len(x) - 1):
        if y[i] >= 0.5 > y[i + 1]:
            return float(x[i] + (y[i] - 0.5) / (y[i] - y[i + 1]) * (x[i + 1] - x[i]))
    return float("nan")


def _said(held: Array, right: Array) -> Array:
    """+ in its place, x elsewhere, . missing."""
    signs = np.where(right, "+", np.where(held, "x", "."))
    return np.array(["".join(row) for row in signs.reshape(-1, signs.shape[-1])]).reshape(signs.shape[:-1])
