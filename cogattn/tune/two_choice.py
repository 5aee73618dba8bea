r"""Two keys, any experiment: the diffusion in exact form, counted evidence, and the rivals of the law of conflict.

    diffusion   Navarro & Fuss (2009), a drift for each condition, which may vary from trial to trial (`laws.diffusion`)
    counter     evidence comes in whole steps, `lead` of them from the middle to an end; with many it is the diffusion
    wald        one boundary: how long until it is reached, whatever is pressed
    DMC         a pulse pushes the answer of what is irrelevant, which then fades (Ulrich et al. 2015)
    spotlight   what is irrelevant counts until a spotlight has shrunk to the target (White, Ratcliff & Starns 2011)

Evidence has noise 1, so boundaries are in sqrt(s) and drifts in 1/sqrt(s); upper is right. Response time is that and
`non_decision`, normal with `non_decision_sd` where that is fitted. In the counter u + d = (2 lead / boundary)^2 and
u - d = drift 2 lead / boundary, which has the drift and the noise of the diffusion. Trials stand alone; a share `STRAY`
of them is anything between 0 and the latest response.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cogattn.compiled import compiled
from cogattn.errors import InputError, choice
from cogattn.laws import diffusion
from cogattn.laws.diffusion import counted_into, wald_density, walked_into, wiener_density
from cogattn.paradigms.base import Levels
from cogattn.paradigms.conflict import KINDS
from cogattn.tune import scales
from cogattn.tune.base import STRAY, Array, Likelihood, among, lacking
from cogattn.tune.conflict import draw_times, laid_over, looked_up, timed_choices, unanswered
from cogattn.tune.predictive import Predictive, of_choices
from cogattn.tune.sessions import HIDDEN, SessionData

LAWS = ("diffusion", "counter", "wald", "DMC", "spotlight")
DRIFTS = scales.DRIFTS
_OWN = ("boundary", "non_decision", "non_decision_sd", "drift_sd", "lead", "push", "push_peak", "shrinking")
_STEP, _PLACES = 0.005, 40  # s; places of evidence from the middle to an end
_WIDTH = 1.8  # of the spotlight at first, in targets: only its ratio to how fast it shrinks is known well


@dataclass(frozen=True)
class TwoChoiceLikelihood(Likelihood):
    """Options: which law; cells: the columns whose combinations are the conditions; words: what their values are
    called; deadline [s], by which a wald's response has come or is none."""

    law: str = "diffusion"
    cells: tuple[str, ...] = ("condition",)
    words: Levels | None = None
    deadline: float = math.inf

    params: ClassVar[tuple[str, ...]] = (*_OWN, *DRIFTS)
    others: ClassVar[Mapping[str, float]] = {
        "boundary": 1.4, "non_decision": 0.3, "non_decision_sd": 0.0, "drift_sd": 0.0, "lead": 4.0, "push": 0.3,
        "push_peak": 0.08, "shrinking": 20.0, **dict.fromkeys(DRIFTS, 2.0),
    }  # fmt: skip

    def __post_init__(self) -> None:
        choice("law", self.law, LAWS)

    @property
    def columns(self) -> tuple[str, ...]:  # type: ignore[override]
        """Person, conditions, right or wrong, response time."""
        return (
            ("person", *self.cells, "rt") if self.law == "wald" else ("person", *self.cells, "correct", "rt")
        )

    @property
    def levels(self) -> Levels:
        """As the task has them."""
        return self.words or {}

    @property
    def conflict(self) -> bool:
        """Whether it is a law of what is irrelevant: one drift, and congruence as the only condition."""
        return self.law in ("DMC", "spotlight")

    def informed(self, data: SessionData) -> tuple[str, ...]:
        """The drift of every condition, and what the law has beside it."""
        kinds = 1 if self.conflict else len(np.unique(data.values[:, 0]))
        own = {"diffusion": ("drift_sd",), "counter": ("lead",), "wald": (), "DMC": ("push", "push_peak"),
               "spotlight": ("shrinking",)}[self.law]  # fmt: skip
        return ("boundary", "non_decision", "non_decision_sd", *own, *DRIFTS[:kinds])

    def usual(self, data: SessionData) -> tuple[str, ...]:
        """All but the sd of what is not decision, where the density is in closed form without it."""
        return tuple(p for p in self.informed(data) if p != "non_decision_sd" or self.conflict)

    def compact(self, frame: pd.DataFrame) -> SessionData:
        """The condition of each trial as one number, right or wrong, response time."""
        for name in self.cells:
            if name not in frame:
                raise InputError(
                    f"the data need a column {name!r}; they have {', '.join(map(str, frame.columns))}"
                )
        cells = [tuple(row) for row in frame[list(self.cells)].to_numpy().tolist()] or [()]
        kinds = sorted(
            set(cells), key=lambda c: tuple(map(str, c)) if any(isinstance(v, str) for v in c) else c
        )
        if len(kinds) > len(DRIFTS) and not self.conflict:
            raise InputError(
                f"at most {len(DRIFTS)} conditions can have a drift each, the data have {len(kinds)}"
            )
        at = {kind: float(i) for i, kind in enumerate(kinds)}
        code = [at[c] for c in cells] if self.cells and not self.conflict else [0.0] * len(frame)
        frame = frame.assign(_cell=frame[self.cells[0]] if self.conflict else code)
        if self.law == "wald":
            frame = frame.assign(correct=np.where(frame["rt"].isna(), np.nan, 1.0))
        called = () if self.conflict else tuple(self._called(kind) for kind in kinds)
        data = timed_choices(self, frame, ("_cell",), 0.0, 3.0)
        if self.conflict:
            among(frame, self.cells[0], KINDS)
        return replace(data, called=called)

    def _called(self, kind: tuple[Any, ...]) -> str:
        """A condition, as the data call it."""
        words = [{v: w for w, v in self.levels.get(c, {}).items()} for c in self.cells]
        named = [
            str(w[v]) if v in w else v if isinstance(v, str) else f"{c} {v:g}"
            for c, w, v in zip(self.cells, words, kind, strict=False)
        ]
        return ", ".join(named) or "all"

    def _names(self, data: SessionData) -> dict[float, str]:
        """Of the codes of conditions."""
        if self.conflict:
            return {float(value): word for word, value in KINDS.items()}
        return dict(enumerate(data.called))

    def loglik(self, theta: Array, data: SessionData, row: Array) -> Array:
        """(n,): log density of the responses of person row[i] under theta[i]."""
        theta, out, d = np.ascontiguousarray(theta, float), np.empty(len(theta)), data
        row, latest = np.asarray(row, np.int64), self._latest(d)
        if self.conflict:
            for i in range(len(theta)):
                kinds = np.unique(d.values[d.starts[row[i]] : d.starts[row[i] + 1], 0])
                tables = np.zeros((3, math.ceil(latest / _STEP), 2))
                for kind in kinds:
                    tables[int(kind) + 1] = self._walked(theta[i], int(kind), latest)
                out[i] = _known(tables, latest, d.values[d.starts[row[i]] : d.starts[row[i] + 1]])
        else:
            _told(theta, LAWS.index(self.law), latest, min(self.deadline, 1e9), d.starts, d.values, row, out)
        return out

    def trialwise(self, theta: Array, data: SessionData) -> Array:
        """(trials,): log density of each trial under numbers of its own (`tune.covariates`); theta (trials, params)."""
        out = np.empty(len(theta))
        _apart(np.ascontiguousarray(theta, float), LAWS.index(self.law), self._latest(data), data.values, out)
        return out

    def _latest(self, data: SessionData) -> float:
        rt = data.values[:, 2]
        return float(np.max(rt[np.isfinite(rt)], initial=1.0)) + 0.05

    def _walked(self, theta: Array, kind: int, latest: float) -> Array:
        """(steps, 2) shares of right and of wrong responses in each step."""
        a, mean, sd, _, _, push, peak, shrinking, v = theta[:9]
        size = math.ceil(latest / _STEP)
        t = (np.arange(size) + 0.5) * _STEP
        if self.law == "DMC":
            drift = diffusion.dmc_drift(t, v, push if kind else 0.0, peak, kind)
        else:
            drift = diffusion.spotlight_drift(t, v, _WIDTH, shrinking, kind)
        p, out = np.zeros((size + 1, 2)), np.zeros((size, 2))
        walked_into(np.ascontiguousarray(drift), _STEP, a / 2, _PLACES, p)
        laid_over(np.maximum(np.diff(p, axis=0), 0.0), mean, sd, _STEP, out)
        return np.asarray(out * _STEP)

    def tables(self, theta: Array, data: SessionData) -> tuple[Array, Array, Array]:
        """kinds, t [s], (people, kinds, t, 2) densities of right and of wrong responses, theta[i] being person i's."""
        kinds, latest = np.unique(data.values[:, 0]), self._latest(data) + 1.0
        size = math.ceil(latest / _STEP)
        t, out = (np.arange(size) + 0.5) * _STEP, np.zeros((len(theta), len(kinds), size, 2))
        for i in range(len(theta)):
            for k, kind in enumerate(kinds):
                if self.conflict:
                    out[i, k] = self._walked(theta[i], int(kind), latest)
                else:
                    _one(np.ascontiguousarray(theta[i]), LAWS.index(self.law), int(kind), t, out[i, k])
                    out[i, k] *= _STEP
        return kinds, t, out

    def expected(self, theta: Array, data: SessionData) -> Array:
        """(people, 2 kinds): mean right response time of each condition, then the share that is right."""
        _, t, f = self.tables(np.asarray(theta, float), data)
        right = f[..., 0]
        return np.hstack([(right @ t) / right.sum(-1), right.sum(-1) / f.sum((-2, -1))])

    def predictive(self, theta: Array, data: SessionData) -> Predictive:
        """Quantiles of right responses and the share of them, in each condition."""
        kinds, t, f = self.tables(np.asarray(theta, float), data)
        who, v = np.repeat(np.arange(len(data.people)), data.trials), data.values
        names = self._names(data)
        named = [names.get(float(k), f"{k:g}") for k in kinds]
        return of_choices(data.people, who, np.searchsorted(kinds, v[:, 0]), named, v[:, 1], v[:, 2], t, f)

    def draw(self, ax: Any, theta: Array, data: SessionData) -> None:
        """Mean right response time of each condition."""
        draw_times(ax, data, self.expected(theta, data), ", ".join(self.cells) or "all", self._names(data))

    def notes(self, frame: pd.DataFrame) -> list[str]:
        """Few trials, a condition missing, trials without a response."""
        notes = super().notes(frame) + lacking(frame, self.cells or ("person",))
        called = self.compact(frame).called
        if len(called) > 1:
            told = ", ".join(f"{d} is that of {c}" for d, c in zip(DRIFTS, called, strict=False))
            notes.append(f"each condition has a drift: {told}")
        return notes if self.law == "wald" else notes + unanswered(frame)

    def starts(self, params: Any) -> list[Array]:
        """A cautious and a hasty person."""
        (middle,) = super().starts(params)
        hasty = middle.copy()
        for name, value in (("boundary", 0.8), ("non_decision", 0.2)):
            if name in params:
                hasty[list(params).index(name)] = scales.SCALES[name].latent(value)
        return [middle, hasty]


