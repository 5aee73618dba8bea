"""A user's own held-out texts as the exam of a network that judges texts: kept beside its weights, shown by length.

What was held out when the network was trained lies beside the weights as JSON (`mine.texts.json` beside
`mine.safetensors`), at most `MOST_KEPT` texts; the weights' notes say its SHA-256, so an exam is taken on those texts
or on none. A trial is one text, a sentence of it an element; its conditions are quarters of the texts by how many
sentences they have.

>>> from cogattn.nn.networks.texts import Texts, Vocabulary
>>> texts = Texts(["Good. A fine plot!", "Bad."], np.array([1, 0]))
>>> exam = TextExam(texts, Vocabulary(("good", "bad")), most=8, length=6)
>>> exam.design.values, [exam.show(n, trial_keys(0, 0, np.arange(1))).words.shape for n in (1, 2)]
((2.0,), [(1, 1, 6), (1, 2, 6)])
>>> exam.elements(exam.show(2, trial_keys(0, 0, np.arange(1))), 0)
['', 'bad']
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cogattn import files
from cogattn.errors import InputError, shown
from cogattn.mind.draws import DISPLAY, trial_keys, uniforms
from cogattn.nn.networks.registry import PICTURE, Keys, TaskDesign
from cogattn.nn.networks.texts import Texts, Vocabulary, pieces, sentences
from cogattn.world.stream import TaskStream, one_by_one

MOST_KEPT = 2000  #: texts of an exam; of more, so many are drawn
ENDING = ".texts.json"  #: of the file beside the weights
PER_MINUTE = 238  #: words read in silence (Brysbaert 2019, J Mem Lang 109:104047); of Chinese, letters

Ints = npt.NDArray[np.int64]


def kept(texts: Texts) -> str:
    """The file that keeps them, and an exam with them."""
    rows = np.arange(len(texts.texts))
    if len(rows) > MOST_KEPT:
        rows = np.sort(uniforms(trial_keys(0, 0, rows), DISPLAY, 0).argsort()[:MOST_KEPT])
    said = [texts.texts[i].encode(errors="replace").decode() for i in rows]
    value = {"texts": said, "labels": texts.labels[rows].tolist()}
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def seal_of(text: str) -> str:
    """SHA-256 of that file: what the weights' notes say of it."""
    return hashlib.sha256(text.encode()).hexdigest()


def kept_beside(weights: Path, seal: str, make: str) -> Texts:
    """The texts that belong to these weights, or one line that says why there are none."""
    path = weights.with_suffix(ENDING)
    if not path.is_file():
        raise InputError(
            f"no held-out texts at {path}, on which {weights.name} is examined: bring that file, or make both "
            f"anew with: {make}"
        )
    if (now := files.sha256(path)) != seal:
        raise InputError(
            f"{path} does not hold the texts of {weights.name} (SHA-256 {seal[:12]} then, {now[:12]} now): bring "
            f"that file back, or make both anew with: {make}"
        )
    value = files.read_json(path)
    texts, labels = value.get("texts"), value.get("labels")
    if not (isinstance(texts, list) and texts and all(isinstance(text, str) for text in texts)):
        raise InputError(f"texts in {path} must be a list of texts, got {shown(texts)}")
    if not (isinstance(labels, list) and len(labels) == len(texts) and all(x in (0, 1) for x in labels)):
        raise InputError(f"labels in {path} must be {len(texts)} numbers 0 or 1, got {shown(labels)}")
    for i, text in enumerate(texts):
        if not sentences(text):
            raise InputError(f"text {i + 1} in {path} must say something, got {shown(text)}")
    return Texts(texts, np.array(labels, np.int64))


@dataclass(frozen=True)
class ShownTexts:
    """B texts of at most S sentences; a shorter one stands at the end, where its last sentence is the last."""

    words: Ints  # (B, S, length), numbers of the network's vocabulary
    verdict: Ints  # (B,), 1 = positive
    row: Ints  # (B,), which of the texts


class TextExam:
    """What a network is shown of them, and when."""

    def __init__(self, texts: Texts, vocabulary: Vocabulary, most: int, length: int) -> None:
        self.verdicts = texts.labels
        self.said = [pieces(text, length)[-most:] for text in texts.texts]
        self.count = np.array([len(said) for said in self.said])
        self.words = np.zeros((len(self.said), int(self.count.max()), length), np.int64)
        for words, said in zip(self.words, self.said, strict=True):
            for row, piece in zip(words[len(words) - len(said) :], said, strict=True):
                row[: len(piece)] = vocabulary.numbers(piece)
        read = sum(word[0].isalnum() for said in self.said for piece in said for word in piece)
        self.pace = max(1, read) / int(self.count.sum()) * 60 / PER_MINUTE  # s, for a sentence
        ends = np.quantile(self.count, (0.25, 0.5, 0.75, 1), method="higher")
        share = float(self.verdicts.mean())
        self.design = TaskDesign(
            title="Verdicts on held-out texts",
            column="sentences",
            values=tuple(float(n) for n in np.unique(ends)),
            label="sentences at most",
            measure="share of verdicts right",
            chance=max(share, 1 - share),
            source="the user's own texts",
        )

    def stream(self, value: float) -> TaskStream:
        """Sentence after sentence, at the pace of silent reading."""
        return one_by_one(self._most(value), self.pace)

    def show(self, value: float, keys: Keys) -> ShownTexts:
        """Texts of so many sentences, and of more than the next smaller condition has; each drawn by its key."""
        keys, most = np.atleast_1d(np.asarray(keys, np.uint64)), self._most(value)
        least = max((n for n in self.design.values if n < most), default=0)
        rows = np.flatnonzero((self.count > least) & (self.count <= most))
        if not len(rows):
            raise InputError(
                f"sentences must be a number that some held-out text has, in {least:g} to {most}; none has: take "
                f"{', '.join(f'{n:g}' for n in self.design.values)}"
            )
        row = rows[(uniforms(keys, DISPLAY, PICTURE) * len(rows)).astype(np.int64)]
        return ShownTexts(self.words[row][:, -most:], self.verdicts[row], row)

    def elements(self, display: ShownTexts, row: int) -> list[str]:
        """The sentences of one trial, in their words; before a shorter text, nothing."""
        said = [" ".join(piece) for piece in self.said[display.row[row]]]
        return [""] * (display.words.shape[1] - len(said)) + said

    def _most(self, value: float) -> int:
        return self.design.count(value, least=1, most=self.words.shape[1])
