"""Compiled code: where it is kept, so that a changed law never plays yesterday's numbers.

numba keeps what it compiled under the date of the file that a function stands in, while a compiled loop holds copies of
functions from other files. So everything compiled here is kept in a folder that is named by a hash of all sources that
a loop can hold a copy of: another version of a law is another folder. Nothing is deleted; `NUMBA_CACHE_DIR` says where
such folders are made, else `__pycache__`, else the user's cache (a read-only installation).

>>> folder().name.startswith("cogattn-")
True
"""

from __future__ import annotations

import gc
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from numba import config, njit, types, vectorize
from numba.core import event

from cogattn.errors import InputError

if config.DISABLE_JIT:  # minds are records of numba's own: as plain Python they do not run
    raise InputError("numba's compiler is switched off, and minds are compiled: unset NUMBA_DISABLE_JIT")

_PACKAGE = Path(__file__).parent
_MIND = ("parameters.py", "compiled.py", "laws/**/*.py", "world/**/*.py", "mind/**/*.py")
_PLAY = (
    "observer.py",
    "points.py",
    "population.py",
    "paradigms/**/*.py",
    "nn/**/*.py",
    "runs/plan.py",
    "runs/play.py",
    "runs/batches.py",
    "runs/rows.py",
)
# What a fit compiles holds copies of laws; what plays holds none of a fit.
_SOURCES = {"mind": _MIND, "tune": (*_MIND, "tune/**/*.py"), "runs": (*_MIND, *_PLAY)}


@cache
def version(room: str = "mind") -> str:
    """A hash of the sources of all laws and mechanisms: the same numbers come from the same version.

    room: `tune` counts the likelihoods too, which no run of people holds a copy of; `runs` all that decides the numbers
    of a run: the paradigms, who takes them, how networks are gated, how a cell is played.
    """
    sources = sorted({path for pattern in _SOURCES[room] for path in _PACKAGE.glob(pattern)})
    whole = hashlib.sha256()
    for path in sources:
        whole.update(path.relative_to(_PACKAGE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return whole.hexdigest()[:16]


_CLOCK = event.TimingListener()
event.register("numba:compile", _CLOCK)


def spent() -> float:
    """Seconds that this process has compiled so far; what lay in the folder costs nothing.

    >>> spent() >= 0
    True
    """
    return _CLOCK.duration if _CLOCK.done else 0.0


@cache
def folder(room: str = "mind") -> Path:
    """Where this version's compiled code is kept."""
    given = os.environ.get("NUMBA_CACHE_DIR")
    places = [Path(given)] if given else [_PACKAGE / "__pycache__", _user_cache()]
    name = f"cogattn-{version(room)}"
    for place in places:
        try:
            (place / name).mkdir(parents=True, exist_ok=True)
            if os.access(place / name, os.W_OK):
                return place / name
        except OSError:
            continue
    return Path(tempfile.gettempdir()) / f"cogattn-{os.getuid() if hasattr(os, 'getuid') else 0}" / name


def _user_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cogattn"


def compiled(
    function: Any = None,
    *,
    nogil: bool = False,
    inline: bool = False,
    inner: bool = False,
    arrays: bool = False,
) -> Any:
    """numba's `njit`, kept in this version's folder.

    inline: part of whatever calls it, as a hot loop's inside is. inner: called by compiled code alone, so it needs no
    door for Python, which takes longer to compile than most laws. arrays: it makes arrays of its own; what does not
    need not count who holds one (`_nrt`): a loop over small numbers would do little else.
    """
    if function is None:
        return lambda f: compiled(f, nogil=nogil, inline=inline, inner=inner, arrays=arrays)
    closed = inline or inner
    how: dict[str, Any] = {
        "no_cpython_wrapper": closed,
        "no_cfunc_wrapper": True,
        "forceinline": inline,
        "_nrt": arrays,
    }
    how |= {
        "error_model": "numpy"
    }  # a division by zero is infinite, as everywhere in numpy: no branch looks for it
    room = _room(function)
    return _one_at_a_time(_kept(lambda: njit(cache=True, nogil=nogil, **how)(function), room), room)


def compiled_ufunc(function: Any) -> Any:
    """numba's `vectorize`, kept in this version's folder; compiled when it is first called."""
    return _kept(lambda: vectorize(cache=True)(function), _room(function))


def _room(function: Any) -> str:
    within = function.__module__.split(".")[1:2]
    return {"tune": "tune", "nn": "runs"}.get(within[0] if within else "", "mind")


_PATIENCE = 300  # s; a lock on a disk that cannot lock ends nothing


@cache
def _lock(room: str, _process: int) -> FileLock:
    """The lock of a folder; one that was made before a fork cannot be taken after it, so each process has its own. Its
    threads share it: of two that want the same, one may give back what the other took."""
    return FileLock(folder(room) / "lock", timeout=_PATIENCE, thread_local=False)


def _one_at_a_time(dispatcher: Any, room: str) -> Any:
    """Of all processes that want the same version, one compiles; the others wait and read what it kept.

    numba's `compile` asks its cache first: a miss takes the folder's lock and asks again; `compile` gives it back.
    """
    compile_, load, typed = dispatcher.compile, dispatcher._cache.load_overload, dispatcher.get_call_template
    held: list[FileLock] = []  # one lock, as often as it was taken

    def load_overload(signature: Any, target: Any) -> Any:
        found = load(signature, target)
        if found is None:
            lock = _lock(room, os.getpid())
            try:
                lock.acquire()
            except (OSError, Timeout, NotImplementedError):
                return None
            held.append(lock)
            found = load(signature, target)
        return found

    def compile_alone(signature: Any) -> Any:
        before = len(held)
        try:
            with _no_sweep():
                return compile_(signature)
        finally:
            while len(held) > before:
                held.pop().release()

    def by_type(args: Any, kws: Any) -> Any:
        """A function that is called with 1 and with 2 is compiled once, not for each number."""
        return typed(tuple(types.unliteral(a) for a in args), kws)

    dispatcher._cache.load_overload, dispatcher.compile = load_overload, compile_alone
    dispatcher.get_call_template = by_type
    return dispatcher


@contextmanager
def _no_sweep() -> Iterator[None]:
    """Python looks for dead objects ever again while a compiler makes millions that live: a tenth of its time."""
    swept = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if swept:
            gc.enable()


def _kept(make: Callable[[], Any], room: str) -> Any:
    before, config.CACHE_DIR = config.CACHE_DIR, str(folder(room))
    try:
        return make()
    finally:
        config.CACHE_DIR = before
