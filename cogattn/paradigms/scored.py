"""What of a paradigm is put beside which rows of the human tables (`human.bands`): a few declarative lines each.

A `Scored` says, for one measure of one table: how the trials of one arm become a value of each person in each cell
(`values`), and in which cell a row of the table is found (`cell`). Means, spreads between people, quantiles over
people, effects and correlations follow from the persons' values; nothing here knows a band. So a paradigm with the
usual columns (person, its conditions, rt, correct) writes, in its own file:

    def scored(self):
        at = coded(condition=KINDS)
        return [*speeded("simon_sro", ["congruence"], at), *curves("simon_sro_caf_delta"),
                across(simon_mean=rts(), simon_effect=effect("congruence", -1, 1))]

>>> frame = pd.DataFrame({"person": [0, 0, 1, 1], "congruence": [1, -1, 1, -1], "rt": [0.5, 0.6, 0.4, 0.6],
...                       "correct": True})
>>> effect("congruence", -1, 1)(frame).round(6).tolist()
[100.0, 200.0]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from cogattn import human

Values = Callable[[pd.DataFrame], pd.DataFrame]  # trials of one arm -> persons x cells (one row: no persons)
Person = Callable[[pd.DataFrame], pd.Series]  # trials of one arm -> a value of each person
QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9)
ALL = "ALL"  #: all kinds together, as the tables call it


class Scored(NamedTuple):
    """One measure of one human table, as this paradigm gives it. measure "": every measure of the table. cell: from
    the columns that say which row of the table it is, as texts, to the column of `values`; None: not this one's.
    options and trials: with which the paradigm is played for it: as many trials as people had, since people lie the
    farther apart the fewer trials they have."""

    table: str
    measure: str
    values: Values
    cell: Callable[[Mapping[str, str]], Any]
    options: Mapping[str, Any] = {}
    trials: int | None = None  # of a person in each condition, where that is no option: as is usual


def per_person(table: str) -> int:
    """How many trials a person had in a cell of a human table."""
    t = human.table(table)
    return round(float((t["n_trials"] / t["n_sub"]).median()))


def times_and_errors(t: pd.DataFrame) -> dict[str, pd.Series]:
    """People's RT [s] and errors, mean and sd between them, from a table of RT in ms and accuracy."""
    errors = {"error": 1 - t["acc"], "error_sd": t["acc_sd_sub"]}
    return {"mean": t["RT_ms"] / 1000, "sd": t["RT_sd_sub"] / 1000, "n": t["n_sub"]} | errors


def coded(**words: Any) -> Callable[[Mapping[str, str]], Any]:
    """A cell from the words of a table, key by key: each a mapping or a function (int, float). One key: its value.

    >>> coded(attend={"global": 1}, size=int)({"attend": "global", "size": "3"})
    (1, 3)
    """

    def cell(at: Mapping[str, str]) -> Any:
        found = [w.get(at[k]) if isinstance(w, Mapping) else w(at[k]) for k, w in words.items()]
        return None if None in found else found[0] if len(found) == 1 else tuple(found)

    return cell


def cells(
    frame: pd.DataFrame, column: str, by: Sequence[str], how: Any = "mean", only: str = ""
) -> pd.DataFrame:
    """A column summed up for each person (rows) in each cell of these columns. only: the rows in which this is true."""
    own = frame[frame[only].astype(bool)] if only else frame
    keys = [own["person"], *(own[b] for b in by)] if by else [own["person"]]
    made = own[column].astype(float).groupby(keys, sort=True).agg(how)
    table = made.unstack(list(by)) if by else made.to_frame(ALL)
    return table.set_axis(
        [c[0] if isinstance(c, tuple) and len(c) == 1 else c for c in table.columns], axis=1
    )


def of(column: str, by: Sequence[str] = (), how: Any = "mean", only: str = "", scale: float = 1.0) -> Values:
    """`cells`, to be declared."""
    return lambda frame: scale * cells(frame, column, by, how, only)


def margins(column: str, by: Sequence[str], only: str = "", scale: float = 1.0) -> Values:
    """`of` two columns, and of each alone, where the other is ALL."""

    def values(frame: pd.DataFrame) -> pd.DataFrame:
        both = cells(frame, column, by, only=only)
        one, other = (cells(frame, column, [b], only=only) for b in by)
        one.columns, other.columns = [(c, ALL) for c in one], [(ALL, c) for c in other]
        return scale * pd.concat([both, one, other], axis=1)

    return values


