"""Several things at once: each law held against events played one by one, chance, textbooks and limits."""

from __future__ import annotations

import heapq
import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from cogattn.errors import InputError
from cogattn.laws import stages

RNG = np.random.default_rng


def z_of(sample, expected):
    """How many standard errors a sample's mean is off."""
    sample = np.asarray(sample, float)
    return abs(sample.mean() - expected) / (sample.std(ddof=1) / math.sqrt(len(sample)) + 1e-12)


# --- ranks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("s", [0.5, 0.5001, 0.7, 0.99, 1.0])
def test_the_shares_of_all_ranks_make_one_and_never_rise(s):
    for n in (1, 2, 3, 7):
        shares = [stages.share_of(r, n, s) for r in range(n)]
        assert abs(sum(shares) - 1) < 1e-12
        assert shares == sorted(shares, reverse=True)
    assert abs(stages.share_of(0, 2, s) - s) < 1e-12


def test_a_task_draws_attention_by_its_priority_its_ease_and_what_waits():
    assert stages.attractiveness(3.0, 0.7, 2.0, False) == 1.5
    assert abs(stages.attractiveness(3.0, 0.7, 2.0, True) - 1.5 * math.exp(0.7)) < 1e-12


# --- two tasks: the closed form against the events ---------------------------------------------------------------


def played(a1, b1, c1, a2, b2, c2, soa, share):
    """(RT1, RT2), event by event: who is in the centre, at which rate, who is done next."""
    waiting = sorted([(a1, 1), (soa + a2, 2)])  # who reaches the centre, in order; task 1 first at a tie
    need, inside, ends, now = {1: b1, 2: b2}, [], {}, min(a1, soa + a2)
    while waiting or inside:
        if waiting and waiting[0][0] <= now:
            inside.append(waiting.pop(0)[1])
            continue
        rates = [1.0] if len(inside) == 1 else [share, 1.0 - share][: len(inside)]
        steps = [need[j] / r if r > 0 else math.inf for j, r in zip(inside, rates, strict=True)]
        coming = waiting[0][0] - now if waiting else math.inf
        step = min([coming, *steps])
        for j, r in zip(inside, rates, strict=True):
            need[j] -= step * r
        if step < coming or steps[:1] == [step]:
            gone = inside.pop(int(np.argmin(steps)))
            ends[gone], need[gone] = now + step, 0.0
        now += step
    return ends[1] + c1, ends[2] + c2 - soa


durations = st.one_of(st.just(0.0), st.floats(0.001, 1000.0))


@settings(max_examples=300, deadline=None)
@given(st.tuples(*[durations] * 6), st.floats(-1500, 1500), st.sampled_from([0.5, 0.6, 0.8, 0.95, 1.0]))
@example((100.0, 200.0, 0.0, 100.0, 200.0, 0.0), 0.0, 0.5)
@example((100.0, 200.0, 0.0, 50.0, 300.0, 0.0), 50.0, 0.8)  # a tie
@example((100.0, 300.0, 0.0, 0.0, 20.0, 0.0), 50.0, 0.6)  # task 2 comes first
@example((100.0, 300.0, 0.0, 100.0, 20.0, 0.0), 50.0, 0.6)  # task 2 comes last and ends first
def test_prp_is_what_happens_event_by_event(durations, soa, share):
    got, want = stages.prp(*durations, soa, share), played(*durations, soa, share)
    assert np.abs(np.array(got) - want).max() < 1e-9


