"""Search: which parameters of a mind reach a goal, e.g. the cheapest capacity that keeps misses under 5 %.

Optuna proposes (TPE, random, or a grid), an experiment judges. Proposals come `ROUND` at a time whatever the number of
cores: those of a round know all earlier rounds, and each has a generator of its own, seeded by (seed, its number). So
the trials hang on the seed alone, not on who finishes first. A resumed sweep makes the same proposals again and reads
what was finished from its parts instead of playing it: it cannot go another way than an uninterrupted one.

All points meet the same draws, and the best of many is the best partly by luck of those draws: it is played once more
with fresh ones, and both are told.

>>> found = sweep("whole_report", {"slots": (1.0, 6.0)}, "min slots", ["misses <= 0.65"], candidates=6, sampler="grid",
...               people=2, trials=20)
>>> bool(1.0 < found.best["slots"] < 6.0)
True
"""

from __future__ import annotations

import contextlib
import itertools
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cogattn import files
from cogattn._renamed import told
from cogattn.errors import InputError, choice, doors, needs, whole
from cogattn.mind.draws import seed_of
from cogattn.notebook import Progress, ticker
from cogattn.observer import Observer
from cogattn.paradigms import Paradigm
from cogattn.runs import trials as results
from cogattn.runs.experiment import run_folder
from cogattn.tune.goals import Constraint, Goal, renamed
from cogattn.tune.probes import Probe, Range, Ranges, ranges, with_
from cogattn.tune.scales import SCALES
from cogattn.view import plot
from cogattn.view.result import Files, Result, once_an_attribute

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROUND = 8  # proposals that are made before the next results are looked at
SAMPLERS = ("tpe", "random", "grid")


