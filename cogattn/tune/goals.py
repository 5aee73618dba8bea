"""Goals in words: `min capacity`, `misses <= 0.05`, `max hits - 0.1 * rt`.

An expression holds numbers, the names of parameters and of what is measured (`tune.probes`), + - * / **, brackets, and
min, max, abs, sqrt, log, exp. It is read by its grammar and never run as code.

>>> Expression("2 * hits[load=3] - rt").value({"hits[load=3]": 0.5, "rt": 0.25})
0.75
>>> Constraint.read("misses <= 0.05").excess({"misses": 0.25})
0.2
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from cogattn.errors import InputError, choice, shown
from cogattn.parameters import ALIASES, canonical

_NAME = re.compile(r"[A-Za-z_]\w*(\[[^\]]*\])?")
_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_CALLS: dict[str, Callable[..., float]] = {
    "min": min,
    "max": max,
    "abs": abs,
    "sqrt": math.sqrt,
    "log": math.log,
    "exp": math.exp,
}
_LONGEST = 1000


@dataclass(frozen=True)
class Expression:
    """A sum to be done with measures and parameters."""

    text: str

    def __post_init__(self) -> None:
        if len(self.text) > _LONGEST:
            raise InputError(f"an expression has at most {_LONGEST} letters, got {len(self.text)}")
        self._walk(self._tree()[0], dict.fromkeys(self.names, 1.0))

    @property
    def names(self) -> tuple[str, ...]:
        """What it asks for, each once."""
        return tuple(dict.fromkeys(self._tree()[1].values()))

    def value(self, known: Mapping[str, float]) -> float:
        """What comes out, nan where the sum cannot be done (a division by nothing)."""
        for name in self.names:
            choice(f"name in {self.text!r}", name, known)
        return self._walk(self._tree()[0], known)

    def _tree(self) -> tuple[ast.expr, dict[str, str]]:
        """The grammar of the text, and its names by the words that stand for them there."""
        stands: dict[str, str] = {}

        def put(found: re.Match[str]) -> str:
            name = found.group()
            return name if name in _CALLS else stands.setdefault(name, f"_{len(stands)}")

        text = re.sub(r"(?<![\w.])" + _NAME.pattern, put, self.text)
        try:
            return ast.parse(text.strip(), mode="eval").body, {stand: name for name, stand in stands.items()}
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise InputError(f"cannot read the expression {self.text!r}: {_HOW}") from None

    def _walk(self, node: ast.expr, known: Mapping[str, float]) -> float:
        try:
            return float(self._done(node, known, self._tree()[1]))
        except (ZeroDivisionError, OverflowError, ValueError, TypeError) as error:
            if isinstance(error, InputError):
                raise
            return math.nan

    def _done(self, node: ast.expr, known: Mapping[str, float], names: Mapping[str, str]) -> float:
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
            return float(node.value)
        if isinstance(node, ast.Name) and node.id in names:
            return float(known[names[node.id]])
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            value = self._done(node.operand, known, names)
            return -value if isinstance(node.op, ast.USub) else value
        if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
            sides = (self._done(side, known, names) for side in (node.left, node.right))
            return _BINARY[type(node.op)](*sides)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            call, n = node.func.id, len(node.args)
            if call in _CALLS and (n > 1 if call in ("min", "max") else n == 1):
                return _CALLS[call](*(self._done(arg, known, names) for arg in node.args))
        raise InputError(f"cannot read the expression {self.text!r}: {_HOW}")


def renamed(text: str, names: Collection[str]) -> str:
    """The text with the parameters among `names` called as they are today."""

    def now(found: re.Match[str]) -> str:
        name = found.group()
        return canonical(name) if ALIASES.get(name) in names else name

    return re.sub(r"(?<![\w.\[])[A-Za-z_]\w*(?![\w\[])", now, text)


_HOW = "numbers, names, + - * / **, brackets and " + ", ".join(_CALLS)


@dataclass(frozen=True)
class Goal:
    """What is to be as small, or as large, as it can be."""

    largest: bool
    of: Expression

    @classmethod
    def read(cls, text: str) -> Goal:
        """`min capacity`, `max hits`."""
        word, _, rest = text.strip().partition(" ")
        kind = {
            "min": False,
            "minimise": False,
            "minimize": False,
            "max": True,
            "maximise": True,
            "maximize": True,
        }
        if word not in kind or not rest.strip():
            raise InputError(
                f"a goal is min or max and an expression, e.g. 'min capacity', got {shown(text)}"
            )
        return cls(kind[word], Expression(rest.strip()))

    def __str__(self) -> str:
        return f"{'max' if self.largest else 'min'} {self.of.text}"


@dataclass(frozen=True)
class Constraint:
    """What has to hold: `excess` is how far it is from holding, at most 0 where it does."""

    text: str
    less: Expression
    more: Expression

    @classmethod
    def read(cls, text: str) -> Constraint:
        """`misses <= 0.05`, `hits[load=3] >= 0.9`."""
        outside = re.sub(
            r"\[[^\]]*\]", lambda m: "_" * len(m.group()), text
        )  # = is part of a condition's name
        signs = list(re.finditer(r"<=|>=|<|>", outside))
        if len(signs) != 1:
            raise InputError(
                f"a constraint is one of A <= B or A >= B, e.g. 'misses <= 0.05', got {shown(text)}"
            )
        sign = signs[0]
        left, right = Expression(text[: sign.start()].strip()), Expression(text[sign.end() :].strip())
        return cls(text.strip(), left, right) if "<" in sign.group() else cls(text.strip(), right, left)

    def excess(self, known: Mapping[str, float]) -> float:
        """How much the one side is above the other."""
        return self.less.value(known) - self.more.value(known)

    @property
    def names(self) -> tuple[str, ...]:
        """What it asks for."""
        return tuple(dict.fromkeys(self.less.names + self.more.names))
