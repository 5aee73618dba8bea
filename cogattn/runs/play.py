"""How a cell of a run is played: one arm in one condition, block by block, a row for each person and trial.

With a model the trip has two phases: the network weighs a whole batch of displays, the mind plays the events that
those weights cause, the network reads every display through the gate that the mind leaves.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cogattn import files
from cogattn.errors import InputError, choice, own_file, whole
from cogattn.mind import cohort
from cogattn.mind.draws import GUESS, seed_of, trial_keys, uniforms
from cogattn.nn.networks.registry import Reader
from cogattn.observer import limits_of
from cogattn.paradigms import Answers, Condition, NetworkTask, SessionParadigm
from cogattn.paradigms.session import SessionRecord
from cogattn.population import People
from cogattn.runs.batches import DisplayBatch, SpecialistBatch
from cogattn.runs.displays import seen_by
from cogattn.runs.plan import Cell, RunPlan, condition_seed, model_of, plan_of, world_of
from cogattn.runs.rows import Rows
from cogattn.runs.seen import SeenBatch
from cogattn.runs.trials import Trials
from cogattn.world.stream import TaskStream

_BLOCK = 16384  # displays before a network, and trials of sessions, in memory at a time
_ALONE = 65536  # displays where the mind alone answers: what they take stays near the processor
_RECORDED = 1500  # bytes of memory that the events of a trial take
_SPELLED = 12  # elements of which all combinations fit a table

Array = npt.NDArray[Any]
Batch = DisplayBatch | SpecialistBatch | SeenBatch


def play_cell(
    plan: RunPlan, cell: Cell, crowd: People, network: Reader | None, first: int = 0
) -> pd.DataFrame:
    """One arm in one condition: a row per person and trial. first: the number of the first of these people."""
    table = Rows(len(crowd) * plan.per_person(cell.condition))
    lay_cell(plan, cell, crowd, network, table, first)
    return table.frame()


def lay_cell(
    plan: RunPlan,
    cell: Cell,
    crowd: People,
    network: Reader | None,
    table: Rows,
    first: int = 0,
    at: int = 0,
    model: str | None = None,
) -> None:
    """The same, laid into a table from row `at` on. model: what the network is called there, if not as in the plan."""
    minds = crowd.under(limits_of(cell.arm))
    names = None if plan.observers is None else np.array([name for name, _ in plan.observers], object)
    sessions = isinstance(plan.paradigm, SessionParadigm)
    for block in (_sittings if sessions else _displays)(plan, cell, minds, network, first):
        who = block["person"]
        if names is not None:
            block = {"person": who, "name": names[who], **block}
        table.add(block if model is None else block | {"model": model}, at, len(who))
        at += len(who)


def _displays(
    plan: RunPlan, cell: Cell, minds: People, network: Reader | None, first: int
) -> Iterator[dict[str, Any]]:
    """The columns of these people's displays, block by block."""
    n = len(minds) * plan.trials
    step = _ALONE if network is None else _BLOCK
    stream = world_of(plan, cell.condition, network)
    for start in range(0, n, step):
        rows = np.arange(start, min(start + step, n))
        person, trial = rows // plan.trials, rows % plan.trials
        low = int(person[0])  # a block costs what its own people cost, however many there are
        own = minds[low : int(person[-1]) + 1]
        yield _play_block(plan, cell, stream, own, network, person - low, trial, first + low)


def _play_block(
    plan: RunPlan,
    cell: Cell,
    stream: TaskStream,
    minds: People,
    network: Any,
    person: Array,
    trial: Array,
    first: int,
) -> dict[str, Any]:
    """The columns of these trials. person: the place among the minds; first: the number of the first of them."""
    batch, out = play_again(plan, cell, minds, network, person, trial, first=first, stream=stream)
    limited, number = bool(limits_of(cell.arm)), person + first
    if isinstance(batch, SpecialistBatch):
        columns = batch.columns(out, limited)
        return _table(plan, cell, stream, number, trial, columns, columns.pop("response", ""))
    if batch is None:
        answers, response = Answers(out.stored, out.stored, out.censored), _named(out.stored, stream.names)
    else:
        answers, response = batch.answers(out.stored, out.censored, limited)
    return _table(plan, cell, stream, number, trial, plan.paradigm.score(cell.condition, answers), response)


