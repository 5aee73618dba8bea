"""What matters? How much of what an experiment measures hangs on each parameter of a mind, over the range of adults.

Sobol: S1 is the share of the variance that a parameter explains alone, ST what is left of it when all others are known
(Sobol 2001; Saltelli et al. 2010). n (d + 2) points for d parameters. ST - S1 is what it does together with others.

Morris: mu* is the mean size of the change when a parameter goes through its whole range (in the measure's own unit),
sigma how much that change differs from place to place: curvature or interplay (Morris 1991; Campolongo et al. 2007).
n (d + 1) points: for a first look at many parameters.

All points meet the same draws (`tune.probes`), so a parameter that has no effect has exactly none. Intervals are 95 %
bootstrap intervals over the n starting points.

>>> table = sensitivity("simple_rt", ["speed", "slots"], "rt", n=8, people=2).table()
>>> table.set_index("parameter").loc["slots", "ST"]
np.float64(0.0)
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cogattn import files
from cogattn.errors import InputError, choice, doors, needs, whole
from cogattn.notebook import Progress, ticker
from cogattn.observer import Observer
from cogattn.paradigms import Paradigm
from cogattn.runs import trials as results
from cogattn.runs.experiment import run_folder
from cogattn.tune.probes import Probe, Range, Ranges, ranges
from cogattn.view import plot
from cogattn.view.result import Files, Result, once_an_attribute

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = npt.NDArray[np.float64]
_RESAMPLES = 1000
_LEVELS = 4  # of a parameter in a Morris screening


@dataclass(frozen=True)
class Screening:
    """Where a function is asked, and what its answers say of each of its parameters."""

    ranges: tuple[Range, ...]
    method: str
    n: int
    seed: int

    def __post_init__(self) -> None:
        choice("method", self.method, ("sobol", "morris"))
        whole("n", self.n, least=4, most=2**20)
        whole("seed", self.seed, most=2**63 - 1)
        if self.method == "sobol" and self.n & (self.n - 1):
            raise InputError(f"n must be a power of two for Sobol's method (64, 128, 256, ...), got {self.n}")

    @property
    def _problem(self) -> dict[str, Any]:
        d = len(self.ranges)
        return {"num_vars": d, "names": [r.name for r in self.ranges], "bounds": [[0.0, 1.0]] * d}

    def _shares(self) -> Array:
        """(points, parameters): how far on its way each parameter is."""
        if self.method == "morris":
            sample = needs("SALib.sample.morris", "search").sample
            return np.asarray(sample(self._problem, self.n, num_levels=_LEVELS, seed=self.seed), float)
        sample = needs("SALib.sample.sobol", "search").sample
        return np.asarray(sample(self._problem, self.n, calc_second_order=False, seed=self.seed), float)

    def points(self) -> pd.DataFrame:
        """A row per point, a column per parameter, in the parameters' own units."""
        u = self._shares()
        return pd.DataFrame({r.name: r.at(u[:, i]) for i, r in enumerate(self.ranges)})

    def analysed(self, values: npt.ArrayLike) -> pd.DataFrame:
        """A row per parameter, from the function's values at the points."""
        y = np.asarray(values, float)
        if np.ptp(y) <= 1e-12 * max(1.0, float(np.abs(y).max())):  # a division by no variance says nothing
            y = np.zeros_like(y)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # constant answers: said in a note
            found = self._morris(y) if self.method == "morris" else self._sobol(y)
        ends = pd.DataFrame([{"parameter": r.name, "low": r.low, "high": r.high} for r in self.ranges])
        return pd.concat([ends, found], axis=1)

    def _sobol(self, y: Array) -> pd.DataFrame:
        if not y.any():
            none = np.zeros(len(self.ranges))
            return pd.DataFrame({f"{s}{end}": none for s in ("S1", "ST") for end in ("", "_low", "_high")})
        analyze = needs("SALib.analyze.sobol", "search").analyze
        found = analyze(
            self._problem, y, calc_second_order=False, num_resamples=_RESAMPLES, keep_resamples=True,
            seed=self.seed + 1,  # SALib takes a seed of 0 for none, and draws from the global generator
        )  # fmt: skip
        out: dict[str, Any] = {}
        for name in ("S1", "ST"):
            low, high = np.quantile(found[f"{name}_conf_all"], (0.025, 0.975), axis=0)
            out |= {name: found[name], f"{name}_low": low, f"{name}_high": high}
        return pd.DataFrame(out)

    def _morris(self, y: Array) -> pd.DataFrame:
        analyze = needs("SALib.analyze.morris", "search").analyze
        found = analyze(
            self._problem, self._shares(), y, num_levels=_LEVELS, num_resamples=_RESAMPLES, seed=self.seed + 1
        )
        size, half = (np.asarray(found[k], float) for k in ("mu_star", "mu_star_conf"))
        out = {"mu": found["mu"], "mu_star": size, "mu_star_low": size - half, "mu_star_high": size + half}
        return pd.DataFrame(out | {"sigma": found["sigma"]}).astype(float)


