"""People's own data: a long table (a row per trial) as CSV, TSV or Parquet becomes the long table of a paradigm.

The file is never changed. What was found, renamed, converted and left out, and why, is said in `notes`. Times are
seconds inside; a column that ends in _ms or _s says its unit, else the numbers do; where they could be either, it asks.

>>> import pathlib, tempfile
>>> path = pathlib.Path(tempfile.mkdtemp()) / "mine.csv"
>>> _ = path.write_text("participant;exposure_ms;targets;score\\nanna;50;6;2\\nanna;200;6;3\\n")
>>> table = read(path, ("person", "exposure", "targets", "distractors", "score"))
>>> table.frame["exposure"].tolist(), table.frame["distractors"].tolist()
([0.05, 0.2], [0.0, 0.0])
>>> print(table.notes[0])
2 trials of 1 person read from mine.csv, columns separated by ';'
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cogattn.errors import InputError, choice

#: Other names of columns, as people's files and the programs that write them have them.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "person": (
        "subject",
        "subj",
        "subj_idx",
        "subject_id",
        "participant",
        "participant_id",
        "sub",
        "id",
        "vp",
        "pp",
    ),
    "exposure": ("duration", "exposure_duration", "exp", "display_duration", "soa"),
    "targets": ("n_targets", "ntargets", "t", "set_size", "setsize", "nt"),
    "distractors": ("n_distractors", "ndistractors", "d", "nd"),
    "score": ("correct_letters", "n_correct", "ncorrect", "letters_correct", "reported", "hits"),
}
TIMES = ("exposure",)
UNITS = {"s": 1.0, "ms": 0.001}
_DEFAULTS = {"distractors": 0}
_MOST = 2 * 10**9  # bytes of a text file: more than that does not fit into memory as a table


@dataclass(frozen=True)
class Imported:
    """A table of trials, and what was done to get it."""

    frame: pd.DataFrame
    notes: list[str]


def read(
    path: str | Path,
    wanted: Sequence[str],
    *,
    columns: Mapping[str, str] | None = None,
    unit: str | None = None,
) -> Imported:
    """The trials of a file. wanted: the columns; columns: what each is called there (else known names are looked for).

    unit: "s" or "ms", of the times; None = found out, or asked for.
    """
    path = Path(path)
    raw, how = _table(path)
    frame, notes = _renamed(raw, wanted, columns or {}, path)
    if unit is not None:
        choice("unit of time", unit, tuple(UNITS))
    for name in TIMES:
        if name in frame:
            frame[name], note = _seconds(_numbers(frame[name], name, path), name, notes, unit, path)
            notes += [note] if note else []
    for name in frame:
        if name != "person" and name not in TIMES:
            frame[name] = _numbers(frame[name], name, path)
    frame, dropped = _whole(frame)
    people = frame["person"].nunique()
    first = (
        f"{len(frame)} trials of {people} {'person' if people == 1 else 'people'} read from {path.name}{how}"
    )
    return Imported(frame.reset_index(drop=True), [first, *notes, *dropped])


def _table(path: Path) -> tuple[pd.DataFrame, str]:
    """The file as a table of texts (Parquet: of what it holds)."""
    if not path.is_file():
        raise InputError(f"cannot read {path}: no such file")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty")
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path), ""
        if path.stat().st_size > _MOST:
            raise InputError(
                f"{path} is larger than {_MOST / 1e9:g} GB: convert it to Parquet, or take a part of it"
            )
        with path.open(encoding="utf-8-sig", newline="") as lines:
            head = lines.readline()
        mark = _separator(head, path)
        frame = pd.read_csv(
            path, sep=mark, dtype=str, encoding="utf-8-sig", skipinitialspace=True, comment="#"
        )
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text: save it as CSV UTF-8") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, csv.Error, ValueError) as error:
        raise InputError(f"cannot read {path}: {str(error).splitlines()[0]}") from None
    if frame.empty:
        raise InputError(f"{path} has a head but no trial")
    return frame, f", columns separated by {mark!r}"


def _separator(head: str, path: Path) -> str:
    """What separates columns: the one of , ; tab | that the head line holds most often."""
    counts = {mark: head.count(mark) for mark in (",", ";", "\t", "|")}
    mark = max(counts, key=lambda m: counts[m])
    if not counts[mark]:
        raise InputError(f"{path} must have columns separated by , ; tab or |, got {head.strip()[:60]!r}")
    return mark


def _renamed(
    raw: pd.DataFrame, wanted: Sequence[str], columns: Mapping[str, str], path: Path
) -> tuple[pd.DataFrame, list[str]]:
    """The wanted columns under our names."""
    there = {str(c).strip(): c for c in raw.columns}
    out, notes = {}, []
    for ours in columns:
        choice("column that can be named", ours, tuple(wanted))
    for name in wanted:
        found = columns.get(name) or _found(name, list(there))
        if found is None and name in _DEFAULTS:
            out[name] = pd.Series(_DEFAULTS[name], raw.index)
            notes.append(f"no column for {name}: {_DEFAULTS[name]} in every trial")
            continue
        if found is None or found not in there:
            known = f"{name}={found}" if found else name
            raise InputError(
                f"{path} has no column for {known}; it has {', '.join(there)}: say which one with --column {name}=NAME"
            )
        out[name] = raw[there[found]]
        if found != name:
            notes.append(f"column {found} is taken as {name}")
    return pd.DataFrame(out), notes


def _found(name: str, there: Sequence[str]) -> str | None:
    """The column of this name, or of one that is as good, with a unit behind it or not."""
    plain = {c.lower().replace(" ", "_").replace("-", "_"): c for c in there}
    for word in (name, *ALIASES.get(name, ())):
        for tail in ("", "_s", "_ms", "_sec", "_msec"):
            if word + tail in plain:
                return plain[word + tail]
    return None


def _numbers(column: pd.Series, name: str, path: Path) -> pd.Series:
    """Numbers, a decimal comma being a point; what is empty, n/a or NaN is missing; other text is an error."""
    if pd.api.types.is_numeric_dtype(column):
        return column.astype(float)
    text = column.astype("string").str.strip()
    missing = text.isna() | text.str.lower().isin(["", "na", "n/a", "nan", "none", "null", "."])
    values = pd.to_numeric(text.where(~missing).str.replace(",", ".", regex=False), errors="coerce")
    odd = values.isna() & ~missing
    if odd.any():
        at = int(np.flatnonzero(odd.to_numpy())[0])
        raise InputError(
            f"{name} must be a number in every trial, got {text.iloc[at]!r} in row {at + 2} of {path.name} "
            f"({int(odd.sum())} such rows)"
        )
    return values.astype(float)


def _seconds(
    values: pd.Series, name: str, notes: Sequence[str], unit: str | None, path: Path
) -> tuple[pd.Series, str]:
    """In seconds: the unit that was said, that the column's name says, or that the numbers leave no doubt about."""
    called = next((n.split()[1] for n in notes if n.endswith(f"taken as {name}")), name)
    if unit is None and called.endswith(("_ms", "_msec")):
        unit = "ms"
    elif unit is None and called.endswith(("_s", "_sec")):
        unit = "s"
    middle = float(values.median())
    if unit is None and middle >= 5:
        unit = "ms"
    elif unit is None and middle <= 1:
        unit = "s"
    if unit is None:
        raise InputError(
            f"{name} in {path.name} is {middle:g} in the middle: seconds or milliseconds? Say --unit s or --unit ms"
        )
    return values * UNITS[unit], f"{name} is in {'milliseconds' if unit == 'ms' else 'seconds'}"


def _whole(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Without the trials in which something is missing; how many, and what."""
    notes, keep = [], pd.Series(True, frame.index)
    for name in frame:
        gone = frame[name].isna() & keep
        if gone.any():
            notes.append(f"{int(gone.sum())} trials left out: no {name}")
        keep &= ~gone
    twice = int(frame[keep].duplicated().sum())
    if twice > len(frame) / 2 and len(frame.columns) > 5:
        notes.append(f"{twice} rows are equal to an earlier one; all are kept")
    if not keep.any():
        raise InputError("no trial is left: " + "; ".join(notes))
    return frame[keep], notes
