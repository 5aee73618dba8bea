"""Does the theory hold here? Every closed form against both drivers, on this machine, in under a minute.

Each row plays one law: what the closed form expects, what a driver measured over independent replications, and

    z = (mean of the replications - expected) / (their standard error)

A row holds unless its p, from the t distribution of z, is below .001 / rows: a sound theory fails in one run of a
thousand. What has no chance in it must be exact. A new law is one more generator in `LAWS`.

>>> verify(quick=True)["verdict"].unique().tolist()
['holds']
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from cogattn._renamed import old_names
from cogattn.errors import doors, whole
from cogattn.laws import race
from cogattn.mind import cohort, world
from cogattn.notebook import Progress, ticker
from cogattn.observer import Observer
from cogattn.view import plot as pens
from cogattn.view.result import Files, Frame
from cogattn.world.stream import Change, Stimulus, TaskStream, display

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REPLICATIONS = 20
FALSE_ALARM = 1e-3  # how often a sound theory may fail a whole table
_MIND = Observer(capacity=65.5, slots=3.06, threshold=0.0079, alpha=0.44)
_WEIGHTS = np.array([1.0, 0.44, 2.0, 0.8, 1.3])

Array = npt.NDArray[Any]
Players = dict[str, Callable[[TaskStream, Observer, int, int], Array]]


@dataclass(frozen=True)
class ClosedForm:
    """What is measured on a trial's finish times (inf = not stored), and what is expected of its mean."""

    name: str
    stream: TaskStream
    observer: Observer
    measure: Callable[
        [Array], Array
    ]  # (trials, elements) finish times of what was stored -> one number per trial
    expected: float


class Verification(Frame):
    """What `verify` found: columns law, driver, expected, measured, z, p, verdict."""

    def heading(self) -> str:
        """Its name."""
        return "Closed forms against both drivers"

    def failed(self) -> int:
        """How many rows do not hold."""
        return int((self["verdict"] != "holds").sum())

    def findings(self) -> list[str]:
        """How many hold; of those that fail, by how much."""
        rows = self.table().query("verdict != 'holds'").itertuples()
        return [
            f"{len(self) - self.failed()} of {len(self)} hold.",
            *(
                f"{r.law} ({r.driver}) fails: {r.measured:.6g} for {r.expected:.6g}, z = {r.z:.1f}."
                for r in rows
            ),
        ]

    def files(self) -> Files:
        """The table."""
        return {"verify.csv": self.table()}

    def figures(self) -> Iterator[tuple[str, Figure]]:
        """z of every row."""
        yield "figures/verify", self.plot()

    def plot(self) -> Figure:
        """z of every row, by driver, beside the limits within which a sound theory stays."""
        table = self.table()
        known = pens.pens(["human", "softmax"])
        with pens.style() as plt:
            result, ax = plt.subplots(figsize=(7.0, 3.4))
            for driver, pen in zip(PLAYERS, known.values(), strict=False):
                own = table[table["driver"] == driver].reset_index()
                ax.plot(own.index, own["z"].clip(-9, 9), pen.mark, color=pen.color, label=driver)
            edge = float(stats.t.isf(FALSE_ALARM / len(table) / 2, REPLICATIONS - 1))
            ax.axhspan(-edge, edge, color="#EEEEEE", zorder=0)
            holds = int((table["verdict"] == "holds").sum())
            ax.set(xlabel="law (row of its driver)", ylabel="z [standard errors]", ylim=(-10, 10))
            ax.set_title(f"{holds} of {len(table)} closed forms hold (grey: where a sound theory stays)")
            ax.legend(loc="upper right", ncols=2)
            return result


