"""The command line: `cogattn list | run | compare | tune | sweep | live | plot | trace | scorecard | verify | ...`.

Every command takes --help; long ones show progress on a terminal, keep what is finished, go on with --resume and
end with where they put the results. A mistake gives one line and exit code 2; Ctrl-C gives exit code 130.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, CycloptsError, Parameter, Token

from cogattn.errors import CogattnError, InputError, choice

if TYPE_CHECKING:
    import pandas as pd

app = App(
    name="cogattn",
    help="What happens to attention when it is as limited as ours?",
    help_format="plaintext",
    suppress_keyboard_interrupt=False,
    result_action="return_value",
)


def _whole(_: Any, tokens: Sequence[Token]) -> int:
    """A whole number as it is written: 1.5 is none, and is not cut down to one."""
    text = tokens[0].value
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"must be a whole number, got {text!r}") from None


OUT = "results"
Whole = Annotated[int, Parameter(converter=_whole)]
Out = Annotated[str, Parameter(help="folder that run folders are put into")]
Json = Annotated[bool, Parameter(negative=(), help="print the table as JSON")]
Resume = Annotated[
    bool, Parameter(negative=(), help="go on with the newest unfinished run of these settings")
]
Jobs = Annotated[
    int | None,
    Parameter(converter=_whole, help="processor cores to use (default: all); the numbers stay the same"),
]
Trials_ = Annotated[
    int | None, Parameter(converter=_whole, help="trials per person and condition (default: as is usual)")
]
Option = Annotated[list[str] | None, Parameter(negative=(), help="the paradigm's own, KEY=VALUE")]
Alike = Annotated[int, Parameter(converter=_whole, help="of each kind, alike but for chance")]
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
Paradigm_ = Annotated[str | None, Parameter(help="of a run of your own paradigm: the .py file that it is in")]
Observer_ = Annotated[str | None, Parameter(name="--observer", help="TOML file: one mind for everybody")]
Population_ = Annotated[
    str | None, Parameter(name="--population", help="TOML file: the spread of the people")
]


def main(tokens: Sequence[str] | None = None) -> None:
    """Run one command; every mistake that a person can mend is one line on standard error."""
    try:
        code = int(app(tokens, exit_on_error=False, print_error=False) or 0)
    except (CogattnError, CycloptsError) as error:
        text = " ".join(str(error).split()) or type(error).__name__
        print(f"cogattn: {text}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        print(
            "\ncogattn: stopped; finished pieces are kept: the same command with --resume goes on",
            file=sys.stderr,
        )
        code = 130
    except BrokenPipeError:
        sys.stderr.close()
        code = 1
    raise SystemExit(code)


@app.command(name="list")
def list_(*, json: Json = False) -> None:
    """The paradigms, models and limits there are."""
    import pandas as pd

    from cogattn import paradigms
    from cogattn.nn.networks import subjects
    from cogattn.observer import LIMITS

    rows = [("paradigm", name, title) for name, title in paradigms.titles().items()]
    rows += [("model", name, subjects.about(name)) for name in subjects.names()]
    rows += [
        ("arm", "human", "all limits"),
        ("arm", "softmax", "no limits: a network's plain (softmax) attention"),
    ]
    rows += [("limit", name, "joined by + they make an arm, e.g. slots+capacity") for name in LIMITS]
    show(pd.DataFrame(rows, columns=["kind", "name", "what it is"]), json)


@app.command
def run(
    name: str | None = None,
    /,
    *,
    arms: Annotated[str | None, Parameter(help="comma-separated, e.g. human,softmax,slots+capacity")] = None,
    model: Annotated[str | None, Parameter(help="a name in models/ or your own .py file")] = None,
    people: Whole | None = None,
    trials: Trials_ = None,
    seed: Whole | None = None,
    option: Annotated[
        list[str] | None, Parameter(negative=(), help="the paradigm's own, KEY=VALUE, e.g. set_size=4")
    ] = None,
    observer: Observer_ = None,
    population: Population_ = None,
    config: Annotated[
        str | None, Parameter(help="TOML file of settings (a run's config.toml); flags override")
    ] = None,
    jobs: Jobs = None,
    backend: Backend = "loky",
    scheduler: Scheduler = None,
    device: Device = "auto",
    events: Annotated[bool, Parameter(negative=(), help="also write events.parquet: every event")] = False,
    out: Out = OUT,
    resume: Resume = False,
    json: Json = False,
) -> None:
    """Let people take one experiment under several arms."""
    from cogattn import files
    from cogattn.runs import experiment
    from cogattn.runs.scaling import workers

    flags: dict[str, Any] = {
        "paradigm": name,
        "arms": None if arms is None else _split(arms),
        "model": model,
        "people": people,
        "trials": trials,
    }
    flags |= {"seed": seed, "options": _options(option), **_minds(observer, population)}
    settings = _settings(config, flags)
    with progress(f"{settings['paradigm'].name}") as tick, workers(backend, scheduler):
        done = experiment.run(
            **settings, n_jobs=_jobs(jobs), device=device, out=out, resume=resume, progress=tick
        )
    folder = done.folder or Path(out)
    if events:
        files.write_table(folder / "events.parquet", experiment.events(done))
    show(done.summary(), json)
    _end(folder, json)


@app.command
def compare(
    *,
    model: Annotated[str, Parameter(help="a name in models/ or your own .py file")] = "digit_reader",
    people: Whole = 50,
    trials: Trials_ = None,
    seed: Whole = 0,
    observer: Observer_ = None,
    population: Population_ = None,
    jobs: Jobs = None,
    backend: Backend = "loky",
    scheduler: Scheduler = None,
    device: Device = "auto",
    out: Out = OUT,
    resume: Resume = False,
    json: Json = False,
) -> None:
    """A network under human limits, the same network with plain softmax, and people: in the tasks that it can take."""
    from cogattn.reports.comparison import compare as play
    from cogattn.runs.scaling import workers

    minds = _minds(observer, population)
    with progress("compare") as tick, workers(backend, scheduler):
        done = play(
            model, people, trials, seed, _jobs(jobs), device, **minds, out=out, resume=resume, progress=tick
        )
    show(done.table(), json)
    if not json:
        print("", *done.words(), sep="\n")
    _end(done.folder, json, "figures/compare.png")


@app.command
def live(
    *,
    model: Annotated[str, Parameter(help="a name in models/ or your own .py file")] = "live_watcher",
    arms: Annotated[
        str | None, Parameter(help="comma-separated: human,softmax,random,top,found (default: all)")
    ] = None,
    seconds: Annotated[float, Parameter(help="of film, for each arm")] = 10.0,
    fps: Annotated[float, Parameter(help="frames per second")] = 25.0,
    deadline: Annotated[
        float | None, Parameter(help="s from a frame's onset to its answer (default: the next frame's onset)")
    ] = None,
    value: Annotated[
        float | None, Parameter(help="what the network's exam varies, e.g. how many distractors")
    ] = None,
    patches: Annotated[int | None, Parameter(converter=_whole, help="of a frame: the load")] = None,
    seed: Whole = 0,
    observer: Observer_ = None,
    device: Device = "auto",
    out: Out = OUT,
    json: Json = False,
) -> int:
    """A film at the pace of the wall clock: does the answer come in time, from how many patches, and is it right?"""
    from cogattn.reports.realtime import ARMS
    from cogattn.reports.realtime import live as play

    chosen = ARMS if arms is None else _split(arms)
    mind = _minds(observer, None)["observer"]
    with progress("live") as tick:
        done = play(
            model, chosen, seconds, fps, deadline, value=value, patches=patches, seed=seed,
            device=device, observer=mind, out=out, progress=tick,
        )  # fmt: skip
    show(done.summary(), json)
    if not json:
        print("", *done.words(), sep="\n")
    if done.stopped:
        print("\ncogattn: stopped; the frames that were shown are kept", file=sys.stderr)
    _end(done.folder, json, "figures/live.png")
    return 130 if done.stopped else 0


@app.command
def scorecard(
    *,
    people: Whole = 200,
    trials: Trials_ = None,
    seed: Whole = 0,
    observer: Observer_ = None,
    population: Population_ = None,
    jobs: Jobs = None,
    backend: Backend = "loky",
    scheduler: Scheduler = None,
    out: Out = OUT,
    resume: Resume = False,
    needs: Annotated[bool, Parameter(help="also show which limits each band needs")] = True,
    json: Json = False,
) -> None:
    """Every paradigm, one population, every human band, and which limits each band needs."""
    from cogattn.reports import scoring
    from cogattn.runs.scaling import workers

    minds = _minds(observer, population)
    with progress("scorecard") as tick, workers(backend, scheduler):
        table = scoring.scorecard(
            people, seed, trials, _jobs(jobs), **minds, out=out, resume=resume, progress=tick, needs=needs
        )
    columns = ["phenomenon", "metric", "human", "low", "high", "model", "softmax", "inside", "softmax_inside"]
    columns += ["needs", "enough"] if needs else []
    filled = table[table["inside"].notna()]
    show(table if json else filled[columns], json)
    if not json:
        print("", scoring.words(table), sep="\n")
    _end(table.attrs["folder"], json, "figures/scorecard.png")


@app.command
def plot(
    *runs: str,
    paradigm: Paradigm_ = None,
    out: Annotated[str | None, Parameter(help="folder for the figure")] = None,
) -> None:
    """Draw the figure of a run folder; several runs of one paradigm are laid over each other."""
    from cogattn.runs import results
    from cogattn.view import plot as pens

    if not runs:
        raise InputError("name at least one run folder, e.g. cogattn plot results/whole_report/<run>")
    first, *others = [results.load(folder, paradigm) for folder in runs]
    figure = first.plot(*others)
    for path in pens.save(figure, out or Path(runs[0]) / "figures", _stem(first, others)):
        print(path)


def _stem(first: Any, others: Sequence[Any]) -> str:
    """The name of the figure's files: that of several runs does not take the place of the first one's own."""
    return f"{first.config['paradigm']}{f'_of_{1 + len(others)}_runs' if others else ''}"


@app.command
def trace(
    folder: str,
    /,
    *,
    arm: Annotated[str | None, Parameter(help="default: the run's first arm")] = None,
    condition: Annotated[
        int, Parameter(converter=_whole, help="its number, from 0, in the order of the run")
    ] = 0,
    person: Whole = 0,
    trial: Whole = 0,
    start: Annotated[float | None, Parameter(help="s: the chart begins here")] = None,
    stop: Annotated[float | None, Parameter(help="s: the chart ends here")] = None,
    paradigm: Paradigm_ = None,
    out: Annotated[str | None, Parameter(help="folder for the files (default: RUN/trace)")] = None,
) -> None:
    """One trial of a run (or one whole session), event by event: a Gantt chart of attention over tasks and slots, a
    Parquet table, and a trace that Perfetto's viewer opens."""
    from cogattn import files
    from cogattn.mind import events
    from cogattn.runs import experiment, results
    from cogattn.view import gantt
    from cogattn.view import plot as pens

    done = results.load(folder, paradigm)
    name = arm or str(done.config["arms"][0])
    record = experiment.events(done, name, condition, person, trial)
    place = Path(out) if out else Path(folder) / "trace"
    stem = f"{name}-condition{condition}-person{person}-trial{trial}".replace("+", "_")
    chart = gantt.figure(record, start, stop)
    files.write_table(place / f"{stem}.parquet", record)
    files.write_text(place / f"{stem}.json", events.trace_text(record))
    print(record[list(events.COLUMNS)].to_string(index=False))
    for path in [
        place / f"{stem}.parquet",
        place / f"{stem}.json",
        *pens.save(chart, place, stem),
    ]:
        print(path)
    print(f"\nChart:    {place / f'{stem}.png'}\nPerfetto: {place / f'{stem}.json'}")


