"""Divided capacity played by a mind, against the closed forms of `laws.stages` and `laws.memory`."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from cogattn.laws import memory, stages
from cogattn.mind import cohort
from cogattn.observer import Observer
from cogattn.world.stream import Stimulus, Task, TaskStream

SHARP = {
    "capacity": math.inf,
    "threshold": 0.0,
    "wandering": 0.0,
    "slip": 0.0,
}  # what is shown is seen at once
N = 20_000


def play(stream, n=N, **observer):
    return cohort.play(stream, [Observer(**(SHARP | observer))], person=0, trial=range(n), details=True)


def z(hits, n, p):
    return abs(hits - n * p) / math.sqrt(max(n * p * (1 - p), 1e-9))


# --- the central stage ----------------------------------------------------------------------------------------


def two_choices(soa, before=(0.1, 0.1), choice=(1.2, 0.8), after=(0.08, 0.05), sd=(0.0, 0.0)):
    tasks = tuple(
        Task(f"{i}", response="choose", before=before[i], before_sd=sd[i], choice=choice[i], after=after[i])
        for i in range(2)
    )
    return TaskStream((Stimulus("S1", task="0"), Stimulus("S2", soa, task="1")), end=20.0, tasks=tasks)


@pytest.mark.full
@pytest.mark.parametrize("share", [1.0, 0.8, 0.65, 0.5])
@pytest.mark.parametrize("soa", [0.0, 0.05, 0.15, 0.3, 0.349, 0.8, 2.0])
@pytest.mark.parametrize("before", [(0.1, 0.1), (0.3, 0.1), (0.1, 0.35)])
def test_fixed_stages_give_the_response_times_of_theory(share, soa, before):
    out = play(two_choices(soa, before), 1, central_share=share, speed=4.0, speed_sd=1e-12)
    theory = stages.prp(before[0], 1.2 / 4, 0.08, before[1], 0.8 / 4, 0.05, soa, share)
    assert out.element_times.answered[0, 0] == pytest.approx(float(theory[0]), abs=1e-9)
    assert out.element_times.answered[0, 1] - soa == pytest.approx(float(theory[1]), abs=1e-9)


def test_without_the_central_limit_nothing_waits():
    for soa in (0.0, 0.1, 0.5):
        out = play(two_choices(soa), 1, central=math.inf, speed=4.0, speed_sd=1e-12)
        assert out.element_times.answered[0] - [0.0, soa] == pytest.approx([0.48, 0.35], abs=1e-9)


@pytest.mark.parametrize("central", [1.0, 1.3, 4.0])
def test_a_wider_stage_serves_nobody_faster_than_alone(central):
    """A stage that is shared and has room for more than one: who is alone there takes as long as he does anywhere."""
    out = play(two_choices(2.0), 1, central=central, central_share=0.6, speed=4.0, speed_sd=1e-12)
    assert out.element_times.answered[0] - [0.0, 2.0] == pytest.approx([0.48, 0.35], abs=1e-9)


@pytest.mark.parametrize("share", [1.0, 0.8])
@pytest.mark.parametrize("priority", [0.5, 1.0, 2.0])
def test_an_automatic_choice_waits_for_nobody(priority, share):
    """Wherever it stands in line, behind a stage that is taken; and it takes nothing from who has it."""
    tasks = (
        Task("talk", response="choose", before=0.1, choice=1.2, after=0.08),
        Task(
            "walk", response="choose", before=0.1, choice=1.2, after=0.08, automatic=True, priority=priority
        ),
    )
    items = (Stimulus("T1", task="talk"), Stimulus("T2", task="talk"), Stimulus("W", 0.05, task="walk"))
    stream = TaskStream(items, end=20.0, tasks=tasks)
    out = play(stream, 1, central_share=share, speed=4.0, speed_sd=1e-12).element_times.answered[0]
    both = stages.prp(0.1, 0.3, 0.08, 0.1, 0.3, 0.08, 0.0, share)
    assert [*sorted(out[:2]), out[2] - 0.05] == pytest.approx([*sorted(map(float, both)), 0.48], abs=1e-9)


def test_who_is_perceived_at_one_moment_gets_into_line_in_the_order_of_elements():
    """Whoever was categorised first: without a limit of capacity all are at one time, in any order."""
    task = Task("name", response="choose", before=0.1, choice=1.2, after=0.08)
    stream = TaskStream(tuple(Stimulus(f"S{i}", task="name") for i in range(4)), end=20.0, tasks=(task,))
    minds = [Observer(**SHARP, slots=math.inf, speed=4.0, speed_sd=1e-12)]
    told = cohort.play(stream, minds, person=0, trial=range(50), record=True).events
    orders = told.groupby(["trial", "kind"], observed=True)["element"].agg(lambda names: "".join(names))
    assert set(orders[:, "ready"]) == {"S0S1S2S3"}
    assert len(set(orders[:, "encode"])) > 10


@pytest.mark.parametrize("soa", [0.05, 0.2, 0.35, 0.6])
def test_random_stages_give_the_slack_curve(soa):
    """D = A1 + B1 - A2 ~ N(.4, .071): -dRT2/dSOA = P(D > SOA)."""
    stream = two_choices(soa, before=(0.3, 0.5), choice=(2.4, 0.8), sd=(0.05, 0.05))
    rt2 = play(stream, speed=4.0, speed_sd=1e-12).element_times.answered[:, 1] - soa
    theory = stages.slack_curve(soa, 0.5 + 0.2 + 0.05, 0.4, 0.05 * math.sqrt(2))
    assert abs(rt2.mean() - float(theory)) < 4 * rt2.std() / math.sqrt(N)


def locus(soa, **longer):
    change = {"before": [0.1, 0.1], "choice": [1.2, 0.8]}
    for name, value in longer.items():
        kind, i = {"A1": ("before", 0), "A2": ("before", 1), "B1": ("choice", 0), "B2": ("choice", 1)}[name]
        change[kind][i] += value if kind == "before" else value * 4
    out = play(
        two_choices(soa, tuple(change["before"]), tuple(change["choice"])), 1, speed=4.0, speed_sd=1e-12
    )
    return out.element_times.answered[0] - [0.0, soa]


def test_the_locus_of_slack():
    """A second perception made longer is absorbed while the centre is busy; a first stage is carried over; a second
    choice adds always."""
    short, long = locus(0.15), locus(0.8)
    assert (locus(0.15, A2=0.1) - short)[1] == pytest.approx(0.0, abs=1e-9)
    assert (locus(0.8, A2=0.1) - long)[1] == pytest.approx(0.1)
    for stage in ("A1", "B1"):
        assert (locus(0.15, **{stage: 0.1}) - short)[1] == pytest.approx(0.1)
        assert (locus(0.8, **{stage: 0.1}) - long)[1] == pytest.approx(0.0, abs=1e-9)
    for soa, base in ((0.15, short), (0.8, long)):
        assert (locus(soa, B2=0.1) - base)[1] == pytest.approx(0.1)


def test_who_is_more_urgent_goes_first():
    tasks = [Task("slow", response="choose"), Task("urgent", response="choose", priority=2.0)]
    items = (Stimulus("a", task="slow"), Stimulus("b", 0.1, task="urgent"))
    out = play(TaskStream(items, 9.0, (), tuple(tasks)), 1, speed=4.0, speed_sd=1e-12)
    assert out.element_times.answered[0] == pytest.approx([0.5, 0.35])  # b interrupts a, which then goes on


def test_a_response_can_be_held_back_for_the_other():
    alone = play(
        two_choices(0.6), 1, response_grouping=0.2, speed=4.0, speed_sd=1e-12
    ).element_times.answered[0]
    assert alone == pytest.approx([0.48 + 0.2, 0.6 + 0.35 + 0.2])  # each waits in vain
    both = play(two_choices(0.2), 1, response_grouping=0.5, speed=4.0, speed_sd=1e-12).element_times.answered[
        0
    ]
    assert both == pytest.approx([0.6 + 0.08, 0.6 + 0.05])  # chosen at .4 and .6, given at once


def test_slips_are_as_frequent_as_the_person_makes_them():
    out = play(two_choices(0.8), slip=0.024)
    assert z((~out.element_times.right).sum(), 2 * N, 0.024) < 4


# --- the door ----------------------------------------------------------------------------------------------------


def pair(gap, masked=True, first=True, shown=0.083):
    task = Task("report", consolidate=True)
    end = {"mask": gap + shown} if masked else {"offset": gap + shown + 2.0}
    one = Stimulus("T1", 0.0, shown, evidence=1.0 if first else 0.0)
    return TaskStream((one, Stimulus("T2", gap, **end)), end=gap + 3.0, tasks=(task,))


@pytest.mark.parametrize("gap", [0.04, 0.083, 0.1, 0.101, 0.167, 0.25, 0.4, 0.6])
def test_the_blink_has_its_closed_form(gap):
    """T2 waits at the door until its mask, so s' = gap + what is left of its display."""
    out = play(pair(gap), dwell=0.27, dwell_sd=0.14, sparing=0.8, sparing_window=0.1)
    late = gap + 0.083
    opened = float(stages.blink(late, 1.0, 0.27, 0.14, 0.0, 0.0))
    p = opened + (1 - opened) * 0.8 * (gap <= 0.1)
    assert p == pytest.approx(float(stages.blink(late, 1.0, 0.27, 0.14, 0.8, late if gap <= 0.1 else 0.0)))
    assert out.stored[:, 0].all()
    assert z(out.stored[:, 1].sum(), N, p) < 4


