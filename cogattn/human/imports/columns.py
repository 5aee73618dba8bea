"""From columns as people write them to ours: names, words, lists in a cell, decimal commas, units, letters to scores.

Nothing becomes a number in silence: a word that was taken as one, a unit that was found out, a list of which the first
was taken, are said in a note; whatever else is no number is an error that names its row.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cogattn.errors import InputError, shown
from cogattn.human.imports.levels import spoken
from cogattn.human.imports.names import ALIASES, RESPONSE_TIMES, near, plain
from cogattn.human.imports.recipe import Recipe
from cogattn.human.imports.records import Note
from cogattn.human.imports.sheets import MISSING, DataSheet
from cogattn.human.imports.told import every_code, plainly

#: Times, and between which seconds their middle must lie to be believed (onsets may lie anywhere).
TIMES: Mapping[str, tuple[float, float]] = {
    "exposure": (0.001, 10.0),
    "soa": (0.0, 10.0),
    "study": (0.001, 60.0),
    "rt": (0.05, 60.0),
    "rt1": (0.05, 60.0),
    "rt2": (0.05, 60.0),
    "onset": (0.0, math.inf),
    "delay": (0.0, 10.0),
}
COUNTS = ("targets", "distractors", "score", "set_size")
YES_NO = (
    "changed", "says_changed", "correct", "practice", "present", "signal", "responded", "T1", "both", "masked", "left",
    "right", "alternate",
)  # fmt: skip
ANSWERS = ("score", "report", "says_changed", "correct", "response", *RESPONSE_TIMES)
DEFAULTS: Mapping[str, int] = {"distractors": 0}
UNITS = {"s": 1, "ms": 1000}  # how many make a second
SAID = "you said"  # of this very column: then the numbers are not asked
WORDS: Mapping[str, float] = dict.fromkeys(
    ("true", "yes", "y", "change", "changed", "different", "diff", "correct", "hit"), 1.0
) | dict.fromkeys(
    ("false", "no", "n", "same", "no change", "nochange", "unchanged", "not changed", "incorrect", "wrong",
     "error", "miss"), 0.0,
)  # fmt: skip
_NEAR = 12  # columns that an error names
_THOUSANDS = re.compile(r"-?[1-9]\d{0,2}(,\d{3})+")
_OMITTED = -999.0  # how HSSM's files write a response that did not come


def found(name: str, there: Iterable[str]) -> str | None:
    """The column of this name, or of one that is as good; a time may have its unit behind it."""
    read = [(column, *plain(column)) for column in there]
    for word in (name, *ALIASES.get(name, ())):
        bare = word.replace("_", "").lower()
        for column, stem, unit in read:
            if stem == bare and (unit is None or name in TIMES):
                return column
    return None


def matched(
    sheet: DataSheet, wanted: Sequence[str], said: Mapping[str, str], others: Collection[str] = ()
) -> dict[str, str]:
    """Our name -> the file's column, for those that can be told: said, by name, by the format's rule, by alias.

    others: columns that stand for something else already.
    """
    out: dict[str, str] = {}
    for ours, theirs in said.items():
        if theirs not in sheet.names:
            raise _no_column(sheet, ours, f"{ours}={theirs}")
        out[ours] = theirs
    exact = {name: column for name in wanted if (column := found_exactly(name, sheet.names))}
    taken = {*others, *out.values(), *exact.values()}
    for name in (*exact, *wanted):
        if name not in out and (column := exact.get(name) or _known(sheet, name, taken)):
            out[name] = column
            taken.add(column)
    return out


def _known(sheet: DataSheet, name: str, taken: Collection[str]) -> str | None:
    """The column that a format has for this, or one whose name is as good."""
    if name in sheet.doubts:
        raise InputError(f"{sheet.path}: {sheet.doubts[name]}: say which with --column {name}=NAME")
    return sheet.known.get(name) or found(name, [c for c in sheet.names if c not in taken])


def found_exactly(name: str, there: Iterable[str]) -> str | None:
    """The column that has our own name, whatever its case, marks and unit."""
    fits = [
        c
        for c in there
        if plain(c)[0] == name.replace("_", "").lower() and (name in TIMES or not plain(c)[1])
    ]
    return min(fits, key=lambda c: plain(c)[1] is not None) if fits else None


def _no_column(sheet: DataSheet, ours: str, known: str) -> InputError:
    names = ", ".join(near(ours, sheet.names)) + (", ..." if len(sheet.names) > _NEAR else "")
    return InputError(
        f"{sheet.path} has no column for {known}; it has {names}: say which one with --column {ours}=NAME"
    )


def missing(sheet: DataSheet, *ours: str, can_be_set: Collection[str] = ()) -> InputError:
    """The error about columns that are nowhere to be found: all of them in one line."""
    if len(ours) == 1 and ours[0] not in can_be_set:
        return _no_column(sheet, ours[0], ours[0])
    named = [n for n in ours if n not in can_be_set]
    mend = [f"--column {n}=NAME" for n in named] + [f"--set {n}=VALUE (in every trial)" for n in can_be_set]
    names = ", ".join(sheet.names[:_NEAR]) + (", ..." if len(sheet.names) > _NEAR else "")
    return InputError(
        f"{sheet.path} has no column for {', '.join(ours)}; it has {names}: say {', '.join(mend)}"
    )


# -- cells ---------------------------------------------------------------------------------------------------


def each(column: pd.Series, change: Callable[[Any], Any]) -> list[Any]:
    """`change` of every cell; equal texts are looked at once."""
    if not (isinstance(column.dtype, pd.CategoricalDtype) or pd.api.types.is_string_dtype(column)):
        return [change(cell) for cell in column]
    codes, cells = pd.factorize(column)
    seen = [*(change(cell) for cell in cells), change(None)]  # code -1 is nothing
    return [seen[code] for code in codes]


def distinct(column: pd.Series) -> Sequence[Any]:
    """The cells that differ (lists and the like as they come)."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return list(column.cat.categories)
    return list(pd.unique(column)) if pd.api.types.is_string_dtype(column) else list(column)


