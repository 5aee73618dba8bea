"""What does a fit cost? One person and 59 people of whole and partial report, against the law that is not compiled.

    python benchmarks/tuning.py [--rounds 3]

The design of `human/whole_report.csv`: six exposures x 27 trials of whole report, 81 + 81 of partial report. Peer:
the same fit with `laws.race.partial_report`, NumPy, in place of `laws.counts.report_counts`; it is given one point of
the likelihood at a time, as the search for a peak asks for them. Processor time, medians over interleaved rounds; the
ratio is what to trust.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import measure
import numpy as np
import pandas as pd

from cogattn import run, tune
from cogattn.laws import race
from cogattn.tune import likelihoods
from cogattn.tune.likelihoods import Compact, ReportLikelihood

PEOPLE, POINTS = 59, 200


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
    rounds = measure.rounds_of(measure.options(__doc__, rounds=3).parse_args())
    frame = data()
    one, law = frame[frame["person"] == 0], ReportLikelihood()
    compact, row = law.compact(one), np.zeros(1, np.int64)
    points = np.exp(0.1 * np.random.default_rng(0).standard_normal((POINTS, 4))) * [60.0, 3.2, 0.01, 0.5]
    works: dict[str, Callable[[], Any]] = {
        "one": lambda: tune.fit("whole_report", one, pool=False),
        "all": lambda: tune.fit("whole_report", frame),
        "law": lambda: [law.loglik(p[None], compact, row)[0] for p in points],
        "peer": lambda: [uncompiled(p, compact, 0) for p in points],
    }
    found, results = measure.interleaved(works, rounds)
    assert np.allclose(results["law"], results["peer"], rtol=1e-9)
    rows = (
        f"one person, peak and profile intervals | {measure.middle(found, 'one'):.2f} s",
        f"{PEOPLE} people together | {measure.middle(found, 'all'):.1f} s",
        f"one point of the likelihood | {1e6 * measure.middle(found, 'law', POINTS):.0f} us",
        f"times as fast as the law that is not compiled | {measure.ratio(found, 'peer', 'law'):,.0f}",
    )
    print(measure.table(("what", "measured"), rows))


if __name__ == "__main__":
    main()
