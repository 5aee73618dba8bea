"""How many trials, and of which kind, until a parameter of a person is known well enough?

`design` asks the likelihood itself, before anybody is simulated. A trial of condition c tells of a person's parameters

    I_c = sum_j p_j (d log p_j)(d log p_j)'    (expected Fisher information; j = what can be answered)

N trials with shares w tell M = N sum_c w_c I_c; the error of a parameter is the root of its place in the inverse of M.
The shares that make it smallest for adults are found by the multiplicative algorithm (Silvey, Titterington & Torsney
1978, Commun Stat A7:1379); none is better when no condition tells more than the whole (equivalence theorem; Kiefer &
Wolfowitz 1960; Chaloner & Larntz 1989, J Stat Plan Inference 21:191, for a population instead of one person).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cogattn import paradigms
from cogattn.errors import InputError, choice, counted, doors, number, whole
from cogattn.notebook import Progress
from cogattn.observer import Observer
from cogattn.paradigms import Paradigm
from cogattn.paradigms.partial_report import PartialReport
from cogattn.paradigms.whole_report import WholeReport
from cogattn.parameters import canonical
from cogattn.population import Population
from cogattn.tune import likelihoods
from cogattn.tune.base import Array
from cogattn.tune.recovery import Recovery, published, recover
from cogattn.tune.scales import SCALES
from cogattn.view import plot
from cogattn.view.result import Files, Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EXPOSURES = tuple(n / 60 for n in (1, 2, 3, 4, 5, 6, 9, 12))  # s, frames of a 60 Hz screen, to choose from
DISPLAYS = ((6, 0), (4, 0), (2, 0), (2, 2), (2, 4), (4, 4))  # targets and distractors to choose from
_SURE = 1.96
_NOTHING = 1e-9  # of information: a variance so large that a parameter counts as unknown
_RARE = 0.03  # a condition that would get less of the trials is left out
_CONDITION = ["exposure", "targets", "distractors"]


@dataclass(frozen=True)
class Proposal(Result):
    """What `design` found.

    >>> plan = design("whole_report", "slots", 0.5, displays=[(6, 0)], exposures=[0.1], params=["slots"], people=4)
    >>> plan.param, plan.conditions["targets"].tolist()
    ('slots', [6])
    """

    paradigm: str
    param: str
    within: float
    share: float
    params: tuple[str, ...]
    conditions: pd.DataFrame  #: exposure [s], targets, distractors, share, trials: what is proposed
    candidates: pd.DataFrame  #: a row per design that was weighed: trials it needs, conditions it has
    needed: (
        pd.DataFrame
    )  #: of what is proposed: parameter, unit, half-width of the 95 % interval, trials it needs
    axes: (
        pd.DataFrame
    )  #: combinations of parameters, worst first: sd [sd of adults], weight of each parameter
    checked: Recovery | None = None

    @property
    def trials(self) -> int:
        """How many in all."""
        return int(self.conditions["trials"].sum())

    def as_design(self) -> list[tuple[Paradigm, int]]:
        """For `recover`, or to be run."""
        return [(_task(row), int(row["trials"])) for row in self.conditions.to_dict("records")]

    @property
    def check(self) -> pd.DataFrame:
        """What was promised, and what simulated people's fits gave: half-widths, and errors in units of them."""
        assert self.checked is not None
        rows = []
        for name in self.params:
            own_ = self.checked.people.query("parameter == @name")
            if own_.empty:  # these displays say nothing of it
                continue
            half = (own_["high"] - own_["low"]) / 2
            promised = self.needed.query("parameter == @name")["here"].iloc[0]
            held = (own_["low"] <= own_["true"] + 1e-9) & (own_["true"] - 1e-9 <= own_["high"])
            rows.append(
                {
                    "parameter": name, "promised": promised, "found": half.quantile(self.share),
                    "median error": (own_["estimate"] - own_["true"]).abs().median(),
                    "intervals that hold": held.mean(),
                }
            )  # fmt: skip
        return pd.DataFrame(rows)

    def table(self) -> pd.DataFrame:
        """What is proposed: how many trials of each condition."""
        return self.conditions

    def heading(self) -> str:
        """What is to be known."""
        within = f"{self.param} within {self.within:g}{_unit(self.param)}"
        return f"{self.paradigm}: {within} takes {counted(self.trials, 'trial')}"

    def findings(self) -> list[str]:
        """What to do, and what cannot be known, in plain words."""
        kinds = [
            f"{r.trials} x {r.targets} targets" + (f" + {r.distractors} distractors" if r.distractors else "")
            + f" for {1000 * r.exposure:.0f} ms"
            for r in self.conditions.itertuples()
        ]  # fmt: skip
        who = "half of the people" if self.share == 0.5 else f"{self.share:.0%} of the people"
        out = [
            f"{self.param} within {self.within:g}{_unit(self.param)} for {who}: {counted(self.trials, 'trial')} each: "
            + "; ".join(kinds) + "."
        ]  # fmt: skip
        out += [f"{r.design}: {_many(r.trials, self.param)}." for r in self.candidates.iloc[1:].itertuples()]
        worst, second = (*self.axes.to_dict("records"), None)[:2]
        unknown = [worst] if second is None or second["sd"] < 1 else [worst, second]
        return out + [_unknown(row, self.params) for row in unknown]

    def plot(self) -> Figure:
        """What to show; what each trial more is worth; which combinations stay unknown."""
        with plot.style() as plt:
            figure, axes = plt.subplots(1, 3, figsize=(11.6, 3.9), width_ratios=[1.2, 1.2, 1])
            self._shown(axes[0])
            self._worth(axes[1])
            self._combined(axes[2])
            figure.suptitle(
                self.heading(),
                x=0.01, ha="left", fontweight="bold",
            )  # fmt: skip
            return figure

    def _shown(self, ax: Any) -> None:
        """Dots as large as their share of the trials."""
        kinds = sorted({(r.targets, r.distractors) for r in self.conditions.itertuples()})
        for r in self.conditions.itertuples():
            y = kinds.index((r.targets, r.distractors))
            ax.scatter(1000 * r.exposure, y, s=2200 * r.share, color="#0072B2", alpha=0.55, linewidth=0)
            ax.annotate(f"{r.trials}", (1000 * r.exposure, y), ha="center", va="center", fontsize=8.5)
        ax.set_yticks(
            range(len(kinds)), [f"{m} targets" + (f"\n{d} distractors" if d else "") for m, d in kinds]
        )
        edge = 1000 * self.conditions["exposure"].max() * 1.25
        ax.set(
            xlim=(0, edge), ylim=(-0.7, len(kinds) - 0.3), xlabel="exposure [ms]", title="trials of each kind"
        )

    def _worth(self, ax: Any) -> None:
        """Half-width of the interval over trials, a line per design that was weighed."""
        n = np.geomspace(self.trials / 8, self.trials * 8, 60)
        rows = self.candidates[np.isfinite(self.candidates["trials"])]
        known = plot.pens(list(rows["design"]))
        for r in rows.itertuples():
            pen = known[r.design]
            ax.plot(
                n, self.within * np.sqrt(r.trials / n), color=pen.color, linestyle=pen.dash, label=r.design
            )
        ax.axhline(self.within, color=plot.PEOPLE, linewidth=0.9)
        plot.by_factors(ax.xaxis)
        plot.by_factors(ax.yaxis)
        unit = _unit(self.param).strip()
        ax.set(xlabel="trials of one person", title=f"half-width of {self.param}")
        ax.set_ylabel(f"half-width [{unit}]" if unit else "half-width")
        ax.legend(fontsize=8, loc="lower left")

    def _combined(self, ax: Any) -> None:
        """How well each combination of parameters is known; beyond 1 sd of adults it is not."""
        rows = self.axes.iloc[::-1]
        y, sd = np.arange(len(rows)), rows["sd"].to_numpy()
        colors = ["#D55E00" if x >= 1 else "#0072B2" for x in sd]
        ax.hlines(y, sd.min() / 2, sd, color=colors, linewidth=1.5)
        ax.scatter(sd, y, color=colors, zorder=3)
        ax.axvline(1, color=plot.PEOPLE, linewidth=0.9, linestyle="--")
        ax.set_yticks(y, [_named(row, self.params, "\n") for row in rows.to_dict("records")], fontsize=8)
        plot.by_factors(ax.xaxis)
        ax.set(xlim=(sd.min() / 2, max(2.0, 2 * sd.max())), xlabel="error [sd of adults]")
        ax.set_title("orange: not determined")
        ax.tick_params(axis="x", labelsize=7.5)

    def files(self) -> Files:
        """What is proposed, what else was weighed, what it tells and does not, and what simulated people gave."""
        out: Files = {
            "conditions.csv": self.conditions,
            "candidates.csv": self.candidates,
            "needed.csv": self.needed,
            "axes.csv": self.axes,
        }
        return out if self.checked is None else out | {"check.csv": self.check}

    def figures(self) -> Iterator[tuple[str, Figure]]:
        """What to show, what it is worth, what stays unknown."""
        yield "figures/design", self.plot()

    def done(self) -> dict[str, Any]:
        """How many trials."""
        return {"trials": self.trials}


