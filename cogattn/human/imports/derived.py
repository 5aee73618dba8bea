"""What no column says in so many words, but several together do: right in the word of a trial's outcome, keys by their
codes, congruence in the colour of a word.

>>> same_key(pd.Series(["77", "67"]), pd.Series(["M", "M"])).tolist()
[True, False]
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import pandas as pd

from cogattn.human.imports import columns as cells
from cogattn.human.imports import guesses, names
from cogattn.human.imports.guesses import Meanings, SheetCells
from cogattn.human.imports.levels import spoken
from cogattn.human.imports.recipe import Recipe
from cogattn.human.imports.records import Note

#: Columns that together say who was right: the word of the outcome; or right in going, right in stopping, and which
#: of the two a trial was.
KINDS = ("outcome", "correct_go", "correct_stop", "trial_kind")
_RIGHT = re.compile(r"is|trials?|correct\w*|corr|right|acc|accura\w*|succ|success\w*|inhib\w*")
_STOP = re.compile(r"\b(stop\w*|no ?go)\b")
_GO = re.compile(r"\bgo\b")


def of_one_kind(column: str) -> str:
    """Whether a column counts what is right of going, or of stopping, alone, by its name.

    >>> of_one_kind("CorrectGo"), of_one_kind("SuccStop"), of_one_kind("stop_signal_correct"), of_one_kind("correct")
    ('go', 'stop', '', '')
    """
    parts = names.spelt(column).replace("no_go", "nogo").split("_")
    kind = {part for part in parts if not _RIGHT.fullmatch(part)}
    if len(kind) == len(parts):
        return ""
    return "go" if kind == {"go"} else "stop" if kind in ({"stop"}, {"nogo"}) else ""


def kinds(held: SheetCells, correct: str | None, said: Mapping[str, str]) -> dict[str, str]:
    """The columns that together say who was right, as they were said or as far as they are there."""
    told = {name: column for name, column in said.items() if name in KINDS}
    if told:
        return told
    outcome = guesses.outcome_column(held)
    if outcome is not None:
        return {"outcome": outcome}
    if correct is None or not of_one_kind(correct):
        return {}
    there = held.sheet.names
    own = {
        f"correct_{kind}": c for c in there if (kind := of_one_kind(c)) and set(held.words(c)) <= {"0", "1"}
    }
    which = next((c for c in there if _of_two_kinds(held.words(c))), None)
    return {**own, "trial_kind": which} if which and len(own) == 2 else {}


def _of_two_kinds(words: Mapping[str, int]) -> bool:
    """Whether nearly all cells say go or stop, and both come."""
    if not 1 < len(words) <= 12:
        return False
    stop = sum(n for w, n in words.items() if _STOP.search(spoken(w)))
    go = sum(n for w, n in words.items() if _GO.search(spoken(w)) and not _STOP.search(spoken(w)))
    return stop > 0 and go > 0 and stop + go > 0.9 * sum(words.values())


def more(
    mine: pd.DataFrame,
    taken: Mapping[str, str],
    wanted: Collection[str],
    said: Recipe,
    meant: Meanings,
    notes: list[str],
) -> pd.DataFrame:
    """The columns, and those that follow from words of others."""
    if "correct" not in wanted:
        return mine
    told, how = None, ""
    if "outcome" in mine:
        told, how = (
            guesses.outcome(mine["outcome"], mine.get("correct")),
            f"in the words of {taken['outcome']}",
        )
    elif {*KINDS[1:]} <= {*mine}:
        kind = cells.texts(mine["trial_kind"]).fillna("").map(spoken)
        stop, go = (pd.to_numeric(cells.texts(mine[f"correct_{k}"]), errors="coerce") for k in ("stop", "go"))
        told = go.where(~kind.map(lambda w: bool(_STOP.search(w))), stop)
        how = f"{taken['correct_stop']} where {taken['trial_kind']} is a stop, else {taken['correct_go']}"
    if told is not None:
        notes.append(Note(f"right is {how}", "worked_out", "correct"))
        meant.words["correct"] = {"1": 1.0, "0": 0.0}
        meant.doubts.pop("correct", None)
        meant.worked.add("correct")
        return mine.assign(correct=told)
    one = of_one_kind(taken.get("correct", ""))
    if one and "correct" not in said.columns and not said.only:
        meant.doubts["correct"] = (
            f"column {taken['correct']} says who was right in {one} trials only: say which trials these are, "
            f"--only COLUMN={one}, or --column correct=NAME for one that holds for all"
        )
    return mine


def same_key(pressed: pd.Series, right: pd.Series) -> pd.Series:
    """Whether the key that was pressed is the right one: by its name, whatever its case, or by its code."""
    one, other = pressed.map(_key), right.map(_key)
    return (one == other) & one.notna()


def _key(cell: object) -> str | None:
    if not isinstance(cell, str):
        return None
    words = cell.strip().strip("'\"{}").lower()
    if re.fullmatch(r"\d+(\.0)?", words) and (65 <= float(words) <= 90):
        return chr(int(float(words))).lower()
    arrows = {"37": "left", "38": "up", "39": "right", "40": "down", "32": "space"}
    words = arrows.get(words.removesuffix(".0"), words.removesuffix(".0"))
    return re.sub(r"^(arrow|key)[ _]?|[ _]?arrow$", "", words) or None
