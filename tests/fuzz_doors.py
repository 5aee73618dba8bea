"""The doors of the API: every public function, class and method, each with a call that is right, and what is put in its
place. `DOORS` finds them by the modules' own lists, so that a new public name is tried from its first day."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import itertools
import os
import random
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import fuzz_values
import numpy as np

from cogattn.errors import InputError

#: What a face lists; then modules whose public names have their home there.
FACES = ("cogattn", "cogattn.nn", "cogattn.paradigms", "cogattn.tune")
HOMES = [
    "human",
    "human.bands",
    "human.ledger",
    "human.imports",
    "world.stream",
    "world.session",
    "mind.cohort",
    "mind.world",
    "mind.events",
    "population",
    "observer",
    "nn.selection",
    "nn.huggingface",
    "reports.explain",
    "explore.knobs",
    "tune.scales",
    "paradigms.scenario",
    "laws.race",
    "laws.memory",
    "laws.search",
    "laws.stages",
    "laws.conflict",
    "laws.alertness",
    "laws.counts",
    "laws.door",
    "laws.inhibition",
]
#: Not called: errors to be made of any object; what makes classes of records; what is handed arrays of the mind's own.
NOT_CALLED = {
    "InputError",
    "RunError",
    "CogattnError",
    "of_records",
    "columns_of",
    "watch_events",
    "described",
}
#: What comes back from cogattn, or is handed over by the author of a paradigm: nobody makes one to ask for something.
RESULTS = {"Amortised", "Answers", "Arrivals", "AttentionParts", "Calibration", "Checkup", "Comparison", "Explanation",
           "Fit", "Imported", "LawComparison", "Leak", "Metric", "PeoplePrediction", "Posterior", "Proposal",
            "Recovery",
           "Selection", "Sensitivity", "Span", "Summary", "Sweep", "Tolerance", "Scale", "Knob", "Line", "Signal",
           "Attention", "Range", "Regression", "Verdict"}  # fmt: skip
#: A right call takes long: only values that are wrong are tried there.
SLOW = {"compare", "live", "scorecard", "verify", "predict_people", "amortise", "calibrate", "compare_laws", "design",
        "fit", "fit_jointly", "posterior", "recover", "sample_posterior", "sensitivity", "sweep", "check", "limit",
        "attention_of", "weigh", "rows", "run", "watch", "regress"}  # fmt: skip


class Door(NamedTuple):
    """One door: how it is called, with what it is called rightly, and what it says of each argument."""

    name: str
    call: Callable[..., Any]
    base: Callable[[], dict[str, Any]]
    says: dict[str, str]  #: argument: its annotation
    slow: bool


# --- specimens: what a right call is made of -----------------------------------------------------------------------


@cache
def specimens() -> dict[str, Any]:
    """One of each, made once."""
    import torch

    import cogattn as ca
    from cogattn.mind import world as minds
    from cogattn.paradigms import get
    from cogattn.world.stream import display

    frame = ca.run("whole_report", arms=("human",), people=2, trials=2).frame
    stream = display(targets=2, exposure=0.1)
    session = ca.Session((stream,), which=np.zeros(2, int), gap=np.full(2, 2.0))
    x = torch.ones(1, 1, 2, 4)
    return {
        "observer": ca.Observer(), "population": ca.Population(), "stream": stream, "session": session, "frame": frame,
        "trials": ca.run("whole_report", arms=("human",), people=2, trials=2), "x": x, "mind": minds.play(stream),
        "gate": ca.GateState(gain=torch.ones(1)), "task": get("whole_report")(),
        "policy": ca.TopK(2), "layer": ca.nn.MultiheadAttention(4, 2), "dot": ca.nn.attention("dot", 4),
        "people": ca.Population().people(2), "plan": ca.nn.eviction_plan(2, 4), "events": minds.play(stream).events,
        "targets": importlib.import_module("cogattn.human").table("whole_report"),
    }  # fmt: skip


def _env() -> Any:
    import simpy

    return simpy.Environment()


def _parts() -> Any:
    import torch

    return torch.ones(1, 2, 4)


# fmt: off
#: door, without its module: a right call. What is not here is made of its annotations.
BASES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "run": lambda s: {"paradigm": "whole_report", "people": 1, "trials": 1, "arms": ("human",)},
    "compare": lambda s: {"model": "digit_reader", "people": 1, "trials": 1},
    "live": lambda s: {"seconds": 0.1, "arms": ("human",)},
    "scorecard": lambda s: {"people": 1, "trials": 1},
    "verify": lambda s: {"quick": True},
    "explain": lambda s: {"trials": s["trials"]},
    "load": lambda s: {"folder": "no_such_folder"},
    "predict_people": lambda s: {"fit": {"whole_report": s["frame"]}, "predict": {"whole_report": s["frame"]}},
    "workers": lambda s: {"backend": "threading"},
    "Change": lambda s: {"time": 0.1, "element": "a", "weight": 1.0},
    "GateState": lambda s: {"gain": _tensor(1)},
    "Lapse": lambda s: {"p": 0.1},
    "Mind": lambda s: {"env": _env()},
    "People": lambda s: {"rows": s["people"].rows},
    "Race": lambda s: {"capacity": 20.0, "slots": 2.0},
    "Session": lambda s: {"streams": (s["stream"],), "which": np.zeros(2, int), "gap": np.ones(2)},
    "Slots": lambda s: {"k": 2.0},
    "Soft": lambda s: {"gain": 2.0},
    "TopK": lambda s: {"k": 2},
    "Spread": lambda s: {"kind": "lognormal", "mean": 60.0, "sd": 20.0},
    "Stimulus": lambda s: {"name": "a"},
    "Task": lambda s: {},
    "TaskStream": lambda s: {"stimuli": s["stream"].stimuli, "end": 1.0},
    "Trials": lambda s: {"frame": s["frame"], "config": s["trials"].config, "paradigm": s["task"]},
    "attention": lambda s: {"name": "dot", "dim": 4},
    "MultiheadAttention": lambda s: {"embed_dim": 4, "num_heads": 2},
    "SlotCache": lambda s: {"slots": 2},
    "eviction_plan": lambda s: {"slots": 2, "length": 4},
    "gated_attention": lambda s: {"q": s["x"], "k": s["x"], "v": s["x"]},
    "leak": lambda s: {"model": s["layer"], "batch": (s["x"], s["x"]), "plan": s["plan"]},
    "let_through": lambda s: {"x": _tensor(2, 3), "logits": _tensor(2, 3)},
    "nn.limit": lambda s: {"module": s["layer"], "gate": s["gate"]},
    "remember": lambda s: {"model": s["layer"], "plan": s["plan"]},
    "plan_from_events": lambda s: {"encoded": np.ones((1, 2)), "lost": np.full((1, 2), 9.0), "onset": np.arange(2.0)},
    "relaxed_topk": lambda s: {"scores": _tensor(2, 3), "k": 2, "temperature": 0.5},
    "select": lambda s: {"logits": _tensor(2, 3), "k": 2},
    "straight_through": lambda s: {"hard": _tensor(2, 3), "soft": _tensor(2, 3)},
    "Selection": lambda s: {"keep": _tensor(2, 3).bool(), "index": _tensor(2, 1).long(), "log_prob": _tensor(2)},
    "Plan": lambda s: {"slot": s["plan"].slot, "alive": s["plan"].alive},
    "paradigms.check": lambda s: {"paradigm": "whole_report", "people": 1, "trials": 1},
    "get": lambda s: {"name": "whole_report"},
    "make": lambda s: {"name": "whole_report", "options": {"set_size": 4}},
    "instance": lambda s: {"paradigm": "whole_report"},
    "register": lambda s: {"paradigm": type(s["task"])},
    "fit": lambda s: {"paradigm": "whole_report", "data": s["frame"]},
    "human.fit": lambda s: {"name": "go_nogo"},
    "sample_posterior": lambda s: {"paradigm": "whole_report", "data": s["frame"], "draws": 10, "chains": 1},
    "posterior": lambda s: {"paradigm": "whole_report", "data": s["frame"], "draws": 10, "chains": 1},
    "fit_jointly": lambda s: {"tasks": {"whole_report": s["frame"]}},
    "compare_laws": lambda s: {"paradigm": "whole_report", "data": s["frame"]},
    "calibrate": lambda s: {"paradigm": "whole_report", "replications": 2, "trials": 2},
    "recover": lambda s: {"design": [("whole_report", 2)], "people": 2},
    "design": lambda s: {"paradigm": "whole_report", "param": "capacity", "check": 0},
    "amortise": lambda s: {"paradigm": "whole_report", "params": ["capacity"], "simulations": 8, "epochs": 1},
    "sensitivity": lambda s: {"paradigm": "whole_report", "params": ["capacity"], "metric": "stored", "n": 2},
    "sweep": lambda s: {"paradigm": "whole_report", "params": ["capacity"], "goal": "min capacity", "candidates": 1},
    "trained": lambda s: {"folder": "no_such_folder"},
    "table": lambda s: {"name": "go_nogo"}, "halves_of": lambda s: {"name": "go_nogo"},
    "human.read": lambda s: {"name": "go_nogo"}, "source": lambda s: {"name": "go_nogo"},
    "display": lambda s: {"targets": 2, "exposure": 0.1},
    "one_by_one": lambda s: {"elements": 3, "pace": 0.5},
    "cohort.play": lambda s: {"streams": s["stream"], "observers": [s["observer"]], "person": 0, "trial": 0},
    "cohort.run_session": lambda s: {"session": s["session"], "observers": [s["observer"]]},
    "world.play": lambda s: {"stream": s["stream"]},
    "world.run_session": lambda s: {"session": s["session"]},
    "knobs.mind": lambda s: {"values": {"capacity": 20.0}},
    "preset": lambda s: {"name": "Two slots"},
    "from_text": lambda s: {"text": "capacity = 3.0"},
    "limits_of": lambda s: {"arm": "human"},
    "shipped": lambda s: {"level": "low"},
    "parse": lambda s: {"text": "0:00:00;start"},
    "plackett_luce": lambda s: {"order": [0, 1], "w": [0.5, 0.5]},
    "stored_set": lambda s: {"s": [0], "v": [1.0, 2.0], "tau": 0.1, "k": 1},
    "Conflict": lambda s: {"rate": 4.0, "lead": 0.5},
    "chrome_trace": lambda s: {"events": s["events"]}, "trace_text": lambda s: {"events": s["events"]},
    "spans": lambda s: {"record": s["events"]}, "tracks": lambda s: {"record": s["events"]},
    "events.check": lambda s: {"events": s["events"]},
    "survival": lambda s: {"t": [0.1], "h0": 0.1, "pools": [(1.0, 0.1, 0.5, 0.2)]},
    "laws.sleepiness": lambda s: {"hours": [1.0], "sleep": [(0.0, 8.0)]},
}
# fmt: on


def _tensor(*shape: int) -> Any:
    import torch

    return torch.ones(*shape)


#: methods: what they belong to, as a specimen
OWNERS = ("observer", "population", "stream", "session", "trials", "mind", "gate", "policy", "layer", "dot", "people",
          "plan")  # fmt: skip
#: Torch's own, and what draws (the files' kind of input tries that); a row that `People` have checked.
NO_METHODS = {"extra_repr", "figure", "plot", "figures", "save", "of_row"}

_BY_NAME: dict[str, Callable[[dict[str, Any]], Any]] = {
    **{n: (lambda s, n=n: s[n]) for n in ("observer", "population", "stream", "session", "trials", "frame")},
    "paradigm": lambda s: "whole_report", "events": lambda s: s["events"], "record": lambda s: s["events"],
    "condition": lambda s: s["task"].conditions()[0], "name": lambda s: "a", "params": lambda s: ["capacity"],
    "kind": lambda s: "compatible", "n": lambda s: np.array([2, 4]), "lag": lambda s: np.array([2, 4]),
    "sizes": lambda s: np.array([4, 8]), "rt": lambda s: np.array([0.5, 0.8]), "limits": lambda s: ["slots"],
    "values": lambda s: {"capacity": 20.0}, "spreads": lambda s: {}, "shares": lambda s: [0.5, 0.5],
    "length": lambda s: 4, "lead": lambda s: 3.0, "columns": lambda s: ["capacity"], "names": lambda s: ["capacity"],
    "observers": lambda s: [s["observer"]], "later": lambda s: s["gate"], "low": lambda s: 0.1,
    "policy": lambda s: "random", "path": lambda s: "no_such_file", "matrix": lambda s: np.eye(8),
    "q": lambda s: s["x"], "k": lambda s: s["x"], "v": lambda s: s["x"], "query": lambda s: _parts(),
    "key": lambda s: _parts(), "value": lambda s: _parts(), "table": lambda s: s["targets"],
}  # fmt: skip
_BY_KIND: tuple[tuple[str, Any], ...] = (
    ("bool", True), ("int", 2), ("float", 0.5), ("str", "x"), ("Sequence[str]", ["capacity"]), ("Mapping", {}),
    ("dict", {}),     ("ArrayLike", np.array([0.5, 0.25])), ("NDArray", np.array([0.5, 0.25])), ("Array",
     np.array([0.5, 0.25])),
    ("Demand", np.ones(8)), ("Sequence", [0.5]), ("Iterable", ["slots"]), ("Any", 0.5), ("object", "x"),
)  # fmt: skip


def _specimen(name: str, says: str, s: dict[str, Any]) -> Any:
    if name in _BY_NAME:
        return _BY_NAME[name](s)
    if "Tensor" in says:
        return _tensor(2, 3)
    return next((value for kind, value in _BY_KIND if kind in says), None)


def _base_of(name: str, says: dict[str, str], must: list[str]) -> Callable[[], dict[str, Any]]:
    parts = name.split(".")
    for key in (".".join(parts[-2:]), f"{parts[1]}.{parts[-1]}" if len(parts) > 1 else name, parts[-1]):
        if key in BASES:
            return lambda: BASES[key](specimens())
    return lambda: {a: _specimen(a, says[a], specimens()) for a in must}


def _door(name: str, call: Callable[..., Any]) -> Door | None:
    try:
        parameters = inspect.signature(call).parameters.values()
    except (TypeError, ValueError):
        return None
    taken = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    says = {p.name: _may_be_none(_said(p.annotation), p.default) for p in taken}
    if name.endswith(".MultiheadAttention"):
        says = {
            "embed_dim": "int",
            "num_heads": "int",
            "dropout": "float",
            "bias": "bool",
            "batch_first": "bool",
        }
    if name == "cogattn.run":
        says["people"] = f"{says['people']} | Crowd"
    if name.startswith("cogattn.paradigms."):  # options that are lists: one value is a list of one
        says = {
            a: f"{said} | {said[6:-6]}" if said.startswith("tuple[") else said for a, said in says.items()
        }
    if not says or any(p.kind == p.POSITIONAL_ONLY for p in taken):
        return None
    must = [p.name for p in taken if p.default is p.empty]
    return Door(name, call, _base_of(name, says, must), says, name.split(".")[-1] in SLOW)


def _may_be_none(said: str, default: Any) -> str:
    """Where nothing is the default, nothing may be given."""
    return f"{said} | None" if default is None and "None" not in said and said != "Any" else said


def _said(annotation: Any) -> str:
    annotation = getattr(annotation, "__forward_arg__", annotation)
    if annotation is inspect.Parameter.empty:
        return "Any"
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "Any")


def _public() -> Iterator[tuple[str, Any]]:
    for module in (*FACES, *HOMES):
        room = importlib.import_module(module if module in FACES else f"cogattn.{module}")
        own = [
            n for n, x in vars(room).items() if n[0] != "_" and getattr(x, "__module__", "") == room.__name__
        ]
        for name in room.__all__ if module in FACES else own:
            yield f"{room.__name__}.{name}", getattr(room, name)
    paradigms = importlib.import_module("cogattn.paradigms")
    for name in paradigms.names():
        yield f"cogattn.paradigms.{name}", paradigms.get(name)


@cache
def doors() -> tuple[Door, ...]:
    """Every door, each once."""
    found: dict[Any, Door] = {}
    for name, thing in _public():
        plain = callable(thing) and not inspect.ismodule(thing) and not hasattr(thing, "py_func")
        if plain and name.split(".")[-1] not in NOT_CALLED | RESULTS and thing not in found:
            door = _door(name, thing)
            if door is not None:
                found[thing] = door
    for owner in OWNERS:
        kind = type(specimens()[owner])
        for name, member in inspect.getmembers(kind):
            home = getattr(inspect.unwrap(getattr(member, "__func__", member)), "__module__", "") or ""
            if name[0] == "_" or name in NO_METHODS or not callable(member) or not home.startswith("cogattn"):
                continue
            door = _door(f"{owner}.{name}", _method(owner, name, member))
            if door is not None:
                found[owner, name] = door
    return tuple(found.values())


def _method(owner: str, name: str, member: Any) -> Callable[..., Any]:
    def call(**given: Any) -> Any:
        return getattr(specimens()[owner], name)(**given)

    signature = inspect.signature(member)
    own = [p for p in signature.parameters.values() if p.name != "self"]
    call.__signature__ = signature.replace(parameters=own)  # type: ignore[attr-defined]
    return call


# --- one input -----------------------------------------------------------------------------------------------------


class Input(NamedTuple):
    """What is tried: in words, whether it is wrong, and the call."""

    words: str
    wrong: bool
    call: Callable[[], Any]


def drawn(rng: random.Random, quick: bool = False) -> Input:
    """A door, and one or two of its arguments in a way that it may not expect."""
    every = [d for d in doors() if not (quick and d.slow)]
    door = rng.choice(every)
    known = [
        n for n in door.says if not door.slow or any(bad for _, bad in fuzz_values.values(door.says[n], n))
    ]
    names = rng.sample(known, min(len(known), rng.choice((1, 1, 1, 2))))
    given, wrong = {}, False
    for name in names:
        offered = fuzz_values.values(door.says[name], name)
        bad, odd = ([v for v, is_wrong in offered if is_wrong is kind] for kind in (True, False))
        is_wrong = bool(bad) and (door.slow or not odd or rng.random() < 0.4)
        value = rng.choice(bad if is_wrong else odd)
        given[name], wrong = value, wrong or is_wrong
    return _input(door, given, wrong)


def singles() -> Iterator[Input]:
    """Every argument of every door in each way that it may not expect, one at a time; of slow ones those that are
    wrong."""
    for door in doors():
        for name, said in door.says.items():
            for value, wrong in fuzz_values.values(said, name):
                if wrong or not door.slow:
                    yield _input(door, {name: value}, wrong)


def _input(door: Door, given: dict[str, fuzz_values.Value], wrong: bool) -> Input:
    """The door, with these arguments in place of right ones."""
    words = ", ".join(f"{name}={value.label}" for name, value in given.items())
    return Input(f"{door.name}({words})", wrong, lambda: used(door.call(**_made(door, given))))


def _made(door: Door, given: dict[str, fuzz_values.Value]) -> dict[str, Any]:
    return {**door.base(), **{name: value.make() for name, value in given.items()}}


def used(result: Any) -> Any:
    """What comes back is used as its caller would: entered, walked a few steps, asked whether it is right."""
    if type(result).__name__ == "Checkup" and not result.ok:
        raise InputError(f"{result.name[:60]} is not right")
    if isinstance(result, contextlib.AbstractContextManager) and not hasattr(result, "read"):
        with result:
            return None
    if inspect.isgenerator(result):
        return list(itertools.islice(result, 3))
    return result


@contextlib.contextmanager
def aside() -> Iterator[Path]:
    """An empty folder to stand in: what a value makes is thrown away."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield Path(folder)
        finally:
            os.chdir(before)
