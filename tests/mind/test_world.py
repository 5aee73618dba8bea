"""SimPy drives the mind: known streams, and worlds of a user's own that run beside it and answer back."""

from __future__ import annotations

import math
import time

import numpy as np
import pandas as pd
import pytest
import simpy
from simpy.rt import RealtimeEnvironment

from cogattn.errors import InputError
from cogattn.mind import draws
from cogattn.mind.world import Mind, play, run_session
from cogattn.observer import Observer
from cogattn.world.session import Session
from cogattn.world.stream import Change, Stimulus, Task, TaskStream, display

QUICK = Observer(capacity=50.0, slots=3.0, threshold=0.01, alpha=0.5, persistence=0.1)


def need(x, seed=0, person=0, trial=0):
    """What element x must work through in this trial: the unit exponential at its address."""
    return -math.log(draws.uniform(draws.trial_key(seed, person, trial), draws.RACE, x))


def rows(mind):
    return [
        (t, k, e) for t, k, e in zip(mind.events.time, mind.events.kind, mind.events.element, strict=True)
    ]


def approx(log):
    return [(pytest.approx(t, abs=1e-12), k, e) for t, k, e in log]


@pytest.fixture
def env():
    return simpy.Environment()


def inhabit(env, world, observer=QUICK, until=2.0, **how):
    """Run one process beside a mind of its own."""
    mind = Mind(env, observer, **how)
    env.process(world(mind))
    env.run(until)
    return mind


# --- known streams -----------------------------------------------------------------------------------------


def test_a_single_letter_has_its_whole_log():
    stream = TaskStream((Stimulus("A", onset=0.1, mask=0.9),), end=1.0)
    assert rows(play(stream, QUICK, seed=4)) == approx(
        [
            (0.1, "onset", "A"),
            (0.11, "open", "A"),
            (0.11 + need(0, seed=4) / 50, "encode", "A"),
            (0.9, "mask", "A"),
            (1.0, "end", ""),
        ]
    )


def test_alpha_and_pertinence_scale_the_weights():
    tasks = (Task("eye"), Task("ear", pertinence=3.0))
    stimuli = (Stimulus("A", task="eye", distractor=True), Stimulus("B", task="ear", weight=0.5))
    mind = play(TaskStream(stimuli, 5.0, tasks=tasks), QUICK)
    when = {e: t for t, k, e in rows(mind) if k == "encode"}
    assert when["A"] == pytest.approx(0.01 + need(0) / (50 * 0.5 / 2.0))
    assert when["B"] == pytest.approx(0.01 + need(1) / (50 * 1.5 / 2.0))
    assert dict(zip(mind.events.element, mind.events.task, strict=True)) == {"A": "eye", "B": "ear", "": ""}


def test_a_change_keeps_alpha_and_pertinence():
    stimuli = (Stimulus("A", distractor=True), Stimulus("B"))
    changed = TaskStream(stimuli, 5.0, changes=(Change(0.0, "A", 2.0),))
    heavy = TaskStream((Stimulus("A", weight=2.0, distractor=True), Stimulus("B")), 5.0)
    a, b = ([row for row in rows(play(s, QUICK)) if row[1] in ("open", "encode")] for s in (changed, heavy))
    assert a == b


def test_given_weights_replace_those_of_the_stream():
    stream = display(targets=1, distractors=1, exposure=3.0)
    when = {e: t for t, k, e in rows(play(stream, QUICK, weights=[1.0, 3.0])) if k == "encode"}
    assert when["t0"] == pytest.approx(0.01 + need(0) / (50 / 4))
    assert when["d0"] == pytest.approx(0.01 + need(1) / (50 * 3 / 4))


def test_nothing_happens_after_the_end():
    stream = TaskStream((Stimulus("A"), Stimulus("late", onset=2.0)), end=0.005)
    assert rows(play(stream, QUICK)) == [(0.0, "onset", "A"), (0.005, "end", "")]


def test_clock_times_are_those_of_the_stream_to_the_bit():
    """Some floats cannot be reached from others by one addition: 1 + 2^-52 from 2^-53, for instance."""
    onsets = [2.0**-53, 1 + 2.0**-52, 1.5 + 3 * 2.0**-52, 1.75 + 2.0**-52]
    stimuli = tuple(Stimulus(f"x{i}", onset=t) for i, t in enumerate(onsets))
    observer = Observer(capacity=1e-9, threshold=0.0)
    shown = [t for t, k, _ in rows(play(TaskStream(stimuli, 4.0), observer)) if k == "onset"]
    assert shown == onsets


