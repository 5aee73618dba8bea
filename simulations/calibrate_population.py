"""Calibration in the open: which numbers of the population come from which human table, how sure they are, and what
is left of the scorecard if a phenomenon is kept from them.

    python simulations/calibrate_population.py [--people 100] [--resume] [--only vigilance ...] [--write]

One procedure: weighted least squares over rows of human tables, logarithms of the parameters, common random numbers
(people are drawn once, then shifted). A parameter that acts in one group of tables only is estimated from that group:
BLOCKS names the groups; the exact laws of `where_do_the_*_numbers_come_from.py` are used where there are some. Standard
errors: from the Jacobian and the standard errors of the human rows (sd / sqrt n), or, where a table gives no sd between
people, from the scatter of the rows about the fit. Rows are taken as independent [assumption].

Then, for each phenomenon, everything that it informed is estimated anew from the other phenomena (MAP: a neutral value,
NEUTRAL, with a sd of ln 2 of its logarithm, and the others' bands, a quarter of a band counted as one standard error);
what nothing else informs is the neutral value. Never today's number, and never a row that is kept for tests: tables
are read by `human.fit`. Task constants that the phenomenon informed are those of another task, or neutral (WITHOUT);
KEPT names what stays. The phenomenon is then predicted.

Every finished block, column of the Jacobian and fold is a file: --resume goes on from there. --write puts the numbers
in use, with what was found out about them, into cogattn/human/population.csv. About seven minutes on two cores.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import brentq, least_squares

import cogattn as ca
from cogattn import files, human, paradigms, parameters, record
from cogattn.laws import search as search_law
from cogattn.laws.conflict import SELECTED
from cogattn.paradigms.attentional_blink import AttentionalBlink
from cogattn.paradigms.base import Condition, Paradigm
from cogattn.paradigms.choice_rt import ChoiceRT
from cogattn.paradigms.conflict import HAND_SD, Conflicting, Flanker, Simon, Stroop
from cogattn.paradigms.go_nogo import GoNoGo, runs
from cogattn.paradigms.prp import PRP
from cogattn.paradigms.selection import TOLD
from cogattn.paradigms.vigilance import Vigilance, counted, decided
from cogattn.paradigms.visual_search import VisualSearch
from cogattn.parameters import PARAMETERS
from cogattn.population import LABORATORY_SPEED, People
from cogattn.record import Source
from cogattn.runs import program
from cogattn.runs.experiment import Cell, make_plan, play_cell
from cogattn.view import plot
from cogattn.world.stream import Stimulus, Task, TaskStream

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FILE = Path(human.__file__).with_name("population.csv")
ADULTS, ONE, PRIOR = ca.Population.adults(), ca.Observer(), math.log(2)
CORRECTIONS = 4  #: of what scoring adds to a criterion
JUDGES = 10  #: times as many people judge a fold as estimate it (with twice as many, bands come and go with the sample)
SEED = [0]  #: of who is drawn; what is asked for sets it
Array = npt.NDArray[np.float64]
Values = dict[str, float]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Block:
    """Parameters that act in one group of tables; the rows that inform them (source.basis of source.tables); the
    phenomena those rows belong to."""

    names: tuple[str, ...]
    source: Source
    phenomena: tuple[str, ...]


BLOCKS = {
    "race": Block(
        ("capacity.mean", "capacity.sd", "slots.mean", "slots.sd", "threshold.mean", "threshold.sd", "alpha.mean",
         "alpha.sd"), record.RACE, ("whole report of 6", "partial report at 83 ms")),
    "time on task": Block(
        ("speed.mean", "speed_sd.mean", "fast_loss", "fast_tiring", "fast_rest", "slow_loss", "lapse_base",
         "lapse_slow", "lapse_duration", "tempo_share", "tempo_time", "anticipation"),
        record.TIME_ON_TASK, ("simple RT 8 min",)),
    "blink": Block(("dwell", "dwell_sd", "sparing_window", "order_sd", "dwell_counts"), record.BLINK,
        ("attentional blink",)),
    "search": Block(("search_group", "quit_growth", "visit_shape", "visit_hit"), record.SEARCH,
        ("visual search",)),
    "practice": Block(("learning",), record.PRACTICE, ("practice",)),
    "conflict": Block(("evidence_threshold.mean",), record.CONFLICT, ("flanker", "Stroop")),
    "persons": Block(("speed.sd", "speed_sd.sd", "hand.sd", "day_sd.mean"), record.ACROSS, ()),
    "slips": Block(("slip.mean", "slip.sd"), record.SLIPS, ()),
    "wariness": Block(("wariness",), record.WARINESS, ("go/no-go 7 min",)),
    "readiness": Block(("readiness.sd",), record.READINESS, ("go/no-go 7 min",)),
    "criterion": Block(("criterion.mean", "criterion.sd", "criterion_shift"), record.CRITERION,
        ("vigilance 30 min",)),
    "sleep": Block(("sleep_loss",), record.SLEEP, ("sleep restriction 3 h a night",)),
    "span": Block(("trace_life",), record.SPAN, ()),
}  # fmt: skip
#: No parameter of a person was set from these: their bands are predictions.
HELD_OUT = ("whole_report", "partial_report", "prp", "change_detection", "nback", "simple_rt_quantiles",
            "simple_rt_contrasts")  # fmt: skip
UNINFORMED = ("PRP", "change detection", "n-back", "subitizing")

#: What one would take without the phenomenon. (value, why)
NEUTRAL: Mapping[str, tuple[float, str]] = {
    "capacity.mean": (45.0, "two trained observers of Shibuya & Bundesen 1988, about"),
    "capacity.sd": (15.0, "a third of the mean"),
    "slots.mean": (3.5, "two trained observers of Shibuya & Bundesen 1988, about"),
    "slots.sd": (1.2, "a third of the mean"),
    "threshold.mean": (0.018, "two trained observers of Shibuya & Bundesen 1988, about"),
    "threshold.sd": (0.006, "a third of the mean"),
    "alpha.mean": (0.45, "two trained observers of Shibuya & Bundesen 1988, about"),
    "alpha.sd": (0.15, "a third of the mean"),
    "speed.mean": (4.0, "RT of 250 ms"),
    "speed.sd": (0.4, "a tenth of the mean"),
    "speed_sd.mean": (0.4, "as much within as between people"),
    "fast_loss": (0.1, "a tenth"),
    "fast_tiring": (1 / 100, "minutes"),
    "fast_rest": (1 / 10, "seconds"),
    "slow_loss": (0.1, "a tenth"),
    "lapse_base": (1 / 300, "one in five minutes, as `lapse_fast`"),
    "lapse_slow": (1 / 100, "three times as often"),
    "lapse_duration": (10.0, "seconds"),
    "tempo_share": (0.1, "a tenth"),
    "tempo_time": (3.0, "a trial"),
    "anticipation": (0.01, "one in a hundred"),
    "dwell": (0.315, "middle of the published window of 180-450 ms (Raymond et al. 1992)"),
    "dwell_sd": (0.1, "a third of the mean"),
    "sparing_window": (0.15, "sparing at lag 1 only: between lags 1 and 2 at ten items per second"),
    "dwell_counts": (0.0, "as long whatever the item is"),
    "order_sd": (0.1, "as long as an item is shown"),
    "search_group": (1.0, "serial search (Treisman & Gelade 1980)"),
    "quit_growth": (0.0, "serial search: nobody quits"),
    "visit_shape": (1.0, "exponential"),
    "visit_hit": (1.0, "serial search: every item takes as long"),
    "learning": (1.0, "every trial leaves an instance (Logan 1988)"),
    "wariness": (0.0, "none"),
    "readiness.sd": (1 / 3, "a third of the mean"),
    "criterion.mean": (0.0, "unbiased"),
    "criterion.sd": (0.1, "a tenth"),
    "criterion_shift": (0.0, "none"),
    "sleep_loss": ((ONE.fast_loss + ONE.slow_loss) / 2, "as much as a pool takes: mean of fast and slow"),
}


def pushed(task: Conflicting) -> float:
    """The height of a task's push, of the mean adult: a ready key gets it whole (`Task.activation`, response "go")."""
    weight = task.weight * ONE.alpha**SELECTED
    return task.activation * weight / (1 + weight)


