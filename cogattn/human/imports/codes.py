"""What says that an answer was right: 0 and 1 either way, status codes, words; and what says that none came.

>>> rights(["0", "1"], [5000, 373], error=True).values
{'0': 1.0, '1': 0.0}
>>> found = rights(["1", "2", "3"], [2377, 145, 22])
>>> found.values, sorted(found.silent)
({'1': 1.0, '2': 0.0, '3': 0.0}, ['3'])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cogattn.human.imports.levels import spoken

RIGHT = frozenset(
    ("correct", "right", "true", "yes", "y", "hit", "cr", "tneg", "tn", "tp", "correct rejection", "c", "ok", "t",
     "success", "successful", "richtig", "goed", "vrai", "correcto", "正确", "对")
)  # fmt: skip
WRONG = frozenset(
    ("incorrect", "wrong", "false", "no", "n", "error", "err", "miss", "missed", "fa", "fn", "fp", "false alarm",
     "commission", "commission error", "e", "f", "i", "x", "failed", "failure", "unsuccessful", "falsch", "fout",
     "faux", "错误", "错")
)  # fmt: skip
SILENT = frozenset(
    ("timeout", "time out", "timed out", "no response", "noresponse", "no resp", "omission", "omission error", "late",
     "too late", "too slow", "tooslow", "slow", "nr", "norsp")
)  # fmt: skip
_ERRED = frozenset(("true", "yes", "y", "t", "error", "err", "wrong", "incorrect"))
_RARE = 0.3  # share of trials that a code for "no response" has at most


@dataclass(frozen=True)
class RightCodes:
    """What each cell of a column means: right 1, wrong 0."""

    values: dict[str, float] = field(default_factory=dict)
    silent: frozenset[str] = frozenset()  #: cells that say that nobody answered (wrong, too)
    doubt: str = ""  #: why it cannot be told

    @property
    def known(self) -> bool:
        """Whether it says for every cell what it means."""
        return bool(self.values) and not self.doubt


def rights(cells: Sequence[str], counts: Sequence[int], *, error: bool = False) -> RightCodes:
    """What the cells of a column mean, by how often each comes. error: the column counts what is wrong."""
    words = {cell: spoken(cell) for cell in cells}
    total = max(1, sum(counts))
    often = dict(zip(cells, counts, strict=True))
    if all(w in RIGHT | WRONG | SILENT for w in words.values()):
        yes, no = (0.0, 1.0) if error else (1.0, 0.0)
        values = {c: yes if w in RIGHT else no if w in WRONG else 0.0 for c, w in words.items()}
        if error:  # in a column of errors a word of truth means one: yes, true
            values = {c: 1.0 - float(w in _ERRED) for c, w in words.items()}
        return RightCodes(values, frozenset(c for c, w in words.items() if w in SILENT))
    numbers: dict[float, str] = {}
    for cell in cells:
        try:
            numbers[float(cell)] = cell
        except ValueError:
            if words[cell] not in SILENT:
                return RightCodes(doubt=f"{cell!r} is neither right nor wrong")
    silent = frozenset(c for c, w in words.items() if w in SILENT)
    base = _numbered(set(numbers), {n: often[c] / total for n, c in numbers.items()}, error)
    if isinstance(base, str):
        return RightCodes(doubt=base)
    values = {numbers[n]: v for n, v in base[0].items()} | dict.fromkeys(silent, 0.0)
    return RightCodes(values, silent | frozenset(numbers[n] for n in base[1]))


def _numbered(
    there: set[float], share: dict[float, float], error: bool
) -> tuple[dict[float, float], set[float]] | str:
    """(what each number means, those that mean no response), or why it cannot be told."""
    one, nought = (0.0, 1.0) if error else (1.0, 0.0)
    said = ", ".join(f"{n:g}" for n in sorted(there))
    if there <= {0.0, 1.0}:
        return {n: one if n == 1 else nought for n in there}, set()
    if there <= {0.0, 100.0}:
        return {n: one if n == 100 else nought for n in there}, set()
    if there == {-1.0, 1.0}:
        return {1.0: one, -1.0: nought}, set()
    if {0.0, 1.0} <= there:
        more = there - {0.0, 1.0}
        if sum(share[n] for n in more) < _RARE:
            return {1.0: one, 0.0: nought} | dict.fromkeys(more, 0.0), more
    status = {1.0, 2.0} <= there <= {1.0, 2.0, 3.0, 4.0}
    if status and not error and share[1.0] > 0.5:
        late = there - {1.0, 2.0}
        return {1.0: 1.0, 2.0: 0.0} | dict.fromkeys(late, 0.0), late
    return f"its codes are {said}"
