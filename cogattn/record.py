"""What is said of a number of a person: the parts of its record, and where numbers come from. The records themselves:
`cogattn.parameters`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from cogattn.errors import InputError, choice, doors, number, shown


@dataclass(frozen=True)
class Bounds:
    """What a number may be; None: no bound on that side. An end that is open does not belong to the range."""

    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False
    infinite: bool = False  #: infinity has a meaning: no such limit

    @property
    def ends(self) -> tuple[float, float]:
        """The least and the greatest float that belong to it."""
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        low = math.nextafter(low, math.inf) if self.low_open or low == -math.inf else low
        return low, math.nextafter(high, -math.inf) if self.high_open or (high, self.infinite) == (
            math.inf,
            False,
        ) else high


@dataclass(frozen=True)
class Slider:
    """The usual range, as a slider of the page. main: always there; log: equal steps are equal factors; endless: the
    last place is infinity."""

    group: str
    words: str  #: what it is, in plain words
    low: float
    high: float
    log: bool = False
    endless: bool = False
    main: bool = False


@dataclass(frozen=True)
class Scaling:
    """The scale on which people are taken as normal in fits. middle: of people, in the parameter's own unit (None: of
    the adults, or the default); sd: between people, on the scale (None: the adults')."""

    kind: Literal["plain", "log", "logit"]
    low: float
    high: float
    sd: float | None = None
    middle: float | None = None


@dataclass(frozen=True)
class Source:
    """Where a number comes from: estimated from human tables, an assumption, or technical (structure, definition)."""

    status: Literal["estimated", "assumption", "technical"]
    basis: str
    tables: tuple[str, ...] = ()
    script: str = ""  #: of simulations/, that shows how


def technical(basis: str) -> Source:
    """It is structure, or so by definition."""
    return Source("technical", basis)


def least(low: float, high: float | None = None, infinite: bool = False) -> Bounds:
    """From low on."""
    return Bounds(low, high, infinite=infinite)


def above(low: float, high: float | None = None, infinite: bool = False) -> Bounds:
    """Above low."""
    return Bounds(low, high, low_open=True, infinite=infinite)


SHARE = least(0, 1)
SECONDS = least(0, 60)
RATE = least(0, 1e6)
POSITIVE = above(0, 1e9)


def share(sd: float) -> Scaling:
    """A share: its log odds are normal; sd of these [assumption]."""
    return Scaling("logit", 1e-4, 1 - 1e-4, sd)


def factor(low: float, high: float, sd: float = 0.3) -> Scaling:
    """It varies by factors: its logarithm is normal; sd of that [assumption]."""
    return Scaling("log", low, high, sd)


RACE = Source(
    "estimated", "mean and sd of C, K, t0 and alpha (fits to whole and partial report)", ("tva_parameters",)
)
TIME_ON_TASK = Source(
    "estimated",
    "speed and lapses by bin, sd of speed, false starts; autocorrelation of RT and lapses at lags 1 2 3 5",
    ("simple_rt_time_on_task", "simple_rt_lapse_clustering"),
    "where_do_the_fatigue_numbers_come_from.py",
)
BLINK = Source(
    "estimated", "Berkeley: T2 given T1 by lag, mean and sd of people; swaps at lag 1", ("attentional_blink",),
    "where_do_the_blink_numbers_come_from.py",
)  # fmt: skip
SEARCH = Source(
    "estimated", "RT, its sd, misses and slopes of three displays", ("visual_search", "visual_search_slopes"),
    "where_do_the_search_numbers_come_from.py",
)  # fmt: skip
PRACTICE = Source(
    "estimated", "curves of feature and conjunction search", ("visual_search_practice",),
    "where_do_the_search_numbers_come_from.py",
)  # fmt: skip
CONFLICT = Source(
    "estimated", "quantiles, delta plots, errors; flankers' accuracy by fifth",
    ("flanker", "flanker_caf_delta", "stroop", "stroop_caf_delta"), "where_do_the_conflict_numbers_come_from.py",
)  # fmt: skip
ACROSS = Source(
    "estimated", "spread between people and correlations of eight tasks",
    ("people_across_tasks", "people_across_tasks_correlations"),
    "where_do_the_persons_numbers_come_from.py",
)  # fmt: skip
SLIPS = Source(
    "estimated", "errors where nothing conflicts, in four tasks: mean and sd between people",
    ("stroop", "simon_sro", "ant_sro", "people_across_tasks"), "where_do_the_persons_numbers_come_from.py",
)  # fmt: skip
MEAN = Source("technical", "the population's mean")
UNSAID = Source(
    "assumption", "the tables of eight tasks do not say (where_do_the_persons_numbers_come_from.py)"
)
SPAN = Source("estimated", "forward: whole lists in order, by length", ("digit_span_by_length_sro",))
WARINESS = Source("estimated", "RT after an error minus after a withhold", ("go_nogo",))
READINESS = Source(
    "estimated",
    "commissions by fifth: their mean (the task's readiness), their sd between people",
    ("go_nogo",),
)
CRITERION = Source(
    "estimated", "criterion by block as it is scored, its mean and sd", ("vigilance_by_block",)
)
AS_TIRING = Source("assumption", "1 / slow_tiring; the table hardly tells it (1,300 s, standard error 1,600)")
EVEN = technical("structure: as even as on task")
SLEEP = Source("estimated", "mean RT by day, its mean over days left free", ("sleep_restriction",))
ROUNDED = Source("technical", "the population's mean (alpha: median), rounded")
NO_TABLE = Source("assumption", "no table")
FIXED = Source("assumption", "held fixed in the fit of time on task")
CUT = Source("technical", "cut of the distribution")


@dataclass(frozen=True)
class Adults:
    """How healthy adults differ: the arguments of `population.Spread`, and where they come from."""

    kind: str
    mean: float
    sd: float = 0.0
    low: float = 0.0
    high: float = math.inf
    source: Source = Source("assumption", "as the observer's")
    mean_source: Source | None = None  #: where it is another one

    def sources(self) -> dict[str, Source]:
        """Of each part that is not as in any other spread."""
        out = {"mean": self.mean_source or self.source}
        out |= {"sd": self.source} if self.sd else {}
        out |= {"low": CUT} if self.low else {}
        return out | ({"high": CUT} if self.high != math.inf else {})


@dataclass(frozen=True)
class Parameter:
    """One number of a person."""

    name: str
    symbol: str
    unit: str
    meaning: str
    default: float
    bounds: Bounds
    group: str  #: what it is about
    source: Source
    slider: Slider | None = None
    scale: Scaling | None = None
    adults: Adults | None = None
    limit: str = ""  #: the limit that it makes, if any ...
    lifted: float | None = None  #: ... and the value that lifts it
    aliases: tuple[str, ...] = ()  #: names that it had before

    @property
    def kind(self) -> type[float] | type[bool]:
        """A number, or a switch."""
        return bool if isinstance(self.default, bool) else float

    @property
    def told(self) -> str:
        """Symbol and meaning."""
        return f"{self.symbol}, {self.meaning}" if self.symbol else self.meaning[0].upper() + self.meaning[1:]

    @property
    def range(self) -> str:
        """The hard bounds in words, e.g. `> 0, or infinite`."""
        b = self.bounds
        if self.kind is bool:
            return "yes or no"
        ends = [f"{'>' if b.low_open else '>='} {b.low:g}"] if b.low is not None else []
        ends += [f"{'<' if b.high_open else '<='} {b.high:g}"] if b.high is not None else []
        return (" and ".join(ends) or "finite") + (", or infinite" if b.infinite else "")

    def check(self, value: object, whose: str = "") -> None:
        """Refuse what is out of range, by name; `whose` goes before the name."""
        if self.kind is bool:
            if not isinstance(value, bool):
                raise InputError(f"{whose}{self.name} must be True or False, got {shown(value)}")
            return
        b = self.bounds
        above, least = (b.low, None) if b.low_open else (None, b.low)
        below, most = (b.high, None) if b.high_open else (None, b.high)
        number(
            f"{whose}{self.name}", value, above=above, least=least, below=below, most=most, infinite=b.infinite,
            unit=self.unit,
        )  # fmt: skip


@dataclass(frozen=True)
class Sum:
    """Parameters whose sum has a bound of its own."""

    names: tuple[str, ...]
    most: float
    why: str

    def check(self, values: Sequence[float], whose: str = "") -> None:
        """Refuse what is too much together."""
        if sum(values) > self.most:
            raise InputError(
                f"{whose}{' + '.join(self.names)} must be <= {self.most:g} ({self.why}), "
                f"got {' + '.join(map(str, values))}"
            )


@dataclass(frozen=True)
class Spread:
    """How one parameter differs between people: a distribution with the given mean and sd.

    kind `constant`, `lognormal` (moments of the variable itself), `censored` (a normal), `truncated` (a normal cut to
    [low, high]) or `logitnormal` (a share between 0 and 1). Whoever would be below `low` is at `low`, and above `high`
    at `high`; of a truncated normal there are no such people. For `censored` and `truncated`, `mean` and `sd` are those
    of the normal; for `logitnormal`, `mean` is the share of the person in the middle and `sd` that of the log odds.

    >>> Spread("lognormal", mean=60.0, sd=20.0).at([0.1, 0.5, 0.9]).round(1).tolist()
    [37.6, 56.9, 86.3]
    """

    kind: str
    mean: float
    sd: float = 0.0
    low: float = 0.0
    high: float = math.inf

    def __post_init__(self) -> None:
        choice("kind of spread", self.kind, ("constant", "lognormal", "censored", "truncated", "logitnormal"))
        number("mean of a spread", self.mean, above=0 if self.kind in ("lognormal", "logitnormal") else None)
        if self.kind == "logitnormal":
            number("mean of a logitnormal spread", self.mean, most=1)
        number("sd of a spread", self.sd, least=0)
        number("low of a spread", self.low)
        number("high of a spread", self.high, above=self.low, infinite=True)
        if self.kind != "constant" and self.sd == 0:
            raise InputError(f"sd of a {self.kind} spread must be > 0, got 0 (use kind='constant')")

    def at(self, u: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The value below which a share `u` of people lies."""
        from scipy import special  # here: it takes longer to load than all the rest

        u = np.asarray(u, float)
        if self.kind == "constant":
            return np.full(u.shape, self.mean)
        if self.kind == "truncated":
            a, b = (self.low - self.mean) / self.sd, (self.high - self.mean) / self.sd
            return self.mean + self.sd * _truncated(u, a, b)
        z = special.ndtri(u)
        if self.kind == "lognormal":
            sigma = math.sqrt(math.log1p((self.sd / self.mean) ** 2))
            x = np.exp(math.log(self.mean) - sigma**2 / 2 + sigma * z)
        elif self.kind == "logitnormal":
            x = special.expit(special.logit(self.mean) + self.sd * z)
        else:
            x = self.mean + self.sd * z
        return np.clip(x, self.low, self.high)


def _truncated(u: npt.NDArray[np.float64], a: float, b: float) -> npt.NDArray[np.float64]:
    """Where a share u lies below in a standard normal between a and b, to the last bit as scipy.stats has it: that
    takes half a second to load."""
    from scipy import special

    if a >= 0 or b <= 0:
        from scipy import stats

        return np.asarray(stats.truncnorm.ppf(u, a, b))
    with np.errstate(divide="ignore", invalid="ignore"):  # the two ends are known
        inside = np.log(u) + special.log1p(-special.ndtr(a) - special.ndtr(-b))
        x = special.ndtri_exp(special.logsumexp([np.full_like(u, special.log_ndtr(a)), inside], axis=0))
    return np.where(u <= 0, a, np.where(u >= 1, b, x))


doors(__name__, "Spread")
