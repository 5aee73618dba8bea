"""Densities of evidence that diffuses, or is counted: held against closed forms, a walk on a grid, and each other."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from cogattn.laws import diffusion
from cogattn.laws.conflict import Conflict, ruin

T = np.linspace(1e-4, 6, 30001)
CASES = [(2.0, 1.0, 0.5), (1.0, 2.0, 0.3), (0.0, 1.5, 0.7), (-1.5, 1.2, 0.5), (4.0, 3.0, 0.6)]


def mass(f):
    return np.trapezoid(f, T, axis=0)


@pytest.mark.parametrize(("v", "a", "w"), CASES)
def test_the_density_holds_the_error_and_the_mean_that_are_known(v, a, w):
    """P(lower) and E(t) of the gambler's ruin of a Wiener process (Cox & Miller 1965): (w a - a P(upper)) / -v."""
    f = diffusion.wiener(T, v, a, w, 0.0)
    upper, lower = mass(f)
    assert lower == pytest.approx(float(diffusion.wiener_error(v, a, w)), abs=2e-5)
    assert upper + lower == pytest.approx(1, abs=2e-4)
    mean = a * a * w * (1 - w) if v == 0 else (a * upper - a * w) / v
    assert np.trapezoid(T * f.sum(1), T) == pytest.approx(mean, rel=2e-3)


@pytest.mark.parametrize(("v", "a", "w"), CASES)
def test_both_series_say_the_same_as_two_thousand_terms(v, a, w):
    """The series for large times, with far more terms than are needed."""
    t = np.array([0.02, 0.1, 0.3, 1.0, 2.5])
    k = np.arange(1, 2001)[:, None]
    standard = np.pi * (k * np.exp(-(k**2) * np.pi**2 * t / a**2 / 2) * np.sin(k * np.pi * w)).sum(0)
    expected = np.exp(-v * a * w - v * v * t / 2) / a**2 * standard
    assert diffusion.wiener(t, v, a, w, 0.0)[:, 1] == pytest.approx(expected, rel=1e-6, abs=1e-8)


def test_a_drift_that_varies_is_the_mean_over_drifts():
    t, z = np.array([0.2, 0.5, 1.5]), np.linspace(-6, 6, 2001)
    each = np.array([diffusion.wiener(t, 1.2 + 0.8 * x, 1.4, 0.4, 0.0) for x in z])
    expected = integrate.trapezoid(each * stats.norm.pdf(z)[:, None, None], z, axis=0)
    assert diffusion.wiener(t, 1.2, 1.4, 0.4, 0.8) == pytest.approx(expected, rel=1e-6)


def test_one_boundary_is_wald():
    t = np.array([0.1, 0.4, 1.0])
    own = [diffusion.wald_density(x, 3.0, 1.2) for x in t]
    assert own == pytest.approx(stats.invgauss.pdf(t, 1.2 / 3.0 / 1.2**2, scale=1.2**2), rel=1e-9)
    far = diffusion.wiener(t, 3.0, 11.2, 10.0 / 11.2, 0.0)[:, 0]  # the other end is out of reach
    assert own == pytest.approx(far, rel=1e-6)


@pytest.mark.parametrize(("r", "u", "d"), [(1, 5.0, 2.0), (3, 12.0, 4.0), (4, 16.0, 16.0), (2.4, 20.0, 5.0)])
def test_counted_evidence_ends_as_the_gambler_does(r, u, d):
    f = diffusion.counted(T, r, u, d)
    low = int(np.floor(r))
    share = [low + 1 - r, r - low]
    error, mean = (sum(s * x for s, x in zip(share, pair, strict=True)) for pair in zip(
        *(ruin(k, u, d) for k in (low, low + 1)), strict=True))  # fmt: skip
    assert mass(f)[1] == pytest.approx(float(error), abs=1e-3)
    assert np.trapezoid(T * f.sum(1), T) == pytest.approx(float(mean), rel=2e-3)


def test_counted_evidence_is_the_master_equation():
    t, p = Conflict(rate=20.0, lead=3.0).answers("neutral")
    f = diffusion.counted((t[1:] + t[:-1]) / 2, 3.0, 20.0, 1e-9)
    assert np.cumsum(f[:, 0]) * (t[1] - t[0]) == pytest.approx(p[1:, 0], abs=1e-3)


@pytest.mark.parametrize(("v", "a"), [(1.5, 0.8), (0.0, 1.0), (4.0, 1.2)])
def test_the_walk_on_a_grid_is_the_diffusion(v, a):
    dt, n = 0.005, 400
    p = diffusion.walked(np.full(n, v), dt, a, 60)
    fine = (np.arange(20 * n) + 0.5) * dt / 20
    exact = np.cumsum(diffusion.wiener(fine, v, 2 * a, 0.5, 0.0), 0)[19::20] * dt / 20
    assert p[1:] == pytest.approx(exact, abs=2e-3)
    assert p[-1] == pytest.approx(exact[-1], abs=1e-4)


def test_the_walk_under_a_pulse_is_what_walkers_do():
    """20,000 walkers under DMC's drift, step by step."""
    dt, n, rng = 0.001, 1200, np.random.default_rng(1)
    drift = diffusion.dmc_drift((np.arange(n) + 0.5) * dt, 3.0, 0.5, 0.05, -1)
    p = diffusion.walked(drift, dt, 0.7, 60)
    x, done, hits = np.zeros(20_000), np.zeros(20_000, bool), np.zeros((n, 2))
    for i in range(n):
        x = x + drift[i] * dt + np.sqrt(dt) * rng.standard_normal(len(x))
        for k, out in enumerate(
            (x >= 0.7 - 0.58 * np.sqrt(dt), x <= -0.7 + 0.58 * np.sqrt(dt))
        ):  # Siegmund 1985
            hits[i, k] = (out & ~done).sum()
            done |= out
    assert np.cumsum(hits, 0)[::100] / len(x) == pytest.approx(p[1:][::100], abs=0.015)


def test_drifts_have_the_form_that_their_authors_gave_them():
    t = np.arange(500) * 0.001 + 0.0005
    pulse = diffusion.dmc_drift(t, 2.0, 0.4, 0.08, 1) - 2.0
    assert np.cumsum(pulse) * 0.001 == pytest.approx(
        0.4 * (t + 0.0005) / 0.08 * np.exp(1 - (t + 0.0005) / 0.08), abs=1e-4
    )
    early, late = diffusion.spotlight_drift(np.array([0.0, 5.0]), 3.0, 1.8, 10.0, -1)
    assert late == pytest.approx(3.0)
    assert early < 0
