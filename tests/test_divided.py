"""Divided capacity, paradigm by paradigm, against the closed forms: a steady mind, many trials."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from doors import adds_up, comes_back, refused
from scipy import stats
from walking import walked

from cogattn import human, paradigms
from cogattn.errors import InputError
from cogattn.laws import memory, search, stages
from cogattn.mind import cohort
from cogattn.observer import Observer
from cogattn.paradigms import continuous_report, dual_task
from cogattn.paradigms.selection import TOLD
from cogattn.paradigms.serial_recall import in_place, span
from cogattn.paradigms.visual_search import DISPLAYS
from cogattn.runs.experiment import run
from cogattn.world.stream import Stimulus, Task, TaskStream

#: Neither tires nor wanders: what the closed forms speak of.
STEADY = Observer(wandering=0.0, fast_loss=0.0, slow_loss=0.0)
NEW = ("continuous_report", "tracking", "serial_recall", "dual_task", "practice")
TRIALS = 5000


def played(name, observer=STEADY, people=4, seed=0, arms="human", **options):
    """The long table of a few people who are all this mind."""
    task = paradigms.get(name)(**options)
    return run(task, arms=arms, people=people, observer=observer, seed=seed).frame


def close(share, law, n):
    """A share of n trials is within four standard errors of the law."""
    assert abs(share - law) < 4 * math.sqrt(max(law * (1 - law), 1e-3 * (law not in (0.0, 1.0))) / n) + 1e-12


@pytest.fixture(scope="module")
def usual():
    """All five as they are, both arms."""
    return {name: run(name, people=20, seed=1) for name in NEW}


# -- doors and common ground ---------------------------------------------------------------------------------------


@walked(
    ("name", "options", "word"),
    [
        ("continuous_report", {"set_sizes": (0,)}, "set size"),
        ("continuous_report", {"precision": 1.0}, "precision"),
        ("continuous_report", {"study": math.nan}, "study"),
        ("continuous_report", {"pause": 0}, "pause"),
        ("tracking", {"targets": (11,)}, "10 objects"),
        ("tracking", {"targets": (1.5,)}, "targets"),
        ("tracking", {"flash": -1}, "flash"),
        ("serial_recall", {"lengths": (33,)}, "list length"),
        ("serial_recall", {"policy": "randum"}, "random"),
        ("serial_recall", {"shown": 2.0}, "interval"),
        ("dual_task", {"shares": (1.2,)}, "share"),
        ("dual_task", {"resources": "apar"}, "apart"),
        ("dual_task", {"automatic": 1}, "automatic"),
        ("practice", {"done": (-1,)}, "trials done"),
        ("practice", {"mapping": "consistant"}, "consistent"),
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
    assert usual[name].frame["responded"].mean() > 0.7


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
def test_without_limits_nothing_is_lost(usual, name):
    f = usual[name].frame.query("arm == 'softmax'")
    if name == "dual_task":
        assert (f[(f["masked"] == 1) & (f["share"] > 0)]["left_held"] == 1).all()
    else:
        assert f["correct"].all()


# -- continuous report ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slots", [1.0, 2.5, 3.0])
def test_the_mixture_finds_the_slots(slots):
    o = replace(STEADY, slots=slots)
    f = played("continuous_report", o, set_sizes=(1, 2, 4, 8), study=5.0, trials=TRIALS)
    for n, own in f.groupby("set_size"):
        whole, part = int(slots), slots - int(slots)
        law = (1 - part) * min(1, whole / n) + part * min(1, (whole + 1) / n)
        close(own["held"].mean(), law, len(own))
        m, kappa = memory.fit_mixture(own["error"])
        assert m == pytest.approx(law, abs=0.015)
        sd = math.degrees(float(continuous_report.circular_sd(kappa)))
        held = (
            min(n, whole),
            min(n, whole + 1),
        )  # whoever holds more reports it more often, and less precisely
        shares = (1 - part) * held[0], part * held[1]
        sharp = [memory.shared_sd(k, paradigms.get("continuous_report")().precision) for k in held]
        assert sd == pytest.approx(float(np.average(sharp, weights=shares)), rel=0.05 if law > 0.2 else 0.12)


def test_errors_have_the_density_of_the_law():
    f = played("continuous_report", replace(STEADY, slots=2.0), set_sizes=(4,), study=5.0, trials=TRIALS)
    kappa = paradigms.get("continuous_report")().kappa(2)
    counts, edges = np.histogram(f["error"], 40, (-math.pi, math.pi))
    grid = np.linspace(-math.pi, math.pi, 40 * 200 + 1)
    law = memory.continuous_report(grid, 0.5, kappa)
    expected = np.array([np.trapezoid(law[i * 200 : i * 200 + 201], dx=grid[1] - grid[0]) for i in range(40)])
    assert stats.chisquare(counts, expected / expected.sum() * counts.sum()).pvalue > 1e-4
    assert np.diff(edges).min() > 0


@pytest.mark.parametrize("degrees", [2.0, 14.0, 20.0, 60.0, 90.0])
def test_precision_and_the_inverse_of_von_mises(degrees):
    kappa = continuous_report.concentration(math.radians(degrees))
    assert math.degrees(float(continuous_report.circular_sd(kappa))) == pytest.approx(degrees, rel=1e-6)
    u = np.linspace(0.001, 0.999, 999)
    errors = continuous_report.von_mises(u, kappa)
    np.testing.assert_allclose(stats.vonmises.cdf(errors, kappa), u, atol=2e-6)
    assert errors[499] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("sharing", [0.0, 0.5, 1.0])
def test_the_error_grows_with_what_is_held_and_no_further(sharing):
    o = replace(STEADY, slots=3.0)
    f = played("continuous_report", o, set_sizes=(1, 2, 3, 6), study=5.0, sharing=sharing, trials=TRIALS)
    for n, own in f[f["held"]].groupby("set_size"):
        law = float(memory.shared_sd(min(n, 3), 13.6, sharing))
        length = np.exp(1j * own["error"]).mean()
        assert math.degrees(math.sqrt(-2 * math.log(abs(length)))) == pytest.approx(law, rel=0.04)


def test_colours_are_remembered_as_precisely_as_by_people():
    """The sd of the error by load; of six colours the mind remembers too many (`continuous_report` says so)."""
    done = run("continuous_report", "human", people=100, seed=1)
    found = {m.metric: m for m in done.paradigm.metrics(done.frame)}
    for n in (1, 2, 3, 6):
        sd, share = found[f"sd of {n} colours"], found[f"P(remembered) of {n} colours"]
        assert sd.human == human.table("continuous_report").set_index("set_size").loc[n, "sd_degrees"]
        assert abs(sd.value - sd.human) < 1.5
        assert abs(share.value - share.human) < (0.12 if n == 6 else 0.08)
    assert found["P(remembered) of 6 colours"].value > 0.371 + 0.05
    assert paradigms.get("continuous_report")(study=0.5).human().empty


# -- tracking ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["change_detection", "nback"])
def test_who_is_wary_of_saying_yes_guesses_it_less_often(name):
    """Nothing is held: yes is said in the share that lies above the person's own criterion, and that share only."""
    seen = name == "change_detection"
    options = {"change": 0.7, "trials": 4000, "set_sizes": (4,)} if seen else {"blocks": 200, "loads": (2,)}
    share = 0.7 if seen else 0.5
    for more in (-0.5, 0.0, 0.5):
        mind = replace(STEADY, capacity=1e-9, slip=0.0, criterion=STEADY.criterion + more)
        frame = played(name, mind, people=1, **options)
        said = frame["says_changed"] if seen else frame["hits"] + frame["false_alarms"]
        asked = len(frame) if seen else (frame["signals"] + frame["noise"]).sum()
        close(said.sum() / asked, stats.norm.cdf(stats.norm.ppf(share) - more), asked)


