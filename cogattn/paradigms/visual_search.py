"""Visual search: is the target there? Feature, conjunction, and a 2 among 5s. Human tables: `human/visual_search*.csv`.

Attention visits groups of items in order of their weight, each visit takes its time, and after every one that was in
vain it is more likely to quit (`laws.search`; Competitive Guided Search, Moran et al. 2013). So response times grow
with the number of items, about twice as much where there is no target, and the more items the more targets are
missed.

What a display is, is the paradigm's: guidance (how much more the target draws attention than a distractor) and how
long a visit takes, in simple responses, unpractised. With how long choosing takes they are fitted to the response
times of the table (`simulations/where_do_the_search_numbers_come_from.py`); seeing 100 ms and moving 83 ms are those
of `prp`. People's 4000 trials are played in the middle of their practice (2000 trials).

What fails: Softmax attention takes no time and misses nothing, so all slopes are 0. The mind is slower than people
at the smallest sets among 5s, since a group takes as long whether it holds 3 items or 6, and its slope for a
conjunction without a target is too steep.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from cogattn import human
from cogattn.errors import InputError, choice, number, shown, whole
from cogattn.paradigms.base import Condition, Levels, Metric, Pace, Sight, pens_of
from cogattn.paradigms.divided import DEMAND, MONOTONY, Divided, account, regress
from cogattn.paradigms.report import series
from cogattn.paradigms.scored import Scored, cells, coded, of, speeded, timed
from cogattn.paradigms.selection import TOLD, some
from cogattn.paradigms.session import Array
from cogattn.view import plot
from cogattn.view.drawn import Drawn
from cogattn.world.session import Session
from cogattn.world.stream import Stimulus, Task, TaskStream

#: display: (guidance, time of a visit in simple responses). The names are those of the human table.
DISPLAYS = {"feature": (1e4, 0.63), "conjunction": (3.12, 1.0), "spatial_2v5": (1.23, 2.16)}
_WORDS = {"feature": "feature", "conjunction": "conjunction", "spatial_2v5": "2 among 5s"}
#: s that seeing (.1) and moving (.083) take together, as in `prp`.
SEEING_MOVING = 0.183
_END = 15.0  # s
_FEW = 10  # trials in each cell of a point of the practice curve


def search_trial(display: str, items: int, present: bool, practice: float) -> TaskStream:
    """One display, until the answer. The first item is the target, if there is one."""
    guidance, inspect = DISPLAYS[choice("display", display, DISPLAYS)]
    task = Task(
        "search", 1.0, DEMAND, MONOTONY,
        response="search", inspect=inspect, practice=practice, service="counted", evidence_rate=TOLD,
        after=SEEING_MOVING,
    )  # fmt: skip
    shown = [Stimulus("target", task=task.name, supports=1)] if present else []
    shown += [Stimulus(f"d{i}", task=task.name, weight=1 / guidance) for i in range(items - len(shown))]
    return TaskStream(tuple(shown), end=_END, tasks=(task,))


def answers(seen: Any) -> tuple[Array, Array, Array]:
    """(says that it is there, response time, whether there was a response): (people, trials)."""
    f = seen.element_times
    rt = np.fmax.reduce(f.answered, axis=-1)
    found = ~np.isnan(f.encoded).all(-1)
    slipped = (~np.isnan(f.answered) & ~f.right).any(-1)
    return found ^ slipped, rt, ~np.isnan(rt)


@dataclass(frozen=True)
class VisualSearch(Divided):
    """Options: displays, set sizes, trials in each cell, how much has been practised before [trials]."""

    displays: tuple[str, ...] = ("feature", "conjunction", "spatial_2v5")
    set_sizes: tuple[int, ...] = (3, 6, 12, 18)
    trials: int = 40
    practice: float = 2000.0

    name = "visual_search"
    clues = ("search",)
    pixels = "search"
    looked_at = 3
    sight = Sight(
        {"trials": 10}, 1, 2, "Search: time to find a 2 among 5s", "set size [items]", {"present": 1}
    )
    title = "Visual search"
    question = "Is the target there, among 3 to 18 items? How long does it take to tell?"
    shown_pace = (Pace(3, 16), Pace(6, 24))
    usual_params = ("search_group", "quit_growth")
    source = "Wolfe, Palmer & Horowitz 2010, Vision Res 50:1304 (10 adults per display)"
    condition_columns = ("display", "set_size", "present")
    levels: ClassVar[Levels] = {
        "display": {word: name for name in DISPLAYS for word in (name, _WORDS[name])},
        "present": {"present": 1, "absent": 0},
    }
    pictures = "items"

    def __post_init__(self) -> None:
        given: Any = self.displays
        chosen = some("display", given, DISPLAYS)
        if isinstance(given, list | tuple) and len(chosen) < len(given):
            raise InputError(
                f"displays must name at least one display, and each once, got {shown(self.displays)}"
            )
        object.__setattr__(self, "displays", chosen)
        object.__setattr__(self, "set_sizes", series("set_sizes", self.set_sizes))
        for n in self.set_sizes:
            whole("set size", n, least=1, most=64)
        whole("trials", self.trials, least=1, most=100_000)
        number("practice", self.practice, least=0, most=1e9)

    @property
    def per_condition(self) -> int:
        """Trials per cell."""
        return self.trials

    def conditions(self) -> list[Condition]:
        """Display x set size x target there or not."""
        return [
            {"display": d, "set_size": int(n), "present": p}  # type: ignore[dict-item]
            for d in self.displays
            for n in self.set_sizes
            for p in (0, 1)
        ]

    def trial(self, condition: Condition) -> TaskStream:
        """One display."""
        return search_trial(
            str(condition["display"]), int(condition["set_size"]), bool(condition["present"]), self.practice
        )

    def labels(self, condition: Condition) -> npt.NDArray[np.int64]:
        """For a network: a 2 among 5s, whatever the display (which says how it guides and how long a visit takes)."""
        what = np.full(int(condition["set_size"]), 5)
        what[0] = 2 if condition["present"] else 5
        return what

    def known(self, seen: Any) -> npt.NDArray[np.bool_]:
        """What has been looked at."""
        return seen.element_times.minded

    def score_session(self, condition: Condition, session: Session, seen: Any) -> dict[str, Array]:
        """Present or absent, and when."""
        says, rt, answered = answers(seen)
        if seen.read is not None:  # a network says present if it calls anything that was looked at a 2
            found = ~np.isnan(seen.element_times.encoded).all(-1)
            says = (seen.read == 2).any(-1) ^ (says ^ found)
        right = answered & (says == bool(condition["present"]))
        out = account(right.astype(int), answered.astype(int))
        return out | {
            "rt": rt,
            "error": 1.0 - right,
            "response": np.where(says, "present", "absent"),
        }

    def metrics(self, frame: pd.DataFrame) -> list[Metric]:
        """Slopes, their ratio, misses of a 2 among 5s, how much response times vary."""
        s, out = slopes(frame), []
        people = human.table("visual_search_slopes").set_index(["task", "target_present"])["slope_ms_item"]

        def add(name: str, value: float, of_people: float = np.nan, **of: Any) -> None:
            out.append(Metric("visual search", name, "set sizes", float(value), float(of_people), of or None))

        for display in self.displays:
            for there, word in ((1, "present"), (0, "absent")):
                add(
                    f"slope {_WORDS[display]} target {word}",
                    s[display, there],
                    people[display, there],
                    display=display,
                    present=there,
                )
        if "spatial_2v5" in self.displays:
            two = s["spatial_2v5", 0], s["spatial_2v5", 1]
            ratio = two[0] / two[1] if abs(two[1]) > 1e-6 else np.nan
            add(
                "absent over present slope 2 among 5s",
                ratio,
                people["spatial_2v5", 0] / people["spatial_2v5", 1],
                display="spatial_2v5",
            )
            own = frame[(frame["display"] == "spatial_2v5") & (frame["present"] == 1)]
            for n, misses in own.groupby("set_size")["error"].mean().items():
                add(
                    f"miss rate 2 among 5s set size {n}", misses, display="spatial_2v5", present=1, set_size=n
                )
        right = frame[frame["correct"]]
        cells = right.groupby(["display", "set_size", "present", "person"])["rt"].agg(["mean", "std"])
        add("RT sd / mean (all cells)", (cells["std"] / cells["mean"]).groupby(level=[0, 1, 2]).mean().mean())
        return out

    def scored(self) -> list[Scored]:
        """Times and errors in every cell, each person's slopes, and how times fall over practice."""
        by = ["display", "present", "set_size"]
        at = coded(task=str, tp=int, setsize=int)
        line = coded(task=str, target_present=int)
        return [
            *speeded("visual_search", by, at),
            Scored("visual_search_slopes", "slope", lambda f: _lines(f)[0], line),
            Scored("visual_search_slopes", "intercept", lambda f: _lines(f)[1], line),
            *(self._practised(quarter) for quarter in range(4)),
        ]

    def _practised(self, quarter: int) -> Scored:
        """Times in the middle of the first, second, third or fourth thousand of trials."""

        def at(row: Mapping[str, str]) -> Any:
            return row["task"] if int(row["bin"]) == quarter else None

        times = of("rt", ["display"], only="correct", scale=1000.0)
        options = {"practice": self.practice / 4 * (2 * quarter + 1), "trials": _FEW}
        return Scored("visual_search_practice", "RT by thousand trials", times, at, options)

    def human(self) -> pd.DataFrame:
        """RT [s] and errors by cell."""
        t = human.table("visual_search")
        return pd.DataFrame(
            {"display": t["task"], "set_size": t["setsize"], "present": t["tp"], "mean": t["RT_mean"] / 1000,
             "sd": t["RT_sd_sub"] / 1000, "n": t["n_sub"], "error": t["error"]}
        )  # fmt: skip

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """RT over set size for each display, with and without a target (filled and hollow), and misses. Of trials
        that all have a target, or all have none, people's times are those of such trials."""
        t, known = self.human(), pens_of(frame)
        size: dict[str, Any] = {"xlabel": "set size [items]", "ylim": (0, None)}
        t = t.assign(mean=t["mean"] * 1000, sd=t["sd"] * 1000)
        right = frame[frame["correct"]].assign(ms=lambda f: f["rt"] * 1000)
        kinds = [there for there in (1, 0) if (frame["present"] == there).any()]

        def times(display: str) -> Any:
            def draw(ax: Any) -> None:
                for there in kinds:
                    own, people = (f[(f["display"] == display) & (f["present"] == there)] for f in (right, t))
                    how: dict[str, Any] = {"hollow": not there, "band": bool(there)}
                    self.panel(ax, own, "ms", "set_size", known, people, **how, **size)
                if len(kinds) > 1:
                    plot.kinds(ax, "filled: with a target", "hollow: without")
                ax.set(ylabel="RT [ms]", title=_WORDS[display])

            return draw

        def misses(ax: Any) -> None:
            last = self.displays[-1]
            own, people = (f[(f["present"] == 1) & (f["display"] == last)] for f in (frame, t))
            shown = people.assign(mean=people["error"], sd=np.nan)
            self.panel(ax, own, "error", "set_size", known, shown, ylabel="misses [share]", **size)
            ax.set(title=f"misses, {_WORDS[last]}")

        return self.sheets(frame, [*(times(d) for d in self.displays), misses])

    def finding(self, frame: pd.DataFrame) -> str:
        """What was found, in a line, from the numbers themselves."""
        last, parts = self.displays[-1], []
        for arm, own in frame.groupby("arm", sort=False):
            s = slopes(own)
            known = [s[last, p] for p in (1, 0)]
            told = " and ".join(f"{v:.0f}" if np.isfinite(v) else "?" for v in known)
            parts.append(f"{arm} {told if np.isfinite(known).any() else 'no time'}")
        return f"{self.title}, {_WORDS[last]}: ms per item with and without a target: " + "; ".join(parts)