@pytest.mark.parametrize("gap", [0.05, 0.083, 0.12, 0.2, 0.35])
@pytest.mark.parametrize(("clear", "counts"), [(0.15, 2.0), (0.15, 0.0), (0.6, 5.0), (3.0, 2.0)])
def test_unclear_targets_are_missed_and_lock_the_door_for_longer(gap, clear, counts):
    """Both are encoded at v = C evidence; the door is locked for N(dwell, sd) + counts / v."""
    who = {"capacity": 60.0, "threshold": 0.01, "dwell": 0.1, "dwell_sd": 0.08, "dwell_counts": counts, "sparing": 0.7,
           "sparing_window": 0.13}  # fmt: skip
    shown, v = 0.083, 60.0 * clear
    task = Task("report", consolidate=True)
    items = (
        Stimulus("T1", 0.0, mask=shown, evidence=clear),
        Stimulus("T2", gap, mask=gap + shown, evidence=clear),
    )
    if gap < shown:  # T1 is masked by T2
        items = (Stimulus("T1", 0.0, mask=gap, evidence=clear), *items[1:])
    out = play(TaskStream(items, end=gap + 3.0, tasks=(task,)), **who)
    first, both = out.stored[:, 0], out.stored[:, :2].all(1)
    assert z(first.sum(), N, -math.expm1(-v * (min(gap, shown) - 0.01))) < 4
    if gap >= shown:  # the law has both shown for as long
        p = float(stages.blink_encoded(gap, shown, v, 0.01, 0.1, 0.08, counts, 0.7, 0.13))
        assert z(both.sum(), first.sum(), p) < 4


