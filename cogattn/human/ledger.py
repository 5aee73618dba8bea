"""The ledger: how many numbers there are, of persons and of tasks, and how many of them people's results inform.

`human/constants.csv` has a row for every number of a person and for every constant of a task. Its kinds:

    design      the method of the study whose table is named
    estimated   fitted or set to people's results: those of the tables, or a published summary where none is named
    published   taken over from the literature
    assumed     nothing informs it, or nothing is known of how it was found
    structure   a unit, a switch, what states a theory rather than a size, or what follows from other rows

A row with `same_as` is the number of another row, and is not counted again.

>>> bool(counts().loc[("tasks", "people"), "estimated"] >= 20)
True
"""

from __future__ import annotations

import pandas as pd

from cogattn import human

KINDS = ("design", "estimated", "published", "assumed", "structure")


def numbers() -> pd.DataFrame:
    """The rows that count, with `who`: persons or tasks."""
    rows = human.constants()
    rows = rows[rows["same_as"] == ""]
    return rows.assign(who=rows["where"].map(lambda where: "persons" if where == "person" else "tasks"))


def counts() -> pd.DataFrame:
    """How many numbers of each kind (columns), by who they belong to and what they are of: people (what a mind or a
    hand does) or method (what the experimenter sets)."""
    rows = numbers().groupby(["who", "of", "kind"]).size().unstack(fill_value=0)
    return rows.reindex(columns=list(KINDS), fill_value=0)


def sentence() -> str:
    """The counts of what is of people, in words: what README, docs and scorecard say."""
    rows = numbers()
    rows = rows[rows["of"] == "people"]
    estimated, from_table = rows["kind"] == "estimated", rows["tables"] != ""

    def each(which: pd.Series) -> pd.Series:
        return rows.loc[which, "who"].value_counts().reindex(["persons", "tasks"], fill_value=0)

    fitted, assumed = each(estimated & from_table), each(rows["kind"] == "assumed")
    put, published = (estimated & ~from_table).sum(), (rows["kind"] == "published").sum()
    return (
        f"{fitted.sum()} numbers are estimated from human tables, {fitted['persons']} of persons and {fitted['tasks']} "
        f"of tasks; {put} more are set to published results and {published} taken from publications; "
        f"{assumed.sum()} are assumed, {assumed['persons']} of persons and {assumed['tasks']} of tasks"
    )
