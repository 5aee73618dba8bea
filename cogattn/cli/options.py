"""The options that several commands share, each said once: their types, and what --help says of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from cyclopts import Parameter, Token

from cogattn.cli.shared import n_jobs, progress
from cogattn.errors import InputError
from cogattn.files import holds


def whole_number(_: Any, tokens: Sequence[Token]) -> int:
    """A whole number as it is written: 1.5 is none, and is not cut down to one; no option takes one below 0."""
    text = tokens[0].value
    try:
        value = int(text)
    except ValueError:
        raise ValueError(f"must be a whole number, got {text!r}") from None
    if value < 0:
        raise ValueError(f"must not be below 0, got {value}")
    return value


def into(_: Any, tokens: Sequence[Token]) -> str:
    """A folder that can be written into: said before the work, not after it."""
    return str(holds(tokens[0].value))


def named(_: Any, tokens: Sequence[Token]) -> str:
    """A folder with a name: whether it can be written into is what is asked."""
    if not tokens[0].value.strip():
        raise InputError("the folder to try has no name: give one, or drop --out")
    return tokens[0].value


OUT = "results"
Whole = Annotated[int, Parameter(converter=whole_number)]
SEED = Parameter(help="of every random draw: the same seed gives the same numbers")
Seed = Annotated[Whole, SEED]
PEOPLE = Parameter(help="how many simulated people")
People_ = Annotated[Whole, PEOPLE]
NAME = Parameter(help="an experiment: `cogattn list` names them")
Experiment = Annotated[str, NAME]
Folder_ = Annotated[str, Parameter(help="of a run, as `cogattn run` prints it")]
Data_ = Annotated[str, Parameter(help="people's data, a row per trial: a file, or a folder of files")]
Out = Annotated[str, Parameter(converter=into, help="folder for results; each run makes its own in it")]
Where = Annotated[str, Parameter(converter=named, help="folder that is tried")]
Json = Annotated[bool, Parameter(negative=(), help="print the table as JSON")]
Jobs = Annotated[
    int | None,
    Parameter(
        converter=whole_number, help="processor cores to use (default: all); the numbers stay the same"
    ),
]
Trials_ = Annotated[
    int | None,
    Parameter(converter=whole_number, help="trials per person and condition (default: as is usual)"),
]
Paradigm_ = Annotated[str | None, Parameter(help="the .py file of your own experiment, if it was one")]
Named = Annotated[
    str | None, Parameter(name="--model", help="the .py file of your own network, if it was one")
]
Trust = Annotated[
    bool,
    Parameter(negative=(), help="allow running the network's .py file that the folder or the settings name"),
]
Option = Annotated[
    list[str] | None, Parameter(negative=(), help="of the experiment itself, KEY=VALUE, e.g. set_size=4")
]
Person_ = Annotated[Whole, Parameter(help="number of the person, from 0")]
Trial_ = Annotated[Whole, Parameter(help="number of the trial in its condition, from 0")]
Condition_ = Annotated[Whole, Parameter(help="number of the condition, from 0, in the order of the run")]
MODEL = Parameter(help="a name in models/ or your own .py file")
Alike = Annotated[Whole, Parameter(help="simulated people with each set of parameters, alike but for chance")]
Device = Annotated[str, Parameter(help="where the network runs: auto, cpu or cuda")]
Observer_ = Annotated[
    str | None, Parameter(name="--observer", help="TOML file: parameters that everybody has")
]
Population_ = Annotated[str | None, Parameter(name="--population", help="TOML file: how people differ")]


@Parameter(name="*")
@dataclass(frozen=True)
class WorkOptions:
    """How a long command is played, and where it keeps its pieces."""

    jobs: Jobs = None
    backend: Annotated[
        str, Parameter(help="what works: loky (processes), threading, or dask (a cluster)")
    ] = "loky"
    scheduler: Annotated[
        str | None, Parameter(help="address of the Dask scheduler, e.g. tcp://10.0.0.1:8786")
    ] = None
    out: Out = OUT
    resume: Annotated[
        bool, Parameter(negative=(), help="go on with the newest unfinished run of these settings")
    ] = False

    @contextmanager
    def begun(self, what: str) -> Iterator[dict[str, Any]]:
        """While it lasts there are workers and a bar; it gives what every long function takes."""
        from cogattn.runs.workers import workers

        with progress(what) as tick, workers(self.backend, self.scheduler):
            yield {"n_jobs": n_jobs(self.jobs), "out": self.out, "resume": self.resume, "progress": tick}


ALONE = WorkOptions()  #: as it is if nothing is said
