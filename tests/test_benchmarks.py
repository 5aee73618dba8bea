"""The peers of benchmarks/peers do the work that cogattn does: each is held against a closed form.

Errors are given in standard errors of the mean, and seeds are fixed: a right peer passes always, and one that does
other work is told (`test_other_work_is_noticed`).
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate

from cogattn import Observer, Population
from cogattn.laws import alertness, race
from cogattn.mind import cohort
from cogattn.world.stream import display

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import measure
import queues
from peers import (
    ciw_queue,
    heap_queue,
    numba_generator,
    numba_loop,
    numpy_letters,
    numpy_scores,
    service,
    simpy_letters,
    simpy_queue,
)

PEOPLE, TRIALS, EXPOSURE, LETTERS = 50, 200, 0.2, 6
CROWD = Population.adults().sample(PEOPLE, seed=3)
COLUMNS = tuple(np.array([getattr(o, name) for o in CROWD]) for name in ("capacity", "slots", "threshold"))
FAR = 4.0  # standard errors
ADULT = Observer()


# -- whole report --------------------------------------------------------------------------------------------------


def in_numpy_scores(columns, exposure):
    return numpy_scores.play(*columns, TRIALS, exposure, np.random.default_rng(1))


def in_numpy_letters(columns, exposure):
    return numpy_letters.play(*columns, TRIALS, exposure, np.random.default_rng(2))[0].sum(2)


def in_numba(columns, exposure):
    numba_loop.seed(3)
    return numba_loop.play(*columns, TRIALS, exposure)[0].sum(2)


def in_numba_generator(columns, exposure):
    play = numba_generator.play.py_func  # as Python runs it: one loop that is compiled here is enough
    return play(*columns, TRIALS // 2, exposure, np.random.default_rng(4))[0].sum(2)


def in_simpy(columns, exposure):
    chance = random.Random(5)
    people = zip(*(x.tolist() for x in columns), strict=True)
    return np.array(
        [[len(simpy_letters.trial(*one, exposure, chance)) for _ in range(TRIALS // 5)] for one in people]
    )


def in_cogattn(columns, exposure):
    crowd = [Observer(c, k, t0) for c, k, t0 in zip(*columns, strict=True)]
    person, trial = np.repeat(np.arange(PEOPLE), TRIALS), np.tile(np.arange(TRIALS), PEOPLE)
    out = cohort.play(display(targets=LETTERS, exposure=exposure), crowd, person=person, trial=trial)
    return out.stored.sum(1).reshape(PEOPLE, TRIALS)


PLAYERS = (in_numpy_scores, in_numpy_letters, in_numba, in_numba_generator, in_simpy, in_cogattn)


def law():
    """P(score) of each person: (people, 7)."""
    return np.array(
        [
            race.whole_report(np.ones(LETTERS), capacity=c, slots=k, threshold=t0, exposure=EXPOSURE)
            for c, k, t0 in zip(*COLUMNS, strict=True)
        ]
    )


def off(values, mean, variance):
    """Standard errors between the mean of values (people, trials) and what the people's laws say."""
    return (values.mean() - mean.mean()) / np.sqrt(variance.mean() / values.size)


def worst(scores):
    """The largest error of the mean score, and of how often each score comes."""
    p, letters = law(), np.arange(LETTERS + 1)
    mean = p @ letters
    errors = [off(scores, mean, p @ letters**2 - mean**2)]
    errors += [off(scores == n, p[:, n], p[:, n] * (1 - p[:, n])) for n in letters if p[:, n].mean() > 0.005]
    return max(map(abs, errors))


@pytest.mark.parametrize("play", PLAYERS, ids=lambda play: play.__name__)
def test_whole_report_of_every_peer_is_the_exact_law(play):
    assert worst(play(COLUMNS, EXPOSURE)) < FAR


@pytest.mark.parametrize("play", PLAYERS, ids=lambda play: play.__name__)
def test_other_work_is_noticed(play):
    c, k, t0 = COLUMNS
    assert worst(play((c, np.floor(k), t0), EXPOSURE)) > FAR  # K always the floor
    assert worst(play((c, k + 0.5, t0), EXPOSURE)) > FAR  # K rounded
    assert worst(play((c, k, t0 + 0.05), EXPOSURE)) > FAR  # 50 ms less
    assert worst(play((c * 0.7, k, t0), EXPOSURE)) > FAR


