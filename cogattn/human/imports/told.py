"""Codes of a condition: which of them the reader has told, and which nobody can know.

>>> unknown([0, 1, 2], {"congruent": 1, "neutral": 0, "incongruent": -1})
True
>>> unknown([-1, 0, 1], {"congruent": 1, "neutral": 0, "incongruent": -1})
False
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cogattn.errors import InputError, shown
from cogattn.human.imports.levels import Level
from cogattn.human.imports.recipe import ANY, Recipe

_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")
_MANY = 8  # codes that a message names


def plainly(words: str) -> str:
    """A number as it is written plainly: 1 for 1.0 and 01."""
    return f"{float(words):g}" if _NUMBER.fullmatch(words) else words


def every_code(
    name: str,
    path: Path,
    said: Recipe,
    *,
    bare: Mapping[str, float],
    taken: Collection[str],
    coded: bool,
    rows: Callable[[str], Sequence[Any]],
) -> None:
    """Once somebody says what codes of a column mean, it must be said of all: beside a 0 that means congruent a 1 is
    not what 1 means here. Words of any column count where they were met as codes.

    bare: numbers that no word told; taken: cells that one did; coded: the column is a condition, or yes and no; rows:
    those that hold a cell."""
    own = said.words.get(name, {})
    moved = [w for w, v in own.items() if _NUMBER.fullmatch(w) and str(v) not in (w, f"{w}.0")]
    here = {*taken, *map(plainly, taken)}
    met = {w: v for w, v in said.words.get(ANY, {}).items() if w in here and _NUMBER.fullmatch(w)}
    if not bare or not (moved or (coded and (own or met))):
        return
    told, left = own or met, list(bare)[:_MANY]
    at = rows(left[0])
    raise InputError(
        f"{name}: words were given for {', '.join(told)}, but not for {', '.join(left)}; got {shown(left[0])} in row "
        f"{at[0]} of {path.name} ({len(at)} such rows): say it, too, --word {as_words(name, told, left)}"
    )


def as_words(name: str, told: Mapping[str, Level], left: Iterable[str]) -> str:
    """The words of a column as the command line takes them, with a place for what is not known."""
    words = [f"{cell}={value if isinstance(value, str) else f'{value:g}'}" for cell, value in told.items()]
    return f"{name}:{','.join([*words, *(f'{cell}=MEANING' for cell in left)])}"


def unknown(codes: Iterable[float], told: Mapping[str, Level]) -> bool:
    """Whether codes leave open what they mean: one is none of ours, or they are 0 and 1 where ours go below 0, so that
    0 may be the middle or the opposite."""
    numbers, there = {float(v) for v in told.values() if not isinstance(v, str)}, set(map(float, codes))
    return bool(numbers) and (not there <= numbers or (min(numbers) < 0 and there == {0.0, 1.0}))
