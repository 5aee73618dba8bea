"""Commands that play: an experiment, a network beside people, every human band, the theory, a film."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from cogattn.cli.options import (
    ALONE,
    MODEL,
    NAME,
    OUT,
    PEOPLE,
    SEED,
    Device,
    Folder_,
    Jobs,
    Json,
    Named,
    Observer_,
    Option,
    Out,
    Paradigm_,
    People_,
    Population_,
    Seed,
    Trials_,
    Trust,
    Whole,
    WorkOptions,
    whole_number,
)
from cogattn.cli.shared import end, minds_of, n_jobs, options_of, progress, show, split, tell
from cogattn.errors import InputError, choice, shown


def run(
    name: Annotated[str | None, NAME] = None,
    /,
    *,
    arms: Annotated[
        str | None, Parameter(help="sets of limits, comma-separated, e.g. human,softmax,slots+capacity")
    ] = None,
    model: Annotated[str | None, MODEL] = None,
    people: Annotated[Whole | None, PEOPLE] = None,
    trials: Trials_ = None,
    seed: Annotated[Whole | None, SEED] = None,
    option: Option = None,
    observer: Observer_ = None,
    population: Population_ = None,
    config: Annotated[
        str | None,
        Parameter(help="TOML file of settings (a run's config.toml); what is given here overrides it"),
    ] = None,
    work: WorkOptions = ALONE,
    device: Device = "auto",
    events: Annotated[bool, Parameter(negative=(), help="also write events.parquet: every event")] = False,
    trust: Trust = False,
    json: Json = False,
) -> None:
    """Simulate people in one experiment, with and without human limits (arms)."""
    from cogattn import files
    from cogattn.runs import experiment

    flags: dict[str, Any] = {
        "paradigm": name,
        "arms": None if arms is None else split(arms),
        "model": model,
        "people": people,
        "trials": trials,
    }
    flags |= {"seed": seed, "options": options_of(option), **minds_of(observer, population)}
    settings = _settings(config, flags, trust)
    with work.begun(settings["paradigm"].name) as how:
        done = experiment.run(**settings, device=device, **how)
    folder = done.folder or Path(work.out)
    if events:
        files.write_table(folder / "events.parquet", experiment.events(done))
    tell(done, json, folder, "figures")


_MADE_WITH = ("law", "model_sha256", "paradigm_file", "paradigm_sha256")  # in a run's config, and no setting
_KEYS = ("paradigm", "arms", "model", "people", "trials", "seed", "options", "observer", "population")


def _settings(config: str | None, flags: dict[str, Any], trust: bool = False) -> dict[str, Any]:
    """Settings from a file, overridden by the flags that were given; a network's file that only the settings name is
    not run, unless trusted."""
    from cogattn import paradigms
    from cogattn.nn.networks import registry as networks
    from cogattn.observer import Observer, read_toml
    from cogattn.paradigms import registry
    from cogattn.population import Population

    values = {} if config is None else read_toml(config)
    for key in values:
        choice(f"setting in {config}", key, (*_KEYS, *_MADE_WITH))
    if flags.get("model") is not None:
        networks.named(flags["model"])
    elif isinstance(values.get("model"), str):
        networks.vouched(values["model"], values.get("model_sha256"), trust)
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
    if isinstance(options, dict) and isinstance(options.get("model"), str):
        if options["model"] == (flags.get("options") or {}).get("model"):
            networks.named(options["model"])
        networks.vouched(options["model"])
    if not isinstance(options, dict):
        raise InputError(f"options in {config} must be a table such as [options], got {shown(options)}")
    if flags.get("paradigm") is None:  # a file of settings is not asked for code
        values["paradigm"] = registry.found_again(values | {"options": options})
    else:
        values["paradigm"] = paradigms.make(values["paradigm"], options)
    return values


def compare(
    *,
    model: Annotated[str, MODEL] = "seer",
    people: Annotated[
        int | None,
        Parameter(
            converter=whole_number,
            help="how many simulated people (default: 50; 10 for a network that looks at pixels)",
        ),
    ] = None,
    trials: Trials_ = None,
    seed: Seed = 0,
    observer: Observer_ = None,
    population: Population_ = None,
    work: WorkOptions = ALONE,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Compare a network under human limits, the same network with plain softmax, and people, in all tasks it can take.

    Without --model it is the seer, a network that looks at rendered displays; one of its tasks is an hour's watch."""
    from cogattn.reports.compare import compare as play

    minds = minds_of(observer, population)
    with work.begun("compare") as how:
        done = play(model, people, trials, seed, device=device, **minds, **how)
    tell(done, json, done.folder, "figures/compare.png")


