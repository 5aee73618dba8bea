"""Every paradigm, one population, every band: Newell's challenge, kept honestly.

A row per band of `human/targets.csv`. The paradigms that exist fill theirs, for the human arm and for the softmax
arm; the others stay empty. Nothing is tuned per row: one population serves all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cogattn import human, notebook, paradigms
from cogattn.errors import InputError, doors
from cogattn.human import ledger
from cogattn.notebook import Progress
from cogattn.observer import LIMITS, Observer
from cogattn.population import Population
from cogattn.reports.curves import play as played_whole
from cogattn.runs import trials as results
from cogattn.runs.experiment import check, execute_all, make_plan, run_folder
from cogattn.view import plot as pens
from cogattn.view.result import Files, Frame

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Scorecard(Frame):
    """What `scorecard` found: the columns of `human/targets.csv` and each arm's values beside its bands."""

    def heading(self) -> str:
        """Its name."""
        return "Scorecard: every human band"

    def findings(self) -> list[str]:
        """How many bands there are and how many each arm is inside; which limits they need; what is estimated."""
        table = self.table()
        filled = int(table["inside"].notna().sum())
        timeless = int((table["inside"].notna() & table["softmax_inside"].isna()).sum())
        return [
            f"{filled} of {len(table)} bands have a paradigm: the human arm is inside {int(table['inside'].sum())}; "
            f"softmax is inside {_of_valued(table)} that have a softmax value; {len(table) - filled} rows are empty.",
            f"{timeless} rows have no softmax value: attention that takes no time has no response times.",
            *_needed(table),
            f"{ledger.sentence()} (cogattn/human/constants.csv says which).",
        ]

    def files(self) -> Files:
        """The card."""
        return {"scorecard.csv": self.table()}

    def figures(self) -> Iterator[tuple[str, Figure]]:
        """The card as a figure."""
        yield "figures/scorecard", self.plot()

    def plot(self) -> Figure:
        """Each filled row on the scale of its own band: grey = inside; marks beyond the edge are off the scale."""
        table = self.table()
        rows = table[table["inside"].notna()].iloc[::-1]
        known = pens.pens(["human", "softmax"])
        with pens.style() as plt:
            result, ax = plt.subplots(figsize=(9.6, 1.5 + 0.215 * len(rows)))
            ax.axvspan(-1, 1, color="#E8E8E8", zorder=0)
            y = np.arange(len(rows))
            centre, half = (rows["low"] + rows["high"]) / 2, (rows["high"] - rows["low"]) / 2
            edge = 4.0

            def at(values: Any) -> Any:
                return np.clip((values - centre) / half, -edge, edge)

            ax.plot(at(rows["human"]), y, "*", color=pens.PEOPLE, markersize=9, label="people")
            for column, arm, label in (
                ("model", "human", "human limits"),
                ("softmax", "softmax", "plain softmax"),
            ):
                ax.plot(
                    at(rows[column]), y, known[arm].mark, color=known[arm].color, label=label, clip_on=False
                )
            if "needs" in rows:
                for at_y, need in zip(y, rows["needs"], strict=True):
                    ax.annotate(
                        str(need), (edge + 0.35, at_y), va="center", fontsize=7.5, annotation_clip=False
                    )
                ax.annotate("needs", (edge + 0.35, len(rows) - 0.2), fontsize=8, annotation_clip=False)
            names = [
                f"{p}: {m}".replace(" (published summary)", "")
                for p, m in zip(rows["phenomenon"], rows["metric"], strict=True)
            ]
            ax.set_yticks(y, names, fontsize=7.5)
            ax.set_xticks([-edge, -1, 1, edge], ["off", "low", "high", "off"])
            ax.set(
                xlabel="place in the human band", xlim=(-edge - 0.2, edge + 0.2), ylim=(-0.8, len(rows) - 0.2)
            )
            inside, left = int(rows["inside"].sum()), len(table) - len(rows)
            title = f"Inside the human band: human limits {inside} of {len(rows)}, "
            title += f"softmax {_of_valued(rows)} with a value"
            title += f" ({left} rows to come)" if left else ""
            result.suptitle(title, x=0.01, ha="left", fontweight="bold")
            result.legend(loc="outside lower center", ncols=3)
            return result


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
    progress: Progress | bool | None = None,
    needs: bool = False,
    curves: bool = False,
) -> Any:  # a Scorecard; with curves, a CurveCard
    """The columns of `human/targets.csv` and model, softmax, inside, softmax_inside (missing = no paradigm yet).

    `needs=True` adds a column for each limit ("without slots": the value when it is lifted and the others stay), and
    `needs`: the limits without any one of which the band is missed; `enough`: these alone put it inside.

    `curves=True` scores whole curves of all human tables instead, in two halves, by one rule (`reports.curves`).

    >>> card = scorecard(people=1, trials=1)  # doctest: +SKIP
    >>> {"human", "model", "softmax"} <= set(card.columns), len(card)  # doctest: +SKIP
    (True, 52)
    """
    if curves:
        if needs or trials is not None:
            raise InputError(
                "curves takes as many trials as its tables ask for, and shows no needs: leave them out"
            )
        return played_whole(
            values_of, partial(fill, human.targets()), people, seed, n_jobs, observer=observer,
            population=population, out=out, resume=resume, progress=progress,
        )  # fmt: skip
    plans = {
        name: make_plan(name, ("human", "softmax"), None, people, given, seed, observer, population)
        for name, given in _played(trials)
    }
    check(plans.values(), n_jobs, "cpu")
    config: dict[str, Any] = {name: plan.config() for name, plan in plans.items()}
    if needs:
        config["needs"] = True
    folder = None if out is None else run_folder(Path(out), "scorecard", config, resume)
    tick = notebook.ticker(progress, "scorecard")
    runs = execute_all(plans, folder, n_jobs, "cpu", tick)
    table = fill(human.targets(), values_of(runs.values()))
    if needs:

        def play(arms: Mapping[str, Sequence[str]]) -> Values:
            few = {
                name: make_plan(
                    name, arms[name], None, min(people, LESIONED), given, seed, observer, population
                )
                for name, given in _played(trials)
                if arms.get(name)
            }
            return values_of(execute_all(few, None, n_jobs, "cpu", tick).values())

        home = {(m[1], m[2]): name for name, run in runs.items() for m in _values(run)}
        table = add_needs(table, home, play)
    table.attrs["folder"] = folder
    if folder is not None:
        table.save(folder)
    return table


