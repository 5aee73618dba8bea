"""Where do the numbers of the attentional blink come from? One laboratory is fitted, the others are predicted.

    python simulations/where_do_the_blink_numbers_come_from.py

Five numbers of the mind are fitted to Berkeley (12 people, letters, 10 items per second): how often the second target
was reported, given the first, by lag: its mean, and its sd between people; and swaps at lag 1. `dwell_counts` is told
by the sd: whoever sees slowly needs longer for it. Nothing but how clear an item is, a number a laboratory, is set from
the others, by how often they report the first target at lags of 3 and more; their curves are predictions. Two other
laws get the same chance: a dwell that is the same whatever T1 is, and one in proportion to 1 / evidence. About 4 min.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq, least_squares

import cogattn as ca
from cogattn.paradigms.attentional_blink import RATES, AttentionalBlink, given_first
from cogattn.population import Spread
from cogattn.runs import program
from cogattn.view import plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PEOPLE, TRIALS, MANY = 400, 60, 3  # MANY: from this lag on T1 is not disturbed
FITTED = "Berkeley"
START = {"dwell": 0.25, "dwell_sd": 0.2, "sparing_window": 0.147, "order_sd": 0.06, "dwell_counts": 2.0}
Numbers = Mapping[str, float]


def people(laboratory: str) -> pd.DataFrame:
    """What they do, by lag: T2 given T1 (mean, sd, n), T1, swaps."""
    return AttentionalBlink(laboratory=laboratory).human().set_index("lag")


def played(
    asked: program.Program,
    laboratory: str,
    clear: float,
    numbers: Numbers,
    lags: tuple[int, ...] | None = None,
) -> pd.DataFrame:
    """What minds with these numbers do, by lag: T2 given T1 (mean, sd), T1 (its sd), swaps."""
    lags = lags or tuple(people(laboratory).index)
    task = AttentionalBlink(lags=lags, laboratory=laboratory, evidence=clear, trials=TRIALS)
    alike = {name: Spread("constant", value) for name, value in numbers.items()}
    adults = ca.Population.adults().with_spreads(alike)
    frame = ca.run(task, "human", people=asked.people, population=adults, seed=asked.seed).frame
    frame = frame.assign(T1=frame["T1"].astype(float), swap=frame["swap"].astype(float))
    second = given_first(frame).groupby("lag")["mean"].agg(["mean", "std"])
    first = frame.groupby(["person", "lag"])["T1"].mean().groupby("lag").agg(["mean", "std"])
    return pd.DataFrame(
        {"mean": second["mean"], "sd": second["std"], "T1": first["mean"], "T1_sd": first["std"],
         "swap": frame.groupby("lag")["swap"].mean()}
    )  # fmt: skip


def clarity(asked: program.Program, laboratory: str) -> float:
    """How clear an item must be for T1 to be reported as often as by people."""
    t = people(laboratory)
    target = t.loc[t.index >= MANY, "T1"].mean()

    def off(log_clear: float) -> float:
        return float(played(asked, laboratory, float(np.exp(log_clear)), START, (7,))["T1"].mean() - target)

    return float(np.exp(brentq(off, np.log(0.05), np.log(2.0), xtol=2e-3)))


def rows(asked: program.Program, numbers: Numbers, clear: float) -> np.ndarray:
    """How far they are from people in Berkeley, in standard errors."""
    t = people(FITTED)
    own = played(asked, FITTED, clear, numbers)
    trials, swaps = TRIALS * t["n"].iloc[0], t["swap"].iloc[0]
    return np.concatenate(
        [
            (own["mean"] - t["mean"]) / (t["sd"] / np.sqrt(t["n"])),
            np.log(own["sd"] / t["sd"]) * np.sqrt(2 * (t["n"] - 1)),
            [(own["swap"].iloc[0] - swaps) / np.sqrt(swaps * (1 - swaps) / trials)],
        ]
    )


def fitted(
    asked: program.Program, clear: float, held: Numbers | None = None
) -> tuple[dict[str, float], dict[str, float], float]:
    """Numbers, their standard errors, chi-square; `held` are not fitted."""
    held = dict(held or {})
    names = [name for name in START if name not in held]

    def of(x: np.ndarray) -> dict[str, float]:
        return {n: float(START[n] * np.exp(v - 1)) for n, v in zip(names, x, strict=True)} | held

    def off(x: np.ndarray) -> np.ndarray:
        return rows(asked, of(x), clear)

    found = least_squares(off, np.ones(len(names)), diff_step=0.1, xtol=2e-3, max_nfev=12)  # steps of a tenth
    numbers = of(found.x)
    spread = np.sqrt(np.diag(np.linalg.pinv(found.jac.T @ found.jac)))
    errors = {n: float(numbers[n] * s) for n, s in zip(names, spread, strict=True)}
    return numbers, errors, float(2 * found.cost)


def logit(p: Any) -> Any:
    """Log odds; 0 and 1 as if half a trial in 500 were otherwise."""
    p = np.clip(p, 1e-3, 1 - 1e-3)
    return np.log(p / (1 - p))


def inside(own: pd.DataFrame, t: pd.DataFrame, value: str, sd: str) -> pd.Series:
    """Whether it is within the larger of 2 standard errors and .5 on the scale of log odds."""
    near = np.clip(t[value], 1e-3, 1 - 1e-3)
    wide = np.maximum(2 * t[sd] / np.sqrt(t["n"]) / (near * (1 - near)), 0.5)
    return (logit(own[value]) - logit(t[value])).abs() <= wide


def recovered(curve: pd.Series, rate: float) -> float:
    """After how many ms half of what the blink takes is back: between the minimum and the mean of the last two lags."""
    low = int(np.argmin(curve.to_numpy()))
    half = (curve.iloc[low] + curve.iloc[-2:].mean()) / 2
    for i in range(low, len(curve) - 1):
        if curve.iloc[i] < half <= curve.iloc[i + 1]:
            part = (half - curve.iloc[i]) / (curve.iloc[i + 1] - curve.iloc[i])
            return float(1000 * (curve.index[i] + part) / rate)
    return float("nan")


def compared(
    asked: program.Program, law: str, numbers: Numbers, clear: Numbers
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Every laboratory under a law: a row each, and the curves."""
    out, curves = [], {}
    for lab, rate in RATES.items():
        own = dict(numbers)
        if law == "1 / evidence":
            own |= {n: own[n] * clear[FITTED] / clear[lab] for n in ("dwell", "dwell_sd")}
        t, curves[lab] = people(lab), played(asked, lab, clear[lab], own)
        second, first = inside(curves[lab], t, "mean", "sd"), inside(curves[lab], t, "T1", "T1_sd")
        out.append(
            {"law": law, "laboratory": lab, "T2|T1 inside": second.sum(), "T1 inside": first.sum(), "of": len(t),
             "misfit": float(np.sqrt(((curves[lab]["mean"] - t["mean"]) ** 2).mean())),
             "sd": float((curves[lab]["sd"] / t["sd"]).mean()),
             "half recovered, ms": recovered(curves[lab]["mean"], rate), "people, ms": recovered(t["mean"], rate)}
        )  # fmt: skip
    return pd.DataFrame(out), curves


