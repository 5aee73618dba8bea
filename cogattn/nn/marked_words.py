"""Words that readers marked as important, beside the words that a network attends to.

A file of human attention maps has a row per reader and text (Sen et al. 2020, "Human attention maps for text
classification"): `Input.text`, what the reader answered, and `Answer.html_output`, where each word is a <span> and the
marked ones have class="active". Whoever has the file reads it with `read_maps`; the package ships no text of it.

Agreement of two readers is Cohen's kappa over the words of a text. A network gives every word a score; it is compared
at the share of words that readers mark (kappa), and whatever the share (`area`: the probability that a marked word has
a higher score than one that is not marked; .5 is chance).

>>> import numpy as np
>>> kappa(np.array([True, False, False, True]), np.array([True, False, False, False]))
0.5
>>> area(np.array([0.9, 0.1, 0.2, 0.8]), np.array([True, False, False, True]))
1.0
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cogattn import files
from cogattn.errors import InputError
from cogattn.nn.gate import GateState
from cogattn.nn.huggingface import attention_of

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

COLUMNS = ("Input.text", "Answer.html_output")
SPAN = re.compile(r"<span(?P<how>[^>]*)>(?P<word>[^<]*)</span>")
ACTIVE = re.compile(r"""class\s*=\s*["'][^"']*\bactive\b""")


@dataclass(frozen=True)
class MarkedText:
    """One text and what each of its readers marked."""

    words: tuple[str, ...]
    marks: Bools
    """(readers, words)"""
    positive: bool | None = None
    """The verdict of whoever wrote it, where the file says so."""


def read_maps(path: str | Path) -> list[MarkedText]:
    """The texts of a file of human attention maps, in its order; readers whose words differ are left out."""
    table = files.read_table(Path(path))
    missing = [column for column in COLUMNS if column not in table]
    if missing:
        raise InputError(f"{path} must have the columns {', '.join(COLUMNS)}, it lacks {', '.join(missing)}")
    out = []
    for _, rows in table.groupby("Input.text", sort=False):
        maps = [_map(str(html)) for html in rows["Answer.html_output"]]
        words = maps[0][0]
        marks = np.array([mark for said, mark in maps if said == words], bool)
        label = rows["Input.label"].iloc[0] if "Input.label" in rows else None
        if words:
            out.append(MarkedText(words, marks, None if label is None else bool(int(label))))
    if not out:
        raise InputError(f"{path} must have texts whose words are <span>s, got none")
    return out


def _map(html: str) -> tuple[tuple[str, ...], list[bool]]:
    found = [(unescape(m["word"]).strip(), bool(ACTIVE.search(m["how"]))) for m in SPAN.finditer(html)]
    said = [(word, mark) for word, mark in found if word]
    return tuple(word for word, _ in said), [mark for _, mark in said]


def kappa(a: Bools, b: Bools) -> float:
    """Cohen's kappa of two readers; NaN where both marked all or nothing."""
    p, q = a.mean(), b.mean()
    chance = p * q + (1 - p) * (1 - q)
    return float((np.mean(a == b) - chance) / (1 - chance)) if chance < 1 else float("nan")


def area(score: Floats, marks: Bools) -> float:
    """P(a marked word has the higher score), ties half; NaN where all or nothing is marked."""
    yes, no = score[marks], score[~marks]
    if not yes.size or not no.size:
        return float("nan")
    higher = (yes[:, None] > no).mean() + 0.5 * (yes[:, None] == no).mean()
    return float(higher)


def top(score: Floats, share: float) -> Bools:
    """The words with the highest scores, so many as the share says (one at least); ties by their order."""
    count = max(1, round(share * len(score)))
    out = np.zeros(len(score), bool)
    out[np.argsort(-score, kind="stable")[:count]] = True
    return out


class WordAttention:
    """How a network of transformers shares its attention out over the words of a text, under a gate or not.

    after: what follows the text (a question); the last token of a decoder is who attends. An encoder's tokens all do.
    layers: those that a gate limits; attention is that of the last one.
    """

    def __init__(self, model: Any, tokenizer: Any, layers: Sequence[int], after: str, queries: Any) -> None:
        self.model, self.tokenizer, self.layers = model, tokenizer, sorted(layers)
        self.after, self.queries = after, queries

    def shares(self, words: Sequence[str], keep: Bools | None = None) -> Floats:
        """(R, n): the share of attention of each word; keep (R, n): which words are left. Without it one row."""
        inputs, of = self._coded(words)
        gate, rows = None, 1
        if keep is not None:
            rows = len(keep)
            left = torch.from_numpy(keep)[:, of.clamp(min=0)] | (of < 0)
            gate = GateState(keep=left)
        many = {name: x.expand(rows, -1) for name, x in inputs.items()}
        got = attention_of(
            self.model, many, gate, self.layers[-1], queries=self.queries, also=self.layers[:-1]
        ).double()
        out = torch.zeros(rows, len(words), dtype=torch.float64, device=got.device)
        inside = of >= 0
        out.index_add_(1, of[inside].to(got.device), got[:, inside.to(got.device)])
        shares: Floats = out.cpu().numpy()
        return shares

    def _coded(self, words: Sequence[str]) -> tuple[dict[str, Tensor], Tensor]:
        """The tokens, and the word of each: -1 for those at the beginning and the end, and of the question."""
        text = " ".join(words)
        coded = self.tokenizer(text + self.after, return_offsets_mapping=True, add_special_tokens=True)
        ids, spans = list(coded["input_ids"]), list(coded["offset_mapping"])
        start = self.tokenizer.bos_token_id
        if start is not None and self.queries != "all" and ids[0] != start:
            ids, spans = [start, *ids], [(0, 0), *spans]
        ends = np.cumsum([len(word) + 1 for word in words])
        of = [
            -1 if b == a or a >= len(text) else int(np.searchsorted(ends, b - 1, side="right"))
            for a, b in spans
        ]
        device = next(self.model.parameters()).device
        inputs = {"input_ids": torch.tensor([ids], device=device)}
        inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
        return inputs, torch.tensor([min(c, len(words) - 1) for c in of])
