"""Can one operator hold this watch? A scenario in OpenMATB's format is played by people who differ, and judged.

A signal is missed if it is not answered before it runs out. An operator holds the watch by missing a smaller share
of the signals than was asked (`miss_below`); one operator is enough if enough of them hold it (`operators`). Then the
scenario is changed, one thing at a time, and played again by the same people: what would help most?

What stands behind the numbers: the speed, the store, the lapses and the tiring of the operators are estimated from
people. How attention turns between the four tasks is assumed, and no table of people was held against it: the order of
minutes, tasks and changes says more than the shares.

>>> told = watch("low", people=4, changes=False)
>>> told.arrived, len(told.operators)
(18, 4)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cogattn import human
from cogattn.errors import InputError, counted, doors, number, shown, whole
from cogattn.observer import Observer
from cogattn.paradigms import scenario as scenarios
from cogattn.paradigms.control_room import ASKING, ControlRoom
from cogattn.paradigms.scenario import PLUGINS, Line, Scenario
from cogattn.population import Population
from cogattn.runs.experiment import run
from cogattn.view import plot
from cogattn.view.result import Files, Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = {"monitoring": "#0072B2", "radio": "#E69F00", "pumps": "#CC79A7"}
RELIEF = 600.0  #: s; a shorter watch is not cut in two


@dataclass(frozen=True)
class Watch(Result):
    """What `watch` found."""

    scenario: Scenario
    miss_below: float
    asked: float  #: the share of operators who must hold it
    operators: pd.DataFrame  #: a row per operator: signals, missed, share, held, tracking_error, workload
    signals: pd.DataFrame  #: a row per signal: name, task, onset [s], missed (share of operators), low, high
    changes: pd.DataFrame  #: a row per change: missed (share), held (share of crews), low, high
    folder: Path | None = None

    @property
    def arrived(self) -> int:
        """How many signals there are."""
        return len(self.signals)

    @property
    def held(self) -> tuple[float, float, float]:
        """The share of operators who hold the watch, and its 95 % interval."""
        n = len(self.operators)
        count = int(self.operators["held"].sum())
        return count / n, *plot.of_share(count, n)

    @property
    def verdict(self) -> str:
        """yes, no, or open: the interval holds the share that was asked."""
        _, low, high = self.held
        return "yes" if low >= self.asked else "no" if high < self.asked else "open"

    @property
    def without_a_miss(self) -> tuple[float, float, float]:
        """The share of operators who miss nothing, and its 95 % interval."""
        n, none = len(self.operators), int((self.operators["missed"] == 0).sum())
        return none / n, *plot.of_share(none, n)

    def tasks(self) -> pd.DataFrame:
        """A row per task: its signals, and the share of them that is missed."""
        own = self.signals.groupby("task", sort=False)["missed"].agg(["size", "mean", "sum"])
        own.columns = pd.Index(["signals", "missed", "missed_per_watch"])
        return own.reset_index()

    def minutes(self) -> pd.DataFrame:
        """A row per minute: its signals, and how many of them an operator misses, by task."""
        minute = (self.signals["onset"] // 60).astype(int)
        table = self.signals.assign(minute=minute).pivot_table(
            index="minute", columns="task", values="missed", aggfunc="sum", fill_value=0.0
        )
        last = math.ceil(self.scenario.end / 60)
        table = table.reindex(range(last), fill_value=0.0).reindex(columns=list(ASKING), fill_value=0.0)
        counts = minute.value_counts().reindex(range(last), fill_value=0)
        return table.assign(signals=counts, missed=table.sum(axis=1)).reset_index(names="minute")

    def table(self) -> pd.DataFrame:
        """As it is, and with each change: what share of the signals is missed, and how many crews hold the watch."""
        return self.changes

    def heading(self) -> str:
        """The question."""
        return f"Can one operator hold {Path(self.scenario.name).name}?"

    def answer(self) -> str:
        """The answer in a sentence."""
        share, low, high = self.held
        words = {"yes": "Yes", "no": "No", "open": "Not decided"}[self.verdict]
        return (
            f"{words}: {share:.0%} of operators (95 % interval {low:.0%} to {high:.0%}) miss less than "
            f"{self.miss_below:.1%} of the signals; {self.asked:.0%} were asked for"
        )

    def findings(self) -> list[str]:
        """The answer, the chance of a watch without a miss, where and when signals are missed, what would help most."""
        none, low, high = self.without_a_miss
        tasks = self.tasks().sort_values("missed_per_watch", ascending=False)
        worst = self.minutes().sort_values("missed", ascending=False, kind="stable")
        worst = worst[worst["missed"] > 0].head(3)
        of_all = f"{self.operators['share'].mean():.1%} of {counted(self.arrived, 'signal')}"
        lines = [
            self.answer() + ".",
            f"An operator misses {of_all} on average; a watch without a miss has a chance of {none:.0%} "
            f"({low:.0%} to {high:.0%}).",
            "Missed by task: "
            + "; ".join(f"{r.task} {r.missed:.1%} of {r.signals}" for r in tasks.itertuples())
            + ".",
        ]
        if len(worst):
            spelled = [
                f"{r.minute} to {r.minute + 1} min ({r.missed:.1f} of {r.signals})"
                for r in worst.itertuples()
            ]
            lines.append(f"Most is missed from {', '.join(spelled)}.")
        if len(self.changes) > 1:
            lines.append(self._best_change())
        if self.verdict == "open":
            lines.append("The interval includes the share that was asked for: play more people (--people).")
        return lines

    def _best_change(self) -> str:
        """What would help most: only what makes more crews hold the watch is named as that."""
        now, tried = self.changes.iloc[0], self.changes.iloc[1:]
        best = tried.sort_values(["held", "missed"], ascending=[False, True]).iloc[0]
        if best["held"] > now["held"]:
            return (
                f"What would help most: {best['change']} (then {best['held']:.0%} hold the watch, and "
                f"{best['missed']:.1%} of the signals are missed)."
            )
        if now["held"] >= self.asked:
            return "No change is needed: none that was tried lets more operators hold the watch."
        none = "None of the changes that were tried lets more operators hold the watch"
        least = tried.sort_values("missed", kind="stable").iloc[0]
        if least["missed"] >= now["missed"]:
            return f"{none}."
        return f"{none}; the least is missed with {least['change']} ({least['missed']:.1%} of the signals)."

    def remarks(self) -> list[str]:
        """What is based on people's data, and what in the scenario was ignored."""
        ledger = human.constants()
        own = ledger[
            ledger["where"].isin([ControlRoom.name, "paradigms.scenario"]) & (ledger["of"] == "people")
        ]
        own = own[own["same_as"] == ""]
        lines = [
            "Based on people's data: an operator's speed, store, lapses and tiring. Assumed: "
            f"{(own['kind'] == 'assumed').sum()} of the {len(own)} numbers of the tasks (how attention switches, how "
            "long an answer takes). Trust the order of minutes and changes more than the shares."
        ]
        ignored = self.scenario.ignored
        if ignored:
            verb = "is" if len(ignored) == 1 else "are"
            lines.append(f"{counted(len(ignored), 'line')} of the scenario {verb} ignored:")
            lines += [f"  {line}" for line in ignored[:8]]
            lines += [f"  and {len(ignored) - 8} more (ignored.txt)"] if len(ignored) > 8 else []
        return lines

    def files(self) -> Files:
        """All tables, and the lines that were ignored."""
        return {
            "summary.csv": self.changes,
            "signals.csv": self.signals,
            "minutes.csv": self.minutes(),
            "tasks.csv": self.tasks(),
            "operators.csv": self.operators,
            "ignored.txt": "".join(f"{line}\n" for line in self.scenario.ignored),
        }

    def figures(self) -> Iterator[tuple[str, Figure]]:
        """The one figure."""
        yield "figures/watch", self.plot()

    def plot(self) -> Figure:
        """Missed signals by minute; how operators differ; what each change would do."""
        with plot.style() as plt:
            figure, axes = plt.subplot_mosaic("AA;BC", figsize=(9.0, 6.4), height_ratios=(1, 1.1))
            self._by_minute(axes["A"])
            self._operators(axes["B"])
            self._changes(axes["C"])
            figure.suptitle(_broken(self.answer()), x=0.01, ha="left", fontweight="bold", fontsize=10.5)
        return figure

    def _by_minute(self, ax: Axes) -> None:
        table = self.minutes()
        base = np.zeros(len(table))
        for task in ASKING:
            if (self.signals["task"] == task).any():
                ax.bar(table["minute"] + 0.5, table[task], 0.9, bottom=base, color=COLORS[task], label=task)
                base += table[task].to_numpy()
        ax.step(
            [*table["minute"], len(table)],
            [*table["signals"], table["signals"].iloc[-1]],
            where="post",
            color=plot.QUIET,
            label="signals that come",
        )
        ax.set(
            xlabel="time in the watch [min]",
            ylabel="signals missed\n[per operator]",
            xlim=(0, len(table)),
            ylim=(0, None),
        )
        ax.legend(ncols=4, loc="upper left", bbox_to_anchor=(0, 1.16), borderaxespad=0)

    def _operators(self, ax: Axes) -> None:
        share = 100 * self.operators["share"]
        ax.hist(
            share,
            bins=np.linspace(0, max(10.0, float(share.max())), 21).tolist(),
            color=COLORS["monitoring"],
            alpha=0.75,
        )
        ax.axvline(100 * self.miss_below, color="#D55E00", linestyle="--")
        ax.text(100 * self.miss_below, ax.get_ylim()[1], " asked: less", color="#D55E00", va="top")
        ax.set(xlabel="signals missed [%]", ylabel="operators [number]", xlim=(0, None))

    def _changes(self, ax: Axes) -> None:
        rows = self.changes.iloc[::-1].reset_index(drop=True)
        held = 100 * rows["held"]
        error = [held - 100 * rows["low"], 100 * rows["high"] - held]
        ax.errorbar(held, rows.index, xerr=np.clip(error, 0, None), fmt="o", color=COLORS["monitoring"])
        ax.axvline(100 * self.asked, color="#D55E00", linestyle="--")
        ax.set_yticks(rows.index, rows["change"])
        ax.set(xlabel="crews that hold the watch [%]", xlim=(-3, 103), ylim=(-0.6, len(rows) - 0.4))


