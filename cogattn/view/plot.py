"""The pens: one style for all figures, and the few marks that every figure is made of.

People are black stars with the 95 % interval of the mean (thick) and the spread between people (thin); an arm is a
line of its own colour AND mark AND dash through its means, with their 95 % intervals, and for the first arm a band for
the spread between its people (one sd each way). `finish` says so below every figure.

>>> known = pens(["human", "softmax", "slots"])
>>> len({(pen.color, str(pen.dash), pen.mark) for pen in known.values()})
3
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from textwrap import fill, wrap
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from cogattn.errors import RunError
from cogattn.files import place
from cogattn.view.sheet import noted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Pen(NamedTuple):
    """How an arm is drawn: colour, dash and mark all differ, so that grey print and any eye can tell. The earlier arms
    are drawn larger: where lines lie on each other, both are seen."""

    color: str
    dash: str
    mark: str
    size: float = 5.0

    @property
    def line(self) -> dict[str, Any]:
        """Its colour, dash and mark, as `Axes.plot` takes them."""
        return {"color": self.color, "linestyle": self.dash, "marker": self.mark}


_PENS = {"human": Pen("#0072B2", "-", "o"), "softmax": Pen("#D55E00", "--", "s")}
_MORE = [
    Pen("#009E73", "-.", "^"),
    Pen("#CC79A7", ":", "v"),
    Pen("#E69F00", (0, (5, 1, 1, 1)), "D"),  # type: ignore[arg-type]
    Pen("#56B4E9", (0, (1, 2)), "P"),  # type: ignore[arg-type]
    Pen("#8C6D31", (0, (7, 2)), "X"),  # type: ignore[arg-type]
]
PEOPLE, LAW, QUIET = "#111111", "#777777", "#999999"
#: The names of the marks of spread (a legend leaves out what begins with _), and what they mean.
_BARS, _BAND, _STARS = "_bars", "_band", "_stars"
MEANING = {
    _BARS: "bars: 95 % interval of the mean",
    _BAND: "band: one sd between people (first arm)",
    _STARS: "stars: people (thick: 95 % interval of their mean, thin: one sd)",
}


def pens(arms: Sequence[str]) -> dict[str, Pen]:
    """A pen for each arm; `human` and `softmax` always have the same one. After seven arms the same colours and
    dashes come with other marks."""
    own = [arm for arm in dict.fromkeys(arms) if arm not in _PENS]
    n = len(_MORE)
    more = {arm: _MORE[i % n]._replace(mark=_MORE[(i + i // n) % n].mark) for i, arm in enumerate(own)}
    sizes = np.linspace(6.5, 4.0, len(own) + len(_PENS))
    names = list(dict.fromkeys(arms))
    return {
        arm: (_PENS | more)[arm]._replace(size=float(size)) for arm, size in zip(names, sizes, strict=False)
    }


@contextmanager
def style() -> Iterator[Any]:
    """Draw inside this: `with style() as plt: ...`. It leaves the user's own settings as they were."""
    import matplotlib

    path = str(files("cogattn") / "cogattn.mplstyle")
    import matplotlib.pyplot as plt

    with matplotlib.rc_context(), plt.style.context(path):
        matplotlib.rcParams["font.family"] = ["DejaVu Sans", *_chinese()]
        yield plt


