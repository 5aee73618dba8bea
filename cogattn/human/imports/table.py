"""Files of people's data as a table of trials: read them, write them, sum them up."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from cogattn import files
from cogattn.errors import InputError, choice, doors
from cogattn.human.imports import formats
from cogattn.human.imports.columns import TIMES, UNITS
from cogattn.human.imports.formats import FORMATS
from cogattn.human.imports.levels import Level
from cogattn.human.imports.names import ALIASES
from cogattn.human.imports.reader import ASIDE, HELPERS, ReadFile, Request, read_file
from cogattn.human.imports.recipe import ANY, Recipe
from cogattn.human.imports.records import Note, as_notes
from cogattn.human.imports.together import together

#: What is looked for where no paradigm says what it wants.
EVERYTHING = (
    "exposure", "soa", "study", "onset", "set_size", "targets", "distractors", "changed", "score", "says_changed",
    "congruence", "cue", "present", "display", "signal", "delay", "load", "correct", "rt", "rt1", "rt2",
)  # fmt: skip


@dataclass(frozen=True)
class Imported:
    """A table of trials, and what was done to get it."""

    frame: pd.DataFrame
    notes: list[str]
    kind: str = "long"  #: the format that it came in
    recipe: Recipe = field(default_factory=Recipe)  #: the answers that read it, and the next of its kind

    def records(self) -> list[dict[str, Any]]:
        """The notes for a program: code, column, count, text."""
        return [note.record() for note in as_notes(self.notes)]


def read(
    path: str | Path,
    wanted: Sequence[str] | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    unit: str | Mapping[str, str] | None = None,
    kind: str = "auto",
    only: Mapping[str, str] | None = None,
    words: Mapping[str, Any] | None = None,
    optional: Sequence[str] = (),
    levels: Mapping[str, Mapping[str, Level]] | None = None,
    constants: Mapping[str, Level] | None = None,
    heads: Sequence[str] = (),
    keep: Sequence[str] = (),
    recipe: Recipe | str | Path | None = None,
) -> Imported:
    """The trials of a file or a folder. wanted: the columns (None: whatever is there and known); columns: what each is
    called there (else it is looked for); optional: columns that are taken if they are there.

    unit: "s" or "ms", of the times, or of one ({"rt": "s"}); None = found out, or asked for.
    kind: one of FORMATS; only: {column: values, comma-separated} of the rows to take.
    words: what cells mean, {"j": 1} in any column or {"congruence": {"2": "incongruent"}} in one of ours.
    levels: of a column, what its words mean there, as numbers or as names (`Paradigm.levels`).
    constants: what is the same in every trial and in no column ({"soa": 0.2}, in seconds).
    heads: what the columns are called, where the file has no head line; keep: columns of the file to take along.
    recipe: answers that were kept (`Imported.recipe`), or their file.
    """
    path = Path(path)
    kept = recipe if isinstance(recipe, Recipe) else Recipe() if recipe is None else Recipe.from_file(recipe)
    units = {"": unit} if isinstance(unit, str) else dict(unit or {})
    said = Recipe(
        format=kind, heads=tuple(heads), columns=columns or {}, unit=units, only=only or {}, words=_by_column(words),
        constants=constants or {},
    ).over(kept)  # fmt: skip
    choice("format", said.format, FORMATS)
    for one in said.unit.values():
        choice("unit of time", one, tuple(UNITS))
    free = wanted is None
    names = ("person",) if wanted is None else tuple(wanted)
    more = EVERYTHING if free else tuple(n for n in optional if n not in names)
    more = (*more, *(n for n in said.constants if n not in (*names, *more)))
    asked = Request(names, more, levels or {}, free, tuple(keep), said)
    known = tuple(ALIASES) if free else (*names, *more, *ASIDE, *HELPERS)
    for ours in columns or {}:
        choice("column that can be named", ours, known)
    own = {n: c for n, c in said.columns.items() if n in known}
    asked = Request(names, more, levels or {}, free, tuple(keep), _with_columns(said, own))
    done = together(path, _parts(path, asked), asked)
    return Imported(done.frame, done.notes, done.kind, done.recipe)


def _with_columns(said: Recipe, columns: Mapping[str, str]) -> Recipe:
    return Recipe(**{**said.__dict__, "columns": columns})


def _by_column(words: Mapping[str, Any] | None) -> dict[str, dict[str, Level]]:
    """{"j": 1} is meant of any column."""
    out: dict[str, dict[str, Level]] = {}
    for name, value in (words or {}).items():
        if isinstance(value, Mapping):
            out.setdefault(name, {}).update(value)
        else:
            out.setdefault(ANY, {})[name] = value
    return out


def write(table: Imported, path: str | Path) -> Path:
    """The trials as a long CSV (or Parquet) that `read` takes back as they are: times say that they are seconds."""
    path = Path(path)
    named = {name: f"{name}_s" for name in table.frame if name in TIMES}
    files.write_table(path, table.frame.rename(columns=named))
    return path


def summary(table: Imported) -> pd.DataFrame:
    """A row per column: how many trials have it, how many values there are, their range."""
    out = []
    for name in table.frame:
        own = table.frame[name]
        row = {"column": name, "unit": "s" if name in TIMES else "", "trials": int(own.notna().sum())}
        row |= {"missing": int(own.isna().sum()), "values": own.nunique()}
        numbers = own if name != "person" and pd.api.types.is_numeric_dtype(own) else pd.Series(dtype=float)
        out.append({**row, "least": numbers.min(), "middle": numbers.median(), "most": numbers.max()})
    return pd.DataFrame(out)


def _parts(path: Path, asked: Request) -> list[ReadFile]:
    """Every file of a folder, or the one; in a folder, what has no trial is left out and named."""
    said = asked.said
    every = formats.files(path, said.format)
    parts, gone = [], []
    for file in every:
        try:
            parts.append(read_file(formats.opened(file, said.format, said.columns, said.heads), asked))
        except InputError as error:
            if len(every) == 1 or not re.search(r" is empty$| a head but no trial$", str(error)):
                raise
            why = "empty" if "empty" in str(error) else "no trial in it"
            gone.append(Note(f"{file.name} left out: {why}", "left_out", "", 1))
    kinds = sorted({part.sheet.kind for part in parts})
    if not parts:
        raise InputError(f"no file of {path} holds a trial: " + "; ".join(gone[:5]))
    if len(kinds) > 1:
        raise InputError(
            f"{path} holds files of several formats ({', '.join(kinds)}): say which with --format"
        )
    parts[0].notes[:0] = gone
    return parts


doors(__name__, first=True)
