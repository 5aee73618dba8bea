"""What a user got wrong, in one line: the value, the range, the mend.

Every door of cogattn checks what comes in with these few functions, so that an error reads the same
everywhere and the command line can print it without a traceback.

>>> from cogattn.errors import number
>>> number("exposure", -0.1, above=0, unit="s")
Traceback (most recent call last):
cogattn.errors.InputError: exposure must be > 0 s, got -0.1
"""

from __future__ import annotations

import difflib
import importlib
import math
import numbers
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class CogattnError(Exception):
    """Anything that a person can mend. The command line prints it as one line, without a traceback.

    >>> issubclass(InputError, CogattnError) and issubclass(RunError, CogattnError)
    True
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(" ".join(str(message).splitlines()))  # a name or a value may hold line breaks


class InputError(CogattnError, ValueError):
    """A value that cannot be used. The message names the value, the range and the mend.

    >>> number("slots", -1.0, least=0)
    Traceback (most recent call last):
        ...
    cogattn.errors.InputError: slots must be >= 0, got -1.0
    """


class RunError(CogattnError, RuntimeError):
    """A run that the world stopped (disk full, file gone, worker killed). What was finished is kept.

    >>> issubclass(RunError, CogattnError) and not issubclass(RunError, InputError)
    True
    """


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
        raise InputError(f"{name} must be a number{rule}, got {_show(value)}")
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
        raise InputError(f"{name} must be{rule or ' finite'}, got {_show(value)}")
    return x


def whole(name: str, value: object, *, least: int = 0, most: int = 2**31 - 1) -> int:
    """Return `value` as an int within [least, most], or say what is wrong with it."""
    rule = f"a whole number from {least} to {most}"
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise InputError(f"{name} must be {rule}, got {_show(value)}")
    n = int(value)
    if not least <= n <= most:
        raise InputError(f"{name} must be {rule}, got {_show(value)}")
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
    except (TypeError, ValueError):
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
    raise InputError(f"{name} must be one of {', '.join(options) or '(none)'}, got {_show(value)}{hint}")


def needs(module: str, extra: str) -> Any:
    """A library that comes with an extra, imported; where it is missing, how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        library = module.partition(".")[0]
        raise InputError(
            f"this needs the library {library}: pip install 'cogattn[{extra}]' ({error})"
        ) from None


def _rule(
    above: float | None,
    least: float | None,
    below: float | None,
    most: float | None,
    infinite: bool,
    unit: str,
) -> str:
    """The range in words, e.g. ` > 0 s`; empty where any finite number will do."""
    parts = []
    if above is not None:
        parts.append(f"> {above:g}")
    if least is not None:
        parts.append(f">= {least:g}")
    if below is not None:
        parts.append(f"< {below:g}")
    if most is not None:
        parts.append(f"<= {most:g}")
    if not parts:
        return ""
    text = " " + " and ".join(parts) + (f" {unit}" if unit else "")
    return text + (" (infinity allowed)" if infinite else "")


def _show(value: object) -> str:
    """The value as the user wrote it, cut to a readable length."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 200:
        return "an integer of more than 60 digits"
    text = repr(value) if not isinstance(value, (int, float)) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."
