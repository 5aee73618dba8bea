"""A network that reads a review, sentence by sentence, and says whether it praises: sentiment through one attention.

    python models/text_classifier.py            # train (40 s on one core), measure, write the weights
    python models/text_classifier.py --check    # load the weights and measure them again
    python models/text_classifier.py --resume   # go on with a training that was stopped
    python models/text_classifier.py --data FOLDER --to mine.safetensors       # train it on your own texts
    python models/text_classifier.py --dataset NAME --to mine.safetensors      # or on a Hugging Face dataset

An element is a sentence, because that is what a reader holds: its gist outlives its wording (Sachs 1967, Percept
Psychophys 2:437), and three or four such chunks are held at a time (Cowan 2001, Behav Brain Sci 24:87). Each sentence
s is read by itself, word after word, to h_s; one learned query attends once over the sentences:

    h_s = GRU(words of s)        praise = r · Σ_s softmax_s(q · K h_s) V h_s + b

The reviews are made up by a grammar. Three sentences judge the film; their majority is the verdict, and in half of the
reviews one of the three dissents. A third of them judge plainly ("the plot was very clever"), a third by a negation
("nobody could call the plot dull"), a third by a concession, whose main clause counts ("although the plot was dull, the
music was lovely"). All others are beside the point: facts ("we took the bus to dover") or, as often, judgements of
something else ("the popcorn was far from stale"). So neither a word of praise nor the film's name is enough.
One in eight fillings of each template is held out: no sentence of an experiment was ever trained on. In half of the
training reviews sentences were hidden at random, so that it does what it can with those that are left.

What you should see, without a gate: every held-out verdict right, with 0 2 4 8 16 sentences beside the point, and right
on single sentences that judge plainly, by negation or by concession. Gap of the logits 3.6 (own alpha .03), sd .06
(opinions) and .29 (others). Under human limits (50 people, 100 trials): .96 .88 .84 .81 .78 right.

What is weak: a grammar of 210 words is no review page; the ceiling of 1.00 says that it is learnt, not that it is
hard.

On your own texts no one says which sentences are beside the point, so the network's own attention does: what matters is
what it attends to more than to most sentences (above the median of your training texts), right or wrong. The texts that
were held out lie beside the weights (mine.texts.json beside mine.safetensors), and a copy of this file beside both is
examined on them: `cogattn compare --model mine.py`.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import nn

from cogattn.errors import InputError
from cogattn.mind.draws import DISPLAY, seed_of, trial_keys, uniforms
from cogattn.nn.functional import gated_attention
from cogattn.nn.networks.held_out_texts import ENDING, TextExam, kept, kept_beside, seal_of
from cogattn.nn.networks.registry import (
    PICTURE,
    Keys,
    TaskDesign,
    in_chunks,
    load_weights,
    noted,
    read_weights,
)
from cogattn.nn.networks.texts import NOTHING, UNKNOWN, Texts, Vocabulary, load_dataset, load_folder
from cogattn.nn.networks.training import Course, Workshop, seeded
from cogattn.world.stream import MOST_ELEMENTS, TaskStream, one_by_one

if TYPE_CHECKING:
    from cogattn.nn.gate import GateState

# What a slot of a template may hold. A pair of rows: what speaks against (0) and what speaks for (1).
SLOTS: dict[str, tuple[str, str]] = {
    "ADJ": (
        "bad poor dreadful terrible awful horrible dull boring clumsy stale silly cold flat tedious crude messy "
        "lifeless bland thin dreary hollow tiresome annoying shoddy",
        "good great wonderful brilliant superb lovely charming delightful clever fresh funny warm moving gripping "
        "elegant graceful inspired sharp rich bright tender thrilling pleasant splendid",
    ),
    "LIKED": (
        "hated disliked regretted despised loathed resented dreaded deplored",
        "liked loved enjoyed admired adored cherished savoured treasured",
    ),
    "LIKE": (
        "hate dislike regret despise loathe resent dread deplore",
        "like love enjoy admire adore cherish savour treasure",
    ),
}
PLAIN: dict[str, str] = {
    "INT": "very truly quite rather really so remarkably utterly",
    "FILM": "film movie story plot acting script cast ending music direction dialogue finale picture pacing "
    "photography opening",
    "THING": "popcorn seat bus parking coffee queue weather pizza hotel heating carpet waiter lobby traffic taxi soup",
    "PLACE": "paris london rome boston dover vienna oslo madrid lisbon dublin chicago berlin athens cairo milan geneva",
    "DAY": "monday tuesday wednesday thursday friday saturday sunday christmas",
    "CAR": "bus train tram ferry taxi car bicycle boat",
    "WHO": "detective teacher widow soldier farmer sailor nurse painter lawyer pilot singer baker doctor priest "
    "student tailor",
}

# ADJ+ says what the sentence says, ADJ- the opposite. A slot that comes twice holds two different words.
JUDGEMENTS: dict[str, tuple[str, ...]] = {
    "plain": (
        "the X was INT ADJ+",
        "i found the X INT ADJ+",
        "the X was ADJ+ and ADJ+",
        "from start to finish the X was ADJ+",
        "we LIKED+ the X",
    ),
    "negated": (
        "the X was not INT ADJ-",
        "the X was never ADJ-",
        "the X was far from ADJ-",
        "the X was anything but ADJ-",
        "nobody could call the X ADJ-",
        "i did not find the X ADJ-",
        "there was nothing ADJ- about the X",
        "we did not LIKE- the X",
    ),
    "conceded": (
        "although the X was ADJ- , the X was ADJ+",
        "the X was ADJ- , but the X was ADJ+",
        "however ADJ- the X was , the X was ADJ+",
        "we LIKED- the X , but the X was ADJ+",
    ),
}
FACTS = (
    "the film lasts longer than the train to PLACE",
    "a WHO from PLACE wrote about the FILM",
    "in the film a WHO travels from PLACE to PLACE",
    "the WHO never finds the letter of the WHO",
    "we took the CAR to PLACE on DAY",
    "on DAY it rained in PLACE",
    "we did not take the CAR from PLACE",
    "although it was DAY , we met a WHO in PLACE",
)
KINDS = ("plain", "negated", "conceded", "fact", "elsewhere")  # of sentences; the first three judge the film

SEED = 0
OPINIONS = 3  # sentences that judge the film; their majority is the verdict
DISTRACTORS = (0, 2, 4, 8, 16)
MOST = OPINIONS + max(DISTRACTORS)
SPLIT = 8  # one in so many fillings of each template is held out
LENGTH = 12  # words of the longest sentence
PACE = (
    7.2 * 60 / 238
)  # s: words of the mean sentence at silent reading (Brysbaert 2019, J Mem Lang 109:104047)
WORD, STATE, WIDTH = 24, 40, 16  # sizes of a word, of the reader's state, of keys and values
BATCH = 64
FORGOTTEN = 0.2  # of the words, in training on texts that are not from this grammar
OWN_SENTENCES, OWN_LENGTH = 40, 24  # of a text that is not from this grammar
MEASURED = 2000  # such texts that the gap is measured on

Ints = npt.NDArray[np.int64]


# --------------------------------------------------------------------------------------------------- the grammar


@dataclass(frozen=True)
class Template:
    """A sentence with slots: (which table of words, +1 as the sentence, -1 against it, 0 neither) at each place."""

    kind: str
    parts: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, kind: str, text: str) -> Template:
        """`the X was ADJ-`: words in capitals are slots, X is the film or, elsewhere, a thing."""
        sides = {"+": 1, "-": -1}
        text = text.replace("X", "THING" if kind == "elsewhere" else "FILM")
        return cls(kind, tuple((w.rstrip("+-"), sides.get(w[-1], 0)) for w in text.split()))


@cache
def templates() -> tuple[Template, ...]:
    """All of them, judgements twice: of the film and of something else."""
    every = [Template.of(kind, text) for kind, texts in JUDGEMENTS.items() for text in texts]
    every += [Template.of("fact", text) for text in FACTS]
    return (*every, *(Template.of("elsewhere", text) for texts in JUDGEMENTS.values() for text in texts))


@cache
def own() -> Vocabulary:
    """All words of the grammar, by the alphabet."""
    filled = [*PLAIN.values(), *(side for pair in SLOTS.values() for side in pair)]
    literal = (w for t in templates() for w, _ in t.parts if not w.isupper())
    return Vocabulary(tuple(sorted({word for words in filled for word in words.split()} | set(literal))))


@cache
def _table(slot: str) -> Ints:
    """(2, n): the words of a slot, against and for, as their numbers in the grammar's own vocabulary."""
    sides = SLOTS.get(slot) or (PLAIN.get(slot, slot),) * 2
    return np.array([own().numbers(side.split()) for side in sides])


