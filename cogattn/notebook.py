"""How things show themselves: as plain HTML in a notebook, which carries its style with it and asks nobody for more,
and as a bar while they last.

Text takes the colour of the page and marks are half transparent, so a dark page is as readable as a light one. Every
text that comes from a user is escaped.

>>> rows([("<b>", 1.5)], ("what", "value")).count("&lt;b&gt;")
1
"""

from __future__ import annotations

import ast
import base64
import inspect
import io
import math
import numbers
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from html import escape
from itertools import pairwise
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from cogattn._renamed import old_names
from cogattn.errors import InputError, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Told after each finished piece: (done, of).
Progress = Callable[[int, int], None]

_LINE = "1px solid rgba(128,128,128,.45)"
_CELL = f"padding:.15em .7em;border-bottom:{_LINE};text-align:"
_MARK = "background:rgba(230,159,0,.28);font-weight:600;"


def card(title: str, *parts: str) -> str:
    """A headed block of parts that are HTML already."""
    head = f'<div style="font-weight:600;margin-bottom:.3em">{escape(title)}</div>'
    return f'<div style="font-family:sans-serif;font-size:13px;color:inherit">{head}{"".join(parts)}</div>'


def words(text: str) -> str:
    """A line of plain text."""
    return f'<div style="margin:.25em 0;opacity:.8">{escape(text)}</div>'


def rows(values: Iterable[Sequence[Any]], heads: Sequence[str], marked: Sequence[bool] = ()) -> str:
    """A table; marked: which rows stand out."""
    top = "".join(f'<th style="{_CELL}left">{escape(str(head))}</th>' for head in heads)
    body = []
    for i, row in enumerate(values):
        style = f' style="{_MARK}"' if i < len(marked) and marked[i] else ""
        body.append(f"<tr{style}>{''.join(_cell(v) for v in row)}</tr>")
    table = "border-collapse:collapse;background:transparent;color:inherit;margin:.3em 0"
    return f'<table style="{table}"><thead><tr>{top}</tr></thead><tbody>{"".join(body)}</tbody></table>'


def strip(values: Sequence[Sequence[float]], title: str) -> str:
    """A heat strip: a row of cells per row of values, 0 = nothing (empty), 1 = all (full colour)."""
    lines = []
    for row in values:
        cells = "".join(
            '<span style="display:inline-block;width:9px;height:13px;margin-right:1px;outline:1px solid '
            f'rgba(128,128,128,.25);background:rgba(0,114,178,{_part(v):.2f})" title="{_number(v)}"></span>'
            for v in row
        )
        lines.append(f'<div style="line-height:0;margin-bottom:1px;white-space:nowrap">{cells}</div>')
    return f'<div style="margin:.3em 0">{words(title)}{"".join(lines)}</div>'


def picture(figure: Figure, what: str, dpi: int = 72) -> str:
    """A figure as a picture within the page; the figure is closed."""
    from matplotlib import pyplot as plt

    store = io.BytesIO()
    figure.savefig(store, format="png", dpi=dpi)
    plt.close(figure)
    data = base64.b64encode(store.getvalue()).decode()
    style = "max-width:100%;background:white;margin-top:.4em"
    return f'<img alt="{escape(what)}" style="{style}" src="data:image/png;base64,{data}">'


def folded(summary: str, body: str, *, open_: bool = False) -> str:
    """A part that a click opens."""
    state = " open" if open_ else ""
    return f'<details{state}><summary style="cursor:pointer">{escape(summary)}</summary>{body}</details>'


class ProgressBar:
    """How far the work is, on standard error. On a terminal and in a notebook a bar, which comes with the first piece
    that is done and goes with the last; elsewhere (a pipe, a log) a line with the first piece and one at each quarter.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self.shown: Any = None
        self.last = 0, 0  #: (done, of) when it was told before

    def __call__(self, done: int, total: int) -> None:
        if not (sys.stderr.isatty() or "ipykernel" in sys.modules):
            self._line(done, total)
            return
        if self.shown is None:
            from tqdm.auto import tqdm

            self.shown = tqdm(desc=self.what, unit="piece", leave=False, file=sys.stderr)
        self.shown.total = total
        self.shown.update(done - self.shown.n)
        if done >= total:
            self.close()

    def _line(self, done: int, total: int) -> None:
        before, of = self.last
        self.last = done, total
        fresh = total != of or done < before
        if fresh or 4 * done // total > 4 * before // total:
            print(f"{self.what}: {done} of {total} ({100 * done / total:.0f} %)", file=sys.stderr, flush=True)

    def named(self, what: str) -> ProgressBar:
        """The same one, for the next stage of the work."""
        self.close()
        self.what = what
        return self

    def close(self) -> None:
        """Away with the bar, though not all may be done."""
        if self.shown is not None:
            self.shown.close()
        self.shown, self.last = None, (0, 0)


def ticker(asked: Progress | bool | None, what: str) -> Progress | None:
    """What is told after each piece: a person's own function, a bar (True), or nothing (False, None). A bar that is
    there already takes the name of this stage.

    >>> ticker(None, "run") is None
    True
    """
    if isinstance(asked, ProgressBar):
        return asked.named(what)
    if isinstance(asked, bool):
        return ProgressBar(what) if asked else None
    if asked is None or callable(asked):
        return asked
    raise InputError(f"progress must be True (a bar), a function of (done, of) or None, got {shown(asked)}")


@cache
def told(kind: type) -> dict[str, str]:
    """What each field of a class is: its metadata say it, or the text below it; nothing where there is no source to
    read."""
    known = (
        {f.name: f.metadata["told"] for f in fields(kind) if "told" in f.metadata}
        if is_dataclass(kind)
        else {}
    )
    if known:
        return known
    try:
        tree = ast.parse(dedent(inspect.getsource(kind)))
    except (OSError, TypeError):
        return {}
    body: list[Any] = getattr(tree.body[0], "body", [])
    found = {}
    for field, text in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
            words = ast.literal_eval(text.value) if isinstance(text.value, ast.Constant) else ""
            found[ast.unparse(field.target)] = " ".join(str(words).split())
    return found


def _cell(value: Any) -> str:
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    side, text = ("right", _number(value)) if number else ("left", str(value))
    return f'<td style="{_CELL}{side}">{escape(text)}</td>'


def _number(value: Any) -> str:
    """A number in a word: nothing where it is missing, whole numbers whole."""
    if isinstance(value, numbers.Integral):
        return str(value)
    if math.isnan(value):
        return ""
    return f"{value:.4g}".replace("inf", "∞")


def _part(value: float) -> float:
    return 0.0 if math.isnan(value) else min(1.0, max(0.0, value))


old_names(__name__, Bar="ProgressBar")
