"""Files: one way to write them, one way to read them.

Whatever is written is written beside its place, flushed to the disk and renamed into it: a kill at any moment leaves
the old file or the new one, and a reader never sees half of either. A link stays a link (the file that it leads to is
written anew), a file keeps its mode; a device, a pipe or a folder is refused. Of a file with several names (hard links)
the others keep what they had. What a killed process left beside is swept away by the next one that writes there. The
same table is the same bytes: no name and no time stands in a gzip.
Whatever is read has a budget (bytes unpacked, cells, nesting, digits); memory is asked for before it is taken.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import secrets
import shutil
import stat
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from importlib import import_module
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from cogattn.errors import InputError, RunError, path_text

if TYPE_CHECKING:
    import pandas as pd

try:
    fcntl: Any = import_module("fcntl")
except ImportError:  # Windows has no such locks
    fcntl = None

TABLES = (".parquet", ".csv", ".csv.gz", ".tsv", ".tsv.gz")

# What a reader takes at most: more than any experiment of people has left behind, less than wedges a machine.
MOST_TABLE = 8 * 10**9  #: bytes of a table, unpacked
MOST_JSON = 3 * 10**8  #: bytes of a JSON file, unpacked
MOST_TOML = 4 * 10**6  #: bytes of a file of settings
MOST_CELLS = 10**9  #: cells of a table
MOST_VALUES = 5 * 10**6  #: values of a JSON file, which takes some hundred bytes of memory for each
MOST_NESTED = 64  #: lists in lists, objects in objects, parts of a dotted key
MOST_DIGITS = 1000  #: of a whole number
_SWELL = 300  # times that a packed file may grow, once it is larger than
_SMALL = 10**8  # bytes


# -- writing ---------------------------------------------------------------------------------------------------


def place(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside the place, flush to disk, rename into it: a reader never sees half a file."""
    real = regular(path)
    try:
        real.parent.mkdir(parents=True, exist_ok=True)
        _sweep_once(real.parent)
        with _beside(real) as part:
            _like(part, real)
            write(part)
            _flush(part)
            os.replace(part, real)
        _flush(real.parent)
    except OSError as error:
        raise RunError(
            f"cannot write {path}: {error.strerror or error}; what was finished is kept: mend it, then --resume"
        ) from None
    except UnicodeEncodeError as error:
        raise InputError(f"cannot write {path}: it holds {error.object[error.start]!r}, no letter") from None


def place_apart(path: Path, write: Callable[[Path], object]) -> None:
    """As `place`, for libraries that lock what they write (HDF5): written in a folder of its own first."""
    with tempfile.TemporaryDirectory() as aside:
        made = Path(aside) / path.name
        write(made)
        place(path, lambda p: shutil.copyfile(made, p))


def regular(path: Path) -> Path:
    """The file that a path means: a link's target. What is no plain file, or is read-only, is refused.

    >>> regular(Path("/dev/null"))
    Traceback (most recent call last):
    cogattn.errors.InputError: cannot write /dev/null: it is a device, and a file is needed; name another place
    """
    try:
        real = Path(os.path.realpath(path))
        mode = real.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return real
    except (OSError, ValueError) as error:
        raise InputError(f"cannot write {path}: {getattr(error, 'strerror', None) or error}") from None
    if not stat.S_ISREG(mode):
        device = stat.S_ISCHR(mode) or stat.S_ISBLK(mode)
        what = "a folder" if stat.S_ISDIR(mode) else "a device" if device else "a pipe or a socket"
        raise InputError(f"cannot write {path}: it is {what}, and a file is needed; name another place")
    if not os.access(real, os.W_OK):
        raise InputError(f"cannot write {path}: it is read-only; name another place")
    return real


def holds(path: str | Path) -> Path:
    """A folder that is there or can be made, asked before the work rather than after it; else one line.

    >>> holds("/dev/null/results")
    Traceback (most recent call last):
    cogattn.errors.InputError: cannot write into /dev/null/results: /dev/null is no folder; name another place
    """
    if not path_text("folder", path).strip():
        raise InputError("the folder for the results has no name: name one, or leave it out")
    wanted = Path(path)
    try:
        there = next((p for p in (wanted, *wanted.parents) if p.exists()), Path())
    except OSError as error:
        raise InputError(f"cannot write into {path}: {error.strerror}; name another place") from None
    if not there.is_dir():
        raise InputError(f"cannot write into {path}: {there} is no folder; name another place")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"cannot write into {path}: {there} is read-only; name another place")
    return wanted


