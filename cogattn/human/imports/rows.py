"""Which rows are trials: those asked for, no practice, no routine that asks nothing; and what is odd about the rest.

Whatever is left out is counted and named. What is odd but may be true (a person who is there twice, two people with
the same answers, names that differ by a capital) is kept and named.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from cogattn.errors import InputError
from cogattn.human.imports import columns as cells
from cogattn.human.imports.names import RESPONSE_TIMES
from cogattn.human.imports.records import Note
from cogattn.human.imports.sheets import DataSheet

Mask = npt.NDArray[np.bool_]
_ROW = "row of the file"
LEAST = 10  # rows from which equal answers are no accident
#: Trials in which nobody should answer, and rows that whoever wrote the file did not want.
_WITHHELD = re.compile(r"(?i)stop|no[ _-]?go|catch|withh")
_JUNK = re.compile(r"(?i)\b(junk|discard(ed)?|exclude[d]?)\b")
_PRACTICE = ("practice", "practise", "training", "demo", "example", "warmup", "warm-up", "tutorial")


def asked(frame: pd.DataFrame, only: Mapping[str, str]) -> Mask:
    """The rows in which each of these columns holds (one of) the values that were asked for."""
    keep = np.ones(len(frame), bool)
    for column, value in only.items():
        there = cells.texts(frame[column])
        words = {word.strip() for word in value.split(",")}
        hit = there.isin(words).to_numpy(bool)
        if not hit.any():
            values = ", ".join(map(str, pd.unique(there.dropna())[:20]))
            raise InputError(f"no row has {column}={value}; there are {values or 'none'}")
        keep &= hit
    return keep


def no_practice(column: pd.Series, notes: list[str]) -> Mask:
    """The rows that are no practice, where a column says which are."""
    practice = np.array([cells.text(c) not in (None, "0") and _yes(c) for c in column], bool)
    if practice.any() and not practice.all():
        notes.append(Note.counted("left_out", practice, "row", " of practice left out", "practice"))
        return ~practice
    return np.ones(len(column), bool)


def _yes(cell: object) -> bool:
    words = (cells.text(cell) or "").lower()
    return cells.WORDS.get(words, float(words in ("1", *_PRACTICE))) == 1.0


def trials(
    labels: pd.Series, answered: Mask, sheet: DataSheet, only: Mapping[str, str], notes: list[str]
) -> Mask:
    """The rows of a kind that is answered at least once; practice goes, and so does what has no kind."""
    kind = cells.texts(labels).fillna("").to_numpy()
    good = sorted({str(k) for k in kind[answered]} - {""})
    if not good:
        return np.ones(len(kind), bool)
    good = sorted({*good, *(str(k) for k in kind if _WITHHELD.search(str(k)))})
    main = [k for k in good if not any(word in k.lower() for word in _PRACTICE) and not _JUNK.search(k)]
    keep = np.isin(kind, main or good)
    if not keep.all():
        gone = _listed(str(k) or "(none)" for k in kind[~keep])
        text = f" left out: no trials by {sheet.group} ({gone})"
        notes.append(Note.counted("left_out", ~keep, "row", text, sheet.group))
    if len(main) > 1 and sheet.group not in only:
        text = (
            f"rows of several kinds by {sheet.group} are taken together ({_listed(map(str, kind[keep]))}): "
            f"--only {sheet.group}=NAME takes one"
        )
        notes.append(Note(text, "several_kinds", sheet.group, len(main)))
    return keep


def no_pages(labels: pd.Series, mine: pd.DataFrame, sheet: DataSheet, wanted: Sequence[str]) -> None:
    """Welcome pages, questions and goodbyes are no trials: kinds of rows that hardly ever come twice, with no condition
    and nothing that says right or wrong."""
    plain = (
        "person",
        "rt",
        "response",
        "report",
        "correct_response",
        "trial",
        "session",
        "block",
        "practice",
        "onset",
        "responded",
    )
    if set(mine) - set(plain) or not set(wanted) <= set(plain):
        return
    often = cells.texts(labels).value_counts()
    if len(often) > 3 and often.max() < LEAST / 2:
        raise InputError(
            f"{sheet.path} holds pages and no trials: {len(labels)} rows of {len(often)} kinds by {sheet.group} "
            f"({_listed(map(str, labels))}), none of which comes {LEAST // 2} times"
        )


def _listed(kinds: Iterable[str]) -> str:
    """The commonest kinds."""
    counts = Counter(kinds)
    return ", ".join(name for name, _ in counts.most_common(6)) + (", ..." if len(counts) > 6 else "")


def whole(frame: pd.DataFrame, wanted: Sequence[str], notes: list[str]) -> pd.DataFrame:
    """Without the trials in which something is missing; without a response time a trial stays: nobody answered."""
    keep = np.ones(len(frame), bool)
    said = []
    for name in wanted:
        gone = frame[name].isna().to_numpy(bool) & keep
        if gone.any() and name not in RESPONSE_TIMES:
            said.append(Note.counted("left_out", gone, "trial", f" left out: no {name}", name))
            keep &= ~gone
    for name in wanted:
        silent = frame[name].isna().to_numpy(bool) & keep
        if name in RESPONSE_TIMES and silent.any():
            said.append(Note.counted("silent", silent, "trial", f" without {name}: no response (kept)", name))
            if silent[keep].all():
                raise InputError("no trial is left: " + "; ".join([*said, f"no trial has any {name}"]))
    if not keep.any():
        raise InputError("no trial is left: " + "; ".join(said or ["no row is a trial"]))
    notes += said
    return frame if keep.all() else frame[keep]


def odd(frame: pd.DataFrame, wanted: Sequence[str], aside: Sequence[str]) -> list[str]:
    """What may be true of people, but rarely is: the same person twice, under one name or two."""
    body = frame[[c for c in wanted if c != "person"]]
    mark = pd.util.hash_pandas_object(body, index=False).to_numpy()
    whole = frame[_ROW].to_numpy() if _ROW in frame and frame[_ROW].notna().all() else None
    timed = any(c in body and body[c].nunique() > LEAST for c in RESPONSE_TIMES)
    answers = [c for c in body if c in cells.ANSWERS]
    codes, people = pd.factorize(frame["person"])
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(len(people) + 1))
    first: dict[bytes, object] = {}
    notes = _spellings(list(people))
    for who, (a, b) in zip(people, pairwise(ends), strict=True):
        rows = order[a:b]
        if len(rows) < LEAST or not _varied(body.iloc[rows][answers]):
            continue
        same = first.setdefault(mark[rows].tobytes(), who)
        if same is not who:
            text = (
                f"people {same} and {who} have the same answers in all {len(rows)} trials: one person twice?"
            )
            notes.append(Note(text, "same_answers", "person", len(rows)))
        if _twice(mark[rows], None if whole is None else whole[rows], timed, bool(aside)):
            text = f"every trial of person {who} is there twice: the same data twice? all are kept"
            notes.append(Note(text, "twice", "person", len(rows)))
    return notes


def _varied(answers: pd.DataFrame) -> bool:
    return bool((answers.nunique() > 1).any())


def _twice(
    mark: npt.NDArray[np.uint64], whole: npt.NDArray[np.uint64] | None, timed: bool, numbered: bool
) -> bool:
    """Whether the second half repeats the first, response times or every cell of the file alike; or, where trials have
    numbers, whether each row comes again with every cell. Few codes that come again are no copy."""
    half = len(mark) // 2
    even = len(mark) % 2 == 0 and half >= LEAST
    if even and timed and (mark[:half] == mark[half:]).all():
        return True
    if whole is None:
        return False
    if even and (whole[:half] == whole[half:]).all():
        return True
    return numbered and bool((np.unique(whole, return_counts=True)[1] > 1).all())


def _spellings(people: Sequence[object]) -> list[str]:
    """Names of people that differ by capitals only."""
    by_small: dict[str, list[str]] = {}
    for who in people:
        by_small.setdefault(str(who).lower(), []).append(str(who))
    return [
        f"people {' and '.join(names)} differ by capitals only: they are kept apart"
        for names in by_small.values()
        if len(names) > 1
    ]


def one_unit(frame: pd.DataFrame, name: str) -> None:
    """People's times must be of one order: a hundredfold is seconds beside milliseconds."""
    middle = frame.groupby("person", observed=True)[name].median()
    middle = middle[middle > 0]
    if len(middle) > 1 and middle.max() > 100 * middle.min():
        raise InputError(
            f"{name} is {middle.min():g} s in the middle for person {middle.idxmin()} and {middle.max():g} s for "
            f"person {middle.idxmax()}: seconds and milliseconds are mixed; mend the file"
        )
