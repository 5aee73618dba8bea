"""In which letters a text file is written, told from its first bytes.

>>> encoding_of("注意力".encode("gbk")), encoding_of("注意".encode("utf-16")), encoding_of("naïve".encode("latin-1"))
('gb18030', 'utf-16', 'latin-1')
>>> decoded("注意力".encode("gbk")), decoded("naïve".encode("latin-1"))
('注意力', None)
"""

from __future__ import annotations

import codecs

#: Of the letters beyond ASCII in a Chinese text, so many are among the 7,445 common ones.
COMMON = 0.6


def decoded(data: bytes) -> str | None:
    """A whole text in UTF-8, UTF-16 or Chinese Windows' letters; None where its letters cannot be told for sure."""
    found = encoding_of(data)
    if found in (None, "latin-1"):
        return None
    try:
        return data.decode(found).removeprefix("\ufeff")
    except UnicodeDecodeError:
        return None


def encoding_of(data: bytes) -> str | None:
    """UTF-8 unless a mark, its bytes or its zeros say otherwise; Latin-1 (which fits anything) is the last resort.
    None: it is no text."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if data.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if b"\0" in data:
        odd = data[1::2].count(0) / max(1, len(data) // 2)
        return "utf-16-le" if odd > 0.4 else None
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return "gb18030" if _chinese(data) else "latin-1"
    return "utf-8"


def _chinese(data: bytes) -> bool:
    """Whether it reads as GB 18030 in which common letters are common, as Chinese Windows writes it. Latin-1 that
    happens to fit gives rare ones: its letters stand alone, and one with the letter behind it makes a rare pair."""
    try:
        text = codecs.getincrementaldecoder("gb18030")().decode(data)  # the end may be cut within a letter
    except UnicodeDecodeError:
        return False
    beyond = [letter for letter in text if not letter.isascii()][:10_000]
    common = sum(_common(letter) for letter in beyond)
    return bool(beyond) and common >= COMMON * len(beyond)


def _common(letter: str) -> bool:
    """Whether it is one of GB 2312, which has the common letters and marks."""
    try:
        letter.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True
