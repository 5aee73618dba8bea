"""The pens: one style for all figures, and the few marks that every figure is made of.

People are black points with 95 % intervals of the mean (thick) and the spread between people (thin); an arm is a
line of its own colour AND mark AND dash, with a band for the spread between its people (one sd each way).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cogattn.errors import RunError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Pen(NamedTuple):
    """How an arm is drawn: colour, dash and mark all differ, so that grey print and any eye can tell."""

    color: str
    dash: str
    mark: str


_PENS = {"human": Pen("#0072B2", "-", "o"), "softmax": Pen("#D55E00", "--", "s")}
_MORE = [
    Pen("#009E73", "-.", "^"),
    Pen("#CC79A7", ":", "v"),
    Pen("#E69F00", (0, (5, 1, 1, 1)), "D"),  # type: ignore[arg-type]
    Pen("#56B4E9", (0, (1, 2)), "P"),  # type: ignore[arg-type]
    Pen("#8C6D31", (0, (7, 2)), "X"),  # type: ignore[arg-type]
]
PEOPLE = "#111111"


def pens(arms: list[str]) -> dict[str, Pen]:
    """A pen for each arm; `human` and `softmax` always have the same one."""
    more = iter(_MORE * (1 + len(arms) // len(_MORE)))
    return {arm: _PENS.get(arm) or next(more) for arm in arms}


@contextmanager
def style() -> Iterator[Any]:
    """Draw inside this: `with style() as plt: ...`. It leaves the user's own settings as they were."""
    import matplotlib

    path = str(files("cogattn") / "cogattn.mplstyle")
    import matplotlib.pyplot as plt

    with matplotlib.rc_context(), plt.style.context(path):
        yield plt


def people(
    ax: Axes,
    x: npt.ArrayLike,
    mean: npt.ArrayLike,
    sd: npt.ArrayLike,
    n: npt.ArrayLike,
    label: str = "people",
) -> None:
    """Human means: thick bar = 95 % interval of the mean, thin bar = one sd between people each way."""
    x, mean, sd, n = (np.asarray(a, float) for a in (x, mean, sd, n))
    ax.errorbar(x, mean, yerr=sd, fmt="none", ecolor="#999999", elinewidth=0.9, capsize=2.5, zorder=3)
    half = 1.96 * sd / np.sqrt(n)
    ax.errorbar(
        x, mean, yerr=half, fmt="*", color=PEOPLE, markersize=8, elinewidth=2.2, label=label, zorder=5
    )


def arm(
    ax: Axes, x: npt.ArrayLike, by_person: npt.ArrayLike, pen: Pen, label: str, *, band: bool = True
) -> None:
    """One arm: the mean over its people, and a band of one sd between them. by_person is (people, len(x))."""
    y = np.asarray(by_person, float)
    x, mean = np.asarray(x, float), y.mean(0)
    ax.plot(x, mean, color=pen.color, linestyle=pen.dash, marker=pen.mark, label=label, zorder=4)
    if band and len(y) > 1:
        sd = y.std(0, ddof=1)
        ax.fill_between(x, mean - sd, mean + sd, color=pen.color, alpha=0.14, linewidth=0, zorder=1)


def misfit(ax: Axes, x: npt.ArrayLike, rows: dict[str, npt.ArrayLike], known: dict[str, Pen]) -> None:
    """A strip below the figure: (model - people) in standard errors of the human mean, cut at +-9."""
    ax.axhspan(-2, 2, color="#EEEEEE", zorder=0)
    ax.axhline(0, color=PEOPLE, linewidth=0.8)
    for name, z in rows.items():
        pen = known[name]
        ax.plot(np.asarray(x, float), np.clip(np.asarray(z, float), -9, 9), pen.mark, color=pen.color)
    ax.set_ylim(-10, 10)
    ax.set_yticks([-9, -2, 2, 9], ["<-9", "-2", "2", ">9"])
    ax.set_ylabel("misfit\n[SE]")


