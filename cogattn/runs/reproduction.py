"""A run played again from its own folder: the same bit for bit, or where it is not.

>>> import tempfile
>>> from cogattn import run
>>> with tempfile.TemporaryDirectory() as out:
...     done = reproduce(run("partial_report", people=2, trials=3, out=out).folder)
>>> done.same, done.findings()
(True, ['partial_report: 24 rows of 17 columns are the same, bit for bit.'])
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from cogattn import files, seals
from cogattn.compiled import version
from cogattn.errors import InputError
from cogattn.notebook import Progress
from cogattn.paradigms import Paradigm
from cogattn.runs.experiment import check, execute
from cogattn.runs.plan import plan_of
from cogattn.runs.trials import load

_ROWS = 1_000_000  # that are compared at once


@dataclass(frozen=True)
class Reproduction:
    """What came of playing a run again: a row per column of each run."""

    rows: tuple[dict[str, Any], ...]
    changed: tuple[str, ...] = ()  #: files that are not what the run wrote
    remarks: tuple[str, ...] = ()  #: what else is to be known: other laws

    @property
    def same(self) -> bool:
        """Whether every number is the same, and every file what the run wrote."""
        return not self.changed and all(not row["differ"] for row in self.rows)

    def table(self) -> pd.DataFrame:
        """A row per column: how many of its rows differ, and the first that does."""
        return pd.DataFrame(self.rows)

    def findings(self) -> list[str]:
        """The same bit for bit, or where not; what else was changed."""
        out = [*self.changed, *self.remarks]
        for name, own in self.table().groupby("run", sort=False):
            odd, n = own[own["differ"] > 0], int(own["rows"].iloc[0])
            if odd.empty:
                out.append(f"{name}: {n:,} rows of {len(own)} columns are the same, bit for bit.")
                continue
            most, columns = int(odd["differ"].max()), ", ".join(odd["column"])
            out.append(
                f"{name}: of {n:,} rows {most:,} differ, in {columns}; the first: {odd['first'].iloc[0]}."
            )
        return out


def reproduce(
    folder: str | Path,
    paradigm: Paradigm | type[Paradigm] | str | None = None,
    *,
    model: str | None = None,
    trust: bool = False,
    n_jobs: int = 1,
    device: str = "auto",
    progress: Progress | None = None,
) -> Reproduction:
    """Play the run in this folder again, or all runs of a scorecard or a comparison; nothing in the folder is changed.

    paradigm, model, trust: as in `load`.
    """
    folder = Path(folder)
    single = (folder / "config.toml").is_file() and "paradigm" in files.read_toml(folder / "config.toml")
    runs = [folder] if single else sorted(p.parent for p in folder.glob("*/trials.parquet"))
    if not runs:
        raise InputError(f"{folder} holds no finished run that could be played again")
    rows: list[dict[str, Any]] = []
    remarks: list[str] = []
    changed = [] if single else _changed(folder, folder.name)
    for run in runs:
        name = folder.name if single else run.name
        changed += _changed(run, name)
        rows += _again(run, name, remarks, paradigm, model, trust, n_jobs, device, progress)
    return Reproduction(tuple(rows), tuple(changed), tuple(remarks))


def _again(
    folder: Path, name: str, remarks: list[str], paradigm: Any, model: str | None, trust: bool, n_jobs: int,
    device: str, progress: Progress | None,
) -> list[dict[str, Any]]:  # fmt: skip
    """One run: a row per column."""
    then = load(folder, paradigm, model=model, trust=trust)
    name = str(then.config["paradigm"]) if name == folder.name else name
    laws = str(then.config.get("law"))
    if laws != version("runs"):
        remarks.append(
            f"{name} was made with the laws {laws}, this is {version('runs')}: numbers may differ."
        )
    called = files.read_toml(folder / "config.toml").get("model")  # its file may lie elsewhere today
    plan = plan_of(then)
    check([plan], n_jobs, device)
    with TemporaryDirectory() as place:
        now = execute(plan, Path(place) / "run", n_jobs, device, progress, figures=False)
        assert now.folder is not None
        pair = [_blocks(f / "trials.parquet") for f in (folder, now.folder)]
        found: dict[str, dict[str, Any]] = {}
        start = 0
        for a, b in zip(*pair, strict=False):
            b = b if model is None else b.assign(model=called)
            _compared(a, b, name, start, found)
            start += max(len(a), len(b))
        for rest in (*pair[0], *pair[1]):  # one of them is longer
            _compared(rest, rest.iloc[:0], name, start, found)
            start += len(rest)
    return list(found.values())


def _changed(folder: Path, name: str) -> list[str]:
    """The files that are not what the run wrote; whether that can be known."""
    if not (folder / seals.MANIFEST).is_file():
        return []
    return [f"{name}: {file} was changed since the run wrote it." for file in seals.broken(folder)]


def _blocks(path: Path) -> Iterator[pd.DataFrame]:
    """A table, some of its rows at a time, always as many."""
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            held: list[pd.DataFrame] = []
            for batch in file.iter_batches(_ROWS):
                held.append(batch.to_pandas())
                if sum(map(len, held)) >= _ROWS:
                    whole = pd.concat(held, ignore_index=True)
                    yield whole.iloc[:_ROWS]
                    held = [whole.iloc[_ROWS:]]
            if sum(map(len, held)):
                yield pd.concat(held, ignore_index=True)
    except (OSError, ValueError) as error:  # pyarrow's errors are among them
        raise InputError(f"cannot read {path}: {str(error).splitlines()[0]}") from None


def _compared(
    then: pd.DataFrame, now: pd.DataFrame, name: str, start: int, found: dict[str, dict[str, Any]]
) -> None:
    """Count in `found` what differs, column by column; start: the number of the first of these rows."""
    n = max(len(then), len(now))
    for column in dict.fromkeys((*then.columns, *now.columns)):
        row = found.setdefault(column, {"run": name, "column": column, "rows": 0, "differ": 0, "first": ""})
        row["rows"] += n
        if column in then and column in now and len(then) == len(now):
            odd = _unlike(then[column].to_numpy(), now[column].to_numpy())
        else:
            odd = np.ones(n, bool)
        if odd.any() and not row["differ"]:
            at = int(np.flatnonzero(odd)[0])
            row["first"] = (
                f"row {start + at}, {column} {_cell(then, column, at)} then, {_cell(now, column, at)} now"
            )
        row["differ"] += int(odd.sum())


def _unlike(a: Any, b: Any) -> Any:
    """Where two columns differ, to the last bit; what is missing in both is the same."""
    if a.dtype.kind == "f" and a.dtype == b.dtype:
        bits = f"u{a.dtype.itemsize}"
        return (a.view(bits) != b.view(bits)) & ~(np.isnan(a) & np.isnan(b))
    if a.dtype != b.dtype:
        return np.ones(len(a), bool)
    return (a != b) & ~(pd.isna(a) & pd.isna(b))


def _cell(frame: pd.DataFrame, column: str, at: int) -> str:
    if column not in frame:
        return "(no column)"
    return str(frame[column].iloc[at]) if at < len(frame) else "(no row)"
