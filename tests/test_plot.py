"""The pens: one style for every figure, and the user's own settings left alone."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from cogattn import paradigms, plot
from cogattn.errors import RunError
from cogattn.experiment import events, run
from cogattn.plot import close


@pytest.fixture(scope="module")
def trials():
    return run(paradigms.get("whole_report")(exposures=(0.02, 0.1, 0.2)), people=4, trials=5)


def test_style_leaves_the_users_settings_alone(trials, tmp_path):
    before = dict(mpl.rcParams)
    close(trials.plot())
    plot.save(trials.plot(), tmp_path, "x")
    assert dict(mpl.rcParams) == before


def test_figures_are_written_as_png_at_300_dpi_and_as_svg(trials, tmp_path):
    png, svg = plot.save(trials.plot(), tmp_path / "new", "figure")
    with Image.open(png) as image:
        assert image.info["dpi"][0] == pytest.approx(300, abs=1)
    assert svg.read_text(encoding="utf-8").startswith("<?xml")


def test_the_same_figure_gives_the_same_svg(trials, tmp_path):
    a, b = (plot.save(trials.plot(), tmp_path / n, "figure")[1].read_bytes() for n in "ab")
    assert a == b


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
    band = top.collections[0].get_paths()[0].vertices[:, 1]
    assert band.max() == pytest.approx((by.mean(axis=1) + by.std(axis=1)).max())


def test_people_without_a_table_of_their_own_do_not_stand_in_the_figure():
    other = run(paradigms.get("whole_report")(set_size=4), people=2, trials=2)
    figure = other.plot()
    assert not [line for line in figure.axes[0].get_lines() if line.get_marker() == "*"]
    assert "[ms]" in figure.axes[0].get_xlabel()


def test_a_timeline_shows_who_got_a_slot_and_when(trials):
    record = events(trials, "human", 2, 0, 0)
    ax = plot.timeline(record).axes[0]
    dots = sorted(float(np.asarray(li.get_xdata())[0]) for li in ax.get_lines() if li.get_marker() == "o")
    encoded = record[record["kind"].astype(str) == "encode"]["time"] * 1000
    assert dots == pytest.approx(sorted(encoded))
    assert ax.get_xlabel() == "time [ms]"
