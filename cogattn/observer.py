"""Who attends: one person, as numbers with a meaning.

An `Observer` is one person in the terms of Bundesen's theory of visual attention (TVA; Bundesen 1990,
Psychol Rev 97:523): `capacity` C [items/s], `slots` K, `threshold` t0 [s], `alpha` = weight of a distractor
over weight of a target, and of what else is in `cogattn.parameters`, where each number has its record. How people
differ, and many of them as columns: `cogattn.population`.

>>> Observer().unlimited().slots
inf
>>> Observer(slots=2.5).slot_mixture
((2, 0.5), (3, 0.5))
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import Field, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from cogattn import notebook, parameters
from cogattn.errors import InputError, choice, door, fits, shown
from cogattn.files import read_toml as read_toml
from cogattn.parameters import ALIASES, BY_NAME, GONE, NAMES, PARAMETERS
from cogattn.record import Parameter

_T = TypeVar("_T", bound=type)

#: What can be lifted from a mind, and the value that lifts it. `softmax` is the arm without any of them.
LIMITS: Mapping[str, Mapping[str, float]] = parameters.limits()

#: An arm: `human`, `softmax`, a limit, or limits joined by +.
Arm = str

_SWITCHES = tuple(p.name for p in PARAMETERS if p.kind is bool)

#: What the parameters of a mind are about, for those who read them.
PROPERTIES: Mapping[str, tuple[str, ...]] = parameters.groups()


def of_records(records: Sequence[Parameter]) -> Callable[[_T], _T]:
    """Make a class a frozen dataclass with a field for each record: its default, its meaning, its check. Old names are
    taken, with a warning: as keywords, and as attributes.

    >>> @of_records([p for p in PARAMETERS if p.name in ("capacity", "slots")])
    ... class Two: ...
    >>> Two(slots=2.0)
    Two(capacity=65.5, slots=2.0)
    """

    def made(cls: _T) -> _T:
        cls.__annotations__ = {p.name: p.kind.__name__ for p in records}
        for p in records:
            setattr(cls, p.name, field(default=p.default, metadata={"told": p.told, "unit": p.unit}))
        known, check = frozenset(p.name for p in records), parameters.checker(records)
        made_init: Callable[..., None] = vars(dataclass(frozen=True)(cls))["__init__"]

        def init(self: Any, *args: Any, **named: Any) -> None:
            if not named.keys() <= known:
                named = _named(named, len(known))
            try:
                made_init(self, *args, **named)
            except TypeError:
                fits(made_init, (self, *args), named)
                raise
            check(self.__dict__)

        def old(self: Any, name: str) -> Any:
            now = parameters.canonical(name)
            if now == name or now not in known:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            return getattr(self, now)

        init.__wrapped__ = made_init  # type: ignore[attr-defined]
        cls.__init__, cls.__getattr__ = init, old  # type: ignore[misc, attr-defined]
        return cls

    return made


def _named(named: dict[str, Any], fields_: int) -> dict[str, Any]:
    """Keywords under the names of today. `dataclasses.replace` gives every field, so the old name is what was asked."""
    old = {name: named[name] for name in named if name in ALIASES or name in GONE}
    if len(named) == fields_ + len(old):
        return {**{k: v for k, v in named.items() if k not in old}, **parameters.renamed(old, stacklevel=4)}
    return parameters.renamed(named, stacklevel=3)


@of_records(PARAMETERS)
class Observer:
    """One mind. Its fields are the records of `cogattn.parameters`; defaults: the mean healthy adult (alpha: the
    median, its spread is skewed).

    >>> tired = Observer(capacity=30.0, slots=2.5)
    >>> tired.under(["slots"]).capacity
    inf
    >>> tired.unlimited().slots
    inf
    """

    if TYPE_CHECKING:  # what `of_records` adds
        __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

        def __init__(self, *values: float, **named: float) -> None: ...
        def __getattr__(self, name: str) -> float: ...

        reallocate: bool

    @classmethod
    def of_row(cls, row: Any) -> Observer:
        """The person in a row of `parameters.PERSON` that has been checked already (`People`)."""
        person = object.__new__(cls)
        person.__dict__.update(zip(NAMES, row.item(), strict=True))
        for name in _SWITCHES:
            person.__dict__[name] = bool(person.__dict__[name])
        return person

    @property
    def row(self) -> tuple[float, ...]:
        """The numbers in the order of `parameters.PERSON`."""
        return tuple(float(value) for value in self.__dict__.values())

    @property
    def slot_mixture(self) -> tuple[tuple[float, float], ...]:
        """((floor K, probability), (ceil K, probability)): a non-integer K varies from trial to trial."""
        if math.isinf(self.slots) or float(self.slots).is_integer():
            return ((self.slots if math.isinf(self.slots) else int(self.slots), 1.0),)
        low = math.floor(self.slots)
        return ((low, low + 1 - self.slots), (low + 1, self.slots - low))

    @door
    def under(self, limits: Iterable[str]) -> Observer:
        """The same mind with these limits only; every other one is lifted."""
        kept = [choice("limit", limit, LIMITS) for limit in limits]
        lifted: dict[str, Any] = {}
        for name, values in LIMITS.items():
            if name not in kept:
                lifted.update(values)
        return replace(self, **lifted)

    def unlimited(self) -> Observer:
        """The same mind without limits: what it attends to is softmax attention. alpha stays: it is selection."""
        return self.under(())

    def to_dict(self) -> dict[str, Any]:
        """Plain values by name, for TOML."""
        return asdict(self)

    def changed(self) -> dict[str, Any]:
        """What is not as in the mean adult.

        >>> Observer(slots=2.0).changed()
        {'slots': 2.0}
        """
        usual = Observer().to_dict()
        return {name: value for name, value in self.to_dict().items() if value != usual[name]}

    def _repr_html_(self) -> str:
        """In a notebook: the parameters by what they are about; those that differ from the mean adult stand out."""
        usual = Observer()
        own = self.changed()
        parts = []
        for what, names in PROPERTIES.items():
            changed = [n for n in names if n in own]
            table = [
                (n, getattr(self, n), getattr(usual, n), BY_NAME[n].unit, BY_NAME[n].told) for n in names
            ]
            heads = ("parameter", "value", "mean adult", "unit", "what it is")
            text = notebook.rows(table, heads, [n in own for n in names])
            title = f"{what}: {', '.join(changed)}" if changed else what
            parts.append(notebook.folded(title, text, open_=bool(changed)))
        words = f"{len(own)} of its parameters differ from the mean adult's" if own else "the mean adult"
        return notebook.card("Observer", notebook.words(words), *parts)

    @classmethod
    @door
    def from_dict(cls, values: Mapping[str, Any]) -> Observer:
        """An observer from plain values; an unknown name is refused with the nearest known one."""
        values, known = parameters.renamed(values), [f.name for f in fields(cls)]
        for name in values:
            choice("observer parameter", name, known)
        return cls(**values)

    @classmethod
    @door
    def from_file(cls, path: str | Path) -> Observer:
        """An observer from a TOML file with lines such as `capacity = 45.0`."""
        return cls.from_dict(parameters.renamed(read_toml(path)))


def limits_of(arm: object) -> tuple[str, ...]:
    """The limits that an arm keeps: `human` all, `softmax` none, else names joined by +, e.g. `slots+capacity`."""
    named = [part.strip() for part in arm.split("+")] if isinstance(arm, str) else []
    if named == ["human"]:
        return tuple(LIMITS)
    if named == ["softmax"]:
        return ()
    unknown = [part for part in named if part not in LIMITS]
    if unknown or not named:
        known = ", ".join(("human", "softmax", *LIMITS))
        raise InputError(
            f"arm must be one of {known}, or limits joined by + (slots+capacity), got {shown(arm)}"
        )
    return tuple(limit for limit in LIMITS if limit in named)


def __getattr__(name: str) -> Any:
    """Spreads and populations have a module of their own."""
    if name in ("People", "Population", "Spread"):
        return getattr(importlib.import_module("cogattn.population"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
