"""What has another name today is found under its old one, with a warning that says the new one."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, fields, replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import simpy
from own import COPYIST

import cogattn as ca
from cogattn.errors import InputError
from cogattn.laws.conflict import Conflict
from cogattn.mind import cohort
from cogattn.nn.networks import registry as networks
from cogattn.nn.networks.registry import TaskDesign
from cogattn.observer import read_toml
from cogattn.paradigms import NetworkTask, registry
from cogattn.paradigms.ant import AttentionNetworks
from cogattn.paradigms.conflict import Conflicting, Flanker, Stroop
from cogattn.paradigms.global_local import GlobalLocal
from cogattn.paradigms.load_dilution import LoadDilution

_CONFLICT = (
    ("tell", "evidence_rate", 7.5),
    ("other", "non_decision_time", 0.25),
    ("other_sd", "non_decision_sd", 0.015),
)
#: class, old field, field, a value that is not its default
FIELDS = [
    (ca.Task, "tell", "evidence_rate", 7.5),
    (lambda **k: ca.Stimulus("x", **k), "says", "supports", -1),
    (lambda **k: Conflict(20.0, 2.5, **k), "other", "non_decision_time", 0.25),
    (lambda **k: Conflict(20.0, 2.5, **k), "other_sd", "non_decision_sd", 0.015),
    *((kind, *row) for kind in (Flanker, Stroop, AttentionNetworks) for row in _CONFLICT),
    (
        lambda **k: NetworkTask("x", **k),
        "exam",
        "design",
        TaskDesign("Adding", "numbers", (2.0,), "numbers", "error"),
    ),
    *((kind, *row) for kind in (GlobalLocal, LoadDilution) for row in _CONFLICT[:2]),
]


def there(make, old, now):
    """What is made, and that its caller was told once."""
    with pytest.warns(DeprecationWarning, match=rf"\b{old}(=\))? is now called {now}$") as told:
        found = make()
    assert [w.filename for w in told] == [__file__]
    return found


@pytest.mark.parametrize(("kind", "old", "now", "value"), FIELDS)
def test_a_field_is_found_under_its_old_name(kind, old, now, value):
    usual = kind()
    assert getattr(usual, now) != value
    made = there(lambda: kind(**{old: value}), old, now)
    assert made == kind(**{now: value}) != usual
    assert there(lambda: getattr(made, old), old, now) == value
    assert there(lambda: replace(usual, **{old: value}), old, now) == made
    assert there(lambda: getattr(type(made), old), old, now) == getattr(type(made), now)
    assert old not in {f.name for f in fields(made)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        replace(made, **{now: value})
        with pytest.raises(DeprecationWarning):
            kind(**{old: value})
        warnings.simplefilter("ignore")
        with pytest.raises(InputError, match=f"^{now} is given twice: {old} and {now}$"):
            kind(**{old: value, now: value})


def test_an_old_name_that_a_subclass_declares_is_the_new_one():
    with pytest.warns(DeprecationWarning, match=r"^Mine.tell is now called evidence_rate$") as told:

        @dataclass(frozen=True)
        class Mine(Conflicting):
            tell: float = 6.0
            extra: float = 1.0

    assert [w.filename for w in told] == [__file__]
    assert (Mine().evidence_rate, Mine(extra=2.0).extra) == (6.0, 2.0)
    assert "tell" not in {f.name for f in fields(Mine)}


@pytest.mark.parametrize("old", ["spotlight", "hold"])
@pytest.mark.parametrize("kind", [ca.Task, Flanker, Stroop, AttentionNetworks, GlobalLocal, LoadDilution])
def test_options_of_a_law_that_is_gone_are_left_out(kind, old):
    with pytest.warns(
        DeprecationWarning, match=rf"\({old}=\) has no effect any more: .*activation and peak$"
    ) as told:
        assert kind(**{old: 2.0}) == kind()
    assert [w.filename for w in told] == [__file__]


@pytest.mark.filterwarnings("ignore:.*has no effect any more")
@pytest.mark.parametrize("name", ["flanker", "stroop", "ant", "global_local", "load_dilution"])
def test_runs_that_were_kept_load_under_their_old_options(name):
    config = read_toml(Path(__file__).parent / "saved" / "runs" / f"{name}.toml")
    assert "tell" in config["options"]
    with pytest.warns(DeprecationWarning, match=r"\(tell=\) is now called evidence_rate$"):
        task = registry.found_again(config)
    assert task.evidence_rate == config["options"]["tell"]
    assert task.non_decision_time == config["options"]["other"]
    with pytest.raises(InputError, match="option of"):
        registry.found_again(config | {"options": {"say": 3.0}})
    told = pytest.warns(DeprecationWarning, match="is now called evidence_rate$")
    with pytest.raises(InputError, match=r"^evidence_rate is given twice"), told:
        registry.make(name, {"evidence_rate": 3.0, "tell": 3.0})


def test_a_network_may_call_its_design_by_the_old_name(tmp_path):
    assert COPYIST.count("    design = TaskDesign(") == 1
    old = COPYIST.replace("    design = TaskDesign(", "    exam = TaskDesign(")
    (tmp_path / "old.py").write_text(old)
    with pytest.warns(DeprecationWarning, match=r"^old.py: exam is now called design$"):
        found = networks.find_specialist(str(tmp_path / "old.py"), "cpu")
    assert found.design == found.exam


def test_an_own_task_that_was_kept_loads():
    config = read_toml(Path(__file__).parent / "saved" / "own_task.toml")
    with pytest.warns(DeprecationWarning, match=r"\(exam=\) is now called design$"):
        task = registry.found_again(config)
    assert task.asked.column == config["options"]["exam"]["column"]
    assert task.options()["design"] == config["options"]["exam"]


#: module, old name of what is in it, name
NAMES = [
    ("mind.cohort", "watch", "run_session"),
    ("mind.cohort", "Watched", "SessionOutcome"),
    ("mind.cohort", "WATCH", "SESSION_TRIAL"),
    ("mind.cohort", "Fate", "ElementTimes"),
    ("mind.outcomes", "Fate", "ElementTimes"),
    ("mind.outcomes", "Watched", "SessionOutcome"),
    ("mind.world", "watch", "run_session"),
    ("paradigms", "Watch", "SessionParadigm"),
    ("paradigms.session", "Watch", "SessionParadigm"),
    ("paradigms.session", "Seen", "SessionRecord"),
    ("paradigms", "OwnTask", "NetworkTask"),
    ("paradigms.own_task", "OwnTask", "NetworkTask"),
    ("nn.networks.registry", "Subject", "Reader"),
    ("nn.networks.registry", "Exam", "TaskDesign"),
    ("nn.networks.digits", "Eye", "DigitReader"),
    ("runs.batches", "Desk", "SpecialistBatch"),
    ("runs.batches", "Scene", "DisplayBatch"),
    ("notebook", "Bar", "ProgressBar"),
    ("view.gantt", "Bar", "SpanStyle"),
    ("human.imports.sheets", "Sheet", "DataSheet"),
    ("nn", "Explanation", "AttentionParts"),
    ("nn.huggingface", "limited", "limit"),
    ("nn.mechanisms", "Explanation", "AttentionParts"),
    ("nn.networks.digits", "Display", "DigitDisplay"),
    ("runs.plan", "Plan", "RunPlan"),
    ("runs.experiment", "Plan", "RunPlan"),
    ("tune.sessions", "Sittings", "SessionData"),
    ("tune.likelihoods", "Report", "ReportLikelihood"),
    ("tune.change_detection", "ChangeDetection", "ChangeDetectionLikelihood"),
    ("reports.live", "Screening", "LivePlan"),
    ("reports.verify", "Law", "ClosedForm"),
    ("tune", "between", "compare_laws"),
    ("tune", "Between", "LawComparison"),
    ("tune", "drawn", "sample_posterior"),
    ("tune.law_comparison", "between", "compare_laws"),
    ("tune.law_comparison", "Between", "LawComparison"),
    ("tune.posteriors", "drawn", "sample_posterior"),
]


@pytest.mark.parametrize(("module", "old", "now"), NAMES)
def test_a_function_or_class_is_found_under_its_old_name(module, old, now):
    room = import_module(f"cogattn.{module}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        new = getattr(room, now)
        assert getattr(room, "__all__", [now]).count(now) == 1
        with pytest.raises(AttributeError, match="no attribute 'anything_else'"):
            _ = room.anything_else
    assert there(lambda: getattr(room, old), old, now) is new
    assert old not in vars(room)


def test_what_became_of_elements_is_found_under_its_old_name():
    stream = ca.TaskStream((ca.Stimulus("a", mask=0.2),), end=0.5)
    out = cohort.play(stream, [ca.Observer()], person=0, trial=np.arange(3), details=True)
    assert there(lambda: out.fate, "fate", "element_times") is out.element_times
    assert out.element_times.encoded.shape == (3, 1)


def test_a_stream_and_a_mind_know_what_an_element_says():
    stream = ca.TaskStream((ca.Stimulus("a", supports=1), ca.Stimulus("b", supports=-1)), end=1.0)
    assert there(lambda: stream.says, "says", "supports").tolist() == [1, -1]
    found = []
    for word in ("says", "supports"):
        mind = ca.Mind(simpy.Environment())
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            mind.show("a", **{word: -1})
        found.append(mind._elements["supports"][0])
        assert len(told) == (word == "says")
    assert np.array_equal(found, [-1, -1])