#: Fonts with Chinese letters, the usual ones of Linux, Windows and macOS. Older versions of matplotlib see the first
#: name of a collection only: of Noto's that is the Japanese one, which has the same letters.
CHINESE = (
    *("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "Noto Sans CJK JP"),
    *(
        "WenQuanYi Micro Hei",
        "WenQuanYi Zen Hei",
        "Droid Sans Fallback",
        "Noto Serif CJK SC",
        "Noto Serif CJK JP",
    ),
    *(
        "Microsoft YaHei",
        "SimHei",
        "SimSun",
        "PingFang SC",
        "Hiragino Sans GB",
        "Heiti TC",
        "STHeiti",
        "Arial Unicode MS",
    ),
)


@cache
def _chinese() -> list[str]:
    """The first of them that is installed: it draws what the usual font has no letter for."""
    from matplotlib import font_manager

    there = {font.name for font in font_manager.fontManager.ttflist}
    found = [name for name in CHINESE if name in there][:1]
    if found:  # many have no bold letters: the plain ones do, and nobody need be told in every run
        logging.getLogger("matplotlib.font_manager").addFilter(
            lambda record: "find font weight" not in record.getMessage()
        )
    return found


def interval(sd: npt.ArrayLike, n: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Half of the 95 % interval of a mean of n: t(n - 1) sd / sqrt(n); NaN where there are fewer than two.

    >>> interval(1.0, [1, 4, 100]).round(3).tolist()
    [nan, 1.591, 0.198]
    """
    n = np.asarray(n, float)
    many = np.where(n > 1, n, np.nan)
    return np.asarray(special.stdtrit(many - 1, 0.975) * np.asarray(sd, float) / np.sqrt(many))


def of_share(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927, J Am Stat Assoc 22:209).

    >>> [round(x, 3) for x in of_share(0, 20)]
    [0.0, 0.161]
    """
    z, p = float(special.ndtri(0.975)), hits / of
    middle, half = p + z * z / (2 * of), z * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    low, high = ((middle + side * half) / (1 + z * z / of) for side in (-1, 1))
    return max(0.0, low), min(1.0, high)


def within(middle: npt.NDArray[np.float64], half: npt.ArrayLike, share: bool) -> npt.NDArray[np.float64]:
    """(2, n): how far an interval goes below and above its middle; that of a share stays within 0 and 1.

    >>> within(np.array([0.1, 0.5]), [0.3, 0.2], True).tolist()
    [[0.1, 0.2], [0.3, 0.2]]
    """
    below, above = np.broadcast_to(np.asarray(half, float), (2, len(middle)))
    if not share:
        return np.stack([below, above])
    return np.maximum(np.stack([np.minimum(below, middle), np.minimum(above, 1 - middle)]), 0.0)


def _shares(values: npt.NDArray[np.float64]) -> bool:
    """Whether all lie between 0 and 1."""
    known = values[np.isfinite(values)]
    return bool(known.size and known.min() >= 0 and known.max() <= 1)


def people(
    ax: Axes,
    x: npt.ArrayLike,
    mean: npt.ArrayLike,
    sd: npt.ArrayLike,
    n: npt.ArrayLike,
    label: str = "people",
    *,
    hollow: bool = False,
) -> None:
    """Human means: thick bar = 95 % interval of the mean, thin bar = one sd between people each way. Where no sd is
    known there are no bars."""
    x, mean, sd, n = (np.asarray(a, float) for a in (x, mean, sd, n))
    ends, bars = (within(mean, far, _shares(mean)) for far in (sd, interval(sd, n)))
    sides = {"low": mean - bars[0], "high": mean + bars[1], "below": mean - ends[0], "above": mean + ends[1]}
    with noted(ax, "people", "people", hollow, x=x, y=mean, **sides):
        if (np.nan_to_num(sd) > 0).any():
            ax.errorbar(x, mean, yerr=ends, fmt="none", ecolor=QUIET, elinewidth=0.9, capsize=2.5, zorder=3)
            ax.errorbar(x, mean, yerr=bars, fmt="none", ecolor=PEOPLE, elinewidth=2.2, zorder=5, label=_STARS)
        inside = "white" if hollow else PEOPLE
        ax.plot(x, mean, "*", color=PEOPLE, markersize=8, markerfacecolor=inside, label=label, zorder=6)


def arm(
    ax: Axes,
    x: npt.ArrayLike,
    by_person: npt.ArrayLike,
    pen: Pen,
    label: str,
    *,
    band: bool = True,
    hollow: bool = False,
    series: str | None = None,
) -> None:
    """One arm: the mean over its people with its 95 % interval, and a band of one sd between them. by_person is
    (people, len(x)); a person's missing values count for nothing. series: the arm, where it is not in the legend. Where
    all values lie between 0 and 1 (shares), bars and the band do, too."""
    y = np.atleast_2d(np.asarray(by_person, float))
    n = np.isfinite(y).sum(0)
    known = n > 0
    mean, sd = np.full(y.shape[1], np.nan), np.full(y.shape[1], np.nan)
    mean[known] = np.nanmean(y[:, known], 0)
    sd[n > 1] = np.nanstd(y[:, n > 1], 0, ddof=1)
    x = np.asarray(x, float)
    half, far = (within(mean, wide, _shares(y)) for wide in (interval(sd, n), sd))
    low, high = mean - far[0], mean + far[1]
    spread = {"low": mean - half[0], "high": mean + half[1], "below": low, "above": high}
    with noted(ax, "model", series or label, hollow, x=x, y=mean, **spread):
        line(ax, x, mean, half, pen, label, hollow=hollow)
    if band and (n > 1).any():
        ax.fill_between(x, low, high, color=pen.color, alpha=0.14, linewidth=0, zorder=1, label=_BAND)


def line(
    ax: Axes,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    half: npt.ArrayLike | None,
    pen: Pen,
    label: str,
    *,
    hollow: bool = False,
    across: npt.ArrayLike | None = None,
) -> None:
    """One arm's values and half of their intervals (`across`: those of x); two rows: below and above."""
    ends: dict[str, Any] = {}
    for names, middle, bar in ((("low", "high"), y, half), (("x_low", "x_high"), x, across)):
        if bar is not None:
            below, above = np.broadcast_to(np.asarray(bar, float), (2, len(np.atleast_1d(middle))))
            ends |= dict(zip(names, (np.subtract(middle, below), np.add(middle, above)), strict=True))
    with noted(ax, "model", label, hollow, x=x, y=y, **ends):
        _line(ax, x, y, half, pen, label, hollow, across)


def _line(
    ax: Axes,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    half: npt.ArrayLike | None,
    pen: Pen,
    label: str,
    hollow: bool,
    across: npt.ArrayLike | None,
) -> None:
    marks: dict[str, Any] = {
        "marker": pen.mark,
        "markersize": pen.size,
        "markerfacecolor": "white" if hollow else pen.color,
    }
    ax.plot(
        x, y, color=pen.color, linestyle=pen.dash, linewidth=pen.size / 2.8, label=label, zorder=4, **marks
    )
    bars = {"yerr": half, "xerr": across}
    shown: dict[str, Any] = {k: np.asarray(v, float) for k, v in bars.items() if v is not None}
    shown = {k: v for k, v in shown.items() if (np.nan_to_num(v) > 0).any()}
    if shown:
        ax.errorbar(
            x, y, fmt="none", ecolor=pen.color, elinewidth=1.1, capsize=2, zorder=4, label=_BARS, **shown
        )


def kinds(ax: Axes, filled: str, hollow: str) -> None:
    """What filled and hollow marks stand for."""
    for words, inside in ((filled, PEOPLE), (hollow, "white")):
        ax.plot([], [], "o", color=PEOPLE, markerfacecolor=inside, markersize=5, label=words)


def misfit(ax: Axes, x: npt.ArrayLike, rows: dict[str, npt.ArrayLike], known: dict[str, Pen]) -> None:
    """A strip below the figure: (model - people) in standard errors of the human mean, cut at +-9."""
    ax.axhspan(-2, 2, color="#EEEEEE", zorder=0)
    ax.axhline(0, color=PEOPLE, linewidth=0.8)
    for name, z in rows.items():
        pen = known[name]
        with noted(ax, "misfit", name, x=x, y=z):
            ax.plot(
                np.asarray(x, float), np.clip(np.asarray(z, float), -9, 9), pen.mark,
                color=pen.color, markersize=pen.size,
            )  # fmt: skip
    ax.set_ylim(-10, 10)
    ax.set_yticks([-9, -2, 2, 9], ["<-9", "-2", "2", ">9"])
    ax.set_ylabel("misfit\n[SE]")


def finish(
    figure: Figure, axes: Iterable[Axes], title: str, names: Mapping[str, str] | None = None
) -> Figure:
    """One legend below all panels, which also says what bars and bands are; and the title. names: of the arms, where
    they are better told by others."""
    axes = list(axes)
    handles: dict[str, Any] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    wide = float(figure.get_size_inches()[0])
    legend = figure.legend(
        handles.values(),
        [(names or {}).get(label, label) for label in handles],
        loc="outside lower center",
        ncols=max(2, int(wide / 1.9)),
        title=evenly(said(axes), int(14.5 * wide)),
        title_fontsize=8,
    )
    legend.get_title().set_color("#444444")
    legend.get_title().set_multialignment("center")
    head = figure.suptitle(evenly(title, int(10.4 * wide)), x=0.01, ha="left", fontweight="bold", fontsize=11)
    for text in (head, *legend.get_texts()):
        text.set_parse_math(False)  # names of files are told there: a $ in one begins no formula
    return figure


def evenly(text: str, width: int) -> str:
    """As few lines as the width allows, of much the same length: no word is left alone on the last one, and no number
    without its per cent.

    >>> evenly("human 0.96 -> 0.78, softmax 1.00", 28).splitlines()
    ['human 0.96 ->', '0.78, softmax 1.00']
    >>> evenly("a 68 %", 4).splitlines()
    ['a', '68 %']
    """
    text = text.replace(" %", "\N{NO-BREAK SPACE}%")
    lines, longest = len(wrap(text, width)), max(map(len, text.split(" ")))
    while width > max(longest, 1) and len(wrap(text, width - 1)) == lines:
        width -= 1
    return fill(text, width).replace("\N{NO-BREAK SPACE}%", " %")


def by_factors(axis: Any) -> None:
    """A logarithmic axis with plain numbers: 20, 50, 100."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    (axis.axes.set_xscale if axis.axis_name == "x" else axis.axes.set_yscale)("log")
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def said(axes: Iterable[Axes]) -> str:
    """What the marks of spread in these panels mean, in words: only of those that are there."""
    there: set[Any] = set()
    for ax in axes:
        there |= {c.get_label() for c in ax.containers} | {c.get_label() for c in ax.collections}
    return ";  ".join(words for mark, words in MEANING.items() if mark in there)


UNDATED = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}  # the same figure, the same file


FORMATS = ("png", "svg", "pdf")
WIDEST = 1600  #: pixels of a PNG, whatever the figure's size
_DPI, _PAD = 300, 0.2  # of one that is narrow enough; inches that a tight box may add


def resolution(figure: Figure) -> int:
    """Dots per inch of a PNG: 300, or as many as keep it within 1,600 px.

    >>> with style() as plt:
    ...     resolution(plt.figure(figsize=(4, 3))), resolution(plt.figure(figsize=(9.8, 4)))
    (300, 160)
    """
    return min(_DPI, int(WIDEST / (float(figure.get_size_inches()[0]) + _PAD)))


def save(figure: Figure, folder: str | Path, name: str) -> list[Path]:
    """Write PNG (300 dpi, at most 1,600 px wide), SVG and PDF (both with text as text); return their paths."""
    folder = Path(folder)
    paths = [folder / f"{name}.{kind}" for kind in FORMATS]
    engine = figure.get_layout_engine()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with style():  # the settings of saving (dpi, fonts as text, a fixed hash) are read when it is saved
            for path in paths:
                write = partial(figure.savefig, metadata=UNDATED.get(path.suffix))
                dpi = resolution(figure) if path.suffix == ".png" else _DPI
                place(path, partial(write, dpi=dpi))
                if path.suffix == ".png" and (wide := _width(path)) > WIDEST:  # a legend reaches beyond it
                    place(path, partial(write, dpi=int(dpi * WIDEST / wide)))
                figure.set_layout_engine("none")  # what was laid out for one stays where it is in the others
    except OSError as error:
        raise RunError(
            f"cannot write the figure to {folder}: {error.strerror}; free the place, run again"
        ) from None
    finally:
        figure.set_layout_engine(engine)
    return paths


def _width(png: Path) -> int:
    """In pixels: it stands in the first bytes of the file."""
    with png.open("rb") as file:
        return int.from_bytes(file.read(20)[16:], "big")


def keep(figure: Figure, folder: str | Path, name: str) -> list[Path]:
    """`save` it, and be done with it.

    >>> import tempfile
    >>> with style() as plt, tempfile.TemporaryDirectory() as folder:
    ...     keep(plt.figure(), folder, "empty")[0].name
    'empty.png'
    """
    paths = save(figure, folder, name)
    close(figure)
    return paths


def close(figure: Figure) -> None:
    """Give a figure's memory back."""
    import matplotlib.pyplot as plt

    plt.close(figure)
