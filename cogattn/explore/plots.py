"""Pictures as Bokeh plots that change in place: three kinds of marks, and a source of data for each.

A plot is made once; to show another picture of it, its sources get other data, which is all that travels to the page.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cogattn.errors import needs
from cogattn.explore.curves import Panel
from cogattn.explore.paper import Stroke

#: What matplotlib calls marks and dashes, in Bokeh's words.
MARKS = {
    "o": "circle", "s": "square", "*": "star", "^": "triangle", "v": "inverted_triangle", "D": "diamond",
    "P": "cross", "X": "x", "x": "x", "|": "dash", ".": "circle", "+": "cross", "_": "dash",
}  # fmt: skip
DASHES = {"-": "solid", "--": "dashed", ":": "dotted", "-.": "dotdash"}
_SIZES = {"star": 1.7, "circle": 1.15, "dash": 1.0}  # as large as matplotlib's marks of the same size
_DOT = 0.55  # matplotlib's point, over its circle
_THEMES = {
    False: {"ink": "#1b1f24", "quiet": "#59636e", "grid": "#e8eaed", "paper": "#ffffff"},
    True: {"ink": "#eceff2", "quiet": "#9aa4af", "grid": "#2b3138", "paper": "#171b20"},
}


def ink(color: str, dark: bool) -> str:
    """The colour on this paper: colours stay as they are, greys and black are mirrored on dark."""
    if not dark or not color.startswith("#"):
        return color
    r, g, b = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    if max(r, g, b) - min(r, g, b) > 12:
        return color
    grey = round(20 + (255 - (r + g + b) / 3) * 0.88)
    return f"#{grey:02x}{grey:02x}{grey:02x}"


def marked(stroke: Stroke, dark: bool) -> dict[str, Any]:
    """The points of a line, as columns."""
    mark = MARKS.get(stroke.mark, "circle")
    n, color = len(stroke.x), ink(stroke.color, dark)
    size = stroke.size * _SIZES.get(mark, 1.0) * (_DOT if stroke.mark == "." else 1.0)
    return {
        "x": stroke.x, "y": stroke.y, "name": [stroke.name] * n, "mark": [mark] * n, "size": [size] * n,
        "color": [color] * n, "fill": [_THEMES[dark]["paper"] if stroke.hollow else color] * n,
    }  # fmt: skip


class Canvas:
    """One plot. `show` puts a panel on it; `paint` changes its colours."""

    def __init__(self, height: int, hover: bool = True) -> None:
        models, plotting = needs("bokeh.models", "explore"), needs("bokeh.plotting", "explore")
        self.plot = plotting.figure(
            height=height, sizing_mode="stretch_width", toolbar_location=None, tools="", min_width=0,
            x_range=models.Range1d(0, 1), y_range=models.Range1d(0, 1), background_fill_color=None,
            border_fill_color=None, outline_line_color=None, min_border_left=8, min_border_right=6,
            min_border_top=6,
        )  # fmt: skip
        self.sources = {
            kind: models.ColumnDataSource(empty) for kind, empty in _data(None, [], False).items()
        }
        self._marks(hover, models)
        self._limits: tuple[float, float, float, float] | None = None
        self._ticks: dict[Any, dict[float, str]] = {axis: {} for axis in (*self.plot.xaxis, *self.plot.yaxis)}

    def _marks(self, hover: bool, models: Any) -> None:
        s, plot = self.sources, self.plot
        plot.patches("xs", "ys", color="color", alpha="alpha", line_width=0, source=s["areas"])
        plot.multi_line("xs", "ys", color="color", alpha="alpha", line_dash="dash", line_width="width",
                        source=s["lines"])  # fmt: skip
        points = plot.scatter("x", "y", marker="mark", size="size", line_color="color", fill_color="fill",
                              source=s["points"])  # fmt: skip
        if hover:
            tip = models.HoverTool(
                renderers=[points], tooltips=[("", "@name"), ("x", "@x{0.[000]}"), ("y", "@y{0.[000]}")]
            )
            plot.add_tools(tip)

    def show(
        self, panel: Panel, dark: bool, behind: list[Stroke] | None = None, *, keep: bool = False
    ) -> None:
        """Put a panel here. behind: faint lines under it. keep: axes grow if they must, but do not shrink."""
        for kind, data in _data(panel, behind or [], dark).items():
            self.sources[kind].data = data
        self._frame((*panel.x_range, *panel.y_range), keep)
        plot = self.plot
        plot.xaxis.axis_label, plot.yaxis.axis_label = panel.x_label or None, panel.y_label or None
        for axis, names in ((plot.xaxis[0], panel.x_ticks), (plot.yaxis[0], panel.y_ticks)):
            if self._ticks[axis] != names:  # a new ticker is a new model: only where it has to be
                plain = {
                    at: f"{at:g}" for at in self._ticks[axis]
                }  # what is left out would keep its old name
                self._ticks[axis] = plain | names
                axis.ticker = sorted(names) if names else needs("bokeh.models", "explore").BasicTicker()
                axis.major_label_overrides = self._ticks[axis]

    def _frame(self, limits: tuple[float, float, float, float], keep: bool) -> None:
        old = self._limits if keep and self._limits else limits
        (x0, x1, y0, y1), (a0, a1, b0, b1) = limits, old
        x0, x1, y0, y1 = min(x0, a0), max(x1, a1), min(y0, b0), max(y1, b1)
        self._limits = x0, x1, y0, y1
        self.plot.x_range.update(start=x0, end=x1)
        self.plot.y_range.update(start=y0, end=y1)

    def paint(self, dark: bool) -> None:
        """The colours of the axes."""
        theme, plot = _THEMES[dark], self.plot
        plot.update(background_fill_color=theme["paper"], border_fill_color=theme["paper"])
        for axis in (*plot.xaxis, *plot.yaxis):
            axis.update(
                axis_label_text_color=theme["quiet"], major_label_text_color=theme["quiet"],
                axis_line_color=theme["quiet"], major_tick_line_color=theme["quiet"],
                minor_tick_line_color=None, axis_label_text_font_style="normal", major_tick_in=0,
                axis_label_text_font="system-ui, sans-serif", major_label_text_font="system-ui, sans-serif",
                axis_label_text_font_size="12px", major_label_text_font_size="11px", axis_line_width=1,
            )  # fmt: skip
        for grid in (*plot.xgrid, *plot.ygrid):
            grid.grid_line_color = theme["grid"]


def _data(panel: Panel | None, behind: list[Stroke], dark: bool) -> dict[str, dict[str, Any]]:
    """The data of each kind of marks."""
    strokes = [*behind, *panel.strokes] if panel else []
    areas = panel.areas if panel else []
    lines = [s for s in strokes if s.dash and len(s.x) > 1]
    points = [marked(s, dark) for s in strokes if s.mark]
    columns = ("x", "y", "name", "mark", "size", "color", "fill")
    return {
        "areas": {
            "xs": [a.x for a in areas], "ys": [a.y for a in areas],
            "color": [ink(a.color, dark) for a in areas], "alpha": [a.alpha for a in areas],
        },
        "lines": {
            "xs": [s.x for s in lines], "ys": [s.y for s in lines], "width": [s.width for s in lines],
            "color": [ink(s.color, dark) for s in lines], "alpha": [s.alpha for s in lines],
            "dash": [DASHES.get(s.dash, "dashed") for s in lines],
        },
        "points": {c: [v for p in points for v in p[c]] for c in columns},
    }  # fmt: skip


def faint(panel: Panel, name: str) -> list[Stroke]:
    """The lines of one arm as a shadow: where they were before a slider moved."""
    return [
        Stroke("", s.x, s.y, "#999999", s.dash, "", 1.2, s.size, 0.8)
        for s in panel.strokes
        if s.name == name and np.isfinite(s.y).any()
    ]
