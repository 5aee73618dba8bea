"""One trial on the page: who raced, who got a slot, when; or one sitting, where a trial by itself shows nothing.

The picture is the Gantt chart of attention (`gantt.drawn`), read as all figures are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from cogattn.explore.curves import Picture, read
from cogattn.mind import events
from cogattn.runs import experiment
from cogattn.runs.trials import Trials
from cogattn.view import gantt


def conditions(done: Trials) -> list[str]:
    """The conditions of a run in words: what differs between them, brief times in ms."""
    every = done.paradigm.conditions()
    differ = [k for k in every[0] if len({c[k] for c in every}) > 1]
    words: dict[str, dict[Any, str]] = {column: {} for column in done.paradigm.levels}
    for column, known in done.paradigm.levels.items():
        for (
            word,
            value,
        ) in known.items():  # the first word is the usual one; a name that is its own word may have another
            if words[column].get(value, value) == value:
                words[column][value] = word
    return [
        ", ".join(_spelled(k, c[k], words.get(k, {})) for k in differ) or done.paradigm.title for c in every
    ]


def _spelled(name: str, value: object, words: Mapping[Any, str]) -> str:
    """A condition's value by its word, if it has one; a column that is such a word itself (present) is left out."""
    if value in words:
        return words[value] if name in words.values() else f"{name.replace('_', ' ')} {words[value]}"
    if name in ("exposure", "soa"):
        return f"{name} {1000 * float(value):.0f} ms"  # type: ignore[arg-type]
    return f"{name.replace('_', ' ')} {f'{value:.4g}' if isinstance(value, float) else value}"


def timeline(done: Trials, record: pd.DataFrame, at: int) -> Picture:
    """A trial, or the sitting of person `at`, as a chart."""
    shown = read(gantt.drawn(record))
    if "engage" in set(record["kind"].astype(str)) or not (record["kind"] == "onset").any():
        return replace(shown, title=f"Person {at % done.config['people'] + 1}. {shown.title}")
    return shown


MOST_SPANS = 500  #: a sitting with more of them is not played in time: it is on the strip


def moments(record: pd.DataFrame) -> list[dict[str, Any]]:
    """What lasts in this trial, from when to when [ms]: on display, racing, held. Empty: too much for a film."""
    spans = events.spans(record)
    if len(spans) > MOST_SPANS:
        return []
    return [
        {"what": s.what, "element": s.element, "from": round(1000 * s.start, 1), "to": round(1000 * s.stop, 1),
         "end": s.outcome, "slot": int(s.slot)}
        for s in spans if s.what in gantt.BARS
    ]  # fmt: skip


def record(done: Trials, condition: int, at: int) -> pd.DataFrame:
    """The events of trial number `at` of this condition, one person after the other, human arm, from its beginning; of
    the sitting of person `at`, where that is all there is."""
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
