r"""What a person's numbers go with, trial by trial: formulas, with people as random effects.

    drift ~ 1 + theta * conflict + (1 + theta | person)
    speed ~ 1 + load + (1 | person)

The law is that of two choices, whatever the experiment (diffusion, counter, wald), or the mind's own in a paradigm
whose law is exact (simple_rt, flanker, stroop, simon). The left side is a number of the law, on its own scale
(`tune.scales`: a boundary by factors, a drift as it is). On the right stand columns of the data, in the formulas of the
field (formulaic: C(), interactions, transforms); in brackets what differs between people, each normal around 0 with a
spread of its own. A number that has no formula is `1 + (1 | person)`. With eta = X beta + Z b and the laws of trials,

    log L(beta, b) - sum b^2 / (2 sd^2)

is climbed by Newton's steps, in which every person is eliminated (Schur), and sd^2 = mean(b^2 + var b) is put in until
it stands (EM, on Laplace's approximation). Errors are those of beta, b eliminated. Where trials stand alone, slopes are
those of each trial; where they hang together (the mind tires, and lapses last), those of each person's whole sitting.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import optimize, stats

from cogattn.errors import InputError, choice, doors, needs, shown
from cogattn.tune import likelihoods, scales
from cogattn.tune.base import Array, Likelihood, checked
from cogattn.tune.two_choice import TwoChoiceLikelihood
from cogattn.view import plot
from cogattn.view.result import Files, Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BETWEEN = re.compile(r"\+?\s*\(([^()|]+)\|\s*person\s*\)")
_STEP, _TURNS, _CLIMBS = 1e-3, 60, 30  # of differences, in units of each scale; of EM; of Newton
_LEAST, _STILL = 1e-3, 2e-3  # sd between people, in sd of adults: at least; a change that is none


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
                f"a formula is NUMBER ~ TERMS, e.g. drift ~ 1 + theta + (1 | person), got {shown(text)}"
            )
        said[choice("number of the law", left.strip(), known)] = right
    out = []
    for name in known:
        right = said.get(name, "1 + (1 | person)")
        within = [part.strip() for part in _BETWEEN.findall(right)]
        rest = _BETWEEN.sub("", right).strip() or "1"
        if "|" in rest:
            raise InputError(
                f"what differs between people is written (1 + x | person), got {shown(right.strip())}"
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
    """What numbers of a law go with. frame: the columns of the law and those of the formulas, a row per trial in order.

    law: diffusion, counter or wald (one boundary) of any two choices (person, correct, rt), whose numbers are boundary,
    non_decision and drift; or a paradigm whose minds' law is exact, e.g. simple_rt or flanker, whose numbers are those
    of an observer (speed, ...). What decides the course of a person's attention (wandering, slow_loss) may go with what
    is the same in all trials of a person.

    >>> from cogattn.laws.diffusion import wiener_error
    >>> float(wiener_error(0.0, 1.0, 0.5))
    0.5
    """
    formulas = [formulas] if isinstance(formulas, str) else list(formulas)
    own: Likelihood
    if choice("law", law, (*_ANYWHERE, *_of_minds())) in _ANYWHERE:
        own = TwoChoiceLikelihood(law=law, cells=())
        frame = frame.dropna(subset=["rt"]) if "rt" in frame else frame
        checked(frame, ("person", "correct", "rt"))
    else:
        own = likelihoods.of(law)
    frame = frame.reset_index(drop=True)
    data = own.compact(frame)
    names = [p for p in own.usual(data) if p not in ("drift_sd", "lead")]
    order = np.argsort(pd.factorize(frame["person"])[0], kind="stable")
    made = designs(formulas, frame.iloc[order].reset_index(drop=True), names)
    who = np.repeat(np.arange(len(data.people)), data.trials)
    for d in made if law not in _ANYWHERE else ():
        same = pd.DataFrame(np.hstack([d.fixed, d.random])).groupby(who).nunique().to_numpy() <= 1
        if d.param not in own.trialled and not same.all():
            raise InputError(
                f"{d.param} is a person's and not a trial's: its formula may hold what is the same in all trials of a "
                f"person; from trial to trial only {', '.join(n for n in own.trialled if n in names)} may change"
            )
    found = (_Climb if law in _ANYWHERE else _ClimbSittings)(own, data, made, who)
    sd = found.climbed()
    return found.told(sd, [str(p) for p in data.people], law)


_ANYWHERE = ("diffusion", "counter", "wald")


def _of_minds() -> list[str]:
    """Paradigms whose law knows numbers that change from trial to trial, exactly."""
    return [name for name in likelihoods.fitted() if likelihoods.of(name).trialled]


class _Climb:
    """Newton's steps, person by person."""

    def __init__(self, law: Any, data: Any, made: list[Design], who: Array) -> None:
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
        return np.asarray(self.law.trialwise(theta, self.data))

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
            still = (np.abs(then - sd) < np.maximum(0.01 * sd, _STILL * self.unit[self.of])).all()
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
        p, q = int(self.p.sum()), int(self.q.sum())
        own, crossed, blocks, pulls = (
            np.empty((n, p, p)),
            np.empty((n, p, q)),
            np.empty((n, q, q)),
            np.empty((n, q)),
        )
        for r in range(n):
            at = self.who == r
            pulls[r] = np.concatenate([random[i][at].T @ slope[at, i] for i in range(k)]) - self.b[r] / sd**2
            own[r], crossed[r], blocks[r] = (
                -np.block(
                    [[a[i][at].T @ (curve[at, i, j, None] * c[j][at]) for j in range(k)] for i in range(k)]
                )
                for a, c in ((fixed, fixed), (fixed, random), (random, random))
            )
        return self.eliminated(own, crossed, blocks + np.diag(sd**-2.0), grad, pulls)

    def eliminated(
        self, own: Array, crossed: Array, blocks: Array, right: Array, pulls: Array
    ) -> tuple[Array, Array]:
        """The step where each person's b is eliminated: information of beta (people, p, p), crossed (people, p, q), of
        b (people, q, q); slopes of beta (p,) and of b (people, q)."""
        whole, right, solved = own.sum(0), right.copy(), []
        self.blocks = [_positive(h) for h in blocks]
        for h, side, g in zip(self.blocks, crossed, pulls, strict=True):
            solved.append((np.linalg.solve(h, side.T), np.linalg.solve(h, g)))
            whole -= side @ solved[-1][0]
            right -= side @ solved[-1][1]
        self.information = _positive(whole)
        beta = np.linalg.solve(self.information, right)
        return beta, np.array([pull - side @ beta for side, pull in solved])

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


