r"""A store with few slots: what is still in it when it is asked for, and what the answer shows of it.

K slots. A K that is not whole is a mixture of the two next to it: floor(K) + 1 with the chance K - floor(K).

Over time, every item is written and takes a slot; once the store is full it displaces another. An item written
`lag` items ago is asked for before the present item takes a slot, so lag - 1 writes lie between, d of which
displace (all of them once the store is full):

    random   (1 - 1/K)^d
    oldest   1 if lag <= K, else 0
    weakest  lag 1: 1, else min(1, (K - 1) / (b + lag - 1)),  b items having come before it

(weakest: strengths are independent draws of one law, and the new item always enters. So the store holds the newest
item and the K - 1 strongest of all before it, and each of them is as likely as any other to be among these.)
Decay comes on top: exp(-lag interval / life); what has decayed keeps its slot.

Rehearsal: every saying of an item leaves a trace that fades after an exponential time, independently of the others; it
is said again when its turn comes, if a trace is left or the store holds it. How many traces there are is a chain that
can be followed exactly, from saying to saying (`rehearsed`).

Continuous report: the items held share one store of samples, so the sd of the error of each grows with the root of how
many they are, up to K (`shared_sd`).

Change detection: Cowan 2001 (Behav Brain Sci 24:87), Pashler 1988 (Percept Psychophys 44:369), with attention Rouder et
al. 2008 (PNAS 105:5975). Continuous report: Zhang & Luck 2008 (Nature 453:233). d': Hautus 1995 (Behav Res Methods
27:46). Tracking: Pylyshyn & Storm 1988 (Spat Vis 3:179).

>>> retention([1, 2, 3], slots=4).round(4)
array([1.    , 0.75  , 0.5625])
>>> [float(x) for x in change_detection(6, slots=3, guess=0.5)]
[0.75, 0.25]
>>> float(cowan(6, 0.75, 0.25))
3.0
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import scipy
from scipy import special

from cogattn.compiled import compiled
from cogattn.errors import InputError, choice, doors, number, values, whole

Array = npt.NDArray[np.float64]

MOST_SAID = 100_000  # items that are said to oneself while a list is heard
POLICIES = ("random", "oldest", "weakest")
SHARPEST = 1000.0  # the largest concentration that is fitted: an sd of 1.8 degrees


# -- what comes in -----------------------------------------------------------------------------------------------


def _counts(name: str, value: object) -> Array:
    """Whole numbers from 1, one or many."""
    x = values(name, value, least=1.0)
    if (x != np.floor(x)).any():
        raise InputError(f"{name} must be whole, got {x[x != np.floor(x)][0]:g}")
    return x


def _mixture(slots: float, law: Callable[[float], Array]) -> Array:
    """A law of whole K, mixed over floor and ceil of `slots`."""
    slots = number("slots", slots, least=0.0, infinite=True)
    if math.isinf(slots) or slots == math.floor(slots):
        return law(slots)
    low = float(math.floor(slots))
    return (low + 1.0 - slots) * law(low) + (slots - low) * law(low + 1.0)


# -- what is still held ------------------------------------------------------------------------------------------


def retention(
    lag: npt.ArrayLike,
    slots: float,
    policy: str = "random",
    life: float = math.inf,
    interval: float = 0.0,
    before: npt.ArrayLike = math.inf,
) -> Array:
    """P(the item written `lag` items ago is still held), asked before the present item takes a slot.

    `before`: how many items had come before it, into a store that was empty at first. The default is an endless
    stream and a full store; there `weakest` keeps the strongest items that ever came, and a new one only until
    the next. `life` and `interval` (between items) are in one unit of time.
    """
    lag, earlier = _counts("lag", lag), values("before", before, least=0.0, infinite=True)
    choice("policy", policy, POLICIES)
    life = number("life", life, above=0.0, infinite=True)
    interval = number("interval", interval, least=0.0, most=1e9)
    held = _mixture(slots, lambda k: _held(lag, k, policy, earlier))
    return held * np.exp(-lag * interval / life)


def _held(lag: Array, k: float, policy: str, before: Array) -> Array:
    """P(held) for whole k; k may be infinite."""
    lag, before = np.broadcast_arrays(lag, before)
    if k == 0.0:
        return np.zeros(lag.shape)
    if math.isinf(k):
        return np.ones(lag.shape)
    if policy == "oldest":
        return np.where(lag <= k, 1.0, 0.0)
    if policy == "weakest":
        return np.where(lag == 1.0, 1.0, np.minimum(1.0, (k - 1.0) / np.maximum(before + lag - 1.0, 1.0)))
    free = np.maximum(0.0, k - 1.0 - before)  # slots that later items can take without displacing
    return np.asarray((1.0 - 1.0 / k) ** np.maximum(0.0, lag - 1.0 - free))


def serial_recall(length: int, slots: float, policy: str = "random") -> Array:
    """P(held after the whole list) at each serial position, the store being empty at first. Exact."""
    position = np.arange(1, whole("length", length, least=1) + 1)
    return retention(len(position) + 1 - position, slots, policy, before=position - 1.0)


# -- what is rehearsed --------------------------------------------------------------------------------------------


def rehearsed(said: npt.ArrayLike, asked: float, life: float, stored_until: float = -math.inf) -> float:
    """P(an item can be said at `asked`). `said`: when its turn came; the first time it is named as it comes, later it
    is said if a trace of it is left or it is still stored. The number of traces, from turn to turn:

        0, 1, 2, ... -> a binomial share e^(-dt / life) of them -> one more, if it can be said

    >>> round(rehearsed([0.0], 1.0, 2.0), 6) == round(math.exp(-0.5), 6)
    True
    """
    turns, life = np.sort(values("said", said).reshape(-1)), number("life", life, above=0.0)
    turns = turns[turns < asked]
    if asked <= stored_until or not len(turns):
        return float(asked <= stored_until)
    traces, then = np.array([0.0, 1.0]), turns[0]
    for t in turns[1:]:
        traces, then = _faded(traces, math.exp((then - t) / life)), t
        gone = 0.0 if t <= stored_until else traces[0]
        traces = np.concatenate([[gone, traces[0] - gone], traces[1:]])
    return float(1.0 - _faded(traces, math.exp((then - asked) / life))[0])


def _faded(traces: Array, left: float) -> Array:
    """The chances of 0, 1, 2, ... traces when each is left with this chance."""
    n = np.arange(len(traces))
    return np.asarray(traces @ scipy.stats.binom.pmf(n[None, :], n[:, None], left))


def span_recall(
    length: int,
    slots: float,
    life: float,
    saying: float,
    interval: float = 1.0,
    policy: str = "random",
    reversed_: bool = False,
) -> tuple[Array, float]:
    """(P(said in recall) at each serial position, P(the whole list)): an item every `interval` s is named, and the list
    said round after round, each saying taking `saying` s; recall begins an interval after the last. Exact, if sayings
    always take as long. `mind.rehearsal` has the rules.

    The store is full after K items and displaces a "random" one, or the "oldest". An item's chance depends only on
    when it is displaced; so all that has to be followed is which items are in the store.
    """
    length = whole("length", length, least=1, most=64)
    life, saying = number("life", life, above=0.0), number("saying", saying, above=0.0)
    interval = number("interval", interval, above=0.0)
    choice("policy", policy, POLICIES[:2])
    said, asked = _turns(length, saying, interval, reversed_)

    def law(k: float) -> Array:
        k = int(min(k, length))
        displaced = [
            [rehearsed(said[i], asked[i], life, j * interval) for j in range(length)] for i in range(length)
        ]
        # what the store may hold: P of that, times (P of each position, P of the list) so far
        stores: dict[tuple[int, ...], Array] = {tuple(range(k)): np.ones(length + 1)}
        for j in range(k, length):
            after: dict[tuple[int, ...], Array] = {}
            for store, chance in stores.items():
                held = (*store, j)
                ways = [0] if policy == "oldest" or k == 0 else range(k)
                for way in ways:
                    lost, rest = held[way], held[:way] + held[way + 1 :]
                    right = chance / len(ways)
                    right[[lost, length]] *= displaced[lost][j]
                    after[rest] = after[rest] + right if rest in after else right
            stores = after
        return np.asarray(sum(stores.values()))

    found = _mixture(slots, law)
    return found[:-1], float(found[-1])


def _turns(
    length: int, saying: float, interval: float, reversed_: bool
) -> tuple[list[list[float]], list[float]]:
    """When each item's turn comes before recall and in it, and when it is asked for."""
    said, asked = [[i * interval] for i in range(length)], [0.0] * length
    call, t, beat = length * interval, saying, 0
    if call > MOST_SAID * saying:
        raise InputError(
            f"interval must be <= {MOST_SAID / length:g} times saying = {saying:g} s, got {interval:g}"
        )
    while t < call:
        said[beat].append(t)
        listed = min(length, int(t / interval) + 1)
        beat, t = (beat + 1) % listed, t + saying
    t = call
    for last in range(length - 1, -1, -1) if reversed_ else range(length):
        for i in range(last if reversed_ else 0):
            t += saying
            said[i].append(t)
        t += saying
        asked[last] = t
    return said, asked


