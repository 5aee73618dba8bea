"""N-back: letter after letter; is this one the same as the one n letters ago? Human table: `human/nback.csv`.

Each letter is compared first and then takes a slot; a full store gives one up at random for it. So the letter of n ago
is still there with

    P = (1 - 1/K)^(n - 1)        (`laws.memory.retention`)

and only if attention was there when it came, and is there now; else it is guessed: `same` as often as not, by who has
the usual criterion. `update` names the other rules: the oldest or the weakest item gives way. Task constants: a letter
every 3 s for 0.5 s, 20 + n letters in a block, a third of them the same [assumption].

What fails: Plain softmax attention is right at every load. The mind is better than people at 1-back, beyond the band,
and at 3-back: it never takes the letter of n - 1 ago for that of n ago, since an item carries its place. People's own
program (expfactory's adaptive_n_back/experiment.js) showed five letters, one every 2 s, 7 of 20 the same. It began with
two back, and went one further after fewer than three mistakes in a block of 20, one less far after more than five, 20
blocks in all. Minds that are led like this have the same d' (3.2, 1.6, 1.0), but two thirds of them meet one, two and
three back; of 522 people 85 did. So most people are worse than those whom the table shows, and most minds are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from cogattn import human
from cogattn.errors import choice, number, whole
from cogattn.laws import memory
from cogattn.paradigms.base import Condition, Levels, Metric, Pace, Statistics, pens_of
from cogattn.paradigms.divided import DEMAND, MONOTONY, Divided, account, laid_out, says_yes
from cogattn.paradigms.report import series
from cogattn.paradigms.scored import Scored, Values, cells, coded
from cogattn.paradigms.session import Array
from cogattn.view import plot
from cogattn.view.drawn import Drawn
from cogattn.world.session import Session
from cogattn.world.stream import Stimulus, Task, TaskStream

_ALPHABET = 8
_SHOWN = 0.5  # s that a letter stays


@dataclass(frozen=True)
class NBack(Divided):
    """Options: how far back; letters to judge in a block; blocks; s per letter; share that are the same; what gives
    way in a full store."""

    loads: tuple[int, ...] = (1, 2, 3)
    letters: int = 20
    blocks: int = 5
    pace: float = 3.0
    same: float = 1 / 3
    update: str = "random"

    name = "nback"
    clues = ("n ?back",)
    pixels = "letter after letter"
    title = "N-back"
    question = "Letter after letter. Is this one the same as the one n letters ago?"
    compared = True
    shown_pace = (Pace(8, 1), Pace(16, 1))
    statistics = Statistics(("load",), ("accuracy",), ())
    usual_params = ("slots", "wandering")
    source = "Eisenberg et al. 2019, Nat Commun 10:2319 (85 adults who did loads 1, 2 and 3)"
    condition_columns = ("load",)
    levels: ClassVar[Levels] = {"signal": {"target": 1, "match": 1, "lure": 0, "foil": 0, "nonmatch": 0}}
    drawn_from = ("person", "load", "signal", "responded")
    pictures = "sequence"

    def __post_init__(self) -> None:
        object.__setattr__(self, "loads", series("loads", self.loads))
        for n in self.loads:
            whole("load", n, least=1, most=12)
        whole("letters", self.letters, least=1, most=52)
        whole("blocks", self.blocks, least=1, most=1000)
        number("pace", self.pace, above=0.6, most=60, unit="s")
        number("same", self.same, above=0, most=0.9)
        choice("update", self.update, ("random", "oldest", "weakest"))

    @property
    def per_condition(self) -> int:
        """Blocks per load."""
        return self.blocks

    def conditions(self) -> list[Condition]:
        """One per load."""
        return [{"load": int(n)} for n in self.loads]

    def trial(self, condition: Condition) -> TaskStream:
        """A block: n letters to begin with, and those to be judged."""
        n = self.letters + int(condition["load"])
        task = Task("update", 1.0, DEMAND, MONOTONY, when_full=self.update)
        items = [Stimulus(f"x{i}", i * self.pace, i * self.pace + _SHOWN, task="update") for i in range(n)]
        return TaskStream(tuple(items), end=n * self.pace, tasks=(task,))

    def sequence(
        self, condition: Condition, seen: Any
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """The letters (people, blocks, letters) and which of them are the same as the one n ago."""
        n = int(condition["load"])
        length = self.letters + n
        u = laid_out(seen, 2 * length)
        same = u[..., :length] < self.same
        same[..., :n] = False
        letters = (u[..., length:] * _ALPHABET).astype(np.int64)
        for t in range(n, length):
            other = (letters[..., t - n] + 1 + letters[..., t] % (_ALPHABET - 1)) % _ALPHABET
            letters[..., t] = np.where(same[..., t], letters[..., t - n], other)
        return letters, same

    def held(self, condition: Condition, seen: Any) -> npt.NDArray[np.bool_]:
        """(people, blocks, letters - n): the letter of n ago is still there, and both were minded."""
        n = int(condition["load"])
        onset = np.arange(self.letters + n) * self.pace
        f = seen.element_times
        before, now = slice(None, -n), slice(n, None)
        there = (f.encoded[..., before] < onset[now]) & ~(f.left[..., before] < onset[now] - 1e-9)
        return there & f.minded[..., before] & f.minded[..., now]

    def judged(self, network: Any, condition: Condition, seen: Any, limited: bool) -> Array:
        """What a network says of each letter, its store that of the mind: 1 = same, 0 = different, -1 = unknown."""
        from cogattn.nn.memory import plan_from_events
        from cogattn.nn.networks import replies

        letters, _ = self.sequence(condition, seen)
        length = letters.shape[-1]
        rows, f = letters.reshape(-1, length), seen.element_times
        what, back = f"judge() of {network.name}", int(condition["load"])
        if not limited:
            free = network.judge(rows, back, None)
            return replies.labels(what, free, rows.shape, 2, letters="B, T").reshape(letters.shape)
        written = np.where(f.minded, f.encoded, np.nan).reshape(rows.shape)
        left = np.where(np.isnan(f.left), np.inf, f.left + 1e-9).reshape(rows.shape)
        onset = np.arange(length) * self.pace
        plan = plan_from_events(written, left, onset)
        said = replies.labels(what, network.judge(rows, back, plan), rows.shape, 2, letters="B, T")
        return np.where(f.minded, said.reshape(letters.shape), -1)

    def score_session(self, condition: Condition, session: Session, seen: Any) -> dict[str, Array]:
        """Hits and false alarms of each block."""
        n = int(condition["load"])
        _, same = self.sequence(condition, seen)
        same = same[..., n:]
        coin = says_yes(seen, self.letters, 0.5)
        if seen.read is None:
            says = np.where(self.held(condition, seen), same, coin)
        else:
            judged = seen.read[..., n:]
            says = np.where(judged < 0, coin, judged == 1)
        says = says ^ seen.slipped(self.letters + n)[..., n:]
        right = says == same
        out = account(right.sum(-1), None, self.letters)
        return out | {
            "hits": (says & same).sum(-1),
            "signals": same.sum(-1),
            "false_alarms": (says & ~same).sum(-1),
            "noise": (~same).sum(-1),
            "accuracy": right.mean(-1),
            "response": np.full(right.shape[:-1], "block"),
        }

    def completed(self, frame: pd.DataFrame) -> pd.DataFrame:
        """People's files have a row per letter: was it the one n back (`signal`), was it said to be (`responded`)?"""
        same, says = frame["signal"].astype(int), frame["responded"].astype(int)
        score = {"score": (same == says).astype(int), "arrived": 1}
        return frame.assign(
            hits=same * says, signals=same, false_alarms=(1 - same) * says, noise=1 - same, **score
        )

    def metrics(self, frame: pd.DataFrame) -> list[Metric]:
        """d' and accuracy by load: the mean over people."""
        t = human.table("nback").set_index("load")
        by = sensitivity(frame).groupby("load")[["d", "accuracy"]].mean()
        out = []
        for column, word, table in (("d", "d'", "dprime"), ("accuracy", "accuracy", "acc")):
            for n, value in by[column].items():
                people = float(t[table].get(n, np.nan)) if self.as_people else np.nan
                out.append(
                    Metric("n-back", f"{word} {n}-back", f"load={n}", float(value), people, {"load": n})
                )
        return out

    def scored(self) -> list[Scored]:
        """Accuracy and d' by load; no response time."""

        def part(column: str) -> Values:
            return lambda frame: cells(sensitivity(frame), column, ["load"])

        measures = {"accuracy": "accuracy", "d'": "d"}
        return [Scored("nback", name, part(column), coded(load=int)) for name, column in measures.items()]

    def human(self) -> pd.DataFrame:
        """Accuracy and d' by load (sd not given)."""
        t = human.table("nback")
        return pd.DataFrame(
            {"load": t["load"], "mean": t["dprime"], "accuracy": t["acc"], "sd": np.nan, "n": t["n_sub"]}
        )

    @property
    def as_people(self) -> bool:
        """People updated as they do."""
        return self.update == "random"

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """d' and accuracy over load."""
        table, t, known = sensitivity(frame), self.human(), pens_of(frame)
        marks: Any = {"xlabel": "n back [items]", "xticks": self.loads}

        def left(ax: Any) -> None:
            words = {"ylabel": "sensitivity d' [sd of the noise]", "ylim": (0, None)}
            self.panel(ax, table, "d", "load", known, t, **words, **marks)

        def right(ax: Any) -> None:
            own, words = t.assign(mean=t["accuracy"], sd=np.nan), {"ylabel": "accuracy [share right]"}
            self.panel(ax, table, "accuracy", "load", known, own, ylim=(0.45, 1.03), **words, **marks)
            ax.axhline(0.5, color=plot.QUIET, linewidth=0.8)

        return self.sheets(frame, [left, right])

    def finding(self, frame: pd.DataFrame) -> str:
        """What was found, in a line, from the numbers themselves."""
        parts = []
        for arm, own in frame.groupby("arm", sort=False):
            d = sensitivity(own).groupby("load")["d"].mean()
            parts.append(f"{arm} {d.iloc[0]:.1f} -> {d.iloc[-1]:.1f}")
        return f"{self.title}, d' from {min(self.loads)}- to {max(self.loads)}-back: " + ", ".join(parts)


def sensitivity(frame: pd.DataFrame) -> pd.DataFrame:
    """d' and accuracy by person and load, over all blocks (log-linear correction; Hautus 1995)."""
    columns = ["hits", "signals", "false_alarms", "noise"]
    sums = (
        frame.groupby(["arm", "person", "load"], sort=False)[[*columns, "score", "arrived"]]
        .sum()
        .reset_index()
    )
    d = memory.dprime(*(sums[c].to_numpy() for c in columns))
    return sums.assign(d=d, accuracy=sums["score"] / sums["arrived"])
