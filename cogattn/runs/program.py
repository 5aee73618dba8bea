"""A simulation as a small program: `--people`, `--seed`, `--out`, a folder that says how it was made, one answer.

    def main() -> None:
        asked = program.asked(__doc__, __file__, people=50, options={"--trials": {"type": int, "default": 20}})
        ...
        asked.keep(answer, {"table": table}, figure)


    if __name__ == "__main__":
        program.run(main)

The folder holds config.toml (what was asked), provenance.json (which version, on what machine, how long), the tables,
the figure and answer.txt. A folder that holds an answer is left as it is unless `--force` is given. What a long program
has finished lies in `parts` and is used again, with `--force` too; without an answer a second call goes on by itself.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cogattn import files
from cogattn.errors import CogattnError, InputError, whole
from cogattn.runs import trials as results
from cogattn.view import plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ANSWER = "answer.txt"
HOME = Path("results/simulations")  #: folders of results, where nobody names another
SHOWN = 40  #: rows of a table on the screen; a longer one is named
#: Of a program's own: each as `add_argument` takes it.
Options = Mapping[str, Mapping[str, Any]]
_PLAYED = ("people", "seed", "out", "force")


@dataclass(frozen=True)
class Program:
    """What a program was asked for. people: 0 where nobody is played; more: its own options; made: how it runs."""

    name: str
    people: int
    seed: int
    out: Path
    more: argparse.Namespace = field(default_factory=argparse.Namespace)
    chance: bool = False
    made: Mapping[str, Any] = field(default_factory=dict)
    since: float = field(default_factory=time.monotonic)

    @property
    def parts(self) -> Path:
        """Where what is finished lies; another seed has other parts."""
        return self.out / "parts" / (f"seed {self.seed}" if self.seed else "")

    def config(self) -> dict[str, Any]:
        """What was asked for, without where it is written. Of a file that was named, its name."""
        own = {k: v.name if isinstance(v, Path) else v for k, v in vars(self.more).items() if v is not None}
        played = {"people": self.people} if self.people else {}
        return {"program": self.name} | played | ({"seed": self.seed} if self.chance else {}) | own

    def keep(
        self, answer: str, tables: Mapping[str, pd.DataFrame], figure: Figure | None = None, *notes: str
    ) -> None:
        """Write all of it, show the tables and the notes, and say the answer, which is the title of a figure that has
        none."""
        answer = " ".join(answer.split())
        files.write_text(self.out / "config.toml", results.toml(self.config()))
        for name, table in tables.items():
            files.write_table(self.out / f"{name}.csv", table)
            print(shown(table, self.out / f"{name}.csv"), end="\n\n")
        if figure is not None:
            if not figure.get_suptitle():
                headed(figure, answer)
            plot.keep(figure, self.out, "figure")
        done = {"status": "done", "seconds": round(time.monotonic() - self.since, 1)}
        files.write_json(self.out / "provenance.json", dict(self.made) | done)
        files.write_text(self.out / ANSWER, answer + "\n")
        print(*notes, answer, f"Results: {self.out}", sep="\n")


def asked(
    doc: str | None,
    file: str,
    *,
    people: int = 0,
    chance: bool = False,
    options: Options | None = None,
    part: Callable[[argparse.Namespace], str] | None = None,
    words: Sequence[str] | None = None,
) -> Program:
    """What the command line asks for. people: played if nobody says how many; 0: nobody is played. chance: there is a
    seed without people, too. options: of its own, as `add_argument` takes them. part: a folder of its own within that
    of the results, for options that ask another question. words: instead of the command line's."""
    name = Path(file).stem
    ask = argparse.ArgumentParser(prog=f"python simulations/{name}.py", description=_question(doc))
    if people:
        ask.add_argument("--people", type=int, default=people, help=f"how many are played (default {people})")
    if people or chance:
        ask.add_argument("--seed", type=int, default=0, help="other chances (default 0)")
    for flag, how in (options or {}).items():
        ask.add_argument(flag, **how)
    ask.add_argument("--out", type=Path, default=HOME / name, help=f"folder for the results ({HOME / name})")
    ask.add_argument("--force", action="store_true", help="write over an answer that is there")
    said = ask.parse_args(words)
    own = argparse.Namespace(**{k: v for k, v in vars(said).items() if k not in _PLAYED})
    out = said.out / part(own) if part else said.out
    try:
        n = whole("people", said.people, least=1, most=10**6) if people else 0
        seed = whole("seed", said.seed, most=10**6) if people or chance else 0
        if (out / ANSWER).exists() and not said.force:
            raise InputError(f"{out} holds an answer: name another folder with --out, or add --force")
    except InputError as error:
        ask.error(str(error))
    return Program(name, n, seed, out, own, bool(people or chance), results.provenance(seed, "cpu", 1))


