"""How a file would be read, proposed as a whole: which task it looks like and how sure that is, which column is what,
what is lacking, and accuracy and response times per condition, as a person would check them.

A task is described by its paradigm (`TaskShape`): the columns that its law needs, what their levels are called, and
the words by which people call it (`clues`), looked for in the file's name, its heads and its cells.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from cogattn.errors import InputError, choice
from cogattn.human.imports import columns as cells
from cogattn.human.imports import formats, names
from cogattn.human.imports.guesses import SheetCells
from cogattn.human.imports.levels import COMMON, Level
from cogattn.human.imports.reader import HELPERS, SET, Request, columns_of
from cogattn.human.imports.recipe import ANY, Recipe
from cogattn.human.imports.table import Imported, read, summary
from cogattn.human.imports.together import CONDITIONS, by_condition
from cogattn.human.imports.told import as_words, unknown

_CLUE, _LACKS, _MARGIN, _IDLE = 4.0, 1.2, 1.0, 1.5
_NAMING = re.compile(r"(.*_)?(exp\w*|task\w*|test|paradigm|battery|game|stim|study|block_?name)(_.*)?")
_FEW = 6  # values of a column of the file that may be a condition
#: What is taken along where it is there, whatever the task.
_BESIDE = ("signal", "delay", "congruence", "cue", "present", "correct", "rt")


class TaskShape(NamedTuple):
    """A task, as its paradigm says it."""

    name: str
    columns: Sequence[str]
    optional: Sequence[str] = ()
    levels: Mapping[str, Mapping[str, Level]] = {}
    clues: Sequence[str] = ()  #: shapes of words by which it is called
    varied: Sequence[str] = ()  #: columns that it is about, though a file may leave them out


_PLAIN = TaskShape("", ("person", "correct", "rt"))  #: a task with right answers and times


class LikelyTask(NamedTuple):
    """A task that a file may be of."""

    task: TaskShape
    score: float
    lacking: tuple[str, ...]  #: columns that it needs and the file has not
    called: bool  #: whether the file calls it so


class UnknownCodes(NamedTuple):
    """Codes of a condition that may mean one thing or another."""

    codes: tuple[str, ...]
    words: tuple[str, ...]  #: what the task calls its levels


@dataclass(frozen=True)
class FileProposal:
    """How a file is read, if nobody objects."""

    path: Path
    table: Imported
    recipe: Recipe
    task: str  #: "" = none is known
    sure: str  #: of the task: "sure", "likely" or "not sure"
    rivals: tuple[str, ...]  #: tasks that it may be as well
    lacking: tuple[str, ...]  #: columns that the task needs and the file has not
    conditions: pd.DataFrame = field(default_factory=pd.DataFrame)
    kept: tuple[str, ...] = ()  #: columns of the file that were taken along as they are
    unused: tuple[str, ...] = ()  #: columns of the file that nothing was taken from
    codes: Mapping[str, UnknownCodes] = field(
        default_factory=dict
    )  #: of conditions, where nobody can know them

    def mapping(self) -> pd.DataFrame:
        """A row per column of ours: the file's column, the unit, what its cells mean."""
        out = []
        for ours in self.table.frame:
            used = self.recipe
            theirs = used.columns.get(ours, "")
            words = ", ".join(f"{k} = {_said(v)}" for k, v in list(used.words.get(ours, {}).items())[:6])
            theirs = theirs or (ours if ours in self.kept else "")
            theirs = theirs or (
                f"set to {used.constants[ours]}" if ours in used.constants else "(worked out)"
            )
            out.append(
                {"column": ours, "in the file": theirs, "unit": used.unit.get(ours, ""), "cells": words}
            )
        return pd.DataFrame(out)

    def says(self) -> list[str]:
        """What it looks like, what is lacking, and what to say about it."""
        rivals = f" (or {', '.join(self.rivals)})" if self.rivals else ""
        first = f"It looks like {self.task}{rivals}: {self.sure}."
        first = first if self.task else "No task is known that looks like it."
        out = [first]
        if self.rivals and self.sure == "not sure":
            out.append(f"Say which: --for {self.task}, --for {self.rivals[0]}, ...")
        for name in self.lacking:
            how = f"--set {name}=VALUE if it is the same in every trial, or " if name in SET else ""
            out.append(f"No column says {name}, which {self.task} needs: {how}--column {name}=NAME.")
        for name, (codes, words) in self.codes.items():
            what = f"Nobody can know which {name} {', '.join(codes)} mean, {' or '.join(words)}"
            out.append(f"{what}: say it with --word {as_words(name, {}, codes)}.")
        return out

    def record(self) -> dict[str, Any]:
        """All of it as plain values."""
        recipe = {k: v for k, v in self.recipe.__dict__.items() if v}
        return {
            "task": self.task, "sure": self.sure, "rivals": list(self.rivals), "lacking": list(self.lacking),
            "trials": len(self.table.frame), "people": int(self.table.frame["person"].nunique()),
            "recipe": {k: list(v) if isinstance(v, tuple) else v for k, v in recipe.items()},
            "columns": summary(self.table).to_dict("records"),
            "conditions": self.conditions.to_dict("records"), "notes": self.table.records(),
            "unused": list(self.unused), "codes": {k: list(v.codes) for k, v in self.codes.items()},
        }  # fmt: skip