def design(
    paradigm: str,
    param: str,
    within: float = 0.1,
    *,
    share: float = 0.5,
    params: Sequence[str] | None = None,
    exposures: Sequence[float] = EXPOSURES,
    displays: Sequence[tuple[int, int]] = DISPLAYS,
    population: Population | None = None,
    people: int = 128,
    check: int = 0,
    seed: int = 0,
    n_jobs: int = 1,
    progress: Progress | bool | None = None,
) -> Proposal:
    """How many trials, and of which kind, until a person's own estimate of `param` is sure to +- `within`?

    `within`: half-width of the 95 % interval, in the parameter's own unit, for a `share` of the people. params: all
    that are estimated (default: all of the law). exposures [s] and displays (targets, distractors): what there is to
    choose from. check: so many simulated people take what is proposed and are fitted, each alone.

    >>> plan = design("whole_report", "slots", 0.5, displays=[(6, 0)], exposures=[0.1], params=["slots"], people=4)
    >>> 1 < plan.trials < 100
    True
    """
    law = likelihoods.of(paradigm)
    if not {"score", *_CONDITION} <= set(law.columns):
        raise InputError(
            f"a design can be worked out for whole and partial report so far, not for {paradigm}"
        )
    names, param = tuple(map(canonical, params or law.params)), canonical(param)
    for name in (*names, param):
        choice("parameter", name, law.params)
    choice("parameter that is estimated", param, names)
    number("within", within, above=0, most=1e6)
    number("share", share, above=0, most=1)
    whole("people", people, least=2, most=10_000)
    offered = _conditions(exposures, displays)
    theta = _theta(law, population or Population.adults(), people, seed)
    told = information(law, names, theta, offered)
    at = names.index(param)
    if not (told[..., at, at] > 0).any():
        raise InputError(
            f"none of these displays tells anything of {param}: offer others (distractors, exposures)"
        )
    best = shared(told, at)
    best = np.where(best < _RARE, 0.0, best)
    best /= best.sum()
    weighed = {"proposed": (offered, best), **_usual(paradigm)}
    rows: list[dict[str, Any]] = []
    known: dict[str, Array] = {}
    for name, (conditions, w) in weighed.items():
        own_told = told if name == "proposed" else information(law, names, theta, conditions)
        known[name] = _widths(own_told, w, names, theta, law)
        rows.append({"design": name, "trials": _needed(known[name][:, at], within, share),
                     "conditions": int((w > 0).sum())})  # fmt: skip
    total = float(rows[0]["trials"])
    if not np.isfinite(total):
        raise InputError(
            f"a million trials of these displays would not do for {param}: offer others, or a wider within"
        )
    kept = offered[best > 0].assign(share=best[best > 0])
    kept = kept.assign(trials=np.ceil(total * kept["share"] - 1e-9).astype(int)).reset_index(drop=True)
    needed = _table(known["proposed"], names, theta, law, share, within, param, int(kept["trials"].sum()))
    done = Proposal(
        paradigm, param, within, share, names, kept, pd.DataFrame(rows), needed,
        _axes(told, best, names, int(kept["trials"].sum())),
    )  # fmt: skip
    if not check:
        return done
    taken = recover(done.as_design(), check, population=population, pool=False, seed=seed, n_jobs=n_jobs,
                    progress=progress)  # fmt: skip
    return replace(done, checked=taken)


