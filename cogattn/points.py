"""Points that fill a cube evenly, in any piece of their sequence: person i is point i, whoever is drawn with him.

>>> even(0, 0, 4, [0]).shape, bool((even(0, 2, 2, [0]) == even(0, 0, 4, [0])[:, 2:]).all())
((1, 4), True)
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

ENDS = (2.0**-32, 1 - 2.0**-32)  #: nobody is farther out
DIMENSIONS = 64  #: of the cube; fixed, so that a new one changes none of the old ones
_BITS = 30  # of a point: as many as it can tell apart


@lru_cache(maxsize=8)
def _sequence(seed: int) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """The shift (dimensions,) and the directions (dimensions, bits) of a scrambled Sobol sequence, from scipy."""
    from scipy.stats import qmc

    sobol = qmc.Sobol(DIMENSIONS, scramble=True, bits=_BITS, rng=np.random.default_rng(seed))
    return sobol._shift, sobol._sv


def even(seed: int, first: int, n: int, dimensions: Sequence[int]) -> npt.NDArray[np.float64]:
    """(dimensions, n): points first .. first + n - 1 of the seed's sequence, in these dimensions only.

    Point i is the shift and (exclusive or) the directions of the bits of i's Gray code, in scipy's order; from one
    point to the next one bit changes: the lowest of those set in the next one's number.
    """
    shift, directions = (part[list(dimensions)] for part in _sequence(seed))
    number_ = np.arange(first, first + n, dtype=np.int64)
    points = directions[:, np.frexp(number_ & -number_)[1] - 1]  # (dimensions, n)
    points[:, 0] = shift
    for bit in range(first.bit_length()):
        if (first ^ (first >> 1)) >> bit & 1:
            points[:, 0] ^= directions[:, bit]
    np.bitwise_xor.accumulate(points, 1, out=points)
    return np.clip(points * 2.0**-_BITS, *ENDS)
