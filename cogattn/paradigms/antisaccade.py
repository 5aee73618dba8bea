"""The antisaccade task (Hallett 1978, Vision Res 18:1279), with arrows: a flash on one side, then an arrow on the same
or on the other side, then a mask. Which way does the arrow point?

The flash moves attention to its place as a cue does that is always right (`posner`): after a time t the share w of
attention is there. Where the arrow is on the other side, the flash has to be told first, and attention stays with it
for s, as it stays with the first target of a blink; then it moves away, just as fast. The share that the arrow's place
has, and how likely the arrow is encoded if it is shown for T:

    same side:   a(t) = w(t) = 1 - e^{-t / orient} / 2
    other side:  a(t) = 1 - w(t) up to s, then 1 - w(s) e^{-(t - s) / orient}
    P(encoded) = 1 - exp(-C eta integral of a from flash + t0 to flash + T)

What is encoded is told as in `choice_rt`. What is not is guessed, 1 of 3: the mask is categorised as fast as the arrow
was, each categorisation speaks for any of the three answers alike, and the first that leads all others by the person's
`evidence_threshold` is given (`divided.guess_times`). (Masked letters are decided at a constant rate, that of what was
taken in before the mask: Ratcliff & Rouder 2000, J Exp Psychol HPP 26:127. Here that is all or nothing.) So a guess
takes longer than an answer, and varies more.

One session, as people took it. In prosaccade trials the arrow's time follows a staircase: 17 ms less after a right
answer, 85 ms more after a wrong one, so that 85 / (85 + 17) = .83 are right, but never under 26 ms; it begins anew in
each block. In antisaccade trials it is the median of the person's own prosaccade trials. The streams of a session are
known beforehand, and these times are not: so the streams have no mask, and an arrow that was encoded after its mask
would have come is scored as not encoded. That is the same, since a mask changes nothing before it comes (`arrow` puts
one into the stream).

Human table: `human/antisaccade_reymermet2018.csv` (278 adults, young and old); nothing is fitted to it. Times and
numbers of trials are from the authors' trial files (PerceptionCognitionLab/data0, inhibitionTasks/ReyMermetJEPLMC2018);
their 20 trials of practice are left out. They had 2 s to answer; what comes later is no answer, and their accuracy is
that of their answers. `orient` is that of `posner`, telling and the hand are those of `choice_rt`. Assumed before the
first run: the arrow is as clear as a letter (`evidence` 1); attention is drawn to the flash wholly, and then leaves it
wholly. Assumed after it: attention stays with the flash for the mean adult's `dwell` of the blink (259 ms), for
everybody and in all trials, since all people share the streams. (With 78 ms, which telling a side takes, .87 were right
on the other side.)

What fails: Softmax attention encodes every arrow at once, on either side. With the flash on the arrow's side responses
are 125 ms faster than people's; on the other side the mind loses too much (.46 right, people .57; .89 and .84 on the
same side), and in people that differs three times as much. For a third of the minds the staircase ends at its foot.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cogattn import human
from cogattn.errors import choice, number, whole
from cogattn.paradigms.base import Condition, Levels, Metric, Pace, Statistics, pens_of
from cogattn.paradigms.choice_rt import ChoiceRT
from cogattn.paradigms.divided import (
    DEMAND,
    MONOTONY,
    Divided,
    account,
    between_arms,
    guess_times,
    guesses,
    taken,
)
from cogattn.paradigms.posner import Posner
from cogattn.paradigms.scored import Scored, coded, speeded, times_and_errors
from cogattn.paradigms.session import Array, chances
from cogattn.parameters import BY_NAME
from cogattn.population import SAMPLES, Population
from cogattn.view.drawn import Drawn
from cogattn.world.session import Session
from cogattn.world.stream import Change, Stimulus, Task, TaskStream

KINDS = {"prosaccade": 1, "antisaccade": -1}
FRAME = 1 / 60  #: s; the arrow is shown in whole frames, and its share of attention changes with them
ANSWER = 2.0  #: s from the arrow's onset in which it is answered
FIXATION = (1.5, 1.75, 2.0, 2.25, 2.5, 2.75, 3.0, 3.25)  #: s before the flash, at random
START, DOWN, UP, LEAST = 0.145, 0.017, 0.085, 0.026  #: s: the staircase of the arrow's time
CHOICES = 3  #: left, up, right
BLOCKS = 2  #: of each kind


@dataclass(frozen=True)
class Antisaccade(Divided):
    """Options: trials of a prosaccade and of an antisaccade block, and how many warm up before them; how long the flash
    is there [s]; the arrow's time [s] in all trials (0 = by the staircase); its evidence; the time constant of
    orienting [s]; how fast flash and arrow are identified, the rest [s] and its sd; who is tested if nobody says who
    (adults, laboratory, all ages)."""

    pro: int = 40
    pro_warmup: int = 10
    anti: int = 48
    anti_warmup: int = 2
    flash: float = 10 * FRAME
    arrow: float = 0.0
    evidence: float = 1.0
    orient: float = Posner.orient
    evidence_rate: float = ChoiceRT.evidence_rate
    non_decision_time: float = ChoiceRT.non_decision_time
    non_decision_sd: float = ChoiceRT.non_decision_sd
    sample: str = "adults"

    name = "antisaccade"
    clues = ("anti.?saccades?", "pro.?saccades?")
    title = "Antisaccade"
    question = "A flash on one side, a short arrow on the other: which way does it point?"
    shown_pace = (Pace(6, 1), Pace(12, 1))
    statistics = Statistics(("side",))
    source = "Rey-Mermet, Gade & Oberauer 2018, J Exp Psychol LMC 44:501 (278 adults)"
    phenomenon = "antisaccade"
    condition_columns = ("opposite",)
    levels: ClassVar[Levels] = {"side": KINDS}
    banded = False
    undrawn = "the arrow's time is each person's own, and people's files do not say who met which"

    def __post_init__(self) -> None:
        for name in ("pro", "anti"):
            whole(name, getattr(self, name), least=1, most=100_000)
            whole(f"{name}_warmup", getattr(self, f"{name}_warmup"), least=0, most=100_000)
        number("flash", self.flash, least=0, most=10, unit="s")
        number("arrow", self.arrow, least=0, most=ANSWER, unit="s")
        number("evidence", self.evidence, above=0, most=1000)
        number("orient", self.orient, above=0, most=60, unit="s")
        number("non_decision_time", self.non_decision_time, above=0, most=10, unit="s")
        choice("sample", self.sample, SAMPLES)
        self._stream(1)  # checks the others

    def usual_population(self) -> Population:
        """The adults of all other paradigms, or another sample."""
        return SAMPLES[self.sample]()

    @property
    def per_condition(self) -> int:
        """All trials, those that warm up too."""
        return len(self._sides()[0])

    def _sides(self) -> tuple[Array, Array]:
        """Of each trial: on which side the arrow is, and what it counts as (0 = it warms up)."""
        side, counts = [], []
        for code, warm, n in ((1, self.pro_warmup, self.pro), (-1, self.anti_warmup, self.anti)):
            side += [code] * (warm + n) * BLOCKS
            counts += ([0] * warm + [code] * n) * BLOCKS
        return np.array(side), np.array(counts)

    def conditions(self) -> list[Condition]:
        """One: how many of the trials that count are antisaccade trials."""
        return [{"opposite": self.anti / (self.pro + self.anti)}]

    @property
    def told(self) -> float:
        """How long attention stays with the flash whose side is to be told [s]: the mean adult's dwell."""
        return float(BY_NAME["dwell"].default)

    def share(self, side: int, since: float) -> float:
        """a: how much of attention the arrow's place has, so long after the flash's onset."""
        cue = Posner(soas=(0.0,), validity=1.0, orient=self.orient)
        if side > 0:
            return cue.share(1, since)
        there = cue.share(1, min(since, self.told))
        return 1 - there * math.exp(-max(0.0, since - self.told) / self.orient)

    def trial(self, condition: Condition) -> TaskStream:
        """An arrow on the other side."""
        return self._stream(-1)

    def _stream(self, side: int) -> TaskStream:
        """The arrow at one place, noise at the other; in each frame the weights are those of its middle."""
        task = Task(
            "find", 1.0, DEMAND, MONOTONY, response="choose", when_full="wait", service="counted",
            evidence_rate=self.evidence_rate, after=self.non_decision_time, after_sd=self.non_decision_sd,
        )  # fmt: skip
        until = min(ANSWER, max(0.0, self.told - self.flash) + 6 * self.orient)  # then it has arrived
        times = self.flash + FRAME * np.arange(math.ceil(until / FRAME))
        shares = [self.share(side, t + FRAME / 2) for t in times]
        mask = self.flash + self.arrow if self.arrow > 0 else None
        items = (
            Stimulus("arrow", self.flash, mask, weight=shares[0], evidence=self.evidence, task="find"),
            Stimulus("noise", self.flash, mask, weight=1 - shares[0], evidence=0.0, task="find"),
        )
        changes = [
            Change(float(t), name, weight)
            for t, a in zip(times[1:], shares[1:], strict=True)
            for name, weight in (("arrow", a), ("noise", 1 - a))
        ]
        return TaskStream(items, end=self.flash + ANSWER, changes=tuple(changes), tasks=(task,))

    def session(self, condition: Condition, keys: Array) -> Session:
        """Blocks of prosaccade trials, then those of antisaccade trials, each trial after a fixation."""
        side = self._sides()[0]
        which = np.where(side > 0, 0, 1)
        gap = np.array(FIXATION)[(chances(keys, len(side)) * len(FIXATION)).astype(int)]
        return Session((self._stream(1), self._stream(-1)), which, gap)

    def score_session(self, condition: Condition, session: Session, seen: Any) -> dict[str, Array]:
        """How long each arrow was shown, and whether it was named; what was not encoded by then is guessed."""
        times = seen.element_times
        needed, rt = times.encoded[..., 0] - self.flash, times.answered[..., 0] - self.flash
        named = ~np.isnan(rt) & times.right[..., 0]
        lucky = guesses(seen)[..., 0] < 1 / CHOICES
        arrow = self.led(needed, named, lucky)
        encoded = needed < arrow
        hand = seen.people["hand"][:, None] * self.non_decision_time
        rt = np.where(encoded, rt, arrow + guess_times(seen, CHOICES, self.evidence_rate, ANSWER) + hand)
        given = np.where(encoded, ~np.isnan(rt), ~(rt > ANSWER))
        right = np.where(encoded, named, lucky) & given
        out = account(right.astype(int), given.astype(int))
        counts = np.broadcast_to(self._sides()[1], rt.shape)
        words = np.where(right, "right", np.where(given, "wrong", ""))
        error = np.where(given, 1.0 - right, np.nan)  # people's shares are those of their answers
        more = {"side": counts, "arrow": arrow, "error": error, "response": words}
        return out | more | {"rt": taken(np.where(given, rt, np.nan))}

    def led(self, needed: Array, named: Array, lucky: Array) -> Array:
        """(people, trials): how long each arrow is shown [s], in whole frames. needed: until it is encoded [s]; named:
        it is right if it is encoded; lucky: it is if it is not."""
        side, counts = self._sides()
        if self.arrow > 0:
            return np.full(needed.shape, self.arrow)
        time, times = np.full(len(needed), START), np.empty(needed.shape)
        pro = np.flatnonzero(side > 0)
        for i in pro:
            time = np.full(len(needed), START) if i % (len(pro) // BLOCKS) == 0 else time
            times[:, i] = time
            right = np.where(needed[:, i] < in_frames(time), named[:, i], lucky[:, i])
            time = np.where(right, np.maximum(time - DOWN, LEAST), time + UP)
        times[:, side < 0] = np.median(times[:, counts > 0], axis=1)[:, None]
        return in_frames(times)

    def _means(self, frame: pd.DataFrame) -> pd.DataFrame:
        """By side, over people: accuracy, RT of right answers [ms], how long the arrow was shown [ms]."""
        own = frame[frame["side"] != 0]
        ms = (1000 * own["rt"]).where(own["correct"].astype(bool))
        table = own.assign(right=own["correct"].astype(float), ms=ms, shown=1000 * own["arrow"])
        by = table.groupby(["person", "side"])[["right", "ms", "shown"]].mean()
        return by.groupby("side").mean().reindex([1, -1])

    def metrics(self, frame: pd.DataFrame) -> list[Metric]:
        """Accuracy and RT on either side, what the other side costs, and the arrow's time."""
        found, t = self._means(frame), human.table("antisaccade_reymermet2018").set_index("task")
        out = []
        for word, code in KINDS.items():
            people = (float(t["acc"][word]), float(t["RT_ms"][word]), np.nan)
            names = ("accuracy", "RT [ms]", "arrow shown [ms]")
            for name, value, known in zip(names, found.loc[code], people, strict=True):
                out.append(
                    Metric(self.phenomenon, f"{word} {name}", "session", float(value), known, {"side": code})
                )
        cost = found.loc[1] - found.loc[-1]
        right = float(t["acc"]["prosaccade"] - t["acc"]["antisaccade"])
        ms = float(t["RT_ms"]["antisaccade"] - t["RT_ms"]["prosaccade"])
        both = {"side": (1, -1)}
        return [
            *out,
            Metric(self.phenomenon, "cost in accuracy", "session", float(cost["right"]), right, both),
            Metric(self.phenomenon, "cost [ms]", "session", float(-cost["ms"]), ms, both),
        ]

    def scored(self) -> list[Scored]:
        """Times and accuracy of both kinds, without the trials that warm up; half of the table's people are old."""
        rows = speeded("antisaccade_reymermet2018", ["side"], coded(task=KINDS), only="responded")
        return [one._replace(options={"sample": "all ages"}) for one in rows]

    def human(self) -> pd.DataFrame:
        """RT [s] and errors of both kinds."""
        t = human.table("antisaccade_reymermet2018")
        return pd.DataFrame(
            {
                "opposite": self.conditions()[0]["opposite"],
                "side": t["task"].map(KINDS),
            }
            | times_and_errors(t)
        )

    @property
    def as_people(self) -> bool:
        """People's arrows followed the staircase."""
        return self.arrow == 0

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """Accuracy, RT, and how long the arrow was shown, on either side."""
        known, own = pens_of(frame), frame[frame["side"] != 0]
        own = own.assign(x=-own["side"], right=own["correct"].astype(float), shown=1000 * own["arrow"])
        t = self.human().assign(x=lambda t: -t["side"])
        shares = t.assign(mean=1 - t["error"], sd=t["error_sd"])
        times = t.assign(mean=1000 * t["mean"], sd=1000 * t["sd"])
        right = own[own["correct"].astype(bool)]
        right = right.assign(ms=1000 * right["rt"])

        def over(rows: pd.DataFrame, value: str, label: str, people: pd.DataFrame | None = None) -> Any:
            def draw(ax: Any) -> None:
                self.panel(ax, rows, value, "x", known, people, xlabel="trials", ylabel=label)
                ax.set_xticks([-code for code in KINDS.values()], list(KINDS))
                ax.margins(x=0.2)

            return draw

        draws = [
            over(own, "right", "accuracy [share right]", shares),
            over(right, "ms", "RT [ms]", times),
            over(own, "shown", "arrow shown [ms]"),
        ]
        return self.sheets(frame, draws)

    def finding(self, frame: pd.DataFrame) -> str:
        """What was found, in a line, from the numbers themselves."""

        def text(own: pd.DataFrame) -> str:
            right = self._means(own)["right"]
            return f"{right[1]:.2f} and {right[-1]:.2f}"

        return f"{self.title}, right with the flash on the arrow's and on the other side: " + between_arms(
            frame, text
        )


def in_frames(seconds: Array) -> Array:
    """Whole frames, as many as it takes [s].

    >>> (in_frames(np.array([0.026, 0.145])) / FRAME).round(6).tolist()
    [2.0, 9.0]
    """
    return FRAME * np.ceil(np.asarray(seconds) / FRAME - 1e-9)
