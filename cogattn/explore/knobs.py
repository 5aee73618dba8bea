"""What can be turned: every number of an observer as a slider, by the property of attention that it belongs to.

A slider has a range that people and experiments need, not all that `Observer` accepts; its unit is that of
`human/population.csv`. Where a mind without the limit has no end (capacity, slots), the last place of the slider is
infinity.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from cogattn import human
from cogattn.errors import InputError, choice, number
from cogattn.observer import Observer


@dataclass(frozen=True)
class Knob:
    """One slider. main: always there; the others come with "more". log: equal steps are equal factors."""

    name: str
    words: str  #: what it is, in plain words
    low: float
    high: float
    log: bool = False
    endless: bool = False  #: the last place of the slider is infinity
    main: bool = False

    @property
    def unit(self) -> str:
        """Its unit, from the table of all numbers."""
        return _units().get(self.name, "")


def _main(name: str, words: str, low: float, high: float, log: bool = False, endless: bool = False) -> Knob:
    return Knob(name, words, low, high, log, endless, main=True)


#: property: (what it is, in a line; its sliders)
GROUPS: dict[str, tuple[str, tuple[Knob, ...]]] = {
    "Selectivity": (
        "what gets in, and what stays out",
        (
            _main("alpha", "how much distractors draw (1 = as targets)", 0.0, 2.0),
            _main("spill", "how much other tasks draw", 0.0, 1.0),
            _main("narrowing", "time the spotlight takes to narrow", 0.0, 0.2),
            _main("group", "items that a glance in a search takes", 1.0, 20.0),
            Knob("sharpness", "how much selection suffers when tired; 0 = never", 0.0, 4.0),
            Knob("lead", "by how many looks one answer must lead", 1.0, 10.0),
            Knob("quit_growth", "how soon a search in vain is given up", 0.0, 3.0),
            Knob("visit_shape", "how regular the glances of a search are", 0.3, 6.0),
            Knob("visit_hit", "time of the glance that finds it, over one in vain", 0.0, 3.0),
            Knob("stay", "how much the task at hand holds attention", 0.1, 30.0, log=True),
            Knob("restless", "how often it is decided anew which task to attend to", 0.0, 5.0),
        ),
    ),
    "Capacity": (
        "how much, and how fast",
        (
            _main("capacity", "C, how fast items are taken in", 2.0, 500.0, True, True),
            _main("slots", "K, how many items memory holds", 0.0, 12.0, False, True),
            _main("threshold", "t0, longest glimpse that gives nothing", 0.0, 0.15),
            _main("dwell", "how long an item shuts memory's door", 0.0, 1.0),
            _main("share", "1 = one choice at a time, .5 = two share", 0.5, 1.0),
            _main("speed", "simple responses a second, rested", 0.5, 20.0, True, True),
            Knob("central", "what the central stage gives to all choices together", 0.1, 4.0, True, True),
            Knob("persistence", "how long an image outlives its stimulus", 0.0, 1.0),
            Knob("memory_life", "how long an item stays if nothing pushes it out", 0.2, 100.0, True, True),
            Knob("dwell_sd", "how much settling an item varies", 0.0, 0.5),
            Knob("sparing", "how often a neighbour in time slips in", 0.0, 1.0),
            Knob("sparing_window", "how close such a neighbour must come", 0.0, 0.5),
            Knob("order_sd", "how blurred the order of items is", 0.0, 0.5),
            Knob("switch_time", "time lost between two tasks", 0.0, 2.0),
            Knob("grouping", "how long a response waits for the next one", 0.0, 1.0),
            Knob("speed_sd", "how much response speed varies within a person", 0.05, 3.0, True),
            Knob("tempo_share", "share of that variation that comes in runs", 0.0, 0.99),
            Knob("tempo_time", "how long such a run lasts", 0.5, 100.0, True),
            Knob("slip", "how often the wrong key is pressed", 0.0, 0.5),
            Knob("wariness", "extra evidence waited for after an error", 0.0, 2.0),
            Knob("anticipation", "share of responses given too early to be answers", 0.0, 0.2),
            Knob("criterion", "how much evidence a signal needs; 0 = no bias", -2.0, 3.0),
            Knob("learning", "how much each repetition speeds the next up", 1e-6, 0.1, True),
        ),
    ),
    "Fatigue": (
        "what time on task takes away",
        (
            _main("fast_loss", "alertness lost within seconds", 0.0, 0.45),
            _main("slow_loss", "alertness lost over minutes, hours", 0.0, 0.45),
            _main("wandering", "how often the mind leaves its task", 0.0, 20.0),
            _main("memory_loss", "sensitivity lost by holding on", 0.0, 1.0),
            _main("sleep_loss", "alertness lost to lack of sleep", 0.0, 0.9),
            Knob("lapse_base", "lapses of a rested mind", 1e-4, 1.0, True),
            Knob("lapse_fast", "lapses added by tiredness of seconds", 1e-4, 1.0, True),
            Knob("lapse_slow", "lapses added by tiredness of minutes", 1e-4, 1.0, True),
            Knob("away", "how long attention stays away", 0.2, 120.0, True),
            Knob("away_speed", "response speed while it is away, as a share", 0.05, 1.0),
            Knob("away_spread", "how much responses vary while it is away", 0.1, 10.0, True),
            Knob("fast_tiring", "how fast tiredness of seconds builds up", 1e-4, 1.0, True),
            Knob("fast_recovery", "how fast it goes at work", 1e-5, 1.0, True),
            Knob("fast_rest", "how fast it goes at rest", 1e-4, 3.0, True),
            Knob("slow_tiring", "how fast tiredness of minutes builds up", 1e-5, 0.1, True),
            Knob("slow_recovery", "how fast it goes at work", 1e-6, 0.1, True),
            Knob("slow_rest", "how fast it goes at rest", 1e-5, 0.1, True),
            Knob("criterion_shift", "how far caution grows where signals are rare", -1.0, 2.0),
            Knob("criterion_time", "how long that takes", 30.0, 20000.0, True),
            Knob("criterion_rest", "how long it takes to go back at rest", 10.0, 20000.0, True),
        ),
    ),
}
KNOBS: Mapping[str, Knob] = {k.name: k for _, knobs in GROUPS.values() for k in knobs}
SWITCHES = {"reallocate": "what is done hands its speed to the rest"}  #: on or off

#: name: what is not as in the mean adult
PRESETS: Mapping[str, dict[str, float]] = {
    "Mean adult": {},
    "Half the capacity": {"capacity": Observer().capacity / 2},
    "Two slots": {"slots": 2.0},
    "Distractible": {"alpha": 1.0, "spill": 0.5, "wandering": 4.0},
    "Tires fast": {"slow_loss": 0.4, "slow_tiring": 1 / 300, "wandering": 3.0},
    "No limits": {k: v for k, v in Observer().unlimited().to_dict().items() if v != getattr(Observer(), k)},
}


def mind(values: Mapping[str, Any], base: Observer | None = None) -> Observer:
    """The observer with these values; what is not among them is as in `base`. A value out of range is refused."""
    known = {}
    for name, value in values.items():
        if choice("parameter", name, [*KNOBS, *SWITCHES]) in SWITCHES:
            known[name] = value
        else:
            known[name] = number(name, math.inf if value == "inf" else value, infinite=True)
    return replace(base or Observer(), **known)


def preset(name: str) -> Observer:
    """One of the minds to begin with."""
    return mind(PRESETS[choice("preset", name, PRESETS)])


def spelled(observer: Observer) -> dict[str, Any]:
    """The values as a page can take them: JSON knows no infinity."""
    return {k: "inf" if v == math.inf else v for k, v in observer.to_dict().items()}


def described() -> list[dict[str, Any]]:
    """The groups and their sliders as plain values."""
    usual = spelled(Observer())
    out = []
    for title, (words, knobs) in GROUPS.items():
        rows = [
            {"name": k.name, "words": k.words, "unit": k.unit, "low": k.low, "high": k.high, "log": k.log,
             "endless": k.endless, "main": k.main, "usual": usual[k.name]}
            for k in knobs
        ]  # fmt: skip
        out.append({"title": title, "words": words, "knobs": rows})
    return out


def from_text(text: str) -> Observer:
    """An observer from the text of a TOML file."""
    import tomllib

    try:
        return Observer.from_dict(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"this is not a TOML file: {error}") from None


@cache
def _units() -> dict[str, str]:
    table = human.parameters()
    return dict(zip(table["parameter"], table["unit"].fillna(""), strict=True))
