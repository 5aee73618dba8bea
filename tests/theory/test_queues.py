"""The central stage of a mind as a queue: a million customers against Pollaczek-Khinchine and processor sharing.

A stream holds 256 elements, a queue needs a million: so the engine's own functions are driven here by a loop, with a
row for each customer. Nothing else is added.
"""

from __future__ import annotations

import heapq
import math

import numpy as np
import pytest
from numba import njit
from scipy import integrate

from cogattn.laws import alertness, stages
from cogattn.mind import cohort, engine, state
from cogattn.mind.phases import DONE
from cogattn.observer import Observer
from cogattn.world.kinds import CHOOSE, ONSET, READY
from cogattn.world.stream import Stimulus, Task, TaskStream

pytestmark = pytest.mark.full

N = 1_000_000
ADULT = Observer()  # chooses as people do: LATER with their speed and spread
STREAM = TaskStream((Stimulus("x"),), end=1.0, tasks=(Task(response="choose"),))


@njit
def serve(mind, people, e, rules, conflict, gaps, work, at, sojourn, taken):  # type: ignore[no-untyped-def]
    """Let customers come. work: what choosing takes; -1 = the mind's own draw."""
    m, p = mind[0], people[0]
    n, come, done = len(gaps), 0, 0
    then = gaps[0]
    while done < n:
        t, kind, x = engine.next_event(m, p, e, rules, conflict, True, True, True, True, True, True)
        if come < n and then <= t:
            engine.advance(m, p, e, rules, conflict, True, True, True, True, True, then)
            engine.perceive(m, p, e, rules, conflict, True, True, True, ONSET, come, 1.0)
            at[come] = then
            come += 1
            if come < n:
                then += gaps[come]
            continue
        engine.advance(m, p, e, rules, conflict, True, True, True, True, True, t)
        kind = engine.apply(m, p, e, rules, conflict, True, True, True, True, True, True, kind, x)
        if kind == READY:
            if work[0] >= 0.0:
                e[x].work = work[x]
            taken[x] = e[x].work
        elif kind == CHOOSE:
            sojourn[x] = m.now - at[x]
        if x >= 0 and e[x].stage == DONE:
            done += 1


@njit
def begin(mind, people, e, rules, seed):  # type: ignore[no-untyped-def]
    engine.begin(mind[0], people[0], e, rules, seed, 0, 0, True, True, True, True)


def queue(rho, share, exponential=False, n=N, seed=0, servers=1.0, stream=STREAM):
    """(arrivals, sojourn times, service times) of a busy central stage at this load (of each server)."""
    o = Observer(
        math.inf, math.inf, 0.0, central_share=share, central=servers, wandering=0.0, dwell=0.0, order_sd=0.0
    )
    people, rules = cohort.columns_of([o]), state.task_rules(stream)
    mind, e = state.blank(n)
    e["evidence"] = 1.0
    begin(mind, people, e, rules, seed)
    rng = np.random.default_rng(seed)
    mean = 1 / ADULT.speed if stream.tasks[0].service == "exponential" else moments()[0]
    gaps = rng.exponential(mean / (rho * servers), n)
    work = rng.exponential(mean, n) if exponential else np.full(1, -1.0)
    at, sojourn, taken = np.zeros(n), np.zeros(n), np.zeros(n)
    serve(mind, people, e, rules, stream.competition, gaps, work, at, sojourn, taken)
    return at, sojourn, taken


def moments():
    """E[S], E[S^2] of the time a choice takes: LATER, 1 / a normal cut as in `laws.alertness.later`.

    The slowest in 1e9 are left out: a normal has some density even at speed 0, so both integrals would diverge, by
    what no run will ever meet.
    """
    u = np.linspace(-np.log(1e-9), np.log(1e-9), 200_001)  # logits: dense where the times are extreme
    p = 1 / (1 + np.exp(u))
    t = alertness.later_quantile(p, ADULT.speed, ADULT.speed_sd)
    density = p * (1 - p)
    total = integrate.simpson(density, x=u)
    return tuple(float(integrate.simpson(t**k * density, x=u) / total) for k in (1, 2))


def lindley(at, taken):
    """Sojourn times of a queue that serves one after the other: another way to the same numbers."""
    free, out = 0.0, np.empty(len(at))
    for i, (a, s) in enumerate(zip(at, taken, strict=True)):
        free = max(free, a) + s
        out[i] = free - a
    return out