def scorecard(
    *,
    people: People_ = 200,
    trials: Trials_ = None,
    seed: Seed = 0,
    observer: Observer_ = None,
    population: Population_ = None,
    work: WorkOptions = ALONE,
    needs: Annotated[
        bool | None, Parameter(help="also show which limits each band needs (default: yes, without --curves)")
    ] = None,
    curves: Annotated[
        bool,
        Parameter(
            negative=(),
            help="score every row of every human table by one rule, not the bands chosen by hand",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Is one simulated population inside every human band of every paradigm, and which limits does each band need?"""
    from cogattn.reports import scorecard as scoring

    minds = minds_of(observer, population)
    if curves:
        with work.begun("scorecard --curves") as how:
            done = scoring.scorecard(people, seed, trials, **minds, **how, needs=bool(needs), curves=True)
        show(done.table() if json else done.counts("phenomenon"), json)
        if not json:
            print("", *done.findings(), sep="\n")
        end(done.folder, json, "figures/curves.png")
        return
    needs = needs is not False
    with work.begun("scorecard") as how:
        card = scoring.scorecard(people, seed, trials, **minds, **how, needs=needs)
    columns = ["phenomenon", "metric", "human", "low", "high", "model", "softmax", "inside", "softmax_inside"]
    columns += ["needs", "enough"] if needs else []
    table = card.table()
    show(table if json else table.loc[table["inside"].notna(), columns], json)
    if not json:
        print("", *card.findings(), sep="\n")
    end(card.attrs["folder"], json, "figures/scorecard.png")


def reproduce(
    folder: Folder_,
    /,
    *,
    paradigm: Paradigm_ = None,
    model: Named = None,
    trust: Trust = False,
    jobs: Jobs = None,
    device: Device = "auto",
    json: Json = False,
) -> int:
    """Play a run again, from its folder, and say whether the numbers are the same bit for bit, or where not."""
    from cogattn.runs.reproduction import reproduce as play

    with progress("reproduce") as tick:
        done = play(
            folder, paradigm, model=model, trust=trust, n_jobs=n_jobs(jobs), device=device, progress=tick
        )
    show(done.table(), json)
    if not json:
        print("", *done.findings(), sep="\n")
    return 0 if done.same else 1


def verify(
    *,
    seed: Seed = 0,
    quick: Annotated[bool, Parameter(help="far fewer trials: seconds, with wider errors")] = False,
    out: Out = OUT,
    json: Json = False,
) -> int:
    """Check the simulation against every exact formula of the theory: expected, measured, z, verdict."""
    from cogattn.reports import verify as verification

    with progress("verify") as tick:
        done = verification.verify(quick=quick, seed=seed, progress=tick)
    tell(done, json, done.save(Path(out) / "verify"), "figures/verify.png")
    return 1 if done.failed() else 0


def live(
    *,
    model: Annotated[str, MODEL] = "live_watcher",
    arms: Annotated[
        str | None, Parameter(help="comma-separated: human,softmax,random,top,found (default: all)")
    ] = None,
    seconds: Annotated[float, Parameter(help="of film, for each arm")] = 10.0,
    fps: Annotated[float, Parameter(help="frames per second")] = 25.0,
    deadline: Annotated[
        float | None, Parameter(help="s from a frame's onset to its answer (default: the next frame's onset)")
    ] = None,
    value: Annotated[
        float | None, Parameter(help="of what the network's task varies, e.g. how many distractors")
    ] = None,
    patches: Annotated[
        int | None, Parameter(converter=whole_number, help="how many each frame has: the load")
    ] = None,
    seed: Seed = 0,
    observer: Observer_ = None,
    device: Device = "auto",
    out: Out = OUT,
    json: Json = False,
) -> int:
    """A network watches a film in real time: does its answer come in time, from how many patches, and is it right?"""
    from cogattn.reports.live import ARMS
    from cogattn.reports.live import live as play

    chosen = ARMS if arms is None else split(arms)
    mind = minds_of(observer, None)["observer"]
    with progress("live") as tick:
        done = play(
            model, chosen, seconds, fps, deadline, value=value, patches=patches, seed=seed,
            device=device, observer=mind, out=out, progress=tick,
        )  # fmt: skip
    tell(done, json, done.folder, "figures/live.png")
    if done.stopped:
        print("\ncogattn: stopped; the frames that were shown are kept", file=sys.stderr)
    return 130 if done.stopped else 0
