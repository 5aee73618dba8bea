"""The pages that nobody writes: made from docstrings, human tables, committed runs and imports when the site is built.

Every idea keeps its one home. A paradigm's question, its theory and what fails in it are in its docstring, its options
in its class, its bands on the scorecard; here is only the template that puts them on one page, as a script that is run.
"""

from __future__ import annotations

import ast
import inspect
import json
import os
import pkgutil
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import fields
from functools import cache
from graphlib import TopologicalSorter
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import numpy as np
import pandas as pd
import yaml

import cogattn
from cogattn import human, paradigms
from cogattn.nn import MECHANISMS, attention
from cogattn.parameters import PARAMETERS
from cogattn.record import Parameter
from cogattn.view import plot

ROOT = Path(__file__).parents[1]
MADE = ROOT / "docs" / "made"
REFERENCE = ROOT / "results" / "reference"
ROOMS = ("paradigms", "mechanisms")  # galleries of scripts that are made here
MODULES = ["cogattn", *(m.name for m in pkgutil.walk_packages(cogattn.__path__, "cogattn."))]

# --- text -------------------------------------------------------------------------------------------------------


def plain(signature: str) -> str:
    """A signature without what is meant for the command line: `Annotated[bool, Parameter(...)]` is a bool.

    >>> plain("(a: Annotated[list[str], Parameter(help='x, [y]')] = [], b: int = 0)")
    '(a: list[str] = [], b: int = 0)'
    """
    head = "Annotated["
    while (at := signature.find(head)) >= 0:
        depth, cut, end = 0, None, len(signature)
        for i in range(at + len(head), len(signature)):
            letter = signature[i]
            if letter == "," and depth == 0 and cut is None:
                cut = i
            if letter in "])" and depth == 0:
                end = i
                break
            depth += (letter in "[(") - (letter in "])")
        inner = signature[at + len(head) : end if cut is None else cut]
        signature = signature[:at] + inner + signature[end + 1 :]
    return signature


def rst(text: str) -> str:
    """A docstring as reStructuredText: `code` stays code, what is set apart is an equation, nothing else is markup."""
    return "\n\n".join(_block(b) for b in re.split(r"\n\s*\n", text.strip("\n")) if b.strip())


def _block(block: str) -> str:
    if block.startswith(">>>"):
        return block
    if all(line.startswith("    ") for line in block.splitlines()):
        return ".. code-block:: text\n   :class: law\n\n" + indent(dedent(block), "   ")
    lines = block.splitlines()
    if any(line.startswith(" ") for line in lines) or (len(lines) > 1 and all(map(NAME.match, lines))):
        return "\n\n".join(map(_entry, _entries(lines)))
    return _inline(block)


NAME = re.compile(r"([a-z_]+(?:, [a-z_]+)*): ")


def _entries(lines: list[str]) -> Iterator[str]:
    """The entries of a list of `name: what it is`, each on one line; what follows an indented line is a new one."""
    entry = [lines[0]]
    for before, line in pairwise(lines):
        if not line.startswith(" ") and (NAME.match(line) or before.startswith(" ")):
            yield " ".join(entry)
            entry = []
        entry.append(line.strip())
    yield " ".join(entry)


def _entry(text: str) -> str:
    """`name: what it is` as an item of a list; else a paragraph."""
    name = NAME.match(text)
    return f"- **{_plain(name[1])}**: {_inline(text[name.end() :])}" if name else _inline(text)


def _inline(text: str) -> str:
    out = ""
    for i, piece in enumerate(re.split(r"`([^`]+)`", text)):  # every second piece is code
        apart = "\\ " if i and not i % 2 and re.match(r"\w", piece) else ""  # `word`s
        out += _code(piece) if i % 2 else apart + _plain(piece)
    return out


def _code(words: str) -> str:
    """`code`, and where it is the name of a module, a way to it."""
    name = f"cogattn.{words}"
    return (
        f":mod:`{words} <{name}>`" if name in MODULES and "." in words else f"``{' '.join(words.split())}``"
    )


def _plain(text: str) -> str:
    """Text without markup, but for *emphasis*."""
    pieces = re.split(r"((?<![\w*])\*\w[^*\n]*\w\*(?![\w*]))", text)
    return "".join(p if i % 2 else re.sub(r"[*|\\`]|_(?!\w)", r"\\\g<0>", p) for i, p in enumerate(pieces))


