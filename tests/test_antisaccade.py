"""The antisaccade task: its doors, its staircase by hand, accuracy beside the integral of the race, and who is worse
where."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from doors import adds_up, refused
from scipy import integrate
from walking import walked

from cogattn import human, paradigms
from cogattn.observer import Observer
from cogattn.paradigms import antisaccade
from cogattn.paradigms.antisaccade import FRAME, Antisaccade
from cogattn.paradigms.checkup import check
from cogattn.paradigms.divided import guess_times
from cogattn.paradigms.session import SessionRecord
from cogattn.population import People
from cogattn.runs.experiment import run

#: Neither tires nor wanders nor slips: what the closed form speaks of.
STEADY = Observer(wandering=0.0, fast_loss=0.0, slow_loss=0.0, slip=0.0)
BLOCK = 50  # trials of a prosaccade block, with those that warm up


@pytest.fixture(scope="module")
def usual():
    return run("antisaccade", ("human", "softmax"), people=60, seed=1)


def right(task, observer=STEADY, people=4, seed=0):
    """(same side, other side): accuracy in the trials that count."""
    frame = run(task, arms="human", people=people, observer=observer, seed=seed).frame
    by = frame.groupby("side")["correct"].mean()
    return by[1], by[-1]


# -- doors -----------------------------------------------------------------------------------------------------------


@walked(
    ("options", "word"),
    [
        ({"pro": 0}, "pro"),
        ({"anti": 1.5}, "anti"),
        ({"pro_warmup": -1}, "pro_warmup"),
        ({"flash": -0.1}, "flash"),
        ({"arrow": 3.0}, "arrow"),
        ({"evidence": 0}, "evidence"),
        ({"orient": 0}, "orient"),
        ({"evidence_rate": 0}, "evidence_rate"),
        ({"non_decision_time": 0}, "non_decision_time"),
    ],
)
def test_a_wrong_option_is_refused(options, word):
    refused(lambda: paradigms.get("antisaccade")(**options), word)


def test_options_come_back_from_plain_values():
    task = Antisaccade(pro=7, orient=0.2)
    assert paradigms.make("antisaccade", task.options()) == task


def test_it_is_sound_in_both_drivers():
    """Every part of the contract, and the same events in SimPy and in the compiled loop."""
    found = check(Antisaccade(pro=3, pro_warmup=1, anti=3, anti_warmup=0))
    assert "drivers" in found.tried
    assert found.problems == []


def test_the_session_is_that_of_the_study(usual):
    """Two blocks of 10 + 40 with the flash on the arrow's side, then two of 2 + 48 with it on the other."""
    adds_up(usual.frame)
    own = usual.frame[(usual.frame["person"] == 0) & (usual.frame["arm"] == "human")]
    wanted = 2 * ([0] * 10 + [1] * 40) + 2 * ([0] * 2 + [-1] * 48)
    assert own["side"].tolist() == wanted
    frames = own["arrow"] * 60
    np.testing.assert_allclose(frames, frames.round(), atol=1e-9)
    assert (own.iloc[[0, BLOCK]]["arrow"] * 60).round().tolist() == [9, 9]  # .145 s
    ends = usual.frame.groupby(["arm", "person"])["onset"].diff().dropna() - (10 / 60 + 2)  # fixations
    assert set(ends.round(6)) == set(antisaccade.FIXATION)


# -- the staircase ---------------------------------------------------------------------------------------------------


def test_the_staircase_goes_down_when_right_and_up_when_wrong_to_its_foot():
    """By hand: .145, right .128, right .111, wrong .196, wrong .281; all right: down to .026, shown as two frames."""
    task = Antisaccade(pro=9, pro_warmup=0, anti=2, anti_warmup=0)
    needed = np.zeros((2, task.per_condition))
    named = np.ones(needed.shape, bool)
    lucky = np.zeros(needed.shape, bool)
    needed[0, [2, 3]] = 9.0  # not encoded in time, and guessed wrong
    shown = task.led(needed, named, lucky)
    times = [0.145, 0.128, 0.111, 0.196, 0.281, 0.264, 0.247, 0.230, 0.213]
    np.testing.assert_allclose(shown[0, :9] * 60, [math.ceil(t * 60) for t in times])
    foot = [9, 8, 7, 6, 5, 4, 3, 2, 2]
    np.testing.assert_allclose(shown[1, :9] * 60, foot)
    np.testing.assert_allclose(shown[1, 9:18] * 60, foot)  # it begins anew
    again = [0.145 - 0.017 * i for i in range(8)] + [0.026]
    np.testing.assert_allclose(shown[0, 18:] * 60, math.ceil(60 * np.median(times + again)))
    np.testing.assert_allclose(shown[1, 18:] * 60, math.ceil(60 * np.median(again + again)))