@dataclass(frozen=True)
class Sweep(Result):
    """What `sweep` found.

    >>> found = sweep("partial_report", {"slots": (1, 4, 1)}, "max hits", sampler="grid", people=1, trials=5,
    ...               candidates=4)
    >>> len(found.table())
    4
    """

    paradigm: str
    ranges: tuple[Range, ...]
    goals: tuple[Goal, ...]
    constraints: tuple[Constraint, ...]
    tried: (
        pd.DataFrame
    )  #: a row per candidate: candidate, the parameters, each goal, how far each constraint is from holding,
    #: feasible, best
    measured: pd.DataFrame  #: a row per candidate: all that the experiment measured
    fresh: pd.DataFrame  #: the best, played once more with other draws: goals and constraints
    fixed: Observer
    config: dict[str, Any]
    folder: Path | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def best(self) -> pd.Series:
        """The best candidate that holds all constraints (of several goals: the first of those that none beats)."""
        rows = self.tried[self.tried["best"]]
        if rows.empty:
            raise InputError("no candidate holds all constraints: widen the ranges or loosen a constraint")
        return rows.iloc[0]

    def observer(self, candidate: int | None = None, *, trial: int | None = None) -> Observer:
        """A candidate's mind; the best one if none is named. trial: the old name of `candidate`."""
        if trial is not None:
            told("Sweep.observer(trial=)", "candidate", 3)
            candidate = trial
        if candidate is None:
            row = self.best
        else:
            row = self.tried.loc[whole("candidate", candidate, most=len(self.tried) - 1)]
        return with_(self.fixed, {r.name: row[r.name] for r in self.ranges})

    @once_an_attribute
    def table(self) -> pd.DataFrame:
        """A row per candidate: the parameters, each goal, how far each constraint is from holding, feasible, best."""
        return self.tried

    def heading(self) -> str:
        """What was looked for."""
        return f"{self.paradigm}: {', '.join(map(str, self.goals))}, {len(self.tried)} candidates"

    def remarks(self) -> list[str]:
        """What is odd."""
        return self.notes

    def findings(self) -> list[str]:
        """What was found, in a few sentences."""
        count = f"{int(self.tried['feasible'].sum())} of {len(self.tried)} candidates hold all constraints"
        if not self.tried["best"].any():
            least = self.tried.loc[_excess(self.tried, self.constraints).idxmin()]
            return [f"{count}; the nearest is {self._at(least)}."]
        out = [f"{count}."] if self.constraints else []
        several = int(self.tried["best"].sum()) if len(self.goals) > 1 else 1
        if several > 1:
            out.append(f"{several} candidates are beaten by none in all goals; one of them:")
        best = self.best
        out.append(f"Best for {', '.join(map(str, self.goals))}: {self._at(best)}.")
        held = all(self.fresh[c.text].iloc[0] <= 0 for c in self.constraints)
        again = ", ".join(f"{g.of.text} = {self.fresh[str(g)].iloc[0]:.4g}" for g in self.goals)
        margin = ", ".join(f"{c.text}: off by {self.fresh[c.text].iloc[0]:+.2g}" for c in self.constraints)
        verdict = "holds" if held else "does NOT hold: take a margin, or more people"
        out.append(f"With fresh draws {again}" + (f"; it {verdict} ({margin})." if self.constraints else "."))
        return out

    def _at(self, row: pd.Series) -> str:
        own = ", ".join(f"{r.name} {row[r.name]:.4g}" for r in self.ranges)
        return own + "".join(
            f", {g.of.text} = {row[str(g)]:.4g}" for g in self.goals if g.of.text not in row.index
        )

    def plot(self) -> Figure:
        """What was tried, held or not; what the goal costs; how the best came about."""
        with plot.style() as plt:
            figure, axes = plt.subplots(1, 3, figsize=(11.4, 4.0), width_ratios=[1.25, 1.25, 1])
            first = self.ranges[0]
            second = self.ranges[1] if len(self.ranges) > 1 else None
            self._dots(axes[0], first.name, second.name if second else str(self.goals[0]))
            self._dots(axes[1], self._against(), str(self.goals[0]))
            for axis, r in ((axes[0].xaxis, first), (axes[0].yaxis, second)):
                if r is not None and r.log:
                    plot.by_factors(axis)
            self._edge(axes[1])
            self._course(axes[2])
            figure.suptitle(
                f"{self.paradigm}: {self.findings()[-2] if self.tried['best'].any() else self.findings()[-1]}",
                x=0.01, ha="left", fontsize=10.5, fontweight="bold",
            )  # fmt: skip
            handles, labels = axes[0].get_legend_handles_labels()
            figure.legend(handles, labels, loc="outside lower center", ncols=3)
            return figure

    def _against(self) -> str:
        """What the goal is held against: what the first constraint measures, else the first parameter."""
        known = [n for c in self.constraints for n in c.names if n in self.measured or n in self.tried]
        return known[0] if known else self.ranges[0].name

    def _dots(self, ax: Any, x: str, y: str) -> None:
        """Every candidate, and the best."""
        both = pd.concat([self.tried, self.measured], axis=1)
        both = both.loc[:, ~both.columns.duplicated()]
        for holds, look in (
            (False, {"marker": "x", "color": "#D55E00", "label": "a constraint fails"}),
            (True, {"marker": "o", "color": "#0072B2", "label": "all hold"}),
        ):
            own = both[both["feasible"] == holds]
            ax.scatter(own[x], own[y], s=26, **look)
        star = both[both["best"]]
        ax.scatter(
            star[x],
            star[y],
            s=190,
            marker="*",
            color="#E69F00",
            edgecolor=plot.PEOPLE,
            zorder=5,
            label="best",
        )
        names = {str(g): g.of.text for g in self.goals}
        ax.set(xlabel=_label(names.get(x, x)), ylabel=_label(names.get(y, y)))

    def _edge(self, ax: Any) -> None:
        """Where the first constraint begins to hold, if it is one of a measure and a number."""
        for c in self.constraints[:1]:
            for side, other in ((c.less, c.more), (c.more, c.less)):
                if not side.names and other.text == self._against():
                    ax.axvline(side.value({}), color=plot.PEOPLE, linewidth=0.9, linestyle="--")
        ax.set_title(self.constraints[0].text if self.constraints else "")

    def _course(self, ax: Any) -> None:
        """The best so far, candidate by candidate."""
        goal = self.goals[0]
        value = self.tried[str(goal)].where(self.tried["feasible"])
        so_far = value.cummax() if goal.largest else value.cummin()
        ax.step(self.tried["candidate"] + 1, so_far.ffill(), where="post", color="#0072B2")
        ax.set(
            xlabel="candidate",
            ylabel=f"best {goal.of.text.replace('_', ' ')} so far",
            xlim=(0, len(self.tried) + 1),
        )

    def files(self) -> Files:
        """What was tried and measured; the best mind as a file for every other command."""
        out: Files = {
            "candidates.csv": self.tried,
            "measured.csv": self.measured,
        }
        if self.tried["best"].any():
            out |= {"fresh.csv": self.fresh, "observer.toml": results.toml(self.observer().to_dict())}
        return out

    def figures(self) -> Iterator[tuple[str, Figure]]:
        """What was tried, what the goal costs, how the best came about."""
        yield "figures/sweep", self.plot()

    def done(self) -> dict[str, Any]:
        """How many were tried."""
        return {"candidates": len(self.tried)}


