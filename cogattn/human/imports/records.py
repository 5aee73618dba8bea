"""Notes as records: what was done (code), to which column, how often; and the sentence that says it.

A note is its sentence, so that it prints as it is; what a program wants of it stands beside.

>>> one = Note.counted("left_out", 2, "row", " left out: practice", column="stage")
>>> str(one), one.code, one.column, one.n
('2 rows left out: practice', 'left_out', 'stage', 2)
>>> str(one + Note.counted("left_out", 1, "row", " left out: practice", column="stage"))
'3 rows left out: practice'
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cogattn import errors


def counted(which: Any, word: str) -> str:
    """How many, in words: 1 trial, 2 trials. which: a number, or a mask of those that count."""
    return errors.counted(int(np.sum(which)), word)


class Note(str):
    """A sentence, and what it says as a record. Sentences that count the same thing can be added."""

    code: str
    column: str
    n: int
    word: str
    rest: str

    def __new__(
        cls, text: str, code: str = "note", column: str = "", count: int = 0, word: str = "", rest: str = ""
    ) -> Note:
        """A sentence; `Note.counted` for one that begins with a number."""
        self = super().__new__(cls, text)
        self.code, self.column, self.n, self.word, self.rest = code, column, count, word, rest
        return self

    @classmethod
    def counted(cls, code: str, which: Any, word: str, rest: str, column: str = "") -> Note:
        """So many of these: "3 trials left out: no person"."""
        n = int(np.sum(which))
        return cls(counted(n, word) + rest, code, column, n, word, rest)

    def key(self) -> tuple[str, str, str]:
        """What makes two notes the same but for their number."""
        return (self.code, self.column, self.word + self.rest if self.word else str(self))

    def __add__(self, other: str) -> str:
        """Two of one kind as one; any other text behind it is a plain text."""
        if isinstance(other, Note) and self.word and other.key() == self.key():
            return Note.counted(self.code, self.n + other.n, self.word, self.rest, self.column)
        return str(self) + str(other)

    def record(self) -> dict[str, Any]:
        """(code, column, count, text) for a program."""
        return {"code": self.code, "column": self.column, "count": self.n, "text": str(self)}


def as_notes(notes: Iterable[str]) -> list[Note]:
    """Every one as a record."""
    return [note if isinstance(note, Note) else Note(note) for note in notes]


def merged(files: Sequence[tuple[str, Sequence[str]]]) -> list[Note]:
    """The notes of several files (name, notes): the same is said once, what counts something is added up."""
    total: dict[tuple[str, str, str], Note] = {}
    where: dict[tuple[str, str, str], list[str]] = {}
    for name, notes in files:
        for note in as_notes(dict.fromkeys(notes)):
            code, column, text = note.key()
            key = (code, column, text.replace(name, "FILE"))
            kept = total.get(key)
            total[key] = note if kept is None or not note.word else as_notes([kept + note])[0]
            where.setdefault(key, []).append(name)
    out = []
    for key, note in total.items():
        names = where[key]
        here = f" ({len(names)} of {len(files)} files: {', '.join(names[:3])})"
        text = str(note) + ("" if len(names) == len(files) else here)
        out.append(Note(text, note.code, note.column, note.n, note.word, note.rest))
    return out
