"""One trial on the page: who raced, who got a slot, when; or one sitting, where a trial by itself shows nothing.

The picture is that of `plot.timeline` and `plot.sitting`, read as all figures are, with the answers put in.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from cogattn import experiment, plot
from cogattn.explore.curves import Picture, Stroke, read
from cogattn.results import Trials

ANSWER = "#009E73"  #: of the answers: no arm of the page has it


def conditions(done: Trials) -> list[str]:
    """The conditions of a run in words: what differs between them, brief times in ms."""
    every = done.paradigm.conditions()
    differ = [k for k in every[0] if len({c[k] for c in every}) > 1]
    return [", ".join(_spelled(k, c[k]) for k in differ) or done.paradigm.title for c in every]


def _spelled(name: str, value: object) -> str:
    if name in ("exposure", "soa"):
        return f"{name} {1000 * float(value):.0f} ms"  # type: ignore[arg-type]
    return f"{name.replace('_', ' ')} {f'{value:.4g}' if isinstance(value, float) else value}"


def timeline(done: Trials, condition: int, at: int) -> Picture:
    """Trial number `at` of this condition, one person after the other, human arm; or the sitting of person `at`."""
    record = _record(done, condition, at)
    kinds = set(record["kind"].astype(str))
    if "onset" not in kinds or "engage" in kinds:
        shown = read(plot.sitting(record))
        return replace(shown, title=f"Person {at % done.config['people'] + 1}. {shown.title}")
    shown = read(plot.timeline(record))
    first, last = shown.panels[0].x_range
    wider = (first, last + 0.02 * (last - first))  # the last answer is not cut in half
    panel = replace(shown.panels[0], strokes=_answered(shown, record), x_range=wider)
    return replace(shown, panels=[panel])


def _record(done: Trials, condition: int, at: int) -> pd.DataFrame:
    """The events of one trial, from its beginning; of one sitting, where that is all there is."""
    people, trials = int(done.config["people"]), int(done.config["trials"])
    if not done.paradigm.sessions:
        whole = experiment.events(done, "human", condition, at % people, at // people % trials)
        return whole[whole["kind"] != "end"]  # the screen stays on for a while, and nothing happens
    session = experiment.events(done, "human", condition, at % people)
    ended = (session["kind"] == "end").to_numpy()
    if (session["kind"] == "engage").any() or not (session["kind"] == "onset").any():
        return session
    which = np.cumsum(ended) - ended  # the trial that each event is part of
    own = session[(which == at // people % int(ended.sum())) & ~ended]
    return own.assign(time=own["time"] - own["time"].min())


def _answered(shown: Picture, record: pd.DataFrame) -> list[Stroke]:
    """The marks of the timeline, and a diamond where an element was answered."""
    panel = shown.panels[0]
    rows = {word: place for place, word in panel.y_ticks.items()}
    answers = record[record["kind"].astype(str).isin(["respond", "choose"])]
    last = answers.groupby(answers["element"].astype(str))["time"].max()
    last = last[[name in rows for name in last.index]]
    if last.empty:
        return panel.strokes
    places = np.array([rows[name] for name in last.index], float)
    return [
        *panel.strokes,
        Stroke("answered", 1000 * last.to_numpy(float), places, ANSWER, "", "D", size=7.0),
    ]