@dataclass(frozen=True)
class Reviews:
    """B reviews of S sentences."""

    words: Ints  # (B, S, LENGTH), numbers in the grammar's own vocabulary
    kind: Ints  # (B, S), places in KINDS
    verdict: Ints  # (B,), 1 = praise

    @property
    def opinion(self) -> npt.NDArray[np.bool_]:
        """(B, S): which sentences judge the film."""
        return self.kind < len(JUDGEMENTS)


def reviews(keys: Keys, distractors: int, held_out: bool) -> Reviews:
    """Reviews with so many sentences beside the point, each from its own key; order at random."""
    B, S = len(keys), OPINIONS + distractors
    u = uniforms(keys[:, None], DISPLAY, PICTURE + np.arange(3 + 3 * S))
    verdict = (u[:, 0] < 0.5).astype(np.int64)
    dissent = np.where(u[:, 1] < 0.5, (u[:, 2] * OPINIONS).astype(np.int64), -1)  # who, if anybody
    order, group, side = u[:, 3:].reshape(B, 3, S).swapaxes(0, 1)
    nth = order.argsort(1)  # (B, S): the first OPINIONS judge the film
    judged = (group * len(JUDGEMENTS)).astype(np.int64)
    beside = len(JUDGEMENTS) + (group * 2).astype(np.int64)
    kind = np.where(nth < OPINIONS, judged, beside)
    praise = np.where(nth < OPINIONS, verdict[:, None] ^ (nth == dissent[:, None]), side < 0.5)
    parts = uniforms(keys[:, None, None], DISPLAY, PICTURE + 2**16 + np.arange(S * 16).reshape(S, 16))
    words = _filled(kind.ravel(), praise.ravel().astype(np.int64), parts.reshape(B * S, 16), held_out)
    return Reviews(words.reshape(B, S, LENGTH), kind, verdict)


