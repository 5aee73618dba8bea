"""mind.py under pytest-benchmark: `pytest benchmarks/test_mind.py`. The ratio stands in the extra columns."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from mind import COHORT_TRIALS, SIMPY_TRIALS, TARGET, compiled, seconds, simpy

from cogattn.runs.experiment import cores


@pytest.mark.parametrize("n_jobs", sorted({1, cores()}))
def test_cohort_against_simpy(benchmark, n_jobs):
    fast = compiled(n_jobs)
    fast()
    slow_per_trial = seconds(simpy) / SIMPY_TRIALS
    benchmark.pedantic(fast, rounds=5, warmup_rounds=1)
    ratio = slow_per_trial / (benchmark.stats.stats.median / COHORT_TRIALS)
    benchmark.extra_info.update(ratio=ratio, target=TARGET, met=ratio >= TARGET)
    print(f"{n_jobs} jobs: {ratio:,.0f} times as fast as SimPy (target {TARGET:,.0f} on two cores)")
