"""What a paradigm's figure shows, as plain data: the page draws from it what the printed figure draws.

There is one home of every curve: the paradigm's own `figure`. It is made as it always is, and then not drawn but read:
each mark that it put on its axes becomes lines, points, areas and texts in the units of the axes. So a new paradigm is
on the page with nothing more said, and the page cannot show another number than the figure.

>>> import cogattn as ca
>>> shown = read(ca.run("partial_report", people=2, trials=3).plot())
>>> [(p.x_label, sorted(p.named)) for p in shown.panels]
[('distractors [items]', ['human', 'people', 'softmax'])]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cogattn.view import plot

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = npt.NDArray[np.float64]
_STRIP = 0.4  # an axes that is lower than this share of the highest one is a strip: it repeats what the others show
_FAR = 50.0  # what spans the whole axes (a rule at chance level) spans so many of its widths: the page may show more


@dataclass(frozen=True)
class Stroke:
    """A line: its points in the units of the axes, and how it is drawn. name: what it shows ("" = it has no name)."""

    name: str
    x: Array
    y: Array
    color: str
    dash: str = "-"
    mark: str = ""
    width: float = 1.5
    size: float = 6.0
    alpha: float = 1.0
    hollow: bool = False


@dataclass(frozen=True)
class Area:
    """A filled shape: the corners, one after the other."""

    x: Array
    y: Array
    color: str
    alpha: float = 1.0


@dataclass(frozen=True)
class Label:
    """A word beside a point."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Panel:
    """One axes of a figure."""

    x_label: str
    y_label: str
    title: str
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    x_ticks: dict[float, str]
    y_ticks: dict[float, str]
    strokes: list[Stroke] = field(default_factory=list)
    areas: list[Area] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)

    @property
    def named(self) -> dict[str, Stroke]:
        """What has a name, by it: the arms, people, a law. Of two lines of one name (target there or not) the first."""
        found: dict[str, Stroke] = {}
        for stroke in self.strokes:
            if stroke.name:
                found.setdefault(stroke.name, stroke)
        return found

    def table(self) -> pd.DataFrame:
        """The numbers behind the named points: a row per x, a column per name (the mean, where a name has more there).

        A point of people that lies nearer to a point of an arm than arms' points lie to each other is in its row.
        """
        named = [s for s in self.strokes if s.name and s.mark and len(s.x)]
        if not named:
            return pd.DataFrame()
        grid = max(named, key=lambda s: (s.name != "people", len(s.x))).x
        apart = np.diff(np.unique(grid)).min(initial=np.inf) / 2
        rows = pd.concat(
            [pd.DataFrame({"x": _nearest(s.x, grid, apart), "name": s.name, "y": s.y}) for s in named]
        )
        order = list(dict.fromkeys(rows["name"]))
        return rows.pivot_table(index="x", columns="name", values="y", aggfunc="mean").reindex(columns=order)


@dataclass(frozen=True)
class Picture:
    """A whole figure: what was found, in a line, and its panels."""

    title: str
    panels: list[Panel]

    @property
    def names(self) -> list[str]:
        """Everything that has a name in it, each once, as a legend has it."""
        return list(dict.fromkeys(name for panel in self.panels for name in panel.named))


def read(figure: Figure) -> Picture:
    """The figure as data. It is closed then."""
    axes = [ax for ax in figure.axes if ax.axison]
    heights = [_share(ax) for ax in axes]
    main = [ax for ax, h in zip(axes, heights, strict=True) if h > _STRIP * max(heights)]
    words = figure.get_suptitle()
    own = [ax.get_title("left") or ax.get_title() for ax in main]
    if not words and len(main) == 1:  # the title of the only axes is that of the figure
        words, own = own[0], [""]
    panels = [_panel(ax, axes, title) for ax, title in zip(main, own, strict=True)]
    plot.close(figure)
    return Picture(" ".join(words.split()), panels)


def _nearest(x: Array, grid: Array, apart: float) -> Array:
    """Each x, or the place of the grid that it belongs to."""
    near = grid[np.abs(x[:, None] - grid[None]).argmin(1)]
    return np.where(np.abs(near - x) < apart, near, x).round(6)


def _share(ax: Axes) -> float:
    """How much of the height of its grid an axes has."""
    spec = ax.get_subplotspec()
    if spec is None:
        return 1.0
    heights = np.asarray(spec.get_gridspec().get_height_ratios(), float)
    return float(heights[spec.rowspan.start : spec.rowspan.stop].sum() / heights.sum())


