"""People's own data, whatever wrote them, become the long table of a paradigm: a row per trial, times in seconds.

A file (or a folder of files, one per person) is recognised by its content and its name (`formats.FORMATS`). The file is
never changed. What was found, renamed, converted and left out, and why, is said in `notes`; what cannot be known
(seconds or milliseconds, which of two response times) is asked for.

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

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from cogattn import files
from cogattn.errors import InputError, choice, doors
from cogattn.human.imports import columns as cells
from cogattn.human.imports import formats, rows
from cogattn.human.imports.columns import ALIASES, TIMES, UNITS
from cogattn.human.imports.formats import FORMATS
from cogattn.human.imports.sheets import DataSheet, counted

__all__ = ["ALIASES", "FORMATS", "TIMES", "Imported", "read", "summary", "write"]

#: What is looked for where no paradigm says what it wants.
EVERYTHING = (
    "exposure", "soa", "study", "onset", "set_size", "targets", "distractors", "changed",
    "score", "says_changed", "correct", "rt", "rt1", "rt2",
)  # fmt: skip
_ASIDE = ("trial", "session", "block", "practice")  # not fitted, but they tell repeated trials and practice


@dataclass(frozen=True)
class Imported:
    """A table of trials, and what was done to get it."""

    frame: pd.DataFrame
    notes: list[str]
    kind: str = "long"  #: the format that it came in


@dataclass(frozen=True)
class _Asked:
    """What a reader wants of a file, and what he said about it."""

    wanted: Sequence[str]
    optional: Sequence[str]
    columns: Mapping[str, str]
    units: Mapping[str, str]  #: column -> unit; "" = of every time
    only: Mapping[str, str]
    words: Mapping[str, float]
    levels: Mapping[str, Mapping[str, float | str]]  #: column -> what its words are called here
    everything: bool  #: no paradigm asks: all that is there is taken, gaps and all


@dataclass(frozen=True)
class _Part:
    """What one file gave: our columns, times in the file's unit."""

    sheet: DataSheet
    frame: pd.DataFrame
    units: Mapping[str, tuple[str | None, str]]  #: time -> (unit, who says so)
    notes: list[str] = field(default_factory=list)


def read(
    path: str | Path,
    wanted: Sequence[str] | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    unit: str | Mapping[str, str] | None = None,
    kind: str = "auto",
    only: Mapping[str, str] | None = None,
    words: Mapping[str, float] | None = None,
    optional: Sequence[str] = (),
    levels: Mapping[str, Mapping[str, float | str]] | None = None,
) -> Imported:
    """The trials of a file or a folder. wanted: the columns (None: whatever is there and known); columns: what each is
    called there (else known names are looked for); optional: columns that are taken if they are there.

    unit: "s" or "ms", of the times, or of one ({"rt": "s"}); None = found out, or asked for.
    kind: one of FORMATS; only: {column: values, comma-separated} of the rows to take; words: numbers behind words.
    levels: of a column, what its words mean there, as numbers or as names (`Paradigm.levels`).
    """
    path = Path(path)
    choice("format", kind, FORMATS)
    units = {"": unit} if isinstance(unit, str) else dict(unit or {})
    for one in units.values():
        choice("unit of time", one, tuple(UNITS))
    free = wanted is None
    names = ("person",) if wanted is None else tuple(wanted)
    more = EVERYTHING if free else tuple(n for n in optional if n not in names)
    asked = _Asked(names, more, columns or {}, units, only or {}, words or {}, levels or {}, free)
    for ours in asked.columns:
        choice(
            "column that can be named", ours, tuple(ALIASES) if free else (*names, *more, *_ASIDE, *_HELPERS)
        )
    return _together(path, _parts(path, kind, asked), asked)


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
        numbers = own if name != "person" else pd.Series(dtype=float)
        out.append({**row, "least": numbers.min(), "middle": numbers.median(), "most": numbers.max()})
    return pd.DataFrame(out)


def _parts(path: Path, kind: str, asked: _Asked) -> list[_Part]:
    """Every file of a folder, or the one; in a folder, what has no trial is left out and named."""
    every = formats.files(path, kind)
    parts, gone = [], []
    for file in every:
        try:
            parts.append(_part(formats.opened(file, kind, asked.columns), asked))
        except InputError as error:
            if len(every) == 1 or not re.search(r" is empty$| a head but no trial$", str(error)):
                raise
            gone.append(f"{file.name} left out: {'empty' if 'empty' in str(error) else 'no trial in it'}")
    kinds = sorted({part.sheet.kind for part in parts})
    if not parts:
        raise InputError(f"no file of {path} holds a trial: " + "; ".join(gone[:5]))
    if len(kinds) > 1:
        raise InputError(
            f"{path} holds files of several formats ({', '.join(kinds)}): say which with --format"
        )
    parts[0].notes[:0] = gone
    return parts


