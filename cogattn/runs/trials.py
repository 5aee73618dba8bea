"""The results of a run: one long table, one folder, one reader, one writer.

A run folder holds config.toml (what was asked), provenance.json (with what it was made, and when), manifest.json (the
laws' sources, the network and the SHA-256 of every file: `cogattn.seals`), parts/ (finished cells: a resumed run skips
them), trials.parquet and trials.csv.gz, summary.csv, figures/, and done.json, written last. Every file is written
beside its place and renamed into it, so a kill at any moment leaves a folder that resumes.
"""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import tomli_w
from joblib.parallel import get_active_backend

from cogattn import human, seals
from cogattn.errors import CogattnError, InputError, counted, doors
from cogattn.files import read_json, read_table
from cogattn.nn.networks import registry as networks
from cogattn.observer import Observer, read_toml
from cogattn.paradigms import Paradigm, registry
from cogattn.view.result import Files, Result, lines

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ACCOUNT = ("arrived", "answered", "missed", "censored")


@dataclass(frozen=True)
class Trials(Result):
    """All trials of a run: `frame` has a row per trial, `config` says what was asked, `paradigm` is the experiment.

    >>> from cogattn import run
    >>> trials = run("partial_report", people=2, trials=3, seed=1)
    >>> trials.frame.shape, list(trials.summary()["arm"].unique())
    ((24, 17), ['human', 'softmax'])
    """

    frame: pd.DataFrame
    config: dict[str, Any]
    provenance: dict[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    paradigm: Paradigm = None  # type: ignore[assignment]  # the one that was run; else made by name and options
    rows: int | None = None  # of the run, if `frame` has only those of its first people

    def __post_init__(self) -> None:
        given: Any = self.paradigm
        if given is None:
            object.__setattr__(self, "paradigm", registry.found_again(self.config))

    def summary(self) -> pd.DataFrame:
        """A row per metric and arm: model, the human band (low, high) and mean; what arrived in its trials."""
        with self._as_read("summed up"):
            return self._summary()

    @contextmanager
    def _as_read(self, what: str) -> Iterator[None]:
        """What came from a folder may be anybody's table: where it is not that of its paradigm, that is said."""
        try:
            yield
        except CogattnError:
            raise
        except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
            if self.folder is None:
                raise
            raise InputError(
                f"the run in {self.folder} cannot be {what}: its trials are not as {self.paradigm.name} "
                f"writes them ({type(error).__name__}: {error})"
            ) from error

    def _summary(self) -> pd.DataFrame:
        bands = human.targets().set_index(["phenomenon", "metric"])[["low", "high", "human"]]
        rows = []
        for arm, frame in self.frame.groupby("arm", sort=False):
            for m in self.paradigm.metrics(frame):
                counts = _account(m.rows(frame))
                band = bands.loc[(m.phenomenon, m.metric)] if (m.phenomenon, m.metric) in bands.index else {}
                row = {"metric": m.metric, "condition": m.condition, "arm": arm, "model": m.value}
                row |= {"low": band.get("low", np.nan), "high": band.get("high", np.nan)}
                rows.append(row | {"human": band.get("human", m.human)} | counts)
        return pd.DataFrame(rows)

    def plot(self, *others: Trials, axes: Any = None) -> Figure:
        """People beside every arm, in the form that the field uses; others: runs of the same paradigm, laid over it."""
        shown = overlaid([self, *others]) if others else self
        with self._as_read("drawn"):
            return shown.paradigm.figure(shown.frame, axes)

    def table(self) -> pd.DataFrame:
        """The same as `summary()`."""
        return self.summary()

    def findings(self) -> list[str]:
        """What became of what arrived in each arm, and how many of its measures lie within their human bands."""
        with self._as_read("told"):
            return self._found(self.summary())

    def _found(self, table: pd.DataFrame) -> list[str]:
        out = []
        for arm, own in self.frame.groupby("arm", sort=False):
            n = own[list(ACCOUNT)].sum()
            said = f"{arm}: {n['answered']:.0f} of {n['arrived']:.0f} that arrived were answered"
            said += f", {n['censored']:.0f} were cut off" if n["censored"] else ""
            rows = table[(table["arm"] == arm) & table["low"].notna()]
            held = int(rows["model"].between(rows["low"], rows["high"]).sum())
            out.append(said + (f"; {held} of {len(rows)} human bands are met." if len(rows) else "."))
        return out

    def heading(self) -> str:
        """Which experiment it was."""
        return self.paradigm.title

    def remarks(self) -> list[str]:
        """What was asked."""
        c = self.config
        people, each = counted(c["people"], "person", "people"), counted(c["trials"], "trial")
        arms = f"{'arm' if len(c['arms']) == 1 else 'arms'} {', '.join(c['arms'])}"
        asked = f"{people}, {each} each, seed {c['seed']}, {arms}"
        alone = "no network: the mind alone answers"
        who = f"network: {Path(str(c['model'])).stem}" if c.get("model") else alone
        if self.rows is None:
            return [asked, who]
        part = f"of {self.rows:,} rows, all in trials.parquet, those of the first {self.shown:,} people are shown"
        return [asked, who, part]

    @property
    def shown(self) -> int:
        """How many people's rows `frame` has: all, unless the run does not fit into memory."""
        return int(self.frame["person"].nunique())

    def files(self) -> Files:
        """Tables, what was found and asked, with what it was made. All rows are summed up once."""
        table = self.summary()
        told: Files = {
            "findings.txt": lines(self._found(table)),
            "config.toml": toml(self.config),
            "summary.csv": table,
            "provenance.json": self.provenance | {"status": "done"},
        }
        if (
            self.rows is not None
        ):  # trials.parquet has been written, piece by piece; a text of it would be of no use
            return told | {"README.txt": "\n".join(self.remarks()) + "\n"}
        return told | {"trials.parquet": self.frame, "trials.csv.gz": self.frame}

    def figures(self) -> Iterator[tuple[str, Figure]]:
        """People beside every arm."""
        yield f"figures/{self.config['paradigm']}", self.plot()

    def done(self) -> dict[str, Any]:
        """How many trials, and of how many people they are shown."""
        all_rows = {"rows": len(self.frame) if self.rows is None else self.rows}
        return all_rows if self.rows is None else all_rows | {"shown": self.shown}


def overlaid(runs: Sequence[Trials]) -> Trials:
    """Runs of one paradigm as one, for a figure: an arm is called `run: arm`, a run by what sets it apart.

    >>> from cogattn import run
    >>> few = [run("partial_report", "human", people=2, trials=2, seed=s) for s in (1, 2)]
    >>> list(overlaid(few).frame["arm"].unique())
    ['seed 1: human', 'seed 2: human']
    """
    kinds = sorted({str(t.config["paradigm"]) for t in runs})
    if len(kinds) > 1:
        raise InputError(f"runs of one paradigm can share a figure, got {' and '.join(kinds)}")
    frames = [
        t.frame.assign(arm=f"{name}: " + t.frame["arm"].astype(str))
        for t, name in zip(runs, called(runs), strict=True)
    ]
    return replace(runs[0], frame=pd.concat(frames, ignore_index=True))


def called(runs: Sequence[Trials]) -> list[str]:
    """A name for each run: what differs between their configs (an unlike network, mind, seed, option); where nothing
    does, the end of its folder's name or its number."""
    alike = len({"observer" in t.config for t in runs}) == 1
    settings = [_settings(t.config, alike) for t in runs]
    keys = [
        k
        for k in dict.fromkeys(k for s in settings for k in s)
        if len({repr(s.get(k)) for s in settings}) > 1
    ]
    names = [", ".join(_said(k, s.get(k)) for k in keys[:MOST_NAMED]) for s in settings]
    last = [
        f"run {i}" if t.folder is None else t.folder.name.rsplit("-", 1)[-1]
        for i, t in enumerate(runs, start=1)
    ]
    if len(set(last)) < len(last):
        last = [f"run {i}" for i in range(1, len(runs) + 1)]
    return [
        name if name and names.count(name) == 1 else f"{name} {end}".strip()
        for name, end in zip(names, last, strict=True)
    ]


MOST_NAMED = 3  #: differences that the name of a run tells
NOT_SAID = ("paradigm", "paradigm_file", "paradigm_sha256", "arms", "model_sha256", "law")


def _settings(config: Mapping[str, Any], minds: bool) -> dict[str, Any]:
    """What a run was asked, flat; arms have names of their own, hashes say nothing to people. minds: one by one, where
    all runs tell them in the same way (one mind for everybody, or a population)."""
    flat: dict[str, Any] = {} if minds else {"minds": _one_mind(config)}
    for key, value in config.items():
        if key in ("observer", "population") and not minds:
            continue
        if key in ("options", "observer", "population"):
            flat |= {k: tuple(v) if isinstance(v, list) else v for k, v in value.items()}
        elif key not in NOT_SAID:
            flat[key] = value
    return flat


def _one_mind(config: Mapping[str, Any]) -> str:
    """Who the people are, where some runs have one mind for everybody and others a population."""
    if "observer" not in config:
        return "a population"
    usual = Observer().to_dict()
    own = [_said(k, v) for k, v in config["observer"].items() if v != usual.get(k)]
    return f"one ({', '.join(own[:MOST_NAMED]) or 'as usual'})"


def _said(key: str, value: Any) -> str:
    """A setting in a word or two."""
    if key == "model":
        return "no network" if value is None else Path(str(value)).stem
    if isinstance(value, Mapping):  # the spread of a parameter
        return f"{key} {' '.join(_short(v) for v in value.values())}"
    return f"{key} {'as usual' if value is None else _short(value)}"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _account(frame: pd.DataFrame) -> dict[str, int]:
    """What became of all that arrived in these trials: arrived = answered + missed + censored."""
    return {name: int(n) for name, n in frame[list(ACCOUNT)].sum().items()}


def load(
    folder: str | Path,
    paradigm: Paradigm | type[Paradigm] | str | None = None,
    *,
    model: str | None = None,
    trust: bool = False,
) -> Trials:
    """Read a run folder back; an unfinished or foreign one is refused with the way to mend it.

    paradigm: of a run of your own paradigm: the class, an instance, or the path of its file. It is not needed where it
    has been registered. model: the file of your own network that the run was made with, where a trial is to be played
    again; trust: the one that the folder names. It must be the very file of that run. Nothing that lies in the folder
    or is named there is executed otherwise. What was changed since the run was finished is said.

    >>> from tempfile import TemporaryDirectory
    >>> from cogattn import run
    >>> with TemporaryDirectory() as out:
    ...     kept = run("partial_report", people=2, trials=3, out=out).folder
    ...     load(kept).config["people"]
    2
    """
    folder = Path(folder)
    if not (folder / "config.toml").is_file():
        inside = sorted(str(path.parent) for path in folder.glob("*/config.toml"))
        mend = f"; there are runs in it: give {' or '.join(inside[:5])}" if inside else ""
        raise InputError(f"{folder} is not a run folder: it has no config.toml{mend}")
    config = read_toml(folder / "config.toml")
    if "paradigm" not in config:
        raise InputError(f"{folder / 'config.toml'} does not name a paradigm: not the folder of a single run")
    config = _with_network(config, model, trust)
    if not (folder / "done.json").is_file():
        raise InputError(f"the run in {folder} is not finished; run the same command again with --resume")
    task = registry.found_again(config, paradigm)
    if odd := seals.broken(folder, "config.toml", "trials.parquet"):
        seals.changed(
            f"{' and '.join(odd)} of {folder} {'is' if len(odd) == 1 else 'are'} not what the run wrote: "
            "`cogattn reproduce` says where"
        )
    done, history = read_json(folder / "done.json"), read_json(folder / "provenance.json")
    shown = done.get("shown")  # a run that does not fit into memory is shown by its first people
    frame = read_table(folder / "trials.parquet", [("person", "<", int(shown))] if shown else None)
    return Trials(frame, config, history, folder, task, done.get("rows") if shown else None)


def _with_network(config: dict[str, Any], model: str | None, trust: bool) -> dict[str, Any]:
    """The config, with the network's file where it lies today; whoever gives it, or trusts, allows that it is run."""
    if model is not None:
        if not config.get("model"):
            raise InputError(f"this run has no network: leave {model} out")
        networks.vouched(networks.named(model), config.get("model_sha256"))
        config = config | {"model": model}
        if isinstance(config.get("options"), dict) and "model" in config["options"]:
            config["options"] = config["options"] | {"model": model}
    elif trust and config.get("model"):
        networks.vouched(str(config["model"]), config.get("model_sha256"), trust=True)
    return config


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
        "backend": type(get_active_backend()[0]).__name__.removesuffix("Backend").lower(),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "versions": {name: _version(name) for name in packages},
        **_commit(),
    }


@cache
def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


@cache
def _commit() -> dict[str, Any]:
    """The commit of the checkout that this code was loaded from, if it is one."""
    here = Path(__file__).resolve().parents[2]
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


doors(__name__, "Trials", "load")