def test_prp_in_the_published_regimes():
    a1, b1, c1, a2, b2, c2 = 100.0, 300.0, 90.0, 110.0, 200.0, 80.0
    soa = np.linspace(0, 600, 61)
    rt1, rt2 = stages.prp(a1, b1, c1, a2, b2, c2, soa)
    assert np.abs(rt1 - (a1 + b1 + c1)).max() < 1e-12
    assert np.abs(rt2 - (np.maximum(a1 + b1, soa + a2) + b2 + c2 - soa)).max() < 1e-9
    for share in (0.9, 0.75, 0.6):
        left = a1 + b1 - a2 - soa
        rt1, rt2 = stages.prp(a1, b1, c1, a2, b2, c2, soa, share)
        first = (left > 0) & ((1 - share) * left / share <= b2)
        early = (left > 0) & ~first
        assert first.any()
        assert np.abs(rt1 - (a1 + b1 + c1 + left * (1 / share - 1)))[first].max() < 1e-9
        assert np.abs(rt2 - (a1 + b1 + b2 + c2 - soa))[first].max() < 1e-9
        assert np.abs(rt1 - (a1 + b1 + b2 + c1))[early].max(initial=0) < 1e-9
        assert np.abs(rt2 - (a2 + b2 / (1 - share) + c2))[early].max(initial=0) < 1e-9
        apart = left <= 0
        assert np.abs(rt2 - (a2 + b2 + c2))[apart].max() < 1e-9
    _, rt2 = stages.prp(a1, 500, c1, a2, 100, c2, 0, 0.6)
    assert abs(rt2 - (a2 + 100 / 0.4 + c2)) < 1e-9  # the early regime is there, too


@pytest.mark.parametrize("free", [None, math.inf])
def test_without_a_central_limit_each_task_is_as_if_alone(free):
    soa = np.array([-200.0, 0.0, 50.0, 900.0])
    rt1, rt2 = stages.prp(100, 200, 90, 110, 300, 80, soa, free)
    assert np.allclose(rt1, 390)
    assert np.allclose(rt2, 490)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"share": 0.4}, "share must be >= 0.5"),
        ({"share": 1.5}, "share must be from 0.5 to 1"),
        ({"share": math.nan}, "share"),
        ({"b1": -1}, "b1 must be >= 0"),
        ({"c2": math.inf}, "c2 must be"),
        ({"soa": math.nan}, "soa must be"),
        ({"a1": "soon"}, "a1 must be a number"),
    ],
)
def test_prp_refuses(wrong, says):
    how = {"a1": 1, "b1": 1, "c1": 1, "a2": 1, "b2": 1, "c2": 1, "soa": 0} | wrong
    with pytest.raises(InputError, match=says):
        stages.prp(**how)


# --- slack ------------------------------------------------------------------------------------------------------

SOA = np.array([0.0, 50.0, 150.0, 400.0, 800.0, 1500.0])


def test_the_slack_curve_is_the_mean_over_slacks():
    d = RNG(1).normal(453, 298, 100_000)
    for soa, rt in zip(SOA, stages.slack_curve(SOA, 554, 453, 298), strict=True):
        assert z_of(554 + np.maximum(0, d - soa), rt) < 4


def test_the_slack_curve_is_the_bottleneck_with_a_random_second_task():
    """prp, averaged over a normal A2, with everything else fixed."""
    a2, weight = np.linspace(200 - 8 * 40, 200 + 8 * 40, 8001), stats.norm(200, 40)
    a2, p = a2[a2 > 0], weight.pdf(a2[a2 > 0])
    for soa in SOA:
        rt2 = stages.prp(0, 700, 0, a2, 150, 80, soa)[1] - a2  # RT2 less A2: waiting + B2 + C2
        want = stages.slack_curve(soa, 230, 700 - 200, 40)
        assert abs(integrate.trapezoid(p * rt2, a2) - want) < 1e-3


@pytest.mark.parametrize("sd", [298.0, 20.0])
def test_the_slope_is_the_derivative(sd):
    h = 1e-3
    ends = [stages.slack_curve(SOA + x, 554, 453, sd) for x in (-h, h)]
    assert np.abs((ends[1] - ends[0]) / (2 * h) - stages.slack_slope(SOA, 453, sd)).max() < 1e-6


def test_a_slack_that_never_varies_is_the_bottleneck():
    got = stages.slack_curve(SOA, 280, 290, 0)
    assert np.abs(got - stages.prp(100, 300, 0, 110, 200, 80, SOA)[1] + 110).max() < 1e-9
    assert np.abs(got - stages.slack_curve(SOA, 280, 290, 1e-9)).max() < 1e-6
    assert stages.slack_slope(SOA, 290, 0).tolist() == [-1, -1, -1, 0, 0, 0]
    with pytest.raises(InputError, match="sd must be >= 0"):
        stages.slack_curve(0, 1, 1, -1)


