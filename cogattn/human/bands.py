"""The bands of whole curves, by one rule from the human tables: `rows()`. No value of a model went into it.

What is scored is in `human/measures.csv`, a line for each column of a table; the rule is `HALF`. A row's band is its
human value, give or take the larger of

    2 standard errors of the human value     (from n and sd; of a share without an sd: from its trials; of a
                                              correlation: in Fisher's z)
    a tolerance by what it is                (below: as close as a reader would call the same result)

The tolerances, and why: two laboratories that run one task differ in means by 10 % and more (screens, keys, people),
so nobody can ask for less; a difference of two times carries the errors of both, 25 %, and no laboratory tells 8 ms
from nothing; shares are compared as odds, so that .98 and .99 differ as .02 and .01 do: .5 is a factor of 1.6; an sd
of a few dozen people is known to a quarter; a correlation of a few hundred people, and of another few hundred, to .2.

>>> r = rows().query("table == 'stroop' and kind == 'effect'").iloc[0]
>>> [round(float(r[column]), 1) for column in ("human", "low", "high")], r["split"]
([122.6, 91.9, 153.2], 'fit')
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from cogattn import human
from cogattn.errors import choice, doors
from cogattn.human import halves

Key = dict[str, str]
Said = tuple[float, float, float, float, str]  # value, sd, people, trials, half


class Tolerance(NamedTuple):
    """How close is close: relative to the value, at least so much (of what is measured in ms), or as it is."""

    relative: float = 0.0
    least: float = 0.0  # ms
    absolute: float = 0.0


#: scale -> tolerance. A share is compared in log-odds.
TOLERANCES = {
    "time": Tolerance(relative=0.10),  # means and quantiles of response times
    #: effects, deltas, slopes; 8 ms are over all of a slope's span
    "difference": Tolerance(relative=0.25, least=8.0),
    "share": Tolerance(absolute=0.5),
    "spread": Tolerance(relative=0.25),  # sd between people
    "correlation": Tolerance(absolute=0.2),  # between people or tests
    "other": Tolerance(relative=0.10),  # counts, d', K, criteria, ratios, speeds
}
FEWEST = 1 / 200  #: a share closer to 0 or 1 is not told from it: log-odds need an end
WIDE = 0.5  #: a band that is wider than this share of its value is called wide
COLUMNS = (
    "phenomenon", "measure", "kind", "split", "table", "cell", "unit", "human", "low", "high", "half", "wide",
    "scale", "over", "column", "minus",
)  # fmt: skip


def place(value: Any, scale: str) -> Any:
    """Where a value lies on the scale it is compared on: log-odds of a share, else the value itself."""
    if choice("scale", scale, TOLERANCES) != "share":
        return value
    p = np.clip(value, FEWEST, 1 - FEWEST)
    return np.log(p / (1 - p))


def off(value: npt.ArrayLike, table: pd.DataFrame) -> npt.NDArray[np.float64]:
    """How far values lie from people, in half-widths of each row's band: inside is -1 to 1."""
    for name in ("human", "scale", "half"):
        choice("column of the rows", name, table.columns)
    pairs = zip(np.asarray(value, float), table["human"], table["scale"], table["half"], strict=True)
    return np.array([(place(v, s) - place(h, s)) / half for v, h, s, half in pairs])


def half_width(value: float, scale: str, error: float = math.nan, unit: str = "", span: float = 1.0) -> float:
    """The rule: the larger of two standard errors and the tolerance, on the scale of `place`."""
    t = TOLERANCES[choice("scale", scale, TOLERANCES)]
    least = t.least / span if unit.startswith("ms") else 0.0
    tolerance = max(t.relative * abs(value), least, t.absolute)
    return max(tolerance, 2 * error) if math.isfinite(error) else tolerance


def standard_error(
    value: float, scale: str, sd: float = math.nan, n: float = math.nan, trials: float = math.nan
) -> float:
    """Of the human value, on the scale of `place`; NaN where the table does not let it be known."""
    choice("scale", scale, TOLERANCES)
    if scale == "correlation":  # the farther end of two standard errors in Fisher's z, taken back
        z, e = math.atanh(np.clip(value, -0.999, 0.999)), 1 / math.sqrt(n - 3)
        return max(abs(math.tanh(z + s * 2 * e) - value) for s in (-1, 1)) / 2 if n > 3 else math.nan
    if scale == "share":
        p = float(np.clip(value, FEWEST, 1 - FEWEST))
        own = sd / math.sqrt(n) if math.isfinite(sd) else math.sqrt(p * (1 - p) / trials)
        return own / (p * (1 - p))
    return sd / math.sqrt(n)


def edges(value: float, half: float, scale: str) -> tuple[float, float]:
    """Low and high, in the unit of the value."""
    if choice("scale", scale, TOLERANCES) == "share":
        at = float(place(value, scale))
        low, high = (1 / (1 + math.exp(-(at + s * half))) for s in (-1, 1))
        return min(low, value), max(high, value)
    return value - half, value + half


