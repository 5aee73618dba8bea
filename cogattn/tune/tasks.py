"""The tasks that people's files may be of, as their paradigms say them: what `imports.propose` recognises.

>>> shape = next(t for t in known() if t.name == "prp")
>>> tuple(shape.columns)
('person', 'soa', 'rt1', 'rt2')
"""

from __future__ import annotations

from functools import cache
from math import isclose
from numbers import Real
from typing import Any

from cogattn.errors import InputError
from cogattn.human.imports import Imported, TaskShape
from cogattn.human.imports.columns import DEFAULTS, UNITS
from cogattn.paradigms import Paradigm, registry
from cogattn.tune import likelihoods


@cache
def known() -> tuple[TaskShape, ...]:
    """Every paradigm that can be fitted: its columns, its words, what people call it."""
    return tuple(shape(name) for name in likelihoods.fitted())


def shape(name: str) -> TaskShape:
    """One of them, by its name."""
    law, paradigm = likelihoods.of(name), registry.known(name)
    own = (rf"\b{name.replace('_', ' ?')}\b",) if "_" in name else ()  # a name of one word may be any word
    usual = {n: v for n, v in DEFAULTS.items() if n in law.columns}
    varied = [n for n, v in usual.items() if any(c[n] != v for c in paradigm().conditions())]
    return TaskShape(name, law.columns, law.optional, law.levels, (*paradigm.clues, *own), varied)


def own_conditions(task: Paradigm, table: Imported) -> None:
    """Every condition of the data must be one of the paradigm as it is given: else how to take the others, or to give
    it with these."""
    if likelihoods.of(task).exact:
        return
    for name in task.condition_columns:
        if name not in table.frame:
            continue
        known, there = {c[name] for c in task.conditions()}, list(table.frame[name].unique())
        odd = [v for v in there if not any(_same(v, k) for k in known)]
        if not odd:
            continue
        words = {value: word for word, value in reversed(list(task.levels.get(name, {}).items()))}
        theirs = table.recipe.columns.get(name, name)
        told = task.levels.get(name, {})
        cells = {c: told.get(str(v), v) for c, v in table.recipe.words.get(name, {}).items()}
        unit = UNITS[table.recipe.unit.get(name, "s")]
        fits = [v for v in there if v not in odd]
        mine = [c for c, v in cells.items() if v in fits] or [
            f"{v * unit:g}" if _is(v) else str(v) for v in fits
        ]
        said = ", ".join(str(words.get(v, f"{v:g}" if _is(v) else v)) for v in odd[:6])
        only = f"take the others with --only {theirs}={','.join(mine)}" if fits else ""
        given = _option(task, name, there, words)
        more = f'{", or " if only else ""}say it with --option "{given}"' if given else ""
        raise InputError(f"{task.name} as it is has no {name} {said}: {only}{more}")


def _is(value: Any) -> bool:
    return isinstance(value, Real)


def _same(one: Any, other: Any) -> bool:
    return isclose(one, other, rel_tol=1e-6, abs_tol=1e-9) if _is(one) and _is(other) else bool(one == other)


def _option(task: Paradigm, name: str, there: list[Any], words: dict[Any, str]) -> str:
    """The option of a paradigm that lists the values of a condition, with those of the data."""
    known = [c[name] for c in task.conditions()]
    for option, value in task.options().items():
        if not isinstance(value, list) or not value:
            continue
        if all(any(_same(v, k) for k in known) for v in value):
            return f"{option}=[{','.join(f'{v:g}' if _is(v) else repr(v) for v in sorted(there))}]"
        if all(v in words.values() for v in value):
            return f"{option}=[{','.join(repr(words.get(v, v)) for v in sorted(there, reverse=True))}]"
    return ""