def comment(text: str) -> str:
    """Text as a cell of a script."""
    return "# %%\n" + "\n".join(f"# {line}".rstrip() for line in text.splitlines())


def title(text: str, rule: str = "=") -> str:
    """A heading."""
    return f"{text}\n{rule * len(text)}"


def table(rows: list[list[str]], widths: str = "auto") -> str:
    """A table, its first row the heads."""
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
    for row in rows:
        lines += [f"   {'*' if i == 0 else ' '} - {cell}" for i, cell in enumerate(row)]
    return "\n".join(lines)


#: Texts that live elsewhere in the project and are pages here.
OUTSIDE = {
    "README.zh.md": "chinese",
    "benchmarks/README.md": "benchmarks",
    "CHANGELOG.md": "changes",
    "results/reference/README.md": "runs",
    "results/reference/models/README.md": "networks",
}


def rebased(markdown: str, home: Path, place: Path) -> str:
    """Markdown of a file in `home`, its links as they are seen from `place`."""

    def link(m: re.Match[str]) -> str:
        target, _, anchor = m.group(1).partition("#")
        there = Path(os.path.normpath(home / target))
        known = OUTSIDE.get(os.path.relpath(there, ROOT))
        there = MADE / f"{known}.md" if known else there
        return f"]({os.path.relpath(there, place)}{'#' + anchor if anchor else ''})"

    return re.sub(r"\]\((?!\w+:|#)([^)\s]+)\)", link, markdown)


def outside() -> dict[str, str]:
    """The pages of OUTSIDE, whose homes are elsewhere."""
    return {
        f"{name}.md": rebased((ROOT / path).read_text("utf-8"), (ROOT / path).parent, MADE)
        for path, name in OUTSIDE.items()
    }


# --- one page per paradigm ------------------------------------------------------------------------------------------


def said(name: str) -> tuple[str, str, str, str]:
    """(question, theory, options, what fails) of a paradigm, as its own docstrings tell them."""
    kind = type(paradigms.get(name)())
    module = inspect.getdoc(sys.modules[kind.__module__]) or ""
    options = inspect.getdoc(kind) or ""
    text, _, failing = module.partition("\n\nWhat fails: ")
    own, _, failing_too = options.partition("\n\nWhat fails: ")
    question, _, theory = text.partition("\n\n")
    return question, theory, own, failing or failing_too


def arms(name: str) -> tuple[str, ...]:
    """The arms that the committed run of a paradigm compares."""
    config = REFERENCE / name / "config.toml"
    return (
        tuple(tomllib.loads(config.read_text("utf-8"))["arms"]) if config.exists() else ("human", "softmax")
    )


@cache
def scorecard() -> pd.DataFrame:
    """The committed scorecard."""
    return pd.read_csv(REFERENCE / "scorecard" / "scorecard.csv", dtype={"low": float, "high": float})


def bands(name: str) -> pd.DataFrame:
    """A paradigm's rows on the scorecard."""
    summary = REFERENCE / "scorecard" / name / "summary.csv"
    if not summary.exists():
        return scorecard().head(0)
    known = ["metric", "low", "high"]  # metrics of two phenomena may have one name, their bands differ
    return scorecard().merge(
        pd.read_csv(summary, dtype={"low": float, "high": float})[known].drop_duplicates(), on=known
    )


def _number(x: float) -> str:
    """Three digits; what is nothing but a rounding is nothing."""
    return "none" if np.isnan(x) else f"{0.0 if abs(x) < 1e-9 else x:.3g}"


def _short(value: object) -> str:
    """A value as it is written, long fractions cut."""
    return re.sub(r"\d+\.\d{5,}", lambda m: f"{float(m.group()):.4g}", repr(value)).replace("'", '"')


