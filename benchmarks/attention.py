"""What does a gate cost? Ratios to `scaled_dot_product_attention`, side by side in one run.

    python benchmarks/attention.py                 # about two minutes on two CPU cores
    python benchmarks/attention.py --rounds 15     # quicker, rougher
    python benchmarks/attention.py --threads 1     # steadier where others use the machine too
    python benchmarks/attention.py --only encoder  # the rows that have this in their name
    python benchmarks/attention.py --device cuda

Every round times all variants one after the other; a row's ratio is the median over rounds of (variant /
plain attention of the same round), so that a slow moment of the machine strikes both. One thread is timed by
the seconds that it really computed, which others on the machine do not lengthen. On CUDA the floor
of each row is what its bytes and operations take at the device's peak, whichever is longer. The rows of an
encoder time one training step (forward, backward, AdamW) and compare it with torch's own modules.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import nn

from cogattn.nn import MECHANISMS, MultiheadAttention, attention, gated_attention
from cogattn.nn.gate import GateState, Race

SLOTS = 4
PEAK_BYTES, PEAK_FLOPS = 4.8e12, {torch.float32: 67e12, torch.bfloat16: 989e12}  # H200: per second


@dataclass(frozen=True)
class Size:
    """One size of attention: batch, heads, keys (= queries), features per head."""

    batch: int
    heads: int
    keys: int
    dim: int

    def __str__(self) -> str:
        return f"B{self.batch} H{self.heads} N{self.keys} D{self.dim}"


@dataclass(frozen=True)
class Case:
    """One row of the table: what is compared with plain attention, and the ratio it must not exceed, if any."""

    name: str
    size: Size
    target: float | None
    make: Callable[[Size, str, torch.dtype], tuple[Callable[[], object], Callable[[], object]]]
    slots: int | None = None
    backward: bool = False
    counted: bool = True
    """Are products of queries and keys all that it costs, so that its floor is known?"""

    def __str__(self) -> str:
        return f"{self.name}, {'fwd+bwd' if self.backward else 'fwd'}, {self.size}"


SMALL, MIDDLE, LARGE = Size(64, 4, 64, 32), Size(8, 4, 256, 32), Size(8, 8, 1024, 64)
ENCODER = Size(32, 4, 64, 32)  # d = 128


def tensors(size: Size, device: str, dtype: torch.dtype, grad: bool) -> list[torch.Tensor]:
    shape = (size.batch, size.heads, size.keys, size.dim)
    return [torch.randn(shape, device=device, dtype=dtype, requires_grad=grad) for _ in range(3)]


def race_of(size: Size, device: str) -> Callable[[], GateState]:
    """A race over the logits of a batch of displays, four slots."""
    race, logits = Race(60.0, SLOTS, 0.01), torch.randn(size.batch, size.keys, device=device)
    generator = torch.Generator(device).manual_seed(0)
    return lambda: race(logits, exposure=0.2, generator=generator)


def forward(gate_of: Callable[[Size, str], GateState], impl: str):
    def make(size: Size, device: str, dtype: torch.dtype):
        q, k, v = tensors(size, device, dtype, grad=False)
        gate = gate_of(size, device)
        return (
            lambda: F.scaled_dot_product_attention(q, k, v),
            lambda: gated_attention(q, k, v, gate, impl=impl),
        )

    return make


def both_ways(gate_of: Callable[[Size, str], GateState], impl: str):
    def make(size: Size, device: str, dtype: torch.dtype):
        x, gate = tensors(size, device, dtype, grad=True), gate_of(size, device)
        up = torch.randn_like(x[0])
        return (
            lambda: torch.autograd.grad(F.scaled_dot_product_attention(*x), x, up),
            lambda: torch.autograd.grad(gated_attention(*x, gate, impl=impl), x, up),
        )

    return make


def racing(size: Size, device: str, dtype: torch.dtype):
    q, k, v = tensors(size, device, dtype, grad=False)
    return lambda: F.scaled_dot_product_attention(q, k, v), race_of(size, device)


def by_name(name: str, gate_of: Callable[[Size, str], GateState], grad: bool, **how):
    """A mechanism against plain attention on the same tensors."""

    def make(size: Size, device: str, dtype: torch.dtype):
        x, gate = tensors(size, device, dtype, grad), gate_of(size, device)
        up, attend = torch.randn_like(x[0]), attention(name, size.dim, **how).to(device, dtype)

        def plain():
            out = F.scaled_dot_product_attention(*x)
            return torch.autograd.grad(out, x, up) if grad else out

        def ours():
            with torch.set_grad_enabled(grad):
                out = attend(*x, gate=gate, need_weights=False)[0]
            return torch.autograd.grad(out, x, up) if grad else out

        return plain, ours

    return make


def encoder(gate_of: Callable[[Size, str], GateState | None]):
    """One training step of two encoder layers: torch's, and the same with our attention under a gate."""

    def make(size: Size, device: str, dtype: torch.dtype):
        width = size.heads * size.dim
        x = torch.randn(size.batch, size.keys, width, device=device, dtype=dtype)
        layer = nn.TransformerEncoderLayer(width, size.heads, 4 * width, dropout=0.0, batch_first=True)
        theirs, ours = (nn.TransformerEncoder(layer, 2, enable_nested_tensor=False) for _ in range(2))
        for block in ours.layers:
            block.self_attn = MultiheadAttention(width, size.heads, batch_first=True)
            block.self_attn.gate = gate_of(size, device)
        return tuple(step(model.to(device, dtype), x) for model in (theirs, ours))

    return make


def step(model: nn.Module, x: torch.Tensor) -> Callable[[], object]:
    optimizer = torch.optim.AdamW(model.parameters())

    def once():
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()

    return once


