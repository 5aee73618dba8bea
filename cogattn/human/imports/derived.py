"""What no column says in so many words, but several together do: right in the word of a trial's outcome, keys by their
codes, congruence in the colour of a word.

>>> same_key(pd.Series(["77", "67"]), pd.Series(["M", "M"])).tolist()
[True, False]
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import pandas as pd

from cogattn.human.imports import guesses
from cogattn.human.imports.guesses import Meanings
from cogattn.human.imports.records import Note


def more(
    mine: pd.DataFrame, taken: Mapping[str, str], wanted: Collection[str], meant: Meanings, notes: list[str]
) -> pd.DataFrame:
    """The columns, and those that follow from words of others."""
    if "outcome" in mine and "correct" in wanted:
        told = guesses.outcome(mine["outcome"], mine.get("correct"))
        if told is not None:
            notes.append(Note(f"right is in the words of {taken['outcome']}", "worked_out", "correct"))
            meant.words["correct"] = {"1": 1.0, "0": 0.0}
            meant.doubts.pop("correct", None)
            return mine.assign(correct=told)
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
