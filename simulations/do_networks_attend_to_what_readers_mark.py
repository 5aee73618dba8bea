"""Do networks attend to what readers mark? Words that three people marked in reviews, beside softmax and human limits.

    python simulations/do_networks_attend_to_what_readers_mark.py --data "ham_part1(50words).csv"

The file is one of raw_data/ of github.com/cansusen/Human-Attention-for-Text-Classification (Sen et al. 2020), which has
no licence: it is read, and no text of it is kept. Three readers said whether a review is positive and marked the words
that told them. SmolLM2 is asked the same after the text; all-MiniLM-L6-v2 is a sentence encoder and asked nothing. Each
is read without limits and by 10 adults of the population, each with a store of K words, who race by that attention.

Kappa: with the words marked that a network attends to most, at the share that people mark (`human_attention_maps`: .256
of 50 words). Area: chance .5. 22 texts take about 4 minutes of one core with `cogattn[pretrained]`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

import cogattn as ca
from cogattn.nn import pretrained
from cogattn.nn.marked_words import MarkedText, WordAttention, area, kappa, read_maps, top
from cogattn.runs import program
from cogattn.view import plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHARE = 0.25553  #: of words that people mark in texts of 50 words (900 maps of part 1)
PACE = 0.25  #: s a word
QUESTION = "\nQuestion: Is this review positive? Answer (yes or no):"
Floats = npt.NDArray[np.float64]
OPTIONS: program.Options = {
    "--data": {"type": Path, "required": True, "help": "a .csv of human attention maps"},
    "--texts": {"type": int, "default": 0, "help": "so many of its texts (all)"},
}


def networks() -> dict[str, WordAttention]:
    """The two, and the layers that limits hold in: those measured of SmolLM2, all of the encoder."""
    return {
        "SmolLM2": WordAttention(*pretrained.load("smollm2"), range(20, 30), QUESTION, -1),
        "MiniLM": WordAttention(*pretrained.load("minilm"), range(6), "", "all"),
    }


def scores(network: WordAttention, text: MarkedText, adults: int, seed: int) -> dict[str, Floats]:
    """Of each word, under softmax and under the limits of people: its attention, and how often it was held."""
    free = network.shares(text.words)[0]
    people = ca.Population.adults().sample(adults, seed=seed)
    race = ca.Race(
        torch.tensor([p.capacity for p in people]),
        torch.tensor([p.slots for p in people]),
        torch.tensor([p.threshold for p in people]),
    )
    logits = torch.from_numpy(np.log(np.maximum(free, 1e-12))).float().expand(adults, -1)
    chance = torch.Generator().manual_seed(seed)
    gate = race(logits, exposure=PACE * len(text.words), generator=chance)
    seen = gate.visible(len(text.words))
    assert seen is not None
    keep = seen[:, 0, 0].numpy()
    return {"softmax": free, "human limits": network.shares(text.words, keep).mean(0), "held": keep}


def compare(text: MarkedText, score: Floats) -> dict[str, float]:
    """Its agreement with each reader, and their mean."""
    mine = top(score, SHARE)
    return {
        "kappa": float(np.nanmean([kappa(mine, marks) for marks in text.marks])),
        "area": float(np.nanmean([area(score, marks) for marks in text.marks])),
        "marked": float(text.marks[:, top(score, 3 / len(score))].mean()),
    }


def between(text: MarkedText) -> dict[str, float]:
    """Agreement of each two readers of the text."""
    pairs = [(a, b) for i, a in enumerate(text.marks) for j, b in enumerate(text.marks) if i != j]
    return {
        "kappa": float(np.nanmean([kappa(a, b) for a, b in pairs])),
        "area": float(np.nanmean([area(a.astype(float), b) for a, b in pairs])),
        "marked": float(np.nanmean([b[a].mean() if a.any() else np.nan for a, b in pairs])),
    }


def measured(
    texts: list[MarkedText], known: dict[str, WordAttention], asked: program.Program
) -> pd.DataFrame:
    """A row per text and who is compared with its readers."""
    rows: list[dict[str, Any]] = []
    for t, text in enumerate(texts):
        long = np.array([len(word) for word in text.words], float)
        rows += [{"text": t, "who": "another reader"} | between(text)]
        rows += [{"text": t, "who": "long words"} | compare(text, long)]
        for name, network in known.items():
            got = scores(network, text, asked.people, t + 10**4 * asked.seed)
            held = got.pop("held").astype(bool)
            rows += [
                {"text": t, "who": f"{name}, {arm}"} | compare(text, score) for arm, score in got.items()
            ]
            each = [text.marks[:, one].mean() for one in held if one.any()]
            one = {"kappa": np.nan, "area": np.nan, "marked": float(np.mean(each))}
            rows += [{"text": t, "who": f"{name}, held by one person"} | one]
        print(f"{t + 1} of {len(texts)} texts", flush=True)
    return pd.DataFrame(rows)


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """Means over texts with their 95 % intervals."""
    parts = []
    for who, mine in frame.groupby("who", sort=False):
        row: dict[str, Any] = {"who": who, "texts": len(mine)}
        for column in ("kappa", "area", "marked"):
            x = mine[column].dropna()
            row[column] = x.mean() if len(x) else np.nan
            row[f"{column}_half"] = 1.96 * x.std() / np.sqrt(len(x)) if len(x) > 1 else np.nan
        parts.append(row)
    return pd.DataFrame(parts)


def draw(means: pd.DataFrame) -> Figure:
    """Kappa with a reader: of another reader, and of the networks."""
    some = means[means["kappa"].notna()].iloc[::-1]
    with plot.style() as plt:
        figure, axis = plt.subplots(figsize=(8.0, 3.4))
        pens = plot.pens(["softmax", "human"])
        for y, (_, row) in enumerate(some.iterrows()):
            arm = "human" if "human" in row["who"] else "softmax"
            color = {"another reader": plot.PEOPLE, "long words": "0.6"}.get(row["who"], pens[arm].color)
            axis.errorbar(row["kappa"], y, xerr=row["kappa_half"], fmt="o", color=color, capsize=2)
        axis.axvline(0, color="0.7", lw=0.8)
        axis.set_yticks(range(len(some)), some["who"])
        axis.set(xlabel="Cohen's kappa with a reader (mean over texts, 95 % interval)")
    return figure


def main() -> None:
    asked = program.asked(__doc__, __file__, people=10, options=OPTIONS)
    texts = read_maps(asked.more.data)
    texts = texts[: asked.more.texts or len(texts)]
    frame = measured(texts, networks(), asked)
    means = table(frame)
    kappas = frame.groupby("who")["kappa"]
    by = {who: program.mean(own) for who, own in kappas}
    text = (
        f"What a reader marks, two readers agree on by kappa {by['another reader']}, long words by {by['long words']}, "
        f"the attention of SmolLM2 by {by['SmolLM2, softmax']}, of MiniLM by {by['MiniLM, softmax']}; under human "
        f"limits by {by['SmolLM2, human limits']} and {by['MiniLM, human limits']}"
    )
    marked = np.mean([one.marks.mean() for one in texts])
    asked.keep(text, {"table": means.round(4)}, draw(means), f"Share marked by people: {marked:.3f}")


if __name__ == "__main__":
    program.run(main)
