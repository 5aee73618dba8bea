"""Which numbers of a mind move which task? Writes the table by which the page orders its sliders.

    python simulations/which_numbers_move_which_task.py --only whole_report prp --table effects.csv

Every number of the mean adult goes alone to either end of its slider, in every task; what is measured is how far the
trials move (`cogattn.explore.effects`). It takes minutes of one core for all tasks; a task that is in the table
already is measured again only if it is named. The table is that of the package, if no other is named.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cogattn import files, paradigms
from cogattn.explore import effects
from cogattn.runs import program
from cogattn.view import plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEAD = (
    "# How far each number of a mind moves the trials of each task at the ends of its slider: change of the mean\n"
    "# in sd of single trials, over conditions and measures. 0: not one trial changes. Seed 0; written by\n"
    "# simulations/which_numbers_move_which_task.py.\n"
)
LEAST = 0.2  #: sd of single trials: less is hardly seen
MOST = 24  #: numbers that are drawn; all are in the table
OPTIONS: program.Options = {
    "--only": {"nargs": "+", "choices": paradigms.names(), "metavar": "TASK", "help": "measure these anew"},
    "--table": {"type": Path, "help": "the table that is read and written (the package's)"},
}


def measured(path: Path, only: list[str] | None) -> pd.DataFrame:
    """The table, with what is missing in it and what is named; written after every task."""
    table = pd.read_csv(path, comment="#", index_col=0) if path.exists() else pd.DataFrame()
    for name in only or [n for n in paradigms.names() if n not in table]:
        own = {k: v if math.isnan(v) else float(f"{v:.2g}") for k, v in effects.measure(name).items()}
        table = table.reindex(list(own)) if table.empty else table
        table[name] = pd.Series(own)
        files.write_text(path, HEAD + table.sort_index(axis=1).to_csv(index_label="parameter"))
        first = sorted((k for k in own if own[k] > 0), key=lambda k: -own[k])
        print(f"{name}: {len(first)} of {len(own)} move it, most {', '.join(first[:4])}", flush=True)
    return table.sort_index(axis=1)


def draw(table: pd.DataFrame) -> Figure:
    """In how many tasks a number is seen, of those that are seen in most."""
    count = (table >= LEAST).sum(axis=1).sort_values().tail(MOST)
    with plot.style() as plt:
        figure, ax = plt.subplots(figsize=(7.0, 0.19 * len(count) + 1.2))
        ax.barh(np.arange(len(count)), count, color=plot.pens(["human"])["human"].color)
        ax.set_yticks(np.arange(len(count)), count.index)
        ax.set(
            xlabel=f"tasks (of {table.shape[1]}) that it moves by {LEAST:g} sd or more; the first {len(count)}"
        )
        ax.margins(y=0.01)
    return figure


def answer(table: pd.DataFrame) -> str:
    """The finding in a line."""
    seen = (table >= LEAST).sum(axis=1).sort_values(ascending=False)
    most = ", ".join(f"{name} ({n})" for name, n in seen.head(4).items())
    return (
        f"Of {len(table)} numbers {int((seen > 0).sum())} move some task by {LEAST:g} sd of single trials or more; "
        f"most tasks (of {table.shape[1]}) are moved by {most}; a task by "
        f"{(table >= LEAST).sum().median():.0f} of them (median; always the same draws: no interval)"
    )


def main() -> None:
    """Measure, and write after every task."""
    asked = program.asked(__doc__, __file__, options=OPTIONS)
    path = asked.more.table or Path(effects.__file__).with_name(effects.TABLE)
    if asked.out.suffix == ".csv":  # the table, as it was named when there was no folder
        path, asked = asked.out, replace(asked, out=asked.out.with_suffix(""))
    table = measured(path, asked.more.only)
    asked.keep(answer(table), {"table": table.rename_axis("parameter").reset_index()}, draw(table))


if __name__ == "__main__":
    program.run(main)
