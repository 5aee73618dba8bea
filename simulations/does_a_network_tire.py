"""Does a network tire? The same digits for an hour, read by one network under human limits and by plain softmax.

    python simulations/does_a_network_tire.py

Gain, granted share and lapses of its gate follow the mind's alertness, moment by moment: a schedule of gates with
time first, run as one batch of all people and all moments. Plain softmax attention stays where it was. About
30 s on two cores; the
answer goes to results/simulations/.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

import cogattn as ca
from cogattn import files
from cogattn.laws import race
from cogattn.mind.draws import trial_keys
from cogattn.nn.functional import gated_attention
from cogattn.nn.networks.registry import find_reader
from cogattn.runs.experiment import cores
from cogattn.view import plot

PEOPLE, MOMENTS = 60, 12
ALPHA = 0.05  # of the mind whose attention maps are drawn: one that selects well has something to lose
OUT = Path("results/simulations/does_a_network_tire")


def maps(frame: pd.DataFrame) -> np.ndarray:
    """Attention over two targets (places 0, 1) and four distractors, (moments, people, 6): granted weights."""
    subject = find_reader("digit_reader", "cpu")
    labels = np.tile(np.arange(6), (PEOPLE * MOMENTS, 1))
    roles = np.tile([1, 1, 0, 0, 0, 0], (PEOPLE * MOMENTS, 1))
    picture = subject.show(labels, roles, trial_keys(3, np.arange(PEOPLE * MOMENTS), 0))
    logits = torch.tensor(subject.weigh(picture), dtype=torch.float32)
    shape = (MOMENTS, PEOPLE)
    chosen = frame[frame["trial"].isin(np.linspace(0, frame["trial"].max(), MOMENTS).astype(int))]
    chosen = chosen.sort_values(["trial", "person"])
    alertness, on_task = (chosen[c].to_numpy().reshape(shape) for c in ("alertness", "on_task"))
    gain = float(race.gain_for(ALPHA, subject.gap))
    gate = ca.GateState.from_alertness(alertness, on_task, gain=gain).flat()
    query, values = torch.ones(len(logits), 1, 1, 1), torch.eye(6).expand(len(logits), 1, 6, 6)
    weights = gated_attention(query, logits[:, None, :, None], values, gate=gate, scale=1.0)  # one pass
    return weights.reshape(*shape, 6).numpy()


def entropy(weights: np.ndarray) -> np.ndarray:
    """Entropy of where attention goes (of what is granted, renormalised), bits."""
    p = weights / weights.sum(-1, keepdims=True)
    return -(p * np.log2(np.maximum(p, 1e-12))).sum(-1)


def main() -> None:
    task = ca.paradigms.get("digit_stream")(targets=2, distractors=4, rate=2)
    trials = ca.run(task, arms=("human", "softmax"), model="digit_reader", people=PEOPLE, n_jobs=cores())
    frame = trials.frame
    frame["minute"] = frame["onset"] // 360 * 6 + 3
    table = frame.pivot_table(index="minute", columns="arm", values="score", aggfunc="mean")[
        ["human", "softmax"]
    ]
    human = frame[frame["arm"] == "human"]
    weights = maps(human)
    minutes = np.linspace(0, 60, MOMENTS)
    with plot.style() as plt:
        figure, axes = plt.subplots(1, 3, figsize=(11.5, 3.9))
        for arm, pen in plot.pens(["human", "softmax"]).items():
            axes[0].plot(
                table.index, table[arm], color=pen.color, linestyle=pen.dash, marker=pen.mark, label=arm
            )
        axes[0].set(xlabel="time on task [min]", ylabel="targets read (of 2)", ylim=(0, 2.05))
        axes[0].legend()
        image = axes[1].imshow(weights.mean(1).T, aspect="auto", cmap="viridis", extent=(0, 60, 5.5, -0.5))
        axes[1].set_yticks(range(6), ["target", "target", *["distractor"] * 4])
        axes[1].set(xlabel="time on task [min]", title="attention granted")
        figure.colorbar(image, ax=axes[1])
        bits = entropy(weights)
        axes[2].plot(minutes, bits.mean(1), "-o", color="#0072B2", label="human limits")
        axes[2].axhline(bits[0].min(), color="#D55E00", linestyle="--", label="rested, at the same gain")
        axes[2].set(xlabel="time on task [min]", ylabel="entropy of attention [bits]")
        axes[2].legend()
        figure.suptitle(answer(table), x=0.01, ha="left", fontweight="bold")
        plot.save(figure, OUT, "figure")
    table["entropy"] = np.interp(table.index, minutes, bits.mean(1))
    files.write_table(OUT / "table.csv", table.reset_index())
    print(table.round(3).to_string(), answer(table), f"Results: {OUT}", sep="\n\n")


def answer(table: pd.DataFrame) -> str:
    """The finding in a line."""
    h, s = table["human"], table["softmax"]
    return (
        f"Under human limits it reads {h.iloc[0]:.2f} of 2 targets in the first six minutes, "
        f"{h.iloc[-1]:.2f} in the last; "
        f"softmax {s.iloc[0]:.2f} and {s.iloc[-1]:.2f}"
    )


if __name__ == "__main__":
    main()
