"""Do the 95 % intervals of a fit hold the truth? Twelve simulated adults at a time, in designs as people have them.

    python simulations/do_the_intervals_hold.py [--replications 20] [--only flanker,simple_rt] [--alone 4]
    python simulations/do_the_intervals_hold.py --replications 0     # the table of what is done already

Adults differ in all that adults differ in (on an ordinary day), take the paradigm, and are fitted as `cogattn tune`
does: together, and some of them each alone. Of the diffusion, responses are drawn from the law itself. Every
replication is kept when it is done, so that a stopped run goes on where it was, and all that are kept are counted. A
share from few intervals is unsure (`error`: of a true .95). The last column says `holds` where it is .92 to .98 and its
error .02 at most, `misses` where it is two errors outside, else `too few to say`. The answer goes to
results/simulations/.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cogattn import files, paradigms
from cogattn.errors import InputError
from cogattn.population import Population, Spread
from cogattn.runs.experiment import run
from cogattn.tune import fit
from cogattn.tune.two_choice import TwoChoiceLikelihood

OUT = Path("results/simulations/do_the_intervals_hold")
PEOPLE, BAND, KNOWN = 12, 0.03, 0.02  # people of a sample; how far from .95 a share may be; its error at most
#: paradigm: options, trials per condition (None: as it is)
DESIGNS: dict[str, tuple[dict[str, Any], int | None]] = {
    "whole_report": ({"exposures": [0.02, 0.04, 0.08, 0.15, 0.2, 0.25]}, 30),
    "partial_report": ({}, 80),
    "change_detection": ({"trials": 60}, None),
    "simple_rt": ({}, None),
    "prp": ({}, None),
    "flanker": ({}, None),
    "stroop": ({}, None),
    "simon": ({}, None),
    "two_choice": ({}, None),
}


def people_of(name: str, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Twelve people's trials, and what is true of them (a row per person)."""
    if name == "two_choice":
        return diffusing(seed)
    options, trials = DESIGNS[name]
    adults = replace(Population.adults(), day_sd=Spread("constant", 0.0))
    task = paradigms.make(name, options)
    frame = run(task, arms="human", people=PEOPLE, trials=trials, seed=seed, population=adults).frame
    return frame, adults.parameters(PEOPLE, seed)


def diffusing(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two conditions of 80 trials, from the law itself."""
    rng, law = np.random.default_rng(seed), TwoChoiceLikelihood()
    z = rng.standard_normal((PEOPLE, 5))
    own = np.column_stack(
        [1.4 * np.exp(0.25 * z[:, 0]), 0.3 * np.exp(0.15 * z[:, 1]), 0.7 * np.exp(0.3 * z[:, 2]), 2.5 + 0.6 * z[:, 3],
         1.2 + 0.5 * z[:, 4]]
    )  # fmt: skip
    true = pd.DataFrame(own, columns=["boundary", "non_decision", "drift_sd", "drift", "drift_2"])
    rows = [{"person": i, "condition": c, "correct": 1, "rt": 4.0} for i in range(PEOPLE) for c in (1, 2)]
    data = law.compact(pd.DataFrame(rows))
    _, t, f = law.tables(law.theta(own, tuple(true)), data)
    parts = []
    for i in range(PEOPLE):
        for c in range(2):
            mass = f[i, c].ravel() / f[i, c].sum()
            at = rng.choice(len(mass), 80, p=mass)
            rt = t[at // 2] + (rng.random(80) - 0.5) * (t[1] - t[0])
            parts.append(pd.DataFrame({"person": i, "condition": c + 1, "correct": 1 - at % 2, "rt": rt}))
    return pd.concat(parts, ignore_index=True), true


def replicate(name: str, seed: int, alone: int) -> list[dict[str, Any]]:
    """What holds in one sample of twelve."""
    frame, true = people_of(name, seed)
    rows = []
    some = frame[frame["person"] < alone]
    for how, own in (("together", frame), ("alone", some)):
        if not len(own):
            continue
        found = fit(name, own, pool=how == "together")
        for r in found.intervals.itertuples():
            if r.parameter in true:
                truth = float(true[r.parameter].iloc[int(r.person)])
                rows.append({"paradigm": name, "fitted": how, "parameter": r.parameter, "seed": seed,
                             "holds": bool(r.low <= truth <= r.high), "width": float(r.high - r.low),
                             "verdict": found.verdict.word})  # fmt: skip
    return rows


def main() -> None:
    """All of them, one after the other; what is done is read."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    asked.add_argument("--replications", type=int, default=20)
    asked.add_argument("--only", default=",".join(DESIGNS))
    asked.add_argument("--alone", type=int, default=4)
    given = asked.parse_args()
    for seed in range(1, given.replications + 1):
        for name in given.only.split(","):
            part = OUT / "parts" / f"{name}_{given.alone}_{seed}.json"
            if not part.is_file():
                files.write_json(part, {"rows": replicate(name, seed, given.alone)})
            print(name, seed, "done", flush=True)
    rows: list[dict[str, Any]] = []
    for name in given.only.split(","):
        for part in sorted((OUT / "parts").glob(f"{name}_{given.alone}_*.json")):
            rows += json.loads(part.read_text(encoding="utf-8"))["rows"]
    if not rows:
        raise InputError("no replication is done yet: set --replications to 1 or more")
    every = pd.DataFrame(rows)
    groups = every.groupby(["paradigm", "fitted", "parameter"], sort=False)
    table = groups.agg(intervals=("holds", "size"), hold=("holds", "mean"), width=("width", "median"),
                       no_width=("width", lambda w: int((w <= 0).sum()))).reset_index()  # fmt: skip
    table["error"] = np.sqrt(0.95 * 0.05 / table["intervals"])
    off = (table["hold"] - 0.95).abs() - BAND
    known = (off <= 1e-9) & (table["error"] <= KNOWN)
    table["said"] = np.select([known, off > 2 * table["error"]], ["holds", "misses"], "too few to say")
    files.write_table(OUT / "table.csv", table)
    print(table.to_string(index=False, float_format=lambda x: f"{x:.3g}"))


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        raise SystemExit(str(error)) from None