def sweep(
    paradigm: str | Paradigm,
    params: Ranges,
    goal: str | Sequence[str],
    subject_to: str | Sequence[str] = (),
    *,
    candidates: int | None = None,
    sampler: str = "tpe",
    observer: Observer | None = None,
    people: int = 20,
    trials: int | None = None,
    seed: int = 0,
    n_jobs: int = 1,
    out: str | Path | None = None,
    resume: bool = False,
    progress: Progress | bool | None = None,
    each: int | None = None,
) -> Sweep:
    """Try `candidates` minds (by default 60) in an experiment: which comes nearest to the goal, and holds what must?

    params: names with (low, high) or (low, high, step), or names alone (the range of adults). goal: `min capacity`,
    `max hits - misses`, several of them for a front. subject_to: `misses <= 0.05`, ... people: minds of each kind,
    alike but for chance, `trials` in a condition. each: the old name of `trials`; beside it `trials` is the old
    name of `candidates`.

    >>> found = sweep(
    ...     "partial_report", {"slots": (1, 4, 1)}, "max hits", sampler="grid", candidates=4, people=1, trials=20
    ... )
    >>> bool(found.best["slots"] > 1)
    True
    """
    space = ranges(params)
    names = {r.name for r in space}
    goals = tuple(Goal.read(renamed(g, names)) for g in _listed(goal))
    constraints = tuple(Constraint.read(renamed(c, names)) for c in _listed(subject_to))
    if not goals:
        raise InputError("a sweep needs a goal, e.g. 'min capacity'")
    choice("sampler", sampler, SAMPLERS)
    candidates, trials = minds_and_trials(candidates, trials, each, stacklevel=4)
    candidates = whole("candidates", 60 if candidates is None else candidates, least=1, most=100_000)
    mind = observer or Observer()
    probe = Probe(paradigm, mind, people, trials, seed)
    known = {r.name: 1.0 for r in space} | probe.measure([{}]).iloc[0].to_dict()
    for name in itertools.chain(*(g.of.names for g in goals), *(c.names for c in constraints)):
        choice("name in a goal or constraint", name, known)
    config = {
        **{k: v for k, v in probe.plan({}).config().items() if k != "arms"},
        "params": {r.name: [r.low, r.high, *([r.step] if r.step else [])] for r in space},
        "goals": [str(g) for g in goals], "subject_to": [c.text for c in constraints],
        "sampler": sampler, "candidates": candidates, "law_of_sweeps": 2,
    }  # fmt: skip
    config["name"] = config["paradigm"]
    search = _Search(space, goals, constraints, probe, sampler, candidates, seed)
    needs("optuna", "search")
    folder = None if out is None else run_folder(Path(out), "sweep", config, resume)
    if folder is not None:
        files.write_text(folder / "config.toml", results.toml(config))
        files.write_json(folder / "provenance.json", results.provenance(seed, "cpu", n_jobs))
    table, measured = search.run(folder, n_jobs, ticker(progress, "sweep"))
    fresh = search.again(table, folder, n_jobs)
    done = Sweep(config["name"], space, goals, constraints, table, measured, fresh, mind, config, folder)
    if folder is not None:
        done.save(folder)
    return done


