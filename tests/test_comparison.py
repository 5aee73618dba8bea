"""The main comparison: its table, its words, its picture."""

from __future__ import annotations

import numpy as np
import pytest

from cogattn.paradigms.conflict import Flanker
from cogattn.paradigms.vigilance import Vigilance
from cogattn.paradigms.visual_search import VisualSearch
from cogattn.reports import compare as comparing
from cogattn.reports.compare import ALONE, compare
from cogattn.view import plot
from cogattn.view.plot import PEOPLE, pens


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A small comparison in its folder, with its figures in two formats."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plot, "FORMATS", ("png", "svg"))
        return compare("digit_reader", people=4, trials=6, out=tmp_path_factory.mktemp("compare"))


def test_the_table_has_people_bands_arms_and_the_account(small):
    table = small.table()
    assert len(table) == 10
    assert {"paradigm", "metric", "people", "low", "high", "arm human", "arm softmax", f"arm {ALONE}"} <= set(
        table
    )
    assert (table["arrived"] == table["answered"] + table["missed"] + table["censored"]).all()
    assert table["human inside"].notna().sum() == 6
    assert (
        table["human inside"].isna().sum() == 4
    )  # exposures for which there is no band are neither in nor out


def test_the_table_holds_the_means_of_the_trials(small):
    frame = small.frame("whole_report")
    row = small.table().query("metric == 'letters reported at 150 ms'").iloc[0]
    for arm in ("human", "softmax", ALONE):
        mean = frame[(frame["arm"] == arm) & np.isclose(frame["exposure"], 0.15)]["score"].mean()
        assert row[f"arm {arm}"] == pytest.approx(mean)


def test_the_words_count_what_the_table_counts(small):
    table = small.table()
    inside, soft = table["human inside"].sum(), table["softmax inside"].sum()
    assert f"inside {inside} of 6" in small.findings()[0]
    assert f"inside {soft}" in small.findings()[0]


def test_the_figure_shows_people_and_every_arm_with_the_numbers_of_the_table(small):
    figure = small.plot()
    top = figure.axes[0]
    lines = {line.get_label(): line for line in top.get_lines()}
    table = small.table().query("paradigm == 'whole_report'")
    for arm in ("human", "softmax", ALONE):
        assert lines[arm].get_ydata() == pytest.approx(table[f"arm {arm}"].to_numpy())
    stars = [line for line in top.get_lines() if line.get_marker() == "*"]
    assert len(stars) == 1
    assert stars[0].get_color() == PEOPLE
    assert sorted(stars[0].get_ydata()) == pytest.approx(sorted(table["people"]), abs=0.006)
    assert "[ms]" in figure.axes[2].get_xlabel()
    assert "targets reported" in top.get_ylabel()
    assert "inside" in figure.get_suptitle()


def test_arms_differ_in_colour_and_mark_and_dash(small):
    known = pens(["human", "softmax", ALONE, "slots", "capacity"])
    for field in ("color", "mark", "dash"):
        assert len({str(getattr(p, field)) for p in known.values()}) == 5


@pytest.mark.full
def test_a_comparison_leaves_a_folder_that_says_it_all(small):
    done = small
    names = {p.relative_to(done.folder).as_posix() for p in done.folder.rglob("*") if p.is_file()}
    assert {"summary.csv", "findings.txt", "figures/compare.png", "figures/compare.svg", "done.json"} <= names
    assert {f"{run}/done.json" for run in done.runs} <= names
    assert not [
        name for name in names if name.endswith("png") and not name.startswith("figures/")
    ]  # they are parts


@pytest.mark.full
def test_a_stopped_comparison_goes_on_to_the_same_numbers(tmp_path, small):
    class Stop(Exception):
        pass

    def tick(done, total):
        assert total == 8 * 2 + 8 + 2 * 2 + 2
        if done == 20:
            raise Stop

    with pytest.raises(Stop):
        compare("digit_reader", people=4, trials=6, out=tmp_path, progress=tick)
    again = compare("digit_reader", people=4, trials=6, out=tmp_path, resume=True)
    assert len(list((tmp_path / "compare").iterdir())) == 1
    assert again.table().equals(small.table())


HOUR = Vigilance.sight.options


@pytest.fixture(scope="module")
def looked():
    """Who is compared if nobody is named, in the same tasks made short."""
    short = {
        VisualSearch: {"trials": 2, "set_sizes": (3, 6)},
        Flanker: {"trials": 30},
        Vigilance: {"blocks": 7},
    }
    with pytest.MonkeyPatch.context() as patch:
        for kind, options in short.items():
            patch.setattr(kind, "sight", kind.sight._replace(options=options))
        patch.setattr(comparing, "FEW", 2)
        yield compare(trials=2)


@pytest.mark.full
def test_without_a_name_it_is_the_seer_on_displays_and_on_a_stream(looked):
    assert looked.model == "seer"
    assert looked.tasks == ["whole_report", "partial_report", "visual_search", "flanker", "vigilance"]
    blocks = looked.frame("vigilance")
    assert set(blocks["arm"]) == {"human", "softmax", ALONE}
    assert blocks["block"].nunique() == 7
    assert blocks["person"].nunique() == 2
    assert "An hour's stream. Vigilance, last minus first block." in looked.findings()[-1]


def test_the_stream_lasts_an_hour():
    watch = Vigilance(**HOUR)
    assert 3600 <= watch.blocks * watch.minutes * 60 < 3900


@pytest.mark.full
def test_an_hours_watch_is_held_against_the_half_hour_that_people_watched(looked):
    row = looked.table().query("metric == 'hits last minus first block'").iloc[0]
    signals = looked.frame("vigilance").query("arm == 'human' and signal and decide")
    hits = signals.groupby("block")["responded"].mean()
    assert row["arm human"] == pytest.approx(hits[5] - hits[0])
    assert np.isfinite(row["low"])


@pytest.mark.full
def test_the_seers_figure_has_four_panels_and_its_table_five_tasks(looked):
    figure = looked.plot()
    titles = [ax.get_title("left").split(":")[0] for ax in figure.axes]
    assert titles == ["Whole report", "Search", "Flankers", "An hour's watch (people"]
    assert looked.table()["paradigm"].nunique() == 5
    assert len(figure.get_suptitle()) < 100


@pytest.mark.full
def test_its_panel_of_search_shows_displays_with_a_target_only(looked):
    search = looked.plot().axes[1]
    stars = [line for line in search.get_lines() if line.get_marker() == "*"]
    own = VisualSearch().human().query("display == 'spatial_2v5' and present == 1")
    assert len(stars) == 1
    assert stars[0].get_ydata() == pytest.approx(1000 * own["mean"].to_numpy())
    assert not [line for line in search.get_lines() if line.get_markerfacecolor() == "white"]