def chosen() -> float:
    """What a choice takes beside seeing and moving, where it is the only one (`choice_rt`): in simple responses."""
    alone = ChoiceRT.non_decision_time + ONE.evidence_threshold / (ChoiceRT.evidence_rate * ONE.speed)
    return (alone - PRP.perceive[0] - PRP.move[0]) * ONE.speed


#: The task as one would take it without the phenomenon: constants that its rows informed have those of another task, or
#: a neutral value. (Visual search and the two conflicts: below.)
WITHOUT: Mapping[str, Callable[[], Paradigm]] = {
    "attentional blink": lambda: AttentionalBlink(evidence=1.0),  # a clear letter
    "PRP": lambda: PRP(choose=(chosen(),) * 2),
    "go/no-go 7 min": lambda: GoNoGo(readiness=pushed(Simon())),  # as far as Simon's side pushes
    "vigilance 30 min": lambda: Vigilance(sensitivity=Task.sensitivity, notice=0.0),  # of counters
}
#: Task constants that stay in a fold, and where they come from. (A conflict that is told nothing of its own incongruent
#: trials, but weighs and holds as the other one does: 0 of 6 bands.)
KEPT = {
    "visual search": "guidance none (2 among 5s), half the items (conjunction); times of a visit are set anew from "
    "mean RT by display",
    "go/no-go 7 min": "what is not decision, which the stop signal has too; the swing of caution",
    "flanker": "rate and what is not decision from congruent trials; the push of the other conflict",
    "Stroop": "rate and what is not decision from congruent trials; the push of the other conflict",
    "simple RT 8 min": "pauses and gaps",
}


@dataclass(frozen=True)
class Fold:
    """What is left out, what it informed, and the paradigms that may inform that instead."""

    free: tuple[str, ...] = ()  # estimated anew
    by: tuple[str, ...] = ()  # from these paradigms
    neutral: tuple[str, ...] = ()  # informed by nothing else


_CKT = BLOCKS["race"].names[:6]
FOLDS = {
    "whole report of 6": Fold(_CKT, ("partial_report", "nback")),
    "partial report at 83 ms": Fold(_CKT, ("whole_report", "nback"), ("alpha.mean", "alpha.sd")),
    "visual search": Fold(neutral=BLOCKS["search"].names),
    "flanker": Fold(("evidence_threshold.mean", "slip.mean")),
    "Stroop": Fold(("evidence_threshold.mean", "slip.mean")),
    "attentional blink": Fold(neutral=BLOCKS["blink"].names),
    "PRP": Fold(), "change detection": Fold(), "n-back": Fold(), "subitizing": Fold(),
    "practice": Fold(neutral=("learning",)),
    "simple RT 8 min": Fold(tuple(n for n in BLOCKS["time on task"].names if n != "anticipation"),
                            ("go_nogo", "vigilance", "sleep_restriction", "enumeration", "prp"),
                            ("anticipation",)),  # no other table has false starts
    "go/no-go 7 min": Fold(neutral=("wariness", "readiness.sd")),
    "vigilance 30 min": Fold(neutral=BLOCKS["criterion"].names),
    "sleep restriction 3 h a night": Fold(neutral=("sleep_loss",)),
}  # fmt: skip
PLAYED_BY = {
    "whole report of 6": "whole_report", "partial report at 83 ms": "partial_report", "visual search": "visual_search",
    "flanker": "flanker", "Stroop": "stroop", "attentional blink": "attentional_blink", "PRP": "prp",
    "change detection": "change_detection", "n-back": "nback", "subitizing": "enumeration", "practice": "practice",
    "simple RT 8 min": "simple_rt", "go/no-go 7 min": "go_nogo", "vigilance 30 min": "vigilance",
    "sleep restriction 3 h a night": "sleep_restriction",
}  # fmt: skip
#: Of the people of `slept`, in a fold that is told nothing of speed (in use: `LABORATORY_SPEED`).
LABORATORY = "the laboratory's speed"
ESTIMATED = tuple(name for block in BLOCKS.values() for name in block.names)