# --- the door ---------------------------------------------------------------------------------------------------

LAGS = np.array([0.0, 80.0, 160.0, 300.0, 420.0, 700.0])


def at_the_door(rng, soa, p, mean, sd, sparing, window, decay, n=60_000):
    """The second target comes to a door that is locked for a random time; 1 where it is reported."""
    wait = np.maximum(0.0, rng.normal(mean, sd, n)) - soa
    slips = (rng.random(n) < sparing) & (soa <= window)
    kept = rng.exponential(decay, n) > wait if decay > 0 else np.zeros(n, bool)
    return (rng.random(n) < p) & ((wait <= 0) | slips | kept)


@pytest.mark.parametrize("decay", [0.0, 50.0, 400.0])
@pytest.mark.parametrize(("mean", "sd"), [(330.0, 110.0), (100.0, 150.0)])
def test_the_blink_is_what_happens_at_the_door(decay, mean, sd):
    rng = RNG(int(decay + mean))
    how = {"p": 0.9, "mean": mean, "sd": sd, "sparing": 0.7, "window": 120.0}
    law = stages.blink_buffered(LAGS, **how, decay=decay)
    for soa, p in zip(LAGS, law, strict=True):
        assert z_of(at_the_door(rng, soa, **how, decay=decay), p) < 4


@pytest.mark.parametrize("decay", [0.5, 5.0, 60.0, 1e4])
def test_the_buffer_is_the_integral_over_waits(decay):
    law = stats.norm(330, 110)
    for soa in LAGS:
        high = 330 + 12 * 110
        lost = integrate.quad(
            lambda d, soa=soa: law.pdf(d) * math.exp(-(d - soa) / decay),
            soa,
            high,
            epsabs=1e-13,
            points=[soa + 5 * decay] if soa + 5 * decay < high else None,
            limit=200,
        )[0]
        assert abs(stages.blink_buffered(soa, 1.0, 330, 110, 0, 0, decay) - law.cdf(soa) - lost) < 1e-9


def test_limits_of_the_buffer():
    how = {"p": 0.9, "mean": 330.0, "sd": 110.0, "sparing": 0.7, "window": 120.0}
    masked = stages.blink(LAGS, **how)
    assert np.abs(stages.blink_buffered(LAGS, **how, decay=0) - masked).max() < 1e-15
    assert np.abs(stages.blink_buffered(LAGS, **how, decay=1e-6) - masked).max() < 1e-6
    assert np.abs(stages.blink_buffered(LAGS, **how, decay=math.inf) - 0.9).max() < 1e-12
    assert np.abs(stages.blink_buffered(LAGS, **how, decay=1e9) - 0.9).max() < 1e-6
    many = [stages.blink_buffered(LAGS, **how, decay=d) for d in (0, 1, 30, 200, 3000, math.inf)]
    assert (np.diff(many, axis=0) >= -1e-15).all()
    assert abs(masked[-1] - 0.9) < 1e-3


def test_a_lock_of_fixed_length():
    sharp = stages.blink(LAGS, 0.9, 310, 0, 0.5, 100)
    assert np.allclose(sharp, [0.45, 0.45, 0, 0, 0.9, 0.9])
    late = stages.blink_buffered(LAGS, 1.0, 310, 0, 0, 0, 100.0)
    assert np.allclose(late, np.exp(-np.maximum(0, 310 - LAGS) / 100))
    assert np.allclose(late, stages.blink_buffered(LAGS, 1.0, 310, 1e-7, 0, 0, 100.0))


def encoded_at_the_door(rng, soa, shown, rate, threshold, mean, sd, counts, sparing, window, n=60_000):
    """Two targets are encoded one by one, if they are before their masks; 1 where T2 is reported, of those with T1."""
    first = threshold + rng.exponential(1 / rate, n)
    first = first[first < shown]
    second = soa + threshold + rng.exponential(1 / rate, len(first))
    opens = first + np.maximum(0.0, rng.normal(mean, sd, len(first)) + counts / rate)
    slips = (rng.random(len(first)) < sparing) & (second <= window)
    return (second < soa + shown) & ((opens <= soa + shown) | slips)


