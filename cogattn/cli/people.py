"""Commands about people: estimate their parameters, predict other tasks, plan how many trials."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from cogattn.cli.data import AS_FOUND, DataOptions, read_for
from cogattn.cli.options import (
    OUT,
    Experiment,
    Jobs,
    Json,
    Observer_,
    Option,
    Out,
    Population_,
    Seed,
    Whole,
)
from cogattn.cli.shared import (
    minds_of,
    n_jobs,
    new_folder,
    old_option,
    options_of,
    pairs,
    progress,
    show,
    split,
    tell,
    without_effect,
)  # fmt: skip
from cogattn.errors import InputError, shown


def tune(
    name: Experiment,
    /,
    *,
    data: Annotated[str, Parameter(help="people's data: a file, or a folder of files")],
    params: Annotated[
        str | None, Parameter(help="parameters to fit, comma-separated (default: all that the data inform)")
    ] = None,
    option: Option = None,
    reading: DataOptions = AS_FOUND,
    pool: Annotated[
        bool | None, Parameter(help="fit people together, as one population (default: from four people on)")
    ] = None,
    posterior: Annotated[
        bool,
        Parameter(
            negative=(), help="draw from the posterior (NUTS) instead of giving the most likely values alone"
        ),
    ] = False,
    draws: Annotated[Whole | None, Parameter(help="of each chain of --posterior (default: 1000)")] = None,
    chains: Annotated[Whole | None, Parameter(help="of --posterior (default: 4)")] = None,
    intervals: Annotated[
        str | None, Parameter(help="of people who are fitted alone: profile (the default) or bootstrap")
    ] = None,
    compare_laws: Annotated[
        bool,
        Parameter(negative=(), help="compare several laws by trials that they were not fitted to"),
    ] = False,
    between: Annotated[bool, Parameter(negative=(), show=False)] = False,
    force: Annotated[
        bool,
        Parameter(negative=(), help="fit what is refused, and write an observer though the verdict is no"),
    ] = False,
    observer: Observer_ = None,
    seed: Seed = 0,
    jobs: Jobs = None,
    out: Out = OUT,
    json: Json = False,
) -> None:
    """Fit people's parameters to their data: estimates, intervals, a figure, and a file that other commands take."""
    from cogattn import paradigms
    from cogattn.tune import fit, likelihoods, sample_posterior

    if not posterior:
        without_effect("--posterior", draws=draws, chains=chains)
    sampling = {"draws": 1000 if draws is None else draws, "chains": 4 if chains is None else chains}
    if posterior or compare_laws or between:
        without_effect("a fit of single values", intervals=intervals)
    task = paradigms.make(name, options_of(option) or {})
    likelihoods.of(task)
    which = None if params is None else split(params)
    table = read_for(task, data, reading, which)
    mind = minds_of(observer, None)["observer"]
    if between:
        old_option("--between", "--compare-laws")
    if compare_laws or between:
        _which_law(task, table, mind, seed, n_jobs(jobs), out, json)
        return
    how: dict[str, Any] = {
        "pool": pool,
        "observer": mind,
        "seed": seed,
        "n_jobs": n_jobs(jobs),
        "force": force,
    }
    more = sampling if posterior else {"intervals": intervals}
    how |= {name: value for name, value in more.items() if value is not None}
    with progress(f"tune {name}") as tick:
        done = (sample_posterior if posterior else fit)(task, table.frame, which, **how, progress=tick)
    done.notes[:0] = table.notes
    asked = {"paradigm": name, "params": list(done.params), "pooled": done.pooled, "seed": seed}
    asked |= {"options": task.options()} if option else {}
    asked |= sampling if posterior else {}
    folder = done.save(new_folder("tune", asked, seed, n_jobs(jobs), out))
    tell(done, json, folder, f"figures/{'posterior' if posterior else 'tune'}.png")
    if not json and (force or done.verdict.word != "no"):
        print(f"\nFor every other command: --observer {folder / 'observer.toml'}")
    elif not json:
        print("\nNo observer is written, since the verdict is no (--force writes one).")


def _which_law(task: Any, table: Any, observer: Any, seed: int, jobs: int, out: str, json: bool) -> None:
    """The laws of one paradigm beside each other, in a run folder of their own."""
    from cogattn import tune as room

    with progress(f"tune {task.name} --compare-laws") as tick:
        done = room.compare_laws(task, table.frame, observer=observer, seed=seed, n_jobs=jobs, progress=tick)
    asked = {"paradigm": task.name, "compare_laws": list(done.table()["law"]), "seed": seed}
    folder = done.save(new_folder("tune", asked, seed, jobs, out))
    if not json:
        print(*table.notes, "", sep="\n")
    tell(done, json, folder, "figures/laws.png")


