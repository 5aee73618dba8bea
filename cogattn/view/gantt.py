"""The Gantt chart of attention: which task had it, which element was in which slot, from when to when.

Made of the spans of the event record (`mind.events.tracks`), as the Chrome trace is: both show the same rows. One
figure for a trial, a sitting of hundreds of trials, or a scenario; `start` and `stop` look closer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from cogattn._renamed import old_names
from cogattn.errors import InputError, number
from cogattn.mind import events
from cogattn.mind.events import Span
from cogattn.view import plot
from cogattn.view.drawn import Drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class SpanStyle(NamedTuple):
    """How a kind of span is drawn: colour, height and hatching all differ, so that grey print can tell."""

    color: str
    height: float
    hatch: str = ""


BARS = {
    "on display": SpanStyle("#DDDDDD", 0.66),
    "racing": SpanStyle("#0072B2", 0.36),
    "at the door": SpanStyle("#E69F00", 0.36, "////"),
    "call": SpanStyle("#56B4E9", 0.5),
    "attention": SpanStyle("#0072B2", 0.8, "...."),
    "away": SpanStyle("#E69F00", 0.8, "xxxx"),
    "pause": SpanStyle("#BBBBBB", 0.8, "----"),
    "looked at": SpanStyle("#56B4E9", 0.5, "||||"),
    "in line": SpanStyle("#E8C6D9", 0.6),
    "first in line": SpanStyle("#CC79A7", 0.4),
    "moving": SpanStyle("#8C6D31", 0.5, "\\\\\\\\"),
    "held": SpanStyle("#009E73", 0.66),
}
#: outcome: (mark, colour)
MARKS = {
    "stored": ("o", plot.PEOPLE),
    "store full": ("X", "#D55E00"),
    "answered": ("D", plot.PEOPLE),
    "withdrawn": ("X", "#D55E00"),
    "no response": ("|", "#D55E00"),
}
MARKED = ("on display", "racing", "call")  # the ends that are marked
NAMED = ("held", "in line", "looked at")
_LONGEST = 1e7  # s: four months; no record is as long
_CROWDED = 90  # bars of one row: more are drawn without edges, hatching and marks


def figure(record: pd.DataFrame, start: float | None = None, stop: float | None = None) -> Figure:
    """The chart of one person's record, whole or from `start` to `stop` [s]."""
    return drawn(record, start, stop).figure()


def drawn(record: pd.DataFrame, start: float | None = None, stop: float | None = None) -> Drawn:
    """The chart as data: where calls are answered, how fast each was; below, a row for each track."""
    keys = [c for c in ("arm", "condition", "person", "trial") if c in events.check(record)]
    if len(record.drop_duplicates(keys)) > 1:
        raise InputError("a chart shows one trial of one person; choose one of the record's")
    first, last = _window(record, start, stop)
    rows = {
        name: [s for s in own if s.stop >= first and s.start <= last]
        for name, own in events.tracks(record).items()
    }
    rows = {name: own for name, own in rows.items() if own}
    scale, unit = next(
        (f, u)
        for most, f, u in ((2, 1e3, "ms"), (300, 1, "s"), (np.inf, 1 / 60, "min"))
        if last - first <= most
    )
    calls = [s for own in rows.values() for s in own if s.what == "call"]

    def times(ax: Any) -> None:
        _times(ax, calls, scale)

    def tracks(ax: Any) -> None:
        for y, own in enumerate(reversed(rows.values())):
            _row(ax, y, own, scale, (first, last))
        ax.set_yticks(range(len(rows)), list(reversed(rows)))
        ax.set(xlabel=f"time [{unit}]", xlim=(first * scale, last * scale), ylim=(-0.6, len(rows) - 0.4))
        ax.grid(axis="y", visible=False)
        _legend(ax, rows)

    heights = [1.7, max(1, 0.32 * len(rows))] if calls else [1]
    return Drawn.of(
        told(record[record["time"].between(first, last)]),
        [times, tracks] if calls else [tracks],
        size=(9.0, 1.9 + 0.3 * len(rows) + (1.7 if calls else 0)),
        rows=len(heights),
        how={"height_ratios": heights, "sharex": True},
    )