def _panel(ax: Axes, siblings: list[Axes], title: str) -> Panel:
    """One axes. One that shares its x axis with another may leave the label to that one."""
    x_range, y_range = _sorted(ax.get_xlim()), _sorted(ax.get_ylim())
    below = (other.get_xlabel() for other in siblings if ax.get_shared_x_axes().joined(ax, other))
    strokes = [*_lines(ax), *_segments(ax)]
    return Panel(
        ax.get_xlabel() or next((label for label in below if label), ""),
        " ".join(ax.get_ylabel().split()),
        " ".join(title.split()),
        x_range,
        y_range,
        _ticks(ax.xaxis),
        _ticks(ax.yaxis),
        strokes,
        list(_areas(ax)),
        list(_words(ax)),
    )


def _sorted(limits: tuple[float, float]) -> tuple[float, float]:
    return float(min(limits)), float(max(limits))


def _lines(ax: Any) -> Iterator[Stroke]:
    """Every line with its points; the caps of intervals are left out, their bars come with `_segments`."""
    from matplotlib.colors import to_hex

    names = {c.lines[0]: c.get_label() for c in ax.containers if getattr(c, "has_yerr", False)}
    for line in ax.lines:
        mark = {"None": "", "none": "", " ": ""}.get(str(line.get_marker()), str(line.get_marker()))
        if mark == "_" or not line.get_visible():
            continue
        x, y = _placed(ax, line, np.atleast_1d(line.get_xdata()), np.atleast_1d(line.get_ydata()))
        dash = str(line.get_linestyle())
        yield Stroke(
            _name(names.get(line, line.get_label())),
            x,
            y,
            to_hex(line.get_color()),
            "" if dash in ("None", " ", "") else dash,
            mark,
            float(line.get_linewidth()),
            float(line.get_markersize()),
            float(line.get_alpha() or 1.0),
            to_hex(line.get_markerfacecolor()) != to_hex(line.get_color()),
        )
    for step in (p for p in ax.patches if hasattr(p, "get_data")):  # stairs
        values, edges, _ = step.get_data()
        x, y = np.repeat(edges, 2)[1:-1], np.repeat(values, 2)
        yield Stroke(_name(step.get_label()), x, y, to_hex(step.get_edgecolor()))


def _segments(ax: Any) -> Iterator[Stroke]:
    """The bars of intervals, and other loose lines."""
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_hex

    bars: Any
    for bars in (c for c in ax.collections if isinstance(c, LineCollection)):
        for points in (p for p in bars.get_segments() if len(p)):
            width = float(np.atleast_1d(bars.get_linewidth())[0])
            yield Stroke("", points[:, 0], points[:, 1], to_hex(bars.get_color()[0]), width=width)


def _areas(ax: Any) -> Iterator[Area]:
    """Bands, bars and spells."""
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import to_hex
    from matplotlib.patches import Rectangle

    shapes: Any
    patch: Any
    for shapes in (c for c in ax.collections if isinstance(c, PolyCollection)):
        for path in shapes.get_paths():
            color = shapes.get_facecolor()[0]
            yield Area(path.vertices[:, 0], path.vertices[:, 1], to_hex(color), float(color[3]))
    for patch in (p for p in ax.patches if isinstance(p, Rectangle)):
        x0, y0 = patch.get_xy()
        x1, y1 = x0 + patch.get_width(), y0 + patch.get_height()
        x, y = _placed(ax, patch, np.array([x0, x1, x1, x0]), np.array([y0, y0, y1, y1]))
        yield Area(x, y, to_hex(patch.get_facecolor()), float(patch.get_facecolor()[3]))


def _words(ax: Any) -> Iterator[Label]:
    """Remarks beside points."""
    for remark in (t for t in ax.texts if hasattr(t, "xy")):
        x, y = remark.xy
        yield Label(float(x), float(y), remark.get_text().strip())


def _placed(ax: Axes, artist: Artist, x: Any, y: Any) -> tuple[Array, Array]:
    """In the units of the data: a rule or a spell that runs across the axes is given as shares of it."""
    in_data = artist.get_transform().contains_branch_seperately(ax.transData)
    limits = ax.get_xlim(), ax.get_ylim()
    out = []
    for values, is_data, (low, high) in zip((x, y), in_data, limits, strict=True):
        v = np.asarray(values, float)
        out.append(v if is_data else low + (0.5 + (v - 0.5) * _FAR) * (high - low))
    return out[0], out[1]


def _ticks(axis: Any) -> dict[float, str]:
    """The places that the figure marks itself, and what it calls them."""
    from matplotlib.ticker import FixedLocator

    if not isinstance(axis.get_major_locator(), FixedLocator):
        return {}
    places = [float(at) for at in axis.get_majorticklocs()]
    words = axis.get_major_formatter().format_ticks(places)
    return {at: str(word) for at, word in zip(places, words, strict=True)}


def _name(label: Any) -> str:
    """The label, if somebody gave it one."""
    return "" if str(label).startswith("_") else str(label)
