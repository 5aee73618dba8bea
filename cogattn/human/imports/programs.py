"""Files of E-Prime, Gorilla, Inquisit and lab.js: what their columns mean, and which rows are trials.

Sources: E-Prime's E-DataAid export, Gorilla's "Understanding your data", Inquisit's raw data files, lab.js' export.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd

from cogattn.human.imports import columns as cells
from cogattn.human.imports import sheets
from cogattn.human.imports.records import Note
from cogattn.human.imports.sheets import DataSheet

LOG_FRAME = "*** LogFrame Start ***"
_EPRIME = {"RT": "rt", "ACC": "correct", "RESP": "response", "CRESP": "correct_response"}


def recognised(sheet: DataSheet) -> str | None:
    """Which of these programs wrote a table."""
    names = set(sheet.names)
    if objects(names) and names & {"Subject", "ExperimentName", "Procedure", "Running", "Session"}:
        return "eprime"
    if {"Participant Private ID", "Reaction Time"} <= names:
        return "gorilla"
    if {"blockcode", "trialcode", "latency"} <= {n.lower() for n in names}:
        return "inquisit"
    if {"sender", "ended_on", "duration"} <= names:
        return "labjs"
    return None


def objects(names: set[str]) -> list[str]:
    """E-Prime's objects that take answers."""
    return sorted(n.removesuffix(".ACC") for n in names if n.endswith(".ACC") and f"{n[:-4]}.RT" in names)


def eprime(sheet: DataSheet, _: Mapping[str, str]) -> DataSheet:
    """The object that was answered most often and is no practice; another one's rows are empty there."""
    those = objects(set(sheet.names))
    columns = [f"{o}.{tail}" for o in those for tail in ("RT", "ACC") if f"{o}.{tail}" in sheet.names]
    frame = sheet.load(columns, ())
    filled = {o: int(cells.there(frame[f"{o}.ACC"]).sum()) for o in those}
    main = sorted(those, key=lambda o: (bool(re.search(r"(?i)prac|train|demo|exam", o)), -filled[o]))
    known, doubts = {}, {}
    if main:
        known = {
            ours: f"{main[0]}.{tail}" for tail, ours in _EPRIME.items() if f"{main[0]}.{tail}" in sheet.names
        }
        rivals = [
            o
            for o in main[1:]
            if filled[o] >= filled[main[0]] / 2 and not re.search(r"(?i)prac|train|demo|exam", o)
        ]
        if rivals:
            said = ", ".join(f"{o}.RT ({filled[o]})" for o in [main[0], *rivals][:4])
            doubts = dict.fromkeys(("rt", "rt1", "rt2"), f"{said} all hold response times")
            known = {}
    times = {n: "ms" for n in sheet.names if n.endswith(".RT")}
    return replace(
        sheet, kind="eprime", known=known, units=times, doubts=doubts, person=sheet.person or sheet.path.stem
    )


def eprime_log(path: Path, encoding: str) -> DataSheet:
    """The log that E-Prime writes while it runs: a frame per trial, the block's own behind its trials. What is deepest
    is a trial; what its block is called and the head say of it stands beside it."""
    head: dict[str, str] = {}
    frame: dict[str, str] | None = None
    rows: list[tuple[int, dict[str, str]]] = []
    level, done = 1, 0
    for line in sheets.text_of(path, encoding).splitlines():
        name, colon, value = line.strip("\ufeff \t\r").partition(":")
        if name.startswith("*** "):
            if "LogFrame Start" in name:
                frame = {}
            elif "LogFrame End" in name and frame is not None:
                if level == 2:  # a block: of all trials since the last one
                    for depth, row in rows[done:]:
                        row.update({f"{k}[Block]": v for k, v in frame.items()} if depth > 2 else {})
                    done = len(rows)
                rows.append((level, frame))
                frame = None
        elif colon and frame is not None:
            frame[name.strip()] = value.strip()
        elif colon and name.strip() == "Level":
            level = int(value) if value.strip().isdigit() else level
        elif colon:
            head.setdefault(name.strip(), value.strip())
    deepest = max((depth for depth, _ in rows), default=0)
    told = {k: head[k] for k in ("Subject", "Session", "Experiment", "Group") if k in head}
    trials = [told | row for depth, row in rows if depth == deepest]
    return sheets.of_frame(
        path,
        pd.DataFrame(trials, range(1, len(trials) + 1), dtype=object),
        ", a log of E-Prime",
        person=path.stem,
    )


