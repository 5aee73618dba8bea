"""One file of people's data as columns of ours: which column is what, which rows are trials, what the cells mean."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from cogattn.errors import InputError, choice
from cogattn.human.imports import columns as cells
from cogattn.human.imports import derived, guesses, names, rows
from cogattn.human.imports.columns import TIMES
from cogattn.human.imports.guesses import Meanings, SheetCells
from cogattn.human.imports.levels import COMMON, Level
from cogattn.human.imports.names import RESPONSE_TIMES
from cogattn.human.imports.recipe import ANY, Recipe
from cogattn.human.imports.records import Note
from cogattn.human.imports.sheets import DataSheet

ASIDE = ("trial", "session", "block", "practice")  # not fitted, but they tell repeated trials and practice
NAMED = ("report", "correct", "error", "response", "correct_response")  # found by their names
HELPERS = (*NAMED, *derived.KINDS)
ROW = "row of the file"  #: a mark of all cells of a row, which tells whether it is there twice


@dataclass(frozen=True)
class Request:
    """What a reader wants of a file, and what he said about it."""

    wanted: Sequence[str]
    optional: Sequence[str]
    levels: Mapping[str, Mapping[str, Level]]  #: column -> what its words are called here
    everything: bool  #: no paradigm asks: all that is there is taken, gaps and all
    keep: Sequence[str] = ()  #: columns of the file that are taken along as they are
    said: Recipe = field(default_factory=Recipe)

    @property
    def told(self) -> dict[str, Mapping[str, Level]]:
        """The words of every condition: the paradigm's, else those that everybody has."""
        return {**(COMMON if self.everything else {}), **self.levels}


@dataclass(frozen=True)
class ReadFile:
    """What one file gave: our columns, times in the file's unit."""

    sheet: DataSheet
    frame: pd.DataFrame
    units: Mapping[str, tuple[str | None, str]]  #: time -> (unit, who says so)
    notes: list[str] = field(default_factory=list)
    done: Recipe = field(default_factory=Recipe)  #: what was decided
    named_error: bool = False  #: the column of right and wrong is called an error


def read_file(sheet: DataSheet, asked: Request) -> ReadFile:
    """One file: its columns, its rows, its numbers."""
    notes: list[str] = []
    asked = _with_limits(sheet, asked, notes)
    said, held = asked.said, SheetCells(sheet)
    taken = columns_of(held, asked)
    for column in [*said.only, *said.drop, *asked.keep]:
        choice(f"column of {sheet.path.name}", column, sheet.names)
    drop = {column: [w.strip() for w in cell.split(",")] for column, cell in said.drop.items()}
    if not said.only and "practice" not in said.columns:
        used = {c for r, c in taken.items() if r not in (*ASIDE, *HELPERS)} | {sheet.group}
        drop = {**guesses.practice(held, taken.get("person"), used), **drop}
    raw = _raw(sheet, [*taken.values(), *drop, *asked.keep], taken, asked)
    mine = raw[list(taken.values())].set_axis(list(taken), axis=1)
    keep = _kept(sheet, raw, mine, asked, drop, notes)
    if not keep.any():
        raise InputError(f"no trial is left of {sheet.path}: " + ("; ".join(notes) or "no row is a trial"))
    mine = mine if keep.all() else mine[keep]
    told = {n: said.cells(n) for n in mine if said.words.get(n)}
    meant = guesses.meanings(mine, taken, asked.told, told, errors="error" in said.columns)
    mine = derived.more(mine, taken, {*asked.wanted, *asked.optional}, said, meant, notes)
    frame = _numbers(sheet, mine, taken, asked, meant, notes)
    frame, silent = _silenced(frame, mine, meant, asked, notes)
    for name in asked.keep:
        frame[name] = cells.plain_values(raw.loc[mine.index, name])
    frame[ROW] = _marks(held, raw, frame)
    units = {name: _unit(sheet, name, taken.get(name, name), asked) for name in frame if name in TIMES}
    named = [
        Note(f"column {column} is taken as {ours}", "column", ours)
        for ours, column in taken.items()
        if ours != column and ours in frame and ours not in (*ASIDE, *meant.worked)
    ]
    mapped = {n: c for n, c in taken.items() if n in frame or n in HELPERS}
    if "correct" in meant.worked:
        mapped.pop("correct", None)
        meant.words.pop("correct", None)
    if "error" in said.columns and "correct" in mapped:
        mapped["error"] = mapped.pop("correct")
    words = {n: dict(w) for n, w in meant.words.items() if n in frame}
    done = Recipe(
        format=sheet.kind, heads=said.heads, columns=mapped, only=said.only, words=words, constants=said.constants,
        drop={c: ",".join(w) for c, w in drop.items()}, silent=silent,
    )  # fmt: skip
    error = "correct" in taken and guesses.is_error(taken["correct"])
    every = dict.fromkeys([*sheet.notes, *named, *meant.notes, *notes])
    return ReadFile(sheet, frame, units, list(every), said.over(done), error)


