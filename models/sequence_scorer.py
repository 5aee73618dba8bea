"""A network that scores a sentence: every word has a value and a weight, and the score is their weighted mean.

    python models/sequence_scorer.py            # train (25 s on one core), measure, write the weights
    python models/sequence_scorer.py --check    # load the weights and measure them again
    python models/sequence_scorer.py --resume   # go on with a training that was stopped

Sentences of 3 to 16 words come from a small English grammar. What a sentence is worth is known, because it is made up
here: the weighted mean of how people integrate information (Anderson 1971, Psychol Rev 78:171), in which s_0 is the
impression before the first word,

    score = (w_0 s_0 + Σ_i w_i s_i) / (w_0 + Σ_i w_i) + noise        w_i = exp(weight of the word + RECENCY · place)

with w_0 = 1, s_0 = 0 and noise of sd .2, so no network can do better than a mean squared error of .04. The network
sees sentences and scores alone. Each word is encoded by itself, x = word + place; one learned query attends once, over
the words and a null key of logit 0 and value 0:

    score = r · Σ_i softmax_i(q · K x_i) V x_i + b        so b plays the part of s_0, and the null key that of w_0

No pair of subject and verb that is held out is ever met in training, "fox jumps" among them. The words of a sentence
speak for one thing: they are drawn to suit its mood.

What you should see, without a gate: held-out mean squared error .0389, that of the truth itself on the same sentences
.0388; mean error .010 of 3 words, .008 of 16 (always saying the mean: .57 and .62). Its attention and the true shares
of the words correlate .985. Under human limits (50 people, 100 trials) the mean error is .04 .21 .27 .30 .36 .39 of
3 5 7 9 12 16 words, and under softmax .01 at each length.

What is weak: words that hardly matter are hardly told apart (its logits and the true log weights correlate .92, and its
gap between words of content and the others is 1.8 where the truth has 2.7). It was trained on whole sentences, so it
takes what it holds for all that was said. And a word is an element here: people bind the words of a sentence into
chunks and hold more of them than of a list (Baddeley, Hitch & Allen 2009, J Mem Lang 61:438).
"""

from __future__ import annotations

import math
from functools import cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from scipy.special import ndtri
from torch import nn

from cogattn.errors import InputError, choice, whole
from cogattn.mind.draws import DISPLAY, seed_of, trial_keys, uniforms
from cogattn.nn.functional import gated_attention
from cogattn.nn.networks.registry import PICTURE, Keys, TaskDesign, in_chunks, load_weights, noted
from cogattn.nn.networks.training import Course, Workshop, seeded
from cogattn.world.stream import TaskStream, one_by_one

if TYPE_CHECKING:
    from cogattn.nn.gate import GateState

KINDS: dict[str, str] = {
    "determiner": "the my your our their his her its",
    "adjective": "quick brown lazy old young small large black white grey clever hungry tired quiet noisy brave "
    "gentle angry happy sad strange tall thin wet",
    "noun": "fox dog cat horse bird child woman man teacher farmer soldier doctor river hill wall fence road garden "
    "house tree field bridge boat table box stone gate lake tower ditch log puddle",
    "plural": "dogs cats birds hills walls fences houses trees",
    "verb": "jumps runs walks climbs swims hurries wanders leaps rides crawls limps marches hops strolls sails races",
    "adverb": "slowly often suddenly never softly gladly twice badly",
    "preposition": "over under behind across past beside around near",
    "conjunction": "and but so yet",
}
WORDS = tuple(word for kind in KINDS.values() for word in kind.split())
KIND = {word: kind for kind, words in KINDS.items() for word in words.split()}

SEED = 0
LONGEST, SHORTEST = 16, 3
IMPORTANCE = {"noun": 1.0, "plural": 1.0, "verb": 1.0, "adjective": 0.5, "adverb": 0.0}  # log weight
LITTLE = -2.0  # that of the other kinds
OWN = 0.4  # sd of a word's own log weight around that of its kind
RECENCY = 0.08  # log weight per place: a later word counts a little more
NOISE = 0.2
SPLIT = 8  # one in so many pairs of subject and verb is held out
WORDS_PER_MINUTE = 238  # silent reading of English non-fiction (Brysbaert 2019, J Mem Lang 109:104047)
WIDTH = 16
BATCH = 256

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


# --------------------------------------------------------------------------------------------------- the grammar


# Function words also stand alone (an opening conjunction, a preposition without a noun, a plural without a determiner):
# if each always came with a noun or a verb, no score could tell whose weight it is.
_SINGULAR = tuple(("determiner", *("adjective",) * n, "noun") for n in range(4))
_PLURAL = tuple((*d, *("adjective",) * n, "plural") for d in ((), ("determiner",)) for n in range(3))
_SOMEWHERE = ((), ("preposition",), *(("preposition", *where) for where in _SINGULAR + _PLURAL))


