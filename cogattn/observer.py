"""Who attends: the parameters of one mind, and how they differ between people.

An `Observer` is one person in the terms of Bundesen's theory of visual attention (TVA; Bundesen 1990,
Psychol Rev 97:523): `capacity` C [items/s], `slots` K, `threshold` t0 [s], `alpha` = weight of a distractor
over weight of a target. A `Population` is the spread of these numbers over people. Means and spreads of the
preset come from `human/tva_parameters.csv`: 236 maximum-likelihood fits to 59 healthy adults (tabletTVA;
Wang et al. 2021, Arch Clin Neuropsychol, doi:10.1093/arclin/acab007).

>>> Observer().unlimited().slots
inf
>>> Observer(slots=2.5).slot_mixture
((2, 0.5), (3, 0.5))
>>> Population.adults().sample(2, seed=0)[1] == Population.adults().sample(5, seed=0)[1]
True
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special, stats

from cogattn import showing
from cogattn.errors import InputError, choice, number, whole

#: What can be lifted from a mind, and the value that lifts it. `softmax` is the arm without any of them.
LIMITS: Mapping[str, Mapping[str, float]] = {
    "capacity": {"capacity": math.inf},
    "slots": {"slots": math.inf, "memory_life": math.inf},
    "threshold": {"threshold": 0.0},
    "speed": {"speed": math.inf, "slip": 0.0, "quit_growth": 0.0},
    "central": {"central": math.inf},
    "consolidation": {"dwell": 0.0, "dwell_sd": 0.0, "order_sd": 0.0},
    "focus": {"spill": 1.0, "switch_time": 0.0},
    "fatigue": {
        "fast_loss": 0.0,
        "slow_loss": 0.0,
        "memory_loss": 0.0,
        "wandering": 0.0,
        "criterion_shift": 0.0,
        "sleep_loss": 0.0,
    },
}

#: The names of arms, for editors that complete them; limits joined by + are arms, too.
Arm = Literal[
    "human",
    "softmax",
    "capacity",
    "slots",
    "threshold",
    "speed",
    "central",
    "consolidation",
    "focus",
    "fatigue",
]

#: What the parameters of a mind are about, for those who read them.
PROPERTIES: Mapping[str, tuple[str, ...]] = {
    "what is seen and held": (
        *("capacity", "slots", "threshold", "alpha", "persistence", "reallocate", "memory_life"),
    ),
    "response speed": (
        *("speed", "speed_sd", "anticipation", "tempo_share", "tempo_time", "wariness", "slip"),
    ),
    "fatigue": (
        *("fast_loss", "slow_loss", "memory_loss", "sleep_loss", "sharpness", "fast_tiring", "fast_recovery"),
        *("fast_rest", "slow_tiring", "slow_recovery", "slow_rest"),
    ),
    "wandering": (
        *("wandering", "lapse_base", "lapse_fast", "lapse_slow", "away", "away_speed", "away_spread"),
    ),
    "criterion": ("criterion", "criterion_shift", "criterion_time", "criterion_rest"),
    "two choices": ("share", "central", "grouping"),
    "consolidation": ("dwell", "dwell_sd", "sparing", "sparing_window", "order_sd"),
    "turning between tasks": ("restless", "stay", "switch_time", "spill"),
    "search": ("group", "quit_growth", "visit_shape", "visit_hit", "learning"),
    "conflict": ("lead", "narrowing"),
}

_ENDS = (2.0**-32, 1 - 2.0**-32)  # where the ends of a population are looked at: nobody is farther out
_DIMENSIONS = 64  # parameters that a person can have; fixed, so that a new one changes nobody's old ones


@dataclass(frozen=True)
class Observer:
    """One mind. Defaults: the mean healthy adult (alpha: the median, its spread is skewed).

    >>> tired = Observer(capacity=30.0, slots=2.5)
    >>> tired.under(["slots"]).capacity
    inf
    >>> tired.unlimited().slots
    inf
    """

    capacity: float = 65.5
    """C, total processing rate shared by all elements on display, items/s."""
    slots: float = 3.06
    """K, visual short-term memory, items; 3.06 means 3 slots on 94 % of trials and 4 on 6 %."""
    threshold: float = 0.0079
    """t0, longest exposure that encodes nothing, s."""
    alpha: float = 0.44
    """w_distractor / w_target: 0 = perfect selection, 1 = none."""
    persistence: float = 0.1
    """mu, how long an unmasked element outlives its offset, s. [assumption: no masked task depends on it]"""
    reallocate: bool = False
    """False: rates are fixed by all that is on display (TVA). True: what is done hands its rate to the rest."""
    speed: float = 3.28
    """s0, mean of 1/RT of a simple response when rested, 1/s; inf: responses take no time."""
    speed_sd: float = 0.514
    """sd of 1/RT within a rested person, 1/s."""
    fast_loss: float = 0.0327
    """gF, share of alertness that a full fast deficit takes."""
    slow_loss: float = 0.214
    """gS, share of alertness that a full slow deficit takes."""
    memory_loss: float = 0.25
    """gM, share of sensitivity that a full deficit of holding a standard in mind takes. [assumption]"""
    sleep_loss: float = 0.2
    """gU, share of alertness that a sleepiness of 24.12 (the end of the Unified Model's scale) takes."""
    wandering: float = 1.0
    """m, how much more often than others this person's attention leaves its task; 0 = never."""
    lapse_base: float = 1 / 169
    """h0, lapses per s of a rested mind at work."""
    lapse_fast: float = 1 / 300
    """hF, lapses per s added by a full fast deficit."""
    lapse_slow: float = 1 / 29
    """hS, lapses per s added by a full slow deficit."""
    away: float = 11.8
    """tau_off, mean time that attention stays away, s."""
    away_speed: float = 0.725
    """Rates and response speed while attention is away, as a share."""
    away_spread: float = 1.35
    """sd of 1/RT while attention is away, times that on task. [assumption]"""
    fast_tiring: float = 1 / 50
    """dF, rate at which full load fills the fast deficit, 1/s."""
    fast_recovery: float = 1 / 600
    """rwF, recovery of the fast deficit at work, 1/s. [assumption]"""
    fast_rest: float = 1 / 3
    """rrF, recovery of the fast deficit at rest, 1/s."""
    slow_tiring: float = 1 / 1100
    """dS, rate at which full load fills the slow deficit (and the deficit of memory), 1/s."""
    slow_recovery: float = 1 / 3600
    """rwS, recovery of the slow deficit at work, 1/s. [assumption]"""
    slow_rest: float = 1 / 300
    """rrS, recovery of the slow deficit at rest, 1/s. [assumption]"""
    criterion: float = 0.41
    """c0, criterion of a fresh observer, in units of the noise: 0 = halfway between noise and signal."""
    criterion_shift: float = 0.385
    """kappa, how far the criterion moves away from a rare signal in the end."""
    criterion_time: float = 1500.0
    """tau_y, time in which the criterion moves while at work, s."""
    criterion_rest: float = 300.0
    """Time in which it moves back at rest, s. [assumption]"""
    anticipation: float = 0.0025
    """Share of responses given before they can be answers (under 0.1 s)."""
    sharpness: float = 1.0
    """gb: selection is w ** (alertness ** gb); 0 = selection never tires. [assumption]"""
    tempo_share: float = 0.32
    """Share of the variance of 1/RT that is slow: runs of fast and of slow responses."""
    tempo_time: float = 4.5
    """How long such a run lasts, s (autocorrelation e^{-t / tempo_time}); also how long an error makes wary."""
    wariness: float = 0.12
    """How much more evidence is waited for right after a noticed error, as a share."""
    share: float = 1.0
    """s, what the first of two choices has of the central stage: 1 = all (bottleneck), 1/2 = as much as the other."""
    central: float = 1.0
    """What the central stage has to give to all choices together, at most 1 to each; inf: each has all it needs."""
    slip: float = 0.024
    """How often the wrong key is pressed though the answer is known: errors in congruent trials, .0239 in
    `human/flanker.csv` and .0241 in `human/stroop.csv`."""
    grouping: float = 0.0
    """How long a chosen response is held back for the next one, s; 0 = it is given at once."""
    dwell: float = 0.268
    """Mean time that consolidating a selected item locks the store's door, s. (This, its sd, q and order_sd: fitted to
    12 people of `human/attentional_blink.csv`: `simulations/where_do_the_blink_numbers_come_from.py`.)"""
    dwell_sd: float = 0.14
    """Its sd, s."""
    sparing: float = 0.79
    """q, how often what appears within the window slips in with the item that is being consolidated."""
    sparing_window: float = 0.1
    """W, from onset to onset, s."""
    order_sd: float = 0.05
    """sd of the noise in when an item seems to have come, s: two that come close may change places."""
    memory_life: float = math.inf
    """Mean time that an item stays in the store if nothing displaces it, s."""
    restless: float = 0.5
    """How often it is decided anew which task attention is on, 1/s. [assumption]"""
    stay: float = 3.0
    """How much more the task that has attention draws it than it would otherwise. [assumption]"""
    switch_time: float = 0.2
    """How long attention is nowhere between two tasks, s. [assumption]"""
    spill: float = 0.1
    """Weight of what belongs to other tasks while attention is on one, as a share. [assumption]"""
    group: float = 5.25
    """How many items a visit of a search takes at once."""
    quit_growth: float = 0.27
    """How much the weight of quitting grows with every group that was rejected; that of a target is 1."""
    visit_shape: float = 1.48
    """Weibull shape of how long a visit takes."""
    visit_hit: float = 0.92
    """Time of the visit that finds the target, over that of one that rejects."""
    lead: float = 2.5
    """By how many categorisations one answer has to lead before it is given; 2.5 = by 2 or 3, as often the one as the
    other. (This and the next: `simulations/where_do_the_conflict_numbers_come_from.py`.)"""
    narrowing: float = 0.019
    """tau, time constant with which the spotlight narrows around a place, s."""
    learning: float = 0.00012
    """L, instances of use per repetition: what is practised N times takes (1 + L N)^(-1/visit_shape) of its time
    (Logan's race). Fitted to practice in feature and conjunction search; `group` to `visit_hit` to search itself
    (`simulations/where_do_the_search_numbers_come_from.py`)."""

    def __post_init__(self) -> None:
        number("capacity", self.capacity, above=0, infinite=True, unit="items/s")
        number("slots", self.slots, least=0, infinite=True, unit="items")
        number("threshold", self.threshold, least=0, unit="s")
        number("alpha", self.alpha, least=0)
        number("persistence", self.persistence, least=0, unit="s")
        self._check_alertness()
        self._check_divided()
        if not isinstance(self.reallocate, bool):
            raise InputError(f"reallocate must be True or False, got {self.reallocate!r}")

    def _check_divided(self) -> None:
        number("share", self.share, least=0.5, most=1)
        number("central", self.central, above=0, infinite=True)
        for name in ("grouping", "dwell", "dwell_sd", "sparing_window", "order_sd", "switch_time"):
            number(name, getattr(self, name), least=0, most=60, unit="s")
        number("memory_life", self.memory_life, above=0, infinite=True, unit="s")
        for name in ("sparing", "spill", "slip"):
            number(name, getattr(self, name), least=0, most=1)
        number("restless", self.restless, least=0, most=1000, unit="1/s")
        number("stay", self.stay, above=0, most=1e6)
        number("group", self.group, least=1, most=63)
        number("quit_growth", self.quit_growth, least=0, most=1e6)
        number("visit_shape", self.visit_shape, above=0, infinite=True)
        number("visit_hit", self.visit_hit, least=0, most=10)
        number("lead", self.lead, least=1, most=1000)
        number("narrowing", self.narrowing, least=0, infinite=True, unit="s")
        number("learning", self.learning, least=0, most=1e6, unit="1/s")

    def _check_alertness(self) -> None:
        number("speed", self.speed, above=0, infinite=True, unit="1/s")
        for name in ("speed_sd", "away", "away_spread", "criterion_time", "criterion_rest"):
            number(name, getattr(self, name), above=0, most=1e9)
        for name in (
            "fast_tiring",
            "fast_recovery",
            "fast_rest",
            "slow_tiring",
            "slow_recovery",
            "slow_rest",
        ):
            number(name, getattr(self, name), least=0, most=1e6, unit="1/s")
        for name in ("wandering", "lapse_base", "lapse_fast", "lapse_slow", "sharpness"):
            number(name, getattr(self, name), least=0, most=1e6)
        number("tempo_time", self.tempo_time, above=0, most=1e6, unit="s")
        number("wariness", self.wariness, least=0, most=10)
        number("tempo_share", self.tempo_share, least=0, most=0.99)
        for name in ("memory_loss", "anticipation"):
            number(name, getattr(self, name), least=0, most=1)
        number("away_speed", self.away_speed, above=0, most=1)
        number("criterion", self.criterion)
        number("criterion_shift", self.criterion_shift)
        for name in ("fast_loss", "slow_loss", "sleep_loss"):
            number(name, getattr(self, name), least=0, most=0.9)
        if self.fast_loss + self.slow_loss > 0.9:
            raise InputError(
                "fast_loss + slow_loss must be <= 0.9 (some alertness is always left), "
                f"got {self.fast_loss} + {self.slow_loss}"
            )

    @property
    def slot_mixture(self) -> tuple[tuple[float, float], ...]:
        """((floor K, probability), (ceil K, probability)): a non-integer K varies from trial to trial."""
        if math.isinf(self.slots) or float(self.slots).is_integer():
            return ((self.slots if math.isinf(self.slots) else int(self.slots), 1.0),)
        low = math.floor(self.slots)
        return ((low, low + 1 - self.slots), (low + 1, self.slots - low))

    def under(self, limits: Iterable[str]) -> Observer:
        """The same mind with these limits only; every other one is lifted."""
        kept = [choice("limit", limit, LIMITS) for limit in limits]
        lifted: dict[str, Any] = {}
        for name, values in LIMITS.items():
            if name not in kept:
                lifted.update(values)
        return replace(self, **lifted)

    def unlimited(self) -> Observer:
        """The same mind without limits: what it attends to is softmax attention. alpha stays: it is selection."""
        return self.under(())

    def to_dict(self) -> dict[str, Any]:
        """Plain values by name, for TOML."""
        return asdict(self)

    def changed(self) -> dict[str, Any]:
        """What is not as in the mean adult.

        >>> Observer(slots=2.0).changed()
        {'slots': 2.0}
        """
        usual = Observer().to_dict()
        return {name: value for name, value in self.to_dict().items() if value != usual[name]}

    def _repr_html_(self) -> str:
        """In a notebook: the parameters by what they are about; those that differ from the mean adult stand out."""
        usual, means = Observer(), showing.told(Observer)
        own = self.changed()
        parts = []
        for what, names in PROPERTIES.items():
            changed = [n for n in names if n in own]
            table = [(n, getattr(self, n), getattr(usual, n), means.get(n, "")) for n in names]
            heads = ("parameter", "value", "mean adult", "what it is")
            text = showing.rows(table, heads, [n in own for n in names])
            title = f"{what}: {', '.join(changed)}" if changed else what
            parts.append(showing.folded(title, text, open_=bool(changed)))
        words = f"{len(own)} of its parameters differ from the mean adult's" if own else "the mean adult"
        return showing.card("Observer", showing.words(words), *parts)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Observer:
        """An observer from plain values; an unknown name is refused with the nearest known one."""
        known = [f.name for f in fields(cls)]
        for name in values:
            choice("observer parameter", name, known)
        return cls(**values)

    @classmethod
    def from_file(cls, path: str | Path) -> Observer:
        """An observer from a TOML file with lines such as `capacity = 45.0`."""
        return cls.from_dict(read_toml(path))


def read_toml(path: str | Path) -> dict[str, Any]:
    """The values of a TOML file, or one line that says why there are none."""
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a TOML file: {error}") from None


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
        u = np.asarray(u, float)
        if self.kind == "constant":
            return np.full(u.shape, self.mean)
        if self.kind == "truncated":
            a, b = (self.low - self.mean) / self.sd, (self.high - self.mean) / self.sd
            return np.asarray(stats.truncnorm.ppf(u, a, b, self.mean, self.sd))
        z = stats.norm.ppf(u)
        if self.kind == "lognormal":
            sigma = math.sqrt(math.log1p((self.sd / self.mean) ** 2))
            x = np.exp(math.log(self.mean) - sigma**2 / 2 + sigma * z)
        elif self.kind == "logitnormal":
            x = special.expit(special.logit(self.mean) + self.sd * z)
        else:
            x = self.mean + self.sd * z
        return np.clip(x, self.low, self.high)


@dataclass(frozen=True)
class Population:
    """The spread of observers. What has no spread here is the same for everybody: the default of `Observer`.

    `others`: spreads of any other parameters of `Observer`. `correlations`: of two parameters, as {"capacity":
    {"slots": 0.3}}, on the scale on which people are normal (a Gaussian copula); what is not named varies
    independently, which for adults is an assumption: the tables give none.

    Speed and its spread: fitted to `human/simple_rt_*.csv` (515 adults); spread of wandering: assumed.

    >>> people = Population(slots=Spread("constant", 2.0)).sample(3, seed=0)
    >>> [person.slots for person in people]
    [2.0, 2.0, 2.0]
    >>> careless = Population(others={"slip": Spread("logitnormal", 0.05, 1.0)})
    >>> [round(person.slip, 3) for person in careless.sample(3, seed=0)]
    [0.024, 0.261, 0.047]
    >>> able = Population(correlations={"capacity": {"slots": 0.9}}).parameters(256, seed=0)
    >>> float(able["capacity"].corr(able["slots"], method="spearman").round(1))
    0.9
    """

    capacity: Spread = Spread("lognormal", 65.5036, 27.8968)
    slots: Spread = Spread("truncated", 3.0459, 0.8023, 1.0, 6.0)
    threshold: Spread = Spread("censored", 0.00689, 0.00836)
    alpha: Spread = Spread("lognormal", 0.6032, 0.5723)
    persistence: Spread = Spread("constant", 0.1)
    speed: Spread = Spread("truncated", 3.28, 0.45, 2.2, 6.0)
    wandering: Spread = Spread("lognormal", 1.0, 1.534)  # sd 1.1 of its logarithm
    others: Mapping[str, Spread] = field(default_factory=dict, hash=False)
    correlations: Mapping[str, Mapping[str, float]] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not isinstance(self.others, Mapping):
            raise InputError(f"others of a population must be spreads by name, got {self.others!r}")
        own, order = _spread(), _known()
        for name in self.others:
            if name in own:
                raise InputError(
                    f"{name} has a place of its own in a population: give Population({name}=...)"
                )
            choice("population parameter", name, order)
        ordered = {name: self.others[name] for name in order if name in self.others}
        object.__setattr__(self, "others", ordered)
        for name, spread in self.spreads().items():
            if not isinstance(spread, Spread):
                raise InputError(f"{name} of a population must be a Spread, got {spread!r}")
            for value in spread.at(_ENDS):
                one: dict[str, Any] = {name: float(value)}
                try:
                    Observer(**one)
                except InputError as error:
                    raise InputError(
                        f"nobody can be like that at one end of the spread of {name}: {error}; "
                        "give it low and high, or another kind"
                    ) from None

        self._mixing()

    def _mixing(self) -> tuple[list[str], npt.NDArray[np.float64]]:
        """The parameters that are correlated, and what makes independent normals into theirs."""
        spreads, pairs = self.spreads(), dict[tuple[str, str], float]()
        if not isinstance(self.correlations, Mapping):
            raise InputError(f"correlations must be numbers by name by name, got {self.correlations!r}")
        for one, row in self.correlations.items():
            if not isinstance(row, Mapping):
                raise InputError(f"correlations of {one} must be numbers by name, got {row!r}")
            for other, r in row.items():
                for name in (one, other):
                    spread = spreads[choice("parameter that differs between people", name, spreads)]
                    if spread.kind == "constant":
                        raise InputError(f"{name} is the same for everybody: it is correlated with nothing")
                number(f"correlation of {one} and {other}", r, least=-1, most=1)
                pair = (min(one, other), max(one, other))
                if one == other or pair in pairs:
                    raise InputError(
                        f"the correlation of {one} and {other} must be given once, for two parameters"
                    )
                pairs[pair] = float(r)
        names = [name for name in spreads if any(name in pair for pair in pairs)]
        matrix: npt.NDArray[np.float64] = np.eye(len(names))
        for (one, other), r in pairs.items():
            i, j = names.index(one), names.index(other)
            matrix[i, j] = matrix[j, i] = r
        try:
            return names, np.asarray(np.linalg.cholesky(matrix), float)
        except np.linalg.LinAlgError:
            raise InputError(
                f"these correlations of {', '.join(names)} cannot all be true at once: weaken one of them"
            ) from None

    def spreads(self) -> dict[str, Spread]:
        """The spread of each parameter that has one.

        >>> list(Population(others={"slip": Spread("constant", 0.1)}).spreads())[-2:]
        ['wandering', 'slip']
        """
        return {name: getattr(self, name) for name in _spread()} | dict(self.others)

    def with_spreads(self, spreads: Mapping[str, Spread]) -> Population:
        """The same population but for these.

        >>> Population.adults().with_spreads({"slip": Spread("constant", 0.1)}).others["slip"].mean
        0.1
        """
        own = {name: s for name, s in spreads.items() if name in _spread()}
        others = {name: s for name, s in spreads.items() if name not in own}
        changed: dict[str, Any] = {**own, "others": {**self.others, **others}}
        return replace(self, **changed)

    @classmethod
    def adults(cls) -> Population:
        """Healthy adults; every spread has the mean and sd of `human/tva_parameters.csv`."""
        return _adults()

    def parameters(self, n: int, seed: int = 0) -> pd.DataFrame:
        """A row per person. Person i depends on (seed, i) alone: 50 people are the first 50 of 100.

        People are spread evenly over the population (a scrambled Sobol sequence; Owen 1998): each one is a random
        member of it, and the mean of a few dozen is already close to the population's.
        """
        n = whole("people", n, least=1, most=1_000_000)
        seed = whole("seed", seed, most=2**63 - 1)
        even = stats.qmc.Sobol(_DIMENSIONS, scramble=True, rng=np.random.default_rng(seed))
        u = even.random_base2(max(n - 1, 1).bit_length())[:n]  # (n, dimensions)
        u = np.clip(u, *_ENDS)
        names, mixing = self._mixing()
        if names:
            at = [_column(name) for name in names]
            u[:, at] = np.clip(special.ndtr(special.ndtri(u[:, at]) @ mixing.T), *_ENDS)
        return pd.DataFrame({name: s.at(u[:, _column(name)]) for name, s in self.spreads().items()})

    def sample(self, n: int, seed: int = 0) -> list[Observer]:
        """n people."""
        return [Observer(**row) for row in self.parameters(n, seed).to_dict("records")]

    def _repr_html_(self) -> str:
        """In a notebook: the spread of each parameter; those that differ from adults stand out."""
        usual, mine = Population.adults().spreads(), self.spreads()
        table = [(name, s.kind, s.mean, s.sd, s.low, s.high) for name, s in mine.items()]
        heads = ("parameter", "kind", "mean", "sd", "low", "high")
        own = {name for name, s in mine.items() if s != usual.get(name)}
        shown = showing.rows(table, heads, [row[0] in own for row in table])
        pairs = [f"{a} and {b} {r:+.2f}" for a, row in self.correlations.items() for b, r in row.items()]
        said = [showing.words(f"Correlated: {', '.join(pairs)}.")] if pairs else []
        return showing.card("Population", shown, *said)

    def to_dict(self) -> dict[str, Any]:
        """Plain values by name, for TOML."""
        return {
            name: {k: v for k, v in asdict(spread).items() if v != math.inf}
            for name, spread in self.spreads().items()
        } | (
            {"correlations": {k: dict(v) for k, v in self.correlations.items()}} if self.correlations else {}
        )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Population:
        """A population from plain values; an unknown name is refused with the nearest known one."""
        values = dict(values)
        together = values.pop("correlations", {})
        for name, spread in values.items():
            choice("population parameter", name, _known())
            if not isinstance(spread, Mapping) or not {"kind", "mean"} <= spread.keys():
                raise InputError(f"{name} of a population must have a kind and a mean, got {spread!r}")
            for word in spread:
                choice(f"part of the spread of {name}", word, [f.name for f in fields(Spread)])
        found = cls().with_spreads({name: Spread(**spread) for name, spread in values.items()})
        return replace(found, correlations=together)


@cache
def _adults() -> Population:
    """Made once: every run that says nothing of its people begins with it, and it is checked when it is made."""
    return Population()


def _spread() -> list[str]:
    """The parameters in which all people differ."""
    return [f.name for f in fields(Population) if f.type == "Spread"]


def _known() -> list[str]:
    """The parameters in which people can differ: all that are numbers."""
    return [f.name for f in fields(Observer) if f.type == "float"]


@cache
def _column(name: str) -> int:
    """Which dimension of the sequence a parameter has: always the same one, whoever else has a spread."""
    own = _spread()
    return (own + [f.name for f in fields(Observer) if f.name not in own]).index(name)


def limits_of(arm: object) -> tuple[str, ...]:
    """The limits that an arm keeps: `human` all, `softmax` none, else names joined by +, e.g. `slots+capacity`."""
    named = [part.strip() for part in arm.split("+")] if isinstance(arm, str) else []
    if named == ["human"]:
        return tuple(LIMITS)
    if named == ["softmax"]:
        return ()
    unknown = [part for part in named if part not in LIMITS]
    if unknown or not named:
        known = ", ".join(("human", "softmax", *LIMITS))
        raise InputError(f"arm must be one of {known}, or limits joined by + (slots+capacity), got {arm!r}")
    return tuple(limit for limit in LIMITS if limit in named)
