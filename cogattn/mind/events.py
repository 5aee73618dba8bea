"""The event record: one row per event, whoever drove the mind; what lasts in it (`spans`), and a Chrome trace of that,
which Perfetto opens.

Columns: person, trial, time [s], kind, element, task, slot (-1 = none). Kinds of the world: onset, mask, offset,
weight, forget, end. Kinds of the mind: open (the race of this element begins, t0 after its onset), encode (it took a
slot), full (it finished, but the store was full), fade (its image is gone), respond, lapse (attention leaves its
task), return. Of a session: load, hold, capture, sleepiness (what changes for the whole mind), call (a stimulus asks
for a speeded response); its times run through all its trials. Of divided attention: wait (at the locked door of the
store), unlock, displace and decay (an item leaves the store), ready, choose (at the central stage), expire
(withdrawn unanswered), stay, leave and engage (which task has attention; engage names it). Of selection in time:
visit, found, quit (a search), count (one more categorisation). Of a list: rehearse (an item is said inwardly), recall
(it is said aloud), omit (its turn has come in recall, and it is lost).
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from cogattn import files
from cogattn.errors import InputError, door, doors
from cogattn.world.kinds import ENGAGE, KINDS

COLUMNS = ("person", "trial", "time", "kind", "element", "task", "slot")


def frame(
    person: npt.ArrayLike,
    trial: npt.ArrayLike,
    time: npt.ArrayLike,
    kind: npt.ArrayLike,
    element: npt.ArrayLike,
    slot: npt.ArrayLike,
    *,
    names: Sequence[str],
    tasks: Sequence[str],
    task_names: Sequence[str] = (),
) -> pd.DataFrame:
    """Plain columns of numbers as an event record; names and tasks are those of the elements, by number; task_names
    those of the tasks."""
    element = np.asarray(element, np.int64)
    code = {k: i for i, k in enumerate(KINDS)}
    kinds = pd.Categorical.from_codes(
        [code[int(k)] for k in np.asarray(kind)], categories=list(KINDS.values())
    )
    labels, jobs = [*names, ""], [*tasks, ""]  # element -1 (the end) is nobody's
    engaged, slot = np.asarray(kind) == ENGAGE, np.asarray(slot)
    named = [jobs[i] for i in element]
    for i in np.flatnonzero(engaged):  # it is about a task, whose number stands in the place of the slot
        named[i] = task_names[int(slot[i])] if task_names else ""
    slot = np.where(engaged, -1, slot)
    return pd.DataFrame(
        {
            "person": np.broadcast_to(np.asarray(person, np.int32), element.shape),
            "trial": np.broadcast_to(np.asarray(trial, np.int32), element.shape),
            "time": np.asarray(time, float),
            "kind": kinds,
            "element": pd.Categorical([labels[i] for i in element], categories=dict.fromkeys(labels)),
            "task": pd.Categorical(named, categories=dict.fromkeys([*task_names, *jobs])),
            "slot": np.asarray(slot, np.int16),
        }
    )


_ROW = np.dtype([("time", "f8"), ("kind", "i2"), ("element", "i2"), ("slot", "i2")])
KEPT = 100_000  #: events that an open world keeps in memory
_FLUSH = 50_000  # events of a file


class EventLog:
    """What happens to one mind, as it comes: the last `keep` events in memory (None: all of them), or all of them in a
    folder, one Parquet file for each 50,000."""

    @door
    def __init__(self, keep: int | None = KEPT, folder: str | Path | None = None) -> None:
        self.keep, self.forgotten = keep, 0
        self.folder = None if folder is None else Path(folder)
        self.rows: list[tuple[float, int, int, int]] = []  # of this trial: time, kind, element, slot
        self._past: deque[tuple[int, npt.NDArray[Any], tuple[tuple[str, str], ...]]] = deque()
        self._held, self._files = 0, 0
        if self.folder is not None and any(self.folder.glob("events-*.parquet")):
            raise InputError(f"{folder} holds an event record already: name another folder, or empty it")

    @property
    def bounded(self) -> bool:
        """Whether it takes no more memory however long the world lasts."""
        return self.keep is not None or self.folder is not None

    def __len__(self) -> int:
        """How many events it holds in memory."""
        return self._held + len(self.rows)

    def cut(self, trial: int, elements: Mapping[str, tuple[int, str]]) -> None:
        """What there is belongs to this trial and these elements; what comes begins anew."""
        if self.rows:
            self._past.append((trial, np.array(self.rows, _ROW), _met(elements)))
            self._held += len(self.rows)
            self.rows = []
        if self.folder is None and self.keep is not None:
            while self._past and self._held - len(self._past[0][1]) >= self.keep:
                gone = len(self._past.popleft()[1])
                self._held, self.forgotten = self._held - gone, self.forgotten + gone

    def flush(self, person: int, task_names: Sequence[str], least: int = _FLUSH) -> None:
        """Into the folder, if there is one and so many events are there."""
        if self.folder is not None and self._held >= max(1, least):
            whole, self._past, self._held = _joined(person, self._past, task_names), deque(), 0
            self._files += 1
            files.write_table(self.folder / f"events-{self._files:08d}.parquet", whole)

    def frame(
        self, person: int, trial: int, elements: Mapping[str, tuple[int, str]], task_names: Sequence[str]
    ) -> pd.DataFrame:
        """All that is held, as an event record; trial and elements: those of now."""
        now = (trial, np.array(self.rows, _ROW), _met(elements))
        record = _joined(person, [*self._past, now], task_names)
        if not self._files:
            return record
        assert self.folder is not None
        return together(
            [*(files.read_table(p) for p in sorted(self.folder.glob("events-*.parquet"))), record]
        )


def _met(elements: Mapping[str, tuple[int, str]]) -> tuple[tuple[str, str], ...]:
    """(name, task) of each element, by its number."""
    known = {x: (name, task) for name, (x, task) in elements.items()}
    return tuple(known.get(x, ("", "")) for x in range(max(known, default=0) + 1))


def _joined(person: int, entries: Any, task_names: Sequence[str]) -> pd.DataFrame:
    """Trials, each with its elements, as one record."""
    met, trials, parts = [("", "")], [], []
    for trial, rows, own in entries:
        at = rows["element"].astype(np.int64)
        parts.append((rows, np.where(at >= 0, at + len(met), at)))
        trials.append(np.full(len(rows), trial))
        met += own
    rows = np.concatenate([p[0] for p in parts])
    element = np.concatenate([p[1] for p in parts])
    names, tasks = zip(*met, strict=True)
    return frame(
        person, np.concatenate(trials), rows["time"], rows["kind"], element, rows["slot"],
        names=names, tasks=tasks, task_names=task_names,
    )  # fmt: skip


def together(records: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Records one after the other, as one: names keep their kind of column."""
    if not len(records):
        raise InputError("there must be at least one record, got none")
    for record in records:
        _columns_of(record)
    whole = {}
    for column in COLUMNS:
        parts = [r[column] for r in records]
        if isinstance(parts[0].dtype, pd.CategoricalDtype):
            whole[column] = pd.api.types.union_categoricals(parts)
        else:
            whole[column] = np.concatenate([p.to_numpy() for p in parts])
    return pd.DataFrame(whole)