@app.command
def explain(
    folder: str,
    /,
    *,
    condition: Annotated[
        int, Parameter(converter=_whole, help="its number, from 0, in the order of the run")
    ] = 0,
    person: Whole = 0,
    trial: Whole = 0,
    everybody: Annotated[
        bool, Parameter(negative=(), help="the table holds all trials of the condition, not this one alone")
    ] = False,
    paradigm: Paradigm_ = None,
    out: Annotated[str | None, Parameter(help="folder for the files (default: RUN/explained)")] = None,
    json: Json = False,
) -> None:
    """Which element got how much of a network's attention in a trial, and when: a heat map, human beside softmax."""
    from cogattn.reports.explaining import explain as told
    from cogattn.runs import results

    done = told(results.load(folder, paradigm), condition, person, trial, everybody=everybody)
    place = Path(out) if out else Path(folder) / "explained"
    paths = done.save(place, f"condition{condition}-person{person}-trial{trial}")
    show(done.shown_rows(), json)
    if not json:
        print("", done.finding(), "", *paths, sep="\n")


@app.command
def tune(
    name: str,
    /,
    *,
    data: Annotated[str, Parameter(help="people's data: a file, or a folder of files")],
    params: Annotated[
        str | None, Parameter(help="comma-separated (default: all that the data inform)")
    ] = None,
    format: Format = "auto",
    column: Column = None,
    unit: Unit = None,
    only: Only = None,
    word: Word = None,
    pool: Annotated[
        bool | None, Parameter(help="people together, as one population (default: from four people on)")
    ] = None,
    posterior: Annotated[
        bool,
        Parameter(negative=(), help="all that the data say, as draws (NUTS), and not the likeliest alone"),
    ] = False,
    draws: Annotated[int, Parameter(converter=_whole, help="of each chain of --posterior")] = 1000,
    chains: Annotated[int, Parameter(converter=_whole, help="of --posterior")] = 4,
    intervals: Annotated[
        str, Parameter(help="of people who are fitted alone: profile or bootstrap")
    ] = "profile",
    between: Annotated[
        bool,
        Parameter(
            negative=(), help="which law? several laws beside each other, by trials they have not seen"
        ),
    ] = False,
    observer: Observer_ = None,
    seed: Whole = 0,
    jobs: Jobs = None,
    out: Out = OUT,
    json: Json = False,
) -> None:
    """People's parameters from their own data: estimates, intervals, a figure, an observer for every other command."""
    from cogattn import files
    from cogattn.human import importing
    from cogattn.runs import experiment, results
    from cogattn.tune import drawn, fit, likelihoods

    law = likelihoods.of(name)
    said = _said(format, column, unit, only, word)
    table = importing.read(data, law.columns, optional=law.optional, levels=law.levels, **said)
    mind = _minds(observer, None)["observer"]
    if between:
        _which_law(name, table, mind, seed, _jobs(jobs), Path(out), json)
        return
    which = None if params is None else _split(params)
    how: dict[str, Any] = {"pool": pool, "observer": mind, "seed": seed, "n_jobs": _jobs(jobs)}
    how |= {"draws": draws, "chains": chains} if posterior else {"intervals": intervals}
    with progress(f"tune {name}") as tick:
        done = (drawn if posterior else fit)(name, table.frame, which, **how, progress=tick)
    done.notes[:0] = table.notes
    asked = {"paradigm": name, "params": list(done.params), "pooled": done.pooled, "seed": seed}
    asked |= {"draws": draws, "chains": chains} if posterior else {}
    folder = experiment.run_folder(Path(out), "tune", asked, resume=False)
    files.write_text(folder / "config.toml", results.toml(asked))
    files.write_json(folder / "provenance.json", results.provenance(seed, "cpu", _jobs(jobs)))
    done.save(folder)
    show(done.table(), json)
    if not json:
        print("", *done.notes, sep="\n")
        print(f"\nFor every other command: --observer {folder / 'observer.toml'}")
    _end(folder, json, f"figures/{'posterior' if posterior else 'tune'}.png")


