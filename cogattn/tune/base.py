"""What a fit asks of a law: which parameters, which columns, how likely the data are, what is odd about them, a figure.

A law of one kind of data is one subclass of `Likelihood`. What is fitted are fields of `Observer`, and a few numbers
that belong to a task and not to a mind (a bias of guessing): `others`, which stand among the estimates and in no
observer. Everything else about the mind is `observer`, as it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from cogattn.errors import InputError, counted, shown
from cogattn.notebook import Progress
from cogattn.observer import Observer
from cogattn.paradigms.base import Levels
from cogattn.tune import scales
from cogattn.tune.predictive import Predictive

Array = npt.NDArray[Any]
FEW = 30  #: trials; who has fewer is named
STRAY = (
    0.002  #: share of answers that are taken as scattered, so that one wrong key proves nothing [assumption]
)
_CODES = 6  # that a message spells out


class Data(Protocol):
    """People's data as a law condenses them."""

    @property
    def people(self) -> list[Any]:
        """What each is called, in the order of the rows."""

    @property
    def trials(self) -> Array:
        """(people,) how many trials."""

    def of(self, rows: Sequence[int]) -> Data:
        """Some of the people."""

    def folds(self, n: int, seed: int) -> list[Any]:
        """The data without one nth of each person's trials of each condition, for each nth."""


@dataclass(frozen=True)
class Likelihood(ABC):
    """How likely one kind of data is. theta is (n, len(params)), in the parameters' own units."""

    observer: Observer = field(default_factory=Observer)  #: the mind, in all that is not fitted

    params: ClassVar[tuple[str, ...]]
    columns: ClassVar[tuple[str, ...]]
    optional: ClassVar[tuple[str, ...]] = ()  #: columns that are used where they are there
    others: ClassVar[
        Mapping[str, float]
    ] = {}  #: parameters that are no part of a mind, and what they are if not fitted
    trialled: ClassVar[tuple[str, ...]] = ()  #: parameters that may change from trial to trial (`by_trial`)
    exact: ClassVar[bool] = True  #: False = simulated
    #: How many adults are added to the sample when a population is estimated: what these data hardly show, or what
    #: hardly varies, then stays where adults are, in place of running away.
    doubt: ClassVar[float] = 2.0
    #: How many adults are added to the spread alone, so that few people never lie on a line.
    stiff: ClassVar[float] = 0.0

    @property
    def levels(self) -> Levels:
        """What people call the values of a column (`Paradigm.levels`)."""
        return {}

    def given(self, observer: Observer) -> Self:
        """The same law for this mind."""
        return replace(self, observer=observer)

    def informed(self, data: Any) -> tuple[str, ...]:  # noqa: ARG002
        """The parameters that these data can say something about."""
        return self.params

    def usual(self, data: Any) -> tuple[str, ...]:
        """Those of them that are fitted if nobody says which."""
        return self.informed(data)

    def to_choose(self) -> tuple[str, ...]:
        """Where nobody has said what is usual: some parameters that can be fitted, to begin with."""
        return ()

    @abstractmethod
    def compact(self, frame: pd.DataFrame) -> Any:
        """People's data, condensed to what the law needs."""

    @abstractmethod
    def loglik(self, theta: Array, data: Any, row: Array) -> Array:
        """(n,): log-likelihood of the data of person row[i] under theta[i]."""

    def by_trial(self, theta: Array, data: Any) -> Array:  # noqa: ARG002
        """(people,): log-likelihood of each person's data under numbers that may change from trial to trial, theta
        (trials, params), in the order of the data."""
        raise InputError(f"{type(self).__name__} knows no numbers that change from trial to trial")

    @abstractmethod
    def expected(self, theta: Array, data: Any) -> Array:
        """(n, conditions): what the law expects on the average under theta[i]."""

    @abstractmethod
    def draw(self, ax: Any, theta: Array, data: Any) -> None:
        """One panel: the data and what the fit expects, theta[i] being person i's."""

    def prepared(
        self,
        params: tuple[str, ...],  # noqa: ARG002
        data: Any,  # noqa: ARG002
        *,
        seed: int = 0,  # noqa: ARG002
        n_jobs: int = 1,  # noqa: ARG002
        progress: Progress | None = None,  # noqa: ARG002
    ) -> Self:
        """What has to be done before these parameters can be asked for: nothing, unless the law is simulated."""
        return self

    def wider(self, params: Sequence[str], values: Array) -> Self | None:  # noqa: ARG002
        """The law that has still to be prepared for these people; None: it knows them all."""
        return None

    def predictive(self, theta: Array, data: Any) -> Predictive | None:  # noqa: ARG002
        """What the data should look like, condition by condition, theta[i] being person i's; None: it cannot say."""
        return None

    def remarks(self) -> list[str]:
        """What is to be said about the law itself."""
        return []

    def base(self) -> Array:
        """(params,): what each parameter is if it is not fitted."""
        return np.array(
            [self.others[n] if n in self.others else getattr(self.observer, n, np.nan) for n in self.params],
            float,
        )

    def theta(self, values: Array, params: Sequence[str]) -> Array:
        """(n, len(self.params)): these parameters as they are given, the others as they are fixed."""
        out = np.broadcast_to(self.base(), (len(values), len(self.params))).copy()
        for i, name in enumerate(params):
            out[:, self.params.index(name)] = values[:, i]
        return out

    def own(self, names: Sequence[str], theta: Array) -> Array:
        """(n, names): these parts of the mind, those that are fitted as in theta."""
        out = np.tile(np.array([float(getattr(self.observer, name)) for name in names]), (len(theta), 1))
        for i, name in enumerate(names):
            if name in self.params:
                out[:, i] = theta[:, self.params.index(name)]
        return out

    def starts(self, params: Sequence[str]) -> list[Array]:
        """Points on the scales from which the peak is sought: the adult mean."""
        return [np.array([scales.SCALES[name].mean for name in params])]

    def notes(self, frame: pd.DataFrame) -> list[str]:
        """What is odd about the data though it can be fitted."""
        per = frame.groupby("person", sort=False).size()
        few = per[per < FEW]
        if few.empty:
            return []
        those = counted(len(few), "person has", "people have")
        return [f"{those} fewer than {FEW} trials ({some(few.index)}): weakly informed"]


