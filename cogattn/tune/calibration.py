"""Simulation-based calibration: are the posteriors as wide as they should be, and in the right place?

A person is drawn from the prior, a mind with his parameters takes the task, and his data are asked for the posterior.
If model and sampler are right, the rank of the truth among L independent draws is uniform on 0..L (Talts et al. 2018,
arXiv:1804.06788): ranks piled up in the middle are posteriors that are too wide, at the ends too narrow, on one side
biased. The data come from the mind itself and not from the likelihood, so this holds the likelihood against the mind.

The prior is that of one person taken alone: adults, on the scales. Draws are thinned until the L that are ranked are
nearly independent (effective draws at least L). Replication i hangs on (seed, i) alone and is written when it is done.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from cogattn import files, paradigms
from cogattn.errors import doors, needs, whole
from cogattn.mind.draws import seed_of
from cogattn.notebook import Progress, ticker
from cogattn.observer import Observer
from cogattn.paradigms import Paradigm
from cogattn.runs.experiment import run
from cogattn.tune import likelihoods, scales
from cogattn.tune.base import Likelihood
from cogattn.tune.densities import Alone, adults, mind
from cogattn.tune.gradients import Slope
from cogattn.tune.sampler import nuts
from cogattn.view import plot
from cogattn.view.result import Files, Result, once_an_attribute

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = npt.NDArray[Any]
RANKED = 59  # draws that the truth is ranked among: 60 ranks
BINS = 12  # of the histogram, five ranks each
THIN, TUNE, LONGER = 8, 300, 3  # every eighth draw; and how often it is drawn longer if that was not enough


@dataclass(frozen=True)
class Calibration(Result):
    """What `calibrate` found.

    >>> ranks = pd.DataFrame({"parameter": "slots", "rank": range(60), "ess": 400.0, "diverged": 0})
    >>> round(Calibration("partial_report", ranks).table()["p"].item(), 3)  # ranks that are uniform
    1.0
    """

    paradigm: str
    ranks: pd.DataFrame  #: replication, parameter, true (on its scale), rank (0..RANKED), ess, diverged
    law: str = ""  #: what is said about the law, if it is not the paradigm's own

    @once_an_attribute
    def table(self) -> pd.DataFrame:
        """A row per parameter: chi-square of the ranks' histogram and its p, where they lie, what went badly."""
        rows = []
        for name, own in self.ranks.groupby("parameter", sort=False):
            n, rank = len(own), own["rank"].to_numpy()
            counts = np.histogram(rank, BINS, (0, RANKED + 1))[0]
            chi2, p = stats.chisquare(counts)
            rows.append(
                {"paradigm": self.paradigm + (f" ({self.law})" if self.law else ""), "parameter": name,
                 "replications": n, "chi-square": float(chi2), "p": float(p), "mean rank": rank.mean() / RANKED,
                 "sd of ranks over uniform": float(rank.std() / (RANKED + 1) * math.sqrt(12)),
                 "fewest effective draws": float(own["ess"].min()), "diverged": int(own["diverged"].sum())}
            )  # fmt: skip
        return pd.DataFrame(rows)

    def plot(self) -> Figure:
        """Histogram of ranks, and how far their cumulative share is from uniform; in grey where 95 % would be."""
        names = list(dict.fromkeys(self.ranks["parameter"]))
        with plot.style() as plt:
            figure, axes = plt.subplots(2, len(names), figsize=(2.9 * len(names) + 0.6, 4.6), squeeze=False)
            for column, row in zip(axes.T, self.table().itertuples(), strict=True):
                rank = self.ranks.loc[self.ranks["parameter"] == row.parameter, "rank"].to_numpy()
                _histogram(column[0], rank)
                column[0].set_title(f"{row.parameter}: p = {row.p:.2g}", fontsize=10)
                _ecdf(column[1], rank)
            for ax in axes[:, 1:].ravel():
                ax.set_ylabel("")
            n = len(self.ranks) // len(names)
            said = f", {self.law}" if self.law else ""
            figure.suptitle(
                f"{self.paradigm}{said}: ranks of the truth, {n} simulated people",
                x=0.01, ha="left", fontsize=11, fontweight="bold",
            )  # fmt: skip
            return figure

    def heading(self) -> str:
        """Of what."""
        return f"Calibration of {self.paradigm}" + (f" ({self.law})" if self.law else "")

    def findings(self) -> list[str]:
        """Whether the ranks of each parameter are uniform, and where they lie."""
        out = []
        for r in self.table().to_dict("records"):
            verdict = "are uniform" if r["p"] > 0.01 else "are NOT uniform"
            out.append(
                f"{r['parameter']}: the ranks of the truth of {r['replications']} simulated people {verdict} "
                f"(chi-square {r['chi-square']:.1f}, p = {r['p']:.2g}); "
                f"their mean is {r['mean rank']:.2f} (.50 is right), "
                f"their sd {r['sd of ranks over uniform']:.2f} of a uniform's."
            )
        return out

    def files(self) -> Files:
        """The table and the ranks."""
        return {"table.csv": self.table(), "ranks.csv": self.ranks}