def _filled(kind: Ints, praise: Ints, u: npt.NDArray[np.float64], held_out: bool) -> Ints:
    """Sentences (n, LENGTH) of these kinds, for or against."""
    out = np.zeros((len(kind), LENGTH), np.int64)
    for k, name in enumerate(KINDS):
        mine = [(i, t) for i, t in enumerate(templates()) if t.kind == name]
        which = (u[:, 0] * len(mine)).astype(np.int64)
        for j, (number, template) in enumerate(mine):
            rows = np.flatnonzero((kind == k) & (which == j))
            out[rows, : len(template.parts)] = _fill(template, number, praise[rows], u[rows, 1:], held_out)
    return out


def _fill(template: Template, number: int, praise: Ints, u: npt.NDArray[np.float64], held_out: bool) -> Ints:
    """Words for the slots. The last slot sees to it that the sum of all choices is one of its side of the split."""
    out = np.empty((len(praise), len(template.parts)), np.int64)
    slots = [i for i, (word, _) in enumerate(template.parts) if word.isupper()]
    chosen: dict[str, Ints] = {}
    total = np.full(len(praise), number)
    for i, (word, side) in enumerate(template.parts):
        table = _table(word)
        n = table.shape[1]
        pick = (u[:, i] * n).astype(np.int64)
        if i == slots[-1]:
            rest = (0 if held_out else 1 + (u[:, -1] * (SPLIT - 1)).astype(np.int64)) - total
            pick = pick - pick % SPLIT + rest % SPLIT
        if word in chosen:
            pick = np.where(pick == chosen[word], (pick + SPLIT) % n, pick)
        total, chosen[word] = total + pick * (i in slots), pick
        out[:, i] = table[np.where(side < 0, 1 - praise, praise), pick]
    return out


def said(words: Ints) -> str:
    """A sentence in letters."""
    return " ".join(own().words[w - 2] for w in words if w != NOTHING).replace(" ,", ",")


# --------------------------------------------------------------------------------------------------- the network


