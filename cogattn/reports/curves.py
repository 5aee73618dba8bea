"""Whole curves of people, scored: every row that the rule of `human.bands` makes, in two halves, with one population.

The half `fit` is of cells that numbers were estimated from, `test` of cells that nobody fitted (`human.split`).
Each paradigm that declares rows (`Paradigm.scored`) is played once, with the options that its tables ask for; the same
seed makes the same persons in every run, so that correlations between tasks are those of persons. Nothing is tuned.

    skill = 1 - sum of squared errors / that of a baseline,     errors in half-widths of each row's band

over the rows for which both have a value. Baselines: the mean over the conditions of the same table and measure (no
difference at all, for differences), and plain softmax attention.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from cogattn import files, notebook, paradigms
from cogattn.compiled import version
from cogattn.human import bands
from cogattn.notebook import Progress
from cogattn.observer import Observer
from cogattn.paradigms import Paradigm
from cogattn.paradigms.scored import Scored
from cogattn.population import Population
from cogattn.runs import trials as results
from cogattn.runs.experiment import RunPlan, check, digest, executed, make_plan, run_folder
from cogattn.runs.trials import Trials
from cogattn.view import plot as pens
from cogattn.view.result import Files, Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ARMS = {"model": "human", "softmax": "softmax"}  # column -> arm
TESTED = ("fit", "test")
SHADES = {"fit": "#999999", "test": "#0072B2"}
NAMED = 12  # misses that are named
TRACE = 0.2  # of a correlation


class Played(NamedTuple):
    """What one run gives one arm for a measure of a table."""

    scored: Scored
    values: pd.DataFrame  # persons x cells


@dataclass(frozen=True)
class CurveCard(Result):
    """What `scorecard(curves=True)` found: `rows`, as `human.bands.rows` with model, softmax, off (in half-widths,
    softmax_off, baseline_off), inside and softmax_inside; `headline`, the card of the bands that were set by hand."""

    rows: pd.DataFrame
    headline: Result
    folder: Path | None = field(default=None, compare=False)

    def heading(self) -> str:
        """Its name."""
        return "Scorecard: whole curves"

    def table(self) -> pd.DataFrame:
        """The rows."""
        return self.rows

    def counts(self, by: str) -> pd.DataFrame:
        """Rows played and inside by one column (kind, phenomenon) and half, and the share inside."""
        known = self.rows[self.rows["inside"].notna()]
        groups = known.groupby([by, "split"], sort=False)["inside"]
        table = pd.DataFrame({"inside": groups.sum(), "rows": groups.size()}).astype(int).reset_index()
        return table.assign(share=table["inside"] / table["rows"])

    def skill(self) -> pd.DataFrame:
        """Skill over each baseline by half, and over how many rows."""
        rows = []
        for half, own in [*self.rows.groupby("split", sort=False), ("both", self.rows)]:
            for baseline, column in (("mean over conditions", "baseline_off"), ("softmax", "softmax_off")):
                value, n = _skill(own["off"], own[column])
                rows.append({"half": half, "baseline": baseline, "skill": value, "rows": n})
        return pd.DataFrame(rows)

    def findings(self) -> list[str]:
        """Inside by half, kind and phenomenon; skill; what is wide, what nobody plays; the headline rows."""
        known = self.rows[self.rows["inside"].notna()]
        left = len(self.rows) - len(known)
        return [
            f"{len(self.rows)} rows; {len(known)} are played: {_inside(known)}. "
            f"{left} have no paradigm, or none that measures it.",
            *(f"{half}: {_inside(own)}; {_evenly(own)}." for half, own in known.groupby("split", sort=False)),
            f"By kind, fit and test: {self._said('kind')}.",
            f"By phenomenon, fit and test: {self._said('phenomenon')}.",
            self._signs(),
            *self._skilled(),
            f"Softmax is {_inside(known[known['softmax_inside'].notna()], 'softmax_inside')} that have a value of it; "
            f"{int(known['softmax_inside'].isna().sum())} have none: attention that takes no time.",
            f"{int(known['wide'].sum())} of the rows that are played have a wide band (wider than half of the value): "
            f"{_inside(known[known['wide']])}; of the others {_inside(known[~known['wide']])}.",
            "Farthest off: " + "; ".join(self._worst(NAMED)) + ".",
            f"Rows set by hand: {self.headline.findings()[0]}",
        ]

    def _said(self, by: str) -> str:
        table = self.counts(by).pivot(index=by, columns="split", values=["inside", "rows"])
        parts = []
        for name, row in table.iterrows():
            each = [
                "-" if np.isnan(row["rows", h]) else f"{row['inside', h]:.0f} of {row['rows', h]:.0f}"
                for h in TESTED
                if ("rows", h) in row
            ]
            parts.append(f"{name} {', '.join(each)}")
        return "; ".join(parts)

    def _skilled(self) -> Iterator[str]:
        for half, own in self.skill().dropna().groupby("half", sort=False):
            each = ", ".join(f"{r.skill:+.2f} over {r.baseline} ({r.rows} rows)" for r in own.itertuples())
            yield f"Skill, {half}: {each}."

    def _signs(self) -> str:
        """Whether who is high in one thing is high in the other, where people's correlation is more than a trace."""
        told = self.rows[(self.rows["kind"] == "correlation") & (self.rows["human"].abs() > TRACE)]
        told = told[told["model"].notna()]
        right = (told["model"] * told["human"] > 0).groupby(told["split"], sort=False)
        each = ", ".join(f"{half} {n} of {right.size()[half]}" for half, n in right.sum().items())
        return (
            f"The sign of a correlation between persons, where people's is over {TRACE:g}, is right: {each}."
        )

    def worst(self) -> pd.DataFrame:
        """A row per phenomenon and half: the median and the largest of how far off its rows are, and which is it."""
        known = self.rows[self.rows["off"].notna()].assign(far=lambda t: t["off"].abs())
        last = known.sort_values("far").groupby(["phenomenon", "split"], sort=False).tail(1)
        table = last[["phenomenon", "split", "kind", "measure", "cell", "human", "model", "off"]]
        median = known.groupby(["phenomenon", "split"])["far"].median().rename("median off").reset_index()
        return table.merge(median, on=["phenomenon", "split"]).sort_values("off", key=abs, ascending=False)

    def _worst(self, n: int) -> list[str]:
        return [
            f"{r.phenomenon} ({r.split}) {_label(r)}: {r.model:.3g}, people {r.human:.3g}"
            for r in self.worst().head(n).itertuples()
        ]

    def files(self) -> Files:
        """Rows, counts by kind and phenomenon, skill, the worst misses, the headline card."""
        return {
            "rows.csv": self.rows.drop(columns=["over", "column", "minus", "scale"]),
            "kinds.csv": self.counts("kind"),
            "phenomena.csv": self.counts("phenomenon"),
            "skill.csv": self.skill(),
            "worst.csv": self.worst(),
            "scorecard.csv": self.headline.table(),
        }

    def figures(self) -> Iterator[tuple[str, Figure]]:
        """The shares inside."""
        yield "figures/curves", self.plot()

    def plot(self) -> Figure:
        """Shares of rows inside by kind and by phenomenon, either half, and each phenomenon's rows on the scale of
        their own bands, with the worst of them named."""
        with pens.style() as plt:
            parts = [self.counts(by) for by in ("kind", "phenomenon")]
            heights = [p[by].nunique() for p, by in zip(parts, ("kind", "phenomenon"), strict=True)]
            figure = plt.figure(figsize=(13.5, 1.8 + 0.34 * sum(heights)))
            grid = figure.add_gridspec(2, 3, height_ratios=heights, width_ratios=[1, 1, 1.2])
            kinds, phenomena = (figure.add_subplot(grid[i, 0]) for i in (0, 1))
            for ax, part, by in ((kinds, parts[0], "kind"), (phenomena, parts[1], "phenomenon")):
                _bars(ax, part, by)
            phenomena.set(xlabel="inside the human band [share of rows]")
            names = list(dict.fromkeys(parts[1]["phenomenon"]))
            _spots(figure.add_subplot(grid[1, 1]), figure.add_subplot(grid[1, 2]), self.rows, names)
            _words(figure.add_subplot(grid[0, 1:]), self)
            figure.legend(*kinds.get_legend_handles_labels(), loc="outside lower left", ncols=2)
            known = self.rows[self.rows["inside"].notna()]
            said = ", ".join(f"{half} {_inside(own)}" for half, own in known.groupby("split", sort=False))
            figure.suptitle(f"Whole curves, one population: {said}", x=0.01, ha="left", fontweight="bold")
            return figure


