"""A paradigm of one's own: found in a file, registered, run, kept and read again; nothing in a folder is executed."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import tomli_w
from doors import refused
from own import NAMES

import cogattn as ca
from cogattn import cli, paradigms
from cogattn.errors import InputError
from cogattn.paradigms import registry
from cogattn.runs import experiment
from cogattn.runs.trials import Trials

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _forgotten():
    """What a test registers is forgotten after it."""
    before = dict(registry._own)
    yield
    registry._own.clear()
    registry._own.update(before)


@pytest.fixture
def mine(tmp_path):
    """The file of a user's paradigm."""
    path = tmp_path / "mine.py"
    path.write_text(NAMES)
    return path


def python(code):
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return out.stdout.strip()


# -- the list ------------------------------------------------------------------------------------------------


def test_a_list_of_names_imports_no_paradigm_and_nothing_heavy():
    heavy = ("numba", "numpy", "pandas", "matplotlib", "cogattn.paradigms.prp", "cogattn.paradigms.base")
    code = "import sys; from cogattn import paradigms as p; p.names(); p.titles(); "
    code += f"print([m for m in {heavy} if m in sys.modules])"
    assert python(code) == "[]"


def test_getting_one_imports_that_file_and_those_it_stands_on():
    code = (
        "import sys; from cogattn import paradigms as p; p.get('whole_report'); "
        "print('cogattn.paradigms.prp' in sys.modules, 'cogattn.paradigms.whole_report' in sys.modules)"
    )
    assert python(code) == "False True"


def test_every_file_that_declares_a_name_is_found_with_what_it_says():
    for name, entry in registry.entries().items():
        kind = registry.known(name)
        assert kind.__name__ == entry.kind
        assert kind.__module__ == entry.module
        assert entry.says.items() <= {k: v for k, v in vars(kind).items() if k in entry.says}.items()
    assert len(paradigms.names()) == len(registry.entries()) - 1  # all but a network's own task
    assert "own_task" not in paradigms.names()
    assert set(paradigms.titles()) == set(paradigms.names())


def test_a_new_file_in_the_folder_needs_no_line_elsewhere(tmp_path, monkeypatch, mine):
    folder = tmp_path / "paradigms"
    shutil.copytree(registry.HERE, folder)
    shutil.copy(mine, folder / "names.py")
    monkeypatch.setattr(registry, "HERE", folder)
    assert "names_back" in registry.entries.__wrapped__()


# -- registering ---------------------------------------------------------------------------------------------


def test_a_registered_class_goes_where_a_name_does(mine):
    kind = registry.read(mine)
    registry.unregister("names_back")
    assert paradigms.register(kind) is kind
    assert "names_back" in paradigms.names()
    assert paradigms.titles()["names_back"] == "Names, given back"
    assert paradigms.get("names_back")(sizes=(2,)).conditions() == [{"size": 2}]
    assert paradigms.make("names_back", {"sizes": [3]}).sizes == (3,)


def test_a_registered_instance_brings_its_options(mine):
    paradigms.register(registry.read(mine)(sizes=(5,)))
    assert paradigms.get("names_back")().sizes == (5,)
    assert paradigms.get("names_back")(shown=0.3).sizes == (5,)
    assert ca.run("names_back", "human", people=1, trials=2).frame["size"].unique().tolist() == [5]


def test_a_name_that_is_taken_is_refused(mine):
    kind = registry.read(mine)
    taken = dataclasses.make_dataclass("Other", [], bases=(kind,), frozen=True, namespace={"name": "prp"})
    refused(lambda: paradigms.register(taken), "taken")
    other = dataclasses.make_dataclass("Other", [], bases=(kind,), frozen=True)
    refused(lambda: paradigms.register(other), "taken")
    assert paradigms.register(kind) is kind  # the same once more, as a notebook needs


@pytest.mark.parametrize("name", ["", "../up", "My Task", "a" * 65, "a.py", None, 3])
def test_a_name_that_could_not_be_a_folder_is_refused(mine, name):
    odd = dataclasses.make_dataclass(
        "Odd", [], bases=(registry.read(mine),), frozen=True, namespace={"name": name}
    )
    refused(lambda: paradigms.register(odd), "name of a paradigm")
    refused(lambda: ca.run(odd, people=1, trials=1), "name of a paradigm")


@pytest.mark.parametrize("thing", [3, None, dict, "prp"])
def test_only_a_paradigm_is_registered(thing):
    refused(lambda: paradigms.register(thing), "subclass")


# -- a file --------------------------------------------------------------------------------------------------


def test_a_file_goes_where_a_name_does(mine):
    assert ca.run(str(mine), "human", people=1, trials=2).paradigm.name == "names_back"
    assert ca.run(mine, "human", people=1, trials=2).paradigm.name == "names_back"
    assert paradigms.make(str(mine), {"sizes": [1]}).sizes == (1,)


def test_a_file_that_changed_is_read_anew_at_once(mine):
    assert registry.read(mine).title == "Names, given back"
    mine.write_text(NAMES.replace("Names, given back", "Names, taken back"))
    assert registry.read(mine).title == "Names, taken back"
    assert paradigms.titles()["names_back"] == "Names, taken back"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("x = 1", "none"),
        (NAMES + NAMES.replace("class Names", "class More"), "2"),
        ("def f(:", "SyntaxError"),
        ("import not_there_at_all", "ModuleNotFoundError"),
        ("1 / 0", "ZeroDivisionError"),
        (NAMES.replace('"names_back"', '"prp"'), "taken"),
    ],
)
def test_a_file_without_one_paradigm_is_refused(tmp_path, text, word):
    path = tmp_path / "odd.py"
    path.write_text(text)
    refused(lambda: ca.run(str(path)), word)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    refused(lambda: ca.run(str(tmp_path / "nobody.py")), "no such file")


