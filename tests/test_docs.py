"""Every example in the documentation and in a docstring is run, and its output compared: none can rot."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import cogattn

ROOT = Path(cogattn.__file__).parents[1]
MODULES = [m.name for m in pkgutil.walk_packages(cogattn.__path__, "cogattn.")]


@pytest.mark.parametrize("name", ["cogattn", *MODULES])
def test_examples_in_docstrings_run(name):
    failed, _ = doctest.testmod(importlib.import_module(name), verbose=False)
    assert failed == 0


@pytest.mark.parametrize("page", sorted(p.name for p in (ROOT / "docs").glob("*.md")))
def test_examples_in_pages_run(page):
    failed, _ = doctest.testfile(str(ROOT / "docs" / page), module_relative=False)
    assert failed == 0


def test_python_in_the_readme_runs():
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    code = "\n".join(blocks).replace("people=50, trials=100", "people=3, trials=4")
    code = code.replace('model="digit_reader"', 'model="digit_reader", people=2, trials=2')
    assert len(blocks) >= 3
    space: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), space)
    assert space["out"].shape == (8, 4, 16, 32)


def test_what_the_readme_links_to_is_there():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    missing = [link for link in links if not (ROOT / link).exists()]
    assert len(links) > 5
    assert missing == []