def _with_limits(sheet: DataSheet, asked: Request, notes: list[str]) -> Request:
    """Of a run of ours that has several arms, the one with all limits: the others are no people."""
    if "arm" not in sheet.names or "arm" in {*asked.said.only, *asked.said.drop}:
        return asked
    arms = sorted(cells.texts(sheet.load(["arm"], set())["arm"]).dropna().unique())
    if len(arms) < 2 or "human" not in arms:
        return asked
    notes.append(
        Note(f"of the arms {', '.join(arms)} human is taken: --only arm=NAME takes another", "arm", "arm")
    )
    return replace(asked, said=replace(asked.said, only={**asked.said.only, "arm": "human"}))


def columns_of(held: SheetCells, asked: Request) -> dict[str, str]:
    """Our name -> the file's column: said, by name, by the format's rule, by alias, by shape and cells."""
    sheet, said, told = held.sheet, dict(asked.said.columns), asked.told
    if "error" in said and "correct" not in said:
        said["correct"] = said.pop("error")
    names_ = [n for n in (*asked.wanted, *asked.optional) if n not in asked.said.constants]
    theirs = cells.matched(sheet, names_, said)
    known = {*said, *asked.said.words, *(guesses.LEVELLED if ANY in asked.said.words else ())}
    doubtful = guesses.unfit(held, theirs, told, known) if _more(theirs, names_) or asked.everything else []
    for name in doubtful:
        del theirs[name]
    missing = [n for n in names_ if n not in theirs]
    if missing:
        theirs |= guesses.more_columns(held, missing, theirs, told, said).columns
    if "person" in names_ and "person" not in theirs:
        who = guesses.person_column(held, theirs.values())
        theirs |= {"person": who} if who else {}
    taken = dict(theirs)
    for name in (*NAMED, *ASIDE):  # a column may help in two ways: a response is a report, and a key
        own = said.get(name)
        more = {name: own} if own else cells.matched(sheet, [name], {}, theirs.values())
        if name in ("correct", "error") and name not in names_ and guesses.unfit(held, more, told, said):
            more = {}
        if not more and name in NAMED[1:] and "correct" not in taken and _judged(asked):
            used = {**theirs, **{n: c for n, c in taken.items() if n in HELPERS}}
            more = guesses.more_columns(held, [name], used, told).columns
        taken = {**more, **taken}
    error = None if "error" in names_ else taken.pop("error", None)  # of a continuous report, in degrees
    if error is not None and "correct" not in taken:
        taken["correct"] = error
    if _judged(asked) and "correct" not in said:
        taken |= derived.kinds(held, taken.get("correct"), said)
    return taken


def _judged(asked: Request) -> bool:
    """Whether it matters which answers were right."""
    return bool({"correct", "accuracy", "says_changed"} & {*asked.wanted, *asked.optional})


def _more(theirs: Mapping[str, str], wanted: Sequence[str]) -> bool:
    """Whether cells are worth a look: a name alone told what some column is."""
    return any(not cells.found_exactly(n, [theirs[n]]) for n in wanted if n in theirs) or len(theirs) < len(
        wanted
    )


