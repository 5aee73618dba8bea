"""The cases of attention.py under pytest-benchmark: `pytest benchmarks --benchmark-only`.

Each row times the gated call; plain attention is timed in the same run, and the paired ratio stands in
the extra columns (`--benchmark-json`). Whether a target is met is printed, never asserted: a busy machine
is no bug.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from attention import CASES, SMALL, paired_ratio, rounds_for


@pytest.mark.parametrize("case", CASES, ids=str)
def test_cost_of_a_gate(benchmark, case):
    torch.manual_seed(0)
    plain, gated = case.make(case.size, "cpu", torch.float32)
    plain_s, _, ratio = paired_ratio(plain, gated, rounds_for(case, 15))
    met = case.target is None or ratio <= case.target
    benchmark.extra_info.update(plain_ms=1e3 * plain_s, ratio=ratio, target=case.target, met=met)
    benchmark.group = str(case.size)
    benchmark.pedantic(gated, rounds=100 if case.size == SMALL else 5, warmup_rounds=2)
    print(f"{case}: {ratio:.3f} of plain attention (target {case.target})")