@dataclass(frozen=True)
class Sensitivity(Result):
    """What `sensitivity` found.

    >>> done = sensitivity("partial_report", ["slots"], "hits", n=4, people=1, trials=2)
    >>> done.table()["parameter"].tolist()
    ['slots']
    """

    paradigm: str
    screening: Screening
    indices: pd.DataFrame  #: a row per metric and parameter
    points: pd.DataFrame  #: a row per point: the parameters, then all that was measured there
    config: dict[str, Any]
    folder: Path | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def metrics(self) -> list[str]:
        """What was asked about."""
        return list(dict.fromkeys(self.indices["metric"]))

    def plot(self) -> Figure:
        """Sobol: bars from the parameter that matters most; Morris: the plane of mu* and sigma."""
        n = len(self.metrics)
        columns = min(3, n)
        lines = -(-n // columns)
        morris = self.screening.method == "morris"
        tall = 3.4 if morris else 1.0 + 0.34 * len(self.screening.ranges)
        with plot.style() as plt:
            figure, axes = plt.subplots(
                lines, columns, figsize=(max(5.2, 3.9 * columns), lines * tall + 0.8), squeeze=False
            )
            for ax, metric in zip(axes.flat, self.metrics, strict=False):
                own = self.indices[self.indices["metric"] == metric]
                (self._plane if morris else self._tornado)(ax, own, _clear(metric))
            for ax in axes.flat[n:]:
                ax.set_visible(False)
            if not morris:
                figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
            figure.suptitle(self.heading(), x=0.01, ha="left", fontweight="bold", fontsize=10.5)
            return figure

    @staticmethod
    def _tornado(ax: Any, own: pd.DataFrame, title: str) -> None:
        own = own.sort_values("ST")
        y = np.arange(len(own))
        for name, shift, height, color in (("ST", 0.0, 0.72, "#9DC3E6"), ("S1", 0.0, 0.34, "#0072B2")):
            label = {"S1": "alone (S1)", "ST": "with all it does together with others (ST)"}[name]
            ax.barh(y + shift, own[name].clip(lower=0), height=height, color=color, label=label)
        ends = own[["ST_low", "ST_high"]].to_numpy().clip(0, None)
        ax.hlines(y, ends[:, 0], ends[:, 1], color=plot.PEOPLE, linewidth=1.3)
        ax.set_yticks(y, own["parameter"])
        ax.set(xlim=(0, 1.08), title=title, xlabel="share of the variance")

    @staticmethod
    def _plane(ax: Any, own: pd.DataFrame, title: str) -> None:
        top = max(float(own["mu_star_high"].max()), 1e-12) * 1.25
        high = max(float(own["sigma"].max()), 1e-12) * 1.2
        ax.plot([0, top], [0, top], color="#BBBBBB", linewidth=0.9, zorder=0)
        bars = [own["mu_star"] - own["mu_star_low"].clip(lower=0), own["mu_star_high"] - own["mu_star"]]
        ax.errorbar(own["mu_star"], own["sigma"], xerr=bars, fmt="o", color="#0072B2", ecolor="#9DC3E6")
        for i, row in enumerate(own.sort_values("mu_star").itertuples()):
            at = (4, 4) if i % 2 else (4, -10)
            ax.annotate(
                row.parameter, (row.mu_star, row.sigma), xytext=at, textcoords="offset points", fontsize=8
            )
        ax.set(xlim=(-0.03 * top, top), ylim=(-0.1 * high, high), title=title)
        ax.set(xlabel="size of its effect, mu*", ylabel="how it varies, sigma")

    def heading(self) -> str:
        """The parameter that matters most for each metric, in a sentence."""
        by = "mu_star" if self.screening.method == "morris" else "ST"
        most = self.indices.sort_values(by, ascending=False).groupby("metric", sort=False).first()
        firsts = list(dict.fromkeys(most.loc[self.metrics, "parameter"]))
        if not (most[by] > 0).any():
            return f"{self.paradigm}: none of these parameters matters"
        if len(firsts) == 1:
            return f"{self.paradigm}: {firsts[0]} matters most"
        return f"{self.paradigm}: what matters most changes with the measure ({', '.join(firsts)})"

    @once_an_attribute
    def table(self) -> pd.DataFrame:
        """A row per metric and parameter: the indices with their intervals."""
        return self.indices

    def findings(self) -> list[str]:
        """For each measure the parameter that matters most, and by how much."""
        by = "mu_star" if self.screening.method == "morris" else "ST"
        out = []
        for metric in self.metrics:
            own = self.indices[self.indices["metric"] == metric].sort_values(by, ascending=False)
            first, name, n = own.iloc[0], _clear(metric), len(own)
            if not first[by] > 0:
                out.append(f"{name}: none of the {n} parameters matters.")
            elif by == "ST":
                out.append(
                    f"{name}: {first['parameter']} matters most of {n}; share of the variance that it explains: alone "
                    f"{first['S1']:.2f}, with all it does together with others {first['ST']:.2f}."
                )
            else:
                out.append(
                    f"{name}: {first['parameter']} matters most of {n}: through its range the measure changes by "
                    f"{first['mu_star']:.3g} in the mean (sd {first['sigma']:.3g} from place to place)."
                )
        return out

    def remarks(self) -> list[str]:
        """What is odd about the answers."""
        return self.notes

    def files(self) -> Files:
        """The indices and the points."""
        notes = "".join(f"{note}\n" for note in self.notes)
        return {"sensitivity.csv": self.indices, "points.csv": self.points, "notes.txt": notes}

    def figures(self) -> Iterator[tuple[str, Figure]]:
        """A panel per measure."""
        yield "figures/sensitivity", self.plot()

    def done(self) -> dict[str, Any]:
        """How many points."""
        return {"points": len(self.points)}


def sensitivity(
    paradigm: str | Paradigm,
    params: Ranges,
    metric: str | Sequence[str],
    *,
    method: str = "sobol",
    n: int = 128,
    observer: Observer | None = None,
    people: int = 20,
    trials: int | None = None,
    seed: int = 0,
    n_jobs: int = 1,
    out: str | Path | None = None,
    resume: bool = False,
    progress: Progress | bool | None = None,
) -> Sensitivity:
    """How much do these measures of an experiment depend on each of these parameters?

    params: names (over the range of adults), or names with (low, high). metric: one or several of what the experiment
    measures (`tune.probes`); all are taken from the same points. n: starting points, a power of two for Sobol.
    people: minds of each kind, alike but for chance, `trials` each.

    >>> done = sensitivity("simple_rt", ["slots"], "rt", n=4, people=1)
    >>> round(float(done.table()["ST"].iloc[0]), 6)
    0.0
    """
    screening = Screening(ranges(params), method, n, seed)
    probe = Probe(paradigm, observer or Observer(), people, trials, seed)
    metrics = [metric] if isinstance(metric, str) else list(metric)
    measured = probe.measure([{}])  # says at once which measures there are
    for name in metrics:
        choice("metric", name, measured.columns)
    points = screening.points()
    config = {
        **{k: v for k, v in probe.plan({}).config().items() if k != "arms"},
        "params": {r.name: [r.low, r.high] for r in screening.ranges},
        "metrics": metrics, "method": method, "n": n,
    }  # fmt: skip
    folder = None if out is None else run_folder(Path(out), "sensitivity", config, resume)
    if folder is not None:
        files.write_text(folder / "config.toml", results.toml(config))
        files.write_json(folder / "provenance.json", results.provenance(seed, "cpu", n_jobs))
    found = probe.measure(
        points.to_dict("records"), folder and folder / "parts", n_jobs, ticker(progress, "sensitivity")
    )
    tables = [screening.analysed(_known(found, name)).assign(metric=name) for name in metrics]
    table = pd.concat(tables, ignore_index=True)
    table = table[["metric", *(c for c in table if c != "metric")]]
    notes = _notes(table, found, screening)
    all_ = pd.concat([points, found], axis=1)
    done = Sensitivity(config["paradigm"], screening, table, all_, config, folder, notes)
    if folder is not None:
        done.save(folder)
    return done


def _known(found: pd.DataFrame, name: str) -> Array:
    """A measure at every point; one that is nowhere to be had at some cannot be analysed."""
    missing = int((~np.isfinite(found[name])).sum())
    if missing:
        raise InputError(
            f"{name} has no value at {missing} of {len(found)} points: more people or trials, or a narrower range"
        )
    return found[name].to_numpy(float)


def _notes(table: pd.DataFrame, found: pd.DataFrame, screening: Screening) -> list[str]:
    """What is odd about the answers."""
    out = [
        f"{name} is the same at every point" for name in table["metric"].unique() if np.ptp(found[name]) == 0
    ]
    if screening.method == "sobol":
        wide = table[table["ST_high"] - table["ST_low"] > 0.3]
        out += [f"ST of {r.parameter} for {r.metric} is uncertain: raise n" for r in wide.itertuples()]
    return out


def _clear(metric: str) -> str:
    return metric.replace("_", " ")


doors(__name__, "sensitivity", first=True)
