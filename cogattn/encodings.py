"""In which letters a text file is written, told from its first bytes.

>>> encoding_of("注意力".encode("gbk")), encoding_of("注意".encode("utf-16")), encoding_of("naïve".encode("latin-1"))
('gb18030', 'utf-16', 'latin-1')
"""

from __future__ import annotations

import codecs
import re


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
    """Whether letters beyond ASCII come in the pairs of GB 2312, as Chinese Windows writes them; in Latin-1 they
    stand alone between others."""
    runs = re.findall(rb"[\x80-\xff]+", data)
    if runs and data.endswith(runs[-1]) and len(runs[-1]) % 2:  # cut within a letter
        runs[-1] = runs[-1][:-1]
    if any(len(run) % 2 for run in runs) or not any(runs):
        return False
    try:
        b",".join(runs).decode("gb2312")
    except UnicodeDecodeError:
        return False
    return True
