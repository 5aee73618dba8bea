"""Tasks of the board: retrieval by a network made here in seconds, facts and needles read by a language model."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from cogattn.nn.gate import GateState, Policy, Race
from cogattn.nn.networks.training import seeded
from cogattn.nn.text_tasks import Asker, Item, facts, right
from cogattn.reports.board import Weights


@dataclass(frozen=True)
class Signals:
    """Displays of noisy vectors: one carries the cue and an answer, the others an answer without the cue."""

    vectors: torch.Tensor  #: (B, S, D)
    answer: torch.Tensor  #: (B,)


class Retrieval(torch.nn.Module):
    """One attention over elements: it learns which of them carries the cue, and reads the answer off it.

    The first feature is the cue (1 for the target, 0 for the others, with noise); the next are the answer, one-hot
    with noise. Every distractor has an answer of its own, so that who attends to all is told the wrong thing.
    """

    def __init__(self, answers: int = 6) -> None:
        super().__init__()
        self.answers = answers
        self.score = torch.nn.Sequential(
            torch.nn.Linear(answers + 1, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1)
        )
        self.value = torch.nn.Linear(answers + 1, answers)

    def weigh(self, x: torch.Tensor) -> torch.Tensor:
        """(B, S) logits."""
        return self.score(x)[..., 0]

    def forward(self, x: torch.Tensor, gate: GateState | None = None) -> torch.Tensor:
        """(B, answers) logits."""
        logits = self.weigh(x)
        seen = None if gate is None else gate.visible(x.shape[1])
        if seen is not None:
            logits = logits.masked_fill(~seen[:, 0, 0], -math.inf)
        share = torch.softmax(logits, -1).nan_to_num(0.0)
        out: torch.Tensor = torch.einsum("bs,bsa->ba", share, self.value(x))
        return out


def signals(load: int, seed: int, count: int, answers: int = 6, noise: float = 0.35) -> Signals:
    """Displays of one target among `load` distractors."""
    g = torch.Generator().manual_seed(1_000_003 * seed + load)
    S = load + 1
    which = torch.randint(0, answers, (count, S), generator=g)
    cue = torch.zeros(count, S, 1)
    at = torch.randint(0, S, (count,), generator=g)
    cue[torch.arange(count), at] = 1.0
    x = torch.cat([cue, torch.nn.functional.one_hot(which, answers).float()], -1)
    x = x + noise * torch.randn(x.shape, generator=g)
    return Signals(x, which[torch.arange(count), at])


def trained(
    policy: Policy | None, seed: int, load: int = 7, displays: int = 4000, steps: int = 300
) -> Retrieval:
    """The network after so many steps on so many displays of that load, with the limits of `policy` on, or without."""
    net: Retrieval = seeded(Retrieval, seed)
    data = signals(load, 10_000 + seed, displays)
    optimizer = torch.optim.Adam(net.parameters(), 0.01)
    chance = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        rows = torch.randint(0, displays, (64,), generator=chance)
        x = data.vectors[rows]
        gate = None if policy is None else policy(net.weigh(x).detach(), generator=chance)
        loss = torch.nn.functional.cross_entropy(4 * net(x, gate), data.answer[rows])
        optimizer.zero_grad()
        torch.autograd.backward([loss])
        optimizer.step()
    return net.eval()


@dataclass
class RetrievalTask:
    """Retrieval among distractors: trained on 7, tried on up to 64. `limits`: were limits on in training?"""

    limits: bool = False
    displays: int = 4000
    budget: int = 4
    loads: tuple[int, ...] = (0, 7, 32, 64)
    name: str = ""
    _nets: dict[int, Retrieval] = field(default_factory=dict)

    def __post_init__(self) -> None:
        how = "under limits" if self.limits else "without"
        self.name = self.name or f"retrieval, trained {how} on {self.displays}"

    def items(self, load: int, seed: int, count: int) -> tuple[Retrieval, Signals]:
        """A network of that seed, and displays."""
        if seed not in self._nets:
            policy = Race(math.inf, self.budget) if self.limits else None
            self._nets[seed] = trained(policy, seed, displays=self.displays)
        return self._nets[seed], signals(load, seed, count)

    def weights(self, items: tuple[Retrieval, Signals]) -> Weights:
        """The network's own logits; it has no question, so both are the same."""
        net, data = items
        with torch.no_grad():
            logits = net.weigh(data.vectors).log_softmax(-1).double().numpy()
        return Weights(logits, logits)

    def right(self, items: tuple[Retrieval, Signals], gate: GateState | None) -> npt.NDArray[np.bool_]:
        """Whose largest logit is the answer."""
        net, data = items
        with torch.no_grad():
            found: npt.NDArray[np.bool_] = (net(data.vectors, gate).argmax(-1) == data.answer).numpy()
        return found

    def cost(self, kept: float) -> float:
        """Values and their sum, of what is kept."""
        return kept * (7 * 6 + 6)


@dataclass
class FactsTask:
    """Facts or a needle among sentences beside the point, read by a language model; budget in sentences."""

    asker: Asker
    name: str = "facts"
    count: int = 4
    loads: tuple[int, ...] = (4, 8, 16)
    budget: int = 4

    def items(self, load: int, seed: int, count: int) -> list[Item]:
        """Texts."""
        return facts(
            np.arange(count, dtype=np.uint64) + np.uint64(100_000 * (seed + 1) + load), self.count, load
        )

    def weights(self, items: list[Item]) -> Weights:
        """The attention in the last limited layer: of the last word of the question, and of all words."""
        asked, summed = (self.asker.by_chunk(items, self.asker.attention(items, q)) for q in (-1, "all"))
        return Weights(np.log(np.maximum(asked, 1e-12)), np.log(np.maximum(summed, 1e-12)))

    def right(self, items: list[Item], gate: GateState | None) -> npt.NDArray[np.bool_]:
        """Who names the right thing."""
        return right(items, self.asker.answer(items, gate))

    def cost(self, kept: float) -> float:
        """q k and its sum over values for one token, in the limited layers, at 8 tokens a sentence."""
        config: Any = self.asker.model.config
        return 2.0 * kept * 8 * config.hidden_size * len(self.asker.layers)
