"""Searching and telling, played by a mind, against the exact laws of `laws.search` and `laws.conflict`."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from cogattn.laws import conflict, inhibition, search
from cogattn.mind import cohort
from cogattn.observer import Observer
from cogattn.paradigms import get, stop_signal
from cogattn.paradigms.selection import TOLD
from cogattn.paradigms.visual_search import DISPLAYS, search_trial
from cogattn.runs.experiment import run
from cogattn.world.stream import Stimulus, Task, TaskStream

N = 20_000
STEADY = Observer(wandering=0.0, slip=0.0, threshold=0.0, capacity=math.inf)


def play(stream, observer):
    return cohort.play(stream, [observer], person=0, trial=range(N), details=True)


def close(mean, law, sd, n=N):
    assert abs(mean - law) < 4 * sd / math.sqrt(n) + 2e-4


@pytest.mark.parametrize("kind", ["congruent", "incongruent"])
@pytest.mark.parametrize("name", ["flanker", "stroop", "simon"])
def test_decisions_under_conflict_have_their_exact_law(name, kind):
    task = get(name)()
    out = play(task.trial({"congruence": 1 if kind == "congruent" else -1}), STEADY)
    law = conflict.Conflict(
        task.evidence_rate * STEADY.speed, STEADY.evidence_threshold, task.weight * STEADY.alpha**conflict.SELECTED,
        task.activation, task.peak, task.non_decision_time, task.non_decision_sd,
        variation=STEADY.speed_sd / STEADY.speed,
    ).summary(kind)  # fmt: skip
    right, rt = out.element_times.right[:, 0], out.element_times.answered[:, 0]
    error = 1 - right.mean()
    assert (
        abs(error - law.error) < 4 * math.sqrt(max(law.error, 1e-4) / N) + 2e-3
    )  # speed: nine nodes in the law
    close(rt[right].mean(), law.mean, law.sd, right.sum())
    assert np.quantile(rt[right], conflict.QUANTILES) == pytest.approx(law.quantiles, abs=0.006)


def test_what_weighs_nothing_disturbs_nothing():
    alone, beside, lines = (
        play(get("flanker")(weight=w).trial({"congruence": k}), STEADY).element_times
        for w, k in ((0.0, -1), (1.0, -1), (1.0, 0))
    )
    means = [np.nanmean(t.answered[:, 0]) for t in (alone, beside, lines)]
    assert means[0] < means[2] < means[1]  # what pushes no answer competes all the same
    assert alone.right[:, 0].all()
    assert lines.right[:, 0].all()
    assert not beside.right[:, 0].all()


def test_flankers_that_came_long_before_have_pushed_in_vain():
    """Their pulse runs from their own onset: long before the target it has faded, just before it is at its height."""

    def errors(lead: float) -> float:
        task = Task("tell", response="decide", evidence_rate=10.0, activation=4.0, peak=0.1)
        items = (
            Stimulus("target", onset=1.0, task="tell", supports=1),
            Stimulus("flankers", onset=1.0 - lead, task="tell", evidence=0.0, supports=-1),
        )
        return 1 - play(TaskStream(items, end=5.0, tasks=(task,)), STEADY).element_times.right[:, 0].mean()

    assert errors(1.0) < 0.002 < 0.05 < errors(0.0)
    assert errors(0.2) < errors(0.0)


def test_the_inhibition_function_is_the_race():
    task = get("stop_signal")()
    go = conflict.Conflict(
        task.evidence_rate * STEADY.speed, STEADY.evidence_threshold, non_decision_time=task.non_decision_time,
        non_decision_sd=task.non_decision_sd, variation=STEADY.speed_sd / STEADY.speed,
    ).responses("congruent")  # fmt: skip
    for delay in (0.1, 0.25, 0.4):
        out = play(task._stream(delay), STEADY).element_times
        p = float(inhibition.escaping(go[0], go[1].sum(1), delay, task.stopping, task.stopping_sd))
        escaped = ~np.isnan(out.answered[:, 0])
        assert abs(escaped.mean() - p) < 4 * math.sqrt(p * (1 - p) / N) + 3e-3
        assert np.nanmean(out.answered[:, 0]) < go[0][np.searchsorted(go[1].sum(1), 0.75)]


def test_on_peoples_staircase_delays_are_met_as_often_as_in_a_walk_of_one_step():
    """Later after a stop, earlier after an escape: met in proportion to the product of (1 - P) over P, with P of the
    inhibition function. Half of all escape."""
    task = replace(get("stop_signal")(), **stop_signal.TRACKED | {"each": 150, "without": 450})
    mind = replace(STEADY, fast_loss=0.0, slow_loss=0.0)
    steps = stop_signal.tracked(run(task, arms="human", people=12, observer=mind, seed=1).frame)
    assert steps.groupby("person").size().eq(stop_signal.MET).all()
    assert (
        steps["delay"].groupby(steps["person"]).diff().abs().dropna() - stop_signal.STEP
    ).abs().max() < 1e-9
    go = conflict.Conflict(
        task.evidence_rate * mind.speed, mind.evidence_threshold, non_decision_time=task.non_decision_time,
        non_decision_sd=task.non_decision_sd, variation=mind.speed_sd / mind.speed,
    ).responses("congruent")  # fmt: skip
    p = inhibition.escaping(go[0], go[1].sum(1), np.array(task.delays), task.stopping, task.stopping_sd)
    met = np.cumprod(np.append(1.0, (1 - p[:-1]) / p[1:]))
    met /= met.sum()
    assert steps["delay"].mean() == pytest.approx(met @ np.array(task.delays), abs=0.012)
    assert steps["responded"].mean() == pytest.approx(met @ p, abs=0.02)
    assert met @ p == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("readiness", [0.5, 1.0, 1.6])
def test_the_key_of_the_cued_side_pushes_as_the_key_of_go_no_go_is_ready(readiness):
    """After a cue to the other side: the law with a push of that height, as ready as the person's keys are, and half of
    attention at the place."""
    mind = replace(STEADY, readiness=readiness)
    task = replace(get("posner")(orient=60.0), asked="place", evidence=1.0)
    for cue, kind in ((-1, "incongruent"), (1, "congruent")):
        out = play(task.trial({"cue": cue, "soa": 0.0}), mind).element_times
        law = conflict.Conflict(
            25.8 * STEADY.speed, STEADY.evidence_threshold, 1.0, 2 * 1.25 * readiness, 0.065, 0.348, 0.15 * 0.348,
            variation=STEADY.speed_sd / STEADY.speed,
        ).summary(kind)  # fmt: skip
        right, rt = out.right[:, 0], out.answered[:, 0]
        assert 1 - right.mean() == pytest.approx(law.error, abs=0.006)
        assert rt[right].mean() == pytest.approx(law.mean, abs=0.003)


def test_a_mind_of_any_speed_decides_without_error():
    out = play(get("stroop")().trial({"congruence": -1}), Observer().unlimited())
    assert out.element_times.right[:, 0].all()


@pytest.mark.parametrize("present", [True, False])
@pytest.mark.parametrize("display", list(DISPLAYS))
def test_a_search_has_its_exact_law(display, present):
    o = Observer(wandering=0.0, slip=0.0, speed_sd=1e-9)
    guidance, inspect = DISPLAYS[display]
    verdict = o.evidence_threshold / (TOLD * o.speed)  # counted until it leads: an Erlang time
    share = search.practised_share(2000.0, o.learning, o.visit_shape)
    for n in (3, 12):
        out = play(search_trial(display, n, present, 2000.0), o)
        rt = np.nanmax(out.element_times.answered, axis=1)
        found = ~np.isnan(out.element_times.encoded).all(1)
        law, sd, error = search.search(
            (n,), guidance=guidance, dq=o.quit_growth, group=o.search_group, inspect=inspect / o.speed * share,
            shape=o.visit_shape, hit=o.visit_hit, base=o.threshold + 0.183 + verdict,
        )  # fmt: skip
        p = error[int(present), 0]
        assert abs((found != present).mean() - p) < 4 * math.sqrt(max(p * (1 - p), 1e-4) / N)
        right = found == present
        spread = math.hypot(sd[int(present), 0], verdict / math.sqrt(o.evidence_threshold))
        close(rt[right].mean(), law[int(present), 0], spread, right.sum())


def test_who_never_quits_visits_everything():
    out = play(search_trial("spatial_2v5", 18, True, 0.0), Observer(quit_growth=0.0, slip=0.0))
    assert (~np.isnan(out.element_times.encoded[:, 0])).all()


def test_a_mind_that_is_away_stops_nothing():
    """It does not notice the signal: nearly all escapes, where a mind at its task stops nearly all."""
    task = get("stop_signal")(delays=(0.01,), without=5, each=60)
    for mind, stopped in (
        (STEADY, True),
        (replace(STEADY, wandering=1e4, lapse_duration=1e4, lapse_base=1.0), False),
    ):
        frame = run(task, arms="human", people=4, observer=mind, seed=1).frame
        escaped = frame[frame["signal"]]["responded"].mean()
        assert (escaped < 0.1) if stopped else (escaped > 0.9)


@pytest.mark.parametrize("items", [3, 18])
def test_a_mind_that_is_away_searches_as_it_does_at_its_task_only_slower(items):
    """What stands out is found among many as fast as among few: being away takes time, not selection. The law, with all
    that is attention stretched by the pace of a mind that is away."""
    away = {"wandering": 1e4, "lapse_duration": 1e9, "lapse_base": 1.0}
    mind = replace(STEADY, **away, speed_sd=1e-9, fast_loss=0.0, slow_loss=0.0)
    task = get("visual_search")(displays=("feature",), set_sizes=(items,), trials=400, practice=0.0)
    frame = run(task, arms="human", people=10, observer=mind, seed=1).frame
    guidance, inspect = DISPLAYS["feature"]
    pace = mind.speed * mind.lapse_speed
    rt, sd, _ = search.search(
        [items], guidance=guidance, dq=mind.quit_growth, group=mind.search_group, inspect=inspect / pace,
        shape=mind.visit_shape, hit=mind.visit_hit, base=0.183 + mind.evidence_threshold / (TOLD * pace),
    )  # fmt: skip
    found = frame[frame["correct"]].groupby("present")["rt"]
    for present in (0, 1):
        assert found.mean()[present] == pytest.approx(rt[present, 0], rel=0.02)
        assert sd[present, 0] > 0.05
