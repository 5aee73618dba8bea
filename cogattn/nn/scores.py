"""The scores s(q, k) of the classic attention mechanisms: how alike a query and a key are. See `nn.mechanisms`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from cogattn.errors import number
from cogattn.nn.masks import wide

# So many hidden units of the additive score at a time stay in a core's cache: forward 5 times as fast (measured).
SLICE = 2**17
# Up to this many are kept for the way back (0.25 GiB in float32); beyond, they are computed twice instead.
KEPT = 2**26


class Mechanism(nn.Module):
    """How alike a query and a key are: what can be done to each of them alone, and how the two are compared."""

    formula = "q.k"
    source = "Luong et al. 2015"

    def __init__(self, scale: float | None = None) -> None:
        super().__init__()
        self.scale = None if scale is None else number("scale", scale)

    def bring(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        """q (B, H, L, D) and k (B, H, S, D) as they are compared."""
        return q, k

    @property
    def comparison(self) -> dict[str, Any]:
        """The comparison, in the words of `gated_attention`: the scale of a dot product, or a score of its own."""
        return {"scale": 1.0 if self.scale is None else self.scale}


class ScaledDot(Mechanism):
    """The dot product of d features has a variance of d; divided by sqrt(d) it has one of 1."""

    formula = "q.k / sqrt(d)"
    source = "Vaswani et al. 2017"

    @property
    def comparison(self) -> dict[str, Any]:
        return {"scale": self.scale}  # None is torch's own 1 / sqrt(d)


class NormScaled(Mechanism):
    """Direction counts, and half of the length: sqrt(|q| |k|) times the cosine."""

    formula = "q.k / sqrt(|q| |k|)"
    source = "no paper known"

    def bring(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        return _shortened(q, torch.rsqrt), _shortened(k, torch.rsqrt)


class Cosine(Mechanism):
    """Direction alone counts. Between -1 and 1, so that softmax is nearly flat unless `scale` sharpens it."""

    formula = "q.k / (|q| |k|)"
    source = "Graves et al. 2014"

    def bring(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        return _shortened(q, torch.reciprocal), _shortened(k, torch.reciprocal)


class Euclidean(Mechanism):
    """Distance in a space of features; weights fall as exp(-distance), Shepard's law of generalisation."""

    formula = "-|q - k|"
    source = "Shepard 1987; Nosofsky 1986"

    @property
    def comparison(self) -> dict[str, Any]:
        return {"score": self.score}

    def score(self, q: Tensor, k: Tensor) -> Tensor:
        """-scale |q - k|, with a gradient of 0 where they coincide."""
        # Not by |q|^2 + |k|^2 - 2 q.k: in float32 that errs by 1e-3 where the two are near, as in self-attention.
        apart = torch.cdist(q, k, compute_mode="donot_use_mm_for_euclid_dist")
        return -apart if self.scale is None else -self.scale * apart


class Additive(Mechanism):
    """A network of one hidden layer judges each pair: the score of the first neural attention."""

    formula = "w.tanh(W_q q + W_k k)"
    source = "Bahdanau et al. 2015"

    def __init__(self, width: int, key_width: int, hidden: int, heads: int, scale: float | None) -> None:
        super().__init__(scale)
        self.w_query = nn.Parameter(_uniform(heads, width, hidden))
        self.w_key = nn.Parameter(_uniform(heads, key_width, hidden))
        self.w_score = nn.Parameter(_uniform(heads, hidden, 1).squeeze(-1))  # (H, A)

    def bring(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        return q @ self.w_query, k @ self.w_key  # (B, H, n, A)

    @property
    def comparison(self) -> dict[str, Any]:
        return {"score": self.score}

    def score(self, q: Tensor, k: Tensor) -> Tensor:
        """scale * w.tanh(q + k) of what `bring` has made of them."""
        w = self.w_score.to(q.dtype) * (1.0 if self.scale is None else self.scale)
        return _hidden_layer(2.0 * q, 2.0 * k, 2.0 * w) - w.sum(-1)[:, None, None]


def _uniform(heads: int, width: int, out: int) -> Tensor:
    """The first weights of `nn.Linear`, for each head."""
    return torch.empty(heads, width, out).uniform_(-1.0 / math.sqrt(width), 1.0 / math.sqrt(width))


def _shortened(x: Tensor, factor: Callable[[Tensor], Tensor]) -> Tensor:
    """x times a factor of its length. A vector of no length stays 0 and has a gradient of 0: no way is better."""
    length = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=wide(x.dtype))
    return (x * factor(length.masked_fill(length == 0, math.inf))).to(x.dtype)


def _hidden_layer(q: Tensor, k: Tensor, w: Tensor) -> Tensor:
    """w.sigmoid(q + k) of every pair: (B, H, L, A), (B, H, S, A), (H, A) -> (B, H, L, S).

    tanh(x) = 2 sigmoid(2x) - 1, and torch's sigmoid is ten times as fast as its tanh on a CPU (measured).
    """
    (B, H, L, A), S = q.shape, k.shape[2]
    if torch.compiler.is_compiling() or B * H * L * S * A <= SLICE:  # a compiler stores no hidden unit anyhow
        return _units(q, k, w)
    rows = max(1, SLICE // (H * L * S * A))  # of the batch at a time
    few = max(1, SLICE // (rows * H * S * A))  # queries at a time
    twice = torch.is_grad_enabled() and B * H * L * S * A > KEPT
    parts = (
        [_again(some, keys, w) if twice else _units(some, keys, w) for some in torch.split(queries, few, 2)]
        for queries, keys in zip(torch.split(q, rows), torch.split(k, rows), strict=True)
    )
    return torch.cat([torch.cat(part, 2) for part in parts])


def _units(q: Tensor, k: Tensor, w: Tensor) -> Tensor:
    hidden = (q[:, :, :, None] + k[:, :, None]).sigmoid_()  # (B, H, L, S, A)
    return (hidden * w[:, None, None]).sum(-1)


def _again(q: Tensor, k: Tensor, w: Tensor) -> Tensor:
    """The same, computed once more on the way back instead of kept."""
    logits: Tensor = checkpoint(_units, q, k, w, use_reentrant=False, preserve_rng_state=False)
    return logits


SIMPLE: dict[str, type[Mechanism]] = {
    "dot": Mechanism,
    "scaled_dot": ScaledDot,
    "norm_scaled": NormScaled,
    "cosine": Cosine,
    "euclidean": Euclidean,
}
MECHANISMS = (*SIMPLE, "additive")
