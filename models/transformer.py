"""A transformer that writes telegrams: it reads a report, keeps the four key facts, and drops the rest.

    python models/transformer.py            # train (45 s on one core), measure, write the weights
    python models/transformer.py --check    # load the weights and measure them again
    python models/transformer.py --resume   # go on with a training that was stopped

    "on monday nobody was hurt but today three are", "what we need most is shelters", "it is not a deluge as carla
    thought", "the exact place is tunnel 3", ...            ->  LEAK TUNNEL 3 THREE HURT SEND TENTS STOP

Encoder and decoder are those of Vaswani et al. (2017, NeurIPS 30:5998): multi-head attention, position-wise
feed-forward, residuals and layer norm after each (post-norm), sinusoidal positions, beam search with a length penalty.
In two things it is its own, so that a limit on sentences is a limit on what is known:

  - The encoder's attention is local: a word sees the words of its own sentence alone (block-diagonal mask). Sentences
    meet nowhere but in the decoder's cross-attention. In all its layers that goes through the same gate; a sentence
    that is shut there is shut everywhere.
  - Each sentence s calls for attention by itself, by a priority b_s learned with all the rest from the telegrams alone:

    logit(t, j) = q_t·k_j / √d + b_s,   j a word of s,   b_s = linear(mean of the encoded words of s)

`weigh` is b_s: what a reader can know of a sentence when it comes, before he knows which telegram it will make.

Trained on reports of 4, 8 and 12 sentences, without human limits; in half of them sentences were shut at random and
their facts left out of the telegram. It is tested on sentences that no training report had: a fifth of the language.

What you should see (`cogattn compare --model transformer`, 2 minutes on one core; 50 people x 100 reports each):

    sentences in the report               4     8    12    16    24
    key facts told, human limits        .75   .51   .45   .41   .38
    key facts told, plain softmax      1.00  1.00  1.00  1.00  1.00
    exact telegrams, human limits       .30   .05   .03   .02   .01        plain softmax 1.00

Gap of the priorities 4.75; at the gain of a person of alpha .44 their own noise is sd .21 in log w for key facts, .10
for the rest. Weak: the language is small (15,215 sentences, 70 templates) and the network at its ceiling, greedy as
good as the beam; it invented 2 facts in 25,000 limited telegrams. So the human curve is that of the mind alone, whose
store keeps about three sentences. Each sentence is read at the mean pace, however long it is. Not in the paper's way:
the rate falls along a cosine, nothing is dropped out or smoothed, input and output embeddings are not tied.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cogattn.errors import InputError, choice, number, whole
from cogattn.mind.draws import DISPLAY, seed_of, trial_keys, uniforms
from cogattn.nn import MultiheadAttention
from cogattn.nn.gate import GateState
from cogattn.nn.networks.registry import PICTURE, Keys, TaskDesign, load_weights, noted, row_chunks
from cogattn.nn.networks.training import Course, Workshop, seeded
from cogattn.world.stream import TaskStream, one_by_one

WIDTH, HEADS, HIDDEN, LAYERS = 64, 4, 128, 2  # of the model; its heads; of its feed-forward; in each stack
LENGTHS = (4, 8, 12, 16, 24)  # sentences of a report in the task
TRAINED = (4, 8, 12)  # and in training
LONGEST = 64  # sentences of a report
BEAM, POWER = 4, 0.6  # hypotheses kept; exponent of the length penalty
WORDS_PER_MINUTE = 238  # silent reading of English non-fiction (Brysbaert 2019, J Mem Lang 109:104047)
SENTENCE = 7.2  # words of a sentence, in the mean over the reports of the task
PEOPLE_ALPHA = 0.44  # the median adult's, at which the spread of the logits is reported
SEED = 0
BATCH = 64  # reports per step
CHUNK = 64  # reports per forward pass

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


# ------------------------------------------------------------------------------------------------ the language


def _alike(groups: str, before: str = "") -> dict[str, str]:
    """What the telegram makes of each word: "fire/blaze" are both told as FIRE."""
    return {
        word: before + group.split("/")[0].upper() for group in groups.split() for word in group.split("/")
    }


PLACES, NUMBERS = "dock gate pier hall bridge mill mine tunnel depot tower", "1 2 3 4 5 6 7 8 9"
# What may fill a slot of a sentence, and how a telegram tells it, where it does.
SLOTS = {
    "what": _alike(
        "fire/blaze flood/deluge blast/detonation crash/collision collapse/subsidence leak/seepage "
        "landslide/mudslide riot/brawl poisoning/contamination raid/robbery"
    ),
    "spot": {f"{a} {b}": f"{a} {b}".upper() for a, b in product(PLACES.split(), NUMBERS.split())},
    "count": _alike("two three four five six seven eight nine"),
    "state": _alike("hurt/injured trapped/buried missing/lost ill/sick"),
    "means": _alike(
        "medics/doctors boats/dinghies pumps/hoses ropes/ladders cranes/hoists police/constables divers/frogmen "
        "tents/shelters blankets/quilts food/rations",
        before="SEND ",
    ),
    "place": _alike(PLACES),
    "name": _alike("anna boris carla david elena frank grace henry"),
    "day": _alike("monday tuesday wednesday thursday friday saturday sunday"),
    "month": _alike("january march april june july september october december"),
    "weather": _alike("cold dry foggy mild windy"),
}
# Ten ways to tell each key fact; the later ones name other things too.
KEY = {
    "what": (
        "there has been a {what} here",
        "i am reporting a {what}",
        "without any doubt it is a {what}",
        "a {what} has struck us",
        "what began as a drill is now a {what}",
        "we are dealing with a {what}",
        "{name} calls it nothing but it is a {what}",
        "since {day} we feared a {what} and here it is",
        "we have used up the {means} because of a {what}",
        "from the {place} we all saw the {what} begin",
    ),
    "where": (
        "it happened at {spot}",
        "the exact place is {spot}",
        "come to {spot} at once",
        "you will find us at {spot}",
        "we are waiting at {spot} now",
        "the trouble is at {spot} and nowhere else",
        "do not go by the {place} but straight to {spot}",
        "{name} will lead you to {spot} where we are",
        "all {count} of us who write this are at {spot}",
        "it is {weather} here at {spot} so come soon",
    ),
    "who": (
        "{count} people are {state}",
        "so far we count {count} {state}",
        "i can see {count} who are {state}",
        "the number of {state} is {count}",
        "we fear that {count} of us are {state}",
        "at first all were well but {count} are {state}",
        "{name} is safe but {count} others are {state}",
        "of those at the {place} {count} are {state}",
        "{count} are {state} and the {means} are used up",
        "on {day} nobody was {state} but today {count} are",
    ),
    "needs": (
        "please send {means}",
        "what we need most is {means}",
        "get us {means} quickly",
        "we ask you for {means} now",
        "send {means} as soon as you can",
        "if you can spare {means} we need them all",
        "we thank you for everything but now need {means}",
        "{name} says that only {means} can help us",
        "the {means} came late last {month} so send more now",
        "it is {weather} and without {means} we are lost",
    ),
}
# What the telegram drops: the weather, courtesies, and lures, which speak of such things but not of this incident.
FILLER = (
    "the wind has turned since {day}",
    "it has been {weather} since {day}",
    "they say it will be {weather} on {day}",
    "the night was {weather} and quiet",
    "thank you for reading this",
    "please give my regards to {name}",
    "i hope that {name} is well again",
    "my name is {name} and i work here",
    "{name} was on watch until {day}",
    "the road was mended in {month}",
    "last {month} there was a {what} here too",
    "the {what} at {spot} was years ago",
    "it is not a {what} as {name} thought",
    "people still talk of the old {what}",
    "without {name} there would have been a {what}",
    "{spot} was painted in {month}",
    "nothing happened at {spot}",
    "{name} has gone to {spot}",
    "{spot} will be closed on {day}",
    "come to {spot} one day when all is well",
    "{count} people came by on {day}",
    "last {month} {count} were {state} for a day",
    "nobody is {state} at {spot}",
    "{count} letters have come for {name}",
    "on {day} {count} people were {state} but they are well",
    "we still have {means} from {month}",
    "do not send {means} this time",
    "{name} knows a lot about {means}",
    "the {means} that you sent in {month} were good",
    "we do not need {means} now",
)
FACTS, WAYS = len(KEY), 10  # key facts of a report, and ways to tell each
TOLD = ("what", "spot", "count", "state", "means")  # the slots that a telegram tells, in its order
FACT_OF = np.array([0, 1, 1, 2, 2, 3, 3])  # which fact each word of a whole telegram belongs to
STOP = 1  # the word that ends a telegram; 0 is no word
VOCABULARY = (
    "",
    "STOP",
    *dict.fromkeys(w for slot in TOLD for told in SLOTS[slot].values() for w in told.split()),
)
MOST_WORDS = len(FACT_OF) + 1
# Which words make one fact with the word before them.
COMPANIONS = {
    **dict.fromkeys(PLACES.upper().split(), frozenset(NUMBERS.split())),
    **dict.fromkeys(SLOTS["count"].values(), frozenset(SLOTS["state"].values())),
    "SEND": frozenset(told.split()[1] for told in SLOTS["means"].values()),
}
PARTS = {"train": (0, 1, 2), "look": (3,), "test": (4,)}  # the fifths of the language that each is made of


@dataclass(frozen=True)
class Language:
    """Every sentence there is, N of them, by number."""

    words: tuple[str, ...]  #: the vocabulary; 0 is no word
    table: Ints  #: (N, W) the words of each sentence, then zeros
    first: Ints  #: (T,) number of each template's first sentence
    stride: Ints  #: (T, K) what a step of a slot's value adds to that; 0: the template has no such slot
    size: Ints  #: (K,) how many values each slot has
    fifth: Ints  #: (N,) which fifth it is in: (template + values) modulo 5; -1, in all: it has no slots

    def text(self, number: int) -> str:
        """The sentence as people read it."""
        return " ".join(self.words[i] for i in self.table[number] if i)


@cache
def language() -> Language:
    """All templates with all values of their slots."""
    sentences: list[list[str]] = []
    first, stride, fifth = [], [], []
    for t, template in enumerate([*(way for ways in KEY.values() for way in ways), *FILLER]):
        slots = [slot for slot in SLOTS if f"{{{slot}}}" in template]
        shape = [len(SLOTS[slot]) for slot in slots]
        steps = {slot: math.prod(shape[i + 1 :]) for i, slot in enumerate(slots)}
        first.append(len(sentences))
        stride.append([steps.get(slot, 0) for slot in SLOTS])
        fifth += [(t + sum(v)) % 5 if slots else -1 for v in product(*map(range, shape))]
        for values in product(*(SLOTS[slot] for slot in slots)):
            sentences.append(template.format(**dict(zip(slots, values, strict=True))).split())
    words = ("", *sorted({word for sentence in sentences for word in sentence}))
    number = {word: i for i, word in enumerate(words)}
    table = np.zeros((len(sentences), max(map(len, sentences))), np.int64)
    for row, sentence in zip(table, sentences, strict=True):
        row[: len(sentence)] = [number[word] for word in sentence]
    size = [len(values) for values in SLOTS.values()]
    return Language(words, table, *(np.array(x) for x in (first, stride, size, fifth)))


@dataclass(frozen=True)
class Report:
    """B reports of S sentences."""

    sentence: Ints  #: (B, S) which sentences, by number
    where: Ints  #: (B, 4) at which places the key facts are told
    facts: Ints  #: (B, 5) the values of the slots that the telegram tells


def write_reports(keys: Keys, sentences: int, part: str) -> Report:
    """A report per trial key: the four key facts, each told in some way at some place, among other sentences."""
    known, slots = language(), len(SLOTS)
    address = PICTURE + (slots + 3) * np.arange(sentences)[:, None] + np.arange(slots + 3)
    u = uniforms(keys[:, None, None], DISPLAY, address)  # (B, S, K + 3): slots, place, template, fifth
    where = u[..., slots].argsort(1)[:, :FACTS]  # (B, 4)
    rows = np.arange(len(keys))[:, None]
    template = FACTS * WAYS + (u[..., slots + 1] * len(FILLER)).astype(np.int64)
    template[rows, where] = WAYS * np.arange(FACTS) + (u[rows, where, slots + 1] * WAYS).astype(np.int64)
    value = _within(part, template, (u[..., :slots] * known.size).astype(np.int64), u[..., slots + 2])
    number = known.first[template] + (value * known.stride[template]).sum(-1)
    key = value[rows, where]  # (B, 4, K)
    facts = [key[:, fact, list(SLOTS).index(slot)] for fact, slot in zip((0, 1, 2, 2, 3), TOLD, strict=True)]
    return Report(number, where, np.stack(facts, 1))


def _within(part: str, template: Ints, value: Ints, u: Floats) -> Ints:
    """The values (B, S, K), that of each sentence's first slot changed so that the sentence is in one of the part's
    fifths; u (B, S) says in which."""
    known, mine = language(), np.array(PARTS[choice("part", part, PARTS)])
    has = known.stride[template] > 0  # (B, S, K)
    slot = has.argmax(-1)[..., None]  # (B, S, 1)
    short = (mine[(u * len(mine)).astype(np.int64)] - template - (value * has).sum(-1)) % 5
    moved = np.take_along_axis(value, slot, -1) + short[..., None]
    out = value.copy()
    np.put_along_axis(out, slot, moved - 5 * (moved >= known.size[slot]), -1)
    return out


@cache
def _told() -> list[Ints]:
    """Of each slot that a telegram tells: the words, by number, that tell each of its values."""
    number = {word: i for i, word in enumerate(VOCABULARY)}
    return [np.array([[number[w] for w in told.split()] for told in SLOTS[slot].values()]) for slot in TOLD]


def telegrams(facts: Ints, told: Bools) -> Ints:
    """The telegrams (B, 8), words by number: those of the facts that are `told` (B, 4), in order, STOP, then zeros."""
    words = np.concatenate([of[values] for of, values in zip(_told(), facts.T, strict=True)], 1)  # (B, 7)
    words = np.pad(words, ((0, 0), (0, 1)), constant_values=STOP)
    kept = np.pad(told[:, FACT_OF], ((0, 0), (0, 1)), constant_values=True)
    order = (~kept).argsort(1, kind="stable")
    return np.take_along_axis(words * kept, order, 1)


# -------------------------------------------------------------------------------------------------- the network


def positions(length: int, width: int, device: torch.device | str = "cpu") -> Tensor:
    """PE(p, 2i) = sin(p / 10000^(2i/d)), PE(p, 2i + 1) = cos of the same (Vaswani et al. 2017, 3.5). (length, width)"""
    p, even = torch.arange(length, device=device), torch.arange(0, width, 2, device=device)
    angle = p[:, None] / 10000 ** (even / width)
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(1)


class EncoderLayer(nn.Module):
    """x <- norm(x + self-attention(x)), then x <- norm(x + feed-forward(x)), the latter word by word."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.self_attn = MultiheadAttention(width, heads, batch_first=True)
        self.linear1, self.linear2 = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x: Tensor, absent: Tensor) -> Tensor:
        """x (N, W, d), absent (N, W) bool: where there is no word."""
        x = self.norm1(x + self.self_attn(x, x, x, key_padding_mask=absent, need_weights=False)[0])
        out: Tensor = self.norm2(x + self.linear2(F.relu(self.linear1(x))))
        return out


