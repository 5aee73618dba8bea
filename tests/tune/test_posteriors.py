"""Posteriors are those of a grid, ranks of the truth uniform, a wrong law is caught, what went badly is said."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cogattn import cli, paradigms, run, tune
from cogattn.errors import InputError
from cogattn.observer import Observer
from cogattn.tune import calibration, densities, gradients, likelihoods, posteriors, sampler, scales
from cogattn.tune.likelihoods import ReportLikelihood

pytestmark = pytest.mark.full

az = pytest.importorskip("arviz", reason="needs the extra: cogattn[posterior]")
pytest.importorskip("nutpie", reason="needs the extra: cogattn[posterior]")
PARAMS = ("capacity", "slots", "threshold", "alpha")


def shown(people, whole=10, partial=20, seed=5):
    """Six letters at four exposures, then two among four distractors."""
    who = {"arms": "human", "people": people, "seed": seed}
    parts = [
        run(paradigms.get("whole_report")(exposures=(0.02, 0.05, 0.1, 0.2)), trials=whole, **who),
        run("partial_report", trials=partial, **who),
    ]
    return pd.concat([p.frame for p in parts], ignore_index=True)


def slope_of(frame, params=PARAMS, law=None):
    law = law or ReportLikelihood()
    return gradients.Slope(law, law.compact(frame), params)


@pytest.fixture(scope="module")
def one():
    return shown(1)


@pytest.fixture(scope="module")
def together():
    return posteriors.sample_posterior(
        "whole_report", shown(4), ("capacity", "slots"), draws=100, chains=2, seed=1
    )


# --- slopes ---


@pytest.mark.parametrize("name", ["whole_report", "change_detection"])
def test_slopes_are_those_of_the_likelihood(name):
    """Against differences of fourth order of the likelihood itself, away from whole K and t0 = 0."""
    if name == "whole_report":
        slope = slope_of(shown(2))
        x = np.array([[4.1, 2.6, 0.008, -0.7], [4.4, 3.4, 0.012, 0.1]])
    else:
        task = paradigms.get(name)(set_sizes=(3, 5), trials=30)
        frame = run(task, arms="human", people=2, seed=1).frame
        slope = slope_of(frame, ("slots", "wandering"), likelihoods.of(name))
        x = np.array([[2.6, 0.2], [3.4, -0.5]])
    value, found = slope(x, np.arange(2))
    assert value == pytest.approx(slope.value(x, np.arange(2)))
    for k, param in enumerate(slope.params):
        step = 1e-3 * scales.SCALES[param].sd * (np.arange(len(slope.params)) == k)
        at = {n: slope.value(x + n * step, np.arange(2)) for n in (-2, -1, 1, 2)}
        expected = (8 * (at[1] - at[-1]) - (at[2] - at[-2])) / (12 * step[k])
        assert found[:, k] == pytest.approx(expected, rel=1e-4, abs=1e-3)


def test_beyond_a_bound_nothing_changes_and_the_slope_says_so(one):
    slope = slope_of(one)
    x = np.array([[4.1, 2.6, -0.004, -0.7], [4.1, 2.6, -0.001, -0.7]])
    value, found = slope(x, np.zeros(2, int))
    assert value[0] == value[1]
    assert (found[:, 2] == 0).all()


@dataclass(frozen=True)
class Nothing:
    """Data that say nothing about anybody: what is left is the prior."""

    params: tuple[str, ...] = ("capacity", "slots", "alpha")

    def __call__(self, x, row):
        return np.zeros(len(x)), np.zeros_like(x)


def shared(slope, n, own, seed=0):
    p = len(slope.params)
    center = np.random.default_rng(seed).normal(size=(n, p))
    return densities.Together(slope, center, np.full((n, p), own), np.ones(p))


def test_the_slope_of_a_population_is_that_of_its_density():
    slope = slope_of(shown(3))
    own = np.random.default_rng(1).random((3, 4))
    model = replace(shared(slope, 3, 0.0), own=own)
    q = 0.4 * np.random.default_rng(2).normal(size=model.shared + 12)
    _, found = model(q)
    step = 1e-5 * np.eye(len(q))
    expected = [(model(q + e)[0] - model(q - e)[0]) / 2e-5 for e in step]
    assert found == pytest.approx(np.array(expected), rel=2e-4, abs=2e-2)


def declared(model, q):
    """(mean, sd, correlations, people), and the log density that the head of the module declares of them."""
    mean, log_sd, c = model.population(q)
    factor = densities.factors(c, 3)
    corr, sd, (at, spread) = factor @ factor.T, np.exp(log_sd), model.adults
    x = (model.people(q) - at) / spread
    density = stats.norm(0, 2).logpdf(mean).sum() + stats.halfnorm(0, 1.5).logpdf(sd).sum()
    density += (2 - 1) * np.log(np.linalg.det(corr))  # LKJ(2)
    density += stats.multivariate_normal(mean, corr * np.outer(sd, sd)).logpdf(x).sum()
    return np.concatenate([mean, sd, corr[[1, 2, 2], [0, 0, 1]], x.ravel()]), density


def test_the_prior_of_a_population_is_the_one_that_is_declared():
    """However people are centred: what is drawn from is the declared density times the volume that a step takes up."""
    rng, gaps = np.random.default_rng(3), []
    for own in (0.0, 0.4, 1.0):
        model = shared(Nothing(), 4, own)
        for _ in range(4):
            q = 0.7 * rng.normal(size=model.shared + 12)
            step = 1e-6 * np.eye(len(q))
            volume = [(declared(model, q + e)[0] - declared(model, q - e)[0]) / 2e-6 for e in step]
            gaps.append(model(q)[0] - declared(model, q)[1] - np.linalg.slogdet(np.array(volume))[1])
    assert np.ptp(gaps) < 1e-6  # all alike: the same density but for a constant


# --- the posterior itself ---


def test_the_draws_have_the_quantiles_of_a_grid():
    """Six trials, so that the prior speaks too; K has kinks within the grid, which knows nothing of slopes."""
    frame, names = shown(1, whole=1, partial=1), ("capacity", "slots")
    slope = slope_of(frame, names)
    at, sd = densities.adults(names)
    c, k = np.linspace(at[0] - 4 * sd[0], at[0] + 4 * sd[0], 160), np.linspace(-0.5, 7.0, 300)
    points = np.stack(np.meshgrid(c, k, indexing="ij"), -1).reshape(-1, 2)
    log_p = slope.value(points, np.zeros(len(points), int)) - 0.5 * (((points - at) / sd) ** 2).sum(1)
    p = np.exp(log_p - log_p.max()).reshape(160, 300)
    drawn = posteriors.sample_posterior("whole_report", frame, names, draws=2000, chains=2, seed=3).draws
    for axis, grid, name in ((1, c, "capacity"), (0, k, "slots")):
        mass = np.cumsum(p.sum(axis)) / p.sum() - p.sum(axis) / p.sum() / 2  # up to the middle of each cell
        draws = drawn.unconstrained_posterior[name].values[..., 0]
        for u in (0.025, 0.25, 0.5, 0.75, 0.975):
            error = np.sqrt(u * (1 - u) / az.ess(draws, method="tail" if abs(u - 0.5) > 0.4 else "bulk"))
            assert (draws < np.interp(u, mass, grid)).mean() == pytest.approx(u, abs=3.5 * error)


def test_all_groups_are_there(together):
    found = together.draws
    assert found.posterior["capacity"].dims == ("chain", "draw", "person")
    assert found.posterior["correlation"].shape == (2, 100, 2, 2)
    assert found.posterior_predictive["data"].shape == (2, 100, 4, 6)
    total = (
        found.log_likelihood["data"].sum("condition").values
    )  # of each person's conditions: that of his data
    slope = slope_of(shown(4), ("capacity", "slots"))
    x = np.stack([found.unconstrained_posterior[n].values[0, 7] for n in ("capacity", "slots")], -1)
    assert total[0, 7] == pytest.approx(slope.value(x, np.arange(4)))
    assert np.isfinite(az.waic(found).elpd_waic)


def test_the_band_of_the_figure_holds_the_expected_means(together):
    ax = together.plot().axes[0]
    expected = together.draws.posterior_predictive["data"].mean("person").values.reshape(-1, 6)
    band = max(ax.collections, key=lambda c: len(c.get_paths()[0].vertices) if c.get_paths() else 0)
    x, y = band.get_paths()[0].vertices.T
    at = np.isclose(x, 50.0)
    second = expected[:, np.argsort(expected.mean(0))]
    near = np.abs(second.mean(0) - y[at].mean()).argmin()
    assert (y[at].min(), y[at].max()) == pytest.approx(
        np.quantile(second[:, near], (0.025, 0.975)).tolist(), abs=0.06
    )


def test_few_draws_are_not_taken_in_silence(one):
    with pytest.warns(UserWarning, match="effective draws where it has fewest .400 are wanted"):
        found = tune.posterior("whole_report", one, ("slots",), draws=30, chains=2)
    assert "400 are wanted" in found.attrs["notes"]


def test_chains_that_disagree_are_named(together):
    bad = together.draws.copy()
    moved = bad.unconstrained_posterior["slots"].copy()
    moved[0] += 1.0
    bad.unconstrained_posterior["slots"] = moved
    (note,) = [n for n in posteriors.troubles(bad) if n.startswith("R-hat")]
    assert "R-hat of slots" in note
    assert "do not use these draws" in note


def test_the_same_seed_gives_the_same_draws_on_one_core_and_two(one):
    how = {"draws": 40, "chains": 2, "seed": 9}
    a, b = (posteriors.sample_posterior("whole_report", one, ("slots",), **how, n_jobs=n) for n in (1, 2))
    assert a.draws.posterior["slots"].equals(b.draws.posterior["slots"])


def test_a_person_alone_is_the_same_beside_others():
    frame = shown(2)
    how = {"draws": 40, "chains": 1, "seed": 9}
    both = posteriors.sample_posterior("whole_report", frame, ("slots",), **how)
    first = posteriors.sample_posterior("whole_report", frame.query("person == 0"), ("slots",), **how)
    assert (both.draws.posterior["slots"][..., 0] == first.draws.posterior["slots"][..., 0]).all()


def test_an_interruption_ends_the_work_and_not_only_the_waiting():
    asked = [0]

    def density(q):
        asked[0] += 1
        return -0.5 * float(q @ q), -q

    def stop(done, total):
        raise KeyboardInterrupt

    def start(rng):
        return rng.normal(size=2)

    with pytest.raises(KeyboardInterrupt) as kept:  # with it the sampler stays reachable
        sampler.nuts(density, start, draws=10**6, chains=2, seed=1, n_jobs=2, progress=stop)
    time.sleep(0.5)
    before = asked[0]
    time.sleep(0.5)
    assert asked[0] == before > 0
    assert kept.type is KeyboardInterrupt


def test_without_the_extra_it_says_what_to_install(one, monkeypatch):
    monkeypatch.setitem(sys.modules, "nutpie", None)
    with pytest.raises(InputError, match=r"pip install 'cogattn\[posterior\]'"):
        tune.posterior("whole_report", one)


def test_the_command_writes_draws_table_and_observer(one, tmp_path, capsys):
    path = tmp_path / "mine.csv"
    one.to_csv(path, index=False)
    words = ["tune", "whole_report", "--data", str(path), "--params", "slots", "--posterior", "--draws", "60"]
    with pytest.raises(SystemExit) as done:
        cli.main([*words, "--chains", "2", "--jobs", "1", "--out", str(tmp_path), "--json", "--force"])
    assert done.value.code == 0  # so few draws have the verdict no: an observer is forced
    rows = json.loads(capsys.readouterr().out)
    assert rows[0].keys() >= {"mean", "sd", "low", "high", "rhat", "ess"}
    (folder,) = (tmp_path / "tune").iterdir()
    assert Observer.from_file(folder / "observer.toml").slots == pytest.approx(rows[0]["mean"])
    for name in ("posterior.csv", "figures/posterior.png", "figures/draws.png"):
        assert (folder / name).is_file()
    found = az.from_netcdf(folder / "posterior.nc", engine="h5netcdf")
    assert found.posterior["slots"].mean().item() == pytest.approx(rows[0]["mean"])
    assert {"unconstrained_posterior", "log_likelihood", "sample_stats"} <= set(found.groups())


# --- calibration ---


@dataclass(frozen=True)
class HalfASlotTooMany(ReportLikelihood):
    """Wrong on purpose."""

    def loglik(self, theta, data, row):
        return super().loglik(theta + np.array([0.0, 0.5, 0.0, 0.0]), data, row)


@pytest.mark.slow
def test_ranks_are_uniform_and_kept(tmp_path):
    task = paradigms.get("whole_report")(exposures=(0.05, 0.2))
    how = {"trials": 10, "seed": 2, "folder": tmp_path}
    found = calibration.calibrate(task, ("slots",), replications=24, **how)
    assert found.table()["p"].item() > 0.01
    assert found.ranks["ess"].min() >= calibration.RANKED
    kept = sorted(p.stat().st_mtime_ns for p in tmp_path.rglob("*.json"))
    again = calibration.calibrate(task, ("slots",), replications=24, **how)
    pd.testing.assert_frame_equal(again.ranks, found.ranks, check_exact=True)
    assert kept == sorted(p.stat().st_mtime_ns for p in tmp_path.rglob("*.json"))
    figure = found.plot()
    assert figure.axes[0].get_title(loc="left") == f"slots: p = {found.table()['p'].item():.2g}"


def test_a_likelihood_that_is_wrong_is_caught():
    task = paradigms.get("whole_report")(exposures=(0.05, 0.2))
    found = calibration.calibrate(
        task, ("slots",), replications=24, trials=10, seed=2, law=HalfASlotTooMany(), said="half a slot"
    )
    assert found.table()["p"].item() < 1e-4
    assert found.table()["mean rank"].item() > 0.8  # the posterior lies half a slot too low
