"""Commands about files of people's data: what is read from them, and a page about them."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from cogattn.cli.options import OUT, Data_, Jobs, Json, Option, Out, Seed
from cogattn.cli.shared import n_jobs, new_folder, options_of, pairs, progress, show, split
from cogattn.errors import InputError

if TYPE_CHECKING:
    from cogattn.human.imports import FileProposal, Imported, Recipe


@Parameter(name="*")
@dataclass(frozen=True)
class DataOptions:
    """How a file of people's data is read."""

    format: Annotated[
        str,
        Parameter(
            help="auto, long, psychopy, jspsych, bids, hssm, tva, openmatb, eprime, gorilla, inquisit, labjs"
        ),
    ] = "auto"
    column: Annotated[
        list[str] | None, Parameter(negative=(), help="what a column is called in the file: score=n_correct")
    ] = None
    unit: Annotated[
        str | None,
        Parameter(help="of the times in the file: s or ms, or of one: rt=ms (default: found out)"),
    ] = None
    only: Annotated[
        list[str] | None, Parameter(negative=(), help="the rows to take: task=test, or condition=1,2,3")
    ] = None
    word: Annotated[
        list[str] | None,
        Parameter(
            negative=(),
            help="what a cell means: j=1, 2_vs_5=spatial_2v5, or of one column, all its codes: correct:1=1,2=0",
        ),
    ] = None
    set: Annotated[
        list[str] | None,
        Parameter(negative=(), help="a value that is in no column, for every trial (times in s): soa=0.2"),
    ] = None
    columns: Annotated[
        str | None,
        Parameter(help="names of all columns, if the file has none: block,trial,congruence,correct,rt"),
    ] = None
    recipe: Annotated[
        str | None,
        Parameter(help="a TOML of answers, written by import --save: this file is read in the same way"),
    ] = None

    def said(self) -> Recipe:
        """The answers that the command line holds, over those of a recipe."""
        from cogattn.human.imports import Recipe
        from cogattn.human.imports.recipe import ANY

        unit = self.unit or ""
        told = Recipe(
            format=self.format,
            heads=tuple(split(self.columns)) if self.columns else (),
            columns=pairs("--column", self.column),
            unit={} if not unit else pairs("--unit", unit.split(",")) if "=" in unit else {"": unit},
            only=pairs("--only", self.only),
            words=_words(self.word, ANY),
            constants={name: _level(value) for name, value in pairs("--set", self.set).items()},
        )
        return told.over(Recipe.from_file(self.recipe)) if self.recipe else told