def _lines(frame: pd.DataFrame) -> tuple[pd.DataFrame, ...]:
    """Slope [ms per item] and intercept [ms] of each person's mean times on set size, by display and presence."""
    t = 1000 * cells(timed(frame), "rt", ["display", "present", "set_size"]).dropna()
    cut: dict[Any, Any] = {}
    if len(t):
        t.columns = pd.MultiIndex.from_tuples(t.columns)
    for kind in dict.fromkeys((c[0], c[1]) for c in t.columns):
        own = t[kind]
        fitted = (
            np.polyfit(own.columns.to_numpy(float), own.to_numpy().T, 1) if len(own) else np.empty((2, 0))
        )
        cut[kind] = fitted
    return tuple(pd.DataFrame({k: v[i] for k, v in cut.items()}, index=t.index) for i in (0, 1))


def slopes(frame: pd.DataFrame) -> dict[tuple[str, int], float]:
    """ms per item of correct response times, by display and presence."""
    right = frame[frame["correct"]]
    means = right.groupby(["display", "present", "set_size"])["rt"].mean()
    found = {}
    for (display, there), own in means.groupby(level=[0, 1]):
        sizes = own.index.get_level_values("set_size")
        found[str(display), int(there)] = 1000 * regress(sizes, own.to_numpy())
    return {(d, p): found.get((d, p), np.nan) for d in frame["display"].unique() for p in (0, 1)}
