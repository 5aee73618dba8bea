"""Texts that people wrote, with a verdict on each: read from a folder or a dataset, cut into sentences, words, numbers.

A folder is laid out as the film reviews of Maas et al. 2011 (ACL 49:142; "IMDB") are: `train/pos`, `train/neg`,
`test/pos`, `test/neg`, one text per file; or `pos` and `neg` alone, of which a fifth is then held out. Nothing is
passed over in silence: what cannot be read is an error, what is left out or cut is counted in a `TextWarning`.

>>> sentences("Dr. Who was fun. The plot? Don't ask!")
['Dr. Who was fun.', 'The plot?', "Don't ask!"]
>>> words("Don't ask, it's 9/10!")
["don't", 'ask', ',', "it's", '9', '10', '!']
>>> Vocabulary(("the", "plot")).numbers(["the", "end"])
[2, 1]
"""

from __future__ import annotations

import re
import warnings
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cogattn.encodings import encoding_of
from cogattn.errors import InputError, needs, shown, whole
from cogattn.nn.chinese import HAN

LONGEST = 100_000  #: characters of a text that are read
HELD_OUT = 5  #: one text in so many is held out where no test set is given
CLASSES = ("neg", "pos")  #: folder names; a label is a place here

_BREAK = re.compile(r"<br\s*/?>|\n\s*\n", re.I)  # IMDB's files came from HTML
_SHORT = "".join(
    rf"(?<!\b{re.escape(word)}\.)" for word in ("Mr", "Mrs", "Ms", "Dr", "St", "vs", "etc", "e.g", "i.e")
)
_END = re.compile(
    rf"(?<=[.!?])[\"')\]]*{_SHORT}\s+|\x00|(?<=[。！？])(?![。！？”’」』）])|(?<=[。！？][”’」』）])"
)
_WORD = re.compile(rf"[{HAN}]|(?:(?![{HAN}])[^\W_])+(?:['’](?:(?![{HAN}])[^\W_])+)*|[,;:!?，；：！？、]")
_SAYS = re.compile(r"[^\W_]")  # a text that says something

NOTHING, UNKNOWN = 0, 1  #: numbers of no word and of one that is not in the vocabulary


class TextWarning(UserWarning):
    """Some texts were left out, or read in part."""


class Texts(NamedTuple):
    """Texts and the verdict on each: 1 = positive, 0 = negative."""

    texts: list[str]
    labels: npt.NDArray[np.int64]


# ----------------------------------------------------------------------------------------------------- reading


def load_folder(path: str | Path) -> tuple[Texts, Texts]:
    """(to train on, held out): what a folder has in `pos` and `neg`, or in those of `train` and `test`."""
    path = Path(path)
    if not path.is_dir():
        raise InputError(
            f"data must be a folder with pos/ and neg/, or with train/ and test/, got {shown(str(path))}"
        )
    if not (path / "train").is_dir():
        return _held_out(_read(path))
    if not (path / "test").is_dir():
        return _held_out(_read(path / "train"))
    return _read(path / "train"), _read(path / "test")


def load_dataset(name: str) -> tuple[Texts, Texts]:
    """(to train on, held out): a dataset of the Hugging Face hub (or its folder) by name, through its library.

    It needs a column of texts (text, sentence, review, content) and one of labels 0 and 1 (label, labels, sentiment).
    """
    library = needs("datasets", "huggingface")
    try:
        parts = library.load_dataset(name)
    except Exception as error:  # the library and what it stands on raise a dozen kinds here
        said = (str(error).splitlines() or [""])[0]
        raise InputError(
            f"cannot load the dataset {name!r} (no such name, or no network): {type(error).__name__}: {said}"
        ) from None
    if "train" not in parts:
        raise InputError(f"dataset {name!r} must have a part named train, it has {', '.join(parts)}")
    train = _columns(name, parts["train"])
    for part in ("test", "validation"):
        if part not in parts:
            continue
        if set(parts[part][_named(name, parts[part], _LABELS)]) <= {0, 1}:
            return train, _columns(name, parts[part])
        warnings.warn(TextWarning(f"{part} of {name!r} has no labels 0 and 1 and is not used"), stacklevel=2)
    return _held_out(train)


_TEXTS, _LABELS = ("text", "sentence", "review", "content"), ("label", "labels", "sentiment")


def _named(name: str, table: Any, known: Sequence[str]) -> str:
    for column in known:
        if column in table.column_names:
            return column
    raise InputError(
        f"dataset {name!r} must have a column {' or '.join(known)}, it has {', '.join(table.column_names)}"
    )


def _columns(name: str, table: Any) -> Texts:
    texts, labels = (list(table[_named(name, table, known)]) for known in (_TEXTS, _LABELS))
    if not set(labels) <= {0, 1}:
        raise InputError(
            f"labels of dataset {name!r} must be 0 and 1, got {sorted(set(labels), key=str)[:5]}"
        )
    if not all(isinstance(text, str) for text in texts):
        raise InputError(f"texts of dataset {name!r} must all be texts; some are not")
    return _whole(f"dataset {name!r}", texts, labels)


