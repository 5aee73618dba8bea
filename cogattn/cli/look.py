"""Commands that look: what there is, figures of a run, one of its trials, a page with sliders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from cogattn.cli.options import (
    Condition_,
    Folder_,
    Json,
    Named,
    Observer_,
    Paradigm_,
    Person_,
    Seed,
    Trial_,
    Trust,
    Whole,
    into,
    whole_number,
)
from cogattn.cli.shared import minds_of, tell
from cogattn.errors import InputError


def plot(
    *runs: Annotated[str, Parameter(help="folders of runs of one experiment")],
    paradigm: Paradigm_ = None,
    out: Annotated[str | None, Parameter(converter=into, help="folder for the figure")] = None,
) -> None:
    """Draw the figure of a run again, or several runs of one paradigm in one figure."""
    from cogattn.runs import trials as results
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


def trace(
    folder: Folder_,
    /,
    *,
    arm: Annotated[str | None, Parameter(help="default: the run's first arm")] = None,
    condition: Condition_ = 0,
    person: Person_ = 0,
    trial: Trial_ = 0,
    start: Annotated[float | None, Parameter(help="s: the chart begins here")] = None,
    stop: Annotated[float | None, Parameter(help="s: the chart ends here")] = None,
    paradigm: Paradigm_ = None,
    model: Named = None,
    trust: Trust = False,
    out: Annotated[
        str | None, Parameter(converter=into, help="folder for the files (default: RUN/trace)")
    ] = None,
) -> None:
    """One trial of a run (or one whole session), event by event: a Gantt chart of attention over tasks and slots, a
    Parquet table, and a trace that Perfetto's viewer opens."""
    from cogattn import files
    from cogattn.mind import events
    from cogattn.runs import experiment
    from cogattn.runs import trials as results
    from cogattn.view import gantt
    from cogattn.view import plot as pens

    done = results.load(folder, paradigm, model=model, trust=trust)
    name = arm if arm is not None else str(done.config["arms"][0])
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


def explain(
    folder: Folder_,
    /,
    *,
    condition: Condition_ = 0,
    person: Person_ = 0,
    trial: Trial_ = 0,
    everybody: Annotated[
        bool,
        Parameter(negative=(), help="put all trials of the condition into the table, not this one alone"),
    ] = False,
    paradigm: Paradigm_ = None,
    model: Named = None,
    trust: Trust = False,
    out: Annotated[
        str | None, Parameter(converter=into, help="folder for the files (default: RUN/explained)")
    ] = None,
    json: Json = False,
) -> None:
    """How much of a network's attention each element got in a trial, and when: a heat map, human beside softmax."""
    from cogattn.reports.explain import explain as told
    from cogattn.runs import trials as results

    done = told(
        results.load(folder, paradigm, model=model, trust=trust),
        condition,
        person,
        trial,
        everybody=everybody,
    )
    place = Path(out) if out else Path(folder) / "explained"
    kept = done.save(place / f"condition{condition}-person{person}-trial{trial}")
    tell(done, json, kept, "explained.png")


def explore(
    name: Annotated[str | None, Parameter(help="the paradigm to begin with")] = None,
    /,
    *,
    port: Annotated[Whole, Parameter(help="on this machine (default: any free one)")] = 0,
    browser: Annotated[bool, Parameter(help="open it in a browser")] = True,
    observer: Observer_ = None,
    people: Annotated[
        int | None,
        Parameter(
            converter=whole_number, help="how often each person is simulated (default: as often as is quick)"
        ),
    ] = None,
    seed: Seed = 0,
) -> None:
    """Open a page with a slider for every parameter of a person, and curves that follow. Needs the extra `explore`."""
    from cogattn.explore import page, server

    mind = minds_of(observer, None)["observer"]
    server.serve(
        page.FIRST if name is None else name, mind=mind, port=port, browser=browser, seed=seed, people=people
    )
