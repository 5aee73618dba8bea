"""What does a fit cost? One person and 59 people of whole and partial report, against the law that is not compiled.

    python benchmarks/tuning.py [--rounds 3]

The design of `human/whole_report.csv`: six exposures x 27 trials of whole report, 81 + 81 of partial report. Peer:
the same fit with `laws.race.partial_report`, NumPy, in place of `laws.counts.report_counts`; it is given one point of
the likelihood at a time, as the search for a peak asks for them. Processor time, medians over interleaved rounds; the
ratio is what to trust.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from cogattn import run, tune
from cogattn.laws import race
from cogattn.tune import likelihoods
from cogattn.tune.likelihoods import Compact, Report

PEOPLE, POINTS = 59, 200


def seconds(work: Callable[[], object]) -> float:
    """Processor time of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def data() -> pd.DataFrame:
    """Everybody's trials."""
    parts = [run(task, arms="human", people=PEOPLE, trials=n, seed=1).frame for task, n in tune.published()]
    return pd.concat(parts, ignore_index=True)


def uncompiled(theta: np.ndarray, data: Compact, row: int) -> float:
    """The likelihood of one person, as the law itself has it."""
    c, k, t0, alpha = theta
    total, where = 0.0, zip(data.exposure, data.targets, data.distractors, data.counts[row], strict=True)
    for exposure, m, d, counts in where:
        if counts.any():
            p = race.partial_report(
                np.ones(m), np.full(d, alpha), capacity=c, exposure=exposure, slots=k, threshold=t0
            )
            p = (1 - likelihoods.STRAY) * p + likelihoods.STRAY / (m + 1)
            total += float(counts[: m + 1] @ np.log(p))
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    frame = data()
    one, law = frame[frame["person"] == 0], Report()
    compact, row = law.compact(one), np.zeros(1, np.int64)
    points = np.exp(0.1 * np.random.default_rng(0).standard_normal((POINTS, 4))) * [60.0, 3.2, 0.01, 0.5]
    works: dict[str, Callable[[], Any]] = {
        "one": lambda: tune.fit("whole_report", one, pool=False),
        "all": lambda: tune.fit("whole_report", frame),
        "law": lambda: [law.loglik(p[None], compact, row)[0] for p in points],
        "peer": lambda: [uncompiled(p, compact, 0) for p in points],
    }
    assert np.allclose(works["law"](), works["peer"](), rtol=1e-9)
    works["one"]()  # compile, warm up
    found = [{name: seconds(work) for name, work in works.items()} for _ in range(rounds)]
    middle = {name: statistics.median(f[name] for f in found) for name in works}
    ratio = statistics.median(f["peer"] / f["law"] for f in found)
    print("| what | measured |\n|---|---|")
    print(f"| one person, peak and profile intervals | {middle['one']:.2f} s |")
    print(f"| {PEOPLE} people together | {middle['all']:.1f} s |")
    print(f"| one point of the likelihood | {1e6 * middle['law'] / POINTS:.0f} us |")
    print(f"| times as fast as the law that is not compiled | {ratio:,.0f} |")


if __name__ == "__main__":
    main()
