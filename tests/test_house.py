"""The house holds: imports run one way, nothing goes in a circle, SimPy and torch meet as plain arrays only.

The rule is read from the source, so that an import inside a function counts as much as one at the top.
"""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest
from walking import walked

from cogattn._moved import MOVED

ROOT = Path(__file__).parents[1]

# The rooms from the ground up: a room imports from those before it, and the parts of a room in no circle.
ROOMS = (
    *(
        "_moved",
        "_kinds",
        "errors",
        "_renamed",
        "files",
        "encodings",
        "notebook",
        "compiled",
        "seals",
        "laws",
        "record",
        "parameters",
        "observer",
        "points",
        "population",
        "world",
        "mind",
        "view",
        "nn",
        "human",
    ),
    *("paradigms", "runs", "tune", "reports", "explore", "cli", "__main__"),
)
ROOMS_AT_MOST = 12  # folders at the top
MODELS_STAND_ON = "nn"  # a network knows what it is shown, never who runs it


def name_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def python(*folders):
    return sorted(p for folder in folders for p in (ROOT / folder).rglob("*.py"))


MODULES = {name_of(p): p for p in python("cogattn")}


def imports(path):
    """Every module that a file imports, at its top, in a function, or for its types; `from a import b` is a.b
    where that is a module."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where they lead"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in MODULES else node.module


def own_imports(path):
    return {name for name in imports(path) if name.split(".")[0] == "cogattn"}


def calls(path):
    """(dotted name, call) of every call in a file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def room_of(module):
    """The place of a module's room; the face only points to where the public names live, so it stands above all."""
    parts = module.split(".")
    return ROOMS.index(parts[1]) if len(parts) > 1 else len(ROOMS)


NOUNS = {
    "training",
    "tracking",
    "task_switching",
}  # a noun of the field: of a network, of moving objects, of tasks


def test_a_file_is_called_by_a_noun_and_not_by_a_gerund():
    words = {part for module in MODULES for part in module.split(".")}
    assert {"fits", "training"} <= words
    assert {word for word in words if re.search("ing(_|$)", word)} == NOUNS


def test_no_two_classes_have_one_name():
    found = {}
    for module, path in MODULES.items():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, []).append(module)
    assert len(found) > 100
    assert {name: places for name, places in found.items() if len(places) > 1} == {}


def test_a_dozen_rooms():
    assert {m.split(".")[1] for m in MODULES if "." in m} == set(ROOMS)
    folders = [p for p in (ROOT / "cogattn").iterdir() if p.is_dir() and any(p.glob("*.py"))]
    assert len(folders) <= ROOMS_AT_MOST


@walked("module", sorted(MODULES))
def test_no_import_goes_up(module):
    for other in own_imports(MODULES[module]):
        assert other in MODULES, f"{module} imports {other}, which is no module of the house"
        assert room_of(other) <= room_of(module), f"{module} imports {other}, whose room stands above"


def test_no_import_goes_in_a_circle():
    assert list(TopologicalSorter({m: own_imports(p) for m, p in MODULES.items()}).static_order())


def test_no_module_imports_both_simpy_and_torch():
    for path in python("cogattn", "models"):
        worlds = {name.split(".")[0] for name in imports(path)} & {"simpy", "torch"}
        assert len(worlds) < 2, f"{path} imports both"


def test_the_laws_know_neither_clock_nor_state_nor_tensor():
    for path in python("cogattn/laws"):
        outside = {n.split(".")[0] for n in imports(path)} - {"cogattn"}
        assert outside <= {
            "__future__",
            "dataclasses",
            "itertools",
            "math",
            "collections",
            "numpy",
            "scipy",
        }
        ground = ("cogattn.errors", "cogattn._renamed", "cogattn.compiled")
        assert all(n in ground or n.startswith("cogattn.laws.") for n in own_imports(path))


def test_models_stand_on_the_rooms_below_them():
    for path in python("models"):
        for other in own_imports(path):
            assert room_of(other) <= ROOMS.index(MODELS_STAND_ON), f"{path} imports {other}"


def test_nothing_in_the_package_imports_tests_models_or_simulations():
    for path in python("cogattn"):
        assert not {n.split(".")[0] for n in imports(path)} & {"tests", "models", "simulations", "benchmarks"}


