"""Where do the numbers of conflict come from? One person's lead and spotlight, from flankers and from Stroop's words.

    python simulations/where_do_the_conflict_numbers_come_from.py

`laws.conflict`: categorisations are counted until one answer leads by r, while the weight of what is irrelevant
shrinks. From congruent trials alone (quantiles of response times), for each task: how fast it is told (rate), what
takes time beside (mean, sd). From incongruent trials, in units of the bands' half widths (delta plot and its rise,
error, flankers' accuracy by fifth): w0 and tau of each task, and one r for both. Stroop's accuracy by fifth is left out
and is the test. The same for a race of counters (`reach`). `slip` comes from congruent errors, `variation` from simple
response times. w0 is at most 4: as many flankers, none above the target [assumption]. About 20 s.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

import cogattn as ca
from cogattn import files, human
from cogattn.laws.conflict import QUANTILES, Conflict, Summary
from cogattn.view import plot

OUT = Path("results/simulations/where_do_the_conflict_numbers_come_from")
ONE = ca.Observer()
TASKS = {"flanker": ("acc_incomp", "comp", 15.0, 0.0876), "stroop": ("acc_incong", "cong", 40.0, 0.0749)}
START = {"flanker": [3.3, 0.31, 0.02], "stroop": [2.6, 0.46, 0.05]}
TABLES = {name: human.fit(f"{name}_caf_delta") for name in TASKS}


def easy(name: str, r: float, rule: str) -> Conflict:
    """A task whose congruent quantiles are people's."""
    seen = TABLES[name]["q_" + TASKS[name][1]].to_numpy()

    def made(x: np.ndarray) -> Conflict:
        return Conflict(float(np.exp(x[0])), r, non_decision_time=x[1], non_decision_sd=abs(x[2]), slip=ONE.slip,
                        rule=rule, variation=ONE.speed_sd / ONE.speed)  # fmt: skip

    return made(
        least_squares(
            lambda x: made(x).summary("congruent").quantiles * 1000 - seen, START[name], diff_step=1e-3
        ).x
    )


def hard(name: str, task: Conflict) -> tuple[Conflict, float]:
    """The same task with w0 and tau, and its misfit: squares in units of half bands."""
    accuracy, _, width, error = TASKS[name]
    table, base = TABLES[name], task.summary("congruent").quantiles

    def off(x: np.ndarray) -> np.ndarray:
        s = replace(task, weight=np.exp(x[0]), narrowing=np.exp(x[1])).summary("incongruent")
        delta = ((s.quantiles - base) * 1000 - table["delta"]) / width
        fifths = (s.accuracy - table[accuracy]) / 0.08 if name == "flanker" else []
        return np.concatenate([delta, [delta.iloc[-1] - delta.iloc[0], (s.error - error) / 0.04], fifths])

    bounds = ([-4, -7], [np.log(4), 1])
    fit = least_squares(off, [0.3, -3.5 if name == "flanker" else -2.2], diff_step=1e-3, bounds=bounds)
    return replace(task, weight=float(np.exp(fit.x[0])), narrowing=float(np.exp(fit.x[1]))), 2 * fit.cost


def people(task: Conflict, kind: str, n: int = 16) -> Summary:
    """The mean of people who differ in speed."""
    pace = [o.speed / ONE.speed for o in ca.Population.adults().sample(n)]
    all_ = [replace(task, rate=task.rate * p).summary(kind) for p in pace]
    return Summary(*(np.mean([getattr(s, f) for s in all_], 0) for f in Summary.__dataclass_fields__))


def main() -> None:
    rows: list[tuple[object, ...]] = []
    best: dict[str, tuple[float, dict[str, Conflict]]] = {}
    for rule in ("lead", "reach"):
        for r in (2.0, 2.25, 2.5, 2.75, 3.0, 3.5, *((4.0, 5.0, 6.0) if rule == "reach" else ())):
            fits = {name: hard(name, easy(name, r, rule)) for name in TASKS}
            total = sum(misfit for _, misfit in fits.values())
            for name, (t, misfit) in fits.items():
                rows.append(
                    (
                        rule,
                        r,
                        name,
                        t.rate,
                        t.non_decision_time,
                        t.non_decision_sd,
                        t.weight,
                        t.narrowing,
                        misfit,
                        total,
                    )
                )
            if rule not in best or total < best[rule][0]:
                best[rule] = (total, {name: t for name, (t, _) in fits.items()})
    names = [
        "rule",
        "r",
        "task",
        "rate",
        "non_decision_time",
        "non_decision_sd",
        "w0",
        "tau",
        "misfit",
        "misfit of both",
    ]
    table, bands = pd.DataFrame(rows, columns=names), []
    with plot.style() as plt:
        figure, axes = plt.subplots(2, 2, figsize=(9, 6.4))
        for (name, task), row in zip(best["lead"][1].items(), axes, strict=True):
            c, i = people(task, "congruent"), people(task, "incongruent")
            delta, seen = (i.quantiles - c.quantiles) * 1000, TABLES[name]
            bands.append((name, (i.mean - c.mean) * 1000, i.error, *i.accuracy, delta[-1] - delta[0]))
            row[0].plot(
                range(1, 6), seen[TASKS[name][0]], "*", color=plot.PEOPLE, markersize=8, label="people"
            )
            row[0].plot(range(1, 6), i.accuracy, label=f"law, tau {task.narrowing * 1000:.0f} ms")
            row[0].set(
                xlabel="fifth of response times", ylabel="accuracy, incongruent", ylim=(0.6, 1), title=name
            )
            row[0].legend(loc="lower right")
            row[1].plot(QUANTILES, seen["delta"], "*", color=plot.PEOPLE, markersize=8)
            row[1].plot(QUANTILES, delta)
            row[1].set(xlabel="quantile", ylabel="incongruent - congruent [ms]", ylim=(0, None), title=name)
        plot.save(figure, OUT, "figure")
    files.write_table(OUT / "table.csv", table)
    columns = ["task", "RT difference", "incongruent error", *"12345", "delta last - first"]
    print(table.round(3).to_string(index=False), pd.DataFrame(bands, columns=columns).round(3).to_string(index=False),
          f"Results: {OUT}", sep="\n\n")  # fmt: skip


if __name__ == "__main__":
    main()