class Reader(nn.Module):
    """Each sentence read by itself; one query attends once over them."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.word = nn.Embedding(vocabulary, WORD, padding_idx=NOTHING)
        self.read = nn.GRU(WORD, STATE, batch_first=True)
        self.query = nn.Parameter(torch.randn(WIDTH) / math.sqrt(WIDTH))
        self.key, self.value = nn.Linear(STATE, WIDTH, bias=False), nn.Linear(STATE, WIDTH)
        self.praise = nn.Linear(WIDTH, 1)

    def encode(self, words: torch.Tensor) -> torch.Tensor:
        """words (B, S, L) -> what each sentence says (B, S, STATE): the state after its last word."""
        B, S, L = words.shape
        flat = words.reshape(B * S, L).long()
        states = self.read(self.word(flat))[0]  # (B S, L, STATE)
        last = ((flat != NOTHING).sum(1) - 1).clamp(min=0)
        return states[torch.arange(len(flat), device=flat.device), last].reshape(B, S, STATE)

    def weigh(self, words: torch.Tensor, gate: GateState | None = None) -> torch.Tensor:
        """q·k of each sentence (B, S)."""
        logit: torch.Tensor = self.key(self.encode(words)) @ self.query
        return logit

    def streams(
        self, words: torch.Tensor, seen: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """q, k, v of the one attention call, each (B, 1, ...), and which sentences there are (B, 1, 1, S)."""
        h = self.encode(words)[:, None]  # (B, 1, S, STATE)
        here = (words != NOTHING).any(-1)
        here = here if seen is None else here & seen
        return self.query.expand(len(words), 1, 1, WIDTH), self.key(h), self.value(h), here[:, None, None, :]

    def forward(
        self, words: torch.Tensor, gate: GateState | None = None, seen: torch.Tensor | None = None
    ) -> torch.Tensor:
        """How much the review praises (B,): log odds. seen (B, S) bool: sentences that training hides."""
        q, k, v, here = self.streams(words, seen)
        read = gated_attention(q, k, v, gate, attn_mask=here, scale=1.0)
        out: torch.Tensor = self.praise(read[:, 0, 0])[:, 0]
        return out

    def allocate(self, words: torch.Tensor, gate: GateState | None = None) -> torch.Tensor:
        """The attention that each sentence got (B, S)."""
        q, k, v, here = self.streams(words, None)
        weights = gated_attention(q, k, v, gate, attn_mask=here, scale=1.0, need_weights=True)[1]
        return weights[:, 0, 0]


# --------------------------------------------------------------------------------------------------- the subject


class Classifier:
    """The trained network before whole texts; whose texts, its two kinds below say."""

    def __init__(
        self, network: Reader, vocabulary: Vocabulary, device: str = "cpu", gap: float = math.nan
    ) -> None:
        self.network = network.to(device).eval()
        self.vocabulary, self.device, self.gap = vocabulary, device, gap

    def weigh(self, display: Any) -> npt.NDArray[np.float64]:
        """q·k of each sentence."""
        words = self._numbers(display)
        return np.where(
            (words != NOTHING).any(-1), in_chunks(self.network.weigh, (words,), None, self.device), -np.inf
        )

    def answer(self, display: Any, gate: GateState | None = None) -> dict[str, npt.NDArray[np.generic]]:
        """1 where its verdict is right; how sure it was of praise, and its verdict in a word."""
        odds = in_chunks(self.network, (self._numbers(display),), gate, self.device)
        right = (odds > 0) == (display.verdict == 1)
        praise = 1 / (1 + np.exp(-odds))
        return {
            "score": right.astype(float),
            "praise": praise,
            "response": np.where(odds > 0, "positive", "negative"),
        }

    def allocate(self, display: Any, gate: GateState | None = None) -> npt.NDArray[np.float64]:
        """The attention that each sentence got (B, S)."""
        return in_chunks(self.network.allocate, (self._numbers(display),), gate, self.device)

    def praise(self, texts: list[str]) -> npt.NDArray[np.float64]:
        """The probability that each of these texts praises, as the network sees it."""
        numbers = self.vocabulary.encode(texts, OWN_SENTENCES, OWN_LENGTH)
        return 1 / (1 + np.exp(-in_chunks(self.network, (numbers,), None, self.device)))

    def _numbers(self, display: Any) -> Ints:
        """The words of a display in the network's vocabulary."""
        found: Ints = display.words
        return found


