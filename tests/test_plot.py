"""The pens: one style for every figure, and the user's own settings left alone."""

from __future__ import annotations

import warnings
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import stats

from cogattn import paradigms
from cogattn.errors import RunError
from cogattn.mind import events as mind_events
from cogattn.runs.experiment import run
from cogattn.view import gantt, plot
from cogattn.view.plot import close


@pytest.fixture(scope="module")
def trials():
    return run(paradigms.get("whole_report")(exposures=(0.02, 0.1, 0.2)), people=4, trials=5)


def test_style_leaves_the_users_settings_alone(trials, tmp_path):
    before = dict(mpl.rcParams)
    close(trials.plot())
    plot.save(trials.plot(), tmp_path, "x")
    assert dict(mpl.rcParams) == before


@pytest.mark.usefixtures("all_formats")
def test_figures_are_written_as_png_of_1600_px_as_svg_and_as_pdf(trials, tmp_path):
    png, svg, pdf = plot.save(trials.plot(), tmp_path / "new", "figure")
    with Image.open(png) as image:
        assert 1400 < image.size[0] <= plot.WIDEST
    with plot.style() as plt:
        figure = plt.figure(figsize=(9.6, 2))
        figure.text(1.3, 0.5, "what stands beside the figure is saved with it")
        assert Image.open(plot.save(figure, tmp_path, "beyond")[0]).size[0] <= plot.WIDEST
        narrow, _, _ = plot.save(plt.figure(figsize=(2, 2)), tmp_path, "narrow")
    with Image.open(narrow) as image:
        assert image.info["dpi"][0] == pytest.approx(300, abs=1)
    assert svg.read_text(encoding="utf-8").startswith("<?xml")
    assert "exposure [ms]" in svg.read_text(encoding="utf-8")  # text stays text
    assert pdf.read_bytes().startswith(b"%PDF")


@pytest.mark.full
@pytest.mark.usefixtures("all_formats")
def test_the_same_figure_gives_the_same_files(trials, tmp_path):
    a, b = ([path.read_bytes() for path in plot.save(trials.plot(), tmp_path / n, "figure")] for n in "ab")
    assert a == b


def test_a_saved_figure_is_laid_out_anew_when_it_is_drawn_again(trials, tmp_path):
    figure = trials.plot()
    before = figure.get_layout_engine()
    plot.save(figure, tmp_path, "figure")
    assert figure.get_layout_engine() is before is not None


