"""Who takes which task: run(paradigm, arms, population, seed) -> Trials, in parallel, resumable, with provenance.

An arm is who takes the task: `human` has all limits, `softmax` none, `slots+capacity` those two. Arms share the
people, the streams, the pictures, the weights of the network and the draws: they differ by the limits alone.
With a model the trip has two phases: the network weighs a whole batch of displays, the mind plays the events that
those weights cause, the network reads every display through the gate that the mind leaves.

>>> trials = run("whole_report", people=2, trials=3, seed=1)
>>> len(trials.frame)                            # 8 exposures x 2 arms x 2 people x 3 trials
96
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cogattn import files, paradigms
from cogattn.errors import InputError, RunError, choice, whole
from cogattn.laws import race
from cogattn.mind import cohort
from cogattn.mind.draws import LAYOUT, seed_of, trial_keys, uniforms
from cogattn.nn.networks import subjects
from cogattn.nn.networks.subjects import Subject, find_judge, find_reader, find_specialist, fingerprint
from cogattn.observer import Arm, Observer, limits_of
from cogattn.paradigms import Answers, Condition, Name, OwnTask, Paradigm, Watch
from cogattn.paradigms.watch import Seen
from cogattn.population import Population
from cogattn.runs import trials as results
from cogattn.runs.trials import Trials
from cogattn.runs.workers import Piece, finish
from cogattn.showing import Progress, ticker
from cogattn.world.stream import TaskStream

_BLOCK = 16384  # displays in memory at a time
_MOST_TRIALS = 20_000_000  # of a condition: its table has to fit into memory
_LAW = 3  # raised when a change makes old parts stale

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Plan:
    """Everything that decides the numbers of a run, and nothing else."""

    paradigm: Paradigm
    arms: tuple[str, ...]
    people: int
    trials: int
    seed: int
    model: str | None
    observer: Observer | None
    population: Population

    def config(self) -> dict[str, Any]:
        """The plan as plain values, for config.toml."""
        who = (
            {"observer": self.observer.to_dict()}
            if self.observer
            else {"population": self.population.to_dict()}
        )
        values = {
            "paradigm": self.paradigm.name,
            "arms": list(self.arms),
            "people": self.people,
            "trials": self.trials,
            "seed": self.seed,
            "model": self.model,
            "model_sha256": fingerprint(self.model) if self.model else None,
            "law": _LAW,
            "options": self.paradigm.options(),
            **who,
        }
        return {k: v for k, v in values.items() if v is not None}

    @property
    def cells(self) -> int:
        """How many pieces the run is finished in."""
        return len(self.paradigm.conditions()) * len(self.arms)

    def rows(self, condition: Condition) -> int:
        """How many rows one cell has."""
        length = self.paradigm.length(condition) if isinstance(self.paradigm, Watch) else 1
        return self.people * self.trials * length

    def crowd(self) -> list[Observer]:
        """The people, without any arm's changes."""
        return _crowd(self.observer, self.population, self.people, self.seed)


@dataclass(frozen=True)
class Cell:
    """The smallest piece of a run that is finished at once: one arm in one condition, all people."""

    arm: str
    condition: Condition

    def name(self, config: dict[str, Any]) -> str:
        """A name that changes when anything changes that could change the cell's numbers."""
        decisive = {k: v for k, v in config.items() if k != "arms"}
        return digest(decisive | {"arm": self.arm, "condition": self.condition})


