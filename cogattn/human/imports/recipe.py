"""How a file is read, as answers that can be kept: a TOML that reads the next file of the same kind.

>>> import tomllib
>>> told = Recipe(columns={"rt": "RT"}, unit={"rt": "ms"}, words={"congruence": {"comp": 1, "incomp": -1}})
>>> Recipe.of(tomllib.loads(told.toml())) == told
True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import tomli_w

from cogattn.errors import InputError, shown
from cogattn.files import read_toml, write_text
from cogattn.human.imports.levels import Level

ANY = ""  #: of any column


@dataclass(frozen=True)
class Recipe:
    """What was decided about a file. Columns are ours -> the file's; cells and values of a column by our name."""

    task: str = ""  #: the paradigm that it is for
    format: str = "auto"
    heads: tuple[str, ...] = ()  #: names of the columns, where the file has no head line
    columns: Mapping[str, str] = field(default_factory=dict)
    unit: Mapping[str, str] = field(default_factory=dict)
    only: Mapping[str, str] = field(default_factory=dict)  #: column of the file -> cells that are taken
    drop: Mapping[str, str] = field(default_factory=dict)  #: column of the file -> cells that are left out
    words: Mapping[str, Mapping[str, Level]] = field(default_factory=dict)
    constants: Mapping[str, Level] = field(default_factory=dict)
    silent: Mapping[str, float] = field(
        default_factory=dict
    )  #: time -> what stands for no response, in the file's unit

    @classmethod
    def of(cls, told: Mapping[str, Any], where: str = "a recipe") -> Recipe:
        """From plain values; one line about what is no part of a recipe."""
        known = {f.name for f in fields(cls)}
        for name, value in told.items():
            if name not in known:
                raise InputError(f"{where} must hold {', '.join(sorted(known))}, got {shown(name)}")
            kind = str if name in ("task", "format") else list if name == "heads" else dict
            if not isinstance(value, kind):
                raise InputError(f"{name} of {where} must be a {kind.__name__}, got {shown(value)}")
        for name in ("columns", "unit", "only", "drop"):
            for key, value in told.get(name, {}).items():
                if not isinstance(value, str):
                    raise InputError(f"{name}.{key} of {where} must be a text, got {shown(value)}")
        for column, cells in told.get("words", {}).items():
            if not isinstance(cells, dict) or not all(_level(v) for v in cells.values()):
                raise InputError(f"words.{column} of {where} must give a number or a word for each cell")
        for name, test in (("constants", _level), ("silent", _number)):
            for key, value in told.get(name, {}).items():
                if not test(value):
                    raise InputError(f"{name}.{key} of {where} must be a number, got {shown(value)}")
        own: dict[str, Any] = {k: tuple(map(str, v)) if k == "heads" else v for k, v in told.items()}
        return cls(**own)

    @classmethod
    def from_file(cls, path: str | Path) -> Recipe:
        """From the TOML that `save` wrote."""
        return cls.of(read_toml(path), str(path))

    def toml(self) -> str:
        """As TOML, what says nothing left out."""
        return tomli_w.dumps(
            {f.name: v for f in fields(self) if (v := getattr(self, f.name)) and v != f.default}
        )

    def save(self, path: str | Path) -> Path:
        """Keep it."""
        path = Path(path)
        write_text(
            path, "# how a file of people's data is read: cogattn import FILE --recipe this\n" + self.toml()
        )
        return path

    def over(self, other: Recipe) -> Recipe:
        """This, and what the other says where this says nothing."""
        mine: dict[str, Any] = {}
        for f in fields(self):
            own, theirs = getattr(self, f.name), getattr(other, f.name)
            if f.name == "words":
                columns = {**dict.fromkeys(theirs), **dict.fromkeys(own)}
                mine[f.name] = {c: {**theirs.get(c, {}), **own.get(c, {})} for c in columns}
            elif isinstance(own, Mapping):
                mine[f.name] = {**theirs, **own}
            else:
                mine[f.name] = theirs if own == f.default else own
        return replace(self, **mine)

    def cells(self, column: str) -> dict[str, Level]:
        """What cells of a column mean, as was said."""
        return {**self.words.get(ANY, {}), **self.words.get(column, {})}


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _level(value: Any) -> bool:
    return isinstance(value, str) or _number(value)
