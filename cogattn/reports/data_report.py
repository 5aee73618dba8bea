"""A page about a file of people's data: what was read and left out, a table as a person would check it, the fit and its
verdict, figures with people named, rival laws, a paragraph of methods, and the lines of R that load the result.

One HTML file that needs no network (figures are in it), the same as Markdown, and the tables beside them.
"""

from __future__ import annotations

import base64
import html
import math
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cogattn import paradigms
from cogattn.errors import InputError
from cogattn.files import write_text
from cogattn.human.imports import FileProposal, Recipe, propose
from cogattn.notebook import Progress
from cogattn.paradigms import Paradigm
from cogattn.tune import compare_laws, fit, scales, tasks
from cogattn.tune.fits import Fit
from cogattn.view import plot
from cogattn.view.result import Files, Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NAMED = 60  # people whose names stand beside their estimates in one figure
_ROWS = 40  # of a table on the page; all of them are in its file

#: A part of the page: its kind ("h", "p", "list", "table", "picture", "code") and what is in it.
Part = tuple[str, Any]


@dataclass(frozen=True)
class DataReport(Result):
    """What a file holds, and what a fit of it says."""

    read: FileProposal
    task: Paradigm
    fit: Fit
    laws: Any = None  #: rival laws beside each other, where there are some
    notes: list[str] = field(default_factory=list)

    def table(self) -> pd.DataFrame:
        """Accuracy and response times per condition."""
        return self.read.conditions

    def heading(self) -> str:
        """What it is about."""
        return f"{self.task.title}: {self.read.path.name}"

    def findings(self) -> list[str]:
        """What was read, what was found, how far it can be trusted."""
        laws = [] if self.laws is None else self.laws.findings()
        told = str(self._told)  # in lines of their own here
        fit = [said for said in self.fit.findings() if said != told]
        return [f"{self.read.table.notes[0]}.", *self.verdict(), *fit, *laws]

    @property
    def _told(self) -> Any:
        """What the fit says of itself; None: nothing."""
        told = getattr(self.fit, "verdict", None)
        return told() if callable(told) else told

    def verdict(self) -> list[str]:
        """What the fit says of itself, where it does."""
        told = self._told
        if told is None:
            return []
        return [f"Verdict: {told.word}.", *(str(reason) for reason in told.reasons)]

    @property
    def trusted(self) -> bool:
        """Whether there is an observer to go on with."""
        told = self._told
        return told is None or told.word != "no"

    def plot(self) -> Figure:
        """The data and the fit."""
        return self.fit.plot()

    def figures(self) -> Iterator[tuple[str, Figure]]:
        """The fit, its check, everybody by name, the laws."""
        yield "figures/tune", self.fit.plot()
        check = getattr(self.fit, "check", None)
        if check is not None:
            yield "figures/check", check()
        for i, names in enumerate(_parted(self.fit.estimates["person"].tolist())):
            yield f"figures/people{i + 1}", self.people(names)
        if self.laws is not None:
            yield "figures/laws", self.laws.plot()

    def people(self, names: Sequence[Any]) -> Figure:
        """Each of these people by name: estimates and their intervals."""
        params = self.fit.params
        own = self.fit.estimates.set_index("person").loc[list(names)].sort_values(params[0])
        with plot.style() as plt:
            tall = 1.2 + 0.17 * len(own)
            figure, axes = plt.subplots(
                1, len(params), figsize=(2.6 * len(params) + 1.6, tall), sharey=True, squeeze=False
            )
            y = np.arange(len(own))
            for ax, name in zip(axes[0], params, strict=True):
                bounds = self.fit.intervals
                rows = bounds[bounds["parameter"] == name].set_index("person").loc[own.index]
                ax.hlines(y, rows["low"], rows["high"], color="#BBBBBB", linewidth=1.4)
                ax.plot(own[name], y, "o", color="#0072B2", markersize=3.5)
                unit = scales.SCALES[name].unit
                ax.set(xlabel=name.replace("_", " ") + (f" [{unit}]" if unit else ""), ylim=(-1, len(own)))
                ax.grid(axis="y", alpha=0.3)
            axes[0][0].set_yticks(y, [_short(who) for who in own.index], fontsize=7)
            figure.suptitle("Each person: estimate and 95 % interval", x=0.01, ha="left", fontsize=10)
            return figure

    def files(self) -> Files:
        """The tables, the trials, the answers that read the file, the lines of R; an observer if trusted."""
        own = self.fit.files()
        if not self.trusted:
            own = {
                name: content
                for name, content in own.items()
                if name not in ("observer.toml", "population.toml")
            }
        laws = {} if self.laws is None else self.laws.files()
        return {
            **own, **laws, "conditions.csv": self.table(), "trials.csv": self.read.table.frame,
            "notes.csv": pd.DataFrame(self.read.table.records()), "recipe.toml": self.read.recipe.toml(),
            "load.R": self.r_lines(),
        }  # fmt: skip

    def save(self, folder: str | Path, figures: bool = True) -> Path:
        """Tables and figures, then the page and its Markdown."""
        folder = super().save(folder, figures)
        shown = (
            sorted(p.relative_to(folder).as_posix() for p in (folder / "figures").glob("*.png"))
            if figures
            else []
        )
        parts = self.parts(shown)
        write_text(folder / "report.md", markdown(parts))
        write_text(folder / "report.html", page(self.heading(), parts, folder))
        return folder

    def parts(self, pictures: Sequence[str]) -> list[Part]:
        """The page, part by part."""
        read = self.read
        left = [n for n in read.table.notes[1:] if getattr(n, "code", "") in _LEFT]
        rest = [n for n in read.table.notes[1:] if n not in left]
        out: list[Part] = [
            ("h1", self.heading()),
            ("h", "What was read"), ("p", f"{read.table.notes[0]}. {' '.join(read.says())}"), ("table", read.mapping()),
            ("list", rest),
            ("h", "What was left out, or holds no response"), ("list", left or ["Nothing."]),
            ("h", "Per condition"), ("table", read.conditions),
            ("h", "Verdict"), ("list", self.verdict() or ["This fit gives no verdict: look at the figures."]),
            ("h", "Fit"), ("p", " ".join(self.fit.findings())), ("table", self.fit.table()),
            ("list", [*self.fit.remarks(), *self.notes]),
        ]  # fmt: skip
        for path in sorted(pictures, key=lambda p: "people" in p):
            out.append(("picture", path))
        out += [("h", "Each person"), ("table", self.fit.estimates)]
        if self.laws is not None:
            out += [("h", "Rival laws"), ("p", " ".join(self.laws.findings())), ("table", self.laws.table())]
        out += [("h", "Methods"), ("p", self.methods()), ("h", "In R"), ("code", self.r_lines())]
        return out

    def methods(self) -> str:
        """A paragraph for a paper, with citations and versions."""
        frame, found = self.read.table.frame, self.fit
        people = frame["person"].nunique()
        how = (
            "The likelihood of every trial is exact"
            if found.law.exact
            else "The likelihood is synthetic: each person's means are held against those of simulated minds (Wood "
            "2010, Nature 466:1102)"
        )
        together = (
            "people were fitted together as a sample of a population, by expectation maximisation (Dempster, Laird & "
            "Rubin 1977)"
            if found.pooled
            else "each person was fitted alone, by maximum likelihood with profile intervals"
        )
        gone = [str(n) for n in self.read.table.notes if getattr(n, "code", "") in ("left_out", "unfit")]
        without = f" ({'; '.join(gone)})" if gone else ""
        return (
            f"{len(frame)} trials of {people} {'person' if people == 1 else 'people'} in {self.task.title.lower()} "
            f"were read from {self.read.path.name}{without}. {', '.join(found.params)} were estimated under the model "
            f"of the task in cogattn {_version('cogattn')}, whose human reference is {self.task.source}. "
            f"{how}; {together}. "
            f"Software: Python {platform.python_version()}, "
            + ", ".join(f"{name} {_version(name)}" for name in ("numpy", "scipy", "pandas", "numba"))
            + "."
        )

    def r_lines(self) -> str:
        """What loads the result in R."""
        lines = [
            'trials    <- read.csv("trials.csv")     # a row per trial, times in seconds',
            'estimates <- read.csv("estimates.csv")  # a row per person',
            'intervals <- read.csv("intervals.csv")  # 95 %, a row per person and parameter',
            'merged    <- merge(aggregate(rt ~ person, trials, mean), estimates, by = "person")',
        ]
        times = next((n for n in ("rt", "rt1", "rt2") if n in self.read.table.frame), "")
        lines = [line.replace("rt ~", f"{times} ~") for line in lines if times or "rt ~" not in line]
        return "\n".join(lines) + "\n"


