"""How people differ: the spread of each number, and people as columns.

A `Population` is the spread of the numbers of `Observer` over people. Means and spreads of healthy adults come from
`human/tva_parameters.csv`: 236 maximum-likelihood fits to 59 healthy adults (tabletTVA; Wang et al. 2021, Arch Clin
Neuropsychol, doi:10.1093/arclin/acab007). `People` are many persons as the columns of one array.

>>> Population.adults().sample(2, seed=0)[1] == Population.adults().sample(5, seed=0)[1]
True
>>> people = Population.adults().people(1000, seed=0)
>>> people, people["slots"].shape, people.under(["slots"])["capacity"][0]
(1000 people, (1000,), np.float64(inf))
>>> people[1] == Population.adults().sample(2, seed=0)[1]
True
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import Field, asdict, dataclass, field, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, overload

import numpy as np
import numpy.typing as npt

from cogattn import notebook, parameters
from cogattn.errors import InputError, choice, doors, number, shown, values, whole
from cogattn.files import afford
from cogattn.observer import LIMITS, Observer
from cogattn.parameters import BY_NAME, NAMES, PARAMETERS, PERSON, TOGETHER
from cogattn.points import DIMENSIONS, ENDS, even
from cogattn.record import Spread as Spread  # re-exported

if TYPE_CHECKING:
    import pandas as pd

_T = TypeVar("_T", bound=type)
Array = npt.NDArray[np.float64]

MOST_PEOPLE = 1_000_000_000
MOST_OBSERVERS = 100_000  #: made one by one: a few kB and microseconds each
LABORATORY_SPEED = 4.52  #: 1/s, the mean of `Population.laboratory`: from `human/sleep_restriction.csv`
#: How many times as long older adults (65 to 75 years) take for what a mind computes; eye and hand hardly take longer
#: (Verhaeghen & Cerella 2002, Neurosci Biobehav Rev 26:849).
SLOWING = 1.5
#: How long people hold a response back for the other one [s] (`human/people_across_tasks.csv`: nobody is left out).
GROUPING = Spread("lognormal", 0.1, 0.1)
_BLOCK = 2048  # people
#: The first dimensions, in the order in which they were given out; every other parameter has the next one by its
#: record, so that a record at the end changes nobody.
_FIRST = ("capacity", "slots", "threshold", "alpha", "persistence", "speed", "wandering")


class People(Sequence[Observer]):
    """Many persons as columns: `rows`, an array of `parameters.PERSON` with a row per person, checked once as arrays.

    `people[3]` is an Observer, `people[2:9]` and `people[[5, 1]]` are People, `people["slots"]` is a column (not to be
    written into). `under` and `unlimited` work on all at once, as those of Observer on one.

    >>> two = People.of([Observer(), Observer(slots=2.0)])
    >>> two["slots"].tolist(), [person.slots for person in two.unlimited()]
    ([3.06, 2.0], [inf, inf])
    """

    def __init__(self, rows: npt.NDArray[Any], first: int = 0) -> None:
        """rows: of PERSON; first: the number of the first person, for those who are told of one who cannot be."""
        if getattr(rows, "dtype", None) != PERSON or rows.ndim != 1:
            raise InputError("people must be a row each of parameters.PERSON, in one dimension")
        parameters.check_many(rows, first)
        self.rows = _closed(rows)

    @classmethod
    def _known(cls, rows: npt.NDArray[Any]) -> People:
        """Rows of people who have been checked."""
        people = object.__new__(cls)
        people.rows = _closed(rows)
        return people

    @classmethod
    def of(cls, observers: People | Iterable[Observer]) -> People:
        """These observers (or People, as they are)."""
        if isinstance(observers, People):
            return observers
        given = list(observers)
        for one in given:
            if not isinstance(one, Observer):
                raise InputError(f"each of the people must be an Observer, got {type(one).__name__}")
        return cls._known(np.array([o.row for o in given], PERSON))

    @classmethod
    def alike(cls, observer: Observer, n: int) -> People:
        """The same person n times; it takes the memory of one.

        >>> People.alike(Observer(), 3)
        3 people
        """
        n = whole("people", n, least=0, most=MOST_PEOPLE)
        return cls._known(np.broadcast_to(np.array(observer.row, PERSON), (n,)))

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, key: str) -> Array: ...
    @overload
    def __getitem__(self, key: int | np.integer[Any]) -> Observer: ...
    @overload
    def __getitem__(self, key: slice | npt.NDArray[Any] | list[int]) -> People: ...
    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return self.rows[choice("parameter", parameters.canonical(key), NAMES)]
        found = self.rows[key]
        return People._known(found) if isinstance(found, np.ndarray) else Observer.of_row(found)

    def __iter__(self) -> Iterator[Observer]:
        return map(Observer.of_row, self.rows)

    def __eq__(self, other: object) -> bool:
        return np.array_equal(self.rows, other.rows) if isinstance(other, People) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{len(self)} people"

    def columns(self, names: Iterable[str]) -> Array:
        """(people, names): these columns side by side."""
        at = [NAMES.index(choice("parameter", parameters.canonical(name), NAMES)) for name in names]
        return parameters.matrix(self.rows)[:, at]

    def under(self, limits: Iterable[str]) -> People:
        """The same people with these limits only; every other one is lifted."""
        kept = [choice("limit", limit, LIMITS) for limit in limits]
        lifted = {k: v for name, values in LIMITS.items() if name not in kept for k, v in values.items()}
        return self._with(lifted) if lifted else self

    def unlimited(self) -> People:
        """The same people without limits."""
        return self.under(())

    def of_the_day(self, z: Array) -> People:
        """The same people on a day on which each is z of his sd (`day_sd`) faster than usual, with mind and hand.

        >>> slow = People.of([Observer(day_sd=0.1)]).of_the_day(np.array([-1.0]))
        >>> round(float(slow["speed"][0]) / Observer().speed, 3), round(float(slow["hand"][0]), 3)
        (0.905, 1.105)
        """
        if not self.rows["day_sd"].any():
            return self
        z = values("z", z)
        if z.shape not in ((), self.rows.shape):
            raise InputError(f"z must be a number for each of the {len(self)} people, got shape {z.shape}")
        pace = np.exp(self.rows["day_sd"] * z)
        return self._with({"speed": self.rows["speed"] * pace, "hand": self.rows["hand"] / pace})

    def changed(self, **values: npt.ArrayLike) -> People:
        """The same people but for these columns: a value for all, or one for each.

        >>> People.alike(Observer(), 2).changed(slots=[2.0, 3.0])["slots"].tolist()
        [2.0, 3.0]
        """
        new = {choice("parameter", k, NAMES): v for k, v in parameters.renamed(values).items()}
        people = self._with(new)
        parameters.check_many(people.rows)
        return people

    def _with(self, values: Mapping[str, npt.ArrayLike]) -> People:
        """Other columns, unchecked. Block by block: a block stays in the processor's cache for all of them."""
        rows = np.empty(len(self), PERSON)
        columns = {
            name: np.broadcast_to(np.asarray(value, float), rows.shape) for name, value in values.items()
        }
        for i in range(0, len(rows), _BLOCK):
            block = rows[i : i + _BLOCK]
            parameters.matrix(block)[:] = parameters.matrix(self.rows[i : i + _BLOCK])
            for name, value in columns.items():
                block[name] = value[i : i + _BLOCK]
        return People._known(rows)