def text(cell: Any) -> str | None:
    """A cell as a text, or None where it holds nothing."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)) or cell is pd.NA or cell is pd.NaT:
        return None
    if isinstance(cell, (float, np.floating)) and float(cell).is_integer():
        cell = int(cell)
    words = str(cell).strip()
    return None if words.lower() in MISSING else words


def items(cell: Any) -> list[Any] | None:
    """What a cell lists: a list of Python or JSON, or the answers of a form ({"Q0": "ABX"}); None where it is none."""
    if isinstance(cell, str) and cell.strip()[:1] in ("[", "{", "("):
        cell = _read(cell.strip())
    if isinstance(cell, Mapping):
        return list(cell.values())
    return list(cell) if isinstance(cell, (list, tuple, np.ndarray)) else None


def _read(words: str) -> Any:
    """A list as Python or JSON writes it; the words themselves where it is neither."""
    if len(words) > 10_000:
        return words
    try:
        return json.loads(words)
    except (ValueError, RecursionError):
        try:
            return ast.literal_eval(words)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            return words


def there(column: pd.Series) -> npt.NDArray[np.bool_]:
    """Where a cell holds something."""
    some = column if pd.api.types.is_numeric_dtype(column) else texts(column)
    return np.asarray(some.notna(), bool)


def texts(column: pd.Series) -> pd.Series:
    """Texts without blanks around them; missing where there is nothing; of a list the first."""

    def first(cell: Any) -> str | None:
        listed = items(cell)
        return text(cell) if listed is None else text(listed[0]) if listed else None

    return pd.Series(each(column, first), column.index, dtype=object)


def plain_values(column: pd.Series) -> pd.Series:
    """A column as it is: numbers where all of it is numbers, else texts."""
    words = texts(column)
    numbers = pd.to_numeric(words, errors="coerce")
    return numbers if bool((numbers.notna() == words.notna()).all()) else words


# -- numbers -------------------------------------------------------------------------------------------------


def numbers(
    column: pd.Series,
    name: str,
    path: Path,
    words: Mapping[str, float | str],
    levels: Mapping[str, str],
    notes: list[str],
    known: Mapping[str, float] | None = None,
    said: Recipe | None = None,
) -> pd.Series:
    """A column as numbers; words that mean one are taken so (and said), other text is an error that names its row.

    said: what the reader told of cells; a code that he left out is no number that can be taken as it is."""
    if pd.api.types.is_numeric_dtype(column) and not words and not levels:
        values = pd.Series(column.to_numpy(float, na_value=math.nan), column.index)
    else:
        read = _Cells(name, words, levels, _thousands(column), known or {})
        values = pd.Series(each(column, read), column.index, dtype=object)
        _all_numbers(column, values, name, path, known or {})
        values = values.astype(float)
        if said is not None:
            coded = bool(known) or name in YES_NO

            def rows(cell: str) -> Sequence[Any]:
                return list(column.index[texts(column) == cell])

            every_code(name, path, said, bare=read.bare, taken=read.taken, coded=coded, rows=rows)
        notes += read.said(path)
    return _checked(values, name, path, notes)


class _Cells:
    """One cell after the other to a number, or to the text that it cannot understand; remembers what it took."""

    def __init__(
        self,
        name: str,
        words: Mapping[str, float | str],
        levels: Mapping[str, str],
        thousands: bool,
        known: Mapping[str, float],
    ) -> None:
        self.name, self.words, self.levels, self.thousands = name, words, levels, thousands
        self.known = {spoken(word): float(value) for word, value in known.items()}
        self.taken: dict[str, float] = {}
        self.bare: dict[str, float] = {}  #: numbers that no word told
        self.lists = 0

    def __call__(self, cell: Any) -> float | str:
        listed = items(cell)
        if listed is not None:
            self.lists += len(listed) > 1
            cell = listed[0] if listed else None
        if isinstance(cell, str) and spoken(cell) in self.known and cell not in self.words:
            words: str | None = cell.strip()  # a cue may be called "none"
        else:
            words = text(cell)
        if words is None:
            return math.nan
        value = self._meant(words)
        if value is not None:
            self.taken[words] = value
            return value
        return self._number(words)

    def _meant(self, words: str) -> float | None:
        """What a word means: as was said, as the sidecar has it, or as everybody has it."""
        called = words if words in self.words else plainly(words)
        if called in self.words:
            value = self.words[called]
            return float(value) if not isinstance(value, str) else self.known.get(spoken(value))
        if spoken(words) in self.known:
            return self.known[spoken(words)]
        if self.name not in YES_NO:
            return None
        level = self.levels.get(words)
        told = None if level is None else meaning(level)
        return told if told is not None else WORDS.get(spoken(words))

    def _number(self, words: str) -> float | str:
        if self.thousands and _THOUSANDS.fullmatch(words):
            return words
        try:
            value = float(words.replace(",", ".", 1))
        except ValueError:
            return words
        if "_" in words or not math.isfinite(value):
            return words
        self.bare[words] = value
        return value

    def said(self, path: Path) -> list[str]:
        notes: list[str] = []
        if self.taken:
            said = ", ".join(f"{w} is {v:g}" for w, v in sorted(self.taken.items()))
            notes.append(Note(f"{self.name}: {said}", "words", self.name))
        if self.lists:
            text = f"{self.name} lists several answers in some trials of {path.name}: the first is taken"
            notes.append(Note(text, "list", self.name))
        return notes


def named(
    column: pd.Series,
    name: str,
    path: Path,
    known: Mapping[str, str],
    words: Mapping[str, float | str] | None = None,
) -> pd.Series:
    """A column of names as they are called here; another name is an error that lists them."""
    spelled = {spoken(word): called for word, called in known.items()}
    spelled |= {
        spoken(word): spelled.get(spoken(str(called)), str(called)) for word, called in (words or {}).items()
    }
    out = texts(column).map(lambda cell: spelled.get(spoken(cell), cell) if isinstance(cell, str) else cell)
    odd = out.notna() & ~out.isin(list(spelled.values()))
    if odd.any():
        at = int(np.flatnonzero(odd)[0])
        raise InputError(
            f"{name} must be one of {', '.join(dict.fromkeys(spelled.values()))}, got {shown(out.iloc[at])} in row "
            f"{column.index[at]} of {path.name} ({int(odd.sum())} such rows)"
        )
    return out.astype(object)


def meaning(level: str) -> float | None:
    """Yes or no from a description such as "different: the colour has changed"; None where it says neither or both."""
    plain_words = " " + re.sub(r"[^a-z]+", " ", level.lower()) + " "
    for no in ("not changed", "no change"):
        if f" {no} " in plain_words:
            return 0.0
    told = {value for word, value in WORDS.items() if len(word) > 2 and f" {word} " in plain_words}
    return told.pop() if len(told) == 1 else None


def _thousands(column: pd.Series) -> bool:
    """Whether a comma may part thousands: every comma in the column could, and none is a decimal one for sure."""
    commas = [
        str(c).strip() for c in distinct(column) if isinstance(c, str) and "," in c and items(c) is None
    ]
    return bool(commas) and all(_THOUSANDS.fullmatch(c) for c in commas)


def _all_numbers(
    column: pd.Series, values: pd.Series, name: str, path: Path, known: Mapping[str, float]
) -> None:
    odd = np.flatnonzero([isinstance(v, str) for v in values])
    if not odd.size:
        return
    got, row = values.iloc[odd[0]], column.index[odd[0]]
    where = f"got {shown(got[:60])} in row {row} of {path.name} ({odd.size} such rows)"
    if _THOUSANDS.fullmatch(got):
        raise InputError(
            f"{name}: is the comma a decimal one, or does it part thousands? Write 1234 or 1.234; {where}"
        )
    mend = f": say what it means with --word {got[:20]}=0 or =1" if name in YES_NO else ""
    if known:
        called = ", ".join(f"{word} ({value:g})" for word, value in known.items())
        mend = f": known are {called}; say what it means with --word {got[:20]!r}=NUMBER"
    raise InputError(f"{name} must be a number in every trial, {where}{mend}")


def _checked(values: pd.Series, name: str, path: Path, notes: list[str]) -> pd.Series:
    """Within the range that this column can have."""
    if name in RESPONSE_TIMES:
        values = _answered(values, name, notes)
    if name in YES_NO and values.min() == -1 and set(values.dropna().unique()) <= {-1.0, 1.0}:
        notes.append(Note(f"{name}: -1 is 0", "words", name))
        values = values.mask(values == -1, 0.0)
    rule, bad = _range(values, name)
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        mend = "; if that means no response, leave the cell empty" if name in RESPONSE_TIMES else ""
        mend = f": say what each means, e.g. --word {values.iloc[at]:g}=1" if name in YES_NO else mend
        raise InputError(
            f"{name} must be {rule}, got {values.iloc[at]:g} in row {values.index[at]} of {path.name} "
            f"({int(bad.sum())} such rows){mend}"
        )
    return values


def _answered(values: pd.Series, name: str, notes: list[str]) -> pd.Series:
    """Response times without what stands for none: 0, -999, or one whole number below 0 that comes alone."""
    none = values.isin([0.0, _OMITTED])
    said = "0 or -999"
    below = values[(values < 0) & ~none].unique()
    if len(below) == 1 and float(below[0]).is_integer():
        none |= values == below[0]
        said = f"{below[0]:g}" if not values.isin([0.0, _OMITTED]).any() else f"0, -999 or {below[0]:g}"
    if none.any():
        notes.append(
            Note.counted("silent", none, "trial", f" with {name} {said}: taken as no response", column=name)
        )
    return values.mask(none)


def _range(values: pd.Series, name: str) -> tuple[str, pd.Series]:
    """The rule for a column, and where it is broken."""
    if name in YES_NO:
        return "0 or 1", ~values.isin([0.0, 1.0]) & values.notna()
    if name in COUNTS:
        return "a whole number >= 0", (values < 0) | (values != np.floor(values)) & values.notna()
    if name in TIMES and name != "onset":
        return "a finite time >= 0", (values < 0) | np.isinf(values)
    return "finite", np.isinf(values)


# -- letters -------------------------------------------------------------------------------------------------


def letters(cell: Any) -> str:
    """The letters of a display or a report: 0, - and blanks are empty places; a list may hold one letter a cell."""
    listed = items(cell)
    if listed is not None and len(listed) > 1:
        words = "".join(str(one) for one in listed if len(str(one)) == 1)  # and no key called "return"
    else:
        words = text(cell if listed is None else listed[0] if listed else None) or ""
    return "".join(c for c in words.upper() if c.isalnum() and c != "0")


def of_letters(column: pd.Series) -> bool:
    """Whether a column holds letters rather than counts."""
    if pd.api.types.is_numeric_dtype(column):
        return False
    some = [
        words for cell in distinct(column) if (words := "".join(map(str, items(cell) or [text(cell) or ""])))
    ]
    return bool(some) and sum(any(c.isalpha() for c in words) for words in some) > len(some) / 2


def scored(frame: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Displays and reports as letters become counts: score = the letters reported that were targets shown."""
    shown, said = each(frame["targets"], letters), each(frame["report"], letters)
    there = np.array([text(c) is not None or c == "" for c in frame["report"]], bool)
    score = [float(len(set(a) & set(b))) for a, b in zip(shown, said, strict=True)]
    wrong = sum(len(set(b) - set(a)) for a, b in zip(shown, said, strict=True))
    notes.append(Note("targets are letters: score is how many of them were reported", "scored", "score"))
    if wrong:
        notes.append(
            Note.counted(
                "scored", wrong, "letter", " reported that were no targets: they do not count", "score"
            )
        )
    blank = int(sum(c == "" for c in frame["report"]))
    if blank:
        text_of = " with an empty report: nothing reported (score 0)"
        notes.append(Note.counted("scored", blank, "trial", text_of, "score"))
    out = frame.drop(columns="report").assign(targets=[float(len(s)) or math.nan for s in shown])
    if "distractors" in frame and not _counted(frame["distractors"]):
        out["distractors"] = [float(len(d)) for d in each(frame["distractors"], letters)]
    return out.assign(score=np.where(there, score, math.nan))