@cache
def frames(length: int) -> npt.NDArray[np.int64]:
    """Every sentence of so many words, as kinds (frames, length): a clause, one that goes on from before, or two."""
    found = list(_clauses(length))
    found += [("conjunction", *clause) for clause in _clauses(length - 1)]
    for first in range(SHORTEST, length - SHORTEST):
        pairs = product(_clauses(first), _clauses(length - 1 - first))
        found += [(*a, "conjunction", *b) for a, b in pairs]
    kinds = list(KINDS)
    return np.array([[kinds.index(kind) for kind in frame] for frame in found])


@cache
def _clauses(length: int) -> tuple[tuple[str, ...], ...]:
    """Who does what, (how,) (where)."""
    parts = product(_SINGULAR, ((), ("adverb",)), _SOMEWHERE)
    found = ((*who, "verb", *how, *where) for who, how, where in parts)
    return tuple(frame for frame in found if len(frame) == length)


def sentences(keys: Keys, length: int, held_out: bool) -> Ints:
    """Sentences (B, length) as places in WORDS, each from its own key; no word twice, but for verbs.

    A sentence has a mood, N(0, 1), and its words come by a Luce choice: e^(mood s_i) is how well word i suits it.
    """
    frame = frames(length)
    u = uniforms(keys[:, None], DISPLAY, PICTURE + np.arange(3 + len(WORDS)))  # (B, 3 + words)
    kind = frame[(u[:, 0] * len(frame)).astype(np.int64)]  # (B, length)
    race = -np.log(u[:, 3:]) * np.exp(-ndtri(u[:, 2:3]) * lexicon()[0])  # the first to finish is chosen
    out = np.empty(kind.shape, np.int64)
    first = 0
    for k, words in enumerate(KINDS.values()):
        size = len(words.split())
        order = race[:, first : first + size].argsort(1)  # (B, size)
        nth = (np.cumsum(kind == k, 1) - 1).clip(0, size - 1)
        out = np.where(kind == k, first + np.take_along_axis(order, nth, 1), out)
        first += size
    return _split(out, kind, u[:, 1], held_out)


def _split(word: Ints, kind: Ints, u: Floats, held_out: bool) -> Ints:
    """Give the subject a verb that it has in the held-out sentences only, or never there."""
    nouns, verbs = (WORDS.index(KINDS[k].split()[0]) for k in ("noun", "verb"))
    row = np.arange(len(word))
    subject, does = ((kind == list(KINDS).index(k)).argmax(1) for k in ("noun", "verb"))
    verb = word[row, does] - verbs
    rest = (_HELD_OUT - word[row, subject] + nouns) % SPLIT
    if not held_out:
        rest = (rest + 1 + (u * (SPLIT - 1)).astype(np.int64)) % SPLIT
    word[row, does] = verbs + verb - verb % SPLIT + rest
    return word


def pair(noun: str, verb: str) -> int:
    """Which of the SPLIT parts a pair of subject and verb belongs to; that of the fox who jumps is held out."""
    return (KINDS["noun"].split().index(noun) + KINDS["verb"].split().index(verb)) % SPLIT


_HELD_OUT = pair("fox", "jumps")


# ----------------------------------------------------------------------------------------------------- the truth


@cache
def lexicon() -> tuple[Floats, Floats]:
    """What each word is worth, s, and its log weight: drawn once, from its own name."""
    keys = np.array([seed_of(SEED, "word", word) for word in WORDS], np.uint64)
    s, own = ndtri(uniforms(keys[:, None], DISPLAY, PICTURE + np.arange(2))).T
    return s, np.array([IMPORTANCE.get(KIND[word], LITTLE) for word in WORDS]) + OWN * own


def log_weight(word: Ints) -> Floats:
    """log w_i of each word (B, n) at its place."""
    return np.asarray(lexicon()[1][word] + RECENCY * np.arange(word.shape[1]))


def truth(word: Ints, kept: npt.NDArray[np.bool_] | None = None) -> Floats:
    """The weighted mean of the values of the words (B, n), or of those kept; s_0 = 0, w_0 = 1, no noise."""
    w = np.exp(log_weight(word)) * (True if kept is None else kept)
    return np.asarray((w * lexicon()[0][word]).sum(1) / (1.0 + w.sum(1)))


def share(word: Ints) -> Floats:
    """w_i of each word (B, n) over the sum of all and w_0: what a perfect network attends to."""
    w = np.exp(log_weight(word))
    return np.asarray(w / (1.0 + w.sum(1, keepdims=True)))


def noise(keys: Keys) -> Floats:
    """What of a score no word can tell."""
    return np.asarray(NOISE * ndtri(uniforms(keys, DISPLAY, PICTURE + 3 + len(WORDS))))


