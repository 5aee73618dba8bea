"""Who takes which task: run(paradigm, arms, population, seed) -> Trials, in parallel, resumable, with provenance.

An arm is who takes the task: `human` has all limits, `softmax` none, `slots+capacity` those two. Arms share the
people, the streams, the pictures, the weights of the network and the draws: they differ by the limits alone.

>>> trials = run("whole_report", people=2, trials=3, seed=1)
>>> len(trials.frame)                            # 8 exposures x 2 arms x 2 people x 3 trials
96
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from cogattn import files, seals
from cogattn._renamed import old_names
from cogattn.compiled import version
from cogattn.errors import InputError, RunError, doors, own_file, whole
from cogattn.nn.networks import registry
from cogattn.nn.networks.registry import Reader, device_named, fingerprint
from cogattn.nn.networks.threads import one_thread_each
from cogattn.notebook import Progress, ticker
from cogattn.observer import Arm, Observer, read_toml
from cogattn.paradigms import NetworkTask, Paradigm
from cogattn.population import Population
from cogattn.runs import trials as results
from cogattn.runs.plan import (
    Cell,
    RunPlan,
    _fits,
    condition_seed,
    digest,
    make_plan,
    model_of,
    plan_of,
    world_of,
)
from cogattn.runs.play import cores, events, lay_cell, play_again, play_cell
from cogattn.runs.rows import Rows
from cogattn.runs.trials import Trials
from cogattn.runs.workers import Piece, finish

IN_MEMORY = 20_000_000  # rows of a run that are in memory at once
SHOWN = 2_000_000  # rows of a larger run that are shown: its first people's

__all__ = [
    "Cell", "RunPlan", "check", "condition_seed", "cores", "digest", "events", "execute", "execute_all", "make_plan",
    "model_of", "one_thread_each", "plan_of", "play", "play_again", "play_cell", "run", "run_folder", "world_of",
]  # fmt: skip


def run(
    paradigm: str | Path | Paradigm | type[Paradigm],
    arms: Arm | str | Sequence[Arm | str] = ("human", "softmax"),
    model: str | None = None,
    people: int = 50,
    trials: int | None = None,
    seed: int = 0,
    n_jobs: int = 1,
    device: str = "auto",
    *,
    observer: Observer | None = None,
    observers: Mapping[str, Observer] | Sequence[Observer] | None = None,
    population: Population | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    progress: Progress | bool | None = None,
) -> Trials:
    """Let `people` take `trials` trials of every condition under every arm (sessions: sit through it `trials` times).

    `paradigm`: a name, a paradigm with your options, your own class, or the path of the file that it is in.
    `trials=None`: as many as is usual for the paradigm: 100, or one session.
    `model=None`: the mind alone answers. A name in models/ or the path of your own file: that network reads each
    display through its gate. `observer`: one mind for everybody; `observers`: named people, who each take it;
    `population`: their spread (default: adults, or those whom the paradigm names).
    `out`: a folder for the run folder; then every finished cell is kept, and `resume=True` goes on from there. A run of
    more rows than fit into memory needs it: rows go to trials.parquet piece by piece, and `frame`, the summary and the
    figure are those of its first people.
    `progress`: True shows a bar; a function is told (done, of) after each cell.

    >>> run("partial_report", arms=("human", "slots"), people=2, trials=3).frame["arm"].unique().tolist()
    ['human', 'slots']
    """
    with own_file():
        plan = make_plan(paradigm, arms, model, people, trials, seed, observer, population, observers)
        check([plan], n_jobs, device)
        folder = None if out is None else run_folder(Path(out), plan.paradigm.name, plan.config(), resume)
        return execute(plan, folder, n_jobs, device, ticker(progress, plan.paradigm.name))


def check(plans: Iterable[RunPlan], n_jobs: int, device: str) -> None:
    """Everything that can be wrong before a folder is made: cores, device, a network that cannot show so much."""
    whole("n_jobs", n_jobs, least=1, most=1024)
    device_named(device)
    for plan in plans:
        if plan.model is not None:
            _fits(plan.paradigm, model_of(plan, device))


def execute(
    plan: RunPlan,
    folder: Path | None = None,
    n_jobs: int = 1,
    device: str = "auto",
    progress: Progress | None = None,
    figures: bool = True,
) -> Trials:
    """Carry a plan out, in this folder if one is given: what is finished there is not played again."""
    if folder is None and not _in_memory(plan):
        need = f"this run needs {_needed(plan) / 1e9:,.1f} GB: {plan.all_rows:,} rows do not fit into memory"
        raise InputError(
            f"{need} (at most {IN_MEMORY:,}): give out=, a folder; they are written there piece by piece"
        )
    network = None if plan.model is None else model_of(plan, device)
    config = plan.config()
    history = results.provenance(plan.seed, _device_of(network), n_jobs)
    if folder is not None:
        seals.begin(folder, config)
        _as_asked(folder / "config.toml", config)
        files.write_text(folder / "config.toml", results.toml(config))
        files.write_json(folder / "provenance.json", history)
    frame = play(plan, folder, n_jobs, device, progress)
    done = Trials(
        frame, config, history, folder, plan.paradigm, None if len(frame) == plan.all_rows else plan.all_rows
    )
    if folder is not None:
        done.save(folder, figures)
    return done


def execute_all(
    plans: Mapping[str, RunPlan],
    folder: Path | None,
    n_jobs: int = 1,
    device: str = "auto",
    progress: Progress | None = None,
) -> dict[str, Trials]:
    """Several plans as one piece of work, each in a folder of its own name; progress counts all their cells.

    Their figures are left to `cogattn plot FOLDER`: drawing fifteen of them takes longer than playing them.
    """
    return dict(executed(plans, folder, n_jobs, device, progress))


def executed(
    plans: Mapping[str, RunPlan],
    folder: Path | None,
    n_jobs: int = 1,
    device: str = "auto",
    progress: Progress | None = None,
) -> Iterator[tuple[str, Trials]]:
    """The same, one after the other: who needs a run's trials for a moment only does not hold all of them at once."""
    total, before = sum(p.cells for p in plans.values()), 0
    for name, plan in plans.items():

        def count(n: int, _: int, base: int = before) -> None:
            if progress is not None:
                progress(base + n, total)

        yield name, execute(plan, folder and folder / name, n_jobs, device, count, figures=False)
        before += plan.cells


