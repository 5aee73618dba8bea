"""The notebooks of the four paths, made from docs/paths.md: `python docs/notebooks.py` writes notebooks/*.ipynb.

The page is the one home of their words and commands. Prose becomes text; a block of Python becomes a cell; indented
commands become a cell of the shell, which stops the notebook if one of them fails; a named file becomes the cell that
writes it. What is marked `# not in the tests` stays text, because it does not end by itself.

>>> ["".join(cell["source"]) for cell in cells("Do this:\\n\\n    cogattn list\\n", "demo")]
['Do this:', '%%bash\\ncogattn list']
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "paths.md"
FOLDER = ROOT / "notebooks"

#: Where the commands of a path leave their figures.
FIGURES = {"my_data": "results/report", "my_scenario": "results/watch", "my_class": "handout"}

BEGIN = """# What is written goes to the folder "tried" beside this notebook.
import os
import sys
from pathlib import Path

os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
Path("tried").mkdir(exist_ok=True)
os.chdir("tried")"""

END = """from IPython.display import Image, display

for figure in sorted(Path("{folder}").rglob("*.png"))[:3]:
    display(Image(figure))"""

_BLOCK = re.compile(
    r"^```(?P<kind>\w+)(?: (?P<file>\S+))?\n(?P<fenced>.*?)^```$|(?P<shell>(?:^    [^\n]*\n)+)", re.S | re.M
)


def cells(part: str, name: str) -> list[dict[str, Any]]:
    """The cells of a part of the page."""
    out, at = [_code(BEGIN)] if name in FIGURES else [], 0
    for found in _BLOCK.finditer(part):
        out += [_text(part[at : found.start()]), *_block(found)]
        at = found.end()
    out.append(_text(part[at:]))
    if name in FIGURES:
        out.append(_code(END.format(folder=FIGURES[name])))
    out = [cell for cell in out if "".join(cell["source"]).strip()]
    if out[0]["cell_type"] == "code":  # the title stands above all
        out[:2] = out[1::-1]
    return [{"id": f"{name}-{i:02d}"} | cell for i, cell in enumerate(out)]


def _block(found: re.Match[str]) -> list[dict[str, Any]]:
    if found["shell"]:
        lines = [line.strip() for line in found["shell"].splitlines()]
        apart = [line for line in lines if "# not in the tests" in line]
        run = [
            re.sub(r"(results/\w+)/RUN", r"$(ls -td \1/*/ | head -1)", line)
            for line in lines
            if line not in apart
        ]
        said = "".join(f"    {line.partition('#')[0].strip()}\n" for line in apart)
        note = _text(f"In a terminal, because it runs until you stop it:\n\n{said}" if apart else "")
        return [note, *(_code(f"%%bash\n{line}") for line in run)]
    code = found["fenced"].rstrip()
    if found["file"]:
        return [_code(f"%%writefile {found['file']}\n{code}")]
    if ">>> " not in code:
        return [_code(code)]
    return [_code(piece) for piece in _examples(code)]


def _examples(code: str) -> list[str]:
    """The statements of a doctest; one that shows a value ends its cell."""
    pieces: list[list[str]] = [[]]
    for line in code.splitlines():
        if line[:4] in (">>> ", "... "):
            pieces[-1].append(line[4:])
        elif line.strip():  # what it showed
            pieces.append([])
    return ["\n".join(piece) for piece in pieces if piece]


def _text(words: str) -> dict[str, Any]:
    moved = re.sub(r"\]\((?!\w+:|#|\.\./)([^)\s]+)\)", r"](../docs/\1)", words.strip())
    return {"cell_type": "markdown", "metadata": {}, "source": moved.splitlines(keepends=True)}


def _code(source: str) -> dict[str, Any]:
    lines = source.splitlines(keepends=True)
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": lines}


def made() -> dict[str, str]:
    """Every notebook, by the name of its file."""
    parts = re.split(r"^## (?=My \w+)", PAGE.read_text("utf-8"), flags=re.M)[1:]
    out = {}
    for part in parts:
        name = re.sub(r"\W+", "_", part.partition(":")[0]).lower()
        book = {
            "cells": cells(f"# {part}", name),
            "metadata": {
                "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
                "language_info": {"name": "python"},
            },
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        out[f"{name}.ipynb"] = json.dumps(book, indent=1, ensure_ascii=False) + "\n"
    return out


def main() -> int:
    """Write them all."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in made().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"notebooks/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