def attended(record: pd.DataFrame, tasks: Sequence[str]) -> list[tuple[str, float, float]]:
    """(task, from, to) of every spell in which a task had attention, in one person's record. A mind that does not turn
    from task to task (no engage) attends to all of them. Attention that has left (lapse) is on none."""
    _columns_of(record, needed=("time", "kind", "task"))
    kind, time = record["kind"].astype(str).to_numpy(), record["time"].to_numpy(float)
    if not len(time):
        return []
    stop = float(time[-1])
    focus: list[str] = [] if (kind == "engage").any() else list(tasks)
    on, since, out = True, float(min(time[0], 0.0)), []
    for i in np.flatnonzero(np.isin(kind, ("engage", "leave", "lapse", "return", "capture"))):
        then = float(time[i])
        if on and then > since:
            out += [(task, since, then) for task in focus]
        since = then
        if kind[i] == "engage":
            focus = [str(record["task"].iloc[i])]
        elif kind[i] == "leave":
            focus = []
        else:
            on = bool(kind[i] != "lapse")
    if on and stop > since:
        out += [(task, since, stop) for task in focus]
    return out


def check(events: pd.DataFrame, source: str = "the event record") -> pd.DataFrame:
    """The same frame, if it is an event record; else one line that says which column is missing."""
    _columns_of(events, source)
    if events.empty:
        raise InputError(f"{source} holds no event")
    return events


def _columns_of(
    events: pd.DataFrame, source: str = "the event record", needed: Sequence[str] = COLUMNS
) -> None:
    missing = [c for c in needed if c not in events.columns]
    if missing:
        raise InputError(f"{source} has no column {missing[0]!r}; an event record has {', '.join(COLUMNS)}")


class Span(NamedTuple):
    """Something that lasts, from one event to another."""

    what: str  #: a key of `_RULES`' spans: "on display", "racing", "held", ...
    element: str
    task: str
    start: float  #: s
    stop: float  #: s
    outcome: str = ""
    slot: int = -1


