"""What does dividing attention cost? Every paradigm of divided capacity, and the central stage as a queue.

    python benchmarks/divided.py [--rounds 5]

1. 100,000 trials of each paradigm by a population of 500: the cohort on all cores, against the same mind in SimPy, per
trial (n-back: a trial is a letter).
2. The central stage as a queue of one server, first come first served, arrivals at random: the mind in its compiled
loop against SimPy's Resource, Ciw, and a heap loop in plain Python, per customer. (The mind does more: it sees each
customer first, perceives it, and moves the hand after.)
Medians over interleaved rounds; trust the ratios, not the times. Needs the extra `benchmark` (ciw).
"""

from __future__ import annotations

import argparse
import heapq
import statistics
import time
from collections.abc import Callable
from typing import Any

import ciw
import numpy as np
import simpy

from cogattn import paradigms
from cogattn.mind import cohort, world
from cogattn.mind.draws import trial_keys
from cogattn.observer import Observer
from cogattn.population import Population
from cogattn.runs.experiment import cores
from cogattn.world.stream import Stimulus, Task, TaskStream

PARADIGMS = ("prp", "attentional_blink", "change_detection", "nback", "enumeration")
PEOPLE, TRIALS, IN_SIMPY = 500, 100_000, 40
CUSTOMERS, EACH, RATE, MEAN = 40_000, 200, 1.6, 0.5  # arrivals per s, s of service


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def sitting(name: str) -> tuple[Callable[[], object], Callable[[], object]]:
    """100,000 trials in the compiled loop; 40 of them in SimPy."""
    paradigm: Any = paradigms.get(name)()
    condition = paradigm.conditions()[len(paradigm.conditions()) // 2]
    session = paradigm.session(condition, trial_keys(0, np.arange(1), 0))
    stream = session.streams[0]
    size = len(stream.stimuli) if name == "nback" else 1  # a trial of n-back is a letter
    each = max(1, TRIALS // PEOPLE // size)
    long = type(session)((stream,), np.zeros(each, np.int64), np.full(each, paradigm.gap))
    few = max(1, IN_SIMPY // size)
    short = type(session)((stream,), np.zeros(few, np.int64), np.full(few, paradigm.gap))
    crowd = Population.adults().sample(PEOPLE)
    step = PEOPLE // 10  # fates take memory: a tenth of the people at a time

    def cohorts() -> None:
        for first in range(0, PEOPLE, step):
            who = np.arange(first, first + step)
            cohort.watch(long, [crowd[p] for p in who], number=who, n_jobs=cores(), details=True)

    return cohorts, lambda: world.watch(short, crowd[0])


def queues() -> dict[str, Callable[[], object]]:
    """The same queue four times; each returns nothing and serves CUSTOMERS."""
    rng = np.random.default_rng(0)
    onsets = np.cumsum(rng.exponential(1 / RATE, (CUSTOMERS // EACH, EACH)), axis=1)
    service = rng.exponential(MEAN, CUSTOMERS)
    task = Task("serve", response="choose", when_full="wait", choice=MEAN * 3.28)
    streams = [
        TaskStream(
            tuple(Stimulus(f"c{i}", float(t), task="serve") for i, t in enumerate(row)),
            row[-1] + 60.0,
            (),
            (task,),
        )
        for row in onsets
    ]
    mind = Observer(capacity=np.inf, slots=np.inf, threshold=0.0)
    n = len(streams)

    def minds() -> None:
        cohort.play(
            streams, [mind], person=0, trial=range(n), which=np.arange(n), n_jobs=cores(), details=True
        )

    def in_simpy() -> None:
        env = simpy.Environment()
        server = simpy.Resource(env, 1)

        def customer(work: float) -> Any:
            with server.request() as turn:
                yield turn
                yield env.timeout(work)

        def source() -> Any:
            for gap, work in zip(rng.exponential(1 / RATE, CUSTOMERS), service, strict=True):
                yield env.timeout(gap)
                env.process(customer(work))

        env.process(source())
        env.run()

    def in_ciw() -> None:
        network = ciw.create_network(
            arrival_distributions=[ciw.dists.Exponential(RATE)],
            service_distributions=[ciw.dists.Exponential(1 / MEAN)],
            number_of_servers=[1],
        )
        ciw.Simulation(network).simulate_until_max_customers(CUSTOMERS // 10)

    def in_heap() -> None:
        now, free, line, out = 0.0, 0.0, [(0.0, 0)], []
        gaps = rng.exponential(1 / RATE, CUSTOMERS).tolist()
        work = service.tolist()
        while line:
            now, i = heapq.heappop(line)
            free = max(now, free) + work[i]
            out.append(free - now)
            if i + 1 < CUSTOMERS:
                heapq.heappush(line, (now + gaps[i], i + 1))

    return {"mind": minds, "simpy": in_simpy, "ciw": in_ciw, "heap": in_heap}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    works: dict[str, Callable[[], object]] = {}
    for name in PARADIGMS:
        works[name], works[f"{name} simpy"] = sitting(name)
    works |= queues()
    for work in works.values():
        work()  # compile, warm up
    found = [{name: seconds(work) for name, work in works.items()} for _ in range(rounds)]
    print(f"| {TRIALS:,} trials, {cores()} cores | s | times as fast as SimPy |\n|---|---|---|")
    for name in PARADIGMS:
        ratio = statistics.median((f[f"{name} simpy"] / IN_SIMPY) / (f[name] / TRIALS) for f in found)
        print(f"| {name} | {statistics.median(f[name] for f in found):.2f} | {ratio:,.0f} |")
    print("\n| a queue of one server, per customer | time over that of the mind |\n|---|---|")
    for name, share in (("simpy", 1.0), ("ciw", 0.1), ("heap", 1.0)):
        ratio = statistics.median((f[name] / share) / f["mind"] for f in found)
        print(f"| {name} | {ratio:.2g} |")


if __name__ == "__main__":
    main()
