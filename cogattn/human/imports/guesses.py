"""What no name says for sure: which column is meant, by the shape of its name and what its cells hold; what they mean.

A guess is taken where the cells agree with it, and said. Where several columns fit and differ, or codes could mean
either, there is none: then the reader is asked.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from cogattn.human.imports import codes, names
from cogattn.human.imports import columns as cells
from cogattn.human.imports import levels as conditions
from cogattn.human.imports.levels import Level
from cogattn.human.imports.records import Note
from cogattn.human.imports.sheets import DataSheet

LEVELLED = ("congruence", "cue", "present", "signal", "display")  #: conditions that have words of their own
_MANY = 40  # words from which a column is no condition
_LONG = 60  # letters from which a cell is no word of a condition
_WHOLE = 1 << 26  # bytes of a file that is looked at as a whole
_STAGE = re.compile(
    r"(.*_)?(stage|phase|part|blocks?|block_?\w+|section|procedure|running|prac\w*|training|trial_?type|task\w*|condition"
    r"|session|type|list\w*|mode|loop|exp_?\w*|trial_?code|screen|display|sender|name|screen_name|trial)(_.*)?"
)
#: What practice is called, as a word of a cell.
PRACTICE = re.compile(
    r"(?<![a-z])(prac\w*|train(ing)?|learn|demo|example|warm ?up|tutorial|review|übung\w*|oefen\w*|练习)(?![a-z])"
)


@dataclass(frozen=True)
class SheetCells:
    """The columns of a file as texts, loaded when they are looked at."""

    sheet: DataSheet

    @cached_property
    def _all(self) -> pd.DataFrame | None:
        path = self.sheet.path
        small = not path.is_file() or path.stat().st_size <= _WHOLE
        return self.sheet.load(self.sheet.names, ()) if small else None

    @cached_property
    def _known(self) -> dict[str, pd.Series]:
        return {}

    def texts(self, column: str) -> pd.Series:
        """The cells of a column, missing where there is nothing."""
        if column not in self._known:
            frame = self._all if self._all is not None else self.sheet.load([column], ())
            self._known[column] = cells.texts(frame[column])
        return self._known[column]

    def whole(self) -> pd.DataFrame | None:
        """The file, if it is small enough to be looked at as a whole."""
        return self._all

    def words(self, column: str) -> dict[str, int]:
        """What it holds, and how often."""
        if column not in self._words:
            self._words[column] = _counts(self.texts(column))
        return self._words[column]

    @cached_property
    def _words(self) -> dict[str, dict[str, int]]:
        return {}

    def numbers(self, column: str) -> pd.Series:
        """Its cells as numbers, missing where they are none."""
        return pd.to_numeric(self.texts(column).str.replace(",", ".", n=1, regex=False), errors="coerce")

    def filled(self, column: str) -> float:
        """The share of rows in which it holds something."""
        return float(self.texts(column).notna().mean())


@dataclass
class Guess:
    """What was guessed: columns for ours, and what is to be said about it."""

    columns: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def more_columns(
    held: SheetCells,
    wanted: Sequence[str],
    theirs: Mapping[str, str],
    levels: Mapping[str, Mapping[str, Level]],
    said: Collection[str] = (),
) -> Guess:
    """Columns for those of ours that no name told: by shape and cells. said: what the reader has named himself."""
    found = Guess()
    taken = {*theirs.values()}
    for role in wanted:
        if role in theirs or role in said:
            continue
        left = [c for c in held.sheet.names if c not in taken]
        column = _levelled(role, held, left, levels) if role in LEVELLED else _fitting(role, held, left)
        if column is not None:
            found.columns[role] = column
            taken.add(column)
    return found


def unfit(
    held: SheetCells,
    theirs: Mapping[str, str],
    levels: Mapping[str, Mapping[str, Level]],
    said: Collection[str],
) -> list[str]:
    """Ours whose column was told by its name alone and holds something else."""
    out = []
    for role, column in theirs.items():
        if role in said or cells.found_exactly(role, [column]):
            continue
        if (role in LEVELLED and _meaning(role, column, held.words(column), levels) is None) or (
            role in ("person", "rt", "correct", "error") and not _fits(role, held, column)
        ):
            out.append(role)
    return out


def _fitting(role: str, held: SheetCells, left: Sequence[str]) -> str | None:
    """The column whose name has the shape and whose cells fit; of response times the one that is filled most."""
    fits = [c for c in names.shaped(role, left) if _fits(role, held, c)]
    if not fits:
        return None
    if role in ("rt", "correct", "response", "correct_response"):
        return max(fits, key=lambda c: held.filled(c))
    return fits[0]


def _fits(role: str, held: SheetCells, column: str) -> bool:
    """Whether the cells can be what the name says."""
    words = held.words(column)
    if not words:
        return False
    if role == "person":
        return len(words) <= max(2, sum(words.values()) / 2) and held.filled(column) > 0.5
    if role in names.RESPONSE_TIMES:
        numbers = held.numbers(column)
        some = numbers.dropna()
        return len(some) > 0.5 * sum(words.values()) and (len(some) < 6 or some.nunique() > 3)
    if role in ("correct", "error"):
        if len(words) > 8:
            return False
        return codes.rights(list(words), list(words.values()), error=role == "error").known
    if role in ("response", "correct_response"):
        return len(words) <= _MANY
    if role in ("set_size", "soa", "load", "delay", "lag"):
        return bool(held.numbers(column).notna().sum() == sum(words.values()))
    return True


def _meaning(
    role: str, column: str, words: Mapping[str, int], levels: Mapping[str, Mapping[str, Level]]
) -> dict[str, Level] | None:
    """What the cells of a condition mean here."""
    told = levels.get(role) or conditions.COMMON.get(role, {})
    if not words or len(words) > _MANY or any(len(w) > _LONG for w in words):
        return None
    if not told:
        return dict.fromkeys(words, 0.0)
    if all(re.fullmatch(r"-?\d+(\.0)?", w) for w in words):
        return conditions.of_numbers(role, names.spelt(column), list(words), told)
    return conditions.levels(words, told)


def _levelled(
    role: str, held: SheetCells, left: Sequence[str], levels: Mapping[str, Mapping[str, Level]]
) -> str | None:
    """The column whose words are the levels of a condition: one with a fitting name, else any one that has several."""
    if role not in levels and role not in conditions.COMMON:
        return None
    own = names.shaped(role, left)
    fits = {c: told for c in own if (told := _meaning(role, c, held.words(c), levels)) is not None}
    if fits:
        first = next(iter(fits))
        mapped = [held.texts(c).map(told) for c, told in fits.items()]
        return (
            first if all(mapped[0].equals(other) for other in mapped[1:]) else None
        )  # several that differ: ask
    best: tuple[float, str] | None = None
    for column in left:
        words = held.words(column)
        if column in own or all(re.fullmatch(r"-?[\d.]+", w) for w in words):
            continue
        told = _meaning(role, column, words, levels)
        if told and len({spoken for w in words if (spoken := conditions.spoken(w))} & _VAGUE) == 0:
            rank = len(set(map(str, told.values()))) + held.filled(column) - len(words) / 100
            several = len(set(map(str, told.values()))) > 1
            alone = len(words) == 1 and len(column) > 1 and _CONDITION.fullmatch(names.spelt(column))
            if (several or alone) and (best is None or rank > best[0]):
                best = (rank, column)
    return None if best is None else best[1]


_YES = re.compile(r"\b(successful|success|correct|hit|right)\b")
_NO = re.compile(r"\b(failed|fail|failure|unsuccessful|incorrect|error|wrong|false alarm)\b")


def outcome_column(held: SheetCells) -> str | None:
    """A column that says in words both what a trial was and what came of it: successful stop, failed stop, go."""
    for column in held.sheet.names:
        if not re.fullmatch(
            r"(.*_)?(type|outcome|condition|event|result|trial_type)(_.*)?", names.spelt(column)
        ):
            continue
        words = [conditions.spoken(w) for w in held.words(column)]
        many = [w for w in words if " " in w]
        if 2 < len(words) <= _MANY and any(_YES.search(w) for w in many) and any(_NO.search(w) for w in many):
            return column
    return None


def outcome(cells_of: pd.Series, right: pd.Series | None) -> pd.Series | None:
    """Right (1) or wrong (0) where a word says so; elsewhere what a column says."""
    words = cells.texts(cells_of).fillna("").map(conditions.spoken)
    no = words.map(lambda w: bool(_NO.search(w)))
    yes = words.map(lambda w: bool(_YES.search(w))) & ~no
    if not (yes.any() or no.any()):
        return None
    rest = pd.Series(float("nan"), words.index)
    if right is not None:
        rest = pd.to_numeric(cells.texts(right), errors="coerce")
    return rest.mask(yes, 1.0).mask(no, 0.0)


_CONDITION = re.compile(r"(.*_)?(cond\w*|type|display|task)(_.*)?")
_VAGUE = {"up", "down", "above", "below", "same", "different", "yes", "no", "true", "false", "left", "right"}


# -- rows of practice ------------------------------------------------------------------------------------------


def practice(held: SheetCells, person: str | None, aside: Collection[str]) -> dict[str, list[str]]:
    """Columns that mark practice by a word, and the cells that do: where whoever practised did something else, too."""
    out: dict[str, list[str]] = {}
    for column in held.sheet.names:
        if column in aside or not _STAGE.fullmatch(names.spelt(column)):
            continue
        words = held.words(column)
        gone = [w for w in words if len(w) <= _LONG and PRACTICE.search(w.lower().replace("_", " "))]
        if not gone or len(gone) == len(words) or len(words) > 10 * _MANY:
            continue
        at = held.texts(column).isin(gone)
        if person is None:
            out[column] = gone
            continue
        who = held.texts(person).astype("string")
        both = set(who[at].dropna()) & set(who[~at].dropna())
        if len(both) >= 0.9 * who[at].dropna().nunique():
            out[column] = gone
    return out


# -- what cells mean -------------------------------------------------------------------------------------------


@dataclass
class Meanings:
    """What the cells of a column mean here, which of them say that nobody answered, and what is to be said."""

    words: dict[str, dict[str, Level]] = field(default_factory=dict)
    silent: pd.Series | None = None  #: rows in which nobody answered
    worked: set[str] = field(default_factory=set)  #: columns of ours that several of the file's make
    doubts: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def meanings(
    mine: pd.DataFrame,
    theirs: Mapping[str, str],
    levels: Mapping[str, Mapping[str, Level]],
    said: Mapping[str, Mapping[str, Level]],
    *,
    errors: bool = False,
) -> Meanings:
    """Of conditions and of right or wrong. said: what the reader told of a column's cells; errors: he said that what
    is taken for right counts what is wrong."""
    found = Meanings()
    for role in LEVELLED:
        if role not in mine or role in said:
            continue
        words = _counts(mine[role])
        told = levels.get(role) or conditions.COMMON.get(role, {})
        if told and all(re.fullmatch(r"-?\d+(\.0)?", w) for w in words):
            told_numbers = conditions.of_numbers(role, names.spelt(theirs[role]), list(words), told)
            if told_numbers:
                found.words[role] = told_numbers
        elif told and (mapped := conditions.levels(words, told)):
            found.words[role] = mapped
    if "correct" in mine and "correct" not in said:
        _right(mine, theirs, found, errors or is_error(theirs["correct"]))
    return found


def _counts(column: pd.Series) -> dict[str, int]:
    counts = cells.texts(column).dropna().value_counts()
    return {str(k): int(v) for k, v in counts.items()}


def _right(mine: pd.DataFrame, theirs: Mapping[str, str], found: Meanings, error: bool) -> None:
    """The codes of right and wrong; a column that is called an error counts the other way round."""
    words = _counts(mine["correct"])
    if not words or len(words) > 20:
        return
    told = codes.rights(list(words), list(words.values()), error=error)
    if not told.known:
        found.doubts["correct"] = f"column {theirs['correct']} does not say who was right: {told.doubt}"
        return
    plain = {0.0: 0.0, 1.0: 1.0, -1.0: 0.0}
    numbers = all(re.fullmatch(r"-?\d+(\.0*)?", k) for k in told.values)
    if not numbers or len(told.values) > 2 or any(plain.get(float(k)) != v for k, v in told.values.items()):
        found.words["correct"] = dict(told.values)
    if error:
        found.notes.append(Note(f"{theirs['correct']} counts errors: 0 is right", "polarity", "correct"))
    if told.silent:
        found.silent = cells.texts(mine["correct"]).isin(told.silent)
        said = ", ".join(sorted(told.silent))
        found.notes.append(
            Note.counted(
                "silent", found.silent, "trial", f" with {theirs['correct']} {said}: no response", column="rt"
            )
        )


def is_error(column: str) -> bool:
    """Whether a column counts what is wrong, by its name."""
    snake = names.spelt(column)
    return bool(names.shaped("error", [column])) and not re.search(
        r"(^|_)(correct|corr|acc|accuracy|code)(_|$)", snake
    )


def deadline(rt: pd.Series, correct: pd.Series | None, pressed: pd.Series | None) -> float | None:
    """The time that stands where nobody answered: the longest of all, again and again, and never with an answer."""
    some = rt.dropna()
    if len(some) < 20 or correct is None:
        return None
    most = float(some.max())
    at = rt == most
    n = int(at.sum())
    if n < 3 or n < 0.002 * len(some) or some[some < most].empty:
        return None
    gap = most - float(some[some < most].max())
    silent = pressed is not None and bool(pressed[at].isna().all()) and bool(pressed[~at].notna().any())
    wrong = bool((correct[at] == 0).all())
    piled = n > 0.1 * len(some)
    return most if silent or piled or (wrong and gap > 0 and _round(most)) else None


def _round(value: float) -> bool:
    """Whether a time is one that somebody set: whole tenths of a second or hundreds of milliseconds."""
    units = (50.0, 0.05)
    return any(value >= unit * 5 and abs(value / unit - round(value / unit)) < 1e-9 for unit in units)


_CALLED = re.compile(r"(.*_)?(code|id|key|token|uuid|nick\w*|initials?|email)(_.*)?")


def person_column(held: SheetCells, used: Iterable[str]) -> str | None:
    """The one column that says who sat there by a name that may be anything's (code): a few values, each in a run."""
    called = [c for c in person_doubt(held, used) if _CALLED.fullmatch(names.spelt(c))]
    return called[0] if len(called) == 1 else None


def person_doubt(held: SheetCells, used: Iterable[str]) -> list[str]:
    """Columns that may say who sat there under a name that nobody knows: a few values, each in a run of rows."""
    out = []
    aside = re.compile(
        r"(.*_)?(block\w*|trial\w*|run\w*|session\w*|date|time\w*|version|age|sex|gender|list\w*|set\w*|cond\w*|stim\w*"
        r"|onset|index|row|stage|phase|part|unnamed.*|type|task\w*|name|hand\w*|group)(_.*)?"
    )
    used = set(used)
    for column in held.sheet.names:
        if column in used or aside.fullmatch(names.spelt(column)) or not names.spelt(column):
            continue
        own = held.texts(column)
        n = own.nunique()
        if own.isna().any() or n < 2 or n > max(2, len(own) / 3) or own.str.len().max() > _LONG:
            continue
        if "." in "".join(map(str, own.unique()[:20])):
            continue
        runs = int((own.to_numpy()[1:] != own.to_numpy()[:-1]).sum()) + 1
        if runs <= 1.5 * n:
            out.append(column)
    return out
