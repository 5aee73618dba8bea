"""What the seer is taught: displays of a dozen kinds, and what is to be said of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cogattn.nn.networks.scenes import (
    ASKED,
    COLOUR,
    COLOURS,
    FAR,
    FORM,
    INK,
    NEAR,
    NOTHING,
    PLACES,
    SHAPE,
    SHAPES,
    Floats,
    Scene,
    place_of,
)

Array = npt.NDArray[np.int64]
Random = np.random.Generator

MOST = 18  #: elements of a display
#: What a decision can be: a form, a colour, that it is there, that it is not.
ANSWERS = (*SHAPES, *COLOURS, "present", "absent")
PRESENT, ABSENT = len(SHAPES) + len(COLOURS), len(SHAPES) + len(COLOURS) + 1
SKIP = -100  #: no answer is asked for
_LETTERS, _DIGITS = np.arange(26), np.arange(26, 36)
_INKS = np.array([COLOUR["red"], COLOUR["green"], COLOUR["blue"]])
_READ = 4  #: times that a word is read for once that an ink is named: people read more than they name


@dataclass(frozen=True)
class Lesson:
    """Displays and what is right: which elements are meant (1, 0; -1 = no matter), and the answer."""

    scene: Scene
    meant: Array  # (n, MOST)
    answer: Array  # (n,)


def _blank(n: int) -> dict[str, npt.NDArray[np.int64]]:
    zero = np.zeros((n, MOST), np.int64)
    names = ("colour", "view", "frame", "place")
    return {"shape": zero - 1, **{k: zero.copy() for k in names}, "meant": zero - 1}


def _made(
    parts: dict[str, Array],
    asked: Array,
    answer: Array | None = None,
    xy: tuple[Floats, Floats] | None = None,
) -> Lesson:
    x, y = place_of(parts["place"]) if xy is None else xy
    n = len(asked)
    scene = Scene(parts["shape"], parts["colour"], x, y, asked, parts["view"], parts["frame"])
    return Lesson(scene, parts["meant"], np.full(n, SKIP) if answer is None else answer)


def _spread(chance: Random, n: int, least: int, most: int) -> tuple[dict[str, Array], npt.NDArray[np.bool_]]:
    """Elements at places of the grid, and which of the columns are used."""
    parts = _blank(n)
    parts["place"][:] = np.argsort(chance.random((n, PLACES)), 1)[:, :MOST]
    size = chance.integers(least, most + 1, (n, 1))
    return parts, np.arange(MOST) < size


def report(chance: Random, n: int) -> Lesson:
    """Letters and digits, all to be named; some places hold nothing."""
    parts, used = _spread(chance, n, 1, 8)
    shape = chance.integers(0, 36, (n, MOST))
    empty = chance.random((n, MOST)) < 0.12
    colour = np.where(chance.random((n, 1)) < 0.5, 0, chance.integers(0, len(COLOURS), (n, MOST)))
    parts["shape"] = np.where(used, np.where(empty, NOTHING, shape), -1)
    parts["colour"], parts["meant"] = colour, np.where(used, ~empty, -1)
    return _made(parts, np.full(n, ASKED["name all"]))


def by_colour(chance: Random, n: int) -> Lesson:
    """Red letters among others, or green ones."""
    parts, used = _spread(chance, n, 1, 8)
    red = chance.random((n, 1)) < 0.5
    own = np.where(red, COLOUR["red"], COLOUR["green"])
    rival = np.where(red, COLOUR["green"], COLOUR["red"])
    other = np.where(chance.random((n, MOST)) < 0.7, rival, chance.choice([0, 3, 4, 5, 6], (n, MOST)))
    meant = chance.random((n, MOST)) < 0.5
    parts["shape"] = np.where(used, chance.integers(0, 36, (n, MOST)), -1)
    parts["colour"], parts["meant"] = np.where(meant, own, other), np.where(used, meant, -1)
    return _made(parts, np.where(red[:, 0], ASKED["name the red"], ASKED["name the green"]))


def by_kind(chance: Random, n: int) -> Lesson:
    """Letters among digits, or digits among letters; in a stream they all stand in the middle."""
    parts, used = _spread(chance, n, 1, 6)
    stream = chance.random((n, 1)) < 0.6
    letters = chance.random((n, 1)) < 0.5
    meant = chance.random((n, MOST)) < 0.5
    of = np.where(meant == letters, chance.integers(0, 26, (n, MOST)), chance.integers(26, 36, (n, MOST)))
    parts["shape"], parts["meant"] = np.where(used, of, -1), np.where(used, meant, -1)
    parts["place"] = np.where(stream, PLACES // 2, parts["place"])
    parts["frame"] = np.where(stream, np.arange(MOST), 0)
    asked = np.where(letters[:, 0], ASKED["letters among digits"], ASKED["digits among letters"])
    return _made(parts, asked)


def red_vertical(chance: Random, n: int) -> Lesson:
    """Is there a red vertical bar, among green ones, or among red horizontal and green vertical ones?"""
    parts, used = _spread(chance, n, 1, MOST)
    feature = chance.random((n, 1)) < 0.5
    lying = ~feature & (chance.random((n, MOST)) < 0.5)
    there = chance.random(n) < 0.5
    shape = np.where(lying, SHAPE["horizontal"], SHAPE["vertical"])
    colour = np.where(lying, COLOUR["red"], COLOUR["green"])
    meant = np.zeros((n, MOST), bool)
    meant[there, 0] = True
    shape, colour = np.where(meant, SHAPE["vertical"], shape), np.where(meant, COLOUR["red"], colour)
    parts["shape"], parts["colour"] = np.where(used, shape, -1), colour
    parts["meant"] = np.where(used, meant, -1)
    return _made(parts, np.full(n, ASKED["find the red vertical"]), np.where(there, PRESENT, ABSENT))


def two_among_fives(chance: Random, n: int) -> Lesson:
    """Is there a 2 among the 5s?"""
    parts, used = _spread(chance, n, 1, MOST)
    there = chance.random(n) < 0.5
    meant = np.zeros((n, MOST), bool)
    meant[there, 0] = True
    parts["shape"] = np.where(used, np.where(meant, SHAPE["2"], SHAPE["5"]), -1)
    parts["meant"] = np.where(used, meant, -1)
    return _made(parts, np.full(n, ASKED["find the 2"]), np.where(there, PRESENT, ABSENT))


def _flanked(chance: Random, n: int, target: Array, other: Array, asked: str) -> Lesson:
    parts = _blank(n)
    gap = chance.uniform(14, 44, n)
    alone = chance.random(n) < 0.15
    parts["shape"][:, 0] = target
    parts["shape"][:, 1] = parts["shape"][:, 2] = np.where(alone, -1, other)
    parts["meant"][:, 0] = 1
    parts["meant"][:, 1:3] = np.where(alone, -1, 0)[:, None]
    x = np.zeros((n, MOST), np.float32)
    x[:, 1], x[:, 2] = -gap, gap
    return _made(parts, np.full(n, ASKED[asked]), target, (x, np.zeros_like(x)))


def arrows(chance: Random, n: int) -> Lesson:
    """Which way does the arrow in the middle point?"""
    target, other = (chance.integers(SHAPE["left"], SHAPE["right"] + 1, n) for _ in range(2))
    return _flanked(chance, n, target, other, "arrow in the middle")


def flanked_letters(chance: Random, n: int) -> Lesson:
    """Which letter is in the middle?"""
    target, other = (chance.integers(0, 26, n) for _ in range(2))
    return _flanked(chance, n, target, other, "letter in the middle")


def words(chance: Random, n: int) -> Lesson:
    """Words are read in any ink; inks are named of what is no colour word: the conflict is for the laboratory."""
    parts = _blank(n)
    read = chance.random(n) < _READ / (_READ + 1)
    word = SHAPE["RED"] + chance.integers(0, 3, n)
    things = np.stack([np.full(n, SHAPE["XXXX"]), np.full(n, SHAPE["square"]), chance.integers(0, 26, n)])
    thing = things[chance.integers(0, 3, n), np.arange(n)]
    printed = np.where(chance.random(n) < 0.5, COLOUR["white"], chance.integers(0, len(COLOURS), n))
    ink = np.where(read, printed, chance.choice(_INKS, n))
    return _in_ink(parts, np.where(read, word, thing), ink, read)


def inks_of_words(chance: Random, n: int) -> Lesson:
    """Colour words in inks that they do not name, and the ink is asked for: tested, never taught."""
    word = chance.integers(0, 3, n)
    ink = _INKS[(word + chance.integers(1, 3, n)) % 3]
    return _in_ink(_blank(n), SHAPE["RED"] + word, ink, np.zeros(n, bool))


def _in_ink(parts: dict[str, Array], word: Array, ink: Array, read: npt.NDArray[np.bool_]) -> Lesson:
    parts["shape"][:, 0] = parts["shape"][:, 1] = word
    parts["colour"][:, 0] = parts["colour"][:, 1] = ink
    parts["view"][:, 0], parts["view"][:, 1] = INK, FORM
    parts["meant"][:, 0], parts["meant"][:, 1] = ~read, read
    said = len(SHAPES) + np.where(read, COLOUR["red"] + word - SHAPE["RED"], ink)
    parts["place"][:] = PLACES // 2
    return _made(parts, np.where(read, ASKED["read the word"], ASKED["name the ink"]), said)


def squares(chance: Random, n: int) -> Lesson:
    """Coloured squares."""
    parts, used = _spread(chance, n, 1, 8)
    parts["shape"] = np.where(used, SHAPE["square"], -1)
    parts["colour"] = chance.integers(0, len(COLOURS), (n, MOST))
    parts["meant"] = np.where(used, 1, -1)
    return _made(parts, np.full(n, ASKED["name colours"]))


def letters_of_letters(chance: Random, n: int) -> Lesson:
    """Navon's letters: a big one made of small ones."""
    parts = _blank(n)
    big, small = chance.integers(0, 26, n), chance.integers(0, 26, n)
    small = np.where(chance.random(n) < 0.3, big, small)
    far = chance.random(n) < 0.5
    parts["shape"][:, 0], parts["shape"][:, 1] = big, small
    parts["view"][:, 0], parts["view"][:, 1] = FAR, NEAR
    parts["meant"][:, 0], parts["meant"][:, 1] = far, ~far
    parts["place"][:] = PLACES // 2
    asked = np.where(far, ASKED["global letter"], ASKED["local letter"])
    return _made(parts, asked, np.where(far, big, small))