def _raw(sheet: DataSheet, more: Sequence[str], taken: Mapping[str, str], asked: Request) -> pd.DataFrame:
    """The columns that are needed, as the file has them."""
    needed = dict.fromkeys([*more, *asked.said.only, *([sheet.group] if sheet.group else [])])
    plain = {column for ours, column in taken.items() if ours in (*TIMES, *cells.COUNTS, "trial")}
    plain -= {*asked.said.only, *asked.keep}
    return sheet.load(list(needed), plain - {sheet.group})


def _kept(
    sheet: DataSheet,
    raw: pd.DataFrame,
    mine: pd.DataFrame,
    asked: Request,
    drop: Mapping[str, Sequence[str]],
    notes: list[str],
) -> pd.Series:
    """Which rows are trials."""
    only = asked.said.only
    keep = rows.asked(raw, only)
    if not keep.all():
        said = ", ".join(f"{c}={v}" for c, v in only.items())
        notes.append(Note.counted("left_out", ~keep, "row", f" left out: only {said} was asked for"))
    if "practice" in mine:
        keep &= rows.no_practice(mine["practice"], notes)
    for column, gone in drop.items():
        out = keep & cells.texts(raw[column]).isin(gone).to_numpy(bool)
        if out.any() and out.sum() < keep.sum():
            text = f" left out: practice by {column} ({', '.join(gone[:4])})"
            notes.append(Note.counted("left_out", out, "row", text, column))
            keep &= ~out
    answers = [n for n in mine if n in cells.ANSWERS and n in (*asked.wanted, *asked.optional, *HELPERS)]
    if sheet.group:
        some = np.zeros(len(raw), bool)
        for name in answers:
            some |= cells.there(mine[name])
        keep[keep] = rows.trials(raw.loc[keep, sheet.group], some[keep], sheet, only, notes)
        rows.no_pages(raw.loc[keep, sheet.group], mine[keep], sheet, asked.wanted)
    keep &= _with_something(mine, keep, notes)
    return pd.Series(keep, raw.index)


def _with_something(mine: pd.DataFrame, keep: rows.Mask, notes: list[str]) -> rows.Mask:
    """Rows that hold anything of a trial: an answer or a condition. (Pauses and instructions hold neither.)"""
    some = np.zeros(len(mine), bool)
    of_trial = [n for n in mine if n not in ("person", *ASIDE) and n != "onset"]
    for name in of_trial:
        some |= cells.there(mine[name])
    empty = keep & ~some
    if (
        set(of_trial) - {*RESPONSE_TIMES, "response", "report", "correct_response"}
        and empty.any()
        and some[keep].any()
    ):
        notes.append(
            Note.counted("left_out", empty, "row", " left out: neither an answer nor a condition in it")
        )
        return some
    return np.ones(len(mine), bool)


def _numbers(
    sheet: DataSheet,
    mine: pd.DataFrame,
    taken: Mapping[str, str],
    asked: Request,
    meant: Meanings,
    notes: list[str],
) -> pd.DataFrame:
    """Our columns as numbers, people as names; what no column says is worked out, set, or has its usual value."""
    mine = _letters(mine, notes)
    frame = pd.DataFrame({"person": _people(sheet, mine, asked, taken, notes)}, mine.index)
    made = _Maker(sheet, mine, taken, asked, meant, notes)
    for name in (*asked.wanted, *asked.optional):
        if name != "person" and name in mine and name not in asked.said.constants:
            try:
                frame[name] = made.number(name)
            except InputError as error:
                if name in asked.wanted or name in asked.said.columns:
                    raise
                notes.append(
                    Note(f"column {taken.get(name)} is not taken as {name}: {error}", "not_taken", name)
                )
    lacking = []
    for name in (n for n in (*asked.wanted, *asked.optional) if n not in frame):
        worked = made.worked_out(name, frame)
        if worked is not None:
            frame[name] = worked
        elif name in asked.wanted:
            lacking.append(name)
    if lacking:
        raise cells.missing(sheet, *lacking, can_be_set=[n for n in lacking if n in SET])
    for name in ASIDE[:-1]:
        if name in mine and name not in frame:
            plain = pd.api.types.is_numeric_dtype(mine[name])
            frame[name] = mine[name] if plain else cells.texts(mine[name]).astype("string")
    return frame


