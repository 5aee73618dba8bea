"""A simulation as a small program: `--people`, `--seed`, `--out`, a folder that says how it was made, one answer.

    asked = program.asked(__doc__, __file__, people=50)
    ...
    asked.keep(answer, {"table": table}, figure)

The folder holds config.toml (what was asked), provenance.json (which version, on what machine), the tables, the figure
and answer.txt. A folder that holds an answer is left as it is unless `--force` is given.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from cogattn import files
from cogattn.errors import InputError, whole
from cogattn.runs import trials as results
from cogattn.view import plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ANSWER = "answer.txt"


@dataclass(frozen=True)
class Program:
    """What a program was asked for. people: 0 where the answer is exact and nobody is played."""

    name: str
    people: int
    seed: int
    out: Path

    def keep(self, answer: str, tables: Mapping[str, pd.DataFrame], figure: Figure | None = None) -> None:
        """Write all of it, and say the answer."""
        config = {"program": self.name} | ({"people": self.people, "seed": self.seed} if self.people else {})
        files.write_text(self.out / "config.toml", results.toml(config))
        files.write_json(
            self.out / "provenance.json", results.provenance(self.seed, "cpu", 1) | {"status": "done"}
        )
        for name, table in tables.items():
            files.write_table(self.out / f"{name}.csv", table)
        if figure is not None:
            plot.keep(figure, self.out, "figure")
        files.write_text(self.out / ANSWER, answer + "\n")
        print(answer, f"Results: {self.out}", sep="\n")


def asked(doc: str | None, file: str, *, people: int = 0, words: Sequence[str] | None = None) -> Program:
    """What the command line asks for. people: played if nobody says how many; 0: the answer is exact. words: instead
    of the command line's."""
    name = Path(file).stem
    ask = argparse.ArgumentParser(
        prog=f"python simulations/{name}.py", description=(doc or "").split("\n")[0]
    )
    if people:
        ask.add_argument("--people", type=int, default=people, help=f"how many are played (default {people})")
        ask.add_argument("--seed", type=int, default=0, help="other chances (default 0)")
    out = Path("results/simulations") / name
    ask.add_argument("--out", type=Path, default=out, help=f"folder for the results (default {out})")
    ask.add_argument("--force", action="store_true", help="write over an answer that is there")
    said = ask.parse_args(words)
    try:
        n = whole("people", said.people, least=1, most=10**6) if people else 0
        seed = whole("seed", said.seed) if people else 0
        if (said.out / ANSWER).exists() and not said.force:
            raise InputError(f"{said.out} holds an answer: name another folder with --out, or add --force")
    except InputError as error:
        ask.error(str(error))
    return Program(name, n, seed, said.out)


def mean(values: npt.ArrayLike, form: str = ".2f") -> str:
    """A mean of independent values with its 95 % interval.

    >>> mean([1.0, 2.0, 3.0, 4.0])
    '2.50 (0.45 to 4.55)'
    >>> mean([0.25])
    '0.25 (one value: no interval)'
    """
    x = np.asarray(values, float)
    middle, half = float(x.mean()), float(plot.interval(x.std(ddof=1), x.size)) if x.size > 1 else np.nan
    if not np.isfinite(half):
        return f"{middle:{form}} (one value: no interval)"
    return f"{middle:{form}} ({middle - half:{form}} to {middle + half:{form}})"