def nback(
    n: npt.ArrayLike,
    slots: float,
    attention: float = 1.0,
    share_targets: float = 1 / 3,
    policy: str = "random",
    life: float = math.inf,
    interval: float = 0.0,
) -> tuple[Array, Array, Array]:
    """(hit, false alarm, accuracy): is this item the one n back? Known if both were attended and one is still held.

    What is not known is answered by a coin.
    """
    attention = number("attention", attention, least=0.0, most=1.0)
    targets = number("share_targets", share_targets, least=0.0, most=1.0)
    known = attention**2 * retention(n, slots, policy, life, interval)
    hit, false_alarm = known + (1.0 - known) / 2, (1.0 - known) / 2
    return hit, false_alarm, targets * hit + (1.0 - targets) * (1.0 - false_alarm)


# -- one display -------------------------------------------------------------------------------------------------


def _part(n: npt.ArrayLike, slots: float) -> Array:
    """min(1, K / n): how likely one of n items is in the store."""
    n = _counts("n", n)
    return _mixture(slots, lambda k: np.minimum(1.0, k / n))


def change_detection(
    n: npt.ArrayLike, slots: float, attention: float = 1.0, guess: float = 0.5
) -> tuple[Array, Array]:
    """(hit, false alarm) for one probed item of n. d = min(1, K / n), a = attention, g = guess:

    h = a (d + (1 - d) g) + (1 - a) g,    f = a (1 - d) g + (1 - a) g.
    """
    a, g = number("attention", attention, least=0.0, most=1.0), number("guess", guess, least=0.0, most=1.0)
    known = a * _part(n, slots)
    return known + (1.0 - known) * g, (1.0 - known) * g


