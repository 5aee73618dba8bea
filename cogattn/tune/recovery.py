"""Can it be trusted? Simulated people with known parameters are fitted.

A point estimate does not say whether a design can tell parameters apart; `recover` does: correlation of the true and
the estimated, bias, how many intervals hold the truth (95 % should), and which parameters trade off.

>>> done = recover([(WholeReport(exposures=(0.05, 0.2)), 30)], people=4)
>>> list(done.table()["parameter"])
['capacity', 'slots', 'threshold']
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cogattn.errors import InputError, doors, whole
from cogattn.notebook import Progress
from cogattn.paradigms import Paradigm
from cogattn.paradigms.partial_report import PartialReport
from cogattn.paradigms.whole_report import WholeReport
from cogattn.population import Population
from cogattn.runs.experiment import run
from cogattn.tune.fits import Fit, ask, fit
from cogattn.tune.scales import SCALES
from cogattn.view import plot
from cogattn.view.result import Files, Result, once_an_attribute

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Design = Sequence[
    tuple[str | Paradigm, int]
]  #: which paradigms people take, and how many trials of each condition


@dataclass(frozen=True)
class Recovery(Result):
    """What `recover` found.

    >>> recover([("whole_report", 10)], people=4).table()["parameter"].tolist()
    ['capacity', 'slots', 'threshold']
    """

    people: pd.DataFrame  #: person, parameter, true, estimate, low, high
    fit: Fit

    @once_an_attribute
    def table(self) -> pd.DataFrame:
        """A row per parameter: correlation (on its scale), bias, root mean square error, intervals that hold."""
        rows = []
        for name in self.fit.params:
            own = self.people[self.people["parameter"] == name]
            gap = own["estimate"] - own["true"]
            held = (own["low"] <= own["true"] + 1e-9) & (own["true"] - 1e-9 <= own["high"])
            rows.append(
                {
                    "parameter": name,
                    "unit": SCALES[name].unit,
                    "correlation": float(np.corrcoef(*_on_scale(own, name))[0, 1]),
                    "bias": gap.mean(),
                    "rmse": float(np.sqrt((gap**2).mean())),
                    "sd of people": own["true"].std(ddof=1),
                    "intervals that hold": held.mean(),
                }
            )
        return pd.DataFrame(rows)

    def plot(self) -> Figure:
        """Estimated over true, with intervals: on the line is right."""
        with plot.style() as plt:
            n = len(self.fit.params)
            wide = 2 if n == 4 else min(n, 3)
            lines = -(-n // wide)
            size = (3.2 * wide, 3.4 * lines + 0.4)
            figure, axes = plt.subplots(lines, wide, figsize=size, squeeze=False)
            for ax in axes.flat[n:]:
                ax.set_axis_off()
            table = self.table().set_index("parameter")
            for ax, name in zip(axes.flat, self.fit.params, strict=False):
                own = self.people[self.people["parameter"] == name]
                scale = 1000.0 if name == "threshold" else 1.0
                true, found = scale * own["true"], scale * own["estimate"]
                ax.vlines(true, scale * own["low"], scale * own["high"], color="#CCCCCC", linewidth=0.9)
                ax.plot(true, found, ".", color="#0072B2", markersize=4)
                ends = [min(true.min(), found.min()), max(true.max(), found.max())]
                ax.plot(ends, ends, color=plot.PEOPLE, linewidth=0.9)
                unit = "ms" if name == "threshold" else SCALES[name].unit
                row = table.loc[name]
                ax.set(
                    title=f"{name}: r = {row['correlation']:.2f}",
                    xlabel=f"true [{unit}]" if unit else "true",
                    ylabel=f"estimated [{unit}]" if unit else "estimated",
                )
                if SCALES[name].log:
                    plot.by_factors(ax.xaxis)
                    plot.by_factors(ax.yaxis)
            worst = float(table["intervals that hold"].min())
            text = f"{self.heading()}: {100 * worst:.0f} % or more of the 95 % intervals hold the truth"
            figure.suptitle(plot.evenly(text, int(10.4 * 3.2 * wide)), x=0.01, ha="left", fontweight="bold")
            return figure

    def heading(self) -> str:
        """Of what."""
        return f"Recovery of {self.fit.paradigm}"

    def findings(self) -> list[str]:
        """How well each parameter came back."""
        return [
            f"{r['parameter']}: true and estimated correlate {r['correlation']:.2f}; bias {r['bias']:+.3g}"
            f"{' ' * bool(r['unit'])}{r['unit']}, error {r['rmse']:.3g} (people differ by {r['sd of people']:.3g}); "
            f"{r['intervals that hold']:.0%} of the 95 % intervals hold the truth."
            for r in self.table().to_dict("records")
        ]

    def remarks(self) -> list[str]:
        """What is to be known about the fit."""
        return self.fit.notes

    def files(self) -> Files:
        """The table and the people."""
        return {"table.csv": self.table(), "people.csv": self.people}


def recover(
    design: Design,
    people: int = 50,
    *,
    params: Sequence[str] | None = None,
    population: Population | None = None,
    pool: bool | None = None,
    seed: int = 0,
    n_jobs: int = 1,
    progress: Progress | bool | None = None,
) -> Recovery:
    """Let people of known parameters take this design, fit them, and compare.

    params: which ones are fitted (default: all that the data inform). In those people differ, as `population` has it,
    or else as the fit itself expects of adults. All have an ordinary day: what a fit finds is a person on that day.

    >>> found = recover([("whole_report", 10)], people=4, seed=1)
    >>> sorted(found.people.columns)
    ['estimate', 'high', 'low', 'parameter', 'person', 'true']
    """
    population = (population or Population.adults()).on_an_ordinary_day()
    people = whole("people", people, least=2, most=10_000)
    if not design:
        raise InputError("a design needs at least one (paradigm, trials per condition)")

    def taken(people: int, population: Population) -> pd.DataFrame:
        frames = [
            run(task, arms="human", people=people, trials=trials, seed=seed, population=population).frame
            for task, trials in design
        ]
        return pd.concat(frames, ignore_index=True)

    name = design[0][0] if isinstance(design[0][0], str) else design[0][0].name
    asked = ask(name, taken(2, population), params, None)
    law, fitted = asked.law, asked.params
    for param in set(law.others).intersection(params or ()):
        raise InputError(f"{param} is the task's own: people do not differ in it, so it cannot be recovered")
    fitted = tuple(param for param in fitted if param not in law.others)
    for param in fitted:
        if param not in population.spreads():
            usual = SCALES[param]
            population = population.with_spreads({param: usual.spread(usual.mean, usual.sd)})
    found = fit(
        name, taken(people, population), fitted, pool=pool, seed=seed, n_jobs=n_jobs, progress=progress
    )
    true = population.parameters(people, seed)
    wide = found.estimates.set_index("person")
    bounds = found.intervals.set_index(["parameter", "person"])
    parts = [
        pd.DataFrame(
            {
                "person": wide.index,
                "parameter": param,
                "true": true.loc[wide.index, param].to_numpy(),
                "estimate": wide[param].to_numpy(),
                "low": bounds.loc[param].loc[wide.index, "low"].to_numpy(),
                "high": bounds.loc[param].loc[wide.index, "high"].to_numpy(),
            }
        )
        for param in found.params
    ]
    return Recovery(pd.concat(parts, ignore_index=True), found)


def _on_scale(own: pd.DataFrame, name: str) -> tuple[np.ndarray, np.ndarray]:
    """True and estimated on the scale on which people are normal."""
    scale = SCALES[name]
    return scale.latent(own["true"].to_numpy()), scale.latent(own["estimate"].to_numpy())


def published() -> list[tuple[Paradigm, int]]:
    """The design of `human/whole_report.csv`: six exposures, 27 trials each, then 81 + 81 of partial report.

    >>> [(task.name, trials) for task, trials in published()]
    [('whole_report', 27), ('partial_report', 81)]
    """
    whole_report = WholeReport(exposures=tuple(f / 60 for f in (1, 2, 3, 5, 9, 12)))
    return [(whole_report, 27), (PartialReport(), 81)]


doors(__name__, "recover", first=True)
