"""Which half of people's results a number may come from: `human/split.csv`, decided before anything was estimated.

Every cell of every table is fit (numbers are estimated from it), test (it is kept, and only scored) or design (it says
how a study was done): `human.halves_of`. What estimates reads a table by `human.fit`, which has no test cell in it.

>>> table = pd.DataFrame({"who": ["a", "b"], "mean": [1, 2]})
>>> chosen(table, "who=a|c & mean!=2").tolist()
[True, False]
"""

from __future__ import annotations

from fnmatch import fnmatchcase

import numpy as np
import numpy.typing as npt
import pandas as pd

HALVES = ("fit", "test", "design")


def chosen(table: pd.DataFrame, rows: str) -> npt.NDArray[np.bool_]:
    """Which rows a text chooses: COLUMN=WORD|WORD or COLUMN!=WORD|WORD, several joined by " & "; empty: all. A star
    stands for anything."""
    keep = np.ones(len(table), bool)
    for part in rows.split(" & ") if rows else ():
        column, _, words = part.partition("=")
        own = table[column.removesuffix("!")].astype(str)
        found = own.map(lambda x, words=words: any(fnmatchcase(x, w) for w in words.split("|")))
        keep &= found.to_numpy(bool) ^ column.endswith("!")
    return keep


def cells(table: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """fit, test or design for every cell of a table, by its lines of the file: the first that fits a cell holds."""
    out = pd.DataFrame(None, index=table.index, columns=table.columns, dtype=object)
    for line in lines.itertuples():
        wanted = str(line.columns).split() or ["*"]
        columns = [c for c in table if any(fnmatchcase(c, w) for w in wanted)]
        rows = chosen(table, str(line.rows))
        out.loc[rows, columns] = out.loc[rows, columns].fillna(line.split)
    return out