def test_no_blink_without_a_mask_nor_without_a_first_target():
    assert play(pair(0.2, masked=False)).stored[:, 1].all()
    assert play(pair(0.2, first=False)).stored[:, 1].all()
    assert play(pair(0.2), dwell=0.0, dwell_sd=0.0).stored[:, 1].all()
    assert 0.1 < play(pair(0.2)).stored[:, 1].mean() < 0.9


def test_what_comes_close_together_changes_places():
    out = play(pair(0.05), dwell=0.0, dwell_sd=0.0, order_sd=0.054)
    swapped = (out.element_times.seems[:, 1] < out.element_times.seems[:, 0]).sum()
    assert z(swapped, N, stats.norm.sf(0.05 / (0.054 * math.sqrt(2)))) < 4


# --- the store ---------------------------------------------------------------------------------------------------


def updated(n, rule, slots, **how):
    task = Task("update", when_full=rule)
    items = tuple(Stimulus(f"x{i}", float(i), i + 0.5, task="update") for i in range(n))
    return play(TaskStream(items, end=n - 0.5, tasks=(task,)), 8000, slots=slots, **how)


@pytest.mark.parametrize("slots", [1.0, 2.0, 3.0, 3.06, 5.0])
@pytest.mark.parametrize("rule", ["random", "oldest"])
def test_updating_loses_items_as_the_retention_formula_says(slots, rule):
    """Just before item 20 comes, how often is the item of n ago still there?"""
    out = updated(21, rule, slots)
    for lag in (1, 2, 3, 4, 6):
        there = ~(out.element_times.left[:, 20 - lag] < 20.0 - 1e-9)
        p = float(memory.retention(lag, slots, rule))
        assert z(there.sum(), 8000, p) < 4, lag