def _level(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _words(said: list[str] | None, anywhere: str) -> dict[str, dict[str, float | str]]:
    """CELL=MEANING, of any column or, with COLUMN: before it, of one; several with commas between them."""
    out: dict[str, dict[str, float | str]] = {}
    for word, meaning in pairs("--word", said).items():
        column, colon, own = word.partition(":")
        where, first = (column.strip(), own.strip()) if colon and own.strip() else (anywhere, word)
        parts = f"{first}={meaning}".split(",")
        several = parts if all("=" in part for part in parts) else [f"{first}={meaning}"]
        for cell, value in pairs("--word", several).items():
            out.setdefault(where, {})[cell] = _level(value)
    return out


AS_FOUND = DataOptions()  #: as it is if nothing is said


def read_for(task: Any, data: str, how: DataOptions, params: list[str] | None = None) -> Imported:
    """The trials that a paradigm's law asks for. All that is wrong is said at once: parameters that nobody knows,
    columns that are not there."""
    from cogattn.human import imports
    from cogattn.tune import likelihoods, scales, tasks

    wrong, table = [], None
    law = likelihoods.of(task)
    for name in params or ():
        try:
            scales.names([name], law.params)
        except InputError as error:
            wrong.append(str(error))
    try:
        table = imports.read(data, law.columns, optional=law.optional, levels=law.levels, recipe=how.said())
    except InputError as error:
        wrong.append(str(error))
    if wrong or table is None:
        raise InputError("; and ".join(wrong))
    tasks.own_conditions(task, table)
    return table


def import_(
    data: Data_,
    /,
    *,
    paradigm: Annotated[
        str | None,
        Parameter(name="--for", help="the experiment that the data come from (default: what they look like)"),
    ] = None,
    to: Annotated[
        str | None, Parameter(help="write the trials there: a .csv or .parquet that tune takes")
    ] = None,
    save: Annotated[
        str | None,
        Parameter(help="keep the answers there, as a TOML that reads the next file of the same kind"),
    ] = None,
    keep: Annotated[
        str | None, Parameter(help="columns of the file to take along as they are, comma-separated")
    ] = None,
    yes: Annotated[bool, Parameter(negative=(), help="take the proposal and ask nothing")] = False,
    reading: DataOptions = AS_FOUND,
    json: Json = False,
) -> None:
    """How a file of people's data is understood: which task, which column is what, accuracy and times per condition.

    On a terminal it asks whether that is right; elsewhere, and with --yes, it takes it. The file stays as it is."""
    from cogattn.human.imports import write

    for place in (to, save):
        if place is not None and Path(data).resolve() in (
            Path(place).resolve(),
            *Path(place).resolve().parents,
        ):
            raise InputError(
                f"--{'to' if place is to else 'save'} must be another place than the data, got {place}"
            )
    taken = split(keep) if keep else []
    said = replace(reading, recipe=None).said()
    found = _proposed(data, reading.said(), paradigm, taken)
    if json:
        print(_dumped(found.record()))
    else:
        _shown(found)
        if not yes and sys.stdin.isatty() and sys.stdout.isatty():
            found, more = _asked(data, found, reading.said(), paradigm, taken)
            said = more.over(said)
    aside = sys.stderr if json else sys.stdout
    if save is not None:
        print(f"\nRecipe: {found.recipe.save(save)}", file=aside)
    if to is not None:
        print(f"\nTrials: {write(found.table, to)}", file=aside)
    if not json and found.task and not found.lacking and not found.codes:
        how = f" --recipe {shlex.quote(save)}" if save else _as_typed(said, reading.recipe)
        file = f"{shlex.quote(data)}{how}"
        print(f"\nNext: cogattn tune {found.task} --data {file}{_params(found.task)}, or")
        print(f"      cogattn report {file} --for {found.task}{_params(found.task)}")


def _as_typed(said: Recipe, recipe: str | None) -> str:
    """Answers as options of the command line, a recipe they stand over included."""

    def parts(name: str, of: Mapping[str, Any]) -> list[str]:
        told = {k: v if isinstance(v, str) else f"{v:g}" for k, v in of.items()}
        return [word for key, value in told.items() for word in (name, f"{key}={value}")]

    words = ["--recipe", recipe] if recipe else []
    words += ["--format", said.format] if said.format != "auto" else []
    words += ["--columns", ",".join(said.heads)] if said.heads else []
    words += parts("--column", said.columns) + parts("--only", said.only)
    units = [f"{name}={unit}" if name else unit for name, unit in said.unit.items()]
    words += ["--unit", ",".join(units)] if units else []
    for column, cells in said.words.items():
        words += parts("--word", {f"{column}:{cell}" if column else cell: v for cell, v in cells.items()})
    words += parts("--set", said.constants)
    return "".join(f" {shlex.quote(word)}" for word in words)


def _params(task: str) -> str:
    """The option that a paradigm needs whose parameters somebody has to choose: some that can be fitted to it."""
    from cogattn.tune import likelihoods

    some = likelihoods.of(task).to_choose()
    return f" --params {','.join(some)}" if some else ""


def _proposed(data: str, said: Recipe, task: str | None, keep: list[str]) -> FileProposal:
    from cogattn.human.imports import propose
    from cogattn.tune import tasks

    return propose(data, tasks.known(), said, task=task, keep=keep)


def _dumped(record: dict[str, Any]) -> str:
    from json import dumps

    def plain(value: Any) -> Any:
        return value.item() if hasattr(value, "item") else str(value)

    return dumps(record, indent=2, default=plain, ensure_ascii=False).replace("NaN", "null")


def _shown(found: FileProposal) -> None:
    """The proposal, as a person would check it."""
    print(found.table.notes[0])
    print(*found.says(), "", sep="\n")
    show(found.mapping(), False)
    if found.unused:
        many = f" and {len(found.unused) - _FEW} more" if len(found.unused) > _FEW else ""
        print(f"\nColumns not used: {', '.join(found.unused[:_FEW])}{many}")
    print("\nBy condition:")
    show(found.conditions, False)
    print("", *found.table.notes[1:], sep="\n")


_FEW = 8  # columns that are named; some programs write a hundred
_HELP = """Enter: yes. Else answers, parted by blanks: COLUMN=NAME (rt=RT2), for=TASK, set:soa=0.2, unit:rt=ms,
word:2_vs_5=spatial_2v5, only:block=test. no: leave it."""


def _asked(
    data: str, found: FileProposal, said: Recipe, task: str | None, keep: list[str]
) -> tuple[FileProposal, Recipe]:
    """Whether that is right; what else is meant, until it is; and what was answered."""
    answered = DataOptions().said()
    print(f"\n{_HELP}")
    while True:
        try:
            answer = input("Is that right? ").strip()
        except EOFError:
            return found, answered
        if answer.lower() in ("", "y", "yes"):
            return found, answered
        if answer.lower() in ("n", "no", "q", "quit"):
            raise InputError("nothing was read: the proposal was not taken")
        try:
            words = shlex.split(answer)
            task = next((w[4:] for w in words if w.startswith("for=")), task)
            more = _answers([w for w in words if not w.startswith("for=")])
            found = _proposed(data, more.over(said), task, keep)
            said, answered = more.over(said), more.over(answered)
        except (InputError, ValueError) as error:
            print(f"cogattn: {error}")
            continue
        print()
        _shown(found)


def _answers(words: list[str]) -> Recipe:
    """What was answered, as the command line would say it."""
    kinds: dict[str, list[str]] = {"column": [], "set": [], "unit": [], "word": [], "only": []}
    for word in words:
        kind, colon, rest = word.partition(":")
        kinds[kind if colon and kind in kinds else "column"].append(rest if colon and kind in kinds else word)
    unit = ",".join(kinds.pop("unit")) or None
    return DataOptions(unit=unit, **{k: v or None for k, v in kinds.items()}).said()  # type: ignore[arg-type]


def report(
    data: Data_,
    /,
    *,
    paradigm: Annotated[
        str | None,
        Parameter(name="--for", help="the experiment that the data come from (default: what they look like)"),
    ] = None,
    params: Annotated[
        str | None, Parameter(help="parameters to fit, comma-separated (default: the usual ones)")
    ] = None,
    option: Option = None,
    compare_laws: Annotated[
        bool,
        Parameter(negative="--no-laws", help="compare rival laws, where the paradigm has some"),
    ] = True,
    reading: DataOptions = AS_FOUND,
    seed: Seed = 0,
    jobs: Jobs = None,
    out: Out = OUT,
) -> None:
    """From a file of people's data to one page (offline HTML, Markdown): what was read, a table, the fit, a verdict."""
    from cogattn.reports import data_report

    which = None if params is None else split(params)
    with progress("report") as tick:
        done = data_report.report(
            data, paradigm, which, said=reading.said(), options=options_of(option) or {}, laws=compare_laws,
            seed=seed, n_jobs=n_jobs(jobs), progress=tick,
        )  # fmt: skip
    asked = {
        "data": Path(data).name,
        "paradigm": done.task.name,
        "params": list(done.fit.params),
        "seed": seed,
    }
    folder = done.save(new_folder("report", asked, seed, n_jobs(jobs), out))
    print(*done.findings(), sep="\n")
    print(f"\nPage:     {folder / 'report.html'}\nMarkdown: {folder / 'report.md'}")