def test_a_folder_that_cannot_be_written_is_named(trials, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot write the figure"):
        plot.save(trials.plot(), tmp_path / "file", "figure")


def test_an_arm_is_drawn_at_its_mean_with_the_spread_between_people(trials):
    top = trials.plot().axes[0]
    frame = trials.frame.query("arm == 'human'")
    by = frame.groupby(["exposure", "person"])["score"].mean().unstack()
    line = next(li for li in top.get_lines() if li.get_label() == "human")
    assert line.get_ydata() == pytest.approx(by.mean(axis=1).to_numpy())
    (band,) = [c for c in top.collections if c.get_label() == "_band"]
    assert band.get_paths()[0].vertices[:, 1].max() == pytest.approx((by.mean(axis=1) + by.std(axis=1)).max())


def luminance(color):
    """WCAG's relative luminance, 0 (black) to 1 (white): what is left of a colour in grey print."""
    rgb = np.array(mpl.colors.to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_arms_can_be_told_in_grey():
    arms = ["human", "softmax", *(f"arm {i}" for i in range(12))]
    pens = plot.pens(arms)
    assert len({(str(p.dash), p.mark) for p in pens.values()}) == len(arms)
    assert len({p.mark for p in list(pens.values())[:7]}) == 7
    assert all(1.05 / (luminance(p.color) + 0.05) > 2 for p in pens.values())  # its contrast on white paper
    assert plot.pens(["softmax", "x", "human"])["human"][:3] == pens["human"][:3]
    assert luminance(plot.PEOPLE) < 0.01 < min(luminance(p.color) for p in pens.values())


def test_the_interval_is_that_of_a_mean():
    y = np.random.default_rng(1).normal(size=9)
    half = plot.interval(y.std(ddof=1), 9)
    low, high = stats.t.interval(0.95, 8, y.mean(), stats.sem(y))
    assert float(half) == pytest.approx((high - low) / 2)


def test_what_is_missing_counts_for_nothing():
    with plot.style() as plt:
        _, ax = plt.subplots()
        plot.arm(ax, [1, 2, 3], [[1, 2, np.nan], [3, np.nan, np.nan]], plot.pens(["a"])["a"], "a")
    assert ax.get_lines()[0].get_ydata() == pytest.approx([2, 2, np.nan], nan_ok=True)
    close(ax.figure)


def test_people_without_a_table_of_their_own_do_not_stand_in_the_figure():
    other = run(paradigms.get("whole_report")(set_size=4), people=2, trials=2)
    figure = other.plot()
    assert not [line for line in figure.axes[0].get_lines() if line.get_marker() == "*"]
    assert "[ms]" in figure.axes[0].get_xlabel()


# --- pictures: the marks, pixel by pixel -------------------------------------------------------------------


BASELINE = Path(__file__).parent / "baseline"


def marks():
    """Every mark there is, with numbers that are fixed."""
    with plot.style() as plt:
        figure, (ax, strip) = plt.subplots(2, 1, figsize=(4, 4), height_ratios=[4, 1], layout="none")
        pens, x = plot.pens(["human", "softmax", "a", "b"]), np.arange(4.0)
        for i, (arm, pen) in enumerate(pens.items()):
            y = np.array([[0, 1, 3, 4], [1, 2, 4, 6], [0, 3, 4, 8]]) - 3 * i
            plot.arm(ax, x + 0.06 * i, y, pen, arm, band=i == 0, hollow=i > 0)
        plot.people(ax, x, [1, 2, 4, 5], [1, 1, 2, 1], [9, 9, 9, 9])
        plot.misfit(strip, x, {"human": [-1, 0, 3, 20], "softmax": [2, 4, -30, 0]}, pens)
    return figure


def chart():
    """A Gantt chart of two tasks, a store of two, a lapse and the central stage."""
    return gantt.figure(told())


def told():
    """A record told by hand: kind, element, time [ms], slot."""
    rows = [("onset", "A", 0, -1), ("onset", "B", 20, -1), ("open", "A", 10, -1), ("open", "B", 30, -1)]
    rows += [("encode", "A", 60, 0), ("full", "B", 90, -1), ("ready", "A", 100, -1), ("lapse", "", 120, -1)]
    rows += [
        ("choose", "A", 300, -1),
        ("return", "", 320, -1),
        ("respond", "A", 380, -1),
        ("mask", "B", 400, -1),
    ]
    rows = sorted([*rows, ("end", "", 500, -1)], key=lambda row: row[2])
    kind, element, time, slot = zip(*rows, strict=True)
    record = pd.DataFrame(
        {"person": 0, "trial": 0, "time": np.array(time) / 1000, "kind": kind, "element": element}
    )
    record["kind"] = pd.Categorical(record["kind"], categories=list(mind_events.KINDS.values()))
    task = ["left" if e == "A" else "right" if e else "" for e in element]
    return record.assign(task=pd.Categorical(task), slot=slot)


def pixels(figure):
    """A figure without its words, whose letters differ from machine to machine."""
    for text in figure.findobj(mpl.text.Text):
        text.set_visible(False)
    for legend in list(figure.legends):
        legend.remove()
    figure.set_layout_engine("none")
    figure.set_dpi(90)
    for ax in figure.axes:
        ax.tick_params(length=0, labelsize=0)
    figure.canvas.draw()
    drawn = np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(float)
    close(figure)
    return drawn


@pytest.mark.parametrize("picture", [marks, chart], ids=lambda p: p.__name__)
def test_the_marks_look_as_they_did(picture):
    """`MPLBACKEND=agg python tests/test_plot.py` draws the pictures anew; then look at them."""
    drawn = pixels(picture())
    with Image.open(BASELINE / f"{picture.__name__}.png") as image:
        wanted = np.asarray(image.convert("RGB")).astype(float)
    assert drawn.shape == wanted.shape
    inked = (np.minimum(drawn, wanted) < 250).any(-1)
    other = (np.abs(drawn - wanted) > 64).any(-1)
    assert other.sum() < 0.015 * inked.sum()  # edges are smoothed a little differently by other versions


if __name__ == "__main__":
    BASELINE.mkdir(exist_ok=True)
    for picture in (marks, chart):
        Image.fromarray(pixels(picture()).astype(np.uint8)).save(BASELINE / f"{picture.__name__}.png")


def font(path, name):
    """A font of one letter, as small as they get."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 900), (900, 900), (900, 0)):
        pen.lineTo(corner)
    pen.closePath()
    made = FontBuilder(1000, isTTF=True)
    made.setupGlyphOrder([".notdef", "zhu"])
    made.setupCharacterMap({ord("注"): "zhu"})
    made.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "zhu": pen.glyph()})
    made.setupHorizontalMetrics({".notdef": (1000, 0), "zhu": (1000, 0)})
    made.setupHorizontalHeader(ascent=900, descent=-100)
    made.setupNameTable({"familyName": name, "styleName": "Regular"})
    made.setupOS2()
    made.setupPost()
    made.save(path)


def test_chinese_letters_are_drawn_with_a_font_that_has_them(tmp_path, monkeypatch, caplog):
    """Where one is installed; it has no bold, and no run need say so."""
    from matplotlib import font_manager

    manager = font_manager.fontManager
    monkeypatch.setattr(manager, "ttflist", [f for f in manager.ttflist if f.name not in plot.CHINESE])
    plot._chinese.cache_clear()
    assert plot._chinese() == []
    font(tmp_path / "zhu.ttf", plot.CHINESE[4])
    manager.addfont(tmp_path / "zhu.ttf")
    plot._chinese.cache_clear()
    try:
        assert plot._chinese() == [plot.CHINESE[4]]
        with plot.style() as plt, warnings.catch_warnings():
            warnings.simplefilter("error")  # "Glyph missing from font"
            figure = plt.figure(figsize=(2, 2))
            figure.suptitle("注 is attention", fontweight="bold")
            plot.save(figure, tmp_path, "title")
        assert "weight" not in caplog.text
    finally:
        plot._chinese.cache_clear()
