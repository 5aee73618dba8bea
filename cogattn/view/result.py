"""One way to look at a result. Runs, fits, comparisons, scorecards, sweeps, recoveries and all others answer to

    table()     the main table, a pandas DataFrame
    findings()  what was found, in sentences with numbers
    plot()      the figure of it
    save(dir)   tables, findings.txt and figures in a folder; done.json last
    in a notebook: what was asked, what was found, the figure, the table

A class gives the first three, and names what else belongs into its folder (`files`, `figures`).

>>> class Coin(Result):
...     def table(self): return pd.DataFrame({"side": ["heads", "tails"], "share": [0.4, 0.6]})
...     def findings(self): return ["Heads came in 40 % of 10 throws."]
...     def plot(self): return self.table().plot.bar("side", "share").figure
>>> print(Coin())
Heads came in 40 % of 10 throws.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from cogattn import notebook, seals
from cogattn.files import write_json, write_table, write_text
from cogattn.view import plot as pens

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: What is saved under which name: tables (.csv, .parquet), texts, and JSON objects.
Files = dict[str, pd.DataFrame | Mapping[str, Any] | str]

OPEN = 12  #: rows of a table that a notebook shows without a click


class Result(ABC):
    """What was found, to be looked at in one way."""

    @abstractmethod
    def table(self) -> pd.DataFrame:
        """The main table."""

    @abstractmethod
    def findings(self) -> list[str]:
        """What was found: sentences with numbers."""

    @abstractmethod
    def plot(self) -> Figure:
        """The figure of it."""

    def heading(self) -> str:
        """What this is, in a few words."""
        return type(self).__name__

    def remarks(self) -> list[str]:
        """What else is to be known, in lines: what was asked, what is odd about the data."""
        return []

    def files(self) -> Files:
        """What is saved under which name; findings.txt need not be among it."""
        return {"table.csv": self.table()}

    def figures(self) -> Iterator[tuple[str, Figure]]:
        """The figures that are saved, each drawn when its turn comes: (place within the folder, figure)."""
        yield "figure", self.plot()

    def done(self) -> dict[str, Any]:
        """What done.json says."""
        return {"rows": len(self.table())}

    def save(self, folder: str | Path, figures: bool = True) -> Path:
        """Write tables, findings and (unless told not to) figures into a folder; done.json last. Return the folder."""
        folder, files = Path(folder), self.files()
        if "findings.txt" not in files:
            files = {"findings.txt": lines(self.findings())} | files
        for name, content in files.items():
            _write(folder / name, content)
        for place, figure in self.figures() if figures else ():
            pens.keep(figure, (folder / place).parent, Path(place).name)
        seals.close(folder)
        write_json(folder / "done.json", self.done())
        return folder

    def __str__(self) -> str:
        return "\n".join(self.findings())

    def _repr_html_(self) -> str:
        """In a notebook: what was asked and found, the figure, the table."""
        title, table = self.heading(), self.table()
        kept = getattr(self, "folder", None)
        lines = [*self.findings(), *self.remarks(), *([] if kept is None else [f"folder: {kept}"])]
        parts = [notebook.words(line) for line in lines]
        parts.append(notebook.picture(self.plot(), title))
        shown = notebook.rows(table.itertuples(index=False), list(table.columns))
        return notebook.card(
            title, *parts, notebook.folded(f"table ({len(table)} rows)", shown, open_=len(table) <= OPEN)
        )


class Frame(Result, pd.DataFrame):  # type: ignore[misc]  # pandas has no types here
    """A result that is itself a table: a DataFrame that answers to all of the above. Parts of it are plain tables."""

    @property
    def _constructor(self) -> type[pd.DataFrame]:
        return pd.DataFrame

    def table(self) -> pd.DataFrame:
        """Itself, as a plain DataFrame."""
        return pd.DataFrame(self)

    def __str__(self) -> str:
        return str(pd.DataFrame.__str__(self))


def once_an_attribute(method: Callable[[Any], pd.DataFrame]) -> Callable[[Any], pd.DataFrame]:
    """A `table()` that was `table` before: used as a table without a call it still answers, and warns."""

    class Table:
        def __get__(self, owner: Any, kind: type) -> Any:
            return method if owner is None else _Called(method, owner)

    return Table()  # type: ignore[return-value]  # a method to all who call it


class _Called:
    """`result.table`, which waits for its brackets."""

    def __init__(self, method: Callable[[Any], pd.DataFrame], owner: Any) -> None:
        self._method, self._owner, self.__doc__ = method, owner, method.__doc__

    def __call__(self) -> pd.DataFrame:
        return self._method(self._owner)

    def _old(self) -> pd.DataFrame:
        kind = type(self._owner).__name__
        warnings.warn(f"{kind}.table is a method now: {kind}.table()", DeprecationWarning, stacklevel=3)
        return self()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._old(), name)

    def __getitem__(self, key: Any) -> Any:
        return self._old()[key]

    def __len__(self) -> int:
        return len(self._old())


def lines(told: list[str]) -> str:
    """Each in a line of its own."""
    return "".join(f"{line}\n" for line in told)


def _write(path: Path, content: pd.DataFrame | Mapping[str, Any] | str) -> None:
    if isinstance(content, pd.DataFrame):
        write_table(path, content)
    elif isinstance(content, str):
        write_text(path, content)
    else:
        write_json(path, content)
