"""The stop signal: answer as fast as you can, but not if a tone follows (Logan & Cowan 1984, Psychol Rev 91:295).

Going is a choice like any other (`laws.conflict`); the tone starts a process that calls back whatever has not been
given yet (`mind.inhibition`). Which of the two is first decides, so responses that escape are fast ones, and the later
the tone, the more escape. Human tables: `human/stop_signal*_hedge2018.csv` (99 adults).

People's delays followed their success, so that half of their responses escape: early tones were met by those who stop
badly, late ones by those who are slow. Here delays are fixed; to be compared with people, every mind meets each of 21
delays and is then led along people's staircase through its own trials (`tracked`), as lists are in `digit_span`.

Task constants, from going alone: how fast an arrow is identified and what is not decision (people wait for the tone:
they are slower and more variable than in `choice_rt`); how long stopping takes.

What fails: Softmax attention takes no time: its responses are never late enough to be stopped. People press the wrong
key more often (.058), and their responses that escape are hardly faster than the others (46 ms).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cogattn import human
from cogattn.errors import number, whole
from cogattn.laws import inhibition
from cogattn.paradigms.base import Condition, Metric, Pace, pens_of
from cogattn.paradigms.conflict import HAND_SD
from cogattn.paradigms.divided import DEMAND, MONOTONY, Divided, account, between_arms, taken
from cogattn.paradigms.report import series
from cogattn.paradigms.scored import Scored, cells, coded
from cogattn.paradigms.selection import telling
from cogattn.paradigms.session import Array, scattered
from cogattn.view.drawn import Drawn
from cogattn.world.session import Session
from cogattn.world.stream import Stimulus, Task, TaskStream

_END = 2.0  # s, from the arrow to the end of a trial
#: People's staircase: the step of the delays and the first one [s] (both as in STOP-IT, Verbruggen, Logan & Stevens
#: 2008, Behav Res Methods 40:479 [assumption]), and how many tones they met: a quarter of 600 trials.
STEP, FIRST, MET = 0.05, 0.25, 150
SITTINGS = 2  # of 600 trials, in which people took the task
#: What is played for it: every delay of the staircase as often; 600 trials, a quarter with a tone.
TRACKED = {"delays": tuple(round(STEP * i, 2) for i in range(21)), "each": 7, "without": 453}


@dataclass(frozen=True)
class StopSignal(Divided):
    """Options: delays of the tone [s]; trials without and, at each delay, with a tone; how fast an arrow is
    identified, the rest [s] and its sd; how long stopping takes [s] and its sd."""

    delays: tuple[float, ...] = (0.05, 0.15, 0.25, 0.35, 0.45)
    without: int = 180
    each: int = 12
    evidence_rate: float = 5.5
    non_decision_time: float = 0.29
    non_decision_sd: float = HAND_SD * non_decision_time
    stopping: float = 0.195
    stopping_sd: float = HAND_SD * stopping

    name = "stop_signal"
    clues = (r"stop ?sig\w*", r"\bssd\b", r"\bsst\b")
    title = "Stop signal"
    question = "Press for the arrow, but not if a tone follows. How late can the tone be?"
    source = "Hedge, Powell & Sumner 2018, Behav Res Methods 50:1166 (99 adults)"
    phenomenon = "stop signal"
    condition_columns = ("tones",)
    banded = False
    undrawn = "a trial without a tone has no delay, and rows with an empty condition are left out of files"
    shown_pace = (Pace(6, 1), Pace(12, 1))

    def __post_init__(self) -> None:
        object.__setattr__(self, "delays", series("delays", self.delays))
        for delay in self.delays:
            number("each of delays", delay, least=0, most=1.5, unit="s")
        whole("without", self.without, least=5, most=100_000)
        whole("each", self.each, least=1, most=100_000)
        number("non_decision_time", self.non_decision_time, above=0, most=10, unit="s")
        self._tasks()  # checks the others

    def _tasks(self) -> tuple[Task, Task]:
        go = telling(self.evidence_rate, self.non_decision_time, self.non_decision_sd)
        stop = Task(
            "stop", 1.0, DEMAND, MONOTONY, response="stop", automatic=True,
            withhold=self.stopping, withhold_sd=self.stopping_sd,
        )  # fmt: skip
        return go, stop

    @property
    def per_condition(self) -> int:
        """All trials."""
        return self.without + self.each * len(self.delays)

    def conditions(self) -> list[Condition]:
        """One: tones are mixed among the trials."""
        return [{"tones": self.each * len(self.delays) / self.per_condition}]

    def trial(self, condition: Condition) -> TaskStream:
        """An arrow without a tone."""
        return self._stream(None)

    def _stream(self, delay: float | None) -> TaskStream:
        """An arrow, and a tone so much later."""
        items = [Stimulus("arrow", task="tell", supports=1)]
        if delay is not None:
            items.append(Stimulus("tone", onset=delay, task="stop"))
        return TaskStream(tuple(items), end=_END, tasks=self._tasks())

    def session(self, condition: Condition, keys: Array) -> Session:
        """Every delay as often as any other, at random among the trials without a tone."""
        streams = (self._stream(None), *(self._stream(d) for d in self.delays))
        counts = (self.without, *(self.each for _ in self.delays))
        which = scattered(keys, 1, sum(counts), counts)
        return Session(streams, which, np.full(which.shape[1], self.gap))

    def score_session(self, condition: Condition, session: Session, seen: Any) -> dict[str, Array]:
        """When and what was answered, and how late the tone was (missing: no tone)."""
        rt = seen.element_times.answered[..., 0]
        answered = ~np.isnan(rt)
        right = answered & seen.element_times.right[..., 0]
        which = np.broadcast_to(session.which, rt.shape)
        delay = np.array([np.nan, *self.delays])[which]
        tone = which > 0
        out = account(np.where(tone, ~answered, right).astype(int))
        words = np.where(answered, np.where(right, "right", "wrong"), "")
        return out | {
            "delay": delay,
            "signal": tone,
            "responded": answered,
            "rt": taken(rt),
            "error": (answered & ~right).astype(float),
            "response": words,
        }

    def stopped(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Each person's numbers: going (mean, sd, errors), how many responses escape and how fast these are, and how
        long stopping takes (by integration, the mean over delays at which some but not all escape) [ms]."""
        rows = {}
        for person, own in frame.groupby("person"):
            go, stop = own[~own["signal"]], own[own["signal"]]
            right = go[go["correct"]]["rt"].dropna()
            times = go["rt"].dropna()
            escaped = stop[stop["responded"]]
            ssrt = []
            for delay, at in stop.groupby("delay"):
                p = at["responded"].mean()
                if 0 < p < 1 and len(times):
                    ssrt.append(inhibition.integrated(times, float(p), float(delay)))
            rows[person] = {
                "go_rt": 1000 * right.mean(),
                "go_sd": 1000 * right.std(),
                "go_err": go["error"].mean(),
                "p_respond": stop["responded"].mean(),
                "failed_rt": 1000 * escaped["rt"].mean(),
                "ssrt": 1000 * float(np.mean(ssrt)) if ssrt else np.nan,
            }
        return pd.DataFrame(rows).T.rename_axis("person")

    def scored(self) -> list[Scored]:
        """Going, stopping, the delays that were met and how many escape at each (rounded to 100 ms, where a person met
        at least five), all on people's staircase."""
        named = {k: k for k in ("go_rt", "go_sd", "go_err", "failed_rt", "ssrt", "ssd", "p_respond")}
        delays = {f"{1000 * d:g}": d for d in (0.0, 0.1, 0.2, 0.3, 0.4)}

        def measures(frame: pd.DataFrame) -> pd.DataFrame:
            steps = tracked(frame)
            met = steps.groupby("person")
            ssd, p = met["delay"].mean(), met["responded"].mean()
            going = pd.Series(  # a response that was not given counts as the slowest one
                {
                    who: np.quantile(own.fillna(own.max()), p[who])
                    for who, own in frame[~frame["signal"]].groupby("person")["rt"]
                }
            )
            failed = steps[steps["responded"]].groupby("person")["rt"].mean()
            found = {"ssd": ssd, "ssrt": going - ssd, "failed_rt": failed}
            out = self.stopped(frame).assign(p_respond=p)
            return out.assign(**{name: 1000 * value for name, value in found.items()})

        def escapes(frame: pd.DataFrame) -> pd.DataFrame:
            steps = tracked(frame)
            steps["delay"] = (steps["delay"] / 0.1 + 1e-9).round() / 10
            often = steps.groupby(["person", "delay"])["delay"].transform("size") >= 5
            return cells(steps[often], "responded", ["delay"])

        return [
            Scored("stop_signal_hedge2018", "", measures, coded(measure=named), TRACKED, SITTINGS),
            Scored("stop_signal_inhibition_hedge2018", "", escapes, coded(ssd_ms=delays), TRACKED, SITTINGS),
        ]

    def metrics(self, frame: pd.DataFrame) -> list[Metric]:
        """Going, stopping, and how many escape at each delay."""
        means = self.stopped(frame).mean()
        people = human.table("stop_signal_hedge2018").set_index("measure")["mean"]
        go, tone = {"signal": False}, {"signal": True}
        values: list[tuple[str, float, float, dict[str, Any]]] = [
            ("going [ms]", means["go_rt"], people["go_rt"], go),
            ("sd of going [ms]", means["go_sd"], people["go_sd"], go),
            ("errors of going", means["go_err"], people["go_err"], go),
            ("stopping [ms]", means["ssrt"], people["ssrt"], tone),
            ("responses that escape [ms]", means["failed_rt"], people["failed_rt"], tone),
        ]
        escaped = frame[frame["signal"]].groupby("delay")["responded"].mean()
        for delay in self.delays:
            values.append(
                (f"escapes at {1000 * delay:g} ms", escaped.get(delay, np.nan), np.nan, {"delay": delay})
            )
        return [Metric(self.phenomenon, k, "session", float(v), float(h), of) for k, v, h, of in values]

    def human(self) -> pd.DataFrame:
        """How many responses escape, by delay [s]; people's delays followed their success."""
        t = human.table("stop_signal_inhibition_hedge2018")
        t = t[t["n_sub"] >= 50]
        return pd.DataFrame(
            {
                "tones": 0.25,
                "delay": t["ssd_ms"] / 1000,
                "mean": t["p_respond"],
                "sd": t["sd"],
                "n": t["n_sub"],
            }
        ).reset_index(drop=True)

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """The inhibition function, and going times with and without a tone."""
        known, t = pens_of(frame), human.table("stop_signal_hedge2018").set_index("measure")

        def escapes(ax: Any) -> None:
            rows = frame[frame["signal"]].assign(escapes=frame["responded"].astype(float))
            self.panel(ax, rows, "escapes", "delay", known, self.human(), scale=1000.0)
            ax.set(
                xlabel="delay of the tone [ms]", ylabel="responses that escape [share]", ylim=(-0.02, 1.02)
            )

        def times(ax: Any) -> None:
            rows = frame[frame["rt"].notna()].assign(
                ms=lambda f: 1000 * f["rt"], tone=lambda f: f["signal"].astype(int)
            )
            people = t.loc[["go_rt", "failed_rt"], ["mean", "sd", "n"]].assign(tone=[0, 1])
            self.panel(ax, rows, "ms", "tone", known, people, ylabel="RT [ms]", joined=False)
            ax.set_xticks([0, 1], ["no tone", "escaped"])
            ax.margins(x=0.3)

        return self.sheets(frame, [escapes, times])

    def finding(self, frame: pd.DataFrame) -> str:
        """What was found, in a line, from the numbers themselves."""

        def text(own: pd.DataFrame) -> str:
            ms = float(self.stopped(own)["ssrt"].mean())
            return f"{ms:.0f} ms" if np.isfinite(ms) else "no time"

        return f"{self.title}: stopping takes " + between_arms(frame, text)