class DecoderLayer(nn.Module):
    """The encoder's two steps, the first causal (a word sees itself and those before), and between them
    x <- norm(x + cross-attention(x, memory)): the only way from a report to its telegram, and it has a gate."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.self_attn = MultiheadAttention(width, heads, batch_first=True)
        self.multihead_attn = MultiheadAttention(width, heads, batch_first=True)
        self.linear1, self.linear2 = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))

    def forward(
        self, x: Tensor, memory: Tensor, gate: GateState | None = None, need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """x (B·n, L, d): n hypotheses of each report, asking one memory (B, S, d). Also the weights (B, n·L, S)."""
        later = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).triu(1)
        x = self.norm1(x + self.self_attn(x, x, x, attn_mask=later, need_weights=False)[0])
        asked = x.reshape(len(memory), -1, x.shape[2])
        seen, weights = self.multihead_attn(asked, memory, memory, gate=gate, need_weights=need_weights)
        x = self.norm2(x + seen.reshape(x.shape))
        return self.norm3(x + self.linear2(F.relu(self.linear1(x)))), weights


class Transformer(nn.Module):
    """Words of sentences in, words of a telegram out."""

    def __init__(
        self,
        width: int = WIDTH,
        heads: int = HEADS,
        hidden: int = HIDDEN,
        layers: int = LAYERS,
        words: int | None = None,
        says: int = len(VOCABULARY),
    ) -> None:
        super().__init__()
        self.reads = nn.Embedding(len(language().words) if words is None else words, width)
        self.says = nn.Embedding(says, width)
        self.encoder = nn.ModuleList(EncoderLayer(width, heads, hidden) for _ in range(layers))
        self.decoder = nn.ModuleList(DecoderLayer(width, heads, hidden) for _ in range(layers))
        self.priority = nn.Linear(width, 1)
        self.answer = nn.Linear(width, says)
        for embedding in (self.reads, self.says):
            nn.init.normal_(embedding.weight, std=width**-0.5)

    def encode(self, words: Tensor) -> tuple[Tensor, Tensor]:
        """Sentences, each by itself: words (N, W) -> their encodings (N, W, d) and the priority of each (N,)."""
        absent = words == 0
        x = embed(self.reads, words)
        for layer in self.encoder:
            x = layer(x, absent)
        mean = x.masked_fill(absent[..., None], 0.0).sum(1) / (~absent).sum(1, keepdim=True)
        return x, self.priority(mean)[:, 0]

    def decode(
        self, said: Tensor, memory: Tensor, gate: GateState | None, need_weights: bool = False
    ) -> tuple[Tensor, list[Tensor | None]]:
        """Scores of the word after each of `said` (B·n, L), and where each layer looked. memory (B, S·W, d)."""
        x, looks = embed(self.says, said), []
        for layer in self.decoder:
            x, look = layer(x, memory, gate, need_weights)
            looks.append(look)
        return self.answer(x), looks

    def forward(self, words: Tensor, said: Tensor, gate: GateState | None = None) -> Tensor:
        """words (B, S, W), said (B, L), a gate on sentences -> scores (B, L, V) of each next word."""
        memory, priority = self.encode(words.flatten(0, 1))
        memory, priority = memory.reshape(len(words), -1, memory.shape[-1]), priority.view(words.shape[:2])
        return self.decode(said, memory, word_gate(words > 0, priority, gate))[0]


def embed(table: nn.Embedding, words: Tensor) -> Tensor:
    """√d embedding + position: (..., L) -> (..., L, d)."""
    width = table.embedding_dim
    where = positions(words.shape[-1], width, words.device).to(table.weight.dtype)
    return table(words) * math.sqrt(width) + where


def word_gate(present: Tensor, priority: Tensor, gate: GateState | None) -> GateState:
    """The gate of the cross-attention: what is shut for a sentence is shut for each of its words.

    present (B, S, W) bool: which words there are; priority (B, S); gate: on sentences, None = no limit.
    """
    S, W = present.shape[1:]
    own = GateState(bias=priority)
    both = own if gate is None else own.then(gate)
    if both.t_on is not None or both.t_off is not None:
        raise InputError(
            "a telegram is written when the report is over: give its gate keep or bias, not times"
        )
    seen, (row, key) = both.visible(S), both.granted(1, S)
    assert both.bias is not None
    return GateState(
        gain=both.gain,
        bias=both.bias.repeat_interleave(W, -1),
        keep=(present if seen is None else present & seen.reshape(-1, S, 1)).flatten(1),
        share=key.repeat_interleave(W, -1) if key is not None else None if row is None else row[:, 0, 0],
    )


# ------------------------------------------------------------------------------------------- what it says, and how


def beam_search(
    step: Callable[[Tensor], Tensor], batch: int, width: int, most: int, power: float = POWER
) -> tuple[Tensor, Tensor]:
    """The best telegram found for each of `batch` reports (batch, most), zeros behind its STOP, and its score.

    step: hypotheses (batch, width, n), the first word 0 -> log p of every next word (batch, width, V). The `width`
    best beginnings are kept; one that says STOP, or has `most` words, is finished and leaves its place empty. The best
    of the finished wins, by log p / ((5 + words) / 6) ** power (Wu et al. 2016, arXiv:1609.08144). Width 1 is greedy.
    """
    said = torch.zeros(batch, width, 1, dtype=torch.long)
    log_p = torch.full((batch, width), -math.inf)
    log_p[:, 0] = 0.0  # all begin alike
    best, words = torch.full((batch,), -math.inf), torch.zeros(batch, most, dtype=torch.long)
    for n in range(1, most + 1):
        nexts = log_p[..., None] + step(said).cpu()  # (batch, width, V)
        log_p, pick = nexts.flatten(1).topk(width)
        parent, word = pick // nexts.shape[-1], pick % nexts.shape[-1]
        said = torch.cat([said.gather(1, parent[..., None].expand(-1, -1, n)), word[..., None]], -1)
        over = (word == STOP) | (n == most)
        score, which = (log_p / ((5 + n) / 6) ** power).masked_fill(~over, -math.inf).max(1)
        found = said[torch.arange(batch), which, 1:]
        words[:, :n] = torch.where((score > best)[:, None], found, words[:, :n])
        best = torch.maximum(best, score)
        log_p = log_p.masked_fill(over, -math.inf)
        if bool((log_p == -math.inf).all()):
            break
    return words, best


class Overlap(NamedTuple):
    """How much of what should be said is said (recall), and of what is said should be (precision)."""

    recall: float
    precision: float

    @property
    def f1(self) -> float:
        """Their harmonic mean; 0 where both are."""
        both = self.recall + self.precision
        return 2 * self.recall * self.precision / both if both else 0.0


def rouge_n(said: Sequence[Hashable], truth: Sequence[Hashable], n: int) -> Overlap:
    """ROUGE-N (Lin 2004, Text Summarization Branches Out: 74): runs of n words in common, each as often as in both.

    This and ROUGE-L agree with the package rouge-score 0.1.2 to the last bit on 5000 random pairs of texts.
    """
    a, b = (Counter(tuple(x[i : i + n]) for i in range(len(x) - n + 1)) for x in (said, truth))
    return _overlap((a & b).total(), b.total(), a.total())


def rouge_l(said: Sequence[Hashable], truth: Sequence[Hashable]) -> Overlap:
    """ROUGE-L (ibid.): the longest common subsequence: words in one order, not necessarily side by side."""
    row = [0] * (len(truth) + 1)
    for word in said:
        corner = 0  # row[i] of the row before
        for i, other in enumerate(truth):
            above = row[i + 1]
            row[i + 1] = corner + 1 if word == other else max(above, row[i])
            corner = above
    return _overlap(row[-1], len(truth), len(said))


def _overlap(common: int, truth: int, said: int) -> Overlap:
    return Overlap(common / truth if truth else 0.0, common / said if said else 0.0)


def facts_of(words: Sequence[str]) -> list[str]:
    """What a telegram tells, fact by fact; a word that has lost its companion is a fact of its own, and a wrong one.

    >>> facts_of("FIRE DOCK 7 HURT SEND MEDICS".split())
    ['FIRE', 'DOCK 7', 'HURT', 'SEND MEDICS']
    """
    out: list[str] = []
    for word in words:
        if out and word in COMPANIONS.get(out[-1], ()):
            out[-1] += f" {word}"
        else:
            out.append(word)
    return out


def marks(said: Sequence[str], truth: Sequence[str]) -> dict[str, float]:
    """What a telegram is worth beside the true one; both without STOP."""
    told, true = facts_of(said), facts_of(truth)
    return {
        "score": len(set(told) & set(true)) / len(true),
        "invented": float(sum(fact not in true for fact in told)),
        "rouge1": rouge_n(said, truth, 1).f1,
        "rouge2": rouge_n(said, truth, 2).f1,
        "rouge_l": rouge_l(said, truth).f1,
        "exact": float(list(said) == list(truth)),
    }


# -------------------------------------------------------------------------------------------------- the specialist


class Telegraphist:
    """The trained network and its task: a `registry.Specialist`. Elements are the sentences of a report, as read."""

    name = "transformer"
    design = TaskDesign(
        title="A telegram from a report",
        column="sentences",
        values=LENGTHS,
        label="sentences in the report",
        measure="share of its four key facts told",
        chance=0.0,
    )

    def __init__(
        self, network: Transformer, device: str = "cpu", gap: float = math.nan, part: str = "test"
    ) -> None:
        self.network = network.to(device).eval()
        self.device = device
        self.gap = gap
        self.part = part

    def stream(self, value: float) -> TaskStream:
        """The report is read sentence by sentence, at people's pace; a full mind gives up the weakest."""
        return one_by_one(_sentences(value), pace=60 * SENTENCE / WORDS_PER_MINUTE)

    def show(self, value: float, keys: Keys) -> Report:
        """The reports of these trials."""
        keys = np.atleast_1d(np.asarray(keys, np.uint64))
        if keys.ndim != 1:
            raise InputError(f"keys must be (reports,), one per report, got {keys.shape}")
        return write_reports(keys, _sentences(value), self.part)

    @cached_property
    @torch.inference_mode()
    def _library(self) -> tuple[Tensor, Tensor, Tensor]:
        """Which words there are (N, W), encodings (N, W, d) and priority (N,) of every sentence of the language.

        A sentence is encoded by itself, so it is the same wherever it stands: this is the whole encoder, run once.
        """
        words = torch.from_numpy(language().table).to(self.device)
        memory, priority = zip(*(self.network.encode(part) for part in torch.split(words, 1024)), strict=True)
        return words > 0, torch.cat(memory), torch.cat(priority)

    def weigh(self, display: Report) -> Floats:
        """b_s of each sentence (B, S)."""
        own: Floats = self._library[2].double().cpu().numpy()
        return own[display.sentence]

    def write(self, display: Report, gate: GateState | None, width: int = BEAM) -> Ints:
        """The telegrams (B, 8), words by number, by beam search: STOP and zeros at the end."""
        parts = [np.empty((0, MOST_WORDS), np.int64)]
        for memory, own in self._chunks(display, gate):
            parts.append(self._search(memory, own, width).numpy())
        return np.concatenate(parts)[: len(display.sentence)]

    def answer(self, display: Report, gate: GateState | None) -> dict[str, npt.NDArray[Any]]:
        """Share of key facts told, facts invented, ROUGE-1, -2 and -L (F1), exact match, and the telegrams."""
        said = texts(self.write(display, gate))
        truth = texts(telegrams(display.facts, np.ones(display.where.shape, bool)))
        rows = [marks(a.split(), b.split()) for a, b in zip(said, truth, strict=True)]
        columns = {name: np.array([row[name] for row in rows], float) for name in marks((), ("FIRE",))}
        return {**columns, "response": np.array(said, object)}

    @torch.inference_mode()
    def allocate(self, display: Report, gate: GateState | None) -> Floats:
        """Share of the cross-attention that each sentence got (B, S): mean over the telegram's words, heads, layers."""
        B, S = display.sentence.shape
        parts = [np.empty((0, S))]
        for memory, own in self._chunks(display, gate):
            words = self._search(memory, own, BEAM).to(self.device)
            looks = self.network.decode(F.pad(words[:, :-1], (1, 0)), memory, own, need_weights=True)[1]
            look = torch.stack([x for x in looks if x is not None]).mean(0)  # (CHUNK, 8, S·W)
            meant = (words > 0).double()[..., None]
            by_sentence = look.double().view(*look.shape[:2], S, -1).sum(-1)  # (CHUNK, 8, S)
            parts.append(((by_sentence * meant).sum(1) / meant.sum(1)).cpu().numpy())
        return np.concatenate(parts)[:B]

    def elements(self, display: Report, row: int) -> list[str]:
        """The sentences of one report."""
        return [language().text(number) for number in display.sentence[row]]

    def _chunks(self, display: Report, gate: GateState | None) -> Iterator[tuple[Tensor, GateState]]:
        """CHUNK reports at a time: their words' encodings, and the gate on words."""
        B, S = display.sentence.shape
        if gate is not None:
            gate.validate(B, HEADS, 1, S)
        present, memory, priority = self._library
        for rows, part in row_chunks(B, gate, self.device, CHUNK):
            read = torch.from_numpy(display.sentence[rows]).to(self.device)  # (CHUNK, S)
            yield memory[read].flatten(1, 2), word_gate(present[read], priority[read], part)

    @torch.inference_mode()
    def _search(self, memory: Tensor, gate: GateState, width: int) -> Tensor:
        """The telegrams of one chunk (CHUNK, 8)."""

        def step(said: Tensor) -> Tensor:
            scores = self.network.decode(said.flatten(0, 1).to(self.device), memory, gate)[0][:, -1]
            return scores.log_softmax(-1).view(*said.shape[:2], -1)

        return beam_search(step, len(memory), width, MOST_WORDS)[0]


