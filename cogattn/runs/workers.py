"""Who does the work: this machine's cores, or a cluster's. One interface over all of them, joblib's.

Work comes in pieces, each a pure function of its plan (seeds come from the plan, never from a worker), and every piece
is written when it is finished, by rename. So the numbers are the same whoever works, a piece whose worker was killed
can be played again, and what a kill leaves is taken up by `--resume`.

    backend     who works                          a worker is killed
    loky        processes of this machine          one line; finished pieces are kept, --resume goes on
    threading   threads of this process            the run is over with it; --resume goes on
    dask        every worker of a Dask scheduler   its pieces go to the others; the numbers stay the same

A backend of joblib's own making (`joblib.parallel_config(backend="ray")`) is used where it is active.

>>> from functools import partial
>>> finish([Piece("one", partial(pd.DataFrame, {"x": [1.0]}), 1)])[0]["x"].tolist()
[1.0]
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
from joblib.parallel import LokyBackend, ParallelBackendBase, get_active_backend

from cogattn import compiled, files, seals
from cogattn.errors import InputError, RunError, choice, doors, needs, whole
from cogattn.notebook import Progress
from cogattn.runs.rows import Rows

BACKENDS = ("loky", "threading", "dask")
PATIENCE = 5.0  # s of work done here before processes are started: that alone takes longer than most runs
_START = 5.0  # s that it takes: each loads the libraries and the compiled code for itself
_WAIT = 60  # s for a first worker of a cluster
_REACH = 10  # s for an answer of its scheduler
_KEPT = "what was finished is kept if the run has a folder: the same command with --resume goes on"


@dataclass(frozen=True)
class Piece:
    """The smallest amount of work that is finished at once."""

    name: str  #: of its part: changes when anything changes that could change its numbers
    #: A partial of a function that other processes can import. What is laid into a table is made here by
    #: work(table, first row), which returns nothing.
    work: Callable[..., Any]
    rows: int | None = None  #: how many its table has, if that is known


def finish(
    pieces: Sequence[Piece],
    parts: Path | None = None,
    n_jobs: int = 1,
    progress: Progress | None = None,
    keep: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
    table: Rows | None = None,
) -> list[pd.DataFrame]:
    """The tables of all pieces: from its part if that is there and whole, else played and kept at once.

    keep: which rows of each are wanted in memory (by default all); table: where all rows are laid, one piece after the
    other, and then nothing is returned.
    """
    whole("n_jobs", n_jobs, least=1, most=1024)
    found: dict[int, pd.DataFrame] = {}
    at = list(accumulate((piece.rows or 0 for piece in pieces), initial=0))  # the first row of each
    done: set[int] = set()

    def arrived(i: int, frame: pd.DataFrame | None) -> None:
        if frame is not None and table is not None:
            table.add(frame, at[i], len(frame))
        elif frame is not None:
            found[i] = frame if keep is None else keep(frame).copy()
        done.add(i)
        if progress is not None:
            progress(len(done), len(pieces))

    held = None if parts is None else seals.Seals(parts)
    try:
        if held is not None:
            for i, frame in _kept(pieces, held):
                arrived(i, frame)
        todo = [(i, p) for i, p in enumerate(pieces) if i not in done]
        for i, made in _played(todo, n_jobs, None if table is None else lambda i: (table, at[i])):
            if parts is not None and held is not None:
                part = parts / f"{pieces[i].name}.parquet"
                laid = table.frame(at[i], pieces[i].rows) if table is not None and made is None else made
                files.write_table(part, laid)
                held.add(part)
            arrived(i, made)
    finally:
        if held is not None:
            held.close()
    return [found[i] for i in sorted(found)]


def _kept(pieces: Sequence[Piece], held: seals.Seals) -> Iterator[tuple[int, pd.DataFrame]]:
    """The finished pieces that fit their seals; any other is played again, which gives the same numbers, and that is
    said."""
    odd = []
    for i, piece in enumerate(pieces):
        part = held.path.with_name(f"{piece.name}.parquet")
        if not part.exists():
            continue
        try:
            frame = files.read_table(part) if held.fits(part) else None
        except InputError:
            frame = None
        if frame is None or (piece.rows is not None and len(frame) != piece.rows):
            odd.append(part.name)
        else:
            yield i, frame
    if odd:
        seals.changed(
            f"{len(odd)} of {len(pieces)} pieces in {held.path.parent} are not as a finished run of this one left them "
            f"({', '.join(odd[:3])}{', ...' if len(odd) > 3 else ''}): played anew"
        )


def _played(
    todo: list[tuple[int, Piece]], n_jobs: int, laid: Callable[[int], tuple[Rows, int]] | None = None
) -> Iterator[tuple[int, Any]]:
    """Pieces as they are finished, in any order. This process begins alone; it starts others where
    that saves more than it takes. laid: where a piece goes that is made in this process."""
    start, before = time.monotonic(), compiled.spent()
    if isinstance(get_active_backend()[0], LokyBackend):
        left, done = sum(_size(piece) for _, piece in todo), 0
        while todo and (n_jobs == 1 or not _pays(_worked(start, before), done, left, n_jobs)):
            i, piece = todo.pop(0)
            yield i, piece.work(*(laid(i) if laid else ()))
            done, left = done + _size(piece), left - _size(piece)
    if not todo:
        return
    pool = joblib.Parallel(
        n_jobs=min(n_jobs, len(todo)), return_as="generator_unordered", batch_size=1, pre_dispatch="all"
    )
    try:
        yield from pool(joblib.delayed(_numbered)(i, piece.work) for i, piece in todo)
    except BrokenProcessPool:
        raise RunError(
            f"a worker was killed (out of memory? fewer --jobs need less of it); {_KEPT}"
        ) from None


def _size(piece: Piece) -> int:
    """What a piece is beside others: its rows."""
    return piece.rows or 1


def _pays(worked: float, done: int, left: int, n_jobs: int) -> bool:
    """Whether other processes are worth their start, if what is left takes as long a row as what was done.

    >>> _pays(6.0, 60, 90, n_jobs=2), _pays(6.0, 60, 110, n_jobs=2), _pays(4.0, 1, 1000, n_jobs=2)
    (False, True, False)
    """
    if worked < PATIENCE:
        return False
    return done == 0 or worked * left / done * (1 - 1 / n_jobs) > _START


def _worked(start: float, before: float) -> float:
    """Seconds of work since then. Compiling is none: processes would only do the same once more, each for itself."""
    return time.monotonic() - start - (compiled.spent() - before)


def _numbered(i: int, work: Callable[[], pd.DataFrame]) -> tuple[int, pd.DataFrame]:
    return i, work()


@contextmanager
def workers(backend: str = "loky", scheduler: str | None = None) -> Iterator[None]:
    """Inside this, whatever is played in pieces is played by these workers: `with ca.workers("dask", ADDRESS): ...`

    scheduler: the address of a Dask scheduler, e.g. `tcp://10.0.0.1:8786`. `loky` and `threading` take as many cores as
    `n_jobs` says, a cluster all that it has.

    >>> from cogattn import run
    >>> with workers("threading"):
    ...     len(run("partial_report", "human", people=2, trials=2, n_jobs=2).frame)
    8
    """
    choice("backend", backend, BACKENDS)
    if (backend == "dask") != (scheduler is not None):
        raise InputError(
            "backend dask and the address of its scheduler go together, e.g. backend dask, scheduler "
            f"tcp://10.0.0.1:8786; got backend {backend}, scheduler {scheduler}"
        )
    if scheduler is None:
        with joblib.parallel_config(backend=backend):
            yield
        return
    client = _reached(scheduler)
    try:
        with joblib.parallel_config(backend=Cluster(client, scheduler)):
            yield
    finally:
        client.close(timeout=_REACH)


def _reached(scheduler: str) -> Any:
    """A connection to the scheduler of this address."""
    distributed = needs("distributed", "cluster")
    try:
        return distributed.Client(scheduler, timeout=_REACH, set_as_default=False)
    except (OSError, ValueError, RuntimeError, TypeError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"cannot reach a Dask scheduler at {scheduler} ({why}): start one with `dask scheduler`, and workers "
            "with `dask worker ADDRESS`"
        ) from None


class Cluster(ParallelBackendBase):  # type: ignore[misc]
    """A Dask cluster as a backend of joblib.

    joblib's own backend for Dask waits for ever for a piece that was given up because it killed every worker that took
    it (joblib 1.6: no callback on a failed future); here it is an error.
    """

    supports_retrieve_callback = True
    default_n_jobs = -1

    def __init__(self, client: Any, address: str) -> None:
        super().__init__(nesting_level=0)
        self.client, self.address = client, address

    def effective_n_jobs(self, n_jobs: int) -> int:  # noqa: ARG002 (joblib's interface)
        """All cores of the cluster, whatever n_jobs says."""
        try:
            self.client.wait_for_workers(1, timeout=_WAIT)
        except TimeoutError:
            raise RunError(
                f"the Dask scheduler at {self.address} had no worker in {_WAIT} s: start some with "
                f"`dask worker {self.address}`"
            ) from None
        return max(2, sum(self.client.ncores().values()))  # joblib keeps the work of one core to itself

    def submit(self, func: Any, callback: Any = None) -> Any:
        """Hand a piece to the scheduler; if its worker dies, the scheduler gives it to another."""
        future = self.client.submit(func, pure=False)
        future.add_done_callback(callback)
        return future

    def retrieve_result_callback(self, out: Any) -> Any:
        """What a piece gave, or why it gave nothing."""
        name = ""
        try:
            return out.result()
        except ImportError as error:
            raise RunError(
                f"a worker cannot import {error.name}: install the same cogattn on every worker"
            ) from None
        except Exception as error:
            name = type(error).__name__
            if name == "KilledWorker":
                raise RunError(
                    f"several workers died at the same piece of work (out of memory?); {_KEPT}"
                ) from None
            if "Cancelled" in name:
                raise RunError(
                    f"the Dask scheduler at {self.address} dropped the work or is gone; {_KEPT}"
                ) from None
            raise

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """Nobody waits for the rest: futures that are dropped are cancelled by the scheduler."""


doors(__name__, "workers")
