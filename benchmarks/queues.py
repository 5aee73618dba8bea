"""What does a customer of the central stage cost? The mind as a queue against SimPy, Ciw and a loop over a heap.

    python benchmarks/queues.py [--rounds 3] [--quick]     # a minute; needs the extra `benchmark` (ciw)

200 runs of 200 customers (50 runs in SimPy and Ciw), each from an empty room; arrivals at random, first come first
served, and all serve by the same law: that of a person's choice (LATER), at a load of .5 and of .95. The peers stand in
peers/ and draw every number as they go. The mind's arrivals are drawn beforehand, into streams (what that takes has a
row of its own); it draws what its choices take. It also sees and perceives each customer and moves the hand after; the
peers only serve. Then the textbook's queues, M/M/1, M/M/2 and M/M/4. The last column of a row says how far the mean
time from arrival to choice lies from that of 10,000 runs of the compiled loop, in standard errors. One thread,
processor time, medians over interleaved rounds.
"""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable, Iterator
from typing import Any

import measure
import numpy as np
from numba import njit
from peers import ciw_queue, heap_queue, service, simpy_queue
from scipy import integrate

import cogattn as ca
from cogattn.laws import alertness
from cogattn.mind import cohort
from cogattn.world.stream import Stimulus, Task, TaskStream

RUNS, CUSTOMERS, REFEREE = 200, 200, 10_000
SLOW, FEW = ("SimPy, Resource", "Ciw"), 50  # these play fewer runs
LOADS, BUSY, SERVERS = (0.5, 0.95), 0.8, (1, 2, 4)
MIND, STREAMS, HEAP, COMPILED = "the mind", "its streams made", "heap loop", "heap loop, compiled"
SPEED, SPREAD = ca.Observer().speed, ca.Observer().speed_sd
KNOWS_EXPONENTIAL = "service" in {f.name for f in dataclasses.fields(Task)}
compiled = njit(heap_queue.play)


@njit
def seed(number):  # type: ignore[no-untyped-def]
    """Compiled code has a generator of its own."""
    random.seed(number)


def mean_choice() -> float:
    """Mean of LATER, s: the integral of its quantiles, without the slowest in 1e9 (it diverges at speed 0)."""
    logit = np.linspace(-20.0, 20.0, 100_001)
    p = 1 / (1 + np.exp(-logit))
    return float(integrate.simpson(alertness.later_quantile(p, SPEED, SPREAD) * p * (1 - p), x=logit))


def erlang_c(servers: int, load: float) -> float:
    """P(a customer of M/M/c waits); load per server. Erlang 1917.

    >>> round(erlang_c(2, 0.5), 6)
    0.333333
    """
    offered = servers * load
    terms = [offered**i / math.factorial(i) for i in range(servers)]
    last = offered**servers / math.factorial(servers) / (1 - load)
    return last / (sum(terms) + last)


def steady(servers: int, load: float, mean: float) -> float:
    """Mean time from arrival to departure in M/M/c, s."""
    return mean + erlang_c(servers, load) * mean / (servers * (1 - load))


def streams(rate: float, law: dict[str, str], rng: np.random.Generator) -> list[TaskStream]:
    """RUNS streams of CUSTOMERS who come at random, to a central stage with this law of service."""
    task = Task("serve", response="choose", when_full="wait", **law)  # type: ignore[arg-type]
    out = []
    for row in np.cumsum(rng.exponential(1 / rate, (RUNS, CUSTOMERS)), axis=1).tolist():
        line = tuple(Stimulus(f"c{i}", t, task="serve") for i, t in enumerate(row))
        out.append(TaskStream(line, row[-1] + 120.0, (), (task,)))
    return out


def minds(line: list[TaskStream], servers: int) -> Callable[[], Any]:
    """The central stage alone: nothing else takes time. Means of runs: from arrival to choice."""
    lifted = {"capacity": math.inf, "slots": math.inf, "threshold": 0.0}
    free = ca.Observer(**lifted, wandering=0.0, dwell=0.0, order_sd=0.0, central=servers)
    which = np.arange(len(line))
    onsets = np.array([[x.onset for x in stream.stimuli] for stream in line])

    def play() -> Any:
        done = cohort.play(line, [free], person=0, trial=which, which=which, details=True)
        return (done.element_times.chosen - onsets).mean(1)  # type: ignore[union-attr]

    return play


def means(runs: Any) -> Any:
    """Of each run."""
    return np.array([np.mean(run) for run in runs])


def in_heap(play: Any, rate: float, draw: Any, servers: int, runs: int = RUNS) -> Any:
    """Means of runs of the loop."""
    times = (play(rate, draw, servers, CUSTOMERS) for _ in range(runs))
    return means(left - came for came, _, left in times)