# --- a paradigm declares all that is its own -----------------------------------------------------------------

#: Names of paradigms that are also ordinary words, and where they are: an event of the mind, a number of a task and
#: a block of trials, a task of OpenMATB's scenarios.
WORDS = {
    "capture": {"cogattn.mind.events", "cogattn.world.kinds"},
    "practice": {
        "cogattn.mind",
        "cogattn.world",
        "cogattn.human.imports",
        "cogattn.paradigms.visual_search",
    },
    "tracking": {"cogattn.paradigms.control_room", "cogattn.paradigms.scenario"},
}


def words_of(path):
    """(text, line) of every text in a file that is neither a docstring nor the name of a human table."""
    aside = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Expr):
            aside.add(id(node.value))
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "human.table":
            aside.add(id(node.args[0]))
        elif (
            isinstance(node, ast.Call) and ast.unparse(node.func) == "Source"
        ):  # tables that inform a parameter
            aside |= {id(part) for part in ast.walk(node)}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in aside:
            yield node.value, node.lineno


def test_no_paradigm_is_named_outside_its_own_file():
    """What belongs to one (its likelihood, its rival laws, its question, its pace) is declared in it."""
    from cogattn.paradigms import registry

    home = {name: entry.module for name, entry in registry.entries().items() if entry.says.get("listed") != 0}
    assert len(home) >= 29
    for module, path in MODULES.items():
        for word, line in words_of(path):
            if home.get(word, module) != module:
                fine = any(module.startswith(place) for place in WORDS.get(word, ()))
                assert fine, f"{path}:{line} names the paradigm {word}: declare it in {home[word]}"


# --- what is never done ------------------------------------------------------------------------------------

FORBIDDEN_IMPORTS = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "torch.load", "joblib.load", "joblib.dump"}


@walked("path", python("cogattn", "models", "simulations"))
def test_no_file_can_smuggle_in_code(path):
    assert not {n.split(".")[0] for n in imports(path)} & FORBIDDEN_IMPORTS
    for name, call in calls(path):
        assert name not in FORBIDDEN_CALLS, f"{path}:{call.lineno} calls {name}"
        assert not name.endswith(("read_pickle", "to_pickle")), f"{path}:{call.lineno} calls {name}"
        allowed = {k.arg: ast.unparse(k.value) for k in call.keywords}.get("allow_pickle", "False")
        assert allowed == "False", f"{path}:{call.lineno} allows pickle"


def test_no_hidden_randomness():
    """Every generator has a seed that somebody gave: no global state, no `default_rng()`. (Training has both.)"""
    for path in python("cogattn"):
        for name, call in calls(path):
            where = f"{path}:{call.lineno} calls {name}"
            if path.stem != "training":
                assert name not in ("np.random.seed", "torch.manual_seed", "random.seed"), where
            assert not re.fullmatch(r"(np\.random|random)\.(rand\w*|normal|choice|shuffle|uniform)", name), (
                where
            )
            if name.endswith("default_rng"):
                assert call.args, f"{where} without a seed"


def test_no_path_of_somebodys_machine_is_left():
    homes = "|".join(("work", "home", "root", "Users", "mnt", "scratch"))
    pattern = re.compile(rf"(?<![\w.~/-])/({homes})/\w|[A-Z]:\\\\Users")
    texts = [p for s in ("*.py", "*.md", "*.toml", "*.json", "*.csv") for p in ROOT.rglob(s)]
    own = [p for p in texts if not {".venv", ".git", "build", "dist"} & set(p.relative_to(ROOT).parts)]
    for path in own:
        if path != Path(__file__):
            found = pattern.search(path.read_text(encoding="utf-8"))
            assert not found, f"{path} holds {found.group()}"


# --- the size of things -------------------------------------------------------------------------------------

LINES_AT_MOST = 500
#: Files that are still longer. None may be added; one that has been split leaves this list.
MB = 10**6
RESULTS_AT_MOST, CHECKOUT_AT_MOST = 8 * MB, 20 * MB


