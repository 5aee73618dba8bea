"""What an annotation asks for, and whether a value is that: what `errors.doors` holds arguments against.

>>> kind = kind_of("Sequence[str] | None", {})
>>> kind.words, kind.holds(["a"]), kind.holds("a")
('a list of texts or None', True, False)
"""

from __future__ import annotations

import ast
import builtins
import inspect
import math
import numbers
import os
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple


class Kind(NamedTuple):
    """What an annotation asks for, in words, and whether a value is that."""

    words: str
    holds: Callable[[Any], bool]


def or_none(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """The same, and None is that, too."""
    return lambda value: value is None or holds(value)


def or_nan(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """The same, and NaN is that, too."""
    return lambda value: holds(value) or (isinstance(value, float) and math.isnan(value))


def kind_of(said: Any, scope: Mapping[str, Any]) -> Kind | None:
    """What an annotation asks for; None: anything will do."""
    if isinstance(said, str):
        return _read(ast.parse(said.strip(), mode="eval").body, scope)
    if isinstance(said, typing.ForwardRef):
        return kind_of(said.__forward_arg__, scope)
    origin, parts = typing.get_origin(said), typing.get_args(said)
    if said is None or said is type(None):
        return Kind("None", lambda value: value is None)
    if origin in (typing.Union, types.UnionType):
        return _union([kind_of(part, scope) for part in parts])
    if origin is typing.Literal:
        return _literal(parts)
    if origin is not None:
        if origin is tuple and len(parts) > 1 and parts[-1] is not ...:
            parts = ()  # a place each: told by the function itself
        return _named(getattr(origin, "__name__", ""), [kind_of(p, scope) for p in parts], origin)
    if said is Any or isinstance(said, typing.TypeVar):
        return None
    return _named(getattr(said, "__name__", str(said)), [], said)


def _read(node: ast.expr, scope: Mapping[str, Any]) -> Kind | None:
    """The same of an annotation as it is written; a class that is imported for its type alone goes by its name."""
    if isinstance(node, ast.BinOp):
        return _union([_read(node.left, scope), _read(node.right, scope)])
    if isinstance(node, ast.Constant):
        return kind_of(node.value, scope)
    inner: list[ast.expr] = []
    if isinstance(node, ast.Subscript):
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        node = node.value
    path = ast.unparse(node).split(".")
    found = scope.get(path[0], getattr(builtins, path[0], None))
    for part in path[1:]:
        found = getattr(found, part, None)
    if path[-1] == "Literal":
        return _literal([ast.literal_eval(part) for part in inner])
    if not inner and found is not None and not isinstance(found, type) and path[-1] not in _MEANT:
        return kind_of(found, scope)  # a name for a type
    if path[-1] == "tuple" and len(inner) > 1 and ast.unparse(inner[-1]) != "...":
        inner = []  # a place each: told by the function itself
    parts = [_read(part, scope) for part in inner if not isinstance(part, (ast.List, ast.Constant))]
    return _named(found.__name__ if isinstance(found, type) else path[-1], parts, found)


def _union(kinds: Sequence[Kind | None]) -> Kind | None:
    if any(kind is None for kind in kinds):
        return None
    every = typing.cast(Sequence[Kind], kinds)
    if _MEANT["Path"] in every:  # a text that is one
        every = [kind for kind in every if kind != _MEANT["str"]]
    return Kind(" or ".join(k.words for k in every), lambda value: any(k.holds(value) for k in every))


def _literal(options: Sequence[Any]) -> Kind:
    def one_of(value: Any) -> bool:
        return isinstance(value, (str, int, float)) and value in options

    return Kind("one of " + ", ".join(map(str, options)), one_of)


def _named(name: str, parts: Sequence[Kind | None], found: Any) -> Kind | None:
    """A type by its name, with what stands in its brackets."""
    torchs = str(getattr(found, "__module__", "")).startswith(
        "torch"
    )  # its Generator draws, and yields nothing
    if name in ("Any", "object", "Generator", "Iterator") and not torchs:
        return None
    if name in _MEANT:
        return _MEANT[name]
    if name in _SERIES:
        inside = parts[0] if parts else None
        words = "a list" if inside is None else f"a list of {_plural(inside.words)}"
        return Kind(words, lambda value: _is_series(value, inside, name == "Iterable"))
    if name in ("Mapping", "dict"):
        return Kind("a mapping", lambda value: isinstance(value, Mapping))
    if name == "type":
        return Kind("a class", inspect.isclass)
    if getattr(found, "_is_protocol", False):  # what it must be able to do shows when it is asked to
        return None
    if isinstance(found, type) and found.__module__ != "typing":
        return Kind(f"{_article(name)} {name}", lambda value: isinstance(value, found))
    return Kind(f"{_article(name)} {name}", lambda value: name in [c.__name__ for c in type(value).__mro__])


def _article(name: str) -> str:
    return "an" if name[:1] in "AEIOU" else "a"


def _plural(words: str) -> str:
    bare = [w.removeprefix("a ").removeprefix("an ") for w in words.split(" or ")]
    return " or ".join(w if w.endswith("s") or w.startswith("list of ") else f"{w}s" for w in bare)


def _is_number(value: Any) -> bool:
    if type(value) is float:
        return value == value
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return False
    try:
        return not math.isnan(value)
    except OverflowError:
        return False


def _is_whole(value: Any) -> bool:
    if type(value) is int:
        return value.bit_length() <= 64
    return (
        not isinstance(value, bool) and isinstance(value, numbers.Integral) and int(value).bit_length() <= 64
    )


def _is_array(value: Any) -> bool:
    """Numbers of one shape, or what becomes that."""
    if type(value) is float:
        return True
    import numpy as np

    if isinstance(value, np.ndarray):
        return value.dtype.kind in "biuf"
    if isinstance(value, bool) or value is None or isinstance(value, (str, bytes, Mapping)):
        return isinstance(value, bool)
    if type(value).__name__ == "DataFrame":  # a table is more than its numbers
        return False
    try:
        made = np.asarray(value)
    except Exception:  # ragged, nested too deeply, a tensor that has a gradient
        return False
    return made.dtype.kind in ("iuf" if type(value).__name__ == "Tensor" else "biuf")


def _is_series(value: Any, inside: Kind | None, once: bool) -> bool:
    """A sequence (once: or what can be walked once) of what it shall hold; the first hundred are looked at."""
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        return False
    if isinstance(value, Mapping) and not once:  # what is only walked may have names for keys
        return False
    if not hasattr(value, "__len__"):
        return once
    if isinstance(value, type) or type(value).__name__ == "DataFrame":
        return False
    try:
        return inside is None or all(inside.holds(x) for x, _ in zip(value, range(100), strict=False))
    except Exception:  # a tensor without a dimension has a length and no members
        return False


def is_path(value: Any) -> bool:
    """What can be the name of a file."""
    if not isinstance(value, (str, os.PathLike)):
        return False
    text = os.fsdecode(value)
    return (
        "\0" not in text
        and len(text) < 4096
        and all(len(os.fsencode(part)) < 256 for part in text.split(os.sep))
    )


_SERIES = ("Sequence", "Iterable", "list", "tuple", "set", "frozenset", "Collection")
_MEANT = {
    "float": Kind("a number", _is_number),
    "int": Kind("a whole number", _is_whole),
    "bool": Kind(
        "True or False", lambda value: isinstance(value, bool) or type(value).__name__ in ("bool_", "bool")
    ),
    "str": Kind("a text", lambda value: isinstance(value, str)),
    "Path": Kind("a path", is_path),
    "Callable": Kind("a function", callable),
    **dict.fromkeys(("ArrayLike", "NDArray", "Array", "Floats", "Ints", "Bools"), Kind("numbers", _is_array)),
}