def tracked(frame: pd.DataFrame) -> pd.DataFrame:
    """The tones that each person would have met on people's staircase, out of those that he met, in their order: the
    next one is a step later after a response that was stopped, and a step earlier after one that escaped. Where there
    are no more trials of a delay, its first ones are met again.

    >>> tones = pd.DataFrame({"person": 0, "trial": range(4), "signal": True, "delay": [0.2, 0.25, 0.2, 0.25]})
    >>> tracked(tones.assign(responded=[False, True, True, False]))["delay"].tolist()[:5]
    [0.25, 0.2, 0.25, 0.25, 0.2]
    """
    tones = frame[frame["signal"].astype(bool)].sort_values("trial", kind="stable").reset_index(drop=True)
    place = (tones["delay"] / STEP).round().astype(int)
    escaped, taken = tones["responded"].to_numpy(bool), []
    at: dict[Any, dict[int, list[int]]] = {}
    for (who, step), rows in tones.groupby(["person", place]).indices.items():
        at.setdefault(who, {})[int(step)] = rows.tolist()
    for own in at.values():
        low, high = min(own), max(own)
        step, used = min(max(round(FIRST / STEP), low), high), dict.fromkeys(own, 0)
        for _ in range(MET):
            rows = own[step]
            row = rows[used[step] % len(rows)]
            used[step] += 1
            taken.append(row)
            step = max(step - 1, low) if escaped[row] else min(step + 1, high)
    return tones.loc[taken]
