"""`cogattn list`: what there is, as wide as the terminal, and one experiment in full."""

from __future__ import annotations

import shutil
import textwrap
from json import dumps
from typing import Annotated, Any

from cyclopts import Parameter

from cogattn.cli.options import Json

_HEADS = ("kind", "name", "what it is", "question", "people")


def list_(
    name: Annotated[str | None, Parameter(help="one experiment in full")] = None, /, *, json: Json = False
) -> None:
    """What there is: paradigms (*: people's results are there to compare with), models, arms, limits.

    With NAME, one paradigm: its question, options, conditions, and the source of people's results.
    """
    if name is None:
        _all(json)
    else:
        _one(name, json)


def _all(json: bool) -> None:
    from cogattn import paradigms
    from cogattn.nn.networks import shelf
    from cogattn.paradigms import registry
    from cogattn.parameters import limits

    said = {n: registry.says(n) for n in paradigms.names()}
    rows = [("paradigm", n, str(s["title"]), str(s["question"]), _measured(s)) for n, s in said.items()]
    rows += [("model", n, shelf.about(n), "", False) for n in shelf.names()]
    rows += [
        ("arm", "human", "all limits", "", False),
        ("arm", "softmax", "no limits: a network's plain (softmax) attention", "", False),
    ]
    rows += [("limit", n, "joined by + they make an arm, e.g. slots+capacity", "", False) for n in limits()]
    if json:
        print(dumps([dict(zip(_HEADS, row, strict=True)) for row in rows], indent=2))
        return
    wide = 2 + max(len(name) for _, name, *_ in rows)
    print(f"{'kind':8} {'name':{wide}} what it is (*: people's results to compare with)")
    for kind, name, what, question, people in rows:
        print(_told(f"{kind:8} {name + ' *' * people:{wide}}", f"{what}. {question}" if question else what))
    print("\nMore about one: cogattn list NAME. Try one: cogattn run NAME")


def _measured(says: Any) -> bool:
    """Whether the people that its source names are here as a table."""
    return "adults" in str(says["source"])


def _told(head: str, text: str) -> str:
    wide = min(110, max(60, shutil.get_terminal_size((80, 24)).columns))
    return textwrap.fill(
        text, wide, initial_indent=f"{head} ", subsequent_indent=" " * (len(head) + 1), break_on_hyphens=False
    )


def _one(name: str, json: bool) -> None:
    from dataclasses import fields

    from cogattn import paradigms

    one = paradigms.get(name)()
    options = {f.name: getattr(one, f.name) for f in fields(one) if f.init}
    conditions = one.conditions()
    scored = sorted({f"{row.measure or 'all'} of {row.table}.csv" for row in one.scored()})
    told = {
        "name": one.name,
        "title": one.title,
        "question": one.question,
        "options": options,
        "conditions": conditions,
        "people": bool(scored) or len(one.human()) > 0,
        "source": one.source,
        "scored": scored,
    }
    if json:
        print(dumps(told, indent=2, default=str))
        return
    print(f"{one.name}: {one.title}")
    words = {column: {v: word for word, v in known.items()} for column, known in one.levels.items()}
    shown = [
        ", ".join(f"{k}={words.get(k, {}).get(v, f'{v:.4g}')}" for k, v in c.items()) for c in conditions[:6]
    ]
    numbers = [f"{k}={v:g}" for k, v in options.items() if type(v) in (int, float)]
    rest = [f"and {len(conditions) - 6} more"] if len(conditions) > 6 else []
    people = "yes" if told["people"] else "none here to compare with; its numbers are predictions"
    lines = {
        "question": one.question,
        "options": "; ".join(f"{k}={_plain(v)}" for k, v in options.items()) or "none",
        "conditions": "; ".join(shown + rest),
        "people": f"{people}. {one.source}",
        "scored": "; ".join(scored) or "by no table",
        "run": f"cogattn run {one.name}" + "".join(f" --option {said}" for said in numbers[-1:]),
    }
    for head, text in lines.items():
        print(_told(f"  {head:10}", text))


def _plain(value: Any) -> str:
    """A value in as few digits as it has."""
    if isinstance(value, tuple):
        return f"({', '.join(map(_plain, value))})"
    return f"{value:.6g}" if isinstance(value, float) else repr(value)