def write_text(path: Path, text: str) -> None:
    """A text file, whole or not at all."""
    place(path, lambda p: p.write_text(text, encoding="utf-8", newline="\n"))


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """A JSON file, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, default=str) + "\n")


def write_table(path: Path, frame: pd.DataFrame) -> None:
    """A Parquet, CSV or TSV file by its ending (the texts gzipped where it says .gz), whole or not at all."""
    ending = next((e for e in TABLES if path.name.lower().endswith(e)), None)
    if ending is None:
        ends = f"ends in {path.suffix}" if path.suffix else "has no ending"
        raise InputError(f"cannot write a table to {path}: it {ends}; known are {', '.join(TABLES)}")
    if ending == ".parquet":
        place(path, lambda p: frame.to_parquet(p, index=False))
    else:
        mark = "\t" if ending.startswith(".tsv") else ","
        place(path, lambda p: _write_rows(p, frame, mark, ending.endswith(".gz")))


def _write_rows(path: Path, frame: pd.DataFrame, mark: str, packed: bool) -> None:
    """Rows as text. Neither a name nor a time in the head of the gzip: the same rows are the same bytes."""
    with path.open("wb") as raw:
        pack: Any = gzip.GzipFile("", "wb", 6, raw, mtime=0) if packed else nullcontext(raw)
        with pack as out, io.TextIOWrapper(out, "utf-8", newline="") as text:
            frame.to_csv(text, sep=mark, index=False, float_format="%.10g", lineterminator="\n")


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


_PART = re.compile(r"\..{1,100}\.([0-9a-f]{12}|(?P<pid>\d{1,10}))\.part(\..*)?", re.DOTALL)
_swept: set[Path] = set()


@contextmanager
def _beside(real: Path) -> Iterator[Path]:
    """A new file beside, locked while it is written: a lock dies with its process, so what is not locked is stray."""
    name = f".{real.name[:100]}.{secrets.token_hex(6)}.part{''.join(real.suffixes)[-20:]}"
    part = real.with_name(name)
    held = os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
    try:
        if fcntl is not None:
            with suppress(OSError):  # a disk that cannot lock
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield part
    finally:
        os.close(held)
        part.unlink(missing_ok=True)


def _like(part: Path, real: Path) -> None:
    """The mode and the owner of what is there."""
    try:
        there = real.stat()
    except FileNotFoundError:
        return
    mine = part.stat()
    if hasattr(os, "chown") and (mine.st_uid, mine.st_gid) != (there.st_uid, there.st_gid):
        with suppress(PermissionError):
            os.chown(part, there.st_uid, there.st_gid)
    part.chmod(stat.S_IMODE(there.st_mode))


def _flush(path: Path) -> None:
    """To the disk: a file's content, a folder's names."""
    try:
        opened_ = os.open(path, os.O_RDONLY)
    except PermissionError:  # Windows opens no folder; a mode may forbid to read
        return
    try:
        os.fsync(opened_)
    except OSError as error:
        if path.is_file() or error.errno not in (9, 22):  # some disks flush no folder
            raise
    finally:
        os.close(opened_)


def sweep(folder: Path) -> int:
    """Delete what killed processes left half-written in this folder. What is being written is let alone."""
    gone = 0
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            found = _PART.fullmatch(entry.name)
            if found and entry.is_file(follow_symlinks=False) and _dead(Path(entry.path), found["pid"]):
                gone += 1
    return gone


def _sweep_once(folder: Path) -> None:
    if folder not in _swept:
        _swept.add(folder)
        sweep(folder)


def _dead(part: Path, pid: str | None) -> bool:
    """Nobody writes it any more; it is deleted. pid: of the process, where an earlier version named the file by it."""
    if pid and _alive(int(pid)):
        return False
    if fcntl is None:
        return bool(pid)
    try:
        held = os.open(part, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        part.unlink()
        return True
    except OSError:
        return False
    finally:
        os.close(held)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass
    return True


def sha256(path: Path) -> str:
    """SHA-256 of a file, block by block."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# -- reading ---------------------------------------------------------------------------------------------------


