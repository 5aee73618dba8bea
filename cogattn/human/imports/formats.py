"""The formats that people's data come in, told from a file's content and name, and what each means by its columns.

    long      a row per trial under a head, whatever wrote it
    psychopy  <component>.rt in seconds, .keys, .corr; a row per routine, loops as <loop>.thisN
    jspsych   CSV or JSON, rt in milliseconds, a row per plugin (trial_type), answers of forms nested
    bids      *_events.tsv or *_beh.tsv: response_time in seconds, n/a, a JSON sidecar with Units and Levels, sub-XX
    hssm      rt in seconds, response 0/1 or -1/1 (right = 1), subj_idx or participant_id; -999 = none
    tva       LibTVA: number of trials, then condition, exposure (ms), targets, distractors, report as letters; or a
              head over such columns
    openmatb  logtime, scenario_time, type, module, address, value: one event in several rows, response_time in ms
    eprime    <object>.RT in ms, .ACC, .RESP, .CRESP; Subject; often UTF-16 with the file's name above the head;
              or the log of a session as it was written (*** LogFrame Start ***)
    gorilla   "Participant Private ID", "Reaction Time" in ms, a row per zone of a screen
    inquisit  blockcode, trialcode, latency in ms; response 0 where no key was pressed, the latency then the deadline
    labjs     sender, ended_on, duration (= the response time, in ms), correctResponse; a row per component

Sources: psychopy.org/builder (Keyboard component), jspsych.org/latest/overview/data, the BIDS specification (task
events), hssm's and hddm's data frames, RStanTVA's `read_tva_data` and tabletTVA's writer, OpenMATB's core/logger.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cogattn.errors import InputError
from cogattn.files import MOST_JSON, json_value, read_bytes
from cogattn.human.imports import columns as cells
from cogattn.human.imports import names as called
from cogattn.human.imports import programs, sheets
from cogattn.human.imports.records import Note
from cogattn.human.imports.sheets import DataSheet

FORMATS = (
    "auto", "long", "psychopy", "jspsych", "bids", "hssm", "tva", "openmatb", "eprime", "gorilla", "inquisit",
    "labjs",
)  # fmt: skip
_TABLES = (".csv", ".tsv", ".txt", ".dat", ".iqdat", ".json", ".parquet", ".gz")
_PROSE = ("readme", "changes", "license", "dataset_description", "participants")
_JSON = MOST_JSON
_MOST_FILES = 20_000  # of a folder: more than any experiment has
_OPENMATB = {"logtime", "scenario_time", "type", "module", "address", "value"}
#: Plugins of jsPsych that are never a trial.
_NEVER = re.compile(
    r"(instructions|preload|fullscreen|survey.*|call-function|browser-check|initialize-.*|virtual-chinrest|external-html"
    r"|webgazer-.*|mirror-camera|html-button-response-instructions)$"
)
_TASKS = ("task", "test_part", "phase", "trial_part", "screen_id", "exp_stage")


def files(path: Path, kind: str) -> list[Path]:
    """The data files of a folder in the order of their names (run-2 before run-10), or the file itself."""
    if not path.is_dir():
        return [path]
    within = list(islice(path.rglob("*"), _MOST_FILES + 1))
    if len(within) > _MOST_FILES:
        raise InputError(f"{path} holds more than {_MOST_FILES:,} files and folders: name one of its folders")
    every = [p for p in sorted(within, key=_order) if p.is_file() and not _hidden(p, path)]
    if kind in ("auto", "bids"):
        for ending in ("_events.tsv", "_beh.tsv"):
            if some := [p for p in every if p.name.removesuffix(".gz").endswith(ending)]:
                return some
    some = [p for p in every if p.suffix.lower() in _TABLES and not p.stem.lower().startswith(_PROSE)]
    endings = sorted({p.name.lower().removesuffix(".gz").rpartition(".")[2] for p in some})
    if not some:
        raise InputError(f"{path} is a folder without a table ({', '.join(_TABLES)}): name a file")
    if len(endings) > 1:
        raise InputError(
            f"{path} holds files of several kinds (.{', .'.join(endings)}): put those of one kind in a folder"
        )
    return some


def _order(path: Path) -> list[tuple[int, str]]:
    """Numbers in a name count as numbers."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", str(path))]


def _hidden(path: Path, root: Path) -> bool:
    return any(part.startswith((".", "__")) for part in path.relative_to(root).parts)