def texts(words: Ints) -> list[str]:
    """Telegrams as people write them, without their STOP."""
    return [" ".join(VOCABULARY[i] for i in row if i > STOP) for row in words]


def _sentences(value: float) -> int:
    n = number("sentences of a report", value)
    return whole("sentences of a report", int(n) if n.is_integer() else n, least=FACTS, most=LONGEST)


def load(device: str) -> Telegraphist:
    """The subject with the weights that lie beside this file."""
    network = Transformer()
    notes = load_weights(network, WORKSHOP.weights, WORKSHOP.make)
    return Telegraphist(network, device, noted(notes, "gap", WORKSHOP.weights, WORKSHOP.make))


# ------------------------------------------------------------------------------------------- training, measuring


@dataclass(frozen=True)
class Lesson:
    """A batch of reports, and the telegrams of what is open in them."""

    words: Tensor  #: (B, S, W)
    said: Tensor  #: (B, 8) the telegram, one word late
    keep: Tensor  #: (B, S) bool: which sentences are open
    target: Tensor  #: (B, 8)


def lesson(step: int, part: str = "train", seed: int = SEED, batch: int = BATCH) -> Lesson:
    """Reports of one length; half of them whole, of the others each sentence is shut with a chance of their own."""
    keys = trial_keys(seed, step, np.arange(batch))
    report = write_reports(keys, TRAINED[step % len(TRAINED)], part)
    u = uniforms(keys[:, None], DISPLAY, PICTURE + 2**20 + np.arange(1 + report.sentence.shape[1]))
    keep = u[:, 1:] >= 2 * u[:, :1] - 1  # (B, S)
    target = telegrams(report.facts, np.take_along_axis(keep, report.where, 1))
    said = np.pad(target[:, :-1], ((0, 0), (1, 0)))
    return Lesson(*(torch.from_numpy(x) for x in (language().table[report.sentence], said, keep, target)))