def sharing(at, taken):
    """Sojourn times of equal sharing: in terms of the service that each present customer has got so far, everybody
    leaves at a level that is fixed when he comes."""
    level, now, out, present = 0.0, 0.0, np.empty(len(at)), []
    for i, (a, s) in enumerate(zip(at, taken, strict=True)):
        while present:
            target, j = present[0]
            leaves = now + (target - level) * len(present)
            if leaves > a:
                break
            heapq.heappop(present)
            now, level, out[j] = leaves, target, leaves - at[j]
        if present:
            level += (a - now) / len(present)
        now = a
        heapq.heappush(present, (level + s, i))
    while present:
        target, j = heapq.heappop(present)
        now, level = now + (target - level) * (len(present) + 1), target
        out[j] = now - at[j]
    return out


@pytest.fixture(scope="module")
def bottleneck():
    return queue(0.7, share=1.0)


@pytest.fixture(scope="module")
def shared():
    return queue(0.7, share=0.5, seed=1)


def test_choices_take_the_time_that_the_moments_say(bottleneck):
    mean, second = moments()
    assert bottleneck[2].mean() == pytest.approx(mean, rel=0.001)
    assert (bottleneck[2] ** 2).mean() == pytest.approx(second, rel=0.003)


def test_a_bottleneck_is_an_mg1_queue(bottleneck):
    mean, second = moments()
    law = stages.mg1(0.7 / mean, mean, second)
    assert bottleneck[1].mean() == pytest.approx(float(law), rel=0.01)


def test_a_bottleneck_is_lindleys_recursion_customer_by_customer(bottleneck):
    at, sojourn, taken = (x[:100_000] for x in bottleneck)
    np.testing.assert_allclose(sojourn, lindley(at, taken), atol=1e-7)


def test_sharing_knows_the_mean_service_only(shared):
    """M/G/1 processor sharing: E[S] / (1 - rho) whatever the law of S, where the bottleneck depends on E[S^2]."""
    mean, second = moments()
    law = float(stages.mm1(0.7 / mean, mean, "ps"))
    assert shared[1].mean() == pytest.approx(law, rel=0.01)
    assert float(stages.mg1(0.7 / mean, mean, second)) < 0.8 * law


def test_who_brings_more_work_stays_longer_in_proportion(shared):
    mean, _ = moments()
    _, sojourn, taken = shared
    for low, high in ((0.0, 0.25), (0.25, 0.3), (0.3, 0.4), (0.4, 1.0)):
        here = (taken >= low) & (taken < high)
        law = stages.ps_conditional(0.7 / mean, mean, taken[here].mean())
        assert sojourn[here].mean() == pytest.approx(float(law), rel=0.015)


def test_sharing_is_the_same_customer_by_customer(shared):
    at, sojourn, taken = (x[:60_000] for x in shared)
    np.testing.assert_allclose(sojourn[:50_000], sharing(at, taken)[:50_000], atol=1e-7)


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_exponential_choices_make_an_mm1_queue(share):
    """The bottleneck and sharing have one mean then, and differ in who waits."""
    _, sojourn, taken = queue(0.5, share, exponential=True, seed=2)
    mean = moments()[0]
    law = float(stages.mm1(0.5 / mean, mean, "fcfs" if share == 1.0 else "ps"))
    assert sojourn.mean() == pytest.approx(law, rel=0.01)
    long = taken > 2 * mean
    own = taken[long].mean()
    expected = law - mean + own if share == 1.0 else own / (1 - 0.5)  # all wait alike, or each in proportion
    assert sojourn[long].mean() == pytest.approx(expected, rel=0.015)


def test_between_them_the_share_decides_who_waits():
    """At a share of 3/4 the mean lies between that of the bottleneck and that of sharing (LATER: little spread)."""
    means = [queue(0.7, share, n=200_000, seed=3)[1].mean() for share in (1.0, 0.75, 0.5)]
    assert means[0] < means[1] < means[2]


@pytest.mark.parametrize("servers", [1, 2, 4])
def test_c_servers_and_exponential_times_are_erlangs_queue(servers):
    """M/M/c: the mean time agrees with Erlang C, within four standard errors of ten stretches."""
    stream = TaskStream((Stimulus("x"),), end=1.0, tasks=(Task(response="choose", service="exponential"),))
    rho, n = 0.8, 200_000
    _, sojourn, taken = queue(rho, 1.0, n=n, seed=3, servers=float(servers), stream=stream)
    mean = 1 / ADULT.speed
    assert taken.mean() == pytest.approx(mean, rel=0.01)
    law = float(stages.erlang_c(rho * servers / mean, mean, servers))
    stretches = sojourn[n // 10 :].reshape(-1, n // 10).mean(1)
    assert abs(stretches.mean() - law) < 4 * stretches.std(ddof=1) / math.sqrt(len(stretches))