def opened(path: Path, kind: str, said: Mapping[str, str], heads: Sequence[str] = ()) -> DataSheet:
    """A file as its format has it. kind: one of FORMATS; said: which columns were named for it; heads: what its columns
    are called, where it has no head line."""
    data = sheets.peek(path)
    if data.startswith(b"PAR1"):
        return _as(sheets.parquet(path), kind, said)
    text, encoding = sheets.start(data, path)
    if text.lstrip("\ufeff \t\r\n")[:1] in ("[", "{"):
        _expected(kind, "jspsych", path, "holds JSON")
        return jspsych(sheets.of_frame(path, _json(path, encoding), ", JSON"), said)
    if programs.LOG_FRAME in text:
        _expected(kind, "eprime", path, "is a log of E-Prime")
        return _as(programs.eprime_log(path, encoding), "eprime", said)
    if _counted(text) and kind in ("auto", "tva") and not heads:
        return libtva(path, encoding)
    return _as(sheets.table(path, text, encoding, heads), kind, said)


def _expected(kind: str, is_: str, path: Path, why: str) -> None:
    if kind not in ("auto", is_):
        raise InputError(f"{path} {why}: it cannot be read as {kind}; say --format {is_} or auto")


def _as(sheet: DataSheet, kind: str, said: Mapping[str, str]) -> DataSheet:
    """A table with a head, as its format has it."""
    return _MEANT[recognised(sheet) if kind == "auto" else kind](sheet, said)


def recognised(sheet: DataSheet) -> str:
    """The format of a table with a head, from its columns and its name."""
    names = {n.lower() for n in sheet.names}
    if names >= _OPENMATB:
        return "openmatb"
    if sheet.path.name.removesuffix(".gz").endswith(("_events.tsv", "_beh.tsv")) or names >= {
        "onset",
        "duration",
        "trial_type",
    }:
        return "bids"
    if "trial_type" in names and names & {
        "time_elapsed",
        "internal_node_id",
        "trial_index",
        "plugin_version",
    }:
        return "jspsych"
    if any(n.endswith((".thisn", ".thisrepn")) for n in names) or {"psychopyversion"} & names:
        return "psychopy"
    if any(n.endswith(".rt") and n.removesuffix("rt") + "keys" in names for n in names):
        return "psychopy"
    if (other := programs.recognised(sheet)) is not None:
        return other
    if {"rt", "response"} <= names and names & {"subj_idx", "participant_id"} and _coded(sheet):
        return "hssm"
    if "targets" in names and (report := cells.found("report", sheet.names)):
        shown = sheet.load(["targets" if "targets" in sheet.names else _named(sheet, "targets"), report], ())
        return "tva" if cells.of_letters(shown.iloc[:, 0]) else "long"
    return "long"


def _coded(sheet: DataSheet) -> bool:
    """Whether responses are 0 and 1 or -1 and 1, as HSSM and HDDM have them."""
    name = _named(sheet, "response")
    return set(cells.texts(sheet.load([name], ())[name]).dropna()) <= {
        "0",
        "1",
        "-1",
        "-999",
        "0.0",
        "1.0",
        "-1.0",
    }


def _named(sheet: DataSheet, small: str) -> str:
    return next(n for n in sheet.names if n.lower() == small)


def long(sheet: DataSheet, _: Mapping[str, str]) -> DataSheet:
    """A row per trial."""
    return sheet


# -- PsychoPy ------------------------------------------------------------------------------------------------


def psychopy(sheet: DataSheet, said: Mapping[str, str]) -> DataSheet:
    """A row per routine; a trial is a row in which the component that takes the answers ran."""
    frame = sheet.load(sheet.names, ())
    asked = {name.rpartition(".")[0] for name in said.values() if name.endswith((".rt", ".keys", ".corr"))}
    filled = {c: int(cells.there(frame[f"{c}.rt"]).sum()) for c in _components(sheet.names)}
    most = max(filled.values(), default=0)
    main = sorted(asked) or [c for c, n in filled.items() if n and n >= most / 2]
    names = {"rt": ".rt", "response": ".keys", "correct": ".corr"}
    judged = (
        [c for c in main if f"{c}.corr" in frame and cells.there(frame[f"{c}.corr"]).any()]
        if not asked
        else []
    )
    main = judged if len(judged) == 1 and len(main) > 1 and filled[judged[0]] == most else main
    known = {o: main[0] + t for o, t in names.items() if len(main) == 1 and main[0] + t in frame}
    frame["loop"] = _loops(frame, main)
    both = f"{', '.join(f'{c}.rt ({filled.get(c, 0)})' for c in main)} all hold response times"
    doubts = dict.fromkeys(("rt", "rt1", "rt2"), both) if len(main) > 1 else {}
    return sheets.of_frame(
        sheet.path, frame, sheet.how, kind="psychopy", known=known, group="loop", person=sheet.path.stem,
        units=dict.fromkeys((n for n in frame if n.endswith(".rt")), "s"), doubts=doubts, notes=sheet.notes,
    )  # fmt: skip


