"""Does a network tire? The same digits for an hour, read by one network under human limits and by plain softmax.

    python simulations/does_a_network_tire.py

Gain, granted share and lapses of its gate follow the mind's alertness, moment by moment: a schedule of gates with
time first, run as one batch of all people and all moments. Plain softmax attention stays where it was. About
30 s on two cores; the
answer goes to results/simulations/.
"""

import numpy as np
import pandas as pd
import torch

import cogattn as ca
from cogattn.laws import race
from cogattn.mind.draws import trial_keys
from cogattn.nn.functional import gated_attention
from cogattn.nn.networks.registry import find_reader
from cogattn.runs import program
from cogattn.runs.experiment import cores
from cogattn.view import plot

MOMENTS = 12
ALPHA = 0.05  # of the mind whose attention maps are drawn: one that selects well has something to lose


def maps(frame: pd.DataFrame, asked: program.Program) -> np.ndarray:
    """Attention over two targets (places 0, 1) and four distractors, (moments, people, 6): granted weights."""
    subject = find_reader("digit_reader", "cpu")
    n = asked.people * MOMENTS
    labels = np.tile(np.arange(6), (n, 1))
    roles = np.tile([1, 1, 0, 0, 0, 0], (n, 1))
    picture = subject.show(labels, roles, trial_keys(3 + 10 * asked.seed, np.arange(n), 0))
    logits = torch.tensor(subject.weigh(picture), dtype=torch.float32)
    shape = (MOMENTS, asked.people)
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
    asked = program.asked(__doc__, __file__, people=60)
    task = ca.paradigms.get("digit_stream")(targets=2, distractors=4, rate=2)
    trials = ca.run(task, ("human", "softmax"), "digit_reader", asked.people, seed=asked.seed, n_jobs=cores())
    frame = trials.frame
    frame["minute"] = frame["onset"] // 360 * 6 + 3
    table = frame.pivot_table(index="minute", columns="arm", values="score", aggfunc="mean")[
        ["human", "softmax"]
    ]
    human = frame[frame["arm"] == "human"]
    weights = maps(human, asked)
    minutes = np.linspace(0, 60, MOMENTS)
    with plot.style() as plt:
        figure, axes = plt.subplots(1, 3, figsize=(11.5, 3.9))
        for arm, pen in plot.pens(["human", "softmax"]).items():
            axes[0].plot(table.index, table[arm], **pen.line, label=arm)
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
    table["entropy"] = np.interp(table.index, minutes, bits.mean(1))
    asked.keep(answer(frame), {"table": table.reset_index()}, figure)


def answer(frame: pd.DataFrame) -> str:
    """The finding in a line: means of what each person reads in the first and in the last six minutes."""
    own = frame.pivot_table(index=["arm", "person"], columns="minute", values="score")
    h, s = own.loc["human"], own.loc["softmax"].mean()
    return (
        f"Under human limits it reads {program.mean(h.iloc[:, 0])} of 2 targets in the first six minutes, "
        f"{program.mean(h.iloc[:, -1])} in the last; softmax {s.iloc[0]:.2f} and {s.iloc[-1]:.2f}"
    )


if __name__ == "__main__":
    program.run(main)