def _which_law(name: str, table: Any, observer: Any, seed: int, jobs: int, out: Path, json: bool) -> None:
    """The laws of one paradigm beside each other, in a run folder of their own."""
    from cogattn import files
    from cogattn import tune as room
    from cogattn.runs import experiment, results

    with progress(f"tune {name} --between") as tick:
        done = room.between(name, table.frame, observer=observer, seed=seed, n_jobs=jobs, progress=tick)
    asked = {"paradigm": name, "between": list(done.table["law"]), "seed": seed}
    folder = experiment.run_folder(out, "tune", asked, resume=False)
    files.write_text(folder / "config.toml", results.toml(asked))
    files.write_json(folder / "provenance.json", results.provenance(seed, "cpu", jobs))
    done.save(folder)
    show(done.table, json)
    if not json:
        print("", *table.notes, "", done.finding(), sep="\n")
    _end(folder, json, "figures/laws.png")


@app.command(name="import")
def import_(
    data: str,
    /,
    *,
    paradigm: Annotated[
        str | None, Parameter(name="--for", help="a paradigm: its columns (default: all that are known)")
    ] = None,
    to: Annotated[
        str | None, Parameter(help="write the trials there: a .csv or .parquet that tune takes")
    ] = None,
    format: Format = "auto",
    column: Column = None,
    unit: Unit = None,
    only: Only = None,
    word: Word = None,
    json: Json = False,
) -> None:
    """What is read from people's data, and what is not, and why; nothing is fitted, the file stays as it is."""
    from cogattn.human import importing
    from cogattn.tune import likelihoods

    law, said = (
        None if paradigm is None else likelihoods.of(paradigm),
        _said(format, column, unit, only, word),
    )
    if law is None:
        table = importing.read(data, **said)
    else:
        table = importing.read(data, law.columns, optional=law.optional, levels=law.levels, **said)
    show(importing.summary(table), json)
    if not json:
        print("", *table.notes, sep="\n")
    if to is not None:
        if Path(data).resolve() in (Path(to).resolve(), *Path(to).resolve().parents):
            raise InputError(f"--to must be another place than the data, got {to}")
        print(f"\nTrials: {importing.write(table, to)}", file=sys.stderr if json else sys.stdout)