def digest(value: Any) -> str:
    """A short name for plain values."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]


def run(
    paradigm: Name | str | Paradigm,
    arms: Arm | str | Sequence[Arm | str] = ("human", "softmax"),
    model: str | None = None,
    people: int = 50,
    trials: int | None = None,
    seed: int = 0,
    n_jobs: int = 1,
    device: str = "auto",
    *,
    observer: Observer | None = None,
    population: Population | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    progress: Progress | bool | None = None,
) -> Trials:
    """Let `people` take `trials` trials of every condition under every arm (sessions: sit through it `trials` times).

    `trials=None`: as many as is usual for the paradigm: 100, or one session.
    `model=None`: the mind alone answers. A name in models/ or the path of your own file: that network reads each
    display through its gate. `observer`: one mind for everybody; `population`: their spread (default: adults).
    `out`: a folder for the run folder; then every finished cell is kept, and `resume=True` goes on from there.
    `progress`: True shows a bar; a function is told (done, of) after each cell.

    >>> run("partial_report", arms=("human", "slots"), people=2, trials=3).frame["arm"].unique().tolist()
    ['human', 'slots']
    """
    plan = make_plan(paradigm, arms, model, people, trials, seed, observer, population)
    check([plan], n_jobs, device)
    folder = None if out is None else run_folder(Path(out), plan.paradigm.name, plan.config(), resume)
    return execute(plan, folder, n_jobs, device, ticker(progress, plan.paradigm.name))


def check(plans: Iterable[Plan], n_jobs: int, device: str) -> None:
    """Everything that can be wrong before a folder is made: cores, device, a network that cannot show so much."""
    whole("n_jobs", n_jobs, least=1, most=1024)
    for plan in plans:
        if plan.model is not None:
            _fits(plan.paradigm, model_of(plan, device))


def execute(
    plan: Plan,
    folder: Path | None = None,
    n_jobs: int = 1,
    device: str = "auto",
    progress: Progress | None = None,
) -> Trials:
    """Carry a plan out, in this folder if one is given: what is finished there is not played again."""
    subject = None if plan.model is None else model_of(plan, device)
    config = plan.config()
    history = results.provenance(plan.seed, _device_of(subject), n_jobs)
    if folder is not None:
        files.write_text(folder / "config.toml", results.toml(config))
        files.write_json(folder / "provenance.json", history)
    frame = play(plan, folder, n_jobs, device, progress)
    done = Trials(frame, config, history, folder)
    if folder is not None:
        done.save(folder)
    return done


def execute_all(
    plans: Mapping[str, Plan],
    folder: Path | None,
    n_jobs: int = 1,
    device: str = "auto",
    progress: Progress | None = None,
) -> dict[str, Trials]:
    """Several plans as one piece of work, each in a folder of its own name; progress counts all their cells."""
    total, before = sum(p.cells for p in plans.values()), 0
    done: dict[str, Trials] = {}
    for name, plan in plans.items():

        def count(n: int, _: int, base: int = before) -> None:
            if progress is not None:
                progress(base + n, total)

        done[name] = execute(plan, folder and folder / name, n_jobs, device, count)
        before += plan.cells
    return done


def make_plan(
    paradigm: str | Paradigm,
    arms: str | Sequence[str],
    model: str | None,
    people: int,
    trials: int | None,
    seed: int,
    observer: Observer | None,
    population: Population | None,
) -> Plan:
    """Check every argument at the door."""
    if not isinstance(paradigm, Paradigm):
        paradigm = paradigms.make(paradigm, {})
    if isinstance(paradigm, OwnTask):
        paradigm, model = _own(paradigm, model)
    arms = (arms,) if isinstance(arms, str) or not isinstance(arms, Iterable) else tuple(arms)
    for arm in arms:
        limits_of(arm)
    if not arms or len(set(arms)) < len(arms):
        raise InputError(f"arms must name at least one arm, and each once, got {arms}")
    if observer is not None and population is not None:
        raise InputError("give observer (one mind for everybody) or population (their spread), not both")
    for name, value, kind in (("observer", observer, Observer), ("population", population, Population)):
        if value is not None and not isinstance(value, kind):
            raise InputError(f"{name} must be {kind.__name__}(...), got {value!r}")
    people = whole("people", people, least=1, most=10**6)
    trials = paradigm.usual_trials if trials is None else trials
    trials = whole("trials", trials, least=1, most=1000 if paradigm.sessions else 10**6)
    length = max(paradigm.length(c) for c in paradigm.conditions()) if isinstance(paradigm, Watch) else 1
    if people * trials * length > _MOST_TRIALS:
        raise InputError(
            f"people x trials must be <= {_MOST_TRIALS // length:,} in a condition, got {people:,} x {trials:,}"
        )
    seed = whole("seed", seed, most=2**63 - 1)
    return Plan(paradigm, arms, people, trials, seed, model, observer, population or Population.adults())


def _own(task: OwnTask, model: str | None) -> tuple[OwnTask, str]:
    """A network's own task is taken by that network; without more said, all of it."""
    if model is None and not task.model:
        raise InputError("own_task needs a network that brings a task of its own: give model=")
    model = model or task.model
    if not task.model:
        return OwnTask.of(model), model
    if task.model != model:
        raise InputError(f"this is the own task of {task.model}; {model} cannot take it")
    return task, model


