"""Classic memory tasks as text, for any causal language model: facts asked for, serial recall, n-back, a needle.

An item is a few chunks of text, a question and a few words of which one is the answer; the model is right if it gives
that word the highest logit. `Asker` puts items to a model, through a gate over the chunks.

>>> item = facts([5], count=3)[0]
>>> item.chunks[item.needed[0]].split()[-1].rstrip(".") == item.options[item.right].strip()
True
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cogattn.errors import InputError, whole
from cogattn.mind.draws import DISPLAY, LAYOUT, uniforms
from cogattn.nn.gate import GateState
from cogattn.nn.huggingface import attention_layers, attention_of, limit
from cogattn.nn.networks.registry import Keys, TaskDesign
from cogattn.world.stream import TaskStream, one_by_one

PACE = 2.0  #: s a sentence: 6 words at 180 words a minute
COLOURS = [
    "red",
    "blue",
    "green",
    "black",
    "white",
    "yellow",
    "brown",
    "pink",
    "grey",
    "orange",
    "purple",
    "golden",
    "silver",
    "wooden",
    "paper",
    "iron",
]
THINGS = ["key", "coin", "ring", "map", "cup", "book"]
WORDS = [
    "river",
    "apple",
    "clock",
    "horse",
    "paper",
    "stone",
    "garden",
    "window",
    "doctor",
    "music",
    "bread",
    "chair",
    "winter",
    "forest",
    "engine",
    "market",
]
LETTERS = ["B", "F", "K", "L", "M", "Q", "R", "X"]
FILLER = (
    "The train to the coast was late again.",
    "Nobody had swept the yard since Monday.",
    "A man in a long coat asked for the time.",
    "The bakery on the corner had closed early.",
    "It had rained for most of the afternoon.",
    "Two children were kicking a ball against the wall.",
    "The radio in the kitchen played an old song.",
    "Somebody had left the gate open.",
    "The meeting was moved to the end of the week.",
    "A dog slept under the table by the stove.",
)

START, ASKED = -1, -2  #: in the place of a chunk's number: the beginning (and padding), the question


@dataclass(frozen=True)
class Item:
    """One text, what is asked about it, and what would be right."""

    chunks: tuple[str, ...]
    question: str
    options: tuple[str, ...]
    right: int
    needed: tuple[int, ...]
    """The chunks without which nobody can know."""


def facts(keys: npt.ArrayLike, count: int, fillers: int = 0) -> list[Item]:
    """ "The red box holds the coin." so many times, among sentences beside the point; one is asked."""
    count = whole("count", count, least=1, most=len(COLOURS))
    out = []
    for u, v in zip(_draws(keys, LAYOUT, 128), _draws(keys, DISPLAY, 128), strict=True):
        colours = [COLOURS[i] for i in np.argsort(u[:16])[:count]]
        things = (u[16 : 16 + count] * len(THINGS)).astype(int)
        asked = int(u[40] * count)
        said = [f"The {c} box holds the {THINGS[t]}. " for c, t in zip(colours, things, strict=True)]
        beside = [FILLER[int(x * len(FILLER))] + " " for x in np.resize(v, fillers)]
        order = np.argsort(np.resize(np.concatenate([u[48:], v[::-1]]), count + fillers), kind="stable")
        chunks = tuple((said + beside)[i] for i in order)
        question = f"\nQuestion: What does the {colours[asked]} box hold?\nAnswer: The {colours[asked]} box holds the"
        at = int(np.flatnonzero(order == asked)[0])
        out.append(Item(chunks, question, tuple(f" {t}" for t in THINGS), int(things[asked]), (at,)))
    return out


def numbered_words(keys: npt.ArrayLike, count: int) -> list[Item]:
    """A numbered list of words; which was the n-th?"""
    count = whole("count", count, least=1, most=len(WORDS))
    out = []
    for u in _draws(keys, LAYOUT, 40):
        words = [WORDS[i] for i in np.argsort(u[:16])[:count]]
        asked = int(u[20] * count)
        chunks = tuple(f"Word {i + 1} is {w}. " for i, w in enumerate(words))
        question = f"\nWord {asked + 1} is"
        out.append(Item(chunks, question, tuple(f" {w}" for w in words), asked, (asked,)))
    return out


def n_back(keys: npt.ArrayLike, count: int, n: int = 2) -> list[Item]:
    """Letters; is the last the same as the one n before it? Half of them are."""
    count = whole("count", count, least=n + 1, most=64)
    out = []
    for u in _draws(keys, LAYOUT, 80):
        letters = [LETTERS[int(x * len(LETTERS))] for x in u[:count]]
        same = bool(u[70] < 0.5)
        if same != (letters[-1] == letters[-1 - n]):
            others = [x for x in LETTERS if x != letters[-1 - n]]
            letters[-1] = letters[-1 - n] if same else others[int(u[71] * len(others))]
        chunks = tuple(f"Letter {i + 1}: {x}\n" for i, x in enumerate(letters))
        question = f"Question: Is letter {count} the same as letter {count - n}? Answer (yes or no):"
        out.append(Item(chunks, question, (" yes", " no"), 0 if same else 1, (count - 1 - n, count - 1)))
    return out


def needle(keys: npt.ArrayLike, count: int) -> list[Item]:
    """One fact in a text of about so many words of other things."""
    return facts(keys, 1, max(0, whole("count", count, least=8) // 8 - 1))


TASKS: dict[str, Callable[..., list[Item]]] = {
    "facts": facts,
    "numbered_words": numbered_words,
    "n_back": n_back,
    "needle": needle,
}


def _draws(keys: npt.ArrayLike, stream: int, n: int) -> npt.NDArray[np.float64]:
    k = np.atleast_1d(np.asarray(keys, np.uint64))
    return uniforms(k[:, None], stream, np.arange(n, dtype=np.uint64))


@dataclass(frozen=True)
class CodedItems:
    """Items as the model meets them: S tokens, padded on the left."""

    inputs: dict[str, Tensor]
    chunk: Tensor  #: (B, S): the chunk of each token; START, ASKED
    options: list[list[int]]  #: the first token of each option


class FactsReader:
    """What a reader of facts is shown: sentences at the pace of silent reading (its elements), and a question."""

    design = TaskDesign(
        title="Facts in a text, one of them asked for",
        column="facts",
        values=(2.0, 4.0, 6.0, 8.0, 12.0),
        label="facts in the text",
        measure="share of answers right",
        chance=1 / 6,
        source="sentences as chunks: Sachs 1967, Percept Psychophys 2:437; Cowan 2001, Behav Brain Sci 24:87",
        trials=10,
    )

    def stream(self, value: float) -> TaskStream:
        """Sentence after sentence."""
        return one_by_one(self._count(value), PACE)

    def show(self, value: float, keys: Keys) -> list[Item]:
        """Texts with so many facts."""
        return facts(keys, self._count(value))

    def elements(self, display: list[Item], row: int) -> list[str]:
        """The sentences."""
        return [chunk.strip() for chunk in display[row].chunks]

    def _count(self, value: float) -> int:
        return self.design.count(value, least=1, most=16)


class Asker:
    """Puts items to a causal language model; limits hold in `layers`, and the first token stays open (the sink)."""

    def __init__(self, model: Any, tokenizer: Any, layers: Sequence[int], batch: int = 16) -> None:
        self.model, self.tokenizer, self.batch = model, tokenizer, batch
        names = list(attention_layers(model))
        if not layers or not all(0 <= i < len(names) for i in layers):
            raise InputError(f"layers must be some of 0 to {len(names) - 1}, got {list(layers)}")
        self.layers = list(layers)
        self.start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else 0
        self.device = next(model.parameters()).device

    def coded(self, items: Sequence[Item]) -> CodedItems:
        """The items as one batch of tokens."""
        rows = []
        for item in items:
            ids, of = [self.start], [START]
            for c, text in [*enumerate(item.chunks), (ASKED, item.question)]:
                more = self._tokens(text)
                ids, of = ids + more, of + [c] * len(more)
            rows.append((ids, of))
        width = max(len(ids) for ids, _ in rows)
        pad = [width - len(ids) for ids, _ in rows]
        ids_ = torch.tensor([[self.start] * p + ids for p, (ids, _) in zip(pad, rows, strict=True)])
        of_ = torch.tensor([[START] * p + of for p, (_, of) in zip(pad, rows, strict=True)])
        seen = torch.arange(width) >= torch.tensor(pad)[:, None]
        inputs = {"input_ids": ids_.to(self.device), "attention_mask": seen.long().to(self.device)}
        return CodedItems(inputs, of_, [[self._tokens(o)[0] for o in item.options] for item in items])

    def _tokens(self, text: str) -> list[int]:
        found: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return found or [self.start]

    def token_gate(self, asked: CodedItems, gate: GateState | None, count: int) -> GateState | None:
        """A gate over the chunks (B, C) as one over the tokens; the beginning and the question stay open."""
        if gate is None or gate.is_identity:
            return None
        of, B = asked.chunk, len(asked.chunk)
        gate = gate.expand(B)
        seen = gate.visible(count)
        chunk = of.clamp(min=0)
        keep = None if seen is None else (seen[:, 0, 0].cpu().gather(1, chunk) | (of < 0))
        bias = (
            None if gate.bias is None else gate.bias.cpu().float().gather(1, chunk).masked_fill(of < 0, 0.0)
        )
        share = gate.share if gate.share is not None and gate.share.ndim == 1 else None
        return GateState(keep=keep, bias=bias, gain=gate.gain, share=share)

    def answer(self, items: Sequence[Item], gate: GateState | None = None) -> npt.NDArray[np.int64]:
        """(B,): which option the model takes, through a gate over chunks."""
        count = max((len(item.chunks) for item in items), default=1)
        return self._answers(
            items, lambda asked, rows: self.token_gate(asked, None if gate is None else gate[rows], count)
        )

    def answer_tokens(self, items: Sequence[Item], keep: Sequence[Tensor]) -> npt.NDArray[np.int64]:
        """The same where it is said which tokens (S,) of each item are left, padding aside."""

        def of(asked: CodedItems, rows: slice) -> GateState:
            width = asked.chunk.shape[1]
            mine = keep[rows]
            return GateState(keep=torch.stack([torch.cat([k.new_ones(width - len(k)), k]) for k in mine]))

        return self._answers(items, of)

    def _answers(
        self, items: Sequence[Item], gate_of: Callable[[CodedItems, slice], GateState | None]
    ) -> npt.NDArray[np.int64]:
        out = []
        for first in range(0, len(items), self.batch):
            rows = slice(first, min(first + self.batch, len(items)))
            asked = self.coded(items[rows])
            with torch.no_grad(), limit(self.model, gate_of(asked, rows), self.layers, sinks=1):
                logits = (
                    self.model(**asked.inputs, logits_to_keep=1, use_cache=False).logits[:, -1].float().cpu()
                )
            out += [int(row[o].argmax()) for row, o in zip(logits, asked.options, strict=True)]
        return np.array(out, np.int64)

    def attention(
        self, items: Sequence[Item], queries: int | str = -1, layer: int | None = None
    ) -> list[Tensor]:
        """Of each item (S,): what its tokens get in the last limited layer, from the last token or from all."""
        out: list[Tensor] = []
        for first in range(0, len(items), self.batch):
            asked = self.coded(items[first : first + self.batch])
            how: Any = queries
            got = attention_of(
                self.model, asked.inputs, None, self.layers[-1] if layer is None else layer, queries=how
            )
            out += [w[m.bool()].cpu() for w, m in zip(got, asked.inputs["attention_mask"], strict=True)]
        return out

    def by_chunk(self, items: Sequence[Item], attention: Sequence[Tensor]) -> npt.NDArray[np.float64]:
        """(B, C): the attention of each chunk."""
        out = np.zeros((len(items), max(len(i.chunks) for i in items)))
        for b, (item, got) in enumerate(zip(items, attention, strict=True)):
            of = self.coded([item]).chunk[0]
            for c in range(len(item.chunks)):
                out[b, c] = float(got[of == c].sum())
        return out


def right(items: Sequence[Item], answers: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """(B,): who is right."""
    return answers == np.array([item.right for item in items])


def needs(items: Sequence[Item]) -> npt.NDArray[np.bool_]:
    """(B, C): the chunks that each answer hangs on."""
    out = np.zeros((len(items), max(len(i.chunks) for i in items)), bool)
    for b, item in enumerate(items):
        out[b, list(item.needed)] = True
    return out