@pytest.mark.parametrize("sd", [0.0, 1e-3, 0.2])
@pytest.mark.parametrize(("rate", "counts"), [(4.0, 0.5), (35.0, 3.0), (400.0, 0.0)])
def test_the_blink_of_targets_that_have_to_be_encoded(sd, rate, counts):
    rng = RNG(int(rate + 1e4 * sd))
    how = {"shown": 0.1, "rate": rate, "threshold": 0.01, "mean": 0.2, "sd": sd, "counts": counts, "sparing": 0.7,
           "window": 0.15}  # fmt: skip
    for soa in (0.1, 0.13, 0.2, 0.25, 0.3, 0.6):
        p = float(stages.blink_encoded(soa, **how))
        sample = encoded_at_the_door(rng, soa, **how)
        assert abs(sample.mean() - p) < 4 * math.sqrt(p * (1 - p) / len(sample)) + 1e-4


def test_limits_of_the_blink_of_encoded_targets():
    """Seen at once, it is `blink` with T2 waiting for its mask; several people at once are each alone."""
    how = {"threshold": 0.0, "mean": 0.33, "sd": 0.11, "counts": 0.0, "sparing": 0.7}
    soa = np.array([0.1, 0.2, 0.4, 0.7])
    late = stages.blink_encoded(soa, 0.05, 1e9, window=0.12, **how)
    want = stages.blink(soa + 0.05, 1.0, 0.33, 0.11, 0.7, 0.16)
    assert np.abs(late - want).max() < 1e-6
    never = stages.blink_encoded(soa, 0.05, 20.0, 0.05, 0.33, 0.11, 1.0, 0.7, 0.12)
    assert (never == 0.0).all()
    people = stages.blink_encoded(0.2, 0.1, [5.0, 50.0], [0.0, 0.01], 0.3, 0.1, 2.0, 0.7, 0.15)
    alone = [
        stages.blink_encoded(0.2, 0.1, v, t, 0.3, 0.1, 2.0, 0.7, 0.15) for v, t in ((5.0, 0.0), (50.0, 0.01))
    ]
    assert people == pytest.approx(np.array(alone), abs=1e-15)
    slow = [float(stages.blink_encoded(0.3, 0.1, 20.0, 0.0, 0.2, 0.1, k, 0.7, 0.15)) for k in (0, 1, 2, 4, 8)]
    assert (np.diff(slow) < 0).all()
    with pytest.raises(InputError, match="counts must be"):
        stages.blink_encoded(0.3, 0.1, 20.0, 0.0, 0.2, 0.1, -1.0, 0.7, 0.15)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"p": 1.1}, "p must be"),
        ({"sparing": -0.1}, "sparing must be"),
        ({"soa": [100, -1]}, "soa must be >= 0, got -1"),
        ({"sd": -1}, "sd must be"),
        ({"window": math.nan}, "window must be"),
    ],
)
def test_the_blink_refuses(wrong, says):
    how = {"soa": 100, "p": 0.9, "mean": 300, "sd": 100, "sparing": 0.5, "window": 100} | wrong
    with pytest.raises(InputError, match=says):
        stages.blink(**how)


# --- queues -----------------------------------------------------------------------------------------------------


