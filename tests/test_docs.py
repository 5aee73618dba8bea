"""Every example in the documentation and in a docstring is run, and its output compared: none can rot."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import cogattn

ROOT = Path(cogattn.__file__).parents[1]
MODULES = [m.name for m in pkgutil.walk_packages(cogattn.__path__, "cogattn.")]


LONG = {"cogattn.tune.calibration", "tune.md"}  # tens of seconds


def parts(names):
    return [pytest.param(name, marks=pytest.mark.full) if name in LONG else name for name in names]


@pytest.mark.parametrize("name", parts(["cogattn", *MODULES]))
def test_examples_in_docstrings_run(name):
    failed, _ = doctest.testmod(importlib.import_module(name), verbose=False)
    assert failed == 0


ROOMS = ("cogattn", "cogattn.tune", "cogattn.nn", "cogattn.paradigms")
TOO_LONG = {"cogattn.scorecard", "cogattn.verify"}  # half a minute each; tests of their own run them
NO_CALLABLES = {"MECHANISMS", "Condition"}  # a table, a type


def public():
    """(name, object) of everything that a person imports from a room."""
    for room in ROOMS:
        module = importlib.import_module(room)
        for name in getattr(module, "__all__", ()):
            found = getattr(module, name)
            if not inspect.ismodule(found) and name not in NO_CALLABLES:
                yield f"{room}.{name}", found


def test_every_public_name_has_an_example_of_its_own():
    """Those examples are run above: `doctest.testmod` finds them where the name is defined."""
    finder, without, skipped = doctest.DocTestFinder(recurse=False), [], set()
    for name, found in public():
        examples = [e for test in finder.find(found, name, globs={}) for e in test.examples]
        if not examples or found.__module__ not in ["cogattn", *MODULES]:
            without.append(name)
        if any(doctest.SKIP in e.options for e in examples):
            skipped.add(name)
    assert without == []
    assert skipped == TOO_LONG


def defined(home, name):
    """(name, object) of the functions, classes and methods that a module or a class defines itself, in the open."""
    for word, found in vars(home).items():
        plain = found.fget if isinstance(found, property) else getattr(found, "__func__", found)
        own = inspect.isfunction(plain) or inspect.isclass(plain)
        if (
            own
            and not word.startswith("_")
            and plain.__module__ == name
            and plain.__qualname__.endswith(word)
        ):
            yield word, getattr(home, word)


def test_every_public_name_is_documented():
    """Functions, classes and their methods, of every module; a method may leave it to the class above."""
    bare = []
    for name in MODULES:
        module = importlib.import_module(name)
        found = [(f"{name}.{word}", thing) for word, thing in defined(module, name)]
        for word, kind in list(found):
            if inspect.isclass(kind):
                found += [(f"{word}.{method}", thing) for method, thing in defined(kind, name)]
        bare += [word for word, thing in found if not inspect.getdoc(thing)]
    assert bare == []


def test_completions_offer_every_public_name():
    for room in ROOMS:
        module = importlib.import_module(room)
        assert set(getattr(module, "__all__", ())) <= set(dir(module))


@pytest.mark.parametrize("page", parts(sorted(p.name for p in (ROOT / "docs").glob("*.md"))))
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
