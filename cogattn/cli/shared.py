"""What the commands share: words of the command line as values, tables and progress on the screen, the last lines."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cogattn.errors import InputError, shown
from cogattn.files import toml_values
from cogattn.notebook import ProgressBar

if TYPE_CHECKING:
    import pandas as pd

    from cogattn.view.result import Result


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


def tell(done: Result, json: bool, folder: Path | None, figure: str) -> None:
    """A result as every command prints it: its table, what was found, what else is to be known, where it is kept."""
    show(done.table(), json)
    if not json:
        print("", *done.findings(), *done.remarks(), sep="\n")
    end(folder, json, figure)


def new_folder(kind: str, asked: dict[str, Any], seed: int, jobs: int, out: str) -> Path:
    """A run folder that says what is asked, and with what it is made."""
    from cogattn import files
    from cogattn.runs import experiment
    from cogattn.runs import trials as results

    folder = experiment.run_folder(Path(out), kind, asked, resume=False)
    files.write_text(folder / "config.toml", results.toml(asked))
    files.write_json(folder / "provenance.json", results.provenance(seed, "cpu", jobs))
    return folder


@contextmanager
def progress(what: str) -> Iterator[ProgressBar]:
    """How far the work is, while it lasts."""
    bar = ProgressBar(what)
    try:
        yield bar
    finally:
        bar.close()


def end(folder: Path | None, json: bool, figure: str = "figures") -> None:
    """Where the results are: on standard error if standard output holds JSON."""
    print(
        f"\nResults: {folder}\nFigure:  {Path(str(folder)) / figure}", file=sys.stderr if json else sys.stdout
    )


def old_option(old: str, now: str) -> None:
    """An option that has another name today was used: it works, and its user is told."""
    print(f"{old} is now called {now}", file=sys.stderr)


def without_effect(of: str, **given: Any) -> None:
    """Options that say how `of` is done were given, but it is not asked for."""
    for name, value in given.items():
        if value is not None:
            raise InputError(f"--{name} belongs to {of}: ask for that, or drop --{name}, got {shown(value)}")


def n_jobs(jobs: int | None) -> int:
    """As many cores as were asked for, or all."""
    from cogattn.runs.experiment import cores

    return cores() if jobs is None else jobs


def split(arms: str) -> list[str]:
    """Words between commas."""
    return [arm.strip() for arm in arms.split(",")]


def options_of(words: list[str] | None) -> dict[str, Any] | None:
    """KEY=VALUE words; the value is read as TOML (4, 0.05, [0.05, 0.1], true), else as a text (mine.txt)."""
    if not words:
        return None
    out = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key.strip():
            raise InputError(f"--option must be KEY=VALUE, e.g. set_size=4, got {shown(word)}")
        try:
            out[key.strip()] = toml_values(f"value = {value}", "an option")["value"]
        except InputError:
            if not re.fullmatch(r"[\w./~\\:-][^\[\]{}\n]*", value):  # a name or a path needs no quotes
                raise InputError(
                    f"the value of --option {key} must be a number, a list or a text, got {shown(value)}"
                ) from None
            out[key.strip()] = value
    return out


def pairs(option: str, words: list[str] | None) -> dict[str, str]:
    """NAME=VALUE words, both as they are written."""
    pairs = [word.partition("=") for word in words or ()]
    for (name, equals, value), word in zip(pairs, words or (), strict=True):
        if not (name.strip() and equals and value.strip()):
            raise InputError(f"{option} must be NAME=VALUE, got {shown(word)}")
    return {name.strip(): value.strip() for name, _, value in pairs}


def minds_of(observer: str | None, population: str | None) -> dict[str, Any]:
    """Observer and population from their files."""
    from cogattn.observer import Observer, read_toml
    from cogattn.population import Population

    return {
        "observer": None if observer is None else Observer.from_file(observer),
        "population": None if population is None else Population.from_dict(read_toml(population)),
    }
