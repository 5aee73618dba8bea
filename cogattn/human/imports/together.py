"""The files of a study as one table: times in seconds, what is missing left out, what cannot be meant refused."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from cogattn.errors import InputError
from cogattn.human.imports import columns as cells
from cogattn.human.imports import records, rows
from cogattn.human.imports.columns import TIMES, UNITS
from cogattn.human.imports.names import RESPONSE_TIMES
from cogattn.human.imports.reader import ASIDE, ROW, ReadFile, Request
from cogattn.human.imports.recipe import Recipe
from cogattn.human.imports.records import Note, counted

_MANY_TRIALS = 10  # in a condition, before anything is said of its accuracy


class StudyTable(NamedTuple):
    """A table, what was done to get it, and the answers that make it again."""

    frame: pd.DataFrame
    notes: list[str]
    kind: str
    recipe: Recipe


def together(path: Path, parts: Sequence[ReadFile], asked: Request) -> StudyTable:
    """The files as one table: times in seconds, without what is missing, with what is odd named."""
    notes: list[str] = list(_merged(parts))
    frames, units = _in_seconds(path, parts, asked, notes)
    frame = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
    for name in asked.wanted:
        if frame[name].isna().all():
            raise InputError(f"no trial of {path} has any {name}")
    frame = rows.whole(frame, asked.wanted, notes).reset_index(drop=True)
    mine = [*asked.wanted, *(n for n in asked.optional if n in frame and _filled(frame[n], n, asked, notes))]
    mine = list(dict.fromkeys([*mine, *(n for n in asked.keep if n in frame)]))
    for name in mine:
        if name in TIMES and name != "onset":
            rows.one_unit(frame, name)
    _copies(path, frame)
    notes += rows.odd(
        frame, [n for n in mine if n not in asked.keep], [n for n in ASIDE if n in frame and n not in mine]
    )
    _above_chance(path, frame, mine, parts, asked)
    notes += _outlying(frame, mine)
    people = frame["person"].nunique()
    who = "1 person" if people == 1 else f"{people} people"
    kind = parts[0].sheet.kind
    where = f"{path.name}{parts[0].sheet.how}" if len(parts) == 1 else f"{len(parts)} files in {path.name}"
    text = f" of {who} read from {where}{'' if kind == 'long' else f' ({kind})'}"
    first = Note.counted("read", len(frame), "trial", text)
    recipe = replace(_recipe(parts), unit={**units, **asked.said.unit})
    return StudyTable(frame[mine], [first, *notes], kind, recipe)


def _recipe(parts: Sequence[ReadFile]) -> Recipe:
    """What was decided in all files."""
    done = parts[0].done
    for part in parts[1:]:
        done = done.over(part.done)
    return done


def _filled(column: pd.Series, name: str, asked: Request, notes: list[str]) -> bool:
    """Whether a column that nobody needs is worth taking: it has values, and (for a paradigm) no gap."""
    gaps = column.isna()
    if name in RESPONSE_TIMES:  # nobody answered there
        return not gaps.all()
    if gaps.any() and not gaps.all() and not asked.everything:
        text = f"{name} is not taken: it is missing in {counted(gaps, 'trial')} of {len(gaps)}"
        notes.append(Note(text, "not_taken", name, int(gaps.sum())))
    return not gaps.all() and (asked.everything or not gaps.any())


def _in_seconds(
    path: Path, parts: Sequence[ReadFile], asked: Request, notes: list[str]
) -> tuple[list[pd.DataFrame], dict[str, str]]:
    """Times in seconds, and their units; the files that do not say their unit are judged together."""
    frames = [part.frame for part in parts]
    decided: dict[str, str] = {}
    for name in sorted({n for frame in frames for n in frame if n in TIMES}, key=list(TIMES).index):
        for (told, why), which in _by_unit(parts, name).items():
            values = (
                frames[which[0]][name] if len(which) == 1 else pd.concat([frames[i][name] for i in which])
            )
            if told is None and name in ("onset", "delay"):  # may be anything: what the responses have
                told = next((decided[n] for n in RESPONSE_TIMES if n in decided), None)
            where = parts[which[0]].sheet.path if len(which) == 1 else path
            try:
                unit = cells.unit(values, name, told, why, where)
            except InputError as error:
                if name in asked.wanted:
                    raise
                notes.append(Note(f"{name} is not taken: {error}", "not_taken", name))
                frames = [frame.drop(columns=name, errors="ignore") for frame in frames]
                break
            decided[name] = unit
            notes.append(Note(f"{name} is in {'milliseconds' if unit == 'ms' else 'seconds'}", "unit", name))
            if unit != "s":
                for i in which:
                    frames[i] = frames[i].assign(**{name: frames[i][name] / UNITS[unit]})
    return frames, {n: u for n, u in decided.items() if n not in asked.said.constants}


def _by_unit(parts: Sequence[ReadFile], name: str) -> dict[tuple[str | None, str], list[int]]:
    """The files that have this time, by the unit that is said of it and by whom."""
    out: dict[tuple[str | None, str], list[int]] = {}
    for i, part in enumerate(parts):
        if name in part.frame:
            out.setdefault(part.units.get(name, (None, "")), []).append(i)
    return out


def _merged(parts: Sequence[ReadFile]) -> list[Note]:
    """The notes of all files: what they share is said once, what counts something is added up."""
    if len(parts) == 1:
        return records.as_notes(dict.fromkeys(parts[0].notes))
    every = records.merged([(part.sheet.path.name, part.notes) for part in parts])
    return every + _in_several(parts)


def _in_several(parts: Sequence[ReadFile]) -> list[Note]:
    """People whom several files hold: runs of one person, or one number for two people."""
    files_of: dict[object, list[str]] = {}
    for part in parts:
        for who in part.frame["person"].dropna().unique():
            files_of.setdefault(who, []).append(part.sheet.path.name)
    several = [f"{who} in {len(names)}" for who, names in files_of.items() if len(names) > 1]
    if not several:
        return []
    more = ", ..." if len(several) > 6 else ""
    text = f"people who are in several files ({', '.join(several[:6])}{more}) are taken as one person each"
    return [Note(text, "several_files", "person", len(several))]


# -- what cannot be meant ------------------------------------------------------------------------------------------


def _copies(path: Path, frame: pd.DataFrame) -> None:
    """The same trial again and again, by every cell of the file, response times among them: a copy."""
    times = [n for n in RESPONSE_TIMES if n in frame]
    if ROW not in frame or frame[ROW].isna().any() or not times or len(frame) < 2 * rows.LEAST:
        return
    timed = frame[frame[times[0]].notna()]
    if timed.empty or timed[times[0]].nunique() < len(timed) / 8:
        return  # times too coarse to tell a copy
    again = timed.duplicated(["person", ROW], keep=False)
    share = again.groupby(timed["person"], observed=True).mean()
    who = share[share > 0.9]
    if len(who):
        more = f" and {len(who) - 1} others" if len(who) > 1 else ""
        raise InputError(
            f"every trial of person {who.index[0]}{more} is there twice in {path.name}, by all its columns: leave one "
            "copy out"
        )


def _above_chance(
    path: Path, frame: pd.DataFrame, mine: Sequence[str], parts: Sequence[ReadFile], asked: Request
) -> None:
    """Wrong more often than right in every condition of a speeded task: the codes are the other way round."""
    if "correct" not in mine or "rt" not in mine or asked.said.cells("correct"):
        return
    by = [n for n in mine if n in CONDITIONS and frame[n].nunique() < 20]
    groups = frame.groupby(by, observed=True)["correct"] if by else [("", frame["correct"])]
    shares = {k: (float(own.mean()), len(own)) for k, own in groups if len(own) >= _MANY_TRIALS}
    if not shares:
        return
    p, n = float(frame["correct"].mean()), len(frame)
    if all(share < 0.5 for share, _ in shares.values()) and p + 2 * math.sqrt(p * (1 - p) / n) < 0.5:
        column = parts[0].done.columns.get("correct", "correct")
        mend = (
            "if 0 means wrong there, say --word correct:1=1 --word correct:0=0"
            if parts[0].named_error
            else f"if it counts errors, say --column error={column}; if not, --word correct:1=1,0=0"
        )
        raise InputError(
            f"accuracy in {path.name} is below chance in every condition ({100 * p:.0f} % right by column {column}): "
            f"{mend}"
        )


#: Conditions by which trials are summed up.
CONDITIONS = (
    "congruence", "cue", "display", "set_size", "present", "signal", "load", "lag", "soa", "level", "scene", "extra",
    "letters", "kind", "length", "direction", "choices", "dots", "targets", "distractors", "exposure", "changed",
)  # fmt: skip


def _outlying(frame: pd.DataFrame, mine: Sequence[str]) -> list[Note]:
    """Response times that are hardly any: they are kept, and counted."""
    out = []
    for name in (n for n in RESPONSE_TIMES if n in mine):
        fast, slow = frame[name] < 0.1, frame[name] > max(10.0, 10 * float(frame[name].median()))
        if fast.any():
            out.append(Note.counted("fast", fast, "trial", f" with {name} below 100 ms (kept)", name))
        if slow.any():
            most = frame[name].max()
            text = f" with {name} ten times the middle or longer than 10 s (kept; the longest {most:.1f} s)"
            out.append(Note.counted("slow", slow, "trial", text, name))
    return out


def by_condition(
    frame: pd.DataFrame, words: Mapping[str, Mapping[str, float | str]], more: Sequence[str] = ()
) -> pd.DataFrame:
    """As a person would check them: trials, people, share of right answers and response times of each condition.
    more: other columns that are taken as conditions."""
    by = [n for n in (*CONDITIONS, *more) if n in frame and 1 < frame[n].nunique() <= 20]
    right = next(
        (n for n in ("correct", "accuracy", "responded", "score", "both", "says_changed") if n in frame), None
    )
    times = [n for n in RESPONSE_TIMES if n in frame]
    out = []
    groups = frame.groupby(by, observed=True, sort=True) if by else [((), frame)]
    for key, own in groups:
        key = key if isinstance(key, tuple) else (key,)
        row: dict[str, object] = {n: _word(n, v, words) for n, v in zip(by, key, strict=True)}
        row |= {"trials": len(own), "people": own["person"].nunique()}
        if right is not None:
            row[right] = float(own[right].mean())
        for name in times:
            told = own[name]
            timed = told.where(own["correct"] == 1) if "correct" in own and name == "rt" else told
            row[f"{name} [ms]"] = 1000 * float(told.mean())
            row |= {f"{name} of right [ms]": 1000 * float(timed.mean())} if timed is not told else {}
            row |= {f"no {name}": int(told.isna().sum())}
        out.append(row)
    return pd.DataFrame(out)


def _word(name: str, value: object, words: Mapping[str, Mapping[str, float | str]]) -> object:
    """A level by its word."""
    told = {v: k for k, v in reversed(list(words.get(name, {}).items()))}
    found = told.get(value) if isinstance(value, str | float) else None
    return found if found is not None else (f"{value:g}" if isinstance(value, float) else value)