def test_the_weakest_gives_way():
    out = updated(7, "weakest", 3.0)
    for lag in (1, 2, 3):
        there = ~(out.element_times.left[:, 6 - lag] < 6.0 - 1e-9)
        assert z(there.sum(), 8000, float(memory.retention(lag, 3.0, "weakest", before=6 - lag))) < 4, lag


def test_items_decay():
    out = updated(3, "random", 5.0, memory_life=2.0)
    for x in range(3):
        assert z((np.isnan(out.element_times.left[:, x])).sum(), 8000, math.exp(-(2.5 - x) / 2.0)) < 4


@pytest.mark.parametrize("n", [2, 5, 8])
def test_changes_are_detected_by_whoever_holds_the_square(n):
    stream = TaskStream(tuple(Stimulus(f"s{i}", 0.0, 0.5) for i in range(n)), end=0.6)
    out = play(stream, slots=3.06, capacity=65.5)
    hit, false_alarm = memory.change_detection(n, 3.06)
    assert (
        z(out.stored[:, 0].sum(), N, float(hit - false_alarm)) < 4.5
    )  # the race needs its time: 0.5 s is ample


# --- several tasks -----------------------------------------------------------------------------------------------


def side_by_side(eye, ear, exposure=0.03):
    tasks = (Task("a", resources=eye), Task("b", resources=ear))
    items = (Stimulus("x", 0.0, exposure, task="a"), Stimulus("y", 0.0, exposure, task="b"))
    return TaskStream(items, end=0.2, tasks=tasks)


def test_tasks_compete_as_far_as_they_draw_on_the_same_resources():
    eye, ear = {"visual_focal": 1.0}, {"auditory_verbal": 1.0}
    for pools in ((eye, eye), (eye, ear), ({}, {})):
        stream = side_by_side(*pools)
        k = stream.competition[0, 1]
        assert k == pytest.approx(stages.competition(*pools))
        out = play(stream, capacity=40.0)
        assert z(out.stored[:, 0].sum(), N, -math.expm1(-40.0 / (1 + k) * 0.03)) < 4
    assert side_by_side(eye, ear).competition[0, 1] < side_by_side(eye, eye).competition[0, 1] == 1.0


def test_a_table_of_conflicts_of_ones_own():
    table = np.zeros((len(stages.CHANNELS),) * 2)
    np.fill_diagonal(table, 1.0)
    free = side_by_side({"visual_focal": 1.0}, {"auditory_verbal": 1.0})
    free = TaskStream(free.stimuli, free.end, (), free.tasks, conflict=table)
    assert free.competition.tolist() == np.eye(2).tolist()
    assert z(play(free, capacity=40.0).stored[:, 0].sum(), N, -math.expm1(-40.0 * 0.03)) < 4


def test_an_automatic_element_is_as_fast_among_many_as_alone_and_takes_nothing():
    tasks = (Task("search"), Task("name", automatic=True))

    def seen(others, name):
        items = [Stimulus(f"d{i}", 0.0, 0.05, task="search") for i in range(others)]
        items += [Stimulus("mine", 0.0, 0.05, task="name")] if name else []
        return play(TaskStream(tuple(items), 0.2, (), tasks), capacity=20.0, slots=math.inf).stored.mean(0)

    alone, among = seen(0, True)[-1], seen(9, True)[-1]
    assert abs(alone - among) < 4 * math.sqrt(0.5 / N)
    assert z(seen(9, True)[0] * N, N, -math.expm1(-20.0 / 9 * 0.05)) < 4
    assert z(seen(9, False)[0] * N, N, -math.expm1(-20.0 / 9 * 0.05)) < 4