def _components(names: Sequence[str]) -> list[str]:
    return [n.removesuffix(".rt") for n in names if n.endswith(".rt")]


def _loops(frame: pd.DataFrame, main: Sequence[str]) -> pd.Series:
    """The innermost loop of each row in which one of the components ran; none where none did.

    A component that ran leaves .started, or the keys "None" where nobody answered."""
    own = [n for n in frame if n.rpartition(".")[0] in main]
    ran = pd.Series(not own, frame.index)
    for name in own:
        ran |= frame[name].astype("string").fillna("").str.strip() != ""
    loop = pd.Series("no loop", frame.index, dtype=object)
    inside = {n: cells.there(frame[n]) for n in frame if n.endswith((".thisN", ".thisRepN"))}
    for name in sorted(inside, key=lambda n: -int(inside[n].sum())):
        loop[inside[name]] = name.rpartition(".")[0]
    return loop.where(ran, "")


# -- jsPsych -------------------------------------------------------------------------------------------------


def _json(path: Path, encoding: str) -> pd.DataFrame:
    """The rows of a JSON file: one list, a list per line (as JATOS keeps people), or an object with the list in it."""
    if path.stat().st_size > _JSON:
        raise InputError(
            f"{path} is a JSON of more than {_JSON / 1e6:g} MB: save it as CSV, or give a folder of files"
        )
    text = sheets.text_of(path, encoding).lstrip("\ufeff")
    try:
        parts = [json_value(text, str(path))]
    except InputError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2 or "is not JSON" not in str(error):
            raise
        parts = []
        for line in lines:
            try:
                parts.append(json_value(line, str(path)))
            except InputError:
                raise error from None
    rows = [_flat(row) for part in parts for row in _list(part)]
    if not rows or not any(rows):
        raise InputError(f"{path} holds no trial")
    return pd.DataFrame(rows, range(1, len(rows) + 1), dtype=object)


def _list(part: Any) -> list[dict[str, Any]]:
    if isinstance(part, dict):
        inside = next(
            (v for v in part.values() if isinstance(v, list) and v and isinstance(v[0], dict)), [part]
        )
        own = {k: v for k, v in part.items() if not isinstance(v, (list, dict))}
        part = [{**own, **row} for row in inside if isinstance(row, dict)]
    return [row for row in part if isinstance(row, dict)] if isinstance(part, list) else []