def told(record: pd.DataFrame) -> str:
    """What happened, in a line, from the record itself."""
    kind = record["kind"].astype(str)
    first, last = record["time"].min(), record["time"].max()
    away = [s for s in events.spans(record) if s.what == "away"]
    times = "once" if len(away) == 1 else f"{len(away)} times"
    shown, stored, asked = (int((kind == k).sum()) for k in ("onset", "encode", "call"))
    answered, turns = int((kind == "respond").sum()), int((kind == "engage").sum())
    parts = [f"{stored} of {shown} got a slot"] if shown else []
    parts += [f"{answered} of {asked} calls were answered"] if asked else []
    parts += [f"{turns - 1} turns from task to task"] if turns else []
    gone = sum(s.stop - s.start for s in away)
    parts += [f"attention was away {times}, {gone:.0f} of {last - first:.0f} s"] if away else []
    return "; ".join(parts) or "nothing happened"


def _window(record: pd.DataFrame, start: float | None, stop: float | None) -> tuple[float, float]:
    first, last = min(0.0, float(record["time"].min())), float(record["time"].max())
    start = first if start is None else number("start", start, least=-_LONGEST, most=_LONGEST, unit="s")
    stop = last if stop is None else number("stop", stop, most=_LONGEST, unit="s")
    if not start < stop or start >= last or stop <= first:
        raise InputError(
            f"start and stop must cut a piece out of {first:g} to {last:g} s, got {start:g} to {stop:g}"
        )
    return start, min(stop, last)


def _row(ax: Axes, y: int, own: Sequence[Span], scale: float, window: tuple[float, float]) -> None:
    """The bars of one row, the marks at their ends, and who is held where there is room for the name."""
    crowded = len(own) > _CROWDED
    for what in dict.fromkeys(s.what for s in own):
        bar = BARS[what]
        pieces = [(s.start * scale, (s.stop - s.start) * scale) for s in own if s.what == what]
        ax.broken_barh(
            pieces,
            (y - bar.height / 2, bar.height),
            facecolor=bar.color,
            edgecolor=bar.color if crowded else "white",
            hatch="" if crowded else bar.hatch,
            linewidth=0.3,
            zorder=1 + list(BARS).index(what) / 100,
        )
    for outcome, (mark, color) in () if crowded else MARKS.items():
        ends = [s.stop * scale for s in own if s.outcome == outcome and s.what in MARKED]
        ax.plot(ends, [y] * len(ends), mark, color=color, markersize=4.5, linestyle="none", zorder=3)
    for span in own:
        left, right = max(span.start, window[0]), min(span.stop, window[1])
        room = (right - left) / (window[1] - window[0])
        if span.what in NAMED and room > 0.008 * len(span.element) + 0.006:
            color = "white" if span.what == "held" else plot.PEOPLE
            how: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 7, "color": color, "zorder": 4}
            ax.text((left + right) / 2 * scale, y, span.element, **how)


def _times(ax: Axes, calls: Sequence[Span], scale: float) -> None:
    """How fast each call was answered; at the foot, those that were not."""
    given = [s for s in calls if s.outcome == "answered"]
    silent = [s.start * scale for s in calls if s.outcome != "answered"]
    ax.plot([s.stop * scale for s in given], [1000 * (s.stop - s.start) for s in given], ".", color="#0072B2")
    ax.plot(silent, [0] * len(silent), "|", color="#D55E00", markersize=8)
    ax.set(ylabel="RT [ms]", ylim=(-20, None))


def _legend(ax: Axes, rows: dict[str, list[Span]]) -> None:
    """What each kind of bar and mark stands for: only of those that are there."""
    there = {s.what for own in rows.values() for s in own}
    ends = {s.outcome for own in rows.values() if len(own) <= _CROWDED for s in own}
    for what, bar in BARS.items():
        if what in there:
            ax.fill_between(
                [], [], color=bar.color, hatch=bar.hatch, edgecolor="white", linewidth=0, label=what
            )
    for outcome, (mark, color) in MARKS.items():
        if outcome in ends:
            ax.plot([], [], mark, color=color, markersize=4.5, linestyle="none", label=outcome)


old_names(__name__, Bar="SpanStyle")
