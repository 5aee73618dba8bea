"""What does a person take from nine words? "The quick brown fox jumps over the lazy dog", word by word.

    python simulations/what_does_a_person_take_from_nine_words.py

The sequence scorer gives every word of a sentence a weight and scores the sentence by their weighted mean. Softmax
attention takes all nine; a person holds about three when the sentence ends, mostly the last word and those that weigh
most, and shares all attention among these. 200 people, 50 readings each, at 238 words per minute. About 5 s on one
core.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

import cogattn as ca
from cogattn.laws import race
from cogattn.mind import cohort
from cogattn.nn.networks.registry import find_specialist
from cogattn.runs import program
from cogattn.view import plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SENTENCE = "The quick brown fox jumps over the lazy dog"
READINGS = 50


def held(subject: Any, display: npt.NDArray[np.int64], asked: program.Program) -> Any:
    """What each person holds of the sentence after each reading (people x readings, words)."""
    minds = ca.Population.adults().sample(asked.people, asked.seed)
    person, trial = np.divmod(np.arange(len(display)), READINGS)
    gain = race.gain_for([mind.alpha for mind in minds], subject.gap)[person, None]
    weights = race.weights_from_logits(subject.weigh(display), gain)
    return cohort.play(
        subject.stream(display.shape[1]),
        minds,
        person=person,
        trial=trial,
        seed=asked.seed,
        weights=weights,
    )


def main() -> None:
    asked = program.asked(__doc__, __file__, people=200)
    subject: Any = find_specialist("sequence_scorer", "cpu")
    once = subject.of(SENTENCE)
    display = np.repeat(once, asked.people * READINGS, 0)
    out = held(subject, display, asked)
    gate = ca.GateState.from_events(out.stored, out.finish)
    table = pd.DataFrame(
        {
            "word": SENTENCE.split(),
            "true_share": subject.share(once)[0],
            "softmax": subject.allocate(once, None)[0],
            "human": subject.allocate(display, gate).mean(0),
            "held": out.stored.mean(0),
        }
    )
    said = subject.answer(display, gate)["said"]
    whole = subject.answer(once, None)
    each = (out.stored.sum(1).reshape(-1, READINGS).mean(1), said.reshape(-1, READINGS).mean(1))
    asked.keep(answer(table, whole, *each), {"table": table}, draw(table))


def draw(table: pd.DataFrame) -> Figure:
    """Attention to each word, and who still holds it."""
    at = np.arange(len(table))
    with plot.style() as plt:
        figure, (top, low) = plt.subplots(2, 1, figsize=(8.0, 5.6), sharex=True)
        for shift, (arm, pen) in zip((-0.2, 0.2), plot.pens(["softmax", "human"]).items(), strict=True):
            hatch = "" if arm == "human" else "///"
            top.bar(at + shift, table[arm], 0.36, color=pen.color, label=arm, hatch=hatch, edgecolor="white")
        top.plot(at, table["true_share"], "_", color=plot.PEOPLE, markersize=26, mew=1.5, label="truth")
        low.bar(at, table["held"], 0.6, color=plot.pens(["human"])["human"].color)
        top.set(ylabel="attention to the word")
        low.set(ylabel="share of readings after\nwhich the word is held", ylim=(0, 1.02))
        low.set_xticks(at, table["word"])
        top.legend()
    return figure


def answer(table: pd.DataFrame, whole: dict[str, Any], holds: npt.ArrayLike, said: npt.ArrayLike) -> str:
    """The finding in a line. holds, said: the means of each person."""
    held = table["held"]
    return (
        f"A person holds {program.mean(holds)} of {len(table)} words, the last one on {held.iloc[-1]:.0%} of "
        f'readings, "{table["word"][held[:-1].idxmax()]}" on {held[:-1].max():.0%}; the sentence is worth '
        f"{whole['true'][0]:.2f}: softmax says {whole['said'][0]:.2f}, people {program.mean(said)}"
    )


if __name__ == "__main__":
    program.run(main)