def verdict(name: str) -> str:
    """What stands, in a table: people's band, the mind under human limits, plain softmax attention."""
    rows = bands(name)
    if rows.empty:
        tables = ", ".join(sorted({f"``{row.table}.csv``" for row in paradigms.get(name)().scored()}))
        if tables:
            return (
                f"No band was chosen by hand. Tables of people ({tables}) are scored whole: :doc:`/curves`."
            )
        return "No band: there is no table of people here, so the scorecard has no row for this experiment."
    out = [["", "people", "band", "human limits", "plain softmax", "needs the limits"]]
    for _, r in rows.iterrows():
        mark = "" if r["inside"] else " **(missed)**"
        out.append(
            [
                f"{_plain(r['metric'])} [{r['unit']}]",
                *(_number(r["human"]), f"{r['low']:g} to {r['high']:g}", _number(r["model"]) + mark),
                _number(r["softmax"]),
                str(r["needs"]).replace("+", ", ").replace("nan", ""),
            ]
        )
    inside = int(rows["inside"].sum())
    head = (
        f"Inside {inside} of {len(rows)} human bands, with the one population of the scorecard (200 people):"
    )
    return f"{head}\n\n{table(out)}"


SIDE_BY_SIDE = """table = trials.summary().set_index(["metric", "condition"])
arms = table.set_index("arm", append=True)["model"].unstack(sort=False)
people = table.groupby(level=[0, 1])[["human", "low", "high"]].first().set_axis(["people", "low", "high"], axis=1)
arms.join(people.dropna(axis="columns", how="all")).round(3)"""


def paradigm(name: str, people: int = 40) -> str:
    """The page of a paradigm, as a script."""
    task = paradigms.get(name)()
    question, theory, options, failing = said(name)
    values = "".join(f"\n       {f.name}={_short(getattr(task, f.name))}," for f in fields(task))
    cells = [
        f'r"""\n{title(task.title)}\n\n{rst(question)}\n\n{title("Theory", "-")}\n\n{rst(theory)}\n\n'
        f'People: {_plain(task.source)}.\n"""',
        comment(
            f"{title('Run it', '-')}\n\n{people} people, the arms side by side. On the command line: "
            f"``cogattn run {name} --people {people} --arms {','.join(arms(name))}``."
        ),
        f'import cogattn as ca\n\ntrials = ca.run("{name}", arms={_short(arms(name))}, people={people})\ntrials.plot()',
        comment("The numbers, arm beside arm; what people did and their band, where they were measured:"),
        SIDE_BY_SIDE,
        comment(f"{rst(options)}\n\n.. code-block:: python\n\n   {type(task).__name__}({values}\n   )"),
        comment(
            f"{title('What stands', '-')}\n\n{verdict(name)}\n\n{title('What fails', '-')}\n\n{rst(failing)}\n\n"
            f"The source: :mod:`{type(task).__module__}`. What is weak in the whole: :doc:`/theory`."
        ),
    ]
    return "\n\n".join(cells) + "\n"


# --- one page per mechanism -----------------------------------------------------------------------------------------

MECHANISM = '''r"""
{title}

{what}

.. code-block:: text
   :class: law

   {formula}

{source}. The whole family, what each of them can do and the conventions: :doc:`/mechanisms`.
"""

import matplotlib.pyplot as plt
import torch

import cogattn as ca

torch.manual_seed(0)
attend = ca.nn.attention("{name}", 2)
query = torch.tensor([[[1.2, 0.6]]])
near = [[2.6, 1.9], [1.3, -0.4], [-0.4, 1.6], [3.2, -1.2]]
far = [[-2.2, 2.4], [-1.5, -1.1], [0.6, -2.4], [-3.1, 0.3]]
keys = torch.tensor([near + far])
_, free = attend(query, keys, keys)

# %%
# {rule}
#
# What the mechanism finds alike races for the store: three slots, 100 ms. In one look at most three keys have any
# weight, and they share all of it.

race = ca.Race(capacity=45.0, slots=3, threshold=0.015)
looks = free[0].log().expand({looks}, -1)  # the scores, but for a constant
gate = race(looks, exposure=0.1, generator=torch.Generator().manual_seed(1))
_, limited = attend(*(x.expand({looks}, -1, -1) for x in (query, keys, keys)), gate=gate)
print("keys with any weight in a look:", sorted(set((limited[:, 0] > 0).sum(-1).tolist())))

# %%
# Left: how alike every point of the plane is to the query (the star), and the eight keys. Right: what each key gets.

side = torch.linspace(-4, 4, 81)
plane = torch.cartesian_prod(side, side)[None]
score = attend(query, plane, plane)[1].log().reshape(81, 81).T.detach().numpy()
softmax, human = free[0, 0].detach().numpy(), limited[:, 0].mean(0).detach().numpy()

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
left.contourf(side.numpy(), side.numpy(), score, levels=14, cmap="Blues")
left.plot(*query[0, 0].tolist(), "*", color="#111111", markersize=15)
for n, (x, y) in enumerate(keys[0].tolist(), 1):
    left.text(x, y, n, ha="center", va="center", bbox={{"boxstyle": "circle", "fc": "white"}})
left.set(xlabel="feature 1", ylabel="feature 2", aspect="equal")
left.set_title("score: darker is more alike")
n = torch.arange(1, 9).numpy()
right.bar(n - 0.2, softmax, 0.4, color="#D55E00", label="softmax")
right.bar(n + 0.2, human, 0.4, color="#0072B2", label="human limits, mean of all looks")
right.set(xlabel="key", ylabel="weight", xticks=n, ylim=(0, 1.3 * max(softmax.max(), human.max())))
right.set_title("what each key gets")
right.legend(frameon=False, loc="upper right")
right.spines[["top", "right"]].set_visible(False)

# %%
# {when}
#
# .. include:: /made/parts/{name}.md
#    :parser: myst_parser.sphinx_
'''


