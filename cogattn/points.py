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


#: Dimensions 2 to 64 of Joe & Kuo's Sobol sequence (2008, SIAM J Sci Comput 30:2635; new-joe-kuo-6): the primitive
#: polynomial, its bits as a number, and the first direction numbers.
_JOE_KUO = (
    "3 1, 7 1 3, 11 1 3 1, 13 1 1 1, 19 1 1 3 3, 25 1 3 5 13, 37 1 1 5 5 17, 41 1 1 5 5 5, 47 1 1 7 11 19, "
    "55 1 1 5 1 1, 59 1 1 1 3 11, 61 1 3 5 5 31, 67 1 3 3 9 7 49, 91 1 1 1 15 21 21, 97 1 3 1 13 27 49, "
    "103 1 1 1 15 7 5, 109 1 3 1 15 13 25, 115 1 1 5 5 19 61, 131 1 3 7 11 23 15 103, 137 1 3 7 13 13 15 69, "
    "143 1 1 3 13 7 35 63, 145 1 3 5 9 1 25 53, 157 1 3 1 13 9 35 107, 167 1 3 1 5 27 61 31, "
    "171 1 1 5 11 19 41 61, 185 1 3 5 3 3 13 69, 191 1 1 7 13 1 19 1, 193 1 3 7 5 13 19 59, "
    "203 1 1 3 9 25 29 41, 211 1 3 5 13 23 1 55, 213 1 3 7 3 13 59 17, 229 1 3 1 3 5 53 69, "
    "239 1 1 5 5 23 33 13, 241 1 1 7 7 1 61 123, 247 1 1 7 9 13 61 49, 253 1 3 3 5 3 55 33, "
    "285 1 3 1 15 31 13 49 245, 299 1 3 5 15 31 59 63 97, 301 1 3 1 11 11 11 77 249, "
    "333 1 3 1 11 27 43 71 9, 351 1 1 7 15 21 11 81 45, 355 1 3 7 3 25 31 65 79, 357 1 3 1 1 19 11 3 205, "
    "361 1 1 5 9 19 21 29 157, 369 1 3 7 11 1 33 89 185, 391 1 3 3 3 15 9 79 71, 397 1 3 7 11 15 39 119 27, "
    "425 1 1 3 1 11 31 97 225, 451 1 1 1 3 23 43 57 177, 463 1 3 7 7 17 17 37 71, 487 1 3 1 5 27 63 123 213, "
    "501 1 1 3 5 11 43 53 133, 529 1 3 5 5 29 17 47 173 479, 539 1 3 3 11 3 1 109 9 69, "
    "545 1 1 1 5 17 39 23 5 343, 557 1 3 1 5 25 15 31 103 499, 563 1 1 1 11 11 17 63 105 183, "
    "601 1 1 5 11 9 29 97 231 363, 607 1 1 5 15 19 45 41 7 383, 617 1 3 7 7 31 19 83 137 221, "
    "623 1 1 1 3 23 15 111 223 83, 631 1 1 5 13 31 15 55 25 161, 637 1 1 3 13 25 47 39 87 257"
)


def _directions() -> npt.NDArray[np.uint32]:
    """The directions (dimensions, bits) of the sequence before it is scrambled."""
    found = [[1] * _BITS]
    for row in _JOE_KUO.split(", "):
        polynomial, *v = map(int, row.split())
        degree = len(v)
        for j in range(degree, _BITS):
            new = v[j - degree]
            for k in range(1, degree + 1):
                if polynomial >> (degree - k) & 1:
                    new ^= v[j - k] << k
            v.append(new)
        found.append(v)
    return np.array(found, np.uint32) << np.arange(_BITS - 1, -1, -1, dtype=np.uint32)


@lru_cache(maxsize=8)
def _sequence(seed: int) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """The shift (dimensions,) and the directions (dimensions, bits) of a scrambled Sobol sequence: a random shift and
    linear scrambling (Matousek 1998), with the draws of scipy.stats.qmc.Sobol, which takes half a second to load.
    """
    chance = np.random.default_rng(seed).spawn(1)[0]

    def bits(*size: int) -> npt.NDArray[np.uint32]:
        return chance.integers(2, size=size, dtype=np.uint32)

    powers = np.left_shift(np.uint32(1), np.arange(_BITS, dtype=np.uint32))
    shift = (bits(DIMENSIONS, _BITS) * powers).sum(1, dtype=np.uint32)
    mixing = np.tril(bits(DIMENSIONS, _BITS, _BITS), -1) | np.eye(_BITS, dtype=np.uint32)
    high_first = powers[::-1, None]
    own = (_directions()[:, None, :] & high_first) > 0  # (dimensions, bit of a direction, direction)
    mixed = (mixing @ own.astype(np.uint32)) & 1
    return shift, (mixed * high_first).sum(1, dtype=np.uint32)


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
