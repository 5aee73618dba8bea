r"""What a person's numbers go with, trial by trial: formulas, with people as random effects.

    drift ~ 1 + theta * conflict + (1 + theta | person)

The left side is a number of the law, on its own scale (`tune.scales`: a boundary by factors, a drift as it is). On the
right stand columns of the data, in the formulas of the field (formulaic: C(), interactions, transforms); in brackets
what differs between people, each normal around 0 with a spread of its own. A number that has no formula is `1 + (1 |
person)`. With eta = X beta + Z b and the laws of single trials,

    log L(beta, b) - sum b^2 / (2 sd^2)

is climbed by Newton's steps, in which every person is eliminated (Schur), and sd^2 = mean(b^2 + var b) is put in until
it stands (EM, on Laplace's approximation). Errors are those of beta, b eliminated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import optimize, stats

from cogattn.errors import InputError, choice, doors, needs
from cogattn.tune import scales
from cogattn.tune.base import Array, checked
from cogattn.tune.two_choice import TwoChoiceLikelihood
from cogattn.view import plot
from cogattn.view.result import Files, Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BETWEEN = re.compile(r"\+?\s*\(([^()|]+)\|\s*person\s*\)")
_STEP, _TURNS, _CLIMBS = 1e-3, 60, 30  # of differences, in units of each scale; of EM; of Newton
_LEAST = 1e-3  # sd between people, in sd of adults


class Design(NamedTuple):
    """One number of the law: what it goes with, and what of that differs between people."""

    param: str
    fixed: Array  #: (trials, terms)
    terms: list[str]
    random: Array  #: (trials, terms that differ)
    differ: list[str]


@dataclass(frozen=True)
class Regression(Result):
    """What `regress` found.

    >>> made = pd.DataFrame({"parameter": ["drift"], "term": ["load"], "estimate": [-0.2], "error": [0.1],
    ...                      "low": [-0.4], "high": [0.0], "z": [-2.0], "p": [0.05]})
    >>> print(Regression(made, made[:0], made[:0], -10.0, "diffusion"))
    drift ~ load: -0.2 (95 % interval -0.4 to 0, z = -2.0).
    """

    effects: pd.DataFrame  #: parameter, term, estimate, error, low, high, z, p
    between: pd.DataFrame  #: parameter, term, sd (between people)
    people: pd.DataFrame  #: person, parameter, term, value: how far a person is from the mean
    loglik: float
    law: str

    def table(self) -> pd.DataFrame:
        """A row per effect."""
        return self.effects

    def heading(self) -> str:
        """Of what."""
        return f"What numbers of the {self.law} go with"

    def findings(self) -> list[str]:
        """Each effect with its interval."""
        return [
            f"{r.parameter} ~ {r.term}: {r.estimate:.3g} (95 % interval {r.low:.3g} to {r.high:.3g}, z = {r.z:.1f})."
            for r in self.effects.itertuples()
        ]

    def files(self) -> Files:
        """Effects, spreads, people."""
        return {"effects.csv": self.effects, "between.csv": self.between, "people.csv": self.people}

    def plot(self) -> Figure:
        """Every effect but the intercepts, in its errors."""
        t = self.effects[self.effects["term"] != "Intercept"]
        t = t if len(t) else self.effects
        y = np.arange(len(t))
        with plot.style() as plt:
            figure, ax = plt.subplots(figsize=(6.4, 1.4 + 0.35 * len(t)))
            ax.hlines(y, t["low"], t["high"], color="#BBBBBB", linewidth=3)
            ax.plot(t["estimate"], y, "o", color="#0072B2")
            ax.axvline(0, color=plot.PEOPLE, linewidth=0.8)
            ax.set(
                yticks=y,
                yticklabels=t["parameter"] + " ~ " + t["term"],
                xlabel="effect, with 95 % interval [own scale]",
            )
            ax.invert_yaxis()
            figure.suptitle(self.heading(), x=0.01, ha="left", fontsize=11, fontweight="bold")
            return figure

    def figures(self) -> Iterator[tuple[str, Figure]]:
        """The effects."""
        yield "figures/effects", self.plot()


def designs(formulas: Sequence[str], frame: pd.DataFrame, known: Sequence[str]) -> list[Design]:
    """Every number of the law with its columns."""
    formulaic = needs("formulaic", "formulas")
    said: dict[str, str] = {}
    for text in formulas:
        left, tilde, right = text.partition("~")
        if not tilde or not right.strip():
            raise InputError(
                f"a formula is NUMBER ~ TERMS, e.g. drift ~ 1 + theta + (1 | person), got {text!r}"
            )
        said[choice("number of the law", left.strip(), known)] = right
    out = []
    for name in known:
        right = said.get(name, "1 + (1 | person)")
        within = [part.strip() for part in _BETWEEN.findall(right)]
        rest = _BETWEEN.sub("", right).strip() or "1"
        if "|" in rest:
            raise InputError(
                f"what differs between people is written (1 + x | person), got {right.strip()!r}"
            )
        fixed = _matrix(formulaic, rest, frame)
        random = (
            pd.concat([_matrix(formulaic, part, frame) for part in within], axis=1)
            if within
            else fixed.iloc[:, :0]
        )
        out.append(Design(name, fixed.to_numpy(float), list(fixed), random.to_numpy(float), list(random)))
    return out


def _matrix(formulaic: Any, right: str, frame: pd.DataFrame) -> pd.DataFrame:
    try:
        made = formulaic.model_matrix(right, frame, na_action="raise")
    except Exception as error:  # whatever is wrong with a formula is said in its own words
        raise InputError(f"formula {right!r} cannot be read: {str(error).splitlines()[0]}") from None
    return pd.DataFrame(made)


def regress(frame: pd.DataFrame, formulas: Sequence[str] | str, *, law: str = "diffusion") -> Regression:
    """What numbers of two choices go with. frame: person, correct, rt and the columns of the formulas, a row per trial.

    law: diffusion, counter or wald (one boundary).

    >>> from cogattn.laws.diffusion import wiener_error
    >>> float(wiener_error(0.0, 1.0, 0.5))
    0.5
    """
    formulas = [formulas] if isinstance(formulas, str) else list(formulas)
    own = TwoChoiceLikelihood(law=choice("law", law, ("diffusion", "counter", "wald")), cells=())
    frame = frame.dropna(subset=[column for column in ("rt",) if column in frame])
    checked(frame, ("person", "correct", "rt"))
    frame = frame.reset_index(drop=True)
    data = own.compact(frame)
    names = [p for p in own.usual(data) if p not in ("drift_sd", "lead")]
    order = np.argsort(pd.factorize(frame["person"])[0], kind="stable")
    made = designs(formulas, frame.iloc[order].reset_index(drop=True), names)
    who = np.repeat(np.arange(len(data.people)), data.trials)
    found = _Climb(own, data, made, who)
    sd = found.climbed()
    return found.told(sd, [str(p) for p in data.people], law)


class _Climb:
    """Newton's steps, person by person."""

    def __init__(self, law: TwoChoiceLikelihood, data: Any, made: list[Design], who: Array) -> None:
        self.law, self.data, self.made, self.who = law, data, made, who
        self.names = [d.param for d in made]
        unit = np.array([scales.SCALES[n].sd for n in self.names])
        self.p = np.array([d.fixed.shape[1] for d in made])
        self.q = np.array([d.random.shape[1] for d in made])
        self.unit, self.of = unit, np.repeat(np.arange(len(made)), self.q)
        middle = [scales.SCALES[n].mean for n in self.names]
        self.beta = np.concatenate([np.eye(1, p)[0] * m for p, m in zip(self.p, middle, strict=True)])
        self.b = np.zeros((len(data.people), int(self.q.sum())))

    def eta(self, beta: Array, b: Array) -> Array:
        """(trials, numbers) on the scales."""
        out, i, j = [], 0, 0
        for d, p, q in zip(self.made, self.p, self.q, strict=True):
            here = d.fixed @ beta[i : i + p]
            if q:
                here = here + (d.random * b[self.who, j : j + q]).sum(1)
            out.append(here)
            i, j = i + p, j + q
        return np.column_stack(out)

    def loglik(self, eta: Array) -> Array:
        """(trials,)"""
        theta = self.law.theta(scales.own(self.names, eta), self.names)
        return self.law.trialwise(theta, self.data)

    def slopes(self, eta: Array) -> tuple[Array, Array, Array]:
        """Of each trial: log-likelihood, its slope and its curvature over the numbers."""
        k, h = len(self.names), _STEP * self.unit * 10
        mid = self.loglik(eta)
        slope, curve = np.empty((len(eta), k)), np.empty((len(eta), k, k))
        for i in range(k):
            up, down = (self.loglik(eta + s * h[i] * np.eye(k)[i]) for s in (1.0, -1.0))
            slope[:, i] = (up - down) / (2 * h[i])
            curve[:, i, i] = (up - 2 * mid + down) / h[i] ** 2
            for j in range(i):
                corners = [s * t * self.loglik(eta + s * h[i] * np.eye(k)[i] + t * h[j] * np.eye(k)[j])
                           for s in (1.0, -1.0) for t in (1.0, -1.0)]  # fmt: skip
                curve[:, i, j] = curve[:, j, i] = sum(corners) / (4 * h[i] * h[j])
        return mid, slope, curve

    def climbed(self) -> Array:
        """Everything at its best; returns sd between people. It begins where one person for all would be."""
        first = np.cumsum(self.p) - self.p
        middle = self.beta[first]

        def depth(z: Array) -> float:
            eta = np.tile(middle + self.unit * z, (len(self.who), 1))
            return -float(self.loglik(eta).sum())

        options = {
            "initial_simplex": np.vstack([np.zeros(len(first)), np.eye(len(first))]),
            "xatol": 0.02,
            "fatol": 1.0,
        }
        begin = optimize.minimize(depth, np.zeros(len(first)), method="Nelder-Mead", options=options)
        self.beta[first] = middle + self.unit * begin.x
        sd = self.unit[self.of].copy()
        for _ in range(_TURNS):
            self.newton(sd)
            var = np.array([np.diag(np.linalg.inv(h)) for h in self.blocks])
            then = np.sqrt(np.maximum((self.b**2 + var).mean(0), (_LEAST * self.unit[self.of]) ** 2))
            still = (np.abs(then - sd) < 0.01 * sd).all()
            sd = then
            if still:
                break
        self.newton(sd)
        return sd

    def newton(self, sd: Array) -> None:
        """Climb to the top for this spread."""

        def height(beta: Array, b: Array) -> float:
            return float(self.loglik(self.eta(beta, b)).sum() - 0.5 * ((b / sd) ** 2).sum())

        here = height(self.beta, self.b)
        for _ in range(_CLIMBS):
            step_beta, step_b = self.step(sd)
            for part in (1.0, 0.5, 0.25, 0.1, 0.02):
                then = height(self.beta + part * step_beta, self.b + part * step_b)
                if then > here:
                    break
            else:
                break
            self.beta, self.b = self.beta + part * step_beta, self.b + part * step_b
            done, here = then - here < 1e-3, then
            if done:
                break
        self.step(sd)
        self.top = here

    def step(self, sd: Array) -> tuple[Array, Array]:
        """Newton's step in beta and in every person's b; keeps the information of each."""
        _, slope, curve = self.slopes(self.eta(self.beta, self.b))
        fixed = [d.fixed for d in self.made]
        random = [d.random for d in self.made]
        k, n = len(fixed), len(self.b)
        grad = np.concatenate([x.T @ slope[:, i] for i, x in enumerate(fixed)])
        whole = -np.block(
            [[fixed[i].T @ (curve[:, i, j, None] * fixed[j]) for j in range(k)] for i in range(k)]
        )
        right, blocks, sides, pulls = grad.copy(), [], [], []
        for r in range(n):
            at = self.who == r
            g = np.concatenate([random[i][at].T @ slope[at, i] for i in range(k)]) - self.b[r] / sd**2
            h = -np.block([[random[i][at].T @ (curve[at, i, j, None] * random[j][at]) for j in range(k)]
                           for i in range(k)]) + np.diag(sd**-2.0)  # fmt: skip
            h = _positive(h)
            side = -np.block([[fixed[i][at].T @ (curve[at, i, j, None] * random[j][at]) for j in range(k)]
                              for i in range(k)])  # fmt: skip
            solved = np.linalg.solve(h, side.T)
            whole -= side @ solved
            right -= side @ np.linalg.solve(h, g)
            blocks.append(h)
            sides.append(solved)
            pulls.append(np.linalg.solve(h, g))
        self.blocks, self.information = blocks, _positive(whole)
        beta = np.linalg.solve(self.information, right)
        b = np.array([pull - solved @ beta for pull, solved in zip(pulls, sides, strict=True)])
        return beta, b

    def told(self, sd: Array, people: list[str], law: str) -> Regression:
        """As tables."""
        error = np.sqrt(np.diag(np.linalg.inv(self.information)))
        params = np.repeat(self.names, self.p)
        effects = pd.DataFrame({"parameter": params, "term": [t for d in self.made for t in d.terms]})
        z = self.beta / error
        effects = effects.assign(
            estimate=self.beta, error=error, low=self.beta - 1.96 * error, high=self.beta + 1.96 * error, z=z,
            p=2 * stats.norm.sf(np.abs(z)),
        )  # fmt: skip
        kinds = pd.DataFrame(
            {"parameter": np.repeat(self.names, self.q), "term": [t for d in self.made for t in d.differ]}
        )
        rows = [kinds.assign(person=p, value=own) for p, own in zip(people, self.b, strict=True)]
        return Regression(effects, kinds.assign(sd=sd), pd.concat(rows, ignore_index=True), self.top, law)


def _positive(h: Array) -> Array:
    """The curvature that a top would have: where it bends the other way, as much."""
    size, axes = np.linalg.eigh((h + h.T) / 2)
    return np.asarray(
        (axes * np.maximum(np.abs(size), 1e-6 * max(float(size.max(initial=0.0)), 1e-6))) @ axes.T
    )


doors(__name__, "regress", first=True)