def when(name: str) -> str:
    """When to take a mechanism: what docs/mechanisms.md says of it."""
    text = (ROOT / "docs" / "mechanisms.md").read_text("utf-8")
    found = re.search(rf"^\*\*`{name}`\*\*.*?(?=^\*\*`|^## )", text, re.S | re.M)
    return rebased(found.group(), ROOT / "docs", MADE / "mechanisms") if found else ""


def mechanism(name: str, looks: int = 2000) -> str:
    """The page of an attention mechanism, as a script."""
    kind = attention(name, 2).mechanism
    what = rst(inspect.getdoc(type(kind)) or "")
    if name == "dot":  # its class is the common ground of all of them
        what = "The plain product of query and key: direction and length of both count."
    return MECHANISM.format(
        title=title(name),
        what=what,
        formula=kind.formula,
        source=kind.source[0].upper() + kind.source[1:],
        name=name,
        looks=looks,
        rule=title("Under human limits", "-").replace("\n", "\n# "),
        when=title("When to take it", "-").replace("\n", "\n# "),
    )


# --- the reference --------------------------------------------------------------------------------------------------


def first_sentence(module: Any) -> str:
    """What a module or object is, in a sentence."""
    lead = (inspect.getdoc(module) or "").split("\n\n")[0].replace("\n", " ")
    return rst(re.split(r"(?<=[.?])\s(?=[A-Z`])", lead)[0])


def public(module: str) -> list[str]:
    """The public names that a module defines, with those of its classes: what the reference has to hold."""
    room = import_module(module)
    own = [n for n, x in vars(room).items() if n[0] != "_" and getattr(x, "__module__", "") == module]
    names = [n for n in own if callable(getattr(room, n))]
    for kind in [n for n in names if inspect.isclass(getattr(room, n))]:
        members = vars(getattr(room, kind)).items()
        names += [f"{kind}.{n}" for n, x in members if n[0] != "_" and _is_behaviour(x)]
    return names


def _is_behaviour(member: Any) -> bool:
    return inspect.isfunction(getattr(member, "__func__", member)) or isinstance(member, property)


def reference() -> Iterator[tuple[str, str]]:
    """(file, text) of every page of the reference: a page per module, and one that leads to them."""
    faces = ("cogattn", "cogattn.nn", "cogattn.paradigms", "cogattn.tune")
    for module in MODULES:
        room = import_module(module)
        parts = [f".. module:: {module}", title(f"``{module}``"), rst(inspect.getdoc(room) or "")]
        if module in faces:
            parts += [_face(room)]
        for name in [n for n in public(module) if "." not in n]:
            thing = getattr(room, name)
            kind = "autoclass" if inspect.isclass(thing) else "autofunction"
            parts += [f".. {kind}:: {module}.{name}" + ("\n   :members:" if kind == "autoclass" else "")]
        yield f"{module}.rst", "\n\n".join(parts) + "\n"
    rows = [["module", "what lives there"]]
    rows += [[f":doc:`{m} <{m}>`", first_sentence(import_module(m))] for m in MODULES]
    toc = ".. toctree::\n   :hidden:\n\n" + "\n".join(
        f"   {m.removeprefix('cogattn.')} <{m}>" for m in MODULES
    )
    lead = "Every public name of the package, by the module that is its home. The first is what most people need."
    yield "index.rst", "\n\n".join([title("Reference"), lead, table(rows, "30 70"), toc]) + "\n"