def by_factors(axis: Any) -> None:
    """A logarithmic axis with plain numbers: 20, 50, 100."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    (axis.axes.set_xscale if axis.axis_name == "x" else axis.axes.set_yscale)("log")
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def timeline(events: pd.DataFrame) -> Figure:
    """One trial, event by event: who was on display (light), who raced (dark), who got a slot (the mark) and when."""
    names = [str(e) for e in dict.fromkeys(events["element"].astype(str)) if e]
    stop = 1000 * float(events["time"].max())
    with style() as plt:
        figure, ax = plt.subplots(figsize=(7.0, 1.6 + 0.3 * len(names)))
        for y, name in enumerate(reversed(names)):
            own = events[events["element"].astype(str) == name]
            when = {str(k): 1000 * float(t) for k, t in zip(own["kind"], own["time"], strict=True)}
            gone = min(when.get("mask", stop), when.get("fade", stop))
            ax.barh(y, gone - when["onset"], left=when["onset"], height=0.62, color="#DDDDDD", zorder=1)
            if "open" in when:
                done = min(when.get("encode", stop), when.get("full", stop), gone)
                ax.barh(y, done - when["open"], left=when["open"], height=0.34, color="#0072B2", zorder=2)
            if "encode" in when:
                slot = int(own.loc[own["kind"].astype(str) == "encode", "slot"].iloc[0])
                ax.plot(when["encode"], y, "o", color="#111111", zorder=3)
                ax.annotate(
                    f" slot {slot + 1}",
                    (when["encode"], y),
                    va="center",
                    xytext=(5, 0),
                    textcoords="offset points",
                )
            elif "full" in when:
                ax.plot(when["full"], y, "x", color="#D55E00", markersize=7, mew=2, zorder=3)
        ax.set_yticks(range(len(names)), list(reversed(names)))
        ax.set(xlabel="time [ms]", xlim=(0, stop))
        taken = int((events["kind"].astype(str) == "encode").sum())
        ax.set_title(f"{taken} of {len(names)} got a slot (dot); x = finished, but the store was full")
        return figure


def sitting(events: pd.DataFrame) -> Figure:
    """One session: when attention was away (orange), when the mind rested (grey), and how fast each call was
    answered."""
    kind, time = events["kind"].astype(str).to_numpy(), events["time"].to_numpy(float) / 60
    if not (kind == "call").any() and ((kind == "engage") | (kind == "respond")).any():
        return shares(events)
    stop = float(time.max())
    with style() as plt:
        figure, ax = plt.subplots(figsize=(8.0, 3.2))
        for start, end in _spells(kind, time, "lapse", "return", stop):
            ax.axvspan(start, end, color="#E69F00", alpha=0.45, linewidth=0)
        loads = time[kind == "load"]
        for start, end in zip(loads[::2], [*loads[1::2], stop][: len(loads[::2])], strict=True):
            ax.axvspan(start, end, color="#BBBBBB", alpha=0.6, linewidth=0)
        calls = np.flatnonzero(kind == "call")
        answers = np.flatnonzero(kind == "respond")
        last = np.searchsorted(calls, answers) - 1
        if len(answers):
            ms = 60_000 * (time[answers] - time[calls[last]])
            ax.plot(time[answers], ms, ".", color="#0072B2", markersize=4, label="response time")
        silent = np.setdiff1d(np.arange(len(calls)), last)
        ax.plot(time[calls[silent]], np.zeros(len(silent)), "|", color=PEOPLE, label="no response")
        away = sum(b - a for a, b in _spells(kind, time, "lapse", "return", stop))
        ax.set(xlabel="time [min]", ylabel="response time [ms]", xlim=(0, stop))
        ax.set_ylim(bottom=-20)
        ax.set_title(
            f"Attention left {int((kind == 'lapse').sum())} times (orange), "
            f"for {away:.1f} of {stop:.1f} min; grey = rest"
        )
        if len(calls):
            ax.legend(loc="upper left")
        return figure


def shares(events: pd.DataFrame) -> Figure:
    """One session of several tasks: which one had attention (bars), when each signal came (line) and was answered
    (dot), or was withdrawn unanswered (x)."""
    from cogattn.mind.events import attended

    kind, time = events["kind"].astype(str).to_numpy(), events["time"].to_numpy(float)
    names = sorted({str(t) for t in events["task"]} - {""}, key=list(events["task"].cat.categories).index)
    element = events["element"].astype(str).to_numpy()
    row = {name: len(names) - i for i, name in enumerate(names)}
    place = [row.get(str(task), 0) for task in events["task"]]
    with style() as plt:
        figure, ax = plt.subplots(figsize=(9.0, 1.8 + 0.45 * len(names)))
        spells = attended(events, names)
        for name, a, b in spells:
            ax.broken_barh([(a, b - a)], (row[name] - 0.4, 0.8), color="#0072B2", alpha=0.4, linewidth=0)
        since: dict[str, float] = {}
        ends: dict[str, tuple[str, str]] = {"respond": ("o", PEOPLE), "expire": ("x", "#D55E00")}
        for i in np.flatnonzero(np.isin(kind, ("onset", "mask", *ends))):
            if kind[i] == "onset":
                since[element[i]] = time[i]
            elif element[i] in since and kind[i] in ends:
                mark, color = ends[kind[i]]
                ax.hlines(place[i], since.pop(element[i]), time[i], color=color, linewidth=0.8)
                ax.plot(time[i], place[i], mark, color=color, markersize=4)
        ax.set_yticks(list(row.values()), list(row))
        ax.set(xlabel="time [s]", xlim=(0, float(time.max())), ylim=(0.4, len(names) + 0.6))
        turns = int((kind == "engage").sum())
        ax.set_title(
            f"Where attention was (bars; {max(0, turns - 1)} turns); dot = answered, x = withdrawn unanswered"
        )
        return figure


def _spells(kind: Any, time: Any, begin: str, finish: str, stop: float) -> list[tuple[float, float]]:
    """(from, to) of every spell that `begin` opens and `finish` closes."""
    starts, ends = time[kind == begin], time[kind == finish]
    return [(float(a), float(ends[ends > a].min(initial=stop))) for a in starts]


def save(figure: Figure, folder: str | Path, name: str) -> list[Path]:
    """Write PNG (300 dpi) and SVG; return their paths."""
    folder = Path(folder)
    paths = [folder / f"{name}.{kind}" for kind in ("png", "svg")]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with style():  # the settings of saving (dpi, fonts as text, a fixed hash) are read when it is saved
            for path in paths:
                figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    except OSError as error:
        raise RunError(
            f"cannot write the figure to {folder}: {error.strerror}; free the place, run again"
        ) from None
    return paths


def close(figure: Figure) -> None:
    """Give a figure's memory back."""
    import matplotlib.pyplot as plt

    plt.close(figure)