def model_of(plan: Plan, device: str) -> Any:
    """The plan's network: a reader of displays, a judge where the paradigm plays sequences, or a specialist."""
    assert plan.model is not None
    return _loaded(plan.model, device, plan.paradigm.pictures, fingerprint(plan.model))


def world_of(plan: Plan, condition: Condition, subject: Any) -> TaskStream:
    """The world of one trial; that of a network's own task comes from the network at hand."""
    task = plan.paradigm
    if isinstance(task, OwnTask) and subject is not None:
        world: TaskStream = subject.stream(task.value(condition))
        return world
    return task.stream(condition)


def _fits(paradigm: Paradigm, subject: Subject) -> None:
    """A network shows only so many items, of so many kinds."""
    if paradigm.pictures == "own":
        return
    if not paradigm.pictures:
        raise InputError(f"{paradigm.name} shows no pictures that {subject.name} could read; leave model out")
    for condition in paradigm.conditions():
        stimuli = paradigm.stream(condition).stimuli
        n, most, what = (
            len(stimuli),
            min(subject.places, subject.alphabet),
            "shows at most {} different items",
        )
        if paradigm.pictures == "sequence":
            most, what = subject.places, "takes at most {} letters"
        elif paradigm.pictures == "frames":  # each target alone
            n = sum(not s.distractor for s in stimuli)
        elif (
            isinstance(paradigm, Watch) and paradigm.pictures == "items"
        ):  # each alone, of a kind that is given
            n = int(paradigm.labels(condition).max()) + 1
        if n > most:
            raise InputError(f"{subject.name} {what.format(most)}, {paradigm.name} asks for {n}")


def _device_of(subject: Subject | None) -> str:
    return "cpu" if subject is None else str(getattr(subject, "device", "cpu"))


def run_folder(out: Path, name: str, config: dict[str, Any], resume: bool) -> Path:
    """A new run folder, or the newest unfinished one of the same settings."""
    room, tail = out / name, digest(config)[:8]
    if resume:
        open_runs = [p for p in sorted(room.glob(f"*-{tail}")) if not (p / "done.json").exists()]
        if not open_runs:
            raise InputError(
                f"no unfinished run with these settings in {room}; leave --resume out to start one"
            )
        return open_runs[-1]
    stamp = datetime.now().strftime("%Y%m%dT%H%M%S")
    folder = room / f"{stamp}-{tail}"
    for n in range(1, 1000):
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            folder = room / f"{stamp}.{n}-{tail}"
        except OSError as error:
            raise RunError(
                f"cannot make the folder {folder}: {error.strerror}; choose another with --out"
            ) from None
    raise RunError(f"cannot find a free name for a run in {room}")


def play(
    plan: Plan,
    folder: Path | None = None,
    n_jobs: int = 1,
    device: str = "auto",
    progress: Progress | None = None,
) -> pd.DataFrame:
    """All cells, each from its part if that is there, else played and kept at once."""
    config = plan.config()
    cells = [Cell(arm, c) for c in plan.paradigm.conditions() for arm in plan.arms]
    made = (_LAW, config.get("model_sha256"))
    pieces = [
        Piece(
            c.name(config), partial(_play, _sent(plan), c, plan.model, device, made), plan.rows(c.condition)
        )
        for c in cells
    ]
    frames = finish(pieces, folder and folder / "parts", n_jobs, progress)
    return pd.concat(frames, ignore_index=True)