# -- people and what they do ---------------------------------------------------------------------------------------


def default(name: str) -> float:
    """The number in use: `capacity.mean` of the population, `dwell` of the observer."""
    whose, _, part = name.partition(".")
    return float(getattr(getattr(ADULTS, whose), part) if part else getattr(ONE, name))


def every_name() -> list[str]:
    """Every number of an observer, and of the population's spreads."""
    parts = [f"{p.name}.{part}" for p in PARAMETERS if p.adults for part in p.adults.sources()]
    return [p.name for p in PARAMETERS] + parts


def source_of(name: str) -> Source:
    """Where a number comes from, by its record."""
    whose, _, part = name.partition(".")
    record = parameters.BY_NAME[whose]
    return record.adults.sources()[part] if record.adults and part else record.source


def crowd(values: Mapping[str, float], people: int, seed: int = 0) -> list[ca.Observer]:
    """The same people whatever the values: each keeps his place in the population."""
    spread: dict[str, dict[str, float]] = {}
    for name, value in values.items():
        whose, _, part = name.partition(".")
        if part:
            spread.setdefault(whose, {})[part] = value
    changed: dict[str, Any] = {n: replace(getattr(ADULTS, n), **parts) for n, parts in spread.items()}
    own: dict[str, Any] = {n: v for n, v in values.items() if "." not in n}
    return [replace(o, **own) for o in replace(ADULTS, **changed).sample(people, seed + SEED[0])]


def played(paradigm: str | Paradigm, minds: list[ca.Observer]) -> pd.DataFrame:
    """The paradigm's table for these people."""
    plan = make_plan(paradigm, "human", None, len(minds), None, SEED[0], None, None)
    return pd.concat(
        [play_cell(plan, Cell("human", c), People.of(minds), None) for c in plan.paradigm.conditions()]
    )


def card(values: Mapping[str, float], names: Iterable[str | Paradigm], people: int) -> pd.DataFrame:
    """The rows of the scorecard that these paradigms fill."""
    minds, found = crowd(values, people), {}
    for name in names:
        paradigm = name if isinstance(name, Paradigm) else paradigms.get(name)()
        for m in paradigm.metrics(played(paradigm, minds)):
            found[m.phenomenon, m.metric] = m.value
    table = human.targets()
    pairs = list(zip(table["phenomenon"], table["metric"], strict=True))
    table["model"] = [found.get(p, np.nan) for p in pairs]
    return table[[p in found for p in pairs]].reset_index(drop=True)


