"""Curves as data: the page shows what was simulated, what people did, and what the printed figure shows."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_hex

import cogattn as ca
from cogattn import paradigms
from cogattn.errors import InputError
from cogattn.explore import curves, plays, plots, trial
from cogattn.paradigms.base import Paradigm
from cogattn.runs.experiment import events
from cogattn.view import gantt, plot
from cogattn.view.drawn import Drawn

mpl.use("Agg")


@pytest.fixture(scope="module")
def report():
    return ca.run("whole_report", people=4, trials=6, seed=3)


def read(done):
    return curves.read(done.paradigm.drawn(done.frame))


@pytest.fixture(scope="module")
def shown(report):
    return read(report)


def test_an_arm_is_at_its_means(report, shown):
    means = report.frame.groupby(["arm", "exposure"])["score"].mean()
    for arm in ("human", "softmax"):
        line = shown.panels[0].named[arm]
        assert line.x == pytest.approx(1000 * means[arm].index.to_numpy())
        assert line.y == pytest.approx(means[arm].to_numpy())
        assert (line.color.upper(), line.mark) == (plot.pens([arm])[arm].color, plot.pens([arm])[arm].mark)


def test_people_stand_where_their_table_says(shown):
    table, stars = (
        paradigms.get("whole_report")().human().sort_values("exposure"),
        shown.panels[0].named["people"],
    )
    order = np.argsort(stars.x)
    assert stars.x[order] == pytest.approx(1000 * table["exposure"].to_numpy())
    assert sorted(stars.y) == pytest.approx(sorted(table["mean"]))
    bars = [s for s in shown.panels[0].strokes if not s.name and len(s.x) == 2 and s.x[0] == s.x[1]]
    ends = {(round(float(s.x[0]), 3), round(float(s.y.max() - s.y.min()), 6)) for s in bars}
    sd = {
        (round(1000 * float(e), 3), round(2 * float(s), 6))
        for e, s in zip(table["exposure"], table["sd"], strict=True)
    }
    assert sd <= ends


def test_the_strip_of_misfits_is_left_out_and_the_label_below_it_is_kept(shown):
    assert len(shown.panels) == 1
    assert shown.panels[0].x_label == "exposure [ms]"
    assert shown.title.startswith("Whole report: letters of 6 at 200 ms: human")


def test_the_table_puts_people_into_the_rows_of_the_arms(shown):
    table = shown.panels[0].table()
    assert len(table) == 8
    assert table.loc[16.666667, "people"] == pytest.approx(0.648, abs=0.01)  # measured at 17 ms
    assert table.notna().all().all()


def test_filled_and_hollow_marks_have_a_table_each():
    done = ca.run("visual_search", people=2, trials=2)
    tables = curves.read(done.paradigm.drawn(done.frame)).panels[2].tables()
    known = done.paradigm.human().query("display == 'spatial_2v5'").set_index(["present", "set_size"])["mean"]
    assert list(tables) == ["with a target", "without"]
    for there, table in zip((1, 0), tables.values(), strict=True):
        assert list(table.columns) == ["human", "people"]
        assert table["people"].to_numpy() == pytest.approx(1000 * known[there].to_numpy())


def test_conditions_are_told_in_words():
    said = {
        name: trial.conditions(ca.run(name, people=1, trials=1))
        for name in ("visual_search", "ant", "whole_report")
    }
    assert "display 2 among 5s, set size 12, absent" in said["visual_search"]
    assert "cue double, congruence incongruent" in said["ant"]
    assert said["whole_report"][0] == "exposure 17 ms"


# --- what the printed figure shows ---------------------------------------------------------------------------

#: A strip and one x axis; steps and rules; intervals both ways; one y axis; hollow marks; four panels; a mosaic.
KINDS = (
    "whole_report",
    "continuous_report",
    "dual_task",
    "mackworth_clock",
    "prp",
    "visual_search",
    "control_room",
)
CAPS = ("_", "|")  # matplotlib's ends of intervals


def each_kind(names):
    """Paradigms whose figures differ in kind; the others are for `nox -s slow`."""
    return [name if name in KINDS else pytest.param(name, marks=pytest.mark.slow) for name in names]


def corners(x, y):
    return tuple(round(float(end(v)), 6) for v in (x, y) for end in (np.nanmin, np.nanmax))


def printed(ax):
    """What matplotlib has drawn: points, curves, intervals and areas."""
    lines = [s for s in ax.lines if len(s.get_xdata()) and s.get_transform() == ax.transData]
    marked = [s for s in lines if s.get_marker() not in ("None", *CAPS)]
    bare = [(*corners(*s.get_data()), to_hex(s.get_color())) for s in lines if s.get_marker() == "None"]
    bars = [p.T for c in ax.collections if isinstance(c, LineCollection) for p in c.get_segments()]
    steps = [p for p in ax.patches if hasattr(p, "get_data")]
    bare += [(*corners(p.get_data()[1], p.get_data()[0]), to_hex(p.get_edgecolor())) for p in steps]
    filled = [p.vertices.T for c in ax.collections if isinstance(c, PolyCollection) for p in c.get_paths()]
    points = {
        (round(float(x), 6), round(float(y), 6), to_hex(s.get_color()), s.get_marker())
        for s in marked
        for x, y in zip(*s.get_data(), strict=True)
        if np.isfinite([x, y]).all()
    }
    ends = [corners(*p) for p in bars if p.size and np.isfinite(p).all()]
    return points, sorted(bare), sorted(ends), sorted(corners(*v) for v in filled if v.size)


def on_the_page(panel):
    """The same of a panel of the page, without what runs from side to side or from foot to head."""

    def within(shape):
        sides = (shape.x, panel.x_range), (shape.y, panel.y_range)
        return len(shape.x) and all(np.ptp(v) < 9 * (high - low) for v, (low, high) in sides)

    strokes = [s for s in panel.strokes if len(s.x) and within(s)]
    points = {
        (round(float(x), 6), round(float(y), 6), s.color, s.mark)
        for s in strokes
        for x, y in zip(s.x, s.y, strict=True)
        if s.mark not in ("", *CAPS) and np.isfinite([x, y]).all()
    }
    bare, bars = [], []
    for s in (s for s in strokes if not s.mark):
        is_bar = not s.name and len(s.x) == 2
        (bars if is_bar else bare).append(corners(s.x, s.y) if is_bar else (*corners(s.x, s.y), s.color))
    areas = sorted(corners(a.x, a.y) for a in panel.areas if within(a))
    return points, sorted(bare), sorted(bars), areas


@pytest.mark.full
@pytest.mark.parametrize("name", each_kind(paradigms.names()))
def test_the_page_shows_what_the_printed_figure_and_the_table_show(name):
    """One home: matplotlib, the page and the table of curves have the same points, intervals, areas and limits."""
    done, picture = plays.shown(plays.Play(name, ca.Observer(), full=False))
    drawn, table = done.paradigm.drawn(done.frame), done.paradigm.curves(done.frame)
    figure = drawn.figure()
    axes = figure.axes[: len(drawn.main)]
    assert picture.title == " ".join(figure.get_suptitle().split()) == " ".join(table.attrs["title"].split())
    assert 1 <= len(picture.panels) == len(axes) <= 4
    for i, (panel, ax) in enumerate(zip(picture.panels, axes, strict=True)):
        assert (panel.x_range, panel.y_range) == (pytest.approx(ax.get_xlim()), pytest.approx(ax.get_ylim()))
        assert panel.y_label == " ".join(ax.get_ylabel().split())
        on_paper, on_page = printed(ax), on_the_page(panel)
        assert on_page[0] == on_paper[0]
        for ours, theirs in zip(on_page[1:], on_paper[1:], strict=True):
            assert ours == theirs
        own = table[(table["panel"] == i) & table["y"].notna()]
        told = own.assign(x=own["x"].round(6), y=own["y"].round(6)).groupby(
            own["kind"].isin(["model", "people"])
        )
        at = {is_arm: set(zip(rows["x"], rows["y"], strict=True)) for is_arm, rows in told}
        there, arms = {point[:2] for point in on_page[0]}, at.get(True, set())
        assert (
            arms <= there <= arms | at.get(False, set())
        )  # of a law or a sitting, the table has every point
    assert set(table["kind"]) <= {"model", "people", "line", "misfit"}
    assert set(table.query("kind == 'model'")["series"]) <= {"human", "softmax"}
    bars = table.dropna(subset=["low", "high"])
    assert (bars["low"] <= bars["y"] + 1e-9).all()
    assert (bars["y"] <= bars["high"] + 1e-9).all()
    plot.close(figure)


@pytest.mark.parametrize("name", each_kind(paradigms.names()))
def test_one_trial_is_the_printed_chart(name):
    done, _ = plays.shown(plays.Play(name, ca.Observer(), full=False))
    shown = trial.timeline(done, trial.record(done, 0, 0), 0)
    figure = gantt.figure(trial.record(done, 0, 0))
    assert shown.title.endswith(" ".join(figure.get_suptitle().split()))
    for panel, ax in zip(shown.panels, figure.axes, strict=True):
        assert (panel.x_range, panel.y_range) == (pytest.approx(ax.get_xlim()), pytest.approx(ax.get_ylim()))
        assert on_the_page(panel)[0] == printed(ax)[0]
        assert on_the_page(panel)[3] == printed(ax)[3]
    words = [label.get_text() for label in figure.axes[-1].get_yticklabels()]
    assert list(shown.panels[-1].y_ticks.values()) == words
    plot.close(figure)


def test_a_sheet_draws_what_it_was_told():
    """The calls of somebody's own figure: on paper, on the page and in the table."""

    def told(ax):
        plot.arm(ax, [1, 2], [[1.0, 2.0], [3.0, 2.0]], plot.pens(["human"])["human"], "human")
        plot.people(ax, [1, 2], [2.0, 2.5], [0.5, 0.5], [4, 4])
        ax.errorbar([1.2], [2.2], yerr=[[0.1], [0.4]], fmt="ks", label="more", capsize=2)
        ax.plot([1.0, 1.5, 2.0], [1.0, np.nan, 3.0], "--", label="law")
        ax.bar([1, 2], [0.5, 0.7], color="0.5", alpha=0.5)
        ax.axhline(1.5, ls=":", c="gray")
        ax.axvspan(1.1, 1.3)
        ax.set(xlabel="x", ylim=(0, None))
        ax.set_xticks([1, 2], ["one", "two"])
        ax.grid(visible=False)

    drawn = Drawn.of("told", [told])
    panel = curves.read(drawn).panels[0]
    figure = drawn.figure()
    ax = figure.axes[0]
    assert (panel.x_range, panel.y_range) == (pytest.approx(ax.get_xlim()), pytest.approx(ax.get_ylim()))
    assert panel.x_ticks == {1.0: "one", 2.0: "two"}
    assert on_the_page(panel)[0] == printed(ax)[0]
    assert on_the_page(panel)[2] == printed(ax)[2]
    assert sorted(panel.named) == ["human", "law", "more", "people"]
    assert [(s.dash, s.color) for s in panel.strokes if s.dash == ":"] == [(":", "#808080")]
    assert [corners(a.x, a.y)[2:] for a in panel.areas if a.color == "#808080"] == [(0.0, 0.5), (0.0, 0.7)]
    plot.close(figure)
    table = drawn.table()
    assert table.query("kind == 'model'")["y"].tolist() == [2.0, 2.0]
    assert table.query("kind == 'model'")["below"].tolist() == pytest.approx([2 - 2**0.5, 2.0])
    assert table.query("kind == 'people'")["above"].tolist() == [2.5, 3.0]
    assert table.attrs["panels"][0]["ylim"] == (0, None)


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda ax: ax.hexbin([1], [2]), r"cannot draw ax.hexbin\(...\); it draws plot, errorbar"),
        (lambda ax: ax.axhline(0.5, 0.1, 0.9), "cannot draw ax.axhline"),
    ],
)
def test_what_the_page_cannot_draw_is_told_in_words(draw, words):
    with pytest.raises(InputError, match=words):
        curves.read(Drawn.of("own", [draw]))