def _face(room: Any) -> str:
    """Where each name that a face shows has its home."""
    rows = [["name", "what it is"]]
    for name in room.__all__:
        thing = getattr(room, name)
        if inspect.ismodule(thing):
            rows.append([f":mod:`{name} <{thing.__name__}>`", first_sentence(thing)])
        elif callable(thing):
            rows.append([f":obj:`{name} <{thing.__module__}.{thing.__qualname__}>`", first_sentence(thing)])
        else:
            rows.append([f"``{name}``", f"``{thing!r}``"])
    return table(rows, "25 75")


# --- single pages ---------------------------------------------------------------------------------------------------


def readme() -> dict[str, str]:
    """The readme in three: the sentence that opens the site; the picture and the table after it; and how it goes on."""
    parts = (ROOT / "README.md").read_text("utf-8").split("\n", 1)[1].split("\n\n")
    picture, below = (next(i for i, part in enumerate(parts) if part.startswith(x)) for x in ("![", "| "))
    lead, shown, rest = parts[:picture], parts[picture : below + 1], parts[below + 1 :]
    return {
        "parts/lead.md": rebased("\n\n".join(lead), ROOT, MADE.parent),
        "parts/pictures.md": rebased("\n\n".join(shown), ROOT, MADE.parent),
        "overview.md": rebased("\n\n".join(["# The whole in one page", *rest]), ROOT, MADE),
    }


def numbers(records: Sequence[Parameter] = PARAMETERS) -> str:
    """A page of all numbers of a person, by what they are about."""
    parts = [
        title("Numbers of a person"),
        "Every field of :class:`cogattn.observer.Observer`: what it is, what it may be, how adults differ (mean, sd), "
        "the limit "
        "that it makes, and where the default comes from. Made from the records of ``cogattn/parameters.py``; standard "
        "errors and refits: ``cogattn/human/population.csv``; these and the constants of all tasks, and what each is "
        "taken from: ``cogattn/human/constants.csv``. Old names still work, with a warning.",
    ]
    for about in dict.fromkeys(p.group for p in records):
        rows = [["name", "what it is", "default", "range", "adults", "limit", "source"]]
        rows += [_row(p) for p in records if p.group == about]
        parts += [title(about[0].upper() + about[1:], "-"), table(rows, "16 30 9 12 10 9 14")]
    return "\n\n".join(parts) + "\n"


def _row(p: Parameter) -> list[str]:
    unit = f" {p.unit}" if p.unit else ""
    default = ("yes" if p.default else "no") if p.kind is bool else f"{_number(p.default)}{unit}"
    old = f" (was {', '.join(f'``{name}``' for name in p.aliases)})" if p.aliases else ""
    adults = f"{p.adults.kind}, {_number(p.adults.mean)}" if p.adults else ""
    adults += f", {_number(p.adults.sd)}" if p.adults and p.adults.sd else ""
    lifted = f"{p.limit}; lifted: {_number(p.lifted)}" if p.lifted is not None else ""
    source = f"{p.source.status}: {_plain(p.source.basis)}"
    source += f" (``{'``, ``'.join(p.source.tables)}``)" if p.source.tables else ""
    return [f"``{p.name}``{old}", _plain(p.told), default, p.range, adults, lifted, source]


SIMULATED = REFERENCE / "simulations"


