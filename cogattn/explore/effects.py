"""How much each slider can change a task: measured once, kept as a table, so that the page can put first what matters.

The effect of a number is how far the trials of the mean adult move when that number alone goes to one end of its
slider, or to the other: the change of the mean of everything that is measured, in sd of single trials, averaged over
conditions and measures. The larger end counts. 0: not one trial of the task changes.
`simulations/which_numbers_move_which_task.py` writes the table.

>>> of("whole_report")["capacity"] > of("whole_report")["wandering"]
True
"""

from __future__ import annotations

import math
from functools import cache
from importlib.resources import files

import numpy as np
import pandas as pd

from cogattn.errors import CogattnError
from cogattn.explore import knobs, plays
from cogattn.observer import Observer

TABLE = "effects.csv"  #: a row per number of a mind, a column per task


@cache
def of(name: str) -> dict[str, float]:
    """Number of a mind: its effect on this task. Empty: nobody has measured this task (one of your own)."""
    with (files("cogattn.explore") / TABLE).open(encoding="utf-8") as file:
        table = pd.read_csv(file, comment="#", index_col="parameter")
    if name not in table:
        return {}
    own = table[name].dropna()
    return {str(k): float(v) for k, v in own.items() if k in {*knobs.KNOBS, *knobs.SWITCHES}}


def measure(name: str) -> dict[str, float]:
    """The effect of every number of a mind on this task."""
    return {knob: _effect(name, knob) for knob in (*knobs.KNOBS, *knobs.SWITCHES)}


def _effect(name: str, knob: str) -> float:
    """Of one. What changes nothing in a few trials is tried again in more."""
    for full in (False, True):
        usual = _human(plays.Play(name, Observer(), full=full))
        try:
            moved = [_human(plays.Play(name, knobs.mind({knob: end}), full=full)) for end in _ends(knob)]
        except CogattnError:
            return math.nan
        changed = [frame for frame in moved if not frame.equals(usual)]
        if changed:
            return max(1e-4, *(_distance(usual, frame) for frame in changed))
    return 0.0


def _human(play: plays.Play) -> pd.DataFrame:
    """What the mind did, as numbers: a row per trial."""
    frame = pd.concat(plays.played(play, "human"), ignore_index=True)
    kind = play.plan.paradigm
    frame = frame.drop(columns=[c for c in ("arm", "person", "trial") if c in frame])
    for column in frame:
        if not pd.api.types.is_numeric_dtype(frame[column]):
            frame[column] = pd.factorize(frame[column].astype(str), sort=True)[0]
    return frame.astype(float).set_index([c for c in kind.condition_columns if c in frame])


def _ends(knob: str) -> list[float | bool]:
    if knob in knobs.SWITCHES:
        return [not getattr(Observer(), knob)]
    k = knobs.KNOBS[knob]
    ends = [k.low, math.inf if k.endless else k.high]
    return [end for end in ends if end != getattr(Observer(), knob)]


def _distance(a: pd.DataFrame, b: pd.DataFrame) -> float:
    """The mean distance of two runs, over conditions and measures, in sd of the trials of the first."""
    sd = a.std().replace(0.0, np.nan)
    if a.index.nlevels and a.index.names != [None]:
        a, b = (f.groupby(level=list(range(f.index.nlevels))).mean() for f in (a, b))
    else:
        a, b = (f.mean().to_frame().T for f in (a, b))
    gap = ((a - b).abs() / sd).to_numpy()
    return float(np.nanmean(gap)) if np.isfinite(gap).any() else 0.0