def _counted(column: pd.Series) -> bool:
    """Whether a column holds counts (0, 4), not letters or the empty places of a display (000000)."""
    if pd.api.types.is_numeric_dtype(column):
        return True
    return all(re.fullmatch(r"\d", text(cell) or "0") for cell in distinct(column))


# -- units ---------------------------------------------------------------------------------------------------


def unit(values: pd.Series, name: str, told: str | None, why: str, path: Path) -> str:
    """The unit of a time: told (and believed, if the numbers allow it), or what the numbers leave no doubt about."""
    middle = float(values.median())
    if told is None and (50 if name in RESPONSE_TIMES else 5) <= middle:
        told = "ms"
    elif told is None and middle <= (15 if name in RESPONSE_TIMES else 1):
        told = "s"  # nobody answers within 15 ms
    low, high = TIMES[name]
    if why == SAID and name in RESPONSE_TIMES and told and not 0.02 <= middle / UNITS[told] <= 600:
        raise InputError(
            f"{name} in {path.name} is {middle:g} in the middle, which no person takes in {told}: say "
            f"--unit {name}={'ms' if told == 's' else 's'} or leave it out"
        )
    doubt = told is None or (why != SAID and not low <= middle / UNITS[told] <= high)
    if doubt and not math.isnan(middle):
        but = f" ({why} {told})" if told and why else ""
        raise InputError(
            f"{name} in {path.name} is {middle:g} in the middle{but}: seconds or milliseconds? "
            f"Say --unit {name}=s or --unit {name}=ms"
        )
    return told or "s"