def questions() -> str:
    """A page of all simulations: each question, its answer, the figure, what is done, when and how it was played."""
    scripts = sorted((ROOT / "simulations").glob("*.py"))
    played = [p for p in scripts if (SIMULATED / p.stem / "answer.txt").exists()]
    parts = [
        title("Simulations that ask one question each"),
        "Each is a program in ``simulations/``. All take ``--out`` and ``--force``; those that simulate people also "
        "take ``--people`` and ``--seed``; ``--help`` names the rest. Each writes config.toml, provenance.json, its "
        "tables, a figure and answer.txt into one folder; an answer that is there is not replaced without ``--force``. "
        f"Shown here is what the committed runs wrote: {len(played)} of {len(scripts)} were made by the programs of "
        "this version; of the others it is said where they come from. Intervals are 95 %.",
    ]
    for path in scripts:
        text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
        asked, _, rest = text.partition("\n\n")
        lead = re.split(r"(?<=[?:])\s", asked.replace("\n", " "), maxsplit=1)
        parts += [title(_plain(lead[0].rstrip(":")), "-"), *map(rst, lead[1:])]
        parts += [*_answered(SIMULATED / path.stem, _plain(lead[0])), rst(rest)]
    return "\n\n".join(parts) + "\n"


def _answered(folder: Path, question: str) -> Iterator[str]:
    """What a simulation's folder holds: the answer, the figure, how it was made."""
    answer, figure = folder / "answer.txt", folder / "figure.png"
    if answer.exists():
        yield f"**{_plain(answer.read_text('utf-8').strip()).replace('*', '')}**"
    if figure.exists():
        yield f".. image:: {os.path.relpath(figure, MADE)}\n   :alt: {question}"
    yield _made(folder)


def _made(folder: Path) -> str:
    """When and how a folder was made; of an older one, that it does not say so."""
    if not folder.is_dir():
        return "*No committed result: it has not been played.*"
    if not (folder / "provenance.json").exists():
        return (
            "*Made before simulations wrote down their answer and how they were made, by an older version, and not "
            "played again: today's laws may give other numbers.*"
        )
    made = json.loads((folder / "provenance.json").read_text("utf-8"))
    asked = tomllib.loads((folder / "config.toml").read_text("utf-8"))
    told = ", ".join(f"{k} {asked[k]}" for k in ("people", "seed") if k in asked) or "no chance in it"
    commit = f", commit {made['commit'][:8]}" if made.get("commit") else ""
    command = " ".join(["python", f"simulations/{asked['program']}.py", *made["command"][1:]])
    return (
        f"*Made on {made['started'][:10]} by version {made['versions']['cogattn']}{commit} in {made['seconds']:.0f} s "
        f"({told}):* ``{command}``"
    )


def citing() -> str:
    """How to cite, from CITATION.cff, and the people whose tables are used."""
    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    who = " and ".join(a.get("name") or f"{a['family-names']}, {a['given-names']}" for a in cff["authors"])
    keys = {
        "title": cff["title"],
        "author": f"{{{who}}}",
        "version": cff["version"],
        "license": cff["license"],
    }
    released = str(cff.get("date-released", ""))[:4]
    year = released or re.findall(r"Copyright \(c\) (\d{4})", (ROOT / "LICENSE").read_text("utf-8"))[-1]
    keys |= {"year": year} | ({} if released else {"note": "unreleased"})
    bib = "\n".join(f"     {k} = {{{v}}}," for k, v in keys.items())
    rows = [["table", "where it comes from"]]
    rows += [[f"``{name}``", _plain(" ".join(human.source(name).split()))] for name in human.names()]
    return "\n\n".join(
        [
            title("How to cite"),
            _plain(cff["message"]),
            f".. code-block:: bibtex\n\n   @software{{cogattn,\n{bib}\n   }}",
            title("The people behind the tables", "-"),
            "Each file of ``cogattn/human/`` says in its first lines who measured what; these lines are shown here.",
            table(rows, "25 75"),
        ]
    )


NAMED = (
    "index",
    "new_user",
    "faq",
    "theory",
    "architecture",
    "mechanisms",
)  # pages that have their place elsewhere


def guides() -> str:
    """The way to every page of docs/ that has no other place; a new one appears by itself."""
    names = [p.stem for p in sorted((ROOT / "docs").glob("*.md")) if p.stem not in NAMED]
    return ".. toctree::\n   :maxdepth: 1\n\n" + "\n".join(f"   /{name}" for name in names) + "\n"


