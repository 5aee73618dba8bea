"""What a user's network gives back is held against what it was asked for, and what fails in a user's file is told with
its line."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from own import COPYIST, NAMES, OWL

from cogattn import errors, explain, run
from cogattn.errors import InputError
from cogattn.nn.networks import registry, replies
from cogattn.paradigms.whole_report import WholeReport
from cogattn.runs import experiment

EYE = """
import numpy as np
import torch

class Eye:
    name, places, alphabet, gap = "eye", 8, 10, 1.0
    def show(self, labels, roles, keys):
        return labels, roles
    def weigh(self, display):
        labels, roles = display
        return np.where(roles < 0, -np.inf, roles)
    def read(self, display, gate):
        labels, roles = display
        open_ = np.ones(labels.shape, bool) if gate is None else gate.keep.numpy()
        return np.where(open_ & (roles == 1), labels, -1)

def load(device):
    return Eye()
"""
SIGHT = "np.where(open_ & (roles == 1), labels, -1)"
WEIGHT = "np.where(roles < 0, -np.inf, roles)"

JUDGE = OWL.replace("20, 5", "60, 8")  # for the lists of the paradigm


def played(folder, source, old, new, paradigm="partial_report", look=lambda trials: trials):
    """A run with this one thing changed in the file."""
    assert old in source
    path = folder / "mine.py"
    path.write_text(source.replace(old, new))
    return look(run(paradigm, model=str(path), people=2, trials=3))


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ("labels + 0.4", r"read\(\) of eye must give whole numbers from -1 \(nothing\) to 9, got \d\.4"),
        ("labels + 40", r"read\(\) of eye must give whole numbers from -1 \(nothing\) to 9, got 4\d"),
        ("labels - 11", r"from -1 \(nothing\) to 9, got -\d+"),
        ("np.full(labels.shape, np.nan)", r"from -1 \(nothing\) to 9, got nan"),
        ("labels[:, :2]", r"read\(\) of eye must give \(B, S\) = \(\d+, 8\), got \(\d+, 2\)"),
        ("labels[0]", r"must give \(B, S\) = \(\d+, 8\), got \(8,\)"),
        ("None", "must give an array of numbers, .*got NoneType"),
        ("labels.astype(str)", "must give an array of numbers, .*got <U"),
        ("torch.zeros(labels.shape, requires_grad=True)", "must give an array of numbers, .*got Tensor"),
    ],
)
def test_what_is_no_answer_is_not_scored(tmp_path, new, said):
    with pytest.raises(InputError, match=said):
        played(tmp_path, EYE, SIGHT, new)


@pytest.mark.parametrize("as_other", [".astype(float)", ".astype(np.int8)"])
def test_whole_numbers_of_another_kind_are_the_same_answers(tmp_path, as_other):
    plain = played(tmp_path, EYE, SIGHT, SIGHT).frame
    other = played(tmp_path, EYE, SIGHT, f"({SIGHT}){as_other}").frame
    assert other.equals(plain)
    assert played(tmp_path, EYE, SIGHT, f"torch.from_numpy({SIGHT})").frame.equals(plain)
    assert plain["score"].sum() > 0


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ("roles[:, :3]", r"weigh\(\) of eye must give \(B, S\) = \(\d+, 8\), got \(\d+, 3\)"),
        (
            "np.full(roles.shape, np.nan)",
            r"weigh\(\) of eye must give logits that are finite, or -inf .*got nan",
        ),
        ("np.where(roles == 1, np.inf, 0)", "got inf"),
    ],
)
def test_logits_are_logits(tmp_path, new, said):
    with pytest.raises(InputError, match=said):
        played(tmp_path, EYE, WEIGHT, new)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("return display\n", "return display[:, :1]\n", r"weigh\(\) of copyist must give .*, got \(\d+, 1\)"),
        ("return display\n", "return display * np.nan\n", "must give logits that are finite.*got nan"),
        ("return kept / here.sum(1, keepdims=True)", "return kept[:, :1] * 1.0",
         r"allocate\(\) of copyist must give \(B, S\) = \(1, 8\), got \(1, 1\)"),
        ("return kept / here.sum(1, keepdims=True)", "return kept * -1.0",
         r"allocate\(\) of copyist must give shares of attention that are >= 0 and finite, got -1"),
    ],
)  # fmt: skip
def test_a_specialist_says_something_of_each_element(tmp_path, old, new, said):
    with pytest.raises(InputError, match=said):
        played(tmp_path, COPYIST, old, new, "own_task", explain)


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ("letters + 3", r"judge\(\) of owl must give whole numbers from -1 \(nothing\) to 1, got"),
        ("letters[:, 1:]", r"judge\(\) of owl must give \(B, T\) = \(\d+, \d+\), got"),
    ],
)
def test_a_judge_says_the_same_another_or_nothing(tmp_path, new, said):
    with pytest.raises(InputError, match=said):
        played(tmp_path, JUDGE, "np.full(letters.shape, -1, np.int8)", new, "nback")


SEER = """
from types import SimpleNamespace

import numpy as np

class Seer:
    name, places, alphabet, gap, eta = "seer", 18, 26, 1.0, 0.9
    def show(self, labels, roles, keys): ...
    def weigh(self, display): ...
    def read(self, display, gate): ...
    def look(self, scene, keys):
        n, many = scene.here.shape
        even = lambda *shape: np.full(shape, 1 / shape[-1])
        return SimpleNamespace(
            logits=np.zeros((n, many)), forms=even(n, many, 46), inks=even(n, many, 7), answers=even(n, 54))

