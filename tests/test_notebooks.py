"""The notebooks of the four paths: docs/paths.md makes them, and each runs to its end."""

from __future__ import annotations

import importlib.util
import json
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NAMES = ["my_data", "my_scenario", "my_transformer", "my_class"]


@pytest.fixture(scope="module")
def maker():
    spec = importlib.util.spec_from_file_location("notebooks", ROOT / "docs" / "notebooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_notebooks_are_those_of_the_page(maker):
    kept = {p.name: p.read_text("utf-8") for p in (ROOT / "notebooks").glob("*.ipynb")}
    assert sorted(kept) == sorted(f"{name}.ipynb" for name in NAMES)
    assert kept == maker.made(), "run: python docs/notebooks.py"


def test_links_of_a_notebook_lead_somewhere(maker):
    cells = [cell for text in maker.made().values() for cell in json.loads(text)["cells"]]
    texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    links = [link for text in texts for link in re.findall(r"\]\(([^)#]+)", text)]
    assert len(links) >= 3
    assert [link for link in links if not (ROOT / "notebooks" / link).exists()] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_to_its_end(name, tmp_path, monkeypatch):
    nbformat = pytest.importorskip("nbformat", reason="needs the extra: pip install 'cogattn[notebooks]'")
    nbclient = pytest.importorskip("nbclient", reason="needs the extra: pip install 'cogattn[notebooks]'")
    pytest.importorskip("ipykernel", reason="needs the extra: pip install 'cogattn[notebooks]'")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    book = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", 4)
    nbformat.validate(book)
    nbclient.NotebookClient(book, timeout=800, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [o for cell in book.cells if cell.cell_type == "code" for o in cell.outputs]
    assert shown
    assert name == "my_transformer" or any("image/png" in o.get("data", {}) for o in shown)
    assert {p.name for p in tmp_path.iterdir()} <= {"tried"}  # and nothing beside it
