"""What every classic experiment here has: conditions, a stream, a score, a human table and a figure.

A new paradigm is one file with one subclass of `Paradigm`. Nothing in it may know its own band: the bands live in
`human/targets.csv` and are read by `results` and `scorecard`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from inspect import getattr_static
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from cogattn.errors import InputError, mismatch, own_words
from cogattn.paradigms.scored import Scored
from cogattn.population import Population
from cogattn.view import plot
from cogattn.view.drawn import Drawn
from cogattn.world.stream import TaskStream

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Levels = Mapping[
    str, Mapping[str, float | str]
]  #: column -> word -> the number (or the name) that it stands for
Condition = dict[str, float | int]


def how_many(what: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """How many elements of each trial: column by column, for numpy is slow at the sums of short rows.

    (In 32 bits: a large run is slowed most by the new memory that its table takes.)

    >>> how_many(np.array([[True, True], [False, True]])).tolist()
    [2, 1]
    """
    out = np.zeros(len(what), np.int32)
    for column in what.T:
        out += column
    return out


class Answers(NamedTuple):
    """What was answered in n trials, element by element (trials, elements); element order is the stream's.

    >>> yes, no = np.ones((1, 2), bool), np.zeros((1, 2), bool)
    >>> int(Answers(given=yes, right=yes, censored=no).right.sum())
    2
    """

    given: npt.NDArray[np.bool_]  # something was answered for this element
    right: npt.NDArray[np.bool_]  # and it was the right thing
    censored: npt.NDArray[np.bool_]  # the trial ended while it was still under way


class Metric(NamedTuple):
    """One number of a paradigm, spelled as in `human/targets.csv` where a band exists.

    >>> lag = Metric("blink", "depth", "lag=3", 0.4, np.nan, {"lag": 3})
    >>> lag.value, lag.rows(pd.DataFrame({"lag": [1, 3, 3]})).index.tolist()
    (0.4, [1, 2])
    """

    phenomenon: str
    metric: str
    condition: str
    value: float
    human: float  # of the human table; NaN where people were not measured
    #: Of which trials it is made: what each column must be, one value or several (numbers, to a millionth); or a
    #: function that says it of every row; None: of all of them.
    of: Mapping[str, Any] | Callable[[pd.DataFrame], Any] | None = None

    def rows(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The trials that it is made of."""
        if self.of is None:
            return frame
        if callable(self.of):
            return frame[np.asarray(self.of(frame), bool)]
        keep = np.ones(len(frame), bool)
        for column, values in self.of.items():
            wanted, own = np.atleast_1d(np.asarray(values)), frame[column].to_numpy()
            if wanted.dtype.kind in "biuf":
                keep &= np.isclose(own.astype(float)[:, None], wanted, rtol=1e-6, atol=1e-9).any(1)
            else:
                keep &= np.isin(own, wanted)
        return frame[keep]


class Pace(NamedTuple):
    """How much is played at once. trials: per person and condition; where a session has as many as it needs, its
    visits."""

    people: int
    trials: int


class Statistics(NamedTuple):
    """What a person's trials are summed up by where no law gives their likelihood: shares and times in every cell of
    these columns."""

    by: tuple[str, ...]
    shares: tuple[str, ...] = ("correct",)
    times: tuple[str, ...] = ("rt",)


class Law(NamedTuple):
    """Where a likelihood lives ("cogattn.tune.likelihoods:ReportLikelihood") and with what it is made. It is
    written as a name, since the room of fits stands above this one."""

    place: str
    options: Mapping[str, Any] = {}


class Rival(NamedTuple):
    """A law that is compared with others: what of it is fitted (none named: what is usual), what is held where it does
    nothing, its options; another law than the paradigm's own, where it is one."""

    params: tuple[str, ...] = ()
    held: Mapping[str, float] = {}
    options: Mapping[str, Any] = {}
    law: Law | None = None


