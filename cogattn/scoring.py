"""Every paradigm, one population, every band: Newell's challenge, kept honestly.

A row per band of `human/targets.csv`. The paradigms that exist fill theirs, for the human arm and for the softmax
arm; the others stay empty. Nothing is tuned per row: one population serves all.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cogattn import human, paradigms, plot, results
from cogattn.experiment import Progress, check, digest, execute_all, make_plan, run_folder
from cogattn.observer import Observer, Population

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def scorecard(
    people: int = 200,
    seed: int = 0,
    trials: int | None = None,
    n_jobs: int = 1,
    *,
    observer: Observer | None = None,
    population: Population | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """The columns of `human/targets.csv` and model, softmax, inside, softmax_inside (missing = no paradigm yet)."""
    plans = {
        name: make_plan(name, ("human", "softmax"), None, people, given, seed, observer, population)
        for name, given in _played(trials)
    }
    check(plans.values(), n_jobs, "cpu")
    config = {name: digest(plan.config()) for name, plan in plans.items()}
    folder = None if out is None else run_folder(Path(out), "scorecard", config, resume)
    runs = execute_all(plans, folder, n_jobs, "cpu", progress)
    table = fill(human.targets(), [m for run in runs.values() for m in _values(run)])
    table.attrs["folder"] = folder
    if folder is not None:
        save(table, folder)
    return table


def _played(trials: int | None) -> list[tuple[str, int | None]]:
    """The paradigms that have bands, and how many trials each takes; a session is taken once."""
    kinds = [(name, paradigms.get(name)()) for name in paradigms.names()]
    return [(name, None if kind.sessions else trials) for name, kind in kinds if kind.banded]


def _values(run: results.Trials) -> list[tuple[str, str, str, float]]:
    """(arm, phenomenon, metric, value) of a run."""
    by_arm = run.frame.groupby("arm", sort=False)
    return [(str(arm), m.phenomenon, m.metric, m.value) for arm, f in by_arm for m in run.paradigm.metrics(f)]


def fill(targets: pd.DataFrame, values: list[tuple[str, str, str, float]]) -> pd.DataFrame:
    """Put each arm's values beside their bands; what nobody measured stays missing."""
    known = {(arm, phenomenon, metric): value for arm, phenomenon, metric, value in values}
    table = targets.copy()
    pairs = list(zip(table["phenomenon"], table["metric"], strict=True))
    for column, arm in (("model", "human"), ("softmax", "softmax")):
        table[column] = [known.get((arm, p, m), np.nan) for p, m in pairs]
    for column, verdict in (("model", "inside"), ("softmax", "softmax_inside")):
        table[verdict] = human.inside(table[column], table["low"], table["high"])
    return table


def words(table: pd.DataFrame) -> str:
    """The count, in a sentence."""
    filled = int(table["inside"].notna().sum())
    timeless = int((table["inside"].notna() & table["softmax_inside"].isna()).sum())
    return (
        f"{filled} of {len(table)} bands have a paradigm: the human arm is inside {int(table['inside'].sum())}, "
        f"softmax inside {int(table['softmax_inside'].sum())}; {len(table) - filled} rows are empty. "
        f"{timeless} rows have no softmax value: attention that takes no time has no response times."
    )


def save(table: pd.DataFrame, folder: Path) -> None:
    """scorecard.csv, its figure, and done.json last."""
    results.write_table(folder / "scorecard.csv", table)
    picture = figure(table)
    plot.save(picture, folder / "figures", "scorecard")
    results.close(picture)
    results.write_json(folder / "done.json", {"rows": len(table)})


def figure(table: pd.DataFrame) -> Figure:
    """Each filled row on the scale of its own band: grey = inside; marks beyond the edge are off the scale."""
    rows = table[table["inside"].notna()].iloc[::-1]
    known = plot.pens(["human", "softmax"])
    with plot.style() as plt:
        result, ax = plt.subplots(figsize=(8.0, 1.4 + 0.34 * len(rows)))
        ax.axvspan(-1, 1, color="#E8E8E8", zorder=0)
        y = np.arange(len(rows))
        centre, half = (rows["low"] + rows["high"]) / 2, (rows["high"] - rows["low"]) / 2
        edge = 4.0

        def at(values: Any) -> Any:
            return np.clip((values - centre) / half, -edge, edge)

        ax.plot(at(rows["human"]), y, "*", color=plot.PEOPLE, markersize=9, label="people")
        for column, arm, label in (
            ("model", "human", "human limits"),
            ("softmax", "softmax", "plain softmax"),
        ):
            ax.plot(at(rows[column]), y, known[arm].mark, color=known[arm].color, label=label, clip_on=False)
        ax.set_yticks(y, [f"{p}: {m}" for p, m in zip(rows["phenomenon"], rows["metric"], strict=True)])
        ax.set_xticks([-edge, -1, 0, 1, edge], ["off", "low", "centre", "high", "off"])
        ax.set(xlabel="place in the human band", xlim=(-edge - 0.2, edge + 0.2))
        inside, soft = int(rows["inside"].sum()), int(rows["softmax_inside"].sum())
        left = len(table) - len(rows)
        title = f"Inside the human band: human limits {inside} of {len(rows)}, softmax {soft} ({left} rows to come)"
        result.suptitle(title, x=0.01, ha="left", fontweight="bold")
        result.legend(loc="outside lower center", ncols=3)
        return result