#: kind of event: (the spans of its element that it ends, and how), (the spans that it begins)
_GONE = (("racing", "lost"), ("at the door", "lost"))
_RULES: dict[str, tuple[tuple[tuple[str, str], ...], tuple[str, ...]]] = {
    "onset": ((), ("on display",)),
    "open": ((), ("racing",)),
    "wait": ((("racing", "must wait"),), ("at the door",)),
    "encode": ((("racing", "stored"), ("at the door", "stored")), ("held",)),
    "full": ((("racing", "store full"), ("at the door", "store full")), ("to be counted",)),
    "displace": ((("held", "displaced"),), ()),
    "decay": ((("held", "decayed"),), ()),
    "forget": ((("held", "forgotten"),), ()),
    "mask": ((("on display", "taken away"), *_GONE), ()),
    "fade": ((("on display", "taken away"), *_GONE), ()),
    "expire": ((("on display", "withdrawn"), *_GONE, ("held", "withdrawn"), ("in line", "withdrawn")), ()),
    "ready": ((), ("in line",)),
    "choose": ((("in line", "chosen"), ("held", "chosen"), ("to be counted", "counted")), ("moving",)),
    "respond": ((("moving", "done"), ("on display", "answered"), *_GONE, ("call", "answered")), ()),
    "call": ((("call", "no response"),), ("call",)),
    "visit": ((), ("looked at",)),
    "lapse": ((), ("away",)),
    "return": ((("away", ""),), ()),
    "capture": ((("away", ""),), ()),
}
_ONLY_IF_ENDED = ("to be counted", "moving")  # nobody knows before whether they will be


def spans(record: pd.DataFrame) -> list[Span]:
    """Everything that lasts, in one person's record: who was on display, raced, waited at the door, was held in which
    slot, stood in line at the central stage (and was first there: has it to itself, if it is not shared); when
    attention was away, and on which task.

    Where a session's trial ends, what is still open ends with it; spells of attention go on.
    """
    running: dict[tuple[str, str], Span] = {}
    done: list[Span] = []

    def end(key: tuple[str, str], time: float, outcome: str) -> None:
        span = running.pop(key, None)
        if span is not None and not (outcome == "open" and span.what in _ONLY_IF_ENDED):
            what = "in line" if span.what == "to be counted" else span.what
            done.append(span._replace(what=what, stop=time, outcome=outcome))

    columns = ("time", "kind", "element", "task", "slot")
    _columns_of(record, needed=columns)
    searched = (record["kind"] == "visit").any()  # what is searched is looked at one by one
    for row in zip(*(record[c].to_numpy(object) for c in columns), strict=True):
        time, kind, element, task = float(row[0]), str(row[1]), str(row[2]), str(row[3])
        if kind == "end":
            for key in [k for k in running if k[0] not in ("away", "pause")]:
                end(key, time, "open")
        if kind in ("visit", "found", "quit"):  # one is looked at at a time
            for key in [k for k in running if k[0] == "looked at"]:
                end(key, time, kind)
        if kind == "load":
            begins: tuple[str, ...] = () if ("pause", "") in running else ("pause",)
            end(("pause", ""), time, "")
        else:
            ends, begins = _RULES.get(kind, ((), ()))
            if kind == "expire" and ("moving", element) in running:
                continue  # too late to withdraw it
            if searched:
                begins = tuple(what for what in begins if what != "racing")
            for what, outcome in ends:
                end((what, element), time, outcome)
        for what in begins:
            end((what, element), time, "open")
            running[what, element] = Span(what, element, task, time, time, slot=int(row[4]))
    last = float(record["time"].iloc[-1]) if len(record) else 0.0
    for key in list(running):
        end(key, last, "open")
    if (record["kind"] == "engage").any():
        done += [Span("attention", "", task, a, b) for task, a, b in attended(record, [])]
    return sorted([*done, *_first_in_line(done)], key=lambda s: (s.start, -s.stop))


def _first_in_line(found: Sequence[Span]) -> list[Span]:
    """From when each one in line was the next to leave it."""
    line = sorted((s for s in found if s.what == "in line"), key=lambda s: s.stop)
    out, before = [], -math.inf
    for span in line:
        start = max(span.start, before)
        if span.outcome != "withdrawn":
            out.append(span._replace(what="first in line", start=min(start, span.stop)))
        before = span.stop
    return out


MOST_ROWS = 40  #: elements with a row of their own; more share the rows of their task