def _device_of(network: Reader | None) -> str:
    return "cpu" if network is None else str(getattr(network, "device", "cpu"))


BYTES_A_ROW = 400  # of a run in memory: its columns, and once more what is made of them


def _needed(plan: RunPlan) -> int:
    """Bytes of memory that all rows of a run take at once."""
    return BYTES_A_ROW * plan.all_rows


def _in_memory(plan: RunPlan) -> bool:
    """Whether all rows may be in memory at once: there are not too many, and so much memory is free."""
    free = files.free_memory()
    return plan.all_rows <= IN_MEMORY and (free is None or _needed(plan) < free)


def _as_asked(path: Path, config: dict[str, Any]) -> None:
    """Say that the settings of an unfinished run were changed; they are those of the command, and written anew."""
    if path.exists() and not _same(path, config):
        seals.changed(f"{path} was changed since the run began: it is written anew, as the run was asked for")


def _same(path: Path, config: dict[str, Any]) -> bool:
    """Whether a file of settings asks for this."""
    try:
        return seals.digest(seals.asked(read_toml(path))) == seals.digest(seals.asked(config))
    except InputError:
        return False


def run_folder(out: Path, name: str, config: dict[str, Any], resume: bool) -> Path:
    """A new run folder, or the newest unfinished one of the same settings. It has a manifest."""
    room, tail = out / name, seals.digest(seals.asked(config))[:8]
    if resume:
        return _taken_up(room, tail, config)
    stamp = datetime.now().strftime("%Y%m%dT%H%M%S")
    folder = room / f"{stamp}-{tail}"
    for n in range(1, 1000):
        try:
            folder.mkdir(parents=True)
            seals.begin(folder, config)
            return folder
        except FileExistsError:
            folder = room / f"{stamp}.{n}-{tail}"
        except OSError as error:
            raise RunError(
                f"cannot make the folder {folder}: {error.strerror}; choose another with --out"
            ) from None
    raise RunError(f"cannot find a free name for a run in {room}")