def loss(network: Transformer, step: int) -> Tensor:
    """Cross-entropy of the next word of the telegram, the words before it being given."""
    return _cross_entropy(network, lesson(step))


def held_out(network: Transformer) -> float:
    """The same on sentences that are neither trained on nor tested."""
    looks = (lesson(step, "look", seed_of(SEED, "look"), 200) for step in range(len(TRAINED)))
    return float(np.mean([_cross_entropy(network, look).item() for look in looks]))


def _cross_entropy(network: Transformer, x: Lesson) -> Tensor:
    scores = network(x.words, x.said, GateState(keep=x.keep))
    return F.cross_entropy(scores.flatten(0, 1), x.target.flatten(), ignore_index=0)


def measure(network: Transformer, reports: int = 200) -> dict[str, float]:
    """What it can do with sentences it was not trained on, all open or half of them shut; its logits in training."""
    clerk = Telegraphist(network)
    found: dict[str, float] = {}
    for n in LENGTHS:
        display = clerk.show(n, trial_keys(seed_of(SEED, "accuracy"), n, np.arange(reports)))
        right = clerk.answer(display, None)
        found |= {f"exact_{n}": right["exact"].mean(), f"told_{n}": right["score"].mean()}
    greedy, beam = clerk.write(display, None, width=1), clerk.write(display, None)
    found["greedy_is_beam"] = float((greedy == beam).all(1).mean())
    return found | _half_shut(clerk, reports) | _gap(network)


