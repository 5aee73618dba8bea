r"""Doing several things at once: a shared central stage, a door that locks, tasks that conflict and are left.

Central stage (choosing a response). n jobs share one processor; the job of rank r = 0, 1, ... runs at the rate

    s_r = q^r (1 - q) / (1 - q^n),    q = (1 - s) / s

so s = 1 is the bottleneck (rank 0 has it all), s = 1/2 processor sharing (1/n each), and for two jobs s : 1 - s
(Pashler 1994, Psychol Bull 116:220; Tombu & Jolicoeur 2003, J Exp Psychol HPP 29:3; Navon & Miller 2002).

Choosing what to do next: a Luce choice over attractiveness (after Wickens, Gutzwiller & Santamaria 2015, Int J Hum
Comput Stud 79:79): a_j = priority_j exp(salience_j waiting_j) / difficulty_j, and `stay` times that for what is
being done.

Two tasks, stages A (perceive), B (choose), C (move), the second S after the first (`prp`). With the central stage
of the job that comes first still needing R when the other comes, central ends are

    first: l + min(R / s, R + B_l),    last: l + min(B_l / (1 - s), R + B_l)        (l: when the last one comes)

A slack D ~ N(mu, sd) instead of fixed stages gives RT2(S) = base + E[max(0, D - S)], of slope -P(D > S).

Door (attentional blink): `laws.door`, whose functions are known here too.

Queues with a mean: M/M/1, M/G/1 (Pollaczek-Khinchine), processor sharing, preemptive priorities (Kleinrock 1976,
Queueing Systems 2). Trade-offs: performance operating characteristics (Norman & Bobrow 1975, Cogn Psychol 7:44; Shaw
1980; Bonnel & Miller 1994, Percept Psychophys 55:162). Workload capacity: Townsend & Nozawa 1995 (J Math Psychol
39:321), C_OR(t) = H_AB(t) / (H_A(t) + H_B(t)), H = -log survivor. Practice: Logan 1988 (Psychol Rev 95:492), the
minimum of n Weibull times. Conflict of resources: Wickens 2002 (Theor Issues Ergon Sci 3:159), Horrey & Wickens 2003.

>>> [round(float(share_of(r, 2, 0.8)), 3) for r in (0, 1)]
[0.8, 0.2]
>>> [float(share_of(r, 3, 1.0)) for r in (0, 1, 2)]
[1.0, 0.0, 0.0]
>>> [float(rt) for rt in prp(100, 200, 100, 100, 200, 100, soa=50)]  # the second waits for the first
[400.0, 550.0]
>>> round(competition({"visual_focal": 1, "manual": 1}, {"auditory_verbal": 1, "vocal": 1}), 3)
0.64
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy import special

from cogattn.compiled import compiled
from cogattn.errors import InputError, choice, doors, number, path_text, shown, values, whole
from cogattn.laws.door import blink as blink
from cogattn.laws.door import blink_buffered as blink_buffered
from cogattn.laws.door import blink_encoded as blink_encoded
from cogattn.laws.door import locked

Array = npt.NDArray[np.float64]

# -- compiled: what a mind uses ----------------------------------------------------------------------------------


@compiled
def share_of(rank, n, s):  # type: ignore[no-untyped-def]
    """The part of the central processor that the job of this rank has among n; s in [1/2, 1]."""
    if s >= 1.0:
        return 1.0 if rank == 0 else 0.0
    if s <= 0.5:
        return 1.0 / n
    q = (1.0 - s) / s
    return q**rank * (1.0 - q) / (1.0 - q**n)


@compiled
def servers_of(rank, c):  # type: ignore[no-untyped-def]
    """The part that the job of this rank has of a central stage that serves as many at once as it can, in their order:
    c = 1 the bottleneck, c = 2 two servers, c = 1/2 one that works at half the rate."""
    return min(1.0, max(0.0, c - rank))


@compiled
def attractiveness(priority, salience, difficulty, waiting):  # type: ignore[no-untyped-def]
    """How much a task draws attention: its priority, more while something of it waits, less if it is hard."""
    return priority * math.exp(salience if waiting else 0.0) / difficulty


# -- two tasks and one central stage ------------------------------------------------------------------------------


def prp(
    a1: npt.ArrayLike,
    b1: npt.ArrayLike,
    c1: npt.ArrayLike,
    a2: npt.ArrayLike,
    b2: npt.ArrayLike,
    c2: npt.ArrayLike,
    soa: npt.ArrayLike,
    share: float | None = 1.0,
) -> tuple[Array, Array]:
    """(RT1, RT2) of two tasks with fixed stages, each from its own onset; S2 comes `soa` after S1.

    Who reaches the centre first has rank 0 (at a tie task 1): it gets `share` while both are there, and who is
    left alone gets all. share = 1 is the bottleneck, 1/2 equal sharing, None or infinity no central limit. Exact
    for every soa, whichever task comes or ends first; a negative soa shows S2 first.
    """
    given = {"a1": a1, "b1": b1, "c1": c1, "a2": a2, "b2": b2, "c2": c2}
    a1, b1, c1, a2, b2, c2 = (values(name, x, least=0.0) for name, x in given.items())
    soa = values("soa", soa)
    s = math.inf if share is None else number("share", share, least=0.5, infinite=True)
    if 1.0 < s < math.inf:
        raise InputError(f"share must be from 0.5 to 1, or None for no central limit, got {s:g}")
    come1, come2 = np.broadcast_arrays(a1 + 0.0 * soa, soa + a2)
    if math.isinf(s):
        return come1 + b1 + c1, come2 - soa + b2 + c2
    one_first = come1 <= come2
    need, other = np.where(one_first, b1, b2), np.where(one_first, b2, b1)
    begin, last = np.minimum(come1, come2), np.maximum(come1, come2)
    left = need - (last - begin)  # of the first, when the other comes
    both = np.maximum(left, 0.0) + other
    first_ends = np.where(left <= 0.0, begin + need, last + np.minimum(left / s, both))
    last_ends = last + (np.minimum(other / (1.0 - s), both) if s < 1.0 else both)
    rt1 = np.where(one_first, first_ends, last_ends) + c1
    return rt1, np.where(one_first, last_ends, first_ends) + c2 - soa


def slack_curve(soa: npt.ArrayLike, base: float, mean: float, sd: float) -> Array:
    """RT2 = base + E[max(0, D - soa)] for a slack D ~ N(mean, sd), in the unit of soa."""
    base, mean, sd = number("base", base), number("mean", mean), number("sd", sd, least=0.0)
    gap = mean - values("soa", soa)
    if sd == 0.0:
        return base + np.maximum(gap, 0.0)
    z = gap / sd
    return base + sd * np.exp(-z * z / 2) / math.sqrt(2 * math.pi) + gap * special.ndtr(z)


def slack_slope(soa: npt.ArrayLike, mean: float, sd: float) -> Array:
    """The slope of `slack_curve`: -P(D > soa)."""
    return -locked(values("soa", soa), number("mean", mean), number("sd", sd, least=0.0))


# -- queues ------------------------------------------------------------------------------------------------------


def _below_one(load: Array) -> Array:
    if (load >= 1.0).any():
        raise InputError(
            f"arrival times mean service must stay below 1 (a queue would grow for ever), got {load.max():g}"
        )
    return load


def mm1(arrival: npt.ArrayLike, service: npt.ArrayLike, discipline: str = "fcfs") -> Array:
    """Mean time in an M/M/1 queue, `service` / (1 - rho), rho = arrival x service (a mean time, not a rate).

    First come first served and processor sharing have the same mean: they differ in who waits, see
    `ps_conditional`.
    """
    choice("discipline", discipline, ("fcfs", "ps"))
    x, mean = values("arrival", arrival, least=0.0), values("service", service, above=0.0)
    return mean / (1.0 - _below_one(np.asarray(x * mean)))


def erlang_c(arrival: npt.ArrayLike, service: npt.ArrayLike, servers: int) -> Array:
    """Mean time in an M/M/c queue: `service` + C service / (c - arrival x service), C = Erlang's chance to wait.

    >>> float(erlang_c(0.5, 1.0, 1)), round(float(erlang_c(1.5, 1.0, 2)), 4)
    (2.0, 2.2857)
    """
    c = whole("servers", servers, least=1, most=10_000)
    x, mean = values("arrival", arrival, least=0.0), values("service", service, above=0.0)
    load = np.asarray(x * mean)
    rho = _below_one(load / c)
    blocked = np.ones(load.shape)
    for k in range(1, c + 1):  # Erlang's B
        blocked = load * blocked / (k + load * blocked)
    waits = blocked / (1.0 - rho * (1.0 - blocked))
    return np.asarray(mean + waits * mean / (c - load))


def mg1(arrival: npt.ArrayLike, mean: npt.ArrayLike, second_moment: npt.ArrayLike) -> Array:
    """Mean time in an M/G/1 queue, first come first served: E[B] + arrival E[B^2] / (2 (1 - rho))."""
    x, m = values("arrival", arrival, least=0.0), values("mean", mean, above=0.0)
    m2 = values("second_moment", second_moment, above=0.0)
    if (m2 < m * m * (1.0 - 1e-12)).any():
        raise InputError("second_moment must be at least mean squared: it is E[B^2], not a variance")
    return m + x * m2 / (2.0 * (1.0 - _below_one(np.asarray(x * m))))


def ps_conditional(arrival: npt.ArrayLike, service: npt.ArrayLike, work: npt.ArrayLike) -> Array:
    """Mean time of a job that brings `work` to an M/G/1 processor-sharing queue: work / (1 - rho)."""
    x, mean = values("arrival", arrival, least=0.0), values("service", service, above=0.0)
    return values("work", work, least=0.0) / (1.0 - _below_one(np.asarray(x * mean)))


def priority_sojourn(arrival: Sequence[float], service: Sequence[float]) -> Array:
    """Mean time of each class of an M/M/1 queue with preemptive-resume priorities, most urgent class first.

    T_k = m_k / (1 - g_{k-1}) + sum_{i<=k} x_i m_i^2 / ((1 - g_{k-1}) (1 - g_k)), g_k = sum_{i<=k} x_i m_i, for
    arrival rates x and mean service times m.
    """
    x = np.atleast_1d(values("arrival", arrival, least=0.0))
    m = np.atleast_1d(values("service", service, above=0.0))
    if x.shape != m.shape or x.ndim != 1 or not len(x):
        raise InputError("arrival and service must be two lists of one length, a number for each class")
    busy = _below_one(np.cumsum(x * m))
    before = np.concatenate([[0.0], busy[:-1]])
    return m / (1.0 - before) + np.cumsum(x * m * m) / ((1.0 - before) * (1.0 - busy))


# -- trade-offs and workload capacity -----------------------------------------------------------------------------


def operating_characteristic(
    kind: str, single1: float, single2: float, n: int = 101, guess: float = 0.5
) -> tuple[Array, Array]:
    """(task 1, task 2): how well both are done as attention goes from all to task 2 to all to task 1.

    all_or_none: one task at a time; a straight line from (guess, single2) to (single1, guess). sample_size: a
    fixed number of samples is divided; single1 and single2 are d', and d1^2 / s1^2 + d2^2 / s2^2 = 1 (no guess).
    unlimited: both at their single level, whatever the division: a corner, n times the same point.
    """
    choice("kind", kind, ("all_or_none", "sample_size", "unlimited"))
    given = np.linspace(0.0, 1.0, whole("n", n, least=2))  # to task 1
    if kind == "all_or_none":
        guess = number("guess", guess, least=0.0, most=1.0)
        s1, s2 = (number(f"single{i}", s, least=guess, most=1.0) for i, s in enumerate((single1, single2), 1))
        return guess + (s1 - guess) * given, guess + (s2 - guess) * (1.0 - given)
    s1, s2 = number("single1", single1, least=0.0), number("single2", single2, least=0.0)
    if kind == "sample_size":
        return s1 * np.sqrt(given), s2 * np.sqrt(1.0 - given)
    return np.full(len(given), s1), np.full(len(given), s2)


def workload_capacity(
    t: npt.ArrayLike, both: npt.ArrayLike, one: npt.ArrayLike, other: npt.ArrayLike
) -> Array:
    """C_OR(t) from response times to both signals and to each alone: 1 unlimited, below 1 limited capacity.

    Undefined (NaN) before any response to a single signal, and once a sample has no longer response left.
    """
    t = values("t", t)
    h = [_hazard(t, name, x) for name, x in (("both", both), ("one", one), ("other", other))]
    total = h[1] + h[2]
    fine = (total > 0.0) & np.isfinite(total) & np.isfinite(h[0])
    return np.where(fine, h[0] / np.where(fine, total, 1.0), np.nan)


def _hazard(t: Array, name: str, times: npt.ArrayLike) -> Array:
    """H(t) = -log of the part of the times that exceed t."""
    x = np.sort(values(name, times), axis=None)
    if not len(x):
        raise InputError(f"{name} must hold at least one response time")
    with np.errstate(divide="ignore"):
        return np.log(len(x)) - np.log(len(x) - np.searchsorted(x, t, side="right"))


def workload_capacity_of_rates(both: npt.ArrayLike, one: npt.ArrayLike, other: npt.ArrayLike) -> Array:
    """C_OR of exponential races, at every t: the rate with both signals over the sum of the single rates."""
    x, y = values("one", one, above=0.0), values("other", other, above=0.0)
    return values("both", both, least=0.0) / (x + y)


# -- practice ----------------------------------------------------------------------------------------------------


def instance_time(n: npt.ArrayLike, base: float, scale: float, shape: float) -> Array:
    """Mean of base + the fastest of n retrievals, Weibull(scale, shape): a power law of practice, n^(-1/shape)."""
    base = number("base", base, least=0.0)
    n, scale, shape = _instances(n, scale, shape)
    return base + scale * math.gamma(1.0 + 1.0 / shape) * n ** (-1.0 / shape)


def instance_sd(n: npt.ArrayLike, scale: float, shape: float) -> Array:
    """Standard deviation of `instance_time`: the same power of n."""
    n, scale, shape = _instances(n, scale, shape)
    variance = math.gamma(1.0 + 2.0 / shape) - math.gamma(1.0 + 1.0 / shape) ** 2
    return scale * math.sqrt(variance) * n ** (-1.0 / shape)


def _instances(n: npt.ArrayLike, scale: float, shape: float) -> tuple[Array, float, float]:
    shape = number("shape", shape, least=0.02, most=1e6)  # where the gamma functions are finite and exact
    return values("n", n, least=1.0), number("scale", scale, least=0.0), shape


# -- conflict of resources ----------------------------------------------------------------------------------------

# The pools that tasks draw on: two channels of vision, two codes of hearing and of thought, hand and voice.
CHANNELS = (
    "visual_focal",
    "visual_ambient",
    "auditory_spatial",
    "auditory_verbal",
    "cognitive_spatial",
    "cognitive_verbal",
    "manual",
    "vocal",
)

# [assumption after Wickens 2002, Horrey & Wickens 2003] How much two pools are in each other's way, 0 to 1. About
# 0.2, and 0.2 more for each thing shared: stage (to perceive and think, or to respond), sense, code (space or
# words); half of it where a pool has no sense (thought) or both codes (focal vision). Thought and response lie a
# little closer. The same hand and the same voice cannot do two things: 1. Make a table of your own: `read_conflict`.
CONFLICT: Array = np.array(
    [
        [0.8, 0.6, 0.5, 0.5, 0.6, 0.6, 0.3, 0.3],
        [0.6, 0.8, 0.6, 0.4, 0.7, 0.5, 0.4, 0.2],
        [0.5, 0.6, 0.8, 0.6, 0.7, 0.5, 0.4, 0.2],
        [0.5, 0.4, 0.6, 0.8, 0.5, 0.7, 0.2, 0.4],
        [0.6, 0.7, 0.7, 0.5, 0.8, 0.6, 0.6, 0.4],
        [0.6, 0.5, 0.5, 0.7, 0.6, 0.8, 0.4, 0.6],
        [0.3, 0.4, 0.4, 0.2, 0.6, 0.4, 1.0, 0.6],
        [0.3, 0.2, 0.2, 0.4, 0.4, 0.6, 0.6, 1.0],
    ]
)
CONFLICT.flags.writeable = False

# A task's demand: a number for each pool, in the order of CHANNELS, or {pool: number} for those it uses.
Demand = Mapping[str, float] | npt.ArrayLike


def interference(demand_a: Demand, demand_b: Demand, conflict: npt.ArrayLike = CONFLICT) -> float:
    """How much two tasks disturb each other: a demand part and a conflict part, as in Wickens's model.

    Demand: the mean demand over the pools that a task uses (0, 1, 2, ...), of both tasks. Conflict: the sum of
    the conflict values over all pairs of pools that the two use.
    """
    a, b, c = _demand("demand_a", demand_a), _demand("demand_b", demand_b), checked_conflict(conflict)
    effort = sum(float(x[x > 0].mean()) for x in (a, b) if x.any())
    return effort + float((a > 0) @ c @ (b > 0))


def competition(demand_a: Demand, demand_b: Demand, conflict: npt.ArrayLike = CONFLICT) -> float:
    """How far two tasks compete, 0 to 1: a'Mb over the mean of a'Ma and b'Mb, at most 1.

    Two tasks with the same demands compete fully (1); one that asks little takes little. A task without any
    demand given competes with everything (1): the default, when nothing is known of it.
    """
    a, b, c = _demand("demand_a", demand_a), _demand("demand_b", demand_b), checked_conflict(conflict)
    if not (a.any() and b.any()):
        return 1.0
    a, b = a / max(a.max(), b.max()), b / max(a.max(), b.max())
    cross, alone = float(a @ c @ b), float(a @ c @ a + b @ c @ b) / 2
    return min(1.0, cross / alone) if cross < alone else float(cross > 0.0)


def _demand(name: str, demand: Demand) -> Array:
    if isinstance(demand, Mapping):
        at = {choice(f"a pool of {name}", pool, CHANNELS): x for pool, x in demand.items()}
        return values(name, [at.get(pool, 0.0) for pool in CHANNELS], least=0.0)
    x = values(name, demand, least=0.0)
    if x.shape != (len(CHANNELS),):
        raise InputError(f"{name} must hold {len(CHANNELS)} numbers, one for each of {', '.join(CHANNELS)}")
    return x


def checked_conflict(matrix: npt.ArrayLike, where: str = "") -> Array:
    """A conflict matrix that can be used, or what is wrong with it."""
    c = values(f"{where}conflict", matrix, least=0.0, most=1.0)
    if c.shape != (len(CHANNELS),) * 2:
        raise InputError(f"{where}conflict must be {len(CHANNELS)} x {len(CHANNELS)}, one row for each pool")
    odd = np.argwhere(np.abs(c - c.T) > 1e-9)
    if len(odd):
        i, j = odd[0]
        raise InputError(
            f"{where}conflict must be symmetric, but {CHANNELS[i]} with {CHANNELS[j]} is {c[i, j]:g} "
            f"and {CHANNELS[j]} with {CHANNELS[i]} is {c[j, i]:g}"
        )
    return c


def write_conflict(path: object, matrix: npt.ArrayLike = CONFLICT) -> None:
    """Write a conflict matrix as a table (CSV) that a spreadsheet can edit: pools in the first row and column."""
    path = path_text("path", path)
    rows = [",".join(["pool", *CHANNELS])]
    for pool, row in zip(CHANNELS, checked_conflict(matrix), strict=True):
        rows.append(",".join([pool, *(repr(float(x)) for x in row)]))
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(rows) + "\n")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from None


def read_conflict(path: object) -> Array:
    """Read the table that `write_conflict` writes. Pools may stand in any order, but all must be there, once."""
    path = path_text("path", path)
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is no text file; save the table as CSV (UTF-8)") from None
    lines = [
        [cell.strip().strip('"') for cell in line.split(",")] for line in text.splitlines() if line.strip()
    ]
    if not lines:
        raise InputError(f"{path} is empty; write_conflict makes a table to start from")
    columns = _places(path, "column", lines[0][1:])
    rows = _places(path, "row", [line[0] for line in lines[1:]])
    out = np.empty((len(CHANNELS), len(CHANNELS)))
    for i, row in enumerate(CHANNELS):
        cells = lines[1 + rows[row]][1:]
        for j, column in enumerate(CHANNELS):
            cell = cells[columns[column]] if columns[column] < len(cells) else ""
            at = f"{path}, row {row}, column {column}:"
            try:
                value = float(cell)
            except ValueError:
                raise InputError(f"{at} must be a number from 0 to 1, got {shown(cell)}") from None
            if not 0.0 <= value <= 1.0:
                raise InputError(f"{at} must be a number from 0 to 1, got {cell}")
            out[i, j] = value
    return checked_conflict(out, f"{path}: ")


def _places(path: object, kind: str, names: list[str]) -> dict[str, int]:
    """Where each pool stands. A cell without a name at the end of a row is what spreadsheets leave behind."""
    while names and not names[-1]:
        names = names[:-1]
    for name in names:
        choice(f"{path}: a {kind}", name, CHANNELS)
    for pool in CHANNELS:
        if names.count(pool) != 1:
            found = "is missing" if pool not in names else "is there more than once"
            raise InputError(f"{path}: the {kind} of {pool} {found}")
    return {name: i for i, name in enumerate(names)}


doors(__name__, arrays=True)
