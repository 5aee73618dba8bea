"""Selection, paradigm by paradigm: the classic directions, and closed forms where there are any."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from doors import adds_up, comes_back, refused
from walking import walked

from cogattn import paradigms
from cogattn.laws import conflict
from cogattn.observer import Observer
from cogattn.paradigms import load_dilution
from cogattn.runs.experiment import run

#: Neither tires nor wanders nor slips: what the closed forms speak of.
STEADY = Observer(wandering=0.0, fast_loss=0.0, slow_loss=0.0, slip=0.0)
NEW = ("posner", "ant", "load_dilution", "capture", "global_local")
#: Its speed does not vary: what the law of a decision says exactly.
EVEN = replace(STEADY, speed_sd=1e-9, tempo_share=0.0, threshold=0.0)


def found(name, observer=STEADY, people=4, seed=0, arms="human", **options):
    """The numbers of a few people who are all this mind."""
    task = paradigms.get(name)(**options)
    return task.numbers(run(task, arms=arms, people=people, observer=observer, seed=seed).frame)


@pytest.fixture(scope="module")
def usual():
    """All as they are, both arms."""
    return {name: run(name, people=20, seed=1) for name in NEW}


def arm(usual, name, which="human"):
    trials = usual[name]
    return trials.paradigm.numbers(trials.frame[trials.frame["arm"] == which])


# -- common ground -------------------------------------------------------------------------------------------------


@walked(
    ("name", "options", "word"),
    [
        ("posner", {"soas": (-1,)}, "SOA"),
        ("posner", {"validity": 1.2}, "validity"),
        ("posner", {"places": 1}, "places"),
        ("posner", {"orient": 0}, "orient"),
        ("posner", {"exposure": math.nan}, "exposure"),
        ("ant", {"cues": ("duoble",)}, "double"),
        ("ant", {"cues": ()}, "cue"),
        ("ant", {"orienting": -1}, "orienting"),
        ("ant", {"non_decision_time": 0}, "non_decision_time"),
        ("load_dilution", {"letters": (1.5,)}, "letters"),
        ("load_dilution", {"search": 1}, "search"),
        ("load_dilution", {"distractor": -1}, "distractor"),
        ("capture", {"scenes": "partie"}, "party"),
        ("capture", {"items": -1}, "items"),
        ("capture", {"exposure": 9}, "exposure"),
        ("global_local", {"kinds": ("neutrall",)}, "neutral"),
        ("global_local", {"strength": -1}, "strength"),
        ("global_local", {"peak": 0}, "peak"),
        *((name, {"trials": 0}, "trials") for name in NEW),
    ],
)
def test_a_wrong_option_is_refused(name, options, word):
    refused(lambda: paradigms.get(name)(**options), word)


@pytest.mark.parametrize("name", NEW)
def test_options_come_back_from_plain_values(name):
    comes_back(name)


@pytest.mark.parametrize("name", NEW)
def test_what_arrived_is_accounted_for(usual, name):
    adds_up(usual[name].frame)
    assert not usual[name].paradigm.banded
    assert usual[name].paradigm.human().empty == (name != "ant")


@pytest.mark.parametrize("name", NEW)
def test_every_figure_has_a_finding_that_names_both_arms(usual, name):
    import matplotlib.pyplot as plt

    figure = usual[name].plot()
    title = figure.get_suptitle().replace("\n", " ")
    assert "human" in title
    assert "softmax" in title
    assert all(ax.lines or ax.patches for ax in figure.axes)
    plt.close(figure)


@pytest.mark.parametrize("name", NEW)
def test_numbers_come_out_as_metrics(usual, name):
    task = usual[name].paradigm
    own = usual[name].frame.query("arm == 'human'")
    assert {m.metric: m.value for m in task.metrics(own)} == task.numbers(own)
    assert all(type(v) is float for v in task.numbers(own).values())
    assert all(math.isnan(m.human) for m in task.metrics(own))
    assert set(task.headline) & set(task.numbers(own))


@pytest.mark.parametrize("name", NEW)
def test_without_limits_there_are_no_costs_in_time(usual, name):
    times = [v for k, v in arm(usual, name, "softmax").items() if k.endswith("[ms]")]
    assert times
    np.testing.assert_allclose(np.nan_to_num(times), 0, atol=1e-6)


# -- a cue to a place ----------------------------------------------------------------------------------------------


def test_a_cue_helps_where_it_points_and_harms_elsewhere(usual):
    n = arm(usual, "posner")
    assert n["benefit [ms]"] > 10
    assert 1.3 < n["cost [ms]"] / n["benefit [ms]"] < 3
    assert n["cost at 800 ms [ms]"] > n["cost at 50 ms [ms]"] > 5


@pytest.mark.parametrize(("places", "validity"), [(2, 0.8), (4, 0.7), (2, 1.0)])
def test_benefits_and_costs_are_those_of_the_race(places, validity):
    o = replace(STEADY, speed_sd=1e-9, tempo_share=0.0)
    n = found("posner", o, soas=(2.0,), places=places, validity=validity, trials=4000)
    rate = 1000 / (0.3 * o.capacity)
    roots = math.sqrt(validity), math.sqrt((1 - validity) * (places - 1))
    valid = rate * sum(roots) / roots[0]
    assert n["benefit [ms]"] == pytest.approx(rate * places - valid, abs=4 * rate * places / math.sqrt(8000))
    if validity < 1:
        invalid = rate * sum(roots) / roots[1] * (places - 1)
        assert n["cost [ms]"] == pytest.approx(invalid - rate * places, abs=4 * invalid / math.sqrt(8000))


def test_attention_takes_its_time_to_the_place():
    task = paradigms.get("posner")(orient=0.1)
    assert task.share(1, 0.0) == task.share(-1, 0.0) == task.share(0, 9.0) == pytest.approx(0.5)
    assert task.share(1, 9.0) == pytest.approx(2 / 3)
    assert task.share(1, 0.1) - 0.5 == pytest.approx((2 / 3 - 0.5) * (1 - math.exp(-1)))
    blind = found("posner", validity=0.5, soas=(0.4,), trials=1500)
    assert abs(blind["benefit [ms]"]) < 6  # a cue that says nothing does nothing


def test_with_a_mask_it_is_accuracy_that_a_cue_moves():
    """P(seen) = 1 - exp(-C eta a (exposure - t0)), else a coin."""
    n = found("posner", soas=(2.0,), exposure=0.06, trials=6000)
    rate = 0.3 * STEADY.capacity * (0.06 - STEADY.threshold)
    right = {a: 1 - math.exp(-rate * a) / 2 for a in (2 / 3, 1 / 2, 1 / 3)}
    assert n["benefit in accuracy"] == pytest.approx(right[2 / 3] - right[1 / 2], abs=0.016)
    assert n["cost in accuracy"] == pytest.approx(right[1 / 2] - right[1 / 3], abs=0.016)
    assert "benefit [ms]" not in n


# -- the attention networks ----------------------------------------------------------------------------------------


def told(task, weights=(1.0,), push=0, evidence=1.0):
    """(congruent, incongruent): the law of a decision beside weights of which number `push` pushes."""
    w = [x * EVEN.alpha**conflict.SELECTED for x in weights]
    law = conflict.Conflict(
        task.evidence_rate * EVEN.speed * evidence, EVEN.evidence_threshold, sum(w),
        task.activation * w[push] / sum(w), task.peak,
    )  # fmt: skip
    return law.summary("congruent"), law.summary("incongruent")


def delay(*of):
    """How much later the incongruent answer is, in ms."""
    easy, hard = told(*of)
    return 1000 * (hard.mean - easy.mean)


def test_the_three_networks(usual):
    """520 adults: alerting 32, orienting 52, conflict 70 ms, the same with every cue; lines cost 5 ms less."""
    n = arm(usual, "ant")
    assert 15 < n["alerting [ms]"] < 45
    assert 30 < n["orienting [ms]"] < 65
    assert 45 < n["conflict [ms]"] < 90
    assert n["conflict with cue spatial [ms]"] == pytest.approx(n["conflict with cue centre [ms]"], abs=20)
    assert -25 < n["neutral less congruent [ms]"] < 10
    assert n["errors incongruent"] > 2 * n["errors congruent"]


def test_the_networks_have_their_exact_law():
    n = found("ant", EVEN, non_decision_sd=0.0, trials=4000)
    task = paradigms.get("ant")()
    law = delay(task, (task.weight,))
    for cue in task.cues:
        assert n[f"conflict with cue {cue} [ms]"] == pytest.approx(law, abs=6)
    assert n["alerting [ms]"] == pytest.approx(1000 * task.unready, abs=4)
    assert n["orienting [ms]"] == pytest.approx(1000 * task.orienting, abs=4)
    alone = 1000 * EVEN.evidence_threshold / (task.evidence_rate * EVEN.speed)
    easy = told(task, (task.weight,))[0].mean * 1000
    assert n["neutral less congruent [ms]"] == pytest.approx(alone - easy, abs=4)


def test_alerting_and_orienting_are_what_the_cues_do():
    n = found("ant", unready=0.0, orienting=0.0, trials=2000)
    assert abs(n["alerting [ms]"]) < 5
    assert abs(n["orienting [ms]"]) < 5
    few = found("ant", weight=0.0, trials=1000)
    assert abs(few["conflict [ms]"]) < 6
    assert few["orienting [ms]"] > 10


# -- load and dilution ---------------------------------------------------------------------------------------------


def test_letters_that_are_only_there_help_as_much_as_those_that_are_searched(usual):
    n = arm(usual, "load_dilution")
    for kind in ("high load", "dilution"):
        assert n[f"{kind} [ms]"] < n["low load [ms]"] + 8
        assert n[f"{kind} with 5 letters, errors"] < 0.6 * n[f"{kind} with 0 letters, errors"]
    assert n["high load [ms]"] == pytest.approx(n["dilution [ms]"], abs=15)
    assert n["response, high load less low load [ms]"] > 100 + n["response, dilution less low load [ms]"]


def test_interference_has_its_exact_law():
    n = found("load_dilution", EVEN, letters=(0, 1, 5), distractor=1.5, trials=4000)
    task = paradigms.get("load_dilution")()
    for kind in ("high load", "dilution"):
        for k in (0, 1, 5):
            law = delay(task, (1.5, *[1.0] * k))
            assert n[f"{kind} with {k} letters [ms]"] == pytest.approx(law, abs=6 if k < 5 else 12)
    assert load_dilution.taken(0) == pytest.approx(0.5)
    assert load_dilution.taken([1, 5], 1.0, 1.5).tolist() == pytest.approx([1.5 / 3.5, 1.5 / 7.5])


def test_letters_without_weight_dilute_nothing_and_no_distractor_no_interference():
    light = found("load_dilution", letters=(0, 5), neutral=0.0, trials=3000)
    assert light["dilution [ms]"] == pytest.approx(light["dilution with 0 letters [ms]"], abs=6)
    nobody = found("load_dilution", letters=(0, 5), distractor=0.0, trials=3000)
    assert abs(nobody["low load [ms]"]) < 4
    assert abs(nobody["high load [ms]"]) < 6


# -- capture -------------------------------------------------------------------------------------------------------


def test_what_captures(usual):
    n = arm(usual, "capture")
    assert 15 < n["cost of a singleton [ms]"] < 45
    assert abs(n["cost of one that is unlike [ms]"]) < 8  # contingent capture
    assert abs(n["cost if automatic [ms]"]) < 5
    assert 0.2 < n["own name noticed"] < 0.45
    assert n["other word noticed"] < 0.1
    assert n["automatic face noticed"] > n["other face noticed"] + 0.2
    assert n["letters lost"] > n["letters lost if not automatic"] > 0


def test_a_singleton_costs_its_weight():
    o = replace(STEADY, speed_sd=1e-9, tempo_share=0.0)
    n = found("capture", o, scenes="search", singleton=3.0, trials=6000)
    error = 4 * (1.4 + 3.0) * 1000 / o.capacity / math.sqrt(12_000)
    assert n["cost of a singleton [ms]"] == pytest.approx(3000 / o.capacity, abs=error)
    assert n["cost of one that is unlike [ms]"] == pytest.approx(300 / o.capacity, abs=error)
    assert math.isnan(n["own name noticed"])


def test_who_hears_his_name():
    n = found("capture", scenes="party", trials=10_000)
    rate = 0.025 * STEADY.capacity * (0.3 - STEADY.threshold)
    assert n["own name noticed"] == pytest.approx(1 - math.exp(-rate), abs=0.01)
    assert n["other word noticed"] == pytest.approx(1 - math.exp(-rate * 0.1 / 1.1), abs=0.005)


def test_an_automatic_face_takes_a_slot_and_nothing_else():
    long = {"scenes": "report", "exposure": 2.0, "letters": 8, "trials": 2000}
    n = found("capture", replace(STEADY, slots=3.0), **long)
    assert n["letters lost"] == pytest.approx(n["automatic face noticed"], abs=1e-9)
    roomy = found("capture", replace(STEADY, slots=math.inf), **(long | {"exposure": 0.05}))
    assert roomy["letters lost"] == pytest.approx(0, abs=0.07)
    assert roomy["letters lost if not automatic"] > 0.15


# -- forest and trees ----------------------------------------------------------------------------------------------


def test_global_precedence(usual):
    n = arm(usual, "global_local")
    assert n["global advantage [ms]"] > 20
    assert n["local told, global disturbs [ms]"] > 1.5 * n["global told, local disturbs [ms]"] > 0
    assert n["local told, errors incongruent"] > n["global told, errors incongruent"]


def test_interference_either_way_has_its_exact_law():
    n = found("global_local", EVEN, trials=4000, evidence=1.0, strength=3.0, left=0.5)
    task = paradigms.get("global_local")(strength=3.0, left=0.5)
    assert task.weight(0) == pytest.approx(9 * task.weight(1))
    assert n["local told, global disturbs [ms]"] == pytest.approx(delay(task, (task.weight(0),)), abs=6)
    assert n["global told, local disturbs [ms]"] == pytest.approx(delay(task, (task.weight(1),)), abs=6)


def test_what_is_clearer_weighs_more():
    """The weight is evidence times pertinence, as in TVA; `strength` says otherwise."""
    task = paradigms.get("global_local")(evidence=0.5)
    assert (task.weight(0), task.weight(1)) == pytest.approx((2.0, 0.5))
    assert paradigms.get("global_local")(evidence=0.5, left=0.1).weight(0) == pytest.approx(0.2)
    assert paradigms.get("global_local")(evidence=0.5, strength=3.0).weight(0) == pytest.approx(3.0)


def test_levels_that_are_alike_disturb_alike():
    n = found("global_local", strength=1.0, evidence=1.0, trials=3000)
    assert abs(n["asymmetry of interference [ms]"]) < 6
    assert abs(n["global advantage [ms]"]) < 5
