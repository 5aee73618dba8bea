"""Files, whole or not at all: every table, text and JSON object is written beside its place and renamed into it.

So a kill at any moment leaves the old file or the new one, and a reader never sees half of either.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cogattn.errors import InputError, RunError

if TYPE_CHECKING:
    import pandas as pd


def read_table(path: Path, only: list[tuple[str, str, Any]] | None = None) -> pd.DataFrame:
    """A Parquet or CSV table, or one line that says why not. only: the rows of a Parquet file for which this holds."""
    import pandas as pd

    try:
        frame = pd.read_parquet(path, filters=only) if path.suffix == ".parquet" else pd.read_csv(path)
    except FileNotFoundError:
        raise InputError(f"cannot read {path}: no such file") from None
    except Exception as error:  # pyarrow and pandas raise a dozen kinds here
        raise InputError(f"cannot read {path}: {error}") from None
    if frame.empty:
        raise InputError(f"{path} holds no rows")
    return frame


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object, or one line that says why not."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, nested too deeply
        raise InputError(f"{path} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise InputError(f"{path} must hold an object, {{...}}, it holds a {type(value).__name__}")
    return value


def place(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside the place, flush to disk, rename into it: a reader never sees half a file."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part{''.join(path.suffixes)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(beside)
        os.replace(beside, path)
    except OSError as error:
        raise RunError(
            f"cannot write {path}: {error.strerror or error}; what was finished is kept: mend it, then --resume"
        ) from None
    finally:
        beside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """A text file, whole or not at all."""
    place(path, lambda p: p.write_text(text, encoding="utf-8"))


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """A JSON file, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, default=str) + "\n")


def write_table(path: Path, frame: pd.DataFrame) -> None:
    """A Parquet, CSV or gzipped CSV file by its suffix, whole or not at all."""
    if path.suffix == ".parquet":
        place(path, lambda p: frame.to_parquet(p, index=False))
    else:
        zipped = {"method": "gzip", "mtime": 0} if path.suffix == ".gz" else None
        place(path, lambda p: frame.to_csv(p, index=False, compression=zipped, float_format="%.10g"))


def join_tables(path: Path, parts: Sequence[Path]) -> None:
    """One Parquet file of many, one after the other: no more than one of them is in memory."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def write(beside: Path) -> None:
        writer = None
        try:
            for part in parts:
                table = pq.read_table(part)
                if writer is None:
                    writer = pq.ParquetWriter(beside, table.schema)
                writer.write_table(table.cast(writer.schema))
        except pa.ArrowException as error:
            raise RunError(f"cannot join {part}: {str(error).splitlines()[0]}") from None
        finally:
            if writer is not None:
                writer.close()

    place(path, write)
