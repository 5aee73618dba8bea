"""What the page may say: one JSON text, {"do": "move", ...}, by this schema; and how much of it at once."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

from cogattn.errors import InputError, choice, shown

MOST_BYTES = 12_000_000  #: of a file that is loaded
MOST_TEXT = 4 * MOST_BYTES // 3 + 100_000  #: characters of a message: that file in base64, and the rest
MOST_WORDS = 200_000  #: characters of any other text
MOST_MESSAGES, SECONDS = (
    300,
    10.0,
)  #: so many in so many seconds; a page that waits for answers never comes near


class MessageField(NamedTuple):
    """One field of a message: of which kinds it is, whether it must be there, how long it may be."""

    kinds: tuple[type, ...]
    words: str
    needed: bool = False
    most: int = MOST_WORDS


_YES_NO = MessageField((bool,), "true or false")
_TEXT = MessageField((str,), "a text")
_NAME = MessageField((str,), "a text", most=1000)
_WHOLE = MessageField((int,), "a whole number")
_VALUES = MessageField((dict,), "numbers by name", most=1000)
_ANY = {"do": _NAME, "n": _WHOLE}

#: message: its fields. What is not here is refused.
MESSAGES: Mapping[str, Mapping[str, MessageField]] = {
    "hello": {"dark": _YES_NO, "narrow": _YES_NO},
    "move": {"values": _VALUES._replace(needed=True), "full": _YES_NO},
    "preset": {"name": _NAME._replace(needed=True)},
    "observer": {"text": _TEXT._replace(needed=True), "file": _NAME},
    "paradigm": {"name": _NAME._replace(needed=True)},
    "trial": {"condition": _WHOLE, "at": _WHOLE},
    "data": {
        "file": _NAME._replace(needed=True),
        "bytes": MessageField((str,), "base64", True, MOST_TEXT),
        "unit": _NAME,
    },
    "forget": {},
    "score": {"stop": _YES_NO},
    "link": {
        "paradigm": _NAME,
        "seed": _WHOLE,
        "values": _VALUES,
        "other": _VALUES,
        "condition": _WHOLE,
        "at": _WHOLE,
    },
    "beside": {"name": _NAME},
    "seed": {"seed": _WHOLE._replace(needed=True)},
    "again": {},
    "export": {"kind": _NAME._replace(needed=True)},
}


def read(text: object) -> dict[str, Any]:
    """The message in a text of the wire.

    >>> read('{"do": "forget", "n": 3}')
    {'do': 'forget', 'n': 3}
    """
    if not isinstance(text, str) or len(text) > MOST_TEXT:
        raise InputError(f"a message must be a text of at most {MOST_TEXT:,} characters")
    try:
        said = json.loads(text, parse_constant=_no_number)
    except (
        ValueError,
        RecursionError,
    ) as error:  # no JSON, a number of thousands of digits, nested too deeply
        raise InputError(f"a message must be JSON: {error}") from None
    if not isinstance(said, dict):
        raise InputError(f"a message must be an object, {{...}}, got {shown(said)}")
    return said


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON")


def check(said: Mapping[str, Any]) -> None:
    """Refuse what the schema does not know."""
    fields = MESSAGES[choice("message", said.get("do"), MESSAGES)]
    for name, value in said.items():
        field = _ANY.get(name) or fields[choice(f"field of the message {said['do']}", name, (*fields, *_ANY))]
        is_kind = isinstance(value, field.kinds) and (bool in field.kinds or not isinstance(value, bool))
        if not is_kind and not (value is None and not field.needed):
            raise InputError(f"{name} of the message {said['do']} must be {field.words}, got {shown(value)}")
        if isinstance(value, (str, dict)) and len(value) > field.most:
            raise InputError(
                f"{name} of the message {said['do']} must have at most {field.most:,} characters"
            )
    for name, field in fields.items():
        if field.needed and name not in said:
            raise InputError(f"the message {said['do']} needs {name}: {field.words}")


class MessageRate:
    """How fast one page speaks: what comes faster than a page that waits for its answers is refused unread."""

    def __init__(self) -> None:
        self._at: deque[float] = deque(maxlen=MOST_MESSAGES)

    def tick(self) -> None:
        """One message comes."""
        now = time.monotonic()
        if len(self._at) == MOST_MESSAGES and now - self._at[0] < SECONDS:
            raise InputError(f"more than {MOST_MESSAGES} messages in {SECONDS:g} s: wait a moment")
        self._at.append(now)