class _ClimbSittings(_Climb):
    """The same where the trials of a person hang together: slopes and curvatures over the coefficients themselves."""

    def loglik(self, eta: Array) -> Array:
        """(people,)"""
        theta = self.law.theta(scales.own(self.names, eta), self.names)
        return np.asarray(self.law.by_trial(theta, self.data))

    def ways(self) -> tuple[list[tuple[int, Array]], Array, Array]:
        """(number, column) of every way in which numbers can move; which of them each beta, and each b, is: what
        differs between people is mostly among what all share."""
        ways: list[tuple[int, Array]] = []
        found: list[list[int]] = [[], []]
        for k, d in enumerate(self.made):
            for part, columns in enumerate((d.fixed, d.random)):
                for x in columns.T:
                    same = [i for i, (n, y) in enumerate(ways) if n == k and np.array_equal(x, y)]
                    found[part].append(same[0] if same else len(ways))
                    ways += [] if same else [(k, x)]
        return ways, np.array(found[0], int), np.array(found[1], int)

    def step(self, sd: Array) -> tuple[Array, Array]:
        """Newton's step by differences, everybody being moved at once."""
        ways, of_beta, of_b = self.ways()
        eta, n, w = self.eta(self.beta, self.b), len(self.b), len(ways)
        h = np.array([40 * _STEP * self.unit[k] / max(float(np.sqrt((x**2).mean())), 1e-9) for k, x in ways])

        def at(*moves: tuple[int, float]) -> Array:
            here = eta.copy()
            for i, by in moves:
                here[:, ways[i][0]] += by * h[i] * ways[i][1]
            return self.loglik(here)

        mid, up, down = at(), *(np.array([at((i, s)) for i in range(w)]) for s in (1.0, -1.0))
        slope, curve = ((up - down) / (2 * h[:, None])).T, np.empty((n, w, w))
        for i in range(w):
            curve[:, i, i] = (up[i] - 2 * mid + down[i]) / h[i] ** 2
            for j in range(i):
                both = at((i, 1.0), (j, 1.0)) + at((i, -1.0), (j, -1.0))
                both += 2 * mid - up[i] - down[i] - up[j] - down[j]
                curve[:, i, j] = curve[:, j, i] = both / (2 * h[i] * h[j])
        pairs = ((of_beta, of_beta), (of_beta, of_b), (of_b, of_b))
        own, crossed, blocks = (-curve[:, a[:, None], c] for a, c in pairs)
        pulls = slope[:, of_b] - self.b / sd**2
        return self.eliminated(own, crossed, blocks + np.diag(sd**-2.0), slope[:, of_beta].sum(0), pulls)


def _positive(h: Array) -> Array:
    """The curvature that a top would have: where it bends the other way, as much."""
    size, axes = np.linalg.eigh((h + h.T) / 2)
    return np.asarray(
        (axes * np.maximum(np.abs(size), 1e-6 * max(float(size.max(initial=0.0)), 1e-6))) @ axes.T
    )


doors(__name__, "regress", first=True)
