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

from cogattn import parameters
from cogattn.errors import choice, doors, number
from cogattn.files import toml_values
from cogattn.observer import Observer
from cogattn.parameters import PARAMETERS, ByName
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

#: name: what is not as in the mean adult
PRESETS: Mapping[str, dict[str, float]] = {
    "Mean adult": {},
    "Half the capacity": {"capacity": Observer().capacity / 2},
    "Two slots": {"slots": 2.0},
    "Distractible": {"alpha": 1.0, "unattended_weight": 0.5, "wandering": 4.0},
    "Tires fast": {"slow_loss": 0.4, "slow_tiring": 1 / 300, "wandering": 3.0},
    "No limits": {k: v for k, v in Observer().unlimited().to_dict().items() if v != getattr(Observer(), k)},
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


doors(__name__, "mind", "preset", "spelled", "from_text")
