"""Counter-based random numbers: (seed, person, trial, stream, n) -> the same number, whoever asks, in any order.

A mind has no generator that runs along with it: each chance event has an address, and its number is a
hash of that address. So two drivers, two arms, one core or many, a run and its resumption all meet the same
chances, and arms differ by their limits alone. The mixer is the finaliser of MurmurHash3 as used by
SplitMix64 (Steele, Lea & Flood 2014, OOPSLA); `tests/mind/test_draws.py` tests uniformity and independence.

>>> key = trial_key(0, 12, 3)                  # seed 0, person 12, trial 3
>>> round(uniform(key, RACE, 5), 6) == round(uniform(key, RACE, 5), 6)
True
"""

from __future__ import annotations

import math
import zlib

import numpy as np
import numpy.typing as npt

from cogattn.compiled import compiled, compiled_ufunc

# Streams: what a number is for. A new use takes a new stream, so that it disturbs no other.
RACE = 0  #: residual unit exponential of an element; n = element * 2**32 + how often it has appeared
STORE = 1  #: whether this trial has floor(K) or ceil(K) slots
DISPLAY = 2  #: how it looks: which exemplar, which noise
LAYOUT = 3  #: what is shown where: identities and places
RESPONSE = 4  #: how a speeded response comes out; n = 4 * call of this trial + which of its draws
WANDER = 5  #: when attention leaves its task and returns; n = 4 * how often it has + which of its clocks
DOOR = 6  #: how long consolidation locks the store; n = 2 * element + (0 how long, 1 whether it slips in)
ORDER = 7  #: when an item seems to have come; n = element
CHOICE = 8  #: how a response is chosen and given, how long an item lives; n = 8 * element + which
SWITCH = 9  #: which task attention turns to, and for how long; n = 2 * decision + which
GUESS = 10  #: what is answered when nothing is known
VISIT = 12  #: which items a search visits, and for how long; n = 64 * visit + (0.. which, 63 how long)
TELL = 13  #: when the next categorisation comes and what it is about; n = element * 2**24 + 2 * count + which
SAY = (
    14  #: an item is said; n = element * 2**24 + 2 * turn + (0 how long the trace lasts, 1 how long it takes)
)
NAME = 15  #: what a categorisation says it is, where a network gives the evidence; n = element
EVICT = 11  #: which stored item makes room; n = 2 * item + (0 which slot, 1 how strong it is)

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S12 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(12)


@compiled(inline=True)
def _mix(x):  # type: ignore[no-untyped-def]
    """SplitMix64's finaliser (Stafford's variant 13): a bijection of 64 bits in which each bit stirs all others."""
    x = (x ^ (x >> _S30)) * _M1
    x = (x ^ (x >> _S27)) * _M2
    return x ^ (x >> _S31)


@compiled
def _key(seed, person, trial):  # type: ignore[no-untyped-def]
    k = _mix(np.uint64(seed) + _GOLDEN)
    k = _mix((k ^ np.uint64(person)) + _GOLDEN)
    return _mix((k ^ np.uint64(trial)) + _GOLDEN)


@compiled
def _uniform(key, stream, n):  # type: ignore[no-untyped-def]
    """A number in (0, 1), never 0 and never 1: 52 bits, centred in their cell (with 53 the last would round to 1)."""
    k = _mix((key ^ (np.uint64(stream) * _M1)) + _GOLDEN)
    return (np.float64(_mix(k + np.uint64(n) * _GOLDEN) >> _S12) + 0.5) / 4503599627370496.0


@compiled
def _exponential(key, stream, n):  # type: ignore[no-untyped-def]
    return -math.log(_uniform(key, stream, n))


@compiled_ufunc
def _uniforms(key, stream, n):  # type: ignore[no-untyped-def]
    return _uniform(key, stream, n)


def trial_key(seed: int, person: int, trial: int) -> np.uint64:
    """The 64-bit address of one trial of one person."""
    return np.uint64(trial_keys(seed, person, trial)[0])


def trial_keys(seed: int, person: npt.ArrayLike, trial: npt.ArrayLike) -> npt.NDArray[np.uint64]:
    """`trial_key` over arrays of persons and trials, which broadcast.

    As `_key`, but in numpy: a run asks for some hundred of them, which is no reason to compile.
    """
    mix = _mix.py_func
    key = mix(np.array([seed], np.uint64) + _GOLDEN)
    for address in (person, trial):
        key = mix((key ^ np.asarray(address, np.uint64)) + _GOLDEN)
    return np.asarray(key, np.uint64)


def uniform(key: np.uint64, stream: int, n: int) -> float:
    """The number in (0, 1) that stands at one address."""
    return float(_uniforms(key, np.uint64(stream), np.uint64(n)))


def uniforms(key: npt.ArrayLike, stream: int, n: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """`uniform` over arrays of keys and counters, which broadcast."""
    k, m = np.asarray(key, np.uint64), np.asarray(n, np.uint64)
    return np.asarray(_uniforms(k, np.uint64(stream), m), np.float64)


def seed_of(seed: int, *words: str) -> int:
    """A seed for one corner of a run (a condition, say) that depends on that corner's name alone.

    So adding a condition, or changing their order, changes no number of the others.
    """
    low = zlib.crc32("\x1f".join(words).encode())
    high = zlib.crc32("\x1e".join(reversed(words)).encode())
    return int(trial_key(seed, low, high))