# --- the house, drawn -----------------------------------------------------------------------------------------------

#: What stands together in the drawing; every other module stands for itself or for its folder.
TOGETHER = {
    "answers": ("compare", "scorecard", "verify", "explain", "live"),
    "networks": ("registry", "training", "digits", "texts"),
    "ground": ("errors", "files"),
    "draws": ("mind.draws",),
}


def room_of(module: str) -> str:
    """The room of the drawing in which a module lives."""
    name = module.removeprefix("cogattn").lstrip(".") or "the face"
    known = {m: room for room, members in TOGETHER.items() for m in members}
    return known.get(name, name.split(".")[0])


@cache
def rules() -> Any:
    """The reader of imports: the one that holds the house together (tests/test_house.py)."""
    sys.path.insert(0, str(ROOT / "tests"))
    return import_module("test_house")


def house() -> dict[str, set[str]]:
    """Which room imports which, as the sources do."""
    graph: dict[str, set[str]] = {room_of(m): set() for m in rules().MODULES}
    for module, path in rules().MODULES.items():
        others = {room_of(m) for m in rules().own_imports(path)}
        graph[room_of(module)] |= others - {room_of(module)}
    return graph


def worlds() -> dict[str, set[str]]:
    """Which of the two big libraries each room imports."""
    out: dict[str, set[str]] = {room_of(m): set() for m in rules().MODULES}
    for module, path in rules().MODULES.items():
        out[room_of(module)] |= {n.split(".")[0] for n in rules().imports(path)} & {"simpy", "torch"}
    return out


def floors(graph: dict[str, set[str]]) -> dict[str, int]:
    """How high each room stands: one above the highest that it stands on. A circle is an error that names its rooms."""
    high: dict[str, int] = {}
    for room in TopologicalSorter(graph).static_order():
        high[room] = 1 + max((high[r] for r in graph[room]), default=-1)
    return high