def verify(
    quick: bool = False,
    seed: int = 0,
    progress: Progress | bool | None = None,
    observer: Observer | None = None,
) -> Verification:
    """Columns law, driver, expected, measured, z, verdict. `observer` plays in the place of the laws' own minds.

    (With another observer than the closed forms were told of, they must fail: that is how this is tested.)

    >>> table = verify(quick=True)  # doctest: +SKIP
    >>> sorted(table["driver"].unique())  # doctest: +SKIP
    ['both', 'compiled', 'simpy']
    """
    whole("seed", seed, most=2**62)
    laws, rows, tick = LAWS(), [], ticker(progress, "verify")
    sizes = {"compiled": 300 if quick else 20_000, "simpy": 5 if quick else 50}
    for done, law in enumerate(laws, start=1):
        mind = law.observer if observer is None else replace(observer, slots=law.observer.slots)
        for driver, play in PLAYERS.items():
            trials = sizes[driver]
            values = [law.measure(play(law.stream, mind, seed + r, trials)) for r in range(REPLICATIONS)]
            means = np.array([v.mean() for v in values])
            z, p = _test(means, law.expected, trials if values[0].dtype == bool else 0)
            rows.append((law.name, driver, law.expected, float(means.mean()), z, p))
        if tick is not None:
            tick(done, len(laws) + 1)
    rows.append(_event_for_event(seed, 20 if quick else 400))
    if tick is not None:
        tick(len(laws) + 1, len(laws) + 1)
    table = pd.DataFrame(rows, columns=["law", "driver", "expected", "measured", "z", "p"])
    verdict = np.where(table["p"] > FALSE_ALARM / len(table), "holds", "FAILS")
    return Verification(table.assign(verdict=verdict))


def _test(means: Array, expected: float, trials: int) -> tuple[float, float]:
    """z in standard errors of the replications' mean, and its p. A share of trials has at least a binomial's error."""
    error = float(means.std(ddof=1))
    if trials:
        error = max(error, math.sqrt(max(expected * (1 - expected), 0.0) / trials))
    gap = float(means.mean()) - expected
    if error < 1e-12:
        return (0.0, 1.0) if abs(gap) < 1e-9 else (math.copysign(math.inf, gap), 0.0)
    z = gap / error * math.sqrt(len(means))
    return z, float(2 * stats.t.sf(abs(z), len(means) - 1))


def _compiled(stream: TaskStream, observer: Observer, seed: int, trials: int) -> Array:
    out = cohort.play(stream, [observer], person=0, trial=np.arange(trials), seed=seed)
    return np.where(out.stored, out.finish, np.inf)


def _simpy(stream: TaskStream, observer: Observer, seed: int, trials: int) -> Array:
    finish = np.full((trials, len(stream.stimuli)), np.inf)
    place = {name: x for x, name in enumerate(stream.names)}
    for t in range(trials):
        for name, time in world.play(stream, observer, seed=seed, trial=t).encoded_at.items():
            finish[t, place[name]] = time
    return finish


PLAYERS: Players = {"compiled": _compiled, "simpy": _simpy}


def _event_for_event(seed: int, trials: int) -> tuple[str, str, float, float, float, float]:
    """Share of trials in which both drivers record the same events at the same times."""
    a, b, c = (
        Stimulus("a", 0.0, mask=0.12),
        Stimulus("b", 0.03, offset=0.08),
        Stimulus("c", 0.05, 0.3, weight=2.0),
    )
    stream = TaskStream((a, b, c), end=0.4, changes=(Change(0.06, "a", 3.0),))
    fast = cohort.play(stream, [_MIND], person=0, trial=np.arange(trials), seed=seed, record=True).events
    assert fast is not None
    same = 0
    for t, own in fast.groupby("trial"):
        slow = world.play(stream, _MIND, seed=seed, trial=int(t)).events
        kinds = own["kind"].astype(str).tolist() == slow["kind"].astype(str).tolist()
        same += kinds and bool(np.abs(own["time"].to_numpy() - slow["time"].to_numpy()).max() <= 1e-12)
    share = same / trials
    return (
        "the same events, times to 1e-12",
        "both",
        1.0,
        share,
        *((0.0, 1.0) if share == 1.0 else (-math.inf, 0.0)),
    )


# -- the laws -------------------------------------------------------------------------------------------------


def LAWS() -> list[ClosedForm]:
    """Every law that there is a closed form for."""
    return [*_whole_report(), *_partial_report(), *_order(), *_times()]


