"""Posteriors: all that people's data say about their parameters, as draws.

The densities, with their priors, are in `tune.densities`: each person alone, or people together with their population.

Draws are by NUTS (`tune.sampler`) with the slopes of `tune.gradients`. Where the likelihood has kinks (K at whole
numbers, t0 at an exposure and at 0, where people are at the floor) it is continuous, so the draws are right and only
more proposals fail. Whatever went badly (divergences, R-hat over 1.01, few effective draws) is said in a line each.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cogattn import files
from cogattn._renamed import old_names
from cogattn.errors import InputError, doors, needs, whole
from cogattn.mind.draws import seed_of
from cogattn.notebook import Progress, ticker
from cogattn.observer import Observer
from cogattn.paradigms import Paradigm
from cogattn.runs.trials import Trials
from cogattn.tune import scales
from cogattn.tune.densities import Alone, Together, factors
from cogattn.tune.fits import Asked, Fit, ask, fit, pools, trades
from cogattn.tune.gradients import Slope
from cogattn.tune.likelihoods import Compact
from cogattn.tune.sampler import ENOUGH, RHAT, nuts
from cogattn.tune.verdict import Reason, Verdict
from cogattn.view import plot
from cogattn.view.result import Files, Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = npt.NDArray[Any]
SHOWN = 100  # draws per chain of which the expected data are kept
CURVES = 60  # draws whose curves make a band


# -- what comes of it -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Posterior(Result):
    """Draws, and the summary of them as a fit.

    >>> import warnings
    >>> from cogattn import run
    >>> data = run("partial_report", "human", people=1, trials=6)
    >>> with warnings.catch_warnings():  # so few draws are warned of
    ...     warnings.simplefilter("ignore")
    ...     sample_posterior("partial_report", data, ("slots",), draws=20, chains=2).fit.params
    ('slots',)
    """

    draws: Any  #: ArviZ InferenceData: what `posterior` gives
    fit: Fit  #: the posterior means with 95 % intervals: table, figure, observer, population, files

    @property
    def params(self) -> tuple[str, ...]:
        """What was asked about."""
        return self.fit.params

    @property
    def pooled(self) -> bool:
        """Whether people were taken together."""
        return self.fit.pooled

    @property
    def notes(self) -> list[str]:
        """What is odd, and what went badly."""
        return self.fit.notes

    @property
    def verdict(self) -> Verdict:
        """Whether these numbers can be believed, by the fit and by how the draws ran."""
        return self.fit.verdict

    def check(self) -> Figure:
        """The data beside what the posterior means say of them, condition by condition."""
        return self.fit.check()

    def table(self) -> pd.DataFrame:
        """A row per person and parameter, the population's first: mean, sd, 95 % interval, R-hat, effective draws."""
        az = needs("arviz", "posterior")
        own = self.draws.posterior
        own = own[[n for n in ("mean", "sd", *self.fit.params) if n in own]]
        rhat, ess, parts = az.rhat(own), az.ess(own), []
        for name in own.data_vars:
            values = own[name].values.reshape(-1, own[name].shape[-1])
            low, high = np.quantile(values, (0.025, 0.975), axis=0)
            numbers = {"mean": values.mean(0), "sd": values.std(0, ddof=1), "low": low, "high": high}
            numbers |= {"rhat": rhat[name].values, "ess": ess[name].values}
            parts.append(pd.DataFrame(self._whose(str(name)) | numbers))
        return pd.concat(parts, ignore_index=True)

    def _whose(self, name: str) -> dict[str, Any]:
        """Whose and which each entry of a variable is."""
        if name in ("mean", "sd"):
            return {"person": f"population: {name}", "parameter": list(self.params), "unit": "on its scale"}
        people = self.draws.posterior["person"].values
        return {"person": people, "parameter": name, "unit": scales.SCALES[name].unit}

    def heading(self) -> str:
        """Whose posterior it is."""
        return self.fit.heading().replace("Fit", "Posterior", 1)

    def findings(self) -> list[str]:
        """What people are like by their posterior means; how well the draws ran."""
        table, sampled = self.table(), self.draws.posterior.sizes
        return [
            *self.fit.findings()[:-1],
            f"{sampled['chain']} chains of {sampled['draw']} draws: R-hat at most {table['rhat'].max():.3f}, "
            f"at least {table['ess'].min():.0f} effective draws.",
        ]

    def remarks(self) -> list[str]:
        """What is odd, and what went badly."""
        return self.notes

    def files(self) -> Files:
        """The table, and the files of a fit."""
        return {"posterior.csv": self.table()} | self.fit.files()

    def figures(self) -> Iterator[tuple[str, Figure]]:
        """The posterior, how the draws ran, and the figure of the fit."""
        yield "figures/posterior", self.plot()
        yield "figures/draws", self.traces()
        yield from self.fit.figures()

    def done(self) -> dict[str, Any]:
        """As a fit."""
        return self.fit.done()

    def save(self, folder: str | Path, figures: bool = True) -> Path:
        """The draws as NetCDF beside all else."""
        path = Path(folder) / "posterior.nc"
        files.place_apart(path, lambda p: self.draws.to_netcdf(str(p), engine="h5netcdf"))
        return super().save(folder, figures)

    def plot(self) -> Figure:
        """The figure of the fit, with the band that holds the curve of 95 % of the draws."""
        figure = self.fit.plot()
        with plot.style():
            _band(figure.axes[0], self._curves())
            figure.axes[0].set_title("stars: data; lines: fit; bands: 95 % of draws")
        return figure

    def _curves(self) -> list[tuple[Array, Array]]:
        """(x, y (draws, points)) of every curve that the law draws: as it draws it, for some of the draws."""
        x = np.stack([self.draws.posterior[name].values for name in self.fit.params], -1)
        x = x.reshape(-1, *x.shape[2:])
        law, data = self.fit.law, self.fit.data
        with plot.style() as plt:
            figure, ax = plt.subplots()
            found = []
            for values in x[:: max(1, len(x) // CURVES)]:
                ax.clear()
                law.draw(ax, law.theta(values, self.fit.params), data)
                found.append([(np.asarray(c.get_xdata()), np.asarray(c.get_ydata())) for c in ax.get_lines()])
            plot.close(figure)
        return [(curve[0][0], np.stack([y for _, y in curve])) for curve in zip(*found, strict=True)]

    def traces(self) -> Figure:
        """Every parameter of one person (of the population, if people were taken together): draw by draw, chain by
        chain; and pair by pair, where they trade off."""
        shown, values, what = self._shown()
        p = len(shown)
        with plot.style() as plt:
            figure, axes = plt.subplots(
                p, p + 1, figsize=(2.6 * (p + 1) + 1.6, 2.1 * p + 0.7), width_ratios=[1.6] + [1.0] * p,
                squeeze=False,
            )  # fmt: skip
            for i, name in enumerate(shown):
                _trace(axes[i, 0], values[..., i], name, last=i == p - 1)
                for j in range(p):
                    ax = axes[i, 1 + j]
                    if j > i:
                        ax.set_axis_off()
                        continue
                    _pair(ax, values[..., j], None if i == j else values[..., i], bad=self._bad())
                    ax.set(xlabel=shown[j] if i == p - 1 else "", ylabel="" if j or i == j else name)
            figure.suptitle(what, x=0.01, ha="left", fontsize=11, fontweight="bold")
            return figure

    def _shown(self) -> tuple[list[str], Array, str]:
        """Labels, draws (chains, draws, parameters) in the units of figures, and whose they are."""
        own, p = self.draws.posterior, self.fit.params
        if self.fit.pooled:
            x = scales.own(p, own["mean"].values)
            what = f"{self.fit.paradigm}: the person in the middle of {len(own['person'])}"
        else:
            x = np.stack([own[name].values[..., 0] for name in p], -1)
            what = f"{self.fit.paradigm}: person {own['person'].values[0]}"
        units = [_unit(name) for name in p]
        return (
            [f"{n} [{u}]" if u else n for n, (u, _) in zip(p, units, strict=True)],
            x * [s for _, s in units],
            what,
        )

    def _bad(self) -> Array:
        """(chains, draws) whether a draw diverged."""
        bad = self.draws.sample_stats["diverging"].values
        return bad if bad.ndim == 2 else bad[..., 0]


def _band(ax: Axes, curves: list[tuple[Array, Array]]) -> None:
    """Behind each line that moves from draw to draw: where 95 % of them lie."""
    for line, (x, y) in zip(list(ax.get_lines()), curves, strict=True):
        if np.ptp(y, axis=0).max(initial=0.0) > 0:
            low, high = np.nanquantile(y, (0.025, 0.975), axis=0)
            ax.fill_between(x, low, high, color=line.get_color(), alpha=0.25, linewidth=0, zorder=1)


def _unit(name: str) -> tuple[str, float]:
    """In what a figure shows a parameter, and how many of that one of its own unit is."""
    return ("ms", 1000.0) if scales.SCALES[name].unit == "s" else (scales.SCALES[name].unit, 1.0)


def _trace(ax: Axes, values: Array, label: str, last: bool) -> None:
    """Draw by draw, a line per chain: one grass is good, several are not."""
    known = list(plot.pens([str(i) for i in range(len(values))]).values())
    for chain, pen in zip(values, known, strict=True):
        ax.plot(chain, color=pen.color, linewidth=0.35, alpha=0.8, rasterized=True)
    ax.set(ylabel=label, xlabel="draw" if last else "")


def _pair(ax: Axes, x: Array, y: Array | None, bad: Array) -> None:
    """Two parameters against each other, draws that diverged in orange; or one, as a histogram."""
    if y is None:
        ax.hist(x.ravel(), bins=40, color="#0072B2", alpha=0.7)
        ax.set_yticks([])
        return
    few = slice(None, None, max(1, x.size // 1500))
    ax.plot(x.ravel()[few], y.ravel()[few], ".", color="#0072B2", markersize=1.5, alpha=0.4, rasterized=True)
    ax.plot(x[bad], y[bad], ".", color="#D55E00", markersize=4)


# -- drawing --------------------------------------------------------------------------------------------------


def posterior(
    paradigm: str | Paradigm,
    data: Trials | pd.DataFrame,
    params: Sequence[str] | None = None,
    *,
    pool: bool | None = None,
    draws: int = 1000,
    chains: int = 4,
    observer: Observer | None = None,
    seed: int = 0,
    n_jobs: int = 1,
    progress: Progress | bool | None = None,
) -> Any:
    """People's parameters as draws: an ArviZ InferenceData. What went badly is warned of, and is in its `notes`.

    Groups: posterior (each parameter by person; together: mean, sd and correlation of the population on the scales),
    unconstrained_posterior (on the scales), sample_stats, log_likelihood (of each person's data in each condition where
    conditions are apart, else of all his data), posterior_predictive (expected means), observed_data (as condensed).

    >>> import warnings
    >>> from cogattn import run
    >>> data = run("partial_report", "human", people=1, trials=6)
    >>> with warnings.catch_warnings():  # so few draws are warned of
    ...     warnings.simplefilter("ignore")
    ...     posterior("partial_report", data, ("slots",), draws=20, chains=2).posterior["slots"].shape
    (2, 20, 1)
    """
    how: dict[str, Any] = {"pool": pool, "draws": draws, "chains": chains, "observer": observer, "seed": seed}
    found = sample_posterior(paradigm, data, params, **how, n_jobs=n_jobs, progress=progress)
    for note in troubles(found.draws):
        warnings.warn(note, stacklevel=3)
    return found.draws


def sample_posterior(
    paradigm: str | Paradigm,
    data: Trials | pd.DataFrame,
    params: Sequence[str] | None = None,
    *,
    pool: bool | None = None,
    draws: int = 1000,
    chains: int = 4,
    observer: Observer | None = None,
    force: bool = False,
    seed: int = 0,
    n_jobs: int = 1,
    progress: Progress | bool | None = None,
) -> Posterior:
    """`posterior`, with its summary: table, figures, files.

    >>> import warnings
    >>> from cogattn import run
    >>> data = run("partial_report", "human", people=1, trials=6)
    >>> with warnings.catch_warnings():  # so few draws are warned of
    ...     warnings.simplefilter("ignore")
    ...     len(sample_posterior("partial_report", data, ("slots",), draws=20, chains=2).fit.estimates)
    1
    """
    needs("nutpie", "posterior")
    asked = ask(paradigm, data, params, observer, force)
    name = paradigm if isinstance(paradigm, str) else paradigm.name
    if not asked.law.exact:
        raise InputError(
            f"{name} has no likelihood of single trials to draw from: leave out --posterior (people who are fitted "
            f"together have the intervals of their posterior), or in Python train a network on its design, once: "
            f"cogattn.tune.amortise({name!r}, params)"
        )
    draws, chains = whole("draws", draws, least=20, most=10**6), whole("chains", chains, least=1, most=64)
    seed, n_jobs = whole("seed", seed, most=2**63 - 1), whole("n_jobs", n_jobs, least=1, most=1024)
    pooled = pools(asked.data, pool)
    slope = Slope(asked.law, asked.data, asked.params)
    how = {"draws": draws, "chains": chains, "n_jobs": n_jobs}
    if pooled:
        near = fit(
            paradigm, data, asked.params, pool=True, observer=observer, force=force, seed=seed, n_jobs=n_jobs,
            progress=progress,
        )  # fmt: skip
        model, tick = Together.near(slope, near), ticker(progress, f"draw {name}")
        q, stats = nuts(model, model.start, seed=seed, progress=tick, **how)
        x, made = model.people(q), _population(model, q)
    else:
        x, stats, made = *_one_by_one(slope, seed, ticker(progress, f"draw {name}"), how), {}
    attributes = {"paradigm": name, "pooled": int(pooled), "seed": seed, "inference_library": "nutpie"}
    done = _summary(asked, name, _inference(asked, x, made, stats, attributes), pooled)
    return replace(done, fit=replace(done.fit, forced=force))


def _one_by_one(
    slope: Slope, seed: int, progress: Progress | None, how: dict[str, int]
) -> tuple[Array, dict[str, Array]]:
    """Each person's draws (chains, draws, people, parameters), and (chains, draws, people) of each statistic."""
    parts, n = [], len(slope.data.people)
    for row in range(n):

        def tick(done: int, total: int, row: int = row) -> None:
            if progress is not None:
                progress(row * total + done, n * total)

        own = Alone(slope, row)
        q, stats = nuts(own, own.start, seed=seed_of(seed, "posterior", str(row)), progress=tick, **how)
        parts.append((own.people(q)[..., 0, :], stats))
    stacked = {name: np.stack([s[name] for _, s in parts], -1) for name in parts[0][1]}
    return np.stack([x for x, _ in parts], 2), stacked


def _population(model: Together, q: Array) -> dict[str, Array]:
    """mean, sd (chains, draws, parameters) on the scales, and correlation."""
    (mean, log_sd, c), (at, spread) = model.population(q), model.adults
    factor = factors(c, len(at))
    return {
        "mean": at + spread * mean,
        "sd": spread * np.exp(log_sd),
        "correlation": factor @ np.swapaxes(factor, -1, -2),
    }


def _inference(
    asked: Asked, x: Array, made: dict[str, Array], stats: dict[str, Array], attributes: dict[str, Any]
) -> Any:
    """All groups."""
    az = needs("arviz", "posterior")
    names, own = asked.params, scales.own(asked.params, x)
    people = [str(p) for p in asked.data.people]
    few = np.arange(0, x.shape[1], max(1, x.shape[1] // SHOWN))
    of_people = {name: ["person"] for name in names}
    shared = {"mean": ["parameter"], "sd": ["parameter"], "correlation": ["parameter", "other"]}
    loglik = _pointwise(asked, own)
    coords = {"person": people, "parameter": list(names), "other": list(names)}
    found = az.from_dict(
        posterior={**{n: own[..., i] for i, n in enumerate(names)}, **made},
        sample_stats=stats,
        log_likelihood={"data": loglik},
        posterior_predictive={"data": _expected(asked, own[:, few])},
        observed_data=_observed(asked.data),
        coords=coords,
        dims={**of_people, **{k: shared[k] for k in made}, "data": ["person", "condition"][: loglik.ndim - 2],
              **({k: ["person"] for k in stats} if stats["diverging"].ndim == 3 else {})},
        attrs=attributes,
    )  # fmt: skip
    latent = az.from_dict(
        posterior={n: x[..., i] for i, n in enumerate(names)}, coords=coords, dims=of_people
    )
    found.add_groups(unconstrained_posterior=latent.posterior)
    found.posterior_predictive["draw"] = few
    found.attrs["notes"] = "\n".join([*asked.notes, *troubles(found)])  # text: a file holds no lists of them
    return found


def _observed(data: Any) -> dict[str, Array]:
    """The data as they were condensed: every array of them."""
    found = {f.name: getattr(data, f.name) for f in fields(data)}
    return {name: np.asarray(a, float) for name, a in found.items() if isinstance(a, np.ndarray)}


def _pointwise(asked: Asked, own: Array) -> Array:
    """(chains, draws, people, conditions) log-likelihoods, or (chains, draws, people) where trials hang together."""
    law, data, n = asked.law, asked.data, len(asked.data.people)
    theta = law.theta(own.reshape(-1, own.shape[-1]), asked.params)
    row = np.tile(np.arange(n), len(theta) // n)
    if not isinstance(data, Compact):
        return np.asarray(law.loglik(theta, data, row)).reshape(own.shape[:-1])
    parts = []
    for c in range(len(data.exposure)):
        alone = np.where(np.arange(len(data.exposure))[:, None] == c, data.counts, 0.0)
        parts.append(law.loglik(theta, replace(data, counts=alone), row))
    return np.stack(parts, -1).reshape(*own.shape[:-1], -1)


def _expected(asked: Asked, own: Array) -> Array:
    """(chains, draws, people, conditions): what the law expects."""
    flat = own.reshape(-1, *own.shape[2:])
    found = [asked.law.expected(asked.law.theta(values, asked.params), asked.data) for values in flat]
    return np.stack(found).reshape(*own.shape[:2], *found[0].shape)


def troubles(found: Any) -> list[str]:
    """What went badly in the draws, in a line each; nothing if all is well."""
    az, notes = needs("arviz", "posterior"), []
    own, shared = found.unconstrained_posterior, found.posterior
    every = [own[n] for n in own.data_vars] + [shared[n] for n in ("mean", "sd") if n in shared]
    several = shared.sizes["chain"] > 1
    rhat = {str(v.name): float(az.rhat(v)[v.name].max()) for v in every} if several else {}
    if not several:
        notes.append("one chain alone: whether chains would agree (R-hat) is not known")
    ess = {
        str(v.name): min(float(az.ess(v, method=m)[v.name].min()) for m in ("bulk", "tail")) for v in every
    }
    odd = sorted((n for n, r in rhat.items() if not r <= RHAT), key=lambda n: -rhat[n])
    if odd:
        notes.append(
            f"R-hat of {', '.join(odd)} is up to {rhat[odd[0]]:.3f} (above {RHAT}): the chains do not agree yet, "
            "do not use these draws; ask for more"
        )
    few = min(ess, key=lambda n: ess[n])
    if ess[few] < ENOUGH:
        notes.append(
            f"{few} has only {ess[few]:.0f} effective draws where it has fewest ({ENOUGH} are wanted): the ends of "
            "its interval are rough"
        )
    bad = found.sample_stats["diverging"]
    if int(bad.sum()):
        notes.append(
            f"{int(bad.sum())} of {bad.size} draws diverged: near a kink of the likelihood (K at a whole number, t0 at "
            "an exposure) a few are usual, many say that a corner is not reached"
        )
    return notes


def _summary(asked: Asked, paradigm: str, found: Any, pooled: bool) -> Posterior:
    """The draws as a fit: posterior means, 95 % intervals, the population."""
    names, data = asked.params, asked.data
    x = np.stack([found.unconstrained_posterior[n].values for n in names], -1)
    x = x.reshape(-1, *x.shape[2:])  # (draws, people, parameters)
    own = scales.own(names, x)
    low, high = np.quantile(own, (0.025, 0.975), axis=0)
    estimates = pd.DataFrame({"person": data.people, **dict(zip(names, own.mean(0).T, strict=True))})
    theta = asked.law.theta(own.mean(0), names)
    loglik = asked.law.loglik(theta, data, np.arange(len(data.people)))
    intervals = pd.DataFrame(
        {"person": np.repeat(np.array(data.people, object), len(names)), "parameter": list(names) * len(data.people),
         "low": low.ravel(), "high": high.ravel()}
    )  # fmt: skip
    center, covariance = _moments(found, x, pooled)
    within = np.mean([np.atleast_2d(np.corrcoef(x[:, i].T)) for i in range(x.shape[1])], axis=0)
    notes = [*asked.notes, *troubles(found), *trades(names, within)]
    bad = [Reason("no", "sampling", said) for said in troubles(found) if said.startswith("R-hat")]
    fitted = Fit(
        paradigm, names, estimates.assign(trials=data.trials, loglik=loglik), intervals, float(loglik.sum()), pooled,
        data, asked.law, center, covariance, within, notes, 0, (*asked.doubts, *bad),
    )  # fmt: skip
    return Posterior(found, fitted)


def _moments(found: Any, x: Array, pooled: bool) -> tuple[Array, Array]:
    """Mean and covariance of people on the scales: the population's, or of the means of people taken alone."""
    if not pooled:
        middle, n = x.mean(0), x.shape[1]
        p = x.shape[2]
        return middle.mean(0), np.cov(middle.T).reshape(p, p) if n > 1 else np.zeros((p, p))
    sd, turned = found.posterior["sd"].values, found.posterior["correlation"].values
    covariance = turned * sd[..., :, None] * sd[..., None, :]
    return found.posterior["mean"].values.mean((0, 1)), covariance.mean((0, 1))


old_names(__name__, drawn="sample_posterior")

doors(__name__, "posterior", "sample_posterior", first=True)
