"""cogattn: what happens to attention when it is as limited as ours?

Softmax attention is a Luce choice without limits; cogattn puts the human limits back, as events in time.

>>> import cogattn as ca
>>> ca.Observer().unlimited().capacity
inf
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cogattn._moved import MOVED, install

if TYPE_CHECKING:
    from cogattn import human, nn, paradigms, tune
    from cogattn.errors import CogattnError, InputError, RunError
    from cogattn.mind.world import Mind
    from cogattn.nn.gate import Compose, GateState, Lapse, Race, Slots, Soft, TopK
    from cogattn.observer import Observer
    from cogattn.population import Population, Spread
    from cogattn.reports.compare import compare
    from cogattn.reports.explain import explain
    from cogattn.reports.live import live
    from cogattn.reports.scorecard import scorecard
    from cogattn.reports.verify import verify
    from cogattn.reports.watch import watch
    from cogattn.runs.experiment import run
    from cogattn.runs.trials import Trials, load
    from cogattn.runs.workers import workers
    from cogattn.tune.prediction import predict_people
    from cogattn.world.session import Session
    from cogattn.world.stream import Change, Stimulus, Task, TaskStream

# Where each public name lives. Loaded when first used, so that `import cogattn` waits for neither torch nor numba.
# No module may have the name of a public function: importing it would hide the function.
_HOMES = {
    "cogattn.observer": ("Observer",),
    "cogattn.population": ("People", "Population", "Spread"),
    "cogattn.world.session": ("Session",),
    "cogattn.world.stream": ("Change", "Stimulus", "Task", "TaskStream"),
    "cogattn.mind.world": ("Mind",),
    "cogattn.runs.experiment": ("run",),
    "cogattn.runs.trials": ("Trials", "load"),
    "cogattn.reports.compare": ("compare",),
    "cogattn.reports.explain": ("explain",),
    "cogattn.reports.live": ("live",),
    "cogattn.runs.workers": ("workers",),
    "cogattn.reports.scorecard": ("scorecard",),
    "cogattn.reports.verify": ("verify",),
    "cogattn.reports.watch": ("watch",),
    "cogattn.tune.prediction": ("predict_people",),
    "cogattn.nn.gate": ("Compose", "GateState", "Lapse", "Race", "Slots", "Soft", "TopK"),
    "cogattn.errors": ("CogattnError", "InputError", "RunError"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}
_ROOMS = ("human", "nn", "paradigms", "tune")

__all__ = [
    "Change",
    "CogattnError",
    "Compose",
    "GateState",
    "InputError",
    "Lapse",
    "Mind",
    "Observer",
    "People",
    "Population",
    "Race",
    "RunError",
    "Session",
    "Slots",
    "Soft",
    "Spread",
    "Stimulus",
    "Task",
    "TaskStream",
    "TopK",
    "Trials",
    "compare",
    "explain",
    "human",
    "live",
    "load",
    "nn",
    "paradigms",
    "predict_people",
    "run",
    "scorecard",
    "tune",
    "verify",
    "watch",
    "workers",
]


install()  # modules that moved can be imported under their old names


def __getattr__(name: str) -> Any:
    if name in _ROOMS or name in MOVED:
        value = import_module(f"cogattn.{name}")
    elif name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
    else:
        raise AttributeError(f"module 'cogattn' has no attribute {name!r}")
    globals()[name] = (
        value  # a module of the same name (compare, scorecard, verify) must not hide the function
    )
    return value


def __dir__() -> list[str]:
    return list(__all__)