@own_file()
def play_again(
    plan: RunPlan,
    cell: Cell,
    minds: People,
    network: Any,
    person: Array,
    trial: Array,
    *,
    first: int = 0,
    record: bool = False,
    details: bool = False,
    stream: TaskStream | None = None,
) -> tuple[Batch | None, cohort.Outcome]:
    """These trials: what a network was shown, and what the mind made of it. The same draws give the same events.

    person: the place of each among the minds; first: the number of the first of them; stream: the world of this cell,
    if it has been made.
    """
    stream = world_of(plan, cell.condition, network) if stream is None else stream
    batch: Batch | None = None
    if seen_by(network, plan.paradigm):
        batch = SeenBatch.make(plan, cell, stream, network, person + first, trial)
    elif isinstance(plan.paradigm, NetworkTask):
        batch = SpecialistBatch.make(plan, cell, stream, network, person + first, trial)
    elif network is not None:
        batch = DisplayBatch.make(plan, cell, stream, network, person + first, trial)
    limited = bool(limits_of(cell.arm))
    weighed = batch is not None and (limited or isinstance(batch, SpecialistBatch))
    out = cohort.play(
        stream,
        minds,
        person=person,
        trial=trial,
        first=first,
        seed=condition_seed(plan, cell.condition),
        weights=batch.weights(minds, person) if batch is not None and weighed else None,
        seen=batch.seen(limited) if isinstance(batch, SeenBatch) else None,
        record=record,
        details=details or (isinstance(batch, SpecialistBatch) and batch.task.asked.timed),
    )
    return batch, out


def _shared(condition: Condition) -> dict[str, Any]:
    """What all rows of a cell have; whole numbers in 32 bits where that is enough: a column of them takes memory."""
    narrow = {k for k, v in condition.items() if type(v) is int and abs(v) < 2**31}
    return {k: np.int32(v) if k in narrow else v for k, v in condition.items()}


def _table(
    plan: RunPlan,
    cell: Cell,
    stream: TaskStream,
    person: Array,
    trial: Array,
    columns: dict[str, Any],
    response: Any,
) -> dict[str, Any]:
    """All columns of these trials."""
    head = {
        "person": person.astype(np.int32),
        "arm": cell.arm,
        **_shared(cell.condition),
        "trial": trial.astype(np.int32),
    }
    timing = {"onset": stream.stimuli[0].onset, "rt": np.nan}
    tail = {"model": plan.model or "mind", "response": response}
    return head | timing | columns | tail