def test_a_panel_as_wide_as_the_page_is_told():
    picture = plays.shown(plays.Play("control_room", ca.Observer(), full=False))[1]
    assert [panel.wide for panel in picture.panels] == [False, False, True]
    assert not plays.shown(plays.Play("prp", ca.Observer(), full=False))[1].panels[1].wide


def test_a_figure_of_its_own_has_no_curves_and_says_so():
    done = ca.run(paradigms.get("control_room")(loads=(1,), minutes=1.0), "human", people=1)
    with pytest.raises(InputError, match="figure of its own"):
        Paradigm.drawn(done.paradigm, done.frame)


def test_a_rule_spans_more_than_the_axes():
    def told(ax):
        ax.plot([0, 10], [0, 1], label="a")
        ax.axhline(0.5)
        ax.axvspan(2, 4)

    panel = curves.read(Drawn.of("", [told])).panels[0]
    rule = panel.strokes[1]
    assert rule.y == pytest.approx([0.5, 0.5])
    assert rule.x[0] < -100
    assert rule.x[1] > 100
    assert sorted(set(panel.areas[0].x)) == [2, 4]
    assert max(panel.areas[0].y) > 10


def test_the_moment_of_each_slot_is_on_the_strip(report):
    record = events(report, "human", 5, 1, 2)
    panel = trial.timeline(report, trial.record(report, 5, 1 + 4 * 2), 1 + 4 * 2).panels[0]
    dots = sorted(float(x) for s in panel.strokes if s.mark == "o" for x in s.x)
    assert dots == pytest.approx(sorted(1000 * record.loc[record["kind"] == "encode", "time"]))