def _sent(plan: Plan) -> Plan:
    """The plan as any process can carry it out: a user's own network by its whole path."""
    if plan.model is None or plan.model in subjects.names():
        return plan
    place = str(Path(plan.model).resolve())
    own = plan.paradigm
    return replace(plan, model=place, paradigm=replace(own, model=place) if isinstance(own, OwnTask) else own)


def _play(
    plan: Plan, cell: Cell, called: str | None, device: str, made: tuple[int, str | None]
) -> pd.DataFrame:
    """One cell, wherever this runs. made: the law and the network's fingerprint; `called`: the network's name."""
    if made != (_LAW, plan.model and fingerprint(plan.model)):
        raise RunError(f"a worker has another version of cogattn or of {called}: bring all to the same one")
    subject = None if plan.model is None else model_of(plan, device)
    with one_thread_each(subject is not None):
        frame = play_cell(plan, cell, plan.crowd(), subject)
    return frame if called == plan.model else frame.assign(model=called)


@lru_cache(maxsize=2)
def _loaded(model: str, device: str, pictures: str, sha: str | None) -> Any:  # noqa: ARG001 (another file is another network)
    find = {"sequence": find_judge, "own": find_specialist}.get(pictures, find_reader)
    return find(model, device)


@lru_cache(maxsize=1)
def _crowd(observer: Observer | None, population: Population, people: int, seed: int) -> list[Observer]:
    """The people, without any arm's changes; computed once for all cells that a process plays."""
    return [observer] * people if observer else population.sample(people, seed)


@contextmanager
def one_thread_each(networks: bool) -> Iterator[None]:
    """Cells run beside each other, so a network takes one thread: faster, and the same sums on any machine."""
    if not networks:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def play_cell(plan: Plan, cell: Cell, crowd: Sequence[Observer], subject: Subject | None) -> pd.DataFrame:
    """One arm in one condition: a row per person and trial."""
    limits = limits_of(cell.arm)
    minds = [observer.under(limits) for observer in crowd]
    if isinstance(plan.paradigm, Watch):
        return _play_sessions(plan, cell, minds, subject, plan.paradigm)
    n = plan.people * plan.trials
    blocks = []
    for first in range(0, n, _BLOCK):
        rows = np.arange(first, min(first + _BLOCK, n))
        person, trial = rows // plan.trials, rows % plan.trials
        blocks.append(_play_block(plan, cell, minds, subject, person, trial))
    return pd.concat(blocks, ignore_index=True)


def _play_block(
    plan: Plan, cell: Cell, minds: Sequence[Observer], subject: Any, person: Array, trial: Array
) -> pd.DataFrame:
    stream = world_of(plan, cell.condition, subject)
    scene, out = play_again(plan, cell, minds, subject, person, trial)
    limited = bool(limits_of(cell.arm))
    if isinstance(scene, Desk):
        columns = scene.columns(out, limited)
        return _table(plan, cell, stream, person, trial, columns, columns.pop("response", ""))
    if scene is None:
        answers, response = Answers(out.stored, out.stored, out.censored), _named(out.stored, stream.names)
    else:
        answers, response = scene.answers(out.stored, out.censored, limited)
    return _table(plan, cell, stream, person, trial, plan.paradigm.score(cell.condition, answers), response)


def play_again(
    plan: Plan,
    cell: Cell,
    minds: Sequence[Observer],
    subject: Any,
    person: Array,
    trial: Array,
    *,
    record: bool = False,
    details: bool = False,
) -> tuple[Scene | Desk | None, cohort.Outcome]:
    """These trials: what a network was shown, and what the mind made of it. The same draws give the same events."""
    stream = world_of(plan, cell.condition, subject)
    scene: Scene | Desk | None = None
    if isinstance(plan.paradigm, OwnTask):
        scene = Desk.make(plan, cell, plan.paradigm, subject, person, trial)
    elif subject is not None:
        scene = Scene.make(plan, cell, stream, subject, person, trial)
    weighed = scene is not None and (limits_of(cell.arm) or isinstance(scene, Desk))
    out = cohort.play(
        stream,
        minds,
        person=person,
        trial=trial,
        seed=condition_seed(plan, cell.condition),
        weights=scene.weights(minds, person) if scene is not None and weighed else None,
        record=record,
        details=details or (isinstance(scene, Desk) and scene.task.asked.timed),
    )
    return scene, out


