"""What is the cheapest capacity that keeps misses under 5 % in a control room? And if none does, what would?

    python simulations/what_is_the_cheapest_capacity_for_a_control_room.py

The room at its low load (tracking, gauges, radio, pumps; `control_room`); an adult misses one signal in eight there.
Three questions, each to the same room with the same draws: a search over capacity and slots, as the question asks; a
screening of eight parameters (Morris), to see what misses hang on at all; a search over two that do matter and that
practice or a work place could change, for the smallest change (sum of the log factors) that brings misses under 5 %. A
minute on two cores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cogattn import files, paradigms
from cogattn.observer import Observer
from cogattn.runs import program
from cogattn.runs.experiment import cores, run
from cogattn.tune import Sensitivity, Sweep, sensitivity, sweep
from cogattn.view import plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROOM = paradigms.get("control_room")(loads=(1,))
ENOUGH = "misses <= 0.05"
ADULT = Observer()
SCREENED: dict[str, tuple[float, ...] | None] = {
    **dict.fromkeys(("capacity", "slots", "speed")),  # over the range of adults
    "switch_rate": (0.25, 1.0),
    "task_inertia": (1.5, 6.0),
    "switch_time": (0.1, 0.4),
    "unattended_weight": (0.05, 0.2),
    "dwell": (0.134, 0.536),
}
CHANGED = ("speed", "switch_rate")
Asked = dict[str, int]  #: people, n_jobs, seed


def by_capacity(how: Asked) -> Sweep:
    """The question as it is asked."""
    space = {"capacity": (20.0, 120.0), "slots": (1.0, 6.0)}
    return sweep(ROOM, space, "min capacity", ENOUGH, candidates=32, **how)  # type: ignore[arg-type]


def screened(how: Asked) -> Sensitivity:
    """What misses hang on."""
    return sensitivity(ROOM, SCREENED, "misses", method="morris", n=8, **how)  # type: ignore[arg-type]


def changed(how: Asked) -> Sweep:
    """The smallest change that does it."""
    space = {name: (getattr(ADULT, name), 4 * getattr(ADULT, name)) for name in CHANGED}
    change = " + ".join(f"log({name} / {getattr(ADULT, name)})" for name in CHANGED)
    return sweep(ROOM, space, f"min {change}", ENOUGH, candidates=48, **how)  # type: ignore[arg-type]


def words(first: Sweep, screening: Sensitivity, second: Sweep) -> list[str]:
    """The answer in sentences."""
    misses = first.measured["misses"]
    full = first.tried["slots"] >= 3
    effect = screening.indices.set_index("parameter")["mu_star"]
    return [
        f"No capacity does: {first.findings()[0]}",
        f"With three slots or more misses stay between {misses[full].min():.1%} and {misses[full].max():.1%}, "
        "from 20 to 120 items/s.",
        "How much misses change when a parameter goes through its range: "
        + ", ".join(f"{name} {x:.3f}" for name, x in effect.sort_values(ascending=False).items()) + ".",
        f"The smallest change of {' and '.join(CHANGED)}: {second.findings()[-2]}",
        second.findings()[-1],
    ]  # fmt: skip


def missed(o: Observer, asked: program.Program) -> str:
    """What minds like this one miss with draws that no search has seen, with its interval."""
    frame = run(ROOM, "human", observer=o, people=asked.people, seed=asked.seed + 1000, n_jobs=cores()).frame
    own = frame.groupby("person")[["missed", "arrived"]].sum()
    return program.mean(own["missed"] / own["arrived"], ".1%")


def answer(first: Sweep, second: Sweep, asked: program.Program) -> str:
    """The finding in a line."""
    misses = first.measured.loc[first.tried["slots"] >= 3, "misses"]
    any_does = "Some capacity does" if first.tried["feasible"].any() else "No capacity does"
    text = (
        f"{any_does}: with three slots or more, misses stay between {misses.min():.1%} and {misses.max():.1%} from 20 "
        f"to 120 items/s; played once more the adult misses {missed(ADULT, asked)}"
    )
    if not second.tried["best"].any():
        return f"{text}; no change of {' and '.join(CHANGED)} that was tried does"
    at = ", ".join(f"{name} {second.best[name]:.3g}" for name in CHANGED)
    return f"{text}, with the smallest change ({at}) {missed(second.observer(), asked)}"


def draw(first: Sweep, screening: Sensitivity, second: Sweep) -> Figure:
    """The three answers beside each other."""
    with plot.style() as plt:
        figure, axes = plt.subplots(1, 3, figsize=(11.4, 3.9))
        few = first.tried["slots"] < 2
        for rows, mark, label in ((~few, "o", "2 slots or more"), (few, "x", "fewer")):
            at = first.tried.loc[rows, "capacity"], 100 * first.measured.loc[rows, "misses"]
            axes[0].plot(*at, mark, color="#0072B2", label=label)
        axes[0].axhline(5, color=plot.PEOPLE, linewidth=0.9, linestyle="--")
        axes[0].set(
            xlabel="capacity [items/s]", ylabel="misses [%]", ylim=(0, None), title="no capacity does"
        )
        axes[0].legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)
        own = screening.indices.sort_values("mu_star")
        axes[1].barh(own["parameter"], 100 * own["mu_star"], color="#0072B2")
        low, high = 100 * own["mu_star_low"].clip(lower=0), 100 * own["mu_star_high"]
        axes[1].hlines(np.arange(len(own)), low, high, color=plot.PEOPLE, linewidth=1.2)
        axes[1].set(xlabel="change of misses, percentage points", title="what misses hang on")
        for holds, mark, color, label in (
            (False, "x", "#D55E00", "too many"),
            (True, "o", "#0072B2", "5 % or less"),
        ):
            rows = second.tried[second.tried["feasible"] == holds]
            axes[2].plot(rows[CHANGED[0]], rows[CHANGED[1]], mark, color=color, label=label)
        axes[2].plot(
            *(getattr(ADULT, n) for n in CHANGED), "s", color=plot.PEOPLE, label="adult", clip_on=False
        )
        if second.tried["best"].any():
            at = second.best[list(CHANGED)]
            axes[2].plot(
                *at, "*", color="#E69F00", markersize=16, markeredgecolor=plot.PEOPLE, label="smallest change"
            )
        axes[2].set(xlabel="speed of responses [1/s]", ylabel="switch_rate [1/s]", title="what does it")
        axes[2].legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)
    return figure


def main() -> None:
    """Ask, screen, search again; write, draw."""
    asked = program.asked(__doc__, __file__, people=30)
    how = {"people": asked.people, "n_jobs": cores(), "seed": asked.seed}
    first, screening, second = by_capacity(how), screened(how), changed(how)
    tables = {"asked": first.tried, "screened": screening.indices, "changed": second.tried}
    told = words(first, screening, second)
    files.write_text(asked.out / "findings.txt", "\n".join(told) + "\n")
    asked.keep(answer(first, second, asked), tables, draw(first, screening, second), *told)


if __name__ == "__main__":
    program.run(main)
