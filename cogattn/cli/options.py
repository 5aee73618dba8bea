"""The options that several commands share: their types and what --help says of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import Parameter, Token


def whole_number(_: Any, tokens: Sequence[Token]) -> int:
    """A whole number as it is written: 1.5 is none, and is not cut down to one."""
    text = tokens[0].value
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"must be a whole number, got {text!r}") from None


OUT = "results"
Whole = Annotated[int, Parameter(converter=whole_number)]
Out = Annotated[str, Parameter(help="folder that run folders are put into")]
Json = Annotated[bool, Parameter(negative=(), help="print the table as JSON")]
Resume = Annotated[
    bool, Parameter(negative=(), help="go on with the newest unfinished run of these settings")
]
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
Paradigm_ = Annotated[str | None, Parameter(help="of a run of your own paradigm: the .py file that it is in")]
Option = Annotated[list[str] | None, Parameter(negative=(), help="the paradigm's own, KEY=VALUE")]
Alike = Annotated[int, Parameter(converter=whole_number, help="of each kind, alike but for chance")]
Device = Annotated[str, Parameter(help="where the network runs: auto, cpu or cuda")]
Backend = Annotated[str, Parameter(help="who works: loky (processes), threading, or dask (a cluster)")]
Scheduler = Annotated[str | None, Parameter(help="address of the Dask scheduler, e.g. tcp://10.0.0.1:8786")]
Format = Annotated[
    str, Parameter(help="of the data: auto, long, psychopy, jspsych, bids, hssm, tva or openmatb")
]
Column = Annotated[
    list[str] | None, Parameter(negative=(), help="what a column is called in the file: score=n_correct")
]
Unit = Annotated[
    str | None, Parameter(help="of the times in the file: s or ms, or of one: rt=ms (default: found out)")
]
Only = Annotated[
    list[str] | None, Parameter(negative=(), help="the rows to take: task=test, or condition=1,2,3")
]
Word = Annotated[list[str] | None, Parameter(negative=(), help="the number behind a word in the file: j=1")]
Observer_ = Annotated[str | None, Parameter(name="--observer", help="TOML file: one mind for everybody")]
Population_ = Annotated[
    str | None, Parameter(name="--population", help="TOML file: the spread of the people")
]