def _flat(row: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """An object in an object becomes columns of its own, as response.Q0; it stays under its name, too."""
    out: dict[str, Any] = {}
    for name, value in row.items():
        out[before + name] = value
        if isinstance(value, Mapping) and not before:
            out |= _flat(value, f"{name}.")
    return out


def jspsych(sheet: DataSheet, _: Mapping[str, str]) -> DataSheet:
    """A row per plugin; those that never are a trial (instructions, surveys, ...) go at once."""
    frame = sheet.load(sheet.names, ())
    notes = sheet.notes
    if "trial_type" in frame:
        plugin = cells.texts(frame["trial_type"]).fillna("")
        never = plugin.map(lambda p: bool(_NEVER.match(str(p))))
        if never.any() and not never.all():
            kinds = ", ".join(sorted(set(plugin[never])))
            notes.append(Note.counted("left_out", never, "row", f" left out: {kinds}", "trial_type"))
            frame = frame[~never]
    frame = _silent(frame, notes)
    task = next((n for n in frame if n in _TASKS and cells.there(frame[n]).any()), "")
    group = task or ("trial_type" if "trial_type" in frame else "")
    return sheets.of_frame(
        sheet.path, frame, sheet.how, kind="jspsych", units=dict.fromkeys((n for n in frame if n == "rt"), "ms"),
        group=group, person=sheet.path.stem, notes=notes,
    )  # fmt: skip


def _silent(frame: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Without the response times below 0 that some plugins (those of the Experiment Factory) write: -1 where nobody
    answered; of a second response, counted from its stimulus, where none came or it came before that."""
    for name in [n for n in frame if n == "rt" or str(n).endswith("_rt")]:
        times = pd.to_numeric(cells.texts(frame[name]), errors="coerce")
        none = times.eq(-1) if name == "rt" else times.lt(0)
        if none.any():
            what = "-1: no response" if name == "rt" else "below 0: none, or before its stimulus; no response"
            notes.append(Note.counted("silent", none, "row", f" with {name} {what}", str(name)))
            frame = frame.assign(**{name: frame[name].mask(none)})
    return frame


# -- BIDS ----------------------------------------------------------------------------------------------------


def bids(sheet: DataSheet, _: Mapping[str, str]) -> DataSheet:
    """Events of one person; times in seconds unless the sidecar has other Units."""
    told = sidecar(sheet.path)
    times = {n: "s" for n in sheet.names if n in ("onset", "duration", "response_time")}
    units = {n: u for n, t in told.items() if (u := called.unit_of(str(t.get("Units", ""))))}
    levels = {
        n: {str(k): _words(v) for k, v in t["Levels"].items()}
        for n, t in told.items()
        if isinstance(t.get("Levels"), Mapping)
    }
    who = re.findall(r"sub-([A-Za-z0-9+]+)", str(sheet.path))
    known = {"rt": "response_time"} if "response_time" in sheet.names else {}
    return replace(
        sheet, kind="bids", known=known, units=times | units, levels=levels, person=who[-1] if who else sheet.path.stem,
        group="trial_type" if "trial_type" in sheet.names else "",
    )  # fmt: skip


def _words(level: Any) -> str:
    return str(level.get("Description", "") if isinstance(level, Mapping) else level)


def sidecar(path: Path) -> dict[str, dict[str, Any]]:
    """What the JSON files beside an events file and above it say of its columns; the nearest has the last word."""
    stem = path.name.removesuffix(".gz").removesuffix(".tsv")
    parts = set(stem.split("_"))
    out: dict[str, dict[str, Any]] = {}
    for folder in [*reversed(list(path.absolute().parents)[:4]), path.absolute().parent]:
        for file in sorted(folder.glob(f"*{stem.rpartition('_')[2]}.json"), key=lambda f: len(f.stem)):
            if set(file.stem.split("_")) <= parts:
                told = json_value(read_bytes(file, MOST_JSON), str(file))
                out |= (
                    {n: t for n, t in told.items() if isinstance(t, dict)} if isinstance(told, dict) else {}
                )
    return out


# -- HSSM, LibTVA --------------------------------------------------------------------------------------------


def hssm(sheet: DataSheet, _: Mapping[str, str]) -> DataSheet:
    """rt in seconds; the response is right (1) or wrong (0 or -1)."""
    known = (
        {"correct": "response"}
        if "response" in sheet.names and cells.found_exactly("correct", sheet.names) is None
        else {}
    )
    return replace(sheet, kind="hssm", known=known, units={n: "s" for n in sheet.names if n.lower() == "rt"})


def tva(sheet: DataSheet, _: Mapping[str, str]) -> DataSheet:
    """Letters under a head."""
    return replace(sheet, kind="tva", person=sheet.path.stem)


def _counted(text: str) -> bool:
    """Whether the first line that is no remark is a number of trials and nothing else, and trials follow."""
    lines = [
        s for line in text.splitlines()[:60] if (s := line.strip("\ufeff \t\r")) and not s.startswith("#")
    ]
    return len(lines) > 0 and lines[0].isdigit() and (len(lines) == 1 or len(lines[1].split()) >= 5)


def libtva(path: Path, encoding: str) -> DataSheet:
    """condition, exposure (ms), targets, distractors, report; what stands behind (times, keys) is not needed.

    tabletTVA writes the key presses behind a trial, an Enter as a line break: the rest of such a line is no trial."""
    lines = [s for line in sheets.text_of(path, encoding).splitlines() if (s := line.strip("\ufeff \t\r"))]
    lines = [line for line in lines if not line.startswith("#") and not re.match(r"-[\d.]+;", line)]
    rows = [line.split() for line in lines[1:]]
    bad = [i for i, row in enumerate(rows) if len(row) < 5]
    notes: list[str] = []
    if len(bad) > len(rows) / 2 or not rows:
        raise InputError(f"{path} must have condition, exposure, targets, distractors and report in a row")
    if bad:
        text = f" left out: not the 5 columns of LibTVA (first: trial {bad[0] + 1})"
        notes.append(Note.counted("unfit", len(bad), "row", text))
    if int(lines[0]) != len(rows):
        notes.append(
            Note(f"{path.name} announces {lines[0]} trials and holds {len(rows)}: was it cut short?", "cut")
        )
    names = ["condition", "exposure", "targets", "distractors", "report"]
    good = {i + 1: row[:5] for i, row in enumerate(rows) if len(row) >= 5}
    frame = pd.DataFrame(list(good.values()), list(good), names, dtype=object)
    return sheets.of_frame(
        path, frame, ", LibTVA", kind="tva", units={"exposure": "ms"}, person=path.stem, notes=notes
    )


# -- OpenMATB ------------------------------------------------------------------------------------------------


def openmatb(sheet: DataSheet, _: Mapping[str, str]) -> DataSheet:
    """What was logged of each signal: system monitoring (signal_detection) and communications (sdt_value)."""
    small = {n.lower(): n for n in sheet.names}
    if not set(small) >= _OPENMATB:
        raise InputError(
            f"{sheet.path} is no log of OpenMATB: it must have the columns {', '.join(sorted(_OPENMATB))}"
        )
    frame = sheet.load([small[n] for n in ("scenario_time", "type", "module", "address", "value")], ())
    frame.columns = ["time", "type", "module", "address", "value"]
    frame = frame[
        frame["type"].astype(str).eq("performance") & frame["module"].isin(["sysmon", "communications"])
    ]
    rows = [r for _, part in frame.astype(str).groupby("module", sort=False) for r in _signals(part)]
    if not rows:
        raise InputError(f"{sheet.path} logs no signal of sysmon or communications (type performance)")
    signals = pd.DataFrame(rows).sort_values("line", kind="stable").set_index("line")
    notes = sheet.notes
    solved = signals["by"].isin(["agent", "auto"])
    if solved.any():
        notes.append(Note.counted("left_out", solved, "signal", " left out: automation solved them"))
    signals = _answerable(signals[~solved], notes).drop(columns="by")
    return sheets.of_frame(
        sheet.path, signals.assign(trial=range(1, len(signals) + 1)), sheet.how, kind="openmatb", group="module",
        units={"rt": "ms", "onset": "s"}, person=sheet.path.stem, notes=notes,
    )  # fmt: skip


def _signals(part: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a module, put together: a new signal begins where a name of a value comes again."""
    out: list[dict[str, str]] = []
    for line, time, address, value in zip(
        part.index, part["time"], part["address"], part["value"], strict=True
    ):
        if not out or address in out[-1]:
            out.append({"line": line, "time": time})
        out[-1][address] = value
    return [
        _signal(s, str(part["module"].iloc[0])) for s in out if {"signal_detection", "sdt_value"} & set(s)
    ]


def _signal(values: Mapping[str, Any], module: str) -> dict[str, Any]:
    """A signal: what came of it, and when it came up (answered at `time`, `rt` ms after its onset)."""
    outcome = values.get("signal_detection", values.get("sdt_value", "")).upper()
    rt = values.get("response_time", "")
    try:
        onset = float(values["time"]) - float(rt) / 1000
    except ValueError:
        onset = np.nan
    return {
        "line": values["line"], "module": module, "signal": values.get("name", values.get("target_radio", "")),
        "outcome": outcome, "rt": rt, "onset": onset, "by": values.get("resolved_by", ""),
        "correct": {"HIT": "1", "MISS": "0"}.get(outcome, ""),
    }  # fmt: skip


def _answerable(signals: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Hits and misses: a false alarm answers nothing, and after a wrong answer its signal is still there."""
    for outcome, n in signals["outcome"].value_counts().items():
        if outcome == "FA":
            notes.append(Note.counted("left_out", n, "false alarm", " left out: no signal was there"))
        elif outcome not in ("HIT", "MISS"):
            text = f" {outcome} left out: the signal stays until it is a HIT or a MISS"
            notes.append(Note.counted("left_out", n, "answer", text))
    return signals[signals["outcome"].isin(["HIT", "MISS"])]


_MEANT: Mapping[str, Callable[[DataSheet, Mapping[str, str]], DataSheet]] = {
    "long": long,
    "psychopy": psychopy,
    "jspsych": jspsych,
    "bids": bids,
    "hssm": hssm,
    "tva": tva,
    "openmatb": openmatb,
    "eprime": programs.eprime,
    "gorilla": programs.gorilla,
    "inquisit": programs.inquisit,
    "labjs": programs.labjs,
}
