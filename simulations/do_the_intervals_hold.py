"""Do the 95 % intervals of a fit hold the truth? Twelve simulated adults at a time, in designs as people have them.

    python simulations/do_the_intervals_hold.py [--replications 20] [--only flanker,simple_rt] [--alone 4]
    python simulations/do_the_intervals_hold.py --replications 0     # the table of what is done already

Adults differ in all that adults differ in (on an ordinary day), take the paradigm, and are fitted as `cogattn tune`
does: together, and some of them each alone. Of the diffusion, responses are drawn from the law itself. Every
replication is kept when it is done, so that a stopped run goes on where it was, and all that are kept are counted. A
share from few intervals is unsure (`error`: of a true .95). The last column says `holds` where it is .92 to .98 and its
error .02 at most, `misses` where it is two errors outside, else `too few to say`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cogattn import files, paradigms
from cogattn.errors import InputError, choice
from cogattn.population import Population
from cogattn.runs import program
from cogattn.runs.experiment import run
from cogattn.tune import fit
from cogattn.tune.two_choice import TwoChoiceLikelihood
from cogattn.view import plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BAND, KNOWN = 0.03, 0.02  # how far from .95 a share may be; its error at most
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

OPTIONS: program.Options = {
    "--replications": {"type": int, "default": 20, "help": "samples of each paradigm (default 20)"},
    "--only": {"default": ",".join(DESIGNS), "help": "these paradigms, with commas between"},
    "--alone": {
        "type": int,
        "default": 4,
        "help": "people of a sample who are fitted alone, too (default 4)",
    },
}


def people_of(name: str, people: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """So many people's trials, and what is true of them (a row per person)."""
    if name == "two_choice":
        return diffusing(people, seed)
    options, trials = DESIGNS[name]
    adults = Population.adults().on_an_ordinary_day()
    task = paradigms.make(name, options)
    frame = run(task, arms="human", people=people, trials=trials, seed=seed, population=adults).frame
    return frame, adults.parameters(people, seed)


def diffusing(people: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two conditions of 80 trials, from the law itself."""
    rng, law = np.random.default_rng(seed), TwoChoiceLikelihood()
    z = rng.standard_normal((people, 5))
    own = np.column_stack(
        [1.4 * np.exp(0.25 * z[:, 0]), 0.3 * np.exp(0.15 * z[:, 1]), 0.7 * np.exp(0.3 * z[:, 2]), 2.5 + 0.6 * z[:, 3],
         1.2 + 0.5 * z[:, 4]]
    )  # fmt: skip
    true = pd.DataFrame(own, columns=["boundary", "non_decision", "drift_sd", "drift", "drift_2"])
    rows = [{"person": i, "condition": c, "correct": 1, "rt": 4.0} for i in range(people) for c in (1, 2)]
    data = law.compact(pd.DataFrame(rows))
    _, t, f = law.tables(law.theta(own, tuple(true)), data)
    parts = []
    for i in range(people):
        for c in range(2):
            mass = f[i, c].ravel() / f[i, c].sum()
            at = rng.choice(len(mass), 80, p=mass)
            rt = t[at // 2] + (rng.random(80) - 0.5) * (t[1] - t[0])
            parts.append(pd.DataFrame({"person": i, "condition": c + 1, "correct": 1 - at % 2, "rt": rt}))
    return pd.concat(parts, ignore_index=True), true


def replicate(name: str, people: int, seed: int, alone: int) -> list[dict[str, Any]]:
    """What holds in one sample."""
    frame, true = people_of(name, people, seed)
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
    asked = program.asked(__doc__, __file__, people=12, options=OPTIONS)
    names, alone = asked.more.only.split(","), asked.more.alone
    for name in names:
        choice("only", name, DESIGNS)
    sample = f"{alone}" if asked.people == 12 else f"{alone}of{asked.people}"
    for n in range(1, asked.more.replications + 1):
        seed = n + 1000 * asked.seed
        for name in names:
            part = asked.parts / f"{name}_{sample}_{seed}.json"
            if not part.is_file():
                files.write_json(part, {"rows": replicate(name, asked.people, seed, alone)})
            print(name, seed, "done", flush=True)
    rows: list[dict[str, Any]] = []
    for name in names:
        for part in sorted(asked.parts.glob(f"{name}_{sample}_*.json")):
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
    asked.keep(answer(table), {"table": table}, draw(table))


def answer(table: pd.DataFrame) -> str:
    """The finding in a line."""
    some = table.groupby("said").size()
    total = int(table["intervals"].sum())
    held = program.share(round(float((table["hold"] * table["intervals"]).sum())), total)
    words = {"holds": "do", "misses": "do not", "too few to say": "have too few intervals to say"}
    return (
        f"95 % intervals hold the truth in {held}; of {len(table)} parameters and ways of "
        f"fitting, {', '.join(f'{some.get(key, 0)} {word}' for key, word in words.items())}"
    )


def draw(table: pd.DataFrame) -> Figure:
    """How many of each parameter's intervals hold, beside 95 %."""
    with plot.style() as plt:
        figure, ax = plt.subplots(figsize=(7.5, 0.2 * len(table) + 1.2))
        at = np.arange(len(table))[::-1]
        ax.axvspan(0.95 - BAND, 0.95 + BAND, color="#E8E8E8", zorder=0)
        ax.axvline(0.95, color=plot.PEOPLE, linewidth=0.9)
        pens = plot.pens(["human", "softmax", "few"]).values()
        for said, pen in zip(("holds", "misses", "too few to say"), pens, strict=True):
            some = (table["said"] == said).to_numpy()
            ax.plot(table.loc[some, "hold"], at[some], pen.mark, color=pen.color, label=said)
        low, high = ((table["hold"] + side * 1.96 * table["error"]).clip(0, 1) for side in (-1, 1))
        ax.hlines(at, low, high, color="#999999", linewidth=0.8)
        ax.set_yticks(at, table["paradigm"] + ", " + table["fitted"] + ": " + table["parameter"], fontsize=7)
        ax.set(xlabel="share of 95 % intervals that hold the truth", xlim=(None, 1.01))
        ax.legend(loc="lower left")
    return figure


if __name__ == "__main__":
    program.run(main)