def _half_shut(clerk: Telegraphist, reports: int) -> dict[str, float]:
    """With half of the sentences shut: share of the open key facts told, share of telegrams that invent one."""
    keys = trial_keys(seed_of(SEED, "shut"), 0, np.arange(reports))
    display = clerk.show(12, keys)
    keep = uniforms(keys[:, None], DISPLAY, PICTURE + 2**20 + np.arange(12)) < 0.5
    found = clerk.answer(display, GateState(keep=torch.from_numpy(keep)))
    open_ = np.take_along_axis(keep, display.where, 1).sum()
    return {"open_told": found["score"].sum() * FACTS / open_, "invented": (found["invented"] > 0).mean()}


def _gap(network: Transformer, reports: int = 2000) -> dict[str, float]:
    """The priorities of key facts and of the rest in training reports, and their spread at people's gain."""
    clerk = Telegraphist(network, part="train")
    display = clerk.show(12, trial_keys(seed_of(SEED, "gap"), 0, np.arange(reports)))
    logits, key = clerk.weigh(display), np.zeros(display.sentence.shape, bool)
    np.put_along_axis(key, display.where, True, 1)
    gap = float(logits[key].mean() - logits[~key].mean())
    gain = math.log(1 / PEOPLE_ALPHA) / gap
    return {
        "gap": gap,
        "sd_key": gain * float(logits[key].std()),
        "sd_rest": gain * float(logits[~key].std()),
    }