def _broken(text: str) -> str:
    first, _, rest = text.partition("; ")
    return f"{first};\n{rest}" if rest else text


def watch(
    scenario: str | PathLike[str] = "medium",  # or a text of many lines, which is the name of no file
    miss_below: float = 0.05,
    people: int = 200,
    seed: int = 0,
    *,
    operators: float = 0.9,
    minutes: float = 600.0,
    changes: bool = True,
    observer: Observer | None = None,
    population: Population | None = None,
    n_jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Watch:
    """Judge a scenario: a file or a text in OpenMATB's format, or low, medium, high (those of the package).

    miss_below: the share of signals that an operator may not reach; operators: the share of operators who must hold it;
    minutes: only so many of it; changes=False: only the scenario as it is.

    >>> watch("low", people=2, changes=False).table().columns.tolist()
    ['change', 'crew', 'signals', 'missed', 'held', 'low', 'high']
    """
    number("miss_below", miss_below, above=0, most=1)
    number("operators", operators, above=0, most=1)
    whole("people", people, least=2, most=100_000)
    room = _read(scenario, minutes)
    todo = _changes(room) if changes else {}

    def play(one: Scenario, extra: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        task = ControlRoom(scenario=str(one), minutes=max(minutes, 1.0 + one.end / 60))
        played = run(
            task,
            "human",
            people=people,
            seed=seed + extra,
            observer=observer,
            population=population,
            n_jobs=n_jobs,
        )
        return _operators(played.frame, miss_below), _signals(task, played.frame)

    own, signals = play(room, 0)
    rows = [_row("as it is", 1, own)]
    for done, (name, crew) in enumerate(todo.items(), 1):
        if progress is not None:
            progress(done, 1 + len(todo))
        parts = [play(one, i)[0] for i, one in enumerate(crew)]
        together = sum((p[["signals", "missed"]] for p in parts[1:]), parts[0][["signals", "missed"]])
        rows.append(_row(name, len(crew), _judged(together, miss_below)))
    return Watch(room, miss_below, operators, own, signals, pd.DataFrame(rows))


def _read(scenario: str | PathLike[str], minutes: float) -> Scenario:
    if not isinstance(scenario, (str, PathLike)):
        raise InputError(f"scenario must be a text or a file, got {shown(scenario)}")
    text = str(scenario)
    if text in scenarios.LEVELS:
        room = replace(scenarios.shipped(text), name=text)
    elif "\n" in text or ";" in text:
        room = scenarios.parse(text)
    else:
        room = scenarios.read(text)
    number("minutes", minutes, above=0, most=10_000, unit="min")
    world = room.stream(60 * minutes)
    if not any(s.task in ASKING for s in world.stimuli):
        raise InputError(
            f"{room.name} holds no signal that could be missed, so nothing can be judged: add a failure "
            "(sysmon, resman) or a call (radioprompt own) while its task runs"
        )
    return room if room.end <= 60 * minutes else _until(room, 60 * minutes)


def _until(room: Scenario, seconds: float) -> Scenario:
    ends = [Line(int(seconds), plugin, "stop") for plugin in PLUGINS if room.manual(plugin)]
    return Scenario(room.name, (*(x for x in room.lines if x.time < seconds), *ends))


def _judged(counts: pd.DataFrame, miss_below: float) -> pd.DataFrame:
    share = counts["missed"] / counts["signals"].where(counts["signals"] > 0)
    return counts.assign(share=share.fillna(0.0), held=share.fillna(0.0) < miss_below)


def _operators(frame: pd.DataFrame, miss_below: float) -> pd.DataFrame:
    """A row per operator. Signals that are still open at the end are not counted."""
    frame = frame.sort_values("person").reset_index(drop=True)
    counts = pd.DataFrame(
        {
            "person": frame["person"],
            "signals": frame["answered"] + frame["missed"],
            "missed": frame["missed"],
        }
    )
    return _judged(counts, miss_below).join(frame[["tracking_error", "workload"]])


def _signals(task: ControlRoom, frame: pd.DataFrame) -> pd.DataFrame:
    """A row per signal: the share of operators who missed it, of those for whom it was not still open at the end."""
    condition = task.conditions()[0]
    stream = task.trial(condition)
    known = [s for s in task.room(condition).signals if s.task in ASKING and s.onset < stream.end]
    marks = np.array([list(row) for row in frame["response"]])
    rows = []
    for i, signal in enumerate(known):
        missed, due = int((marks[:, i] == "-").sum()), int((marks[:, i] != ".").sum())
        low, high = plot.of_share(missed, due) if due else (math.nan, math.nan)
        share = missed / due if due else math.nan
        rows.append(
            {
                "name": signal.name,
                "task": signal.task,
                "onset": signal.onset,
                "missed": share,
                "low": low,
                "high": high,
            }
        )
    return pd.DataFrame(rows, columns=["name", "task", "onset", "missed", "low", "high"])


def _row(name: str, crew: int, own: pd.DataFrame) -> dict[str, Any]:
    held = int(own["held"].sum())
    low, high = plot.of_share(held, len(own))
    return {
        "change": name,
        "crew": crew,
        "signals": int(own["signals"].max()),
        "missed": float(own["missed"].sum() / max(1, own["signals"].sum())),
        "held": held / len(own),
        "low": low,
        "high": high,
    }


# -- what could be changed ----------------------------------------------------------------------------------------


def _changes(room: Scenario) -> dict[str, list[Scenario]]:
    """The scenarios of each changed watch: one for each of its operators."""
    out: dict[str, list[Scenario]] = {}
    there = [p for p in PLUGINS if _plays(_only(room, {p}))]
    for plugin in there if len(there) > 1 else ():
        rest = _only(room, set(there) - {plugin})
        if plugin == "track":
            out["tracking is automatic"] = [rest]
        else:
            out[f"a second operator takes over the {PLUGINS[plugin]}"] = [rest, _only(room, {plugin})]
    out["twice the time to answer"] = [_patient(room)]
    out["the same signals in twice the time"] = [
        Scenario(room.name, tuple(replace(x, time=2 * x.time) for x in room.lines))
    ]
    if room.end >= RELIEF:
        out["a relief half-way"] = list(_halves(room, room.end / 2))
    return {name: crew for name, crew in out.items() if all(map(_plays, crew))}


def _plays(room: Scenario) -> bool:
    """Whether there is anything to do."""
    return bool(room.lines) and bool(room.signals or room.manual("track"))


def _only(room: Scenario, plugins: set[str]) -> Scenario:
    return Scenario(room.name, tuple(x for x in room.lines if x.plugin in plugins))


def _patient(room: Scenario) -> Scenario:
    """Gauges and calls wait twice as long; a pump has its own time."""
    words = {
        ("sysmon", "alerttimeout"): scenarios.ALERT,
        ("communications", "maxresponsedelay"): scenarios.REPLY,
    }
    first = [Line(0, plugin, word, str(int(2000 * usual))) for (plugin, word), usual in words.items()]
    own = [
        replace(x, value=str(2 * int(str(x.value)))) if (x.plugin, x.word) in words else x for x in room.lines
    ]
    return Scenario(room.name, (*first, *own))


def _halves(room: Scenario, at: float) -> Iterator[Scenario]:
    """The watch until then, and what a second operator finds from then on."""
    cut = int(at)
    yield _until(room, cut)
    before = [x for x in room.lines if x.time < cut and scenarios.stands(x)]
    after = [replace(x, time=x.time - cut) for x in room.lines if x.time >= cut]
    yield Scenario(room.name, (*(replace(x, time=0) for x in before), *after))


doors(__name__, "watch", first=True)
