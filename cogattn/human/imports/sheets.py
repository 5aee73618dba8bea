"""A file as a table whose columns are read when they are asked for: CSV, TSV, Parquet, whatever their encoding.

Only the columns that are asked for are kept, numbers as numbers and texts as codes, so that a file of a gigabyte is a
table of some megabytes. Nothing is guessed in silence: rows that do not fit under the head are counted and named.
"""

from __future__ import annotations

import codecs
import csv
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pandas as pd

from cogattn._renamed import old_names
from cogattn.encodings import encoding_of
from cogattn.errors import InputError, shown
from cogattn.files import MOST_JSON, MOST_TABLE, opened
from cogattn.human.imports.records import Note

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

    @contextmanager
    def readable() -> Iterator[None]:
        try:
            yield
        except (
            ArrowException,
            OSError,
            ValueError,
        ) as error:  # damaged head or pages, names that are no text
            raise InputError(f"cannot read {path}: {(str(error).splitlines() or [repr(error)])[0]}") from None

    with readable():
        file = pq.ParquetFile(path)
        heads = list(file.schema_arrow.names)
    if not file.metadata.num_rows:
        raise InputError(f"{path} has a head but no trial")

    def load(columns: Sequence[str], _: Collection[str]) -> pd.DataFrame:
        with readable():
            frame: pd.DataFrame = pq.read_table(path, columns=list(columns)).to_pandas(ignore_metadata=True)
        return frame[list(columns)].set_axis(range(1, len(frame) + 1))

    return DataSheet(path, heads, load)


def table(path: Path, text: str, encoding: str, heads: Sequence[str] = ()) -> DataSheet:
    """A text table, from its first lines. heads: what its columns are called, where it has no head line."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    skip = next((i for i, line in enumerate(lines) if line.strip() and not line.startswith("#")), len(lines))
    if skip == len(lines):
        raise InputError(f"{path} holds no table: every line is a remark")
    title = _title(lines, skip)
    mark = _separator(lines[skip + title : skip + title + 20], path)
    skip += title
    cut = (
        [[w.strip('"') for w in line.split()] for line in lines]
        if mark == " "
        else list(csv.reader(lines[skip:], delimiter=mark))
    )
    if mark == " ":
        cut = cut[skip:]
    sample = [row for row in cut[1:100] if row][: -1 if len(cut) > 2 else None]
    headless = _headless(cut[0], sample)
    if heads and not headless:
        said = ", ".join(cut[0][:6])
        raise InputError(
            f"{path} has a head line ({said}): --columns is for a file without; say --column OURS=NAME"
        )
    if headless and not heads:
        raise InputError(_no_head(path, cut[0], [cut[0], *sample]))
    if heads and len(heads) != len(cut[0]):
        raise InputError(
            f"--columns must name {len(cut[0])} columns as {path} has, got {len(heads)}: {','.join(heads)}"
        )
    names, notes = _head(list(heads) or cut[0])
    names = _row_names(names, sample, notes)
    if title:
        notes.append(Note(f"the first line is no head: {lines[skip - 1].strip()[:60]}", "title"))
    first = skip - 1 if headless else skip  # the line before the first trial
    how = f", columns separated by {mark!r}" if mark != " " else ", columns separated by blanks"

    def load(columns: Sequence[str], numbers: Collection[str]) -> pd.DataFrame:
        plain = {n for n in numbers if n in names and _numeric(sample, names.index(n))}
        if mark == " ":
            return _blank_separated(path, encoding, first, names)[list(columns)]
        return _loaded(path, encoding, mark, first, names, columns, plain, notes)

    return DataSheet(path, names, load, how, notes=notes, person=path.stem if headless else "")


def _title(lines: Sequence[str], at: int) -> int:
    """How many lines stand above the head: a name of the file (E-Prime), or what separates columns (Excel)."""
    if at + 2 >= len(lines):
        return 0
    own, under, more = lines[at], lines[at + 1], lines[at + 2]
    bare = not any(own.count(mark) for mark in MARKS if mark != ",") and own.count(",") < 2
    full = [mark for mark in MARKS if under.count(mark) >= 2 and under.count(mark) == more.count(mark)]
    return int(bare and bool(full) and own.count(full[0]) < under.count(full[0]) - 1) if full else 0


def _headless(head: Sequence[str], sample: Sequence[Sequence[str]]) -> bool:
    """Whether the first line is a trial: numbers where its columns hold numbers."""
    numbers = [i for i, cell in enumerate(head) if _is_number(cell)]
    if not numbers or not sample:
        return False
    return all(_is_number(row[i]) for row in sample[:5] for i in numbers if i < len(row) and row[i].strip())


def _is_number(cell: str) -> bool:
    try:
        float(cell.strip().strip('"').replace(",", "."))
    except ValueError:
        return False
    return cell.strip().lower() not in MISSING


def _no_head(path: Path, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The error about a file without a head, and what its columns look like."""
    looks = []
    for i in range(len(head)):
        cells = [row[i].strip().strip('"') for row in rows if len(row) > i]
        numbers = [float(c) for c in cells if _is_number(c)]
        if len(numbers) < len(cells) or not numbers:
            looks.append("?")
        elif set(numbers) == {0.0, 1.0} and sum(numbers) > len(numbers) / 2:
            looks.append("correct")
        elif len(set(numbers)) > 0.7 * len(numbers) and not all(n.is_integer() and n < 100 for n in numbers):
            looks.append("rt")
        elif numbers == sorted(numbers) and len(set(numbers)) == len(numbers):
            looks.append("trial")
        else:
            looks.append("?")
    looks = [w if w == "?" or looks.count(w) == 1 else "?" for w in looks]
    first = ",".join(cell.strip() for cell in head)[:60]
    return (
        f"{path} has no head line, its first is {first}: say what each column is, e.g. --columns {','.join(looks)} "
        f"(? = your word: person, congruence, block, ...)"
    )