def _taken_up(room: Path, tail: str, config: dict[str, Any]) -> Path:
    """The newest unfinished run of these settings that this version may go on with."""
    refused: list[InputError] = []
    for folder in reversed([p for p in sorted(room.glob(f"*-{tail}")) if not (p / "done.json").exists()]):
        try:
            seals.begin(folder, config)
        except InputError as error:
            refused.append(error)
            continue
        for inner in (folder, *(p for p in folder.rglob("*") if p.is_dir())):
            files.sweep(inner)
        return folder
    if refused:
        raise refused[0]
    for path in room.glob("*/config.toml"):
        if not any(path.with_name(n).exists() for n in ("done.json", seals.MANIFEST)) and _same(path, config):
            raise InputError(
                f"the unfinished run in {path.parent} was begun by an earlier version of cogattn, which sealed "
                "nothing: it cannot be resumed; leave --resume out to start anew"
            )
    raise InputError(f"no unfinished run with these settings in {room}; leave --resume out to start one")


def play(
    plan: RunPlan,
    folder: Path | None = None,
    n_jobs: int = 1,
    device: str = "auto",
    progress: Progress | None = None,
) -> pd.DataFrame:
    """All cells, piece by piece, each from its part if that is there, else played and kept at once.

    Where all rows do not fit into memory they are only in the parts, of which trials.parquet is made; what is returned
    is the first people's.
    """
    config, sent = plan.config(), _sent(plan)
    made = (version("runs"), config.get("model_sha256"))
    pieces = []
    for condition in plan.paradigm.conditions():
        for cell in (Cell(arm, condition) for arm in plan.arms):
            for first, people in plan.pieces(condition):
                work = partial(_play, sent, cell, plan.model, device, made, first, people)
                pieces.append(Piece(cell.name(config, first), work, people * plan.per_person(condition)))
    if folder is None or _in_memory(plan):
        table = Rows(plan.all_rows)
        finish(pieces, folder and folder / "parts", n_jobs, progress, table=table)
        return table.frame()
    few = max(1, SHOWN // max(1, plan.all_rows // plan.people))
    kept = finish(pieces, folder / "parts", n_jobs, progress, keep=lambda f: f[f["person"] < few])
    files.join_tables(folder / "trials.parquet", [folder / "parts" / f"{p.name}.parquet" for p in pieces])
    return pd.concat([frame for frame in kept if len(frame)], ignore_index=True)


def _sent(plan: RunPlan) -> RunPlan:
    """The plan as any process can carry it out: a user's own network by its whole path."""
    if plan.model is None or plan.model in registry.names():
        return plan
    place = str(Path(plan.model).resolve())
    own = plan.paradigm
    return replace(
        plan, model=place, paradigm=replace(own, model=place) if isinstance(own, NetworkTask) else own
    )


def _play(
    plan: RunPlan,
    cell: Cell,
    called: str | None,
    device: str,
    made: tuple[str, str | None],
    first: int,
    people: int,
    table: Rows | None = None,
    at: int = 0,
) -> pd.DataFrame | None:
    """A piece of a cell, wherever this runs: its table, or nothing where it is laid into a larger one from row `at` on.

    made: the laws and the network's fingerprint; called: its name.
    """
    if made != (version("runs"), plan.model and fingerprint(plan.model)):
        raise RunError(f"a worker has another version of cogattn or of {called}: bring all to the same one")
    if plan.model is not None:
        registry.named(plan.model)  # by the user, to the process that sent this
    network = None if plan.model is None else model_of(plan, device)
    laid = Rows(people * plan.per_person(cell.condition)) if table is None else table
    with one_thread_each(network is not None), own_file():
        name = None if called == plan.model else called
        lay_cell(plan, cell, plan.crowd(first, people), network, laid, first, at, name)
    return laid.frame() if table is None else None


old_names(__name__, Plan="RunPlan")

doors(__name__, "run", first=True)