def predict(
    *,
    fit: Annotated[
        list[str], Parameter(negative=(), help="TASK=FILE: what is known of the people; once for each task")
    ],
    predict: Annotated[
        list[str], Parameter(negative=(), help="TASK=FILE: what is predicted of them, and compared")
    ],
    measure: Annotated[
        list[str] | None,
        Parameter(
            negative=(), help="of every predicted task, or of one: 'ant: rt[cue=none] - rt[cue=double]'"
        ),
    ] = None,
    params: Annotated[
        str | None, Parameter(help="comma-separated (default: those that each fitted task informs)")
    ] = None,
    people: Annotated[
        str | None,
        Parameter(help="who is predicted, comma-separated, the population being that of all the others"),
    ] = None,
    minds: Annotated[Whole, Parameter(help="how often each person's mind takes a predicted task")] = 32,
    option: Annotated[
        list[str] | None, Parameter(negative=(), help="of a task, TASK.KEY=VALUE, e.g. prp.soas=[0.05,0.8]")
    ] = None,
    observer: Observer_ = None,
    population: Population_ = None,
    seed: Seed = 0,
    jobs: Jobs = None,
    out: Out = OUT,
    json: Json = False,
) -> None:
    """Predict people's results in some tasks from their other tasks, and compare with what plain means predict."""
    from cogattn.tune import predict_people

    tasks = {"--fit": fit, "--predict": predict}
    both = {name: _tasks(name, words, option) for name, words in tasks.items()}
    _used(option, [str(name) for words in tasks.values() for name in pairs("--fit", words)])
    who, which = None if people is None else split(people), None if params is None else split(params)
    minds_given = minds_of(observer, population)
    with progress("predict") as tick:
        done = predict_people(
            both["--fit"], both["--predict"], measure, params=which, people=who, minds=minds, seed=seed,
            n_jobs=n_jobs(jobs), progress=tick, **minds_given,
        )  # fmt: skip
    asked: dict[str, Any] = {"fit": fit, "predict": predict, "params": list(done.fit.params), "minds": minds}
    asked |= {"measures": measure or [], "people": who or [], "options": option or [], "seed": seed}
    folder = done.save(new_folder("predict", asked, seed, n_jobs(jobs), out))
    tell(done, json, folder, "figures/prediction.png")


def _tasks(said: str, words: list[str], option: list[str] | None) -> dict[Any, str]:
    """TASK=FILE, the tasks with their options."""
    from cogattn import paradigms

    out: dict[Any, str] = {}
    for name, path in pairs(said, words).items():
        own = [word.partition(".")[2] for word in option or () if word.partition(".")[0] == name]
        out[paradigms.make(name, options_of(own) or {})] = path
    return out


def _used(option: list[str] | None, tasks: list[str]) -> None:
    for word in option or ():
        task, dot, _ = word.partition(".")
        if not dot or task not in tasks:
            raise InputError(
                f"--option must be TASK.KEY=VALUE, TASK being one of {', '.join(dict.fromkeys(tasks))}, "
                f"got {shown(word)}"
            )


def design(
    name: Experiment,
    /,
    *,
    param: Annotated[str, Parameter(name="--for", help="the parameter that is to be known, e.g. alpha")],
    within: Annotated[float, Parameter(help="half-width of its 95 % interval, in its own unit")] = 0.1,
    share: Annotated[float, Parameter(help="share of people whose interval must be that narrow")] = 0.5,
    exposures: Annotated[
        str | None, Parameter(help="to choose from, ms, comma-separated (default: frames of a 60 Hz screen)")
    ] = None,
    check: Annotated[
        Whole, Parameter(help="simulated people who take the proposal and are fitted; 0 = none")
    ] = 40,
    population: Population_ = None,
    seed: Seed = 0,
    jobs: Jobs = None,
    out: Out = OUT,
    json: Json = False,
) -> None:
    """How many trials, and of which kind, until a parameter of a person is known well enough?"""
    from cogattn.tune import designs

    offered: dict[str, Any] = (
        {} if exposures is None else {"exposures": [e / 1000 for e in _numbers("exposures", exposures)]}
    )
    crowd = minds_of(None, population)["population"]
    with progress(f"design {name}") as tick:
        done = designs.design(
            name, param, within, share=share, **offered, population=crowd, check=check, seed=seed,
            n_jobs=n_jobs(jobs), progress=tick,
        )  # fmt: skip
    asked = {
        "paradigm": name,
        "for": param,
        "within": within,
        "share": share,
        "check": check,
        "seed": seed,
    } | offered
    folder = done.save(new_folder("design", asked, seed, n_jobs(jobs), out))
    if not json:
        show(done.needed, json)
        if check:
            print("\nSimulated people:")
            show(done.check, json)
        print()
    tell(done, json, folder, "figures/design.png")


def _numbers(name: str, text: str) -> list[float]:
    try:
        return [float(part) for part in split(text)]
    except ValueError:
        raise InputError(f"--{name} must be numbers with commas between them, got {shown(text)}") from None
