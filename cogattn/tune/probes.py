"""Probe: what an experiment measures of a mind, as a function of the mind's parameters, the draws held fixed.

Every point (a set of parameters) meets the same trials and the same chances (common random numbers), so that two points
differ by their parameters alone. A point is a piece of work (`workers.finish`): parallel, kept when it is finished.

What is measured is called as the experiment calls it, in small letters with underscores; of several conditions one is
chosen by [column=value], else their mean is taken. Every experiment has `hits`, `misses` (shares of what arrived) and,
where there are responses, `rt` (their mean time, s).

>>> from cogattn import paradigms
>>> probe = Probe(paradigms.get("whole_report")(exposures=(0.02, 0.2)), people=2, trials=50)
>>> table = probe.measure([{"slots": 2.0}, {"slots": 4.0}])
>>> bool(table["misses[exposure=0.2]"][0] > table["misses[exposure=0.2]"][1])
True
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from cogattn import parameters
from cogattn.errors import InputError, choice, number, shown, whole
from cogattn.notebook import Progress
from cogattn.observer import Observer
from cogattn.paradigms import Paradigm
from cogattn.population import Population
from cogattn.runs.experiment import RunPlan, digest, make_plan, play
from cogattn.runs.workers import Piece, finish
from cogattn.tune.scales import SCALES

Array = npt.NDArray[np.float64]
_MEASURES = 1  # raised when what is measured changes
PARAMETERS = tuple(p.name for p in parameters.PARAMETERS if p.kind is float)


@dataclass(frozen=True)
class Range:
    """From where to where a parameter of a mind is varied: evenly, or (`log`) by factors; `step`: in steps."""

    name: str
    low: float
    high: float
    log: bool = False
    step: float | None = None

    def __post_init__(self) -> None:
        number(f"low end of {self.name}", self.low, above=0 if self.log else None)
        number(f"high end of {self.name}", self.high, above=self.low)
        if self.step is not None:
            number(f"step of {self.name}", self.step, above=0, most=self.high - self.low)

    def at(self, u: npt.ArrayLike) -> Array:
        """The value at a share u of the way."""
        u = np.asarray(u, float)
        if self.log:
            return np.asarray(self.low * (self.high / self.low) ** u)
        return self.low + u * (self.high - self.low)


Ranges = Sequence[str] | Mapping[str, tuple[float, ...] | None]


def ranges(params: Ranges) -> tuple[Range, ...]:
    """Names (as adults vary: the mean and two sd each way, on the parameter's scale), or names with (low, high)."""
    given = parameters.renamed(dict(params) if isinstance(params, Mapping) else dict.fromkeys(params))
    if not given:
        raise InputError("name at least one parameter to vary")
    out = [_adults(name) if ends is None else _between(name, *ends) for name, ends in given.items()]
    for r in out:
        for end in (r.low, r.high):
            with_(Observer(), {r.name: end})  # says what is wrong with a value that no mind can have
    return tuple(out)


def with_(observer: Observer, point: Mapping[str, float]) -> Observer:
    """The same mind with these parameters."""
    return replace(observer, **{k: float(v) for k, v in parameters.renamed(point).items()})


def read_range(text: str) -> tuple[str, tuple[float, ...] | None]:
    """`capacity`, `capacity=20:120` or `slots=1:6:1` (in steps) as (name, ends)."""
    name, equals, ends = text.partition("=")
    if not equals:
        return name.strip(), None
    try:
        values = tuple(float(part) for part in ends.split(":"))
    except ValueError:
        values = ()
    if len(values) not in (2, 3):
        raise InputError(f"a parameter is given as NAME=LOW:HIGH or NAME=LOW:HIGH:STEP, got {shown(text)}")
    return name.strip(), values


def _between(name: str, low: float, high: float, step: float | None = None) -> Range:
    choice("parameter", name, PARAMETERS)
    by_factors = (name in SCALES and SCALES[name].log) or _spread(name) == "lognormal"
    return Range(name, low, high, by_factors and low > 0 and step is None, step)


def _spread(name: str) -> str:
    spread = Population.adults().spreads().get(name)
    return "constant" if spread is None else spread.kind


def _adults(name: str) -> Range:
    """Where 95 % of adults are."""
    choice("parameter", name, PARAMETERS)
    if _spread(name) == "constant":
        raise InputError(
            f"how {name} differs between adults is not known: say from where to where, e.g. {_example(name)}"
        )
    low, high = (float(x) for x in Population.adults().spreads()[name].at(special.ndtr([-2.0, 2.0])))
    return Range(name, low, high, _spread(name) == "lognormal")


def _example(name: str) -> str:
    value = getattr(Observer(), name)
    return f"{name}={value / 2:g}:{2 * value:g}" if 0 < value < math.inf else f"{name}=0.1:1"


MOST = 100_000  # people alike: there are as many for each mind that is tried


@dataclass(frozen=True)
class Probe:
    """An experiment, and the mind that takes it where nothing else is said; `people` of it, alike but for chance."""

    paradigm: str | Paradigm
    observer: Observer = Observer()  # noqa: RUF009 (frozen)
    people: int = 20
    trials: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        whole("people", self.people, least=1, most=MOST)

    def plan(self, point: Mapping[str, float]) -> RunPlan:
        """Minds with these parameters take the experiment."""
        mind = with_(self.observer, point)
        return make_plan(self.paradigm, "human", None, self.people, self.trials, self.seed, mind, None)

    def measure(
        self,
        points: Sequence[Mapping[str, float]],
        parts: Path | None = None,
        n_jobs: int = 1,
        progress: Progress | None = None,
    ) -> pd.DataFrame:
        """A row per point: all that the experiment measures of it."""
        plans = [self.plan(point) for point in points]
        pieces = [
            Piece(digest(plan.config() | {"measures": _MEASURES}), partial(_measured, plan)) for plan in plans
        ]
        rows = finish(pieces, parts, n_jobs, progress)
        return pd.DataFrame([_named(row) for row in rows])


def _measured(plan: RunPlan) -> pd.DataFrame:
    """The experiment's own numbers, and shares of what arrived: columns measure, condition, value."""
    frame = play(plan)
    rows = [(word(m.metric), m.condition, m.value) for m in plan.paradigm.metrics(frame)]
    rows += _shares(frame, list(plan.paradigm.condition_columns))
    return pd.DataFrame(rows, columns=["measure", "condition", "value"]).astype({"value": float})


def _shares(frame: pd.DataFrame, columns: list[str]) -> list[tuple[str, str, float]]:
    """Hits and misses out of all that arrived, and the mean response time, by condition."""
    out = []
    for values, own in frame.groupby(columns, sort=True):
        named = zip(columns, values, strict=True)
        condition = ",".join(f"{c}={v}" if isinstance(v, str) else f"{c}={v:g}" for c, v in named)
        arrived = own["arrived"].sum()
        for name, column in (("hits", "answered"), ("misses", "missed")):
            out.append((name, condition, own[column].sum() / arrived if arrived else math.nan))
        if own["rt"].notna().any():
            out.append(("rt", condition, float(own["rt"].mean())))
    return out


def word(metric: str) -> str:
    """The name of a metric, as one that an expression can hold."""
    plain = re.sub(r"\W+", "_", metric.lower()).strip("_")
    return f"the_{plain}" if plain[:1].isdigit() else plain


def _named(rows: pd.DataFrame) -> dict[str, float]:
    """Every measure by its name: with [condition] one of several, without the mean of all."""
    out: dict[str, float] = {}
    for name, own in rows.groupby("measure", sort=False):
        value = own["value"].to_numpy(float)
        out[str(name)] = float(value.mean())
        if len(own) > 1:
            out |= {f"{name}[{_varying(own, i)}]": float(v) for i, v in enumerate(value)}
    return out


def _varying(own: pd.DataFrame, i: int) -> str:
    """The condition of a row, without what is the same in all."""
    parts = [dict(part.partition("=")[::2] for part in c.split(",")) for c in own["condition"]]
    varies = [k for k in parts[i] if len({p.get(k) for p in parts}) > 1]
    return ",".join(f"{k}={parts[i][k]}" if parts[i][k] else k for k in varies)
