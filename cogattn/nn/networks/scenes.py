"""Displays as pixels: letters, digits, arrows, bars, squares and words in real fonts, under an instruction.

A `Scene` says what is where, for many trials at once; `draw` makes of each element the little picture that an eye at
its place would take in (`CROP` px of a canvas of `SIDE` px, neighbours included), and where it seems to be. A picture
is a pure function of the trial's key: font, size, tilt, contrast, ground, noise and where the eye rests are drawn from
it. Fonts are those that matplotlib ships: networks are taught with `TAUGHT`, experiments and tests show `HELD_OUT`.

>>> scene = row_of(np.array([[SHAPE["A"], SHAPE["B"]]]))
>>> pictures, where = draw(scene, np.arange(1, dtype=np.uint64))
>>> pictures.shape, where.shape
((1, 2, 32, 32, 3), (1, 2, 2))
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cogattn.compiled import compiled

Array = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Keys = npt.NDArray[np.uint64]

SIDE, CROP, PITCH, GRID = 120, 32, 20, 5  #: px of the canvas, of a picture, between places; places in a row
PLACES = GRID * GRID
WORDS = ("RED", "GREEN", "BLUE", "XXXX")
#: What an element can be; the last is nothing that has a name.
SHAPES = (
    *string.ascii_uppercase,
    *string.digits,
    "left",
    "right",
    "vertical",
    "horizontal",
    "square",
    *WORDS,
)
SHAPE = {name: i for i, name in enumerate(SHAPES)}
NOTHING = len(SHAPES)
COLOURS = ("white", "red", "green", "blue", "yellow", "magenta", "cyan")
COLOUR = {name: i for i, name in enumerate(COLOURS)}
_RGB = np.array(
    [(1, 1, 1), (1, 0.15, 0.15), (0.1, 0.85, 0.1), (0.25, 0.4, 1), (0.95, 0.9, 0.1), (0.95, 0.2, 0.9),
     (0.1, 0.85, 0.9)],
    np.float32,
)  # fmt: skip
#: How an element is looked at: whole, its colour alone, its form alone, from far, from near.
WHOLE, INK, FORM, FAR, NEAR = range(5)
VIEWS = 5

#: What may be asked: the words of an instruction, a number each.
INSTRUCTIONS = (
    "name all", "name the red", "name the green", "letters among digits", "digits among letters",
    "find the red vertical", "find the 2", "arrow in the middle", "letter in the middle", "name the ink",
    "read the word", "name colours", "global letter", "local letter", "go unless X", "go unless 3",
    "signal is 0", "detect at the left", "detect at the right",
)  # fmt: skip
ASKED = {name: i for i, name in enumerate(INSTRUCTIONS)}

_TTF = "fonts/ttf"
TAUGHT = (
    "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique", "DejaVuSansMono",
    "DejaVuSansMono-Bold", "DejaVuSansMono-Oblique", "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic",
    "cmr10", "cmss10", "cmb10",
)  # fmt: skip
HELD_OUT = ("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "cmtt10")
_ARROWS = {
    "taught": ("DejaVuSans", "DejaVuSansMono", "DejaVuSans-Bold"),
    "held out": ("STIXGeneral", "STIXGeneralBol"),
}
_ARROW_SIGNS = {"left": "\u2190", "right": "\u2192"}
SIZES = (15, 16, 17, 18, 19)  # px of the letters' em
_WORD_SIZES, _SMALL = (13, 14, 15), 13
#: Taught fonts are bent: so many ways of width, height, slant and stroke, as no two hands or prints are alike.
HANDS = 16
_FINE = 3  # a bent letter is drawn so many times larger, then made small
_TILTS = (-6, 0, 6)
_CANVAS = SIDE + CROP
_GAZE = 4.0  #: sd of where the eye rests, px: a quarter of a letter


@dataclass(frozen=True)
class Scene:
    """What is where in n trials of E elements; shape -1 = there is none."""

    shape: Array  # (n, E) of SHAPES
    colour: Array  # (n, E) of COLOURS
    x: Floats  # (n, E) px from the middle
    y: Floats
    instruction: Array  # (n,)
    view: Array  # (n, E)
    frame: Array  # (n, E): which canvas of the trial

    @property
    def here(self) -> npt.NDArray[np.bool_]:
        """Which elements there are."""
        return self.shape >= 0


def place_of(places: Array) -> tuple[Floats, Floats]:
    """Places of the grid in px from the middle."""
    half = (GRID - 1) / 2
    return ((places % GRID - half) * PITCH).astype(np.float32), ((places // GRID - half) * PITCH).astype(
        np.float32
    )


def row_of(
    shape: Array, colour: Array | None = None, instruction: str = "name all", gap: float = PITCH
) -> Scene:
    """Elements side by side around the middle."""
    n, many = shape.shape
    x = np.broadcast_to(((np.arange(many) - (many - 1) / 2) * gap).astype(np.float32), (n, many))
    zero = np.zeros((n, many), np.int64)
    return Scene(
        shape, zero if colour is None else colour, x, np.zeros((n, many), np.float32),
        np.full(n, ASKED[instruction]), zero, zero,
    )  # fmt: skip


# -- glyphs ----------------------------------------------------------------------------------------------------------


@cache
def _face(font: str, size: int) -> Any:
    """A font of matplotlib at a size."""
    import matplotlib
    from PIL import ImageFont

    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / _TTF / f"{font}.ttf"), size)


@lru_cache(maxsize=1)
def _hands() -> npt.NDArray[np.float64]:
    """(HANDS, 5): width, height, slant, stroke, tilt; the first leaves a font as it is."""
    chance = np.random.Generator(np.random.PCG64(23))
    return chance.uniform((0.75, 0.85, -0.3, -1.0, -6.0), (1.15, 1.12, 0.3, 1.0, 6.0), (HANDS, 5))


@lru_cache(maxsize=40000)
def _bent(text: str, font: str, size: int, hand: int) -> Floats:
    """A text as a mask, bent as one of the hands bends it."""
    from PIL import Image, ImageDraw, ImageFilter

    wide, high, slant, stroke, tilt = _hands()[hand]
    face = _face(font, size * _FINE)
    box = face.getbbox(text)
    pad = 5 * _FINE
    w, h = int(box[2] - box[0]) + 2 * pad, int(box[3] - box[1]) + 2 * pad
    image = Image.new("L", (w, h))
    bold = int(stroke > 0.3)
    ImageDraw.Draw(image).text((pad - box[0], pad - box[1]), text, fill=255, font=face, stroke_width=bold)
    if stroke < -0.6:
        image = image.filter(ImageFilter.MinFilter(3))
    across = max(1, round((w * wide + abs(slant) * h * high) / _FINE))
    down = max(1, round(h * high / _FINE))
    # from a pixel of the small picture to that of the large one
    a, e = _FINE / wide, _FINE / high
    b = slant * a
    shift = w / 2 - a * across / 2 - b * down / 2, h / 2 - e * down / 2
    size_ = across * 2, down * 2  # made small by halves, so that no stroke is lost between pixels
    image = image.transform(
        size_, Image.Transform.AFFINE, (a / 2, b / 2, shift[0], 0, e / 2, shift[1]), Image.Resampling.BILINEAR
    )
    image = image.rotate(float(tilt), resample=Image.Resampling.BILINEAR)
    return np.asarray(image.reduce(2), np.float32) / 255.0


@lru_cache(maxsize=20000)
def _glyph(text: str, font: str, size: int, tilt: int, hand: int = 0) -> Floats:
    """A text as a mask of its own size, 0 to 1."""
    from PIL import Image, ImageDraw

    if hand:
        return _bent(text, font, size, hand)
    face = _face(font, size)
    box = face.getbbox(text)
    w, h = int(box[2] - box[0]) + 8, int(box[3] - box[1]) + 8
    image = Image.new("L", (w, h))
    ImageDraw.Draw(image).text((4 - box[0], 4 - box[1]), text, fill=255, font=face)
    if tilt:
        image = image.rotate(tilt, resample=Image.Resampling.BILINEAR)
    return np.asarray(image, np.float32) / 255.0


@lru_cache(maxsize=4000)
def _bar(name: str, length: int, width: int, tilt: int) -> Floats:
    from PIL import Image

    mask = np.zeros((length + 6, length + 6), np.float32)
    a, b = (length + 6 - width) // 2, (length + 6 - width) // 2 + width
    mask[3:-3, a:b] = 255
    mask = mask.T if name == "horizontal" else mask
    image = Image.fromarray(mask.astype(np.uint8)).rotate(tilt, resample=Image.Resampling.BILINEAR)
    return np.asarray(image, np.float32) / 255.0


def _mask(
    name: str,
    font: str,
    arrows: str,
    size: int,
    u: npt.NDArray[np.float64],
    hand: int = 0,
    small: bool = False,
) -> Floats:
    """The form of an element."""
    tilt = _TILTS[int(u[0] * 3)]
    if name in _ARROW_SIGNS:
        return _glyph(_ARROW_SIGNS[name], arrows, size, tilt, hand)
    if name in WORDS:
        return _glyph(name, font, _WORD_SIZES[int(u[1] * len(_WORD_SIZES))], 0, hand)
    if name in ("vertical", "horizontal"):
        return _bar(name, 9 + int(u[1] * 6), 3 + int(u[2] * 2), tilt)
    if name == "square":
        side = 9 + int(u[1] * 5)
        return np.pad(np.ones((side, side), np.float32), 1)
    return _glyph(name, font, _SMALL if small else size, 0 if small else tilt, hand)


@lru_cache(maxsize=1)
def _noise() -> Floats:
    """One field of noise, of which every display takes a part."""
    return np.random.Generator(np.random.PCG64(17)).standard_normal((640, 640, 3), np.float32)


def _stamp(canvas: Floats, mask: Floats, x: float, y: float, ink: Floats) -> None:
    """A form on the canvas, its middle at x, y; what lies outside is cut off."""
    h, w = mask.shape
    top, left = round(y - h / 2), round(x - w / 2)
    a, b = max(0, top), min(canvas.shape[0], top + h)
    c, d = max(0, left), min(canvas.shape[1], left + w)
    if a >= b or c >= d:
        return
    _cover(canvas, mask, top, left, a, b, c, d, ink)


@compiled
def _cover(canvas, mask, top, left, a, b, c, d, ink):  # type: ignore[no-untyped-def]
    """The ink on these rows and columns of the canvas, as far as the mask covers each."""
    for y in range(a, b):
        for x in range(c, d):
            m = mask[y - top, x - left]
            for k in range(3):
                part = canvas[y, x, k]
                canvas[y, x, k] = part + (ink[k] - part) * m


@compiled
def _take(canvas, a, b, noise, c, d, sd, out):  # type: ignore[no-untyped-def]
    """The bytes of a picture: the canvas from a, b on, and noise from c, d on."""
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            for k in range(3):
                light = np.float64(noise[c + y, d + x, k]) * sd + np.float64(canvas[a + y, b + x, k])
                out[y, x, k] = np.uint8(min(max(light, 0.0), 1.0) * 255.0)


def draw(
    scene: Scene, keys: Keys, fonts: str = "held out", contrast: tuple[float, float] = (0.5, 1.0)
) -> tuple[npt.NDArray[np.uint8], Floats]:
    """The pictures (n, E, CROP, CROP, 3) and where each element seems to be (n, E, 2) px, pure, trial by trial."""
    n, many = scene.shape.shape
    out = np.zeros((n, many, CROP, CROP, 3), np.uint8)
    where = np.zeros((n, many, 2), np.float32)
    faces = TAUGHT if fonts == "taught" else HELD_OUT
    canvas = np.empty((_CANVAS, _CANVAS, 3), np.float32)
    noise, half = _noise(), _CANVAS / 2
    corners = (
        np.rint(np.stack([scene.y, scene.x], -1) + (half - CROP // 2))
        .astype(int)
        .clip(0, _CANVAS - CROP)
        .tolist()
    )
    for i in range(n):
        chance = np.random.Generator(np.random.PCG64(int(keys[i])))
        u, own, gaze = chance.random(8), chance.random((many, 6)), _GAZE * chance.standard_normal((many, 2))
        views, frames = scene.view[i].tolist(), scene.frame[i].tolist()
        names = [SHAPES[s] if 0 <= s < NOTHING else "" for s in scene.shape[i].tolist()]
        here = np.flatnonzero(scene.shape[i] >= 0).tolist()
        font, arrows = faces[int(u[0] * len(faces))], _ARROWS[fonts][int(u[1] * len(_ARROWS[fonts]))]
        size = SIZES[int(u[2] * len(SIZES))]
        hand = int(u[6] * HANDS) if fonts == "taught" else 0
        ground, sd = 0.05 + 0.35 * u[3], 0.02 + 0.08 * u[5]
        strength = contrast[0] + (contrast[1] - contrast[0]) * u[4]
        xs = (scene.x[i] + 2.0 * own[:, 4] - 1.0 + half).tolist()
        ys = (scene.y[i] + 2.0 * own[:, 5] - 1.0 + half).tolist()
        inks = (ground + strength * (0.75 + 0.25 * own[:, 3:4]) * (_RGB[scene.colour[i]] - ground)).astype(
            np.float32
        )
        for frame in dict.fromkeys(frames[e] for e in here):
            canvas.fill(ground)
            members = [e for e in here if frames[e] == frame]
            for e in members:
                if views[e] == FAR:  # a big letter made of small ones
                    _big(canvas, names[e], names[e + 1], font, arrows, own[e], inks[e], hand)
                elif views[e] == INK:  # a word in ink: its form is the element after it
                    word = names[e + 1] if e + 1 in members and views[e + 1] == FORM else names[e]
                    _stamp(canvas, _mask(word, font, arrows, size, own[e], hand), xs[e], ys[e], inks[e])
                elif views[e] == WHOLE and names[e]:
                    _stamp(canvas, _mask(names[e], font, arrows, size, own[e], hand), xs[e], ys[e], inks[e])
            da, db = (int(own[0, 0] * 480) + 37 * frame) % 480, (int(own[0, 1] * 480) + 61 * frame) % 480
            for e in members:
                if views[e] not in (FAR, INK, FORM):
                    a, b = corners[i][e]
                    _take(canvas, a, b, noise, da + a, db + b, sd, out[i, e])
                elif views[e] == FAR:
                    wide = canvas + sd * noise[da : da + _CANVAS, db : db + _CANVAS]
                    c = _CANVAS // 2 - 48
                    out[i, e] = _bytes(wide[c : c + 96, c : c + 96].reshape(CROP, 3, CROP, 3, 3).mean((1, 3)))
                else:  # a word is two places wide: its picture is squeezed
                    a, b = corners[i][e]
                    b = min(max(b - CROP // 2, 0), _CANVAS - 2 * CROP)
                    wide = (
                        canvas[a : a + CROP, b : b + 2 * CROP]
                        + sd * (noise[da + a : da + a + CROP, db + b : db + b + 2 * CROP])
                    )
                    out[i, e] = _bytes(wide.reshape(CROP, CROP, 2, 3).mean(2))
        where[i] = gaze[frames]
    where[..., 0] += scene.x
    where[..., 1] += scene.y
    return out, where


def _bytes(light: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """Light as the bytes of a picture, as `_take` has them."""
    return (np.clip(light, 0.0, 1.0) * 255.0).astype(np.uint8)


def _big(
    canvas: Floats,
    big: str,
    small: str,
    font: str,
    arrows: str,
    u: npt.NDArray[np.float64],
    ink: Floats,
    hand: int,
) -> None:
    """Navon's letter: a big one of small ones, 7 by 7 cells of 13 px."""
    from PIL import Image

    mask = _glyph(big, font, 60, 0, hand)
    rows, columns = (np.flatnonzero(mask.max(axis) > 0.3) for axis in (1, 0))
    tight = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    cells = (
        np.asarray(Image.fromarray((tight * 255).astype(np.uint8)).resize((7, 7), Image.Resampling.BOX)) > 100
    )
    cells[3, 3] = True  # one stands in the middle, where the near look rests
    form = _mask(small, font, arrows, _SMALL, u, hand, True)
    for r, c in np.argwhere(cells):
        _stamp(canvas, form, _CANVAS / 2 + (c - 3) * 13, _CANVAS / 2 + (r - 3) * 13, ink)