def informing(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a card that may inform a number: none that is kept for tests (`human/split.csv`)."""
    kept = human.fit("targets").set_index(["phenomenon", "metric"]).index
    return table[table.set_index(["phenomenon", "metric"]).index.isin(kept)].reset_index(drop=True)


def off(table: pd.DataFrame) -> Array:
    """How far each row is from people, in quarters of its band."""
    z = (table["model"] - table["human"]) / ((table["high"] - table["low"]) / 4)
    return np.asarray(np.nan_to_num(z, nan=20.0))


# -- blocks --------------------------------------------------------------------------------------------------------

Found = dict[str, tuple[float, float]]  # parameter: estimate, standard error


def least(
    rows: Callable[[Values], Array], names: tuple[str, ...], start: Values, *, prior: Values | None = None,
    step: float = 0.03, rounds: int = 6, scatter: bool = False,
) -> Found:  # fmt: skip
    """Weighted least squares in logarithms. rows: residuals in standard errors. prior: values with a sd of ln 2."""
    origin = np.log([start[n] for n in names])

    def residuals(x: Array) -> Array:
        r = rows(dict(zip(names, np.exp(x).tolist(), strict=True)))
        pull: Any = [] if prior is None else (x - np.log([prior[n] for n in names])) / PRIOR
        return np.concatenate([np.clip(r, -50, 50), pull])

    # Steps small enough to be in the neighbourhood, large enough to be seen through the noise of counts.
    wide = 2.0
    fit = least_squares(residuals, origin, diff_step=step / np.maximum(np.abs(origin), 1e-3),
                        bounds=(origin - wide, origin + wide), max_nfev=rounds)  # fmt: skip
    s2 = 2 * fit.cost / max(1, len(fit.fun) - len(names)) if scatter else 1.0
    error = np.sqrt(s2 * np.diag(np.linalg.pinv(fit.jac.T @ fit.jac)))
    at = np.exp(fit.x)
    return {n: (float(v), float(v * e)) for n, v, e in zip(names, at, error, strict=True)}


def sibling(what: str) -> Any:
    """The simulation `where_do_the_..._numbers_come_from` beside this one."""
    path = Path(__file__).with_name(f"where_do_the_{what}_numbers_come_from.py")
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def minds_of(law: Any) -> program.Program:
    """As many as that simulation plays by itself."""
    return program.Program(law.__name__, law.PEOPLE, SEED[0], program.HOME)


def fit_race() -> Found:
    """Spreads whose moments are the table's. The sd of an sd is taken as a normal variable's; 59 people."""
    t = human.fit("tva_parameters").set_index("index")
    found: Found = {}
    u = (np.arange(20_000) + 0.5) / 20_000
    index = {
        "capacity": ("C", 1.0),
        "slots": ("K", 1.0),
        "threshold": ("t0", 1000.0),
        "alpha": ("alpha", 1.0),
    }
    for name, (row, scale) in index.items():
        mean, sd = t.loc[row, "mean"] / scale, t.loc[row, "std"] / scale
        names = (f"{name}.mean", f"{name}.sd")

        def rows(
            v: Values, name: str = name, names: tuple[str, ...] = names, mean: float = mean, sd: float = sd
        ) -> Array:
            x = replace(getattr(ADULTS, name), mean=v[names[0]], sd=v[names[1]]).at(u)
            return np.array([(x.mean() - mean) / (sd / 59**0.5), (x.std() - sd) / (sd / 118**0.5)])

        found |= least(rows, names, {n: default(n) for n in names}, step=1e-4, rounds=50)
    return found


def fit_time_on_task() -> Found:
    """Speed and lapses, bin by bin, and how they hang together (the curves of the fatigue simulation)."""
    fatigue, names = sibling("fatigue"), BLOCKS["time on task"].names
    who = fatigue.Played.by(minds_of(fatigue))
    t, cluster = fatigue.T, fatigue.CLUSTER.loc[list(fatigue.LAGS)]
    root, n = np.sqrt(t["n"].to_numpy()), int(t["n"].iloc[0])
    false = t["false_start"].mean()

    def rows(v: Values) -> Array:
        if v["fast_loss"] + v["slow_loss"] > 0.9 or v["tempo_share"] > 0.95:
            return np.full(40, 50.0)
        rt = fatigue.cohort.run_session(who.session, crowd(v, fatigue.PEOPLE, 11), seed=who.seed, n_jobs=2).rt
        return np.concatenate(moments(rt))

    def moments(rt: Array) -> tuple[Array, ...]:
        bins = rt.reshape(len(rt), 15, 10)
        quick = np.where(bins >= 0.1, 1 / bins, np.nan)
        own = np.nanmean(quick, axis=2)
        x = np.log(np.clip(np.nan_to_num(rt, nan=2.0), 0.1, None)).reshape(-1, 50)
        x = x - x.mean(1, keepdims=True)
        late = (~(rt < 0.5)).astype(float).reshape(len(rt), 3, 50)
        auto = np.array([fatigue.correlation(x[:, :-k], x[:, k:]) for k in fatigue.LAGS])
        again = np.array([fatigue.clustering(late, k) for k in fatigue.LAGS])
        spread, started = np.nanstd(own, axis=0).mean(), (rt < 0.1).mean()
        return (
            (np.nanmean(own, 0) - t["speed_per_s"]) / (t["speed_sd"] / root),
            ((~(bins < 0.5)).mean((0, 2)) - t["lapse_ge500"]) / (t["lapse_sd"] / root),
            (auto - cluster["autocorr_logRT_within_block"]) / 0.007,
            (again - cluster["ratio"]) / 0.04,
            np.array([(spread - t["speed_sd"].mean()) / (t["speed_sd"].mean() / math.sqrt(2 * n)),
                      (started - false) / math.sqrt(false / (150 * n))]),
        )  # fmt: skip

    return least(rows, names, {n: default(n) for n in names}, step=0.05, rounds=8)


def fit_blink() -> Found:
    """T2 given T1 by lag, its mean and its sd between people, and swaps, of minds that are played."""
    blink = sibling("blink")
    asked = minds_of(blink)
    numbers, errors, _ = blink.fitted(asked, blink.clarity(asked, blink.FITTED))
    return {n: (numbers[n], errors[n]) for n in BLOCKS["blink"].names}


def fit_search() -> Found:
    """The exact law on three displays at once."""
    law = sibling("search")
    found = least(lambda v: law.misfit(np.log(list(v.values()))), tuple(law.START), law.START, step=1e-4, rounds=60,
                  scatter=True)  # fmt: skip
    return {ours: found[theirs] for ours, theirs in
            (("search_group", "group"), ("quit_growth", "dq"), ("visit_shape", "shape"),
             ("visit_hit", "hit"))}  # fmt: skip


def fit_practice() -> Found:
    """Curves of feature and conjunction search; a 2 among 5s is not asked."""
    law = sibling("search")
    x = least_squares(law.misfit, np.log(list(law.START.values())), bounds=(-6, 4)).x
    v = dict(zip(law.START, map(float, np.exp(x)), strict=True))

    def rows(w: Values) -> Array:
        curves = [law.practice(v, t, w["learning"]) / law.CURVES[t].to_numpy() - 1 for t in law.TASKS[:2]]
        return np.concatenate(curves) / 0.02

    return least(rows, ("learning",), {"learning": 3e-4}, step=1e-3, rounds=30, scatter=True)


def fit_conflict(ties: tuple[tuple[str, ...], ...] = (("flanker", "stroop"), ("simon",))) -> Found:
    """One lead for these tasks (its standard error: where the misfit has grown by its mean per row), and the push of
    the first of them. ties: tasks that share a push."""
    law = sibling("conflict")
    grid = (2.5, 3.0, 3.5)
    fits = {r: {n: x for tie in ties for n, x in law.fitted(tie, r, HAND_SD).items()} for r in grid}
    total = np.array([sum(m for _, m in fits[r].values()) for r in grid])
    best = grid[int(total.argmin())]
    tasks = sum(len(tie) for tie in ties)
    s2 = total.min() / max(1, 20 * tasks - 2 * tasks - 2 * len(ties) - 1)
    bent = max(float(np.polyfit(np.array(grid) - best, total, 2)[0]), 1e-9)
    push = fits[best][ties[0][0]][0]
    extra = {"activation": (float(push[1]), math.nan), "counts": (float(push[2]), math.nan)}
    lead = (best, math.sqrt(s2 / bent))
    return {"evidence_threshold.mean": lead, **extra}


def fit_persons() -> Found:
    """How adults differ, and their days, from eight tasks."""
    law = sibling("persons")
    found, _ = law.estimated(law.MANY, SEED[0])
    return {name: found[name] for name in BLOCKS["persons"].names}


def fit_slips() -> Found:
    """Errors where nothing conflicts."""
    found = sibling("persons").slips_and_speed()
    return {name: found[name] for name in BLOCKS["slips"].names}


def fit_wariness(people: int) -> Found:
    """How much slower people are after an error than after a withhold: one number, one row."""
    t = human.fit("go_nogo").set_index("measure").loc["post-error minus post-correct-withhold RT, ms"]

    def gap(wariness: float) -> float:
        f = played("go_nogo", crowd({"wariness": wariness}, 2 * people))
        slower = runs(f.assign(commission=f["responded"].astype(float).where(f["signal"])))[1]
        return float(slower - t["mean"])

    found = float(brentq(gap, 0.1, 5.0, xtol=1e-3))
    # ms, over a step that is large beside what chance moves
    slope = (gap(1.1 * found) - gap(0.9 * found)) / (0.2 * found)
    return {"wariness": (found, float(t["sd"] / math.sqrt(t["n"]) / slope))}


def fit_readiness(people: int) -> Found:
    """Commissions by fifth, their mean and their sd between people: the task's readiness, and how people differ."""
    t = human.fit("go_nogo").set_index("measure").loc[[f"fifth {i}: commission" for i in range(1, 6)]]
    error = (t["sd"] / np.sqrt(t["n"])).to_numpy()

    def rows(v: Values) -> Array:
        minds = crowd({"readiness.sd": v["readiness.sd"]}, 4 * people)
        f = played(GoNoGo(readiness=v["the task's readiness"]), minds)
        rates = f[f["signal"]].groupby(["person", "block"])["responded"].mean().unstack()
        mean, sd = rates.mean().to_numpy() - t["mean"], rates.std().to_numpy() - t["sd"]
        return np.concatenate([mean / error, math.sqrt(2) * sd / error])

    start = {"readiness.sd": default("readiness.sd"), "the task's readiness": GoNoGo.readiness}
    return least(rows, tuple(start), start, step=0.1, scatter=True)


def fit_criterion(people: int) -> Found:
    """The law of the criterion on people's mean criterion, block by block: c0 + kappa (1 - e^(-t / tau_y)); and how
    people differ in it. Scored as people's is, a criterion is not quite the law's: the correction for few trials, what
    a block's few signals and foils scatter, and lapses take and add their part, which is found by playing."""
    t, names = human.fit("vigilance_by_block"), BLOCKS["criterion"].names
    task = Vigilance()
    middle = np.asarray((np.arange(len(t)) + 0.5) * 60 * task.minutes, np.float64)
    found: Found = {n: (default(n), 0.0) for n in names}
    for _ in range(CORRECTIONS):
        now = {n: v for n, (v, _) in found.items()}
        scored = decided(played(task, crowd(now, people)))["criterion"]
        mean = scored.mean().to_numpy() - _criterion(now, middle)
        variance = scored.var().to_numpy() - now["criterion.sd"] ** 2

        def rows(v: Values, mean: Array = mean, variance: Array = variance) -> Array:
            sd = np.sqrt(np.maximum(v["criterion.sd"] ** 2 + variance, 0.0))
            return np.concatenate(
                [
                    (_criterion(v, middle) + mean - t["c_subj"]) / (t["c_sd"] / np.sqrt(t["n"])),
                    (sd - t["c_sd"]) / (t["c_sd"] / np.sqrt(2 * t["n"])),
                ]
            )

        found = least(rows, names, now, step=1e-4, rounds=100)
    return found


def _criterion(v: Values, seconds: Array) -> Array:
    """The mean criterion after so long."""
    return np.asarray(v["criterion.mean"] + v["criterion_shift"] * -np.expm1(-seconds / ONE.criterion_time))


def sensitivity(people: int) -> float:
    """The d' of the events of vigilance with which a block's d', scored as people's is, has people's mean: lapses, and
    the correction for few trials, take their part."""
    mean = human.fit("vigilance_by_block")["dprime_subj"].mean()

    def gap(d: float) -> float:
        frame = played(Vigilance(sensitivity=d), crowd({}, people))
        return float(decided(frame)["d'"].mean().mean() - mean)

    return float(brentq(gap, 1.0, 5.0, xtol=1e-3))


def fit_sleep(people: int) -> Found:
    """Mean RT by day, its mean over days left free: people of this laboratory are faster from the start."""
    t = human.fit("sleep_restriction")
    rt, error = t["meanRT_ms"].to_numpy(), (t["sd_ms"] / np.sqrt(t["n"])).to_numpy()

    def rows(v: Values) -> Array:
        f = played("sleep_restriction", crowd({"speed.mean": LABORATORY_SPEED} | dict(v), 2 * people))
        gap = 1000 * f[f["rt"] >= 0.1].groupby("day")["rt"].mean().to_numpy() - rt
        return np.asarray((gap - np.average(gap, weights=error**-2)) / error)

    return least(rows, ("sleep_loss",), {"sleep_loss": ONE.sleep_loss}, step=0.05)


def fit_span() -> Found:
    """Forward lists by length, on people's staircase (the minds of the simulation of memory)."""
    memory = sibling("memory")
    found: Found = memory.fitted(minds_of(memory))
    return found


FITS: dict[str, Callable[[], Found]] = {
    "race": fit_race, "time on task": fit_time_on_task, "blink": fit_blink, "search": fit_search,
    "practice": fit_practice, "conflict": fit_conflict, "persons": fit_persons,
    "slips": fit_slips, "span": fit_span,
}  # fmt: skip
PLAYED_FITS: dict[str, Callable[[int], Found]] = {
    "wariness": fit_wariness, "readiness": fit_readiness, "criterion": fit_criterion, "sleep": fit_sleep,
}  # fmt: skip


def estimate(name: str, people: int) -> pd.DataFrame:
    """A block's parameters: number in use, estimate, standard error."""
    found = FITS[name]() if name in FITS else PLAYED_FITS[name](people)
    rows = [(n, name, default(n), *found[n]) for n in BLOCKS[name].names]
    return pd.DataFrame(rows, columns=["parameter", "block", "value", "refit", "standard_error"])


# -- one phenomenon left out ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PlainSearch(VisualSearch):
    """Visual search with guidance and times of a visit that no slope has set."""

    guidance: tuple[float, ...] = (1e4, 2.0, 1.0)
    inspect: tuple[float, ...] = (1.0, 1.0, 1.0)

    def trial(self, condition: Condition) -> TaskStream:
        """One display."""
        i, n = self.displays.index(str(condition["display"])), int(condition["set_size"])
        task = Task("search", 1.0, 1.0, 0.5, response="search", inspect=self.inspect[i], practice=self.practice,
                    before=0.1, service="counted", evidence_rate=TOLD, after=0.183)  # fmt: skip
        there = bool(condition["present"])
        shown = [Stimulus("target", task="search", supports=1)] if there else []
        shown += [
            Stimulus(f"d{k}", task="search", weight=1 / self.guidance[i]) for k in range(n - len(shown))
        ]
        return TaskStream(tuple(shown), end=15.0, tasks=(task,))


def plain_search() -> PlainSearch:
    """Serial search: the time of a visit in each display makes its mean RT (slopes are not looked at)."""
    plain = PlainSearch()
    cells = human.fit("visual_search").groupby("task")["RT_mean"].mean() / 1000
    base = 0.183 + ONE.evidence_threshold / (TOLD * ONE.speed)
    left = search_law.practised(np.array([plain.practice]), ONE.learning, NEUTRAL["visit_shape"][0])[0]

    def mean(s: float, g: float) -> float:
        rt, _, _ = search_law.search(plain.set_sizes, guidance=g, inspect=s, base=base, shape=1.0)
        return float(rt.mean())

    times = [
        brentq(lambda s, g=g, d=d: mean(s, g) - cells[d], 1e-4, 2.0) * ONE.speed / left
        for d, g in zip(plain.displays, plain.guidance, strict=True)
    ]
    return replace(plain, inspect=tuple(map(float, times)))


def counters(minds: list[ca.Observer]) -> Array:
    """What simple responses in another task say: the counters of the vigilance session, block by block. RT against the
    first block's, its sd within a person (known to 5 %), lapses; the time to see a counter is whatever makes the first
    block's RT people's, so that nothing is said of how fast simple responses are."""
    t = human.fit("vigilance_by_block")
    frame = played("vigilance", minds)
    shown = frame["counter"] & frame["correct"]
    later = t["AV_meanRT"][0] / 1000 - frame.loc[shown & (frame["block"] == 0), "rt"].mean()
    by = counted(frame.assign(rt=frame["rt"].where(~frame["counter"], frame["rt"] + later)))
    rt, sd, late = (
        by[name].mean().to_numpy() for name in ("RT", "RT sd within a person", "lapses over 600 ms")
    )
    root = np.sqrt(t["AV_n"].to_numpy())
    return np.concatenate([
        (rt - t["AV_meanRT"].to_numpy())[1:] / (t["AV_meanRT_sd"].to_numpy() / root)[1:],
        (sd / t["AV_sdRT"].to_numpy() - 1) / 0.05,
        (late - t["AV_lapse"].to_numpy()) / (t["AV_lapse_sd"].to_numpy() / root),
    ])  # fmt: skip


def slept(values: Values, people: int) -> Array:
    """What the sleep laboratory says of its own people: RT on the days before, its sd between them, the slope."""
    t = human.fit("sleep_restriction").iloc[:3]
    f = played("sleep_restriction", crowd(values, people))
    own = f[(f["rt"] >= 0.1) & (f["day"] < 3)].groupby(["day", "person"])["rt"].mean().unstack() * 1000
    error = t["sd_ms"].to_numpy() / np.sqrt(t["n"].to_numpy())
    spread = (own.std(axis=1).mean() - t["sd_ms"].mean()) / (t["sd_ms"].mean() / math.sqrt(6 * 18))
    slope = off(informing(card(values, ["sleep_restriction"], people)))
    return np.concatenate(
        [slope, (own.mean(axis=1).to_numpy() - t["meanRT_ms"].to_numpy()) / error, [spread]]
    )


def without(phenomenon: str, people: int) -> tuple[Values, str | Paradigm]:
    """What the others say of the parameters that this phenomenon informed, and the task with neutral constants."""
    fold = FOLDS[phenomenon]
    task: str | Paradigm = WITHOUT[phenomenon]() if phenomenon in WITHOUT else PLAYED_BY[phenomenon]
    values = {n: NEUTRAL[n][0] for n in fold.neutral}
    if phenomenon in ("flanker", "Stroop"):
        return other_conflict(phenomenon)
    if phenomenon == "visual search":
        return values, plain_search()
    if fold.free:
        prior = {n: NEUTRAL[n][0] for n in fold.free}
        laboratory = "speed.mean" in fold.free  # the sleep laboratory's people have a speed of their own
        by = tuple(name for name in fold.by if not (laboratory and name == "sleep_restriction"))
        table = informing(card(values | prior, by, 2))

        def rows(v: Values) -> Array:
            v = values | v
            if v.get("fast_loss", 0.1) + v.get("slow_loss", 0.1) > 0.9 or v.get("tempo_share", 0.1) > 0.95:
                return np.full(len(off(table)) + (5 + 17) * laboratory, 50.0)
            theirs = v.pop(LABORATORY, None)
            z = off(informing(card(v, by, people)))
            if theirs is None:
                return z
            return np.concatenate([z, slept(v | {"speed.mean": theirs}, people), counters(crowd(v, people))])

        if laboratory:
            prior |= {LABORATORY: NEUTRAL["speed.mean"][0]}
        found = least(rows, tuple(prior), prior, prior=prior, step=0.1, rounds=8)
        values |= {n: v for n, (v, _) in found.items() if n != LABORATORY}
    return values, task


def other_conflict(phenomenon: str) -> tuple[Values, Paradigm]:
    """The person's numbers, and the push, from the other conflict. The task's: congruent trials alone."""
    own, other = ("flanker", "stroop") if phenomenon == "flanker" else ("stroop", "flanker")
    found, law, weight = fit_conflict(((other,),)), sibling("conflict"), 1.0
    lead, push = found["evidence_threshold.mean"][0], (found["activation"][0], found["counts"][0])
    rate, activation, counts, beside = map(float, law.easy(own, lead, HAND_SD, push, weight))
    kind = Flanker if own == "flanker" else Stroop
    task = kind(evidence_rate=rate, activation=activation, peak=counts / (rate * ONE.speed), weight=weight,
                non_decision_time=beside, non_decision_sd=HAND_SD * beside)  # fmt: skip
    f, s = human.fit("flanker").iloc[0], human.fit("stroop").iloc[0]
    slip = float(1 - s["acc_mean"]) if own == "flanker" else float(f["err"])
    return {"evidence_threshold.mean": lead, "slip.mean": in_the_middle(slip)}, task


def in_the_middle(errors: float) -> float:
    """How often the person in the middle slips, where people err this often on average: few slip often."""
    u = (np.arange(4000) + 0.5) / 4000

    def excess(median: float) -> float:
        return float(replace(ADULTS.slip, mean=median).at(u).mean()) - errors

    return float(brentq(excess, 1e-6, errors))


def leave_out(phenomenon: str, people: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(its bands, with all and without it; the parameters that it informed, with all and without it)."""
    values, task = without(phenomenon, people)
    columns = ["phenomenon", "metric", "human", "low", "high"]
    full = card({}, [PLAYED_BY[phenomenon]], JUDGES * people)
    table = full[columns].assign(all=full["model"], without=card(values, [task], JUDGES * people)["model"])
    table = table[table["phenomenon"] == phenomenon]
    for column in ("all", "without"):
        table[f"{column} inside"] = table[column].between(table["low"], table["high"])  # no value: not inside
    source = "others" if FOLDS[phenomenon].free else "neutral"
    rows = [
        (n, default(n), v, "neutral" if n in FOLDS[phenomenon].neutral else source) for n, v in values.items()
    ]
    numbers = pd.DataFrame(
        rows or [("none", np.nan, np.nan, "-")], columns=["parameter", "value", "without", "from"]
    )
    numbers.insert(0, "left out", phenomenon)
    return table.reset_index(drop=True), numbers


# -- the whole -----------------------------------------------------------------------------------------------------


def kept(name: str, asked: program.Program, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """A table from its file, or made and put there."""
    path = asked.parts / str(asked.people) / f"{name.replace('/', ' ')}.csv"
    if asked.more.resume and path.exists():
        return files.read_table(path)
    table = make()
    files.write_table(path, table)
    return table


def column(name: str, people: int) -> pd.DataFrame:
    """How each row of the scorecard moves with one parameter: change in quarters of a band per 10 %."""
    sides = [card({name: default(name) * f}, PLAYED_BY.values(), people) for f in (1.05, 0.95)]
    t = sides[0]
    change = (t["model"] - sides[1]["model"]) / ((t["high"] - t["low"]) / 4)
    return t[["phenomenon", "metric"]].assign(parameter=name, change=change)


def overall(table: pd.DataFrame, moves: pd.DataFrame, people: int) -> pd.DataFrame:
    """One step of Gauss and Newton over the whole scorecard, from the numbers in use and their standard errors: where
    all bands together would draw them."""
    moves = informing(moves)
    j = moves.pivot_table(index=["phenomenon", "metric"], columns="parameter", values="change", sort=False)
    j = j[list(table["parameter"])].fillna(0.0).to_numpy() / math.log(1.05 / 0.95)
    now = informing(card({}, PLAYED_BY.values(), people))
    r = np.clip(off(now), -4, 4)
    relative = (table["standard_error"] / table["value"]).clip(lower=1e-3).to_numpy()
    info = j.T @ j + np.diag(1 / relative**2)
    step = -np.linalg.solve(info, j.T @ r)
    after = np.sqrt(np.diag(np.linalg.inv(info)))
    return table.assign(drawn=step / relative, error_with_card=after * table["value"])


def adopted(table: pd.DataFrame, people: int) -> pd.DataFrame:
    """The scorecard with the numbers in use, and with every estimate in their place."""
    again = card(dict(zip(table["parameter"], table["refit"], strict=True)), PLAYED_BY.values(), 2 * people)
    both = (
        card({}, PLAYED_BY.values(), 2 * people)
        .rename(columns={"model": "in use"})
        .assign(refit=again["model"])
    )
    for column in ("in use", "refit"):
        both[f"{column} inside"] = both[column].between(both["low"], both["high"])
    return both[
        ["phenomenon", "metric", "human", "low", "high", "in use", "refit", "in use inside", "refit inside"]
    ]


def write(table: pd.DataFrame) -> None:
    """cogattn/human/population.csv: the numbers in use, and what is known of them."""
    known = table.set_index("parameter")
    rows: list[dict[str, Any]] = []
    for name in every_name():
        source = source_of(name)
        row: dict[str, Any] = {
            "parameter": name, "value": default(name), "unit": parameters.BY_NAME[name.split(".")[0]].unit,
            "status": source.status, "basis": source.basis,
        }  # fmt: skip
        if name in known.index:
            row |= {"standard_error": f"{known.loc[name, 'standard_error']:.3g}",
                    "refit": f"{known.loc[name, 'refit']:.4g}", "tables": " ".join(source.tables)}  # fmt: skip
        rows.append(row)
    columns = ["parameter", "value", "unit", "status", "standard_error", "refit", "tables", "basis"]
    text = pd.DataFrame(rows, columns=columns).to_csv(index=False)
    head = (
        "# Every number of Observer and of Population.adults() (name.mean, name.sd: of the spread) and where it comes "
        "from: estimated from human tables, assumption, technical (structure, cut, by definition).\n"
        "# value = in use; refit = what simulations/calibrate_population.py finds, which wrote this file.\n"
    )
    files.write_text(FILE, head + text)


MOST = 12  #: numbers in the figure; all of them are in table.csv


def draw(loo: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """How many bands of each phenomenon are reached, with it and without; the numbers that a refit moves most."""
    counts = loo.groupby("phenomenon", sort=False)[["all inside", "without inside"]].sum()
    counts = counts.assign(bands=loo.groupby("phenomenon", sort=False).size())[::-1]
    gap = ((table["refit"] - table["value"]) / table["standard_error"]).abs()
    table = table.loc[gap.sort_values(ascending=False, kind="stable").index[:MOST]][::-1]
    with plot.style() as plt:
        figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5.6), width_ratios=[3, 2])
        y = np.arange(len(counts))
        left.barh(y, counts["bands"], 0.8, color="#E6E6E6", label="bands of people")
        for shift, of, color, label in (
            (0.18, "all inside", "#0072B2", "reached with all tables"),
            (-0.18, "without inside", "#D55E00", "reached without the phenomenon's own"),
        ):
            left.barh(y + shift, counts[of], 0.32, color=color, label=label)
        left.set_yticks(y, counts.index)
        left.set(xlabel="bands", xticks=range(int(counts["bands"].max()) + 1))
        k = np.arange(len(table))
        right.errorbar(table["refit"] / table["value"], k, xerr=1.96 * table["standard_error"] / table["value"],
                       fmt="o", color="#0072B2")  # fmt: skip
        right.axvline(1, color="#999999", linewidth=0.8)
        right.set_yticks(k, table["parameter"])
        right.set(xlabel="estimated again / in use (95 %)", xlim=(0, 2))
        left.set_title("Bands of each phenomenon", loc="left")
        right.set_title(f"The {len(table)} numbers that a refit moves most", loc="left")
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def calibrate(asked: program.Program, say: Say) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """(parameters, bands with and without their phenomenon, parameters without it)."""
    people, only = asked.people, asked.more.only
    blocks = [] if only else list(BLOCKS)
    found = []
    for name in blocks:
        say(f"block {name}")
        found.append(kept(f"block {name}", asked, partial(estimate, name, people)))
    table = pd.concat(found, ignore_index=True) if found else pd.DataFrame()
    moves = []
    for i, name in enumerate(ESTIMATED if blocks else ()):
        say(f"scorecard against {name} ({i + 1} of {len(ESTIMATED)})")
        moves.append(kept(f"moves {name}", asked, partial(column, name, people)))
    if moves:
        files.write_table(asked.out / "jacobian.csv", pd.concat(moves))
        table = overall(table, pd.concat(moves), people)
        say("scorecard with every estimate")
        both = kept("adopted", asked, partial(adopted, table, people))
        files.write_table(asked.out / "refit.csv", both)
        say(
            f"{int(both['in use inside'].sum())} bands with the numbers in use, {int(both['refit inside'].sum())} refit"
        )
    bands, numbers = [], []
    for phenomenon in only or FOLDS:
        say(f"without {phenomenon}")
        made: list[pd.DataFrame] = []

        def make(part: int, phenomenon: str = phenomenon, made: list[pd.DataFrame] = made) -> pd.DataFrame:
            if not made:
                made.extend(leave_out(phenomenon, people))
            return made[part]

        numbers.append(kept(f"numbers {phenomenon}", asked, partial(make, 1)))
        bands.append(kept(f"fold {phenomenon}", asked, partial(make, 0)))
    return table, pd.concat(bands, ignore_index=True), pd.concat(numbers, ignore_index=True)


def words(loo: pd.DataFrame) -> str:
    """The counts."""
    informed = ~loo["phenomenon"].isin(UNINFORMED)
    inside = loo["without inside"]
    assumed = sum(source_of(name).status == "assumption" for name in every_name())
    return (
        f"{len(ESTIMATED)} numbers estimated, {assumed} assumed. Phenomenon left out: "
        f"{program.share(int(inside.sum()), len(loo))} bands reached, {int(inside[informed].sum())} of "
        f"{int(informed.sum())} where it had informed a number; with all tables {int(loo['all inside'].sum())}"
    )


OPTIONS: program.Options = {
    "--resume": {"action": "store_true", "help": "go on from the finished parts"},
    "--only": {"nargs": "+", "choices": list(FOLDS), "default": [], "help": "these folds and nothing else"},
    "--write": {"action": "store_true", "help": f"write {FILE.name}"},
}


def main() -> None:
    asked = program.asked(__doc__, __file__, people=100, options=OPTIONS)
    SEED[0] = asked.seed

    def say(text: str) -> None:
        print(f"{time.monotonic() - asked.since:6.0f} s  {text}", file=sys.stderr, flush=True)

    table, loo, numbers = calibrate(asked, say)
    text = words(loo)
    counts = loo.groupby("phenomenon", sort=False)[["all inside", "without inside"]].sum()
    counts = counts.assign(bands=loo.groupby("phenomenon", sort=False).size())
    if asked.more.only:
        print(numbers.round(4).to_string(index=False, na_rep="-"), counts.to_string(), text, sep="\n\n")
        return
    if asked.more.write:
        write(table)
    tables = {"table": table, "loo": loo, "loo_numbers": numbers}
    told = f"Vigilance: d' of its events {sensitivity(2 * asked.people):.2f}, in use {Vigilance.sensitivity}"
    asked.keep(text, tables, draw(loo, table), counts.to_string(), told)


if __name__ == "__main__":
    program.run(main)
