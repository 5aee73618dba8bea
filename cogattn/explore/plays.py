"""How a paradigm is played for the page: one mind, a few times over, fast enough to follow a slider.

Everybody on the page is the same mind, as in `cogattn run --observer FILE`: people who differ (`--population`) would
hide what the slider does. While a slider moves, little is played; when it is let go, more. The draws have addresses, so
that the same few people meet the same chances at every place of the slider: what changes is what the slider does.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache

import numpy as np
import pandas as pd

from cogattn import paradigms
from cogattn.errors import InputError, counted
from cogattn.explore.curves import Picture, read
from cogattn.observer import Observer, limits_of
from cogattn.paradigms import Paradigm
from cogattn.paradigms.base import Levels, Pace
from cogattn.paradigms.divided import Divided
from cogattn.runs import experiment
from cogattn.runs import trials as results
from cogattn.runs.experiment import Cell, RunPlan
from cogattn.runs.trials import Trials
from cogattn.tune import likelihoods
from cogattn.view import plot as pens
from cogattn.view.drawn import Drawn

ARMS = ("human", "softmax")
_NUMBER = re.compile(r"(?<![\w.])[+-]?\d+(?:\.\d+)?(?![\w.]*\d)")
YOURS = "your data"  #: the arm that a loaded file is drawn as


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
        few, full = kind.shown_pace
        if not self.full:
            return few
        return full if self.people is None else Pace(self.people, full.trials)

    @cached_property
    def plan(self) -> RunPlan:
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
        own = {k: v for k, v in plan.paradigm.options().items() if usual.get(k) != v}
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
    arms = [played(play, arm) for arm in ARMS]
    frames = [frame for cells in zip(*arms, strict=True) for frame in cells]
    return Trials(pd.concat(frames, ignore_index=True), play.plan.config(), paradigm=play.plan.paradigm)


def played(play: Play, arm: str) -> list[pd.DataFrame]:
    """One arm of it: a frame for each condition."""
    return _arm(replace(play, mind=play.mind.under(limits_of(arm))), arm)


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


def drawn(
    done: Trials, own: pd.DataFrame | None = None, other: tuple[str, pd.DataFrame] | None = None
) -> Drawn:
    """The figure of what was played. own: a person's trials, drawn as an arm of their own; other: another mind's, and
    the name that it has in the legend."""
    frames = [done.frame]
    if other is not None:
        name, played = other
        frames.append(played[played["arm"].astype(str) == "human"].assign(arm=name))
    if own is not None:
        frames.append(own.assign(arm=YOURS))
    whole = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
    return done.paradigm.drawn(whole)


def picture(
    done: Trials, own: pd.DataFrame | None = None, other: tuple[str, pd.DataFrame] | None = None
) -> Picture:
    """The same as curves."""
    return read(drawn(done, own, other))


@lru_cache(maxsize=64)
def headline(play: Play) -> str:
    """What was found, in a line."""
    return shown(play)[1].title


def again(titles: Sequence[str]) -> str:
    """The line of several plays as one: a number that differs between them is told from its least to its greatest.

    >>> again(["human 3.1, softmax 6.0", "human 2.9, softmax 6.0"])
    'human 2.9 to 3.1, softmax 6.0'
    >>> again(["human +3 %", "human -18 %"])
    'human -18 to +3 %'
    >>> again(["human 7.4", "human beyond the lists"])
    ''
    """
    if len({_NUMBER.sub("#", title) for title in titles}) != 1:
        return ""
    columns = [sorted(set(words), key=float) for words in zip(*map(_NUMBER.findall, titles), strict=True)]
    told = iter([w[0] if len(w) == 1 else f"{w[0]} to {w[-1]}" for w in columns])
    return _NUMBER.sub(lambda _: next(told), titles[0])


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
    out = (
        []
        if fits.all()
        else [f"{counted(int((~fits).sum()), 'trial')} of other displays left out (here: {words})"]
    )
    own = found[fits].reset_index(drop=True)
    played = shown(play)[0].frame
    yes_no = [c for c in own if c in played and played[c].dtype == bool and own[c].notna().all()]
    own = own.astype(dict.fromkeys(yes_no, bool))
    if "targets" in own and "arrived" not in own:
        own = own.assign(arrived=own["targets"].astype(int))
    return play.plan.paradigm.completed(own.assign(**same)), out


def printed(drawn: Drawn, kind: str) -> bytes:
    """The figure in matplotlib, as a file of this kind."""
    figure, file = drawn.figure(), io.BytesIO()
    with pens.style():
        figure.savefig(file, format=kind, metadata=pens.UNDATED.get(f".{kind}"))
    pens.close(figure)
    return file.getvalue()


def csv(play: Play, drawn: Drawn) -> bytes:
    """The table of curves, with the command that plays it above."""
    head = f"# {drawn.title}\n# {play.command()}\n# the observer: {play.mind.changed() or 'the mean adult'}\n"
    return (head + drawn.table().to_csv(index=False)).encode()
