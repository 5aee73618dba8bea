"""What does a trial of whole report cost? cogattn against the same experiment as researchers write it.

    python benchmarks/report.py [--rounds 9] [--quick]     # half a minute

1,000 adults (each with a C, K and t0 of his own) x 100 trials: six letters for 200 ms, then a mask. The peers stand in
peers/. All play the same law, which is checked: the last column is how far the mean score lies from the exact law of
the same people, in standard errors. One thread, processor time, medians over interleaved rounds.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import measure
import numpy as np
from peers import numba_generator, numba_loop, numpy_letters, numpy_scores, simpy_letters

import cogattn as ca
from cogattn.laws import race
from cogattn.mind import cohort, world
from cogattn.world.stream import display

PEOPLE, TRIALS, FEW, EXPOSURE = 1000, 100, 10, 0.2
IN_SIMPY, IN_DRIVER = (
    2,
    100,
)  # trials of each person in plain SimPy; people who take a trial in our own driver
LOOP, SIMPY, DRIVER = "numba loop", "SimPy, a process per letter", "SimPy driver of the mind (`world.play`)"
FAR = 4.0  # standard errors


@dataclass(frozen=True)
class Row:
    """Somebody who plays the experiment."""

    name: str
    work: Callable[[], Any]
    scores: Callable[[Any], Any]  # (people, trials), from what the work returns
    trials: int
    target: float | None = None
    peer: str = LOOP  # what the target is a ratio to


def rows(crowd: list[ca.Observer]) -> list[Row]:
    """The floor first."""
    c, k, t0 = (np.array([getattr(o, name) for o in crowd]) for name in ("capacity", "slots", "threshold"))
    rng, chance = np.random.default_rng(1), random.Random(1)
    stream = display(targets=6, exposure=EXPOSURE)
    people = ca.People.of(crowd)  # columns, as the peers have them
    person, trial = np.repeat(np.arange(PEOPLE), TRIALS), np.tile(np.arange(TRIALS), PEOPLE)
    task = ca.paradigms.get("whole_report")(exposures=(EXPOSURE,))

    def in_simpy() -> list[list[int]]:
        minds = zip(c.tolist(), k.tolist(), t0.tolist(), strict=True)
        return [[len(simpy_letters.trial(*one, EXPOSURE, chance)) for _ in range(IN_SIMPY)] for one in minds]

    def in_driver() -> list[list[int]]:
        return [[len(world.play(stream, crowd[p], person=p).stored)] for p in range(IN_DRIVER)]

    def run(trials: int) -> Callable[[], Any]:
        return lambda: ca.run(task, arms="human", people=PEOPLE, trials=trials, seed=0)

    def each(trials: int) -> Callable[[Any], Any]:
        return lambda done: done.frame.sort_values("person")["score"].to_numpy().reshape(PEOPLE, trials)

    full = PEOPLE * TRIALS
    return [
        Row(
            LOOP, lambda: numba_loop.play(c, k, t0, TRIALS, EXPOSURE), lambda done: done[0].sum(2), full, None
        ),
        Row(
            "the same, NumPy's Generator",
            lambda: numba_generator.play(c, k, t0, TRIALS, EXPOSURE, rng),
            lambda done: done[0].sum(2),
            full,
        ),
        Row(
            "NumPy, scores only",
            lambda: numpy_scores.play(c, k, t0, TRIALS, EXPOSURE, rng),
            np.asarray,
            full,
        ),
        Row(
            "NumPy, which letters",
            lambda: numpy_letters.play(c, k, t0, TRIALS, EXPOSURE, rng),
            lambda done: done[0].sum(2),
            full,
        ),
        Row(
            "`cohort.play`",
            lambda: cohort.play(stream, people, person=person, trial=trial),
            lambda done: done.stored.sum(1).reshape(PEOPLE, TRIALS),
            full,
            2.0,
        ),
        Row(f"`ca.run`, {TRIALS} trials each", run(TRIALS), each(TRIALS), full, 5.0),
        Row(f"`ca.run`, {FEW} trials each", run(FEW), each(FEW), PEOPLE * FEW, 10.0),
        Row(SIMPY, in_simpy, np.asarray, PEOPLE * IN_SIMPY),
        Row(DRIVER, in_driver, np.asarray, IN_DRIVER, 5.0, SIMPY),
    ]


def exact(crowd: list[ca.Observer]) -> tuple[Any, Any]:
    """Mean and variance of each person's score."""
    laws = [
        race.whole_report(
            np.ones(6), capacity=o.capacity, exposure=EXPOSURE, slots=o.slots, threshold=o.threshold
        )
        for o in crowd
    ]
    p, letters = np.array(laws), np.arange(7)
    mean = p @ letters
    return mean, p @ letters**2 - mean**2


def off(scores: Any, law: tuple[Any, Any]) -> float:
    """Standard errors between the mean of these scores (people, trials) and that of the exact law."""
    people, trials = scores.shape
    mean, variance = law[0][:people].mean(), law[1][:people].mean()
    return float((scores.mean() - mean) / np.sqrt(variance / (people * trials)))


def main() -> None:
    parser = measure.options(__doc__, rounds=9, quick=2)
    rounds = measure.rounds_of(parser.parse_args())
    numba_loop.seed(1)
    crowd = ca.Population.adults().sample(PEOPLE, seed=0)
    law, everybody = exact(crowd), rows(crowd)
    units = {row.name: row.trials for row in everybody}
    found, results = measure.interleaved({row.name: row.work for row in everybody}, rounds)
    lines, astray = [], []
    for row in everybody:
        z = off(np.asarray(row.scores(results[row.name])), law)
        astray += [row.name] * (abs(z) > FAR)
        us = 1e6 * measure.middle(found, row.name, row.trials)
        over = measure.ratio(found, row.name, LOOP, row.trials, units[LOOP])
        simpy = measure.ratio(found, SIMPY, row.name, units[SIMPY], row.trials)
        share = measure.ratio(found, row.name, row.peer, row.trials, units[row.peer])
        of = "" if row.peer == LOOP else " x SimPy"
        target = measure.met(share, row.target).replace(" |", f"{of} |", 1) if row.target else "|"
        lines.append(
            f"{row.name} | {measure.short(us)} | {measure.short(over)} | {measure.short(simpy)} | {target} | {z:+.1f}"
        )
    heads = (
        "whole report",
        "us per trial",
        "over the loop",
        "SimPy over it",
        "target",
        "met",
        "mean off by [s.e.]",
    )
    print(measure.table(heads, lines))
    agree = f"no: {', '.join(astray)}" if astray else "yes"
    print(f"\nAll means within {FAR:g} standard errors of the exact law: {agree}.")


if __name__ == "__main__":
    main()