def read_table(path: Path, only: list[tuple[str, str, Any]] | None = None) -> pd.DataFrame:
    """A Parquet, CSV or TSV table, or one line that says why not. only: rows of a Parquet file for which this holds."""
    import pandas as pd

    try:
        if path.suffix == ".parquet":
            _affordable(path, bool(only))
            frame = pd.read_parquet(path, filters=only)
        else:
            with opened(path) as source:
                frame = pd.read_csv(source, sep="\t" if ".tsv" in path.suffixes[-2:] else ",")
    except FileNotFoundError:
        raise InputError(f"cannot read {path}: no such file") from None
    except (InputError, RunError):
        raise
    except Exception as error:  # pyarrow and pandas raise a dozen kinds here
        raise InputError(f"cannot read {path}: {(str(error).splitlines() or [repr(error)])[0]}") from None
    if frame.empty:
        raise InputError(f"{path} holds no rows")
    return frame


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object, or one line that says why not."""
    value = json_value(read_bytes(path, MOST_JSON), str(path))
    if not isinstance(value, dict):
        raise InputError(f"{path} must hold a JSON object, and holds a {type(value).__name__}")
    return value


def read_toml(path: str | Path) -> dict[str, Any]:
    """The values of a TOML file, or one line that says why there are none."""
    return toml_values(read_bytes(Path(path), MOST_TOML), str(path))


def read_bytes(path: Path, most: int = MOST_TABLE) -> bytes:
    """All of a file, unpacked where it is gzip, or one line that says why not."""
    try:
        with opened(path, most) as source:
            return source.read()
    except InputError:
        raise
    except (OSError, EOFError, ValueError) as error:
        raise InputError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None


def opened(path: Path, most: int = MOST_TABLE) -> IO[bytes]:
    """The bytes of a file, unpacked where they are gzip; reading more than `most` of them is refused."""
    _readable(path)
    return io.BufferedReader(_Budgeted(path, most), 1 << 16)


def _readable(path: Path) -> None:
    """Refuse a folder, and a pipe with a name, which nobody may ever fill; the shell's own, `<(...)`, is read."""
    what = "a folder" if path.is_dir() else "a pipe" if path.is_fifo() and str(path)[:5] != "/dev/" else ""
    if what:
        raise InputError(f"cannot read {path}: it is {what}, and a file is needed")


class _Budgeted(io.RawIOBase):
    """A file that says when it grows out of bounds while it is unpacked."""

    def __init__(self, path: Path, most: int) -> None:
        self._path, self._most, self._read = path, most, 0
        raw = path.open("rb")
        self._size = os.fstat(raw.fileno()).st_size
        self._packed = raw.peek(2)[:2] == b"\x1f\x8b"
        self._source = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if self._packed else raw
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._source.read(len(buffer))
        buffer[: len(data)] = data
        self._read += len(data)
        if self._read > self._most:
            how = "unpacks to" if self._packed else "holds"
            raise InputError(
                f"cannot read {self._path}: it {how} more than {self._most / 1e6:g} MB; cut it up"
            )
        if self._packed and self._read > max(_SMALL, _SWELL * self._size):
            raise InputError(
                f"cannot read {self._path}: its {self._size / 1e6:.2g} MB unpack to more than "
                f"{self._read / 1e6:.0f} MB, as no trials do; unpack it yourself if they are meant"
            )
        return len(data)

    def close(self) -> None:
        if not self.closed and hasattr(self, "_source"):
            self._source.close()
            self._raw.close()
        super().close()


def json_value(data: str | bytes, name: str, most: int = MOST_VALUES) -> Any:
    """A JSON text as values, within the budget of values, nesting and digits; name: of where it comes from.

    >>> json_value('{"a": [1, 2]}', "mine.json")
    {'a': [1, 2]}
    """
    try:
        text = data if isinstance(data, str) else data.decode("utf-8-sig")
        there = 1 + text.count(",") + text.count(":")
        if there > most:
            raise InputError(
                f"{name} holds some {there:,} values, more than {most:,}; save it as CSV, or cut it up"
            )
        afford(120 * there, f"reading {name}", "cut it up")
        value = json.loads(text, parse_int=_whole)
    except RecursionError:
        raise InputError(f"{name} is nested more than {MOST_NESTED} deep") from None
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{name} is not JSON: {error}") from None
    _shallow(value, name)
    return value


