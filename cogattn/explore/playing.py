"""How a paradigm is played for the page: one mind, a few times over, fast enough to follow a slider.

Everybody on the page is the same mind, as in `cogattn run --observer FILE`: people who differ (`--population`) would
hide what the slider does. While a slider moves, little is played; when it is let go, more. The draws have addresses, so
that the same few people meet the same chances at every place of the slider: what changes is what the slider does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from cogattn import paradigms
from cogattn.errors import InputError
from cogattn.explore.curves import Picture, read
from cogattn.observer import Observer, limits_of
from cogattn.paradigms import Paradigm
from cogattn.paradigms.base import Levels
from cogattn.paradigms.divided import Divided
from cogattn.runs import experiment
from cogattn.runs import trials as results
from cogattn.runs.experiment import Cell, Plan
from cogattn.runs.trials import Trials
from cogattn.tune import likelihoods

ARMS = ("human", "softmax")
YOURS = "your data"  #: the arm that a loaded file is drawn as


class Pace(NamedTuple):
    """How much is played. trials: per person and condition; where a session has as many as it needs, its visits."""

    people: int
    trials: int


#: (while a slider moves, when it is let go), for a display that is over at once, and for a session of short trials.
_DISPLAY = Pace(6, 30), Pace(12, 60)
_SESSION = Pace(6, 16), Pace(10, 30)
#: Sessions that are as long as they are, and paradigms of many conditions. Measured: `docs/explore.md`.
_PACES = {
    "ant": (Pace(4, 16), Pace(8, 24)),
    "breaks": (Pace(2, 1), Pace(6, 1)),
    "capture": (Pace(4, 16), Pace(6, 24)),
    "continuous_report": (Pace(2, 50), Pace(4, 60)),
    "control_room": (Pace(2, 1), Pace(3, 1)),
    "digit_stream": (Pace(4, 1), Pace(16, 1)),
    "dual_task": (Pace(4, 24), Pace(8, 48)),
    "go_nogo": (Pace(6, 1), Pace(16, 1)),
    "load_dilution": (Pace(4, 16), Pace(6, 24)),
    "mackworth_clock": (Pace(8, 1), Pace(32, 1)),
    "nback": (Pace(8, 1), Pace(16, 1)),
    "posner": (Pace(4, 16), Pace(6, 24)),
    "practice": (Pace(4, 16), Pace(6, 24)),
    "pvt": (Pace(8, 1), Pace(24, 1)),
    "simple_rt": (Pace(8, 1), Pace(24, 1)),
    "sleep_restriction": (Pace(2, 1), Pace(6, 1)),
    "vigilance": (Pace(4, 1), Pace(16, 1)),
    "visual_search": (Pace(3, 16), Pace(6, 24)),
}


#: What is asked of a person, in a sentence that needs no textbook.
QUESTIONS = {
    "ant": "A cue may say when, or where, an arrow comes; which way does it point, among other arrows?",
    "attentional_blink": "Two letters hide in a rapid stream. Is the second one missed so soon after the first?",
    "breaks": "Twenty minutes of watching, a pause, five minutes more. What does the pause give back?",
    "capture": "Something stands out that nobody asked for. How much attention does it take?",
    "change_detection": "A few coloured squares, a pause, one square again. Has it changed?",
    "continuous_report": "A few colours, a pause, one place is asked for. Which colour was there?",
    "control_room": "Track a target, watch gauges, answer the radio, mend pumps, all at once. What is missed?",
    "digit_stream": "Six digits flash every ten seconds, for an hour. Who tires?",
    "dual_task": "A letter on the left, a letter on the right. What does each lose if attention is divided?",
    "enumeration": "How many dots are there? A few are seen at once, more are counted.",
    "flanker": "Which way does the middle arrow point, if its neighbours disagree?",
    "global_local": "A large letter made of small ones. How much does one level disturb the other?",
    "go_nogo": "Press for nine stimuli in ten, hold back for the tenth. How often does the finger slip?",
    "load_dilution": "A distractor speaks for the other answer. Do other letters on display protect from it?",
    "mackworth_clock": "A pointer jumps, rarely twice as far, for two hours. How many double jumps are missed?",
    "nback": "Letter after letter. Is this one the same as the one n letters ago?",
    "partial_report": "Red letters among others flash up. Report the red ones, ignore the rest.",
    "posner": "A cue says where the target will be, and is mostly right. What does it help, what does it cost?",
    "practice": "Searching for a 2 among 5s, four thousand times. How much faster does it get?",
    "prp": "Two choices, one soon after the other. How long must the second one wait?",
    "pvt": "Press as soon as the light comes, for ten minutes, once in a while.",
    "serial_recall": "Letters come one a second. How many can be said in order?",
    "simple_rt": "Press as soon as you see it, again and again, for eight minutes.",
    "sleep_restriction": "Three hours of sleep a night, for a week. How slow do responses become?",
    "stroop": "In which colour is the word printed, if the word names another colour?",
    "tracking": "Some of ten identical discs flash, then all move about. Which ones were they?",
    "vigilance": "Rare signals among noise, for half an hour. How many are still seen in the end?",
    "visual_search": "Is the target there, among 3 to 18 items? How long does it take to tell?",
    "whole_report": "Six letters flash up and are masked. How many can be named?",
}


@dataclass(frozen=True)
class Play:
    """What is on the page: a paradigm, a mind, how much of it."""

    name: str
    mind: Observer
    seed: int = 0
    people: int | None = None  #: None: as the pace of the paradigm says
    full: bool = True

    @cached_property
    def pace(self) -> Pace:
        """How much is played now."""
        kind = _usual(self.name)
        few, full = _PACES.get(self.name, _SESSION if kind.sessions else _DISPLAY)
        if not self.full:
            return few
        return full if self.people is None else Pace(self.people, full.trials)

    @cached_property
    def plan(self) -> Plan:
        """The same as a run would have."""
        kind, pace = _usual(self.name), self.pace
        trials = pace.trials
        if trials > 1 and isinstance(kind, Divided):  # a session of as many trials as its option says
            kind, trials = replace(kind, trials=trials), 1  # type: ignore[call-arg]
        return experiment.make_plan(kind, ARMS, None, pace.people, trials, self.seed, self.mind, None)

    def command(self, observer: str = "observer.toml") -> str:
        """The command that plays exactly this."""
        plan, words = self.plan, [f"cogattn run {self.name}"]
        usual = _usual(self.name).options()
        own = {k: v for k, v in plan.paradigm.options().items() if usual[k] != v}
        words += [f"--option {k}={v}" for k, v in own.items()]
        words += [f"--people {plan.people} --trials {plan.trials} --seed {plan.seed} --observer {observer}"]
        return " ".join(words)


@cache
def _usual(name: str) -> Paradigm:
    """The paradigm as it is without options: made once, since its checks take a while."""
    return paradigms.get(name)()


def toml(mind: Observer) -> str:
    """The mind as a file for `--observer`: what is not said in it is as in the mean adult."""
    return "# An observer for cogattn: what is left out is as in the mean adult.\n" + results.toml(
        mind.changed()
    )


def script(play: Play) -> str:
    """The command with the file that it needs, to be put into a shell."""
    return f"cat > observer.toml <<'END'\n{toml(play.mind)}END\n{play.command()}\n"


def trials(play: Play) -> Trials:
    """Everything played, as a run would; nothing is written and nobody is asked for the state of the checkout."""
    arms = [_arm(replace(play, mind=play.mind.under(limits_of(arm))), arm) for arm in ARMS]
    frames = [frame for cells in zip(*arms, strict=True) for frame in cells]
    return Trials(pd.concat(frames, ignore_index=True), play.plan.config())


@lru_cache(maxsize=32)
def _arm(play: Play, arm: str) -> list[pd.DataFrame]:
    """One arm in every condition. Kept: a slider of a limit does not move the arm that has no limits."""
    plan, crowd = play.plan, play.plan.crowd()
    return [experiment.play_cell(plan, Cell(arm, c), crowd, None) for c in plan.paradigm.conditions()]


@lru_cache(maxsize=24)
def shown(play: Play) -> tuple[Trials, Picture]:
    """What was played and its curves: kept for a while, since the same play gives the same numbers."""
    done = trials(play)
    return done, picture(done)


def picture(done: Trials, own: pd.DataFrame | None = None) -> Picture:
    """The curves of what was played; own: a person's trials, drawn as an arm of their own."""
    frame = done.frame if own is None else pd.concat([done.frame, own.assign(arm=YOURS)], ignore_index=True)
    return read(done.paradigm.figure(frame))