def test_answers_are_on_the_strip():
    done = plays.trials(plays.Play("prp", ca.Observer(), full=False))
    panel = trial.timeline(done, trial.record(done, 0, 0), 0).panels[0]
    rows = {word: at for at, word in panel.y_ticks.items()}
    answered = {y: x for s in panel.strokes if s.mark == "D" for x, y in zip(s.x, s.y, strict=True)}
    assert set(answered) == {rows["choice 1: S1"], rows["choice 2: S2"]}
    rt = done.frame.query("arm == 'human' and person == 0 and trial == 0").iloc[0]
    assert answered[rows["choice 1: S1"]] == pytest.approx(1000 * rt["rt1"], abs=0.01)


def test_greys_are_mirrored_on_dark_paper_and_colours_are_not():
    assert plots.ink("#0072B2", True) == "#0072B2"
    assert plots.ink("#111111", False) == "#111111"
    lightness = [int(plots.ink(g, True)[1:3], 16) for g in ("#111111", "#999999", "#eeeeee")]
    assert lightness == sorted(lightness, reverse=True)
    assert lightness[0] > 200


def test_a_plot_changes_in_place(shown):
    pytest.importorskip("bokeh", reason="needs the extra: pip install 'cogattn[explore]'")
    canvas = plots.Canvas(200)
    sources = {kind: source.id for kind, source in canvas.sources.items()}
    canvas.show(shown.panels[0], dark=False)
    first = dict(canvas.sources["points"].data)
    other = read(ca.run("whole_report", people=4, trials=6, observer=ca.Observer(capacity=20.0)))
    canvas.show(other.panels[0], dark=False, keep=True)
    assert {kind: source.id for kind, source in canvas.sources.items()} == sources
    moved = [
        y for y, n in zip(canvas.sources["points"].data["y"], first["name"], strict=True) if n == "human"
    ]
    assert moved == pytest.approx(list(other.panels[0].named["human"].y))
    assert moved != [y for y, n in zip(first["y"], first["name"], strict=True) if n == "human"]
