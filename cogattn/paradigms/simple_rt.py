"""Simple reaction time for eight minutes, and the ten-minute PVT: press as soon as you see it, again and again.

Speed (1/RT) falls, lapses grow and come in clusters; a short pause gives some speed back. Human tables: 515 adults,
150 trials in three blocks with self-timed pauses (`human/simple_rt_*.csv`). Task constants: the gap from response to
stimulus, 2.0 s + Exp(0.65 s), gives the table's spacing of 3.0 s per trial; the pauses are the gaps between its blocks.
Load: one stimulus, one response: demand 1, monotony 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cogattn import human
from cogattn.errors import number, whole
from cogattn.laws import alertness
from cogattn.paradigms.base import Condition, Law, Metric, Pace, Rival, curve, pens_of
from cogattn.paradigms.scored import Scored, Values, across, cells, coded
from cogattn.paradigms.session import Array, SessionParadigm, SessionRecord, chances, lapsed
from cogattn.view.drawn import Drawn
from cogattn.world.session import Session
from cogattn.world.stream import Stimulus, Task, TaskStream

_BIN = 10
_DEADLINE = 2.0  # s, after which the stimulus is gone
#: Another laboratory (`human/simple_rt_blocks_doggonogo.csv`), as its program has it (experiment/simpleRT.js of
#: RealityBending/DoggoNogoValidation): .5 to 2 s from a response to the next stimulus, which is gone after .6 s.
ONLINE = {"gap": 0.5, "gap_spread": 0.75, "deadline": 0.6}


def _dot(deadline: float = _DEADLINE) -> TaskStream:
    """One trial: something appears, and wants to be answered."""
    task = Task("press", monotony=alertness.monotony([1.0]), response="simple")
    return TaskStream((Stimulus("dot", task="press"),), end=deadline, tasks=(task,))


@dataclass(frozen=True)
class SimpleRT(SessionParadigm):
    """Options: trials per block, blocks, the gap from response to stimulus [s], pauses between blocks [s], the time in
    which it can be answered [s].

    What fails: Softmax attention has no response times. In the mind one lapse makes the next too likely (1.86
    times, people 1.51), one of the two bands that are missed: its absences are all of one kind and depth.
    """

    block: int = 50
    blocks: int = 3
    gap: float = 2.0
    gap_spread: float = 0.65
    pauses: tuple[float, ...] = (26.5, 21.9)
    deadline: float = _DEADLINE

    name = "simple_rt"
    clues: ClassVar[tuple[str, ...]] = ("simple ?r", r"\bsrt\b", "detection ?rt")
    title = "Simple reaction time"
    question = "Press as soon as you see it, again and again, for eight minutes."
    shown_pace = (Pace(8, 1), Pace(24, 1))
    rivals: ClassVar[Mapping[str, Rival]] = {
        "does not tire": Rival(("speed", "speed_sd"), held={"slow_loss": 0.0, "fast_loss": 0.0}),
        "tires": Rival(("speed", "speed_sd", "slow_loss")),
        "one boundary (Wald)": Rival(
            law=Law(
                "cogattn.tune.two_choice:TwoChoiceLikelihood", {"law": "wald", "cells": (), "deadline": 2.0}
            )
        ),
    }
    source = "Eisenberg et al. 2019, Nat Commun 10:2319 (515 adults)"
    condition_columns = ("blocks",)

    def __post_init__(self) -> None:
        whole("block", self.block, least=10, most=10_000)
        whole("blocks", self.blocks, least=1, most=100)
        number("gap", self.gap, above=0, most=600, unit="s")
        number("gap_spread", self.gap_spread, least=0, most=600, unit="s")
        object.__setattr__(self, "pauses", tuple(np.atleast_1d(np.asarray(self.pauses, object)).tolist()))
        for pause in self.pauses:
            number("each of pauses", pause, least=0, most=86400, unit="s")
        number("deadline", self.deadline, above=0, most=600, unit="s")

    def conditions(self) -> list[Condition]:
        """One."""
        return [{"blocks": self.blocks}]

    def length(self, condition: Condition) -> int:
        """All trials of all blocks."""
        return self.block * self.blocks

    def session(self, condition: Condition, keys: Array) -> Session:
        """Self-paced trials; a pause before each block but the first."""
        n = self.length(condition)
        gap = self.gap - self.gap_spread * np.log(chances(keys, n))
        rest = np.zeros(n)
        for b in range(1, self.blocks):
            rest[b * self.block] = self.pauses[(b - 1) % len(self.pauses)] if self.pauses else 0.0
        return Session((_dot(self.deadline),), np.zeros(n, np.int64), gap, rest, self_paced=True)

    def score_session(self, condition: Condition, session: Session, seen: SessionRecord) -> dict[str, Array]:
        """Adds speed [1/s], lapse, the bin of ten trials and the block."""
        out = super().score_session(condition, session, seen)
        trial = np.broadcast_to(np.arange(seen.rt.shape[1]), seen.rt.shape)
        return out | {"block": trial // self.block, "bin": trial // _BIN}

    def completed(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Block and bin of ten trials, by a trial's place in the file; when it came, where no column says so."""
        n = frame.groupby("person", sort=False).cumcount()
        late = (frame["rt"].fillna(0.0) + self.gap + self.gap_spread).groupby(frame["person"]).cumsum()
        missed = frame["rt"].isna().astype(int)
        return frame.assign(
            missed=missed, block=n // self.block, bin=n // _BIN, onset=frame.get("onset", late)
        )

    def likelihood(self) -> Law:
        """Response times as alertness runs down."""
        return Law(
            "cogattn.tune.simple_response:Pressing",
            {"deadline": self.deadline, "spacing": self.gap + self.gap_spread + 0.35},
        )

    def metrics(self, frame: pd.DataFrame) -> list[Metric]:
        """Slope, lapses, quantiles, clustering, what a pause gives back; the means of people where a table has them."""
        f = _prepared(frame)
        label = "simple RT 8 min"
        people = self._people()
        values: dict[str, float] = {"slope of 1/RT": _slope(f)}
        bins = f.groupby("bin")["lapse"].mean()
        fifth = max(1, len(bins) // 5)
        first, last = bins.iloc[:fifth].mean(), bins.iloc[-fifth:].mean()
        has_rt = bool(f["rt"].notna().any())
        values["lapses last over first fifth"] = float(last / first) if has_rt and first > 0 else np.nan
        for q in (5, 50, 95):
            quantiles = f.groupby("person")["rt"].quantile(q / 100)
            values[f"{q} % RT quantile"] = float(1000 * quantiles.mean())
        for lag, name in (
            (1, "P(lapse | lapse before) over base"),
            (10, "P(lapse | lapse 10 trials before) over base"),
        ):
            values[name] = _clustering(f, lag) if has_rt else np.nan
        values["speed regained by a short self-timed pause"] = _regained(f, self.block)
        return [
            Metric(label, name, "session", value, people.get(name, np.nan)) for name, value in values.items()
        ]

    def scored(self) -> list[Scored]:
        """Speed, lapses and false starts over the session, and how they hang together. Another laboratory."""
        table, other, at = "simple_rt_time_on_task", "simple_rt_blocks_doggonogo", coded(bin=int)
        start = coded(level=lambda block: int(block) - 1)
        over = {"RT": "ms", "speed": "speed", "lapses": "lapsing", "false starts": "false_start"}
        blocks = {
            "RT by block": "ms",
            "lapses by block": "lapsing",
            "no response": "none",
            "false starts": "false_start",
        }
        lag, text = coded(lag_trials=int), coded(measure=str)
        pooled = {
            "lapses after a lapse over base": _clustering,
            "autocorrelation of log RT": _autocorrelation,
        }
        contrasts = ("speed", "lapses", "RT", "slope of speed", "slope of RT")
        return [
            *(Scored(table, f"{m} by fifth", _by(c, "fifth"), at) for m, c in over.items()),
            *(Scored(other, m, _by(c, "block"), start, ONLINE) for m, c in blocks.items()),
            Scored(other, "RT sd within a person", _by("ms", "block", "std"), start, ONLINE),
            *(Scored("simple_rt_lapse_clustering", m, _lags(how), lag) for m, how in pooled.items()),
            Scored("simple_rt_quantiles", "RT quantile", _quantiles, coded(quantile=float)),
            *(Scored("simple_rt_contrasts", m, self._contrasts, text) for m in contrasts),
            across(
                srt_mean=lambda f: _by("ms", "")(f)["ALL"],
                srt_sd=lambda f: _by("ms", "", "std")(f)["ALL"],
                srt_lapse=lambda f: _by("lapsing", "")(f)["ALL"],
            ),
        ]

    def _contrasts(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Of each person, under the names of the table: first and last ten trials, before and after a break, first and
        last block, and the regressions on minutes."""
        f = _prepared(frame)
        place, last = f["trial"] % self.block, f["block"].max()
        ends = {
            "first10 -> last10": (f["bin"] == 0, f["bin"] == f["bin"].max()),
            "last10 of block -> first10 after break": (
                (place >= self.block - _BIN) & (f["block"] < last),
                (place < _BIN) & (f["block"] > 0),
            ),
            f"block1 -> block{last + 1}": (f["block"] == 0, f["block"] == last),
        }
        columns = {
            "speed": ("speed", "mean"),
            "lapse": ("lapsing", "mean"),
            "meanRT": ("ms", "mean"),
            "sdRT": ("ms", "std"),
        }
        out = {
            f"{word} {name}": cells(f[to], c, [], how)["ALL"] - cells(f[since], c, [], how)["ALL"]
            for name, (since, to) in ends.items()
            for word, (c, how) in columns.items()
        }
        out["slope speed per min (subject regressions)"] = _slopes(f, "speed")
        out["slope RT ms per min"] = _slopes(f, "ms")
        return pd.DataFrame(out)

    def _people(self) -> dict[str, float]:
        contrasts = human.table("simple_rt_contrasts").set_index("measure")
        quantiles = human.table("simple_rt_quantiles").set_index("quantile")["rt_ms_mean_over_subjects"]
        cluster = human.table("simple_rt_lapse_clustering").set_index("lag_trials")["ratio"]
        bins = human.table("simple_rt_time_on_task")["lapse_ge500"]
        return {
            "slope of 1/RT": float(contrasts.loc["slope speed per min (subject regressions)", "diff"]),
            "lapses last over first fifth": float(bins[-3:].mean() / bins[:3].mean()),
            **{f"{q} % RT quantile": float(quantiles[q / 100]) for q in (5, 50, 95)},
            "P(lapse | lapse before) over base": float(cluster[1]),
            "P(lapse | lapse 10 trials before) over base": float(cluster[10]),
            "speed regained by a short self-timed pause": float(
                contrasts.loc["speed last10 of block -> first10 after break", "diff"]
            ),
        }

    def human(self) -> pd.DataFrame:
        """Speed [1/s] and lapses by bin of ten trials; 515 people."""
        t = human.table("simple_rt_time_on_task")
        return pd.DataFrame(
            {"blocks": 3, "bin": t["bin"], "minute": t["min_on_task"], "mean": t["speed_per_s"], "sd": t["speed_sd"],
             "lapse": t["lapse_ge500"], "lapse_sd": t["lapse_sd"], "n": t["n"]}
        )  # fmt: skip

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """Speed and lapses over time on task, bin by bin over the human table."""
        f, t, known = _prepared(frame), self.human(), pens_of(frame)
        as_people = (self.block, self.blocks) == (50, 3)
        over: dict[str, Any] = {"along": "minute", "xlabel": "time on task [min]"}

        def speed(ax: Any) -> None:
            curve(ax, f, "speed", "bin", known, t if as_people else None, ylabel="speed 1/RT [1/s]", **over)

        def lapses(ax: Any) -> None:
            people = t.assign(mean=t["lapse"], sd=t["lapse_sd"]) if as_people else None
            curve(ax, f, "lapsing", "bin", known, people, ylabel="lapses of 500 ms or more [share]", **over)
            # the spread between people is as wide as the panel is high: their interval is what is asked
            ax.set_ylim(-0.01, 3 * t["lapse"].max() if len(t) else None)

        return Drawn.of(self.finding(frame), [speed, lapses], size=(8.4, 4.4))

    def finding(self, frame: pd.DataFrame) -> str:
        """What was found, in a line, from the numbers themselves."""
        parts = []
        for arm, own in frame.groupby("arm", sort=False):
            f = _prepared(own)
            slope = _slope(f)
            lapses = f.groupby("bin")["lapse"].mean()
            speed = f"speed {slope:+.3f} /s per min" if np.isfinite(slope) else "no response times"
            parts.append(f"{arm}: {speed}, lapses {lapses.iloc[0]:.0%} -> {lapses.iloc[-1]:.0%}")
        return f"{self.title}.  " + ";  ".join(parts)


@dataclass(frozen=True)
class PVT(SimpleRT):
    """The psychomotor vigilance task: ten minutes, a stimulus every 2-10 s (uniform). Options: minutes, the
    gaps [s].

    What fails: Softmax attention has no response times. There is no table of people for this version here; the mind
    takes it with the numbers of eight minutes of simple responses.
    """

    block: int = 95
    blocks: int = 1
    gap: float = 2.0
    gap_spread: float = 8.0
    pauses: tuple[float, ...] = ()
    deadline: float = 10.0

    name = "pvt"
    clues = ("pvt", "psychomotor")
    banded = False
    title = "PVT, 10 min"
    question = "Press as soon as the light comes, for ten minutes, once in a while."
    shown_pace = (Pace(8, 1), Pace(24, 1))
    source = "Dinges & Powell 1985, Behav Res Methods 17:652 (no table of people by minute is shipped)"

    def session(self, condition: Condition, keys: Array) -> Session:
        """Gaps uniform between gap and gap + gap_spread."""
        n = self.length(condition)
        gap = self.gap + self.gap_spread * chances(keys, n)
        return Session((_dot(self.deadline),), np.zeros(n, np.int64), gap, self_paced=True)

    def scored(self) -> list[Scored]:
        """No table of people is shipped."""
        return []

    def likelihood(self) -> Law:
        """Response times as alertness runs down."""
        return Law(
            "cogattn.tune.simple_response:Pressing",
            {"deadline": self.deadline, "spacing": self.gap + self.gap_spread / 2 + 0.5},
        )

    def metrics(self, frame: pd.DataFrame) -> list[Metric]:
        """Mean RT, slope of speed, lapses."""
        f = _prepared(frame)
        values = {
            "mean RT": 1000 * float(f["rt"].mean()),
            "slope of 1/RT": _slope(f),
            "lapses": float(f["lapse"].mean()),
        }
        return [Metric(self.title, name, "session", value, np.nan) for name, value in values.items()]

    def human(self) -> pd.DataFrame:
        """None is shipped: an empty table."""
        return SimpleRT.human(self).iloc[:0]


def _prepared(frame: pd.DataFrame) -> pd.DataFrame:
    f = frame.assign(lapse=lapsed(frame), minute=frame["onset"] / 60)
    f["lapsing"], f["ms"] = f["lapse"].astype(float), 1000 * f["rt"].where(f["rt"] >= 0.1)
    f["false_start"], f["none"] = (f["rt"] < 0.1).astype(float), f["rt"].isna().astype(float)
    f["fifth"] = 5 * f["bin"] // (f["bin"].max() + 1)
    return f.assign(speed=1 / f["rt"].where(f["rt"] >= 0.1))


def _slope(f: pd.DataFrame) -> float:
    """Mean over people of the regression of speed on minutes, /s per min."""
    own = _slopes(f, "speed")
    return float(own.mean()) if len(own) else np.nan


def _slopes(f: pd.DataFrame, column: str) -> pd.Series:
    """Each person's regression of a column on minutes, per min."""
    g = f[["person", "minute", column]].dropna()
    centred = g[["minute", column]] - g.groupby("person")[["minute", column]].transform("mean")
    products = pd.DataFrame(
        {"p": g["person"], "xy": centred["minute"] * centred[column], "xx": centred["minute"] ** 2}
    )
    sums = products.groupby("p")[["xy", "xx"]].sum()
    return sums["xy"] / sums["xx"]


def _by(column: str, by: str, how: str = "mean") -> Values:
    """A column of each person's prepared trials, over the session."""
    return lambda frame: cells(_prepared(frame), column, [by] if by else [], how)


def _quantiles(frame: pd.DataFrame) -> pd.DataFrame:
    """Each person's, of all responses [ms], at the places of the table."""
    places = human.table("simple_rt_quantiles")["quantile"].tolist()
    return 1000 * frame.groupby("person")["rt"].quantile(places).unstack()


def _lags(how: Callable[[pd.DataFrame, int], float]) -> Values:
    """What all people together give at the lags of the table."""
    lags = human.table("simple_rt_lapse_clustering")["lag_trials"]

    def values(frame: pd.DataFrame) -> pd.DataFrame:
        f = _prepared(frame)
        timed = bool(f["rt"].notna().any())
        return pd.DataFrame({int(lag): [how(f, int(lag)) if timed else np.nan] for lag in lags})

    return values


def _autocorrelation(f: pd.DataFrame, lag: int) -> float:
    """Of log RT within blocks (no response: as late as can be), the mean over people's blocks."""
    log = np.log(f["rt"].fillna(_DEADLINE).clip(lower=0.1))
    size = int(f.groupby(["person", "block"]).size().max())
    x = f.assign(log=log).sort_values(["person", "block", "trial"])["log"].to_numpy().reshape(-1, size)
    x = x - x.mean(axis=1, keepdims=True)
    a, b = (y - y.mean(axis=1, keepdims=True) for y in (x[:, :-lag], x[:, lag:]))
    return float(np.nanmean((a * b).sum(1) / np.sqrt((a**2).sum(1) * (b**2).sum(1))))


def _clustering(f: pd.DataFrame, lag: int) -> float:
    """P(lapse | lapse `lag` trials before) over what the person's own rate in that block leads to expect."""
    size = int(f.groupby(["person", "block"]).size().max())
    z = f.sort_values(["person", "block", "trial"])["lapse"].to_numpy(float).reshape(-1, size)
    if ("visit" in f and f["visit"].nunique() > 1) or size <= lag:
        return np.nan
    before, after = z[:, :-lag], z[:, lag:]
    blocks = int(f["block"].nunique())
    base = after.mean(1).reshape(-1, blocks).mean(1).repeat(blocks)
    expected = (before.sum(1) * base).sum()
    return float((before * after).sum() / expected) if expected > 0 else np.nan


def _regained(f: pd.DataFrame, block: int) -> float:
    """Speed of the first ten trials after a pause less that of the last ten before it."""
    place = f["trial"] % block
    blocks = f["block"].max()
    after = f[(place < _BIN) & (f["block"] > 0)]["speed"].mean()
    before = f[(place >= block - _BIN) & (f["block"] < blocks)]["speed"].mean()
    return float(after - before)