@pytest.mark.full
@pytest.mark.parametrize("late", [False, True])
def test_a_clock_that_misses_by_a_rounding_parts_no_tie_and_swaps_no_neighbours(late):
    """SimPy's clock adds delays; an element opens at the very moment of its mask, or one float before it."""
    rng = np.random.default_rng(0)
    for before, onset, after, more in rng.uniform([0.1, 0.5, 0.9, 0], [0.5, 0.9, 1.0, 1], (300, 4)):
        threshold = 0.95 + 0.4 * more  # longer than the clock has run: then sums of floats miss their mark
        mask = onset + threshold  # set going by the arrival of C, while A's opening is by that of B
        stimuli = (
            Stimulus("A", onset, mask=math.nextafter(mask, 9) if late else mask),
            Stimulus("B", before),
            Stimulus("C", after),
        )
        observer = Observer(capacity=1e-9, threshold=threshold)
        kinds = play(TaskStream(stimuli, 9.0), observer).events.query("element == 'A'").kind
        assert kinds.tolist() == (["onset", "open", "mask"] if late else ["onset", "mask"])


def test_a_repeated_run_is_the_same_run():
    stream = display(targets=6, exposure=0.2)
    assert rows(play(stream, QUICK, seed=1, trial=7)) == rows(play(stream, QUICK, seed=1, trial=7))
    assert rows(play(stream, QUICK, seed=1, trial=7)) != rows(play(stream, QUICK, seed=1, trial=8))


# --- a user's own processes --------------------------------------------------------------------------------


def test_a_second_stream_arrives_while_the_first_is_still_being_encoded(env):
    tone_at = 0.02
    mind = Mind(env, Observer(capacity=10.0, slots=3.0, threshold=0.0), tasks=(Task("eye"), Task("ear")))

    def eyes():
        mind.show("A", task="eye")
        mind.show("B", task="eye")
        yield env.timeout(5.0)
        mind.mask("A")
        mind.mask("B")

    def ears():
        yield env.timeout(tone_at)
        mind.show("tone", weight=2.0, task="ear")

    env.process(eyes())
    env.process(ears())
    env.run(6.0)
    a, b, tone = need(0), need(1), need(2)
    assert min(a, b) > 5.0 * tone_at  # both are still racing when the tone comes
    rate, rest = 10.0 / 4, [n - 5.0 * tone_at for n in (a, b)]  # 5/s each, then 2.5/s, the tone 5/s
    expected = {"A": tone_at + rest[0] / rate, "B": tone_at + rest[1] / rate, "tone": tone_at + tone / 5}
    when = {e: t for t, k, e in rows(mind) if k == "encode"}
    assert when == pytest.approx(expected, abs=1e-12)
    assert set(mind.events.task) == {"eye", "ear"}


def test_a_button_press_ends_the_exposure(env):
    """A closed loop: what has been seen decides how long there is something to see."""
    pressed = []

    def world(mind):
        for letter in "ABCDEF":
            mind.show(letter)
        seen = yield mind.any_encoded()
        pressed.append((seen, env.now))
        yield env.timeout(0.03)
        for letter in "ABCDEF":
            mind.mask(letter)

    mind = inhabit(env, world)
    finish = {letter: 0.01 + need(x) / (50 / 6) for x, letter in enumerate("ABCDEF")}
    first = min(finish, key=finish.__getitem__)
    assert pressed == [(first, pytest.approx(finish[first], abs=1e-12))]
    in_time = sorted((n for n in finish if finish[n] < finish[first] + 0.03), key=finish.__getitem__)
    assert list(mind.stored) == in_time[:3]
    assert mind.events.query("kind == 'mask'").time.unique() == pytest.approx([finish[first] + 0.03])