class TextClassifier(Classifier):
    """Before held-out reviews of the grammar: a `registry.Specialist`."""

    name = "text_classifier"
    design = TaskDesign(
        title="Sentiment of a review",
        column="distractors",
        values=DISTRACTORS,
        label="sentences about something else",
        measure="share of verdicts right",
        chance=0.5,
        source="sentences as chunks: Sachs 1967, Percept Psychophys 2:437; Cowan 2001, Behav Brain Sci 24:87",
    )

    def __init__(
        self, network: Reader, vocabulary: Vocabulary, device: str = "cpu", gap: float = math.nan
    ) -> None:
        super().__init__(network, vocabulary, device, gap)
        self._number = np.array([NOTHING, UNKNOWN, *vocabulary.numbers(own().words)])

    def stream(self, value: float) -> TaskStream:
        """Sentence after sentence, at the pace of silent reading."""
        return one_by_one(OPINIONS + self._others(value), PACE)

    def show(self, value: float, keys: Keys) -> Reviews:
        """Held-out reviews with so many sentences beside the point."""
        return reviews(np.atleast_1d(np.asarray(keys, np.uint64)), self._others(value), held_out=True)

    def _others(self, value: float) -> int:
        """How many sentences beside the point."""
        return self.design.count(value, least=0, most=MOST_ELEMENTS - OPINIONS)

    def elements(self, display: Any, row: int) -> list[str]:
        """The sentences."""
        return [said(words) for words in display.words[row]]

    def _numbers(self, display: Reviews) -> Ints:
        """The words of the grammar as those of the network's vocabulary."""
        found: Ints = self._number[display.words]
        return found


class OwnClassifier(Classifier):
    """Before those of a user's texts that were held out when it was trained on the others: a `registry.Specialist`."""

    def __init__(
        self, name: str, network: Reader, vocabulary: Vocabulary, texts: Texts, device: str, gap: float
    ) -> None:
        super().__init__(network, vocabulary, device, gap)
        self.exam = TextExam(texts, vocabulary, OWN_SENTENCES, OWN_LENGTH)
        self.name, self.design = name, self.exam.design
        self.stream, self.show, self.elements = self.exam.stream, self.exam.show, self.exam.elements


def reviewer(path: Path, make: str, device: str = "cpu") -> TextClassifier | OwnClassifier:
    """The subject with these weights, which know their words; they may be of anybody's own training."""
    said = read_weights(path, make)[1]
    vocabulary = Vocabulary(tuple(said.get("words", "").split()))
    network = Reader(len(vocabulary))
    notes = load_weights(network, path, make)
    gap, make = noted(notes, "gap", path, make), said.get("command", make)
    if "texts" in notes:
        texts = kept_beside(path, notes["texts"], make)
        return OwnClassifier(path.stem, network, vocabulary, texts, device, gap)
    if vocabulary.words != own().words:
        raise InputError(
            f"{path} does not say on which held-out texts it is examined; make it anew with: {make}"
        )
    return TextClassifier(network, vocabulary, device, gap)


def load(device: str) -> TextClassifier | OwnClassifier:
    """The subject with the weights that lie beside this file."""
    return reviewer(WORKSHOP.weights, WORKSHOP.make, device)


# ------------------------------------------------------------------------------------------- training, measuring


def loss(network: Reader, step: int) -> torch.Tensor:
    """Log loss of the verdict. A step takes one number of distractors; in half of the reviews sentences are hidden."""
    keys = trial_keys(SEED, step, np.arange(BATCH))
    return _loss(network, keys, (step * 7) % (max(DISTRACTORS) + 1), held_out=False)


def held_out(network: Reader) -> float:
    """The same on sentences that it never trains on."""
    keys = trial_keys(seed_of(SEED, "look"), 0, np.arange(2 * BATCH))
    return float(np.mean([_loss(network, keys, d, held_out=True).item() for d in DISTRACTORS]))


def _loss(network: Reader, keys: Keys, distractors: int, held_out: bool) -> torch.Tensor:
    shown = reviews(keys, distractors, held_out)
    u = uniforms(keys[:, None], DISPLAY, PICTURE + 2**20 + np.arange(2 + MOST))
    gone = np.where(u[:, :1] < 0.5, u[:, 1:2], 0.0)  # the share that is hidden
    seen = torch.from_numpy(u[:, 2 : 2 + shown.words.shape[1]] >= gone)
    return _log_loss(network(torch.from_numpy(shown.words), seen=seen), shown.verdict)