def needed(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """The arrows that tell something: without those that follow from the others."""

    @cache
    def below(room: str) -> frozenset[str]:
        return frozenset(graph[room]).union(*(below(r) for r in graph[room]))

    return {a: {b for b in others if not any(b in below(c) for c in others)} for a, others in graph.items()}


def places(graph: dict[str, set[str]], high: dict[str, int]) -> dict[str, tuple[float, float]]:
    """(x, floor) of each room: near to those with which it is joined."""
    rows = [sorted(r for r in graph if high[r] == n) for n in range(1 + max(high.values()))]
    x = {r: (i + 0.5) / len(row) for row in rows for i, r in enumerate(row)}
    joined = {r: graph[r] | {a for a in graph if r in graph[a]} for r in graph}
    for _ in range(20):
        for row in rows:
            row.sort(key=lambda r: float(np.mean([x[o] for o in joined[r]])))
            x |= {r: (i + 0.5) / len(row) for i, r in enumerate(row)}
    return {r: (10 * x[r] + 1.0 * (-1) ** high[r] * (len(rows[high[r]]) == 1), high[r]) for r in graph}


#: (what a room imports, in words, fill, edge)
INK = {
    "torch": ("knows torch", "#FBE9DC", "#D55E00"),
    "simpy": ("knows SimPy", "#DFF1EA", "#009E73"),
    "simpy+torch": ("both, apart", "#F1E6F4", "#8A4FA3"),
    "": ("knows neither", "#F2F5F8", "#5B6B7B"),
}


def draw_house(path: Path) -> None:
    """The rooms on their floors, who stands on whom, and which of them knows torch or SimPy."""
    graph = needed(house())
    high = floors(graph)
    top = max(high.values())
    with plot.style() as plt:
        figure, ax = plt.subplots(figsize=(8.6, 0.72 * (1 + top)))
        place = places(graph, high)
        _arrows(ax, graph, place)
        _rooms(ax, place, {room: INK["+".join(sorted(known))] for room, known in worlds().items()}, top)
        ax.set(xlim=(0, 10), ylim=(-0.5, top + 0.5))
        ax.axis("off")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
        plt.close(figure)


def _arrows(ax: Any, graph: dict[str, set[str]], place: dict[str, tuple[float, float]]) -> None:
    """From each room down to those on which it stands; a long way goes round the rooms between."""
    for a, others in graph.items():
        for b in others:
            (x, y), (u, v) = place[a], place[b]
            how = {"arrowstyle": "-|>", "color": "#9AA7B4", "linewidth": 1.1, "shrinkA": 0, "shrinkB": 0}
            how["connectionstyle"] = f"arc3,rad={0.18 if y - v > 2 else 0}"
            ax.annotate("", (u, v + 0.27), (x, y - 0.25), arrowprops=how, zorder=1)


def _rooms(ax: Any, place: dict[str, tuple[float, float]], inks: dict[str, Any], top: int) -> None:
    """The rooms, and what their colours mean."""
    for room, (x, y) in place.items():
        box = {"boxstyle": "round,pad=0.45", "fc": inks[room][1], "ec": inks[room][2], "linewidth": 1.3}
        ax.text(x, y, room, ha="center", va="center", fontsize=10.5, bbox=box, zorder=2)
    for i, (words, fill, edge) in enumerate(ink for ink in INK.values() if ink in inks.values()):
        box = {"boxstyle": "round,pad=0.3", "fc": fill, "ec": edge}
        ax.text(0.1, top - 0.55 * i, words, va="center", fontsize=8.5, bbox=box)


# --- all of it ------------------------------------------------------------------------------------------------------

HEADS = {
    "paradigms": (
        "Paradigms",
        "Classic experiments, each with its question, its theory, people's own data if there are any, and what fails. "
        "First those that are held against a table of people, then those that are built and wait for one.",
    ),
    "mechanisms": (
        "Mechanisms",
        "The classic attention mechanisms by name: how alike are a query and a key, and what is left of it under human "
        "limits. What all of them can do, and the conventions: :doc:`/mechanisms`.",
    ),
}


def scripts() -> dict[str, str]:
    """Every script that is made here, by its place."""
    out = {f"mechanisms/{name}.py": mechanism(name) for name in MECHANISMS}
    for name in paradigms.names():
        one = paradigms.get(name)()
        known = "measured" if one.scored() or len(one.human()) else "predicted"
        out[f"paradigms/{known}/{name}.py"] = paradigm(name)
    return out


def make(made: Path = MADE) -> None:
    """Write all pages that have changed, so that Sphinx builds no other anew."""
    keep = {made / "house.svg"}
    draw_house(made / "house.svg")
    heads = {f"{room}/GALLERY_HEADER.rst": f"{title(a)}\n\n{b}\n" for room, (a, b) in HEADS.items()}
    heads |= {
        "paradigms/measured/GALLERY_HEADER.rst": title("Held against people", "-") + "\n",
        "paradigms/predicted/GALLERY_HEADER.rst": title("Built, without a table of people", "-") + "\n",
    }
    texts = {f"scripts/{name}": text for name, text in {**heads, **scripts()}.items()}
    texts |= {f"reference/{name}": text for name, text in reference()}
    texts |= {**readme(), "questions.rst": questions(), "numbers.rst": numbers(), "citing.rst": citing()}
    texts |= {f"parts/{name}.md": when(name) for name in MECHANISMS}
    texts |= {"parts/guides.txt": guides(), **outside()}
    for name, text in texts.items():
        keep.add(made / name)
        if not (made / name).exists() or (made / name).read_text("utf-8") != text:
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            (made / name).write_text(text, encoding="utf-8")
    for room in ("scripts", "reference", "parts"):  # what is made no more
        for old in set((made / room).rglob("*.*")) - keep:
            old.unlink()


def in_order(name: str) -> tuple[int, str]:
    """Scripts that build on each other stand in this order."""
    guides = ("ten_minutes", "limit_a_network", "fit_your_data", "write_a_law", "write_a_paradigm")
    first = (*guides, *MECHANISMS)
    stem = Path(name).stem
    return (first.index(stem) if stem in first else len(first), stem)


def drawn(block: Any, block_vars: Any, gallery_conf: Any) -> str:
    """Figures as SVG: sharp at any size."""
    from sphinx_gallery.scrapers import matplotlib_scraper

    return str(matplotlib_scraper(block, block_vars, gallery_conf, format="svg", bbox_inches="tight"))