_HELPERS = ("report", "correct", "response", "correct_response")


def _part(sheet: DataSheet, asked: _Asked) -> _Part:
    """One file: its columns, its rows, its numbers."""
    theirs = cells.matched(sheet, [*asked.wanted, *asked.optional], asked.columns)
    taken = dict(theirs)
    for name in (*_HELPERS, *_ASIDE):  # a column may help in two ways: a response is a report, and a key
        taken = {**cells.matched(sheet, [name], {}, theirs.values()), **taken}
    for column in asked.only:
        choice(f"column of {sheet.path.name}", column, sheet.names)
    notes: list[str] = []
    raw = _raw(sheet, taken, asked)
    mine = raw[list(taken.values())].set_axis(list(taken), axis=1)
    keep = _kept(sheet, raw, mine, asked, notes)
    del raw  # a gigabyte of trials should not be there twice
    frame = _numbers(sheet, mine if keep.all() else mine[keep], taken, asked, notes)
    units = {name: _unit(sheet, name, taken[name], asked) for name in frame if name in TIMES}
    named = [
        f"column {column} is taken as {ours}"
        for ours, column in theirs.items()
        if ours != column and ours in frame
    ]
    return _Part(sheet, frame, units, [*sheet.notes, *named, *notes])


def _raw(sheet: DataSheet, taken: Mapping[str, str], asked: _Asked) -> pd.DataFrame:
    """The columns that are needed, as the file has them."""
    needed = dict.fromkeys([*taken.values(), *asked.only, *([sheet.group] if sheet.group else [])])
    plain = {column for ours, column in taken.items() if ours in (*TIMES, *cells.COUNTS, "trial")} - set(
        asked.only
    )
    return sheet.load(list(needed), plain - {sheet.group})


def _kept(
    sheet: DataSheet, raw: pd.DataFrame, mine: pd.DataFrame, asked: _Asked, notes: list[str]
) -> pd.Series:
    """Which rows are trials."""
    keep = rows.asked(raw, asked.only)
    if not keep.all():
        said = ", ".join(f"{c}={v}" for c, v in asked.only.items())
        notes.append(f"{counted(~keep, 'row')} left out: only {said} was asked for")
    if "practice" in mine:
        keep &= rows.no_practice(mine["practice"], notes)
    if sheet.group:
        answers = [n for n in mine if n in cells.ANSWERS and n in (*asked.wanted, *asked.optional, *_HELPERS)]
        some = np.zeros(len(raw), bool)
        for name in answers:
            some |= cells.there(mine[name])
        keep[keep] = rows.trials(raw.loc[keep, sheet.group], some[keep], sheet, asked.only, notes)
    return pd.Series(keep, raw.index)


def _numbers(
    sheet: DataSheet, mine: pd.DataFrame, taken: Mapping[str, str], asked: _Asked, notes: list[str]
) -> pd.DataFrame:
    """Our columns as numbers, people as names; what no column says is worked out, or has its usual value."""
    mine = _letters(mine, notes)
    frame = pd.DataFrame({"person": _people(sheet, mine, notes)}, mine.index)
    for name in (*asked.wanted, *asked.optional):
        if name != "person" and name in mine:
            try:
                frame[name] = _number(sheet, mine[name], name, taken, asked, notes)
            except InputError as error:
                if name in asked.wanted or name in asked.columns:
                    raise
                notes.append(f"column {taken.get(name)} is not taken as {name}: {error}")
    for name in (n for n in (*asked.wanted, *asked.optional) if n not in frame):
        worked = _worked_out(sheet, name, mine, frame, taken, asked, notes)
        if worked is not None:
            frame[name] = worked
        elif name in asked.wanted:
            raise cells.missing(sheet, name)
    for name in _ASIDE[:-1]:
        if name in mine and name not in frame:
            plain = pd.api.types.is_numeric_dtype(mine[name])
            frame[name] = mine[name] if plain else cells.texts(mine[name]).astype("string")
    return frame