def test_a_guess_and_a_wrong_name_lead_the_staircase_too():
    task = Antisaccade(pro=3, pro_warmup=0, anti=1, anti_warmup=0)
    needed = np.array([[9.0, 0.0, 0.0] * 2 + [0.0] * 2])
    named = np.array([[True, False, True] * 2 + [True] * 2])
    lucky = np.array([[True, True, True] * 2 + [True] * 2])
    shown = task.led(needed, named, lucky)[0, :3]  # guessed right: down; encoded, but named wrong: up
    np.testing.assert_allclose(shown * 60, [9, math.ceil(60 * 0.128), math.ceil(60 * 0.213)])


def test_trials_that_warm_up_do_not_make_the_median():
    task = Antisaccade(pro=2, pro_warmup=5, anti=1, anti_warmup=1)
    n = task.per_condition
    shown = task.led(np.zeros((1, n)), np.ones((1, n), bool), np.zeros((1, n), bool))[0]
    late = [0.145 - 0.017 * i for i in (5, 6)]
    np.testing.assert_allclose(shown[-4:] * 60, math.ceil(60 * np.median(late)))


def test_who_encodes_slowly_is_right_where_the_steps_balance():
    """Down x right = up x wrong, as long as nobody comes to the foot."""
    same, _ = right(Antisaccade(pro=1500), Observer(capacity=15.0, slip=0.0), people=4)
    assert same == pytest.approx(85 / 102, abs=0.01)


def test_who_encodes_fast_comes_to_the_foot_and_is_right_more_often():
    frame = run(
        Antisaccade(pro=400), arms="human", people=4, observer=Observer(capacity=150.0, slip=0.0), seed=0
    ).frame
    own = frame[frame["side"] == 1]
    assert (own["arrow"] * 60).round().min() == 2
    assert own["correct"].mean() > 85 / 102 + 0.03


# -- the race --------------------------------------------------------------------------------------------------------


def of_the_flash(t, orient):
    """Attention at the flash's place, which had half of it."""
    return 1 - math.exp(-t / orient) / 2


def law(side, shown, capacity, threshold, orient=0.1, flash=1 / 6):
    """P(right): the integral of the share that the arrow's place has, else one guess of three."""
    told = 0.259  # the dwell of the blink

    def share(t):
        if side > 0:
            return of_the_flash(t, orient)
        if t < told:
            return 1 - of_the_flash(t, orient)
        return 1 - of_the_flash(told, orient) * math.exp(-(t - told) / orient)

    area = integrate.quad(share, flash + threshold, flash + shown, points=[told])[0]
    encoded = 1 - math.exp(-capacity * area)
    return encoded + (1 - encoded) / 3


@pytest.mark.parametrize("frames", [2, 4, 8])
@pytest.mark.parametrize(("flash", "orient"), [(1 / 6, 0.1), (0.05, 0.1), (1 / 6, 0.3)])
def test_accuracy_is_the_integral_of_the_race(frames, flash, orient):
    """With a mask in the stream. flash 50 ms: the arrow comes before the flash is told."""
    task = Antisaccade(pro=3000, anti=3000, flash=flash, orient=orient, arrow=frames * FRAME)
    o = Observer(**{**STEADY.to_dict(), "capacity": 25.0})
    for side, found in zip((1, -1), right(task, o, people=2), strict=True):
        p = law(side, frames / 60, o.capacity, o.threshold, orient, flash)
        assert found == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / 12000) + 2e-3)


@pytest.mark.parametrize("side", [1, -1])
def test_the_weights_of_a_stream_add_up_to_the_integral_of_the_share(side):
    """Frame by frame; the arrow's weight and that of the noise are all there is."""
    task = Antisaccade()
    stream = task._stream(side)
    ends = {name: [c.weight for c in stream.changes if c.element == name] for name in ("arrow", "noise")}
    arrow = np.array([stream.stimuli[0].weight, *ends["arrow"]])
    noise = np.array([stream.stimuli[1].weight, *ends["noise"]])
    np.testing.assert_allclose(arrow + noise, 1)
    assert len(arrow) >= 36  # six time constants of 6 frames
    bound = (
        FRAME / task.orient
    ) ** 2 / 24  # of the rule of the middle, where most of attention is at the arrow
    for frames in (1, 2, 5, 36):
        area = integrate.quad(lambda t: task.share(side, t), task.flash, task.flash + frames * FRAME)[0]
        assert arrow[:frames].sum() * FRAME == pytest.approx(area, rel=bound)