def load(device):
    return Seer()
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("even(n, many, 46)", "even(n, many, 45)",
         r"^forms of look\(\) of seer must give \(n, E, forms\) = \(\d+, \d+, 46\), got \(\d+, \d+, 45\)$"),
        ("even(n, 54)", "even(n, 54) * np.nan", r"^answers of look\(\) of seer must be finite, (\d+) of \1 are not$"),
        ("inks=", "ink=", r"^look\(\) of seer must give logits, forms, inks, answers, and inks is missing$"),
        ("np.zeros((n, many))", "np.zeros(n)", r"logits of .* must give \(n, E\) = \(\d+, \d+\), got \(\d+,\)"),
    ],
)  # fmt: skip
def test_a_seer_says_all_that_it_sees(tmp_path, old, new, said):
    with pytest.raises(InputError, match=said):
        played(tmp_path, SEER, old, new)
    assert len(played(tmp_path, SEER, old, old).frame)


def test_places_without_an_item_are_not_asked_for():
    read = np.array([[3.0, np.nan]])
    assert replies.labels("read()", read, (1, 2), 10, here=np.array([[0]])).tolist() == [[3]]
    assert replies.shares("allocate()", read, (1, 2), np.array([[True, False]])).tolist() == [[3.0, 0.0]]
    assert replies.labels("read()", torch.tensor([[3, -1]]), (1, 2), 10).dtype == np.int64


# --- what fails in a user's own file is told with its line ---


def line_of(source, word):
    """The number of the line that has this word."""
    (number,) = (i for i, line in enumerate(source.splitlines(), 1) if word in line)
    return number


FAULTS = [
    (EYE, "return labels, roles\n    def weigh", "return labels, rolls\n    def weigh", "show", "partial_report"),
    (EYE, "return np.where(open_", "return [rolls for _ in labels][0] + np.where(open_", "read", "partial_report"),
    (COPYIST, "kept = here if gate is None else here & gate.keep.numpy()\n        words",
     "kept = here if rolls is None else here\n        words", "answer", "own_task"),
    (EYE, "return Eye()", "return rolls", "load", "partial_report"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "old", "new", "function", "paradigm"), FAULTS)
def test_a_fault_in_a_network_of_ones_own_is_told_with_its_line(
    call, tmp_path, source, old, new, function, paradigm
):
    assert old in source
    spoiled = source.replace(old, new)
    path = tmp_path / "bad.py"
    path.write_text(spoiled)
    said = f"bad.py line {line_of(spoiled, 'rolls')}, {function}(): NameError: name 'rolls' is not defined"
    with pytest.raises(InputError) as refused:
        run(paradigm, model=str(path), people=1, trials=1)
    assert str(refused.value) == said
    assert isinstance(refused.value.__cause__, NameError), "with the whole traceback, for those who want it"
    code, _, err = call("run", paradigm, "--model", str(path), "--people", "1", "--trials", "1")
    assert (code, err.splitlines()[-1]) == (2, f"cogattn: {said}")
    assert not list(tmp_path.rglob("cogattn-crash-*"))


def test_a_worker_tells_the_line_too(tmp_path):
    """Its traceback does not come along: what is sent back must say it."""
    path = tmp_path / "bad.py"
    path.write_text(EYE)
    plan = experiment.make_plan("partial_report", "human", str(path), 1, 1, 0, None, None)
    path.write_text(EYE.replace("return labels, roles", "return labels, rolls"))
    made = (experiment.version("runs"), experiment.fingerprint(str(path)))
    cell = experiment.Cell("human", plan.paradigm.conditions()[0])
    with pytest.raises(InputError, match=r"^bad.py line 8, show\(\): NameError"):
        experiment._play(plan, cell, str(path), "cpu", made, 0, 1)


def test_explain_tells_the_line_too(tmp_path):
    path = tmp_path / "bad.py"
    path.write_text(COPYIST.replace("return [f", "rolls  # noqa\n        return [f"))
    trials = run("own_task", model=str(path), people=1, trials=1)
    with pytest.raises(InputError, match=r"^bad.py line \d+, elements\(\): NameError"):
        explain(trials)


def test_a_fault_in_a_paradigm_of_ones_own_is_told_with_its_line(call, tmp_path):
    path = tmp_path / "mine.py"
    spoiled = NAMES.replace("n = answers.right.shape[1]", "n = answers.wrong.shape[1]")
    path.write_text(spoiled)
    said = f"mine.py line {line_of(spoiled, 'answers.wrong')}, score(): AttributeError: "
    with pytest.raises(InputError, match=said.replace("(", r"\(").replace(")", r"\)")):
        run(str(path), people=1, trials=1)
    code, _, err = call("run", str(path), "--people", "1", "--trials", "1")
    assert (code, err.splitlines()[-1][: len(said) + 9]) == (2, f"cogattn: {said}")


def test_a_fault_of_ours_is_a_fault_of_ours(call, monkeypatch):
    """In the package, and in a network that comes with it."""

    def broken(*_):
        raise KeyError("of ours")

    monkeypatch.setattr(WholeReport, "score", broken)
    code, _, err = call("run", "whole_report", "--people", "1", "--trials", "1")
    assert code == 3
    assert "this is a fault of cogattn" in err
    with pytest.raises(KeyError):
        run("whole_report", people=1, trials=1)
    scorer = registry.find("sequence_scorer", "cpu")
    with pytest.raises(TypeError) as fault:
        scorer.show("many", None)
    assert not isinstance(fault.value, InputError)
    assert fault.traceback[-1].path.name == "sequence_scorer.py"
    assert errors.own_fault(fault.value) == ""
