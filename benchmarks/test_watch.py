"""benchmarks/watch.py under pytest-benchmark: pytest benchmarks --benchmark-only."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import watch

from cogattn.mind import cohort


@pytest.mark.benchmark(group="two hours")
@pytest.mark.parametrize("signals", [20, 2000])
def test_two_hours(benchmark, signals):
    session = watch.two_hours(signals)
    benchmark(lambda: cohort.run_session(session, [watch.MIND] * 50))


@pytest.mark.benchmark(group="simple RT")
def test_eight_minutes(benchmark):
    session, crowd = watch.simple_rt(500), [watch.MIND] * 500
    benchmark(lambda: cohort.run_session(session, crowd))
