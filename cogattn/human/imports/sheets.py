"""A file as a table whose columns are read when they are asked for: CSV, TSV, Parquet, whatever their encoding.

Only the columns that are asked for are kept, numbers as numbers and texts as codes, so that a file of a gigabyte is a
table of some megabytes. Nothing is guessed in silence: rows that do not fit under the head are counted and named.
"""

from __future__ import annotations

import codecs
import csv
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd

from cogattn._renamed import old_names
from cogattn.errors import InputError
from cogattn.files import MOST_JSON, MOST_TABLE, opened

#: What stands for "nothing" in a cell, in small letters.
MISSING = frozenset({"", "na", "n/a", "nan", "none", "null", "nil", ".", "<na>", "undefined"})
MARKS = (",", ";", "\t", "|")
_PEEK = 1 << 16  # bytes from which encoding, separator and format are told
_BLOCK = 1 << 24  # bytes that are parsed at once
_BROKEN = (OSError, EOFError, zlib.error)  # a disk that fails, a gzip that was cut short
_NULLS = sorted({w for word in MISSING for w in (word, word.upper(), word.capitalize(), "NaN")})


@dataclass(frozen=True)
class DataSheet:
    """What a file offers: its columns by name, and what its format says about them."""

    path: Path
    names: list[str]
    load: Callable[
        [Sequence[str], Collection[str]], pd.DataFrame
    ]  #: (columns, those that are numbers) -> table
    how: str = ""  #: what was found out about the file, for the first note
    kind: str = "long"
    known: Mapping[str, str] = field(default_factory=dict)  #: our name -> its column, as the format has it
    units: Mapping[str, str] = field(default_factory=dict)  #: column -> "s" or "ms"
    sure: bool = False  #: the units were written beside this very column (a sidecar), not in a format's rules
    levels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  #: column -> value -> what it means
    doubts: Mapping[str, str] = field(default_factory=dict)  #: our name -> why it cannot be told
    group: str = ""  #: the column that tells one kind of row from another
    person: str = ""  #: whose file it is, where no column says so
    notes: list[str] = field(default_factory=list)


def counted(which: Any, word: str) -> str:
    """How many, in words: 1 trial, 2 trials. which: a number, or a mask of those that count."""
    n = int(np.sum(which))
    return f"{n} {word}{'' if n == 1 else 's'}"


def of_frame(path: Path, frame: pd.DataFrame, how: str = "", **more: Any) -> DataSheet:
    """A table that is already there."""
    return DataSheet(
        path, list(map(str, frame.columns)), lambda columns, _: frame[list(columns)], how, **more
    )


def peek(path: Path) -> bytes:
    """The first bytes of a file, or one line about why there are none."""
    if not path.is_file():
        raise InputError(f"cannot read {path}: no such file")
    try:
        with stream(path) as source:
            data = source.read(_PEEK)
    except _BROKEN as error:
        raise InputError(f"cannot read {path}: {error}") from None
    if not data:
        raise InputError(f"{path} is empty")
    return data


def start(data: bytes, path: Path) -> tuple[str, str]:
    """The first lines of a text file, and its encoding; one line about a file that is none."""
    if data.startswith(b"PK\x03\x04"):
        raise InputError(f"{path} is an Excel file or an archive: save the sheet as CSV UTF-8")
    encoding = _encoding(data, path)
    text = codecs.getincrementaldecoder(encoding)("ignore").decode(data)
    if not text.strip():
        raise InputError(f"{path} is empty")
    return text, encoding


def stream(path: Path, most: int = MOST_TABLE) -> IO[bytes]:
    """The bytes of a file, unpacked where they are gzip: so many at most."""
    return opened(path, most)


def text_of(path: Path, encoding: str) -> str:
    """The whole of a small text file."""
    try:
        with stream(path, MOST_JSON) as source:
            data = source.read()
    except _BROKEN as error:
        raise InputError(f"cannot read {path}: {error}") from None
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return data.decode("latin-1")


def parquet(path: Path) -> DataSheet:
    """A Parquet table: its columns are read one by one already."""
    from pyarrow import ArrowException
    from pyarrow import parquet as pq

    try:
        file = pq.ParquetFile(path)
    except (ArrowException, OSError) as error:
        raise InputError(f"cannot read {path}: {str(error).splitlines()[0]}") from None
    if not file.metadata.num_rows:
        raise InputError(f"{path} has a head but no trial")

    def load(columns: Sequence[str], _: Collection[str]) -> pd.DataFrame:
        frame: pd.DataFrame = pq.read_table(path, columns=list(columns)).to_pandas(ignore_metadata=True)
        return frame[list(columns)].set_axis(range(1, len(frame) + 1))

    return DataSheet(path, list(file.schema_arrow.names), load)