def information(law: Any, params: Sequence[str], theta: Array, conditions: pd.DataFrame) -> Array:
    """(people, conditions, parameters, parameters): what one trial tells of the parameters, on their scales.

    Every answer that a condition can have is one line of data; its log-likelihood under each person, and the slopes of
    it, are all that is needed.
    """
    lines = conditions.loc[conditions.index.repeat(conditions["targets"] + 1), _CONDITION]
    which = np.repeat(np.arange(len(conditions)), conditions["targets"] + 1)
    score = np.concatenate([np.arange(m + 1) for m in conditions["targets"]])
    data = law.compact(lines.assign(score=score, person=np.arange(len(lines))).reset_index(drop=True))

    def log_p(values: Array) -> Array:
        row = np.tile(np.arange(len(lines)), len(values))
        return np.asarray(law.loglik(np.repeat(values, len(lines), axis=0), data, row)).reshape(
            len(values), -1
        )

    p, slopes = np.exp(log_p(theta)), []
    for name in params:
        i, scale = law.params.index(name), SCALES[name]
        sides = []
        for step in (-1e-4, 1e-4):
            moved = theta.copy()
            moved[:, i] = scale.own(scale.latent(theta[:, i]) + step * scale.sd)
            sides.append(moved)
        gap = scale.latent(sides[1][:, i]) - scale.latent(sides[0][:, i])  # one-sided at the edge of a scale
        slopes.append((log_p(sides[1]) - log_p(sides[0])) / gap[:, None])
    s = np.stack(slopes, -1)  # (people, lines, parameters)
    told = p[..., None, None] * s[..., :, None] * s[..., None, :]
    return np.stack([told[:, which == c].sum(1) for c in range(len(conditions))], 1)