def minds_and_trials(
    candidates: int | None, trials: int | None, each: int | None, stacklevel: int = 3
) -> tuple[int | None, int | None]:
    """(minds to try, trials of each). They were called trials and each once, and a call that says `each` is of then.

    >>> minds_and_trials(12, 60, None)
    (12, 60)
    """
    old = "sweep: trials is now called candidates, and each is now called trials"
    if each is None:
        if trials is not None and candidates is None:
            warnings.warn(f"{old}; this call tries 60 minds", DeprecationWarning, stacklevel=stacklevel)
        return candidates, trials
    warnings.warn(old, DeprecationWarning, stacklevel=stacklevel)
    if candidates is not None and trials is not None:
        raise InputError("each is the old name of trials: give one of them")
    return (trials if candidates is None else candidates), each


def _label(name: str) -> str:
    """A name for people: a parameter's with its unit."""
    unit = SCALES[name].unit if name in SCALES else ""
    return name.replace("_", " ") + (f" [{unit}]" if unit else "")


def _listed(texts: str | Sequence[str]) -> list[str]:
    return [texts] if isinstance(texts, str) else list(texts)


@dataclass(frozen=True)
class _Search:
    """A sweep under way."""

    space: tuple[Range, ...]
    goals: tuple[Goal, ...]
    constraints: tuple[Constraint, ...]
    probe: Probe
    sampler: str
    candidates: int
    seed: int

    def run(
        self, folder: Path | None, n_jobs: int, progress: Progress | None
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Rounds of proposals, each played and told before the next."""
        parts = folder and folder / "parts"
        rows: list[dict[str, Any]] = []
        seen: list[pd.DataFrame] = []
        with _study(folder, self.goals) as study:
            for point in self._grid():
                study.enqueue_trial(point)
            total = len(self._grid()) or self.candidates
            for first in range(0, total, ROUND):
                asked = [self._ask(study, i) for i in range(first, min(first + ROUND, total))]

                def count(done: int, _: int, base: int = first) -> None:
                    if progress is not None:
                        progress(base + done, total)

                seen.append(self.probe.measure([t.params for t in asked], parts, n_jobs, count))
                for trial, values in zip(asked, seen[-1].to_dict("records"), strict=True):
                    rows.append(self._told(study, trial, values))
        table = pd.DataFrame(rows)
        return table.assign(best=_best(table, self.goals)), pd.concat(seen, ignore_index=True)

    def _ask(self, study: Any, i: int) -> Any:
        """The i-th proposal: it hangs on the seed, on i, and on the rounds before."""
        study.sampler = self._sampler(seed_of(self.seed, "sweep", str(i)) % 2**32)
        return study.ask(self._space())

    def _sampler(self, seed: int) -> Any:
        samplers = needs("optuna", "search").samplers
        if self.sampler != "tpe":
            return samplers.RandomSampler(seed=seed)
        return samplers.TPESampler(
            seed=seed,
            multivariate=len(self.space) > 1,
            constant_liar=True,
            constraints_func=(lambda trial: trial.user_attrs["excess"]) if self.constraints else None,
        )

    def _space(self) -> dict[str, Any]:
        made = needs("optuna", "search").distributions.FloatDistribution
        return {r.name: made(r.low, r.high, log=r.log, step=r.step) for r in self.space}

    def _grid(self) -> list[dict[str, float]]:
        """All points of the grid: a parameter's steps, else as many values of each as `candidates` allows."""
        if self.sampler != "grid":
            return []
        free = [r for r in self.space if r.step is None]
        fixed = math.prod(len(_steps(r)) for r in self.space if r.step is not None)
        many = max(2, math.floor((self.candidates / fixed) ** (1 / len(free)) + 1e-9)) if free else 0
        axes = [_steps(r) if r.step else r.at(np.linspace(0, 1, many)).tolist() for r in self.space]
        size = math.prod(map(len, axes))
        if size > self.candidates:
            raise InputError(
                f"the grid has {size} points and candidates is {self.candidates}: raise candidates or the steps"
            )
        return [dict(zip((r.name for r in self.space), p, strict=True)) for p in itertools.product(*axes)]

    def _told(self, study: Any, trial: Any, values: Mapping[str, float]) -> dict[str, Any]:
        """What a candidate was worth, told to the study."""
        row = self.judged({**values, **trial.params})
        excess = [row[c.text] for c in self.constraints]
        worth = [row[str(g)] for g in self.goals]
        trial.set_user_attr("excess", [x if math.isfinite(x) else 1e9 for x in excess])
        trial.set_user_attr("measured", {k: v for k, v in values.items() if math.isfinite(v)})
        if all(map(math.isfinite, worth)):
            study.tell(trial, worth)
        else:
            study.tell(trial, state=needs("optuna", "search").trial.TrialState.FAIL)
        return {"candidate": trial.number, **trial.params, **row}

    def judged(self, known: Mapping[str, float]) -> dict[str, Any]:
        """Goals, constraints, and whether all is well."""
        worth = {str(g): g.of.value(known) for g in self.goals}
        excess = {c.text: c.excess(known) for c in self.constraints}
        holds = all(x <= 1e-12 for x in excess.values()) and all(map(math.isfinite, worth.values()))
        return {**worth, **excess, "feasible": holds}

    def again(self, table: pd.DataFrame, folder: Path | None, n_jobs: int) -> pd.DataFrame:
        """The best, with other draws."""
        best = table[table["best"]]
        if best.empty:
            return pd.DataFrame()
        point = {r.name: float(best.iloc[0][r.name]) for r in self.space}
        other = replace(self.probe, seed=seed_of(self.seed, "fresh draws") & (2**62 - 1))
        values = other.measure([point], folder and folder / "parts", n_jobs).iloc[0].to_dict()
        return pd.DataFrame([{**point, **self.judged({**values, **point})}])


@contextlib.contextmanager
def _study(folder: Path | None, goals: Sequence[Goal]) -> Iterator[Any]:
    """A study in memory, or in a journal that Optuna's own tools can read; a resumed sweep writes it anew."""
    optuna = needs("optuna", "search")
    storage = None
    if folder is not None:
        journal = folder / "optuna.journal"
        for old in (journal, folder / "optuna.journal.lock"):
            old.unlink(missing_ok=True)
        backend = optuna.storages.journal.JournalFileBackend(str(journal))
        storage = optuna.storages.JournalStorage(backend)
    loud = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # experimental features
            yield optuna.create_study(
                storage=storage,
                study_name="sweep",
                directions=["maximize" if g.largest else "minimize" for g in goals],
            )
    finally:
        optuna.logging.set_verbosity(loud)


def _steps(r: Range) -> list[float]:
    assert r.step is not None
    return [r.low + i * r.step for i in range(math.floor((r.high - r.low) / r.step + 1e-9) + 1)]


def _excess(table: pd.DataFrame, constraints: Sequence[Constraint]) -> pd.Series:
    """How far the worst constraint of each candidate is from holding, each on the scale of its own spread."""
    each = table[[c.text for c in constraints]].clip(lower=0)
    return (each / each.max().where(each.max() > 0, 1.0)).max(axis=1)


def _best(table: pd.DataFrame, goals: Sequence[Goal]) -> list[bool]:
    """The first of the best; of several goals, all that no other beats in every one."""
    worth = np.column_stack([table[str(g)] * (-1 if g.largest else 1) for g in goals])
    worth = np.where(table["feasible"].to_numpy()[:, None], worth, np.inf)
    if len(goals) == 1:
        first = int(worth[:, 0].argmin())
        return [i == first and bool(np.isfinite(worth[i, 0])) for i in range(len(table))]
    beaten = [
        bool(((worth <= w).all(1) & (worth < w).any(1)).any()) or not np.isfinite(w).all() for w in worth
    ]
    return [not b for b in beaten]


doors(__name__, "sweep", first=True)
