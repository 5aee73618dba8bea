"""The results of a run: one long table, one folder, one reader, one writer.

A run folder holds config.toml (what was asked), provenance.json (with what it was made), parts/ (finished cells:
a resumed run skips them), trials.parquet and trials.csv.gz, summary.csv, figures/, and done.json, written last.
Every file is written beside its place and renamed into it, so a kill at any moment leaves a folder that resumes.
"""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import tomli_w

from cogattn import human, paradigms
from cogattn.errors import InputError
from cogattn.files import read_json, read_table, write_json, write_table, write_text
from cogattn.observer import read_toml

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ACCOUNT = ("arrived", "answered", "missed", "censored")


@dataclass(frozen=True)
class Trials:
    """All trials of a run: `frame` has a row per trial, `config` says what was asked."""

    frame: pd.DataFrame
    config: dict[str, Any]
    provenance: dict[str, Any] = field(default_factory=dict)
    folder: Path | None = None

    @property
    def paradigm(self) -> paradigms.Paradigm:
        """The experiment, with the options of this run."""
        return paradigms.make(self.config["paradigm"], self.config.get("options", {}))

    def summary(self) -> pd.DataFrame:
        """A row per metric and arm: model, the human band (low, high) and mean, and the account of what arrived."""
        bands = human.targets().set_index(["phenomenon", "metric"])[["low", "high", "human"]]
        rows = []
        for arm, frame in self.frame.groupby("arm", sort=False):
            account, metrics = _account(frame, self.paradigm.condition_columns), self.paradigm.metrics(frame)
            if len(account) != len(metrics):  # metrics over several conditions: the account of them all
                account = [{name: sum(a[name] for a in account) for name in ACCOUNT}] * len(metrics)
            for m, counts in zip(metrics, account, strict=True):
                band = bands.loc[(m.phenomenon, m.metric)] if (m.phenomenon, m.metric) in bands.index else {}
                row = {"metric": m.metric, "condition": m.condition, "arm": arm, "model": m.value}
                row |= {"low": band.get("low", np.nan), "high": band.get("high", np.nan)}
                rows.append(row | {"human": band.get("human", m.human)} | counts)
        return pd.DataFrame(rows)

    def plot(self, axes: Any = None) -> Figure:
        """People beside every arm, in the form that the field uses."""
        return self.paradigm.figure(self.frame, axes)

    def save(self, folder: str | Path) -> Path:
        """Write the run folder: tables, summary, figure, provenance; done.json last."""
        from cogattn import plot

        folder = Path(folder)
        write_text(folder / "config.toml", toml(self.config))
        write_table(folder / "trials.parquet", self.frame)
        write_table(folder / "trials.csv.gz", self.frame)
        write_table(folder / "summary.csv", self.summary())
        figure = self.plot()
        plot.save(figure, folder / "figures", self.config["paradigm"])
        plot.close(figure)
        write_json(folder / "provenance.json", self.provenance | {"status": "done"})
        write_json(folder / "done.json", {"rows": len(self.frame)})
        return folder

    def _repr_html_(self) -> str:
        """In a notebook: the summary."""
        return str(self.summary().to_html(index=False, float_format="%.3f"))


def _account(frame: pd.DataFrame, columns: tuple[str, ...]) -> list[dict[str, int]]:
    """What became of all that arrived, condition by condition: arrived = answered + missed + censored."""
    sums = frame.groupby(list(columns), sort=True)[list(ACCOUNT)].sum()
    return [{name: int(row[name]) for name in ACCOUNT} for _, row in sums.iterrows()]


def load(folder: str | Path) -> Trials:
    """Read a run folder back; an unfinished or foreign one is refused with the way to mend it."""
    folder = Path(folder)
    if not (folder / "config.toml").is_file():
        raise InputError(f"{folder} is not a run folder: it has no config.toml")
    config = read_toml(folder / "config.toml")
    if "paradigm" not in config:
        raise InputError(f"{folder / 'config.toml'} does not name a paradigm: not the folder of a single run")
    if not (folder / "done.json").is_file():
        raise InputError(f"the run in {folder} is not finished; run the same command again with --resume")
    return Trials(
        read_table(folder / "trials.parquet"), config, read_json(folder / "provenance.json"), folder
    )


def toml(config: Mapping[str, Any]) -> str:
    """A config as TOML."""
    return tomli_w.dumps(config)


def provenance(seed: int, device: str, n_jobs: int) -> dict[str, Any]:
    """With what a run is made: versions, commit, device, command. No path of the machine."""
    packages = ("cogattn", "numpy", "numba", "simpy", "pandas", "scipy", "torch")
    return {
        "status": "running",
        "seed": seed,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "device": device,
        "n_jobs": n_jobs,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "versions": {name: _version(name) for name in packages},
        **_commit(),
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _commit() -> dict[str, Any]:
    """The commit of the checkout that this code runs from, if it is one."""
    here = Path(__file__).resolve().parents[1]
    if not (here / ".git").exists():
        return {"commit": None, "dirty": None}

    def git(*words: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(here), *words], capture_output=True, text=True, timeout=10
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    status = git("status", "--porcelain", "--untracked-files=no")
    return {"commit": git("rev-parse", "HEAD"), "dirty": None if status is None else bool(status)}
