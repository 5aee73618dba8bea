"""What each paradigm puts on the screen, for a network that looks at pixels: elements, where they are, what is asked.

One entry per kind (`Paradigm.pixels` names it), in the order of its stream's elements. What is random in a display
hangs on the trial's key alone, so that all arms see the same pictures. `KNOWN` and `CALLS` name the kinds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cogattn.errors import InputError
from cogattn.mind.draws import LAYOUT, trial_keys, uniforms
from cogattn.nn.networks.registry import looks
from cogattn.nn.networks.scene_lessons import ABSENT, PRESENT
from cogattn.nn.networks.scenes import (
    ASKED,
    COLOUR,
    COLOURS,
    FAR,
    FORM,
    INK,
    NEAR,
    PITCH,
    PLACES,
    SHAPE,
    SHAPES,
    Scene,
    place_of,
)
from cogattn.paradigms import Condition

Array = npt.NDArray[Any]

LETTERS, DIGITS = np.arange(26), np.arange(26, 36)
INKS = np.array([COLOUR["red"], COLOUR["green"], COLOUR["blue"]])
_SAID = len(SHAPES) + INKS  # the decisions about inks and words
WORDS = np.array([SHAPE["RED"], SHAPE["GREEN"], SHAPE["BLUE"]])
_FIRST = 1 << 22  # the first of a display's chances at LAYOUT
#: Navon's large and small letters: two that are answered, one that is not.
_NAVON = np.array([SHAPE["H"], SHAPE["S"], SHAPE["O"]])


@dataclass(frozen=True)
class Shown:
    """What is shown in n trials, and what it is for.

    `kind`: "names" (elements are named), "decides" (the first element of the stream is told, others speak too),
    "finds" (is the target among them?), "calls" (is it the signal?). `options` (n, elements, answers): of each element
    of the scene, which category speaks for which answer; `ink`: of those, which are colours. `label`: the right
    category of each. `answers`: which decisions are allowed ("finds", "calls": absent, present).
    """

    scene: Scene
    kind: str
    options: tuple[Array, ...]  # answer k: the categories (elements,) of each element that speak for it
    ink: Array  # (elements,): which elements are told by their colour
    label: Array  # (n, elements): the index of the right option
    right: Array  # (n,): the index of the right answer
    answers: Array = field(default_factory=lambda: np.zeros(0, np.int64))  # of ANSWERS, which the task allows

    def only(self, rows: Any) -> Shown:
        """These trials."""
        s = self.scene
        parts = (getattr(s, f)[rows] for f in ("shape", "colour", "x", "y", "instruction", "view", "frame"))
        return replace(self, scene=Scene(*parts), label=self.label[rows], right=self.right[rows])


def _chance(keys: Array, n: int, first: int = 0) -> Array:
    return uniforms(keys[:, None], LAYOUT, _FIRST + first + np.arange(n))


def _some(keys: Array, n: int, of: Array, first: int = 0) -> Array:
    """n different ones of these."""
    return of[np.argsort(_chance(keys, len(of), first), axis=1)[:, :n]]


def _places(keys: Array, n: int) -> tuple[Array, Array]:
    return place_of(_some(keys, n, np.arange(PLACES), 1000))


def _scene(shape: Array, asked: str, xy: Any = None, **parts: Array) -> Scene:
    n = len(shape)
    zero = np.zeros(shape.shape, np.int64)
    x, y = (np.zeros(shape.shape, np.float32),) * 2 if xy is None else xy
    parts = {
        name: np.broadcast_to(parts.get(name, zero), shape.shape) for name in ("colour", "view", "frame")
    }
    return Scene(shape, parts["colour"], x, y, np.full(n, ASKED[asked]), parts["view"], parts["frame"])


def _named(scene: Scene, options: Array, label: Array, ink: bool = False) -> Shown:
    """Elements that are named: each as one of these categories."""
    many = scene.shape.shape[1]
    of = tuple(np.full(many, k) for k in options)
    where = np.argmax(label[..., None] == options, -1)
    return Shown(scene, "names", of, np.full(many, ink), where, np.zeros(len(label), np.int64))


def report(targets: int, distractors: int, keys: Array) -> Shown:
    """Letters in a flash: all of them, or the red ones among green ones."""
    n = targets + distractors
    shape = _some(keys, n, LETTERS)
    hue = np.where(np.arange(n) < targets, COLOUR["red"], COLOUR["green"])
    scene = _scene(shape, "name the red" if distractors else "name all", _places(keys, n), colour=hue)
    return _named(scene, LETTERS, shape)


def _report(_: Any, condition: Condition, keys: Array) -> Shown:
    return report(int(condition["targets"]), int(condition["distractors"]), keys)


def _blink(paradigm: Any, condition: Condition, keys: Array) -> Shown:
    """Letters among digits, one frame each, in the middle."""
    wanted = np.array([s.name in ("T1", "T2") for s in paradigm.trial(condition).stimuli])
    n = len(wanted)
    digits = DIGITS[(_chance(keys, n, 100) * 10).astype(int)]
    letters = np.zeros_like(digits)
    letters[:, :2] = _some(keys, 2, LETTERS)
    shape = np.where(wanted, letters, digits)
    scene = _scene(shape, "letters among digits", frame=np.arange(n))
    return _named(scene, LETTERS, letters)


def _squares(_: Any, condition: Condition, keys: Array) -> Shown:
    """Coloured squares."""
    n = int(condition["set_size"])
    colour = (_chance(keys, n) * len(COLOURS)).astype(np.int64)
    shape = np.full((len(keys), n), SHAPE["square"])
    return _named(
        _scene(shape, "name colours", _places(keys, n), colour=colour), np.arange(len(COLOURS)), colour, True
    )


def search(display: str, n: int, present: bool, keys: Array) -> Shown:
    """A red vertical among green ones, or among red horizontal and green vertical ones; a 2 among 5s."""
    zero = np.zeros((len(keys), n), np.int64)
    there, found = np.full(len(keys), int(present)), np.arange(n) == (0 if present else -1)
    if display == "spatial_2v5":
        shape = np.where(found, SHAPE["2"], SHAPE["5"]) + zero
        scene = _scene(shape, "find the 2", _places(keys, n))
        options: Any = (np.full(n, SHAPE["5"]), np.full(n, SHAPE["2"]))
        return Shown(scene, "finds", options, np.zeros(n, bool), found + zero, there)
    lying = (display == "conjunction") & (np.arange(n) % 2 == 1) & ~found
    shape = np.where(lying, SHAPE["horizontal"], SHAPE["vertical"]) + zero
    colour = np.where(lying | found, COLOUR["red"], COLOUR["green"])
    scene = _scene(shape, "find the red vertical", _places(keys, n), colour=colour)
    return Shown(scene, "finds", (), np.zeros(n, bool), found + zero, there)


def _search(_: Any, condition: Condition, keys: Array) -> Shown:
    return search(str(condition["display"]), int(condition["set_size"]), bool(condition["present"]), keys)


def flanked(congruence: int, keys: Array, gap: float = PITCH, alone: bool = False) -> Shown:
    """An arrow in the middle of two others (neutral: bars), a place of the grid away: no arrow touches another."""
    right = (_chance(keys, 1)[:, 0] * 2).astype(np.int64)
    arrows = np.array([SHAPE["left"], SHAPE["right"]])
    other = arrows[right ^ (congruence < 0)] if congruence else np.full(len(keys), SHAPE["horizontal"])
    shape = np.stack([arrows[right], other, other], 1)
    shape[:, 1:] = np.where(alone, -1, shape[:, 1:])
    x = np.broadcast_to(np.array([0, -gap, gap], np.float32), shape.shape)
    scene = _scene(shape, "arrow in the middle", (x, np.zeros_like(x)))
    label = np.stack([right] * 3, 1)
    return Shown(
        scene, "decides", tuple(np.full(3, k) for k in arrows), np.zeros(3, bool), label, right, arrows
    )


def _flanker(paradigm: Any, condition: Condition, keys: Array) -> Shown:
    return flanked(int(condition["congruence"]), keys, alone=paradigm.weight == 0)


def coloured_word(congruence: int, keys: Array, asked: str = "name the ink") -> Shown:
    """A word in ink, of which one is told (neutral: XXXX in ink, a word in white)."""
    ink = (_chance(keys, 1)[:, 0] * 3).astype(np.int64)
    other = (ink + 1 + (_chance(keys, 1, 7)[:, 0] * 2).astype(np.int64)) % 3
    word, hue = WORDS[ink if congruence > 0 else other], INKS[ink]
    if congruence == 0 and asked == "name the ink":
        word = np.full(len(keys), SHAPE["XXXX"])
    elif congruence == 0:
        hue = np.full(len(keys), COLOUR["white"])
    shape, view = np.stack([word, word], 1), np.array([INK, FORM])
    scene = _scene(shape, asked, colour=np.stack([hue] * 2, 1), view=view)
    options = tuple(np.array([INKS[k], WORDS[k]]) for k in range(3))
    named = ink if asked == "name the ink" else np.where(congruence > 0, ink, other)
    return Shown(scene, "decides", options, np.array([True, False]), np.stack([named] * 2, 1), named, _SAID)


def _stroop(_: Any, condition: Condition, keys: Array) -> Shown:
    return coloured_word(int(condition["congruence"]), keys)


def _navon(_: Any, condition: Condition, keys: Array) -> Shown:
    """A large letter of small ones: an H or an S is told, at one level; the other level says the same, or not."""
    far, k = int(condition["level"]) == 1, int(condition["congruence"])
    right = (_chance(keys, 1)[:, 0] * 2).astype(np.int64)
    other = _NAVON[np.full(len(keys), 2) if k == 0 else (right ^ (k < 0))]
    told = _NAVON[right]
    shape = np.stack([told, other] if far else [other, told], 1)
    scene = _scene(shape, "global letter" if far else "local letter", view=np.array([FAR, NEAR]))
    options = tuple(np.full(2, c) for c in _NAVON[:2])
    return Shown(scene, "decides", options, np.zeros(2, bool), np.stack([right] * 2, 1), right, _NAVON[:2])


def _letters(paradigm: Any, condition: Condition, keys: Array) -> Shown:
    """A block of n-back letters, one frame each, in the middle."""

    class Block:
        @staticmethod
        def chance(stream: int, n: int, first: int = 0) -> Array:
            return uniforms(keys[:, None], stream, first + np.arange(n))

    letters, _ = paradigm.sequence(condition, Block)
    shape = NBACK[letters]
    scene = _scene(shape, "name all", frame=np.arange(shape.shape[1]))
    return _named(scene, LETTERS, shape)


#: The letters of an n-back.
NBACK = np.array([SHAPE[c] for c in "BFKHMQRX"])


def signals(keys: Array, signal: Array, go: bool) -> Shown:
    """One at a time: an X is not to be answered (go), or a 0 is (else)."""
    stop = SHAPE["X"] if go else SHAPE["0"]
    of = np.setdiff1d(LETTERS if go else DIGITS, [stop])
    other = of[(_chance(keys, 1)[:, 0] * len(of)).astype(int)]
    shape = np.where(signal, stop, other)[:, None]
    scene = _scene(shape, "go unless X" if go else "signal is 0")
    yes = np.array([PRESENT, ABSENT] if go else [ABSENT, PRESENT])  # no signal, signal
    signal = signal.astype(np.int64)
    return Shown(scene, "calls", (), np.zeros(1, bool), signal[:, None], signal, yes)


#: Kind: what makes its displays. Those of calls are made from what each trial of the session calls for.
KNOWN: dict[str, Callable[[Any, Condition, Array], Shown]] = {
    "letters": _report,
    "stream": _blink,
    "squares": _squares,
    "search": _search,
    "arrows": _flanker,
    "words": _stroop,
    "levels": _navon,
    "letter after letter": _letters,
}
CALLS = {"go": True, "watch": False}
#: Their elements come one after the other, in the middle: there may be more than places.
_STREAMS = ("stream", "letter after letter")

_PLAIN = 256  # displays of the target alone


def plain(pixels: str, condition: Condition, shown: Shown) -> Shown | None:
    """The target alone, or beside what says nothing: what the task's own rate belongs to. None: nothing is decided."""
    if shown.kind not in ("decides", "calls"):
        return None
    keys = trial_keys(1, np.arange(_PLAIN), 2**29)
    if shown.kind == "calls":
        return signals(keys, np.arange(_PLAIN) % 2 == 0, CALLS[pixels])
    if pixels == "arrows":
        return flanked(0, keys, alone=True)
    made = KNOWN[pixels]
    return made(None, dict(condition) | {"congruence": 0}, keys)


def room_for(paradigm: Any) -> None:
    """A display has only so many places."""
    if paradigm.pixels in KNOWN and paradigm.pixels not in _STREAMS:
        for condition in paradigm.conditions():
            n = len(paradigm.stream(condition).stimuli)
            if n > PLACES:
                raise InputError(f"a display of pixels has {PLACES} places, {paradigm.name} asks for {n}")


def seen_by(network: object, paradigm: Any) -> bool:
    """Is this network shown the pixels of this paradigm? Where there are none it reads as any reader does."""
    return looks(network) and (paradigm.pixels in KNOWN or paradigm.pixels in CALLS)