def test_no_file_of_the_package_is_over_500_lines():
    long = {
        p.relative_to(ROOT).as_posix()
        for p in python("cogattn")
        if len(p.read_text(encoding="utf-8").splitlines()) > LINES_AT_MOST
    }
    assert not long


@cache
def checkout():
    """Every file of the checkout; asked of git, so that what somebody made beside it does not count."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    out = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=True, cwd=ROOT)
    return [ROOT / name for name in out.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_the_checkout_is_lean():
    sizes = {p: p.stat().st_size for p in checkout()}
    assert sum(sizes.values()) <= CHECKOUT_AT_MOST
    assert 0 < sum(n for p, n in sizes.items() if p.is_relative_to(ROOT / "results")) <= RESULTS_AT_MOST


def test_results_hold_summaries_and_the_pictures_that_a_page_shows():
    own = [p for p in checkout() if p.is_relative_to(ROOT / "results")]
    assert {p.suffix for p in own} <= {".csv", ".json", ".md", ".png", ".py", ".toml", ".txt", ""}
    assert not [p for p in own if p.name.startswith(("trials.", "frames."))]


# --- the face ----------------------------------------------------------------------------------------------


def loaded_by(statement):
    """The heavy libraries that a fresh Python has loaded after a statement."""
    heavy = "('torch', 'numba', 'simpy', 'matplotlib', 'pandas', 'transformers')"
    code = f"import sys; {statement}; print(*[m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(out.stdout.split())


def test_the_package_itself_waits_for_nothing():
    assert loaded_by("import cogattn") == set()


def test_the_command_line_waits_for_nothing_that_a_command_does_not_need():
    say = "from cogattn.cli import app, main; app.resolved_commands()"
    assert loaded_by(say) == set()
    assert loaded_by("import cogattn.nn.networks.shelf as s; [s.about(name) for name in s.names()]") == set()


def test_simpy_and_torch_do_not_bring_each_other():
    assert "torch" not in loaded_by("import cogattn.mind.world, cogattn.mind.cohort, cogattn.observer")
    assert loaded_by("import cogattn.nn.gate, cogattn.nn") & {"simpy", "transformers"} == set()


@pytest.mark.parametrize("old", MOVED)
def test_a_module_that_moved_is_found_under_its_old_name_and_warns(old):
    sys.modules.pop(f"cogattn.{old}", None)
    with pytest.warns(DeprecationWarning, match=f"cogattn.{old} is now cogattn.{MOVED[old]}"):
        found = import_module(f"cogattn.{old}")
    assert found is import_module(f"cogattn.{MOVED[old]}")


def test_no_module_hides_a_public_name():
    import cogattn

    rooms = {"human", "nn", "paradigms", "tune"}
    assert not (set(cogattn.__all__) - rooms) & {m.split(".")[-1] for m in MODULES if m.count(".") == 1}


@pytest.mark.parametrize(("old", "now"), sorted(MOVED.items()))
def test_a_module_that_moved_has_its_old_name_too(old, now):
    assert f"cogattn.{now}" in MODULES
    assert f"cogattn.{old}" not in MODULES
    sys.modules.pop(f"cogattn.{old}", None)
    told = rf"^cogattn\.{re.escape(old)} is now cogattn\.{re.escape(now)}$"
    with pytest.warns(DeprecationWarning, match=told):
        found = importlib.import_module(f"cogattn.{old}")
    assert found is importlib.import_module(f"cogattn.{now}")
    assert found.__spec__.name == f"cogattn.{now}"


def test_a_part_of_a_module_that_moved_has_moved_with_it():
    sys.modules.pop("cogattn.gate.state", None)
    with pytest.warns(DeprecationWarning, match="cogattn.gate.state is now cogattn.nn.gate.state"):
        found = importlib.import_module("cogattn.gate.state")
    assert found is importlib.import_module("cogattn.nn.gate.state")


def test_every_public_name_is_there():
    import cogattn

    for name in cogattn.__all__:
        assert getattr(cogattn, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'attention_span'"):
        _ = cogattn.attention_span


def test_no_two_files_of_tests_have_one_name():
    """The second of two would not be collected."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert len(names) > 100
    assert sorted(names) == sorted(set(names))