def _log_loss(odds: torch.Tensor, verdict: Ints) -> torch.Tensor:
    return F.binary_cross_entropy_with_logits(odds, torch.from_numpy(verdict).to(odds))


@cache
def _unseen(distractors: int, n: int = 1000) -> Reviews:
    keys = trial_keys(seed_of(SEED, "test"), distractors, np.arange(n))
    return reviews(keys, distractors, held_out=True)


def measure(network: Reader) -> dict[str, float]:
    """Verdicts right on held-out reviews, by distractors and by how the opinions are put; and the gap."""
    subject = TextClassifier(network, own())
    found = {f"right_{d}": float(subject.answer(_unseen(d))["score"].mean()) for d in DISTRACTORS}
    for kind in JUDGEMENTS:
        found[f"right_{kind}"] = _right_alone(subject, kind)
    return found | measure_gap(subject)


def _right_alone(subject: TextClassifier, kind: str, n: int = 2000) -> float:
    """Verdicts right on single held-out sentences of one kind."""
    keys = trial_keys(seed_of(SEED, "alone", kind), 0, np.arange(n))
    u = uniforms(keys[:, None], DISPLAY, PICTURE + np.arange(17))
    verdict = (u[:, 0] < 0.5).astype(np.int64)
    kinds = np.full(n, KINDS.index(kind))
    words = _filled(kinds, verdict, u[:, 1:], held_out=True)
    return float(subject.answer(Reviews(words[:, None], kinds[:, None], verdict))["score"].mean())


def measure_gap(subject: TextClassifier) -> dict[str, float]:
    """Logits of sentences that judge the film and of the others, in training reviews, and their spread."""
    shown = reviews(trial_keys(seed_of(SEED, "gap"), 0, np.arange(2000)), 6, held_out=False)
    logits, opinion = subject.weigh(shown), shown.opinion
    return {
        "gap": float(logits[opinion].mean() - logits[~opinion].mean()),
        "sd_opinions": float(logits[opinion].std()),
        "sd_others": float(logits[~opinion].std()),
    }


def report(numbers: dict[str, float]) -> None:
    """The table that the head of this file quotes."""
    print("held-out reviews, no gate:")
    for d in DISTRACTORS:
        print(f"  {d:2d} sentences about something else   {numbers[f'right_{d}']:.3f} right")
    print("one held-out sentence by itself:")
    for kind in JUDGEMENTS:
        print(f"  {kind:9s} {numbers[f'right_{kind}']:.3f} right")
    print(f"logits, training reviews: gap {numbers['gap']:.2f}, sd {numbers['sd_opinions']:.2f} (opinions), "
          f"{numbers['sd_others']:.2f} (others)")  # fmt: skip


WORKSHOP = Workshop(
    Path(__file__),
    network=lambda: seeded(lambda: Reader(len(own())), SEED),
    lesson=loss,
    course=Course(steps=1500, rate=1e-2, warmup=50, clip=1.0, every=100),
    measure=measure,
    report=report,
    held_out=held_out,
    notes={"words": " ".join(own().words)},
)


# ----------------------------------------------------------------------------------------------- your own texts