@pytest.mark.parametrize("peer", ["numba_loop", "numba_generator", "numpy_letters", "simpy_letters"])
def test_which_letters_and_when(peer):
    """No letter is favoured, at most K are stored, each within the display, the first when the race says."""
    c, t0, people, trials = 40.0, 0.02, 20, 500
    columns = np.full(people, c), np.full(people, 2.5), np.full(people, t0)
    if peer == "numba_loop":
        numba_loop.seed(6)
        stored, when = numba_loop.play(*columns, trials, EXPOSURE)
    elif peer == "numba_generator":
        trials = 100
        stored, when = numba_generator.play.py_func(*columns, trials, EXPOSURE, np.random.default_rng(6))
    elif peer == "numpy_letters":
        stored, when = numpy_letters.play(*columns, trials, EXPOSURE, np.random.default_rng(6))
    else:
        chance, trials = random.Random(6), 50
        seen = [simpy_letters.trial(c, 2.5, t0, EXPOSURE, chance) for _ in range(people * trials)]
        when = np.array([[one.get(x, np.inf) for x in simpy_letters.LETTERS] for one in seen])
        when = when.reshape(people, trials, LETTERS)
        stored = np.isfinite(when)
    assert {1, 2, 3} <= set(stored.sum(2).ravel()) <= {0, 1, 2, 3}
    assert stored.mean((0, 1)) == pytest.approx(stored.mean(), abs=4 * np.sqrt(0.25 / (people * trials)))
    times = when[stored]
    assert t0 < times.min()
    assert times.max() < EXPOSURE
    first = np.where(stored, when, np.inf).min(2)
    hit = np.isfinite(first)  # the first of six: an exponential of rate C, cut at the mask
    left = c * (EXPOSURE - t0)
    mean = t0 + 1 / c - (EXPOSURE - t0) * np.exp(-left) / -np.expm1(-left)
    assert abs(first[hit].mean() - mean) < FAR * first[hit].std() / np.sqrt(hit.sum())


# -- queues --------------------------------------------------------------------------------------------------------

CUSTOMERS, BATCH = {"heap": 40_000, "simpy": 12_000, "ciw": 6_000}, 400


def sojourns(peer, rate, draw, servers):
    """Of all customers, one after the other."""
    random.seed(7)
    customers = CUSTOMERS[peer]
    if peer == "heap":  # as compiled, it meets Erlang C in every run of queues.py
        came, _, left = heap_queue.play(rate, draw, servers, customers)
        return left - came
    if peer == "simpy":
        return np.array(simpy_queue.play(rate, draw, servers, customers))
    return np.array(ciw_queue.play(ciw_queue.network(rate, draw, servers, customers), customers))


def moments():
    """E[S], E[S^2] of a choice: the integral of LATER's quantiles, without the slowest in 1e9."""
    logit = np.linspace(-np.log(1e9), np.log(1e9), 100_001)
    p = 1 / (1 + np.exp(-logit))
    t = alertness.later_quantile(p, ADULT.speed, ADULT.speed_sd)
    return [float(integrate.simpson(t**k * p * (1 - p), x=logit)) for k in (1, 2)]


def errors(times, mean):
    """Standard errors between a queue's mean and the steady state's, from means of batches."""
    batches = times.reshape(-1, BATCH).mean(1)
    return (batches.mean() - mean) / (batches.std(ddof=1) / np.sqrt(len(batches)))


@pytest.mark.parametrize("peer", ["heap", "simpy", "ciw"])
@pytest.mark.parametrize("servers", [1, 2, 4])
def test_a_queue_of_the_textbook_is_erlang_c(peer, servers):
    load, mean = 0.6, 0.3
    times = sojourns(peer, load * servers / mean, service.exponential(mean), servers)
    assert abs(errors(times, queues.steady(servers, load, mean))) < FAR
    others = {1, 2, 4} - {servers}
    assert all(abs(errors(times, queues.steady(c, load, mean))) > FAR for c in others)


@pytest.mark.parametrize("peer", ["heap", "simpy", "ciw"])
def test_a_queue_for_choices_is_pollaczek_khinchine(peer):
    mean, square = moments()
    rate = 0.6 / mean
    wait = rate * square / 2 / (1 - 0.6)
    times = sojourns(peer, rate, service.later(ADULT.speed, ADULT.speed_sd), 1)
    assert abs(errors(times, mean + wait)) < FAR
    assert abs(errors(times, queues.steady(1, 0.6, mean))) > FAR  # an exponential server of the same mean


