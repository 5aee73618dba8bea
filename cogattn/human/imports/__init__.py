"""People's own data, whatever wrote them, become the long table of a paradigm: a row per trial, times in seconds.

A file (or a folder of files, one per person) is recognised by its content and its name (`formats.FORMATS`). The file is
never changed. What was found, renamed, converted and left out, and why, is said in `notes`; what cannot be known
(seconds or milliseconds, which of two response times) is asked for, and what cannot be meant is refused. The answers
can be kept (`Recipe`) and read the next file of the same kind.

>>> import pathlib, tempfile
>>> path = pathlib.Path(tempfile.mkdtemp()) / "mine.csv"
>>> _ = path.write_text("participant;exposure_ms;targets;score\\nanna;50;6;2\\nanna;200;6;3\\n")
>>> table = read(path, ("person", "exposure", "targets", "distractors", "score"))
>>> table.frame["exposure"].tolist(), table.frame["distractors"].tolist()
([0.05, 0.2], [0.0, 0.0])
>>> print(table.notes[0])
2 trials of 1 person read from mine.csv, columns separated by ';'
>>> table.records()[0]["code"], table.records()[0]["count"]
('read', 2)
"""

from __future__ import annotations

from cogattn.human.imports import sheets
from cogattn.human.imports.columns import TIMES
from cogattn.human.imports.formats import FORMATS
from cogattn.human.imports.names import ALIASES
from cogattn.human.imports.proposal import FileProposal, TaskShape, propose
from cogattn.human.imports.recipe import Recipe
from cogattn.human.imports.records import Note
from cogattn.human.imports.sheets import DataSheet
from cogattn.human.imports.table import EVERYTHING, Imported, read, summary, write
from cogattn.human.imports.together import by_condition

__all__ = [
    "ALIASES", "EVERYTHING", "FORMATS", "TIMES", "DataSheet", "FileProposal", "Imported", "Note", "Recipe", "TaskShape",
    "by_condition", "propose", "read", "sheets", "summary", "write",
]  # fmt: skip