def test_a_mask_in_the_stream_is_the_mask_of_the_score(monkeypatch):
    """The staircase stands still at three frames: the same trials, answer by answer, as with a mask in the stream."""
    masked = run(Antisaccade(arrow=3 * FRAME), arms="human", people=20, seed=3).frame
    for name, value in (("START", 0.05), ("LEAST", 0.05), ("DOWN", 0.0), ("UP", 0.0)):
        monkeypatch.setattr(antisaccade, name, value)
    scored = run("antisaccade", arms="human", people=20, seed=3).frame
    for column in ("side", "arrow", "correct", "response"):
        np.testing.assert_array_equal(masked[column], scored[column])
    for column in ("rt", "alertness"):
        np.testing.assert_allclose(masked[column], scored[column], rtol=1e-9)
    assert 0.5 < masked["correct"].mean() < 0.95
    late = masked[masked["rt"].isna()]
    assert len(late) > 20  # guesses that came too late
    assert not late["correct"].any()


def test_attention_is_drawn_to_the_flash_and_then_away_from_it():
    task = Antisaccade()
    assert task.told == Observer().dwell
    assert task.share(1, 0.0) == task.share(-1, 0.0) == pytest.approx(0.5)
    assert task.share(1, 0.1) == pytest.approx(1 - math.exp(-1) / 2)
    assert task.share(-1, 0.05) == pytest.approx(1 - task.share(1, 0.05))
    least = min(task.share(-1, t) for t in np.linspace(0, 1, 1001))
    assert least == pytest.approx(1 - task.share(1, task.told), abs=2e-3)
    assert task.share(1, 9.0) == pytest.approx(1)
    assert task.share(-1, 9.0) == pytest.approx(1)


# -- directions ------------------------------------------------------------------------------------------------------


def test_the_longer_an_arrow_is_shown_the_more_are_right_and_the_other_side_is_worse():
    o = Observer(**{**STEADY.to_dict(), "capacity": 25.0})
    found = np.array([right(Antisaccade(pro=1000, anti=1000, arrow=n * FRAME), o) for n in (2, 4, 8)])
    assert (np.diff(found, axis=0) > 0.02).all()
    assert (found[:, 0] - found[:, 1] > 0.01).all()


def test_softmax_is_right_on_both_sides_and_takes_no_time(usual):
    own = usual.frame[usual.frame["arm"] == "softmax"]
    assert own["correct"].all()
    assert own["rt"].isna().all()
    assert (own.loc[own["side"] == -1, "arrow"] * 60).round().unique().tolist() == [2]


def undecided(choices, lead, most=80):
    """How many categorisations that say nothing it takes until one of the choices leads by so much: mean and sd, from
    the chain of the gaps to the leader."""
    start = (0,) * choices
    index, queue = {start: 0}, [start]
    rows = []
    for state in queue:
        for i in range(choices):
            counts = sorted((c + (j == i) for j, c in enumerate(state)), reverse=True)
            if counts[0] - counts[1] >= lead:
                continue
            gaps = tuple(max(c - counts[0], -most) for c in counts)
            if gaps not in index:
                index[gaps] = len(index)
                queue.append(gaps)
            rows.append((index[state], index[gaps]))
    q = np.zeros((len(index), len(index)))
    for i, j in rows:
        q[i, j] += 1 / choices
    inverse = np.linalg.inv(np.eye(len(q)) - q)
    first = inverse.sum(1)
    second = inverse @ (2 * first - 1)
    return first[0], math.sqrt(second[0] - first[0] ** 2)


def test_a_lead_of_r_among_two_takes_r_squared():
    assert [undecided(2, r)[0] for r in (1, 2, 3, 4)] == pytest.approx([1, 4, 9, 16])
    assert undecided(3, 1) == pytest.approx((1, 0))


@pytest.mark.parametrize(("choices", "lead"), [(2, 2), (2, 4), (3, 3)])
def test_a_guess_takes_as_long_as_evidence_that_says_nothing(choices, lead):
    rate, mind = 20.0, Observer(speed_sd=1e-9, evidence_threshold=float(lead), speed=3.0)
    people = People.alike(mind, 40).rows
    keys = np.random.default_rng(1).integers(1, 2**62, (40, 500)).astype(np.uint64)
    seen = SessionRecord(*[np.ones(keys.shape)] * 7, keys, people, None, None)
    took = guess_times(seen, choices, rate).ravel() * rate * 3.0
    mean, sd = undecided(choices, lead)
    sd = math.sqrt(sd**2 + mean)  # each takes an exponential time
    assert took.mean() == pytest.approx(mean, abs=4 * sd / math.sqrt(len(took)))
    assert took.std() == pytest.approx(sd, rel=0.06)