# -- compiled --------------------------------------------------------------------------------------------------------


@compiled(nogil=True, arrays=True)
def _one(theta, law, kind, t, out):  # type: ignore[no-untyped-def]
    """Densities (t, 2) of right and of wrong responses in one condition."""
    a, mean, sd, drift_sd, lead, v = theta[0], theta[1], theta[2], theta[3], theta[4], theta[8 + kind]
    if sd > 0.0:  # what is not decision varies: a sum over it
        z = np.array([-2.0, -1.2, -0.4, 0.4, 1.2, 2.0])
        w = np.exp(-0.5 * z * z)
        w /= w.sum()
    else:
        z, w = np.zeros(1), np.ones(1)
    out[:] = 0.0
    here = np.empty(len(t))
    for k in range(len(z)):
        for i in range(len(t)):
            here[i] = t[i] - max(0.0, mean + 1.0 * sd * z[k])
        if law == 0:
            for i in range(len(t)):
                if here[i] > 0.0:
                    out[i, 0] += w[k] * wiener_density(here[i], -v, a, 0.5, drift_sd)
                    out[i, 1] += w[k] * wiener_density(here[i], v, a, 0.5, drift_sd)
        elif law == 1:
            pace = 2.0 * lead / a
            u = max(0.5 * (pace * pace + v * pace), 1e-6 * pace * pace)
            d = max(0.5 * (pace * pace - v * pace), 1e-6 * pace * pace)
            counted_into(here, lead, u, d, w[k], out)
        else:
            for i in range(len(t)):
                out[i, 0] += w[k] * wald_density(here[i], v, a)