def play(
    measured: Callable[[Iterable[Trials]], dict[Any, float]],
    filled: Callable[[dict[Any, float]], Result],
    people: int = 200,
    seed: int = 0,
    n_jobs: int = 1,
    *,
    observer: Observer | None = None,
    population: Population | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    progress: Progress | bool | None = None,
) -> CurveCard:
    """Play everything that has rows or bands, once, and put it beside people: what
    `scorecard(curves=True)` does. measured, filled: the values of runs for the bands that were set by hand, and their
    card. The parts of a run are kept, so `resume` goes on from there."""
    named = plans(people, seed, observer, population)
    check(named.values(), n_jobs, "cpu")
    config: dict[str, Any] = {name: plan.config() for name, plan in named.items()}
    config["rows"] = digest(bands.rows().to_csv())
    folder = None if out is None else run_folder(Path(out), "curves", config, resume)
    if folder is not None:
        asked = {"people": people, "seed": seed, "law": version(), "rows": config["rows"]}
        files.write_text(folder / "config.toml", results.toml(asked))
        files.write_json(folder / "provenance.json", results.provenance(seed, "cpu", n_jobs))
    tick = notebook.ticker(progress, "scorecard of whole curves")
    played: dict[str, list[Played]] = {arm: [] for arm in ARMS}
    known: dict[Any, float] = {}
    for name, run in executed(named, folder, n_jobs, "cpu", tick):
        for column, arm in ARMS.items():
            frame = run.frame[run.frame["arm"] == arm]
            played[column] += [Played(s, s.values(frame)) for s in _scored_by(run.paradigm, name)]
        if "-" not in name:
            known |= measured([run])
    done = CurveCard(fill(bands.rows(), played), filled(known), folder)
    if folder is not None:
        done.save(folder)
    return done