class OwnTexts:
    """Texts of any kind as lessons. A ninth of the training texts says when to stop; the test set, how good it is."""

    def __init__(self, train: Texts, test: Texts) -> None:
        self.vocabulary = Vocabulary.of(train.texts)
        texts = self.vocabulary.encode([*train.texts, *test.texts], OWN_SENTENCES, OWN_LENGTH)
        sentences, length = (int((texts != NOTHING).any((0, axis)).sum()) for axis in (2, 1))
        every, self.test = np.split(texts[:, :sentences, :length], [len(train.texts)])
        look = uniforms(trial_keys(SEED, 0, np.arange(len(every))), DISPLAY, 0) < 1 / 9
        self.train, self.look = every[~look], every[look]
        self.train_labels, self.look_labels = train.labels[~look], train.labels[look]
        self.test_labels, self.kept = test.labels, kept(test)

    def loss(self, network: Reader, step: int) -> torch.Tensor:
        """Log loss of a batch drawn at random, some of its words made unknown (Iyyer et al. 2015, ACL 53:1681)."""
        keys = trial_keys(SEED, step, np.arange(BATCH))
        rows = (uniforms(keys, DISPLAY, 0) * len(self.train)).astype(np.int64)
        words = self.train[rows]
        u = uniforms(keys[:, None], DISPLAY, 1 + np.arange(words[0].size)).reshape(words.shape)
        words = np.where((u < FORGOTTEN) & (words != NOTHING), UNKNOWN, words)
        return _log_loss(network(torch.from_numpy(words)), self.train_labels[rows])

    def held_out(self, network: Reader) -> float:
        """Log loss of the texts that say when to stop."""
        odds = in_chunks(network, (self.look,))
        return _log_loss(torch.from_numpy(odds), self.look_labels).item()

    def measure(self, network: Reader) -> dict[str, float]:
        """Verdicts right on the held-out texts, and by always saying the same; the gap on the grammar's reviews."""
        odds = in_chunks(network, (self.test,))
        right = float(((odds > 0) == (self.test_labels == 1)).mean())
        share = float(self.test_labels.mean())
        return {"right": right, "same": max(share, 1 - share), "shown": len(self.test), **self.gap(network)}

    def gap(self, network: Reader) -> dict[str, float]:
        """Logits of the sentences that it attends to more than to most, and of the others; what each half says.

        How far a sentence read alone moves the log odds from those of nothing at all tells whether it attends to what
        counts for it.
        """
        words = self.train[:MEASURED]
        here = (words != NOTHING).any(-1)
        logits = in_chunks(network.weigh, (words,))[here]
        alone = in_chunks(network, (np.concatenate([words[here], 0 * words[:1, 0]])[:, None],))
        moved = np.abs(alone[:-1] - alone[-1])
        high = logits > np.median(logits)
        return {
            "gap": float(logits[high].mean() - logits[~high].mean()),
            "moved_high": float(moved[high].mean()),
            "moved_low": float(moved[~high].mean()),
        }

    def report(self, numbers: dict[str, float]) -> None:
        """What was measured."""
        print(f"{numbers['shown']:.0f} held-out texts: {numbers['right']:.3f} right; "
              f"always the same verdict: {numbers['same']:.3f}")  # fmt: skip
        print(f"sentences that it attends to more than to most: {numbers['gap']:.2f} above the others; alone they move "
              f"the log odds by {numbers['moved_high']:.2f}, the others by {numbers['moved_low']:.2f}")  # fmt: skip

    def workshop(self, file: Path, command: str, steps: int) -> Workshop:
        """How it is trained on them."""
        return replace(
            WORKSHOP,
            file=file,
            network=lambda: seeded(lambda: Reader(len(self.vocabulary)), SEED),
            lesson=self.loss,
            course=Course(steps=steps, rate=5e-3, every=max(1, steps // 20), patience=4),
            measure=self.measure,
            report=self.report,
            held_out=self.held_out,
            notes={"words": " ".join(self.vocabulary.words), "command": command, "texts": seal_of(self.kept)},
            beside={ENDING: self.kept},
        )


def arguments(parser: argparse.ArgumentParser) -> None:
    """What only this model can be asked."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--data", help="a folder with pos/ and neg/, or with train/ and test/ that have them")
    source.add_argument("--dataset", help="a Hugging Face dataset with texts and labels 0 and 1")
    parser.add_argument("--to", help="where the weights of your own texts go (a .safetensors file)")
    parser.add_argument("--steps", type=int, default=3000, help="how long to train on your own texts")


def chosen(shop: Workshop, asked: argparse.Namespace) -> Workshop:
    """The workshop of this file, or one for somebody's own texts."""
    if not asked.data and not asked.dataset:
        if asked.to:
            raise InputError("--to belongs to --data FOLDER or --dataset NAME: name the texts")
        return shop
    file = shop.own_file(asked.to)
    train, test = load_folder(asked.data) if asked.data else load_dataset(asked.dataset)
    texts = f"--data {asked.data}" if asked.data else f"--dataset {asked.dataset}"
    command = f"{shop.make} {texts} --to {asked.to} --steps {asked.steps}"
    return OwnTexts(train, test).workshop(file, command, asked.steps)


if __name__ == "__main__":
    raise SystemExit(WORKSHOP.main(arguments, chosen))
