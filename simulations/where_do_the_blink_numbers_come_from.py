"""Where do the numbers of the attentional blink come from? The formula, fitted to one laboratory.

    python simulations/where_do_the_blink_numbers_come_from.py

`laws.stages.blink` is fitted to how often 12 people reported the second of two letters, by lag. A mind differs from the
formula in one thing: what finds the door locked waits there until its mask; so the time for which the door is locked is
longer than the fitted one by what is left of the second item's display when the first is encoded. The noise of order is
that which makes the people's share of swapped pairs at lag 1. The other laboratories are kept for tests
(`cogattn scorecard --curves`). About 10 s.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq, least_squares

import cogattn as ca
from cogattn import files, human
from cogattn.laws import stages
from cogattn.mind import cohort
from cogattn.paradigms.attentional_blink import AttentionalBlink, given_first
from cogattn.view import plot

OUT = Path("results/simulations/where_do_the_blink_numbers_come_from")
TASK, WINDOW, N = AttentionalBlink(), 0.1, 20_000
LETTERS = human.fit("attentional_blink").set_index("dataset")


def fitted(people: pd.DataFrame) -> np.ndarray:
    """p, mean and sd of the dwell time, q."""
    lag, y = people["lag"].to_numpy() / TASK.rate, people["T2_given_T1"].to_numpy()
    return least_squares(
        lambda v: stages.blink(lag, v[0], v[1], v[2], v[3], WINDOW) - y, [0.8, 0.2, 0.12, 0.7]
    ).x


def display_left() -> float:
    """Seconds of its display that the second item still has when the first is encoded as late as it was itself."""
    stream = TASK.trial({"lag": 7})
    out = cohort.play(stream, [ca.Observer()], person=0, trial=range(N), details=True)
    assert out.element_times is not None
    onset = stream.stimuli[0].onset
    return float(1 / TASK.rate - np.nanmean(out.element_times.encoded[:, 0] - onset))


def swapped(sd: float) -> float:
    """Share of trials at lag 1 in which both are reported, in the wrong order (without lapses of attention)."""
    out = cohort.play(
        TASK.trial({"lag": 1}), [ca.Observer(order_sd=sd)], person=0, trial=range(N), details=True
    )
    assert out.element_times is not None
    turned = out.element_times.seems[:, 1] < out.element_times.seems[:, 0]
    return float((out.stored[:, :2].all(1) & turned).mean())


def main() -> None:
    p, mean, sd, q = fitted(LETTERS)
    dwell = mean + display_left()
    share = LETTERS.set_index("lag").loc[1, "swap"] / (1 - 0.065)  # attention was there on 93.5 % of trials
    order = float(brentq(lambda s: swapped(s) - share, 0.02, 0.2, xtol=1e-3))
    names = ("dwell", "dwell_sd", "sparing", "order_sd")
    numbers: dict[str, Any] = dict(zip(names, map(float, (dwell, sd, q, order)), strict=True))
    minds = [replace(o, **numbers) for o in ca.Population.adults().sample(200)]
    frame = pd.concat(
        [ca.run(TASK, "human", people=10, observer=o, seed=i).frame for i, o in enumerate(minds[:40])]
    )
    curve: pd.Series = given_first(frame).groupby("lag")["mean"].mean()
    off = float(np.sqrt(np.mean((curve.to_numpy() - LETTERS["T2_given_T1"].to_numpy()) ** 2)))
    text = f"Fitted to letters (misfit {off:.3f})"
    with plot.style() as plt:
        figure, ax = plt.subplots(figsize=(6.4, 4.2))
        pen = plot.pens(["human"])["human"]
        plot.people(
            ax,
            LETTERS["lag"],
            LETTERS["T2_given_T1"],
            LETTERS["T2gT1_sd"],
            LETTERS["n_sub"],
            "people, letters",
        )
        ax.plot(
            curve.index, curve, pen.mark, color=pen.color, linestyle="-", label="minds with these numbers"
        )
        x = np.linspace(0.08, 0.6, 200)
        ax.plot(
            x * TASK.rate, stages.blink(x, p, mean, sd, q, WINDOW), ":", color=plot.PEOPLE, label="formula"
        )
        ax.set(xlabel="lag [items]", ylabel="P(T2 given T1)", ylim=(0, 1), title=text)
        ax.legend(loc="lower right")
        plot.save(figure, OUT, "figure")
    table = pd.DataFrame({"parameter": names, "fitted": numbers.values(),
                          "default": [getattr(ca.Observer(), n) for n in names]})  # fmt: skip
    files.write_table(OUT / "table.csv", table)
    print(table.round(4).to_string(index=False), text, f"Results: {OUT}", sep="\n\n")


if __name__ == "__main__":
    main()
