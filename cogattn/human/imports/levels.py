"""What the cells of a condition are called: words that mean the same in people's files, and codes of numbers.

>>> told = {"congruent": 1, "neutral": 0, "incongruent": -1}
>>> levels(["comp", "incomp"], told)
{'comp': 1, 'incomp': -1}
>>> levels(["2_vs_5"], {"feature": "feature", "spatial_2v5": "spatial_2v5"})
{'2_vs_5': 'spatial_2v5'}
>>> levels(["C", "O"], told) is None
True
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

Level = float | str
#: A word of a condition, and the shapes that it has in files. The first that a paradigm knows is meant.
SAME: Mapping[str, str] = {
    "incongruent": r"(in|non|not|un)(con|kon)\w*|(in|non|not|un)(com|kom)p\w*|inc|inco|inkong?|i|ic|mismatch\w*"
    r"|conflict\w*|(non|not)corresp\w*|不一致.*|incompat\w*",
    "congruent": r"(con|kon)g\w*|con|cons\w*|(com|kom)p\w*|c|match\w*|corresp\w*|一致.*",
    "neutral": r"neu\w*|n|ne|base\w*|control|中性.*",
    "none": r"no|none|no ?cue\w*|absent|uncued",
    "double": r"double\w*|dbl",
    "centre": r"cent\w*",
    "spatial": r"spat\w*|up|down|above|below",
    "valid": r"val\w*|cued|v|有效.*",
    "invalid": r"inval\w*|uncued|non ?valid\w*|iv|无效.*",
    "present": r"(target ?)?pres\w*|tp|p|有.*",
    "absent": r"(target ?)?abs\w*|ta|a|tneg|无.*",
    "nogo": r"no ?go\w*|ng|withhold|stop\w*",
    "go": r"go\w*",
    "forward": r"forw\w*|fwd|f",
    "reverse": r"(rev|back)\w*|bwd|b",
    "global": r"glob\w*|g",
    "local": r"loc\w*|l",
}
_FILL = {
    "v",
    "vs",
    "among",
    "amongst",
    "in",
    "the",
    "of",
    "s",
    "and",
    "a",
    "trial",
    "trials",
    "cue",
    "cond",
    "condition",
}
#: Conditions that any file may have, where no paradigm says what it knows.
COMMON: Mapping[str, Mapping[str, Level]] = {
    "congruence": {"congruent": 1, "neutral": 0, "incongruent": -1},
    "cue": {"none": "none", "double": "double", "centre": "centre", "spatial": "spatial", "valid": "valid",
            "invalid": "invalid", "neutral": "neutral"},
    "present": {"present": 1, "absent": 0},
    "signal": {"nogo": 1, "go": 0},
}  # fmt: skip
#: Of a column of 0 and 1 that is called like this, what the 1 is; the 0 is the other.
ONE: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "congruence": (
        (r"(.*_)?(incon\w*|incomp\w*|conflict)(_.*)?", "incongruent", "congruent"),
        (
            r"(.*_)?(is_?)?(congr|compat|comp|consist|corresp|cong)\w*(_.*)?|一致.*",
            "congruent",
            "incongruent",
        ),
    ),
    "cue": (
        (r"(.*_)?invalid\w*(_.*)?", "invalid", "valid"),
        (r"(.*_)?valid\w*(_.*)?", "valid", "invalid"),
    ),
    "present": ((r"(.*_)?(pres|present|presence|tp|targ\w*)(_.*)?", "present", "absent"),),
    "signal": (
        (r"(.*_)?(no_?go|stop|signal|stop_?signal|match|target)(_.*)?", "nogo", "go"),
        (r"(.*_)?go(_.*)?", "go", "nogo"),
    ),
}


def spoken(words: str) -> str:
    """Words as they are said: no case, no marks between them."""
    return re.sub(r"[\s_-]+", " ", words.strip().lower())


def _parts(words: str) -> list[str]:
    """The words of a cell, digits apart from letters."""
    return re.findall(r"[^\W\d_]+|\d+", words.lower())


def meant(cell: str, told: Mapping[str, Level]) -> Level | None:
    """The level that a cell means, if one alone can be meant."""
    said = spoken(cell)
    same = {spoken(word): value for word, value in told.items()}
    if said in same:
        return same[said]
    flat = said.replace(" ", "")
    for called, shape in SAME.items():
        if (called in same and re.fullmatch(shape, said)) or (called in same and re.fullmatch(shape, flat)):
            return same[called]
    own = set(_parts(cell)) - _FILL
    if own:
        fits = {value for word, value in same.items() if own <= set(_parts(word)) - _FILL and len(own) > 1}
        if len(fits) == 1:
            return fits.pop()
    inside = {v for part in _parts(cell) if len(part) > 2 and (v := _whole(part, same)) is not None}
    return inside.pop() if len(inside) == 1 else None


def _whole(part: str, same: Mapping[str, Level]) -> Level | None:
    """The level of one word within a cell such as incongruent_left: a long one, that nothing else means."""
    if part in same:
        return same[part]
    for called, shape in SAME.items():
        if called in same and len(part) > 3 and re.fullmatch(shape, part):
            return same[called]
    return None


def levels(cells: Iterable[str], told: Mapping[str, Level]) -> dict[str, Level] | None:
    """What each of these cells means; None where one of them means nothing that is known, or single letters stand
    alone without their opposite."""
    found: dict[str, Level] = {}
    for cell in cells:
        value = meant(cell, told)
        if value is None:
            return None
        found[cell] = value
    if all(len(spoken(c)) == 1 for c in found) and len(set(found.values())) < 2:
        return None
    return found or None


def of_numbers(
    name: str, snake: str, cells: Sequence[str], told: Mapping[str, Level]
) -> dict[str, Level] | None:
    """Of a column of 0 and 1 (or -1 and 1): what its name says that they mean."""
    same = {spoken(word): value for word, value in told.items()}
    pairs = {frozenset(("0", "1")): "0", frozenset(("-1", "1")): "-1"}
    other = pairs.get(frozenset(cells))
    one = {"1"} == set(cells) or {"0"} == set(cells)
    for shape, yes, no in ONE.get(name, ()):
        if (other or one) and yes in same and no in same and re.fullmatch(shape, snake):
            both = {"1": same[yes], other or "0": same[no]}
            return {cell: both[cell] for cell in cells}
    return None
