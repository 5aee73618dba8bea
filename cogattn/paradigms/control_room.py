"""A control room: track a drifting target, watch gauges, answer the radio, mend pumps, all at once, as in NASA's
Multi-Attribute Task Battery (MATB-II; Santiago-Espada et al. 2011; OpenMATB: Cegarra et al. 2020).

Attention is on one task at a time. Signals wait until it turns to theirs, or until it is too late; meanwhile the target
drifts. The variance V of its deviation obeys, between the turns of attention,

    attended: dV/dt = -2 k (V - F)  (Ornstein-Uhlenbeck)     unattended: dV/dt = g  (a free drift)

so V and its integral are closed forms, and the error is sqrt(mean V) over the time that there is tracking. Workload is
time required over time available (time-line analysis; Hendy, Liao & Milgram 1997, Hum Factors 39:30): the part of the
time in which a signal has the mind's central stage, or the hand. No table of people is held against it.

A call to somebody else is heard and let go; `false_alarms` counts those answered by a slip. It is no signal: hits are
those of gauges, own calls and pumps, answered before they run out.

What fails: A mind without limits answers every signal in time. Turning from task to task hangs on assumed numbers,
so the figure shows that a busy mind misses what an idle one does not, not how many signals a person would miss.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from cogattn.errors import InputError, number, shown, whole
from cogattn.mind import events
from cogattn.paradigms import scenario as scenarios
from cogattn.paradigms.base import Condition, Metric, Pace, pens_of
from cogattn.paradigms.divided import Divided, account, between_arms
from cogattn.paradigms.report import series
from cogattn.paradigms.scenario import LEVELS, TASKS, Scenario
from cogattn.paradigms.session import Array
from cogattn.view import plot
from cogattn.view.drawn import Drawn
from cogattn.world.session import Session
from cogattn.world.stream import TaskStream

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Of the target's half-width: variance at best, its growth per s while unattended; 1/s, how fast it is caught again
# [assumption].
FLOOR, GROWTH, CATCH = 0.09, 0.1, 1.0
ASKING = ("monitoring", "radio", "pumps")  #: the tasks whose signals ask for an answer
WINDOW = 30.0  #: s of the recent past over which the figure shows workload
Spells = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class ControlRoom(Divided):
    """Options: loads (1 low, 2 medium, 3 high), or a `scenario` of your own (a file in OpenMATB's format, or its text);
    `minutes`: at most so many of it."""

    scenario: str = ""
    loads: tuple[int, ...] = (1, 2, 3)
    minutes: float = 60.0

    name = "control_room"
    title = "Control room"
    question = "Track a target, watch gauges, answer the radio, mend pumps, all at once. What is missed?"
    shown_pace = (Pace(2, 1), Pace(3, 1))
    fitted = False
    source = "scenarios of this package; no table of people"
    condition_columns = ("load",)
    undrawn = "OpenMATB's logs are read by cogattn import, and a fit of them is still to come"
    banded = False
    recorded: ClassVar[bool] = True
    gap: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        number("minutes", self.minutes, above=0, most=10_000, unit="min")
        object.__setattr__(self, "loads", series("loads", self.loads))
        object.__setattr__(self, "loads", tuple(whole("load", n, least=1, most=3) for n in self.loads))
        if not isinstance(self.scenario, str):
            raise InputError(f"scenario must be the path of a file, got {shown(self.scenario)}")
        if self.scenario:  # its text is kept, so that a run can be read again where the file is not
            own = _own(self.scenario) if _is_text(self.scenario) else scenarios.read(self.scenario)
            own.stream(60 * self.minutes)
            object.__setattr__(self, "scenario", str(own))

    @property
    def per_condition(self) -> int:
        """The whole scenario is one trial."""
        return 1

    def conditions(self) -> list[Condition]:
        """One per load; 0 = a scenario of your own."""
        return [{"load": 0}] if self.scenario else [{"load": n} for n in self.loads]

    def room(self, condition: Condition) -> Scenario:
        """What happens in this condition."""
        n = int(condition["load"])
        return _own(self.scenario) if n == 0 else _shipped(LEVELS[n - 1])

    def trial(self, condition: Condition) -> TaskStream:
        """The whole scenario, or its first minutes."""
        return self.room(condition).stream(60 * self.minutes)

    def score_session(self, condition: Condition, session: Session, seen: Any) -> dict[str, Array]:
        """Hits and mean response times by task, tracking error, where attention was: a row per sitting."""
        stream, record = session.streams[0], seen.events
        onset, until, asks = self._due(condition, stream)
        answered = seen.element_times.answered[:, 0]  # (people, elements), s
        in_time = answered < until
        over = ~in_time & (until > stream.end)
        columns = {
            k: v[:, None]
            for k, v in _by_task(
                stream, in_time, over, answered - onset, seen.element_times.right[:, 0], asks
            ).items()
        }
        rows = [_person(own, stream) for _, own in record.groupby("person", sort=True)]
        columns |= {k: np.array([row[k] for row in rows])[:, None] for k in rows[0]}
        marks = np.where(in_time, "+", np.where(over, ".", "-"))
        columns["response"] = np.array(["".join(row[asks]) for row in marks])[:, None]
        return columns

    def _due(self, condition: Condition, stream: TaskStream) -> tuple[Array, Array, Array]:
        """By element: when it comes, when it is too late, and whether it asks for an answer."""
        until = {s.name: s.until for s in self.room(condition).signals}
        onset = np.array([s.onset for s in stream.stimuli])
        due = np.array([until.get(s.name, math.inf) for s in stream.stimuli])
        return onset, due, np.array([s.task in ASKING for s in stream.stimuli])

    def metrics(self, frame: pd.DataFrame) -> list[Metric]:
        """Signals answered in time, tracking error and workload by load."""
        shares = frame.assign(hits=frame["answered"] / frame["arrived"].where(frame["arrived"] > 0))
        wanted = {
            "signals answered in time": "hits",
            "tracking error": "tracking_error",
            "workload": "workload",
            "turns per minute": "turns",
        }
        return [
            Metric("control room", metric, f"load={n}", float(own[column].mean()), math.nan, {"load": n})
            for metric, column in wanted.items()
            for n, own in shares.groupby("load")
        ]

    def human(self) -> pd.DataFrame:
        """No table of people."""
        return pd.DataFrame(columns=["load", "mean", "sd", "n"])

    @property
    def as_people(self) -> bool:
        """Nobody was measured."""
        return False

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """Signals answered and tracking error by load; below, one person at the highest load, moment by moment."""
        frame = frame.assign(hits=frame["answered"] / frame["arrived"].where(frame["arrived"] > 0))
        known, loads = pens_of(frame), sorted(set(frame["load"]))

        def by_load(ax: Any, value: str, label: str, top: float | None) -> None:
            self.panel(ax, frame, value, "load", known, xlabel="load", ylabel=label)
            ax.set_xticks(loads, [("own", *LEVELS)[int(n)] for n in loads])
            ax.set_ylim(0, top)

        def hits(ax: Any) -> None:
            by_load(ax, "hits", "answered in time [share of signals]", 1.05)

        def error(ax: Any) -> None:
            by_load(ax, "tracking_error", "tracking error [half-widths of the target]", None)

        def moments(ax: Any) -> None:
            self.moments(ax, frame[frame["load"] == loads[-1]].iloc[0])

        draws = [hits, error, moments]
        return Drawn.of(self.finding(frame), draws, size=(9.0, 7.0), mosaic="AB;CC")

    def moments(self, ax: Axes, row: Any) -> None:
        """One sitting: bars = which task had attention; marks = signals that were answered in time, or were not."""
        condition: Condition = {"load": int(row["load"])}
        room, stream = self.room(condition), self.trial(condition)
        signals = [s for s in room.signals if s.task in ASKING and s.onset < stream.end]
        names = [t.name for t in stream.tasks]
        place = {name: len(names) - i for i, name in enumerate(names)}
        for name, own in unspelled(row["attention"]).items():
            bars = [(a, b - a) for a, b in own]
            ax.broken_barh(bars, (place[name] - 0.4, 0.8), color="#0072B2", alpha=0.45, linewidth=0)
        for mark, shape, color in (("+", "o", plot.PEOPLE), ("-", "x", "#D55E00"), (".", "_", "#999999")):
            some = [s for s, m in zip(signals, row["response"], strict=True) if m == mark]
            ax.plot([s.onset for s in some], [place[s.task] for s in some], shape, color=color, markersize=4)
        busy = unspelled(row["busy"]).get("busy", [])
        t = np.unique([0.0, stream.end, *(x + d for spell in busy for x in spell for d in (0.0, WINDOW))])
        t = t[t <= stream.end]
        ax.fill_between(t, -0.4, -0.4 + 0.8 * workload(busy, t), color="#CC79A7", alpha=0.7, linewidth=0)
        ax.set_yticks([*place.values(), 0], [*place, f"workload, last {WINDOW:g} s"])
        ax.set(xlabel="time [s]", xlim=(0, stream.end), ylim=(-0.6, len(names) + 0.6))
        ax.set_title(
            f"Where attention was (bars): person {row['person']}, {row['arm']}; dot = answered in time, x = missed",
            fontsize=9,
            loc="left",
        )

    def finding(self, frame: pd.DataFrame) -> str:
        """What was found, in a line, from the numbers themselves."""

        def path(own: pd.DataFrame) -> str:
            sums = own.groupby("load")[["answered", "arrived"]].sum()
            shares = (100 * sums["answered"] / sums["arrived"].where(sums["arrived"] > 0)).round()
            return " -> ".join(f"{x:.0f}" for x in dict.fromkeys([shares.iloc[0], shares.iloc[-1]])) + " %"

        return f"{self.title}: signals answered in time as load grows: " + between_arms(frame, path)


@cache
def _shipped(level: str) -> Scenario:
    return scenarios.shipped(level)


@cache
def _own(text: str) -> Scenario:
    return scenarios.parse(text)


def _is_text(scenario: str) -> bool:
    """Whether this is a scenario itself, not the path of one."""
    return "\n" in scenario or ";" in scenario


# -- what became of it --------------------------------------------------------------------------------------------


def _by_task(
    stream: TaskStream, in_time: Array, over: Array, rt: Array, right: Array, asks: Array
) -> dict[str, Array]:
    """Hits and response times, all signals together and by task; arrays are (people, elements)."""
    task, n = np.array([s.task for s in stream.stimuli]), len(in_time)
    out = account((in_time & right)[:, asks].sum(1), in_time[:, asks].sum(1), int(asks.sum()))
    censored = (over & ~in_time)[:, asks].sum(1)
    out |= {"censored": censored, "missed": out["missed"] - censored, "rt": _mean(rt, in_time & asks)}
    for name in ASKING:
        own = task == name
        count = own.sum()
        out[f"{name}_hits"] = in_time[:, own].mean(1) if count else np.full(n, np.nan)
        out[f"{name}_rt"] = _mean(rt, in_time & own)
    wrong = ~np.isnan(rt) & ~right
    return out | {"false_alarms": wrong[:, task == "chatter"].sum(1)}


def _mean(values: Array, where: Array) -> Array:
    """Row by row the mean of what is wanted; NaN = nothing is."""
    count = where.sum(1)
    total = np.where(where, values, 0.0).sum(1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _person(record: pd.DataFrame, stream: TaskStream) -> dict[str, Any]:
    """What one person's record says of attention, tracking and workload."""
    spells: dict[str, list[tuple[float, float]]] = {t.name: [] for t in stream.tasks}
    for task, a, b in events.attended(record, list(spells)):
        spells[task].append((a, b))
    busy = occupied(record, spells)
    there = [
        (s.onset, s.mask if isinstance(s.mask, float) else stream.end)
        for s in stream.stimuli
        if s.task == "tracking"
    ]
    turns = max(0, int((record["kind"] == "engage").sum()) - 1)
    shares = {name: sum(b - a for a, b in spells.get(name, ())) / stream.end for name in TASKS}
    return {
        "tracking_error": tracking_error(spells.get("tracking", ()), there) if there else math.nan,
        "workload": sum(b - a for a, b in busy) / stream.end,
        "turns": turns * 60 / stream.end,
        **{f"attended_{name}": share if name in spells else math.nan for name, share in shares.items()},
        "attention": spelled(spells),
        "busy": spelled({"busy": busy}),
    }


def tracking_error(
    attended: Spells,
    there: Spells,
    floor: float = FLOOR,
    growth: float = GROWTH,
    catch: float = CATCH,
) -> float:
    """sqrt(mean V) over the times when there is tracking (`there`), V at its floor when each begins; exact.

    For t s of attention V -> F + (V - F) e^{-2kt}, integral F t + (V - F)(1 - e^{-2kt}) / 2k; without, V -> V + g t,
    integral V t + g t^2 / 2.
    """
    area = total = 0.0
    for first, last in there:
        v, now = floor, first
        for a, b in [*attended, (last, last)]:
            a, b = min(max(a, now), last), min(max(b, now), last)
            area += v * (a - now) + growth * (a - now) ** 2 / 2
            v += growth * (a - now)
            gone = -math.expm1(-2 * catch * (b - a))
            area += floor * (b - a) + (v - floor) * gone / (2 * catch)
            v, now = floor + (v - floor) * (1 - gone), b
        total += last - first
    return math.sqrt(area / total)


def occupied(record: pd.DataFrame, spells: dict[str, list[tuple[float, float]]]) -> list[tuple[float, float]]:
    """When a signal had the central stage (it is chosen while attention is on its task) or the hand: spells apart."""
    since: dict[str, tuple[str, float]] = {}
    out: list[tuple[float, float]] = []
    rows = zip(record["time"], record["kind"].astype(str), record["element"], record["task"], strict=True)

    def close(element: str, task: str, time: float) -> None:
        begun, start = since.pop(element)
        whole_ = [(start, time)] if begun == "choose" else spells[task]
        out.extend((max(a, start), min(b, time)) for a, b in whole_ if a < time and b > start)

    jobs: dict[str, str] = {}
    for time, kind, element, task in rows:
        if kind in ("ready", "choose", "respond", "expire") and element in since:
            if kind == "expire" and since[element][0] == "choose":
                continue  # too late to withdraw it: the hand is on its way
            close(element, task, time)
        if kind in ("ready", "choose"):
            since[element], jobs[element] = (kind, time), task
        if kind == "end":
            for left in list(since):
                close(left, jobs[left], time)
    return union(out)


def union(spells: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """The same time as spells that do not touch, in order."""
    out: list[tuple[float, float]] = []
    for a, b in sorted(spells):
        if out and a <= out[-1][1]:
            out[-1] = (out[-1][0], max(b, out[-1][1]))
        elif b > a:
            out.append((a, b))
    return out


def workload(busy: Spells, t: Array, window: float = WINDOW) -> Array:
    """W(t): time required over time available, of the last `window` s (or of what there was before t)."""
    edge = np.array([x for spell in busy for x in spell], float)
    done = np.concatenate([[0.0], np.cumsum(np.diff(edge)[::2]) if len(edge) else []])
    known = np.concatenate([[0.0], edge])
    sums = np.concatenate([[0.0], np.repeat(done, 2)[1:-1] if len(edge) else []])
    t = np.asarray(t, float)
    past = np.minimum(t, window)
    used = np.interp(t, known, sums) - np.interp(t - past, known, sums)
    return np.where(past > 0, used / np.where(past > 0, past, 1.0), 0.0)


def spelled(spells: dict[str, list[tuple[float, float]]]) -> str:
    """Spells as text for a table: `tracking 0.000-1.250 3.000-4.000|radio 1.250-3.000`."""
    parts = {name: " ".join(f"{a:.3f}-{b:.3f}" for a, b in own) for name, own in spells.items()}
    return "|".join(f"{name} {text}" for name, text in parts.items() if text)


def unspelled(text: object) -> dict[str, list[tuple[float, float]]]:
    """The spells that `spelled` wrote."""
    out: dict[str, list[tuple[float, float]]] = {}
    for part in filter(None, str(text).split("|")):
        name, *own = part.split(" ")
        pairs = [spell.split("-") for spell in own]
        out[name] = [(float(a), float(b)) for a, b in pairs]
    return out
