"""Where to spend K slots, as something that can be learnt: the winners of a race, and a gradient through them.

    z_x = logit_x + Gumbel noise        the K largest z win

That is the order of a race with the weights exp(logit) (Plackett-Luce; `gate.Race` without a limit of time), so what is
learnt here can be handed to a mind as its weights. No more than K ever win; who should have won is learnt by

    straight_through   hard forward; backward as if it had been relaxed (Bengio et al. 2013, arXiv:1308.3432)
    relaxed            K softmaxes, each over what those before left (Xie & Ermon 2019, arXiv:1901.10517); soft forward
    score              hard forward; (cost - baseline) d log P(order) (Williams 1992, Mach Learn 8:229)

Only the last is unbiased: its mean is the gradient of the mean cost. The others point the right way and are short: of 4
items with 2 slots off by 19 and 14 % at temperature .5, with half the noise of the score; by 6 and 8 % at .05, with
eight times its noise. And relaxed lets a little of every item through, which a reader may learn to amplify.

Shapes: B displays, S items, M draws for each display.

>>> logits = torch.tensor([[2.0, 0.0, 1.0, -1.0]], requires_grad=True)
>>> won = select(logits, 2, "straight_through")  # no noise: the two heaviest
>>> won.keep.tolist(), won.index.tolist()
([[1.0, 0.0, 1.0, 0.0]], [[0, 2]])
>>> won.keep[0, 1].backward()  # how to let item 1 in: raise its logit, lower those of the others
>>> logits.grad.sign().tolist()
[[-1.0, 1.0, -1.0, -1.0]]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from cogattn.errors import InputError, choice, doors, number, whole
from cogattn.nn.gate import GateState

Gradient = Literal["straight_through", "relaxed", "score"]
GRADIENTS = ("straight_through", "relaxed", "score")


@dataclass(frozen=True, eq=False)
class Selection:
    """Who won, and how the logits learn from it.

    >>> select(torch.tensor([[0.0, 3.0, 1.0]]), k=2).index.tolist()
    [[1, 2]]
    """

    keep: Tensor
    """(B, S): 1 for the winners, 0 for the others; relaxed: in between. Carries the gradient, but for `score`."""
    index: Tensor
    """(B, K) int64: the winners in order, -1 where fewer than K items have any weight."""
    log_prob: Tensor
    """(B,): log probability of this order of winners. Carries the gradient of `score`."""

    def gate(self) -> GateState:
        """What is granted to each item, after softmax, so that the gradient reaches the losers too."""
        return GateState(share=self.keep[:, None, :])


def select(
    logits: Tensor,
    k: int,
    gradient: Gradient = "straight_through",
    noise: Tensor | None = None,
    temperature: float = 0.5,
) -> Selection:
    """K of S items, hard forward unless `relaxed`. logits (B, S), -inf = no item; noise (B, S) as from `gumbel`.

    Without noise the heaviest win, as in `gate.TopK`. `temperature` is that of the relaxed winners.

    >>> chosen = select(torch.tensor([[0.0, 3.0, 1.0, 2.0]]), k=2)
    >>> chosen.index.tolist()
    [[1, 3]]
    """
    choice("gradient", gradient, GRADIENTS)
    scores = _checked(logits, noise)
    best, index = scores.topk(_room(k, logits), dim=-1)  # (B, K) both
    filled = best > -torch.inf
    hard = torch.zeros_like(logits).scatter(1, index, filled.to(logits.dtype))
    index = torch.where(filled, index, -1)
    if gradient == "score":
        return Selection(hard, index, order_log_prob(logits, index))
    soft = relaxed_topk(scores, k, temperature)
    keep = soft.clamp(max=1.0) if gradient == "relaxed" else straight_through(hard, soft)
    return Selection(keep, index, order_log_prob(logits.detach(), index))


def gumbel(u: Tensor) -> Tensor:
    """Gumbel noise from uniform numbers in (0, 1): the log of what a race adds to log w."""
    return -torch.log(-torch.log(u))


def relaxed_topk(scores: Tensor, k: int, temperature: float) -> Tensor:
    """The K largest of `scores` (B, S), smoothly: the sum of K softmaxes, each without what those before took.

    p_1 = softmax(s / T), s_2 = s + log(1 - p_1), ...  Each row sums to K, and tends to the K largest as T goes to 0; at
    a warm T one item can have more than 1.

    >>> relaxed_topk(torch.tensor([[0.0, 3.0, 1.0]]), k=2, temperature=0.1).sum(-1).tolist()
    [2.0]
    """
    number("temperature", temperature, above=0)
    floor = torch.finfo(scores.dtype).tiny
    taken = torch.zeros_like(scores)
    for _ in range(_room(k, scores)):
        p = torch.softmax(scores / temperature, -1)
        taken = taken + p
        scores = scores + torch.log((1.0 - p).clamp(min=floor))
    return taken


def straight_through(hard: Tensor, soft: Tensor) -> Tensor:
    """`hard` to the bit; its gradient is that of `soft`.

    >>> soft = torch.tensor([0.3, 0.7], requires_grad=True)
    >>> straight_through(torch.tensor([0.0, 1.0]), soft).tolist()
    [0.0, 1.0]
    """
    return hard.detach() + (soft - soft.detach())


def order_log_prob(logits: Tensor, index: Tensor) -> Tensor:
    """Log probability (B,) that a race with weights exp(logit) (B, S) has these winners in this order (B, K).

    Plackett-Luce: prod_r w_r / (sum w - what has won before). -1 = no winner.
    """
    rest, total = logits, torch.zeros_like(logits[:, :1])
    for r in range(index.shape[1]):
        there, place = index[:, r : r + 1] >= 0, index[:, r : r + 1].clamp(min=0)  # (B, 1) both
        racing = torch.where(there, rest, 0.0)  # finite where nobody is left, for the sake of the gradient
        step = racing.gather(1, place) - racing.logsumexp(-1, keepdim=True)
        total = total + torch.where(there, step, 0.0)
        gone = torch.zeros_like(there).expand_as(rest).scatter(1, place, there)
        rest = rest.masked_fill(gone, -torch.inf)
    return total[:, 0]


def score_loss(cost: Tensor, log_prob: Tensor) -> Tensor:
    """Its gradient is an unbiased estimate of that of the mean cost. cost and log_prob (M, B), M >= 2 draws a display.

    The baseline of a draw is the mean cost of the other draws of its display (Kool et al. 2019, ICLR workshop on deep
    RL meets structured prediction): independent of the draw, so nothing is biased.
    """
    if cost.ndim != 2 or cost.shape != log_prob.shape or len(cost) < 2:
        raise InputError(
            f"cost and log_prob must both be (M, B), M >= 2 draws, got {tuple(cost.shape)}, {tuple(log_prob.shape)}"
        )
    cost = cost.detach()
    others = (cost.sum(0) - cost) / (len(cost) - 1)
    return ((cost - others) * log_prob).mean()


def _checked(logits: object, noise: Tensor | None) -> Tensor:
    """What decides: logits and noise together."""
    if not isinstance(logits, Tensor) or logits.ndim != 2 or not logits.is_floating_point():
        raise InputError("logits must be a floating tensor (B, S), one number per item")
    if noise is None:
        return logits
    if noise.shape != logits.shape:
        raise InputError(f"noise must be {tuple(logits.shape)} like logits, got {tuple(noise.shape)}")
    return logits + noise


def _room(k: int, items: Tensor) -> int:
    return whole("k", k, least=1, most=items.shape[-1])


doors(
    __name__,
    "select",
    "relaxed_topk",
    "straight_through",
    "gumbel",
    "order_log_prob",
    "score_loss",
    unless=torch.compiler.is_compiling,
    arrays=True,
)