def tracks(record: pd.DataFrame) -> dict[str, list[Span]]:
    """The spans of one person's record by row: where attention was, elements or tasks, the central stage, the slots.

    Spans of one row follow each other or nest (racing within being on display); what would cross takes a row more.
    """
    found = spans(record)
    elements = dict.fromkeys((s.task, s.element) for s in found if s.what in ("on display", "call"))
    own = len(elements) <= MOST_ROWS and len({e for _, e in elements}) == len(elements)
    rows: dict[str, list[Span]] = {}

    def lay(name: str, wanted: Sequence[Span]) -> None:
        for span in wanted:
            for n in range(1, len(wanted) + 1):
                lane = rows.setdefault(name if n == 1 else f"{name} {n}", [])
                if not lane or lane[-1].stop <= span.start + 1e-9:
                    lane.append(span)
                    break

    for what, name in (("away", "attention away"), ("pause", "pause")):
        lay(name, [s for s in found if s.what == what])
    for task in dict.fromkeys(s.task for s in found if s.task):
        lay(f"{task}: attention", [s for s in found if s.what == "attention" and s.task == task])
        if not own:
            lay(f"{task}: signals", [s for s in found if s.what in ("on display", "call") and s.task == task])
        for _, element in [key for key in elements if own and key[0] == task]:
            shown = ("on display", "racing", "at the door", "call")
            rows[f"{task}: {element}"] = [s for s in found if s.element == element and s.what in shown]
    lay("looked at", [s for s in found if s.what == "looked at"])
    lay("central stage", [s for s in found if s.what == "in line"])
    for name, lane in rows.items():
        if name.startswith("central stage"):
            ends = {(s.element, s.stop) for s in lane}
            first = [s for s in found if s.what == "first in line" and (s.element, s.stop) in ends]
            rows[name] = sorted([*lane, *first], key=lambda s: (s.start, -s.stop))
    lay("hand", [s for s in found if s.what == "moving"])
    for slot in sorted({s.slot for s in found if s.what == "held"}):
        lay(f"slot {slot + 1}", [s for s in found if s.what == "held" and s.slot == slot])
    return rows


def chrome_trace(events: pd.DataFrame) -> dict[str, Any]:
    """The record as a Chrome trace: one process per trial (or sitting), whose tracks are those of `tracks`.

    Slices of one track nest, as the format demands. A counter shows how many slots are taken. Times are in
    microseconds.
    """
    keys = [c for c in ("arm", "condition", "person", "trial") if c in check(events)]
    rows: list[dict[str, Any]] = []
    for pid, (key, group) in enumerate(events.groupby(keys, sort=True, observed=True), start=1):
        name = ", ".join(f"{k} {v}" for k, v in zip(keys, key, strict=True))
        rows.append(_meta("process_name", pid, 0, name))
        slots = 1000
        for tid, (track, own) in enumerate(tracks(group).items(), start=1):
            if track.startswith("slot "):
                slots += 1
                tid = slots
            rows.append(_meta("thread_name", pid, tid, track))
            rows += [_slice(_called(span, track), pid, tid, span) for span in own]
        rows += _taken(group, pid)
    return {"traceEvents": rows, "displayTimeUnit": "ms"}


def trace_text(events: pd.DataFrame) -> str:
    """`chrome_trace` as JSON text; a file of it opens in Perfetto's viewer or at chrome://tracing."""
    return json.dumps(chrome_trace(events))


def _called(span: Span, track: str) -> str:
    """What a slice is called: what happens, on a track that is the element's own; else who it is."""
    return span.what if not span.element or track == f"{span.task}: {span.element}" else span.element


def _meta(what: str, pid: int, tid: int, name: str) -> dict[str, Any]:
    return {"name": what, "ph": "M", "pid": pid, "tid": tid, "args": {"name": name}}


def _slice(name: str, pid: int, tid: int, span: Span) -> dict[str, Any]:
    begin, end = span.start * 1e6, span.stop * 1e6
    args = {k: v for k, v in (("what", span.what), ("outcome", span.outcome)) if v}
    return {"name": name, "ph": "X", "pid": pid, "tid": tid, "ts": begin, "dur": end - begin, "args": args}


def _taken(group: pd.DataFrame, pid: int) -> list[dict[str, Any]]:
    """How many slots are taken, whenever that changes."""
    held = [s for s in spans(group) if s.what == "held"]
    last, n, rows = float(group["time"].iloc[-1]), 0, []
    ends = [(s.stop, -1) for s in held if s.stop < last or s.outcome != "open"]
    for time, step in sorted([*ends, *((s.start, 1) for s in held)]):
        n += step
        rows.append({"name": "slots taken", "ph": "C", "pid": pid, "ts": time * 1e6, "args": {"taken": n}})
    return rows


doors(__name__, "frame", arrays=True)
doors(__name__, "together", "attended", "check", "spans", "tracks", "chrome_trace", "trace_text")