#: Conditions that a whole file may share, so that no column of it says them.
SET = (
    "soa",
    "display",
    "load",
    "study",
    "exposure",
    "set_size",
    "lag",
    "rate",
    "memory",
    "tones",
    "letters",
    "choices",
    "targets",
)


@dataclass(frozen=True)
class _Maker:
    """Makes our columns of a file's."""

    sheet: DataSheet
    mine: pd.DataFrame
    taken: Mapping[str, str]
    asked: Request
    meant: Meanings
    notes: list[str]

    def number(self, name: str, column: pd.Series | None = None) -> pd.Series:
        """A column as numbers, or as the names of levels."""
        column = self.mine[name] if column is None else column
        if name in self.meant.doubts and not self.asked.said.cells(name):
            doubt = self.meant.doubts[name]
            mend = "" if ": say " in doubt else f": say what each means, e.g. --word {name}:1=1"
            raise InputError(f"{self.sheet.path.name}: {doubt}{mend}")
        told = self.asked.told.get(name, {})
        levels = self.sheet.levels.get(self.taken.get(name, ""), {})
        words = {**self.meant.words.get(name, {}), **self.asked.said.cells(name)}
        called = {word: value for word, value in told.items() if isinstance(value, str)}
        if called:
            return cells.named(column, name, self.sheet.path, called, words)
        known = {word: value for word, value in told.items() if not isinstance(value, str)}
        return cells.numbers(column, name, self.sheet.path, words, levels, self.notes, known, self.asked.said)

    def worked_out(self, name: str, frame: pd.DataFrame) -> pd.Series | None:
        """What follows from other columns: right from keys, "changed" from right, no distractors from no column."""
        mine, notes, said = self.mine, self.notes, self.asked.said
        if name in said.constants:
            value = said.constants[name]
            notes.append(Note(f"{name} is {value} in every trial, as you said", "set", name))
            return self.number(name, pd.Series([str(value)] * len(mine), mine.index, dtype=object))
        if name in ("correct", "accuracy"):
            right = self.right()
            if right is not None and name == "accuracy":
                notes.append(Note("accuracy is whether the answer was right", "worked_out", name))
            return right
        if name == "says_changed" and "changed" in frame:
            right = self.right(answered=True)
            if right is not None:
                text = "says_changed is worked out: changed where the answer is right, the other where it is wrong"
                notes.append(Note(text, "worked_out", name))
                return right.where(right != 0, 1 - frame["changed"]).where(right != 1, frame["changed"])
            if "response" in mine:
                notes.append(
                    Note(f"column {self.taken['response']} is taken as says_changed", "column", name)
                )
                return self.number(name, mine["response"])
        if name == "responded" and "rt" in frame:
            text = "no column for responded: whoever has a response time responded"
            notes.append(Note(text, "worked_out", name))
            return frame["rt"].notna().astype(float)
        if name in cells.DEFAULTS and (name in self.asked.wanted or "targets" in frame):
            notes.append(
                Note(f"no column for {name}: {cells.DEFAULTS[name]} in every trial", "default", name)
            )
            return pd.Series(float(cells.DEFAULTS[name]), mine.index)
        return None

    def right(self, *, answered: bool = False) -> pd.Series | None:
        """Whether an answer is right: a column, or the key that was pressed beside the right one.
        answered: where no key was pressed there is no answer, in place of a wrong one."""
        mine, taken = self.mine, self.taken
        pressed = cells.texts(mine["response"]) if "response" in mine else None
        keys = pressed is not None and "correct_response" in mine
        if "correct" in mine and not (keys and "correct" in self.meant.doubts):
            right = self.number("correct")
        elif pressed is not None and keys:
            text = f"right is where {taken['response']} is {taken['correct_response']}"
            self.notes.append(Note(text, "worked_out", "correct"))
            right = derived.same_key(pressed, cells.texts(mine["correct_response"])).astype(float)
        else:
            return None
        return right if pressed is None or not answered else right.where(pressed.notna())


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