def test_a_file_is_played_by_several_processes_to_the_same_numbers(mine):
    one, two = (ca.run(str(mine), "human", people=2, trials=3, n_jobs=n) for n in (1, 2))
    pd.testing.assert_frame_equal(one.frame, two.frame)


# -- runs of one's own ---------------------------------------------------------------------------------------


def own_kind(mine):
    """The class as a notebook has it: nobody registered it."""
    kind = registry.read(mine)
    registry.unregister("names_back")
    return kind


def test_a_paradigm_that_nobody_registered_is_run_summed_up_drawn_kept_and_traced(mine, tmp_path):
    kind = own_kind(mine)
    task = kind(sizes=(2, 6))
    done = ca.run(task, people=2, trials=3, out=tmp_path)
    assert done.paradigm is task
    table = done.summary()
    assert table["condition"].tolist() == ["size=2", "size=6"] * 2
    assert done.plot().axes
    assert len(experiment.events(done, "human", 0, 0, 0))
    assert "Names, given back" in done._repr_html_()
    again = ca.load(done.folder, kind)
    assert again.paradigm == task
    pd.testing.assert_frame_equal(again.summary(), table)
    assert (done.folder / "figures" / "names_back.png").is_file()


def test_a_network_reads_and_is_explained_in_ones_own_paradigm(mine):
    done = ca.run(own_kind(mine)(sizes=(4,)), model="digit_reader", people=1, trials=2)
    assert ca.explain(done).arms == ["human", "softmax"]


def test_a_folder_says_which_file_and_wants_it_again(mine, tmp_path):
    folder = ca.run(str(mine), "human", people=1, trials=2, out=tmp_path).folder
    config = ca.load(folder).config  # it is registered
    assert config["paradigm_file"] == "mine.py"
    assert len(config["paradigm_sha256"]) == 64
    registry.unregister("names_back")
    refused(lambda: ca.load(folder), "load(folder, paradigm='mine.py')")
    assert ca.load(folder, str(mine)).paradigm.name == "names_back"
    refused(lambda: ca.load(folder, "prp"), "names_back")
    refused(lambda: ca.load(folder, 3), "Paradigm")


def test_another_text_of_the_file_is_another_run(mine, tmp_path):
    first = ca.run(str(mine), "human", people=1, trials=2, out=tmp_path).folder
    mine.write_text(NAMES + "\n# changed\n")
    second = ca.run(str(mine), "human", people=1, trials=2, out=tmp_path).folder
    hashes = [ca.load(folder, str(mine)).config["paradigm_sha256"] for folder in (first, second)]
    assert hashes[0] != hashes[1]
    assert not {p.name for p in (first / "parts").glob("*.parquet")} & {
        p.name for p in (second / "parts").glob("*.parquet")
    }


def test_nothing_that_lies_in_a_folder_or_stands_in_it_is_executed(mine, tmp_path):
    folder = ca.run(str(mine), "human", people=1, trials=2, out=tmp_path).folder
    registry.unregister("names_back")
    trap = folder / "mine.py"
    trap.write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')")
    config = ca.load(folder, str(mine)).config
    registry.unregister("names_back")
    for name in ("names_back", str(trap), "mine.py"):
        text = tomli_w.dumps(config | {"paradigm": name, "paradigm_file": str(trap)})
        (folder / "config.toml").write_text(text)
        here = os.getcwd()
        os.chdir(folder)
        try:
            refused(lambda: ca.load(folder), "paradigm")
            with pytest.raises(SystemExit):
                cli.main(["run", "--config", str(folder / "config.toml")])
        finally:
            os.chdir(here)
    assert not (tmp_path / "sprung").exists()


def test_trials_without_a_paradigm_make_theirs_by_name():
    frame = ca.run("prp", "human", people=1).frame
    assert Trials(frame, {"paradigm": "prp", "options": {"trials": 3}}).paradigm == paradigms.get("prp")(
        trials=3
    )
    with pytest.raises(InputError, match="paradigm must be one of"):
        Trials(frame, {"paradigm": "prq"})


# -- the command line ----------------------------------------------------------------------------------------


def said(capsys, *words):
    with pytest.raises(SystemExit) as stopped:
        cli.main(words)
    told = capsys.readouterr()
    return stopped.value.code, told.out, told.err


def test_the_commands_take_a_file(mine, tmp_path, capsys):
    out = ["--out", str(tmp_path / "results")]
    code, text, _ = said(
        capsys, "run", str(mine), "--option", "sizes=[2]", "--people", "1", "--trials", "2", "--arms", "human", *out
    )  # fmt: skip
    assert code == 0
    folder = text.split("Results: ")[1].splitlines()[0]
    registry.unregister("names_back")
    code, _, wrong = said(capsys, "plot", folder)
    assert code == 2
    assert "--paradigm mine.py" in wrong
    for command in (["plot", folder], ["trace", folder]):
        code, text, wrong = said(capsys, *command, "--paradigm", str(mine))
        assert code == 0, wrong
        assert ".png" in text
        registry.unregister("names_back")
    code, text, _ = said(
        capsys, "run", str(mine), "--config", str(Path(folder) / "config.toml"), *out, "--people", "2"
    )
    assert code == 0
    assert "size=2" in text