def nothing(*_: object) -> GateState:
    """A gate that limits nothing."""
    return GateState()


def kept(size: Size, device: str) -> GateState:
    """Half of the keys kept."""
    return GateState(keep=torch.arange(size.keys, device=device).expand(size.batch, -1) % 2 == 0)


def sharpened(size: Size, device: str) -> GateState:
    """Half of the keys kept, weighted and sharpened: every field that a key mask can carry."""
    bias = torch.randn(size.batch, size.keys, device=device)
    gain = torch.full((size.batch,), 1.3, device=device)
    return GateState(keep=kept(size, device).keep, bias=bias, gain=gain)


def raced(size: Size, device: str) -> GateState:
    return race_of(size, device)()


def raced_mask(size: Size, device: str) -> GateState:
    """The same race, told by a mask on the keys alone."""
    return replace(raced(size, device), index=None)


CASES = [
    *(
        Case(f"key mask ({what})", size, 1.10, ways(gate, "mask"), backward=ways is both_ways)
        for size in (LARGE, SMALL)
        for what, gate in (("keep", kept), ("keep, bias, gain", sharpened))
        for ways in (forward, both_ways)
    ),
    Case("gather 4 keys", LARGE, 0.10, forward(raced, "gather"), slots=SLOTS),
    Case("gather 4 keys", LARGE, 0.10, both_ways(raced, "gather"), slots=SLOTS, backward=True),
    Case("race on logits", SMALL, 0.15, racing, slots=0),
    *(
        Case(f"encoder ({what})", ENCODER, 1.15, encoder(gate), backward=True, counted=False)
        for what, gate in (
            ("no gate", lambda *_: None),
            ("race, key mask", raced_mask),
            ("race, gather 4 keys", raced),
        )
    ),
    *(
        Case(name, size, None, by_name(name, nothing, grad), backward=grad, counted=name.endswith("dot"))
        for size in (SMALL, MIDDLE)
        for name in MECHANISMS
        for grad in (False, True)
    ),
    *(
        Case(
            f"{name}, race of 4 keys", MIDDLE, None, by_name(name, raced, True), backward=True, counted=False
        )
        for name in ("euclidean", "additive")
    ),
    *(
        Case(f"{name}, window 32", LARGE, None, by_name(name, nothing, False, window=32), counted=False)
        for name in ("scaled_dot", "euclidean")
    ),
]


def seconds(call: Callable[[], object], cuda: bool) -> float:
    """How long one call takes; on a GPU by its own clock."""
    if not cuda:
        clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
        begin = clock()
        call()
        return clock() - begin
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    begin.record()
    call()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / 1e3


def paired_ratio(base: Callable[[], object], other: Callable[[], object], rounds: int, cuda: bool = False):
    """Median seconds of both, and the median of the ratios of neighbours in time."""
    for _ in range(3):
        base(), other()
    pairs = []
    for turn in range(rounds):
        # Who goes first alternates, so that neither always finds the other's data in the cache.
        calls = (base, other) if turn % 2 else (other, base)
        took = [seconds(call, cuda) for call in calls]
        pairs.append(took if turn % 2 else took[::-1])
    bases, others = zip(*pairs, strict=True)
    ratio = statistics.median(b / a for a, b in pairs)
    return statistics.median(bases), statistics.median(others), ratio


def rounds_for(case: Case, rounds: int) -> int:
    """Small sizes are quick and noisy: more rounds, where a target hangs on them."""
    return rounds * 8 if case.size == SMALL and case.target else rounds


def floor(case: Case, dtype: torch.dtype) -> float:
    """Seconds that no kernel can beat: bytes moved once, or multiply-adds, at the device's peak."""
    s = case.size
    keys = s.keys if case.slots is None else case.slots
    cells, width = s.batch * s.heads * s.dim, torch.finfo(dtype).bits // 8
    if keys == 0:  # the race alone reads logits and writes keep and index
        return s.batch * (s.keys * 5 + SLOTS * 8) / PEAK_BYTES
    moved = (2 * s.keys + 2 * keys) * cells * width  # q and out, k and v
    flops = 4 * s.keys * keys * cells
    if case.backward:  # reads q, k, v, out and its gradient, writes three gradients; 2.5 times the products
        moved, flops = moved + (4 * s.keys + 4 * keys) * cells * width, 3.5 * flops
    return max(moved / PEAK_BYTES, flops / PEAK_FLOPS[dtype])


def table(cases: list[Case], rounds: int, device: str, dtype: torch.dtype) -> str:
    cuda = device.startswith("cuda")
    lines = ["| case | plain | gated | ratio | target | met |", "|---|---|---|---|---|---|"]
    if cuda:
        lines = ["| case | plain | gated | floor | ratio | target | met |", "|---|---|---|---|---|---|---|"]
    for case in cases:
        base, gated = case.make(case.size, device, dtype)
        plain, ours, ratio = paired_ratio(base, gated, rounds_for(case, rounds), cuda)
        least = f" {1e6 * floor(case, dtype):.1f} us |" if cuda and case.counted else " |" * cuda
        target = f"{case.target:.2f} | {'yes' if ratio <= case.target else 'NO'}" if case.target else " | "
        times = f"{1e3 * plain:.3f} ms | {1e3 * ours:.3f} ms |{least}"
        lines.append(f"| {case} | {times} {ratio:.3f} | {target} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--only", default="", help="rows that have this in their name")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {args.device}, {args.dtype}, {torch.get_num_threads()} threads\n")
    cases = [case for case in CASES if args.only in str(case)]
    print(table(cases, args.rounds, args.device, getattr(torch, args.dtype)))


if __name__ == "__main__":
    main()
