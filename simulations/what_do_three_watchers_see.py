"""What do three watchers see? Six digits flash up: people, a network under human limits, the same network without.

    python simulations/what_do_three_watchers_see.py

People named letters (whole report, 59 adults, human/whole_report.csv); the network reads handwritten digits. Above,
one display: the first in which the limited network sees as many digits as it does on average. Below, the mean at every
exposure of the human table. About 15 s on two cores once the mind is compiled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

import cogattn as ca
from cogattn.runs import program
from cogattn.view import plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

EXPOSURE = 0.15  # s
ARMS = ("human", "softmax")
WATCHERS = ("a network under human limits", "the same network, plain softmax")
PEOPLE, TRIALS = 59, 40


def grey(picture: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Light on dark as ink on paper, 0 (white) to 1."""
    light = picture.sum(-1) if picture.ndim == 3 else picture
    return light / light.max()


def ring(
    ax: Axes, pictures: list[npt.NDArray[np.float64]], seen: list[bool] | None, title: str, note: str
) -> None:
    """Six digits around a cross; those that were not seen are pale."""
    for place, picture in enumerate(pictures):
        angle = np.pi / 2 - place * np.pi / 3
        x, y = np.cos(angle), np.sin(angle)
        depth = 1.0 if seen is None or seen[place] else 0.12
        around = (x - 0.34, x + 0.34, y - 0.34, y + 0.34)
        ax.imshow(1 - depth * grey(picture), cmap="gray", vmin=0, vmax=1, extent=around)
    ax.text(0, 0, "+", ha="center", va="center", color="#888888")
    ax.set(xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), aspect="equal", xticks=[], yticks=[])
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.set_title(title, loc="center", fontsize=11)
    ax.set_xlabel(note, fontsize=13, fontweight="bold")


def main() -> None:
    asked = program.asked(__doc__, __file__, people=PEOPLE)
    people = ca.paradigms.get("whole_report")().human()
    assert people is not None
    exposures = [float(t) for t in people["exposure"]]
    task = ca.paradigms.get("whole_report")(exposures=tuple(exposures))
    trials = ca.run(task, ARMS, model="digit_reader", people=asked.people, trials=TRIALS, seed=asked.seed)
    table = trials.frame.groupby(["exposure", "arm"])["score"].mean().unstack()
    table["people"] = people.set_index("exposure")["mean"]
    usual = table.loc[EXPOSURE]
    rows = trials.frame.query(f"arm == 'human' and exposure == {EXPOSURE}")
    first = rows[(rows["answered"] == rows["score"]) & (rows["score"] == round(usual["human"]))]
    person, trial = (int(first.iloc[0][name]) for name in ("person", "trial"))
    told = ca.explain(trials, exposures.index(EXPOSURE), person, trial)
    assert told.pictures is not None
    pictures = [np.asarray(p, float) for p in told.pictures]
    with plot.style() as plt:
        figure = plt.figure(figsize=(9.4, 5.4))
        above, below = figure.subfigures(2, 1, height_ratios=(1.0, 0.95))
        rings = above.subplots(1, 3)
        shown = f"people see {usual['people']:.1f} on average"
        ring(rings[0], pictures, None, f"six digits, {EXPOSURE * 1000:.0f} ms, then a mask", shown)
        for ax, arm, title in zip(rings[1:], ARMS, WATCHERS, strict=True):
            held = [bool(h) for h in told.one(arm)["held"]]
            ring(ax, pictures, held, title, f"sees {sum(held)} of {len(held)}")
        ax = below.subplots()
        low, high = ((people["mean"] + side * people["sd"]) for side in (-1, 1))
        ax.fill_between(people["exposure"] * 1000, low, high, color="#DDDDDD", label="people: mean ± sd")
        ax.plot(table.index * 1000, table["people"], "o", color="black", label="people's mean")
        pens = plot.pens(list(ARMS))
        for arm, title in zip(ARMS, WATCHERS, strict=True):
            pen = pens[arm]
            ax.plot(table.index * 1000, table[arm], **pen.line, label=title)
        ax.set(xlabel="time to look [ms]", ylabel="items seen, of 6", ylim=(0, 6.3), xlim=(0, 205))
        ax.legend(loc="upper left", bbox_to_anchor=(0.01, 0.9))
        seen = {name: f"{usual[name]:.1f}" for name in table}
        program.headed(figure, answer(seen["people"], seen["human"], seen["softmax"]))
    each = trials.frame.query(f"exposure == {EXPOSURE}").groupby(["arm", "person"])["score"].mean()
    row = people.set_index("exposure").loc[EXPOSURE]
    theirs = program.about(row["mean"], float(plot.interval(row["sd"], row["n"])))
    asked.keep(
        answer(theirs, *(program.mean(each[arm]) for arm in ARMS)), {"table": table.reset_index()}, figure
    )


def answer(people: str, limited: str, softmax: str) -> str:
    """The finding in a line."""
    return (
        f"In {EXPOSURE * 1000:.0f} ms people see {people} of 6 items, "
        f"the limited network {limited}, softmax attention {softmax}"
    )


if __name__ == "__main__":
    program.run(main)
