"""Writes README.md of results/reference/models from the comparisons of every network (called by `make`)."""

import sys
from pathlib import Path

import pandas as pd

from cogattn import files
from cogattn.nn.networks import registry

HERE = Path(__file__).parent
HEAD = """# Networks as subjects

Each is one file in `models/`, trained by `python models/NAME.py` on one core, and compared by
`cogattn compare --model NAME` (50 people, the seer 10; these runs are in `results/reference/compare-NAME`).
Its training curve is in its folder here. Readers are held against people in whole and partial report, the judge in
n-back. A specialist takes its own task, for which there is no table of people: its first and last conditions are
shown.

| network | what it does | measure | human limits | no limits |
|---|---|---|---|---|
"""


def folder_of(name: str) -> Path:
    """Where its comparison lies."""
    return HERE / ("compare" if name == "digit_reader" else f"compare-{name}")


def row(name: str) -> str:
    """One network."""
    subject = registry.find(name, "cpu")
    table = pd.read_csv(folder_of(name) / "summary.csv")
    if registry.is_specialist(subject):
        first, last = table.iloc[0], table.iloc[-1]
        column = subject.design.column  # type: ignore[union-attr]
        ends = [r["metric"].split(" at ")[-1] for r in (first, last)]
        measure = (
            f"{first['metric'].split(' at ')[0]}, {column} {ends[0].split()[-1]} -> {ends[1].split()[-1]}"
        )
        human, soft = (f"{first[f'arm {a}']:.2f} -> {last[f'arm {a}']:.2f}" for a in ("human", "softmax"))
    else:
        known = table["human inside"].notna()
        human, soft = (
            f"{int((table.loc[known, f'{a} inside'].astype(str) == 'True').sum())} of {int(known.sum())}"
            for a in ("human", "softmax")
        )
        measure = "human bands inside"
    return (
        f"| [`{name}`](../../../models/{name}.py) | {registry.about(name)} | {measure} | {human} | {soft} |\n"
    )


def main() -> int:
    """All whose comparison is here: a language model comes as a package, and is compared where that is installed."""
    here = [name for name in registry.names() if (folder_of(name) / "summary.csv").is_file()]
    files.write_text(HERE / "models" / "README.md", HEAD + "".join(map(row, here)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
