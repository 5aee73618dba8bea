"""What people do: the human tables (CSV, each with its source in its first lines) and the bands made from them.

>>> float(table("tva_parameters").set_index("index").loc["K", "mean"])
3.058
>>> targets().query("phenomenon == 'whole report of 6'")["human"].tolist()
[0.65, 1.44, 3.01, 3.22]
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import pandas as pd

from cogattn.errors import InputError, choice, doors
from cogattn.human import halves

#: Bands set by hand, the population's numbers, the ledger of all numbers, which cells are fitted, what is scored.
MADE = ("targets", "population", "constants", "split", "measures")


def names() -> list[str]:
    """The human tables there are, without what was made from them or says how to use them: `MADE`."""
    found = (f.name.removesuffix(".csv") for f in files(__name__).iterdir() if f.name.endswith(".csv"))
    return sorted(name for name in found if name not in MADE)


def table(name: str) -> pd.DataFrame:
    """One human table, as it lies in the file."""
    return _read(choice("human table", name, names())).copy()


def read(name: str) -> pd.DataFrame:
    """A human table, or `targets`: the bands that were set by hand."""
    return targets() if name == "targets" else table(name)


def halves_of(name: str) -> pd.DataFrame:
    """fit, test or design for every cell of a human table (or of `targets`).

    >>> halves_of("go_nogo")["mean"].value_counts().to_dict()
    {'fit': 29, 'test': 2}
    """
    return halves.cells(read(name), split().query("table == @name"))


def fit(name: str) -> pd.DataFrame:
    """The cells of a table (or of `targets`) that numbers may be estimated from; what is kept for tests is missing.

    >>> bool(table("attentional_blink")["T2"].count() > fit("attentional_blink")["T2"].count() > 0)
    True
    """
    own = halves_of(name) == "fit"
    if not own.to_numpy().any():
        raise InputError(f"nothing of {name} is there to be fitted: it is kept for tests (human/split.csv)")
    table = read(name) if own.to_numpy().all() else read(name).where(own)
    return table.loc[own.any(axis=1), own.any(axis=0)].copy()


def split() -> pd.DataFrame:
    """Which cells of which table are fit, test or design: table, rows, columns, split, why. The first line that fits a
    cell holds (`halves_of` says it of every cell)."""
    return _read("split", dtype=str, keep_default_na=False).copy()


def measures() -> pd.DataFrame:
    """What is scored of each table, by kind; `human.bands` makes the rows. Empty cells are empty texts."""
    return _read("measures", dtype=str, keep_default_na=False).copy()


def source(name: str) -> str:
    """Where a table comes from: its head lines."""
    text = (files(__name__) / f"{choice('human table', name, names())}.csv").read_text(encoding="utf-8")
    return "\n".join(line[1:].strip() for line in text.splitlines() if line.startswith("#"))


def targets() -> pd.DataFrame:
    """The bands that ONE population must land in: property, phenomenon, metric, human, low, high, ..."""
    return _read("targets").copy()


def parameters() -> pd.DataFrame:
    """Every number of the population in use: parameter, value, unit, status (estimated, assumption, technical),
    standard_error, refit, tables (of people, that inform it), basis. Written by `simulations/calibrate_population.py`.
    """
    return _read("population").copy()


def constants() -> pd.DataFrame:
    """The ledger: every number of a person and of a task, and where it comes from (`human.ledger` counts them): name,
    where, value, unit, kind, of, tables, source, split, same_as, note. Empty cells are empty texts."""
    return _read("constants", dtype=str, keep_default_na=False).copy()


def inside(values: pd.Series, low: pd.Series, high: pd.Series) -> Any:
    """True where a value lies in its band, False where it does not, missing where there is no value or no band."""
    verdict = pd.array(values.between(low, high), dtype="boolean")
    verdict[(values.isna() | low.isna()).to_numpy()] = pd.NA
    return verdict


@cache
def _read(name: str, **how: Any) -> pd.DataFrame:
    with (files(__name__) / f"{name}.csv").open(encoding="utf-8") as lines:
        return pd.read_csv(lines, comment="#", **how)


doors(__name__, "table", "read", "halves_of", "fit", "source", "inside")
