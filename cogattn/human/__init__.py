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

from cogattn.errors import choice


def names() -> list[str]:
    """The human tables there are, without what was made from them: `targets` (bands), `population` (its numbers),
    `constants` (the ledger of all numbers)."""
    found = (f.name.removesuffix(".csv") for f in files(__name__).iterdir() if f.name.endswith(".csv"))
    return sorted(name for name in found if name not in ("targets", "population", "constants"))


def table(name: str) -> pd.DataFrame:
    """One human table, as it lies in the file."""
    return _read(choice("human table", name, names())).copy()


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