#: Notes about trials that are not there or hold no response.
_LEFT = ("left_out", "unfit", "silent", "fast", "slow", "not_taken")


def report(
    data: str | Path,
    paradigm: str | None = None,
    params: Sequence[str] | None = None,
    *,
    said: Recipe | None = None,
    options: Mapping[str, Any] | None = None,
    laws: bool = True,
    seed: int = 0,
    n_jobs: int = 1,
    progress: Progress | bool | None = None,
) -> DataReport:
    """Read a file, fit it, and say how far that can be trusted.

    paradigm: which it is of (default: what it looks like); said: what is known of the file; laws: rivals, too."""
    read = propose(data, tasks.known(), said, task=paradigm)
    if not read.task or (read.sure == "not sure" and paradigm is None):
        which = ", ".join([read.task, *read.rivals]).strip(", ") or "none that is known"
        raise InputError(f"{read.path.name} may be of several tasks ({which}): say which with --for")
    if read.lacking:
        raise InputError(f"{read.path.name}: " + " ".join(read.says()[1:]))
    task = paradigms.make(read.task, dict(options or {}))
    tasks.own_conditions(task, read.table)
    found = fit(task, read.table.frame, params, seed=seed, n_jobs=n_jobs, progress=progress)
    rivals, notes = None, []
    if laws and task.rivals:
        try:
            rivals = compare_laws(task, read.table.frame, seed=seed, n_jobs=n_jobs, progress=progress)
        except InputError as error:
            notes.append(f"rival laws were not compared: {error}")
    return DataReport(read, task, found, rivals, notes)