def one_at_a_time(chance: Random, n: int) -> Lesson:
    """Go unless it is an X, or a 3; is it a 0?"""
    parts = _blank(n)
    kind = chance.integers(0, 3, n)
    stop = np.array([SHAPE["X"], SHAPE["3"], SHAPE["0"]])[kind]
    some = np.where(kind == 0, chance.integers(0, 26, n), chance.integers(26, 36, n))
    shape = np.where(chance.random(n) < 0.4, stop, some)
    there = np.where(kind == 2, shape == stop, shape != stop)
    parts["shape"][:, 0], parts["meant"][:, 0] = shape, 1
    parts["place"][:] = PLACES // 2
    asked = np.array([ASKED["go unless X"], ASKED["go unless 3"], ASKED["signal is 0"]])[kind]
    return _made(parts, asked, np.where(there, PRESENT, ABSENT))


def sides(chance: Random, n: int) -> Lesson:
    """A square at the left or at the right, one of which was cued."""
    parts = _blank(n)
    left, at_left = (chance.random(n) < 0.5 for _ in range(2))
    both = chance.random(n) < 0.3
    parts["shape"][:, 0] = SHAPE["square"]
    parts["shape"][:, 1] = np.where(both, SHAPE["square"], -1)
    parts["place"][:, 0] = np.where(at_left, 10, 14)
    parts["place"][:, 1] = np.where(at_left, 14, 10)
    parts["meant"][:, 0] = at_left == left
    parts["meant"][:, 1] = np.where(both, at_left != left, -1)
    return _made(parts, np.where(left, ASKED["detect at the left"], ASKED["detect at the right"]))


#: What is tested beside what is taught.
UNTAUGHT: tuple[tuple[Callable[[Random, int], Lesson], int], ...] = ((inks_of_words, 6),)
#: Each kind, and how many displays of it a step shows.
KINDS: tuple[tuple[Callable[[Random, int], Lesson], int], ...] = (
    (report, 10), (by_colour, 5), (by_kind, 5), (red_vertical, 4), (two_among_fives, 4), (arrows, 4),
    (flanked_letters, 6), (words, 6), (squares, 2), (letters_of_letters, 5), (one_at_a_time, 4), (sides, 2),
)  # fmt: skip


def joined(lessons: list[Lesson]) -> Lesson:
    """Several kinds as one batch."""
    scenes = [one.scene for one in lessons]
    names = ("shape", "colour", "x", "y", "instruction", "view", "frame")
    scene = Scene(*(np.concatenate([getattr(s, name) for s in scenes]) for name in names))
    return Lesson(
        scene, np.concatenate([one.meant for one in lessons]), np.concatenate([one.answer for one in lessons])
    )
