"""Which rows are trials: those asked for, no practice, no routine that asks nothing; and what is odd about the rest.

Whatever is left out is counted and named. What is odd but may be true (a person who is there twice, two people with
the same answers, names that differ by a capital) is kept and named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from cogattn.errors import InputError
from cogattn.human.imports import columns as cells
from cogattn.human.imports.sheets import DataSheet, counted

Mask = npt.NDArray[np.bool_]
_LEAST = 10  # rows from which equal answers are no accident
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
        notes.append(f"{counted(practice, 'row')} of practice left out")
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
    main = [k for k in good if not any(word in k.lower() for word in _PRACTICE)]
    keep = np.isin(kind, main or good)
    if not keep.all():
        gone = _listed(str(k) or "(none)" for k in kind[~keep])
        notes.append(f"{counted(~keep, 'row')} left out: no trials by {sheet.group} ({gone})")
    if len(main) > 1 and sheet.group not in only:
        notes.append(
            f"rows of several kinds by {sheet.group} are taken together ({_listed(map(str, kind[keep]))}): "
            f"--only {sheet.group}=NAME takes one"
        )
    return keep


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
        if gone.any() and name not in cells.RESPONSE_TIMES:
            said.append(f"{counted(gone, 'trial')} left out: no {name}")
            keep &= ~gone
    for name in wanted:
        silent = frame[name].isna().to_numpy(bool) & keep
        if name in cells.RESPONSE_TIMES and silent.any():
            said.append(f"{counted(silent, 'trial')} without {name}: no response (kept)")
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
    keyed = mark if not aside else pd.util.hash_pandas_object(frame[[*body, *aside]], index=False).to_numpy()
    answers = [c for c in body if c in cells.ANSWERS]
    codes, people = pd.factorize(frame["person"])
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(len(people) + 1))
    first: dict[bytes, object] = {}
    notes = _spellings(list(people))
    for who, (a, b) in zip(people, pairwise(ends), strict=True):
        rows = order[a:b]
        if len(rows) < _LEAST or not _varied(body.iloc[rows][answers]):
            continue
        same = first.setdefault(mark[rows].tobytes(), who)
        if same is not who:
            notes.append(
                f"people {same} and {who} have the same answers in all {len(rows)} trials: one person twice?"
            )
        if _twice(keyed[rows], bool(aside)):
            notes.append(f"every trial of person {who} is there twice: the same data twice? all are kept")
    return notes


def _varied(answers: pd.DataFrame) -> bool:
    return bool((answers.nunique() > 1).any())


def _twice(mark: npt.NDArray[np.uint64], numbered: bool) -> bool:
    """Whether the second half repeats the first or, where trials have numbers, whether each row comes again."""
    half = len(mark) // 2
    if len(mark) % 2 == 0 and half >= _LEAST and (mark[:half] == mark[half:]).all():
        return True
    return numbered and bool((np.unique(mark, return_counts=True)[1] > 1).all())


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
