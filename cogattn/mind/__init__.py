"""The laws as events in time: one mind, two drivers.

numba keeps what it compiled in `__pycache__`, each function under the date of its own file, while a compiled loop
holds copies of functions from other files: a cohort compiled around yesterday's mind would outlive the change of
the mind. So when any source is younger than what was compiled, all of it is compiled anew.
"""

from contextlib import suppress
from pathlib import Path


def drop_stale(folder: Path) -> None:
    """Forget what was compiled before the last change of a source in `folder`, of the stream's numbers, or of a law."""
    sources = [*folder.glob("*.py"), *folder.parent.glob("stream.py"), *folder.parent.glob("laws/*.py")]
    compiled = list((folder / "__pycache__").glob("*.nbi"))
    with suppress(OSError):  # a folder that cannot be written to is not where numba compiles to
        newest = max(f.stat().st_mtime_ns for f in sources)
        if any(f.stat().st_mtime_ns < newest for f in compiled):
            for f in compiled:
                f.unlink(missing_ok=True)


drop_stale(Path(__file__).parent)