# --------------------------------------------------------------------------------------------------- the network


class Scorer(nn.Module):
    """One query, one attention over words that are encoded each by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.word, self.place = nn.Embedding(len(WORDS), WIDTH), nn.Embedding(LONGEST, WIDTH)
        self.query = nn.Parameter(torch.randn(WIDTH) / math.sqrt(WIDTH))
        self.key, self.value = (nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(2))
        self.out = nn.Linear(WIDTH, 1)
        nn.init.normal_(self.place.weight, std=0.02)

    def encode(self, word: torch.Tensor) -> torch.Tensor:
        """x (B, n, WIDTH): word + place."""
        x: torch.Tensor = self.word(word) + self.place.weight[: word.shape[1]]
        return x

    def weigh(self, word: torch.Tensor, gate: GateState | None = None) -> torch.Tensor:
        """q·k of each word (B, n)."""
        logit: torch.Tensor = self.key(self.encode(word)) @ self.query
        return logit

    def streams(self, word: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """q, k, v of the one attention call, each (B, 1, ...); the null key is the last."""
        x = self.encode(word)[:, None]  # (B, 1, n, WIDTH)
        k, v = (F.pad(y, (0, 0, 0, 1)) for y in (self.key(x), self.value(x)))
        return self.query.expand(len(word), 1, 1, WIDTH), k, v

    def allocate(self, word: torch.Tensor, gate: GateState | None = None) -> torch.Tensor:
        """The attention that each word got (B, n); the rest went to the null key."""
        gate = None if gate is None else gate.with_null(word.shape[1])
        weights = gated_attention(*self.streams(word), gate, scale=1.0, need_weights=True)[1]
        return weights[:, 0, 0, :-1]

    def forward(self, word: torch.Tensor, gate: GateState | None = None) -> torch.Tensor:
        """The score of each sentence (B,)."""
        gate = None if gate is None else gate.with_null(word.shape[1])
        read = gated_attention(*self.streams(word), gate, scale=1.0)
        score: torch.Tensor = self.out(read[:, 0, 0])[:, 0]
        return score


# --------------------------------------------------------------------------------------------------- the subject


class SequenceScorer:
    """The trained network, before held-out sentences: a `registry.Specialist`. A display is the words (B, n)."""

    name = "sequence_scorer"
    design = TaskDesign(
        title="Score of a sentence",
        column="words",
        values=(3, 5, 7, 9, 12, 16),
        label="words of the sentence",
        measure="error of the score",
        perfect=0.0,
        source="weighted averaging: Anderson 1971, Psychol Rev 78:171",
    )

    def __init__(self, network: Scorer, device: str = "cpu", gap: float = math.nan) -> None:
        self.network = network.to(device).eval()
        self.device, self.gap = device, gap

    def stream(self, value: float) -> TaskStream:
        """Word after word, at the pace of silent reading."""
        return one_by_one(_length(value), 60 / WORDS_PER_MINUTE)

    def show(self, value: float, keys: Keys) -> Ints:
        """Held-out sentences of so many words."""
        return sentences(np.atleast_1d(np.asarray(keys, np.uint64)), _length(value), held_out=True)

    def of(self, text: str) -> Ints:
        """Any sentence in the words that it knows, as a display of one."""
        words = [choice("word", word, WORDS) for word in text.lower().rstrip(".!").split()]
        whole("words of a sentence", len(words), least=1, most=LONGEST)
        return np.array([[WORDS.index(word) for word in words]])

    def weigh(self, display: Ints) -> Floats:
        """q·k of each word."""
        return in_chunks(self.network.weigh, (_checked(display),), None, self.device)

    def answer(self, display: Ints, gate: GateState | None = None) -> dict[str, npt.NDArray[np.float64]]:
        """Its score of each sentence, the true one, and how far apart they are."""
        said = in_chunks(self.network, (_checked(display),), gate, self.device)
        true = truth(display)
        return {"score": np.abs(said - true), "said": said, "true": true}

    def allocate(self, display: Ints, gate: GateState | None = None) -> Floats:
        """The attention that each word got (B, n)."""
        return in_chunks(self.network.allocate, (_checked(display),), gate, self.device)

    def share(self, display: Ints) -> Floats:
        """What a perfect network would attend to (B, n)."""
        return share(_checked(display))

    def elements(self, display: Ints, row: int) -> list[str]:
        """The words."""
        return [WORDS[i] for i in _checked(display)[row]]


def _length(value: object) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return whole("words of a sentence", value, least=SHORTEST, most=LONGEST)


def _checked(display: Ints) -> Ints:
    word = np.asarray(display)
    if word.ndim != 2 or word.dtype.kind not in "iu" or not 1 <= word.shape[1] <= LONGEST:
        raise InputError(
            f"a display must be words (sentences, 1 to {LONGEST} places), got {word.dtype} {word.shape}"
        )
    if word.size and not 0 <= word.min() <= word.max() < len(WORDS):
        raise InputError(f"words must be 0 to {len(WORDS) - 1}, got {word.min()} to {word.max()}")
    return word.astype(np.int64)


def load(device: str) -> SequenceScorer:
    """The subject with the weights that lie beside this file."""
    network = Scorer()
    notes = load_weights(network, WORKSHOP.weights, WORKSHOP.make)
    if notes.get("words") != " ".join(WORDS):
        raise InputError(f"{WORKSHOP.weights} is for other words; make it anew with: {WORKSHOP.make}")
    return SequenceScorer(network, device, noted(notes, "gap", WORKSHOP.weights, WORKSHOP.make))


# ------------------------------------------------------------------------------------------- training, measuring


def loss(network: Scorer, step: int) -> torch.Tensor:
    """Mean squared error; a step takes sentences of one length, the next step those of the next."""
    keys = trial_keys(SEED, step, np.arange(BATCH))
    word = sentences(keys, SHORTEST + step % (LONGEST - SHORTEST + 1), held_out=False)
    wanted = torch.from_numpy((truth(word) + noise(keys)).astype(np.float32))
    return F.mse_loss(network(torch.from_numpy(word)), wanted)


@cache
def unseen(n: int = 500) -> tuple[tuple[Ints, Floats, Floats], ...]:
    """(sentences, true scores, noise) of every length; held out."""
    found = []
    for length in range(SHORTEST, LONGEST + 1):
        keys = trial_keys(seed_of(SEED, "test"), length, np.arange(n))
        word = sentences(keys, length, held_out=True)
        found.append((word, truth(word), noise(keys)))
    return tuple(found)


def held_out(network: Scorer) -> float:
    """Mean squared error on sentences it never trains on."""
    subject = SequenceScorer(network)
    return float(np.mean([(subject.answer(word)["said"] - true - e) ** 2 for word, true, e in unseen()]))


def measure(network: Scorer) -> dict[str, float]:
    """How close it comes to the floor, and to the weights and values that made the scores."""
    subject = SequenceScorer(network)
    found = {"held_out": held_out(network), "floor": float(np.mean([e**2 for _, _, e in unseen()]))}
    for name, own, true in (("weights", subject.weigh, log_weight), ("shares", subject.allocate, share)):
        pairs = [(own(word).ravel(), true(word).ravel()) for word, _, _ in unseen()]
        found[f"r_{name}"] = float(np.corrcoef(*np.concatenate(pairs, 1))[0, 1])
    for length in map(int, SequenceScorer.design.values):
        found[f"error_{length}"] = float(subject.answer(unseen()[length - SHORTEST][0])["score"].mean())
    return found | measure_gap(subject)


def measure_gap(subject: SequenceScorer) -> dict[str, float]:
    """Logits of words with a content (nouns, verbs, adjectives, adverbs) and of the others, in training sentences."""
    content = np.array([KIND[word] in IMPORTANCE for word in WORDS])
    words = [
        sentences(trial_keys(seed_of(SEED, "gap"), n, np.arange(500)), n, held_out=False)
        for n in range(SHORTEST, LONGEST + 1)
    ]
    logits, matters = (
        np.concatenate([f(word).ravel() for word in words]) for f in (subject.weigh, content.take)
    )
    return {
        "gap": float(logits[matters].mean() - logits[~matters].mean()),
        "sd_content": float(logits[matters].std()),
        "sd_other": float(logits[~matters].std()),
    }


def report(numbers: dict[str, float]) -> None:
    """The table that the head of this file quotes."""
    print(
        f"held-out mean squared error {numbers['held_out']:.4f}, of the truth itself {numbers['floor']:.4f}"
    )
    print("mean error, no gate:")
    for length in map(int, SequenceScorer.design.values):
        print(f"  {length:2d} words   {numbers[f'error_{length}']:.4f}")
    print(f"its attention and the true shares of the words correlate {numbers['r_shares']:.4f}, "
          f"its logits and the true log weights {numbers['r_weights']:.4f}")  # fmt: skip
    print(f"logits, training sentences: gap {numbers['gap']:.3f}, sd {numbers['sd_content']:.3f} (content), "
          f"{numbers['sd_other']:.3f} (other words)")  # fmt: skip


WORKSHOP = Workshop(
    Path(__file__),
    network=lambda: seeded(Scorer, SEED),
    lesson=loss,
    course=Course(steps=5000, rate=1e-2, every=250),
    measure=measure,
    report=report,
    held_out=held_out,
    notes={"words": " ".join(WORDS)},
)

if __name__ == "__main__":
    raise SystemExit(WORKSHOP.main())
