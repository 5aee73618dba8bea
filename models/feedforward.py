"""A feedforward network that reads red digits among green ones; a gate between the items and the readout.

    python models/feedforward.py            # train (40 s on one core), measure, write the weights
    python models/feedforward.py --check    # load the weights and measure them again
    python models/feedforward.py --resume   # go on with a training that was stopped

The displays are those of models/digit_reader.py: up to eight handwritten digits, targets red, distractors green. Dense
layers make features of each item by itself; a valve lets a share of them pass; dense layers then take all that passed,
of all places at once, and answer at every place. There is no attention layer, and no softmax over items:

    x_s = W2 f(W1 luminance_s + b1) + b2            f: GELU
    logit_s = u · tanh(U colours_s + c) + c'        how much item s asks for attention
    y_s = sigmoid(logit_s) · x_s                    the valve, and the place of the gate: `cogattn.nn.let_through`
    answers = W4 f(W3 (y_1 .. y_8) + b3) + b4       eight places, ten digits and nothing

Nothing but the answers it is trained on tells it that green is not to be reported. The layers after the valve see all
places at once, so that what is shut has to be shut before them: a shut item changes no bit of any answer.

What you should see, without a gate: of 1, 2, 4, 6, 8 targets .981 .983 .982 .983 .982 are read right, no distractor is
reported. Gap of the logits 8.00 (.996 of a target passes, .08 of a distractor); at the gain of a person of alpha .44
the network's own noise is sd .017 (targets) and .008 (distractors) in log w. Under human limits it is inside 5 of the 6
human bands of whole and partial report, without limits inside none (at least 98.0 % reported in every condition); it
misreads 2.0 % of what its mind hands it. Weak: it learns to read anew at each place, for the layers behind the valve
share nothing between places; models/digit_reader.py, where they do, reads .985.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from cogattn.nn.networks import digits
from cogattn.nn.networks.training import Course, Workshop, seeded

WIDTH = 32  # of an item's features
ANSWERS = digits.DIGITS + 1  # at each place


class Feedforward(digits.Valved):
    """Dense layers on each item, a valve, dense layers on the whole display."""

    def __init__(self) -> None:
        super().__init__(
            colour=digits.dense(2 * digits.PIXELS, 16, 1, f=nn.Tanh),
            shape=digits.dense(digits.PIXELS, 256, WIDTH),
        )
        self.display = digits.dense(digits.PLACES * WIDTH, 512, digits.PLACES * ANSWERS)

    def answer(self, passed: torch.Tensor) -> torch.Tensor:
        """All answers from all that passed."""
        scores: torch.Tensor = self.display(passed)
        return scores.reshape(-1, digits.PLACES, ANSWERS)


def load(device: str) -> digits.DigitReader:
    """The subject with the weights that lie beside this file."""
    return digits.load(Feedforward(), Path(__file__), device)


WORKSHOP = Workshop(
    Path(__file__),
    network=lambda: seeded(Feedforward, digits.SEED),
    lesson=digits.loss,
    course=Course(steps=2500, rate=2e-3, decay=0.05),
    measure=digits.measure,
    report=digits.report,
)

if __name__ == "__main__":
    raise SystemExit(WORKSHOP.main())
