"""What a user got wrong, in one line: the value, the range, the mend.

Every door of cogattn checks what comes in with these few functions, so that an error reads the same
everywhere and the command line can print it without a traceback.

>>> from cogattn.errors import number
>>> number("exposure", -0.1, above=0, unit="s")
Traceback (most recent call last):
cogattn.errors.InputError: exposure must be > 0 s, got -0.1
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import importlib
import inspect
import math
import numbers
import os
import sys
import tempfile
import time
import traceback
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from cogattn._kinds import Kind, is_path, kind_of, or_nan, or_none

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_T = TypeVar("_T")

LONGEST = 1500  #: characters of a message


class CogattnError(Exception):
    """Anything that a person can mend. The command line prints it as one line, without a traceback.

    >>> issubclass(InputError, CogattnError) and issubclass(RunError, CogattnError)
    True
    """

    def __init__(self, message: object = "") -> None:
        text = " ".join(str(message).splitlines())  # a name or a value may hold line breaks, and be a book
        super().__init__(text if len(text) <= LONGEST else f"{text[: LONGEST - 300]} ... {text[-290:]}")


class InputError(CogattnError, ValueError):
    """A value that cannot be used. The message names the value, the range and the mend.

    >>> number("slots", -1.0, least=0)
    Traceback (most recent call last):
        ...
    cogattn.errors.InputError: slots must be >= 0, got -1.0
    """


class CallError(InputError, TypeError):
    """Arguments that the function or class does not take, or lacks.

    >>> from cogattn import Observer
    >>> Observer(slot=3.0)
    Traceback (most recent call last):
        ...
    cogattn.errors.CallError: Observer has no argument 'slot'; did you mean 'slots'?
    """


class RunError(CogattnError, RuntimeError):
    """A run that the world stopped (disk full, file gone, worker killed). What was finished is kept.

    >>> issubclass(RunError, CogattnError) and not issubclass(RunError, InputError)
    True
    """


OWN_FILE = "cogattn_own_"  #: the modules of users' files are called so: a network, a paradigm


def own_fault(error: BaseException) -> str:
    """Where in a file of the user's own an error happened, and what it says, in one line; nothing: in no such file."""
    own = [
        (frame.f_code, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__", "")).startswith(OWN_FILE)
    ]
    if not own:
        return ""
    named = [code.co_name for code, _ in own if code.co_name[0] != "<"]  # a loop in brackets is no function
    where = f"{Path(own[-1][0].co_filename).name} line {own[-1][1]}" + (f", {named[-1]}()" if named else "")
    said = " ".join(str(error).split())
    return f"{where}: {type(error).__name__}" + (f": {said}" if said else "")


@contextlib.contextmanager
def own_file() -> Iterator[None]:
    """Within this, what goes wrong in a file of the user's own is one line, which names the file, line and function."""
    try:
        yield
    except (CogattnError, OSError, MemoryError):
        raise
    except Exception as error:
        said = own_fault(error)
        if not said:
            raise
        raise InputError(said) from error


def crash_report(error: BaseException, command: str) -> str:
    """A fault of ours in one line, which names the file of a report: versions, what was asked, where in the code it
    happened. What the error says is left out of the file: it may hold somebody's data."""
    import importlib.metadata

    steps = traceback.extract_tb(error.__traceback__)
    where = next(
        (f"{Path(s.filename).name}:{s.lineno}" for s in reversed(steps) if "cogattn" in s.filename), "?"
    )
    made = time.strftime("%Y-%m-%dT%H%M%S")
    lines = [f"cogattn crash report, {made}", f"command: {command}"]
    lines += [f"python: {sys.version.split()[0]} on {sys.platform}"]
    for name in [
        "cogattn",
        "numpy",
        "scipy",
        "pandas",
        "pyarrow",
        "numba",
        "simpy",
        "torch",
        "cyclopts",
        "panel",
        "bokeh",
    ]:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            lines.append(f"{name}: {importlib.metadata.version(name)}")
    lines += [
        f"error: {type(error).__name__}",
        *(f"  {s.filename}:{s.lineno} in {s.name}: {s.line}" for s in steps),
    ]
    said = f"{type(error).__name__} at {where}: this is a fault of cogattn"
    for folder in (Path.cwd, lambda: Path(tempfile.gettempdir())):
        with contextlib.suppress(OSError):
            path = folder() / f"cogattn-crash-{made}-{os.getpid()}.txt"
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
            return f"{said}; please send the report (it holds no data): {path}"
    return f"{said}; no report could be written"


def number(
    name: str,
    value: object,
    *,
    above: float | None = None,
    least: float | None = None,
    below: float | None = None,
    most: float | None = None,
    infinite: bool = False,
    unit: str = "",
) -> float:
    """Return `value` as a float, or say which range it left. Infinity passes only where it has a meaning."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        rule = _rule(above, least, below, most, infinite, unit)
        raise InputError(f"{name} must be a number{rule}, got {shown(value)}")
    try:
        x = float(value)
    except OverflowError:
        rule = _rule(above, least, below, most, infinite, unit)
        raise InputError(f"{name} must be{rule}, got a number too large for a float") from None
    if (
        math.isnan(x)
        or (math.isinf(x) and not infinite)
        or (above is not None and not x > above)
        or (least is not None and not x >= least)
        or (below is not None and not x < below)
        or (most is not None and not x <= most)
    ):
        rule = _rule(above, least, below, most, infinite, unit)
        raise InputError(f"{name} must be{rule or ' finite'}, got {shown(value)}")
    return x


def whole(name: str, value: object, *, least: int = 0, most: int = 2**31 - 1) -> int:
    """Return `value` as an int within [least, most], or say what is wrong with it."""
    if type(value) is int and least <= value <= most:
        return value
    rule = f"a whole number from {least} to {most}"
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise InputError(f"{name} must be {rule}, got {shown(value)}")
    n = int(value)
    if not least <= n <= most:
        raise InputError(f"{name} must be {rule}, got {shown(value)}")
    return n


def values(
    name: str,
    value: object,
    *,
    above: float | None = None,
    least: float | None = None,
    most: float | None = None,
    infinite: bool = False,
) -> npt.NDArray[np.float64]:
    """`number`, for one or many: an array of floats that are all within the range."""
    import numpy as np  # here, so that the command line does not wait for it

    try:
        x = np.asarray(value, float)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{name} must be a number, or an array of numbers of one shape") from None
    for extreme in (x.min(), x.max()) if x.size else ():  # NaN is both
        number(name, float(extreme), above=above, least=least, most=most, infinite=infinite)
    return x


def choice(name: str, value: object, known: Iterable[str]) -> str:
    """Return `value` if it is one of the known names, else offer the nearest ones."""
    options = list(known)
    if isinstance(value, str) and value in options:
        return value
    near = difflib.get_close_matches(str(value), options, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise InputError(f"{name} must be one of {', '.join(options) or '(none)'}, got {shown(value)}{hint}")


def path_text(name: str, value: object) -> str:
    """What can be the name of a file, as a text."""
    if not is_path(value):
        raise InputError(f"{name} must be a path, got {shown(value)}")
    return os.fspath(typing.cast("str | os.PathLike[str]", value))


def needs(module: str, extra: str) -> Any:
    """A library that comes with an extra, imported; where it is missing, how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        library = module.partition(".")[0]
        raise InputError(
            f"this needs the library {library}: pip install 'cogattn[{extra}]' ({error})"
        ) from None


def counted(n: int, word: str, words: str = "") -> str:
    """How many, in words. words: of more than one, if an s is not enough.

    >>> counted(1, "trial"), counted(2, "trial"), counted(3, "person", "people")
    ('1 trial', '2 trials', '3 people')
    """
    return f"{n} {word if n == 1 else words or word + 's'}"


def _rule(
    above: float | None,
    least: float | None,
    below: float | None,
    most: float | None,
    infinite: bool,
    unit: str,
) -> str:
    """The range in words, e.g. ` > 0 s`; empty where any finite number will do."""
    ends = ((">", above), (">=", least), ("<", below), ("<=", most))
    parts = [f"{sign} {float(end):g}" for sign, end in ends if end is not None]
    if not parts:
        return ""
    text = " " + " and ".join(parts) + (f" {unit}" if unit else "")
    return text + (" (infinity allowed)" if infinite else "")


def shown(value: object) -> str:
    """The value as the user wrote it, cut to a readable length; where it cannot be told, what it is."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 200:
        return "an integer of more than 60 digits"
    try:
        text = repr(value) if not isinstance(value, (int, float)) else str(value)
    except Exception:  # nested too deeply, too many digits within, or an object that cannot tell itself
        return f"a {type(value).__name__}"
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."


# --- doors: what comes in is held against what the function says of it ----------------------------------------


class _How(NamedTuple):
    """How a door is kept; `door` says what each means."""

    unless: Callable[[], bool] | None = None
    arrays: bool = False
    first: bool = False


def door(thing: _T, **how: Any) -> _T:
    """A public function or class whose arguments are held against its own annotations.

    Numbers of other libraries are numbers, any sequence will do for a tuple, a text is no list of texts, True is no
    number, and NaN is none either. What an annotation cannot say (a range) is checked by the function itself, and what
    it says of a wrong kind in its own words comes first: it knows more. first: nothing of it is done before (it takes
    long). unless: while this says so nothing is checked (a compiler looks into the function). arrays: it does no more
    than arithmetic on arrays, so that what numpy or torch refuse there is told with the shapes that were given.

    >>> @door
    ... def doubled(x: float, names: Sequence[str] = ()) -> float:
    ...     return 2 * x
    >>> doubled(2), doubled(x=1.5)
    (4, 3.0)
    >>> doubled(1.0, names="ab")
    Traceback (most recent call last):
    cogattn.errors.InputError: names must be a list of texts, got 'ab'
    """
    if inspect.isclass(thing):
        for name, member in list(vars(thing).items()):
            if name == "__init__" or name[0] != "_":
                if isinstance(member, types.FunctionType):
                    setattr(thing, name, _guarded(member, _How(**how)))
                elif isinstance(member, (classmethod, staticmethod)):
                    setattr(thing, name, type(member)(_guarded(member.__func__, _How(**how))))
        return thing
    return typing.cast(_T, _guarded(typing.cast(Callable[..., Any], thing), _How(**how)))


def doors(module: str, *names: str, **how: Any) -> None:
    """In the last line of a module: its public functions and classes are doors (`door`); names: these alone."""
    room = sys.modules[module]
    own = [n for n, x in vars(room).items() if n[0] != "_" and getattr(x, "__module__", "") == module]
    for name in names or own:
        thing = getattr(room, name)
        if inspect.isclass(thing) or isinstance(thing, types.FunctionType):  # what is compiled checks nothing
            setattr(room, name, door(thing, **how))


def _guarded(call: Callable[..., Any], how: _How) -> Callable[..., Any]:
    """The function behind its checks, which are made when it is first called."""
    if hasattr(call, "__door__"):
        return call
    unless = how.unless

    @functools.wraps(call)
    def guarded(*args: Any, **named: Any) -> Any:
        if unless is not None and unless():
            return call(*args, **named)
        wrong = mismatch(call, args, named)
        if wrong:
            fits(call, args, named)
            if not how.first:
                own_words(call, args, named)
            raise InputError(wrong)
        try:
            return call(*args, **named)
        except CogattnError:
            raise
        except _OF_ARRAYS as error:
            if isinstance(error, TypeError):
                fits(call, args, named)
            if not how.arrays:
                raise
            why = " ".join(str(error).split()) or type(error).__name__
            raise InputError(f"{_shapes(call, args, named)}: {why}") from error

    guarded.__door__ = True  # type: ignore[attr-defined]
    return guarded


def own_words(call: Callable[..., Any], args: Sequence[Any], named: Mapping[str, Any]) -> None:
    """What the function itself says of arguments that are known to be wrong, if it says anything."""
    try:
        made = call(*args, **named)
        if isinstance(made, contextlib.AbstractContextManager) and hasattr(
            made, "gen"
        ):  # it speaks when it is entered
            with made:
                return
    except CogattnError:
        raise
    except Exception:  # no line of its own
        return


def fits(call: Callable[..., Any], args: Sequence[Any], named: Mapping[str, Any]) -> None:
    """Refuse arguments that `call` does not take, and tell the nearest name; or say which it needs."""
    signature = inspect.signature(inspect.unwrap(call))
    try:
        signature.bind(*args, **named)
        return
    except TypeError:
        pass
    who = called(call)
    given, own = list(args), list(signature.parameters.values())
    if own and own[0].name in ("self", "cls"):
        given, own = given[1:], own[1:]
    places = [p.name for p in own if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    known = [p.name for p in own if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    twice = [name for name in places[: len(given)] if name in named]
    for word in named if not any(p.kind is p.VAR_KEYWORD for p in own) else ():
        if word not in known:
            near = difflib.get_close_matches(word, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f": it takes {', '.join(known) or 'none'}"
            raise CallError(f"{who} has no argument {word!r}{hint}") from None
    if twice:
        raise CallError(f"{who} is given {', '.join(twice)} twice: by place and by name") from None
    if len(given) > len(places) and not any(p.kind is p.VAR_POSITIONAL for p in own):
        most = counted(len(places), "argument")
        raise CallError(f"{who} takes at most {most} by place, got {len(given)}: name the others") from None
    there = {*places[: len(given)], *named}
    bare_of = [p for p in own if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    lacks = [p.name for p in bare_of if p.name not in there]
    raise CallError(f"{who} needs {' and '.join(lacks)}") from None


def called(call: Callable[..., Any]) -> str:
    """The function, or the class that it makes one of, as a user calls it."""
    return call.__qualname__.rpartition("<locals>.")[2].removesuffix(".__init__")


def held(call: Callable[..., Any], args: Sequence[Any], named: Mapping[str, Any]) -> None:
    """Refuse the first argument that is not what `call` says of it."""
    wrong = mismatch(call, args, named)
    if wrong:
        raise InputError(wrong)


def mismatch(call: Callable[..., Any], args: Sequence[Any], named: Mapping[str, Any]) -> str:
    """What is wrong with the first argument that is not what `call` says of it; nothing: none is."""
    names, kinds = _kinds_of(call)
    for name, value in (*zip(names, args, strict=False), *named.items()):
        kind = kinds.get(name)
        if kind is not None and not kind.holds(value):
            return f"{name} must be {kind.words}, got {shown(value)}"
    return ""


_OF_ARRAYS = (ValueError, IndexError, TypeError, RuntimeError, AssertionError, OverflowError, MemoryError)


def _told(x: Any) -> str:
    return f"{tuple(x.shape)} of {str(x.dtype).removeprefix('torch.')}" if hasattr(x, "dtype") else shown(x)


def _shapes(call: Callable[..., Any], args: Sequence[Any], named: Mapping[str, Any]) -> str:
    """The arguments that are arrays, and their shapes; the others as they are."""
    given = {**dict(zip(_kinds_of(call)[0], args, strict=False)), **named}
    said = [f"{name} {_told(x)}" for name, x in given.items() if name != "self"]
    return f"{called(call)} cannot be worked out for {', '.join(said)}"


@functools.cache
def _kinds_of(call: Callable[..., Any]) -> tuple[tuple[str, ...], dict[str, Kind]]:
    """The arguments by place, and what each that is annotated asks for."""
    bare = inspect.unwrap(call)
    scope, kinds, places = getattr(bare, "__globals__", {}), {}, []
    for p in inspect.signature(bare).parameters.values():
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
            places.append(p.name)
        if p.annotation is not p.empty and p.kind is not p.VAR_POSITIONAL and p.kind is not p.VAR_KEYWORD:
            kind = kind_of(p.annotation, scope)
            missing = isinstance(p.default, float) and math.isnan(p.default)
            if kind is not None:  # what stands there if nothing is given may be given, too
                also = or_none if p.default is None else or_nan if missing else None
                kinds[p.name] = kind if also is None else Kind(kind.words, also(kind.holds))
    return tuple(places), kinds