@pytest.mark.parametrize("slots", [2.0, 4.0])
def test_tracking_is_the_law_of_slots(slots):
    f = played("tracking", replace(STEADY, slots=slots), trials=TRIALS)
    for n, own in f.groupby("targets"):
        close(own["correct"].mean(), float(memory.tracking(n, slots)), len(own))
        effective = n * (2 * own["correct"].mean() - 1)
        assert effective == pytest.approx(min(n, slots), abs=8 * n * 0.5 / math.sqrt(len(own)) + 1e-9)
        assert own["followed"].max() <= slots


# -- serial recall -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["random", "oldest", "weakest"])
@pytest.mark.parametrize("slots", [3.0, 4.5])
def test_serial_positions_are_those_of_the_law(policy, slots):
    o = replace(STEADY, slots=slots, order_sd=0.0)
    f = played("serial_recall", o, lengths=(3, 7), policy=policy, rehearse=0.0, trials=TRIALS)
    for n, own in f.groupby("length"):
        law = memory.serial_recall(int(n), slots, policy)
        for i, p in enumerate(law):
            close(own[f"p{i + 1}"].mean(), p, len(own))
        assert own[[f"p{i}" for i in range(int(n) + 1, 8)]].isna().all().all()


def test_a_store_that_loses_keeps_the_first():
    o = replace(STEADY, slots=3.0)
    f = played("serial_recall", o, lengths=(6,), policy="lose", rehearse=0.0, trials=500)
    assert f[["p1", "p2", "p3"]].to_numpy().mean() > 0.999
    assert not f[["p4", "p5", "p6"]].to_numpy().any()
    assert (f["missed"] >= 3).all()