def drawn(curves: Mapping[str, Mapping[str, pd.DataFrame]]) -> Figure:
    """A panel for each laboratory: people, the law that is kept, the others."""
    with plot.style() as plt:
        figure, axes = plt.subplots(1, len(RATES), figsize=(3 * len(RATES), 3.4), sharey=True)
        pen = plot.pens(["human"])["human"]
        for ax, lab in zip(axes, RATES, strict=True):
            t = people(lab)
            plot.people(ax, t.index, t["mean"], t["sd"], t["n"], "people")
            for (law, own), dash in zip(curves.items(), ("-", "--", ":"), strict=True):
                ax.plot(own[lab].index, own[lab]["mean"], color=pen.color, linestyle=dash, label=law)
            what = "fitted" if lab == FITTED else "predicted"
            ax.set(title=f"{lab}: {what}", xlabel="lag [items]", ylim=(0, 1))
        axes[0].set(ylabel="P(T2 given T1)")
        axes[0].legend(loc="lower right")
    return figure


def main() -> None:
    asked = program.asked(__doc__, __file__, people=PEOPLE)
    clear = {lab: clarity(asked, lab) for lab in RATES}
    numbers, errors, chi = fitted(asked, clear[FITTED])
    fixed, _, chi_fixed = fitted(asked, clear[FITTED], {"dwell_counts": 0.0})
    laws = {"counts / rate": numbers, "the same for all": fixed, "1 / evidence": fixed}
    found = {law: compared(asked, law, own, clear) for law, own in laws.items()}
    figure = drawn({law: curves for law, (_, curves) in found.items()})
    table = pd.DataFrame(
        {"number": list(numbers), "fitted": list(numbers.values()), "standard error": [errors[n] for n in numbers],
         "default": [getattr(ca.Observer(), n) for n in numbers]}
    )  # fmt: skip
    usual = {lab: replace(AttentionalBlink(), laboratory=lab).clarity for lab in RATES}
    items = pd.DataFrame({"laboratory": list(clear), "clarity": clear.values(), "default": usual.values()})
    laboratories = pd.concat([rows for rows, _ in found.values()])
    kept = found["counts / rate"][1]
    curves = pd.concat({lab: own.join(people(lab).add_prefix("people ")) for lab, own in kept.items()})
    curves = curves.rename_axis(["laboratory", "lag"]).reset_index()
    tables = {"table": table, "clarity": items, "laboratories": laboratories, "curves": curves}
    others = laboratories[(laboratories["law"] == "counts / rate") & (laboratories["laboratory"] != FITTED)]
    told = ", ".join(f"{n} {program.about(v, 1.96 * errors[n], '.3g')}" for n, v in numbers.items())
    text = (
        f"From {FITTED}: {told}; of the other laboratories' points "
        f"{program.share(int(others['T2|T1 inside'].sum()), int(others['of'].sum()))} are predicted"
    )
    fits = (
        f"chi-square in {FITTED} {chi:.1f}, with a dwell that is the same for all {chi_fixed:.1f} (15 rows)"
    )
    asked.keep(text, tables, figure, fits)


if __name__ == "__main__":
    program.run(main)
