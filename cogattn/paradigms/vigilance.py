"""Vigilance: rare signals among noise, for half an hour in six blocks; and Mackworth's clock, for two hours.

Hits fall and the criterion rises while sensitivity stays flat; sensitivity falls only where each event has to be
held against memory at a high rate (Parasuraman 1979; See et al. 1995). Human table: `human/vigilance_by_block.csv`
(ANTI-VeaD, 113 adults). Task constants of `vigilance`: 80 trials of 4.1 s a block, of which 16 are signals, 18 hard
foils (as the table's correction assumes) and the rest other events that want an answer; sensitivity 2.57 makes people's
mean d' of a block (2.10), as lapses and the correction for few trials take their part. Its responses: left and right
arrow .3 each, signal .2, stop .2; demand 1.25 (what is seen has to be told apart [assumption]). 16 of the other events
are counters that have to be stopped (arousal vigilance): a simple response, and the time that it takes to see that it
is a counter (`notice`, from people's mean RT in the first block:
`simulations/where_do_the_fatigue_numbers_come_from.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy import special

from cogattn import human
from cogattn.errors import InputError, number, whole
from cogattn.laws import alertness
from cogattn.mind.draws import LAYOUT
from cogattn.paradigms.base import (
    Condition,
    Levels,
    Metric,
    Pace,
    Paradigm,
    Sight,
    Statistics,
    curve,
    pens_of,
    pooled,
)  # fmt: skip
from cogattn.paradigms.scored import Scored, Values, cells, coded
from cogattn.paradigms.session import (
    DISCRIMINATION,
    Array,
    SessionParadigm,
    SessionRecord,
    chances,
    scattered,
)
from cogattn.view import plot
from cogattn.view.drawn import Drawn
from cogattn.world.session import Session
from cogattn.world.stream import Stimulus, Task, TaskStream

_ANSWER = 2.0  # s, within which a response counts
_BLOCKS = 6  # of people
_LATE = 0.6  # s; a counter that runs as long, or on, is a lapse
_JUMPS = 60.0  # a minute, of Mackworth's pointer


@dataclass(frozen=True)
class Vigilance(SessionParadigm):
    """Options: blocks, minutes per block, events per minute, shares of signals, of hard foils and of counters, memory,
    sensitivity, time to see that it is a counter [s].

    What fails: Softmax attention detects as many signals in the last block as in the first. The mind's criterion
    rises a little more than people's (.26, people .22), inside the band. Counters slow down by half of what people's do
    (14 ms, people 28), and their times vary hardly more in the end (sd 81 ms, people 101).
    """

    blocks: int = 6
    minutes: float = 80 * 4.1 / 60
    rate: float = 60 / 4.1
    signals: float = 0.2
    foils: float = 0.225
    counters: float = 0.2
    memory: float = 0.0
    sensitivity: float = 2.57
    notice: float = 0.157

    name = "vigilance"
    clues = ("vigilance",)
    pixels = "watch"
    looked_at = 5
    sight = Sight({"blocks": 11}, title="An hour's watch (people: half an hour)", along="time on task [min]")
    title = "Vigilance"
    question = "Rare signals among noise, for half an hour. How many are still seen in the end?"
    shown_pace = (Pace(4, 1), Pace(16, 1))
    statistics = Statistics(("rate", "memory", "block", "signal"), ("responded",), ())
    usual_params = ("criterion",)
    source = "Coll-Martin, Carretero-Dios & Lupianez 2021 (ANTI-VeaD, 113 adults)"
    condition_columns = ("rate", "memory")
    levels: ClassVar[Levels] = {"signal": {"signal": 1, "target": 1, "neutral": 0, "noise": 0}}

    def __post_init__(self) -> None:
        whole("blocks", self.blocks, least=2, most=200)
        number("minutes", self.minutes, least=0.5, most=600, unit="min")
        number("rate", self.rate, least=1, most=60, unit="events/min")
        number("signals", self.signals, above=0, most=0.5)
        number("foils", self.foils, above=0, most=0.5)
        number("counters", self.counters, least=0, most=1)
        number("notice", self.notice, least=0, most=_ANSWER, unit="s")
        number("memory", self.memory, least=0, most=10)
        number("sensitivity", self.sensitivity, above=0, most=10)

    def conditions(self) -> list[Condition]:
        """One."""
        return [{"rate": float(self.rate), "memory": float(self.memory)}]

    @property
    def _size(self) -> int:
        return max(4, round(self.minutes * self.rate))

    def length(self, condition: Condition) -> int:
        """All events of all blocks."""
        return self.blocks * self._size

    def session(self, condition: Condition, keys: Array) -> Session:
        """Events at a steady pace; signals and foils at random places in each block."""
        rest = 1 - self.signals - self.foils
        share = [
            rest / 2 + self.foils / 2,
            self.signals,
            *([] if rest < 0.1 else [rest / 2 + self.foils / 2]),
        ]
        same = alertness.monotony(np.array(share) / sum(share))
        watch = Task("watch", 1.0, DISCRIMINATION, same, self.memory, self.rate, "detect", self.sensitivity)
        other = Task("others", 1.0, 0.0, response="simple")
        pace = 60 / self.rate
        end = min(pace, _ANSWER)
        kinds = [
            TaskStream((Stimulus("event", task=t.name, signal=s),), end=end, tasks=(watch, other))
            for t, s in ((other, False), (watch, True), (watch, False))
        ]
        few, hard = max(1, round(self._size * self.signals)), max(1, round(self._size * self.foils))
        which = scattered(keys, self.blocks, self._size, (self._size - few - hard, few, hard))
        return Session(tuple(kinds), which, np.full(which.shape[1], pace - end))

    def score_session(self, condition: Condition, session: Session, seen: SessionRecord) -> dict[str, Array]:
        """Adds the block, and whether the event was one to decide on, or a counter."""
        out = super().score_session(condition, session, seen)
        n = seen.rt.shape[1]
        decide = np.broadcast_to(session.which > 0, seen.rt.shape)
        counter = self._counters(~decide, seen.chance(LAYOUT, 1)[..., 0])
        rt = np.where(counter & (seen.rt > 0), seen.rt + self.notice, seen.rt)
        block = np.broadcast_to(np.arange(n) // self._size, seen.rt.shape)
        return out | {"block": block, "decide": decide, "counter": counter, "rt": rt}

    def _counters(self, others: Array, u: Array) -> Array:
        """(people, trials): which of the other events of each block are counters, as many in each, at random."""
        blocks = (len(others), self.blocks, self._size)
        order = np.where(others, u, 1 + u).reshape(blocks).argsort(axis=2).argsort(axis=2)
        return (order < round(self._size * self.counters)).reshape(others.shape) & others

    def completed(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Every event was one to decide on; it came in the middle of its block."""
        return frame.assign(decide=True, onset=(frame["block"] + 0.5) * self.minutes * 60)

    def metrics(self, frame: pd.DataFrame) -> list[Metric]:
        """Last minus first block: hits, criterion, d'."""
        table = blockwise(frame)
        people = self.human()
        change = table.iloc[-1] - table.iloc[0]
        ends = {"block": (table.index[0], table.index[-1])}
        known = people.iloc[-1] - people.iloc[0] if self.as_people else None
        names = {"hits": "hit", "criterion": "c", "d'": "d"}
        label = "vigilance 30 min" if self.as_people else self.title
        return [
            Metric(label, f"{name} last minus first block", "session", float(change[c]),
                   np.nan if known is None else float(known[c]), ends)
            for name, c in names.items()
        ]  # fmt: skip

    def scored(self) -> list[Scored]:
        """Hits, false alarms, d' and criterion of each person, block by block; RT of counters, its sd within a person,
        and lapses."""
        at = coded(block=lambda block: int(block) - 1)

        def part(of: Callable[[pd.DataFrame], dict[str, pd.DataFrame]], name: str) -> Values:
            return lambda frame: of(frame)[name]

        measures = {
            decided: ("hits", "false alarms", "d'", "criterion"),
            counted: ("RT", "RT sd within a person", "lapses over 600 ms"),
        }
        return [
            Scored("vigilance_by_block", n, part(of, n), at) for of, names in measures.items() for n in names
        ]

    @property
    def as_people(self) -> bool:
        """People sat through six blocks of these events."""
        return self.blocks == _BLOCKS and abs(self.rate - 60 / 4.1) < 0.1 and self.memory == 0

    @property
    def _beside_people(self) -> bool:
        """The same events for as long as people watched, or longer."""
        return self.blocks >= _BLOCKS and self.with_options(blocks=_BLOCKS).as_people

    def as_far_as_people(self, frame: pd.DataFrame) -> tuple[Paradigm, pd.DataFrame]:
        """A longer watch is held against theirs up to its end."""
        if not self._beside_people:
            return self, frame
        return self.with_options(blocks=_BLOCKS), frame[frame["block"] < _BLOCKS]

    def human(self) -> pd.DataFrame:
        """Hits, false alarms, and the d' and criterion of the mean rates, by block; 113 people."""
        t = human.table("vigilance_by_block")
        return pd.DataFrame(
            {"rate": 60 / 4.1, "memory": 0.0, "block": t["block"] - 1, "mean": t["hit"], "sd": t["hit_sd"],
             "hit": t["hit"], "fa": t["fa"], "fa_sd": t["fa_sd"], "d": t["dprime_pooled"], "c": t["c_pooled"],
             "d_sd": t["dprime_sd"], "c_sd": t["c_sd"], "n": t["n"]}
        )  # fmt: skip

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """Hits, false alarms, criterion and d' by block.

        Criterion and d' are those of the mean rates (their interval by `base.pooled`), as for people; people's bars
        are those of their own d' and criterion, whose mean lies close by.
        """
        known, t = pens_of(frame), self.human()
        t = t.assign(minute=(t["block"] + 0.5) * self.minutes)
        own = frame[frame["decide"]].assign(minute=lambda f: f["onset"] / 60)
        said = own["responded"].astype(float)
        rows = own.assign(hit=said.where(own["signal"]), fa=said.where(~own["signal"]))
        time = {"xlabel": "time on task [min]"}
        by_arm = [
            (
                str(arm),
                f.groupby("block")["minute"].mean(),
                *pooled(f, lambda g: blockwise(g)[["c", "d"]].to_numpy().T),
            )
            for arm, f in rows.groupby("arm", sort=False)
        ]

        def rate(ax: Any, value: str, sd: str, label: str, limits: tuple[float, float | None]) -> None:
            people = t.assign(mean=t[value], sd=t[sd]) if self._beside_people else None
            curve(ax, rows, value, "block", known, people, along="minute", ylabel=label)
            ax.set_ylim(*limits)

        def pool(ax: Any, place: int, column: str, label: str) -> None:
            for arm, minute, y, half in by_arm:
                plot.line(ax, minute, y[place], half[place], known[arm], arm)
            if self._beside_people:
                plot.people(ax, t["minute"], t[column], t[f"{column}_sd"], t["n"])
            ax.set(ylabel=label, **time)
            if column == "d":
                ax.set_ylim(0, None)

        draws = [
            partial(rate, value="hit", sd="sd", label="hits [share]", limits=(0, 1.03)),
            partial(rate, value="fa", sd="fa_sd", label="false alarms [share]", limits=(-0.01, None)),
            partial(pool, place=0, column="c", label="criterion c [sd of the noise]"),
            partial(pool, place=1, column="d", label="d' [sd of the noise]"),
        ]
        return Drawn.of(self.finding(frame), draws, size=(8.4, 6.6), rows=2, how={"sharex": True})

    def finding(self, frame: pd.DataFrame) -> str:
        """What was found, in a line, from the numbers themselves."""
        parts = []
        for arm, own in frame.groupby("arm", sort=False):
            c = blockwise(own)
            d = c.iloc[-1] - c.iloc[0]
            parts.append(f"{arm}: hits {d['hit']:+.2f}, c {d['c']:+.2f}, d' {d['d']:+.2f}")
        return f"{self.title}, last minus first block.  " + ";  ".join(parts)


