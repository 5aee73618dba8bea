"""What the repository keeps of its runs: `results/reference/lean.py`."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

REFERENCE = Path(__file__).parents[1] / "results" / "reference"


@pytest.fixture(scope="module")
def lean():
    spec = importlib.util.spec_from_file_location("lean", REFERENCE / "lean.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_picture_is_kept_if_and_only_if_a_page_shows_it(lean):
    kept = set(REFERENCE.rglob("*.png"))
    assert lean.linked() <= kept <= lean.shown()
    assert REFERENCE / "scorecard" / "figures" / "scorecard.png" in lean.linked()


def test_every_picture_has_the_one_size_and_few_colours(lean):
    for path in REFERENCE.rglob("*.png"):
        with Image.open(path) as image:
            assert image.width <= lean.WIDTH, path
            assert image.mode == "P", path


def test_of_a_run_its_tables_and_texts_are_kept(lean, tmp_path):
    run, kept = tmp_path / "run", tmp_path / "kept"
    for name in (
        "summary.csv", "config.toml", "provenance.json", "findings.txt", "done.json", "trials.csv.gz",
        "trials.parquet", "people.csv", "parts/0.csv", "figures/x.svg", "figures/x.pdf", "figures/x.png",
    ):  # fmt: skip
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_text(name)
    (kept / "old").mkdir(parents=True)
    lean.keep(run, kept)
    assert {p.relative_to(kept).as_posix() for p in kept.rglob("*")} == {
        "summary.csv", "config.toml", "provenance.json", "findings.txt",
    }  # fmt: skip
    assert (kept / "summary.csv").read_text() == "summary.csv"


def test_a_shown_picture_is_shrunk_on_white_and_then_stays(lean, tmp_path, monkeypatch):
    run, kept = tmp_path / "run", tmp_path / "kept"
    (run / "figures").mkdir(parents=True)
    pixels = np.zeros((1000, 2400, 4), np.uint8)
    pixels[:, :1200] = (0, 114, 178, 255)  # the left half blue, the right half nothing at all
    Image.fromarray(pixels).save(run / "figures" / "x.png")
    shown = kept / "figures" / "x.png"
    monkeypatch.setattr(lean, "shown", lambda: {shown})
    lean.keep(run, kept)
    with Image.open(shown) as image:
        assert image.size == (1200, 500)
        left, right = (image.convert("RGB").getpixel((x, 250)) for x in (100, 1100))
    assert np.abs(np.subtract(left, (0, 114, 178))).max() <= 2
    assert right == (255, 255, 255)
    before = shown.read_bytes()
    lean.keep(kept, kept)
    assert shown.read_bytes() == before


def test_a_mark_in_a_legend_keeps_its_colour(lean, tmp_path):
    """Few pixels of it, beside many shades of others."""
    pixels = np.full((600, 1200, 3), 255, np.uint8)
    shades = np.linspace(0, 1, 1000)[:, None]
    pixels[:200, :1000] = 255 + shades * (np.array([0, 114, 178]) - 255)
    pixels[200:400, :1000] = 255 - 255 * shades
    pixels[500:508, 600:620] = (213, 94, 0)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    lean.shrink(tmp_path / "x.png", tmp_path / "few.png")
    with Image.open(tmp_path / "few.png") as image:
        assert np.abs(np.subtract(image.convert("RGB").getpixel((610, 504)), (213, 94, 0))).max() <= 4
