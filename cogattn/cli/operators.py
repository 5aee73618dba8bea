"""Commands about an operator's work: can one person hold a watch?"""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from cogattn.cli.options import OUT, Jobs, Json, Observer_, Out, People_, Population_, Seed
from cogattn.cli.shared import minds_of, n_jobs, new_folder, progress, tell
from cogattn.errors import InputError, shown


def share(option: str, text: str) -> float:
    """A share as people write it: 5% or 0.05.

    >>> share("--miss-below", "5%"), share("--miss-below", "0.05")
    (0.05, 0.05)
    """
    per_cent = text.strip().endswith("%")
    try:
        value = float(text.strip().removesuffix("%")) / (100 if per_cent else 1)
    except ValueError:
        value = -1.0
    if not 0 < value <= 1:
        raise InputError(
            f"{option} must be a share such as 5% or 0.05, above 0 and at most 100%, got {shown(text)}"
        )
    return value


def watch(
    scenario: Annotated[str, Parameter(help="a file in OpenMATB's format, or low, medium, high")],
    /,
    *,
    miss_below: Annotated[
        str, Parameter(help="an operator must miss less than this share of the signals")
    ] = "5%",
    operators: Annotated[str, Parameter(help="yes if at least this share of operators can do that")] = "90%",
    minutes: Annotated[float, Parameter(help="play only so many minutes of the scenario")] = 600.0,
    people: People_ = 200,
    seed: Seed = 0,
    observer: Observer_ = None,
    population: Population_ = None,
    changes: Annotated[
        bool,
        Parameter(negative="--as-it-is", help="also play what may help (a second operator, a break, ...)"),
    ] = True,
    jobs: Jobs = None,
    out: Out = OUT,
    json: Json = False,
) -> None:
    """Can one operator hold this watch? SCENARIO is a file in OpenMATB's format, or low, medium, high.

    Says yes, no or open, with the share of operators and its interval, the riskiest minutes, and what would help most.
    """
    from cogattn.reports.watch import watch as judge

    asked = {"miss_below": share("--miss-below", miss_below), "operators": share("--operators", operators)}
    how: dict[str, Any] = {"people": people, "seed": seed, "minutes": minutes, **asked}
    with progress("watch") as tick:
        minds = minds_of(observer, population)
        done = judge(scenario, changes=changes, n_jobs=n_jobs(jobs), progress=tick, **how, **minds)
    kept = new_folder("watch", {"scenario": str(done.scenario), **how}, seed, n_jobs(jobs), out)
    tell(done, json, done.save(kept), "figures/watch.png")