@compiled(nogil=True, arrays=True)
def _late(theta, kind, deadline):  # type: ignore[no-untyped-def]
    """P(one boundary is not reached by the deadline)."""
    s = deadline - theta[1]
    if s <= 0.0:
        return 1.0
    a, v, root = theta[0], theta[8 + kind], math.sqrt(s)
    below = 0.5 * math.erfc(-(v * s - a) / root / math.sqrt(2.0))
    above = math.exp(min(2.0 * a * v, 700.0)) * 0.5 * math.erfc((a + v * s) / root / math.sqrt(2.0))
    return max(0.0, 1.0 - below - above)


@compiled(nogil=True, arrays=True)
def _told(theta, law, latest, deadline, starts, values, row, out):  # type: ignore[no-untyped-def]
    t, f = np.empty(1), np.empty((1, 2))
    for i in range(len(theta)):
        total = 0.0
        for j in range(starts[row[i]], starts[row[i] + 1]):
            kind, right, rt = int(values[j, 0]), values[j, 1], values[j, 2]
            if rt == HIDDEN:
                continue
            if math.isnan(rt):
                if law == 2 and deadline < 1e8:
                    late = _late(theta[i], kind, deadline)
                    total += math.log((1.0 - STRAY) * late + 0.5 * STRAY)
                continue
            t[0] = rt
            _one(theta[i], law, kind, t, f)
            like = f[0, 0] if right == 1.0 else f[0, 1]
            stray = 0.5 * STRAY / (deadline if law == 2 and deadline < 1e8 else latest)
            total += math.log((1.0 - STRAY) * like + stray)
        out[i] = total


@compiled(nogil=True, arrays=True)
def _known(tables, latest, values):  # type: ignore[no-untyped-def]
    """Log density of one person's responses by tables of each kind."""
    total = 0.0
    for j in range(len(values)):
        kind, right, rt = int(values[j, 0]), values[j, 1], values[j, 2]
        if math.isnan(rt) or rt == HIDDEN:
            continue
        like = looked_up(tables[kind + 1], rt, 0 if right == 1.0 else 1, _STEP)
        total += math.log((1.0 - STRAY) * like + 0.5 * STRAY / latest)
    return total


@compiled(nogil=True, arrays=True)
def _apart(theta, law, latest, values, out):  # type: ignore[no-untyped-def]
    """The log density of each trial under numbers of its own: theta (trials, parameters)."""
    t, f = np.empty(1), np.empty((1, 2))
    for j in range(len(values)):
        right, t[0] = values[j, 1], values[j, 2]
        if math.isnan(t[0]):
            out[j] = 0.0
            continue
        _one(theta[j], law, 0, t, f)
        out[j] = math.log((1.0 - STRAY) * (f[0, 0] if right == 1.0 else f[0, 1]) + 0.5 * STRAY / latest)