def _parted(names: list[Any]) -> Iterator[list[Any]]:
    """So many names as a figure can hold."""
    for i in range(0, len(names), _NAMED):
        yield names[i : i + _NAMED]


def _short(who: Any) -> str:
    text = str(who)
    return text if len(text) <= 24 else text[:21] + "..."


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "(unknown version)"


# -- the page ------------------------------------------------------------------------------------------------------

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; border-bottom: 1px solid #ddd; }
table { border-collapse: collapse; font-size: 13px; } th, td { padding: 2px 10px 2px 0; text-align: left; }
th { border-bottom: 1px solid #999; } img { max-width: 100%; } pre { background: #f5f5f5; padding: .7rem; }
.wide { overflow-x: auto; }
"""


def markdown(parts: Sequence[Part]) -> str:
    """The parts as Markdown."""
    out = []
    for kind, content in parts:
        if kind in ("h1", "h"):
            out.append(f"{'#' if kind == 'h1' else '##'} {content}")
        elif kind == "list":
            out.append("\n".join(f"- {line}" for line in content))
        elif kind == "table":
            out.append(_rows(content))
        elif kind == "picture":
            out.append(f"![{Path(content).stem}]({content})")
        else:
            out.append(f"```r\n{content}```" if kind == "code" else str(content))
    return "\n\n".join(part for part in out if part) + "\n"


def _rows(table: pd.DataFrame) -> str:
    heads = [str(c) for c in table.columns]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for row in table.head(_ROWS).itertuples(index=False):
        lines.append("| " + " | ".join(_cell(v).replace("|", "\\|") for v in row) + " |")
    more = [f"\n({len(table) - _ROWS} more rows are in the file.)"] if len(table) > _ROWS else []
    return "\n".join([*lines, *more])


def _cell(value: Any) -> str:
    if isinstance(value, float):  # numpy's, too
        return "" if math.isnan(value) else f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"
    return str(value)


def page(title: str, parts: Sequence[Part], folder: Path) -> str:
    """The parts as one HTML file, with the figures in it."""
    out = []
    for kind, content in parts:
        if kind in ("h1", "h"):
            tag = "h1" if kind == "h1" else "h2"
            out.append(f"<{tag}>{html.escape(str(content))}</{tag}>")
        elif kind == "list":
            out.append("<ul>" + "".join(f"<li>{html.escape(str(line))}</li>" for line in content) + "</ul>")
        elif kind == "table":
            out.append(f'<div class="wide">{_html_rows(content)}</div>')
        elif kind == "picture":
            data = base64.b64encode((folder / content).read_bytes()).decode("ascii")
            out.append(f'<img alt="{html.escape(Path(content).stem)}" src="data:image/png;base64,{data}">')
        else:
            tag = "pre" if kind == "code" else "p"
            out.append(f"<{tag}>{html.escape(str(content))}</{tag}>")
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(out)}</body></html>\n'


def _html_rows(table: pd.DataFrame) -> str:
    heads = "".join(f"<th>{html.escape(str(c))}</th>" for c in table.columns)
    rows = ""
    for row in table.head(_ROWS).itertuples(index=False):
        rows += "<tr>" + "".join(f"<td>{html.escape(_cell(v))}</td>" for v in row) + "</tr>"
    more = f"<p>({len(table) - _ROWS} more rows are in the file.)</p>" if len(table) > _ROWS else ""
    return f"<table><tr>{heads}</tr>{rows}</table>{more}"