def plans(
    people: int, seed: int, observer: Observer | None = None, population: Population | None = None
) -> dict[str, RunPlan]:
    """What is played: a plan for every paradigm that has rows or bands, and for each set of options that they need; a
    name with a dash is one of the latter."""
    out = {}
    for name in paradigms.names():
        kind = paradigms.get(name)()
        sets = {_how(s): (dict(s.options), s.trials) for s in kind.scored()}
        usual: dict[str, tuple[dict[str, Any], int | None]] = {"": ({}, None)} if kind.banded else {}
        for said, (options, trials) in (usual | sets).items():
            task = replace(kind, **options) if options else kind
            out[f"{name}{said}"] = make_plan(
                task, tuple(ARMS.values()), None, people, trials, seed, observer, population
            )
    return out


def _how(scored: Scored) -> str:
    """Options and trials as part of a run's name: empty for the usual ones."""
    unusual = {**scored.options} | ({} if scored.trials is None else {"trials of a person": scored.trials})
    return f"-{digest(unusual)[:6]}" if unusual else ""


def _scored_by(paradigm: Paradigm, name: str) -> list[Scored]:
    """What of its rows this run is played for."""
    usual = paradigms.get(paradigm.name)()
    return [s for s in usual.scored() if f"{paradigm.name}{_how(s)}" == name]


# -- values of rows ------------------------------------------------------------------------------------------------


