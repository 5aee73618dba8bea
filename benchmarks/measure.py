"""How every table here is measured: in turn, by the seconds that were really computed, and told as ratios.

Rounds are interleaved: each round does every row once, so that a slow moment of the machine strikes all of them. A
ratio is the median over rounds of the ratios within a round. Processor time leaves out what others on the machine do
to the clock, though not what they do to the caches. Targets are printed, never asserted.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
README = HERE / "README.md"
Work = Callable[[], object]
Found = Mapping[str, Sequence[float]]  # seconds of every round, by row
ONE_THREAD = dict.fromkeys(
    ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
)


def cpu(work: Work) -> float:
    """Processor seconds of one call, all threads together."""
    start = time.process_time()
    work()
    return time.process_time() - start


def interleaved(works: Mapping[str, Work], rounds: int) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Processor seconds of every row in every round, once all of them are warm; and what each returned at first."""
    results = {name: work() for name, work in works.items()}  # compile, warm up
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            found[name].append(cpu(work))
    return found, results


def middle(found: Found, name: str, units: float = 1.0) -> float:
    """Median seconds for each unit of a row."""
    return statistics.median(found[name]) / units


def ratio(found: Found, name: str, peer: str, units: float = 1.0, peer_units: float = 1.0) -> float:
    """How many times as long as its peer a row takes for each unit: the median over rounds."""
    pairs = zip(found[name], found[peer], strict=True)
    return statistics.median((a / units) / (b / peer_units) for a, b in pairs)


def met(value: float, most: float | None) -> str:
    """Target, and whether it is met: two cells."""
    return "|" if most is None else f"{most:g} | {'yes' if value <= most else 'NO'}"


def table(heads: Sequence[str], rows: Iterable[str]) -> str:
    """Markdown; each row is its cells, joined by |."""
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}", *(f"| {row} |" for row in rows)]
    return "\n".join(lines)


def short(value: float) -> str:
    """Three digits, or as many as a whole number has."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def child(command: Sequence[str], env: Mapping[str, str], folder: Path) -> tuple[float, float, float]:
    """(wall seconds, processor seconds, peak MiB) of a process, and of the processes that it waited for."""
    start = time.perf_counter()
    with (folder / "output.txt").open("w+") as output:
        process = subprocess.Popen(
            command, env={**os.environ, **env}, cwd=folder, stdout=output, stderr=output
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        if status:
            output.seek(0)
            raise SystemExit(f"{' '.join(command)} failed:\n{output.read()[-2000:]}")
    return wall, used.ru_utime + used.ru_stime, _mib(used.ru_maxrss)


def peak() -> float:
    """MiB that this process has held at most."""
    return _mib(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _mib(size: float) -> float:
    return size / 1024 / (1024 if sys.platform == "darwin" else 1)


def options(doc: str | None, rounds: int, quick: int = 1) -> argparse.ArgumentParser:
    """What every script here takes. `rounds_of` reads it."""
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, help=f"rounds; medians are taken over them (default: {rounds})")
    parser.add_argument("--quick", action="store_true", help="few rounds, and less of what takes long")
    parser.set_defaults(usual=rounds, few=quick)
    return parser


def rounds_of(asked: argparse.Namespace) -> int:
    """As asked, else a few if quick, else the usual number."""
    return int(asked.rounds or (asked.few if asked.quick else asked.usual))


def machine() -> str:
    """What it was measured on, in a line."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("numpy", "numba", "simpy"))
    return f"{_processor()}, {os.cpu_count()} cores; Python {platform.python_version()}, {versions}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    named = re.search(r"model name\s*:\s*(.+)", info.read_text()) if info.exists() else None
    return named[1].strip() if named else platform.processor() or platform.machine()


def write(name: str, text: str, readme: Path = README) -> None:
    """Put a table between its markers in the README."""
    begin, end = f"<!-- table: {name} -->", f"<!-- end: {name} -->"
    page = readme.read_text(encoding="utf-8")
    if page.count(begin) != 1 or page.count(end) != 1:
        raise SystemExit(f"{readme.name} must hold {begin} and {end} once each")
    head, rest = page.split(begin)
    tail = rest.split(end)[1]
    readme.write_text(f"{head}{begin}\n{text.strip()}\n{end}{tail}", encoding="utf-8")