def shared(told: Array, at: int, rounds: int = 3000) -> Array:
    """(conditions,): shares of the trials that make the error of one parameter smallest, in the mean of its logarithm.

    w_c is multiplied by the root of what c tells over what the whole tells of it, until no condition tells more.
    """
    w = np.full(told.shape[1], 1 / told.shape[1])
    for _ in range(rounds):
        gain = gains(told, w, at)
        w = w * np.sqrt(gain)
        w /= w.sum()
        if gain.max() < 1 + 1e-3:
            break
    return w


def gains(told: Array, w: Array, at: int) -> Array:
    """(conditions,): what a trial of each takes off the variance, over what one of the whole does; <= 1 at the best."""
    flat = told.transpose(1, 0, 2, 3).reshape(len(w), -1)
    inverse = _inverse((w @ flat).reshape(len(told), *told.shape[2:]))
    v, variance = inverse[:, :, at], inverse[:, at, at]
    square = v[:, :, None] * v[:, None, :] / variance[:, None, None]
    return np.asarray(flat @ square.ravel() / len(told))


def _inverse(m: Array) -> Array:
    """Of information: what nothing is told of has a huge variance, not none."""
    return np.asarray(np.linalg.inv(m + _NOTHING * np.eye(m.shape[-1])))


def _conditions(exposures: Sequence[float], displays: Sequence[tuple[int, int]]) -> pd.DataFrame:
    """All displays at all exposures, as the paradigms know them."""
    rows = [(e, m, d) for m, d in displays for e in exposures]
    if not rows:
        raise InputError("a design needs at least one exposure and one display to choose from")
    table = pd.DataFrame(rows, columns=_CONDITION)
    for row in table.to_dict("records"):
        _task(row)  # says what is wrong with it
    return table.astype({"exposure": float, "targets": int, "distractors": int})


def _task(row: Mapping[str, Any]) -> Paradigm:
    """The paradigm that shows this one display."""
    e, m, d = float(row["exposure"]), int(row["targets"]), int(row["distractors"])
    if d == 0:
        return WholeReport(set_size=m, exposures=(e,))
    return PartialReport(targets=m, distractors=(d,), exposure=e)


def _theta(law: Any, population: Population, people: int, seed: int) -> Array:
    """(people, parameters of the law): adults; what does not differ between them is as in `Observer`."""
    who = population.parameters(people, seed)
    return np.column_stack([
        who[name].to_numpy(float) if name in who else np.full(people, getattr(Observer(), name)) for name in law.params
    ])  # fmt: skip