def peers(rate: float, draw: Any, servers: int) -> dict[str, Callable[[], Any]]:
    """Each returns the means of its runs. draw: plain, and compiled."""
    plain, fast = draw
    room = ciw_queue.network(rate, plain, servers, CUSTOMERS)
    return {
        HEAP: lambda: in_heap(heap_queue.play, rate, plain, servers),
        COMPILED: lambda: in_heap(compiled, rate, fast, servers),
        SLOW[0]: lambda: means(simpy_queue.play(rate, plain, servers, CUSTOMERS) for _ in range(FEW)),
        SLOW[1]: lambda: means(ciw_queue.play(room, CUSTOMERS) for _ in range(FEW)),
    }


def off(run_means: Any, referee: Any) -> float:
    """Standard errors between two sets of runs."""
    error = math.sqrt(sum(np.var(x, ddof=1) / len(x) for x in (run_means, referee)))
    return float((np.mean(run_means) - np.mean(referee)) / error)


def customers(name: str) -> int:
    """How many a row serves in one call."""
    return CUSTOMERS * (FEW if name.endswith(SLOW) else RUNS)


@dataclasses.dataclass(frozen=True)
class Queue:
    """A queue that all of them play."""

    name: str
    rate: float
    draw: Any
    servers: int
    works: dict[str, Callable[[], Any]]

    def rows(self, found: Any, results: Any, targets: dict[str, float]) -> Iterator[str]:
        """A row for each who plays it."""
        referee = in_heap(compiled, self.rate, self.draw[1], self.servers, REFEREE)
        heap = f"{self.name} {HEAP}"
        for name in self.works:
            full = f"{self.name} {name}"
            us = 1e6 * measure.middle(found, full, customers(full))
            over = measure.ratio(found, full, heap, customers(full), customers(heap))
            z = "" if name == STREAMS else f"{off(results[full], referee):+.1f}"
            yield (
                f"{self.name} | {name} | {measure.short(us)} | {measure.short(over)} | "
                f"{measure.met(over, targets.get(name))} | {z}"
            )


def queue(
    name: str, rate: float, draw: Any, servers: int, law: dict[str, str], playable: bool = True
) -> Queue:
    """The mind first, where it knows this queue."""
    rng = np.random.default_rng(1)
    works: dict[str, Callable[[], Any]] = {}
    if playable:
        works[MIND] = minds(streams(rate, law, rng), servers)
        if not law:
            works[STREAMS] = lambda: streams(rate, law, rng)
    return Queue(name, rate, draw, servers, works | peers(rate, draw, servers))


def main() -> None:
    rounds = measure.rounds_of(measure.options(__doc__, rounds=3).parse_args())
    random.seed(1)
    seed(1)
    # The mind's exponential service takes choice / speed s on average; its choices by LATER a little longer.
    law, textbook = service.later(SPEED, SPREAD), service.exponential(1 / SPEED)
    later, exponential = (law, njit(law)), (textbook, njit(textbook))
    mean = mean_choice()
    own = [queue(f"load {load}", load / mean, later, 1, {}) for load in LOADS]
    books = [
        queue(
            f"M/M/{c}",
            BUSY * c * SPEED,
            exponential,
            c,
            {"service": "exponential"},
            playable=KNOWS_EXPONENTIAL,
        )
        for c in SERVERS
    ]
    works = {f"{q.name} {name}": work for q in own + books for name, work in q.works.items()}
    found, results = measure.interleaved(works, rounds)
    heads = (
        "queue",
        "played by",
        "us per customer",
        "over the heap loop",
        "target",
        "met",
        "mean off by [s.e.]",
    )
    targets = {MIND: 1.0}
    print(measure.table(heads, (row for q in own for row in q.rows(found, results, targets))))
    slow, quick = (f"load {load} {MIND}" for load in reversed(LOADS))
    ratio = measure.ratio(found, slow, quick)
    print(f"\nThe mind at a load of {LOADS[1]} over one at {LOADS[0]}: {ratio:.2f}", end=" ")
    print(f"(target 1.3: {'met' if ratio <= 1.3 else 'NOT met'}).\n")
    print(measure.table(heads, (row for q in books for row in q.rows(found, results, {}))))
    if not KNOWS_EXPONENTIAL:
        print(
            "\nThe mind has no exponential service here: it is not among those who play the textbook's queues."
        )
    print("\nIn the long run (a run of 1,000,000 customers by the compiled loop), against Erlang C:\n")
    print(measure.table(("queue", "mean time [s]", "Erlang C [s]", "off by [s.e.]"), map(long_run, books)))


def long_run(q: Queue) -> str:
    """A row: the mean in the steady state, with the standard error of means of batches of 10,000."""
    came, _, left = compiled(q.rate, q.draw[1], q.servers, 1_000_000)
    batches = (left - came)[10_000:].reshape(-1, 10_000).mean(1)
    book, mean = steady(q.servers, BUSY, 1 / SPEED), batches.mean()
    error = batches.std(ddof=1) / math.sqrt(len(batches))
    return f"{q.name} | {mean:.4f} | {book:.4f} | {(mean - book) / error:+.1f}"


if __name__ == "__main__":
    main()
