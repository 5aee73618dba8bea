"""One training loop: the same weights however often it is stopped, an early stop, whole files."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from cogattn.errors import InputError
from cogattn.nn.networks import registry, training
from cogattn.nn.networks.training import Course, Curve, Workshop, seeded, train

COURSE = Course(steps=60, rate=0.02, warmup=5, clip=1.0, every=10)


def net():
    return seeded(lambda: nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.2), nn.ReLU(), nn.Linear(8, 1)), 0)


def lesson(network, step):
    x = torch.from_numpy(np.random.default_rng(step).normal(size=(16, 3))).float()
    return (network(x)[:, 0] - x.sum(1)).square().mean()


def held_out(network):
    x = torch.from_numpy(np.random.default_rng(999).normal(size=(64, 3))).float()
    return (network(x)[:, 0] - x.sum(1)).square().mean().item()


class Stop(Exception):
    pass


def dies_at(step):
    def short(network, at):
        if at == step:
            raise Stop
        return lesson(network, at)

    return short


@pytest.mark.parametrize("look", [None, held_out])
@pytest.mark.parametrize("dies", [10, 37, 59])
def test_a_training_that_was_killed_and_resumed_has_the_same_weights(tmp_path, look, dies):
    torch.manual_seed(1)  # dropout draws from here
    whole = net()
    curve = train(whole, lesson, COURSE, look)
    torch.manual_seed(1)
    first, path = net(), tmp_path / "x.checkpoint"
    with pytest.raises(Stop):
        train(first, dies_at(dies), COURSE, look, checkpoint=path)
    torch.manual_seed(77)  # whatever happened in between
    again = net()
    resumed = train(again, lesson, COURSE, look, checkpoint=path, resume=True)
    assert resumed == curve
    for key, x in whole.state_dict().items():
        assert torch.equal(x, again.state_dict()[key])
    assert not path.exists()


def test_it_learns_and_the_curve_says_so(tmp_path):
    curve = train(net(), lesson, Course(steps=300, rate=0.02, every=50), held_out)
    table = curve.frame
    assert table["step"].tolist() == list(range(1, 301))
    assert table["held_out"].notna().sum() == 6
    assert table["loss"].tail(20).mean() < 0.5 * table["loss"].head(5).mean()
    curve.save(tmp_path)
    assert {p.name for p in tmp_path.rglob("*.*")} >= {"curve.csv", "curve.png"}
    line = curve.plot().axes[0].lines[0]
    assert line.get_ydata().tolist() == curve.loss


def test_it_stops_early_and_leaves_with_its_best_weights():
    looks = iter([3.0, 1.0, 2.0, 2.5, 9.0, 9.0])
    seen = []

    def look(network):
        seen.append({k: x.clone() for k, x in network.state_dict().items()})
        return next(looks)

    network = net()
    curve = train(network, lesson, Course(steps=60, every=10, patience=2), look)
    assert curve.best == 20
    assert len(curve.loss) == 40
    assert list(curve.held_out.values()) == [3.0, 1.0, 2.0, 2.5]
    for key, x in network.state_dict().items():
        assert torch.equal(x, seen[1][key])


def test_the_rate_rises_then_falls():
    course, weight = Course(steps=100, rate=1.0, warmup=10), nn.Parameter(torch.zeros(1))
    adam = torch.optim.SGD([weight], course.rate)
    fall, rates = course.falling(adam), []
    for _ in range(100):
        rates.append(adam.param_groups[0]["lr"])
        adam.step()
        fall.step()
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[10] == pytest.approx(1.0)
    expected = [(1 + math.cos(math.pi * s / 90)) / 2 for s in range(90)]
    assert rates[10:] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda path: path.unlink(), "no unfinished training at"),
        (lambda path: path.write_bytes(b"what"), "is not a readable checkpoint"),
        (lambda path: None, "is of another network or course"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused(tmp_path, change, said):
    path = tmp_path / "x.checkpoint"
    with pytest.raises(Stop):
        train(net(), dies_at(15), COURSE, checkpoint=path)
    change(path)
    with pytest.raises(InputError, match=said):
        train(net(), lesson, Course(steps=61), checkpoint=path, resume=True)


def test_a_loss_that_is_no_number_ends_it_with_what_to_do():
    with pytest.raises(
        InputError, match=r"loss must stay finite, got nan at step 3: take a rate below 0\.002"
    ):
        train(net(), lambda n, step: lesson(n, step) * (math.nan if step == 2 else 1), Course(steps=5))


@pytest.mark.parametrize(
    ("word", "value"),
    [("steps", 0), ("rate", -1.0), ("warmup", 61), ("every", 0), ("clip", 0), ("decay", -1)],
)
def test_a_course_that_cannot_be_taken(word, value):
    with pytest.raises(InputError, match=word):
        Course(**({"steps": 60} | {word: value}))


# --- a model's file as a command ---


@pytest.fixture
def shop(tmp_path):
    return Workshop(
        tmp_path / "tiny.py",
        network=net,
        lesson=lesson,
        course=COURSE,
        measure=lambda n: {"error": held_out(n)},
        report=lambda numbers: print(f"error {numbers['error']:.3f}"),
        held_out=held_out,
    )


def call(shop, monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["tiny.py", *words])
    monkeypatch.setattr(torch, "set_num_threads", lambda n: None)
    return shop.main()


def test_it_is_made_and_checked(shop, monkeypatch, tmp_path, capsys):
    assert call(shop, monkeypatch, "--out", str(tmp_path / "out")) == 0
    assert (tmp_path / "out" / "models" / "tiny" / "curve.csv").is_file()
    assert (tmp_path / "out" / "models" / "tiny" / "figures" / "curve.png").is_file()
    assert call(shop, monkeypatch, "--check") == 0
    assert capsys.readouterr().out.endswith("as its notes say\n")
    network = net()
    notes = registry.load_weights(network, shop.weights, shop.make)
    assert notes["command"] == "python models/tiny.py"
    registry.save(network, notes | {"error": "7"}, shop.weights)
    assert call(shop, monkeypatch, "--check") == 1
    assert "differs from its notes: error" in capsys.readouterr().out


def test_ctrl_c_keeps_what_was_learnt(shop, monkeypatch, tmp_path):
    before = Workshop(**{**vars(shop), "lesson": _interrupted})
    with pytest.raises(SystemExit, match=r"what was learnt is kept: python models/tiny.py --resume goes on"):
        call(before, monkeypatch, "--out", str(tmp_path / "out"))
    assert not shop.weights.exists()
    assert call(shop, monkeypatch, "--resume", "--out", str(tmp_path / "out")) == 0
    stopped = shop.weights.read_bytes()
    assert call(shop, monkeypatch, "--out", str(tmp_path / "out")) == 0
    assert shop.weights.read_bytes() == stopped


def _interrupted(network, step):
    if step == 25:
        raise KeyboardInterrupt
    return lesson(network, step)


def test_nothing_to_resume_is_one_line(shop, monkeypatch):
    with pytest.raises(SystemExit, match="no unfinished training"):
        call(shop, monkeypatch, "--resume")


def test_weights_are_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"old")

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", stop)
    with pytest.raises(KeyboardInterrupt):
        registry.save(net(), {}, path)
    assert [p.name for p in tmp_path.iterdir()] == ["weights.safetensors"]
    assert path.read_bytes() == b"old"


def test_a_curve_without_looks_has_none():
    assert Curve([1.0, 0.5]).frame["held_out"].isna().all()


# --- every model that comes along ---


def workshop(name):
    module = registry.module(name)
    return module.WORKSHOP


#: Their tasks take from ten to thirty seconds to judge.
LONG = ("keyword_spotter", "live_watcher", "transformer")
OURS = [
    n for n in registry.names() if registry.path_of(n).with_suffix(".safetensors").exists()
]  # trained here
ALL = [pytest.param(n, marks=pytest.mark.slow) if n in LONG else n for n in OURS]


@pytest.mark.full
@pytest.mark.parametrize("name", ALL)
def test_a_models_weights_are_those_of_its_notes(name, capsys):
    assert workshop(name).check() == 0
    assert "as its notes say" in capsys.readouterr().out


@pytest.mark.parametrize("name", OURS)
def test_the_same_weights_are_the_same_bytes(name):
    shop = workshop(name)
    network = shop.network()
    notes = registry.load_weights(network, shop.weights, shop.make)
    assert {"command", "torch"} <= notes.keys()
    assert registry.packed(network, dict(sorted(notes.items()))) == shop.weights.read_bytes()
    assert shop.weights.stat().st_size < (15_000_000 if name == "seer" else 2_000_000)  # it sees, from pixels


@pytest.mark.full
@pytest.mark.parametrize("name", ALL)
def test_a_few_steps_teach_something_and_the_same_twice(name):
    before = torch.get_rng_state()
    (one, curve), (two, _) = workshop(name).teach(steps=6), workshop(name).teach(steps=6)
    assert np.isfinite(curve.loss).all()
    start = workshop(name).network()
    assert any(not torch.equal(x, y) for x, y in zip(one.parameters(), start.parameters(), strict=True))
    for x, y in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(x, y)
    assert torch.equal(before, torch.get_rng_state())


def test_every_model_has_a_curve_in_the_reference_results():
    room = Path(training.__file__).parents[3] / "results" / "reference" / "models"
    for name in OURS:
        assert (room / name / "curve.csv").is_file(), f"results/reference/models/{name}/curve.csv"
