"""What a network gives back, held against what it was asked for: the shape, and the range.

A wrong answer of the right kind is the network's own; what is no answer at all is refused before it is scored.

>>> labels("read() of eye", [[3.0, -1.0]], (1, 2), 10)
array([[ 3, -1]])
>>> labels("read() of eye", [[43, -1]], (1, 2), 10)
Traceback (most recent call last):
cogattn.errors.InputError: read() of eye must give whole numbers from -1 (nothing) to 9, got 43
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cogattn.errors import InputError, shown

Array = npt.NDArray[Any]


def array(what: str, given: object, shape: tuple[int, ...], letters: str = "B, S") -> Array:
    """Numbers of this shape."""
    try:
        x = np.asarray(given)
    except (TypeError, ValueError, RuntimeError):  # ragged; a tensor with a gradient, or on another device
        x = np.empty((), object)
    if x.dtype.kind not in "biuf":
        kind = type(given).__name__ if x.dtype.kind == "O" else str(x.dtype)
        raise InputError(
            f"{what} must give an array of numbers, ({letters}) = {shape}, got {kind}: return a numpy array"
        )
    if x.shape != shape:
        raise InputError(f"{what} must give ({letters}) = {shape}, got {x.shape}")
    return x


def labels(
    what: str,
    given: object,
    shape: tuple[int, ...],
    kinds: int,
    here: Array | None = None,
    letters: str = "B, S",
) -> Array:
    """An answer per place: whole numbers from -1, nothing, to kinds - 1. here: the places that are asked for."""
    x = array(what, given, shape, letters)
    if here is not None:
        x = np.take_along_axis(x, here, 1)
    odd = ~((x >= -1) & (x < kinds) & (x == np.floor(x)))
    if odd.any():
        raise InputError(
            f"{what} must give whole numbers from -1 (nothing) to {kinds - 1}, got {shown(x[odd][0].item())}"
        )
    return x.astype(np.int64)


def logits(what: str, given: object, shape: tuple[int, ...], here: Array | None = None) -> Array:
    """Attention logits: numbers, or -inf where there is no element. here: as in `labels`."""
    x = array(what, given, shape).astype(float)
    if here is not None:
        x = np.take_along_axis(x, here, 1)
    if not (x < np.inf).all():
        raise InputError(
            f"{what} must give logits that are finite, or -inf where there is no element, "
            f"got {shown(x[~(x < np.inf)][0].item())}"
        )
    return x


def shares(what: str, given: object, shape: tuple[int, ...], here: Array) -> Array:
    """How much attention each element got: numbers >= 0 where there are elements (`here`, a mask), and 0 elsewhere."""
    x = np.where(here, array(what, given, shape), 0.0)
    odd = ~((x >= 0) & (x < np.inf))
    if odd.any():
        raise InputError(f"{what} must give shares of attention that are >= 0 and finite, got {x[odd][0]:g}")
    return x


def look(what: str, given: Any, here: Array, forms: int, inks: int, answers: int) -> Any:
    """What a seer makes of displays: where elements are (`here`, (n, E)), numbers; and a decision for each display."""
    n, elements = here.shape
    shapes = {
        "logits": (n, elements),
        "forms": (n, elements, forms),
        "inks": (n, elements, inks),
        "answers": (n, answers),
    }
    for name, shape in shapes.items():
        if not hasattr(given, name):
            raise InputError(f"{what} must give {', '.join(shapes)}, and {name} is missing")
        letters = "n, answers" if name == "answers" else ", ".join(["n", "E", name][: len(shape)])
        x = array(f"{name} of {what}", getattr(given, name), shape, letters)
        odd = ~np.isfinite(x if name == "answers" else x[here])
        if odd.any():
            raise InputError(f"{name} of {what} must be finite, {int(odd.sum())} of {odd.size} are not")
    return given
