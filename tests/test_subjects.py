"""A subject is found by name or by path, and whatever is wrong with it is said in one line."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from own import OWL
from safetensors.torch import load_file, save_file

from cogattn.errors import InputError
from cogattn.nn import pretrained
from cogattn.nn.networks import registry

READER = Path(registry.__file__).parents[3] / "models" / "digit_reader.py"

PARROT = """
import numpy as np

class Parrot:
    name, places, alphabet, gap = "parrot", 4, 10, 2.0
    def __init__(self, device):
        self.device = device
    def show(self, labels, roles, keys):
        return labels, roles
    def weigh(self, display):
        labels, roles = display
        return np.where(roles < 0, -np.inf, 2.0 * roles)
    def read(self, display, gate):
        return display[0]

def load(device):
    return Parrot(device)
"""


@pytest.fixture
def parrot(tmp_path: Path) -> Path:
    path = tmp_path / "parrot.py"
    path.write_text(PARROT)
    return path


@pytest.fixture
def owl(tmp_path: Path) -> Path:
    path = tmp_path / "owl.py"
    path.write_text(OWL)
    return path


@pytest.fixture
def reader(tmp_path: Path) -> Path:
    """A copy of the digit reader and its weights that a test may spoil."""
    shutil.copy(READER.with_suffix(".safetensors"), tmp_path)
    return Path(shutil.copy(READER, tmp_path))


def test_the_digit_reader_comes_along() -> None:
    assert "digit_reader" in registry.names()
    assert registry.find("digit_reader", device="cpu").name == "digit_reader"


def test_a_users_own_file_is_a_subject(parrot: Path) -> None:
    subject = registry.find(str(parrot), device="cpu")
    labels = np.array([[3, -1]])
    display = subject.show(labels, np.array([[1, -1]]), np.zeros(1, np.uint64))
    assert (subject.read(display, None) == labels).all()
    assert subject.weigh(display)[0, 1] == -np.inf


def test_every_model_that_comes_along_is_of_one_kind() -> None:
    absent = {name for name in pretrained.PACKAGES if not pretrained.is_there(name)}
    for name in absent:
        with pytest.raises(InputError, match=r"pip install 'cogattn\[pretrained\]'"):
            registry.find(name, device="cpu")
    kinds = {name: registry.find(name, device="cpu") for name in registry.names() if name not in absent}
    assert all(x.name == name for name, x in kinds.items())
    for x in kinds.values():
        assert registry.is_reader(x) + registry.is_judge(x) + registry.is_specialist(x) == 1
    assert registry.is_reader(kinds["digit_reader"])
    assert registry.is_judge(kinds["nback_reader"])


def test_a_users_own_judge_is_found_and_cannot_be_shown_pictures(owl: Path, parrot: Path) -> None:
    assert registry.find(str(owl), device="cpu").name == "owl"
    judge = registry.find_judge(str(owl), device="cpu")
    assert judge.judge(np.zeros((2, 3), np.int64), 1).shape == (2, 3)
    with pytest.raises(
        InputError, match="owl judges sequences, and this experiment needs one that reads displays"
    ):
        registry.find_reader(str(owl), device="cpu")
    with pytest.raises(
        InputError, match="parrot reads displays, and this experiment needs one that judges sequences"
    ):
        registry.find_judge(str(parrot), device="cpu")


def test_one_that_does_both_is_both(parrot: Path) -> None:
    parrot.write_text(
        PARROT.replace("    def show", "    def judge(self, letters, n, plan=None): ...\n    def show")
    )
    both = registry.find(str(parrot), device="cpu")
    assert registry.is_reader(both)
    assert registry.is_judge(both)
    parrot.write_text(parrot.read_text().replace("def weigh", "def weight"))
    with pytest.raises(InputError, match=r"lacks weigh\(\)"):
        registry.find(str(parrot), device="cpu")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("def judge", "def jugde", r"lacks gap, show\(\), weigh\(\), read\(\)"),
        ("name, places", "name, place", "lacks places"),
        ('"owl", 20', '"owl", 0', "places of .* must be a whole number"),
        ("20, 5", "20, 1", "alphabet of .* must be a whole number"),
    ],
)
def test_half_a_judge_is_turned_away(owl: Path, old: str, new: str, said: str) -> None:
    owl.write_text(OWL.replace(old, new, 1))
    with pytest.raises(InputError, match=said):
        registry.find(str(owl), device="cpu")


def test_auto_is_cuda_if_there_is_any(parrot: Path) -> None:
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert registry.find(str(parrot)).device == expected  # type: ignore[attr-defined]


def test_two_files_of_one_name_do_not_meet(parrot: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "parrot.py"
    other.parent.mkdir()
    other.write_text(PARROT.replace('"parrot"', '"ara"'))
    found = [registry.find(str(path), device="cpu") for path in (parrot, other)]
    assert [bird.name for bird in found] == ["parrot", "ara"]
    assert type(found[0]).__module__ != type(found[1]).__module__


def test_an_unknown_name_gets_the_nearest_one() -> None:
    with pytest.raises(InputError, match=r"got 'digt_reader'; did you mean 'digit_reader'\?"):
        registry.find("digt_reader")


@pytest.mark.parametrize("path", ["nowhere/model.py", "nowhere/model", "model.py"])
def test_a_path_that_is_not_there(path: str) -> None:
    with pytest.raises(InputError, match=r"an existing \.py file, got"):
        registry.find(path)


@pytest.mark.parametrize("device", ["gpu", "cuda:99", ""])
def test_an_unknown_device(parrot: Path, device: str) -> None:
    with pytest.raises(InputError, match="device must be auto, cpu"):
        registry.find(str(parrot), device=device)


def test_a_file_without_load(parrot: Path) -> None:
    parrot.write_text("x = 1\n")
    with pytest.raises(InputError, match="must define load"):
        registry.find(str(parrot), device="cpu")


@pytest.mark.parametrize("text", ["def load(:\n", "import no_such_module\n", "load = lode\n"])
def test_a_file_that_cannot_be_imported(parrot: Path, text: str) -> None:
    parrot.write_text(text)
    with pytest.raises(InputError, match=r"cannot be imported: [A-Z]"):
        registry.find(str(parrot), device="cpu")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("def weigh", "def weight", r"lacks weigh\(\)"),
        (", gap =", ", gab =", "lacks gap"),
        ("2.0\n", "-2.0\n", "gap of .* must be > 0"),
        ("2.0\n", "float('nan')\n", "gap of .* must be > 0"),
        ('"parrot", 4', '"parrot", 0', "places of .* must be a whole number"),
        ("4, 10", "4, 1", "alphabet of .* must be a whole number"),
    ],
)
def test_half_a_subject_is_turned_away(parrot: Path, old: str, new: str, said: str) -> None:
    parrot.write_text(PARROT.replace(old, new, 1))
    with pytest.raises(InputError, match=said):
        registry.find(str(parrot), device="cpu")


def test_missing_weights_name_the_command_that_makes_them(reader: Path) -> None:
    reader.with_suffix(".safetensors").unlink()
    with pytest.raises(InputError, match=r"no weights at .*; make them with: python models/digit_reader\.py"):
        registry.find(str(reader), device="cpu")


def test_a_torn_weights_file(reader: Path) -> None:
    weights = reader.with_suffix(".safetensors")
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(InputError, match="not a readable safetensors file; make it anew with"):
        registry.find(str(reader), device="cpu")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t | {"place": t["place"][:5]}, r"place in .* must be \(8, 63\), got \(5, 63\)"),
        (
            lambda t: {k: x for k, x in t.items() if k != "sharpness"},
            r"sharpness in .* must be \(\), got none",
        ),
        (lambda t: t | {"extra": t["place"].clone()}, "extra in .* must be no such tensor"),
        (lambda t: t | {"place": t["place"] * torch.nan}, "place in .* must be finite"),
        (lambda t: t, "does not say its gap"),
    ],
)
def test_weights_that_do_not_fit(reader: Path, change, said: str) -> None:  # type: ignore[no-untyped-def]
    weights = reader.with_suffix(".safetensors")
    save_file(change(load_file(weights)), weights)  # without the notes
    with pytest.raises(InputError, match=said):
        registry.find(str(reader), device="cpu")


def test_the_fingerprint_follows_the_file_and_its_weights(reader: Path) -> None:
    assert registry.fingerprint(str(reader)) == registry.fingerprint("digit_reader")
    weights = reader.with_suffix(".safetensors")
    marks = [registry.fingerprint(str(reader))]
    weights.write_bytes(weights.read_bytes() + b"\0")
    marks.append(registry.fingerprint(str(reader)))
    reader.write_text(reader.read_text() + "\n")
    marks.append(registry.fingerprint(str(reader)))
    weights.unlink()
    marks.append(registry.fingerprint(str(reader)))
    assert len(set(marks)) == 4
    assert all(len(mark) == 64 for mark in marks)
    for date, content in ((1, b"one"), (2, b"two")):  # of long ago: remembered until they are written
        weights.write_bytes(content)
        for path in (reader, weights):
            os.utime(path, ns=(date, date))
        found = hashlib.sha256(reader.read_bytes() + b"\0" + content).hexdigest()
        assert registry.fingerprint(str(reader)) == registry.fingerprint(str(reader)) == found


def test_looking_for_subjects_does_not_import_torch() -> None:
    code = (
        "import sys, cogattn.nn.networks.registry as s; s.names(); s.fingerprint('digit_reader'); "
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