def gorilla(sheet: DataSheet, _: Mapping[str, str]) -> DataSheet:
    """Rows of the zones that take answers."""
    known = {"person": "Participant Private ID", "rt": "Reaction Time"}
    known |= {
        ours: name for ours, name in (("correct", "Correct"), ("response", "Response")) if name in sheet.names
    }
    group = next((n for n in ("Zone Type", "Zone Name", "Screen Name") if n in sheet.names), "")
    if group:
        frame = sheet.load(sheet.names, ())
        zone = cells.texts(frame[group]).fillna("")
        answers = zone.str.contains("response|keyboard|button_text|button_image", case=False)
        if answers.any() and not answers.all():
            text = f" left out: {group} takes no answer"
            sheet.notes.append(Note.counted("left_out", ~answers, "row", text, group))
            frame = frame[answers]
            sheet = sheets.of_frame(sheet.path, frame, sheet.how, notes=sheet.notes)
    return replace(sheet, kind="gorilla", known=known, units={"Reaction Time": "ms"})


def inquisit(sheet: DataSheet, _: Mapping[str, str]) -> DataSheet:
    """The latency of a trial in which no key was pressed (response 0, or none) is the deadline: nobody answered."""
    small = {n.lower(): n for n in sheet.names}
    known = {
        ours: small[name]
        for ours, name in (("rt", "latency"), ("correct", "correct"), ("response", "response"))
        if name in small
    }
    units = {small["latency"]: "ms"} if "latency" in small else {}
    if not {"latency", "response"} <= {*small}:
        return replace(sheet, kind="inquisit", known=known, units=units)
    frame, (latency, response) = sheet.load(sheet.names, ()), (small["latency"], small["response"])
    pressed = cells.texts(frame[response])
    none = (pressed.isna() | pressed.isin(["0", "none", "noresponse"])) & cells.there(frame[latency])
    if none.any() and not none.all():
        sheet.notes.append(Note.counted("silent", none, "row", f" with {response} 0: no response", latency))
        frame = frame.assign(**{latency: frame[latency].mask(none), response: frame[response].mask(none)})
    return sheets.of_frame(
        sheet.path,
        frame,
        sheet.how,
        kind="inquisit",
        known=known,
        units=units,
        notes=sheet.notes,
        person=sheet.person,
    )


def labjs(sheet: DataSheet, _: Mapping[str, str]) -> DataSheet:
    """Rows of the components that ask for a response: what a component lasted is then its response time."""
    frame = sheet.load(sheet.names, ())
    asks = cells.there(frame["correctResponse"]) if "correctResponse" in frame else None
    if asks is None or not asks.any():
        asks = (cells.texts(frame["ended_on"]) == "response").to_numpy(bool)
    if asks.any() and not asks.all():
        sheet.notes.append(
            Note.counted("left_out", ~asks, "row", " left out: they ask for no response", "sender")
        )
        frame = frame[asks]
    late = cells.texts(frame["ended_on"]) == "timeout"
    frame = frame.assign(duration=frame["duration"].where(~late))
    if late.any():
        text = " that ended on timeout: no response"
        sheet.notes.append(Note.counted("silent", late, "row", text, "duration"))
    known = {"rt": "duration"} | ({"correct": "correct"} if "correct" in frame else {})
    return sheets.of_frame(
        sheet.path, frame, sheet.how, kind="labjs", known=known, units={"duration": "ms"}, notes=sheet.notes,
        group="sender", person=sheet.path.stem,
    )  # fmt: skip
