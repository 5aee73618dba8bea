"""A plain NumPy attention network, forward and backward by hand, that reads red digits among green ones.

    python models/attention_network.py            # train (90 s on one core), measure, write the weights
    python models/attention_network.py --check    # load the weights and measure them again
    python models/attention_network.py --resume   # go on with a training that was stopped

`AttentionNetwork` is the network, in arrays alone. Elements x_s are scored by attention units, the scores become
weights, and the weighted sum of what the elements offer, v_s, goes through a processing module:

    e_s = A(x_s)                A: attention units, dense layers y = f(Wx + b), the last without f; a score per readout
    a_ls = share_ls · softmax over s of (gain · e_sl + bias_s), over the visible elements         (or sigmoid of each)
    y_l = P(sum_s a_ls · v_s)   P: the processing module, dense layers of any depth and width

This is additive attention (Bahdanau, Cho & Bengio 2015, arXiv:1409.0473) with readouts in the place of a decoder's
state, under the gate of `cogattn.nn.gated_attention`: a twin in arrays, held equal to it by a test, as every gradient
is held against torch's. `Reader` puts it before the displays of models/digit_reader.py: an item is scored by its red
and green pixels and its place, and offers its luminance; a readout per place, and a null element beside the items, of
score 0 and value 0. The training loop is torch's, every gradient NumPy's (`ByHand`).

What you should see, without a gate: of 1, 2, 4, 6, 8 targets .982 .984 .983 .982 .981 are read right, no distractor is
reported. Gap of the logits 6.09; at the gain of a person of alpha .44 the network's own noise is sd .045 (targets) and
.041 (distractors) in log w, .008 over places. Under human limits it is inside 5 of the 6 human bands of whole and
partial report, without limits inside none (at least 97.8 % reported in every condition); it misreads 2.1 % of what its
mind hands it. Slow: where its weights are on a GPU, it still computes on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from scipy.special import erf, expit
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from torch import nn

from cogattn.errors import InputError, choice, number, whole
from cogattn.nn.networks import digits
from cogattn.nn.networks.training import Course, Workshop

if TYPE_CHECKING:
    from cogattn.nn.gate import GateState

Array = npt.NDArray[Any]
Weights = dict[str, Array]

ATTENTIONS = ("softmax", "null", "sigmoid")


# -------------------------------------------------------------------------------------------------- dense layers


def _gelu(x: Array) -> Array:
    return 0.5 * x * (1 + erf(x * 0.5**0.5))


def _gelu_slope(x: Array) -> Array:
    return 0.5 * (1 + erf(x * 0.5**0.5)) + x * np.exp(-0.5 * x * x) * (2 * np.pi) ** -0.5


class Activation(NamedTuple):
    """A function and its slope."""

    f: Callable[[Array], Array]
    slope: Callable[[Array], Array]


ACTIVATIONS = {
    "relu": Activation(lambda x: np.maximum(x, 0), lambda x: (x > 0).astype(x.dtype)),
    "tanh": Activation(np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "gelu": Activation(_gelu, _gelu_slope),
    "sigmoid": Activation(expit, lambda x: expit(x) * expit(-x)),
}
Kept = list[tuple[Array, Array]]
Way = Callable[[Array], Weights]  # from the gradient of an output to those of the weights


class Dense:
    """Layers y = f(Wx + b), the last one without f. Their weights lie in a dict that others may share."""

    def __init__(self, name: str, widths: tuple[int, ...], activation: str, weights: Weights) -> None:
        self.names = [(f"{name}_{i}_weight", f"{name}_{i}_bias") for i in range(len(widths) - 1)]
        self.widths, self.activation, self.weights = widths, ACTIVATIONS[activation], weights

    def draw(self, rng: np.random.Generator, dtype: npt.DTypeLike) -> None:
        """First weights: variance 1 / width, so that a signal neither grows nor dies on its way."""
        for (weight, bias), n, m in zip(self.names, self.widths[:-1], self.widths[1:], strict=True):
            self.weights[weight] = rng.normal(0, n**-0.5, (n, m)).astype(dtype)
            self.weights[bias] = np.zeros(m, dtype)

    def forward(self, x: Array) -> tuple[Array, Kept]:
        """From x (B, n, first width): the output, and what each layer took in and gave out before f.

        Row by row, (n, width) at a time: in one large product BLAS rounds a row by where in the batch it stands.
        """
        out, kept = x, []
        for i, (weight, bias) in enumerate(self.names):
            x = self.activation.f(out) if i else out
            out = x @ self.weights[weight] + self.weights[bias]
            kept.append((x, out))
        return out, kept

    def backward(self, kept: Kept, d: Array) -> tuple[Array, Weights]:
        """From d loss / d output: d loss / d input, and the gradient of each weight."""
        slopes = {}
        for i, (weight, bias) in reversed(list(enumerate(self.names))):
            x = kept[i][0]
            slopes[weight], slopes[bias] = np.tensordot(x, d, ([0, 1], [0, 1])), d.sum((0, 1))
            d = d @ self.weights[weight].T
            d = d * self.activation.slope(kept[i - 1][1]) if i else d
        return d, slopes


# ------------------------------------------------------------------------------------------------- the network


class Limits(NamedTuple):
    """A gate in arrays; each broadcasts to (B, L, S), B rows, L readouts, S elements. None = no limit."""

    gain: Array | None = None
    bias: Array | None = None
    visible: Array | None = None
    share: Array | None = None


class Trace(NamedTuple):
    """What a forward pass leaves for the way back."""

    limits: Limits
    scoring: Kept
    weights: Array  # (B, L, S) before share
    attention: Array  # (B, L, S) as used
    values: Array  # (B, S, V)
    processing: Kept


@dataclass(frozen=True)
class Sizes:
    """Width and depth of an attention network."""

    inputs: int  #: features by which an element is scored
    units: tuple[int, ...]  #: attention units, layer by layer; () = scores are linear in the inputs
    readouts: int  #: how many weighted sums are taken, each by its own scores
    values: int  #: features of what an element offers
    hidden: tuple[int, ...]  #: the processing module, layer by layer; () = linear
    outputs: int  #: of each readout

    def __post_init__(self) -> None:
        for word in ("inputs", "readouts", "values", "outputs"):
            whole(word, getattr(self, word), least=1)
        for word in ("units", "hidden"):
            for width in getattr(self, word):
                whole(f"each width of {word}", width, least=1)


class AttentionNetwork:
    """Input, attention units, activation, weights, processing module, output: in NumPy alone.

    attention: "softmax" over the elements; "null", the same beside a null element of score 0 and value 0, which wins
        where nothing asks for attention; "sigmoid", each element by itself (`cogattn.nn.let_through`).

    >>> net = AttentionNetwork(Sizes(inputs=3, units=(8,), readouts=1, values=3, hidden=(16,), outputs=1))
    >>> x = np.random.default_rng(1).normal(size=(200, 5, 3))
    >>> largest = np.take_along_axis(x[..., 1], x[..., 0].argmax(1)[:, None], 1)[..., None]  # of the loudest element
    >>> adam, losses = Adam(net.weights, rate=0.01), []
    >>> for _ in range(300):
    ...     y, trace = net.forward(x)
    ...     loss, d = squared_error(y, largest)
    ...     adam.step(net.backward(trace, d).weights)
    ...     losses.append(loss)
    >>> losses[-1] < 0.2 * losses[0]
    True
    """

    def __init__(
        self,
        sizes: Sizes,
        attention: str = "softmax",
        scored: str = "tanh",
        processed: str = "gelu",
        seed: int = 0,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        self.sizes = sizes
        self.attention = choice("attention", attention, ATTENTIONS)
        self.scored = choice("scored", scored, ACTIVATIONS)
        self.processed = choice("processed", processed, ACTIVATIONS)
        self.weights: Weights = {}
        o, rng = sizes, np.random.default_rng(seed)
        self.score = Dense("score", (o.inputs, *o.units, o.readouts), self.scored, self.weights)
        self.process = Dense("process", (o.values, *o.hidden, o.outputs), self.processed, self.weights)
        for part in (self.score, self.process):
            part.draw(rng, dtype)

    def forward(
        self, x: Array, values: Array | None = None, limits: Limits | None = None
    ) -> tuple[Array, Trace]:
        """From elements x (B, S, inputs) that offer values (B, S, V; by default x): output (B, L, outputs)."""
        values = x if values is None else values
        limits = Limits() if limits is None else limits
        self._check(x, values)
        scores, scoring = self.score.forward(x)  # (B, S, L)
        # One layout, whatever the limits: what BLAS rounds hangs on it too.
        weights = self._weights(np.ascontiguousarray(scores.swapaxes(1, 2)), limits)  # (B, L, S)
        attention = weights if limits.share is None else weights * limits.share
        out, processing = self.process.forward(attention @ values)  # (B, L, outputs)
        return out, Trace(limits, scoring, weights, attention, values, processing)

    def backward(self, trace: Trace, d: Array) -> Slopes:
        """From d loss / d output (B, L, outputs): the gradient of every weight, of the elements and their values."""
        limits, weights = trace.limits, trace.weights
        d, slopes = self.process.backward(trace.processing, d)  # (B, L, V)
        by_value = trace.attention.swapaxes(1, 2) @ d  # (B, S, V)
        d = d @ trace.values.swapaxes(1, 2)  # (B, L, S)
        d = d if limits.share is None else d * limits.share
        if self.attention == "sigmoid":
            d = weights * (1 - weights) * d
        else:
            d = weights * (d - (weights * d).sum(-1, keepdims=True))
        d = d if limits.gain is None else d * limits.gain
        by_input, more = self.score.backward(trace.scoring, d.swapaxes(1, 2))
        slopes |= more
        return Slopes({name: slopes[name] for name in self.weights}, by_input, by_value)

    def _weights(self, scores: Array, limits: Limits) -> Array:
        """Scores (B, L, S) under the limits, as weights; 0 where nothing is visible."""
        scores = scores if limits.gain is None else scores * limits.gain
        scores = scores if limits.bias is None else scores + limits.bias
        if limits.visible is not None:
            scores = np.where(limits.visible, scores, -np.inf)
        if self.attention == "sigmoid":
            return expit(scores)
        null = self.attention == "null"
        top = scores.max(-1, keepdims=True)
        top = np.maximum(top, 0) if null else np.where(top > -np.inf, top, 0)
        odds = np.exp(scores - top)
        total = odds.sum(-1, keepdims=True) + (np.exp(-top) if null else 0)
        return odds / np.where(total > 0, total, 1)

    def _check(self, x: Array, values: Array) -> None:
        for name, array, width in (("x", x, self.sizes.inputs), ("values", values, self.sizes.values)):
            if array.ndim != 3 or array.shape[2] != width or array.shape[:2] != x.shape[:2]:
                raise InputError(f"{name} must be (rows, elements, {width}), got {array.shape}")


class Slopes(NamedTuple):
    """Gradients of a loss."""

    weights: Weights
    inputs: Array  # (B, S, inputs); where values are the inputs, both together
    values: Array  # (B, S, V)


def cross_entropy(y: Array, classes: Array) -> tuple[float, Array]:
    """Mean of -log softmax(y)[class], over all axes but the last, and its gradient. y (..., n), classes (...)."""
    spread = y - y.max(-1, keepdims=True)
    log_p = spread - np.log(np.exp(spread).sum(-1, keepdims=True))
    right = np.expand_dims(classes, -1)
    d = np.exp(log_p)
    np.put_along_axis(d, right, np.take_along_axis(d, right, -1) - 1, -1)
    return -float(np.take_along_axis(log_p, right, -1).mean()), d / classes.size


def squared_error(y: Array, wanted: Array) -> tuple[float, Array]:
    """Mean of (y - wanted)², and its gradient."""
    off = y - wanted
    return float((off * off).mean()), 2 * off / off.size


class Adam:
    """Adam (Kingma & Ba 2015, arXiv:1412.6980), in place."""

    def __init__(
        self, weights: Weights, rate: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999)
    ) -> None:
        self.weights, self.betas, self.steps = weights, betas, 0
        self.rate = number("rate", rate, above=0)
        self.moments = {k: (np.zeros_like(x), np.zeros_like(x)) for k, x in weights.items()}

    def step(self, slopes: Weights) -> None:
        """One step against these gradients."""
        self.steps += 1
        warm = [1 - beta**self.steps for beta in self.betas]
        for name, slope in slopes.items():
            for moment, beta, power in zip(
                self.moments[name], self.betas, (slope, slope * slope), strict=True
            ):
                moment *= beta
                moment += (1 - beta) * power
            mean, square = self.moments[name]
            self.weights[name] -= self.rate * (mean / warm[0]) / (np.sqrt(square / warm[1]) + 1e-8)


# -------------------------------------------------------------------------------------------------- the reader

SIZES = Sizes(
    inputs=2 * digits.PIXELS + digits.PLACES,  # red, green, and where it stands
    units=(32,),
    readouts=digits.PLACES,
    values=digits.PIXELS,
    hidden=(256, 128),
    outputs=digits.DIGITS + 1,
)


class OneThread:
    """BLAS keeps to one thread as long as anybody is inside: each sum, and so each bit, is the same on any machine."""

    def __init__(self) -> None:
        self.lock, self.inside = Lock(), 0

    def __enter__(self) -> None:
        with self.lock:
            self.inside += 1
            if self.inside == 1:
                self.limit = threadpool_limits(1, "blas")

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.inside -= 1
            if self.inside == 0:
                self.limit.restore_original_limits()


ONE_THREAD = OneThread()  # the number of threads belongs to the process, and cells of a run are threads


class ByHand(torch.autograd.Function):
    """A step of a torch network that NumPy takes, forward and backward: no gradient comes from torch."""

    @staticmethod
    def forward(ctx: Any, run: Callable[[], tuple[Array, Way]], *weights: torch.Tensor) -> Any:
        """`run()` gives the output, and the way from its gradient to those of the weights, in their order."""
        with ONE_THREAD:
            out, ctx.back = run()
        return torch.as_tensor(out).to(weights[0])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, d: torch.Tensor) -> Any:
        """None for `run`, then a gradient for each weight."""
        with ONE_THREAD:
            slopes = ctx.back(d.cpu().numpy())
        return None, *(torch.from_numpy(x).to(d) for x in slopes.values())


class Reader(digits.Network):
    """The NumPy network before displays of digits: a readout per place, its weights those of a torch module."""

    def __init__(self) -> None:
        super().__init__()
        self.numpy = AttentionNetwork(SIZES, "null", seed=digits.SEED, dtype=np.float32)
        for name, array in self.numpy.weights.items():
            self.register_parameter(name, nn.Parameter(torch.from_numpy(array)))

    def weigh(self, pixels: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        """Log of the summed exp of an item's scores over all readouts: how much attention it asks for in all."""
        with ONE_THREAD:
            scores, _ = self._here().score.forward(_elements(pixels))  # (B, S, 8)
        return torch.from_numpy(scores[..., : present.shape[1]]).logsumexp(-1).to(pixels)

    def forward(
        self, pixels: torch.Tensor, present: torch.Tensor, gate: GateState | None = None
    ) -> torch.Tensor:
        """Evidence for each digit and for nothing, per place (B, S, 11)."""

        def run() -> tuple[Array, Way]:
            y, trace = self._read(pixels, present, gate)
            return y, lambda d: self.numpy.backward(trace, d).weights

        out: torch.Tensor = ByHand.apply(run, *self.parameters())  # type: ignore[no-untyped-call]
        return out[:, : present.shape[1]]

    def loss(self, pixels: torch.Tensor, present: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:
        """Cross-entropy at each of the eight places."""

        def run() -> tuple[Array, Way]:
            y, trace = self._read(pixels, present, None)
            loss, d = cross_entropy(y, answers.numpy())
            return np.asarray(loss), lambda more: self.numpy.backward(trace, more * d).weights

        loss: torch.Tensor = ByHand.apply(run, *self.parameters())  # type: ignore[no-untyped-call]
        return loss

    def _read(
        self, pixels: torch.Tensor, present: torch.Tensor, gate: GateState | None
    ) -> tuple[Array, Trace]:
        short = digits.PLACES - present.shape[1]  # places that the display lacks are empty ones
        values = F.pad(pixels.sum(2), (0, 0, 0, short)).cpu().numpy()
        elements = _elements(F.pad(pixels, (0, 0, 0, 0, 0, short)))
        return self._here().forward(elements, values, limits_of(gate, present))

    def _here(self) -> AttentionNetwork:
        """The network with the weights that the module has now; on a CPU they are the same memory."""
        self.numpy.weights.update({name: x.detach().cpu().numpy() for name, x in self.named_parameters()})
        return self.numpy


def _elements(pixels: torch.Tensor) -> Array:
    """What each item is scored by (B, S, inputs): its red and green pixels, and its place."""
    B, S = pixels.shape[:2]
    place = torch.eye(digits.PLACES, device=pixels.device)[:S].expand(B, S, digits.PLACES)
    return torch.cat([pixels.flatten(2), place], -1).cpu().numpy()


def limits_of(gate: GateState | None, present: torch.Tensor) -> Limits:
    """A gate for displays of S places as arrays for eight: each field (B, 1 or 8, 1 or 8)."""
    B, S = present.shape
    visible = _eight(present[:, None], False)
    if gate is None:
        return Limits(visible=visible.cpu().numpy())
    wide = gate.with_null(S)  # the null element, which nobody can shut, is cut off again
    wide.validate(B, 1, S, S + 1)
    if (seen := wide.visible(S + 1)) is not None:  # (B, 1, 1 or S, S + 1)
        visible = visible & _eight(seen[:, 0, :, :S], False)
    gain = None if wide.gain is None else wide.gain.reshape(B, 1, 1).float()
    bias = None if wide.bias is None else _eight(wide.bias.reshape(B, 1, S + 1)[..., :S].float(), 0.0)
    rows, keys = wide.granted(S, S + 1)
    share = rows if keys is None else keys[..., :S]
    share = None if share is None else _eight(share.float(), 1.0)
    return Limits(*(None if x is None else x.cpu().numpy() for x in (gain, bias, visible, share)))


def _eight(x: torch.Tensor, fill: float) -> torch.Tensor:
    """A field (B, 1 or S, 1 or S) for eight places instead of S; an axis of 1 stands for all of them."""
    rows, keys = (digits.PLACES - n if n > 1 else 0 for n in x.shape[1:])
    return F.pad(x, (0, keys, 0, rows), value=fill)


def load(device: str) -> digits.DigitReader:
    """The subject with the weights that lie beside this file."""
    return digits.load(Reader(), Path(__file__), device)


WORKSHOP = Workshop(
    Path(__file__),
    network=Reader,
    lesson=lambda network, step: network.loss(*digits.lesson(step)),
    course=Course(steps=2500, rate=2e-3, decay=0.05),
    measure=digits.measure,
    report=digits.report,
)

if __name__ == "__main__":
    raise SystemExit(WORKSHOP.main())