def _read(folder: Path) -> Texts:
    """All texts of `pos` and `neg`, by file name."""
    texts: list[str] = []
    labels: list[int] = []
    unread, cut = [], []
    for label, name in enumerate(CLASSES):
        paths = sorted((folder / name).glob("*.txt"))
        if not paths:
            raise InputError(f"{folder} must hold pos/ and neg/ with .txt files in each, {name}/ has none")
        for path in paths:
            try:
                text = _text(path)
            except UnicodeDecodeError:
                unread.append(path)
                continue
            except OSError as error:
                raise InputError(f"cannot read {path}: {error.strerror}") from None
            if len(text) > LONGEST:
                cut.append(path)
            texts.append(text[:LONGEST])
            labels.append(label)
    _warn(unread, "not UTF-8, UTF-16 or GB 18030 and left out: convert to UTF-8")
    _warn(cut, f"longer than {LONGEST:,} characters, of which the first are read")
    return _whole(str(folder), texts, labels)


def _text(path: Path) -> str:
    """What a file says, at most a letter more than is read: in UTF-8, UTF-16 or Chinese Windows' letters."""
    with path.open("rb") as file:
        start = file.read(1 << 16)
    encoding = encoding_of(start)
    if encoding in (None, "latin-1"):  # which it is cannot be told
        encoding = "utf-8"
    with path.open(encoding=encoding) as file:
        return file.read(LONGEST + 1).removeprefix("\ufeff")


def _whole(where: str, texts: list[str], labels: list[int]) -> Texts:
    """The texts that say something; both verdicts must be among them."""
    said = [bool(_SAYS.search(text)) for text in texts]
    _warn(
        [f"number {i + 1} of {where}" for i, ok in enumerate(said) if not ok], "without a word and left out"
    )
    kept = [text for text, ok in zip(texts, said, strict=True) if ok]
    verdicts = np.array([label for label, ok in zip(labels, said, strict=True) if ok], np.int64)
    for label, name in enumerate(CLASSES):
        if label not in verdicts:
            raise InputError(
                f"{where} must hold texts of both kinds, pos and neg; no {name} text can be read"
            )
    return Texts(kept, verdicts)


def _warn(which: Sequence[object], what: str) -> None:
    if which:
        warnings.warn(TextWarning(f"{len(which)} texts are {what} (first: {which[0]})"), stacklevel=4)


def _held_out(every: Texts) -> tuple[Texts, Texts]:
    """Split by what a text says, so that the same text is always on the same side."""
    test = np.array([zlib.crc32(text.encode(errors="replace")) % HELD_OUT == 0 for text in every.texts])
    parts = []
    for side in (~test, test):
        parts.append(Texts([t for t, ok in zip(every.texts, side, strict=True) if ok], every.labels[side]))
        if len(set(parts[-1].labels.tolist())) < len(CLASSES):
            raise InputError(
                f"{len(every.texts)} texts are too few to hold a fifth of both kinds out: give more, or a test set"
            )
    return parts[0], parts[1]


# ----------------------------------------------------------------------------------------------------- cutting


def sentences(text: str) -> list[str]:
    """Cut after . ! ? and at line breaks; not after Mr. and the like.

    >>> sentences("他看见了。她说：“真的吗？”我不知道！")
    ['他看见了。', '她说：“真的吗？”', '我不知道！']
    """
    parts = _END.split(_BREAK.sub("\x00", text))
    return [part.strip() for part in parts if _SAYS.search(part)]


def words(sentence: str) -> list[str]:
    """Words in small letters, and the marks , ; : ! ? Of Chinese, each letter: what a network learnt must not depend
    on which dictionary is installed (`nn.chinese` tells words apart where a text is only read).

    >>> words("注意力, it's 2 much")
    ['注', '意', '力', ',', "it's", '2', 'much']
    """
    return _WORD.findall(sentence.lower().replace("’", "'"))


@dataclass(frozen=True)
class Vocabulary:
    """The words that have numbers: 0 is nothing, 1 an unknown word, then these."""

    words: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "_number", {word: i + 2 for i, word in enumerate(self.words)})

    def __len__(self) -> int:
        """How many numbers there are."""
        return len(self.words) + 2

    @classmethod
    def of(cls, texts: Iterable[str], most: int = 8000, least: int = 2) -> Vocabulary:
        """The `most` frequent words that occur at least `least` times; ties by the alphabet."""
        count = Counter(word for text in texts for word in words(text))
        ranked = sorted((word for word, n in count.items() if n >= least), key=lambda w: (-count[w], w))
        return cls(tuple(ranked[: whole("most", most, least=1)]))

    def numbers(self, said: Iterable[str]) -> list[int]:
        """The number of each word."""
        known: dict[str, int] = self._number  # type: ignore[attr-defined]
        return [known.get(word, UNKNOWN) for word in said]

    def encode(self, texts: Sequence[str], most: int, length: int) -> npt.NDArray[np.int32]:
        """Texts as numbers (texts, most sentences, length); a longer sentence goes on as the next.

        Of a text of more sentences the last are kept, where verdicts stand; how many texts lose some is a TextWarning.
        """
        out = np.zeros((len(texts), most, length), np.int32)
        short = []
        for i, text in enumerate(texts):
            said = pieces(text, length)
            if len(said) > most:
                short.append(f"number {i + 1}")
            for j, piece in enumerate(said[-most:]):
                out[i, j, : len(piece)] = self.numbers(piece)
        _warn(short, f"longer than {most} sentences of {length} words, of which the last are read")
        return out


def pieces(text: str, length: int) -> list[list[str]]:
    """A text as its sentences, each as words; one of more than `length` words goes on as the next.

    >>> pieces("It was good. Very good indeed!", 3)
    [['it', 'was', 'good'], ['very', 'good', 'indeed'], ['!']]
    """
    said = map(words, sentences(text))
    return [sentence[i : i + length] for sentence in said for i in range(0, len(sentence), length)]