class Sight(NamedTuple):
    """How a network that looks at pixels takes it where it is compared with people: with which options, how many
    trials in each condition, and what the figure shows of it: a panel of its own figure, its title (none: only the
    table has this task), its x axis, and which trials (a column and its value)."""

    options: Mapping[str, Any] = {}
    trials: int = 1
    panel: int = 0
    title: str = ""
    along: str = ""
    only: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Paradigm(ABC):
    """A classic experiment. Fields are its options; units are SI.

    >>> from cogattn import paradigms
    >>> isinstance(paradigms.get("whole_report")(), Paradigm)
    True
    """

    name: ClassVar[str]
    title: ClassVar[str]
    source: ClassVar[str]
    condition_columns: ClassVar[tuple[str, ...]]
    listed: ClassVar[int] = 100  # its place in lists: the least comes first, 0 is in none
    usual_trials: ClassVar[int] = 100  # per person and condition, if nobody says how many
    banded: ClassVar[bool] = True  # whether it has rows on the scorecard
    #: What a network sees: "display" (all elements at once), "frames" (each target alone), "sequence" (it judges them
    #: one after the other), "items" (each element alone, what it is by `labels`), "own" (a specialist's task), ""
    #: (nothing: no network can take it).
    pictures: ClassVar[str] = "display"
    pixels: ClassVar[str] = ""  #: what a network that looks at pixels is shown, a kind of `runs.displays`
    #: What people call the values of a column, where a number says little: {"congruence": {"congruent": 1, ...}}.
    levels: ClassVar[Levels] = {}
    #: Columns of people's own trials of which the figure can be made, where it takes others than a fit (`completed`).
    drawn_from: ClassVar[tuple[str, ...]] = ()
    undrawn: ClassVar[str] = ""  # why people's own trials cannot be drawn beside the curves, if they cannot
    sessions: ClassVar[bool] = False  # trials follow one another in one mind (`paradigms.session`)
    compared: ClassVar[bool] = False  # whether a network that can take it is compared with people in it
    looked_at: ClassVar[int] = (
        0  # its place among the tasks in which a network that looks is compared; 0: none
    )
    sight: ClassVar[Sight] = Sight()
    #: What is asked of a person, in a sentence that needs no textbook.
    question: ClassVar[str] = ""
    #: How much the page plays while a slider moves, and when it is let go.
    shown_pace: ClassVar[tuple[Pace, Pace]] = (Pace(6, 30), Pace(12, 60))
    statistics: ClassVar[Statistics | None] = None  # None: right answers and times in every condition
    #: Shapes of words by which people's files call it (in small letters, blanks between words), beside its name.
    clues: ClassVar[tuple[str, ...]] = ()
    usual_params: ClassVar[tuple[str, ...]] = ()  # what is fitted to such means if nobody says; (): say it
    rivals: ClassVar[Mapping[str, Rival]] = {}  # the laws that can be compared, by name: the leanest first
    #: Whether people's data can be fitted at all (a world that answers back has no means).
    fitted: ClassVar[bool] = True

    def __new__(cls, *args: Any, **options: Any) -> Self:
        """Options are held against what their fields say, before a subclass sees them."""
        one = {k for k, x in options.items() if isinstance(x, (str, int, float))}
        listed = {
            k for k in one if isinstance(getattr_static(cls, k, None), tuple)
        }  # one alone is a list of one
        wrong = mismatch(
            cls.__init__, (None, *args), {k: (x,) if k in listed else x for k, x in options.items()}
        )
        if wrong:
            own_words(cls.__init__, (super().__new__(cls), *args), options)
            raise InputError(wrong)
        return super().__new__(cls)

    @abstractmethod
    def conditions(self) -> list[Condition]:
        """Every condition, as plain numbers by column."""

    def usual_population(self) -> Population:
        """Who takes it if nobody says who: adults. A study of other people says how they differ."""
        return Population.adults()

    @abstractmethod
    def stream(self, condition: Condition) -> TaskStream:
        """The world of one trial of this condition."""

    @abstractmethod
    def score(self, condition: Condition, answers: Answers) -> dict[str, npt.NDArray[Any]]:
        """Columns of the long table, one entry per trial."""

    @abstractmethod
    def metrics(self, frame: pd.DataFrame) -> list[Metric]:
        """The paradigm's numbers for the trials of one arm."""

    @abstractmethod
    def human(self) -> pd.DataFrame:
        """The human table: condition columns, mean, sd (between people), n (people)."""

    def scored(self) -> Sequence[Scored]:
        """What is put beside the rows of human tables, curve by curve (`paradigms.scored`)."""
        return ()

    def drawn(self, frame: pd.DataFrame) -> Drawn:
        """The figure as data, in the form that its field uses: people beside every arm. Either this or `figure` is
        written for a paradigm."""
        raise InputError(
            f"{type(self).__name__} has a figure of its own, and no curves as data: write `drawn` for it"
        )

    def curves(self, frame: pd.DataFrame) -> pd.DataFrame:
        """What the figure shows, a row per point: panel, kind (model, people, line), series (the arm), x, y, the 95 %
        interval (low, high) and one sd between people (below, above). Title, labels and ticks are in `attrs`."""
        return self.drawn(frame).table()

    def figure(self, frame: pd.DataFrame, axes: Any = None) -> Figure:
        """The figure in matplotlib."""
        return self.drawn(frame).figure(axes)

    def likelihood(self) -> Law | Any:
        """How likely people's data are: where the law lives, or a `cogattn.tune.base.Likelihood` of your own. By
        default the means of minds that are simulated."""
        return Law("cogattn.tune.simulated:Simulated", {"task": self})

    def completed(self, frame: pd.DataFrame) -> pd.DataFrame:
        """People's own trials with what the figure needs and no file says in so many words."""
        return frame.assign(error=1.0 - frame["correct"]) if "correct" in frame else frame

    def as_far_as_people(self, frame: pd.DataFrame) -> tuple[Paradigm, pd.DataFrame]:
        """The experiment that people took, and those of the trials that belong to it: this one, and all."""
        return self, frame

    def with_options(self, **options: Any) -> Self:
        """The same experiment with other options."""
        return type(self)(**{f.name: getattr(self, f.name) for f in fields(self)} | options)

    def options(self) -> dict[str, Any]:
        """The options as plain values, for TOML."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


def by_person(frame: pd.DataFrame, columns: list[str], value: str) -> pd.DataFrame:
    """Mean of `value` for each person (rows) in each condition (columns)."""
    return frame.pivot_table(index="person", columns=columns, values=value, aggfunc="mean", sort=True)


def pens_of(frame: pd.DataFrame) -> dict[str, plot.Pen]:
    """The pen of every arm of a run: made once for a figure, since a panel may lack an arm."""
    return plot.pens(list(frame["arm"].unique()))


def curve(
    ax: Axes,
    rows: pd.DataFrame,
    value: str,
    column: str,
    known: dict[str, plot.Pen],
    people: pd.DataFrame | None = None,
    *,
    scale: float = 1.0,
    along: str | None = None,
    hollow: bool = False,
    band: bool = True,
    joined: bool = True,
    **labels: Any,
) -> None:
    """Each arm's mean of `value` over one column, and people (columns `column`, mean, sd, n) as stars.

    A person counts once: the mean is over people's own means. along: where each level of the column lies is the mean
    of this column there, e.g. a block at its minute. joined: levels with an order are; names are not. Arms without any
    value are left out.
    """
    first = next(iter(known))
    ax.set_autoscaley_on(True)  # an earlier curve may have fixed the foot of this panel, and with it its head
    for arm, own in rows.groupby("arm", sort=False):
        table = by_person(own, [column], value)
        if table.size and np.isfinite(table.to_numpy(float)).any():
            x = table.columns if along is None else own.groupby(column)[along].mean()[table.columns]
            label = "_" if hollow else str(arm)
            y, pen = table.to_numpy(float), known[str(arm)]
            pen = pen if joined else pen._replace(dash="none")
            plot.arm(
                ax,
                np.asarray(x) * scale,
                y,
                pen,
                label,
                band=band and arm == first,
                hollow=hollow,
                series=str(arm),
            )
    levels = np.sort(rows[column].unique()) * scale
    if along is None and 1 < len(levels) <= 6 and np.diff(levels).min() > 0.08 * np.ptp(levels):
        ax.set_xticks(levels)
    if people is not None and len(people):
        x = people[column if along is None else along]
        label = "_" if hollow else "people"
        plot.people(ax, x * scale, people["mean"], people["sd"], people["n"], label, hollow=hollow)
    ax.set(**labels)


def pooled(
    frame: pd.DataFrame, statistic: Callable[[pd.DataFrame], npt.ArrayLike], groups: int = 10
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """A statistic of all people together (no mean of people's own), and half of its 95 % interval.

    By a jackknife that leaves out a group of people at a time (Kott 2001, J Off Stat 17:521):

        var = (G - 1) / G sum (theta_g - mean theta)^2,   t with G - 1 degrees of freedom
    """
    whole = np.asarray(statistic(frame), float)
    people = frame["person"].unique()
    g = min(groups, len(people))
    if g < 2:
        return whole, np.full(whole.shape, np.nan)
    left_out = [frame[~frame["person"].isin(people[i::g])] for i in range(g)]
    each = np.array([np.asarray(statistic(rest), float) for rest in left_out])
    se = np.sqrt((g - 1) / g * ((each - each.mean(0)) ** 2).sum(0))
    return whole, plot.interval(se * np.sqrt(g), g)
