"""A recurrent network that reads red digits among green ones, one after the other; a gate between them and its state.

    python models/recurrent.py            # train (80 s on one core), measure, write the weights
    python models/recurrent.py --check    # load the weights and measure them again
    python models/recurrent.py --resume   # go on with a training that was stopped

The displays are those of models/digit_reader.py. The network goes over the eight places in their order, takes one item
in at each step, and answers for all places when it has seen them all, from its last state:

    x_t = dense layers on the luminance of item t       logit_t = dense layers on its colours
    y_t = sigmoid(logit_t) · x_t                        the valve, and the place of the gate: `cogattn.nn.let_through`
    h_t = tanh(W h_t-1 + V y_t + b)                     (Elman 1990, Cogn Sci 14:179), h_0 = 0
    answers = g(h_8)                                    eight places, ten digits and nothing

So its state is a store, of all it has seen and where: 256 numbers that eight items share. What the gate shuts does not
enter it, and no earlier or later state can know it. An answer is late for everybody: the order of places is no order of
events, so the times of a gate (`t_query`) are those of its items, not of its steps.

What you should see, without a gate: of 1, 2, 4, 6, 8 targets .984 .984 .982 .981 .980 are read right, no distractor is
reported. Gap of the logits 9.88; at the gain of a person of alpha .44 the network's own noise is sd .029 (targets) and
.006 (distractors) in log w. Under human limits it is inside 5 of the 6 human bands of whole and partial report, without
limits inside none (at least 97.8 % reported in every condition); it misreads 1.9 % of what its mind hands it. Its own
store is no limit of people: eight items cost .004, the first place is read as well as the last (.980 and .978), and
what is lost is taken for another digit, not forgotten. The limits come from the gate alone.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from cogattn.nn.networks import digits
from cogattn.nn.networks.training import Course, Workshop, seeded

WIDTH = 32  # of an item's features
ANSWERS = digits.DIGITS + 1  # at each place
STATE = 256
PUSH = 0.6  # sd of the first V: from the start an item moves the state; with torch's own (0.1) it learns far slower


class Recurrent(digits.Valved):
    """Dense layers on each item, a valve, one state that all items enter in turn, dense layers on that state."""

    def __init__(self) -> None:
        super().__init__(
            colour=digits.dense(2 * digits.PIXELS, 16, 1, f=nn.Tanh),
            shape=digits.dense(digits.PIXELS, 256, WIDTH),
        )
        self.enter = nn.Linear(WIDTH, STATE, bias=False)  # V
        self.hold = nn.Linear(STATE, STATE)  # W, b
        nn.init.normal_(self.enter.weight, std=PUSH)
        nn.init.orthogonal_(
            self.hold.weight
        )  # turns the state at each step, so that what came when stays apart
        self.recall = digits.dense(STATE, 512, digits.PLACES * ANSWERS)

    def answer(self, passed: torch.Tensor) -> torch.Tensor:
        """All answers from the last state."""
        scores: torch.Tensor = self.recall(self.states(passed)[-1])
        return scores.reshape(-1, digits.PLACES, ANSWERS)

    def states(self, passed: torch.Tensor) -> list[torch.Tensor]:
        """h_1 .. h_8 (B, STATE) each."""
        entering = self.enter(passed).unbind(1)  # V y_t
        state = entering[0].new_zeros(entering[0].shape)
        return [state := torch.tanh(self.hold(state) + now) for now in entering]


def load(device: str) -> digits.DigitReader:
    """The subject with the weights that lie beside this file."""
    return digits.load(Recurrent(), Path(__file__), device)


WORKSHOP = Workshop(
    Path(__file__),
    network=lambda: seeded(Recurrent, digits.SEED),
    lesson=digits.loss,
    course=Course(steps=2500, rate=2e-3, decay=0.05, clip=1.0),
    measure=digits.measure,
    report=digits.report,
)

if __name__ == "__main__":
    raise SystemExit(WORKSHOP.main())
