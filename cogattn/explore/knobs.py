"""What can be turned: every number of an observer as a slider, by the property of attention that it belongs to.

A slider has a range that people and experiments need, not all that `Observer` accepts. It comes from the record of its
parameter (`cogattn.parameters`). Where a mind without the limit has no end (capacity, slots), the last place of the
slider is infinity.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cogattn import human, parameters
from cogattn.errors import choice, doors, number
from cogattn.files import toml_values
from cogattn.observer import Observer
from cogattn.parameters import PARAMETERS, ByName
from cogattn.population import Population
from cogattn.record import Parameter


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
    unit: str = ""


#: property: what it is, in a line
WORDS = {
    parameters.SELECTIVITY: "what gets in, and what stays out",
    parameters.CAPACITY: "how much, and how fast",
    parameters.TIRING: "what time on task takes away",
}


def of_records(records: Iterable[Parameter]) -> dict[str, tuple[str, tuple[Knob, ...]]]:
    """property: (what it is, its sliders), from the records; the main ones first."""
    found: dict[str, list[Knob]] = {title: [] for title in WORDS}
    for p in records:
        if p.slider and p.kind is float:
            s = p.slider
            knob = Knob(p.name, s.words, s.low, s.high, s.log, s.endless, s.main, p.unit)
            found.setdefault(s.group, []).append(knob)
    return {
        title: (WORDS.get(title, ""), tuple(sorted(knobs, key=lambda k: not k.main)))
        for title, knobs in found.items()
    }


GROUPS = of_records(PARAMETERS)
KNOBS: Mapping[str, Knob] = ByName({k.name: k for _, knobs in GROUPS.values() for k in knobs})
SWITCHES = {p.name: p.slider.words for p in PARAMETERS if p.slider and p.kind is bool}  #: on or off

#: What of adults' spread a person one sd below the mean has: each number at the 16 % of adults who have less of it.
_LESS = 0.16
_MORE = ("threshold", "alpha", "wandering", "slip")  # worse is more of it


def _one_sd(*names: str) -> dict[str, float]:
    """These numbers of a healthy adult who is one sd worse off than the mean: slower, fewer, more distractible."""
    share = {name: 1 - _LESS if name in _MORE else _LESS for name in names}
    return {name: float(f"{Population.adults().spreads()[name].at(share[name]):.3g}") for name in names}


def _sleepless() -> dict[str, float]:
    """Speed after a week of three hours in bed: the share that is left on day 9, of day 2."""
    table = human.table("sleep_restriction").set_index("Days")["speed_per_s"]
    return {"speed": float(f"{Observer().speed * table[9] / table[2]:.3g}")}


#: name: what is not as in the mean adult
PRESETS: Mapping[str, dict[str, float]] = {
    "Mean adult": {},
    "Half the capacity": {"capacity": Observer().capacity / 2},
    "Two slots": {"slots": 2.0},
    "Distractible": {"alpha": 1.0, "unattended_weight": 0.5, "wandering": 4.0},
    "Tires fast": {"slow_loss": 0.4, "slow_tiring": 1 / 300, "wandering": 3.0},
    "Child": _one_sd("capacity", "slots", "alpha", "speed", "wandering", "slip"),
    "Old age": _one_sd("capacity", "slots", "threshold", "speed"),
    "Sleepless": _sleepless(),
    "Neglect-like": {
        "capacity": Observer().capacity / 2,
        "slots": 2.0,
        "unattended_weight": 0.0,
        "alpha": 1.0,
    },
    "No limits": {k: v for k, v in Observer().unlimited().to_dict().items() if v != getattr(Observer(), k)},
}
#: name: where its numbers come from; what nobody measured begins with "assumed"
PRESET_SOURCES: Mapping[str, str] = {
    "Mean adult": "the means and medians of human/population.csv",
    "Half the capacity": "by definition: C is halved",
    "Two slots": "by definition: K is 2",
    "Distractible": "assumed: three numbers set by hand",
    "Tires fast": "assumed: three numbers set by hand",
    "Child": "assumed: each number is one sd of healthy adults worse (human/population.csv); no child was measured",
    "Old age": "assumed: C, K, t0 and speed are one sd of healthy adults worse (human/population.csv); no table of"
    " old people is here",
    "Sleepless": "speed: Belenky et al. 2003, 18 adults, day 9 over day 2 (human/sleep_restriction.csv); the rest is"
    " assumed to stay",
    "Neglect-like": "assumed: half of C, two slots, nothing from where attention is not; this mind has no left and"
    " right, so the side of a neglect is not in it",
    "No limits": "by definition: every limit is lifted",
}


def mind(values: Mapping[str, Any], base: Observer | None = None) -> Observer:
    """The observer with these values; what is not among them is as in `base`. A value out of range is refused."""
    known = {}
    for name, value in parameters.renamed(values).items():
        if choice("parameter", name, [*KNOBS, *SWITCHES]) in SWITCHES:
            known[name] = value
        else:
            known[name] = number(name, math.inf if value == "inf" else value, infinite=True)
    return replace(base or Observer(), **known)


def preset(name: str) -> Observer:
    """One of the minds to begin with."""
    return mind(PRESETS[choice("preset", name, PRESETS)])


def called(observer: Observer) -> str:
    """Which of the minds to begin with it is; "": none of them.

    >>> called(preset("Two slots")), called(Observer(slots=2.5))
    ('Two slots', '')
    """
    return next((name for name in PRESETS if preset(name) == observer), "")


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
    return Observer.from_dict(toml_values(text, "this text"))


doors(__name__, "mind", "preset", "called", "spelled", "from_text")