def blockwise(frame: pd.DataFrame) -> pd.DataFrame:
    """hit, fa, d (d') and c (criterion) of the mean rates of each block."""
    own = frame[frame["decide"]]
    hit = own[own["signal"]].groupby("block")["responded"].mean()
    fa = own[~own["signal"]].groupby("block")["responded"].mean()
    counts = own.groupby("block").size()
    edge = 0.5 / counts
    zh, zf = (special.ndtri(np.asarray(np.clip(r, edge, 1 - edge))) for r in (hit, fa))
    return pd.DataFrame({"hit": hit, "fa": fa, "d": zh - zf, "c": -(zh + zf) / 2})


def by_block(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Of each person in each block: `decided` and `counted`."""
    return decided(frame) | counted(frame)


def decided(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Of each person in each block: hits, false alarms, d' and criterion (log-linear correction; Hautus 1995)."""
    own = frame[frame["decide"]]
    yes, n = ({s: cells(own[own["signal"] == s], "responded", ["block"], how) for s in (True, False)}
              for how in ("sum", "size"))  # fmt: skip
    zh, zf = (special.ndtri(np.asarray((yes[s] + 0.5) / (n[s] + 1))) for s in (True, False))
    like = {"index": yes[True].index, "columns": yes[True].columns}
    rates = {"hits": yes[True] / n[True], "false alarms": yes[False] / n[False]}
    return rates | {"d'": pd.DataFrame(zh - zf, **like), "criterion": pd.DataFrame(-(zh + zf) / 2, **like)}


def counted(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Of each person in each block: RT of counters and its sd [ms], and lapses."""
    counters = frame[frame["counter"]]
    late = counters.assign(late=(counters["rt"] >= _LATE) | (counters["missed"] > 0))
    times = {"RT": "mean", "RT sd within a person": "std"}
    found = {
        name: 1000 * cells(counters, "rt", ["block"], how, only="correct") for name, how in times.items()
    }
    return found | {"lapses over 600 ms": cells(late, "late", ["block"])}


@dataclass(frozen=True)
class MackworthClock(SessionParadigm):
    """Mackworth's clock (1948, Q J Exp Psychol 1:6): a double jump of the pointer, twelve times in half an hour.

    Two hours on end (`alternate` 0), or half hours on duty with half hours off between them (1). Only the signals are
    played: what happens between them is waiting. Task constants: sensitivity 2.9: with the usual criterion a fresh mind
    misses about 15 % (Mackworth's first half hour); demand 1.25, monotony of 12 signals in 1800 jumps.

    What fails: Softmax attention misses as few after two hours as at first. The mind misses more from the start
    than Mackworth's watchers did (15 % to 28 %); the shape over time, and what alternation saves, are his.
    """

    hours: float = 2.0
    signals: int = 12
    sensitivity: float = 2.9

    name = "mackworth_clock"
    banded = False
    title = "Mackworth's clock"
    question = "A pointer jumps, rarely twice as far, for two hours. How many double jumps are missed?"
    shown_pace = (Pace(8, 1), Pace(32, 1))
    source = "Mackworth 1948, Q J Exp Psychol 1:6 (published summary; no table of people is shipped)"
    condition_columns = ("alternate",)
    drawn_from = ("person", "alternate", "block", "correct")

    def __post_init__(self) -> None:
        number("hours", self.hours, least=1, most=24, unit="h")
        if (2 * self.hours) % 1:
            raise InputError(f"hours must be a whole number of half hours, got {self.hours}")
        whole("signals", self.signals, least=1, most=900)
        number("sensitivity", self.sensitivity, above=0, most=10)

    def conditions(self) -> list[Condition]:
        """On end, and half an hour on, half an hour off."""
        return [{"alternate": 0}, {"alternate": 1}]

    def length(self, condition: Condition) -> int:
        """All signals."""
        return int(2 * self.hours) * self.signals

    def session(self, condition: Condition, keys: Array) -> Session:
        """Signals at random seconds of each half hour."""
        periods, n = int(2 * self.hours), self.signals
        share = n / 1800
        task = Task(
            "clock",
            1.0,
            DISCRIMINATION,
            alertness.monotony([1 - share, share]),
            0.0,
            _JUMPS,
            "detect",
            self.sensitivity,
        )
        stream = TaskStream((Stimulus("jump", task="clock", signal=True),), end=_ANSWER, tasks=(task,))
        room = 1800.0 - n * _ANSWER
        places = np.sort(chances(keys, periods * n).reshape(len(keys), periods, n), axis=2) * room
        gaps = np.diff(np.concatenate([np.zeros((len(keys), periods, 1)), places], axis=2), axis=2)
        tail = room - places[:, :, -1]  # what is left of a half hour is waited through
        rest = np.zeros((len(keys), periods, n))
        if condition["alternate"]:
            rest[:, 1:, 0] = 1800.0 + tail[:, :-1]
        else:
            gaps[:, 1:, 0] += tail[:, :-1]
        shape = (len(keys), periods * n)
        return Session((stream,), np.zeros(shape, np.int64), gaps.reshape(shape), rest.reshape(shape))

    def score_session(self, condition: Condition, session: Session, seen: SessionRecord) -> dict[str, Array]:
        """Adds the half hour on duty."""
        out = super().score_session(condition, session, seen)
        block = np.arange(seen.rt.shape[1]) // self.signals
        return out | {"block": np.broadcast_to(block, seen.rt.shape)}

    def completed(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A signal that was not answered is missed."""
        return frame.assign(missed=1 - frame["correct"])

    def metrics(self, frame: pd.DataFrame) -> list[Metric]:
        """Share of the whole rise in misses that the second half hour has done; the rise under alternation."""
        out = []
        for alternate, own in frame.groupby("alternate"):
            miss = own.groupby("block")["missed"].mean()
            rise = float(miss.iloc[-1] - miss.iloc[0])
            kind = "30 on, 30 off" if alternate else "two hours on end"
            ends = {"alternate": alternate, "block": (miss.index[0], miss.index[-1])}
            out.append(
                Metric(self.title, f"rise in misses, {kind}", f"alternate={alternate}", rise, np.nan, ends)
            )
            if not alternate:
                done = float((miss.iloc[1] - miss.iloc[0]) / rise) if rise else np.nan
                out.append(
                    Metric(
                        self.title,
                        "share of it done by the second half hour",
                        "alternate=0",
                        done,
                        np.nan,
                        ends | {"block": (miss.index[0], miss.index[1], miss.index[-1])},
                    )
                )
        return out

    def human(self) -> pd.DataFrame:
        """None is shipped: an empty table."""
        return pd.DataFrame({"alternate": [], "block": [], "mean": [], "sd": [], "n": []})

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """Misses by half hour, on end and with alternation."""
        known = pens_of(frame)
        f = frame.assign(miss=frame["missed"].astype(float), hours=0.5 * (frame["block"] + 1))
        hours = list(f.groupby("alternate"))

        def panel(ax: Any, alternate: int, own: pd.DataFrame) -> None:
            title = "half hours on and off duty" if alternate else f"{self.hours:g} hours on end"
            curve(ax, own, "miss", "hours", known, xlabel="time on duty [h]", title=title)
            ax.set_xticks(sorted(f["hours"].unique()))
            ax.set_ylim(-0.02, None)
            if alternate == hours[0][0]:
                ax.set(ylabel="signals missed [share]")

        draws = [partial(panel, alternate=int(kind), own=own) for kind, own in hours]
        return Drawn.of(self.finding(frame), draws, size=(8.4, 4.2), how={"sharey": True})

    def finding(self, frame: pd.DataFrame) -> str:
        """What was found, in a line, from the numbers themselves."""
        arm = frame["arm"].iloc[0]
        means = frame[frame["arm"] == arm].groupby(["alternate", "block"])["missed"].mean()
        on, off = (means[a] for a in (0, 1))
        return (
            f"{self.title} ({arm}): misses {on.iloc[0]:.0%} -> {on.iloc[-1]:.0%} on end, "
            f"{off.iloc[0]:.0%} -> {off.iloc[-1]:.0%} with alternation"
        )
