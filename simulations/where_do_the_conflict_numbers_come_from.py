"""Where do the numbers of conflict come from? One law and one lead for flankers, Stroop's words, and Simon's side.

    python simulations/where_do_the_conflict_numbers_come_from.py

`laws.conflict`: categorisations are counted until one answer leads by r; what is irrelevant competes by its weight
(alpha), and pushes its answer in a pulse that rises and fades. People differ as `Population.adults` does (16 of them,
without their states of the day). For each task: how fast it is told (rate), the push (activation, peak) and what takes
time beside (its sd is `SD` of it, one share for all tasks), from quantiles of right response times, their delays, and
accuracy by fifth. r and the share are chosen for all tasks together. `slip` comes from congruent errors, the variation
of the rate from simple response times. Weights of what is irrelevant are 1: as a target would weigh. About 3 min.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

import cogattn as ca
from cogattn import files, human
from cogattn.laws.conflict import SELECTED, Conflict, Summary
from cogattn.view import plot

OUT = Path("results/simulations/where_do_the_conflict_numbers_come_from")
PEOPLE = ca.Population.adults().sample(16)
USUAL = ca.Observer()
#: task: columns of accuracy and of quantiles, congruent and incongruent; where the search begins
TASKS = {
    "flanker": (("acc_comp", "acc_incomp"), ("q_comp", "q_incomp"), (25.0, 4.0, 0.06, 0.363)),
    "stroop": (("acc_cong", "acc_incong"), ("q_cong", "q_incong"), (6.0, 3.6, 0.23, 0.513)),
    "simon": (("acc_cong", "acc_incong"), ("q_cong", "q_incong"), (10.0, 2.9, 0.053, 0.406)),
}
TABLES = {
    name: human.fit(f"{name}_caf_delta" if name != "simon" else "simon_sro_caf_delta") for name in TASKS
}


def people(x: np.ndarray, lead: float, share: float, kind: str) -> Summary:
    """The mean of people at a task: evidence rate, activation, peak, time beside [s]."""
    rate, activation, peak, beside = x
    each = []
    for o in PEOPLE:
        law = Conflict(
            rate * o.speed, max(1.0, o.evidence_threshold - USUAL.evidence_threshold + lead), o.alpha**SELECTED,
            activation,
            peak, beside * o.hand, share * beside * o.hand, min(0.5, o.speed_sd / o.speed), o.slip,
        )  # fmt: skip
        each.append(law.summary(kind))
    return Summary(*(np.mean([getattr(s, f) for s in each], 0) for f in Summary.__dataclass_fields__))


def off(name: str, x: np.ndarray, lead: float, share: float) -> np.ndarray:
    """How far from people: quantiles in 10 ms, delays in 5 ms, accuracy in .5 (congruent) and .3 of log odds."""
    (easy, hard), (fast, slow), _ = TASKS[name]
    table = TABLES[name]
    c, i = (people(x, lead, share, kind) for kind in ("congruent", "incongruent"))

    def odds(share: object) -> np.ndarray:
        p = np.clip(np.asarray(share, float), 0.002, 0.998)
        return np.asarray(np.log(p / (1 - p)))

    delay = (i.quantiles - c.quantiles) * 1000 - (table[slow] - table[fast])
    return np.concatenate([
        (c.quantiles * 1000 - table[fast]) / 10, delay / 5,
        (odds(c.accuracy) - odds(table[easy])) / 0.5, (odds(i.accuracy) - odds(table[hard])) / 0.3,
    ])  # fmt: skip


def fitted(name: str, lead: float, share: float, start: tuple[float, ...]) -> tuple[np.ndarray, float]:
    """The numbers of a task, and its misfit."""
    fit = least_squares(
        lambda x: off(name, np.exp(x), lead, share), np.log(start), diff_step=0.01, max_nfev=8, ftol=1e-3
    )
    return np.exp(fit.x), 2 * fit.cost


def easy(name: str, lead: float, share: float, push: tuple[float, float]) -> np.ndarray:
    """The numbers of a task whose congruent quantiles are people's, with a push that is known from elsewhere."""
    table, (fast, _), start = TABLES[name], TASKS[name][1], TASKS[name][2]

    def rows(x: np.ndarray) -> np.ndarray:
        rate, beside = np.exp(x)
        seen = people(np.array([rate, *push, beside]), lead, share, "congruent").quantiles
        return np.asarray(seen * 1000 - table[fast]) / 10

    rate, beside = np.exp(least_squares(rows, np.log([start[0], start[3]]), diff_step=0.01, max_nfev=8).x)
    return np.array([rate, *push, beside])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--leads", type=float, nargs="+", default=[2.5, 3.0, 3.5])
    parser.add_argument("--shares", type=float, nargs="+", default=[0.13, 0.15])
    options = parser.parse_args()
    rows: list[tuple[object, ...]] = []
    best: tuple[float, dict[str, np.ndarray], float, float] | None = None
    start = {name: t[2] for name, t in TASKS.items()}
    for lead in options.leads:
        for share in options.shares:
            fits = {name: fitted(name, lead, share, start[name]) for name in TASKS}
            start = {name: tuple(x) for name, (x, _) in fits.items()}
            total = sum(misfit for _, misfit in fits.values())
            rows += [(lead, share, name, *x, misfit, total) for name, (x, misfit) in fits.items()]
            print(
                *(" ".join(f"{v:.4g}" if isinstance(v, float) else str(v) for v in row) for row in rows[-3:]),
                sep="\n",
                flush=True,
            )
            if best is None or total < best[0]:
                best = (total, {name: x for name, (x, _) in fits.items()}, lead, share)
    assert best is not None
    names = [
        "lead",
        "share",
        "task",
        "evidence_rate",
        "activation",
        "peak",
        "non_decision_time",
        "misfit",
        "of all",
    ]
    table = pd.DataFrame(rows, columns=names)
    _, numbers, lead, share = best
    with plot.style() as plt:
        figure, axes = plt.subplots(len(TASKS), 2, figsize=(9, 9))
        for (name, x), row in zip(numbers.items(), axes, strict=True):
            (easy, hard), (fast, slow), _ = TASKS[name]
            c, i = (people(x, lead, share, kind) for kind in ("congruent", "incongruent"))
            seen = TABLES[name]
            for s, column, filled in ((i, hard, True), (c, easy, False)):
                face = plot.PEOPLE if filled else "white"
                row[0].plot(
                    range(1, 6), seen[column], "*", color=plot.PEOPLE, markerfacecolor=face, markersize=8
                )
                row[0].plot(range(1, 6), s.accuracy, "-" if filled else "--", color=plot.LAW)
            row[0].set(
                xlabel="fifth of response times", ylabel="accuracy [share right]", ylim=(0.7, 1), title=name
            )
            middle = (seen[fast] + seen[slow]) / 2
            row[1].plot(middle, seen[slow] - seen[fast], "*", color=plot.PEOPLE, markersize=8, label="people")
            row[1].plot(
                (c.quantiles + i.quantiles) * 500,
                (i.quantiles - c.quantiles) * 1000,
                color=plot.LAW,
                label="law",
            )
            row[1].set(xlabel="RT of the quantile [ms]", ylabel="delay by the conflict [ms]", ylim=(0, None))
            row[1].legend()
        plot.save(figure, OUT, "figure")
    files.write_table(OUT / "table.csv", table)
    print(table.round(4).to_string(index=False), f"Results: {OUT}", sep="\n\n")


if __name__ == "__main__":
    main()