def table(path: Path, text: str, encoding: str) -> DataSheet:
    """A text table with a head, from its first lines."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    skip = next((i for i, line in enumerate(lines) if line.strip() and not line.startswith("#")), len(lines))
    if skip == len(lines):
        raise InputError(f"{path} holds no table: every line is a remark")
    mark = _separator(lines[skip : skip + 2], path)
    names, notes = _head(next(csv.reader([lines[skip]], delimiter=mark)))
    sample = list(csv.reader(lines[skip + 1 : skip + 100], delimiter=mark))[:-1]

    def load(columns: Sequence[str], numbers: Collection[str]) -> pd.DataFrame:
        plain = {n for n in numbers if n in names and _numeric(sample, names.index(n))}
        return _loaded(path, encoding, mark, skip, names, columns, plain, notes)

    return DataSheet(path, names, load, f", columns separated by {mark!r}", notes=notes)


def _encoding(data: bytes, path: Path) -> str:
    """UTF-8 unless a mark, its bytes or its zeros say otherwise; Latin-1 (which fits anything) is the last resort."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if data.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if b"\0" in data:
        odd = data[1::2].count(0) / max(1, len(data) // 2)
        if odd > 0.4:
            return "utf-16-le"
        raise InputError(f"{path} is no text: give a CSV, TSV, JSON or Parquet file")
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _separator(lines: Sequence[str], path: Path) -> str:
    """What separates columns: the one of , ; tab | that the head holds most often, rather one that the next line
    holds as often; what stands in quotes does not count."""
    bare = ["".join(line.split('"')[::2]) for line in lines]
    counts = {mark: bare[0].count(mark) for mark in MARKS}
    mark = max(MARKS, key=lambda m: (counts[m] > 0 and counts[m] == bare[-1].count(m), counts[m]))
    if not counts[mark]:
        raise InputError(f"{path} must have columns separated by , ; tab or |, got {lines[0].strip()[:60]!r}")
    return mark


def _head(cells: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names of columns, each once: an empty one gets its number, a second one of a name a number behind it."""
    names: list[str] = []
    notes = []
    for i, cell in enumerate(cells):
        name = cell.strip().lstrip("\ufeff") or f"column {i + 1}"
        if name in names:
            notes.append(f"column {name} is there twice: the first is meant by that name")
            name = f"{name} ({i + 1})"
        names.append(name)
    return names, notes


def _numeric(sample: Sequence[Sequence[str]], at: int) -> bool:
    """Whether the first rows hold plain numbers in this column."""
    try:
        cells = [row[at].strip() for row in sample if len(row) > at]
        return bool([float(cell) for cell in cells if cell.lower() not in MISSING])
    except ValueError:
        return False


def _loaded(
    path: Path, encoding: str, mark: str, skip: int, names: list[str], columns: Sequence[str],
    numbers: Collection[str], notes: list[str],
) -> pd.DataFrame:  # fmt: skip
    """The columns; where numbers are none further down, all of them are texts."""
    from pyarrow import ArrowInvalid

    while True:
        try:
            encoding = _surveyed(path, encoding)
            got, odd = _parsed(path, encoding, mark, skip, names, columns, numbers)
            break
        except (ArrowInvalid, UnicodeError, *_BROKEN) as error:
            text = " ".join(str(error).split())
            if "Could not skip" in text:
                raise InputError(f"{path} has a head but no trial") from None
            if "conversion error" not in text or not numbers:
                raise InputError(f"cannot read {path}: {text[:200]}") from None
            numbers = ()
    if encoding == "latin-1":
        notes.append(f"{path.name} is not UTF-8: read as Latin-1; look whether its letters are right")
    rows = pd.RangeIndex(skip + 2, skip + 2 + got.num_rows + len(odd))
    _fitting(path, len(names), got.num_rows, odd, notes)
    frame: pd.DataFrame = got.unify_dictionaries().to_pandas()
    return frame[list(columns)].set_axis(rows.delete([r[0] - rows[0] for r in odd]) if odd else rows)


def _parsed(
    path: Path, encoding: str, mark: str, skip: int, names: list[str], columns: Sequence[str],
    numbers: Collection[str],
) -> tuple[Any, list[tuple[int, int]]]:  # fmt: skip
    """An Arrow table of these columns, block by block; (row, cells) of the rows that do not fit under the head."""
    import pyarrow as pa
    from pyarrow import csv as reader

    odd: list[tuple[int, int]] = []

    def unfit(row: Any) -> str:
        odd.append((row.number, row.actual_columns))
        return "skip"

    word = pa.dictionary(pa.int32(), pa.string())
    convert = reader.ConvertOptions(
        column_types={c: pa.float64() if c in numbers else word for c in columns},
        include_columns=list(dict.fromkeys(columns)),
        null_values=_NULLS,
        strings_can_be_null=False,
    )
    with stream(path) as source:
        blocks = reader.open_csv(
            source,
            reader.ReadOptions(
                use_threads=False, block_size=_BLOCK, skip_rows=skip + 1, column_names=names,
                encoding="utf8" if encoding.startswith("utf-8") else encoding,
            ),
            reader.ParseOptions(delimiter=mark, newlines_in_values=True, invalid_row_handler=unfit),
            convert,
        )  # fmt: skip
        return blocks.read_all(), odd


def _surveyed(path: Path, encoding: str) -> str:
    """The encoding that the whole file has. A quote that is never closed would swallow the rows behind it: they come
    in pairs."""
    if encoding.startswith("utf-16"):  # bytes are no letters there
        return encoding
    quotes, decoder = 0, codecs.getincrementaldecoder(encoding)()
    with stream(path) as source:
        while block := source.read(_BLOCK):
            quotes += block.count(b'"')
            try:
                decoder.decode(block, final=len(block) < _BLOCK)
            except UnicodeDecodeError:
                encoding, decoder = "latin-1", codecs.getincrementaldecoder("latin-1")()
    if quotes % 2:
        raise InputError(f'{path} holds an odd number of quotes ("): one is never closed; mend it')
    return encoding


def _fitting(path: Path, cells: int, fit: int, odd: Sequence[tuple[int, int]], notes: list[str]) -> None:
    """Rows that do not fit under the head: a few are left out and named, many are another separator."""
    if not fit and not odd:
        raise InputError(f"{path} has a head but no trial")
    if not odd:
        return
    row, got = odd[0]
    if len(odd) > fit:
        raise InputError(
            f"{len(odd)} of {fit + len(odd)} rows of {path} do not fit under its head of {cells} columns "
            f"(row {row} has {got}): mend the head or the separator"
        )
    notes.append(
        f"{counted(len(odd), 'row')} left out: not {cells} cells as the head has (first: row {row} with {got})"
    )


old_names(__name__, Sheet="DataSheet")
