"""What a user's network gives back is held against what it was asked for, before anything is scored."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from own import COPYIST

from cogattn import explain, run
from cogattn.errors import InputError
from cogattn.nn.networks import replies

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

OWL = """
import numpy as np

class Owl:
    name, places, alphabet = "owl", 60, 8
    def judge(self, letters, n, plan=None):
        return np.full(letters.shape, -1, np.int8)

def load(device):
    return Owl()
"""


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
        played(tmp_path, OWL, "np.full(letters.shape, -1, np.int8)", new, "nback")


def test_places_without_an_item_are_not_asked_for():
    read = np.array([[3.0, np.nan]])
    assert replies.labels("read()", read, (1, 2), 10, here=np.array([[0]])).tolist() == [[3]]
    assert replies.shares("allocate()", read, (1, 2), np.array([[True, False]])).tolist() == [[3.0, 0.0]]
    assert replies.labels("read()", torch.tensor([[3, -1]]), (1, 2), 10).dtype == np.int64
