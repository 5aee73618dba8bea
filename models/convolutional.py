"""A convolutional network that reads red digits among green ones; a gate between its tiles and the readout.

    python models/convolutional.py            # train (90 s on one core), measure, write the weights
    python models/convolutional.py --check    # load the weights and measure them again
    python models/convolutional.py --resume   # go on with a training that was stopped

The displays are those of models/digit_reader.py, the eight places a row of tiles, 10 x 10 pixels each with the gutter
around the digit. The same kernels go over every tile, nothing is padded on the way, and only what lies within one tile
is kept: a convolution of the whole row, without the columns whose receptive field crosses a gutter into the next
tile. That is where a convolution would leak: what a neighbour sees of an item cannot be shut with it. After the valve
(`cogattn.nn.let_through`) kernels go over the row of places, three at a time, so neighbours meet behind the gate only:

    x_s = K3 * f(K2 * f(K1 * luminance_s))                        f: GELU; 10 -> 4 -> 3 -> 1 pixels
    logit_s = mean over the tile of k2 * tanh(k1 * colours_s)     how much item s asks for attention
    y_s = sigmoid(logit_s) · x_s
    answer(s) = L2 f(L1 * (y_s-1, y_s, y_s+1))

What you should see, without a gate: of 1, 2, 4, 6, 8 targets .984 .985 .984 .984 .984 are read right, no distractor is
reported. Gap of the logits 6.30; at the gain of a person of alpha .44 the network's own noise is sd .047 (targets) and
.026 (distractors) in log w: the more ink, the more of its colour (r = .71 and -.63). Under human limits it is
inside 5 of the 6 human bands of whole and partial report, without limits inside none (at least 98.3 % reported in
every condition); it misreads 1.6 % of what its mind hands it. Neighbours do not crowd each other: it reads eight
targets as well as one.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from cogattn.nn.networks import digits
from cogattn.nn.networks.training import Course, Workshop, seeded

SIDE = 8  # pixels of a digit
GUTTER = 1  # pixels around it
WIDTH = 48  # of an item's features
BATCH = 128


class Convolutional(digits.Valved):
    """Kernels on each tile, a valve, kernels on the row of places."""

    def __init__(self) -> None:
        super().__init__(
            colour=nn.Sequential(*tile(), nn.Conv2d(2, 8, 4, stride=2), nn.Tanh(), nn.Conv2d(8, 1, 1)),
            shape=nn.Sequential(
                *tile(),
                nn.Conv2d(1, 24, 4, stride=2),
                nn.GELU(),
                nn.Conv2d(24, 32, 2),
                nn.GELU(),
                nn.Conv2d(32, WIDTH, 3),
            ),
        )
        self.row = nn.Sequential(
            nn.Conv1d(WIDTH, 128, 3, padding=1), nn.GELU(), nn.Conv1d(128, digits.DIGITS + 1, 1)
        )

    def answer(self, passed: torch.Tensor) -> torch.Tensor:
        """Each place's answer from what passed there and beside it."""
        scores: torch.Tensor = self.row(passed.mT)  # (B, 11, 8)
        return scores.mT


def tile() -> tuple[nn.Module, nn.Module]:
    """An item's 64 pixels as a picture with its gutter: (n, channels, 10, 10)."""
    return nn.Unflatten(-1, (SIDE, SIDE)), nn.ZeroPad2d(GUTTER)


def load(device: str) -> digits.DigitReader:
    """The subject with the weights that lie beside this file."""
    return digits.load(Convolutional(), Path(__file__), device)


WORKSHOP = Workshop(
    Path(__file__),
    network=lambda: seeded(Convolutional, digits.SEED),
    lesson=lambda network, step: digits.loss(network, step, BATCH),
    course=Course(steps=2500, rate=4e-3, decay=0.05),
    measure=digits.measure,
    report=digits.report,
)

if __name__ == "__main__":
    raise SystemExit(WORKSHOP.main())