def _table(
    plan: Plan,
    cell: Cell,
    stream: TaskStream,
    person: Array,
    trial: Array,
    columns: dict[str, Array],
    response: Any,
) -> pd.DataFrame:
    """The long table of these trials."""
    head = {
        "person": person.astype(np.int32),
        "arm": cell.arm,
        **cell.condition,
        "trial": trial.astype(np.int32),
    }
    timing = {"onset": stream.stimuli[0].onset, "rt": np.nan}
    tail = {"model": plan.model or "mind", "response": response}
    return pd.DataFrame(head | timing | columns | tail)


@dataclass(frozen=True)
class Desk:
    """A batch of a specialist's trials: the same for every arm."""

    task: OwnTask
    subject: Any
    display: Any
    logits: Array  # (n, E), -inf where there is no element

    @classmethod
    def make(cls, plan: Plan, cell: Cell, task: OwnTask, subject: Any, person: Array, trial: Array) -> Desk:
        """What the specialist shows in these trials, and what asks for attention there."""
        keys = trial_keys(condition_seed(plan, cell.condition), person, trial)
        display = subject.show(task.value(cell.condition), keys)
        return cls(task, subject, display, np.asarray(subject.weigh(display), float))

    @property
    def here(self) -> Array:
        """(n, E): which elements there are."""
        return np.isfinite(self.logits)

    def weights(self, minds: Sequence[Observer], person: Array) -> Array:
        """w_x = exp(gain logit_x), at the gain that gives each person's alpha. (n, E)"""
        gain = race.gain_for([m.alpha for m in minds], self.subject.gap)[person, None]
        return race.weights_from_logits(self.logits, gain)

    def columns(self, out: cohort.Outcome, limited: bool) -> dict[str, Array]:
        """What the specialist answers through what the mind holds; without limits, through nothing."""
        return self.task.columns(self.subject, self.display, out, self.here, limited)

    def allocation(self, out: cohort.Outcome, limited: bool) -> Array:
        """(n, E): how much of its attention each element got."""
        allocated = self.subject.allocate(self.display, self.task.gate(out) if limited else None)
        return np.where(self.here, allocated, 0.0)

    def elements(self, row: int, names: Sequence[str]) -> tuple[list[str], Array | None]:
        """What the elements of one trial are called, and their pictures if they are any."""
        found = self.subject.elements(self.display, row)
        if isinstance(found, np.ndarray):
            return list(names), found
        here, words = self.here[row], iter(found)
        return [next(words) if is_here else "" for is_here in here], None


