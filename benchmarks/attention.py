"""What does a gate cost? Ratios to `scaled_dot_product_attention`, side by side in one run.

    python benchmarks/attention.py                 # about a minute on two CPU cores
    python benchmarks/attention.py --rounds 15     # quicker, rougher
    python benchmarks/attention.py --threads 1     # steadier where others use the machine too
    python benchmarks/attention.py --device cuda

Every round times all variants one after the other; a row's ratio is the median over rounds of (variant /
plain attention of the same round), so that a slow moment of the machine strikes both. On CUDA the floor
of each row is what its bytes and operations take at the device's peak, whichever is longer.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from cogattn.gate import GateState, Race
from cogattn.nn import gated_attention

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
    """One row of the table: what is compared with plain attention, and the ratio it must not exceed."""

    name: str
    size: Size
    target: float
    make: Callable[[Size, str, torch.dtype], tuple[Callable[[], object], Callable[[], object]]]
    slots: int | None = None
    backward: bool = False

    def __str__(self) -> str:
        return f"{self.name}, {'fwd+bwd' if self.backward else 'fwd'}, {self.size}"


SMALL, LARGE = Size(64, 4, 64, 32), Size(8, 8, 1024, 64)


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
]


def seconds(call: Callable[[], object], cuda: bool) -> float:
    """How long one call takes; on a GPU by its own clock."""
    if not cuda:
        begin = time.perf_counter()
        call()
        return time.perf_counter() - begin
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
    """Small sizes are quick and noisy: more rounds."""
    return rounds * 8 if case.size == SMALL else rounds


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


def table(rounds: int, device: str, dtype: torch.dtype) -> str:
    cuda = device.startswith("cuda")
    lines = ["| case | plain | gated | ratio | target | met |", "|---|---|---|---|---|---|"]
    if cuda:
        lines = ["| case | plain | gated | floor | ratio | target | met |", "|---|---|---|---|---|---|---|"]
    for case in CASES:
        base, gated = case.make(case.size, device, dtype)
        plain, ours, ratio = paired_ratio(base, gated, rounds_for(case, rounds), cuda)
        least = f" {1e6 * floor(case, dtype):.1f} us |" if cuda else ""
        met = "yes" if ratio <= case.target else "NO"
        times = f"{1e3 * plain:.3f} ms | {1e3 * ours:.3f} ms |{least}"
        lines.append(f"| {case} | {times} {ratio:.3f} | {case.target:.2f} | {met} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {args.device}, {args.dtype}, {torch.get_num_threads()} threads\n")
    print(table(args.rounds, args.device, getattr(torch, args.dtype)))


if __name__ == "__main__":
    main()