@app.command
def design(
    name: str,
    /,
    *,
    param: Annotated[str, Parameter(name="--for", help="the parameter that is to be known, e.g. alpha")],
    within: Annotated[float, Parameter(help="half-width of its 95 % interval, in its own unit")] = 0.1,
    share: Annotated[float, Parameter(help="of the people who are to be known so well")] = 0.5,
    exposures: Annotated[
        str | None, Parameter(help="to choose from, ms, comma-separated (default: frames of a 60 Hz screen)")
    ] = None,
    check: Annotated[
        int,
        Parameter(converter=_whole, help="simulated people who take the proposal and are fitted; 0 = none"),
    ] = 40,
    population: Population_ = None,
    seed: Whole = 0,
    jobs: Jobs = None,
    out: Out = OUT,
    json: Json = False,
) -> None:
    """How many trials, and of which kind, until a parameter of a person is known well enough?"""
    from cogattn import files
    from cogattn.runs import experiment, results
    from cogattn.tune import designs

    offered: dict[str, Any] = (
        {} if exposures is None else {"exposures": [e / 1000 for e in _numbers("exposures", exposures)]}
    )
    crowd = _minds(None, population)["population"]
    with progress(f"design {name}") as tick:
        done = designs.design(
            name, param, within, share=share, **offered, population=crowd, check=check, seed=seed,
            n_jobs=_jobs(jobs), progress=tick,
        )  # fmt: skip
    asked = {
        "paradigm": name,
        "for": param,
        "within": within,
        "share": share,
        "check": check,
        "seed": seed,
    } | offered
    folder = experiment.run_folder(Path(out), "design", asked, resume=False)
    files.write_text(folder / "config.toml", results.toml(asked))
    files.write_json(folder / "provenance.json", results.provenance(seed, "cpu", _jobs(jobs)))
    done.save(folder)
    show(done.conditions, json)
    if not json:
        print()
        show(done.needed, json)
        if check:
            print("\nSimulated people:")
            show(done.check, json)
        print("", *done.words(), sep="\n")
    _end(folder, json, "figures/design.png")


