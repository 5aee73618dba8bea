"""A causal language model that reads a text under human limits, chunk by chunk, beside itself without limits.

    reader = TextReader(model, tokenizer, layers=range(20, 30))
    free = reader.read(text)                                    # softmax
    human = reader.read(text, slots=4)                          # K chunks in store, the others lost

The text goes through the model once, a chunk (a sentence, or so many words) at a time, with the cache on: what a chunk
weighs is known from the attention that it got, and it races, is stored, displaced and fades by `HumanCache`. In the
limited layers nothing else can be looked at; which layers those are is measured for each model (`measure_layers`).
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from cogattn.errors import InputError, needs, whole
from cogattn.nn.chinese import pieces
from cogattn.nn.huggingface import attention_layers, limit

SENTENCE = re.compile(r"[^.!?。！？\n]*(?:[.!?]+[\"')\]]*|[。！？]+[”’」』）]*|\n+|$)\s*")


def chunks_of(text: str, words: int | None = None) -> list[str]:
    """The text in chunks, joined they are the text again: sentences, or so many words each (Chinese ones too).

    >>> chunks_of("It rained. Nobody came! Why?")
    ['It rained. ', 'Nobody came! ', 'Why?']
    >>> chunks_of("one two three four five", words=2)
    ['one two ', 'three four ', 'five']
    >>> chunks_of("下雨了。没有人来！")
    ['下雨了。', '没有人来！']
    """
    if words is not None:
        found = pieces(text)
        step = whole("words", words, least=1)
        return ["".join(found[i : i + step]) for i in range(0, len(found), step)]
    found = [piece for piece in SENTENCE.findall(text) if piece.strip()]
    return [piece.lstrip() if i == 0 else piece for i, piece in enumerate(found)]


@dataclass(frozen=True)
class ReadText:
    """What one pass over a text left behind: T tokens in C chunks."""

    chunks: tuple[str, ...]
    tokens: np.ndarray
    """(T,): the numbers of the tokens, the one at the beginning among them."""
    chunk: np.ndarray
    """(T,): the chunk of each token; -1 for the one at the beginning."""
    surprisal: np.ndarray
    """(T,) bits of each token given what was still known; NaN for the first."""
    held: tuple[frozenset[int], ...]
    """Of each chunk: what was in store when it was over (without limits: all before it)."""
    heed: np.ndarray
    """(C, C): how the tokens of chunk r shared their attention out over the chunks up to it, in the limited layers."""
    answer: str | None = None
    """What the model said to the question, if there was one."""
    answer_heed: np.ndarray | None = None
    """(C,): the attention of the first word of the answer."""

    def words(self) -> list[tuple[str, int, float]]:
        """Each word of the text with its chunk and its surprisal in bits (the sum over its tokens)."""
        return self._words

    _words: Any = None


class TextReader:
    """A causal model of transformers and its tokenizer, as one who reads. See above."""

    def __init__(self, model: Any, tokenizer: Any, layers: Sequence[int], start: int | None = None) -> None:
        """layers: which are limited. start: the token at the beginning, which is protected (the sink)."""
        self.model, self.tokenizer = model, tokenizer
        names = list(attention_layers(model))
        self._takes = inspect.signature(model.forward).parameters
        self.layers = [int(i) for i in layers]
        if not self.layers or not all(0 <= i < len(names) for i in self.layers):
            raise InputError(f"layers must be some of 0 to {len(names) - 1}, got {list(layers)}")
        found = start if start is not None else tokenizer.bos_token_id
        self.start: int = 0 if found is None else int(found)

    def read(
        self,
        text: str,
        *,
        slots: float = math.inf,
        words: int | None = None,
        question: str | None = None,
        new_words: int = 24,
        seed: int = 0,
        **limits: Any,
    ) -> ReadText:
        """One pass, chunk by chunk. slots and **limits are those of `HumanCache`; none of them: softmax."""
        chunks = chunks_of(text, words)
        if not chunks:
            raise InputError("text must have words in it")
        coded = [self._tokens(chunk) for chunk in chunks]
        cache = self._cache(slots, seed, limits)
        device = next(self.model.parameters()).device
        ids, of, bits = [self.start], [-1], [math.nan]
        heed = np.zeros((len(chunks), len(chunks)))
        last: torch.Tensor | None = None
        with torch.no_grad(), limit(self.model, cache, self.layers):
            for c, tokens in enumerate(coded):
                new = [self.start, *tokens] if c == 0 else tokens
                ends = torch.zeros(1, len(new), dtype=torch.bool)
                ends[0, -1] = True
                cache.cut(ends)
                out, weights = self._pass(new, cache, device)
                logits = out.logits[0].float().log_softmax(-1)
                before = (
                    logits if last is None else torch.cat([last, logits])
                )  # what was expected of each token
                bits += (-before[torch.arange(len(tokens)), torch.tensor(tokens)] / math.log(2)).tolist()
                last = logits[-1:]
                ids, of = ids + tokens, of + [c] * len(tokens)
                heed[c, : c + 1] = self._by_chunk(weights, np.array(of), c + 1)
            said, seen = self._answer(question, cache, np.array(of), len(chunks), device, new_words)
        held = tuple(frozenset(h) for h in cache.history[0][: len(chunks)])
        read = ReadText(tuple(chunks), np.array(ids), np.array(of), np.array(bits), held, heed, said, seen)
        object.__setattr__(read, "_words", self._in_words(coded, read))
        return read

    def _cache(self, slots: float, seed: int, limits: dict[str, Any]) -> Any:
        needs("transformers", "huggingface")
        from cogattn.nn.human_cache import HumanCache

        cache = HumanCache(self.model, slots, chunk=2**30, sinks=1, seed=seed, **limits)
        cache.watching = True
        return cache

    def _tokens(self, text: str) -> list[int]:
        found: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return found or [self.start]

    def _pass(self, new: list[int], cache: Any, device: Any) -> tuple[Any, np.ndarray]:
        """The model's output and the attention of the new tokens over all so far, in the last limited layer."""
        named = {
            "cache" if "cache" in self._takes else "past_key_values": cache
        }  # before 5.24 it had the long name
        out = self.model(input_ids=torch.tensor([new], device=device), use_cache=True, **named)
        assert cache.seen is not None
        return out, cache.seen[0].mean(0).float().cpu().numpy()  # (L, S)

    @staticmethod
    def _by_chunk(weights: np.ndarray, of: np.ndarray, count: int) -> np.ndarray:
        got = weights.mean(0)
        return np.array([got[: len(of)][of == c].sum() for c in range(count)])

    def _answer(
        self, question: str | None, cache: Any, of: np.ndarray, count: int, device: Any, most: int
    ) -> tuple[str | None, np.ndarray | None]:
        """Greedy words after the question, which is at hand as long as the answer goes on."""
        if question is None:
            return None, None
        new, first = self._tokens(f"\n\nQuestion: {question}\nAnswer:"), None
        said: list[int] = []
        stops = {
            self.tokenizer.eos_token_id,
            *self.tokenizer("\n", add_special_tokens=False)["input_ids"][-1:],
        }
        for _ in range(most):
            cache.cut(torch.zeros(1, len(new), dtype=torch.bool))
            out, weights = self._pass(new, cache, device)
            if first is None:
                first = self._by_chunk(weights[-1:], of, count)
            logits = out.logits[0, -1].clone()
            if not said:  # it has to say something
                logits[[w for w in stops if w is not None]] = -math.inf
            word = int(logits.argmax())
            if word in stops:
                break
            said.append(word)
            new = [word]
        return str(self.tokenizer.decode(said)).strip(), first

    def _in_words(self, coded: list[list[int]], read: ReadText) -> list[tuple[str, int, float]]:
        out, at = [], 1
        for c, (text, tokens) in enumerate(zip(read.chunks, coded, strict=True)):
            said = pieces(text)
            words = [word.rstrip() for word in said]
            spans = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)[
                "offset_mapping"
            ]
            ends = np.cumsum([len(word) for word in said]) + len(text) - len(text.lstrip())
            bits = np.zeros(len(words))
            for i, (_, stop) in enumerate(spans):
                word = int(np.searchsorted(ends, stop - 1, side="right"))
                if word < len(words):
                    bits[word] += np.nan_to_num(read.surprisal[at + i])
            out += [(w, c, float(b)) for w, b in zip(words, bits, strict=True)]
            at += len(tokens)
        return out