def _scores(
    name: str, observer: Observer, stream: TaskStream, targets: int, law: Array
) -> Iterator[ClosedForm]:
    """The mean score, and each score's probability where it is neither never nor always."""

    def score(finish: Array) -> Array:
        return np.isfinite(finish[:, :targets]).sum(1)

    yield ClosedForm(f"{name}: mean score", stream, observer, score, float(race.expected(law)))
    for j, p in enumerate(law):
        if 0.02 < p < 0.98:

            def exactly(finish: Array, j: int = j) -> Array:
                return score(finish) == j

            yield ClosedForm(f"{name}: P({j})", stream, observer, exactly, float(p))


def _whole_report() -> Iterator[ClosedForm]:
    for exposure in (0.005, 0.017, 0.05, 0.2):
        for mind in (_MIND, replace(_MIND, reallocate=True)):
            law = race.whole_report(
                np.ones(6),
                capacity=mind.capacity,
                exposure=exposure,
                slots=mind.slots,
                threshold=mind.threshold,
                reallocate=mind.reallocate,
            )
            word = "whole report, reallocating" if mind.reallocate else "whole report"
            name = f"{word}, {1000 * exposure:.0f} ms"
            yield from _scores(name, mind, display(targets=6, exposure=exposure), 6, law)


def _partial_report() -> Iterator[ClosedForm]:
    for distractors in (0, 4):
        for slots in (3.06, 2.0):
            mind = replace(_MIND, slots=slots)
            law = race.partial_report(
                np.ones(2),
                np.full(distractors, mind.alpha),
                capacity=mind.capacity,
                exposure=1 / 12,
                slots=slots,
                threshold=mind.threshold,
            )
            stream = display(targets=2, distractors=distractors, exposure=1 / 12)
            yield from _scores(f"partial report, 2 among {distractors}, K {slots:g}", mind, stream, 2, law)


def _uneven(exposure: float) -> TaskStream:
    items = (Stimulus(f"x{i}", mask=exposure, weight=float(w)) for i, w in enumerate(_WEIGHTS))
    return TaskStream(tuple(items), end=exposure + 0.1)


def _order() -> Iterator[ClosedForm]:
    endless, mind = _uneven(100.0), replace(_MIND, slots=float(len(_WEIGHTS)))
    softmax = race.first_finisher(_WEIGHTS)
    for x, p in enumerate(softmax):

        def first(finish: Array, x: int = x) -> Array:
            return finish.argmin(1) == x

        yield ClosedForm(f"first finisher {x} = softmax", endless, mind, first, float(p))
    for order in ((2, 0, 4), (1, 3, 2), (0, 4, 3)):
        p = race.plackett_luce(order, _WEIGHTS)

        def these(finish: Array, order: tuple[int, ...] = order) -> Array:
            return (np.argsort(finish, axis=1)[:, : len(order)] == order).all(1)

        yield ClosedForm(f"order {order} = Plackett-Luce", endless, mind, these, p)
    kept = race.inclusion(_WEIGHTS, _MIND.capacity, 0.06, 2.5, _MIND.threshold)
    for x, p in enumerate(kept):

        def stored(finish: Array, x: int = x) -> Array:
            return np.isfinite(finish[:, x])

        yield ClosedForm(
            f"stored {x} of uneven weights", _uneven(0.06), replace(_MIND, slots=2.5), stored, float(p)
        )


def _times() -> Iterator[ClosedForm]:
    endless, mind = _uneven(100.0), replace(_MIND, slots=float(len(_WEIGHTS)))
    for x, v in enumerate(race.rates(_WEIGHTS, mind.capacity)):

        def time(finish: Array, x: int = x) -> Array:
            return finish[:, x]

        yield ClosedForm(f"mean finish of {x} = t0 + 1/v", endless, mind, time, mind.threshold + 1 / v)
    n = len(_WEIGHTS)
    for r in (1, 3, 5):  # reallocating, finishers come as a Poisson process of rate C

        def rth(finish: Array, r: int = r) -> Array:
            return np.sort(finish, axis=1)[:, r - 1]

        sharing = replace(mind, reallocate=True)
        yield ClosedForm(
            f"reallocating: finisher {r} of {n} at t0 + {r}/C",
            endless,
            sharing,
            rth,
            mind.threshold + r / mind.capacity,
        )


old_names(__name__, Law="ClosedForm")

doors(__name__, "verify", first=True)
