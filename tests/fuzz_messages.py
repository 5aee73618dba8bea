"""Messages for the page: of every kind, with fields gone wrong; and what is no message."""

from __future__ import annotations

import json
import random
from typing import Any

from fuzz_doors import Input
from fuzz_files import _page, _told

RIGHT: dict[str, dict[str, Any]] = {
    "hello": {"dark": True, "narrow": False}, "move": {"values": {"capacity": 30.0}, "full": False},
    "preset": {"name": "Two slots"}, "observer": {"text": "capacity = 30.0", "file": "a.toml"},
    "paradigm": {"name": "whole_report"}, "trial": {"condition": 0, "at": 1}, "forget": {}, "score": {"stop": True},
    "data": {"file": "a.csv", "bytes": "eCx5CjEsMgo=", "unit": None},
}  # fmt: skip
ODD = (None, True, False, 0, 1, 3, -1, 10**30, 1.5, -0.5, 1e308, "", "x", "inf", "nan", "\0", "é🙂", "x" * 300_000,
 "../../a", [],
       [1], [[]], {}, {"x": 1}, {"capacity": None}, {"capacity": "x"}, {"capacity": [1]}, {"capacity": -1},
        {"slots": 1e308},
       {"capacity": {"a": 1}}, {"reallocate": 3}, {"a" * 5000: 1}, "a = " + "[" * 3000, "capacity = " + "1" * 5000,
       {f"x{i}": i for i in range(2000)}, "/", "..", "CON", "a/b.csv")  # fmt: skip
#: What is wrong in a field of each kind, whatever the page thinks of it.
TYPES = {
    "dark": bool, "narrow": bool, "full": bool, "stop": bool, "name": str, "text": str, "file": str, "bytes": str,
    "unit": str, "values": dict, "condition": int, "at": int,
}  # fmt: skip
OPTIONAL = ("unit", "n", "dark", "narrow", "full", "stop", "condition", "at")  #: null: not given
NO_MESSAGES = ("", "{", "[1]", "3", "null", "true", '"x"', "[", "[" * 20_000, '{"do": NaN}', '{"do": 1e400}', "{}",
 '{"n": 1}',
               '{"do": "fly"}', '{"do": ["move"]}', '{"do": {}}', '{"do": "move", "values": 3}', '{"do": "move"}',
               '{"do": "move", "values": {"capacity": Infinity}}', '{"do": "hello", "n": ' + "1" * 5000 + "}", "\0",
               '{"do": "hello", "n": {}}', '{"do": "hello", "evil": 1}', '{"do":"hello"}' * 2, "é🙂",
                '{"a":' * 5000)  # fmt: skip


def drawn(rng: random.Random, quick: bool = False) -> Input:
    """One message, as a text of the wire; it must be answered, with an error or without."""
    if rng.random() < 0.2:
        text = rng.choice(NO_MESSAGES)
        return Input(f"message {text[:60]!r}", True, lambda: heard(text))
    do = rng.choice(list(RIGHT))
    said: dict[str, Any] = {"do": do, **RIGHT[do], "n": 1}
    wrong = False
    for name in rng.sample([*RIGHT[do], "n", "do", "extra"], rng.choice((1, 1, 2))):
        value = rng.choice(ODD)
        kind = TYPES.get(name, int if name == "n" else str)
        same = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
        wrong = (
            wrong
            or name == "extra"
            or (name == "do" and value not in RIGHT if isinstance(value, str) else name == "do")
        )
        wrong = wrong or not (
            same or (value is None and (name in OPTIONAL or (do, name) == ("observer", "file")))
        )
        said[name] = value
    text = json.dumps(said)
    return Input(f"message {text[:200]}", wrong, lambda: heard(text))


def heard(text: str) -> Any:
    """The answer, held to be one line or a whole state, in plain JSON."""
    page = _page()
    page._pace.__init__()
    said = page.hear(text)
    if "n" not in said:
        raise AssertionError("an answer without its number: the page would wait for ever")
    return _told(said)