def batches(times, parts=40, skip=1000):
    """Means of consecutive parts of a long run: nearly independent."""
    x = np.asarray(times)[skip:]
    return x[: len(x) // parts * parts].reshape(parts, -1).mean(1)


def first_come(come, work):
    """Times in the system: Lindley's recursion."""
    free, out = 0.0, np.empty(len(come))
    for i, (t, w) in enumerate(zip(come, work, strict=True)):
        free = max(t, free) + w
        out[i] = free - t
    return out


def shared(come, work):
    """Times in a processor-sharing queue, in virtual time: all who are there gain it at the rate 1/n."""
    out, inside, now, virtual, i = np.full(len(come), np.nan), [], 0.0, 0.0, 0
    while i < len(come) or inside:
        ends = now + (inside[0][0] - virtual) * len(inside) if inside else math.inf
        if i < len(come) and come[i] <= ends:
            virtual += (come[i] - now) / len(inside) if inside else 0.0
            now = come[i]
            heapq.heappush(inside, (virtual + work[i], i))
            i += 1
        else:
            virtual, gone = heapq.heappop(inside)
            now = ends
            out[gone] = now - come[gone]
    return out


def urgent_first(come, work, rank):
    """Times in a queue with preemptive-resume priorities; 0 is the most urgent."""
    left, out, now, i, waiting = work.copy(), np.full(len(come), np.nan), 0.0, 0, []
    while i < len(come) or waiting:
        coming = come[i] if i < len(come) else math.inf
        if waiting and now + left[waiting[0][1]] <= coming:
            now += left[waiting[0][1]]
            gone = heapq.heappop(waiting)[1]
            out[gone] = now - come[gone]
        else:
            if waiting:
                left[waiting[0][1]] -= coming - now
            now = coming
            heapq.heappush(waiting, (rank[i], i))
            i += 1
    return out


def arrivals(rng, rate, n=60_000):
    return np.cumsum(rng.exponential(1 / rate, n))


@pytest.mark.parametrize(("rate", "mean"), [(0.5, 1.0), (3.0, 0.2)])
def test_a_queue_and_a_shared_processor_have_the_mean_of_the_textbook(rate, mean):
    rng = RNG(int(10 * rate))
    come, work = arrivals(rng, rate), rng.exponential(mean, 60_000)
    fifo, ps = first_come(come, work), shared(come, work)
    assert z_of(batches(fifo), stages.mm1(rate, mean)) < 4
    assert z_of(batches(ps), stages.mm1(rate, mean, "ps")) < 4
    wanted = stages.ps_conditional(rate, mean, work) - ps  # each job's own work
    assert z_of(batches(wanted), 0.0) < 4
    long = work > 2 * mean
    assert z_of(batches((ps / work)[long], skip=100), 1 / (1 - rate * mean)) < 4
    # what first come, first served makes of them: a long job does not wait for ever
    assert z_of(batches((fifo / work)[long], skip=100), 1 / (1 - rate * mean)) > 10


@pytest.mark.parametrize(
    "law", [stats.gamma(4, scale=0.25), stats.uniform(0.2, 1.6), stats.gamma(0.3, scale=3)]
)
def test_pollaczek_and_khinchine(law):
    rng = RNG(5)
    work = law.rvs(60_000, random_state=rng)
    times = first_come(arrivals(rng, 0.55), work)
    assert z_of(batches(times), stages.mg1(0.55, law.mean(), law.var() + law.mean() ** 2)) < 4


def test_queues_agree_where_they_are_the_same():
    rate = np.linspace(0, 0.9, 10)
    assert np.allclose(stages.mg1(rate, 1.0, 2.0), stages.mm1(rate, 1.0))
    assert np.allclose(stages.priority_sojourn([0.6], [1.2]), stages.mm1(0.6, 1.2))
    # no priority matters to the mean over all jobs, if all have the same service
    x = np.array([0.1, 0.3, 0.25])
    by_class = stages.priority_sojourn(x, [1.1] * 3)
    assert abs(x @ by_class / x.sum() - stages.mm1(x.sum(), 1.1)) < 1e-12
    assert (np.diff(by_class) > 0).all()


@pytest.mark.parametrize(("x", "m"), [((0.3, 0.4), (1.0, 1.0)), ((0.5, 0.05), (0.5, 6.0))])
def test_priorities(x, m):
    rng = RNG(9)
    come = arrivals(rng, sum(x))
    rank = (rng.random(60_000) > x[0] / sum(x)).astype(int)
    times = urgent_first(come, rng.exponential(1.0, 60_000) * np.array(m)[rank], rank)
    for k, want in enumerate(stages.priority_sojourn(x, m)):
        assert z_of(batches(times[rank == k], skip=200), want) < 4


def test_queues_refuse_what_would_grow_for_ever():
    for call in (
        lambda: stages.mm1(1.0, 1.0),
        lambda: stages.mm1([0.1, 5.0], 0.5),
        lambda: stages.mg1(2.0, 1.0, 2.0),
        lambda: stages.ps_conditional(1.0, 1.2, 3.0),
        lambda: stages.priority_sojourn([0.4, 0.6], [1.0, 1.0]),
    ):
        with pytest.raises(InputError, match="must stay below 1"):
            call()
    with pytest.raises(InputError, match="did you mean 'fcfs'"):
        stages.mm1(0.1, 1.0, "fcf")
    with pytest.raises(InputError, match="mean squared"):
        stages.mg1(0.1, 2.0, 1.0)
    with pytest.raises(InputError, match="two lists"):
        stages.priority_sojourn([0.1, 0.1], [1.0])
    with pytest.raises(InputError, match="arrival must be >= 0"):
        stages.mm1(-1, 1.0)


# --- trade-offs and workload capacity ----------------------------------------------------------------------------


def test_switching_between_tasks_is_a_straight_line():
    one, two = stages.operating_characteristic("all_or_none", 0.95, 0.8, n=11, guess=0.25)
    assert (one[0], two[0]) == (0.25, 0.8)
    assert np.allclose((one[-1], two[-1]), (0.95, 0.25))
    assert np.abs((one - 0.25) / 0.7 + (two - 0.25) / 0.55 - 1).max() < 1e-12
    # trials on which only one of the tasks is attended, and the other guessed
    rng = RNG(3)
    attended = rng.random(100_000) < 0.3
    assert z_of(rng.random(100_000) < np.where(attended, 0.95, 0.25), one[3]) < 4


def test_divided_samples_lie_on_an_ellipse():
    one, two = stages.operating_characteristic("sample_size", 2.0, 1.2, n=7)
    assert np.abs(one**2 / 4 + two**2 / 1.44 - 1).max() < 1e-12
    assert (one[0], two[0]) == (0, 1.2)
    assert np.all(np.diff(one) > 0)
    # d' of the mean of m of 12 samples goes with the root of m
    rng = RNG(4)
    means = [rng.normal(x, math.sqrt(12), (40_000, 6)).mean(1) for x in (0.0, 2.0)]
    measured = (means[1].mean() - means[0].mean()) / np.std(means[0])
    assert abs(measured - one[3]) < 0.03


def test_without_a_limit_both_tasks_are_as_good_as_alone():
    one, two = stages.operating_characteristic("unlimited", 0.9, 0.7, n=5)
    assert one.tolist() == [0.9] * 5
    assert two.tolist() == [0.7] * 5


def test_trade_offs_refuse():
    for wrong, says in [
        (("all_or_none", 0.4, 0.9), "single1 must be >= 0.5"),
        (("all_or_none", 0.9, 1.2), "single2 must be"),
        (("sample_size", -1, 1), "single1"),
        (("half", 1, 1), "kind must be one of"),
    ]:
        with pytest.raises(InputError, match=says):
            stages.operating_characteristic(*wrong)
    with pytest.raises(InputError, match="n must be"):
        stages.operating_characteristic("unlimited", 1, 1, n=1)


@pytest.mark.parametrize(("rate", "capacity"), [(10.0, 1.0), (5.0, 0.5), (13.0, 1.3)])
def test_workload_capacity_of_a_race(rate, capacity):
    """The minimum of two races; fixed capacity split in two gives 1/2."""
    rng, n = RNG(int(rate)), 40_000
    both, one, other = rng.exponential(1 / rate, n), rng.exponential(0.2, n), rng.exponential(0.2, n)
    t = np.array([0.03, 0.08, 0.15])
    assert np.abs(stages.workload_capacity(t, both, one, other) / capacity - 1).max() < 0.06
    assert abs(stages.workload_capacity_of_rates(rate, 5.0, 5.0) - capacity) < 1e-12


def test_workload_capacity_by_hand():
    got = stages.workload_capacity([0.5, 1, 2, 2.5, 3, 9], [1, 3, 4], [2, 4], [2.5, 5])
    assert np.isnan(got[[0, 1, 5]]).all()  # nobody was done alone yet; all were done
    want = np.log(3 / 2) / np.log(2), np.log(3 / 2) / (2 * np.log(2)), np.log(3) / (2 * np.log(2))
    assert np.allclose(got[2:5], want)
    with pytest.raises(InputError, match="one must hold at least one"):
        stages.workload_capacity(1.0, [1], [], [1])
    with pytest.raises(InputError, match="other must be > 0"):
        stages.workload_capacity_of_rates(1.0, 1.0, 0.0)


# --- practice ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [0.8, 2.0, 5.0])
def test_practice_is_the_minimum_of_its_instances(shape):
    rng = RNG(int(10 * shape))
    for n in (1, 3, 20):
        fastest = 200 + 500 * rng.weibull(shape, (20_000, n)).min(1)
        assert z_of(fastest, stages.instance_time(n, 200, 500, shape)) < 4
        mean = fastest.mean()
        assert z_of((fastest - mean) ** 2, stages.instance_sd(n, 500, shape) ** 2) < 4


def test_mean_and_sd_fall_with_the_same_power():
    n = np.array([1, 2, 8, 64])
    mean, sd = stages.instance_time(n, 0, 500, 2.5), stages.instance_sd(n, 500, 2.5)
    assert np.allclose(mean / mean[0], n ** (-1 / 2.5))
    assert np.allclose(sd / sd[0], mean / mean[0])
    for wrong in ({"n": 0}, {"scale": -1}, {"shape": 0}):
        with pytest.raises(InputError):
            stages.instance_sd(**{"n": 1, "scale": 1.0, "shape": 1.0} | wrong)


# --- conflict of resources ---------------------------------------------------------------------------------------

POOLS = stages.CHANNELS


def test_the_conflict_matrix_rises_with_what_is_shared():
    c = stages.CONFLICT
    assert c.shape == (8, 8)
    assert (c == c.T).all()
    assert ((c >= 0) & (c <= 1)).all()
    assert np.diag(c).tolist() == [0.8] * 6 + [1.0] * 2
    assert (np.diag(c) >= c.max(1)).all()  # nothing is more in the way than the same
    at = {(a, b): c[i, j] for (i, a), (j, b) in itertools.product(enumerate(POOLS), repeat=2)}
    assert at["visual_ambient", "auditory_spatial"] > at["visual_ambient", "auditory_verbal"]
    assert at["auditory_spatial", "auditory_verbal"] > at["visual_ambient", "auditory_verbal"]
    assert at["cognitive_verbal", "auditory_verbal"] > at["vocal", "auditory_verbal"]
    with pytest.raises(ValueError, match="read-only"):
        c[0, 0] = 0.0


def test_interference_by_hand():
    drive = {"visual_focal": 2, "visual_ambient": 1, "manual": 1}
    talk = {"auditory_verbal": 1, "vocal": 2}
    by_hand = 4 / 3 + 3 / 2 + (0.5 + 0.3) + (0.4 + 0.2) + (0.2 + 0.6)
    assert abs(stages.interference(drive, talk) - by_hand) < 1e-12
    assert abs(stages.interference(talk, drive) - by_hand) < 1e-12
    as_vector = [2, 1, 0, 0, 0, 0, 1, 0]
    assert stages.interference(as_vector, talk) == stages.interference(drive, talk)
    assert stages.interference({}, talk) == 1.5
    assert stages.interference(drive, drive) > stages.interference(drive, talk)


demands = st.lists(st.floats(0, 3), min_size=8, max_size=8)


@given(demands, demands)
def test_competition_is_between_0_and_1_symmetric_and_whole_with_itself(a, b):
    k = stages.competition(a, b)
    assert 0 <= k <= 1
    assert abs(k - stages.competition(b, a)) < 1e-12
    assert stages.competition(a, a) == 1


def test_competition_by_hand():
    for pool in POOLS:
        assert stages.competition({pool: 1}, {pool: 1}) == 1
    assert abs(stages.competition({"visual_focal": 1}, {"auditory_verbal": 1}) - 0.5 / 0.8) < 1e-12
    assert abs(stages.competition({"manual": 2}, {"vocal": 1}) - 2 * 0.6 / 2.5) < 1e-12
    assert stages.competition({}, {"vocal": 1}) == 1
    assert stages.competition(np.zeros(8), np.zeros(8)) == 1
    apart = np.eye(8)
    assert stages.competition({"manual": 1}, {"vocal": 1}, apart) == 0
    assert stages.competition({"manual": 1}, {"vocal": 1}, np.ones((8, 8))) == 1
    assert stages.competition({"manual": 1}, {"vocal": 1}, np.zeros((8, 8))) == 0


def test_demands_and_matrices_are_checked():
    for wrong, says in [
        (({"manuel": 1}, {}), "did you mean 'manual'"),
        (({"manual": -1}, {}), "demand_a must be >= 0"),
        (([1, 2], {}), "demand_a must hold 8 numbers"),
        (({}, {}, np.eye(3)), "8 x 8"),
        (({}, {}, np.triu(np.ones((8, 8)))), "symmetric"),
        (({}, {}, 2 * np.eye(8)), "<= 1"),
    ]:
        for law in (stages.competition, stages.interference):
            with pytest.raises(InputError, match=says):
                law(*wrong)


def test_a_table_comes_back_as_it_was_written(tmp_path):
    m = RNG(0).random((8, 8))
    m = (m + m.T) / 2
    stages.write_conflict(tmp_path / "mine.csv", m)
    assert (stages.read_conflict(tmp_path / "mine.csv") == m).all()
    stages.write_conflict(tmp_path / "default.csv")
    assert (stages.read_conflict(str(tmp_path / "default.csv")) == stages.CONFLICT).all()


def table(tmp_path, change):
    """The default table, as rows of cells, changed and written again."""
    path = tmp_path / "table.csv"
    stages.write_conflict(path)
    rows = change([line.split(",") for line in path.read_text(encoding="utf-8").splitlines()])
    path.write_text("\n".join(",".join(row) for row in rows) + "\n", encoding="utf-8")
    return path


def test_a_table_may_be_rearranged_by_a_spreadsheet(tmp_path):
    def shuffled(rows):
        columns = [0, 8, 3, 1, 2, 7, 6, 5, 4]
        rows = [rows[0], *rows[:0:-1]]
        quoted = [[f' "{row[c]}"' for c in columns] + ["", ""] for row in rows]
        return [["\ufeff" + quoted[0][0], *quoted[0][1:]], *quoted[1:], []]

    assert (stages.read_conflict(table(tmp_path, shuffled)) == stages.CONFLICT).all()


def put(i, j, cell):
    def change(rows):
        rows[i][j] = cell
        return rows

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (put(2, 3, "much"), "row visual_ambient, column auditory_spatial: must be a number .* got 'much'"),
        (put(2, 3, ""), "row visual_ambient, column auditory_spatial: must be a number"),
        (put(1, 1, "1.5"), "row visual_focal, column visual_focal: .* got 1.5"),
        (put(1, 1, "nan"), "must be a number from 0 to 1"),
        (put(1, 2, "0.1"), "symmetric, but visual_focal with visual_ambient is 0.1"),
        (put(0, 4, "auditory_verbl"), "column must be one of .* did you mean 'auditory_verbal'"),
        (put(0, 4, "manual"), "the column of auditory_verbal is missing"),
        (put(4, 0, "manual"), "the row of auditory_verbal is missing"),
        (lambda rows: rows[:-1], "the row of vocal is missing"),
        (lambda rows: [*rows, rows[-1]], "the row of vocal is there more than once"),
        (lambda rows: [row[:-1] for row in rows], "the column of vocal is missing"),
        (lambda rows: [rows[0], *(row[:-1] for row in rows[1:])], "column vocal: must be a number"),
        (lambda rows: [], "is empty"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(tmp_path, change, says):
    with pytest.raises(InputError, match=says):
        stages.read_conflict(table(tmp_path, change))


def test_files_that_cannot_be_used(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        stages.read_conflict(tmp_path / "none.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(InputError, match="no text file"):
        stages.read_conflict(tmp_path / "binary.csv")
    with pytest.raises(InputError, match="cannot be written"):
        stages.write_conflict(tmp_path / "no" / "folder.csv")