def _people(
    sheet: DataSheet, mine: pd.DataFrame, asked: Request, taken: Mapping[str, str], notes: list[str]
) -> pd.Series:
    """Who sat there: a column, or else the name of the file."""
    if "person" in asked.said.constants:
        return pd.Series(str(asked.said.constants["person"]), mine.index, dtype=object)
    if "person" in mine:
        who = (
            cells.texts(mine["person"])
            if not pd.api.types.is_integer_dtype(mine["person"])
            else mine["person"]
        )
        if who.notna().any() or not sheet.person:
            return who
    name = sheet.person
    if not name:
        others = guesses.person_doubt(SheetCells(sheet), taken.values())
        if others or len(mine) < rows.LEAST:
            raise cells.missing(sheet, "person")
        name = sheet.path.name.removesuffix(".gz").rpartition(".")[0]
    notes.append(Note("no column for person: the file's name says who it is", "person", "person"))
    several = guesses.person_doubt(SheetCells(sheet), taken.values())
    if several:
        text = f"{several[0]} has a few values, each in a run of rows: if they are people, --column person={several[0]}"
        notes.append(Note(text, "person", several[0]))
    return pd.Series(name, mine.index, dtype=object)


def _silenced(
    frame: pd.DataFrame, mine: pd.DataFrame, meant: Meanings, asked: Request, notes: list[str]
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Without the response times of trials in which nobody answered: by a code, or the time that stands for it."""
    if "rt" not in frame:
        return frame, {}
    if meant.silent is not None:
        frame = frame.assign(rt=frame["rt"].mask(meant.silent.loc[frame.index]))
    pressed = cells.texts(mine["response"]) if "response" in mine else None
    right = next((frame[n] for n in ("correct", "accuracy") if n in frame), None)
    limit = asked.said.silent.get("rt") or guesses.deadline(frame["rt"], right, pressed)
    if limit is None:
        return frame, {}
    late = frame["rt"] == limit
    if late.any():
        text = f" with rt {limit:g}, the longest of all: taken as no response"
        notes.append(Note.counted("silent", late, "trial", text, "rt"))
        answered = frame["responded"].mask(late, 0.0) if "responded" in frame else None
        frame = frame.assign(rt=frame["rt"].mask(late))
        if answered is not None:
            frame = frame.assign(responded=answered)
    return frame, {"rt": limit}


def _marks(held: SheetCells, raw: pd.DataFrame, frame: pd.DataFrame) -> pd.Series:
    """A number for each row, the same where all cells are the same: of the whole file where it has response times and
    is not too large, else of the columns that are read."""
    timed = any(n in frame for n in RESPONSE_TIMES)
    every = held.whole() if timed else None
    whole = raw if every is None else every
    numbered = [
        c for c in whole if names.spelt(str(c)).startswith(("unnamed", "column_1", "row_number", "index"))
    ]
    body = whole.loc[frame.index].drop(columns=numbered).astype(str)
    return pd.Series(pd.util.hash_pandas_object(body, index=False).to_numpy(), frame.index)


def _unit(sheet: DataSheet, name: str, column: str, asked: Request) -> tuple[str | None, str]:
    """The unit of a time, and who says so: you, the column's name, a sidecar or the format."""
    said: Any = asked.said.unit
    if name in asked.said.constants:
        return "s", cells.SAID
    if name in said:
        return said[name], cells.SAID
    if "" in said:
        return said[""], "--unit says"
    by_name = names.plain(column)[1]
    if by_name:
        return by_name, "its name says"
    return (sheet.units[column], f"{sheet.kind} says") if column in sheet.units else (None, "")
