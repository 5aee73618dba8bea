"""Classic experiments, one file each: a new one is one file here, or one file of your own.

>>> {"breaks", "digit_stream", "go_nogo"} <= set(names())
True
>>> get("whole_report")(set_size=4, exposures=(0.05,)).conditions()
[{'exposure': 0.05, 'targets': 4, 'distractors': 0}]
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from cogattn._renamed import old_names
from cogattn.paradigms.registry import HERE, get, instance, make, names, register, titles, unregister

if TYPE_CHECKING:
    from cogattn.paradigms.base import Answers, Condition, Metric, Paradigm
    from cogattn.paradigms.checkup import Checkup, check
    from cogattn.paradigms.own_task import NetworkTask
    from cogattn.paradigms.session import SessionParadigm

__all__ = [
    "Answers",
    "Checkup",
    "Condition",
    "Metric",
    "NetworkTask",
    "Paradigm",
    "SessionParadigm",
    "check",
    "get",
    "instance",
    "make",
    "names",
    "register",
    "titles",
    "unregister",
]

# Loaded when first used: a list of names waits for neither pandas nor numba.
_HOME = {
    **dict.fromkeys(("Answers", "Condition", "Metric", "Paradigm"), "base"),
    "NetworkTask": "own_task",
    **dict.fromkeys(("Checkup", "check"), "checkup"),
    "SessionParadigm": "session",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(f"cogattn.paradigms.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    if not name.startswith("_") and (HERE / f"{name}.py").is_file():
        return importlib.import_module(f"cogattn.paradigms.{name}")
    raise AttributeError(f"module 'cogattn.paradigms' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)


old_names(__name__, Watch="SessionParadigm", OwnTask="NetworkTask")