def fill(rows: pd.DataFrame, played: Mapping[str, Sequence[Played]]) -> pd.DataFrame:
    """Put each arm's value beside its row; what nobody plays stays missing."""
    out = rows.copy()
    for column in ARMS:
        values = _by_table(played.get(column, ()))
        found = [_value(row, values) for row in rows.itertuples()]
        out[column] = np.array(found, float)
    out["off"], out["softmax_off"] = bands.off(out["model"], out), bands.off(out["softmax"], out)
    out["baseline_off"] = bands.off(baseline(rows), rows)
    for column, verdict in (("off", "inside"), ("softmax_off", "softmax_inside")):
        inside = pd.array(out[column].abs() <= 1 + 1e-9, dtype="boolean")
        inside[out[column].isna().to_numpy()] = pd.NA
        out[verdict] = inside
    return out


def baseline(rows: pd.DataFrame) -> npt.NDArray[np.float64]:
    """What is said by who knows nothing of conditions: people's mean over the rows of the same table and measure; no
    difference, for differences. Missing where a row stands alone: then it would be people's own value."""
    keys = ["table", "measure", "kind", "over"]
    groups = rows.groupby(keys)["human"]
    mean = groups.transform("mean").where(groups.transform("size") > 1)
    return mean.where(rows["scale"] != "difference", 0.0).to_numpy(float)


Tables = dict[str, list[Played]]


def _by_table(played: Sequence[Played]) -> Tables:
    out: Tables = {}
    for one in played:
        out.setdefault(one.scored.table, []).append(one)
    return out


def _value(row: Any, played: Tables) -> float:
    """The value of a row in one arm; NaN where nobody gives it."""
    at, minus = json.loads(row.cell), json.loads(row.minus) if row.minus else None
    if row.over == "spearman":  # persons who took both tasks
        pair = [
            _persons(at[k], played.get(row.table.removesuffix("_correlations"), ()))
            for k in ("measure", "with")
        ]
        return _rank_correlation(*pair) if all(p is not None for p in pair) else np.nan
    for one in played.get(row.table, ()):
        if one.scored.measure in ("", row.measure):
            own = _cell(one, at)
            if own is not None and minus is not None:
                other = _cell(one, minus)
                own = None if other is None else own - other
            if own is not None:
                return _summed_up(own, row.over)
    return np.nan


def _cell(one: Played, at: Mapping[str, str]) -> pd.Series | None:
    """The persons' values in the cell of a row."""
    label = one.scored.cell(at)
    if label is None or label not in one.values.columns:
        return None
    return one.values[label]


def _persons(measure: str, played: Sequence[Played]) -> pd.Series | None:
    """The persons' values of a measure that is taken in several tasks."""
    return next((own for one in played if (own := _cell(one, {"measure": measure})) is not None), None)


def _summed_up(persons: pd.Series, over: str) -> float:
    own = persons.dropna().to_numpy(float)
    if len(own) == 0 or (over == "sd" and len(own) < 2):
        return np.nan
    if over.startswith("q"):
        return float(np.quantile(own, int(over[1:]) / 100))
    return float(own.std(ddof=1) if over == "sd" else own.mean())


def _rank_correlation(a: pd.Series, b: pd.Series) -> float:
    both = pd.concat([a, b], axis=1, join="inner").dropna()
    if len(both) < 3 or (both.nunique() < 2).any():
        return np.nan
    return float(both.iloc[:, 0].corr(both.iloc[:, 1], method="spearman"))


def _skill(off: pd.Series, other: pd.Series) -> tuple[float, int]:
    """1 - squared errors over those of a baseline, and over how many rows."""
    both = off.notna() & other.notna()
    squares = float((other[both] ** 2).sum())
    return (1 - float((off[both] ** 2).sum()) / squares if squares > 0 else np.nan), int(both.sum())


# -- words and marks -----------------------------------------------------------------------------------------------


def _inside(rows: pd.DataFrame, column: str = "inside") -> str:
    n = len(rows)
    return f"inside {int(rows[column].sum())} of {n}" + (f" ({rows[column].mean():.0%})" if n else "")