def test_who_is_half_as_alert_guesses_for_twice_as_long():
    keys, people = np.arange(1, 41, dtype=np.uint64).reshape(4, 10), People.alike(Observer(), 4).rows
    took = [
        guess_times(SessionRecord(*[np.full(keys.shape, a)] * 7, keys, people, None, None), 3, 20.0)
        for a in (1.0, 0.5)
    ]
    np.testing.assert_allclose(took[1], 2 * took[0])


def test_what_takes_too_long_is_not_counted_to_its_end_and_nothing_else_changes():
    """A lead of a thousand takes millions of categorisations; two seconds hold eighty."""
    keys = np.arange(1, 2001, dtype=np.uint64).reshape(4, 500)
    for lead in (3.0, 1000.0):
        people = People.alike(Observer(evidence_threshold=lead), 4).rows
        seen = SessionRecord(*[np.ones(keys.shape)] * 7, keys, people, None, None)
        took = guess_times(seen, 3, 11.7, 2.0)
        if lead == 1000.0:
            assert (took > 2.0).all()
        else:
            whole = guess_times(seen, 3, 11.7)
            np.testing.assert_array_equal(took > 2.0, whole > 2.0)
            np.testing.assert_array_equal(took[took < 2.0], whole[whole < 2.0])


def test_half_a_lead_is_one_more_in_half_of_the_guesses():
    keys = np.random.default_rng(2).integers(1, 2**62, (40, 500)).astype(np.uint64)
    people = People.alike(Observer(speed_sd=1e-9, evidence_threshold=2.5, speed=3.0), 40).rows
    seen = SessionRecord(*[np.ones(keys.shape)] * 7, keys, people, None, None)
    took = guess_times(seen, 2, 20.0) * 60
    assert took.mean() == pytest.approx((4 + 9) / 2, abs=0.2)


def test_a_guess_takes_longer_than_an_answer_and_is_right_one_time_in_three(usual):
    own = usual.frame[(usual.frame["arm"] == "human") & (usual.frame["side"] == -1)]
    by = own.groupby("correct")["rt"].mean()
    assert by[False] > by[True] + 0.05  # what is wrong is guessed, or slipped
    late = own[own["response"] == ""]
    assert 100 < len(late) < 0.15 * len(own)
    assert late["rt"].isna().all()
    assert late["error"].isna().all()
    one = STEADY.to_dict() | {"capacity": 1e-3}
    task = Antisaccade(arrow=2 * FRAME, evidence_rate=40.0)
    lost = run(task, arms="human", people=20, observer=Observer(**one), seed=1).frame
    found = lost[lost["side"] != 0]["correct"]
    assert found.mean() == pytest.approx(1 / 3, abs=4 * math.sqrt(2 / 9 / len(found)))


def test_accuracy_is_that_of_answers_and_errors_are_the_rest(usual):
    own = usual.frame[(usual.frame["arm"] == "human") & (usual.frame["side"] != 0)]
    assert not own["responded"].all()
    found = own[own["responded"]].groupby(["person", "side"])["correct"].mean().unstack()
    values = {one.measure: one.values(own) for one in usual.paradigm.scored()}
    pd.testing.assert_frame_equal(values["accuracy"], found, check_names=False, check_dtype=False)
    pd.testing.assert_frame_equal(values["errors"], 1 - found, check_names=False, check_dtype=False)


# -- people ----------------------------------------------------------------------------------------------------------


def test_people_stand_beside_it_and_nothing_of_theirs_was_fitted(usual):
    t = human.table("antisaccade_reymermet2018").set_index("task")
    own = usual.frame[usual.frame["arm"] == "human"]
    found = {m.metric: m for m in usual.paradigm.metrics(own)}
    assert found["antisaccade accuracy"].human == t.loc["antisaccade", "acc"]
    assert found["prosaccade RT [ms]"].human == t.loc["prosaccade", "RT_ms"]
    ledger = human.constants()
    informed = ledger[ledger["kind"] == "estimated"]["tables"].str.contains("antisaccade")
    assert not informed.any()


def test_what_its_docstring_says_does_not_come_out(usual):
    """On the other side people lose .27, the mind more; on the same side responses are too fast."""
    own = usual.frame[usual.frame["arm"] == "human"]
    found = {m.metric: m for m in usual.paradigm.metrics(own)}
    cost = found["cost in accuracy"]
    assert cost.human > 0.2
    assert 0.38 < cost.value < 0.5
    rt = found["antisaccade RT [ms]"]
    assert abs(rt.human - rt.value) < 100
    assert found["prosaccade RT [ms]"].value < found["prosaccade RT [ms]"].human - 120
