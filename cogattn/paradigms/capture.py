"""Capture: what nobody asked for draws attention. Three scenes.

`search`: a singleton slows the search by some 25 ms (Theeuwes 1992, Percept Psychophys 51:599) if it has what is
sought, else hardly (contingent capture: Folk, Remington & Johnston 1992, J Exp Psychol HPP 18:1030). Weights compete:

    mean time of the race = (1 + w_items + w_extra) / C,        cost = w_extra / C

`report`: letters and a face, masked. What is automatic wins at the rate C: it takes nothing from the others' rates, but
nearly always a slot of the store. What is not takes its share of either, and costs less.

`party`: words in the other ear, while one ear is shadowed. A third of people notice their own name (Moray 1959, Q J Exp
Psychol 11:56; Wood & Cowan 1995, J Exp Psychol LMC 21:255: 35 %), hardly another word. All that comes from that ear is
attenuated (Treisman 1960); one's own name is automatic, another word has weight w:

    P(noticed) = 1 - exp(-C heard s (word - t0)),    s = 1 for the name,  w / (1 + w) for another word

Task constants [assumption]: the singleton's weight (set to Theeuwes' cost), a tenth of it if unlike; `heard`, set to a
third who notice; words of 300 ms; the other ear's weight .1. What it misses: people of small span notice their names
more often (Conway, Cowan & Bunting 2001).

What fails: Without limits nothing captures, and every word of the other ear is noticed. The sizes of the effects
were set, the pattern over the three scenes was not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cogattn.errors import number, whole
from cogattn.paradigms.base import Condition, Levels, Pace, pens_of
from cogattn.paradigms.divided import DEMAND, MONOTONY, account, between_arms
from cogattn.paradigms.selection import END, Selecting, choosing, difference, mean_by, some
from cogattn.paradigms.session import Array
from cogattn.view.drawn import Drawn
from cogattn.world.session import Session
from cogattn.world.stream import Stimulus, Task, TaskStream

SCENES = {"search": 0, "report": 1, "party": 2}
_UNLIKE = 0.1  # of the singleton's weight, for one that has nothing of what is sought [assumption]
EXTRAS = {"none": 0, "unlike": 1, "singleton": 2, "automatic": 3, "face": 4, "word": 5, "name": 6}
WITH = {"search": (0, 1, 2, 3), "report": (0, 3, 4), "party": (5, 6)}
#: What a figure says of a scene: the number, its words, how it is written.
_SAID = {
    "search": ("cost of a singleton [ms]", "Delay of a search by a singleton", "{:.0f} ms"),
    "report": ("letters lost", "Letters lost to an automatic face", "{:.2f}"),
    "party": ("own name noticed", "Own name noticed in the other ear", "{:.0f} %"),
}


@dataclass(frozen=True)
class Capture(Selecting):
    """Options: trials per condition; scenes; what all items beside the target weigh; what the singleton weighs;
    letters of a report, their exposure [s]; how much is heard of the other ear, its weight; a word's time [s]."""

    scenes: tuple[str, ...] = tuple(SCENES)
    items: float = 0.4
    singleton: float = 1.6
    letters: int = 6
    exposure: float = 0.15
    heard: float = 0.025
    ear: float = 0.1
    word: float = 0.3

    name = "capture"
    title = "What captures attention"
    question = "Something stands out that nobody asked for. How much attention does it take?"
    shown_pace = (Pace(4, 16), Pace(6, 24))
    source = "Theeuwes 1992; Folk et al. 1992; Moray 1959 (the tasks; no table of people here)"
    phenomenon = "capture"
    condition_columns = ("scene", "extra")
    levels: ClassVar[Levels] = {"scene": SCENES}
    headline = ("cost of a singleton [ms]", "letters lost", "own name noticed")

    def __post_init__(self) -> None:
        object.__setattr__(self, "scenes", some("scene", self.scenes, SCENES))
        whole("letters", self.letters, least=1, most=64)
        for name in ("items", "singleton", "heard", "ear"):
            number(name, getattr(self, name), least=0, most=1000)
        for name in ("exposure", "word"):
            number(name, getattr(self, name), above=0, most=END / 2, unit="s")
        super().__post_init__()

    def conditions(self) -> list[Condition]:
        """Each scene with what can be in it."""
        return [{"scene": SCENES[s], "extra": x} for s in self.scenes for x in WITH[s]]

    def trial(self, condition: Condition) -> TaskStream:
        """Who is asked for, then the extra one (its own task, where it is automatic)."""
        scene, x = int(condition["scene"]), int(condition["extra"])
        more = Task("extra", 1.0, 0.0, automatic=x in (EXTRAS["automatic"], EXTRAS["name"]))
        main, until = Task("find", 1.0, DEMAND, MONOTONY), {1: self.exposure, 2: self.word}.get(scene)
        if scene == SCENES["search"]:
            main = choosing()
            items = Stimulus("items", weight=self.items, evidence=0.0, task="find")
            shown = [Stimulus("target", task="find"), items]
            weight = self.singleton * (_UNLIKE if x == EXTRAS["unlike"] else 1.0)
            evidence = float(x == EXTRAS["automatic"])
        elif scene == SCENES["report"]:
            weight = evidence = 1.0
            shown = [Stimulus(f"t{i}", mask=until, task="find") for i in range(self.letters)]
        else:
            shown, weight, evidence = [Stimulus("shadowed", mask=until, task="find")], self.ear, self.heard
        if x != EXTRAS["none"]:
            shown.append(Stimulus("extra", mask=until, weight=weight, evidence=evidence, task="extra"))
        return TaskStream(tuple(shown), end=END, tasks=(main, more))

    def score_session(self, condition: Condition, session: Session, seen: Any) -> dict[str, Array]:
        """Search: as any choice. Else: how many of what was asked for, and whether the extra one was noticed."""
        held, there = self.known(seen), condition["extra"] != EXTRAS["none"]
        nothing = np.full(held.shape[:-1], np.nan)
        noticed = np.where(there, held[..., -1], nothing)
        if condition["scene"] == SCENES["search"]:
            return super().score_session(condition, session, seen) | {"noticed": noticed, "letters": nothing}
        main = held[..., : held.shape[-1] - there].sum(-1)
        out = account(main, None, held.shape[-1] - int(there))
        more = {
            "noticed": noticed,
            "letters": main.astype(float),
            "rt": nothing,
            "error": 1.0 - out["correct"],
        }
        return out | more | {"response": np.where(out["correct"], "all", "not all")}

    def numbers(self, frame: pd.DataFrame) -> dict[str, float]:
        """What each extra one costs, and how often it is noticed."""
        out = {}
        for word, x in (("of a singleton", 2), ("of one that is unlike", 1), ("if automatic", 3)):
            by_scene = mean_by(difference(frame, "extra", x, 0, "scene"), "scene")
            out[f"cost {word} [ms]"] = by_scene.get(SCENES["search"], np.nan)
        named = frame[frame["scene"] == 1].groupby("extra")["letters"].mean().reindex([0, 3, 4]).to_list()
        out |= {"letters lost": named[0] - named[1], "letters lost if not automatic": named[0] - named[2]}
        seen = frame[frame["scene"] > 0].groupby("extra")["noticed"].mean().reindex(range(3, 7))
        words = ("automatic face", "other face", "other word", "own name")
        return out | {f"{w} noticed": float(v) for w, v in zip(words, seen, strict=True)}

    def finding(self, frame: pd.DataFrame) -> str:
        """One number of each arm, in a sentence that fits one line: of the last scene that is played."""
        name, words, form = _SAID[self.scenes[-1]]

        def text(own: pd.DataFrame) -> str:
            value = self.numbers(own)[name]
            value = 100 * value if form.endswith("%") else value
            return form.format(value) if np.isfinite(value) else "no time"

        return f"{words}: {between_arms(frame, text)}"

    def parts(self) -> dict[str, Mapping[str, Any]]:
        """The scene, and what was in it."""
        search, report, party = ({"scene": scene} for scene in SCENES.values())
        return {
            "cost of a singleton [ms]": search | {"extra": (2, 0)},
            "cost of one that is unlike [ms]": search | {"extra": (1, 0)},
            "cost if automatic [ms]": search | {"extra": (3, 0)},
            "letters lost": report | {"extra": (0, 3)},
            "letters lost if not automatic": report | {"extra": (0, 4)},
            "automatic face noticed": report | {"extra": 3},
            "other face noticed": report | {"extra": 4},
            "other word noticed": party | {"extra": 5},
            "own name noticed": party | {"extra": 6},
        }

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """RT of a search, letters of a report, and who is noticed, with each extra one."""
        what = {
            "search": ("ms", "RT [ms]"),
            "report": ("letters", f"reported [letters of {self.letters}]"),
            "party": ("noticed", "the other ear noticed [share]"),
        }
        rows, known, draws = frame.assign(ms=1000 * frame["rt"].where(frame["correct"])), pens_of(frame), []
        for scene in self.scenes:
            own, (value, label) = rows[rows["scene"] == SCENES[scene]], what[scene]
            ticks = {k: x for k, x in EXTRAS.items() if x in WITH[scene]}
            words = {"xlabel": f"the extra one ({scene})", "ylabel": label, "ylim": (0, None)}
            draws.append(self.over(own, value, "extra", known, ticks, **words))
        return self.sheets(frame, draws)