LESIONED = 60  #: people at most who show what is missed without a limit
Values = dict[tuple[str, str, str], float]  # (arm, phenomenon, metric) -> value


def add_needs(
    table: Scorecard,
    home: Mapping[tuple[str, str], str],
    play: Callable[[Mapping[str, Sequence[str]]], Values],
) -> Scorecard:
    """Lift each limit in turn: which bands are missed then? And are those limits enough by themselves?

    home: the paradigm of each band; play: the values of some arms of each paradigm (in memory: half a minute).
    """
    lesions = {limit: "+".join(x for x in LIMITS if x != limit) for limit in LIMITS}
    found = play(dict.fromkeys(home.values(), ("human", *lesions.values())))
    for limit, arm in lesions.items():
        table[f"without {limit}"] = _column(table, found, arm)
    missed = {limit: ~_inside(table, table[f"without {limit}"]) for limit in LIMITS}
    safe = _inside(table, _column(table, found, "human"))  # where so few people miss, nothing can be said
    told = safe & table["inside"].fillna(False).to_numpy(bool)
    wanted = [
        ("+".join(limit for limit in LIMITS if missed[limit][i]) or "softmax") if told[i] else ""
        for i in range(len(table))
    ]
    rows = list(_rows(table))
    alone = play({name: _sets(name, home, rows, wanted) for name in set(home.values())})
    soft = table["softmax_inside"].fillna(False).to_numpy(bool)
    several = [arm == "softmax" and not soft[i] for i, arm in enumerate(wanted)]
    named = [arm.replace("softmax", "nothing") for arm in wanted]
    table["needs"] = ["one of several" if s else arm for s, arm in zip(several, named, strict=True)]
    value = pd.Series(
        [alone.get((arm, *row), np.nan) for arm, row in zip(wanted, rows, strict=True)], table.index
    )
    enough = pd.array(_inside(table, value), dtype="boolean")
    enough[[not arm or s for arm, s in zip(wanted, several, strict=True)]] = pd.NA
    table["enough"] = enough
    return table