@app.command
def sensitivity(
    name: str,
    /,
    *,
    params: Annotated[
        str,
        Parameter(
            help="comma-separated: NAME (over the range of adults) or NAME=LOW:HIGH, e.g. evidence_threshold=2:4"
        ),
    ],
    metric: Annotated[str, Parameter(help="comma-separated, of what the experiment measures, e.g. misses")],
    method: Annotated[
        str, Parameter(help="sobol (shares of the variance) or morris (a first look)")
    ] = "sobol",
    n: Annotated[
        int, Parameter(converter=_whole, help="starting points: n (d + 2) minds for d parameters")
    ] = 128,
    people: Alike = 20,
    trials: Trials_ = None,
    option: Option = None,
    observer: Observer_ = None,
    seed: Whole = 0,
    jobs: Jobs = None,
    backend: Backend = "loky",
    scheduler: Scheduler = None,
    out: Out = OUT,
    resume: Resume = False,
    json: Json = False,
) -> None:
    """What matters? How much of a measure hangs on each parameter of a mind."""
    from cogattn import paradigms
    from cogattn.runs.scaling import workers
    from cogattn.tune import sensitivities

    task = paradigms.make(name, _options(option) or {})
    mind = _minds(observer, None)["observer"]
    with progress(f"sensitivity {name}") as tick, workers(backend, scheduler):
        done = sensitivities.sensitivity(
            task, _ranges(_split(params)), _measures(metric), method=method, n=n, observer=mind, people=people,
            trials=trials, seed=seed, n_jobs=_jobs(jobs), out=out, resume=resume, progress=tick,
        )  # fmt: skip
    show(done.table, json)
    if not json:
        print("", done.finding(), *done.notes, sep="\n")
    _end(done.folder, json, "figures/sensitivity.png")


