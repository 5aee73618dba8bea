"""Every number of a person does what its record says: raise it, and a named measure moves the named way.

Each row of the table is a small simulation of one mind (a brief display, two choices, a quarter of an hour of simple
responses), played with the low and with the high value from different draws. The measure has a number per independent
unit (a trial, or a person's session), so that chance can be told: a row passes if the means differ the named way by
more than five standard errors. Chance alone does that once in three million.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from cogattn.mind import cohort
from cogattn.observer import Observer
from cogattn.paradigms import get
from cogattn.paradigms.visual_search import search_trial
from cogattn.parameters import PARAMETERS
from cogattn.runs.experiment import run
from cogattn.world.session import Session
from cogattn.world.stream import Stimulus, Task, TaskStream, display

N = 1500  # trials of a display
PEOPLE = 40  # of a session
ERRORS = 5.0  # standard errors

# A mind to whom one thing at a time can be added: it sees at once, does not tire, wander or slip.
PLAIN = Observer(
    threshold=0.0, wandering=0.0, slip=0.0, anticipation=0.0, fast_loss=0.0, slow_loss=0.0, tempo_share=0.0
)


# --- displays: a number per trial ------------------------------------------------------------------------------------


def played(stream, mind, seed):
    return cohort.play(stream, [mind], person=0, trial=range(N), seed=seed, details=True)


def stored(stream, which=slice(None)):
    return lambda mind, seed: played(stream, mind, seed).stored[:, which].sum(1)


def answered(stream, element):
    """When the response to an element came; the end of the trial where there was none."""
    return lambda mind, seed: np.nan_to_num(
        played(stream, mind, seed).element_times.answered[:, element], nan=stream.end
    )


def wrong(stream):
    return lambda mind, seed: ~played(stream, mind, seed).element_times.right[:, 0]


def letters(exposure, targets=6, distractors=0):
    return display(targets=targets, distractors=distractors, exposure=exposure)


UNMASKED = TaskStream(tuple(Stimulus(f"t{i}", 0.0, offset=0.02) for i in range(6)), end=1.0)
KEPT = TaskStream(tuple(Stimulus(f"t{i}", 0.0, 0.5) for i in range(3)), end=3.0)
PRACTISED = TaskStream((Stimulus("x", 0.0, 0.05, task="old"),), 0.2, (), (Task("old", practice=400.0),))


def pair(soa, **task):
    """Two letters that are consolidated, one after the other."""
    shown = tuple(Stimulus(f"T{i + 1}", i * soa, i * soa + 0.04, task="fix") for i in range(2))
    return TaskStream(shown, end=2.0, tasks=(Task("fix", consolidate=True, **task),))


def swapped(mind, seed):
    """Both are kept, and the second seems to have come first."""
    seems = played(pair(0.05), mind, seed).element_times.seems
    return seems[:, 1] < seems[:, 0]


def choices(soa):
    tasks = tuple(Task(f"{i}", response="choose", before=0.1, after=0.1) for i in range(2))
    return TaskStream((Stimulus("S1", task="0"), Stimulus("S2", soa, task="1")), end=5.0, tasks=tasks)


#: Two tasks that are always there; attention is more often on the first.
TURNS = TaskStream(
    (Stimulus("x", task="a"), Stimulus("y", task="b")), 20.0, (),
    (Task("a", priority=4.0), Task("b", response="choose")), focused=True,
)  # fmt: skip
BESIDE = TaskStream(
    (Stimulus("x", task="a"), Stimulus("y", 0.0, 0.05, task="b")), 0.1, (),
    (Task("a", priority=1e6), Task("b", priority=1e-6)), focused=True,
)  # fmt: skip
ABSENT, PRESENT = (search_trial("conjunction", 18, there, 0.0) for there in (False, True))
FLANKED = get("flanker")().trial({"congruence": -1})


def looked(stream, spread=False):
    """How long the search took; spread: how far from its mean."""

    def measure(mind, seed):
        rt = np.fmax.reduce(played(stream, mind, seed).element_times.answered, axis=1)
        rt = rt[np.isfinite(rt)]
        return abs(rt - rt.mean()) if spread else rt

    return measure


def of_days(mind, seed):
    """How far the mean response time of a sitting lies from that of all sittings, in factors."""
    frame = run("choice_rt", arms="human", people=60, observer=mind, seed=seed, trials=1).frame
    each = np.log(frame.groupby("person")["rt"].mean().to_numpy())
    return abs(each - each.mean())


# --- sessions: a number per person -----------------------------------------------------------------------------------

PRESS = (Task("press", 1.0, 1.0, 1.0, response="simple"),)
DOT = TaskStream((Stimulus("dot", task="press"),), end=4.0, tasks=PRESS)


def presses(trials=150, gap=2.0, rest=0.0, every=10, sleepiness=None):
    """A quarter of an hour of simple responses; rests of so many s after so many of them."""
    rests = np.where(np.arange(trials) % every == 0, rest, 0.0)
    more = {} if sleepiness is None else {"sleepiness": sleepiness}
    return Session((DOT,), np.zeros(trials, np.int64), np.full(trials, gap), rests, self_paced=True, **more)


def sat(session, mind, seed):
    return cohort.run_session(session, [mind] * PEOPLE, seed=seed)


def rt(session):
    return lambda mind, seed: np.nanmean(sat(session, mind, seed).rt, 1)


def lapses(mind, seed):
    return (sat(presses(), mind, seed).rt > 0.5).mean(1)


def off_task(mind, seed):
    return 1.0 - sat(presses(), mind, seed).on_task.mean(1)


def sd_of_speed(mind, seed):
    return np.nanstd(1 / sat(presses(), mind, seed).rt, axis=1)


def too_early(mind, seed):
    return (sat(presses(), mind, seed).rt < 0.1).mean(1)


def alike(lag):
    """Autocorrelation of speed."""

    def measure(mind, seed):
        v = 1 / sat(presses(gap=0.5), mind, seed).rt
        v = v - v.mean(1, keepdims=True)
        return (v[:, lag:] * v[:, :-lag]).mean(1) / (v**2).mean(1)

    return measure


def pressed(mind, seed):
    """Response times of a task in which every fourth stimulus is a no-go."""
    task = (Task("press", response="go", activation=1.5, after=0.2),)
    kinds = [TaskStream((Stimulus("x", task="press", signal=s),), end=1.0, tasks=task) for s in (False, True)]
    which = np.tile([1, 0, 0, 0], 75)
    return sat(Session(tuple(kinds), which, np.zeros(len(which))), mind, seed).rt


def commissions(mind, seed):
    """The share of no-gos that are answered."""
    return (~np.isnan(pressed(mind, seed)[:, ::4])).mean(1)


def after_an_error(mind, seed):
    """How much slower a response is right after a no-go that was answered than after one that was not."""
    times = pressed(mind, seed)
    before, after = times[:, ::4], times[:, 1::4]
    return np.nanmean(np.where(~np.isnan(before), after, np.nan), 1) - np.nanmean(
        np.where(np.isnan(before), after, np.nan), 1
    )


def signals(share=0.1, memory=0.0, rest=0.0):
    """The share of rare signals that is seen, over twelve minutes of them."""
    task = (Task("watch", 1.0, 1.0, 1.0, memory, 30.0, "detect", 2.0),)
    kinds = [TaskStream((Stimulus("x", task="watch", signal=s),), end=1.0, tasks=task) for s in (False, True)]
    which = (np.arange(360) % round(1 / share) == 5).astype(np.int64)
    rests = np.where(np.arange(360) % 60 == 0, rest, 0.0)
    session = Session(tuple(kinds), which, np.ones(360), rests)

    def measure(mind, seed):
        return (~np.isnan(sat(session, mind, seed).rt[:, which == 1])).mean(1)

    return measure


def seen_when_sleepy(mind, seed):
    """Targets that are reported among distractors after a night without sleep."""
    stream = letters(0.06, 2, 4)
    session = Session((stream,), np.zeros(60, np.int64), np.ones(60), sleepiness=20.0)
    return sat(session, mind, seed).stored[:, :, :2].sum(2).mean(1)


def recalled(mind, seed):
    """How many digits of a list of eight are said in recall."""
    stream = get("digit_span")().trial({"direction": 1, "length": 8})
    session = Session((stream,), np.zeros(10, np.int64), np.ones(10))
    outcome = cohort.run_session(session, [mind] * PEOPLE, seed=seed, details=True)
    return (~np.isnan(outcome.element_times.answered)).sum(2).mean(1)


TIRED = {"fast_loss": 0.4, "fast_tiring": 1 / 20}
WORN = {"slow_loss": 0.6, "slow_tiring": 1 / 100}
ABSENT_MINDED = {"wandering": 5.0}
LATE = {"criterion_shift": 1.5, "criterion_time": 100.0}

#: name: (low, high, which way, what moves, how it is measured, what else this mind is)
DIRECTIONS = {
    "capacity": (20.0, 60.0, +1, "letters of 60 ms", stored(letters(0.06)), {}),
    "slots": (2.0, 4.0, +1, "letters of 500 ms", stored(letters(0.5)), {}),
    "threshold": (0.0, 0.03, -1, "letters of 60 ms", stored(letters(0.06)), {}),
    "alpha": (0.1, 1.0, -1, "targets among distractors", stored(letters(0.06, 2, 6), slice(2)), {}),
    "persistence": (0.01, 0.2, +1, "letters without a mask", stored(UNMASKED), {"capacity": 20.0}),
    "reallocate": (False, True, +1, "letters of 150 ms", stored(letters(0.15)), {"slots": 6.0, "capacity": 40.0}),
    "speed": (2.5, 4.0, -1, "response time", rt(presses(40)), {}),
    "speed_sd": (0.2, 0.6, +1, "sd of speed", sd_of_speed, {}),
    "fast_loss": (0.0, 0.4, +1, "response time", rt(presses()), TIRED),
    "slow_loss": (0.0, 0.4, +1, "response time", rt(presses()), WORN),
    "memory_loss": (0.0, 1.0, -1, "signals seen, by memory", signals(memory=2.0), {"slow_tiring": 1 / 100}),
    "sleep_loss": (0.0, 0.5, +1, "response time of a sleepy mind", rt(presses(40, sleepiness=20.0)), {}),
    "wandering": (0.5, 4.0, +1, "lapses", lapses, {}),
    "lapse_base": (1 / 400, 1 / 20, +1, "time off task", off_task, {"wandering": 1.0}),
    "lapse_fast": (0.0, 0.1, +1, "time off task", off_task, {"wandering": 1.0}),
    "lapse_slow": (0.0, 0.2, +1, "time off task", off_task, {"wandering": 1.0, "slow_tiring": 1 / 300}),
    "lapse_duration": (2.0, 30.0, +1, "time off task", off_task, ABSENT_MINDED),
    "lapse_speed": (0.4, 0.9, -1, "response time", rt(presses()), ABSENT_MINDED),
    "lapse_spread": (0.5, 3.0, +1, "sd of speed", sd_of_speed, ABSENT_MINDED | {"lapse_speed": 1.0}),
    "fast_tiring": (1 / 500, 1 / 20, +1, "response time", rt(presses(80)), {"fast_loss": 0.4}),
    "fast_recovery": (0.0, 1.0, -1, "response time", rt(presses()), TIRED),
    "fast_rest": (0.0, 1.0, -1, "response time between rests", rt(presses(rest=5.0)), TIRED | {"fast_recovery": 0.0}),
    "slow_tiring": (1 / 5000, 1 / 200, +1, "response time", rt(presses()), {"slow_loss": 0.6}),
    "slow_recovery": (0.0, 0.1, -1, "response time", rt(presses()), WORN),
    "slow_rest": (0.0, 0.1, -1, "response time between rests", rt(presses(rest=20.0)), WORN),
    "criterion": (0.0, 1.0, -1, "signals seen", signals(), {}),
    "criterion_shift": (0.0, 0.8, -1, "signals seen", signals(), {"criterion_time": 100.0}),
    "criterion_time": (50.0, 5000.0, +1, "signals seen", signals(), {"criterion_shift": 1.0}),
    "criterion_rest": (10.0, 5000.0, -1, "signals seen between rests", signals(rest=60.0), LATE),
    "anticipation": (0.0, 0.1, +1, "responses under 0.1 s", too_early, {}),
    "sharpness": (0.0, 4.0, -1, "targets seen by a sleepy mind", seen_when_sleepy, {"sleep_loss": 0.8, "alpha": 0.1}),
    "tempo_share": (0.0, 0.8, +1, "autocorrelation of speed", alike(1), {"tempo_time": 20.0}),
    "tempo_time": (1.0, 40.0, +1, "autocorrelation of speed at lag 5", alike(5), {"tempo_share": 0.8}),
    "wariness": (0.0, 1.0, +1, "time after an error", after_an_error, {}),
    "central_share": (0.5, 1.0, -1, "first of two responses", answered(choices(0.02), 0), {}),
    "central": (0.5, 2.0, -1, "second of two responses", answered(choices(0.05), 1), {}),
    "slip": (0.0, 0.2, +1, "errors of a choice", wrong(choices(1.0)), {}),
    "response_grouping": (0.0, 0.3, +1, "first of two responses", answered(choices(0.2), 0), {}),
    "dwell": (0.1, 0.5, -1, "second letter after 200 ms", stored(pair(0.2), [1]), {"sparing": 0.0}),
    "dwell_sd": (0.0, 0.3, -1, "second letter after 300 ms", stored(pair(0.3), [1]), {"sparing": 0.0, "dwell": 0.15}),
    "sparing": (0.1, 0.9, +1, "second letter after 80 ms", stored(pair(0.08), [1]), {}),
    "sparing_window": (0.05, 0.2, +1, "second letter after 120 ms", stored(pair(0.12), [1]), {"sparing": 1.0}),
    "order_sd": (0.0, 0.1, +1, "swaps of two letters", swapped, {"sparing": 1.0, "capacity": 500.0}),
    "memory_life": (0.5, 5.0, +1, "letters still held after 3 s", stored(KEPT), {}),
    "switch_rate": (0.1, 2.0, -1, "time until the other task is done", answered(TURNS, 1), {}),
    "task_inertia": (0.2, 10.0, +1, "time until the other task is done", answered(TURNS, 1), {}),
    "switch_time": (0.0, 3.0, +1, "time until the other task is done", answered(TURNS, 1), {"task_inertia": 0.5}),
    "unattended_weight": (0.0, 1.0, +1, "letters of the other task", stored(BESIDE, [1]), {}),
    "search_group": (1.0, 6.0, -1, "time to say that it is not there", looked(ABSENT), {}),
    "quit_growth": (0.1, 3.0, -1, "time to say that it is not there", looked(ABSENT), {"search_group": 1.0}),
    "visit_shape": (0.7, 5.0, -1, "spread of search times", looked(PRESENT, spread=True), {"speed_sd": 1e-9}),
    "visit_hit": (0.1, 3.0, +1, "time to find it", looked(PRESENT), {}),
    "evidence_threshold": (1.0, 4.0, -1, "errors among flankers", wrong(FLANKED), {}),
    "hand": (0.5, 2.0, +1, "time of a choice", answered(choices(1.0), 0), {}),
    "learning": (0.0, 0.2, +1, "practised letters of 50 ms", stored(PRACTISED), {"capacity": 5.0}),
    "day_sd": (0.0, 0.3, +1, "how far days lie apart", of_days, {}),
    "dwell_counts": (0.0, 8.0, -1, "second letter after 200 ms", stored(pair(0.2), [1]), {"sparing": 0.0}),
    "trace_life": (2.0, 8.0, +1, "digits that are said of eight", recalled, {}),
    "readiness": (0.3, 2.0, +1, "no-gos that are answered", commissions, {}),
}  # fmt: skip


def test_every_parameter_has_a_direction():
    assert list(DIRECTIONS) == [p.name for p in PARAMETERS]


@pytest.mark.parametrize("name", DIRECTIONS)
def test_raised_it_moves_what_its_record_says(name):
    low, high, sign, what, measure, rest = DIRECTIONS[name]
    assert low < high
    few, many = (
        np.asarray(measure(replace(PLAIN, **{**rest, name: value}), seed), float)
        for value, seed in ((low, 1), (high, 2))
    )
    assert np.isfinite(few).all()
    assert np.isfinite(many).all()
    error = math.sqrt(few.var() / len(few) + many.var() / len(many))
    change = sign * (many.mean() - few.mean())
    assert change > ERRORS * error, f"{what}: {few.mean():.4g} at {low:g}, {many.mean():.4g} at {high:g}"