def test_practice_moves_an_element_towards_automatic():
    """After N repetitions C eta (1 - (1 + L N)^(-1/k)) is its own, whatever else is on display."""
    task = Task("search", practice=400.0)
    items = tuple(Stimulus(f"d{i}", 0.0, 0.05, task="search", evidence=0.5) for i in range(4))
    out = play(
        TaskStream(items, 0.2, (), (task,)), capacity=20.0, slots=math.inf, learning=0.01, visit_shape=1.5
    )
    rate = 0.5 * 20.0 * (1 / 4 + 1 - (1 + 0.01 * 400.0) ** (-1 / 1.5))
    assert z(out.stored.sum(), 4 * N, -math.expm1(-rate * 0.05)) < 4


def test_attention_turns_to_tasks_as_they_attract():
    """The first choice is Luce's: priority over difficulty, more if something waits."""
    tasks = (Task("a", priority=2.0), Task("b", difficulty=4.0), Task("c", salience=1.0))
    items = (Stimulus("x", task="a"), Stimulus("y", task="b"), Stimulus("z", task="c"))
    stream = TaskStream(items, 0.001, (), tasks, focused=True)
    rows = cohort.play(stream, [Observer()], person=0, trial=range(4000), record=True).events
    first = rows[rows["kind"] == "engage"].groupby("trial")["task"].first().astype(str)
    pull = np.array([2.0, 0.25, math.e])
    for task, p in zip("abc", pull / pull.sum(), strict=True):
        assert z((first == task).sum(), 4000, p) < 4


def test_while_attention_is_elsewhere_little_is_seen_and_nothing_is_chosen():
    tasks = (Task("here", priority=1e6), Task("there", priority=1e-6, response="choose"))
    items = (Stimulus("x", 0.0, 0.03, task="here"), Stimulus("y", 0.0, task="there"))
    stream = TaskStream(items, 5.0, (), tasks, focused=True)
    out = play(stream, 2000, capacity=40.0, unattended_weight=0.1)
    assert np.isnan(out.element_times.answered[:, 1]).all()
    assert z(out.stored[:, 0].sum(), 2000, -math.expm1(-40.0 / 1.1 * 0.03)) < 4


@pytest.mark.parametrize("stay", [0.5, 1.0, 3.0, 12.0])
def test_what_attention_is_on_draws_it_so_much_more(stay):
    """Two tasks alike, nothing waits: each decision keeps the task with P = stay / (stay + 1)."""
    tasks = (Task("a"), Task("b"))
    stream = TaskStream((Stimulus("x", 39.0, task="a"),), 40.0, (), tasks, focused=True)
    out = [Observer(stay=stay, restless=5.0, switch_time=0.0)]
    rows = cohort.play(stream, out, person=0, trial=range(100), record=True).events
    kept, left = ((rows["kind"] == kind) & (rows["time"] > 0) for kind in ("stay", "leave"))
    n = int(kept.sum() + left.sum())
    assert abs(n / 100 - 5.0 * 40.0) < 4.5 * math.sqrt(
        200 / 100
    )  # it is decided anew `restless` times a second
    assert z(kept.sum(), n, stay / (stay + 1)) < 4.5


def test_turning_takes_its_time_and_attention_is_nowhere_meanwhile():
    tasks = (Task("a"), Task("b"))
    stream = TaskStream((Stimulus("x", 39.0, task="a"),), 40.0, (), tasks, focused=True)
    observers = [Observer(restless=2.0, switch_time=0.37)]
    rows = cohort.play(stream, observers, person=0, trial=range(20), record=True).events
    turns = rows[rows["kind"].isin(["leave", "engage"])]
    gone = 0
    for _, own in turns.groupby("trial"):
        kind, time = own["kind"].astype(str).to_numpy(), own["time"].to_numpy()
        (leave,) = np.nonzero((kind[:-1] == "leave") & (time[:-1] > 0))
        assert (kind[leave + 1] == "engage").all()
        assert time[leave + 1] - time[leave] == pytest.approx(np.full(len(leave), 0.37), abs=1e-9)
        gone += len(leave)
    assert gone > 100
