"""The rows of a run in one table: every block is laid where it belongs, so that nothing is joined at the end.

(To join tables would take twice the memory, and longer than the mind takes to play them.)

>>> table = Rows(3)
>>> table.add({"person": np.array([7]), "arm": "human"}, 2, 1)
>>> table.add({"person": np.array([5, 6]), "arm": "human"}, 0, 2)
>>> table.frame()["person"].tolist(), table.frame(2, 1)["arm"].tolist()
([5, 6, 7], ['human'])
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Array = npt.NDArray[Any]


class Rows:
    """The columns of n rows, which come block by block, in any order.

    (Columns of one kind lie side by side, which costs the system less than as many pieces. What is the same in all
    rows is there once.)
    """

    def __init__(self, n: int) -> None:
        self.n = n
        self._names: list[str] = []  # of the first block
        self._numbers: dict[str, Array] = {}  # columns of numbers; one number while it is that in all rows
        self._parts: dict[str, dict[int, pd.Series]] = {}  # of what is no number, by their first row
        self._ends: dict[int, int] = {}  # of the blocks, by their first row
        self._apart: dict[int, pd.DataFrame] = {}  # blocks of other columns than the first one

    def add(self, block: Mapping[str, Any], start: int, rows: int) -> None:
        """These columns (or a table) of so many rows, from this one on."""
        numbers = {name: found for name, v in block.items() if (found := _numbers(v)) is not None}
        if not self._ends:
            self._begin(list(block), numbers, whole=rows == self.n)
        self._ends[start] = start + rows
        if list(block) != self._names or not self._alike(numbers):
            columns = dict(block.items())
            index = None if any(np.ndim(v) for v in columns.values()) else pd.RangeIndex(rows)
            self._apart[start] = pd.DataFrame(columns, index, copy=False)
            return
        for name, values in block.items():
            if name not in numbers:
                part = _text(values, rows) if isinstance(values, str) else pd.Series(values)
                self._parts[name][start] = part
                continue
            own, new = self._numbers[name], numbers[name]
            if own is new or (not own.ndim and _is(own, _one(new))):
                continue
            kind = np.result_type(new, own)
            if not own.ndim:  # so it was one number until now
                own = np.full(self.n, own, kind)
            self._numbers[name] = own = own.astype(kind, copy=False)
            if kind.kind == "f" or new.any() or own[start : start + rows].any():
                own[start : start + rows] = new  # pages of zeros that nobody wrote take no memory

    def _begin(self, names: list[str], numbers: Mapping[str, Array], whole: bool) -> None:
        """Room for all rows; the columns of a block that has all of them are taken as they are."""
        self._names = names
        self._parts = {name: {} for name in names if name not in numbers}
        if not whole:
            numbers = {name: _one(a) for name, a in numbers.items()}
        self._numbers = {name: a for name, a in numbers.items() if whole or not a.ndim}
        for kind in {a.dtype for a in numbers.values()}:
            own = [name for name, a in numbers.items() if a.dtype == kind and name not in self._numbers]
            self._numbers.update(zip(own, np.zeros((len(own), self.n), kind), strict=True))

    def _alike(self, numbers: Mapping[str, Array]) -> bool:
        """Whether they can stand in the columns that there are: pandas makes no numbers of truths and numbers."""
        return numbers.keys() == self._numbers.keys() and all(
            (a.dtype.kind == "b") == (self._numbers[name].dtype.kind == "b") for name, a in numbers.items()
        )

    def frame(self, start: int = 0, rows: int | None = None) -> pd.DataFrame:
        """The table, or so many of its rows from this one on; its numbers are not copied."""
        end = self.n if rows is None else start + rows
        blocks = [at for at in sorted(self._ends) if start <= at < end]
        if self._apart.keys().isdisjoint(blocks):
            return self._laid(blocks, start, end)
        frames = [
            self._apart[at] if at in self._apart else self._laid([at], at, self._ends[at]) for at in blocks
        ]
        return pd.concat(frames, ignore_index=True)

    def _laid(self, blocks: list[int], start: int, end: int) -> pd.DataFrame:
        """Rows start .. end - 1, which are those of these blocks."""
        columns: dict[str, Any] = {}
        for name in self._names:
            if name in self._numbers:
                own = self._numbers[name]
                columns[name] = own[start:end] if own.ndim else _repeated(own, end - start)
                continue
            columns[name] = pd.concat([self._parts[name][at] for at in blocks], ignore_index=True).array
        return pd.DataFrame(columns, copy=False)


def _is(a: Array, b: Array) -> bool:
    """Whether two numbers are the same, nan or not."""
    return not b.ndim and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def _one(a: Array) -> Array:
    """A column of whole numbers that is the same in all its rows as that number, others as they are."""
    same = a.ndim and len(a) and a.dtype.kind in "biu" and (a == a[0]).all()
    return a[:1].reshape(()) if same else a


#: Whether pandas copies what is shared before it writes.
_COPIES = int(pd.__version__.split(".")[0]) >= 3


def _repeated(number: Array, rows: int) -> Any:
    """The same number in so many rows: in the memory of one, where pandas lets it."""
    return _shared(number.dtype, number.tobytes(), rows) if _COPIES else np.full(rows, number)


@lru_cache(maxsize=10_000)
def _shared(kind: np.dtype[Any], number: bytes, rows: int) -> pd.Series:
    """(It is kept here, so whoever writes into a table gets a copy of his own first.)"""
    return pd.Series(np.broadcast_to(np.frombuffer(number, kind)[0], rows), copy=False)


def _numbers(values: Any) -> Array | None:
    """A column of numbers: an array of them, or one for all rows; None: it is of something else."""
    if isinstance(values, pd.Series) and isinstance(values.dtype, np.dtype):
        values = values.to_numpy()
    if not isinstance(values, (int, float, np.ndarray, np.generic)):
        return None
    found = np.asarray(values)
    return found if found.dtype.kind in "biuf" else None


@lru_cache(maxsize=8)
def _text(text: str, rows: int) -> pd.Series:
    """The same text in so many rows."""
    return pd.Series([text]).take(np.zeros(rows, np.int64))