def timed(frame: pd.DataFrame) -> pd.DataFrame:
    """Right responses that have a time."""
    return frame[frame["correct"].astype(bool) & frame["rt"].notna()]


def speeded(
    table: str, by: Sequence[str], cell: Callable[[Mapping[str, str]], Any], only: str = ""
) -> list[Scored]:
    """RT of right responses [ms], its sd within a person, accuracy and errors in each cell, of the trials in which
    `only` is true."""

    def within(frame: pd.DataFrame) -> pd.DataFrame:
        return 1000 * cells(timed(frame), "rt", by, "std")

    right = of("correct", by, only=only)

    def errors(frame: pd.DataFrame) -> pd.DataFrame:
        return 1 - right(frame)

    times = (
        margins("rt", by, "correct", 1000.0) if len(by) == 2 else of("rt", by, only="correct", scale=1000.0)
    )
    measures = {
        "RT": times,
        "RT sd within a person": within,
        "accuracy": right,
        "errors": errors,
    }
    return [Scored(table, measure, values, cell) for measure, values in measures.items()]


def quantiles(frame: pd.DataFrame, qs: Sequence[float] = QUANTILES) -> pd.DataFrame:
    """Quantiles of each person's right response times [ms], numbered from 1."""
    q = 1000 * timed(frame).groupby("person")["rt"].quantile(list(qs)).unstack()
    return (
        q.set_axis(range(1, len(qs) + 1), axis=1) if len(q) else pd.DataFrame(columns=range(1, len(qs) + 1))
    )


def by_fifth(frame: pd.DataFrame) -> pd.DataFrame:
    """Accuracy in each fifth (1 to 5) of each person's own response times."""
    own = frame[frame["rt"].notna()]
    if own.empty:
        return pd.DataFrame(columns=range(1, 6), dtype=float)
    place = own.groupby("person")["rt"].rank(pct=True)
    fifth = np.clip(np.ceil(place * 5), 1, 5)
    return cells(own.assign(fifth=fifth.astype(int)), "correct", ["fifth"])


def curves(table: str, column: str = "congruence", easy: Any = 1, hard: Any = -1) -> list[Scored]:
    """Of a conflict: accuracy by fifth, quantiles of RT, and delta: what the conflict adds to each quantile."""
    at = coded(bin=int)

    def part(value: Any, how: Callable[[pd.DataFrame], pd.DataFrame]) -> Values:
        return lambda frame: how(frame[frame[column] == value])

    def delta(frame: pd.DataFrame) -> pd.DataFrame:
        return part(hard, quantiles)(frame) - part(easy, quantiles)(frame)

    kinds = {"congruent": easy, "incongruent": hard}
    out = [Scored(table, f"accuracy by fifth, {word}", part(k, by_fifth), at) for word, k in kinds.items()]
    out += [Scored(table, f"RT quantile, {word}", part(k, quantiles), at) for word, k in kinds.items()]
    return [*out, Scored(table, "delta", delta, at)]


def across(**persons: Person) -> Scored:
    """Measures of the same people in several tasks, by their names in the table: each a value of every person."""

    def values(frame: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({name: how(frame) for name, how in persons.items()})

    return Scored("people_across_tasks", "", values, coded(measure={name: name for name in persons}))


def rts(**where: Any) -> Person:
    """Mean RT of right responses [ms], where these columns have these values."""

    def person(frame: pd.DataFrame) -> pd.Series:
        own = timed(frame)
        for column, value in where.items():
            own = own[np.isclose(own[column], value)]
        return 1000 * own.groupby("person")["rt"].mean()

    return person


def effect(column: str, slow: Any, fast: Any) -> Person:
    """How much longer the RT is in one kind of trial than in the other [ms]."""
    return lambda frame: rts(**{column: slow})(frame) - rts(**{column: fast})(frame)


def right(frame: pd.DataFrame) -> pd.Series:
    """Accuracy."""
    return frame["correct"].astype(float).groupby(frame["person"]).mean()