def _play_sessions(
    plan: Plan, cell: Cell, minds: Sequence[Observer], subject: Subject | None, paradigm: Watch
) -> pd.DataFrame:
    """Every person sits through the session, as often as asked: a row per trial."""
    n = paradigm.length(cell.condition)
    people = max(1, _BLOCK // n)
    blocks = [
        _play_sitting(
            plan, cell, minds, subject, paradigm, np.arange(first, min(first + people, plan.people)), visit
        )
        for visit in range(plan.trials)
        for first in range(0, plan.people, people)
    ]
    return pd.concat(blocks, ignore_index=True)


def _play_sitting(
    plan: Plan,
    cell: Cell,
    minds: Sequence[Observer],
    subject: Subject | None,
    paradigm: Watch,
    who: Array,
    visit: int,
) -> pd.DataFrame:
    """Some people's sitting. What is laid out at random depends on the person and the visit, not on the arm."""
    seed = condition_seed(plan, cell.condition)
    crowd = [minds[p] for p in who]
    keys = trial_keys(seed, who, cohort.WATCH - visit)
    session = paradigm.session(cell.condition, keys)
    trial = np.arange(session.trials)
    person, count = np.repeat(who, len(trial)), np.tile(trial, len(who))
    scene, weights = None, None
    limited = bool(limits_of(cell.arm))
    if subject is not None and paradigm.pictures == "display":
        scene = Scene.make(plan, cell, session.streams[0], subject, person, visit * 1048576 + count)
        if limited:
            weights = scene.weights(minds, person).reshape(len(who), len(trial), -1)
    seen: Any = cohort.watch(
        session,
        crowd,
        number=who,
        visit=visit,
        seed=seed,
        weights=weights,
        details=paradigm.details,
        record=paradigm.recorded,
    )
    if paradigm.details or any(t.response for t in session.tasks):
        seen = Seen.of(seen)
        if subject is not None:
            seen = replace(seen, read=_read(paradigm, cell.condition, session, subject, scene, seen, limited))
        columns = paradigm.score_session(cell.condition, session, seen)
        if "response" in columns:
            response = np.asarray(columns.pop("response")).ravel().tolist()
        else:
            response = np.where(columns["responded"], "press", "").ravel().tolist()
    else:
        stored = seen.stored.reshape(len(person), -1)
        never = np.zeros_like(stored)
        if scene is None:
            answers, response = Answers(stored, stored, never), _named(stored, session.streams[0].names)
        else:
            answers, response = scene.answers(stored, never, limited)
        columns = paradigm.score(cell.condition, answers)
    seen_rt = columns.pop("rt", seen.rt)
    rt = np.where(seen_rt > 0, seen_rt, np.nan)  # attention that takes no time has no response time
    head = {
        "person": person.astype(np.int32),
        "arm": cell.arm,
        **cell.condition,
        "trial": count.astype(np.int32),
    }
    state = {"alertness": seen.alertness, "on_task": seen.on_task}
    columns = {"visit": np.full(rt.shape, visit, np.int32), "onset": seen.start, "rt": rt, **columns, **state}
    flat = {k: np.asarray(v).ravel() if np.ndim(v) else v for k, v in columns.items()}
    return pd.DataFrame(head | flat | {"model": plan.model or "mind", "response": response})


def _read(
    paradigm: Watch,
    condition: Condition,
    session: Any,
    subject: Any,
    scene: Scene | None,
    seen: Any,
    limited: bool,
) -> Array:
    """(people, trials, elements) what the network makes of each element: 1 = right, 0 = wrong, -1 = nothing."""
    if paradigm.pictures == "sequence":
        return paradigm.judged(subject, condition, seen, limited)
    known = paradigm.known(seen)
    shape = known.shape
    if paradigm.pictures == "items":
        what = np.broadcast_to(paradigm.labels(condition), (shape[0] * shape[1], shape[2]))
        items = Scene.items(subject, seen.keys.reshape(-1), what)
        rows = known.reshape(-1, 1)
        return np.where(rows, items.named(rows, limited), -1).reshape(shape)
    if scene is None:  # one after the other, each alone
        flat, roles = seen.keys.reshape(-1), np.array([s.distractor for s in session.streams[0].stimuli])
        scene = Scene.frames(subject, flat, roles)
        known = known[..., ~roles]
    flat_known = known.reshape(len(scene.labels), -1)
    answers, _ = scene.answers(flat_known, np.zeros_like(flat_known), limited)
    values = np.where(answers.given, answers.right.astype(np.int64), -1)
    if paradigm.pictures == "display":
        return values.reshape(shape)
    out = np.full(shape, -1)
    out[..., ~roles] = values.reshape(*shape[:2], -1)
    return out


def condition_seed(plan: Plan, condition: Condition) -> int:
    """The draws of a condition depend on the seed and on the condition: the arms share them."""
    return seed_of(plan.seed, plan.paradigm.name, json.dumps(condition, sort_keys=True)) & (2**63 - 1)


def _named(stored: Array, names: list[str]) -> list[str]:
    """What was reported, by the names of the elements."""
    labels = np.array(names)
    return [" ".join(labels[row]) for row in stored]


@dataclass(frozen=True)
class Scene:
    """A batch of displays before a network: what is where, and the pictures of it."""

    subject: Subject
    labels: Array  # (n, E) identity of each element
    place: Array  # (n, E) where it stands
    distractor: Array  # (E,)
    picture: Any

    @classmethod
    def make(
        cls, plan: Plan, cell: Cell, stream: TaskStream, subject: Subject, person: Array, trial: Array
    ) -> Scene:
        """The pictures of these trials: the same for every arm."""
        keys = trial_keys(condition_seed(plan, cell.condition), person, trial)
        distractor = np.array([s.distractor for s in stream.stimuli])
        labels, place = layout(keys, len(distractor), subject)
        roles = np.broadcast_to(np.where(distractor, 0, 1), place.shape)
        shown, kinds = (_scatter(a, place, subject.places, -1) for a in (labels, roles))
        return cls(subject, labels, place, distractor, subject.show(shown, kinds, keys))

    @classmethod
    def frames(cls, subject: Subject, keys: Array, distractor: Array) -> Scene:
        """The targets of these trials, each alone on a display of its own, trial by trial."""
        labels, place = layout(keys, int((~distractor).sum()), subject)
        return cls._alone(subject, labels, _each(keys, 0, labels.shape[1]), place.reshape(-1, 1))

    @classmethod
    def items(cls, subject: Subject, keys: Array, labels: Array) -> Scene:
        """All items of these trials, each alone on a display of its own; labels (trials, items) say what they are."""
        own = _each(keys, 1, labels.shape[1])
        return cls._alone(subject, labels, own, _spots(own, subject)[:, :1])

    @classmethod
    def _alone(cls, subject: Subject, labels: Array, keys: Array, place: Array) -> Scene:
        """Displays of one item each: labels (trials, items), keys and place one per display."""
        flat = labels.reshape(-1, 1)
        shown, kinds = (_scatter(a, place, subject.places, -1) for a in (flat, np.ones_like(flat)))
        return cls(subject, flat, place, np.zeros(1, bool), subject.show(shown, kinds, keys))

    def named(self, keep: Array, limited: bool) -> Array:
        """What the network calls the item at its place, through the gate that the mind leaves; -1 = nothing."""
        gate = self._gate(keep) if limited else None
        return np.take_along_axis(self.subject.read(self.picture, gate), self.place, 1)

    def _gate(self, keep: Array) -> Any:
        """What the mind leaves, place by place."""
        from cogattn.nn.gate import GateState

        return GateState.from_numpy(keep=_scatter(keep, self.place, self.subject.places, False))

    @property
    def logits(self) -> Array:
        """(n, E): the network's own logit of each element."""
        return np.take_along_axis(self.subject.weigh(self.picture), self.place, 1)

    @property
    def here(self) -> Array:
        """(n, E): which elements there are: all of them."""
        return np.ones(self.labels.shape, bool)

    def allocation(self, out: cohort.Outcome, limited: bool) -> Array:
        """(n, E): how much attention each element got; a network that cannot say so is taken at its own logits."""
        gate = self._gate(out.stored) if limited else None
        if hasattr(self.subject, "allocate"):
            return np.take_along_axis(self.subject.allocate(self.picture, gate), self.place, 1)
        w = race.weights_from_logits(self.logits, 1.0) * (out.stored if limited else 1.0)
        return w / np.maximum(w.sum(1, keepdims=True), 1e-300)

    def elements(self, row: int, names: Sequence[str]) -> tuple[list[str], Array | None]:
        """What the elements of one trial are called, and their pictures if the network shows any."""
        called = [f"{name}: {label}" for name, label in zip(names, self.labels[row], strict=True)]
        if not hasattr(self.subject, "elements"):
            return called, None
        return called, np.asarray(self.subject.elements(self.picture, row))[self.place[row]]

    def weights(self, minds: Sequence[Observer], person: Array) -> Array:
        """w_x = exp(gain logit_x): the network's own logits, at the gain that gives each person's alpha. (n, E)"""
        gain = race.gain_for([m.alpha for m in minds], self.subject.gap)[person, None]
        return race.weights_from_logits(self.logits, gain)

    def answers(self, stored: Array, censored: Array, limited: bool) -> tuple[Answers, list[str]]:
        """The network reads every display through the gate that the mind leaves; without limits, through none."""
        answer = self.named(stored, limited)  # (n, E)
        given = (answer >= 0) & ~censored
        targets = np.where(given, answer, -1)[:, ~self.distractor]
        response = [" ".join("." if a < 0 else str(a) for a in row) for row in targets.tolist()]
        return Answers(given, given & (answer == self.labels), censored), response


def layout(keys: Array, n: int, subject: Subject) -> tuple[Array, Array]:
    """Different identities at different places, a pure function of the trial's key."""
    kinds = uniforms(keys[:, None], LAYOUT, np.arange(subject.alphabet))
    return np.argsort(kinds, axis=1)[:, :n], _spots(keys, subject)[:, :n]


def _spots(keys: Array, subject: Subject) -> Array:
    """The places of each display in a random order."""
    return np.argsort(uniforms(keys[:, None], LAYOUT, 1000 + np.arange(subject.places)), axis=1)


def _each(keys: Array, salt: int, n: int) -> Array:
    """A key for each of n items of each trial."""
    return trial_keys(salt, np.repeat(keys, n), np.tile(np.arange(n), len(keys)))


def _scatter(values: Array, place: Array, places: int, empty: Any) -> Array:
    """Elements (n, E) at their places (n, places)."""
    values = np.asarray(values)
    out = np.full((len(place), places), empty, dtype=values.dtype)
    np.put_along_axis(out, place, values, 1)
    return out


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def events(
    trials: Trials,
    arm: str | None = None,
    condition: int | None = None,
    person: int | None = None,
    trial: int | None = None,
) -> pd.DataFrame:
    """The event record of a run, played again: the same draws give the same events. None = all of them.

    Adds the columns arm and condition (its number) to those of `mind.events`.
    """
    plan = plan_of(trials)
    subject = None if plan.model is None else model_of(plan, "auto")
    conditions = plan.paradigm.conditions()
    chosen = (
        range(len(conditions))
        if condition is None
        else [whole("condition", condition, most=len(conditions) - 1)]
    )
    arms = plan.arms if arm is None else (choice("arm", arm, plan.arms),)
    persons = np.arange(plan.people) if person is None else [whole("person", person, most=plan.people - 1)]
    numbers = np.arange(plan.trials) if trial is None else [whole("trial", trial, most=plan.trials - 1)]
    who, which = (a.reshape(-1) for a in np.meshgrid(persons, numbers, indexing="ij"))
    crowd, parts = plan.crowd(), []
    for c in chosen:
        for name in arms:
            cell = Cell(name, conditions[c])
            minds = [o.under(limits_of(name)) for o in crowd]
            if isinstance(plan.paradigm, Watch):
                found = _session_events(plan, cell, minds, subject, plan.paradigm, persons)
                parts.append(found.assign(arm=name, condition=c))
                continue
            _, out = play_again(plan, cell, minds, subject, who, which, record=True)
            assert out.events is not None
            parts.append(out.events.assign(arm=name, condition=c))
    return pd.concat(parts, ignore_index=True)


def _session_events(
    plan: Plan, cell: Cell, minds: Sequence[Observer], subject: Subject | None, paradigm: Watch, persons: Any
) -> pd.DataFrame:
    """The record of these people's first sitting, whole: its times run through all trials."""
    if subject is not None:
        raise InputError("the record of a session is that of the mind alone; make the run without a model")
    seed, who = condition_seed(plan, cell.condition), np.asarray(persons)
    session = paradigm.session(cell.condition, trial_keys(seed, who, cohort.WATCH))
    found = cohort.watch(session, [minds[p] for p in who], number=who, seed=seed, record=True).events
    assert found is not None
    return found


def plan_of(trials: Trials) -> Plan:
    """The plan that made a run, from its config."""
    c = trials.config
    observer = Observer.from_dict(c["observer"]) if "observer" in c else None
    population = Population.from_dict(c["population"]) if "population" in c else None
    arms: Any = c["arms"]
    return make_plan(
        trials.paradigm, arms, c.get("model"), c["people"], c["trials"], c["seed"], observer, population
    )
