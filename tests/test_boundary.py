"""What was found by attack from outside, door by door: each is one line now, and what is refused has changed nothing.

Attacks on files, runs and the page stand beside what they attack (docs/security.md names every test)."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import simpy
import torch

import cogattn as ca
from cogattn import files
from cogattn.errors import InputError
from cogattn.files import holds
from cogattn.human.imports import formats
from cogattn.laws import alertness, search
from cogattn.mind import events
from cogattn.mind.simpy_mind import Mind
from cogattn.observer import limits_of
from cogattn.population import Population
from cogattn.tune import scales
from cogattn.view import plot
from cogattn.world.stream import one_by_one

mpl.use("Agg")
HERE = Path(__file__).parent

ONE_TRIAL = ca.Session(
    (ca.TaskStream((ca.Stimulus("a"),), end=1.0),), which=np.zeros(1, int), gap=np.zeros(1)
)


def deep_list():
    """A list that cannot be written out."""
    deep = []
    for _ in range(5000):
        deep = [deep]
    return deep


#: what was a traceback, a hang, or taken: (the call, words of the line)
DOORS = (
    (lambda: ca.nn.MultiheadAttention(4, 0), "num_heads"),
    (lambda: ca.nn.MultiheadAttention(4, 3), "num_heads"),
    (lambda: ca.nn.MultiheadAttention("x", 1), "embed_dim must be a whole number"),
    (lambda: ca.nn.MultiheadAttention(4, 2, dropout=math.nan), "dropout"),
    (lambda: ca.Session(1, 2, 3), "streams must be"),
    (lambda: one_by_one(3, 0.5, task=3), "task"),
    (lambda: ca.Observer.from_dict(3), "values must be a mapping"),
    (lambda: Population.from_dict([1]), "values must be a mapping"),
    (lambda: ca.tune.fit("whole_report", None), "data must be"),
    (lambda: ca.run("whole_report", model=()), "model must be"),
    (lambda: ca.run("whole_report", out=1.5), "out must be"),
    (
        lambda: Population.adults().sample(10**6 + 1),
        r"at most 100,000 observers, got 1,000,001: take people\(n\)",
    ),
    (lambda: Population.adults().people(10**9), "GB of memory"),
    (lambda: ca.nn.eviction_plan(2, 2**16, batch=10**6), "GB of memory"),
    (lambda: ca.TopK(2).forward(torch.ones(2, 3), generator={}), "generator must be a Generator"),
    (lambda: scales.own(["x"], [0.5]), "parameter must be one of"),
    (lambda: events.together([]), "at least one record"),
    (lambda: events.together([pd.DataFrame({"x": [1]})]), "has no column"),
    (lambda: events.EventLog(folder=3), "folder must be"),
    (lambda: Mind(simpy.Environment(), tasks=np.array([])), "at least one task"),
    (lambda: ca.GateState.from_numpy(device="nowhere"), "device"),
    (lambda: ca.paradigms.get("breaks")(lengths={"a"}), "lengths"),
    (lambda: ca.paradigms.get("visual_search")(displays=3), "display must be one of"),
    (lambda: ca.paradigms.get("digit_span")(directions=3), "direction must be one of"),
    (lambda: ca.paradigms.get("flanker")(kinds=3), "kind of trial must be one of"),
    (lambda: ca.paradigms.NetworkTask(model="x", design={}), "a task design needs title"),
    (lambda: ca.tune.regress(pd.DataFrame({"x": [1]}), "drift ~ 1"), "need a column 'person'"),
    (lambda: ca.watch(people=None), "people must be a whole number"),
    (lambda: ca.load("a" * 5000), "folder must be"),
    (lambda: Mind(simpy.Environment()).show("a", supports=2**63), "supports of 'a' must be 1, -1, or 0"),
    (lambda: ONE_TRIAL.row(-1), "person must be a whole number from 0"),
    (lambda: search.visits(10**9, present=True), "items must be a whole number from 1 to 1000000"),
    (lambda: ca.run("whole_report", people=1, trials=1, device="\0"), "device must be auto, cpu or"),
    (lambda: ca.run("whole_report", people=1, trials=1, device="x"), "device must be auto, cpu or"),
    (lambda: limits_of(deep_list()), "arm must be one of .* got a list"),
    (lambda: alertness.later_quantile(0.5, 3.3, 0.4, 0), "earliest must be > 0"),
    (lambda: alertness.wald_cdf(0.5, 1.0, -1.0), "threshold must be >= 0"),
    (lambda: ca.Trials(pd.DataFrame({"a": [1]}), {"nope": 1}), "config must name its paradigm"),
    (lambda: ca.Trials(pd.DataFrame({"a": [1]}), {"paradigm": "prp", "options": 3}), "must be a table"),
    (lambda: ca.tune.compare_laws("whole_report", pd.DataFrame({"person": [1]}), n_jobs=0), "n_jobs must be"),
    (
        lambda: ca.nn.leak(lambda *x: x, [[0]] * 3, ca.nn.eviction_plan(2, 5), needed=1),
        r"\(inputs, targets\)",
    ),
    (lambda: ca.nn.attention("dot", 10**6 + 1), "dim must be"),
    (lambda: ca.watch("low", people=10**6 + 1), "people must be .* to 100000"),
    (
        lambda: ca.tune.sweep("whole_report", ["slots"], "max score", people=10**9),
        "people must be .* to 100000",
    ),
    (lambda: ca.tune.amortise("whole_report", ["slots"], simulations=10**6 + 1), "simulations must be"),
    (lambda: ca.paradigms.get("digit_span")(interval=Fraction(1, 2)), "shown must be .* 0.5 s"),
)


def test_a_door_that_gave_a_traceback_gives_one_line():
    wrong = []
    for i, (call, words) in enumerate(DOORS):
        try:
            with pytest.raises(InputError, match=words) as said:
                call()
            assert "\n" not in str(said.value)
        except BaseException as error:  # all of them are told, not the first alone
            wrong.append(f"{i} ({words}): {type(error).__name__}: {error}"[:300])
    assert not wrong, "\n".join(wrong)


def test_a_folder_of_too_many_files_is_not_read_through(tmp_path, monkeypatch):
    for i in range(4):
        (tmp_path / f"{i}.csv").write_text("a\n1\n")
    assert len(formats.files(tmp_path, "auto")) == 4
    monkeypatch.setattr(formats, "_MOST_FILES", 3)
    with pytest.raises(InputError, match="holds more than 3 files and folders"):
        formats.files(tmp_path, "auto")


def test_a_gate_too_large_for_memory_is_refused_before_it_is_made(monkeypatch):
    monkeypatch.setattr(files, "free_memory", lambda: 10**6)
    gate = ca.GateState(keep=torch.tensor([[True, False], [False, True]]))
    assert torch.equal(gate.repeat(3).keep, gate.keep.repeat_interleave(3, 0))
    with pytest.raises(InputError, match=r"needs about .* GB of memory"):
        gate.repeat(10**9)


def test_what_a_mind_refuses_has_not_been_done():
    """A door that asks the function for its own words must not let it act: the element was shown, then refused."""
    mind = Mind(simpy.Environment())
    mind.show("a")
    for wrong in (3, None, b"b"):
        with pytest.raises(InputError, match="name must be a text"):
            mind.show(wrong)
    with pytest.raises(InputError, match=r"shown are a$"):
        mind.remove("b")


#: words of the command line, and what its one line says
COMMANDS = (
    (("import", "data.csv", "--to", ""), "has no ending"),
    (("import", "data.csv", "--to", "x.xlsx"), "ends in .xlsx"),
    (("import", "data.csv", "--to", "/dev/full"), "a device|has no ending"),
    (("trace", "nowhere", "--out", "data.csv"), "data.csv is no folder"),
    (("plot", "nowhere", "--out", ""), "no name"),
    (("verify", "--out", "data.csv/results"), "data.csv is no folder"),
    (("run", "whole_report", "--out", "x" * 5000), "must be a path"),
    (("run", "whole_report", "--model", "raises.py"), "raises.py"),
    (("run", "whole_report", "--model", "exits.py"), "exits.py"),
    (("run", "whole_report", "--observer", "deep.toml"), "nested more than"),
    (("run", "whole_report", "--option", "set_size=" + "[" * 3000), "set_size"),
    (("tune", "whole_report", "--data", "data.csv", "--recipe", "deep.toml"), "nested more than"),
    (("tune", "whole_report", "--data", "data.csv", "--draws", "-1"), "draws: must not be below 0"),
    (("tune", "whole_report", "--data", "data.csv", "--chains", "2"), "belongs to --posterior"),
    (
        ("tune", "whole_report", "--data", "data.csv", "--posterior", "--intervals", "profile"),
        "drop --intervals",
    ),
    (("board", "--device", "abacus"), "device must be"),
    (("list", "a\0b"), "NUL"),
    (("explore", "", "--no-browser"), "paradigm must be"),
    (("design", "whole_report", "--for", "capacity", "--within", "1e30"), "within must be"),
)


@pytest.mark.filterwarnings("ignore")
def test_a_command_that_gave_a_traceback_gives_one_line_before_any_work(call, monkeypatch):
    from cogattn.reports import verify

    def worked(*_: object, **__: object) -> None:
        raise AssertionError("it worked first, and would have refused the place afterwards")

    monkeypatch.setattr(verify, "verify", worked)
    Path("data.csv").write_text("person,exposure,score\n1,0.1,2\n1,0.2,3\n")
    Path("raises.py").write_text("raise ValueError('no\\nnetwork')\n")
    Path("exits.py").write_text("import sys\nsys.exit(7)\n")
    Path("deep.toml").write_text("a = " + "[" * 3000 + "]" * 3000)
    before, wrong = set(Path.cwd().iterdir()), []
    for words, says in COMMANDS:
        code, _, err = call(*words)
        lines = [line for line in err.splitlines() if line.startswith("cogattn: ")]
        fine = code == 2 and len(lines) == 1 and any(part in lines[0] for part in says.split("|"))
        if not fine:
            wrong.append(f"{words}: {code} {err[-300:]}")
    assert not wrong, "\n".join(wrong)
    assert {p for p in Path.cwd().iterdir() if p.name != "__pycache__"} == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only_is_refused_before_the_work(tmp_path):
    (tmp_path / "shut").mkdir(mode=0o500)
    with pytest.raises(InputError, match="read-only"):
        holds(tmp_path / "shut" / "results")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_a_full_standard_output_is_one_line():
    words = [sys.executable, "-c", "from cogattn.cli import main; main()", "list"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            words, stdout=full, stderr=subprocess.PIPE, text=True, cwd=HERE.parent, check=False
        )
    assert (done.returncode, done.stderr) == (1, "cogattn: No space left on device: standard output\n")


def test_little_memory_is_one_line(call, monkeypatch):
    def taken(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("cogattn.cli.doctor._diagnose", taken)
    code, _, err = call("doctor")
    assert code == 1
    assert err.splitlines()[-1].startswith(
        "cogattn: there is not enough memory for this: ask for fewer people"
    )


def test_with_the_compiler_switched_off_it_is_one_line():
    words = [sys.executable, "-c", "from cogattn.cli import main; main()", "run", "whole_report"]
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        cwd=HERE.parent,
        check=False,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "cogattn: numba's compiler is switched off, and minds are compiled: unset NUMBA_DISABLE_JIT"
    ]


def test_a_name_with_a_dollar_is_no_formula_in_a_figure():
    """A network's file may be called so; its name stands in the title and in the legend."""
    with plot.style() as plt:
        figure, ax = plt.subplots()
        ax.plot([0, 1], [0, 1], label="human")
        plot.finish(figure, [ax], "my$x_{$net: what was found", {"human": "my$x_{$net, human limits"})
        figure.canvas.draw()
    plot.close(figure)


def test_wrong_shapes_from_ones_own_score_are_told():
    x = torch.ones(1, 1, 2, 4)
    with pytest.raises(InputError, match="score must give logits"):
        ca.nn.gated_attention(x, x, x, score=lambda q, k: "x")
