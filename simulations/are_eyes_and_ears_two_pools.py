"""Are eyes and ears two pools? Which number is both shown and named, when both senses draw on one pool or on two.

    python simulations/are_eyes_and_ears_two_pools.py

`models/multimodal.py` with 4 pictures and 4 words, the same people, trials and draws. All come at a glance and are
masked together, or the words are heard at the pace of speech. Pools set how much pictures and words take of each
other's rate in the race (`laws.stages.competition`); the K slots are one store for both. So a second pool helps while
the race is short of time, and nothing else: no more is held at 300 ms, and at the pace of speech the pools make no
difference at all. People do gain by hearing what goes with a picture, with time enough (Mousavi, Low & Sweller 1995,
J Educ Psychol 87:319): what this mind lacks for that is a store of its own for each sense. About 25 s on one core.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch

import cogattn as ca
from cogattn.laws import stages
from cogattn.mind import cohort
from cogattn.mind.draws import trial_keys
from cogattn.nn.gate import GateState
from cogattn.nn.networks.registry import find_specialist
from cogattn.paradigms import NetworkTask
from cogattn.population import People
from cogattn.runs import program
from cogattn.runs.batches import SpecialistBatch
from cogattn.view import plot

ELEMENTS, TRIALS = 8, 100
GLANCES = (0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.5)
APART = np.eye(len(stages.CHANNELS))
POOLS: dict[str, dict[str, Any]] = {
    "one pool": {"pools": "eye"},
    "eye and ear": {"pools": "eye and ear"},
    "nothing shared": {"pools": "eye and ear", "conflict": APART},
}


def taken(subject: Any, crowd: list[ca.Observer], seed: int) -> tuple[dict[str, float], Any]:
    """What these people hold of each sense, and how often they are right, by either fusion; and what each holds."""
    person, trial = np.divmod(np.arange(len(crowd) * TRIALS), TRIALS)
    display = subject.show(ELEMENTS, trial_keys(seed, person, trial))
    task = NetworkTask("multimodal", subject.design)
    weights = SpecialistBatch(task, subject, display, subject.weigh(display)).weights(
        People.of(crowd), person
    )
    out = cohort.play(subject.stream(ELEMENTS), crowd, person=person, trial=trial, seed=seed, weights=weights)
    gate = GateState.from_events(out.stored, out.finish)
    pictures, words = out.stored.reshape(len(person), 2, -1).sum(2).mean(0)
    right = {f: replace(subject, fusion=f).answer(display, gate)["score"].mean() for f in ("early", "cross")}
    found = {"k": subject.stream(ELEMENTS).competition[0, 1], "pictures": pictures, "words": words}
    return found | right, out.stored.sum(1).reshape(-1, TRIALS).mean(1)


def main() -> None:
    asked = program.asked(__doc__, __file__, people=50)
    torch.set_num_threads(1)
    subject: Any = find_specialist("multimodal", "cpu")
    crowd = ca.Population.adults().sample(asked.people, asked.seed)
    rows, held = [], {}
    for pools, variant in POOLS.items():
        for pace, glances in ((0.0, GLANCES), (subject.pace, (subject.exposure,))):
            for exposure in glances:
                mind = replace(subject, pace=pace, exposure=exposure, **variant)
                found, held[pools, pace, exposure] = taken(mind, crowd, asked.seed)
                rows.append({"pools": pools, "pace": pace, "exposure": exposure} | found)
    table = pd.DataFrame(rows).assign(held=lambda t: t["pictures"] + t["words"])
    glance, pens = table[table["pace"] == 0], plot.pens(list(POOLS))
    with plot.style() as plt:
        figure, axes = plt.subplots(1, 2, figsize=(9.0, 4.0))
        for pools, own in glance.groupby("pools", sort=False):
            pen = pens[str(pools)]
            for ax, column in zip(axes, ("held", "early"), strict=True):
                label = f"{pools}, k = {own['k'].iloc[0]:.3g}"
                ax.plot(
                    1000 * own["exposure"],
                    own[column],
                    **pen.line,
                    label=label,
                )
        slots = np.mean([person.slots for person in crowd])
        axes[0].axhline(slots, color="#777777", linewidth=0.9, linestyle=":", label=f"slots, {slots:.2f}")
        axes[1].axhline(0.5, color="#777777", linewidth=0.9, linestyle=":", label="knows nothing")
        axes[0].set(ylabel=f"elements held, of {ELEMENTS}", ylim=(0, None))
        axes[1].set(ylabel="right")
        for ax in axes:
            ax.set(xlabel="exposure of pictures and words [ms]", xscale="log")
            ax.set_xticks([20, 50, 100, 200, 500], ["20", "50", "100", "200", "500"])
            ax.minorticks_off()
            ax.legend()
    asked.keep(answer(held), {"table": table}, figure)


def answer(held: dict[tuple[str, float, float], Any]) -> str:
    """The finding in a line: by how much each person holds more."""
    brief, long = (program.mean(held["eye and ear", 0.0, t] - held["one pool", 0.0, t]) for t in (0.03, 0.5))
    return f"Two pools bring in {brief} elements more at 30 ms, {long} at 500 ms: they relieve the race, not the store"


if __name__ == "__main__":
    program.run(main)