def test_order_gets_lost_when_letters_come_fast():
    """Two neighbours change places with P(N(0, sd sqrt 2) > interval): at 100 ms about one in ten."""
    o = replace(STEADY, slots=4.0, capacity=1e6, threshold=0.0, dwell=0.0)
    fast = played("serial_recall", o, lengths=(2,), interval=0.1, shown=0.1, trials=TRIALS)
    law = 1 - stats.norm.cdf(0.1 / (o.order_sd * math.sqrt(2)))
    close(1 - fast["correct"].mean(), law, len(fast))
    slow = played("serial_recall", o, lengths=(2,), trials=TRIALS)
    assert slow["correct"].all()


def test_a_gap_leaves_the_places_of_the_others():
    held = np.array([[True, False, True, True], [True, True, True, False], [False] * 4])
    seems = np.array([[0.0, np.nan, 1.0, 2.0], [1.0, 0.5, 2.0, 0.0], [np.nan] * 4])
    assert in_place(held, seems).tolist() == [
        [True, False, True, True], [False, False, True, False], [False] * 4,
    ]  # fmt: skip


def test_the_span_lies_where_half_of_the_lists_are_perfect(usual):
    import pandas as pd

    assert span(pd.Series([1.0, 0.75, 0.25], [3, 4, 5])) == 4.5
    assert math.isnan(span(pd.Series([1.0, 0.9], [3, 4])))
    found = {m.metric: m.value for m in usual["serial_recall"].paradigm.metrics(
        usual["serial_recall"].frame.query("arm == 'human'"))}  # fmt: skip
    assert 6.0 < found["span"] < 8.0  # Miller's seven
    assert found["position 1 of 9"] > found["position 5 of 9"] + 0.05 < found["position 9 of 9"]
    alone = run(paradigms.get("serial_recall")(rehearse=0.0), "human", people=20, seed=1)
    found = {m.metric: m.value for m in alone.paradigm.metrics(alone.frame)}
    assert 3.0 < found["span"] < 4.5  # slots alone, without rehearsal: Cowan's four


# -- two tasks, one attention --------------------------------------------------------------------------------------


