"""A sheet's calls as lines, points and areas: what an Axes of matplotlib would show, worked out without matplotlib.

A `Paper` takes the calls that a `Sheet` has kept and keeps what they draw, in the units of the data. Limits grow as
those of an Axes do: 5 % around what is drawn, until a call fixes them.

>>> paper = Paper()
>>> paper.plot([1, 3], [300.0, 320.0], "s--", label="law")
>>> paper.set(xlabel="set size [items]", ylim=(0, None))
>>> [(s.name, s.mark, s.dash) for s in paper.strokes], paper.x.limits, paper.y.limits
([('law', 's', '--')], (0.9, 3.1), (0.0, 321.0))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cogattn.errors import InputError
from cogattn.view.sheet import Sheet

Array = npt.NDArray[np.float64]
Limits = tuple[float, float]
_FAR = 50.0  # what spans the whole axes (a rule at chance level) spans so many of its widths: the page may show more
_CYCLE = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b")  # lines that name no colour
_COLORS = {
    "k": "#000000",
    "black": "#000000",
    "w": "#ffffff",
    "white": "#ffffff",
    "gray": "#808080",
    "grey": "#808080",
}
_SHORT = {"c": "color", "ls": "linestyle", "lw": "linewidth", "ms": "markersize", "mfc": "markerfacecolor"}
_DASHES = {"none": "", "None": "", " ": "", "solid": "-", "dashed": "--", "dotted": ":", "dashdot": "-."}
_MARKS = {"none": "", "None": "", None: ""}
_DRAWN = "plot, errorbar, fill_between, bar, stairs, broken_barh, axhline, axvline, axhspan, axvspan"
_PRINT = ("grid", "legend", "tick_params", "text")  # how it looks in print, where the size is known
_ACROSS = np.array([-np.inf, np.inf])  # the ends of what runs across


@dataclass(frozen=True)
class Stroke:
    """A line: its points in the units of the axes, and how it is drawn. name: what it shows ("" = it has no name)."""

    name: str
    x: Array
    y: Array
    color: str
    dash: str = "-"
    mark: str = ""
    width: float = 1.8
    size: float = 5.0
    alpha: float = 1.0
    hollow: bool = False


@dataclass(frozen=True)
class Area:
    """A filled shape: the corners, one after the other."""

    x: Array
    y: Array
    color: str
    alpha: float = 1.0


@dataclass
class Side:
    """One axis, of one panel or shared by several: its limits as they are now, and its ticks."""

    limits: Limits = (0.0, 1.0)
    ticks: dict[float, str] = field(default_factory=dict)
    data: Limits = (np.inf, -np.inf)  #: from where to where something is drawn
    free: bool = True  #: the limits follow what is drawn
    margin: float = 0.05
    floor: float | None = None  #: something stands on it (a bar): there is no margin below

    def reach(self, values: Any) -> None:
        """Something is drawn there."""
        v = np.asarray(values, float)
        v = v[np.isfinite(v)]
        if len(v):
            self.data = min(self.data[0], float(v.min())), max(self.data[1], float(v.max()))
        self.follow()

    def follow(self) -> None:
        """The limits that what is drawn asks for."""
        low, high = self.data
        if self.free and low <= high:
            if low == high:
                low, high = low - 0.05 * (abs(low) or 1.0), high + 0.05 * (abs(high) or 1.0)
            more = self.margin * (high - low)
            self.limits = low - more * (self.floor != low), high + more

    def fix(self, low: Any, high: Any) -> None:
        """These limits from now on; None: as it is now."""
        ends = [
            self.limits[0] if low is None else float(low),
            self.limits[1] if high is None else float(high),
        ]
        self.limits, self.free = (min(ends), max(ends)), False

    def mark(self, places: Any, words: Sequence[Any] | None = None) -> None:
        """Ticks: they are seen, so that the limits reach to them."""
        at = [float(place) for place in places]
        names = [f"{place:g}" for place in at] if words is None else list(map(str, words))
        self.ticks = dict(zip(at, names, strict=True))
        self.limits = min([self.limits[0], *at]), max([self.limits[1], *at])

    def placed(self, values: Array) -> Array:
        """In the units of the data: an infinite end lies far beyond the limits."""
        (low, high), middle = self.limits, sum(self.limits) / 2
        far = _FAR * (high - low) / 2
        return np.where(np.isinf(values), middle + np.sign(values) * far, values)


class Paper:
    """What one panel shows. What runs across it has infinite ends until `settled` puts them beyond the limits."""

    def __init__(self, x: Side | None = None, y: Side | None = None) -> None:
        self.x, self.y = x or Side(), y or Side()
        self.title = self.x_label = self.y_label = ""
        self.strokes: list[Stroke] = []
        self.areas: list[Area] = []
        self._nameless = 0  # lines that named no colour

    def __getattr__(self, name: str) -> Callable[..., None]:
        """How a printed page looks is left to print; what would be missing from the curves is refused."""
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in _PRINT and not name.startswith("set_"):
            raise InputError(f"the page cannot draw ax.{name}(...); it draws {_DRAWN}")
        return lambda *_, **__: None

    def settled(self) -> Paper:
        """All of it within finite ends."""
        x, y = self.x.placed, self.y.placed
        self.strokes = [replace(s, x=x(s.x), y=y(s.y)) for s in self.strokes]
        self.areas = [replace(a, x=x(a.x), y=y(a.y)) for a in self.areas]
        return self

    def take(self, sheet: Sheet) -> None:
        """All calls of a sheet."""
        for name, args, how in sheet.calls:
            draw = getattr(self, name)
            try:
                draw(*args, **how)
            except (TypeError, ValueError) as error:
                raise InputError(f"the page cannot draw ax.{name}(...): {error}") from None

    # -- lines -----------------------------------------------------------------------------------------------

    def plot(self, *args: Any, **how: Any) -> None:
        """A line, points, or both."""
        numbers = [a for a in args if not isinstance(a, str)]
        y = _numbers(numbers[min(len(numbers) - 1, 1)])
        x = _numbers(numbers[0]) if len(numbers) > 1 else np.arange(float(len(y)))
        self._line(x, y, _told("".join(a for a in args if isinstance(a, str))) | _long(how))
        known = np.isfinite(x) & np.isfinite(y)
        self._reach(x[known], y[known])

    def _line(self, x: Array, y: Array, how: Mapping[str, Any]) -> None:
        color = how.get("color")
        if color is None:
            color = _CYCLE[self._nameless % len(_CYCLE)]
            self._nameless += 1
        dash = how.get("linestyle", "-")
        self.strokes.append(
            Stroke(
                _name(how),
                x,
                y,
                hexed(color),
                _DASHES.get(dash, dash) if isinstance(dash, str) else "--",
                _MARKS.get(how.get("marker"), how.get("marker", "")),
                float(how.get("linewidth", Stroke.width)),
                float(how.get("markersize", Stroke.size)),
                float(how.get("alpha") or 1.0),
                hexed(how.get("markerfacecolor", color)) != hexed(color),
            )
        )

    def errorbar(self, x: Any, y: Any, yerr: Any = None, xerr: Any = None, fmt: str = "", **how: Any) -> None:
        """Points with their intervals: a line from end to end each."""
        x, y, how = _numbers(x), _numbers(y), _long(how)
        if fmt != "none":
            self.plot(x, y, fmt, **how)
        color = how.get("ecolor") or (
            self.strokes[-1].color if fmt != "none" else how.get("color", _CYCLE[0])
        )
        width = float(how.get("elinewidth", Stroke.width))
        for half, across in ((xerr, x), (yerr, y)):
            if half is not None:
                below, above = np.broadcast_to(np.asarray(half, float), (2, len(x)))
                ends = np.stack([across - below, across + above], 1)
                still = np.stack([y if across is x else x] * 2, 1)
                known = np.isfinite(ends).all(1) & np.isfinite(still).all(1)
                for a, b in zip(ends[known], still[known], strict=True):
                    own = (a, b) if across is x else (b, a)
                    self.strokes.append(Stroke("", *own, hexed(color), width=width))
                    self._reach(*own)

    def stairs(self, values: Any, edges: Any, **how: Any) -> None:
        """The outline of a histogram."""
        x, y = np.repeat(_numbers(edges), 2)[1:-1], np.repeat(_numbers(values), 2)
        self._line(x, y, _long(how))
        self.y.floor = 0.0
        self._reach(x, [*y, 0.0])

    def axhline(self, y: float = 0.0, **how: Any) -> None:
        """A rule from side to side."""
        self._line(_ACROSS, np.array([y, y], float), _long(how))
        self.y.reach([y])

    def axvline(self, x: float = 0.0, **how: Any) -> None:
        """A rule from the foot to the head."""
        self._line(np.array([x, x], float), _ACROSS, _long(how))
        self.x.reach([x])

    # -- areas -----------------------------------------------------------------------------------------------

    def fill_between(self, x: Any, low: Any, high: Any = 0.0, **how: Any) -> None:
        """A band; one for each piece without a gap."""
        x = _numbers(x)
        low, high = (np.broadcast_to(_numbers(v), x.shape) for v in (low, high))
        known = np.isfinite(x) & np.isfinite(low) & np.isfinite(high)
        for piece in np.split(np.arange(len(x)), np.flatnonzero(~known)):
            own = piece[known[piece]]
            if len(own):
                self._area([*x[own], *x[own][::-1]], [*low[own], *high[own][::-1]], how)

    def bar(self, x: Any, height: Any, width: float = 0.8, bottom: float = 0.0, **how: Any) -> None:
        """Bars that stand."""
        self.y.floor = float(bottom)
        for at, tall in zip(_numbers(x), np.atleast_1d(height), strict=True):
            self._box(at - width / 2, at + width / 2, bottom, bottom + tall, how)

    def broken_barh(self, spans: Any, height: tuple[float, float], **how: Any) -> None:
        """Bars that lie in one row."""
        for start, length in spans:
            self._box(start, start + length, height[0], sum(height), how)

    def axhspan(self, low: float, high: float, **how: Any) -> None:
        """A band from side to side."""
        self._box(-np.inf, np.inf, low, high, how)

    def axvspan(self, low: float, high: float, **how: Any) -> None:
        """A band from the foot to the head."""
        self._box(low, high, -np.inf, np.inf, how)

    def _box(self, x0: float, x1: float, y0: float, y1: float, how: Mapping[str, Any]) -> None:
        self._area([x0, x1, x1, x0], [y0, y0, y1, y1], how)

    def _area(self, x: Any, y: Any, how: Mapping[str, Any]) -> None:
        color = how.get("facecolor", how.get("color", _CYCLE[0]))
        self.areas.append(
            Area(np.array(x, float), np.array(y, float), hexed(color), float(how.get("alpha") or 1.0))
        )
        self._reach(x, y)

    # -- axes ------------------------------------------------------------------------------------------------

    def _reach(self, x: Any, y: Any) -> None:
        self.x.reach(x)
        self.y.reach(y)

    def set(self, **what: Any) -> None:
        """Labels, limits and ticks."""
        for name, value in what.items():
            getattr(self, f"set_{name}")(value)

    def set_title(self, words: str, **_: Any) -> None:
        """The title of the panel."""
        self.title = words

    def set_xlabel(self, words: str, **_: Any) -> None:
        """What is across."""
        self.x_label = words

    def set_ylabel(self, words: str, **_: Any) -> None:
        """What is upwards."""
        self.y_label = words

    def set_xlim(self, left: Any = None, right: Any = None) -> None:
        """From where to where; None: as it is now."""
        self.x.fix(*(left if np.iterable(left) else (left, right)))

    def set_ylim(self, bottom: Any = None, top: Any = None) -> None:
        """From where to where; None: as it is now."""
        self.y.fix(*(bottom if np.iterable(bottom) else (bottom, top)))

    def set_xticks(self, places: Any, words: Any = None, **_: Any) -> None:
        """The places that are marked, and what they are called."""
        self.x.mark(places, words)

    def set_yticks(self, places: Any, words: Any = None, **_: Any) -> None:
        """The places that are marked, and what they are called."""
        self.y.mark(places, words)

    def set_autoscaley_on(self, on: bool) -> None:
        """The next call may move the limits again."""
        self.y.free = on

    def margins(self, x: float | None = None, y: float | None = None) -> None:
        """How much is left free at the ends, as a share."""
        for side, share in ((self.x, x), (self.y, y)):
            if share is not None:
                side.margin = share
                side.follow()


def hexed(color: Any) -> str:
    """A colour as #rrggbb; a name that is not known here is left to the browser.

    >>> [hexed(c) for c in ("#0072B2", "C1", "0.5", (1.0, 0.0, 0.0), "teal")]
    ['#0072b2', '#ff7f0e', '#808080', '#ff0000', 'teal']
    """
    if not isinstance(color, str):
        return "#" + "".join(f"{round(255 * float(part)):02x}" for part in tuple(color)[:3])
    if color[:1] == "C" and color[1:].isdigit():
        return _CYCLE[int(color[1:]) % len(_CYCLE)]
    if color.replace(".", "", 1).isdigit():
        return hexed((float(color),) * 3)
    return _COLORS.get(color, color).lower()


def _numbers(values: Any) -> Array:
    """Values as numbers; what is not finite is nowhere."""
    v = np.atleast_1d(np.asarray(values, float))
    return np.where(np.isfinite(v), v, np.nan)


def _long(how: Mapping[str, Any]) -> dict[str, Any]:
    return {_SHORT.get(name, name): value for name, value in how.items()}


def _told(words: str) -> dict[str, Any]:
    """What a word such as "s--" or "ko" says."""
    how: dict[str, Any] = {}
    for dash in ("--", "-.", ":", "-"):
        if dash in words and "linestyle" not in how:
            how["linestyle"], words = dash, words.replace(dash, "", 1)
    if words[:1] in _COLORS and words[:1]:
        how["color"], words = words[0], words[1:]
    if words:
        how = {"linestyle": "none", "marker": words} | how
    return how


def _name(how: Mapping[str, Any]) -> str:
    """The label, if somebody gave it one."""
    label = str(how.get("label") or "")
    return "" if label.startswith("_") else label