def _said(value: Level) -> str:
    return f"{value:g}" if not isinstance(value, str) else value


def propose(
    path: str | Path,
    tasks: Sequence[TaskShape],
    said: Recipe | None = None,
    *,
    task: str | None = None,
    keep: Sequence[str] = (),
) -> FileProposal:
    """A whole reading of a file. said: what is known already; task: which one it is of, if that is known."""
    path, said = Path(path), said or Recipe()
    task = task or said.task or None
    choice("format", said.format, formats.FORMATS)
    for unit in said.unit.values():
        choice("unit of time", unit, tuple(cells.UNITS))
    if task is not None:
        choice("task", task, [t.name for t in tasks])
    first = formats.files(path, said.format)[0]
    held = SheetCells(formats.opened(first, said.format, said.columns, said.heads))
    for column in said.columns.values():
        choice(f"column of {first.name}", column, held.sheet.names)
    ranked = candidates(held, tasks, said, path)
    best = next((c for c in ranked if c.task.name == task), None) if task else (ranked[0] if ranked else None)
    rivals: tuple[str, ...] = ()
    lacking: tuple[str, ...]
    if best is None or (task is None and best.score <= 0):
        shape, sure = TaskShape("", ("person", "correct", "rt")), "not sure"
        lacking = tuple(n for n in ("correct", "rt") if n not in _plain_columns(held, said))
    else:
        shape, lacking = best.task, best.lacking
        near = [c for c in ranked if c is not best and c.score > best.score - _MARGIN] if not task else []
        rivals = tuple(c.task.name for c in near if not best.called or c.called)[:4]
        sure = "sure" if (task or best.called) and not rivals else "likely" if not rivals else "not sure"
    levels = {**COMMON, **shape.levels}
    wanted = [c for c in shape.columns if c not in lacking]
    beside = [n for n in _BESIDE if n not in shape.columns]
    optional = [*shape.optional, *beside]
    more = tuple(keep) or _other_conditions(held, wanted, optional, levels, said)
    table = read(path, wanted, optional=optional, levels=levels, recipe=said, keep=more)
    recipe = replace(table.recipe, task=shape.name)
    codes = _unknown(held, shape, table)
    sure = "not sure" if codes else sure
    named = {name: told for name, told in levels.items() if name not in codes}
    conditions = by_condition(table.frame, named, more)
    judged = _plain_columns(held, said).values()
    used = {*recipe.columns.values(), *judged, *recipe.only, *recipe.drop, *more, held.sheet.group}
    unused = tuple(name for name in held.sheet.names if name not in used)
    return FileProposal(
        path, table, recipe, shape.name, sure, rivals, lacking, conditions, more, unused, codes
    )


def _unknown(held: SheetCells, task: TaskShape, table: Imported) -> dict[str, UnknownCodes]:
    """Conditions of the task whose codes leave open what they mean, no word having told it."""
    out = {}
    for name in task.columns:
        column, told, used = table.recipe.columns.get(name), task.levels.get(name, {}), table.recipe.words
        if (
            column not in held.sheet.names
            or not told
            or used.get(name)
            or {*used.get(ANY, {})} & {*held.words(column)}
        ):
            continue
        values = table.frame[name]
        if pd.api.types.is_numeric_dtype(values) and unknown(values.unique(), told):
            codes = tuple(f"{v:g}" for v in sorted(values.unique())[:_FEW])
            out[name] = UnknownCodes(codes, tuple(map(str, told)))
    return out


