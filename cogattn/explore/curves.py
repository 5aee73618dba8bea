"""What a paradigm's figure shows, as plain data: the page draws from it what the printed figure draws.

There is one home of every curve: the paradigm's own `drawn`. The calls that it has kept are made on a `Paper` here, as
they are made on the axes of matplotlib for print. So a new paradigm is on the page with nothing more said, and the page
cannot show another number than the figure.

>>> import cogattn as ca
>>> done = ca.run("partial_report", people=2, trials=3)
>>> [(p.x_label, sorted(p.named)) for p in read(done.paradigm.drawn(done.frame)).panels]
[('distractors [items]', ['human', 'people', 'softmax'])]
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from cogattn.explore.paper import Area, Array, Limits, Paper, Side, Stroke
from cogattn.view.drawn import Drawn


@dataclass(frozen=True)
class Panel:
    """One panel of a figure."""

    x_label: str
    y_label: str
    title: str
    x_range: Limits
    y_range: Limits
    x_ticks: dict[float, str]
    y_ticks: dict[float, str]
    strokes: list[Stroke] = field(default_factory=list)
    areas: list[Area] = field(default_factory=list)
    wide: bool = False  #: it has a row of its own

    @property
    def named(self) -> dict[str, Stroke]:
        """What has a name, by it: the arms, people, a law. Of two lines of one name (target there or not) the first."""
        found: dict[str, Stroke] = {}
        for stroke in self.strokes:
            if stroke.name:
                found.setdefault(stroke.name, stroke)
        return found

    def tables(self) -> dict[str, pd.DataFrame]:
        """The numbers behind the points, by condition: one table, under "", or, where filled and hollow marks mean two
        conditions, one of each under the words of the legend.

        A hollow line has no name: it is the other condition of the line of its colour and mark.
        """
        marked = [s for s in self.strokes if s.mark and len(s.x)]
        named = [s for s in marked if s.name]
        names = {(s.color, s.mark): s.name for s in named}
        nameless = [s for s in marked if not s.name and s.hollow and (s.color, s.mark) in names]
        said = (s.name.split(": ", 1) for s in self.strokes if s.name.startswith(("filled: ", "hollow: ")))
        words = dict(said)
        if not nameless or len(words) < 2:
            return {"": _rows(named)}
        other = [replace(s, name=names[s.color, s.mark]) for s in nameless]
        return {words["filled"]: _rows(named), words["hollow"]: _rows(other)}

    def table(self) -> pd.DataFrame:
        """The numbers behind the named points, of the first condition if there are two."""
        return next(iter(self.tables().values()))


@dataclass(frozen=True)
class Picture:
    """A whole figure: what was found, in a line, and its panels."""

    title: str
    panels: list[Panel]

    @property
    def names(self) -> list[str]:
        """Everything that has a name in it, each once, as a legend has it."""
        return list(dict.fromkeys(name for panel in self.panels for name in panel.named))


def read(drawn: Drawn) -> Picture:
    """The figure as data, without the strips that repeat what the others show."""
    shared = {name: Side() if drawn.how.get(f"share{name}") else None for name in "xy"}
    papers = [Paper(**shared) for _ in drawn.sheets]
    for paper, sheet in zip(papers, drawn.sheets, strict=True):
        paper.take(sheet)
    if shared["x"]:  # the lowest says what is across
        label = next((paper.x_label for paper in reversed(papers) if paper.x_label), "")
        for paper in papers:
            paper.x_label = paper.x_label or label
    main = papers[: len(drawn.main)]
    title = drawn.title
    if not title and len(main) == 1:  # the title of the only panel is that of the figure
        title, main[0].title = main[0].title, ""
    return Picture(_one_line(title), [_panel(*each) for each in zip(main, drawn.wide, strict=False)])


def _panel(paper: Paper, wide: bool) -> Panel:
    paper.settled()
    x, y = paper.x, paper.y
    words = (paper.x_label, _one_line(paper.y_label), _one_line(paper.title))
    return Panel(*words, x.limits, y.limits, x.ticks, y.ticks, paper.strokes, paper.areas, wide)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _nearest(x: Array, grid: Array, apart: float) -> Array:
    """Each x, or the place of the grid that it belongs to."""
    near = grid[np.abs(x[:, None] - grid[None]).argmin(1)]
    return np.where(np.abs(near - x) < apart, near, x).round(6)


def _rows(named: list[Stroke]) -> pd.DataFrame:
    """A row per x, a column per name (the mean, where a name has more there).

    A point of people that lies nearer to a point of an arm than arms' points lie to each other is in its row.
    """
    if not named:
        return pd.DataFrame()
    grid = max(named, key=lambda s: (s.name != "people", len(s.x))).x
    apart = np.diff(np.unique(grid)).min(initial=np.inf) / 2
    rows = pd.concat(
        [pd.DataFrame({"x": _nearest(s.x, grid, apart), "name": s.name, "y": s.y}) for s in named]
    )
    order = list(dict.fromkeys(rows["name"]))
    return rows.pivot_table(index="x", columns="name", values="y", aggfunc="mean").reindex(columns=order)