def _usual(paradigm: str) -> dict[str, tuple[pd.DataFrame, Array]]:
    """The designs that are there already: the paradigm as it comes, and that of `human/whole_report.csv`."""
    own_ = pd.DataFrame(paradigms.get(paradigm)().conditions())[_CONDITION]
    tasks = [pd.DataFrame(t.conditions())[_CONDITION].assign(n=n) for t, n in published()]
    both = pd.concat(tasks, ignore_index=True)
    return {
        f"{paradigm} as it comes": (own_, np.full(len(own_), 1 / len(own_))),
        "whole + partial report of Wang et al. 2021": (
            both,
            (both["n"] / both["n"].sum()).to_numpy(),
        ),
    }


def _widths(told: Array, w: Array, names: Sequence[str], theta: Array, law: Any) -> Array:
    """(people, parameters): half-width of the 95 % interval after ONE trial, in the parameters' own units."""
    inverse = _inverse(np.einsum("c,icpq->ipq", w, told))
    half = _SURE * np.sqrt(np.einsum("ipp->ip", inverse))
    per = [theta[:, law.params.index(n)] if SCALES[n].log else np.ones(len(theta)) for n in names]
    return np.asarray(half * np.column_stack(per))


def _needed(widths: Array, within: float, share: float) -> float:
    """Trials until this share of the people is within; inf where nothing is told (1e6 trials would not do)."""
    n = float(np.quantile((widths / within) ** 2, share, method="inverted_cdf"))
    return float(np.ceil(n)) if n < 1e6 else np.inf


def _table(
    widths: Array,
    names: Sequence[str],
    theta: Array,
    law: Any,
    share: float,
    within: float,
    param: str,
    trials: int,
) -> pd.DataFrame:
    """Each parameter: how sure it is here, and the trials that it takes to be sure to a part of the sd of adults."""
    rows = []
    for i, name in enumerate(names):
        sd = float(theta[:, law.params.index(name)].std(ddof=1))
        row = {"parameter": name, "unit": SCALES[name].unit, "sd of adults": sd}
        here = float(np.quantile(widths[:, i], share, method="inverted_cdf")) / np.sqrt(trials)
        row["here"] = here if here < 10 * max(sd, 1e-9) else np.inf
        for part in (1.0, 0.5, 0.25):
            row[f"trials for {part:g} sd"] = _needed(widths[:, i], part * sd, share) if sd > 0 else np.nan
        rows.append(
            row
            | {f"trials for {within:g}": _needed(widths[:, i], within, share) if name == param else np.nan}
        )
    return pd.DataFrame(rows)


def _axes(told: Array, w: Array, names: Sequence[str], trials: int) -> pd.DataFrame:
    """Directions of what is known, worst first: eigenvectors of the mean information in units of the sd of adults."""
    sd = np.array([SCALES[n].sd for n in names])
    m = trials * np.einsum("c,icpq->pq", w, told) / len(told) * np.outer(sd, sd)
    size, vectors = np.linalg.eigh(m)
    signs = np.sign(vectors[np.abs(vectors).argmax(0), np.arange(len(names))])
    table = pd.DataFrame((vectors * signs).T, columns=list(names))
    return table.assign(sd=1 / np.sqrt(np.maximum(size, 1e-4)))  # 100 sd of adults: nothing at all


def _unknown(row: Mapping[str, Any], params: Sequence[str]) -> str:
    """A combination in words, and how well these trials know it."""
    sd, named = float(row["sd"]), _named(row, params, " with ")
    verdict = "not determined by these trials" if sd >= 1 else f"known to {sd:.2f} sd of adults"
    return f"{named}: {verdict}" + (
        ", since one makes up for the other." if " with " in named and sd >= 1 else "."
    )


def _named(row: Mapping[str, Any], params: Sequence[str], between: str, least: float = 0.35) -> str:
    """The parameters that a combination is made of, and those that its error makes unknown."""
    edge = min(least, 1 / float(row["sd"]))
    parts = [(n, float(row[n])) for n in params if abs(float(row[n])) >= edge]
    if len(parts) == 1:
        return parts[0][0]
    return between.join(f"{'more' if w > 0 else 'less'} {n}" for n, w in parts)


def _unit(param: str) -> str:
    unit = SCALES[param].unit
    return f" {unit}" if unit else ""


def _many(trials: float, param: str) -> str:
    return f"{trials:.0f} trials" if np.isfinite(trials) else f"says nothing of {param}, however many trials"


doors(__name__, "design", first=True)