def dealt(n: int, folds: int, chance: np.random.Generator) -> Array:
    """Which fold each of n trials is dealt to: evenly, in a random order, beginning with a random fold."""
    return np.asarray(chance.permutation((np.arange(n) + chance.integers(folds)) % folds))


def some(people: Sequence[Any]) -> str:
    """The first of them, by name."""
    return ", ".join(map(str, people[:5])) + (", ..." if len(people) > 5 else "")


def over(ax: Any, x: Array, seen: Array, fitted: Array, pen: Any, label: str) -> None:
    """People's means (people, conditions) over x with intervals, and the mean of what the fit expects of them."""
    line = {"color": pen.color, "linestyle": pen.dash, "label": label}
    fitted = np.where(np.isnan(seen), np.nan, fitted)
    ax.plot(x, np.nanmean(fitted, 0), marker="_", markersize=12, **line)
    error = 1.96 * np.nanstd(seen, 0) / np.sqrt((~np.isnan(seen)).sum(0))
    ax.errorbar(x, np.nanmean(seen, 0), yerr=error, fmt="*", color=pen.color, markersize=8)


def lacking(frame: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """Who was not in a condition in which others were."""
    sets = frame.groupby("person", sort=False)[list(columns)].apply(
        lambda f: frozenset(map(tuple, f.drop_duplicates().to_numpy().tolist()))
    )
    common = sets.mode().iloc[0] if len(sets) else frozenset()
    other = sets[sets.map(len) < len(common)]
    if other.empty:
        return []
    those = counted(len(other), "person lacks", "people lack")
    return [f"{those} a condition that others have ({some(other.index)})"]


def checked(frame: pd.DataFrame, columns: Sequence[str]) -> None:
    """Columns that are there, and numbers where numbers must be; one line for whatever is wrong."""
    for name in columns:
        if name not in frame.columns:
            raise InputError(
                f"the data need a column {name!r}; they have {', '.join(map(str, frame.columns))}"
            )
    if frame.empty:
        raise InputError("the data hold no trial")
    for name in columns:
        values = frame[name]
        if values.isna().any():
            raise InputError(
                f"{name} is missing in {int(values.isna().sum())} of {len(frame)} trials: leave those out"
            )
        if name != "person" and not pd.api.types.is_numeric_dtype(values):
            bad = next(v for v in values if not isinstance(v, (int, float)))
            raise InputError(f"{name} must be a number in every trial, got {shown(bad)}")
        if name != "person" and not np.isfinite(values.to_numpy(float)).all():
            raise InputError(f"{name} must be finite in every trial; it is not")


def among(frame: pd.DataFrame, name: str, told: Mapping[str, float | str]) -> None:
    """Only the values that a condition can have: a table for each of them holds no other."""
    values = frame[name]
    odd = values[~values.isin(list(told.values()))]
    if odd.empty:
        return
    codes = [f"{v:g}=MEANING" for v in sorted(values.unique())[:_CODES]]
    known = ", ".join(f"{word} ({value})" for word, value in told.items())
    raise InputError(
        f"{name} must be one of {known} in every trial, got {odd.iloc[0]:g} ({len(odd)} such trials): say what each "
        f"code means, --word {name}:{','.join(codes)}"
    )