def calibrate(
    paradigm: str | Paradigm,
    params: Sequence[str] | None = None,
    *,
    replications: int = 100,
    trials: int | None = None,
    law: Likelihood | None = None,
    said: str = "",
    seed: int = 0,
    n_jobs: int = 1,
    folder: str | Path | None = None,
    progress: Progress | bool | None = None,
) -> Calibration:
    """Rank the truth in the posterior, `replications` times. folder: where finished replications are kept and found.

    params: parts of the mind (default: those that are usually fitted). law: another likelihood than the paradigm's own
    (to see that a wrong one is caught), `said` its name in table and figure.

    >>> done = calibrate("partial_report", ("slots",), replications=12, trials=4)
    >>> len(done.ranks)
    12
    """
    needs("nutpie", "posterior")
    task = paradigms.make(paradigm, {}) if isinstance(paradigm, str) else paradigm
    replications, seed = whole("replications", replications, least=BINS), whole("seed", seed, most=2**63 - 1)
    law = law or likelihoods.of(task.name)
    first = law.compact(scattered(task, trials, Observer(), law, seed))
    names = scales.names(params) if params else law.usual(first)
    plan = {"paradigm": task.name, "options": task.options(), "params": list(names), "trials": trials,
            "law": f"{type(law).__name__} {said}", "ranked": RANKED, "thin": THIN, "seed": seed}  # fmt: skip
    place = None if folder is None else Path(folder) / _digest(plan)
    jobs = (joblib.delayed(_kept)(task, law, names, trials, seed, i, place) for i in range(replications))
    tick = ticker(progress, f"calibrate {task.name}")
    found: dict[int, list[dict[str, Any]]] = {}
    for rows in joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered", batch_size=1)(jobs):
        found[rows[0]["replication"]] = rows
        if tick is not None:
            tick(len(found), replications)
    return Calibration(task.name, pd.DataFrame([row for i in sorted(found) for row in found[i]]), said)


def _digest(plan: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(plan, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _kept(
    task: Paradigm,
    law: Likelihood,
    names: Sequence[str],
    trials: int | None,
    seed: int,
    i: int,
    place: Path | None,
) -> list[dict[str, Any]]:
    """One replication, from its file if it is done."""
    part = None if place is None else place / f"{i}.json"
    if part is not None and part.is_file():
        return list(files.read_json(part)["rows"])
    rows = replicate(task, law, names, trials, seed_of(seed, "calibrate", str(i)), i)
    if part is not None:
        files.write_json(part, {"rows": rows})
    return rows


def replicate(
    task: Paradigm, law: Likelihood, names: Sequence[str], trials: int | None, seed: int, number: int
) -> list[dict[str, Any]]:
    """A person from the prior, his data, the rank of each of his parameters in its posterior."""
    az, rng = needs("arviz", "posterior"), np.random.default_rng(seed)
    mean, sd = adults(names)
    true = mean + sd * rng.normal(size=len(names))
    data = law.compact(scattered(task, trials, mind(names, true), law, seed % 2**62))
    own = Alone(Slope(law, data, tuple(names)), 0)
    thin, x, ess, bad = THIN, np.empty(0), 0.0, 0
    for _ in range(LONGER):
        q, went = nuts(own, own.start, draws=thin * RANKED, chains=1, seed=seed % 2**62, tune=TUNE)
        x, bad = own.people(q)[0, :, 0], int(went["diverging"].sum())
        ess = min(float(az.ess(x[None, :, k])) for k in range(len(names)))
        if ess >= RANKED:
            break
        thin *= 3
    rank = (x[thin - 1 :: thin][:RANKED] < true).sum(0)
    common = {"ess": ess, "diverged": bad}
    return [
        {"replication": number, "parameter": name, "true": float(true[k]), "rank": int(rank[k]), **common}
        for k, name in enumerate(names)
    ]


def scattered(task: Paradigm, trials: int | None, who: Observer, law: Likelihood, seed: int) -> pd.DataFrame:
    """What this mind does in the task. Where the law scatters a share `stray` of reports over all scores, so it is."""
    frame = run(task, arms="human", people=1, trials=trials, observer=who, seed=seed).frame
    share = float(getattr(law, "stray", 0.0))
    if not share:
        return frame
    rng = np.random.default_rng(seed)
    odd, score = rng.random(len(frame)) < share, rng.random(len(frame)) * (frame["targets"] + 1)
    return frame.assign(score=frame["score"].where(~odd, np.floor(score)))


def _histogram(ax: Any, rank: Array) -> None:
    """Counts of ranks in bins; in grey where 99 % of the counts would be."""
    edges = np.linspace(0, RANKED + 1, BINS + 1)
    low, high = stats.binom.ppf((0.005, 0.995), len(rank), 1 / BINS)
    ax.axhspan(low, high, color="#DDDDDD", zorder=0)
    ax.axhline(len(rank) / BINS, color=plot.PEOPLE, linewidth=0.8)
    ax.hist(rank, bins=edges, color="#0072B2")
    ax.set(xlabel="rank of the truth", ylabel="people", xlim=(0, RANKED + 1))


def _ecdf(ax: Any, rank: Array) -> None:
    """Share of ranks below each, minus uniform; in grey where 95 % of uniform ranks stay throughout."""
    at = np.arange(RANKED + 1)
    even = (at + 1) / (RANKED + 1)
    share = (rank[:, None] <= at).mean(0)
    drawn = np.random.default_rng(0).integers(0, RANKED + 1, (2000, len(rank)))
    gap = np.abs((drawn[..., None] <= at).mean(1) - even) / np.sqrt(even * (1 - even) + 1e-3)
    edge = np.quantile(gap.max(1), 0.95) * np.sqrt(even * (1 - even) + 1e-3)
    ax.fill_between(at, -edge, edge, color="#DDDDDD", linewidth=0)
    ax.axhline(0, color=plot.PEOPLE, linewidth=0.8)
    ax.step(at, share - even, color="#0072B2", where="post")
    most = 1.3 * max(float(edge.max()), float(np.abs(share - even).max()))
    ax.set(xlabel="rank of the truth", ylabel="share below - uniform", xlim=(0, RANKED), ylim=(-most, most))


doors(__name__, "calibrate", first=True)