def _row_names(names: list[str], sample: Sequence[Sequence[str]], notes: list[str]) -> list[str]:
    """R's tables have a cell more in each row than in the head: the name of the row; others end with a separator."""
    if not sample or any(len(row) != len(names) + 1 for row in sample):
        return names
    if all(not row[-1].strip() for row in sample):
        return [*names, f"column {len(names) + 1}"]
    if all(row[0].strip().isdecimal() for row in sample):
        notes.append(Note("the first cell of each row is taken as its number", "row_names"))
        return ["row number", *names]
    return names


def _blank_separated(path: Path, encoding: str, skip: int, names: list[str]) -> pd.DataFrame:
    """A table whose columns are parted by blanks (R's write.table, PsyToolkit's files), as texts."""
    import shlex

    lines = text_of(path, encoding).splitlines()[skip + 1 :]
    rows = {}
    for i, line in enumerate(lines):
        if line.strip():
            rows[skip + 2 + i] = shlex.split(line) if '"' in line else line.split()
    good = {i: row for i, row in rows.items() if len(row) == len(names)}
    if len(good) < len(rows) / 2 or not good:
        raise InputError(
            f"{len(rows) - len(good)} of {len(rows)} rows of {path} do not have {len(names)} columns"
        )
    return pd.DataFrame(list(good.values()), list(good), names, dtype=object)


def _encoding(data: bytes, path: Path) -> str:
    """UTF-8 unless a mark, its bytes or its zeros say otherwise; Latin-1 (which fits anything) is the last resort."""
    found = encoding_of(data)
    if found is None:
        raise InputError(f"{path} is no text: give a CSV, TSV, JSON or Parquet file")
    return found


def _separator(lines: Sequence[str], path: Path) -> str:
    """What separates columns: the one of , ; tab | that the head holds most often, rather one that the next line
    holds as often; what stands in quotes does not count. Blanks, where none does and every line has as many."""
    bare = ["".join(line.split('"')[::2]) for line in lines[:2]]
    counts = {mark: bare[0].count(mark) for mark in MARKS}
    mark = max(MARKS, key=lambda m: (counts[m] > 0 and counts[m] == bare[-1].count(m), counts[m]))
    if counts[mark]:
        return mark
    sizes = [len(line.split()) for line in lines if line.strip()][: -1 if len(lines) > 3 else None]
    if (
        len(sizes) > 2
        and sizes[1] > 2
        and set(sizes[1:]) == {sizes[1]}
        and sizes[0] in (sizes[1], sizes[1] - 1)
    ):
        return " "
    raise InputError(
        f"{path} must have columns separated by , ; tab, | or blanks, got {shown(lines[0].strip()[:60])}"
    )


def _head(cells: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names of columns, each once: an empty one gets its number, a second one of a name a number behind it."""
    names: list[str] = []
    notes: list[str] = []
    for i, cell in enumerate(cells):
        name = cell.strip().lstrip("\ufeff").strip('"').strip() or f"column {i + 1}"
        if name in names:
            notes.append(
                Note(f"column {name} is there twice: the first is meant by that name", "twice", name)
            )
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
        text = f"{path.name} is not UTF-8: read as Latin-1; look whether its letters are right"
        notes.append(Note(text, "encoding"))
    elif encoding == "gb18030":
        notes.append(Note(f"{path.name} is not UTF-8: read as Chinese (GB 18030)", "encoding"))
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
    text = f" left out: not {cells} cells as the head has (first: row {row} with {got})"
    notes.append(Note.counted("unfit", len(odd), "row", text))


old_names(__name__, Sheet="DataSheet")
