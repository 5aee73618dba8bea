"""Every number of a person: one record each, and all that is said of it.

`PARAMETERS` holds the records. From them come `Observer` and its checks, the limits that make arms, the spread of
adults, the columns of `People` (`PERSON`), the sliders of the page, the scales of fits, the rows of
`human/population.csv` and the table in the docs. A new parameter is one record, at the end (the order says which
dimension of a population's sequence is whose), and its use.

>>> BY_NAME["slots"].told
'K, visual short-term memory: 3.06 means 3 slots on 94 % of trials and 4 on 6 %'
>>> BY_NAME["slots"].check(-1.0)
Traceback (most recent call last):
    ...
cogattn.errors.InputError: slots must be >= 0 items (infinity allowed), got -1.0
>>> PERSON.names[:3]
('capacity', 'slots', 'threshold')
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from cogattn._renamed import said_gone, told
from cogattn.errors import InputError
from cogattn.record import (
    ACROSS,
    AS_TIRING,
    BLINK,
    CONFLICT,
    CRITERION,
    EVEN,
    FIXED,
    MEAN,
    NO_TABLE,
    POSITIVE,
    PRACTICE,
    RACE,
    RATE,
    READINESS,
    ROUNDED,
    SEARCH,
    SECONDS,
    SHARE,
    SLEEP,
    SLIPS,
    SPAN,
    TIME_ON_TASK,
    UNSAID,
    WARINESS,
    Adults,
    Bounds,
    Parameter,
    Scaling,
    Slider,
    Source,
    Sum,
    above,
    factor,
    least,
    share,
    technical,
)

_T = TypeVar("_T")


# --- what they are about ---------------------------------------------------------------------------------------------

SEEN, SPEED, FATIGUE, WANDERING = "what is seen and held", "response speed", "fatigue", "wandering"
CHOICES, STORING, TURNING = "two choices", "consolidation", "turning between tasks"
SELECTIVITY, CAPACITY, TIRING = "Selectivity", "Capacity", "Fatigue"  # of the sliders

#: The limits in the order of their arms. A limit is known as soon as a record names it; this is the order of the old.
_LIMITS = ("capacity", "slots", "threshold", "speed", "central", "consolidation", "focus", "fatigue")

PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        "capacity", "C", "items/s", "total processing rate shared by all elements on display",
        65.5, above(0, infinite=True), SEEN, ROUNDED, limit="capacity", lifted=math.inf,
        slider=Slider(CAPACITY, "C, how fast items are taken in", 2.0, 500.0, True, True, True),
        scale=Scaling("log", 0.1, 2000.0), adults=Adults("lognormal", 65.5036, 27.8968, source=RACE)),
    Parameter(
        "slots", "K", "items", "visual short-term memory: 3.06 means 3 slots on 94 % of trials and 4 on 6 %",
        3.06, least(0, infinite=True), SEEN, ROUNDED, limit="slots", lifted=math.inf,
        slider=Slider(CAPACITY, "K, how many items memory holds", 0.0, 12.0, False, True, True),
        scale=Scaling("plain", 0.05, 8.0), adults=Adults("truncated", 3.0459, 0.8023, 1.0, 6.0, RACE)),
    Parameter(
        "threshold", "t0", "s", "longest exposure that encodes nothing",
        0.0079, least(0), SEEN, ROUNDED, limit="threshold", lifted=0.0,
        slider=Slider(CAPACITY, "t0, longest glimpse that gives nothing", 0.0, 0.15, main=True),
        scale=Scaling("plain", 0.0, 1.0), adults=Adults("censored", 0.00689, 0.00836, source=RACE)),
    Parameter(
        "alpha", "alpha", "", "weight of a distractor over that of a target: 0 = perfect selection, 1 = none",
        0.44, least(0), SEEN, ROUNDED,
        slider=Slider(SELECTIVITY, "how much distractors draw (1 = as targets)", 0.0, 2.0, main=True),
        scale=Scaling("log", 1e-4, 50.0), adults=Adults("lognormal", 0.6032, 0.5723, source=RACE)),
    Parameter(
        "persistence", "mu", "s", "how long an unmasked element outlives its offset",
        0.1, least(0), SEEN, Source("assumption", "no masked task depends on it"),
        slider=Slider(CAPACITY, "how long an image outlives its stimulus", 0.0, 1.0),
        scale=factor(1e-3, 5.0, 0.5), adults=Adults("constant", 0.1)),
    Parameter(
        "reallocate", "", "", "no: rates are fixed by all that is on display (TVA); yes: what is done hands its rate "
        "to the rest",
        False, Bounds(0, 1), SEEN, technical("a switch between two theories of the race"),
        slider=Slider(CAPACITY, "what is done hands its speed to the rest", 0, 1)),
    Parameter(
        "speed", "s0", "1/s", "mean of 1/RT of a simple response when rested; infinite: responses take no time",
        3.28, above(0, infinite=True), SPEED, technical("the population's mean"), limit="speed", lifted=math.inf,
        slider=Slider(CAPACITY, "simple responses a second, rested", 0.5, 20.0, True, True, True),
        scale=Scaling("plain", 0.3, 15.0), adults=Adults("truncated", 3.28, 0.34, 1.2, 6.0, ACROSS, TIME_ON_TASK)),
    Parameter(
        "speed_sd", "", "1/s", "sd of 1/RT within a rested person",
        0.514, POSITIVE, SPEED, MEAN,
        slider=Slider(CAPACITY, "how much response speed varies within a person", 0.05, 3.0, True),
        scale=Scaling("log", 0.05, 5.0),
        adults=Adults("lognormal", 0.514, 0.26, source=ACROSS, mean_source=TIME_ON_TASK)),
    Parameter(
        "fast_loss", "gF", "", "share of alertness that a full fast deficit takes",
        0.0327, least(0, 0.9), FATIGUE, TIME_ON_TASK, limit="fatigue", lifted=0.0,
        slider=Slider(TIRING, "alertness lost within seconds", 0.0, 0.45, main=True),
        scale=Scaling("plain", 0.0, 0.3, 0.05)),
    Parameter(
        "slow_loss", "gS", "", "share of alertness that a full slow deficit takes",
        0.214, least(0, 0.9), FATIGUE, TIME_ON_TASK, limit="fatigue", lifted=0.0,
        slider=Slider(TIRING, "alertness lost over minutes, hours", 0.0, 0.45, main=True),
        scale=Scaling("plain", 0.0, 0.6, 0.1)),
    Parameter(
        "memory_loss", "gM", "", "share of sensitivity that a full deficit of holding a standard in mind takes",
        0.25, SHARE, FATIGUE, NO_TABLE, limit="fatigue", lifted=0.0,
        slider=Slider(TIRING, "sensitivity lost by holding on", 0.0, 1.0, main=True), scale=share(0.7)),
    Parameter(
        "sleep_loss", "gU", "", "share of alertness that a sleepiness of 24.12 (the end of the Unified Model's scale) "
        "takes",
        0.2, least(0, 0.9), FATIGUE, SLEEP, limit="fatigue", lifted=0.0,
        slider=Slider(TIRING, "alertness lost to lack of sleep", 0.0, 0.9, main=True), scale=share(0.5)),
    Parameter(
        "wandering", "m", "", "how much more often than others this person's attention leaves its task; 0 = never",
        1.0, RATE, WANDERING, technical("a share of the population's mean: 1 by definition"), limit="fatigue",
        lifted=0.0,
        slider=Slider(TIRING, "how often the mind leaves its task", 0.0, 20.0, main=True),
        scale=Scaling("log", 1e-3, 100.0),
        adults=Adults("lognormal", 1.0, 1.534, source=Source("assumption", "how unequally people lapse"),
                      mean_source=technical("1 by definition"))),  # sd 1.1 of its logarithm
    Parameter(
        "lapse_base", "h0", "1/s", "lapses of a rested mind at work",
        1 / 169, RATE, WANDERING, TIME_ON_TASK,
        slider=Slider(TIRING, "lapses of a rested mind", 1e-4, 1.0, True), scale=factor(1e-5, 10.0, 0.7)),
    Parameter(
        "lapse_fast", "hF", "1/s", "lapses added by a full fast deficit",
        1 / 300, RATE, WANDERING, FIXED,
        slider=Slider(TIRING, "lapses added by tiredness of seconds", 1e-4, 1.0, True)),
    Parameter(
        "lapse_slow", "hS", "1/s", "lapses added by a full slow deficit",
        1 / 29, RATE, WANDERING, TIME_ON_TASK,
        slider=Slider(TIRING, "lapses added by tiredness of minutes", 1e-4, 1.0, True)),
    Parameter(
        "lapse_duration", "tau_off", "s", "mean time that attention stays away",
        11.8, POSITIVE, WANDERING, TIME_ON_TASK, aliases=("away",),
        slider=Slider(TIRING, "how long attention stays away", 0.2, 120.0, True), scale=factor(0.1, 1000.0)),
    Parameter(
        "lapse_speed", "", "", "rates and response speed while attention is away, as a share",
        0.725, above(0, 1), WANDERING, FIXED, aliases=("away_speed",),
        slider=Slider(TIRING, "response speed while it is away, as a share", 0.05, 1.0)),
    Parameter(
        "lapse_spread", "", "", "sd of 1/RT while attention is away, times that on task",
        1.0, POSITIVE, WANDERING, EVEN, aliases=("away_spread",),
        slider=Slider(TIRING, "how much responses vary while it is away", 0.1, 10.0, True)),
    Parameter(
        "fast_tiring", "dF", "1/s", "rate at which full load fills the fast deficit",
        1 / 50, RATE, FATIGUE, TIME_ON_TASK,
        slider=Slider(TIRING, "how fast tiredness of seconds builds up", 1e-4, 1.0, True)),
    Parameter(
        "fast_recovery", "rwF", "1/s", "recovery of the fast deficit at work",
        1 / 600, RATE, FATIGUE, NO_TABLE, slider=Slider(TIRING, "how fast it goes at work", 1e-5, 1.0, True)),
    Parameter(
        "fast_rest", "rrF", "1/s", "recovery of the fast deficit at rest",
        1 / 3, RATE, FATIGUE, TIME_ON_TASK, slider=Slider(TIRING, "how fast it goes at rest", 1e-4, 3.0, True)),
    Parameter(
        "slow_tiring", "dS", "1/s", "rate at which full load fills the slow deficit (and the deficit of memory)",
        1 / 1100, RATE, FATIGUE, FIXED,
        slider=Slider(TIRING, "how fast tiredness of minutes builds up", 1e-5, 0.1, True)),
    Parameter(
        "slow_recovery", "rwS", "1/s", "recovery of the slow deficit at work",
        1 / 3600, RATE, FATIGUE, NO_TABLE, slider=Slider(TIRING, "how fast it goes at work", 1e-6, 0.1, True)),
    Parameter(
        "slow_rest", "rrS", "1/s", "recovery of the slow deficit at rest",
        1 / 300, RATE, FATIGUE, NO_TABLE, slider=Slider(TIRING, "how fast it goes at rest", 1e-5, 0.1, True)),
    Parameter(
        "criterion", "c0", "sd of the noise", "criterion of a fresh observer: 0 = halfway between noise and signal",
        0.333, Bounds(), "criterion", MEAN,
        slider=Slider(CAPACITY, "how much evidence a signal needs; 0 = no bias", -2.0, 3.0),
        scale=Scaling("plain", -2.0, 3.0), adults=Adults("censored", 0.333, 0.475, -5.0, source=CRITERION)),
    Parameter(
        "criterion_shift", "kappa", "sd of the noise", "how far the criterion moves away from a rare signal in the end",
        0.343, Bounds(), "criterion", CRITERION, limit="fatigue", lifted=0.0,
        slider=Slider(TIRING, "how far caution grows where signals are rare", -1.0, 2.0),
        scale=Scaling("plain", -1.0, 2.0, 0.2)),
    Parameter(
        "criterion_time", "tau_y", "s", "time in which the criterion moves while at work",
        1100.0, POSITIVE, "criterion", AS_TIRING,
        slider=Slider(TIRING, "how long that takes", 30.0, 20000.0, True)),
    Parameter(
        "criterion_rest", "", "s", "time in which it moves back at rest",
        300.0, POSITIVE, "criterion", NO_TABLE,
        slider=Slider(TIRING, "how long it takes to go back at rest", 10.0, 20000.0, True)),
    Parameter(
        "anticipation", "", "", "share of responses given before they can be answers (under 0.1 s)",
        0.0025, SHARE, SPEED, TIME_ON_TASK,
        slider=Slider(CAPACITY, "share of responses given too early to be answers", 0.0, 0.2), scale=share(1.0)),
    Parameter(
        "sharpness", "gb", "", "selection is w ** (alertness ** gb); 0 = selection never tires",
        1.0, RATE, FATIGUE, NO_TABLE,
        slider=Slider(SELECTIVITY, "how much selection suffers when tired; 0 = never", 0.0, 4.0)),
    Parameter(
        "tempo_share", "", "", "share of the variance of 1/RT that is slow: runs of fast and of slow responses",
        0.32, least(0, 0.99), SPEED, TIME_ON_TASK,
        slider=Slider(CAPACITY, "share of that variation that comes in runs", 0.0, 0.99), scale=share(0.7)),
    Parameter(
        "tempo_time", "", "s", "how long such a run lasts (autocorrelation e^{-t / tempo_time}); also how long an "
        "error makes wary",
        4.5, above(0, 1e6), SPEED, TIME_ON_TASK,
        slider=Slider(CAPACITY, "how long such a run lasts", 0.5, 100.0, True)),
    Parameter(
        "wariness", "", "", "how much more evidence is waited for right after a noticed error, as a share",
        1.0, least(0, 10), SPEED, WARINESS,
        slider=Slider(CAPACITY, "extra evidence waited for after an error", 0.0, 2.0), scale=factor(1e-3, 5.0, 0.5)),
    Parameter(
        "central_share", "s", "", "what the first of two choices has of the central stage: 1 = all (bottleneck), 1/2 = "
        "as much as the other",
        1.0, least(0.5, 1), CHOICES, technical("structure: bottleneck (PRP's RT1)"), aliases=("share",),
        slider=Slider(CAPACITY, "1 = one choice at a time, .5 = two share", 0.5, 1.0, main=True),
        scale=Scaling("plain", 0.5, 1.0, 0.15, 0.9)),
    Parameter(
        "central", "", "", "what the central stage has to give to all choices together, at most 1 to each; infinite: "
        "each has all it needs",
        1.0, above(0, infinite=True), CHOICES, technical("structure: one processor"), limit="central", lifted=math.inf,
        slider=Slider(CAPACITY, "what the central stage gives to all choices together", 0.1, 4.0, True, True)),
    Parameter(
        "slip", "", "", "how often the wrong key is pressed though the answer is known",
        0.02, SHARE, SPEED, MEAN, limit="speed", lifted=0.0,
        slider=Slider(CAPACITY, "how often the wrong key is pressed", 0.0, 0.5),
        scale=Scaling("logit", 1e-4, 1 - 1e-4), adults=Adults("logitnormal", 0.013, 1.1, source=SLIPS)),
    Parameter(
        "response_grouping", "", "s", "how long a chosen response is held back for the next one; 0 = it is given at "
        "once",
        0.0, SECONDS, CHOICES, technical("structure: no response is held back"), limit="speed", lifted=0.0,
        aliases=("grouping",),
        slider=Slider(CAPACITY, "how long a response waits for the next one", 0.0, 1.0)),
    Parameter(
        "dwell", "", "s", "mean time that consolidating a selected item locks the store's door, beside `dwell_counts`",
        0.259, SECONDS, STORING, BLINK, limit="consolidation", lifted=0.0,
        slider=Slider(CAPACITY, "how long an item shuts memory's door", 0.0, 1.0, main=True),
        scale=factor(0.01, 5.0)),
    Parameter(
        "dwell_sd", "", "s", "sd of the time that consolidation takes",
        0.197, SECONDS, STORING, BLINK, limit="consolidation", lifted=0.0,
        slider=Slider(CAPACITY, "how much settling an item varies", 0.0, 0.5), scale=factor(0.005, 2.0)),
    Parameter(
        "sparing", "q", "", "how often what is selected within the window slips in with the item being consolidated",
        1.0, SHARE, STORING, technical("structure: all that is selected within the window"),
        slider=Slider(CAPACITY, "how often a neighbour in time slips in", 0.0, 1.0),
        scale=Scaling("logit", 1e-4, 1 - 1e-4, 0.7, 0.8)),
    Parameter(
        "sparing_window", "W", "s", "that window, from the onset of the item that is consolidated",
        0.148, SECONDS, STORING, BLINK,
        slider=Slider(CAPACITY, "how close such a neighbour must come", 0.0, 0.5), scale=factor(0.01, 1.0)),
    Parameter(
        "order_sd", "", "s", "sd of the noise in when an item seems to have come: close ones may change places",
        0.061, SECONDS, STORING, BLINK, limit="consolidation", lifted=0.0,
        slider=Slider(CAPACITY, "how blurred the order of items is", 0.0, 0.5), scale=factor(0.001, 1.0)),
    Parameter(
        "memory_life", "", "s", "mean time that an item stays in the store if nothing displaces it",
        math.inf, above(0, infinite=True), SEEN, technical("structure: only displacement"), limit="slots",
        lifted=math.inf,
        slider=Slider(CAPACITY, "how long an item stays if nothing pushes it out", 0.2, 100.0, True, True)),
    Parameter(
        "switch_rate", "", "1/s", "how often it is decided anew which task attention is on",
        0.5, least(0, 1000), TURNING, NO_TABLE, aliases=("restless",),
        slider=Slider(SELECTIVITY, "how often it is decided anew which task to attend to", 0.0, 5.0),
        scale=factor(0.01, 100.0, 0.5)),
    Parameter(
        "task_inertia", "", "", "how much more the task that has attention draws it than it would otherwise",
        3.0, above(0, 1e6), TURNING, NO_TABLE, aliases=("stay",),
        slider=Slider(SELECTIVITY, "how much the task at hand holds attention", 0.1, 30.0, True),
        scale=factor(0.01, 1000.0, 0.5)),
    Parameter(
        "switch_time", "", "s", "how long attention is nowhere between two tasks",
        0.2, SECONDS, TURNING, NO_TABLE, limit="focus", lifted=0.0,
        slider=Slider(CAPACITY, "time lost between two tasks", 0.0, 2.0), scale=factor(0.005, 10.0, 0.4)),
    Parameter(
        "unattended_weight", "", "", "weight of what belongs to other tasks while attention is on one, as a share",
        0.1, SHARE, TURNING, NO_TABLE, limit="focus", lifted=1.0, aliases=("spill",),
        slider=Slider(SELECTIVITY, "how much other tasks draw", 0.0, 1.0, main=True), scale=share(0.7)),
    Parameter(
        "search_group", "", "items", "how many items a visit of a search takes at once",
        5.23, least(1, 63), "search", SEARCH, aliases=("group",),
        slider=Slider(SELECTIVITY, "items that a glance in a search takes", 1.0, 20.0, main=True),
        scale=factor(1.0, 63.0, 0.4)),
    Parameter(
        "quit_growth", "", "", "how much the weight of quitting grows with every group that was rejected; that of a "
        "target is 1",
        0.28, RATE, "search", SEARCH, limit="speed", lifted=0.0,
        slider=Slider(SELECTIVITY, "how soon a search in vain is given up", 0.0, 3.0), scale=factor(1e-3, 100.0, 0.5)),
    Parameter(
        "visit_shape", "", "", "Weibull shape of how long a visit takes",
        1.5, above(0, infinite=True), "search", SEARCH,
        slider=Slider(SELECTIVITY, "how regular the glances of a search are", 0.3, 6.0), scale=factor(0.3, 20.0)),
    Parameter(
        "visit_hit", "", "", "time of the visit that finds the target, over that of one that rejects",
        0.91, least(0, 10), "search", SEARCH,
        slider=Slider(SELECTIVITY, "time of the glance that finds it, over one in vain", 0.0, 3.0),
        scale=factor(0.1, 5.0, 0.15)),
    Parameter(
        "evidence_threshold", "", "categorisations", "by how many categorisations one answer has to lead before it is "
        "given; 2.5 = by 2 or 3, as often the one as the other",
        3.0, least(1, 1000), "conflict", MEAN, aliases=("lead",),
        slider=Slider(SELECTIVITY, "by how many looks one answer must lead", 1.0, 10.0),
        scale=Scaling("plain", 1.0, 20.0), adults=Adults("truncated", 3.0, 0.5, 1.0, 10.0, UNSAID, CONFLICT)),
    Parameter(
        "hand", "", "", "time that eye and hand take beside a choice, over the mean adult's",
        1.0, least(0, 100), SPEED, technical("1 by definition: the mean adult"), limit="speed", lifted=0.0,
        slider=Slider(CAPACITY, "time of eye and hand, over the mean adult's", 0.0, 3.0, main=True),
        scale=Scaling("log", 0.05, 20.0),
        adults=Adults("lognormal", 1.0, 0.11, source=ACROSS, mean_source=technical("1 by definition"))),
    Parameter(
        "learning", "L", "", "instances of use per repetition: what is practised N times takes "
        "(1 + L N)^(-1/visit_shape) of its time (Logan's race)",
        0.00013, RATE, "search", PRACTICE,
        slider=Slider(CAPACITY, "how much each repetition speeds the next up", 1e-6, 0.1, True),
        scale=factor(1e-7, 1.0, 0.7)),
    Parameter(
        "day_sd", "", "", "sd from day to day of the logarithm of how fast a person is: each sitting is a day of its "
        "own; 0 = every day alike",
        0.0, least(0, 2), SPEED, technical("an observer who is given has the numbers of that day"),
        slider=Slider(CAPACITY, "how much speed differs from day to day", 0.0, 0.5),
        adults=Adults("constant", 0.09, source=ACROSS)),
    Parameter(
        "dwell_counts", "", "categorisations", "how many more of an item consolidating it takes, at its rate of "
        "encoding",
        2.4, RATE, STORING, BLINK, limit="consolidation", lifted=0.0,
        slider=Slider(CAPACITY, "how much an unclear item shuts memory's door", 0.0, 20.0), scale=factor(0.05, 100.0)),
    Parameter(
        "trace_life", "", "s", "mean time that saying an item inwardly keeps it in mind, if it is not said again",
        5.4, above(0, infinite=True), SEEN, SPAN, limit="slots", lifted=math.inf,
        slider=Slider(CAPACITY, "how long what was said once stays in mind", 0.2, 100.0, True, True),
        scale=factor(0.1, 100.0)),
    Parameter(
        "readiness", "", "", "how ready the key is where it may have to be left alone, over the mean adult's",
        1.0, least(0, 100), SPEED, technical("1 by definition: the mean adult"), limit="speed", lifted=0.0,
        slider=Slider(CAPACITY, "how ready the key is", 0.0, 3.0), scale=Scaling("log", 0.05, 20.0),
        adults=Adults("lognormal", 1.0, 0.7, source=READINESS, mean_source=technical("1 by definition"))),
)  # fmt: skip

#: What was a parameter once, and is taken and left out: of observers and populations that were kept.
GONE = {"narrowing": "what is irrelevant pushes its answer in a pulse now (Task.activation, Task.peak)"}

#: How what differs between adults goes together (a Gaussian copula): fast minds have fast hands, uneven ones slip.
TOGETHER: Mapping[str, Mapping[str, float]] = {
    "speed": {"hand": -0.8},
    "speed_sd": {"slip": 0.6},
    "wandering": {"slip": 0.4},
}

#: What has a bound together.
SUMS = (Sum(("fast_loss", "slow_loss"), 0.9, "some alertness is always left"),)


# --- what follows ----------------------------------------------------------------------------------------------------


class ByName(dict[str, _T]):
    """A table by the names of parameters; old names are found, with a warning."""

    def __missing__(self, name: str) -> _T:
        now = canonical(name)
        if now == name:
            raise KeyError(name)
        return self[now]


def limits(parameters: Sequence[Parameter] = PARAMETERS) -> dict[str, ByName[float]]:
    """What can be lifted from a mind, and the values that lift it, by limit."""
    out: dict[str, ByName[float]] = {name: ByName() for name in _LIMITS}
    for p in parameters:
        if p.limit:
            if p.lifted is None:
                raise ValueError(f"{p.name}: what lifts the limit {p.limit}?")
            out.setdefault(p.limit, ByName())[p.name] = p.lifted
    return out


def groups(parameters: Sequence[Parameter] = PARAMETERS) -> dict[str, tuple[str, ...]]:
    """The parameters by what they are about."""
    return {
        g: tuple(p.name for p in parameters if p.group == g)
        for g in dict.fromkeys(p.group for p in parameters)
    }


def columns(parameters: Sequence[Parameter] = PARAMETERS) -> np.dtype[Any]:
    """A person as a row: a float64 for each parameter, in their order; a switch is 0 or 1."""
    return np.dtype([(p.name, np.float64) for p in parameters])


BY_NAME: Mapping[str, Parameter] = ByName({p.name: p for p in PARAMETERS})
#: old name -> name
ALIASES: Mapping[str, str] = {old: p.name for p in PARAMETERS for old in p.aliases}
#: A person as a row of an array, read by compiled code as `p.capacity`, `p.slots`; `population.People` holds many.
PERSON = columns()
NAMES = tuple(BY_NAME)


def canonical(name: _T, stacklevel: int = 2) -> _T:
    """The name of a parameter today: an old one is replaced, with a warning; anything else is left as it is.

    >>> canonical("capacity")
    'capacity'
    """
    now = ALIASES.get(name) if isinstance(name, str) else None
    if now is None:
        return name
    told(f"the parameter {name}", now, stacklevel + 2)
    return now  # type: ignore[return-value]


def renamed(values: Mapping[str, _T], stacklevel: int = 2) -> dict[str, _T]:
    """The same values under the names of today."""
    out: dict[str, _T] = {}
    for name, value in values.items():
        if name in GONE:
            said_gone(f"the parameter {name}", GONE[name], stacklevel + 1)
            continue
        now = canonical(name, stacklevel + 1)
        if now in out or (now != name and now in values):
            raise InputError(
                f"{now} is given twice: {' and '.join(n for n in values if now in (n, ALIASES.get(n)))}"
            )
        out[now] = value
    return out


def checker(parameters: Sequence[Parameter] = PARAMETERS) -> Callable[[Mapping[str, Any]], None]:
    """What refuses a person, by name, who cannot be. A float within its ends is passed at once."""
    numbers = [(p.name, *p.bounds.ends, p) for p in parameters if p.kind is float]
    switches = [p for p in parameters if p.kind is bool]
    names = {p.name for p in parameters}
    sums = [s for s in SUMS if names.issuperset(s.names)]

    def check(values: Mapping[str, Any]) -> None:
        for name, low, high, p in numbers:
            value = values[name]
            if not (type(value) is float and low <= value <= high):
                p.check(value)
        for p in switches:
            p.check(values[p.name])
        for s in sums:
            s.check([values[name] for name in s.names])

    return check


def matrix(rows: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """(people, parameters): rows of `PERSON` as plain numbers, without a copy where they lie side by side."""
    rows = np.ascontiguousarray(rows)
    return rows.view(np.float64).reshape(len(rows), len(rows.dtype.names or ()))


def check_many(rows: npt.NDArray[Any], first: int = 0) -> None:
    """Refuse people among whom is one who cannot be, by the number of the first such person; row 0 has `first`."""
    if not len(rows):
        return
    x = matrix(rows)
    low, high = np.array([p.bounds.ends for p in PARAMETERS]).T
    fine = (x.min(0) >= low) & (x.max(0) <= high)  # NaN is neither
    odd = [p.name for p, yes in zip(PARAMETERS, fine, strict=True) if p.kind is bool or not yes]
    summed = [name for s in SUMS for name in s.names]
    check_columns({name: rows[name] for name in dict.fromkeys([*odd, *summed])}, first)


def check_columns(columns: Mapping[str, npt.NDArray[np.float64]], first: int = 0) -> None:
    """The same for some columns; the others are as in the mean adult."""
    for name, x in columns.items():
        p = BY_NAME[name]
        low, high = p.bounds.ends
        fine = (x == 0) | (x == 1) if p.kind is bool else (x >= low) & (x <= high)
        if not fine.all():
            who = int(fine.argmin())
            p.check(x[who].item(), f"person {first + who}: ")
    for s in SUMS:
        if columns.keys() & set(s.names):
            values = np.broadcast_arrays(*(columns.get(name, BY_NAME[name].default) for name in s.names))
            over = np.sum(values, 0) > s.most
            if over.any():
                who = int(over.argmax())
                s.check([v[who].item() for v in values], f"person {first + who}: ")