def _closed(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A view that nobody writes into."""
    view = rows.view()
    view.flags.writeable = False
    return view


def _spread_of(name: str) -> Spread:
    adults = BY_NAME[name].adults
    assert adults is not None
    return Spread(adults.kind, adults.mean, adults.sd, adults.low, adults.high)


def _spreads(cls: _T) -> _T:
    """Make a class a frozen dataclass that begins with a spread for each parameter in which adults differ."""
    own = {p.name: _spread_of(p.name) for p in PARAMETERS if p.adults}
    cls.__annotations__ = dict.fromkeys(own, "Spread") | cls.__annotations__
    for name, spread in own.items():
        setattr(cls, name, spread)
    dataclass(frozen=True)(cls)  # it is the same class
    return cls


@_spreads
class Population:
    """The spread of observers. What has no spread here is the same for everybody: the default of `Observer`.

    `others`: spreads of any parameters of `Observer`. `correlations`: of two parameters, as {"capacity":
    {"slots": 0.3}}, on the scale on which people are normal (a Gaussian copula); what is not named varies
    independently. By default those of adults: speed and hand. `older`: the share of people of 65 to 75 years, whose
    capacity and speed are divided by `SLOWING`.

    Speed and its spread: fitted to `human/simple_rt_*.csv` (515 adults); spread of wandering: assumed.

    >>> people = Population(slots=Spread("constant", 2.0)).sample(3, seed=0)
    >>> [person.slots for person in people]
    [2.0, 2.0, 2.0]
    >>> careless = Population(slip=Spread("logitnormal", 0.05, 1.0))
    >>> [round(person.slip, 3) for person in careless.sample(3, seed=0)]
    [0.004, 0.397, 0.057]
    >>> able = Population(correlations={"capacity": {"slots": 0.9}}).parameters(256, seed=0)
    >>> float(able["capacity"].corr(able["slots"], method="spearman").round(1))
    0.9
    """

    if TYPE_CHECKING:  # what `_spreads` adds
        __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

        def __init__(
            self,
            *spreads: Spread,
            others: Mapping[str, Spread] = ...,
            correlations: Mapping[str, Mapping[str, float]] = ...,
            older: float = ...,
            **named: Spread,
        ) -> None: ...
        def __getattr__(self, name: str) -> Spread: ...

    others: Mapping[str, Spread] = field(default_factory=dict, hash=False)
    correlations: Mapping[str, Mapping[str, float]] = field(default_factory=lambda: TOGETHER, hash=False)
    older: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.others, Mapping):
            raise InputError(f"others of a population must be spreads by name, got {shown(self.others)}")
        number("older", self.older, least=0, most=1)
        usual = self.correlations == TOGETHER
        object.__setattr__(self, "correlations", _renamed_pairs(self.correlations, 3))
        own, order = _spread(), _known()
        others = parameters.renamed(self.others, stacklevel=3)
        for name, spread in others.items():
            if choice("population parameter", name, order) in own:
                object.__setattr__(self, name, spread)
        rest = {name: others[name] for name in order if name in others and name not in own}
        object.__setattr__(self, "others", rest)
        for name, spread in self.spreads().items():
            if not isinstance(spread, Spread):
                raise InputError(f"{name} of a population must be a Spread, got {shown(spread)}")
            for value in spread.at(ENDS):
                one: dict[str, Any] = {name: float(value)}
                try:
                    Observer(**one)
                except InputError as error:
                    raise InputError(
                        f"nobody can be like that at one end of the spread of {name}: {error}; "
                        "give it low and high, or another kind"
                    ) from None

        if usual:  # what somebody makes the same for everybody goes together with nothing
            alike = {name for name, spread in self.spreads().items() if spread.kind == "constant"}
            kept = {
                a: {b: r for b, r in row.items() if b not in alike}
                for a, row in TOGETHER.items()
                if a not in alike
            }
            object.__setattr__(self, "correlations", {a: row for a, row in kept.items() if row})
        self._mixing()

    def _mixing(self) -> tuple[list[str], npt.NDArray[np.float64]]:
        """The parameters that are correlated, and what makes independent normals into theirs."""
        spreads, pairs = self.spreads(), dict[tuple[str, str], float]()
        if not isinstance(self.correlations, Mapping):
            raise InputError(f"correlations must be numbers by name by name, got {shown(self.correlations)}")
        for one, row in self.correlations.items():
            if not isinstance(row, Mapping):
                raise InputError(f"correlations of {one} must be numbers by name, got {shown(row)}")
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

        >>> list(Population(others={"dwell": Spread("constant", 0.1)}).spreads())[-2:]
        ['readiness', 'dwell']
        """
        return {name: getattr(self, name) for name in _spread()} | dict(self.others)

    def with_spreads(self, spreads: Mapping[str, Spread]) -> Population:
        """The same population but for these.

        >>> Population.adults().with_spreads({"slip": Spread("constant", 0.1)}).slip.mean
        0.1
        """
        spreads = parameters.renamed(spreads)
        own = {name: s for name, s in spreads.items() if name in _spread()}
        others = {name: s for name, s in spreads.items() if name not in own}
        changed: dict[str, Any] = {**own, "others": {**self.others, **others}}
        return replace(self, **changed)

    def on_an_ordinary_day(self) -> Population:
        """The same population with no good and bad days: what a fit finds is a person on the day of the data."""
        return self.with_spreads({"day_sd": Spread("constant", 0.0)})

    @classmethod
    def adults(cls) -> Population:
        """Healthy adults; every spread has the mean and sd of `human/tva_parameters.csv`."""
        return _adults()

    @classmethod
    def holding(cls) -> Population:
        """Adults of whom nobody is left out where two responses are asked for: they hold one back for the other.

        >>> Population.holding().spreads()["response_grouping"].mean
        0.1
        """
        return cls.adults().with_spreads({"response_grouping": GROUPING})

    @classmethod
    def laboratory(cls) -> Population:
        """Adults as sleep laboratories test them, rested and trained beforehand: their mean speed is another one.

        >>> Population.laboratory().speed.mean, Population.adults().speed.mean
        (4.52, 3.28)
        """
        adults = cls.adults()
        return replace(adults, speed=replace(adults.speed, mean=LABORATORY_SPEED))

    @classmethod
    def all_ages(cls) -> Population:
        """Adults of whom half are 65 to 75 years old.

        >>> speeds = Population.all_ages().people(1000)["speed"] / Population.adults().people(1000)["speed"]
        >>> np.unique(speeds.round(3)).tolist(), float((speeds < 1).mean().round(2))
        ([0.667, 1.0], 0.5)
        """
        return replace(cls.adults(), older=0.5)

    def people(self, n: int, seed: int = 0, first: int = 0) -> People:
        """Persons first .. first + n - 1 as columns. Person i depends on (seed, i) alone: 50 people are the first 50 of
        100, and pieces are what they are at once. Memory is that of the piece.
        """
        columns = self._drawn(n, seed, first)
        parameters.check_columns(columns, first)
        return People.alike(Observer(), n)._with(columns)

    def parameters(self, n: int, seed: int = 0) -> pd.DataFrame:
        """A row per person, of the parameters that have a spread. Person i depends on (seed, i) alone.

        People are spread evenly over the population (a scrambled Sobol sequence; Owen 1998): each one is a random
        member of it, and the mean of a few dozen is already close to the population's.
        """
        import pandas as pd

        return pd.DataFrame(self._drawn(n, seed, 0))

    def sample(self, n: int, seed: int = 0) -> list[Observer]:
        """n people, one by one, at most 100,000; `people` has more of them, as columns.

        >>> Population.adults().sample(1_000_000)
        Traceback (most recent call last):
        cogattn.errors.InputError: sample makes at most 100,000 observers, got 1,000,000: take people(n), their columns
        """
        n = whole("people", n, least=1, most=MOST_PEOPLE)
        if n > MOST_OBSERVERS:
            raise InputError(
                f"sample makes at most {MOST_OBSERVERS:,} observers, got {n:,}: take people(n), their columns"
            )
        return list(self.people(n, seed))

    def _drawn(self, n: int, seed: int, first: int) -> dict[str, Array]:
        """The parameters that have a spread, of persons first .. first + n - 1."""
        n = whole("people", n, least=1, most=MOST_PEOPLE)
        first = whole("first", first, most=MOST_PEOPLE - n)
        seed = whole("seed", seed, most=2**63 - 1)
        spreads = self.spreads()
        if n > MOST_OBSERVERS:  # a piece of a run has been asked for already
            need = n * (PERSON.itemsize + 24 * len(spreads))
            afford(need, f"drawing {n:,} people", "take them piece by piece (first=)")
        varied = [name for name, spread in spreads.items() if spread.kind != "constant"]
        u = dict(zip(varied, even(seed, first, n, tuple(map(_column, varied))), strict=True))
        names, mixing = self._mixing()
        if names:
            from scipy import special

            z = special.ndtri(np.stack([u[name] for name in names]))
            for i, name in enumerate(names):  # sums in one order, so that pieces are what they are at once
                u[name] = np.clip(special.ndtr(sum(mixing[i, j] * z[j] for j in range(i + 1))), *ENDS)
        out = {name: s.at(u[name]) if name in u else np.full(n, s.mean) for name, s in spreads.items()}
        if self.older > 0:
            slower = np.where(even(seed, first, n, (DIMENSIONS - 1,))[0] < self.older, SLOWING, 1.0)
            out |= {name: out[name] / slower for name in ("capacity", "speed")}
        return out

    def _repr_html_(self) -> str:
        """In a notebook: the spread of each parameter; those that differ from adults stand out."""
        usual, mine = Population.adults().spreads(), self.spreads()
        table = [(name, s.kind, s.mean, s.sd, s.low, s.high) for name, s in mine.items()]
        heads = ("parameter", "kind", "mean", "sd", "low", "high")
        own = {name for name, s in mine.items() if s != usual.get(name)}
        shown = notebook.rows(table, heads, [row[0] in own for row in table])
        pairs = [f"{a} and {b} {r:+.2f}" for a, row in self.correlations.items() for b, r in row.items()]
        said = [notebook.words(f"Correlated: {', '.join(pairs)}.")] if pairs else []
        return notebook.card("Population", shown, *said)

    def to_dict(self) -> dict[str, Any]:
        """Plain values by name, for TOML."""
        out: dict[str, Any] = {"older": self.older} if self.older else {}
        for name, spread in self.spreads().items():
            out[name] = {k: v for k, v in asdict(spread).items() if v != math.inf}
        return out | {"correlations": {k: dict(v) for k, v in self.correlations.items()}}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Population:
        """A population from plain values; an unknown name is refused with the nearest known one."""
        values = dict(values)
        together, older = _renamed_pairs(values.pop("correlations", None), 2), values.pop("older", 0.0)
        values = parameters.renamed(values)
        for name, spread in values.items():
            choice("population parameter", name, _known())
            if not isinstance(spread, Mapping) or not {"kind", "mean"} <= spread.keys():
                raise InputError(f"{name} of a population must have a kind and a mean, got {shown(spread)}")
            for word in spread:
                choice(f"part of the spread of {name}", word, [f.name for f in fields(Spread)])
        found = cls().with_spreads({name: Spread(**spread) for name, spread in values.items()})
        found = found if together is None else replace(found, correlations=together)
        return replace(found, older=older) if older else found


def _renamed_pairs(pairs: Any, stacklevel: int) -> Any:
    """Correlations under the names of today; what is none stays as it is, to be refused."""
    if not isinstance(pairs, Mapping):
        return pairs
    rows = {}
    for name, row in parameters.renamed(pairs, stacklevel + 1).items():
        rows[name] = parameters.renamed(row, stacklevel + 1) if isinstance(row, Mapping) else row
    return rows


@cache
def _adults() -> Population:
    """Made once: every run that says nothing of its people begins with it, and it is checked when it is made."""
    return Population()


def _spread() -> list[str]:
    """The parameters in which all people differ."""
    return [p.name for p in PARAMETERS if p.adults]


def _known() -> list[str]:
    """The parameters in which people can differ: all that are numbers."""
    return [p.name for p in PARAMETERS if p.kind is float]


@cache
def _column(name: str) -> int:
    """Which dimension of the sequence a parameter has: always the same one, whoever else has a spread."""
    return (*_FIRST, *(p.name for p in PARAMETERS if p.name not in _FIRST)).index(name)


#: Samples of people, as studies had them.
SAMPLES = {"adults": Population.adults, "laboratory": Population.laboratory, "all ages": Population.all_ages}

doors(__name__, "People", "Population")
