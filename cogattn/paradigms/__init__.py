"""Classic experiments, one file each. A new one is one file and one line here.

>>> {"breaks", "digit_stream", "go_nogo"} <= set(names())
True
>>> get("whole_report")(set_size=4, exposures=(0.05,)).conditions()
[{'exposure': 0.05, 'targets': 4, 'distractors': 0}]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Literal

from cogattn.errors import choice
from cogattn.paradigms.ant import AttentionNetworks
from cogattn.paradigms.attentional_blink import AttentionalBlink
from cogattn.paradigms.base import Answers, Condition, Metric, Paradigm
from cogattn.paradigms.breaks import Breaks
from cogattn.paradigms.capture import Capture
from cogattn.paradigms.change_detection import ChangeDetection
from cogattn.paradigms.conflict import Flanker, Stroop
from cogattn.paradigms.continuous_report import ContinuousReport
from cogattn.paradigms.control_room import ControlRoom
from cogattn.paradigms.digit_stream import DigitStream
from cogattn.paradigms.dual_task import DualTask
from cogattn.paradigms.enumeration import Enumeration
from cogattn.paradigms.global_local import GlobalLocal
from cogattn.paradigms.go_nogo import GoNoGo
from cogattn.paradigms.load_dilution import LoadDilution
from cogattn.paradigms.nback import NBack
from cogattn.paradigms.own_task import OwnTask
from cogattn.paradigms.partial_report import PartialReport
from cogattn.paradigms.posner import Posner
from cogattn.paradigms.practice import Practice
from cogattn.paradigms.prp import PRP
from cogattn.paradigms.serial_recall import SerialRecall
from cogattn.paradigms.simple_rt import PVT, SimpleRT
from cogattn.paradigms.sleep_restriction import SleepRestriction
from cogattn.paradigms.tracking import Tracking
from cogattn.paradigms.vigilance import MackworthClock, Vigilance
from cogattn.paradigms.visual_search import VisualSearch
from cogattn.paradigms.watch import Watch
from cogattn.paradigms.whole_report import WholeReport

__all__ = ["Answers", "Condition", "Metric", "OwnTask", "Paradigm", "Watch", "get", "make", "names"]

#: The names of the classic experiments, for editors that complete them; any `str` is taken, and checked.
Name = Literal[
    "ant", "attentional_blink", "breaks", "capture", "change_detection", "continuous_report",
    "control_room", "digit_stream", "dual_task", "enumeration", "flanker", "global_local", "go_nogo",
    "load_dilution", "mackworth_clock", "nback", "partial_report", "posner", "practice", "prp", "pvt",
    "serial_recall", "simple_rt", "sleep_restriction", "stroop", "tracking", "vigilance", "visual_search",
    "whole_report",
]  # fmt: skip

_ALL: dict[str, type[Paradigm]] = {
    p.name: p
    for p in (
        *(PartialReport, WholeReport, VisualSearch, Flanker, Stroop),
        *(PRP, AttentionalBlink, ChangeDetection, NBack, Enumeration, ControlRoom),
        *(ContinuousReport, Tracking, SerialRecall, DualTask, Practice),
        *(Posner, AttentionNetworks, LoadDilution, Capture, GlobalLocal),
        *(SimpleRT, PVT, GoNoGo, Vigilance, MackworthClock, Breaks, SleepRestriction, DigitStream),
    )
}


_EVERY: dict[str, type[Paradigm]] = {**_ALL, OwnTask.name: OwnTask}


def names() -> list[str]:
    """The classic experiments there are; besides, every network that brings a task of its own has `own_task`.

    >>> len(names()) >= 29
    True
    """
    return sorted(_ALL)


def get(name: Name | str) -> Callable[..., Paradigm]:
    """The paradigm of this name; call it with its options.

    >>> get("prp")().title
    'Two choices at once'
    """
    return _EVERY[choice("paradigm", name, sorted(_EVERY))]


def make(name: str, options: Mapping[str, Any]) -> Paradigm:
    """The paradigm with these options; an unknown option is refused with the nearest known one.

    >>> make("whole_report", {"set_size": 4}).set_size
    4
    """
    kind = _EVERY[choice("paradigm", name, sorted(_EVERY))]
    for option in options:
        choice(f"option of {name}", option, [f.name for f in fields(kind)])
    return kind(**options)