@app.command
def sweep(
    name: str,
    /,
    *,
    param: Annotated[
        list[str],
        Parameter(negative=(), help="NAME=LOW:HIGH, NAME=LOW:HIGH:STEP, or NAME (the range of adults)"),
    ],
    goal: Annotated[list[str], Parameter(negative=(), help="e.g. 'min capacity'; several: a front")],
    subject_to: Annotated[list[str] | None, Parameter(negative=(), help="e.g. 'misses <= 0.05'")] = None,
    trials: Annotated[int, Parameter(converter=_whole, help="minds to try")] = 60,
    sampler: Annotated[str, Parameter(help="tpe, random or grid")] = "tpe",
    people: Alike = 20,
    each: Trials_ = None,
    option: Option = None,
    observer: Observer_ = None,
    seed: Whole = 0,
    jobs: Jobs = None,
    backend: Backend = "loky",
    scheduler: Scheduler = None,
    out: Out = OUT,
    resume: Resume = False,
    json: Json = False,
) -> None:
    """Search the parameters of a mind for a goal, e.g. the cheapest capacity that keeps misses under 5 %."""
    from cogattn import paradigms
    from cogattn.runs.scaling import workers
    from cogattn.tune import sweeping

    task = paradigms.make(name, _options(option) or {})
    mind = _minds(observer, None)["observer"]
    with progress(f"sweep {name}") as tick, workers(backend, scheduler):
        done = sweeping.sweep(
            task, _ranges(param), goal, subject_to or (), trials=trials, sampler=sampler, observer=mind, people=people,
            each=each, seed=seed, n_jobs=_jobs(jobs), out=out, resume=resume, progress=tick,
        )  # fmt: skip
    show(done.table, json)
    if not json:
        print("", *done.words(), sep="\n")
        if done.table["best"].any():
            print(f"\nFor every other command: --observer {done.folder}/observer.toml")
    _end(done.folder, json, "figures/sweep.png")


@app.command
def verify(*, seed: Whole = 0, quick: bool = False, out: Out = OUT, json: Json = False) -> int:
    """Play every closed form of the theory against both drivers: expected, measured, z, verdict."""
    from cogattn import files
    from cogattn.reports import verification
    from cogattn.view import plot as pens

    with progress("verify") as tick:
        table = verification.verify(quick=quick, seed=seed, progress=tick)
    show(table, json)
    folder = Path(out) / "verify"
    files.write_table(folder / "verify.csv", table)
    pens.save(verification.figure(table), folder / "figures", "verify")
    failed = int((table["verdict"] != "holds").sum())
    if not json:
        print(f"\n{len(table) - failed} of {len(table)} hold.")
    _end(folder, json, "figures/verify.png")
    return 1 if failed else 0


@app.command
def explore(
    name: Annotated[str | None, Parameter(help="the paradigm to begin with")] = None,
    /,
    *,
    port: Annotated[int, Parameter(converter=_whole, help="on this machine (default: any free one)")] = 0,
    browser: Annotated[bool, Parameter(help="open it in a browser")] = True,
    observer: Observer_ = None,
    people: Annotated[
        int | None, Parameter(converter=_whole, help="how often the mind is played (default: as is quick)")
    ] = None,
    seed: Whole = 0,
) -> None:
    """A page with sliders for every number of a mind, and what they do, at once. Needs the extra `explore`."""
    from cogattn.explore import page

    mind = _minds(observer, None)["observer"]
    page.serve(name or page.FIRST, mind=mind, port=port, browser=browser, seed=seed, people=people)


