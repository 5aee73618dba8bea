"""Which numbers of a mind move which task? Writes the table by which the page orders its sliders.

    python simulations/which_numbers_move_which_task.py --only whole_report prp --out /tmp/effects.csv

Every number of the mean adult goes alone to either end of its slider, in every task; what is measured is how far the
trials move (`cogattn.explore.effects`). It takes minutes of one core for all tasks; a task that is in the table
already is measured again only if it is named.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import pandas as pd

from cogattn import files, paradigms
from cogattn.explore import effects

HEAD = (
    "# How far each number of a mind moves the trials of each task at the ends of its slider: change of the mean\n"
    "# in sd of single trials, over conditions and measures. 0: not one trial changes. Seed 0; written by\n"
    "# simulations/which_numbers_move_which_task.py.\n"
)


def main() -> None:
    """Measure, and write after every task."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--only", nargs="+", default=None, choices=paradigms.names(), metavar="TASK")
    ask.add_argument("--out", type=Path, default=Path(effects.__file__).with_name(effects.TABLE))
    asked = ask.parse_args()
    table = pd.read_csv(asked.out, comment="#", index_col=0) if asked.out.exists() else pd.DataFrame()
    for name in asked.only or [n for n in paradigms.names() if n not in table]:
        own = {k: v if math.isnan(v) else float(f"{v:.2g}") for k, v in effects.measure(name).items()}
        table = table.reindex(list(own)) if table.empty else table
        table[name] = pd.Series(own)
        files.write_text(asked.out, HEAD + table.sort_index(axis=1).to_csv(index_label="parameter"))
        first = sorted((k for k in own if own[k] > 0), key=lambda k: -own[k])
        print(f"{name}: {len(first)} of {len(own)} move it, most {', '.join(first[:4])}", flush=True)


if __name__ == "__main__":
    main()
