"""Are the posteriors calibrated? Simulated people are asked for their posterior, the truth is ranked among its draws.

    python simulations/are_the_posteriors_calibrated.py [--cores 2] [--replications 120]

Four paradigms with exact likelihoods, each person drawn from the prior and played by the mind itself: ranks must be
uniform (chi-square p > .01). Then a likelihood that is wrong on purpose, half a slot too many: it must be caught. Every
person is kept when he is done, so that a stopped run goes on where it was. The answer goes to results/simulations/.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from cogattn import files, paradigms
from cogattn.errors import InputError
from cogattn.runs.experiment import cores
from cogattn.tune.base import Array
from cogattn.tune.calibration import Calibration, calibrate
from cogattn.tune.likelihoods import Compact, ReportLikelihood

OUT = Path("results/simulations/are_the_posteriors_calibrated")
#: paradigm: options, trials per condition, parameters
ASKED: dict[str, tuple[dict[str, object], int, tuple[str, ...]]] = {
    "whole_report": ({}, 8, ("capacity", "slots", "threshold")),
    "change_detection": ({"set_sizes": [3, 5, 8], "trials": 60}, 1, ("slots", "wandering")),
    "simple_rt": ({"block": 40, "blocks": 1, "pauses": []}, 1, ("speed", "wandering")),
    "partial_report": ({}, 30, ("capacity", "slots", "threshold", "alpha")),
}


@dataclass(frozen=True)
class HalfASlotTooMany(ReportLikelihood):
    """The report law, wrong on purpose: people are taken to hold half an item more than they are said to."""

    def loglik(self, theta: Array, data: Compact, row: Array) -> Array:
        """As if K were K + 1/2."""
        return super().loglik(theta + np.array([0.0, 0.5, 0.0, 0.0]), data, row)


def ask(name: str, replications: int, n_jobs: int, wrong: bool = False) -> Calibration:
    """One paradigm, with a bar."""
    options, trials, params = ASKED[name]
    said = "half a slot too many" if wrong else ""
    with tqdm(desc=said or name, total=replications, disable=None) as bar:

        def tick(done: int, _: int) -> None:
            bar.update(done - bar.n)

        return calibrate(
            paradigms.make(name, options), params, replications=replications, trials=trials,
            law=HalfASlotTooMany() if wrong else None, said=said, n_jobs=n_jobs, folder=OUT / "parts",
            progress=tick,
        )  # fmt: skip


def main() -> None:
    """All of them, written and drawn."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    asked.add_argument("--cores", type=int, default=cores())
    asked.add_argument("--replications", type=int, default=120)
    given = asked.parse_args()
    done = {name: ask(name, given.replications, given.cores) for name in ASKED}
    done["wrong"] = ask("whole_report", max(36, given.replications // 3), given.cores, wrong=True)
    table = pd.concat([one.table() for one in done.values()], ignore_index=True)
    print(table.to_string(index=False, float_format=lambda x: f"{x:.3f}"))
    files.write_table(OUT / "table.csv", table)
    for name, one in done.items():
        one.save(OUT / name)
    fair = table[~table["paradigm"].str.contains("slot")]
    print(f"\n{int((fair['p'] > 0.01).sum())} of {len(fair)} uniform (p > .01); the wrong one is caught: "
          f"{bool((table['p'].drop(fair.index) < 1e-4).any())}")  # fmt: skip


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        raise SystemExit(str(error)) from None