@app.command
def doctor(*, out: Out = OUT, json: Json = False) -> int:
    """Is everything in place? Versions, device, compiler, weights, tables, a folder to write to."""
    import pandas as pd

    rows = [_diagnose(what, check) for what, check in _CHECKS.items()]
    rows.append(_diagnose(f"can write to {out}", lambda: _can_write(Path(out))))
    table = pd.DataFrame(rows, columns=["what", "state", "detail"])
    show(table, json)
    return int((table["state"] != "ok").any())


# -- what the commands share ---------------------------------------------------------------------------------


def show(table: pd.DataFrame, json: bool) -> None:
    """A table for people, or for programs."""
    if json:
        print(table.to_json(orient="records", indent=2, double_precision=10))
    else:
        verdicts = table.select_dtypes("boolean").apply(
            lambda v: v.map({True: "yes", False: "no"}).fillna("")
        )
        text = table.assign(**{str(name): verdicts[name] for name in verdicts})
        text = _from_the_left(text)
        lines = text.to_string(index=False, na_rep="", float_format=lambda x: f"{x:.3f}").splitlines()
        print(*(line.rstrip() for line in lines), sep="\n")


def _from_the_left(table: pd.DataFrame) -> pd.DataFrame:
    """Words filled up to the width of their column, its head too."""
    import pandas as pd

    heads = {}
    for name in table.columns:
        if pd.api.types.is_string_dtype(table[name]):
            words = table[name].fillna("").astype(str)
            wide = max(len(str(name)), int(words.str.len().max() or 0))
            table, heads[name] = table.assign(**{str(name): words.str.ljust(wide)}), str(name).ljust(wide)
    return table.rename(columns=heads)


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal; silence in a pipe."""
    from tqdm import tqdm

    with tqdm(desc=what, unit="piece", disable=None, leave=False, file=sys.stderr) as bar:

        def tick(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield tick


def _end(folder: Path | None, json: bool, figure: str = "figures") -> None:
    """Where the results are: on standard error if standard output holds JSON."""
    print(
        f"\nResults: {folder}\nFigure:  {Path(str(folder)) / figure}", file=sys.stderr if json else sys.stdout
    )


def _jobs(jobs: int | None) -> int:
    from cogattn.runs.experiment import cores

    return cores() if jobs is None else jobs


def _split(arms: str) -> list[str]:
    return [arm.strip() for arm in arms.split(",")]


def _measures(text: str) -> list[str]:
    """Names of measures; the commas within [brackets] belong to a name."""
    return [part.strip() for part in re.split(r",(?![^\[]*\])", text)]


def _numbers(name: str, text: str) -> list[float]:
    try:
        return [float(part) for part in _split(text)]
    except ValueError:
        raise InputError(f"--{name} must be numbers with commas between them, got {text!r}") from None


def _ranges(words: Sequence[str]) -> Any:
    """NAME or NAME=LOW:HIGH words, as `tune.sensitivity` and `tune.sweep` take them."""
    from cogattn.tune.probing import read_range

    return dict(read_range(word) for word in words)


def _options(words: list[str] | None) -> dict[str, Any] | None:
    """KEY=VALUE words; the value is read as TOML (4, 0.05, [0.05, 0.1], true), else as a text (mine.txt)."""
    if not words:
        return None
    out = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key.strip():
            raise InputError(f"--option must be KEY=VALUE, e.g. set_size=4, got {word!r}")
        try:
            out[key.strip()] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            if not re.fullmatch(r"[\w./~\\:-][^\[\]{}\n]*", value):  # a name or a path needs no quotes
                raise InputError(
                    f"the value of --option {key} must be a number, a list or a text, got {value!r}"
                ) from None
            out[key.strip()] = value
    return out


def _pairs(option: str, words: list[str] | None) -> dict[str, str]:
    """NAME=VALUE words, both as they are written."""
    pairs = [word.partition("=") for word in words or ()]
    for (name, equals, value), word in zip(pairs, words or (), strict=True):
        if not (name.strip() and equals and value.strip()):
            raise InputError(f"{option} must be NAME=VALUE, got {word!r}")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _said(
    format: str, column: list[str] | None, unit: str | None, only: list[str] | None, word: list[str] | None
) -> dict[str, Any]:
    """What was said about a file of people's data."""
    numbers = {}
    for name, value in _pairs("--word", word).items():
        try:
            numbers[name] = float(value)
        except ValueError:
            raise InputError(f"--word must be WORD=NUMBER, e.g. j=1, got {name}={value}") from None
    units = unit if unit is None or "=" not in unit else _pairs("--unit", unit.split(","))
    said = {"columns": _pairs("--column", column), "only": _pairs("--only", only), "words": numbers}
    return {**said, "unit": units, "kind": format}