def test_all_serve_by_the_law_of_the_mind():
    """The peers' service is LATER as the mind draws it: its quantiles, not only its mean."""
    random.seed(8)
    draw = service.later(ADULT.speed, ADULT.speed_sd, choice=2.0)
    times = np.array([draw() for _ in range(20_000)])
    for p in (0.1, 0.5, 0.9):
        below = (times < 2 * alertness.later_quantile(p, ADULT.speed, ADULT.speed_sd)).mean()
        assert abs(below - p) < FAR * np.sqrt(p * (1 - p) / len(times))
    u = (np.arange(20_000) + 0.5) / 20_000
    mind = [2 * alertness.later(x, ADULT.speed, ADULT.speed_sd) for x in u]
    assert np.quantile(mind, 0.5) == pytest.approx(np.median(times), rel=0.01)


def test_the_heap_is_lindleys_recursion_on_the_same_draws():
    """A queue of one server leaves whom it leaves: departure = max(arrival, departure before) + service, to the bit."""
    random.seed(9)
    drawn = []
    law = service.exponential(0.3)

    def draw():
        drawn.append(law())
        return drawn[-1]

    came, begin, left = heap_queue.play(3.0, draw, 1, 5_000)
    free = 0.0
    for arrival, start, took, departure in zip(came, begin, drawn, left, strict=True):
        assert start == max(arrival, free)
        free = start + took
        assert departure == free
    assert (np.diff(came) > 0).all()
    assert (begin > came).mean() > 0.5  # most have to wait: the line is used


def test_erlang_c_of_one_and_two_servers():
    assert queues.erlang_c(1, 0.7) == pytest.approx(0.7)  # M/M/1 waits as often as the server is busy
    assert queues.erlang_c(2, 0.5) == pytest.approx(1 / 3)
    assert queues.steady(1, 0.5, 0.2) == pytest.approx(1 / (1 / 0.2 - 0.5 / 0.2))


# -- the tables ----------------------------------------------------------------------------------------------------


def test_a_table_stands_between_its_markers(tmp_path):
    page = tmp_path / "README.md"
    page.write_text("a\n<!-- table: x -->\nold\n<!-- end: x -->\nb\n")
    measure.write("x", "| new |\n", page)
    assert page.read_text() == "a\n<!-- table: x -->\n| new |\n<!-- end: x -->\nb\n"
    with pytest.raises(SystemExit, match="once each"):
        measure.write("y", "", page)


def test_every_table_has_its_script_and_its_place():
    """all.py is read by its path: `all` is a name of Python's own."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("all_tables", measure.HERE / "all.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["all_tables"] = module
    spec.loader.exec_module(module)
    page = measure.README.read_text(encoding="utf-8")
    for name in [*module.TABLES, "gpu"]:
        assert (measure.HERE / f"{name}.py").exists()
        assert page.count(f"<!-- table: {name} -->") == page.count(f"<!-- end: {name} -->") == 1


def test_rounds_are_interleaved_and_ratios_are_within_a_round():
    log = []
    found, first = measure.interleaved({"a": lambda: log.append("a") or 1, "b": lambda: log.append("b")}, 2)
    assert log == ["a", "b"] * 3
    assert first == {"a": 1, "b": None}
    assert [len(x) for x in found.values()] == [2, 2]
    assert measure.ratio({"a": [1, 4, 9], "b": [1, 2, 9]}, "a", "b") == 1
    assert measure.ratio({"a": [4], "b": [2]}, "a", "b", units=4, peer_units=1) == 0.5


def test_without_a_gpu_nothing_is_written(monkeypatch, capsys):
    import gpu

    monkeypatch.setattr(gpu.torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(gpu.measure, "write", lambda *_: pytest.fail("wrote"))
    assert gpu.main([]) == 0
    assert "no CUDA device" in capsys.readouterr().out


def test_with_a_gpu_all_figures_are_written(monkeypatch):
    import gpu

    class Done:
        returncode, stdout = 0, "| a table |\n"

    wrote, ran = [], []
    monkeypatch.setattr(gpu.torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(gpu.torch.cuda, "get_device_name", lambda: "a GPU")
    monkeypatch.setattr(gpu.subprocess, "run", lambda command, **_: ran.append(command) or Done)
    monkeypatch.setattr(gpu.measure, "write", lambda *what: wrote.append(what))
    assert gpu.main([]) == 0
    assert len(ran) == len(gpu.JOBS) == wrote[0][1].count("| a table |")
    assert gpu.main(["--quick"]) == 0
    assert len(wrote) == 1