@pytest.mark.parametrize("resources", ["same", "eye and ear", "apart"])
def test_dividing_is_the_race_between_two(resources):
    f = played("dual_task", replace(STEADY, slots=4.0), resources=resources, trials=TRIALS)
    k = paradigms.get("dual_task")(resources=resources).competition
    assert k == {"same": 1.0, "eye and ear": 0.625, "apart": 0.0}[resources]
    for share, own in f[f["masked"] == 1].groupby("share"):
        for name, s in (("left", share), ("right", 1 - share)):
            rate = STEADY.capacity * s / (s + k * (1 - s)) if s > 0 else 0.0
            law = -math.expm1(-rate * (0.0333 - STEADY.threshold))
            close(own[f"{name}_held"].mean(), law, len(own))
            close(own[f"{name}_right"].mean(), 0.5 + law / 2, len(own))


@pytest.mark.parametrize(
    ("options", "law"),
    [({}, 0.5), ({"resources": "eye and ear"}, 1 / 1.625), ({"resources": "apart"}, 1.0), ({"automatic": True}, 1.0)],
)  # fmt: skip
def test_workload_capacity_says_what_is_shared(options, law):
    f = played("dual_task", people=1, shares=(0.5,), trials=40_000, **options)
    assert dual_task.capacity_or(f) == pytest.approx(law, rel=0.02)
    assert paradigms.get("dual_task")(**options).competition == pytest.approx(1 / law - 1)


def test_people_of_different_rates_do_not_seem_to_lose_capacity():
    """Pooled over people, independent races would look limited: C_OR is each person's own."""
    f = run(paradigms.get("dual_task")(automatic=True, trials=2000), arms="human", people=10).frame
    assert dual_task.capacity_or(f) == pytest.approx(1.0, abs=0.04)


def test_three_laws_run_through_the_single_levels():
    found = dual_task.laws(0.9, 0.8)
    for left, right in found.values():
        assert max(left) == pytest.approx(0.9)
        assert max(right) == pytest.approx(0.8)
        assert min(left) == pytest.approx(0.5)
        assert min(right) == pytest.approx(0.5)
    straight, sample = found["all or none"], found["fixed sample"]
    middle = {k: float(v[0][50] + v[1][50]) for k, v in (("straight", straight), ("sample", sample))}
    assert middle["straight"] < middle["sample"] < 1.7


# -- practice ------------------------------------------------------------------------------------------------------


@pytest.mark.full
def test_search_time_is_the_law_of_practice():
    """A visit of a search takes (1 + L N)^(-1/k) of its time after N trials; the number of visits is as ever."""
    o = replace(STEADY, speed_sd=1e-9, tempo_share=0.0, slip=0.0)
    sizes = (3, 6, 12, 18)
    verdict = o.evidence_threshold / (TOLD * o.speed)  # counted until it leads: an Erlang time
    guidance, inspect = DISPLAYS["spatial_2v5"]
    f = played("practice", o, done=(0, 500, 3500), trials=TRIALS)
    for done, block in f.groupby("done"):
        share = float(search.practised_share(done, o.learning, o.visit_shape))
        law, sd, _ = search.search(
            sizes, guidance=guidance, dq=o.quit_growth, group=o.search_group, inspect=inspect / o.speed * share,
            shape=o.visit_shape, hit=o.visit_hit, base=o.threshold + 0.183 + verdict,
        )  # fmt: skip
        for i, n in enumerate(sizes):
            rt = block[block["set_size"] == n]["rt"].dropna()
            spread = math.hypot(sd[1][i], verdict / math.sqrt(o.evidence_threshold))
            assert abs(rt.mean() - law[1][i]) < 4 * spread / math.sqrt(len(rt)), (done, n)


@pytest.mark.parametrize("name", ["whole_report", "prp", "change_detection", "tracking", "simple_rt"])
def test_learning_changes_nothing_where_nothing_is_practised(name):
    """Only a task that says how often it has been practised is learnt."""
    first, second = (
        run(name, arms="human", people=2, observer=Observer(learning=x), trials=1).frame for x in (0.0, 100.0)
    )
    assert first.equals(second)


