"""The house holds: imports run one way, nothing goes in a circle, SimPy and torch meet as plain arrays only.

The rule is read from the source, so that an import inside a function counts as much as one at the top.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# The floor of every module. A module imports from lower floors only; a new module takes its place here.
FLOORS = {
    "cogattn.errors": 0,
    "cogattn.files": 1,
    "cogattn.showing": 1,
    "cogattn.plot": 5,
    "cogattn.laws": 0,
    "cogattn.laws.alertness": 1,
    "cogattn.laws.memory": 1,
    "cogattn.laws.race": 1,
    "cogattn.laws.conflict": 1,
    "cogattn.laws.search": 1,
    "cogattn.laws.stages": 1,
    "cogattn.mind": 0,
    "cogattn.mind.draws": 1,
    "cogattn.observer": 2,
    "cogattn.stream": 2,
    "cogattn.mind.mind": 3,
    "cogattn.mind.events": 4,
    "cogattn.mind.cohort": 5,
    "cogattn.gantt": 6,
    "cogattn.mind.world": 6,
    "cogattn.gate": 3,
    "cogattn.nn.functional": 4,
    "cogattn.nn.layers": 4,
    "cogattn.nn.memory": 5,
    "cogattn.nn.multihead": 5,
    "cogattn.nn.limiting": 6,
    "cogattn.nn.mechanisms": 6,
    "cogattn.nn.passing": 6,
    "cogattn.nn.selection": 6,
    "cogattn.nn.huggingface": 7,
    "cogattn.nn": 9,
    "cogattn.subjects": 10,
    "cogattn.training": 11,
    "cogattn.digits": 11,
    "cogattn.texts": 11,
    "cogattn.human": 11,
    "cogattn.human.importing.sheets": 12,
    "cogattn.human.importing.columns": 13,
    "cogattn.human.importing.formats": 14,
    "cogattn.human.importing.rows": 14,
    "cogattn.human.importing": 15,
    "cogattn.paradigms.base": 12,
    "cogattn.paradigms.report": 13,
    "cogattn.paradigms.watch": 13,
    "cogattn.paradigms.divided": 14,
    "cogattn.paradigms.attentional_blink": 15,
    "cogattn.paradigms.change_detection": 15,
    "cogattn.paradigms.enumeration": 15,
    "cogattn.paradigms.nback": 15,
    "cogattn.paradigms.prp": 15,
    "cogattn.paradigms.visual_search": 15,
    "cogattn.paradigms.conflict": 15,
    "cogattn.paradigms.selection": 15,
    "cogattn.paradigms.ant": 16,
    "cogattn.paradigms.capture": 16,
    "cogattn.paradigms.global_local": 16,
    "cogattn.paradigms.load_dilution": 16,
    "cogattn.paradigms.own_task": 13,
    "cogattn.paradigms.posner": 16,
    "cogattn.paradigms.scenario": 13,
    "cogattn.paradigms.control_room": 15,
    "cogattn.paradigms.practice": 16,
    "cogattn.paradigms.dual_task": 15,
    "cogattn.paradigms.continuous_report": 15,
    "cogattn.paradigms.serial_recall": 15,
    "cogattn.paradigms.tracking": 15,
    "cogattn.paradigms.breaks": 14,
    "cogattn.paradigms.digit_stream": 14,
    "cogattn.paradigms.go_nogo": 14,
    "cogattn.paradigms.simple_rt": 14,
    "cogattn.paradigms.sleep_restriction": 15,
    "cogattn.paradigms.vigilance": 14,
    "cogattn.paradigms.partial_report": 14,
    "cogattn.paradigms.whole_report": 14,
    "cogattn.paradigms": 17,
    "cogattn.results": 18,
    "cogattn.scaling": 18,
    "cogattn.experiment": 19,
    "cogattn.tune.scales": 11,
    "cogattn.tune.base": 12,
    "cogattn.tune.sittings": 13,
    "cogattn.tune.detecting": 16,
    "cogattn.tune.pressing": 14,
    "cogattn.tune.choosing": 18,
    "cogattn.tune.simulated": 20,
    "cogattn.tune.likelihoods": 21,
    "cogattn.tune.fitting": 22,
    "cogattn.tune.comparing": 23,
    "cogattn.tune.recovery": 23,
    "cogattn.tune.gradients": 22,
    "cogattn.tune.sampling": 11,
    "cogattn.tune.posteriors": 23,
    "cogattn.tune.amortised": 25,
    "cogattn.tune.calibrating": 24,
    "cogattn.tune": 26,
    "cogattn.tune.probing": 21,
    "cogattn.tune.sensitivities": 24,
    "cogattn.tune.goals": 20,
    "cogattn.tune.sweeping": 24,
    "cogattn.comparison": 20,
    "cogattn.explaining": 20,
    "cogattn.realtime": 20,
    "cogattn.scoring": 20,
    "cogattn.verification": 20,
    "cogattn.cli": 27,
    "cogattn": 28,  # the face: it only points to where the public names live
    "cogattn.explore": 0,
    "cogattn.explore.curves": 20,
    "cogattn.explore.drawing": 21,
    "cogattn.explore.knobs": 12,
    "cogattn.explore.playing": 22,
    "cogattn.explore.trial": 21,
    "cogattn.explore.page": 23,
}
MODELS_STAND_ON = FLOORS["cogattn.training"]  # a network knows what it is shown, never who runs it


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


def test_every_module_has_its_floor_and_every_floor_its_module():
    assert sorted(MODULES) == sorted(FLOORS)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_no_import_goes_up(module):
    for other in own_imports(MODULES[module]):
        assert other in FLOORS, f"{module} imports {other}, which is no module of the house"
        assert FLOORS[other] < FLOORS[module], f"{module} imports {other}, which stands above or beside it"


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
            "numba",
        }
        assert own_imports(path) <= {"cogattn.errors", "cogattn.laws.race"}


def test_models_stand_on_the_rooms_below_them():
    for path in python("models"):
        for other in own_imports(path):
            assert FLOORS[other] <= MODELS_STAND_ON, f"{path} imports {other}"


def test_nothing_in_the_package_imports_tests_models_or_simulations():
    for path in python("cogattn"):
        assert not {n.split(".")[0] for n in imports(path)} & {"tests", "models", "simulations", "benchmarks"}


# --- what is never done ------------------------------------------------------------------------------------

FORBIDDEN_IMPORTS = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "torch.load", "joblib.load", "joblib.dump"}


@pytest.mark.parametrize(
    "path", python("cogattn", "models", "simulations"), ids=lambda p: str(p.relative_to(ROOT))
)
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


# --- the face ----------------------------------------------------------------------------------------------


def loaded_by(statement):
    """The heavy libraries that a fresh Python has loaded after a statement."""
    heavy = "('torch', 'numba', 'simpy', 'matplotlib', 'pandas', 'transformers')"
    code = f"import sys; {statement}; print(*[m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(out.stdout.split())


def test_the_package_itself_waits_for_nothing():
    assert loaded_by("import cogattn") == set()


def test_simpy_and_torch_do_not_bring_each_other():
    assert "torch" not in loaded_by("import cogattn.mind.world, cogattn.mind.cohort, cogattn.observer")
    assert loaded_by("import cogattn.gate, cogattn.nn") & {"simpy", "transformers"} == set()


def test_no_module_hides_a_public_name():
    import cogattn

    rooms = {"human", "nn", "paradigms", "tune"}
    assert not (set(cogattn.__all__) - rooms) & {m.split(".")[-1] for m in MODULES if m.count(".") == 1}


def test_every_public_name_is_there():
    import cogattn

    for name in cogattn.__all__:
        assert getattr(cogattn, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'attention_span'"):
        _ = cogattn.attention_span