def columns(name: str) -> tuple[str, ...]:
    """The columns of a person's own file for this paradigm, where one can be shown: those that a fit takes."""
    kind = _usual(name)
    if kind.drawn_from:
        return kind.drawn_from
    if kind.undrawn:
        raise InputError(f"your own data cannot be shown beside {name} so far: {kind.undrawn}")
    return likelihoods.of(kind).columns


def levels(name: str) -> Levels:
    """What people call the values of a column."""
    return _usual(name).levels


def as_trials(play: Play, found: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """A person's trials as a run's table has them: those of this display. What is left out is said."""
    every = play.plan.paradigm.conditions()
    same = {k: v for k, v in every[0].items() if len({c[k] for c in every}) == 1}
    there = {k: v for k, v in same.items() if k in found}
    fits = pd.Series(True, found.index)
    for name, value in there.items():
        fits &= np.isclose(found[name], float(value), rtol=0.05)
    words = ", ".join(f"{k} {v:.3g}" for k, v in there.items())
    if not fits.any():
        raise InputError(f"no trial of the file has the display of this task ({words})")
    out = [] if fits.all() else [f"{int((~fits).sum())} trials of other displays left out (here: {words})"]
    own = found[fits].reset_index(drop=True)
    played = shown(play)[0].frame
    yes_no = [c for c in own if c in played and played[c].dtype == bool and own[c].notna().all()]
    own = own.astype(dict.fromkeys(yes_no, bool))
    if "targets" in own and "arrived" not in own:
        own = own.assign(arrived=own["targets"].astype(int))
    return play.plan.paradigm.completed(own.assign(**same)), out