def candidates(held: SheetCells, tasks: Sequence[TaskShape], said: Recipe, path: Path) -> list[LikelyTask]:
    """Every task, the likeliest first: what of it is there, what is lacking, whether the file calls it so."""
    called = _called(held, path)
    judged = _plain_columns(held, said)
    out = []
    for task in tasks:
        asked = Request(tuple(task.columns), tuple(task.optional), task.levels, False, (), _of(said, task))
        try:
            taken = columns_of(held, asked)
        except InputError:  # two columns that may be meant
            continue
        lacking = tuple(n for n in task.columns if not _there(n, taken, said))
        free = [n for n in task.columns if n not in taken and n not in asked.said.constants]
        found = len(task.columns) - 1 - len([n for n in free if n not in ("person", "accuracy")])
        mine = any(re.search(clue, called) for clue in task.clues)
        score = found - _LACKS * len(lacking) + _CLUE * mine
        score -= _IDLE * (
            "correct" in judged and not {"correct", "accuracy", "responded", "rt1"} & {*task.columns}
        )
        score -= _LACKS * any(n not in taken for n in task.varied)  # no distractors: hardly partial report
        out.append(LikelyTask(task, score, lacking, mine))
    return sorted(out, key=lambda c: -c.score)


def _plain_columns(held: SheetCells, said: Recipe) -> dict[str, str]:
    """Person, right answers and times, whatever the task."""
    try:
        return columns_of(held, Request(_PLAIN.columns, (), {}, False, (), _of(said, _PLAIN)))
    except InputError:
        return {}


def _of(said: Recipe, task: TaskShape) -> Recipe:
    """What was said, of this task's columns."""
    own = {*task.columns, *task.optional, *HELPERS, "trial", "session", "block", "practice"}
    return replace(said, columns={k: v for k, v in said.columns.items() if k in own})


def _there(name: str, taken: Mapping[str, str], said: Recipe) -> bool:
    """Whether the file says this, or enough for it to be worked out."""
    right = "correct" in taken or {"response", "correct_response"} <= set(taken)
    if name in taken or name in said.constants or name in cells.DEFAULTS:
        return True
    if name == "person":  # else the file's name
        return True
    if name in ("correct", "accuracy"):
        return right
    if name == "responded":
        return "rt" in taken
    if name == "score":
        return "report" in taken
    return name == "says_changed" and "changed" in taken and (right or "response" in taken)


def _called(held: SheetCells, path: Path) -> str:
    """The words that may name a task: of the file, of its columns, of cells that hold the same in most rows."""
    out = [path.name, path.absolute().parent.name] + [names.spelt(n) for n in held.sheet.names]
    for column in held.sheet.names:
        if _NAMING.fullmatch(names.spelt(column)):
            words = held.words(column)
            if 0 < len(words) <= 3:
                out += [w for w in words if len(w) < 80]
    return " ".join(re.sub(r"[\W_]+", " ", w.lower()) for w in out)


def _other_conditions(
    held: SheetCells,
    wanted: Sequence[str],
    optional: Sequence[str],
    levels: Mapping[str, Mapping[str, Level]],
    said: Recipe,
) -> tuple[str, ...]:
    """Where no condition is known: columns of a few words that vary within people."""
    asked = Request(tuple(wanted), tuple(optional), levels, False, (), said)
    taken = columns_of(held, replace(asked, said=_of(said, TaskShape("", (*wanted, *optional)))))
    if any(n in CONDITIONS for n in taken) or "person" not in taken:
        return ()
    person = held.texts(taken["person"])
    out: list[str] = []
    for column in held.sheet.names:
        words = held.words(column)
        if column in taken.values() or not 1 < len(words) <= _FEW or held.filled(column) < 0.99:
            continue
        if all(re.fullmatch(r"-?[\d.]+", w) for w in words) or any(len(w) > 20 for w in words):
            continue
        if held.texts(column).groupby(person).nunique().median() > 1:
            out.append(column)
    return tuple(out[:2])