def _question(doc: str | None) -> str:
    """What a program asks: its docstring up to the first command or empty line."""
    return " ".join((doc or "").split("\n\n")[0].split()).replace("%", "%%")


def run(main: Callable[[], None]) -> None:
    """A program from the command line: what is wrong with what was asked is said in a line."""
    try:
        main()
    except CogattnError as error:
        raise SystemExit(str(error)) from None
    except KeyboardInterrupt:
        raise SystemExit(
            "\nstopped; if it keeps finished parts, the same command goes on from there"
        ) from None


def shown(table: pd.DataFrame, path: Path) -> str:
    """A table on the screen, what is not there as a dash; of a long one, where it is.

    >>> print(shown(pd.DataFrame({"n": [1, 2], "mean": [0.25, np.nan]}), Path("table.csv")))
     n  mean
     1  0.25
     2     -
    (-: there is no such value)
    """
    if len(table) > SHOWN:
        return f"{path}: {len(table)} rows"
    text = table.to_string(index=False, na_rep="-", float_format=lambda x: f"{x:.4g}")
    return text + ("\n(-: there is no such value)" if table.isna().to_numpy().any() else "")


def headed(figure: Figure, text: str) -> Figure:
    """A figure with this title, in lines of its width.

    >>> with plot.style() as plt:
    ...     headed(plt.figure(figsize=(4, 3)), "Half the capacity costs time, not places in the store").get_suptitle()
    'Half the capacity costs time,\\nnot places in the store'
    """
    wide = float(figure.get_size_inches()[0])
    head = figure.suptitle(
        plot.evenly(text, int(10.4 * wide)), x=0.01, ha="left", fontweight="bold", fontsize=10
    )
    head.set_parse_math(False)
    return figure


def about(middle: float, half: float, form: str = ".2f") -> str:
    """A number with its interval, of which half is known.

    >>> about(2.5, 1.95)
    '2.50 (0.55 to 4.45)'
    >>> about(0.0, 0.001)
    '0.00 (0.00 to 0.00)'
    """
    return f"{_told(middle, form)} ({_told(middle - half, form)} to {_told(middle + half, form)})"


def _told(x: float, form: str) -> str:
    """A number without the sign of a zero."""
    text = f"{x:{form}}"
    return text if text.strip("+-0.%") else text.lstrip("-")


def mean(values: npt.ArrayLike, form: str = ".2f") -> str:
    """A mean of independent values with its 95 % interval; what is not there counts for nothing.

    >>> mean([1.0, 2.0, 3.0, 4.0])
    '2.50 (0.45 to 4.55)'
    >>> mean([0.25])
    '0.25 (one value: no interval)'
    """
    x = np.asarray(values, float).ravel()
    x = x[~np.isnan(x)]
    if x.size < 2:
        return f"{x[0]:{form}} (one value: no interval)" if x.size else "unknown (no value)"
    return about(float(x.mean()), float(plot.interval(x.std(ddof=1), x.size)), form)


def share(hits: int, of: int) -> str:
    """A share with its 95 % interval (Wilson).

    >>> share(29, 52)
    '29 of 52 (42 % to 68 %)'
    """
    if not of:
        return "none of none"
    low, high = plot.of_share(hits, of)
    return f"{hits} of {of} ({100 * low:.0f} % to {100 * high:.0f} %)"