def _whole(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a number of {len(digits):,} digits, more than {MOST_DIGITS:,}")
    return int(digits)


_QUOTED = re.compile(
    r'"""(?:[^\\]|\\.)*?"""|\'\'\'.*?\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*', re.DOTALL
)


def toml_values(data: str | bytes, name: str) -> dict[str, Any]:
    """A TOML text as values, within the budget of bytes, nesting and digits; name: of where it comes from."""
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
        if len(text) > MOST_TOML:
            raise InputError(
                f"{name} holds more than {MOST_TOML / 1e6:g} MB; it should be a file of settings"
            )
        bare = _QUOTED.sub("s", text)
        depth = deepest = 0
        for mark in re.findall(r"[\[\]{}]", bare):
            depth += 1 if mark in "[{" else -1
            deepest = max(deepest, depth)
        dots = max((part.count(".") for part in re.split(r"[^\w. \t-]", bare)), default=0)
        if max(deepest, dots) > MOST_NESTED:
            raise InputError(f"{name} is nested more than {MOST_NESTED} deep")
        digits = max(map(len, re.findall(r"[0-9a-fA-F_]+", bare)), default=0)
        if digits > MOST_DIGITS:
            raise InputError(f"{name} holds a number of {digits:,} digits, more than {MOST_DIGITS:,}")
        return tomllib.loads(text)
    except RecursionError:
        raise InputError(f"{name} is nested more than {MOST_NESTED} deep") from None
    except InputError:
        raise
    except ValueError as error:  # TOML's own, Unicode's, that of too many digits
        raise InputError(f"{name} is not a TOML file: {error}") from None


def _shallow(value: Any, name: str) -> None:
    """Lists in lists, objects in objects: only so deep, whoever walks through them later."""
    level, deep = [value], 0
    while level:
        if deep > MOST_NESTED:
            raise InputError(f"{name} is nested more than {MOST_NESTED} deep")
        inner: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                inner += [v for v in one.values() if isinstance(v, (dict, list))]
            elif isinstance(one, list):
                inner += [v for v in one if isinstance(v, (dict, list))]
        level, deep = inner, deep + 1


def _affordable(path: Path, filtered: bool) -> None:
    """A Parquet file says beforehand how many cells it has. filtered: not all of them are taken."""
    import pyarrow.parquet as pq

    _readable(path)
    meta = pq.read_metadata(path)
    groups = [meta.row_group(i) for i in range(meta.num_row_groups)]
    found = sum(g.column(c).num_values for g in groups for c in range(g.num_columns))
    if not filtered:
        if found > MOST_CELLS:
            raise InputError(f"{path} holds {found:,} cells, more than {MOST_CELLS:,}; take part of it")
        afford(8 * found, f"reading {path}", "take part of it")


def free_memory() -> int | None:
    """Bytes that this process may still take: the machine's, its container's, its own limit. None: nobody says."""
    known = []
    with suppress(OSError, ValueError, IndexError):
        text = Path("/proc/meminfo").read_text()
        known.append(1024 * int(re.findall(r"MemAvailable:\s+(\d+)", text)[0]))
    with suppress(OSError, ValueError):
        most = int(Path("/sys/fs/cgroup/memory.max").read_text())
        known.append(most - int(Path("/sys/fs/cgroup/memory.current").read_text()))
    with suppress(ImportError, OSError, ValueError, IndexError):
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit != resource.RLIM_INFINITY:
            taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            known.append(limit - taken)
    return max(0, min(known)) if known else None


def afford(needed: int, what: str, mend: str) -> None:
    """Ask for memory before it is taken: one line that says how much is needed, and what to do."""
    free = free_memory()
    if free is not None and needed > free:
        raise InputError(
            f"{what} needs about {needed / 1e9:,.1f} GB of memory, and {free / 1e9:,.1f} GB are free: {mend}"
        )