@cache
def _rows() -> pd.DataFrame:
    lines = human.measures()
    halves_ = {name: human.halves_of(name) for name in lines["table"].unique()}
    scored = lines[lines["kind"] != "none"].itertuples()
    made = [row for line in scored for row in _of_line(line, halves_[line.table])]
    return pd.DataFrame(made, columns=[*COLUMNS, "span"]).drop(columns="span")


def rows() -> pd.DataFrame:
    """Every row of the scorecard of whole curves: phenomenon, measure, kind, split (fit or test), table, cell (which
    row of the table it is, as JSON), unit, human, low, high, half (on the scale that is compared), wide, scale; over,
    column and minus say what of a run is put beside it."""
    return _rows().copy()


def _of_line(line: Any, cells: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The rows that a line of `measures.csv` makes."""
    table = human.table(line.table)
    keep = halves.chosen(table, line.rows)
    table, cells = table[keep], cells[keep]
    if line.column == "*":
        yield from _pairs(line, table, cells)
        return
    keys = [key.partition("//") for key in line.keys.split()]
    groups: dict[str, list[Any]] = {}
    for i in table.index:
        name = json.dumps({k: _word(table.at[i, k], size) for k, _, size in keys})
        groups.setdefault(name, []).append(i)
    said = {at: _said(line, table, cells, own) for at, own in groups.items()}
    if line.less:
        yield from _differences(line, said)
        return
    for at, (value, sd, n, trials, split) in said.items():
        yield _row(line, json.loads(at), value, split, standard_error(value, line.scale, sd, n, trials))
        if line.sd and line.spread != "no" and "//" not in line.keys:
            yield _spread(line, json.loads(at), sd, n, cells.at[groups[at][0], line.sd])


def _word(value: Any, size: str) -> str:
    return str(int(value) // int(size)) if size else str(value)


def _said(
    line: Any, table: pd.DataFrame, cells: pd.DataFrame, own: list[Any]
) -> tuple[float, float, float, float, str]:
    """Value, sd, people, trials and half of one cell. Rows that are one cell are of the same people, so their mean is
    known no better than each of them."""
    t = table.loc[own]
    sd = float(t[line.sd].mean()) if line.sd else math.nan
    n = float(t[line.n].mean()) if line.n in t else float(line.n)
    trials = float(t[line.trials].sum()) if line.trials else math.nan
    return float(t[line.column].mean()), sd, n, trials, str(cells.at[own[0], line.column])


def _row(
    line: Any, at: Key, value: float, split: str, error: float, minus: Key | None = None
) -> dict[str, Any]:
    span = float(line.span) if line.span else 1.0
    half = half_width(value, line.scale, error, line.unit, span)
    return _made(line, at, value, split, half, line.kind, line.scale, line.over or "mean", minus)


def _spread(line: Any, at: Key, sd: float, n: float, split: str) -> dict[str, Any]:
    """How far people lie apart: the sd between them, whose standard error is that of a normal variable's."""
    half = half_width(sd, "spread", sd / math.sqrt(2 * (n - 1)))
    return _made(line, at, sd, split, half, "spread", "spread", "sd", None)


def _made(
    line: Any,
    at: Key,
    value: float,
    split: str,
    half: float,
    kind: str,
    scale: str,
    over: str,
    minus: Key | None,
) -> dict[str, Any]:
    low, high = edges(value, half, scale)
    wide = bool(high - low > WIDE * abs(value) * (1 + 1e-9))
    column = line.sd if over == "sd" else line.column
    return {
        "phenomenon": line.phenomenon, "measure": line.measure, "kind": kind, "split": split, "table": line.table,
        "cell": json.dumps(at), "unit": line.unit, "human": value, "low": low, "high": high, "half": half, "wide": wide,
        "scale": scale, "over": over, "column": column, "minus": json.dumps(minus) if minus else "",
    }  # fmt: skip


def _differences(line: Any, said: dict[str, Said]) -> Iterator[dict[str, Any]]:
    """One cell less another. How sure a difference within people is, no table says: the tolerance alone holds."""
    for part in line.less.split(";"):
        key, _, words = part.partition(":")
        one, other = words.rsplit("-", 1)
        for at in map(json.loads, said):
            twin = json.dumps(at | {key: other})
            if at[key] == one and twin in said:
                (value, *_, half), (less, *_, half2) = said[json.dumps(at)], said[twin]
                split = "test" if "test" in (half, half2) else half
                yield _row(line, at, value - less, split, math.nan, json.loads(twin))


def _pairs(line: Any, table: pd.DataFrame, cells: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """A table of correlations: every pair once."""
    key = line.keys
    names = list(table[key])
    for i, a in zip(table.index, names, strict=True):
        for b in names[names.index(a) + 1 :]:
            value = float(table.at[i, b])
            error = standard_error(value, line.scale, math.nan, float(line.n), math.nan)
            yield _row(line, {key: a, "with": b}, value, str(cells.at[i, b]), error)


doors(__name__, "place", "off", "half_width", "standard_error", "edges", arrays=True)