def _sets(
    name: str, home: Mapping[tuple[str, str], str], rows: list[tuple[str, str]], wanted: list[str]
) -> list[str]:
    """The arms that this paradigm's bands want, each once."""
    return list(
        dict.fromkeys(arm for row, arm in zip(rows, wanted, strict=True) if arm and home[row] == name)
    )


def _rows(table: pd.DataFrame) -> Iterable[tuple[str, str]]:
    """(phenomenon, metric) of each band."""
    return zip(table["phenomenon"], table["metric"], strict=True)


def _column(table: pd.DataFrame, known: Values, arm: str) -> pd.Series:
    """An arm's value for each band; what nobody measured is missing."""
    return pd.Series([known.get((arm, *row), np.nan) for row in _rows(table)], table.index, dtype=float)


def _inside(table: pd.DataFrame, value: pd.Series) -> npt.NDArray[np.bool_]:
    """Whether a value lies in its band; what is missing does not."""
    return np.asarray(value.between(table["low"], table["high"]), bool)


def _played(trials: int | None) -> list[tuple[str, int | None]]:
    """The paradigms that have bands, and how many trials each takes; a session is taken once."""
    kinds = [(name, paradigms.get(name)()) for name in paradigms.names()]
    return [(name, None if kind.sessions else trials) for name, kind in kinds if kind.banded]


def _values(run: results.Trials) -> list[tuple[str, str, str, float]]:
    """(arm, phenomenon, metric, value) of a run."""
    by_arm = run.frame.groupby("arm", sort=False)
    return [(str(arm), m.phenomenon, m.metric, m.value) for arm, f in by_arm for m in run.paradigm.metrics(f)]


def values_of(runs: Iterable[results.Trials]) -> Values:
    """The values of these runs."""
    return {(arm, p, m): v for run in runs for arm, p, m, v in _values(run)}


def fill(targets: pd.DataFrame, known: Values) -> Scorecard:
    """Put each arm's values beside their bands; what nobody measured stays missing."""
    table = Scorecard(targets.copy())
    for column, arm in (("model", "human"), ("softmax", "softmax")):
        table[column] = _column(table, known, arm)
    for column, verdict in (("model", "inside"), ("softmax", "softmax_inside")):
        table[verdict] = human.inside(table[column], table["low"], table["high"])
    return table


def _of_valued(table: pd.DataFrame) -> str:
    """How many bands softmax is inside, of those for which it has a value."""
    return f"{int(table['softmax_inside'].sum())} of {int(table['softmax_inside'].notna().sum())}"


def _needed(table: pd.DataFrame) -> list[str]:
    """How many bands need each limit."""
    if "needs" not in table:
        return []
    own = [set(str(n).split("+")) for n in table["needs"]]
    counts = {limit: sum(limit in n for n in own) for limit in LIMITS}
    parts = ", ".join(f"{limit} {n}" for limit, n in sorted(counts.items(), key=lambda c: -c[1]) if n)
    enough = int(table["enough"].sum())
    left = ", ".join(
        f"without {limit} {int(_inside(table, table[f'without {limit}']).sum())}" for limit in LIMITS
    )
    return [
        f"Bands that need each limit: {parts}; in {enough} of them these limits alone are enough.",
        f"With one limit lifted inside: {left}.",
    ]


doors(__name__, "scorecard", first=True)
