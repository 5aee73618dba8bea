"""Practice: searching a 2 among 5s for 4000 trials (Wolfe, Palmer & Horowitz 2010). Human tables:
`human/visual_search.csv`, `human/visual_search_slopes.csv`, `human/visual_search_practice.csv`.

The search is that of `visual_search`. Under a consistent mapping every trial leaves an instance (Logan 1988, Psychol
Rev 95:492), and what comes to mind first ends a visit: after N trials it takes

    (1 + L N)^(-1/k)        of its time, k = the Weibull shape of a visit: mean and sd share one exponent

L is `learning` of `Observer`, fitted to how feature and conjunction search become faster
(`simulations/where_do_the_search_numbers_come_from.py`); the change of the slope of a 2 among 5s was left out.
mapping = "varied": what is a target today is a distractor tomorrow; practice adds nothing. "Over 4000 trials" is
read as the last thousand against the first [assumption: the table of bands does not say].

What fails: Softmax attention has no slope that could shrink. The mind improves by less than people (-.18, people
-.21), inside the band, and only by retrieval: nobody learns where to look.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cogattn import human
from cogattn.errors import choice, number, whole
from cogattn.paradigms.base import Condition, Metric, Pace, pens_of
from cogattn.paradigms.divided import Divided, account, between_arms, regress
from cogattn.paradigms.report import series
from cogattn.paradigms.session import Array
from cogattn.paradigms.visual_search import answers, search_trial
from cogattn.view import plot
from cogattn.view.drawn import Drawn
from cogattn.world.session import Session
from cogattn.world.stream import TaskStream

_BIN = 250  # trials of a bin of the human table


@dataclass(frozen=True)
class Practice(Divided):
    """Options: trials done so far in each block, set sizes, mapping ("consistent" or "varied"), trials per block and
    set size."""

    done: tuple[float, ...] = (500, 1500, 2500, 3500)
    set_sizes: tuple[int, ...] = (3, 6, 12, 18)
    mapping: str = "consistent"
    trials: int = 100

    name = "practice"
    title = "Practice in search"
    shown_pace = (Pace(4, 16), Pace(12, 60))
    question = "Searching for a 2 among 5s, four thousand times. How much faster does it get?"
    source = "Wolfe, Palmer & Horowitz 2010, Vision Res 50:1304 (9 adults, 4000 trials each)"
    condition_columns = ("done", "set_size")

    def __post_init__(self) -> None:
        object.__setattr__(self, "done", series("done", self.done))
        for n in self.done:
            number("trials done", n, least=0, most=1e9)
        object.__setattr__(self, "set_sizes", series("set_sizes", self.set_sizes))
        for n in self.set_sizes:
            whole("set size", n, least=1, most=64)
        choice("mapping", self.mapping, ("consistent", "varied"))
        whole("trials", self.trials, least=1, most=100_000)

    @property
    def per_condition(self) -> int:
        """Trials per block and set size."""
        return self.trials

    def conditions(self) -> list[Condition]:
        """Every set size in every block."""
        return [{"done": float(d), "set_size": int(n)} for d in self.done for n in self.set_sizes]

    def trial(self, condition: Condition) -> TaskStream:
        """One 2 among 5s, until the answer."""
        practice = float(condition["done"]) if self.mapping == "consistent" else 0.0
        return search_trial("spatial_2v5", int(condition["set_size"]), True, practice)

    def score_session(self, condition: Condition, session: Session, seen: Any) -> dict[str, Array]:
        """Found and answered, and when."""
        says, rt, answered = answers(seen)
        out = account((answered & says).astype(int), answered.astype(int))
        return out | {"rt": np.where(says, rt, np.nan), "response": np.where(says, "present", "absent")}

    def metrics(self, frame: pd.DataFrame) -> list[Metric]:
        """Slope [ms per digit] in each block, and how it changes from the first to the last."""
        slope = slopes(frame)
        out = [
            Metric("practice", f"slope after {d:.0f} trials", f"done={d:.0f}", float(s), np.nan, {"done": d})
            for d, s in slope.items()
        ]
        ends = {"done": (min(slope.index), max(slope.index))}
        name = "2-among-5s present slope change over 4000 trials"
        return [*out, Metric("practice", name, "over blocks", _change(slope), np.nan, ends)]

    def human(self) -> pd.DataFrame:
        """RT of present trials [s] by set size, over all 4000 trials."""
        t = human.table("visual_search")
        t = t[(t["task"] == "spatial_2v5") & (t["tp"] == 1)]
        return pd.DataFrame(
            {
                "set_size": t["setsize"],
                "mean": t["RT_mean"] / 1000,
                "sd": t["RT_sd_sub"] / 1000,
                "n": t["n_sub"],
            }
        ).reset_index(drop=True)

    @property
    def as_people(self) -> bool:
        """People had these set sizes, and 2s were always what was looked for."""
        return self.set_sizes == (3, 6, 12, 18) and self.mapping == "consistent"

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """RT over set size, the slope over practice, and how much faster people and minds become."""
        ms, t, known = frame.assign(ms=1000 * frame["rt"]), self.human(), pens_of(frame)
        keys = ["arm", "person"]
        own = {key: slopes(rows) for key, rows in frame.groupby(keys, sort=False)}
        by_block = pd.concat(own, names=[*keys, "done"]).rename("slope").reset_index()
        row = (
            human.table("visual_search_slopes").set_index(["task", "target_present"]).loc[("spatial_2v5", 1)]
        )
        mean_slope = pd.DataFrame(
            {"done": [2000], "mean": row["slope_ms_item"], "sd": row["slope_sd"], "n": row["n_sub"]}
        )
        done: dict[str, Any] = {"xlabel": "practice [trials]"}

        def times(ax: Any) -> None:
            people = t.assign(mean=1000 * t["mean"], sd=1000 * t["sd"])
            words: dict[str, Any] = {"xlabel": "set size [digits]", "ylabel": "RT [ms]", "ylim": (0, None)}
            self.panel(ax, ms, "ms", "set_size", known, people, **words)

        def over(ax: Any) -> None:
            label = "slope of search [ms/digit]"
            self.panel(ax, by_block, "slope", "done", known, mean_slope, ylabel=label, ylim=(0, None), **done)

        def gain(ax: Any) -> None:
            rt = frame.groupby([*keys, "done"], sort=False)["rt"].mean()
            relative = (rt / rt.groupby(keys).transform("first")).rename("relative").reset_index()
            label = "RT over that of the first block [ratio]"
            self.panel(ax, relative, "relative", "done", known, ylabel=label, ylim=(0, 1.1), **done)
            if self.as_people:
                c = human.table("visual_search_practice").query("task == 'spatial_2v5'")
                quarter = c.groupby(c["bin"] * _BIN // 1000)["mean"].mean()
                at, rel = 1000 * quarter.index + 500, quarter / quarter.iloc[0]
                ax.plot(at, rel, "*", color=plot.PEOPLE, markersize=8, label="people (with absent trials)")

        return self.sheets(frame, [times, over, gain])

    def finding(self, frame: pd.DataFrame) -> str:
        """What was found, in a line, from the numbers themselves."""

        def text(own: pd.DataFrame) -> str:
            c = _change(slopes(own))
            return f"{100 * c:+.0f} %" if np.isfinite(c) else "no slope"

        return f"{self.title}: change of the slope from the first to the last block: " + between_arms(
            frame, text
        )


def slopes(frame: pd.DataFrame) -> pd.Series:
    """ms per digit in each block: the slope of the mean RT (over people's means) on set size."""
    by = frame.groupby(["done", "set_size", "person"])["rt"].mean().groupby(level=[0, 1]).mean()
    return pd.Series(
        {
            d: 1000 * regress(own.index.get_level_values("set_size"), own.to_numpy())
            for d, own in by.groupby(level=0)
        },
        dtype=float,
    )


def _change(slope: pd.Series) -> float:
    """(last - first) / first."""
    first, last = float(slope.iloc[0]), float(slope.iloc[-1])
    return last / first - 1 if len(slope) > 1 and first > 0 else float("nan")
