"""Commands over many minds: what a measure depends on, and a search for a goal."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import Parameter

from cogattn.cli.options import (
    ALONE,
    Alike,
    Experiment,
    Json,
    Observer_,
    Option,
    Seed,
    Trials_,
    Whole,
    WorkOptions,
    whole_number,
)
from cogattn.cli.shared import minds_of, old_option, options_of, split, tell


def sensitivity(
    name: Experiment,
    /,
    *,
    params: Annotated[
        str,
        Parameter(help="comma-separated: NAME (over the range of adults) or NAME=LOW:HIGH, e.g. slots=2:4"),
    ],
    metric: Annotated[str, Parameter(help="comma-separated, of what the experiment measures, e.g. misses")],
    method: Annotated[
        str, Parameter(help="sobol (shares of the variance) or morris (a first look)")
    ] = "sobol",
    n: Annotated[Whole, Parameter(help="starting points: n (d + 2) minds for d parameters")] = 128,
    people: Alike = 20,
    trials: Trials_ = None,
    option: Option = None,
    observer: Observer_ = None,
    seed: Seed = 0,
    work: WorkOptions = ALONE,
    json: Json = False,
) -> None:
    """How much does a measure depend on each parameter of a person?"""
    from cogattn import paradigms
    from cogattn.tune import sensitivities

    task = paradigms.make(name, options_of(option) or {})
    mind = minds_of(observer, None)["observer"]
    with work.begun(f"sensitivity {name}") as how:
        done = sensitivities.sensitivity(
            task, _ranges(split(params)), _measures(metric), method=method, n=n, observer=mind, people=people,
            trials=trials, seed=seed, **how,
        )  # fmt: skip
    tell(done, json, done.folder, "figures/sensitivity.png")


def sweep(
    name: Experiment,
    /,
    *,
    param: Annotated[
        list[str],
        Parameter(negative=(), help="NAME=LOW:HIGH, NAME=LOW:HIGH:STEP, or NAME (the range of adults)"),
    ],
    goal: Annotated[
        list[str],
        Parameter(negative=(), help="e.g. 'min capacity'; of several, the best trade-offs (Pareto front)"),
    ],
    subject_to: Annotated[list[str] | None, Parameter(negative=(), help="e.g. 'misses <= 0.05'")] = None,
    candidates: Annotated[
        int | None, Parameter(converter=whole_number, help="minds to try (default: 60)")
    ] = None,
    sampler: Annotated[str, Parameter(help="tpe, random or grid")] = "tpe",
    people: Alike = 20,
    trials: Annotated[
        int | None,
        Parameter(
            converter=whole_number,
            help="trials per person and condition (default: as is usual). --candidates was called --trials and "
            "--trials --each up to 0.1.0; beside --each, --trials still means the minds to try",
        ),
    ] = None,
    each: Annotated[int | None, Parameter(converter=whole_number, show=False)] = None,
    option: Option = None,
    observer: Observer_ = None,
    seed: Seed = 0,
    work: WorkOptions = ALONE,
    json: Json = False,
) -> None:
    """Search the parameters of a person for a goal, e.g. the least capacity that keeps misses under 5 %."""
    from cogattn import paradigms
    from cogattn.tune import sweeps

    task = paradigms.make(name, options_of(option) or {})
    mind = minds_of(observer, None)["observer"]
    if each is not None or (trials is not None and candidates is None):
        old_option("of sweep, --trials", "--candidates (minds to try), and --each --trials")
    with warnings.catch_warnings():  # said already
        warnings.simplefilter("ignore", DeprecationWarning)
        candidates, trials = sweeps.minds_and_trials(candidates, trials, each)
    candidates = 60 if candidates is None else candidates
    with work.begun(f"sweep {name}") as how:
        done = sweeps.sweep(
            task, _ranges(param), goal, subject_to or (), candidates=candidates, sampler=sampler, observer=mind,
            people=people, trials=trials, seed=seed, **how,
        )  # fmt: skip
    tell(done, json, done.folder, "figures/sweep.png")
    if done.tried["best"].any() and not json:
        print(f"\nFor every other command: --observer {done.folder}/observer.toml")


def _measures(text: str) -> list[str]:
    """Names of measures; the commas within [brackets] belong to a name."""
    return [part.strip() for part in re.split(r",(?![^\[]*\])", text)]


def _ranges(words: Sequence[str]) -> Any:
    """NAME or NAME=LOW:HIGH words, as `tune.sensitivity` and `tune.sweep` take them."""
    from cogattn.tune.probes import read_range

    return dict(read_range(word) for word in words)