def cowan(n: npt.ArrayLike, hit: npt.ArrayLike, fa: npt.ArrayLike) -> Array:
    """K from a single probe: n (h - f)."""
    h, f = values("hit", hit, least=0.0, most=1.0), values("fa", fa, least=0.0, most=1.0)
    return _counts("n", n) * (h - f)


def pashler(n: npt.ArrayLike, hit: npt.ArrayLike, fa: npt.ArrayLike) -> Array:
    """K from a probe that shows the whole display: n (h - f) / (1 - f)."""
    h, f = values("hit", hit, least=0.0, most=1.0), values("fa", fa, least=0.0, most=1.0)
    if (f == 1.0).any():
        raise InputError("fa must be below 1: whoever always says 'change' shows no capacity")
    return _counts("n", n) * (h - f) / (1.0 - f)


def tracking(n: npt.ArrayLike, slots: float, guess: float = 0.5) -> Array:
    """P(correct) for one probed target of n that move: m + (1 - m) g, m = min(1, K / n)."""
    known = _part(n, slots)
    return known + (1.0 - known) * number("guess", guess, least=0.0, most=1.0)


# -- continuous report -------------------------------------------------------------------------------------------


def shared_sd(held: npt.ArrayLike, sd: float, sharing: float = 0.5) -> Array:
    """sd of the error of each of so many items that are held: sd held^sharing. With 1/2 they share a number of samples
    (each has 1 / held of them); with 0 each has all, however many there are.

    >>> shared_sd([1, 4], 12.0).tolist()
    [12.0, 24.0]
    """
    held, sharing = values("held", held, least=0.0), number("sharing", sharing, least=0.0)
    return number("sd", sd, above=0.0) * np.maximum(held, 1.0) ** sharing