def _minds(observer: str | None, population: str | None) -> dict[str, Any]:
    """Observer and population from their files."""
    from cogattn.observer import Observer, read_toml
    from cogattn.population import Population

    return {
        "observer": None if observer is None else Observer.from_file(observer),
        "population": None if population is None else Population.from_dict(read_toml(population)),
    }


_KEYS = ("paradigm", "arms", "model", "people", "trials", "seed", "options", "observer", "population")
_MADE_WITH = ("law", "model_sha256", "paradigm_file", "paradigm_sha256")  # in a run's config, and no setting


def _settings(config: str | None, flags: dict[str, Any]) -> dict[str, Any]:
    """Settings from a file, overridden by the flags that were given."""
    from cogattn import paradigms
    from cogattn.observer import Observer, read_toml
    from cogattn.paradigms import registry
    from cogattn.population import Population

    values = {} if config is None else read_toml(config)
    for key in values:
        choice(f"setting in {config}", key, (*_KEYS, *_MADE_WITH))
    values = {k: v for k, v in values.items() if k in _KEYS}
    values |= {k: v for k, v in flags.items() if v is not None}
    if "paradigm" not in values:
        raise InputError(f"name a paradigm: one of {', '.join(paradigms.names())}")
    for key, kind in (("observer", Observer), ("population", Population)):
        if isinstance(values.get(key), dict):
            values[key] = kind.from_dict(values[key])
    if flags.get("observer") is not None:
        values.pop("population", None)
    options = values.pop("options", {})
    if not isinstance(options, dict):
        raise InputError(f"options in {config} must be a table such as [options], got {options!r}")
    if flags.get("paradigm") is None:  # a file of settings is not asked for code
        values["paradigm"] = registry.found_again(values | {"options": options})
    else:
        values["paradigm"] = paradigms.make(values["paradigm"], options)
    return values


def _diagnose(what: str, check: Callable[[], str]) -> tuple[str, str, str]:
    try:
        return what, "ok", check()
    except Exception as error:  # a doctor reports every kind of illness
        return what, "PROBLEM", " ".join(str(error).split()) or type(error).__name__


def _versions() -> str:
    from cogattn.runs.results import provenance

    made = provenance(0, "", 1)
    return f"python {made['python']}, " + ", ".join(f"{k} {v}" for k, v in made["versions"].items())


def _torch_device() -> str:
    import torch

    if torch.cuda.is_available():
        return f"CUDA: {torch.cuda.get_device_name(0)}"
    return f"CPU only ({torch.get_num_threads()} threads); a GPU is optional"


def _compiler() -> str:
    from cogattn.mind import cohort
    from cogattn.observer import Observer
    from cogattn.world.stream import display

    out = cohort.play(display(targets=6, exposure=0.2), [Observer()], person=0, trial=range(100))
    return f"the compiled mind plays: {out.stored.sum(1).mean():.1f} of 6 letters"


def _weights() -> str:
    from cogattn.nn.networks import subjects

    found = []
    for name in subjects.names():
        gap = getattr(subjects.find(name, "cpu"), "gap", None)
        found.append(f"{name} ({'sequences' if gap is None else f'gap {gap:.2f}'})")
    return ", ".join(found) or "none"


def _tables() -> str:
    from cogattn import human

    return f"{len(human.names())} human tables, {len(human.targets())} bands"


def _can_write(folder: Path) -> str:
    from cogattn import files

    files.write_text(folder / ".doctor", "ok")
    (folder / ".doctor").unlink()
    return "yes"


_CHECKS: dict[str, Callable[[], str]] = {
    "versions": _versions,
    "torch device": _torch_device,
    "compiler": _compiler,
    "models": _weights,
    "human tables": _tables,
}
