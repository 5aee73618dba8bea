"""Modules that moved: the old names still import, and say where the module is now.

>>> import warnings
>>> with warnings.catch_warnings():
...     warnings.simplefilter("ignore", DeprecationWarning)
...     import cogattn.gantt
>>> cogattn.gantt.__name__
'cogattn.view.gantt'
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import warnings
from collections.abc import Sequence
from types import ModuleType

#: old name -> where it is now
MOVED = {
    "stream": "world.stream",
    "gate": "nn.gate",
    "subjects": "nn.networks.registry",
    "training": "nn.networks.training",
    "texts": "nn.networks.texts",
    "digits": "nn.networks.digits",
    "experiment": "runs.experiment",
    "results": "runs.trials",
    "scaling": "runs.workers",
    "comparison": "reports.compare",
    "scoring": "reports.scorecard",
    "explaining": "reports.explain",
    "verification": "reports.verify",
    "realtime": "reports.live",
    "plot": "view.plot",
    "gantt": "view.gantt",
    "tune.pressing": "tune.simple_response",
    "tune.choosing": "tune.two_choices",
    "tune.detecting": "tune.change_detection",
    "tune.sittings": "tune.sessions",
    "paradigms.watch": "paradigms.session",
    "nn.networks.subjects": "nn.networks.registry",
    "runs.scenes": "runs.batches",
    "runs.results": "runs.trials",
    "runs.scaling": "runs.workers",
    "reports.realtime": "reports.live",
    "reports.verification": "reports.verify",
    "reports.explaining": "reports.explain",
    "reports.scoring": "reports.scorecard",
    "reports.comparison": "reports.compare",
    "nn.passing": "nn.valve",
    "nn.limiting": "nn.limits",
    "tune.comparing": "tune.law_comparison",
    "tune.sampling": "tune.sampler",
    "tune.sweeping": "tune.sweeps",
    "tune.fitting": "tune.fits",
    "tune.probing": "tune.probes",
    "tune.calibrating": "tune.calibration",
    "explore.drawing": "explore.plots",
    "explore.playing": "explore.plays",
    "showing": "notebook",
    "human.importing": "human.imports",
}


def _now(old: str) -> str | None:
    """Where a module is now that was `cogattn.old`, or a part of it; None if it has not moved."""
    parts = old.split(".")
    for n in range(len(parts), 0, -1):
        home = MOVED.get(".".join(parts[:n]))
        if home is not None:
            return ".".join(("cogattn", home, *parts[n:]))
    return None


class _Moved(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """`import cogattn.OLD` gives the module that stands at its new place."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 (the import system's interface)
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        """A spec for the old names, and for nothing else."""
        package, _, rest = fullname.partition(".")
        if package == "cogattn" and _now(rest):
            return importlib.util.spec_from_loader(fullname, self)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """The module at its new place; a part of a package that moved has moved with it."""
        now = _now(spec.name.removeprefix("cogattn."))
        assert now is not None
        warnings.warn(f"{spec.name} is now {now}", DeprecationWarning, stacklevel=2)
        self._own = importlib.import_module(now)
        self._spec = self._own.__spec__
        return self._own

    def exec_module(self, module: ModuleType) -> None:
        """It has been executed; it keeps the spec of its own place."""
        module.__spec__ = self._spec


def install() -> None:
    """Make the old names importable.

    First in the row: a part of a package that moved would else be found by its path, and loaded a second time.
    """
    if not any(isinstance(finder, _Moved) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Moved())
