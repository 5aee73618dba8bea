"""A transformers `Cache` with a human memory: chunks of what is read race into K slots, displace and fade, online.

    cache = HumanCache(model, slots=4, chunk=8)
    with limit(model, cache, "all"):
        model.generate(**prompt, cache=cache)

The keys of every token are written; what is lost is what attention may no longer look at. A chunk (so many tokens, or
what `cut` says: sentences) is at hand while it is read. When it is over it races once,

    v = C · w,   w = its attention per token / the mean of that over the chunks so far,   t = t0 + Exp(v),

and is stored iff t is less than the time that its tokens were there (`pace` seconds each). A full store gives up one
that it holds. What is held fades at `decay` per second. The first `sinks` tokens that are no padding are never lost,
and count in `kept`: a decoder puts the weight there that it has no use for. w is known from the passes before: within
one pass (a prompt that is read at once) all chunks weigh the same, unless `prefill_chunk_size` cuts the prompt.

Layers with a sliding window keep theirs: a key must be held and near. Chance hangs on `seed`, row and chunk alone.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache

from cogattn.errors import InputError, choice, number, whole
from cogattn.mind.draws import CHOICE, EVICT, RACE, STORE, trial_keys, uniforms
from cogattn.nn.memory.plan import POLICIES

NOBODY = -1


class HumanCache(DynamicCache):
    """What `generate` and `forward` take as their cache, inside `limit(model, cache, layers)`. See above."""

    def __init__(
        self,
        model: Any,
        slots: float = 4.0,
        *,
        chunk: int = 8,
        sinks: int = 1,
        capacity: float = math.inf,
        threshold: float = 0.0,
        pace: float = 0.25,
        decay: float = 0.0,
        displaces: str = "random",
        seed: int = 0,
    ) -> None:
        """slots K and capacity C [chunks/s] as a race has them; threshold t0 and pace [s]; decay [1/s].

        chunk: so many tokens, unless `cut` says where the next ones end. displaces: random, oldest or weakest.
        """
        config = getattr(model, "config", model)
        super().__init__(config=config.get_text_config(decoder=True))
        self.slots = number("slots", slots, least=0, infinite=True)
        self.chunk, self.sinks = whole("chunk", chunk, least=1), whole("sinks", sinks, least=0)
        self.capacity = number("capacity", capacity, least=0, infinite=True, unit="chunks/s")
        self.threshold = number("threshold", threshold, least=0, unit="s")
        self.pace, self.decay = number("pace", pace, above=0, unit="s"), number("decay", decay, least=0)
        self.displaces = choice("displaces", displaces, POLICIES)
        self.seed = whole("seed", seed)
        self.watching = False  #: whether `seen` is wanted though nothing races
        self.seen: Tensor | None = (
            None  #: the attention (B, H, L, S) of the last pass in the last limited layer
        )
        self._forget()

    def _forget(self) -> None:
        self._ends: np.ndarray | None = (
            None  # (B, L) bool: which of the next tokens end a chunk, if that was said
        )
        #: of each row: who was in store when each chunk was over
        self.history: list[list[list[int]]] = []
        self._real = np.zeros((0, 0), bool)  # (B, T)
        self._of = np.zeros((0, 0), int)  # (B, T): the chunk of each token
        self._held: list[list[int]] = []  # of each row: the chunks in store
        self._now: list[int] = []  # of each row: the chunk at hand
        self._long: list[int] = []  # of each row: how many tokens it has
        self._got: list[
            dict[int, float]
        ] = []  # of each row: the attention that a chunk received, per token and query
        self._teacher: int | None = None
        self._asked: dict[int, int] = {}  # of each layer: how many tokens it was asked about
        self._found: Tensor | None = None  # (B, new, T) of this pass

    # What the attention function asks.

    def wants(self, layer: int) -> bool:
        """The last of the limited layers teaches what weighs; known after the first pass."""
        self._teacher = layer if self._teacher is None else max(self._teacher, layer)
        return (self.watching or self.capacity < math.inf) and layer == self._teacher

    def found(self, layer: int, mask: Tensor | None, size: tuple[int, int, int]) -> Tensor:
        """(B, 1, L, S) bool: what each new token finds; asked once per layer and pass, the first one decides."""
        B, L, S = size
        if self.get_seq_length(layer) == 0:
            raise InputError("give this HumanCache to the model too: generate(..., cache=cache)")
        before = self._asked.get(layer, 0)
        self._asked[layer] = before + L
        if before + L > self._of.shape[1]:
            self._read(B, L, _is_real(mask, B, L, S))
        elif self._found is None or self._found.shape[1] != L or before + L != self._of.shape[1]:
            raise InputError("a HumanCache reads on: a new text needs a new one, or cache.reset()")
        assert self._found is not None
        if self._found.shape[0] != B:
            raise InputError(f"this HumanCache reads {self._found.shape[0]} texts, got {B}: make a new one")
        found = self._found[:, None, :, -S:]  # a layer with a window has dropped the first keys
        return found if mask is None else found.to(mask.device)

    def learn(self, weights: Tensor) -> None:
        """What each chunk got in this pass, per token: (B, H, L, S), of which S may be the last keys alone."""
        self.seen = weights
        got = weights.mean((1, 2)).float().cpu().numpy()  # (B, S)
        for row, mine in enumerate(got):
            of = self._of[row, -got.shape[1] :]
            for c in np.unique(of[of >= 0]).tolist():
                self._got[row][c] = float(mine[of == c].mean())

    @property
    def kept(self) -> list[int]:
        """Of each row: how many keys can still be looked at, those at hand and the sinks among them."""
        return [int(self._open(row).sum()) for row in range(len(self._held))]

    @property
    def held(self) -> list[list[int]]:
        """Of each row: the numbers of the chunks in store."""
        return [list(chunks) for chunks in self._held]

    def chunk_of(self) -> np.ndarray:
        """(B, T): which chunk each token belongs to; -1 = padding."""
        return self._of.copy()

    def cut(self, ends: Tensor) -> None:
        """(B, L) bool: with which of the tokens of the next pass a chunk ends."""
        self._ends = ends.cpu().numpy()

    # The store.

    def _read(self, batch: int, new: int, real: np.ndarray) -> None:
        if not self._held:
            self._held, self._got = [[] for _ in range(batch)], [{} for _ in range(batch)]
            self.history = [[] for _ in range(batch)]
            self._now, self._long = [0] * batch, [0] * batch
            self._real = self._of = np.zeros((batch, 0))
        T = self._of.shape[1]
        self._real = np.concatenate([self._real, real], 1).astype(bool)
        self._of = np.concatenate([self._of, np.full((batch, new), NOBODY)], 1).astype(int)
        found = np.zeros((batch, new, T + new), bool)
        for row in range(batch):
            for t in range(T, T + new):
                if self._real[row, t]:
                    self._of[row, t] = self._now[row]
                    self._long[row] += 1
                found[row, t - T] = self._open(row)
                if self._real[row, t] and self._over(row, t - T):
                    self._store(row)
        self._found = torch.from_numpy(found)
        self._ends = None

    def _open(self, row: int) -> np.ndarray:
        """(T,): the keys of what is held, of what is at hand, and of the sinks."""
        open_ = np.isin(self._of[row], [*self._held[row], self._now[row]])
        first = self._real[row] & (np.cumsum(self._real[row]) <= self.sinks)
        seen: np.ndarray = open_ | first
        return seen

    def _over(self, row: int, new: int) -> bool:
        return self._long[row] >= self.chunk if self._ends is None else bool(self._ends[row, new])

    def _store(self, row: int) -> None:
        """The chunk at hand is over: what is held fades, it races, and perhaps one that is held goes."""
        c, lasted = self._now[row], self._long[row] * self.pace
        held = self._held[row]
        if self.decay:
            stays = math.exp(-self.decay * lasted)
            held[:] = [h for h in held if self._chance(row, CHOICE, 8 * (65536 * c + h)) < stays]
        rate = self.capacity * self._weight(row, c)
        u = self._chance(row, RACE, c << 32)
        done = self.threshold + (
            0.0 if math.isinf(rate) else -math.log1p(-u) / rate if rate > 0 else math.inf
        )
        if done < lasted:
            room = self._room(row)
            while held and len(held) >= room:
                held.pop(self._goes(row, c))
            if room:
                held.append(c)
        self._now[row], self._long[row] = c + 1, 0
        self.history[row].append(list(held))

    def _weight(self, row: int, c: int) -> float:
        got = self._got[row]
        mean = sum(got.values()) / len(got) if got else 0.0
        return got[c] / mean if c in got and mean > 0 else 1.0

    def _room(self, row: int) -> float:
        if math.isinf(self.slots) or self.slots == int(self.slots):
            return self.slots
        low = math.floor(self.slots)
        return low + (self._chance(row, STORE, 0) < self.slots - low)

    def _goes(self, row: int, c: int) -> int:
        held = self._held[row]
        if self.displaces == "oldest":
            return 0
        if self.displaces == "weakest":
            return int(np.argmin([self._weight(row, h) for h in held]))
        return int(self._chance(row, EVICT, 2 * c) * len(held))

    def _chance(self, row: int, what: int, counter: int) -> float:
        key = trial_keys(self.seed, np.array([row]), 0)
        return float(uniforms(key, what, np.uint64(counter))[0])

    # What transformers does with a cache.

    def reset(self) -> None:
        """Empty, for another text."""
        super().reset()
        self._forget()

    def crop(self, tokens_to_remove: int) -> None:
        """A mind does not go back: what was displaced for the tokens taken away is gone."""
        if tokens_to_remove:
            raise InputError(
                "a HumanCache cannot take tokens back (assisted decoding): generate without an assistant"
            )

    def batch_repeat_interleave(self, repeats: int) -> None:
        super().batch_repeat_interleave(repeats)
        self._rows(np.repeat(np.arange(len(self._held)), repeats))

    def batch_select_indices(self, indices: Tensor) -> None:
        super().batch_select_indices(indices)
        self._rows(indices.cpu().numpy())

    def reorder_cache(self, beam_idx: Tensor) -> None:
        super().reorder_cache(beam_idx)
        self._rows(beam_idx.cpu().numpy())

    def _rows(self, rows: np.ndarray) -> None:
        self._held = [list(self._held[r]) for r in rows]
        self._got = [dict(self._got[r]) for r in rows]
        self.history = [list(self.history[r]) for r in rows]
        self._now, self._long = [self._now[r] for r in rows], [self._long[r] for r in rows]
        self._real, self._of = self._real[rows], self._of[rows]
        if self._found is not None:
            self._found = self._found[rows]


def _is_real(mask: Tensor | None, batch: int, new: int, keys: int) -> np.ndarray:
    """(B, L): which of the new tokens are no padding."""
    if mask is None:
        return np.ones((batch, new), bool)
    open_ = mask if mask.dtype == torch.bool else mask > -torch.inf
    real = open_.flatten(1, 2).any(1).expand(batch, keys)[:, keys - new :]
    found: np.ndarray = real.cpu().numpy()
    return found