def _evenly(rows: pd.DataFrame) -> str:
    """A table with many rows does not outweigh the others here."""
    each = {by: rows.groupby(by)["inside"].mean().astype(float).mean() for by in ("kind", "phenomenon")}
    return ", ".join(f"{share:.0%} if every {by} counts the same" for by, share in each.items())


def _label(row: Any) -> str:
    at = ", ".join(json.loads(row.cell).values())
    return f"{row.measure}{', sd between people' if row.kind == 'spread' else ''} [{at}]"


def _bars(ax: Any, part: pd.DataFrame, by: str) -> None:
    """Two bars for each group: how many of its rows are inside, fit and test."""
    names = list(dict.fromkeys(part[by]))
    for k, half in enumerate(TESTED):
        own = part[part["split"] == half].set_index(by).reindex(names)
        y = np.arange(len(names))[::-1] + 0.19 * (1 - 2 * k)
        ax.barh(y, own["share"].fillna(0), 0.36, color=SHADES[half], label=half)
        for at, row in zip(y, own.itertuples(), strict=True):
            if row.rows > 0:
                ax.text(
                    row.share,
                    at,
                    f" {row.inside:.0f} of {row.rows:.0f}",
                    va="center",
                    fontsize=7,
                    in_layout=False,
                )
    ax.set_yticks(np.arange(len(names))[::-1], names, fontsize=8)
    ax.set(xlim=(0, 1.3), xticks=[0, 0.5, 1], ylim=(-0.6, len(names) - 0.4), title=f"by {by}")


EDGE = 6.0  # half-widths: farther marks lie at the edge


def _spots(ax: Any, beside: Any, rows: pd.DataFrame, names: Sequence[str]) -> None:
    """Each row on the scale of its own band, a line per phenomenon; the farthest of each in words."""
    ax.axvspan(-1, 1, color="#E8E8E8", zorder=0)
    known = rows[rows["off"].notna()]
    for at, name in zip(np.arange(len(names))[::-1], names, strict=True):
        own = known[known["phenomenon"] == name]
        for k, half in enumerate(TESTED):
            x = own.loc[own["split"] == half, "off"].clip(-EDGE, EDGE)
            if len(x):
                ax.plot(x, np.full(len(x), at + 0.19 * (1 - 2 * k)), "|", color=SHADES[half], clip_on=False)
        far = own.loc[own["off"].abs().idxmax()]
        if abs(far["off"]) > 1:
            words = f"{_label(far)[:52]}: {far['model']:.3g} ({far['human']:.3g})"
            beside.text(0, at, words, va="center", fontsize=7, in_layout=False)
    ax.set_yticks(np.arange(len(names))[::-1], [])
    ax.set_xticks([-EDGE, -1, 1, EDGE], ["off", "low", "high", "off"])
    ax.set(
        xlabel="place in the human band", xlim=(-EDGE, EDGE), ylim=(-0.6, len(names) - 0.4), title="every row"
    )
    beside.set(ylim=ax.get_ylim(), xlim=(0, 1), title="the farthest: model (people)")
    beside.set_axis_off()


def _words(ax: Any, card: CurveCard) -> None:
    """Skill, wide bands, what nobody plays."""
    rows = card.rows
    known = rows[rows["inside"].notna()]
    lines = [f"{len(known)} rows are played, {len(rows) - len(known)} have no paradigm"]
    lines += [f"{int(known['wide'].sum())} of them have a wide band"]
    lines += [f"softmax {_inside(known[known['softmax_inside'].notna()], 'softmax_inside')} with a value"]
    lines += [
        f"skill over {r.baseline}, {r.half}: {r.skill:+.2f} ({r.rows} rows)"
        for r in card.skill().itertuples()
    ]
    ax.set_axis_off()
    ax.text(0.05, 1, "\n".join(lines), va="top", fontsize=9, transform=ax.transAxes, in_layout=False)