def _number(
    sheet: DataSheet, column: pd.Series, name: str, taken: Mapping[str, str], asked: _Asked, notes: list[str]
) -> pd.Series:
    told, levels = asked.levels.get(name, {}), sheet.levels.get(taken.get(name, ""), {})
    names = {word: value for word, value in told.items() if isinstance(value, str)}
    if names:
        return cells.named(column, name, sheet.path, names)
    known = {word: value for word, value in told.items() if not isinstance(value, str)}
    return cells.numbers(column, name, sheet.path, asked.words, levels, notes, known)


def _letters(mine: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Displays of letters are scored."""
    if "targets" not in mine or not cells.of_letters(mine["targets"]):
        return mine
    if "score" in mine and cells.of_letters(mine["score"]):
        mine = mine.drop(columns="report", errors="ignore").rename(columns={"score": "report"})
    if "score" in mine:
        return mine.assign(
            targets=[float(len(s)) or math.nan for s in cells.each(mine["targets"], cells.letters)]
        )
    return cells.scored(mine, notes) if "report" in mine else mine


def _people(sheet: DataSheet, mine: pd.DataFrame, notes: list[str]) -> pd.Series:
    """Who sat there: a column, or else the name of the file."""
    if "person" in mine:
        who = (
            cells.texts(mine["person"])
            if not pd.api.types.is_integer_dtype(mine["person"])
            else mine["person"]
        )
        if who.notna().any() or not sheet.person:
            return who
    if not sheet.person:
        raise cells.missing(sheet, "person")
    notes.append("no column for person: the file's name says who it is")
    return pd.Series(sheet.person, mine.index, dtype=object)


def _worked_out(
    sheet: DataSheet, name: str, mine: pd.DataFrame, frame: pd.DataFrame, taken: Mapping[str, str], asked: _Asked,
    notes: list[str],
) -> pd.Series | None:  # fmt: skip
    """What follows from other columns: right from keys, "changed" from right, no distractors from no column."""
    if name == "correct":
        return _right(sheet, mine, taken, asked, notes)
    if name == "says_changed" and "changed" in frame:
        right = _right(sheet, mine, taken, asked, notes)
        if right is not None:
            notes.append(
                "says_changed is worked out: changed where the answer is right, the other where it is wrong"
            )
            return right.where(right != 0, 1 - frame["changed"]).where(right != 1, frame["changed"])
        if "response" in mine:
            notes.append(f"column {taken['response']} is taken as says_changed")
            return _number(sheet, mine["response"], name, {name: taken["response"]}, asked, notes)
    if name == "responded" and "rt" in frame:
        notes.append("no column for responded: whoever has a response time responded")
        return frame["rt"].notna().astype(float)
    if name in cells.DEFAULTS and (name in asked.wanted or "targets" in frame):
        notes.append(f"no column for {name}: {cells.DEFAULTS[name]} in every trial")
        return pd.Series(float(cells.DEFAULTS[name]), mine.index)
    return None


def _right(
    sheet: DataSheet, mine: pd.DataFrame, taken: Mapping[str, str], asked: _Asked, notes: list[str]
) -> pd.Series | None:
    """Whether an answer is right: a column, or the key that was pressed beside the right one; no key, no answer."""
    pressed = cells.texts(mine["response"]) if "response" in mine else None
    if "correct" in mine:
        right = _number(sheet, mine["correct"], "correct", taken, asked, notes)
    elif pressed is not None and "correct_response" in mine:
        notes.append(f"right is where {taken['response']} is {taken['correct_response']}")
        right = (pressed == cells.texts(mine["correct_response"])).astype(float)
    else:
        return None
    return right if pressed is None else right.where(pressed.notna())


def _unit(sheet: DataSheet, name: str, column: str, asked: _Asked) -> tuple[str | None, str]:
    """The unit of a time, and who says so: you, the column's name, a sidecar or the format."""
    if name in asked.units:
        return asked.units[name], cells.SAID
    if "" in asked.units:
        return asked.units[""], "--unit says"
    by_name = cells.plain(column)[1]
    if by_name:
        return by_name, "its name says"
    return (sheet.units[column], f"{sheet.kind} says") if column in sheet.units else (None, "")


def _together(path: Path, parts: Sequence[_Part], asked: _Asked) -> Imported:
    """The files as one table: times in seconds, without what is missing, with what is odd named."""
    notes = _merged(parts)
    frames = _in_seconds(path, parts, asked, notes)
    frame = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
    for name in asked.wanted:
        if frame[name].isna().all():
            raise InputError(f"no trial of {path} has any {name}")
    frame = rows.whole(frame, asked.wanted, notes).reset_index(drop=True)
    mine = [*asked.wanted, *(n for n in asked.optional if n in frame and _filled(frame[n], n, asked, notes))]
    for name in mine:
        if name in TIMES and name != "onset":
            rows.one_unit(frame, name)
    notes += rows.odd(frame, mine, [n for n in _ASIDE if n in frame and n not in mine])
    people = frame["person"].nunique()
    who = "1 person" if people == 1 else f"{people} people"
    kind = parts[0].sheet.kind
    where = f"{path.name}{parts[0].sheet.how}" if len(parts) == 1 else f"{len(parts)} files in {path.name}"
    first = (
        f"{counted(len(frame), 'trial')} of {who} read from {where}{'' if kind == 'long' else f' ({kind})'}"
    )
    return Imported(frame[mine], [first, *notes], kind)


def _filled(column: pd.Series, name: str, asked: _Asked, notes: list[str]) -> bool:
    """Whether a column that nobody needs is worth taking: it has values, and (for a paradigm) no gap."""
    gaps = column.isna()
    if gaps.any() and not gaps.all() and not asked.everything:
        notes.append(f"{name} is not taken: it is missing in {counted(gaps, 'trial')} of {len(gaps)}")
    return not gaps.all() and (asked.everything or not gaps.any())


def _in_seconds(path: Path, parts: Sequence[_Part], asked: _Asked, notes: list[str]) -> list[pd.DataFrame]:
    """Times in seconds; the files that do not say their unit are judged together."""
    frames = [part.frame for part in parts]
    decided: dict[str, str] = {}
    for name in sorted({n for frame in frames for n in frame if n in TIMES}, key=list(TIMES).index):
        for (told, why), which in _by_unit(parts, name).items():
            values = (
                frames[which[0]][name] if len(which) == 1 else pd.concat([frames[i][name] for i in which])
            )
            if told is None and name == "onset":  # its numbers may be anything: what the responses have
                told = next((decided[n] for n in cells.RESPONSE_TIMES if n in decided), None)
            try:
                unit = cells.unit(
                    values, name, told, why, parts[which[0]].sheet.path if len(which) == 1 else path
                )
            except InputError as error:
                if name in asked.wanted:
                    raise
                notes.append(f"{name} is not taken: {error}")
                frames = [frame.drop(columns=name, errors="ignore") for frame in frames]
                break
            decided[name] = unit
            notes.append(f"{name} is in {'milliseconds' if unit == 'ms' else 'seconds'}")
            if unit != "s":
                for i in which:
                    frames[i] = frames[i].assign(**{name: frames[i][name] / UNITS[unit]})
    return frames


def _by_unit(parts: Sequence[_Part], name: str) -> dict[tuple[str | None, str], list[int]]:
    """The files that have this time, by the unit that is said of it and by whom."""
    out: dict[tuple[str | None, str], list[int]] = {}
    for i, part in enumerate(parts):
        if name in part.frame:
            out.setdefault(part.units.get(name, (None, "")), []).append(i)
    return out


def _merged(parts: Sequence[_Part]) -> list[str]:
    """The notes of all files: what they share is said once, what counts something is added up."""
    if len(parts) == 1:
        return list(dict.fromkeys(parts[0].notes))
    total: Counter[str] = Counter()
    where: dict[str, list[str]] = {}
    for part in parts:
        for note in dict.fromkeys(part.notes):
            number = re.match(r"\d+ ", note)
            key = f"# {note[number.end() :]}" if number else note.replace(part.sheet.path.name, "FILE")
            total[key] += int(number[0]) if number else 0
            where.setdefault(key, []).append(part.sheet.path.name)
    out = []
    for key, names in where.items():
        note = re.sub(r"^# ", f"{total[key]} ", key).replace("FILE", names[0])
        here = (
            ""
            if len(names) == len(parts)
            else f" ({len(names)} of {len(parts)} files: {', '.join(names[:3])})"
        )
        out.append(note + here)
    return out + _in_several(parts)


def _in_several(parts: Sequence[_Part]) -> list[str]:
    """People whom several files hold: runs of one person, or one number for two people."""
    files_of: dict[object, list[str]] = {}
    for part in parts:
        for who in part.frame["person"].dropna().unique():
            files_of.setdefault(who, []).append(part.sheet.path.name)
    several = [f"{who} in {len(names)}" for who, names in files_of.items() if len(names) > 1]
    if not several:
        return []
    more = ", ..." if len(several) > 6 else ""
    return [f"people who are in several files ({', '.join(several[:6])}{more}) are taken as one person each"]


doors(__name__, first=True)