def test_a_stream_may_leave_its_masks_to_a_process():
    def when_first_is_seen(mind):
        yield mind.any_encoded()
        yield mind.env.timeout(0.02)

    stimuli = tuple(Stimulus(n, mask=when_first_is_seen) for n in "AB")
    mind = play(TaskStream(stimuli, 5.0), QUICK)
    first = 0.01 + min(need(0), need(1)) / 25
    assert mind.events.query("kind == 'mask'").time.tolist() == pytest.approx([first + 0.02] * 2)


def test_processes_of_one_moment_begin_in_the_order_of_their_elements():
    """Not in that of a set of names, which changes from one Python to the next."""
    begun, names = [], [f"{i:x}" for i in range(16)]

    def process_of(name):
        def until(mind):
            begun.append(name)
            yield mind.env.timeout(0.1)

        return until

    play(TaskStream(tuple(Stimulus(n, mask=process_of(n)) for n in names), 1.0), QUICK)
    assert begun == names


def test_a_mask_may_be_an_event():
    stream = TaskStream((Stimulus("A"), Stimulus("B", mask=lambda mind: mind.encoded("A"))), 5.0)
    mind = play(stream, QUICK)
    assert mind.events.query("kind == 'mask'").time.tolist() == pytest.approx([0.01 + need(0) / 25])


def test_encoded_is_kept_when_it_happens_and_at_once_if_it_has(env):
    seen = []

    def world(mind):
        mind.show("A")
        for _ in range(2):
            name = yield mind.encoded("A")
            seen.append((name, env.now))

    inhabit(env, world)
    moment = pytest.approx(0.01 + need(0) / 50, abs=1e-12)
    assert seen == [("A", moment), ("A", moment)]


def test_encoded_waits_for_its_own_element_only(env):
    seen = []

    def world(mind):
        for letter in "ABC":
            mind.show(letter)
        seen.append((yield mind.encoded("C")))

    inhabit(env, world)
    assert seen == ["C"]


def test_encoded_may_be_awaited_before_the_element_is_there(env):
    seen = []

    def watcher(mind):
        yield mind.encoded("A")
        seen.append(env.now)

    def world(mind):
        env.process(watcher(mind))
        yield env.timeout(0.5)
        mind.show("A")

    inhabit(env, world)
    assert seen == [pytest.approx(0.51 + need(0) / 50)]


def test_encoded_never_comes_for_what_found_the_store_full(env):
    def world(mind):
        mind.show("A")
        yield mind.encoded("A")

    mind = Mind(env, Observer(capacity=50.0, slots=0.0))
    process = env.process(world(mind))
    env.run(5.0)
    assert process.is_alive
    assert [k for _, k, _ in rows(mind)] == ["onset", "open", "full"]


def test_any_encoded_comes_once_per_entry(env):
    seen = []

    def world(mind):
        for letter in "ABCDE":
            mind.show(letter)
        while True:
            seen.append((yield mind.any_encoded()))

    mind = inhabit(env, world)
    assert seen == list(mind.stored)
    assert len(seen) == 3


def test_who_waits_for_an_entry_acts_before_what_else_is_planned_for_that_moment(env):
    """All that races finishes at once, but the world has its say in between."""

    def world(mind):
        for name in "ABC":
            mind.show(name)
        first = yield mind.any_encoded()
        for name in set("ABC") - {first}:
            mind.mask(name)

    endless = Observer(capacity=math.inf, slots=math.inf, threshold=0.0)
    told = [k for _, k, _ in rows(inhabit(env, world, endless))]
    assert told == ["onset"] * 3 + ["open"] * 3 + ["encode"] + ["mask"] * 2


def test_a_press_or_a_deadline_whichever_is_first(env):
    """SimPy's own grammar works on the mind's promises."""
    ends = []

    def world(mind):
        mind.show("A")
        yield mind.encoded("A") | env.timeout(0.001)
        ends.append(env.now)

    inhabit(env, world)
    assert ends == [0.001]


def test_forgetting_makes_room(env):
    def world(mind):
        mind.show("A")
        yield mind.encoded("A")
        mind.forget("A")
        mind.show("B")

    mind = inhabit(env, world, Observer(capacity=50.0, slots=1.0, threshold=0.0))
    assert mind.stored == ("B",)
    assert mind.events.query("kind == 'encode'").slot.tolist() == [0, 0]


