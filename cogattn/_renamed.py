"""Names that changed: the old ones still work, and say what they are called now.

A module that moved is found by `cogattn._moved`, a parameter of a person by `cogattn.parameters`; here are the fields
of dataclasses, and the functions and classes of modules.
"""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from cogattn.errors import InputError

_Kind = TypeVar("_Kind", bound=type)


class _OldField:
    """The attribute under its old name, of an instance or of the class."""

    def __init__(self, old: str, now: str) -> None:
        self.old, self.now = old, now

    def __get__(self, instance: Any, owner: type) -> Any:
        told(f"{owner.__name__}.{self.old}", self.now, 3)
        return getattr(owner if instance is None else instance, self.now)


_DOORS = str(Path(__file__).with_name("errors.py"))


def _without_doors(stacklevel: int) -> int:
    """The same place of the stack for `warnings.warn` of the caller, where the frames of doors are not counted."""
    frame, level, counted = sys._getframe(1), 1, 1
    while counted < stacklevel and frame.f_back is not None:
        frame, level = frame.f_back, level + 1
        counted += frame.f_code.co_filename != _DOORS
    return level


def told(old: str, now: str, stacklevel: int) -> None:
    """Warn of an old name."""
    warnings.warn(f"{old} is now called {now}", DeprecationWarning, stacklevel=_without_doors(stacklevel))


def said_gone(old: str, why: str, stacklevel: int) -> None:
    """Warn of a name that has no successor; what was given is left out."""
    level = _without_doors(stacklevel)
    warnings.warn(f"{old} has no effect any more: {why}", DeprecationWarning, stacklevel=level)


def old_fields(gone: Mapping[str, str] | None = None, /, **old: str) -> Callable[[_Kind], _Kind]:
    """Above `@dataclass`: fields are found under their old names too (old="new"): as keywords, as attributes, and
    where a subclass declares them. What is a property has an old name as an attribute. gone: keywords that are left
    out, with the reason.

    >>> from dataclasses import dataclass, replace
    >>> @old_fields(hue="color")
    ... @dataclass(frozen=True)
    ... class Dot:
    ...     color: str = "red"
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", DeprecationWarning)
    ...     Dot(hue="blue"), replace(Dot(), hue="green"), Dot("blue").hue
    (Dot(color='blue'), Dot(color='green'), 'blue')
    """

    def made(cls: _Kind) -> _Kind:
        init, own = cls.__init__, {f.name for f in fields(cls)}  # type: ignore[misc]
        keywords = {name: now for name, now in old.items() if now in own}
        left_out = {**getattr(cls, "_gone_fields", {}), **(gone or {})}

        @functools.wraps(init)
        def __init__(self: Any, *args: Any, **named: Any) -> None:
            for name in left_out.keys() & named.keys():
                del named[name]
                said_gone(f"{cls.__name__}({name}=)", left_out[name], 3)
            if not keywords.keys().isdisjoint(named):
                named = _named(cls, keywords, named, 4)
            init(self, *args, **named)

        def __init_subclass__(kind: type, **named: Any) -> None:
            super(cls, kind).__init_subclass__(**named)  # type: ignore[arg-type]
            for name, now in keywords.items():
                _redeclared(kind, name, now)

        cls.__init__ = __init__  # type: ignore[misc]
        cls._gone_fields = left_out  # type: ignore[attr-defined]
        setattr(cls, "__init_subclass__", classmethod(__init_subclass__))  # type: ignore[arg-type]  # noqa: B010
        for name, now in old.items():
            setattr(cls, name, _OldField(name, now))
        return cls

    return made


def _named(cls: type, old: Mapping[str, str], named: Mapping[str, Any], stacklevel: int) -> dict[str, Any]:
    """Keywords under the names of today. `dataclasses.replace` gives every field, so the old name is what was asked."""
    out = {name: value for name, value in named.items() if name not in old}
    replaces = {f.name for f in fields(cls) if f.init} <= out.keys()
    for name in named.keys() & old.keys():
        now = old[name]
        told(f"{cls.__name__}({name}=)", now, stacklevel + replaces)
        if now in out and not replaces:
            raise InputError(f"{now} is given twice: {name} and {now}")
        out[now] = named[name]
    return out


def _redeclared(kind: type, name: str, now: str) -> None:
    """A subclass that declares a field by its old name has declared the new one."""
    declared = vars(kind).get("__annotations__", {})
    if name in declared:
        told(f"{kind.__name__}.{name}", now, 5)
        declared[now] = declared.pop(name)
        if name in vars(kind):
            setattr(kind, now, vars(kind)[name])
            delattr(kind, name)


def fields_now(cls: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of fields, by the names of today: of a file that was written under the old ones.

    >>> fields_now(int, {"real": 3})
    {'real': 3}
    """
    out: dict[str, Any] = {}
    left_out = getattr(cls, "_gone_fields", {})
    for name, value in values.items():
        if name in left_out:
            said_gone(f"{cls.__name__}({name}=)", left_out[name], 4)
            continue
        own = next((vars(kind)[name] for kind in cls.__mro__ if name in vars(kind)), None)
        now = own.now if isinstance(own, _OldField) else name
        if now != name:
            told(f"{cls.__name__}({name}=)", now, 4)
        if now in out or (now != name and now in values):
            raise InputError(f"{now} is given twice, once under its old name")
        out[now] = value
    return out


def old_names(module: str, **old: str) -> None:
    """At the end of a module: what is asked for under an old name (old="new") is what has the new one.

    >>> old_names("cogattn._renamed", tell_of="told")
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", DeprecationWarning)
    ...     from cogattn._renamed import tell_of
    >>> tell_of is told
    True
    """
    own: Any = sys.modules[module]
    before = vars(own).get("__getattr__")

    def found(name: str) -> Any:
        if name in old:
            told(f"{module}.{name}", old[name], 3)
            return getattr(own, old[name])
        if before is not None:
            return before(name)
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    own.__getattr__ = found
