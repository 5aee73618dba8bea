"""A figure as data: a title and its panels (`view.sheet`), as a table of curves or in matplotlib.

>>> shown = Drawn.of("Search", [lambda ax: ax.plot([1, 2], [300.0, 320.0], label="law")])
>>> shown.table()[["panel", "series", "kind", "x", "y"]].values.tolist()
[[0, 'law', 'line', 1.0, 300.0], [0, 'law', 'line', 2.0, 320.0]]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cogattn.view import plot
from cogattn.view.sheet import COLUMNS, Sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FOLDED = {3: "AB;C.", 4: "AB;CD"}  # panels without a place of their own: two in a row


@dataclass(frozen=True)
class Drawn:
    """A whole figure as data: what was found, in a line, and its panels, row by row."""

    title: str
    sheets: list[Sheet] = field(default_factory=list)
    size: tuple[float, float] | None = None  #: inches; None: by the number of panels
    rows: int = 1
    mosaic: str = (
        ""  #: where each panel lies, if not in a grid: "AB;CC" is two, and one below them as wide as both
    )
    strips: int = 0  #: the last panels that repeat what the others show (a misfit): they have no legend
    how: Mapping[str, Any] = field(default_factory=dict)  #: of the grid: sharex, sharey, height_ratios

    @classmethod
    def of(cls, title: str, draws: Sequence[Callable[[Any], Any]], **layout: Any) -> Drawn:
        """Panels, each drawn by draws[i](ax)."""
        sheets = [Sheet() for _ in draws]
        for sheet, draw in zip(sheets, draws, strict=True):
            draw(sheet)
        return cls(title, sheets, **layout)

    @property
    def main(self) -> list[Sheet]:
        """The panels without the strips."""
        return self.sheets[: len(self.sheets) - self.strips]

    @property
    def wide(self) -> list[bool]:
        """Of each panel, whether the mosaic gives it a row of its own.

        >>> Drawn("", mosaic="AB;CC").wide
        [False, False, True]
        """
        rows = self.mosaic.split(";")
        names = dict.fromkeys(self.mosaic.replace(";", ""))
        return [any(set(row) == {name} for row in rows) for name in names] or [False] * len(self.sheets)

    def table(self) -> pd.DataFrame:
        """All curves, a row per point (`COLUMNS`); labels, limits and ticks are in `attrs["panels"]`."""
        parts = [sheet.table().assign(panel=i) for i, sheet in enumerate(self.sheets)]
        filled = [p for p in parts if len(p)] or parts
        out = pd.concat(filled, ignore_index=True)[list(COLUMNS)]
        out.attrs = {"title": self.title, "panels": [sheet.says for sheet in self.sheets]}
        return out

    def figure(self, axes: Any = None) -> Figure:
        """The figure in matplotlib, on these axes if some are given."""
        columns, mosaic = -(-len(self.sheets) // self.rows), self.mosaic
        folded = _FOLDED.get(len(self.sheets), "")
        if folded and not (mosaic or self.how or self.rows > 1):  # side by side they would be too wide
            columns, mosaic = 2, folded
        with plot.style() as plt:
            if axes is None:
                lines = mosaic.count(";") + 1
                size = self.size or (max(6.4, 1.2 + 3.9 * columns), 1.2 + 3.2 * lines)
                if mosaic:
                    axes = list(plt.figure(figsize=size).subplot_mosaic(mosaic, **self.how).values())
                else:
                    axes = plt.subplots(self.rows, columns, figsize=size, squeeze=False, **self.how)[1]
            axes = list(np.ravel(axes))
            for ax, sheet in zip(axes, self.sheets, strict=True):
                sheet.on(ax)
            return plot.finish(axes[0].figure, axes[: len(self.main)], self.title)
