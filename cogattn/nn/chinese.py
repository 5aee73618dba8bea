"""Words of Chinese text, which has no blanks between them: told apart by the dictionary of jieba, an extra.

Without it every letter counts as one word, and a warning says so once. Other scripts keep their blanks.

>>> pieces("It rained.  Nobody came!")
['It ', 'rained.  ', 'Nobody ', 'came!']
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable
from functools import cache

#: The letters of Chinese, as a range of a regular expression.
HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"

_SOME = re.compile(f"[{HAN}]")
_LETTER = re.compile(rf"[{HAN}]|(?:(?![{HAN}])\w)+|\W")
_OPENS = re.compile(r"[“‘「『（《〈【(\[]+")


class SegmentWarning(UserWarning):
    """Chinese words could not be told apart."""


def pieces(text: str) -> list[str]:
    """Words, each with the marks and blanks that go with it; joined they are the text, but for blanks before it."""
    out: list[str] = []
    for piece in re.findall(r"\S+\s*", text):
        out += _words(piece) if _SOME.search(piece) else [piece]
    return out


def _words(piece: str) -> list[str]:
    """A piece of Chinese in words: a mark belongs to the word before it, one that opens to the word after it."""
    out: list[str] = []
    opened = ""
    for word in cutter()(piece):
        if re.search(r"\w", word):
            out.append(opened + word)
            opened = ""
        elif opened or not out or _OPENS.fullmatch(word):
            opened += word
        else:
            out[-1] += word
    if opened and out:
        out[-1] += opened
        opened = ""
    return out + [opened] * bool(opened)


@cache
def cutter() -> Callable[[str], Iterable[str]]:
    """What cuts Chinese into words. jieba keeps its dictionary in a file of the shared temporary folder, which others
    can write; here it is read from the package instead (a second, once), and jieba says nothing.

    >>> "".join(cutter()("3.5 m"))
    '3.5 m'
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its own, about old ways to write Python
            import jieba
    except ImportError:
        warnings.warn(
            SegmentWarning(
                "Chinese words are not told apart, each letter counts as one: pip install 'cogattn[chinese]'"
            ),
            stacklevel=2,
        )
        return _LETTER.findall
    tokenizer = jieba.Tokenizer()
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True  # so that it reads and writes no cache
    return tokenizer.lcut