def report(numbers: dict[str, float]) -> None:
    """The table that the head of this file speaks of."""
    print("sentences that it was not trained on, no gate:")
    for n in LENGTHS:
        print(
            f"  {n:2} sentences      {numbers[f'exact_{n}']:.4f} exact, {numbers[f'told_{n}']:.4f} of the facts told"
        )
    print(f"  greedy finds the beam's telegram in {numbers['greedy_is_beam']:.4f} of the longest")
    print("half of 12 sentences shut:")
    print(
        f"  {numbers['open_told']:.4f} of the open facts told, one invented in {numbers['invented']:.4f} of telegrams"
    )
    print(f"logits, training sentences: gap {numbers['gap']:.3f}; at gain ln(1/{PEOPLE_ALPHA})/gap, sd of")
    print(f"  key facts         {numbers['sd_key']:.3f}")
    print(f"  the rest          {numbers['sd_rest']:.3f}")


WORKSHOP = Workshop(
    Path(__file__),
    network=lambda: seeded(Transformer, SEED),
    lesson=loss,
    course=Course(steps=300, rate=2e-3, warmup=100, clip=1.0, every=50),
    measure=measure,
    report=report,
    held_out=held_out,
)

if __name__ == "__main__":
    raise SystemExit(WORKSHOP.main())
