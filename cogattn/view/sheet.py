"""A panel as data: what it shows is written down once, and then drawn.

A `Sheet` takes the calls that a matplotlib Axes takes (`plot`, `axhline`, `set`, ...) and the pens of `view.plot`, and
keeps them. `rows` are the curves in it: a row per point of an arm, of people or of a law. Nothing is imported for it.

>>> def rt(ax):
...     ax.plot([1, 2], [300.0, 320.0], label="law")
...     ax.set(xlabel="set size [items]", ylabel="RT [ms]")
>>> sheet = Sheet()
>>> rt(sheet)
>>> sheet.table()[["series", "kind", "x", "y"]].values.tolist()
[['law', 'line', 1.0, 300.0], ['law', 'line', 2.0, 320.0]]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

COLUMNS = ("panel", "kind", "series", "mark", "x", "y", "low", "high", "below", "above", "x_low", "x_high")
_SAYS = ("xlabel", "ylabel", "title", "xlim", "ylim", "xticks", "yticks")


class Sheet:
    """One panel: calls in their order, to be made on an Axes, and the curves that they draw."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.rows: list[pd.DataFrame] = []
        self._noted = False

    def __getattr__(self, name: str) -> Callable[..., None]:
        """Any other method of an Axes."""
        if name.startswith("_"):
            raise AttributeError(name)

        def kept(*args: Any, **kwargs: Any) -> None:
            self.calls.append((name, args, kwargs))
            if name == "plot" and not self._noted:
                self._line(*args, **kwargs)

        return kept

    def note(self, kind: str, series: str, hollow: bool = False, **columns: Any) -> None:
        """Curves that a pen draws: columns x, y, and where they are known low and high (the 95 % interval of the mean),
        below and above (one sd between people), x_low and x_high."""
        n = len(np.atleast_1d(np.asarray(columns["x"], float)))
        values = {k: np.broadcast_to(np.asarray(v, float), (n,)) for k, v in columns.items()}
        mark = "hollow" if hollow else "filled"
        self.rows.append(pd.DataFrame({"kind": kind, "series": series.lstrip("_"), "mark": mark, **values}))

    def _line(self, *args: Any, **kwargs: Any) -> None:
        """A line that no pen draws: a law, or further people (stars)."""
        numbers = [a for a in args if not isinstance(a, str)]
        if len(numbers) < 2 or not np.size(numbers[1]):
            return
        words = [a for a in args if isinstance(a, str)]
        star = "*" in (*words, kwargs.get("marker"))
        self.note("people" if star else "line", str(kwargs.get("label", "")), x=numbers[0], y=numbers[1])

    @property
    def says(self) -> dict[str, Any]:
        """Labels, limits and ticks, as they were set last."""
        out: dict[str, Any] = {}
        for name, args, kwargs in self.calls:
            if name == "set":
                out |= {k: v for k, v in kwargs.items() if k in _SAYS}
            elif name.startswith("set_") and name[4:] in _SAYS:
                ends = (kwargs.get("bottom", kwargs.get("left")), kwargs.get("top", kwargs.get("right")))
                out[name[4:]] = ends if not args else args[0] if len(args) == 1 else args
        return out

    def table(self) -> pd.DataFrame:
        """A row per point."""
        if not self.rows:
            return pd.DataFrame(columns=list(COLUMNS[1:]))
        return pd.concat(self.rows, ignore_index=True).reindex(columns=list(COLUMNS[1:]))

    def on(self, ax: Any) -> None:
        """Draw it on a matplotlib Axes."""
        for name, args, kwargs in self.calls:
            getattr(ax, name)(*args, **kwargs)


class noted:
    """While a pen draws on a sheet, its lines are not noted a second time; on an Axes it does nothing.

    >>> sheet = Sheet()
    >>> with noted(sheet, "model", "human", x=[1.0], y=[2.0]):
    ...     sheet.plot([1.0], [2.0])
    >>> len(sheet.table()), len(sheet.calls)
    (1, 1)
    """

    def __init__(self, ax: Any, kind: str, series: str, hollow: bool = False, **columns: Any) -> None:
        self.sheet = ax if isinstance(ax, Sheet) else None
        self.before = False
        if self.sheet is not None and not self.sheet._noted:
            self.sheet.note(kind, series, hollow, **columns)

    def __enter__(self) -> None:
        if self.sheet is not None:
            self.before, self.sheet._noted = self.sheet._noted, True

    def __exit__(self, *_: object) -> None:
        if self.sheet is not None:
            self.sheet._noted = self.before