def test_a_varied_mapping_is_not_learnt_and_a_mind_that_cannot_learn_is_like_one():
    options = {"done": (0, 4000), "set_sizes": (3, 12), "trials": 200}
    varied = played("practice", mapping="varied", **options)["rt"]
    no_learner = played("practice", replace(STEADY, learning=0.0), **options)["rt"]
    np.testing.assert_array_equal(varied, no_learner)
    learner = played("practice", **options)
    first = learner["done"] == 0
    np.testing.assert_array_equal(learner.loc[first, "rt"], no_learner[first])
    both = np.isfinite(learner.loc[~first, "rt"].to_numpy()) & np.isfinite(no_learner[~first].to_numpy())
    assert (learner.loc[~first, "rt"].to_numpy() < no_learner[~first].to_numpy())[both].mean() > 0.99


@pytest.mark.full
def test_people_and_minds_in_practice():
    """The mean slope is fitted and has to be people's; its change is predicted from other searches."""
    trials = run("practice", arms="human", people=200)
    found = {m.metric: m.value for m in trials.paradigm.metrics(trials.frame)}
    name = "2-among-5s present slope change over 4000 trials"
    band = human.targets().set_index("metric").loc[name]
    assert band["low"] <= found[name] <= band["high"]
    blocks = [v for k, v in found.items() if k.startswith("slope after")]
    assert np.mean(blocks) == pytest.approx(43.0, rel=0.12)
    assert (np.diff(blocks) < 0).all()


def test_metrics_are_spelled_as_the_bands_are(usual):
    spelled = {(m.phenomenon, m.metric) for m in usual["practice"].paradigm.metrics(usual["practice"].frame)}
    wanted = human.targets().query("phenomenon == 'practice'")
    assert set(zip(wanted["phenomenon"], wanted["metric"], strict=True)) <= spelled


# -- what is automatic ---------------------------------------------------------------------------------------------


def crowd_scene(others, face, automatic):
    tasks = (Task("find"), Task("face", automatic=automatic))
    items = [Stimulus(f"x{i}", task="find") for i in range(others)]
    if face:
        items.append(Stimulus("face", task="face"))
    return TaskStream(tuple(items), end=20.0, tasks=tasks)


def encoded(stream, n=20_000):
    o = replace(STEADY, slots=math.inf)
    out = cohort.play(stream, [o], person=0, trial=np.arange(n), details=True)
    return out.element_times.encoded


def test_a_face_pops_out_and_slows_nobody():
    """Its rate is C among ten others as when it is alone, and theirs is what it would be without it."""
    alone, among = encoded(crowd_scene(0, True, True)), encoded(crowd_scene(10, True, True))
    assert among[:, 10].mean() == pytest.approx(alone[:, 0].mean(), rel=0.04)
    assert alone[:, 0].mean() == pytest.approx(STEADY.threshold + 1 / STEADY.capacity, rel=0.03)
    without = encoded(crowd_scene(10, False, True))
    np.testing.assert_allclose(among[:, :10], without, rtol=1e-9)


def test_what_is_not_automatic_does_both():
    alone, among = encoded(crowd_scene(0, True, False)), encoded(crowd_scene(10, True, False))
    assert among[:, 10].mean() > 5 * alone[:, 0].mean()
    assert among[:, :10].mean() > 1.05 * encoded(crowd_scene(10, False, False)).mean()


def test_competition_of_the_paradigm_is_that_of_the_law():
    pools = dual_task.RESOURCES["eye and ear"]
    assert paradigms.get("dual_task")(resources="eye and ear").competition == stages.competition(*pools)


@pytest.mark.parametrize("name", NEW)
def test_a_network_is_refused_in_words(name):
    with pytest.raises(InputError, match="no pictures"):
        run(name, model="digit_reader", people=1)
