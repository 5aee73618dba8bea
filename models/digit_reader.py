"""A network that reads red digits among green ones: whole and partial report on real handwriting.

    python models/digit_reader.py            # train (35 s on one core), measure, write the weights
    python models/digit_reader.py --check    # load the weights and measure them again
    python models/digit_reader.py --resume   # go on with a training that was stopped

Up to eight handwritten digits (scikit-learn's 8x8 images; 1297 to train on, 500 held out) stand at eight places,
the targets in red, the distractors in green. The reader attends once, from every place (query l) to every item
(key s) and to a null key of logit 0 and value 0, which wins where nothing is to be reported:

    logit(l, s) = m (u_l·u_s + f(colour of s))         u: unit vectors, one per place; f: a learned colour filter
    answer(l)   = g(sum_s softmax_s(logit(l, s)) · h(luminance of s))

Values see luminance alone, so colour can act only through the logits, and shape only through what is read: the
two mechanisms of Bundesen's theory (1990, Psychol Rev 97:523), filtering and pigeonholing, in one attention head.

What you should see, without a gate (the whole-report curve appears only when a race shuts keys): of 1, 2, 4, 6, 8
targets .987 .986 .985 .985 .985 are read right, no distractor is reported, and an item whose key is shut is answered
"nothing". Gap of the logits 8.16 (own alpha .0003: by itself the network filters almost perfectly); at the gain of
a person of alpha .44 the network's own noise is sd .030 (targets) and .033 (distractors) in log w, .001 over places.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import nn

from cogattn.nn.functional import gated_attention
from cogattn.nn.networks import digits
from cogattn.nn.networks.training import Course, Workshop, seeded

if TYPE_CHECKING:
    from cogattn.nn.gate import GateState

WIDTH = 64  # of queries and keys (WIDTH - 1 for the place, 1 for the priority) and of values
SHARPNESS = 10.0  # m before training


class Reader(digits.Network):
    """One attention head from places to items; everything else looks at one item or one answer at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.randn(digits.PLACES, WIDTH - 1))
        self.sharpness = nn.Parameter(torch.tensor(SHARPNESS))
        self.colour = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
        self.shape = nn.Sequential(nn.Linear(digits.PIXELS, 256), nn.GELU(), nn.Linear(256, WIDTH))
        self.answer = nn.Sequential(nn.Linear(WIDTH, 128), nn.GELU(), nn.Linear(128, digits.DIGITS + 1))

    def priority(self, pixels: torch.Tensor) -> torch.Tensor:
        """f: how much each item's hue, the share of red and green in its light, asks for attention."""
        light = pixels.mean(-1)  # (B, S, 2)
        hue = light / light.sum(-1, keepdim=True).clamp(min=0.05)  # (B, S, 2)
        f: torch.Tensor = self.colour(hue)
        return f - 1  # (B, S, 1); so at birth u·u + f is about 0, and neither the null key nor the item wins

    def queries_keys(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """q = m (u_l, 1) per place and k = (u_s, f_s) per item, so that q·k is the logit."""
        B, S = pixels.shape[:2]
        place = F.normalize(self.place[:S], dim=-1).expand(B, S, WIDTH - 1)
        q = self.sharpness * torch.cat([place, place.new_ones(B, S, 1)], -1)  # (B, S, WIDTH)
        return q, torch.cat([place, self.priority(pixels)], -1)

    def weigh(self, pixels: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        """Log of the summed exp of an item's logits over all queries: how much attention it asks for in all."""
        q, k = self.queries_keys(pixels)
        return (q @ k.mT).logsumexp(1)

    def forward(
        self, pixels: torch.Tensor, present: torch.Tensor, gate: GateState | None = None
    ) -> torch.Tensor:
        """Evidence for each digit and for nothing, per place. pixels (B, S, 2, 64), present (B, S) bool."""
        q, k = self.queries_keys(pixels)
        v = self.shape(pixels.sum(2))  # (B, S, WIDTH): luminance alone
        k, v = (F.pad(x, (0, 0, 0, 1)) for x in (k, v))  # the null key, last: logit 0, value 0
        seen = F.pad(present, (0, 1), value=True)[:, None, None, :]  # (B, 1, 1, S + 1)
        gate = None if gate is None else gate.with_null(present.shape[1])
        read = gated_attention(q[:, None], k[:, None], v[:, None], gate, attn_mask=seen, scale=1.0)
        scores: torch.Tensor = self.answer(read[:, 0])
        return scores  # (B, S, 11)


def load(device: str) -> digits.DigitReader:
    """The subject with the weights that lie beside this file."""
    return digits.load(Reader(), Path(__file__), device)


WORKSHOP = Workshop(
    Path(__file__),
    network=lambda: seeded(Reader, digits.SEED),
    lesson=digits.loss,
    course=Course(steps=2500, rate=2e-3, decay=0.05),
    measure=digits.measure,
    report=digits.report,
)

if __name__ == "__main__":
    raise SystemExit(WORKSHOP.main())
