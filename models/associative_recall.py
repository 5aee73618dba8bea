"""A network that recalls what goes with what: pairs come one after the other, then some of the keys are asked for.

    python models/associative_recall.py            # train (35 s on one core), measure, write the weights
    python models/associative_recall.py --check    # load the weights and measure them again
    python models/associative_recall.py --resume   # go on with a training that was stopped
    cogattn compare --model associative_recall     # its task: share of answers right by the number of pairs

Multi-query associative recall (Arora et al. 2023, arXiv:2312.04927): 2 to 32 pairs of a key and a value, then a query
for each of up to eight of the keys. A query t attends once over the pairs s that came before it and over a null key of
logit 0 and value 0, which says "unknown":

    logit(t, s) = b (q(key asked)·k(key of s) - d) + c (s - t)         q, k: unit vectors; b, c, d: learned
    answer(t)   = g(Σ_s softmax_s(logit(t, s)) · value of s)

A pair is encoded by itself, and a query knows of it through this one attention call alone, so a store of K slots bounds
it. c makes the later of two pairs with the same key win: `streaming` is the same network in a stream in which values
change, and each pair comes with a question about another key, as people kept track of 4 to 8 changing pairs in
Atkinson, Brelsford & Shiffrin (1967, J Math Psychol 4:277). There it can also be read step by step through a cache of K
keys and values (`cached`), to the same answers.

Trained without limits, fillers among the pairs and a share of what it needs hidden, so that it says the latest value
that it finds, or "unknown"; never a guess. Task constants: a pair every 2 s, on display until the next one comes
[assumption: a store that takes a pair in within 15 ms has no use for more].

What you should see: a loss that stands still for 350 steps and falls within 50, once queries find keys; then, without
limits, all right on pairs of a key and a value that training never showed (streams of two keys .998). Under human
limits min(K, P) of P pairs are left: .99 .75 .38 .19 .10 of 2 4 8 16 32. In a stream of N keys, a full store displacing
at random, the pair that came `lag` pairs ago is left with (1 - 1/K)^(lag - 1), about K / (K + N - 1) on average: .77
.51 .31 .17 .09 of 2 4 8 16 32. What is left may be old: of two keys 10 % of the answers name a value that has changed
since. Weak: who forgets forgets all of a pair, and nobody guesses, rehearses or tires.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
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
from cogattn.nn.memory import NOWHERE, Plan, SlotCache, eviction_plan, plan_from_events
from cogattn.nn.networks.registry import PICTURE, Keys, TaskDesign, in_chunks, load_weights, noted
from cogattn.nn.networks.training import Course, Workshop, seeded
from cogattn.world.stream import Task, TaskStream, one_by_one

if TYPE_CHECKING:
    from cogattn.nn.gate import GateState

KEYS = VALUES = 64
PLACES = 64  # the longest trial, in elements
NONE = KEYS  # the key of a filler: a value alone, which no query asks for
UNKNOWN = VALUES  # the last of the outputs
RESERVED = 4  # pairs whose key + value is a multiple of it are kept from training, and alone make the task
QUERIES = 8  # at most so many keys are asked for after the pairs
UPDATES = PLACES // 2  # pairs of a stream that come with a question
SHUT = 1e6  # in the place of a key's 1: a logit so low that its weight is 0 to the bit
PACE = 2.0  # s from pair to pair
EARLY = 0.1  # s before the pair that comes with it a question of a stream is asked
WIDTH = 64
SEED = 0
BATCH = 64
CHUNK = 64  # trials per forward pass, always: so that an answer depends on no other trial of the call

Ints = npt.NDArray[np.int64]


# ---------------------------------------------------------------------------------------------------- data


@dataclass(frozen=True)
class Display:
    """B trials of S elements and L queries."""

    key: Ints  # (B, S), NONE = a filler
    value: Ints  # (B, S)
    ask: Ints  # (B, L) the key asked for
    when: Ints  # (L,) a query comes before this element; S: after the last

    @property
    def met(self) -> npt.NDArray[np.bool_]:
        """(L, S): which elements have come when a query is asked."""
        return np.arange(self.key.shape[1]) < self.when[:, None]

    def last(self, seen: npt.NDArray[np.bool_] | None = None) -> Ints:
        """(B, L): the number of the last element with the key asked for among those `seen` (B, L, S); -1 = none."""
        found = (self.key[:, None, :] == self.ask[:, :, None]) & self.met  # (B, L, S)
        found = found if seen is None else found & seen
        return np.where(found, np.arange(self.key.shape[1]), -1).max(-1, initial=-1)

    def truth(self, seen: npt.NDArray[np.bool_] | None = None) -> Ints:
        """(B, L): the value that goes with the key asked for, as far as it is `seen`; else UNKNOWN."""
        at = self.last(seen)
        return np.where(at < 0, UNKNOWN, np.take_along_axis(self.value, np.maximum(at, 0), 1))

    def named(self, said: Ints) -> npt.NDArray[np.bool_]:
        """(B, L): is what was said a value that the key asked for has, or had?"""
        own = (self.key[:, None, :] == self.ask[:, :, None]) & self.met
        return (own & (self.value[:, None, :] == said[:, :, None])).any(-1)


def values_for(key: Ints, u: npt.NDArray[np.float64], reserved: bool) -> Ints:
    """A value for each key: one of those whose pair is reserved for the task, or one of the others."""
    if reserved:
        return (RESERVED * np.floor(u * (VALUES // RESERVED)).astype(np.int64) - key) % VALUES
    nth = np.floor(u * (VALUES - VALUES // RESERVED)).astype(np.int64)  # of those left over
    return (nth + nth // (RESERVED - 1) + 1 - key) % VALUES


def pairs_then_queries(pairs: int, keys: Keys) -> Display:
    """As many different keys, each with a value; then some of them are asked for, in any order."""
    u = uniforms(keys[:, None], DISPLAY, PICTURE + np.arange(2 * KEYS + PLACES))
    order, draw, asked = np.split(u, [KEYS, 2 * KEYS], axis=1)
    key = order.argsort(1)[:, :pairs]
    which = asked[:, :pairs].argsort(1)[:, :QUERIES]
    ask = np.take_along_axis(key, which, 1)
    return Display(key, values_for(key, draw[:, :pairs], True), ask, np.full(ask.shape[1], pairs))


def stream_of_updates(number: int, keys: Keys) -> Display:
    """As many keys, each shown once; then their values change, one at a time, each with a question about another."""
    length = number + UPDATES
    u = uniforms(keys[:, None], DISPLAY, PICTURE + np.arange(KEYS + 3 * PLACES))
    order, which, draw, asked = np.split(u, [KEYS, KEYS + PLACES, KEYS + 2 * PLACES], axis=1)
    slot = np.floor(which[:, :length] * number).astype(np.int64)
    slot[:, :number] = np.arange(number)
    other = 1 + np.floor(asked[:, number:length] * (number - 1)).astype(np.int64)
    pool = order.argsort(1)
    key = np.take_along_axis(pool, slot, 1)
    ask = np.take_along_axis(pool, (slot[:, number:] + other) % number, 1)
    return Display(key, values_for(key, draw[:, :length], True), ask, np.arange(number, length))


# ------------------------------------------------------------------------------------------------- network


class Network(nn.Module):
    """One attention head from queries to elements; everything else looks at one element or one answer at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.key = nn.Embedding(KEYS + 1, WIDTH)
        self.value = nn.Embedding(VALUES, WIDTH)
        self.asks = nn.Linear(WIDTH, WIDTH, bias=False)
        self.holds = nn.Linear(WIDTH, WIDTH, bias=False)
        self.sharp = nn.Parameter(torch.tensor(math.log(20.0)))  # log b
        self.recent = nn.Parameter(torch.tensor(math.log(0.1)))  # log c
        self.doubt = nn.Parameter(torch.tensor(0.5))  # d
        self.answer = nn.Sequential(nn.Linear(WIDTH, 128), nn.GELU(), nn.Linear(128, VALUES + 1))

    def queries(self, ask: torch.Tensor, when: torch.Tensor) -> torch.Tensor:
        """b (q, -d) and the moment, so that q·k is the logit: (B, 1, L, WIDTH + 2). ask (B, L), when (L,)."""
        q = F.normalize(self.asks(self.key(ask)), dim=-1)
        b, c = self.sharp.exp(), self.recent.exp().expand(*ask.shape, 1)
        return torch.cat([b * q, c, -b * self.doubt - c * when[:, None]], -1)[:, None]

    def pairs(self, key: torch.Tensor, value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys (B, 1, S, WIDTH + 2) and values (B, 1, S, WIDTH) of the elements. key, value (B, S)."""
        k = F.normalize(self.holds(self.key(key)), dim=-1)
        place = torch.arange(key.shape[1], device=key.device).to(k).expand(key.shape)[..., None]
        return torch.cat([k, place, torch.ones_like(place)], -1)[:, None], self.value(value)[:, None]

    def null(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The key of logit 0 and its value, 0: what is found where nothing is."""
        zero = self.doubt.new_zeros(1, 1, 1, WIDTH + 2)
        return zero, zero[..., :WIDTH]

    def weigh(self, key: torch.Tensor) -> torch.Tensor:
        """Log of the summed exp of an element's logits over all keys that may be asked for, when it comes. (B, S)"""
        every = F.normalize(self.asks(self.key.weight[:KEYS]), dim=-1)
        k = F.normalize(self.holds(self.key(key)), dim=-1)
        return (self.sharp.exp() * (k @ every.mT - self.doubt)).logsumexp(-1)

    def forward(
        self,
        key: torch.Tensor,
        value: torch.Tensor,
        ask: torch.Tensor,
        when: torch.Tensor,
        seen: torch.Tensor,
        gate: GateState | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Evidence for each value and for unknown (B, L, VALUES + 1), and where attention was (B, L, S + 1).

        seen (B, L, S) bool: what a query may find; the gate closes more of it.
        """
        q, kv = self.queries(ask, when), self.pairs(key, value)
        k, v = (
            torch.cat([x, null.expand(len(x), -1, -1, -1)], 2)
            for x, null in zip(kv, self.null(), strict=True)
        )
        gate = None if gate is None else gate.with_null(key.shape[1])
        mask = F.pad(seen, (0, 1), value=True)[:, None]
        read, weights = gated_attention(q, k, v, gate, attn_mask=mask, scale=1.0, need_weights=True)
        return self.answer(read[:, 0]), weights[:, 0]


# ------------------------------------------------------------------------------------------------- subject

PAIRS = TaskDesign(
    "Associative recall", "pairs", (2, 4, 8, 16, 32), "pairs", "share of answers right", 0.0,
    source="Arora et al. 2023, arXiv:2312.04927", timed=True,
)  # fmt: skip
STREAM = TaskDesign(
    "Keeping track", "keys", (2, 4, 8, 16, 32), "keys whose values change", "share of answers right", 0.0,
    source="Atkinson, Brelsford & Shiffrin 1967, J Math Psychol 4:277", timed=True,
)  # fmt: skip


class Recall:
    """The trained network: a specialist in pairs, or (`streaming`) in pairs that change."""

    name = "associative_recall"

    def __init__(
        self, network: Network, device: str = "cpu", gap: float = math.nan, changing: bool = False
    ) -> None:
        self.network = network.to(device).eval()
        self.device, self.gap, self.changing = device, gap, changing
        self.design = STREAM if changing else PAIRS

    def streaming(self) -> Recall:
        """The same network where values change. For a run: a file of your own whose `load` returns this."""
        return Recall(self.network, self.device, self.gap, changing=True)

    def stream(self, value: float) -> TaskStream:
        """A pair every 2 s. Keeping track, a full store displaces any item alike; else the weakest, as in all tasks.

        (The weakest ever would leave the strongest ever for good: nobody who keeps track could do it.)
        """
        if not self.changing:
            return one_by_one(self._number(value), PACE)
        return one_by_one(self._number(value) + UPDATES, PACE, task=Task("hold", when_full="random"))

    def show(self, value: float, keys: Keys) -> Display:
        """The trials of these keys; each depends on its own key alone."""
        make = stream_of_updates if self.changing else pairs_then_queries
        return make(self._number(value), np.atleast_1d(np.asarray(keys, np.uint64)))

    def weigh(self, display: Display) -> npt.NDArray[np.float64]:
        """The network's own logit per element: how much all possible questions ask of it. (B, S)"""
        return in_chunks(
            lambda key, _: self.network.weigh(key), (display.key,), device=self.device, chunk=CHUNK
        )

    def answers(self, display: Display, gate: GateState | None = None, plan: Plan | None = None) -> Ints:
        """(B, L): the value said to go with each key asked for, under what the gate or the plan leaves; or UNKNOWN."""
        said = self._call(display, gate, plan, lambda scores, _: scores.argmax(-1))
        return said.astype(np.int64)

    def answer(self, display: Display, gate: GateState | None = None) -> dict[str, npt.NDArray[Any]]:
        """The share of answers right; of those "unknown"; and of those that name an earlier value of that key."""
        said, truth = self.answers(display, gate), display.truth()
        known = said != UNKNOWN
        words = np.where(known, said.astype(str), "?")
        return {
            "score": (said == truth).mean(1),
            "unknown": (~known).mean(1),
            "stale": (display.named(said) & (said != truth)).mean(1),
            "response": np.array([" ".join(row) for row in words]),
        }

    def allocate(self, display: Display, gate: GateState | None = None) -> npt.NDArray[np.float64]:
        """How much of its attention each element got, over all queries; what is missing to 1 went to "unknown"."""
        return self._call(display, gate, None, lambda _, weights: weights[..., :-1].mean(1))

    def elements(self, display: Display, row: int) -> list[str]:
        """Key and value of each element."""
        pairs = zip(display.key[row].tolist(), display.value[row].tolist(), strict=True)
        return [f"{'-' if key == NONE else key}:{value}" for key, value in pairs]

    def plan(self, gate: GateState) -> Plan:
        """What each element finds when it comes, from when the mind held each: for `answers` and `cached`."""
        if gate.t_on is None or gate.t_off is None:
            raise InputError("gate must say t_on and t_off of every element, and does not")
        came, left = (x.cpu().numpy() for x in (gate.t_on, gate.t_off))
        return plan_from_events(came, left, np.arange(came.shape[1]) * PACE - EARLY)

    def cached(self, display: Display, plan: Plan) -> Ints:
        """`answers` under a plan, but element after element, and with only the plan's slots kept."""
        return self.step_by_step(display, plan).argmax(-1)

    @torch.inference_mode()
    def step_by_step(self, display: Display, plan: Plan) -> npt.NDArray[np.float32]:
        """Evidence for each value and for unknown (B, L, VALUES + 1) from a cache of the plan's slots."""
        _check_plan(display, plan)
        pair, question, plan = with_questions(plan, display.when)
        tensors = (display.key, display.value, display.ask, display.when)
        key, value, ask, when = (torch.from_numpy(x).to(self.device) for x in tensors)
        q = _placed(self.network.queries(ask, when), question, plan.length)
        k, v = (_placed(x, pair, plan.length) for x in self.network.pairs(key, value))
        k[:, :, question, -1] = SHUT  # a question is no pair: it does not find itself
        cache = SlotCache(plan.slots, plan, scale=1.0, null=self.network.null())
        read = [cache.step(*(x[:, :, t : t + 1] for x in (q, k, v))) for t in range(plan.length)]
        scores: torch.Tensor = self.network.answer(torch.cat(read, 2)[:, 0])
        return scores[:, question].cpu().numpy()

    def _number(self, value: float) -> int:
        return self.design.count(value, 2, PLACES // 2 if self.changing else PLACES)

    def _call(
        self,
        display: Display,
        gate: GateState | None,
        plan: Plan | None,
        take: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    ) -> npt.NDArray[np.float64]:
        """What is taken of scores and weights, trials in chunks."""
        seen = np.broadcast_to(display.met, (len(display.key), *display.met.shape))
        if plan is not None:
            _check_plan(display, plan)
            seen = seen & plan.alive[:, display.when]
        if gate is not None:
            gate = self._at(display, gate)
        when = torch.from_numpy(display.when).to(self.device)

        def call(
            key: torch.Tensor, value: torch.Tensor, ask: torch.Tensor, seen: torch.Tensor, gate: Any
        ) -> Any:
            return take(*self.network(key, value, ask, when, seen, gate))

        parts = (display.key, display.value, display.ask, seen)
        return in_chunks(call, parts, gate, self.device, CHUNK)

    def _at(self, display: Display, gate: GateState) -> GateState:
        """The gate, told when each query is asked; it must be one of this task."""
        for name in ("keep", "bias", "t_on", "t_off"):
            x = getattr(gate, name)
            if x is not None and x.shape[-1] != display.key.shape[1]:
                raise InputError(f"gate.{name} must have {display.key.shape[1]} elements, got {x.shape[-1]}")
        if gate.t_query is not None or (gate.t_on is None and gate.t_off is None):
            return gate
        times = torch.tensor(display.when * PACE - EARLY, dtype=torch.float32)
        return replace(gate.expand(len(display.key)), t_query=times.expand(len(display.key), -1))


def with_questions(plan: Plan, when: Ints) -> tuple[Ints, Ints, Plan]:
    """The plan of the whole sequence, a question being a step before the element it comes with, which looks and takes
    no slot; and the steps of the elements (S,) and of the questions (L,)."""
    each, nth = np.arange(plan.length), np.arange(len(when))
    element, question = each + np.searchsorted(when, each, side="right"), when + nth
    slot = np.full((plan.batch, len(each) + len(nth)), NOWHERE)
    slot[:, element] = plan.slot
    alive = np.broadcast_to(np.eye(slot.shape[1], dtype=bool), (plan.batch, *2 * slot.shape[1:])).copy()
    alive[:, element[:, None], element] = plan.alive
    alive[:, question[:, None], element] = plan.alive[:, when] & (each < when[:, None])
    return element, question, Plan(slot, alive)


def _placed(x: torch.Tensor, steps: Ints, length: int) -> torch.Tensor:
    """x (B, 1, n, D) at these steps of a sequence, zeros elsewhere."""
    out = x.new_zeros(*x.shape[:2], length, x.shape[3])
    out[:, :, steps] = x
    return out


def _check_plan(display: Display, plan: Plan) -> None:
    if plan.slot.shape != display.key.shape or display.when.max() >= display.key.shape[1]:
        raise InputError(
            f"a plan must be for {display.key.shape} elements, each query coming with one of them, "
            f"got {plan.slot.shape} and queries up to {display.when.max()}"
        )


def load(device: str) -> Recall:
    """The subject with the weights that lie beside this file."""
    network = Network()
    notes = load_weights(network, WORKSHOP.weights, WORKSHOP.make)
    return Recall(network, device, noted(notes, "gap", WORKSHOP.weights, WORKSHOP.make))


# ---------------------------------------------------------------------------------------- training, measuring

LESSON, ASKED = PLACES, 24  # elements and queries of a lesson
FILLERS, STRANGE = 0.2, 0.125  # share of fillers; of queries for any key, shown or not


def lesson(step: int, seed: int = SEED) -> tuple[Display, npt.NDArray[np.bool_]]:
    """Trials of 1 to 32 keys that come again with other values, and what each query finds (B, L, S)."""
    keys = trial_keys(seed, step, np.arange(BATCH))
    cells = [1, KEYS, LESSON, LESSON, LESSON, ASKED, ASKED, ASKED, 1, ASKED * LESSON]
    u = np.split(
        uniforms(keys[:, None], DISPLAY, PICTURE + np.arange(sum(cells))), np.cumsum(cells)[:-1], axis=1
    )
    number = 1 + np.floor(32 * u[0] ** 2)  # few keys more often: their values change faster
    pool = u[1].argsort(1)
    key = np.take_along_axis(pool, np.floor(u[2] * number).astype(np.int64), 1)
    value = values_for(key, u[3], False)
    key = np.where(u[4] < FILLERS, NONE, key)
    when = 1 + np.floor(uniforms(keys[:1], DISPLAY, np.arange(ASKED)) * LESSON).astype(np.int64)
    which = np.floor(u[5] * when).astype(np.int64)  # of those that came, for whose key it is
    ask = np.take_along_axis(key, which, 1)
    ask = np.where((ask == NONE) | (u[6] < STRANGE), np.floor(u[7] * KEYS).astype(np.int64), ask)
    found = u[9].reshape(BATCH, ASKED, LESSON) >= 0.8 * u[8][:, :, None]
    return Display(key, value, ask, when), found


def loss(network: Network, step: int) -> torch.Tensor:
    """Cross-entropy of the answers: the latest value that is found, else unknown."""
    display, found = lesson(step)
    parts = (display.key, display.value, display.ask, display.when, found & display.met, display.truth(found))
    *shown, wanted = (torch.from_numpy(x) for x in parts)
    scores, _ = network(*shown)
    return F.cross_entropy(scores.flatten(0, 1), wanted.flatten())


def measure(network: Network, trials: int = 500) -> dict[str, float]:
    """What it says without limits, how it weighs pairs and fillers, and what it says of what it cannot find."""
    recall, stream, found = Recall(network), Recall(network, changing=True), {}
    for one, word in ((recall, "right"), (stream, "stream")):
        for n in one.design.values:
            keys = trial_keys(seed_of(SEED, word), int(n), np.arange(trials))
            found[f"{word}_{n:g}"] = float(one.answer(one.show(n, keys))["score"].mean())
    display = stream.show(8, trial_keys(seed_of(SEED, "plan"), 0, np.arange(trials)))
    plan = eviction_plan(3, display.key.shape[1], seed=SEED, batch=trials)
    left = display.truth(plan.alive[:, display.when])
    found["best_of_3_slots"] = float((stream.answers(display, plan=plan) == left).mean())
    shown, _ = lesson(0, seed_of(SEED, "gap"))
    logits, filler = recall.weigh(shown), shown.key == NONE
    found["gap"] = float(logits[~filler].mean() - logits[filler].mean())
    found["spread"] = float(logits[~filler].std()) / found["gap"]
    return found


def report(numbers: dict[str, float]) -> None:
    """The table that the head of this file speaks of."""
    print("share right without limits, pairs that training never showed:")
    print("  number     after the pairs     in a stream of updates")
    for n in PAIRS.values:
        print(f"  {n:6g}     {numbers[f'right_{n:g}']:15.4f}     {numbers[f'stream_{n:g}']:22.4f}")
    print(
        f"3 slots, stream of 8 keys: {numbers['best_of_3_slots']:.4f} say the latest value left, or unknown"
    )
    print(
        f"logits: gap of pairs over fillers {numbers['gap']:.1f}, sd of pairs {numbers['spread']:.4f} of it"
    )


WORKSHOP = Workshop(
    Path(__file__),
    network=lambda: seeded(Network, SEED),
    lesson=loss,
    course=Course(steps=1500, rate=1e-2, clip=1.0),
    measure=measure,
    report=report,
)

if __name__ == "__main__":
    raise SystemExit(WORKSHOP.main())