def continuous_report(error: npt.ArrayLike, remembered: npt.ArrayLike, kappa: npt.ArrayLike) -> Array:
    """Density of the error of a report on a circle (radians): von Mises if remembered, uniform if not."""
    m = values("remembered", remembered, least=0.0, most=1.0)
    peak = _von_mises(values("error", error), values("kappa", kappa, least=0.0))
    return m * peak + (1.0 - m) / (2 * math.pi)


def _von_mises(error: Array, kappa: Array) -> Array:
    """exp(kappa cos e) / (2 pi I0(kappa)), in a form that bears any kappa."""
    return np.exp(-2.0 * kappa * np.sin(error / 2) ** 2) / (2 * math.pi * special.i0e(kappa))


def fit_mixture(errors: npt.ArrayLike) -> tuple[float, float]:
    """(remembered, kappa) of `continuous_report` by maximum likelihood. Errors in radians, at least two.

    For any kappa the likelihood has one peak in `remembered`; the best kappa is sought on a grid, then between its
    neighbours. It stays within 0.01 and `SHARPEST`, since an error of exactly 0 would make any peak infinitely
    likely. With remembered near 0, kappa means nothing.
    """
    x = values("errors", errors).reshape(-1)
    if len(x) < 2:
        raise InputError(f"errors must hold at least 2 numbers, got {len(x)}")

    def over_uniform(log_kappa: float) -> Array:
        return 2 * math.pi * _von_mises(x, np.exp(log_kappa)) - 1.0

    def loss(log_kappa: float) -> float:
        ratio = over_uniform(log_kappa)
        return -float(np.log1p(_best_share(ratio) * ratio).mean())

    grid = np.linspace(math.log(0.01), math.log(SHARPEST), 41)
    best = int(np.argmin([loss(k) for k in grid]))
    near = (grid[max(best - 1, 0)], grid[min(best + 1, 40)])
    log_kappa = min(
        (grid[best], float(scipy.optimize.minimize_scalar(loss, bounds=near, method="bounded").x)), key=loss
    )
    return _best_share(over_uniform(log_kappa)), math.exp(log_kappa)


@compiled(arrays=True)
def _best_share(ratio):  # type: ignore[no-untyped-def]
    """The m in [0, 1] that makes sum log(1 + m ratio) largest: its slope falls, so halve where it changes sign."""
    low, high = 0.0, 1.0
    for _ in range(40):
        m, slope = (low + high) / 2, 0.0
        for r in ratio:
            slope += r / (1.0 + m * r)
        if slope > 0.0:
            low = m
        else:
            high = m
    return low


# -- signal detection --------------------------------------------------------------------------------------------


def dprime(
    hits: npt.ArrayLike, signals: npt.ArrayLike, false_alarms: npt.ArrayLike, noise: npt.ArrayLike
) -> Array:
    """d' from counts, finite even for perfect scores: z((hits + 1/2) / (signals + 1)) - z of the same for noise."""
    z = []
    for said, shown, names in (
        (hits, signals, ("hits", "signals")),
        (false_alarms, noise, ("false_alarms", "noise")),
    ):
        yes, of = values(names[0], said, least=0.0), values(names[1], shown, least=0.0)
        if (yes > of).any():
            raise InputError(f"{names[0]} must not exceed {names[1]}")
        z.append(special.ndtri((yes + 0.5) / (of + 1.0)))
    return np.asarray(z[0] - z[1])


doors(__name__, arrays=True)