def _sittings(
    plan: RunPlan, cell: Cell, minds: People, network: Reader | None, first: int
) -> Iterator[dict[str, Any]]:
    """Every person sits through the session, as often as asked: the columns of some people's trials at a time."""
    assert isinstance(plan.paradigm, SessionParadigm)
    step = max(1, _BLOCK // plan.paradigm.length(cell.condition))
    for visit in range(plan.trials):
        for start in range(0, len(minds), step):
            places = np.arange(start, min(start + step, len(minds)))
            yield _play_sitting(plan, cell, minds, network, plan.paradigm, places, visit, first)


def today(plan: RunPlan, people: People, number: Array, visit: int = 0) -> People:
    """These people on the day of this visit: the same one in all conditions and arms of a paradigm."""
    from scipy import special  # here: it takes longer to load than all the rest

    seed = seed_of(plan.seed, plan.paradigm.name, "day") & (2**63 - 1)
    return people.of_the_day(special.ndtri(uniforms(trial_keys(seed, number, visit), GUESS, 0)))


def _play_sitting(
    plan: RunPlan,
    cell: Cell,
    minds: People,
    network: Reader | None,
    paradigm: SessionParadigm,
    places: Array,
    visit: int,
    first: int,
) -> dict[str, Any]:
    """Some people's sitting. What is laid out at random depends on the person and the visit, not on the arm."""
    seed, who = condition_seed(plan, cell.condition), places + first
    crowd = today(plan, minds[places[0] : places[-1] + 1], who, visit)
    keys = trial_keys(seed, who, cohort.SESSION_TRIAL - visit)
    session = paradigm.session(cell.condition, keys)
    trial = np.arange(session.trials)
    person, count = np.repeat(who, len(trial)), np.tile(trial, len(who))
    batch: Any = None
    weights, looked = None, None
    limited = bool(limits_of(cell.arm))
    if seen_by(network, plan.paradigm):
        batch = SeenBatch.of_session(plan, cell, session, network, person, visit * cohort.VISIT + count)
        shape = (len(who), len(trial), -1)
        looked = batch.seen(limited).reshape(*shape, 2)
        if limited:
            weights = batch.weights(crowd, person - places[0] - first).reshape(shape)
    elif network is not None and paradigm.pictures == "display":
        batch = DisplayBatch.make(plan, cell, session.streams[0], network, person, visit * 1048576 + count)
        if limited:
            weights = batch.weights(minds, person - first).reshape(len(who), len(trial), -1)
    seen: Any = cohort.run_session(
        session,
        crowd,
        number=who,
        visit=visit,
        seed=seed,
        weights=weights,
        seen=looked,
        details=paradigm.details,
        record=paradigm.recorded,
    )
    if paradigm.details or any(t.response for t in session.tasks):
        seen = SessionRecord.of(seen)
        if isinstance(batch, SeenBatch):
            seen = replace(seen, read=batch.read(paradigm, cell.condition, seen, limited))
        elif network is not None:
            seen = replace(seen, read=_read(paradigm, cell.condition, session, network, batch, seen, limited))
        columns = paradigm.score_session(cell.condition, session, seen)
        if "response" in columns:
            response = np.asarray(columns.pop("response")).ravel().tolist()
        else:
            response = np.where(columns["responded"], "press", "").ravel().tolist()
    else:
        stored = seen.stored.reshape(len(person), -1)
        never = np.zeros_like(stored)
        if batch is None:
            answers, response = Answers(stored, stored, never), _named(stored, session.streams[0].names)
        else:
            answers, response = batch.answers(stored, never, limited)
        columns = paradigm.score(cell.condition, answers)
    seen_rt = columns.pop("rt", seen.rt)
    rt = np.where(seen_rt > 0, seen_rt, np.nan)  # attention that takes no time has no response time
    head = {
        "person": person.astype(np.int32),
        "arm": cell.arm,
        **_shared(cell.condition),
        "trial": count.astype(np.int32),
    }
    state = {"alertness": seen.alertness, "on_task": seen.on_task}
    columns = {"visit": np.full(rt.shape, visit, np.int32), "onset": seen.start, "rt": rt, **columns, **state}
    flat = {k: np.asarray(v).ravel() if np.ndim(v) else v for k, v in columns.items()}
    return head | flat | {"model": plan.model or "mind", "response": response}


def _read(
    paradigm: SessionParadigm,
    condition: Condition,
    session: Any,
    network: Any,
    batch: DisplayBatch | None,
    seen: Any,
    limited: bool,
) -> Array:
    """(people, trials, elements) what the network makes of each element: 1 = right, 0 = wrong, -1 = nothing."""
    if paradigm.pictures == "sequence":
        return paradigm.judged(network, condition, seen, limited)
    known = paradigm.known(seen)
    shape = known.shape
    if paradigm.pictures == "items":
        what = np.broadcast_to(paradigm.labels(condition), (shape[0] * shape[1], shape[2]))
        items = DisplayBatch.items(network, seen.keys.reshape(-1), what)
        rows = known.reshape(-1, 1)
        return np.where(rows, items.named(rows, limited), -1).reshape(shape)
    if batch is None:  # one after the other, each alone
        flat, roles = seen.keys.reshape(-1), np.array([s.distractor for s in session.streams[0].stimuli])
        batch = DisplayBatch.frames(network, flat, roles)
        known = known[..., ~roles]
    flat_known = known.reshape(len(batch.labels), -1)
    answers, _ = batch.answers(flat_known, np.zeros_like(flat_known), limited)
    values = np.where(answers.given, answers.right.astype(np.int64), -1)
    if paradigm.pictures == "display":
        return values.reshape(shape)
    out = np.full(shape, -1)
    out[..., ~roles] = values.reshape(*shape[:2], -1)
    return out


def _named(stored: Array, names: list[str]) -> Any:
    """What was reported, by the names of the elements: each combination is spelled once."""
    n = len(names)
    if n <= _SPELLED:
        code = stored @ (1 << np.arange(n))
        seen = np.flatnonzero(np.bincount(code, minlength=1 << n))
        rows, spelled = (seen[:, None] >> np.arange(n)) & 1 == 1, np.empty(1 << n, object)
    else:
        packed = np.packbits(stored, axis=1)
        _, index, code = np.unique(packed, axis=0, return_index=True, return_inverse=True)
        rows, spelled, code = stored[index], np.empty(len(index), object), code.reshape(-1)
        seen = np.arange(len(index))
    labels = np.array(names)
    spelled[:] = ""
    spelled[seen] = [" ".join(labels[row]) for row in rows]
    return pd.Series(spelled).array.take(code)  # pandas looks at no more texts than there are


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
    network = None if plan.model is None else model_of(plan, "auto")
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
    files.afford(
        _RECORDED * len(who) * len(arms) * len(chosen),
        f"the record of {len(who) * len(arms) * len(chosen):,} trials",
        "take one arm, condition or person",
    )
    parts: list[pd.DataFrame] = []
    for c in chosen:
        for name in arms:
            cell = Cell(name, conditions[c])
            if isinstance(plan.paradigm, SessionParadigm):
                found = _session_events(plan, cell, network, plan.paradigm, persons)
                parts.append(found.assign(arm=name, condition=c))
                continue
            minds = plan.crowd().under(limits_of(name))
            _, out = play_again(plan, cell, minds, network, who, which, record=True)
            assert out.events is not None
            parts.append(out.events.assign(arm=name, condition=c))
    return pd.concat(parts, ignore_index=True)


def _session_events(
    plan: RunPlan, cell: Cell, network: Reader | None, paradigm: SessionParadigm, persons: Any
) -> pd.DataFrame:
    """The record of these people's first sitting, whole: its times run through all trials."""
    if network is not None:
        raise InputError("the record of a session is that of the mind alone; make the run without a model")
    seed, who = condition_seed(plan, cell.condition), np.asarray(persons)
    session = paradigm.session(cell.condition, trial_keys(seed, who, cohort.SESSION_TRIAL))
    minds = today(plan, plan.crowd()[who].under(limits_of(cell.arm)), who)
    found = cohort.run_session(session, minds, number=who, seed=seed, record=True).events
    assert found is not None
    return found
