"""What does a person take from nine words? "The quick brown fox jumps over the lazy dog", word by word.

    python simulations/what_does_a_person_take_from_nine_words.py

The sequence scorer gives every word of a sentence a weight and scores the sentence by their weighted mean. Softmax
attention takes all nine; a person holds about three when the sentence ends, mostly the last word and those that weigh
most, and shares all attention among these. 200 people, 50 readings each, at 238 words per minute. About 5 s on one
core; the answer goes to results/simulations/.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

import cogattn as ca
from cogattn import files
from cogattn.laws import race
from cogattn.mind import cohort
from cogattn.nn.networks.registry import find_specialist
from cogattn.view import plot

SENTENCE = "The quick brown fox jumps over the lazy dog"
PEOPLE, READINGS = 200, 50
OUT = Path("results/simulations/what_does_a_person_take_from_nine_words")


def held(subject: Any, display: npt.NDArray[np.int64]) -> Any:
    """What each person holds of the sentence after each reading (people x readings, words)."""
    minds = ca.Population.adults().sample(PEOPLE, seed=0)
    person, trial = np.divmod(np.arange(PEOPLE * READINGS), READINGS)
    gain = race.gain_for([mind.alpha for mind in minds], subject.gap)[person, None]
    weights = race.weights_from_logits(subject.weigh(display), gain)
    return cohort.play(
        subject.stream(display.shape[1]), minds, person=person, trial=trial, seed=0, weights=weights
    )


def main() -> None:
    subject: Any = find_specialist("sequence_scorer", "cpu")
    once = subject.of(SENTENCE)
    display = np.repeat(once, PEOPLE * READINGS, 0)
    out = held(subject, display)
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
    draw(table, answer(table, whole, said))
    files.write_table(OUT / "table.csv", table)
    print(table.round(3).to_string(index=False), answer(table, whole, said), f"Results: {OUT}", sep="\n\n")


def draw(table: pd.DataFrame, title: str) -> None:
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
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
        plot.save(figure, OUT, "figure")


def answer(table: pd.DataFrame, whole: dict[str, Any], said: npt.NDArray[np.float64]) -> str:
    """The finding in a line."""
    held = table["held"]
    return (
        f"A person holds {held.sum():.1f} of {len(table)} words, the last one always, "
        f'"{table["word"][held[:-1].idxmax()]}" on {held[:-1].max():.0%} of readings;\n'
        f"the sentence is worth {whole['true'][0]:.2f}: softmax says {whole['said'][0]:.2f}, "
        f"people {said.mean():.2f} +- {said.std():.2f}"
    )


if __name__ == "__main__":
    main()