def test_weighing_and_removing_reach_the_mind(env):
    def world(mind):
        mind.show("A", distractor=True)
        mind.weigh("A", 0.0)
        yield env.timeout(1.0)
        mind.remove("A")

    mind = inhabit(env, world)
    assert rows(mind) == approx(
        [
            (0.0, "onset", "A"),
            (0.0, "weight", "A"),
            (0.01, "open", "A"),
            (1.0, "offset", "A"),
            (1.1, "fade", "A"),
        ]
    )


def test_two_minds_share_a_world_but_no_limits(env):
    a, b = (Mind(env, QUICK, person=p) for p in (0, 1))

    def world():
        for mind in (a, b):
            mind.show("A")
        yield env.timeout(1.0)

    env.process(world())
    env.run(1.0)
    for person, mind in enumerate((a, b)):
        assert rows(mind)[-1] == (
            pytest.approx(0.01 + need(0, person=person) / 50, abs=1e-12),
            "encode",
            "A",
        )
        assert (mind.events.person == person).all()


def test_a_mind_may_be_born_late():
    env = simpy.Environment(initial_time=3.0)
    mind = Mind(env, QUICK)
    mind.show("A")
    env.run(4.0)
    assert rows(mind)[-1][0] == pytest.approx(3.01 + need(0) / 50, abs=1e-12)


def test_the_log_can_be_read_at_any_time(env):
    mind = Mind(env, QUICK)
    assert mind.events.empty
    assert mind.stored == ()
    mind.show("A")
    assert rows(mind) == [(0.0, "onset", "A")]


# --- trial after trial, and the wall clock ------------------------------------------------------------------


def test_a_fresh_trial_is_that_trial_of_the_same_mind(env):
    """What it stores, and when, is what that trial stores when it is played by itself."""
    mind, found = Mind(env, QUICK, seed=3), {}

    def world():
        for trial in (7, 2):
            mind.fresh(trial)
            for letter in "ABCDEF":
                mind.show(letter)
            yield env.timeout(0.2)
            found[trial] = mind.stored, {name: t - env.now + 0.2 for name, t in mind.encoded_at.items()}

    env.process(world())
    env.run(1.0)
    for trial, (stored, when) in found.items():
        alone = play(
            TaskStream(tuple(Stimulus(x, mask=0.2) for x in "ABCDEF"), end=0.2), QUICK, seed=3, trial=trial
        )
        assert stored == alone.stored
        assert when == pytest.approx(alone.encoded_at, abs=1e-12)
    assert found[7] != found[2]
    record = mind.events
    assert record.query("kind == 'onset'").trial.tolist() == [7] * 6 + [2] * 6
    assert record.query("kind == 'onset'").element.tolist() == list("ABCDEF") * 2
    for trial, (_, when) in found.items():
        entered = record[(record["kind"] == "encode") & (record["trial"] == trial)]
        assert set(entered["element"]) == set(when)


def test_alertness_goes_on_through_a_fresh_trial(env):
    mind = Mind(env, QUICK)
    mind.work(1.0)
    env.run(600)
    before = mind.alertness
    mind.fresh(1)
    assert mind.alertness == before < 0.95
    assert mind.stored == ()
    with pytest.raises(InputError, match="trial must be a whole number"):
        mind.fresh(-1)


def test_a_promise_of_the_trial_before_is_not_kept_by_the_next(env):
    mind = Mind(env, QUICK)
    mind.show("A")
    old = mind.encoded("A")
    mind.fresh(1)
    mind.show("A")
    new = mind.encoded("A")
    env.run(5.0)
    assert new.triggered
    assert not old.triggered


PRESS = Task("press", monotony=1.0, response="simple")
SITTING = Session(
    (TaskStream((Stimulus("dot", 0.1, task="press"),), end=2.0, tasks=(PRESS,)),),
    which=np.zeros(20, int),
    gap=np.full(20, 3.0),
    rest=np.where(np.arange(20) == 10, 60.0, 0.0),
    self_paced=True,
)


@pytest.mark.parametrize(
    "take",
    [
        lambda env: play(display(targets=6, distractors=3, exposure=0.2, onset=0.05), QUICK, seed=5, env=env),
        lambda env: run_session(SITTING, QUICK, seed=5, env=env),
    ],
    ids=["play", "watch"],
)
def test_real_time_changes_no_event(take):
    """The same draws, the same order, the same nominal times to the bit; only the wall clock waits."""
    simulated, paced = take(None), take(RealtimeEnvironment(factor=1e-3, strict=False))
    pd.testing.assert_frame_equal(paced.events, simulated.events, check_exact=True)
    assert len(simulated.events) > 15


