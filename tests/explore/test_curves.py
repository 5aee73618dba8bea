"""Curves as data: what is read off a figure is what was simulated and what people did."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest

import cogattn as ca
from cogattn import paradigms
from cogattn.explore import curves, plays, plots, trial
from cogattn.runs.experiment import events
from cogattn.view import plot
from cogattn.view.drawn import Drawn

mpl.use("Agg")


@pytest.fixture(scope="module")
def report():
    return ca.run("whole_report", people=4, trials=6, seed=3)


@pytest.fixture(scope="module")
def shown(report):
    return curves.read(report.plot())


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


@pytest.mark.parametrize("name", paradigms.names())
def test_every_paradigm_has_its_curves(name):
    done, picture = plays.shown(plays.Play(name, ca.Observer(), full=False))
    assert picture.title
    assert 1 <= len(picture.panels) <= 4
    for panel in picture.panels:
        assert any(np.isfinite(s.y).any() for s in panel.strokes), panel.y_label
        assert all(np.isfinite(panel.x_range + panel.y_range))
    first = trial.timeline(done, 0, 0)
    assert first.title
    assert [s for s in first.panels[0].strokes if len(s.x)] or first.panels[0].areas


@pytest.mark.parametrize("name", [n for n in paradigms.names() if n != "control_room"])
def test_the_table_of_curves_is_what_the_figure_shows(name):
    """Made once: the figure is drawn from the same calls, so that its marks lie at the table's numbers."""
    done, picture = plays.shown(plays.Play(name, ca.Observer(), full=False))
    table = done.paradigm.curves(done.frame)
    assert " ".join(table.attrs["title"].split()) == picture.title
    assert set(table["kind"]) <= {"model", "people", "line", "misfit"}
    assert set(table.query("kind == 'model'")["series"]) <= {"human", "softmax"}
    for i, panel in enumerate(picture.panels):
        own = table[table["panel"] == i]
        marks = [s for s in panel.strokes if s.mark not in ("", "|") and len(s.x)]  # | is the end of a bar
        there = {
            (round(x, 9), round(y, 9)) for s in marks for x, y in zip(s.x, s.y, strict=True) if np.isfinite(y)
        }
        told = own[own["kind"].isin(["model", "people"]) & own["y"].notna()]
        assert {(round(x, 9), round(y, 9)) for x, y in zip(told["x"], told["y"], strict=True)} == there
        assert table.attrs["panels"][i].get("ylabel", "").split() == panel.y_label.split()
    bars = table.dropna(subset=["low", "high"])
    assert (bars["low"] <= bars["y"] + 1e-9).all()
    assert (bars["y"] <= bars["high"] + 1e-9).all()


def test_a_sheet_draws_what_it_was_told():
    """The same calls on paper and on an Axes give the same marks, and a figure without curves as data says so."""

    def told(ax):
        plot.arm(ax, [1, 2], [[1.0, 2.0], [3.0, 2.0]], plot.pens(["human"])["human"], "human")
        plot.people(ax, [1, 2], [2.0, 2.5], [0.5, 0.5], [4, 4])
        ax.axhline(1.5)
        ax.set(xlabel="x", ylim=(0, None))
        ax.set_xticks([1, 2], ["one", "two"])

    drawn = Drawn.of("told", [told])
    once = curves.read(drawn.figure())
    with plot.style() as plt:
        figure, ax = plt.subplots(1, 1, figsize=(6.4, 4.4), squeeze=False)
        told(ax[0, 0])
        twice = curves.read(plot.finish(figure, [ax[0, 0]], "told"))
    assert once.title == twice.title == "told"
    assert once.panels[0].x_ticks == twice.panels[0].x_ticks == {1.0: "one", 2.0: "two"}
    assert once.panels[0].y_range == twice.panels[0].y_range
    for a, b in zip(once.panels[0].strokes, twice.panels[0].strokes, strict=True):
        assert (a.name, a.color, a.dash, a.mark) == (b.name, b.color, b.dash, b.mark)
        assert np.array_equal(a.y, b.y)
    table = drawn.table()
    assert table.query("kind == 'model'")["y"].tolist() == [2.0, 2.0]
    assert table.query("kind == 'model'")["below"].tolist() == pytest.approx([2 - 2**0.5, 2.0])
    assert table.query("kind == 'people'")["above"].tolist() == [2.5, 3.0]
    assert table.attrs["panels"][0]["ylim"] == (0, None)
    done = ca.run(paradigms.get("control_room")(loads=(1,), minutes=1.0), "human", people=1)
    with pytest.raises(NotImplementedError, match="figure of its own"):
        done.paradigm.curves(done.frame)


def test_a_rule_spans_more_than_the_axes(report):
    with plot.style() as plt:
        figure, ax = plt.subplots()
        ax.plot([0, 10], [0, 1], label="a")
        ax.axhline(0.5)
        ax.axvspan(2, 4)
    panel = curves.read(figure).panels[0]
    rule = panel.strokes[1]
    assert rule.y == pytest.approx([0.5, 0.5])
    assert rule.x[0] < -100
    assert rule.x[1] > 100
    assert sorted(set(panel.areas[0].x)) == [2, 4]
    assert max(panel.areas[0].y) > 10


def test_the_moment_of_each_slot_is_on_the_strip(report):
    record = events(report, "human", 5, 1, 2)
    panel = trial.timeline(report, 5, 1 + 4 * 2).panels[0]
    dots = sorted(float(x) for s in panel.strokes if s.mark == "o" for x in s.x)
    assert dots == pytest.approx(sorted(1000 * record.loc[record["kind"] == "encode", "time"]))


def test_answers_are_on_the_strip():
    done = plays.trials(plays.Play("prp", ca.Observer(), full=False))
    panel = trial.timeline(done, 0, 0).panels[0]
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
    other = curves.read(
        ca.run("whole_report", people=4, trials=6, observer=ca.Observer(capacity=20.0)).plot()
    )
    canvas.show(other.panels[0], dark=False, keep=True)
    assert {kind: source.id for kind, source in canvas.sources.items()} == sources
    moved = [
        y for y, n in zip(canvas.sources["points"].data["y"], first["name"], strict=True) if n == "human"
    ]
    assert moved == pytest.approx(list(other.panels[0].named["human"].y))
    assert moved != [y for y, n in zip(first["y"], first["name"], strict=True) if n == "human"]
