"""How long until something is there? The list, a first result and the comparison, each in a process of its own.

    python benchmarks/startup.py [--rounds 5] [--quick]     # minutes; quick leaves the comparison out

"Empty cache": a fresh folder for compiled code, as on the first day or after a law was changed; "again": the same
folder, once it is filled. Wall-clock time and memory of the list are medians, with a Python that imports NumPy beside
it; what compiles is run once. Workers that a command leaves behind (`compare` on all
cores) are not in its processor time.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path

import measure

ROOT = measure.HERE.parent
CLI = (sys.executable, "-c", "from cogattn.cli import main; main()")
LIST, NUMPY = (*CLI, "list"), (sys.executable, "-c", "import numpy")
FIRST = (*CLI, "run", "whole_report", "--jobs", "1", "--out", "runs")  # one process: its time is all the time
COMPARE = (*CLI, "compare", "--out", "runs")
TARGET_LIST, TARGET_FIRST, TARGET_COMPARE = 0.6, 15.0, 15.0  # s: wall, processor, wall


def environment(cache: Path | None) -> dict[str, str]:
    """This checkout; a folder of our own for what numba compiles, or the usual one."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    own = {} if cache is None else {"NUMBA_CACHE_DIR": str(cache), "XDG_CACHE_HOME": str(cache)}
    return {"PYTHONPATH": path} | own


def row(what: str, took: tuple[float, float, float], value: float, target: float | None, of: str = "") -> str:
    """A command and what it took."""
    wall, cpu, peak = took
    judged = measure.met(value, target).replace(" |", f" s{of} |", 1) if target else "|"
    return f"{what} | {wall:.2f} | {cpu:.2f} | {peak:,.0f} | {judged}"


def main() -> None:
    asked = measure.options(__doc__, rounds=5, quick=2).parse_args()
    lines = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        measure.child(LIST, environment(None), folder)  # compile to .pyc, fill the file cache
        found = [
            [measure.child(command, environment(None), folder) for command in (NUMPY, LIST)]
            for _ in range(measure.rounds_of(asked))
        ]
        numpy, listed = (tuple(statistics.median(f[i][j] for f in found) for j in range(3)) for i in range(2))
        lines.append(row("`python -c 'import numpy'`", numpy, 0, None))
        lines.append(row("`cogattn list`", listed, listed[0], TARGET_LIST))
        jobs = [("`cogattn run whole_report --jobs 1`", FIRST)]
        if not asked.quick:
            jobs.append(("`cogattn compare`", COMPARE))
        for n, (name, command) in enumerate(jobs):
            cache = folder / f"cache{n}"
            cold = measure.child(command, environment(cache), folder)
            empty = "empty cache" if any(cache.rglob("*.nbi")) else "cache NOT empty: it is kept elsewhere"
            again = measure.child(command, environment(cache), folder)
            if command is FIRST:
                lines.append(row(f"{name}, {empty}", cold, cold[1], TARGET_FIRST, " of CPU"))
                lines.append(row(f"{name}, again", again, 0, None))
            else:
                lines.append(row(f"{name}, {empty}", cold, cold[0], TARGET_COMPARE))
                lines.append(row(f"{name}, again", again, again[0], TARGET_COMPARE))
    print(measure.table(("command", "wall [s]", "CPU [s]", "peak memory [MiB]", "target", "met"), lines))


if __name__ == "__main__":
    main()