def test_real_time_waits_for_the_wall_clock():
    env = RealtimeEnvironment(factor=0.5, strict=False)
    time.sleep(0.3)  # what passes before it begins does not count
    start = time.monotonic()
    play(display(targets=2, exposure=0.2), QUICK, env=env)
    assert time.monotonic() - start >= 0.5 * 0.3


def test_a_late_world_does_not_move_the_mind():
    """Whoever computes for longer than it has makes the clock late, and changes no event."""

    def world(env, mind, work):
        for letter in "ABC":
            mind.show(letter)
            work()
            yield env.timeout(0.03)

    def record(env, work):
        mind = Mind(env, QUICK, seed=2)
        env.process(world(env, mind, work))
        env.run(0.2)
        return mind.events

    late = record(RealtimeEnvironment(factor=0.1, strict=False), lambda: time.sleep(0.02))
    pd.testing.assert_frame_equal(late, record(simpy.Environment(), lambda: None), check_exact=True)


def test_a_known_stream_needs_a_clock_at_zero():
    env = simpy.Environment(initial_time=1.0)
    for take in (
        lambda: play(display(targets=1, exposure=0.1), QUICK, env=env),
        lambda: run_session(SITTING, QUICK, env=env),
    ):
        with pytest.raises(InputError, match="env must stand at 0 s, it is at 1 s"):
            take()


# --- what is refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", ["mask", "remove", "forget"])
def test_acting_on_what_was_never_shown_is_refused(env, act):
    mind = Mind(env, QUICK)
    mind.show("A")
    with pytest.raises(InputError, match="no element 'B' has been shown; shown are A"):
        getattr(mind, act)("B")
    with pytest.raises(InputError, match="no element 'B'"):
        mind.weigh("B", 1.0)


def test_showing_is_checked_at_the_door(env):
    mind = Mind(env, QUICK)
    mind.show("A")
    with pytest.raises(InputError, match="'A' was shown already"):
        mind.show("A")
    with pytest.raises(InputError, match="task of 'B' must be one of report, got 'ear'"):
        mind.show("B", task="ear")
    for weight in (-1.0, math.nan, math.inf, "heavy"):
        with pytest.raises(InputError, match="weight"):
            mind.show("B", weight)
        with pytest.raises(InputError, match="weight"):
            mind.weigh("A", weight)
    for i in range(255):
        mind.show(f"x{i}")
    with pytest.raises(InputError, match="at most 256 elements, 'B' is one too many"):
        mind.show("B")


@pytest.mark.parametrize(
    "address", [{"seed": -1}, {"person": -1}, {"trial": -1}, {"trial": 1.5}, {"seed": None}]
)
def test_an_address_that_is_none_is_refused(env, address):
    with pytest.raises(InputError, match=next(iter(address))):
        Mind(env, QUICK, **address)


def test_given_weights_are_checked_as_the_cohort_checks_them():
    stream = display(targets=2, exposure=0.1)
    for weights in ([1.0], [1.0, np.nan], [1.0, -1.0], [[1.0, 1.0]]):
        with pytest.raises(InputError, match="weights"):
            play(stream, QUICK, weights=weights)


def test_an_error_in_a_users_process_is_not_swallowed(env):
    def world(mind):
        yield env.timeout(0.1)
        mind.mask("never shown")

    with pytest.raises(InputError, match="never shown"):
        inhabit(env, world)


def test_a_process_that_masks_starts_when_its_stimulus_appears():
    started = []

    def soon(mind):
        started.append(mind.env.now)
        yield mind.env.timeout(0.05)

    late = TaskStream((Stimulus("a", mask=0.1), Stimulus("b", onset=0.3, mask=soon)), end=1.0)
    record = play(late, Observer(), seed=1).events
    assert started == [0.3]
    gone = record[(record["kind"].astype(str) == "mask") & (record["element"].astype(str) == "b")]
    assert gone["time"].tolist() == pytest.approx([0.35])
