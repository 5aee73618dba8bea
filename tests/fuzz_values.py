"""Values for doors, and for each whether it is wrong there: the grammar is this file's own, no check of cogattn's.

A value has a kind ("text", "nan", "list", ...). What a door says of its argument (the annotation, the name) gives the
kinds that may be right there. A value is marked wrong where no part of the annotation allows its kind, or where the
name of the argument rules it out (people = -1). What is neither is odd: taken or refused, but not in a traceback.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pandas as pd


class Value(NamedTuple):
    """One value of a grammar."""

    kind: str
    label: str
    make: Callable[[], Any]


def _nest(depth: int) -> list[Any]:
    out: list[Any] = []
    for _ in range(depth):
        out = [out]
    return out


def _same(kind: str, *values: Any) -> list[Value]:
    return [Value(kind, f"{value!r}"[:40], lambda value=value: value) for value in values]


VALUES: tuple[Value, ...] = (
    *_same("none", None),
    *_same("bool", True, False),
    *_same("count", 3, 1),
    *_same("zero", 0),
    *_same("negative", -1, -(2**31)),
    *_same("large", 10**6 + 1, 10**9, 2**63, 2**64),
    Value("huge", "10**5000", lambda: 10**5000),
    *_same("float", 0.5, 2.5, 1e-12),
    *_same("negative float", -0.5, -1e300),
    *_same("large float", 1e308),
    *_same("nan", float("nan"), np.float64("nan")),
    *_same("inf", float("inf")),
    *_same("-inf", float("-inf")),
    Value("number of a library", "float32(0.5)", lambda: np.float32(0.5)),
    Value("number of a library", "Fraction(1, 2)", lambda: Fraction(1, 2)),
    Value("decimal", "Decimal('NaN')", lambda: Decimal("NaN")),
    *_same("complex", 1j),
    *_same("text", "", "x", "\0", "é🙂 $x_{", "a\nb", "../..", "None", "nan"),
    Value("text", "a * 100000", lambda: "a" * 100_000),
    Value("text", "5000 digits", lambda: "1" * 5000),
    *_same("bytes", b"", b"x"),
    *_same("list", []),
    *_same("list of none", [None], (None, None)),
    *_same("list of numbers", [1.0, 2.0], (1, 2)),
    *_same("list of nan", [float("nan")]),
    *_same("list of texts", ["x"], ("é", "é")),
    *_same("ragged", [[1], [2, 3]]),
    Value("nested", "[[...]] 2000 deep", lambda: _nest(2000)),
    *_same("tuple", ()),
    *_same("set", {1}, {"x"}),
    *_same("dict", {}),
    *_same("dict of odd keys", {3: None}, {(): 1.0}),
    *_same("dict of texts", {"nope": float("nan")}, {"x": "y"}, {"capacity": "big"}, {"é": []}),
    Value("object", "object()", object),
    *_same("class", int, Exception),
    Value("function", "lambda", lambda: lambda *_: None),
    Value("generator", "generator", lambda: (x for x in (1, 2))),
    Value("array", "array([])", lambda: np.array([])),
    Value("array", "ones(2, 3, 4)", lambda: np.ones((2, 3, 4))),
    Value("array", "zeros(7)", lambda: np.zeros(7)),
    Value("array of nan", "array(nan)", lambda: np.array([np.nan, 1.0])),
    Value("array of texts", "array(texts)", lambda: np.array(["x"])),
    Value("array of objects", "array(objects)", lambda: np.array([None, {}], object)),
    Value("array of complex", "array(1j)", lambda: np.array([1j])),
    Value("table", "DataFrame()", lambda: pd.DataFrame()),
    Value("table", "DataFrame(odd)", lambda: pd.DataFrame({"odd": [1.0], 3: ["x"]})),
    Value("table", "DataFrame(persons)", lambda: pd.DataFrame({"person": [None], "score": ["x"]})),
    Value("series", "Series", lambda: pd.Series(["x"])),
    Value("tensor", "tensor (2, 3)", lambda: _torch().ones(2, 3)),
    Value("tensor", "tensor of nan", lambda: _torch().full((1, 1, 1, 1), float("nan"))),
    Value("tensor", "tensor of bool", lambda: _torch().ones(0, dtype=_torch().bool)),
    Value("ellipsis", "...", lambda: ...),
)


def _torch() -> Any:
    import torch

    return torch


NUMBERS = {"count", "zero", "negative", "large"}
FLOATS = {"float", "negative float", "large float", "inf", "-inf", "number of a library"} | NUMBERS
LISTS = {
    "list",
    "list of none",
    "list of numbers",
    "list of nan",
    "list of texts",
    "ragged",
    "nested",
    "tuple",
}
LISTS |= {"set", "generator"}
ARRAYS = {
    "tensor",
    "array",
    "array of nan",
    "array of texts",
    "array of objects",
    "array of complex",
    "series",
}
DICTS = {"dict", "dict of odd keys", "dict of texts"}
LIKE_ARRAYS = FLOATS | {
    "nan",
    "bool",
    "decimal",
    "list",
    "list of numbers",
    "list of nan",
    "tuple",
    "generator",
}
LIKE_ARRAYS |= {"array", "array of nan", "series", "tensor"}
EVERY = {v.kind for v in VALUES}

#: (what an annotation says, as a pattern; the kinds that may be right)
SAYS: tuple[tuple[str, set[str]], ...] = (
    (r"None", {"none"}),
    (r"bool", {"bool"}),
    (r"int", NUMBERS),
    (r"Crowd", NUMBERS),  # a count that may be large: what memory does not hold is streamed
    (r"float|Setting", FLOATS),
    (r"str|Arm", {"text"}),
    (r"Path", {"text"}),
    (r"Literal\b.*", set()),
    (r"(npt\.)?(ArrayLike|NDArray)\b.*|Ints|Floats|Bools|Array", LIKE_ARRAYS),
    (r"Iterable\b.*", LISTS | ARRAYS | DICTS),
    (r"(Sequence|list|tuple|set)\b.*", LISTS | ARRAYS | {"dict", "text"}),
    (r"(Mapping|dict)\b.*", DICTS),
    (r"Callable\b.*|Progress|Score", {"function", "class"}),
    (r"Tensor|torch\.Tensor", {"tensor"}),
    (r"pd\.DataFrame", {"table"}),
    (r"pd\.Series", {"series"}),
    (r"Any|object|_Kind|_T|Where|Ranges|Demand|Design|Role", EVERY),
)

#: Arguments that count something: (names, what is wrong there though it is a whole number)
COUNTS = (
    "people",
    "n_jobs",
    "candidates",
    "folds",
    "draws",
    "chains",
    "minds",
    "simulations",
    "heads",
    "dim",
)
NO_NEGATIVES = (
    "seed",
    "trials",
    "person",
    "trial",
    "first",
    "condition",
    "targets",
    "distractors",
    "replications",
)
#: Arguments that are one of a few words: no text of the grammar is among them
CHOICES = ("paradigm", "device", "kind", "method", "sampler", "backend", "when_full", "service", "intervals", "policy",
           "impl", "gradient", "discipline", "density", "arms", "level", "param", "goal")  # fmt: skip


def alternatives(annotation: str) -> list[str]:
    """The parts of a union, as they are written."""
    out, depth, part = [], 0, ""
    for c in annotation.strip("'\""):
        depth += (c in "[(") - (c in "])")
        if c == "|" and depth == 0:
            out.append(part.strip())
            part = ""
        else:
            part += c
    return [*out, part.strip()]


def right(annotation: str, name: str = "") -> set[str]:
    """The kinds that may be right for this argument."""
    kinds: set[str] = set()
    for part in alternatives(annotation):
        found = [k for pattern, k in SAYS if re.fullmatch(pattern, part)]
        kinds |= found[0] if found else set()
    if name in COUNTS and "Any" not in annotation:
        kinds -= {"zero", "negative", "negative float", "-inf"} | (
            set() if "Crowd" in annotation else {"large"}
        )
    if name in NO_NEGATIVES:
        kinds -= {"negative", "negative float", "-inf"}
    return kinds - {"text"} if name in CHOICES else kinds


def values(annotation: str, name: str = "") -> list[tuple[Value, bool]]:
    """(value, whether it is wrong) for an argument."""
    fine = right(annotation, name)
    return [(v, v.kind not in fine) for v in VALUES]
